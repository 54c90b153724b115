//! `fahrtenbuch verify --private`: what the publisher alone can look at.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::cli::exit::Exit;
use crate::cli::run::failed;
use crate::durable;
use crate::ledger::verify::{Fault, FaultKind, Subject};
use crate::pipeline::journal;
use crate::pipeline::purged::Purged;
use crate::pipeline::run::RunError;
use crate::pipeline::run::private_store::{Findings, verify_private};
use crate::publish::bucket::Bucket;
use crate::schedule::facts::Outcome;
use crate::schedule::log::{self, Entry, Line};
use crate::text::Text;
use crate::workspace::Workspace;

/// A line of the scheduler's log that is longer is none.
const LONGEST_LINE: u64 = 1 << 20;

/// Looks at the private store of a workspace; `faults` are those of its bucket.
pub(super) fn verify(workspace: &Workspace, bucket: &Bucket, faults: &[Fault]) -> Result<Findings, Exit> {
    let told: BTreeSet<String> = faults.iter().map(|fault| fault.path.clone()).collect();
    let found = verify_private(workspace, bucket, &told).and_then(|mut findings| {
        of_scheduler(&workspace.private, &mut findings)?;
        Ok(findings)
    });
    found.map_err(|error| failed(&error, false, None))
}

/// Each line of the scheduler's log is one, and the journal or the register of purges knows what it says was released.
fn of_scheduler(private: &Path, findings: &mut Findings) -> Result<(), RunError> {
    let path = log::path(private);
    let unread = |error: std::io::Error| RunError::private(&path, "read", &error);
    let file = match durable::open_to_read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(unread)?,
    };
    // A register that cannot be understood is told already.
    let Ok(known) = Purged::read(private) else { return Ok(()) };
    let shown = path.strip_prefix(private).unwrap_or(&path).to_string_lossy().into_owned();
    let mut reader = BufReader::new(file);
    let mut text = Vec::new();
    for number in 1_u64.. {
        text.clear();
        let read = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text).map_err(unread)?;
        if read == 0 {
            break;
        }
        findings.counts.journal += 1;
        let line = text.trim_ascii();
        let Ok(line) = serde_json::from_slice::<Line>(line) else {
            // One that a crash cut off says nothing, and has no end.
            if line.ends_with(b"}") || read as u64 == LONGEST_LINE {
                let said = Text::new(
                    format!("line {number} of the scheduler's log is none. Bring the file back from a backup"),
                    format!(
                        "Zeile {number} des Protokolls des Zeitplans ist keine. Holen Sie die Datei aus einer Sicherung zurück"
                    ),
                );
                findings.tell(Fault::new(FaultKind::Changed, Subject::Journal, shown.clone(), said));
            }
            continue;
        };
        let Entry::Ended(done) = line.entry else { continue };
        let Some(date) = done.key.date.filter(|_| done.outcome == Outcome::Published) else { continue };
        let pipeline = &done.key.pipeline;
        let is_known = known.of(pipeline, date).is_some() || journal::path(private, pipeline, date).exists();
        if !is_known {
            let said = Text::new(
                format!(
                    "the scheduler's log says that {date} was released, and the journal has nothing of it. Bring it back from a backup"
                ),
                format!(
                    "das Protokoll des Zeitplans sagt, dass der {date} veröffentlicht wurde, und das Journal hat nichts davon. Holen Sie es \
                     aus einer Sicherung zurück"
                ),
            );
            let path = format!("journal/{pipeline}/{date}.json");
            findings.tell(Fault::new(FaultKind::Missing, Subject::Journal, path, said));
        }
    }
    Ok(())
}
