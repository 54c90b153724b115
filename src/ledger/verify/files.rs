//! Files of data: those of the newest versions and those that were replaced since, each with its size and its digest.

use std::collections::{BTreeMap, BTreeSet};

use super::context::{Context, Got, Interrupted};
use super::fault::{Fault, FaultKind, Subject};
use super::names::{TableId, shown};
use super::records::Records;
use super::tables::{Named, Table, Tables};
use crate::publish::index::TableIndex;
use crate::text::Text;

/// Looks at all files that versions name, and at those that none names where names can be listed.
pub(super) fn check(
    context: &mut Context<'_>,
    tables: &Tables,
    records: &Records,
    unlogged: &BTreeSet<TableId>,
) -> Result<(), Interrupted> {
    let mut gone: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for table in &tables.all {
        let Some(newest) = &table.newest else { continue };
        let current = current(newest);
        withdrawn(context, table, newest, &current)?;
        for (path, named) in &table.files {
            let is_current = current.contains(path.as_str());
            if !is_current && table.is_withdrawn(path) {
                continue;
            }
            if check_file(context, table, path, named)? {
                continue;
            }
            // Only below 'revised/' a file goes by a rule, of which the log has an entry.
            let collected = records.collected.get(path).filter(|of| of.sha256 == named.sha256);
            if let Some(of) = collected.filter(|_| path.starts_with("revised/") && !is_current) {
                *gone.entry((&of.on, &of.rule)).or_default() += 1;
                continue;
            }
            if table.is_disputed(path) || table.is_faulty && !is_current {
                continue;
            }
            let version = named.version;
            let said = Text::new(
                format!("the file is not there, and version {version} of {} names it", table.id),
                format!("die Datei ist nicht da, und Version {version} von {} nennt sie", table.id),
            );
            context.findings.tell(fault(FaultKind::Missing, table, path, named, said));
        }
    }
    for ((on, rule), files) in gone {
        context.findings.counts.collected += files;
        let (on, rule) = (shown(on), shown(rule));
        context.findings.notes.push(Text::new(
            format!("files below revised/ that later releases replaced, collected by '{rule}' on {on}, as the log says: {files}"),
            format!(
                "Dateien unter revised/, die spätere Veröffentlichungen ersetzt haben und die nach '{rule}' am {on} gelöscht wurden, wie das \
                 Protokoll sagt: {files}"
            ),
        ));
    }
    strangers(context, tables, unlogged)
}

/// Looks for files that a withdrawal deleted: whoever has their addresses gets them again, if they are there.
fn withdrawn(
    context: &mut Context<'_>,
    table: &Table,
    newest: &TableIndex,
    current: &BTreeSet<&str>,
) -> Result<(), Interrupted> {
    for (date, tombstone) in &newest.withdrawn {
        for file in &tombstone.files {
            // Where a version is lacking, that may have released it again.
            let is_deleted = !current.contains(file.path.as_str())
                && table.is_withdrawn(&file.path)
                && (tombstone.holds() || !table.is_faulty);
            if !is_deleted || !matches!(context.digest(Subject::File, &file.path, 0)?, Got::There(_)) {
                continue;
            }
            let (id, version) = (&table.id, tombstone.version);
            let said = Text::new(
                format!(
                    "the file is of a withdrawn date, and is there again, or was never deleted: version {version} of {id} has withdrawn {date}. \
                     A withdrawal that was broken off is finished by the same command"
                ),
                format!(
                    "die Datei ist von einem zurückgenommenen Tag und wieder da oder wurde nie gelöscht: Version {version} von {id} hat {date} \
                     zurückgenommen. Eine abgebrochene Rücknahme beendet derselbe Befehl"
                ),
            );
            let fault = Fault::new(FaultKind::NotInLog, Subject::File, &*file.path, said);
            context.findings.tell(fault.of_table(id).of_version(version).of_date(Some(*date)));
        }
    }
    Ok(())
}

/// The files that the newest version of a table names.
fn current(newest: &TableIndex) -> BTreeSet<&str> {
    let months = newest.months.iter().map(|month| month.path.as_str());
    newest.files.iter().map(|file| file.path.as_str()).chain(months).collect()
}

fn fault(kind: FaultKind, table: &Table, path: &str, named: &Named, said: Text) -> Fault {
    let fault = Fault::new(kind, Subject::File, path, said);
    fault.of_table(&table.id).of_version(named.version).of_date(named.date)
}

/// Whether there is something in the place of a file. That it has other bytes is told.
fn check_file(context: &mut Context<'_>, table: &Table, path: &str, named: &Named) -> Result<bool, Interrupted> {
    let (bytes, sha256) = match context.digest(Subject::File, path, named.bytes)? {
        Got::There(found) => found,
        Got::Absent => return Ok(false),
        Got::Unreadable => return Ok(true),
    };
    let counts = &mut context.findings.counts;
    (counts.files, counts.bytes) = (counts.files + 1, counts.bytes.saturating_add(bytes));
    let said = if bytes != named.bytes {
        let expected = named.bytes;
        let (en, de) = match bytes > expected {
            true => ("more", "mehr"),
            false => ("fewer", "weniger"),
        };
        Text::new(
            format!("the file has {en} bytes than the {expected} of its index"),
            format!("die Datei hat {de} Bytes als die {expected} ihres Index"),
        )
    } else if sha256 != named.sha256 {
        Text::new(
            format!(
                "the file has other bytes than its index says: the SHA-256 is {}… instead of {}…",
                sha256.short(),
                named.sha256.short()
            ),
            format!(
                "die Datei hat andere Bytes, als ihr Index sagt: die SHA-256 ist {}… statt {}…",
                sha256.short(),
                named.sha256.short()
            ),
        )
    } else {
        return Ok(true);
    };
    context.findings.tell(fault(FaultKind::Changed, table, path, named, said));
    Ok(true)
}

/// Files below `data/` that no version names: whoever opens their folder reads their rows. Below `revised/` a run that was killed may
/// have left some, which nobody reads.
fn strangers(context: &mut Context<'_>, tables: &Tables, unlogged: &BTreeSet<TableId>) -> Result<(), Interrupted> {
    let Some(there) = context.list("data")? else {
        context.findings.notes.push(Text::new(
            "names cannot be listed here, so what nothing names was not looked for: files below data/, tables, versions, records and proofs \
             that somebody may have put there. In a copy in a folder they are found",
            "Namen lassen sich hier nicht auflisten. Deshalb wurde nicht gesucht, was nirgends genannt ist: Dateien unter data/, Tabellen, \
             Versionen, Belege und Nachweise, die jemand dazugelegt haben kann. In einer Kopie in einem Ordner werden sie gefunden",
        ));
        return Ok(());
    };
    let by_table: BTreeMap<TableId, &Table> = tables.all.iter().map(|table| (table.id.clone(), table)).collect();
    for path in there {
        let mut parts = path.split('/').skip(1);
        let id = parts.next().zip(parts.next()).and_then(|(dataset, table)| TableId::new(dataset, table));
        if id.as_ref().is_some_and(|id| unlogged.contains(id)) {
            continue;
        }
        let table = id.and_then(|id| by_table.get(&id));
        // What an index says that was changed or is gone may have named it, unless the newest one is sound: that names all first files.
        let is_explained = |table: &Table| table.is_faulty && !table.is_newest_sound || table.files.contains_key(&path);
        if table.is_some_and(|table| is_explained(table)) {
            continue;
        }
        let first = table.and_then(|table| table.newest.as_ref());
        if first.is_some_and(|newest| newest.first.values().any(|first| first.path == path)) {
            continue;
        }
        let said = Text::new(
            "no index names the file, and whoever opens its folder reads its rows",
            "kein Index nennt die Datei, und wer ihren Ordner öffnet, liest ihre Zeilen",
        );
        let fault = Fault::new(FaultKind::NotInLog, Subject::File, &*path, said);
        context.findings.tell(match table {
            Some(table) => fault.of_table(&table.id),
            None => fault,
        });
    }
    Ok(())
}
