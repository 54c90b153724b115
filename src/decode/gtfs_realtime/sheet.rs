//! A table that grows entity by entity: its rows, which of them are made, and what an entity may take.

use crate::decode::partition::{Received, RowFilter, RowPartition, Says};
use crate::decode::rows::{Cell, ColumnHandle, Mark, RowBuilder};
use crate::decode::snapshot::Trips;
use crate::protobuf::Broken;
use crate::table::BudgetExceeded;

/// What a row takes at most without its texts: its cells, and what may be wrong with those that it shares with others.
const ROW_BYTES: u64 = 640;
/// Own bytes of an entity from which on what may be wrong with its cells counts, too: a wrong cell takes five bytes in the
/// message and some eighty here.
const LARGE: u64 = 64 << 10;

/// Columns of a table and where each comes from. With nothing in the cells it tells the columns alone.
pub(super) type Cells<'a, const N: usize> = [(&'static str, Cell<'a>); N];

/// The handles of columns, in the order of their cells.
pub(super) type Handles<const N: usize> = [ColumnHandle; N];

pub(super) fn names<const N: usize>(cells: Cells<'_, N>) -> [&'static str; N] {
    cells.map(|(name, _)| name)
}

/// Bytes of all texts that are not the names of codes.
pub(super) fn text_bytes(cells: &[(&'static str, Cell<'_>)]) -> u64 {
    cells.iter().map(|(_, cell)| cell.text_bytes() as u64).sum()
}

/// What the rows of an entity have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entity<'a> {
    pub bytes: &'a [u8],
    pub id: Option<&'a [u8]>,
    /// Of its message; 0 is none.
    pub feed_timestamp: Option<i64>,
    pub source: &'a str,
    pub received: Received,
}

impl Entity<'_> {
    /// An entity that says nothing.
    pub(super) const EMPTY: Self = Self {
        bytes: &[],
        id: None,
        feed_timestamp: None,
        source: "",
        received: Received { at: jiff::Timestamp::UNIX_EPOCH, origin: 0, row: 0 },
    };

    /// When it was captured.
    pub(super) fn captured_at<'c>(&self) -> Cell<'c> {
        Cell::Seconds(self.received.at.as_second())
    }
}

/// Why an entity gives no rows.
pub(super) enum Refused {
    Damaged,
    Oversized { rows: u64 },
    Budget(BudgetExceeded),
}

impl From<Broken> for Refused {
    fn from(_: Broken) -> Self {
        Self::Damaged
    }
}

/// Reads one entity.
pub(super) struct Reading<'t> {
    /// The trips that entities name, whatever dates their rows are of.
    pub trips: &'t mut Trips,
    /// Bytes that the rows of an entity may take.
    pub most: u64,
    /// Rows are not kept: it is found out whether the entity is whole.
    pub is_trial: bool,
    pub zero_times: u64,
}

impl Reading<'_> {
    /// Books that so many rows come, each with so many bytes of texts, and all together with these own bytes.
    pub(super) fn expect(&self, sheet: &mut Sheet, rows: u64, texts: u64, own: u64) -> Result<(), Refused> {
        let own = if own > LARGE { own.saturating_mul(16) } else { own };
        let bytes = rows.saturating_mul(ROW_BYTES + texts).saturating_add(own);
        if bytes > self.most {
            return Err(Refused::Oversized { rows });
        }
        if self.is_trial {
            return Ok(());
        }
        sheet.rows.expect(bytes as usize).map_err(Refused::Budget)
    }

    /// Whose the rows of an entity are that says this; nobody's in a trial.
    pub(super) fn partition(&self, sheet: &mut Sheet, says: &Says<'_>, entity: &Entity<'_>) -> RowPartition {
        match &mut sheet.only {
            _ if self.is_trial => RowPartition::Other,
            Some(only) => only.partition(says, entity.received.at),
            None => RowPartition::Own,
        }
    }

    /// Keeps the trip that an entity names for the feed rules.
    pub(super) fn names_trip(&mut self, entity: &Entity<'_>, id: Option<&[u8]>, relationship: Option<&'static str>) {
        if let (Some(id), false) = (id, self.is_trial) {
            self.trips.add(entity.received.row, id, relationship);
        }
    }

    /// Seconds since 1970; 0 stands for none.
    pub(super) fn instant(&mut self, seconds: u64) -> Option<i64> {
        if seconds == 0 {
            self.zero_times += 1;
            return None;
        }
        Some(seconds as i64)
    }
}

/// One of the tables.
pub(super) struct Sheet {
    pub rows: RowBuilder,
    /// Which rows are made, if not all.
    pub only: Option<RowFilter>,
    /// Where the entity began that is read.
    before: Mark,
}

impl Sheet {
    pub(super) fn new(rows: RowBuilder, only: Option<RowFilter>) -> Self {
        let before = rows.mark();
        Self { rows, only, before }
    }

    pub(super) fn handles<const N: usize>(&self, cells: Cells<'_, N>) -> Handles<N> {
        names(cells).map(|name| self.rows.column(name))
    }

    /// An entity begins.
    pub(super) fn begin(&mut self) {
        self.before = self.rows.mark();
        if let Some(only) = &mut self.only {
            only.begin();
        }
    }

    /// The entity is whole. What was expected of rows of other dates, which were not made, is not.
    pub(super) fn keep(&mut self) {
        if self.rows.rows_since(self.before) == 0 {
            self.rows.undo(self.before);
        }
    }

    /// The entity is left out.
    pub(super) fn undo(&mut self) {
        self.rows.undo(self.before);
        self.rows.unshare();
        if let Some(only) = &mut self.only {
            only.undo();
        }
    }

    /// Counts rows that are not made.
    pub(super) fn count(&mut self, partition: RowPartition, entity: &Entity<'_>, rows: u64) {
        if let Some(only) = &mut self.only {
            only.count(partition, &entity.received, rows);
        }
    }

    /// Sets what the rows of an entity share.
    #[inline]
    pub(super) fn share<const N: usize>(&mut self, handles: &Handles<N>, cells: Cells<'_, N>) {
        for (handle, (_, cell)) in handles.iter().zip(cells) {
            self.rows.share(*handle, cell);
        }
    }

    /// Makes a row of these cells and those that are shared.
    #[inline]
    pub(super) fn push<const N: usize>(&mut self, handles: &Handles<N>, cells: Cells<'_, N>, entity: &Entity<'_>) {
        self.rows.begin(entity.received.origin, entity.received.row);
        for (handle, (_, cell)) in handles.iter().zip(cells) {
            if !cell.is_absent() {
                self.rows.set(*handle, cell);
            }
        }
        self.rows.end();
    }
}
