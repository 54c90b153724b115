//! A run that would publish next to nothing of a table, a route or a column is held back.

use serde_json::Value;

use crate::broken_feeds::changed;
use crate::world::World;

/// Runs a pipeline; its exit code and the result.
fn run(world: &World, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = world.program(&[&["run", "--json"], arguments].concat());
    let results: Vec<Value> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), results[0].clone())
}

/// The rules that block a run.
fn blocked_by(result: &Value) -> Vec<String> {
    let findings = result["record"]["findings"].as_array().unwrap();
    let blocking = findings.iter().filter(|finding| finding["on_fail"] == "block" && finding["result"] == "failed");
    blocking.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
}

/// Changes the lines of a text file of the sample timetable, but the header: of each the place and the text.
fn each_line(world: &World, name: &str, change: impl Fn(usize, &str) -> String) {
    changed(world, name, |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        let lines = text.lines().enumerate();
        let lines = lines.map(|(place, line)| if place == 0 { line.to_owned() } else { change(place, line) });
        Some((lines.collect::<Vec<_>>().join("\n") + "\n").into_bytes())
    });
}

#[test]
fn a_comma_at_the_end_of_every_line_of_stop_times_holds_the_run_back() {
    let world = World::new();
    each_line(&world, "stop_times.txt", |_, line| format!("{line},"));
    let (code, result) = run(&world, &["stadtbus-fahrplan"]);
    assert_eq!((code, &result["status"]), (Some(3), &Value::from("held_back")));
    let rules = blocked_by(&result);
    assert!(rules.contains(&"stop_times.rows_lost".to_owned()), "{rules:?}");
    assert!(rules.contains(&"stop_times.route_lost".to_owned()), "{rules:?}");
    assert!(!world.path("data/bucket/data").exists());
}

#[test]
fn a_file_that_every_feed_must_have_and_that_has_only_a_header_holds_the_run_back() {
    let world = World::new();
    changed(&world, "stop_times.txt", |bytes| Some(bytes.split_inclusive(|byte| *byte == b'\n').next()?.to_vec()));
    let (code, result) = run(&world, &["stadtbus-fahrplan"]);
    assert_eq!(code, Some(3));
    assert!(blocked_by(&result).contains(&"stop_times.rows_lost".to_owned()), "{:?}", blocked_by(&result));
}

#[test]
fn half_of_the_rows_may_be_held_back_and_51_percent_may_not_unless_the_contract_says_so() {
    // 1,199 trips, of which a share has a direction that is no number and is required here.
    let torn = |world: &World, percent: usize| {
        each_line(
            world,
            "trips.txt",
            |place, line| {
                if place % 100 < percent { format!("{line},torn") } else { line.to_owned() }
            },
        );
    };
    let (half, more) = (World::new(), World::new());
    torn(&half, 49);
    let (_, result) = run(&half, &["stadtbus-fahrplan"]);
    assert!(!blocked_by(&result).contains(&"trips.rows_lost".to_owned()), "{:?}", blocked_by(&result));
    torn(&more, 51);
    let (code, result) = run(&more, &["stadtbus-fahrplan"]);
    assert_eq!(code, Some(3));
    assert!(blocked_by(&result).contains(&"trips.rows_lost".to_owned()), "{:?}", blocked_by(&result));
    let contract = "schemas/gtfs/trips.odcs.yaml";
    more.replace_first(
        contract,
        "      - {property: gtfsFile,",
        "      - {property: maxRowsLost, value: 60}\n      - {property: gtfsFile,",
    );
    let (_, result) = run(&more, &["stadtbus-fahrplan"]);
    assert!(!blocked_by(&result).contains(&"trips.rows_lost".to_owned()), "{:?}", blocked_by(&result));
}

#[test]
fn a_route_that_loses_all_of_its_stop_times_holds_the_run_back_and_says_which() {
    let world = World::new();
    each_line(
        &world,
        "stop_times.txt",
        |_, line| {
            if line.starts_with("S8-") { format!("{line},") } else { line.to_owned() }
        },
    );
    let (code, result) = run(&world, &["stadtbus-fahrplan"]);
    assert_eq!(code, Some(3));
    // The line of the schools has a service of its own.
    assert_eq!(blocked_by(&result), ["stop_times.route_lost", "stop_times.service_lost"]);
    let findings = result["record"]["findings"].as_array().unwrap();
    let lost = findings.iter().find(|finding| finding["rule"] == "stop_times.route_lost").unwrap();
    assert!(lost["message"].as_str().unwrap().contains("all of S8 are"), "{lost}");
}

#[test]
fn a_service_area_that_nulls_every_position_holds_the_run_back_whether_it_is_wrong_or_swapped() {
    for area in ["[7.6, 48.2, 8.3, 48.75]", "[52.3, 13.0, 52.7, 13.8]"] {
        let world = World::new();
        world.replace("fahrtenbuch.yaml", "[48.2, 7.6, 48.75, 8.3]", area);
        let (code, result) = run(&world, &["stadtbus-telemetrie"]);
        assert_eq!((code, &result["status"]), (Some(3), &Value::from("held_back")), "{area}");
        let rules = blocked_by(&result);
        assert!(rules.contains(&"vehicle_locations.latitude.values_lost".to_owned()), "{area}: {rules:?}");
    }
}
