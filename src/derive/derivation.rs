//! What a derivation is: tables in, tables out, and an account of every row.
//!
//! A [`DerivationType`] says which columns of which tables it reads and which it fills; from that `check` tells what is wrong
//! with contracts and pipelines before a row is read. [`DerivationType::begin`] makes the [`Derivation`] of one run.
//!
//! A derived table is one file in this room, which implements both, its contract beside those of the release, and one line of
//! [`DERIVATIONS`](super::derivations::DERIVATIONS).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, new_null_array};
use jiff::tz::TimeZone;

use crate::contract::{Contract, Dimension, Kind, RuleId};
use crate::derive::error::DeriveError;
use crate::derive::line_hours::LineHours;
use crate::table::{Budget, Chunk, Lineage};
use crate::time::ServiceDate;

/// Which tables an input is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tables {
    /// Those of the feed: rows that passed the check of the feed's contract, private columns and exact times included.
    Feed,
    /// Those of the release: rows as they are published, so that whoever has the published table can make the derived one
    /// again. Nothing private reaches the derivation.
    Release,
    /// Those of the timetable that is valid on the date; `trips`, `stop_times` and `frequencies` are of the trips that run
    /// on it. They come whole, in [`DeriveContext::timetable`], before all others, and have no account.
    Timetable,
}

/// A table that a derivation reads.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    pub of: Tables,
    pub table: &'static str,
    /// The columns of its batches, in this order; [origin fields](crate::table::origin_fields) stand behind them.
    pub columns: &'static [InputColumn],
    /// Whether the derivation cannot do without the table. Another one may be absent: where a release does not make it, or where what
    /// it is made of is absent; see [`DeriveContext::made`].
    pub is_required: bool,
}

/// A column that a derivation reads.
#[derive(Clone, Copy, Debug)]
pub struct InputColumn {
    pub name: &'static str,
    pub kind: Kind,
    /// Whether it cannot do without. Another one comes as null where the contract does not have or not publish it.
    pub is_required: bool,
}

impl InputColumn {
    /// One that the derivation cannot do without.
    pub const fn needed(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, is_required: true }
    }

    /// One that may be missing.
    pub const fn optional(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, is_required: false }
    }
}

/// A table that a derivation makes.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub table: &'static str,
    /// The columns that it can fill. The contract may leave some out.
    pub columns: &'static [OutputColumn],
}

/// A column that a derivation fills.
#[derive(Clone, Copy, Debug)]
pub struct OutputColumn {
    pub name: &'static str,
    pub kind: Kind,
    /// The columns of its inputs that it is made from.
    pub from: &'static [&'static str],
    pub rows: RowsRead,
}

/// Of which rows of its inputs a column is made: whoever answers for privacy must know where it tells of rows that are not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowsRead {
    Published,
    /// It depends on how many are not published, too.
    All,
    /// It counts those that were held back.
    HeldBack,
    /// It counts those that were dropped.
    Dropped,
}

impl OutputColumn {
    /// One that is made from these columns of the published rows of the inputs.
    pub const fn made(name: &'static str, kind: Kind, from: &'static [&'static str]) -> Self {
        Self { name, kind, from, rows: RowsRead::Published }
    }

    /// The same of other rows.
    pub const fn of(self, rows: RowsRead) -> Self {
        Self { rows, ..self }
    }
}

/// A derivation that pipelines can name below `release: derived:`.
pub trait DerivationType: Sync {
    /// The word in the pipeline's file.
    fn name(&self) -> &'static str;

    /// The tables that it reads.
    fn inputs(&self) -> &'static [Input];

    /// The tables that it makes. The release has a contract for each.
    fn outputs(&self) -> &'static [Output];

    /// Whether it reads what a run knows of itself: what became of the beats of its sources, [`DeriveContext::sources`], and of the
    /// rows of its inputs, [`Derivation::account`].
    fn reads_run(&self) -> bool {
        false
    }

    /// Begins the derivation of one run.
    ///
    /// # Errors
    /// What it holds from the beginning does not fit into the memory of the run.
    fn begin(&self, context: DeriveContext) -> Result<Box<dyn Derivation>, DeriveError>;
}

impl fmt::Debug for dyn DerivationType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a derivation knows before rows come.
pub struct DeriveContext {
    /// The partition.
    pub service_date: ServiceDate,
    pub zone: TimeZone,
    /// Of the tables that it makes, as [`DerivationType::outputs`] lists them.
    pub contracts: Vec<Arc<Contract>>,
    /// The inputs that are of the timetable, by table. A table that the timetable lacks has no rows.
    pub timetable: BTreeMap<&'static str, RecordBatch>,
    /// The origin of rows that are made of the timetable alone, whose place there is 0 or what tells them apart.
    pub timetable_origin: u32,
    /// For each of [`DerivationType::inputs`] whether its table is made in this run.
    pub made: Vec<bool>,
    /// The hours of the sources, of a derivation that [reads the run](DerivationType::reads_run).
    pub sources: Arc<SourceHours>,
    /// What it holds is booked here and given back by [`Derivation::finish`].
    pub budget: Budget,
}

impl DeriveContext {
    /// The contract of the first table that the derivation makes: of most the only one.
    ///
    /// # Errors
    /// There is none.
    pub fn contract(&self, table: &str) -> Result<Arc<Contract>, DeriveError> {
        self.contracts.first().cloned().ok_or_else(|| DeriveError::fault(table, &"it has no contract"))
    }
}

/// The sources of a run, hour by hour.
#[derive(Debug, Default)]
pub struct SourceHours {
    /// The names of the sources.
    pub names: Vec<Arc<str>>,
    /// The source of each origin, by its place among the names.
    pub of_origins: Vec<u32>,
    /// All hours that count, of each source.
    pub hours: Vec<SourceHour>,
}

/// What came of a source in an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceHour {
    /// The place of its name.
    pub source: u32,
    /// Whole hours since the service date began: 3 is that from 3:00 to 4:00.
    pub hour: i32,
    /// The beats at which a collector was to ask; `None` where none is known of, as of what was imported.
    pub expected: Option<u64>,
    /// Beats that gave what the source is to give; captures of the hour where no beat is known of.
    pub received: u64,
    /// What most of the other beats came to: `failed`, `off_killed`.
    pub reason: Option<String>,
}

/// What became of the rows of a table, as the record says it.
#[derive(Debug, Default)]
pub struct RowAccount {
    pub published: u64,
    pub held: u64,
    pub dropped: u64,
    /// The rows held back by line and hour: all of them.
    pub held_lines: Option<LineHours>,
    /// Likewise the dropped ones that say the same as others. What other rules dropped is not among them.
    pub dropped_lines: Option<LineHours>,
}

/// A derivation at work in one run.
///
/// [`Self::push`] takes the rows of its inputs as they pass, rows of two inputs in turns; then [`Self::finish`]. The values that it
/// makes depend on which rows came and not on their order: a published file is sorted, and whoever makes the table again from it
/// must find the same. Only the [`Lineage`] of a row goes by which came first.
pub trait Derivation: Send {
    /// Takes some rows of the input at this place of [`DerivationType::inputs`]; gives what is made of them at once.
    fn push(&mut self, input: usize, rows: RecordBatch) -> Result<Vec<Derived>, DeriveError>;

    /// Takes what became of the rows of an input of the release, once all of them have come; only where the derivation
    /// [reads the run](DerivationType::reads_run).
    ///
    /// # Errors
    /// It is not what the rows say that came.
    fn account(&mut self, _input: usize, _rows: &RowAccount) -> Result<(), DeriveError> {
        Ok(())
    }

    /// No more rows come: gives what is left, and the account of all rows that came.
    fn finish(self: Box<Self>) -> Result<Finished, DeriveError>;
}

/// Rows of one table that a derivation makes: in the contract's columns, with their [`Lineage`].
pub struct Derived {
    /// The place in [`DerivationType::outputs`].
    pub output: usize,
    pub chunk: Chunk,
}

/// The end of a derivation.
pub struct Finished {
    /// The rows that are left. They are made as they are taken, so that a table may be larger than what it is made of.
    pub derived: Box<dyn Iterator<Item = Result<Derived, DeriveError>> + Send>,
    /// For each of [`DerivationType::inputs`], in order; those of the timetable are passed over.
    pub inputs: Vec<InputAccount>,
}

impl Finished {
    /// With rows that are made already.
    pub fn with(derived: Vec<Derived>, inputs: Vec<InputAccount>) -> Self {
        Self { derived: Box::new(derived.into_iter().map(Ok)), inputs }
    }
}

/// Where the rows of an input went: rows that came = used + all unused, which the run asserts.
#[derive(Debug, Default)]
pub struct InputAccount {
    /// Rows that a row of an output says something of.
    pub used: u64,
    pub unused: Vec<Unused>,
}

/// Rows that no row was made of, by the rule that says why.
#[derive(Debug)]
pub struct Unused {
    /// `trips_observed.without_trip`: the derived table, and why.
    pub rule: RuleId,
    pub rows: u64,
    /// `None` where the number in the record says all.
    pub told: Option<ToldOfUnused>,
    /// The same by line and hour, where a derivation reads it.
    pub lines: Option<LineHours>,
}

/// What is told of unused rows among the findings.
#[derive(Clone, Debug)]
pub struct ToldOfUnused {
    /// What is amiss if they are many.
    pub dimension: Dimension,
    pub message: &'static str,
    /// Where the first of them stand: the place of the origin, and the row there.
    pub places: Vec<(u32, u64)>,
}

impl Unused {
    /// Rows of which the number in the record says all.
    pub fn counted(rule: &str, rows: u64) -> Self {
        Self { rule: RuleId(rule.to_owned()), rows, told: None, lines: None }
    }
}

/// Rows of a table that is made, from its columns in the order of the contract.
///
/// # Errors
/// A column has another type than the contract says, or another length than the lineage.
pub fn rows(contract: &Contract, lineage: Lineage, columns: Vec<ArrayRef>) -> Result<Chunk, DeriveError> {
    let schema = contract.chunk_schema();
    let rows = lineage.with(&schema.fields()[..contract.columns.len()], columns);
    let rows = rows.map_err(|error| DeriveError::fault(&contract.table, &error))?;
    Ok(Chunk { rows, flaws: Vec::new(), remarks: Default::default() })
}

/// The same from columns by name, each of `count` rows; what is not among them is null.
///
/// # Errors
/// As [`rows`].
pub fn rows_by_name(
    contract: &Contract,
    lineage: Lineage,
    count: usize,
    mut column: impl FnMut(&str) -> Option<ArrayRef>,
) -> Result<Chunk, DeriveError> {
    let own = contract.columns.iter();
    let columns = own.map(|own| column(&own.name).unwrap_or_else(|| new_null_array(&own.kind.data_type(), count)));
    rows(contract, lineage, columns.collect())
}
