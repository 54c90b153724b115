//! Where the rows of one table go: published, held back, or dropped by a rule. Every row is in one account.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::check::{CheckError, Checked, Outcome, RuleResult, Sample};
use crate::contract::times::PublishedTimes;
use crate::contract::{Contract, Dimension, OnFail, RuleId, Severity};
use crate::decode::Note;
use crate::decode::captures::Strays;
use crate::derive::derivation::{RowAccount, Unused};
use crate::derive::line_hours::LineHours;
use crate::derive::privacy;
use crate::derive::privacy::step::{PrivacyStep, REPORT, Scope, Stepped, VEHICLE};
use crate::derive::privacy::texts::PublishedTexts;
use crate::ledger::{InputRows, LeftQuarantine};
use crate::pipeline::journal::HeldFile;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::nodes::quarantine_target::QuarantineTarget;
use crate::pipeline::trace::watch::PublishedForm;
use crate::publish::parquet::{Staged, Writer};
use crate::quarantine::Stage;
use crate::table::Origin;
use crate::time::ServiceDate;

/// How many rows came and where they went.
#[derive(Default)]
pub(in crate::pipeline::run) struct RowCounts {
    pub rows_in: u64,
    pub published: u64,
    pub quarantined: u64,
    pub dropped: BTreeMap<RuleId, u64>,
    pub released: BTreeMap<RuleId, u64>,
    pub mapped: BTreeMap<String, u64>,
}

/// A table on its way into the staging folder.
pub(in crate::pipeline::run) struct TableAccount {
    /// The table of the feed that it is made of row by row, or the tables that it is derived from.
    pub from: Vec<String>,
    pub release: Arc<Contract>,
    pub origins: Arc<[Origin]>,
    /// `None` if the table is not released.
    pub writer: Option<Writer>,
    /// How instants are published, and the texts that were.
    pub times: Option<PublishedTimes>,
    pub texts: PublishedTexts,
    /// What cuts positions off and shortens pseudonyms, of a table that it concerns.
    pub step: Option<PrivacyStep>,
    /// Rows that it blanked.
    pub blanked: BTreeMap<RuleId, u64>,
    pub quarantine: QuarantineTarget,
    pub counts: RowCounts,
    /// The rows that are held back and those that repeat others by line and hour, of a table of which a derivation reads it.
    pub held_lines: Option<LineHours>,
    pub dropped_lines: Option<LineHours>,
    /// Of a derived table: what became of the rows of its inputs.
    pub inputs: Vec<InputRows>,
    /// By contract.
    pub outcomes: Vec<(Arc<Contract>, Vec<Outcome>)>,
    pub notes: Vec<Note>,
}

/// A table that has come to its end.
pub(in crate::pipeline::run) struct TableResult {
    pub from: Vec<String>,
    pub release: Arc<Contract>,
    pub counts: RowCounts,
    /// What derivations read of it.
    pub rows: RowAccount,
    pub inputs: Vec<InputRows>,
    pub left_quarantine: LeftQuarantine,
    pub entered_quarantine: u64,
    pub held: Vec<HeldFile>,
    pub notes: Vec<Note>,
    pub staged: Option<Staged>,
    pub outcomes: Vec<(Arc<Contract>, Vec<Outcome>)>,
    /// The texts that are to be published.
    pub texts: PublishedTexts,
}

impl TableAccount {
    /// Takes what a check held back and what decisions did; gives the rows that passed.
    pub(crate) fn hold(&mut self, stage: Stage, checked: Checked) -> Result<Vec<RecordBatch>, RunError> {
        for held in &checked.quarantined {
            self.counts.quarantined += held.rows.num_rows() as u64;
            if let Some(lines) = &mut self.held_lines {
                lines.add(&held.rows, 0..held.rows.num_rows()).map_err(CheckError::from)?;
            }
            self.quarantine.hold(stage, held)?;
        }
        let decided = checked.decided;
        if decided.discarded > 0 {
            self.drop_rows(RuleId(format!("{}.discarded", self.release.table)), decided.discarded);
        }
        for (rule, rows) in decided.released {
            *self.counts.released.entry(rule).or_default() += rows;
        }
        self.quarantine.decided(stage, decided.rows);
        Ok(checked.passed)
    }

    /// The privacy step, and the file: rules have seen exact values and the vehicle of the day, here positions are cut off,
    /// pseudonyms and times become what is published. Gives the rows that are published, and as they are, of a table that is.
    pub(crate) fn publish(
        &mut self,
        stage: Stage,
        rows: RecordBatch,
    ) -> Result<(RecordBatch, Option<RecordBatch>), RunError> {
        let failed = |error| RunError::internal(format!("{}: {error}", self.release.table));
        if self.writer.is_none() {
            self.drop_rows(RuleId(format!("{}.not_released", self.release.table)), rows.num_rows() as u64);
            return Ok((rows, None));
        }
        let rows = match &self.step {
            Some(step) => {
                let Stepped { rows, dropped, blanked } = step.apply(&rows).map_err(failed)?;
                dropped.into_iter().for_each(|(rule, rows)| self.drop_rows(rule, rows));
                for (rule, rows) in blanked {
                    *self.blanked.entry(rule).or_default() += rows;
                }
                rows
            }
            None => rows,
        };
        let Some(writer) = &mut self.writer else { return Ok((rows, None)) };
        self.counts.published += rows.num_rows() as u64;
        self.quarantine.reconciliation.published(stage, &rows);
        let failed = |error| RunError::internal(format!("{}: {error}", self.release.table));
        self.texts.push(&rows).map_err(CheckError::from)?;
        let public = match &self.times {
            Some(times) => privacy::public_only(&self.release, &times.rows(&rows).map_err(failed)?),
            None => privacy::public_only(&self.release, &rows),
        };
        let public = public.map_err(failed)?;
        writer.push(public.clone())?;
        Ok((rows, Some(public)))
    }

    /// What rows that passed all rules are published as: every public column, and the origins; and which rules of privacy drop or blank
    /// some of them. Values that files never have may be null in it.
    pub(crate) fn published_form(&self, rows: &RecordBatch) -> Result<PublishedForm, RunError> {
        let failed = |error| RunError::internal(format!("{}: {error}", self.release.table));
        let ids = |rules: Vec<(RuleId, u64)>| rules.into_iter().map(|(rule, _)| rule).collect();
        let (rows, cut, blanked) = match &self.step {
            Some(step) => {
                let Stepped { rows, dropped, blanked } = step.apply(rows).map_err(failed)?;
                (rows, ids(dropped), ids(blanked))
            }
            None => (rows.clone(), Vec::new(), Vec::new()),
        };
        Ok(PublishedForm { public: self.public_form(&rows)?, cut, blanked })
    }

    /// The public columns of rows as they are published but for what privacy makes of them, and their origins.
    pub(crate) fn public_form(&self, rows: &RecordBatch) -> Result<RecordBatch, RunError> {
        let failed = |error| RunError::internal(format!("{}: {error}", self.release.table));
        let rows = match &self.times {
            Some(times) => times.rows(rows).map_err(failed)?,
            None => rows.clone(),
        };
        let public: Vec<usize> = self.release.public_columns().map(|(place, _)| place).collect();
        let schema = rows.schema();
        let hidden = self.release.columns.len()..schema.fields().len();
        rows.project(&public.into_iter().chain(hidden).collect::<Vec<_>>()).map_err(failed)
    }

    fn drop_rows(&mut self, rule: RuleId, rows: u64) {
        if rows > 0 {
            *self.counts.dropped.entry(rule).or_default() += rows;
        }
    }

    /// Rows of the feed that no partition can have: they are counted here as dropped, and told.
    pub(crate) fn stray(&mut self, strays: &Strays, origin: &dyn Fn(u32) -> String) {
        let rule = RuleId(format!("{}.other_service_date", self.release.table));
        self.counts.rows_in += strays.rows;
        *self.counts.dropped.entry(rule.clone()).or_default() += strays.rows;
        let sample = |(place, row, date): &(u32, u64, ServiceDate)| Sample {
            origin: origin(*place),
            row: *row,
            column: Some("service_date".to_owned()),
            value: Some(date.to_string()),
        };
        let message = "A row is received at most a day before its service date begins, and until noon of the day after it. \
                       Other rows are dropped: no partition has them";
        let samples = strays.samples.iter().map(sample).collect();
        let told = self.told_of_dropped((rule, strays.rows), Dimension::Timeliness, message, samples);
        self.outcomes.push((self.release.clone(), vec![told]));
    }

    /// Rows of the feed that are no rows of the release: dropped, and told.
    pub(crate) fn drop_unused(&mut self, unused: Vec<Unused>) {
        let told = unused.iter().filter_map(|unused| self.told_of_unused(unused)).collect();
        self.tell(told);
        for Unused { rule, rows, lines, .. } in unused {
            self.drop_rows(rule, rows);
            self.dropped_lines = lines.or(self.dropped_lines.take());
        }
    }

    /// Rows of tables that this one is derived from: they stay in their accounts, and what became of them is told here.
    pub(crate) fn derived_from(&mut self, inputs: Vec<InputRows>, unused: &[Unused]) {
        self.inputs = inputs;
        let told = unused.iter().filter_map(|unused| self.told_of_unused(unused)).collect();
        self.tell(told);
    }

    fn tell(&mut self, told: Vec<Outcome>) {
        if !told.is_empty() {
            self.outcomes.push((self.release.clone(), told));
        }
    }

    fn told_of_unused(&self, unused: &Unused) -> Option<Outcome> {
        let told = unused.told.as_ref().filter(|_| unused.rows > 0)?;
        let origin = |place: u32| self.origins.get(place as usize).map_or_else(String::new, |o| o.name.clone());
        let sample =
            |(place, row): &(u32, u64)| Sample { origin: origin(*place), row: *row, column: None, value: None };
        let samples = told.places.iter().map(sample).collect();
        let rows = (unused.rule.clone(), unused.rows);
        Some(self.told_of_dropped(rows, told.dimension, told.message, samples))
    }

    /// A finding about rows that were dropped.
    fn told_of_dropped(
        &self,
        (rule, rows): (RuleId, u64),
        dimension: Dimension,
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
            checked: self.counts.rows_in,
            value: None,
            message: message.to_owned(),
            found_de: None,
            samples,
        }
    }

    /// What was cut off is told, each time with how many rows; and no sample leads to a pseudonym that is not published.
    fn tell_of_privacy(&mut self) {
        let Some(step) = &self.step else { return };
        let hides = step.scope() != Scope::Day;
        let mut told = Vec::new();
        for (rule, rows) in step.rules().map(|rule| (rule.clone(), self.counts.dropped.get(rule).copied())) {
            let (rows, message) = match (rows, self.blanked.get(&rule).copied()) {
                (Some(rows), _) => (rows, "Positions that are not to be published: their rows are dropped"),
                (None, Some(rows)) => (rows, "Positions that are not to be published: what tells the place is null"),
                (None, None) => continue,
            };
            told.push(self.told_of_dropped((rule, rows), Dimension::Conformity, message, Vec::new()));
        }
        self.tell(told);
        if hides {
            let samples = self.outcomes.iter_mut().flat_map(|(_, outcomes)| outcomes).flat_map(|of| &mut of.samples);
            for sample in samples {
                let is_of_other = |column: &String| ![VEHICLE, REPORT].contains(&column.as_str());
                // Of several columns one may be the vehicle.
                sample.value = sample.value.take().filter(|_| sample.column.as_ref().is_some_and(is_of_other));
            }
        }
    }

    /// The file is closed, and it is known which rows left the quarantine.
    pub(crate) fn finish(mut self) -> Result<TableResult, RunError> {
        self.tell_of_privacy();
        self.notes.extend(self.quarantine.spare_decisions());
        let dropped = self.counts.dropped.values().sum();
        let rows = RowAccount {
            published: self.counts.published,
            held: self.counts.quarantined,
            dropped,
            held_lines: self.held_lines,
            dropped_lines: self.dropped_lines,
        };
        let (held, (left_quarantine, entered_quarantine)) = self.quarantine.finish(dropped)?;
        Ok(TableResult {
            from: self.from,
            release: self.release,
            counts: self.counts,
            rows,
            inputs: self.inputs,
            left_quarantine,
            entered_quarantine,
            held,
            notes: self.notes,
            staged: self.writer.map(Writer::finish).transpose()?,
            outcomes: self.outcomes,
            texts: self.texts,
        })
    }
}
