//! Names of routes: missing, too long, or twice the same.

use rustc_hash::FxHashMap;

use super::prelude::*;

pub static BOTH_MISSING: Notice = Notice {
    code: "route_both_short_and_long_name_missing",
    severity: Severity::Error,
    files: &["routes.txt"],
    fields: &["csvRowNumber", "routeId"],
    en: Words {
        what: "The route has no name at all, so riders cannot tell it from others.",
        mend: "Fill in route_short_name or route_long_name.",
    },
    de: Words {
        what: "Die Linie hat keinen Namen; Fahrgäste können sie nicht unterscheiden.",
        mend: "route_short_name oder route_long_name ergänzen.",
    },
};
pub static TOO_LONG: Notice = Notice {
    code: "route_short_name_too_long",
    severity: Severity::Warning,
    files: &["routes.txt"],
    fields: &["csvRowNumber", "routeId", "routeShortName"],
    en: Words {
        what: "The short name has more than 12 characters and is cut on displays.",
        mend: "Shorten it, or use route_long_name.",
    },
    de: Words {
        what: "Der Kurzname hat mehr als 12 Zeichen und wird auf Anzeigen abgeschnitten.",
        mend: "Kürzen oder route_long_name verwenden.",
    },
};
pub static CONTAINS: Notice = Notice {
    code: "route_long_name_contains_short_name",
    severity: Severity::Warning,
    files: &["routes.txt"],
    fields: &["csvRowNumber", "routeId", "routeLongName", "routeShortName"],
    en: Words {
        what: "The long name begins with the short one, so it is shown twice.",
        mend: "Remove the short name from the long one.",
    },
    de: Words {
        what: "Der Langname beginnt mit dem Kurznamen, der damit doppelt gezeigt wird.",
        mend: "Kurznamen aus dem Langnamen entfernen.",
    },
};
pub static SAME_DESCRIPTION: Notice = Notice {
    code: "same_name_and_description_for_route",
    severity: Severity::Warning,
    files: &["routes.txt"],
    fields: &["csvRowNumber", "routeDesc", "routeId", "specifiedField"],
    en: Words {
        what: "The description only repeats the name.",
        mend: "Write something that the name does not say, or leave it empty.",
    },
    de: Words {
        what: "Die Beschreibung wiederholt nur den Namen.",
        mend: "Etwas schreiben, das der Name nicht sagt, oder leer lassen.",
    },
};
pub static DUPLICATE: Notice = Notice {
    code: "duplicate_route_name",
    severity: Severity::Warning,
    files: &["routes.txt"],
    fields: &[
        "agencyId",
        "csvRowNumber1",
        "csvRowNumber2",
        "routeId1",
        "routeId2",
        "routeLongName",
        "routeShortName",
        "routeTypeValue",
    ],
    en: Words {
        what: "Two routes of an agency have the same names and type, so riders cannot tell them apart.",
        mend: "Merge them, or rename one.",
    },
    de: Words {
        what: "Zwei Linien eines Unternehmens haben gleiche Namen und Art; Fahrgäste können sie nicht unterscheiden.",
        mend: "Zusammenlegen oder eine umbenennen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&BOTH_MISSING, &TOO_LONG, &CONTAINS, &SAME_DESCRIPTION, &DUPLICATE],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails(
            "route_both_short_and_long_name_missing",
            1,
            &[("routes.txt", "route_id,agency_id,route_short_name,route_long_name,route_type\nr,1,,,3\n")],
        ),
        passes(
            "route_both_short_and_long_name_missing",
            &[("routes.txt", "route_id,agency_id,route_short_name,route_long_name,route_type\nr,1,,Ring,3\n")],
        ),
        fails(
            "route_short_name_too_long",
            1,
            &[("routes.txt", "route_id,agency_id,route_short_name,route_type\nr,1,Schnellbus 10,3\n")],
        ),
        passes(
            "route_short_name_too_long",
            &[("routes.txt", "route_id,agency_id,route_short_name,route_type\nr,1,Schnellbus10,3\n")],
        ),
        fails(
            "route_long_name_contains_short_name",
            2,
            &[(
                "routes.txt",
                "route_id,agency_id,route_short_name,route_long_name,route_type\n\
                 r,1,S1,s1 - Ring,3\n\
                 q,1,S2,S2,3\n",
            )],
        ),
        passes(
            "route_long_name_contains_short_name",
            &[("routes.txt", "route_id,agency_id,route_short_name,route_long_name,route_type\nr,1,S1,S10 Ring,3\n")],
        ),
        fails(
            "same_name_and_description_for_route",
            1,
            &[(
                "routes.txt",
                "route_id,agency_id,route_short_name,route_long_name,route_desc,route_type\n\
                 r,1,S1,Ring,RING,3\n",
            )],
        ),
        passes(
            "same_name_and_description_for_route",
            &[(
                "routes.txt",
                "route_id,agency_id,route_short_name,route_long_name,route_desc,route_type\n\
                 r,1,S1,Ring,Ringlinie,3\n",
            )],
        ),
        fails(
            "duplicate_route_name",
            1,
            &[("routes.txt", "route_id,agency_id,route_short_name,route_type\nr,1,S1,3\nq,1,S1,3\n")],
        ),
        passes(
            "duplicate_route_name",
            &[("routes.txt", "route_id,agency_id,route_short_name,route_type\nr,1,S1,3\nq,1,S1,2\n")],
        ),
    ],
};

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
