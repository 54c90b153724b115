//! How much room there is, how fast it goes, and how much evidence waits.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::journals::Runs;
use super::known::cause;
use crate::metrics::SpoolMetrics;
use crate::notify::{Cause, Trouble};

/// What must be free, in parts of the whole.
const FREE_LEAST: u64 = 20;
/// A disk that is full so soon is told.
const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Days of which the pace is taken.
const DAYS: i64 = 7;
/// Dates of a pipeline of which that of the bucket is taken.
const DATES: usize = 7;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The disk below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Disk {
    /// What lies there.
    pub place: &'static str,
    /// Tells one disk from another.
    pub device: u64,
    pub bytes: u64,
    /// What an unprivileged user may still write.
    pub free: u64,
    /// Bytes that come to the folder in a day.
    pub per_day: Option<u64>,
}

/// `None` if the folder is not there.
pub(super) fn look(place: &'static str, folder: &Path, per_day: Option<u64>) -> Option<Disk> {
    let found = rustix::fs::statvfs(folder).ok()?;
    let device = fs::metadata(folder).ok()?.dev();
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    // What only the system's user may write is not there for others.
    let reserved = found.f_bfree.saturating_sub(found.f_bavail);
    let whole = bytes(found.f_blocks.saturating_sub(reserved));
    Some(Disk { place, device, bytes: whole, free: bytes(found.f_bavail), per_day })
}

/// `private` stands first: what lies on its disk, too, is told once.
pub(super) fn causes(disks: &[Disk], spool: Option<&SpoolMetrics>, now: Timestamp) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (number, disk) in disks.iter().enumerate() {
        if disks[..number].iter().any(|other| other.device == disk.device) {
            continue;
        }
        let on_it = disks.iter().filter(|other| other.device == disk.device);
        let per_day: u64 = on_it.filter_map(|disk| disk.per_day).sum();
        let full_at = full_at(disk.free, per_day, now);
        let is_soon = full_at.is_some_and(|at| at.duration_since(now) <= SOON);
        if is_soon || disk.free < disk.bytes / FREE_LEAST {
            let place = disk.place.to_owned();
            causes.push(cause(Trouble::DiskFilling { place, free_bytes: disk.free, full_at }, now));
        }
    }
    if spool.is_some_and(|spool| spool.waiting > spool.limit) {
        let free_bytes = disks.first().map_or(0, |disk| disk.free);
        causes.push(cause(Trouble::DiskFilling { place: "spool".to_owned(), free_bytes, full_at: None }, now));
    }
    causes
}

/// `None` if nothing comes, or at the ends of time.
fn full_at(free: u64, per_day: u64, now: Timestamp) -> Option<Timestamp> {
    if per_day == 0 {
        return None;
    }
    let seconds = u128::from(free) * 86_400 / u128::from(per_day);
    now.checked_add(SignedDuration::from_secs(i64::try_from(seconds).ok()?)).ok()
}

/// The bytes of evidence that a day brings: the mean of the last whole days, by UTC, from the first on of which there is any. The
/// day of a start counts only where there is no other.
pub(super) fn evidence_per_day(evidence: &Path, now: Timestamp) -> Option<u64> {
    let day = |back: i64| {
        TimeZone::UTC.to_datetime(now.saturating_sub(DAY * i32::try_from(back).unwrap_or(1)).ok()?).date().into()
    };
    let days: Vec<Date> = (1..=DAYS).rev().filter_map(day).collect();
    let sources: Vec<_> = fs::read_dir(evidence).ok()?.flatten().map(|entry| entry.path()).collect();
    let of_day = |date: &Date| -> u64 {
        let folder = format!("{:04}/{:02}/{:02}", date.year(), date.month(), date.day());
        let files =
            sources.iter().flat_map(|source| fs::read_dir(source.join(&folder)).into_iter().flatten().flatten());
        files.filter_map(|file| file.metadata().ok()).filter(|of| of.is_file()).map(|of| of.len()).sum()
    };
    pace(&days.iter().map(of_day).collect::<Vec<_>>())
}

/// The mean of days in their order, from the first on that has something, or the one after it.
fn pace(days: &[u64]) -> Option<u64> {
    let first = days.iter().position(|bytes| *bytes > 0)?;
    let whole = &days[first..];
    let whole = if whole.len() > 1 { &whole[1..] } else { whole };
    Some(whole.iter().sum::<u64>() / whole.len() as u64)
}

/// The bytes that a day brings to the bucket: the mean of the newest dates of each pipeline.
pub(super) fn releases_per_day<'a>(all: impl Iterator<Item = &'a Runs>) -> Option<u64> {
    let of = |runs: &Runs| {
        let newest: Vec<u64> = (runs.values().rev().filter(|run| run.is_published).take(DATES))
            .map(|run| run.files.iter().map(|(_, _, bytes)| bytes).sum())
            .collect();
        (!newest.is_empty()).then(|| newest.iter().sum::<u64>() / newest.len() as u64)
    };
    let known: Vec<u64> = all.filter_map(of).collect();
    (!known.is_empty()).then(|| known.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn disk(place: &'static str, device: u64, free: u64, per_day: Option<u64>) -> Disk {
        Disk { place, device, bytes: 1000, free, per_day }
    }

    fn keys(disks: &[Disk], spool: Option<(u64, u64)>) -> Vec<String> {
        let spool = spool.map(|(waiting, limit)| SpoolMetrics { waiting, limit });
        causes(disks, spool.as_ref(), NOW).iter().map(crate::notify::Cause::key).collect()
    }

    #[test]
    fn a_disk_is_told_below_a_twentieth_or_a_week_before_it_is_full() {
        assert_eq!(keys(&[disk("private", 1, 50, None)], None), [""; 0]);
        assert_eq!(keys(&[disk("private", 1, 49, None)], None), ["disk_filling:private"]);
        assert_eq!(keys(&[disk("private", 1, 701, Some(100))], None), [""; 0]);
        assert_eq!(keys(&[disk("private", 1, 700, Some(100))], None), ["disk_filling:private"]);
        assert_eq!(keys(&[disk("private", 1, 700, Some(0))], None), [""; 0]);
        // One disk is one cause, and fills by all that lies on it.
        let both = [disk("private", 1, 700, Some(50)), disk("bucket", 1, 700, Some(50))];
        assert_eq!(keys(&both, None), ["disk_filling:private"]);
        let apart = [disk("private", 1, 700, Some(50)), disk("bucket", 2, 49, None)];
        assert_eq!(keys(&apart, None), ["disk_filling:bucket"]);
        assert_eq!(keys(&apart[..1], Some((10, 10))), [""; 0]);
        assert_eq!(keys(&apart[..1], Some((11, 10))), ["disk_filling:spool"]);
        let full = &causes(&[disk("private", 1, 50, Some(100))], None, NOW)[0];
        let expected = Some(NOW + SignedDuration::from_hours(12));
        assert!(matches!(full.trouble, Trouble::DiskFilling { full_at, .. } if full_at == expected));
        assert_eq!(full_at(u64::MAX, 1, NOW), None);
    }

    #[test]
    fn the_pace_is_that_of_whole_days() {
        assert_eq!(pace(&[0, 0, 0]), None);
        assert_eq!(pace(&[0, 0, 5]), Some(5));
        // The first day had a part, and one without evidence counts.
        assert_eq!(pace(&[0, 1, 10, 0, 20]), Some(10));
    }

    #[test]
    fn evidence_is_counted_by_the_lengths_of_files() {
        let root = tempfile::tempdir().unwrap();
        for (file, bytes) in [
            ("bus/2026/11/23/bus-20261123T08.warc.gz", 10),
            ("bus/2026/11/24/bus-20261124T08.warc.zst", 100),
            ("bus/2026/11/25/bus-20261125T08.warc.gz", 200),
            ("tram/2026/11/25/tram-20261125T08.warc.gz", 50),
            ("bus/2026/11/26/bus-20261126T08.warc.gz", 9999),
        ] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, vec![0; bytes]).unwrap();
        }
        // Today is not over.
        let now = "2026-11-26T09:00:00Z".parse().unwrap();
        assert_eq!(evidence_per_day(root.path(), now), Some(175));
        assert_eq!(evidence_per_day(&root.path().join("none"), now), None);
        assert!(look("private", root.path(), None).is_some_and(|disk| disk.bytes > 0 && disk.free <= disk.bytes));
    }
}
