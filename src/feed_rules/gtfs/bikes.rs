//! Ferry trips that do not say whether bicycles are allowed.

use super::prelude::*;

notice!(MISSING_BIKE_ALLOWANCE = "missing_bike_allowance", Warning, ["routes.txt", "trips.txt"], ["csvRowNumber", "routeId", "tripId"],
    "A ferry trip does not say whether bicycles are allowed, which riders need to know.", "Fill in bikes_allowed.",
    "Eine Fährfahrt sagt nicht, ob Fahrräder erlaubt sind; Fahrgäste müssen es wissen.", "bikes_allowed ergänzen.");

const FERRY: &str = "route_id,agency_id,route_short_name,route_type\nr,1,F1,4\n";

rule!([MISSING_BIKE_ALLOWANCE], needs: ["trips", "routes"], check, &[
    fails("missing_bike_allowance", 1, &[("routes.txt", FERRY)]),
    passes("missing_bike_allowance", &[("routes.txt", FERRY), ("trips.txt", "route_id,service_id,trip_id,shape_id,bikes_allowed\nr,s,t,p,2\n")]),
]);

fn check(feed: &Feed, out: &mut Out) {
    let (trips, types) = (feed.table("trips"), feed.table("routes").int("route_type"));
    let routes = trips.text("route_id");
    let rows = feed.link("trips", "route_id", "routes", "route_id");
    let ferry: Vec<bool> = rows.iter().map(|row| *row != NO_ROW && types.get(*row as usize) == Some(4)).collect();
    if !ferry.contains(&true) {
        return;
    }
    let bikes = trips.int("bikes_allowed");
    for trip in (0..trips.rows).filter(|trip| routes.code(*trip).is_some_and(|code| ferry[code as usize])) {
        if !matches!(bikes.get(trip), Some(1 | 2)) {
            out.add(&MISSING_BIKE_ALLOWANCE, || [trips.at(trip), routes.value(trip), trips.text("trip_id").value(trip)]);
        }
    }
}
