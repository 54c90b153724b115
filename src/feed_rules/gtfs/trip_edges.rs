//! Trips whose first or last stop has no time.

use super::prelude::*;

pub static MISSING_EDGE: Notice = Notice {
    code: "missing_trip_edge",
    severity: Severity::Error,
    files: &["stop_times.txt"],
    fields: &["csvRowNumber", "specifiedField", "stopSequence", "tripId"],
    en: Words {
        what: "The first or last stop of a trip has no arrival or departure, so nobody knows when it begins or ends.",
        mend: "Fill in both times.",
    },
    de: Words {
        what: "Der erste oder letzte Halt einer Fahrt hat keine Ankunft oder Abfahrt; niemand weiß, wann sie beginnt \
               oder endet.",
        mend: "Beide Zeiten ergänzen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&MISSING_EDGE],
    needs: Needs::Tables(&["stop_times"]),
    check: Some(check),
    examples: &[
        fails(
            "missing_trip_edge",
            3,
            &[(
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                 t,,08:00:00,a,1\n\
                 t,08:05:00,08:05:00,b,2\n\
                 t,,,c,3\n",
            )],
        ),
        passes(
            "missing_trip_edge",
            &[(
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                 t,08:00:00,08:00:00,a,1\n\
                 t,,,b,2\n\
                 t,08:10:00,08:10:00,c,3\n",
            )],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("stop_times");
    let times = [("arrival_time", table.int("arrival_time")), ("departure_time", table.int("departure_time"))];
    let windows = ["start_pickup_drop_off_window", "end_pickup_drop_off_window"].map(|column| table.int(column));
    for (_, rows) in feed.trip_stops().iter() {
        for row in [rows.at(0), rows.at(rows.len() - 1)] {
            if windows.iter().any(|window| window.has(row)) {
                continue;
            }
            for (name, column) in &times {
                if !column.has(row) {
                    out.add(&MISSING_EDGE, || {
                        let (sequence, trip) = (table.int("stop_sequence"), table.text("trip_id"));
                        [table.at(row), (*name).into(), sequence.value(row), trip.value(row)]
                    });
                }
            }
        }
    }
}
