//! A signed bucket of a thousand releases, made by the program day by day: what somebody may do to it is found, and what that costs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fahrtenbuch::digest::Digest;
use serde_json::{Value, json};

use super::forgeries::FORGERIES;
use super::tamperings::{Bucket, Signing, TAMPERINGS, Tampering};
use super::{STOPS, TIMETABLE, number, wrong};
use crate::broken_feeds::changed;
use crate::log::succeeds;
use crate::log_signed::{name_log, new_key};
use crate::measure::{self, VERIFY_PEAK, VERIFY_TIME};
use crate::purge::{PIPELINE, collected};
use crate::releases::{rollback, withdraw};
use crate::world::{World, files};

/// The first date that is collected, after the timetable of the first of October.
const FIRST: jiff::civil::Date = jiff::civil::date(2026, 10, 2);
/// After all dates.
const PUBLISHED: &str = "2027-03-20T12:00:00Z";
/// On which the first two dates are over thirteen months.
const PURGED: &str = "2027-11-04T12:00:00Z";
/// When files that were replaced are over twelve months.
const COLLECTED: &str = "2028-12-27T12:00:00Z";

/// Whether it is the whole thousand, or a twentieth.
fn is_whole() -> bool {
    number("FAHRTENBUCH_TEST_ROUNDS").is_some_and(|rounds| rounds >= 20)
}

/// Each date has five tables, and two that tell of its release.
fn dates() -> Vec<String> {
    let days = if is_whole() { 145 } else { 5 };
    (0..days).map(|day| FIRST.checked_add(jiff::Span::new().days(day)).unwrap().to_string()).collect()
}

/// Another timetable than the one before.
fn add_a_stop(world: &World, number: u32) {
    changed(world, "stops.txt", |text| {
        let row = format!("\nneu-{number},Neue Haltestelle {number},48.47,7.94,0,,1,\n");
        Some(String::from_utf8(text).unwrap().replacen('\n', &row, 1).into_bytes())
    });
}

/// A bucket, and what somebody knows of it.
struct Thousand {
    world: World,
    root: PathBuf,
    /// The public keys, as arguments, with the checkpoint that was kept.
    known: Vec<String>,
    signing: Signing,
    before: BTreeMap<String, Vec<u8>>,
}

impl Thousand {
    /// Publishes dates, and does to them what a publisher does; a part of it after somebody kept the checkpoint.
    fn new() -> Self {
        let dates = dates();
        let all: Vec<&str> = dates.iter().map(String::as_str).collect();
        let (first, last) = all.split_at(all.len() - 2);
        let mut world = collected(&all, "3600");
        world.keep_publication();
        name_log(&world);
        world.set_clock(PUBLISHED);
        let old = new_key(&world, &[]);
        let secrets = |world: &World| -> Vec<String> {
            let folder = files(&world.path("data/private/keys/signing"));
            let keys = folder.into_iter().filter(|(name, _)| name.ends_with(".key"));
            keys.map(|(_, bytes)| String::from_utf8(bytes).unwrap().trim().to_owned()).collect()
        };
        let [first_secret] = &secrets(&world)[..] else { panic!("one key has one secret") };
        let first_secret = first_secret.clone();
        let run = |world: &World, of: &[&str]| {
            succeeds(world, &["run", PIPELINE, "--from", of[0], "--to", of[of.len() - 1]]);
        };
        world.run_of(&[TIMETABLE]);
        // The second and the third are of the same date, so that one takes the place of the other.
        for number in 0..2 {
            add_a_stop(&world, number);
            world.run_of(&[TIMETABLE]);
        }
        succeeds(&world, &rollback(STOPS, "2", &[]));
        run(&world, first);
        succeeds(&world, &withdraw(PIPELINE, first[1], &[]));

        let before = files(&world.path("data/bucket"));
        let kept = world.path("kept").to_string_lossy().into_owned();
        let checkpoint = String::from_utf8(before["ledger/checkpoint"].clone()).unwrap();
        std::fs::write(&kept, &checkpoint).unwrap();
        let since = checkpoint.lines().nth(1).unwrap().parse().unwrap();

        run(&world, last);
        let said = succeeds(&world, &["key", "rotate", "--reason", "every two years"]);
        let new = said.lines().find(|line| line.starts_with("stadt.example")).unwrap().to_owned();
        let second_secret = secrets(&world).into_iter().find(|secret| *secret != first_secret).unwrap();
        add_a_stop(&world, 2);
        world.run_of(&[TIMETABLE]);
        succeeds(&world, &withdraw(PIPELINE, last[0], &[]));
        world.set_clock(PURGED);
        succeeds(&world, &["compact"]);
        succeeds(&world, &["evidence", "purge"]);
        world.set_clock(COLLECTED);
        let gc = world.program(&["gc"]);
        assert!(matches!(gc.status.code(), Some(0 | 4)), "{}", super::told(&gc));
        let known = ["--since", &kept, "--key", &old, "--key", &new].map(str::to_owned).to_vec();
        let signing = Signing { secrets: [first_secret, second_secret], since };
        Self { root: world.path("data/bucket"), world, known, signing, before }
    }

    fn verify(&self) -> std::process::Command {
        let mut command = self.world.command();
        command.arg("verify").arg(&self.root).arg("--json").args(&self.known);
        command
    }

    /// How many releases the log has, and entries.
    fn entries(&self) -> BTreeMap<String, usize> {
        let mut found = BTreeMap::new();
        for bytes in files(&self.root.join("ledger/log")).values() {
            let version: Value = serde_json::from_slice(bytes).unwrap();
            for entry in version["entries"].as_array().unwrap() {
                let words: Vec<&str> = entry.as_str().unwrap().split(' ').collect();
                let kind = if words[0] == "release" { words[0].to_owned() } else { words[..2].join(" ") };
                *found.entry(kind).or_default() += 1;
            }
        }
        found
    }
}

/// What was done to the bucket, as indexes tell it.
fn acts(all: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for (_, bytes) in all.iter().filter(|(name, _)| super::tamperings::is_index(name)) {
        let index: Value = serde_json::from_slice(bytes).unwrap();
        if let Some(kind) = index["release"]["act"]["kind"].as_str() {
            *found.entry(kind.to_owned()).or_default() += 1;
        }
    }
    found
}

/// With 'FAHRTENBUCH_TEST_ROUNDS=200' two hundred of a bucket of a thousand releases; else one of each of a twentieth.
#[test]
fn tamperings_of_a_signed_bucket_of_a_thousand_releases_are_all_named_and_verify_takes_a_second_and_50_mib() {
    let thousand = Thousand::new();
    let entries = thousand.entries();
    let all = files(&thousand.root);
    let acts = acts(&all);
    println!("{entries:?}, of these {acts:?}; {} files", all.len());
    assert!(entries["release"] >= if is_whole() { 1000 } else { 50 }, "{entries:?}");
    // Files are collected that sixty-four versions since do not name: a twentieth has none.
    let kinds = ["record key", "record purge", "record gc"];
    for kind in &kinds[..if is_whole() { 3 } else { 2 }] {
        assert!(entries.contains_key(*kind), "{kind}: {entries:?}");
    }
    for kind in ["rollback", "withdrawal", "compaction"] {
        assert!(acts.contains_key(kind), "{kind}: {acts:?}");
    }

    // Untouched, nothing is found, and it costs little more than reading all of it.
    let is_looked_at = |name: &&String| {
        ["ledger/", "meta/", "data/", "revised/"].iter().any(|folder| name.starts_with(folder))
            || name.ends_with("/quality.json")
    };
    let begun = measure::own_time();
    let read = |name: &String| Digest::of(&std::fs::read(thousand.root.join(name)).unwrap());
    let read: Vec<Digest> = all.keys().filter(is_looked_at).map(read).collect();
    let reading = measure::own_time() - begun;
    println!("{} files are read", read.len());
    let cost = measure::cost(&mut thousand.verify());
    let found: Value = serde_json::from_slice(&cost.stdout).unwrap_or_else(|error| panic!("{error}: {}", cost.said()));
    println!(
        "verify: {:?} of processor time, {} MiB; reading alone {reading:?}; {}",
        cost.time, cost.peak, found["looked_at"]
    );
    assert_eq!((cost.code, &found["faults"], &found["is_signed"]), (Some(0), &json!([]), &true.into()), "{found:#}");
    assert!(cost.peak <= VERIFY_PEAK, "{} MiB", cost.peak);
    assert!(cost.time.saturating_sub(reading) <= VERIFY_TIME, "{:?} with {reading:?} of reading", cost.time);

    let seed = number("FAHRTENBUCH_TEST_SEED").unwrap_or(20);
    let kinds: Vec<&(&str, Tampering)> = TAMPERINGS.iter().chain(FORGERIES).collect();
    let rounds = if is_whole() { super::rounds() } else { kinds.len() as u64 };
    let mut bucket = Bucket::new(&thousand.root, &all, &thousand.before, Some(&thousand.signing));
    let (mut problems, mut done) = (Vec::new(), BTreeMap::<&str, [usize; 2]>::new());
    for round in 0..rounds {
        let mut rng = fastrand::Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(round));
        let (name, tampering) = kinds[round as usize % kinds.len()];
        let expected = tampering(&mut bucket, &mut rng);
        let problem = wrong(&expected, &thousand.verify().output().unwrap());
        let of_kind = done.entry(name).or_default();
        *of_kind = [of_kind[0] + 1, of_kind[1] + usize::from(problem.is_none())];
        if let Some(problem) = problem {
            problems.push(format!("FAHRTENBUCH_TEST_SEED={seed}, round {round}, {name}: {problem}"));
        }
        bucket.undo();
    }
    done.iter().for_each(|(name, [done, named])| println!("{name}: {named} of {done} named"));
    assert!(files(&thousand.root) == all, "what was changed was not put back");
    assert!(problems.is_empty(), "{} of {rounds}:\n{}", problems.len(), problems.join("\n"));
}
