//! The lists of captures that a record names, put into the bucket again where they are gone.

use std::collections::BTreeMap;

use crate::contract::Severity;
use crate::decode::Note;
use crate::digest::Digest;
use crate::ledger::{Captured, capture_lines, object_key};
use crate::pipeline::journal;
use crate::pipeline::run::context::RunContext;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::Partition;
use crate::pipeline::run::last_record::LastRecord;

/// Puts the lists of captures that the last record of a partition names into the bucket again, where they are gone or have
/// other bytes than their name says: from the journal, or from the evidence, which has the list as its beginning. Gives a note
/// for each that was put again, and for each that cannot be.
pub(super) fn put_lists_again(
    run: &RunContext<'_>,
    partition: &Partition,
    last: &LastRecord,
    lists: &BTreeMap<Digest, String>,
) -> Result<(usize, Vec<Note>), RunError> {
    let RunContext { workspace, pipeline, bucket, .. } = *run;
    let (mut puts, mut notes) = (0, Vec::new());
    for known in last.evidence.iter().filter(|_| last.is_published) {
        let Some(digest) = known.list_digest() else { continue };
        let key = object_key(&digest);
        let there = bucket.get(&key)?;
        if there.as_ref().is_some_and(|bytes| Digest::of(bytes) == digest) {
            continue;
        }
        let was = if there.is_some() { "changed" } else { "gone" };
        let kept = journal::read_list(&workspace.private, &pipeline.name, partition.date, &digest);
        let made = || lists.get(&digest).map(|lines| lines.clone().into_bytes());
        let beginning = || {
            let (.., entries) = partition.evidence.iter().find(|(source, ..)| *source == known.source)?;
            let first = entries.get(..usize::try_from(known.captures).ok()?)?;
            let first: Vec<Captured> = first.iter().map(|entry| (entry.captured_at, entry.digest)).collect();
            Some(capture_lines(&first).into_bytes()).filter(|lines| Digest::of(lines) == digest)
        };
        let (severity, outcome) = match kept.or_else(made).or_else(beginning) {
            Some(lines) => {
                bucket.put(&key, lines.into())?;
                puts += 1;
                (Severity::Warning, "it was put again")
            }
            None => {
                (Severity::Error, "nothing that is there has its digest. Bring it back from a backup of the bucket")
            }
        };
        let message = format!("the list of captures of '{}', '{key}', was {was}: {outcome}", known.source);
        tracing::warn!("{message}");
        notes.push(Note { rule: "record.list_damaged", severity, message });
    }
    Ok((puts, notes))
}
