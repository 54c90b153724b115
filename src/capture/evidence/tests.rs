use bytes::Bytes;

use super::reader::{AHEAD, Ahead};
use super::*;
use crate::capture::record::NewContent;
use crate::digest::Digest;
use std::fs;

fn capture(second: i64, body: &str) -> Capture {
    let body = Bytes::from(body.to_owned());
    Capture {
        url: "https://stadtbus.example/vehicles".into(),
        captured_at: Timestamp::from_second(1_795_510_800 + second).unwrap(),
        status: 200,
        headers: vec![("ETag".into(), "\"a\"".into()), ("Content-Length".into(), body.len().to_string())],
        digest: Digest::of(&body),
        body,
    }
}

fn all(store: &Store) -> Listing {
    store
        .list("bus", Timestamp::from_second(1_795_510_000).unwrap(), Timestamp::from_second(1_795_600_000).unwrap())
        .unwrap()
}

#[test]
fn captures_come_back_as_they_were_kept_by_hour_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let kept: Vec<Capture> = (0..300).map(|i| capture(i * 15, &format!("\n\u{5}\n\u{3}2.0 message {i}"))).collect();
    for capture in &kept {
        store.append("bus", capture).unwrap();
    }
    let listing = all(&store);
    assert!(listing.damage.is_empty());
    let read: Vec<Capture> = read(listing.entries.clone()).collect::<Result<_, _>>().unwrap();
    assert_eq!(read, kept);
    assert_eq!(store.validators("bus").unwrap().etag.as_deref(), Some("\"a\""));
    // A page in between has a tag of its own, which no request must name.
    let page = Capture { captured_at: Timestamp::from_second(1_795_520_000).unwrap(), ..capture(0, "<html>") };
    store.append("bus", &page).unwrap();
    let known = store.validators("bus").unwrap();
    assert_eq!((known.are_conditions(), known.digest), (false, Some(page.digest)));
    let files: std::collections::BTreeSet<_> = listing.entries.iter().map(|entry| entry.file.to_path_buf()).collect();
    assert_eq!(files.len(), 2);
    let half = store.list("bus", kept[10].captured_at, kept[20].captured_at).unwrap();
    assert_eq!(half.entries.len(), 10);
}

#[test]
fn captures_that_are_read_ahead_come_in_their_order_with_what_failed_in_its_place() {
    let all = |count: usize| {
        (0..count).map(|place| match place % 7 {
            3 => Err(CaptureError::Evidence { file: "x".into(), verb: "read", source: io::Error::other("x") }),
            // Larger than what is read ahead.
            5 => Ok(capture(place as i64, &"x".repeat(3 << 20))),
            _ => Ok(capture(place as i64, "x")),
        })
    };
    let shown = |captures: Vec<Result<Capture, CaptureError>>| -> Vec<Option<(Timestamp, usize)>> {
        captures.into_iter().map(|capture| capture.ok().map(|c| (c.captured_at, c.body.len()))).collect()
    };
    for count in [0, 1, 6, 20] {
        assert_eq!(shown(Ahead::new(all(count)).collect()), shown(all(count).collect()), "{count}");
    }
    let many = || (0..2 * AHEAD + 7).map(|place| Ok(capture(place as i64, "x")));
    assert_eq!(shown(Ahead::new(many()).collect()), shown(many().collect()));
    // Whoever wants no more ends the reading.
    assert!(Ahead::new(many()).next().is_some_and(|capture| capture.is_ok()));
}

#[test]
#[should_panic(expected = "in the reader")]
fn a_panic_while_reading_ahead_is_not_the_end_of_the_captures() {
    Ahead::new((0..2).map(|place| if place == 1 { panic!("in the reader") } else { Ok(capture(0, "x")) }))
        .for_each(drop);
}

#[test]
fn the_same_captures_give_the_same_bytes() {
    let folders: Vec<_> = (0..2).map(|_| tempfile::tempdir().unwrap()).collect();
    let files: Vec<Vec<u8>> = folders
        .iter()
        .map(|folder| fs::read(Store::new(folder.path()).append("bus", &capture(0, "x")).unwrap().file).unwrap())
        .collect();
    assert_eq!(files[0], files[1]);
}

/// All bytes of a source's archives and of their torn ends, one after the other.
fn kept_bytes(store: &Store) -> usize {
    let day = store.file("bus", capture(0, "").captured_at);
    let paths = children(day.parent().unwrap()).unwrap();
    paths.iter().map(|path| fs::read(path).unwrap().len()).sum()
}

fn bodies(listing: &Listing) -> Vec<String> {
    let captures = read(listing.entries.clone()).collect::<Result<Vec<_>, _>>().unwrap();
    captures.iter().map(|capture| String::from_utf8_lossy(&capture.body).into_owned()).collect()
}

fn forget(store: &Store) {
    fs::remove_file(store.folder.join("bus/.state.json")).unwrap();
}

#[test]
fn what_a_crash_left_is_moved_aside_by_the_next_append() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::without_fsync(folder.path());
    let first = store.append("bus", &capture(0, "first")).unwrap();
    let second = store.append("bus", &capture(15, "second")).unwrap();
    let whole = fs::read(&first.file).unwrap();
    let torn = first.file.with_extension("gz.torn");
    for length in 0..whole.len() as u64 {
        fs::write(&first.file, &whole[..length as usize]).unwrap();
        let store = Store::without_fsync(folder.path());
        let listing = all(&store);
        let expected = usize::from(length >= second.offset);
        let at = if length >= second.offset {
            second.offset
        } else if length >= first.offset {
            first.offset
        } else {
            0
        };
        assert_eq!(listing.entries.len(), expected, "{length}");
        let kinds: Vec<_> = listing.damage.iter().map(|damage| (damage.kind, damage.offset)).collect();
        assert_eq!(kinds, if length == at { vec![] } else { vec![(Kind::Torn, at)] }, "{length}");
        store.append("bus", &capture(30, "third")).unwrap();
        let healed = all(&store);
        assert!(healed.damage.is_empty(), "{length}");
        assert_eq!(healed.entries.len(), expected + 1, "{length}");
        assert_eq!(store.open(healed.entries.last().unwrap()).unwrap().body, "third");
        assert_eq!(fs::read(&torn).unwrap_or_default(), &whole[at as usize..length as usize]);
        let _ = fs::remove_file(&torn);
    }
}

#[test]
fn a_torn_end_never_replaces_another() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let entry = store.append("bus", &capture(0, "x")).unwrap();
    for number in 0..3 {
        let mut archive = fs::read(&entry.file).unwrap();
        archive.extend_from_slice(&[0x1f, 0x8b, 8, 0, number]);
        fs::write(&entry.file, archive).unwrap();
        Store::new(folder.path()).append("bus", &capture(15, "y")).unwrap();
    }
    for (number, name) in ["torn", "torn.2", "torn.3"].iter().enumerate() {
        let path = PathBuf::from(format!("{}.{name}", entry.file.display()));
        assert_eq!(fs::read(&path).unwrap(), [0x1f, 0x8b, 8, 0, number as u8]);
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn an_acknowledged_record_that_was_cut_is_damage_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    store.append("bus", &capture(0, "first")).unwrap();
    let second = store.append("bus", &capture(15, "second")).unwrap();
    let whole = fs::read(&second.file).unwrap();
    fs::write(&second.file, &whole[..whole.len() - 20]).unwrap();
    let store = Store::new(folder.path());
    assert_eq!(all(&store).damage[0].kind, Kind::Damaged);
    assert!(matches!(store.latest("bus", Timestamp::MAX), Err(CaptureError::Damaged { .. })));
    store.append("bus", &capture(30, "third")).unwrap();
    assert!(fs::read(&second.file).unwrap().starts_with(&whole[..whole.len() - 20]));
    assert_eq!(bodies(&all(&store)), ["first", "third"]);
}

#[test]
fn one_flipped_byte_costs_one_record_and_the_next_append_costs_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let entries: Vec<Entry> =
        (0..4).map(|i| store.append("bus", &capture(i * 15, &format!("body {i}"))).unwrap()).collect();
    let whole = fs::read(&entries[0].file).unwrap();
    for at in entries[1].offset..entries[2].offset {
        let mut bytes = whole.clone();
        bytes[at as usize] ^= 0x10;
        fs::write(&entries[0].file, &bytes).unwrap();
        let store = Store::new(folder.path());
        let listing = all(&store);
        let read = bodies(&listing);
        // The gzip header's time and system may be anything.
        if read.len() == 4 {
            assert!((4..10).contains(&(at - entries[1].offset)), "{at}");
            continue;
        }
        assert_eq!(read, ["body 0", "body 2", "body 3"], "{at}");
        let [damage] = listing.damage.as_slice() else { panic!("{:?}", listing.damage) };
        assert_eq!((damage.offset, damage.length, damage.kind), (entries[1].offset, entries[1].length, Kind::Damaged));
        store.append("bus", &capture(60, "body 4")).unwrap();
        assert!(fs::read(&entries[0].file).unwrap().starts_with(&bytes));
        assert_eq!(bodies(&all(&store)), ["body 0", "body 2", "body 3", "body 4"]);
    }
}

#[test]
fn a_reader_waits_for_an_append_that_is_at_work() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    store.append("bus", &capture(0, "first")).unwrap();
    let second = store.append("bus", &capture(15, "second")).unwrap();
    let whole = fs::read(&second.file).unwrap();
    fs::write(&second.file, &whole[..whole.len() - 7]).unwrap();
    let lock = store.lock("bus").unwrap();
    let reader = std::thread::spawn({
        let store = Store::new(folder.path());
        move || all(&store)
    });
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(!reader.is_finished());
    fs::write(&second.file, &whole).unwrap();
    drop(lock);
    let listing = reader.join().unwrap();
    assert_eq!((listing.entries.len(), listing.damage), (2, Vec::new()));
}

#[test]
fn a_poll_does_not_read_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let entry = Store::new(folder.path()).append("bus", &capture(0, "first")).unwrap();
    // Zeros of the same length, which whoever reads them would take for damage.
    let length = fs::metadata(&entry.file).unwrap().len();
    fs::write(&entry.file, vec![0; length as usize]).unwrap();
    let store = Store::new(folder.path());
    let known = store.validators("bus").unwrap();
    assert_eq!((known.etag.as_deref(), known.digest), (Some("\"a\""), Some(Digest::of(b"first"))));
    assert_eq!(store.append("bus", &capture(15, "second")).unwrap().offset, length);
    assert_eq!(Store::new(folder.path()).validators("bus").unwrap().digest, Some(Digest::of(b"second")));
    // Without the state the archive is read, and what is found is remembered.
    forget(&store);
    assert_eq!(Store::new(folder.path()).validators("bus").unwrap().digest, Some(Digest::of(b"second")));
    assert_eq!(State::read(&folder.path().join("bus")).unwrap().length, fs::metadata(&entry.file).unwrap().len());
    // A newer archive that somebody put there is seen.
    let newer = Store::without_fsync(folder.path());
    newer.append("bus", &capture(7200, "third")).unwrap();
    assert_eq!(store.validators("bus").unwrap().digest, Some(Digest::of(b"third")));
    // An older capture, as from an import, is not the newest.
    store.append("bus", &capture(3600, "older")).unwrap();
    assert_eq!(Store::new(folder.path()).validators("bus").unwrap().digest, Some(Digest::of(b"third")));
}

#[test]
fn a_source_whose_last_answer_was_not_readable_is_asked_without_conditions() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let written = store.write("bus", &NewRecord::of(capture(0, "<html>")), Some(false)).unwrap();
    store.finish(written).unwrap();
    let known = store.validators("bus").unwrap();
    assert_eq!((known.are_conditions(), known.digest), (false, Some(Digest::of(b"<html>"))));
}

#[test]
fn damage_at_the_newest_capture_is_an_error_and_never_the_older_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    store.append("bus", &capture(0, "yesterday")).unwrap();
    let older = store.append("bus", &capture(86_400, "older")).unwrap();
    let newest = store.append("bus", &capture(86_415, "newest")).unwrap();
    let whole = fs::read(&newest.file).unwrap();
    let flip = |at: u64| {
        let mut bytes = whole.clone();
        bytes[at as usize] ^= 0xff;
        fs::write(&newest.file, bytes).unwrap();
    };
    flip(newest.offset + 30);
    let latest = |until: Timestamp| store.latest("bus", until);
    let error = latest(Timestamp::MAX).unwrap_err();
    let CaptureError::Damaged { file, offset, .. } = &error else { panic!("{error}") };
    assert_eq!((file.as_path(), *offset), (newest.file.as_ref(), newest.offset));
    assert!(error.to_string().contains("Restore the archive from a backup"), "{error}");
    assert!(matches!(store.first_from("bus", newest.captured_at), Err(CaptureError::Damaged { .. })));
    // Who passes over it gets the older ones, over archives.
    let passed: Vec<_> = store.newest_first("bus", Timestamp::MAX).filter_map(Result::ok).collect();
    assert_eq!(
        passed.iter().map(|entry| entry.captured_at).collect::<Vec<_>>(),
        [older.captured_at, capture(0, "").captured_at]
    );
    // What is before the damage is not touched by it.
    assert_eq!(latest(older.captured_at).unwrap().unwrap().captured_at, capture(0, "").captured_at);
    // Damage before the newest is none of it.
    flip(older.offset + 30);
    assert_eq!(latest(Timestamp::MAX).unwrap().unwrap(), newest);
    assert!(matches!(latest(newest.captured_at), Err(CaptureError::Damaged { .. })));
    assert!(matches!(store.first_from("bus", older.captured_at), Err(CaptureError::Damaged { .. })));
    fs::write(&newest.file, &whole).unwrap();
    assert_eq!(store.first_from("bus", older.captured_at).unwrap().unwrap(), older);
}

#[test]
fn a_record_above_the_limit_is_refused_when_it_comes_and_ends_no_archive() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    store.append("bus", &capture(0, "first")).unwrap();
    let large = capture(15, &"x".repeat(5_000));
    let entry = store.append("bus", &large).unwrap();
    store.append("bus", &capture(30, "third")).unwrap();
    let small = Store { most: 1_000, ..Store::new(folder.path()) };
    let listing = all(&small);
    assert_eq!(bodies(&listing), ["first", "third"]);
    let kinds: Vec<_> = listing.damage.iter().map(|damage| (damage.kind, damage.offset)).collect();
    assert_eq!(kinds, [(Kind::TooLarge, entry.offset)]);
    let before = kept_bytes(&small);
    let error = small.append("bus", &large).unwrap_err();
    assert!(matches!(error, CaptureError::Permanent { .. }) && error.to_string().contains("max_bytes"), "{error}");
    assert_eq!(kept_bytes(&small), before);
}

#[test]
fn a_body_of_two_gib_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let body = Bytes::from(vec![0; 2 << 30]);
    let large = Capture { body, ..capture(0, "") };
    assert!(matches!(Store::new(folder.path()).append("bus", &large), Err(CaptureError::Permanent { .. })));
    assert!(!folder.path().join("bus").exists());
}

#[test]
fn what_is_kept_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().join("evidence"));
    let entry = store.append("bus", &capture(0, "Fahrer 4711")).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let source = store.folder.join("bus");
    for file in [&*entry.file, source.join(".lock").as_path(), source.join(".state.json").as_path()] {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    for folder in entry.file.ancestors().skip(1).take(5) {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
    assert_eq!(store.sources().unwrap(), ["bus"]);
}

#[test]
fn a_record_is_found_behind_many_beginnings_that_come_to_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let entry = store.append("bus", &capture(0, &"x".repeat(400))).unwrap();
    let whole = fs::read(&entry.file).unwrap();
    let record = &whole[entry.offset as usize..];
    // Stored, so that the beginnings within it are blocks that swallow each other.
    let mut nested = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 0, 0xf0, 0xff, 0x0f, 0];
    nested.extend_from_slice(b"WARC/1.1\r\nWARC-Type: response\r\nContent-Length: 99999999999\r\n\r\n");
    for beginning in [&GZIP_MAGIC[..], &record[..60], &record[..record.len() - 1], &nested] {
        let mut bytes: Vec<u8> = b"\x1f\x8b\x08".to_vec();
        while bytes.len() < 2 << 20 {
            bytes.extend_from_slice(beginning);
        }
        bytes.extend_from_slice(record);
        fs::write(&entry.file, &bytes).unwrap();
        let clock = std::time::Instant::now();
        let listing = all(&Store::new(folder.path()));
        assert_eq!(listing.entries.len(), 1);
        assert!(clock.elapsed().as_secs() < 30, "{:?}", clock.elapsed());
    }
}

const GZIP_MAGIC: [u8; 4] = [0x1f, 0x8b, 8, 0];

proptest::proptest! {
    /// Bytes are flipped, cut out and put in at random. Each is followed by where it came from, so that it is known which
    /// records no edit has touched: they are read, now and after the next append, and no byte goes.
    #[test]
    fn no_record_that_was_not_touched_is_ever_lost(
        sizes in proptest::collection::vec((0_usize..400, proptest::bool::ANY), 1..7),
        edits in proptest::collection::vec((0_u8..3, 0.0..1.0_f64, 1_usize..120, proptest::num::u8::ANY), 1..6),
        is_forgotten in proptest::bool::ANY,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::without_fsync(folder.path());
        let store = if is_forgotten { store } else { Store::new(folder.path()) };
        let entries: Vec<Entry> = sizes.iter().enumerate().map(|(place, (size, is_stored))| {
            let noise: String = (0..*size).map(|i| char::from(b'a' + (i * i * 7 + i / 3 + place) as u8 % 26)).collect();
            let body = format!("{}{place} {noise}", if *is_stored { "PK" } else { "" });
            store.append("bus", &capture(place as i64 * 15, &body)).unwrap()
        }).collect();
        let mut bytes: Vec<(u8, Option<usize>)> =
            fs::read(&entries[0].file).unwrap().into_iter().enumerate().map(|(at, byte)| (byte, Some(at))).collect();
        for (kind, at, count, byte) in edits {
            let at = (at * bytes.len() as f64) as usize;
            let end = (at + count).min(bytes.len());
            match kind {
                0 if at < bytes.len() => bytes[at] = (bytes[at].0 ^ byte.max(1), None),
                1 => drop(bytes.drain(at..end)),
                // What is put in looks like a beginning now and then.
                _ => drop(bytes.splice(at..at, (0..count).map(|i| {
                    (if byte < 64 { GZIP_MAGIC[i % 4] } else { byte.wrapping_mul(i as u8) }, None)
                }))),
            }
        }
        let at_origin = |origin: usize| bytes.iter().position(|(_, from)| *from == Some(origin));
        let untouched: Vec<Timestamp> = entries.iter().filter(|entry| {
            let (offset, length) = (entry.offset as usize, entry.length as usize);
            at_origin(offset).is_some_and(|at| {
                at + length <= bytes.len() && (0..length).all(|i| bytes[at + i].1 == Some(offset + i))
            })
        }).map(|entry| entry.captured_at).collect();
        let mutated: Vec<u8> = bytes.iter().map(|(byte, _)| *byte).collect();
        fs::write(&entries[0].file, &mutated).unwrap();
        let store = Store::new(folder.path());
        let found = |store: &Store| -> Vec<Timestamp> {
            let listing = all(store);
            read(listing.entries).filter_map(Result::ok).map(|capture| capture.captured_at).collect()
        };
        let before = found(&store);
        proptest::prop_assert!(untouched.iter().all(|at| before.contains(at)), "{untouched:?} {before:?}");
        store.append("bus", &capture(900, "appended")).unwrap();
        let after = found(&store);
        proptest::prop_assert!(untouched.iter().all(|at| after.contains(at)), "{untouched:?} {after:?}");
        proptest::prop_assert!(after.contains(&capture(900, "").captured_at));
        let archive = fs::read(&entries[0].file).unwrap();
        let torn = fs::read(entries[0].file.with_extension("gz.torn")).unwrap_or_default();
        let kept = [&mutated[..mutated.len() - torn.len()], &torn].concat();
        proptest::prop_assert!(archive.starts_with(&mutated[..mutated.len() - torn.len()]) && kept == mutated);
    }
}

#[test]
fn evidence_that_was_changed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let mut entry = store.append("bus", &capture(0, "honest")).unwrap();
    let mut forged = capture(0, "forged");
    forged.digest = Digest::of(b"honest");
    let mut bytes = Vec::new();
    warc::write_record(&mut bytes, &NewRecord::of(forged.clone())).unwrap();
    fs::write(&entry.file, &bytes).unwrap();
    (entry.offset, entry.length) = (0, bytes.len() as u64);
    let error = store.open(&entry).unwrap_err();
    assert!(error.to_string().contains("digest differs"), "{error}");
}

#[test]
fn no_bytes_make_the_scan_panic() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let file = store.file("bus", capture(0, "").captured_at);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    for bytes in [&b""[..], b"\x1f\x8b", b"WARC/1.1\r\n\r\n", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 3, 0, 0, 0]] {
        fs::write(&file, bytes).unwrap();
        assert!(all(&store).entries.is_empty());
    }
}

/// A body whose feed has a header time, a record that it is the same, or a note.
fn record(second: i64, feed_time: Option<i64>, content: NewContent) -> NewRecord {
    let at = |second: i64| Timestamp::from_second(1_795_510_800 + second).unwrap();
    let beat = Some(crate::capture::beat::Beat { due: at(second), every: std::time::Duration::from_secs(15) });
    let feed_time = feed_time.map(at);
    NewRecord { beat, feed_time, ..NewRecord { content, ..NewRecord::of(capture(second, "x")) } }
}

#[test]
fn whether_a_source_is_well_is_known_without_its_archives() {
    use crate::capture::record::{Note, Unchanged};
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let at = |second: i64| Some(Timestamp::from_second(1_795_510_800 + second).unwrap());
    assert_eq!(store.health("bus"), None);
    let keep = |second, feed_time, content: NewContent, readable| {
        let written = store.write("bus", &record(second, feed_time, content), readable).unwrap();
        store.finish(written).unwrap();
        store.health("bus").unwrap()
    };
    let body = |second| NewContent::Body(capture(second, &format!("body {second}")));
    let same = || {
        NewContent::Unchanged(Unchanged {
            digest: Digest::of(b"x"),
            captured_at: Timestamp::from_second(1_795_510_800).unwrap(),
            is_not_modified: true,
            status: 304,
            headers: Vec::new(),
        })
    };
    let failed = || NewContent::Note(Note::Failed { kind: crate::capture::FailureKind::TimeOut, problem: "x".into() });
    let health = |good, beat, body, (time, since)| SourceHealth {
        last_good: at(good),
        last_beat: at(beat),
        last_body: at(body),
        feed_time: at(time),
        feed_since: at(since),
        failing: None,
        clock: None,
    };
    assert_eq!(keep(0, Some(-5), body(0), Some(true)), health(0, 0, 0, (-5, 0)));
    assert_eq!(keep(15, Some(-5), same(), None), health(15, 15, 0, (-5, 0)));
    // Another body of the same header time.
    assert_eq!(keep(30, Some(-5), body(30), Some(true)), health(30, 30, 30, (-5, 0)));
    assert_eq!(keep(45, Some(40), body(45), Some(true)), health(45, 45, 45, (40, 45)));
    let failing = |since, beats| at(since).map(|since| Failing { since, beats });
    assert_eq!(
        keep(60, None, failed(), None),
        SourceHealth { failing: failing(60, 1), ..health(45, 60, 45, (40, 45)) }
    );
    // A page, and the same page again.
    let page = keep(75, None, body(75), Some(false));
    assert_eq!((page.last_good, page.last_body, page.feed_time), (at(45), at(45), None));
    let again = keep(90, None, same(), None);
    assert_eq!((again.last_good, again.failing), (at(45), failing(60, 3)));
    assert_eq!(keep(105, Some(100), body(105), Some(true)), health(105, 105, 105, (100, 105)));
    let silent = keep(120, None, NewContent::Note(Note::Silent), None);
    assert_eq!((silent.last_good, silent.last_body), (at(120), at(105)));
    // What was imported of an earlier time.
    let imported = NewRecord::of(capture(-3000, "earlier"));
    let written = store.write("bus", &imported, Some(true)).unwrap();
    store.finish(written).unwrap();
    assert_eq!(store.health("bus").unwrap().last_good, at(120));
    // A state that an earlier program wrote.
    let file = folder.path().join("bus/.state.json");
    let mut state: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    state.as_object_mut().unwrap().remove("good").unwrap();
    fs::write(&file, state.to_string()).unwrap();
    let old = store.health("bus").unwrap();
    assert_eq!((old.last_good, old.last_beat), (None, at(120)));
    assert_eq!(keep(135, None, same(), None).last_good, at(135));
    // A server whose clock is fifteen minutes slow, which the evidence follows: it was received when this machine says.
    let mut slow = capture(150 - 900, "slow");
    slow.headers.push(("Fahrtenbuch-Clock".to_owned(), at(150).unwrap().to_string()));
    let slow = keep(150 - 900, None, NewContent::Body(slow), Some(true));
    assert_eq!((slow.last_good, slow.last_body, slow.clock), (at(150), at(150), Some(-900)));
    assert_eq!(keep(165, None, body(165), Some(true)).clock, None);
}
