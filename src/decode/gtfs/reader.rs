//! Scanned blocks become the columns of a timetable, the rows of publication, or both.
//!
//! Where both are wanted, publication makes its chunks from the columns, once a table is whole. A block of which the columns
//! do not hold all that there is (text that is no number, records of another length, a type that columns do not have) becomes
//! a chunk at once. When more of those would be held than may be, or where there are no columns at all, the table's chunks
//! go out one by one, and the reading waits for the one who takes them.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};

use bytes::Bytes;

use super::cells::{Column, Kind, Lines};
use super::chunks::Layout;
use super::columns::{Builder, Scanned};
use super::header;
use super::inflate::{Failed, Job, Raw};
use super::timetable::{Failure, FailureKind, HeaderFlaw, Status, Table, Timetable};
use crate::contract::{Presence, Severity};
use crate::decode::{DecodeError, Limits, Note};
use crate::table::{Chunk, Reservation};

/// Blocks and chunks that may stand between two threads.
pub(super) const QUEUE: usize = 4;
/// The most that chunks of blocks take which the columns do not hold, while their table is read.
const ODD_BYTES: usize = 16 << 20;

/// What is published of a feed, in its order. A table ends once.
pub(super) enum Item {
    Note(Note),
    Rows(Rows),
    /// The chunks of a table, as they are read.
    Flow {
        table: usize,
        chunks: Receiver<Chunk>,
    },
    Zones {
        table: usize,
        job: usize,
        text: Bytes,
    },
    End {
        table: usize,
    },
    Failed(DecodeError),
    Done,
}

/// All rows of a table.
pub(super) struct Rows {
    pub table: usize,
    pub layout: Layout,
    pub columns: Arc<Vec<Option<Column>>>,
    pub lines: Arc<Lines>,
    pub parts: Vec<Part>,
}

/// The rows of a block.
pub(super) enum Part {
    Columns(Range<usize>),
    Chunk(Chunk),
}

/// Whether a column of a table is needed.
pub(super) type IsNeeded = Box<dyn Fn(&str, &str) -> bool + Send>;

/// Publication's end of the reading.
pub(super) struct Publication {
    pub out: Sender<Item>,
    /// Which columns of a table are needed.
    pub needs: IsNeeded,
    /// Bytes of chunks that may still be held.
    pub spare: usize,
}

/// The rows of the table that is read.
struct Publishing {
    table: usize,
    layout: Layout,
    /// Whether columns can hold what the contract wants.
    fits: bool,
    parts: Vec<Part>,
    flow: Option<SyncSender<Chunk>>,
}

/// Reads what the inflating thread tells.
pub(super) struct Reader<'a> {
    pub jobs: &'a [Job],
    pub limits: Limits,
    pub timetable: Option<Timetable>,
    pub publication: Option<Publication>,
    /// What the columns are booked on.
    pub reserved: Option<Reservation>,
    /// Whether publication is waited for.
    waits: bool,
    job: usize,
    builder: Option<Builder>,
    rows: Option<Publishing>,
}

impl Publication {
    /// Of all columns, or those that are needed. If columns are held, some chunks may be held beside them.
    pub(super) fn new(out: Sender<Item>, needs: IsNeeded, held_bytes: Option<usize>) -> Self {
        Self { out, needs, spare: held_bytes.map_or(0, |bytes| (bytes / 16).min(ODD_BYTES)) }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        jobs: &'a [Job],
        limits: Limits,
        timetable: Option<Timetable>,
        publication: Option<Publication>,
        reserved: Option<Reservation>,
    ) -> Self {
        Self { jobs, limits, timetable, publication, reserved, waits: false, job: 0, builder: None, rows: None }
    }

    /// Takes all of it; stops where nobody wants more.
    pub(super) fn take_all(&mut self, input: &Receiver<Raw>) {
        while let Ok(raw) = input.recv() {
            match raw {
                Raw::Begin(job) => self.job = job,
                Raw::Header(fields) => self.header(fields),
                Raw::Empty => self.empty(),
                Raw::Block(block) => self.block(&block),
                Raw::Zones(text) => self.zones(text),
                Raw::End => {
                    self.finish();
                    self.end();
                }
                Raw::Failed(failed) => self.failed(failed),
            }
            if self.timetable.is_none() && self.publication.is_none() {
                return;
            }
        }
    }

    /// Ends what was read, and tells if the inflating thread stopped. The timetable has then all that there is.
    pub(super) fn close(&mut self, name: &str, has_stopped: bool) {
        self.finish();
        if has_stopped {
            if let Some(timetable) = &mut self.timetable {
                let message = "the thread that inflates the files stopped".to_owned();
                let file = name.to_owned();
                timetable.failures.push(Failure { kind: FailureKind::Thread, file, message, line: 0 });
            }
            self.fail(fault(name, "reading the archive stopped without a result"));
        }
        self.send(Item::Done);
        if let Some(timetable) = &mut self.timetable {
            if let Some(reserved) = self.reserved.as_mut().filter(|_| !self.waits) {
                reserved.shrink_to(timetable.bytes);
            }
            let Timetable { failures, files, .. } = timetable;
            // In the order of the archive, whatever the order of the reading was.
            let place = |failure: &Failure| files.iter().position(|file| *file == failure.file);
            failures.sort_by_key(|failure| place(failure).unwrap_or(usize::MAX));
        }
    }

    fn held(&mut self) -> Option<&mut Table> {
        let place = self.jobs[self.job].held?;
        self.timetable.as_mut()?.tables.get_mut(place)
    }

    /// The table's place among those that are published, if it still is.
    fn published(&self) -> Option<usize> {
        self.publication.as_ref().and(self.jobs[self.job].published)
    }

    fn send(&mut self, item: Item) {
        if self.publication.as_ref().is_some_and(|publication| publication.out.send(item).is_err()) {
            self.publication = None;
        }
    }

    /// Ends publication with an error.
    fn fail(&mut self, error: DecodeError) {
        self.rows = None;
        self.send(Item::Failed(error));
        self.publication = None;
    }

    fn end(&mut self) {
        if let Some(table) = self.published() {
            self.send(Item::End { table });
        }
    }

    fn header(&mut self, fields: Vec<String>) {
        let job = &self.jobs[self.job];
        if let Some(table) = self.held() {
            let fields = header::by_today(&table.contract, &fields);
            table.header_flaws = header::flaws(&table.contract, &fields);
            let is_fatal = table.header_flaws.iter().any(HeaderFlaw::is_fatal);
            table.status = if is_fatal { Status::BadHeader } else { Status::Good };
            table.header.clone_from(&fields);
            let contract = table.contract.clone();
            self.builder = (!is_fatal).then(|| Builder::new(&contract, &fields));
        }
        let Some(table) = self.published() else { return };
        let fields = header::by_today(&job.contract, &fields);
        let (notes, problem) = header::remarks(&job.file, &job.contract, &fields);
        notes.into_iter().for_each(|note| self.send(Item::Note(note)));
        if let Some(error) = problem {
            return self.fail(error);
        }
        let Some(publication) = &self.publication else { return };
        let layout = Layout::new(&job.contract, &fields, |column| (publication.needs)(&job.contract.table, column));
        let is_same = self.held().is_some_and(|held| Arc::ptr_eq(&held.contract, &job.contract));
        let fits = is_same && self.builder.as_ref().is_some_and(|builder| layout.fits(|place| builder.column(place)));
        self.rows = Some(Publishing { table, layout, fits, parts: Vec::new(), flow: None });
    }

    fn empty(&mut self) {
        if let Some(table) = self.held() {
            table.status = Status::Empty;
        }
        let job = &self.jobs[self.job];
        if job.contract.presence == Presence::Required && self.published().is_some() {
            return self.fail(DecodeError::feed(
                &job.file,
                "the file is empty",
                "Ask the publisher for a complete feed.",
            ));
        }
        let message = format!("'{}' is empty: not even a header", job.file);
        if self.published().is_some() {
            self.send(Item::Note(Note { rule: "gtfs.empty_file", severity: Severity::Error, message }));
        }
        self.end();
    }

    fn block(&mut self, block: &Scanned) {
        let before = self.builder.as_ref().map_or(0, |builder| builder.rows);
        let is_exact = self.hold(block);
        let after = self.builder.as_ref().map_or(0, |builder| builder.rows);
        let Some(rows) = &mut self.rows else { return };
        if is_exact && rows.fits && rows.flow.is_none() {
            rows.parts.push(Part::Columns(before..after));
            return;
        }
        let (fields, text) = block.as_it_came(rows.layout.width);
        match rows.layout.chunk_of_block(&fields, text, block.line) {
            Ok(chunk) => self.publish(chunk),
            Err(error) => self.fail(error),
        }
    }

    /// Puts a block into the columns, if there are any. Whether they then hold all that it says.
    fn hold(&mut self, block: &Scanned) -> bool {
        let (limits, job) = (self.limits, &self.jobs[self.job]);
        let Some(timetable) = &mut self.timetable else { return false };
        let (Some(builder), Some(place)) = (&mut self.builder, job.held) else { return false };
        let Some(target) = timetable.tables.get_mut(place) else { return false };
        if target.is_cut {
            return false;
        }
        // Before the lists grow.
        if timetable.bytes + bytes_with(target, builder, Some(block)) > limits.held_bytes {
            target.is_cut = true;
            target.status = Status::BadRows;
            return false;
        }
        // A fault of the program on one file must not take the others with it, and must be told.
        let taken = catch_unwind(AssertUnwindSafe(|| builder.take(block, &mut target.flaws, &mut target.bad)));
        let Ok(is_exact) = taken else {
            let message = "the program failed on the rows after this line".to_owned();
            let file = target.file.clone();
            target.status = Status::BadHeader;
            timetable.failures.push(Failure { kind: FailureKind::Program, file, message, line: block.line });
            self.builder = None;
            // Rows that were to be made from the columns are gone.
            if self.rows.is_some() {
                let problem = format!("the program failed on the rows after line {}", block.line);
                self.fail(fault(&job.file, &problem));
            }
            return false;
        };
        target.rows = builder.rows;
        if target.rows >= limits.rows {
            target.is_cut = true;
            target.status = Status::BadRows;
        }
        is_exact
    }

    /// Keeps a chunk until its table is read, or sends it where not more may be kept.
    fn publish(&mut self, chunk: Chunk) {
        let (Some(rows), Some(publication)) = (&mut self.rows, &mut self.publication) else { return };
        if let Some(flow) = &rows.flow {
            if flow.send(chunk).is_err() {
                (self.rows, self.publication) = (None, None);
            }
            return;
        }
        let bytes = chunk.rows.get_array_memory_size() + chunk.flaws.len() * 200;
        rows.parts.push(Part::Chunk(chunk));
        if let (Some(left), Some(timetable)) = (publication.spare.checked_sub(bytes), &mut self.timetable)
            && timetable.bytes + bytes <= self.limits.held_bytes
        {
            publication.spare = left;
            timetable.bytes += bytes;
            return;
        }
        self.flow();
    }

    /// Sends what is kept of a table that is not whole, and from now on every chunk at once.
    fn flow(&mut self) {
        // Publication may itself wait until it is known what the columns need, and the columns now wait for publication: so all
        // that was reserved counts as needed.
        if let Some(reserved) = self.reserved.as_mut().filter(|_| !self.waits) {
            reserved.shrink_to(reserved.bytes());
        }
        self.waits = true;
        let (Some(rows), Some(publication)) = (&mut self.rows, &mut self.publication) else { return };
        let (send, chunks) = sync_channel(QUEUE);
        if publication.out.send(Item::Flow { table: rows.table, chunks }).is_err() {
            (self.rows, self.publication) = (None, None);
            return;
        }
        for part in std::mem::take(&mut rows.parts) {
            let chunk = match (part, &self.builder) {
                (Part::Chunk(chunk), _) => Ok(chunk),
                (Part::Columns(range), Some(builder)) => {
                    rows.layout.chunk_of_columns(|place| builder.column(place), builder.lines(), range)
                }
                (Part::Columns(_), None) => Err(fault(&rows.layout.contract.table, "rows were read and are gone")),
            };
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => {
                    drop(send);
                    return self.fail(error);
                }
            };
            if send.send(chunk).is_err() {
                (self.rows, self.publication) = (None, None);
                return;
            }
        }
        rows.flow = Some(send);
    }

    fn zones(&mut self, text: Bytes) {
        let job = &self.jobs[self.job];
        let needed = zones_bytes(&text);
        if let (Some(timetable), Some(place)) = (&mut self.timetable, job.held) {
            let most = self.limits.held_bytes;
            if timetable.bytes + needed > most {
                let message = format!("the zones would take {needed} bytes in memory, a feed may take {most}");
                let table = &mut timetable.tables[place];
                table.status = Status::BadHeader;
                let file = table.file.clone();
                timetable.failures.push(Failure { kind: FailureKind::Io, file, message, line: 0 });
            } else {
                timetable.bytes += needed;
                timetable.zones = Some(text.clone());
            }
        }
        if let Some(table) = self.published() {
            self.send(Item::Zones { table, job: self.job, text });
        }
        self.end();
    }

    fn failed(&mut self, failed: Failed) {
        let file = self.jobs[self.job].file.clone();
        let has_begun = self.builder.is_some();
        if let Some(table) = self.held() {
            table.status = if has_begun { Status::BadRows } else { Status::BadHeader };
        }
        if let (Some(timetable), Some(_)) = (&mut self.timetable, self.jobs[self.job].held) {
            let Failed { kind, message, line, .. } = failed;
            timetable.failures.push(Failure { kind, file, message, line });
        }
        let is_published = self.published().is_some();
        self.finish();
        if is_published {
            self.fail(failed.error);
        }
    }

    /// Lays the columns of the table down, and hands its rows to publication.
    fn finish(&mut self) {
        let (mut columns, mut lines) = (Arc::default(), Arc::default());
        if let Some(builder) = self.builder.take()
            && let (Some(timetable), Some(place)) = (&mut self.timetable, self.jobs[self.job].held)
        {
            let target = &mut timetable.tables[place];
            timetable.bytes += bytes_with(target, &builder, None);
            let (of_file, of_rows) = builder.finish();
            (columns, lines) = (Arc::new(of_file), Arc::new(of_rows));
            (target.columns, target.lines) = (columns.clone(), lines.clone());
            if target.bad.any() || target.flaws.count(Kind::RowLength) > 0 {
                target.status = target.status.min(Status::BadRows);
            }
        }
        if let Some(Publishing { table, layout, parts, flow: None, .. }) = self.rows.take() {
            self.send(Item::Rows(Rows { table, layout, columns, lines, parts }));
        }
    }
}

/// An error that is the program's.
pub(super) fn fault(name: &str, problem: &str) -> DecodeError {
    DecodeError::feed(name, problem, "This is a fault of the program: please report it.")
}

/// What the text of `locations.geojson` takes at most as a tree of JSON and as outlines. Measured: 400 bytes for a corner, which is a
/// bracket and two commas.
fn zones_bytes(text: &[u8]) -> usize {
    let of = |byte: &u8| match byte {
        b'{' => 600,
        b'[' => 120,
        b',' => 140,
        _ => 1,
    };
    text.iter().map(of).sum()
}

/// Bytes that rules add to a table while they look at a feed, at most: the order of a row in its group, the place of its key, the
/// days of a service. Measured on feeds of millions of rows in no order, with all rules at once.
fn rule_bytes(table: &str, rows: usize, values: usize) -> usize {
    match table {
        "stop_times" => 16 * rows,
        // The values are services.
        "calendar" | "calendar_dates" => 64 * rows + 400 * values,
        _ => 64 * rows,
    }
}

/// Bytes of a table while `more` is put in.
fn bytes_with(table: &Table, builder: &Builder, more: Option<&Scanned>) -> usize {
    let rows = builder.rows + more.map_or(0, |block| builder.rows_of(block));
    builder.bytes_with(more) + table.bad.bytes() + rule_bytes(&table.contract.table, rows, builder.values())
}
