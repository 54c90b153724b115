//! A clock that is behind what was written down, and one that was ahead once.

use std::process::Output;

use serde_json::{Value, json};

use crate::schedule::City;
use crate::world::files;

const NOW: &str = "2026-11-24T12:00:00Z";
const BEHIND: &str = "2026-06-01T12:00:00Z";

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn at(city: &City, now: &str, arguments: &[&str]) -> Output {
    city.at(now).args(arguments).output().unwrap()
}

#[test]
fn nothing_is_run_by_a_clock_that_is_behind_and_each_command_says_why() {
    let city = City::new(1, "2026-05-20", 2);
    city.capture("linie-0", "2026-11-21".parse().unwrap(), 12);
    city.once(NOW);
    let bucket = files(&city.world.path("data/bucket"));
    let log = std::fs::read(city.world.path("data/private/schedule/log.jsonl")).unwrap();
    for (arguments, code) in [
        (&["schedule", "--once"][..], 1),
        (&["plan"], 0),
        (&["status"], 0),
        (&["run", "linie-0", "--from", "2026-05-20", "--to", "2026-05-20", "--attempt"], 1),
    ] {
        let output = at(&city, BEHIND, arguments);
        let said = told(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        match arguments[0] {
            "status" => assert!(said.contains("The clock of this machine is behind: it shows 1 June 2026"), "{said}"),
            _ => {
                assert!(said.contains("this machine's clock shows 2026-06-01T12:00:"), "{said}");
                assert!(said.contains("of 2026-11-24T12:0") && said.contains("--clock-is-right"), "{said}");
            }
        }
    }
    assert_eq!(files(&city.world.path("data/bucket")), bucket);
    let after = std::fs::read(city.world.path("data/private/schedule/log.jsonl")).unwrap();
    assert!(!String::from_utf8_lossy(&after[log.len()..]).contains("begun"), "an attempt was begun");
    let plan = city.plan(BEHIND);
    assert_eq!(plan["due"], json!([]), "{plan}");
    assert!(plan["clock"]["newest"].as_str().unwrap().starts_with("2026-11-24T12:0"), "{plan}");
    let status: Value = serde_json::from_slice(&at(&city, BEHIND, &["status", "--json"]).stdout).unwrap();
    assert_eq!(status["needs"][0]["kind"], "clock_behind");
    // Without the log the bucket knows.
    std::fs::remove_file(city.world.path("data/private/schedule/log.jsonl")).unwrap();
    let said = told(&at(&city, BEHIND, &["schedule", "--once"]));
    assert!(said.contains("the bucket has a release of 'linie-0' of 2026-11-24T12:0"), "{said}");
    // Whoever runs a date by hand has asked for it.
    std::fs::write(city.world.path("data/private/schedule/log.jsonl"), log).unwrap();
    let output = at(&city, BEHIND, &["run", "linie-0", "--date", "2026-05-20"]);
    assert!(output.status.success() && told(&output).contains("warning: this machine's clock"), "{}", told(&output));
    // The clock is set: all goes on by itself. Half an hour is no matter.
    city.once("2026-11-24T11:30:00Z");
    assert_eq!(city.plan("2026-11-24T13:00:00Z")["clock"], Value::Null);
}

#[test]
fn a_clock_that_was_ahead_once_keeps_nothing_back_once_somebody_said_so() {
    let city = City::new(1, "2026-11-20", 2);
    // It was a month ahead when these were released.
    city.once("2026-12-19T12:00:00Z");
    city.is_released_once();
    city.capture("linie-0", "2026-11-23".parse().unwrap(), 12);
    let output = at(&city, NOW, &["schedule", "--once"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let output = at(&city, NOW, &["schedule", "--clock-is-right"]);
    assert!(output.status.success() && told(&output).contains("times up to 2026-12-19T12:0"), "{}", told(&output));
    let due: Vec<String> =
        city.plan(NOW)["due"].as_array().unwrap().iter().map(|job| job["date"].to_string()).collect();
    assert!(due.contains(&"\"2026-11-23\"".to_owned()), "{due:?}");
    // The release that is made now is later than those of the wrong time, and the clock stays right.
    city.once(NOW);
    city.capture("linie-0", "2026-11-24".parse().unwrap(), 12);
    city.once("2026-11-25T12:00:00Z");
    let released = files(&city.world.path("data/bucket/data"));
    assert!(released.keys().any(|name| name.contains("partition_date=2026-11-24")), "{:?}", released.keys());
    let said = told(&at(&city, "2026-11-25T12:00:00Z", &["schedule", "--clock-is-right"]));
    assert!(said.contains("neither the log nor the bucket has a later time"), "{said}");
    // Later the same clock falls behind.
    let output = at(&city, BEHIND, &["schedule", "--once"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
}
