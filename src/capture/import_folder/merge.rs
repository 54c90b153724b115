//! Evidence of another machine that asked the same sources: what it has and this store has not.
//!
//! Of each hour of the other store, a capture is
//! - *known* if this store has one of the same time and body;
//! - *left out* if it adds nothing but another time: this store has a capture of its own with the same body less than a beat
//!   away, or the captures of its own before and behind it (within a beat and an hour) both have that body;
//! - *taken over* otherwise, as the record is, into the archive of its hour.
//!
//! "Of its own" are captures that the other store has not: so what an import took over, all or some of it, decides nothing the
//! next time. A beat is what the records say of it, else the middle distance between the captures of the other store.
//! A revisit is a capture like any other if its body stands before it in its archive; its body comes with it where the archive of
//! this store has none. Records of beats that gave no capture are taken over where no record of this store's own tells of the beat
//! ([`Told`]), so that a beat is never told twice.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::files::Found;
use super::planned::{Hour, Plan, Request};
use super::told::Told;
use crate::capture::CaptureError;
use crate::capture::evidence::take_over::{self, Record};
use crate::capture::evidence::{self, Kind, Store};
use crate::digest::Digest;

/// A beat where nothing tells one.
const BEAT: SignedDuration = SignedDuration::from_secs(60);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Looks at an archive in the layout of a store; whether it is one.
pub(super) fn look_at(request: &Request<'_>, file: &Found, full: &Path, plan: &mut Plan) -> Result<bool, CaptureError> {
    if !evidence::is_archive(full) {
        return Ok(false);
    }
    let Some((root, name, begin)) = fs::canonicalize(full).ok().and_then(|path| take_over::hour_of(&path)) else {
        return Ok(false);
    };
    let named = request.sources.iter().position(|source| *source == name);
    let source = match (named, request.source) {
        (Some(named), None) => named,
        (Some(named), Some(only)) if named == only => named,
        // By its address it may be of a source that has another name here.
        _ if request.url.is_some() => return Ok(false),
        _ => {
            plan.pass_over("archives of other sources of a store");
            return Ok(true);
        }
    };
    if plan.roots.insert(root) && plan.roots.len() > 1 {
        plan.problem(
            &file.shown,
            "it is of another store than archives before it; import the stores one after the other",
        );
        return Ok(true);
    }
    let (records, damage) = take_over::records(full)?;
    for damage in damage {
        match damage.kind {
            // Nothing is wrong with an archive that was copied while it was written.
            Kind::Torn => plan.pass_over("ends of archives whose last record is not complete"),
            _ => plan.problem(&file.shown, &damage.message),
        }
    }
    if let Some(record) = records.iter().find(|record| record.at >= request.until) {
        plan.problem(&file.shown, &format!("a record of {} is in the future", record.at));
        return Ok(true);
    }
    let is_wanted = |record: &&Record| request.url.is_none_or(|pattern| evidence::matches(pattern, &record.url));
    let times = records.iter().filter(is_wanted).map(|record| hour_of(record.at)).collect();
    plan.hours.push(Hour { source, begin, archive: full.to_owned(), times });
    Ok(true)
}

fn hour_of(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(3600) * 3600).unwrap_or(at)
}

/// What an hour of the other store gives.
pub(super) struct Merged {
    pub(super) archive: PathBuf,
    /// Records that are taken over, in their order, and the date of the body that a revisit means in its new archive.
    pub(super) records: Vec<(Record, Option<Timestamp>)>,
    /// The captures among them.
    pub(super) captures: Vec<(Timestamp, Digest)>,
    pub(super) known: u64,
    pub(super) left_out: u64,
}

/// Another store of a source beside this one. Hours that are needed again are kept: those within a beat and an hour.
pub(super) struct Merge<'a> {
    pub(super) store: &'a Store,
    pub(super) source: &'a str,
    pub(super) url: Option<&'a str>,
    pub(super) hours: BTreeMap<Timestamp, Vec<&'a Hour>>,
    ours: BTreeMap<Timestamp, Ours>,
    theirs: BTreeMap<Timestamp, Vec<Record>>,
}

/// What this store has of an hour.
struct Ours {
    captures: Vec<Point>,
    /// Of the archive of the hour.
    records: Vec<Record>,
}

#[derive(Clone, Copy)]
struct Point {
    at: Timestamp,
    digest: Digest,
    every: Option<SignedDuration>,
}

impl<'a> Merge<'a> {
    pub(super) fn new(store: &'a Store, source: &'a str, url: Option<&'a str>, hours: &[&'a Hour]) -> Self {
        let mut by_hour: BTreeMap<Timestamp, Vec<&Hour>> = BTreeMap::new();
        hours.iter().for_each(|hour| by_hour.entry(hour.begin).or_default().push(hour));
        Self { store, source, url, hours: by_hour, ours: BTreeMap::new(), theirs: BTreeMap::new() }
    }

    /// What is to be taken over of an archive.
    pub(super) fn hour(&mut self, hour: &Hour) -> Result<Merged, CaptureError> {
        self.fill(hour.begin, SignedDuration::ZERO)?;
        let records = self.records(&hour.archive)?;
        let most = records.iter().filter_map(|record| record.every).max();
        let reach = most.unwrap_or(HOUR).clamp(HOUR, DAY);
        self.fill(hour.begin, reach)?;
        let theirs: Vec<Point> =
            self.theirs.values().flat_map(|records| captures(records)).map(|(_, point)| point).collect();
        let twins: HashSet<(Timestamp, Digest)> = theirs.iter().map(|point| (point.at, point.digest)).collect();
        let all = self.ours.values().flat_map(|ours| &ours.captures);
        let there: HashSet<(Timestamp, Digest)> = all.clone().map(|point| (point.at, point.digest)).collect();
        let own = Own::new(all.filter(|point| !twins.contains(&(point.at, point.digest))).copied());
        let beat = usual_beat(&theirs);
        let mut new: BTreeSet<usize> = BTreeSet::new();
        let mut merged =
            Merged { archive: hour.archive.clone(), records: Vec::new(), captures: Vec::new(), known: 0, left_out: 0 };
        let mut seen = HashSet::new();
        let captures = captures(&records);
        for (place, point) in &captures {
            if there.contains(&(point.at, point.digest)) || !seen.insert((point.at, point.digest)) {
                merged.known += 1;
            } else if own.covers(point, point.every.unwrap_or(beat)) {
                merged.left_out += 1;
            } else {
                new.insert(*place);
            }
        }
        let is_capture: HashSet<usize> = captures.iter().map(|(place, _)| *place).collect();
        let ours = self.ours.get(&hour.begin).map_or(&[][..], |ours| &ours.records);
        let ids: HashSet<&str> = records.iter().map(|record| record.id.as_str()).collect();
        let is_own = |record: &&Record| !ids.contains(record.id.as_str());
        let told = Told::new(self.ours.values().flat_map(|ours| &ours.records).filter(is_own));
        let has_own_beats = ours.iter().filter(is_own).any(|record| record.every.is_some() || !record.has_body);
        let our_ids: HashSet<&str> = ours.iter().map(|record| record.id.as_str()).collect();
        let mut bodies: HashMap<Digest, Timestamp> = bodies(ours);
        let mut taken: HashSet<usize> = HashSet::new();
        for (place, record) in records.iter().enumerate() {
            if !is_capture.contains(&place) {
                let is_told = told.tells_of(record).unwrap_or(has_own_beats);
                let is_new = !is_told && !our_ids.contains(record.id.as_str());
                if is_new && !record.has_body && taken.insert(place) {
                    merged.records.push((record.clone(), None));
                }
                continue;
            }
            let Some(digest) = record.digest.filter(|_| new.contains(&place)) else { continue };
            if record.is_revisit && !bodies.contains_key(&digest) {
                let body = records[..place].iter().position(|body| body.has_body && body.digest == Some(digest));
                if let Some(body) = body.filter(|body| taken.insert(*body)) {
                    merged.take(&records[body], digest, &mut bodies);
                }
            }
            if taken.insert(place) {
                merged.take(record, digest, &mut bodies);
            }
        }
        Ok(merged)
    }

    /// Has what both stores know around an hour, and forgets what lies further back.
    fn fill(&mut self, begin: Timestamp, reach: SignedDuration) -> Result<(), CaptureError> {
        let hours = reach.as_secs().div_euclid(3600);
        if reach > SignedDuration::ZERO {
            let oldest = begin.saturating_sub(DAY + HOUR).unwrap_or(begin);
            self.ours.retain(|hour, _| *hour >= oldest);
            self.theirs.retain(|hour, _| *hour >= oldest);
        }
        for step in -hours..=hours {
            let Ok(hour) = begin.checked_add(HOUR * i32::try_from(step).unwrap_or(0)) else { continue };
            if !self.ours.contains_key(&hour) {
                let ours = self.ours_of(hour)?;
                self.ours.insert(hour, ours);
            }
            if !self.theirs.contains_key(&hour) {
                let mut theirs = Vec::new();
                for archive in self.hours.get(&hour).into_iter().flatten() {
                    theirs.extend(self.records(&archive.archive)?);
                }
                self.theirs.insert(hour, theirs);
            }
        }
        Ok(())
    }

    fn records(&self, archive: &Path) -> Result<Vec<Record>, CaptureError> {
        let mut records = take_over::records(archive)?.0;
        records.retain(|record| self.url.is_none_or(|pattern| evidence::matches(pattern, &record.url)));
        Ok(records)
    }

    fn ours_of(&self, begin: Timestamp) -> Result<Ours, CaptureError> {
        let records = self.store.records_of_hour(self.source, begin)?;
        let mut points: Vec<Point> = captures(&records).into_iter().map(|(_, point)| point).collect();
        let mut seen: HashSet<(Timestamp, Digest)> = points.iter().map(|point| (point.at, point.digest)).collect();
        // Also what lies in archives of other names.
        let end = begin.saturating_add(HOUR).unwrap_or(Timestamp::MAX);
        for entry in self.store.list(self.source, begin, end)?.entries {
            if seen.insert((entry.captured_at, entry.digest)) {
                points.push(Point { at: entry.captured_at, digest: entry.digest, every: None });
            }
        }
        Ok(Ours { captures: points, records })
    }
}

impl Merged {
    fn take(&mut self, record: &Record, digest: Digest, bodies: &mut HashMap<Digest, Timestamp>) {
        let refers_to = bodies.get(&digest).copied().filter(|_| record.is_revisit);
        if record.has_body {
            bodies.entry(digest).or_insert(record.at);
        }
        self.captures.push((record.at, digest));
        self.records.push((record.clone(), refers_to));
    }
}

/// The bodies of an archive, and the date of the first record of each.
fn bodies(records: &[Record]) -> HashMap<Digest, Timestamp> {
    let mut bodies = HashMap::new();
    for record in records.iter().filter(|record| record.has_body) {
        if let Some(digest) = record.digest {
            bodies.entry(digest).or_insert(record.at);
        }
    }
    bodies
}

/// The captures among the records of one archive: bodies, and revisits of bodies that stand before them.
fn captures(records: &[Record]) -> Vec<(usize, Point)> {
    let mut bodies: HashSet<Digest> = HashSet::new();
    let mut captures = Vec::new();
    for (place, record) in records.iter().enumerate() {
        let Some(digest) = record.digest else { continue };
        if record.has_body {
            bodies.insert(digest);
        }
        if bodies.contains(&digest) {
            captures.push((place, Point { at: record.at, digest, every: record.every }));
        }
    }
    captures
}

/// The middle distance between captures, at most an hour.
fn usual_beat(points: &[Point]) -> SignedDuration {
    let mut times: Vec<Timestamp> = points.iter().map(|point| point.at).collect();
    times.sort_unstable();
    let mut gaps: Vec<SignedDuration> = times.windows(2).map(|pair| pair[1].duration_since(pair[0])).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).map_or(BEAT, |gap| (*gap).clamp(SignedDuration::from_secs(1), HOUR))
}

/// The captures of this store that the other one has not.
struct Own {
    by_body: HashMap<Digest, Vec<Point>>,
    by_time: Vec<Point>,
}

impl Own {
    fn new(points: impl Iterator<Item = Point>) -> Self {
        let mut by_time: Vec<Point> = points.collect();
        by_time.sort_by_key(|point| point.at);
        let mut by_body: HashMap<Digest, Vec<Point>> = HashMap::new();
        by_time.iter().for_each(|point| by_body.entry(point.digest).or_default().push(*point));
        Self { by_body, by_time }
    }

    /// Whether a capture adds nothing but another time.
    fn covers(&self, point: &Point, beat: SignedDuration) -> bool {
        let same = self.by_body.get(&point.digest).map_or(&[][..], Vec::as_slice);
        let is_near =
            |other: &Point| other.at.duration_since(point.at).abs() < other.every.map_or(beat, |every| every.max(beat));
        // The nearest on either side.
        let at = same.partition_point(|other| other.at < point.at);
        if same[at.saturating_sub(1)..].iter().take(2).any(is_near) {
            return true;
        }
        let at = self.by_time.partition_point(|other| other.at <= point.at);
        let [before, behind] = [at.checked_sub(1), Some(at)].map(|at| at.and_then(|at| self.by_time.get(at)));
        matches!((before, behind), (Some(before), Some(behind)) if before.digest == point.digest && behind.digest == point.digest)
    }
}
