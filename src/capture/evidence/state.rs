//! What is remembered of a source between two polls, so that a poll need not read the archive again.
//!
//! `.state.json` in the source's folder. It is trusted only if the newest archive is the one that it names and as long as it
//! says; else the archive is read. Losing the file loses nothing, so it is replaced as a whole but not synced.

use std::io::Write;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::capture::Capture;
use crate::capture::record::{NewContent, NewRecord, Note};
use crate::capture::source::{CLOCK_HEADER, Validators};
use crate::digest::Digest;

const NAME: &str = ".state.json";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The newest archive, relative to the source's folder.
    pub archive: String,
    /// Its length after the last append.
    pub length: u64,
    /// `None` if it is not known.
    pub newest: Option<Newest>,
    /// When the newest beat was due that left a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beat: Option<Timestamp>,
    /// When it last gave what it is to give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<Good>,
    /// The beats that failed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<Failing>,
}

/// Beats that failed since a source last gave what it is to give, whatever collectors asked it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// When the first of them was asked.
    pub since: Timestamp,
    pub beats: u32,
}

/// When a source last gave what it is to give, by the clock of this machine, also where evidence follows that of a server: who waits
/// for it waits by this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Good {
    /// A body that can be read, that it is unchanged, or of a source that sends by itself that there was a connection.
    pub at: Timestamp,
    /// The newest body that can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Timestamp>,
    /// Since when the header time of its feed has been what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed_since: Option<Timestamp>,
    /// Seconds by which the evidence follows another clock than this machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<i64>,
}

/// Whether a source gives what it is to give, told without reading its archives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceHealth {
    /// When it last gave what it is to give, new or unchanged; of a source that sends by itself, when it was last connected.
    pub last_good: Option<Timestamp>,
    /// When the newest beat was due that left a record.
    pub last_beat: Option<Timestamp>,
    /// When the newest body came that can be read.
    pub last_body: Option<Timestamp>,
    /// The header time of the newest body, if it has one, and since when it has been the same.
    pub feed_time: Option<Timestamp>,
    pub feed_since: Option<Timestamp>,
    /// The beats that failed since it last gave what it is to give.
    pub failing: Option<Failing>,
    /// Seconds by which the clock of its server, which its evidence follows, is ahead of this machine's.
    pub clock: Option<i64>,
}

/// The newest capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Newest {
    pub url: String,
    pub captured_at: Timestamp,
    pub sha256: Digest,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    /// Whether it was found to be what the source is to give; `None` if nobody looked.
    pub readable: Option<bool>,
    /// The header time of a message that reports vehicles or trips.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed_time: Option<Timestamp>,
}

/// A capture that is known without its body.
#[derive(Clone, Debug)]
pub struct KnownCapture {
    pub captured_at: Timestamp,
    pub digest: Digest,
    pub validators: Validators,
    pub feed_time: Option<Timestamp>,
}

impl State {
    /// Of an archive of so many bytes in a source's folder.
    pub(super) fn of(folder: &Path, file: &Path, length: u64, newest: Option<Newest>) -> Self {
        let archive = file.strip_prefix(folder).unwrap_or(file).to_string_lossy().into_owned();
        Self { archive, length, newest, beat: None, good: None, failing: None }
    }

    pub(super) fn with_beat(self, beat: Option<Timestamp>, good: Option<Good>, failing: Option<Failing>) -> Self {
        Self { beat, good, failing, ..self }
    }

    pub(super) fn health(&self) -> SourceHealth {
        SourceHealth {
            last_good: self.good.map(|good| good.at),
            last_beat: self.beat,
            last_body: self.good.and_then(|good| good.body),
            feed_time: self.newest.as_ref().and_then(|newest| newest.feed_time),
            feed_since: self.good.and_then(|good| good.feed_since),
            failing: self.failing,
            clock: self.good.and_then(|good| good.clock),
        }
    }

    /// What is known together with what was before. An older archive or capture, as that of an import, leaves the newest ones as
    /// they were.
    pub(super) fn after(self, before: Option<Self>) -> Self {
        let Some(before) = before else { return self };
        let beat = self.beat.max(before.beat);
        let good = self.good.or(before.good);
        let newest = match (self.newest, before.newest) {
            (Some(now), Some(before)) if before.captured_at > now.captured_at => Some(before),
            (now, before) => now.or(before),
        };
        let (archive, length) = match before.archive > self.archive {
            true => (before.archive, before.length),
            false => (self.archive, self.length),
        };
        Self { archive, length, newest, beat, good, failing: self.failing }
    }

    /// `None` if there is none that can be read.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&crate::durable::read(&folder.join(NAME)).ok()?).ok()
    }

    /// Forgets what is remembered of a source.
    pub(super) fn remove(folder: &Path) -> std::io::Result<()> {
        crate::durable::remove_file(&folder.join(NAME))
    }

    pub(super) fn write(&self, folder: &Path) -> std::io::Result<()> {
        let mut file = crate::durable::temporary_in(folder)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.persist(folder.join(NAME)).map(|_| ()).map_err(|error| error.error)
    }
}

impl Failing {
    /// What is known after a record. That a collector begins, ends or leaves a beat out says nothing of the source.
    pub(super) fn after(
        record: &NewRecord,
        newest: Option<&Newest>,
        good: Option<Good>,
        before: Option<&State>,
    ) -> Option<Self> {
        let before = before.and_then(|state| state.failing);
        let is_failure = match &record.content {
            NewContent::Body(_) => newest.is_some_and(|newest| newest.readable == Some(false)),
            // What it is the same as was no good.
            NewContent::Unchanged(_) => true,
            NewContent::Note(note) => matches!(note, Note::Failed { .. }),
        };
        if good.is_some() {
            return None;
        }
        if !is_failure || record.beat.is_none() {
            return before;
        }
        let first = Self { since: record.at, beats: 0 };
        let Self { since, beats } = before.unwrap_or(first);
        Some(Self { since: since.min(record.at), beats: beats.saturating_add(1) })
    }
}

impl Good {
    /// What is known after a record; nothing if it tells nothing good. `newest` is the capture that it brings, `before` what was
    /// known before it.
    pub(super) fn after(record: &NewRecord, newest: Option<&Newest>, before: Option<&State>) -> Option<Self> {
        let (newest_before, good) =
            (before.and_then(|state| state.newest.as_ref()), before.and_then(|state| state.good));
        let is_good = match &record.content {
            NewContent::Body(_) => newest.is_some_and(|newest| newest.readable == Some(true)),
            NewContent::Unchanged(_) => {
                record.unreadable.is_none() && newest_before.is_none_or(|newest| newest.readable != Some(false))
            }
            NewContent::Note(note) => *note == Note::Silent,
        };
        let at = received_at(record);
        // What is imported tells of another time, and so does what was kept while a clock was wrong.
        let is_earlier = |good: Self| good.at > at && good.at < crate::time::future(crate::time::now());
        if !is_good || good.is_some_and(is_earlier) {
            return None;
        }
        let body = newest.map(|_| at).or(good.and_then(|good| good.body));
        let feed_time = newest.or(newest_before).and_then(|newest| newest.feed_time);
        let feed_since = match (feed_time, good.and_then(|good| good.feed_since)) {
            (None, _) => None,
            (Some(time), Some(since)) if newest_before.and_then(|newest| newest.feed_time) == Some(time) => Some(since),
            (Some(_), _) => Some(at),
        };
        let clock = (at != record.at).then(|| at.duration_until(record.at).as_secs());
        Some(Self { at, body, feed_since, clock })
    }
}

/// When a record was received by the clock of this machine: a header says so where its time follows that of the server.
fn received_at(record: &NewRecord) -> Timestamp {
    let headers = match &record.content {
        NewContent::Body(capture) => &capture.headers,
        NewContent::Unchanged(unchanged) => &unchanged.headers,
        NewContent::Note(_) => return record.at,
    };
    let clock = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(CLOCK_HEADER));
    clock.and_then(|(_, value)| value.parse().ok()).unwrap_or(record.at)
}

impl Newest {
    pub(super) fn of(capture: &Capture, feed_time: Option<Timestamp>, readable: Option<bool>) -> Self {
        let header = |name: &str| {
            capture.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
        };
        Self {
            url: capture.url.clone(),
            captured_at: capture.captured_at,
            sha256: capture.digest,
            etag: header("etag"),
            last_modified: header("last-modified"),
            readable,
            feed_time,
        }
    }

    pub(super) fn known(self) -> KnownCapture {
        let (captured_at, digest, feed_time) = (self.captured_at, self.sha256, self.feed_time);
        KnownCapture { captured_at, digest, feed_time, validators: self.validators() }
    }

    /// What the next request can be made conditional with. A source whose last answer was not readable is asked without
    /// conditions, since it would answer that nothing has changed.
    pub(super) fn validators(self) -> Validators {
        Validators {
            etag: self.etag,
            last_modified: self.last_modified,
            digest: Some(self.sha256),
            unreadable: self.readable == Some(false),
        }
    }
}
