//! What came of asking a source at a time where there is no body of its own.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::capture::CaptureError;
use crate::capture::evidence::{Entry, Store};
use crate::capture::record::{BeatOutcome, BeatRecord, Note};
use crate::cli::terminal::one_line;

/// Captures that are looked at for the body of a revisit whose file does not have it.
const LOOKED_AT: usize = 200;

/// The records of a time, and those of the two hours before it, in which a beat that holds then may be due.
pub(super) fn records(
    store: &Store,
    source: &str,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<BeatRecord>, CaptureError> {
    let before = from.saturating_sub(SignedDuration::from_hours(2)).unwrap_or(Timestamp::MIN);
    store.records(source, before, until)
}

/// The records of a time that no entry stands for: notes, and revisits whose body is in another file.
pub(super) fn without_entry<'a>(
    records: &'a [BeatRecord],
    entries: &[Entry],
    from: Timestamp,
    until: Timestamp,
) -> Vec<&'a BeatRecord> {
    let of_time = records.iter().filter(|record| (from..until).contains(&record.at));
    let is_entry = |record: &BeatRecord| entries.iter().any(|entry| entry.captured_at == record.at);
    of_time.filter(|record| !matches!(record.outcome, BeatOutcome::Body(_)) && !is_entry(record)).collect()
}

/// The record of the beat that was the newest at a time, where that was not over.
pub(super) fn of_time(records: &[BeatRecord], at: Timestamp) -> Option<&BeatRecord> {
    let holds = |record: &&BeatRecord| {
        let beats = match record.outcome {
            BeatOutcome::Note(Note::Skipped { beats, .. }) => beats,
            BeatOutcome::Note(Note::Started { .. } | Note::Stopped { .. }) => 0,
            _ => 1,
        };
        record.beat.is_some_and(|beat| beat.due <= at && at < beat.plus(beats).due)
    };
    records.iter().rev().find(holds)
}

/// That an entry is a revisit, and since when the source gave its body; null if it is a body.
pub(super) fn unchanged(records: &[BeatRecord], entry: &Entry) -> Value {
    let is_its = |record: &&BeatRecord| record.at == entry.captured_at;
    let outcome = records.iter().filter(is_its).find_map(|record| match record.outcome {
        BeatOutcome::Unchanged { digest, is_not_modified } if digest == Some(entry.digest) => Some(is_not_modified),
        _ => None,
    });
    let Some(is_not_modified) = outcome else { return Value::Null };
    let earlier = records.iter().rev().filter(|record| record.at <= entry.captured_at);
    let body = earlier.into_iter().find(|record| record.outcome == BeatOutcome::Body(entry.digest));
    json!({
        "not_modified": is_not_modified, "said": said_unchanged(is_not_modified),
        "body_captured_at": body.map(|record| record.at),
    })
}

fn said_unchanged(is_not_modified: bool) -> &'static str {
    match is_not_modified {
        true => "unchanged: the source said that nothing is new (304)",
        false => "unchanged: the source gave the same bytes again",
    }
}

/// A record without a body, and the newest body that there was.
pub(super) fn note(store: &Store, source: &str, record: &BeatRecord) -> Value {
    let captures = || store.newest_first(source, record.at).take(LOOKED_AT).filter_map(Result::ok);
    let (outcome, reason, said, body) = match &record.outcome {
        BeatOutcome::Unchanged { digest, is_not_modified } => {
            let body = captures().find(|entry| Some(entry.digest) == *digest);
            ("unchanged", None, said_unchanged(*is_not_modified).to_owned(), body)
        }
        BeatOutcome::Note(Note::Failed { kind, problem }) => {
            ("failed", Some(kind.name()), problem.clone(), captures().next())
        }
        BeatOutcome::Note(Note::Skipped { beats, reason }) => {
            let beats = if *beats == 1 { "1 beat".to_owned() } else { format!("{beats} beats") };
            ("skipped", Some(reason.name()), format!("{beats} from this one on"), captures().next())
        }
        BeatOutcome::Note(Note::Silent) => {
            ("silent", None, "there was a connection, and nothing came".to_owned(), captures().next())
        }
        BeatOutcome::Note(Note::Started { .. }) => ("started", None, "the collector begins".to_owned(), None),
        BeatOutcome::Note(Note::Stopped { .. }) => ("stopped", None, "the collector ends".to_owned(), None),
        BeatOutcome::Body(_) => ("body", None, String::new(), None),
    };
    json!({
        "source": source, "at": record.at, "url": record.url, "outcome": outcome, "reason": reason, "said": said,
        "beat": record.beat.map(|beat| json!({"due": beat.due, "every_seconds": beat.every.as_secs_f64()})),
        "body": body.map(|entry| json!({"captured_at": entry.captured_at, "sha256": entry.digest})),
    })
}

pub(super) fn print(note: &Value) {
    let text = |value: &Value| value.as_str().map(one_line).unwrap_or_default();
    println!("{} of {}", text(&note["at"]), text(&note["source"]));
    println!("  address  {}", text(&note["url"]));
    let reason = text(&note["reason"]).replace('_', " ");
    let reason = if reason.is_empty() { reason } else { format!(" ({reason})") };
    println!("  outcome  {}{reason}: {}", text(&note["outcome"]), text(&note["said"]));
    if note["beat"].is_object() {
        println!("  beat     {}, every {} s", text(&note["beat"]["due"]), note["beat"]["every_seconds"]);
    }
    if note["body"].is_object() {
        let (at, digest) = (text(&note["body"]["captured_at"]), text(&note["body"]["sha256"]));
        println!("  body     none of its own; the newest is that of {at}\n  sha256   {digest}");
    }
}
