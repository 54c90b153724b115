//! What came of asking a source at a time where there is no body of its own.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::capture::CaptureError;
use crate::capture::beat::Beat;
use crate::capture::coverage::{Explanation, Stretch};
use crate::capture::evidence::{Entry, Store};
use crate::capture::record::{BeatOutcome, BeatRecord, Note};
use crate::cli::evidence::explained::in_words;
use crate::cli::terminal::{count, one_line};
use crate::workspace::Workspace;
use crate::workspace::beats::explain;

/// Captures that are looked at for the body of a revisit whose file does not have it.
const LOOKED_AT: usize = 200;

/// The records of a time, those of the two hours before it, in which a beat that holds then may be due, and those of the two hours
/// behind it, in which what came of that beat may have been written.
pub(super) fn records(
    store: &Store,
    source: &str,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<BeatRecord>, CaptureError> {
    let before = from.saturating_sub(SignedDuration::from_hours(2)).unwrap_or(Timestamp::MIN);
    let behind = until.saturating_add(SignedDuration::from_hours(2)).unwrap_or(Timestamp::MAX);
    store.records(source, before, behind)
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

/// The beat that was the newest at a time, where that was not over, and what became of it.
pub(super) fn explained(
    workspace: &Workspace,
    (store, source): (&Store, &str),
    at: Timestamp,
) -> Result<Option<(Beat, Explanation)>, CaptureError> {
    let now = crate::time::now();
    let after = at.saturating_add(SignedDuration::from_millis(1)).unwrap_or(Timestamp::MAX);
    let mut found = None;
    if at <= now && store.may_have_beats(source) {
        let mut give = |stretch: Stretch| found = stretch.beat_at(at).map(|beat| (beat, stretch.explanation)).or(found);
        explain(workspace, (store, source), (at, after, now), &mut give)?;
    }
    Ok(found)
}

/// The record of the beat that was the newest at a time. Of several that counts which says most; none of what was passed over where
/// the beats are explained in another way.
pub(super) fn of_time(
    records: &[BeatRecord],
    at: Timestamp,
    explained: Option<(Beat, Explanation)>,
) -> Option<&BeatRecord> {
    let is_known = explained.is_some();
    let may_be_skipped = !is_known || matches!(explained, Some((_, Explanation::Skipped(_))));
    let holds = |record: &&BeatRecord| {
        let beats = match record.outcome {
            BeatOutcome::Note(Note::Skipped { beats, .. }) if may_be_skipped => beats,
            BeatOutcome::Note(Note::Skipped { .. } | Note::Started { .. } | Note::Stopped { .. }) => 0,
            _ => 1,
        };
        record.beat.is_some_and(|beat| beat.due <= at && at < beat.plus(beats).due)
    };
    let says = |record: &&BeatRecord| match record.outcome {
        BeatOutcome::Body(_) => 3,
        BeatOutcome::Unchanged { .. } => 2,
        BeatOutcome::Note(Note::Skipped { .. }) => 0,
        BeatOutcome::Note(_) => 1,
    };
    records.iter().filter(holds).max_by_key(says)
}

/// A beat that left no record of its own, and the newest body that there was.
pub(super) fn without_record(store: &Store, source: &str, beat: Beat, explanation: Explanation) -> Value {
    let body = store.newest_first(source, beat.due).take(LOOKED_AT).find_map(Result::ok);
    let (outcome, said) = (explanation.class().name(), in_words(explanation));
    // What the outcome says already.
    let said = said.strip_prefix(&format!("{outcome}: ")).unwrap_or(&said);
    json!({
        "source": source, "at": beat.due, "url": null, "outcome": outcome,
        "reason": explanation.reason(), "said": said, "beat": to_json(beat),
        "body": body.map(|entry| json!({"captured_at": entry.captured_at, "sha256": entry.digest})),
    })
}

fn to_json(beat: Beat) -> Value {
    json!({"due": beat.due, "every_seconds": beat.every.as_secs_f64()})
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
            let said = format!("{} from this one on", count(*beats, "beat", "beats"));
            ("skipped", Some(reason.name()), said, captures().next())
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
        "beat": record.beat.map(to_json),
        "body": body.map(|entry| json!({"captured_at": entry.captured_at, "sha256": entry.digest})),
    })
}

pub(super) fn print(note: &Value) {
    let text = |value: &Value| value.as_str().map(one_line).unwrap_or_default();
    println!("{} of {}", text(&note["at"]), text(&note["source"]));
    if note["url"].is_string() {
        println!("  address  {}", text(&note["url"]));
    }
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
