//! Rows: what a decoder reads of a message becomes chunks of one contract's table, cell by cell.
//!
//! Formats of messages make their rows with a [`RowBuilder`]. Columns are looked up once, by name; cells are set by their handle, in
//! any order, and what a row does not set is null. A value that does not fit its column is null and told as a [`Flaw`]. Per row
//! and cell nothing is looked up and nothing allocated. What the rows take is booked on the run's [`Budget`] before they are
//! made.
//!
//! ```
//! use std::path::Path;
//!
//! use fahrtenbuch::contract::library::Library;
//! use fahrtenbuch::decode::rows::{Cell, ROWS, RowBuilder};
//! use fahrtenbuch::table::Budget;
//!
//! let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/gtfs-realtime");
//! let contract = Library::read(&folder).unwrap().get("vehicle_positions").unwrap().clone();
//! let mut rows = RowBuilder::new(contract, Budget::new(64 << 20));
//! let captured_at = rows.column("captured_at");
//! let vehicle = rows.column("vehicle_id");
//! let latitude = rows.column("latitude");
//! // The contract has no such column: what is set there is ignored.
//! let colour = rows.column("colour");
//!
//! // Cells that are set while no row is open are in all rows that come, until `unshare`.
//! rows.share(captured_at, Cell::Seconds(1_795_561_200));
//! let message = [("bus-1", Cell::Float(48.47)), ("bus-2", Cell::Text(b"north"))];
//! for (place, (id, value)) in (0..).zip(message) {
//!     let before = rows.mark();
//!     rows.expect(rows.row_bytes() + id.len())?;
//!     rows.begin(0, place);
//!     rows.set(latitude, value);
//!     rows.set(vehicle, Cell::Name(id));
//!     rows.set(colour, Cell::Name("green"));
//!     rows.end();
//!     // An entity that turns out to be damaged takes its rows with it.
//!     let is_damaged = false;
//!     if is_damaged {
//!         rows.undo(before);
//!     }
//!     if rows.is_full(ROWS) {
//!         let _chunk = rows.take()?;
//!     }
//! }
//! let chunk = rows.take()?;
//! assert_eq!(chunk.rows.num_rows(), 2);
//! assert_eq!(chunk.flaws.len(), 1);
//! assert_eq!((chunk.flaws[0].expected.en(), chunk.flaws[0].found.as_str()), ("a number", "north"));
//! # Ok::<(), fahrtenbuch::decode::DecodeError>(())
//! ```

mod cell;
mod column;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt32Array, UInt64Array};
use arrow_schema::ArrowError;

pub use self::cell::{Cell, LAST_SECOND};
use self::cell::{SHOWN, fit};
use self::column::Column;
use crate::contract::Contract;
use crate::decode::DecodeError;
use crate::table::{Budget, BudgetExceeded, Chunk, Expected, Flaw};

/// Rows of a chunk.
pub const ROWS: usize = 16_384;
/// Bytes at which a chunk is full, however few rows it has.
const CHUNK_BYTES: usize = 24 << 20;
/// What is booked at a time.
const BOOKED: usize = 1 << 20;

/// The place of a column in the contract of the [`RowBuilder`] that gave it; or of none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnHandle(u32);

impl ColumnHandle {
    /// Of a column that the contract does not have.
    pub const NONE: Self = Self(u32::MAX);
}

/// Where the rows of a [`RowBuilder`] ended at a moment, for [`RowBuilder::undo`].
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    rows: usize,
    bytes: usize,
}

/// A table of one contract that grows row by row, and is given out as chunks.
///
/// A row is [`begun`](Self::begin), its cells are [`set`](Self::set), and it [`ends`](Self::end). What is booked is given
/// back when the builder is dropped.
pub struct RowBuilder {
    contract: Arc<Contract>,
    columns: Vec<Column>,
    origins: Vec<u32>,
    places: Vec<u64>,
    flaws: Vec<Flaw>,
    /// The row that was begun, and how many flaws there were before it.
    open: Option<(u32, u64, usize)>,
    /// Rows since the builder was made, also those that were given out.
    total: u64,
    budget: Budget,
    /// What the rows take, at most.
    bytes: usize,
    booked: usize,
    /// What is booked for chunks that were given out.
    lent: usize,
}

impl RowBuilder {
    pub fn new(contract: Arc<Contract>, budget: Budget) -> Self {
        let columns = contract.columns.iter().map(|column| Column::new(column.kind)).collect();
        Self {
            contract,
            columns,
            origins: Vec::new(),
            places: Vec::new(),
            flaws: Vec::new(),
            open: None,
            total: 0,
            budget,
            bytes: 0,
            booked: 0,
            lent: 0,
        }
    }

    pub fn contract(&self) -> &Arc<Contract> {
        &self.contract
    }

    /// The handle of a column; where the contract lacks it, one whose values are ignored.
    pub fn column(&self, name: &str) -> ColumnHandle {
        let place = self.contract.columns.iter().position(|column| column.name == name);
        place.and_then(|place| u32::try_from(place).ok()).map_or(ColumnHandle::NONE, ColumnHandle)
    }

    /// Rows that ended and were not given out.
    pub fn rows(&self) -> usize {
        self.origins.len()
    }

    /// Rows that ended since the builder was made, without those that were undone.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// What a row takes at most without its texts.
    pub fn row_bytes(&self) -> usize {
        // Vectors that grow have up to twice the bytes of their values.
        2 * 8 * (self.columns.len() + 2) + SHOWN
    }

    /// Whether the rows make a chunk: there are at least so many, or they are large. Without rows there is none.
    pub fn is_full(&self, least: usize) -> bool {
        self.rows() > 0 && (self.rows() >= least || self.bytes >= CHUNK_BYTES.min(self.budget.limit() / 8))
    }

    /// Books what rows that come will take: of each [`Self::row_bytes`] and its texts.
    pub fn expect(&mut self, bytes: usize) -> Result<(), BudgetExceeded> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.booked {
            let more = (self.bytes - self.booked).max(BOOKED.min(self.budget.limit() / 64));
            self.budget.take("decode", more)?;
            self.booked += more;
        }
        Ok(())
    }

    /// Where the rows end now. What is expected from here on is of rows behind it.
    pub fn mark(&self) -> Mark {
        Mark { rows: self.rows(), bytes: self.bytes }
    }

    /// Rows that ended since a mark.
    pub fn rows_since(&self, mark: Mark) -> usize {
        self.rows().saturating_sub(mark.rows)
    }

    /// Forgets the rows behind a mark, and what was expected of them. None may have been given out since.
    pub fn undo(&mut self, to: Mark) {
        self.open = None;
        self.total -= self.rows_since(to) as u64;
        self.origins.truncate(to.rows);
        self.places.truncate(to.rows);
        self.columns.iter_mut().for_each(|column| column.truncate(to.rows));
        let kept = self.flaws.iter().rposition(|flaw| (flaw.row as usize) < to.rows).map_or(0, |last| last + 1);
        self.flaws.truncate(kept);
        self.bytes = to.bytes;
    }

    /// Begins a row that stood at this place of this origin, see [`crate::table::origin_fields`]. A row that did not end is
    /// forgotten.
    pub fn begin(&mut self, origin: u32, place: u64) {
        self.forget_open();
        self.open = Some((origin, place, self.flaws.len()));
    }

    /// Sets a cell of the row that was begun. The last value counts, also over one that is shared.
    #[inline]
    pub fn set(&mut self, column: ColumnHandle, cell: Cell<'_>) {
        let row = self.rows();
        let (Some(_), Some(found)) = (self.open, self.columns.get_mut(column.0 as usize)) else { return };
        if found.len() > row {
            found.truncate(row);
            forget_flaw(&mut self.flaws, row, column.0);
        }
        let scalar = fit(found.kind, cell);
        if let Err(expected) = scalar.and_then(|scalar| found.push(scalar)) {
            self.flaw(column, expected, &cell.shown());
        }
    }

    /// Leaves a cell of the row that was begun null, since what was found there is not what was expected.
    pub fn flaw(&mut self, column: ColumnHandle, expected: impl Into<Expected>, found: &str) {
        let row = self.rows();
        let (Some(_), Some(cells)) = (self.open, self.columns.get_mut(column.0 as usize)) else { return };
        if cells.len() > row {
            cells.truncate(row);
            forget_flaw(&mut self.flaws, row, column.0);
        }
        cells.push_null();
        let found = found.chars().take(SHOWN).collect();
        let expected = expected.into();
        self.flaws.push(Flaw { row: row as u32, column: Some(column.0), expected, found });
    }

    /// Sets a cell of all rows that end from now on, until [`Self::unshare`]. It is looked at once, and a flaw is told of every row.
    pub fn share(&mut self, column: ColumnHandle, cell: Cell<'_>) {
        let Some(found) = self.columns.get_mut(column.0 as usize) else { return };
        found.shared.keep(fit(found.kind, cell), cell);
    }

    /// Rows that end from now on share nothing with those before them.
    pub fn unshare(&mut self) {
        self.columns.iter_mut().for_each(|column| column.shared.forget());
    }

    /// Ends the row that was begun. Cells that were neither set nor shared are null.
    pub fn end(&mut self) {
        let Some((origin, place, flaws)) = self.open.take() else { return };
        let row = self.origins.len();
        for (column, place) in self.columns.iter_mut().zip(0_u32..) {
            if column.len() == row
                && let Some((expected, found)) = column.push_shared()
            {
                let expected = expected.into();
                self.flaws.push(Flaw { row: row as u32, column: Some(place), expected, found });
            }
        }
        // They are told in the order of the columns, in whichever they were set.
        if self.flaws.len() > flaws + 1 {
            self.flaws[flaws..].sort_by_key(|flaw| flaw.column);
        }
        self.origins.push(origin);
        self.places.push(place);
        self.total += 1;
    }

    /// The rows that ended. They stay booked until [`Self::release`]; what is shared stays shared.
    pub fn take(&mut self) -> Result<Chunk, DecodeError> {
        self.forget_open();
        self.bytes = 0;
        self.lent += std::mem::take(&mut self.booked);
        let flaws = std::mem::take(&mut self.flaws);
        let rows = self.batch().map_err(|error| {
            let problem = format!("its rows do not fit its contract: {error}");
            DecodeError::feed(&self.contract.table, problem, "This is a fault of the program: please report it.")
        })?;
        Ok(Chunk { rows, flaws, remarks: Default::default() })
    }

    fn batch(&mut self) -> Result<RecordBatch, ArrowError> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.columns.len() + 2);
        for column in &mut self.columns {
            columns.push(column.finish()?);
        }
        columns.push(Arc::new(UInt32Array::from(std::mem::take(&mut self.origins))));
        columns.push(Arc::new(UInt64Array::from(std::mem::take(&mut self.places))));
        RecordBatch::try_new(self.contract.chunk_schema(), columns)
    }

    /// Gives back what is booked for the chunks that were given out: nobody holds them any more, or who does has booked them.
    pub fn release(&mut self) {
        self.budget.give_back(std::mem::take(&mut self.lent));
    }

    fn forget_open(&mut self) {
        if let Some((_, _, flaws)) = self.open.take() {
            let rows = self.rows();
            self.columns.iter_mut().for_each(|column| column.truncate(rows));
            self.flaws.truncate(flaws);
        }
    }
}

impl Drop for RowBuilder {
    fn drop(&mut self) {
        self.budget.give_back(self.booked + self.lent);
    }
}

/// Takes back what was told of a cell that is set again. It is among the flaws of the last row.
#[cold]
fn forget_flaw(flaws: &mut Vec<Flaw>, row: usize, column: u32) {
    let of_row = flaws.iter().rev().take_while(|flaw| flaw.row as usize == row);
    if let Some(back) = of_row.clone().position(|flaw| flaw.column == Some(column)) {
        flaws.remove(flaws.len() - 1 - back);
    }
}
