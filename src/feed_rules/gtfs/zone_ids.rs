//! Stops without a fare zone, where fares depend on zones.

use super::prelude::*;

pub static WITHOUT_ZONE: Notice = Notice {
    code: "stop_without_zone_id",
    severity: Severity::Info,
    files: &["stops.txt", "stop_times.txt", "trips.txt", "routes.txt", "fare_rules.txt"],
    fields: &["csvRowNumber", "stopId", "stopName"],
    en: Words {
        what: "Fares of a route that serves the stop depend on zones, but the stop is in none.",
        mend: "Fill in zone_id.",
    },
    de: Words {
        what: "Tarife einer Linie am Halt hängen von Zonen ab, der Halt liegt aber in keiner.",
        mend: "zone_id ergänzen.",
    },
};

const STOPS: &str = "stop_id,stop_name,stop_lat,stop_lon,zone_id\n\
                     a,Rathaus,48.47,7.94,1\n\
                     b,Bahnhof,48.476,7.946,\n\
                     c,Klinikum,48.482,7.952,2\n";
const FARES: &str = "fare_id,price,currency_type,payment_method,agency_id\nf,1.00,EUR,0,1\n";

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&WITHOUT_ZONE],
    needs: Needs::Tables(&["stops", "fare_rules", "stop_times", "trips", "routes"]),
    check: Some(check),
    examples: &[
        fails(
            "stop_without_zone_id",
            1,
            &[
                ("stops.txt", STOPS),
                ("fare_attributes.txt", FARES),
                ("fare_rules.txt", "fare_id,route_id,origin_id\nf,r,1\n"),
            ],
        ),
        passes(
            "stop_without_zone_id",
            &[("stops.txt", STOPS), ("fare_attributes.txt", FARES), ("fare_rules.txt", "fare_id,route_id\nf,r\n")],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let rules = feed.table("fare_rules");
    let zones = ["origin_id", "destination_id", "contains_id"].map(|column| rules.text(column));
    let routes_of_rules = rules.text("route_id");
    let mut zoned = vec![false; routes_of_rules.distinct()];
    for row in (0..rules.rows).filter(|row| zones.iter().any(|zone| zone.has(*row))) {
        if let Some(code) = routes_of_rules.code(row) {
            zoned[code as usize] = true;
        }
    }
    if !zoned.contains(&true) {
        return;
    }
    let (stops, trips, times) = (feed.table("stops"), feed.table("trips"), feed.table("stop_times"));
    let trip_routes = trips.text("route_id");
    let known = feed.link("trips", "route_id", "routes", "route_id");
    // For each code of `stop_times.trip_id` whether the fares of its route depend on zones.
    let by_zone: Vec<bool> = feed
        .trips_of_stop_times()
        .iter()
        .map(|trip| {
            *trip != NO_ROW
                && trip_routes.code(*trip as usize).is_some_and(|code| known[code as usize] != NO_ROW)
                && routes_of_rules.find(trip_routes.get(*trip as usize)).is_some_and(|code| zoned[code as usize])
        })
        .collect();
    let (of_trip, at) = (times.text("trip_id"), times.text("stop_id"));
    let mut served = vec![false; at.distinct()];
    for row in 0..times.rows {
        if let (Some(trip), Some(stop)) = (of_trip.code(row), at.code(row)) {
            served[stop as usize] |= by_zone[trip as usize];
        }
    }
    let (ids, zone_ids, types) = (stops.text("stop_id"), stops.text("zone_id"), stops.int("location_type"));
    for row in (0..stops.rows).filter(|row| types.or(*row, 0) == 0 && !zone_ids.has(*row)) {
        if at.find(ids.get(row)).is_some_and(|code| served[code as usize]) {
            out.add(&WITHOUT_ZONE, || [stops.at(row), ids.value(row), stops.text("stop_name").value(row)]);
        }
    }
}
