//! What was destroyed stays destroyed, records say what went and what stays, and a mistake in a rule stops none of it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::purge::{CONTRACT, DATES, DUE, EVIDENCE, PIPELINE, POSITIONS, collected, hours, purge, purged, told};
use crate::world::{World, files};

const BY: [&str; 4] = ["--by", "Datenmanagement", "--reason", "The contract ended"];

/// Writes one capture of a source as a file for an import, under a time of its own.
fn bring(world: &World, folder: &str, name: &str) {
    let listed = world.program(&["evidence", "list", POSITIONS, "--date", DATES[2], "--json"]);
    let rows: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
    let file = world.path(folder).join(POSITIONS).join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let show = ["evidence", "show", POSITIONS, rows[0]["first"].as_str().unwrap(), "--output", file.to_str().unwrap()];
    let output = world.program(&show);
    assert!(output.status.success(), "{}", told(&output));
}

fn import(world: &World, folder: &str) -> (Option<i32>, String) {
    let folder = world.path(folder).to_string_lossy().into_owned();
    let output = world.program(&["evidence", "import", PIPELINE, &folder, "--by", "Datenmanagement", "--trust-times"]);
    (output.status.code(), told(&output))
}

#[test]
fn an_import_brings_nothing_back_that_no_kept_date_reads() {
    let mut world = collected(&DATES[..3], "3600");
    for (folder, name) in [
        ("before", "20261110T090007Z.pb"),
        ("first", "20261117T090007Z.pb"),
        ("second", "20261118T090007Z.pb"),
        ("third", "20261119T100007Z.pb"),
        ("fourth", "20261120T090007Z.pb"),
    ] {
        bring(&world, folder, name);
    }
    // 2026-11-18 is destroyed by a decision: what the 19th reads may come, whatever is before it may not.
    purge(&world, &[&["--before", DATES[2]][..], &BY].concat());
    for folder in ["before", "first"] {
        let before = files(&world.path(EVIDENCE));
        let (code, text) = import(&world, folder);
        assert!(code == Some(2) && text.contains("nothing was imported"), "{folder}: {text}");
        assert!(files(&world.path(EVIDENCE)) == before, "{folder}");
    }
    let (code, text) = import(&world, "second");
    assert!(code == Some(0) && text.contains("2026-11-18 was destroyed"), "{text}");
    // A day later the 19th is past retention, though no purge has destroyed it yet: nothing reads the 18th any more.
    world.set_clock("2027-12-20T12:00:00Z");
    for folder in ["second", "first"] {
        let (code, text) = import(&world, folder);
        assert!(code == Some(2) && text.contains("nothing was imported"), "{folder}: {text}");
    }
    // The evening of the 19th is read by the 20th.
    let (code, text) = import(&world, "third");
    assert!(code == Some(0) && text.contains("counts for the next date only"), "{text}");
    let (code, text) = import(&world, "fourth");
    assert!(code == Some(0) && !text.contains("warning: 2026"), "{text}");
}

/// The captures of all sources of the pipeline on the disk, each counted once.
fn captures(world: &World) -> u64 {
    let output = world.program(&["evidence", "list", PIPELINE, "--json"]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    rows.iter().map(|row| row["captures"].as_u64().unwrap()).sum()
}

fn number_before(text: &str, words: &str) -> u64 {
    let before = text.split(words).next().unwrap();
    before.rsplit(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap_or(0)
}

#[test]
fn a_purge_counts_what_it_destroys_and_says_what_waits() {
    let mut world = collected(&DATES, "3600");
    world.set_clock(DUE);
    let before = captures(&world);
    let archives = files(&world.path(EVIDENCE));
    let would = purge(&world, &["--dry-run"]);
    let done = purge(&world, &[]);
    let left = captures(&world);
    let line = done.split(&format!("  {PIPELINE}: ")).nth(1).unwrap();
    let (destroyed, waiting) =
        (number_before(line, " captures, "), number_before(line, " captures wait for the next date"));
    assert!(left > 0 && destroyed > 0 && before - left == destroyed, "{before} {left}: {done}");
    assert!(would.contains(&format!("({destroyed} captures, ")), "{would}");
    assert!(waiting > 0 && waiting <= left, "{done}");
    let records = crate::purge::records(&world);
    let record = &records[&(PIPELINE.to_owned(), DATES[1].to_owned())];
    assert_eq!(record["quarantined"], 0, "{record}");
    let of = |field: &str| -> u64 {
        record["evidence"].as_array().unwrap().iter().map(|entry| entry[field].as_u64().unwrap_or(0)).sum()
    };
    assert!(of("waiting") == waiting && of("captures") > 0 && of("captures") <= destroyed, "{record:#}");
    for entry in record["evidence"].as_array().unwrap() {
        assert!(entry["last"].as_str().unwrap() < "2026-11-17T23:00:00Z", "{entry}");
    }

    // A backup brings an hour back: what destroys it again says so, beside the record that there is.
    let lines = purged(&world).len();
    let name = archives.keys().find(|name| name.contains(&format!("{POSITIONS}-20261117T09."))).unwrap();
    let path = world.path(EVIDENCE).join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, &archives[name]).unwrap();
    let again = purge(&world, &[]);
    assert!(again.contains(&format!("{PIPELINE}: 2026-11-17 (")) && !path.exists(), "{again}");
    let register = purged(&world);
    assert_eq!(register.len(), lines + 1);
    let record = world.path("data/bucket").join(register.last().unwrap()["record"].as_str().unwrap());
    let record: Value = serde_json::from_slice(&std::fs::read(record).unwrap()).unwrap();
    assert_eq!((&record["date"], &record["evidence"][0]["source"]), (&DATES[0].into(), &POSITIONS.into()), "{record}");
    assert!(record["evidence"][0]["captures"].as_u64().unwrap() > 0, "{record}");
    assert!(purge(&world, &[]).contains("nothing is due"));
}

#[test]
fn a_mistake_in_a_rule_or_a_variable_that_is_not_set_stops_no_command_about_evidence() {
    let mut world = collected(&DATES[..3], "3600");
    world.set_clock(DUE);
    let pipeline = format!("pipelines/{PIPELINE}.yaml");
    let (text, contract, root) = {
        let read = |path: &str| std::fs::read_to_string(world.path(path)).unwrap();
        (read(&pipeline), read(CONTRACT), read("fahrtenbuch.yaml"))
    };
    let unset = text.replace("http://127.0.0.1:9/feed", "http://${FAHRTENBUCH_TEST_NOT_SET}/feed");
    let untitled = root.lines().filter(|line| !line.starts_with("title:")).collect::<Vec<_>>().join("\n");
    assert!(unset != text && untitled.len() < root.len());
    let export = world.path("export").to_string_lossy().into_owned();
    let commands: [&[&str]; 9] = [
        &["list"],
        &["list", POSITIONS, "--date", DATES[2]],
        &["show", POSITIONS, "2026-11-19T09:00:00Z"],
        &["gaps", "--from", DATES[1], "--until", DATES[2]],
        &["gaps", PIPELINE, "--from", DATES[1], "--until", DATES[2], "--json"],
        &["verify"],
        &["export", POSITIONS, "--from", DATES[2], "--output", &export],
        &["purge", "--dry-run"],
        &["seal"],
    ];
    let sound: Vec<Vec<u8>> = commands[..8]
        .iter()
        .map(|command| {
            let output = world.program(&[&["evidence"], *command].concat());
            assert!(output.status.success(), "{command:?}: {}", told(&output));
            let _ = std::fs::remove_file(&export);
            output.stdout
        })
        .collect();
    for (path, broken, warned) in [
        (CONTRACT, contract.clone() + "\n  nothing: [of, this\n", ""),
        (pipeline.as_str(), unset, "warning: "),
        (pipeline.as_str(), text.clone() + "\nmappingz: {}\n", ""),
        ("fahrtenbuch.yaml", untitled, "'title' is missing"),
    ] {
        let was = std::fs::read_to_string(world.path(path)).unwrap();
        world.write(path, &broken);
        assert_eq!(world.program(&["run", PIPELINE, "--date", DATES[2]]).status.code(), Some(2), "{path}");
        for (command, sound) in commands.iter().zip(&sound) {
            let output = world.program(&[&["evidence"], *command].concat());
            assert_eq!(output.status.code(), Some(0), "{path} {command:?}: {}", told(&output));
            assert!(told(&output).contains(warned), "{path} {command:?}: {}", told(&output));
            assert_eq!(String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(sound), "{path} {command:?}");
            let _ = std::fs::remove_file(&export);
        }
        world.write(path, &was);
    }
    // What decides what is destroyed must be right, or else nothing is.
    let evidence = files(&world.path(EVIDENCE));
    for (path, broken, told_of) in [
        ("fahrtenbuch.yaml", root.clone() + "\nretentoin:\n  evidence: 36 months\n", "'retentoin' is not known here"),
        (pipeline.as_str(), text.replace(&format!("name: {POSITIONS}"), "name: ../other"), "is no name"),
        (pipeline.as_str(), text.replace("type: http", "type: htp"), "'htp' is no type of source"),
        (pipeline.as_str(), text.replace("format: ", "formt: "), "'format' is missing"),
        (pipeline.as_str(), text.clone() + "\nsources: [", ""),
    ] {
        let was = std::fs::read_to_string(world.path(path)).unwrap();
        assert!(was != broken, "{told_of}");
        world.write(path, &broken);
        let output = world.program(&["evidence", "purge"]);
        assert!(output.status.code() == Some(2), "{told_of}: {}", told(&output));
        assert!(told_of == "is no name" || told(&output).contains(told_of), "{told_of}: {}", told(&output));
        assert!(files(&world.path(EVIDENCE)) == evidence && purged(&world).is_empty(), "{told_of}");
        assert_eq!(world.program(&["evidence", "verify"]).status.code(), Some(0), "{told_of}");
        world.write(path, &was);
    }
    world.write(CONTRACT, &(contract + "\n  nothing: [of, this\n"));
    world.write(&pipeline, &text.replace("http://127.0.0.1:9/feed", "http://${FAHRTENBUCH_TEST_NOT_SET}/feed"));
    let output = world.program(&["evidence", "seal"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let done = purge(&world, &[]);
    assert!(done.contains(&format!("{PIPELINE}: 2026-11-17 to 2026-11-18 (")), "{done}");
    assert!(hours(&world, POSITIONS).iter().all(|hour| hour.as_str() >= "20261117T23"));
}

#[test]
fn what_is_in_the_store_and_in_no_pipeline_is_listed_and_marked() {
    let world = collected(&DATES[..1], "3600");
    let pipeline = format!("pipelines/{PIPELINE}.yaml");
    let output = world.program(&["evidence", "list", "--json"]);
    let sources = |output: &[u8]| -> BTreeSet<(String, bool)> {
        let rows: Vec<Value> = serde_json::from_slice(output).unwrap();
        let of = |row: &Value| (row["source"].as_str().unwrap().to_owned(), row["in_no_pipeline"].as_bool().unwrap());
        rows.iter().map(of).collect()
    };
    assert!(sources(&output.stdout).contains(&(POSITIONS.to_owned(), false)), "{}", told(&output));
    let text = std::fs::read_to_string(world.path(&pipeline)).unwrap();
    world.write(&pipeline, &text.replace(&format!("name: {POSITIONS}\n"), "name: another\n"));
    let output = world.program(&["evidence", "list", "--json"]);
    assert!(sources(&output.stdout).contains(&(POSITIONS.to_owned(), true)), "{}", told(&output));
    for arguments in [&["evidence", "list"][..], &["evidence", "list", POSITIONS]] {
        let output = world.program(arguments);
        let line = told(&output).lines().find(|line| line.contains(POSITIONS)).map(str::to_owned);
        assert!(line.is_some_and(|line| line.contains("in no pipeline")), "{}", told(&output));
    }
    // One that is asked for by the name of a pipeline has those of it alone.
    let output = world.program(&["evidence", "list", PIPELINE, "--json"]);
    assert!(!sources(&output.stdout).iter().any(|(source, _)| source == POSITIONS), "{}", told(&output));
}
