//! Past months in one file each: what is in them, when they stand for their days, and what becomes of them when a day is revised or
//! withdrawn, or when the work is killed.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use arrow_array::{Array, Date32Array, RecordBatch};
use fahrtenbuch::publish::parquet;
use serde_json::{Value, json};

use crate::schedule::City;
use crate::world::{copy, files, whole_files};

const TABLE: &str = "linie-0/vehicle_locations";
/// The first date; four of October and two of November have evidence.
const FIRST: &str = "2026-10-28";
const RUN: &str = "2026-11-03T12:00:00Z";
/// On the day after the last on which evidence of October may come in late.
const OVER: &str = "2026-11-04T12:00:00Z";
const LATER: &str = "2026-11-05T12:00:00Z";
const BY: [&str; 4] = ["--by", "Datenmanagement", "--reason", "a test"];

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json_at(city: &City, now: &str, arguments: &[&str]) -> Value {
    let output = city.at(now).args(arguments).arg("--json").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Six days that are released.
fn city() -> City {
    let city = City::new(1, FIRST, 6);
    city.world.replace("fahrtenbuch.yaml", "# base_url:", "base_url:");
    city.once(RUN);
    // Pages of the timetable, which has no release.
    json_at(&city, RUN, &["publish", "--rebuild"]);
    city
}

/// The same city once more, as it is now.
fn again(of: &City) -> City {
    let city = City::new(1, FIRST, 0);
    for name in ["data", "fahrtenbuch.yaml"] {
        let path = city.world.path(name);
        let _ = std::fs::remove_dir_all(&path);
        copy(&of.world.path(name), &path);
    }
    city
}

fn bytes_of(city: &City, path: &str) -> Vec<u8> {
    std::fs::read(city.world.path("data/bucket").join(path)).unwrap()
}

fn rows_of(city: &City, path: &str) -> RecordBatch {
    parquet::rows(bytes_of(city, path).into()).unwrap()
}

fn view(city: &City) -> Value {
    city.world.files_json(TABLE)
}

fn months(city: &City) -> Vec<Value> {
    view(city)["months"].as_array().cloned().unwrap_or_default()
}

/// The files of October that are there.
fn of_october(city: &City) -> Vec<String> {
    let names = whole_files(&city.world.path("data/bucket/revised")).into_keys();
    names
        .filter(|name| name.contains("vehicle_locations/month=2026-10/"))
        .map(|name| format!("revised/{name}"))
        .collect()
}

/// How many files the newest snapshot of the catalogue has, and how many rows.
fn of_catalogue(city: &City) -> (u64, u64) {
    let table = city.world.path("data/bucket/iceberg/v1/namespaces/linie-0/tables/vehicle_locations.json");
    let table: Value = serde_json::from_slice(&std::fs::read(table).unwrap()).unwrap();
    let summary = &table["metadata"]["snapshots"].as_array().unwrap().last().unwrap()["summary"];
    let number = |key: &str| summary[key].as_str().unwrap().parse::<u64>().unwrap();
    (number("total-data-files"), number("total-records"))
}

fn rows(city: &City) -> u64 {
    view(city)["files"].as_array().unwrap().iter().map(|file| file["rows"].as_u64().unwrap()).sum()
}

/// That the month is in one file which has the rows of its days and nothing else, and that the catalogue says so.
fn is_of_its_days(city: &City) {
    let month = &months(city)[0];
    let all = rows_of(city, month["path"].as_str().unwrap());
    let date = all.column_by_name("partition_date").unwrap();
    let date: &Date32Array = date.as_any().downcast_ref().unwrap();
    let (mut at, mut parts) = (0, Vec::new());
    for file in view(city)["files"].as_array().unwrap() {
        let day: jiff::civil::Date = file["partition_date"].as_str().unwrap().parse().unwrap();
        if day.month() != 10 {
            continue;
        }
        parts.push(json!({"partition_date": file["partition_date"], "sha256": file["sha256"]}));
        let of_day = rows_of(city, file["path"].as_str().unwrap());
        let of_month = all.slice(at, of_day.num_rows());
        for (column, field) in of_day.columns().iter().zip(of_day.schema().fields()) {
            assert!(of_month.column_by_name(field.name()).unwrap() == column, "{day} {}", field.name());
        }
        let days = day.since(jiff::civil::date(1970, 1, 1)).unwrap().get_days();
        assert!((at..at + of_day.num_rows()).all(|row| date.value(row) == days), "{day}");
        at += of_day.num_rows();
    }
    assert_eq!((all.num_rows(), &month["parts"], &month["rows"]), (at, &json!(parts), &json!(at)));
    let days = view(city)["files"].as_array().unwrap().len() - parts.len();
    assert_eq!(of_catalogue(city), (days as u64 + 1, rows(city)));
    assert_eq!(json_at(city, LATER, &["compact", "--replay"]), json!({"same": 1, "problems": []}));
    let rebuilt = json_at(city, LATER, &["publish", "--rebuild"]);
    assert_eq!((&rebuilt["written"], &rebuilt["removed"]), (&json!([]), &json!([])));
    let bucket = city.world.path("data/bucket");
    let verified = city.at(LATER).arg("verify").arg(bucket).arg("--json").output().unwrap();
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified.stdout));
}

#[test]
fn a_past_month_is_one_file_of_its_days_and_is_made_again_from_them_to_the_byte() {
    let city = city();
    let before = view(&city);
    assert_eq!(json_at(&city, RUN, &["compact"])["made"], json!([]), "evidence may come in late");
    let names = files(&city.world.path("data/bucket"));
    let would = json_at(&city, OVER, &["compact", "--dry-run"]);
    assert!(files(&city.world.path("data/bucket")) == names);
    assert_eq!((&would["due"][0]["month"], &would["due"][0]["days"]), (&json!("2026-10"), &json!(4)), "{would}");
    let other = again(&city);
    let done = json_at(&city, OVER, &["compact"]);
    let ours = |of: &&Value| of["table"] == "vehicle_locations";
    assert_eq!(done["made"].as_array().unwrap().iter().filter(ours).count(), 1, "{done}");
    is_of_its_days(&city);
    // Whoever reads the days reads what they did before.
    assert_eq!(view(&city)["files"], before["files"]);
    let csv = text(&bytes_of(&city, &format!("meta/{TABLE}/index.csv")));
    assert!(!csv.contains("month="), "{csv}");
    // The same days make the same file anywhere; once more is nothing.
    json_at(&other, OVER, &["compact"]);
    assert_eq!(months(&other), months(&city));
    assert_eq!(json_at(&city, OVER, &["compact"])["made"], json!([]));
    let listed = json_at(&city, OVER, &["releases", "list", TABLE]);
    let last = listed.as_array().unwrap().last().unwrap();
    assert_eq!((&last["reasons"], &last["dates"]), (&json!(["compaction"]), &json!([])), "{listed}");
    let record: Value = serde_json::from_slice(&bytes_of(&city, last["record"].as_str().unwrap())).unwrap();
    let of_month = &record["tables"][0]["months"][0];
    assert_eq!(
        (&record["format"], &of_month["parts"]),
        (&json!("fahrtenbuch-compaction/1"), &months(&city)[0]["parts"])
    );
    // Nothing is due by it, and a run goes on from it.
    city.capture("linie-0", "2026-11-03".parse().unwrap(), 12);
    city.once(LATER);
    assert_eq!(months(&city).len(), 1);
    is_of_its_days(&city);
    // What is damaged is told.
    let path = city.world.path("data/bucket").join(months(&city)[0]["path"].as_str().unwrap());
    std::fs::write(path, "no longer what it was").unwrap();
    let output = city.at(LATER).args(["compact", "--replay"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("month=2026-10"), "{}", text(&output.stderr));
}

#[test]
fn a_month_whose_file_is_gone_or_cut_is_told_with_the_remedy_and_made_again_to_the_byte() {
    let city = city();
    json_at(&city, OVER, &["compact"]);
    let path = months(&city)[0]["path"].as_str().unwrap().to_owned();
    let (file, bytes) = (city.world.path("data/bucket").join(&path), bytes_of(&city, &path));
    let called = |arguments: &[&str]| {
        let output = city.at(OVER).args(arguments).output().unwrap();
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    let said =
        "linie-0: files of the month 2026-10 that its index names are not in the bucket. 'fahrtenbuch compact' makes";
    let is_told = || {
        let status: Value = serde_json::from_str(&called(&["status", "--json"]).1).unwrap();
        let mut needs = status["needs"].as_array().unwrap().iter();
        let need = needs.find(|need| need["kind"] == "files_missing" && need["about"] == "linie-0");
        assert!(need.is_none_or(|need| need["command"] == json!(["fahrtenbuch", "compact"])), "{need:?}");
        let (watched, checked) = (called(&["watch", "--once"]), called(&["check", "--bucket"]));
        assert!(need.is_none() || checked.0 > Some(0), "{checked:?}");
        let planned = called(&["plan"]).1.contains(said);
        [need.is_some(), watched.1.contains(said), checked.1.contains(said), planned]
    };
    assert_eq!(is_told(), [false; 4]);
    let versions = || view(&city)["version"].clone();
    let before = versions();
    for damage in ["gone", "cut"] {
        match damage {
            "gone" => std::fs::remove_file(&file).unwrap(),
            _ => std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap(),
        }
        assert_eq!(is_told(), [true; 4], "{damage}");
        // Days have nothing to do for it, and a rebuild makes no month.
        assert_eq!(city.plan(OVER)["due"], json!([]), "{damage}");
        json_at(&city, OVER, &["publish", "--rebuild"]);
        assert_eq!(is_told(), [true; 4], "{damage}");
        let would = json_at(&city, OVER, &["compact", "--dry-run"]);
        assert_eq!(
            (&would["due"][0]["month"], would["due"].as_array().unwrap().len()),
            (&json!("2026-10"), 1),
            "{would}"
        );
        let done = json_at(&city, OVER, &["compact"]);
        assert_eq!(done["made"][0]["path"], path, "{done}");
        assert!(bytes_of(&city, &path) == bytes && versions() == before, "{damage}");
        assert_eq!(is_told(), [false; 4], "{damage}");
        is_of_its_days(&city);
    }
}

#[test]
fn a_month_with_a_revised_day_is_read_by_its_days_until_it_is_compacted_again() {
    let city = city();
    json_at(&city, OVER, &["compact"]);
    let first = months(&city);
    city.capture("linie-0", "2026-10-30".parse().unwrap(), 13);
    let run = city.at(OVER).args(["run", "linie-0", "--date", "2026-10-30"]).output().unwrap();
    assert!(run.status.success(), "{}", text(&run.stderr));
    assert_eq!(months(&city), [] as [Value; 0]);
    assert_eq!(of_catalogue(&city), (6, rows(&city)));
    json_at(&city, LATER, &["compact"]);
    is_of_its_days(&city);
    assert_ne!(months(&city), first);
    assert_eq!(of_october(&city).len(), 2);
    // Going back makes the first file current again, once it is compacted.
    let back = [&["releases", "rollback", TABLE, "--to", "6", "--date", "2026-10-30"][..], &BY].concat();
    json_at(&city, LATER, &back);
    assert_eq!((months(&city).len(), of_catalogue(&city).0), (0, 6));
    json_at(&city, LATER, &["compact"]);
    is_of_its_days(&city);
    assert_eq!(months(&city), first);
    // What is superseded stays as long as the catalogue tells of it, and is no stranger.
    let gc = json_at(&city, "2028-01-01T12:00:00Z", &["gc"]);
    assert_eq!((&gc["files"], &gc["problems"]), (&json!([]), &json!([])), "{gc}");
}

/// Starts the program, and kills it when an act comes to a step.
fn kill_at(city: &City, now: &str, arguments: &[&str], act: &str, stage: &str) {
    let mut command = city.at(now);
    command.args(["-v", "--log-format", "json"]).args(arguments).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let reached = lines
        .any(|line| line.contains(&format!("\"stage\":\"{stage}\"")) && line.contains(&format!("\"act\":\"{act}\"")));
    assert!(reached, "{arguments:?} never came to {stage} of {act}");
    let _ = child.kill();
    child.wait().unwrap();
}

#[test]
fn a_compaction_that_was_killed_has_published_nothing_or_is_finished_and_two_at_once_do_no_harm() {
    let base = city();
    for stage in ["put", "record", "commit", "views"] {
        let city = again(&base);
        kill_at(&city, OVER, &["compact"], "compaction", stage);
        assert_eq!(months(&city), [] as [Value; 0], "{stage}");
        // What it may have put is no stranger to a run, nor to 'gc'.
        city.capture("linie-0", "2026-11-03".parse().unwrap(), 12);
        let run = city.at(OVER).args(["run", "linie-0", "--date", "2026-11-03"]).output().unwrap();
        assert!(run.status.success(), "{stage}: {}", text(&run.stderr));
        assert_eq!(json_at(&city, OVER, &["gc"])["problems"], json!([]), "{stage}");
        json_at(&city, OVER, &["compact"]);
        is_of_its_days(&city);
        assert_eq!(of_october(&city).len(), 1, "{stage}");
        assert!(!city.world.path("data/private/compaction.json").exists(), "{stage}");
    }
    let start = || base.at(OVER).arg("compact").stdout(Stdio::null()).spawn().unwrap();
    let both = [start(), start()].map(|mut child| child.wait().unwrap().success());
    assert_eq!((both, of_october(&base).len()), ([true, true], 1));
    is_of_its_days(&base);
}

/// That no file has rows of a date, and that the month is in one file without it.
fn is_withdrawn(city: &City, date: &str, when: &str) {
    let found = of_october(city);
    let named: Vec<Value> = months(city).iter().map(|month| month["path"].clone()).collect();
    assert_eq!(json!(found), json!(named), "{when}");
    assert_eq!(found.len(), 1, "{when}");
    assert!(!months(city)[0]["parts"].to_string().contains(date), "{when}");
    let of_date = |name: &String| name.contains(&format!("vehicle_locations/partition_date={date}"));
    assert!(!files(&city.world.path("data/bucket")).keys().any(of_date), "{when}");
    is_of_its_days(city);
}

#[test]
fn a_withdrawn_date_leaves_its_month_which_is_written_again_whatever_is_killed() {
    const DATE: &str = "2026-10-29";
    let base = city();
    json_at(&base, OVER, &["compact"]);
    let withdraw = [&["withdraw", TABLE, "--date", DATE][..], &BY].concat();
    let old = of_october(&base);
    let dry = [&withdraw[..], &["--dry-run"]].concat();
    let would = json_at(&base, OVER, &dry);
    assert!(would["objects"].as_array().unwrap().contains(&json!(old[0])), "{would}");
    for stage in ["record", "commit", "views", "bytes", "months"] {
        let city = again(&base);
        kill_at(&city, OVER, &withdraw, "withdrawal", stage);
        json_at(&city, OVER, &withdraw);
        is_withdrawn(&city, DATE, stage);
    }
    for stage in ["put", "record", "commit", "views"] {
        let city = again(&base);
        kill_at(&city, OVER, &withdraw, "compaction", stage);
        assert!(!of_october(&city).contains(&old[0]), "the rows go before the month is written again");
        json_at(&city, OVER, &withdraw);
        is_withdrawn(&city, DATE, stage);
    }
    let done = json_at(&base, OVER, &withdraw);
    assert_eq!(done["deleted"].as_u64().unwrap() as usize, would["objects"].as_array().unwrap().len());
    is_withdrawn(&base, DATE, "at once");
    let digests = view(&base)["withdrawn"][DATE]["sha256"].to_string();
    assert!(digests.contains(old[0].rsplit_once("part-").unwrap().1.trim_end_matches(".parquet")), "{digests}");
    let check = base.at(OVER).args(["check", "--bucket"]).output().unwrap();
    assert!(text(&check.stdout).contains("of what was withdrawn no file is left"), "{}", text(&check.stdout));
    // Lifted and released again, it is one of the days once more.
    json_at(&base, OVER, &[&["withdraw", "--lift", TABLE, "--date", DATE][..], &BY].concat());
    let run = base.at(OVER).args(["run", "linie-0", "--date", DATE]).output().unwrap();
    assert!(run.status.success(), "{}", text(&run.stderr));
    assert_eq!(months(&base), [] as [Value; 0]);
    json_at(&base, LATER, &["compact"]);
    is_of_its_days(&base);
    assert!(months(&base)[0]["parts"].to_string().contains(DATE));
}

#[test]
fn the_schedule_compacts_and_deletes_what_is_superseded_once_a_day() {
    let city = city();
    let file = city.world.path("fahrtenbuch.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + "\nschedule:\n  compact: \"04:15\"\n  gc: \"04:30\"\n").unwrap();
    let due: Vec<String> = city.plan(LATER)["due"].as_array().unwrap().iter().map(ToString::to_string).collect();
    assert!(["compact", "gc"].iter().all(|name| due.iter().any(|of| of.contains(name))), "{due:?}");
    city.once(LATER);
    is_of_its_days(&city);
}
