//! Whether times are exact (GTFS reference, `stop_times.txt`, "timepoint").

use super::prelude::*;

pub static MISSING_VALUE: Notice = Notice {
    code: "missing_timepoint_value",
    severity: Severity::Warning,
    files: &["stop_times.txt"],
    fields: &["csvRowNumber", "stopSequence", "tripId"],
    en: Words {
        what: "A stop has a time, but does not say whether it is exact.",
        mend: "Set timepoint to 1 (exact) or 0.",
    },
    de: Words {
        what: "Ein Halt hat eine Zeit, sagt aber nicht, ob sie genau ist.",
        mend: "timepoint auf 1 (genau) oder 0 setzen.",
    },
};
pub static WITHOUT_TIMES: Notice = Notice {
    code: "stop_time_timepoint_without_times",
    severity: Severity::Error,
    files: &["stop_times.txt", "stop_times.txt"],
    fields: &["csvRowNumber", "specifiedField", "stopSequence", "tripId"],
    en: Words {
        what: "A stop is said to have exact times, but has none.",
        mend: "Fill in the times, or set timepoint to 0.",
    },
    de: Words {
        what: "Ein Halt soll genaue Zeiten haben, hat aber keine.",
        mend: "Zeiten ergänzen oder timepoint auf 0 setzen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&MISSING_VALUE, &WITHOUT_TIMES],
    needs: Needs::Tables(&["stop_times"]),
    check: Some(check),
    examples: &[
        fails(
            "missing_timepoint_value",
            1,
            &[(
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence,timepoint\n\
                 t,08:00:00,08:00:00,a,1,1\n\
                 t,,,b,2,\n\
                 t,08:10:00,08:10:00,c,3,\n",
            )],
        ),
        passes("missing_timepoint_value", &[]),
        fails(
            "stop_time_timepoint_without_times",
            2,
            &[(
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence,timepoint\n\
                 t,08:00:00,08:00:00,a,1,1\n\
                 t,,,b,2,1\n\
                 t,08:10:00,08:10:00,c,3,1\n",
            )],
        ),
        passes(
            "stop_time_timepoint_without_times",
            &[(
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence,timepoint\n\
                 t,08:00:00,08:00:00,a,1,1\n\
                 t,,,b,2,0\n\
                 t,08:10:00,08:10:00,c,3,1\n",
            )],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("stop_times");
    if !table.has("timepoint") {
        return;
    }
    let (timepoints, arrivals, departures) =
        (table.int("timepoint"), table.int("arrival_time"), table.int("departure_time"));
    let shared = |row: usize| (table.int("stop_sequence").value(row), table.text("trip_id").value(row));
    for row in 0..table.rows {
        match timepoints.get(row) {
            None if arrivals.has(row) || departures.has(row) => out.add(&MISSING_VALUE, || {
                let (sequence, trip) = shared(row);
                [table.at(row), sequence, trip]
            }),
            Some(1) => {
                for (name, column) in [("arrival_time", arrivals), ("departure_time", departures)] {
                    if !column.has(row) {
                        out.add(&WITHOUT_TIMES, || {
                            let (sequence, trip) = shared(row);
                            [table.at(row), name.into(), sequence, trip]
                        });
                    }
                }
            }
            _ => {}
        }
    }
}
