//! What is printed of a hostile feed holds no character that a terminal obeys, and no key.

use std::process::Output;

use crate::broken_feeds::changed;
use crate::readable::keep;
use crate::world::World;

/// Clears the screen, sets the title, writes the clipboard (OSC 52), in seven and in eight bits; turns the direction; deletes.
const HOSTILE: &str =
    "\u{1b}[2J\u{1b}]0;t\u{7}\u{1b}]52;c;ZXZpbA==\u{7}\u{9b}2J\u{9d}52;c;eA\u{9c}\u{202e}\u{2066}\u{8}\u{7f}\r";

fn is_obeyed(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn assert_harmless(what: &str, output: &Output) {
    for bytes in [&output.stdout, &output.stderr] {
        let text = std::str::from_utf8(bytes).unwrap_or_else(|_| panic!("{what}: no UTF-8"));
        let found = text.char_indices().find(|(_, c)| is_obeyed(*c));
        if let Some((place, c)) = found {
            let from = text[..place].rfind('\n').map_or(0, |end| end + 1);
            panic!("{what} prints {c:?} in {:?}", text[from..].lines().next().unwrap());
        }
    }
}

/// The sample's timetable with hostile ids, names, columns, and values of every kind.
fn hostile_timetable(world: &World) {
    let within = |text: &str| text.replace('\r', "");
    for name in ["trips.txt", "stops.txt", "routes.txt", "calendar.txt", "stop_times.txt"] {
        changed(world, name, |bytes| {
            let text = String::from_utf8(bytes).unwrap();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let hostile = within(HOSTILE);
            lines[0] = format!("{},x{hostile}", lines[0]);
            let columns = lines[0].split(',').count();
            for line in &mut lines[1..] {
                line.push(',');
            }
            // A row whose every cell is hostile, one whose ids are, and one that is torn.
            lines.push(vec![hostile.as_str(); columns].join(","));
            let first = lines[1].clone();
            lines.push(first.replacen(',', &format!("{hostile},"), 1));
            lines.push(format!("{hostile},{hostile}"));
            Some(lines.join("\n").into_bytes())
        });
    }
    // A file whose name is hostile.
    let path = world.path("data/sample/stadtbus-gtfs.zip");
    let bytes = std::fs::read(&path).unwrap();
    let mut out = zip::ZipWriter::new_append(std::io::Cursor::new(bytes)).unwrap();
    out.start_file(format!("{HOSTILE}.txt"), zip::write::SimpleFileOptions::default()).unwrap();
    std::io::Write::write_all(&mut out, b"a\n").unwrap();
    std::fs::write(path, out.finish().unwrap().into_inner()).unwrap();
}

#[test]
fn a_mistaken_argument_is_not_obeyed_by_a_terminal() {
    let world = World::new();
    let hostile = HOSTILE;
    for arguments in
        [vec![hostile], vec!["run", "x", "--date", hostile], vec!["validate", "x", &format!("--x{hostile}")]]
    {
        let output = world.program(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{output:?}");
        assert_harmless(&format!("{arguments:?}"), &output);
    }
    let output = world.program(&[hostile]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("\\u202e"), "{output:?}");
}

#[test]
fn nothing_that_is_printed_of_a_hostile_timetable_is_obeyed_by_a_terminal() {
    let world = World::new();
    hostile_timetable(&world);
    let feed = world.path("data/sample/stadtbus-gtfs.zip").to_string_lossy().into_owned();
    for format in ["table", "json", "sarif", "html"] {
        let output = world.program(&["-vvv", "validate", &feed, "--date", "2026-11-24", "--format", format]);
        assert!(output.stdout.len() > 1000, "{}", String::from_utf8_lossy(&output.stderr));
        assert_harmless(format, &output);
    }
    let output = world.program(&["-vvv", "run", "stadtbus-fahrplan"]);
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("u001b") || said.contains("u{1b}"), "nothing hostile was printed: {said}");
    assert_harmless("run", &output);
    assert_harmless("run --json", &world.program(&["run", "stadtbus-fahrplan", "--json"]));
    assert_harmless("quarantine list", &world.program(&["quarantine", "list"]));
    for table in ["stops", "trips", "stop_times", "routes", "calendar"] {
        let name = format!("stadtbus-fahrplan/{table}");
        for more in [&[][..], &["--csv"], &["--json"]] {
            let shown = [&["quarantine", "show", &name, "--date", "2026-11-27"], more].concat();
            assert_harmless(&shown.join(" "), &world.program(&shown));
        }
    }
    let shown = world.program(&["quarantine", "show", "stadtbus-fahrplan/trips", "--date", "2026-11-27"]);
    assert!(shown.stdout.len() > 100, "{}", String::from_utf8_lossy(&shown.stderr));
    for command in [
        &["quality", "report"][..],
        &["quality", "results"],
        &["quality", "results", "--format", "json"],
        &["quality", "results", "--format", "junit"],
        &["decisions", "list"],
        &["evidence", "list", "stadtbus-fahrplan"],
    ] {
        assert_harmless(&command.join(" "), &world.program(command));
    }
}

#[test]
fn nothing_that_is_printed_of_a_hostile_server_is_obeyed_by_a_terminal() {
    let world = World::new();
    world.replace("pipelines/stadtbus-telemetrie.yaml", "data/sample/evidence", "data/private/evidence");
    let at = 1_795_510_800;
    let body = format!("<html>{HOSTILE}</html>");
    keep(&world, "stadtbus-vehicle-positions", at, &[("Content-Type", HOSTILE), ("X", HOSTILE)], body.as_bytes());
    keep(&world, "stadtbus-vehicle-positions", at + 15, &[("Content-Encoding", HOSTILE)], body.as_bytes());
    for command in [
        &["-vvv", "run", "stadtbus-telemetrie", "--date", "2026-11-24"][..],
        &["evidence", "list", "stadtbus-telemetrie"],
        &["evidence", "list", "stadtbus-telemetrie", "--json"],
    ] {
        assert_harmless(&command.join(" "), &world.program(command));
    }
    // What the user writes comes back, too.
    assert_harmless("an unknown pipeline", &world.program(&["run", HOSTILE]));
    world.write("pipelines/x.yaml", "format: \"\\e[2J\\x9b\"\n");
    assert_harmless("check", &world.program(&["check"]));
}

#[test]
fn a_key_of_the_environment_stands_in_no_record_message_or_log() {
    let world = World::new();
    let path = "pipelines/stadtbus-fahrplan.yaml";
    let sources = "sources:\n  - name: stadtbus-gtfs\n    type: http\n    url: http://127.0.0.1:1/${FB_KEY}/gtfs.zip?format=${FB_KEY}\n    tries: 1\n    headers: {Authorization: 'Bearer ${FB_KEY}'}\n";
    let text = std::fs::read_to_string(world.path(path)).unwrap();
    let (before, _) = text.split_once("sources:").unwrap();
    world.write(path, &format!("{before}{sources}"));
    let unset = world.program(&["check"]);
    let said = String::from_utf8_lossy(&unset.stderr).into_owned();
    assert_eq!(unset.status.code(), Some(2));
    assert_eq!(said.matches("the environment variable 'FB_KEY' is not set").count(), 2, "{said}");
    let output = world.command().env("FB_KEY", "S3hr-Geh/eim").args(["-vvv", "capture", "stadtbus-fahrplan"]).output();
    let output = output.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("127.0.0.1:1/REDACTED/gtfs.zip?format=REDACTED"), "{said}");
    assert!(!said.contains("eim"), "{said}");
    // One that is not closed.
    world.replace(path, "/${FB_KEY}/", "/${FB_KEY/");
    let said = world.program(&["check"]);
    assert!(String::from_utf8_lossy(&said.stderr).contains("'${' has no '}'") || said.status.code() == Some(2));
}
