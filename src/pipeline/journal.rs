//! The journal: what a run has prepared and not finished publishing, so that a run that was killed is finished by the next
//! one with the same record, byte for byte.
//!
//! One file per pipeline and partition in the private store. It appears, whole, when all files are staged; from then on
//! publishing only repeats what it says, and every step of that may be repeated. When all is in the bucket it is marked.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::durable;
use crate::ledger::RunRecord;
use crate::publish::index::IndexFile;
use crate::time::ServiceDate;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// All of it is in the bucket.
    pub published: bool,
    /// The bucket that it is meant for.
    pub bucket: String,
    pub files: Vec<StagedFile>,
    /// What the quarantine of the partition is to be.
    #[serde(default)]
    pub quarantine: Vec<HeldFile>,
    /// Files that runs which were given up before this one may have put into the bucket.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abandoned: Vec<String>,
    pub record: RunRecord,
}

/// A file that is to be current.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedFile {
    pub table: String,
    /// Where it waits in the staging folder; nothing if the published file of an earlier run has the same rows and stands.
    pub staged: Option<PathBuf>,
    pub file: IndexFile,
}

/// A file of rows in quarantine: what is to be moved there, or that none is to be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldFile {
    pub staged: Option<PathBuf>,
    pub file: PathBuf,
}

impl HeldFile {
    /// Moves or removes it, again if need be.
    pub fn apply(&self) -> io::Result<()> {
        match &self.staged {
            // What is not staged any more was moved before.
            Some(staged) if staged.exists() => durable::rename(staged, &self.file),
            Some(_) => Ok(()),
            None => durable::remove_file(&self.file),
        }
    }

    fn is_there(&self) -> bool {
        self.staged.as_ref().is_none_or(|staged| staged.exists() || self.file.exists())
    }
}

/// The journal's file of a partition.
pub fn path(private: &Path, pipeline: &str, date: ServiceDate) -> PathBuf {
    private.join("journal").join(pipeline).join(format!("{date}.json"))
}

/// What the journal has of a partition; nothing if it cannot be read any more, for then the run is done again.
pub fn read(path: &Path) -> io::Result<Option<Entry>> {
    match durable::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Lists of captures that the record of a partition names, and those that were accepted since.
fn lists(private: &Path, pipeline: &str, date: ServiceDate) -> PathBuf {
    private.join("journal").join(pipeline).join("lists").join(date.to_string())
}

/// Keeps a list of captures under its digest.
pub fn keep_list(private: &Path, pipeline: &str, date: ServiceDate, digest: &Digest, lines: &str) -> io::Result<()> {
    let path = lists(private, pipeline, date).join(digest.to_string());
    if path.exists() && durable::read(&path).is_ok_and(|bytes| Digest::of(&bytes) == *digest) {
        return Ok(());
    }
    durable::write(&path, lines.as_bytes())
}

/// A list of captures that was kept.
pub fn read_list(private: &Path, pipeline: &str, date: ServiceDate, digest: &Digest) -> Option<Vec<u8>> {
    durable::read(&lists(private, pipeline, date).join(digest.to_string()))
        .ok()
        .filter(|bytes| Digest::of(bytes) == *digest)
}

/// The lists of a pipeline that were kept: date, digest and bytes of each.
pub fn kept_lists(private: &Path, pipeline: &str) -> Vec<(ServiceDate, Digest, u64)> {
    let names = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let mut lists = Vec::new();
    for folder in names(&private.join("journal").join(pipeline).join("lists")) {
        let Some(date) = folder.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        for file in names(&folder.path()) {
            let digest = file.file_name().to_str().and_then(Digest::parse);
            lists.extend(digest.zip(file.metadata().ok()).map(|(digest, of)| (date, digest, of.len())));
        }
    }
    lists
}

/// Removes the lists of a partition that a record does not name any more.
pub fn sweep_lists(private: &Path, record: &RunRecord) -> io::Result<()> {
    let named: Vec<String> =
        record.evidence.iter().filter_map(|entry| entry.list_digest()).map(|digest| digest.to_string()).collect();
    let folder = lists(private, &record.pipeline, record.date);
    for file in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !named.iter().any(|name| file.file_name() == name.as_str()) {
            durable::remove_file(&file.path())?;
        }
    }
    Ok(())
}

/// Where the texts are that the records of a pipeline name: contracts, the pipeline's file, and so on.
fn object(private: &Path, pipeline: &str, digest: &Digest) -> PathBuf {
    private.join("journal").join(pipeline).join("objects").join(digest.to_string())
}

/// Keeps a text under its digest, for all dates.
pub fn keep_object(private: &Path, pipeline: &str, digest: &Digest, text: &[u8]) -> io::Result<()> {
    if kept_object_bytes(private, pipeline, digest) == Some(text.len() as u64) {
        return Ok(());
    }
    durable::write(&object(private, pipeline, digest), text)
}

/// How long a text is that was kept.
pub fn kept_object_bytes(private: &Path, pipeline: &str, digest: &Digest) -> Option<u64> {
    fs::metadata(object(private, pipeline, digest)).ok().map(|of| of.len())
}

/// A text that was kept.
pub fn read_object(private: &Path, pipeline: &str, digest: &Digest) -> Option<Vec<u8>> {
    durable::read(&object(private, pipeline, digest)).ok().filter(|bytes| Digest::of(bytes) == *digest)
}

/// The dates of which the journal has a run of a pipeline, in their order.
pub fn dates(private: &Path, pipeline: &str) -> Vec<ServiceDate> {
    let entries = fs::read_dir(private.join("journal").join(pipeline)).into_iter().flatten().flatten();
    let date = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_suffix(".json")?.parse().ok();
    let mut dates: Vec<ServiceDate> = entries.filter_map(date).collect();
    dates.sort();
    dates
}

/// The dates of which the journal has anything of a pipeline, lists that no record names among them.
pub fn all_dates(private: &Path, pipeline: &str) -> Vec<ServiceDate> {
    let listed = fs::read_dir(private.join("journal").join(pipeline).join("lists")).into_iter().flatten().flatten();
    let listed = listed.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut all: Vec<ServiceDate> = dates(private, pipeline).into_iter().chain(listed).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Destroys what the journal has of a partition; there need be nothing.
pub fn destroy(private: &Path, pipeline: &str, date: ServiceDate) -> io::Result<()> {
    let lists = lists(private, pipeline, date);
    match fs::remove_dir_all(&lists) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let path = path(private, pipeline, date);
    if path.exists() { durable::remove_file(&path) } else { Ok(()) }
}

/// The entries of a pipeline's dates before one, at most so many, the newest last.
pub fn before(private: &Path, pipeline: &str, date: ServiceDate, most: usize) -> io::Result<Vec<Entry>> {
    let folder = private.join("journal").join(pipeline);
    let mut dates: Vec<ServiceDate> = match fs::read_dir(&folder) {
        Ok(entries) => entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".json")?.parse().ok())
            .filter(|other| *other < date)
            .collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    dates.sort();
    let dates = dates.into_iter().rev().take(most).rev();
    dates.filter_map(|date| read(&path(private, pipeline, date)).transpose()).collect()
}

/// Writes the entry whole or not at all; it is on the disk afterwards.
pub fn write(path: &Path, entry: &Entry) -> io::Result<()> {
    durable::write(path, &serde_json::to_vec(entry)?)
}

impl Entry {
    /// Files that may lie in the bucket without being released: those of this run and of runs before it, until it is done.
    pub fn unfinished(&self) -> Vec<String> {
        match self.published {
            true => Vec::new(),
            false => self.files.iter().map(|file| file.file.path.clone()).chain(self.abandoned.clone()).collect(),
        }
    }

    /// Lets the files that this run made name its record, which has changed since it had this key.
    pub fn rename_record(&mut self, key: &str) {
        let (now, _) = self.record.to_bytes();
        for file in self.files.iter_mut().filter(|file| file.file.record == key) {
            file.file.record.clone_from(&now);
        }
    }

    /// Whether every staged file is still what the journal says.
    pub fn is_staged(&self) -> bool {
        let files = self.files.iter().all(|file| {
            let Some(staged) = &file.staged else { return true };
            durable::read(staged)
                .is_ok_and(|bytes| bytes.len() as u64 == file.file.bytes && Digest::of(&bytes) == file.file.sha256)
        });
        files && self.quarantine.iter().all(HeldFile::is_there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Inputs, RunTarget};

    fn date(text: &str) -> ServiceDate {
        text.parse().unwrap()
    }

    fn entry(day: &str, published: bool) -> Entry {
        let at = "2026-11-25T01:00:00Z".parse().unwrap();
        let inputs = Inputs::of(Vec::new(), Vec::new());
        let of = RunTarget { pipeline: "bus", dataset: "bus", date: date(day) };
        let record = RunRecord::begun(of, at, inputs, Digest::of(b"pipeline"));
        Entry {
            published,
            bucket: "file:///bucket".to_owned(),
            files: Vec::new(),
            quarantine: Vec::new(),
            abandoned: Vec::new(),
            record,
        }
    }

    fn file(path: &str, staged: Option<PathBuf>, bytes: &[u8]) -> StagedFile {
        let file = IndexFile {
            path: path.to_owned(),
            partition_date: date("2026-11-24"),
            rows: 1,
            bytes: bytes.len() as u64,
            sha256: Digest::of(bytes),
            record: String::new(),
            provisional: false,
            timetable: None,
        };
        StagedFile { table: "t".to_owned(), staged, file }
    }

    #[test]
    fn what_is_written_is_read_again_and_a_damaged_journal_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path(), "bus", date("2026-11-24"));
        assert!(read(&path).unwrap().is_none());
        let written = entry("2026-11-24", false);
        write(&path, &written).unwrap();
        assert_eq!(read(&path).unwrap(), Some(written));
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(read(&path).unwrap(), None);
    }

    #[test]
    fn dates_before_one_come_in_their_order_and_at_most_so_many() {
        let folder = tempfile::tempdir().unwrap();
        for day in ["2026-11-24", "2026-11-22", "2026-11-23", "2026-11-21"] {
            write(&path(folder.path(), "bus", date(day)), &entry(day, true)).unwrap();
        }
        fs::write(folder.path().join("journal/bus/heads.json"), "{}").unwrap();
        let before = before(folder.path(), "bus", date("2026-11-24"), 2).unwrap();
        let days: Vec<ServiceDate> = before.iter().map(|entry| entry.record.date).collect();
        assert_eq!(days, [date("2026-11-22"), date("2026-11-23")]);
        assert_eq!(dates(folder.path(), "bus").len(), 4);
        assert!(dates(folder.path(), "rail").is_empty());
    }

    #[test]
    fn an_entry_is_staged_only_while_every_file_has_the_bytes_of_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let staged = folder.path().join("t.parquet");
        fs::write(&staged, b"rows").unwrap();
        let mut entry = entry("2026-11-24", false);
        // A file that stands as it was published needs no staged one.
        entry.files = vec![file("data/a", Some(staged.clone()), b"rows"), file("data/b", None, b"other")];
        assert!(entry.is_staged());
        fs::write(&staged, b"rowz").unwrap();
        assert!(!entry.is_staged());
        fs::remove_file(&staged).unwrap();
        assert!(!entry.is_staged());
    }

    #[test]
    fn held_rows_are_moved_once_and_what_is_not_held_any_more_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (staged, kept) = (folder.path().join("staged"), folder.path().join("kept"));
        fs::write(&staged, b"held").unwrap();
        let held = HeldFile { staged: Some(staged.clone()), file: kept.clone() };
        held.apply().unwrap();
        assert!(!staged.exists() && held.is_there());
        held.apply().unwrap();
        assert_eq!(fs::read(&kept).unwrap(), b"held");
        let none = HeldFile { staged: None, file: kept.clone() };
        none.apply().unwrap();
        none.apply().unwrap();
        assert!(!kept.exists() && !held.is_there());
    }

    #[test]
    fn files_of_runs_that_were_given_up_are_known_until_a_run_is_done() {
        let mut killed = entry("2026-11-24", false);
        killed.files = vec![file("data/a", None, b"a")];
        killed.abandoned = vec!["data/b".to_owned()];
        assert_eq!(killed.unfinished(), ["data/a", "data/b"]);
        killed.published = true;
        assert!(killed.unfinished().is_empty());
    }

    #[test]
    fn lists_that_a_record_does_not_name_are_swept_and_damaged_ones_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let record = entry("2026-11-24", true).record;
        let (of, digest) = (record.date, Digest::of(b"lines"));
        keep_list(folder.path(), "bus", of, &digest, "lines").unwrap();
        assert_eq!(read_list(folder.path(), "bus", of, &digest).as_deref(), Some(&b"lines"[..]));
        assert_eq!(kept_lists(folder.path(), "bus"), [(of, digest, 5)]);
        fs::write(lists(folder.path(), "bus", of).join(digest.to_string()), "lynes").unwrap();
        assert_eq!(read_list(folder.path(), "bus", of, &digest), None);
        sweep_lists(folder.path(), &record).unwrap();
        assert!(kept_lists(folder.path(), "bus").is_empty());
    }
}
