//! The zones of on-demand service in `locations.geojson`, and what is wrong with them (GTFS reference, "locations.geojson"; RFC
//! 7946).
//!
//! The notices stand here and not in the file of the rule, which tells them: reading the zones finds them.

use geo::{BoundingRect, Geometry, Intersects, MultiPolygon, Polygon, Rect, Relate};
use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

use super::outline::{self, Spent, Work};
use crate::contract::Severity;
use crate::decode::gtfs::json::{self, JsonFault};
use crate::feed_rules::notice::{Cut, Notice, Out, Words};

const FILE: &str = "locations.geojson";

pub static MALFORMED_JSON: Notice = Notice {
    code: "malformed_json",
    severity: Severity::Error,
    files: &[],
    fields: &["filename", "message"],
    en: Words { what: "The file is not JSON.", mend: "Export it again with a tool that writes GeoJSON." },
    de: Words { what: "Die Datei ist kein JSON.", mend: "Mit einem Werkzeug neu exportieren, das GeoJSON schreibt." },
};
pub static DUPLICATED_ELEMENT: Notice = Notice {
    code: "geo_json_duplicated_element",
    severity: Severity::Error,
    files: &[],
    fields: &["duplicatedElement", "filename"],
    en: Words {
        what: "An element stands twice in the same object, so it is not clear which one counts.",
        mend: "Remove one of the two.",
    },
    de: Words {
        what: "Ein Element steht zweimal im selben Objekt; unklar ist, welches gilt.",
        mend: "Eines der beiden entfernen.",
    },
};
pub static UNKNOWN_ELEMENT: Notice = Notice {
    code: "geo_json_unknown_element",
    severity: Severity::Info,
    files: &[],
    fields: &["filename", "unknownElement"],
    en: Words {
        what: "The GTFS reference does not know the element; readers ignore it.",
        mend: "Leave it if it is meant for others.",
    },
    de: Words {
        what: "Die GTFS-Referenz kennt das Element nicht; es wird ignoriert.",
        mend: "Belassen, falls für andere gedacht.",
    },
};
pub static MISSING_ELEMENT: Notice = Notice {
    code: "missing_required_element",
    severity: Severity::Error,
    files: &[],
    fields: &["featureId", "featureIndex", "missingElement"],
    en: Words { what: "An element is missing without which the zone cannot be used.", mend: "Add it." },
    de: Words { what: "Ein Element fehlt, ohne das die Zone nicht nutzbar ist.", mend: "Ergänzen." },
};
pub static UNSUPPORTED_TYPE: Notice = Notice {
    code: "unsupported_geo_json_type",
    severity: Severity::Error,
    files: &[],
    fields: &["geoJsonType", "message"],
    en: Words { what: "The file is not a collection of features.", mend: "Write a FeatureCollection." },
    de: Words { what: "Die Datei ist keine Sammlung von Features.", mend: "Eine FeatureCollection schreiben." },
};
pub static UNSUPPORTED_FEATURE: Notice = Notice {
    code: "unsupported_feature_type",
    severity: Severity::Error,
    files: &[],
    fields: &["featureId", "featureIndex", "featureType"],
    en: Words { what: "An entry of the collection is not a Feature.", mend: "Give it the type Feature." },
    de: Words { what: "Ein Eintrag der Sammlung ist kein Feature.", mend: "Typ Feature angeben." },
};
pub static UNSUPPORTED_GEOMETRY: Notice = Notice {
    code: "unsupported_geometry_type",
    severity: Severity::Error,
    files: &[],
    fields: &["featureId", "featureIndex", "geometryType"],
    en: Words { what: "A zone is not an area.", mend: "Draw it as Polygon or MultiPolygon." },
    de: Words { what: "Eine Zone ist keine Fläche.", mend: "Als Polygon oder MultiPolygon zeichnen." },
};
pub static INVALID_GEOMETRY: Notice = Notice {
    code: "invalid_geometry",
    severity: Severity::Error,
    files: &[],
    fields: &["featureId", "featureIndex", "geometryType", "message"],
    en: Words {
        what: "The outline of a zone is not closed or crosses itself, so what is inside is not defined.",
        mend: "Draw the outline anew.",
    },
    de: Words {
        what: "Der Umriss einer Zone ist offen oder schneidet sich selbst; was innen liegt, ist nicht bestimmt.",
        mend: "Umriss neu zeichnen.",
    },
};
pub static DUPLICATE_GEO_JSON_KEY: Notice = Notice {
    code: "duplicate_geo_json_key",
    severity: Severity::Error,
    files: &[],
    fields: &["featureId", "firstIndex", "secondIndex"],
    en: Words { what: "Two zones have the same id.", mend: "Give each its own." },
    de: Words { what: "Zwei Zonen haben dieselbe Kennung.", mend: "Jeder eine eigene geben." },
};

static CUT: Cut = Cut {
    en: "the zones have so many parts or holes near each other that not all of them were \
         compared",
    de: "Die Zonen haben so viele Teile oder Löcher nah beieinander, dass nicht alle \
         verglichen wurden",
};

/// The zones, and what is wrong with them.
#[derive(Default)]
pub struct Zones {
    /// Whether every zone could be read; a file that is not there is usable.
    pub usable: bool,
    pub all: Vec<Zone>,
    by_id: FxHashMap<String, usize>,
    /// What is wrong with them.
    pub found: Out,
}

pub struct Zone {
    pub id: String,
    /// Place in the collection, from 0.
    pub index: usize,
    pub area: Option<Geometry<f64>>,
    bounds: Option<Rect<f64>>,
    /// Corners: longitude, latitude.
    pub corners: Vec<[f64; 2]>,
}

impl Zone {
    /// Whether two zones are so near that they can share some of their area.
    pub fn is_near(&self, other: &Self) -> bool {
        self.bounds.zip(other.bounds).is_some_and(|(one, two)| one.intersects(&two))
    }

    /// Whether two zones share some of their area and neither contains the other.
    pub fn overlaps(&self, other: &Self, work: &Work) -> Result<bool, Spent> {
        match (&self.area, &other.area) {
            (Some(a), Some(b)) if self.is_near(other) => {
                work.compare(outline::rings_of(a), outline::rings_of(b))?;
                Ok(a.relate(b).is_overlaps())
            }
            _ => Ok(false),
        }
    }
}

impl Zones {
    pub fn new(text: Option<&[u8]>) -> Self {
        let mut zones = Self { usable: true, ..Self::default() };
        if let Some(text) = text {
            zones.read(text);
        }
        zones
    }

    pub fn find(&self, id: &str) -> Option<&Zone> {
        self.all.get(*self.by_id.get(id)?)
    }

    fn read(&mut self, text: &[u8]) {
        let out = &mut self.found;
        let root = match json::parse(text) {
            Ok(Value::Object(root)) => root,
            Ok(_) => {
                out.add(&MALFORMED_JSON, || [FILE.into(), "expected an object".into()]);
                self.usable = false;
                return;
            }
            Err(JsonFault::Malformed(message)) => {
                out.add(&MALFORMED_JSON, || [FILE.into(), message.into()]);
                self.usable = false;
                return;
            }
            Err(JsonFault::Duplicated(key)) => {
                out.add(&DUPLICATED_ELEMENT, || [key.into(), FILE.into()]);
                return;
            }
        };
        unknown(&root, &["type", "features"], out);
        match root.get("type").and_then(Value::as_str) {
            Some("FeatureCollection") => {}
            Some(other) => {
                out.add(&UNSUPPORTED_TYPE, || [other.into(), "write a FeatureCollection".into()]);
                self.usable = false;
                return;
            }
            None => {
                out.add(&MISSING_ELEMENT, || [Value::Null, Value::Null, "type".into()]);
                self.usable = false;
                return;
            }
        }
        let Some(features) = root.get("features").and_then(Value::as_array) else {
            out.add(&MISSING_ELEMENT, || [Value::Null, Value::Null, "features".into()]);
            self.usable = false;
            return;
        };
        let work = Work::default();
        for (index, feature) in features.iter().enumerate() {
            match zone(feature, index, &work, out) {
                Some(zone) => self.all.push(zone),
                None => self.usable = false,
            }
        }
        if !self.usable {
            return;
        }
        for (place, zone) in self.all.iter().enumerate() {
            match self.by_id.get(&zone.id) {
                Some(first) => {
                    let first = self.all[*first].index;
                    out.add(&DUPLICATE_GEO_JSON_KEY, || [zone.id.as_str().into(), first.into(), zone.index.into()]);
                }
                None => {
                    self.by_id.insert(zone.id.clone(), place);
                }
            }
        }
    }
}

fn unknown(object: &Map<String, Value>, known: &[&str], out: &mut Out) {
    for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
        out.add(&UNKNOWN_ELEMENT, || [FILE.into(), key.as_str().into()]);
    }
}

/// Reads a feature. `None` if it cannot be used.
fn zone(feature: &Value, index: usize, work: &Work, out: &mut Out) -> Option<Zone> {
    let Some(object) = feature.as_object() else {
        out.add(&MISSING_ELEMENT, || [Value::Null, index.into(), "features.id".into()]);
        return None;
    };
    unknown(object, &["id", "type", "properties", "geometry"], out);
    let id = object.get("id").map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    let id = id.filter(|id| !id.is_empty() && id != "null");
    let mut missing = Vec::new();
    if id.is_none() {
        missing.push("features.id");
    }
    match object.get("type").map(|name| name.as_str().unwrap_or_default()) {
        None => missing.push("features.type"),
        Some("Feature") => {}
        Some(other) => out.add(&UNSUPPORTED_FEATURE, || [id.as_deref().into(), index.into(), other.into()]),
    }
    if !object.contains_key("properties") {
        missing.push("features.properties");
    }
    let geometry = object.get("geometry").and_then(Value::as_object);
    match geometry {
        None => missing.push("features.geometry"),
        Some(geometry) => {
            unknown(geometry, &["type", "coordinates"], out);
            if !geometry.contains_key("type") {
                missing.push("features.geometry.type");
            } else if !geometry.contains_key("coordinates") {
                missing.push("features.geometry.coordinates");
            }
        }
    }
    for element in &missing {
        out.add(&MISSING_ELEMENT, || [id.as_deref().into(), index.into(), (*element).into()]);
    }
    let (Some(id), Some(geometry), true) = (id, geometry, missing.is_empty()) else { return None };
    let coordinates = &geometry["coordinates"];
    let mut zone = Zone { id, index, area: None, bounds: None, corners: Vec::new() };
    corners(coordinates, &mut zone.corners);
    let area = match geometry["type"].as_str().unwrap_or_default() {
        "Polygon" => polygon(coordinates).map(|polygon| {
            let fault = outline::polygon(&polygon, work).map(|fault| fault.map(|fault| fault.to_string()));
            (Geometry::Polygon(polygon), fault)
        }),
        "MultiPolygon" => coordinates
            .as_array()
            .ok_or_else(|| "coordinates is not a list".to_owned())
            .and_then(|list| list.iter().map(polygon).collect::<Result<Vec<_>, _>>())
            .map(|polygons| {
                let polygons = MultiPolygon::new(polygons);
                let fault = outline::polygons(&polygons, work).map(|fault| fault.map(|fault| fault.to_string()));
                (Geometry::MultiPolygon(polygons), fault)
            }),
        other => {
            out.add(&UNSUPPORTED_GEOMETRY, || [zone.id.as_str().into(), index.into(), other.into()]);
            return Some(zone);
        }
    };
    let message = match area {
        // What could not be looked at is not called wrong.
        Ok((area, fault @ (Ok(None) | Err(Spent)))) => {
            if fault.is_err() {
                out.cut(&CUT);
            }
            zone.bounds = area.bounding_rect();
            zone.area = Some(area);
            return Some(zone);
        }
        Ok((_, Ok(Some(fault)))) | Err(fault) => fault,
    };
    out.add(&INVALID_GEOMETRY, || {
        [zone.id.as_str().into(), index.into(), geometry["type"].clone(), message.as_str().into()]
    });
    None
}

/// All corners of a geometry, whatever its nesting.
fn corners(value: &Value, into: &mut Vec<[f64; 2]>) {
    let Some(list) = value.as_array() else { return };
    if let [Some(lon), Some(lat), ..] = list.iter().map(Value::as_f64).collect::<Vec<_>>()[..] {
        into.push([lon, lat]);
    } else {
        list.iter().for_each(|inner| corners(inner, into));
    }
}

/// A polygon of closed rings of at least four corners (RFC 7946, section 3.1.6).
fn polygon(value: &Value) -> Result<Polygon<f64>, String> {
    let ring = |value: &Value| {
        let mut points = Vec::new();
        corners(value, &mut points);
        if points.len() < 4 {
            return Err(format!("a ring has {} points, four are needed", points.len()));
        }
        if points.first() != points.last() {
            return Err("a ring does not end where it begins".to_owned());
        }
        Ok(points.into_iter().map(|[lon, lat]| (lon, lat)).collect())
    };
    let mut rings = value.as_array().ok_or("coordinates is not a list")?.iter().map(ring);
    let outer = rings.next().unwrap_or_else(|| Err("there is no ring".to_owned()))?;
    Ok(Polygon::new(outer, rings.collect::<Result<_, _>>()?))
}
