//! Windows of on-demand service (GTFS reference, `stop_times.txt`, "start_pickup_drop_off_window").

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::geojson::Zone;
use super::outline::{Spent, Work};
use super::prelude::*;
use crate::feed_rules::notice::Cut;

notice!(FORBIDDEN_TIME = "forbidden_arrival_or_departure_time", Error, ["stop_times.txt"],
    ["arrivalTime", "csvRowNumber", "departureTime", "endPickupDropOffWindow", "startPickupDropOffWindow"],
    "A stop with a window of on-demand service has a fixed time, too.", "Empty arrival_time and departure_time, or the window.",
    "Ein Halt mit Bedienfenster hat zugleich eine feste Zeit.", "arrival_time und departure_time oder das Fenster leeren.");
notice!(MISSING_WINDOW = "missing_pickup_or_drop_off_window", Error, ["stop_times.txt"],
    ["csvRowNumber", "endPickupDropOffWindow", "startPickupDropOffWindow"],
    "A window of on-demand service has only one end.", "Fill in the other.",
    "Ein Bedienfenster hat nur ein Ende.", "Das andere ergänzen.");
notice!(INVALID_WINDOW = "invalid_pickup_drop_off_window", Error, ["stop_times.txt"],
    ["csvRowNumber", "endPickupDropOffWindow", "startPickupDropOffWindow"],
    "A window of on-demand service ends before it begins.", "Correct the times.",
    "Ein Bedienfenster endet, bevor es beginnt.", "Zeiten berichtigen.");
notice!(FORBIDDEN_PICKUP = "forbidden_pickup_type", Error, ["stop_times.txt"],
    ["csvRowNumber", "endPickupDropOffWindow", "startPickupDropOffWindow"],
    "In a window of on-demand service people cannot board as usual or by a sign to the driver.", "Set pickup_type to 1 or 2.",
    "Im Bedienfenster ist regulärer Einstieg oder auf Zeichen nicht möglich.", "pickup_type auf 1 oder 2 setzen.");
notice!(FORBIDDEN_DROP_OFF = "forbidden_drop_off_type", Error, ["stop_times.txt"],
    ["csvRowNumber", "endPickupDropOffWindow", "startPickupDropOffWindow"],
    "In a window of on-demand service people cannot alight as usual.", "Set drop_off_type to 1, 2 or 3.",
    "Im Bedienfenster ist regulärer Ausstieg nicht möglich.", "drop_off_type auf 1, 2 oder 3 setzen.");
notice!(MISSING_BOOKING_RULE = "missing_pickup_drop_off_booking_rule_id", Warning, ["stop_times.txt"], ["csvRowNumber", "dropOffType", "pickupType"],
    "One must phone, but there is no rule that says how and when.", "Fill in pickup_booking_rule_id and drop_off_booking_rule_id.",
    "Man muss anrufen, aber keine Buchungsregel sagt wie und wann.", "pickup_booking_rule_id und drop_off_booking_rule_id ergänzen.");
notice!(MISSING_RECORD = "missing_stop_times_record", Error, ["stop_times.txt"], ["csvRowNumber", "locationGroupId", "locationId", "tripId"],
    "A trip within one zone has one record, but it needs two: one to board and one to alight.", "Repeat the record with the next stop_sequence.",
    "Eine Fahrt innerhalb einer Zone hat einen Eintrag, braucht aber zwei: zum Ein- und zum Aussteigen.", "Eintrag mit der nächsten stop_sequence wiederholen.");
notice!(OVERLAPPING = "overlapping_zone_and_pickup_drop_off_window", Error, [],
    ["endPickupDropOffWindow1", "endPickupDropOffWindow2", "locationId1", "locationId2", "startPickupDropOffWindow1",
     "startPickupDropOffWindow2", "stopSequence1", "stopSequence2", "tripId"],
    "Two zones of a trip overlap at the same time, so at a place in both it is not clear what holds.", "Separate the zones or the windows.",
    "Zwei Zonen einer Fahrt überlappen sich zur selben Zeit; an einem Ort in beiden ist unklar, was gilt.", "Zonen oder Fenster trennen.");

const BOOKING: &str = "booking_rule_id,booking_type\nb,0\n";
const SOUND: &str = "trip_id,arrival_time,departure_time,stop_id,stop_sequence,start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_type,drop_off_type,pickup_booking_rule_id,drop_off_booking_rule_id\nt,,,a,1,08:00:00,09:00:00,2,2,b,b\nt,,,b,2,08:00:00,09:00:00,2,2,b,b\n";
const ZONES: &str = r#"{"type":"FeatureCollection","features":[{"id":"y","type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[[[7.9,48.4],[8.0,48.4],[8.0,48.5],[7.9,48.5],[7.9,48.4]]]}},{"id":"z","type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[[[7.95,48.45],[8.05,48.45],[8.05,48.55],[7.95,48.55],[7.95,48.45]]]}}]}"#;

rule!([FORBIDDEN_TIME, MISSING_WINDOW, INVALID_WINDOW, FORBIDDEN_PICKUP, FORBIDDEN_DROP_OFF, MISSING_BOOKING_RULE, MISSING_RECORD,
    OVERLAPPING], needs: [], check, &[
    fails("forbidden_arrival_or_departure_time", 1, &[("stop_times.txt", "trip_id,arrival_time,departure_time,stop_id,stop_sequence,start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_type,drop_off_type\nt,08:00:00,,a,1,08:00:00,09:00:00,2,2\n")]),
    passes("forbidden_arrival_or_departure_time", &[("booking_rules.txt", BOOKING), ("stop_times.txt", SOUND)]),
    fails("missing_pickup_or_drop_off_window", 1, &[("stop_times.txt", "trip_id,stop_id,stop_sequence,start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_type,drop_off_type\nt,a,1,08:00:00,,2,2\n")]),
    passes("missing_pickup_or_drop_off_window", &[("booking_rules.txt", BOOKING), ("stop_times.txt", SOUND)]),
    fails("invalid_pickup_drop_off_window", 2, &[("stop_times.txt", "trip_id,stop_id,stop_sequence,start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_type,drop_off_type\nt,a,1,09:00:00,08:00:00,2,2\nt,b,2,09:00:00,09:00:00,2,2\n")]),
    passes("invalid_pickup_drop_off_window", &[("booking_rules.txt", BOOKING), ("stop_times.txt", SOUND)]),
    fails("forbidden_pickup_type", 2, &[("stop_times.txt", "trip_id,stop_id,stop_sequence,start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_type,drop_off_type\nt,a,1,08:00:00,09:00:00,,2\nt,b,2,08:00:00,09:00:00,3,2\n")]),
    passes("forbidden_pickup_type", &[("booking_rules.txt", BOOKING), ("stop_times.txt", SOUND)]),
    fails("forbidden_drop_off_type", 1, &[("stop_times.txt", "trip_id,stop_id,stop_sequence,start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_type,drop_off_type\nt,a,1,08:00:00,09:00:00,2,0\nt,b,2,08:00:00,09:00:00,2,3\n")]),
    passes("forbidden_drop_off_type", &[("booking_rules.txt", BOOKING), ("stop_times.txt", SOUND)]),
    fails("missing_pickup_drop_off_booking_rule_id", 2, &[("booking_rules.txt", BOOKING), ("stop_times.txt", "trip_id,stop_id,stop_sequence,start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_type,drop_off_type\nt,a,1,08:00:00,09:00:00,2,2\nt,b,2,08:00:00,09:00:00,1,1\n")]),
    passes("missing_pickup_drop_off_booking_rule_id", &[("booking_rules.txt", BOOKING), ("stop_times.txt", SOUND)]),
    fails("missing_stop_times_record", 1, &[("booking_rules.txt", BOOKING), ("stop_times.txt", "trip_id,stop_id,stop_sequence,start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_type,drop_off_type\nt,a,1,08:00:00,09:00:00,2,2\n")]),
    passes("missing_stop_times_record", &[("booking_rules.txt", BOOKING), ("stop_times.txt", SOUND)]),
    fails("overlapping_zone_and_pickup_drop_off_window", 1, &[("locations.geojson", ZONES), ("stop_times.txt", "trip_id,location_id,stop_sequence,start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_type,drop_off_type\nt,y,1,08:00:00,09:00:00,2,2\nt,z,2,08:30:00,09:30:00,2,2\n")]),
    passes("overlapping_zone_and_pickup_drop_off_window", &[("locations.geojson", ZONES), ("stop_times.txt", "trip_id,location_id,stop_sequence,start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_type,drop_off_type\nt,y,1,08:00:00,09:00:00,2,2\nt,z,2,09:00:00,09:30:00,2,2\n")]),
]);

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("stop_times");
    let (start, end) = (table.int("start_pickup_drop_off_window"), table.int("end_pickup_drop_off_window"));
    // Feeds without on-demand service have no such columns.
    if start.cells().is_empty() && end.cells().is_empty() {
        return;
    }
    let (arrival, departure) = (table.int("arrival_time"), table.int("departure_time"));
    let (pickup, drop_off) = (table.int("pickup_type"), table.int("drop_off_type"));
    for row in table.good().filter(|row| start.has(*row) || end.has(*row)) {
        let window = || [table.at(row), end.time(row), start.time(row)];
        if arrival.has(row) || departure.has(row) {
            out.add(&FORBIDDEN_TIME, || {
                [arrival.time(row), table.at(row), departure.time(row), end.time(row), start.time(row)]
            });
        }
        match (start.get(row), end.get(row)) {
            (Some(start), Some(end)) if start >= end => out.add(&INVALID_WINDOW, window),
            (Some(_), Some(_)) => {}
            _ => out.add(&MISSING_WINDOW, window),
        }
        if matches!(pickup.or(row, 0), 0 | 3) {
            out.add(&FORBIDDEN_PICKUP, window);
        }
        if drop_off.or(row, 0) == 0 {
            out.add(&FORBIDDEN_DROP_OFF, window);
        }
    }
    if !table.is_usable() {
        return;
    }
    booking(feed, out);
    records(feed, out);
    overlaps(feed, out);
}

/// By phone, in a window, and without a rule.
fn booking(feed: &Feed, out: &mut Out) {
    let (table, rules) = (feed.table("stop_times"), feed.table("booking_rules"));
    if !rules.is_there() || !rules.is_usable() {
        return;
    }
    let (start, end) = (table.int("start_pickup_drop_off_window"), table.int("end_pickup_drop_off_window"));
    let (pickup, drop_off) = (table.int("pickup_type"), table.int("drop_off_type"));
    let (pickup_rule, drop_off_rule) = (table.text("pickup_booking_rule_id"), table.text("drop_off_booking_rule_id"));
    for row in 0..table.rows {
        let mut tell = || out.add(&MISSING_BOOKING_RULE, || [table.at(row), drop_off.value(row), pickup.value(row)]);
        if pickup.get(row) == Some(2) && start.has(row) && !pickup_rule.has(row) {
            tell();
        }
        if drop_off.get(row) == Some(2) && end.has(row) && !drop_off_rule.has(row) {
            tell();
        }
    }
}

fn records(feed: &Feed, out: &mut Out) {
    let table = feed.table("stop_times");
    let (start, end) = (table.int("start_pickup_drop_off_window"), table.int("end_pickup_drop_off_window"));
    let (pickup, drop_off) = (table.int("pickup_type"), table.int("drop_off_type"));
    for (_, rows) in feed.trip_stops().iter().filter(|(_, rows)| rows.len() == 1) {
        let row = rows.at(0);
        if start.has(row) && end.has(row) && pickup.get(row) == Some(2) && drop_off.get(row) == Some(2) {
            out.add(&MISSING_RECORD, || {
                let [group, zone, trip] = ["location_group_id", "location_id", "trip_id"].map(|name| table.text(name).value(row));
                [table.at(row), group, zone, trip]
            });
        }
    }
}

/// Pairs of stop times of one trip that are looked at in a feed, at most; some seconds.
const LOOKS: usize = 50_000_000;

static CUT: Cut = Cut {
    en: "trips serve so many zones in windows that not all pairs of them were compared",
    de: "Fahrten bedienen so viele Zonen mit Bedienfenster, dass nicht alle Paare verglichen wurden",
};

fn overlaps(feed: &Feed, out: &mut Out) {
    if overlapping_pairs(feed, out).is_err() {
        out.cut(&CUT);
    }
}

fn overlapping_pairs(feed: &Feed, out: &mut Out) -> Result<(), Spent> {
    let table = feed.table("stop_times");
    let zones = feed.zones();
    let ids = table.text("location_id");
    if zones.all.is_empty() || !zones.usable || ids.distinct() < 2 {
        return Ok(());
    }
    let (start, end) = (table.int("start_pickup_drop_off_window"), table.int("end_pickup_drop_off_window"));
    let (pickup, drop_off) = (table.int("pickup_type"), table.int("drop_off_type"));
    let known = |row: usize| (0..=3).contains(&pickup.or(row, 0)) && (0..=3).contains(&drop_off.or(row, 0));
    let zone_of: Vec<Option<&Zone>> =
        ids.words().map_or_else(Vec::new, |words| words.iter().map(|(_, id)| zones.find(id)).collect());
    // Only of zones that are near each other.
    let mut overlapping: FxHashMap<(u32, u32), bool> = FxHashMap::default();
    let (mut looks_left, work) = (LOOKS, Work::default());
    for (_, rows) in feed.trip_stops().iter() {
        let stops: Vec<(usize, u32, &Zone, i32, i32)> = rows
            .iter()
            .filter(|row| known(*row))
            .filter_map(|row| {
                let code = ids.code(row)?;
                Some((row, code, zone_of[code as usize]?, start.get(row)?, end.get(row)?))
            })
            .collect();
        for (place, &(a, one, zone_a, from_a, to_a)) in stops.iter().enumerate() {
            looks_left = looks_left.checked_sub(stops.len() - place).ok_or(Spent)?;
            for &(b, two, zone_b, from_b, to_b) in &stops[place + 1..] {
                let other_types = pickup.or(a, 0) != pickup.or(b, 0) && drop_off.or(a, 0) != drop_off.or(b, 0);
                if one == two || other_types || from_a >= to_b || to_a <= from_b || !zone_a.is_near(zone_b) {
                    continue;
                }
                let both = match overlapping.get(&(one, two)) {
                    Some(both) => *both,
                    None => {
                        let both = zone_a.overlaps(zone_b, &work)?;
                        overlapping.insert((one, two), both);
                        both
                    }
                };
                if both {
                    let sequence = table.int("stop_sequence");
                    out.add(&OVERLAPPING, || -> [Value; 9] {
                        [
                            end.time(a),
                            end.time(b),
                            ids.value(a),
                            ids.value(b),
                            start.time(a),
                            start.time(b),
                            sequence.value(a),
                            sequence.value(b),
                            table.text("trip_id").value(a),
                        ]
                    });
                }
            }
        }
    }
    Ok(())
}
