//! Headways of a trip that hold at the same time.

use super::prelude::*;

pub static OVERLAPPING_FREQUENCY: Notice = Notice {
    code: "overlapping_frequency",
    severity: Severity::Error,
    files: &["frequencies.txt"],
    fields: &["currCsvRowNumber", "currStartTime", "prevCsvRowNumber", "prevEndTime", "tripId"],
    en: Words {
        what: "Two headways of a trip hold at the same time, so it is not clear how often the bus comes.",
        mend: "Let one end before the next begins.",
    },
    de: Words {
        what: "Zwei Takte einer Fahrt gelten gleichzeitig; unklar ist, wie oft der Bus kommt.",
        mend: "Einen enden lassen, bevor der nächste beginnt.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&OVERLAPPING_FREQUENCY],
    needs: Needs::Tables(&["frequencies"]),
    check: Some(check),
    examples: &[
        fails(
            "overlapping_frequency",
            1,
            &[(
                "frequencies.txt",
                "trip_id,start_time,end_time,headway_secs\n\
                 t,08:00:00,10:00:00,600\n\
                 t,06:00:00,08:30:00,900\n",
            )],
        ),
        passes(
            "overlapping_frequency",
            &[(
                "frequencies.txt",
                "trip_id,start_time,end_time,headway_secs\n\
                 t,08:00:00,10:00:00,600\n\
                 t,06:00:00,08:00:00,900\n",
            )],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("frequencies");
    let trips = table.text("trip_id");
    let (start, end, headway) = (table.int("start_time"), table.int("end_time"), table.int("headway_secs"));
    for rows in trips.rows_by_code().iter() {
        let mut rows = rows.to_vec();
        rows.sort_by_key(|row| {
            let row = *row as usize;
            (start.get(row), end.get(row), headway.get(row))
        });
        for pair in rows.windows(2) {
            let (prev, curr) = (pair[0] as usize, pair[1] as usize);
            if start.get(curr) < end.get(prev) {
                out.add(&OVERLAPPING_FREQUENCY, || {
                    [table.at(curr), start.time(curr), table.at(prev), end.time(prev), trips.value(prev)]
                });
            }
        }
    }
}
