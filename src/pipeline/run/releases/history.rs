//! The versions of a table: what each released, by which run, and why.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

use super::{ActError, current};
use crate::ledger::{Inputs, Kind, PROVISIONAL, Program, PublicationRecord, RunRecord, TableEntry};
use crate::pipeline::recorded;
use crate::publication::DATASET;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, Act, ActKind, IndexFile, TableIndex, UsedTimetable};
use crate::time::ServiceDate;

/// A version of a table's index.
#[derive(Clone, Debug)]
pub struct Listed {
    pub version: u64,
    /// None of a version of an earlier version of this program.
    pub at: Option<Timestamp>,
    /// The dates whose files it changed.
    pub dates: BTreeSet<ServiceDate>,
    /// Of those among them that have a file now, the timetable of it, see [`IndexFile::timetable`].
    pub timetables: BTreeMap<ServiceDate, Option<UsedTimetable>>,
    /// Of all dates.
    pub files: usize,
    pub rows: u64,
    pub bytes: u64,
    /// Whether what it released is followed by a complete release.
    pub is_provisional: bool,
    pub reasons: BTreeSet<Reason>,
    /// What a person did.
    pub act: Option<Act>,
    /// The record of the run, or of the act.
    pub record: Option<String>,
    /// Of the record of a run.
    pub pipeline: Option<String>,
    pub is_current: bool,
    /// It names files that were withdrawn since: it cannot be read as a whole any more.
    pub is_withdrawn: bool,
}

/// Why a version was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The date had no release.
    First,
    /// The date had a release, which was withdrawn, and the withdrawal was lifted.
    AfterWithdrawal,
    /// The date had releases, and the newest one had no file of it any more.
    Again,
    /// The date was not over.
    Provisional,
    /// The date was over, after a provisional release.
    Complete,
    LateEvidence,
    ChangedTimetable,
    /// Contracts or mappings.
    ChangedContract,
    /// Rows were released or discarded, or are not any more.
    ChangedDecisions,
    /// Another key, area or setting.
    ChangedSettings,
    /// The inputs are the same, by the records: the program is another one.
    ChangedProgram,
    /// The run found that the date has no such table.
    TakenBack,
    Rollback,
    Withdrawal,
    Lift,
    /// Past months are in one file each, too.
    Compaction,
    /// Of the tables of the publication: they tell of what was released of other tables.
    NewerReleases,
    /// A record is gone, so that nobody can tell.
    Unknown,
}

impl Reason {
    /// The word of the JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::AfterWithdrawal => "after_withdrawal",
            Self::Again => "again",
            Self::Provisional => "provisional",
            Self::Complete => "complete",
            Self::LateEvidence => "late_evidence",
            Self::ChangedTimetable => "changed_timetable",
            Self::ChangedContract => "changed_contract",
            Self::ChangedDecisions => "changed_decisions",
            Self::ChangedSettings => "changed_settings",
            Self::ChangedProgram => "changed_program",
            Self::TakenBack => "taken_back",
            Self::Rollback => "rollback",
            Self::Withdrawal => "withdrawal",
            Self::Lift => "lift",
            Self::Compaction => "compaction",
            Self::NewerReleases => "newer_releases",
            Self::Unknown => "unknown",
        }
    }
}

/// What is read of the record of a run.
#[derive(Clone, Deserialize)]
pub(in crate::pipeline::run) struct OfRun {
    pub pipeline: String,
    inputs: Inputs,
    pub program: Program,
    #[serde(default)]
    pub tables: Vec<TableEntry>,
}

/// The newest versions of a table, at most so many, the oldest first.
///
/// # Errors
/// There is no such table, or the bucket cannot be read.
pub fn history(bucket: &Bucket, dataset: &str, table: &str, most: u64) -> Result<Vec<Listed>, ActError> {
    let newest = current(bucket, dataset, table)?;
    let first = newest.version.saturating_sub(most.saturating_sub(1)).max(1);
    let mut before = match first {
        1 => None,
        first => Some(index::read_version(bucket, dataset, table, first - 1)?.0),
    };
    let mut runs = Runs::new(bucket);
    let mut listed = Vec::new();
    for version in first..=newest.version {
        let index = index::read_version(bucket, dataset, table, version)?.0;
        listed.push(runs.listed(&newest, before.as_ref(), &index)?);
        before = Some(index);
    }
    Ok(listed)
}

/// Records that were read.
pub(in crate::pipeline::run) struct Runs<'a> {
    bucket: &'a Bucket,
    known: BTreeMap<String, Option<OfRun>>,
}

impl<'a> Runs<'a> {
    pub(in crate::pipeline::run) fn new(bucket: &'a Bucket) -> Self {
        Self { bucket, known: BTreeMap::new() }
    }

    /// Notes a record that was just written, so that it is not read again.
    pub(in crate::pipeline::run) fn know(&mut self, record: &RunRecord) {
        let run = OfRun {
            pipeline: record.pipeline.clone(),
            inputs: record.inputs.clone(),
            program: record.program.clone(),
            tables: record.tables.clone(),
        };
        self.known.insert(record.to_bytes().0, Some(run));
    }

    fn listed(
        &mut self,
        newest: &TableIndex,
        before: Option<&TableIndex>,
        index: &TableIndex,
    ) -> Result<Listed, PublishError> {
        let act = index.release.as_ref().and_then(|release| release.act.clone());
        let dates = changed_dates(before, index);
        let mut reasons = BTreeSet::new();
        let mut record = act.as_ref().map(|act| act.record.clone());
        match &act {
            Some(act) => _ = reasons.insert(of_act(act.kind)),
            None => {
                for date in &dates {
                    reasons.extend(self.reasons(before, index, *date)?);
                    record = record.or_else(|| index.file_of(*date).map(|file| file.record.clone()));
                }
            }
        }
        let timetable = |date: &ServiceDate| Some((*date, index.file_of(*date)?.timetable.clone()?));
        let timetables = dates.iter().filter_map(timetable).collect();
        let run = match record.as_ref().filter(|_| act.is_none()) {
            Some(record) => self.run(record)?,
            None => None,
        };
        Ok(Listed {
            version: index.version,
            at: index.release.as_ref().map(|release| release.at),
            files: index.files.len(),
            rows: index.files.iter().map(|file| file.rows).sum(),
            bytes: index.files.iter().map(|file| file.bytes).sum(),
            is_provisional: index.is_provisional(),
            reasons,
            act,
            record,
            pipeline: run.map(|run| run.pipeline),
            is_current: index.version == newest.version,
            is_withdrawn: newest.hides(index.version),
            dates,
            timetables,
        })
    }

    /// Why the file of a date followed the one in the version before.
    pub(in crate::pipeline::run) fn reasons(
        &mut self,
        before: Option<&TableIndex>,
        index: &TableIndex,
        date: ServiceDate,
    ) -> Result<BTreeSet<Reason>, PublishError> {
        let one = |reason| Ok(BTreeSet::from([reason]));
        let Some(is) = index.file_of(date) else { return one(Reason::TakenBack) };
        let Some(was) = before.and_then(|before| before.file_of(date)) else {
            return Ok(without_one_before(before, date, is));
        };
        if was.provisional && !is.provisional {
            return one(Reason::Complete);
        }
        let (Some(was), Some(now)) = (self.run(&was.record)?, self.run(&is.record)?) else {
            let is_of_publication = index.dataset == DATASET && self.is_publication(&is.record)?;
            return one(if is_of_publication { Reason::NewerReleases } else { Reason::Unknown });
        };
        let mut reasons = changed_inputs(&was.inputs, &now.inputs);
        if is.provisional {
            reasons.insert(Reason::Provisional);
        }
        if reasons.is_empty() {
            reasons.insert(Reason::ChangedProgram);
        }
        Ok(reasons)
    }

    /// Whether a record is there that tells of a table of the publication.
    fn is_publication(&self, record: &str) -> Result<bool, PublishError> {
        let said: Option<PublicationRecord> = recorded::said(self.bucket, record)?;
        Ok(said.is_some_and(|said| Kind::of_format(&said.format).is_some_and(|(kind, _)| kind == Kind::Publication)))
    }

    pub(in crate::pipeline::run) fn run(&mut self, record: &str) -> Result<Option<OfRun>, PublishError> {
        if let Some(known) = self.known.get(record) {
            return Ok(known.clone());
        }
        let run: Option<OfRun> = recorded::said(self.bucket, record)?;
        self.known.insert(record.to_owned(), run.clone());
        Ok(run)
    }
}

/// Why a date has a file that had none in the version before.
fn without_one_before(before: Option<&TableIndex>, date: ServiceDate, is: &IndexFile) -> BTreeSet<Reason> {
    let was_withdrawn = before.is_some_and(|before| before.withdrawn.contains_key(&date));
    let had_one = before.is_some_and(|before| before.first.contains_key(&date));
    let again = [(was_withdrawn, Reason::AfterWithdrawal), (had_one && !was_withdrawn, Reason::Again)];
    let mut reasons: BTreeSet<Reason> = again.into_iter().filter(|(is, _)| *is).map(|(_, reason)| reason).collect();
    if is.provisional {
        reasons.insert(Reason::Provisional);
    }
    if reasons.is_empty() {
        reasons.insert(Reason::First);
    }
    reasons
}

pub(in crate::pipeline::run) fn of_act(kind: ActKind) -> Reason {
    match kind {
        ActKind::Rollback => Reason::Rollback,
        ActKind::Withdrawal => Reason::Withdrawal,
        ActKind::Lift => Reason::Lift,
        ActKind::Compaction => Reason::Compaction,
    }
}

/// The dates whose file is another one than in the version before.
pub(in crate::pipeline) fn changed_dates(before: Option<&TableIndex>, index: &TableIndex) -> BTreeSet<ServiceDate> {
    let dates = before.iter().flat_map(|before| &before.files).chain(&index.files).map(|file| file.partition_date);
    let mut dates: BTreeSet<ServiceDate> = dates.collect();
    dates.retain(|date| before.and_then(|before| before.file_of(*date)) != index.file_of(*date));
    dates
}

/// Why the data inputs of two runs differ.
fn changed_inputs(was: &Inputs, now: &Inputs) -> BTreeSet<Reason> {
    let named = |inputs: &Inputs| -> BTreeSet<(String, String, String)> {
        let of = inputs.data.iter();
        of.map(|input| (input.kind.clone(), input.name.clone(), input.sha256.to_string())).collect()
    };
    let (was, now) = (named(was), named(now));
    let reason = |(kind, name, _): &(String, String, String)| match kind.as_str() {
        "evidence" => Some(Reason::LateEvidence),
        "timetable" => Some(Reason::ChangedTimetable),
        "rows" | "mapping" => Some(Reason::ChangedContract),
        "decisions" => Some(Reason::ChangedDecisions),
        "setting" if name == PROVISIONAL => None,
        _ => Some(Reason::ChangedSettings),
    };
    was.symmetric_difference(&now).filter_map(reason).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::ledger::Input;

    #[test]
    fn what_changed_of_the_inputs_is_why_a_release_followed() {
        let input = |kind: &str, text: &str| Input::new(kind, "bus", Digest::of(text.as_bytes()));
        let of = |evidence: &str, rows: &str| {
            let setting = Input::of_value("setting", PROVISIONAL, evidence.to_owned());
            Inputs::of(vec![input("evidence", evidence), input("rows", rows), setting], Vec::new())
        };
        let reasons = |one: &Inputs, other: &Inputs| changed_inputs(one, other).into_iter().collect::<Vec<_>>();
        let first = of("a", "1");
        assert_eq!(reasons(&first, &of("b", "1")), [Reason::LateEvidence]);
        assert_eq!(reasons(&first, &of("b", "2")), [Reason::LateEvidence, Reason::ChangedContract]);
        assert_eq!(reasons(&first, &first.clone()), []);
    }
}
