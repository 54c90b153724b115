//! The command line: exit codes, mistakes with their lines, help, completions, polling.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::world::World;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn wrong_use_and_wrong_configuration_are_exit_code_2() {
    let world = World::new();
    assert_eq!(world.program(&["run", "--from", "2026-11-24"]).status.code(), Some(2));
    assert_eq!(world.program(&["run", "--date", "neulich"]).status.code(), Some(2));
    let unknown = world.program(&["run", "stadtbus-fahrpan"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("Did you mean 'stadtbus-fahrplan'?"));
    world.replace("pipelines/stadtbus-fahrplan.yaml", "type: file", "type: flie");
    world.replace("schemas/stadtbus/alerts.odcs.yaml", "classification: public", "clasification: public");
    let check = world.program(&["check"]);
    assert_eq!(check.status.code(), Some(2));
    let told = text(&check.stderr);
    assert!(told.contains("stadtbus-fahrplan.yaml:8: 'flie' is no type of source. Did you mean 'file'?"), "{told}");
    assert!(told.contains("alerts.odcs.yaml:") && told.contains("Did you mean 'classification'?"), "{told}");
    assert_eq!(world.program(&["run"]).status.code(), Some(2));
}

#[test]
fn a_date_without_evidence_is_exit_code_42() {
    let output = World::new().program(&["run", "stadtbus-telemetrie", "--date", "2025-01-01"]);
    assert_eq!(output.status.code(), Some(42));
    assert!(text(&output.stderr).contains("there is no evidence of stadtbus-telemetrie for 2025-01-01"));
}

#[test]
fn a_source_that_does_not_answer_is_exit_code_1() {
    let world = World::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let http = format!("type: http\n    url: http://127.0.0.1:{port}/gtfs.zip\n    tries: 1");
    world.replace("pipelines/stadtbus-fahrplan.yaml", "type: file\n    path: data/sample/stadtbus-gtfs.zip", &http);
    let output = world.program(&["run", "stadtbus-fahrplan"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
}

#[test]
fn a_blocking_rule_holds_the_run_back_with_exit_code_3_and_the_record_says_so() {
    let world = World::new();
    world.replace(
        "schemas/stadtbus/vehicle_locations.odcs.yaml",
        "      - name: speed_possible",
        "      - name: no_reports_at_all\n        type: custom\n        engine: fahrtenbuch\n        description: A rule that \
         always fails\n        implementation: SELECT _index FROM vehicle_locations\n        customProperties:\n          - \
         {property: onFail, value: block}\n      - name: speed_possible",
    );
    for _ in 0..2 {
        let output = world.program(&["run", "stadtbus-telemetrie"]);
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains("HELD BACK"));
    }
    assert!(!world.path("data/bucket/data").exists());
    let records = world.records();
    assert_eq!((records.len(), &records[0]["status"]), (1, &Value::from("held_back")));
    assert!(records[0]["tables"][0]["held_back"].as_u64().unwrap() > 0);
}

#[test]
fn several_dates_run_one_after_the_other() {
    let world = World::new();
    let output = world.program(&["run", "stadtbus-telemetrie", "--from", "2026-11-23", "--to", "2026-11-24", "--json"]);
    // There is no evidence of the first.
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let results: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&results[0]["status"], &results[1]["status"]), (&"skipped".into(), &"published".into()));
}

#[test]
fn help_has_examples_and_completions_are_written() {
    let quarantine = ["quarantine", "quarantine list", "quarantine show", "quarantine release", "quarantine discard"];
    for command in ["run", "check", "capture", "init", "simulate", "trace"].into_iter().chain(quarantine) {
        let mut program = Command::new(env!("CARGO_BIN_EXE_fahrtenbuch"));
        let output = program.args(command.split(' ')).arg("--help").output().unwrap();
        assert!(text(&output.stdout).contains("Example"), "{command}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let output = Command::new(env!("CARGO_BIN_EXE_fahrtenbuch")).args(["completions", shell]).output().unwrap();
        assert!(text(&output.stdout).contains("fahrtenbuch"), "{shell}");
    }
}

#[test]
fn a_log_has_no_progress_bars_and_can_be_read_by_machines() {
    let output = World::new().program(&["run", "-v", "--log-format", "json"]);
    assert!(output.status.success());
    for line in text(&output.stderr).lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    assert!(!text(&output.stdout).contains('\u{1b}'));
}

#[test]
fn feeds_are_polled_from_a_flaky_server_and_published() {
    let mut server = Command::new(env!("CARGO_BIN_EXE_fahrtenbuch"))
        .args(["simulate", "--date", "2026-11-24", "--serve", "127.0.0.1:0", "--flaky", "--interval", "1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let world = World::new();
    let http = format!("type: http\n    url: http://{address}/gtfs.zip");
    world.replace("pipelines/stadtbus-fahrplan.yaml", "type: file\n    path: data/sample/stadtbus-gtfs.zip", &http);
    let first = world.program(&["capture", "stadtbus-fahrplan"]);
    let second = world.program(&["capture", "stadtbus-fahrplan"]);
    let run = world.program(&["run", "stadtbus-fahrplan"]);
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(text(&first.stdout), "stadtbus-gtfs: kept\n", "{}", text(&first.stderr));
    assert_eq!(text(&second.stdout), "stadtbus-gtfs: nothing new\n", "{}", text(&second.stderr));
    assert!(run.status.success(), "{}", text(&run.stderr));
    assert!(world.path("data/bucket/meta/stadtbus-fahrplan/stops/files.json").exists());
}

/// Whoever writes a script reads one of three places: all name the same commands.
#[test]
fn exit_code_4_is_told_alike_in_the_help_and_in_the_documents() {
    let root = crate::world::root();
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_fahrtenbuch")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let from = help.find("   4  done").unwrap();
    let of_help = &help[from..from + help[from..].find("  42").unwrap()];
    let quoted = |text: &str, quote: char| -> Vec<String> {
        text.split(quote).skip(1).step_by(2).map(|name| name.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    let expected = quoted(of_help, '\'');
    assert!(expected.len() > 8, "{of_help}");
    for name in ["README.md", "docs/operations.md"] {
        let text = read(name);
        let line = text.lines().find(|line| line.starts_with("| 4 |")).unwrap();
        assert_eq!(quoted(line, '`'), expected, "{name}");
    }
}
