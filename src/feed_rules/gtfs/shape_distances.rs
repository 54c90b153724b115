//! Distances along a shape that do not grow with its points.

use super::prelude::*;
use crate::geo;

notice!(DECREASING = "decreasing_shape_distance", Error, ["shapes.txt"],
    ["csvRowNumber", "prevCsvRowNumber", "prevShapeDistTraveled", "prevShapePtSequence", "shapeDistTraveled", "shapeId", "shapePtSequence"],
    "The distance along the shape goes back.", "Correct shape_dist_traveled, or the order of the points.",
    "Die Entfernung entlang des Linienwegs geht zurück.", "shape_dist_traveled oder Reihenfolge der Punkte berichtigen.");
notice!(EQUAL_DIFFERENT = "equal_shape_distance_diff_coordinates", Error, ["shapes.txt", "stops.txt"],
    ["actualDistanceBetweenShapePoints", "csvRowNumber", "prevCsvRowNumber", "prevShapeDistTraveled", "prevShapePtSequence", "shapeDistTraveled", "shapeId", "shapePtSequence"],
    "Two points in different places have the same distance along the shape.", "Write shape_dist_traveled with more decimals.",
    "Zwei Punkte an verschiedenen Orten haben dieselbe Entfernung entlang des Linienwegs.", "shape_dist_traveled mit mehr Nachkommastellen schreiben.");
notice!(EQUAL_NEAR = "equal_shape_distance_diff_coordinates_distance_below_threshold", Warning, ["shapes.txt", "stops.txt"],
    ["actualDistanceBetweenShapePoints", "csvRowNumber", "prevCsvRowNumber", "prevShapeDistTraveled", "prevShapePtSequence", "shapeDistTraveled", "shapeId", "shapePtSequence"],
    "Two points less than about a metre apart have the same distance along the shape.", "Write more decimals, or leave one of the points out.",
    "Zwei Punkte mit weniger als etwa einem Meter Abstand haben dieselbe Entfernung entlang des Linienwegs.", "Mehr Nachkommastellen schreiben oder einen Punkt weglassen.");
notice!(EQUAL_SAME = "equal_shape_distance_same_coordinates", Warning, ["shapes.txt", "stops.txt"],
    ["csvRowNumber", "prevCsvRowNumber", "prevShapeDistTraveled", "prevShapePtSequence", "shapeDistTraveled", "shapeId", "shapePtSequence"],
    "The same point stands twice.", "Delete one of the two.",
    "Derselbe Punkt steht zweimal da.", "Einen der beiden löschen.");

rule!([DECREASING, EQUAL_DIFFERENT, EQUAL_NEAR, EQUAL_SAME], needs: ["shapes"], check, &[
    fails("decreasing_shape_distance", 1, &[("shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\np,48.47,7.94,1,1\np,48.476,7.946,2,0.9\np,48.482,7.952,3,2\n")]),
    passes("decreasing_shape_distance", &[("shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\np,48.482,7.952,3,2\np,48.476,7.946,2,1\np,48.47,7.94,1,0\n")]),
    fails("equal_shape_distance_diff_coordinates", 1, &[("shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\np,48.47,7.94,1,0\np,48.476,7.946,2,1\np,48.482,7.952,3,1\n")]),
    passes("equal_shape_distance_diff_coordinates", &[("shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\np,48.47,7.94,1,0\np,48.476,7.946,2,1\np,48.482,7.952,3,\n")]),
    fails("equal_shape_distance_diff_coordinates_distance_below_threshold", 1, &[("shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\np,48.47,7.94,1,0\np,48.476,7.946,2,1\np,48.476001,7.946,3,1\np,48.482,7.952,4,2\n")]),
    passes("equal_shape_distance_diff_coordinates_distance_below_threshold", &[("shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\np,48.47,7.94,1,0\np,48.476,7.946,2,1\np,48.476001,7.946,3,1.001\np,48.482,7.952,4,2\n")]),
    fails("equal_shape_distance_same_coordinates", 1, &[("shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\np,48.47,7.94,1,0\np,48.476,7.946,2,1\np,48.476,7.946,3,1\np,48.482,7.952,4,2\n")]),
    passes("equal_shape_distance_same_coordinates", &[("shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\np,48.47,7.94,1,0\np,48.476,7.946,2,1\np,48.476,7.946,3,2\np,48.482,7.952,4,3\n")]),
]);

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
                [table.at(curr), table.at(prev), before.into(), sequence.value(prev), after.into(), id, sequence.value(curr)]
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
