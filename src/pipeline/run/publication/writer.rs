//! The files of the tables of the publication: read, made and committed, one date at a time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::contract::Contract;
use crate::digest::Digest;
use crate::ledger::{FileEntry, Kind, PublicationRecord, PublicationTable};
use crate::pipeline::recorded;
use crate::pipeline::run::context::now;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::heads;
use crate::pipeline::run::nodes::opening::metadata;
use crate::publication::{
    CellError, DATASET, DECISIONS, DecisionRow, RELEASES, RULE_RESULTS, ReleaseRow, ResultRow, batch, contract, rows,
};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, Change, Commit, IndexFile, TableIndex, TablePartition, commit_after, commit_empty};
use crate::publish::parquet::{self, Staged, Writer};
use crate::table::Budget;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// The rows of the tables of a date.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct DateRows {
    pub releases: Vec<ReleaseRow>,
    pub results: Vec<ResultRow>,
    pub decisions: Vec<DecisionRow>,
}

impl DateRows {
    /// Whether something of the date is to be followed by a complete release.
    fn is_provisional(&self) -> bool {
        let of_releases = self.releases.iter().any(|row| row.is_current && row.is_provisional == Some(true));
        of_releases || self.results.iter().any(|row| row.is_provisional)
    }
}

/// The tables as they are in the bucket.
pub(super) struct Tables<'a> {
    workspace: &'a Workspace,
    bucket: &'a Bucket,
    /// The newest versions, by table.
    indexes: BTreeMap<&'static str, TableIndex>,
    /// Where files wait to be put: of this process alone, and removed with what runs have left.
    staging: PathBuf,
    /// Names of files that were put, or would be.
    pub(super) written: Vec<String>,
}

/// What is to be committed of a table.
struct Planned {
    contract: &'static Arc<Contract>,
    /// Nothing if the date has no rows any more.
    made: Option<(Staged, IndexFile)>,
}

/// The tables in the order in which they are committed: who finds the rows of a version in `releases` finds the others.
const ORDER: [&str; 3] = [RULE_RESULTS, DECISIONS, RELEASES];

impl<'a> Tables<'a> {
    pub(super) fn look(workspace: &'a Workspace, bucket: &'a Bucket) -> Result<Self, PublishError> {
        let mut indexes = BTreeMap::new();
        for table in ORDER {
            if let Some(index) = index::current(bucket, DATASET, table)? {
                indexes.insert(table, index);
            }
        }
        let staging = workspace.private.join("staging").join(format!("{DATASET}-{}", std::process::id()));
        Ok(Self { workspace, bucket, indexes, staging, written: Vec::new() })
    }

    /// The versions that the rows were made of, by dataset and table; none if that cannot be told.
    pub(super) fn made_of(&self) -> Result<BTreeMap<String, u64>, RunError> {
        let Some(mut newest) = self.indexes.get(RELEASES).cloned() else { return Ok(BTreeMap::new()) };
        // A compaction made no rows.
        while newest.version > 1 && newest.release.as_ref().is_some_and(|release| release.act.is_some()) {
            newest = index::read_version(self.bucket, DATASET, RELEASES, newest.version - 1)?.0;
        }
        let file = newest.release.as_ref().and_then(|release| newest.file_of(release.date));
        let Some(file) = file else { return Ok(BTreeMap::new()) };
        let record: Option<PublicationRecord> = recorded::said(self.bucket, &file.record)?;
        Ok(record.map(|record| record.made_of).unwrap_or_default())
    }

    fn file_of(&self, table: &str, date: ServiceDate) -> Option<&IndexFile> {
        self.indexes.get(table)?.file_of(date)
    }

    /// The rows of a date that are published.
    pub(super) fn rows_of(&self, date: ServiceDate) -> Result<DateRows, RunError> {
        Ok(DateRows {
            releases: self.read(RELEASES, date)?,
            results: self.read(RULE_RESULTS, date)?,
            decisions: self.read(DECISIONS, date)?,
        })
    }

    fn read<T: DeserializeOwned>(&self, table: &'static str, date: ServiceDate) -> Result<Vec<T>, RunError> {
        let Some(file) = self.file_of(table, date) else { return Ok(Vec::new()) };
        let damaged = |problem: String| PublishError::Unmendable {
            key: file.path.clone(),
            problem: format!("{problem}. 'fahrtenbuch publish --rebuild' makes it again"),
            sha256: file.sha256,
        };
        let bytes = self.bucket.get(&file.path)?.ok_or_else(|| damaged("it is gone".to_owned()))?;
        if Digest::of(&bytes) != file.sha256 {
            return Err(damaged(format!("it has the SHA-256 {}", Digest::of(&bytes))).into());
        }
        let batch = parquet::rows(bytes).map_err(|error| damaged(error.to_string()))?;
        rows(contract_of(table)?, date, &batch).map_err(|error| damaged(error.to_string()).into())
    }

    /// Writes the rows of a date where they differ from those that are published; `false` if another one has committed since, so
    /// that they are to be made again.
    pub(super) fn write(
        &mut self,
        date: ServiceDate,
        rows: &DateRows,
        before: &DateRows,
        made_of: &BTreeMap<String, u64>,
    ) -> Result<bool, RunError> {
        let planned = self.plan(date, rows, before)?;
        let files = |planned: &Planned| {
            let entry = |(_, file): &(Staged, IndexFile)| FileEntry {
                path: file.path.clone(),
                rows: file.rows,
                bytes: file.bytes,
                sha256: file.sha256,
            };
            let files = planned.made.iter().map(entry).collect();
            PublicationTable { table: planned.contract.table.clone(), files }
        };
        let record = PublicationRecord {
            format: Kind::Publication.format(1),
            dataset: DATASET.to_owned(),
            date,
            made_of: made_of.clone(),
            tables: planned.iter().map(files).collect(),
        };
        let (key, bytes) = record.to_bytes();
        if !planned.is_empty() {
            self.bucket.put_named_by_digest(&key, bytes)?;
        }
        for Planned { contract, made } in planned {
            let file = made.as_ref().map(|(_, file)| IndexFile { record: key.clone(), ..file.clone() });
            if let Some((staged, file)) = &made {
                self.bucket.put_file(&file.path, &staged.path, &file.sha256)?;
                self.written.push(file.path.clone());
            }
            let change = Change { dataset: DATASET, contract, date, file: file.as_ref(), at: now() };
            let table = contract.table.as_str();
            let version = self.indexes.get(table).map_or(0, |index| index.version);
            match commit_after(self.bucket, change, version)? {
                Some(Commit::New(index) | Commit::Nothing(index)) => self.keep(index),
                // The table has no version, and needs none.
                None if version == 0 && file.is_none() => {}
                None => return Ok(false),
            }
        }
        self.remove_staging()?;
        self.begin_decisions(date)?;
        Ok(true)
    }

    /// Whether the bucket has no `decisions`, as one has that was published to before that table began without rows.
    pub(super) fn lacks_decisions(&self) -> bool {
        !self.indexes.contains_key(DECISIONS)
    }

    /// Until somebody decides something, `decisions` is there without rows: queries over all three tables need no case for it.
    pub(super) fn begin_decisions(&mut self, date: ServiceDate) -> Result<(), RunError> {
        if self.lacks_decisions() {
            let contract = contract_of(DECISIONS)?;
            let change = Change { dataset: DATASET, contract, date, file: None, at: now() };
            self.keep(commit_empty(self.bucket, change)?);
        }
        Ok(())
    }

    fn keep(&mut self, index: TableIndex) {
        if let Some(table) = ORDER.into_iter().find(|table| *table == index.table) {
            self.indexes.insert(table, index);
        }
    }

    /// The names of the files that [`Tables::write`] would put.
    pub(super) fn would_write(
        &mut self,
        date: ServiceDate,
        rows: &DateRows,
        before: &DateRows,
    ) -> Result<(), RunError> {
        let planned = self.plan(date, rows, before)?;
        self.written.extend(planned.into_iter().filter_map(|of| of.made).map(|(_, file)| file.path));
        self.remove_staging()
    }

    fn remove_staging(&self) -> Result<(), RunError> {
        match std::fs::remove_dir_all(&self.staging) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(RunError::private(&self.staging, "removed", &error))
            }
            _ => Ok(()),
        }
    }

    fn plan(&self, date: ServiceDate, rows: &DateRows, before: &DateRows) -> Result<Vec<Planned>, RunError> {
        let provisional = rows.is_provisional();
        let mut planned = Vec::new();
        for table in ORDER {
            let made = match table {
                RULE_RESULTS => self.made(table, date, (&rows.results, &before.results), provisional)?,
                DECISIONS => self.made(table, date, (&rows.decisions, &before.decisions), provisional)?,
                _ => self.made(table, date, (&rows.releases, &before.releases), provisional)?,
            };
            planned.extend(made);
        }
        Ok(planned)
    }

    /// What is to be committed of a table; nothing if it says the same already.
    fn made<T: Serialize + PartialEq>(
        &self,
        table: &'static str,
        date: ServiceDate,
        (new, old): (&[T], &[T]),
        provisional: bool,
    ) -> Result<Option<Planned>, RunError> {
        let contract = contract_of(table)?;
        let current = self.file_of(table, date);
        if new.is_empty() {
            return Ok(current.map(|_| Planned { contract, made: None }));
        }
        if new == old && current.is_some_and(|current| provisional || !current.provisional) {
            return Ok(None);
        }
        let metadata = metadata(DATASET, contract, &date.to_string());
        let staging = self.staging.join(date.to_string());
        let mut writer = Writer::new(&staging, contract, metadata, Budget::new(self.workspace.memory))?;
        writer.push(batch(contract, new).map_err(cells)?)?;
        let staged = writer.finish()?;
        let partition = TablePartition { dataset: DATASET, table, date };
        let file = IndexFile {
            path: index::path_of_release(self.indexes.get(table), partition, provisional, &staged.digest),
            partition_date: date,
            rows: staged.rows,
            bytes: staged.bytes,
            sha256: staged.digest,
            record: String::new(),
            provisional,
            timetable: Some(None),
        };
        Ok(Some(Planned { contract, made: Some((staged, file)) }))
    }

    /// Keeps the newest versions, so that the next run finds them with one request.
    pub(super) fn remember(&self) -> Result<(), RunError> {
        let indexes: Vec<TableIndex> = self.indexes.values().cloned().collect();
        heads::remember_publication(self.workspace, self.bucket, &indexes)
    }
}

fn contract_of(table: &str) -> Result<&'static Arc<Contract>, RunError> {
    contract(table).ok_or_else(|| RunError::internal(format!("{DATASET}/{table} has no contract")))
}

fn cells(error: CellError) -> RunError {
    RunError::internal(error.to_string())
}
