//! Names of routes: missing, too long, or twice the same.

use rustc_hash::FxHashMap;

use super::prelude::*;

notice!(BOTH_MISSING = "route_both_short_and_long_name_missing", Error, ["routes.txt"], ["csvRowNumber", "routeId"],
    "The route has no name at all, so riders cannot tell it from others.", "Fill in route_short_name or route_long_name.",
    "Die Linie hat keinen Namen; Fahrgäste können sie nicht unterscheiden.", "route_short_name oder route_long_name ergänzen.");
notice!(TOO_LONG = "route_short_name_too_long", Warning, ["routes.txt"], ["csvRowNumber", "routeId", "routeShortName"],
    "The short name has more than 12 characters and is cut on displays.", "Shorten it, or use route_long_name.",
    "Der Kurzname hat mehr als 12 Zeichen und wird auf Anzeigen abgeschnitten.", "Kürzen oder route_long_name verwenden.");
notice!(CONTAINS = "route_long_name_contains_short_name", Warning, ["routes.txt"], ["csvRowNumber", "routeId", "routeLongName", "routeShortName"],
    "The long name begins with the short one, so it is shown twice.", "Remove the short name from the long one.",
    "Der Langname beginnt mit dem Kurznamen, der damit doppelt gezeigt wird.", "Kurznamen aus dem Langnamen entfernen.");
notice!(SAME_DESCRIPTION = "same_name_and_description_for_route", Warning, ["routes.txt"], ["csvRowNumber", "routeDesc", "routeId", "specifiedField"],
    "The description only repeats the name.", "Write something that the name does not say, or leave it empty.",
    "Die Beschreibung wiederholt nur den Namen.", "Etwas schreiben, das der Name nicht sagt, oder leer lassen.");
notice!(DUPLICATE = "duplicate_route_name", Warning, ["routes.txt"],
    ["agencyId", "csvRowNumber1", "csvRowNumber2", "routeId1", "routeId2", "routeLongName", "routeShortName", "routeTypeValue"],
    "Two routes of an agency have the same names and type, so riders cannot tell them apart.", "Merge them, or rename one.",
    "Zwei Linien eines Unternehmens haben gleiche Namen und Art; Fahrgäste können sie nicht unterscheiden.", "Zusammenlegen oder eine umbenennen.");

rule!([BOTH_MISSING, TOO_LONG, CONTAINS, SAME_DESCRIPTION, DUPLICATE], needs: [], check, &[
    fails("route_both_short_and_long_name_missing", 1, &[("routes.txt", "route_id,agency_id,route_short_name,route_long_name,route_type\nr,1,,,3\n")]),
    passes("route_both_short_and_long_name_missing", &[("routes.txt", "route_id,agency_id,route_short_name,route_long_name,route_type\nr,1,,Ring,3\n")]),
    fails("route_short_name_too_long", 1, &[("routes.txt", "route_id,agency_id,route_short_name,route_type\nr,1,Schnellbus 10,3\n")]),
    passes("route_short_name_too_long", &[("routes.txt", "route_id,agency_id,route_short_name,route_type\nr,1,Schnellbus10,3\n")]),
    fails("route_long_name_contains_short_name", 2, &[("routes.txt", "route_id,agency_id,route_short_name,route_long_name,route_type\nr,1,S1,s1 - Ring,3\nq,1,S2,S2,3\n")]),
    passes("route_long_name_contains_short_name", &[("routes.txt", "route_id,agency_id,route_short_name,route_long_name,route_type\nr,1,S1,S10 Ring,3\n")]),
    fails("same_name_and_description_for_route", 1, &[("routes.txt", "route_id,agency_id,route_short_name,route_long_name,route_desc,route_type\nr,1,S1,Ring,RING,3\n")]),
    passes("same_name_and_description_for_route", &[("routes.txt", "route_id,agency_id,route_short_name,route_long_name,route_desc,route_type\nr,1,S1,Ring,Ringlinie,3\n")]),
    fails("duplicate_route_name", 1, &[("routes.txt", "route_id,agency_id,route_short_name,route_type\nr,1,S1,3\nq,1,S1,3\n")]),
    passes("duplicate_route_name", &[("routes.txt", "route_id,agency_id,route_short_name,route_type\nr,1,S1,3\nq,1,S1,2\n")]),
]);

/// Characters of a short name.
const LONGEST: usize = 12;

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("routes");
    let (ids, descriptions) = (table.text("route_id"), table.text("route_desc"));
    let (shorts, longs) = (table.text("route_short_name"), table.text("route_long_name"));
    for row in table.good() {
        let (short, long, description) = (shorts.get(row), longs.get(row), descriptions.get(row));
        if short.is_empty() && long.is_empty() {
            out.add(&BOTH_MISSING, || [table.at(row), ids.value(row)]);
        }
        // In UTF-16, as the canonical validator counts.
        if short.encode_utf16().count() > LONGEST {
            out.add(&TOO_LONG, || [table.at(row), ids.value(row), short.into()]);
        }
        if !short.is_empty() && !long.is_empty() && repeats(long, short) {
            out.add(&CONTAINS, || [table.at(row), ids.value(row), long.into(), short.into()]);
        }
        let same = |name: &str| !name.is_empty() && name.to_lowercase() == description.to_lowercase();
        if !description.is_empty() {
            let field = match (same(short), same(long)) {
                (true, _) => "route_short_name",
                (_, true) => "route_long_name",
                _ => continue,
            };
            out.add(&SAME_DESCRIPTION, || [table.at(row), description.into(), ids.value(row), field.into()]);
        }
    }
    if table.is_usable() {
        duplicates(feed, out);
    }
}

/// Whether the long name is the short one, alone or before a space, dash or bracket.
fn repeats(long: &str, short: &str) -> bool {
    let (lower, prefix) = (long.to_lowercase(), short.to_lowercase());
    let Some(rest) = lower.strip_prefix(&prefix) else { return false };
    rest.is_empty() || rest.starts_with([' ', '\t', '-', '(', ')'])
}

fn duplicates(feed: &Feed, out: &mut Out) {
    let table = feed.table("routes");
    let (ids, agencies, types) = (table.text("route_id"), table.text("agency_id"), table.int("route_type"));
    let (shorts, longs) = (table.text("route_short_name"), table.text("route_long_name"));
    let mut first: FxHashMap<_, usize> = FxHashMap::default();
    for row in 0..table.rows {
        let key = (longs.code(row), shorts.code(row), types.get(row), agencies.code(row));
        let old = *first.entry(key).or_insert(row);
        if old != row {
            out.add(&DUPLICATE, || {
                [
                    agencies.value(row),
                    table.at(old),
                    table.at(row),
                    ids.value(old),
                    ids.value(row),
                    longs.value(row),
                    shorts.value(row),
                    types.value(row),
                ]
            });
        }
    }
}
