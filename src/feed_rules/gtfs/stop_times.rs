//! Arrivals and departures that do not follow one on the other.

use super::prelude::*;

notice!(ONLY_ONE = "stop_time_with_only_arrival_or_departure_time", Error, ["stop_times.txt"],
    ["csvRowNumber", "specifiedField", "stopSequence", "tripId"],
    "A stop has an arrival or a departure, but not both.", "Fill in the other; where the bus does not wait they are equal.",
    "Ein Halt hat eine Ankunft oder eine Abfahrt, aber nicht beides.", "Die andere ergänzen; wartet der Bus nicht, sind sie gleich.");
notice!(BEFORE_DEPARTURE = "stop_time_with_arrival_before_previous_departure_time", Error, ["stop_times.txt"],
    ["arrivalTime", "csvRowNumber", "departureTime", "prevCsvRowNumber", "tripId"],
    "The trip arrives before it has left the stop before.", "Correct the times; after midnight go on counting, 24:05:00.",
    "Die Fahrt kommt an, bevor sie am vorigen Halt abgefahren ist.", "Zeiten berichtigen; nach Mitternacht weiterzählen, 24:05:00.");

rule!([ONLY_ONE, BEFORE_DEPARTURE], needs: ["stop_times"], check, &[
    fails("stop_time_with_only_arrival_or_departure_time", 1, &[("stop_times.txt", "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,08:00:00,08:00:00,a,1\nt,08:05:00,,b,2\nt,08:10:00,08:10:00,c,3\n")]),
    passes("stop_time_with_only_arrival_or_departure_time", &[("stop_times.txt", "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,08:00:00,08:00:00,a,1\nt,,,b,2\nt,08:10:00,08:10:00,c,3\n")]),
    fails("stop_time_with_arrival_before_previous_departure_time", 1, &[("stop_times.txt", "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,23:55:00,23:55:00,a,1\nt,,,b,2\nt,00:05:00,00:05:00,c,3\n")]),
    passes("stop_time_with_arrival_before_previous_departure_time", &[("stop_times.txt", "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,23:55:00,23:55:00,a,1\nt,,,b,2\nt,24:05:00,24:05:00,c,3\n")]),
]);

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
