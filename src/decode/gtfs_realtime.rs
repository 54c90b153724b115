//! GTFS-Realtime: protobuf snapshots become the tables `vehicle_positions`, `trip_updates` and `alerts`.
//!
//! A row of `vehicle_positions` is one vehicle entity; of `trip_updates` one stop time update (or a trip update without
//! any); of `alerts` one informed entity in one active period. Presence is kept: what a snapshot does not say is null, also where
//! the standard names a default. Enums are their names; a number without a name stays a number.
//!
//! Field numbers and names: <https://gtfs.org/documentation/realtime/proto/>, version 2.0.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Float64Builder, Int32Builder, Int64Builder, StringBuilder,
    TimestampMillisecondBuilder, UInt32Builder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::capture::payload::{self, Payload, Wanted};
use crate::capture::{Capture, CaptureError};
use crate::contract::library::Library;
use crate::contract::{Contract, Kind, Severity};
use crate::decode::{DecodeError, Decoded, Head, Limits, Note, Step};
use crate::protobuf::{Broken, Value, fields};
use crate::table::single::widen;
use crate::table::{Chunk, Flaw, Origin};
use crate::time::{Assigned, Dated, ServiceDate, ServiceDates, ServiceSeconds};

/// Rows of a chunk.
const ROWS: usize = 16_384;
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

/// The three tables, and the column names in the order of the cells that are pushed.
const TABLES: [&str; 3] = ["vehicle_positions", "trip_updates", "alerts"];
const VEHICLES: usize = 0;
const UPDATES: usize = 1;
const ALERTS: usize = 2;

/// What every row begins with.
const COMMON: &[&str] = &["captured_at", "feed_timestamp", "entity_id"];
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
    /// A whole message, be it without entities. It may be packed with gzip of which no header speaks.
    Message { is_bare_gzip: bool },
    /// A message whose header was read, and the entities before a place where it is cut off or damaged. A note says where.
    InPart,
    /// No message: the name of what it is instead, and that for people.
    Nothing { kind: &'static str, said: String },
}

/// Decodes a stream of snapshots. `origins` lists them in the order in which `captures` yields them.
///
/// A snapshot that is broken or cut off gives its whole entities up to there and a note; it does not end the stream. Of every
/// snapshot a [`Step::Read`] says what it gave.
pub fn decode(
    origins: Vec<Origin>,
    captures: Box<dyn Iterator<Item = Result<Capture, CaptureError>> + Send>,
    contracts: &Library,
    limits: Limits,
) -> Result<Decoded, DecodeError> {
    decode_only(origins, captures, contracts, limits, None)
}

/// The same, but with `only` the rows of one partition. All captures must be of the evidence of its date.
pub fn decode_only(
    origins: Vec<Origin>,
    captures: Box<dyn Iterator<Item = Result<Capture, CaptureError>> + Send>,
    contracts: &Library,
    limits: Limits,
    only: Option<&Only>,
) -> Result<Decoded, DecodeError> {
    let origins: Arc<[Origin]> = origins.into();
    let mut sheets = Vec::new();
    for table in TABLES {
        let names = columns(table).unwrap_or_default();
        let contract = contracts.get(table).ok_or_else(|| {
            DecodeError::feed(table, "there is no contract for this table", "Add one to schemas/gtfs-realtime.")
        })?;
        let mut sheet = Sheet::new(contract.clone(), &names);
        sheet.only = only.map(|only| RowFilter::new(only, table, &names));
        sheets.push(sheet);
    }
    let heads =
        sheets.iter().map(|sheet| Head { contract: sheet.contract.clone(), origins: origins.clone() }).collect();
    let skips = only.map(Skips::new);
    let stream = Stream { origins, captures, limits, sheets, skips, next: 0, ready: VecDeque::new(), ended: false };
    Ok(Decoded { tables: heads, notes: Vec::new(), steps: Box::new(stream) })
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
    /// The place of the next capture among the origins.
    next: u32,
    ready: VecDeque<Step>,
    ended: bool,
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
            match self.captures.next() {
                Some(Ok(capture)) => self.read(&capture),
                Some(Err(error)) => {
                    self.ended = true;
                    let name = self.origins.get(self.next as usize).map_or_else(String::new, |o| o.name.clone());
                    return Some(Err(match error {
                        // The same bytes fail again.
                        CaptureError::Damaged { .. } => DecodeError::feed(
                            &name,
                            error.to_string(),
                            "Nothing was published: the capture is not the one that was kept",
                        ),
                        error => DecodeError::Io { name, source: std::io::Error::other(error.to_string()) },
                    }));
                }
                None => {
                    self.ended = true;
                    for table in 0..self.sheets.len() {
                        self.flush(table, 1);
                        if let Some(only) = self.sheets[table].only.take() {
                            self.ready.extend(only.steps(table, TABLES[table]));
                        }
                        self.ready.push_back(Step::End { table });
                    }
                }
            }
        }
    }
}

impl Stream {
    fn read(&mut self, capture: &Capture) {
        let origin = self.next;
        self.next += 1;
        let read = self.read_message(capture, origin);
        self.ready.push_back(Step::Read { origin, read });
        for table in 0..self.sheets.len() {
            self.flush(table, ROWS);
        }
    }

    fn read_message(&mut self, capture: &Capture, origin: u32) -> Read {
        let nothing = |kind: &'static str, said: String| Read::Nothing { kind, said };
        let most = self.limits.message_bytes;
        if capture.body.len() > most {
            return nothing("too_large", format!("has {} bytes, of which at most {most} are read", capture.body.len()));
        }
        let unpacked = match payload::unpacked(capture, most) {
            Ok(unpacked) => unpacked,
            Err(said) => return nothing("encoded", said),
        };
        if self.skips.as_ref().is_some_and(|skips| skips.is_of_others(capture.captured_at, &unpacked.body)) {
            return Read::Message { is_bare_gzip: unpacked.is_bare_gzip };
        }
        match message(&unpacked.body, capture.captured_at, origin, &mut self.sheets) {
            Ok(()) => Read::Message { is_bare_gzip: unpacked.is_bare_gzip },
            Err(Trouble { in_part: true, problem }) => {
                let name =
                    self.origins.get(origin as usize).map_or(capture.url.as_str(), |origin| origin.name.as_str());
                let message = format!("'{name}' {problem}");
                let rule = "gtfs_realtime.broken_message";
                self.ready.push_back(Step::Note(Note { rule, severity: Severity::Error, message }));
                Read::InPart
            }
            Err(Trouble { in_part: false, problem }) => {
                let identified = payload::identify(capture);
                match identified.payload {
                    Payload::Unknown | Payload::GtfsRealtime => nothing("other", problem),
                    payload => nothing(payload.name(), identified.said(Wanted::Message)),
                }
            }
        }
    }

    /// Makes a chunk of a table's rows if there are at least so many.
    fn flush(&mut self, table: usize, least: usize) {
        if self.sheets[table].rows >= least {
            let chunk = self.sheets[table].take();
            self.ready.push_back(Step::Rows { table, chunk });
        }
    }
}

/// Why a message could not be read to its end.
struct Trouble {
    /// Its header was read before that.
    in_part: bool,
    problem: String,
}

/// Reads a feed message into the sheets. Whole entities before a break are kept.
fn message(bytes: &[u8], captured_at: Timestamp, origin: u32, sheets: &mut [Sheet]) -> Result<(), Trouble> {
    let mut feed_timestamp = Cell::Absent;
    let mut has_header = false;
    let mut entities = 0_u64;
    let broken = |broken: Broken, has_header: bool| {
        let (offset, all) = (broken.offset, bytes.len());
        let problem = match has_header {
            true => format!("is cut off or damaged at byte {offset} of {all}; the entities before it were read"),
            false => format!("is no GTFS-Realtime message, or damaged at byte {offset} of {all}, before its header"),
        };
        Trouble { in_part: has_header, problem }
    };
    for field in fields(bytes) {
        match field.map_err(|problem| broken(problem, has_header))? {
            (1, Value::Bytes(header)) => {
                for field in fields(header) {
                    if let (3, Value::Varint(seconds)) = field.map_err(|problem| broken(problem, has_header))? {
                        feed_timestamp = Cell::Int(seconds as i64);
                    }
                }
                has_header = true;
            }
            (2, Value::Bytes(entity_bytes)) => {
                let place = Place { captured_at, feed_timestamp, origin, row: entities };
                entities += 1;
                if entity(entity_bytes, &place, sheets).is_err() {
                    let problem = format!("has a damaged entity, number {entities}; the entities before it were read");
                    return Err(Trouble { in_part: has_header || entities > 1, problem });
                }
            }
            _ => {}
        }
    }
    if has_header {
        return Ok(());
    }
    let problem = "has no feed header, so it is no GTFS-Realtime message".to_owned();
    Err(Trouble { in_part: entities > 0, problem })
}

/// What the rows of an entity have in common.
struct Place<'a> {
    captured_at: Timestamp,
    feed_timestamp: Cell<'a>,
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
        cells
    }
}

fn entity<'a>(bytes: &'a [u8], place: &Place<'a>, sheets: &mut [Sheet]) -> Result<(), Broken> {
    let mut id = Cell::Absent;
    let mut parts: [Option<&[u8]>; 3] = [None; 3];
    for field in fields(bytes) {
        match field? {
            (1, Value::Bytes(text)) => id = Cell::Text(text),
            (3, Value::Bytes(part)) => parts[UPDATES] = Some(part),
            (4, Value::Bytes(part)) => parts[VEHICLES] = Some(part),
            (5, Value::Bytes(part)) => parts[ALERTS] = Some(part),
            _ => {}
        }
    }
    if let Some(part) = parts[VEHICLES] {
        vehicle(part, place, id, &mut sheets[VEHICLES])?;
    }
    if let Some(part) = parts[UPDATES] {
        trip_update(part, place, id, &mut sheets[UPDATES])?;
    }
    if let Some(part) = parts[ALERTS] {
        alert(part, place, id, &mut sheets[ALERTS])?;
    }
    Ok(())
}

const TRIP_AT: usize = COMMON.len();
const VEHICLE_AT: usize = TRIP_AT + TRIP.len();
const REST_AT: usize = VEHICLE_AT + VEHICLE.len();

fn vehicle<'a>(bytes: &'a [u8], place: &Place<'a>, id: Cell<'a>, sheet: &mut Sheet) -> Result<(), Broken> {
    let mut cells = place.cells::<{ REST_AT + POSITION.len() }>(id);
    for field in fields(bytes) {
        let (cell, value) = match field? {
            (1, Value::Bytes(part)) => {
                trip(part, &mut cells[TRIP_AT..])?;
                continue;
            }
            (2, Value::Bytes(part)) => {
                position(part, &mut cells[REST_AT..])?;
                continue;
            }
            (8, Value::Bytes(part)) => {
                descriptor(part, &mut cells[VEHICLE_AT..])?;
                continue;
            }
            (3, Value::Varint(value)) => (5, uint32(value)),
            (4, Value::Varint(value)) => (6, name(STOP_STATUS, value)),
            (5, Value::Varint(value)) => (7, Cell::Int(value as i64)),
            (6, Value::Varint(value)) => (8, name(CONGESTION, value)),
            (7, Value::Bytes(text)) => (9, Cell::Text(text)),
            (9, Value::Varint(value)) => (10, name(OCCUPANCY, value)),
            // A uint32; what producers write for a negative percentage is read as the negative number that they meant.
            (10, Value::Varint(value)) => (11, Cell::Int(i64::from(value as i32))),
            _ => continue,
        };
        cells[REST_AT + cell] = value;
    }
    sheet.push(&cells, place);
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
            (4, Value::Varint(value)) => cells[3] = name(TRIP_RELATIONSHIP, value),
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

fn trip_update<'a>(bytes: &'a [u8], place: &Place<'a>, id: Cell<'a>, sheet: &mut Sheet) -> Result<(), Broken> {
    let mut cells = place.cells::<{ REST_AT + UPDATE.len() }>(id);
    let mut updates = Vec::new();
    for field in fields(bytes) {
        match field? {
            (1, Value::Bytes(part)) => trip(part, &mut cells[TRIP_AT..])?,
            (2, Value::Bytes(part)) => updates.push(part),
            (3, Value::Bytes(part)) => descriptor(part, &mut cells[VEHICLE_AT..])?,
            (4, Value::Varint(value)) => cells[REST_AT] = Cell::Int(value as i64),
            (5, Value::Varint(value)) => cells[REST_AT + 1] = Cell::Int(i64::from(value as i32)),
            _ => {}
        }
    }
    if updates.is_empty() {
        sheet.push(&cells, place);
    }
    for update in updates {
        let mut cells = cells;
        let rest = &mut cells[REST_AT..];
        for field in fields(update) {
            match field? {
                (1, Value::Varint(value)) => rest[2] = uint32(value),
                (4, Value::Bytes(text)) => rest[3] = Cell::Text(text),
                (2, Value::Bytes(part)) => event(part, &mut rest[4..7])?,
                (3, Value::Bytes(part)) => event(part, &mut rest[7..10])?,
                (5, Value::Varint(value)) => rest[10] = name(STOP_RELATIONSHIP, value),
                (7, Value::Varint(value)) => rest[11] = name(OCCUPANCY, value),
                _ => {}
            }
        }
        sheet.push(&cells, place);
    }
    Ok(())
}

fn event<'a>(bytes: &'a [u8], cells: &mut [Cell<'a>]) -> Result<(), Broken> {
    for field in fields(bytes) {
        match field? {
            (number @ (1 | 3), Value::Varint(value)) => {
                cells[number as usize - 1] = Cell::Int(i64::from(value as i32));
            }
            (2, Value::Varint(value)) => cells[1] = Cell::Int(value as i64),
            _ => {}
        }
    }
    Ok(())
}

fn alert<'a>(bytes: &'a [u8], place: &Place<'a>, id: Cell<'a>, sheet: &mut Sheet) -> Result<(), Broken> {
    let mut cells = place.cells::<{ COMMON.len() + ALERT.len() }>(id);
    let mut periods = Vec::new();
    let mut informed = Vec::new();
    for field in fields(bytes) {
        let rest = &mut cells[COMMON.len()..];
        match field? {
            (1, Value::Bytes(part)) => {
                let mut period = [Cell::Absent; 2];
                for field in fields(part) {
                    if let (number @ 1..=2, Value::Varint(value)) = field? {
                        period[number as usize - 1] = Cell::Int(value as i64);
                    }
                }
                periods.push(period);
            }
            (5, Value::Bytes(part)) => informed.push(part),
            (6, Value::Varint(value)) => rest[2] = name(CAUSE, value),
            (7, Value::Varint(value)) => rest[3] = name(EFFECT, value),
            (14, Value::Varint(value)) => rest[4] = name(SEVERITY_LEVEL, value),
            (8, Value::Bytes(part)) => rest[5] = translated(part)?[0],
            (10, Value::Bytes(part)) => rest[6..9].copy_from_slice(&translated(part)?),
            (11, Value::Bytes(part)) => rest[9..12].copy_from_slice(&translated(part)?),
            _ => {}
        }
    }
    if periods.is_empty() {
        periods.push([Cell::Absent; 2]);
    }
    for period in periods {
        cells[COMMON.len()..COMMON.len() + 2].copy_from_slice(&period);
        if informed.is_empty() {
            sheet.push(&cells, place);
        }
        for selector in &informed {
            let mut cells = cells;
            let rest = &mut cells[COMMON.len()..];
            for field in fields(selector) {
                match field? {
                    (1, Value::Bytes(text)) => rest[12] = Cell::Text(text),
                    (2, Value::Bytes(text)) => rest[13] = Cell::Text(text),
                    (3, Value::Varint(value)) => rest[14] = Cell::Int(i64::from(value as i32)),
                    (4, Value::Bytes(part)) => {
                        let mut descriptor = [Cell::Absent; TRIP.len()];
                        trip(part, &mut descriptor)?;
                        rest[15] = descriptor[0];
                        if matches!(rest[13], Cell::Absent) {
                            rest[13] = descriptor[4];
                        }
                    }
                    (5, Value::Bytes(text)) => rest[16] = Cell::Text(text),
                    (6, Value::Varint(value)) => rest[17] = uint32(value),
                    _ => {}
                }
            }
            sheet.push(&cells, place);
        }
    }
    Ok(())
}

/// The first text of a translated string, the German and the English one.
fn translated(bytes: &[u8]) -> Result<[Cell<'_>; 3], Broken> {
    let mut texts = [Cell::Absent; 3];
    for field in fields(bytes) {
        let (1, Value::Bytes(translation)) = field? else { continue };
        let (mut text, mut language) = (Cell::Absent, &[][..]);
        for field in fields(translation) {
            match field? {
                (1, Value::Bytes(bytes)) => text = Cell::Text(bytes),
                (2, Value::Bytes(bytes)) => language = bytes,
                _ => {}
            }
        }
        let slot = match language.to_ascii_lowercase().get(..2) {
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
    Ok(texts)
}

fn uint32<'a>(value: u64) -> Cell<'a> {
    Cell::Int(i64::from(value as u32))
}

fn name<'a>(names: &[(u64, &'static str)], value: u64) -> Cell<'a> {
    let found = names.iter().find(|(number, _)| *number == value);
    found.map_or(Cell::Int(i64::from(value as i32)), |(_, name)| Cell::Name(name))
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
    /// Rows that name another date and came after it was over, received on the date of the partition.
    late: BTreeMap<ServiceDate, u64>,
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
            late: BTreeMap::new(),
        }
    }

    fn takes(&mut self, cells: &[Cell<'_>], place: &Place<'_>) -> bool {
        let cell = |place: Option<usize>| place.and_then(|place| cells.get(place).copied()).unwrap_or_default();
        let start_date = cell(self.start_date);
        // All captures are of the partition's evidence.
        if matches!(start_date, Cell::Text(text) if text == self.digits.as_bytes()) {
            return true;
        }
        let text = |cell: Cell<'_>| match cell {
            Cell::Text(text) => std::str::from_utf8(text).ok().map(str::to_owned),
            _ => None,
        };
        let made = self.made.iter().find_map(|place| match cells.get(*place) {
            Some(Cell::Int(second @ 1..=LAST_SECOND)) => Timestamp::from_second(*second).ok(),
            _ => None,
        });
        let dated = Dated {
            start_date: text(start_date).and_then(|text| ServiceDate::from_gtfs(&text)),
            start_time: text(cell(self.start_time)).and_then(|text| ServiceSeconds::from_gtfs(text.as_bytes())),
            made,
        };
        match self.dates.assign(place.captured_at, dated) {
            Assigned::To(date) if date == self.date => return true,
            Assigned::To(date) => {
                let is_named = dated.start_date.is_some() && self.dates.day(date).is_over(place.captured_at);
                if is_named && self.dates.reported(place.captured_at).date == self.date {
                    *self.late.entry(date).or_default() += 1;
                }
            }
            Assigned::Stray { of, counted_in } if counted_in == self.date => {
                self.strays.rows += 1;
                if self.strays.samples.len() < STRAYS_SHOWN {
                    self.strays.samples.push((place.origin, place.row, of));
                }
            }
            Assigned::Stray { .. } => {}
        }
        false
    }

    /// What is to be told of a table at its end.
    fn steps(self, table: usize, name: &str) -> Vec<Step> {
        let late = |(date, rows): (ServiceDate, u64)| {
            let message = format!(
                "{rows} rows of {name} were received on {} and are of {date}, which was over: they are in its partition if it                  is run, or run again, after noon of the day after it",
                self.date
            );
            Step::Note(Note { rule: "gtfs_realtime.late_rows", severity: Severity::Info, message })
        };
        let mut steps: Vec<Step> = self.late.into_iter().map(late).collect();
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
    fn new(contract: Arc<Contract>, names: &[&str]) -> Self {
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
        Self { contract, only: None, cells, builders, origins, places, rows: 0, flaws: Vec::new() }
    }

    fn push(&mut self, cells: &[Cell<'_>], place: &Place<'_>) {
        if self.only.as_mut().is_some_and(|only| !only.takes(cells, place)) {
            return;
        }
        for (column, (builder, cell)) in self.builders.iter_mut().zip(&self.cells).enumerate() {
            let cell = cell.and_then(|cell| cells.get(cell).copied()).unwrap_or_default();
            if let Err(expected) = builder.push(cell) {
                let found = match cell {
                    Cell::Text(text) => {
                        String::from_utf8_lossy(&text[..text.len().min(320)]).chars().take(80).collect()
                    }
                    other => format!("{other:?}"),
                };
                self.flaws.push(Flaw { row: self.rows as u32, column: Some(column as u32), expected, found });
            }
        }
        self.origins.append_value(place.origin);
        self.places.append_value(place.row);
        self.rows += 1;
    }

    fn take(&mut self) -> Chunk {
        let mut columns: Vec<ArrayRef> = self.builders.iter_mut().map(Builder::finish).collect();
        columns.push(Arc::new(self.origins.finish()));
        columns.push(Arc::new(self.places.finish()));
        self.rows = 0;
        // The builders were made from the contract, in its order and of its types.
        let rows = RecordBatch::try_new(self.contract.chunk_schema(), columns)
            .unwrap_or_else(|_| RecordBatch::new_empty(self.contract.chunk_schema()));
        Chunk { rows, flaws: std::mem::take(&mut self.flaws) }
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
        let decoded = decode(origins, Box::new(captures), &contracts(), Limits::default()).unwrap();
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
        trips.iter().for_each(|trip| body.extend(bytes(2, &[bytes(1, b"x"), bytes(4, &bytes(1, trip))].concat())));
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
                let decoded = decode_only(origins, captures, &contracts(), Limits::default(), Some(&only)).unwrap();
                for step in decoded.steps {
                    all += match step.unwrap() {
                        Step::Rows { chunk, .. } => chunk.rows.num_rows() as u64,
                        Step::Strays { strays, .. } => strays.rows,
                        _ => 0,
                    };
                }
            }
            assert_eq!(all, trips.len() as u64, "{captured_at}");
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
