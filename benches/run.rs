//! The whole run of a timetable, from zip to published Parquet, beside `unzip -p` of the same zip in the same minute, and
//! the telemetry run of a simulated day in positions a second.
//!
//! `cargo bench --profile release --bench run [FEED.zip]`; the feed defaults to `../shared/feeds/mta-bus-m.zip`.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a benchmark may end where it is")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what is measured goes to the terminal")]
#![allow(clippy::disallowed_methods, reason = "a benchmark knows what it made")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_fahrtenbuch");
const ROUNDS: usize = 7;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let given = std::env::args().skip(1).find(|argument| argument.ends_with(".zip"));
    let feed = given.map_or_else(|| root.join("../shared/feeds/mta-bus-m.zip"), Into::into);
    let (mut unzip, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (seconds, _) = timed(Command::new("unzip").arg("-p").arg(&feed));
        unzip.push(seconds);
        let folder = workspace(&feed, root);
        whole.push(timed(Command::new(PROGRAM).arg("-C").arg(folder.path()).arg("run")));
    }
    let limit = median(unzip);
    let peak = whole.iter().map(|(_, peak)| *peak).max().unwrap_or_default();
    let seconds = median(whole.into_iter().map(|(seconds, _)| seconds).collect());
    println!("timetable: {seconds:.3} s, peak {peak} MiB; unzip -p: {limit:.3} s; ratio {:.2}", seconds / limit);
    for (interval, feeds) in [("15", 3), ("2", 3), ("2", 1)] {
        telemetry(root, interval, feeds);
    }
}

/// A day of snapshots, so many seconds apart; of all three feeds, or of vehicle positions only.
fn telemetry(root: &Path, interval: &str, feeds: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy(&root.join("schemas"), &folder.path().join("schemas"));
    let evidence = folder.path().join("data/sample/evidence");
    let simulate = ["simulate", "--date", "2026-11-24", "--faults", "--interval", interval, "--evidence"];
    timed(Command::new(PROGRAM).args(simulate).arg(&evidence));
    // The rules look into the timetable, which is captured with the first run.
    for file in ["fahrtenbuch.yaml", "pipelines", "data/sample/stadtbus-gtfs.zip"] {
        copy(&root.join(file), &folder.path().join(file));
    }
    let feeds_away = ["stadtbus-alerts", "stadtbus-trip-updates"].iter().take(3 - feeds);
    feeds_away.for_each(|feed| std::fs::remove_dir_all(evidence.join(feed)).expect("a feed"));
    let begin = Instant::now();
    let mut command = Command::new(PROGRAM);
    command.arg("-C").arg(folder.path()).args(["run", "stadtbus-telemetrie", "--date", "2026-11-24", "--json"]);
    let output = command.output().expect("the program runs");
    let seconds = begin.elapsed().as_secs_f64();
    let results: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let rows = |table: &str| {
        let tables = results[0]["record"]["tables"].as_array().expect("tables").iter();
        tables.filter(|entry| entry["table"] == table).filter_map(|entry| entry["rows_in"].as_u64()).sum::<u64>()
    };
    let positions = rows("vehicle_locations");
    let _ = std::fs::remove_dir_all(folder.path().join("data/bucket"));
    let _ = std::fs::remove_dir_all(folder.path().join("data/private"));
    let run = ["run", "stadtbus-telemetrie", "--date", "2026-11-24"];
    let (_, peak) = timed(Command::new(PROGRAM).arg("-C").arg(folder.path()).args(run));
    println!(
        "telemetry, {feeds} feeds every {interval} s: {positions} positions and {} predictions in {seconds:.2} s, {:.0} positions a \
         second, peak {peak} MiB",
        rows("trip_updates"),
        positions as f64 / seconds
    );
}

fn workspace(feed: &Path, root: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy(&root.join("schemas"), &folder.path().join("schemas"));
    copy(&root.join("fahrtenbuch.yaml"), &folder.path().join("fahrtenbuch.yaml"));
    let pipeline = format!(
        "format: gtfs\ncontracts: schemas/gtfs\nsources:\n  - {{name: feed, type: file, path: '{}'}}\n",
        feed.canonicalize().expect("the feed").display()
    );
    std::fs::create_dir_all(folder.path().join("pipelines")).expect("a folder");
    std::fs::write(folder.path().join("pipelines/feed.yaml"), pipeline).expect("a pipeline");
    folder
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        for entry in std::fs::read_dir(from).expect("a folder").flatten() {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        std::fs::create_dir_all(to.parent().expect("a parent")).expect("a folder");
        std::fs::copy(from, to).expect("a copy");
    }
}

/// Seconds and peak memory (MiB) of a command; it must succeed.
fn timed(command: &mut Command) -> (f64, u64) {
    let begin = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        // The peak only grows, so the last look before the end is nearly it.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(peak).max(peak);
        if let Some(status) = child.try_wait().expect("the command ends") {
            assert!(status.success(), "{command:?}");
            return (begin.elapsed().as_secs_f64(), peak / 1024);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
