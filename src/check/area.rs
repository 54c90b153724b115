//! The area that a city's buses serve.

use std::path::{Path, PathBuf};

use geo::{BoundingRect, Contains, LineString, MultiPolygon, Point, Polygon, Rect, coord};
use serde_json::Value;

use crate::digest::Digest;

/// A box of degrees or the polygons of a GeoJSON file.
#[derive(Clone, Debug)]
pub struct ServiceArea {
    bounds: Rect<f64>,
    /// Nothing for a box.
    polygons: Option<MultiPolygon<f64>>,
    /// Where the polygons stand.
    pub file: Option<PathBuf>,
    /// Of `text`.
    pub digest: Digest,
    /// What it was read from: the file, or the words of the box.
    pub text: bytes::Bytes,
}

impl ServiceArea {
    /// From south, west, north, east in degrees (WGS 84).
    pub fn of_box([south, west, north, east]: [f64; 4]) -> Result<Self, String> {
        let fits = (-90.0..=90.0).contains(&south) && (-90.0..=90.0).contains(&north) && south < north;
        if !fits || !(-180.0..=180.0).contains(&west) || !(-180.0..=180.0).contains(&east) || west >= east {
            return Err("the four numbers are not south, west, north, east".to_owned());
        }
        let bounds = Rect::new(coord! { x: west, y: south }, coord! { x: east, y: north });
        let text = format!("box {south} {west} {north} {east}");
        Ok(Self { bounds, polygons: None, file: None, digest: Digest::of(text.as_bytes()), text: text.into() })
    }

    /// From the polygons of a GeoJSON file (RFC 7946).
    pub fn of_file(path: &Path) -> Result<Self, String> {
        let bytes = crate::durable::read(path).map_err(|error| format!("cannot be read: {error}"))?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| format!("is no JSON: {error}"))?;
        let mut polygons = Vec::new();
        collect(&value, &mut polygons)?;
        let polygons = MultiPolygon(polygons);
        let bounds = polygons.bounding_rect().ok_or("has no Polygon and no MultiPolygon")?;
        let (file, digest) = (Some(path.to_owned()), Digest::of(&bytes));
        Ok(Self { bounds, polygons: Some(polygons), file, digest, text: bytes.into() })
    }

    /// South, west, north, east in degrees.
    pub fn bounds(&self) -> [f64; 4] {
        let (min, max) = (self.bounds.min(), self.bounds.max());
        [min.y, min.x, max.y, max.x]
    }

    /// Whether a place lies in the area or on its bounds.
    pub fn contains(&self, lat: f64, lon: f64) -> bool {
        let inside = (self.bounds.min().y..=self.bounds.max().y).contains(&lat)
            && (self.bounds.min().x..=self.bounds.max().x).contains(&lon);
        inside && self.polygons.as_ref().is_none_or(|polygons| polygons.contains(&Point::new(lon, lat)))
    }
}

fn collect(value: &Value, polygons: &mut Vec<Polygon<f64>>) -> Result<(), String> {
    let list = |key: &str| value[key].as_array().map_or(&[][..], Vec::as_slice);
    match value["type"].as_str().unwrap_or_default() {
        "FeatureCollection" => list("features").iter().try_for_each(|feature| collect(feature, polygons)),
        "Feature" => collect(&value["geometry"], polygons),
        "GeometryCollection" => list("geometries").iter().try_for_each(|geometry| collect(geometry, polygons)),
        "Polygon" => {
            polygons.push(polygon(&value["coordinates"])?);
            Ok(())
        }
        "MultiPolygon" => {
            for coordinates in list("coordinates") {
                polygons.push(polygon(coordinates)?);
            }
            Ok(())
        }
        // Points and lines enclose nothing.
        _ => Ok(()),
    }
}

fn polygon(coordinates: &Value) -> Result<Polygon<f64>, String> {
    let mut rings = Vec::new();
    for ring in coordinates.as_array().map_or(&[][..], Vec::as_slice) {
        let mut points = Vec::new();
        for position in ring.as_array().map_or(&[][..], Vec::as_slice) {
            match (position[0].as_f64(), position[1].as_f64()) {
                (Some(x), Some(y)) if x.abs() <= 180.0 && y.abs() <= 90.0 => points.push(coord! { x: x, y: y }),
                _ => return Err(format!("has the position {position}, which is not longitude and latitude")),
            }
        }
        rings.push(LineString::new(points));
    }
    if rings.first().is_none_or(|ring| ring.0.len() < 4) {
        return Err("has a polygon without an outline".to_owned());
    }
    let outline = rings.remove(0);
    Ok(Polygon::new(outline, rings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_and_a_polygon_know_what_is_inside() {
        let area = ServiceArea::of_box([48.2, 7.6, 48.75, 8.3]).unwrap();
        assert!(area.contains(48.47, 7.94) && area.contains(48.2, 7.6));
        assert!(!area.contains(0.0, 0.0) && !area.contains(48.47, 8.31));
        assert!(ServiceArea::of_box([48.75, 7.6, 48.2, 8.3]).is_err());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("area.geojson");
        let hole = "[[7.93,48.46],[7.95,48.46],[7.95,48.48],[7.93,48.48],[7.93,48.46]]";
        let text = format!(
            r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","geometry":{{"type":"Polygon","coordinates":[[[7.9,48.4],[8.0,48.4],[8.0,48.5],[7.9,48.5],[7.9,48.4]],{hole}]}}}}]}}"#
        );
        std::fs::write(&file, text).unwrap();
        let area = ServiceArea::of_file(&file).unwrap();
        assert!(area.contains(48.41, 7.91) && !area.contains(48.47, 7.94) && !area.contains(48.6, 7.91));
        for (text, expected) in [
            ("{", "is no JSON"),
            (r#"{"type":"Point","coordinates":[7,48]}"#, "has no Polygon"),
            (r#"{"type":"Polygon","coordinates":[[[7,480],[8,48],[8,49],[7,480]]]}"#, "not longitude and latitude"),
            (r#"{"type":"Polygon","coordinates":[]}"#, "without an outline"),
        ] {
            std::fs::write(&file, text).unwrap();
            let told = ServiceArea::of_file(&file).unwrap_err();
            assert!(told.contains(expected), "{told}");
        }
    }
}
