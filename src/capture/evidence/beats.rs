//! The records of beats, archive by archive, so that those of a year are never held at once.

use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::archive::{self, Kind, Options, Record};
use super::hours::newest_archives;
use super::listing::{Damage, damage};
use super::take_over::hour_of;
use super::{State, Store, warc};
use crate::capture::CaptureError;
use crate::capture::record::BeatRecord;
use crate::capture::warc::Header;

/// What an archive has of the beats of a source.
#[derive(Clone, Copy, Debug)]
pub enum FoundBeat<'a> {
    Record(&'a BeatRecord),
    /// From an instant until another, records are lost in what is damaged. Comes before the records of its archive.
    Lost(Timestamp, Timestamp),
}

/// What was read of an hour.
#[derive(Default)]
struct Hour {
    /// In the order of their time.
    records: Vec<BeatRecord>,
    /// The times between the readable records around what is damaged, in their order; where there is none, the hour begins or ends.
    lost: Vec<(Timestamp, Timestamp)>,
    damages: Vec<Damage>,
}

impl Hour {
    fn give(&self, take: &mut dyn FnMut(FoundBeat<'_>)) {
        self.lost.iter().for_each(|(from, until)| take(FoundBeat::Lost(*from, *until)));
        self.records.iter().for_each(|record| take(FoundBeat::Record(record)));
    }

    fn has_beats(&self) -> bool {
        self.records.iter().any(|record| record.beat.is_some())
    }

    /// Adds the time of each damaged stretch of a file, whose records are `places`: where each begins, and when it was written.
    fn lose(&mut self, archive: &Path, places: &[(u64, Timestamp)], damages: &[Damage]) {
        let Some((_, _, begin)) = hour_of(archive) else { return };
        let end = begin.saturating_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX);
        for damage in damages {
            let behind = places.partition_point(|(offset, _)| *offset <= damage.offset);
            let at = |place: Option<usize>| place.and_then(|place| places.get(place)).map(|(_, at)| *at);
            let (from, until) = (at(behind.checked_sub(1)).unwrap_or(begin), at(Some(behind)).unwrap_or(end));
            if from < until {
                self.lost.push((from, until));
            }
        }
    }
}

impl Store {
    /// Gives the records that asking a source left in a period, in the order of their time, and those around it that are needed to
    /// explain its beats: of one archive with beats before the period, and one behind it. Gives what of these archives is damaged.
    pub fn each_beat_record(
        &self,
        source: &str,
        from: Timestamp,
        until: Timestamp,
        take: &mut dyn FnMut(FoundBeat<'_>),
    ) -> Result<Vec<Damage>, CaptureError> {
        let (first, last) = (self.file(source, from).with_extension(""), self.file(source, until));
        let archives = self.archives(source)?;
        let begin = archives.partition_point(|archive| *archive < first);
        let mut damages = Vec::new();
        let may_have_beats = self.may_have_beats(source);
        for archive in archives[..begin].iter().rev().filter(|_| may_have_beats) {
            let mut hour = self.read_hour(source, archive)?;
            if hour.has_beats() {
                hour.give(take);
                damages.append(&mut hour.damages);
                break;
            }
        }
        for archive in &archives[begin..] {
            let mut hour = self.read_hour(source, archive)?;
            hour.give(take);
            damages.append(&mut hour.damages);
            if *archive > last && hour.has_beats() {
                break;
            }
        }
        Ok(damages)
    }

    /// Whether a source may have been asked by a collector. A state that knows of no beat spares the search in what was imported.
    pub fn may_have_beats(&self, source: &str) -> bool {
        State::read(&self.folder.join(source)).is_none_or(|state| state.beat.is_some())
    }

    /// The archives of a source in our layout, oldest first.
    pub(super) fn archives(&self, source: &str) -> Result<Vec<PathBuf>, CaptureError> {
        let mut archives = newest_archives(&self.folder, source).collect::<Result<Vec<_>, _>>()?;
        archives.reverse();
        Ok(archives)
    }

    /// The records of an hour, in the order of their time.
    pub(super) fn beat_records(&self, source: &str, archive: &Path) -> Result<Vec<BeatRecord>, CaptureError> {
        Ok(self.read_hour(source, archive)?.records)
    }

    /// The records of an hour and what is damaged, but for an end that is being written.
    fn read_hour(&self, source: &str, archive: &Path) -> Result<Hour, CaptureError> {
        let failed = |source: io::Error| CaptureError::Evidence { file: archive.to_owned(), verb: "read", source };
        let mut hour = Hour::default();
        for part in self.parts(source, archive).map_err(failed)? {
            let records = &mut hour.records;
            let sealed = if part.may_repeat { records.len() } else { 0 };
            let mut places = Vec::new();
            let mut take = |record: Record| {
                let is_new = record.place.offset >= part.from;
                let offset = record.place.offset;
                let read = warc::beat_record(&record.header, record.content).filter(|_| is_new);
                places.extend(read.as_ref().map(|read| (offset, read.at)));
                if let Some(read) = read.filter(|read| !records[..sealed].contains(read)) {
                    records.push(read);
                }
            };
            let options = Options { wants: &Header::may_be_beat, verify: false, most: self.most };
            let scanned = archive::scan_file(part.file.open()?, &part.file, 0, &options, &mut take);
            let (_, stretches) = scanned.map_err(failed)?;
            let stretches = stretches.into_iter().filter(|stretch| stretch.kind != Kind::Torn);
            let damages: Vec<Damage> = stretches.map(|stretch| damage(&part.file, stretch)).collect();
            hour.lose(archive, &places, &damages);
            hour.damages.extend(damages);
        }
        // Stable: records of one instant keep the order in which they came.
        hour.records.sort_by_key(|record| record.at);
        hour.lost.sort_unstable();
        Ok(hour)
    }
}
