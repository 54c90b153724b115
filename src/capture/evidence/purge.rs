//! Destroying hours whose time is over: the archives, sealed ones and those that are being sealed, ends that were moved aside, and
//! what is remembered of them.
//!
//! All that has an hour of the source in its name goes, whatever its ending, and whatever else lies in the folder of a day goes
//! with its last hour. Every step may be repeated.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::odd::{self, Odd};
use super::state::State;
use super::{Store, hours, seal, sealed, stored};
use crate::capture::CaptureError;
use crate::durable;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What was destroyed of a source, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Destroyed {
    pub files: u64,
    pub bytes: u64,
}

/// A file below the folder of a day.
struct Found {
    path: PathBuf,
    /// The hour that its name tells; the day where it tells none.
    of: Range<Timestamp>,
    bytes: u64,
    /// It is kept elsewhere; then this is where it lay.
    is_elsewhere: bool,
}

impl Found {
    fn is_hour(&self) -> bool {
        self.of.end.duration_since(self.of.start) == HOUR
    }
}

impl Store {
    /// The names of all folders of sources, also of those that have no archive any more.
    pub fn folders(&self) -> Result<Vec<String>, CaptureError> {
        let mut names = Vec::new();
        for path in listed(&self.folder).map_err(failed(&self.folder, "listed"))? {
            names.extend(path.file_name().and_then(|name| name.to_str()).filter(|_| path.is_dir()).map(str::to_owned));
        }
        Ok(names)
    }

    /// The beginnings of the hours of which there is a file of a source, in their order.
    pub fn hours(&self, source: &str) -> Result<BTreeSet<Timestamp>, CaptureError> {
        let found = self.found(source)?;
        Ok(found.into_iter().filter(Found::is_hour).map(|f| f.of.start).collect())
    }

    /// What [`Store::destroy`] would destroy.
    pub fn destroyable(
        &self,
        source: &str,
        is_due: &dyn Fn(&Range<Timestamp>) -> bool,
    ) -> Result<Destroyed, CaptureError> {
        let found = self.found(source)?.into_iter().filter(|found| is_due(&found.of));
        Ok(found.fold(Destroyed::default(), |all, found| Destroyed {
            files: all.files + 1,
            bytes: all.bytes + found.bytes,
        }))
    }

    /// Destroys the files of all hours that are due; those that are being written or sealed are waited for.
    pub fn destroy(&self, source: &str, is_due: &dyn Fn(&Range<Timestamp>) -> bool) -> Result<Destroyed, CaptureError> {
        let folder = self.folder.join(source);
        let mut destroyed = Destroyed::default();
        if !folder.is_dir() || odd::is_linked(&folder, &folder) {
            return Ok(destroyed);
        }
        // A seal that is at work would bring back what it has read.
        let seal = hours::open_lock(&folder, seal::LOCK).map_err(failed(&folder, "locked"))?;
        seal.lock().map_err(failed(&folder, "locked"))?;
        let _lock = self.lock(source).map_err(failed(&folder, "locked"))?;
        let mut days = BTreeSet::new();
        let all: Vec<Found> = self.found(source)?.into_iter().filter(|found| is_due(&found.of)).collect();
        // Elsewhere first: what is there is told of here.
        let hours: BTreeSet<Timestamp> =
            all.iter().filter(|found| found.is_hour()).map(|found| found.of.start).collect();
        for hour in hours {
            let removed = self.remove_elsewhere(source, hour)?;
            destroyed.files += removed.objects;
            destroyed.bytes += removed.bytes;
        }
        for found in all.into_iter().filter(|found| !found.is_elsewhere) {
            fs::remove_file(&found.path).map_err(failed(&found.path, "destroyed"))?;
            destroyed.files += 1;
            destroyed.bytes += found.bytes;
            days.extend(found.path.parent().map(Path::to_owned));
        }
        for day in &days {
            durable::sync_folder(day).map_err(failed(day, "destroyed"))?;
        }
        // Also where a purge was killed between the last file and the folder.
        remove_empty(&folder, 3).map_err(failed(&folder, "destroyed"))?;
        let is_gone = |file: &str| hour_in(file).is_some_and(|hour| is_due(&hour));
        forget(&folder.join(sealed::NAME), &is_gone).map_err(failed(&folder.join(sealed::NAME), "written"))?;
        if State::read(&folder).is_some_and(|state| is_gone(&state.archive)) {
            State::remove(&folder).map_err(failed(&folder, "written"))?;
        }
        Ok(destroyed)
    }

    /// What of a source's folder [`Store::destroy`] leaves although it is due, since it is a link, or a folder in the place of an
    /// archive. A folder of a year or a month that is a link is due with its first hour; that of the source itself always.
    pub fn left(&self, source: &str, is_due: &dyn Fn(&Range<Timestamp>) -> bool) -> Result<Vec<Odd>, CaptureError> {
        let root = self.folder.join(source);
        let mut left = Vec::new();
        let mut folders = vec![(root.clone(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            let failed = |source| CaptureError::Evidence { file: folder.clone(), verb: "listed", source };
            if let Some(odd) = Odd::not_plain(&folder).map_err(failed)?.filter(|odd| odd.what == odd::A_LINK) {
                let begin = begin_of_folder(&root, &folder);
                left.extend(Some(odd).filter(|_| begin.is_none_or(|day| is_due(&day))));
                continue;
            }
            let below = listed(&folder).map_err(failed)?;
            if let Some(digits) = [4, 2, 2].get(depth) {
                let below = below.into_iter().filter(|path| is_number(path, *digits) && path.is_dir());
                folders.extend(below.map(|path| (path, depth + 1)));
                continue;
            }
            for path in below {
                let hour = hour_in(&path.file_name().unwrap_or_default().to_string_lossy());
                let stays = |odd: &Odd| odd.what == odd::A_LINK || odd.what == odd::A_FOLDER && hour.is_some();
                let odd = Odd::not_plain(&path).map_err(failed)?.filter(stays);
                let of = hour.clone().or_else(|| begin_of_folder(&root, &folder));
                left.extend(odd.filter(|_| of.is_none_or(|of| is_due(&of))));
            }
        }
        left.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(left)
    }

    /// The files below the folders of days.
    fn found(&self, source: &str) -> Result<Vec<Found>, CaptureError> {
        let root = self.folder.join(source);
        let mut days = Vec::new();
        if odd::is_linked(&root, &root) {
            return Ok(Vec::new());
        }
        for year in digits(&root, 4)? {
            for month in digits(&year, 2)? {
                days.extend(digits(&month, 2)?);
            }
        }
        let mut found = Vec::new();
        for day in days {
            let Some(span) = day_of(&root, &day) else { continue };
            let elsewhere = stored::in_day(&day).map_err(failed(&day.join(stored::NAME), "read"))?;
            for path in listed(&day).map_err(failed(&day, "listed"))? {
                // It goes with its last line.
                if !elsewhere.is_empty() && path.ends_with(stored::NAME) {
                    continue;
                }
                let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
                // What a link leads to would stay.
                if metadata.is_dir() || metadata.is_symlink() {
                    continue;
                }
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let of = hour_in(&name).unwrap_or_else(|| span.clone());
                found.push(Found { of, bytes: metadata.len(), path, is_elsewhere: false });
            }
            for stored in elsewhere {
                let of = hour_in(&stored.file).unwrap_or_else(|| span.clone());
                found.push(Found { of, bytes: stored.length, path: day.join(&stored.file), is_elsewhere: true });
            }
        }
        Ok(found)
    }
}

/// The hour in the name of a file, as in `bus-20261124T08.warc.gz.torn.2`.
pub fn hour_in(path: &str) -> Option<Range<Timestamp>> {
    let name = path.rsplit('/').next()?;
    let (stem, _) = name.split_once(".warc")?;
    let text = stem.get(stem.len().checked_sub(12)?..)?;
    let (date, hour) = text.strip_prefix('-')?.split_once('T')?;
    if date.len() != 8 || hour.len() != 2 || !date.bytes().chain(hour.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |text: &str| text.parse::<i16>().ok();
    let begin = begin_of([&date[..4], &date[4..6], &date[6..]].map(number))?;
    let begin = begin.saturating_add(HOUR * i32::from(number(hour)?)).ok()?;
    Some(begin..begin.saturating_add(HOUR).ok()?)
}

/// The first hour of a folder below that of a source, which is of a year, a month or a day.
fn begin_of_folder(root: &Path, folder: &Path) -> Option<Range<Timestamp>> {
    let mut folder = folder.to_owned();
    let depth = folder.strip_prefix(root).ok()?.iter().count();
    (depth.max(1)..3).for_each(|_| folder.push("01"));
    let day = day_of(root, &folder).filter(|_| depth > 0)?;
    Some(day.start..day.start.saturating_add(HOUR).ok()?)
}

/// The day of a folder below that of a source.
fn day_of(root: &Path, folder: &Path) -> Option<Range<Timestamp>> {
    let parts: Vec<Option<i16>> =
        folder.strip_prefix(root).ok()?.iter().map(|part| part.to_str()?.parse().ok()).collect();
    let begin = begin_of(<[Option<i16>; 3]>::try_from(parts).ok()?)?;
    Some(begin..begin.saturating_add(DAY).ok()?)
}

/// Midnight, UTC, of a year, a month and a day.
fn begin_of(date: [Option<i16>; 3]) -> Option<Timestamp> {
    let [year, month, day] = date;
    let date = Date::new(year?, i8::try_from(month?).ok()?, i8::try_from(day?).ok()?).ok()?;
    TimeZone::UTC.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).unambiguous().ok()
}

/// The folders whose names are so many digits.
fn digits(folder: &Path, count: usize) -> Result<Vec<PathBuf>, CaptureError> {
    let mut found = listed(folder).map_err(failed(folder, "listed"))?;
    found.retain(|path| is_number(path, count) && fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()));
    Ok(found)
}

/// Whether a name is so many digits.
fn is_number(path: &Path, count: usize) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.len() == count && name.iter().all(u8::is_ascii_digit)
}

fn listed(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    found.sort_unstable();
    Ok(found)
}

/// Removes folders of years, months and days that hold nothing; whether a folder is empty then.
fn remove_empty(folder: &Path, depth: u8) -> io::Result<()> {
    for below in listed(folder)? {
        let name = below.file_name().unwrap_or_default().as_encoded_bytes().to_owned();
        if !name.iter().all(u8::is_ascii_digit) || !fs::symlink_metadata(&below).is_ok_and(|found| found.is_dir()) {
            continue;
        }
        if depth > 1 {
            remove_empty(&below, depth - 1)?;
        }
        if listed(&below)?.is_empty() {
            fs::remove_dir(&below)?;
        }
    }
    Ok(())
}

/// Takes the lines of the register whose archives are gone out of it.
fn forget(register: &Path, is_gone: &dyn Fn(&str) -> bool) -> io::Result<()> {
    let text = match durable::read_to_string(register) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let stays = |line: &&str| {
        let line: Option<serde_json::Value> = serde_json::from_str(line).ok();
        !line.as_ref().and_then(|line| line["file"].as_str()).is_some_and(is_gone)
    };
    let kept: String = text.lines().filter(stays).map(|line| format!("{line}\n")).collect();
    if kept.lines().count() == text.lines().count() { Ok(()) } else { durable::write(register, kept.as_bytes()) }
}

fn failed<'a>(file: &'a Path, verb: &'static str) -> impl Fn(io::Error) -> CaptureError + 'a {
    move |source| CaptureError::Evidence { file: file.to_owned(), verb, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn files(root: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for path in listed(&folder).unwrap() {
                match path.is_dir() {
                    true => folders.push(path),
                    false => found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned()),
                }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn all_files_of_hours_that_are_due_go_with_their_folders_and_what_is_remembered_of_them() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("bus-1");
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for ending in ["warc.gz", "warc", "warc.gz.torn", "warc.gz.torn.2", "warc.zst", "warc.zst.part"] {
            write(&format!("2026/11/24/bus-1-20261124T23.{ending}"), "x");
            write(&format!("2026/11/25/bus-1-20261125T00.{ending}"), "xy");
            write(&format!("2026/11/25/bus-1-20261125T01.{ending}"), "xyz");
        }
        // What a crash left of a copy goes with its day, and nothing else of a folder does.
        write("2026/11/24/.tmpAbC", "x");
        write("2026/11/25/.tmpAbC", "x");
        write("imports.jsonl", "{}\n");
        write("notes/bus-1-20261124T23.warc.gz", "x");
        let lines = [
            r#"{"file":"2026/11/24/bus-1-20261124T23.warc.zst","records":1}"#,
            r#"{"file":"2026/11/25/bus-1-20261125T01.warc.gz","left":"why"}"#,
            r#"{"file":"2026/11/25/bus-1"#,
        ];
        write(sealed::NAME, &lines.join("\n"));
        write(".state.json", r#"{"archive":"2026/11/24/bus-1-20261124T23.warc.gz","length":1,"newest":null}"#);
        let store = Store::new(root.path());
        let limit = at("2026-11-25T01:30:00Z");
        let is_due = |hour: &Range<Timestamp>| hour.end <= limit;
        assert_eq!(store.hours("bus-1").unwrap().len(), 3);
        let would = store.destroyable("bus-1", &is_due).unwrap();
        assert_eq!(would, Destroyed { files: 13, bytes: 19 });
        assert_eq!(store.destroy("bus-1", &is_due).unwrap(), would);
        let left = files(&folder);
        assert_eq!(left.iter().filter(|name| name.contains("T01.warc")).count(), 6, "{left:?}");
        let others: Vec<&String> = left.iter().filter(|name| !name.contains("T01.warc")).collect();
        assert_eq!(
            others,
            [
                ".lock",
                seal::LOCK,
                "2026/11/25/.tmpAbC",
                "imports.jsonl",
                "notes/bus-1-20261124T23.warc.gz",
                sealed::NAME
            ]
        );
        assert!(!folder.join("2026/11/24").exists());
        assert_eq!(fs::read_to_string(folder.join(sealed::NAME)).unwrap(), format!("{}\n{}\n", lines[1], lines[2]));
        assert_eq!(store.destroy("bus-1", &is_due).unwrap(), Destroyed::default());
        assert_eq!(store.destroy("rail", &is_due).unwrap(), Destroyed::default());
        assert_eq!(store.folders().unwrap(), ["bus-1"]);
        assert!(!root.path().join("rail").exists());
    }

    #[test]
    fn an_hour_is_read_from_a_name_and_nothing_else_is_one() {
        let hour = hour_in("2026/11/24/bus-2026-20261124T08.warc.gz.torn").unwrap();
        assert_eq!(hour, at("2026-11-24T08:00:00Z")..at("2026-11-24T09:00:00Z"));
        for name in [
            "bus.warc.gz",
            "bus-20261324T08.warc.gz",
            "bus-20261124T8.warc",
            "bus-20261124T08.txt",
            "é-1124T08.warc",
            "",
        ] {
            assert_eq!(hour_in(name), None, "{name}");
        }
    }
}
