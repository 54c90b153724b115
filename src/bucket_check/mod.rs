//! Bucket check: what the store of a bucket can do, and what readers get from it.
//!
//! Writes two small objects below `ledger/probe/`, looks at them as the publisher does and, where `base_url` says where the bucket is
//! on the web, as a reader without any key does, and removes them. Then it looks whether all that was withdrawn is gone. What does not work becomes a sentence and a remedy.

mod finding;
mod store;
mod web;
mod withdrawn;

use self::finding::Probe;
pub use self::finding::{Finding, Outcome};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;

/// Tries everything.
///
/// # Errors
/// The store cannot be reached or written at all.
pub fn check(bucket: &Bucket, base_url: Option<&str>) -> Result<Vec<Finding>, PublishError> {
    let probes = Probe::both();
    let mut findings = Vec::new();
    let tried = probes.iter().try_for_each(|probe| store::check(bucket, probe, &mut findings));
    if tried.is_ok() {
        match base_url {
            Some(base_url) => web::check(base_url, &probes, &mut findings),
            None => findings.push(Finding {
                id: "base-url",
                outcome: Outcome::Unknown,
                sentence: "'bucket: base_url' is not set, so that what readers get was not looked at".to_owned(),
                remedy: Some("Write the address under which the bucket is on the web"),
            }),
        }
    }
    let removed = probes.iter().try_for_each(|probe| bucket.remove(&probe.key));
    if let Some(folder) = bucket.folder() {
        // It stays if another probe is at work.
        let _ = std::fs::remove_dir(folder.join("ledger/probe"));
    }
    tried.and(removed)?;
    withdrawn::check(bucket, &mut findings)?;
    Ok(findings)
}
