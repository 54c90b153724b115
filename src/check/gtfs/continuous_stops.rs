//! Boarding anywhere along the way, together with windows of on-demand service.

use super::prelude::*;

notice!(FORBIDDEN_CONTINUOUS = "forbidden_continuous_pickup_drop_off", Error, ["routes.txt", "stop_times.txt", "trips.txt"],
    ["endPickupDropOffWindow", "routeCsvRowNumber", "startPickupDropOffWindow", "stopTimeCsvRowNumber", "tripId"],
    "The route lets people board anywhere along the way, but the trip has windows of on-demand service, so it has no way.",
    "Empty continuous_pickup and continuous_drop_off of the route, or the windows.",
    "Die Linie erlaubt Einstieg überall am Weg, die Fahrt hat aber Bedienfenster und damit keinen festen Weg.",
    "continuous_pickup und continuous_drop_off der Linie oder die Fenster leeren.");

const TIMES: &str = "trip_id,arrival_time,departure_time,stop_id,stop_sequence,start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_type,drop_off_type\nt,,,a,1,08:00:00,09:00:00,2,2\nt,,,b,2,08:00:00,09:00:00,2,2\n";

rule!([FORBIDDEN_CONTINUOUS], needs: ["routes", "trips", "stop_times"], check, &[
    fails("forbidden_continuous_pickup_drop_off", 2, &[("stop_times.txt", TIMES), ("routes.txt", "route_id,agency_id,route_short_name,route_type,continuous_pickup\nr,1,S1,3,0\n")]),
    passes("forbidden_continuous_pickup_drop_off", &[("stop_times.txt", TIMES), ("routes.txt", "route_id,agency_id,route_short_name,route_type,continuous_pickup\nr,1,S1,3,1\n")]),
]);

fn check(feed: &Feed, out: &mut Out) {
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
        let Some(route) = codes.code(trip).map(|code| of_trips[code as usize]).filter(|row| *row != NO_ROW) else { continue };
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
