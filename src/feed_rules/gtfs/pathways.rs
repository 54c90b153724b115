//! Ways through stations: where they lead, and what they do not reach.

use std::collections::BTreeSet;

use super::prelude::*;

pub static BIDIRECTIONAL_EXIT_GATE: Notice = Notice {
    code: "bidirectional_exit_gate",
    severity: Severity::Error,
    files: &["pathways.txt"],
    fields: &["csvRowNumber", "isBidirectional", "pathwayMode"],
    en: Words {
        what: "An exit gate is passable in both directions, which it cannot be.",
        mend: "Set is_bidirectional to 0.",
    },
    de: Words {
        what: "Eine Ausgangssperre ist in beide Richtungen passierbar, was nicht sein kann.",
        mend: "is_bidirectional auf 0 setzen.",
    },
};
pub static LOOP: Notice = Notice {
    code: "pathway_loop",
    severity: Severity::Warning,
    files: &["pathways.txt"],
    fields: &["csvRowNumber", "pathwayId", "stopId"],
    en: Words { what: "A pathway ends where it begins.", mend: "Correct one of its ends." },
    de: Words { what: "Ein Weg endet, wo er beginnt.", mend: "Ein Ende berichtigen." },
};
pub static WRONG_TYPE: Notice = Notice {
    code: "pathway_to_wrong_location_type",
    severity: Severity::Error,
    files: &["pathways.txt"],
    fields: &["csvRowNumber", "fieldName", "pathwayId", "stopId"],
    en: Words {
        what: "A pathway ends at a station as a whole, where nobody can stand.",
        mend: "Let it end at a platform, an entrance or a node.",
    },
    de: Words {
        what: "Ein Weg endet an der Station als Ganzes, wo niemand stehen kann.",
        mend: "An Steig, Eingang oder Knoten enden lassen.",
    },
};
pub static WITH_BOARDING_AREAS: Notice = Notice {
    code: "pathway_to_platform_with_boarding_areas",
    severity: Severity::Error,
    files: &["pathways.txt"],
    fields: &["csvRowNumber", "fieldName", "pathwayId", "stopId"],
    en: Words {
        what: "A pathway ends at a platform that is divided into boarding areas.",
        mend: "Let it end at one of the boarding areas.",
    },
    de: Words {
        what: "Ein Weg endet an einem Steig, der in Einstiegsbereiche geteilt ist.",
        mend: "An einem der Einstiegsbereiche enden lassen.",
    },
};
pub static DANGLING: Notice = Notice {
    code: "pathway_dangling_generic_node",
    severity: Severity::Warning,
    files: &["pathways.txt", "stops.txt"],
    fields: &["csvRowNumber", "parentStation", "stopId", "stopName"],
    en: Words {
        what: "Only one place is connected to a node, so the node leads nowhere.",
        mend: "Add the missing pathway, or delete the node.",
    },
    de: Words {
        what: "Ein Knoten ist mit nur einem Ort verbunden und führt nirgendwohin.",
        mend: "Fehlenden Weg ergänzen oder Knoten löschen.",
    },
};
pub static UNREACHABLE: Notice = Notice {
    code: "pathway_unreachable_location",
    severity: Severity::Error,
    files: &["pathways.txt", "stops.txt"],
    fields: &["csvRowNumber", "hasEntrance", "hasExit", "locationType", "parentStation", "stopId", "stopName"],
    en: Words {
        what: "No pathway leads here from an entrance, or from here to an exit.",
        mend: "Add the missing pathways.",
    },
    de: Words {
        what: "Kein Weg führt von einem Eingang hierher oder von hier zu einem Ausgang.",
        mend: "Fehlende Wege ergänzen.",
    },
};
pub static OUTSIDE_ACCESS: Notice = Notice {
    code: "pathway_to_stop_with_access_outside_of_station_pathways",
    severity: Severity::Error,
    files: &["pathways.txt", "stops.txt"],
    fields: &["csvRowNumber", "pathwayId", "platformCode", "stopId"],
    en: Words {
        what: "A pathway leads to a platform that is said to be reached from the street only.",
        mend: "Delete the pathway, or correct stop_access.",
    },
    de: Words {
        what: "Ein Weg führt zu einem Steig, der nur von der Straße erreichbar sein soll.",
        mend: "Weg löschen oder stop_access berichtigen.",
    },
};

const STOPS: &str = "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\n\
                     a,Rathaus,48.47,7.94,0,x\n\
                     b,Bahnhof,48.476,7.946,0,\n\
                     c,Klinikum,48.482,7.952,0,\n\
                     x,Halle,48.47,7.94,1,\n\
                     e,Eingang,48.47,7.94,2,x\n\
                     n,,48.47,7.94,3,x\n";
const WAYS: &str = "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional\n\
                    p,e,n,1,1\n\
                    q,n,a,1,1\n";

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[
        &BIDIRECTIONAL_EXIT_GATE,
        &LOOP,
        &WRONG_TYPE,
        &WITH_BOARDING_AREAS,
        &DANGLING,
        &UNREACHABLE,
        &OUTSIDE_ACCESS,
    ],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails(
            "bidirectional_exit_gate",
            1,
            &[
                ("stops.txt", STOPS),
                ("pathways.txt", "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional\np,e,a,7,1\n"),
            ],
        ),
        passes(
            "bidirectional_exit_gate",
            &[
                ("stops.txt", STOPS),
                ("pathways.txt", "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional\np,e,a,7,0\n"),
            ],
        ),
        fails(
            "pathway_loop",
            1,
            &[
                ("stops.txt", STOPS),
                ("pathways.txt", "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional\np,a,a,1,1\n"),
            ],
        ),
        passes("pathway_loop", &[("stops.txt", STOPS), ("pathways.txt", WAYS)]),
        fails(
            "pathway_to_wrong_location_type",
            1,
            &[
                ("stops.txt", STOPS),
                ("pathways.txt", "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional\np,x,a,1,1\n"),
            ],
        ),
        passes("pathway_to_wrong_location_type", &[("stops.txt", STOPS), ("pathways.txt", WAYS)]),
        fails(
            "pathway_to_platform_with_boarding_areas",
            1,
            &[
                (
                    "stops.txt",
                    "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\n\
                     a,Rathaus,48.47,7.94,0,x\n\
                     x,Halle,48.47,7.94,1,\n\
                     e,Eingang,48.47,7.94,2,x\n\
                     y,,48.47,7.94,4,a\n",
                ),
                ("pathways.txt", "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional\np,e,a,1,1\n"),
            ],
        ),
        passes("pathway_to_platform_with_boarding_areas", &[("stops.txt", STOPS), ("pathways.txt", WAYS)]),
        fails(
            "pathway_dangling_generic_node",
            1,
            &[
                ("stops.txt", STOPS),
                (
                    "pathways.txt",
                    "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional\n\
                     p,e,n,1,1\n\
                     q,e,a,1,1\n",
                ),
            ],
        ),
        passes("pathway_dangling_generic_node", &[("stops.txt", STOPS), ("pathways.txt", WAYS)]),
        fails(
            "pathway_unreachable_location",
            1,
            &[
                ("stops.txt", STOPS),
                (
                    "pathways.txt",
                    "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional\n\
                     p,e,n,1,1\n\
                     q,n,a,1,0\n",
                ),
            ],
        ),
        passes("pathway_unreachable_location", &[("stops.txt", STOPS), ("pathways.txt", WAYS)]),
        fails(
            "pathway_to_stop_with_access_outside_of_station_pathways",
            1,
            &[
                (
                    "stops.txt",
                    "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,stop_access\n\
                     a,Rathaus,48.47,7.94,0,x,1\n\
                     x,Halle,48.47,7.94,1,,\n\
                     e,Eingang,48.47,7.94,2,x,\n",
                ),
                ("pathways.txt", "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional\np,e,a,1,1\n"),
            ],
        ),
        passes(
            "pathway_to_stop_with_access_outside_of_station_pathways",
            &[("stops.txt", STOPS), ("pathways.txt", WAYS)],
        ),
    ],
};

/// Pathways as an edge list over the rows of `stops`.
struct Ways {
    /// From, to, both directions, row.
    edges: Vec<(u32, u32, bool, usize)>,
}

fn check(feed: &Feed, out: &mut Out) {
    let (table, stops) = (feed.table("pathways"), feed.table("stops"));
    let (ids, from, to) = (table.text("pathway_id"), table.text("from_stop_id"), table.text("to_stop_id"));
    let (modes, both) = (table.int("pathway_mode"), table.int("is_bidirectional"));
    for row in table.good() {
        if modes.get(row) == Some(7) && both.get(row) == Some(1) {
            out.add(&BIDIRECTIONAL_EXIT_GATE, || [table.at(row), both.value(row), modes.value(row)]);
        }
        if from.has(row) && from.get(row) == to.get(row) {
            out.add(&LOOP, || [table.at(row), ids.value(row), from.value(row)]);
        }
    }
    if !table.is_usable() || !stops.is_usable() || table.rows == 0 {
        return;
    }
    let rows_from = feed.link("pathways", "from_stop_id", "stops", "stop_id");
    let rows_to = feed.link("pathways", "to_stop_id", "stops", "stop_id");
    let end = |cells: &Text<'_>, rows: &[u32], row: usize| cells.code(row).map_or(NO_ROW, |code| rows[code as usize]);
    let ways = Ways {
        edges: (0..table.rows)
            .map(|row| (end(&from, &rows_from, row), end(&to, &rows_to, row), both.get(row) == Some(1), row))
            .collect(),
    };
    ends(feed, &ways, out);
    nodes(feed, &ways, out);
    reach(feed, &ways, out);
}

/// For each stop whether another names it as its parent.
fn parents(feed: &Feed) -> Vec<bool> {
    let stops = feed.table("stops");
    let mut has = vec![false; stops.rows];
    for row in feed.link("stops", "parent_station", "stops", "stop_id").into_iter().filter(|row| *row != NO_ROW) {
        has[row as usize] = true;
    }
    has
}

fn ends(feed: &Feed, ways: &Ways, out: &mut Out) {
    let (table, stops) = (feed.table("pathways"), feed.table("stops"));
    let (types, access) = (stops.int("location_type"), stops.int("stop_access"));
    let has_children = parents(feed);
    let (ids, stop_ids) = (table.text("pathway_id"), stops.text("stop_id"));
    for &(from, to, _, row) in &ways.edges {
        for (stop, field) in [(from, "from_stop_id"), (to, "to_stop_id")] {
            let stop = stop as usize;
            if stop == NO_ROW as usize {
                continue;
            }
            let notice = match types.or(stop, 0) {
                0 if has_children[stop] => &WITH_BOARDING_AREAS,
                1 => &WRONG_TYPE,
                _ => continue,
            };
            out.add(notice, || [table.at(row), field.into(), ids.value(row), stop_ids.value(stop)]);
        }
        let outside: BTreeSet<u32> =
            [from, to].into_iter().filter(|stop| *stop != NO_ROW && access.get(*stop as usize) == Some(1)).collect();
        for stop in outside {
            out.add(&OUTSIDE_ACCESS, || {
                let stop = stop as usize;
                [table.at(row), ids.value(row), stops.text("platform_code").value(stop), stop_ids.value(stop)]
            });
        }
    }
}

fn nodes(feed: &Feed, ways: &Ways, out: &mut Out) {
    let stops = feed.table("stops");
    let types = stops.int("location_type");
    let mut near: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); stops.rows];
    for &(from, to, _, _) in &ways.edges {
        for (one, other) in [(from, to), (to, from)] {
            if one != NO_ROW {
                near[one as usize].insert(other);
            }
        }
    }
    for row in (0..stops.rows).filter(|row| types.get(*row) == Some(3) && near[*row].len() == 1) {
        out.add(&DANGLING, || {
            let [parent, id, name] =
                ["parent_station", "stop_id", "stop_name"].map(|column| stops.text(column).value(row));
            [stops.at(row), parent, id, name]
        });
    }
}

fn reach(feed: &Feed, ways: &Ways, out: &mut Out) {
    let stops = feed.table("stops");
    let types = stops.int("location_type");
    let parents_of = stops.text("parent_station");
    let parent_rows = feed.link("stops", "parent_station", "stops", "stop_id");
    let station = |stop: usize| {
        let mut stop = stop;
        for _ in 0..3 {
            if types.get(stop) == Some(1) {
                return Some(stop);
            }
            let parent = parents_of.code(stop).map_or(NO_ROW, |code| parent_rows[code as usize]);
            if parent == NO_ROW {
                return None;
            }
            stop = parent as usize;
        }
        None
    };
    let ends = ways.edges.iter().flat_map(|(from, to, ..)| [*from, *to]).filter(|row| *row != NO_ROW);
    let with_ways: BTreeSet<usize> = ends.filter_map(|row| station(row as usize)).collect();
    let mut forward = vec![Vec::new(); stops.rows];
    let mut backward = vec![Vec::new(); stops.rows];
    for &(from, to, both, _) in ways.edges.iter().filter(|(from, to, ..)| *from != NO_ROW && *to != NO_ROW) {
        forward[from as usize].push(to);
        backward[to as usize].push(from);
        if both {
            forward[to as usize].push(from);
            backward[from as usize].push(to);
        }
    }
    let walk = |next: &[Vec<u32>]| {
        let mut seen = vec![false; stops.rows];
        let mut todo: Vec<u32> = (0..stops.rows as u32).filter(|row| types.get(*row as usize) == Some(2)).collect();
        todo.iter().for_each(|row| seen[*row as usize] = true);
        while let Some(row) = todo.pop() {
            for &other in &next[row as usize] {
                if !std::mem::replace(&mut seen[other as usize], true) {
                    todo.push(other);
                }
            }
        }
        seen
    };
    let (entered, left) = (walk(&forward), walk(&backward));
    let has_children = parents(feed);
    for row in 0..stops.rows {
        let kind = types.or(row, 0);
        let walked_to = kind == 3 || kind == 4 || kind == 0 && !has_children[row];
        if !walked_to || entered[row] && left[row] || !station(row).is_some_and(|station| with_ways.contains(&station))
        {
            continue;
        }
        out.add(&UNREACHABLE, || {
            let [parent, id, name] =
                ["parent_station", "stop_id", "stop_name"].map(|column| stops.text(column).value(row));
            [stops.at(row), entered[row].into(), left[row].into(), kind.into(), parent, id, name]
        });
    }
}
