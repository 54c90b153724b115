//! How platforms are reached (GTFS reference, `stops.txt`, "stop_access").

use super::prelude::*;

notice!(NO_PARENT = "stop_access_specified_for_stop_with_no_parent_station", Error, ["stops.txt"],
    ["csvRowNumber", "locationType", "stopAccess", "stopId", "stopName"],
    "It is said how the stop is reached through its station, but it belongs to none.", "Fill in parent_station, or empty stop_access.",
    "Es ist angegeben, wie der Halt durch seine Station erreicht wird, er gehört aber zu keiner.", "parent_station ergänzen oder stop_access leeren.");
notice!(WRONG_LOCATION = "stop_access_specified_for_incorrect_location", Error, ["stops.txt"],
    ["csvRowNumber", "locationType", "stopAccess", "stopId", "stopName"],
    "Only platforms can say how they are reached.", "Empty stop_access.",
    "Nur Steige können angeben, wie sie erreicht werden.", "stop_access leeren.");

rule!([NO_PARENT, WRONG_LOCATION], needs: [], check, &[
    fails("stop_access_specified_for_stop_with_no_parent_station", 1, &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,stop_access\na,Rathaus,48.47,7.94,,,0\n")]),
    passes("stop_access_specified_for_stop_with_no_parent_station", &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,stop_access\na,Rathaus,48.47,7.94,,x,0\nx,Halle,48.47,7.94,1,,\n")]),
    fails("stop_access_specified_for_incorrect_location", 1, &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,stop_access\nx,Halle,48.47,7.94,1,,0\n")]),
    passes("stop_access_specified_for_incorrect_location", &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,stop_access\na,Rathaus,48.47,7.94,,x,1\nx,Halle,48.47,7.94,1,,\n")]),
]);

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("stops");
    let (access, types, parents) = (table.int("stop_access"), table.int("location_type"), table.text("parent_station"));
    for row in table.good().filter(|row| access.has(*row)) {
        let notice = match types.or(row, 0) {
            0 if parents.has(row) => continue,
            0 => &NO_PARENT,
            _ => &WRONG_LOCATION,
        };
        out.add(notice, || {
            let [id, name] = ["stop_id", "stop_name"].map(|column| table.text(column).value(row));
            [table.at(row), types.or(row, 0).into(), access.value(row), id, name]
        });
    }
}
