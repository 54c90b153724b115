//! Ids that name a row of another table, or of the same, which is not there.

use super::prelude::*;
use crate::contract::Target;
use crate::decode::gtfs::{NONE, Table};

pub static FOREIGN_KEY_VIOLATION: Notice = Notice {
    code: "foreign_key_violation",
    severity: Severity::Error,
    files: &[],
    fields: &["childFieldName", "childFilename", "csvRowNumber", "fieldValue", "parentFieldName", "parentFilename"],
    en: Words {
        what: "An id names a row of another file that is not there, so what belongs together falls apart.",
        mend: "Add the missing row, or correct the id.",
    },
    de: Words {
        what: "Eine Kennung verweist auf eine Zeile einer anderen Datei, die es nicht gibt; Zusammengehöriges fällt \
               auseinander.",
        mend: "Fehlende Zeile ergänzen oder Kennung berichtigen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&FOREIGN_KEY_VIOLATION],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails("foreign_key_violation", 1, &[("trips.txt", "route_id,service_id,trip_id,shape_id\nx,s,t,p\n")]),
        fails("foreign_key_violation", 1, &[("trips.txt", "route_id,service_id,trip_id,shape_id\nr,x,t,p\n")]),
        fails(
            "foreign_key_violation",
            3,
            &[("shapes.txt", ""), ("trips.txt", "route_id,service_id,trip_id,shape_id\nr,s,t,p\nr,s,t2,p\nr,s,t3,q\n")],
        ),
        passes(
            "foreign_key_violation",
            &[
                ("calendar_dates.txt", "service_id,date,exception_type\nonly,20261124,1\n"),
                ("trips.txt", "route_id,service_id,trip_id,shape_id\nr,s,t,p\nr,only,t2,p\n"),
            ],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    for child in &feed.timetable.tables {
        for key in &child.contract.foreign_keys {
            let in_feed = |target: &Target| target.file.is_none() && target.columns.len() == 1;
            let ([place], true) = (&key.columns[..], key.targets.iter().all(in_feed)) else {
                continue;
            };
            let parents: Vec<(&Table, &str)> =
                key.targets.iter().map(|target| (feed.table(&target.table), target.columns[0].as_str())).collect();
            if !child.is_usable() || !parents.iter().all(|(table, _)| table.is_usable()) {
                continue;
            }
            reference(child, *place, &parents, feed, out);
        }
    }
}

fn reference(child: &Table, place: usize, parents: &[(&Table, &str)], feed: &Feed, out: &mut Out) {
    let name = &child.contract.columns[place].name;
    let cells = child.text(name);
    let Some(words) = cells.words() else { return };
    // The zones of on-demand service stand in a file of another kind.
    let zones = parents.iter().any(|(table, _)| table.contract.table == "locations").then(|| feed.zones());
    let known = |id: &str| {
        parents.iter().any(|(table, key)| table.text(key).find(id).is_some())
            || zones.is_some_and(|zones| zones.find(id).is_some())
    };
    if zones.is_some_and(|zones| !zones.usable) {
        return;
    }
    let lost: Vec<bool> = words.iter().map(|(_, id)| !known(id)).collect();
    if !lost.contains(&true) {
        return;
    }
    let files = parents.iter().map(|(table, _)| table.file.as_str()).collect::<Vec<_>>().join(" or ");
    for (row, &code) in cells.codes().iter().enumerate().filter(|(_, code)| **code != NONE) {
        if lost[code as usize] {
            out.add(&FOREIGN_KEY_VIOLATION, || {
                let (file, id) = (child.file.as_str(), words.get(code));
                [
                    name.as_str().into(),
                    file.into(),
                    child.at(row),
                    id.into(),
                    parents[0].1.into(),
                    files.as_str().into(),
                ]
            });
        }
    }
}
