//! The newest of what is to be imported that is what the pipeline wants: which timetable is in force depends on it.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::files::{read, read_described, sidecar};
use super::planned::{Hour, Item, Origin, Plan, Request};
use crate::capture::evidence::{self, Entry};
use crate::capture::payload::identify;
use crate::capture::{Capture, CaptureError};

/// When the newest readable capture of a source was made that is to be imported and is older than `until`. Bodies are read from the
/// newest on, until one is what the pipeline wants.
pub fn newest(
    plan: &Plan,
    request: &Request<'_>,
    source: usize,
    until: Timestamp,
) -> Result<Option<Timestamp>, CaptureError> {
    let mut items: Vec<&Item> = plan.items.iter().filter(|item| item.source == source && item.at < until).collect();
    items.sort_by_key(|item| Reverse(item.at));
    let mut newest = None;
    for item in items {
        if is_wanted(request, item)? {
            newest = Some(item.at);
            break;
        }
    }
    let mut hours: Vec<&Hour> = plan.hours.iter().filter(|hour| hour.source == source).collect();
    hours.sort_by_key(|hour| Reverse(hour.times.last().copied()));
    for hour in hours {
        if hour.times.last().is_none_or(|last| newest.is_some_and(|newest| hour_end(*last) <= newest)) {
            break;
        }
        newest = newest.max(newest_of(request, hour, until)?);
    }
    Ok(newest)
}

fn hour_end(begin: Timestamp) -> Timestamp {
    begin.saturating_add(jiff::SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX)
}

fn newest_of(request: &Request<'_>, hour: &Hour, until: Timestamp) -> Result<Option<Timestamp>, CaptureError> {
    let mut entries: Vec<Entry> = evidence::captures(&hour.archive)?.entries;
    entries.retain(|entry| {
        entry.captured_at < until && request.url.is_none_or(|pattern| evidence::matches(pattern, &entry.url))
    });
    entries.sort_by_key(|entry| Reverse(entry.captured_at));
    for entry in entries {
        let at = entry.captured_at;
        if of_entry(request, entry)? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

fn is_wanted(request: &Request<'_>, item: &Item) -> Result<bool, CaptureError> {
    let capture = match &item.from {
        Origin::Record(entry) => return of_entry(request, entry.clone()),
        // These are messages, or rebuilt from the rows of messages.
        Origin::Packed(..) => return Ok(true),
        Origin::File(relative, false) => read(request.folder, relative, item.at),
        Origin::File(relative, true) => match sidecar(request.folder, relative) {
            Ok(Some(sidecar)) => read_described(request.folder, relative, sidecar),
            _ => return Ok(false),
        },
    };
    let failed = |source| CaptureError::Evidence { file: request.folder.to_owned(), verb: "read", source };
    Ok(is_readable(request, &capture.map_err(failed)?))
}

fn of_entry(request: &Request<'_>, entry: Entry) -> Result<bool, CaptureError> {
    for capture in evidence::read(vec![entry]) {
        match capture {
            Ok(capture) => return Ok(is_readable(request, &capture)),
            Err(CaptureError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

fn is_readable(request: &Request<'_>, capture: &Capture) -> bool {
    request.wanted.is(identify(capture).payload)
}
