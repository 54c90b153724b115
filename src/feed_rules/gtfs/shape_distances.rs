//! Distances along a shape that do not grow with its points.

use super::prelude::*;
use crate::geo;

pub static DECREASING: Notice = Notice {
    code: "decreasing_shape_distance",
    severity: Severity::Error,
    files: &["shapes.txt"],
    fields: &[
        "csvRowNumber",
        "prevCsvRowNumber",
        "prevShapeDistTraveled",
        "prevShapePtSequence",
        "shapeDistTraveled",
        "shapeId",
        "shapePtSequence",
    ],
    en: Words {
        what: "The distance along the shape goes back.",
        mend: "Correct shape_dist_traveled, or the order of the points.",
    },
    de: Words {
        what: "Die Entfernung entlang des Linienwegs geht zurück.",
        mend: "shape_dist_traveled oder Reihenfolge der Punkte berichtigen.",
    },
};
pub static EQUAL_DIFFERENT: Notice = Notice {
    code: "equal_shape_distance_diff_coordinates",
    severity: Severity::Error,
    files: &["shapes.txt", "stops.txt"],
    fields: &[
        "actualDistanceBetweenShapePoints",
        "csvRowNumber",
        "prevCsvRowNumber",
        "prevShapeDistTraveled",
        "prevShapePtSequence",
        "shapeDistTraveled",
        "shapeId",
        "shapePtSequence",
    ],
    en: Words {
        what: "Two points in different places have the same distance along the shape.",
        mend: "Write shape_dist_traveled with more decimals.",
    },
    de: Words {
        what: "Zwei Punkte an verschiedenen Orten haben dieselbe Entfernung entlang des Linienwegs.",
        mend: "shape_dist_traveled mit mehr Nachkommastellen schreiben.",
    },
};
pub static EQUAL_NEAR: Notice = Notice {
    code: "equal_shape_distance_diff_coordinates_distance_below_threshold",
    severity: Severity::Warning,
    files: &["shapes.txt", "stops.txt"],
    fields: &[
        "actualDistanceBetweenShapePoints",
        "csvRowNumber",
        "prevCsvRowNumber",
        "prevShapeDistTraveled",
        "prevShapePtSequence",
        "shapeDistTraveled",
        "shapeId",
        "shapePtSequence",
    ],
    en: Words {
        what: "Two points less than about a metre apart have the same distance along the shape.",
        mend: "Write more decimals, or leave one of the points out.",
    },
    de: Words {
        what: "Zwei Punkte mit weniger als etwa einem Meter Abstand haben dieselbe Entfernung entlang des Linienwegs.",
        mend: "Mehr Nachkommastellen schreiben oder einen Punkt weglassen.",
    },
};
pub static EQUAL_SAME: Notice = Notice {
    code: "equal_shape_distance_same_coordinates",
    severity: Severity::Warning,
    files: &["shapes.txt", "stops.txt"],
    fields: &[
        "csvRowNumber",
        "prevCsvRowNumber",
        "prevShapeDistTraveled",
        "prevShapePtSequence",
        "shapeDistTraveled",
        "shapeId",
        "shapePtSequence",
    ],
    en: Words { what: "The same point stands twice.", mend: "Delete one of the two." },
    de: Words { what: "Derselbe Punkt steht zweimal da.", mend: "Einen der beiden löschen." },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&DECREASING, &EQUAL_DIFFERENT, &EQUAL_NEAR, &EQUAL_SAME],
    needs: Needs::Tables(&["shapes"]),
    check: Some(check),
    examples: &[
        fails(
            "decreasing_shape_distance",
            1,
            &[(
                "shapes.txt",
                "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\n\
                 p,48.47,7.94,1,1\n\
                 p,48.476,7.946,2,0.9\n\
                 p,48.482,7.952,3,2\n",
            )],
        ),
        passes(
            "decreasing_shape_distance",
            &[(
                "shapes.txt",
                "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\n\
                 p,48.482,7.952,3,2\n\
                 p,48.476,7.946,2,1\n\
                 p,48.47,7.94,1,0\n",
            )],
        ),
        fails(
            "equal_shape_distance_diff_coordinates",
            1,
            &[(
                "shapes.txt",
                "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\n\
                 p,48.47,7.94,1,0\n\
                 p,48.476,7.946,2,1\n\
                 p,48.482,7.952,3,1\n",
            )],
        ),
        passes(
            "equal_shape_distance_diff_coordinates",
            &[(
                "shapes.txt",
                "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\n\
                 p,48.47,7.94,1,0\n\
                 p,48.476,7.946,2,1\n\
                 p,48.482,7.952,3,\n",
            )],
        ),
        fails(
            "equal_shape_distance_diff_coordinates_distance_below_threshold",
            1,
            &[(
                "shapes.txt",
                "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\n\
                 p,48.47,7.94,1,0\n\
                 p,48.476,7.946,2,1\n\
                 p,48.476001,7.946,3,1\n\
                 p,48.482,7.952,4,2\n",
            )],
        ),
        passes(
            "equal_shape_distance_diff_coordinates_distance_below_threshold",
            &[(
                "shapes.txt",
                "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\n\
                 p,48.47,7.94,1,0\n\
                 p,48.476,7.946,2,1\n\
                 p,48.476001,7.946,3,1.001\n\
                 p,48.482,7.952,4,2\n",
            )],
        ),
        fails(
            "equal_shape_distance_same_coordinates",
            1,
            &[(
                "shapes.txt",
                "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\n\
                 p,48.47,7.94,1,0\n\
                 p,48.476,7.946,2,1\n\
                 p,48.476,7.946,3,1\n\
                 p,48.482,7.952,4,2\n",
            )],
        ),
        passes(
            "equal_shape_distance_same_coordinates",
            &[(
                "shapes.txt",
                "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\n\
                 p,48.47,7.94,1,0\n\
                 p,48.476,7.946,2,1\n\
                 p,48.476,7.946,3,2\n\
                 p,48.482,7.952,4,3\n",
            )],
        ),
    ],
};

/// Metres from which two points are different places.
const APART: f64 = 1.11;

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("shapes");
    let distances = table.float("shape_dist_traveled");
    if !table.has("shape_dist_traveled") {
        return;
    }
    let (lat, lon) = (table.float("shape_pt_lat"), table.float("shape_pt_lon"));
    let place = |row: usize| [lat.or(row, 0.0), lon.or(row, 0.0)];
    for (_, rows) in feed.shape_points().iter() {
        for i in 1..rows.len() {
            let (prev, curr) = (rows.at(i - 1), rows.at(i));
            let (Some(before), Some(after)) = (distances.get(prev), distances.get(curr)) else { continue };
            if before < after {
                continue;
            }
            let sequence = table.int("shape_pt_sequence");
            let shared = || {
                let id = table.text("shape_id").value(curr);
                [
                    table.at(curr),
                    table.at(prev),
                    before.into(),
                    sequence.value(prev),
                    after.into(),
                    id,
                    sequence.value(curr),
                ]
            };
            if before > after {
                out.add(&DECREASING, shared);
            } else if place(prev) == place(curr) {
                out.add(&EQUAL_SAME, shared);
            } else {
                let metres = geo::metres(place(curr), place(prev));
                let notice = if metres >= APART { &EQUAL_DIFFERENT } else { &EQUAL_NEAR };
                if metres > 0.0 {
                    out.add(notice, || {
                        let [row, prev_row, prev_dist, prev_sequence, dist, id, sequence] = shared();
                        [metres.into(), row, prev_row, prev_dist, prev_sequence, dist, id, sequence]
                    });
                }
            }
        }
    }
}
