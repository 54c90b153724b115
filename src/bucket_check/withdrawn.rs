//! Whether everything that was withdrawn is gone.

use std::collections::BTreeSet;

use super::finding::Finding;
use crate::publication;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index;

/// Tells of files of withdrawn dates that are still there; of nothing where nothing was withdrawn. An index that cannot be read is
/// for runs to tell.
pub(super) fn check(bucket: &Bucket, findings: &mut Vec<Finding>) -> Result<(), PublishError> {
    let (mut dates, mut left) = (0, BTreeSet::new());
    for dataset in bucket.folders("meta")? {
        let mut of_dataset = BTreeSet::new();
        for table in bucket.folders(&format!("meta/{dataset}"))? {
            let index = match index::current(bucket, &dataset, &table) {
                Err(PublishError::Damaged { .. } | PublishError::Newer { .. }) | Ok(None) => continue,
                Err(error) => return Err(error),
                Ok(Some(index)) => index,
            };
            let held = index.withdrawn.iter().filter(|(_, tombstone)| tombstone.holds());
            of_dataset.extend(held.map(|(date, _)| *date));
            left.extend(index::left_of_withdrawn(bucket, &index)?);
        }
        dates += of_dataset.len();
        // Their quality results are in files that other datasets have rows in.
        match publication::stored_results(bucket, &dataset, &of_dataset) {
            Err(PublishError::Damaged { .. } | PublishError::Newer { .. }) => {}
            Err(error) => return Err(error),
            Ok(stored) => left.extend(stored.into_values().flat_map(|of| of.names())),
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
