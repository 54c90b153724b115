//! The index of the log and its pages by month: each row is compared as far as what it is made of is there and sound.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::chain::{Chain, INDEX};
use super::context::{Context, Got, Interrupted};
use super::fault::{Fault, FaultKind, Subject};
use super::names::TableId;
use super::records::LONGEST;
use super::strict;
use super::tables::Tables;
use super::views::{SLACK, missing, says};
use crate::digest::Digest;
use crate::ledger::record_key;
use crate::text::Text;

const FOLDER: &str = "ledger/index";

/// The pages as they must be.
#[derive(Default)]
struct Pages {
    /// By month.
    all: BTreeMap<String, Value>,
    /// What the entries alone say of those rows whose month and details nobody can know: the version or the record is not there, or is
    /// another one.
    unknown: BTreeMap<u64, Value>,
}

/// Looks at the index of the log and its pages, where all entries of the log are certain.
pub(super) fn check(context: &mut Context<'_>, chain: &Chain, tables: &Tables) -> Result<(), Interrupted> {
    let is_certain = chain.is_whole && !chain.has_doubtful() && !context.findings.lack_entries();
    if !is_certain || chain.version == 0 {
        return Ok(());
    }
    let mut pages = pages(context, chain, tables)?;
    let is_whole = pages.unknown.is_empty();
    let months: Vec<Value> = pages
        .all
        .iter()
        .map(|(month, page)| {
            let [releases, records] = ["releases", "records"].map(|kind| page[kind].as_array().map_or(0, Vec::len));
            json!({"month": month, "path": path_of(month), "releases": releases, "records": records})
        })
        .collect();
    let heads = chain.newest.iter().filter_map(|(name, head)| {
        let (dataset, table) = name.split_once('/')?;
        Some(json!({"dataset": dataset, "table": table, "version": head.version, "index_sha256": head.sha256}))
    });
    let mut index = json!({
        "format": "fahrtenbuch-log-index/1",
        "log": {"version": chain.version, "size": chain.leaves.len()},
        "tables": heads.collect::<Value>(),
        "months": months,
    });
    let longest = index.to_string().len() + pages.unknown.len() * 512;
    let Some(mut found) = get(context, INDEX, longest)? else { return Ok(()) };
    let shown: BTreeSet<String> = months_of(&found);
    let faulty: BTreeSet<&TableId> =
        tables.all.iter().filter(|table| !table.is_newest_sound).map(|table| &table.id).collect();
    for view in [&mut found, &mut index] {
        let Some(rows) = view.get_mut("tables").and_then(Value::as_array_mut) else { continue };
        rows.retain(|row| {
            let id = row["dataset"].as_str().zip(row["table"].as_str());
            id.and_then(|(dataset, table)| TableId::new(dataset, table)).is_none_or(|id| !faulty.contains(&id))
        });
    }
    if !is_whole {
        // How many rows each month has nobody can know then.
        for view in [&mut found, &mut index].into_iter().filter_map(Value::as_object_mut) {
            view.insert("months".to_owned(), Value::Null);
        }
        for month in shown {
            pages
                .all
                .entry(month.clone())
                .or_insert_with(|| page(&month, [Value::Array(Vec::new()), Value::Array(Vec::new())]));
        }
    }
    if !compare(context, INDEX, &found, &index) {
        return Ok(());
    }
    for (month, expected) in &pages.all {
        let key = path_of(month);
        let longest = expected.to_string().len() + pages.unknown.len() * 1024;
        if let Some(mut found) = get(context, &key, longest)? {
            without(&mut found, &pages.unknown);
            compare(context, &key, &found, expected);
        }
    }
    for name in context.list(FOLDER)?.unwrap_or_default() {
        let month = name.strip_prefix("ledger/index/").and_then(|name| name.strip_suffix(".json"));
        if month.is_none_or(|month| !pages.all.contains_key(month)) {
            let said =
                Text::new("the log has no entry of this month", "das Protokoll hat keinen Eintrag dieses Monats");
            context.findings.tell(Fault::new(FaultKind::NotInLog, Subject::View, name, said));
        }
    }
    Ok(())
}

fn path_of(month: &str) -> String {
    format!("{FOLDER}/{month}.json")
}

fn page(month: &str, [releases, records]: [Value; 2]) -> Value {
    json!({"format": "fahrtenbuch-log-month/1", "month": month, "releases": releases, "records": records})
}

/// The months that the index of the log names.
fn months_of(index: &Value) -> BTreeSet<String> {
    let months = index["months"].as_array().into_iter().flatten().filter_map(|of| of["month"].as_str());
    let is_month = |text: &&str| {
        text.len() == 7 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') || *text == "undated"
    };
    months.filter(is_month).map(str::to_owned).collect()
}

/// Takes the rows out of a page of which the entries alone are known, where they say what these say.
fn without(page: &mut Value, unknown: &BTreeMap<u64, Value>) {
    for kind in ["releases", "records"] {
        let Some(rows) = page.get_mut(kind).and_then(Value::as_array_mut) else { continue };
        rows.retain(|row| {
            let expected = row["log_index"].as_u64().and_then(|place| unknown.get(&place)).and_then(Value::as_object);
            !expected.is_some_and(|of| of.iter().all(|(name, value)| row.get(name) == Some(value)))
        });
    }
}

/// The pages by month, as they must be.
fn pages(context: &mut Context<'_>, chain: &Chain, tables: &Tables) -> Result<Pages, Interrupted> {
    let mut found = Pages::default();
    let mut pages: BTreeMap<String, [BTreeMap<u64, Value>; 2]> = BTreeMap::new();
    let month_of =
        |at: Option<String>| at.and_then(|at| Some(at.get(..7)?.to_owned())).unwrap_or_else(|| "undated".to_owned());
    for (id, entries) in &chain.tables {
        for of in entries {
            let TableId { dataset, table } = id;
            let mut row = json!({"log_index": of.place, "dataset": dataset, "table": table, "version": of.version});
            // A page that was made anew after a version was changed follows from that.
            let Some(detail) = tables.details.get(&of.place) else {
                found.unknown.insert(of.place, row);
                continue;
            };
            (row["index_sha256"], row["record_sha256"]) = (json!(of.index), json!(of.record));
            let at = detail.at.map(|at| at.to_string());
            (row["date"], row["at"], row["act"]) = (json!(detail.date), json!(at), json!(detail.act));
            pages.entry(month_of(at)).or_default()[0].insert(of.place, row);
        }
    }
    for of in &chain.records {
        let mut row = json!({"log_index": of.place, "kind": of.kind, "record_sha256": of.record});
        let said: Map<String, Value> = match context.get(Subject::Record, &record_key(&of.record), LONGEST)? {
            Got::There(bytes) if Digest::of(&bytes) == of.record => serde_json::from_slice(&bytes).unwrap_or_default(),
            _ => {
                found.unknown.insert(of.place, row);
                continue;
            }
        };
        let field = |name: &str| said.get(name).cloned().unwrap_or(Value::Null);
        let at =
            ["purged_at", "changed_at", "at"].map(field).into_iter().find(|at| !at.is_null()).unwrap_or(Value::Null);
        let month = month_of(at.as_str().map(str::to_owned));
        (row["at"], row["pipeline"], row["date"]) = (at, field("pipeline"), field("date"));
        pages.entry(month).or_default()[1].insert(of.place, row);
    }
    for (month, rows) in pages {
        let rows = rows.map(|rows| rows.into_values().collect::<Value>());
        found.all.insert(month.clone(), page(&month, rows));
    }
    Ok(found)
}

/// A view of the log as it is there. That it is not there is told.
fn get(context: &mut Context<'_>, key: &str, longest: usize) -> Result<Option<Value>, Interrupted> {
    context.findings.counts.views += 1;
    Ok(match context.get(Subject::View, key, 4 * longest + SLACK)? {
        Got::There(there) => Some(strict::value(&there).unwrap_or(Value::Null)),
        Got::Unreadable => None,
        Got::Absent => {
            context.findings.tell(missing(key));
            None
        }
    })
}

/// Whether a view of the log says what it must. That it does not is told.
fn compare(context: &mut Context<'_>, key: &str, found: &Value, expected: &Value) -> bool {
    if says(found, expected, false) {
        return true;
    }
    let [found, expected] = [found, expected].map(|view| view["log"]["version"].as_u64());
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
    false
}
