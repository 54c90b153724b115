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
        let record = NewRecord { at, url: URL.into(), beat: Some(beat), feed_time: None, unreadable: None, content };
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
