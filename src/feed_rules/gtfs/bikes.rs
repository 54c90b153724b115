//! Ferry trips that do not say whether bicycles are allowed.

use super::prelude::*;

pub static MISSING_BIKE_ALLOWANCE: Notice = Notice {
    code: "missing_bike_allowance",
    severity: Severity::Warning,
    files: &["routes.txt", "trips.txt"],
    fields: &["csvRowNumber", "routeId", "tripId"],
    en: Words {
        what: "A ferry trip does not say whether bicycles are allowed, which riders need to know.",
        mend: "Fill in bikes_allowed.",
    },
    de: Words {
        what: "Eine Fährfahrt sagt nicht, ob Fahrräder erlaubt sind; Fahrgäste müssen es wissen.",
        mend: "bikes_allowed ergänzen.",
    },
};

const FERRY: &str = "route_id,agency_id,route_short_name,route_type\nr,1,F1,4\n";

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&MISSING_BIKE_ALLOWANCE],
    needs: Needs::Tables(&["trips", "routes"]),
    check: Some(check),
    examples: &[
        fails("missing_bike_allowance", 1, &[("routes.txt", FERRY)]),
        passes(
            "missing_bike_allowance",
            &[("routes.txt", FERRY), ("trips.txt", "route_id,service_id,trip_id,shape_id,bikes_allowed\nr,s,t,p,2\n")],
        ),
    ],
};

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
            out.add(&MISSING_BIKE_ALLOWANCE, || {
                [trips.at(trip), routes.value(trip), trips.text("trip_id").value(trip)]
            });
        }
    }
}
