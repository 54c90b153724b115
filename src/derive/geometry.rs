//! Geometries of published rows: WKB (OGC 06-103r4, section 8) of latitude and longitude or of a GeoJSON geometry (RFC 7946), and
//! their bounds.

use std::sync::Arc;

use arrow_array::builder::BinaryBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Float32Array, RecordBatch, StructArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::{DataType, Field, Fields};
use serde_json::Value;

use crate::contract::{BBOX_PARTS, GeometryOf};

/// Numbers are written with their low byte first, as every reader knows them.
const LITTLE_ENDIAN: u8 = 1;
const POINT: u32 = 1;
const POLYGON: u32 = 3;
const MULTI_POLYGON: u32 = 6;

/// Longitude and latitude.
type Corner = [f64; 2];

/// The geometry of each row as WKB and its bounds, in the types of a release; null where there is none: where a part of a place is
/// absent, or a text is no polygon whose rings are closed.
pub(super) fn columns(of: GeometryOf, rows: &RecordBatch) -> [ArrayRef; 2] {
    let mut shapes = Shapes::default();
    match of {
        GeometryOf::Point { latitude, longitude } => {
            let [latitudes, longitudes] =
                [latitude, longitude].map(|place| rows.column(place).as_primitive_opt::<Float64Type>());
            let at = |array: Option<&arrow_array::Float64Array>, row: usize| {
                array
                    .filter(|array| array.is_valid(row))
                    .map(|array| array.value(row))
                    .filter(|value| value.is_finite())
            };
            for row in 0..rows.num_rows() {
                let point = at(longitudes, row).zip(at(latitudes, row));
                shapes.push(point.map(|(longitude, latitude)| Shape::Point([longitude, latitude])));
            }
        }
        GeometryOf::GeoJson(place) => {
            let texts = rows.column(place).as_string_opt::<i32>();
            for row in 0..rows.num_rows() {
                let text = texts.filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row));
                shapes.push(text.and_then(polygons).map(Shape::Polygons));
            }
        }
    }
    shapes.finish()
}

enum Shape {
    Point(Corner),
    /// One polygon, or several; each has rings, the outer one first.
    Polygons(Polygons),
}

struct Polygons {
    is_multiple: bool,
    all: Vec<Vec<Vec<Corner>>>,
}

/// The polygons of a GeoJSON geometry; heights are left out.
fn polygons(text: &str) -> Option<Polygons> {
    let geometry: Value = serde_json::from_str(text).ok()?;
    let coordinates = geometry.get("coordinates")?;
    let (is_multiple, all) = match geometry.get("type")?.as_str()? {
        "Polygon" => (false, vec![rings(coordinates)?]),
        "MultiPolygon" => (true, coordinates.as_array()?.iter().map(rings).collect::<Option<Vec<_>>>()?),
        _ => return None,
    };
    (!all.is_empty()).then_some(Polygons { is_multiple, all })
}

fn rings(polygon: &Value) -> Option<Vec<Vec<Corner>>> {
    let ring = |ring: &Value| {
        let corners = ring.as_array()?.iter().map(|corner| {
            let corner = corner.as_array()?;
            Some([corner.first()?.as_f64()?, corner.get(1)?.as_f64()?])
        });
        let corners: Vec<Corner> = corners.collect::<Option<_>>()?;
        (corners.len() >= 4 && corners.first() == corners.last()).then_some(corners)
    };
    let rings: Vec<_> = polygon.as_array()?.iter().map(ring).collect::<Option<_>>()?;
    (!rings.is_empty()).then_some(rings)
}

#[derive(Default)]
struct Shapes {
    geometries: BinaryBuilder,
    bounds: [Vec<f32>; 4],
    valid: Vec<bool>,
    bytes: Vec<u8>,
}

impl Shapes {
    fn push(&mut self, shape: Option<Shape>) {
        self.valid.push(shape.is_some());
        self.bytes.clear();
        let corners: Vec<Corner> = match &shape {
            None => {
                self.geometries.append_null();
                self.bounds.iter_mut().for_each(|part| part.push(0.0));
                return;
            }
            Some(Shape::Point(point)) => {
                self.begin(POINT);
                self.corner(*point);
                vec![*point]
            }
            Some(Shape::Polygons(Polygons { is_multiple, all })) => {
                if *is_multiple {
                    self.begin(MULTI_POLYGON);
                    self.count(all.len());
                }
                for polygon in all {
                    self.begin(POLYGON);
                    self.count(polygon.len());
                    for ring in polygon {
                        self.count(ring.len());
                        ring.iter().for_each(|corner| self.corner(*corner));
                    }
                }
                all.iter().flatten().flatten().copied().collect()
            }
        };
        self.geometries.append_value(&self.bytes);
        for (place, bounds) in self.bounds.chunks_exact_mut(2).enumerate() {
            // Parts stand in the order xmin, ymin, xmax, ymax: first both least ones, then both greatest.
            for (axis, bounds) in bounds.iter_mut().enumerate() {
                let values = corners.iter().map(|corner| corner[axis]);
                bounds.push(match place {
                    0 => at_most(values.fold(f64::INFINITY, f64::min)),
                    _ => at_least(values.fold(f64::NEG_INFINITY, f64::max)),
                });
            }
        }
    }

    fn begin(&mut self, kind: u32) {
        self.bytes.push(LITTLE_ENDIAN);
        self.bytes.extend(kind.to_le_bytes());
    }

    fn count(&mut self, count: usize) {
        // A text of JSON with so many corners is larger than any that is read.
        self.bytes.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn corner(&mut self, corner: Corner) {
        corner.iter().for_each(|part| self.bytes.extend(part.to_le_bytes()));
    }

    fn finish(mut self) -> [ArrayRef; 2] {
        let fields: Fields = BBOX_PARTS.iter().map(|name| Field::new(*name, DataType::Float32, false)).collect();
        let parts = self.bounds.map(|part| Arc::new(Float32Array::from(part)) as ArrayRef);
        let nulls = NullBuffer::new(BooleanBuffer::from(self.valid));
        [Arc::new(self.geometries.finish()), Arc::new(StructArray::new(fields, parts.to_vec(), Some(nulls)))]
    }
}

/// The greatest number of 32 bits that is not above.
fn at_most(value: f64) -> f32 {
    let near = value as f32;
    if f64::from(near) > value { near.next_down() } else { near }
}

/// The least number of 32 bits that is not below.
fn at_least(value: f64) -> f32 {
    let near = value as f32;
    if f64::from(near) < value { near.next_up() } else { near }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use arrow_array::types::Float32Type;
    use arrow_array::{Float64Array, StringArray};

    use super::*;
    use crate::contract::odcs;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn made(of: GeometryOf, columns: Vec<ArrayRef>) -> (Vec<Option<String>>, Vec<Option<[f32; 4]>>) {
        let fields = columns
            .iter()
            .enumerate()
            .map(|(place, column)| Field::new(format!("c{place}"), column.data_type().clone(), true));
        let schema = Arc::new(arrow_schema::Schema::new(fields.collect::<Vec<_>>()));
        let [geometries, bounds] = super::columns(of, &RecordBatch::try_new(schema, columns).unwrap());
        let bounds = bounds.as_struct();
        let geometries = geometries.as_binary::<i32>().iter().map(|bytes| bytes.map(hex)).collect();
        let part = |place: usize, row: usize| bounds.column(place).as_primitive::<Float32Type>().value(row);
        let bounds = (0..bounds.len())
            .map(|row| bounds.is_valid(row).then(|| std::array::from_fn(|place| part(place, row))))
            .collect();
        (geometries, bounds)
    }

    #[test]
    fn a_place_is_a_point_with_longitude_first_and_half_a_place_is_none() {
        let latitudes = Float64Array::from(vec![Some(48.5), None, Some(48.47371), Some(f64::NAN)]);
        let longitudes = Float64Array::from(vec![Some(-8.0), Some(7.9), Some(7.94425), Some(7.9)]);
        let of = GeometryOf::Point { latitude: 0, longitude: 1 };
        let (geometries, bounds) = made(of, vec![Arc::new(latitudes), Arc::new(longitudes)]);
        // Little-endian, kind 1, -8 and 48.5 (OGC 06-103r4, table 6).
        let first = "010100000000000000000020c00000000000404840";
        assert_eq!(geometries[0].as_deref(), Some(first));
        assert_eq!([&geometries[1], &geometries[3]], [&None, &None]);
        assert_eq!((bounds[0], bounds[1], bounds[3]), (Some([-8.0, 48.5, -8.0, 48.5]), None, None));
        // What 32 bits do not hold lies inside of its bounds.
        let [xmin, ymin, xmax, ymax] = bounds[2].unwrap().map(f64::from);
        assert!(xmin < 7.94425 && 7.94425 < xmax && ymin < 48.47371 && 48.47371 < ymax && xmax - xmin < 1e-6);
    }

    #[test]
    fn a_zone_is_a_polygon_with_its_holes_or_several_and_anything_else_is_none() {
        let square = "[[0,0],[2,0],[2,3.5,100],[0,0]]";
        let texts = StringArray::from(vec![
            Some(format!("{{\"type\":\"Polygon\",\"coordinates\":[{square},{square}]}}")),
            Some(format!("{{\"type\":\"MultiPolygon\",\"coordinates\":[[{square}]]}}")),
            Some("{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[2,0],[2,3],[0,1]]]}".to_owned()),
            Some("{\"type\":\"Point\",\"coordinates\":[0,0]}".to_owned()),
            Some("{\"type\":\"MultiPolygon\",\"coordinates\":[]}".to_owned()),
            Some("no JSON".to_owned()),
            None,
        ]);
        let (geometries, bounds) = made(GeometryOf::GeoJson(0), vec![Arc::new(texts)]);
        let zero = "0".repeat(16);
        let (two, more) = ("0000000000000040", "0000000000000c40");
        let ring = format!("04000000{zero}{zero}{two}{zero}{two}{more}{zero}{zero}");
        assert_eq!(geometries[0], Some(format!("010300000002000000{ring}{ring}")));
        assert_eq!(geometries[1], Some(format!("010600000001000000010300000001000000{ring}")));
        assert_eq!(bounds[..2], [Some([0.0, 0.0, 2.0, 3.5]); 2]);
        assert!(geometries[2..].iter().all(Option::is_none) && bounds[2..].iter().all(Option::is_none));
    }

    #[test]
    fn the_contracts_of_timetables_have_a_geometry_where_they_have_places() {
        for (table, name) in [("stops", "geometry"), ("shapes", "geometry"), ("locations", "geometry_wkb")] {
            let file = format!("schemas/gtfs/{table}.odcs.yaml");
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file);
            let contract = odcs::contract(Path::new(&file), &std::fs::read_to_string(path).unwrap()).unwrap();
            assert_eq!(contract.geometry.map(|geometry| geometry.name).as_deref(), Some(name));
        }
    }
}
