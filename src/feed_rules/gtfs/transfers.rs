//! Transfers that lead where nobody can change (GTFS reference, `transfers.txt`).

use rustc_hash::{FxHashMap, FxHashSet};

use super::cells::MISSING_REQUIRED_FIELD;
use super::prelude::*;
use crate::geo;

pub static TOO_LARGE: Notice = Notice {
    code: "transfer_distance_too_large",
    severity: Severity::Warning,
    files: &["transfers.txt", "stops.txt"],
    fields: &["csvRowNumber", "distanceKm", "fromStopId", "toStopId"],
    en: Words {
        what: "The two stops of a transfer are more than 10 km apart.",
        mend: "Correct the stops of the transfer or their positions.",
    },
    de: Words {
        what: "Die beiden Halte eines Umstiegs liegen über 10 km auseinander.",
        mend: "Halte des Umstiegs oder ihre Lage berichtigen.",
    },
};
pub static ABOVE_2_KM: Notice = Notice {
    code: "transfer_distance_above_2_km",
    severity: Severity::Info,
    files: &["transfers.txt", "stops.txt"],
    fields: &["csvRowNumber", "distanceKm", "fromStopId", "toStopId"],
    en: Words { what: "The two stops of a transfer are more than 2 km apart.", mend: "Check whether this is meant." },
    de: Words {
        what: "Die beiden Halte eines Umstiegs liegen über 2 km auseinander.",
        mend: "Prüfen, ob das so gemeint ist.",
    },
};
pub static WRONG_TYPE: Notice = Notice {
    code: "transfer_with_invalid_stop_location_type",
    severity: Severity::Error,
    files: &["transfers.txt"],
    fields: &["csvRowNumber", "locationTypeName", "locationTypeValue", "stopId", "stopIdFieldName"],
    en: Words {
        what: "A transfer leads to an entrance or node, or staying seated to a station as a whole.",
        mend: "Name a stop, or for changing vehicles a station.",
    },
    de: Words {
        what: "Ein Umstieg führt zu einem Eingang oder Knoten, oder Sitzenbleiben zu einer Station als Ganzes.",
        mend: "Einen Halt nennen, zum Umsteigen auch eine Station.",
    },
};
pub static WRONG_ROUTE: Notice = Notice {
    code: "transfer_with_invalid_trip_and_route",
    severity: Severity::Error,
    files: &["transfers.txt"],
    fields: &["csvRowNumber", "expectedRouteId", "routeFieldName", "routeId", "tripFieldName", "tripId"],
    en: Words {
        what: "The trip of a transfer belongs to another route than the transfer says.",
        mend: "Correct the route or the trip.",
    },
    de: Words {
        what: "Die Fahrt eines Umstiegs gehört zu einer anderen Linie als angegeben.",
        mend: "Linie oder Fahrt berichtigen.",
    },
};
pub static WRONG_STOP: Notice = Notice {
    code: "transfer_with_invalid_trip_and_stop",
    severity: Severity::Error,
    files: &["transfers.txt"],
    fields: &["csvRowNumber", "stopFieldName", "stopId", "tripFieldName", "tripId"],
    en: Words {
        what: "The trip of a transfer does not serve the stop of the transfer.",
        mend: "Correct the stop or the trip.",
    },
    de: Words {
        what: "Die Fahrt eines Umstiegs bedient den Halt des Umstiegs nicht.",
        mend: "Halt oder Fahrt berichtigen.",
    },
};
pub static MID_TRIP: Notice = Notice {
    code: "transfer_with_suspicious_mid_trip_in_seat",
    severity: Severity::Warning,
    files: &["transfers.txt", "stops.txt", "stop_times.txt"],
    fields: &["csvRowNumber", "stopId", "stopIdFieldName", "tripId", "tripIdFieldName"],
    en: Words {
        what: "Staying seated goes from the last stop of a trip to the first of the next, but the transfer names a \
               stop on the way.",
        mend: "Check the stops.",
    },
    de: Words {
        what: "Sitzenbleiben geht vom letzten Halt einer Fahrt zum ersten der nächsten, der Umstieg nennt aber einen \
               Halt unterwegs.",
        mend: "Halte prüfen.",
    },
};

const TRIPS: &str = "route_id,service_id,trip_id,shape_id\nr,s,t,p\nr,s,u,p\n";
const TIMES: &str = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                     t,08:00:00,08:00:00,a,1\n\
                     t,08:05:00,08:05:00,b,2\n\
                     t,08:10:00,08:10:00,c,3\n\
                     u,09:00:00,09:00:00,a,1\n\
                     u,09:05:00,09:05:00,b,2\n\
                     u,09:10:00,09:10:00,c,3\n";
const SOUND: &str = "from_stop_id,to_stop_id,from_trip_id,to_trip_id,from_route_id,to_route_id,\
                     transfer_type\n\
                     c,a,t,u,r,r,4\n\
                     a,b,,,,,\n";

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&TOO_LARGE, &ABOVE_2_KM, &WRONG_TYPE, &WRONG_ROUTE, &WRONG_STOP, &MID_TRIP],
    needs: Needs::Tables(&["transfers"]),
    check: Some(check),
    examples: &[
        fails(
            "transfer_distance_too_large",
            1,
            &[
                (
                    "stops.txt",
                    "stop_id,stop_name,stop_lat,stop_lon\n\
                     a,Rathaus,48.47,7.94\n\
                     b,Bahnhof,48.58,7.946\n\
                     c,Klinikum,48.482,7.952\n",
                ),
                ("transfers.txt", "from_stop_id,to_stop_id,transfer_type\na,b,0\n"),
            ],
        ),
        passes(
            "transfer_distance_too_large",
            &[("trips.txt", TRIPS), ("stop_times.txt", TIMES), ("transfers.txt", SOUND)],
        ),
        fails(
            "transfer_distance_above_2_km",
            1,
            &[
                (
                    "stops.txt",
                    "stop_id,stop_name,stop_lat,stop_lon\n\
                     a,Rathaus,48.47,7.94\n\
                     b,Bahnhof,48.49,7.946\n\
                     c,Klinikum,48.482,7.952\n",
                ),
                ("transfers.txt", "from_stop_id,to_stop_id,transfer_type\na,b,0\n"),
            ],
        ),
        passes(
            "transfer_distance_above_2_km",
            &[("trips.txt", TRIPS), ("stop_times.txt", TIMES), ("transfers.txt", SOUND)],
        ),
        fails(
            "transfer_with_invalid_stop_location_type",
            1,
            &[
                (
                    "stops.txt",
                    "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\n\
                     a,Rathaus,48.47,7.94,,x\n\
                     b,Bahnhof,48.476,7.946,,\n\
                     c,Klinikum,48.482,7.952,,\n\
                     x,Halle,48.47,7.94,1,\n\
                     e,Eingang,48.47,7.94,2,x\n",
                ),
                ("transfers.txt", "from_stop_id,to_stop_id,transfer_type\ne,b,0\nx,b,0\n"),
            ],
        ),
        passes(
            "transfer_with_invalid_stop_location_type",
            &[("trips.txt", TRIPS), ("stop_times.txt", TIMES), ("transfers.txt", SOUND)],
        ),
        fails(
            "transfer_with_invalid_trip_and_route",
            1,
            &[
                ("routes.txt", "route_id,agency_id,route_short_name,route_type\nr,1,S1,3\nq,1,S2,3\n"),
                ("trips.txt", TRIPS),
                ("stop_times.txt", TIMES),
                (
                    "transfers.txt",
                    "from_stop_id,to_stop_id,from_trip_id,to_trip_id,from_route_id,to_route_id,\
                     transfer_type\n\
                     c,a,t,u,q,r,0\n",
                ),
            ],
        ),
        passes(
            "transfer_with_invalid_trip_and_route",
            &[("trips.txt", TRIPS), ("stop_times.txt", TIMES), ("transfers.txt", SOUND)],
        ),
        fails(
            "transfer_with_invalid_trip_and_stop",
            1,
            &[
                (
                    "stops.txt",
                    "stop_id,stop_name,stop_lat,stop_lon\n\
                     a,Rathaus,48.47,7.94\n\
                     b,Bahnhof,48.476,7.946\n\
                     c,Klinikum,48.482,7.952\n\
                     d,Depot,48.482,7.952\n",
                ),
                ("trips.txt", TRIPS),
                ("stop_times.txt", TIMES),
                ("transfers.txt", "from_stop_id,to_stop_id,from_trip_id,to_trip_id,transfer_type\nd,a,t,u,0\n"),
            ],
        ),
        passes(
            "transfer_with_invalid_trip_and_stop",
            &[("trips.txt", TRIPS), ("stop_times.txt", TIMES), ("transfers.txt", SOUND)],
        ),
        fails(
            "transfer_with_suspicious_mid_trip_in_seat",
            2,
            &[
                ("trips.txt", TRIPS),
                ("stop_times.txt", TIMES),
                ("transfers.txt", "from_stop_id,to_stop_id,from_trip_id,to_trip_id,transfer_type\nb,b,t,u,4\n"),
            ],
        ),
        passes(
            "transfer_with_suspicious_mid_trip_in_seat",
            &[("trips.txt", TRIPS), ("stop_times.txt", TIMES), ("transfers.txt", SOUND)],
        ),
        fails(
            "missing_required_field",
            2,
            &[("transfers.txt", "from_stop_id,to_stop_id,transfer_type\n,b,0\na,,1\n,,\n")],
        ),
        fails(
            "missing_required_field",
            2,
            &[("transfers.txt", "from_stop_id,to_stop_id,from_trip_id,to_trip_id,transfer_type\nc,a,,,5\n")],
        ),
        fails(
            "missing_required_field",
            1,
            &[(
                "transfers.txt",
                "from_stop_id,to_stop_id,transfer_type,min_transfer_time\n\
                 a,b,2,\n\
                 a,b,2,0\n\
                 b,a,2,180\n\
                 b,a,1,\n",
            )],
        ),
        fails("missing_required_field", 1, &[("transfers.txt", "from_stop_id,to_stop_id,transfer_type\na,b,2\n")]),
    ],
};

/// One of the two ends of a transfer: the columns of its stop, trip and route.
const ENDS: [[&str; 3]; 2] =
    [["from_stop_id", "from_trip_id", "from_route_id"], ["to_stop_id", "to_trip_id", "to_route_id"]];

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("transfers");
    let (types, least) = (table.int("transfer_type"), table.int("min_transfer_time"));
    let file = || "transfers.txt".into();
    for row in (0..table.rows).filter(|row| types.has(*row)) {
        let in_seat = matches!(types.get(row), Some(4 | 5));
        if types.get(row) == Some(2) && !least.has(row) {
            out.add(&MISSING_REQUIRED_FIELD, || [table.at(row), "min_transfer_time".into(), file()]);
        }
        for [stop, ..] in ENDS.iter().filter(|_| !in_seat) {
            if !table.text(stop).has(row) {
                out.add(&MISSING_REQUIRED_FIELD, || [table.at(row), (*stop).into(), file()]);
            }
        }
    }
    let stops = feed.table("stops");
    if !stops.is_usable() || table.rows == 0 {
        return;
    }
    distances(feed, out);
    let kinds = stops.int("location_type");
    let with_times = feed.table("stop_times").is_usable();
    for [stop_column, trip_column, route_column] in ENDS {
        let at = table.text(stop_column);
        let stop_rows = feed.link("transfers", stop_column, "stops", "stop_id");
        let stop_of = |row: usize| at.code(row).map(|code| stop_rows[code as usize]).filter(|row| *row != NO_ROW);
        for row in 0..table.rows {
            let Some(stop) = stop_of(row) else { continue };
            let kind = kinds.or(stop as usize, 0);
            let tell = |out: &mut Out| {
                let name = ["STOP", "STATION", "ENTRANCE", "GENERIC_NODE", "BOARDING_AREA"].get(kind as usize).copied();
                out.add(&WRONG_TYPE, || {
                    [
                        table.at(row),
                        name.unwrap_or("UNRECOGNIZED").into(),
                        kind.into(),
                        at.value(row),
                        stop_column.into(),
                    ]
                });
            };
            if !(0..=1).contains(&kind) {
                tell(out);
            }
            if with_times && kind == 1 && matches!(types.get(row), Some(4 | 5)) {
                tell(out);
            }
        }
        if !with_times {
            continue;
        }
        in_seat(feed, stop_column, trip_column, &stop_of, out);
        if feed.table("trips").is_usable() {
            trips(feed, [stop_column, trip_column, route_column], &stop_of, out);
        }
    }
}

fn distances(feed: &Feed, out: &mut Out) {
    let (table, places) = (feed.table("transfers"), feed.locations());
    if !table.has("from_stop_id") || !table.has("to_stop_id") {
        return;
    }
    let (from, to) = (table.text("from_stop_id"), table.text("to_stop_id"));
    let rows = ["from_stop_id", "to_stop_id"].map(|column| feed.link("transfers", column, "stops", "stop_id"));
    for row in 0..table.rows {
        let (Some(one), Some(two)) = (from.code(row), to.code(row)) else { continue };
        let place = |stop: u32| places.get(stop as usize).copied().flatten().unwrap_or([0.0, 0.0]);
        let metres = geo::metres(place(rows[0][one as usize]), place(rows[1][two as usize]));
        let notice = match metres {
            _ if metres > 10_000.0 => &TOO_LARGE,
            _ if metres > 2_000.0 => &ABOVE_2_KM,
            _ => continue,
        };
        out.add(notice, || [table.at(row), (metres / 1000.0).into(), from.value(row), to.value(row)]);
    }
}

/// Staying seated needs both trips, from the last stop of the one to the first of the other.
fn in_seat(feed: &Feed, stop_column: &str, trip_column: &str, stop_of: &impl Fn(usize) -> Option<u32>, out: &mut Out) {
    let (table, times) = (feed.table("transfers"), feed.table("stop_times"));
    let (trips, stops, served) = (table.text(trip_column), table.text(stop_column), times.text("stop_id"));
    let types = table.int("transfer_type");
    let of_trip = times.text("trip_id");
    let pairs = served_by(feed, trip_column);
    for row in (0..table.rows).filter(|row| matches!(types.get(*row), Some(4 | 5))) {
        if !trips.has(row) {
            out.add(&MISSING_REQUIRED_FIELD, || [table.at(row), trip_column.into(), "transfers.txt".into()]);
        }
        if stop_of(row).is_none() {
            continue;
        }
        let Some(code) = of_trip.find(trips.get(row)) else { continue };
        let rows = feed.trip_stops().of_code(code);
        let here = |time: usize| served.get(time) == stops.get(row);
        let end = if stop_column == "from_stop_id" { rows.last() } else { rows.first() };
        let is_served = served.find(stops.get(row)).is_some_and(|stop| pairs.contains(&(code, stop)));
        if is_served && end.is_some_and(|end| !here(end)) {
            out.add(&MID_TRIP, || {
                [table.at(row), stops.value(row), stop_column.into(), trips.value(row), trip_column.into()]
            });
        }
    }
}

/// The trips that transfers name and the stops that they serve, as codes of `stop_times`.
fn served_by(feed: &Feed, trip_column: &str) -> FxHashSet<(u32, u32)> {
    let (table, times) = (feed.table("transfers"), feed.table("stop_times"));
    let (of_trip, served) = (times.text("trip_id"), times.text("stop_id"));
    let named = table.text(trip_column).words().into_iter().flat_map(|words| words.iter());
    let codes = named.filter_map(|(_, id)| of_trip.find(id));
    let pairs = codes.flat_map(|code| feed.trip_stops().of_code(code).iter().map(move |row| (code, row)));
    pairs.filter_map(|(code, row)| Some((code, served.code(row)?))).collect()
}

fn trips(
    feed: &Feed,
    [stop_column, trip_column, route_column]: [&str; 3],
    stop_of: &impl Fn(usize) -> Option<u32>,
    out: &mut Out,
) {
    let (table, all, times, stops) =
        (feed.table("transfers"), feed.table("trips"), feed.table("stop_times"), feed.table("stops"));
    let (ids, routes, at) = (table.text(trip_column), table.text(route_column), table.text(stop_column));
    let trip_rows = feed.link("transfers", trip_column, "trips", "trip_id");
    let kinds = stops.int("location_type");
    let (parents, own_ids) = (stops.text("parent_station"), stops.text("stop_id"));
    let members = parents.rows_by_code();
    let (served, of_trip) = (times.text("stop_id"), times.text("trip_id"));
    let pairs = served_by(feed, trip_column);
    // The stops of each station, as codes of `stop_times.stop_id` and `stops.parent_station`.
    let children: FxHashSet<(u32, u32)> =
        (0..stops.rows).filter_map(|row| Some((served.find(own_ids.get(row))?, parents.code(row)?))).collect();
    // By trip and row of the stop, because many transfers may ask for the same.
    let mut known: FxHashMap<(u32, u32), bool> = FxHashMap::default();
    for row in 0..table.rows {
        let Some(trip) = ids.code(row).map(|code| trip_rows[code as usize]).filter(|row| *row != NO_ROW) else {
            continue;
        };
        let trip = trip as usize;
        let own = all.text("route_id");
        if routes.has(row) && routes.get(row) != own.get(trip) {
            out.add(&WRONG_ROUTE, || {
                [
                    table.at(row),
                    own.value(trip),
                    route_column.into(),
                    routes.value(row),
                    trip_column.into(),
                    ids.value(row),
                ]
            });
        }
        let Some(stop) = stop_of(row) else { continue };
        let code = of_trip.find(ids.get(row));
        let serves = code.is_some_and(|code| match kinds.or(stop as usize, 0) {
            0 => served.find(at.get(row)).is_some_and(|stop| pairs.contains(&(code, stop))),
            1 => *known.entry((code, stop)).or_insert_with(|| {
                let Some(station) = parents.find(at.get(row)) else { return false };
                let (members, rows) = (members.of(station), feed.trip_stops().of_code(code));
                // The shorter of the two lists is walked through.
                if members.len() < rows.len() {
                    let mut members = members.iter().filter_map(|row| served.find(own_ids.get(*row as usize)));
                    members.any(|stop| pairs.contains(&(code, stop)))
                } else {
                    rows.iter().filter_map(|row| served.code(row)).any(|stop| children.contains(&(stop, station)))
                }
            }),
            _ => false,
        });
        if !serves {
            out.add(&WRONG_STOP, || {
                [table.at(row), stop_column.into(), at.value(row), trip_column.into(), ids.value(row)]
            });
        }
    }
}
