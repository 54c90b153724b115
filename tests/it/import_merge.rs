//! Evidence of another machine that asked the same sources is merged by the digests of its bodies.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bytes::Bytes;
use fahrtenbuch::capture::Capture;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::capture::evidence::take_over::{self, Record};
use fahrtenbuch::digest::Digest;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::import_archives::{captures, imported, refused};
use crate::readable::{TEN, gzip, keep, message, run, telemetry};
use crate::world::{World, copy, files};

const VEHICLES: &str = "stadtbus-vehicle-positions";

fn after(milliseconds: i64) -> Timestamp {
    Timestamp::from_second(TEN).unwrap() + SignedDuration::from_millis(milliseconds)
}

/// A capture at so many milliseconds after ten o'clock, of the message that the feed had at a second.
fn kept(world: &World, milliseconds: i64, second: i64) {
    let body = message(TEN + second, 2);
    let capture = Capture {
        url: "https://stadtbus.example/vp.pb".to_owned(),
        captured_at: after(milliseconds),
        status: 200,
        headers: vec![("ETag".to_owned(), format!("\"{second}\""))],
        digest: Digest::of(&body),
        body: Bytes::from(body),
    };
    Store::new(world.path("data/private/evidence")).append(VEHICLES, &capture).unwrap();
}

/// The evidence of one workspace into a folder of another.
fn carry(from: &World, to: &World, folder: &str) {
    let evidence = from.path("data/private/evidence");
    for name in files(&evidence.join(VEHICLES)).into_keys() {
        let target = to.path(folder).join(VEHICLES).join(&name);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        copy(&evidence.join(VEHICLES).join(&name), &target);
    }
}

fn archive(world: &World, hour: &str) -> PathBuf {
    let name = format!("{VEHICLES}/2026/11/24/{VEHICLES}-20261124T{hour}.warc.gz");
    world.path("data/private/evidence").join(name)
}

fn times(world: &World) -> Vec<i64> {
    captures(world, VEHICLES)
        .iter()
        .map(|capture| capture.captured_at.duration_since(after(0)).as_millis() as i64)
        .collect()
}

fn published(world: &World) -> Value {
    let (code, result, stderr) = run(world, &[]);
    assert_eq!(code, Some(0), "{stderr} {result:#}");
    result["record"]["tables"][0]["published"].clone()
}

/// Two machines that asked a feed of a new message every 15 s for ten minutes, each with its own delay, and each off for a while.
fn two() -> (World, World) {
    let (one, other) = (telemetry(), telemetry());
    for beat in 0..40 {
        if !(10..15).contains(&beat) {
            kept(&one, beat * 15_000 + 250 + beat % 7 * 100, beat * 15);
        }
        if !(20..30).contains(&beat) {
            // Some ask just before the message changes.
            kept(&other, beat * 15_000 + 900 + beat % 5 * 2_500, beat * 15);
        }
    }
    (one, other)
}

#[test]
fn what_two_machines_captured_is_there_once_in_either_order() {
    let mut results = Vec::new();
    for is_turned in [false, true] {
        let (one, other) = two();
        let (to, from) = if is_turned { (other, one) } else { (one, other) };
        carry(&from, &to, "other");
        let text = imported(&to, "other", &["--from", "the second machine"]);
        let (new, left_out) = if is_turned { (10, 25) } else { (5, 25) };
        assert!(text.contains(&format!("{VEHICLES}: {new} imported")), "{text}");
        assert!(text.contains(&format!("{left_out} left out (the store has the same body")), "{text}");
        let all = captures(&to, VEHICLES);
        let bodies: BTreeSet<Digest> = all.iter().map(|capture| capture.digest).collect();
        assert_eq!((all.len(), bodies.len()), (40, 40));
        // The time to the millisecond, and the headers of the answer.
        assert!(
            all.iter().all(|capture| capture.headers[0].0 == "ETag" && capture.captured_at.subsec_millisecond() > 0)
        );
        let before = files(&to.path("data/private"));
        let text = imported(&to, "other", &[]);
        assert!(text.contains("nothing new"), "{text}");
        assert_eq!(files(&to.path("data/private")), before);
        results.push(published(&to));
        // And back again: nothing is doubled there, either.
        carry(&to, &from, "back");
        imported(&from, "back", &[]);
        let all = captures(&from, VEHICLES);
        assert_eq!((all.len(), all.iter().map(|capture| capture.digest).collect::<BTreeSet<_>>().len()), (40, 40));
    }
    assert_eq!(results[0], results[1]);
}

#[test]
fn a_merge_that_was_cut_off_is_completed_by_the_next() {
    let (one, other) = two();
    carry(&other, &one, "other");
    imported(&one, "other", &[]);
    let expected = times(&one);
    let path = archive(&one, "10");
    let bytes = std::fs::read(&path).unwrap();
    for cut in [40, 700, 1500] {
        std::fs::write(&path, &bytes[..bytes.len() - cut]).unwrap();
        imported(&one, "other", &[]);
        assert_eq!(times(&one), expected);
    }
}

#[test]
fn the_same_body_again_is_a_snapshot_of_one_machine_and_adds_nothing_from_another() {
    // A feed that stands still: each machine has it at every beat.
    let (one, other) = (telemetry(), telemetry());
    for beat in 0..8 {
        kept(&other, beat * 15_000 + 900, 0);
    }
    carry(&other, &one, "other");
    let text = imported(&one, "other", &[]);
    assert!(text.contains("8 imported"), "{text}");
    assert!(imported(&one, "other", &[]).contains("nothing new, 8 there already"));
    // Between two of its own with that body there is nothing to add; behind them there is.
    let one = telemetry();
    kept(&one, 0, 0);
    kept(&one, 60_000, 0);
    carry(&other, &one, "other");
    let text = imported(&one, "other", &[]);
    assert!(text.contains("3 imported") && text.contains("5 left out"), "{text}");
    assert_eq!(times(&one), [0, 60_000, 75_900, 90_900, 105_900]);
}

/// Appends a record to an archive, made by hand.
fn append(world: &World, hour: &str, fields: &str, block: &str) {
    let id = Digest::of(format!("{fields}{block}").as_bytes()).to_string();
    let text = format!(
        "WARC/1.1\r\n{fields}WARC-Record-ID: <urn:uuid:{}>\r\nContent-Length: {}\r\n\r\n{block}\r\n\r\n",
        &id[..32],
        block.len()
    );
    let path = archive(world, hour);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let before = std::fs::read(&path).unwrap_or_default();
    std::fs::write(path, [before, gzip(text.as_bytes())].concat()).unwrap();
}

fn revisit(world: &World, hour: &str, milliseconds: i64, of: (i64, i64)) {
    let digest = Digest::of(&message(TEN + of.1, 2));
    let at = after(milliseconds);
    let fields = format!(
        "WARC-Type: revisit\r\nWARC-Date: {at}\r\nWARC-Target-URI: https://stadtbus.example/vp.pb?key=geheim\r\n\
         WARC-Profile: http://netpreserve.org/warc/1.1/revisit/identical-payload-digest\r\n\
         WARC-Payload-Digest: sha256:{digest}\r\nWARC-Refers-To-Target-URI: https://stadtbus.example/vp.pb\r\n\
         WARC-Refers-To-Date: {}\r\nFahrtenbuch-Beat: {at} 15s\r\nContent-Type: application/http; msgtype=response\r\n",
        after(of.0)
    );
    append(world, hour, &fields, "HTTP/1.1 200 OK\r\n\r\n");
}

fn failure(world: &World, hour: &str, milliseconds: i64) {
    let at = after(milliseconds);
    let fields = format!(
        "WARC-Type: metadata\r\nWARC-Date: {at}\r\nFahrtenbuch-Beat: {at} 15s\r\nContent-Type: application/warc-fields\r\n"
    );
    append(world, hour, &fields, "outcome: failed\r\nkind: time_out\r\n");
}

fn note(world: &World, hour: &str, milliseconds: i64, block: &str) {
    let at = after(milliseconds);
    let fields = format!(
        "WARC-Type: metadata\r\nWARC-Date: {at}\r\nFahrtenbuch-Beat: {at} 15s\r\nContent-Type: application/warc-fields\r\n"
    );
    append(world, hour, &fields, block);
}

fn records(world: &World, hour: &str) -> Vec<Record> {
    take_over::records(&archive(world, hour)).unwrap().0
}

/// Kinds of the records of an archive: body, revisit, other.
fn kinds(world: &World, hour: &str) -> String {
    records(world, hour)
        .iter()
        .map(|record| {
            if record.has_body {
                'b'
            } else if record.is_revisit {
                'r'
            } else {
                'm'
            }
        })
        .collect()
}

#[test]
fn records_of_beats_come_along_where_none_from_here_tells_of_the_beat() {
    let other = telemetry();
    kept(&other, 900, 0);
    revisit(&other, "10", 15_900, (900, 0));
    failure(&other, "10", 30_900);
    // A timetable's beat: the body is in no archive of the hour.
    revisit(&other, "11", 3_600_900, (900, 0));
    let one = telemetry();
    carry(&other, &one, "other");
    let text = imported(&one, "other", &[]);
    assert!(text.contains("2 imported") && text.contains("2 records of beats without a body imported"), "{text}");
    assert_eq!((kinds(&one, "10").as_str(), kinds(&one, "11").as_str()), ("brm", "r"));
    // Every field is there, the key in the address is not.
    let all = records(&one, "10");
    assert_eq!((all[1].at, all[1].every), (after(15_900), Some(SignedDuration::from_secs(15))));
    assert!(all[1].url.contains("key=REDACTED"), "{}", all[1].url);
    let before = files(&one.path("data/private"));
    assert!(imported(&one, "other", &[]).contains("nothing new, 2 there already"));
    assert_eq!(files(&one.path("data/private")), before);

    // A beat that is told from here stands as it is; captures and the other beats are added, once.
    let one = telemetry();
    failure(&one, "10", 0);
    failure(&one, "10", 30_000);
    carry(&other, &one, "other");
    imported(&one, "other", &[]);
    assert_eq!((kinds(&one, "10").as_str(), kinds(&one, "11").as_str()), ("mmbr", "r"));
    failure(&other, "10", 60_900);
    note(&other, "10", 75_900, "outcome: skipped\r\nbeats: 3\r\nreason: late\r\n");
    carry(&other, &one, "again");
    imported(&one, "again", &[]);
    imported(&one, "again", &[]);
    assert_eq!(kinds(&one, "10"), "mmbrmm");
}

/// A collector that began within an hour takes over what another one has of that hour before it.
#[test]
fn an_hour_in_which_a_collector_began_is_completed_by_that_of_another_machine() {
    let (other, one) = (telemetry(), telemetry());
    note(&other, "10", 0, "outcome: started\r\nreason: program\r\n");
    (0..8).for_each(|beat| failure(&other, "10", beat * 15_000));
    note(&other, "10", 120_000, "outcome: skipped\r\nbeats: 8\r\nreason: left_alone\r\n");
    note(&other, "10", 240_000, "outcome: stopped\r\nreason: program\r\n");
    note(&one, "10", 180_000, "outcome: started\r\nreason: program\r\n");
    (12..40).for_each(|beat| failure(&one, "10", beat * 15_000));
    carry(&other, &one, "other");
    imported(&one, "other", &[]);
    let mut explained = Vec::new();
    let mut give =
        |stretch: fahrtenbuch::capture::coverage::Stretch| explained.push((stretch.explanation.class(), stretch.beats));
    let mut explainer = fahrtenbuch::capture::coverage::Explainer::new(&mut give);
    let store = Store::new(one.path("data/private/evidence"));
    let found = store.records(VEHICLES, after(-60_000), after(660_000)).unwrap();
    found.iter().for_each(|record| explainer.push(record));
    let repeated = explainer.finish(fahrtenbuch::capture::coverage::End { at: after(600_000), at_work: None });
    let of = |class| explained.iter().filter(|(other, _)| *other == class).map(|(_, beats)| beats).sum::<u64>();
    use fahrtenbuch::capture::coverage::Class;
    assert_eq!(
        (of(Class::Failed), of(Class::Skipped), of(Class::Off), of(Class::Unexplained)),
        (36, 4, 0, 0),
        "{explained:?}"
    );
    assert_eq!(repeated, 0);
    let before = files(&one.path("data/private"));
    imported(&one, "other", &[]);
    assert_eq!(files(&one.path("data/private")), before);
}

#[test]
fn a_revisit_brings_its_body_or_names_the_one_that_is_there() {
    let other = telemetry();
    kept(&other, 900, 0);
    revisit(&other, "10", 15_900, (900, 0));
    revisit(&other, "10", 30_900, (900, 0));
    // The body is there from this machine, at another time.
    let one = telemetry();
    kept(&one, 250, 0);
    carry(&other, &one, "other");
    let text = imported(&one, "other", &[]);
    assert!(text.contains("2 imported") && text.contains("1 left out"), "{text}");
    assert_eq!(kinds(&one, "10"), "brr");
    let text = String::from_utf8(inflated(&std::fs::read(archive(&one, "10")).unwrap())).unwrap_or_default();
    let refers = format!("WARC-Refers-To-Date: {}", after(250));
    assert_eq!(text.matches(&refers).count(), if text.is_empty() { 0 } else { 2 });
    // It is not there: it comes before the revisits.
    let one = telemetry();
    kept(&one, -5_000, 0);
    carry(&other, &one, "other");
    let text = imported(&one, "other", &[]);
    assert!(text.contains("3 imported") && text.contains("1 left out"), "{text}");
    assert_eq!(kinds(&one, "10"), "brr");
    assert!(imported(&one, "other", &[]).contains("nothing new, 3 there already"));
}

fn inflated(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(bytes), &mut out).unwrap();
    // Bodies are no text.
    out.retain(u8::is_ascii);
    out
}

#[test]
fn a_store_is_merged_source_by_source_and_what_is_damaged_in_it_is_told() {
    let (one, other) = (telemetry(), telemetry());
    (0..4).for_each(|beat| kept(&other, beat * 15_000 + 900, beat * 15));
    keep(&other, "another-network-vehicles", TEN, &[], &message(TEN, 1));
    let folder = other.path("data/private/evidence");
    for name in files(&folder).into_keys() {
        let target = one.path("other").join(&name);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        copy(&folder.join(&name), &target);
    }
    // The archive is still being written there.
    let path = one.path("other").join(format!("{VEHICLES}/2026/11/24/{VEHICLES}-20261124T10.warc.gz"));
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 30]).unwrap();
    let text = imported(&one, "other", &[]);
    assert!(text.contains(&format!("{VEHICLES}: 3 imported")), "{text}");
    assert!(text.contains("1 (ends of archives whose last record is not complete)"), "{text}");
    assert!(text.contains("(archives of other sources of a store)"), "{text}");
    // The rest comes when it is there.
    std::fs::write(&path, &whole).unwrap();
    assert!(imported(&one, "other", &[]).contains("1 imported"), "the last");
    // Damage in its middle is none of a writer.
    let mut broken = whole.clone();
    let middle = whole.len() / 2;
    broken[middle..middle + 20].fill(0xff);
    std::fs::write(&path, broken).unwrap();
    refused(&one, "other", &[], &["is damaged from byte"]);
    std::fs::write(&path, &whole).unwrap();
    copy(&path, &{
        let second = one.path("other/second").join(path.strip_prefix(one.path("other")).unwrap());
        std::fs::create_dir_all(second.parent().unwrap()).unwrap();
        second
    });
    refused(&one, "other", &[], &["it is of another store than archives before it"]);
}
