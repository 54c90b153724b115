//! The privacy step of tables that tell of vehicles: positions that are cut off, and pseudonyms that change within the day.
//!
//! It comes last, when all rules have seen the vehicle as it is known all day and every exact position. A pseudonym of a trip is a keyed
//! hash of the day's pseudonym, the trip and its start; a pseudonym of a block one of the day's pseudonym and the block, or of
//! the trip where the timetable knows no block of it. Rows of no trip then have none. The key of a report is made anew of its key of
//! the day, so that it tells two reports apart and nothing else.
//!
//! Rows come in any order: what becomes of one depends on itself, the timetable, the zones and the key.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, StringArray, new_null_array};
use arrow_schema::ArrowError;
use arrow_select::zip::zip;

use super::Pseudonyms;
use super::zones::Zones;
use crate::contract::{Classification, Contract, Kind, RuleId};
use crate::derive::derivation::{Input, InputColumn, Tables};

/// How long a vehicle keeps its pseudonym.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// A service date.
    #[default]
    Day,
    /// A trip.
    Trip,
    /// A block: the trips that a vehicle makes one after the other.
    Block,
}

impl Scope {
    pub const WORDS: [&'static str; 3] = ["day", "trip", "block"];

    pub fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }

    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Day, Self::Trip, Self::Block].into_iter().find(|scope| scope.word() == word)
    }
}

/// What becomes of a row whose position is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutOff {
    /// It is dropped.
    Drop,
    /// What tells where the vehicle is becomes null.
    Blank,
}

impl CutOff {
    pub const WORDS: [&'static str; 2] = ["drop", "blank"];

    pub fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }

    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Drop, Self::Blank].into_iter().find(|cut| cut.word() == word)
    }
}

/// What a pipeline says of privacy.
#[derive(Clone, Debug, Default)]
pub struct PrivacyRules {
    pub pseudonyms: Scope,
    pub outside_trips: Option<OutsideTrips>,
    pub zones: Option<PrivateZones>,
}

/// Positions of no trip, or too long before or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutsideTrips {
    pub cut: CutOff,
    /// Seconds before the planned departure of a trip and after its planned arrival.
    pub before: u32,
    pub after: u32,
}

/// Positions in depots and lay-over places.
#[derive(Clone, Debug)]
pub struct PrivateZones {
    /// As the pipeline names it.
    pub file: String,
    pub zones: Arc<Zones>,
    pub cut: CutOff,
}

const STOP_TIMES: &[InputColumn] = &[
    InputColumn::needed("trip_id", Kind::Text),
    InputColumn::needed("arrival_time", Kind::ServiceTime),
    InputColumn::needed("departure_time", Kind::ServiceTime),
];
const TRIPS: &[InputColumn] =
    &[InputColumn::needed("trip_id", Kind::Text), InputColumn::needed("block_id", Kind::Text)];
const OF_TIMES: Input = Input { of: Tables::Timetable, table: "stop_times", columns: STOP_TIMES, is_required: true };
const OF_BLOCKS: Input = Input { of: Tables::Timetable, table: "trips", columns: TRIPS, is_required: true };

/// The columns of a row that the step looks at.
pub const VEHICLE: &str = "vehicle_id";
pub const REPORT: &str = "location_ping_id";
pub const TRIP: &str = "trip_id_scheduled";
const START: &str = "trip_start_time";
const TIME: &str = "event_timestamp";
const PLACE: [&str; 2] = ["latitude", "longitude"];
/// What tells where a vehicle is, or was a moment ago.
pub const OF_PLACE: [&str; 8] =
    ["latitude", "longitude", "heading", "speed", "odometer", "stop_id", "current_status", "scheduled_stop_sequence"];

impl PrivacyRules {
    /// Whether rows are published as they passed the rules.
    pub fn is_none(&self) -> bool {
        self.pseudonyms == Scope::Day && self.outside_trips.is_none() && self.zones.is_none()
    }

    /// What it needs of the timetable.
    pub fn of_timetable(&self) -> impl Iterator<Item = &'static Input> {
        let times = self.outside_trips.map(|_| &OF_TIMES);
        let blocks = (self.pseudonyms == Scope::Block).then_some(&OF_BLOCKS);
        times.into_iter().chain(blocks)
    }

    /// Whether a table has rows of which the step changes any.
    pub fn concerns(&self, contract: &Contract) -> bool {
        (self.pseudonyms != Scope::Day && contract.index_of(VEHICLE).is_some()) || self.cuts(contract)
    }

    /// Whether positions of a table are cut off: it publishes some, of vehicles.
    pub fn cuts(&self, contract: &Contract) -> bool {
        let has_place = PLACE.iter().all(|name| is_public(contract, name));
        has_place && contract.index_of(VEHICLE).is_some() && (self.outside_trips.is_some() || self.zones.is_some())
    }
}

/// Whether a contract publishes a column.
pub fn is_public(contract: &Contract, name: &str) -> bool {
    contract.index_of(name).is_some_and(|place| contract.columns[place].classification == Classification::Public)
}

/// What the timetable says of the trips of a date: when each runs, and which block each belongs to.
#[derive(Debug, Default)]
pub struct PlannedTrips {
    /// Seconds of the service date: the first departure and the last arrival.
    times: HashMap<String, (i32, i32)>,
    blocks: HashMap<String, String>,
}

impl PlannedTrips {
    /// From the tables of the timetable, as far as they are needed.
    pub fn of(stop_times: Option<&RecordBatch>, trips: Option<&RecordBatch>) -> Self {
        let mut planned = Self::default();
        if let Some(rows) = stop_times
            && let (Some(ids), [Some(arrivals), Some(departures)]) =
                (texts(rows, "trip_id"), ["arrival_time", "departure_time"].map(|name| seconds(rows, name)))
        {
            for row in (0..rows.num_rows()).filter(|row| ids.is_valid(*row)) {
                let at = [arrivals, departures].map(|times| times.is_valid(row).then(|| times.value(row)));
                let [arrival, departure] = at;
                let (Some(first), Some(last)) = (departure.or(arrival), arrival.or(departure)) else { continue };
                match planned.times.get_mut(ids.value(row)) {
                    Some((begin, end)) => (*begin, *end) = ((*begin).min(first), (*end).max(last)),
                    None => {
                        planned.times.insert(ids.value(row).to_owned(), (first, last));
                    }
                }
            }
        }
        if let Some(rows) = trips
            && let (Some(ids), Some(blocks)) = (texts(rows, "trip_id"), texts(rows, "block_id"))
        {
            let is_there = |row: &usize| ids.is_valid(*row) && blocks.is_valid(*row) && !blocks.value(*row).is_empty();
            let rows = (0..rows.num_rows()).filter(is_there);
            planned.blocks.extend(rows.map(|row| (ids.value(row).to_owned(), blocks.value(row).to_owned())));
        }
        planned
    }
}

impl PlannedTrips {
    /// What a vehicle is published as on a trip, which begins at a time where that is known: of its pseudonym of the day.
    pub fn name(
        &self,
        scope: Scope,
        pseudonyms: &Pseudonyms,
        vehicle: &str,
        (trip, start): (&str, Option<i32>),
    ) -> String {
        let block = self.blocks.get(trip).filter(|_| scope == Scope::Block);
        match (scope, block) {
            (Scope::Day, _) => vehicle.to_owned(),
            (_, Some(block)) => pseudonyms.within_day("block", vehicle, block, ""),
            (_, None) => {
                let start = start.map(|start| start.to_string());
                pseudonyms.within_day("trip", vehicle, trip, start.as_deref().unwrap_or_default())
            }
        }
    }
}

pub(crate) fn texts<'a>(rows: &'a RecordBatch, name: &str) -> Option<&'a StringArray> {
    rows.column_by_name(name)?.as_string_opt::<i32>()
}

pub(crate) fn seconds<'a>(rows: &'a RecordBatch, name: &str) -> Option<&'a arrow_array::Int32Array> {
    rows.column_by_name(name)?.as_primitive_opt::<Int32Type>()
}

/// The step of one table in one run.
pub struct PrivacyStep {
    rules: Arc<PrivacyRules>,
    planned: Arc<PlannedTrips>,
    pseudonyms: Arc<Pseudonyms>,
    /// The zero of the service date, milliseconds.
    zero: i64,
    cuts: bool,
    outside_trips: RuleId,
    in_zones: RuleId,
}

/// What the step makes of some rows: those that are published, how many were dropped by which rule.
pub struct Stepped {
    pub rows: RecordBatch,
    pub dropped: Vec<(RuleId, u64)>,
    pub blanked: Vec<(RuleId, u64)>,
}

/// What becomes of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Cut { by_zone: bool, cut: CutOff },
}

impl PrivacyStep {
    pub fn new(
        contract: &Contract,
        rules: Arc<PrivacyRules>,
        planned: Arc<PlannedTrips>,
        pseudonyms: Arc<Pseudonyms>,
        zero: i64,
    ) -> Self {
        let rule = |name: &str| RuleId(format!("{}.{name}", contract.table));
        let (outside_trips, in_zones) = (rule("outside_trips"), rule("private_zone"));
        Self { cuts: rules.cuts(contract), rules, planned, pseudonyms, zero, outside_trips, in_zones }
    }

    pub fn scope(&self) -> Scope {
        self.rules.pseudonyms
    }

    /// The rules by which rows are cut off.
    pub fn rules(&self) -> impl Iterator<Item = &RuleId> {
        [&self.outside_trips, &self.in_zones].into_iter()
    }

    /// Makes of rows that passed all rules those that are published.
    ///
    /// # Errors
    /// Columns have other types than the contract says.
    pub fn apply(&self, rows: &RecordBatch) -> Result<Stepped, ArrowError> {
        let fates = self.fates(rows);
        let count = |by_zone: bool, cut: CutOff| {
            fates.iter().filter(|fate| **fate == Fate::Cut { by_zone, cut }).count() as u64
        };
        let counted = |cut: CutOff| {
            let both = [(&self.outside_trips, count(false, cut)), (&self.in_zones, count(true, cut))];
            both.into_iter().filter(|(_, rows)| *rows > 0).map(|(rule, rows)| (rule.clone(), rows)).collect()
        };
        let (dropped, blanked) = (counted(CutOff::Drop), counted(CutOff::Blank));
        let is_dropped = |fate: &Fate| matches!(fate, Fate::Cut { cut: CutOff::Drop, .. });
        let keep: BooleanArray = fates.iter().map(|fate| Some(!is_dropped(fate))).collect();
        let kept = match keep.true_count() == keep.len() {
            true => rows.clone(),
            false => arrow_select::filter::filter_record_batch(rows, &keep)?,
        };
        let blank: BooleanArray =
            fates.iter().filter(|fate| !is_dropped(fate)).map(|fate| Some(*fate != Fate::Kept)).collect();
        let named = match self.rules.pseudonyms {
            Scope::Day => kept,
            scope => self.renamed(&kept, &blank, scope)?,
        };
        Ok(Stepped { rows: blanked_rows(&named, &blank)?, dropped, blanked })
    }

    /// What becomes of each row: of no trip or outside of its times, or else in a zone.
    fn fates(&self, rows: &RecordBatch) -> Vec<Fate> {
        if !self.cuts {
            return vec![Fate::Kept; rows.num_rows()];
        }
        let (trips, starts) = (texts(rows, TRIP), seconds(rows, START));
        let times = rows.column_by_name(TIME).and_then(|times| times.as_primitive_opt::<TimestampMillisecondType>());
        let [lats, lons] =
            PLACE.map(|name| rows.column_by_name(name).and_then(|array| array.as_primitive_opt::<Float64Type>()));
        let fate = |row: usize| {
            let trip = trips.filter(|trips| trips.is_valid(row)).map(|trips| trips.value(row));
            if let Some(OutsideTrips { cut, before, after }) = self.rules.outside_trips {
                let start = starts.filter(|starts| starts.is_valid(row)).map(|starts| starts.value(row));
                let at = times.filter(|times| times.is_valid(row)).map(|times| times.value(row));
                if !trip.is_some_and(|trip| self.is_within(trip, start, at, [before, after])) {
                    return Fate::Cut { by_zone: false, cut };
                }
            }
            let place = |values: Option<&arrow_array::Float64Array>| {
                values.filter(|values| values.is_valid(row)).map(|values| values.value(row))
            };
            match (&self.rules.zones, place(lats), place(lons)) {
                (Some(zones), Some(lat), Some(lon)) if zones.zones.contain([lat, lon]) => {
                    Fate::Cut { by_zone: true, cut: zones.cut }
                }
                _ => Fate::Kept,
            }
        };
        (0..rows.num_rows()).map(fate).collect()
    }

    /// Whether a trip runs at a time, or shortly before or after it. One that the timetable does not have runs whenever a vehicle says so.
    fn is_within(&self, trip: &str, start: Option<i32>, at: Option<i64>, [before, after]: [u32; 2]) -> bool {
        let Some((begin, end)) = self.planned.times.get(trip) else { return true };
        let Some(at) = at else { return false };
        // A trip of a frequency begins when it says; the timetable has the times of one of them.
        let shift = start.map_or(0, |start| i64::from(start) - i64::from(*begin));
        let second = (at - self.zero).div_euclid(1_000) - shift;
        (i64::from(*begin) - i64::from(before)..=i64::from(*end) + i64::from(after)).contains(&second)
    }

    /// Gives rows the pseudonyms of their trips or blocks.
    fn renamed(&self, rows: &RecordBatch, blank: &BooleanArray, scope: Scope) -> Result<RecordBatch, ArrowError> {
        let Some(vehicles) = texts(rows, VEHICLE) else { return Ok(rows.clone()) };
        let (trips, starts) = (texts(rows, TRIP), seconds(rows, START));
        let name = |row: usize| {
            let vehicle = vehicles.is_valid(row).then(|| vehicles.value(row))?;
            let trip = trips.filter(|trips| trips.is_valid(row) && !blank.value(row))?.value(row);
            let start = starts.filter(|starts| starts.is_valid(row)).map(|starts| starts.value(row));
            Some(self.planned.name(scope, &self.pseudonyms, vehicle, (trip, start)))
        };
        let names: Vec<Option<String>> = (0..rows.num_rows()).map(name).collect();
        let reports = texts(rows, REPORT).map(|reports| {
            let report = |(row, name): (usize, &Option<String>)| {
                let of_day = reports.is_valid(row).then(|| reports.value(row))?;
                Some(self.pseudonyms.report_within_day(name.as_deref(), of_day))
            };
            names.iter().enumerate().map(report).collect::<StringArray>()
        });
        let names: StringArray = names.into_iter().collect();
        let (names, reports): (ArrayRef, Option<ArrayRef>) =
            (Arc::new(names), reports.map(|of| Arc::new(of) as ArrayRef));
        let columns = rows.schema_ref().fields().iter().zip(rows.columns());
        let columns = columns.map(|(field, array)| match (field.name().as_str(), &reports) {
            (VEHICLE, _) => names.clone(),
            (REPORT, Some(reports)) => reports.clone(),
            _ => array.clone(),
        });
        RecordBatch::try_new(rows.schema(), columns.collect())
    }
}

/// Rows without what tells where the vehicle is, of those that are to be blanked.
fn blanked_rows(rows: &RecordBatch, blank: &BooleanArray) -> Result<RecordBatch, ArrowError> {
    if blank.true_count() == 0 {
        return Ok(rows.clone());
    }
    let columns = rows.schema_ref().fields().iter().zip(rows.columns()).map(|(field, array)| {
        match OF_PLACE.contains(&field.name().as_str()) {
            true => zip(blank, &new_null_array(array.data_type(), array.len()), array),
            false => Ok(array.clone()),
        }
    });
    RecordBatch::try_new(rows.schema(), columns.collect::<Result<_, _>>()?)
}
