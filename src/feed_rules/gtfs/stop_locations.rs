//! Stops without a place on the map.

use super::prelude::*;

notice!(WITHOUT_LOCATION = "stop_without_location", Error, ["stops.txt"], ["csvRowNumber", "locationType", "stopId"],
    "A stop, station or entrance has no position, so it cannot be found.", "Fill in stop_lat and stop_lon.",
    "Ein Halt, eine Station oder ein Eingang hat keine Lage und ist nicht zu finden.", "stop_lat und stop_lon ergänzen.");

rule!([WITHOUT_LOCATION], needs: [], check, &[
    fails("stop_without_location", 1, &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,Rathaus,48.47,\n")]),
    passes("stop_without_location", &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\na,Rathaus,48.47,7.94,,x\nx,Halle,48.47,7.94,1,\nn,,,,3,x\n")]),
]);

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("stops");
    let (lat, lon, types) = (table.float("stop_lat"), table.float("stop_lon"), table.int("location_type"));
    for row in table.good().filter(|row| !lat.has(*row) || !lon.has(*row)) {
        let kind = types.or(row, 0);
        if (0..=2).contains(&kind) {
            out.add(&WITHOUT_LOCATION, || [table.at(row), kind.into(), table.text("stop_id").value(row)]);
        }
    }
}
