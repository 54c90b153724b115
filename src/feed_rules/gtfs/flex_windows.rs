//! Windows of on-demand service (GTFS reference, `stop_times.txt`, "start_pickup_drop_off_window").

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::outline::{Spent, Work};
use super::prelude::*;
use super::zones::Zone;
use crate::feed_rules::notice::Cut;

pub static FORBIDDEN_TIME: Notice = Notice {
    code: "forbidden_arrival_or_departure_time",
    severity: Severity::Error,
    files: &["stop_times.txt"],
    fields: &["arrivalTime", "csvRowNumber", "departureTime", "endPickupDropOffWindow", "startPickupDropOffWindow"],
    en: Words {
        what: "A stop with a window of on-demand service has a fixed time, too.",
        mend: "Empty arrival_time and departure_time, or the window.",
    },
    de: Words {
        what: "Ein Halt mit Bedienfenster hat zugleich eine feste Zeit.",
        mend: "arrival_time und departure_time oder das Fenster leeren.",
    },
};
pub static MISSING_WINDOW: Notice = Notice {
    code: "missing_pickup_or_drop_off_window",
    severity: Severity::Error,
    files: &["stop_times.txt"],
    fields: &["csvRowNumber", "endPickupDropOffWindow", "startPickupDropOffWindow"],
    en: Words { what: "A window of on-demand service has only one end.", mend: "Fill in the other." },
    de: Words { what: "Ein Bedienfenster hat nur ein Ende.", mend: "Das andere ergänzen." },
};
pub static INVALID_WINDOW: Notice = Notice {
    code: "invalid_pickup_drop_off_window",
    severity: Severity::Error,
    files: &["stop_times.txt"],
    fields: &["csvRowNumber", "endPickupDropOffWindow", "startPickupDropOffWindow"],
    en: Words { what: "A window of on-demand service ends before it begins.", mend: "Correct the times." },
    de: Words { what: "Ein Bedienfenster endet, bevor es beginnt.", mend: "Zeiten berichtigen." },
};
pub static FORBIDDEN_PICKUP: Notice = Notice {
    code: "forbidden_pickup_type",
    severity: Severity::Error,
    files: &["stop_times.txt"],
    fields: &["csvRowNumber", "endPickupDropOffWindow", "startPickupDropOffWindow"],
    en: Words {
        what: "In a window of on-demand service people cannot board as usual or by a sign to the driver.",
        mend: "Set pickup_type to 1 or 2.",
    },
    de: Words {
        what: "Im Bedienfenster ist regulärer Einstieg oder auf Zeichen nicht möglich.",
        mend: "pickup_type auf 1 oder 2 setzen.",
    },
};
pub static FORBIDDEN_DROP_OFF: Notice = Notice {
    code: "forbidden_drop_off_type",
    severity: Severity::Error,
    files: &["stop_times.txt"],
    fields: &["csvRowNumber", "endPickupDropOffWindow", "startPickupDropOffWindow"],
    en: Words {
        what: "In a window of on-demand service people cannot alight as usual.",
        mend: "Set drop_off_type to 1, 2 or 3.",
    },
    de: Words {
        what: "Im Bedienfenster ist regulärer Ausstieg nicht möglich.",
        mend: "drop_off_type auf 1, 2 oder 3 setzen.",
    },
};
pub static MISSING_BOOKING_RULE: Notice = Notice {
    code: "missing_pickup_drop_off_booking_rule_id",
    severity: Severity::Warning,
    files: &["stop_times.txt"],
    fields: &["csvRowNumber", "dropOffType", "pickupType"],
    en: Words {
        what: "One must phone, but there is no rule that says how and when.",
        mend: "Fill in pickup_booking_rule_id and drop_off_booking_rule_id.",
    },
    de: Words {
        what: "Man muss anrufen, aber keine Buchungsregel sagt wie und wann.",
        mend: "pickup_booking_rule_id und drop_off_booking_rule_id ergänzen.",
    },
};
pub static MISSING_RECORD: Notice = Notice {
    code: "missing_stop_times_record",
    severity: Severity::Error,
    files: &["stop_times.txt"],
    fields: &["csvRowNumber", "locationGroupId", "locationId", "tripId"],
    en: Words {
        what: "A trip within one zone has one record, but it needs two: one to board and one to alight.",
        mend: "Repeat the record with the next stop_sequence.",
    },
    de: Words {
        what: "Eine Fahrt innerhalb einer Zone hat einen Eintrag, braucht aber zwei: zum Ein- und zum Aussteigen.",
        mend: "Eintrag mit der nächsten stop_sequence wiederholen.",
    },
};
pub static OVERLAPPING: Notice = Notice {
    code: "overlapping_zone_and_pickup_drop_off_window",
    severity: Severity::Error,
    files: &[],
    fields: &[
        "endPickupDropOffWindow1",
        "endPickupDropOffWindow2",
        "locationId1",
        "locationId2",
        "startPickupDropOffWindow1",
        "startPickupDropOffWindow2",
        "stopSequence1",
        "stopSequence2",
        "tripId",
    ],
    en: Words {
        what: "Two zones of a trip overlap at the same time, so at a place in both it is not clear what holds.",
        mend: "Separate the zones or the windows.",
    },
    de: Words {
        what: "Zwei Zonen einer Fahrt überlappen sich zur selben Zeit; an einem Ort in beiden ist unklar, was gilt.",
        mend: "Zonen oder Fenster trennen.",
    },
};

const BOOKING: &str = "booking_rule_id,booking_type\nb,0\n";
const SOUND: &str = "trip_id,arrival_time,departure_time,stop_id,stop_sequence,\
                     start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_type,drop_off_type,\
                     pickup_booking_rule_id,drop_off_booking_rule_id\n\
                     t,,,a,1,08:00:00,09:00:00,2,2,b,b\n\
                     t,,,b,2,08:00:00,09:00:00,2,2,b,b\n";
const ZONES: &str = r#"{"type":"FeatureCollection","features":[{"id":"y","type":"Feature","properties":{},
                       "geometry":{"type":"Polygon","coordinates":[[[7.9,48.4],[8.0,48.4],[8.0,48.5],[7.9,
                       48.5],[7.9,48.4]]]}},{"id":"z","type":"Feature","properties":{},
                       "geometry":{"type":"Polygon","coordinates":[[[7.95,48.45],[8.05,48.45],[8.05,48.55],
                       [7.95,48.55],[7.95,48.45]]]}}]}"#;

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[
        &FORBIDDEN_TIME,
        &MISSING_WINDOW,
        &INVALID_WINDOW,
        &FORBIDDEN_PICKUP,
        &FORBIDDEN_DROP_OFF,
        &MISSING_BOOKING_RULE,
        &MISSING_RECORD,
        &OVERLAPPING,
    ],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails(
            "forbidden_arrival_or_departure_time",
            1,
            &[(
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence,\
                 start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_type,drop_off_type\n\
                 t,08:00:00,,a,1,08:00:00,09:00:00,2,2\n",
            )],
        ),
        passes("forbidden_arrival_or_departure_time", &[("booking_rules.txt", BOOKING), ("stop_times.txt", SOUND)]),
        fails(
            "missing_pickup_or_drop_off_window",
            1,
            &[(
                "stop_times.txt",
                "trip_id,stop_id,stop_sequence,start_pickup_drop_off_window,\
                 end_pickup_drop_off_window,pickup_type,drop_off_type\n\
                 t,a,1,08:00:00,,2,2\n",
            )],
        ),
        passes("missing_pickup_or_drop_off_window", &[("booking_rules.txt", BOOKING), ("stop_times.txt", SOUND)]),
        fails(
            "invalid_pickup_drop_off_window",
            2,
            &[(
                "stop_times.txt",
                "trip_id,stop_id,stop_sequence,start_pickup_drop_off_window,\
                 end_pickup_drop_off_window,pickup_type,drop_off_type\n\
                 t,a,1,09:00:00,08:00:00,2,2\n\
                 t,b,2,09:00:00,09:00:00,2,2\n",
            )],
        ),
        passes("invalid_pickup_drop_off_window", &[("booking_rules.txt", BOOKING), ("stop_times.txt", SOUND)]),
        fails(
            "forbidden_pickup_type",
            2,
            &[(
                "stop_times.txt",
                "trip_id,stop_id,stop_sequence,start_pickup_drop_off_window,\
                 end_pickup_drop_off_window,pickup_type,drop_off_type\n\
                 t,a,1,08:00:00,09:00:00,,2\n\
                 t,b,2,08:00:00,09:00:00,3,2\n",
            )],
        ),
        passes("forbidden_pickup_type", &[("booking_rules.txt", BOOKING), ("stop_times.txt", SOUND)]),
        fails(
            "forbidden_drop_off_type",
            1,
            &[(
                "stop_times.txt",
                "trip_id,stop_id,stop_sequence,start_pickup_drop_off_window,\
                 end_pickup_drop_off_window,pickup_type,drop_off_type\n\
                 t,a,1,08:00:00,09:00:00,2,0\n\
                 t,b,2,08:00:00,09:00:00,2,3\n",
            )],
        ),
        passes("forbidden_drop_off_type", &[("booking_rules.txt", BOOKING), ("stop_times.txt", SOUND)]),
        fails(
            "missing_pickup_drop_off_booking_rule_id",
            2,
            &[
                ("booking_rules.txt", BOOKING),
                (
                    "stop_times.txt",
                    "trip_id,stop_id,stop_sequence,start_pickup_drop_off_window,\
                     end_pickup_drop_off_window,pickup_type,drop_off_type\n\
                     t,a,1,08:00:00,09:00:00,2,2\n\
                     t,b,2,08:00:00,09:00:00,1,1\n",
                ),
            ],
        ),
        passes("missing_pickup_drop_off_booking_rule_id", &[("booking_rules.txt", BOOKING), ("stop_times.txt", SOUND)]),
        fails(
            "missing_stop_times_record",
            1,
            &[
                ("booking_rules.txt", BOOKING),
                (
                    "stop_times.txt",
                    "trip_id,stop_id,stop_sequence,start_pickup_drop_off_window,\
                     end_pickup_drop_off_window,pickup_type,drop_off_type\n\
                     t,a,1,08:00:00,09:00:00,2,2\n",
                ),
            ],
        ),
        passes("missing_stop_times_record", &[("booking_rules.txt", BOOKING), ("stop_times.txt", SOUND)]),
        fails(
            "overlapping_zone_and_pickup_drop_off_window",
            1,
            &[
                ("locations.geojson", ZONES),
                (
                    "stop_times.txt",
                    "trip_id,location_id,stop_sequence,start_pickup_drop_off_window,\
                     end_pickup_drop_off_window,pickup_type,drop_off_type\n\
                     t,y,1,08:00:00,09:00:00,2,2\n\
                     t,z,2,08:30:00,09:30:00,2,2\n",
                ),
            ],
        ),
        passes(
            "overlapping_zone_and_pickup_drop_off_window",
            &[
                ("locations.geojson", ZONES),
                (
                    "stop_times.txt",
                    "trip_id,location_id,stop_sequence,start_pickup_drop_off_window,\
                     end_pickup_drop_off_window,pickup_type,drop_off_type\n\
                     t,y,1,08:00:00,09:00:00,2,2\n\
                     t,z,2,09:00:00,09:30:00,2,2\n",
                ),
            ],
        ),
    ],
};

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
                let [group, zone, trip] =
                    ["location_group_id", "location_id", "trip_id"].map(|name| table.text(name).value(row));
                [table.at(row), group, zone, trip]
            });
        }
    }
}

/// Pairs of stop times of one trip that are looked at in a feed, at most; some seconds.
const LOOKS: usize = 50_000_000;

static CUT: Cut = Cut {
    en: "trips serve so many zones in windows that not all pairs of them were compared",
    de: "Fahrten bedienen so viele Zonen mit Bedienfenster, dass nicht alle Paare verglichen \
         wurden",
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
