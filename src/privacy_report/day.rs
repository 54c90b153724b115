//! What the published file of a day tells of vehicles, read as anybody can read it.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;

use crate::privacy_report::attack::Track;
use crate::table::single::widened;

/// Rows that are read at a time.
const BATCH: usize = 65_536;
const HOUR: i64 = 3_600_000;

/// The columns that tell of a vehicle. A file that lacks one of the first four tells nothing that can be linked.
pub(super) const NEEDED: [&str; 4] = ["vehicle_id", "event_timestamp", "latitude", "longitude"];
const MORE: [&str; 2] = ["trip_id_scheduled", "route_id"];

/// What is known of a day.
#[derive(Debug, Default)]
pub(super) struct Day {
    /// In the order of their names.
    pub tracks: Vec<Track>,
    pub rows: u64,
    /// Rows that say on which line they are, and those that are the only vehicle of their line and hour.
    pub on_line: u64,
    pub alone: u64,
}

/// Reads a day. `lines` has the line of each trip, where the rows do not say it.
///
/// # Errors
/// The file is no Parquet file, or lacks what it should have.
pub(super) fn read(file: File, lines: &HashMap<String, String>) -> Result<Day, ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let schema = builder.parquet_schema();
    let is_wanted = |name: &str| NEEDED.contains(&name) || MORE.contains(&name);
    let wanted = (0..schema.num_columns()).filter(|place| is_wanted(schema.column(*place).path().string().as_str()));
    let mask = ProjectionMask::leaves(schema, wanted.collect::<Vec<_>>());
    let mut reading = Reading::of(lines);
    for batch in builder.with_projection(mask).with_batch_size(BATCH).build()? {
        reading.take(&batch?)?;
    }
    Ok(reading.end())
}

/// A line and an hour: whose rows they are, as long as that is one vehicle, and how many.
struct Group {
    vehicle: String,
    is_one: bool,
    rows: u64,
}

struct Reading<'a> {
    lines: &'a HashMap<String, String>,
    rows: u64,
    tracks: HashMap<String, Track>,
    groups: HashMap<(String, i64), Group>,
}

impl<'a> Reading<'a> {
    fn of(lines: &'a HashMap<String, String>) -> Self {
        Self { lines, rows: 0, tracks: HashMap::new(), groups: HashMap::new() }
    }

    fn take(&mut self, rows: &RecordBatch) -> Result<(), ParquetError> {
        let needed = NEEDED.map(|name| rows.column_by_name(name).map(widened));
        let [Some(names), Some(times), Some(lats), Some(lons)] = needed else {
            return Err(ParquetError::General(format!("it lacks one of {}", NEEDED.join(", "))));
        };
        let (names, times) = (names.as_string_opt::<i32>(), times.as_primitive_opt::<TimestampMillisecondType>());
        let (lats, lons) = (lats.as_primitive_opt::<Float64Type>(), lons.as_primitive_opt::<Float64Type>());
        let (Some(names), Some(times), Some(lats), Some(lons)) = (names, times, lats, lons) else {
            return Err(ParquetError::General(format!("{} have other types than expected", NEEDED.join(", "))));
        };
        let [trips, routes] = MORE.map(|name| rows.column_by_name(name));
        self.rows += rows.num_rows() as u64;
        for row in 0..rows.num_rows() {
            if names.is_null(row) || times.is_null(row) {
                continue;
            }
            let (name, at) = (names.value(row), times.value(row));
            let place = (lats.is_valid(row) && lons.is_valid(row)).then(|| [lats.value(row), lons.value(row)]);
            let trip = text(trips, row);
            self.saw(name, at, place, trip);
            let line = text(routes, row).or_else(|| self.lines.get(trip?).map(String::as_str));
            if let Some(line) = line {
                let group = self.groups.entry((line.to_owned(), at.div_euclid(HOUR)));
                let group = group.or_insert_with(|| Group { vehicle: name.to_owned(), is_one: true, rows: 0 });
                group.is_one &= group.vehicle == name;
                group.rows += 1;
            }
        }
        Ok(())
    }

    fn saw(&mut self, name: &str, at: i64, place: Option<[f64; 2]>, trip: Option<&str>) {
        let Some(track) = self.tracks.get_mut(name) else {
            // A vehicle of which no position is published cannot be found by it.
            if let Some(place) = place {
                let trips: BTreeSet<String> = trip.map(str::to_owned).into_iter().collect();
                let track = Track { name: name.to_owned(), first: (at, place), last: (at, place), trips };
                self.tracks.insert(name.to_owned(), track);
            }
            return;
        };
        if let Some(place) = place {
            if at < track.first.0 {
                track.first = (at, place);
            }
            if at >= track.last.0 {
                track.last = (at, place);
            }
        }
        if let Some(trip) = trip.filter(|trip| !track.trips.contains(*trip)) {
            track.trips.insert(trip.to_owned());
        }
    }

    fn end(self) -> Day {
        let mut tracks: Vec<Track> = self.tracks.into_values().collect();
        tracks.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let on_line = self.groups.values().map(|group| group.rows).sum();
        let alone = self.groups.values().filter(|group| group.is_one).map(|group| group.rows).sum();
        Day { tracks, rows: self.rows, on_line, alone }
    }
}

fn text(column: Option<&ArrayRef>, row: usize) -> Option<&str> {
    let texts = column?.as_string_opt::<i32>()?;
    texts.is_valid(row).then(|| texts.value(row))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float64Array, StringArray, TimestampMillisecondArray};

    use super::*;

    #[test]
    fn a_row_is_alone_where_no_other_vehicle_is_on_its_line_in_its_hour() {
        let names = StringArray::from(vec![Some("a"), Some("b"), Some("a"), Some("a"), None, Some("c")]);
        let times = TimestampMillisecondArray::from(vec![0, 1, HOUR, HOUR + 1, 5, 7]).with_timezone("UTC");
        let lats = Float64Array::from(vec![Some(48.0), Some(48.0), Some(48.1), Some(48.2), Some(48.0), None]);
        let lons = Float64Array::from(vec![8.0; 6]);
        let routes = StringArray::from(vec![Some("1"), Some("1"), Some("1"), None, Some("1"), Some("2")]);
        let trips = StringArray::from(vec![Some("t1"), Some("t2"), Some("t1"), Some("t3"), None, None]);
        let columns: [ArrayRef; 6] =
            [Arc::new(names), Arc::new(times), Arc::new(lats), Arc::new(lons), Arc::new(trips), Arc::new(routes)];
        let rows = RecordBatch::try_from_iter(NEEDED.into_iter().chain(MORE).zip(columns)).unwrap();
        // The line of a trip whose rows do not say it stands in the timetable.
        let lines = HashMap::from([("t3".to_owned(), "2".to_owned())]);
        let mut reading = Reading::of(&lines);
        reading.take(&rows).unwrap();
        let day = reading.end();
        assert_eq!((day.rows, day.on_line, day.alone), (6, 5, 3));
        let [a, b] = day.tracks.as_slice() else { panic!("{:?}", day.tracks) };
        assert_eq!((a.first, a.last), ((0, [48.0, 8.0]), (HOUR + 1, [48.2, 8.0])));
        assert_eq!((a.trips.len(), b.trips.len()), (2, 1));
    }
}
