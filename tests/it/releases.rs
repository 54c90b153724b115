//! What people do to releases: list and compare them, go back, withdraw, delete superseded files; killed at any step, and two at once.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::broken_feeds::changed;
use crate::published::add_a_row_to_stops;
use crate::purge::told;
use crate::schedule::City;
use crate::world::{World, copy, s3, whole_files};

const BY: [&str; 4] = ["--by", "Datenmanagement", "--reason", "a test"];
const STOPS: &str = "stadtbus-fahrplan/stops";
const LOCATIONS: &str = "stadtbus-telemetrie/vehicle_locations";
const DATE: &str = "2026-11-24";

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn json_of(world: &World, arguments: &[&str]) -> Value {
    let output = world.program(&[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(crate) fn refused(world: &World, arguments: &[&str], code: i32) -> String {
    let Output { status, stderr, .. } = world.program(arguments);
    let said = text(&stderr);
    assert_eq!(status.code(), Some(code), "{arguments:?}: {said}");
    said
}

pub(crate) fn rollback<'a>(table: &'a str, to: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["releases", "rollback", table, "--to", to], &BY[..], more].concat()
}

pub(crate) fn withdraw<'a>(target: &'a str, date: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["withdraw", target, "--date", date], &BY[..], more].concat()
}

pub(crate) fn with_catalogue() -> World {
    let world = World::new();
    world.replace("fahrtenbuch.yaml", "# base_url:", "base_url:");
    world
}

/// Two releases of the stops.
pub(crate) fn with_two_releases() -> World {
    let world = with_catalogue();
    world.run();
    add_a_row_to_stops(&world);
    world.run_of(&["stadtbus-fahrplan"]);
    world
}

/// One more than [`add_a_row_to_stops`] adds.
pub(crate) fn add_another_row_to_stops(world: &World) {
    changed(world, "stops.txt", |text| {
        let text = String::from_utf8(text).unwrap();
        Some(text.replacen('\n', "\nneu2,Neueste Haltestelle,48.47,7.95,0,,1,\n", 1).into_bytes())
    });
}

fn rows(world: &World, table: &str) -> u64 {
    let files = world.files_json(table);
    files["files"].as_array().unwrap().iter().map(|file| file["rows"].as_u64().unwrap()).sum()
}

fn of_bucket(world: &World) -> Vec<String> {
    whole_files(&world.path("data/bucket")).into_keys().collect()
}

pub(crate) fn snapshots(world: &World, table: &str) -> Vec<u64> {
    let (dataset, table) = table.split_once('/').unwrap();
    let path = world.path(&format!("data/bucket/iceberg/v1/namespaces/{dataset}/tables/{table}.json"));
    let table: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let snapshots = table["metadata"]["snapshots"].as_array().unwrap();
    snapshots.iter().map(|of| of["snapshot-id"].as_u64().unwrap()).collect()
}

/// Starts the program, and kills it when an act comes to a step.
pub(crate) fn kill_at(world: &World, arguments: &[&str], stage: &str) {
    let mut command = world.command();
    command.args(["-v", "--log-format", "json"]).args(arguments).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let reached = lines.any(|line| line.contains(&format!("\"stage\":\"{stage}\"")) && line.contains("\"act\""));
    assert!(reached, "{arguments:?} never came to {stage}");
    let _ = child.kill();
    child.wait().unwrap();
}

#[test]
fn where_nothing_was_published_yet_that_is_said_and_nothing_is_made() {
    let world = World::new();
    let decided = ["--by", "Datenmanagement", "--reason", "x"];
    let withdraw = [&["withdraw", "stadtbus-fahrplan", "--date", "2026-11-24"][..], &decided].concat();
    for arguments in [&["releases", "list"][..], &["releases", "diff", STOPS, "1", "2"], &["gc"], &withdraw] {
        let output = world.program(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", told(&output));
        assert!(told(&output).contains("nothing is published in"), "{arguments:?}: {}", told(&output));
    }
    assert!(!world.path("data/bucket").exists());
}

#[test]
fn releases_are_listed_with_why_they_came_and_compared() {
    let world = with_two_releases();
    let listed = json_of(&world, &["releases", "list", STOPS]);
    let reasons: Vec<&Value> = listed.as_array().unwrap().iter().map(|of| &of["reasons"]).collect();
    assert_eq!(reasons, [&json!(["first"]), &json!(["late_evidence"])], "{listed}");
    assert_eq!((&listed[1]["current"], &listed[1]["pipeline"]), (&json!(true), &json!("stadtbus-fahrplan")));
    let record = listed[1]["record"].as_str().unwrap();
    assert!(world.path("data/bucket").join(record).exists());
    let diff = json_of(&world, &["releases", "diff", STOPS, "1", "2"]);
    let [of] = &diff["dates"].as_array().unwrap()[..] else { panic!("{diff}") };
    assert_eq!(of["change"], "replaced");
    assert_eq!(of["from"]["rows"].as_u64().unwrap() + 1, of["to"]["rows"].as_u64().unwrap());
    let all = json_of(&world, &["releases", "list"]);
    assert!(all.as_array().unwrap().iter().any(|of| of["table"] == "stops" && of["version"] == 2), "{all}");
    for arguments in [&["releases", "list"][..], &["releases", "list", STOPS], &["releases", "diff", STOPS, "2", "1"]] {
        let output = world.program(arguments);
        assert!(output.status.success() && !output.stdout.is_empty(), "{arguments:?}");
    }
    let said = refused(&world, &["releases", "diff", STOPS, "1", "9"], 2);
    assert!(said.contains("has no version 9: the newest is 2"), "{said}");
    assert!(refused(&world, &["releases", "list", "stadtbus-fahrplan/stop"], 2).contains("releases list"));
}

#[test]
fn a_rollback_names_the_older_files_again_and_is_kept_by_runs_until_their_inputs_change() {
    let world = with_two_releases();
    let (new, names) = (rows(&world, STOPS), of_bucket(&world));
    let would = json_of(&world, &rollback(STOPS, "1", &["--dry-run"]));
    assert_eq!((of_bucket(&world), &would["dry_run"]), (names.clone(), &json!(true)));
    let done = json_of(&world, &rollback(STOPS, "1", &[]));
    assert_eq!((&done["changes"], &done["version"]), (&would["changes"], &json!(3)));
    assert_eq!(rows(&world, STOPS), new - 1);
    assert_eq!(snapshots(&world, STOPS), [1, 2, 3]);
    // Nothing is deleted but what the catalogue writes anew.
    let left = of_bucket(&world);
    assert!(names.iter().all(|name| left.contains(name)));
    let listed = json_of(&world, &["releases", "list", STOPS]);
    assert_eq!((&listed[2]["reasons"], &listed[2]["act"]["to"]), (&json!(["rollback"]), &json!(1)), "{listed}");
    let record = world.path("data/bucket").join(listed[2]["record"].as_str().unwrap());
    let record: Value = serde_json::from_slice(&std::fs::read(record).unwrap()).unwrap();
    assert_eq!((&record["format"], &record["by"]), (&json!("fahrtenbuch-rollback/1"), &json!("Datenmanagement")));
    // The same again is nothing to do, and so is a run with the same inputs.
    assert_eq!(json_of(&world, &rollback(STOPS, "1", &[]))["version"], Value::Null);
    let run = &world.run_of(&["stadtbus-fahrplan"])["stadtbus-fahrplan"];
    assert!(run["status"] == "skipped" && run["reason"].as_str().unwrap().contains("went back to version 1"), "{run}");
    assert_eq!(rows(&world, STOPS), new - 1);
    // Another feed is another release.
    add_another_row_to_stops(&world);
    world.run_of(&["stadtbus-fahrplan"]);
    assert_eq!((rows(&world, STOPS), world.files_json(STOPS)["version"].clone()), (new + 1, json!(4)));
    // And forward again, to what was rolled back.
    assert_eq!(json_of(&world, &rollback(STOPS, "2", &[]))["version"], 5);
    assert_eq!(rows(&world, STOPS), new);
    assert_eq!(json_of(&world, &["publish", "--rebuild"])["written"], json!([]));
}

#[test]
fn a_rollback_is_refused_where_a_file_is_gone_or_changed_and_says_which() {
    let world = with_two_releases();
    let file = world.files_json(STOPS)["files"][0]["path"].as_str().unwrap().to_owned();
    json_of(&world, &rollback(STOPS, "1", &[]));
    let path = world.path("data/bucket").join(&file);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&bytes[..], b"x"].concat()).unwrap();
    let said = refused(&world, &rollback(STOPS, "2", &[]), 42);
    assert!(said.contains(&file) && said.contains("bytes instead of"), "{said}");
    std::fs::remove_file(&path).unwrap();
    let said = refused(&world, &rollback(STOPS, "2", &["--dry-run"]), 42);
    assert!(said.contains(&file) && said.contains("it is gone"), "{said}");
    assert_eq!(world.files_json(STOPS)["version"], 3);
    let nobody = ["releases", "rollback", STOPS, "--to", "1", "--by", "Niemand", "--reason", "x"];
    assert!(refused(&world, &nobody, 2).contains("may not decide"));
    assert!(refused(&world, &rollback(STOPS, "7", &[]), 2).contains("no version 7"));
    let none = rollback(STOPS, "1", &["--date", "2020-01-01"]);
    assert!(refused(&world, &none, 2).contains("has no file of 2020-01-01"));
}

#[test]
fn an_act_that_was_killed_at_any_step_is_finished_by_the_same_command() {
    let base = with_two_releases();
    // As if it had run the same.
    let again = || {
        let world = with_catalogue();
        std::fs::remove_dir_all(world.path("data")).unwrap();
        copy(&base.path("data"), &world.path("data"));
        world
    };
    for stage in ["record", "commit", "views", "done"] {
        let world = again();
        kill_at(&world, &rollback(STOPS, "1", &[]), stage);
        json_of(&world, &rollback(STOPS, "1", &[]));
        assert_eq!(world.files_json(STOPS)["version"], 3, "{stage}");
        assert_eq!(snapshots(&world, STOPS), [1, 2, 3], "{stage}");
        assert_eq!(json_of(&world, &["publish", "--rebuild"])["written"], json!([]), "{stage}");
    }
    for (stage, finish) in [("record", false), ("commit", false), ("views", true), ("bytes", false), ("bytes", true)] {
        let world = again();
        kill_at(&world, &withdraw("stadtbus-telemetrie", DATE, &[]), stage);
        match finish {
            true => _ = json_of(&world, &["publish", "--rebuild"]),
            false => _ = json_of(&world, &withdraw("stadtbus-telemetrie", DATE, &[])),
        }
        is_withdrawn(&world, stage);
    }
}

#[test]
fn a_withdrawal_that_was_killed_is_finished_by_the_next_command_that_writes_and_is_told() {
    let base = with_two_releases();
    let is_begun = |world: &World| world.path("data/private/withdrawals.json").exists();
    let killed = |stage| {
        let world = with_catalogue();
        std::fs::remove_dir_all(world.path("data")).unwrap();
        copy(&base.path("data"), &world.path("data"));
        kill_at(&world, &withdraw("stadtbus-telemetrie", DATE, &[]), stage);
        world
    };
    let run = ["run", "stadtbus-telemetrie", "--from", DATE, "--to", DATE];
    for (stage, next) in
        [("views", &run[..]), ("views", &["gc"]), ("bytes", &run), ("bytes", &["run", "stadtbus-fahrplan"])]
    {
        let world = killed(stage);
        // It may have come to its end before it was killed.
        let is_left = is_begun(&world);
        let output = world.program(next);
        assert!(output.status.success(), "{stage} {next:?}: {}", told(&output));
        assert_eq!(told(&output).contains("is finished now"), is_left, "{stage} {next:?}: {}", told(&output));
        assert!(!is_begun(&world), "{stage} {next:?}");
        is_withdrawn(&world, stage);
    }
    // One that was killed before its first commit is forgotten; after that, the other tables follow.
    let world = killed("commit");
    let is_left = is_begun(&world);
    let commits = world.path(&format!("data/bucket/meta/{LOCATIONS}/index")).read_dir().unwrap().count();
    let output = world.program(&run);
    assert_eq!(told(&output).contains("was broken off"), is_left, "{}", told(&output));
    assert!(!is_begun(&world));
    let is_out = world.files_json(LOCATIONS).get("withdrawn").is_some();
    assert!(commits == 1 || is_out, "{}", told(&output));
}

/// That nothing of the telemetry of the date is left but what says so.
fn is_withdrawn(world: &World, when: &str) {
    let bucket = whole_files(&world.path("data/bucket"));
    let is_of_it = |name: &&String| {
        name.contains("stadtbus-telemetrie") && name.contains(&format!("date={DATE}")) && !name.starts_with("meta/")
    };
    let left: Vec<&String> = bucket.keys().filter(is_of_it).collect();
    assert!(left.is_empty(), "{when}: {left:?}");
    let view = world.files_json(LOCATIONS);
    assert_eq!(view["files"], json!([]), "{when}");
    let tombstone = &view["withdrawn"][DATE];
    assert_eq!(tombstone["reason"], "a test", "{when}");
    assert!(!tombstone["sha256"].as_array().unwrap().is_empty(), "{when}");
    assert_eq!(snapshots(world, LOCATIONS), [2], "{when}");
    let page = text(&bucket["index.html"]) + &text(&bucket["datapackage.json"]);
    assert!(!page.contains(&format!("telemetrie/vehicle_locations/partition_date={DATE}")), "{when}");
    assert_eq!(json_of(world, &["publish", "--rebuild"])["written"], json!([]), "{when}");
}

#[test]
fn a_withdrawn_date_leaves_index_catalogue_pages_and_bytes_and_comes_back_only_when_it_is_lifted() {
    let world = with_catalogue();
    world.run();
    let names = of_bucket(&world);
    let would = json_of(&world, &withdraw("stadtbus-telemetrie", DATE, &["--dry-run"]));
    assert_eq!(of_bucket(&world), names);
    let done = json_of(&world, &withdraw("stadtbus-telemetrie", DATE, &[]));
    assert_eq!((&done["tables"], &done["objects"]), (&would["tables"], &would["objects"]));
    assert_eq!(done["deleted"].as_u64().unwrap() as usize, would["objects"].as_array().unwrap().len());
    is_withdrawn(&world, "at once");
    // Once more is nothing, and nobody brings it back.
    assert_eq!(json_of(&world, &withdraw("stadtbus-telemetrie", DATE, &[]))["deleted"], 0);
    let said = refused(&world, &rollback(LOCATIONS, "1", &["--date", DATE]), 42);
    assert!(said.contains("was withdrawn") && said.contains("--lift"), "{said}");
    let said = refused(&world, &rollback(LOCATIONS, "1", &[]), 42);
    assert!(said.contains("was withdrawn") && said.contains("--lift"), "{said}");
    let said = refused(&world, &["run", "stadtbus-telemetrie", "--date", DATE], 42);
    assert!(said.contains("was withdrawn on") && said.contains("a test"), "{said}");
    let several = world.program(&["run", "stadtbus-telemetrie", "--from", DATE, "--to", DATE]);
    assert!(several.status.success() && text(&several.stdout).contains("1 of 1 dates were withdrawn"), "{several:?}");
    let listed = json_of(&world, &["releases", "list", LOCATIONS]);
    assert_eq!((&listed[0]["withdrawn"], &listed[1]["reasons"]), (&json!(true), &json!(["withdrawal"])), "{listed}");
    let diff = json_of(&world, &["releases", "diff", LOCATIONS, "1", "2"]);
    assert_eq!(diff["dates"][0]["from"]["withdrawn"], true);
    is_withdrawn(&world, "after all of that");
    // Lifted, it is released anew, below revised/: a file below data/ is there once for ever.
    assert!(refused(&world, &withdraw("stadtbus-telemetrie", "2020-01-01", &["--lift"]), 2).contains("none of these"));
    json_of(&world, &withdraw("stadtbus-telemetrie", DATE, &["--lift"]));
    world.run_of(&["stadtbus-telemetrie", "--date", DATE]);
    let view = world.files_json(LOCATIONS);
    let path = view["files"][0]["path"].as_str().unwrap();
    assert!(path.starts_with("revised/") && view.get("withdrawn").is_none(), "{view}");
    assert_eq!(snapshots(&world, LOCATIONS), [2, 3, 4]);
    world.run_of(&["stadtbus-telemetrie", "--date", DATE]);
    assert_eq!(json_of(&world, &["publish", "--rebuild"])["removed"], json!([]));
    assert!(world.path("data/bucket").join(path).exists());
    // And a second time.
    let release = ["withdraw", LOCATIONS, "--release", "4", "--by", "Datenmanagement", "--reason", "again"];
    json_of(&world, &release);
    assert!(!world.path("data/bucket").join(path).exists());
    assert_eq!(snapshots(&world, LOCATIONS), [5]);
}

#[test]
fn what_is_left_of_a_withdrawal_is_told_by_check_and_deleted_by_a_rebuild() {
    let world = World::new();
    world.run();
    json_of(&world, &withdraw(LOCATIONS, DATE, &[]));
    let check = || text(&world.program(&["check", "--bucket"]).stdout);
    assert!(check().contains("of what was withdrawn no file is left"));
    let left = format!("revised/{LOCATIONS}/partition_date={DATE}/part-0123456789ab.parquet");
    world.write(&format!("data/bucket/{left}"), "a file that a killed withdrawal has left");
    let output = world.program(&["check", "--bucket"]);
    let said = text(&output.stdout);
    assert!(said.contains("1 files of withdrawn dates are still there") && said.contains(&left), "{said}");
    assert_eq!(output.status.code(), Some(4));
    let would = json_of(&world, &["publish", "--rebuild", "--dry-run"]);
    assert_eq!(would["removed"], json!([left]));
    json_of(&world, &["publish", "--rebuild"]);
    assert!(!world.path("data/bucket").join(&left).exists());
    // The other tables of the dataset are still there, and the date is not run in part.
    assert_eq!(world.files_json("stadtbus-telemetrie/alerts")["files"].as_array().unwrap().len(), 1);
    assert!(refused(&world, &["run", "stadtbus-telemetrie", "--date", DATE], 42).contains("vehicle_locations"));
}

#[test]
fn the_schedule_leaves_rolled_back_and_withdrawn_dates_alone_and_plan_says_why() {
    const NOW: &str = "2026-11-24T12:00:00Z";
    const TABLE: &str = "linie-0/vehicle_locations";
    let city = City::new(1, "2026-11-20", 2);
    city.once(NOW);
    let at = |now: &str, arguments: &[&str]| {
        let output = city.at(now).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    };
    at("2026-11-24T12:10:00Z", &withdraw("linie-0", "2026-11-20", &[]));
    // Evidence that comes in late makes a second release of the other date, which goes back.
    city.capture("linie-0", "2026-11-21".parse().unwrap(), 13);
    city.once("2026-11-25T06:00:00Z");
    assert_eq!(city.world.files_json(TABLE)["version"], 4);
    at("2026-11-25T06:10:00Z", &rollback(TABLE, "2", &["--date", "2026-11-21"]));
    let is_left_alone = |now: &str| {
        let plan = city.plan(now);
        assert_eq!((&plan["due"], &plan["stopped"]), (&json!([]), &json!([])), "{plan}");
        let acts: Vec<&Value> = plan["acts"].as_array().unwrap().iter().map(|of| &of["kind"]).collect();
        assert_eq!(acts, ["withdrawn", "rolled_back"], "{plan}");
        city.once(now);
        assert_eq!(city.world.files_json(TABLE)["version"], 5);
    };
    is_left_alone("2026-11-26T06:00:00Z");
    let output = city.at("2026-11-26T06:00:00Z").args(["plan"]).output().unwrap();
    assert!(text(&output.stdout).contains("linie-0 2026-11-20, since"), "{}", text(&output.stdout));
    // Also where nobody knows any more what was tried.
    std::fs::remove_file(city.world.path("data/private/schedule/log.jsonl")).unwrap();
    city.once("2026-11-26T06:10:00Z");
    assert_eq!(city.world.files_json(TABLE)["version"], 5);
    at("2026-11-26T07:00:00Z", &withdraw("linie-0", "2026-11-20", &["--lift"]));
    let plan = city.plan("2026-11-26T07:01:00Z");
    assert_eq!(plan["due"][0]["date"], "2026-11-20", "{plan}");
    city.once("2026-11-26T07:01:00Z");
    let dates: Vec<Value> = city.world.files_json(TABLE)["files"].as_array().unwrap().clone();
    assert_eq!(dates.len(), 2);
}

#[test]
fn two_withdrawals_and_a_run_at_once_leave_one_tombstone_and_no_file() {
    let world = with_catalogue();
    world.run();
    let start = |arguments: &[&str]| {
        let mut command = world.command();
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children = [
        start(&withdraw("stadtbus-telemetrie", DATE, &[])),
        start(&withdraw("stadtbus-telemetrie", DATE, &[])),
        start(&["run", "stadtbus-telemetrie", "--date", DATE]),
    ];
    for child in children {
        let output = child.wait_with_output().unwrap();
        // Who finds a run at work tries again; a run that comes later is refused.
        assert!(matches!(output.status.code(), Some(0 | 1 | 42)), "{}", text(&output.stderr));
    }
    json_of(&world, &withdraw("stadtbus-telemetrie", DATE, &[]));
    is_withdrawn(&world, "at once");
}

/// The paths that `publication/releases` names of the stops, and the records by which files were deleted.
fn told_of_stops(world: &World) -> (Vec<Option<String>>, Vec<Option<String>>) {
    let date = world.files_json(STOPS)["files"][0]["partition_date"].clone();
    let view = world.files_json("publication/releases");
    let file = view["files"].as_array().unwrap().iter().find(|file| file["partition_date"] == date).unwrap();
    let rows = crate::publication::rows_of(world, "releases", file["partition_date"].as_str().unwrap());
    let texts = |column: &str| crate::publication::texts(&rows, column);
    let is_of_stops: Vec<bool> = texts("table_name").iter().map(|name| name.as_deref() == Some("stops")).collect();
    let of_stops =
        |column: &str| texts(column).into_iter().zip(&is_of_stops).filter(|(_, is)| **is).map(|(text, _)| text);
    (of_stops("path").collect(), of_stops("deleted_by").collect())
}

#[test]
fn superseded_files_are_deleted_after_their_time_and_never_what_the_catalogue_tells_of() {
    let mut world = with_two_releases();
    let second = world.files_json(STOPS)["files"][0]["path"].as_str().unwrap().to_owned();
    add_another_row_to_stops(&world);
    world.run_of(&["stadtbus-fahrplan"]);
    let third = world.files_json(STOPS)["files"][0]["path"].as_str().unwrap().to_owned();
    assert!(second.starts_with("revised/") && third.starts_with("revised/"));
    world.set_clock("2027-12-27T12:00:00Z");
    let gone = |path: &str| !world.path("data/bucket").join(path).exists();
    // The catalogue has sixty complete releases, and there are three.
    let kept = json_of(&world, &["gc"]);
    assert_eq!((&kept["files"], &kept["kept"]["files"]), (&json!([]), &json!(1)), "{kept}");
    more_versions(&world.path("data/bucket"), 62);
    world.keep_publication();
    json_of(&world, &["publish", "--rebuild"]);
    let would = json_of(&world, &["gc", "--dry-run"]);
    assert_eq!(would["files"][0]["path"], second, "{would}");
    assert!(!gone(&second));
    kill_at(&world, &["gc"], "record");
    kill_at(&world, &["gc"], "done");
    assert!(gone(&second) && !gone(&third));
    // The table of the releases names it no more, and the record of its deletion, as a rebuild does.
    let rebuilt = world.program(&["publish", "--rebuild"]);
    assert!(text(&rebuilt.stdout).contains("Everything is as it should be"), "{}", text(&rebuilt.stdout));
    let (paths, deleted) = told_of_stops(&world);
    assert!(paths.contains(&Some(third)) && !paths.contains(&Some(second.clone())), "{paths:?}");
    assert!(deleted.iter().flatten().count() == 1 && deleted.iter().flatten().all(|key| key.starts_with("ledger/")));
    assert_eq!(json_of(&world, &["gc"])["files"], json!([]));
    let of_gc = |record: &&Value| record["format"] == "fahrtenbuch-gc/1";
    let records = world.records();
    let record = records.iter().find(of_gc).unwrap();
    assert_eq!(record["tables"][0]["files"][0]["path"], second);
    assert_eq!(record["rule"], "retention.superseded: 12 months");
    let said = refused(&world, &rollback(STOPS, "2", &[]), 42);
    assert!(said.contains(&second) && said.contains("'gc' deleted"), "{said}");
    // Runs do not miss it.
    world.set_clock("2026-11-27T14:00:00Z");
    world.run_of(&["stadtbus-fahrplan"]);
}

/// That a table names no file that is gone, whenever a gc is killed, and that the next one ends what it left.
#[test]
fn a_gc_that_was_killed_at_any_step_leaves_no_name_of_a_gone_file_and_is_finished_by_the_next_one() {
    let base = with_two_releases();
    let second = base.files_json(STOPS)["files"][0]["path"].as_str().unwrap().to_owned();
    add_another_row_to_stops(&base);
    base.run_of(&["stadtbus-fahrplan"]);
    more_versions(&base.path("data/bucket"), 62);
    base.keep_publication();
    json_of(&base, &["publish", "--rebuild"]);
    let killed = |stage| {
        let mut world = with_catalogue();
        world.keep_publication();
        std::fs::remove_dir_all(world.path("data")).unwrap();
        copy(&base.path("data"), &world.path("data"));
        world.set_clock("2027-12-27T12:00:00Z");
        kill_at(&world, &["gc"], stage);
        world
    };
    let is_there = |world: &World| world.path("data/bucket").join(&second).exists();
    let is_told = |world: &World| !told_of_stops(world).0.contains(&Some(second.clone()));
    for stage in ["record", "tell", "delete"] {
        // On a busy machine the kill may come after the step: that is a moment of a later one, and this one is tried again. The file may
        // be gone from its own step on.
        let in_time = |world: &World| is_there(world) && (stage != "record" || !is_told(world)) || stage == "delete";
        let tried = (0..20).map(|_| {
            let world = killed(stage);
            assert!(is_told(&world) || is_there(&world), "{stage}: a file is named that is gone");
            world
        });
        let world = tried.into_iter().find(in_time).unwrap_or_else(|| panic!("never killed in time at {stage}"));
        let is_left = is_there(&world);
        let deleted = json_of(&world, &["gc"])["files"].as_array().unwrap().len();
        assert!(deleted == usize::from(is_left) && !is_there(&world) && is_told(&world), "{stage}: {deleted}");
        // Of the records of both the rows name the one that deleted it.
        let by: Vec<String> = told_of_stops(&world).1.into_iter().flatten().collect();
        let records = world.records();
        let of_gc: Vec<&Value> = records.iter().filter(|record| record["format"] == "fahrtenbuch-gc/1").collect();
        let least = 1 + usize::from(is_left && stage != "record");
        assert!(by.len() == 1 && (least..=2).contains(&of_gc.len()), "{stage}: {by:?}, {of_gc:?}");
        let rebuilt = world.program(&["publish", "--rebuild"]);
        assert!(text(&rebuilt.stdout).contains("Everything is as it should be"), "{stage}: {}", text(&rebuilt.stdout));
    }
}

/// Where the table that is to tell it cannot be written, nothing is deleted.
#[test]
fn superseded_files_stay_while_the_table_of_the_releases_cannot_say_that_they_go() {
    let mut world = with_two_releases();
    let second = world.files_json(STOPS)["files"][0]["path"].as_str().unwrap().to_owned();
    add_another_row_to_stops(&world);
    world.run_of(&["stadtbus-fahrplan"]);
    more_versions(&world.path("data/bucket"), 62);
    world.keep_publication();
    json_of(&world, &["publish", "--rebuild"]);
    world.set_clock("2027-12-27T12:00:00Z");
    for file in world.files_json("publication/releases")["files"].as_array().unwrap() {
        std::fs::remove_file(world.path("data/bucket").join(file["path"].as_str().unwrap())).unwrap();
    }
    let said = refused(&world, &["gc"], 42);
    assert!(said.contains("it is gone") && said.contains("publish --rebuild"), "{said}");
    assert!(world.path("data/bucket").join(&second).exists());
    json_of(&world, &["publish", "--rebuild"]);
    assert_eq!(json_of(&world, &["gc"])["files"][0]["path"], second);
}

/// Who is killed after a commit leaves the catalogue behind: what it names is not deleted before it is as new as the version by which that
/// is due.
#[test]
fn what_a_catalogue_that_is_behind_still_names_is_not_deleted_before_it_is_written_anew() {
    let mut world = with_two_releases();
    let second = world.files_json(STOPS)["files"][0]["path"].as_str().unwrap().to_owned();
    add_another_row_to_stops(&world);
    world.run_of(&["stadtbus-fahrplan"]);
    more_versions(&world.path("data/bucket"), 62);
    world.set_clock("2027-12-27T12:00:00Z");
    assert_eq!(json_of(&world, &["gc", "--dry-run"])["files"][0]["path"], second);
    assert_eq!(snapshots(&world, STOPS), [1, 2, 3], "a dry run writes nothing");
    kill_at(&world, &["gc"], "record");
    let after = snapshots(&world, STOPS);
    assert!(after.len() == 60 && !after.contains(&2), "{after:?}");
}

/// Adds versions of the stops that change nothing.
pub(crate) fn more_versions(bucket: &Path, count: u64) {
    use fahrtenbuch::publish::bucket::Bucket;
    use fahrtenbuch::publish::index::{Act, ActKind, Amendment, amend, current};
    let bucket = Bucket::open(bucket.to_str().unwrap(), &Default::default()).unwrap();
    let (dataset, table) = STOPS.split_once('/').unwrap();
    let first = current(&bucket, dataset, table).unwrap().unwrap().version;
    for version in first..first + count {
        let act = Act {
            kind: ActKind::Lift,
            dates: Default::default(),
            by: "Datenmanagement".to_owned(),
            reason: "a test".to_owned(),
            to: None,
            record: "ledger/records/0.json".to_owned(),
        };
        let (files, rolled_back, withdrawn) = Default::default();
        let at = "2026-11-28T00:00:00Z".parse().unwrap();
        let amendment = Amendment { at, act, files, rolled_back, withdrawn, months: Vec::new() };
        amend(&bucket, (dataset, table), version, &amendment).unwrap();
    }
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn all_of_it_works_on_an_s3_bucket() {
    let server = s3();
    let world = with_catalogue();
    let options = format!(
        "location: s3://stadtbus/offen\n  options: {{endpoint: 'http://127.0.0.1:{}', region: us-east-1, access_key_id: x, \
         secret_access_key: y, allow_http: 'true'}}",
        server.port
    );
    world.replace("fahrtenbuch.yaml", "location: data/bucket", &options);
    world.run();
    add_a_row_to_stops(&world);
    world.run_of(&["stadtbus-fahrplan"]);
    assert_eq!(json_of(&world, &rollback(STOPS, "1", &[]))["version"], 3);
    let listed = json_of(&world, &["releases", "list", STOPS]);
    assert_eq!(listed[2]["reasons"], json!(["rollback"]));
    kill_at(&world, &withdraw("stadtbus-telemetrie", DATE, &[]), "bytes");
    let done = json_of(&world, &withdraw("stadtbus-telemetrie", DATE, &[]));
    assert_eq!(done["tables"], json!([]));
    assert_eq!(json_of(&world, &withdraw("stadtbus-telemetrie", DATE, &["--dry-run"]))["objects"], json!([]));
    refused(&world, &["run", "stadtbus-telemetrie", "--date", DATE], 42);
    assert_eq!(json_of(&world, &["gc"])["files"], json!([]));
    assert_eq!(json_of(&world, &["publish", "--rebuild"])["removed"], json!([]));
}
