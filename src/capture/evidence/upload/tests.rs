use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::capture::Capture;
use crate::capture::evidence::remote::Location;
use crate::capture::evidence::seal::Due;
use crate::capture::evidence::{Destroyed, Listing, Store, read};
use crate::object_stores::Options;

const BEGIN: i64 = 1_795_510_800;

/// A private store with evidence, and a folder elsewhere.
struct Place {
    root: tempfile::TempDir,
    remote: Arc<Remote>,
}

impl Place {
    fn new() -> Self {
        Self::with_cache(1 << 30)
    }

    fn with_cache(most: u64) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("elsewhere")).unwrap();
        let remote = Arc::new(Remote::new(location(root.path(), "elsewhere"), root.path().join("cache"), most));
        Self { root, remote }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn evidence(&self) -> PathBuf {
        self.path("evidence")
    }

    fn store(&self) -> Store {
        Store::without_fsync(self.evidence()).with_remote(Some(self.remote.clone()))
    }

    fn keep(&self, seconds: impl Iterator<Item = i64>) -> Vec<Capture> {
        let kept: Vec<Capture> = seconds.map(capture).collect();
        kept.iter().for_each(|capture| drop(self.store().append("bus", capture).unwrap()));
        kept
    }

    fn seal(&self) -> u64 {
        let due = Due { until: Timestamp::MAX, quiet: Duration::ZERO, again: false, stop: &|| false };
        let report = seal::seal(&self.evidence(), "bus", &due).unwrap();
        assert_eq!(report.left, []);
        report.hours
    }

    fn upload(&self) -> Report {
        store(&self.evidence(), "bus", &self.remote, &|| false).unwrap()
    }

    /// All captures by all ways to them.
    fn all(&self) -> Vec<Capture> {
        let store = self.store();
        let listing = self.listing();
        let newest: Vec<_> = store.newest_first("bus", Timestamp::MAX).collect::<Result<_, _>>().unwrap();
        let mut by_archive = Listing::default();
        store
            .by_archive("bus", Timestamp::MIN, Timestamp::MAX, &mut |part| by_archive.entries.extend(part.entries))
            .unwrap();
        by_archive.entries.sort_by_key(|entry| entry.captured_at);
        assert_eq!(by_archive.entries, listing.entries);
        assert_eq!(newest.into_iter().rev().collect::<Vec<_>>(), listing.entries);
        let begin = Timestamp::from_second(BEGIN).unwrap();
        assert_eq!(store.first_from("bus", begin).unwrap().as_ref(), listing.entries.first());
        let records = store.records("bus", Timestamp::MIN, Timestamp::MAX).unwrap();
        assert_eq!(records.len(), listing.entries.len());
        if let Some(last) = listing.entries.last() {
            assert_eq!(store.open(last).unwrap().digest, last.digest);
        }
        read(listing.entries).collect::<Result<_, _>>().unwrap()
    }

    fn listing(&self) -> Listing {
        let [from, until] = [-7200, 86_400].map(|second| Timestamp::from_second(BEGIN + second).unwrap());
        let listing = self.store().list("bus", from, until).unwrap();
        assert_eq!(listing.damage, []);
        listing
    }

    /// The names of the files below a folder, and their bytes.
    fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        fn visit(folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
            for path in hours::children(folder).unwrap() {
                if path.is_dir() {
                    visit(&path, found);
                } else {
                    let name = path.file_name().unwrap().to_string_lossy().into_owned();
                    found.insert(name, fs::read(&path).unwrap());
                }
            }
        }
        let mut found = BTreeMap::new();
        visit(&self.path(folder), &mut found);
        found.retain(|name, _| !name.starts_with('.'));
        found
    }

    fn archives(&self) -> Vec<String> {
        self.files("evidence").into_keys().filter(|name| name.contains(".warc")).collect()
    }

    /// The only object.
    fn object(&self) -> PathBuf {
        let day = self.path("elsewhere/bus/2026/11/24");
        let [object] = &hours::children(&day).unwrap()[..] else { panic!("not one object") };
        object.clone()
    }

    fn error(&self) -> CaptureError {
        let [from, until] = [0, 3600].map(|second| Timestamp::from_second(BEGIN + second).unwrap());
        self.store().list("bus", from, until).unwrap_err()
    }
}

fn location(root: &Path, name: &str) -> Location {
    let folder = root.join(name);
    Location { shown: folder.display().to_string(), folder: Some(folder), options: Options::default() }
}

fn capture(second: i64) -> Capture {
    let mut dice = fastrand::Rng::with_seed(second as u64);
    let body: String = (0..300).map(|_| dice.alphanumeric()).collect();
    let body = Bytes::from(body);
    Capture {
        url: "https://stadtbus.example/vehicles".into(),
        captured_at: Timestamp::from_second(BEGIN + second).unwrap(),
        status: 200,
        headers: vec![],
        digest: Digest::of(&body),
        body,
    }
}

#[test]
fn archives_that_are_kept_elsewhere_are_read_as_before_and_only_the_lines_stay() {
    let place = Place::new();
    let kept = place.keep((0..300).map(|number| number * 30));
    let known = Store::new(place.evidence()).validators("bus").unwrap();
    assert_eq!((place.seal(), place.all()), (3, kept.clone()));
    let sealed = place.files("evidence");
    let report = place.upload();
    assert_eq!((report.archives, &report.left), (3, &vec![]));
    assert_eq!(place.archives(), Vec::<String>::new());
    let objects = place.files("elsewhere");
    let bytes = |files: &BTreeMap<String, Vec<u8>>| -> Vec<Vec<u8>> {
        files.iter().filter(|(name, _)| name.contains(".warc")).map(|(_, bytes)| bytes.clone()).collect()
    };
    assert_eq!(bytes(&objects), bytes(&sealed));
    assert!(objects.iter().all(|(name, bytes)| name.ends_with(&format!("-{}.warc.zst", Digest::of(bytes).short()))));
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(fs::metadata(place.path("elsewhere/bus")).unwrap().permissions().mode() & 0o77, 0);
    // Nothing was fetched yet, and the newest answer is known without it.
    assert_eq!(place.store().validators("bus").unwrap(), known);
    assert_eq!((place.store().sources().unwrap(), place.path("cache").exists()), (vec!["bus".to_owned()], false));
    assert_eq!(place.all(), kept);
    assert_eq!(place.files("cache").len(), 3);
    assert_eq!((place.seal(), place.upload()), (0, Report::default()));
}

#[test]
fn killed_at_any_moment_either_copy_is_whole_and_the_next_upload_finishes() {
    let place = Place::new();
    let kept = place.keep((0..200).map(|number| number * 30));
    place.seal();
    let sealed = place.files("evidence");
    for moment in 0.. {
        let count = Cell::new(0);
        let stop = || {
            count.set(count.get() + 1);
            if count.get() > moment {
                std::panic::resume_unwind(Box::new("killed"));
            }
            false
        };
        let stored = catch_unwind(AssertUnwindSafe(|| store(&place.evidence(), "bus", &place.remote, &stop).unwrap()));
        assert_eq!(place.all(), kept, "{moment}");
        place.upload();
        assert_eq!((place.all(), place.archives()), (kept.clone(), vec![]), "{moment}");
        assert_eq!(place.files("elsewhere").len(), 2);
        if stored.is_ok() {
            assert!(moment >= 7, "{moment}");
            break;
        }
        // As before.
        let day = place.path("evidence/bus/2026/11/24");
        fs::remove_file(day.join(stored::NAME)).unwrap();
        fs::remove_dir_all(place.path("elsewhere/bus")).unwrap();
        for (name, bytes) in sealed.iter().filter(|(name, _)| name.contains(".warc")) {
            fs::write(day.join(name), bytes).unwrap();
        }
    }
}

#[test]
fn captures_that_come_to_an_hour_that_is_kept_elsewhere_become_an_object_more() {
    let place = Place::new();
    let mut kept = place.keep(0..50);
    place.seal();
    let copy = place.files("evidence");
    let early = place.listing().entries;
    place.upload();
    let first = place.files("elsewhere");
    kept.extend(place.keep(60..65));
    assert_eq!(place.all(), kept);
    let with_gz = place.listing().entries;
    // A crash may have kept the local copy: it is not continued.
    let name = copy.keys().find(|name| name.ends_with(".warc.zst")).unwrap();
    fs::write(place.path("evidence/bus/2026/11/24").join(name), &copy[name]).unwrap();
    assert_eq!(place.all(), kept);
    // What came to the hour is sealed first.
    assert_eq!(place.upload(), Report::default());
    assert_eq!((place.seal(), place.all()), (1, kept.clone()));
    let with_zst = place.listing().entries;
    assert_eq!(place.upload().archives, 1);
    assert_eq!((place.archives(), place.all()), (vec![], kept.clone()));
    let objects = place.files("elsewhere");
    assert_eq!(objects.len(), 2);
    assert!(first.iter().all(|(name, bytes)| objects[name] == *bytes));
    // What was listed while it lay elsewhere in the folder.
    for entries in [early, with_gz, with_zst] {
        let count = entries.len();
        let read: Vec<Capture> = read(entries).collect::<Result<_, _>>().unwrap();
        assert_eq!(read, kept[..count]);
    }
}

#[test]
fn a_copy_that_was_restored_counts_once_and_what_was_appended_to_it_counts() {
    let place = Place::new();
    let mut kept = place.keep(0..20);
    let name = place.archives().remove(0);
    let whole = place.files("evidence").remove(&name).unwrap();
    place.seal();
    place.upload();
    let path = place.path("evidence/bus/2026/11/24").join(&name);
    fs::write(&path, &whole).unwrap();
    assert_eq!(place.all(), kept);
    kept.extend(place.keep(30..33));
    assert_eq!(place.all(), kept);
    assert_eq!(place.seal(), 1);
    place.upload();
    assert_eq!((place.all(), place.files("elsewhere").len()), (kept.clone(), 2));
    // Without what was sealed each still counts once, and nothing is sealed twice.
    fs::write(&path, &whole).unwrap();
    fs::remove_file(place.path("evidence/bus/sealed.jsonl")).unwrap();
    let listed = place.listing().entries;
    assert_eq!(read(listed).collect::<Result<Vec<_>, _>>().unwrap(), kept);
    let due = Due { until: Timestamp::MAX, quiet: Duration::ZERO, again: false, stop: &|| false };
    let report = seal::seal(&place.evidence(), "bus", &due).unwrap();
    assert!(report.left[0].1.contains("kept elsewhere"), "{report:?}");
}

#[test]
fn an_object_that_is_gone_or_changed_is_told_and_never_no_evidence() {
    let place = Place::new();
    let kept = place.keep(0..20);
    place.seal();
    place.upload();
    let object = place.object();
    let bytes = fs::read(&object).unwrap();
    let told = |what: &str| {
        let error = place.error();
        let text = error.to_string();
        assert!(matches!(error, CaptureError::Permanent { .. }), "{text}");
        assert!(text.contains(&object.display().to_string()) && text.contains(what), "{text}");
        let newest = place.store().latest("bus", Timestamp::MAX).unwrap_err().to_string();
        assert_eq!(newest, text);
        assert!(place.store().records("bus", Timestamp::MIN, Timestamp::MAX).is_err());
        assert_eq!(place.files("cache"), BTreeMap::new());
    };
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    fs::write(&object, &changed).unwrap();
    told("was changed: it has the SHA-256");
    fs::write(&object, &bytes[..bytes.len() - 1]).unwrap();
    told("bytes instead of");
    fs::remove_file(&object).unwrap();
    told("is gone");
    fs::rename(place.path("elsewhere"), place.path("unmounted")).unwrap();
    let remote = Remote::new(location(place.root.path(), "elsewhere"), place.path("cache"), 1);
    let error = remote.sources().unwrap_err();
    assert!(matches!(&error, CaptureError::Transient { .. }) && error.to_string().contains("Mount"), "{error}");
    fs::rename(place.path("unmounted"), place.path("elsewhere")).unwrap();
    fs::write(&object, &bytes).unwrap();
    assert_eq!(place.all(), kept);
    // In another configuration.
    let [from, until] = [0, 3600].map(|second| Timestamp::from_second(BEGIN + second).unwrap());
    let error = Store::new(place.evidence()).list("bus", from, until).unwrap_err().to_string();
    assert!(error.contains("'evidence'") && error.contains(place.remote.location()), "{error}");
    fs::create_dir(place.path("other")).unwrap();
    let other = Arc::new(Remote::new(location(place.root.path(), "other"), place.path("cache2"), 1));
    let error = Store::new(place.evidence()).with_remote(Some(other)).list("bus", from, until).unwrap_err();
    assert!(error.to_string().contains("--rebuild"), "{error}");
}

#[test]
fn a_mount_point_without_its_disk_takes_nothing() {
    let place = Place::new();
    let kept = place.keep([0].into_iter());
    place.seal();
    place.upload();
    place.keep([3600].into_iter());
    place.seal();
    fs::rename(place.path("elsewhere"), place.path("disk")).unwrap();
    fs::create_dir(place.path("elsewhere")).unwrap();
    let again = Remote::new(location(place.root.path(), "elsewhere"), place.path("cache"), 1 << 20);
    let error = store(&place.evidence(), "bus", &again, &|| false).unwrap_err();
    assert!(matches!(&error, CaptureError::Transient { .. }) && error.to_string().contains("another store"), "{error}");
    assert_eq!((place.archives().len(), place.files("elsewhere").len()), (1, 0));
    fs::remove_dir(place.path("elsewhere")).unwrap();
    fs::rename(place.path("disk"), place.path("elsewhere")).unwrap();
    assert_eq!(store(&place.evidence(), "bus", &again, &|| false).unwrap().archives, 1);
    assert_eq!(place.all()[..1], kept);
}

#[test]
fn another_object_of_the_same_name_is_never_overwritten_and_the_local_archive_stays() {
    let place = Place::new();
    let kept = place.keep(0..20);
    place.seal();
    let sealed = place.files("evidence");
    place.upload();
    let object = place.object();
    let day = place.path("evidence/bus/2026/11/24");
    fs::remove_file(day.join(stored::NAME)).unwrap();
    let name = sealed.keys().find(|name| name.ends_with(".warc.zst")).unwrap();
    fs::write(day.join(name), &sealed[name]).unwrap();
    fs::write(&object, b"another").unwrap();
    let report = place.upload();
    assert!(report.archives == 0 && report.left[0].1.contains("nothing is overwritten"), "{report:?}");
    assert_eq!((fs::read(&object).unwrap(), place.all()), (b"another".to_vec(), kept));
}

#[test]
fn the_cache_keeps_within_its_bound_and_what_went_out_of_it_is_fetched_again() {
    let place = Place::with_cache(40_000);
    let kept = place.keep((0..1000).map(|number| number * 30));
    place.seal();
    place.upload();
    let objects = place.files("elsewhere");
    let (most, all) = (objects.values().map(Vec::len).max().unwrap(), objects.values().map(Vec::len).sum::<usize>());
    assert!(objects.len() == 9 && most < 40_000 && all > 120_000, "{most} {all}");
    assert_eq!(place.all(), kept);
    let cached: usize = place.files("cache").values().map(Vec::len).sum();
    assert!(cached > 0 && cached <= 40_000, "{cached}");
}

#[test]
fn lines_that_were_lost_are_made_anew_from_a_listing() {
    let place = Place::new();
    let mut kept = place.keep((0..300).map(|number| number * 30));
    place.seal();
    place.upload();
    kept.extend(place.keep([15].into_iter()));
    kept.sort_by_key(|capture| capture.captured_at);
    place.seal();
    place.upload();
    fs::remove_dir_all(place.evidence()).unwrap();
    assert_eq!(place.listing(), Listing::default());
    assert_eq!(place.remote.sources().unwrap(), ["bus"]);
    let rebuilt = rebuild(&place.evidence(), "bus", &place.remote).unwrap();
    assert_eq!(rebuilt, Rebuilt { added: 4, known: 0, left: vec![] });
    assert_eq!(place.all(), kept);
    let rebuilt = rebuild(&place.evidence(), "bus", &place.remote).unwrap();
    assert_eq!(rebuilt, Rebuilt { added: 0, known: 4, left: vec![] });
    // What is changed or gone is told.
    let day = place.path("elsewhere/bus/2026/11/24");
    let objects = hours::children(&day).unwrap();
    fs::remove_file(&objects[0]).unwrap();
    fs::write(&objects[1], b"x").unwrap();
    fs::write(day.join("notes.txt"), b"x").unwrap();
    let rebuilt = rebuild(&place.evidence(), "bus", &place.remote).unwrap();
    assert_eq!((rebuilt.added, rebuilt.known, rebuilt.left.len()), (0, 2, 3), "{rebuilt:?}");
}

#[test]
fn what_waits_is_counted_and_since_when() {
    let place = Place::new();
    let at = |second| Timestamp::from_second(BEGIN + second).unwrap();
    assert_eq!(waiting(&place.evidence(), at(0)).unwrap(), Waiting::default());
    place.keep([0, 3600, 7200].into_iter());
    assert_eq!(waiting(&place.evidence(), at(3600)).unwrap(), Waiting::default());
    let found = waiting(&place.evidence(), at(7200 + 600)).unwrap();
    assert_eq!((found.hours, found.since), (2, Some(at(3600))));
    place.seal();
    let sealed = waiting(&place.evidence(), at(90_000)).unwrap();
    let bytes: usize =
        place.files("evidence").iter().filter(|(name, _)| name.contains(".warc")).map(|f| f.1.len()).sum();
    assert_eq!((sealed.hours, sealed.bytes), (3, bytes as u64));
    let spool = Spool::new(place.evidence(), place.remote.clone(), 10);
    assert!(spool.is_over(&sealed));
    spool.work_off(at(90_000), &|| false);
    assert_eq!(waiting(&place.evidence(), at(90_000)).unwrap(), Waiting::default());
    assert!(said(&sealed, "s3://a/b").starts_with("3 hours of evidence ("));
}

#[test]
fn an_hour_is_removed_wherever_it_is_and_the_others_stay() {
    let place = Place::new();
    let kept = place.keep((0..300).map(|number| number * 30));
    place.seal();
    place.upload();
    assert_eq!(place.all(), kept);
    place.keep([10].into_iter());
    let hour = first_hour();
    fs::write(place.path("evidence/bus/2026/11/24").join(format!("{hour}.warc.gz.torn")), b"x").unwrap();
    // Left by a kill, and told of nowhere.
    let elsewhere = place.path("elsewhere/bus/2026/11/24");
    fs::write(elsewhere.join(format!("{hour}-000000000000.warc.zst")), b"x").unwrap();
    fs::write(elsewhere.join(format!("{hour}-000000000001.warc.zst#1")), b"x").unwrap();
    let at = Timestamp::from_second(BEGIN + 100).unwrap();
    let is_of = |at: Timestamp| move |span: &std::ops::Range<Timestamp>| span.contains(&at) && hour_long(span);
    // The late capture and a torn end here, two objects there.
    assert_eq!(place.store().destroyable("bus", &is_of(at)).unwrap().files, 3);
    assert_eq!(place.store().destroy("bus", &is_of(at)).unwrap().files, 4);
    assert_eq!(place.store().destroy("bus", &is_of(at)).unwrap(), Destroyed::default());
    assert_eq!(place.store().hours("bus").unwrap().len(), 2);
    for folder in ["evidence", "elsewhere"] {
        let files = place.files(folder);
        assert!(files.keys().all(|name| !name.starts_with(&hour)), "{files:?}");
    }
    assert_eq!((place.files("elsewhere").len(), place.files("cache").len()), (2, 2));
    assert_eq!(place.all(), kept[120..]);
    // Nothing is removed while some of it cannot be.
    fs::rename(place.path("elsewhere"), place.path("unmounted")).unwrap();
    let remote = Arc::new(Remote::new(location(place.root.path(), "elsewhere"), place.path("cache"), 1 << 20));
    let store = Store::new(place.evidence()).with_remote(Some(remote));
    let at = Timestamp::from_second(BEGIN + 3700).unwrap();
    assert!(store.destroy("bus", &is_of(at)).is_err());
    assert!(Store::new(place.evidence()).destroy("bus", &is_of(at)).is_err());
    fs::rename(place.path("unmounted"), place.path("elsewhere")).unwrap();
    assert_eq!(place.all(), kept[120..]);
    // All of the day, and the file with its lines.
    assert_eq!(place.store().destroy("bus", &|_| true).unwrap().files, 2);
    assert_eq!((place.files("elsewhere").len(), place.files("cache").len()), (0, 0));
    assert!(!place.path("evidence/bus/2026").exists());
}

fn hour_long(span: &std::ops::Range<Timestamp>) -> bool {
    span.end.duration_since(span.start) == SignedDuration::from_hours(1)
}

/// The name of the first hour's archives.
fn first_hour() -> String {
    let time = jiff::tz::TimeZone::UTC.to_datetime(Timestamp::from_second(BEGIN).unwrap());
    format!("bus-20261124T{:02}", time.hour())
}
