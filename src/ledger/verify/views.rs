//! Views for readers: the list of files of each table, the index of the log and its pages by month. They must say what they are made of.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::chain::{Chain, INDEX};
use super::context::{Context, Got, Interrupted};
use super::fault::{Fault, FaultKind, Subject};
use super::names::TableId;
use super::records;
use super::tables::{Table, Tables};
use crate::ledger::record_key;
use crate::publish::index;
use crate::text::Text;

/// Bytes of a view more than what it must say.
const SLACK: usize = 1 << 20;

/// Looks at the lists of files of all tables whose indexes are in order.
pub(super) fn of_tables(context: &mut Context<'_>, tables: &Tables) -> Result<(), Interrupted> {
    for table in tables.all.iter().filter(|table| !table.is_faulty) {
        let Some(newest) = &table.newest else { continue };
        let [(list, list_bytes), (csv, csv_bytes)] = index::views(newest);
        let there = get(context, table, &list, &list_bytes)?;
        let is_same = there.as_ref().is_some_and(|there| *there == list_bytes);
        if let Some(there) = there.filter(|_| !is_same) {
            look(context, table, &list, &list_bytes, &there);
        }
        let there = get(context, table, &csv, &csv_bytes)?;
        // An earlier version of this program wrote other columns; then the list in JSON is another, too.
        let has_all = |there: &[u8]| {
            let text = String::from_utf8_lossy(there).into_owned();
            let has =
                |path: &str, sha256: String| text.lines().any(|line| line.contains(path) && line.contains(&sha256));
            text.lines().count() == newest.files.len() + 1
                && newest.files.iter().all(|of| has(&of.path, of.sha256.to_string()))
        };
        if there.is_some_and(|there| there != csv_bytes && (is_same || !has_all(&there))) {
            let said = Text::new(
                format!("the list does not say what version {} of the index of {} says", newest.version, table.id),
                format!("die Liste sagt nicht, was Version {} des Index von {} sagt", newest.version, table.id),
            );
            context.findings.tell(Fault::new(FaultKind::Changed, Subject::View, csv, said).of_table(&table.id));
        }
    }
    Ok(())
}

/// A list of files as it is there. That it is not there is told.
fn get(context: &mut Context<'_>, table: &Table, key: &str, expected: &Bytes) -> Result<Option<Bytes>, Interrupted> {
    context.findings.counts.views += 1;
    Ok(match context.get(Subject::View, key, 2 * expected.len() + SLACK)? {
        Got::There(there) => Some(there),
        Got::Unreadable => None,
        Got::Absent => {
            context.findings.tell(missing(key).of_table(&table.id));
            None
        }
    })
}

fn missing(key: &str) -> Fault {
    let said = Text::new(
        "the view, by which readers find what is published, is not there",
        "die Ansicht, über die Leser finden, was veröffentlicht ist, ist nicht da",
    );
    Fault::new(FaultKind::Missing, Subject::View, key, said)
}

/// Compares a `files.json` of other bytes than this program writes by what it says.
fn look(context: &mut Context<'_>, table: &Table, key: &str, expected: &[u8], there: &[u8]) {
    let (Ok(expected), found) = (serde_json::from_slice::<Value>(expected), serde_json::from_slice::<Value>(there))
    else {
        return;
    };
    let id = &table.id;
    let found = found.unwrap_or(Value::Null);
    if says(&found, &expected, true) {
        return;
    }
    let (newest, version) = (expected["version"].as_u64(), found["version"].as_u64());
    let fault = match (version, newest) {
        (Some(version), Some(newest)) if version < newest => {
            let said = Text::new(
                format!("readers are shown version {version} of {id}, and the newest is {newest}"),
                format!("Leser sehen Version {version} von {id}, und die neueste ist {newest}"),
            );
            Fault::new(FaultKind::RolledBack, Subject::View, key, said).of_version(version)
        }
        _ => {
            let newest = newest.unwrap_or_default();
            let said = Text::new(
                format!("the list does not say what version {newest} of the index of {id} says"),
                format!("die Liste sagt nicht, was Version {newest} des Index von {id} sagt"),
            );
            Fault::new(FaultKind::Changed, Subject::View, key, said)
        }
    };
    context.findings.tell(fault.of_table(id));
}

/// Fields that every version of this program has written.
const ALWAYS: &[&str] = &[
    "version",
    "dataset",
    "table",
    "files",
    "withdrawn",
    "path",
    "partition_date",
    "rows",
    "bytes",
    "sha256",
    "reason",
];

/// Whether a view says what it must, which may lack fields that came later, and has no others.
fn says(found: &Value, expected: &Value, may_lack: bool) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            let lacks = |name: &String| !found.contains_key(name) && (!may_lack || ALWAYS.contains(&name.as_str()));
            let agrees =
                |(name, value): (&String, &Value)| expected.get(name).is_some_and(|of| says(value, of, may_lack));
            !expected.keys().any(lacks) && found.iter().all(agrees)
        }
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(one, other)| says(one, other, may_lack))
        }
        (found, expected) => found == expected,
    }
}

/// Looks at the index of the log and its pages, where the log and all that it names is in order.
pub(super) fn of_log(context: &mut Context<'_>, chain: &Chain, tables: &Tables) -> Result<(), Interrupted> {
    let is_in_order =
        chain.is_whole && !context.findings.has(Subject::Log) && tables.all.iter().all(|of| !of.is_faulty);
    if !is_in_order || context.findings.has(Subject::Record) || chain.version == 0 {
        return Ok(());
    }
    let pages = pages(context, chain, tables)?;
    let months: Vec<Value> = pages
        .iter()
        .map(|(month, page)| {
            let [releases, records] = ["releases", "records"].map(|kind| page[kind].as_array().map_or(0, Vec::len));
            json!({"month": month, "path": path_of(month), "releases": releases, "records": records})
        })
        .collect();
    let heads = chain.heads.iter().filter_map(|(name, head)| {
        let (dataset, table) = name.split_once('/')?;
        Some(json!({"dataset": dataset, "table": table, "version": head.version, "index_sha256": head.sha256}))
    });
    let index = json!({
        "format": "fahrtenbuch-log-index/1",
        "log": {"version": chain.version, "size": chain.leaves.len()},
        "tables": heads.collect::<Value>(),
        "months": months,
    });
    let is_shown = of_log_view(context, INDEX, &index)?;
    if is_shown {
        for (month, page) in &pages {
            of_log_view(context, &path_of(month), page)?;
        }
    }
    Ok(())
}

fn path_of(month: &str) -> String {
    format!("ledger/index/{month}.json")
}

/// The pages by month, as they must be.
fn pages(context: &mut Context<'_>, chain: &Chain, tables: &Tables) -> Result<BTreeMap<String, Value>, Interrupted> {
    let mut pages: BTreeMap<String, [BTreeMap<u64, Value>; 2]> = BTreeMap::new();
    let month_of =
        |at: Option<String>| at.and_then(|at| Some(at.get(..7)?.to_owned())).unwrap_or_else(|| "undated".to_owned());
    for (id, entries) in &chain.tables {
        for of in entries {
            let detail = tables.details.get(&of.place);
            let at = detail.and_then(|detail| detail.at).map(|at| at.to_string());
            let TableId { dataset, table } = id;
            let row = json!({
                "log_index": of.place, "dataset": dataset, "table": table, "version": of.version,
                "date": detail.and_then(|detail| detail.date), "at": at,
                "act": detail.map_or("", |detail| detail.act), "index_sha256": of.index, "record_sha256": of.record,
            });
            pages.entry(month_of(at)).or_default()[0].insert(of.place, row);
        }
    }
    for of in &chain.records {
        let got = context.get(Subject::Record, &record_key(&of.record), records::LONGEST)?;
        let said: Map<String, Value> = match got {
            Got::There(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            Got::Absent | Got::Unreadable => Map::new(),
        };
        let field = |name: &str| said.get(name).cloned().unwrap_or(Value::Null);
        let at =
            ["purged_at", "changed_at", "at"].map(field).into_iter().find(|at| !at.is_null()).unwrap_or(Value::Null);
        let row = json!({
            "log_index": of.place, "kind": of.kind, "at": at, "pipeline": field("pipeline"), "date": field("date"),
            "record_sha256": of.record,
        });
        let month = month_of(at.as_str().map(str::to_owned));
        pages.entry(month).or_default()[1].insert(of.place, row);
    }
    let page = |(month, [releases, records]): (String, [BTreeMap<u64, Value>; 2])| {
        let [releases, records] = [releases, records].map(|rows| rows.into_values().collect::<Value>());
        let page =
            json!({"format": "fahrtenbuch-log-month/1", "month": month, "releases": releases, "records": records});
        (month, page)
    };
    Ok(pages.into_iter().map(page).collect())
}

/// Looks at a view of the log; whether it says what it must.
fn of_log_view(context: &mut Context<'_>, key: &str, expected: &Value) -> Result<bool, Interrupted> {
    context.findings.counts.views += 1;
    let there = match context.get(Subject::View, key, 4 * expected.to_string().len() + SLACK)? {
        Got::There(there) => there,
        Got::Unreadable => return Ok(false),
        Got::Absent => {
            context.findings.tell(missing(key));
            return Ok(false);
        }
    };
    let found: Value = serde_json::from_slice(&there).unwrap_or(Value::Null);
    if says(&found, expected, false) {
        return Ok(true);
    }
    let [found, expected] = [&found, expected].map(|view| view["log"]["version"].as_u64());
    let fault = match (found, expected) {
        (Some(found), Some(expected)) if found < expected => {
            let said = Text::new(
                format!("readers are shown version {found} of the log, and the newest is {expected}"),
                format!("Leser sehen Version {found} des Protokolls, und die neueste ist {expected}"),
            );
            Fault::new(FaultKind::RolledBack, Subject::View, key, said)
        }
        _ => {
            let said = Text::new(
                "the view does not say what the entries of the log say",
                "die Ansicht sagt nicht, was die Einträge des Protokolls sagen",
            );
            Fault::new(FaultKind::Changed, Subject::View, key, said)
        }
    };
    context.findings.tell(fault);
    Ok(false)
}
