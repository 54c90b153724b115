//! Stops, groups of stops and zones: which of them a stop time names, and ids that they share.

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::cells::MISSING_REQUIRED_FIELD;
use super::prelude::*;

pub static FORBIDDEN_GEOGRAPHY: Notice = Notice {
    code: "forbidden_geography_id",
    severity: Severity::Error,
    files: &["stop_times.txt"],
    fields: &["csvRowNumber", "locationGroupId", "locationId", "stopId"],
    en: Words {
        what: "A stop time names more than one of stop, group of stops and zone, so it is not clear where the bus goes.",
        mend: "Keep one of them.",
    },
    de: Words {
        what: "Ein Halt nennt mehr als eines von Haltestelle, Haltestellengruppe und Zone; unklar ist, wohin der Bus \
               fährt.",
        mend: "Eines davon behalten.",
    },
};
pub static FORBIDDEN_DISTANCE: Notice = Notice {
    code: "forbidden_shape_dist_traveled",
    severity: Severity::Error,
    files: &["stop_times.txt"],
    fields: &["csvRowNumber", "locationGroupId", "locationId", "shapeDistTraveled", "tripId"],
    en: Words {
        what: "A zone or a group of stops has no place along the way, so it cannot have a distance.",
        mend: "Empty shape_dist_traveled.",
    },
    de: Words {
        what: "Eine Zone oder Haltestellengruppe hat keinen Ort am Weg und kann keine Entfernung haben.",
        mend: "shape_dist_traveled leeren.",
    },
};
pub static DUPLICATE_GEOGRAPHY: Notice = Notice {
    code: "duplicate_geography_id",
    severity: Severity::Error,
    files: &["location_groups.txt", "stop_times.txt", "location_groups.txt"],
    fields: &["csvRowNumberA", "csvRowNumberB", "featureIndex", "geographyId"],
    en: Words {
        what: "A stop, a group of stops or a zone share an id, so it is not clear which one a trip serves.",
        mend: "Give each its own.",
    },
    de: Words {
        what: "Haltestelle, Haltestellengruppe oder Zone haben dieselbe Kennung; unklar ist, was eine Fahrt bedient.",
        mend: "Jeder eine eigene geben.",
    },
};

const GROUPS: &str = "location_group_id,location_group_name\ng,Gruppe\n";

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&FORBIDDEN_GEOGRAPHY, &FORBIDDEN_DISTANCE, &DUPLICATE_GEOGRAPHY],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails(
            "forbidden_geography_id",
            1,
            &[
                ("location_groups.txt", GROUPS),
                (
                    "stop_times.txt",
                    "trip_id,arrival_time,departure_time,stop_id,location_group_id,stop_sequence\n\
                     t,08:00:00,08:00:00,a,g,1\n\
                     t,08:05:00,08:05:00,b,,2\n",
                ),
            ],
        ),
        passes("forbidden_geography_id", &[]),
        fails(
            "missing_required_field",
            1,
            &[(
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                 t,08:00:00,08:00:00,,1\n\
                 t,08:05:00,08:05:00,b,2\n",
            )],
        ),
        fails(
            "forbidden_shape_dist_traveled",
            1,
            &[
                ("location_groups.txt", GROUPS),
                (
                    "stop_times.txt",
                    "trip_id,arrival_time,departure_time,stop_id,location_group_id,stop_sequence,\
                     shape_dist_traveled\n\
                     t,08:00:00,08:00:00,,g,1,0.5\n\
                     t,08:05:00,08:05:00,b,,2,1\n",
                ),
            ],
        ),
        passes(
            "forbidden_shape_dist_traveled",
            &[
                ("location_groups.txt", GROUPS),
                (
                    "stop_times.txt",
                    "trip_id,arrival_time,departure_time,stop_id,location_group_id,stop_sequence,\
                     shape_dist_traveled\n\
                     t,08:00:00,08:00:00,,g,1,\n\
                     t,08:05:00,08:05:00,b,,2,1\n",
                ),
            ],
        ),
        fails(
            "duplicate_geography_id",
            1,
            &[("location_groups.txt", "location_group_id,location_group_name\na,Gruppe\n")],
        ),
        passes("duplicate_geography_id", &[("location_groups.txt", GROUPS)]),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("stop_times");
    let names = ["stop_id", "location_group_id", "location_id"];
    let [stops, groups, zones] = names.map(|name| table.text(name));
    let dist = table.float("shape_dist_traveled");
    let others = groups.distinct() > 0 || zones.distinct() > 0;
    if names.iter().any(|name| table.has(name)) {
        for row in table.good() {
            let stop = stops.has(row);
            // Most feeds have stops only.
            if stop && !others {
                continue;
            }
            let (group, zone) = (groups.has(row), zones.has(row));
            match usize::from(stop) + usize::from(group) + usize::from(zone) {
                0 => out.add(&MISSING_REQUIRED_FIELD, || [table.at(row), "stop_id".into(), "stop_times.txt".into()]),
                1 => {}
                _ => {
                    let value = |there: bool, value: Value| if there { value } else { Value::Null };
                    out.add(&FORBIDDEN_GEOGRAPHY, || {
                        [
                            table.at(row),
                            value(group, groups.value(row)),
                            value(zone, zones.value(row)),
                            value(stop, stops.value(row)),
                        ]
                    });
                }
            }
            if !stop && (group || zone) && dist.has(row) {
                out.add(&FORBIDDEN_DISTANCE, || {
                    let trip = table.text("trip_id").value(row);
                    [table.at(row), groups.value(row), zones.value(row), dist.value(row), trip]
                });
            }
        }
    }
    shared_ids(feed, out);
}

fn shared_ids(feed: &Feed, out: &mut Out) {
    let (stops, groups) = (feed.table("stops"), feed.table("location_groups"));
    if !stops.is_usable() || !groups.is_usable() || !feed.zones().usable {
        return;
    }
    let (stop_ids, group_ids) = (stops.text("stop_id"), groups.text("location_group_id"));
    let (stop_rows, group_rows) = (stop_ids.first_rows(), group_ids.first_rows());
    let zones: FxHashMap<&str, usize> =
        feed.zones().all.iter().rev().map(|zone| (zone.id.as_str(), zone.index)).collect();
    let mut ids: Vec<&str> = group_ids.words().into_iter().flat_map(|words| words.iter().map(|(_, id)| id)).collect();
    ids.extend(zones.keys().filter(|id| group_ids.find(id).is_none()));
    ids.sort_unstable();
    for id in ids {
        let stop = stop_ids.find(id).map(|code| stops.at(stop_rows[code as usize] as usize));
        let group = group_ids.find(id).map(|code| groups.at(group_rows[code as usize] as usize));
        let zone = zones.get(id).map(|index| Value::from(*index));
        if [&stop, &group, &zone].into_iter().flatten().count() > 1 {
            out.add(&DUPLICATE_GEOGRAPHY, || {
                [stop.unwrap_or_default(), group.unwrap_or_default(), zone.unwrap_or_default(), id.into()]
            });
        }
    }
}
