//! The soak: a collector against a server with faults, killed, cut off and without room; what the server sent is compared with
//! what stands in the evidence. `benches/soak.sh` runs the long form.

mod compare;
mod drive;
mod log;
mod measure;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use drive::{Collector, Plan, Soaked, capture_once, collect_for, serve, soak, workspace};
use fahrtenbuch::capture::FailureKind;
use fahrtenbuch::capture::beat::Grid;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::capture::record::{BeatOutcome, Note};
use jiff::{SignedDuration, Timestamp};
use log::Span;

/// The most resident memory of a collector that hostile servers answer, in kB, the mapped program included. Bodies of 20 MB are
/// allowed there.
const HOSTILE_MEMORY: u64 = 150_000;

/// A twentieth of the rounds of `./test --long`.
fn rounds() -> u64 {
    std::env::var("FAHRTENBUCH_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20) / 20
}

fn short(seed: u64, collector: Collector) -> Plan {
    Plan {
        seed,
        feeds: 8,
        bytes: 20_000,
        every: 1,
        length: Duration::from_secs(14),
        kills: 3,
        cuts: 1,
        cut_seconds: 2,
        disk: None,
        sampled: Duration::from_secs(1),
        collector,
    }
}

/// Nothing is lost, doubled or damaged, and enough happened to see it.
fn assert_kept(soaked: &Soaked, plan: &Plan) {
    let (comparison, damage) = soaked.compare();
    let found = format!("{comparison:?}\n{damage:?}\n{:?}", soaked.problems);
    assert!(soaked.problems.is_empty(), "{found}");
    assert!(comparison.lost.is_empty() && comparison.doubled.is_empty() && damage.is_empty(), "{found}");
    assert_eq!(soaked.lives.len(), plan.kills as usize + 1, "{found}");
    assert_eq!(soaked.log.cuts.len(), plan.cuts as usize, "{found}");
    if plan.collector == Collector::Collect {
        assert_eq!(comparison.unrecorded, 0, "{found}");
        assert_every_beat_is_explained(soaked, plan);
    }
    // A tenth of the beats at least came to a body that must be there; the others may have been kills, cuts, faults, and restarts
    // of a machine that is busy with other tests.
    let beats = plan.feeds as u64 * plan.length.as_secs() / plan.every;
    assert!(comparison.due as u64 * 10 > beats, "{found}");
}

/// The numbers of `evidence gaps` add up to the beats of the whole time, by the grid of each source.
fn assert_every_beat_is_explained(soaked: &Soaked, plan: &Plan) {
    let period = Span { from: soaked.lives[0].from, until: soaked.lives.last().unwrap().until };
    let gaps = soaked.gaps();
    let sources = gaps.as_array().unwrap();
    let bulk: Vec<_> = sources.iter().filter(|of| of["source"].as_str().unwrap().starts_with("bulk-")).collect();
    assert_eq!(bulk.len(), plan.feeds, "{gaps}");
    for of in bulk {
        let grid = Grid::new(of["source"].as_str().unwrap(), Duration::from_secs(plan.every));
        // A beat may pass between the start of the process and its first record of a source, from which on beats count.
        let first: Timestamp = of["first_beat"].as_str().unwrap().parse().unwrap();
        let [from, until] = [first, period.until].map(|at| grid.after(at - SignedDuration::from_nanos(1)));
        assert!(from.due == first && first.duration_since(period.from) < SignedDuration::from_secs(7), "{of}");
        assert_eq!(of["beats"].as_u64(), Some(grid.between(from, until)), "{of}");
        let explained = of["explained"].as_object().unwrap();
        let sum: u64 = explained.values().filter_map(serde_json::Value::as_u64).sum();
        assert_eq!((Some(sum), explained["unexplained"].as_u64()), (of["beats"].as_u64(), Some(0)), "{of}");
    }
}

#[test]
fn a_collector_that_is_killed_and_cut_off_loses_and_doubles_nothing() {
    for seed in 1..=rounds().max(1) {
        let plan = short(seed, Collector::newest());
        let soaked = soak(&plan);
        assert_kept(&soaked, &plan);
        // The comparison finds it if a source's evidence is gone, and if it stands there twice.
        let source = soaked.evidence.join("bulk-03");
        let aside = soaked.evidence.join("bulk-99");
        crate::world::copy(&source, &aside);
        rename_archives(&aside, "bulk-03", "bulk-99");
        let doubled = soaked.compare().0.doubled;
        assert!(doubled.len() > 2 && doubled.iter().all(|body| body.starts_with("/bulk/3 ")), "{doubled:?}");
        std::fs::remove_dir_all(&source).unwrap();
        std::fs::remove_dir_all(&aside).unwrap();
        let lost = soaked.compare().0.lost;
        assert!(lost.len() > 2 && lost.iter().all(|body| body.starts_with("/bulk/3 ")), "{lost:?}");
    }
}

/// Archives have the name of their source.
fn rename_archives(folder: &std::path::Path, from: &str, to: &str) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            rename_archives(&path, from, to);
        } else if name.starts_with(from) {
            std::fs::rename(&path, path.with_file_name(name.replace(from, to))).unwrap();
        }
    }
}

#[test]
fn hostile_answers_end_and_take_no_memory() {
    let server = serve(&[]);
    let keys = "    read_timeout: 2\n    total_timeout: 3\n    tries: 1\n    max_bytes: 20000000\n";
    let endless = ["huge", "huge-length", "gzip-bomb", "drip", "headers", "short", "slow-headers"];
    // Without redirect-link-local: `capture` follows it, and a test must not ask the services of a machine.
    let redirects = ["redirect-file", "redirect-loop"];
    for name in [&endless[..], &redirects, &["long", "not-a-feed"]].concat() {
        let source = [(name.to_owned(), format!("/hostile/{name}"))];
        let world = workspace(&server.address, &source, keys);
        let (most, said) = capture_once(&world, Duration::from_secs(15));
        assert!(most < HOSTILE_MEMORY, "{name}: {most} kB: {said}");
        // What came wholly is evidence, whatever it is; all else is an error.
        let is_whole = matches!(name, "gzip-bomb" | "long" | "not-a-feed");
        assert_eq!(said.contains(&format!("error: stadtbus-telemetrie: {name}: ")), !is_whole, "{name}: {said}");
    }
}

#[test]
fn each_hostile_answer_to_a_collector_is_a_failure_record() {
    let server = serve(&[]);
    let keys = "    every: 4 s\n    read_timeout: 2\n    total_timeout: 3\n    tries: 1\n    max_bytes: 20000000\n";
    let expected: [(&str, &[FailureKind]); 12] = [
        ("huge", &[FailureKind::TooLarge]),
        ("huge-length", &[FailureKind::TooLarge]),
        ("gzip-bomb", &[FailureKind::TooLarge]),
        ("drip", &[FailureKind::TimeOut]),
        ("redirect-file", &[FailureKind::Redirect]),
        ("redirect-link-local", &[FailureKind::Redirect]),
        ("redirect-loop", &[FailureKind::Redirect]),
        ("short", &[FailureKind::CutOff]),
        ("long", &[]),
        ("headers", &[FailureKind::CutOff, FailureKind::Other]),
        ("not-a-feed", &[]),
        ("slow-headers", &[FailureKind::TimeOut]),
    ];
    let sources: Vec<_> = expected.iter().map(|(name, _)| ((*name).to_owned(), format!("/hostile/{name}"))).collect();
    let world = workspace(&server.address, &sources, keys);
    let most = collect_for(&world, 10);
    // Several bodies of 20 MB are under way at once.
    assert!(most < HOSTILE_MEMORY + 60_000, "{most} kB");
    let store = Store::new(world.path("data/private/evidence"));
    let now = Timestamp::now();
    for (name, kinds) in expected {
        let records =
            store.records(name, now - SignedDuration::from_mins(5), now + SignedDuration::from_mins(5)).unwrap();
        let failed: Vec<FailureKind> = (records.iter())
            .filter_map(|record| match &record.outcome {
                BeatOutcome::Note(Note::Failed { kind, .. }) => Some(*kind),
                _ => None,
            })
            .collect();
        let unreadable: Vec<&str> = records.iter().filter_map(|record| record.unreadable.as_deref()).collect();
        if kinds.is_empty() {
            // What came wholly is kept, and marked.
            let kind = if name == "long" { "cut_off" } else { "html" };
            assert!(failed.is_empty() && unreadable.len() >= 2, "{name}: {records:?}");
            assert!(unreadable.iter().all(|unreadable| *unreadable == kind), "{name}: {unreadable:?}");
        } else {
            assert!(failed.len() >= 2 && failed.iter().all(|kind| kinds.contains(kind)), "{name}: {failed:?}");
            assert!(unreadable.is_empty(), "{name}: {unreadable:?}");
        }
    }
}

/// A number from the environment.
fn setting<T: FromStr>(name: &str, otherwise: T) -> T {
    match std::env::var(format!("FAHRTENBUCH_SOAK_{name}")) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("FAHRTENBUCH_SOAK_{name} is no number: {text}")),
        Err(_) => otherwise,
    }
}

#[test]
#[ignore = "takes half an hour and an idle machine: benches/soak.sh"]
fn the_soak_is_measured() {
    let collector = match std::env::var("FAHRTENBUCH_SOAK_COMMAND").as_deref() {
        Ok("capture") => Collector::Capture,
        _ => Collector::newest(),
    };
    let plan = Plan {
        seed: setting("SEED", 1),
        feeds: setting("FEEDS", 50),
        bytes: setting("BYTES", 100_000),
        every: setting("EVERY", 5),
        length: Duration::from_secs(setting("SECONDS", 1800)),
        kills: setting("KILLS", 10),
        cuts: setting("CUTS", 3),
        cut_seconds: setting("CUT_SECONDS", 20),
        disk: std::env::var_os("FAHRTENBUCH_SOAK_DISK").map(PathBuf::from),
        sampled: Duration::from_secs(10),
        collector,
    };
    println!("{plan:?}");
    let soaked = soak(&plan);
    print(&soaked, plan.every as i64 * 1000);
    assert_kept(&soaked, &plan);
}

/// Prints what was measured, with what issue 16 asks for.
fn print(soaked: &Soaked, every: i64) {
    let (comparison, damage) = soaked.compare();
    let beats = measure::beats(&soaked.log, every);
    let first = measure::first_requests(&soaked.log, &soaked.lives);
    let slowest = first.iter().skip(1).flatten().max().copied().unwrap_or_default();
    println!("requests          {}", soaked.log.asked.len());
    println!("bodies sent       {}, of them due {}", comparison.sent, comparison.due);
    println!("captures          {}", comparison.kept);
    println!("lost              {} (0)", comparison.lost.len());
    println!("doubled           {} (0)", comparison.doubled.len());
    println!("unrecorded        {} (0 of collect)", comparison.unrecorded);
    println!("damaged           {} (0)", damage.len());
    println!("beats, retries    {}, {}", beats.beats, beats.retries);
    let [half, most, worst] = [50, 99, 100].map(|percent| beats.percentile(percent));
    println!("jitter in ms      p50 {half}, p99 {most} (at most 100), worst {worst}");
    println!("drift in ms       {}", beats.drift);
    println!("bursts            {} (0)", beats.bursts.len());
    for (place, what) in ["memory in kB", "without files"].into_iter().enumerate() {
        let samples: Vec<u64> = soaked.memory.iter().map(|sample| sample[place]).collect();
        let third = samples.len() / 3;
        let mean = |part: &[u64]| part.iter().sum::<u64>() / part.len().max(1) as u64;
        let [first, last] = [&samples[..third], &samples[samples.len() - third..]].map(mean);
        let most = samples.iter().max().copied().unwrap_or_default();
        println!("{what:<17} first third {first}, last third {last}, most {most} (at most 51,200): {samples:?}");
    }
    println!("first request     {slowest} ms after a restart at most (1000): {first:?}");
    println!("cuts, kills, full {}, {}, {}", soaked.log.cuts.len(), soaked.lives.len() - 1, soaked.full.len());
    for line in comparison.lost.iter().chain(&comparison.doubled).chain(&damage).chain(&beats.bursts).take(40) {
        println!("  {line}");
    }
    for line in &soaked.problems {
        println!("  {line}");
    }
}
