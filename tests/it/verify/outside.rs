//! What an outsider finds of proofs, signing keys and collections, and what a hostile server cannot do to him.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fahrtenbuch::digest::Digest;
use serde_json::{Value, json};

use super::{STOPS, TIMETABLE, json as json_of, told, verify};
use crate::http_server::{say, serve};
use crate::log::{kill_at, succeeds};
use crate::measure::{self, OVERHEAD};
use crate::published::add_a_row_to_stops;
use crate::releases::{add_another_row_to_stops, more_versions, with_two_releases};
use crate::serve::Serving;
use crate::world::{World, files};

const ORIGIN: &str = "stadt.example/bus";
const KEYS: &str = "ledger/keys.json";

fn key_in(said: &str) -> String {
    said.lines().find(|line| line.starts_with(ORIGIN)).unwrap().to_owned()
}

/// A world whose log is signed by two keys, one after the other, and both.
fn signed() -> (World, [String; 2]) {
    let world = World::new();
    world.replace_first("fahrtenbuch.yaml", "people:", &format!("signing: {{origin: {ORIGIN}}}\npeople:"));
    let old = key_in(&succeeds(&world, &["key", "new"]));
    world.run();
    let new = key_in(&succeeds(&world, &["key", "rotate", "--reason", "every two years"]));
    add_a_row_to_stops(&world);
    world.run_of(&[TIMETABLE]);
    (world, [old, new])
}

/// Kinds, subjects and paths of what is found.
fn found(world: &World, bucket: &str, more: &[&str]) -> Vec<(String, String, String)> {
    let output = verify(world, bucket, more);
    let text = |fault: &Value, field: &str| fault[field].as_str().unwrap().to_owned();
    let faults = json_of(&output)["faults"].as_array().unwrap().clone();
    let faults: Vec<_> = faults.iter().map(|of| (text(of, "kind"), text(of, "what"), text(of, "path"))).collect();
    let expected = if faults.is_empty() { 0 } else { 4 };
    assert_eq!(output.status.code(), Some(expected), "{}", told(&output));
    faults
}

fn one(kind: &str, what: &str, path: &str) -> Vec<(String, String, String)> {
    vec![(kind.to_owned(), what.to_owned(), path.to_owned())]
}

#[test]
fn proofs_and_the_list_of_keys_that_were_changed_or_removed_are_named_in_a_folder_and_over_http() {
    let (world, [old, new]) = signed();
    let (folder, serving) = (world.path("data/bucket").to_string_lossy().into_owned(), Serving::start(&world));
    let all = files(&world.path("data/bucket"));
    let proofs = all.keys().filter(|name| name.ends_with(".tlog-proof")).count();
    let proof = "meta/stadtbus-fahrplan/stops/proofs/v0000000002.tlog-proof".to_owned();
    let other = "meta/stadtbus-fahrplan/stops/proofs/v0000000001.tlog-proof";
    let list = String::from_utf8(all[KEYS].clone()).unwrap();
    let changes: [(&str, Option<Vec<u8>>, &str, &str); 5] = [
        (&proof, None, "missing", "proof"),
        (&proof, Some(all[other].clone()), "changed", "proof"),
        (KEYS, None, "missing", "keys"),
        (KEYS, Some(list.replacen("\"rotated\"", "\"active\"", 1).into_bytes()), "changed", "keys"),
        (KEYS, Some(list.replace("every two years", "stolen").into_bytes()), "changed", "keys"),
    ];
    for bucket in [folder.as_str(), &serving.url()] {
        let keys = ["--key", old.as_str(), "--key", new.as_str()];
        for keys in [&keys[..], &keys[2..], &[]] {
            assert_eq!(found(&world, bucket, keys), [], "{keys:?}");
        }
        let looked_at = json_of(&verify(&world, bucket, &keys))["looked_at"].clone();
        assert_eq!((&looked_at["proofs"], &looked_at["keys"]), (&proofs.into(), &2.into()));
        for (name, bytes, kind, what) in &changes {
            let path = world.path("data/bucket").join(name);
            match bytes {
                Some(bytes) => {
                    assert_ne!(*bytes, all[*name], "{name}");
                    std::fs::write(&path, bytes).unwrap();
                }
                None => std::fs::remove_file(&path).unwrap(),
            }
            assert_eq!(found(&world, bucket, &keys), one(kind, what, name));
            std::fs::write(&path, &all[*name]).unwrap();
        }
    }
}

#[test]
fn a_forged_log_is_not_said_to_be_signed() {
    let (world, [old, new]) = signed();
    let bucket = world.path("data/bucket").to_string_lossy().into_owned();
    let say = || world.program(&["verify", &bucket, "--key", &old, "--key", &new]);
    let is_signed = || json_of(&verify(&world, &bucket, &["--key", &old, "--key", &new]))["is_signed"].clone();
    assert!(told(&say()).contains("signed by stadt.example/bus") && is_signed() == true, "{}", told(&say()));
    let checkpoint = world.path("data/bucket/ledger/checkpoint");
    let whole = std::fs::read_to_string(&checkpoint).unwrap();
    // Another signature, and none of the log that is there.
    let at = whole.rfind("— ").unwrap() + 40;
    let wrong = if &whole[at..=at] == "A" { "B" } else { "A" };
    std::fs::write(&checkpoint, format!("{}{wrong}{}", &whole[..at], &whole[at + 1..])).unwrap();
    assert!(!told(&say()).contains("signed by stadt") && say().status.code() == Some(4), "{}", told(&say()));
    std::fs::write(&checkpoint, &whole).unwrap();
    let last = files(&world.path("data/bucket/ledger/log")).into_keys().next_back().unwrap();
    let path = world.path("data/bucket/ledger/log").join(last);
    let text = std::fs::read_to_string(&path).unwrap();
    let at = text.find("\"release ").unwrap() + 10;
    let record = text[at..].find('"').unwrap() + at - 1;
    let digit = if &text[record..=record] == "0" { "1" } else { "0" };
    std::fs::write(&path, format!("{}{digit}{}", &text[..record], &text[record + 1..])).unwrap();
    let said = told(&say());
    assert!(!said.contains("signed by stadt") && said.contains("log: ") && is_signed() == false, "{said}");
}

#[test]
fn a_kept_checkpoint_with_line_ends_of_windows_is_taken_and_one_without_signature_is_refused_with_a_key() {
    let (world, [old, new]) = signed();
    let bucket = world.path("data/bucket").to_string_lossy().into_owned();
    let kept = world.path("kept").to_string_lossy().into_owned();
    let checkpoint = std::fs::read_to_string(world.path("data/bucket/ledger/checkpoint")).unwrap();
    let since = |text: &str, keys: &[&str]| {
        std::fs::write(&kept, text).unwrap();
        let output = world.program(&[&["verify", &bucket, "--since", &kept][..], keys].concat());
        (output.status.code(), told(&output))
    };
    let keys = ["--key", old.as_str(), "--key", new.as_str()];
    let windows = checkpoint.replace('\n', "\r\n");
    for keys in [&keys[..], &[]] {
        let (code, said) = since(&windows, keys);
        assert!(code == Some(0) && said.contains("kept checkpoint"), "{said}");
        let (code, said) = since(&windows.replacen("\r\n", "\n", 1), keys);
        assert!(code == Some(2) && said.contains("CRLF"), "{said}");
    }
    let lines: Vec<&str> = checkpoint.lines().take(3).collect();
    let unsigned = lines.join("\n") + "\n";
    let (code, said) = since(&unsigned, &keys);
    assert!(code == Some(2) && said.contains("it is not signed") && said.contains("--key"), "{said}");
    for text in [&unsigned, &unsigned.replace('\n', "\r\n")] {
        assert_eq!(since(text, &[]).0, Some(0));
    }
}

#[test]
fn a_collected_file_is_told_by_rule_and_day_and_a_removed_one_is_missing_over_http_too() {
    let mut world = with_two_releases();
    let of_stops = || world.files_json(STOPS)["files"][0]["path"].as_str().unwrap().to_owned();
    let second = of_stops();
    add_another_row_to_stops(&world);
    world.run_of(&[TIMETABLE]);
    more_versions(&world.path("data/bucket"), 62);
    world.keep_publication();
    succeeds(&world, &["publish", "--rebuild"]);
    let root = world.path("data/bucket");
    let bytes = std::fs::read(root.join(&second)).unwrap();
    let (folder, serving) = (root.to_string_lossy().into_owned(), Serving::start(&world));
    let both = [folder.as_str(), &serving.url()];
    // Gone without a word, as also over http is told.
    std::fs::remove_file(root.join(&second)).unwrap();
    for bucket in both {
        assert_eq!(found(&world, bucket, &[]), one("missing", "file", &second));
    }
    // A record of an earlier version, which the log did not name: it explains nothing, until a rebuild writes it to the log.
    let program = world.records().iter().find(|record| record["program"].is_object()).unwrap()["program"].clone();
    let file = json!({"path": second, "bytes": bytes.len(), "sha256": Digest::of(&bytes).to_string()});
    let record = json!({"format": "fahrtenbuch-gc/1", "dataset": TIMETABLE, "at": "2026-11-26T12:00:00Z", "program": program,
        "rule": "retention.superseded: 12 months", "tables": [{"table": "stops", "version": 64, "files": [file]}]});
    let record = record.to_string();
    std::fs::write(root.join(format!("ledger/records/{}.json", Digest::of(record.as_bytes()))), &record).unwrap();
    for bucket in both {
        assert_eq!(found(&world, bucket, &[]), one("missing", "file", &second));
    }
    let rebuilt = world.program(&["publish", "--rebuild"]);
    for bucket in both {
        assert_eq!(found(&world, bucket, &[]), [], "{}", told(&rebuilt));
    }
    std::fs::write(root.join(&second), &bytes).unwrap();
    world.set_clock("2027-12-27T12:00:00Z");
    // Killed when the log has it and before the file goes: what the log says is no fault, and the next gc goes on.
    kill_at(&world, &["gc"], "tell");
    // The versions that were added name a record that is none, so that the log is counted as it is.
    let logged = |world: &World| {
        let versions = files(&world.path("data/bucket/ledger/log")).into_values();
        versions.map(|bytes| String::from_utf8(bytes).unwrap().matches("\"record gc ").count()).sum::<usize>()
    };
    assert_eq!(logged(&world), 2);
    succeeds(&world, &["gc"]);
    assert!(!root.join(&second).exists() && logged(&world) <= 3);
    for bucket in both {
        let output = verify(&world, bucket, &[]);
        let found = json_of(&output);
        assert_eq!((output.status.code(), &found["faults"]), (Some(0), &json!([])), "{found}");
        assert_eq!(found["looked_at"]["collected"], 1);
        let notes = found["notes"].to_string();
        assert!(notes.contains("'retention.superseded: 12 months' on 2027-12-27"), "{notes}");
        assert!(notes.contains("am 2027-12-27 gelöscht"), "{notes}");
    }
    // All of them are in the log, and a rebuild finds none that is not.
    let before = files(&root.join("ledger/log")).len();
    succeeds(&world, &["publish", "--rebuild"]);
    assert_eq!(files(&root.join("ledger/log")).len(), before);
}

/// A body without an end, in chunks; counts what was sent.
fn endless(stream: &mut TcpStream, sent: &AtomicU64) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    let chunk = [format!("{:x}\r\n", 1 << 16).as_bytes(), &vec![b' '; 1 << 16], b"\r\n"].concat();
    while stream.write_all(&chunk).is_ok() {
        sent.fetch_add(1 << 16, Ordering::Relaxed);
    }
}

#[test]
fn answers_without_end_cost_little_memory_and_are_soon_given_up() {
    let world = World::new();
    world.run();
    let sent = Arc::new(AtomicU64::new(0));
    let root = world.path("data/bucket");
    // All of it; what the index of the log names; a file of data.
    type IsEndless = fn(&str) -> bool;
    let is_endless: [(IsEndless, u64); 3] = [
        (|_| true, 120),
        (|path| path.contains("/records/") || path.contains("/index/"), 120),
        // Of each the index says how long it is.
        (|path| path.ends_with(".parquet"), 600),
    ];
    for (is_endless, most) in is_endless {
        let (root, count) = (root.clone(), sent.clone());
        let (url, _) = serve(move |request, stream| {
            let path = request.path.trim_start_matches('/');
            match std::fs::read(root.join(path)) {
                _ if is_endless(&request.path) => endless(stream, &count),
                Ok(bytes) => say(stream, "200 OK", bytes),
                Err(_) => say(stream, "404 Not Found", ""),
            }
        });
        sent.store(0, Ordering::Relaxed);
        let mut command = world.command();
        let cost = measure::cost(command.args(["verify", &url, "--json"]));
        let sent = sent.load(Ordering::Relaxed) >> 20;
        println!("{} MiB resident, {sent} MiB sent, {:?}", cost.peak, cost.time);
        // What lies in the buffers of the machine was sent, too.
        assert!(cost.peak <= OVERHEAD / 2 && sent < most, "{} MiB, {sent} MiB sent", cost.peak);
        assert!(matches!(cost.code, Some(4 | 42)), "{:?}: {}", cost.code, cost.said());
        let found: Value = serde_json::from_slice(&cost.stdout).unwrap();
        assert_ne!(found["faults"], json!([]));
    }
    // One that says at once that it is too long is not read.
    let (url, seen) = serve(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\nConnection: close\r\n\r\n[");
    });
    let output = world.program(&["verify", &url]);
    assert!(output.status.code() == Some(42) && told(&output).contains("more than"), "{}", told(&output));
    assert!(seen.count() < 30, "{}", seen.count());
}

#[test]
fn a_redirect_to_another_host_is_told_with_both_and_not_followed_and_one_on_the_same_host_is() {
    let world = World::new();
    world.run();
    let serving = Serving::start(&world);
    let (other, target) = (serving.url(), serving.url());
    let (url, _) = serve(move |request, stream| {
        say(stream, &format!("302 Found\r\nLocation: {target}{}", request.path), "");
    });
    for arguments in [&["verify", &url][..], &["get", &url, "stadtbus-fahrplan/stops", "--to", "x"]] {
        let output = world.program(arguments);
        let said = told(&output);
        assert_eq!(output.status.code(), Some(42), "{arguments:?}: {said}");
        assert!(said.contains(&format!("from {url} to {other}")), "{said}");
        assert!(said.contains("Write the address that it leads to"), "{said}");
    }
    assert!(serving.logged(0).is_empty(), "the other host was asked");
    let root = world.path("data/bucket");
    let (url, _) = serve(move |request, stream| match request.path.strip_prefix("/moved/") {
        Some(path) => match std::fs::read(root.join(path)) {
            Ok(bytes) => say(stream, "200 OK", bytes),
            Err(_) => say(stream, "404 Not Found", ""),
        },
        None => say(stream, &format!("301 Moved\r\nLocation: /moved{}", request.path), ""),
    });
    assert_eq!(found(&world, &url, &[]), []);
}
