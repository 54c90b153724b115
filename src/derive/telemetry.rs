//! Telemetry: GTFS-Realtime rows become `vehicle_locations`, `trip_updates` and `alerts` of one service date.
//!
//! The rows that come are of that date: see [`ServiceDates`](crate::time::ServiceDates). Columns follow TIDES (<https://tides-transit.org>); what TIDES has no word for keeps its GTFS-Realtime name. Works
//! batch by batch; holds 16 to 48 bytes for every row that it may meet again, and for every trip, booked on the run's budget.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMillisecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Int32Array, RecordBatch, StringArray, TimestampMillisecondArray,
    new_null_array,
};
use jiff::tz::TimeZone;

use crate::contract::{Classification, Contract, Dimension, Kind, RuleId};
use crate::decode::captures::SOURCE;
use crate::decode::format::Decoder;
use crate::derive::changes::Changes;
use crate::derive::derivation::{self, Derivation, Derived, Finished, InputAccount, ToldOfUnused, Unused};
use crate::derive::error::DeriveError;
use crate::derive::line_hours::LineHours;
use crate::derive::mistakes::{AS_IT_COMES, REMOVE_OR_PRIVATE, comes_as, unfilled};
use crate::derive::privacy::{Pseudonym, Pseudonyms};
use crate::derive::reports::{self, Fleets, Reports, Vehicles};
use crate::table::keys::{KeyColumns, KeySet};
use crate::table::{Budget, Lineage};
use crate::time::ServiceDate;
use crate::yaml::{Problem, Problems};

/// The occupancy status that says that there is none.
const NO_DATA: &str = "NO_DATA_AVAILABLE";
/// What may differ between two positions that say the same.
const INCIDENTAL: &[&str] = &["captured_at", "feed_timestamp", "entity_id", SOURCE];
/// Percentages beyond this are a fault of the counter and no crowd.
const MOST_PERCENT: i32 = 300;

/// Dropped rows that are shown.
const SHOWN: usize = 5;

/// What the reports of a service date become.
#[derive(Clone)]
pub struct Settings {
    pub service_date: ServiceDate,
    pub zone: TimeZone,
    pub pseudonyms: Arc<Pseudonyms>,
    /// How the city measures occupancy: `apc`, `driver`, `estimate_wlan`, `estimate_model`, `unknown`.
    pub occupancy_source: String,
    /// Which vehicles the sources speak of.
    pub fleets: Fleets,
    /// Whether the id of an entity is that of a vehicle where nothing else is.
    pub are_entities_vehicles: bool,
    /// Whether positions that are dropped are counted by line and hour.
    pub counts_lines: bool,
    pub repeats: Repeats,
}

/// What becomes of rows that say what was said before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// They are dropped, as what is published wants it.
    Dropped,
    /// Every row is made by itself, as if nothing had come before it: with the id that it has as the first report of its vehicle
    /// and second. For whoever looks for the rows that an id can be of.
    KeptAsFirst,
    /// Likewise, with the id of a report that is not the first.
    KeptAsFurther,
}

/// The derivation of a release's table from one of telemetry (`vehicle_positions`, `trip_updates`, `alerts`), row by row: its one
/// input is that table, its one output the release's, and a row becomes one row or is unused.
pub fn derivation(
    source: Arc<Contract>,
    release: Arc<Contract>,
    settings: Settings,
    budget: Budget,
) -> Result<Box<dyn Derivation>, DeriveError> {
    let (table, repeats) = match source.table.as_str() {
        "vehicle_positions" => (Table::VehiclePositions, "vehicle_locations.same_position"),
        "trip_updates" => (Table::TripUpdates, "trip_updates.unchanged"),
        "alerts" => (Table::Alerts, "alerts.unchanged"),
        other => {
            return Err(DeriveError::Table {
                table: release.table.clone(),
                problem: format!("there is no telemetry of '{other}'"),
                remedy: "Take it from vehicle_positions, trip_updates or alerts.".to_owned(),
            });
        }
    };
    let is_said = |name: &str| !INCIDENTAL.contains(&name);
    let said = source.columns.iter().enumerate().filter(|(_, column)| is_said(&column.name));
    let said = KeyColumns::fixed(said.map(|(place, _)| place).collect());
    let is_positions = table == Table::VehiclePositions;
    let zero_ms = settings.service_date.zero(&settings.zone).as_millisecond();
    Ok(Box::new(Telemetry {
        lines: (is_positions && settings.counts_lines).then(|| LineHours::new(zero_ms, budget.clone())),
        reports: is_positions.then(|| Reports::new(&source, said, INCIDENTAL)),
        changes: (!is_positions).then(|| Changes::new(&source)),
        shown: Vec::new(),
        repeats: RuleId(repeats.to_owned()),
        seen: KeySet::default(),
        booked: 0,
        account: InputAccount::default(),
        repeated: 0,
        table,
        source,
        release,
        settings,
        budget,
    }))
}

/// How a column of a release is made of columns of the feed's table.
#[derive(Clone, Copy)]
enum How {
    /// As it stands in the first of these columns that the feed's table has.
    Copied(&'static [&'static str]),
    /// Of these columns, of which at least one must be there, each of its kind; it comes as the first kind.
    Any(Kind, &'static [(&'static str, Kind)]),
    /// Of these columns, which must all be there, each of its kind; it comes as the first kind.
    All(Kind, &'static [(&'static str, Kind)]),
}

/// A line of [`MADE`].
struct Made {
    column: &'static str,
    /// The tables of the feed for which it holds; none stands for those that no line before it names.
    of: &'static [&'static str],
    how: How,
}

const fn made(column: &'static str, of: &'static [&'static str], how: How) -> Made {
    Made { column, of, how }
}

const POSITIONS: &[&str] = &["vehicle_positions"];
const PERCENTAGE: (&str, Kind) = ("occupancy_percentage", Kind::Int32);
const STATUS: (&str, Kind) = ("occupancy_status", Kind::Text);
/// Occupancy in a class of the source's own.
const CLASS: (&str, Kind) = ("occupancy_raw", Kind::Text);
const OWN_TIME: (&str, Kind) = ("timestamp", Kind::Instant);
const FEED_TIME: (&str, Kind) = ("feed_timestamp", Kind::Instant);
const RECEIPT: (&str, Kind) = ("captured_at", Kind::Instant);
/// What may tell which vehicle is meant, see [`Vehicles`]. The id of an entity is that of a position's vehicle only.
const ID: (&str, Kind) = ("vehicle_id", Kind::Text);
const PLATE: (&str, Kind) = ("license_plate", Kind::Text);
const LABEL: (&str, Kind) = ("vehicle_label", Kind::Text);
const ENTITY: (&str, Kind) = ("entity_id", Kind::Text);

/// How the columns of a release are made; those without a line are copied under their own name. The time of a report is its
/// own, or else that of its snapshot, or else that of receipt.
const MADE: &[Made] = &[
    made("service_date", &[], How::All(Kind::Date, &[])),
    made("received_at", &[], How::Copied(&["captured_at"])),
    made("event_timestamp", POSITIONS, How::Any(Kind::Instant, &[OWN_TIME, FEED_TIME, RECEIPT])),
    made("event_timestamp", &[], How::Any(Kind::Instant, &[OWN_TIME])),
    made("trip_id_scheduled", &[], How::Copied(&["trip_id"])),
    made("trip_start_time", &[], How::Copied(&["start_time"])),
    made("trip_schedule_relationship", &[], How::Copied(&["schedule_relationship"])),
    made("scheduled_stop_sequence", &[], How::Copied(&["current_stop_sequence", "stop_sequence"])),
    made("heading", &[], How::Copied(&["bearing"])),
    made("alert_id", &[], How::Copied(&["entity_id"])),
    made("vehicle_id", POSITIONS, How::Any(Kind::Text, &[ID, PLATE, LABEL, ENTITY])),
    made("vehicle_id", &[], How::Any(Kind::Text, &[ID, PLATE, LABEL])),
    made(
        "location_ping_id",
        POSITIONS,
        How::Any(Kind::Text, &[ID, PLATE, LABEL, ENTITY, OWN_TIME, FEED_TIME, RECEIPT]),
    ),
    made("current_status", &[], How::All(Kind::Text, &[("current_status", Kind::Text)])),
    made("schedule_relationship", &[], How::All(Kind::Text, &[("schedule_relationship", Kind::Text)])),
    made("trip_type", &[], How::All(Kind::Text, &[("trip_id", Kind::Text)])),
    made("occupancy_percentage", &[], How::All(Kind::Int32, &[PERCENTAGE])),
    made("occupancy_raw", &[], How::Any(Kind::Text, &[CLASS, PERCENTAGE, STATUS])),
    made("occupancy_raw_unit", &[], How::Any(Kind::Text, &[CLASS, PERCENTAGE, STATUS])),
    made("occupancy_source", &[], How::Any(Kind::Text, &[PERCENTAGE, STATUS])),
    made("occupancy_quality", &[], How::Any(Kind::Text, &[PERCENTAGE, STATUS])),
];

/// How a column is made of a table of the feed; `None` where it is copied under its own name.
fn how(table: &str, column: &str) -> Option<How> {
    let is_of = |made: &&Made| made.column == column && (made.of.is_empty() || made.of.contains(&table));
    MADE.iter().find(is_of).map(|made| made.how)
}

/// What is wrong with the contract of a release: public columns that neither the format nor the derivation fills, and
/// columns of a type that what fills them does not have.
pub fn mistakes(source: &Contract, release: &Contract, decoder: &dyn Decoder) -> Vec<Problem> {
    let mut problems = Problems::new(&release.file);
    let there = decoder.columns(&source.table).unwrap_or_default();
    let is_single = |name: &str| there.iter().any(|column| column.name == name && column.is_single);
    let of_source = |name: &str| {
        source.columns.iter().find(|column| column.name == name && there.iter().any(|there| there.name == name))
    };
    let is_there = |(name, kind): &(&str, Kind)| of_source(name).is_some_and(|column| column.kind == *kind);
    for column in &release.columns {
        let name = column.name.as_str();
        let (kind, from) = match how(&source.table, name) {
            None => (of_source(name).map(|column| column.kind), name),
            Some(How::Copied(from)) => {
                let found = from.iter().find_map(|from| of_source(from));
                (found.map(|column| column.kind), found.map_or(name, |column| &column.name))
            }
            Some(How::All(kind, from)) => (from.iter().all(is_there).then_some(kind), name),
            Some(How::Any(kind, from)) => (from.iter().any(is_there).then_some(kind), name),
        };
        match kind {
            None if column.classification == Classification::Public => problems.add(
                column.line,
                unfilled(release, name, &format!("'{}'", source.table)),
                decoder.how_to_fill().unwrap_or(REMOVE_OR_PRIVATE),
            ),
            Some(kind) if kind != column.kind => {
                problems.add(column.line, comes_as(release, name, kind, column.kind), AS_IT_COMES);
            }
            Some(Kind::Float) if column.is_single && !is_single(from) => problems.add(
                column.line,
                format!(
                    "the column '{name}' of '{}' comes as a double, of which a 'float' would lose digits",
                    release.table
                ),
                "Write 'physicalType: double'.",
            ),
            _ => {}
        }
    }
    problems.found
}

/// What a column of the release has of the feed's table.
#[derive(Debug, PartialEq, Eq)]
pub enum ColumnOrigin<'a> {
    /// The values of this column, as they stand there.
    Copied(&'a str),
    /// Values that are worked out of these columns; of none of them, those that the partition or the settings give.
    WorkedOut(Vec<&'a str>),
}

/// What a column of the release has of a feed's table, of which `is_there` tells the columns.
pub fn origin<'a>(table: &str, column: &'a str, is_there: impl Fn(&str) -> bool) -> ColumnOrigin<'a> {
    match how(table, column) {
        None => ColumnOrigin::Copied(column),
        Some(How::Copied(from)) => {
            ColumnOrigin::Copied(from.iter().find(|from| is_there(from)).or(from.first()).copied().unwrap_or(column))
        }
        Some(How::Any(_, from) | How::All(_, from)) => {
            ColumnOrigin::WorkedOut(from.iter().map(|(name, _)| *name).filter(|name| is_there(name)).collect())
        }
    }
}

/// The columns of this table of the feed that a column of the release is made from.
pub fn made_from<'a>(table: &str, column: &'a str) -> Vec<&'a str> {
    match how(table, column) {
        None => vec![column],
        Some(How::Copied(from)) => from.to_vec(),
        Some(How::Any(_, from) | How::All(_, from)) => from.iter().map(|(name, _)| *name).collect(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    VehiclePositions,
    TripUpdates,
    Alerts,
}

struct Telemetry {
    table: Table,
    source: Arc<Contract>,
    release: Arc<Contract>,
    settings: Settings,
    /// Of positions: which of them are the same.
    reports: Option<Reports>,
    /// Of predictions and alerts: which of them say something new.
    changes: Option<Changes>,
    repeats: RuleId,
    /// Positions that were there.
    seen: KeySet,
    budget: Budget,
    booked: usize,
    /// Rows that became one of the release; rows that say what was said before.
    account: InputAccount,
    repeated: u64,
    /// The same by line and hour.
    lines: Option<LineHours>,
    /// Where the first of those stand.
    shown: Vec<(u32, u64)>,
}

/// What the columns of a batch are made of, beside its rows.
struct Found {
    vehicles: Vec<Option<Pseudonym>>,
    instants: TimestampMillisecondArray,
    ids: StringArray,
}

impl Derivation for Telemetry {
    fn push(&mut self, _: usize, rows: RecordBatch) -> Result<Vec<Derived>, DeriveError> {
        let (keep, places) = self.keep(&rows)?;
        if keep.true_count() == 0 {
            return Ok(Vec::new());
        }
        let rows = arrow_select::filter::filter_record_batch(&rows, &keep).map_err(|error| self.failed(&error))?;
        let found = self.find(&rows, &places)?;
        let mut columns = Vec::with_capacity(self.release.columns.len());
        for column in &self.release.columns {
            columns.push(self.column(&rows, &found, &column.name, &column.kind.data_type())?);
        }
        let mut chunk = derivation::rows(&self.release, Lineage::of(&rows), columns)?;
        if self.reports.is_some()
            && let Some(order) = reports::order(&found.vehicles, &found.ids)
        {
            let ordered = arrow_select::take::take_record_batch(&chunk.rows, &order);
            chunk.rows = ordered.map_err(|error| self.failed(&error))?;
        }
        Ok(vec![Derived { output: 0, chunk }])
    }

    fn finish(mut self: Box<Self>) -> Result<Finished, DeriveError> {
        let message = match self.table {
            Table::VehiclePositions => {
                "A row is a report that was not there before: of the same vehicle, place and time, saying the same. Others \
                 are dropped"
            }
            Table::TripUpdates => {
                "A row says something else of its stop than the one before, or its trip said something else in between. Others \
                 are dropped"
            }
            Table::Alerts => {
                "A row says something else than the one before, or its alert said something else in between. Others are dropped"
            }
        };
        self.budget.give_back(self.booked);
        let told = Some(ToldOfUnused { dimension: Dimension::Uniqueness, message, places: self.shown });
        self.account.unused.push(Unused { rule: self.repeats, rows: self.repeated, told, lines: self.lines });
        Ok(Finished::with(Vec::new(), vec![self.account]))
    }
}

impl Telemetry {
    fn failed(&self, error: &dyn std::fmt::Display) -> DeriveError {
        DeriveError::fault(&self.release.table, error)
    }

    /// Which rows belong to the release, and of those which of its equals in the snapshot each is; counts the others by
    /// rule.
    fn keep(&mut self, rows: &RecordBatch) -> Result<(BooleanArray, Vec<u32>), DeriveError> {
        if self.settings.repeats != Repeats::Dropped {
            self.account.used += rows.num_rows() as u64;
            return Ok((BooleanArray::from(vec![true; rows.num_rows()]), Vec::new()));
        }
        let before = self.held();
        let (keep, places): (BooleanArray, Vec<u32>) = match &mut self.reports {
            Some(reports) => {
                let settings = &self.settings;
                let vehicles = Vehicles::of(&self.source, rows, &settings.fleets, settings.are_entities_vehicles);
                let said = reports.said(rows, &vehicles);
                let keep = said.keys.iter().map(|key| Some(self.seen.insert(*key))).collect();
                let places = said.places(&keep);
                (keep, places)
            }
            None => {
                let keep = self.changes.as_mut().map(|changes| changes.keep(rows, &self.settings.fleets));
                (keep.unwrap_or_else(|| BooleanArray::from(vec![true; rows.num_rows()])), Vec::new())
            }
        };
        let grown = self.held() - before;
        self.budget.take("derive", grown)?;
        self.booked += grown;
        self.account.used += keep.true_count() as u64;
        self.repeated += (keep.len() - keep.true_count()) as u64;
        if let Some(lines) = &mut self.lines {
            lines.add(rows, (0..keep.len()).filter(|&row| !keep.value(row)))?;
        }
        if self.shown.len() < SHOWN {
            let repeated = (0..keep.len()).filter(|&row| !keep.value(row));
            let places = repeated.filter_map(|row| reports::place(rows, row));
            self.shown.extend(places.take(SHOWN - self.shown.len()));
        }
        Ok((keep, places))
    }

    fn held(&self) -> usize {
        let of_reports = self.reports.as_ref().map_or(0, Reports::bytes);
        self.seen.bytes() + of_reports + self.changes.as_ref().map_or(0, Changes::bytes)
    }

    /// The vehicles, times and ids of rows that are kept.
    fn find(&mut self, rows: &RecordBatch, places: &[u32]) -> Result<Found, DeriveError> {
        let instants = self.event_timestamps(rows);
        let settings = &self.settings;
        let vehicles = Vehicles::of(&self.source, rows, &settings.fleets, settings.are_entities_vehicles)
            .named(rows.num_rows(), &settings.pseudonyms);
        let before = self.reports.as_ref().map_or(0, Reports::bytes);
        let zero = settings.service_date.zero(&settings.zone).as_second();
        let seconds: Vec<Option<i64>> =
            instants.iter().map(|instant| instant.map(|instant| instant.div_euclid(1000) - zero)).collect();
        let ids = match &mut self.reports {
            Some(reports) => match settings.repeats {
                Repeats::Dropped => reports.ids(rows, &vehicles, &seconds, places),
                kept => reports.ids_alone(rows, &vehicles, &seconds, kept == Repeats::KeptAsFirst),
            },
            None => StringArray::new_null(rows.num_rows()),
        };
        let grown = self.reports.as_ref().map_or(0, Reports::bytes) - before;
        self.budget.take("derive", grown)?;
        self.booked += grown;
        Ok(Found { vehicles: vehicles.names, instants, ids })
    }

    fn source_column<'a>(&self, rows: &'a RecordBatch, name: &str) -> Option<&'a ArrayRef> {
        self.source.index_of(name).map(|place| rows.column(place))
    }

    fn instants<'a>(&self, rows: &'a RecordBatch, name: &str) -> Option<&'a TimestampMillisecondArray> {
        self.source_column(rows, name)?.as_primitive_opt::<TimestampMillisecondType>()
    }

    fn texts<'a>(&self, rows: &'a RecordBatch, name: &str) -> Option<&'a StringArray> {
        self.source_column(rows, name)?.as_string_opt()
    }

    /// When each report was made: its own time, else that of its snapshot. A position of a feed that tells no time at all is taken
    /// as of its receipt.
    fn event_timestamps(&self, rows: &RecordBatch) -> TimestampMillisecondArray {
        let own = self.instants(rows, "timestamp");
        let of_position = |name: &str| self.instants(rows, name).filter(|_| self.table == Table::VehiclePositions);
        let (feed, received) = (of_position("feed_timestamp"), of_position("captured_at"));
        let value = |array: Option<&TimestampMillisecondArray>, row: usize| {
            array.filter(|array| array.is_valid(row)).map(|array| array.value(row))
        };
        let values = (0..rows.num_rows())
            .map(|row| value(own, row).or_else(|| value(feed, row)).or_else(|| value(received, row)));
        values.collect::<TimestampMillisecondArray>().with_timezone("UTC")
    }

    /// One column of the release.
    fn column(
        &self,
        rows: &RecordBatch,
        found: &Found,
        name: &str,
        data_type: &arrow_schema::DataType,
    ) -> Result<ArrayRef, DeriveError> {
        let count = rows.num_rows();
        let made: Option<ArrayRef> = match name {
            "service_date" => {
                Some(Arc::new(Date32Array::from_value(self.settings.service_date.days_since_epoch(), count)))
            }
            "event_timestamp" => Some(Arc::new(found.instants.clone())),
            "vehicle_id" => {
                let names = found.vehicles.iter().map(|vehicle| vehicle.as_ref().map(Pseudonym::name));
                Some(Arc::new(names.collect::<StringArray>()))
            }
            "location_ping_id" => Some(Arc::new(found.ids.clone())),
            "current_status" => Some(self.renamed(
                rows,
                name,
                &[("INCOMING_AT", "Incoming at"), ("STOPPED_AT", "Stopped at"), ("IN_TRANSIT_TO", "In transit to")],
            )),
            "schedule_relationship" => Some(self.renamed(
                rows,
                name,
                &[("SCHEDULED", "Scheduled"), ("ADDED", "Added"), ("NEW", "Added"), ("DUPLICATED", "Added")],
            )),
            "trip_type" => self.texts(rows, "trip_id").map(|trips| {
                let in_service = |row| trips.is_valid(row).then_some("In service");
                Arc::new((0..count).map(in_service).collect::<StringArray>()) as ArrayRef
            }),
            "occupancy_raw"
            | "occupancy_raw_unit"
            | "occupancy_source"
            | "occupancy_quality"
            | "occupancy_percentage" => self.occupancy(rows, name),
            _ => match how(&self.source.table, name) {
                None => self.source_column(rows, name).cloned(),
                Some(How::Copied(from)) => from.iter().find_map(|from| self.source_column(rows, from)).cloned(),
                Some(How::Any(..) | How::All(..)) => None,
            },
        };
        match made {
            Some(array) if array.data_type() == data_type => Ok(array),
            Some(array) => {
                Err(self.failed(&format!("the column '{name}' came as {} and not as {data_type}", array.data_type())))
            }
            // Nothing fills it, which the linter refuses where it is public.
            None => Ok(new_null_array(data_type, count)),
        }
    }

    /// Values in other words; a value without a word becomes null.
    fn renamed(&self, rows: &RecordBatch, name: &str, words: &[(&str, &'static str)]) -> ArrayRef {
        let Some(texts) = self.texts(rows, name) else {
            return new_null_array(&arrow_schema::DataType::Utf8, rows.num_rows());
        };
        let word = |text: &str| words.iter().find(|(from, _)| *from == text).map(|(_, to)| *to);
        Arc::new(texts.iter().map(|text| text.and_then(word)).collect::<StringArray>())
    }

    /// Occupancy is kept honest: the raw value and its unit beside what it means, and whether it can be true. A percentage
    /// says nothing about the status, so neither is made from the other. Who says that there is no data has measured nothing:
    /// of that neither source nor quality is known. The word of a source that has classes of its own is its raw value.
    fn occupancy(&self, rows: &RecordBatch, name: &str) -> Option<ArrayRef> {
        let percents = self.source_column(rows, PERCENTAGE.0).and_then(|column| column.as_primitive_opt::<Int32Type>());
        let (statuses, classes) = (self.texts(rows, STATUS.0), self.texts(rows, CLASS.0));
        let plausible = |percent: i32| (0..=MOST_PERCENT).contains(&percent);
        let percent = |row: usize| percents.filter(|column| column.is_valid(row)).map(|column| column.value(row));
        let text = |column: Option<&'_ StringArray>, row: usize| {
            column.filter(|column| column.is_valid(row)).map(|column| column.value(row).to_owned())
        };
        let has = |column: Option<&StringArray>, row: usize| column.is_some_and(|column| column.is_valid(row));
        let measured = |row: usize| {
            let says_status =
                || statuses.is_some_and(|statuses| statuses.is_valid(row) && statuses.value(row) != NO_DATA);
            percent(row).is_some() || says_status()
        };
        let rows = 0..rows.num_rows();
        Some(match name {
            "occupancy_percentage" => {
                Arc::new(rows.map(|row| percent(row).filter(|&value| plausible(value))).collect::<Int32Array>())
            }
            "occupancy_raw" => Arc::new(
                rows.map(|row| {
                    let by_percent = || percent(row).map(|value| value.to_string());
                    text(classes, row).or_else(by_percent).or_else(|| text(statuses, row))
                })
                .collect::<StringArray>(),
            ),
            "occupancy_raw_unit" => Arc::new(
                rows.map(|row| match percent(row) {
                    _ if has(classes, row) => Some("class"),
                    Some(_) => Some("percent"),
                    None => has(statuses, row).then_some("gtfs_status"),
                })
                .collect::<StringArray>(),
            ),
            "occupancy_source" => Arc::new(
                rows.map(|row| measured(row).then_some(&self.settings.occupancy_source)).collect::<StringArray>(),
            ),
            _ => Arc::new(
                rows.map(|row| match percent(row) {
                    Some(value) if !plausible(value) => Some("implausible"),
                    _ => measured(row).then_some("plausible"),
                })
                .collect::<StringArray>(),
            ),
        })
    }
}

#[cfg(test)]
mod tests;
