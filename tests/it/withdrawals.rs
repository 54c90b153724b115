//! What a withdrawal takes along besides the files of its dates: the published quality results of the dates, in all their versions;
//! and what tells of one that is not at its end.

use std::collections::BTreeSet;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::Date32Type;
use fahrtenbuch::object_stores::Options;
use fahrtenbuch::publish::bucket::Bucket;
use fahrtenbuch::publish::parquet;
use serde_json::{Value, json};

use crate::publication::{rows_of, texts};
use crate::published::add_a_row_to_stops;
use crate::releases::{json_of, kill_at, refused, rollback, snapshots, text, withdraw};
use crate::schedule::City;
use crate::world::{World, copy, s3, whole_files};

const RESULTS: &str = "publication/rule_results";
const TIMETABLE: &str = "stadtbus-fahrplan";
const STOPS: &str = "stadtbus-fahrplan/stops";

/// A world with the tables of the publication and a catalogue.
fn world() -> World {
    let world = World::with_publication();
    world.replace("fahrtenbuch.yaml", "# base_url:", "base_url:");
    world
}

/// Two releases of the timetable, so that there are two files with its results; and its date.
fn with_two_results() -> (World, String) {
    let world = world();
    world.run();
    add_a_row_to_stops(&world);
    world.run_of(&[TIMETABLE]);
    let date = world.files_json(STOPS)["files"][0]["partition_date"].as_str().unwrap().to_owned();
    (world, date)
}

/// As if it had run the same.
fn again(base: &World) -> World {
    let world = world();
    std::fs::remove_dir_all(world.path("data")).unwrap();
    copy(&base.path("data"), &world.path("data"));
    world
}

/// The files below a folder of a bucket that have quality results of a dataset and date.
fn results_of(bucket: &Path, dataset: &str, date: &str) -> BTreeSet<String> {
    let has_some = |(name, bytes): (String, Vec<u8>)| {
        let is_result = name.contains(&format!("/{RESULTS}/partition_date={date}/"));
        let of_dataset = |bytes: Vec<u8>| {
            let rows = parquet::rows(bytes.into()).unwrap();
            let datasets = rows.column_by_name("dataset").unwrap().as_string::<i32>();
            datasets.iter().any(|of| of == Some(dataset))
        };
        (is_result && of_dataset(bytes)).then_some(name)
    };
    whole_files(bucket).into_iter().filter_map(has_some).collect()
}

/// That no version of the results of the timetable is left, and nothing leads to one.
fn results_are_gone(world: &World, date: &str, when: &str) {
    let left = results_of(&world.path("data/bucket"), TIMETABLE, date);
    assert!(left.is_empty(), "{when}: {left:?}");
    let listed = json_of(world, &["releases", "list", RESULTS, "--last", "1000"]);
    let bucket = world.path("data/bucket");
    let is_there = |of: &Value| {
        let index = format!("meta/{RESULTS}/index/v{:010}.json", of["version"].as_u64().unwrap());
        let index: Value = serde_json::from_slice(&std::fs::read(bucket.join(index)).unwrap()).unwrap();
        index["files"].as_array().unwrap().iter().all(|file| bucket.join(file["path"].as_str().unwrap()).exists())
    };
    for of in listed.as_array().unwrap() {
        assert!(is_there(of) || of["withdrawn"] == true, "{when}: {of}");
    }
    // The catalogue has the versions that can be read alone, and the newest one of them.
    let readable =
        listed.as_array().unwrap().iter().filter(|of| is_there(of)).map(|of| of["version"].as_u64().unwrap());
    let readable: BTreeSet<u64> = readable.collect();
    let snapshots = snapshots(world, RESULTS);
    assert!(snapshots.iter().all(|of| readable.contains(of)), "{when}: {snapshots:?} of {readable:?}");
    assert_eq!(snapshots.last(), readable.last(), "{when}");
    let check = text(&world.program(&["check", "--bucket"]).stdout);
    assert!(check.contains("of what was withdrawn no file is left"), "{when}: {check}");
    let rebuilt = json_of(world, &["publish", "--rebuild"]);
    assert_eq!((&rebuilt["written"], &rebuilt["removed"]), (&json!([]), &json!([])), "{when}");
}

#[test]
fn a_withdrawal_takes_all_versions_of_its_quality_results_along_and_says_so_before() {
    let (world, date) = with_two_results();
    let bucket = world.path("data/bucket");
    let before = results_of(&bucket, TIMETABLE, &date);
    assert!(before.len() >= 2 && before.iter().any(|name| name.starts_with("revised/")), "{before:?}");
    let others = |world: &World| {
        let all = whole_files(&world.path("data/bucket")).into_keys();
        all.filter(|name| name.contains(&format!("/{RESULTS}/partition_date=")) && !name.contains(&date))
            .collect::<Vec<_>>()
    };
    let of_others = others(&world);
    let would = json_of(&world, &withdraw(TIMETABLE, &date, &["--dry-run"]));
    let named: BTreeSet<&str> = would["objects"].as_array().unwrap().iter().map(|of| of.as_str().unwrap()).collect();
    assert!(before.iter().all(|name| named.contains(name.as_str())), "{named:?}");
    assert_eq!(results_of(&bucket, TIMETABLE, &date), before);
    let done = json_of(&world, &withdraw(TIMETABLE, &date, &[]));
    assert_eq!((&done["objects"], done["deleted"].as_u64()), (&would["objects"], Some(named.len() as u64)));
    results_are_gone(&world, &date, "at once");
    assert_eq!(others(&world), of_others);
    assert_eq!(json_of(&world, &withdraw(TIMETABLE, &date, &["--dry-run"]))["objects"], json!([]));
    // What was released of the date is told still.
    let releases = rows_of(&world, "releases", &date);
    assert!(texts(&releases, "act").contains(&Some("withdrawal".to_owned())));
    // Lifted and released again, its new results stay.
    json_of(&world, &withdraw(TIMETABLE, &date, &["--lift"]));
    world.run_of(&[TIMETABLE, "--date", &date]);
    assert_eq!(results_of(&bucket, TIMETABLE, &date).len(), 1);
    let rebuilt = json_of(&world, &["publish", "--rebuild"]);
    assert_eq!((&rebuilt["removed"], results_of(&bucket, TIMETABLE, &date).len()), (&json!([]), 1));
    let listed = json_of(&world, &["releases", "list", STOPS]);
    assert_eq!(listed.as_array().unwrap().last().unwrap()["reasons"], json!(["after_withdrawal"]), "{listed}");
    let releases = rows_of(&world, "releases", &date);
    assert_eq!(texts(&releases, "reasons").last().unwrap().as_deref(), Some("after_withdrawal"));
    let told = text(&world.program(&["releases", "list", STOPS]).stdout);
    assert!(told.contains("after a withdrawal"), "{told}");
    // And a second time, by the withdrawal of one of its tables.
    json_of(&world, &withdraw(STOPS, &date, &[]));
    results_are_gone(&world, &date, "again");
}

#[test]
fn results_that_a_killed_withdrawal_has_left_go_with_the_next_command_a_rebuild_or_a_lift() {
    let (base, date) = with_two_results();
    for (stage, is_noted) in [("views", true), ("results", true), ("results", false), ("bytes", true), ("bytes", false)]
    {
        let world = again(&base);
        kill_at(&world, &withdraw(TIMETABLE, &date, &[]), stage);
        if is_noted {
            json_of(&world, &["gc"]);
        } else {
            // As on another machine, which has no note of it.
            let _ = std::fs::remove_file(world.path("data/private/withdrawals.json"));
            json_of(&world, &["publish", "--rebuild"]);
        }
        results_are_gone(&world, &date, stage);
    }
    let world = again(&base);
    kill_at(&world, &withdraw(TIMETABLE, &date, &[]), "results");
    let _ = std::fs::remove_file(world.path("data/private/withdrawals.json"));
    json_of(&world, &withdraw(TIMETABLE, &date, &["--lift"]));
    assert_eq!(results_of(&world.path("data/bucket"), TIMETABLE, &date), BTreeSet::new());
    // As an older program has withdrawn: the versions before are there.
    let world = again(&base);
    let old = results_of(&world.path("data/bucket"), TIMETABLE, &date);
    json_of(&world, &withdraw(TIMETABLE, &date, &[]));
    for name in &old {
        let to = world.path("data/bucket").join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(base.path("data/bucket").join(name), to).unwrap();
    }
    let said = text(&world.program(&["check", "--bucket"]).stdout);
    assert!(said.contains(&format!("{} files of withdrawn dates are still there", old.len())), "{said}");
    let would = json_of(&world, &["publish", "--rebuild", "--dry-run"]);
    assert_eq!(would["removed"], json!(old));
    json_of(&world, &["publish", "--rebuild"]);
    results_are_gone(&world, &date, "rebuilt");
}

#[test]
fn a_month_in_one_file_of_results_goes_too_and_comes_again_without_the_date() {
    let city = City::new(1, "2026-10-28", 6);
    city.once("2026-11-03T12:00:00Z");
    let call = |arguments: &[&str]| {
        let output = city.at("2026-11-20T12:00:00Z").args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    call(&["compact"]);
    let bucket = city.world.path("data/bucket");
    // The dates of the results in files of months.
    let months = || {
        let of_month =
            whole_files(&bucket).into_iter().filter(|(name, _)| name.contains(&format!("/{RESULTS}/month=")));
        let dates = |bytes: Vec<u8>| {
            let rows = parquet::rows(bytes.into()).unwrap();
            let dates = rows.column_by_name("partition_date").unwrap().as_primitive::<Date32Type>().values().to_vec();
            dates.into_iter().collect::<BTreeSet<i32>>().len()
        };
        of_month.map(|(name, bytes)| (name, dates(bytes))).collect::<Vec<_>>()
    };
    let before = months();
    let [(name, 4)] = &before[..] else { panic!("{before:?}") };
    let withdrawal = withdraw("linie-0", "2026-10-29", &[]);
    let would = call(&[&withdrawal[..], &["--dry-run", "--json"]].concat());
    assert!(would.contains(name.as_str()), "{would}");
    call(&withdrawal);
    assert!(!bucket.join(name).exists() && months().is_empty());
    assert!(results_of(&bucket, "linie-0", "2026-10-29").is_empty());
    assert!(call(&["check", "--bucket"]).contains("of what was withdrawn no file is left"));
    call(&["compact"]);
    assert_eq!(months().iter().map(|(_, dates)| *dates).collect::<Vec<_>>(), [3]);
    call(&["publish", "--rebuild"]);
    assert_eq!(months().len(), 1);
}

#[test]
fn results_leave_the_public_also_where_their_tables_are_published_no_more() {
    let (world, date) = with_two_results();
    world.replace("fahrtenbuch.yaml", "people:", "publication: off\npeople:");
    json_of(&world, &withdraw(TIMETABLE, &date, &[]));
    results_are_gone(&world, &date, "off");
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn results_leave_an_s3_bucket_with_a_withdrawal_also_with_one_that_was_killed() {
    let server = s3();
    let world = world();
    world.move_to_s3(server.port);
    world.run();
    add_a_row_to_stops(&world);
    world.run_of(&[TIMETABLE]);
    let listed = json_of(&world, &["releases", "list", STOPS]);
    let date = listed[0]["dates"][0].as_str().unwrap().to_owned();
    let values = [
        ("endpoint", format!("http://127.0.0.1:{}", server.port)),
        ("region", "us-east-1".to_owned()),
        ("access_key_id", "x".to_owned()),
        ("secret_access_key", "y".to_owned()),
        ("allow_http", "true".to_owned()),
    ];
    let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let bucket = Bucket::open("s3://stadtbus/offen", &Options { values, named: None }).unwrap();
    let results = || {
        let folders = ["data", "revised"].map(|top| bucket.list(&format!("{top}/{RESULTS}")).unwrap());
        let of_date = folders.concat().into_iter().filter(|name| name.contains(&format!("partition_date={date}/")));
        let of_dataset = |name: &String| {
            let rows = parquet::rows(bucket.get(name).unwrap().unwrap()).unwrap();
            let datasets = rows.column_by_name("dataset").unwrap().as_string::<i32>();
            datasets.iter().any(|of| of == Some(TIMETABLE))
        };
        of_date.filter(of_dataset).collect::<Vec<String>>()
    };
    let before = results();
    assert!(before.len() >= 2, "{before:?}");
    let would = json_of(&world, &withdraw(TIMETABLE, &date, &["--dry-run"]));
    assert!(before.iter().all(|name| would["objects"].as_array().unwrap().contains(&json!(name))), "{would}");
    kill_at(&world, &withdraw(TIMETABLE, &date, &[]), "results");
    json_of(&world, &withdraw(TIMETABLE, &date, &[]));
    let is_gone = || {
        assert_eq!(results(), [""; 0]);
        assert!(before.iter().all(|name| bucket.get(name).unwrap().is_none()));
        let rebuilt = json_of(&world, &["publish", "--rebuild"]);
        assert_eq!((&rebuilt["written"], &rebuilt["removed"]), (&json!([]), &json!([])));
    };
    is_gone();
    refused(&world, &["run", TIMETABLE, "--date", &date], 42);
    json_of(&world, &withdraw(TIMETABLE, &date, &["--lift"]));
    is_gone();
    world.run_of(&[TIMETABLE, "--date", &date]);
    assert_eq!(results().len(), 1);
}

#[test]
fn going_back_to_a_version_of_withdrawn_dates_is_refused_and_says_what_lifts_it() {
    let (world, date) = with_two_results();
    json_of(&world, &withdraw(TIMETABLE, &date, &[]));
    for arguments in
        [rollback(STOPS, "1", &[]), rollback(STOPS, "1", &["--dry-run"]), rollback(STOPS, "2", &["--json"])]
    {
        let said = refused(&world, &arguments, 42);
        assert!(said.contains("was withdrawn by Datenmanagement") && said.contains("withdraw --lift"), "{said}");
    }
    assert_eq!(world.files_json(STOPS)["version"], 3);
    // Lifted, what is gone stays gone.
    json_of(&world, &withdraw(TIMETABLE, &date, &["--lift"]));
    let said = refused(&world, &rollback(STOPS, "1", &[]), 42);
    assert!(said.contains("was withdrawn"), "{said}");
}

#[test]
fn versions_of_the_tables_of_the_publication_say_why_they_came() {
    let (world, date) = with_two_results();
    json_of(&world, &withdraw(TIMETABLE, &date, &[]));
    for table in ["releases", "rule_results"] {
        let listed = json_of(&world, &["releases", "list", &format!("publication/{table}")]);
        let reasons: Vec<&str> = listed
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|of| of["reasons"].as_array().unwrap().iter().map(|reason| reason.as_str().unwrap()))
            .collect();
        assert!(!reasons.contains(&"unknown") && reasons.contains(&"newer_releases"), "{listed}");
        let told = text(&world.program(&["releases", "list", &format!("publication/{table}")]).stdout);
        assert!(told.contains("newer releases") && !told.contains("a record is gone"), "{told}");
    }
    let all = json_of(&world, &["releases", "list", "publication"]);
    assert!(all.as_array().unwrap().iter().any(|of| of["table"] == "rule_results"), "{all}");
}

#[test]
fn plan_tells_of_acts_without_a_schedule_and_of_withdrawals_that_are_not_at_their_end() {
    let (base, date) = with_two_results();
    let plan = json_of(&base, &["plan"]);
    assert_eq!(plan["acts"], json!([]));
    let notes = plan["notes"].to_string();
    assert!(notes.contains("no run is planned of") && notes.contains("compact and gc, which have no time"), "{notes}");
    // It may have come to its end before it was killed.
    let note = "data/private/withdrawals.json";
    let killed = || {
        let world = again(&base);
        kill_at(&world, &withdraw(TIMETABLE, &date, &[]), "commit");
        world.path(note).exists().then_some(world)
    };
    let world = std::iter::repeat_with(killed).take(5).flatten().next().unwrap();
    let plan = json_of(&world, &["plan"]);
    let act = &plan["acts"][0];
    let told = (&act["kind"], &act["dataset"], &act["date"], &act["reason"]);
    assert_eq!(told, (&json!("withdrawal_begun"), &json!(TIMETABLE), &json!(date), &json!("a test")), "{plan}");
    assert!(
        act["said"].as_str().unwrap().contains(&format!("fahrtenbuch withdraw {TIMETABLE} --date {date}")),
        "{act}"
    );
    let said = text(&world.program(&["plan"]).stdout);
    assert!(said.contains("Begun, and not at its end:") && said.contains(&date), "{said}");
    json_of(&world, &withdraw(TIMETABLE, &date, &[]));
    let plan = json_of(&world, &["plan"]);
    let acts: Vec<_> =
        plan["acts"].as_array().unwrap().iter().map(|of| (&of["kind"], &of["pipeline"], &of["date"])).collect();
    assert_eq!(acts, [(&json!("withdrawn"), &json!(TIMETABLE), &json!(date))], "{plan}");
    let said = text(&world.program(&["plan"]).stdout);
    assert!(said.contains("By somebody's decision:") && said.contains("withdrawn: it is not run"), "{said}");
    // A compaction that was killed is noted in the same way.
    let place = world.path("data/bucket").to_string_lossy().into_owned();
    let file = format!("revised/{STOPS}/month=2026-10/part-0123456789ab.parquet");
    for bucket in [place, "data/bucket".to_owned()] {
        world.write("data/private/compaction.json", &json!({"bucket": bucket, "files": [file]}).to_string());
        let plan = json_of(&world, &["plan"]);
        if plan["acts"][0]["kind"] == "compaction_begun" {
            assert_eq!(
                (&plan["acts"][0]["dataset"], &plan["acts"][0]["tables"]),
                (&json!(TIMETABLE), &json!(["stops"]))
            );
            return;
        }
    }
    panic!("{plan}");
}
