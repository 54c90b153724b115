//! The records of beats, archive by archive, so that those of a year are never held at once.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::archive::{self, Kind, Options, Record};
use super::hours::newest_archives;
use super::listing::{Damage, damage};
use super::parts;
use super::{State, Store, warc};
use crate::capture::CaptureError;
use crate::capture::record::BeatRecord;
use crate::capture::warc::Header;

impl Store {
    /// Gives the records that asking a source left in a period, in the order of their time, and those around it that are needed to
    /// explain its beats: of one archive with beats before the period, and one behind it. Gives what of these archives is damaged.
    pub fn each_beat_record(
        &self,
        source: &str,
        from: Timestamp,
        until: Timestamp,
        take: &mut dyn FnMut(&BeatRecord),
    ) -> Result<Vec<Damage>, CaptureError> {
        let (first, last) = (self.file(source, from).with_extension(""), self.file(source, until));
        let archives = self.archives(source)?;
        let begin = archives.partition_point(|archive| *archive < first);
        let mut damages = Vec::new();
        let may_have_beats = self.may_have_beats(source);
        for archive in archives[..begin].iter().rev().filter(|_| may_have_beats) {
            let mut found = Vec::new();
            let records = self.beat_records(source, archive, &mut found)?;
            if records.iter().any(|record| record.beat.is_some()) {
                records.iter().for_each(&mut *take);
                damages.append(&mut found);
                break;
            }
        }
        for archive in &archives[begin..] {
            let records = self.beat_records(source, archive, &mut damages)?;
            records.iter().for_each(&mut *take);
            if *archive > last && records.iter().any(|record| record.beat.is_some()) {
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

    /// The records of an hour, in the order of their time; adds what is damaged, but for an end that is being written.
    pub(super) fn beat_records(
        &self,
        source: &str,
        archive: &Path,
        damages: &mut Vec<Damage>,
    ) -> Result<Vec<BeatRecord>, CaptureError> {
        let failed = |source: io::Error| CaptureError::Evidence { file: archive.to_owned(), verb: "read", source };
        let mut records: Vec<BeatRecord> = Vec::new();
        for part in parts::parts(&self.folder.join(source), archive, self.remote.as_ref()).map_err(failed)? {
            let sealed = if part.may_repeat { records.len() } else { 0 };
            let mut take = |record: Record| {
                let is_new = record.place.offset >= part.from;
                let read = warc::beat_record(&record.header, record.content).filter(|_| is_new);
                if let Some(read) = read.filter(|read| !records[..sealed].contains(read)) {
                    records.push(read);
                }
            };
            let options = Options { wants: &Header::may_be_beat, verify: false, most: self.most };
            let scanned = archive::scan_file(part.file.open()?, &part.file, 0, &options, &mut take);
            let (_, stretches) = scanned.map_err(failed)?;
            let stretches = stretches.into_iter().filter(|stretch| stretch.kind != Kind::Torn);
            damages.extend(stretches.map(|stretch| damage(&part.file, stretch)));
        }
        // Stable: records of one instant keep the order in which they came.
        records.sort_by_key(|record| record.at);
        Ok(records)
    }
}
