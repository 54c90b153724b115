//! What the digests of a record name is found in the bucket by whoever has the record alone, and nothing personal or secret with it.

use std::collections::{BTreeMap, BTreeSet};

use fahrtenbuch::digest::Digest;
use serde_json::Value;

use crate::world::{World, files, root};

const TELEMETRY: &str = "stadtbus-telemetrie";
const OBJECTS: &str = "data/bucket/ledger/objects";
const CONTRACT: &str = "schemas/stadtbus/vehicle_locations.odcs.yaml";

/// Kinds of inputs that are found as objects.
const TEXTS: &[&str] = &["area", "contract", "notices", "pipeline", "rows"];
/// Kinds that stand in the record as they were digested.
const VALUES: &[&str] = &["beats", "decision", "history", "oldest", "program", "setting"];
/// Kinds that `docs/ledger.md` says are not published as texts.
const OTHERS: &[&str] = &["decisions", "evidence", "key", "mapping", "previous", "timetable", "zones"];

fn objects(world: &World) -> BTreeMap<String, Vec<u8>> {
    files(&world.path(OBJECTS))
}

/// The digests of a record that lead to an object, with what each is of. Those that stand beside their text are compared with it.
fn named(record: &Value) -> BTreeMap<String, String> {
    let digest = |value: &Value| value["sha256"].as_str().unwrap().to_owned();
    let mut named =
        BTreeMap::from([(record["pipeline_file"].as_str().unwrap().to_owned(), "pipeline_file".to_owned())]);
    named.extend(record["contracts"].as_array().unwrap().iter().map(|of| (digest(of), of["id"].to_string())));
    for input in ["data", "rules"].iter().flat_map(|list| record["inputs"][list].as_array().unwrap()) {
        let kind = input["kind"].as_str().unwrap();
        match input["value"].as_str() {
            Some(value) => assert_eq!(digest(input), Digest::of(value.as_bytes()).to_string(), "{input}"),
            None => assert!(!VALUES.contains(&kind), "{input}"),
        }
        assert!(TEXTS.contains(&kind) || VALUES.contains(&kind) || OTHERS.contains(&kind), "{input}");
        if TEXTS.contains(&kind) {
            named.insert(digest(input), input.to_string());
        }
    }
    for of in record["evidence"].as_array().unwrap() {
        let list = of["list"].as_str().unwrap().strip_prefix("ledger/objects/").unwrap();
        named.insert(list.to_owned(), of["source"].to_string());
    }
    named
}

/// Every digest of every record that is public leads to bytes that have it; gives the digests.
fn all_are_found(world: &World) -> BTreeSet<String> {
    let objects = objects(world);
    let mut all = BTreeSet::new();
    for record in files(&world.path("data/bucket/ledger/records")).values() {
        for (digest, of) in named(&serde_json::from_slice(record).unwrap()) {
            let bytes = objects.get(&digest).unwrap_or_else(|| panic!("{of}: {digest} is not there"));
            assert_eq!(Digest::of(bytes).to_string(), digest, "{of}");
            all.insert(digest);
        }
    }
    all
}

fn digest_of(world: &World, file: &str) -> String {
    Digest::of(&std::fs::read(world.path(file)).unwrap()).to_string()
}

fn remove(world: &World, digest: &str) {
    std::fs::remove_file(world.path(OBJECTS).join(digest)).unwrap();
}

fn said(world: &World, arguments: &[&str]) -> String {
    let output = world.program(arguments);
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn each_public_digest_of_each_record_leads_to_its_text_and_all_runs_give_the_same() {
    let world = World::with_busplus();
    world.run();
    let found = all_are_found(&world);
    assert_eq!(objects(&world).len(), found.len(), "what no record names is no object");
    for file in ["stadtbus-fahrplan", TELEMETRY, "busplus"].map(|name| format!("pipelines/{name}.yaml")) {
        // They have no secret, so the text is the file's own.
        assert!(found.contains(&digest_of(&world, &file)), "{file}");
    }
    for file in ["gtfs/stops", "stadtbus/vehicle_locations", "busplus/vehicle_locations", "gtfs-derived/service_dates"]
    {
        let file = format!("schemas/{file}.odcs.yaml");
        assert!(found.contains(&digest_of(&world, &file)), "{file}");
    }
    let other = World::with_busplus();
    other.run();
    // Lists of captures have the time at which the timetable was captured.
    let texts = |world: &World| {
        let mut texts = objects(world);
        texts.retain(|_, bytes| !bytes.starts_with(b"20"));
        texts
    };
    assert!(texts(&other) == texts(&world) && texts(&world).len() + 10 > found.len());
    // The manual has a row for each kind of input.
    let manual = std::fs::read_to_string(root().join("docs/ledger.md")).unwrap();
    for kind in [TEXTS, VALUES, OTHERS].concat() {
        assert!(manual.contains(&format!("`{kind}`")), "{kind}");
    }
}

#[test]
fn files_json_and_index_csv_name_the_record_of_each_file() {
    let world = World::new();
    world.run();
    let records = files(&world.path("data/bucket/ledger/records"));
    let meta = files(&world.path("data/bucket/meta"));
    let mut seen = 0;
    for (name, bytes) in meta.iter().filter(|(name, _)| name.ends_with("/files.json")) {
        let view: Value = serde_json::from_slice(bytes).unwrap();
        let csv = String::from_utf8(meta[&name.replace("files.json", "index.csv")].clone()).unwrap();
        for file in view["files"].as_array().unwrap() {
            let (path, record) = (file["path"].as_str().unwrap(), file["record"].as_str().unwrap());
            let bytes = &records[record.strip_prefix("ledger/records/").unwrap()];
            let record_of: Value = serde_json::from_slice(bytes).unwrap();
            let mut made =
                record_of["tables"].as_array().unwrap().iter().flat_map(|of| of["files"].as_array().unwrap());
            assert!(made.any(|made| made["path"] == path && made["sha256"] == file["sha256"]), "{path}");
            assert!(csv.lines().any(|line| line.starts_with(path) && line.contains(record)), "{path}");
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn no_secret_of_a_pipeline_and_no_name_of_a_mapping_gets_into_the_bucket() {
    let world = World::new();
    let file = format!("pipelines/{TELEMETRY}.yaml");
    let source = "sources:\n  - name: probe\n    type: http\n    url: http://ich:planted-one@127.0.0.1:9/rt?format=pb&code=planted-two\n    \
                  headers: {X-Api-Key: planted-three, Authorization: 'Bearer ${PATH}'}\n    licence: own\n  \
                  # password: planted-four\n";
    world.replace_first(&file, "sources:\n", source);
    world.replace_first(&file, "format:", "mappings: {trip_id: mappings/trips.csv}\nformat:");
    world.write("mappings/trips.csv", "from,to\nOG-XY 4711,Erika Fahrerin\n");
    world.run_of(&["stadtbus-fahrplan"]);
    let results = world.run_of(&[TELEMETRY, "--date", "2026-11-24"]);
    let record = &results[TELEMETRY]["record"];
    all_are_found(&world);
    assert_eq!(record["mappings"]["trip_id"], digest_of(&world, "mappings/trips.csv").as_str());
    assert!(!objects(&world).contains_key(&digest_of(&world, "mappings/trips.csv")));
    let text = objects(&world)[record["pipeline_file"].as_str().unwrap()].clone();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("'Bearer ${PATH}'") && text.contains("127.0.0.1:9/rt?format=pb&code=REDACTED"), "{text}");
    let planted = ["planted-", "OG-XY", "Fahrerin"];
    for (name, bytes) in files(&world.path("data/bucket")) {
        let is_in = |word: &&&str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
        assert_eq!(planted.iter().find(is_in), None, "{name}");
    }
    let told = said(&world, &["check"]);
    assert!(told.contains("looks like a secret") && !told.contains("planted-"), "{told}");
    // Another password is no other input.
    world.replace(&file, "planted-three", "planted-five");
    let again = world.run_of(&[TELEMETRY, "--date", "2026-11-24"]);
    assert_eq!(again[TELEMETRY]["nothing_new"], true);
}

#[test]
fn the_text_of_a_changed_contract_is_there_beside_the_old_one() {
    let world = World::new();
    world.run();
    let (old, before) = (digest_of(&world, CONTRACT), objects(&world));
    let text = std::fs::read_to_string(world.path(CONTRACT)).unwrap();
    world.write(CONTRACT, &format!("# A remark.\n{text}"));
    world.run_of(&[TELEMETRY]);
    let new = digest_of(&world, CONTRACT);
    all_are_found(&world);
    let after = objects(&world);
    assert!(old != new && after.contains_key(&old) && after.contains_key(&new));
    // What shapes rows is the same, and so is all else.
    let added: Vec<&String> = after.keys().filter(|name| !before.contains_key(*name)).collect();
    assert_eq!(added, [&new]);
}

#[test]
fn a_lost_text_is_told_and_put_again_by_the_next_run_and_by_a_rebuild() {
    let world = World::new();
    world.run();
    let (whole, lost) = (objects(&world), digest_of(&world, CONTRACT));
    let rebuild = ["publish", "--rebuild", "--json"];
    let nothing: Value = serde_json::from_slice(&world.program(&rebuild).stdout).unwrap();
    assert_eq!((&nothing["written"], &nothing["missing"]), (&serde_json::json!([]), &serde_json::json!([])));
    let key = format!("ledger/objects/{lost}");
    remove(&world, &lost);
    let told = said(&world, &["check", "--bucket"]);
    assert!(told.contains("1 texts that records name are gone or changed") && told.contains(&key), "{told}");
    let told = said(&world, &["run", TELEMETRY]);
    assert!(told.contains(&key) && told.contains("is put again"), "{told}");
    assert_eq!(objects(&world), whole);
    assert!(!said(&world, &["check", "--bucket"]).contains("texts that records name"));
    remove(&world, &lost);
    let dry: Value = serde_json::from_slice(&world.program(&[&rebuild[..], &["--dry-run"]].concat()).stdout).unwrap();
    assert!(dry["written"] == serde_json::json!([key]) && objects(&world).len() + 1 == whole.len(), "{dry}");
    let written: Value = serde_json::from_slice(&world.program(&rebuild).stdout).unwrap();
    assert_eq!(written["written"], serde_json::json!([key]));
    assert_eq!(objects(&world), whole);
    // The bucket of a version that put no texts, and a workspace that has others by now: what it had is kept in the journal.
    let text = std::fs::read_to_string(world.path(CONTRACT)).unwrap();
    world.write(CONTRACT, &format!("# A remark.\n{text}"));
    remove(&world, &lost);
    let written: Value = serde_json::from_slice(&world.program(&rebuild).stdout).unwrap();
    assert_eq!(written["written"], serde_json::json!([key]));
    // Without that it is told as missing.
    remove(&world, &lost);
    std::fs::remove_file(world.path(&format!("data/private/journal/{TELEMETRY}/objects/{lost}"))).unwrap();
    let missing: Value = serde_json::from_slice(&world.program(&rebuild).stdout).unwrap();
    assert!(missing["missing"] == serde_json::json!([key]) && missing["written"] == serde_json::json!([]), "{missing}");
}

#[test]
fn a_run_with_nothing_new_puts_the_texts_of_a_bucket_that_has_none() {
    let world = World::new();
    world.run();
    let whole = objects(&world);
    for pipeline in ["stadtbus-fahrplan", TELEMETRY] {
        let of_journal = |name: &str| world.path(&format!("data/private/journal/{pipeline}/{name}"));
        std::fs::remove_file(of_journal("objects.json")).unwrap();
        std::fs::remove_dir_all(of_journal("objects")).unwrap();
    }
    std::fs::remove_dir_all(world.path(OBJECTS)).unwrap();
    // Lists of captures are put again, too, and nothing is released.
    let again = world.run();
    assert!(again.values().all(|result| result["commits"].as_u64().unwrap_or(0) == 0));
    assert_eq!(objects(&world), whole);
}
