//! The map of a dataset: reads stops and lines of the newest timetable from its published files, and writes `<dataset>/map.svg`.
//!
//! Tables are known by the names that GTFS gives them. A trip is drawn along its shape; one without is drawn from stop to stop, trips of
//! a route with the same stops once. Of these only sums and one trip each are held, so `stop_times` is read twice.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow_cast::cast;
use arrow_schema::DataType;
use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::portal::Table;
use crate::portal::overview::MapContent;
use crate::portal::pictures::map::{Network, NetworkLine, draw};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::column_reader::ColumnReader;
use crate::publish::index::IndexFile;
use crate::publish::view_writer::ViewWriter;
use crate::table::BudgetExceeded;

const STOPS: &str = "stops";
const ROUTES: &str = "routes";
const TRIPS: &str = "trips";
const SHAPES: &str = "shapes";
/// Read only where trips have no shape.
const STOP_TIMES: &str = "stop_times";

/// What messages about memory call it.
const ROOM: &str = "the map of the portal";
/// Bytes that a name takes beside its characters, with what is kept of it.
const NAME: usize = 96;
/// Bytes of a point of a shape, or of a trip's stop.
const POINT: usize = 12;
/// Bytes of a trip without a shape.
const TRIP: usize = 64;
/// Positions are held in steps of about a centimetre.
const STEPS: f64 = 1e7;

/// Where the map is in the bucket.
pub(crate) fn path(dataset: &str) -> String {
    format!("{dataset}/map.svg")
}

/// What the map shows, drawn anew where a file that it is drawn from is another one than that of `kept`; none of a dataset without
/// stops.
///
/// # Errors
/// The bucket cannot be read or written, a file is damaged, or the network takes more than `memory` bytes.
pub(super) fn map(
    (bucket, dataset): (&Bucket, &str),
    tables: &[Table],
    memory: usize,
    kept: Option<&MapContent>,
    writer: &mut ViewWriter<'_>,
) -> Result<Option<MapContent>, PublishError> {
    let files = Files::newest(tables);
    if let Some(same) = kept.filter(|kept| files.as_ref().is_some_and(|files| files.are(kept))) {
        return Ok(Some(same.clone()));
    }
    let read = match &files {
        Some(files) => Reading { bucket, files, limit: memory, held: 0 }.network()?,
        None => None,
    };
    let drawn = read.and_then(|(network, has_sequences)| Some((draw(&network)?, has_sequences)));
    let (Some(files), Some((drawing, has_sequences))) = (files, drawn) else {
        // A withdrawn timetable leaves no picture of itself.
        let may_be_there = kept.is_some() || tables.iter().any(|table| table.index.table == STOPS);
        if may_be_there && bucket.get(&path(dataset))?.is_some() {
            writer.remove(&path(dataset))?;
        }
        return Ok(None);
    };
    let is_source = |table: &str| table != STOP_TIMES || has_sequences;
    let sources = files.files.iter().filter(|(table, _)| is_source(table));
    let content = MapContent {
        date: files.stops.partition_date,
        sources: sources.map(|(table, file)| ((*table).to_owned(), file.sha256)).collect(),
        stops: drawing.stops,
        routes: drawing.routes,
        bounds: drawing.bounds,
        bytes: drawing.svg.len() as u64,
    };
    writer.put(&path(dataset), drawing.svg.into())?;
    Ok(Some(content))
}

/// The files of the newest date that has stops, by table.
struct Files<'a> {
    stops: &'a IndexFile,
    files: BTreeMap<&'static str, &'a IndexFile>,
}

impl<'a> Files<'a> {
    fn newest(tables: &'a [Table]) -> Option<Self> {
        let of = |name: &str| tables.iter().map(|table| &table.index).find(|index| index.table == name);
        let stops = of(STOPS)?.files.last()?;
        let on_date = |name: &'static str| {
            let file = of(name)?.files.iter().rev().find(|file| file.partition_date == stops.partition_date)?;
            Some((name, file))
        };
        let files = [STOPS, ROUTES, TRIPS, SHAPES, STOP_TIMES].into_iter().filter_map(on_date).collect();
        Some(Self { stops, files })
    }

    /// Whether a map was drawn from these files.
    fn are(&self, kept: &MapContent) -> bool {
        let is_same = |(table, file): (&&str, &&IndexFile)| match kept.sources.get(*table) {
            Some(sha256) => *sha256 == file.sha256,
            None => *table == STOP_TIMES,
        };
        kept.sources.keys().all(|table| self.files.contains_key(table.as_str())) && self.files.iter().all(is_same)
    }
}

/// Rows of which a column may be missing.
struct Rows<'a>(&'a RecordBatch);

impl Rows<'_> {
    fn column(&self, name: &str, kind: &DataType) -> Option<ArrayRef> {
        cast(self.0.column_by_name(name)?, kind).ok()
    }

    fn texts(&self, name: &str) -> Option<StringArray> {
        Some(self.column(name, &DataType::Utf8)?.as_string_opt::<i32>()?.clone())
    }

    fn floats(&self, name: &str) -> Option<Float64Array> {
        Some(self.column(name, &DataType::Float64)?.as_primitive_opt::<Float64Type>()?.clone())
    }

    fn integers(&self, name: &str) -> Option<Int32Array> {
        Some(self.column(name, &DataType::Int32)?.as_primitive_opt::<Int32Type>()?.clone())
    }
}

fn text(column: Option<&StringArray>, row: usize) -> Option<&str> {
    column.filter(|column| column.is_valid(row)).map(|column| column.value(row))
}

fn float(column: Option<&Float64Array>, row: usize) -> Option<f64> {
    column.filter(|column| column.is_valid(row)).map(|column| column.value(row))
}

fn integer(column: Option<&Int32Array>, row: usize) -> Option<i32> {
    column.filter(|column| column.is_valid(row)).map(|column| column.value(row))
}

/// Where each location is, by a hash of its id.
type Positions = FxHashMap<u64, [f64; 2]>;
/// The way of a trip, with the place of its route.
type WayOfRoute = (usize, Vec<[f64; 2]>);
type Shapes = FxHashMap<String, Vec<(i32, [i32; 2])>>;

/// A trip without a shape.
struct BareTrip {
    route: usize,
    /// Of its stops and their numbers, in whatever order they come: trips of a route with the same sum go the same way.
    sum: u64,
}

/// The ways of the trips of each route.
#[derive(Default)]
struct Trips {
    shapes: BTreeMap<usize, BTreeSet<String>>,
    /// By a hash of their id, which takes less than the id.
    bare: FxHashMap<u128, BareTrip>,
}

struct Reading<'a> {
    bucket: &'a Bucket,
    files: &'a Files<'a>,
    limit: usize,
    held: usize,
}

impl Reading<'_> {
    /// The network, and whether stop times are a part of it; none if a file is gone.
    fn network(mut self) -> Result<Option<(Network, bool)>, PublishError> {
        let Some((mut network, positions)) = self.stops()? else { return Ok(None) };
        let Some(lines) = self.routes()? else { return Ok(None) };
        network.lines = lines;
        let Some(mut shapes) = self.shapes()? else { return Ok(None) };
        let Some(trips) = self.trips(&network.lines, &shapes)? else { return Ok(None) };
        for points in shapes.values_mut() {
            points.sort_unstable();
        }
        for (route, of_route) in trips.shapes {
            let of_route = of_route.iter().filter_map(|shape| shapes.get(shape));
            let degrees = |points: &Vec<(i32, [i32; 2])>| {
                points.iter().map(|(_, at)| at.map(|part| f64::from(part) / STEPS)).collect()
            };
            network.lines[route].shapes = of_route.map(degrees).collect();
        }
        drop(shapes);
        let has_sequences = !trips.bare.is_empty() && self.files.files.contains_key(STOP_TIMES);
        if has_sequences {
            let Some(sequences) = self.sequences(trips.bare, &positions)? else { return Ok(None) };
            for (route, way) in sequences {
                network.lines[route].is_straight = true;
                network.lines[route].shapes.push(way);
            }
        }
        Ok(Some((network, has_sequences)))
    }

    fn hold(&mut self, bytes: usize) -> Result<(), BudgetExceeded> {
        self.held += bytes;
        match self.held > self.limit {
            true => Err(BudgetExceeded { room: ROOM, needed: self.held, limit: self.limit }),
            false => Ok(()),
        }
    }

    /// Gives the rows of a table to `visit`. `Ok(false)`: its file is gone. A table that there is none of has no rows.
    fn visit(
        &mut self,
        table: &str,
        names: &[&str],
        mut visit: impl FnMut(&mut Self, Rows<'_>) -> Result<(), BudgetExceeded>,
    ) -> Result<bool, PublishError> {
        let Some(file) = self.files.files.get(table).copied() else { return Ok(true) };
        let Some(reader) = ColumnReader::open(self.bucket, file)? else { return Ok(false) };
        let mut result = Ok(());
        let is_there = reader.visit(names, |rows| {
            result = visit(self, Rows(&rows));
            if result.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        result?;
        Ok(is_there)
    }

    /// The stops and stations that are drawn, and the position of each location.
    fn stops(&mut self) -> Result<Option<(Network, Positions)>, PublishError> {
        let (mut network, mut positions) = (Network::default(), FxHashMap::default());
        let names = ["stop_id", "stop_lat", "stop_lon", "location_type"];
        let is_there = self.visit(STOPS, &names, |held, rows| {
            let (ids, kinds) = (rows.texts("stop_id"), rows.integers("location_type"));
            let (lat, lon) = (rows.floats("stop_lat"), rows.floats("stop_lon"));
            held.hold(rows.0.num_rows() * 64)?;
            for row in 0..rows.0.num_rows() {
                let (Some(lat), Some(lon)) = (float(lat.as_ref(), row), float(lon.as_ref(), row)) else { continue };
                if let Some(id) = text(ids.as_ref(), row) {
                    positions.insert(xxh3_64(id.as_bytes()), [lat, lon]);
                }
                // No entrances, nodes of ways and boarding areas.
                if integer(kinds.as_ref(), row).is_none_or(|kind| kind < 2) {
                    network.stops.push([lat, lon]);
                }
            }
            Ok(())
        })?;
        Ok(is_there.then_some((network, positions)))
    }

    /// In the order of their ids.
    fn routes(&mut self) -> Result<Option<Vec<NetworkLine>>, PublishError> {
        let mut lines = Vec::new();
        let is_there = self.visit(ROUTES, &["route_id", "route_type", "route_color"], |held, rows| {
            let (ids, colours) = (rows.texts("route_id"), rows.texts("route_color"));
            let kinds = rows.integers("route_type");
            for row in 0..rows.0.num_rows() {
                let Some(id) = text(ids.as_ref(), row) else { continue };
                held.hold(NAME + id.len())?;
                lines.push(NetworkLine {
                    route_id: id.to_owned(),
                    colour: text(colours.as_ref(), row).map(str::to_owned),
                    // Most feeds are of buses.
                    kind: integer(kinds.as_ref(), row).unwrap_or(3),
                    ..NetworkLine::default()
                });
            }
            Ok(())
        })?;
        lines.sort_by(|one, other| one.route_id.cmp(&other.route_id));
        Ok(is_there.then_some(lines))
    }

    /// Points with their numbers, as they come.
    fn shapes(&mut self) -> Result<Option<Shapes>, PublishError> {
        let mut shapes = Shapes::default();
        let names = ["shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"];
        let is_there = self.visit(SHAPES, &names, |held, rows| {
            let (ids, numbers) = (rows.texts("shape_id"), rows.integers("shape_pt_sequence"));
            let (lat, lon) = (rows.floats("shape_pt_lat"), rows.floats("shape_pt_lon"));
            // A vector holds up to twice what is in it.
            held.hold(rows.0.num_rows() * POINT * 2)?;
            for row in 0..rows.0.num_rows() {
                let (Some(lat), Some(lon)) = (float(lat.as_ref(), row), float(lon.as_ref(), row)) else { continue };
                let (Some(id), Some(number)) = (text(ids.as_ref(), row), integer(numbers.as_ref(), row)) else {
                    continue;
                };
                // What is no position on earth ends at the greatest number, and is left out when it is drawn.
                let point = (number, [lat, lon].map(|part| (part * STEPS).round() as i32));
                match shapes.get_mut(id) {
                    Some(points) => points.push(point),
                    None => {
                        held.hold(NAME + id.len())?;
                        shapes.insert(id.to_owned(), vec![point]);
                    }
                }
            }
            Ok(())
        })?;
        Ok(is_there.then_some(shapes))
    }

    fn trips(&mut self, lines: &[NetworkLine], shapes: &Shapes) -> Result<Option<Trips>, PublishError> {
        let mut trips = Trips::default();
        let is_there = self.visit(TRIPS, &["trip_id", "route_id", "shape_id"], |held, rows| {
            let [ids, routes, of_shape] = ["trip_id", "route_id", "shape_id"].map(|name| rows.texts(name));
            for row in 0..rows.0.num_rows() {
                let Some(route) = text(routes.as_ref(), row) else { continue };
                let Ok(route) = lines.binary_search_by(|line| line.route_id.as_str().cmp(route)) else { continue };
                let shape = text(of_shape.as_ref(), row);
                match (
                    shape.filter(|shape| shapes.get(*shape).is_some_and(|points| points.len() > 1)),
                    text(ids.as_ref(), row),
                ) {
                    (Some(shape), _) => {
                        let of_route = trips.shapes.entry(route).or_default();
                        if !of_route.contains(shape) {
                            held.hold(NAME + shape.len())?;
                            of_route.insert(shape.to_owned());
                        }
                    }
                    (None, Some(trip)) => {
                        held.hold(TRIP)?;
                        trips.bare.insert(xxh3_128(trip.as_bytes()), BareTrip { route, sum: 0 });
                    }
                    (None, None) => {}
                }
            }
            Ok(())
        })?;
        Ok(is_there.then_some(trips))
    }

    /// The ways of trips by their stops, those of a route with the same stops once.
    fn sequences(
        &mut self,
        mut trips: FxHashMap<u128, BareTrip>,
        positions: &Positions,
    ) -> Result<Option<Vec<WayOfRoute>>, PublishError> {
        let names = ["trip_id", "stop_id", "stop_sequence"];
        let is_there = self.visit(STOP_TIMES, &names, |_, rows| {
            each_call(&rows, |trip, number, stop| {
                if let Some(trip) = trips.get_mut(&trip) {
                    let mut call = [0; 12];
                    call[..8].copy_from_slice(&stop.to_le_bytes());
                    call[8..].copy_from_slice(&number.to_le_bytes());
                    trip.sum = trip.sum.wrapping_add(xxh3_64(&call));
                }
                Ok(())
            })
        })?;
        if !is_there {
            return Ok(None);
        }
        // Of trips that go the same way the one with the least hash, whatever their order.
        let mut chosen: FxHashMap<(usize, u64), u128> = FxHashMap::default();
        for (id, trip) in &trips {
            chosen.entry((trip.route, trip.sum)).and_modify(|least| *least = (*least).min(*id)).or_insert(*id);
        }
        let mut calls: FxHashMap<u128, Vec<(i32, u64)>> = chosen.values().map(|trip| (*trip, Vec::new())).collect();
        let is_there = self.visit(STOP_TIMES, &names, |held, rows| {
            each_call(&rows, |trip, number, stop| {
                if let Some(calls) = calls.get_mut(&trip) {
                    held.hold(2 * (POINT + 4))?;
                    calls.push((number, stop));
                }
                Ok(())
            })
        })?;
        let mut ways: BTreeSet<(usize, Vec<(i32, u64)>)> = BTreeSet::new();
        for ((route, _), trip) in chosen {
            let mut of_trip = calls.remove(&trip).unwrap_or_default();
            of_trip.sort_unstable();
            ways.insert((route, of_trip));
        }
        let places = |calls: &[(i32, u64)]| calls.iter().filter_map(|(_, stop)| positions.get(stop).copied()).collect();
        Ok(is_there.then(|| ways.into_iter().map(|(route, calls)| (route, places(&calls))).collect()))
    }
}

/// Gives the hash of the trip, the number and the hash of the stop of each row that has all of them.
fn each_call(
    rows: &Rows<'_>,
    mut call: impl FnMut(u128, i32, u64) -> Result<(), BudgetExceeded>,
) -> Result<(), BudgetExceeded> {
    let (trips, stops, numbers) = (rows.texts("trip_id"), rows.texts("stop_id"), rows.integers("stop_sequence"));
    for row in 0..rows.0.num_rows() {
        let (Some(trip), Some(stop)) = (text(trips.as_ref(), row), text(stops.as_ref(), row)) else { continue };
        let Some(number) = integer(numbers.as_ref(), row) else { continue };
        call(xxh3_128(trip.as_bytes()), number, xxh3_64(stop.as_bytes()))?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
