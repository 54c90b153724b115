//! What the disk has not taken yet of a source: that its collector began, and how many beats left no record.

use std::sync::Arc;

use jiff::Timestamp;

use super::writer::Writer;
use crate::capture::CaptureError;
use crate::capture::beat::Beat;
use crate::capture::record::{Lifecycle, NewContent, NewRecord, Note, SkipReason};

/// Written before anything else of the source, as soon as the disk takes it.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// That the collector began, and its first beat.
    started: Option<(Beat, Lifecycle)>,
    /// Beats one behind the other without a record, from the first on.
    beats: Option<(Beat, u64)>,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        self.started.is_none() && self.beats.is_none()
    }

    /// Keeps a record of so many beats, and before it what waits; the error if the disk did not take it. `source`: its name and its
    /// address. `readable` as [`crate::capture::evidence::Store::write`] has it.
    pub(super) async fn keep(
        &mut self,
        writer: &Writer,
        source: (&Arc<str>, &str),
        record: NewRecord,
        (beats, readable): (u64, Option<bool>),
    ) -> Option<CaptureError> {
        let first = record.beat;
        let started = match record.content {
            NewContent::Note(Note::Started { reason }) => first.map(|first| (first, reason)),
            _ => None,
        };
        let error = match self.write(writer, source, record.at).await {
            Ok(()) => writer.keep(source.0, record, readable).await.err()?,
            Err(error) => error,
        };
        self.started = self.started.or(started);
        if let Some(first) = first.filter(|_| beats > 0) {
            self.add(first, beats);
        }
        Some(error)
    }

    /// Writes what waits, if the disk takes it.
    pub(super) async fn flush(&mut self, writer: &Writer, source: (&Arc<str>, &str), at: Timestamp) {
        // It waits on.
        let _ = self.write(writer, source, at).await;
    }

    fn add(&mut self, first: Beat, beats: u64) {
        let (begin, before) = self.beats.unwrap_or((first, 0));
        let every = begin.every.as_millis().max(1);
        let gone = u128::try_from(first.due.duration_since(begin.due).as_millis()).unwrap_or(0) / every;
        let until = u64::try_from(gone).unwrap_or(u64::MAX).saturating_add(beats);
        self.beats = Some((begin, before.max(until)));
    }

    async fn write(
        &mut self,
        writer: &Writer,
        (name, url): (&Arc<str>, &str),
        at: Timestamp,
    ) -> Result<(), CaptureError> {
        let record = |beat, note| {
            let (url, content) = (url.to_owned(), NewContent::Note(note));
            NewRecord { at, url, beat: Some(beat), feed_time: None, unreadable: None, payload: None, content }
        };
        if let Some((first, reason)) = self.started {
            writer.keep(name, record(first, Note::Started { reason }), None).await?;
            self.started = None;
        }
        if let Some((first, beats)) = self.beats {
            let reason = SkipReason::NotKept;
            writer.keep(name, record(first, Note::Skipped { beats, reason }), None).await?;
            self.beats = None;
        }
        Ok(())
    }
}
