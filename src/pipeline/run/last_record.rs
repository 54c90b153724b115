//! The last record of a partition, from the journal or the bucket, whichever version of the program wrote it.

use jiff::Timestamp;
use serde::Deserialize;

use crate::decision::DecisionEntry;
use crate::digest::Digest;
use crate::durable;
use crate::ledger::EvidenceEntry;
use crate::ledger::record::Kind;
use crate::pipeline::run::error::RunError;
use crate::pipeline::{Pipeline, journal, recorded};
use crate::publish::bucket::Bucket;
use crate::publish::index;
use crate::quarantine::{self, Stage};
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// What is read of a record, whichever version of the program wrote it.
#[derive(Clone, Debug, Deserialize)]
pub struct LastRecord {
    #[serde(default)]
    format: String,
    pub prepared_at: Timestamp,
    #[serde(default)]
    pub evidence: Vec<EvidenceEntry>,
    #[serde(default)]
    pub pseudonym_key: Option<Digest>,
    #[serde(default)]
    pub(super) decided: Vec<DecisionEntry>,
    #[serde(default)]
    tables: Vec<TableRows>,
    /// Whether the quarantine is what the record says: not before a run is published.
    #[serde(skip)]
    pub(super) is_published: bool,
    /// Where it is in the bucket.
    #[serde(skip)]
    pub(super) key: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct TableRows {
    table: String,
    #[serde(default)]
    quarantined: u64,
}

/// The record of a file of the journal.
fn in_journal(bytes: &[u8]) -> Option<LastRecord> {
    #[derive(Deserialize)]
    struct InJournal {
        published: bool,
        record: LastRecord,
    }
    let of: InJournal = serde_json::from_slice(bytes).ok()?;
    Some(LastRecord { is_published: of.published, ..of.record })
}

/// The records of a pipeline that the journal has, by date.
pub fn last_records(workspace: &Workspace, pipeline: &Pipeline) -> Vec<(ServiceDate, LastRecord)> {
    let dates = journal::dates(&workspace.private, &pipeline.name);
    let read = |date: ServiceDate| {
        let bytes = durable::read(&journal::path(&workspace.private, &pipeline.name, date)).ok()?;
        Some((date, in_journal(&bytes)?))
    };
    dates.into_iter().filter_map(read).collect()
}

/// The last record of a partition: that of the journal, or the one that the bucket's indexes name where the journal is lost
/// or older.
pub fn last_record(
    bucket: &Bucket,
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: ServiceDate,
) -> Result<Option<LastRecord>, RunError> {
    let path = journal::path(&workspace.private, &pipeline.name, date);
    let bytes = match durable::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(RunError::private(&path, "read", &error)),
    };
    let in_journal = bytes.as_ref().and_then(|bytes| in_journal(bytes));
    let key = bytes.as_ref().and_then(|bytes| serde_json::from_slice::<journal::Entry>(bytes).ok());
    let key = key.map(|entry| entry.record.to_bytes().0);
    let in_bucket = of_bucket(bucket, pipeline, date, in_journal.is_some(), key.as_deref())?;
    let in_journal = in_journal.map(|journal| LastRecord { key, ..journal });
    Ok(match (in_journal, in_bucket) {
        (Some(journal), Some(bucket)) if bucket.prepared_at < journal.prepared_at => Some(journal),
        (journal, None) => journal,
        (_, bucket) => bucket,
    })
}

/// The newest record of a partition that the indexes of its tables name, unless it is the one that is known; where the
/// journal has one, one table is enough.
fn of_bucket(
    bucket: &Bucket,
    pipeline: &Pipeline,
    date: ServiceDate,
    is_in_journal: bool,
    known: Option<&str>,
) -> Result<Option<LastRecord>, RunError> {
    let mut newest: Option<LastRecord> = None;
    for contract in pipeline.released() {
        let Some(index) = index::current(bucket, &pipeline.dataset, &contract.table)? else { continue };
        let Some(key) = record_of(&serde_json::to_value(&index).unwrap_or_default(), date) else { continue };
        if known == Some(key.as_str()) {
            return Ok(None);
        }
        let record: Option<LastRecord> = recorded::said(bucket, &key)?;
        // A record of a decision or a withdrawal says nothing of what went in.
        let record = record.filter(|record| Kind::of_format(&record.format).is_none_or(|(kind, _)| kind == Kind::Run));
        match record {
            Some(record) if newest.as_ref().is_none_or(|newest| newest.prepared_at < record.prepared_at) => {
                newest = Some(LastRecord { is_published: true, key: Some(key), ..record });
            }
            Some(_) => {}
            None if is_in_journal => tracing::warn!(record = key, "the record that the index names is gone or damaged"),
            // Nothing else says what went in.
            None => {
                let problem =
                    "the index names it, and it is gone or has another digest than its name; without it nobody can \
                               say what went into the date before. Bring it back from a backup"
                        .to_owned();
                return Err(crate::publish::PublishError::Damaged { key, problem }.into());
            }
        }
        if is_in_journal {
            break;
        }
    }
    Ok(newest)
}

/// The record that an index names for the file of a date.
fn record_of(index: &serde_json::Value, date: ServiceDate) -> Option<String> {
    let date = date.to_string();
    let is_it = |file: &&serde_json::Value| ["date", "partition_date"].iter().any(|key| file[*key] == *date);
    let file = index["files"].as_array()?.iter().find(is_it)?;
    file["record"].as_str().map(str::to_owned)
}

impl LastRecord {
    /// The tables, and how many rows of each are in quarantine.
    pub(super) fn quarantined(&self) -> impl Iterator<Item = (&str, u64)> {
        self.tables.iter().map(|table| (table.table.as_str(), table.quarantined))
    }

    /// Tables with rows in quarantine, and how many, whose files are gone.
    pub fn quarantine_gone(&self, workspace: &Workspace, pipeline: &Pipeline, date: ServiceDate) -> Vec<(String, u64)> {
        let folder = quarantine::partition(&workspace.private, &pipeline.dataset, date);
        let is_gone = |table: &&TableRows| {
            table.quarantined > 0 && !Stage::BOTH.iter().any(|stage| folder.join(stage.file(&table.table)).exists())
        };
        let tables = self.tables.iter().filter(|_| self.is_published).filter(is_gone);
        tables.map(|table| (table.table.clone(), table.quarantined)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_of_a_date_is_found_in_an_index() {
        let date: ServiceDate = "2026-11-24".parse().unwrap();
        let index = serde_json::json!({"files": [
            {"date": "2026-11-23", "record": "a"}, {"date": "2026-11-24", "record": "ledger/records/b.json"},
        ]});
        assert_eq!(record_of(&index, date).as_deref(), Some("ledger/records/b.json"));
        assert_eq!(record_of(&serde_json::json!({"files": [{"date": "2026-11-24"}]}), date), None);
    }
}
