//! Boarding anywhere along the way: with windows of on-demand service, and without a way.

use super::cells::MISSING_REQUIRED_FIELD;
use super::prelude::*;

pub static FORBIDDEN_CONTINUOUS: Notice = Notice {
    code: "forbidden_continuous_pickup_drop_off",
    severity: Severity::Error,
    files: &["routes.txt", "stop_times.txt", "trips.txt"],
    fields: &[
        "endPickupDropOffWindow",
        "routeCsvRowNumber",
        "startPickupDropOffWindow",
        "stopTimeCsvRowNumber",
        "tripId",
    ],
    en: Words {
        what: "The route lets people board anywhere along the way, but the trip has windows of on-demand service, so \
               it has no way.",
        mend: "Empty continuous_pickup and continuous_drop_off of the route, or the windows.",
    },
    de: Words {
        what: "Die Linie erlaubt Einstieg überall am Weg, die Fahrt hat aber Bedienfenster und damit keinen festen Weg.",
        mend: "continuous_pickup und continuous_drop_off der Linie oder die Fenster leeren.",
    },
};

const TIMES: &str = "trip_id,arrival_time,departure_time,stop_id,stop_sequence,\
                     start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_type,drop_off_type\n\
                     t,,,a,1,08:00:00,09:00:00,2,2\n\
                     t,,,b,2,08:00:00,09:00:00,2,2\n";

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&FORBIDDEN_CONTINUOUS],
    needs: Needs::Tables(&["routes", "trips", "stop_times"]),
    check: Some(check),
    examples: &[
        fails(
            "forbidden_continuous_pickup_drop_off",
            2,
            &[
                ("stop_times.txt", TIMES),
                ("routes.txt", "route_id,agency_id,route_short_name,route_type,continuous_pickup\nr,1,S1,3,0\n"),
            ],
        ),
        passes(
            "forbidden_continuous_pickup_drop_off",
            &[
                ("stop_times.txt", TIMES),
                ("routes.txt", "route_id,agency_id,route_short_name,route_type,continuous_pickup\nr,1,S1,3,1\n"),
            ],
        ),
        fails(
            "missing_required_field",
            1,
            &[
                ("trips.txt", "route_id,service_id,trip_id,shape_id\nr,s,t,\n"),
                ("routes.txt", "route_id,agency_id,route_short_name,route_type,continuous_pickup\nr,1,S1,3,0\n"),
            ],
        ),
        fails(
            "missing_required_field",
            1,
            &[
                ("trips.txt", "route_id,service_id,trip_id,shape_id\nr,s,t,\n"),
                ("routes.txt", "route_id,agency_id,route_short_name,route_type,continuous_drop_off\nr,1,S1,3,1\n"),
                ("stop_times.txt", OVERRIDDEN),
            ],
        ),
        passes(
            "missing_required_field",
            &[("routes.txt", "route_id,agency_id,route_short_name,route_type,continuous_pickup\nr,1,S1,3,0\n")],
        ),
        passes(
            "missing_required_field",
            &[
                ("trips.txt", "route_id,service_id,trip_id,shape_id\nr,s,t,\n"),
                ("routes.txt", "route_id,agency_id,route_short_name,route_type,continuous_pickup\nr,1,S1,3,2\n"),
                ("stop_times.txt", FORBIDDEN),
            ],
        ),
    ],
};

/// The second stop time allows it, whatever the route says; in the other one all of them forbid it.
const OVERRIDDEN: &str = "trip_id,arrival_time,departure_time,stop_id,stop_sequence,continuous_drop_off\n\
                          t,08:00:00,08:00:00,a,1,1\n\
                          t,08:05:00,08:05:00,b,2,3\n";
const FORBIDDEN: &str = "trip_id,arrival_time,departure_time,stop_id,stop_sequence,continuous_pickup\n\
                         t,08:00:00,08:00:00,a,1,1\n\
                         t,08:05:00,08:05:00,b,2,1\n";

fn check(feed: &Feed, out: &mut Out) {
    windows(feed, out);
    ways(feed, out);
}

/// A trip along which people board anywhere needs a shape (GTFS reference, `trips.shape_id`). What a stop time says of this
/// holds before what the route says; a trip without stop times has only its route.
fn ways(feed: &Feed, out: &mut Out) {
    const COLUMNS: [&str; 2] = ["continuous_pickup", "continuous_drop_off"];
    let (routes, trips, times) = (feed.table("routes"), feed.table("trips"), feed.table("stop_times"));
    let (of_route, of_time) = (COLUMNS.map(|column| routes.int(column)), COLUMNS.map(|column| times.int(column)));
    if of_route.iter().chain(&of_time).all(|column| column.cells().is_empty()) {
        return;
    }
    let (shapes, codes) = (trips.text("shape_id"), trips.text("route_id"));
    let rows = feed.link("trips", "route_id", "routes", "route_id");
    let stop_times = feed.trips();
    let is_continuous = |value: Option<i32>| matches!(value, Some(0 | 2 | 3));
    for trip in (0..trips.rows).filter(|trip| !shapes.has(*trip)) {
        let route = codes.code(trip).map(|code| rows[code as usize]).filter(|row| *row != NO_ROW);
        let default = of_route.map(|column| route.and_then(|row| column.get(row as usize)));
        let own = stop_times.stop_times(trip);
        let continuous = if own.is_empty() {
            default.into_iter().any(is_continuous)
        } else {
            let at = |row: usize| [0, 1].iter().any(|&end| is_continuous(of_time[end].get(row).or(default[end])));
            own.iter().any(at)
        };
        if continuous {
            out.add(&MISSING_REQUIRED_FIELD, || [trips.at(trip), "shape_id".into(), "trips.txt".into()]);
        }
    }
}

fn windows(feed: &Feed, out: &mut Out) {
    let (routes, trips, times) = (feed.table("routes"), feed.table("trips"), feed.table("stop_times"));
    let (start, end) = (times.int("start_pickup_drop_off_window"), times.int("end_pickup_drop_off_window"));
    if start.cells().is_empty() && end.cells().is_empty() {
        return;
    }
    // An empty cell means that it is not allowed.
    let allowed = |name: &str| routes.int(name);
    let (pickup, drop_off) = (allowed("continuous_pickup"), allowed("continuous_drop_off"));
    let continuous = |row: usize| [pickup, drop_off].iter().any(|column| matches!(column.get(row), Some(0 | 2 | 3)));
    let of_trips = feed.link("trips", "route_id", "routes", "route_id");
    let codes = trips.text("route_id");
    let ways = feed.trips();
    for trip in 0..trips.rows {
        let Some(route) = codes.code(trip).map(|code| of_trips[code as usize]).filter(|row| *row != NO_ROW) else {
            continue;
        };
        if !continuous(route as usize) {
            continue;
        }
        for row in ways.stop_times(trip).iter().filter(|row| start.has(*row) || end.has(*row)) {
            out.add(&FORBIDDEN_CONTINUOUS, || {
                let id = trips.text("trip_id").value(trip);
                [end.time(row), routes.at(route as usize), start.time(row), times.at(row), id]
            });
        }
    }
}
