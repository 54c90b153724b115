//! Zones in which no position is published: depots, lay-over places. Read from a GeoJSON file (RFC 7946) of polygons, and of points
//! with a `radius_m` in metres as a property, which are circles.
//!
//! A file is small and is checked before it is used: what is no such zone is told with its line.

use std::path::Path;

use geo::{BoundingRect, Contains, LineString, MultiPolygon, Point, Polygon, Rect, coord};
use serde_json::Value;

use crate::digest::Digest;
use crate::geo::metres;

/// Bytes of a file, zones in it, and corners of all of them.
const MOST_BYTES: u64 = 8 << 20;
const MOST_ZONES: usize = 1_000;
const MOST_CORNERS: usize = 100_000;
/// Metres of a circle.
const MOST_METRES: f64 = 20_000.0;

/// The zones of a file.
#[derive(Clone, Debug)]
pub struct Zones {
    zones: Vec<Zone>,
    /// Of the file's bytes.
    pub digest: Digest,
}

#[derive(Clone, Debug)]
enum Zone {
    Area(Rect<f64>, MultiPolygon<f64>),
    /// Latitude and longitude of the middle, and metres.
    Circle([f64; 2], f64),
}

/// What is wrong with a file of zones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneProblem {
    /// 0 where it is the file as a whole.
    pub line: u32,
    pub problem: String,
}

impl Zones {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is too large, or a member of it is no zone.
    pub fn read(file: &Path) -> Result<Self, ZoneProblem> {
        let whole = |problem: String| ZoneProblem { line: 0, problem };
        let length = std::fs::metadata(file).map_err(|error| whole(format!("cannot be read: {error}")))?.len();
        if length > MOST_BYTES {
            return Err(whole(format!("has {length} bytes, and zones have {MOST_BYTES} at most")));
        }
        let bytes = crate::durable::read(file).map_err(|error| whole(format!("cannot be read: {error}")))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| whole("is no UTF-8".to_owned()))?;
        Self::of(text)
    }

    /// The same from its text.
    ///
    /// # Errors
    /// As of [`Self::read`].
    pub fn of(text: &str) -> Result<Self, ZoneProblem> {
        let collection: Value = serde_json::from_str(text).map_err(|error| ZoneProblem {
            line: u32::try_from(error.line()).unwrap_or_default(),
            problem: format!("is no JSON: {error}"),
        })?;
        let first = |problem: String| ZoneProblem { line: 1, problem };
        if collection["type"] != "FeatureCollection" {
            let kind: String = collection["type"].as_str().unwrap_or_default().chars().take(40).collect();
            return Err(first(format!("is a '{}', expected a FeatureCollection", crate::yaml::shown(&kind))));
        }
        let features = collection["features"].as_array().map_or(&[][..], Vec::as_slice);
        if features.is_empty() || features.len() > MOST_ZONES {
            return Err(first(format!("has {} zones, expected 1 to {MOST_ZONES}", features.len())));
        }
        let lines = lines_of_features(text);
        let (mut zones, mut corners) = (Vec::new(), 0);
        for (place, feature) in features.iter().enumerate() {
            let told = |problem: String| ZoneProblem { line: lines.get(place).copied().unwrap_or_default(), problem };
            zones.push(zone(feature, &mut corners).map_err(told)?);
        }
        if corners > MOST_CORNERS {
            return Err(first(format!("has {corners} corners, expected {MOST_CORNERS} at most")));
        }
        Ok(Self { zones, digest: Digest::of(text.as_bytes()) })
    }

    /// Whether a place lies in one of them.
    pub fn contain(&self, [lat, lon]: [f64; 2]) -> bool {
        self.zones.iter().any(|zone| match zone {
            Zone::Area(bounds, polygons) => {
                let point = Point::new(lon, lat);
                bounds.contains(&point) && polygons.contains(&point)
            }
            Zone::Circle(middle, radius) => metres(*middle, [lat, lon]) <= *radius,
        })
    }

    pub fn count(&self) -> usize {
        self.zones.len()
    }
}

/// The line on which each item of the list `features` of a document begins, which is JSON.
fn lines_of_features(text: &str) -> Vec<u32> {
    let (mut lines, mut line, mut depth) = (Vec::new(), 1, 0);
    // Where a string began; the last one of the document itself, which is a key before a colon.
    let (mut string, mut is_escaped, mut key) = (None, false, "");
    let (mut is_features, mut is_due) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        line += u32::from(byte == b'\n');
        if let Some(begin) = string {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => {
                    if depth == 1 {
                        key = &text[begin..at];
                    }
                    string = None;
                }
                _ => {}
            }
            continue;
        }
        if is_due && !byte.is_ascii_whitespace() {
            lines.push(line);
            is_due = false;
        }
        match byte {
            b'"' => string = Some(at + 1),
            b'{' | b'[' => {
                if depth == 1 {
                    is_features = byte == b'[' && key == "features";
                    is_due = is_features;
                }
                depth += 1;
            }
            b'}' | b']' => depth -= 1,
            b',' => is_due = depth == 2 && is_features,
            _ => {}
        }
    }
    lines
}

fn zone(feature: &Value, corners: &mut usize) -> Result<Zone, String> {
    let geometry = &feature["geometry"];
    let coordinates = &geometry["coordinates"];
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let polygons = match geometry["type"].as_str().unwrap_or_default() {
        "Polygon" => vec![polygon(coordinates, corners)?],
        "MultiPolygon" => {
            list(coordinates).iter().map(|polygon| self::polygon(polygon, corners)).collect::<Result<_, _>>()?
        }
        "Point" => {
            let [lon, lat] = position(coordinates)?;
            let radius = feature["properties"]["radius_m"].as_f64();
            return match radius.filter(|metres| *metres > 0.0 && *metres <= MOST_METRES) {
                Some(radius) => Ok(Zone::Circle([lat, lon], radius)),
                None => Err(format!("has a point without the property 'radius_m', metres up to {MOST_METRES}")),
            };
        }
        other => {
            return Err(format!(
                "has a zone whose geometry is '{}', expected Polygon, MultiPolygon or Point",
                crate::yaml::shown(&other.chars().take(40).collect::<String>())
            ));
        }
    };
    let polygons = MultiPolygon(polygons);
    let bounds = polygons.bounding_rect().ok_or("has a zone without a polygon")?;
    Ok(Zone::Area(bounds, polygons))
}

fn polygon(coordinates: &Value, corners: &mut usize) -> Result<Polygon<f64>, String> {
    let mut rings = Vec::new();
    for ring in coordinates.as_array().ok_or("has a polygon without a list of rings")? {
        let positions = ring.as_array().ok_or("has a ring that is no list of positions")?;
        *corners += positions.len();
        let positions = positions.iter().map(position).collect::<Result<Vec<_>, _>>()?;
        if positions.len() < 4 || positions.first() != positions.last() {
            return Err("has a ring of less than four positions, or one that does not end where it begins".to_owned());
        }
        rings.push(LineString::new(positions.into_iter().map(|[x, y]| coord! { x: x, y: y }).collect()));
    }
    if rings.is_empty() {
        return Err("has a polygon without an outline".to_owned());
    }
    let outline = rings.remove(0);
    Ok(Polygon::new(outline, rings))
}

/// Longitude and latitude.
fn position(value: &Value) -> Result<[f64; 2], String> {
    match (value[0].as_f64(), value[1].as_f64()) {
        (Some(lon), Some(lat)) if lon.abs() <= 180.0 && lat.abs() <= 90.0 => Ok([lon, lat]),
        _ => Err("has a position that is not longitude and latitude".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(geometry: &str, properties: &str) -> String {
        format!(r#"{{"type":"Feature","properties":{properties},"geometry":{geometry}}}"#)
    }

    fn collection(features: &[String]) -> String {
        format!("{{\"type\":\"FeatureCollection\",\n\"features\":[\n{}\n]}}", features.join(",\n"))
    }

    const SQUARE: &str =
        r#"{"type":"Polygon","coordinates":[[[7.9,48.4],[8.0,48.4],[8.0,48.5],[7.9,48.5],[7.9,48.4]]]}"#;
    const MIDDLE: &str = r#"{"type":"Point","coordinates":[8.2,48.6]}"#;

    #[test]
    fn places_in_polygons_and_circles_are_in_a_zone() {
        let zones = Zones::of(&collection(&[feature(SQUARE, "{}"), feature(MIDDLE, r#"{"radius_m":200}"#)])).unwrap();
        assert!(zones.contain([48.45, 7.95]) && zones.contain([48.6, 8.2]) && zones.contain([48.6015, 8.2]));
        assert!(!zones.contain([48.45, 8.05]) && !zones.contain([48.603, 8.2]));
        assert_eq!(zones.count(), 2);
    }

    #[test]
    fn what_is_no_zone_is_told_with_its_line() {
        let open = r#"{"type":"Polygon","coordinates":[[[7.9,48.4],[8.0,48.4],[8.0,48.5],[7.9,48.5]]]}"#;
        for (second, expected) in [
            (feature(MIDDLE, "{}"), "has a point without the property 'radius_m'"),
            (feature(MIDDLE, r#"{"radius_m":1e9}"#), "has a point without the property 'radius_m'"),
            (feature(open, "{}"), "does not end where it begins"),
            (feature(r#"{"type":"LineString","coordinates":[]}"#, "{}"), "geometry is 'LineString'"),
            (feature(&SQUARE.replace("48.5", "485"), "{}"), "has a position that is not longitude and latitude"),
            (feature(r#"{"type":"Polygon","coordinates":7}"#, "{}"), "has a polygon without a list of rings"),
            (feature("null", "{}"), "geometry is ''"),
            ("17".to_owned(), "geometry is ''"),
        ] {
            let problem = Zones::of(&collection(&[feature(SQUARE, "{}"), second])).unwrap_err();
            assert_eq!(problem.line, 4, "{problem:?}");
            assert!(problem.problem.contains(expected), "{problem:?}");
        }
        for (text, line, expected) in [
            ("{\n\n]", 3, "is no JSON"),
            (SQUARE, 1, "is a 'Polygon', expected a FeatureCollection"),
            (r#"{"type":"FeatureCollection","features":[]}"#, 1, "has 0 zones"),
            ("", 1, "is no JSON"),
        ] {
            let problem = Zones::of(text).unwrap_err();
            assert!(problem.problem.contains(expected), "{problem:?}");
            assert!(problem.line <= line, "{problem:?}");
        }
    }

    #[test]
    fn files_without_measure_are_refused() {
        let deep = format!("{{\"type\":\"FeatureCollection\",\"features\":[{}", "[".repeat(100_000));
        assert!(Zones::of(&deep).unwrap_err().problem.contains("is no JSON"));
        let many = vec![feature(SQUARE, "{}"); MOST_ZONES + 1];
        assert!(Zones::of(&collection(&many)).unwrap_err().problem.contains("expected 1 to 1000"));
        let ring: Vec<&str> = std::iter::repeat_n("[7.9,48.4]", MOST_CORNERS + 1).collect();
        let large = format!(r#"{{"type":"Polygon","coordinates":[[{}]]}}"#, ring.join(","));
        assert!(Zones::of(&collection(&[feature(&large, "{}")])).unwrap_err().problem.contains("corners"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("zones.geojson");
        std::fs::write(&file, vec![b' '; MOST_BYTES as usize + 1]).unwrap();
        assert!(Zones::read(&file).unwrap_err().problem.contains("bytes"));
        assert_eq!(Zones::read(&folder.path().join("none")).unwrap_err().line, 0);
    }
}
