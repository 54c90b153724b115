//! A lane: one table on its way through a run, from decoded chunks to a staged file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use jiff::Timestamp;

use crate::check::context::RuleContext;
use crate::check::{Checked, Outcome, Quarantined, RuleResult, Sample, TableCheck};
use crate::contract::times::PublishedTimes;
use crate::contract::{Contract, Dimension, OnFail, RuleId, Severity};
use crate::decode::captures::{SOURCE, Strays};
use crate::decode::{Head, Note};
use crate::derive::privacy::texts::{PrivateTexts, PublishedTexts};
use crate::derive::{DroppedRows, Transform, privacy};
use crate::ledger::LeftQuarantine;
use crate::pipeline::journal::HeldFile;
use crate::pipeline::mapping::Dictionary;
use crate::pipeline::run::RunError;
use crate::publish::parquet::{Staged, Writer};
use crate::quarantine::decisions::{Decided, Decider, Decisions};
use crate::quarantine::moves::{Moves, MovesError};
use crate::quarantine::{self, Identity, RowId, Stage};
use crate::table::keys::Keys;
use crate::table::{Budget, Chunk, Origin};
use crate::time::ServiceDate;

/// What a lane needs to begin.
pub struct Plan {
    pub head: Head,
    /// Columns of the table that foreign keys name.
    pub referenced: Vec<Vec<String>>,
    /// What the rules of the feed's contracts see beside the table, and those of the release's.
    pub around: [Arc<RuleContext>; 2],
    /// How rows become those of the release; without it they are released as they are.
    pub transform: Option<Box<dyn Transform>>,
    /// Whether the table is released at all.
    pub released: bool,
    /// Whether the run may have private texts.
    pub has_private_texts: bool,
    pub metadata: Vec<(String, String)>,
    /// What the data manager decided of rows of this table.
    pub decisions: Arc<Decisions>,
    /// Columns of the feed whose values are replaced.
    pub mappings: Arc<BTreeMap<String, Dictionary>>,
}

/// Where a run keeps the rows that it holds back.
pub struct Holding {
    /// Where the files wait until the run is prepared.
    pub staging: PathBuf,
    /// Where they come to stand, and those of the run before are.
    pub folder: PathBuf,
    pub run: String,
    pub held_at: Timestamp,
}

/// A table on its way.
pub struct Lane {
    source: Arc<Contract>,
    check: Option<TableCheck>,
    transform: Option<Box<dyn Transform>>,
    /// The check against the release's contract, after the transform.
    second: Option<TableCheck>,
    release: Arc<Contract>,
    origins: Arc<[Origin]>,
    writer: Option<Writer>,
    /// How instants are published, and the texts that were.
    times: Option<PublishedTimes>,
    texts: PublishedTexts,
    /// Places of the feed's columns whose values are replaced.
    mapped: Vec<(usize, String)>,
    mappings: Arc<BTreeMap<String, Dictionary>>,
    decisions: Arc<Decisions>,
    /// Of rows of the feed, and of rows of the release.
    identities: [Arc<Identity>; 2],
    held: [quarantine::Writer; 2],
    held_folder: PathBuf,
    moves: Moves,
    notes: Vec<Note>,
    tally: Tally,
    outcomes: Vec<(Arc<Contract>, Vec<Outcome>)>,
    /// All rows of the feed have come; all rows of the release were derived from them.
    pub has_ended: bool,
    pub is_derived: bool,
}

#[derive(Default)]
struct Tally {
    rows_in: u64,
    published: u64,
    quarantined: u64,
    dropped: BTreeMap<RuleId, u64>,
    released: BTreeMap<RuleId, u64>,
    mapped: BTreeMap<String, u64>,
    /// Rows that decisions were about.
    decided: BTreeSet<RowId>,
}

/// A table that has come to its end.
pub struct Arrived {
    pub source: Arc<Contract>,
    pub release: Arc<Contract>,
    pub rows_in: u64,
    pub published: u64,
    pub quarantined: u64,
    pub dropped: BTreeMap<RuleId, u64>,
    pub released: BTreeMap<RuleId, u64>,
    pub mapped: BTreeMap<String, u64>,
    pub left_quarantine: LeftQuarantine,
    pub entered_quarantine: u64,
    pub held: Vec<HeldFile>,
    pub notes: Vec<Note>,
    pub staged: Option<Staged>,
    pub outcomes: Vec<(Arc<Contract>, Vec<Outcome>)>,
    /// The texts that are to be published.
    pub texts: PublishedTexts,
}

impl Lane {
    pub fn new(plan: Plan, staging: &Path, holding: &Holding, budget: &Budget) -> Result<Self, RunError> {
        let source = plan.head.contract.clone();
        let release = plan.transform.as_ref().map_or_else(|| source.clone(), |transform| transform.contract().clone());
        let origins = plan.head.origins.clone();
        let times = PublishedTimes::new(&release, &origins);
        let identities = identities(&plan, &source, &release, &origins);
        let decider = |stage: Stage| Decider::new(plan.decisions.clone(), identities[stage as usize].clone());
        let [of_feed, of_release] = plan.around.clone();
        let mut check = TableCheck::new(source.clone(), origins.clone(), &plan.referenced, of_feed, budget.clone())?;
        check.decide(decider(Stage::Feed));
        let second = match &plan.transform {
            Some(_) => {
                let mut second = TableCheck::new(release.clone(), origins.clone(), &[], of_release, budget.clone())?;
                second.decide(decider(Stage::Release));
                Some(second)
            }
            None => None,
        };
        let writer = match plan.released {
            true => Some(Writer::new(staging, &release, plan.metadata, budget.clone())?),
            false => None,
        };
        let mut notes = Vec::new();
        let moves = moves(&identities, &release.table, holding, budget, &mut notes);
        let text = |name: &String| {
            let place = source.index_of(name)?;
            Some((place, name.clone())).filter(|_| source.columns[place].kind == crate::contract::Kind::Text)
        };
        Ok(Self {
            times,
            texts: PublishedTexts::new(&release, plan.has_private_texts, budget.clone()),
            check: Some(check),
            transform: plan.transform,
            second,
            writer,
            mapped: plan.mappings.keys().filter_map(text).collect(),
            mappings: plan.mappings,
            decisions: plan.decisions,
            held: Stage::BOTH.map(|stage| {
                let path = holding.staging.join(stage.file(&release.table));
                quarantine::Writer::new(path, &holding.run, holding.held_at)
            }),
            held_folder: holding.folder.clone(),
            identities,
            moves,
            notes,
            tally: Tally::default(),
            outcomes: Vec::new(),
            has_ended: false,
            is_derived: false,
            source,
            release,
            origins,
        })
    }

    /// The feed's table and the release's.
    pub fn tables(&self) -> (&str, &str) {
        (&self.source.table, &self.release.table)
    }

    /// The tables of the feed that must have ended before this lane can be derived.
    pub fn feed_waits_for(&self) -> BTreeSet<String> {
        let check = self.check.as_ref().filter(|_| self.transform.is_some());
        check.map_or_else(BTreeSet::new, TableCheck::waits_for)
    }

    /// The tables of the release that must be derived before this lane can be finished.
    pub fn release_waits_for(&self) -> BTreeSet<String> {
        self.second.as_ref().or(self.check.as_ref()).map_or_else(BTreeSet::new, TableCheck::waits_for)
    }

    /// Rows of the feed. What they have of private texts is kept, as they came: before mappings.
    pub fn push(&mut self, chunk: Chunk, keys: &Keys, private: &mut PrivateTexts) -> Result<(), RunError> {
        private.push(&self.source, &chunk.rows).map_err(crate::check::CheckError::from)?;
        self.tally.rows_in += chunk.rows.num_rows() as u64;
        let chunk = self.map(chunk)?;
        let Some(check) = &mut self.check else { return Ok(()) };
        let checked = check.push(chunk, keys)?;
        self.derive(checked)
    }

    /// Rows of the feed that no partition can have: they are counted here as dropped, and told.
    pub fn stray(&mut self, strays: &Strays, origin: &dyn Fn(u32) -> String) {
        let rule = RuleId(format!("{}.other_service_date", self.release.table));
        self.tally.rows_in += strays.rows;
        *self.tally.dropped.entry(rule.clone()).or_default() += strays.rows;
        let sample = |(place, row, date): &(u32, u64, ServiceDate)| Sample {
            origin: origin(*place),
            row: *row,
            column: Some("service_date".to_owned()),
            value: Some(date.to_string()),
        };
        let message = "A row is received at most a day before its service date begins, and until noon of the day after it. \
                       Other rows are dropped: no partition has them";
        let samples = strays.samples.iter().map(sample).collect();
        let outcome = self.told_of_dropped(rule, Dimension::Timeliness, strays.rows, message, samples);
        self.outcomes.push((self.release.clone(), vec![outcome]));
    }

    /// What is told of rows that are no rows of the release.
    fn dropped(&self, said: DroppedRows, rows: u64) -> Outcome {
        let origin = |place: u32| self.origins.get(place as usize).map_or_else(String::new, |o| o.name.clone());
        let sample = |(place, row): (u32, u64)| Sample { origin: origin(place), row, column: None, value: None };
        let samples = said.samples.into_iter().map(sample).collect();
        self.told_of_dropped(said.rule, Dimension::Uniqueness, rows, said.message, samples)
    }

    /// A finding about rows that were dropped.
    fn told_of_dropped(
        &self,
        rule: RuleId,
        dimension: Dimension,
        rows: u64,
        message: &str,
        samples: Vec<Sample>,
    ) -> Outcome {
        Outcome {
            rule,
            table: self.release.table.clone(),
            dimension,
            severity: Severity::Info,
            on_fail: OnFail::Report,
            result: RuleResult::Warning,
            rows,
            checked: self.tally.rows_in,
            value: None,
            message: message.to_owned(),
            samples,
        }
    }

    /// Replaces values as the mapping files say.
    fn map(&mut self, chunk: Chunk) -> Result<Chunk, RunError> {
        let mut columns: Option<Vec<arrow_array::ArrayRef>> = None;
        for (place, name) in &self.mapped {
            let replaced = self.mappings.get(name).and_then(|dictionary| dictionary.replace(chunk.rows.column(*place)));
            let count = self.tally.mapped.entry(name.clone()).or_default();
            if let Some((array, replaced)) = replaced {
                *count += replaced;
                columns.get_or_insert_with(|| chunk.rows.columns().to_vec())[*place] = array;
            }
        }
        let Some(columns) = columns else { return Ok(chunk) };
        let rows = RecordBatch::try_new(chunk.rows.schema(), columns);
        let rows = rows.map_err(|error| RunError::internal(format!("{}: {error}", self.source.table)))?;
        Ok(Chunk { rows, ..chunk })
    }

    /// The feed has no more rows of this table: the rows of the release are made of all of them. Tables that follow get its
    /// keys, even if its own rules wait for them.
    pub fn derive_all(&mut self, keys: &mut Keys) -> Result<(), RunError> {
        self.is_derived = true;
        if self.transform.is_none() {
            if let Some(check) = &mut self.check {
                check.lend_keys(keys)?;
            }
            return Ok(());
        }
        if let Some(check) = self.check.take() {
            let found = check.finish(keys, &mut |checked| self.derive(checked))?;
            self.outcomes.push((self.source.clone(), found));
        }
        if let Some(transform) = self.transform.take() {
            let said = transform.dropped();
            let (chunks, dropped) = transform.finish()?;
            let findings = said.into_iter().filter_map(|said| {
                let rows = dropped.get(&said.rule).copied().filter(|rows| *rows > 0)?;
                Some(self.dropped(said, rows))
            });
            let findings: Vec<Outcome> = findings.collect();
            if !findings.is_empty() {
                self.outcomes.push((self.release.clone(), findings));
            }
            for chunk in chunks {
                self.check_again(chunk)?;
            }
            for (rule, rows) in dropped.into_iter().filter(|(_, rows)| *rows > 0) {
                *self.tally.dropped.entry(rule).or_default() += rows;
            }
        }
        Ok(())
    }

    /// All rules are asked and the file is closed.
    pub fn finish(mut self, keys: &mut Keys) -> Result<Arrived, RunError> {
        if let Some(check) = self.check.take() {
            let found = check.finish(keys, &mut |checked| self.release(checked, Stage::Feed))?;
            self.outcomes.push((self.source.clone(), found));
        }
        if let Some(second) = self.second.take() {
            let found = second.finish(&mut Keys::default(), &mut |checked| self.release(checked, Stage::Release))?;
            self.outcomes.push((self.release.clone(), found));
        }
        let table = &self.release.table;
        let spare = self.decisions.rows().filter(|row| !self.tally.decided.contains(row)).count();
        self.notes.extend(spare_decisions(table, spare));
        let mut held = Vec::new();
        for (stage, writer) in Stage::BOTH.into_iter().zip(self.held) {
            held.push(HeldFile { staged: writer.finish()?, file: self.held_folder.join(stage.file(table)) });
        }
        let (left_quarantine, entered_quarantine) = self.moves.finish(self.tally.dropped.values().sum());
        let staged = match self.writer.take() {
            Some(writer) => Some(writer.finish()?),
            None => None,
        };
        Ok(Arrived {
            source: self.source,
            release: self.release,
            rows_in: self.tally.rows_in,
            published: self.tally.published,
            quarantined: self.tally.quarantined,
            dropped: self.tally.dropped,
            released: self.tally.released,
            mapped: self.tally.mapped,
            left_quarantine,
            entered_quarantine,
            held,
            notes: self.notes,
            staged,
            outcomes: self.outcomes,
            texts: self.texts,
        })
    }

    /// Checked rows of the feed become rows of the release.
    fn derive(&mut self, checked: Checked) -> Result<(), RunError> {
        let Some(mut transform) = self.transform.take() else { return self.release(checked, Stage::Feed) };
        self.hold(checked.quarantined, checked.decided, Stage::Feed)?;
        for rows in checked.passed {
            let rows = self.moves.mark(rows);
            for chunk in transform.push(rows)? {
                self.check_again(chunk)?;
            }
        }
        self.transform = Some(transform);
        Ok(())
    }

    fn check_again(&mut self, mut chunk: Chunk) -> Result<(), RunError> {
        chunk.rows = self.moves.unmark(chunk.rows);
        let Some(second) = &mut self.second else { return Ok(()) };
        let checked = second.push(chunk, &Keys::default())?;
        self.release(checked, Stage::Release)
    }

    /// The privacy step, and the file: rules have seen exact values, here times become what is published.
    fn release(&mut self, checked: Checked, stage: Stage) -> Result<(), RunError> {
        self.hold(checked.quarantined, checked.decided, stage)?;
        for rows in checked.passed {
            let Some(writer) = &mut self.writer else {
                let rule = RuleId(format!("{}.not_released", self.source.table));
                *self.tally.dropped.entry(rule).or_default() += rows.num_rows() as u64;
                continue;
            };
            self.tally.published += rows.num_rows() as u64;
            self.moves.published(stage, &rows);
            let failed = |error| RunError::internal(format!("{}: {error}", self.release.table));
            self.texts.push(&rows).map_err(crate::check::CheckError::from)?;
            let rows = match &self.times {
                Some(times) => times.rows(&rows).map_err(failed)?,
                None => rows,
            };
            let public = privacy::public_only(&self.release, &rows).map_err(failed)?;
            writer.push(public)?;
        }
        Ok(())
    }

    fn hold(&mut self, quarantined: Vec<Quarantined>, decided: Decided, stage: Stage) -> Result<(), RunError> {
        for held in quarantined {
            self.tally.quarantined += held.rows.num_rows() as u64;
            let identity = &self.identities[stage as usize];
            let ids: Vec<RowId> = (0..held.rows.num_rows()).map(|row| identity.of(&held.rows, row)).collect();
            self.moves.held(stage, &held.rows, &ids);
            self.held[stage as usize].push(identity, &held.rows, &ids, &held.rules)?;
        }
        if decided.discarded > 0 {
            let rule = RuleId(format!("{}.discarded", self.release.table));
            *self.tally.dropped.entry(rule).or_default() += decided.discarded;
        }
        for (rule, rows) in decided.released {
            *self.tally.released.entry(rule).or_default() += rows;
        }
        if !decided.rows.is_empty() {
            self.moves.decided(stage);
        }
        self.tally.decided.extend(decided.rows);
        Ok(())
    }
}

/// How rows of the feed and of the release are known: not by what mappings replace or rules may null on their way there. The
/// source of a report stands in the name of its origin.
fn identities(plan: &Plan, source: &Contract, release: &Contract, origins: &Arc<[Origin]>) -> [Arc<Identity>; 2] {
    let mut ignored: BTreeSet<String> = plan.mappings.keys().cloned().collect();
    ignored.extend(quarantine::nullable(source));
    // Of feeds that are not released as they came.
    if plan.transform.is_some() || !plan.released {
        ignored.insert(SOURCE.to_owned());
    }
    let mut later = ignored.clone();
    if let Some(transform) = &plan.transform {
        let columns = release.columns.iter().map(|column| &column.name);
        let made = |name: &&String| transform.made_from(name).iter().any(|from| ignored.contains(*from));
        later = columns.filter(made).cloned().collect();
        later.extend(quarantine::nullable(release));
    }
    [(source, ignored), (release, later)]
        .map(|(contract, ignored)| Arc::new(Identity::new(contract, &ignored, origins.clone())))
}

/// Looks at what is in quarantine. Where that cannot be read, nothing can be said of it.
fn moves(
    identities: &[Arc<Identity>; 2],
    table: &str,
    holding: &Holding,
    budget: &Budget,
    notes: &mut Vec<Note>,
) -> Moves {
    let [feed, release] = identities;
    let mut moves = Moves::new(feed.clone(), release.clone());
    for stage in Stage::BOTH {
        match moves.read(stage, &holding.folder.join(stage.file(table)), budget) {
            Ok(()) => {}
            Err(error) => {
                tracing::warn!("the quarantine of '{table}': {error}");
                let (rule, problem) = match error {
                    MovesError::TooMany => ("quarantine.too_many_rows", error.to_string()),
                    MovesError::Quarantine(_) => ("quarantine.unreadable", "it could not be read".to_owned()),
                };
                notes.push(Note {
                    rule,
                    severity: Severity::Warning,
                    message: format!("the quarantine of '{table}': {problem}. Which of its rows left it is not known"),
                });
                return Moves::new(feed.clone(), release.clone());
            }
        }
    }
    moves
}

/// Tells that decisions were about rows that no rule holds any more.
pub fn spare_decisions(table: &str, count: usize) -> Option<Note> {
    let (decisions, rows) = if count == 1 { ("decision", "a row") } else { ("decisions", "rows") };
    (count > 0).then(|| Note {
        rule: "quarantine.decision_without_row",
        severity: Severity::Warning,
        message: format!(
            "{count} {decisions} about '{table}' had nothing to do: no rule holds {rows} like that, because the evidence, \
             a rule or a mapping has changed"
        ),
    })
}
