//! Mistakes in contracts, tests of rules and pipelines: each is told once, with its file, its line and its remedy.

mod list;

use self::list::{LOCATIONS, MISTAKES, Mistake, STOPS, TELEMETRY, TEST};
use crate::world::World;

/// What `check` tells of a workspace, line by line, without the folder of the workspace.
fn told(world: &World) -> Vec<String> {
    let output = world.program(&["check"]);
    let folder = format!("{}/", world.path("").to_string_lossy().trim_end_matches('/'));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    text.lines().map(|line| line.replace(&folder, "")).collect()
}

/// The line, from 1, of the first place of a text in a file.
fn line_of(world: &World, file: &str, text: &str) -> usize {
    let whole = std::fs::read_to_string(world.path(file)).unwrap();
    let place = whole.find(text).unwrap_or_else(|| panic!("{file} has no '{text}'"));
    whole[..place].matches('\n').count() + 1
}

/// What is told of a mistake, if that is not what is expected.
fn wrongly_told(Mistake(file, from, to, at, expected): &Mistake) -> Option<String> {
    let world = World::new();
    world.replace_first(file, from, to);
    let place = format!("{file}:{}: ", line_of(&world, file, at));
    let told = told(&world);
    let fits = told[0].starts_with(&place) && told[0].contains(expected);
    let is_alone = told[1..] == ["1 mistake in the workspace"];
    let told = told.join("\n       ");
    (!fits || !is_alone).then(|| format!("{from:?} -> {to:?}\n  expected {place}... {expected}\n  told {told}"))
}

#[test]
fn each_mistake_is_told_once_with_its_file_line_and_remedy() {
    // A check takes about a second without optimisation, nearly all of it for reading contracts and building their rules.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let part =
            |mistakes: &'static [Mistake]| scope.spawn(move || mistakes.iter().filter_map(wrongly_told).collect());
        let parts: Vec<_> = MISTAKES.chunks(MISTAKES.len().div_ceil(threads)).map(part).collect();
        parts.into_iter().flat_map(|part| -> Vec<String> { part.join().unwrap() }).collect()
    });
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), MISTAKES.len(), wrong.join("\n"));
    assert!(MISTAKES.len() >= 65);
}

#[test]
fn a_cycle_of_foreign_keys_is_told_at_each_of_its_keys_and_nowhere_else() {
    let world = World::new();
    let column = "      - name: zone_id\n        logicalType: string\n";
    world.replace(STOPS, column, &format!("{column}        relationships: [{{to: stop_times.stop_id}}]\n"));
    let stop_times = "schemas/gtfs/stop_times.odcs.yaml";
    let lines = [line_of(&world, stop_times, "to: stops.stop_id}"), line_of(&world, STOPS, "{to: stop_times")];
    let remedy = "Remove one of the references of the cycle.";
    let expected = [
        format!(
            "{stop_times}:{}: this foreign key is part of a cycle: stop_times -> stops -> stop_times. {remedy}",
            lines[0]
        ),
        format!("{STOPS}:{}: this foreign key is part of a cycle: stops -> stop_times -> stops. {remedy}", lines[1]),
        "2 mistakes in the workspace".to_owned(),
    ];
    assert_eq!(told(&world), expected);
}

#[test]
fn a_rule_without_a_test_or_with_half_of_one_is_a_mistake() {
    let world = World::new();
    let line = line_of(&world, LOCATIONS, "- name: speed_possible");
    let remedy = "Write a case that passes and one that fails into 'tests/vehicle_locations.speed_possible.yaml' beside the \
                  contract.";
    world.replace(TEST, "named: [2]", "named: []");
    let failing = "no test shows the rule 'vehicle_locations.speed_possible' failing";
    assert_eq!(told(&world)[0], format!("{LOCATIONS}:{line}: {failing}. {remedy}"));
    std::fs::remove_file(world.path(TEST)).unwrap();
    let none = "the rule 'vehicle_locations.speed_possible' has no test";
    assert_eq!(told(&world)[0], format!("{LOCATIONS}:{line}: {none}. {remedy}"));
}

#[test]
fn mistakes_of_many_files_are_told_at_once_and_are_json_for_machines() {
    let world = World::new();
    world.replace(LOCATIONS, "WHERE speed > 35", "WHERE spede > 35");
    world.replace(STOPS, "NOT in_service_area(stop_lat, stop_lon)", "NOT in_service_area(stop_lat, stop_lng)");
    world.replace(TELEMETRY, "occupancy_source: apc", "occupancy_source: acp");
    let output = world.program(&["check", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let files: Vec<&str> =
        told["mistakes"].as_array().unwrap().iter().map(|mistake| mistake["file"].as_str().unwrap()).collect();
    assert_eq!(files.len(), 3, "{told:#}");
    for mistake in told["mistakes"].as_array().unwrap() {
        assert!(mistake["line"].as_u64().unwrap() > 0 && mistake["remedy"].as_str().unwrap().len() > 10, "{mistake}");
    }
}

#[test]
fn a_port_from_a_variable_that_is_no_number_is_told_as_a_port() {
    let world = World::new();
    let pipeline = "pipelines/stadtbus-fahrplan.yaml";
    // The clock of the tests: a variable that is always there and is no number.
    let text = std::fs::read_to_string(world.path(pipeline)).unwrap();
    let path = text.lines().find(|line| line.trim_start().starts_with("path:")).unwrap().to_owned();
    let indent = &path[..path.len() - path.trim_start().len()];
    world.replace(pipeline, "type: file", "type: http");
    world.replace(pipeline, &path, &format!("{indent}url: 'https://example.com:${{FAHRTENBUCH_NOW}}/gtfs.zip'"));
    let check = world.program(&["check"]);
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    assert_eq!(check.status.code(), Some(2), "{said}");
    assert!(said.contains("the port in the address of the source is no number of a port"), "{said}");
    assert!(!said.contains("is not one of https"), "{said}");
}
