//! What became of every beat of a collector: `evidence gaps`, and what `list`, `show`, `verify` and `export` say of its records.

use std::process::Output;
use std::time::Duration;

use fahrtenbuch::capture::beat::{Beat, Grid};
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::capture::record::{Lifecycle, NewContent, NewRecord, Note, SkipReason, Unchanged};
use fahrtenbuch::capture::{Capture, FailureKind};
use fahrtenbuch::digest::Digest;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::collector;
use crate::http_server::{say, serve};
use crate::world::{World, files, python};

const SOURCE: &str = "buses";
const URL: &str = "https://stadtbus.example/buses";
const EVERY: Duration = Duration::from_secs(15);

/// Keeps the records of a collector.
struct Kept {
    world: World,
    store: Store,
    grid: Grid,
}

impl Kept {
    fn new() -> Self {
        let mut world = collector::world(&[(SOURCE, URL)]);
        world.set_clock("2026-11-24T12:00:00Z");
        let store = Store::without_fsync(world.path("data/private/evidence"));
        Self { world, store, grid: Grid::new(SOURCE, EVERY) }
    }

    fn first(&self) -> Beat {
        self.grid.after("2026-11-24T10:00:00Z".parse().unwrap())
    }

    fn keep(&self, number: u64, late_ms: i64, content: NewContent) {
        let beat = self.first().plus(number);
        let at = beat.due + SignedDuration::from_millis(late_ms);
        let content = match content {
            NewContent::Body(capture) => NewContent::Body(Capture { captured_at: at, ..capture }),
            other => other,
        };
        let (url, beat) = (URL.into(), Some(beat));
        let record = NewRecord { at, url, beat, feed_time: None, unreadable: None, payload: None, content };
        let written = self.store.write(SOURCE, &record, Some(true)).unwrap();
        self.store.finish(written).unwrap();
    }

    fn body(&self, number: u64) {
        self.keep(number, 500, NewContent::Body(capture(&format!("{number:04}"))));
    }

    fn same(&self, number: u64, of: u64, is_not_modified: bool) {
        let captured_at = self.first().plus(of).due + SignedDuration::from_millis(500);
        let digest = capture(&format!("{of:04}")).digest;
        let status = if is_not_modified { 304 } else { 200 };
        let unchanged = Unchanged { digest, captured_at, is_not_modified, status, headers: Vec::new() };
        self.keep(number, 400, NewContent::Unchanged(unchanged));
    }

    fn note(&self, number: u64, late_ms: i64, note: Note) {
        self.keep(number, late_ms, NewContent::Note(note));
    }

    /// Half an hour from ten: 20 beats with a body, 20 with nothing new, 10 failures, 10 skipped, 20 stopped, 20 killed, 20 again.
    fn half_hour(self) -> Self {
        let started = || Note::Started { reason: Lifecycle::Program };
        self.note(0, -1000, started());
        (0..20).for_each(|number| self.body(number));
        (20..40).for_each(|number| self.same(number, 19, number % 2 == 0));
        for number in 40..50 {
            let kind = if number < 47 { FailureKind::Status(503) } else { FailureKind::TimeOut };
            self.note(number, 900, Note::Failed { kind, problem: "it answers 503".into() });
        }
        self.note(50, 150_000 - 100, Note::Skipped { beats: 10, reason: SkipReason::LeftAlone });
        self.note(60, -10, Note::Stopped { reason: Lifecycle::Program });
        self.note(80, -10, started());
        self.note(100, -10, started());
        (100..120).for_each(|number| self.body(number));
        self.note(120, -10, Note::Stopped { reason: Lifecycle::Program });
        self
    }

    fn program(&self, arguments: &[&str]) -> Output {
        self.world.program(&[&["evidence"], arguments].concat())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.program(arguments);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", told(&output)))
    }
}

fn capture(text: &str) -> Capture {
    // A message with nothing but its version, and a field that nobody knows.
    let body = bytes::Bytes::from(format!("\n\u{5}\n\u{3}2.0z\u{4}{text}"));
    let headers = vec![("Content-Length".to_owned(), body.len().to_string())];
    let digest = Digest::of(&body);
    Capture { url: URL.into(), captured_at: Timestamp::UNIX_EPOCH, status: 200, headers, digest, body }
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), output.stderr.as_slice()].concat()).into_owned()
}

const PERIOD: [&str; 4] = ["--from", "2026-11-24T10:00:00Z", "--until", "2026-11-24T10:30:00Z"];

#[test]
fn every_beat_of_half_an_hour_is_explained_as_numbers_and_as_spans() {
    let kept = Kept::new().half_hour();
    let found = &kept.json(&[&["gaps", SOURCE, "--json"], &PERIOD[..]].concat())[0];
    let explained = json!({
        "body": 40, "unchanged": 20, "silent": 0, "frozen": 0, "unreadable": 0, "failed": 10, "skipped": 10, "off": 40, "under_way": 0,
        "unexplained": 0,
    });
    assert_eq!((&found["beats"], &found["explained"]), (&json!(120), &explained), "{found}");
    assert_eq!(found["failed"], json!({"status 503": 7, "time_out": 3}));
    assert_eq!(found["off"], json!({"stopped": 20, "killed": 20}));
    let spans: Vec<(&str, u64)> = found["gaps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|span| (span["reason"].as_str().unwrap(), span["beats"].as_u64().unwrap()))
        .collect();
    assert_eq!(spans, [("status 503", 7), ("time_out", 3), ("left_alone", 10), ("stopped", 20), ("killed", 20)]);
    assert_eq!(found["gaps"][3]["from"], json!(kept.first().plus(60).due));
    assert_eq!(found["gaps"][3]["until"], json!(kept.first().plus(80).due));
    // The last 24 hours end at noon: an hour and a half more in which nobody collected.
    let day = &kept.json(&["gaps", "--json", "--until", "2026-11-24T12:00:00Z"])[0];
    assert_eq!((&day["beats"], &day["explained"]["off"]), (&json!(480), &json!(400)), "{day}");
}

#[test]
fn a_period_that_begins_and_ends_within_a_gap_is_explained_by_the_records_around_it() {
    let kept = Kept::new();
    kept.note(0, -1000, Note::Started { reason: Lifecycle::Program });
    kept.body(0);
    // Three hours later by the grid, in another archive.
    kept.note(720, -10, Note::Started { reason: Lifecycle::Program });
    kept.body(720);
    let period = ["--from", "2026-11-24T11:15:00Z", "--until", "2026-11-24T11:45:00Z"];
    let found = &kept.json(&[&["gaps", SOURCE, "--json"], &period[..]].concat())[0];
    assert_eq!((&found["beats"], &found["off"]), (&json!(120), &json!({"killed": 120})), "{found}");
}

#[test]
fn the_table_the_gaps_and_the_picture_say_the_same_without_colour() {
    let kept = Kept::new().half_hour();
    let output = kept.program(&[&["gaps", SOURCE, "--no-colour"], &PERIOD[..]].concat());
    let text = told(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for expected in
        ["failed: status 503", "off: killed", "the source answered 503", "(20 beats): off: the collector was stopped"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains('\u{1b}'));
    let picture = text.lines().find(|line| line.starts_with("buses  ")).unwrap();
    let signs: String = picture.chars().skip(7).filter(|sign| *sign != ' ').collect();
    assert!(
        signs.starts_with("█████████") && signs.contains("xx") && signs.contains("ss") && signs.contains("-----"),
        "{picture}"
    );
    let output = kept.program(&["gaps", "busses"]);
    assert!(output.status.code() == Some(2) && told(&output).contains(SOURCE), "{}", told(&output));
    let output = kept.program(&["gaps", "--from", "yesterday"]);
    assert!(output.status.code() == Some(2) && told(&output).contains("no date and no time"), "{}", told(&output));
}

#[test]
fn the_picture_of_a_new_source_begins_with_it() {
    let mut kept = Kept::new().half_hour();
    kept.world.set_clock("2026-11-24T10:31:00Z");
    let output = kept.program(&["gaps", SOURCE, "--no-colour"]);
    let text = told(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let picture = text.lines().find(|line| line.starts_with("buses  ")).unwrap();
    let signs: Vec<char> = picture.chars().skip(7).collect();
    // A minute each.
    assert!(signs.len() >= 30 && !signs.contains(&' '), "{picture}");
    assert!(text.contains("11-24 11:00") && text.contains("; nothing was asked before)"), "{text}");
    // What is counted is the whole period, and one that begins later is shown as it was asked for.
    let found = &kept.json(&["gaps", SOURCE, "--json"])[0];
    assert!(found["from"].as_str().unwrap().starts_with("2026-11-23T10:3"), "{found}");
    let text =
        told(&kept.program(&[&["gaps", SOURCE, "--no-colour"], &["--from", "2026-11-24T10:10:00Z"][..]].concat()));
    assert!(text.contains("11-24 11:10") && !text.contains("nothing was asked before"), "{text}");
}

#[test]
fn a_source_that_no_pipeline_names_any_more_is_shown_and_listed_like_the_others() {
    let kept = Kept::new().half_hour();
    let pipeline = "pipelines/stadtbus-telemetrie.yaml";
    kept.world.replace(pipeline, "name: buses", "name: others");
    let at = (kept.first().plus(3).due + SignedDuration::from_millis(500)).to_string();
    let shown = &kept.json(&["show", SOURCE, &at, "--json"])[0];
    assert_eq!((&shown["in_no_pipeline"], &shown["kind"]), (&json!(true), &json!("readable")), "{shown}");
    assert!(shown["said"].as_str().unwrap().starts_with("a GTFS-Realtime message ("), "{shown}");
    let text = told(&kept.program(&["show", SOURCE, &at]));
    assert!(text.contains("source   in no pipeline") && text.contains("kind     readable"), "{text}");
    // A beat that failed, a name that nobody has, and a time of which there is nothing.
    let failure = told(&kept.program(&["show", SOURCE, &kept.first().plus(41).due.to_string()]));
    assert!(failure.contains("it answers 503"), "{failure}");
    let output = kept.program(&["show", "busses", &at]);
    assert!(output.status.code() == Some(2) && told(&output).contains("Did you mean 'buses'?"), "{}", told(&output));
    let output = kept.program(&["show", SOURCE, "2026-11-20T10:00:00Z"]);
    assert!(output.status.code() == Some(2) && told(&output).contains("The nearest are"), "{}", told(&output));
    let rows = kept.json(&["list", SOURCE, "--json"]);
    assert_eq!((&rows[0]["in_no_pipeline"], &rows[0]["captures"]), (&json!(true), &json!(60)), "{rows}");
    let output = kept.program(&["list", "busses"]);
    assert!(output.status.code() == Some(2) && told(&output).contains("Did you mean 'buses'?"), "{}", told(&output));
}

#[test]
fn list_tells_bodies_unchanged_failures_and_when_nobody_collected() {
    let kept = Kept::new().half_hour();
    let rows = kept.json(&["list", SOURCE, "--json"]);
    let [row] = rows.as_array().unwrap().as_slice() else { panic!("{rows}") };
    let of = |key: &str| row[key].as_u64().unwrap();
    let found = [of("captures"), of("unchanged"), of("failed"), of("skipped"), of("off")];
    assert_eq!(found, [60, 20, 10, 10, 40], "{row}");
}

#[test]
fn show_says_of_a_revisit_whose_body_it_has_and_of_a_failure_why_there_is_none() {
    let kept = Kept::new().half_hour();
    let at = |number: u64, ms: i64| (kept.first().plus(number).due + SignedDuration::from_millis(ms)).to_string();
    let revisit = told(&kept.program(&["show", SOURCE, &at(21, 400)]));
    let body = at(19, 500);
    assert!(revisit.contains(&format!("the same bytes again; the body is that of {body}")), "{revisit}");
    // A time between two records is of the beat that was due before it.
    let failure = told(&kept.program(&["show", SOURCE, &at(41, 5000)]));
    assert!(failure.contains("failed (status): it answers 503"), "{failure}");
    assert!(failure.contains("the newest is that of"), "{failure}");
    let body = told(&kept.program(&["show", SOURCE, &at(3, 500)]));
    assert!(!body.contains("unchanged") && body.contains("sha256"), "{body}");
}

#[test]
fn a_local_time_is_one_of_the_zone_for_gaps_export_and_show_alike() {
    let kept = Kept::new().half_hour();
    for (from, until) in [
        ("2026-11-24 11:00:00", "2026-11-24 11:30"),
        ("2026-11-24T11:00", "2026-11-24T11:30:00.000"),
        ("2026-11-24T10:00:00Z", "2026-11-24T11:30:00+01:00"),
    ] {
        let found = &kept.json(&["gaps", SOURCE, "--json", "--from", from, "--until", until])[0];
        let period = (&found["from"], &found["until"], &found["beats"]);
        assert_eq!(period, (&json!("2026-11-24T10:00:00Z"), &json!("2026-11-24T10:30:00Z"), &json!(120)), "{from}");
        let file = kept.world.path(&format!("{}.warc", from.replace([' ', ':'], "-")));
        let file = file.to_str().unwrap();
        let first = ["--from", from, "--until", "2026-11-24 11:05"];
        let output = kept.program(&[&["export", SOURCE, "--output", file, "--captures-only"], &first[..]].concat());
        assert!(told(&output).contains("20 bodies, 0 revisits and 0 notes in 1 file\n"), "{}", told(&output));
    }
    let local = (kept.first().plus(3).due + SignedDuration::from_millis(500)).to_string();
    let local = local.replace("T10:", " 11:").replace('Z', "");
    let shown = kept.json(&["show", SOURCE, &local, "--json"]);
    assert_eq!(shown[0]["sha256"], json!(capture("0003").digest), "{local}: {shown}");
    let midnight = &kept.json(&["gaps", SOURCE, "--json", "--from", "2026-11-24", "--until", "2026-11-25"])[0];
    assert_eq!(midnight["from"], json!("2026-11-23T23:00:00Z"));
    for arguments in [["gaps", SOURCE, "--from", "2026-11-24 25:00"], ["show", SOURCE, "11:00", "--json"]] {
        let output = kept.program(&arguments);
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        assert!(told(&output).contains("'2026-11-24 10:00'"), "{}", told(&output));
    }
}

#[test]
fn gaps_tell_which_dates_were_destroyed_when_and_why() {
    let kept = Kept::new();
    let line = |date: &str| {
        let why = json!({
            "pipeline": "stadtbus-telemetrie", "date": date, "at": "2026-11-24T11:00:00Z",
            "rule": "retention.evidence: 13 months", "record": "00",
        });
        format!("{why}\n")
    };
    let lines: String = ["2025-10-01", "2025-10-02", "2025-10-09"].map(line).concat();
    kept.world.write("data/private/purged.jsonl", &lines);
    let period = ["--from", "2025-10-01 12:00", "--until", "2025-10-05"];
    let found = &kept.json(&[&["gaps", SOURCE, "--json"], &period[..]].concat())[0];
    let dates: Vec<&str> =
        found["destroyed"].as_array().unwrap().iter().map(|of| of["date"].as_str().unwrap()).collect();
    assert_eq!(dates, ["2025-10-01", "2025-10-02"], "{found}");
    assert_eq!(found["destroyed"][0]["rule"], json!("retention.evidence: 13 months"));
    let text = told(&kept.program(&[&["gaps", SOURCE], &period[..]].concat()));
    let said = "2025-10-01 to 2025-10-02: destroyed on 2026-11-24 by 'retention.evidence: 13 months'";
    assert!(text.contains(said), "{text}");
}

#[test]
fn beats_before_the_first_and_behind_the_last_readable_record_of_a_damaged_archive_count_as_unexplained() {
    let kept = Kept::new();
    (0..20).for_each(|number| kept.body(number));
    let first = kept.first().due;
    let entries = kept.store.list(SOURCE, first, first + SignedDuration::from_hours(1)).unwrap().entries;
    let folder = kept.world.path("data/private/evidence").join(SOURCE);
    let archive = folder.join(files(&folder).into_keys().find(|name| name.ends_with(".warc.gz")).unwrap());
    let mut bytes = std::fs::read(&archive).unwrap();
    for entry in entries[..5].iter().chain(&entries[15..]) {
        let middle = (entry.offset + entry.length / 2) as usize;
        bytes[middle..middle + 8].iter_mut().for_each(|byte| *byte ^= 0xff);
    }
    std::fs::write(&archive, bytes).unwrap();
    let period = ["--from", "2026-11-24 11:00", "--until", "2026-11-24 12:30"];
    let found = &kept.json(&[&["gaps", SOURCE, "--json"], &period[..]].concat())[0];
    let of = |class: &str| found["explained"][class].as_u64().unwrap();
    assert_eq!((of("body"), of("unexplained"), of("off")), (10, 230, 120), "{found}");
    assert_eq!(found["beats"], json!(360));
    let damaged = found["damage"].as_array().unwrap().len();
    let output = kept.program(&[&["gaps", SOURCE], &period[..]].concat());
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    let row =
        table.lines().find(|line| line.contains("damaged places in archives")).unwrap_or_else(|| panic!("{table}"));
    assert!(damaged > 0 && row.contains(&damaged.to_string()), "{row}");
}

#[test]
fn an_archive_of_which_nothing_can_be_read_makes_the_beats_of_its_hour_unexplained() {
    let kept = Kept::new();
    kept.world.replace("pipelines/stadtbus-telemetrie.yaml", "type: http\n", "type: http\n    every: 15 s\n");
    (0..20).for_each(|number| kept.body(number));
    let folder = kept.world.path("data/private/evidence").join(SOURCE);
    let archive = folder.join(files(&folder).into_keys().find(|name| name.ends_with(".warc.gz")).unwrap());
    let length = std::fs::metadata(&archive).unwrap().len();
    std::fs::write(&archive, vec![0xa5; length as usize]).unwrap();
    let period = ["--from", "2026-11-24 11:00", "--until", "2026-11-24 12:30"];
    let found = &kept.json(&[&["gaps", SOURCE, "--json"], &period[..]].concat())[0];
    let of = |class: &str| found["explained"][class].as_u64().unwrap();
    assert_eq!((of("unexplained"), of("off"), &found["beats"]), (240, 120, &json!(360)), "{found}");
}

#[test]
fn since_when_beats_count_is_told_and_that_a_source_was_never_collected() {
    let kept = Kept::new();
    let gaps = |from: &str| kept.program(&["gaps", SOURCE, "--from", from, "--until", "2026-11-24 12:30"]);
    assert!(told(&gaps("2026-11-24 09:00")).contains("never collected"));
    (0..20).for_each(|number| kept.body(number));
    let first = kept.first().due;
    let local =
        jiff::tz::TimeZone::get("Europe/Berlin").unwrap().to_datetime(first).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let text = told(&gaps("2026-11-24 09:00"));
    assert!(text.contains(&format!("beats count since {local}")), "{text}");
    let text = told(&gaps("2026-11-24 11:03"));
    assert!(!text.contains("beats count since"), "{text}");
    let text = told(&kept.program(&["gaps", SOURCE, "--from", "2026-11-23", "--until", "2026-11-24"]));
    assert!(text.contains("no beat was due in this period"), "{text}");
    let found = &kept.json(&["gaps", SOURCE, "--json", "--from", "2026-11-24", "--until", "2026-11-25"])[0];
    assert_eq!(found["first_beat"], json!(first), "{found}");
}

#[test]
fn show_says_what_became_of_the_beat_of_any_time() {
    let kept = Kept::new().half_hour();
    let at = |number: u64, ms: i64| (kept.first().plus(number).due + SignedDuration::from_millis(ms)).to_string();
    for (number, ms, outcome, reason) in [
        // Before what came of the beat was written.
        (41, 301, json!("failed"), json!("status")),
        (55, 5001, json!("skipped"), json!("left_alone")),
        (70, 5001, json!("off"), json!("stopped")),
        (90, 5001, json!("off"), json!("killed")),
        (130, 5001, json!("off"), json!("stopped")),
    ] {
        let output = kept.program(&["show", SOURCE, &at(number, ms), "--json"]);
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)));
        assert_eq!((&shown[0]["outcome"], &shown[0]["reason"]), (&outcome, &reason), "{number}: {shown}");
    }
    let shown = kept.json(&["show", SOURCE, &at(3, 101), "--json"]);
    assert_eq!(shown[0]["sha256"], json!(capture("0003").digest), "{shown}");
    let text = told(&kept.program(&["show", SOURCE, &at(90, 5001)]));
    assert!(text.contains("outcome  off (killed): the collector ended without a word"), "{text}");
    assert!(text.contains(&at(90, 0)), "{text}");
    // Before the first beat nothing is known, and nothing is of a time to come.
    for time in ["2026-11-23 10:00", "2026-11-24 14:00"] {
        let output = kept.program(&["show", SOURCE, time]);
        assert!(output.status.code() == Some(2) && told(&output).contains("no such capture"), "{}", told(&output));
    }
}

#[test]
fn one_is_said_as_one() {
    let kept = Kept::new();
    kept.body(0);
    kept.note(1, 900, Note::Failed { kind: FailureKind::TimeOut, problem: "nothing came".into() });
    let list = told(&kept.program(&["list", SOURCE]));
    assert!(list.contains("1 beat failed"), "{list}");
    let verify = told(&kept.program(&["verify", SOURCE]));
    assert!(verify.contains("1 archive, ") && verify.contains("1 body, 0 revisits, 1 note\n"), "{verify}");
}

#[test]
fn verify_finds_a_flipped_byte_a_missing_body_and_a_torn_end() {
    let kept = Kept::new().half_hour();
    let sound = kept.program(&["verify"]);
    assert_eq!(sound.status.code(), Some(0), "{}", told(&sound));
    assert!(told(&sound).contains("all sound") && told(&sound).contains("40 bodies, 20 revisits"), "{}", told(&sound));
    let folder = kept.world.path("data/private/evidence").join(SOURCE);
    let name = files(&folder).into_keys().find(|name| name.ends_with(".warc.gz")).unwrap();
    let archive = folder.join(name);
    let whole = std::fs::read(&archive).unwrap();
    let problems = |bytes: &[u8]| -> Vec<String> {
        std::fs::write(&archive, bytes).unwrap();
        let output = kept.program(&["verify", SOURCE, "--json"]);
        assert_eq!(output.status.code(), Some(4), "{}", told(&output));
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        found[0]["problems"].as_array().unwrap().iter().map(|of| of["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(problems(&whole[..whole.len() - 10]), ["torn"]);
    let mut flipped = whole.clone();
    flipped[2000] ^= 0xff;
    assert_eq!(problems(&flipped), ["damaged"]);
    // Without the record of the twentieth body.
    std::fs::write(&archive, &whole).unwrap();
    let first = kept.first().due;
    let entries = kept.store.list(SOURCE, first, first + SignedDuration::from_hours(1)).unwrap().entries;
    let (from, length) = (entries[19].offset as usize, entries[19].length as usize);
    assert_eq!(problems(&[&whole[..from], &whole[from + length..]].concat()), ["body_missing"]);
}

#[test]
fn a_sealed_archive_that_is_another_one_or_gone_is_found() {
    let kept = Kept::new().half_hour();
    let folder = kept.world.path("data/private/evidence").join(SOURCE);
    let file = "2026/11/23/buses-20261123T10.warc.zst";
    std::fs::create_dir_all(folder.join("2026/11/23")).unwrap();
    std::fs::write(folder.join(file), b"sealed").unwrap();
    let line = |bytes: &[u8]| json!({"file": file, "new_sha256": Digest::of(bytes).to_string(), "new_length": 6});
    std::fs::write(folder.join("sealed.jsonl"), format!("{}\n{}\n{{\"fi", line(b"old"), line(b"other"))).unwrap();
    let found = |kept: &Kept| kept.json(&["verify", SOURCE, "--json"])[0]["problems"].to_string();
    assert!(found(&kept).contains("its digest differs"), "{}", found(&kept));
    std::fs::remove_file(folder.join(file)).unwrap();
    assert!(found(&kept).contains("was sealed and is gone"), "{}", found(&kept));
}

#[test]
fn an_export_is_whole_private_and_new() {
    let kept = Kept::new().half_hour();
    let file = kept.world.path("export.warc");
    let name = file.to_str().unwrap();
    let output = kept.program(&["export", SOURCE, "--output", name]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("PRIVATE"), "{}", told(&output));
    assert!(told(&output).contains("40 bodies, 20 revisits and 16 notes"), "{}", told(&output));
    let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
    assert!(text.starts_with("WARC/1.1\r\nWARC-Type: warcinfo") && text.matches("WARC-Type: response").count() == 40);
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let again = kept.program(&["export", SOURCE, "--output", name]);
    assert!(again.status.code() == Some(2) && told(&again).contains("is there already"), "{}", told(&again));
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn warcio_reads_an_export_and_finds_every_digest_and_the_body_of_every_revisit() {
    let kept = Kept::new().half_hour();
    let read = |files: &[&str]| -> Value {
        let output = python("read_export.py", files);
        assert!(output.status.success(), "{}", told(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let path = |name: &str| kept.world.path(name).to_str().unwrap().to_owned();
    let all = json!({"warcinfo": 1, "response": 40, "revisit": 20, "metadata": 16});
    for (name, more) in [("a.warc", &[][..]), ("b.warc.gz", &["--gzip"][..])] {
        let output = kept.program(&[&["export", SOURCE, "--output", &path(name)], more].concat());
        assert!(output.status.success(), "{}", told(&output));
        assert_eq!(sorted(read(&[&path(name)])), sorted(all.clone()), "{name}");
    }
    // From within the revisits, whose body is of before the period; a folder with a file for the hour.
    let from = (kept.first().plus(30).due).to_string();
    let folder = path("folder/");
    let output = kept.program(&["export", SOURCE, "--output", &folder, "--gzip", "--captures-only", "--from", &from]);
    assert!(output.status.success(), "{}", told(&output));
    let file = format!("{folder}buses-20261124T10.warc.gz");
    assert_eq!(sorted(read(&[&file])), sorted(json!({"warcinfo": 1, "response": 21, "revisit": 10})));
}

fn sorted(counts: Value) -> Vec<(String, Value)> {
    let mut counts: Vec<_> = counts.as_object().unwrap().clone().into_iter().collect();
    counts.sort_by(|one, other| one.0.cmp(&other.0));
    counts
}

#[test]
fn a_source_that_cannot_be_read_hides_no_other_and_its_error_comes_last() {
    let (url, _) = serve(|_, stream| say(stream, "200 OK", "body"));
    let world = collector::world(&[(SOURCE, &url), ("trams", &url)]);
    let kept = world.program(&["capture", "stadtbus-telemetrie"]);
    assert_eq!(kept.status.code(), Some(0), "{}", told(&kept));
    // A file stands where the folder of the day was.
    let month = world.path("data/private/evidence/trams");
    let day = |folder: &std::path::Path| {
        std::fs::read_dir(folder).unwrap().map(|of| of.unwrap().path()).find(|of| of.is_dir()).unwrap()
    };
    let day = day(&day(&day(&month)));
    std::fs::remove_dir_all(&day).unwrap();
    std::fs::write(&day, "").unwrap();
    for command in ["gaps", "list", "verify"] {
        let output = world.program(&["evidence", command, "--json"]);
        let (of, error) = (told(&output), String::from_utf8_lossy(&output.stderr).into_owned());
        assert_eq!(output.status.code(), Some(1), "{command}: {of}");
        assert!(
            error.contains("error: trams: ") && error.contains("Check the disk and the permissions"),
            "{command}: {of}"
        );
        let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(listed.as_array().unwrap().iter().any(|of| of["source"] == SOURCE), "{command}: {of}");
        let output = world.program(&["evidence", command]);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.code() == Some(1) && shown.contains(SOURCE), "{command}: {shown}");
    }
}
