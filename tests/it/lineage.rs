//! What runs did, in the forms of other tools.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use fahrtenbuch::digest::Digest;
use serde_json::Value;

use crate::world::World;

const LOCATIONS: &str = "stadtbus-telemetrie/vehicle_locations";

fn lines(world: &World, arguments: &[&str]) -> Vec<Value> {
    let output = world.program(&[&["lineage"], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The current files of all tables but those of the publication, as the bucket has them.
fn current(world: &World) -> BTreeMap<String, String> {
    let is_data = |name: &str| name.starts_with("data/") && !name.starts_with("data/publication/");
    let published = world.published();
    let files = published.iter().filter(|(name, _)| is_data(name) && name.ends_with(".parquet"));
    files.map(|(name, bytes)| (name.clone(), Digest::of(bytes).to_string())).collect()
}

#[test]
fn each_published_file_is_an_output_of_one_run_and_its_rows_are_those_of_the_index() {
    let world = World::new();
    world.run();
    let events = lines(&world, &[]);
    let ended: Vec<&Value> = events.iter().filter(|event| event["eventType"] == "COMPLETE").collect();
    assert_eq!(events.len(), 2 * ended.len());
    let outputs = || ended.iter().flat_map(|event| event["outputs"].as_array().unwrap());
    let files = outputs().flat_map(|output| output["facets"]["fahrtenbuch_rows"]["files"].as_array().unwrap());
    let told: BTreeMap<String, String> = files
        .map(|file| (file["path"].as_str().unwrap().to_owned(), file["sha256"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(told, current(&world));
    let index = world.files_json(LOCATIONS);
    let rows: u64 = index["files"].as_array().unwrap().iter().map(|file| file["rows"].as_u64().unwrap()).sum();
    let of_locations = outputs().filter(|output| output["name"] == LOCATIONS);
    let told: u64 = of_locations.map(|of| of["outputFacets"]["outputStatistics"]["rowCount"].as_u64().unwrap()).sum();
    assert_eq!(told, rows);
    // Rules are told at the table that they are of.
    let asserted = outputs().filter(|output| output["name"] == LOCATIONS);
    let asserted = asserted.flat_map(|of| of["facets"]["dataQualityAssertions"]["assertions"].as_array().unwrap());
    assert!(asserted.clone().count() > 5);
    assert!(asserted.clone().all(|of| of["assertion"].as_str().unwrap().starts_with("vehicle_locations.")));
    // The same bucket gives the same lines.
    assert_eq!(lines(&world, &[]), events);
}

#[test]
fn a_statement_has_the_digests_of_the_files_in_the_bucket_and_names_the_record_it_is_made_of() {
    let world = World::new();
    world.run();
    let statements = lines(&world, &["--format", "in-toto"]);
    let subjects = statements.iter().flat_map(|statement| statement["subject"].as_array().unwrap());
    let told: BTreeMap<String, String> = subjects
        .map(|of| (of["name"].as_str().unwrap().to_owned(), of["digest"]["sha256"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(told, current(&world));
    for statement in &statements {
        let record = &statement["predicate"]["runDetails"]["byproducts"][0];
        let bytes = std::fs::read(world.path("data/bucket").join(record["uri"].as_str().unwrap())).unwrap();
        assert_eq!(Digest::of(&bytes).to_string(), record["digest"]["sha256"]);
        let one = lines(&world, &["--record", record["digest"]["sha256"].as_str().unwrap(), "--format", "in-toto"]);
        assert_eq!(one, std::slice::from_ref(statement));
    }
    // A dependency whose text is short is told, and its digest is of that.
    let dependencies = statements[0]["predicate"]["buildDefinition"]["resolvedDependencies"].as_array().unwrap();
    let told = dependencies.iter().filter(|of| of["annotations"]["value"].is_string());
    let wrong = told.clone().filter(|of| {
        Digest::of(of["annotations"]["value"].as_str().unwrap().as_bytes()).to_string() != of["digest"]["sha256"]
    });
    assert_eq!((told.clone().count() > 0, wrong.count()), (true, 0));
}

/// By the form of the envelope alone: over the type and the payload, each after its length.
#[test]
fn a_signed_statement_is_signed_by_the_key_of_the_log_over_its_type_and_its_bytes() {
    let world = World::new();
    world.run();
    let refused = world.program(&["lineage", "--format", "dsse"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(2) && said.contains("fahrtenbuch key new"), "{said}");
    world.replace_first("fahrtenbuch.yaml", "people:", "signing: {origin: stadt.example/bus}\npeople:");
    let made = world.program(&["key", "new"]);
    let vkey = String::from_utf8(made.stdout).unwrap().lines().next().unwrap().to_owned();
    let parts: Vec<&str> = vkey.splitn(3, '+').collect();
    let public: [u8; 32] = STANDARD.decode(parts[2]).unwrap()[1..].try_into().unwrap();
    let key = VerifyingKey::from_bytes(&public).unwrap();
    let statements = lines(&world, &["--format", "in-toto"]);
    let envelopes = lines(&world, &["--format", "dsse"]);
    assert_eq!(envelopes.len(), statements.len());
    for (envelope, statement) in envelopes.iter().zip(&statements) {
        let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&payload).unwrap(), *statement);
        let kind = envelope["payloadType"].as_str().unwrap();
        let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
        let signature = &envelope["signatures"][0];
        assert_eq!(signature["keyid"], format!("{}+{}", parts[0], parts[1]));
        let bytes = STANDARD.decode(signature["sig"].as_str().unwrap()).unwrap();
        let bytes = Signature::from_slice(&bytes).unwrap();
        assert!(key.verify_strict(&[head.as_bytes(), &payload].concat(), &bytes).is_ok());
        assert!(key.verify_strict(&payload, &bytes).is_err());
    }
}

#[test]
fn what_is_not_published_is_told_and_a_damaged_record_is_no_lineage() {
    let world = World::new();
    world.run();
    let refused = |arguments: &[&str], code: i32, said: &str| {
        let output = world.program(&[&["lineage"], arguments].concat());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(code) && error.contains(said), "{arguments:?} {error}");
        assert!(output.stdout.is_empty());
    };
    refused(&["--date", "2001-01-01"], 2, "nothing of 2001-01-01 is published");
    refused(&["stadtbus-telemetri"], 2, "stadtbus-telemetrie");
    refused(&["--record", "abc"], 2, "64 hex digits");
    refused(&["--record", &"0".repeat(64)], 42, "it is gone");
    let key = world.files_json(LOCATIONS)["files"][0]["record"].as_str().unwrap().to_owned();
    let path = world.path("data/bucket").join(&key);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"published\"", "\"published \"", 1)).unwrap();
    refused(&[], 42, &key);
}
