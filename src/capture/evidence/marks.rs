//! What a source has by hour, told without reading its archives: who looks again and again looks for what changed.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::hash::Hasher;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use xxhash_rust::xxh3::Xxh3;

use super::hours::newest_archives;
use super::{Listing, Store, folder, sealed, stored};
use crate::capture::CaptureError;
use crate::time;

/// What [`Store::bytes_by_hour`] remembers from one look to the next.
#[derive(Debug, Default)]
pub struct Looked {
    /// Of the sealed archives of a source, by its folder.
    registers: HashMap<PathBuf, Sealed>,
    /// The numbers that name the folders in the folder of a source, a year or a month, and when that was changed last.
    folders: HashMap<PathBuf, (SystemTime, Vec<i16>)>,
}

/// What was changed so shortly before may be changed again in the same tick of its clock.
const TICK: Duration = Duration::from_secs(2);

impl Looked {
    /// The folders in a folder that are named by numbers, in their order.
    fn numbers_in(&mut self, folder: &Path) -> io::Result<Vec<i16>> {
        let changed = match fs::metadata(folder).and_then(|metadata| metadata.modified()) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                self.folders.remove(folder);
                return Ok(Vec::new());
            }
            other => other?,
        };
        if let Some((known, numbers)) = self.folders.get(folder)
            && *known == changed
        {
            return Ok(numbers.clone());
        }
        let mut numbers = Vec::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            let is_number = name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
            numbers.extend(name.to_str().filter(|_| is_number).and_then(|name| name.parse::<i16>().ok()));
        }
        numbers.sort_unstable();
        if changed.elapsed().is_ok_and(|age| age > TICK) {
            self.folders.insert(folder.to_owned(), (changed, numbers.clone()));
        }
        Ok(numbers)
    }
}

/// How long archives were before they were sealed.
#[derive(Debug, Default)]
struct Sealed {
    /// Of `sealed.jsonl`, which is only added to.
    length: u64,
    /// By the name of the sealed archive: all that was sealed in it.
    before: HashMap<String, u64>,
}

impl Store {
    /// The bytes that a source has in each hour of our layout that begins from `from` (included) until `until` (not included), by
    /// the begin of the hour. Of a sealed hour they are those that it had before, so that sealing changes nothing.
    ///
    /// # Errors
    /// A folder or a list cannot be read.
    pub fn bytes_by_hour(
        &self,
        source: &str,
        from: Timestamp,
        until: Timestamp,
        looked: &mut Looked,
    ) -> Result<BTreeMap<Timestamp, u64>, CaptureError> {
        let root = self.folder.join(source);
        let failed = |source: io::Error| CaptureError::Evidence { file: root.clone(), verb: "read", source };
        let register = looked.registers.entry(root.clone()).or_default();
        register.look(&root).map_err(failed)?;
        let mut found = BTreeMap::new();
        let mut day = TimeZone::UTC.to_datetime(from).date();
        let last = TimeZone::UTC.to_datetime(until).date();
        while day <= last {
            let folder = root.join(format!("{:04}/{:02}/{:02}", day.year(), day.month(), day.day()));
            for (hour, bytes) in register.of_day(&self.folder, source, &folder, day).map_err(failed)? {
                if (from..until).contains(&hour) {
                    *found.entry(hour).or_default() += bytes;
                }
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        Ok(found)
    }

    /// The days in UTC of which a source has a folder in our layout, oldest first.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn days(&self, source: &str, looked: &mut Looked) -> Result<Vec<Date>, CaptureError> {
        let root = self.folder.join(source);
        let failed = |source: io::Error| CaptureError::Evidence { file: root.clone(), verb: "read", source };
        let mut days = Vec::new();
        for year in looked.numbers_in(&root).map_err(failed)? {
            let of_year = root.join(format!("{year:04}"));
            for month in looked.numbers_in(&of_year).map_err(failed)? {
                let of_month = of_year.join(format!("{month:02}"));
                let numbers = looked.numbers_in(&of_month).map_err(failed)?;
                let day = |day| Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok();
                days.extend(numbers.into_iter().filter_map(day));
            }
        }
        Ok(days)
    }

    /// When the newest capture came, by the newest archives; for a source of which nothing is remembered, as after an import. Some days
    /// of notes alone have none.
    pub fn newest_capture(&self, source: &str) -> Option<Timestamp> {
        const MOST: usize = 72;
        for archive in newest_archives(&self.folder, source).take(MOST) {
            let mut listing = Listing::default();
            self.add(source, &archive.ok()?, &mut listing).ok()?;
            if let Some(newest) = listing.entries.iter().map(|entry| entry.captured_at).max() {
                return Some(newest);
            }
        }
        None
    }

    /// The captures of one hour of our layout.
    pub fn of_hour(&self, source: &str, hour: Timestamp) -> Result<Listing, CaptureError> {
        let mut listing = Listing::default();
        let file = self.file(source, hour);
        self.add(source, &file, &mut listing)?;
        self.add(source, &file.with_extension(""), &mut listing)?;
        listing.entries.sort_by_key(|entry| entry.captured_at);
        Ok(listing)
    }

    /// Tells one state of the archives that are not in our layout from the next; `None` if there are none, or the folder is our own.
    pub fn mark_of_others(&self, source: &str) -> Result<Option<u64>, CaptureError> {
        let Some(others) = &self.others else { return Ok(None) };
        let archives = others.of(source)?;
        if archives.is_empty() {
            return Ok(None);
        }
        let mut hash = Xxh3::new();
        for path in archives {
            hash.write(path.as_os_str().as_encoded_bytes());
            if let Ok(metadata) = fs::metadata(&path) {
                let changed = metadata.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
                hash.write_u64(metadata.len());
                hash.write_u128(changed.unwrap_or_default().as_nanos());
            }
        }
        Ok(Some(hash.finish()))
    }

    /// The captures of a time in archives that are not in our layout.
    pub fn of_others(&self, source: &str, from: Timestamp, until: Timestamp) -> Result<Listing, CaptureError> {
        let mut listing = Listing::default();
        if let Some(others) = &self.others {
            others.add(source, &|at| (from..until).contains(&at), self.most, &mut listing)?;
        }
        listing.entries.sort_by_key(|entry| entry.captured_at);
        Ok(listing)
    }
}

impl Sealed {
    /// Reads the list of a source's folder again if it has grown.
    fn look(&mut self, root: &Path) -> io::Result<()> {
        let length = match fs::metadata(root.join(sealed::NAME)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            other => other?.len(),
        };
        if length != self.length {
            let register = sealed::Register::read(root)?;
            let before = register
                .by_archive()
                .map(|(file, lines)| (file.clone(), lines.iter().map(|line| line.old_length).sum::<u64>()));
            *self = Self { length, before: before.collect() };
        }
        Ok(())
    }

    /// The hours of a day's folder and what each has.
    fn of_day(&self, root: &Path, source: &str, day: &Path, date: Date) -> io::Result<BTreeMap<Timestamp, u64>> {
        let mut files: BTreeMap<String, Option<u64>> = BTreeMap::new();
        let entries = match fs::read_dir(day) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            other => other?,
        };
        for entry in entries {
            let path = entry?.path();
            if folder::layout_source(root, &path).is_some_and(|other| other == source) {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                // It may be sealed and removed at this moment; then it is counted as sealed at the next look.
                files.insert(name, fs::metadata(&path).ok().map(|metadata| metadata.len()));
            }
        }
        for stored in stored::in_day(day)? {
            files.entry(stored.file).or_insert(Some(stored.length));
        }
        let mut hours = BTreeMap::new();
        for (name, length) in files {
            let Some(hour) = hour_of(&name, date) else { continue };
            let bytes = match name.ends_with(".zst") {
                true => {
                    let file = sealed::relative(&root.join(source), &day.join(&name));
                    self.before.get(&file).copied().or(length)
                }
                false => length,
            };
            *hours.entry(hour).or_default() += bytes.unwrap_or_default();
        }
        Ok(hours)
    }
}

/// The begin of the hour that an archive's name tells.
fn hour_of(name: &str, date: Date) -> Option<Timestamp> {
    let hour = stored::hour(Path::new(name))?.rsplit_once('T')?.1.parse::<i64>().ok()?;
    let day = time::local_instant(date.at(0, 0, 0, 0), &TimeZone::UTC)?;
    day.saturating_add(SignedDuration::from_hours(hour)).ok()
}
