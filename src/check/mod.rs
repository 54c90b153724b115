//! Check: rows meet their contract.
//!
//! Takes chunks and a [`Contract`]; makes [`Checked`] rows (passed, or held back with the ids of the rules that held
//! them) and, at the end of a table, an [`Outcome`] for every rule. Works chunk by chunk; holds 16 bytes per key of
//! tables with a primary key or that others refer to. Queries over single rows are asked of each chunk; for the others the
//! columns that they need are held, and the rows themselves only if such a rule may hold some back or null their cells:
//! those wait in memory or are spooled into the private store. All of it is booked on the run's [`Budget`]. A rule that
//! cannot run is an error, never a pass.
//!
//! Every SQL rule sees the rows that passed the checks of single columns, and none sees what another SQL rule did to them.
//! Rules see exact values; metrics, promises and queries that return a number see those that are published.
//!
//! The rules that a contract makes without writing SQL, with what happens unless the contract says otherwise:
//!
//! | rule | severity | on fail |
//! |---|---|---|
//! | `<table>.row_length` | error | quarantine |
//! | `<table>.quotes_in_value`, `.new_line_in_value`, `.empty_row`, of CSV files of GTFS | warning | report |
//! | `<table>.<column>.type` | error | invalidate; quarantine where the column is required |
//! | `<table>.<column>.required`, `.unique` | error | quarantine |
//! | `<table>.<column>.enum` | warning | report |
//! | `<table>.<column>.range`, `.pattern`, `.length` | error | report |
//! | `<table>.primary_key` | error | quarantine; the first row of a key passes |
//! | `<table>.<column>.foreign_key` | error | report |
//! | library metrics, see [`crate::contract::metric`] | error | report |
//! | `<table>.sla.<property>`, see [`crate::contract::sla`] | warning | report |
//! | `<table>.rows_lost`, `.route_lost`, `.service_lost`, `<table>.<column>.values_lost` | error | block |
//! | `<table>.private_text`, of the tables that are released, see `derive::privacy::texts` | error | block |

pub mod area;
pub mod dry_run;
mod functions;
mod held;
mod losses;
mod metrics;
mod packed;
pub mod program_findings;
mod promises;
pub mod rules;
pub mod sql;
pub mod surroundings;
pub mod timetable;
pub mod trial;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMillisecondType, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::{ArrowError, DataType};
use serde::{Deserialize, Serialize};

use crate::contract::metric::{self, Limit, Metric};
use crate::contract::query::Query;
use crate::contract::times::PublishedTimes;
use crate::contract::{
    Classification, Contract, Dimension, EMPTY_ROW, Kind, OnFail, Rule, RuleId, Severity, TEXT_RULES, Target,
};
use crate::quarantine::decisions::{Decided, Decider};
use crate::table::keys::{KeyColumns, KeySet, Keys};
use crate::table::{Budget, BudgetExceeded, Chunk, Flaw, ORIGIN, ORIGIN_ROW, Origin};
use held::{Booked, HoldError, Projected, Projection, Store};
use losses::Losses;
use metrics::Meter;
use promises::Watch;
use rules::{Ask, Spec};
use sql::{Asker, Extent, NoResult};
use surroundings::Surroundings;

/// Why a rule over a number was skipped: a share of nothing, the mean of nothing.
const NO_NUMBER: &str = "the query has no number to return: there is nothing to compare";
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
    /// Whether this outcome forbids to publish the run.
    pub fn blocks(&self) -> bool {
        self.result.blocks(self.severity, self.on_fail)
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
    /// There was nothing to look at: the table is absent or has no rows, or a table that the rule compares with is not part of
    /// the run. A rule about how much there is (`rowCount`, coverage, a number that no rows do not reach) fails instead.
    Skipped,
}

impl RuleResult {
    /// Whether a rule of this severity that came to this forbids to publish the run: it did not pass and blocks, or it could
    /// not run and is of severity `error`, whatever it does to rows. One of severity `warning` or `info` that could not run
    /// is told, and holds nothing back.
    pub fn blocks(self, severity: Severity, on_fail: OnFail) -> bool {
        match self {
            Self::Error => severity == Severity::Error,
            Self::Failed | Self::Warning => on_fail == OnFail::Block,
            Self::Passed | Self::Skipped => false,
        }
    }
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
    #[error("checking table {table}: {error}")]
    Hold { table: String, error: HoldError },
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

/// The outcome of looking for private texts in a release: by column how many different texts are private ones of the run,
/// and how many look like a plate, an address or a telephone number. See `derive::privacy::texts`.
pub fn private_text(contract: &Contract, published: u64, found: &BTreeMap<&str, (u64, u64)>) -> Outcome {
    const ASKS: &str = "no published text is a private one of this run, or looks like a number plate, a MAC address, a \
                        telephone number or an e-mail address";
    let said = found
        .iter()
        .map(|(column, (equal, looks))| format!("{column} has {equal} that are private and {looks} that look so"));
    let message = match found.is_empty() {
        true => ASKS.to_owned(),
        false => format!(
            "{ASKS}: {}. Classify the column as private, mend the source or a mapping, or let the contract allow it with the \
             custom property allowsPrivateText and a reason",
            said.collect::<Vec<_>>().join(", ")
        ),
    };
    let result = match published {
        0 => RuleResult::Skipped,
        _ if found.is_empty() => RuleResult::Passed,
        _ => RuleResult::Failed,
    };
    Outcome {
        rule: RuleId(format!("{}.private_text", contract.table)),
        table: contract.table.clone(),
        dimension: Dimension::Conformity,
        severity: Severity::Error,
        on_fail: OnFail::Block,
        result,
        rows: found.values().map(|(equal, looks)| equal + looks).sum(),
        checked: published,
        value: None,
        message,
        samples: Vec::new(),
    }
}

/// What a rule has found so far.
#[derive(Default)]
struct Tally {
    rows: u64,
    samples: Vec<Sample>,
    /// Why the rule could not run.
    broken: Option<String>,
    /// Why there was nothing to look at.
    skipped: Option<String>,
    /// Of a rule with a limit: whether it holds. Without one a rule holds if it names no row.
    holds: Option<bool>,
    /// What is added to what the rule asks.
    said: Option<String>,
    /// Of a metric or a query that returns a number.
    value: Option<f64>,
    /// How many rows were looked at, if not all.
    checked: Option<u64>,
}

impl Tally {
    /// Compares a number with its limit.
    fn compare(&mut self, limit: Limit, value: f64, rows: u64, earlier: &[f64]) {
        match limit.of(value, rows, earlier) {
            metric::Verdict::Known { holds, said } => (self.holds, self.said) = (Some(holds), Some(said)),
            metric::Verdict::Nothing(why) => self.skipped = Some(why.to_owned()),
        }
    }

    fn no_result(&mut self, why: NoResult) {
        match why {
            NoResult::Broken(why) => {
                // What Polars adds to say where in its plan it failed helps nobody.
                let why = why.split("\n\n").next().unwrap_or_default().trim_end().to_owned();
                self.broken = Some(format!("the rule could not run: {why}"));
            }
            NoResult::Skipped(why) => self.skipped = Some(why),
        }
    }

    /// A rule that finds no row to look at does not pass: there was nothing that could have been wrong. If it does not hold all
    /// the same, it is about what is not there, and fails.
    fn skip_without_rows(&mut self, is_of_rows: bool, came: u64, passed: u64) {
        if is_of_rows && passed == 0 && self.rows == 0 && self.holds != Some(false) && self.skipped.is_none() {
            self.skipped = Some(match came {
                0 => "the table has no rows".to_owned(),
                _ => "no row passed the rules that come before".to_owned(),
            });
        }
    }

    fn outcome(self, spec: Spec, table: &str, checked: u64, is_absent: bool) -> Outcome {
        let holds = self.holds.unwrap_or(self.rows == 0);
        let result = match spec.severity {
            _ if is_absent => RuleResult::Skipped,
            _ if self.broken.is_some() => RuleResult::Error,
            _ if self.skipped.is_some() => RuleResult::Skipped,
            _ if holds => RuleResult::Passed,
            Severity::Error => RuleResult::Failed,
            _ => RuleResult::Warning,
        };
        let checked = if result == RuleResult::Skipped { 0 } else { self.checked.unwrap_or(checked) };
        let message = match (self.broken.or(self.skipped), self.said) {
            (Some(why), _) => why,
            (None, Some(said)) => format!("{}: {said}", spec.message.trim_end_matches('.')),
            (None, None) => spec.message,
        };
        Outcome {
            rule: spec.id,
            table: table.to_owned(),
            dimension: spec.dimension,
            severity: spec.severity,
            on_fail: spec.on_fail,
            result,
            rows: self.rows,
            checked,
            value: self.value.map(kept),
            message,
            samples: self.samples,
        }
    }
}

/// A number as records keep it: with six places behind the point, which JSON gives back as they were written.
fn kept(value: f64) -> f64 {
    if value.abs() < 1e9 { (value * 1e6).round() / 1e6 } else { value.round() }
}

/// Why queries over all rows could not be asked.
#[derive(Debug, thiserror::Error)]
enum QueryError {
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
}

/// What the rules say of one batch: rows to hold back and cells to null.
#[derive(Default)]
struct Verdict {
    /// By row the places in `specs` of the rules that hold it.
    held: BTreeMap<usize, Vec<u32>>,
    /// By column.
    nulled: BTreeMap<usize, Vec<usize>>,
}

impl Verdict {
    fn is_empty(&self) -> bool {
        self.held.is_empty() && self.nulled.is_empty()
    }
}

/// What the rules say of all rows of a table: eight bytes for each row and rule that holds it, four for each cell to null.
#[derive(Default)]
struct TableVerdict {
    /// Rows, and the places in `specs` of the rules that hold them.
    held: Vec<(u32, u32)>,
    /// By column.
    nulled: BTreeMap<usize, Vec<u32>>,
}

impl TableVerdict {
    /// Adds what is said of a batch whose first row has this place. Gives the bytes that were booked for it.
    fn add(&mut self, batch: &Verdict, first: usize, budget: &Budget) -> Result<usize, BudgetExceeded> {
        let mut booked = make_room(&mut self.held, batch.held.values().map(Vec::len).sum(), budget)?;
        let rules = batch.held.iter().flat_map(|(row, rules)| rules.iter().map(move |rule| (*row, *rule)));
        self.held.extend(rules.map(|(row, rule)| ((first + row) as u32, rule)));
        for (&column, rows) in &batch.nulled {
            let nulled = self.nulled.entry(column).or_default();
            booked += make_room(nulled, rows.len(), budget)?;
            nulled.extend(rows.iter().map(|row| (first + row) as u32));
        }
        Ok(booked)
    }

    /// Brings rows into their order, those of a row in that in which rules held it.
    fn sort(&mut self) {
        self.held.sort_by_key(|(row, _)| *row);
        self.nulled.values_mut().for_each(|rows| rows.sort_unstable());
    }

    /// The rules that hold a row, once sorted.
    fn rules(&self, row: usize) -> impl Iterator<Item = usize> {
        let first = self.held.partition_point(|(other, _)| (*other as usize) < row);
        let rules = self.held[first..].iter().take_while(move |(other, _)| *other as usize == row);
        rules.map(|(_, rule)| *rule as usize)
    }

    /// What is said, once sorted, of the rows of a batch.
    fn of_batch(&self, rows: std::ops::Range<usize>) -> Verdict {
        let mut verdict = Verdict::default();
        let first = self.held.partition_point(|(row, _)| (*row as usize) < rows.start);
        for (row, rule) in self.held[first..].iter().take_while(|(row, _)| (*row as usize) < rows.end) {
            verdict.held.entry(*row as usize - rows.start).or_default().push(*rule);
        }
        for (column, nulled) in &self.nulled {
            let first = nulled.partition_point(|row| (*row as usize) < rows.start);
            let until = nulled.partition_point(|row| (*row as usize) < rows.end);
            if first < until {
                let nulled = nulled[first..until].iter().map(|row| *row as usize - rows.start);
                verdict.nulled.insert(*column, nulled.collect());
            }
        }
        verdict
    }
}

/// A rule's place among the specs and in the contract, and the rows that it names.
type Named = (usize, usize, Result<Vec<usize>, NoResult>);
/// Below so many bytes a query is not booked.
const SMALL_QUERY: usize = 1 << 20;
/// What a text takes beside its bytes where it is allocated.
const ALLOCATED: usize = 16;

/// Books room for so many more items and makes it. Gives the bytes that were booked.
fn make_room<T>(list: &mut Vec<T>, more: usize, budget: &Budget) -> Result<usize, BudgetExceeded> {
    let (length, capacity) = (list.len(), list.capacity());
    if capacity - length >= more {
        return Ok(0);
    }
    let wanted = (length + more).max(capacity + capacity / 2);
    let bytes = (wanted - capacity) * size_of::<T>();
    budget.take("check", bytes)?;
    list.reserve_exact(wanted - length);
    Ok(bytes)
}

/// What takes the rows of a table as they come out of its check.
pub type Sink<'a, E> = &'a mut dyn FnMut(Checked) -> Result<(), E>;

/// The check of one table: push its chunks, then finish.
pub struct TableCheck {
    contract: Arc<Contract>,
    origins: Arc<[Origin]>,
    around: Arc<Surroundings>,
    asker: Asker,
    specs: Vec<Spec>,
    tallies: Vec<Tally>,
    /// Of the rules that ask for keys seen once, by place in `specs`.
    seen: BTreeMap<usize, KeySet>,
    /// Columns that foreign keys name, and the keys seen there.
    referenced: Vec<(Vec<String>, KeyColumns, KeySet)>,
    /// Keys into this table itself: the rule, the key, the row among those that wait, and the row as it is told.
    open: Vec<(usize, u128, Option<usize>, Sample)>,
    /// Rows that passed so far, if a rule over all of them may hold some back or null their cells.
    store: Option<Store>,
    /// The columns of those rows that queries over all of them need.
    projection: Option<Projection>,
    /// What is said of the rows of the projection, or of those that wait.
    verdict: TableVerdict,
    budget: Budget,
    booked: usize,
    /// The metrics and the promises, with their places in `specs`.
    meters: Vec<(usize, Meter)>,
    watches: Vec<(usize, Watch)>,
    /// More keys came than the run may hold.
    exceeded: Option<BudgetExceeded>,
    rows: u64,
    passed: u64,
    /// How instants are published: numbers are about those.
    published: Option<PublishedTimes>,
    /// What the data manager has decided of rows that are held.
    decisions: Option<Decider>,
    /// Of the rows of the projection: the rules that decisions release them from.
    released: BTreeMap<usize, BTreeSet<RuleId>>,
    losses: Losses,
    /// Of the chunk at hand: rows that could not be taken apart, of whose cells no rule can say anything.
    torn: BTreeSet<usize>,
}

impl TableCheck {
    /// `referenced` lists the columns of this table that foreign keys name, see [`referenced`].
    pub fn new(
        contract: Arc<Contract>,
        origins: Arc<[Origin]>,
        referenced: &[Vec<String>],
        around: Arc<Surroundings>,
        budget: Budget,
    ) -> Result<Self, CheckError> {
        let specs = rules::specs(&contract);
        let whole = || contract.rules.iter().filter(|rule| !is_local(rule));
        let changes = |rule: &Rule| matches!(rule.on_fail, OnFail::Quarantine | OnFail::Invalidate);
        let own_key_changes = contract.foreign_keys.iter().any(|key| {
            let is_own = key.targets.iter().any(|target| target.is_in(&contract));
            is_own && matches!(key.on_fail, OnFail::Quarantine | OnFail::Invalidate)
        });
        let store = whole().any(changes) || own_key_changes;
        let store = store.then(|| Store::new(around.spool.clone(), budget.clone()));
        let projection = whole().next().is_some().then(|| {
            let needed = |column: &str| {
                let origin = column == ORIGIN || column == ORIGIN_ROW;
                let per = whole().any(|rule| contract.names(&rule.per).contains(&column));
                origin || per || whole().any(|rule| sql::needs(&contract, &rule.query, column))
            };
            Projection::new(&contract.chunk_schema(), needed, budget.clone())
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
        let watches = specs.iter().enumerate().filter_map(|(place, spec)| match spec.ask {
            Ask::Promise { promise } => Some((place, Watch::new(&contract.sla[promise]))),
            _ => None,
        });
        Ok(Self {
            meters: meters.collect(),
            watches: watches.collect(),
            tallies: specs.iter().map(|_| Tally::default()).collect(),
            specs,
            seen: BTreeMap::new(),
            referenced,
            open: Vec::new(),
            store,
            projection,
            verdict: TableVerdict::default(),
            budget,
            booked: 0,
            exceeded: None,
            rows: 0,
            passed: 0,
            published: PublishedTimes::new(&contract, &origins),
            decisions: None,
            released: BTreeMap::new(),
            losses: Losses::new(&contract),
            torn: BTreeSet::new(),
            asker: Asker::new(contract.clone(), around.clone()),
            contract,
            origins,
            around,
        })
    }

    /// Lets decisions about rows have their way.
    pub fn decide(&mut self, decisions: Decider) {
        self.decisions = Some(decisions);
    }

    /// The other tables whose rows must all be there before this one can be finished.
    pub fn waits_for(&self) -> std::collections::BTreeSet<String> {
        surroundings::siblings_of(&self.contract).into_iter().map(str::to_owned).collect()
    }

    /// Checks some rows. What passed comes back now, or from [`Self::finish`] where a rule needs all rows.
    pub fn push(&mut self, chunk: Chunk, keys: &Keys) -> Result<Checked, CheckError> {
        self.rows += chunk.rows.num_rows() as u64;
        let mut verdict = Verdict::default();
        let opened = self.open.len();
        self.torn = chunk.flaws.iter().filter(|flaw| flaw.column.is_none()).map(|flaw| flaw.row as usize).collect();
        for place in 0..self.specs.len() {
            self.ask(place, &chunk, keys, &mut verdict);
        }
        if let Some(exceeded) = self.exceeded.take() {
            return Err(exceeded.into());
        }
        self.place_own_keys(opened, &verdict);
        self.losses.came(&chunk.rows);
        if self.contract.table == "trips" && self.contract.gtfs_file.is_some() {
            let bytes = self.around.siblings.trips.push(&self.contract, &chunk.rows);
            // The tables that name only the trip need them until the run ends.
            self.budget.take("check", bytes)?;
        }
        // A cell that its type nulls is null already.
        for (column, rows) in &verdict.nulled {
            self.losses.nulls(*column, chunk.rows.column(*column), rows, true);
        }
        let (passed, quarantined) = self.split(chunk.rows, verdict)?;
        self.torn.clear();
        let mut checked = Checked { quarantined: quarantined.into_iter().collect(), ..Checked::default() };
        if passed.num_rows() == 0 {
            return Ok(checked);
        }
        let bytes = self.around.siblings.push(&self.contract.table, &passed);
        // The others need them until the run ends.
        self.budget.take("check", bytes)?;
        let mut verdict = Verdict::default();
        self.ask_single_rows(&passed, &mut verdict);
        let first = self.passed as usize;
        self.passed += passed.num_rows() as u64;
        if let Some(projection) = &mut self.projection {
            projection.push(&passed)?;
        }
        if self.store.is_some() {
            // Numbers are asked for over what passed, when these rows are out of reach.
            if let Some(decisions) = self.decisions.as_ref().filter(|_| self.contract.rules.iter().any(|r| r.is_number))
            {
                self.released.extend(decisions.released(&passed, first));
            }
            self.keep_keys(&passed)?;
            self.booked += self.verdict.add(&verdict, first, &self.budget)?;
            let table = &self.contract.table;
            let held = self.store.as_mut().map(|store| store.push(passed));
            held.transpose().map_err(|error| CheckError::Hold { table: table.clone(), error })?;
            return Ok(checked);
        }
        let (kept, held) = match verdict.is_empty() {
            true => (passed, None),
            false => {
                // Only queries over what passed look for it again.
                if self.projection.is_some() {
                    self.booked += self.verdict.add(&verdict, first, &self.budget)?;
                }
                self.null_more(&passed, &verdict);
                self.split(passed, verdict)?
            }
        };
        self.keep_keys(&kept)?;
        self.measure(&kept)?;
        checked.quarantined.extend(held);
        checked.passed.extend((kept.num_rows() > 0).then_some(kept));
        Ok(checked)
    }

    /// All rows have come: gives this table's keys to those that follow, before the rules over all rows were asked.
    pub fn lend_keys(&mut self, keys: &mut Keys) -> Result<(), CheckError> {
        self.close_own_keys()?;
        for (names, columns, set) in &mut self.referenced {
            keys.add(&self.contract.table, names.clone(), std::mem::take(set));
            columns.places.clear();
        }
        Ok(())
    }

    /// Asks the rules over all rows and gives the rows that waited to `sink`; one outcome per rule, in the order of the
    /// contract. Adds this table's keys to `keys`.
    pub fn finish<E: From<CheckError>>(mut self, keys: &mut Keys, sink: Sink<'_, E>) -> Result<Vec<Outcome>, E> {
        self.close_own_keys().map_err(CheckError::from)?;
        // No rows come any more that could have a key again.
        let seen: usize = std::mem::take(&mut self.seen).values().map(KeySet::bytes).sum();
        self.budget.give_back(seen);
        self.booked -= seen;
        let mut verdict = std::mem::take(&mut self.verdict);
        self.ask_all_rows(&mut verdict).map_err(|error| match error {
            QueryError::Budget(exceeded) => exceeded.into(),
            QueryError::Arrow(error) => self.error(&error.to_string()),
        })?;
        // What is held back late takes its keys with it.
        let rebuild = !verdict.held.is_empty() && self.store.is_some() && !self.referenced.is_empty();
        if rebuild {
            self.referenced.iter_mut().for_each(|(_, _, set)| *set = KeySet::default());
        }
        let lent = self.referenced.iter().any(|(_, columns, _)| columns.places.is_empty());
        if let Some(store) = self.store.take() {
            let table = self.contract.table.clone();
            let failed = |error| CheckError::Hold { table: table.clone(), error };
            let mut first = 0;
            for rows in store.take().map_err(failed)? {
                let rows = rows.map_err(failed)?;
                let until = first + rows.num_rows();
                let verdict = verdict.of_batch(first..until);
                self.null_more(&rows, &verdict);
                let (passed, held) = self.split(rows, verdict)?;
                first = until;
                self.measure(&passed)?;
                if rebuild && !lent {
                    self.keep_keys(&passed)?;
                }
                let passed = (passed.num_rows() > 0).then_some(passed).into_iter().collect();
                sink(Checked { passed, quarantined: held.into_iter().collect(), ..Checked::default() })?;
            }
        }
        let decided = self.decisions.take().map(Decider::finish).unwrap_or_default();
        sink(Checked { decided, ..Checked::default() })?;
        self.budget.give_back(self.booked);
        for (place, meter) in std::mem::take(&mut self.meters) {
            let Ask::Metric { metric } = self.specs[place].ask else { continue };
            let (count, rows) = meter.finish();
            let tally = &mut self.tallies[place];
            let limit = self.contract.metrics[metric].limit;
            (tally.rows, tally.checked, tally.value) = (count, Some(rows), Some(count as f64));
            tally.compare(limit, count as f64, rows, self.around.earlier(&self.specs[place].id));
        }
        for (place, watch) in std::mem::take(&mut self.watches) {
            let kept = watch.finish(&self.contract.table, &self.around);
            let tally = &mut self.tallies[place];
            (tally.holds, tally.value, tally.checked) = (kept.holds, kept.value, Some(kept.rows));
            tally.rows = u64::from(kept.holds == Some(false));
            match kept.holds {
                Some(_) => tally.said = Some(kept.said),
                None => tally.skipped = Some(kept.said),
            }
        }
        let table = self.contract.table.clone();
        if !lent {
            for (names, _, set) in self.referenced {
                keys.add(&table, names, set);
            }
        }
        for (spec, tally) in self.specs.iter().zip(&mut self.tallies) {
            if matches!(spec.ask, Ask::Text { .. }) && spec.id.0.ends_with(EMPTY_ROW) && tally.rows > 0 {
                tally.checked = Some(self.rows + tally.rows);
            }
            let (is_of_rows, passed) = match &spec.ask {
                // How many rows there are is known where there are none; a promise says itself what it lacks.
                Ask::Metric { metric } => match self.contract.metrics[*metric].metric {
                    Metric::RowCount => (false, 0),
                    _ => (true, tally.checked.unwrap_or(0)),
                },
                Ask::Promise { .. } => (false, 0),
                Ask::Sql { rule } if self.contract.rules[*rule].is_number => {
                    let reads_others = sql::reads_others(&self.contract, &self.contract.rules[*rule].query);
                    (!reads_others, tally.checked.unwrap_or(self.passed))
                }
                Ask::Sql { .. } => (true, self.passed),
                _ => (true, self.rows),
            };
            tally.skip_without_rows(is_of_rows, self.rows, passed);
        }
        let lost = self.losses.outcomes(&self.contract, &self.around.siblings.trips);
        let outcomes = self.specs.into_iter().zip(self.tallies);
        let outcomes = outcomes.map(|(spec, tally)| tally.outcome(spec, &table, self.rows, false));
        Ok(outcomes.chain(lost).collect())
    }

    /// Counts the cells that rules over rows null.
    fn null_more(&mut self, rows: &RecordBatch, verdict: &Verdict) {
        for (column, named) in &verdict.nulled {
            self.losses.nulls(*column, rows.column(*column), named, false);
        }
    }

    /// Counts rows that passed, as they are published.
    fn measure(&mut self, passed: &RecordBatch) -> Result<(), CheckError> {
        let grown = self.losses.published(passed);
        self.budget.take("check", grown)?;
        self.booked += grown;
        if self.meters.is_empty() && self.watches.is_empty() {
            return Ok(());
        }
        let published = self.published.as_ref().map(|times| times.rows(passed)).transpose();
        let published = published.map_err(|error| self.error(&error.to_string()))?;
        let passed = published.as_ref().unwrap_or(passed);
        for (_, meter) in &mut self.meters {
            let grown = meter.push(passed);
            self.budget.take("check", grown)?;
            self.booked += grown;
        }
        for (_, watch) in &mut self.watches {
            watch.push(passed, &self.origins, &self.around);
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
            &Ask::Text { rule } if TEXT_RULES[rule].0 == EMPTY_ROW => self.empty_rows(place, &chunk.remarks.empty),
            &Ask::Text { rule } => {
                let cells = if rule == 0 { &chunk.remarks.quotes } else { &chunk.remarks.line_ends };
                let mut last = None;
                for &(row, column) in cells {
                    let (row, column) = (row as usize, column as usize);
                    if last == Some(row) {
                        // A row counts once, however many of its values are so.
                        if self.specs[place].on_fail == OnFail::Invalidate && !self.torn.contains(&row) {
                            verdict.nulled.entry(column).or_default().push(row);
                        }
                        continue;
                    }
                    last = Some(row);
                    let is_shown = self.tallies[place].samples.len() < SAMPLES;
                    let value = is_shown.then(|| self.shown(rows, row, &[column])).flatten();
                    self.name(place, rows, row, Some(column), value, verdict);
                }
            }
            &Ask::Type { column } => {
                let flaws: Vec<&Flaw> = chunk.flaws.iter().filter(|flaw| flaw.column == Some(column as u32)).collect();
                // What telemetry writes in the place of a time or a number may be anything, also a name.
                let is_timetable = contract.gtfs_file.is_some();
                for flaw in flaws {
                    let found = is_timetable.then(|| flaw.found.clone());
                    self.name(place, rows, flaw.row as usize, Some(column), found, verdict);
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
            Ask::Sql { .. } | Ask::Metric { .. } | Ask::Promise { .. } => {}
        }
    }

    /// Rows without any value, which are left out, by their lines.
    fn empty_rows(&mut self, place: usize, lines: &[u64]) {
        let origin = self.origins.first().map_or_else(String::new, |origin| origin.name.clone());
        let tally = &mut self.tallies[place];
        tally.rows += lines.len() as u64;
        for &row in lines.iter().take(SAMPLES.saturating_sub(tally.samples.len())) {
            tally.samples.push(Sample { origin: origin.clone(), row, column: None, value: None });
        }
    }

    fn ask_foreign_key(&mut self, place: usize, key: usize, rows: &RecordBatch, keys: &Keys, verdict: &mut Verdict) {
        let contract = self.contract.clone();
        let key = &contract.foreign_keys[key];
        let unknown = |target: &&Target| target.file.is_some() && keys.get(&target.table, &target.columns).is_none();
        if let Some(target) = key.targets.iter().find(unknown) {
            let file = target.file.as_deref().unwrap_or(Path::new("")).display();
            let message = format!("not asked: the table '{}' of {file} is not part of this run", target.table);
            self.tallies[place].skipped = Some(message);
            return;
        }
        let sets: Vec<&KeySet> =
            key.targets.iter().filter_map(|target| keys.get(&target.table, &target.columns)).collect();
        let own = key.targets.iter().any(|target| target.is_in(&contract));
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
            if self.torn.contains(&row) {
                continue;
            }
            let value = self.shown(rows, row, &key.columns);
            if own {
                let sample = self.sample(rows, row, column, value);
                let text = |text: &Option<String>| text.as_ref().map_or(0, |text| text.len() + ALLOCATED);
                let texts = sample.origin.len() + ALLOCATED + text(&sample.column) + text(&sample.value);
                let booked = make_room(&mut self.open, 1, &self.budget);
                match booked.and_then(|bytes| self.budget.take("check", texts).map(|()| bytes + texts)) {
                    Ok(bytes) => self.booked += bytes,
                    Err(exceeded) => {
                        self.exceeded = Some(exceeded);
                        return;
                    }
                }
                self.open.push((place, hash, Some(row), sample));
            } else {
                self.name(place, rows, row, column, value, verdict);
            }
        }
    }

    /// Keys into the table itself wait with the place that their row has among all rows that wait.
    fn place_own_keys(&mut self, opened: usize, verdict: &Verdict) {
        let first = self.passed as usize;
        for (.., row, _) in &mut self.open[opened..] {
            let Some(within) = *row else { continue };
            let held_before = verdict.held.range(..within).count();
            *row = (!verdict.held.contains_key(&within)).then_some(first + within - held_before);
        }
    }

    /// Keys into the table itself are answered when all of its rows are known.
    fn close_own_keys(&mut self) -> Result<(), BudgetExceeded> {
        for (place, hash, row, sample) in std::mem::take(&mut self.open) {
            let Ask::ForeignKey { key } = self.specs[place].ask else { continue };
            let contract = self.contract.clone();
            let key = &contract.foreign_keys[key];
            let found = self.referenced.iter().any(|(names, _, set)| {
                let named = |target: &Target| target.is_in(&contract) && target.columns == *names;
                key.targets.iter().any(named) && set.contains(hash)
            });
            if found {
                continue;
            }
            let tally = &mut self.tallies[place];
            tally.rows += 1;
            if tally.samples.len() < SAMPLES {
                tally.samples.push(sample);
            }
            let Some(row) = row else { continue };
            match self.specs[place].on_fail {
                OnFail::Quarantine => {
                    self.booked += make_room(&mut self.verdict.held, 1, &self.budget)?;
                    self.verdict.held.push((row as u32, place as u32));
                }
                OnFail::Invalidate => {
                    for &column in &key.columns {
                        let nulled = self.verdict.nulled.entry(column).or_default();
                        self.booked += make_room(nulled, 1, &self.budget)?;
                        nulled.push(row as u32);
                    }
                }
                OnFail::Report | OnFail::Block => {}
            }
        }
        Ok(())
    }

    /// The places in `specs` of the SQL rules that are wanted, with their places in the contract.
    fn sql_rules(&self, wanted: impl Fn(&Rule) -> bool) -> Vec<(usize, usize)> {
        let sql = self.specs.iter().enumerate().filter_map(|(place, spec)| match spec.ask {
            Ask::Sql { rule } => Some((place, rule)),
            _ => None,
        });
        sql.filter(|(_, rule)| wanted(&self.contract.rules[*rule])).collect()
    }

    /// Asks the queries that look at one row at a time.
    fn ask_single_rows(&mut self, rows: &RecordBatch, verdict: &mut Verdict) {
        let asked = self.sql_rules(is_local);
        if asked.is_empty() {
            return;
        }
        let contract = self.contract.clone();
        let mut found: Vec<Named> = Vec::new();
        // What asks only which cells are null needs no query.
        let mut by_query = Vec::new();
        for (place, rule) in asked {
            let nulls = contract.rules[rule].query.nulls.as_ref();
            match nulls.and_then(|condition| sql::offending_nulls(condition, rows)) {
                Some(named) => found.push((place, rule, Ok(named))),
                None => by_query.push((place, rule)),
            }
        }
        if !by_query.is_empty() {
            self.query_single_rows(rows, by_query, &mut found);
            found.sort_by_key(|(place, ..)| *place);
        }
        for (place, rule, named) in found {
            match named {
                Ok(named) => {
                    for row in named {
                        self.name(place, rows, row, None, None, verdict);
                        self.null_by_rule(rule, row, verdict);
                    }
                }
                Err(why) => self.tallies[place].no_result(why),
            }
        }
    }

    /// Asks Polars for the rows that these rules name.
    fn query_single_rows(&mut self, rows: &RecordBatch, asked: Vec<(usize, usize)>, found: &mut Vec<Named>) {
        let contract = self.contract.clone();
        let needed =
            |column: &str| asked.iter().any(|(_, rule)| contract.rules[*rule].query.needs(&contract.table, column));
        let places: Vec<usize> =
            (0..rows.num_columns()).filter(|&place| needed(rows.schema_ref().field(place).name())).collect();
        let projected = rows.project(&places).and_then(|rows| sql::indexed(&rows));
        match projected {
            Ok(projected) => match self.asker.over(&projected, Extent::Part) {
                Ok(mut frame) => {
                    for (place, rule) in asked {
                        let begin = std::time::Instant::now();
                        let named = frame.offending(&contract.rules[rule].query, rows.num_rows());
                        found.push((place, rule, named));
                        tracing::trace!(rule = %self.specs[place].id, seconds = begin.elapsed().as_secs_f64(), "asked");
                    }
                }
                Err(why) => found.extend(asked.into_iter().map(|(place, rule)| (place, rule, Err(why.clone())))),
            },
            Err(error) => {
                let why = NoResult::Broken(error.to_string());
                found.extend(asked.into_iter().map(|(place, rule)| (place, rule, Err(why.clone()))));
            }
        }
    }

    fn null_by_rule(&self, rule: usize, row: usize, verdict: &mut Verdict) {
        let rule = &self.contract.rules[rule];
        if rule.on_fail == OnFail::Invalidate {
            for &column in &rule.invalidates {
                verdict.nulled.entry(column).or_default().push(row);
            }
        }
    }

    /// Asks the queries that need all rows: first those that name some, then those that return a number, over what passed.
    fn ask_all_rows(&mut self, verdict: &mut TableVerdict) -> Result<(), QueryError> {
        // Those over single rows have been asked; a table may have no others.
        for (place, rule) in self.sql_rules(is_local) {
            self.compare_rows(place, rule, self.passed);
        }
        let Some(projection) = self.projection.take() else {
            verdict.sort();
            return Ok(());
        };
        let projected = projection.finish();
        let mut named = self.ask_for_rows(&projected)?;
        for (place, rule) in self.sql_rules(|rule| !rule.is_number && !is_local(rule)) {
            if self.tallies[place].broken.is_some() || self.tallies[place].skipped.is_some() {
                continue;
            }
            let mut rows = named.remove(&place).unwrap_or_default();
            // Several parts may name a row of a view over the table as a whole.
            rows.sort_unstable();
            rows.dedup();
            self.tallies[place].rows = rows.len() as u64;
            self.compare_rows(place, rule, projected.rows() as u64);
            for &row in rows.iter().take(SAMPLES) {
                let origin = projected.some(&[row as u32], |column| column == ORIGIN || column == ORIGIN_ROW)?;
                let sample = self.sample(&origin, 0, None, None);
                self.tallies[place].samples.push(sample);
            }
            // Within its limit a rule leaves the rows alone.
            if self.tallies[place].holds == Some(true) {
                continue;
            }
            if self.specs[place].on_fail == OnFail::Quarantine {
                self.booked += make_room(&mut verdict.held, rows.len(), &self.budget)?;
                verdict.held.extend(rows.iter().map(|row| (*row as u32, place as u32)));
            }
            let rule = &self.contract.rules[rule];
            for &column in rule.invalidates.iter().filter(|_| rule.on_fail == OnFail::Invalidate) {
                let nulled = verdict.nulled.entry(column).or_default();
                self.booked += make_room(nulled, rows.len(), &self.budget)?;
                nulled.extend(rows.iter().map(|row| *row as u32));
            }
        }
        verdict.sort();
        self.ask_for_numbers(projected, verdict)
    }

    /// Asks the queries that name rows, part by part where the rules allow it; the rows by place in `specs`. Rules that look
    /// at the same parts are asked together, so that they share views.
    fn ask_for_rows(&mut self, projected: &Projected) -> Result<BTreeMap<usize, Vec<usize>>, QueryError> {
        let contract = self.contract.clone();
        let mut named: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut groups: BTreeMap<Vec<usize>, Vec<(usize, usize)>> = BTreeMap::new();
        for (place, rule) in self.sql_rules(|rule| !rule.is_number && !is_local(rule)) {
            groups.entry(contract.rules[rule].per.clone()).or_default().push((place, rule));
            named.insert(place, Vec::new());
        }
        // Of a large table that cannot be asked about in parts each rule gets only its own columns.
        let groups = groups.into_iter().flat_map(|(per, rules)| match per.is_empty() && projected.is_large() {
            true => rules.into_iter().map(|rule| (Vec::new(), vec![rule])).collect(),
            false => vec![(per, rules)],
        });
        let groups: Vec<_> = groups.collect();
        let query = |&(_, rule): &(usize, usize)| &contract.rules[rule].query;
        let queries = |in_parts: bool| -> Vec<&Query> {
            let groups = groups.iter().filter(|(per, _)| per.is_empty() != in_parts);
            groups.flat_map(|(_, rules)| rules.iter().map(query)).collect()
        };
        self.ask_views(projected, &queries(false), &queries(true))?;
        for (per, rules) in groups {
            let extent = if per.is_empty() || !projected.is_large() { Extent::Whole } else { Extent::Part };
            let parts = match extent {
                Extent::Whole => vec![None],
                Extent::Part => projected.parts(&contract.names(&per))?.into_iter().map(Some).collect(),
            };
            let queries: Vec<&Query> = rules.iter().map(query).collect();
            for part in parts {
                let (rows, _booked) = self.rows_for(&queries, projected, part.as_deref(), extent)?;
                let mut frame = self.asker.over(&rows, extent);
                for (place, rule) in &rules {
                    let begin = std::time::Instant::now();
                    let found = match &mut frame {
                        Ok(frame) => frame.offending(&contract.rules[*rule].query, projected.rows()),
                        Err(why) => Err(why.clone()),
                    };
                    tracing::debug!(rule = %self.specs[*place].id, seconds = begin.elapsed().as_secs_f64(), "asked");
                    match found {
                        Ok(found) => named.entry(*place).or_default().extend(found),
                        Err(why) => self.tallies[*place].no_result(why),
                    }
                }
            }
        }
        Ok(named)
    }

    /// Asks those views of a large table that would be asked again and again, or of more rows at a time than need be.
    fn ask_views(&mut self, projected: &Projected, whole: &[&Query], in_parts: &[&Query]) -> Result<(), QueryError> {
        self.asker.forget_views();
        if !projected.is_large() {
            return Ok(());
        }
        let contract = self.contract.clone();
        let whole_views = sql::whole_views(&contract, in_parts);
        let readers: Vec<&Query> = whole.iter().copied().chain(whole_views.iter().map(|view| &view.query)).collect();
        for (per, views) in sql::views_in_parts(&contract, &readers) {
            let queries: Vec<&Query> = views.iter().map(|view| &view.query).collect();
            let parts = projected.parts(&contract.names(per))?;
            let needed = |column: &str| queries.iter().any(|query| sql::needs(&contract, query, column));
            let most = parts.iter().map(Vec::len).max().unwrap_or(0);
            let _booked = self.book_query(projected, most, needed)?;
            self.asker.join_views(&views, parts.iter().map(|part| projected.some(part, needed)))?;
        }
        for view in whole_views {
            let (rows, _booked) = self.rows_for(&[&view.query], projected, None, Extent::Whole)?;
            self.asker.keep_whole_view(view, &rows);
        }
        Ok(())
    }

    /// The columns that queries need of some rows, or of all.
    fn rows_for(
        &self,
        queries: &[&Query],
        projected: &Projected,
        part: Option<&[u32]>,
        extent: Extent,
    ) -> Result<(RecordBatch, Booked), QueryError> {
        let needed = |column: &str| queries.iter().any(|query| self.asker.needs(query, column, extent));
        let are_read = queries.iter().any(|query| self.asker.reads_rows(query, extent));
        let part = part.or((!are_read).then_some(&[]));
        let booked = self.book_query(projected, part.map_or(projected.seen(), <[u32]>::len), needed)?;
        let rows = match part {
            Some(part) => projected.some(part, needed),
            None => projected.all(needed),
        };
        Ok((rows?, booked))
    }

    /// Books what a query over so many rows takes. A small table is let through: what it takes has room beside the limit.
    fn book_query(
        &self,
        projected: &Projected,
        rows: usize,
        needed: impl Fn(&str) -> bool,
    ) -> Result<Booked, BudgetExceeded> {
        let bytes = projected.query_bytes(rows, needed);
        Booked::take(&self.budget, if bytes < SMALL_QUERY { 0 } else { bytes })
    }

    /// Compares the rows that a rule named with its limit, if it has one.
    fn compare_rows(&mut self, place: usize, rule: usize, all: u64) {
        let Some(limit) = self.contract.rules[rule].limit else { return };
        let (around, tally) = (&self.around, &mut self.tallies[place]);
        tally.value = limit.needs_history().then_some(tally.rows as f64);
        tally.compare(limit, tally.rows as f64, all, around.earlier(&self.specs[place].id));
    }

    /// Asks the queries that return a number, over what passed.
    fn ask_for_numbers(&mut self, mut projected: Projected, verdict: &TableVerdict) -> Result<(), QueryError> {
        let asked = self.sql_rules(|rule| rule.is_number);
        if asked.is_empty() {
            return Ok(());
        }
        let nulled = verdict.nulled.iter();
        let nulled = nulled.map(|(&column, rows)| (self.contract.columns[column].name.as_str(), rows.as_slice()));
        let released = |row: usize, rule: &RuleId| self.released.get(&row).is_some_and(|rules| rules.contains(rule));
        let is_held = |row: usize| verdict.rules(row).any(|place| !released(row, &self.specs[place].id));
        projected.hide(is_held, nulled);
        projected.publish(self.published.clone());
        self.asker.hide_private();
        let contract = self.contract.clone();
        let queries: Vec<&Query> = asked.iter().map(|(_, rule)| &contract.rules[*rule].query).collect();
        self.ask_views(&projected, &queries, &[])?;
        // One after the other, each with its own columns: of a large table these take the most.
        for (place, rule) in asked {
            let rule = &contract.rules[rule];
            let begin = std::time::Instant::now();
            let (rows, _booked) = self.rows_for(&[&rule.query], &projected, None, Extent::Whole)?;
            let number = self.asker.over(&rows, Extent::Whole).and_then(|mut frame| frame.number(&rule.query));
            tracing::debug!(rule = %rule.id, seconds = begin.elapsed().as_secs_f64(), "asked");
            let seen = projected.seen() as u64;
            let number = number.and_then(|number| match number {
                None if seen == 0 => Err(NoResult::Skipped("there are no rows".to_owned())),
                None => Err(NoResult::Skipped(NO_NUMBER.to_owned())),
                Some(number) => Ok(number),
            });
            let tally = &mut self.tallies[place];
            match (number, rule.limit) {
                (Ok(value), Some(limit)) => {
                    tally.value = Some(value);
                    tally.compare(limit, value, seen, self.around.earlier(&rule.id));
                    tally.rows = u64::from(tally.holds == Some(false));
                    tally.checked = Some(seen);
                }
                (Ok(_), None) => {}
                (Err(why), _) => tally.no_result(why),
            }
        }
        Ok(())
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
        if self.torn.contains(&row) && !matches!(self.specs[place].ask, Ask::RowLength) {
            return;
        }
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

    /// A rule holds a row, unless the data manager released it from that rule; a row without a value that every published
    /// row has is held all the same.
    fn hold(&mut self, place: usize, rows: &RecordBatch, row: usize, verdict: &mut Verdict) {
        let Spec { id: rule, ask, .. } = &self.specs[place];
        // Files promise that these columns are never null, and no decision can make up the value.
        if let Ask::Required { column } | Ask::Type { column } = *ask
            && self.is_public(column)
            && self.contract.is_never_null(column)
        {
            verdict.held.entry(row).or_default().push(place as u32);
            return;
        }
        if !self.decisions.as_mut().is_some_and(|decisions| decisions.releases(rows, row, rule)) {
            verdict.held.entry(row).or_default().push(place as u32);
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
        let mut verdict = verdict;
        if let Some(decisions) = &mut self.decisions {
            // A row that could not be taken apart has no values that could be published.
            for (&row, rules) in verdict.held.iter_mut().filter(|(row, _)| !self.torn.contains(*row)) {
                rules.retain(|rule| !decisions.releases(&rows, row, &self.specs[*rule as usize].id));
            }
            verdict.held.retain(|_, rules| !rules.is_empty());
        }
        let mut kept = verdict.held.clone();
        if let Some(decisions) = &mut self.decisions {
            kept.retain(|&row, _| !decisions.discards(&rows, row));
        }
        let table = self.contract.table.clone();
        let failed =
            |error: arrow_schema::ArrowError| CheckError::Table { table: table.clone(), problem: error.to_string() };
        // Held back is what came, not what the rules made of it.
        let quarantined = if kept.is_empty() {
            None
        } else {
            let mask: BooleanArray = (0..rows.num_rows()).map(|row| Some(kept.contains_key(&row))).collect();
            let held = arrow_select::filter::filter_record_batch(&rows, &mask).map_err(failed)?;
            let grown = self.losses.held(&held);
            self.budget.take("check", grown)?;
            self.booked += grown;
            let rules = |places: Vec<u32>| places.iter().map(|&place| self.specs[place as usize].id.clone()).collect();
            Some(Quarantined { rows: held, rules: kept.into_values().map(rules).collect() })
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
            // A set that is made again grows from nothing.
            let grown = set.bytes().saturating_sub(before);
            // Keys live until the run ends, so they are not given back here.
            self.budget.take("check", grown)?;
        }
        Ok(())
    }
}

/// Whether a rule is asked of each chunk: its query looks at one row at a time, and what happens to a row does not hang on
/// how many there are.
fn is_local(rule: &Rule) -> bool {
    let changes = matches!(rule.on_fail, OnFail::Quarantine | OnFail::Invalidate);
    rule.query.is_local && !rule.is_number && !(changes && rule.limit.is_some())
}

/// A cell as text for people; times and dates in their GTFS form.
pub(crate) fn show(array: &ArrayRef, kind: Kind, row: usize) -> Option<String> {
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
    use crate::contract::odcs;

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
        Arc::new(odcs::contract(Path::new("stops.odcs.yaml"), &CONTRACT.replace("RULES", rules)).unwrap())
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
        Chunk {
            rows: RecordBatch::try_new(contract.chunk_schema(), columns).unwrap(),
            flaws: Vec::new(),
            remarks: Default::default(),
        }
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
        let budget = Budget::new(1 << 20);
        let run = run_with(contract, chunks, around(), &budget);
        // Everything but the keys that later tables ask for was given back.
        budget.take("test", (1 << 20) - 10_000).unwrap();
        run
    }

    fn around() -> Surroundings {
        Surroundings::of("2026-11-24".parse().unwrap())
    }

    fn run_with(contract: &Arc<Contract>, chunks: Vec<Chunk>, around: Surroundings, budget: &Budget) -> Run {
        let origins = [Origin { name: "stops.txt".into(), captured_at: jiff::Timestamp::UNIX_EPOCH }];
        let referenced = referenced([contract].into_iter());
        let lists = referenced.get("stops").unwrap();
        let around = Arc::new(around);
        let mut check = TableCheck::new(contract.clone(), origins.into(), lists, around, budget.clone()).unwrap();
        let mut keys = Keys::default();
        let mut all = Vec::new();
        for chunk in chunks {
            all.push(check.push(chunk, &keys).unwrap());
        }
        let mut last = Vec::new();
        let keep = &mut |checked| -> Result<(), CheckError> {
            last.push(checked);
            Ok(())
        };
        let outcomes = check.finish(&mut keys, keep).unwrap();
        all.extend(last);
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
    fn a_rule_over_single_rows_names_the_rows_of_the_table_and_never_others() {
        let rule = |name: &str, on_fail: &str, sql: &str| {
            format!(
                "      - {{name: {name}, type: custom, engine: fahrtenbuch, implementation: \"{sql}\", \
                 customProperties: [{{property: onFail, value: {on_fail}}}]}}\n"
            )
        };
        let rules = [
            rule("far", "quarantine", "SELECT _index + 100000 AS _index FROM stops"),
            rule("before", "report", "SELECT _index - 1 AS _index FROM stops"),
            rule("absent", "report", "SELECT NULLIF(_index, 1) AS _index FROM stops"),
            rule("first", "report", "SELECT _index FROM stops WHERE _index = 0"),
            rule("odd", "report", "SELECT _index FROM stops WHERE MOD(_index, 2) = 1"),
            rule("half", "report", "SELECT MIN(_index) AS _index FROM stops GROUP BY lat"),
            rule("twice", "quarantine", "SELECT _index FROM stops WHERE id = 'c' UNION ALL SELECT _index FROM stops"),
            rule("local", "report", "SELECT _index FROM stops WHERE id > 'a'"),
        ]
        .concat();
        let contract = contract(&format!("    quality:\n{rules}"));
        let row = |id| (Some(id), None, Some(1.0), None, None);
        let chunks = [["a", "b"], ["c", "d"]].map(|ids| chunk(&contract, &ids.map(row)));
        let run = run(&contract, chunks.to_vec());
        let told = |id: &str| {
            let outcome = run.outcome(&format!("stops.{id}"));
            (outcome.result, outcome.rows, outcome.samples.iter().map(|sample| sample.row).collect::<Vec<_>>())
        };
        for id in ["far", "before", "absent"] {
            assert_eq!(told(id), (RuleResult::Error, 0, vec![]), "{id}");
        }
        assert_eq!(told("first"), (RuleResult::Failed, 1, vec![2]));
        // Each chunk counts the rows of its origin from 2.
        assert_eq!(told("odd"), (RuleResult::Failed, 2, vec![3, 3]));
        assert_eq!((told("half").1, told("local").1, told("twice").1), (1, 3, 4));
        assert_eq!(run.held.len(), 4);
        assert!(run.held.iter().all(|(_, rules)| rules == &["stops.twice"]));
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
    fn a_key_that_leads_elsewhere_is_skipped_unless_the_run_knows_that_table() {
        // Of the same name as the own table, but another one.
        let text =
            CONTRACT.replace("RULES", "").replace("stops.id", "'../gtfs/stops.odcs.yaml#/schema/stops/properties/id'");
        let contract = Arc::new(odcs::contract(Path::new("stops.odcs.yaml"), &text).unwrap());
        let rows = [(Some("a"), None, None, None, Some("a")), (Some("b"), None, None, None, Some("nowhere"))];
        let ask = |keys: &mut Keys| {
            let origins = [Origin { name: "x".into(), captured_at: jiff::Timestamp::UNIX_EPOCH }];
            let mut check =
                TableCheck::new(contract.clone(), origins.into(), &[], Arc::new(around()), Budget::new(1 << 20))
                    .unwrap();
            let checked = check.push(chunk(&contract, &rows), keys).unwrap();
            assert_eq!((checked.passed[0].num_rows(), checked.quarantined.len()), (2, 0));
            let outcomes = check.finish(keys, &mut |_| Ok::<(), CheckError>(())).unwrap();
            outcomes.into_iter().find(|outcome| outcome.rule.0 == "stops.parent.foreign_key").unwrap()
        };
        let outcome = ask(&mut Keys::default());
        assert_eq!((outcome.result, outcome.rows, outcome.checked), (RuleResult::Skipped, 0, 0));
        assert_eq!(outcome.message, "not asked: the table 'stops' of ../gtfs/stops.odcs.yaml is not part of this run");
        let mut known = Keys::default();
        let mut set = KeySet::default();
        KeyColumns::new(vec![0]).keys(&chunk(&contract, &rows[..1]).rows).for_each(|key| {
            set.insert(key);
        });
        known.add("stops", vec!["id".to_owned()], set);
        let outcome = ask(&mut known);
        assert_eq!((outcome.result, outcome.rows, outcome.checked), (RuleResult::Failed, 1, 2));
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
        let rule = "    quality:\n      - {name: x, type: custom, engine: fahrtenbuch, implementation: 'SELECT MAX(_index) AS _index FROM \
                    stops GROUP BY id'}\n";
        let contract = contract(rule);
        let origins = [Origin { name: "x".into(), captured_at: jiff::Timestamp::UNIX_EPOCH }];
        let mut check =
            TableCheck::new(contract.clone(), origins.into(), &[], Arc::new(around()), Budget::new(10)).unwrap();
        let error = check.push(chunk(&contract, &[(Some("a"), None, None, None, None)]), &Keys::default()).unwrap_err();
        assert!(error.to_string().contains("limits: memory"), "{error}");
    }

    /// The same rules over single rows, over all rows, and over all rows of a kind.
    fn same_rules() -> [Arc<Contract>; 3] {
        let rule = |sql: &str, per: &str| {
            contract(&format!(
                "    quality:
      - {{name: south, type: custom, engine: fahrtenbuch, implementation: \"{sql} WHERE lat < 0\", customProperties: [{{property: onFail, value: quarantine}}{per}]}}
      - {{name: odd, type: custom, engine: fahrtenbuch, implementation: \"{sql} WHERE kind = 1\", customProperties: [{{property: onFail, value: invalidate}}, {{property: invalidates, value: [kind, lat]}}{per}]}}
      - {{name: kinds, type: sql, query: 'SELECT COUNT(kind) FROM stops', mustBe: 0}}
"
            ))
        };
        let whole = "SELECT _index FROM (SELECT * FROM stops) stops";
        [rule("SELECT _index FROM stops", ""), rule(whole, ""), rule(whole, ", {property: per, value: [kind, id]}")]
    }

    fn many_rows(contract: &Contract, rows: i32, chunk_of: i32) -> Vec<Chunk> {
        let ids: Vec<String> = (0..rows).map(|id| format!("stop {id}")).collect();
        let row = |i: i32| {
            let id = ids[i as usize].as_str();
            (Some(id), (i % 5 != 0).then_some(i % 4), (i % 7 != 0).then_some(f64::from(i % 10 - 3)), None, None)
        };
        let rows: Vec<Row<'_>> = (0..rows).map(row).collect();
        rows.chunks(chunk_of as usize).map(|rows| chunk(contract, rows)).collect()
    }

    #[test]
    fn a_rule_names_the_same_rows_whether_it_is_asked_of_single_rows_of_all_or_of_parts() {
        let mut before: Option<Run> = None;
        for contract in same_rules() {
            let found = run_with(&contract, many_rows(&contract, 1000, 64), around(), &Budget::new(1 << 22));
            assert_eq!((found.outcome("stops.south").rows, found.held.len()), (257, 257));
            assert!(found.outcome("stops.kinds").rows == 1, "{:?}", found.outcome("stops.kinds"));
            if let Some(before) = &before {
                assert_eq!(found.passed, before.passed);
                assert_eq!(found.held, before.held);
                assert_eq!(found.outcomes, before.outcomes);
                let all = |run: &Run| {
                    arrow_select::concat::concat_batches(&contract.chunk_schema(), &run.passed_rows).unwrap()
                };
                assert_eq!(all(&found), all(before));
            }
            before = Some(found);
        }
    }

    #[test]
    fn rows_that_wait_are_spooled_where_the_run_may_hold_little() {
        let folder = tempfile::tempdir().unwrap();
        let contract = &same_rules()[1];
        let in_memory = run_with(contract, many_rows(contract, 5000, 500), around(), &Budget::new(1 << 26));
        let spooling = Surroundings { spool: folder.path().join("spool"), ..around() };
        let spooled = run_with(contract, many_rows(contract, 5000, 500), spooling, &Budget::new(1 << 20));
        assert!(folder.path().join("spool").exists());
        assert_eq!(spooled.passed, in_memory.passed);
        assert_eq!(spooled.passed_rows, in_memory.passed_rows);
        assert_eq!(spooled.held, in_memory.held);
    }

    #[test]
    fn a_table_of_several_parts_gives_what_one_part_gives() {
        let rows = held::PART as i32 * 2;
        let [_, whole, parts] = same_rules();
        let run = |contract| run_with(contract, many_rows(contract, rows, 1 << 17), around(), &Budget::new(1 << 30));
        let (whole, parts) = (run(&whole), run(&parts));
        assert_eq!(whole.outcomes, parts.outcomes);
        assert_eq!(whole.passed, parts.passed);
        assert!(whole.outcome("stops.odd").rows > 100_000);
    }

    /// The contract with what stands at the head of its table.
    fn with_views(head: &str) -> Arc<Contract> {
        let text = CONTRACT.replace("RULES", "").replace("  - name: stops\n", &format!("  - name: stops\n{head}"));
        Arc::new(odcs::contract(Path::new("stops.odcs.yaml"), &text).unwrap())
    }

    #[test]
    fn a_view_of_parts_of_a_large_table_is_joined_for_the_rules_over_all_of_it() {
        let contract = with_views(
            "    customProperties:
      - property: views
        value:
          - {name: kinds, per: [kind], query: 'SELECT kind, COUNT(*) AS rows, MIN(_index) AS first FROM stops GROUP BY kind'}
          - {name: most, query: SELECT MAX(rows) AS most FROM kinds}
    quality:
      - {name: rare, type: custom, engine: fahrtenbuch, implementation: SELECT first AS _index FROM kinds WHERE kind = 3}
      - {name: common, type: custom, engine: fahrtenbuch, implementation: 'SELECT _index FROM stops CROSS JOIN most WHERE most > 10 AND _index < 3', customProperties: [{property: per, value: [id]}]}
      - {name: gone, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM (SELECT * FROM stops) stops WHERE kind = 1, customProperties: [{property: onFail, value: quarantine}]}
      - {name: number, type: custom, engine: fahrtenbuch, implementation: SELECT COUNT(kind) FROM kinds, customProperties: [{property: returns, value: number}, {property: mustBe, value: 3}]}
      - {name: all_rows, type: custom, engine: fahrtenbuch, implementation: SELECT SUM(rows) FROM kinds, customProperties: [{property: returns, value: number}, {property: mustBeGreaterThan, value: 0}]}
",
        );
        for rows in [1000, held::PART as i32 * 2] {
            let done = run_with(&contract, many_rows(&contract, rows, 1 << 16), around(), &Budget::new(1 << 30));
            let told = |id: &str| (done.outcome(id).result, done.outcome(id).rows, done.outcome(id).value);
            assert_eq!(told("stops.rare"), (RuleResult::Failed, 1, None), "{:?}", done.outcome("stops.rare"));
            assert_eq!(done.outcome("stops.rare").samples[0].row, 5);
            assert_eq!(told("stops.common").1, 3, "{:?}", done.outcome("stops.common"));
            // Numbers are asked over what passed: a kind and its rows are gone, also from the views.
            assert_eq!(told("stops.number"), (RuleResult::Passed, 0, Some(3.0)), "{:?}", done.outcome("stops.number"));
            let gone = done.held.len();
            assert!(gone > 100);
            assert_eq!(told("stops.all_rows").2, Some(f64::from(rows) - gone as f64));
        }
    }

    #[test]
    fn views_are_shared_and_rules_compare_with_earlier_partitions() {
        let contract = with_views(
            "    customProperties:
      - property: views
        value:
          - {name: steps, query: 'SELECT _index, kind, LAG(kind) OVER (ORDER BY id) AS before FROM stops'}
          - {name: falls, query: 'SELECT _index, before - kind AS fall FROM steps WHERE kind < before'}
    quality:
      - {name: falls_little, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM falls WHERE fall > 1}
      - {name: few_falls, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM falls, unit: percentOfMedian, mustBeLessThan: 150}
      - {metric: rowCount, unit: percentOfMedian, mustBeGreaterThan: 50}
      - {name: mean, type: sql, query: SELECT AVG(kind) FROM stops, unit: percentOfMedian, mustBeLessThan: 90, customProperties: [{property: partitions, value: 1}]}
",
        );
        let rows = |kinds: [i32; 4]| {
            let ids = ["a", "b", "c", "d"];
            let rows: Vec<Row<'_>> =
                ids.iter().zip(kinds).map(|(id, k)| (Some(*id), Some(k), None, None, None)).collect();
            vec![chunk(&contract, &rows)]
        };
        let first = run(&contract, rows([1, 0, 1, 0]));
        let told = |run: &Run, id: &str| (run.outcome(id).result, run.outcome(id).rows, run.outcome(id).value);
        assert_eq!(told(&first, "stops.falls_little"), (RuleResult::Passed, 0, None));
        assert_eq!(told(&first, "stops.few_falls"), (RuleResult::Skipped, 2, Some(2.0)));
        assert_eq!(told(&first, "stops.rowCount"), (RuleResult::Skipped, 4, Some(4.0)));
        assert_eq!(
            first.outcome("stops.rowCount").message,
            "there is no earlier partition to compare with, or none of such a day"
        );
        let mut later = around();
        for (rule, values) in
            [("few_falls", vec![1.0, 2.0, 1.0]), ("rowCount", vec![4.0, 8.0, 9.0]), ("mean", vec![9.0, 0.5])]
        {
            later.history.insert(RuleId(format!("stops.{rule}")), values);
        }
        let later = run_with(&contract, rows([1, 0, 1, 0]), later, &Budget::new(1 << 20));
        assert_eq!(told(&later, "stops.few_falls"), (RuleResult::Failed, 2, Some(2.0)));
        assert_eq!(told(&later, "stops.rowCount"), (RuleResult::Failed, 4, Some(4.0)));
        assert!(
            later
                .outcome("stops.rowCount")
                .message
                .contains("50 % of 8, the median of 3 partitions before, must be greater than 50 %")
        );
        // The median of one partition is that partition: 0.5 is 100 percent of 0.5.
        assert_eq!(told(&later, "stops.mean"), (RuleResult::Failed, 1, Some(0.5)));
    }

    #[test]
    fn a_rule_sees_the_other_tables_the_timetable_and_the_partition_before() {
        let contract = contract(
            "    quality:
      - {name: known, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM stops WHERE id NOT IN (SELECT stop_id FROM timetable_stops)}
      - {name: there_before, type: custom, engine: fahrtenbuch, implementation: SELECT stops._index FROM stops ANTI JOIN previous ON stops.id = previous.id}
      - {name: used, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM stops WHERE id NOT IN (SELECT stop_id FROM visits)}
",
        );
        let rows =
            || vec![chunk(&contract, &[(Some("a"), None, None, None, None), (Some("b"), None, None, None, None)])];
        let found = run(&contract, rows());
        let result = |run: &Run, id: &str| (run.outcome(id).result, run.outcome(id).rows);
        assert_eq!(result(&found, "stops.known"), (RuleResult::Error, 0));
        assert_eq!(result(&found, "stops.there_before"), (RuleResult::Skipped, 0));
        assert_eq!(result(&found, "stops.used"), (RuleResult::Error, 0));
        let text = |column: &str, id: &str| -> RecordBatch {
            RecordBatch::try_from_iter([(column, Arc::new(StringArray::from(vec![id])) as ArrayRef)]).unwrap()
        };
        let visits = "apiVersion: v3.1.0\nkind: DataContract\nid: v\nversion: '1'\nstatus: active\nschema:\n  - name: visits\n    \
                      properties:\n      - {name: stop_id, logicalType: string}\n";
        let visits = Arc::new(odcs::contract(Path::new("visits.odcs.yaml"), visits).unwrap());
        let absent = surroundings::Siblings::of([&contract, &visits].into_iter());
        let absent = Surroundings { siblings: absent, ..around() };
        let found = run_with(&contract, rows(), absent, &Budget::new(1 << 20));
        assert_eq!(result(&found, "stops.used"), (RuleResult::Failed, 2));
        let mut around = around();
        let tables = [("stops".to_owned(), text("stop_id", "a"))].into();
        around.timetable = Ok(Arc::new(timetable::Timetable::of(tables, around.date).unwrap()));
        around.previous.insert("stops".into(), text("id", "b"));
        around.siblings = surroundings::Siblings::of([&contract, &visits].into_iter());
        around.siblings.push("visits", &text("stop_id", "a"));
        let found = run_with(&contract, rows(), around, &Budget::new(1 << 20));
        for (rule, row) in [("known", 3), ("there_before", 2), ("used", 3)] {
            let outcome = found.outcome(&format!("stops.{rule}"));
            assert_eq!((outcome.result, outcome.samples[0].row), (RuleResult::Failed, row), "{outcome:?}");
        }
    }

    #[test]
    fn keys_are_not_held_beyond_the_budget_either() {
        let contract = contract("");
        let origins = [Origin { name: "x".into(), captured_at: jiff::Timestamp::UNIX_EPOCH }];
        let mut check =
            TableCheck::new(contract.clone(), origins.into(), &[], Arc::new(around()), Budget::new(2_000)).unwrap();
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
        let contract = Arc::new(odcs::contract(Path::new("stops.odcs.yaml"), &text).unwrap());
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
        {limit}, {{property: onFail, value: quarantine}}]
      - {{name: mean, type: sql, query: 'SELECT AVG(kind) FROM {{object}}', mustBeLessThan: 0.6}}
      - {{name: nothing, type: sql, query: 'SELECT AVG(kind) FROM stops WHERE id IS NULL', mustBe: 0}}
      - {{name: no_group, type: sql, query: 'SELECT COUNT(*) FROM stops WHERE id IS NULL GROUP BY kind', mustBe: 0}}
      - {{name: nan, type: sql, query: 'SELECT 1.0 * COUNT(kind) / SUM(CASE WHEN id IS NULL THEN 1 ELSE 0 END) FROM stops', mustBe: 0}}
      - {{name: nan_of_nan, type: sql, query: 'SELECT 1.0 * COUNT(DISTINCT CASE WHEN id IS NULL THEN kind END) / SUM(CASE WHEN id IS NULL THEN 1 ELSE 0 END) FROM stops', mustBe: 0}}
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
        let lenient = with("unit: percent\n        customProperties: [{property: mustBeLessOrEqualTo, value: 25}");
        let done = run(&lenient, rows(&lenient));
        let rule = done.outcome("stops.lat_known");
        assert_eq!((done.held.len(), rule.rows, rule.result), (0, 1, RuleResult::Passed));
        assert!(rule.message.contains("25 %, must be at most 25 %"), "{}", rule.message);
        assert_eq!(done.outcome("stops.mean").result, RuleResult::Passed);
        // Null, no row, n/0 and 0/0.
        for name in ["nothing", "no_group", "nan", "nan_of_nan"] {
            let nothing = done.outcome(&format!("stops.{name}"));
            assert_eq!((nothing.result, nothing.blocks()), (RuleResult::Skipped, false), "{nothing:?}");
            assert_eq!(nothing.message, NO_NUMBER);
        }
        let strict = with("customProperties: [{property: mustBe, value: 0}");
        let done = run(&strict, rows(&strict));
        assert_eq!((done.held.len(), done.outcome("stops.lat_known").result), (1, RuleResult::Failed));
        // Of the rows that pass: without the one that is held back it is a third.
        assert!(done.outcome("stops.mean").message.contains("0.3333"), "{}", done.outcome("stops.mean").message);
    }

    #[test]
    fn only_an_error_holds_a_run_back_because_it_could_not_run() {
        let every = [OnFail::Report, OnFail::Invalidate, OnFail::Quarantine, OnFail::Block];
        for (severity, holds_back) in [(Severity::Error, true), (Severity::Warning, false), (Severity::Info, false)] {
            for on_fail in every {
                assert_eq!(RuleResult::Error.blocks(severity, on_fail), holds_back, "{severity:?} {on_fail:?}");
                assert_eq!(RuleResult::Warning.blocks(severity, on_fail), on_fail == OnFail::Block);
                assert!(!RuleResult::Skipped.blocks(severity, on_fail));
            }
        }
    }

    #[test]
    fn a_rule_over_single_rows_keeps_its_limit_also_where_it_is_the_only_one() {
        for (most, result) in [(2, RuleResult::Passed), (1, RuleResult::Failed)] {
            let contract = contract(&format!(
                "    quality:
      - {{name: kinds, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM stops WHERE kind = 1, customProperties: [{{property: mustBeLessOrEqualTo, value: {most}}}]}}
"
            ));
            let row = |id, kind| (Some(id), Some(kind), None, None, None);
            let done =
                run(&contract, vec![chunk(&contract, &[row("a", 1), row("b", 0)]), chunk(&contract, &[row("c", 1)])]);
            let outcome = done.outcome("stops.kinds");
            assert_eq!((outcome.result, outcome.rows, done.passed.len()), (result, 2, 3), "{outcome:?}");
        }
    }

    #[test]
    fn metrics_count_the_rows_that_pass_over_all_chunks() {
        let contract = contract(
            "    quality:
      - {metric: rowCount, mustBe: 4}
      - {metric: rowCount, name: enough_rows, mustBeGreaterThan: 4, severity: warning}
      - {metric: duplicateValues, arguments: {properties: [kind]}, mustBe: 1}
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
        let of_column = Arc::new(odcs::contract(Path::new("stops.odcs.yaml"), &text).unwrap());
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
        assert_eq!(done.outcome("stops.half").message, "nullValues: 25 %, must be less than 20 %");
        assert_eq!(told(&done, "stops.kind.missingValues"), (3, 4, RuleResult::Passed, false));
        assert_eq!(told(&done, "stops.kind.invalidValues"), (1, 4, RuleResult::Failed, true));
        assert_eq!(told(&done, "stops.kind.duplicateValues"), (1, 4, RuleResult::Passed, false));
    }

    #[test]
    fn without_rows_no_rule_passes_and_those_about_what_is_missing_fail() {
        let contract = with_views(
            "    customProperties:
      - property: views
        value:
          - {name: kinds, query: 'SELECT kind, COUNT(*) AS rows FROM stops GROUP BY kind'}
    quality:
      - {metric: rowCount, mustBeGreaterThan: 0}
      - {metric: rowCount, name: none, mustBe: 0}
      - {metric: duplicateValues, arguments: {properties: [kind]}, mustBe: 0}
      - {name: south, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM stops WHERE lat < 0}
      - {name: all, type: custom, engine: fahrtenbuch, implementation: SELECT MIN(_index) AS _index FROM stops GROUP BY kind HAVING COUNT(*) > 1}
      - {name: some, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM stops WHERE kind = 1, customProperties: [{property: mustBeGreaterThan, value: 2}]}
      - {name: bad_kinds, type: sql, query: SELECT COUNT(*) FROM stops WHERE kind > 1, mustBe: 0}
      - {name: kinds_of_view, type: sql, query: SELECT COUNT(*) FROM kinds, mustBe: 0}
      - {name: rows_by_sql, type: sql, query: SELECT COUNT(*) FROM stops, mustBeGreaterThan: 0}
      - {name: unused, type: sql, query: 'SELECT COUNT(*) FROM timetable_stops AS t ANTI JOIN stops AS s ON t.stop_id = s.id', mustBe: 0}
      - {name: share, type: sql, query: 'SELECT CAST(COUNT(kind) AS DOUBLE) / COUNT(*) FROM stops', mustBeGreaterThan: 0.5}
",
        );
        let timetable = || {
            let stops: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
            let tables = [("stops".to_owned(), RecordBatch::try_from_iter([("stop_id", stops)]).unwrap())].into();
            let mut around = around();
            around.timetable = Ok(Arc::new(timetable::Timetable::of(tables, around.date).unwrap()));
            around
        };
        let failing = ["stops.rowCount", "stops.some", "stops.rows_by_sql", "stops.unused"];
        let empty = vec![chunk(&contract, &[])];
        // A row that is held back leaves nothing for the rules over all rows.
        let held = vec![chunk(&contract, &[(None, Some(1), None, None, None)])];
        for (chunks, came) in [(vec![], 0), (empty, 0), (held, 1)] {
            let done = run_with(&contract, chunks, timetable(), &Budget::new(1 << 20));
            for outcome in &done.outcomes {
                let id = outcome.rule.0.as_str();
                let is_of_single_rows = came == 1 && !["all", "south", "share"].iter().any(|name| id.ends_with(name));
                match (outcome.result, id) {
                    (RuleResult::Failed, _) if failing.contains(&id) => {}
                    (RuleResult::Passed, "stops.none") => {}
                    (RuleResult::Skipped, _) => assert_eq!((outcome.checked, outcome.blocks()), (0, false), "{id}"),
                    (RuleResult::Passed | RuleResult::Failed, _) if is_of_single_rows => {}
                    _ => panic!("{outcome:?}"),
                }
                assert!(!failing.contains(&id) || outcome.result == RuleResult::Failed, "{outcome:?}");
            }
        }
    }

    #[test]
    fn a_rule_about_a_table_that_the_run_does_not_make_is_skipped() {
        let contract = contract(
            "    quality:
      - {name: used, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM stops WHERE id NOT IN (SELECT stop_id FROM visits)}
      - {name: visited, type: sql, query: SELECT COUNT(*) FROM visits, mustBeGreaterThan: 0}
      - {name: typo, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM stops WHERE id NOT IN (SELECT stop_id FROM visit)}
",
        );
        let siblings = surroundings::Siblings::default().leaving_out(["visits".to_owned()].into_iter());
        let around = Surroundings { siblings, ..around() };
        let rows = vec![chunk(&contract, &[(Some("a"), None, None, None, None)])];
        let done = run_with(&contract, rows, around, &Budget::new(1 << 20));
        for id in ["stops.used", "stops.visited"] {
            let outcome = done.outcome(id);
            assert_eq!((outcome.result, outcome.blocks()), (RuleResult::Skipped, false), "{outcome:?}");
            assert!(outcome.message.starts_with("the table 'visits' is not released"), "{outcome:?}");
        }
        assert_eq!(done.outcome("stops.typo").result, RuleResult::Error);
    }

    #[test]
    fn the_outcomes_of_an_absent_table_are_skipped() {
        assert!(absent(&contract("")).iter().all(|outcome| outcome.result == RuleResult::Skipped && outcome.rows == 0));
    }
}
