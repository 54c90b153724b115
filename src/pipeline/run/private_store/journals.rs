//! The journal against the bucket: what it says was released is there, and what was released since it began stands in it.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::findings::{Findings, text};
use super::scope::{Released, Scope};
use crate::digest::Digest;
use crate::durable;
use crate::ledger::record::Kind;
use crate::ledger::verify::{Fault, FaultKind, Subject};
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::lost::begun_anew;
use crate::pipeline::{Pipeline, journal, recorded};
use crate::publish::PublishError;
use crate::publish::index;
use crate::text::Text;
use crate::time::ServiceDate;

/// What is read of a record of the bucket.
#[derive(Deserialize)]
struct Said {
    format: String,
    pipeline: Option<String>,
    prepared_at: Option<Timestamp>,
}

/// What the newest indexes name of the pipelines of the workspace. An index that is damaged is told of the bucket.
pub(super) fn released(scope: Scope<'_>, findings: &mut Findings) -> Result<Released, RunError> {
    let mut released = Released::new();
    for pipeline in &scope.workspace.pipelines {
        let of_pipeline = released.entry(pipeline.name.clone()).or_default();
        for contract in pipeline.released() {
            let index = match index::current(scope.bucket, &pipeline.dataset, &contract.table) {
                Err(PublishError::Damaged { .. }) => {
                    let table = format!("{}/{}", pipeline.dataset, contract.table);
                    findings.notes.push(text(
                        format!("the index of {table} is damaged, so that the private store was not compared with its releases"),
                        format!("der Index von {table} ist beschädigt, darum wurde der private Speicher nicht mit seinen Veröffentlichungen verglichen"),
                    ));
                    continue;
                }
                other => other?,
            };
            for file in index.into_iter().flat_map(|index| index.files) {
                of_pipeline.entry(file.partition_date).or_default().insert(file.record);
            }
        }
    }
    Ok(released)
}

fn of_journal(kind: FaultKind, path: String, said: Text) -> Fault {
    Fault::new(kind, Subject::Journal, path, said)
}

/// The newest run of a pipeline that records tell of, of those that are not told to be gone.
fn newest(
    scope: Scope<'_>,
    pipeline: &Pipeline,
    records: impl Iterator<Item = String>,
) -> Result<Option<(Timestamp, String)>, RunError> {
    let mut newest = None;
    for key in records {
        let Some(said) = recorded::said::<Said>(scope.bucket, &key)? else { continue };
        let is_run = matches!(Kind::of_format(&said.format), Some((Kind::Run, _)));
        let is_its = is_run && said.pipeline.as_deref() == Some(&pipeline.name);
        newest = newest.max(said.prepared_at.filter(|_| is_its).map(|at| (at, key)));
    }
    Ok(newest)
}

pub(super) fn check(scope: Scope<'_>, released: &Released, findings: &mut Findings) -> Result<(), RunError> {
    let private = &scope.workspace.private;
    let mut begins: Option<Timestamp> = None;
    let mut newer = Vec::new();
    for pipeline in &scope.workspace.pipelines {
        let of_pipeline = released.get(&pipeline.name);
        for date in journal::dates(private, &pipeline.name) {
            let began = entry(scope, pipeline, date, of_pipeline.and_then(|of| of.get(&date)), findings)?;
            begins = [begins, began].into_iter().flatten().min();
        }
        texts(private, pipeline, findings)?;
        let is_there = |date: &ServiceDate| journal::path(private, &pipeline.name, *date).exists();
        let of_dates = of_pipeline.into_iter().flatten();
        let lacking = of_dates.filter(|(date, _)| !is_there(date) && scope.purged.of(&pipeline.name, **date).is_none());
        newer.extend(lacking.map(|(date, records)| (pipeline, *date, records)));
    }
    let anew = begun_anew(scope.workspace)?;
    for (pipeline, date, records) in newer {
        let Some((at, record)) = newest(scope, pipeline, records.iter().cloned())? else { continue };
        let path = format!("journal/{}/{date}.json", pipeline.name);
        // A store that began later knows nothing of what was before.
        let is_older = anew.or(begins.filter(|_| anew.is_none())).is_some_and(|begins| at < begins);
        if is_older {
            continue;
        }
        let said = text(
            format!("the journal has nothing of {date}, which was released on {at}. Bring it back from a backup"),
            format!(
                "das Journal hat nichts vom {date}, der am {at} veröffentlicht wurde. Holen Sie es aus einer Sicherung zurück"
            ),
        );
        findings.tell(of_journal(FaultKind::Missing, path, said).of_run(&pipeline.dataset, date, Some(&record)));
    }
    Ok(())
}

/// What the journal has of a date; gives when its run was prepared.
fn entry(
    scope: Scope<'_>,
    pipeline: &Pipeline,
    date: ServiceDate,
    records: Option<&std::collections::BTreeSet<String>>,
    findings: &mut Findings,
) -> Result<Option<Timestamp>, RunError> {
    let place = journal::path(&scope.workspace.private, &pipeline.name, date);
    let path = format!("journal/{}/{date}.json", pipeline.name);
    findings.counts.journal += 1;
    let of_run = |fault: Fault, record: Option<&str>| fault.of_run(&pipeline.dataset, date, record);
    let entry = journal::read(&place).map_err(|error| RunError::private(&place, "read", &error))?;
    let entry = entry.filter(|entry| entry.record.pipeline == pipeline.name && entry.record.date == date);
    let Some(entry) = entry else {
        let said = text(
            "it is no entry of the journal for this pipeline and date, so that nobody knows what its last run released. Bring it back \
             from a backup",
            "das ist kein Eintrag des Journals für diese Pipeline und dieses Datum, sodass niemand weiß, was der letzte Lauf \
             veröffentlicht hat. Holen Sie ihn aus einer Sicherung zurück",
        );
        findings.tell(of_run(of_journal(FaultKind::Changed, path, said), None));
        return Ok(None);
    };
    let (key, _) = entry.record.to_bytes();
    let at = entry.record.prepared_at;
    if entry.published
        && scope.bucket.is_at(&entry.bucket)
        && !scope.told.contains(&key)
        && recorded::read(scope.bucket, &key)?.is_none()
    {
        let said = text(
            format!("it says that {date} was released with {key}, and the bucket has no such record"),
            format!("er sagt, dass der {date} mit {key} veröffentlicht wurde, und der Bucket hat keinen solchen Beleg"),
        );
        findings.tell(of_run(of_journal(FaultKind::NotInLog, path.clone(), said), Some(key.as_str())));
    }
    let others = records.into_iter().flatten().filter(|other| **other != key).cloned();
    if let Some((newest, record)) = newest(scope, pipeline, others)?.filter(|(newest, _)| *newest > at) {
        let said = text(
            format!(
                "the bucket has a run of {date} of {newest}, and the journal ends with one of {at}: an older one stands there"
            ),
            format!(
                "der Bucket hat einen Lauf des {date} vom {newest}, und das Journal endet mit einem vom {at}: Dort steht ein älterer"
            ),
        );
        findings.tell(of_run(of_journal(FaultKind::RolledBack, path, said), Some(record.as_str())));
    }
    Ok(Some(at))
}

/// What the journal keeps under its digest, and what it knows of the newest versions of tables.
fn texts(private: &Path, pipeline: &Pipeline, findings: &mut Findings) -> Result<(), RunError> {
    let folder = private.join("journal").join(&pipeline.name);
    let names = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let mut kept: Vec<_> = names(&folder.join("objects")).map(|entry| entry.path()).collect();
    for date in names(&folder.join("lists")) {
        kept.extend(names(&date.path()).map(|entry| entry.path()));
    }
    kept.sort_unstable();
    for path in kept {
        let name = path.file_name().and_then(|name| Digest::parse(name.to_str()?));
        let Some(digest) = name else { continue };
        let bytes = durable::read(&path).map_err(|error| RunError::private(&path, "read", &error))?;
        findings.counts.journal += 1;
        if Digest::of(&bytes) != digest {
            let said = text(
                "it has other bytes than its name says, which is their digest. Bring it back from a backup",
                "sie hat andere Bytes, als ihr Name sagt: Der ist ihre Prüfsumme. Holen Sie sie aus einer Sicherung zurück",
            );
            let shown = path.strip_prefix(private).unwrap_or(&path).to_string_lossy().into_owned();
            findings.tell(of_journal(FaultKind::Changed, shown, said));
        }
    }
    let heads = folder.join("heads.json");
    let is_damaged = match durable::read(&heads) {
        Ok(bytes) => serde_json::from_slice::<IgnoredAny>(&bytes).is_err(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(RunError::private(&heads, "read", &error)),
    };
    if is_damaged {
        let said = text(
            "what runs know of the newest versions of tables cannot be understood. Bring it back from a backup",
            "was Läufe von den neuesten Versionen der Tabellen wissen, ist nicht zu verstehen. Holen Sie es aus einer Sicherung zurück",
        );
        findings.tell(of_journal(FaultKind::Changed, format!("journal/{}/heads.json", pipeline.name), said));
    }
    Ok(())
}
