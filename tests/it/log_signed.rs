//! The signed log: with the public key alone others find the tree, its root and the proof of each release right, whoever was killed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use signed_note::{StandardVerifier, VerifierList};

use crate::log::{kill_at, log, publish_at_once, succeeds};
use crate::published::add_a_row_to_stops;
use crate::purge::told;
use crate::releases::withdraw;
use crate::world::{World, copy, files, root, s3, whole_files};

pub(crate) const TIMETABLE: &str = "stadtbus-fahrplan";
const TELEMETRY: &str = "stadtbus-telemetrie";
const STOPS: &str = "stadtbus-fahrplan/stops";
const ORIGIN: &str = "stadt.example/bus";
const CHECKPOINT: &str = "data/bucket/ledger/checkpoint";

/// The tree of `tlog_tiles`: one list of hashes.
#[derive(Default)]
pub(crate) struct Hashes(RefCell<Vec<tlog_tiles::Hash>>);

impl tlog_tiles::HashReader for Hashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0.borrow()[*index as usize]).collect())
    }
}

/// The hashes of the tree over entries.
pub(crate) fn hashes(lines: &[String]) -> Hashes {
    let hashes = Hashes::default();
    for (place, line) in (0..).zip(lines) {
        let more = tlog_tiles::stored_hashes(place, line.as_bytes(), &hashes).unwrap();
        hashes.0.borrow_mut().extend(more);
    }
    hashes
}

/// A world whose log is signed, and its public key.
pub(crate) fn signed() -> (World, String) {
    let world = World::new();
    name_log(&world);
    let key = new_key(&world, &[]);
    (world, key)
}

pub(crate) fn name_log(world: &World) {
    world.replace_first("fahrtenbuch.yaml", "people:", &format!("signing: {{origin: {ORIGIN}}}\npeople:"));
}

/// Makes a key; gives its public part.
pub(crate) fn new_key(world: &World, arguments: &[&str]) -> String {
    let output = world.program(&[&["key", "new"], arguments].concat());
    assert!(output.status.success(), "{}", told(&output));
    String::from_utf8(output.stdout).unwrap().lines().next().unwrap().to_owned()
}

fn is_signed(note: &[u8], keys: &[&str]) -> bool {
    let keys = keys.iter().map(|key| Box::new(StandardVerifier::new(key).unwrap()) as Box<dyn signed_note::Verifier>);
    let note = signed_note::Note::from_bytes(note).unwrap();
    note.verify(&VerifierList::new(keys.collect())).is_ok()
}

/// A checkpoint that one of the keys has signed.
fn checkpoint(note: &[u8], keys: &[&str]) -> (u64, [u8; 32]) {
    assert!(is_signed(note, keys), "{}", String::from_utf8_lossy(note));
    let note = signed_note::Note::from_bytes(note).unwrap();
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!(checkpoint.origin(), ORIGIN);
    (checkpoint.size(), checkpoint.hash().0)
}

/// The lines of the log, after tiles, checkpoint and proofs were checked by programs of others, and the log itself by [`log`].
fn check(world: &World, keys: &[&str]) -> Vec<String> {
    let lines = log(world);
    let bucket = whole_files(&world.path("data/bucket"));
    let hashes = hashes(&lines);
    let (size, root) = checkpoint(&bucket["ledger/checkpoint"], keys);
    assert_eq!(size, lines.len() as u64);
    assert_eq!(root, tlog_tiles::tree_hash(size, &hashes).unwrap().0);
    for tile in tlog_tiles::Tile::new_tiles(8, 0, size) {
        let name = format!("ledger/{}", tile.path().replace("tile/8/", "tile/"));
        assert_eq!(bucket[&name], tile.read_data(&hashes).unwrap(), "{name}");
    }
    for (number, part) in lines.chunks(256).enumerate() {
        let partial = if part.len() < 256 { format!(".p/{}", part.len()) } else { String::new() };
        let coded: Vec<u8> =
            part.iter().flat_map(|line| [&(line.len() as u16).to_be_bytes()[..], line.as_bytes()].concat()).collect();
        assert_eq!(bucket[&format!("ledger/tile/entries/{number:03}{partial}")], coded);
    }
    let mut proofs = 0;
    for (index, line) in (0_u64..).zip(&lines) {
        let words: Vec<&str> = line.split(' ').collect();
        if words[0] != "release" {
            continue;
        }
        proofs += 1;
        let version: u64 = words[2].parse().unwrap();
        let name = format!("meta/{}/proofs/v{version:010}.tlog-proof", words[1]);
        let text = std::str::from_utf8(bucket.get(&name).unwrap_or_else(|| panic!("{name} is not there"))).unwrap();
        let (head, note) = text.split_once("\n\n").unwrap();
        let mut head = head.lines();
        assert_eq!(head.next(), Some("c2sp.org/tlog-proof@v1"));
        assert_eq!(head.next(), Some(format!("index {index}").as_str()));
        let proof: Vec<tlog_tiles::Hash> = head.map(hash).collect();
        let (size, root) = checkpoint(note.as_bytes(), keys);
        let leaf = tlog_tiles::record_hash(line.as_bytes());
        tlog_tiles::check_record(&proof, size, tlog_tiles::Hash(root), index, leaf).unwrap();
    }
    assert_eq!(bucket.keys().filter(|name| name.ends_with(".tlog-proof")).count(), proofs);
    lines
}

fn hash(base64: &str) -> tlog_tiles::Hash {
    use base64::Engine as _;
    tlog_tiles::Hash(base64::engine::general_purpose::STANDARD.decode(base64).unwrap().try_into().unwrap())
}

pub(crate) fn bucket(world: &World) -> BTreeMap<String, Vec<u8>> {
    whole_files(&world.path("data/bucket"))
}

/// The names of files that only one has, or that have other bytes.
pub(crate) fn differences(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    names.into_iter().filter(|name| one.get(*name) != other.get(*name)).cloned().collect()
}

/// Runs, and expects that the log is refused; gives what was told.
pub(crate) fn refused(world: &World, arguments: &[&str]) -> String {
    let output = world.program(arguments);
    assert_eq!(output.status.code(), Some(42), "{}", told(&output));
    told(&output)
}

#[test]
fn what_is_released_is_signed_and_a_run_that_releases_nothing_signs_nothing() {
    let (world, key) = signed();
    world.run();
    let first = check(&world, &[&key]);
    // The key is in the log, and its record and its public part are where everybody finds them.
    assert_eq!(first.iter().filter(|line| line.starts_with("record key ")).count(), 1, "{first:?}");
    let keys: Value = serde_json::from_slice(&bucket(&world)["ledger/keys.json"]).unwrap();
    assert_eq!((&keys["keys"][0]["key"], &keys["keys"][0]["state"]), (&key.clone().into(), &"active".into()));
    let before = bucket(&world);
    world.run();
    let is_of_log =
        |name: &&String| name.starts_with("ledger/tile") || name.ends_with("proof") || name.ends_with("point");
    assert!(bucket(&world).keys().filter(is_of_log).eq(before.keys().filter(is_of_log)));
    add_a_row_to_stops(&world);
    world.run_of(&[TIMETABLE]);
    let date = world.files_json(STOPS)["files"][0]["partition_date"].as_str().unwrap().to_owned();
    succeeds(&world, &withdraw(STOPS, &date, &[]));
    let second = check(&world, &[&key]);
    assert!(second.len() >= first.len() + 2 && second[..first.len()] == first);
    // What is made anew says the same to the byte.
    let before = bucket(&world);
    let said = succeeds(&world, &["publish", "--rebuild"]);
    assert_eq!(differences(&bucket(&world), &before), Vec::<String>::new(), "{said}");
}

#[test]
fn without_a_key_the_log_goes_on_unsigned_and_check_says_so() {
    let world = World::new();
    world.run_of(&[TIMETABLE]);
    let unsigned = log(&world);
    let is_signed =
        |name: &String| ["ledger/tile", "ledger/checkpoint", "ledger/keys"].iter().any(|of| name.starts_with(of));
    assert!(!bucket(&world).keys().any(is_signed));
    let said = succeeds(&world, &["check"]);
    assert!(said.contains("note: the log of releases is not signed") && said.contains("fahrtenbuch key new"), "{said}");
    // There is no name for the log.
    let output = world.program(&["key", "new"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("signing: {origin: daten.example.de}"), "{}", told(&output));
    // A key that comes later signs what was released before, too.
    name_log(&world);
    let key = new_key(&world, &[]);
    let lines = check(&world, &[&key]);
    assert_eq!((&lines[..unsigned.len()], lines.len()), (&unsigned[..], unsigned.len() + 1));
    let said = succeeds(&world, &["check"]);
    assert!(!said.contains("not signed"), "{said}");
    let json: Value = serde_json::from_slice(&world.program(&["check", "--json"]).stdout).unwrap();
    assert_eq!(json["signing"], ORIGIN);
    // One that the configuration names and that is not there is a mistake.
    world.replace("fahrtenbuch.yaml", &format!("origin: {ORIGIN}"), &format!("origin: {ORIGIN}, key: other"));
    let output = world.program(&["check"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("there is no active signing key 'other'"), "{}", told(&output));
}

#[test]
fn keys_are_rotated_revoked_and_listed_and_what_an_older_one_signed_holds() {
    let (world, old) = signed();
    world.run_of(&[TIMETABLE]);
    let said = succeeds(&world, &["key", "rotate", "--name", "second", "--reason", "every two years"]);
    let new = said.lines().find(|line| line.starts_with(ORIGIN)).unwrap().to_owned();
    let note = std::fs::read(world.path(CHECKPOINT)).unwrap();
    assert!(is_signed(&note, &[&new]) && !is_signed(&note, &[&old]));
    // Proofs of before are by the old key.
    let lines = check(&world, &[&old, &new]);
    assert_eq!(lines.iter().filter(|line| line.starts_with("record key ")).count(), 2);
    let keys = || -> Value { serde_json::from_slice(&bucket(&world)["ledger/keys.json"]).unwrap() };
    let states = |keys: &Value| -> Vec<String> {
        keys["keys"].as_array().unwrap().iter().map(|key| key["state"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(states(&keys()), ["rotated", "active"]);
    assert!(keys()["keys"][0]["until"].is_string() && keys()["keys"][0]["reason"] == "every two years");
    let records = world.records();
    let record = records.iter().find(|record| record["act"] == "rotate").unwrap();
    assert_eq!((&record["format"], &record["key"]), (&"fahrtenbuch-key/1".into(), &new.clone().into()));
    assert_eq!(record["replaces"], old);
    // A stolen one is revoked, and another one signs.
    let said = succeeds(&world, &["key", "revoke", "second", "--reason", "stolen"]);
    assert!(said.contains("No key is left that signs"), "{said}");
    assert_eq!(states(&keys()), ["rotated", "revoked"]);
    let third = new_key(&world, &["--name", "third"]);
    check(&world, &[&old, &new, &third]);
    assert!(is_signed(&std::fs::read(world.path(CHECKPOINT)).unwrap(), &[&third]));
    // Proofs that only the revoked key has signed are made again by those that hold.
    world.run_of(&[TELEMETRY]);
    succeeds(&world, &["publish", "--rebuild"]);
    check(&world, &[&old, &third]);
    let list = succeeds(&world, &["key", "list"]);
    assert!(["rotated", "revoked", "active", "stolen"].iter().all(|word| list.contains(word)), "{list}");
    for wrong in [
        &["key", "new", "--name", "third"][..],
        &["key", "new", "--name", "../x"],
        &["key", "revoke", "no", "--reason", "x"],
        // Reasons are published: each change has one.
        &["key", "rotate"],
        &["key", "rotate", "--reason", " "],
        &["key", "revoke", "third"],
        &["key", "revoke", "third", "--reason", ""],
    ] {
        assert_eq!(world.program(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn what_was_killed_at_any_stage_of_signing_is_completed_by_the_next_run_of_any_pipeline() {
    let (base, key) = signed();
    base.run_of(&[TIMETABLE]);
    let stages = ["commit", "log", "log-tiles", "log-signed", "log-checkpoint", "log-confirmed", "log-proofs"];
    for stage in stages {
        let world = World::new();
        name_log(&world);
        std::fs::remove_dir_all(world.path("data")).unwrap();
        copy(&base.path("data"), &world.path("data"));
        kill_at(&world, &["run", TELEMETRY], stage);
        world.run_of(&[TIMETABLE]);
        check(&world, &[&key]);
        world.run_of(&[TELEMETRY]);
        assert!(check(&world, &[&key]).len() > log(&base).len(), "{stage}");
    }
}

#[test]
fn two_runs_at_once_sign_one_log() {
    let mut world = World::at("2026-12-01T12:00:00Z");
    name_log(&world);
    let key = new_key(&world, &[]);
    world.set_clock("2026-12-01T13:00:00Z");
    publish_at_once(&world);
    check(&world, &[&key]);
}

#[test]
fn a_log_that_was_cut_or_changed_is_not_signed_and_nothing_of_it_is_written() {
    let (base, key) = signed();
    base.run_of(&[TIMETABLE]);
    base.run_of(&[TELEMETRY]);
    check(&base, &[&key]);
    let world_of_base = || {
        let world = World::new();
        name_log(&world);
        std::fs::remove_dir_all(world.path("data")).unwrap();
        copy(&base.path("data"), &world.path("data"));
        world
    };
    let signed = |world: &World| {
        let mut all = bucket(world);
        all.retain(|name, _| name.starts_with("ledger/tile") || name == "ledger/checkpoint" || name.ends_with("proof"));
        all
    };
    let forget = |world: &World| {
        let _ = std::fs::remove_file(world.path("data/private/publication/log.json"));
    };
    let newest = |world: &World| whole_files(&world.path("data/bucket/ledger/log")).into_keys().next_back().unwrap();
    for is_forgotten in [false, true] {
        // The newest version was taken away.
        let world = world_of_base();
        std::fs::remove_file(world.path("data/bucket/ledger/log").join(newest(&world))).unwrap();
        if is_forgotten {
            forget(&world);
        }
        let before = signed(&world);
        let said = refused(&world, &["run", TIMETABLE]);
        assert!(said.contains("the log was not signed") && said.contains("became shorter"), "{said}");
        assert_eq!(differences(&signed(&world), &before), Vec::<String>::new());
        // An entry of the past was exchanged, and all digests after it with it.
        let world = world_of_base();
        rewrite(&world);
        forget(&world);
        let before = signed(&world);
        add_a_row_to_stops(&world);
        let arguments: &[&str] = if is_forgotten { &["publish", "--rebuild"] } else { &["run", TIMETABLE] };
        let said = refused(&world, arguments);
        assert!(said.contains("was changed before that, or forked") || said.contains("different roots"), "{said}");
        assert_eq!(differences(&signed(&world), &before), Vec::<String>::new());
    }
    // A store that has forgotten what it signed finds it in the bucket.
    let world = world_of_base();
    rewrite(&world);
    forget(&world);
    std::fs::remove_file(world.path("data/private/keys/signing/signed.json")).unwrap();
    let said = refused(&world, &["publish", "--rebuild"]);
    assert!(said.contains("forked") || said.contains("different roots"), "{said}");
}

/// Exchanges the first entry of the log, and the digests that name what is then other bytes.
fn rewrite(world: &World) {
    let folder = world.path("data/bucket/ledger/log");
    let mut before: Option<(String, String)> = None;
    for name in files(&folder).into_keys() {
        let text = std::fs::read_to_string(folder.join(&name)).unwrap();
        let old = fahrtenbuch::digest::Digest::of(text.as_bytes()).to_string();
        let text = match &before {
            None => {
                let record = text.split("record key ").nth(1).unwrap()[..64].to_owned();
                text.replace(&record, &fahrtenbuch::digest::Digest::of(b"other").to_string())
            }
            Some((old, new)) => text.replace(old.as_str(), new),
        };
        before = Some((old, fahrtenbuch::digest::Digest::of(text.as_bytes()).to_string()));
        std::fs::write(folder.join(&name), text).unwrap();
    }
}

#[test]
fn tiles_a_checkpoint_and_proofs_that_are_damaged_are_made_anew_from_the_log() {
    let (world, key) = signed();
    world.run();
    let before = bucket(&world);
    let ledger = world.path("data/bucket/ledger");
    std::fs::remove_dir_all(ledger.join("tile")).unwrap();
    std::fs::write(ledger.join("checkpoint"), "nobody has signed this\n").unwrap();
    let proof = before.keys().find(|name| name.ends_with(".tlog-proof")).unwrap();
    std::fs::write(world.path("data/bucket").join(proof), "c2sp.org/tlog-proof@v1\n").unwrap();
    std::fs::write(ledger.join("keys.json"), "{}").unwrap();
    let dry = succeeds(&world, &["publish", "--rebuild", "--dry-run", "--json"]);
    for name in ["ledger/checkpoint", "ledger/tile/0/000.p/", "ledger/keys.json", proof] {
        assert!(dry.contains(name), "{name}: {dry}");
    }
    let said = succeeds(&world, &["publish", "--rebuild"]);
    assert!(said.contains("'ledger/checkpoint' in the bucket is replaced"), "{said}");
    // Partial tiles of older checkpoints are not needed any more, and the proof is one of the newest checkpoint.
    let is_of_before = |name: &&str| !name.starts_with("ledger/tile/") && name != proof;
    assert_eq!(differences(&before, &bucket(&world)).iter().map(String::as_str).filter(is_of_before).count(), 0);
    check(&world, &[&key]);
    // A run makes them anew, too, when it adds to them.
    std::fs::remove_dir_all(ledger.join("tile")).unwrap();
    add_a_row_to_stops(&world);
    let said = succeeds(&world, &["run", TIMETABLE]);
    assert!(said.contains("are made anew"), "{said}");
    check(&world, &[&key]);
}

/// Adds changes of keys to the register, as if somebody had made so many: each is an entry of the log.
fn add_changes(world: &World, numbers: std::ops::Range<u32>) {
    let path = world.path("data/private/keys/signing/keys.json");
    let mut register: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let changes = register["changes"].as_array_mut().unwrap();
    for number in numbers {
        let mut change = changes[0].clone();
        change["name"] = format!("key-{number}").into();
        changes.push(change);
    }
    std::fs::write(&path, register.to_string()).unwrap();
}

#[test]
fn a_full_tile_takes_the_place_of_partial_ones_whoever_is_killed_meanwhile() {
    let (base, key) = signed();
    base.run_of(&[TIMETABLE]);
    add_changes(&base, 0..200);
    base.run_of(&[TELEMETRY]);
    let before = check(&base, &[&key]).len();
    assert!((200..256).contains(&before), "{before}");
    for stage in ["log-tiles", "log-checkpoint", "log-proofs", ""] {
        let mut world = World::new();
        world.set_clock("2026-11-27T13:00:00Z");
        name_log(&world);
        std::fs::remove_dir_all(world.path("data")).unwrap();
        copy(&base.path("data"), &world.path("data"));
        add_changes(&world, 200..270);
        add_a_row_to_stops(&world);
        if !stage.is_empty() {
            kill_at(&world, &["run", TIMETABLE], stage);
        }
        world.run_of(&[TIMETABLE]);
        let lines = check(&world, &[&key]);
        assert_eq!(lines.len(), before + 71, "{stage}");
        let all = bucket(&world);
        assert!(all.contains_key("ledger/tile/0/000") && all.contains_key("ledger/tile/1/000.p/1"));
        let is_old = |name: &&String| name.contains("/000.p/") && !name.starts_with("ledger/tile/1/");
        // A run that made all of it has removed what is not needed any more.
        assert!(!stage.is_empty() || all.keys().filter(is_old).count() == 0, "{stage}");
        add_changes(&world, 270..271);
        world.run_of(&[TIMETABLE]);
        assert_eq!(check(&world, &[&key])[..lines.len()], lines, "{stage}");
    }
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn the_log_of_an_s3_bucket_is_signed_as_that_of_a_folder() {
    let server = s3();
    let world = World::new();
    name_log(&world);
    world.move_to_s3(server.port);
    new_key(&world, &[]);
    world.run();
    add_a_row_to_stops(&world);
    world.run_of(&[TIMETABLE]);
    succeeds(&world, &["key", "rotate", "--reason", "every two years"]);
    // Looks at every tile and proof.
    let said = succeeds(&world, &["publish", "--rebuild", "--dry-run", "--json"]);
    let said: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    let written = said["written"].as_array().unwrap();
    let is_of_log = |name: &&Value| ["ledger/", "/proofs/"].iter().any(|of| name.as_str().unwrap().contains(of));
    assert_eq!(written.iter().filter(is_of_log).count(), 0, "{said}");
    assert!(std::fs::read_to_string(world.path("data/private/keys/signing/signed.json")).unwrap().contains(ORIGIN));
}

#[test]
fn a_backup_brings_signing_keys_back_and_what_was_signed() {
    let (world, key) = signed();
    world.run_of(&[TIMETABLE]);
    let places = tempfile::tempdir().unwrap();
    let [data, keys] = ["data", "keys"].map(|name| places.path().join(name).to_string_lossy().into_owned());
    let said = succeeds(&world, &["backup", "--to", &data, "--keys-to", &keys]);
    // Keys are called what they are: a timetable has no pseudonyms.
    assert!(said.contains("keys: 0 of pseudonyms, 1 that signs the log, at "), "{said}");
    let before = files(&world.path("data/private/keys/signing"));
    assert_eq!(before.len(), 3);
    std::fs::remove_dir_all(world.path("data/private")).unwrap();
    succeeds(&world, &["restore", "--from", &data, "--keys-from", &keys]);
    assert_eq!(files(&world.path("data/private/keys/signing")), before);
    for (name, mode) in before.keys().map(|name| (name, mode(&world.path("data/private/keys/signing").join(name)))) {
        assert_eq!(mode, 0o600, "{name}");
    }
    world.run();
    check(&world, &[&key]);
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_secret_that_is_lost_is_told_and_another_key_takes_its_place() {
    let (world, old) = signed();
    world.run_of(&[TIMETABLE]);
    let secret =
        files(&world.path("data/private/keys/signing")).into_keys().find(|name| name.ends_with(".key")).unwrap();
    std::fs::remove_file(world.path("data/private/keys/signing").join(secret)).unwrap();
    let said = refused(&world, &["run", TELEMETRY]);
    assert!(said.contains("the secret of the signing key") && said.contains("fahrtenbuch key rotate"), "{said}");
    // What was released is in the log all the same.
    log(&world);
    let said = succeeds(&world, &["key", "rotate", "--reason", "lost"]);
    let new = said.lines().find(|line| line.starts_with(ORIGIN)).unwrap().to_owned();
    check(&world, &[&old, &new]);
}

/// A folder of keys that is gone is no log without keys.
#[test]
fn signing_keys_that_are_all_gone_are_told_and_a_new_one_goes_on() {
    let (world, old) = signed();
    world.run_of(&[TIMETABLE]);
    let folder = world.path("data/private/keys/signing");
    std::fs::rename(&folder, world.path("data/private/away")).unwrap();
    let said = refused(&world, &["run", TELEMETRY]);
    assert!(said.contains("the signing keys of this log are gone") && said.contains("backup"), "{said}");
    log(&world);
    std::fs::rename(world.path("data/private/away"), &folder).unwrap();
    world.run_of(&[TELEMETRY]);
    check(&world, &[&old]);
}

#[test]
fn after_a_rotation_an_outsider_verifies_with_both_keys_and_the_checkpoint_that_he_kept() {
    let (world, old) = signed();
    world.run_of(&[TIMETABLE]);
    let kept = world.path("kept");
    std::fs::copy(world.path(CHECKPOINT), &kept).unwrap();
    let said = succeeds(&world, &["key", "rotate", "--reason", "every two years"]);
    let new = said.lines().find(|line| line.starts_with(ORIGIN)).unwrap().to_owned();
    let bucket = world.path("data/bucket");
    let verify = |more: &[&str]| {
        let output = world.program(&[&["verify", bucket.to_str().unwrap()], more].concat());
        (output.status.code(), told(&output))
    };
    let since = ["--since", kept.to_str().unwrap()];
    let (code, said) = verify(&["--key", &old]);
    assert!(code == Some(42) && said.contains("was rotated on") && said.contains("give both with --key"), "{said}");
    assert_eq!(verify(&[&["--key", &new, "--key", &old][..], &since].concat()).0, Some(0));
    let both = world.path("keys");
    std::fs::write(&both, format!("# of the city\n{old}\n{new}\n")).unwrap();
    assert_eq!(verify(&[&["--key", both.to_str().unwrap()][..], &since].concat()).0, Some(0));
    let other = format!("other.example{}", &old[ORIGIN.len()..]);
    let (code, said) = verify(&["--key", &old, "--key", &other]);
    assert!(code == Some(2), "{said}");
}

#[test]
fn signing_costs_at_most_20_ms_and_three_objects_a_release() {
    let world = World::with_publication();
    name_log(&world);
    new_key(&world, &[]);
    let output = world.program(&["-v", "run"]);
    assert!(output.status.success(), "{}", told(&output));
    let said = told(&output);
    let signed: Vec<[u64; 3]> = said
        .lines()
        .filter(|line| line.contains("signed the log"))
        .map(|line| {
            let number = |of: &str| -> u64 {
                let text = line.split(&format!("{of}=")).nth(1).unwrap();
                text.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
            };
            [number("proofs"), number("ms"), number("asked")]
        })
        .collect();
    let [proofs, ms, asked] = signed.iter().fold([0; 3], |sum, of| std::array::from_fn(|place| sum[place] + of[place]));
    let all = bucket(&world);
    let objects = all.keys().filter(|name| name.ends_with(".tlog-proof") || name.starts_with("ledger/tile")).count();
    let objects = objects + signed.len();
    println!("{proofs} releases, {objects} objects, {ms} ms and {asked} requests in {} signatures", signed.len());
    assert!(proofs > 10 && objects as u64 <= 3 * proofs, "{signed:?}");
    // Some 0.2 ms on a fast disk, with other tests at work.
    assert!(ms <= 20 * proofs && asked <= 3 * proofs, "{signed:?}");
}

#[test]
#[cfg_attr(not(golang), ignore = "needs Go and golang.org/x/mod, which ./test --long sets up")]
fn go_finds_checkpoint_root_and_proofs_right_and_what_was_changed_wrong() {
    let (world, old) = signed();
    world.run();
    let said = succeeds(&world, &["key", "rotate", "--reason", "every two years"]);
    let new = said.lines().find(|line| line.starts_with(ORIGIN)).unwrap().to_owned();
    add_a_row_to_stops(&world);
    world.run_of(&[TIMETABLE]);
    check(&world, &[&old, &new]);
    let program = world.path("check_log");
    let go = |arguments: &[&str]| {
        let mut command = Command::new("go");
        command.args(arguments).env("GO111MODULE", "off").env("GOPATH", "/usr/share/gocode");
        command.env("GOCACHE", world.path("go-cache")).env("HOME", world.path("."));
        command
    };
    let source = root().join("tests/go/check_log.go").to_string_lossy().into_owned();
    assert!(std::fs::read_to_string(&source).unwrap().lines().count() <= 60);
    let output = go(&["build", "-o", &program.to_string_lossy(), &source]).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    let looked = || Command::new(&program).arg(world.path("data/bucket")).args([&old, &new]).output().unwrap();
    assert!(looked().status.success(), "{}", told(&looked()));
    let is_found = |name: &str, from: &[u8], to: &[u8]| {
        let path = world.path("data/bucket").join(name);
        let whole = std::fs::read(&path).unwrap();
        let at = whole.windows(from.len()).position(|part| part == from).unwrap();
        std::fs::write(&path, [&whole[..at], to, &whole[at + from.len()..]].concat()).unwrap();
        let is_found = !looked().status.success();
        std::fs::write(&path, whole).unwrap();
        is_found
    };
    let all = bucket(&world);
    let bundle = all.keys().rfind(|name| name.starts_with("ledger/tile/entries/000.p/")).unwrap();
    let bundle = all
        .keys()
        .filter(|name| name.starts_with("ledger/tile/entries/"))
        .max_by_key(|name| all[*name].len())
        .unwrap_or(bundle);
    assert!(is_found(bundle, b"stops 1 ", b"stops 2 "));
    let size = log(&world).len();
    assert!(is_found("ledger/checkpoint", format!("\n{size}\n").as_bytes(), format!("\n{}\n", size - 1).as_bytes()));
    let proof = "meta/stadtbus-fahrplan/stops/proofs/v0000000002.tlog-proof";
    assert!(is_found(proof, b"\nindex ", b"\nindex 1"));
    assert!(looked().status.success());
}
