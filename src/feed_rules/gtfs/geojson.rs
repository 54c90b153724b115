//! What is wrong with `locations.geojson`, as reading it found.

use super::prelude::*;
use super::zones::{
    DUPLICATE_GEO_JSON_KEY, DUPLICATED_ELEMENT, INVALID_GEOMETRY, MALFORMED_JSON, MISSING_ELEMENT, UNKNOWN_ELEMENT,
    UNSUPPORTED_FEATURE, UNSUPPORTED_GEOMETRY, UNSUPPORTED_TYPE,
};

const ZONE: &str = r#"{"type":"FeatureCollection","features":[{"id":"z","type":"Feature","properties":{},
                      "geometry":{"type":"Polygon","coordinates":[[[7.9,48.4],[8.0,48.4],[8.0,48.5],[7.9,
                      48.4]]]}}]}"#;

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[
        &MALFORMED_JSON,
        &DUPLICATED_ELEMENT,
        &UNKNOWN_ELEMENT,
        &MISSING_ELEMENT,
        &UNSUPPORTED_TYPE,
        &UNSUPPORTED_FEATURE,
        &UNSUPPORTED_GEOMETRY,
        &INVALID_GEOMETRY,
        &DUPLICATE_GEO_JSON_KEY,
    ],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails("malformed_json", 1, &[("locations.geojson", "{\"type\": ")]),
        passes("malformed_json", &[("locations.geojson", ZONE)]),
        fails(
            "geo_json_duplicated_element",
            1,
            &[("locations.geojson", r#"{"type":"FeatureCollection","type":"FeatureCollection","features":[]}"#)],
        ),
        passes("geo_json_duplicated_element", &[("locations.geojson", ZONE)]),
        fails(
            "geo_json_unknown_element",
            2,
            &[(
                "locations.geojson",
                r#"{"type":"FeatureCollection","name":"x","features":[{"id":"z","type":"Feature",
                   "bbox":[],"properties":{},"geometry":{"type":"Polygon","coordinates":[[[7.9,48.4],
                   [8.0,48.4],[8.0,48.5],[7.9,48.4]]]}}]}"#,
            )],
        ),
        passes("geo_json_unknown_element", &[("locations.geojson", ZONE)]),
        fails(
            "missing_required_element",
            2,
            &[(
                "locations.geojson",
                r#"{"type":"FeatureCollection","features":[{"type":"Feature",
                   "geometry":{"type":"Polygon","coordinates":[]}}]}"#,
            )],
        ),
        passes("missing_required_element", &[("locations.geojson", ZONE)]),
        fails("unsupported_geo_json_type", 1, &[("locations.geojson", r#"{"type":"Feature","features":[]}"#)]),
        passes("unsupported_geo_json_type", &[("locations.geojson", ZONE)]),
        fails(
            "unsupported_feature_type",
            1,
            &[(
                "locations.geojson",
                r#"{"type":"FeatureCollection","features":[{"id":"z","type":"Zone","properties":{},
                   "geometry":{"type":"Polygon","coordinates":[[[7.9,48.4],[8.0,48.4],[8.0,48.5],[7.9,
                   48.4]]]}}]}"#,
            )],
        ),
        passes("unsupported_feature_type", &[("locations.geojson", ZONE)]),
        fails(
            "unsupported_geometry_type",
            1,
            &[(
                "locations.geojson",
                r#"{"type":"FeatureCollection","features":[{"id":"z","type":"Feature","properties":{},
                   "geometry":{"type":"LineString","coordinates":[[7.9,48.4],[8.0,48.4]]}}]}"#,
            )],
        ),
        passes("unsupported_geometry_type", &[("locations.geojson", ZONE)]),
        fails(
            "invalid_geometry",
            1,
            &[(
                "locations.geojson",
                r#"{"type":"FeatureCollection","features":[{"id":"z","type":"Feature","properties":{},
                   "geometry":{"type":"Polygon","coordinates":[[[7.9,48.4],[8.0,48.5],[8.0,48.4],[7.9,
                   48.5],[7.9,48.4]]]}}]}"#,
            )],
        ),
        fails(
            "invalid_geometry",
            1,
            &[(
                "locations.geojson",
                r#"{"type":"FeatureCollection","features":[{"id":"z","type":"Feature","properties":{},
                   "geometry":{"type":"Polygon","coordinates":[[[7.9,48.4],[8.0,48.4],[8.0,48.5]]]}}]}"#,
            )],
        ),
        passes("invalid_geometry", &[("locations.geojson", ZONE)]),
        fails(
            "duplicate_geo_json_key",
            1,
            &[(
                "locations.geojson",
                r#"{"type":"FeatureCollection","features":[{"id":"z","type":"Feature","properties":{},
                   "geometry":{"type":"Polygon","coordinates":[[[7.9,48.4],[8.0,48.4],[8.0,48.5],[7.9,
                   48.4]]]}},{"id":"z","type":"Feature","properties":{},"geometry":{"type":"Polygon",
                   "coordinates":[[[7.9,48.4],[8.0,48.4],[8.0,48.5],[7.9,48.4]]]}}]}"#,
            )],
        ),
        passes("duplicate_geo_json_key", &[("locations.geojson", ZONE)]),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    out.merge(feed.zones().found.clone());
}
