//! Check: rows meet their contract.
//!
//! Takes chunks and a [`Contract`]; makes [`Checked`] rows (passed, or held back with the ids of the rules that held
//! them) and, at the end of a table, an [`Outcome`] for every rule. Works chunk by chunk; holds 16 bytes per key of
//! tables with a primary key or that others refer to, and all rows of a table only if the contract has SQL rules for it
//! (or a key into the table itself that holds rows back), both booked on the run's [`Budget`]. A rule that cannot run is
//! an error, never a pass.
//!
//! The rules that a contract makes without writing SQL, with what happens unless the contract says otherwise:
//!
//! | rule | severity | on fail |
//! |---|---|---|
//! | `<table>.row_length` | error | quarantine |
//! | `<table>.<column>.type` | error | invalidate; quarantine where the column is required |
//! | `<table>.<column>.required`, `.unique` | error | quarantine |
//! | `<table>.<column>.enum` | warning | report |
//! | `<table>.<column>.range`, `.pattern`, `.length` | error | report |
//! | `<table>.primary_key` | error | quarantine; the first row of a key passes |
//! | `<table>.<column>.foreign_key` | error | report |
//! | library metrics, see [`crate::contract::metric`] | error | report |

pub mod gtfs;
mod metrics;
mod rules;
mod sql;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMillisecondType, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

use crate::contract::{Classification, Contract, Dimension, Kind, OnFail, RuleId, Severity};
use crate::quarantine::decisions::{Decided, Decider};
use crate::table::keys::{KeyColumns, KeySet, Keys};
use crate::table::{Budget, BudgetExceeded, Chunk, Flaw, ORIGIN, ORIGIN_ROW, Origin};
use metrics::{Measured, Meter};
use rules::{Ask, Spec};
pub use sql::dry_run;

/// Samples kept per rule.
const SAMPLES: usize = 5;
/// Characters of a value in a sample.
const EXCERPT: usize = 80;

/// Rows that came out of a check. The batches have the columns of the chunks that went in, origin fields included.
#[derive(Debug, Default)]
pub struct Checked {
    pub passed: Vec<RecordBatch>,
    pub quarantined: Vec<Quarantined>,
    /// What the data manager's decisions did to the table's rows; told at its end.
    pub decided: Decided,
}

/// Rows held back, and why.
#[derive(Debug)]
pub struct Quarantined {
    pub rows: RecordBatch,
    /// For each row the rules that held it.
    pub rules: Vec<Vec<RuleId>>,
}

/// One rule's result over one table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub rule: RuleId,
    pub table: String,
    pub dimension: Dimension,
    pub severity: Severity,
    pub on_fail: OnFail,
    pub result: RuleResult,
    /// Rows that the rule named.
    pub rows: u64,
    /// Rows that it looked at.
    pub checked: u64,
    /// What a metric or a query that returns a number came to; of a rule that is compared with earlier partitions, its
    /// rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What the rule asks, or why it could not run.
    pub message: String,
    /// The first rows named, at most five.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Sample>,
}

impl Outcome {
    /// Whether this outcome forbids to publish the run: a blocking rule failed, or a rule could not run.
    pub fn blocks(&self) -> bool {
        let failed = matches!(self.result, RuleResult::Failed | RuleResult::Warning);
        self.result == RuleResult::Error || (self.on_fail == OnFail::Block && failed)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleResult {
    /// No row was named.
    Passed,
    /// Rows were named by a rule of severity `warning` or `info`.
    Warning,
    /// Rows were named by a rule of severity `error`.
    Failed,
    /// The rule could not run.
    Error,
    /// There was nothing to look at: the table is absent.
    Skipped,
}

/// A row that a rule named. `value` is there only if the column is public.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    pub origin: String,
    pub row: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
    #[error("checking table {table}: {problem}")]
    Table { table: String, problem: String },
}

/// For each table the lists of columns that foreign keys of `contracts` name.
pub fn referenced<'a>(contracts: impl Iterator<Item = &'a Arc<Contract>>) -> BTreeMap<String, Vec<Vec<String>>> {
    let mut referenced: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for target in contracts.flat_map(|contract| &contract.foreign_keys).flat_map(|key| &key.targets) {
        let lists = referenced.entry(target.table.clone()).or_default();
        if !lists.contains(&target.columns) {
            lists.push(target.columns.clone());
        }
    }
    referenced
}

/// The outcomes of a table that the feed does not have: every rule skipped.
pub fn absent(contract: &Contract) -> Vec<Outcome> {
    let specs = rules::specs(contract);
    specs.into_iter().map(|spec| Tally::default().outcome(spec, &contract.table, 0, true)).collect()
}

/// What a rule has found so far.
#[derive(Default)]
struct Tally {
    rows: u64,
    samples: Vec<Sample>,
    /// Why the rule could not run.
    broken: Option<String>,
    /// Of a metric, which can fail without naming a row.
    measured: Option<Measured>,
}

impl Tally {
    fn outcome(self, mut spec: Spec, table: &str, mut checked: u64, skipped: bool) -> Outcome {
        let mut rows = self.rows;
        // One "row" stands for a threshold that does not hold.
        let mut named = rows;
        if let Some(measured) = self.measured {
            // A rule that names rows keeps their number, a number that is not what it must be counts as one.
            (rows, checked, named) = (measured.count, measured.rows, u64::from(!measured.holds));
            spec.message = measured.message;
        }
        let result = match (&self.broken, named, spec.severity) {
            _ if skipped => RuleResult::Skipped,
            (Some(_), ..) => RuleResult::Error,
            (None, 0, _) => RuleResult::Passed,
            (None, _, Severity::Error) => RuleResult::Failed,
            (None, ..) => RuleResult::Warning,
        };
        Outcome {
            rule: spec.id,
            table: table.to_owned(),
            dimension: spec.dimension,
            severity: spec.severity,
            on_fail: spec.on_fail,
            result,
            rows,
            checked,
            value: None,
            message: self.broken.unwrap_or(spec.message),
            samples: self.samples,
        }
    }
}

/// What the rules say of one batch: rows to hold back and cells to null.
#[derive(Default)]
struct Verdict {
    held: BTreeMap<usize, Vec<RuleId>>,
    nulled: BTreeMap<usize, Vec<usize>>,
}

/// The check of one table: push its chunks, then finish.
pub struct TableCheck {
    contract: Arc<Contract>,
    origins: Arc<[Origin]>,
    specs: Vec<Spec>,
    tallies: Vec<Tally>,
    /// Of the rules that ask for keys seen once, by place in `specs`.
    seen: BTreeMap<usize, KeySet>,
    /// Columns that foreign keys name, and the keys seen there.
    referenced: Vec<(Vec<String>, KeyColumns, KeySet)>,
    /// Keys into this table itself: the rule, the key, and the row that has it.
    open: Vec<(usize, u128, Sample)>,
    /// Passed rows, if they must wait for a rule over all rows.
    held: Option<Vec<RecordBatch>>,
    budget: Budget,
    booked: usize,
    /// The metrics, with their places in `specs`.
    meters: Vec<(usize, Meter)>,
    /// More keys came than the run may hold.
    exceeded: Option<BudgetExceeded>,
    rows: u64,
    /// What the data manager has decided of rows that are held.
    decisions: Option<Decider>,
}

impl TableCheck {
    /// `referenced` lists the columns of this table that foreign keys name, see [`referenced`].
    pub fn new(
        contract: Arc<Contract>,
        origins: Arc<[Origin]>,
        referenced: &[Vec<String>],
        budget: Budget,
    ) -> Result<Self, CheckError> {
        let specs = rules::specs(&contract);
        let waits = specs.iter().any(|spec| match &spec.ask {
            Ask::Sql { .. } => true,
            Ask::ForeignKey { key } => {
                let key = &contract.foreign_keys[*key];
                key.on_fail > OnFail::Report && key.targets.iter().any(|target| target.table == contract.table)
            }
            _ => false,
        });
        let referenced = referenced
            .iter()
            .filter_map(|names| {
                let places = names.iter().map(|name| contract.index_of(name)).collect::<Option<Vec<_>>>()?;
                Some((names.clone(), KeyColumns::new(places), KeySet::default()))
            })
            .collect();
        let meters = specs.iter().enumerate().filter_map(|(place, spec)| match spec.ask {
            Ask::Metric { metric } => Some((place, Meter::new(&contract.metrics[metric], &contract))),
            _ => None,
        });
        let meters = meters.collect();
        Ok(Self {
            meters,
            tallies: specs.iter().map(|_| Tally::default()).collect(),
            specs,
            seen: BTreeMap::new(),
            referenced,
            open: Vec::new(),
            held: waits.then(Vec::new),
            budget,
            booked: 0,
            exceeded: None,
            rows: 0,
            decisions: None,
            contract,
            origins,
        })
    }

    /// Lets decisions about rows have their way.
    pub fn decide(&mut self, decisions: Decider) {
        self.decisions = Some(decisions);
    }

    /// Checks some rows. What passed comes back now, or from [`Self::finish`] where a rule needs all rows.
    pub fn push(&mut self, chunk: Chunk, keys: &Keys) -> Result<Checked, CheckError> {
        self.rows += chunk.rows.num_rows() as u64;
        let mut verdict = Verdict::default();
        for place in 0..self.specs.len() {
            self.ask(place, &chunk, keys, &mut verdict);
        }
        if let Some(exceeded) = self.exceeded.take() {
            return Err(exceeded.into());
        }
        let (passed, quarantined) = self.split(chunk.rows, verdict)?;
        let mut checked = Checked { quarantined: quarantined.into_iter().collect(), ..Checked::default() };
        if passed.num_rows() == 0 {
            return Ok(checked);
        }
        if let Some(held) = &mut self.held {
            let bytes = passed.get_array_memory_size();
            self.budget.take("check", bytes)?;
            self.booked += bytes;
            held.push(passed);
        } else {
            self.keep_keys(&passed)?;
            self.measure(&passed)?;
            checked.passed.push(passed);
        }
        Ok(checked)
    }

    /// The rows held until now, and one outcome per rule, in the order of the contract. Adds this table's keys to `keys`.
    pub fn finish(mut self, keys: &mut Keys) -> Result<(Checked, Vec<Outcome>), CheckError> {
        let mut checked = Checked::default();
        let mut verdict = Verdict::default();
        let held = self.held.take();
        let all = match &held {
            Some(batches) => {
                let all = arrow_select::concat::concat_batches(&self.contract.chunk_schema(), batches);
                Some(all.map_err(|error| self.error(&error.to_string()))?)
            }
            None => None,
        };
        drop(held);
        if let Some(all) = &all {
            self.ask_sql(all, false, &mut verdict);
            self.keep_keys_of_self(all);
        }
        self.close_own_keys(all.as_ref(), &mut verdict);
        if let Some(all) = all {
            let (passed, quarantined) = self.split(all, verdict)?;
            self.keep_keys_again(&passed)?;
            self.measure(&passed)?;
            self.ask_sql(&passed, true, &mut Verdict::default());
            checked.passed.extend((passed.num_rows() > 0).then_some(passed));
            checked.quarantined.extend(quarantined);
        }
        checked.decided = self.decisions.take().map(Decider::finish).unwrap_or_default();
        self.budget.give_back(self.booked);
        for (place, meter) in std::mem::take(&mut self.meters) {
            self.tallies[place].measured = Some(meter.finish());
        }
        let table = self.contract.table.clone();
        for (names, _, set) in self.referenced {
            keys.add(&table, names, set);
        }
        let outcomes = self.specs.into_iter().zip(self.tallies);
        let outcomes = outcomes.map(|(spec, tally)| tally.outcome(spec, &table, self.rows, false)).collect();
        Ok((checked, outcomes))
    }

    /// Counts rows that passed.
    fn measure(&mut self, passed: &RecordBatch) -> Result<(), CheckError> {
        for (_, meter) in &mut self.meters {
            let grown = meter.push(passed);
            self.budget.take("check", grown)?;
            self.booked += grown;
        }
        Ok(())
    }

    fn error(&self, problem: &str) -> CheckError {
        CheckError::Table { table: self.contract.table.clone(), problem: problem.to_owned() }
    }

    /// Asks one rule about a chunk.
    fn ask(&mut self, place: usize, chunk: &Chunk, keys: &Keys, verdict: &mut Verdict) {
        let contract = self.contract.clone();
        let rows = &chunk.rows;
        match &self.specs[place].ask {
            Ask::RowLength => {
                for flaw in chunk.flaws.iter().filter(|flaw| flaw.column.is_none()) {
                    self.name(place, rows, flaw.row as usize, None, Some(flaw.found.clone()), verdict);
                }
            }
            &Ask::Type { column } => {
                let flaws: Vec<&Flaw> = chunk.flaws.iter().filter(|flaw| flaw.column == Some(column as u32)).collect();
                for flaw in flaws {
                    self.name(place, rows, flaw.row as usize, Some(column), Some(flaw.found.clone()), verdict);
                }
            }
            &Ask::Required { column } => {
                let array = rows.column(column);
                if array.null_count() > 0 {
                    // A cell that could not be read was told by the type's rule.
                    let told = |row: usize| {
                        let of_row = chunk.flaws.partition_point(|flaw| (flaw.row as usize) < row);
                        let flaws = chunk.flaws[of_row..].iter().take_while(|flaw| flaw.row as usize == row);
                        flaws.into_iter().any(|flaw| flaw.column == Some(column as u32))
                    };
                    for row in (0..rows.num_rows()).filter(|&row| array.is_null(row) && !told(row)).collect::<Vec<_>>()
                    {
                        self.name(place, rows, row, Some(column), None, verdict);
                    }
                }
            }
            &Ask::Enum { column } => {
                let offending = rules::outside_of_enum(&contract.columns[column], rows.column(column));
                self.name_all(place, rows, column, &offending, verdict);
            }
            &Ask::Range { column } => {
                let offending = rules::outside_of_range(&contract.columns[column], rows.column(column));
                self.name_all(place, rows, column, &offending, verdict);
            }
            Ask::Pattern { column, pattern } => {
                let (column, offending) = (*column, rules::unlike_pattern(pattern, rows.column(*column)));
                self.name_all(place, rows, column, &offending, verdict);
            }
            &Ask::Length { column } => {
                let offending = rules::of_wrong_length(&contract.columns[column], rows.column(column));
                self.name_all(place, rows, column, &offending, verdict);
            }
            Ask::Once { columns } => {
                let set = self.seen.entry(place).or_default();
                let skip_null = columns.places.len() == 1 && contract.primary_key != columns.places;
                let before = set.bytes();
                let again: Vec<usize> = columns
                    .keys(rows)
                    .enumerate()
                    // Rows that are held back anyway do not take a key from those that pass.
                    .filter(|(row, _)| !verdict.held.contains_key(row))
                    .filter(|&(row, _)| !(skip_null && rows.column(columns.places[0]).is_null(row)))
                    .filter(|&(_, key)| !set.insert(key))
                    .map(|(row, _)| row)
                    .collect();
                let grown = set.bytes() - before;
                let column = (columns.places.len() == 1).then(|| columns.places[0]);
                let places = columns.places.clone();
                match self.budget.take("check", grown) {
                    Ok(()) => self.booked += grown,
                    Err(exceeded) => self.exceeded = Some(exceeded),
                }
                for row in again {
                    let value = self.shown(rows, row, &places);
                    self.name(place, rows, row, column, value, verdict);
                }
            }
            &Ask::ForeignKey { key } => self.ask_foreign_key(place, key, rows, keys, verdict),
            Ask::Sql { .. } | Ask::Metric { .. } => {}
        }
    }

    fn ask_foreign_key(&mut self, place: usize, key: usize, rows: &RecordBatch, keys: &Keys, verdict: &mut Verdict) {
        let contract = self.contract.clone();
        let key = &contract.foreign_keys[key];
        let sets: Vec<&KeySet> =
            key.targets.iter().filter_map(|target| keys.get(&target.table, &target.columns)).collect();
        let own = key.targets.iter().any(|target| target.table == contract.table);
        let columns = KeyColumns::new(key.columns.clone());
        let mut missing = Vec::new();
        let any_null = |row: usize| key.columns.iter().any(|&column| rows.column(column).is_null(row));
        for (row, hash) in columns.keys(rows).enumerate() {
            if !any_null(row) && !sets.iter().any(|set| set.contains(hash)) {
                missing.push((row, hash));
            }
        }
        let column = (key.columns.len() == 1).then(|| key.columns[0]);
        for (row, hash) in missing {
            let value = self.shown(rows, row, &key.columns);
            if own {
                let sample = self.sample(rows, row, column, value);
                self.open.push((place, hash, sample));
            } else {
                self.name(place, rows, row, column, value, verdict);
            }
        }
    }

    /// Keys into the table itself are answered when all of its rows are known.
    fn close_own_keys(&mut self, all: Option<&RecordBatch>, verdict: &mut Verdict) {
        for (place, hash, sample) in std::mem::take(&mut self.open) {
            let Ask::ForeignKey { key } = self.specs[place].ask else { continue };
            let contract = self.contract.clone();
            let key = &contract.foreign_keys[key];
            let found = self.referenced.iter().any(|(names, _, set)| {
                let named =
                    |target: &&crate::contract::Target| target.table == contract.table && target.columns == *names;
                key.targets.iter().any(|target| named(&target)) && set.contains(hash)
            });
            if found {
                continue;
            }
            let tally = &mut self.tallies[place];
            tally.rows += 1;
            if tally.samples.len() < SAMPLES {
                tally.samples.push(sample.clone());
            }
            if let Some(all) = all {
                let columns = KeyColumns::new(key.columns.clone());
                for row in columns.keys(all).enumerate().filter(|&(_, other)| other == hash).map(|(row, _)| row) {
                    match self.specs[place].on_fail {
                        OnFail::Quarantine => self.hold(place, all, row, verdict),
                        OnFail::Invalidate => {
                            key.columns.iter().for_each(|&column| verdict.nulled.entry(column).or_default().push(row));
                        }
                        OnFail::Report | OnFail::Block => {}
                    }
                }
            }
        }
        for rules in verdict.held.values_mut() {
            rules.sort();
            rules.dedup();
        }
    }

    /// Asks the queries that name rows, or those that return a number.
    fn ask_sql(&mut self, all: &RecordBatch, numbers: bool, verdict: &mut Verdict) {
        let asked: Vec<(usize, usize)> = (self.specs.iter().enumerate())
            .filter_map(|(place, spec)| if let Ask::Sql { rule } = spec.ask { Some((place, rule)) } else { None })
            .filter(|(_, rule)| self.contract.rules[*rule].is_number == numbers)
            .collect();
        if asked.is_empty() {
            return;
        }
        let frame = sql::Frame::new(&self.contract, all);
        for (place, rule) in asked {
            let contract = self.contract.clone();
            let rule = &contract.rules[rule];
            if let Some(limit) = rule.limit.filter(|_| rule.is_number) {
                let number = frame.as_ref().map_err(Clone::clone).and_then(|frame| frame.number(&rule.sql));
                match number.and_then(|number| number.ok_or_else(|| "the query returns null".to_owned())) {
                    Ok(value) => {
                        let (holds, rows) = (limit.threshold.holds(value), all.num_rows() as u64);
                        let message = format!("{}: {value}, {}", self.specs[place].message, limit.threshold);
                        let count = u64::from(!holds);
                        self.tallies[place].measured = Some(Measured { count, rows, holds, message });
                    }
                    Err(problem) => self.tallies[place].broken = Some(format!("the rule could not run: {problem}")),
                }
                continue;
            }
            match frame.as_ref().map_err(Clone::clone).and_then(|frame| frame.offending(&rule.sql, all.num_rows())) {
                Ok(rows) => {
                    let (count, of) = (rows.len() as u64, all.num_rows() as u64);
                    let limit = rule.limit.map(|limit| limit.of(count, of));
                    if let Some((holds, said)) = &limit {
                        let message = format!("{}: {said}", self.specs[place].message);
                        self.tallies[place].measured = Some(Measured { count, rows: of, holds: *holds, message });
                    }
                    // Within its limit a rule leaves the rows alone.
                    for row in rows.into_iter().filter(|_| !limit.as_ref().is_some_and(|(holds, _)| *holds)) {
                        self.name(place, all, row, None, None, verdict);
                        if rule.on_fail == OnFail::Invalidate {
                            for &column in &rule.invalidates {
                                verdict.nulled.entry(column).or_default().push(row);
                            }
                        }
                    }
                }
                Err(problem) => self.tallies[place].broken = Some(format!("the rule could not run: {problem}")),
            }
        }
    }

    fn name_all(&mut self, place: usize, rows: &RecordBatch, column: usize, named: &[usize], verdict: &mut Verdict) {
        for &row in named {
            let value = self.shown(rows, row, &[column]);
            self.name(place, rows, row, Some(column), value, verdict);
        }
    }

    /// A rule names a row.
    fn name(
        &mut self,
        place: usize,
        rows: &RecordBatch,
        row: usize,
        column: Option<usize>,
        value: Option<String>,
        verdict: &mut Verdict,
    ) {
        match (self.specs[place].on_fail, column) {
            (OnFail::Quarantine, _) => self.hold(place, rows, row, verdict),
            (OnFail::Invalidate, Some(column)) => verdict.nulled.entry(column).or_default().push(row),
            _ => {}
        }
        self.tallies[place].rows += 1;
        if self.tallies[place].samples.len() < SAMPLES {
            let value = value.filter(|_| column.is_none_or(|column| self.is_public(column)));
            let sample = self.sample(rows, row, column, value);
            self.tallies[place].samples.push(sample);
        }
    }

    /// A rule holds a row, unless the data manager released it from that rule.
    fn hold(&mut self, place: usize, rows: &RecordBatch, row: usize, verdict: &mut Verdict) {
        let rule = &self.specs[place].id;
        if !self.decisions.as_mut().is_some_and(|decisions| decisions.releases(rows, row, rule)) {
            verdict.held.entry(row).or_default().push(rule.clone());
        }
    }

    fn is_public(&self, column: usize) -> bool {
        self.contract.columns[column].classification == Classification::Public
    }

    fn sample(&self, rows: &RecordBatch, row: usize, column: Option<usize>, value: Option<String>) -> Sample {
        let origin = rows.column_by_name(ORIGIN).map_or(0, |array| array.as_primitive::<UInt32Type>().value(row));
        Sample {
            origin: self.origins.get(origin as usize).map_or_else(String::new, |origin| origin.name.clone()),
            row: rows.column_by_name(ORIGIN_ROW).map_or(0, |array| array.as_primitive::<UInt64Type>().value(row)),
            column: column.map(|column| self.contract.columns[column].name.clone()),
            value,
        }
    }

    /// The values of some cells as text for people, if all of the columns are public.
    fn shown(&self, rows: &RecordBatch, row: usize, columns: &[usize]) -> Option<String> {
        if !columns.iter().all(|&column| self.is_public(column)) {
            return None;
        }
        let values: Vec<String> = columns
            .iter()
            .map(|&column| show(rows.column(column), self.contract.columns[column].kind, row).unwrap_or_default())
            .collect();
        Some(values.join(", ").chars().take(EXCERPT).collect())
    }

    /// Nulls cells, and parts the rows that pass from those that are held back.
    fn split(&mut self, rows: RecordBatch, verdict: Verdict) -> Result<(RecordBatch, Option<Quarantined>), CheckError> {
        let mut kept = verdict.held.clone();
        if let Some(decisions) = &mut self.decisions {
            kept.retain(|&row, _| !decisions.discards(&rows, row));
        }
        let failed = |error: arrow_schema::ArrowError| self.error(&error.to_string());
        // Held back is what came, not what the rules made of it.
        let quarantined = if kept.is_empty() {
            None
        } else {
            let mask: BooleanArray = (0..rows.num_rows()).map(|row| Some(kept.contains_key(&row))).collect();
            let held = arrow_select::filter::filter_record_batch(&rows, &mask).map_err(failed)?;
            Some(Quarantined { rows: held, rules: kept.into_values().collect() })
        };
        let mut columns = rows.columns().to_vec();
        for (column, named) in &verdict.nulled {
            let mut mask = vec![false; rows.num_rows()];
            named.iter().for_each(|&row| mask[row] = true);
            columns[*column] = arrow_select::nullif::nullif(&columns[*column], &mask.into()).map_err(failed)?;
        }
        let rows = RecordBatch::try_new(rows.schema(), columns).map_err(failed)?;
        if verdict.held.is_empty() {
            return Ok((rows, None));
        }
        let mask: BooleanArray = (0..rows.num_rows()).map(|row| Some(!verdict.held.contains_key(&row))).collect();
        let passed = arrow_select::filter::filter_record_batch(&rows, &mask).map_err(failed)?;
        Ok((passed, quarantined))
    }

    fn keep_keys(&mut self, rows: &RecordBatch) -> Result<(), CheckError> {
        for (_, columns, set) in &mut self.referenced {
            let before = set.bytes();
            for (row, key) in columns.keys(rows).enumerate() {
                if columns.places.iter().all(|&column| rows.column(column).is_valid(row)) {
                    set.insert(key);
                }
            }
            let grown = set.bytes() - before;
            // Keys live until the run ends, so they are not given back here.
            self.budget.take("check", grown)?;
        }
        Ok(())
    }

    /// While rows are held, keys into the table itself look into all of them.
    fn keep_keys_of_self(&mut self, all: &RecordBatch) {
        for (_, columns, set) in &mut self.referenced {
            columns.keys(all).for_each(|key| {
                set.insert(key);
            });
        }
    }

    /// After the rules over all rows only the keys of rows that pass remain.
    fn keep_keys_again(&mut self, passed: &RecordBatch) -> Result<(), CheckError> {
        self.referenced.iter_mut().for_each(|(_, _, set)| *set = KeySet::default());
        self.keep_keys(passed)
    }
}

/// A cell as text for people; times and dates in their GTFS form.
fn show(array: &ArrayRef, kind: Kind, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    Some(match (kind, array.data_type()) {
        (Kind::ServiceTime, _) => crate::time::ServiceSeconds(array.as_primitive::<Int32Type>().value(row)).to_string(),
        (Kind::Instant, _) => {
            jiff::Timestamp::from_millisecond(array.as_primitive::<TimestampMillisecondType>().value(row))
                .ok()?
                .to_string()
        }
        (_, DataType::Utf8) => array.as_string::<i32>().value(row).to_owned(),
        (_, DataType::Int32) => array.as_primitive::<Int32Type>().value(row).to_string(),
        (_, DataType::Int64) => array.as_primitive::<Int64Type>().value(row).to_string(),
        (_, DataType::Float64) => array.as_primitive::<Float64Type>().value(row).to_string(),
        _ => arrow_cast::display::array_value_to_string(array, row).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use arrow_array::{StringArray, UInt32Array, UInt64Array};

    use super::*;
    use crate::contract::read;

    const CONTRACT: &str = "\
apiVersion: v3.1.0
kind: DataContract
id: stops
version: '1'
status: active
schema:
  - name: stops
    properties:
      - {name: id, logicalType: string, primaryKey: true, required: true, classification: public}
      - name: kind
        logicalType: integer
        classification: public
        customProperties: [{property: values, value: [0, 1]}]
      - name: lat
        logicalType: number
        classification: public
        logicalTypeOptions: {minimum: -90, maximum: 90}
        customProperties: [{property: onFail, value: invalidate}]
      - name: driver
        logicalType: string
        logicalTypeOptions: {pattern: '[0-9]+'}
      - name: parent
        logicalType: string
        classification: public
        relationships: [{to: stops.id}]
RULES";

    fn contract(rules: &str) -> Arc<Contract> {
        Arc::new(read::contract(Path::new("stops.odcs.yaml"), &CONTRACT.replace("RULES", rules)).unwrap())
    }

    type Row<'a> = (Option<&'a str>, Option<i32>, Option<f64>, Option<&'a str>, Option<&'a str>);

    fn chunk(contract: &Contract, rows: &[Row<'_>]) -> Chunk {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(rows.iter().map(|row| row.0).collect::<StringArray>()),
            Arc::new(rows.iter().map(|row| row.1).collect::<arrow_array::Int32Array>()),
            Arc::new(rows.iter().map(|row| row.2).collect::<arrow_array::Float64Array>()),
            Arc::new(rows.iter().map(|row| row.3).collect::<StringArray>()),
            Arc::new(rows.iter().map(|row| row.4).collect::<StringArray>()),
            Arc::new(UInt32Array::from_value(0, rows.len())),
            Arc::new(UInt64Array::from_iter_values(2..2 + rows.len() as u64)),
        ];
        Chunk { rows: RecordBatch::try_new(contract.chunk_schema(), columns).unwrap(), flaws: Vec::new() }
    }

    struct Run {
        passed: Vec<Option<String>>,
        passed_rows: Vec<RecordBatch>,
        held: Vec<(Option<String>, Vec<String>)>,
        outcomes: Vec<Outcome>,
    }

    impl Run {
        fn outcome(&self, id: &str) -> &Outcome {
            self.outcomes.iter().find(|outcome| outcome.rule.0 == id).unwrap()
        }
    }

    fn run(contract: &Arc<Contract>, chunks: Vec<Chunk>) -> Run {
        let origins = [Origin { name: "stops.txt".into(), captured_at: jiff::Timestamp::UNIX_EPOCH }];
        let referenced = referenced([contract].into_iter());
        let lists = referenced.get("stops").unwrap();
        let mut check = TableCheck::new(contract.clone(), origins.into(), lists, Budget::new(1 << 20)).unwrap();
        let mut keys = Keys::default();
        let mut all = Vec::new();
        for chunk in chunks {
            all.push(check.push(chunk, &keys).unwrap());
        }
        let (last, outcomes) = check.finish(&mut keys).unwrap();
        all.push(last);
        let ids = |rows: &RecordBatch| -> Vec<Option<String>> {
            rows.column(0).as_string::<i32>().iter().map(|id| id.map(str::to_owned)).collect()
        };
        let passed_rows: Vec<_> = all.iter().flat_map(|checked| checked.passed.clone()).collect();
        Run {
            passed: passed_rows.iter().flat_map(&ids).collect(),
            passed_rows,
            held: all
                .iter()
                .flat_map(|checked| &checked.quarantined)
                .flat_map(|held| ids(&held.rows).into_iter().zip(&held.rules))
                .map(|(id, rules)| (id, rules.iter().map(ToString::to_string).collect()))
                .collect(),
            outcomes,
        }
    }

    #[test]
    fn rows_that_lack_a_required_value_or_repeat_a_key_are_held_back_with_the_rules_ids() {
        let contract = contract("");
        let rows =
            [(Some("a"), None, None, None, None), (None, None, None, None, None), (Some("a"), None, None, None, None)];
        let found = run(&contract, vec![chunk(&contract, &rows), chunk(&contract, &rows[..1])]);
        assert_eq!(found.passed, [Some("a".to_owned())]);
        let rules: Vec<_> = found.held.iter().map(|(_, rules)| rules.join(" ")).collect();
        assert_eq!(rules, ["stops.id.required", "stops.primary_key", "stops.primary_key"]);
        let outcome = found.outcome("stops.primary_key");
        assert_eq!((outcome.result, outcome.rows, outcome.checked), (RuleResult::Failed, 2, 4));
        assert_eq!(outcome.samples[0].row, 4);
    }

    #[test]
    fn a_bad_value_nulls_its_own_cell_and_the_row_lives_on() {
        let contract = contract("");
        let rows = [(Some("a"), Some(7), Some(99.0), None, None), (Some("b"), Some(1), Some(48.5), None, None)];
        let found = run(&contract, vec![chunk(&contract, &rows)]);
        assert_eq!(found.passed.len(), 2);
        let lat = found.passed_rows[0].column(2).as_primitive::<Float64Type>();
        assert_eq!((lat.is_null(0), lat.value(1)), (true, 48.5));
        assert_eq!(found.outcome("stops.lat.range").samples[0].value.as_deref(), Some("99"));
        let kind = found.outcome("stops.kind.enum");
        assert_eq!((kind.result, kind.rows), (RuleResult::Warning, 1));
    }

    #[test]
    fn samples_never_show_a_value_of_a_private_column() {
        let contract = contract("");
        let found = run(&contract, vec![chunk(&contract, &[(Some("a"), None, None, Some("Fahrer 4711"), None)])]);
        let outcome = found.outcome("stops.driver.pattern");
        assert_eq!((outcome.rows, outcome.samples[0].value.as_deref()), (1, None));
        assert!(!serde_json::to_string(&found.outcomes).unwrap().contains("4711"));
    }

    #[test]
    fn a_key_into_the_table_itself_may_look_ahead() {
        let contract = contract("");
        let rows = [(Some("a"), None, None, None, Some("b")), (Some("b"), None, None, None, Some("nowhere"))];
        let found = run(&contract, vec![chunk(&contract, &rows)]);
        let outcome = found.outcome("stops.parent.foreign_key");
        assert_eq!((outcome.rows, outcome.samples[0].row), (1, 3));
        assert_eq!(outcome.samples[0].value.as_deref(), Some("nowhere"));
    }

    #[test]
    fn sql_rules_hold_back_or_null_what_they_name_and_broken_ones_block() {
        let contract = contract(
            "    quality:
      - {name: south, type: custom, engine: fahrtenbuch, implementation: 'SELECT _index FROM stops WHERE lat < 0', severity: warning, customProperties: [{property: onFail, value: quarantine}]}
      - {name: odd, type: custom, engine: fahrtenbuch, implementation: 'SELECT _index FROM stops WHERE kind = 1', customProperties: [{property: onFail, value: invalidate}, {property: invalidates, value: [kind]}]}
      - {name: broken, type: custom, engine: fahrtenbuch, implementation: 'SELECT _index FROM stops WHERE nothing = 1'}
",
        );
        let rows = [(Some("a"), Some(1), Some(-1.0), None, None), (Some("b"), Some(1), Some(1.0), None, None)];
        let found = run(&contract, vec![chunk(&contract, &rows[..1]), chunk(&contract, &rows[1..])]);
        assert_eq!(found.held, [(Some("a".to_owned()), vec!["stops.south".to_owned()])]);
        assert_eq!(found.passed, [Some("b".to_owned())]);
        assert!(found.passed_rows[0].column(1).is_null(0));
        let broken = found.outcome("stops.broken");
        assert!(broken.result == RuleResult::Error && broken.blocks(), "{broken:?}");
    }

    #[test]
    fn rows_are_not_held_beyond_the_budget() {
        let rule = "    quality:\n      - {name: x, type: custom, engine: fahrtenbuch, implementation: 'SELECT _index FROM stops'}\n";
        let contract = contract(rule);
        let origins = [Origin { name: "x".into(), captured_at: jiff::Timestamp::UNIX_EPOCH }];
        let mut check = TableCheck::new(contract.clone(), origins.into(), &[], Budget::new(10)).unwrap();
        let error = check.push(chunk(&contract, &[(Some("a"), None, None, None, None)]), &Keys::default()).unwrap_err();
        assert!(error.to_string().contains("limits: memory"), "{error}");
    }

    #[test]
    fn keys_are_not_held_beyond_the_budget_either() {
        let contract = contract("");
        let origins = [Origin { name: "x".into(), captured_at: jiff::Timestamp::UNIX_EPOCH }];
        let mut check = TableCheck::new(contract.clone(), origins.into(), &[], Budget::new(2_000)).unwrap();
        let ids: Vec<String> = (0..1000).map(|id| id.to_string()).collect();
        let rows: Vec<Row<'_>> = ids.iter().map(|id| (Some(id.as_str()), None, None, None, None)).collect();
        let error = check.push(chunk(&contract, &rows), &Keys::default()).unwrap_err();
        assert!(error.to_string().starts_with("check would have to hold"), "{error}");
    }

    #[test]
    fn exclusive_bounds_steps_and_least_lengths_are_asked() {
        let text = CONTRACT
            .replace("RULES", "")
            .replace("{minimum: -90, maximum: 90}", "{exclusiveMinimum: 0, exclusiveMaximum: 1, multipleOf: 0.1}");
        let text = text.replace("{pattern: '[0-9]+'}", "{minLength: 2, maxLength: 3}");
        let contract = Arc::new(read::contract(Path::new("stops.odcs.yaml"), &text).unwrap());
        let row = |id, lat, driver| (Some(id), None, Some(lat), Some(driver), None);
        let rows =
            [row("a", 0.3, "ab"), row("b", 0.0, "a"), row("c", 1.0, "äöü"), row("d", 0.35, "abcd"), row("e", 0.7, "ä")];
        let done = run(&contract, vec![chunk(&contract, &rows)]);
        let named = |id: &str| -> Vec<u64> { done.outcome(id).samples.iter().map(|sample| sample.row).collect() };
        assert_eq!(named("stops.lat.range"), [3, 4, 5]);
        assert_eq!(named("stops.driver.length"), [3, 5, 6]);
        assert_eq!(
            done.outcome("stops.lat.range").message,
            "lat is greater than 0 and less than 1 and a multiple of 0.1"
        );
    }

    #[test]
    fn a_rule_within_its_limit_leaves_its_rows_alone_and_a_query_may_return_a_number() {
        let with = |limit: &str| {
            contract(&format!(
                "    quality:
      - name: lat_known
        type: custom
        engine: fahrtenbuch
        implementation: SELECT _index FROM stops WHERE lat IS NULL
        {limit}
        customProperties: [{{property: onFail, value: quarantine}}]
      - {{name: mean, type: sql, query: 'SELECT AVG(kind) FROM {{object}}', mustBeLessThan: 0.6}}
      - {{name: nothing, type: sql, query: 'SELECT AVG(kind) FROM stops WHERE id IS NULL', mustBe: 0}}
"
            ))
        };
        let rows = |contract: &Contract| {
            let lat = |id, kind, lat| (Some(id), Some(kind), lat, None, None);
            vec![chunk(
                contract,
                &[lat("a", 0, Some(1.0)), lat("b", 1, None), lat("c", 1, Some(2.0)), lat("d", 0, Some(3.0))],
            )]
        };
        let lenient = with("mustBeLessOrEqualTo: 25\n        unit: percent");
        let done = run(&lenient, rows(&lenient));
        let rule = done.outcome("stops.lat_known");
        assert_eq!((done.held.len(), rule.rows, rule.result), (0, 1, RuleResult::Passed));
        assert!(rule.message.contains("25.000 %, must be at most 25 %"), "{}", rule.message);
        assert_eq!(done.outcome("stops.mean").result, RuleResult::Passed);
        let nothing = done.outcome("stops.nothing");
        assert_eq!((nothing.result, nothing.blocks()), (RuleResult::Error, true));
        let strict = with("mustBe: 0");
        let done = run(&strict, rows(&strict));
        assert_eq!((done.held.len(), done.outcome("stops.lat_known").result), (1, RuleResult::Failed));
        // Of the rows that pass: without the one that is held back it is a third.
        assert!(done.outcome("stops.mean").message.contains("0.3333"), "{}", done.outcome("stops.mean").message);
    }

    #[test]
    fn metrics_count_the_rows_that_pass_over_all_chunks() {
        let contract = contract(
            "    quality:
      - {metric: rowCount, mustBe: 4}
      - {metric: rowCount, name: enough_rows, mustBeGreaterThan: 4, severity: warning}
      - {metric: duplicateValues, arguments: {properties: [kind, parent]}, mustBe: 1}
",
        );
        let text = CONTRACT.replace("RULES", "").replace(
            "        customProperties: [{property: values, value: [0, 1]}]\n",
            "        quality:
          - {metric: nullValues, mustBe: 1}
          - {metric: nullValues, name: half, unit: percent, mustBeLessThan: 20}
          - {metric: missingValues, arguments: {missingValues: [0, null]}, mustBe: 3}
          - {metric: invalidValues, arguments: {validValues: [0, 1]}, mustBe: 0, customProperties: [{property: onFail, value: block}]}
          - {metric: duplicateValues, mustBeBetween: [0, 2]}
",
        );
        let of_column = Arc::new(read::contract(Path::new("stops.odcs.yaml"), &text).unwrap());
        let rows = |contract: &Contract| {
            vec![
                // The second row of a key is held back, so that no metric counts it.
                chunk(contract, &[(Some("a"), Some(0), None, None, None), (Some("a"), Some(9), None, None, None)]),
                chunk(contract, &[(Some("b"), None, None, None, None), (Some("c"), Some(0), None, None, None)]),
                chunk(contract, &[(Some("d"), Some(7), None, None, Some("a"))]),
            ]
        };
        let done = run(&contract, rows(&contract));
        let told = |run: &Run, id: &str| {
            let outcome = run.outcome(id);
            (outcome.rows, outcome.checked, outcome.result, outcome.blocks())
        };
        assert_eq!(told(&done, "stops.rowCount"), (4, 4, RuleResult::Passed, false));
        assert_eq!(told(&done, "stops.enough_rows"), (4, 4, RuleResult::Warning, false));
        assert_eq!(done.outcome("stops.enough_rows").message, "rowCount: 4, must be greater than 4");
        assert_eq!(told(&done, "stops.duplicateValues"), (1, 4, RuleResult::Passed, false));
        let done = run(&of_column, rows(&of_column));
        assert_eq!(told(&done, "stops.kind.nullValues"), (1, 4, RuleResult::Passed, false));
        assert_eq!(told(&done, "stops.half"), (1, 4, RuleResult::Failed, false));
        assert_eq!(done.outcome("stops.half").message, "nullValues: 25.000 %, must be less than 20 %");
        assert_eq!(told(&done, "stops.kind.missingValues"), (3, 4, RuleResult::Passed, false));
        assert_eq!(told(&done, "stops.kind.invalidValues"), (1, 4, RuleResult::Failed, true));
        assert_eq!(told(&done, "stops.kind.duplicateValues"), (1, 4, RuleResult::Passed, false));
    }

    #[test]
    fn the_outcomes_of_an_absent_table_are_skipped() {
        assert!(absent(&contract("")).iter().all(|outcome| outcome.result == RuleResult::Skipped && outcome.rows == 0));
    }
}
