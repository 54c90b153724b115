//! A store that has done what it was asked for and does not say so, and one that does nothing: what a command makes of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fahrtenbuch::digest::Digest;
use fahrtenbuch::object_stores::Options;
use fahrtenbuch::publish::bucket::Bucket;
use serde_json::Value;

use super::plan::{DATASET, TABLE};
use super::proxy::{Fault, Proxy, Weather};
use super::{Chaos, WHO, name_of};
use crate::world::s3;

const LOST: [Fault; 2] =
    [Fault::Status { status: 500, retry_after: false, is_done: true }, Fault::Cut { is_done: true }];

fn proxy(chaos: &Chaos) -> &Proxy {
    chaos.proxy.as_ref().unwrap()
}

/// What a command says as JSON, which ends by a code.
fn json_of(chaos: &Chaos, words: &[&str], code: i32) -> Value {
    let output = chaos.world.program(&[words, &["--json"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_version_whose_answer_was_lost_is_known_as_ones_own() {
    let mut chaos = Chaos::on_s3(1);
    let run = |chaos: &Chaos| json_of(chaos, &["run", DATASET, "--date", &name_of(0)], 0)[0]["releases"].clone();
    for (round, lost) in LOST.into_iter().enumerate() {
        chaos.capture(0);
        proxy(&chaos)
            .set(Weather { aimed: Some((["PUT", "/vehicle_locations/index/v"], 1, lost)), ..Weather::default() });
        // The first run releases all tables, the second one those that the new message changes: the locations and
        // the coverage.
        let releases = run(&chaos);
        assert_eq!(proxy(&chaos).hit(), 1);
        assert_eq!(releases, [5, 2][round], "{lost:?}");
    }
    for (to, version, lost) in [("1", 3, LOST[0]), ("2", 4, LOST[1])] {
        proxy(&chaos)
            .set(Weather { aimed: Some((["PUT", "/vehicle_locations/index/v"], 1, lost)), ..Weather::default() });
        let words = [&["releases", "rollback", TABLE, "--to", to], &WHO[..]].concat();
        assert_eq!(json_of(&chaos, &words, 0)["version"], version, "{lost:?}");
    }
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn an_upload_in_parts_whose_last_answer_was_lost_is_done() {
    let server = s3();
    let proxy = Proxy::before(server.port);
    let settings = [
        ("endpoint", format!("http://127.0.0.1:{}", proxy.port)),
        ("region", "us-east-1".to_owned()),
        ("access_key_id", "x".to_owned()),
        ("secret_access_key", "y".to_owned()),
        ("allow_http", "true".to_owned()),
    ];
    let values: BTreeMap<String, String> = settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let bucket = Bucket::open("s3://stadtbus/offen", &Options { values, named: None }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("staged");
    let bytes = vec![7; 65 << 20];
    std::fs::write(&file, &bytes).unwrap();
    for (name, lost) in ["one", "two"].into_iter().zip(LOST) {
        proxy.set(Weather { aimed: Some((["POST", "uploadId="], 1, lost)), ..Weather::default() });
        assert!(bucket.put_file(name, &file, &Digest::of(&bytes)).unwrap(), "{lost:?}");
        assert_eq!(proxy.hit(), 1);
    }
}

/// What is asked of a store that does nothing any more.
fn commands() -> Vec<Vec<String>> {
    let date = name_of(0);
    let commands: [&[&str]; 7] = [
        &["run", DATASET, "--date", &date],
        &["run", DATASET, "--from", &date, "--to", &date],
        &["gc"],
        &["publish", "--rebuild"],
        &["releases", "list"],
        &[&["releases", "rollback", TABLE, "--to", "1"], &WHO[..]].concat(),
        &[&["withdraw", DATASET, "--date", &date], &WHO[..]].concat(),
    ];
    commands.iter().map(|words| words.iter().map(|word| (*word).to_owned()).collect()).collect()
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_store_that_does_nothing_is_a_failure_that_may_go_away_and_nobody_waits_without_end() {
    let faults = [
        Fault::Status { status: 503, retry_after: true, is_done: false },
        Fault::Status { status: 429, retry_after: false, is_done: false },
        Fault::Status { status: 409, retry_after: false, is_done: false },
        Fault::Cut { is_done: false },
    ];
    // Commands mostly wait before they ask again: each fault has a store of its own, and all wait at once.
    std::thread::scope(|scope| {
        let threads = faults.map(|fault| scope.spawn(move || nothing_is_done(fault)));
        for thread in threads {
            let longest = thread.join().unwrap();
            assert!(longest < Duration::from_secs(200), "{longest:?}");
        }
    });
}

/// How long it takes until all commands have failed on a store that answers everything so.
fn nothing_is_done(fault: Fault) -> Duration {
    let mut chaos = Chaos::on_s3(1);
    chaos.capture(0);
    json_of(&chaos, &["run", DATASET, "--date", &name_of(0)], 0);
    chaos.capture(0);
    proxy(&chaos).set(Weather { aimed: Some((["", "stadtbus"], u64::MAX, fault)), ..Weather::default() });
    let begin = Instant::now();
    // Only commands that hold different locks would all get to the store: a run is at work on its date.
    let mut children: Vec<_> = Vec::new();
    for words in commands() {
        let mut command = chaos.world.command();
        command.args(&words).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
        children.push((words, command.spawn().unwrap()));
    }
    for (words, child) in children {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{words:?} {fault:?}: {said}");
    }
    println!("{fault:?}: {:?}", begin.elapsed());
    begin.elapsed()
}
