//! A week's beats by hour. An hour that is over for an hour is read once, and kept in `<private>/status/beats.json`: a week of a
//! source that is asked every 15 seconds has 40,000 records.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::capture::CaptureError;
use crate::capture::collector::Collector;
use crate::capture::coverage::{Class, Coverage};
use crate::capture::evidence::{Looked, Store};
use crate::durable;
use crate::schedule::status::data::{Hour, SourceStatus};
use crate::schedule::status::disk::archives;
use crate::workspace::Workspace;
use crate::workspace::beats::explain;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Of the file; another one is made again.
const FORM: u32 = 1;
/// Hours of sources that one look reads beside the open ones, where it is not to hold anybody up.
const FEW: usize = 24;
/// How old what is known of an hour that is not over may be, where a look is not to hold anybody up.
const OPEN_AGE: SignedDuration = SignedDuration::from_mins(5);

type Counts = [u64; Class::ALL.len()];

/// How much may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// All, up to now: for a command.
    All,
    /// A few hours: for what looks again and again.
    Few,
}

/// What is known of the hours of all sources.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Known {
    form: u32,
    sources: BTreeMap<String, OfSource>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct OfSource {
    hours: BTreeMap<Timestamp, KnownHour>,
    last_good: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct KnownHour {
    /// Of its archives, before sealing: other bytes, another hour.
    bytes: u64,
    counts: Counts,
}

/// Looks at the beats, and remembers.
#[derive(Default)]
pub(super) struct Beats {
    known: Option<Known>,
    looked: Looked,
    /// The newest captures of sources of which nothing is remembered, as after an import.
    newest: HashMap<String, Option<Timestamp>>,
    /// By source.
    open: HashMap<String, Open>,
    /// Sources whose evidence could not be read at the last look.
    unread: BTreeSet<String>,
}

/// What hours that are not over had when they were read.
struct Open {
    at: Timestamp,
    hours: BTreeMap<Timestamp, Counts>,
    last_good: Option<Timestamp>,
}

/// Of a source's week.
struct Week<'a> {
    workspace: &'a Workspace,
    store: &'a Store,
    source: &'a str,
    hours: Vec<Timestamp>,
    now: Timestamp,
}

fn path(private: &Path) -> PathBuf {
    private.join("status").join("beats.json")
}

/// The begin of the hour of UTC that an instant is in.
pub(super) fn hour_of(at: Timestamp) -> Timestamp {
    let seconds = at.as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(3600)).unwrap_or(at)
}

/// The hours that have a part in a time, by their begins.
pub(super) fn hours_of(span: Range<Timestamp>) -> Vec<Timestamp> {
    let mut hours = vec![hour_of(span.start)];
    while let Some(next) = hours.last().and_then(|hour| hour.checked_add(HOUR).ok()).filter(|next| *next < span.end) {
        hours.push(next);
    }
    hours
}

impl Beats {
    /// The week of every source that is collected, or was.
    ///
    /// # Errors
    /// The folder of all evidence cannot be listed.
    pub(super) fn week(
        &mut self,
        workspace: &Workspace,
        span: &Range<Timestamp>,
        effort: Effort,
    ) -> Result<Vec<SourceStatus>, CaptureError> {
        let store = Store::new(Collector::evidence(&workspace.private)).with_remote(workspace.evidence.clone());
        let scheduled = workspace.pipelines.iter().flat_map(|pipeline| pipeline.scheduled());
        let every: BTreeMap<String, u64> =
            scheduled.map(|scheduled| (scheduled.collected.name, scheduled.grid.every().as_secs())).collect();
        let kept = store.sources()?.into_iter().filter(|source| store.known(source).1.is_some());
        let sources: BTreeSet<String> = every.keys().cloned().chain(kept).collect();
        let mut known = self.known.take().unwrap_or_else(|| Known::read(&workspace.private));
        known.sources.retain(|source, _| sources.contains(source));
        let (mut found, mut budget, mut is_new) = (Vec::new(), FEW, false);
        for source in &sources {
            let hours = hours_of(span.clone());
            let week = Week { workspace, store: &store, source, hours, now: span.end };
            let of = known.sources.entry(source.clone()).or_default();
            let before = of.hours.len();
            match self.look(&week, of, effort, &mut budget) {
                Ok(()) => drop(self.unread.remove(source)),
                // What cannot be read of one source is not known, and hides nothing of the others.
                Err(error) => {
                    if self.unread.insert(source.clone()) {
                        tracing::warn!(source, "its beats are not known: {error}");
                    }
                    self.open.remove(source);
                    of.hours.clear();
                }
            }
            is_new |= of.hours.len() != before && !self.unread.contains(source);
            let (capture, newest_beat) = store.known(source);
            let last_good = of.last_good.max(self.open.get(source).and_then(|open| open.last_good));
            found.push(SourceStatus {
                name: source.clone(),
                every: every.get(source).copied(),
                newest_body: capture
                    .map(|capture| capture.captured_at)
                    .or_else(|| *self.newest.entry(source.clone()).or_insert_with(|| store.newest_capture(source))),
                newest_beat: newest_beat.or(last_good),
                last_good,
                hours: self.hours(&week, of),
            });
        }
        if is_new && let Err(error) = known.write(&workspace.private) {
            tracing::warn!("{} could not be written: {error}", path(&workspace.private).display());
        }
        self.known = Some(known);
        Ok(found)
    }

    /// Reads the hours that are not known.
    fn look(
        &mut self,
        week: &Week<'_>,
        of: &mut OfSource,
        effort: Effort,
        budget: &mut usize,
    ) -> Result<(), CaptureError> {
        let (Some(first), Some(last)) = (week.hours.first(), week.hours.last()) else { return Ok(()) };
        if !week.store.may_have_beats(week.source) {
            return Ok(());
        }
        let end = last.saturating_add(HOUR).unwrap_or(*last);
        let bytes = week.store.bytes_by_hour(week.source, *first, end, &mut self.looked)?;
        let bytes_of = |hour: &Timestamp| bytes.get(hour).copied().unwrap_or_default();
        of.hours.retain(|hour, known| hour >= first && known.bytes == bytes_of(hour));
        let is_closed = |hour: &Timestamp| hour.saturating_add(HOUR * 2).is_ok_and(|end| end <= week.now);
        let may_be_read = |hour: &Timestamp| bytes_of(hour) == 0 || week.is_local(*hour);
        let mut missing: Vec<Timestamp> = week.hours.iter().copied().filter(is_closed).collect();
        missing.retain(|hour| !of.hours.contains_key(hour) && may_be_read(hour));
        if effort == Effort::Few {
            let most = missing.len().min(*budget);
            *budget -= most;
            // The newest first.
            missing.drain(..missing.len() - most);
        }
        for span in missing.chunk_by(|one, next| one.saturating_add(HOUR).is_ok_and(|behind| behind == *next)) {
            let Some((counts, good)) = week.read(span) else { continue };
            of.last_good = of.last_good.max(good);
            let known =
                span.iter().zip(counts).map(|(hour, counts)| (*hour, KnownHour { bytes: bytes_of(hour), counts }));
            of.hours.extend(known);
        }
        let age = self.open.get(week.source).map(|open| week.now.duration_since(open.at).abs());
        // An hour that has begun since is not one of which nothing is known.
        let is_new = self.open.get(week.source).is_some_and(|open| !open.hours.contains_key(last));
        if effort == Effort::All || is_new || age.is_none_or(|age| age >= OPEN_AGE) {
            let open: Vec<Timestamp> = week.hours.iter().copied().filter(|hour| !is_closed(hour)).collect();
            if let Some((counts, good)) = week.read(&open) {
                let hours = open.into_iter().zip(counts).collect();
                self.open.insert(week.source.to_owned(), Open { at: week.now, hours, last_good: good });
            }
        }
        Ok(())
    }

    fn hours(&self, week: &Week<'_>, of: &OfSource) -> Vec<Hour> {
        let open = self.open.get(week.source).map(|open| &open.hours);
        let counts = |hour: &Timestamp| {
            let closed = of.hours.get(hour).map(|known| known.counts);
            closed.or_else(|| open.and_then(|open| open.get(hour)).copied())
        };
        week.hours.iter().map(|hour| Hour { begin: *hour, counts: counts(hour) }).collect()
    }
}

impl Week<'_> {
    /// Whether an archive of an hour lies in the private store: others would have to be fetched.
    fn is_local(&self, hour: Timestamp) -> bool {
        let of_hour = |(at, _): &(Timestamp, u64)| *at == hour;
        let evidence = Collector::evidence(&self.workspace.private);
        let span = hour..hour.saturating_add(HOUR).unwrap_or(hour);
        archives(&evidence.join(self.source), &span).iter().any(of_hour)
    }

    /// The beats of hours one behind the other, by hour, and the newest that gave a good body. `None` if they cannot be read.
    fn read(&self, hours: &[Timestamp]) -> Option<(Vec<Counts>, Option<Timestamp>)> {
        let (first, last) = (*hours.first()?, *hours.last()?);
        let until = last.checked_add(HOUR).ok()?;
        let mut coverage = Coverage::new(first, until, hours.len());
        let mut give = |stretch| coverage.add(stretch);
        let times = (first, until, until.min(self.now));
        match explain(self.workspace, (self.store, self.source), times, &mut give) {
            Ok(_) => Some((coverage.cells, coverage.last_good)),
            Err(error) => {
                tracing::warn!(source = self.source, "the beats from {first} until {until} cannot be read: {error}");
                None
            }
        }
    }
}

impl Known {
    fn read(private: &Path) -> Self {
        let read = durable::read(&path(private)).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        read.filter(|known| known.form == FORM).unwrap_or_else(|| Self { form: FORM, sources: BTreeMap::new() })
    }

    fn write(&self, private: &Path) -> std::io::Result<()> {
        let path = path(private);
        durable::create_dir_all(path.parent().unwrap_or(private))?;
        durable::write(&path, &serde_json::to_vec(self)?)
    }
}
