//! The records of the runs whose files are current, for the forms of other tools.

use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::ledger::record::v1::FORMAT;
use crate::ledger::{Kind, RunRecord, record_key};
use crate::pipeline::recorded;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::log::Heads;
use crate::time::ServiceDate;

/// The records of the runs that made the current files of a dataset, or of all of them, each once; the oldest date first, of a date in
/// the order in which they were begun.
///
/// # Errors
/// The bucket cannot be read; a record is gone or is not what its name says.
pub(crate) fn current(
    bucket: &Bucket,
    dataset: Option<&str>,
    date: Option<ServiceDate>,
) -> Result<Vec<(Digest, RunRecord)>, PublishError> {
    let datasets = dataset.map_or_else(|| bucket.folders("meta"), |dataset| Ok([dataset.to_owned()].into()))?;
    let (mut keys, heads) = (BTreeSet::new(), Heads::read(bucket)?);
    for dataset in datasets {
        for table in bucket.folders(&format!("meta/{dataset}"))? {
            let current = heads.current(bucket, &dataset, &table)?;
            let files = current.into_iter().flat_map(|index| index.files);
            keys.extend(
                files.filter(|file| date.is_none_or(|date| file.partition_date == date)).map(|file| file.record),
            );
        }
    }
    let mut records = Vec::new();
    for key in keys {
        records.extend(of_run(bucket, &key)?);
    }
    records.sort_by_key(|(digest, record)| (record.date, record.started_at, *digest));
    Ok(records)
}

/// One record by its digest; none where it is no run's.
///
/// # Errors
/// As [`current`].
pub(crate) fn one(bucket: &Bucket, digest: Digest) -> Result<Option<(Digest, RunRecord)>, PublishError> {
    of_run(bucket, &record_key(&digest))
}

/// None of a record of something else: the tables of the publication have such.
fn of_run(bucket: &Bucket, key: &str) -> Result<Option<(Digest, RunRecord)>, PublishError> {
    #[derive(serde::Deserialize)]
    struct Form {
        format: String,
    }
    let damaged = |problem: String| PublishError::Damaged { key: key.to_owned(), problem };
    let bytes = recorded::read(bucket, key)?;
    let bytes = bytes.ok_or_else(|| damaged("it is gone, or its bytes are not those of its name".to_owned()))?;
    let form: Form = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    match Kind::of_format(&form.format) {
        Some((Kind::Run, _)) if form.format == FORMAT => {
            let record = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
            Ok(Some((Digest::of(&bytes), record)))
        }
        Some((Kind::Run, _)) | None => {
            let problem = format!("its form is '{}', and this version knows '{FORMAT}'", form.format.escape_debug());
            Err(PublishError::Newer { key: key.to_owned(), problem })
        }
        Some(_) => Ok(None),
    }
}
