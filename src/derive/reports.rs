//! What is a report, and whose it is: which vehicle a row is of, which rows say the same, and the id that each is published
//! under.
//!
//! A report is a vehicle at a place at a time, and what it says of itself there. Its time is its own, or else that of its
//! snapshot, or else that of receipt. Published ids are for ever: the first report of a vehicle and second has the id that these two make; another
//! one of the same place has that id and digits that depend on what it says; one of another place has the same id, so that
//! the primary key holds it back. The id of a report of which nobody knows the vehicle depends on all that it says.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{Array, RecordBatch, StringArray, UInt32Array};
use rustc_hash::FxHashMap;

use crate::contract::Contract;
use crate::derive::privacy::{Pseudonym, Pseudonyms};
use crate::table::keys::{KeyColumns, Seed, key_of, text_key};
use crate::table::{ORIGIN, ORIGIN_ROW};

/// Seconds of a vehicle in which a further report is known as one. Servers that answer in turns, one of which lags behind,
/// need two.
const RECENT: usize = 4;

/// Which vehicles the sources of a feed speak of. Ids mean the same vehicle within a fleet.
#[derive(Clone, Default)]
pub struct Fleets {
    /// The source of each origin.
    sources: Arc<[u32]>,
    /// The name of the fleet of each source, of positions and of other tables; without one the ids stand alone.
    of_positions: Arc<[Option<Arc<str>>]>,
    of_others: Arc<[Option<Arc<str>>]>,
    /// A key for the operator of each source whose ids of trips and alerts stand alone.
    operators: Arc<[Option<u128>]>,
    has_many: bool,
}

impl Fleets {
    /// `sources` has the place of the source of each origin, the others have a fleet for each source; `operators` the names within
    /// which ids of trips and alerts mean the same.
    pub fn new(
        sources: Arc<[u32]>,
        of_positions: Arc<[Option<Arc<str>>]>,
        of_others: Arc<[Option<Arc<str>>]>,
        operators: &[Option<Arc<str>>],
    ) -> Self {
        let has_many = of_positions.iter().chain(of_others.iter()).any(Option::is_some);
        let operators = operators.iter().map(|name| name.as_deref().map(|name| text_key(name, Seed::FIXED))).collect();
        Self { sources, of_positions, of_others, operators, has_many }
    }

    fn is_one(&self) -> bool {
        !self.has_many
    }

    /// Mixes into the keys of what predictions or alerts are about who says it: two operators may both have a trip 1.
    pub fn mix_operators(&self, rows: &RecordBatch, keys: &mut [u128]) {
        let Some(origins) = origins(rows).filter(|_| self.operators.iter().any(Option::is_some)) else { return };
        for (key, origin) in keys.iter_mut().zip(origins.values()) {
            let source = self.sources.get(*origin as usize);
            let operator = source.and_then(|source| *self.operators.get(*source as usize)?);
            if let Some(operator) = operator {
                *key = key_of([*key, operator], Seed::FIXED);
            }
        }
    }

    fn of(&self, is_position: bool, origin: u32) -> Option<&str> {
        let source = *self.sources.get(origin as usize)? as usize;
        let fleets = if is_position { &self.of_positions } else { &self.of_others };
        fleets.get(source)?.as_deref()
    }
}

/// Which of a batch's vehicles are which.
pub struct Vehicles<'a> {
    /// Ids of vehicles, the first that is there. A label may name a driver; it comes last, and never leaves as it is.
    columns: Vec<&'a StringArray>,
    origins: Option<&'a UInt32Array>,
    fleets: &'a Fleets,
    is_position: bool,
}

impl<'a> Vehicles<'a> {
    /// `are_entities_vehicles` tells that the id of an entity is that of a vehicle.
    pub fn of(source: &Contract, rows: &'a RecordBatch, fleets: &'a Fleets, are_entities_vehicles: bool) -> Self {
        let is_position = source.table == "vehicle_positions";
        let names = match (is_position, are_entities_vehicles) {
            (true, true) => &["vehicle_id", "license_plate", "entity_id", "vehicle_label"][..],
            (false, true) => &["vehicle_id", "license_plate"],
            (_, false) => &["vehicle_id", "license_plate", "vehicle_label"],
        };
        let column = |name: &&str| rows.column(source.index_of(name)?).as_string_opt::<i32>();
        Self { columns: names.iter().filter_map(column).collect(), origins: origins(rows), fleets, is_position }
    }

    /// What tells the vehicle of each row from all others, on this date and on others: a number that only this process makes.
    pub fn identities(&self, rows: usize) -> Vec<Option<u128>> {
        let seed = Seed::of_process();
        let identity = |row: usize| {
            let id = text_key(self.id(row)?, seed);
            Some(self.fleet(row).map_or(id, |fleet| key_of([id, text_key(fleet, seed)], seed)))
        };
        (0..rows).map(identity).collect()
    }

    fn id(&self, row: usize) -> Option<&'a str> {
        Some(self.columns.iter().find(|column| column.is_valid(row))?.value(row))
    }

    fn fleet(&self, row: usize) -> Option<&'a str> {
        if self.fleets.is_one() {
            return None;
        }
        self.fleets.of(self.is_position, self.origins?.value(row))
    }

    /// With what stands for the vehicle of each row.
    pub fn named(self, rows: usize, pseudonyms: &'a Pseudonyms) -> NamedVehicles<'a> {
        let name = |row: usize| Some(pseudonyms.of(self.fleet(row), self.id(row)?));
        let names = (0..rows).map(name).collect();
        NamedVehicles { vehicles: self, names, pseudonyms }
    }

    /// Mixes into the key of each row what tells its vehicle and is no column of it: the fleet, and the entity.
    fn mix(&self, keys: &mut [u128]) {
        for (row, key) in keys.iter_mut().enumerate() {
            if let Some(fleet) = self.fleet(row) {
                *key = key_of([*key, text_key(fleet, Seed::FIXED)], Seed::FIXED);
            }
            // The columns before are part of the key, the entity is not.
            if let [vehicle, plate, entity, _] = self.columns.as_slice()
                && vehicle.is_null(row)
                && plate.is_null(row)
                && entity.is_valid(row)
            {
                *key = key_of([*key, text_key(entity.value(row), Seed::FIXED)], Seed::FIXED);
            }
        }
    }

    fn are_all_known(&self) -> bool {
        self.columns.first().is_some_and(|column| column.null_count() == 0)
    }
}

/// The vehicles of a batch, and what stands for them.
pub struct NamedVehicles<'a> {
    vehicles: Vehicles<'a>,
    /// Nothing where nobody knows the vehicle of a row.
    pub names: Vec<Option<Pseudonym>>,
    pseudonyms: &'a Pseudonyms,
}

impl NamedVehicles<'_> {
    /// The id of a report that is not the first of its vehicle and second, or of which nobody knows the vehicle. `content` is the key
    /// of what it says, `place` counts its equals within the snapshot.
    fn other_report(&self, row: usize, (second, content): (i64, u128), place: u32) -> String {
        if let Some(vehicle) = &self.names[row] {
            return vehicle.further_report(second, content);
        }
        let fleet = self.vehicles.fleet(row).map_or(0, |fleet| text_key(fleet, Seed::FIXED));
        self.pseudonyms.report_of_unknown(key_of([content, fleet, u128::from(place)], Seed::FIXED))
    }
}

fn origins(rows: &RecordBatch) -> Option<&UInt32Array> {
    rows.column_by_name(ORIGIN)?.as_primitive_opt::<UInt32Type>()
}

/// Tells reports apart while the snapshots come.
pub struct Reports {
    /// What every row says, but for what may differ between two rows that say the same.
    content: KeyColumns,
    /// What tells the time of a snapshot: the first that is there.
    of_snapshot: Vec<usize>,
    timestamp: Option<usize>,
    /// The columns of a report in the order of their names, with the keys of these.
    named: Vec<(u128, KeyColumns)>,
    fix: KeyColumns,
    /// The latest seconds of each vehicle, and where it was.
    recent: Recent,
    /// How often a report of an unknown vehicle stands in the snapshot that is read, and which that is.
    here: HashMap<u128, u32, rustc_hash::FxBuildHasher>,
    snapshot: u32,
}

#[derive(Default)]
struct Recent(FxHashMap<u64, Latest>);

#[derive(Default)]
struct Latest {
    /// Those that there are: a second, and a key of the place.
    reports: [(i64, u64); RECENT],
    count: u32,
    next: u32,
}

impl Recent {
    /// Whether a vehicle has reported from this place in this second before. Of seconds that are not the latest it is not
    /// known any more.
    fn is_further(&mut self, vehicle: u64, second: i64, fix: u64) -> bool {
        let latest = self.0.entry(vehicle).or_default();
        let mut reports = latest.reports.iter().take(latest.count as usize);
        if let Some((_, place)) = reports.find(|(other, _)| *other == second) {
            return *place == fix;
        }
        latest.reports[latest.next as usize] = (second, fix);
        latest.next = (latest.next + 1) % RECENT as u32;
        latest.count = (latest.count + 1).min(RECENT as u32);
        false
    }
}

/// What a row says, as keys, and which of its equals within the snapshot it is.
pub struct Said {
    pub keys: Vec<u128>,
    places: Vec<u32>,
}

impl Said {
    /// The places of the rows that are kept.
    pub fn places(&self, keep: &arrow_array::BooleanArray) -> Vec<u32> {
        let kept = self.places.iter().zip(keep.iter()).filter(|(_, keep)| *keep == Some(true));
        kept.map(|(place, _)| *place).collect()
    }
}

impl Reports {
    /// Of the table `vehicle_positions`. `incidental` are the columns that may differ between two rows that say the same.
    pub fn new(source: &Contract, content: KeyColumns, incidental: &[&str]) -> Self {
        let columns = source.columns.iter().enumerate();
        let mut named: Vec<(&str, usize)> = columns
            .map(|(place, column)| (column.name.as_str(), place))
            .filter(|(name, _)| !incidental.contains(name))
            .collect();
        named.sort_unstable();
        Self {
            content,
            of_snapshot: ["feed_timestamp", "captured_at"].iter().filter_map(|name| source.index_of(name)).collect(),
            timestamp: source.index_of("timestamp"),
            named: named
                .into_iter()
                .map(|(name, place)| (text_key(name, Seed::FIXED), KeyColumns::fixed(vec![place])))
                .collect(),
            fix: KeyColumns::fixed(["latitude", "longitude"].iter().filter_map(|name| source.index_of(name)).collect()),
            recent: Recent::default(),
            here: HashMap::default(),
            snapshot: u32::MAX,
        }
    }

    /// What it occupies.
    pub fn bytes(&self) -> usize {
        self.recent.0.capacity() * (size_of::<Latest>() + 9) * 8 / 7 + self.here.capacity() * 38
    }

    /// What the rows say: two rows have the same key if and only if they are of the same report.
    pub fn said(&mut self, rows: &RecordBatch, vehicles: &Vehicles<'_>) -> Said {
        let mut keys: Vec<u128> = self.content.keys(rows).collect();
        // Where a row has no time of its own, its time is that of the snapshot.
        let is_own = |row: usize| self.timestamp.is_some_and(|place| rows.column(place).is_valid(row));
        let are_own = self.timestamp.is_some_and(|place| rows.column(place).null_count() == 0);
        if !are_own {
            let mut has_time: Vec<bool> = (0..keys.len()).map(is_own).collect();
            for &place in &self.of_snapshot {
                let times = rows.column(place);
                for (row, time) in KeyColumns::fixed(vec![place]).keys(rows).enumerate() {
                    if !has_time[row] && times.is_valid(row) {
                        keys[row] = key_of([keys[row], time], Seed::FIXED);
                        has_time[row] = true;
                    }
                }
            }
        }
        let mut places = Vec::new();
        if !vehicles.are_all_known() || !vehicles.fleets.is_one() {
            vehicles.mix(&mut keys);
        }
        if !vehicles.are_all_known() {
            // Two vehicles that nobody knows may say the same; one does not stand in a snapshot twice.
            places = vec![0; keys.len()];
            for (row, key) in keys.iter_mut().enumerate().filter(|(row, _)| vehicles.id(*row).is_none()) {
                let snapshot = vehicles.origins.map_or(0, |origins| origins.value(row));
                if snapshot != self.snapshot {
                    self.here.clear();
                    self.snapshot = snapshot;
                }
                let count = self.here.entry(*key).or_default();
                places[row] = *count;
                *count += 1;
                if places[row] > 0 {
                    *key = key_of([*key, u128::from(places[row])], Seed::FIXED);
                }
            }
        }
        Said { keys, places }
    }

    /// The ids of reports, each of which was not there before. `seconds` count from the zero of the service date; without a
    /// time there is no id. `places` count the equals within a snapshot.
    pub fn ids(
        &mut self,
        rows: &RecordBatch,
        vehicles: &NamedVehicles<'_>,
        seconds: &[Option<i64>],
        places: &[u32],
    ) -> StringArray {
        let mut ids: Vec<Option<String>> = vec![None; rows.num_rows()];
        let mut others = Vec::new();
        for (row, fix) in self.fix.keys(rows).enumerate() {
            let Some(second) = seconds[row] else { continue };
            match &vehicles.names[row] {
                Some(vehicle) if !self.recent.is_further(vehicle.number, second, fix as u64) => {
                    ids[row] = Some(vehicle.report(second));
                }
                _ => others.push((row, second)),
            }
        }
        if !others.is_empty() {
            let contents = self.contents(rows);
            for (row, second) in others {
                let content = key_of([contents[row], second as u128], Seed::FIXED);
                let place = places.get(row).copied().unwrap_or_default();
                ids[row] = Some(vehicles.other_report(row, (second, content), place));
            }
        }
        ids.into_iter().collect()
    }

    /// The ids that the reports have if each is the first of its vehicle and second, or if none is.
    pub fn ids_alone(
        &self,
        rows: &RecordBatch,
        vehicles: &NamedVehicles<'_>,
        seconds: &[Option<i64>],
        are_first: bool,
    ) -> StringArray {
        let contents = self.contents(rows);
        let id = |row: usize| {
            let second = seconds[row]?;
            let content = key_of([contents[row], second as u128], Seed::FIXED);
            Some(match &vehicles.names[row] {
                Some(vehicle) if are_first => vehicle.report(second),
                _ => vehicles.other_report(row, (second, content), 0),
            })
        };
        (0..rows.num_rows()).map(id).collect()
    }

    /// Keys of everything that the rows say. Absent values leave no trace, so that a column that contracts get later does
    /// not change the id of a report that has none.
    fn contents(&self, rows: &RecordBatch) -> Vec<u128> {
        let mut contents = vec![0; rows.num_rows()];
        for (name, column) in &self.named {
            let array = column.places.first().map(|&place| rows.column(place));
            for (row, key) in column.keys(rows).enumerate() {
                if array.is_some_and(|array| array.is_valid(row)) {
                    contents[row] = key_of([contents[row], *name, key], Seed::FIXED);
                }
            }
        }
        contents
    }
}

/// Puts the rows of unknown vehicles into the order of their ids, which tells nothing: that in which they stand in the feed
/// may be the same every day, and would tell which is which. `None` if the order may stay.
pub fn order(vehicles: &[Option<Pseudonym>], ids: &StringArray) -> Option<UInt32Array> {
    let unknown: Vec<u32> = (0..vehicles.len()).filter(|&row| vehicles[row].is_none()).map(|row| row as u32).collect();
    if unknown.len() < 2 {
        return None;
    }
    let mut sorted = unknown.clone();
    sorted.sort_by_key(|&row| ids.is_valid(row as usize).then(|| ids.value(row as usize)));
    let mut order: Vec<u32> = (0..vehicles.len() as u32).collect();
    unknown.into_iter().zip(sorted).for_each(|(place, row)| order[place as usize] = row);
    Some(order.into())
}

/// Where a row stands: the place of its origin, and the row there.
pub fn place(rows: &RecordBatch, row: usize) -> Option<(u32, u64)> {
    let row_column = rows.column_by_name(ORIGIN_ROW)?.as_primitive_opt::<arrow_array::types::UInt64Type>()?;
    Some((origins(rows)?.value(row), row_column.value(row)))
}
