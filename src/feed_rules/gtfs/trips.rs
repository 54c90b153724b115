//! Trips that serve no stop, or only one.

use super::prelude::*;

pub static UNUSED: Notice = Notice {
    code: "unused_trip",
    severity: Severity::Warning,
    files: &["trips.txt", "stop_times.txt"],
    fields: &["csvRowNumber", "tripId"],
    en: Words { what: "The trip serves no stop.", mend: "Delete it, or add its stop times." },
    de: Words { what: "Die Fahrt bedient keinen Halt.", mend: "Löschen oder ihre Halte ergänzen." },
};
pub static UNUSABLE: Notice = Notice {
    code: "unusable_trip",
    severity: Severity::Warning,
    files: &["stop_times.txt", "trips.txt"],
    fields: &["csvRowNumber", "tripId"],
    en: Words {
        what: "The trip serves fewer than two stops, so nobody can ride it.",
        mend: "Delete it, or add its stop times.",
    },
    de: Words {
        what: "Die Fahrt bedient weniger als zwei Halte; niemand kann mit ihr fahren.",
        mend: "Löschen oder ihre Halte ergänzen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&UNUSED, &UNUSABLE],
    needs: Needs::Tables(&["trips", "stop_times"]),
    check: Some(check),
    examples: &[
        fails("unused_trip", 1, &[("trips.txt", "route_id,service_id,trip_id,shape_id\nr,s,t,p\nr,s,u,p\n")]),
        passes("unused_trip", &[]),
        fails(
            "unusable_trip",
            2,
            &[
                ("trips.txt", "route_id,service_id,trip_id,shape_id\nr,s,t,p\nr,s,u,p\n"),
                (
                    "stop_times.txt",
                    "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,08:00:00,08:00:00,a,1\n",
                ),
            ],
        ),
        passes("unusable_trip", &[]),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("trips");
    let ids = table.text("trip_id");
    let first = ids.first_rows();
    let ways = feed.trips();
    for row in 0..table.rows {
        let stops = ways.stop_times(row).len();
        if stops <= 1 {
            out.add(&UNUSABLE, || [table.at(row), ids.value(row)]);
        }
        if stops == 0 && ids.code(row).is_none_or(|code| first[code as usize] as usize == row) {
            out.add(&UNUSED, || [table.at(row), ids.value(row)]);
        }
    }
}
