//! What there is in quarantine of dates, and destroying it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use super::{ID, QuarantineError, Stage, folder, partition, read};
use crate::durable;
use crate::time::ServiceDate;

/// The datasets that have a quarantine, in the order of their names.
pub(crate) fn datasets(private: &Path) -> Vec<String> {
    let entries = fs::read_dir(private.join("quarantine")).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names
}

/// The dates of which there is something in the quarantine of a dataset, in their order.
pub(crate) fn dates(private: &Path, dataset: &str) -> Vec<ServiceDate> {
    let entries = fs::read_dir(folder(private, dataset)).into_iter().flatten().flatten();
    let date = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_prefix("date=")?.parse().ok();
    let mut dates: Vec<ServiceDate> = entries.filter_map(date).collect();
    dates.sort_unstable();
    dates
}

/// How many rows of each table are in quarantine of a date. A file that cannot be read any more counts none.
pub(crate) fn held(private: &Path, dataset: &str, date: ServiceDate) -> Result<BTreeMap<String, u64>, QuarantineError> {
    let mut held = BTreeMap::new();
    for entry in fs::read_dir(partition(private, dataset, date)).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((table, _)) = Stage::of_file(&name) else { continue };
        let rows: &mut u64 = held.entry(table.to_owned()).or_default();
        let batches = match read(&entry.path(), Some(&[ID])) {
            Err(QuarantineError::Content { .. }) => continue,
            other => other?,
        };
        for batch in batches.into_iter().flatten() {
            match batch {
                Ok(batch) => *rows += batch.num_rows() as u64,
                Err(_) => break,
            }
        }
    }
    Ok(held)
}

/// Destroys the quarantine of a date; there need be none.
pub(crate) fn destroy(private: &Path, dataset: &str, date: ServiceDate) -> Result<(), QuarantineError> {
    let path = partition(private, dataset, date);
    let gone = match fs::remove_dir_all(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.and_then(|()| durable::sync_folder(&folder(private, dataset))),
    };
    gone.map_err(|error| QuarantineError::file(&path, "destroyed", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_quarantine_is_known_by_date_and_goes_by_date() {
        let root = tempfile::tempdir().unwrap();
        let private = root.path();
        for name in ["date=2026-11-24/t.parquet", "date=2026-11-23/t.release.parquet", "t.decisions.jsonl", "date=x/t"]
        {
            let path = folder(private, "bus").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "no parquet").unwrap();
        }
        let [first, second] = ["2026-11-23", "2026-11-24"].map(|date| date.parse().unwrap());
        assert_eq!((datasets(private), dates(private, "bus")), (vec!["bus".to_owned()], vec![first, second]));
        assert_eq!(held(private, "bus", first).unwrap(), BTreeMap::from([("t".to_owned(), 0)]));
        destroy(private, "bus", first).unwrap();
        destroy(private, "bus", first).unwrap();
        assert_eq!(dates(private, "bus"), [second]);
        assert!(folder(private, "bus").join("t.decisions.jsonl").exists());
        assert!(dates(private, "rail").is_empty() && held(private, "rail", first).unwrap().is_empty());
    }
}
