//! Sealed evidence that is kept elsewhere: a folder or S3, runs over it, imports into it, and a store that is down.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use bytes::Bytes;
use fahrtenbuch::capture::Capture;
use fahrtenbuch::capture::evidence::remote::{Location, Remote};
use fahrtenbuch::capture::evidence::seal::{Due, seal};
use fahrtenbuch::capture::evidence::upload::{self, Rebuilt};
use fahrtenbuch::capture::evidence::{Listing, Store, read};
use fahrtenbuch::digest::Digest;
use fahrtenbuch::object_stores::Options;
use jiff::{SignedDuration, Timestamp};

use crate::import_archives::import;
use crate::readable::{PIPELINE, TEN, message, telemetry, told};
use crate::world::{World, copy, files, http_with, s3};

const VEHICLES: &str = "stadtbus-vehicle-positions";

/// A workspace whose evidence lies in the private store.
fn private() -> World {
    let world = World::new();
    std::fs::create_dir_all(world.path("data/private")).unwrap();
    std::fs::rename(world.path("data/sample/evidence"), world.path("data/private/evidence")).unwrap();
    world.replace(PIPELINE, "data/sample/evidence", "data/private/evidence");
    world
}

fn archives(folder: &Path) -> Vec<String> {
    files(folder).into_keys().filter(|name| name.contains(".warc")).collect()
}

fn same(world: &World, reference: &World) {
    let (found, expected) = (world.published(), reference.published());
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, bytes) in &expected {
        assert!(found[name] == *bytes, "{name} differs");
    }
}

fn sealed(world: &World) -> Output {
    world.program(&["evidence", "seal"])
}

#[test]
fn a_run_over_evidence_that_is_kept_in_a_folder_publishes_the_same_bytes() {
    let reference = private();
    reference.run();
    let world = private();
    world.take_keys(&reference);
    world.replace("fahrtenbuch.yaml", "limits:\n", "evidence: elsewhere\n\nlimits:\n  spool: 1 MiB\n");
    let check = world.program(&["check"]);
    assert!(check.status.success(), "{}", told(&check));
    // The folder of a disk that is not mounted is not made.
    let output = sealed(&world);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("Mount its disk") && told(&output).contains("of evidence ("), "{}", told(&output));
    assert!(!world.path("elsewhere").exists());
    let output = world.program(&["evidence", "list", VEHICLES]);
    assert!(told(&output).contains("wait to be stored at"), "{}", told(&output));
    std::fs::create_dir(world.path("elsewhere")).unwrap();
    let output = sealed(&world);
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains(&format!("{VEHICLES}: ")) && told(&output).contains("archives stored at"));
    assert!(!told(&output).contains("wait to be stored"), "{}", told(&output));
    assert_eq!(archives(&world.path("data/private/evidence")), Vec::<String>::new());
    world.run();
    same(&world, &reference);
    // An object that is gone is told; never is there no evidence.
    let lost = archives(&world.path("elsewhere")).into_iter().find(|name| name.contains(VEHICLES)).unwrap();
    let object = world.path("elsewhere").join(&lost);
    let bytes = std::fs::read(&object).unwrap();
    std::fs::remove_file(&object).unwrap();
    std::fs::remove_dir_all(world.path("data/private/evidence-cache")).unwrap();
    let output = world.program(&["run", "stadtbus-telemetrie", "--date", "2026-11-24"]);
    assert_eq!(output.status.code(), Some(42), "{}", told(&output));
    assert!(told(&output).contains(&lost) && told(&output).contains("is gone"), "{}", told(&output));
    let output = world.program(&["evidence", "seal", "--rebuild"]);
    assert_eq!(output.status.code(), Some(42), "{}", told(&output));
    let output = world.program(&["evidence", "verify"]);
    assert!(!output.status.success() && told(&output).contains(&lost), "{}", told(&output));
    std::fs::write(&object, bytes).unwrap();
    let output = world.program(&["evidence", "verify"]);
    assert!(output.status.success(), "{}", told(&output));
    let again = world.run_of(&["stadtbus-telemetrie", "--date", "2026-11-24"]);
    assert_eq!(again["stadtbus-telemetrie"]["nothing_new"], true, "{again:?}");
}

/// A capture of the message that the feed had at a second after ten o'clock.
fn kept(world: &World, second: i64) {
    let body = message(TEN + second, 2);
    let capture = Capture {
        url: "https://stadtbus.example/vp.pb".to_owned(),
        captured_at: Timestamp::from_second(TEN + second).unwrap(),
        status: 200,
        headers: vec![],
        digest: Digest::of(&body),
        body: Bytes::from(body),
    };
    Store::new(world.path("data/private/evidence")).append(VEHICLES, &capture).unwrap();
}

#[test]
fn evidence_of_another_machine_is_merged_into_hours_that_are_kept_elsewhere() {
    let (one, other, plain) = (telemetry(), telemetry(), telemetry());
    for beat in 0..20 {
        if beat < 10 {
            kept(&one, beat * 15);
            kept(&plain, beat * 15);
        }
        kept(&other, beat * 15);
    }
    std::fs::create_dir(one.path("elsewhere")).unwrap();
    one.replace("fahrtenbuch.yaml", "limits:\n", "evidence: elsewhere\nlimits:\n");
    assert!(sealed(&one).status.success());
    assert_eq!(archives(&one.path("data/private/evidence")), Vec::<String>::new());
    for to in [&one, &plain] {
        copy(&other.path("data/private/evidence").join(VEHICLES), &to.path("other").join(VEHICLES));
        let output = import(to, "other", &[]);
        assert!(told(&output).contains(&format!("{VEHICLES}: 10 imported")), "{}", told(&output));
        let output = import(to, "other", &[]);
        assert!(told(&output).contains("nothing new"), "{}", told(&output));
    }
    let run = |world: &World| {
        let results = world.run_of(&["stadtbus-telemetrie", "--date", "2026-11-24"]);
        let tables = results["stadtbus-telemetrie"]["record"]["tables"].clone();
        tables.as_array().unwrap().iter().map(|table| table["published"].clone()).collect::<Vec<_>>()
    };
    let expected = run(&plain);
    assert_eq!(run(&one), expected);
    let output = sealed(&one);
    assert!(told(&output).contains(&format!("{VEHICLES}: 1 archive stored")), "{}", told(&output));
    std::fs::remove_dir_all(one.path("data/private/evidence-cache")).unwrap();
    assert_eq!(archives(&one.path("elsewhere")).iter().filter(|name| name.contains(VEHICLES)).count(), 2);
    let output = import(&one, "other", &[]);
    assert!(told(&output).contains("nothing new"), "{}", told(&output));
    let again = one.run_of(&["stadtbus-telemetrie", "--date", "2026-11-24"]);
    assert_eq!(again["stadtbus-telemetrie"]["nothing_new"], true, "{again:?}");
}

fn options(port: u16) -> BTreeMap<String, String> {
    let endpoint = format!("http://127.0.0.1:{port}");
    let options = [
        ("endpoint", endpoint.as_str()),
        ("region", "us-east-1"),
        ("access_key_id", "x"),
        ("secret_access_key", "y"),
        ("allow_http", "true"),
    ];
    options.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn configuration(port: u16) -> String {
    let options = options(port).into_iter().map(|(name, value)| format!("{name}: '{value}'"));
    let options = options.collect::<Vec<_>>().join(", ");
    format!("evidence:\n  location: s3://stadtbus/belege\n  options: {{{options}}}\nlimits:\n")
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn evidence_goes_to_s3_and_is_read_from_there() {
    let reference = private();
    reference.run();
    let world = private();
    world.take_keys(&reference);
    // Nobody listens there.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    world.replace("fahrtenbuch.yaml", "limits:\n", &configuration(closed));
    let output = sealed(&world);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("wait to be stored at s3://stadtbus/belege, the oldest since"), "{}", told(&output));
    let waiting = archives(&world.path("data/private/evidence"));
    assert!(!waiting.is_empty() && waiting.iter().all(|name| name.ends_with(".warc.zst")), "{waiting:?}");
    let server = s3();
    let text = std::fs::read_to_string(world.path("fahrtenbuch.yaml")).unwrap();
    world.write("fahrtenbuch.yaml", &text.replace(&closed.to_string(), &server.port.to_string()));
    let output = sealed(&world);
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(archives(&world.path("data/private/evidence")), Vec::<String>::new());
    world.run();
    same(&world, &reference);
    let lines = files(&world.path("data/private/evidence")).into_iter();
    let lines: String = lines
        .filter(|(name, _)| name.ends_with("stored.jsonl") && name.contains(VEHICLES))
        .map(|(_, bytes)| String::from_utf8(bytes).unwrap())
        .collect();
    assert_eq!(lines.lines().count(), waiting.iter().filter(|name| name.contains(VEHICLES)).count());
    // Lines that were lost are made anew.
    std::fs::remove_dir_all(world.path("data/private/evidence").join(VEHICLES)).unwrap();
    let output = world.program(&["evidence", "seal", "--rebuild"]);
    assert!(output.status.success(), "{}", told(&output));
    let again = world.run_of(&["stadtbus-telemetrie", "--date", "2026-11-24"]);
    assert_eq!(again["stadtbus-telemetrie"]["nothing_new"], true, "{again:?}");
    // An object that somebody wrote over.
    let object = lines.lines().next().unwrap().split("\"object\":\"").nth(1).unwrap().split('"').next().unwrap();
    let path = format!("/stadtbus/belege/{VEHICLES}/2026/11/24/{object}");
    assert!(http_with(server.port, &format!("PUT {path}"), b"nothing").contains(" 200 "));
    std::fs::remove_dir_all(world.path("data/private/evidence-cache")).unwrap();
    let output = world.program(&["run", "stadtbus-telemetrie", "--date", "2026-11-24"]);
    assert_eq!(output.status.code(), Some(42), "{}", told(&output));
    assert!(told(&output).contains(object) && told(&output).contains("was changed"), "{}", told(&output));
    assert!(http_with(server.port, &format!("DELETE {path}"), b"").contains(" 204 "));
    let output = world.program(&["run", "stadtbus-telemetrie", "--date", "2026-11-24"]);
    assert!(output.status.code() == Some(42) && told(&output).contains("is gone"), "{}", told(&output));
    drop(server);
    let output = world.program(&["run", "stadtbus-telemetrie", "--date", "2026-11-24"]);
    assert!(output.status.code() == Some(1) && told(&output).contains("the store failed"), "{}", told(&output));
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_large_archive_goes_to_s3_in_parts_can_be_stopped_and_is_removed_for_good() {
    let server = s3();
    let root = tempfile::tempdir().unwrap();
    let (evidence, cache) = (root.path().join("evidence"), root.path().join("cache"));
    let options = Options { values: options(server.port), named: None };
    let location = Location { shown: "s3://stadtbus/groß/x".to_owned(), folder: None, options };
    let remote = Arc::new(Remote::new(location, cache.clone(), 1 << 30));
    let store = || Store::new(&evidence).with_remote(Some(remote.clone()));
    let mut dice = fastrand::Rng::with_seed(7);
    let kept: Vec<Capture> = (0..7)
        .map(|number| {
            let body: Vec<u8> = std::iter::repeat_with(|| dice.u8(..)).take(3 << 20).collect();
            Capture {
                url: "https://stadtbus.example/large".to_owned(),
                captured_at: Timestamp::from_second(TEN + number).unwrap(),
                status: 200,
                headers: vec![],
                digest: Digest::of(&body),
                body: Bytes::from(body),
            }
        })
        .collect();
    kept.iter().for_each(|capture| drop(store().append("bus", capture).unwrap()));
    let due = Due { until: Timestamp::MAX, quiet: std::time::Duration::ZERO, again: true, stop: &|| false };
    assert_eq!(seal(&evidence, "bus", &due).unwrap().hours, 1);
    let report = upload::store(&evidence, "bus", &remote, &|| true).unwrap();
    assert!(report.is_stopped && report.archives == 0);
    let looks = std::cell::Cell::new(0);
    let stop = || looks.replace(looks.get() + 1) > 0;
    let report = upload::store(&evidence, "bus", &remote, &stop).unwrap();
    assert!(report.is_stopped && archives(&evidence).len() == 1, "{report:?}");
    let report = upload::store(&evidence, "bus", &remote, &|| false).unwrap();
    assert!(report.archives == 1 && report.bytes > 20 << 20, "{report:?}");
    assert_eq!(archives(&evidence), Vec::<String>::new());
    let at = Timestamp::from_second(TEN).unwrap();
    let list = || store().list("bus", at, at + SignedDuration::from_secs(60));
    assert_eq!(read(list().unwrap().entries).collect::<Result<Vec<_>, _>>().unwrap(), kept);
    assert_eq!(remote.sources().unwrap(), ["bus"]);
    assert_eq!(store().destroy("bus", &|_| true).unwrap().files, 1);
    assert_eq!((list().unwrap(), files(&cache).len()), (Listing::default(), 0));
    assert_eq!(upload::rebuild(&evidence, "bus", &remote).unwrap(), Rebuilt::default());
}
