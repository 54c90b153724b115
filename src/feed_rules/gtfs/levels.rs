//! Lifts between floors that nobody has numbered.

use super::prelude::*;

pub static MISSING_LEVEL: Notice = Notice {
    code: "missing_level_id",
    severity: Severity::Error,
    files: &["levels.txt"],
    fields: &["csvRowNumber", "stopId", "stopName"],
    en: Words {
        what: "A lift ends here, but the floor is not given, so nobody can be told where to get out.",
        mend: "Fill in level_id.",
    },
    de: Words {
        what: "Hier endet ein Aufzug, aber die Ebene fehlt; niemandem lässt sich sagen, wo er aussteigen muss.",
        mend: "level_id ergänzen.",
    },
};

const STOPS: &str = "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,level_id\n\
                     a,Rathaus,48.47,7.94,0,x,\n\
                     b,Bahnhof,48.476,7.946,0,,\n\
                     c,Klinikum,48.482,7.952,0,,\n\
                     x,Halle,48.47,7.94,1,,\n\
                     e,Eingang,48.47,7.94,2,x,l\n";
const LEVELS: &str = "level_id,level_index\nl,0\n";

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&MISSING_LEVEL],
    needs: Needs::Tables(&["pathways", "stops"]),
    check: Some(check),
    examples: &[
        fails(
            "missing_level_id",
            1,
            &[
                ("stops.txt", STOPS),
                ("levels.txt", LEVELS),
                ("pathways.txt", "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional\np,e,a,5,1\n"),
            ],
        ),
        passes(
            "missing_level_id",
            &[
                ("stops.txt", STOPS),
                ("levels.txt", LEVELS),
                ("pathways.txt", "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional\np,e,a,2,1\n"),
            ],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let (pathways, stops) = (feed.table("pathways"), feed.table("stops"));
    let (modes, levels) = (pathways.int("pathway_mode"), stops.text("level_id"));
    let mut ends = std::collections::BTreeSet::new();
    for column in ["from_stop_id", "to_stop_id"] {
        let (cells, rows) = (pathways.text(column), feed.link("pathways", column, "stops", "stop_id"));
        for row in (0..pathways.rows).filter(|row| modes.get(*row) == Some(5)) {
            ends.extend(cells.code(row).map(|code| rows[code as usize]).filter(|row| *row != NO_ROW));
        }
    }
    for stop in ends.into_iter().map(|row| row as usize).filter(|row| !levels.has(*row)) {
        out.add(&MISSING_LEVEL, || {
            [stops.at(stop), stops.text("stop_id").value(stop), stops.text("stop_name").value(stop)]
        });
    }
}
