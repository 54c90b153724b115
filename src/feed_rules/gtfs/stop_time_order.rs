//! Stop times that do not stand together by trip and in order.

use super::prelude::*;

pub static UNSORTED: Notice = Notice {
    code: "unsorted_stop_times",
    severity: Severity::Info,
    files: &["stop_times.txt"],
    fields: &["endCsvRowNumber", "startCsvRowNumber", "tripId"],
    en: Words {
        what: "The stop times of the trip do not stand together, or not in the order of stop_sequence, which costs \
               readers time.",
        mend: "Sort by trip_id and stop_sequence.",
    },
    de: Words {
        what: "Die Halte der Fahrt stehen nicht beisammen oder nicht in der Folge von stop_sequence, was Programme \
               Zeit kostet.",
        mend: "Nach trip_id und stop_sequence sortieren.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&UNSORTED],
    needs: Needs::Tables(&["stop_times"]),
    check: Some(check),
    examples: &[
        fails(
            "unsorted_stop_times",
            1,
            &[(
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                 t,08:05:00,08:05:00,b,2\n\
                 t,08:00:00,08:00:00,a,1\n\
                 t,08:10:00,08:10:00,c,3\n",
            )],
        ),
        fails(
            "unsorted_stop_times",
            1,
            &[
                ("trips.txt", "route_id,service_id,trip_id,shape_id\nr,s,t,p\nr,s,u,p\n"),
                (
                    "stop_times.txt",
                    "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                     t,08:00:00,08:00:00,a,1\n\
                     u,09:00:00,09:00:00,a,1\n\
                     u,09:05:00,09:05:00,b,2\n\
                     t,08:05:00,08:05:00,b,2\n",
                ),
            ],
        ),
        passes("unsorted_stop_times", &[]),
    ],
};

#[derive(Clone, Copy)]
struct Seen {
    rows: u32,
    first: u32,
    last: u32,
    sequence: i32,
    unsorted: bool,
}

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("stop_times");
    let (trips, sequence) = (table.text("trip_id"), table.int("stop_sequence"));
    let mut seen = vec![Seen { rows: 0, first: 0, last: 0, sequence: i32::MIN, unsorted: false }; trips.distinct()];
    for (row, (&code, &number)) in trips.codes().iter().zip(sequence.cells()).enumerate() {
        let Some(seen) = seen.get_mut(code as usize) else { continue };
        if seen.rows == 0 {
            seen.first = row as u32;
        } else {
            seen.unsorted |= number <= seen.sequence;
        }
        seen.rows += 1;
        seen.last = row as u32;
        seen.sequence = number;
    }
    for seen in seen {
        let (first, last) = (seen.first as usize, seen.last as usize);
        let span = || table.line(last) - table.line(first) + 1;
        if seen.unsorted || span() > u64::from(seen.rows) {
            out.add(&UNSORTED, || [table.at(last), table.at(first), trips.value(first)]);
        }
    }
}
