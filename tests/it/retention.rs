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
    assert!(code == Some(0) && text.contains("counts for 2026-11-20 only"), "{text}");
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

/// Copies archives of the store as they are, below a folder for an import.
fn copy_archives(world: &World, folder: &str, is_wanted: impl Fn(&str) -> bool) {
    for (name, bytes) in files(&world.path(EVIDENCE)) {
        if name.contains(".warc") && is_wanted(&name) {
            let path = world.path(folder).join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
}

fn import_of(world: &World, pipeline: &str, folder: &str) -> (Option<i32>, String) {
    let folder = world.path(folder).to_string_lossy().into_owned();
    let output = world.program(&["evidence", "import", pipeline, &folder, "--by", "Datenmanagement"]);
    (output.status.code(), told(&output))
}

#[test]
fn archives_in_the_layout_of_a_store_bring_nothing_back_either() {
    let mut world = collected(&DATES[..3], "3600");
    copy_archives(&world, "all", |name| !name.contains("gtfs"));
    copy_archives(&world, "kept", |name| {
        !name.contains("gtfs") && !name.contains("/2026/11/1") || name.contains("19T")
    });
    world.set_clock(DUE);
    // Also of a store that was never purged.
    for is_purged in [false, true] {
        if is_purged {
            purge(&world, &[]);
        }
        let before = files(&world.path(EVIDENCE));
        let (code, text) = import_of(&world, PIPELINE, "all");
        assert!(code == Some(2) && text.contains("evidence and key of 2026-11-17 were destroyed"), "{text}");
        assert!(files(&world.path(EVIDENCE)) == before);
    }
    let (code, text) = import_of(&world, PIPELINE, "kept");
    assert_eq!(code, Some(0), "{text}");
    // A name that tells a kept date does not help, since the records tell their own.
    let old =
        files(&world.path("all")).into_iter().find(|(name, _)| name.contains(&format!("{POSITIONS}-20261117T09")));
    let name = format!("renamed/{POSITIONS}/2026/11/19/{POSITIONS}-20261119T09.warc.gz");
    std::fs::create_dir_all(world.path(&name).parent().unwrap()).unwrap();
    std::fs::write(world.path(&name), old.unwrap().1).unwrap();
    let (code, text) = import_of(&world, PIPELINE, "renamed");
    assert!(code == Some(2) && text.contains("2026-11-17 were destroyed"), "{text}");
}

#[test]
fn what_a_purge_leaves_an_import_takes_and_the_rest_it_refuses_also_where_the_clock_is_set_back() {
    let dates = ["2026-10-24", "2026-10-25", "2026-10-26", "2026-10-27"];
    let mut world = collected(&dates, "1800");
    copy_archives(&world, "all", |name| name.contains(POSITIONS));
    let retention = "\nretention:\n  evidence: 3 days\n";
    let text = std::fs::read_to_string(world.path("fahrtenbuch.yaml")).unwrap();
    world.write("fahrtenbuch.yaml", &(text + retention));
    // The 27th is the first that is kept; it reads from midnight of the 26th, which is 23:00 UTC of the 25th.
    world.set_clock("2026-10-30T12:00:00Z");
    purge(&world, &[]);
    let left = hours(&world, POSITIONS);
    assert_eq!(left.first().map(String::as_str), Some("20261025T23"));
    for hour in files(&world.path("all")).into_keys() {
        let name = hour.split_once(".warc").unwrap().0;
        let of = name[name.len() - 11..].to_owned();
        if !("20261025T18".."20261026T06").contains(&of.as_str()) {
            continue;
        }
        let folder = format!("one-{of}");
        copy_archives(&world, &folder, |_| false);
        let path = world.path(&folder).join(&hour);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(world.path("all").join(&hour), path).unwrap();
        let (code, text) = import_of(&world, PIPELINE, &folder);
        // All that is left is there already.
        let expected = if left.contains(&of) { Some(0) } else { Some(2) };
        assert_eq!(code, expected, "{of}: {text}");
    }
}

#[test]
fn of_timetables_that_are_over_an_import_takes_the_one_that_is_in_force_alone() {
    let mut world = collected(&DATES[..1], "3600");
    copy_archives(&world, "brought", |name| name.contains("stadtbus-gtfs"));
    std::fs::remove_dir_all(world.path(EVIDENCE).join("stadtbus-gtfs")).unwrap();
    world.set_clock("2028-01-10T12:00:00Z");
    let (code, text) = import_of(&world, "stadtbus-fahrplan", "brought");
    assert!(code == Some(0) && text.contains("it is in force on 2026-12-10"), "{text}");
    // An older one is not.
    let zip = world.path("data/sample/stadtbus-gtfs.zip");
    for name in ["older/20260901T100000Z.zip", "newer/20261101T100000Z.zip"] {
        std::fs::create_dir_all(world.path(name).parent().unwrap()).unwrap();
        std::fs::copy(&zip, world.path(name)).unwrap();
    }
    let (code, text) = import_of(&world, "stadtbus-fahrplan", "older");
    assert!(code == Some(2) && text.contains("2026-09-01"), "{text}");
    let (code, text) = import_of(&world, "stadtbus-fahrplan", "newer");
    assert!(code == Some(0) && text.contains("2026-11-01 was destroyed or is older"), "{text}");
    let (code, text) = import_of(&world, "stadtbus-fahrplan", "brought");
    assert!(code == Some(2) && text.contains("2026-10-01"), "{text}");
}

#[test]
fn a_clock_that_is_far_ahead_destroys_nothing() {
    let mut world = collected(&DATES, "3600");
    world.set_clock("2099-01-01T00:00:00Z");
    let before = files(&world.path(EVIDENCE));
    for arguments in [&["evidence", "purge"][..], &["evidence", "purge", "--dry-run"]] {
        let output = world.program(arguments);
        let text = told(&output);
        assert!(output.status.code() == Some(2) && text.contains("Is this machine's clock"), "{text}");
        assert!(files(&world.path(EVIDENCE)) == before && purged(&world).is_empty());
    }
    // Who says what is to go is believed.
    let done = purge(&world, &[&["--before", DATES[1]][..], &BY].concat());
    assert!(done.contains("2026-11-17 ("), "{done}");
    // One date more a day is no reason to ask, and the last one is.
    for (now, code) in [("2027-12-19T12:00:00Z", 0), ("2027-12-20T12:00:00Z", 0), ("2028-03-20T12:00:00Z", 2)] {
        world.set_clock(now);
        let output = world.program(&["evidence", "purge"]);
        assert_eq!(output.status.code(), Some(code), "{now}: {}", told(&output));
    }
}

#[test]
fn a_run_of_several_dates_says_when_and_why_some_were_destroyed() {
    let mut world = collected(&DATES, "3600");
    world.set_clock(DUE);
    purge(&world, &[]);
    let output = world.program(&["run", PIPELINE, "--from", "2026-11-16", "--to", DATES[2]]);
    let text = told(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("of 4 dates were destroyed on 2027-12-19 by 'retention.evidence: 13 months'")
            && !text.contains("3 of 4 dates have no evidence"),
        "{text}"
    );
}

#[test]
fn what_is_no_archive_stops_no_command_and_is_told_by_name() {
    let mut world = collected(&DATES[..3], "3600");
    let folder = world.path(EVIDENCE).join(POSITIONS).join("2026/11");
    let archive = |day: &str, hour: &str| folder.join(format!("{day}/{POSITIONS}-202611{day}T{hour}.warc.gz"));
    let outside = world.path("outside");
    std::fs::create_dir_all(&outside).unwrap();
    // A folder, a pipe, a link and a file without a byte in the places of archives, and a date that is a link.
    std::fs::remove_file(archive("17", "08")).unwrap();
    std::fs::create_dir(archive("17", "08")).unwrap();
    std::fs::remove_file(archive("18", "12")).unwrap();
    let pipe = |path: &std::path::Path| {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    pipe(&archive("18", "12"));
    std::fs::rename(archive("17", "09"), outside.join("t09")).unwrap();
    std::os::unix::fs::symlink(outside.join("t09"), archive("17", "09")).unwrap();
    std::fs::write(archive("17", "10"), "").unwrap();
    let alerts = world.path(&format!("{EVIDENCE}/stadtbus-alerts/2026/11/17"));
    std::fs::rename(&alerts, outside.join("alerts")).unwrap();
    std::os::unix::fs::symlink(outside.join("alerts"), &alerts).unwrap();
    let output = world.program(&["evidence", "verify"]);
    let text = told(&output);
    assert_eq!(output.status.code(), Some(4), "{text}");
    for said in [
        "T08.warc.gz is a folder",
        "T12.warc.gz could not be read: it is a pipe",
        "T09.warc.gz is a symbolic link",
        "T10.warc.gz has no byte",
        "stadtbus-alerts/2026/11/17 is a symbolic link",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert_eq!(world.program(&["evidence", "list"]).status.code(), Some(0));
    let output = world.program(&["evidence", "seal"]);
    assert!(output.status.code() == Some(0) && outside.join("t09").exists(), "{}", told(&output));
    let bytes = files(&outside);
    world.set_clock(DUE);
    let output = world.program(&["evidence", "purge"]);
    let text = told(&output);
    assert_eq!(output.status.code(), Some(4), "{text}");
    for left in [
        "T08.warc.gz is a folder and was left",
        "T09.warc.gz is a symbolic link and was left",
        "/17 is a symbolic link and was left",
    ] {
        assert!(text.contains(left), "{left}: {text}");
    }
    assert!(files(&outside) == bytes && std::fs::symlink_metadata(archive("17", "09")).is_ok());
    assert!(!hours(&world, POSITIONS).contains("20261117T11"), "{:?}", hours(&world, POSITIONS));
    // Again nothing is destroyed, and what was left is told.
    let lines = purged(&world).len();
    let output = world.program(&["evidence", "purge"]);
    assert!(output.status.code() == Some(4) && purged(&world).len() == lines, "{}", told(&output));
    // Lists that are no files are refused by name.
    let register = world.path(&format!("{EVIDENCE}/{POSITIONS}/sealed.jsonl"));
    let _ = std::fs::remove_file(&register);
    pipe(&register);
    let output = world.program(&["evidence", "verify"]);
    assert!(!output.status.success() && told(&output).contains("sealed.jsonl"), "{}", told(&output));
    std::fs::remove_file(&register).unwrap();
    let list = world.path("data/private/purged.jsonl");
    std::fs::remove_file(&list).unwrap();
    pipe(&list);
    let output = world.program(&["evidence", "list"]);
    assert!(!output.status.success() && told(&output).contains("it is a pipe"), "{}", told(&output));
}

#[test]
fn a_source_whose_archives_are_all_gone_is_told_as_long_as_something_knows_of_them() {
    let mut world = collected(&DATES[..3], "3600");
    let output = world.program(&["run", PIPELINE, "--date", DATES[0]]);
    assert!(output.status.success(), "{}", told(&output));
    let gtfs = world.path(EVIDENCE).join("stadtbus-gtfs/2026");
    let sealed = world.program(&["evidence", "seal", "stadtbus-gtfs"]);
    assert!(sealed.status.success(), "{}", told(&sealed));
    std::fs::rename(&gtfs, world.path("gtfs")).unwrap();
    // One that the record of a run names alone, since nothing else is left of its source.
    std::fs::rename(world.path(EVIDENCE).join("stadtbus-alerts"), world.path("alerts")).unwrap();
    let output = world.program(&["evidence", "verify"]);
    let text = told(&output);
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("T10.warc.zst was sealed and is gone. Restore it from a backup"), "{text}");
    assert!(text.contains("has captures of a run, and is gone. Restore it from a backup"), "{text}");
    let output = world.program(&["evidence", "verify", "stadtbus-gtfs"]);
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    let output = world.program(&["evidence", "list"]);
    assert!(told(&output).contains("stadtbus-gtfs: an archive is gone"), "{}", told(&output));
    let output = world.program(&["evidence", "gaps", "stadtbus-gtfs", "--from", "2026-10-01", "--until", "2026-10-02"]);
    assert!(told(&output).contains("stadtbus-gtfs: an archive is gone"), "{}", told(&output));
    std::fs::rename(world.path("gtfs"), &gtfs).unwrap();
    std::fs::rename(world.path("alerts"), world.path(EVIDENCE).join("stadtbus-alerts")).unwrap();
    let output = world.program(&["evidence", "verify"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    // What was destroyed is not gone.
    world.set_clock(DUE);
    purge(&world, &[]);
    let output = world.program(&["evidence", "verify"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(!told(&world.program(&["evidence", "list"])).contains("gone"));
}

#[test]
fn an_import_is_stopped_by_no_mistake_in_another_pipeline_and_by_one_in_its_own() {
    let world = collected(&DATES[..3], "3600");
    bring(&world, "brought", "20261119T100007Z.pb");
    let other = "pipelines/stadtbus-fahrplan.yaml";
    let text = std::fs::read_to_string(world.path(other)).unwrap();
    world.write(other, &(text + "\nsources: ["));
    world.write(CONTRACT, "nothing: [of, this");
    let (code, text) = import(&world, "brought");
    assert!(code == Some(0) && text.contains("warning: "), "{text}");
    let own = format!("pipelines/{PIPELINE}.yaml");
    let text = std::fs::read_to_string(world.path(&own)).unwrap();
    world.write(&own, &text.replace("format: ", "formt: "));
    let (code, text) = import(&world, "brought");
    assert!(code == Some(2) && text.contains("'format' is missing"), "{text}");
}

#[test]
fn a_key_that_two_pipelines_share_is_told_once() {
    let mut world = collected(&DATES[..3], "3600");
    let output = world.program(&["run", PIPELINE, "--date", DATES[0]]);
    assert!(output.status.success(), "{}", told(&output));
    let keys = files(&world.path("data/private/keys")).len() as u64;
    world.set_clock(DUE);
    let would = purge(&world, &["--dry-run"]);
    let told: u64 = would.lines().map(|line| number_before(line, " key")).sum();
    assert!(keys > 0 && told == keys, "{keys}: {would}");
}
