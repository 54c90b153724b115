//! Places where no bus goes: near 0, 0 and near the poles.

use serde_json::Value;

use super::prelude::*;

pub static NEAR_ORIGIN: Notice = Notice {
    code: "point_near_origin",
    severity: Severity::Error,
    files: &[],
    fields: &[
        "csvRowNumber",
        "entityId",
        "featureIndex",
        "filename",
        "latFieldName",
        "latFieldValue",
        "lonFieldName",
        "lonFieldValue",
    ],
    en: Words {
        what: "The place is in the sea off Africa, where 0, 0 is: the coordinates are missing or in another system.",
        mend: "Write degrees of WGS 84.",
    },
    de: Words {
        what: "Der Ort liegt im Meer vor Afrika, bei 0, 0: Koordinaten fehlen oder sind in einem anderen System.",
        mend: "Grad in WGS 84 schreiben.",
    },
};
pub static NEAR_POLE: Notice = Notice {
    code: "point_near_pole",
    severity: Severity::Error,
    files: &[],
    fields: &[
        "csvRowNumber",
        "entityId",
        "featureIndex",
        "filename",
        "latFieldName",
        "latFieldValue",
        "lonFieldName",
        "lonFieldValue",
    ],
    en: Words { what: "The place is at a pole.", mend: "Write degrees of WGS 84, latitude and longitude not swapped." },
    de: Words {
        what: "Der Ort liegt an einem Pol.",
        mend: "Grad in WGS 84 schreiben, Breite und Länge nicht vertauscht.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&NEAR_ORIGIN, &NEAR_POLE],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails("point_near_origin", 1, &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,Rathaus,0.5,-1.0\n")]),
        fails(
            "point_near_origin",
            1,
            &[(
                "locations.geojson",
                r#"{"type":"FeatureCollection","features":[{"id":"z","type":"Feature","properties":{},
                   "geometry":{"type":"Polygon","coordinates":[[[7.9,48.4],[0.1,0.2],[8.0,48.5],[7.9,
                   48.4]]]}}]}"#,
            )],
        ),
        passes("point_near_origin", &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,Rathaus,0.5,1.5\n")]),
        fails(
            "point_near_pole",
            2,
            &[("shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\np,89,7.94,1\np,-89.5,7.94,2\n")],
        ),
        passes(
            "point_near_pole",
            &[("shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\np,88.9,7.94,1\np,88.8,7.94,2\n")],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    for (name, lat_name, lon_name, id) in
        [("stops", "stop_lat", "stop_lon", Some("stop_id")), ("shapes", "shape_pt_lat", "shape_pt_lon", None)]
    {
        let table = feed.table(name);
        let (lat, lon) = (table.float(lat_name), table.float(lon_name));
        for row in table.good() {
            let (Some(y), Some(x)) = (lat.get(row), lon.get(row)) else { continue };
            let place = || {
                let id = id.map_or(Value::Null, |id| table.text(id).value(row));
                let file = table.file.as_str().into();
                [table.at(row), id, Value::Null, file, lat_name.into(), y.into(), lon_name.into(), x.into()]
            };
            if y.abs() <= 1.0 && x.abs() <= 1.0 {
                out.add(&NEAR_ORIGIN, place);
            }
            if y.abs() >= 89.0 {
                out.add(&NEAR_POLE, place);
            }
        }
    }
    for zone in &feed.zones().all {
        for &[x, y] in &zone.corners {
            let place = || {
                let (id, file) = (zone.id.as_str(), "locations.geojson");
                [Value::Null, id.into(), zone.index.into(), file.into(), "lat".into(), y.into(), "lon".into(), x.into()]
            };
            if x.abs() <= 1.0 && y.abs() <= 1.0 {
                out.add(&NEAR_ORIGIN, place);
            } else if y.abs() >= 89.0 {
                out.add(&NEAR_POLE, place);
            }
        }
    }
}
