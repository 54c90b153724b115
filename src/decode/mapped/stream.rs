//! The stream of documents: their rows one after the other, and the chunks, notes and accounts that they give.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::document::{Document, Reader};
use super::frame::Frame;
use super::message::MessageHead;
use super::repeats::Repeats;
use super::rules::{BROKEN, CAPTURE_RULES, DAMAGED, MISSING, REPEATED, UNKNOWN};
use super::section::{Body, MOST_COLUMNS, MappedColumn, Mapping};
use super::values::{Value, Wrong};
use crate::capture::mqtt::frames;
use crate::capture::{Capture, CaptureError};
use crate::contract::Severity;
use crate::decode::capture_notes::CaptureNotes;
use crate::decode::captures::{Only, Read, SOURCE};
use crate::decode::partition::{Received, RowFilter, RowPartition};
use crate::decode::rows::{Cell, ColumnHandle, ROWS, RowBuilder};
use crate::decode::{DecodeError, Limits, Note, Step};
use crate::table::{Budget, Expected, Origin};
use crate::time::Dated;

/// What a flaw takes, with the beginning of the value.
const FLAW_BYTES: usize = 160;
/// Characters of a value that are kept.
const SHOWN_CHARS: usize = 40;
/// The place of the one table.
const TABLE: usize = 0;

pub(super) type Captures = Box<dyn Iterator<Item = Result<Capture, CaptureError>> + Send>;

/// Documents in the order of their origins.
pub(super) struct Stream {
    mapping: Arc<Mapping>,
    origins: Arc<[Origin]>,
    captures: Captures,
    limits: Limits,
    budget: Budget,
    /// That of times that name none.
    zone: TimeZone,
    rows: RowBuilder,
    /// Until the end.
    only: Option<RowFilter>,
    columns: Vec<ColumnHandle>,
    of_capture: [ColumnHandle; 2],
    says: Places,
    reader: Reader,
    unknown: Vec<Unknown>,
    /// The place of the next capture among the origins.
    next: u32,
    /// The document that was begun and is not at its end.
    document: Option<Document>,
    /// The frame of messages that was begun and is not at its end.
    frame: Option<Frame>,
    repeats: Repeats,
    /// What is booked for these.
    repeats_booked: usize,
    messages: Messages,
    ready: VecDeque<Step>,
    told: CaptureNotes,
    ended: bool,
}

/// What was met in frames.
#[derive(Default)]
struct Messages {
    count: u64,
    /// Those that came before, and give no second row.
    repeated: u64,
    /// Columns made of messages that had a value in any row, a bit for each.
    seen: u64,
}

/// Where the columns that tell the service date of a row stand among those of the mapping.
struct Places {
    start_date: Option<usize>,
    start_time: Option<usize>,
    /// Of those that tell when a row was made the first that is there counts.
    made: [Option<usize>; 2],
}

/// Values of a column that have no meaning.
#[derive(Clone, Default)]
struct Unknown {
    count: u64,
    /// Where the first stands.
    first: Option<(u32, u64)>,
}

impl Iterator for Stream {
    type Item = Result<Step, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(step) = self.ready.pop_front() {
                return Some(Ok(step));
            }
            if self.ended {
                return None;
            }
            self.rows.release();
            let done = match (self.document.take(), self.frame.take()) {
                (Some(document), frame) => {
                    self.frame = frame;
                    self.go_on(document)
                }
                (None, Some(frame)) => self.next_message(frame),
                (None, None) => self.begin(),
            };
            if let Err(error) = done {
                self.ended = true;
                self.ready.clear();
                return Some(Err(error));
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let document = self.document.as_ref().map_or(0, |document| document.booked);
        let frame = self.frame.as_ref().map_or(0, |frame| frame.booked);
        self.budget.give_back(document + frame + self.repeats_booked);
    }
}

impl Stream {
    /// `rows` are of the table of the mapping.
    pub(super) fn new(
        mapping: Arc<Mapping>,
        (origins, captures): (Arc<[Origin]>, Captures),
        (limits, budget): (Limits, Budget),
        rows: RowBuilder,
        only: &Only,
    ) -> Self {
        let place = |name: &str| mapping.columns.iter().position(|column| column.name == name);
        let made = match mapping.table.as_str() {
            // What the document says of itself stands in for what a position does not say.
            "vehicle_positions" => [place("timestamp"), place("feed_timestamp")],
            "trip_updates" => [place("timestamp"), None],
            _ => [None, None],
        };
        Self {
            says: Places { start_date: place("start_date"), start_time: place("start_time"), made },
            columns: mapping.columns.iter().map(|column| rows.column(&column.name)).collect(),
            of_capture: [rows.column("captured_at"), rows.column(SOURCE)],
            reader: Reader::new(&mapping),
            unknown: vec![Unknown::default(); mapping.columns.len()],
            origins,
            captures,
            limits,
            budget,
            zone: only.zone.clone(),
            rows,
            only: Some(RowFilter::new(only)),
            next: 0,
            document: None,
            frame: None,
            repeats: Repeats::default(),
            repeats_booked: 0,
            messages: Messages::default(),
            ready: VecDeque::new(),
            told: CaptureNotes::default(),
            ended: false,
            mapping,
        }
    }

    fn name(&self, origin: u32) -> &str {
        self.origins.get(origin as usize).map_or("", |origin| &origin.name)
    }

    /// Takes the next capture, or ends.
    fn begin(&mut self) -> Result<(), DecodeError> {
        let Some(capture) = self.captures.next() else { return self.finish() };
        let capture = capture.map_err(|error| DecodeError::of_evidence(self.name(self.next), &error))?;
        let origin = self.next;
        self.next += 1;
        let [captured_at, source] = self.of_capture;
        let name = self.origins.get(origin as usize).map_or("", Origin::source);
        self.rows.share(source, Cell::Text(name.as_bytes()));
        if frames::is_frame(&capture.url) {
            self.budget.take("decode", capture.body.len())?;
            let mut frame = Frame::new(&capture, origin);
            frame.booked = capture.body.len();
            return self.next_message(frame);
        }
        match Document::open(&capture, &self.mapping, &self.limits, &mut self.reader) {
            Err(read) => {
                self.ready.push_back(Step::Read { origin, read, snapshot: None });
                Ok(())
            }
            Ok(mut document) => {
                self.budget.take("decode", document.text.len())?;
                document.booked = document.text.len();
                self.rows.share(captured_at, Cell::Seconds(capture.captured_at.as_second()));
                (document.origin, document.rows_before) = (origin, self.rows.total());
                self.go_on(document)
            }
        }
    }

    /// Takes the next message of a frame whose payload is a document, or ends the frame. A message is a snapshot of its own: its rows
    /// were captured when it was received.
    fn next_message(&mut self, mut frame: Frame) -> Result<(), DecodeError> {
        let source = self.origins.get(frame.origin as usize).map_or("", Origin::source);
        while let Some(message) = frame.next(source, &mut self.repeats) {
            let received = message.received.as_millisecond();
            if let Some(mut document) = frame.document(message, &self.mapping, &self.limits, &mut self.reader) {
                self.frame = Some(frame);
                if document.booked > 0 {
                    self.budget.take("decode", document.booked)?;
                }
                self.rows.share(self.of_capture[0], Cell::Millis(received));
                document.rows_before = self.rows.total();
                return self.go_on(document);
            }
        }
        self.messages.count += frame.met;
        self.messages.repeated += frame.repeated;
        let (read, told) = frame.finish(&self.mapping);
        for (rule, problem) in told {
            self.tell(rule, frame.origin, &problem);
        }
        self.ready.push_back(Step::Read { origin: frame.origin, read, snapshot: None });
        self.budget.give_back(frame.booked);
        let grown = self.repeats.bytes().saturating_sub(self.repeats_booked);
        self.budget.take("decode", grown)?;
        self.repeats_booked += grown;
        Ok(())
    }

    /// Reads rows until a chunk is full or the document is at its end.
    fn go_on(&mut self, mut document: Document) -> Result<(), DecodeError> {
        while document.next(&mut self.reader) {
            if let Err(error) = self.row(&mut document) {
                self.document = Some(document);
                return Err(error);
            }
            if !self.rows.is_full(ROWS) {
                continue;
            }
            let most = self.limits.message_rows;
            if self.rows.total() - document.rows_before > most {
                document.problem = Some(format!("gives more than {most} rows; the first of them were read"));
                break;
            }
            self.flush(ROWS)?;
            self.document = Some(document);
            return Ok(());
        }
        self.end(document)
    }

    /// Makes the row that was read, if it is of the partition.
    fn row(&mut self, document: &mut Document) -> Result<(), DecodeError> {
        let (place, text) = (document.first_row + document.met - 1, &document.text);
        let message = document.message.as_ref();
        let mut cells = [Cell::Absent; MOST_COLUMNS];
        let mut wrong = [None; MOST_COLUMNS];
        let (mut flaws, mut texts) = (0, 0);
        let mut zero_times = 0;
        for (at, column) in self.mapping.columns.iter().enumerate() {
            let value = value(&self.reader, (text, message), at, column);
            if column.of_message.is_some() && value != Value::Absent {
                self.messages.seen |= 1 << at;
            }
            match column.conversion.cell(value, &self.zone) {
                Ok(cell) => {
                    texts += cell.text_bytes();
                    cells[at] = cell;
                }
                Err(Wrong::ZeroTime) => zero_times += 1,
                Err(problem) => {
                    wrong[at] = Some(problem);
                    flaws += 1;
                }
            }
        }
        let received = Received { at: document.captured_at, origin: document.origin, row: place };
        if let Some(only) = &mut self.only {
            only.begin();
            let partition = only.partition_of(self.says.dated(&cells), received.at);
            if partition != RowPartition::Own {
                only.count(partition, &received, 1);
                return Ok(());
            }
        }
        document.contents.zero_times += zero_times;
        let source = self.origins.get(document.origin as usize).map_or("", Origin::source);
        self.rows.expect(self.rows.row_bytes() + texts + source.len() + flaws * FLAW_BYTES)?;
        self.rows.begin(document.origin, place);
        for (at, (handle, column)) in self.columns.iter().zip(&self.mapping.columns).enumerate() {
            let Some(problem) = wrong[at] else {
                if !cells[at].is_absent() {
                    self.rows.set(*handle, cells[at]);
                }
                continue;
            };
            let shown = match column.of_message {
                Some(_) => "what a topic has there".to_owned(),
                None => shown(value(&self.reader, (text, message), at, column)),
            };
            let expected = match problem {
                Wrong::Expected(expected) => expected,
                Wrong::Unknown | Wrong::ZeroTime => {
                    self.unknown[at].add((document.origin, place));
                    Expected::Mapping(
                        "a value that 'values' of the mapping names",
                        "ein Wert, den 'values' der Zuordnung nennt",
                    )
                }
            };
            self.rows.flaw(*handle, expected, &shown);
        }
        self.rows.end();
        Ok(())
    }

    fn end(&mut self, document: Document) -> Result<(), DecodeError> {
        self.budget.give_back(document.booked);
        if let Some(frame) = &mut self.frame {
            frame.ended(&document);
            return self.flush(ROWS);
        }
        let read = document.read();
        let origin = document.origin;
        if !matches!(read, Read::Nothing { .. }) {
            if let Some(problem) = &document.problem {
                self.tell(BROKEN, origin, problem);
            }
            let damaged = document.contents.damaged;
            if damaged > 0 {
                let (all, first) = (document.met, document.first_damaged);
                let what = match self.mapping.body {
                    Body::Json { .. } => "that are damaged or have nothing that 'mapping' names",
                    Body::Csv { .. } => "that have another number of fields than the header",
                };
                let problem =
                    format!("has {damaged} of {all} rows {what}, the first is number {first}; the others were read");
                self.tell(DAMAGED, origin, &problem);
            }
        }
        self.ready.push_back(Step::Read { origin, read, snapshot: None });
        self.flush(ROWS)
    }

    /// Notes what is wrong with a capture, for the first ones of a kind.
    fn tell(&mut self, rule: &'static str, origin: u32, problem: &str) {
        let name = self.origins.get(origin as usize).map_or("", |origin| &origin.name);
        self.ready.extend(self.told.note(rule, name, problem).map(Step::Note));
    }

    /// Makes a chunk of the rows if there are at least so many, or if they are large.
    fn flush(&mut self, least: usize) -> Result<(), DecodeError> {
        if self.rows.is_full(least) {
            let chunk = self.rows.take()?;
            self.ready.push_back(Step::Rows { table: TABLE, chunk });
        }
        Ok(())
    }

    /// No more captures come.
    fn finish(&mut self) -> Result<(), DecodeError> {
        self.ended = true;
        self.flush(1)?;
        self.ready.extend(self.told.others().map(Step::Note));
        let mut notes = Vec::new();
        for (place, column) in self.mapping.columns.iter().enumerate() {
            notes.extend(self.unknown[place].note(column, |origin| self.name(origin).to_owned()));
            let row = if column.is_of_document() { &self.reader.around } else { &self.reader.row };
            let was_seen = match column.of_message {
                Some(_) => self.messages.count == 0 || self.messages.seen & (1 << place) != 0,
                None => row.was_seen(place),
            };
            if self.rows.total() > 0 && !was_seen {
                let (name, from) = (&column.name, &column.from);
                let message = format!(
                    "no row has '{from}', of which '{name}' is made: it is null in all of them. Is the name right in 'mapping'?"
                );
                notes.push(Note { rule: MISSING, severity: Severity::Warning, message });
            }
        }
        if self.messages.repeated > 0 {
            let message = format!(
                "{} of {} messages came before, and are marked as sent again: they give no second row",
                self.messages.repeated, self.messages.count
            );
            notes.push(Note { rule: REPEATED, severity: Severity::Info, message });
        }
        self.ready.extend(notes.into_iter().map(Step::Note));
        if let Some(only) = self.only.take() {
            self.ready.extend(only.steps(TABLE, &self.mapping.table, &CAPTURE_RULES));
        }
        self.ready.push_back(Step::End { table: TABLE });
        Ok(())
    }
}

/// The value of a column in the row, the document or the message that is read.
fn value<'r>(
    reader: &'r Reader,
    (text, message): (&'r [u8], Option<&'r MessageHead>),
    at: usize,
    column: &MappedColumn,
) -> Value<'r> {
    if let Some(of_message) = column.of_message {
        return message.map_or(Value::Absent, |message| message.value(of_message));
    }
    let row = if column.is_of_document() { &reader.around } else { &reader.row };
    row.value(at, text)
}

/// A value as the finding shows it where its column is public.
fn shown(value: Value<'_>) -> String {
    match value {
        Value::Text(text) | Value::Number(text) | Value::NoJson(text) => {
            let beginning = &text[..text.len().min(4 * SHOWN_CHARS)];
            String::from_utf8_lossy(beginning).chars().take(SHOWN_CHARS).collect()
        }
        Value::Bool(value) => value.to_string(),
        Value::Other => "a list or an object, or none where one was expected".to_owned(),
        Value::Twice => "a key that stands twice".to_owned(),
        Value::Millis(millis) => millis.to_string(),
        Value::Absent => String::new(),
    }
}

impl Places {
    /// What a row says of its service date.
    fn dated(&self, cells: &[Cell<'_>]) -> Dated {
        let cell = |place: Option<usize>| place.and_then(|place| cells.get(place).copied()).unwrap_or_default();
        let made = self.made.into_iter().find_map(|place| match cell(place) {
            Cell::Millis(millis) if millis > 0 => Timestamp::from_millisecond(millis).ok(),
            _ => None,
        });
        Dated {
            start_date: if let Cell::Date(date) = cell(self.start_date) { Some(date) } else { None },
            start_time: if let Cell::Time(time) = cell(self.start_time) { Some(time) } else { None },
            made,
        }
    }
}

impl Unknown {
    fn add(&mut self, at: (u32, u64)) {
        self.count += 1;
        self.first.get_or_insert(at);
    }

    /// Tells how many there are and where. What they are may be anything, also a name, so it is told nowhere: whoever keeps the
    /// evidence finds it there, and a release that has the raw value in a public column shows it.
    fn note(&self, column: &MappedColumn, name: impl Fn(u32) -> String) -> Option<Note> {
        let (origin, row) = self.first?;
        let values = if self.count == 1 { "1 value".to_owned() } else { format!("{} values", self.count) };
        let message = format!(
            "{values} of '{}' ('{}') without a meaning: 'values' of the mapping does not name them. The first stands in row {row} of \
             '{}'",
            column.name,
            column.from,
            name(origin)
        );
        Some(Note { rule: UNKNOWN, severity: Severity::Warning, message })
    }
}
