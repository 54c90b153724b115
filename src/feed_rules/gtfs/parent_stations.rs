//! Stations and what belongs to them (GTFS reference, `stops.txt`, "parent_station").

use super::prelude::*;

pub static STATION_WITH_PARENT: Notice = Notice {
    code: "station_with_parent_station",
    severity: Severity::Error,
    files: &["stops.txt"],
    fields: &["csvRowNumber", "parentStation", "stopId", "stopName"],
    en: Words { what: "A station belongs to another station, which cannot be.", mend: "Empty parent_station." },
    de: Words {
        what: "Eine Station gehört zu einer anderen Station, was nicht sein kann.",
        mend: "parent_station leeren.",
    },
};
pub static PLATFORM_WITHOUT_PARENT: Notice = Notice {
    code: "platform_without_parent_station",
    severity: Severity::Info,
    files: &["stops.txt"],
    fields: &["csvRowNumber", "stopId", "stopName"],
    en: Words { what: "A platform has a code but belongs to no station.", mend: "Fill in parent_station." },
    de: Words {
        what: "Ein Steig hat eine Bezeichnung, gehört aber zu keiner Station.",
        mend: "parent_station ergänzen.",
    },
};
pub static LOCATION_WITHOUT_PARENT: Notice = Notice {
    code: "location_without_parent_station",
    severity: Severity::Error,
    files: &["stops.txt"],
    fields: &["csvRowNumber", "locationType", "stopId", "stopName"],
    en: Words { what: "An entrance, node or boarding area belongs to no station.", mend: "Fill in parent_station." },
    de: Words {
        what: "Ein Eingang, Knoten oder Einstiegsbereich gehört zu keiner Station.",
        mend: "parent_station ergänzen.",
    },
};
pub static WRONG_PARENT: Notice = Notice {
    code: "wrong_parent_location_type",
    severity: Severity::Error,
    files: &["stops.txt", "stop_times.txt"],
    fields: &[
        "csvRowNumber",
        "expectedLocationType",
        "locationType",
        "parentCsvRowNumber",
        "parentLocationType",
        "parentStation",
        "parentStopName",
        "stopId",
        "stopName",
    ],
    en: Words {
        what: "A place belongs to one of a kind that cannot have it: platforms belong to stations, boarding areas to \
               platforms.",
        mend: "Correct parent_station or location_type.",
    },
    de: Words {
        what: "Ein Ort gehört zu einem, der ihn nicht haben kann: Steige gehören zu Stationen, Einstiegsbereiche zu \
               Steigen.",
        mend: "parent_station oder location_type berichtigen.",
    },
};
pub static UNUSED_STATION: Notice = Notice {
    code: "unused_station",
    severity: Severity::Info,
    files: &["stops.txt"],
    fields: &["csvRowNumber", "stopId", "stopName"],
    en: Words {
        what: "No stop belongs to the station.",
        mend: "Let its stops name it as parent_station, or delete it.",
    },
    de: Words {
        what: "Kein Halt gehört zur Station.",
        mend: "Halte auf sie verweisen lassen (parent_station) oder löschen.",
    },
};

const MORE: &str = "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,platform_code\n\
                    a,Rathaus,48.47,7.94,0,x,1\n\
                    b,Bahnhof,48.476,7.946,0,,\n\
                    c,Klinikum,48.482,7.952,0,,\n\
                    x,Halle,48.47,7.94,1,,\n\
                    e,Eingang,48.47,7.94,2,x,\n";

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[
        &STATION_WITH_PARENT,
        &PLATFORM_WITHOUT_PARENT,
        &LOCATION_WITHOUT_PARENT,
        &WRONG_PARENT,
        &UNUSED_STATION,
    ],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails(
            "station_with_parent_station",
            1,
            &[(
                "stops.txt",
                "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\n\
                 a,Rathaus,48.47,7.94,1,b\n\
                 b,Bahnhof,48.476,7.946,1,\n",
            )],
        ),
        passes("station_with_parent_station", &[("stops.txt", MORE)]),
        fails(
            "platform_without_parent_station",
            1,
            &[(
                "stops.txt",
                "stop_id,stop_name,stop_lat,stop_lon,platform_code\n\
                 a,Rathaus,48.47,7.94,2\n\
                 b,Bahnhof,48.476,7.946,\n",
            )],
        ),
        passes("platform_without_parent_station", &[("stops.txt", MORE)]),
        fails(
            "location_without_parent_station",
            1,
            &[(
                "stops.txt",
                "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\n\
                 a,Rathaus,48.47,7.94,2,\n",
            )],
        ),
        passes("location_without_parent_station", &[("stops.txt", MORE)]),
        fails(
            "wrong_parent_location_type",
            1,
            &[(
                "stops.txt",
                "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\n\
                 a,Rathaus,48.47,7.94,0,b\n\
                 b,Bahnhof,48.476,7.946,0,\n",
            )],
        ),
        passes("wrong_parent_location_type", &[("stops.txt", MORE)]),
        fails(
            "unused_station",
            1,
            &[(
                "stops.txt",
                "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\n\
                 a,Rathaus,48.47,7.94,0,\n\
                 b,Bahnhof,48.476,7.946,0,\n\
                 c,Klinikum,48.482,7.952,0,\n\
                 x,Halle,48.47,7.94,1,\n",
            )],
        ),
        passes("unused_station", &[("stops.txt", MORE)]),
    ],
};

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
