//! The shapes of a timetable, and how far a place is from one.

use std::collections::{BTreeMap, HashMap};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type};
use arrow_array::{Array, RecordBatch, StringArray};

/// The shapes of a timetable, by trip.
#[derive(Default)]
pub struct Shapes {
    of_trip: HashMap<String, usize>,
    shapes: Vec<Shape>,
}

/// Segments whose bounds are looked at together.
const GROUP: usize = 16;
/// Metres of a degree of latitude: a 360th of the equator of WGS 84, as navigation takes it.
const DEGREE: f64 = 111_319.49;

/// A line on a plane that touches the earth at its first point. Within a city's size the plane is right to a part in a
/// thousand.
struct Shape {
    origin: (f64, f64),
    /// Metres of a degree of longitude here.
    east: f64,
    points: Vec<(f64, f64)>,
    /// For each group of segments: west, south, east, north.
    bounds: Vec<[f64; 4]>,
}

impl Shapes {
    pub(super) fn of(tables: &BTreeMap<String, RecordBatch>) -> Self {
        Self::read(tables).unwrap_or_default()
    }

    /// What the points and the ids of trips take.
    pub(super) fn bytes(&self) -> usize {
        let points = self.shapes.iter().map(|shape| shape.points.len() + 2 * shape.bounds.len()).sum::<usize>();
        let trips = self.of_trip.keys().map(|trip| trip.len() + size_of::<(String, usize)>()).sum::<usize>();
        points * size_of::<(f64, f64)>() + trips
    }

    fn read(tables: &BTreeMap<String, RecordBatch>) -> Option<Self> {
        let (trips, rows) = (tables.get("trips")?, tables.get("shapes")?);
        let text = |rows: &RecordBatch, column: &str| -> Option<StringArray> {
            Some(rows.column_by_name(column)?.as_string_opt::<i32>()?.clone())
        };
        let float = |column: &str| rows.column_by_name(column)?.as_primitive_opt::<Float64Type>().cloned();
        let sequence = rows.column_by_name("shape_pt_sequence")?.as_primitive_opt::<Int32Type>()?.clone();
        let (ids, lat, lon) = (text(rows, "shape_id")?, float("shape_pt_lat")?, float("shape_pt_lon")?);
        let mut points: HashMap<&str, Vec<(i32, f64, f64)>> = HashMap::new();
        for row in 0..rows.num_rows() {
            if ids.is_valid(row) && lat.is_valid(row) && lon.is_valid(row) && sequence.is_valid(row) {
                let point = (sequence.value(row), lat.value(row), lon.value(row));
                points.entry(ids.value(row)).or_default().push(point);
            }
        }
        let mut shapes = Self::default();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (id, mut points) in points {
            points.sort_by_key(|point| point.0);
            places.insert(id, shapes.shapes.len());
            shapes.shapes.push(Shape::new(points.into_iter().map(|(_, lat, lon)| (lat, lon)).collect()));
        }
        let (trip_ids, shape_ids) = (text(trips, "trip_id")?, text(trips, "shape_id")?);
        for (trip, shape) in trip_ids.iter().zip(&shape_ids) {
            if let (Some(trip), Some(place)) = (trip, shape.and_then(|shape| places.get(shape))) {
                shapes.of_trip.insert(trip.to_owned(), *place);
            }
        }
        Some(shapes)
    }

    /// The place of a trip's shape.
    pub fn find(&self, trip: &str) -> Option<usize> {
        self.of_trip.get(trip).copied()
    }

    /// Metres from a place to a shape.
    pub fn metres(&self, shape: usize, lat: f64, lon: f64) -> f64 {
        self.shapes[shape].metres(lat, lon)
    }
}

impl Shape {
    fn new(points: Vec<(f64, f64)>) -> Self {
        let origin = points.first().copied().unwrap_or_default();
        let east = DEGREE * origin.0.to_radians().cos();
        let points: Vec<(f64, f64)> =
            points.into_iter().map(|(lat, lon)| ((lon - origin.1) * east, (lat - origin.0) * DEGREE)).collect();
        let mut bounds = Vec::new();
        let mut first = 0;
        while first == 0 || first + 1 < points.len() {
            let group = &points[first.min(points.len())..(first + GROUP + 1).min(points.len())];
            let mut of_group = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
            for &(x, y) in group {
                of_group = [of_group[0].min(x), of_group[1].min(y), of_group[2].max(x), of_group[3].max(y)];
            }
            bounds.push(of_group);
            first += GROUP;
        }
        Self { origin, east, points, bounds }
    }

    fn metres(&self, lat: f64, lon: f64) -> f64 {
        let at = ((lon - self.origin.1) * self.east, (lat - self.origin.0) * DEGREE);
        let mut nearest = f64::INFINITY;
        for (group, [west, south, east, north]) in self.bounds.iter().enumerate() {
            let (x, y) = ((west - at.0).max(at.0 - east).max(0.0), (south - at.1).max(at.1 - north).max(0.0));
            if x * x + y * y >= nearest {
                continue;
            }
            let first = group * GROUP;
            let points = &self.points[first..(first + GROUP + 1).min(self.points.len())];
            if let [only] = points {
                nearest = nearest.min((at.0 - only.0).powi(2) + (at.1 - only.1).powi(2));
            }
            for pair in points.windows(2) {
                nearest = nearest.min(squared(at, pair[0], pair[1]));
            }
        }
        nearest.sqrt()
    }
}

/// The square of the distance from a point to a segment.
fn squared(at: (f64, f64), a: (f64, f64), b: (f64, f64)) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = dx * dx + dy * dy;
    let share = if length > 0.0 { (((at.0 - a.0) * dx + (at.1 - a.1) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    let (x, y) = (at.0 - a.0 - share * dx, at.1 - a.1 - share * dy);
    x * x + y * y
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_groups_of_a_shape_do_not_change_its_distance(
            points in proptest::collection::vec((48.40..48.55_f64, 7.85..8.05_f64), 1..80),
            at in (48.3..48.6_f64, 7.7..8.2_f64)
        ) {
            let shape = Shape::new(points);
            let place = ((at.1 - shape.origin.1) * shape.east, (at.0 - shape.origin.0) * DEGREE);
            let all = shape.points.windows(2).map(|pair| squared(place, pair[0], pair[1]));
            let only = (place.0 - shape.points[0].0).hypot(place.1 - shape.points[0].1);
            let expected = all.fold(f64::INFINITY, f64::min).sqrt().min(only);
            prop_assert!((shape.metres(at.0, at.1) - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn the_distance_to_a_shape_is_that_on_the_globe_within_a_part_in_a_thousand() {
        let shape = Shape::new(vec![(48.47, 7.90), (48.47, 7.98)]);
        for (lat, lon) in [(48.48, 7.94_f64), (48.45, 7.94), (48.47, 8.00)] {
            let foot = (48.47, lon.min(7.98));
            let expected = crate::geo::metres([lat, lon], [foot.0, foot.1]);
            let found = shape.metres(lat, lon);
            assert!((found - expected).abs() < expected / 500.0, "{found} {expected}");
        }
    }
}
