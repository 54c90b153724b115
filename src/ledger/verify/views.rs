//! The lists of files of each table, by which readers find what is published. They must say what the newest index says.

use bytes::Bytes;
use serde_json::Value;

use super::context::{Context, Got, Interrupted};
use super::fault::{Fault, FaultKind, Subject};
use super::rows;
use super::strict;
use super::tables::{Table, Tables};
use crate::publish::index;
use crate::text::Text;

/// Bytes of a view more than what it must say.
pub(super) const SLACK: usize = 1 << 20;

/// Looks at the lists of files of all tables whose newest indexes are in order.
pub(super) fn of_tables(context: &mut Context<'_>, tables: &Tables) -> Result<(), Interrupted> {
    for table in tables.all.iter().filter(|table| table.is_newest_sound) {
        let Some(newest) = &table.newest else { continue };
        let [(list, list_bytes), (csv, csv_bytes)] = index::views(newest);
        let there = get(context, table, &list, &list_bytes)?;
        if let Some(there) = there.filter(|there| *there != list_bytes) {
            look(context, table, &list, &list_bytes, &there);
        }
        let there = get(context, table, &csv, &csv_bytes)?;
        if there.is_some_and(|there| there != csv_bytes && !rows::agree(&there, &csv_bytes)) {
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

pub(super) fn missing(key: &str) -> Fault {
    let said = Text::new(
        "the view, by which readers find what is published, is not there",
        "die Ansicht, über die Leser finden, was veröffentlicht ist, ist nicht da",
    );
    Fault::new(FaultKind::Missing, Subject::View, key, said)
}

/// Compares a `files.json` of other bytes than this program writes by what it says.
fn look(context: &mut Context<'_>, table: &Table, key: &str, expected: &[u8], there: &[u8]) {
    let Ok(expected) = serde_json::from_slice::<Value>(expected) else { return };
    let id = &table.id;
    let found = strict::value(there).unwrap_or(Value::Null);
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
pub(super) fn says(found: &Value, expected: &Value, may_lack: bool) -> bool {
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
