//! How much disk a day takes, and when it is full.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::capture::CaptureError;
use crate::capture::collector::Collector;
use crate::capture::evidence::upload;
use crate::schedule::status::data::{Disk, SpoolStatus};
use crate::time::local_instant;
use crate::workspace::Workspace;

/// What is fuller later than this is not said to be.
const FAR: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
const DAY: f64 = 86_400.0;

/// The archives of a source's folder that lie on the disk, of hours that begin in a span: the begin, and the bytes.
pub(super) fn archives(folder: &Path, span: &Range<Timestamp>) -> Vec<(Timestamp, u64)> {
    let date = |at: Timestamp| TimeZone::UTC.to_datetime(at).date();
    let (mut day, last) = (date(span.start), date(span.end));
    let mut found = Vec::new();
    while day <= last {
        let folder = folder.join(format!("{:04}/{:02}/{:02}", day.year(), day.month(), day.day()));
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let hour = name.split_once(".warc.").and_then(|(stem, _)| stem.rsplit_once('T')?.1.parse::<i8>().ok());
            let begin = hour.filter(|hour| (0..24).contains(hour));
            let begin = begin.and_then(|hour| local_instant(day.at(hour, 0, 0, 0), &TimeZone::UTC));
            let (Some(begin), Ok(metadata)) = (begin, entry.metadata()) else { continue };
            if span.contains(&begin) && metadata.is_file() {
                found.push((begin, metadata.len()));
            }
        }
        let Ok(next) = day.tomorrow() else { break };
        day = next;
    }
    found
}

/// What the disk of the private store has and takes. `span` begins at a local midnight and ends now.
///
/// # Errors
/// Folders of the evidence cannot be listed.
pub(super) fn look(workspace: &Workspace, span: &Range<Timestamp>) -> Result<Disk, CaptureError> {
    let folder = Collector::evidence(&workspace.private);
    let day_of = |at: Timestamp| workspace.zone.to_datetime(at).date();
    let mut evidence: BTreeMap<Date, u64> = BTreeMap::new();
    let (mut day, today) = (day_of(span.start), day_of(span.end));
    while day <= today {
        evidence.insert(day, 0);
        let Ok(next) = day.tomorrow() else { break };
        day = next;
    }
    for source in fs::read_dir(&folder).into_iter().flatten().flatten() {
        for (begin, bytes) in archives(&source.path(), span) {
            *evidence.entry(day_of(begin)).or_default() += bytes;
        }
    }
    let evidence: Vec<(Date, u64)> = evidence.into_iter().collect();
    let a_day = a_day(&evidence, today);
    // Before the first run there is no private store.
    let system = workspace.private.ancestors().find_map(|folder| rustix::fs::statvfs(folder).ok());
    let free = system.as_ref().map(|system| system.f_bavail.saturating_mul(system.f_frsize));
    let size = system.as_ref().map(|system| system.f_blocks.saturating_mul(system.f_frsize));
    let spool = match &workspace.evidence {
        Some(remote) => {
            let waiting = upload::waiting(&folder, span.end)?;
            let room = workspace.spool.saturating_sub(waiting.bytes);
            Some(SpoolStatus {
                at: remote.location().to_owned(),
                limit: workspace.spool,
                waiting_bytes: waiting.bytes,
                waiting_hours: waiting.hours,
                since: waiting.since,
                over_at: a_day.and_then(|a_day| full_at(span.end, room, a_day)),
            })
        }
        None => None,
    };
    // What goes elsewhere does not fill this disk.
    let full_at = match &spool {
        Some(_) => None,
        None => free.zip(a_day).and_then(|(free, a_day)| full_at(span.end, free, a_day)),
    };
    Ok(Disk { evidence, a_day, free, size, full_at, spool })
}

/// The bytes of a whole day, on average: of the days before today, and without the first that has any, which may have begun late.
pub(super) fn a_day(evidence: &[(Date, u64)], today: Date) -> Option<u64> {
    let mut whole: Vec<u64> = evidence.iter().filter(|(day, _)| *day < today).map(|(_, bytes)| *bytes).collect();
    let first = whole.iter().position(|bytes| *bytes > 0)?;
    whole.drain(..first);
    if whole.len() > 1 && first > 0 {
        whole.remove(0);
    }
    let days = u64::try_from(whole.len()).ok().filter(|days| *days > 0)?;
    Some(whole.iter().sum::<u64>() / days).filter(|bytes| *bytes > 0)
}

/// When so many bytes are used up.
pub(super) fn full_at(now: Timestamp, free: u64, a_day: u64) -> Option<Timestamp> {
    let seconds = free as f64 / a_day.max(1) as f64 * DAY;
    if seconds > FAR.as_secs_f64() {
        return None;
    }
    now.checked_add(SignedDuration::try_from_secs_f64(seconds).ok()?).ok()
}
