//! What passes between the rooms: chunks of rows in the columns of a contract, each row with its origin.
//!
//! A table is never one frame that must fit into memory. It travels as [`Chunk`]s of some ten thousand rows. A room that
//! works row by row passes each chunk on; a room that must see all rows (keys, sorting, SQL) says so in its doc and
//! accounts for what it holds with a [`Budget`].

pub mod keys;
pub mod single;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field};

/// The hidden column that says which [`Origin`] a row came from: an index (UInt32) into the table's list of origins.
pub const ORIGIN: &str = "_origin";
/// The hidden column that says where in its origin a row stood (UInt64): the line of a CSV file's record (the header is
/// line 1), or the position of the entity in a feed message, counted from 0.
pub const ORIGIN_ROW: &str = "_row";

/// The two hidden fields; they stand after the contract's columns in every chunk until the privacy step takes them off.
pub fn origin_fields() -> [Arc<Field>; 2] {
    [Arc::new(Field::new(ORIGIN, DataType::UInt32, false)), Arc::new(Field::new(ORIGIN_ROW, DataType::UInt64, false))]
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
}

/// A cell that could not be read as the type that its column has, or a row that could not be taken apart into cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The row within the chunk.
    pub row: u32,
    /// The column's place in the contract; `None` if the row as a whole is meant.
    pub column: Option<u32>,
    /// What was expected, for people: "a time like 25:10:00".
    pub expected: &'static str,
    /// The text as received, cut to 80 characters. Shown to people only where the column is public.
    pub found: String,
}

/// A bound on the memory that all rooms of a run may hold back together. Clones share one account.
#[derive(Clone, Debug)]
pub struct Budget {
    used: Arc<AtomicUsize>,
    limit: usize,
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
        Self { used: Arc::default(), limit }
    }

    /// All that may be held.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Books `bytes` for `room`.
    pub fn take(&self, room: &'static str, bytes: usize) -> Result<(), BudgetExceeded> {
        let needed = self.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if needed > self.limit {
            self.give_back(bytes);
            return Err(BudgetExceeded { room, needed, limit: self.limit });
        }
        Ok(())
    }

    /// Gives back what was booked and is no longer held.
    pub fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_shared_by_its_clones_and_refuses_what_exceeds_it() {
        let budget = Budget::new(100);
        budget.clone().take("check", 80).unwrap();
        assert!(budget.take("publish", 30).is_err());
        budget.give_back(80);
        budget.take("publish", 30).unwrap();
    }
}
