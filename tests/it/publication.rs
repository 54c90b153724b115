//! The tables that tell what was published: their numbers are those of indexes, results and records, whoever wrote them and whatever
//! came between.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::published::add_a_row_to_stops;
use crate::quarantine::hold;
use crate::world::{Server, World, files, python, serve_logged};

const BY: [&str; 4] = ["--by", "Datenmanagement", "--reason", "a test"];
const DATE: &str = "2026-11-24";
const FOLDERS: [&str; 3] = ["data/publication/", "revised/publication/", "meta/publication/"];

/// A world whose bucket is served where its `base_url` says.
fn served() -> (World, Server, String) {
    let world = World::with_publication();
    std::fs::create_dir_all(world.path("data/bucket")).unwrap();
    let server = serve_logged(&world.path("data/bucket"), &world.path("requests"));
    let base = format!("http://127.0.0.1:{}", server.1);
    world.replace("fahrtenbuch.yaml", "# base_url: https://daten.example.de", &format!("base_url: {base}"));
    (world, server, base)
}

fn done(world: &World, arguments: &[&str]) -> String {
    let output = world.program(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn outsider(world: &World, base: &str, query: &[&str]) -> Value {
    let folder = world.path("data/bucket").to_string_lossy().into_owned();
    let output = python("publication.py", &[&[base, &folder], query].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The files of the tables that are current, by table and date.
fn current(world: &World) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for table in ["releases", "rule_results", "decisions"] {
        let view = world.path(&format!("data/bucket/meta/publication/{table}/files.json"));
        let Ok(bytes) = std::fs::read(view) else { continue };
        let view: Value = serde_json::from_slice(&bytes).unwrap();
        for file in view["files"].as_array().unwrap() {
            let name = format!("{table} {}", file["partition_date"].as_str().unwrap());
            found.insert(name, file["sha256"].as_str().unwrap().to_owned());
        }
    }
    found
}

/// Takes the tables away, and makes them anew: the same bytes come again.
fn is_made_anew(world: &World) {
    let before = current(world);
    assert!(done(world, &["publish", "--rebuild"]).contains("Everything is as it should be"));
    for folder in FOLDERS {
        let _ = std::fs::remove_dir_all(world.path(&format!("data/bucket/{folder}")));
    }
    let would = done(world, &["publish", "--rebuild", "--dry-run", "--json"]);
    assert!(would.contains("data/publication/releases/partition_date="), "{would}");
    assert!(!world.path("data/bucket/data/publication").exists());
    done(world, &["publish", "--rebuild"]);
    assert_eq!(current(world), before);
    let left = files(&world.path("data/private/staging"));
    assert!(left.is_empty(), "{:?}", left.keys());
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn every_number_of_indexes_results_and_records_is_found_by_a_query() {
    let (world, _server, base) = served();
    world.run();
    let counts = outsider(&world, &base, &[]);
    assert!(counts["releases"].as_u64() > Some(5) && counts["rule_results"].as_u64() > Some(100), "{counts}");
    let package: Value =
        serde_json::from_slice(&std::fs::read(world.path("data/bucket/datapackage.json")).unwrap()).unwrap();
    let named = |of: &&Value| of["dataset"] == "publication" && of["schema"]["fields"].as_array().unwrap().len() > 10;
    assert_eq!(package["resources"].as_array().unwrap().iter().filter(named).count(), 2);
    // The same again makes nothing new.
    let before = files(&world.path("data/bucket"));
    world.run();
    let after = files(&world.path("data/bucket"));
    let changed: Vec<&String> =
        after.iter().filter(|(name, bytes)| before.get(*name) != Some(bytes)).map(|(name, _)| name).collect();
    assert!(changed.is_empty(), "{changed:?}");

    add_a_row_to_stops(&world);
    world.run_of(&["stadtbus-fahrplan"]);
    done(&world, &[&["releases", "rollback", "stadtbus-fahrplan/stops", "--to", "1"], &BY[..]].concat());
    done(&world, &[&["withdraw", "stadtbus-telemetrie", "--date", DATE], &BY[..]].concat());
    outsider(&world, &base, &[]);
    let query = "SELECT version, act, reasons, is_current, superseded_by, withdrawn_by, rolled_back_to, role, reason, path IS NULL AS \
                 gone FROM releases WHERE table_name = 'TABLE' ORDER BY version";
    let row = |values: Value| {
        let names = [
            "version",
            "act",
            "reasons",
            "is_current",
            "superseded_by",
            "withdrawn_by",
            "rolled_back_to",
            "role",
            "reason",
            "gone",
        ];
        Value::from_iter(names.into_iter().zip(values.as_array().unwrap().clone()))
    };
    let stops = outsider(&world, &base, &[&query.replace("TABLE", "stops")]);
    let expected = [
        row(json!([1, "release", "first", false, 2, null, null, null, null, false])),
        row(json!([2, "release", "late_evidence", false, 3, null, null, null, null, false])),
        row(json!([3, "rollback", "rollback", true, null, null, 1, BY[1], BY[3], false])),
    ];
    assert_eq!(stops, json!(expected));
    let locations = outsider(&world, &base, &[&query.replace("TABLE", "vehicle_locations")]);
    let expected = [
        row(json!([1, "release", "first", false, 2, 2, null, null, null, true])),
        row(json!([2, "withdrawal", "withdrawal", false, null, null, null, BY[1], BY[3], true])),
    ];
    assert_eq!(locations, json!(expected));
    let query = "SELECT DISTINCT kind, effect, role, reason, is_in_force FROM decisions ORDER BY kind";
    let decisions = outsider(&world, &base, &[query]);
    let of = |kind: &str, effect: &str| json!({"kind": kind, "effect": effect, "role": BY[1], "reason": BY[3], "is_in_force": true});
    assert_eq!(decisions, json!([of("rollback", "replaced"), of("withdrawal", "removed")]));
    let withdrawn =
        outsider(&world, &base, &["SELECT count(*) AS n FROM rule_results WHERE dataset = 'stadtbus-telemetrie'"]);
    assert_eq!(withdrawn, json!([{"n": 0}]));
    is_made_anew(&world);
    done(&world, &[&["withdraw", "stadtbus-telemetrie", "--date", DATE, "--lift"], &BY[..]].concat());
    world.run_of(&["stadtbus-telemetrie"]);
    outsider(&world, &base, &[]);
    is_made_anew(&world);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn decisions_about_rows_say_who_why_and_how_many_and_not_which() {
    let (world, _server, base) = served();
    let contract = "schemas/gtfs-realtime/vehicle_positions.odcs.yaml";
    hold(&world, contract, "test_trip", "trip_id LIKE 'unbekannt%'");
    world.run();
    let held =
        outsider(&world, &base, &["SELECT rows_quarantined AS n FROM releases WHERE table_name = 'vehicle_locations'"]);
    let held = held[0]["n"].as_u64().unwrap();
    let discard = ["quarantine", "discard", "stadtbus-telemetrie/vehicle_locations", "--date", DATE, "--all"];
    done(&world, &[&discard[..], &BY].concat());
    world.run();
    let query = "SELECT kind, effect, role, reason, rows, table_name, is_in_force FROM decisions";
    let expected = |is_in_force: bool| {
        json!([{"kind": "discard", "effect": "dropped", "role": BY[1], "reason": BY[3], "rows": held,
            "table_name": "vehicle_locations", "is_in_force": is_in_force}])
    };
    assert!(held > 0);
    assert_eq!(outsider(&world, &base, &[query]), expected(true));
    outsider(&world, &base, &[]);
    is_made_anew(&world);
    let decided: Value = serde_json::from_str(&done(&world, &["decisions", "list", "--json"])).unwrap();
    done(&world, &[&["decisions", "undo", decided[0]["id"].as_str().unwrap()], &BY[..]].concat());
    world.run();
    assert_eq!(outsider(&world, &base, &[query]), expected(false));
    is_made_anew(&world);
}

#[test]
fn what_a_killed_run_left_out_is_written_by_the_next_run_of_another_date_or_by_its_own() {
    let reference = World::with_publication();
    reference.run();
    let tables = |world: &World| {
        let mut names: Vec<String> = current(world).into_keys().collect();
        names.retain(|name| name.starts_with("releases"));
        names
    };
    for stage in ["views", "publication"] {
        let world = World::with_publication();
        let mut command = world.command();
        command
            .args(["-v", "--log-format", "json", "run", "stadtbus-telemetrie"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains(&format!("\"stage\":\"{stage}\""))), "never came to {stage}");
        let _ = child.kill();
        child.wait().unwrap();
        world.run();
        assert_eq!(tables(&world), tables(&reference));
        assert!(done(&world, &["publish", "--rebuild"]).contains("Everything is as it should be"));
    }
}

#[test]
fn publishers_at_once_write_the_rows_of_all() {
    let world = World::with_publication();
    let start = |pipeline: &str| {
        let mut command = world.command();
        command.args(["run", pipeline]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children = [start("stadtbus-telemetrie"), start("stadtbus-fahrplan")];
    for child in children {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && !said.contains("do not tell yet"), "{said}");
    }
    world.run();
    is_made_anew(&world);
}

#[test]
fn what_is_wrong_with_the_tables_is_told_and_fails_no_release() {
    let world = World::with_publication();
    world.run();
    let name = current(&world).into_keys().find(|name| name.starts_with("releases")).unwrap();
    let date = name.split(' ').nth(1).unwrap();
    let folder = world.path(&format!("data/bucket/data/publication/releases/partition_date={date}"));
    std::fs::remove_dir_all(&folder).unwrap();
    add_a_row_to_stops(&world);
    let output = world.program(&["run"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("do not tell yet") && said.contains("publish --rebuild"),
        "{said}"
    );
    done(&world, &["publish", "--rebuild"]);
    is_made_anew(&world);
}

#[test]
fn no_pipeline_has_the_name_of_the_tables_and_they_can_be_left_out() {
    let world = World::with_publication();
    world.replace("pipelines/stadtbus-fahrplan.yaml", "format:", "dataset: publication\nformat:");
    let output = world.program(&["check"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("'publication' is the dataset of the tables"), "{said}");
    world.replace("pipelines/stadtbus-fahrplan.yaml", "dataset: publication\n", "");
    world.replace("fahrtenbuch.yaml", "people:", "publication: never\npeople:");
    let output = world.program(&["check"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("neither on nor off"), "{said}");
    world.replace("fahrtenbuch.yaml", "publication: never", "publication: off");
    world.run();
    assert!(!world.path("data/bucket/meta/publication").exists());
}
