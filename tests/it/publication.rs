//! The tables that tell what was published: their numbers are those of indexes, results and records, whoever wrote them and whatever
//! came between.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use fahrtenbuch::publish::parquet;
use serde_json::{Value, json};

use crate::published::add_a_row_to_stops;
use crate::quarantine::hold;
use crate::schedule::City;
use crate::world::{Server, World, files, python, root, serve_logged};

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

/// Adds a rule that no run meets, and that holds it back.
fn hold_back(world: &World) {
    let contract = "schemas/gtfs-realtime/vehicle_positions.odcs.yaml";
    hold(world, contract, "test_block", "true");
    world.replace_first(contract, "{property: onFail, value: quarantine}", "{property: onFail, value: block}");
}

/// Takes the tables away, and makes them anew: the same bytes come again.
fn is_made_anew(world: &World) {
    let before = current(world);
    assert!(done(world, &["publish", "--rebuild"]).contains("Everything is as it should be"));
    assert_eq!(current(world), before);
    for folder in FOLDERS {
        let _ = std::fs::remove_dir_all(world.path(&format!("data/bucket/{folder}")));
    }
    let would = done(world, &["publish", "--rebuild", "--dry-run", "--json"]);
    assert!(would.contains("data/publication/"), "{would}");
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
    let [.., decided] = &queries_of_the_readme()[..] else { panic!("no queries") };
    assert_eq!((&counts["decisions"], outsider(&world, &base, &[decided])), (&json!(0), json!([])));
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
    the_queries_of_the_readme_say_it(&world, &base);
    done(&world, &[&["withdraw", "stadtbus-telemetrie", "--date", DATE, "--lift"], &BY[..]].concat());
    world.run_of(&["stadtbus-telemetrie"]);
    outsider(&world, &base, &[]);
    is_made_anew(&world);
}

/// The queries that the README shows an auditor, as they stand there.
fn queries_of_the_readme() -> Vec<String> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let section = readme.split("### Every number by a query").nth(1).unwrap().split("\n### ").next().unwrap();
    let block = section.split("```sql").nth(1).unwrap().split("```").next().unwrap();
    let lines: Vec<&str> = block.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    lines.join("\n").split(';').map(str::trim).filter(|query| !query.is_empty()).map(str::to_owned).collect()
}

/// After a correction and a rollback of the stops, and with the date of the telemetry withdrawn.
fn the_queries_of_the_readme_say_it(world: &World, base: &str) {
    let queries = queries_of_the_readme();
    let [published, failed, decided] = &queries[..] else { panic!("{queries:?}") };
    let published = outsider(world, base, &[published]);
    let of = |table: &str| {
        let rows = published.as_array().unwrap();
        rows.iter().find(|row| row["table_name"] == table).unwrap_or_else(|| panic!("{table}: {published}")).clone()
    };
    let rows = world.files_json("stadtbus-fahrplan/stops")["files"][0]["rows"].clone();
    let stops = of("stops");
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap());
    assert_eq!((number(&stops["days"]), number(&stops["rows_now"])), (1.0, number(&rows)), "{stops}");
    assert_eq!((&stops["corrections"], &stops["withdrawals"]), (&json!(1), &json!(0)), "{stops}");
    let locations = of("vehicle_locations");
    assert_eq!((&locations["rows_now"], &locations["withdrawals"]), (&Value::Null, &json!(1)), "{locations}");
    // Those of quality.json, and no others.
    let failed = outsider(world, base, &[failed]);
    let of_query: BTreeMap<String, f64> = failed.as_array().unwrap().iter().fold(BTreeMap::new(), |mut all, row| {
        *all.entry(row["rule_id"].as_str().unwrap().to_owned()).or_default() += number(&row["days"]);
        all
    });
    let mut of_pages: BTreeMap<String, f64> = BTreeMap::new();
    for (name, bytes) in files(&world.path("data/bucket/reports")) {
        if name.ends_with("/quality.json") {
            let quality: Value = serde_json::from_slice(&bytes).unwrap();
            for rule in quality["rules"].as_array().unwrap() {
                if ["failed", "error"].contains(&rule["result"].as_str().unwrap()) {
                    *of_pages.entry(rule["id"].as_str().unwrap().to_owned()).or_default() += 1.0;
                }
            }
        }
    }
    assert_eq!(of_query, of_pages);
    let decided = outsider(world, base, &[decided]);
    let said = |row: &Value| (row["kind"].clone(), row["role"].clone(), row["reason"].clone());
    let said: Vec<_> = decided.as_array().unwrap().iter().map(said).collect();
    assert!(said.contains(&(json!("rollback"), json!(BY[1]), json!(BY[3]))), "{decided}");
    assert!(said.contains(&(json!("withdrawal"), json!(BY[1]), json!(BY[3]))), "{decided}");
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

#[test]
fn a_rebuild_of_an_old_bucket_begins_the_table_of_decisions_as_a_run_does() {
    let world = World::with_publication();
    world.replace("fahrtenbuch.yaml", "# base_url:", "base_url:");
    world.run();
    let table = || {
        let mut found = files(&world.path("data/bucket"));
        found.retain(|name, _| name.contains("publication/decisions") || name.contains("publication/tables/decisions"));
        found.into_keys().collect::<Vec<_>>()
    };
    let before = (table(), world.files_json("publication/decisions")["columns"].clone());
    assert!(before.0.iter().any(|name| name.starts_with("iceberg/")), "{before:?}");
    // A bucket, and what the store knows of it, from before the table began without rows.
    before.0.iter().for_each(|name| std::fs::remove_file(world.path("data/bucket").join(name)).unwrap());
    let heads = world.path("data/private/publication/heads.json");
    let mut known: Value = serde_json::from_slice(&std::fs::read(&heads).unwrap()).unwrap();
    assert!(known["tables"].as_object_mut().unwrap().remove("decisions").is_some(), "{known}");
    std::fs::write(&heads, known.to_string()).unwrap();
    let would = done(&world, &["publish", "--rebuild", "--dry-run"]);
    assert!(would.contains("meta/publication/decisions/index/"), "{would}");
    assert_eq!(table(), [""; 0]);
    done(&world, &["publish", "--rebuild"]);
    let view = world.files_json("publication/decisions");
    assert_eq!((table(), view["columns"].clone()), before);
    assert_eq!((&view["version"], &view["files"]), (&json!(1), &json!([])), "{view}");
    let again = done(&world, &["publish", "--rebuild"]);
    assert!(again.contains("Everything is as it should be"), "{again}");
}

/// The rows of a table and date.
pub(crate) fn rows_of(world: &World, table: &str, date: &str) -> RecordBatch {
    let view = world.files_json(&format!("publication/{table}"));
    let of_date = |file: &&Value| file["partition_date"] == date;
    let file = view["files"].as_array().unwrap().iter().find(of_date).unwrap_or_else(|| panic!("{date}: {view}"));
    let path = world.path("data/bucket").join(file["path"].as_str().unwrap());
    parquet::rows(std::fs::read(path).unwrap().into()).unwrap()
}

pub(crate) fn texts(rows: &RecordBatch, column: &str) -> Vec<Option<String>> {
    rows.column_by_name(column).unwrap().as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

fn numbers(rows: &RecordBatch, column: &str) -> Vec<Option<i64>> {
    rows.column_by_name(column).unwrap().as_primitive::<Int64Type>().iter().collect()
}

#[test]
fn a_month_in_one_file_is_told_beside_its_days_until_it_is_no_more() {
    let city = City::new(1, "2026-10-28", 6);
    city.once("2026-11-03T12:00:00Z");
    let call = |arguments: &[&str]| {
        let output = city.at("2026-11-04T12:00:00Z").args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    // Pages of the timetable, which has no release.
    call(&["publish", "--rebuild"]);
    call(&["compact"]);
    let month = |date: &str| {
        let rows = rows_of(&city.world, "releases", date);
        let all: Vec<_> = texts(&rows, "month").into_iter().zip(texts(&rows, "path")).collect();
        let superseded = numbers(&rows, "superseded_by");
        let of_months = all.into_iter().zip(superseded).filter(|((month, _), _)| month.is_some());
        let current = rows.column_by_name("is_current").unwrap().as_boolean().true_count();
        let decisions = city.world.files_json("publication/decisions");
        assert_eq!(decisions["files"], json!([]), "a rule is no decision of a person");
        (of_months.map(|((_, path), superseded)| (path, superseded)).collect::<Vec<_>>(), current)
    };
    let (told, current) = month("2026-10-31");
    assert_eq!(current, 1, "the day is current as before");
    let view = city.world.files_json("linie-0/vehicle_locations");
    assert_eq!(told, [(Some(view["months"][0]["path"].as_str().unwrap().to_owned()), None)]);
    // A pipeline without a schedule may be late for a week, and the tables tell of it, too: they are compacted after that.
    let own = city.world.files_json("publication/rule_results");
    assert_eq!((own.get("months"), own["files"].as_array().unwrap().len()), (None, 6), "{own}");
    is_made_anew(&city.world);
    // A day is revised: the month stands no more, until the days are in one file again.
    city.capture("linie-0", "2026-10-30".parse().unwrap(), 13);
    call(&["run", "linie-0", "--date", "2026-10-30"]);
    let (stale, _) = month("2026-10-31");
    assert_eq!((stale[0].0.clone(), stale[0].1.is_some()), (told[0].0.clone(), true));
    call(&["compact"]);
    let (both, _) = month("2026-10-31");
    assert_eq!((both.len(), &both[0], both[1].1), (2, &stale[0], None));
    is_made_anew(&city.world);
    call(&[&["withdraw", "linie-0", "--date", "2026-10-29"], &BY[..]].concat());
    let rows = rows_of(&city.world, "releases", "2026-10-31");
    let withdrawn = numbers(&rows, "withdrawn_by");
    let of_months = texts(&rows, "month").into_iter().zip(texts(&rows, "path")).zip(withdrawn);
    let of_months: Vec<_> = of_months.filter(|((month, _), _)| month.is_some()).collect();
    let is_gone = |((_, path), by): &((Option<String>, Option<String>), Option<i64>)| (path.is_none(), by.is_some());
    let gone: Vec<_> = of_months.iter().map(is_gone).collect();
    assert_eq!(gone, [(true, true), (true, true), (false, false)]);
}

#[test]
fn what_was_released_before_the_tables_were_kept_is_told_after_a_rebuild() {
    let world = World::new();
    world.run();
    add_a_row_to_stops(&world);
    world.run_of(&["stadtbus-fahrplan"]);
    world.keep_publication();
    done(&world, &["publish", "--rebuild"]);
    let dates: Vec<String> = current(&world).into_keys().filter(|name| name.starts_with("releases")).collect();
    assert!(!dates.is_empty());
    let rows = rows_of(&world, "releases", dates.iter().find_map(|name| name.strip_prefix("releases ")).unwrap());
    assert!(rows.num_rows() > 0);
    is_made_anew(&world);
    // It goes on from there.
    let before = files(&world.path("data/bucket"));
    world.run();
    assert!(files(&world.path("data/bucket")) == before);
}

#[test]
fn a_run_that_is_held_back_tells_its_rules_and_no_release() {
    let world = World::with_publication();
    hold_back(&world);
    let output = world.program(&["run", "stadtbus-telemetrie"]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let results = rows_of(&world, "rule_results", DATE);
    assert!(texts(&results, "status").iter().all(|status| status.as_deref() == Some("held_back")));
    let before = current(&world);
    assert!(!before.contains_key(&format!("releases {DATE}")));
    // Pages of the timetable, which has no run.
    done(&world, &["publish", "--rebuild"]);
    assert_eq!(current(&world), before);
    is_made_anew(&world);
}

#[test]
fn a_store_that_does_not_take_the_tables_fails_no_release_and_gets_them_later() {
    let world = World::with_publication();
    let folder = world.path("data/bucket/meta/publication");
    std::fs::create_dir_all(folder.parent().unwrap()).unwrap();
    // Nothing can be put below a file.
    std::fs::write(&folder, "in the way").unwrap();
    let output = world.program(&["run"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("do not tell yet"), "{:?}: {said}", output.status);
    std::fs::remove_file(&folder).unwrap();
    world.run();
    assert!(current(&world).contains_key(&format!("rule_results {DATE}")));
    is_made_anew(&world);
}

#[test]
fn the_tables_are_fetched_as_any_others() {
    let world = World::with_publication();
    world.run();
    for table in ["releases", "rule_results"] {
        let (bucket, to) = (world.path("data/bucket"), world.path("fetched"));
        let (bucket, to) = (bucket.to_string_lossy(), to.to_string_lossy());
        let name = format!("publication/{table}");
        let told: Value = serde_json::from_str(&done(&world, &["get", &bucket, &name, "--to", &to, "--json"])).unwrap();
        let files = told["files"].as_array().unwrap();
        let known = current(&world).into_keys().filter(|name| name.starts_with(&format!("{table} "))).count();
        assert!(files.len() == known && files.iter().all(|file| file["state"] == "fetched"), "{told}");
    }
}
