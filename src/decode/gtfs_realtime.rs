//! GTFS-Realtime: protobuf snapshots become the tables `vehicle_positions`, `trip_updates` and `alerts`.
//!
//! A row of `vehicle_positions` is one vehicle entity; of `trip_updates` one stop time update (or a trip update without
//! any); of `alerts` one informed entity in one period. Presence is kept: what a snapshot does not say is null, also where
//! the standard names a default. Enums are their names; a number without a name stays a number. A time of 0 is none.
//!
//! Everything that the encoding allows is read as the libraries of protobuf read it: fields in any order, messages in several
//! parts, unknown fields. An entity that is damaged, or whose rows would take more than [`Limits::entity_bytes`], is left out
//! whole; those behind it are read. Rows are given out between entities and booked on the run's [`Budget`] before they are
//! made, so that a message of any kind takes a bounded number of bytes.
//!
//! Field numbers and names: <https://gtfs.org/documentation/realtime/proto/>, version 2.0, as of July 2026.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Float64Builder, Int32Builder, Int64Builder, StringBuilder,
    TimestampMillisecondBuilder, UInt32Builder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch};
use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::capture::payload::{self, Payload, Wanted};
use crate::capture::{Capture, CaptureError};
use crate::contract::library::Library;
use crate::contract::{Contract, Kind, Severity};
use crate::decode::snapshot::{self, Snapshot, Trips};
use crate::decode::{DecodeError, Decoded, Head, Limits, Note, Step};
use crate::protobuf::{Broken, Value, fields, fields_from};
use crate::table::single::widen;
use crate::table::{Budget, BudgetExceeded, Chunk, Flaw, Origin};
use crate::time::{Assigned, Dated, ServiceDate, ServiceDates, ServiceSeconds};

/// Rows of a chunk.
const ROWS: usize = 16_384;
/// Bytes at which a chunk is given out, however few rows it has.
const CHUNK_BYTES: usize = 24 << 20;
/// What a row takes at most without its texts: its cells, and what may be wrong with those that it shares with others.
const ROW_BYTES: u64 = 640;
/// Own bytes of an entity from which on what may be wrong with its cells counts, too: a wrong cell takes five bytes in the
/// message and some eighty here.
const LARGE: u64 = 64 << 10;
/// What is booked at a time.
const BOOKED: usize = 1 << 20;
/// Captures of which it is told one by one what is wrong with them; of the others how many they are.
const TOLD: u64 = 100;
/// 9999-12-31T23:59:59Z: later seconds are milliseconds or damage.
const LAST_SECOND: i64 = 253_402_300_799;

const STOP_STATUS: &[(u64, &str)] = &[(0, "INCOMING_AT"), (1, "STOPPED_AT"), (2, "IN_TRANSIT_TO")];
const CONGESTION: &[(u64, &str)] = &[
    (0, "UNKNOWN_CONGESTION_LEVEL"),
    (1, "RUNNING_SMOOTHLY"),
    (2, "STOP_AND_GO"),
    (3, "CONGESTION"),
    (4, "SEVERE_CONGESTION"),
];
const OCCUPANCY: &[(u64, &str)] = &[
    (0, "EMPTY"),
    (1, "MANY_SEATS_AVAILABLE"),
    (2, "FEW_SEATS_AVAILABLE"),
    (3, "STANDING_ROOM_ONLY"),
    (4, "CRUSHED_STANDING_ROOM_ONLY"),
    (5, "FULL"),
    (6, "NOT_ACCEPTING_PASSENGERS"),
    (7, "NO_DATA_AVAILABLE"),
    (8, "NOT_BOARDABLE"),
];
const TRIP_RELATIONSHIP: &[(u64, &str)] = &[
    (0, "SCHEDULED"),
    (1, "ADDED"),
    (2, "UNSCHEDULED"),
    (3, "CANCELED"),
    (5, "REPLACEMENT"),
    (6, "DUPLICATED"),
    (7, "DELETED"),
    (8, "NEW"),
];
const STOP_RELATIONSHIP: &[(u64, &str)] = &[(0, "SCHEDULED"), (1, "SKIPPED"), (2, "NO_DATA"), (3, "UNSCHEDULED")];
const CAUSE: &[(u64, &str)] = &[
    (1, "UNKNOWN_CAUSE"),
    (2, "OTHER_CAUSE"),
    (3, "TECHNICAL_PROBLEM"),
    (4, "STRIKE"),
    (5, "DEMONSTRATION"),
    (6, "ACCIDENT"),
    (7, "HOLIDAY"),
    (8, "WEATHER"),
    (9, "MAINTENANCE"),
    (10, "CONSTRUCTION"),
    (11, "POLICE_ACTIVITY"),
    (12, "MEDICAL_EMERGENCY"),
    (13, "SPECIAL_EVENT"),
];
const EFFECT: &[(u64, &str)] = &[
    (1, "NO_SERVICE"),
    (2, "REDUCED_SERVICE"),
    (3, "SIGNIFICANT_DELAYS"),
    (4, "DETOUR"),
    (5, "ADDITIONAL_SERVICE"),
    (6, "MODIFIED_SERVICE"),
    (7, "OTHER_EFFECT"),
    (8, "UNKNOWN_EFFECT"),
    (9, "STOP_MOVED"),
    (10, "NO_EFFECT"),
    (11, "ACCESSIBILITY_ISSUE"),
];
const SEVERITY_LEVEL: &[(u64, &str)] = &[(1, "UNKNOWN_SEVERITY"), (2, "INFO"), (3, "WARNING"), (4, "SEVERE")];

/// The column that says which source of the pipeline gave a row. Two sources may say something in the same second, and what they
/// call by the same id need not be the same.
pub const SOURCE: &str = "source";

/// The three tables, and the column names in the order of the cells that are pushed.
const TABLES: [&str; 3] = ["vehicle_positions", "trip_updates", "alerts"];
const VEHICLES: usize = 0;
const UPDATES: usize = 1;
const ALERTS: usize = 2;

/// What every row begins with.
const COMMON: &[&str] = &["captured_at", "feed_timestamp", "entity_id", SOURCE];
/// A trip descriptor and a vehicle descriptor.
const TRIP: &[&str] = &["trip_id", "start_time", "start_date", "schedule_relationship", "route_id", "direction_id"];
const VEHICLE: &[&str] = &["vehicle_id", "vehicle_label", "license_plate"];
const POSITION: &[&str] = &[
    "latitude",
    "longitude",
    "bearing",
    "odometer",
    "speed",
    "current_stop_sequence",
    "current_status",
    "timestamp",
    "congestion_level",
    "stop_id",
    "occupancy_status",
    "occupancy_percentage",
    "multi_carriage_details",
];
const UPDATE: &[&str] = &[
    "timestamp",
    "delay",
    "stop_sequence",
    "stop_id",
    "arrival_delay",
    "arrival_time",
    "arrival_uncertainty",
    "departure_delay",
    "departure_time",
    "departure_uncertainty",
    "stop_schedule_relationship",
    "departure_occupancy_status",
    "original_trip_id",
];
const ALERT: &[&str] = &[
    "active_from",
    "active_until",
    "cause",
    "effect",
    "severity_level",
    "url",
    "header_text",
    "header_text_de",
    "header_text_en",
    "description_text",
    "description_text_de",
    "description_text_en",
    "agency_id",
    "route_id",
    "route_type",
    "trip_id",
    "stop_id",
    "direction_id",
    "period_kind",
];

/// The values that are a `float` of 32 bits in the protobuf.
const SINGLES: &[&str] = &["latitude", "longitude", "bearing", "speed"];

/// The columns that a row of a table has; `None` where GTFS-Realtime has no such table.
pub fn columns(table: &str) -> Option<Vec<&'static str>> {
    match TABLES.iter().position(|name| *name == table)? {
        VEHICLES => Some([COMMON, TRIP, VEHICLE, POSITION].concat()),
        UPDATES => Some([COMMON, TRIP, VEHICLE, UPDATE].concat()),
        _ => Some([COMMON, ALERT].concat()),
    }
}

/// Whether the numbers of a column come as floating point numbers of 32 bits.
pub fn is_single(column: &str) -> bool {
    SINGLES.contains(&column)
}

/// One cell as the snapshot has it.
#[derive(Clone, Copy, Debug, Default)]
enum Cell<'a> {
    #[default]
    Absent,
    Text(&'a [u8]),
    Name(&'static str),
    Int(i64),
    Float(f64),
}

/// The one partition whose rows a decoder makes; of other dates it makes no row.
#[derive(Clone)]
pub struct Only {
    pub date: ServiceDate,
    pub zone: TimeZone,
}

/// Rows of a table that no partition can have, because they came too early or too late for that of their date; counted in
/// the partition of the date on which they were received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strays {
    pub rows: u64,
    /// Where some of them stand, the origin and the place in it, and the date that they are of.
    pub samples: Vec<(u32, u64, ServiceDate)>,
}

/// Strays that are shown.
const STRAYS_SHOWN: usize = 5;

/// What a capture gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// A whole message, be it without entities.
    Message(Contents),
    /// A message whose header was read, and the entities before a place where it is cut off or damaged, or of whose entities
    /// none was whole. A note says where.
    InPart(Contents),
    /// No message: the name of what it is instead, and that for people.
    Nothing { kind: &'static str, said: String },
}

/// What is to be told of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// It was packed with gzip of which no header speaks.
    pub is_bare_gzip: bool,
    /// It tells only what has changed.
    pub is_differential: bool,
    /// Entities that are told as deleted. They give no rows.
    pub deleted: u64,
    /// Entities that were left out because they are damaged.
    pub damaged: u64,
    /// Entities that were left out because their rows would take more than they may.
    pub oversized: u64,
    /// Times that are 0, which stands for none.
    pub zero_times: u64,
}

/// Decodes a stream of snapshots. `origins` lists them in the order in which `captures` yields them.
///
/// A snapshot that is broken or cut off gives its whole entities up to there and a note; it does not end the stream. Of every
/// snapshot a [`Step::Read`] says what it gave, and what it says as a whole. The message and the rows that are being made are booked on `budget`.
pub fn decode(
    origins: Vec<Origin>,
    captures: Box<dyn Iterator<Item = Result<Capture, CaptureError>> + Send>,
    contracts: &Library,
    limits: Limits,
    budget: Budget,
) -> Result<Decoded, DecodeError> {
    decode_only(origins, captures, contracts, limits, budget, None)
}

/// The same, but with `only` the rows of one partition. All captures must be of the evidence of its date.
pub fn decode_only(
    origins: Vec<Origin>,
    captures: Box<dyn Iterator<Item = Result<Capture, CaptureError>> + Send>,
    contracts: &Library,
    limits: Limits,
    budget: Budget,
    only: Option<&Only>,
) -> Result<Decoded, DecodeError> {
    let origins: Arc<[Origin]> = origins.into();
    let mut sheets = Vec::new();
    for table in TABLES {
        let names = columns(table).unwrap_or_default();
        let contract = contracts.get(table).ok_or_else(|| {
            DecodeError::feed(table, "there is no contract for this table", "Add one to schemas/gtfs-realtime.")
        })?;
        let mut sheet = Sheet::new(contract.clone(), &names, budget.clone());
        sheet.only = only.map(|only| RowFilter::new(only, table, &names));
        sheets.push(sheet);
    }
    let heads =
        sheets.iter().map(|sheet| Head { contract: sheet.contract.clone(), origins: origins.clone() }).collect();
    let stream = Stream {
        origins,
        captures,
        limits,
        sheets,
        skips: only.map(Skips::new),
        budget,
        next: 0,
        reading: None,
        ready: VecDeque::new(),
        lent: 0,
        told: Default::default(),
        ended: false,
    };
    Ok(Decoded { tables: heads, notes: Vec::new(), steps: Box::new(stream), timetable: None })
}

/// Whether a capture is a message with a vehicle's position. What is broken has none.
pub fn has_positions(capture: &Capture, limits: Limits) -> bool {
    let Ok(unpacked) = payload::unpacked(capture, limits.message_bytes) else { return false };
    let is_position = |entity: &[u8]| fields(entity).flatten().any(|field| matches!(field, (4, Value::Bytes(_))));
    fields(&unpacked.body).flatten().any(|field| matches!(field, (2, Value::Bytes(entity)) if is_position(entity)))
}

struct Stream {
    origins: Arc<[Origin]>,
    captures: Box<dyn Iterator<Item = Result<Capture, CaptureError>> + Send>,
    limits: Limits,
    sheets: Vec<Sheet>,
    skips: Option<Skips>,
    budget: Budget,
    /// The place of the next capture among the origins.
    next: u32,
    /// The message that was begun and is not at its end.
    reading: Option<Reading>,
    ready: VecDeque<Step>,
    /// What is booked for chunks that were given out and are being looked at.
    lent: usize,
    /// Notes of each rule.
    told: [u64; RULES.len()],
    ended: bool,
}

/// The rules of notes about one capture.
const RULES: [&str; 3] =
    ["gtfs_realtime.broken_message", "gtfs_realtime.damaged_entity", "gtfs_realtime.oversized_entity"];
const BROKEN: usize = 0;
const DAMAGED: usize = 1;
const OVERSIZED: usize = 2;

/// A message on its way.
struct Reading {
    body: Bytes,
    /// For the body, and the trips that its entities name.
    booked: usize,
    origin: u32,
    captured_at: Timestamp,
    header: Header,
    /// The trips that its entities name.
    trips: Trips,
    /// Where the next field begins.
    at: usize,
    entities: u64,
    /// Rows of all messages before this one.
    rows_before: u64,
    /// Entities are looked through before they give rows, since one of them was damaged.
    is_careful: bool,
    first_damaged: u64,
    first_oversized: Option<(u64, u64)>,
    contents: Contents,
    /// What keeps it from being whole.
    problem: Option<String>,
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
            self.budget.give_back(std::mem::take(&mut self.lent));
            let done = match self.reading.take() {
                Some(reading) => self.go_on(reading),
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
        let message = self.reading.as_ref().map_or(0, |reading| reading.booked);
        let rows: usize = self.sheets.iter().map(|sheet| sheet.booked).sum();
        self.budget.give_back(self.lent + message + rows);
    }
}

impl Stream {
    /// Takes the next capture, or ends.
    fn begin(&mut self) -> Result<(), DecodeError> {
        let Some(capture) = self.captures.next() else {
            self.ended = true;
            for (table, name) in TABLES.into_iter().enumerate() {
                self.flush(table, 1)?;
                if let Some(only) = self.sheets[table].only.take() {
                    self.ready.extend(only.steps(table, name));
                }
                self.ready.push_back(Step::End { table });
            }
            for (rule, told) in RULES.into_iter().zip(self.told).filter(|(_, told)| *told > TOLD) {
                let message = format!("{} other captures are like that", told - TOLD);
                self.ready.push_back(Step::Note(Note { rule, severity: Severity::Error, message }));
            }
            return Ok(());
        };
        let capture = capture.map_err(|error| {
            let name = self.name(self.next);
            match error {
                // The same bytes fail again.
                CaptureError::Damaged { .. } => DecodeError::feed(
                    &name,
                    error.to_string(),
                    "Nothing was published: the capture is not the one that was kept",
                ),
                error => DecodeError::Io { name, source: std::io::Error::other(error.to_string()) },
            }
        })?;
        let origin = self.next;
        self.next += 1;
        match self.outline(capture, origin) {
            Ok(reading) => {
                self.budget.take("decode", reading.booked)?;
                self.go_on(reading)
            }
            Err(read) => {
                self.ready.push_back(Step::Read { origin, read, snapshot: None });
                Ok(())
            }
        }
    }

    fn name(&self, origin: u32) -> String {
        self.origins.get(origin as usize).map_or_else(String::new, |origin| origin.name.clone())
    }

    /// Looks for the header, which may stand anywhere, and counts the entities; or says what the capture gives if it is not read on.
    fn outline(&self, capture: Capture, origin: u32) -> Result<Reading, Read> {
        let nothing = |kind: &'static str, said: String| Read::Nothing { kind, said };
        let most = self.limits.message_bytes;
        if capture.body.len() > most {
            return Err(nothing(
                "too_large",
                format!("has {} bytes, of which at most {most} are read", capture.body.len()),
            ));
        }
        let unpacked = payload::unpacked(&capture, most).map_err(|said| nothing("encoded", said))?;
        if self.skips.as_ref().is_some_and(|skips| skips.is_of_others(capture.captured_at, &unpacked.body)) {
            let contents = Contents { is_bare_gzip: unpacked.is_bare_gzip, ..Contents::default() };
            return Err(Read::Message(contents));
        }
        let body = unpacked.body;
        let all = body.len();
        let mut header = Header::default();
        let mut entities = 0_usize;
        let mut broken = None;
        for field in fields(&body) {
            match field {
                Ok((1, Value::Bytes(part))) => {
                    if header.read(part).is_err() {
                        broken = Some(Broken { offset: 0 });
                        header.is_there = false;
                        break;
                    }
                }
                Ok((2, Value::Bytes(_))) => entities += 1,
                Ok(_) => {}
                Err(problem) => broken = Some(problem),
            }
        }
        let problem = match (broken, header.is_there) {
            (None, true) => None,
            (None, false) => Some("has no feed header, so it is no GTFS-Realtime message".to_owned()),
            (Some(Broken { offset }), true) => {
                Some(format!("is cut off or damaged at byte {offset} of {all}; the entities before it were read"))
            }
            (Some(Broken { offset }), false) => {
                Some(format!("is no GTFS-Realtime message, or damaged at byte {offset} of {all}, before its header"))
            }
        };
        if let Some(problem) = problem.as_ref().filter(|_| !header.is_there && (broken.is_some() || entities == 0)) {
            let identified = payload::identify(&capture);
            return Err(match identified.payload {
                Payload::Unknown | Payload::GtfsRealtime => nothing("other", problem.clone()),
                payload => nothing(payload.name(), identified.said(Wanted::Message)),
            });
        }
        let most = self.limits.message_entities;
        if entities > most {
            return Err(nothing("too_large", format!("has {entities} entities; of more than {most} none is read")));
        }
        let contents = Contents {
            is_bare_gzip: unpacked.is_bare_gzip,
            is_differential: header.is_differential,
            zero_times: u64::from(header.timestamp == Some(0)),
            ..Contents::default()
        };
        Ok(Reading {
            booked: body.len() + entities * Trips::BYTES,
            trips: Trips::new(body.clone()),
            body,
            origin,
            captured_at: capture.captured_at,
            header,
            at: 0,
            entities: 0,
            rows_before: self.rows(),
            is_careful: false,
            first_damaged: 0,
            first_oversized: None,
            contents,
            problem,
        })
    }

    /// Rows that all messages gave so far.
    fn rows(&self) -> u64 {
        self.sheets.iter().map(|sheet| sheet.total).sum()
    }

    /// Reads entities until a chunk is full or the message is at its end.
    fn go_on(&mut self, mut reading: Reading) -> Result<(), DecodeError> {
        let body = reading.body.clone();
        let origins = self.origins.clone();
        let mut message = fields_from(&body, reading.at);
        let feed_timestamp = reading.header.timestamp.filter(|seconds| *seconds != 0);
        let mut place = Place {
            captured_at: reading.captured_at,
            feed_timestamp: feed_timestamp.map_or(Cell::Absent, |seconds| Cell::Int(seconds as i64)),
            source: origins.get(reading.origin as usize).map_or("", Origin::source),
            origin: reading.origin,
            row: 0,
        };
        // Where the message is cut off was found out before.
        while let Some(Ok(field)) = message.next() {
            let (2, Value::Bytes(bytes)) = field else { continue };
            place.row = reading.entities;
            reading.entities += 1;
            self.entity(bytes, &place, &mut reading)?;
            let is_full = self.sheets.iter().any(|sheet| sheet.is_full(ROWS));
            if !is_full {
                continue;
            }
            let most = self.limits.message_rows;
            if self.rows() - reading.rows_before > most {
                reading.problem = Some(format!(
                    "gives more than {most} rows; those of its first {} entities were read",
                    reading.entities
                ));
                break;
            }
            reading.at = message.place();
            for table in 0..self.sheets.len() {
                self.flush(table, ROWS)?;
            }
            self.reading = Some(reading);
            return Ok(());
        }
        self.end(reading)
    }

    /// Reads an entity whole or not at all.
    fn entity(&mut self, bytes: &[u8], place: &Place<'_>, reading: &mut Reading) -> Result<(), DecodeError> {
        let before: [(usize, usize); TABLES.len()] = std::array::from_fn(|table| self.sheets[table].begin());
        let trips_before = reading.trips.len();
        let mut out = Out {
            sheets: &mut self.sheets,
            trips: &mut reading.trips,
            most: self.limits.entity_bytes as u64,
            is_trial: false,
            zero_times: 0,
        };
        let mut done = Ok(());
        if reading.is_careful {
            out.is_trial = true;
            done = entity(bytes, place, &mut out).map(|_| ());
            (out.is_trial, out.zero_times) = (false, 0);
        }
        let done = done.and_then(|()| entity(bytes, place, &mut out));
        let zero_times = out.zero_times;
        match done {
            Ok(is_deleted) => {
                for (sheet, (rows, bytes)) in self.sheets.iter_mut().zip(before) {
                    // Rows of other dates were not made.
                    if sheet.rows == rows {
                        sheet.bytes = bytes;
                    }
                }
                reading.contents.deleted += u64::from(is_deleted);
                reading.contents.zero_times += zero_times;
                return Ok(());
            }
            Err(Refused::Budget(exceeded)) => return Err(exceeded.into()),
            Err(Refused::Damaged) => {
                reading.contents.damaged += 1;
                if reading.first_damaged == 0 {
                    reading.first_damaged = reading.entities;
                }
            }
            Err(Refused::Oversized { rows }) => {
                reading.contents.oversized += 1;
                reading.first_oversized.get_or_insert((reading.entities, rows));
            }
        }
        reading.is_careful = true;
        reading.trips.truncate(trips_before);
        for (table, (rows, bytes)) in before.into_iter().enumerate() {
            if let Some(only) = &mut self.sheets[table].only {
                only.undo();
            }
            if self.sheets[table].rows == rows {
                self.sheets[table].bytes = bytes;
            }
            if self.sheets[table].rows > rows {
                let taken = self.take(table)?;
                let flaws = taken.flaws.into_iter().filter(|flaw| (flaw.row as usize) < rows).collect();
                self.sheets[table].total -= (taken.rows.num_rows() - rows) as u64;
                let chunk = Chunk { rows: taken.rows.slice(0, rows), flaws, remarks: Default::default() };
                if rows > 0 {
                    self.ready.push_back(Step::Rows { table, chunk });
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, mut reading: Reading) -> Result<(), DecodeError> {
        // The snapshot that is given out has the body and the trips.
        self.lent += reading.booked;
        let Contents { damaged, oversized, .. } = reading.contents;
        if let Some(problem) = reading.problem.as_ref() {
            self.tell(BROKEN, reading.origin, problem);
        }
        if damaged > 0 {
            let count =
                if damaged == 1 { "1 damaged entity".to_owned() } else { format!("{damaged} damaged entities") };
            let (all, first) = (reading.entities, reading.first_damaged);
            self.tell(
                DAMAGED,
                reading.origin,
                &format!("has {count} of {all}, the first is number {first}; the others were read"),
            );
        }
        if let Some((first, rows)) = reading.first_oversized {
            let most = self.limits.entity_bytes;
            self.tell(
                OVERSIZED,
                reading.origin,
                &format!(
                    "has {oversized} of {} entities whose rows would take more than {most} bytes, the first is number {first} \
                     with {rows} {}; the others were read",
                    reading.entities,
                    if rows == 1 { "row" } else { "rows" },
                ),
            );
        }
        let none_is_whole = reading.entities > 0 && damaged + oversized == reading.entities;
        let read = match reading.problem.take() {
            None if !none_is_whole => Read::Message(reading.contents),
            _ => Read::InPart(reading.contents),
        };
        let header = snapshot::Header {
            captured_at: reading.captured_at,
            timestamp: reading.header.timestamp.filter(|t| *t != 0),
        };
        let snapshot = Some(Snapshot::new(header, reading.trips));
        self.ready.push_back(Step::Read { origin: reading.origin, read, snapshot });
        for table in 0..self.sheets.len() {
            self.flush(table, ROWS)?;
        }
        Ok(())
    }

    /// Notes what is wrong with a capture, for the first ones of a kind.
    fn tell(&mut self, rule: usize, origin: u32, problem: &str) {
        self.told[rule] += 1;
        if self.told[rule] <= TOLD {
            let message = format!("'{}' {problem}", self.name(origin));
            self.ready.push_back(Step::Note(Note { rule: RULES[rule], severity: Severity::Error, message }));
        }
    }

    /// Makes a chunk of a table's rows if there are at least so many, or if they are large.
    fn flush(&mut self, table: usize, least: usize) -> Result<(), DecodeError> {
        let sheet = &self.sheets[table];
        if sheet.is_full(least) {
            let chunk = self.take(table)?;
            self.ready.push_back(Step::Rows { table, chunk });
        }
        Ok(())
    }

    /// The rows of a table. They stay booked until the next capture or entity is read.
    fn take(&mut self, table: usize) -> Result<Chunk, DecodeError> {
        let sheet = &mut self.sheets[table];
        self.lent += std::mem::take(&mut sheet.booked);
        sheet.take()
    }
}

/// What a feed header says.
#[derive(Default)]
struct Header {
    is_there: bool,
    is_differential: bool,
    timestamp: Option<u64>,
}

impl Header {
    fn read(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.is_there = true;
        for field in fields(bytes) {
            match field? {
                // Other numbers are no value of this enum, and an earlier one stays.
                (2, Value::Varint(value)) if matches!(value as u32, 0 | 1) => self.is_differential = value as u32 == 1,
                (3, Value::Varint(seconds)) => self.timestamp = Some(seconds),
                _ => {}
            }
        }
        Ok(())
    }
}

/// What the rows of an entity have in common.
struct Place<'a> {
    captured_at: Timestamp,
    feed_timestamp: Cell<'a>,
    source: &'a str,
    origin: u32,
    /// The place of the entity in its message.
    row: u64,
}

impl<'a> Place<'a> {
    fn cells<const N: usize>(&self, id: Cell<'a>) -> [Cell<'a>; N] {
        let mut cells = [Cell::Absent; N];
        cells[0] = Cell::Int(self.captured_at.as_second());
        cells[1] = self.feed_timestamp;
        cells[2] = id;
        cells[3] = Cell::Text(self.source.as_bytes());
        cells
    }
}

/// Why an entity gives no rows.
enum Refused {
    Damaged,
    Oversized { rows: u64 },
    Budget(BudgetExceeded),
}

impl From<Broken> for Refused {
    fn from(_: Broken) -> Self {
        Self::Damaged
    }
}

/// Where the rows of an entity go.
struct Out<'s> {
    sheets: &'s mut [Sheet],
    /// The trips that entities name, whatever dates their rows are of.
    trips: &'s mut Trips,
    /// Bytes that the rows of an entity may take.
    most: u64,
    /// Rows are not kept: it is found out whether the entity is whole.
    is_trial: bool,
    zero_times: u64,
}

impl Out<'_> {
    /// Books that so many rows come, each with so many bytes of texts, and all together with these own bytes.
    fn expect(&mut self, table: usize, rows: u64, texts: u64, own: u64) -> Result<(), Refused> {
        let own = if own > LARGE { own.saturating_mul(16) } else { own };
        let bytes = rows.saturating_mul(ROW_BYTES + texts).saturating_add(own);
        if bytes > self.most {
            return Err(Refused::Oversized { rows });
        }
        if self.is_trial {
            return Ok(());
        }
        self.sheets[table].expect(bytes as usize).map_err(Refused::Budget)
    }

    fn push(&mut self, table: usize, cells: &[Cell<'_>], place: &Place<'_>) {
        if !self.is_trial {
            self.sheets[table].push(cells, place);
        }
    }

    /// Whose the rows of an entity are that have these cells in common, all that tell a date among them; nobody's in a trial.
    fn partition(&mut self, table: usize, cells: &[Cell<'_>], place: &Place<'_>) -> RowPartition {
        match &mut self.sheets[table].only {
            _ if self.is_trial => RowPartition::Other,
            Some(only) => only.partition(cells, place),
            None => RowPartition::Own,
        }
    }

    /// Counts a row that is not made.
    fn count(&mut self, table: usize, partition: RowPartition, place: &Place<'_>) {
        if let Some(only) = &mut self.sheets[table].only {
            only.count(partition, place);
        }
    }

    /// Keeps the trip that an entity names for the feed rules.
    fn names_trip(&mut self, cells: &[Cell<'_>], place: &Place<'_>) {
        let relationship = if let Cell::Name(name) = cells[TRIP_AT + 3] { Some(name) } else { None };
        if let (Cell::Text(id), false) = (cells[TRIP_AT], self.is_trial) {
            self.trips.add(place.row, id, relationship);
        }
    }

    /// Seconds since 1970; 0 stands for none.
    fn instant<'a>(&mut self, seconds: u64) -> Cell<'a> {
        if seconds == 0 {
            self.zero_times += 1;
            return Cell::Absent;
        }
        Cell::Int(seconds as i64)
    }
}

/// All parts of a message that stands in this field: they are one message.
fn parts(bytes: &[u8], number: u32) -> impl Iterator<Item = Result<&[u8], Broken>> {
    fields(bytes).filter_map(move |field| match field {
        Ok((found, Value::Bytes(part))) if found == number => Some(Ok(part)),
        Ok(_) => None,
        Err(broken) => Some(Err(broken)),
    })
}

const TRIP_UPDATE: u32 = 3;
const VEHICLE_POSITION: u32 = 4;
const ALERT_ENTITY: u32 = 5;

/// Reads an entity; tells whether it is deleted.
fn entity<'a>(bytes: &'a [u8], place: &Place<'a>, out: &mut Out<'_>) -> Result<bool, Refused> {
    let mut id = Cell::Absent;
    let mut is_deleted = false;
    let mut has = [false; 3];
    for field in fields(bytes) {
        match field? {
            (1, Value::Bytes(text)) => id = Cell::Text(text),
            (2, Value::Varint(value)) => is_deleted = value != 0,
            (TRIP_UPDATE, Value::Bytes(_)) => has[UPDATES] = true,
            (VEHICLE_POSITION, Value::Bytes(_)) => has[VEHICLES] = true,
            (ALERT_ENTITY, Value::Bytes(_)) => has[ALERTS] = true,
            _ => {}
        }
    }
    if is_deleted {
        return Ok(true);
    }
    if has[VEHICLES] {
        vehicle(bytes, place, id, out)?;
    }
    if has[UPDATES] {
        trip_update(bytes, place, id, out)?;
    }
    if has[ALERTS] {
        alert(bytes, place, id, out)?;
    }
    Ok(false)
}

const TRIP_AT: usize = COMMON.len();
const VEHICLE_AT: usize = TRIP_AT + TRIP.len();
const REST_AT: usize = VEHICLE_AT + VEHICLE.len();

fn vehicle<'a>(bytes: &'a [u8], place: &Place<'a>, id: Cell<'a>, out: &mut Out<'_>) -> Result<(), Refused> {
    let mut carriages = String::new();
    let mut cells = place.cells::<{ REST_AT + POSITION.len() }>(id);
    for part in parts(bytes, VEHICLE_POSITION) {
        for field in fields(part?) {
            let rest = &mut cells[REST_AT..];
            match field? {
                (1, Value::Bytes(part)) => trip(part, &mut cells[TRIP_AT..])?,
                (2, Value::Bytes(part)) => position(part, rest)?,
                (8, Value::Bytes(part)) => descriptor(part, &mut cells[VEHICLE_AT..])?,
                (3, Value::Varint(value)) => rest[5] = uint32(value),
                (4, Value::Varint(value)) => name(&mut rest[6], STOP_STATUS, value),
                (5, Value::Varint(value)) => rest[7] = out.instant(value),
                (6, Value::Varint(value)) => name(&mut rest[8], CONGESTION, value),
                (7, Value::Bytes(text)) => rest[9] = Cell::Text(text),
                (9, Value::Varint(value)) => name(&mut rest[10], OCCUPANCY, value),
                // A uint32; what producers write for a negative percentage is read as the negative number that they meant.
                (10, Value::Varint(value)) => rest[11] = Cell::Int(i64::from(value as i32)),
                (11, Value::Bytes(part)) => carriage(part, &mut carriages)?,
                _ => {}
            }
        }
    }
    out.names_trip(&cells, place);
    if !carriages.is_empty() {
        carriages.push(']');
        cells[REST_AT + 12] = Cell::Text(carriages.as_bytes());
    }
    out.expect(VEHICLES, 1, place.source.len() as u64, (bytes.len() + carriages.len()) as u64)?;
    out.push(VEHICLES, &cells, place);
    Ok(())
}

/// Adds what is said of one carriage to a list in JSON.
fn carriage(bytes: &[u8], list: &mut String) -> Result<(), Broken> {
    let mut cells = [Cell::Absent; 5];
    for field in fields(bytes) {
        match field? {
            (number @ 1..=2, Value::Bytes(text)) => cells[number as usize - 1] = Cell::Text(text),
            (3, Value::Varint(value)) => name(&mut cells[2], OCCUPANCY, value),
            (4, Value::Varint(value)) => cells[3] = Cell::Int(i64::from(value as i32)),
            (5, Value::Varint(value)) => cells[4] = uint32(value),
            _ => {}
        }
    }
    const KEYS: [&str; 5] = ["id", "label", "occupancy_status", "occupancy_percentage", "carriage_sequence"];
    list.push_str(if list.is_empty() { "[{" } else { ",{" });
    let mut between = "";
    for (key, cell) in KEYS.into_iter().zip(cells) {
        // Writing to a string cannot fail.
        let _ = match cell {
            Cell::Absent | Cell::Text(b"") | Cell::Float(_) => continue,
            Cell::Int(value) => write!(list, "{between}\"{key}\":{value}"),
            Cell::Name(name) => write!(list, "{between}\"{key}\":\"{name}\""),
            Cell::Text(text) => {
                let text = serde_json::Value::from(String::from_utf8_lossy(text));
                write!(list, "{between}\"{key}\":{text}")
            }
        };
        between = ",";
    }
    list.push('}');
    Ok(())
}

fn position<'a>(bytes: &'a [u8], cells: &mut [Cell<'a>]) -> Result<(), Broken> {
    for field in fields(bytes) {
        match field? {
            (number @ 1..=3, Value::Fixed32(bits)) => {
                cells[number as usize - 1] = Cell::Float(widen(f32::from_bits(bits)))
            }
            (4, Value::Fixed64(bits)) => cells[3] = Cell::Float(f64::from_bits(bits)),
            (5, Value::Fixed32(bits)) => cells[4] = Cell::Float(widen(f32::from_bits(bits))),
            _ => {}
        }
    }
    Ok(())
}

fn trip<'a>(bytes: &'a [u8], cells: &mut [Cell<'a>]) -> Result<(), Broken> {
    for field in fields(bytes) {
        match field? {
            (number @ (1..=3 | 5), Value::Bytes(text)) => cells[number as usize - 1] = Cell::Text(text),
            (4, Value::Varint(value)) => name(&mut cells[3], TRIP_RELATIONSHIP, value),
            (6, Value::Varint(value)) => cells[5] = uint32(value),
            _ => {}
        }
    }
    Ok(())
}

fn descriptor<'a>(bytes: &'a [u8], cells: &mut [Cell<'a>]) -> Result<(), Broken> {
    for field in fields(bytes) {
        if let (number @ 1..=3, Value::Bytes(text)) = field? {
            cells[number as usize - 1] = Cell::Text(text);
        }
    }
    Ok(())
}

fn trip_update<'a>(bytes: &'a [u8], place: &Place<'a>, id: Cell<'a>, out: &mut Out<'_>) -> Result<(), Refused> {
    let mut cells = place.cells::<{ REST_AT + UPDATE.len() }>(id);
    // The id, date and start of the trip that a duplicate is.
    let mut properties = [Cell::Absent; 3];
    let (mut updates, mut own) = (0_u64, 0_u64);
    for part in parts(bytes, TRIP_UPDATE) {
        for field in fields(part?) {
            match field? {
                (1, Value::Bytes(part)) => trip(part, &mut cells[TRIP_AT..])?,
                (2, Value::Bytes(part)) => (updates, own) = (updates + 1, own + part.len() as u64),
                (3, Value::Bytes(part)) => descriptor(part, &mut cells[VEHICLE_AT..])?,
                (4, Value::Varint(value)) => cells[REST_AT] = out.instant(value),
                (5, Value::Varint(value)) => cells[REST_AT + 1] = Cell::Int(i64::from(value as i32)),
                (6, Value::Bytes(part)) => descriptor(part, &mut properties)?,
                _ => {}
            }
        }
    }
    out.names_trip(&cells, place);
    if let (Cell::Name("DUPLICATED"), [new, date, time]) = (cells[TRIP_AT + 3], properties) {
        if let Cell::Text([_, ..]) = new {
            cells[REST_AT + 12] = cells[TRIP_AT];
            cells[TRIP_AT] = new;
        }
        for (at, value) in [(1, time), (2, date)] {
            if let Cell::Text([_, ..]) = value {
                cells[TRIP_AT + at] = value;
            }
        }
    }
    out.expect(UPDATES, updates.max(1), texts(&cells), own)?;
    if updates == 0 {
        out.push(UPDATES, &cells, place);
        return Ok(());
    }
    let partition = out.partition(UPDATES, &cells, place);
    if partition != RowPartition::Own {
        // No row is made, but the entity must be whole, and its rows and times are counted.
        let mut unused = [Cell::Absent; 3];
        for part in parts(bytes, TRIP_UPDATE) {
            for update in parts(part?, 2) {
                for field in fields(update?) {
                    if let (2 | 3, Value::Bytes(part)) = field? {
                        event(part, &mut unused, out)?;
                    }
                }
                out.count(UPDATES, partition, place);
            }
        }
        return Ok(());
    }
    for part in parts(bytes, TRIP_UPDATE) {
        for update in parts(part?, 2) {
            let mut cells = cells;
            let rest = &mut cells[REST_AT..];
            for field in fields(update?) {
                match field? {
                    (1, Value::Varint(value)) => rest[2] = uint32(value),
                    (4, Value::Bytes(text)) => rest[3] = Cell::Text(text),
                    (2, Value::Bytes(part)) => event(part, &mut rest[4..7], out)?,
                    (3, Value::Bytes(part)) => event(part, &mut rest[7..10], out)?,
                    (5, Value::Varint(value)) => name(&mut rest[10], STOP_RELATIONSHIP, value),
                    (7, Value::Varint(value)) => name(&mut rest[11], OCCUPANCY, value),
                    _ => {}
                }
            }
            out.sheets[UPDATES].make(&cells, place);
        }
    }
    Ok(())
}

/// Bytes of all texts of a row.
fn texts(cells: &[Cell<'_>]) -> u64 {
    cells.iter().map(|cell| if let Cell::Text(text) = cell { text.len() as u64 } else { 0 }).sum()
}

fn event<'a>(bytes: &'a [u8], cells: &mut [Cell<'a>], out: &mut Out<'_>) -> Result<(), Broken> {
    for field in fields(bytes) {
        match field? {
            (number @ (1 | 3), Value::Varint(value)) => {
                cells[number as usize - 1] = Cell::Int(i64::from(value as i32));
            }
            (2, Value::Varint(value)) => cells[1] = out.instant(value),
            _ => {}
        }
    }
    Ok(())
}

/// The periods of an alert by the numbers of their fields. The two of July 2026 replace the first, where an alert has both.
const PERIODS: [(u32, &str); 3] = [(1, "ACTIVE"), (2, "COMMUNICATION"), (3, "IMPACT")];

fn alert<'a>(bytes: &'a [u8], place: &Place<'a>, id: Cell<'a>, out: &mut Out<'_>) -> Result<(), Refused> {
    const AT: usize = COMMON.len();
    let mut cells = place.cells::<{ AT + ALERT.len() }>(id);
    let mut periods = [0_u64; PERIODS.len()];
    let (mut informed, mut own) = (0_u64, 0_u64);
    for part in parts(bytes, ALERT_ENTITY) {
        for field in fields(part?) {
            let rest = &mut cells[AT..];
            match field? {
                (number @ 1..=3, Value::Bytes(_)) => periods[number as usize - 1] += 1,
                (5, Value::Bytes(part)) => {
                    selector(part, &mut [Cell::Absent; ALERT.len()])?;
                    (informed, own) = (informed + 1, own + part.len() as u64);
                }
                (6, Value::Varint(value)) => name(&mut rest[2], CAUSE, value),
                (7, Value::Varint(value)) => name(&mut rest[3], EFFECT, value),
                (14, Value::Varint(value)) => name(&mut rest[4], SEVERITY_LEVEL, value),
                (8, Value::Bytes(part)) => {
                    let mut texts = [rest[5], Cell::Absent, Cell::Absent];
                    translated(part, &mut texts)?;
                    rest[5] = texts[0];
                }
                (10, Value::Bytes(part)) => translated(part, &mut rest[6..9])?,
                (11, Value::Bytes(part)) => translated(part, &mut rest[9..12])?,
                _ => {}
            }
        }
    }
    let is_read = |number: u32| match periods[1] + periods[2] {
        0 => number == 1,
        _ => matches!(number, 2 | 3),
    };
    let all = PERIODS.iter().zip(periods).filter(|((number, _), _)| is_read(*number)).map(|(_, count)| count).sum();
    let times = u64::max(all, 1);
    let rows = times.saturating_mul(informed.max(1));
    out.expect(ALERTS, rows, texts(&cells), own.saturating_mul(times))?;
    if all == 0 {
        return informed_entities(bytes, &cells, place, out);
    }
    for (number, kind) in PERIODS.into_iter().filter(|(number, _)| is_read(*number)) {
        for part in parts(bytes, ALERT_ENTITY) {
            for period in parts(part?, number) {
                let rest = &mut cells[AT..];
                (rest[0], rest[1], rest[18]) = (Cell::Absent, Cell::Absent, Cell::Name(kind));
                for field in fields(period?) {
                    if let (number @ 1..=2, Value::Varint(value)) = field? {
                        rest[number as usize - 1] = out.instant(value);
                    }
                }
                informed_entities(bytes, &cells, place, out)?;
            }
        }
    }
    Ok(())
}

/// The rows of one period of an alert.
fn informed_entities<'a>(
    bytes: &'a [u8],
    cells: &[Cell<'a>; COMMON.len() + ALERT.len()],
    place: &Place<'a>,
    out: &mut Out<'_>,
) -> Result<(), Refused> {
    // All selectors were looked through already.
    if out.is_trial {
        return Ok(());
    }
    let mut is_any = false;
    for part in parts(bytes, ALERT_ENTITY) {
        for informed in parts(part?, 5) {
            let mut cells = *cells;
            selector(informed?, &mut cells[COMMON.len()..])?;
            out.push(ALERTS, &cells, place);
            is_any = true;
        }
    }
    if !is_any {
        out.push(ALERTS, cells, place);
    }
    Ok(())
}

/// What an alert is about. A trip's route and direction stand in for those that the selector does not name.
fn selector<'a>(bytes: &'a [u8], cells: &mut [Cell<'a>]) -> Result<(), Broken> {
    let mut of_trip = [Cell::Absent; TRIP.len()];
    for field in fields(bytes) {
        match field? {
            (number @ 1..=2, Value::Bytes(text)) => cells[number as usize + 11] = Cell::Text(text),
            (3, Value::Varint(value)) => cells[14] = Cell::Int(i64::from(value as i32)),
            (4, Value::Bytes(part)) => trip(part, &mut of_trip)?,
            (5, Value::Bytes(text)) => cells[16] = Cell::Text(text),
            (6, Value::Varint(value)) => cells[17] = uint32(value),
            _ => {}
        }
    }
    cells[15] = of_trip[0];
    for (at, value) in [(13, of_trip[4]), (17, of_trip[5])] {
        if matches!(cells[at], Cell::Absent | Cell::Text(b"")) {
            cells[at] = value;
        }
    }
    Ok(())
}

/// The first text of a translated string, the German and the English one, where they were not found in an earlier part.
fn translated<'a>(bytes: &'a [u8], texts: &mut [Cell<'a>]) -> Result<(), Broken> {
    for translation in parts(bytes, 1) {
        let (mut text, mut language) = (Cell::Absent, &[][..]);
        for field in fields(translation?) {
            match field? {
                (1, Value::Bytes(bytes)) => text = Cell::Text(bytes),
                (2, Value::Bytes(bytes)) => language = bytes,
                _ => {}
            }
        }
        if matches!(text, Cell::Text(b"")) {
            continue;
        }
        let slot = match language.get(..2).map(<[u8]>::to_ascii_lowercase).as_deref() {
            Some(b"de") => Some(1),
            Some(b"en") => Some(2),
            _ => None,
        };
        for slot in [Some(0), slot].into_iter().flatten() {
            if matches!(texts[slot], Cell::Absent) {
                texts[slot] = text;
            }
        }
    }
    Ok(())
}

fn uint32<'a>(value: u64) -> Cell<'a> {
    Cell::Int(i64::from(value as u32))
}

/// The name of an enum's number. A number without a name stays a number, and does not replace a name that stands before it.
fn name(cell: &mut Cell<'_>, names: &[(u64, &'static str)], value: u64) {
    let value = value as i32;
    match names.iter().find(|(number, _)| *number as i32 == value) {
        Some((_, name)) => *cell = Cell::Name(name),
        None if !matches!(cell, Cell::Name(_)) => *cell = Cell::Int(i64::from(value)),
        None => {}
    }
}

/// Knows early messages without a row of a date, before they are taken apart: until noon of the day before, nothing but its
/// digits as a `start_date` makes a row one of the date (see [`ServiceDates`]).
struct Skips {
    until: Timestamp,
    digits: memchr::memmem::Finder<'static>,
}

impl Skips {
    fn new(only: &Only) -> Self {
        let noon = ServiceSeconds(12 * 3600);
        let until = only.date.plus_days(-1).instant(noon, &only.zone);
        Self { until, digits: memchr::memmem::Finder::new(only.date.to_gtfs().as_bytes()).into_owned() }
    }

    fn is_of_others(&self, received: Timestamp, body: &[u8]) -> bool {
        received < self.until && self.digits.find(body).is_none()
    }
}

/// Whose a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RowPartition {
    /// That of the partition that is made.
    Own,
    /// That of a date which was over, or has not begun, received on the date of the partition.
    Neighbour(ServiceDate),
    /// No partition's; counted in this one.
    Stray(ServiceDate),
    Other,
}

/// Picks the rows of one partition before they are made.
struct RowFilter {
    date: ServiceDate,
    /// As a snapshot writes it.
    digits: String,
    dates: ServiceDates,
    /// Places of the cells that tell the date; of those that tell when a row was made the first that is there counts.
    start_date: Option<usize>,
    start_time: Option<usize>,
    made: Vec<usize>,
    strays: Strays,
    /// Rows received on the date of the partition that are of another one: named, and come after it was over, or of a later one.
    others: BTreeMap<ServiceDate, u64>,
    /// How many strays and samples there were before the entity that is being read, and which rows of another date it has.
    strays_before: (u64, usize),
    others_of_entity: Option<(ServiceDate, u64)>,
}

impl RowFilter {
    fn new(only: &Only, table: &str, names: &[&str]) -> Self {
        let place = |name: &str| names.iter().position(|other| *other == name);
        let made = match table {
            // What the snapshot says of itself stands in for what a position does not say.
            "vehicle_positions" => &["timestamp", "feed_timestamp"][..],
            "trip_updates" => &["timestamp"],
            _ => &[],
        };
        Self {
            date: only.date,
            digits: only.date.to_gtfs(),
            dates: ServiceDates::new(only.zone.clone()),
            start_date: place("start_date"),
            start_time: place("start_time"),
            made: made.iter().filter_map(|name| place(name)).collect(),
            strays: Strays::default(),
            others: BTreeMap::new(),
            strays_before: (0, 0),
            others_of_entity: None,
        }
    }

    /// An entity begins.
    fn begin(&mut self) {
        self.strays_before = (self.strays.rows, self.strays.samples.len());
        self.others_of_entity = None;
    }

    /// Forgets what it counted of an entity that is left out. All of its rows in a table are of the same date.
    fn undo(&mut self) {
        self.strays.rows = self.strays_before.0;
        self.strays.samples.truncate(self.strays_before.1);
        if let Some((date, rows)) = self.others_of_entity.take() {
            match self.others.get_mut(&date) {
                Some(count) if *count > rows => *count -= rows,
                _ => _ = self.others.remove(&date),
            }
        }
    }

    fn takes(&mut self, cells: &[Cell<'_>], place: &Place<'_>) -> bool {
        let partition = self.partition(cells, place);
        self.count(partition, place);
        partition == RowPartition::Own
    }

    fn partition(&mut self, cells: &[Cell<'_>], place: &Place<'_>) -> RowPartition {
        let cell = |place: Option<usize>| place.and_then(|place| cells.get(place).copied()).unwrap_or_default();
        let start_date = cell(self.start_date);
        // All captures are of the partition's evidence.
        if matches!(start_date, Cell::Text(text) if text == self.digits.as_bytes()) {
            return RowPartition::Own;
        }
        fn text(cell: Cell<'_>) -> Option<&str> {
            if let Cell::Text(text) = cell { std::str::from_utf8(text).ok() } else { None }
        }
        let made = self.made.iter().find_map(|place| match cells.get(*place) {
            Some(Cell::Int(second @ 1..=LAST_SECOND)) => Timestamp::from_second(*second).ok(),
            _ => None,
        });
        let dated = Dated {
            start_date: text(start_date).and_then(ServiceDate::from_gtfs),
            start_time: text(cell(self.start_time)).and_then(|text| ServiceSeconds::from_gtfs(text.as_bytes())),
            made,
        };
        match self.dates.assign(place.captured_at, dated) {
            Assigned::To(date) if date == self.date => RowPartition::Own,
            Assigned::To(date) => {
                let says_when = dated.start_date.is_some() || dated.start_time.is_some();
                let is_late = says_when && self.dates.day(date).is_over(place.captured_at);
                let is_told = is_late || date > self.date;
                match is_told && self.dates.reported(place.captured_at).date == self.date {
                    true => RowPartition::Neighbour(date),
                    false => RowPartition::Other,
                }
            }
            Assigned::Stray { of, counted_in } if counted_in == self.date => RowPartition::Stray(of),
            Assigned::Stray { .. } => RowPartition::Other,
        }
    }

    /// Counts a row that is not made.
    fn count(&mut self, partition: RowPartition, place: &Place<'_>) {
        match partition {
            RowPartition::Neighbour(date) => {
                *self.others.entry(date).or_default() += 1;
                self.others_of_entity = Some((date, self.others_of_entity.map_or(1, |(_, rows)| rows + 1)));
            }
            RowPartition::Stray(of) => {
                self.strays.rows += 1;
                if self.strays.samples.len() < STRAYS_SHOWN {
                    self.strays.samples.push((place.origin, place.row, of));
                }
            }
            RowPartition::Own | RowPartition::Other => {}
        }
    }

    /// What is to be told of a table at its end.
    fn steps(self, table: usize, name: &str) -> Vec<Step> {
        let told = |(date, rows): (ServiceDate, u64)| {
            let of = format!("{rows} rows of {name} were received on {} and are of {date}", self.date);
            let (rule, message) = match date > self.date {
                true => ("gtfs_realtime.early_rows", format!("{of}: they are in its partition")),
                false => (
                    "gtfs_realtime.late_rows",
                    format!(
                        "{of}, which was over: they are in its partition if it is run, or run again, after noon of the day \
                         after it"
                    ),
                ),
            };
            Step::Note(Note { rule, severity: Severity::Info, message })
        };
        let mut steps: Vec<Step> = self.others.into_iter().map(told).collect();
        if self.strays.rows > 0 {
            steps.push(Step::Strays { table, strays: self.strays });
        }
        steps
    }
}

/// A table that grows row by row.
struct Sheet {
    contract: Arc<Contract>,
    /// Which rows are made, if not all.
    only: Option<RowFilter>,
    /// For each column of the contract the place among the cells.
    cells: Vec<Option<usize>>,
    builders: Vec<Builder>,
    origins: UInt32Builder,
    places: UInt64Builder,
    rows: usize,
    flaws: Vec<Flaw>,
    budget: Budget,
    /// What the rows take, at most.
    bytes: usize,
    booked: usize,
    /// Rows, also those that were given out.
    total: u64,
}

enum Builder {
    Text(StringBuilder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float(Float64Builder),
    Boolean(BooleanBuilder),
    Date(Date32Builder),
    ServiceTime(Int32Builder),
    Instant(TimestampMillisecondBuilder),
}

impl Sheet {
    fn new(contract: Arc<Contract>, names: &[&str], budget: Budget) -> Self {
        let cells = contract.columns.iter().map(|column| names.iter().position(|name| *name == column.name)).collect();
        let builders = contract
            .columns
            .iter()
            .map(|column| match column.kind {
                Kind::Text => Builder::Text(StringBuilder::new()),
                Kind::Int32 => Builder::Int32(Int32Builder::new()),
                Kind::Int64 => Builder::Int64(Int64Builder::new()),
                Kind::Float => Builder::Float(Float64Builder::new()),
                Kind::Boolean => Builder::Boolean(BooleanBuilder::new()),
                Kind::Date => Builder::Date(Date32Builder::new()),
                Kind::ServiceTime => Builder::ServiceTime(Int32Builder::new()),
                Kind::Instant => Builder::Instant(TimestampMillisecondBuilder::new().with_timezone("UTC")),
            })
            .collect();
        let (origins, places) = (UInt32Builder::new(), UInt64Builder::new());
        let flaws = Vec::new();
        Self {
            contract,
            only: None,
            cells,
            builders,
            origins,
            places,
            rows: 0,
            flaws,
            budget,
            bytes: 0,
            booked: 0,
            total: 0,
        }
    }

    /// Whether the rows make a chunk: there are at least so many, or they are large.
    fn is_full(&self, least: usize) -> bool {
        self.rows >= least || (self.rows > 0 && self.bytes >= CHUNK_BYTES.min(self.budget.limit() / 8))
    }

    /// An entity begins; gives the rows and the bytes before it.
    fn begin(&mut self) -> (usize, usize) {
        if let Some(only) = &mut self.only {
            only.begin();
        }
        (self.rows, self.bytes)
    }

    /// Books what rows that come will take.
    fn expect(&mut self, bytes: usize) -> Result<(), BudgetExceeded> {
        self.bytes += bytes;
        if self.bytes > self.booked {
            let more = (self.bytes - self.booked).max(BOOKED.min(self.budget.limit() / 64));
            self.budget.take("decode", more)?;
            self.booked += more;
        }
        Ok(())
    }

    fn push(&mut self, cells: &[Cell<'_>], place: &Place<'_>) {
        if self.only.as_mut().is_none_or(|only| only.takes(cells, place)) {
            self.make(cells, place);
        }
    }

    fn make(&mut self, cells: &[Cell<'_>], place: &Place<'_>) {
        for (column, (builder, cell)) in self.builders.iter_mut().zip(&self.cells).enumerate() {
            let cell = cell.and_then(|cell| cells.get(cell).copied()).unwrap_or_default();
            if let Err(expected) = builder.push(cell) {
                let found = match cell {
                    Cell::Text(text) => {
                        String::from_utf8_lossy(&text[..text.len().min(320)]).chars().take(80).collect()
                    }
                    Cell::Name(name) => name.to_owned(),
                    Cell::Int(number) => number.to_string(),
                    Cell::Float(number) => number.to_string(),
                    Cell::Absent => String::new(),
                };
                self.flaws.push(Flaw { row: self.rows as u32, column: Some(column as u32), expected, found });
            }
        }
        self.origins.append_value(place.origin);
        self.places.append_value(place.row);
        self.rows += 1;
        self.total += 1;
    }

    fn take(&mut self) -> Result<Chunk, DecodeError> {
        let mut columns: Vec<ArrayRef> = self.builders.iter_mut().map(Builder::finish).collect();
        columns.push(Arc::new(self.origins.finish()));
        columns.push(Arc::new(self.places.finish()));
        (self.rows, self.bytes) = (0, 0);
        let flaws = std::mem::take(&mut self.flaws);
        let rows = RecordBatch::try_new(self.contract.chunk_schema(), columns).map_err(|error| {
            let problem = format!("its rows do not fit its contract: {error}");
            DecodeError::feed(&self.contract.table, problem, "This is a fault of the program: please report it.")
        })?;
        Ok(Chunk { rows, flaws, remarks: Default::default() })
    }
}

impl Builder {
    /// Appends a cell, or null and says what was expected.
    fn push(&mut self, cell: Cell<'_>) -> Result<(), &'static str> {
        fn ascii(bytes: &[u8]) -> &str {
            std::str::from_utf8(bytes).unwrap_or_default()
        }
        macro_rules! append {
            ($builder:expr, $expected:literal, $($pattern:pat => $value:expr),+) => {{
                let value = match cell {
                    Cell::Absent | Cell::Text(b"") => {
                        $builder.append_null();
                        return Ok(());
                    }
                    $($pattern => $value,)+
                    #[allow(unreachable_patterns)]
                    _ => None,
                };
                $builder.append_option(value);
                if value.is_some() { Ok(()) } else { Err($expected) }
            }};
        }
        match self {
            Builder::Text(builder) => match cell {
                Cell::Absent | Cell::Text(b"") => {
                    builder.append_null();
                    Ok(())
                }
                Cell::Name(name) => {
                    builder.append_value(name);
                    Ok(())
                }
                Cell::Text(text) => match simdutf8::basic::from_utf8(text) {
                    Ok(text) => {
                        builder.append_value(text);
                        Ok(())
                    }
                    Err(_) => {
                        builder.append_null();
                        Err("text in UTF-8")
                    }
                },
                Cell::Int(value) => {
                    builder.append_value(value.to_string());
                    Ok(())
                }
                Cell::Float(_) => {
                    builder.append_null();
                    Err("text")
                }
            },
            Builder::Int32(builder) => {
                append!(builder, "a whole number", Cell::Int(value) => i32::try_from(value).ok())
            }
            Builder::Int64(builder) => append!(builder, "a whole number", Cell::Int(value) => Some(value)),
            Builder::Float(builder) => {
                append!(builder, "a number", Cell::Float(value) => Some(value).filter(|value| value.is_finite()))
            }
            Builder::Boolean(builder) => append!(builder, "true or false", Cell::Int(value) => Some(value != 0)),
            Builder::Date(builder) => append!(
                builder,
                "a date like 20261124",
                Cell::Text(text) => ServiceDate::from_gtfs(ascii(text)).map(ServiceDate::days_since_epoch)
            ),
            Builder::ServiceTime(builder) => append!(
                builder,
                "a time like 25:10:00",
                Cell::Text(text) => ServiceSeconds::from_gtfs(text).map(|time| time.0)
            ),
            Builder::Instant(builder) => append!(
                builder,
                "seconds since 1970",
                Cell::Int(seconds) => Some(seconds).filter(|s| (0..=LAST_SECOND).contains(s)).map(|s| s * 1000)
            ),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Builder::Text(builder) => Arc::new(builder.finish()),
            Builder::Int32(builder) | Builder::ServiceTime(builder) => Arc::new(builder.finish()),
            Builder::Int64(builder) => Arc::new(builder.finish()),
            Builder::Float(builder) => Arc::new(builder.finish()),
            Builder::Boolean(builder) => Arc::new(builder.finish()),
            Builder::Date(builder) => Arc::new(builder.finish()),
            Builder::Instant(builder) => Arc::new(builder.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use arrow_array::cast::AsArray;
    use arrow_array::{Array, types};
    use bytes::Bytes;

    use super::*;
    use crate::digest::Digest;

    fn contracts() -> Library {
        Library::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/gtfs-realtime")).unwrap()
    }

    /// The chunks, and what was noted or could not be read.
    fn run(bodies: Vec<Bytes>) -> (Vec<Chunk>, Vec<String>) {
        let origin = |place: usize| Origin { name: format!("snapshot {place}"), captured_at: Timestamp::UNIX_EPOCH };
        let origins = (0..bodies.len()).map(origin).collect();
        let captures = bodies.into_iter().map(|body| {
            let digest = Digest::of(&body);
            Ok(Capture {
                url: "file:x".into(),
                captured_at: Timestamp::UNIX_EPOCH,
                status: 200,
                headers: Vec::new(),
                body,
                digest,
            })
        });
        let budget = Budget::new(1 << 30);
        let decoded = decode(origins, Box::new(captures), &contracts(), Limits::default(), budget).unwrap();
        let (mut chunks, mut notes) = (Vec::new(), Vec::new());
        for step in decoded.steps {
            match step.unwrap() {
                Step::Rows { chunk, .. } => chunks.push(chunk),
                Step::Note(note) => notes.push(note.message),
                Step::Read { read: Read::Nothing { said, .. }, .. } => notes.push(said),
                Step::End { .. } | Step::Read { .. } | Step::Strays { .. } => {}
            }
        }
        (chunks, notes)
    }

    fn bytes(number: u32, inner: &[u8]) -> Vec<u8> {
        [&[(number << 3 | 2) as u8, inner.len() as u8], inner].concat()
    }

    fn snapshot() -> Vec<u8> {
        let header = bytes(1, &[bytes(1, b"2.0"), vec![0x18, 0x0a]].concat());
        let trip = bytes(1, &[bytes(1, b"t1"), bytes(2, b"25:10:00"), bytes(3, b"20261124")].concat());
        let mut position = vec![0x0d];
        position.extend(48.47_f32.to_le_bytes());
        let position = bytes(2, &position);
        // Stop sequence 0 is there, the status is not; occupancy EMPTY is 0; the percentage is -5.
        let rest = [0x18, 0x00, 0x48, 0x00, 0x50, 0xfb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        let vehicle = bytes(4, &[trip, position, rest.to_vec()].concat());
        [header, bytes(2, &[bytes(1, b"e1"), vehicle].concat())].concat()
    }

    #[test]
    fn presence_is_kept_and_values_are_what_was_meant() {
        let (chunks, notes) = run(vec![snapshot().into()]);
        assert!(notes.is_empty());
        let rows = &chunks[0].rows;
        let column = |name: &str| rows.column_by_name(name).unwrap();
        assert_eq!(column("start_time").as_primitive::<types::Int32Type>().value(0), 25 * 3600 + 600);
        assert_eq!(column("latitude").as_primitive::<types::Float64Type>().value(0), 48.47);
        assert!(column("longitude").is_null(0) && column("current_status").is_null(0));
        assert_eq!(column("current_stop_sequence").as_primitive::<types::Int32Type>().value(0), 0);
        assert_eq!(column("occupancy_status").as_string::<i32>().value(0), "EMPTY");
        assert_eq!(column("occupancy_percentage").as_primitive::<types::Int32Type>().value(0), -5);
        assert_eq!(column("feed_timestamp").as_primitive::<types::TimestampMillisecondType>().value(0), 10_000);
    }

    #[test]
    fn a_snapshot_cut_off_anywhere_gives_a_note_and_never_ends_the_day() {
        let whole = snapshot();
        for length in 0..whole.len() {
            let (chunks, notes) = run(vec![whole[..length].to_vec().into(), whole.clone().into()]);
            assert!(chunks.iter().map(|chunk| chunk.rows.num_rows()).sum::<usize>() >= 1, "{length}");
            // The header alone is a message without entities.
            let header = 2 + usize::from(whole[1]);
            assert_eq!(notes.len(), usize::from(length != header), "{length}: {notes:?}");
        }
        let (_, notes) = run(vec![whole[..whole.len() - 3].to_vec().into()]);
        assert!(notes[0].starts_with("'snapshot 0' is cut off or damaged at byte"), "{notes:?}");
        let (_, notes) = run(vec![Bytes::from_static(b"<html>not a feed</html>")]);
        assert_eq!(notes, ["is an HTML page, not a GTFS-Realtime message (23 bytes, it begins with <html>)"]);
    }

    #[test]
    fn rows_are_made_of_one_date_and_all_dates_together_have_all_rows() {
        let trip = |start_date: &[u8], start_time: &[u8]| [bytes(2, start_time), bytes(3, start_date)].concat();
        let trips = [
            trip(b"20261124", b""),
            trip(b"20261125", b"23:50:00"),
            trip(b"", b"28:10:00"),
            trip(b"", b"00:10:00"),
            trip(b"", b""),
            trip(b"20261224", b""),
            trip(b"tomorrow", b""),
        ];
        let mut body = bytes(1, &bytes(1, b"2.0"));
        // A position, and a prediction for two stops.
        for trip in &trips {
            let update = [bytes(1, trip), bytes(2, &bytes(4, b"a")), bytes(2, &bytes(4, b"b"))].concat();
            for entity in [bytes(4, &bytes(1, trip)), bytes(3, &update)] {
                body.extend(bytes(2, &[bytes(1, b"x"), entity].concat()));
            }
        }
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let dates: Vec<ServiceDate> =
            (-3..4).map(|day| ServiceDate::new(2026, 11, 25).unwrap().plus_days(day)).collect();
        for hour in 0..24 {
            let captured_at = Timestamp::from_second(1_795_561_200 + hour * 3600).unwrap();
            let mut all = 0;
            for date in &dates {
                let only = Only { date: *date, zone: zone.clone() };
                if !crate::time::ServiceDay::new(*date, &zone).evidence.contains(&captured_at) {
                    continue;
                }
                let capture = Capture {
                    url: "x".into(),
                    captured_at,
                    status: 200,
                    headers: Vec::new(),
                    digest: crate::digest::Digest::of(&body),
                    body: body.clone().into(),
                };
                let origins = vec![Origin { name: "x".into(), captured_at }];
                let captures = Box::new(std::iter::once(Ok(capture)));
                let decoded =
                    decode_only(origins, captures, &contracts(), Limits::default(), Budget::new(1 << 30), Some(&only))
                        .unwrap();
                for step in decoded.steps {
                    all += match step.unwrap() {
                        Step::Rows { chunk, .. } => chunk.rows.num_rows() as u64,
                        Step::Strays { strays, .. } => strays.rows,
                        _ => 0,
                    };
                }
            }
            assert_eq!(all, 3 * trips.len() as u64, "{captured_at}");
        }
    }

    #[test]
    fn a_snapshot_names_the_trips_of_its_whole_entities_whatever_dates_they_are_of() {
        let trip = |id: &[u8], more: &[u8]| bytes(1, &[bytes(1, id), bytes(3, b"20260101"), more.to_vec()].concat());
        let duplicated = [trip(b"a", &[0x20, 6]), bytes(6, &bytes(1, b"copy"))].concat();
        let deleted = [vec![0x10, 1], bytes(4, &trip(b"deleted", &[]))].concat();
        // A trip update behind a whole position; its event is cut off.
        let damaged = [bytes(4, &trip(b"half", &[])), bytes(3, &bytes(2, &bytes(2, &[0x10])))].concat();
        let alert = bytes(5, &bytes(5, &bytes(4, &bytes(1, b"of an alert"))));
        let entities = [
            bytes(4, &trip(b"added", &[0x20, 1])),
            bytes(3, &duplicated),
            deleted,
            damaged,
            alert,
            bytes(4, &trip(b"", &[])),
            // Both of one entity, and a number without a name.
            [bytes(4, &trip(b"b", &[])), bytes(3, &trip(b"c", &[0x20, 99]))].concat(),
        ];
        let mut body = bytes(1, &[bytes(1, b"2.0"), vec![0x18, 100]].concat());
        entities.iter().for_each(|entity| body.extend(bytes(2, &[bytes(1, b"x"), entity.clone()].concat())));
        let captured_at = Timestamp::from_second(1_795_561_200).unwrap();
        let only = Only { date: ServiceDate::new(2026, 11, 25).unwrap(), zone: TimeZone::UTC };
        for only in [None, Some(&only)] {
            let digest = Digest::of(&body);
            let (url, headers, status) = ("x".into(), Vec::new(), 200);
            let capture = Capture { url, captured_at, status, headers, digest, body: body.clone().into() };
            let origins = vec![Origin { name: "x".into(), captured_at }];
            let captures = Box::new(std::iter::once(Ok(capture)));
            let budget = Budget::new(1 << 30);
            let decoded =
                decode_only(origins, captures, &contracts(), Limits::default(), budget.clone(), only).unwrap();
            let mut snapshots: Vec<Snapshot> = Vec::new();
            for step in decoded.steps {
                if let Step::Read { snapshot, .. } = step.unwrap() {
                    snapshots.extend(snapshot);
                }
            }
            let [snapshot] = &snapshots[..] else { panic!("{}", snapshots.len()) };
            assert_eq!(snapshot.header, snapshot::Header { captured_at, timestamp: Some(100) });
            let trips: Vec<_> = snapshot.trips().map(|trip| (trip.entity, trip.id, trip.relationship)).collect();
            let expected: [(u64, &[u8], Option<&str>); 4] =
                [(0, b"added", Some("ADDED")), (1, b"a", Some("DUPLICATED")), (6, b"b", None), (6, b"c", None)];
            assert_eq!(trips, expected);
        }
    }

    #[test]
    fn a_prediction_of_another_date_is_looked_through_as_if_it_gave_rows() {
        // Of two stops, the time at the second one is 0.
        let stops = [bytes(2, &bytes(4, b"a")), bytes(2, &bytes(2, &[0x10, 0x00]))].concat();
        // An event that is cut off.
        let damaged = bytes(2, &bytes(3, &[0x08]));
        let update = |stops: &[u8]| bytes(3, &[&bytes(1, &bytes(3, b"20261124"))[..], stops].concat());
        let entities = [update(&stops), update(&damaged), update(&stops)];
        let mut body = bytes(1, &bytes(1, b"2.0"));
        entities.iter().for_each(|entity| body.extend(bytes(2, &[&bytes(1, b"x")[..], entity].concat())));
        let captured_at: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        for (date, rows) in [(23, 0), (24, 4), (25, 0)] {
            let only =
                Only { date: ServiceDate::new(2026, 11, date).unwrap(), zone: TimeZone::get("Europe/Berlin").unwrap() };
            let capture = Capture {
                url: "x".into(),
                captured_at,
                status: 200,
                headers: Vec::new(),
                digest: Digest::of(&body),
                body: body.clone().into(),
            };
            let origins = vec![Origin { name: "x".into(), captured_at }];
            let captures = Box::new(std::iter::once(Ok(capture)));
            let budget = Budget::new(1 << 30);
            let decoded = decode_only(origins, captures, &contracts(), Limits::default(), budget, Some(&only)).unwrap();
            let (mut all, mut contents) = (0, None);
            for step in decoded.steps {
                match step.unwrap() {
                    Step::Rows { chunk, .. } => all += chunk.rows.num_rows(),
                    Step::Read { read: Read::Message(read), .. } => contents = Some(read),
                    _ => {}
                }
            }
            assert_eq!(all, rows, "{date}");
            assert_eq!(contents, Some(Contents { damaged: 1, zero_times: 2, ..Contents::default() }), "{date}");
        }
    }

    fn real_snapshots(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                real_snapshots(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "pb") {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_snapshot_of_the_repository_gives_rows_or_a_note() {
        give_rows_or_a_note(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures"), 30);
    }

    #[test]
    #[cfg_attr(not(shared), ignore = "needs the collection of feeds and captures beside the checkout")]
    fn every_real_snapshot_gives_rows_or_a_note() {
        give_rows_or_a_note(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/realtime"), 100);
    }

    fn give_rows_or_a_note(folder: &Path, at_least: usize) {
        let mut files = Vec::new();
        real_snapshots(folder, &mut files);
        files.sort();
        assert!(files.len() > at_least, "{}", files.len());
        let mut with_rows = 0;
        for file in &files {
            let (chunks, notes) = run(vec![std::fs::read(file).unwrap().into()]);
            with_rows += usize::from(!chunks.is_empty());
            for chunk in &chunks {
                assert_eq!(chunk.rows.schema().fields().len(), chunk.rows.num_columns());
            }
            assert!(notes.len() <= 1, "{}: {notes:?}", file.display());
        }
        assert!(with_rows > files.len() / 2, "{with_rows} of {}", files.len());
    }
}
