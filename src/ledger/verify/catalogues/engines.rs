//! The catalogue for SQL engines below `iceberg/`: all of it follows from the indexes and the address of the bucket, to the byte.

use std::collections::BTreeSet;

use serde_json::Value;

use super::published::{Base, Published, get, leads_alike, tell};
use crate::digest::Digest;
use crate::ledger::verify::context::{Context, Got, Interrupted};
use crate::ledger::verify::fault::{FaultKind, Subject};
use crate::ledger::verify::strict;
use crate::ledger::verify::tables::{LONGEST as LONGEST_INDEX, Table};
use crate::publish::iceberg::{self, Expected, ExpectedFile};
use crate::publish::index::{TableIndex, index_key};
use crate::text::Text;

/// Bytes of an answer more than what it must say.
const SLACK: usize = 1 << 20;

/// Looks at the catalogue, if there is one or must be.
pub(super) fn check(
    context: &mut Context<'_>,
    published: &Published<'_>,
    must_be: bool,
    base: &mut Option<Base>,
) -> Result<(), Interrupted> {
    let Some(ending) = ending(context, must_be)? else { return Ok(()) };
    let served = || published.sound.iter().filter(|(_, index)| iceberg::has(index));
    let mut datasets: BTreeSet<String> = served().map(|(_, index)| index.dataset.clone()).collect();
    let mut answers: Vec<(String, Value)> = Vec::new();
    for dataset in &datasets {
        let tables = published.sound.iter().map(|(_, index)| *index).filter(|index| index.dataset == *dataset);
        answers.extend(iceberg::of_dataset(dataset, tables));
    }
    let [(namespaces, _), (config, expected_config)] = iceberg::of_home(&datasets);
    answers.push((config, expected_config));
    if published.is_whole {
        for (address, expected) in &answers {
            answer(context, &format!("{address}{ending}"), expected)?;
        }
        let key = format!("{namespaces}{ending}");
        if let Some(found) = get(context, &key, SLACK, true)? {
            let found: Value = strict::value(&found).unwrap_or(Value::Null);
            // A dataset stays among them when its last table with columns is gone.
            let known = published.sound.iter().map(|(table, _)| table.id.dataset.as_str());
            let known: BTreeSet<&str> = known.collect();
            let also = found["namespaces"].as_array().into_iter().flatten().filter_map(|name| name[0].as_str());
            datasets.extend(also.filter(|name| known.contains(name)).map(str::to_owned));
            let [(_, expected), _] = iceberg::of_home(&datasets);
            if found != expected {
                differs(context, &key);
            }
        }
    }
    for (of, index) in served() {
        table(context, (of, index), ending, base)?;
    }
    Ok(())
}

/// How names of answers end: an address may begin others, which a file in a folder cannot. None if there is no catalogue.
fn ending(context: &mut Context<'_>, must_be: bool) -> Result<Option<&'static str>, Interrupted> {
    let names = context.list(iceberg::FOLDER)?;
    let is_answer = |name: &String| name.starts_with("iceberg/v1/") && name.ends_with(".json");
    if let Some(names) = names {
        if !names.is_empty() && !names.iter().any(is_answer) {
            context.findings.notes.push(Text::new(
                "the catalogue for SQL engines is a copy from S3, whose names a folder cannot have: it was not looked at",
                "der Katalog für SQL-Programme ist eine Kopie aus S3, deren Namen ein Ordner nicht haben kann: Er ist nicht geprüft",
            ));
            return Ok(None);
        }
        return Ok((must_be || !names.is_empty()).then_some(".json"));
    }
    for ending in [".json", ""] {
        let key = format!("{}{ending}", config_address());
        if let Got::There(_) | Got::Unreadable = context.get(Subject::Catalogue, &key, SLACK)? {
            return Ok(Some(ending));
        }
    }
    Ok(must_be.then_some(""))
}

fn config_address() -> String {
    let [_, (config, _)] = iceberg::of_home(&BTreeSet::new());
    config
}

/// Looks at an answer that names datasets or tables.
fn answer(context: &mut Context<'_>, key: &str, expected: &Value) -> Result<(), Interrupted> {
    let Some(found) = get(context, key, expected.to_string().len() + SLACK, true)? else { return Ok(()) };
    if strict::value(&found).as_ref() != Some(expected) {
        differs(context, key);
    }
    Ok(())
}

fn differs(context: &mut Context<'_>, key: &str) {
    let said = Text::new(
        "the catalogue for SQL engines does not say what the indexes say",
        "der Katalog für SQL-Programme sagt nicht, was die Indexe sagen",
    );
    tell(context, FaultKind::Changed, key, said);
}

/// Looks at what the catalogue says of a table, and at the manifests that this names.
fn table(
    context: &mut Context<'_>,
    (of, index): (&Table, &TableIndex),
    ending: &str,
    base: &mut Option<Base>,
) -> Result<(), Interrupted> {
    let address = iceberg::table_address(&of.id.dataset, &of.id.table);
    let key = format!("{address}{ending}");
    let Some(found) = get(context, &key, LONGEST_INDEX, true)? else { return Ok(()) };
    let said: Value = strict::value(&found).unwrap_or(Value::Null);
    let location = said["metadata-location"].as_str().and_then(|of| of.strip_suffix(&format!("/{address}")));
    let Some(location) = location else {
        differs(context, &key);
        return Ok(());
    };
    if !leads_alike(context, &key, location, base) {
        return Ok(());
    }
    let expected = iceberg::expected(index, location, |version| read(context, of, version))?;
    let Some(Expected { answer, files }) = expected else { return Ok(()) };
    if found != answer && serde_json::from_slice::<Value>(&answer).ok().as_ref() != Some(&said) {
        match said["metadata"]["current-snapshot-id"].as_u64() {
            Some(older) if older < index.version => {
                let (id, newest) = (&of.id, index.version);
                let said = Text::new(
                    format!("engines are shown version {older} of {id}, and the newest is {newest}"),
                    format!("SQL-Programme sehen Version {older} von {id}, und die neueste ist {newest}"),
                );
                tell(context, FaultKind::RolledBack, &key, said);
            }
            _ => differs(context, &key),
        }
        return Ok(());
    }
    for ExpectedFile { key, bytes, sha256 } in files {
        if get(context, &key, bytes + SLACK, true)?.is_some_and(|found| Digest::of(&found) != sha256) {
            differs(context, &key);
        }
    }
    Ok(())
}

/// A version of an index, which was looked at before.
fn read(context: &mut Context<'_>, of: &Table, version: u64) -> Result<Option<TableIndex>, Interrupted> {
    let key = index_key(&of.id.dataset, &of.id.table, version);
    Ok(match context.get(Subject::Index, &key, LONGEST_INDEX)? {
        Got::There(bytes) => serde_json::from_slice(&bytes).ok(),
        Got::Absent | Got::Unreadable => None,
    })
}
