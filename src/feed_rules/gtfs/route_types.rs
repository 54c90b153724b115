//! Vehicles that would have to change from bus to train on the way.

use rustc_hash::FxHashSet;
use serde_json::Value;

use super::prelude::*;

pub static IN_BLOCK: Notice = Notice {
    code: "inconsistent_route_type_for_block_id",
    severity: Severity::Warning,
    files: &["trips.txt", "routes.txt"],
    fields: &["blockId", "routeIds", "routeTypes"],
    en: Words {
        what: "The trips of a block belong to routes of different kinds, but a block is one vehicle.",
        mend: "Correct block_id or route_type.",
    },
    de: Words {
        what: "Die Fahrten eines Umlaufs gehören zu Linien verschiedener Art, ein Umlauf ist aber ein Fahrzeug.",
        mend: "block_id oder route_type berichtigen.",
    },
};
pub static IN_SEAT: Notice = Notice {
    code: "inconsistent_route_type_for_in_seat_transfer",
    severity: Severity::Warning,
    files: &["transfers.txt", "routes.txt"],
    fields: &["csvRowNumber", "fromRouteId", "fromRouteType", "toRouteId", "toRouteType"],
    en: Words {
        what: "Riders may stay seated, but the two routes are of different kinds.",
        mend: "Correct the routes or transfer_type.",
    },
    de: Words {
        what: "Fahrgäste dürfen sitzen bleiben, aber die beiden Linien sind verschiedener Art.",
        mend: "Linien oder transfer_type berichtigen.",
    },
};

const ROUTES: &str = "route_id,agency_id,route_short_name,route_type\nr,1,S1,3\nz,1,Z1,2\n";

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&IN_BLOCK, &IN_SEAT],
    needs: Needs::Tables(&["routes"]),
    check: Some(check),
    examples: &[
        fails(
            "inconsistent_route_type_for_block_id",
            1,
            &[
                ("routes.txt", ROUTES),
                ("trips.txt", "route_id,service_id,trip_id,shape_id,block_id\nr,s,t,p,1\nz,s,u,p,1\n"),
            ],
        ),
        passes(
            "inconsistent_route_type_for_block_id",
            &[
                ("routes.txt", ROUTES),
                ("trips.txt", "route_id,service_id,trip_id,shape_id,block_id\nr,s,t,p,1\nz,s,u,p,2\n"),
            ],
        ),
        fails(
            "inconsistent_route_type_for_in_seat_transfer",
            1,
            &[
                ("routes.txt", ROUTES),
                (
                    "transfers.txt",
                    "from_stop_id,to_stop_id,from_trip_id,to_trip_id,from_route_id,to_route_id,\
                     transfer_type\n\
                     c,a,t,t,r,z,4\n",
                ),
            ],
        ),
        passes(
            "inconsistent_route_type_for_in_seat_transfer",
            &[
                ("routes.txt", ROUTES),
                (
                    "transfers.txt",
                    "from_stop_id,to_stop_id,from_trip_id,to_trip_id,from_route_id,to_route_id,\
                     transfer_type\n\
                     c,a,t,t,r,z,5\n",
                ),
            ],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let types = feed.table("routes").int("route_type");
    let trips = feed.table("trips");
    if trips.is_usable() {
        let (routes, blocks) = (trips.text("route_id"), trips.text("block_id"));
        let rows_of_route = feed.link("trips", "route_id", "routes", "route_id");
        let type_of = |trip: u32| {
            let row = rows_of_route[routes.code(trip as usize)? as usize];
            if row == NO_ROW { None } else { types.get(row as usize) }
        };
        for rows in blocks.rows_by_code().iter() {
            let mut kinds: Vec<i32> = Vec::new();
            let mut seen: FxHashSet<i32> = FxHashSet::default();
            for kind in rows.iter().filter_map(|trip| type_of(*trip)) {
                if seen.insert(kind) {
                    kinds.push(kind);
                }
            }
            if kinds.len() > 1 {
                let mut ids: Vec<&str> = rows.iter().map(|trip| routes.get(*trip as usize)).collect();
                ids.sort_unstable();
                ids.dedup();
                let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
                out.add(&IN_BLOCK, || [blocks.value(rows[0] as usize), ids.join(", ").into(), kinds.join(", ").into()]);
            }
        }
    }
    let transfers = feed.table("transfers");
    if transfers.is_usable() {
        let (from, to, kind) =
            (transfers.text("from_route_id"), transfers.text("to_route_id"), transfers.int("transfer_type"));
        let rows = ["from_route_id", "to_route_id"].map(|column| feed.link("transfers", column, "routes", "route_id"));
        for row in (0..transfers.rows).filter(|row| kind.get(*row) == Some(4)) {
            let type_of = |code: Option<u32>, rows: &[u32]| {
                let row = rows[code? as usize];
                if row == NO_ROW { None } else { types.get(row as usize) }
            };
            let (one, two) = (type_of(from.code(row), &rows[0]), type_of(to.code(row), &rows[1]));
            if let (Some(one), Some(two)) = (one, two)
                && one != two
            {
                out.add(&IN_SEAT, || {
                    [transfers.at(row), from.value(row), Value::from(one), to.value(row), Value::from(two)]
                });
            }
        }
    }
}
