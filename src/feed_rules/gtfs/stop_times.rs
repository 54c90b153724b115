//! Arrivals and departures that do not follow one on the other.

use super::prelude::*;

pub static ONLY_ONE: Notice = Notice {
    code: "stop_time_with_only_arrival_or_departure_time",
    severity: Severity::Error,
    files: &["stop_times.txt"],
    fields: &["csvRowNumber", "specifiedField", "stopSequence", "tripId"],
    en: Words {
        what: "A stop has an arrival or a departure, but not both.",
        mend: "Fill in the other; where the bus does not wait they are equal.",
    },
    de: Words {
        what: "Ein Halt hat eine Ankunft oder eine Abfahrt, aber nicht beides.",
        mend: "Die andere ergänzen; wartet der Bus nicht, sind sie gleich.",
    },
};
pub static BEFORE_DEPARTURE: Notice = Notice {
    code: "stop_time_with_arrival_before_previous_departure_time",
    severity: Severity::Error,
    files: &["stop_times.txt"],
    fields: &["arrivalTime", "csvRowNumber", "departureTime", "prevCsvRowNumber", "tripId"],
    en: Words {
        what: "The trip arrives before it has left the stop before.",
        mend: "Correct the times; after midnight go on counting, 24:05:00.",
    },
    de: Words {
        what: "Die Fahrt kommt an, bevor sie am vorigen Halt abgefahren ist.",
        mend: "Zeiten berichtigen; nach Mitternacht weiterzählen, 24:05:00.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&ONLY_ONE, &BEFORE_DEPARTURE],
    needs: Needs::Tables(&["stop_times"]),
    check: Some(check),
    examples: &[
        fails(
            "stop_time_with_only_arrival_or_departure_time",
            1,
            &[(
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                 t,08:00:00,08:00:00,a,1\n\
                 t,08:05:00,,b,2\n\
                 t,08:10:00,08:10:00,c,3\n",
            )],
        ),
        passes(
            "stop_time_with_only_arrival_or_departure_time",
            &[(
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                 t,08:00:00,08:00:00,a,1\n\
                 t,,,b,2\n\
                 t,08:10:00,08:10:00,c,3\n",
            )],
        ),
        fails(
            "stop_time_with_arrival_before_previous_departure_time",
            1,
            &[(
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                 t,23:55:00,23:55:00,a,1\n\
                 t,,,b,2\n\
                 t,00:05:00,00:05:00,c,3\n",
            )],
        ),
        passes(
            "stop_time_with_arrival_before_previous_departure_time",
            &[(
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                 t,23:55:00,23:55:00,a,1\n\
                 t,,,b,2\n\
                 t,24:05:00,24:05:00,c,3\n",
            )],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("stop_times");
    let (arrivals, departures) = (table.int("arrival_time"), table.int("departure_time"));
    let trips = table.text("trip_id");
    for (_, rows) in feed.trip_stops().iter() {
        let mut previous: Option<(usize, i32)> = None;
        for row in rows.iter() {
            let (arrival, departure) = (arrivals.get(row), departures.get(row));
            if arrival.is_some() != departure.is_some() {
                let field = if arrival.is_some() { "arrival_time" } else { "departure_time" };
                out.add(&ONLY_ONE, || {
                    [table.at(row), field.into(), table.int("stop_sequence").value(row), trips.value(row)]
                });
            }
            if let (Some(arrival), Some((before, left))) = (arrival, previous)
                && arrival < left
            {
                out.add(&BEFORE_DEPARTURE, || {
                    [time(arrival), table.at(row), time(left), table.at(before), trips.value(row)]
                });
            }
            previous = departure.map(|departure| (row, departure)).or(previous);
        }
    }
}
