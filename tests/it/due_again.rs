//! What the schedule does when the world is not as its log says: a bucket that lost its releases, evidence that is no evidence, dates
//! that are too old, pipelines that come after nothing.

use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::capture::record::{Lifecycle, NewContent, NewRecord, Note};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::schedule::City;

const NOW: &str = "2026-11-24T12:00:00Z";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Of each job of a list of the plan: pipeline, date, why.
fn jobs(plan: &Value, list: &str) -> Vec<String> {
    let word = |job: &Value, key: &str| job[key].as_str().unwrap_or("-").to_owned();
    let jobs = plan[list].as_array().unwrap().iter();
    let job = |job| format!("{} {} {}", word(job, "pipeline"), word(job, "date"), word(job, "why"));
    let mut jobs: Vec<String> = jobs.map(job).collect();
    // Every third time the newest comes first.
    jobs.sort_unstable();
    jobs
}

/// Removes what is in a folder, and leaves the folder.
fn empty(folder: &std::path::Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { std::fs::remove_dir_all(path).unwrap() } else { std::fs::remove_file(path).unwrap() }
    }
}

#[test]
fn a_bucket_that_lost_its_releases_gets_each_of_them_again_once() {
    let city = City::new(1, "2026-11-20", 2);
    city.once(NOW);
    city.is_released_once();
    empty(&city.world.path("data/bucket"));
    // However long ago it was: they were released, so nobody has to ask for them.
    let later = "2027-03-01T12:00:00Z";
    let expected = ["linie-0 2026-11-20 missing", "linie-0 2026-11-21 missing"];
    let plan = city.plan(later);
    assert_eq!(jobs(&plan, "due"), expected);
    assert!(plan["due"][0]["said"].as_str().unwrap().contains("not in the bucket"), "{plan}");
    let status = city.at(later).arg("status").output().unwrap();
    assert!(text(&status.stdout).contains("2026-11-20"), "{}", text(&status.stdout));
    city.once(later);
    city.is_released_once();
    assert_eq!(city.plan(later)["due"], json!([]));
    assert!(text(&city.once(later).stdout).contains("nothing was due"));
    // Only the indexes are lost. What was released twice with the same evidence rests for a day; then a run refuses files that no
    // index names, and says what to bring back.
    let (meta, aside) = (city.world.path("data/bucket/meta"), city.world.path("data/meta"));
    std::fs::rename(&meta, &aside).unwrap();
    let plan = city.plan("2027-03-01T14:00:00Z");
    assert_eq!((jobs(&plan, "due"), jobs(&plan, "stopped")), (vec![], expected.map(str::to_owned).to_vec()));
    let output = city.at("2027-03-02T14:00:00Z").args(["schedule", "--once"]).output().unwrap();
    assert_eq!(output.status.code(), Some(42), "{}", text(&output.stdout));
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(said.contains("if the folder 'meta' was lost, bring that back from a backup"), "{said}");
    let _ = std::fs::remove_dir_all(&meta);
    std::fs::rename(&aside, &meta).unwrap();
    city.is_released_once();
    // The log is lost, and nothing else: nothing is released twice.
    std::fs::remove_file(city.world.path("data/private/schedule/log.jsonl")).unwrap();
    city.once("2027-03-02T15:00:00Z");
    city.is_released_once();
}

#[test]
fn a_bucket_whose_folder_is_gone_is_told_and_not_made_anew() {
    let city = City::new(1, "2026-11-20", 1);
    city.once(NOW);
    let bucket = city.world.path("data/bucket");
    std::fs::remove_dir_all(&bucket).unwrap();
    for words in [&["plan"][..], &["status"], &["schedule", "--once"]] {
        let output = city.at(NOW).args(words).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{words:?} {said}");
        assert!(said.contains("data/bucket") && said.contains("is not there"), "{said}");
        assert!(said.contains("make an empty folder"), "{said}");
        assert!(!bucket.exists(), "{words:?}");
    }
    std::fs::create_dir(&bucket).unwrap();
    city.once("2026-11-24T12:30:00Z");
    city.is_released_once();
}

#[test]
fn a_date_that_was_never_released_is_told_as_long_as_its_evidence_is_there() {
    let city = City::new(1, "2026-11-20", 2);
    for now in ["2027-01-15T12:00:00Z", "2029-06-01T12:00:00Z"] {
        let plan = city.plan(now);
        assert_eq!(plan["due"], json!([]), "{now}");
        assert_eq!(jobs(&plan, "stopped"), ["linie-0 2026-11-20 too_old", "linie-0 2026-11-21 too_old"], "{now}");
        assert!(text(&city.once(now).stdout).contains("nothing was due"));
    }
    let command: Vec<String> = serde_json::from_value(city.plan(NOW)["due"][0]["command"].clone()).unwrap();
    assert_eq!(command[0], "fahrtenbuch");
    let later = "2027-01-15T12:00:00Z";
    let command: Vec<String> = serde_json::from_value(city.plan(later)["stopped"][0]["command"].clone()).unwrap();
    let output = city.at(later).args(&command[1..]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(jobs(&city.plan(later), "stopped"), ["linie-0 2026-11-21 too_old"]);
    std::fs::remove_dir_all(city.world.path("data/sample/evidence")).unwrap();
    assert_eq!(city.plan(later)["stopped"], json!([]));
}

#[test]
fn notes_of_a_collector_are_no_evidence_of_the_running_date() {
    let city = City::new(1, "2026-11-20", 1);
    city.once(NOW);
    city.world.replace("pipelines/linie-0.yaml", "run: \"06:30\"", "every: 5 min");
    let store = Store::new(city.world.path("data/sample/evidence"));
    let note = |at: &str| {
        let content = NewContent::Note(Note::Started { reason: Lifecycle::Program });
        let (at, url) = (at.parse::<Timestamp>().unwrap(), "https://linie-0.example".into());
        let record = NewRecord { at, url, beat: None, feed_time: None, unreadable: None, payload: None, content };
        let written = store.write("linie-0", &record, None).unwrap();
        store.finish(written).unwrap();
    };
    note("2026-11-24T09:00:00Z");
    note("2026-11-24T10:30:00Z");
    let now = "2026-11-24T12:30:00Z";
    let plan = city.plan(now);
    let of_today = |list: &str| jobs(&plan, list).into_iter().filter(|job| job.contains("2026-11-24")).count();
    assert_eq!((of_today("due"), of_today("next"), of_today("stopped")), (0, 0, 0), "{plan}");
    let said = text(&city.once(now).stdout);
    assert!(said.contains("nothing was due"), "{said}");
    // One hour has a capture beside the notes.
    city.capture("linie-0", "2026-11-24".parse().unwrap(), 12);
    assert_eq!(jobs(&city.plan(now), "due"), ["linie-0 2026-11-24 provisional"]);
}

#[test]
fn a_pipeline_that_comes_after_nothing_is_told_and_not_run() {
    let file = |number: usize| format!("pipelines/linie-{number}.yaml");
    for (after, said) in [
        (["linie-1", "linie-0"], "leads back to"),
        (["linie-9", "linie-0"], "'after' names 'linie-9', and there is no such pipeline"),
    ] {
        let city = City::new(2, "2026-11-20", 1);
        for (number, name) in after.iter().enumerate() {
            city.world.replace(&file(number), "run: \"06:30\"", &format!("after: {name}"));
        }
        for words in [&["plan"][..], &["status"], &["schedule", "--once"]] {
            let output = city.at(NOW).args(words).output().unwrap();
            let errors = text(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{words:?} {errors}");
            let place =
                errors.lines().find(|line| line.contains(said)).unwrap_or_else(|| panic!("{words:?}: {errors}"));
            assert!(place.contains("linie-0.yaml:"), "{place}");
        }
        let plan = city.plan(NOW);
        assert_eq!((&plan["due"], &plan["next"]), (&json!([]), &json!([])));
        assert_eq!(jobs(&plan, "stopped"), ["linie-0 2026-11-20 schedule", "linie-1 2026-11-20 schedule"]);
        // Mended, it is run.
        city.world.replace(&file(0), &format!("after: {}", after[0]), "run: \"06:30\"");
        city.once(NOW);
        city.is_released_once();
    }
}

#[test]
fn a_rare_time_of_the_schedule_is_not_too_late_for_its_dates() {
    let city = City::new(1, "2026-11-02", 2);
    city.world.replace("pipelines/linie-0.yaml", "run: \"06:30\"", "run: \"0 4 1 * *\"\n  catch_up: 7 days");
    let before = city.plan("2026-11-24T12:00:00Z");
    assert_eq!(jobs(&before, "next"), ["linie-0 2026-11-02 over", "linie-0 2026-11-03 over"], "{before}");
    city.once("2026-12-01T03:00:01Z");
    city.is_released_once();
}

#[test]
fn new_evidence_and_edited_settings_are_told_apart() {
    let city = City::new(1, "2026-11-20", 1);
    let pipeline = "pipelines/linie-0.yaml";
    city.world.replace(pipeline, "format: mapped", "format: mapped\nminimum_readable: 101");
    let output = city.at(NOW).args(["schedule", "--once"]).output().unwrap();
    assert!(!output.status.success());
    city.world.replace(pipeline, "minimum_readable: 101", "minimum_readable: 10");
    let plan = city.plan("2026-11-24T12:30:00Z");
    assert_eq!(jobs(&plan, "due"), ["linie-0 2026-11-20 mended"]);
    let said = plan["due"][0]["said"].as_str().unwrap();
    assert_eq!(said, "the newest try published nothing, and since then the configuration changed");
}
