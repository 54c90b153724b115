//! Stops that no trip serves, and stations that one does.

use super::prelude::*;

pub static WITHOUT_STOP_TIME: Notice = Notice {
    code: "stop_without_stop_time",
    severity: Severity::Warning,
    files: &["stop_times.txt", "stops.txt"],
    fields: &["csvRowNumber", "stopId", "stopName"],
    en: Words { what: "No trip serves the stop.", mend: "Delete it, or add its stop times." },
    de: Words { what: "Keine Fahrt bedient den Halt.", mend: "Löschen oder seine Abfahrten ergänzen." },
};
pub static UNEXPECTED_STOP_TIME: Notice = Notice {
    code: "location_with_unexpected_stop_time",
    severity: Severity::Error,
    files: &["stop_times.txt", "stops.txt"],
    fields: &["csvRowNumber", "stopId", "stopName", "stopTimeCsvRowNumber"],
    en: Words {
        what: "A trip stops at a station, entrance or node, where no vehicle can stop.",
        mend: "Let it stop at a platform.",
    },
    de: Words {
        what: "Eine Fahrt hält an einer Station, einem Eingang oder Knoten, wo kein Fahrzeug halten kann.",
        mend: "An einem Steig halten lassen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&WITHOUT_STOP_TIME, &UNEXPECTED_STOP_TIME],
    needs: Needs::Tables(&["stops", "stop_times", "location_group_stops"]),
    check: Some(check),
    examples: &[
        fails(
            "stop_without_stop_time",
            1,
            &[(
                "stops.txt",
                "stop_id,stop_name,stop_lat,stop_lon\n\
                 a,Rathaus,48.47,7.94\n\
                 b,Bahnhof,48.476,7.946\n\
                 c,Klinikum,48.482,7.952\n\
                 d,Depot,48.482,7.952\n",
            )],
        ),
        passes("stop_without_stop_time", &[]),
        fails(
            "location_with_unexpected_stop_time",
            1,
            &[(
                "stops.txt",
                "stop_id,stop_name,stop_lat,stop_lon,location_type\n\
                 a,Rathaus,48.47,7.94,1\n\
                 b,Bahnhof,48.476,7.946,\n\
                 c,Klinikum,48.482,7.952,\n",
            )],
        ),
        passes("location_with_unexpected_stop_time", &[]),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let (stops, times, members) = (feed.table("stops"), feed.table("stop_times"), feed.table("location_group_stops"));
    let (ids, names, types) = (stops.text("stop_id"), stops.text("stop_name"), stops.int("location_type"));
    let at = times.text("stop_id");
    let first = at.first_rows();
    // Stops that are served as members of a group.
    let (groups, in_group) = (members.text("location_group_id"), members.text("stop_id"));
    let served = times.text("location_group_id");
    let mut by_group = vec![false; in_group.distinct()];
    for row in (0..members.rows).filter(|row| served.find(groups.get(*row)).is_some()) {
        if let Some(code) = in_group.code(row) {
            by_group[code as usize] = true;
        }
    }
    for row in 0..stops.rows {
        let id = ids.get(row);
        let time = at.find(id).map(|code| first[code as usize] as usize);
        match (types.or(row, 0), time) {
            (0, None) if !in_group.find(id).is_some_and(|code| by_group[code as usize]) => {
                out.add(&WITHOUT_STOP_TIME, || [stops.at(row), ids.value(row), names.value(row)]);
            }
            (0, _) | (_, None) => {}
            (_, Some(time)) => {
                out.add(&UNEXPECTED_STOP_TIME, || [stops.at(row), ids.value(row), names.value(row), times.at(time)]);
            }
        }
    }
}
