//! Stations and what belongs to them (GTFS reference, `stops.txt`, "parent_station").

use super::prelude::*;

notice!(STATION_WITH_PARENT = "station_with_parent_station", Error, ["stops.txt"], ["csvRowNumber", "parentStation", "stopId", "stopName"],
    "A station belongs to another station, which cannot be.", "Empty parent_station.",
    "Eine Station gehört zu einer anderen Station, was nicht sein kann.", "parent_station leeren.");
notice!(PLATFORM_WITHOUT_PARENT = "platform_without_parent_station", Info, ["stops.txt"], ["csvRowNumber", "stopId", "stopName"],
    "A platform has a code but belongs to no station.", "Fill in parent_station.",
    "Ein Steig hat eine Bezeichnung, gehört aber zu keiner Station.", "parent_station ergänzen.");
notice!(LOCATION_WITHOUT_PARENT = "location_without_parent_station", Error, ["stops.txt"], ["csvRowNumber", "locationType", "stopId", "stopName"],
    "An entrance, node or boarding area belongs to no station.", "Fill in parent_station.",
    "Ein Eingang, Knoten oder Einstiegsbereich gehört zu keiner Station.", "parent_station ergänzen.");
notice!(WRONG_PARENT = "wrong_parent_location_type", Error, ["stops.txt", "stop_times.txt"],
    ["csvRowNumber", "expectedLocationType", "locationType", "parentCsvRowNumber", "parentLocationType", "parentStation", "parentStopName", "stopId", "stopName"],
    "A place belongs to one of a kind that cannot have it: platforms belong to stations, boarding areas to platforms.", "Correct parent_station or location_type.",
    "Ein Ort gehört zu einem, der ihn nicht haben kann: Steige gehören zu Stationen, Einstiegsbereiche zu Steigen.", "parent_station oder location_type berichtigen.");
notice!(UNUSED_STATION = "unused_station", Info, ["stops.txt"], ["csvRowNumber", "stopId", "stopName"],
    "No stop belongs to the station.", "Let its stops name it as parent_station, or delete it.",
    "Kein Halt gehört zur Station.", "Halte auf sie verweisen lassen (parent_station) oder löschen.");

const MORE: &str = "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,platform_code\na,Rathaus,48.47,7.94,0,x,1\nb,Bahnhof,48.476,7.946,0,,\nc,Klinikum,48.482,7.952,0,,\nx,Halle,48.47,7.94,1,,\ne,Eingang,48.47,7.94,2,x,\n";

rule!([STATION_WITH_PARENT, PLATFORM_WITHOUT_PARENT, LOCATION_WITHOUT_PARENT, WRONG_PARENT, UNUSED_STATION], needs: [], check, &[
    fails("station_with_parent_station", 1, &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\na,Rathaus,48.47,7.94,1,b\nb,Bahnhof,48.476,7.946,1,\n")]),
    passes("station_with_parent_station", &[("stops.txt", MORE)]),
    fails("platform_without_parent_station", 1, &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,platform_code\na,Rathaus,48.47,7.94,2\nb,Bahnhof,48.476,7.946,\n")]),
    passes("platform_without_parent_station", &[("stops.txt", MORE)]),
    fails("location_without_parent_station", 1, &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\na,Rathaus,48.47,7.94,2,\n")]),
    passes("location_without_parent_station", &[("stops.txt", MORE)]),
    fails("wrong_parent_location_type", 1, &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\na,Rathaus,48.47,7.94,0,b\nb,Bahnhof,48.476,7.946,0,\n")]),
    passes("wrong_parent_location_type", &[("stops.txt", MORE)]),
    fails("unused_station", 1, &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\na,Rathaus,48.47,7.94,0,\nb,Bahnhof,48.476,7.946,0,\nc,Klinikum,48.482,7.952,0,\nx,Halle,48.47,7.94,1,\n")]),
    passes("unused_station", &[("stops.txt", MORE)]),
]);

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("stops");
    let (ids, names, parents) = (table.text("stop_id"), table.text("stop_name"), table.text("parent_station"));
    let (types, platforms) = (table.int("location_type"), table.text("platform_code"));
    for row in table.good() {
        match (types.or(row, 0), parents.has(row)) {
            (1, true) => {
                out.add(&STATION_WITH_PARENT, || [table.at(row), parents.value(row), ids.value(row), names.value(row)]);
            }
            (0, false) if platforms.has(row) => {
                out.add(&PLATFORM_WITHOUT_PARENT, || [table.at(row), ids.value(row), names.value(row)]);
            }
            (kind @ 2..=4, false) => {
                out.add(&LOCATION_WITHOUT_PARENT, || [table.at(row), kind.into(), ids.value(row), names.value(row)]);
            }
            _ => {}
        }
    }
    if !table.is_usable() {
        return;
    }
    let parent_rows = feed.link("stops", "parent_station", "stops", "stop_id");
    let mut used = vec![false; table.rows];
    for row in 0..table.rows {
        let kind = types.or(row, 0);
        let Some(parent) = parents.code(row).map(|code| parent_rows[code as usize]).filter(|parent| *parent != NO_ROW)
        else {
            continue;
        };
        let parent = parent as usize;
        used[parent] |= kind == 0;
        let expected = match kind {
            0 | 2 | 3 => 1,
            4 => 0,
            _ => continue,
        };
        let found = types.or(parent, 0);
        if found != expected {
            out.add(&WRONG_PARENT, || {
                [
                    table.at(row),
                    expected.into(),
                    kind.into(),
                    table.at(parent),
                    found.into(),
                    parents.value(row),
                    names.value(parent),
                    ids.value(row),
                    names.value(row),
                ]
            });
        }
    }
    let first = ids.first_rows();
    for row in (0..table.rows).filter(|row| types.or(*row, 0) == 1 && !used[*row]) {
        // A station whose id stands twice is looked at once.
        if ids.code(row).is_some_and(|code| first[code as usize] as usize == row) {
            out.add(&UNUSED_STATION, || [table.at(row), ids.value(row), names.value(row)]);
        }
    }
}
