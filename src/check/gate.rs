//! Where a rule's flag becomes a row that is held back or a cell that is nulled, and what the data manager decided of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::ArrowError;

use crate::check::Quarantined;
use crate::check::cells::RowDescriber;
use crate::check::outcome::TableRule;
use crate::check::rules::RuleKind;
use crate::check::verdict::{TableVerdict, Verdict};
use crate::contract::{OnFail, RuleId};
use crate::quarantine::decisions::{Decided, Decider};

/// Parts rows that pass from rows that are held back.
pub(super) struct RowGate {
    pub describer: RowDescriber,
    /// The ids of the table's rules, by their places.
    rules: Arc<[RuleId]>,
    decisions: Option<Decider>,
    /// Of the rows that passed the rules of single rows: the rules that decisions release them from.
    released: BTreeMap<usize, BTreeSet<RuleId>>,
}

/// A row that a rule flags.
pub(super) struct Flag {
    pub row: usize,
    /// The column whose cell is at fault, if it is one.
    pub column: Option<usize>,
    /// What stands there, for people.
    pub value: Option<String>,
}

impl Flag {
    pub(super) fn row(row: usize) -> Self {
        Self { row, column: None, value: None }
    }
}

impl RowGate {
    pub(super) fn new(describer: RowDescriber, rules: Arc<[RuleId]>) -> Self {
        Self { describer, rules, decisions: None, released: BTreeMap::new() }
    }

    /// Lets decisions about rows have their way.
    pub(super) fn decide(&mut self, decisions: Decider) {
        self.decisions = Some(decisions);
    }

    /// A rule flags a row.
    pub(super) fn flag(&mut self, rule: &mut TableRule, rows: &RecordBatch, flag: Flag, verdict: &mut Verdict) {
        let Flag { row, column, value } = flag;
        if verdict.torn.contains(&row) && !matches!(rule.spec.kind, RuleKind::RowLength) {
            return;
        }
        match (rule.spec.on_fail, column) {
            (OnFail::Quarantine, _) if self.holds(rule, rows, row) => verdict.hold(row, rule.place),
            (OnFail::Invalidate, Some(column)) => self.invalidate(rule, row, column, verdict),
            _ => {}
        }
        rule.found.rows += 1;
        if rule.found.wants_sample() {
            let value = value.filter(|_| column.is_none_or(|column| self.describer.is_public(column)));
            rule.found.samples.push(self.describer.sample(rows, row, column, value));
        }
    }

    /// Nulls a cell; where every published row has a value, the row is held back instead.
    pub(super) fn invalidate(&self, rule: &TableRule, row: usize, column: usize, verdict: &mut Verdict) {
        match self.describer.contract.is_never_null(column) {
            true if verdict.held.get(&row).is_some_and(|rules| rules.contains(&rule.place)) => {}
            true => verdict.hold(row, rule.place),
            false => verdict.null(row, column),
        }
    }

    /// A rule flags cells of a column.
    pub(super) fn flag_cells(
        &mut self,
        rule: &mut TableRule,
        rows: &RecordBatch,
        cells: (usize, &[usize]),
        verdict: &mut Verdict,
    ) {
        let (column, flagged) = cells;
        for &row in flagged {
            let value = self.shown(rule, rows, row, &[column]);
            self.flag(rule, rows, Flag { row, column: Some(column), value }, verdict);
        }
    }

    /// The values of some public cells, if the rule still needs them for a sample.
    pub(super) fn shown(&self, rule: &TableRule, rows: &RecordBatch, row: usize, columns: &[usize]) -> Option<String> {
        rule.found.wants_sample().then(|| self.describer.shown(rows, row, columns)).flatten()
    }

    /// Whether a rule holds a row: unless the data manager released it from that rule; a row without a value that every
    /// published row has is held all the same.
    fn holds(&mut self, rule: &TableRule, rows: &RecordBatch, row: usize) -> bool {
        // Files promise that these columns are never null, and no decision can make up the value.
        if let RuleKind::Required { column } | RuleKind::Type { column } = rule.spec.kind
            && self.describer.is_public(column)
            && self.describer.contract.is_never_null(column)
        {
            return true;
        }
        !self.decisions.as_mut().is_some_and(|decisions| decisions.releases(rows, row, &rule.spec.id))
    }

    /// Remembers what decisions release rows from that wait, the first of which has the place `first`: numbers are asked for
    /// over what passed, when these rows are out of reach.
    pub(super) fn remember_releases(&mut self, rows: &RecordBatch, first: usize) {
        if let Some(decisions) = &self.decisions {
            self.released.extend(decisions.released(rows, first));
        }
    }

    /// Whether a row that waits is held, once all rules have spoken.
    pub(super) fn is_held(&self, row: usize, verdict: &TableVerdict) -> bool {
        let released = |rule: &RuleId| self.released.get(&row).is_some_and(|rules| rules.contains(rule));
        verdict.rules(row).any(|rule| !released(&self.rules[rule as usize]))
    }

    /// Nulls cells, and parts the rows that pass from those that are held back. What is held back is what came, not what
    /// the rules made of it.
    pub(super) fn split(
        &mut self,
        rows: RecordBatch,
        mut verdict: Verdict,
    ) -> Result<(RecordBatch, Option<Quarantined>), ArrowError> {
        if let Some(decisions) = &mut self.decisions {
            // A row that could not be taken apart has no values that could be published.
            for (&row, rules) in verdict.held.iter_mut().filter(|(row, _)| !verdict.torn.contains(*row)) {
                rules.retain(|rule| !decisions.releases(&rows, row, &self.rules[*rule as usize]));
            }
            verdict.held.retain(|_, rules| !rules.is_empty());
        }
        let mut kept = verdict.held.clone();
        if let Some(decisions) = &mut self.decisions {
            kept.retain(|&row, _| !decisions.discards(&rows, row));
        }
        let quarantined = if kept.is_empty() {
            None
        } else {
            let mask: BooleanArray = (0..rows.num_rows()).map(|row| Some(kept.contains_key(&row))).collect();
            let held = arrow_select::filter::filter_record_batch(&rows, &mask)?;
            let ids = |places: Vec<u32>| places.iter().map(|&place| self.rules[place as usize].clone()).collect();
            Some(Quarantined { rows: held, rules: kept.into_values().map(ids).collect() })
        };
        let mut columns = rows.columns().to_vec();
        for (column, nulled) in &verdict.nulled {
            let mut mask = vec![false; rows.num_rows()];
            nulled.iter().for_each(|&row| mask[row] = true);
            columns[*column] = arrow_select::nullif::nullif(&columns[*column], &mask.into())?;
        }
        let rows = RecordBatch::try_new(rows.schema(), columns)?;
        if verdict.held.is_empty() {
            return Ok((rows, None));
        }
        let mask: BooleanArray = (0..rows.num_rows()).map(|row| Some(!verdict.held.contains_key(&row))).collect();
        let passed = arrow_select::filter::filter_record_batch(&rows, &mask)?;
        Ok((passed, quarantined))
    }

    /// What decisions did to the table's rows.
    pub(super) fn finish(&mut self) -> Decided {
        self.decisions.take().map(Decider::finish).unwrap_or_default()
    }
}
