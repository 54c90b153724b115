//! Portal: what people and their tools find in the bucket beside the data.
//!
//! Takes the newest table indexes, the contracts and the results of runs; makes `index.html` and `datapackage.json` of the
//! bucket, the quality page of a dataset, and `quality.dqv.ttl` of a partition. All of them are views: they are made from
//! what is in the bucket alone, without a clock, so they are the same whichever run wrote them.

pub mod dqv;
pub mod home;
pub mod quality_page;

use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::report::quality::Quality;
use crate::report::results::{Form, path};
use crate::report::{json, junit};
use home::Site;

/// Writes the results of a run in all forms, if they do not say this already. The JSON comes last: who finds it finds the
/// others.
pub fn write_results(bucket: &Bucket, site: &Site, quality: &Quality) -> Result<(), PublishError> {
    let path = |form| path(&quality.dataset, quality.date, form);
    bucket.put(&path(Form::Junit), junit::write(quality).into())?;
    bucket.put(&path(Form::Dqv), dqv::write(quality, site.base_url.as_deref()).into())?;
    bucket.put(&path(Form::Json), json::write(quality).into())
}
