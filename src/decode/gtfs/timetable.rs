//! A GTFS feed as columns, for the rules that look at a whole feed.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use bytes::Bytes;

use super::cells::{Bits, Column, Flaws, Kind, Lines};
use crate::contract::{Contract, Presence};
use crate::table::Reservation;

/// A feed, read as far as it can be read.
pub struct Timetable {
    /// What the feed is called in messages.
    pub name: String,
    /// The files at the top of the archive, in its order.
    pub files: Vec<String>,
    /// Whether a file of the GTFS reference stands in a folder inside the archive.
    pub nested: bool,
    /// Files at the top that the reference writes in other letters, large or small, and its name of each.
    pub letter_case: Vec<(String, String)>,
    /// Files at the top that the reference does not know.
    pub unknown: Vec<String>,
    /// One for each contract of a GTFS file, present or not, by the tables' names.
    pub tables: Vec<Table>,
    /// The text of `locations.geojson`.
    pub zones: Option<Bytes>,
    /// What kept a file from being read.
    pub failures: Vec<Failure>,
    /// Bytes that all of it takes, with what rules lay beside its rows: at most [`crate::decode::Limits::held_bytes`], if nothing is cut.
    pub bytes: usize,
}

/// A file that could not be read to its end.
#[derive(Clone, Debug)]
pub struct Failure {
    pub kind: FailureKind,
    pub file: String,
    pub message: String,
    /// The line up to which it was read.
    pub line: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The text is no CSV.
    Csv,
    /// The bytes could not be had.
    Io,
    /// The reading program failed on the file.
    Program,
    /// A thread stopped, and what it would have read is not known.
    Thread,
}

/// How far a table could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Missing,
    /// The file has not even a header.
    Empty,
    /// The header cannot be used, so no row was read.
    BadHeader,
    /// Some rows could not be read; the others were.
    BadRows,
    Good,
}

/// One file as columns.
pub struct Table {
    pub contract: Arc<Contract>,
    /// `stop_times.txt`
    pub file: String,
    pub status: Status,
    /// The names of the columns as they stand in the file.
    pub header: Vec<String>,
    pub header_flaws: Vec<HeaderFlaw>,
    pub rows: usize,
    /// Shared with publication, as the columns are.
    pub(super) lines: Arc<Lines>,
    /// By the columns of the contract; `None` where the file does not have it.
    pub columns: Arc<Vec<Option<Column>>>,
    pub flaws: Flaws,
    /// Rows with a cell that could not be read. Rows that could not be taken apart are no rows here, only flaws.
    pub bad: Bits,
    /// Whether the file has more rows than were read, because it or the feed is too large.
    pub is_cut: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderFlaw {
    /// Counted from 1, like all places here.
    EmptyName(usize),
    Duplicated {
        name: String,
        first: usize,
        second: usize,
    },
    Unknown {
        name: String,
        place: usize,
    },
    Missing(String),
}

impl HeaderFlaw {
    /// Whether the rows cannot be read because of it.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::Unknown { .. })
    }
}

impl Table {
    pub(super) fn missing(contract: &Arc<Contract>, file: &str) -> Self {
        Self {
            contract: contract.clone(),
            file: file.to_owned(),
            status: Status::Missing,
            header: Vec::new(),
            header_flaws: Vec::new(),
            rows: 0,
            lines: Arc::default(),
            columns: Arc::default(),
            flaws: Flaws::default(),
            bad: Bits::default(),
            is_cut: false,
        }
    }

    /// The line of the file on which a row begins; the header is on line 1.
    pub fn line(&self, row: usize) -> u64 {
        self.lines.of(row)
    }

    /// Whether rules over the table can be trusted: it was read without a fault, or it need not be there.
    pub fn is_usable(&self) -> bool {
        match self.status {
            Status::Good => true,
            Status::Missing => self.contract.presence != Presence::Required,
            _ => false,
        }
    }

    /// Whether the header names the column.
    pub fn has(&self, column: &str) -> bool {
        self.header.iter().any(|name| name == column)
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.get(self.contract.index_of(name)?)?.as_ref()
    }

    /// Marks a fault that was found after reading, in a cell of `row`.
    pub fn flaw(&mut self, kind: Kind, row: usize, column: u32, value: &[u8]) {
        let line = self.line(row);
        self.flaws.add(kind, line, Some(column), value);
        if kind.spoils_the_row() {
            self.bad.set(row);
            self.status = self.status.min(Status::BadRows);
        }
    }
}

/// A timetable that is being read, beside the rows that are published.
pub struct TimetableReading(pub(super) Receiver<(Timetable, Reservation)>);

impl TimetableReading {
    /// Waits until all of it is there, with what it is booked on; `None` if the reading stopped by a fault of the program.
    pub fn wait(self) -> Option<(Timetable, Reservation)> {
        self.0.recv().ok()
    }
}
