//! Destinations that are stops on the way.

use super::prelude::*;

pub static HEADSIGN: Notice = Notice {
    code: "trip_headsign_matches_intermediate_stop",
    severity: Severity::Info,
    files: &["trips.txt", "stop_times.txt", "stops.txt"],
    fields: &["csvRowNumber", "stopId1", "stopId2", "stopSequence", "tripHeadsign", "tripId"],
    en: Words {
        what: "The destination of the trip is the name of a stop before the last.",
        mend: "Check the headsign; for a change on the way use stop_headsign.",
    },
    de: Words {
        what: "Das Fahrtziel ist der Name eines Halts vor dem letzten.",
        mend: "Ziel prüfen; für Wechsel unterwegs stop_headsign verwenden.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&HEADSIGN],
    needs: Needs::Tables(&["trips", "stop_times", "stops"]),
    check: Some(check),
    examples: &[
        fails(
            "trip_headsign_matches_intermediate_stop",
            1,
            &[("trips.txt", "route_id,service_id,trip_id,shape_id,trip_headsign\nr,s,t,p,BAHNHOF\n")],
        ),
        passes(
            "trip_headsign_matches_intermediate_stop",
            &[("trips.txt", "route_id,service_id,trip_id,shape_id,trip_headsign\nr,s,t,p,Klinikum\n")],
        ),
        passes(
            "trip_headsign_matches_intermediate_stop",
            &[
                ("trips.txt", "route_id,service_id,trip_id,shape_id,trip_headsign\nr,s,t,,Rathaus\n"),
                (
                    "stop_times.txt",
                    "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                     t,08:00:00,08:00:00,a,1\n\
                     t,08:05:00,08:05:00,b,2\n\
                     t,08:10:00,08:10:00,a,3\n",
                ),
            ],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let (trips, times, stops) = (feed.table("trips"), feed.table("stop_times"), feed.table("stops"));
    let (signs, names, at) = (trips.text("trip_headsign"), stops.text("stop_name"), times.text("stop_id"));
    let (Some(sign_words), Some(name_words)) = (signs.words(), names.words()) else { return };
    // Names and headsigns that are the same but for capitals have the same number.
    let mut numbers = crate::decode::gtfs::Words::default();
    let folded = |text: &str| text.to_lowercase();
    let of_sign: Vec<u32> = sign_words.iter().map(|(_, text)| numbers.intern(folded(text).as_bytes())).collect();
    let of_name: Vec<u32> = name_words.iter().map(|(_, text)| numbers.intern(folded(text).as_bytes())).collect();
    let name_of_stop: Vec<Option<u32>> = feed
        .stops_of_stop_times()
        .iter()
        .map(|row| if *row == NO_ROW { None } else { names.code(*row as usize).map(|code| of_name[code as usize]) })
        .collect();
    let ways = feed.trips();
    for trip in 0..trips.rows {
        let Some(sign) = signs.code(trip).map(|code| of_sign[code as usize]) else { continue };
        let rows = ways.stop_times(trip);
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { continue };
        // A trip that ends where it begins has its destination on the way.
        if rows.len() < 2 || at.code(first) == at.code(last) {
            continue;
        }
        for row in rows.iter().take(rows.len() - 1) {
            if at.code(row).and_then(|code| name_of_stop[code as usize]) == Some(sign) {
                out.add(&HEADSIGN, || {
                    let sequence = times.int("stop_sequence").value(row);
                    let id = trips.text("trip_id").value(trip);
                    [trips.at(trip), at.value(row), at.value(last), sequence, signs.value(trip), id]
                });
            }
        }
    }
}
