//! What the bucket has of a run's partition: looked at before the run decides whether it has anything to do.
//!
//! A run verifies the newest index of each of its tables against the one before it, and the current files of its own
//! partition against the index. What is damaged is mended only by a file that has the digest which the index names.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::contract::Severity;
use crate::decode::Note;
use crate::pipeline::Pipeline;
use crate::pipeline::journal::{self, StagedFile};
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::heads::Tables;
use crate::pipeline::run::recorded_files::verify_record;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::compare;
use crate::publish::index::{self, IndexFile, TableIndex, TablePartition};
use crate::publish::parquet::Staged;
use crate::time::ServiceDate;

/// The tables that a run releases, as they are in the bucket.
pub(super) struct Published {
    dataset: String,
    date: ServiceDate,
    /// By the name of the table.
    tables: BTreeMap<String, PublishedTable>,
    /// The run comes before the service date is over.
    provisional: bool,
    /// What was put right in the indexes.
    notes: Vec<Note>,
}

struct PublishedTable {
    index: TableIndex,
    /// What is wrong with the current file of the partition.
    damage: Option<String>,
}

impl Published {
    /// Verifies the files of a partition, and that its entries are those of its records.
    pub(super) fn look(
        bucket: &Bucket,
        pipeline: &Pipeline,
        date: ServiceDate,
        is_complete: bool,
        found: Tables,
    ) -> Result<Self, PublishError> {
        let mut tables = BTreeMap::new();
        for (table, verified) in found.indexes {
            let index = verified.index;
            let damage = match index.file_of(date) {
                Some(file) => bucket.damage_of(&file.path, file.bytes, &file.sha256)?,
                None => None,
            };
            if let (Some(damage), Some(file)) = (&damage, index.file_of(date)) {
                index::is_still_named(bucket, &file.path)?;
                tracing::warn!("the published file '{}' is damaged: {damage}", file.path);
            }
            verify_first(bucket, &index, date)?;
            if let Some(file) = index.file_of(date) {
                verify_record(bucket, &index, file)?;
            }
            tables.insert(table, PublishedTable { index, damage });
        }
        let provisional = !is_complete;
        Ok(Self { dataset: pipeline.dataset.clone(), date, tables, provisional, notes: found.notes })
    }

    /// A bucket in which nothing was ever published: what a run makes is not compared with anything.
    pub(super) fn nothing(dataset: &str, date: ServiceDate, is_complete: bool) -> Self {
        let (tables, notes) = (BTreeMap::new(), Vec::new());
        Self { dataset: dataset.to_owned(), date, tables, provisional: !is_complete, notes }
    }

    /// Releases that were put back into an index before the run.
    pub(super) fn put_back(&self) -> usize {
        self.notes.len()
    }

    /// The current file of a table.
    fn file(&self, table: &str) -> Option<&IndexFile> {
        self.tables.get(table)?.index.file_of(self.date)
    }

    /// The current file of a table and what is wrong with it.
    fn damaged(&self, table: &str) -> Option<(&IndexFile, &str)> {
        let there = self.tables.get(table)?;
        Some((there.index.file_of(self.date)?, there.damage.as_deref()?))
    }

    fn partition<'a>(&'a self, table: &'a str) -> TablePartition<'a> {
        TablePartition { dataset: &self.dataset, table, date: self.date }
    }

    /// The name of a new file.
    fn path(&self, table: &str, staged: &Staged) -> String {
        let index = self.tables.get(table).map(|there| &there.index);
        index::path_of_release(index, self.partition(table), self.provisional, &staged.digest)
    }

    /// Whether all files that a journal's entry names are current and whole, and none is to be followed by a complete one.
    pub(super) fn has_all_of(&self, entry: &journal::Entry) -> bool {
        let is_whole = self.notes.is_empty() && self.tables.values().all(|there| there.damage.is_none());
        let is_there = |file: &StagedFile| {
            self.file(&file.table) == Some(&file.file) && (self.provisional || !file.file.provisional)
        };
        is_whole && entry.files.iter().all(is_there)
    }

    /// Whether what a killed run had prepared still has its place: nobody else has released the partition since.
    pub(super) fn has_room_for(&self, entry: &journal::Entry) -> bool {
        let fits = |file: &StagedFile| {
            let current = self.file(&file.table);
            if current == Some(&file.file) {
                return file.staged.is_some() || self.damaged(&file.table).is_none();
            }
            let index = self.tables.get(&file.table).map(|there| &there.index);
            let IndexFile { provisional, sha256, path, .. } = &file.file;
            file.staged.is_some()
                && self.damaged(&file.table).is_none()
                && index::path_of_release(index, self.partition(&file.table), *provisional, sha256) == *path
        };
        entry.files.iter().all(fits)
    }

    /// What is to be current after the run. `record` is the key of the record of a run, which is not known yet for new files
    /// and stays empty, as does the timetable that stands beside it.
    ///
    /// The file that is current stands if its columns and rows are those of the staged one, whatever the bytes; only a
    /// provisional one is followed by a complete one in any case.
    pub(super) fn follow(
        &self,
        bucket: &Bucket,
        table: &str,
        staged: &Staged,
        staging: &Path,
    ) -> Result<StagedFile, RunError> {
        if let Some(current) = self.file(table).filter(|current| self.provisional || !current.provisional) {
            let is_damaged = self.damaged(table).is_some();
            if current.sha256 == staged.digest {
                let staged = is_damaged.then(|| staged.path.clone());
                return Ok(StagedFile { table: table.to_owned(), staged, file: current.clone() });
            }
            if !is_damaged && current.rows == staged.rows && same_rows(bucket, current, staged, staging)? {
                return Ok(StagedFile { table: table.to_owned(), staged: None, file: current.clone() });
            }
        }
        let file = IndexFile {
            path: self.path(table, staged),
            partition_date: self.date,
            rows: staged.rows,
            bytes: staged.bytes,
            sha256: staged.digest,
            record: String::new(),
            provisional: self.provisional,
            timetable: None,
        };
        Ok(StagedFile { table: table.to_owned(), staged: Some(staged.path.clone()), file })
    }

    /// What of the damaged files the staged ones can mend, with a note for each. One that none of them can mend is an error;
    /// of a run that is held back it is a note, for that run changes nothing. A provisional file is not missed once the
    /// complete one follows.
    pub(super) fn mend<'a>(
        &self,
        staged: impl Fn(&str) -> Option<&'a Staged>,
        is_held_back: bool,
        notes: &mut Vec<Note>,
    ) -> Result<Vec<StagedFile>, PublishError> {
        let mut mended = Vec::new();
        notes.extend(self.notes.iter().cloned());
        for table in self.tables.keys() {
            let Some((file, damage)) = self.damaged(table) else { continue };
            let found = format!("the published file '{}' was damaged: {damage}", file.path);
            let made = staged(table);
            let (severity, outcome) = match made {
                Some(made) if made.digest == file.sha256 => {
                    let staged = Some(made.path.clone());
                    mended.push(StagedFile { table: table.clone(), staged, file: file.clone() });
                    (Severity::Warning, "it was made again with the same digest and put again")
                }
                _ if file.provisional && !self.provisional => {
                    (Severity::Warning, "it was provisional, and the complete release follows")
                }
                _ if is_held_back => (Severity::Error, "this run is held back and cannot put it again"),
                _ => {
                    let made = match made {
                        Some(made) => format!("this run makes a file with the SHA-256 {}", made.digest),
                        None => "this run makes no file of the table".to_owned(),
                    };
                    return Err(PublishError::Unmendable {
                        key: file.path.clone(),
                        problem: format!("{damage}; {made}"),
                        sha256: file.sha256,
                    });
                }
            };
            notes.push(Note { rule: "release.damaged", severity, message: format!("{found}; {outcome}") });
        }
        Ok(mended)
    }
}

/// Makes sure that the first complete publication of a date is what it was, where a later release is current: who opens the
/// folder reads it. What made it is superseded, so that it cannot be made again.
fn verify_first(bucket: &Bucket, index: &TableIndex, date: ServiceDate) -> Result<(), PublishError> {
    let Some(first) = index.first.get(&date) else { return Ok(()) };
    // A withdrawal deleted it.
    if index.is_deleted(date, &first.path) {
        return Ok(());
    }
    if index.file_of(date).is_some_and(|current| current.path == first.path) {
        return Ok(());
    }
    match bucket.damage_of(&first.path, first.bytes, &first.sha256)? {
        None => Ok(()),
        Some(damage) => {
            index::is_still_named(bucket, &first.path)?;
            Err(PublishError::Unmendable {
                key: first.path.clone(),
                problem: format!("{damage}; a later release of the date is current, and no run makes this file again"),
                sha256: first.sha256,
            })
        }
    }
}

/// Whether the current file has the columns and rows of the staged one.
fn same_rows(bucket: &Bucket, current: &IndexFile, staged: &Staged, staging: &Path) -> Result<bool, RunError> {
    let copy = staging.join("published.parquet");
    let published = index::open_named(bucket, &current.path, &copy)?;
    let made =
        crate::durable::open_to_read(&staged.path).map_err(|error| RunError::private(&staged.path, "read", &error))?;
    let same = compare::same_rows(published, made);
    let _ = fs::remove_file(&copy);
    // What the library cannot read any more is replaced by what it writes now.
    Ok(same.unwrap_or_else(|error| {
        tracing::warn!("the published file '{}' cannot be compared: {error}", current.path);
        false
    }))
}
