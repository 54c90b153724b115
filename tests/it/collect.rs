//! `collect` through the program: what every beat leaves, edits of the configuration under it, two collectors, and what a run leaves to
//! them.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use fahrtenbuch::capture::FailureKind;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::capture::record::{BeatOutcome, BeatRecord, Note, SkipReason};
use jiff::Timestamp;

use crate::http_server::{say, serve};
use crate::mqtt::wait_for;
use crate::world::{World, files};

/// A message with a vehicle, whose header has a time.
fn message(seconds: usize) -> Vec<u8> {
    // Header: version, and a timestamp of three bytes; entity: an id, and a vehicle without anything.
    let time = [0x80 | (seconds & 127) as u8, 0x80 | (seconds >> 7 & 127) as u8, 1];
    let header = [b"\n\x032.0\x18", time.as_slice()].concat();
    [&[10, header.len() as u8][..], &header, b"\x12\x05\n\x01a\"\0"].concat()
}

fn pipeline(sources: &[(&str, String)]) -> String {
    let source = |(name, url): &(&str, String)| {
        format!("  - name: {name}\n    type: http\n    every: 1 s\n    url: {url}\n    tries: 1\n    read_timeout: 2\n")
    };
    let sources: String = sources.iter().map(source).collect();
    format!(
        "format: gtfs-realtime\ncontracts: schemas/gtfs-realtime\ntimetable: stadtbus-fahrplan\nsources:\n{sources}release:\n  contracts: schemas/stadtbus\n  tables:\n    vehicle_locations: vehicle_positions\noccupancy_source: apc\n"
    )
}

pub(crate) struct Collecting {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Drop for Collecting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Collecting {
    /// What it logs is in `collect.log`.
    pub(crate) fn start(world: &World, arguments: &[&str]) -> Self {
        Self::start_by(world, &[], arguments)
    }

    /// The same by another program, which becomes it.
    fn start_by(world: &World, by: &[&str], arguments: &[&str]) -> Self {
        let mut command = world.command();
        if let Some((program, words)) = by.split_first() {
            let of = std::mem::replace(&mut command, Command::new(program));
            command.args(words).arg(of.get_program()).args(of.get_args());
            command.envs(of.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command.current_dir(of.get_current_dir().unwrap_or(&world.path("")));
        }
        command.env_remove("FAHRTENBUCH_NOW").env("FAHRTENBUCH_LOG", "info");
        let log = std::fs::File::create(world.path("collect.log")).unwrap();
        let mut child = command.arg("collect").args(arguments).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    /// Reads its output until a line has a text.
    pub(crate) fn until(&mut self, text: &str) -> String {
        let mut told = String::new();
        while !told.lines().any(|line| line.contains(text)) {
            assert!(self.out.read_line(&mut told).unwrap() > 0, "it ended without '{text}': {told}");
        }
        told
    }

    fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    fn signal(&self, signal: &str) {
        let done = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status();
        assert!(done.unwrap().success());
    }

    /// Ends it cleanly; what it printed since it was last looked at.
    pub(crate) fn end(&mut self) -> String {
        self.signal("TERM");
        let mut told = String::new();
        self.out.read_to_string(&mut told).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{told}");
        told
    }
}

fn records(world: &World, source: &str) -> Vec<BeatRecord> {
    let store = Store::new(world.path("data/private/evidence"));
    let now = Timestamp::now();
    store.records(source, now - jiff::SignedDuration::from_hours(2), now + jiff::SignedDuration::from_hours(1)).unwrap()
}

/// When the beats of records were due; those that were passed over, too. Each once, in their order.
fn beats(records: &[BeatRecord]) -> Vec<Timestamp> {
    let mut due: Vec<Timestamp> = Vec::new();
    for record in records {
        let beat = record.beat.unwrap();
        let count = match &record.outcome {
            BeatOutcome::Note(Note::Started { .. } | Note::Stopped { .. }) => 0,
            BeatOutcome::Note(Note::Skipped { beats, .. }) => *beats,
            _ => 1,
        };
        due.extend((0..count).map(|number| beat.plus(number).due));
    }
    due
}

fn assert_without_a_gap(due: &[Timestamp]) {
    for pair in due.windows(2) {
        assert_eq!(pair[1].duration_since(pair[0]), jiff::SignedDuration::from_secs(1), "{due:?}");
    }
}

#[test]
fn every_beat_leaves_a_record_of_what_came_of_it() {
    let (url, seen) = serve(|request, stream| match (request.path.as_str(), request.number) {
        ("/varied", 0) => say(stream, "200 OK\r\nETag: \"a\"", message(1)),
        ("/varied", 1) => {
            assert!(request.head.contains("if-none-match: \"a\""), "{}", request.head);
            say(stream, "304 Not Modified", "");
        }
        ("/varied", 2) => say(stream, "200 OK\r\nETag: \"b\"", message(1)),
        ("/varied", 3) => say(stream, "503 Busy", ""),
        ("/varied", 4) => say(stream, "200 OK", "<html>no feed</html>"),
        // What is no feed makes the next request unconditional.
        ("/varied", 5) => say(stream, "404 Gone", ""),
        ("/varied", 6) => drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort")),
        ("/varied", 7) => say(stream, "302 Found\r\nLocation: file:///etc/passwd", ""),
        ("/varied", 8) => say(stream, "302 Found\r\nLocation: http://169.254.169.254/latest", ""),
        ("/varied", 9) => std::thread::sleep(Duration::from_millis(2600)),
        (_, number) => say(stream, "200 OK", message(number)),
    });
    let world = World::new();
    world.write("pipelines/stadtbus-telemetrie.yaml", &pipeline(&[("varied", format!("{url}/varied"))]));
    let mut collecting = Collecting::start(&world, &["stadtbus-telemetrie", "--for", "60"]);
    // However slow the machine, all answers above were given.
    wait_for("the last request", || seen.count() > 10);
    let ended = collecting.end();
    assert!(ended.contains("stopped by SIGTERM after"), "{ended}");
    let all = records(&world, "varied");
    assert_without_a_gap(&beats(&all));
    // A machine that is busy may skip more beats than that behind the answer that never came.
    let is_skipped = |record: &&BeatRecord| {
        matches!(record.outcome, BeatOutcome::Note(Note::Skipped { beats: 1.., reason: SkipReason::Late }))
    };
    assert!(all.iter().any(|record| is_skipped(&record)), "{all:?}");
    let records: Vec<&BeatRecord> = all.iter().filter(|record| !is_skipped(record)).collect();
    let outcomes: Vec<&BeatOutcome> = records.iter().map(|record| &record.outcome).collect();
    let BeatOutcome::Body(first) = outcomes[1] else { panic!("{outcomes:?}") };
    assert!(matches!(outcomes[0], BeatOutcome::Note(Note::Started { .. })));
    let unchanged = |is_not_modified| BeatOutcome::Unchanged { digest: Some(*first), is_not_modified };
    assert_eq!((outcomes[2], outcomes[3]), (&unchanged(true), &unchanged(false)));
    let failed: Vec<FailureKind> = (records.iter())
        .filter_map(|record| match &record.outcome {
            BeatOutcome::Note(Note::Failed { kind, .. }) => Some(*kind),
            _ => None,
        })
        .collect();
    let expected = [
        FailureKind::Status(503),
        FailureKind::Status(404),
        FailureKind::CutOff,
        FailureKind::Redirect,
        FailureKind::Redirect,
        FailureKind::TimeOut,
    ];
    assert_eq!(failed, expected);
    assert_eq!(records[5].unreadable.as_deref(), Some("html"));
    assert!(matches!(outcomes.last(), Some(BeatOutcome::Note(Note::Stopped { .. }))), "{outcomes:?}");
    // Revisits count as snapshots, with the body that they name and their own time.
    let store = Store::new(world.path("data/private/evidence"));
    let now = Timestamp::now();
    let listing = store.list("varied", now - jiff::SignedDuration::from_mins(5), now).unwrap();
    let captures: Vec<_> = fahrtenbuch::capture::evidence::read(listing.entries).collect::<Result<_, _>>().unwrap();
    assert!(captures[..3].iter().all(|capture| capture.digest == *first && !capture.body.is_empty()));
    assert!(captures.windows(2).all(|pair| pair[0].captured_at < pair[1].captured_at));
    assert!(listing.damage.is_empty());
}

#[test]
fn edits_of_the_configuration_take_no_beat_from_the_others() {
    let (url, asked) = serve(|request, stream| say(stream, "200 OK", message(request.number)));
    let world = World::new();
    for file in ["busplus", "stadtbus-fahrplan"] {
        let _ = std::fs::remove_file(world.path(&format!("pipelines/{file}.yaml")));
    }
    world.write("pipelines/stadtbus-telemetrie.yaml", &pipeline(&[("steady", format!("{url}/steady"))]));
    let mut collecting = Collecting::start(&world, &[]);
    collecting.until("steady: kept");
    let edited = pipeline(&[("edited", format!("{url}/edited"))]);
    let begin = Instant::now();
    let mut number = 0;
    while begin.elapsed() < Duration::from_secs(4) {
        let text = match number % 5 {
            0 => edited.clone(),
            // Half of it, as an editor leaves it for a moment.
            1 => edited[..edited.len() / 2].to_owned(),
            2 => edited.replace("every: 1 s", "every: often"),
            3 => edited.replace("/edited", &format!("/edited{number}")),
            _ => "\u{0}: [".to_owned(),
        };
        world.write("pipelines/other.yaml", &text);
        number += 1;
        std::thread::sleep(Duration::from_millis(if number % 4 == 0 { 700 } else { 120 }));
    }
    world.write("pipelines/other.yaml", &edited);
    collecting.until(&format!("edited: every 1 s, {url}/edited"));
    std::thread::sleep(Duration::from_millis(2500));
    std::fs::remove_file(world.path("pipelines/other.yaml")).unwrap();
    // A file that is gone may be written anew; after some looks it counts.
    std::thread::sleep(Duration::from_secs(4));
    let edited_until = asked.count_of("/edited");
    std::thread::sleep(Duration::from_secs(2));
    let edited_in_all = asked.count_of("/edited");
    assert!(edited_until >= 2 && edited_in_all == edited_until, "{edited_until}, then {edited_in_all}");
    collecting.end();
    let steady = records(&world, "steady");
    assert_without_a_gap(&beats(&steady));
    assert!(steady.iter().filter(|record| matches!(record.outcome, BeatOutcome::Body(_))).count() >= 7, "{steady:?}");
    let told = std::fs::read_to_string(world.path("collect.log")).unwrap();
    assert!(told.contains("'every' is no interval of time") && told.contains("sources stay as they were"), "{told}");
    // Nobody asked while nothing but a mistake was there, and what was right before went on.
    let edited = records(&world, "edited");
    assert!(edited.iter().any(|record| matches!(&record.outcome, BeatOutcome::Note(Note::Stopped { .. }))));
}

#[test]
fn a_pipe_a_lost_folder_and_a_lost_store_are_told_and_stop_nothing_else() {
    let (url, asked) = serve(|request, stream| say(stream, "200 OK", message(request.number)));
    let world = World::new();
    world.write("pipelines/stadtbus-telemetrie.yaml", &pipeline(&[("steady", format!("{url}/steady"))]));
    let _ = std::fs::remove_file(world.path("pipelines/stadtbus-fahrplan.yaml"));
    let mut collecting = Collecting::start(&world, &[]);
    collecting.until("steady: kept");
    let pipe = world.path("pipelines/pipe.yaml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink("/nowhere/at/all", world.path("pipelines/link.yaml")).unwrap();
    world.write("pipelines/other.yaml", &pipeline(&[("other", format!("{url}/other"))]));
    collecting.until("other: kept");
    std::fs::rename(world.path("pipelines"), world.path("away")).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    std::fs::rename(world.path("away"), world.path("pipelines")).unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    std::fs::rename(world.path("data/private"), world.path("data/moved")).unwrap();
    assert_eq!(collecting.child.wait().unwrap().code(), Some(1));
    let told = std::fs::read_to_string(world.path("collect.log")).unwrap();
    assert!(told.contains("cannot be listed") && told.contains("was moved or its disk is gone"), "{told}");
    // Nothing was made in its place.
    assert!(!world.path("data/private").exists());
    std::fs::rename(world.path("data/moved"), world.path("data/private")).unwrap();
    let steady = records(&world, "steady");
    assert_without_a_gap(&beats(&steady));
    assert!(asked.count_of("/other") >= 3);
}

/// The disk takes nothing, as one that is full, from before the collector begins on.
#[test]
fn what_a_disk_did_not_take_is_recorded_with_the_begin_once_it_does() {
    let (url, asked) = serve(|request, stream| say(stream, "200 OK", message(request.number)));
    let world = World::new();
    world.write("pipelines/stadtbus-telemetrie.yaml", &pipeline(&[("feed", format!("{url}/feed"))]));
    let evidence = world.path("data/private/evidence");
    let _ = std::fs::remove_dir_all(&evidence);
    std::fs::create_dir_all(evidence.parent().unwrap()).unwrap();
    std::fs::write(&evidence, "").unwrap();
    let mut collecting = Collecting::start(&world, &["stadtbus-telemetrie"]);
    wait_for("three answers", || asked.count() >= 3);
    std::fs::remove_file(&evidence).unwrap();
    collecting.until("feed: kept");
    collecting.end();
    let all = records(&world, "feed");
    assert!(matches!(all[0].outcome, BeatOutcome::Note(Note::Started { .. })), "{all:?}");
    assert_eq!(beats(&all[..2])[0], all[0].beat.unwrap().due, "{all:?}");
    let skipped = all.iter().find(|record| matches!(record.outcome, BeatOutcome::Note(Note::Skipped { .. })));
    let of_disk = |note: &BeatOutcome| {
        matches!(note, BeatOutcome::Note(Note::Skipped { beats: 2.., reason: SkipReason::NotKept }))
    };
    assert!(skipped.is_some_and(|skipped| of_disk(&skipped.outcome)), "{all:?}");
    assert_without_a_gap(&beats(&all));
}

/// An archive that does not grow any more in the middle of a record, as on a full disk, by the limit of a process.
#[test]
fn an_archive_that_the_disk_cuts_within_a_record_is_gone_on_with_once_there_is_room() {
    let (url, asked) = serve(|request, stream| say(stream, "200 OK", message(request.number)));
    let world = World::new();
    world.write("pipelines/stadtbus-telemetrie.yaml", &pipeline(&[("feed", format!("{url}/feed"))]));
    let mut collecting =
        Collecting::start_by(&world, &["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""], &["stadtbus-telemetrie"]);
    collecting.until("feed: kept");
    wait_for("three records", || records(&world, "feed").len() >= 3);
    let archives = files(&world.path("data/private/evidence/feed"));
    let longest =
        archives.iter().filter(|(name, _)| name.contains(".warc")).map(|(_, bytes)| bytes.len()).max().unwrap();
    let limit = |bytes: Option<u64>| {
        let limit = rustix::process::Rlimit { current: bytes, maximum: None };
        rustix::process::prlimit(Some(collecting.pid()), rustix::process::Resource::Fsize, limit).unwrap()
    };
    limit(Some(longest as u64 + 100));
    let before = asked.count();
    wait_for("answers that cannot be kept", || asked.count() >= before + 4);
    limit(None);
    collecting.until("feed: kept, after");
    collecting.end();
    let all = records(&world, "feed");
    let of_disk = |record: &BeatRecord| {
        matches!(record.outcome, BeatOutcome::Note(Note::Skipped { reason: SkipReason::NotKept, .. }))
    };
    assert!(all.iter().any(of_disk), "{all:?}");
    assert_without_a_gap(&beats(&all));
    let verified = world.program(&["evidence", "verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn edits_are_told_one_by_one_and_a_file_that_is_gone_for_a_moment_takes_no_beat() {
    let (url, _) = serve(|request, stream| say(stream, "200 OK", message(request.number)));
    let world = World::new();
    for file in ["busplus", "stadtbus-fahrplan"] {
        let _ = std::fs::remove_file(world.path(&format!("pipelines/{file}.yaml")));
    }
    let (steady, other) =
        (pipeline(&[("steady", format!("{url}/steady"))]), pipeline(&[("other", format!("{url}/other"))]));
    world.write("pipelines/stadtbus-telemetrie.yaml", &steady);
    let mut collecting = Collecting::start(&world, &[]);
    collecting.until("steady: kept");
    world.write("pipelines/other.yaml", &other[..other.find("release:").unwrap()]);
    let told = collecting.until("other: every 1 s");
    assert!(told.contains("(added)") && !told.contains("steady: every"), "{told}");
    world.write("pipelines/other.yaml", &other.replace("every: 1 s", "every: 2 s"));
    let told = collecting.until("other: every 2 s");
    assert!(told.contains("(changed)") && !told.contains("steady: every"), "{told}");
    let (there, away) = (world.path("pipelines/stadtbus-telemetrie.yaml"), world.path("pipelines/away"));
    std::fs::rename(&there, &away).unwrap();
    std::thread::sleep(Duration::from_millis(900));
    std::fs::rename(&away, &there).unwrap();
    std::fs::remove_file(world.path("pipelines/other.yaml")).unwrap();
    let told = collecting.until("other: not asked any more (removed)");
    assert!(!told.contains("steady:"), "{told}");
    collecting.end();
    let steady = records(&world, "steady");
    assert_without_a_gap(&beats(&steady));
    let begins = |record: &&BeatRecord| matches!(record.outcome, BeatOutcome::Note(Note::Started { .. }));
    assert_eq!(steady.iter().filter(begins).count(), 1, "{steady:?}");
    let told = std::fs::read_to_string(world.path("collect.log")).unwrap();
    assert!(told.contains("other.yaml has mistakes that do not concern its sources"), "{told}");
}

#[test]
fn what_was_never_kept_is_asked_at_once_and_explained() {
    // The first collector finds nothing, neither does what comes along later.
    let (url, asked) = serve(|request, stream| match (request.path.as_str(), request.number) {
        ("/feed", 0) | ("/late", 0) => say(stream, "404 Not Found", ""),
        (_, number) => say(stream, "200 OK", message(number)),
    });
    let world = World::new();
    let daily = |names: &[&str]| {
        let sources: Vec<(&str, String)> = names.iter().map(|name| (*name, format!("{url}/{name}"))).collect();
        world.write("pipelines/stadtbus-telemetrie.yaml", &pipeline(&sources).replace("every: 1 s", "every: 1 day"));
    };
    daily(&["feed"]);
    let mut collecting = Collecting::start(&world, &["stadtbus-telemetrie"]);
    wait_for("the first request", || asked.count_of("/feed") > 0);
    daily(&["feed", "late"]);
    wait_for("the request of what came along", || asked.count_of("/late") > 0);
    collecting.end();
    for _ in 0..2 {
        let mut collecting = Collecting::start(&world, &["stadtbus-telemetrie"]);
        collecting.until("late: every 86400 s");
        wait_for("the second requests", || ["/feed", "/late"].iter().all(|path| asked.count_of(path) > 1));
        // What is kept is asked at its beats only.
        std::thread::sleep(Duration::from_millis(1500));
        collecting.end();
    }
    assert_eq!(["/feed", "/late"].map(|path| asked.count_of(path)), [2, 2]);
    for source in ["feed", "late"] {
        let output =
            world.command().env_remove("FAHRTENBUCH_NOW").args(["evidence", "gaps", source, "--json"]).output();
        let told: serde_json::Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
        let explained = &told[0]["explained"];
        assert_eq!((&explained["body"], &explained["unexplained"]), (&1.into(), &0.into()), "{told}");
        assert_eq!(explained["failed"], 0, "{told}");
    }
}

#[test]
fn a_second_collector_waits_and_a_run_leaves_the_sources_to_it() {
    let (url, asked) = serve(|request, stream| say(stream, "200 OK", message(request.number)));
    let world = World::new();
    world.write("pipelines/stadtbus-telemetrie.yaml", &pipeline(&[("feed", format!("{url}/feed"))]));
    world.replace("pipelines/stadtbus-telemetrie.yaml", "every: 1 s", "every: 1 day");
    let mut first = Collecting::start(&world, &["stadtbus-telemetrie"]);
    first.until("feed: every 86400 s");
    let mut second = Collecting::start(&world, &["stadtbus-telemetrie"]);
    second.until("another collector is at work");
    // A beat that was missed is made up for within a second.
    std::thread::sleep(Duration::from_millis(1500));
    let before = asked.count();
    let run = || world.command().env_remove("FAHRTENBUCH_NOW").args(["run", "stadtbus-telemetrie"]).output().unwrap();
    run();
    assert_eq!(asked.count(), before, "a run asked what a collector owns");
    // The time that it is to collect for is over while it waits.
    let begin = Instant::now();
    let third = world.command().env_remove("FAHRTENBUCH_NOW").args(["collect", "--for", "1"]).output().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(20) && third.status.code() == Some(0), "{third:?}");
    assert!(String::from_utf8_lossy(&third.stdout).contains("stopped while waiting"), "{third:?}");
    first.signal("KILL");
    second.until("feed: every 86400 s");
    let told = second.end();
    assert!(told.contains("stopped by SIGTERM"), "{told}");
    // Nobody collects now.
    let output = run();
    assert_eq!(asked.count(), before + 1, "{}", String::from_utf8_lossy(&output.stderr));
}
