//! Files that a feed should have, and those that others make necessary.

use super::files::MISSING_REQUIRED_FILE;
use super::prelude::*;

pub static MISSING_RECOMMENDED_FILE: Notice = Notice {
    code: "missing_recommended_file",
    severity: Severity::Warning,
    files: &[],
    fields: &["filename"],
    en: Words {
        what: "A recommended file is missing: without feed_info.txt nobody knows how long the feed holds, without \
               shapes.txt routes are drawn as straight lines.",
        mend: "Add the file.",
    },
    de: Words {
        what: "Eine empfohlene Datei fehlt: ohne feed_info.txt weiß niemand, wie lange der Datensatz gilt, ohne \
               shapes.txt werden Linien als Luftlinien gezeichnet.",
        mend: "Datei ergänzen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&MISSING_RECOMMENDED_FILE],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails(
            "missing_recommended_file",
            2,
            &[("feed_info.txt", ""), ("shapes.txt", ""), ("trips.txt", "route_id,service_id,trip_id\nr,s,t\n")],
        ),
        fails(
            "missing_required_file",
            1,
            &[
                ("feed_info.txt", ""),
                (
                    "translations.txt",
                    "table_name,field_name,language,translation,field_value\n\
                     stops,stop_name,en,Town hall,Rathaus\n",
                ),
            ],
        ),
        fails("missing_required_file", 1, &[("stops.txt", "")]),
        passes("missing_recommended_file", &[]),
        passes(
            "missing_recommended_file",
            &[
                ("shapes.txt", ""),
                ("trips.txt", "route_id,service_id,trip_id\nr,s,t\n"),
                ("locations.geojson", "{\"type\": "),
            ],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let (info, translations) = (feed.table("feed_info"), feed.table("translations"));
    if !info.is_there() && translations.is_usable() {
        if translations.is_there() {
            out.add(&MISSING_REQUIRED_FILE, || ["feed_info.txt".into()]);
        } else {
            out.add(&MISSING_RECOMMENDED_FILE, || ["feed_info.txt".into()]);
        }
    }
    let zones = feed.timetable.zones.is_some();
    if !feed.table("stops").is_there() && !zones && feed.zones().usable {
        out.add(&MISSING_REQUIRED_FILE, || ["stops.txt".into()]);
    }
    // Whether trips have a way at all is known only if all files could be read, locations.geojson included.
    let all_read = feed.timetable.tables.iter().all(|table| table.is_usable()) && feed.zones().usable;
    if feed.table("shapes").rows > 0 || !all_read {
        return;
    }
    let times = feed.table("stop_times");
    let (stops, groups, zones) = (times.text("stop_id"), times.text("location_group_id"), times.text("location_id"));
    let without_stop = |has: &dyn Fn(usize) -> bool| (0..times.rows).any(|row| !stops.has(row) && has(row));
    let on_demand = zones.distinct() > 0 && without_stop(&|row| zones.has(row))
        || groups.distinct() > 0 && feed.table("location_groups").rows > 0 && without_stop(&|row| groups.has(row));
    if !on_demand {
        out.add(&MISSING_RECOMMENDED_FILE, || ["shapes.txt".into()]);
    }
}
