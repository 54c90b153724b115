//! Verifying the private store against what was published of it: evidence, keys, quarantine, decisions and journal.
//!
//! What may be gone is known by the register of purges; what a person accepted is no fault. Nothing is changed, and nothing that private
//! files hold is told but their names, dates and counts. One cause is told once: what the bucket itself lacks is told by
//! [`crate::ledger::verify`].

pub(crate) mod archives;
mod dates;
mod findings;
mod journals;
mod scope;
mod signing;

use std::collections::BTreeSet;

use self::archives::Archives;
pub(crate) use self::findings::Findings;
use self::findings::text;
use self::scope::Scope;
use crate::ledger::verify::{Fault, FaultKind, Subject};
use crate::pipeline::purged::{self, Purged};
use crate::pipeline::recorded;
use crate::pipeline::run::error::RunError;
use crate::publish::bucket::Bucket;
use crate::workspace::Workspace;

/// Looks at all of the private store. `told` are objects of the bucket that have a fault.
///
/// # Errors
/// The bucket or the private store cannot be read, or not now.
pub(crate) fn verify_private(
    workspace: &Workspace,
    bucket: &Bucket,
    told: &BTreeSet<String>,
) -> Result<Findings, RunError> {
    let mut findings = Findings::default();
    let Some(purged) = purges(workspace, &mut findings)? else { return Ok(findings) };
    let scope = Scope { workspace, bucket, purged: &purged, told };
    of_archives(workspace, &mut findings)?;
    signing::check(scope, &mut findings)?;
    purge_records(scope, &mut findings)?;
    let released = journals::released(scope, &mut findings)?;
    journals::check(scope, &released, &mut findings)?;
    dates::check(scope, &released, &mut findings)?;
    Ok(findings)
}

/// The register of purges, without which nothing that is gone is explained; a damaged one is told.
fn purges(workspace: &Workspace, findings: &mut Findings) -> Result<Option<Purged>, RunError> {
    let private = &workspace.private;
    match Purged::read(private) {
        Ok(purged) => Ok(Some(purged)),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::Other | std::io::ErrorKind::InvalidData) => {
            let said = text(
                "the register of what was destroyed cannot be understood, so that nothing that is gone is explained; nothing else was \
                 looked at. Bring the file back from a backup",
                "das Verzeichnis des Vernichteten ist nicht zu verstehen, sodass sich nichts erklären lässt, was fehlt; sonst wurde nichts \
                 geprüft. Holen Sie die Datei aus einer Sicherung zurück",
            );
            findings.tell(Fault::new(FaultKind::Changed, Subject::Journal, "purged.jsonl", said));
            Ok(None)
        }
        Err(error) => Err(RunError::private(&purged::path(private), "read", &error)),
    }
}

/// Every line of the register of purges has its record in the bucket, but those of a purge that is under way.
fn purge_records(scope: Scope<'_>, findings: &mut Findings) -> Result<(), RunError> {
    let private = &scope.workspace.private;
    let intent = purged::intent(private);
    let intent = intent.map_err(|error| RunError::private(&private.join("purging.json"), "read", &error))?;
    let is_under_way =
        |record: &str| intent.iter().flat_map(|intent| &intent.records).any(|pending| pending.to_bytes().0 == record);
    for line in scope.purged.all() {
        findings.counts.purged += 1;
        let record = line.record.as_str();
        if scope.told.contains(record) || is_under_way(record) || recorded::read(scope.bucket, record)?.is_some() {
            continue;
        }
        let (date, of) = (line.date, line.pipeline.as_deref().unwrap_or("-"));
        let said = text(
            format!(
                "the register says that {date} of {of} was destroyed, and the bucket has no record of it ({record})"
            ),
            format!(
                "das Verzeichnis sagt, dass der {date} von {of} vernichtet wurde, und der Bucket hat keinen Beleg davon ({record})"
            ),
        );
        findings.tell(Fault::new(FaultKind::NotInLog, Subject::Journal, "purged.jsonl", said));
    }
    Ok(())
}

/// What `fahrtenbuch evidence verify` finds.
fn of_archives(workspace: &Workspace, findings: &mut Findings) -> Result<(), RunError> {
    let archives = Archives::read(workspace)?;
    for source in archives.sources()? {
        let (sums, unread) = archives.of(&source);
        for error in unread {
            let said = text(
                format!("the evidence cannot be read: {error}"),
                format!("die Aufzeichnungen lassen sich nicht lesen: {error}"),
            );
            findings.tell(Fault::new(FaultKind::Unreadable, Subject::Evidence, format!("evidence/{source}"), said));
        }
        let Some(sums) = sums else { continue };
        findings.counts.archives += sums.archives;
        findings.counts.archive_bytes += sums.bytes;
        sums.problems.iter().for_each(|problem| findings.tell(archives::fault(&source, problem)));
    }
    Ok(())
}
