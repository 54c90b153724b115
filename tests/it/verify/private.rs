//! What `verify --private` finds in a private store that somebody has changed, and that it finds nothing in one that nobody has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::digest::Digest;
use serde_json::{Value, json};

use super::{json as json_of, told};
use crate::log::succeeds;
use crate::purge::{CONTRACT, DATES, DUE, EVIDENCE, PIPELINE, POSITIONS, collected, copy_of, purge};
use crate::quarantine::hold;
use crate::world::{World, copy, files, s3};

const ORIGIN: &str = "stadt.example/bus";
const BY: &str = "Datenmanagement";

type Bytes = BTreeMap<String, Vec<u8>>;

/// Kinds, subjects and paths of what is found.
fn found(output: &Output) -> Vec<[String; 3]> {
    let faults = json_of(output)["faults"].as_array().unwrap().clone();
    let text = |fault: &Value, field: &str| fault[field].as_str().unwrap().to_owned();
    faults.iter().map(|fault| ["kind", "what", "path"].map(|field| text(fault, field))).collect()
}

fn verify(world: &World, more: &[&str]) -> Output {
    world.program(&[&["verify", "--private", "--json"], more].concat())
}

/// The path of the archive of an hour of the first date, as a fault names it.
fn archive(hour: &str) -> String {
    format!("evidence/{POSITIONS}/{POSITIONS}-20261117T{hour}.warc.gz")
}

fn archive_file(world: &World, hour: &str) -> PathBuf {
    let folder = world.path(EVIDENCE).join(POSITIONS);
    let name = files(&folder).into_keys().find(|name| name.contains(&format!("20261117T{hour}"))).unwrap();
    folder.join(name)
}

/// A workspace with evidence, keys, quarantine, decisions and a journal of its own, whose log two keys have signed; and what its
/// private store had before the last runs.
fn published() -> (World, Bytes) {
    let world = collected(&DATES[..3], "1800");
    hold(&world, CONTRACT, "test_stop", "current_stop_sequence < 6");
    world.replace_first("fahrtenbuch.yaml", "people:", &format!("signing: {{origin: {ORIGIN}}}\npeople:"));
    succeeds(&world, &["key", "new", "--name", "first"]);
    succeeds(&world, &["run", PIPELINE, "--from", DATES[0], "--to", DATES[2]]);
    let before = files(&world.path("data/private"));
    succeeds(&world, &["key", "rotate", "--name", "second", "--reason", "every two years"]);
    let target = format!("{PIPELINE}/vehicle_locations");
    let decide = ["quarantine", "release", &target, "--date", DATES[0], "--all", "--by", BY, "--reason", "Ein Versuch"];
    succeeds(&world, &decide);
    hold(&world, CONTRACT, "test_hour", "current_stop_sequence >= 6 AND current_stop_sequence < 9");
    succeeds(&world, &["run", PIPELINE, "--from", DATES[0], "--to", DATES[2]]);
    (world, before)
}

fn is_sound(world: &World, more: &[&str]) -> Value {
    let output = verify(world, more);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let found = json_of(&output);
    assert_eq!(found["faults"], json!([]));
    found["looked_at"].clone()
}

/// One flipped byte, in the middle.
fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let place = bytes.len() / 2;
    bytes[place] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
}

/// Cuts a whole capture out of the archive of an hour, so that the archive by itself is without a fault.
fn cut_out(world: &World, hour: u32) {
    let from: jiff::Timestamp = format!("2026-11-17T{hour:02}:00:00Z").parse().unwrap();
    let until = from + jiff::SignedDuration::from_hours(1);
    let entry = Store::new(world.path(EVIDENCE)).list(POSITIONS, from, until).unwrap().entries.remove(0);
    let file = archive_file(world, &format!("{hour:02}"));
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.drain(usize::try_from(entry.offset).unwrap()..usize::try_from(entry.offset + entry.length).unwrap());
    std::fs::write(file, bytes).unwrap();
}

fn quarantine(date: &str) -> String {
    format!("quarantine/{PIPELINE}/date={date}/")
}

/// Puts a private store back as it was.
fn restore(world: &World, all: &Bytes) {
    let root = world.path("data/private");
    let now = files(&root);
    for name in now.keys().filter(|name| !all.contains_key(*name)) {
        std::fs::remove_file(root.join(name)).unwrap();
    }
    for (name, bytes) in all.iter().filter(|(name, bytes)| now.get(*name) != Some(bytes)) {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

struct Tampering<'a> {
    name: &'a str,
    does: Box<dyn Fn(&World) + 'a>,
    expected: Vec<(&'a str, &'a str, String)>,
}

#[test]
fn what_was_changed_in_the_private_store_is_found_and_named_by_what_happened() {
    let (world, before) = published();
    let looked_at = is_sound(&world, &[]);
    for of in [
        "archives",
        "dates",
        "captures",
        "day_keys",
        "signing_keys",
        "quarantine_rows",
        "decisions",
        "journal",
        "records",
    ] {
        assert!(looked_at[of].as_u64().unwrap() > 0, "{of}: {looked_at}");
    }
    assert_eq!(looked_at["signing_keys"], 2);
    let bucket = world.path("data/bucket").to_string_lossy().into_owned();
    assert_eq!(is_sound(&world, &[&bucket]), looked_at);
    let all = files(&world.path("data/private"));
    let path = |name: &str| world.path("data/private").join(name);
    let remove =
        |name: String| move |world: &World| std::fs::remove_file(world.path("data/private").join(&name)).unwrap();
    let put = |name: String, bytes: Vec<u8>| {
        move |world: &World| std::fs::write(world.path("data/private").join(&name), &bytes).unwrap()
    };
    let named =
        |part: &str, end: &str| all.keys().find(|name| name.starts_with(part) && name.ends_with(end)).unwrap().clone();
    let held = named(&quarantine(DATES[0]), ".parquet");
    let other = all[&held.replace(DATES[0], DATES[1])].clone();
    let decided = named(&format!("quarantine/{PIPELINE}/"), ".decisions.jsonl");
    let text = |name: &str| String::from_utf8(all[name].clone()).unwrap();
    let key = format!("keys/{}.key", DATES[0]);
    let journal = format!("journal/{PIPELINE}/{}.json", DATES[0]);
    let second = format!("journal/{PIPELINE}/{}.json", DATES[1]);
    let list = named(&format!("journal/{PIPELINE}/lists/{}/", DATES[0]), "");
    let (register, secret) = ("keys/signing/keys.json", "keys/signing/second.key");
    let forged = json!({
        "pipeline": PIPELINE, "date": DATES[1], "at": "2026-11-26T00:00:00Z", "rule": "retention.evidence: 1 month",
        "record": format!("ledger/records/{}.json", Digest::of(b"none")),
    });
    assert!(before.contains_key(register) && before[&journal] != all[&journal] && all[&held].len() > 100);
    let one = |name: &'static str, does: Box<dyn Fn(&World)>, kind, what, path: &str| Tampering {
        name,
        does,
        expected: vec![(kind, what, path.to_owned())],
    };
    let tamperings = [
        one(
            "a flipped byte",
            Box::new(|world| flip(&archive_file(world, "09"))),
            "changed",
            "evidence",
            &archive("09"),
        ),
        one(
            "an archive removed",
            Box::new(|world| std::fs::remove_file(archive_file(world, "10")).unwrap()),
            "missing",
            "evidence",
            &archive("10"),
        ),
        one("a capture cut out", Box::new(|world| cut_out(world, 11)), "changed", "evidence", &archive("11")),
        one("the key of a day removed", Box::new(remove(key.clone())), "missing", "day_key", &key),
        one(
            "the key of a day replaced",
            Box::new(put(key.clone(), format!("{}\n", Digest::of(b"another")).into_bytes())),
            "changed",
            "day_key",
            &key,
        ),
        one("the key of a day garbled", Box::new(put(key.clone(), b"none".to_vec())), "changed", "day_key", &key),
        one("a secret removed", Box::new(remove(secret.to_owned())), "missing", "signing_key", secret),
        one(
            "a secret replaced",
            Box::new(put(secret.to_owned(), all["keys/signing/first.key"].clone())),
            "changed",
            "signing_key",
            secret,
        ),
        Tampering {
            name: "an older register of keys",
            does: Box::new(put(register.to_owned(), before[register].clone())),
            expected: vec![("rolled_back", "signing_key", register.to_owned())],
        },
        one("the register of keys removed", Box::new(remove(register.to_owned())), "missing", "signing_key", register),
        one(
            "the register of keys garbled",
            Box::new(put(register.to_owned(), b"{".to_vec())),
            "changed",
            "signing_key",
            register,
        ),
        one("a quarantine removed", Box::new(remove(held.clone())), "missing", "quarantine", &held),
        one(
            "a quarantine cut off",
            Box::new(put(held.clone(), all[&held][..all[&held].len() / 2].to_vec())),
            "changed",
            "quarantine",
            &held,
        ),
        one("a quarantine with other rows", Box::new(put(held.clone(), other)), "changed", "quarantine", &held),
        one("decisions removed", Box::new(remove(decided.clone())), "missing", "decisions", &decided),
        one(
            "a decision changed",
            Box::new(put(decided.clone(), text(&decided).replace("Ein Versuch", "Kein Versuch").into_bytes())),
            "changed",
            "decisions",
            &decided,
        ),
        one(
            "a decision garbled",
            Box::new(put(decided.clone(), (text(&decided) + "{\"reason\": \"geheim\"}\n").into_bytes())),
            "changed",
            "decisions",
            &decided,
        ),
        // Of the day that the store began with nobody could tell it from a store that began later.
        one("an entry of the journal removed", Box::new(remove(second.clone())), "missing", "journal", &second),
        one(
            "an entry of the journal garbled",
            Box::new(put(journal.clone(), b"{}".to_vec())),
            "changed",
            "journal",
            &journal,
        ),
        one(
            "an older entry of the journal",
            Box::new(put(journal.clone(), before[&journal].clone())),
            "rolled_back",
            "journal",
            &journal,
        ),
        one("a list of captures changed", Box::new(put(list.clone(), b"x".to_vec())), "changed", "journal", &list),
        one(
            "a purge that the bucket does not know",
            Box::new(put("purged.jsonl".to_owned(), format!("{forged}\n").into_bytes())),
            "not_in_log",
            "journal",
            "purged.jsonl",
        ),
        one(
            "a purge that nobody understands",
            Box::new(put("purged.jsonl".to_owned(), b"{\"date\": 1}\n".to_vec())),
            "changed",
            "journal",
            "purged.jsonl",
        ),
    ];
    let mut problems = Vec::new();
    for Tampering { name, does, expected } in &tamperings {
        does(&world);
        let output = verify(&world, &[]);
        let expected: Vec<[String; 3]> =
            expected.iter().map(|(kind, what, path)| [(*kind).to_owned(), (*what).to_owned(), path.clone()]).collect();
        let is_german = |fault: &Value| fault["said"] != fault["said_de"] && fault["said_de"].as_str().unwrap() != "";
        if output.status.code() != Some(4) || found(&output) != expected {
            problems.push(format!("{name}: {:?} {:?}", output.status.code(), found(&output)));
        } else if !json_of(&output)["faults"].as_array().unwrap().iter().all(is_german) {
            problems.push(format!("{name} is told in one language: {}", told(&output)));
        }
        // What a garbled line holds is told nowhere.
        assert!(!told(&output).contains("geheim"), "{}", told(&output));
        let is_of_archives = ["a flipped byte", "an archive removed"].contains(name);
        let of_evidence = world.program(&["evidence", "verify"]).status.code();
        if is_of_archives && of_evidence != Some(4) {
            problems.push(format!("{name}: evidence verify ends with {of_evidence:?}"));
        }
        restore(&world, &all);
    }
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), tamperings.len(), problems.join("\n"));
    // A fault of evidence names the date, the dataset and the record that it is about.
    std::fs::remove_file(archive_file(&world, "10")).unwrap();
    let fault = json_of(&verify(&world, &[]))["faults"][0].clone();
    assert_eq!((&fault["dataset"], &fault["date"]), (&PIPELINE.into(), &DATES[0].into()), "{fault}");
    assert!(world.path("data/bucket").join(fault["record"].as_str().unwrap()).exists(), "{fault}");
    restore(&world, &all);
    // The list of keys in the bucket is told by the bucket's part, once.
    let keys = world.path("data/bucket/ledger/keys.json");
    let whole = std::fs::read_to_string(&keys).unwrap();
    let mut older: Value = serde_json::from_str(&whole).unwrap();
    older["keys"].as_array_mut().unwrap().pop();
    std::fs::write(&keys, older.to_string()).unwrap();
    let output = verify(&world, &[]);
    assert_eq!(found(&output), [["changed", "keys", "ledger/keys.json"].map(str::to_owned)]);
    std::fs::write(&keys, whole).unwrap();
    is_sound(&world, &[]);
    assert!(path("keys").exists());
    // In both languages, for people.
    for (lang, expected) in [("de", "privater Speicher: "), ("en", "private store: ")] {
        let said = world.program(&["verify", "--private", "--lang", lang]);
        assert!(said.status.success() && told(&said).contains(expected), "{}", told(&said));
    }
}

#[test]
fn sealed_archives_that_are_gone_are_missing_and_others_changed() {
    let world = collected(&DATES[..1], "3600");
    succeeds(&world, &["run", PIPELINE, "--date", DATES[0]]);
    succeeds(&world, &["evidence", "seal"]);
    is_sound(&world, &[]);
    let file = archive_file(&world, "10");
    let path = format!("evidence/{POSITIONS}/{}", file.file_name().unwrap().to_string_lossy());
    assert!(path.ends_with(".warc.zst"), "{path}");
    let whole = std::fs::read(&file).unwrap();
    for kind in ["missing", "changed"] {
        if kind == "missing" {
            std::fs::remove_file(&file).unwrap();
        } else {
            flip(&file);
        }
        let output = verify(&world, &[]);
        assert_eq!(output.status.code(), Some(4), "{}", told(&output));
        assert_eq!(found(&output), [[kind, "evidence", &path].map(str::to_owned)]);
        assert_eq!(world.program(&["evidence", "verify"]).status.code(), Some(4));
        std::fs::write(&file, &whole).unwrap();
    }
    is_sound(&world, &[]);
}

#[test]
fn what_was_destroyed_by_rule_is_counted_and_no_fault() {
    let world = collected(&DATES[..3], "3600");
    succeeds(&world, &["run", PIPELINE, "--from", DATES[0], "--to", DATES[2]]);
    let due = copy_of(&world, DUE);
    assert_eq!(is_sound(&due, &[])["purged"], 0);
    purge(&due, &[]);
    let looked_at = is_sound(&due, &[]);
    assert!(looked_at["purged"].as_u64().unwrap() >= 2, "{looked_at}");
    assert!(!due.path("data/private/keys").join(format!("{}.key", DATES[0])).exists());
    assert!(looked_at["dates"].as_u64().unwrap() >= 1);
    // A key of a date that is kept is a fault all the same.
    let key = format!("keys/{}.key", DATES[2]);
    std::fs::remove_file(due.path("data/private").join(&key)).unwrap();
    assert_eq!(found(&verify(&due, &[])), [["missing", "day_key", &key].map(str::to_owned)]);
}

#[test]
fn an_untouched_sample_has_no_fault_and_a_loss_that_was_accepted_is_none() {
    let world = World::with_publication();
    world.run();
    let looked_at = is_sound(&world, &[]);
    assert!(looked_at["dates"].as_u64().unwrap() >= 2, "{looked_at}");
    // A person accepts that an hour of the evidence is gone.
    let folder = world.path("data/sample/evidence/stadtbus-vehicle-positions");
    let name = files(&folder).into_keys().find(|name| name.contains("20261124T08")).unwrap();
    std::fs::remove_file(folder.join(&name)).unwrap();
    let expected = "evidence/stadtbus-vehicle-positions/stadtbus-vehicle-positions-20261124T08.warc.gz";
    let output = verify(&world, &[]);
    assert_eq!(found(&output), [["missing", "evidence", expected].map(str::to_owned)]);
    let accept = ["evidence", "accept", PIPELINE, "--date", "2026-11-24", "--by", BY, "--reason", "Die Platte"];
    succeeds(&world, &accept);
    is_sound(&world, &[]);
    succeeds(&world, &["run", PIPELINE, "--date", "2026-11-24"]);
    is_sound(&world, &[]);
}

#[test]
fn a_workspace_is_needed_for_what_is_private_and_an_address_for_the_rest() {
    let world = World::new();
    let none = world.program(&["verify"]);
    let said = told(&none);
    assert!(none.status.code() == Some(2) && said.contains("--private"), "{said}");
    let unpublished = verify(&world, &[]);
    let said = told(&unpublished);
    assert!(unpublished.status.code() == Some(2) && said.contains("fahrtenbuch run"), "{said}");
    let other = tempfile::tempdir().unwrap();
    copy(&world.path("data/sample"), &other.path().join("data/sample"));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_fahrtenbuch"));
    let output = command.args(["verify", "--private"]).current_dir(other.path()).output().unwrap();
    let said = told(&output);
    assert!(output.status.code() == Some(2) && said.contains("fahrtenbuch init"), "{said}");
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn the_own_bucket_is_verified_in_s3_with_its_private_store() {
    let (server, world) = (s3(), World::new());
    world.move_to_s3(server.port);
    world.run();
    let looked_at = is_sound(&world, &[]);
    assert!(looked_at["files"].as_u64().unwrap() > 0 && looked_at["captures"].as_u64().unwrap() > 0, "{looked_at}");
    let key = "keys/2026-11-24.key";
    std::fs::remove_file(world.path("data/private").join(key)).unwrap();
    assert_eq!(found(&verify(&world, &[])), [["missing", "day_key", key].map(str::to_owned)]);
}
