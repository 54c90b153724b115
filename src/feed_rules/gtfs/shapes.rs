//! Shapes that no trip follows, or that are no line.

use super::prelude::*;

pub static UNUSED_SHAPE: Notice = Notice {
    code: "unused_shape",
    severity: Severity::Warning,
    files: &["shapes.txt", "trips.txt"],
    fields: &["csvRowNumber", "shapeId"],
    en: Words {
        what: "No trip follows the shape; it only makes the feed larger.",
        mend: "Delete it, or name it in trips.txt.",
    },
    de: Words {
        what: "Keine Fahrt folgt dem Linienweg; er vergrößert nur den Datensatz.",
        mend: "Löschen oder in trips.txt nennen.",
    },
};
pub static SINGLE_POINT: Notice = Notice {
    code: "single_shape_point",
    severity: Severity::Warning,
    files: &["shapes.txt"],
    fields: &["csvRowNumber", "shapeId"],
    en: Words { what: "The shape has one point, so there is no line to draw.", mend: "Add the other points." },
    de: Words {
        what: "Der Linienweg hat nur einen Punkt; es gibt keine Linie zu zeichnen.",
        mend: "Die übrigen Punkte ergänzen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&UNUSED_SHAPE, &SINGLE_POINT],
    needs: Needs::Tables(&["shapes"]),
    check: Some(check),
    examples: &[
        fails(
            "unused_shape",
            1,
            &[(
                "shapes.txt",
                "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n\
                 p,48.47,7.94,1\n\
                 p,48.476,7.946,2\n\
                 p,48.482,7.952,3\n\
                 q,48.47,7.94,1\n\
                 q,48.48,7.94,2\n",
            )],
        ),
        passes("unused_shape", &[]),
        fails(
            "single_shape_point",
            1,
            &[("shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\np,48.47,7.94,1\n")],
        ),
        passes("single_shape_point", &[]),
    ],
};

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
