//! Whether everything that was withdrawn is gone.

use super::finding::Finding;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index;

/// Tells of files of withdrawn dates that are still there; of nothing where nothing was withdrawn. An index that cannot be read is
/// for runs to tell.
pub(super) fn check(bucket: &Bucket, findings: &mut Vec<Finding>) -> Result<(), PublishError> {
    let (mut dates, mut left) = (0, Vec::new());
    for dataset in bucket.folders("meta")? {
        for table in bucket.folders(&format!("meta/{dataset}"))? {
            let index = match index::current(bucket, &dataset, &table) {
                Err(PublishError::Damaged { .. } | PublishError::Newer { .. }) | Ok(None) => continue,
                Err(error) => return Err(error),
                Ok(Some(index)) => index,
            };
            dates += index.withdrawn.values().filter(|tombstone| tombstone.holds()).count();
            left.extend(index::left_of_withdrawn(bucket, &index)?);
        }
    }
    match left.first() {
        Some(first) => findings.push(Finding::lacks(
            "withdrawn",
            format!("{} files of withdrawn dates are still there, as '{first}'", left.len()),
            "Delete them with 'fahrtenbuch publish --rebuild'",
        )),
        None if dates > 0 => findings.push(Finding::works("withdrawn", "of what was withdrawn no file is left")),
        None => {}
    }
    Ok(())
}
