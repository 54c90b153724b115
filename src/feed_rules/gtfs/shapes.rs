//! Shapes that no trip follows, or that are no line.

use super::prelude::*;

notice!(UNUSED_SHAPE = "unused_shape", Warning, ["shapes.txt", "trips.txt"], ["csvRowNumber", "shapeId"],
    "No trip follows the shape; it only makes the feed larger.", "Delete it, or name it in trips.txt.",
    "Keine Fahrt folgt dem Linienweg; er vergrößert nur den Datensatz.", "Löschen oder in trips.txt nennen.");
notice!(SINGLE_POINT = "single_shape_point", Warning, ["shapes.txt"], ["csvRowNumber", "shapeId"],
    "The shape has one point, so there is no line to draw.", "Add the other points.",
    "Der Linienweg hat nur einen Punkt; es gibt keine Linie zu zeichnen.", "Die übrigen Punkte ergänzen.");

rule!([UNUSED_SHAPE, SINGLE_POINT], needs: ["shapes"], check, &[
    fails("unused_shape", 1, &[("shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\np,48.47,7.94,1\np,48.476,7.946,2\np,48.482,7.952,3\nq,48.47,7.94,1\nq,48.48,7.94,2\n")]),
    passes("unused_shape", &[]),
    fails("single_shape_point", 1, &[("shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\np,48.47,7.94,1\n")]),
    passes("single_shape_point", &[]),
]);

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("shapes");
    let ids = table.text("shape_id");
    let first = ids.first_rows();
    let trips = feed.table("trips");
    let used = trips.text("shape_id");
    for (code, rows) in feed.shape_points().iter() {
        let row = first[code as usize] as usize;
        if rows.len() == 1 {
            out.add(&SINGLE_POINT, || [table.at(row), ids.value(row)]);
        }
        if trips.is_usable() && used.find(ids.get(row)).is_none() {
            out.add(&UNUSED_SHAPE, || [table.at(row), ids.value(row)]);
        }
    }
}
