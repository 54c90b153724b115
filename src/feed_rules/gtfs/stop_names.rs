//! Names of stops: missing, or repeated as their description.

use super::prelude::*;

notice!(MISSING_NAME = "missing_stop_name", Error, ["stops.txt"], ["csvRowNumber", "locationType", "stopId"],
    "A stop, station or entrance has no name, so nobody can ask for it.", "Fill in stop_name.",
    "Ein Halt, eine Station oder ein Eingang hat keinen Namen; niemand kann danach fragen.", "stop_name ergänzen.");
notice!(SAME_DESCRIPTION = "same_name_and_description_for_stop", Warning, ["stops.txt"], ["csvRowNumber", "stopDesc", "stopId"],
    "The description only repeats the name.", "Write something that the name does not say, or leave it empty.",
    "Die Beschreibung wiederholt nur den Namen.", "Etwas schreiben, das der Name nicht sagt, oder leer lassen.");

rule!([MISSING_NAME, SAME_DESCRIPTION], needs: [], check, &[
    fails("missing_stop_name", 1, &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,,48.47,7.94\n")]),
    passes("missing_stop_name", &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\nx,Halle,48.47,7.94,1,\nn,,,,3,x\n")]),
    fails("same_name_and_description_for_stop", 1, &[("stops.txt", "stop_id,stop_name,stop_desc,stop_lat,stop_lon\na,Rathaus,RATHAUS,48.47,7.94\n")]),
    passes("same_name_and_description_for_stop", &[("stops.txt", "stop_id,stop_name,stop_desc,stop_lat,stop_lon\na,Rathaus,vor dem Rathaus,48.47,7.94\n")]),
]);

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("stops");
    if !table.has("stop_name") && !table.has("location_type") {
        return;
    }
    let (names, descriptions) = (table.text("stop_name"), table.text("stop_desc"));
    let (ids, types) = (table.text("stop_id"), table.int("location_type"));
    for row in table.good() {
        let kind = types.or(row, 0);
        if (0..=2).contains(&kind) && !names.has(row) {
            out.add(&MISSING_NAME, || [table.at(row), kind.into(), ids.value(row)]);
        }
        if names.has(row) && names.get(row).to_lowercase() == descriptions.get(row).to_lowercase() {
            out.add(&SAME_DESCRIPTION, || [table.at(row), descriptions.value(row), ids.value(row)]);
        }
    }
}
