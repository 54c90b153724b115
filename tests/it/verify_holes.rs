//! What somebody hid in a bucket before the eyes of `fahrtenbuch verify`: odd names, tables and versions that nothing names, what was withdrawn,
//! fields that are there twice, and faults behind other faults.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http_server::{say, serve};
use crate::log::succeeds;
use crate::published::add_a_row_to_stops;
use crate::releases::withdraw;
use crate::serve::Serving;
use crate::world::{World, copy, files};

const ORIGIN: &str = "stadt.example/bus";
const STOPS: &str = "meta/stadtbus-fahrplan/stops";
const TIMETABLE: &str = "stadtbus-fahrplan";

/// A fault as it is compared: what happened, and where.
type Told = (String, String);

fn one(kind: &str, path: &str) -> Told {
    (kind.to_owned(), path.to_owned())
}

/// The exit code, and all that is said in JSON.
fn verify(world: &World, bucket: &str, more: &[&str]) -> (Option<i32>, Value) {
    let output = world.program(&[&["verify", bucket, "--json"], more].concat());
    let said = serde_json::from_slice(&output.stdout);
    (output.status.code(), said.unwrap_or_else(|_| json!(String::from_utf8_lossy(&output.stderr))))
}

fn faults(found: &Value) -> Vec<Told> {
    let text = |fault: &Value, field: &str| fault[field].as_str().unwrap().to_owned();
    let faults = found["faults"].as_array().unwrap_or_else(|| panic!("{found}"));
    faults.iter().map(|fault| (text(fault, "kind"), text(fault, "path"))).collect()
}

/// Changes a copy of a bucket, and looks at it.
struct Holes {
    world: World,
    base: &'static str,
}

impl Holes {
    fn new(world: World) -> Self {
        Self { world, base: "data/bucket" }
    }

    fn look(&self, more: &[&str], change: impl FnOnce(&Path)) -> (Option<i32>, Value) {
        let place = self.world.path("copy");
        let _ = fs::remove_dir_all(&place);
        copy(&self.world.path(self.base), &place);
        change(&place);
        verify(&self.world, &place.to_string_lossy(), more)
    }

    fn finds(&self, expected: &[Told], change: impl FnOnce(&Path)) -> Value {
        let (code, found) = self.look(&[], change);
        assert_eq!(faults(&found), expected, "{found}");
        assert_eq!(code, Some(if expected.is_empty() { 0 } else { 4 }));
        found
    }
}

fn put(bucket: &Path, name: impl AsRef<OsStr>, bytes: impl AsRef<[u8]>) {
    let path = bucket.join(name.as_ref());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn edit(bucket: &Path, name: &str, change: impl FnOnce(String) -> String) {
    let before = fs::read_to_string(bucket.join(name)).unwrap();
    let after = change(before.clone());
    assert_ne!(before, after, "{name}");
    fs::write(bucket.join(name), after).unwrap();
}

fn ran() -> World {
    let world = World::new();
    world.run();
    world
}

/// The newest version of the log, and the name of its file.
fn newest_of_log(bucket: &Path) -> (u64, String) {
    let last = files(&bucket.join("ledger/log")).into_keys().next_back().unwrap();
    (last[1..11].parse().unwrap(), last)
}

#[test]
fn names_that_no_object_has_are_told_however_many_they_are() {
    let holes = Holes::new(ran());
    holes.finds(&[], |_| ());
    let folder = "data/stadtbus-fahrplan/stops/partition_date=2026-11-01";
    let names: [(&[u8], &str); 8] = [
        (b"a b.parquet", "a b.parquet"),
        (b".a.parquet", ".a.parquet"),
        (b"%41.parquet", "%41.parquet"),
        ("ü.parquet".as_bytes(), "ü.parquet"),
        (b"a#b.parquet", "a#b.parquet"),
        (b"a\x1b[2J.parquet", "a\\u{1b}[2J.parquet"),
        (b"a\n.parquet", "a\\n.parquet"),
        (b"a\xff.parquet", "a\\\\xff.parquet"),
    ];
    for (name, shown) in names {
        let name = [folder.as_bytes(), b"/", name].concat();
        let found = holes.finds(&[one("not_in_log", &format!("{folder}/{shown}"))], |bucket| {
            put(bucket, OsStr::from_bytes(&name), "rows");
        });
        assert!(found["faults"][0]["said"].as_str().unwrap().contains("reads its rows"), "{found}");
    }
    // Elsewhere, too, and in a folder whose name is odd.
    for name in ["more/x.parquet", "data/a b/t/x.parquet", "ledger/records/x.json", "revised/.x/y.parquet"] {
        holes.finds(&[one("not_in_log", name)], |bucket| put(bucket, name, "rows"));
    }
    // What a run has not finished is told, and is no fault.
    let found = holes.finds(&[], |bucket| put(bucket, format!("{folder}/part-0123456789ab.parquet#1"), "rows"));
    assert!(found["notes"].to_string().contains("or was killed: 1."), "{found}");
    let (_, found) = holes.look(&[], |bucket| {
        (0..3000).for_each(|number| put(bucket, format!("{folder}/{number} .parquet"), "rows"));
    });
    let told = found["faults"].as_array().unwrap();
    assert!(told.len() == 1001 && told[1000]["said"].as_str().unwrap().contains("program's: 2000"), "{}", told.len());
}

#[test]
fn a_table_that_the_log_does_not_know_is_told_whatever_there_is_of_it() {
    let holes = Holes::new(ran());
    let data = "data/evil/t/partition_date=2026-11-01/part-0123456789ab.parquet";
    for name in
        ["meta/evil/t/index/v0000000002.json", "meta/evil/t/files.json", "meta/evil/t/proofs/v0000000001.tlog-proof"]
    {
        holes.finds(&[one("not_in_log", name)], |bucket| {
            put(bucket, name, "{}");
            put(bucket, data, "rows");
        });
    }
    holes.finds(&[one("not_in_log", "meta/evil/t/index/x")], |bucket| {
        put(bucket, "meta/evil/t/index/x", "");
        put(bucket, data, "rows");
    });
    holes.finds(&[one("not_in_log", data)], |bucket| put(bucket, data, "rows"));
}

#[test]
fn what_was_withdrawn_and_is_there_again_is_told_in_a_folder_and_over_http() {
    let world = World::with_publication();
    world.run();
    let bucket = world.path("data/bucket");
    let before = files(&bucket);
    let date = world.files_json("stadtbus-fahrplan/stops")["files"][0]["partition_date"].as_str().unwrap().to_owned();
    let file = world.files_json("stadtbus-fahrplan/stops")["files"][0]["path"].as_str().unwrap().to_owned();
    assert!(world.program(&withdraw("stadtbus-fahrplan/stops", &date, &[])).status.success());
    let report = format!("reports/{TIMETABLE}/date={date}/quality.json");
    let (serving, folder) = (Serving::start(&world), bucket.to_string_lossy().into_owned());
    assert!(!bucket.join(&file).exists() && !bucket.join(&report).exists());
    for of in [folder.as_str(), &serving.url()] {
        assert_eq!(faults(&verify(&world, of, &[]).1), []);
        for name in [&file, &report] {
            put(&bucket, name, &before[name.as_str()]);
            let found = verify(&world, of, &[]).1;
            assert_eq!(faults(&found), [one("not_in_log", name)]);
            assert!(found["faults"][0]["said"].as_str().unwrap().contains("of a withdrawn date, and"), "{found}");
            fs::remove_file(bucket.join(name)).unwrap();
        }
    }
    // Where it was lifted and released again the same bytes are no fault.
    succeeds(
        &world,
        &[
            "withdraw",
            "--lift",
            "stadtbus-fahrplan/stops",
            "--date",
            &date,
            "--by",
            "Datenmanagement",
            "--reason",
            "a test",
        ],
    );
    world.run_of(&[TIMETABLE]);
    for of in [folder.as_str(), &serving.url()] {
        assert_eq!(faults(&verify(&world, of, &[]).1), []);
    }
    // Results of a day of which there was no run.
    let report = format!("reports/{TIMETABLE}/date=2020-01-01/quality.json");
    put(&bucket, &report, "{}");
    assert_eq!(faults(&verify(&world, &folder, &[]).1), [one("not_in_log", &report)]);
    // Over http it is said that this is not looked for.
    let found = verify(&world, &serving.url(), &[]).1;
    assert!(faults(&found).is_empty() && found["notes"].to_string().contains("names cannot be listed here"), "{found}");
}

#[test]
fn a_field_that_is_there_twice_is_a_change_in_every_list() {
    let world = World::new();
    world.replace_first("fahrtenbuch.yaml", "people:", &format!("signing: {{origin: {ORIGIN}}}\npeople:"));
    succeeds(&world, &["key", "new"]);
    world.run();
    let month = files(&world.path("data/bucket/ledger/index")).into_keys().next().unwrap();
    let report =
        files(&world.path("data/bucket/reports")).into_keys().find(|name| name.ends_with("quality.json")).unwrap();
    let holes = Holes::new(world);
    let twice = [
        (format!("{STOPS}/files.json"), "files"),
        ("ledger/index.json".to_owned(), "tables"),
        (format!("ledger/index/{month}"), "releases"),
        ("ledger/keys.json".to_owned(), "keys"),
        (format!("reports/{report}"), "rules"),
    ];
    for (name, field) in twice {
        holes.finds(&[one("changed", &name)], |bucket| {
            edit(bucket, &name, |text| format!("{{\"{field}\": [],{}", text.trim_start().trim_start_matches('{')));
        });
    }
    holes.finds(&[one("changed", "ledger/keys.json")], |bucket| {
        edit(bucket, "ledger/keys.json", |text| text.replacen("\"state\"", "\"more\": 1, \"state\"", 1));
    });
    // The list in CSV is compared by itself.
    let (list, csv) = (format!("{STOPS}/files.json"), format!("{STOPS}/index.csv"));
    holes.finds(&[one("changed", &csv)], |bucket| {
        edit(bucket, &list, |text| text + " ");
        edit(bucket, &csv, |text| text.replacen("\ndata/", "\nhttps://evil.example/data/", 1));
    });
    holes.finds(&[], |bucket| edit(bucket, &list, |text| text + " "));
}

#[test]
fn versions_after_a_hole_and_numbers_of_the_log_that_lead_nowhere_are_told_at_once() {
    let holes = Holes::new(ran());
    let after = format!("{STOPS}/index/v0000000007.json");
    holes.finds(&[one("not_in_log", &after)], |bucket| put(bucket, &after, "{}"));
    let first = "ledger/log/v0000000001.json";
    for number in [9_999_999_u64, 1_000_000] {
        let name = format!("ledger/log/v{number:010}.json");
        let began = Instant::now();
        holes.finds(&[one("not_in_log", &name)], |bucket| put(bucket, &name, fs::read(bucket.join(first)).unwrap()));
        // One that can follow makes one gap of all that are not there.
        let (last, newest) = newest_of_log(&holes.world.path("data/bucket"));
        let (_, found) = holes.look(&[], |bucket| {
            let text = fs::read_to_string(bucket.join("ledger/log").join(&newest)).unwrap();
            let mut version: Value = serde_json::from_str(&text).unwrap();
            (version["version"], version["size"]) = (json!(number), json!(number * 2));
            put(bucket, &name, serde_json::to_string_pretty(&version).unwrap() + "\n");
        });
        let gaps: Vec<&Value> = found["faults"].as_array().unwrap().iter().filter(|of| of["kind"] == "gap").collect();
        assert_eq!(gaps.len(), 1, "{found}");
        let said = gaps[0]["said"].as_str().unwrap();
        assert!(said.contains(&format!("versions {} to {} of the log", last + 1, number - 1)), "{said}");
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    }
    for name in ["ledger/index/2020-01.json", "ledger/log/v1.json", &format!("{STOPS}/proofs/x"), "ledger/other"] {
        holes.finds(&[one("not_in_log", name)], |bucket| put(bucket, name, "{}"));
    }
}

#[test]
fn a_fault_hides_no_other_one() {
    let world = World::new();
    world.replace_first("fahrtenbuch.yaml", "people:", &format!("signing: {{origin: {ORIGIN}}}\npeople:"));
    succeeds(&world, &["key", "new"]);
    world.run();
    add_a_row_to_stops(&world);
    world.run_of(&[TIMETABLE]);
    let record = files(&world.path("data/bucket/ledger/records")).into_keys().find(|name| {
        let text = fs::read_to_string(world.path("data/bucket/ledger/records").join(name)).unwrap();
        text.contains("fahrtenbuch-run/") && text.contains(TIMETABLE)
    });
    let record = format!("ledger/records/{}", record.unwrap());
    let month = format!("ledger/index/{}", files(&world.path("data/bucket/ledger/index")).into_keys().next().unwrap());
    let holes = Holes::new(world);
    let (index, stray) =
        (format!("{STOPS}/index/v0000000001.json"), "data/stadtbus-fahrplan/stops/partition_date=2026-11-01/x.parquet");
    holes.finds(&[one("changed", &index), one("not_in_log", stray)], |bucket| {
        edit(bucket, &index, |text| text + " ");
        put(bucket, stray, "rows");
    });
    let log = "ledger/log/v0000000001.json";
    holes.finds(&[one("changed", log), one("changed", "ledger/keys.json")], |bucket| {
        edit(bucket, log, |text| text + " ");
        put(bucket, "ledger/keys.json", "{}");
    });
    // A record that somebody deleted by hand leaves the pages of the log to be compared.
    let (_, found) = holes.look(&[], |bucket| fs::remove_file(bucket.join(&record)).unwrap());
    assert_eq!(faults(&found), [one("missing", &record)], "{found}");
    let (_, found) = holes.look(&[], |bucket| {
        fs::remove_file(bucket.join(&record)).unwrap();
        edit(bucket, &month, |text| text.replacen("\"version\": 1", "\"version\": 2", 1));
    });
    assert_eq!(faults(&found), [one("missing", &record), one("changed", &month)], "{found}");
    // A link that leads to itself is one thing that cannot be read.
    let (code, found) = holes.look(&[], |bucket| {
        fs::remove_file(bucket.join(&record)).unwrap();
        std::os::unix::fs::symlink("x", bucket.join("ledger/records/x")).unwrap();
        std::os::unix::fs::symlink(bucket.join(&record), bucket.join(&record)).unwrap();
        put(bucket, stray, "rows");
    });
    let told = faults(&found);
    assert!(code == Some(42) && told.contains(&one("unreadable", &record)), "{found}");
    assert!(
        told.contains(&one("not_in_log", stray)) && told.contains(&one("not_in_log", "ledger/records/x")),
        "{found}"
    );
}

#[test]
fn a_release_that_is_there_twice_in_the_log_is_named() {
    let world = World::new();
    world.replace_first("fahrtenbuch.yaml", "people:", &format!("signing: {{origin: {ORIGIN}}}\npeople:"));
    let key = succeeds(&world, &["key", "new"]).lines().find(|line| line.starts_with(ORIGIN)).unwrap().to_owned();
    world.run();
    let (last, newest) = newest_of_log(&world.path("data/bucket"));
    let name = format!("ledger/log/v{:010}.json", last + 1);
    let holes = Holes::new(world);
    let (code, found) = holes.look(&["--key", &key], |bucket| {
        let before = fs::read(bucket.join("ledger/log").join(&newest)).unwrap();
        let mut version: Value = serde_json::from_slice(&before).unwrap();
        let entries = version["entries"].as_array().unwrap().clone();
        version["size"] = json!(version["size"].as_u64().unwrap() + entries.len() as u64);
        version["version"] = json!(last + 1);
        version["previous"] = json!(fahrtenbuch::digest::Digest::of(&before).to_string());
        version["entries"] = json!([entries[0]]);
        put(bucket, &name, serde_json::to_string_pretty(&version).unwrap() + "\n");
    });
    assert_eq!(code, Some(4), "{found}");
    let of_log = found["faults"].as_array().unwrap().iter().find(|of| of["path"] == name.as_str());
    assert!(of_log.is_some_and(|of| of["said"].as_str().unwrap().contains("names version 1 of")), "{found}");
    assert!(of_log.is_some_and(|of| of["said"].as_str().unwrap().contains("again")), "{found}");
    assert!(!found.to_string().contains("next run signs them"), "{found}");
}

#[test]
fn answers_in_another_form_and_those_for_whom_one_must_log_in_are_unreadable() {
    let world = ran();
    let root = world.path("data/bucket");
    for (head, said) in
        [("200 OK\r\nContent-Encoding: gzip", "Content-Encoding: gzip"), ("401 Unauthorized", "401 Unauthorized")]
    {
        let root = root.clone();
        let (url, _) = serve(move |request, stream| {
            let path = request.path.trim_start_matches('/');
            assert!(request.head.contains("accept-encoding: identity"), "{}", request.head);
            match fs::read(root.join(path)) {
                Ok(bytes) if path.ends_with("/stops/files.json") => say(stream, head, bytes),
                Ok(bytes) => say(stream, "200 OK", bytes),
                Err(_) => say(stream, "404 Not Found", ""),
            }
        });
        let (code, found) = verify(&world, &url, &[]);
        let list = format!("{STOPS}/files.json");
        assert_eq!((code, faults(&found)), (Some(42), vec![one("unreadable", &list)]));
        assert!(found["faults"][0]["said"].as_str().unwrap().contains(said), "{found}");
    }
    // What S3 says of what is not there to whom it lets list nothing.
    let (url, _) = serve(|_, stream| say(stream, "403 Forbidden", ""));
    let kept = world.path("kept").to_string_lossy().into_owned();
    fs::write(&kept, format!("any\n5\n{}\n", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")).unwrap();
    for more in [&[][..], &["--since", &kept]] {
        let (code, said) = verify(&world, &url, more);
        assert!(code == Some(2) && said.to_string().contains("there is no log"), "{said}");
    }
    let (url, _) = serve(|_, stream| say(stream, "401 Unauthorized", ""));
    assert_eq!(verify(&world, &url, &["--since", &kept]).0, Some(42));
}

#[test]
fn a_kept_checkpoint_that_nobody_signed_is_compared_by_size_and_root_alone() {
    let world = World::new();
    world.replace_first("fahrtenbuch.yaml", "people:", &format!("signing: {{origin: {ORIGIN}}}\npeople:"));
    succeeds(&world, &["key", "new"]);
    world.run();
    let bucket = world.path("data/bucket").to_string_lossy().into_owned();
    let found = verify(&world, &bucket, &[]).1;
    let (size, root) = (&found["log"]["size"], found["log"]["root"].as_str().unwrap());
    let kept = world.path("kept").to_string_lossy().into_owned();
    fs::write(&kept, format!("my copy\n{size}\n{root}\n")).unwrap();
    let (code, found) = verify(&world, &bucket, &["--since", &kept]);
    assert_eq!((code, faults(&found)), (Some(0), vec![]));
    assert!(found["notes"].to_string().contains("names 'my copy'"), "{found}");
    fs::write(&kept, format!("my copy\n{size}\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n")).unwrap();
    let (code, found) = verify(&world, &bucket, &["--since", &kept]);
    let said = found["faults"][0]["said"].as_str().unwrap();
    assert!(code == Some(4) && said.contains(&format!("their root is {root}")), "{said}");
}

#[test]
fn who_has_the_key_before_a_rotation_or_a_revocation_is_told_what_happened() {
    let world = World::new();
    world.replace_first("fahrtenbuch.yaml", "people:", &format!("signing: {{origin: {ORIGIN}}}\npeople:"));
    let key_in = |said: String| said.lines().find(|line| line.starts_with(ORIGIN)).unwrap().to_owned();
    let old = key_in(succeeds(&world, &["key", "new"]));
    world.run();
    let new = key_in(succeeds(&world, &["key", "rotate", "--reason", "every two years"]));
    add_a_row_to_stops(&world);
    world.run_of(&[TIMETABLE]);
    let bucket = world.path("data/bucket").to_string_lossy().into_owned();
    let (code, found) = verify(&world, &bucket, &["--key", &old]);
    assert_eq!((code, faults(&found)), (Some(42), vec![one("unreadable", "ledger/checkpoint")]));
    let said = found["faults"][0]["said"].as_str().unwrap();
    assert!(said.contains("was rotated on") && said.contains(&new) && said.contains("ask the publisher"), "{said}");
    assert!(
        found["is_signed"] == false && found["notes"].to_string().contains("a key that you gave has signed the first"),
        "{found}"
    );
    // When the last key is revoked nobody signs what comes after it.
    let list: Value = serde_json::from_slice(&fs::read(world.path("data/bucket/ledger/keys.json")).unwrap()).unwrap();
    let name = list["keys"].as_array().unwrap().iter().find(|key| key["state"] == "active").unwrap()["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let _ = world.program(&["key", "revoke", &name, "--reason", "stolen"]);
    for keys in [&[][..], &["--key", &new]] {
        let found = verify(&world, &bucket, keys).1;
        let said = found["faults"].to_string();
        assert!(said.contains("was revoked by entry") && !said.contains("next run"), "{said}");
    }
}
