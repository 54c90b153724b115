//! The stream of messages: their entities one after the other, and the chunks, notes and accounts that they give.

use std::collections::VecDeque;
use std::sync::Arc;

use super::message::Message;
use super::rules::CAPTURE_RULES;
use super::sheet::{Entity, Reading, Refused, Sheet};
use super::tables::{TABLES, Tables};
use crate::capture::{Capture, CaptureError};
use crate::decode::capture_notes::CaptureNotes;
use crate::decode::captures::{Contents, Read};
use crate::decode::partition::{Received, RowFilter, Skips};
use crate::decode::rows::ROWS;
use crate::decode::snapshot::Snapshot;
use crate::decode::{DecodeError, Decoded, Head, Limits, Step};
use crate::protobuf::{Value, fields_from};
use crate::table::{Budget, Origin};

/// Messages in the order of their origins.
pub(super) struct Stream {
    origins: Arc<[Origin]>,
    captures: Captures,
    limits: Limits,
    tables: Tables,
    skips: Option<Skips>,
    budget: Budget,
    /// The place of the next capture among the origins.
    next: u32,
    /// The message that was begun and is not at its end.
    message: Option<Message>,
    ready: VecDeque<Step>,
    /// What is booked for a message whose snapshot was given out and is being looked at.
    lent: usize,
    told: CaptureNotes,
    ended: bool,
}

pub(super) type Captures = Box<dyn Iterator<Item = Result<Capture, CaptureError>> + Send>;

/// The rules of notes about one capture.
const BROKEN: &str = "gtfs_realtime.broken_message";
const DAMAGED: &str = "gtfs_realtime.damaged_entity";
const OVERSIZED: &str = "gtfs_realtime.oversized_entity";

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
            self.budget.give_back(std::mem::take(&mut self.lent));
            self.tables.sheets_mut().into_iter().for_each(|sheet| sheet.rows.release());
            let done = match self.message.take() {
                Some(message) => self.go_on(message),
                None => self.begin(),
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
        let message = self.message.as_ref().map_or(0, |message| message.booked);
        self.budget.give_back(self.lent + message);
    }
}

impl Stream {
    pub(super) fn new(
        origins: Arc<[Origin]>,
        captures: Captures,
        limits: Limits,
        tables: Tables,
        budget: Budget,
    ) -> Self {
        Self {
            origins,
            captures,
            limits,
            tables,
            skips: None,
            budget,
            next: 0,
            message: None,
            ready: VecDeque::new(),
            lent: 0,
            told: CaptureNotes::default(),
            ended: false,
        }
    }

    /// Takes messages without a row of a partition as read.
    pub(super) fn skipping(mut self, skips: Skips) -> Self {
        self.skips = Some(skips);
        self
    }

    /// The tables, and this as their steps.
    pub(super) fn decoded(self) -> Decoded {
        let head = |sheet: &Sheet| Head { contract: sheet.rows.contract().clone(), origins: self.origins.clone() };
        let tables = self.tables.sheets().map(head).to_vec();
        Decoded { tables, notes: Vec::new(), steps: Box::new(self), timetable: None }
    }

    /// Takes the next capture, or ends.
    fn begin(&mut self) -> Result<(), DecodeError> {
        let Some(capture) = self.captures.next() else {
            self.ended = true;
            for (table, name) in TABLES.into_iter().enumerate() {
                self.flush(table, 1)?;
                let only: Option<RowFilter> = self.tables.sheets_mut()[table].only.take();
                self.ready.extend(only.into_iter().flat_map(|only| only.steps(table, name, &CAPTURE_RULES)));
                self.ready.push_back(Step::End { table });
            }
            self.ready.extend(self.told.others().map(Step::Note));
            return Ok(());
        };
        let capture = capture.map_err(|error| DecodeError::of_evidence(self.name(self.next), &error))?;
        let origin = self.next;
        self.next += 1;
        match Message::outline(capture, origin, &self.limits, self.skips.as_ref()) {
            Ok(mut message) => {
                message.rows_before = self.tables.rows();
                self.budget.take("decode", message.booked)?;
                self.go_on(message)
            }
            Err(read) => {
                self.ready.push_back(Step::Read { origin, read, snapshot: None });
                Ok(())
            }
        }
    }

    fn name(&self, origin: u32) -> &str {
        self.origins.get(origin as usize).map_or("", |origin| &origin.name)
    }

    /// Reads entities until a chunk is full or the message is at its end.
    fn go_on(&mut self, mut message: Message) -> Result<(), DecodeError> {
        let body = message.body.clone();
        let origins = self.origins.clone();
        let mut fields = fields_from(&body, message.at);
        let mut entity = Entity {
            feed_timestamp: message.header.timestamp().map(|seconds| seconds as i64),
            source: origins.get(message.origin as usize).map_or("", Origin::source),
            received: Received { at: message.captured_at, origin: message.origin, row: 0 },
            ..Entity::EMPTY
        };
        // Where the message is cut off was found out before.
        while let Some(Ok(field)) = fields.next() {
            let (2, Value::Bytes(bytes)) = field else { continue };
            entity.bytes = bytes;
            entity.received.row = message.entities;
            message.entities += 1;
            self.entity(&entity, &mut message)?;
            let is_full = self.tables.sheets().iter().any(|sheet| sheet.rows.is_full(ROWS));
            if !is_full {
                continue;
            }
            let most = self.limits.message_rows;
            if self.tables.rows() - message.rows_before > most {
                message.problem = Some(format!(
                    "gives more than {most} rows; those of its first {} entities were read",
                    message.entities
                ));
                break;
            }
            message.at = fields.place();
            self.flush_all()?;
            self.message = Some(message);
            return Ok(());
        }
        self.end(message)
    }

    /// Reads an entity whole or not at all.
    fn entity(&mut self, entity: &Entity<'_>, message: &mut Message) -> Result<(), DecodeError> {
        self.tables.sheets_mut().into_iter().for_each(Sheet::begin);
        let trips_before = message.trips.len();
        let most = self.limits.entity_bytes as u64;
        let mut reading = Reading { trips: &mut message.trips, most, is_trial: false, zero_times: 0 };
        let mut done = Ok(false);
        if message.is_careful {
            reading.is_trial = true;
            done = self.tables.read(entity, &mut reading);
            (reading.is_trial, reading.zero_times) = (false, 0);
        }
        let done = done.and_then(|_| self.tables.read(entity, &mut reading));
        let zero_times = reading.zero_times;
        match done {
            Ok(is_deleted) => {
                self.tables.sheets_mut().into_iter().for_each(Sheet::keep);
                message.contents.deleted += u64::from(is_deleted);
                message.contents.zero_times += zero_times;
                return Ok(());
            }
            Err(Refused::Budget(exceeded)) => return Err(exceeded.into()),
            Err(Refused::Damaged) => {
                message.contents.damaged += 1;
                if message.first_damaged == 0 {
                    message.first_damaged = message.entities;
                }
            }
            Err(Refused::Oversized { rows }) => {
                message.contents.oversized += 1;
                message.first_oversized.get_or_insert((message.entities, rows));
            }
        }
        message.is_careful = true;
        message.trips.truncate(trips_before);
        self.tables.sheets_mut().into_iter().for_each(Sheet::undo);
        Ok(())
    }

    fn end(&mut self, mut message: Message) -> Result<(), DecodeError> {
        // The snapshot that is given out has the body and the trips.
        self.lent += message.booked;
        let Contents { damaged, oversized, .. } = message.contents;
        if let Some(problem) = message.problem.as_ref() {
            self.tell(BROKEN, message.origin, problem);
        }
        if damaged > 0 {
            let count =
                if damaged == 1 { "1 damaged entity".to_owned() } else { format!("{damaged} damaged entities") };
            let (all, first) = (message.entities, message.first_damaged);
            self.tell(
                DAMAGED,
                message.origin,
                &format!("has {count} of {all}, the first is number {first}; the others were read"),
            );
        }
        if let Some((first, rows)) = message.first_oversized {
            let most = self.limits.entity_bytes;
            self.tell(
                OVERSIZED,
                message.origin,
                &format!(
                    "has {oversized} of {} entities whose rows would take more than {most} bytes, the first is number {first} \
                     with {rows} {}; the others were read",
                    message.entities,
                    if rows == 1 { "row" } else { "rows" },
                ),
            );
        }
        let none_is_whole = message.entities > 0 && damaged + oversized == message.entities;
        let read = match message.problem.take() {
            None if !none_is_whole => Read::Message(message.contents),
            _ => Read::InPart(message.contents),
        };
        let snapshot = Some(Snapshot::new(message.header(), message.trips));
        self.ready.push_back(Step::Read { origin: message.origin, read, snapshot });
        self.flush_all()
    }

    /// Notes what is wrong with a capture, for the first ones of a kind.
    fn tell(&mut self, rule: &'static str, origin: u32, problem: &str) {
        let name = self.origins.get(origin as usize).map_or("", |origin| &origin.name);
        self.ready.extend(self.told.note(rule, name, problem).map(Step::Note));
    }

    fn flush_all(&mut self) -> Result<(), DecodeError> {
        (0..TABLES.len()).try_for_each(|table| self.flush(table, ROWS))
    }

    /// Makes a chunk of a table's rows if there are at least so many, or if they are large. They stay booked until the next
    /// capture or entity is read.
    fn flush(&mut self, table: usize, least: usize) -> Result<(), DecodeError> {
        let rows = &mut self.tables.sheets_mut()[table].rows;
        if rows.is_full(least) {
            let chunk = rows.take()?;
            self.ready.push_back(Step::Rows { table, chunk });
        }
        Ok(())
    }
}
