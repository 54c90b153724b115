use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::capture::Capture;
use crate::capture::evidence::{Entry, Kind, Listing, Store};
use crate::digest::Digest;

const BEGIN: i64 = 1_795_510_800;

fn capture(second: i64, body: &str) -> Capture {
    let body = Bytes::from(body.to_owned());
    Capture {
        url: "https://stadtbus.example/vehicles".into(),
        captured_at: Timestamp::from_second(BEGIN + second).unwrap(),
        status: 200,
        headers: vec![("ETag".into(), "\"a\"".into())],
        digest: Digest::of(&body),
        body,
    }
}

/// A body of which little is in another one.
fn body(number: i64) -> String {
    let mut dice = fastrand::Rng::with_seed(number as u64);
    let noise: String = (0..200).map(|_| dice.alphanumeric()).collect();
    format!("message {number} {noise} {}", "the same in all ".repeat(20))
}

fn kept(folder: &Path, seconds: impl Iterator<Item = i64>) -> Vec<Capture> {
    let store = Store::without_fsync(folder);
    let kept: Vec<Capture> = seconds.map(|second| capture(second, &body(second))).collect();
    kept.iter().for_each(|capture| drop(store.append("bus", capture).unwrap()));
    kept
}

fn listing(folder: &Path) -> Listing {
    let [from, until] = [-7200, 86_400].map(|second| Timestamp::from_second(BEGIN + second).unwrap());
    Store::new(folder).list("bus", from, until).unwrap()
}

fn captures(entries: Vec<Entry>) -> Vec<Capture> {
    crate::capture::evidence::read(entries).collect::<Result<_, _>>().unwrap()
}

/// All captures, and by all ways to them; nothing is damaged.
fn all(folder: &Path) -> Vec<Capture> {
    let listing = listing(folder);
    assert_eq!(listing.damage, []);
    let store = Store::new(folder);
    let newest: Vec<_> = store.newest_first("bus", Timestamp::MAX).collect::<Result<_, _>>().unwrap();
    let mut by_archive = Vec::new();
    store.by_archive("bus", Timestamp::MIN, Timestamp::MAX, &mut |part| by_archive.extend(part.entries)).unwrap();
    let times = |entries: &[Entry]| entries.iter().map(|entry| entry.captured_at).collect::<Vec<_>>();
    assert_eq!(times(&newest), times(&listing.entries).into_iter().rev().collect::<Vec<_>>());
    by_archive.sort_by_key(|entry| entry.captured_at);
    assert_eq!(times(&by_archive), times(&listing.entries));
    captures(listing.entries)
}

fn now() -> Due<'static> {
    Due { until: Timestamp::MAX, quiet: Duration::ZERO, again: false, stop: &|| false }
}

fn files(folder: &Path) -> Vec<String> {
    let day = folder.join("bus/2026/11/24");
    let paths = hours::children(&day).unwrap();
    paths.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

fn archive(folder: &Path, ending: &str) -> PathBuf {
    let hour = TimeZone::UTC.to_datetime(Timestamp::from_second(BEGIN).unwrap()).hour();
    folder.join(format!("bus/2026/11/24/bus-20261124T{hour:02}.warc.{ending}"))
}

fn inflated(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts::parts(&folder.join("bus"), &archive(folder, "gz"), None).unwrap() {
        let file = BufReader::new(File::open(&part.file).unwrap());
        let mut input: Box<dyn Read> = match part.file.extension().unwrap() == "zst" {
            true => Box::new(zstd_frame::inflate_all(file).unwrap()),
            false => Box::new(MultiGzDecoder::new(file)),
        };
        input.read_to_end(&mut bytes).unwrap();
    }
    bytes
}

#[test]
fn a_sealed_hour_has_the_same_records_in_fewer_bytes() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let kept = kept(folder, (0..500).map(|number| number * 15));
    let (before, known) = (inflated(folder), Store::new(folder).validators("bus").unwrap());
    let report = seal(folder, "bus", &now()).unwrap();
    assert_eq!((report.hours, &report.left), (3, &vec![]));
    assert!(report.after * 2 < report.before, "{report:?}");
    assert!(files(folder).iter().all(|name| name.ends_with(".warc.zst")), "{:?}", files(folder));
    assert!(before == inflated(folder));
    assert_eq!(all(folder), kept);
    // The newest answer is known without reading it, and a source's evidence is found by its name.
    fs::write(archive(folder, "zst"), b"").unwrap();
    assert_eq!(Store::new(folder).validators("bus").unwrap(), known);
    assert_eq!(Store::new(folder).sources().unwrap(), ["bus"]);
    let register = Register::read(&folder.join("bus")).unwrap();
    let records: Vec<u64> = register.newest().map(|line| line.records).collect();
    assert_eq!(records.iter().sum::<u64>(), 503);
    assert_eq!(seal(folder, "bus", &now()).unwrap(), Report::default());
}

#[test]
fn hours_that_are_not_over_and_archives_that_grow_are_not_due() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    kept(folder, [0, 3600].into_iter());
    let at = |second| Timestamp::from_second(BEGIN + second).unwrap();
    assert_eq!(seal(folder, "bus", &Due { until: at(3599), ..now() }).unwrap(), Report::default());
    assert_eq!(seal_due(folder, "bus", at(9000), &|| false).unwrap(), Report::default());
    for name in files(folder) {
        let file = File::options().write(true).open(folder.join("bus/2026/11/24").join(name)).unwrap();
        file.set_modified(SystemTime::now() - QUIET).unwrap();
    }
    assert_eq!(seal_due(folder, "bus", at(3600 + 599), &|| false).unwrap(), Report::default());
    assert_eq!(seal_due(folder, "bus", at(3600 + 600), &|| false).unwrap().hours, 1);
    assert_eq!(
        seal_due(folder, "bus", at(7200 + 600), &|| true).unwrap(),
        Report { is_stopped: true, ..Report::default() }
    );
    let mine = hours::open_lock(&folder.join("bus"), ".seal.lock").unwrap();
    mine.lock().unwrap();
    assert!(seal_due(folder, "bus", at(7200 + 600), &|| false).unwrap().is_busy);
    drop(mine);
    assert_eq!(seal_due(folder, "bus", at(7200 + 600), &|| false).unwrap().hours, 1);
}

#[test]
fn killed_at_any_moment_either_file_is_whole_and_the_next_seal_finishes() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let captures = kept(folder, 0..9);
    let whole = fs::read(archive(folder, "gz")).unwrap();
    let prepare = || {
        let _ = fs::remove_file(archive(folder, "zst"));
        fs::write(archive(folder, "gz"), &whole).unwrap();
    };
    for moment in 0.. {
        prepare();
        let done = dies_at(folder, moment);
        assert_eq!(all(folder), captures, "{moment}");
        if done {
            assert!(moment > 30);
            break;
        }
        let _ = seal(folder, "bus", &now()).unwrap();
        assert_eq!(files(folder), [archive(folder, "zst").file_name().unwrap().to_str().unwrap()], "{moment}");
        assert_eq!(all(folder), captures, "{moment}");
    }
}

/// Seals and dies at a moment; whether it was done before.
fn dies_at(folder: &Path, moment: usize) -> bool {
    let count = Cell::new(0);
    let stop = || {
        count.set(count.get() + 1);
        if count.get() > moment {
            std::panic::resume_unwind(Box::new("killed"));
        }
        false
    };
    let due = Due { stop: &stop, ..now() };
    catch_unwind(AssertUnwindSafe(|| seal(folder, "bus", &due).unwrap())).is_ok()
}

#[test]
fn captures_that_come_to_a_sealed_hour_count_beside_it_and_are_sealed_by_the_next() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let mut captures = kept(folder, 0..100);
    seal(folder, "bus", &now()).unwrap();
    let sealed = fs::read(archive(folder, "zst")).unwrap();
    let listed = listing(folder).entries;
    captures.extend(kept(folder, 200..205));
    assert_eq!(all(folder), captures);
    let late = fs::read(archive(folder, "gz")).unwrap();
    let register = fs::read(folder.join("bus/sealed.jsonl")).unwrap();
    for moment in 0.. {
        fs::write(archive(folder, "gz"), &late).unwrap();
        fs::write(archive(folder, "zst"), &sealed).unwrap();
        fs::write(folder.join("bus/sealed.jsonl"), &register).unwrap();
        let done = dies_at(folder, moment);
        assert_eq!(all(folder), captures, "{moment}");
        seal(folder, "bus", &now()).unwrap();
        assert_eq!(files(folder).len(), 1, "{moment}");
        assert_eq!(all(folder), captures, "{moment}");
        // What was there stays where it was.
        assert!(fs::read(archive(folder, "zst")).unwrap().starts_with(&sealed));
        if done {
            break;
        }
    }
    assert_eq!(self::captures(listed), captures[..100]);
    let register = Register::read(&folder.join("bus")).unwrap();
    let line = register.newest().next().unwrap();
    assert_eq!((line.records, line.replaces_sha256), (100 + 5 + 2, Some(Digest::of(&sealed))));
}

#[test]
fn what_a_crash_left_of_a_sealed_hour_does_not_count_twice_and_what_was_appended_to_it_counts() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let mut captures = kept(folder, 0..20);
    let whole = fs::read(archive(folder, "gz")).unwrap();
    seal(folder, "bus", &now()).unwrap();
    fs::write(archive(folder, "gz"), &whole).unwrap();
    assert_eq!(all(folder), captures);
    captures.extend(kept(folder, 30..33));
    assert_eq!(all(folder), captures);
    assert_eq!(seal(folder, "bus", &now()).unwrap().hours, 1);
    assert_eq!(all(folder), captures);
    assert_eq!(files(folder).len(), 1);
    // Without what tells of it each capture counts once.
    fs::write(archive(folder, "gz"), &whole).unwrap();
    fs::remove_file(folder.join("bus/sealed.jsonl")).unwrap();
    assert_eq!(all(folder), captures);
    let report = seal(folder, "bus", &now()).unwrap();
    assert!(report.left[0].1.contains("sealed.jsonl"), "{report:?}");
    assert_eq!(all(folder), captures);
}

#[test]
fn what_is_damaged_is_left_as_it_is_and_a_torn_end_is_moved_aside() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let captures = kept(folder, 0..4);
    let whole = fs::read(archive(folder, "gz")).unwrap();
    let mut bytes = whole.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(archive(folder, "gz"), &bytes).unwrap();
    for _ in 0..2 {
        let report = seal(folder, "bus", &now()).unwrap();
        assert!(report.hours == 0 && report.left[0].1.contains("damaged from byte"), "{report:?}");
        assert_eq!(fs::read(archive(folder, "gz")).unwrap(), bytes);
    }
    assert_eq!(fs::read_to_string(folder.join("bus/sealed.jsonl")).unwrap().lines().count(), 1);
    fs::write(archive(folder, "gz"), [&whole[..], &whole[..50]].concat()).unwrap();
    assert_eq!(seal(folder, "bus", &now()).unwrap().hours, 1);
    assert_eq!(all(folder), captures);
    assert_eq!(fs::read(archive(folder, "gz.torn")).unwrap(), &whole[..50]);
}

#[test]
fn captures_that_were_listed_before_their_hour_was_sealed_are_read_from_the_sealed_one() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let captures = kept(folder, 0..70);
    let entries = listing(folder).entries;
    seal(folder, "bus", &now()).unwrap();
    assert_eq!(self::captures(entries.clone()), captures);
    // Others came to that hour since.
    kept(folder, 100..103);
    assert_eq!(self::captures(entries), captures);
}

#[test]
fn a_frame_is_inflated_once_and_the_same_again_is_not_read_again() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let captures = kept(folder, 0..50);
    seal(folder, "bus", &now()).unwrap();
    let entries = listing(folder).entries;
    let again = |entry: &Entry, second| {
        let captured_at = Timestamp::from_second(BEGIN + second).unwrap();
        Entry { captured_at, ..entry.clone() }
    };
    let mut named: Vec<Entry> = entries.clone();
    named.insert(1, again(&entries[0], 100));
    named.insert(1, again(&entries[0], 99));
    let mut read = crate::capture::evidence::read(named);
    assert_eq!(read.next().unwrap().unwrap(), captures[0]);
    // What is read from here on comes from what is open.
    fs::remove_file(archive(folder, "zst")).unwrap();
    for second in [99, 100] {
        let same = read.next().unwrap().unwrap();
        assert_eq!((same.captured_at.as_second() - BEGIN, same.body), (second, captures[0].body.clone()));
    }
    assert_eq!(read.collect::<Result<Vec<_>, _>>().unwrap(), captures[1..]);
}

/// Frames of these records, and what they hold.
fn packed(frames: &[&[Capture]], checksum: bool) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut begins) = (Vec::new(), Vec::new());
    for frame in frames {
        let mut text = Vec::new();
        for capture in *frame {
            let mut member = Vec::new();
            warc::write_record(&mut member, &crate::capture::record::NewRecord::of(capture.clone())).unwrap();
            MultiGzDecoder::new(&member[..]).read_to_end(&mut text).unwrap();
        }
        begins.push(bytes.len());
        let mut encoder = Encoder::new(&mut bytes, 3).unwrap();
        encoder.include_checksum(checksum).unwrap();
        encoder.write_all(&text).unwrap();
        encoder.finish().unwrap();
    }
    begins.push(bytes.len());
    (bytes, begins)
}

fn found(path: &Path, bytes: &[u8]) -> (Vec<Capture>, Vec<(u64, Kind)>) {
    fs::write(path, bytes).unwrap();
    let listing = crate::capture::evidence::captures(path).unwrap();
    let damage = listing.damage.iter().map(|damage| (damage.offset, damage.kind)).collect();
    (crate::capture::evidence::read(listing.entries).filter_map(Result::ok).collect(), damage)
}

#[test]
fn frames_of_other_writers_are_read_and_what_is_not_says_why() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("x.warc.zst");
    let all: Vec<Capture> = (0..6).map(|number| capture(number, &body(number))).collect();
    for checksum in [false, true] {
        let (bytes, begins) = packed(&[&all[..1], &all[1..2], &all[2..]], checksum);
        let skippable = b"\x5f\x2a\x4d\x18\x03\0\0\0abc";
        let mixed = [&skippable[..], &bytes[..begins[1]], skippable, &bytes[begins[1]..], skippable].concat();
        assert_eq!(found(&path, &mixed), (all.clone(), vec![]));
        for end in (begins[2] + 1..bytes.len()).step_by(7) {
            let (read, damage) = found(&path, &bytes[..end]);
            assert_eq!((read.as_slice(), damage), (&all[..2], vec![(begins[2] as u64, Kind::Torn)]), "{end}");
        }
    }
    // A dictionary of the archive, or one that a frame names.
    let (bytes, _) = packed(&[&all], true);
    fs::write(&path, [b"\x5d\x2a\x4d\x18\x03\0\0\0abc", &bytes[..]].concat()).unwrap();
    let error = crate::capture::evidence::captures(&path).unwrap_err().to_string();
    assert!(error.contains("dictionary") && error.contains("x.warc.zst"), "{error}");
    let frame = b"\x28\xb5\x2f\xfd\x01\x08\x07\x01\0\0";
    let (read, damage) = found(&path, &[frame, &bytes[..]].concat());
    assert_eq!((read, damage), (all.clone(), vec![(0, Kind::TooLarge)]));
    // A window of 16 MiB.
    let mut wide = Vec::new();
    let mut encoder = Encoder::new(&mut wide, 3).unwrap();
    encoder.window_log(24).unwrap();
    encoder.write_all(b"WARC/1.1\r\n").unwrap();
    encoder.flush().unwrap();
    encoder.finish().unwrap();
    fs::write(&path, [&wide[..], &bytes].concat()).unwrap();
    let listing = crate::capture::evidence::captures(&path).unwrap();
    assert_eq!((listing.entries.len(), listing.damage.len()), (6, 1));
    assert!(listing.damage[0].message.contains("window of 16777216 bytes"), "{:?}", listing.damage);
}

#[test]
fn archives_that_are_stored_in_a_damaged_frame_are_none_of_its_records() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("x.warc.zst");
    let one = [capture(0, "one")];
    let (inner, _) = packed(&[&one], true);
    let noise: Vec<u8> = (0..1000).map(|_| fastrand::u8(..)).collect();
    let body = Bytes::from([&noise[..], &inner, &noise].concat());
    let outer = [Capture { digest: Digest::of(&body), body, ..capture(1, "") }];
    let (mut bytes, begins) = packed(&[&outer, &one], true);
    bytes[begins[1] - 1] ^= 1;
    assert_eq!(found(&path, &bytes), (one.to_vec(), vec![(0, Kind::Damaged)]));
}

#[test]
fn frames_that_hold_no_records_cost_little() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("x.warc.zst");
    // Frames of one byte each, and beginnings of frames that never end.
    let small = b"\x28\xb5\x2f\xfd\x20\x01\x09\0\0x".repeat(200_000);
    let endless = b"\x28\xb5\x2f\xfd\0\0\0\0\0".repeat(200_000);
    let begin = std::time::Instant::now();
    for bytes in [small, endless] {
        assert_eq!(found(&path, &bytes).0, []);
    }
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_damaged_frame_costs_only_its_own_records(
        at in 0.0..1.0_f64, length in 1..40_usize, put in proptest::collection::vec(any::<u8>(), 0..40), checksum: bool,
    ) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x.warc.zst");
        let all: Vec<Capture> = (0..12).map(|number| capture(number, &body(number))).collect();
        let frames: Vec<&[Capture]> = all.chunks(3).collect();
        let (bytes, begins) = packed(&frames, checksum);
        let at = (at * bytes.len() as f64) as usize;
        let end = (at + length).min(bytes.len());
        prop_assume!(bytes[at..end] != put[..]);
        let changed = [&bytes[..at], &put, &bytes[end..]].concat();
        let untouched = |frame: &usize| begins[frame + 1] <= at || begins[*frame] >= end;
        let expected: Vec<Capture> = (0..4).filter(untouched).flat_map(|frame| frames[frame].to_vec()).collect();
        let (read, damage) = found(&path, &changed);
        for capture in &expected {
            prop_assert!(read.contains(capture));
        }
        // Without a checksum nothing says that a record's header was changed.
        if checksum {
            prop_assert!(read.iter().all(|capture| all.contains(capture)));
            prop_assert!(!damage.is_empty() || (end == bytes.len() && put.is_empty()));
        }
    }
}
