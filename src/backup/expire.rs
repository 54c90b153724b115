//! What was destroyed does not live on in backups, and old backups go.
//!
//! After each backup the older manifests lose the names of what was destroyed: keys, journal and quarantine of dates that
//! `purged.jsonl` names, and hours of evidence that purges destroyed by their own rule ([`DestroyedHours`]), if nothing of them is in
//! the store. Decisions
//! about rows are then those of the newest backup, and spools of that time go. Backups of the last two weeks stay, then one a
//! month, until the evidence of their day is over its retention. At last go the objects that nothing names any more.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::error::BackupError;
use super::manifest::{self, KeptFile, Manifest, object};
use super::place::Place;
use super::verify::{keys, read};
use crate::capture::collector::Collector;
use crate::capture::evidence::{Store, hour_in};
use crate::pipeline::purged::{self, Purged};
use crate::pipeline::run::RunError;
use crate::pipeline::run::purge::DestroyedHours;
use crate::time::{ServiceDate, ServiceDay};
use crate::workspace::Workspace;

/// Backups of so many days stay, all of them.
const ALL: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Objects that no backup names may be of one that is being made, until they are so old.
const DAY: i64 = 24 * 60 * 60;

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Whole backups.
    pub backups: u64,
    /// Names of what was destroyed, in the backups that stay.
    pub files: u64,
    pub objects: u64,
    pub bytes: u64,
}

impl Expired {
    pub(super) fn add(&mut self, other: &Self) {
        self.backups += other.backups;
        self.files += other.files;
        self.objects += other.objects;
        self.bytes += other.bytes;
    }
}

/// What is not to be in any backup any more.
pub(super) struct Expiry<'a> {
    workspace: &'a Workspace,
    purged: Purged,
    destroyed: BTreeSet<ServiceDate>,
    /// Spools of backups from before this have what was destroyed.
    cut: Option<Timestamp>,
    /// Hours of which the store still has something, by source.
    there: BTreeMap<String, BTreeSet<Timestamp>>,
    /// Backups from before are over the retention.
    oldest: Timestamp,
    now: Timestamp,
}

impl<'a> Expiry<'a> {
    pub(super) fn of(workspace: &'a Workspace) -> Result<Self, BackupError> {
        let private = &workspace.private;
        let purged = Purged::read(private);
        let purged = purged.map_err(|error| RunError::private(&purged::path(private), "read", &error))?;
        let destroyed = purged.dates();
        let store = Store::new(Collector::evidence(private)).with_remote(workspace.evidence.clone());
        let mut there = BTreeMap::new();
        if !destroyed.is_empty() && Collector::evidence(private).is_dir() {
            for source in store.folders()? {
                let hours = store.hours(&source)?;
                there.insert(source, hours);
            }
        }
        let now = crate::time::now();
        let first_kept = workspace.retention.first_kept(ServiceDate::local_date_of(now, &workspace.zone));
        let oldest = ServiceDay::new(first_kept, &workspace.zone).evidence.start;
        let cut = cut(&destroyed, &workspace.zone);
        Ok(Self { workspace, purged, destroyed, cut, there, oldest, now })
    }

    /// Whether a file was destroyed, which the newest backup does not have. `sources` has what was destroyed of those that were met.
    fn is_destroyed(&self, path: &str, sources: &mut HashMap<String, DestroyedHours<'a>>) -> bool {
        match subject(path) {
            Some(Subject::Date(date)) => self.destroyed.contains(&date),
            Some(Subject::Hour(source, hour)) => {
                if !sources.contains_key(source) {
                    sources.insert(source.to_owned(), DestroyedHours::of(self.workspace, &self.purged, source));
                }
                let is_there = self.there.get(source).is_some_and(|hours| hours.contains(&hour.start));
                !is_there && sources.get(source).is_some_and(|destroyed| destroyed.has(&hour))
            }
            None => false,
        }
    }
}

/// Before which nothing is read by a date that is kept, if these were destroyed.
fn cut(destroyed: &BTreeSet<ServiceDate>, zone: &jiff::tz::TimeZone) -> Option<Timestamp> {
    destroyed.last().map(|last| ServiceDay::new(last.plus_days(1), zone).evidence.start)
}

/// What a file of a private store is of.
pub(super) enum Subject<'a> {
    Date(ServiceDate),
    /// An hour of a source.
    Hour(&'a str, std::ops::Range<Timestamp>),
}

/// What a file is of, by its name in a manifest.
pub(super) fn subject(path: &str) -> Option<Subject<'_>> {
    let parts: Vec<&str> = path.strip_prefix("private/")?.split('/').collect();
    let date = |text: &str| text.parse().ok().map(Subject::Date);
    match parts[..] {
        ["keys", name] => date(name.strip_suffix(".key")?),
        ["journal", _, name] => date(name.strip_suffix(".json")?),
        ["journal", _, "lists", name, _] => date(name),
        ["quarantine", _, name, _] => date(name.strip_prefix("date=")?),
        ["evidence", source, _, _, _, name] => hour_in(name).map(|hour| Subject::Hour(source, hour)),
        _ => None,
    }
}

/// Takes what is over out of a place.
pub(super) fn expire(place: &Place, expiry: &Expiry<'_>) -> Result<Expired, BackupError> {
    let mut expired = Expired::default();
    let mut all = keys(place)?;
    let Some(newest) = all.pop() else { return Ok(expired) };
    let newest = read(place, &newest)?;
    let current: BTreeMap<&str, &KeptFile> = newest.files.iter().map(|file| (file.path.as_str(), file)).collect();
    let mut needed: BTreeSet<String> = current.values().map(|file| object(&file.sha256)).collect();
    let mut freed: BTreeSet<String> = BTreeSet::new();
    let mut is_whole = true;
    let stay = that_stay(&all, expiry);
    let mut sources = HashMap::new();
    for key in &all {
        let manifest = match read(place, key) {
            Ok(manifest) => manifest,
            // What it names is not known, so that nothing may go for which it might be needed.
            Err(error @ BackupError::Damaged { .. }) => {
                tracing::warn!("{error}");
                is_whole = false;
                continue;
            }
            Err(error) => return Err(error),
        };
        let before: Vec<String> = manifest.files.iter().map(|file| object(&file.sha256)).collect();
        if !stay.contains(key) {
            place.remove(key)?;
            expired.backups += 1;
            freed.extend(before);
            continue;
        }
        let (manifest, gone) = without_destroyed(manifest, &current, (expiry, &mut sources));
        if gone > 0 {
            place.put(key, manifest.to_bytes())?;
            expired.files += gone;
            freed.extend(before);
        }
        needed.extend(manifest.files.iter().map(|file| object(&file.sha256)));
    }
    if !is_whole {
        return Ok(expired);
    }
    let old = Timestamp::now().as_second() - DAY;
    for (key, found) in place.list("objects")? {
        if !needed.contains(&key) && (freed.contains(&key) || found.written < old) {
            place.remove(&key)?;
            expired.objects += 1;
            expired.bytes += found.bytes;
        }
    }
    Ok(expired)
}

/// The backups that stay: all of two weeks, and the last of each month before.
fn that_stay(keys: &[String], expiry: &Expiry<'_>) -> BTreeSet<String> {
    let all_from = expiry.now.saturating_sub(ALL).unwrap_or(Timestamp::MIN);
    let mut stay = BTreeSet::new();
    let mut months: BTreeMap<String, &String> = BTreeMap::new();
    for key in keys {
        let Some(at) = manifest::time_of(key).filter(|at| *at >= expiry.oldest) else { continue };
        if at >= all_from {
            stay.insert(key.clone());
        } else {
            months.insert(at.strftime("%Y%m").to_string(), key);
        }
    }
    stay.extend(months.into_values().cloned());
    stay
}

/// A manifest without what was destroyed, and how many names that were.
fn without_destroyed<'a>(
    mut manifest: Manifest,
    current: &BTreeMap<&str, &KeptFile>,
    (expiry, sources): (&Expiry<'a>, &mut HashMap<String, DestroyedHours<'a>>),
) -> (Manifest, u64) {
    let mut gone = 0;
    let is_before = expiry.cut.is_some_and(|cut| manifest.at < cut);
    manifest.files.retain_mut(|file| {
        let is_current = current.get(file.path.as_str());
        if file.path.ends_with(".decisions.jsonl") && !expiry.destroyed.is_empty() {
            // Those about rows went with their dates.
            return match is_current {
                Some(now) if now.sha256 == file.sha256 => true,
                Some(now) => {
                    gone += 1;
                    *file = (*now).clone();
                    true
                }
                None => {
                    gone += 1;
                    false
                }
            };
        }
        let is_spool = file.path.starts_with("private/collector/") && file.path.ends_with(".spool");
        let goes = is_current.is_none() && expiry.is_destroyed(&file.path, sources) || is_spool && is_before;
        gone += u64::from(goes);
        !goes
    });
    (manifest, gone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::manifest::key;
    use crate::pipeline::purged::PurgedDate;

    /// The workspace of the repository, whose purges destroyed these dates.
    struct Kept {
        workspace: Workspace,
        _private: tempfile::TempDir,
    }

    impl Kept {
        fn new(purged: &[(Option<&str>, &str)]) -> Self {
            let private = tempfile::tempdir().unwrap();
            let lines = purged.iter().map(|(pipeline, date)| PurgedDate {
                pipeline: pipeline.map(str::to_owned),
                date: date.parse().unwrap(),
                at: "2027-01-19T12:00:00Z".parse().unwrap(),
                rule: None,
                by: None,
                record: String::new(),
                what: None,
            });
            purged::add(private.path(), &lines.collect::<Vec<_>>()).unwrap();
            let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
            let workspace = Workspace { private: private.path().to_owned(), ..Workspace::read(root).unwrap() };
            Self { workspace, _private: private }
        }

        fn expiry(&self) -> Expiry<'_> {
            let of_timetable = BTreeSet::from(["2026-11-01T08:00:00Z".parse().unwrap()]);
            Expiry {
                there: BTreeMap::from([("stadtbus-gtfs".to_owned(), of_timetable)]),
                oldest: "2026-10-01T00:00:00Z".parse().unwrap(),
                now: "2027-01-20T12:00:00Z".parse().unwrap(),
                ..Expiry::of(&self.workspace).unwrap()
            }
        }
    }

    /// `2026/11/17/NAME-20261117T08.warc.gz` in the folder of a source.
    fn hour(source: &str, day: u8, hour: u8) -> String {
        format!("private/evidence/{source}/2026/11/{day:02}/{source}-202611{day:02}T{hour:02}.warc.gz")
    }

    #[test]
    fn what_belongs_to_a_date_that_was_destroyed_goes_and_what_its_neighbour_reads_stays() {
        const OF_DATES: [&str; 4] = [
            "private/keys/2026-11-18.key",
            "private/journal/bus/2026-11-17.json",
            "private/journal/bus/lists/2026-11-17/abc",
            "private/quarantine/bus/date=2026-11-18/t.parquet",
        ];
        let of_none = Kept::new(&[(None, "2026-11-17"), (None, "2026-11-18")]);
        let of_another_name = Kept::new(&[(Some("bus"), "2026-11-17"), (Some("bus"), "2026-11-18")]);
        let dates = ["stadtbus-telemetrie", "stadtbus-fahrplan"];
        let dates: Vec<_> =
            dates.iter().flat_map(|of| [(Some(*of), "2026-11-17"), (Some(*of), "2026-11-18")]).collect();
        let of_pipelines = Kept::new(&dates);
        for (kept, source) in [
            (&of_none, "bus"),
            (&of_another_name, "bus"),
            (&of_another_name, "stadtbus-vehicle-positions"),
            (&of_pipelines, "stadtbus-vehicle-positions"),
        ] {
            let (expiry, mut sources) = (kept.expiry(), HashMap::new());
            let mut is_destroyed = |path: &str| expiry.is_destroyed(path, &mut sources);
            OF_DATES.iter().for_each(|path| assert!(is_destroyed(path), "{path}"));
            assert!(is_destroyed(&hour(source, 17, 8)) && is_destroyed(&hour(source, 17, 22)), "{source}");
            // From midnight in Berlin on the 19th reads it.
            assert!(!is_destroyed(&hour(source, 17, 23)) && !is_destroyed(&hour(source, 18, 8)), "{source}");
            for path in [
                "private/keys/2026-11-19.key",
                "private/journal/bus/heads.json",
                "private/evidence/bus/sealed.jsonl",
                "private/decisions.jsonl",
                "workspace/pipelines/2026-11-17.json",
            ] {
                assert!(!is_destroyed(path), "{path}");
            }
        }
    }

    #[test]
    fn of_timetables_those_of_the_dates_go_but_for_the_one_in_force() {
        let source = "stadtbus-gtfs";
        let dates = ["2026-11-01", "2026-11-17", "2026-11-18"].map(|date| (Some("stadtbus-fahrplan"), date));
        let kept = Kept::new(&dates);
        let (expiry, mut sources) = (kept.expiry(), HashMap::new());
        let mut is_destroyed = |day, at| expiry.is_destroyed(&hour(source, day, at), &mut sources);
        // A purge leaves nothing of the last date either, which no date reads.
        assert!(is_destroyed(17, 8) && is_destroyed(18, 8) && is_destroyed(18, 22));
        assert!(!is_destroyed(18, 23) && !is_destroyed(19, 8) && !is_destroyed(2, 8));
        // It is still in the store.
        assert!(!is_destroyed(1, 8) && is_destroyed(1, 9));
    }

    #[test]
    fn two_weeks_of_backups_stay_then_one_a_month_until_the_retention_is_over() {
        let at = |text: &str| key(text.parse().unwrap());
        let keys = ["2026-09-30", "2026-11-03", "2026-11-29", "2026-12-02", "2026-12-30", "2027-01-07", "2027-01-19"]
            .map(|day| at(&format!("{day}T12:00:00Z")));
        let stay: Vec<String> = that_stay(&keys, &Kept::new(&[]).expiry()).into_iter().collect();
        assert_eq!(stay, [&keys[2], &keys[4], &keys[5], &keys[6]].map(Clone::clone));
    }
}
