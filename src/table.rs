//! What passes between the rooms: chunks of rows in the columns of a contract, each row with its origin.
//!
//! A table is never one frame that must fit into memory. It travels as [`Chunk`]s of some ten thousand rows. A room that
//! works row by row passes each chunk on; a room that must see all rows (keys, sorting, SQL) says so in its doc and
//! accounts for what it holds with a [`Budget`].

pub mod csv;
pub mod keys;
pub mod single;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, BooleanArray, RecordBatch, UInt32Array, UInt64Array};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use crate::internal;

/// The hidden column that says which [`Origin`] a row came from: an index (UInt32) into the table's list of origins.
pub const ORIGIN: &str = "_origin";
/// The hidden column that says where in its origin a row stood (UInt64): the line of a CSV file's record (the header is
/// line 1), or the position of the entity in a feed message, counted from 0.
pub const ORIGIN_ROW: &str = "_row";
/// The hidden column (Boolean) that stands behind the other two while rows of the feed become rows of the release, in batches
/// where it is true of a row: the feed's check held the row in the run before and lets it pass now. A batch without such rows
/// does not have the column, so that a run whose quarantine was empty pays nothing.
pub const HELD_BEFORE: &str = "_held_before";

/// The two hidden fields; they stand after the contract's columns in every chunk until the privacy step takes them off.
pub fn origin_fields() -> [Arc<Field>; 2] {
    [Arc::new(Field::new(ORIGIN, DataType::UInt32, false)), Arc::new(Field::new(ORIGIN_ROW, DataType::UInt64, false))]
}

/// Where the rows of a batch come from: its hidden columns. A derivation gives them to the rows that it makes. A row that is made
/// of one row has that row's; a row that is made of several has the origin and the place of the first of them, and is never
/// [`HELD_BEFORE`]: it is another row than those that were held.
#[derive(Clone, Debug)]
pub struct Lineage {
    fields: Vec<Arc<Field>>,
    columns: Vec<ArrayRef>,
}

impl Lineage {
    /// The lineage of rows.
    pub fn of(rows: &RecordBatch) -> Self {
        let hidden = rows.schema_ref().fields().iter().zip(rows.columns());
        let hidden = hidden.filter(|(field, _)| [ORIGIN, ORIGIN_ROW, HELD_BEFORE].contains(&field.name().as_str()));
        let (fields, columns) = hidden.map(|(field, column)| (field.clone(), column.clone())).unzip();
        Self { fields, columns }
    }

    /// The lineage of rows that are made of several: for each the first of them, its origin and its place there.
    pub fn of_first(places: &[(u32, u64)]) -> Self {
        let origins = UInt32Array::from_iter_values(places.iter().map(|(origin, _)| *origin));
        let rows = UInt64Array::from_iter_values(places.iter().map(|(_, row)| *row));
        Self { fields: origin_fields().into(), columns: vec![Arc::new(origins), Arc::new(rows)] }
    }

    /// Rows of these columns with this lineage.
    ///
    /// # Errors
    /// A column has another type or another length than its field and the lineage.
    pub fn with(self, fields: &[Arc<Field>], mut columns: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
        let schema = Schema::new(fields.iter().cloned().chain(self.fields).collect::<Vec<_>>());
        columns.extend(self.columns);
        RecordBatch::try_new(Arc::new(schema), columns)
    }
}

/// Adds [`HELD_BEFORE`] to rows that do not have it.
pub fn with_held_before(rows: &RecordBatch, held: BooleanArray) -> RecordBatch {
    let field = Arc::new(Field::new(HELD_BEFORE, DataType::Boolean, false));
    let fields = rows.schema_ref().fields().iter().cloned().chain([field]).collect::<Vec<_>>();
    let columns = rows.columns().iter().cloned().chain([Arc::new(held) as ArrayRef]).collect();
    // The marks were made for these rows.
    let marked = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns);
    marked.unwrap_or_else(|error| internal::impossible("marking rows that were held before", error))
}

/// Takes [`HELD_BEFORE`] off rows; `None` where they do not have it.
pub fn take_held_before(mut rows: RecordBatch) -> (RecordBatch, Option<BooleanArray>) {
    let Ok(place) = rows.schema_ref().index_of(HELD_BEFORE) else { return (rows, None) };
    let held = rows.remove_column(place);
    (rows, held.as_boolean_opt().cloned())
}

/// Where rows came from: a file inside an archive, or a record of evidence.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Origin {
    /// For people: `stop_times.txt`, or the evidence record's URL and time.
    pub name: String,
    /// When the bytes were captured.
    pub captured_at: jiff::Timestamp,
}

impl Origin {
    /// What a source gave at an instant. The name is that of the source and the time.
    pub fn of_capture(source: &str, captured_at: jiff::Timestamp) -> Self {
        Self { name: format!("{source} {captured_at}"), captured_at }
    }

    /// The name of the source, see [`Origin::of_capture`].
    pub fn source(&self) -> &str {
        self.name.rsplit_once(' ').map_or(&self.name, |(source, _)| source)
    }
}

/// Some rows of one table.
///
/// `rows` has the contract's columns in the contract's order, with the contract's Arrow types, all of them nullable, and
/// then [`origin_fields`]. A cell whose text did not fit its type is null there and told in `flaws`.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub rows: RecordBatch,
    pub flaws: Vec<Flaw>,
    pub remarks: Remarks,
}

/// What there is to tell of the text of a chunk whose rows could be taken apart.
#[derive(Clone, Debug, Default)]
pub struct Remarks {
    /// Cells with quotes that are not doubled: the row within the chunk and the column's place in the contract, by row.
    pub quotes: Vec<(u32, u32)>,
    /// Cells with a line end in them, likewise.
    pub line_ends: Vec<(u32, u32)>,
    /// Lines of rows without any value, which are not among the chunk's.
    pub empty: Vec<u64>,
    /// Lines that an open quote swallowed beside the first of its row: rows that nobody can read are lost all the same.
    pub swallowed: u64,
}

/// A cell that could not be read as the type that its column has, or a row that could not be taken apart into cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The row within the chunk.
    pub row: u32,
    /// The column's place in the contract; `None` if the row as a whole is meant.
    pub column: Option<u32>,
    pub expected: Expected,
    /// The text as received, cut to 80 characters. Shown to people only where the column is public.
    pub found: String,
}

/// What was expected of a cell or row, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// What the type of its column says, in English: "a time like 25:10:00". The rule of the type says it in German.
    Type(&'static str),
    /// What a pipeline's mapping says, which is more than the type, in English and German.
    Mapping(&'static str, &'static str),
}

impl Expected {
    pub fn en(self) -> &'static str {
        match self {
            Self::Type(en) | Self::Mapping(en, _) => en,
        }
    }
}

impl From<&'static str> for Expected {
    fn from(of_type: &'static str) -> Self {
        Self::Type(of_type)
    }
}

/// A bound on the memory that all rooms of a run may hold back together. Clones share one account.
///
/// ```
/// # use fahrtenbuch::table::Budget;
/// let budget = Budget::new(100);
/// budget.take("check", 80)?;
/// let refused = budget.clone().take("derive", 30).unwrap_err();
/// assert!(refused.to_string().starts_with("derive would have to hold 110 bytes, the run may hold 100."));
/// budget.give_back(80);
/// budget.take("derive", 30)?;
/// # Ok::<(), fahrtenbuch::table::BudgetExceeded>(())
/// ```
#[derive(Clone, Debug)]
pub struct Budget {
    account: Arc<Account>,
    limit: usize,
}

#[derive(Debug, Default)]
struct Account {
    used: AtomicUsize,
    /// Reservations of which it is not known yet how much of them is needed.
    open: Mutex<usize>,
    closed: Condvar,
}

/// A run would have to hold more rows back than it may.
#[derive(Debug, thiserror::Error)]
#[error(
    "{room} would have to hold {needed} bytes, the run may hold {limit}. Raise 'limits: memory' in fahrtenbuch.yaml, or \
     publish a smaller partition."
)]
pub struct BudgetExceeded {
    pub room: &'static str,
    pub needed: usize,
    pub limit: usize,
}

impl Budget {
    pub fn new(limit: usize) -> Self {
        Self { account: Arc::default(), limit }
    }

    /// All that may be held.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// What is not booked.
    pub fn left(&self) -> usize {
        self.limit.saturating_sub(self.account.used.load(Ordering::Relaxed))
    }

    /// Books `bytes` for `room`. What does not fit waits until it is known what every [`Reservation`] needs, so that the answer does
    /// not depend on which of two threads is faster.
    pub fn take(&self, room: &'static str, bytes: usize) -> Result<(), BudgetExceeded> {
        self.try_take(room, bytes).or_else(|_| {
            self.wait_for_open_reservations();
            self.try_take(room, bytes)
        })
    }

    fn try_take(&self, room: &'static str, bytes: usize) -> Result<(), BudgetExceeded> {
        let needed = self.account.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if needed > self.limit {
            self.give_back(bytes);
            return Err(BudgetExceeded { room, needed, limit: self.limit });
        }
        Ok(())
    }

    fn wait_for_open_reservations(&self) {
        let open = self.account.open.lock().unwrap_or_else(PoisonError::into_inner);
        let closed = self.account.closed.wait_while(open, |open| *open > 0);
        drop(closed.unwrap_or_else(PoisonError::into_inner));
    }

    /// Gives back what was booked and is no longer held.
    pub fn give_back(&self, bytes: usize) {
        self.account.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Books `bytes` for a room that finds out while it works how much of them it needs. The room itself may not [`Budget::take`]
    /// before it has said how much, see [`Reservation::shrink_to`].
    pub fn reserve(&self, room: &'static str, bytes: usize) -> Result<Reservation, BudgetExceeded> {
        self.take(room, bytes)?;
        *self.account.open.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Ok(Reservation { budget: self.clone(), bytes, is_open: true })
    }
}

/// What is booked beforehand; given back when it is dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    bytes: usize,
    is_open: bool,
}

impl Reservation {
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps what is needed, at most what was reserved, and leaves the rest to others.
    pub fn shrink_to(&mut self, needed: usize) {
        self.budget.give_back(self.bytes.saturating_sub(needed));
        self.bytes = self.bytes.min(needed);
        if std::mem::take(&mut self.is_open) {
            *self.budget.account.open.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
            self.budget.account.closed.notify_all();
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lineage_of_rows_goes_with_the_rows_that_are_made_of_them() {
        let fields = |names: &[&str]| -> Vec<Arc<Field>> {
            names.iter().map(|name| Arc::new(Field::new(*name, DataType::Boolean, true))).collect()
        };
        let column = || Arc::new(BooleanArray::from(vec![true, false])) as ArrayRef;
        let rows = Lineage::of_first(&[(0, 7), (1, 2)]).with(&fields(&["a", "b"]), vec![column(), column()]).unwrap();
        let marked = with_held_before(&rows, BooleanArray::from(vec![false, true]));
        let made = Lineage::of(&marked).with(&fields(&["c"]), vec![column()]).unwrap();
        let names: Vec<&str> = made.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["c", ORIGIN, ORIGIN_ROW, HELD_BEFORE]);
        let (made, held) = take_held_before(made);
        assert_eq!(held, Some(BooleanArray::from(vec![false, true])));
        assert_eq!(made.columns()[1..], rows.columns()[2..]);
        assert_eq!(take_held_before(rows.clone()), (rows, None));
    }

    #[test]
    fn a_budget_is_shared_by_its_clones_and_refuses_what_exceeds_it() {
        let budget = Budget::new(100);
        budget.clone().take("check", 80).unwrap();
        assert!(budget.take("publish", 30).is_err());
        budget.give_back(80);
        budget.take("publish", 30).unwrap();
    }

    #[test]
    fn what_does_not_fit_waits_for_what_a_reservation_needs() {
        // Whichever thread is faster, 70 beside 30 that are needed of 60 fit, and one more does not.
        for (bytes, fits) in [(70, true), (71, false)] {
            for pause in [0, 30] {
                let budget = Budget::new(100);
                let mut reserved = budget.reserve("standard rules", 60).unwrap();
                let shrinking = std::thread::spawn(move || {
                    std::thread::sleep(std::time::Duration::from_millis(pause));
                    reserved.shrink_to(30);
                    reserved
                });
                assert_eq!(budget.take("check", bytes).is_ok(), fits, "{bytes} after {pause} ms");
                assert_eq!(shrinking.join().unwrap().bytes(), 30);
            }
        }
    }

    #[test]
    fn a_reservation_whose_room_has_stopped_keeps_nobody_waiting() {
        let budget = Budget::new(100);
        let reserved = budget.reserve("standard rules", 60).unwrap();
        let stopped = std::thread::spawn(move || {
            let _reserved = reserved;
            panic!("for the test");
        });
        budget.take("check", 100).unwrap();
        assert!(stopped.join().is_err());
        assert_eq!(budget.left(), 0);
        budget.give_back(100);
        assert_eq!(budget.left(), 100);
    }
}
