//! The audit report: each number is what its query gives an outsider from the published tables, it is the same bytes again, nothing that
//! somebody wrote becomes a part of the page, and it prints on twelve sheets.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::published::add_a_row_to_stops;
use crate::quarantine::hold;
use crate::world::{World, browser, files, python};

const TELEMETRY: &str = "stadtbus-telemetrie";
const CONTRACT: &str = "schemas/gtfs-realtime/vehicle_positions.odcs.yaml";
const BY: [&str; 2] = ["--by", "Datenmanagement"];
/// Of a report of a whole year, on a machine that does other things, too.
const MOST_TIME: Duration = Duration::from_secs(60);
/// MiB.
const MOST_MEMORY: u64 = 600;
/// Trips that begin at noon: of the snapshots of each hour some have one on every date.
const AT_NOON: &str = "trip_id LIKE '%-12__-0'";
const HOSTILE: &str = "</td><script>alert('x')</script><img src=https://elsewhere.example/x.png> \"'&";

fn done(world: &World, arguments: &[&str]) -> String {
    let output = world.program(arguments);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

/// How many dates are published: those of a year, or a twentieth of it.
fn days() -> i32 {
    if std::env::var_os("FAHRTENBUCH_TEST_ROUNDS").is_some() { 365 } else { 18 }
}

fn date(day: i32) -> String {
    let first: jiff::civil::Date = if days() == 365 { "2026-01-01" } else { "2026-11-07" }.parse().unwrap();
    first.checked_add(jiff::Span::new().days(day)).unwrap().to_string()
}

/// Numbers that follow from a seed.
struct Chance(u64);

impl Chance {
    fn from_environment() -> Self {
        let seed = std::env::var("FAHRTENBUCH_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20);
        println!("FAHRTENBUCH_TEST_SEED={seed}");
        Self(seed)
    }

    /// Below a number.
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// Takes what was captured of the vehicles in some hours (UTC) of a date away.
fn outage(world: &World, date: &str, hours: std::ops::Range<usize>) {
    let folder = world.path("data/sample/evidence/stadtbus-vehicle-positions").join(date.replace('-', "/"));
    let day = date.replace('-', "");
    let of_hour = |hour: usize| folder.join(format!("stadtbus-vehicle-positions-{day}T{hour:02}.warc.gz"));
    assert!(!files(&folder).is_empty(), "{date}: nothing was captured");
    // A fault of the feed may have taken one of them before.
    for hour in hours {
        let _ = std::fs::remove_file(of_hour(hour));
        assert!(!of_hour(hour).exists(), "{date} {hour}");
    }
}

/// Publishes a part of the year, two dates at a time.
fn publish(world: &World, part: &[String]) {
    let [from, to] = [part.first(), part.last()].map(|date| date.unwrap().as_str());
    let begin = |slice: &str| {
        let mut command = world.command();
        command.args(["run", TELEMETRY, "--from", from, "--to", to, "--slice", slice]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    for child in ["0/2", "1/2"].map(begin) {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A workspace with dates, faults and outages, rows that were held, released and discarded, rules that changed, dates that were
/// withdrawn, and a timetable that went back. Each source has an answer an hour, which is enough for every figure.
fn city() -> World {
    let mut world = World::with_publication();
    let (count, evidence) = (days(), world.path("data/sample/evidence"));
    world.set_clock(&format!("{}T18:00:00Z", date(count)));
    std::fs::remove_dir_all(&evidence).unwrap();
    world.replace("fahrtenbuch.yaml", "introduction: >-", &format!("introduction: >-\n    {HOSTILE}"));
    hold(&world, CONTRACT, "test_trip", AT_NOON);
    done(&world, &["run", "stadtbus-fahrplan"]);
    let all: Vec<String> = (0..count).map(date).collect();
    let parts: Vec<&[String]> = all.chunks(if count == 365 { 31 } else { 6 }).collect();
    let mut chance = Chance::from_environment();
    for (number, part) in parts.iter().enumerate() {
        // What of the last date comes after midnight is captured with the next one. One date has no snapshot at all.
        let next = parts.get(number + 1).and_then(|next| next.first());
        for day in part[usize::from(number > 0)..].iter().chain(next).filter(|day| **day != all[3]) {
            let simulate = ["simulate", "--date", day, "--interval", "3600", "--faults", "--evidence"];
            done(&world, &[&simulate[..], &[&evidence.to_string_lossy()]].concat());
        }
        for hours in [3, 1] {
            let with_data = |day: &&String| **day != all[3];
            let days: Vec<&String> = part.iter().filter(with_data).collect();
            let begin = 6 + chance.below(10);
            outage(&world, days[chance.below(days.len())], begin..begin + hours);
        }
        if number + 1 == parts.len() {
            world.replace(CONTRACT, "description: A rule of a test.", "description: A rule of a test, in other words.");
        } else if number > 0 && number % 4 == 0 {
            world.replace(CONTRACT, AT_NOON, &format!("{AT_NOON} OR trip_id = '{number}'"));
        }
        publish(&world, part);
        if number == 0 {
            decide(&world, &all);
        }
        // The next part reads the last date of this one, and nothing before.
        for day in &part[..part.len() - 1] {
            for source in std::fs::read_dir(&evidence).unwrap() {
                let _ = std::fs::remove_dir_all(source.unwrap().path().join(day.replace('-', "/")));
            }
        }
    }
    for day in all.iter().skip(1).step_by(100) {
        let withdraw = ["withdraw", TELEMETRY, "--date", day, "--reason", "Kennzeichen in Fahrzeugnamen <b>fett</b>"];
        done(&world, &[&withdraw[..], &BY].concat());
    }
    add_a_row_to_stops(&world);
    done(&world, &["run", "stadtbus-fahrplan"]);
    let rollback = ["releases", "rollback", "stadtbus-fahrplan/stops", "--to", "1", "--reason", "falsche Haltestelle"];
    done(&world, &[&rollback[..], &BY].concat());
    world
}

/// Decides about rows that were held: of the first date that has some they are discarded, of the next one released.
fn decide(world: &World, all: &[String]) {
    let long = format!("Testfahrt ohne Fahrgäste {}", "x".repeat(150));
    let rows = format!("{TELEMETRY}/vehicle_locations");
    let mut acts = vec![("release", HOSTILE), ("discard", long.as_str())];
    // Not the date that is withdrawn.
    for day in all.iter().enumerate().filter(|(place, _)| *place != 1).map(|(_, day)| day) {
        let Some((act, reason)) = acts.pop() else { return };
        let decide = ["quarantine", act, &rows, "--date", day, "--all", "--reason", reason];
        if world.program(&[&decide[..], &BY].concat()).status.success() {
            done(world, &["run", TELEMETRY, "--date", day]);
        } else {
            acts.push((act, reason));
        }
    }
    panic!("no rows were held");
}

fn report(world: &World, name: &str, arguments: &[&str]) -> PathBuf {
    let folder = world.path(name);
    let command = ["report", "audit", "--year", "2026", "--into", &folder.to_string_lossy()].map(str::to_owned);
    let command: Vec<&str> = command.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
    done(world, &command);
    folder
}

/// The same, within the time and the memory that a small machine has.
fn measured(world: &World, name: &str) -> PathBuf {
    let folder = world.path(name);
    let [root, into] = [&world.path(""), &folder].map(|path| path.to_string_lossy().into_owned());
    let report = ["report", "audit", "--year", "2026", "--into", &into];
    let begun = Instant::now();
    let output = python("peak_memory.py", &[&[env!("CARGO_BIN_EXE_fahrtenbuch"), "-C", &root][..], &report].concat());
    let took = begun.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let mebibytes: u64 = told.lines().last().unwrap().parse().unwrap();
    println!("a report of {} dates took {took:?} and {mebibytes} MiB", days());
    assert!(took < MOST_TIME && mebibytes < MOST_MEMORY, "{took:?} {mebibytes} MiB");
    folder
}

fn counted_again(folder: &Path, world: &World) -> Value {
    let output = python("audit.py", &[&folder.to_string_lossy(), &world.path("data/bucket").to_string_lossy()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
#[cfg_attr(not(browser), ignore = "needs the tools that ./test sets up, and a browser")]
fn each_number_of_the_audit_report_is_what_its_query_gives_and_it_prints_on_twelve_sheets() {
    let world = city();
    let folder = measured(&world, "audit");
    report(&world, "audit", &["--lang", "en"]);
    let counted = counted_again(&folder, &world);
    assert!(counted["numbers"].as_u64() > Some(200) && counted["figures"].as_u64() > Some(25), "{counted}");
    // Every figure that this year can have has something; a withdrawn date leaves a gap.
    let rows = |figure: &str| counted["rows"][figure].as_u64().unwrap();
    for figure in 1..=32 {
        assert!(rows(&format!("F{figure}")) > 0, "F{figure}: {counted}");
    }
    // The same again, whatever the time is.
    let again = report(&world, "again", &[]);
    report(&world, "again", &["--lang", "en"]);
    assert_eq!(files(&folder), files(&again));
    for (language, new) in [("de", "Geänderte Verträge"), ("en", "Changed contracts")] {
        let page = std::fs::read_to_string(folder.join(format!("report.{language}.html"))).unwrap();
        assert!(page.contains("&lt;script&gt;") && page.contains("&lt;b&gt;fett&lt;/b&gt;"), "{language}");
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<b>fett"), "{language}");
        assert!(page.contains(new) && page.contains("A rule of a test, in other words."), "{language}");
        let pdf = world.path(&format!("{language}.pdf"));
        let html = folder.join(format!("report.{language}.html"));
        let output = browser("print.mjs", &[&html.to_string_lossy(), &pdf.to_string_lossy()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!((1..=12).contains(&printed["sheets"].as_u64().unwrap()), "{printed}");
        assert_eq!(
            (&printed["errors"], &printed["wide"]),
            (&serde_json::json!([]), &serde_json::json!([])),
            "{printed}"
        );
    }
    if let Some(place) = std::env::var_os("FAHRTENBUCH_TEST_AUDIT") {
        crate::world::copy(&folder, Path::new(&place));
        crate::world::copy(&world.path("data/bucket"), &Path::new(&place).join("bucket"));
    }
    // A number that is changed is found, or the test above says nothing.
    let figures = std::fs::read_to_string(folder.join("figures.csv")).unwrap();
    let days = figures.lines().find(|line| line.starts_with("F2,")).unwrap().to_owned();
    std::fs::write(folder.join("figures.csv"), figures.replace(&days, &days.replace("[[", "[[1"))).unwrap();
    let output = python("audit.py", &[&folder.to_string_lossy(), &world.path("data/bucket").to_string_lossy()]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("F2: the report says"));
}

#[test]
fn without_tables_or_without_data_of_the_year_there_is_an_error_and_no_report() {
    let world = World::new();
    let fails = |world: &World, year: &str, code: i32, said: &str| {
        let folder = world.path("audit").to_string_lossy().into_owned();
        let output = world.program(&["report", "audit", "--year", year, "--into", &folder]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(said) && !world.path("audit").exists(), "{told}");
    };
    fails(&world, "2026", 2, "'publication: off' in fahrtenbuch.yaml");
    world.keep_publication();
    fails(&world, "2026", 42, "nothing was published yet");
    world.replace("fahrtenbuch.yaml", "people:", "publication: off\npeople:");
    world.run();
    world.keep_publication();
    fails(&world, "2026", 42, "has no table 'publication/releases'");
    done(&world, &["publish", "--rebuild"]);
    fails(&world, "2031", 42, "There is something of other years: '--year 2026'.");
    fails(&world, "26", 2, "26");
    let told = done(&world, &["report", "audit", "--year", "2026", "--into", &world.path("audit").to_string_lossy()]);
    assert!(told.contains("report.de.html"), "{told}");
}

#[test]
fn the_process_document_says_what_is_not_stated_and_check_names_the_line_for_it() {
    let world = World::new();
    world.replace("pipelines/stadtbus-fahrplan.yaml", "description: Fahrplan des Stadtbusses als GTFS\n", "");
    world.replace("fahrtenbuch.yaml", "  introduction: >-", &format!("  introduction: >-\n    {HOSTILE}"));
    let process = |language: &str| {
        let file = world.path(&format!("process.{language}.html"));
        done(&world, &["report", "process", "--lang", language, "--output", &file.to_string_lossy()]);
        std::fs::read_to_string(file).unwrap()
    };
    let check = || {
        let output = world.program(&["check", "--for", "audit", "--json"]);
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), json["wanted"].as_array().unwrap().clone())
    };
    let (code, wanted) = check();
    let said: Vec<String> = wanted.iter().map(Value::to_string).collect();
    assert_eq!(code, Some(4), "{said:#?}");
    for (file, what, remedy) in [
        ("fahrtenbuch.yaml", "the tables that its numbers are counted from are left out", "publication: off"),
        ("fahrtenbuch.yaml", "nobody is named who answers questions", "contact:"),
        ("fahrtenbuch.yaml", "where backups go", "backup: {to: /mnt/backup}"),
        ("stadtbus-fahrplan.yaml", "what 'stadtbus-fahrplan' is", "description:"),
    ] {
        let is_it = |text: &&String| text.contains(file) && text.contains(what) && text.contains(remedy);
        assert!(said.iter().any(|text| is_it(&text)), "{what}: {said:#?}");
    }
    assert_eq!(said.len(), 4, "{said:#?}");
    // Each at the line of its section, or where an example of it stands.
    let text = std::fs::read_to_string(world.path("fahrtenbuch.yaml")).unwrap();
    for (what, begins) in [
        ("who answers questions", "# contact:"),
        ("where backups go", text.lines().last().unwrap()),
        ("are left out", "publication: off"),
    ] {
        let lack = wanted.iter().find(|lack| lack.to_string().contains(what)).unwrap();
        let line = text.lines().nth(usize::try_from(lack["line"].as_u64().unwrap()).unwrap() - 1).unwrap();
        assert!(line.starts_with(begins), "{what}: {lack} is at '{line}'");
    }
    let (german, english) = (process("de"), process("en"));
    // Who answers questions, and where backups go; the English description of the timetable stands for the German one.
    let empty = |page: &str, label: &str| page.contains(&format!("{label}</th><td><b class=\"bad\">"));
    assert!(empty(&german, "Auskunft zu den Daten") && empty(&english, "Questions about the data"), "{german}");
    assert!(!empty(&german, "Verantwortliche Stelle") && german.contains("Sicherungen: <b class=\"bad\">"), "{german}");
    assert!(english.contains("not stated</b>") && english.contains("13 months") && german.contains("13 Monate"));
    assert!(german.contains("&lt;script&gt;") && !german.contains("<script") && !german.contains("<img"), "{german}");
    world.keep_publication();
    world.replace("pipelines/stadtbus-fahrplan.yaml", "description_en:", "description: Fahrplan\ndescription_en:");
    world.replace_first(
        "fahrtenbuch.yaml",
        "people:",
        "contact: {name: Datenmanagement, email: offen@example.de}\npeople:",
    );
    world.replace_first(
        "fahrtenbuch.yaml",
        "people:",
        &format!("backup: {{to: {}}}\npeople:", world.path("backup").display()),
    );
    let output = world.program(&["check", "--for", "audit"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.contains("Audit: nothing is missing"), "{told}");
}

#[test]
fn the_report_stands_on_the_files_that_the_indexes_name_and_on_no_others() {
    let world = World::with_publication();
    world.run();
    let into = world.path("audit").to_string_lossy().into_owned();
    let audit = ["report", "audit", "--year", "2026", "--lang", "en", "--into", &into];
    done(&world, &audit);
    for table in ["publication/releases", "stadtbus-telemetrie/vehicle_locations"] {
        let path = world.files_json(table)["files"][0]["path"].as_str().unwrap().to_owned();
        let path = world.path("data/bucket").join(path);
        let whole = std::fs::read(&path).unwrap();
        let refused = |expected: &str| {
            let output = world.program(&audit);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(42), "{table} {stderr}");
            assert!(stderr.contains(expected), "{table} {stderr}");
        };
        let mut changed = whole.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        std::fs::write(&path, &changed).unwrap();
        refused("other bytes than its index");
        std::fs::write(&path, "junk").unwrap();
        refused("other bytes than its index");
        std::fs::remove_file(&path).unwrap();
        refused("it is not there");
        std::fs::write(&path, &whole).unwrap();
    }
    done(&world, &audit);
}

#[test]
fn destructions_and_keys_are_told_from_the_log_with_their_records_and_the_command_that_checks_it() {
    let mut world = World::with_publication();
    world.replace_first("fahrtenbuch.yaml", "people:", "signing: {origin: stadt.example/bus}\npeople:");
    let key = done(&world, &["key", "new"]);
    let key = key.lines().next().unwrap().to_owned();
    world.run();
    let page = |world: &World| {
        let into = world.path("audit").to_string_lossy().into_owned();
        done(world, &["report", "audit", "--year", "2026", "--lang", "en", "--into", &into]);
        std::fs::read_to_string(world.path("audit/report.en.html")).unwrap()
    };
    let before = page(&world);
    assert!(before.contains("Nothing of dates of the year was destroyed"));
    assert!(before.contains(&format!("--key '{key}'")) && before.contains("--since FILE"));
    world.set_clock("2028-01-10T12:00:00Z");
    let by = ["--before", "2026-11-25", "--by", "Datenmanagement", "--reason", "The clock is right"];
    let said = crate::purge::purge(&world, &by);
    let after = page(&world);
    let records = crate::purge::records(&world);
    assert!(!records.is_empty(), "{said}");
    for record in crate::world::files(&world.path("data/bucket/ledger/records")).iter() {
        let (name, bytes) = record;
        let value: Value = serde_json::from_slice(bytes).unwrap();
        if ["fahrtenbuch-purge/1", "fahrtenbuch-key/1"].contains(&value["format"].as_str().unwrap_or_default()) {
            assert!(after.contains(name.strip_suffix(".json").unwrap()), "{name}");
        }
    }
    assert!(
        after.contains("not touched, as others keep them")
            && after.contains("Captures that others keep are not destroyed")
    );
}

#[test]
fn nothing_is_written_into_the_bucket_or_the_private_store_that_somebody_named_for_output() {
    let world = World::with_publication();
    world.run();
    std::os::unix::fs::symlink(world.path("data/bucket"), world.path("link")).unwrap();
    std::os::unix::fs::symlink(world.path("data/bucket/index.html"), world.path("page.html")).unwrap();
    let everything = || {
        let mut all = crate::world::files(&world.path("data/bucket"));
        all.extend(
            crate::world::files(&world.path("data/private"))
                .into_iter()
                .map(|(name, bytes)| (format!("p/{name}"), bytes)),
        );
        all
    };
    let before = everything();
    for place in ["data/bucket", "data/private", "link", "data/bucket/new", "page.html", "data/../data/bucket"] {
        let place = world.path(place).to_string_lossy().into_owned();
        let place = place.as_str();
        let file = match place.ends_with("page.html") {
            true => place.to_owned(),
            false => format!("{place}/index.html"),
        };
        let commands = [
            vec!["report", "audit", "--year", "2026", "--into", place],
            vec!["report", "process", "--output", &file],
            vec!["privacy", "report", "--output", &file],
            vec!["quality", "report", "--format", "html", "--output", &file],
            vec!["status", "--html", &file],
        ];
        for command in commands {
            let output = world.program(&command);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{command:?} {stderr}");
            assert!(stderr.contains("is in the bucket or the private store"), "{command:?} {stderr}");
        }
    }
    let after = everything();
    let changed: Vec<&String> =
        before.keys().chain(after.keys()).filter(|name| before.get(*name) != after.get(*name)).collect();
    assert!(changed.is_empty(), "{changed:?}");
}
