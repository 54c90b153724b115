//! What the starter rules cost: vehicle locations through decode, the rules of the feed, the shaping, the rules of the
//! release, and Parquet, each timed by itself.
//!
//! `cargo bench --profile release --bench check -- [MILLIONS]`; one million unless another number is given. The city's day is
//! repeated under other names of vehicles and trips, the timetable with it, so that the rules find what they would in a
//! larger city. Prints the peak memory of the process.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a benchmark may end where it is")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what is measured goes to the terminal")]
#![allow(clippy::disallowed_methods, reason = "a benchmark knows what it made")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use fahrtenbuch::capture::evidence::{self, Store};
use fahrtenbuch::check::area::ServiceArea;
use fahrtenbuch::check::context::{RuleContext, Siblings, timetable_needs};
use fahrtenbuch::check::timetable::Timetable;
use fahrtenbuch::check::{CheckError, Outcome, RuleResult, TableCheck};
use fahrtenbuch::contract::Contract;
use fahrtenbuch::contract::library::Library;
use fahrtenbuch::decode::{self, Decoded, Limits, Step};
use fahrtenbuch::derive::derivation::Derived;
use fahrtenbuch::derive::privacy::{Pseudonyms, public_only};
use fahrtenbuch::derive::reports::Fleets;
use fahrtenbuch::derive::telemetry::{self, Repeats, Settings};
use fahrtenbuch::publish::parquet::Writer;
use fahrtenbuch::simulate::{Simulation, write};
use fahrtenbuch::table::keys::Keys;
use fahrtenbuch::table::{Budget, Chunk, Origin};
use jiff::Timestamp;
use jiff::tz::TimeZone;

const SOURCE: &str = "stadtbus-vehicle-positions";
/// Columns whose values are other ones in every repetition.
const NAMES: [&str; 5] = ["vehicle_id", "entity_id", "trip_id", "block_id", "license_plate"];

fn main() {
    // What each rule takes: FAHRTENBUCH_LOG=trace.
    let filter = tracing_subscriber::EnvFilter::try_from_env("FAHRTENBUCH_LOG").unwrap_or_default();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let millions: f64 = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1.0);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let date = "2026-11-24".parse().expect("a date");
    let simulation = Simulation::new(1, date, true).expect("a city");
    write::evidence(&simulation, folder.path(), [86_400, 10, 86_400, 86_400]).expect("evidence");
    let feed = Library::read(&root.join("schemas/gtfs-realtime")).expect("contracts");
    let release = Library::read(&root.join("schemas/stadtbus")).expect("contracts");
    let zone = TimeZone::get("Europe/Berlin").expect("a zone");

    let begin = Instant::now();
    let day = rows_of(positions(folder.path(), &feed));
    let rows_of_day: usize = day.iter().map(|chunk| chunk.rows.num_rows()).sum();
    let of_one = begin.elapsed();
    let copies = (millions * 1e6 / rows_of_day as f64).ceil() as usize;
    // Decoded as often as there are copies; all copies at once would not fit.
    let mut decode_time = of_one;
    for _ in 1..copies {
        let begin = Instant::now();
        std::hint::black_box(rows_of(positions(folder.path(), &feed)));
        decode_time += begin.elapsed();
    }

    let zip = write::gtfs_zip(&simulation).expect("a timetable");
    let gtfs = Arc::new(Library::gtfs());
    let origin = Origin { name: "timetable".into(), captured_at: Timestamp::UNIX_EPOCH };
    let needs = timetable_needs(feed.contracts.values().chain(release.contracts.values()), &gtfs);
    let decoded = decode::gtfs::decode("timetable", zip.into(), &origin, &gtfs, Limits::default()).expect("a feed");
    let begin = Instant::now();
    let timetable =
        repeated_timetable(Timetable::read(decoded, needs, date).expect("a timetable"), &gtfs, copies, date);
    println!("timetable of {copies} cities: {:.2} s", begin.elapsed().as_secs_f64());

    let around = |library: &Library| {
        let mut around = RuleContext::of(date);
        (around.zone, around.gtfs) = (zone.clone(), gtfs.clone());
        around.area = ServiceArea::of_box([48.2, 7.6, 48.75, 8.3]).ok();
        around.timetable = Ok(timetable.clone());
        around.spool = folder.path().join("spool");
        around.siblings = Siblings::of(library.contracts.values());
        Arc::new(around)
    };
    let budget = Budget::new(2 << 30);
    // The writer of the release has an account of its own here: what it holds is not the cost of rules.
    let of_writer = Budget::new(1 << 30);
    let origins: Arc<[Origin]> = positions(folder.path(), &feed).tables[0].origins.clone();
    let source = feed.get("vehicle_positions").expect("a contract").clone();
    let target = release.get("vehicle_locations").expect("a contract").clone();
    let check = |contract: &Arc<Contract>, library: &Library| {
        TableCheck::new(contract.clone(), origins.clone(), &[], around(library), budget.clone()).expect("a check")
    };
    let (mut first, mut second) = (check(&source, &feed), check(&target, &release));
    let settings = Settings {
        service_date: date,
        zone: zone.clone(),
        pseudonyms: Arc::new(Pseudonyms::new([7; 32])),
        occupancy_source: "apc".into(),
        fleets: Fleets::default(),
        are_entities_vehicles: false,
        counts_lines: false,
        repeats: Repeats::Dropped,
    };
    let mut derivation =
        telemetry::derivation(source.clone(), target.clone(), settings, budget.clone()).expect("a derivation");
    let mut writer = Writer::new(folder.path(), &target, Vec::new(), of_writer).expect("a writer");
    let (keys, mut times) = (Keys::default(), Times::default());
    let (mut rows_in, mut rows_out) = (0, 0);
    // What the encoder does beside the others is not seen in a push; that is added where it is waited for.
    for chunk in &day {
        for copy in 0..copies {
            let chunk = renamed_chunk(chunk, copy);
            rows_in += chunk.rows.num_rows();
            let passed = timed(&mut times.feed_rules, || first.push(chunk, &keys).expect("rows")).passed;
            for rows in passed {
                for Derived { chunk, .. } in timed(&mut times.derive, || derivation.push(0, rows).expect("rows")) {
                    let checked = timed(&mut times.release_rules, || second.push(chunk, &keys).expect("rows"));
                    checked
                        .passed
                        .iter()
                        .for_each(|rows| write_rows(&mut writer, &target, rows, &mut times, &mut rows_out));
                }
            }
        }
    }
    drop(day);
    let mut last = Vec::new();
    let begin = Instant::now();
    let of_feed = first.finish(&mut Keys::default(), &mut |checked| -> Result<(), CheckError> {
        last.extend(checked.passed);
        Ok(())
    });
    times.feed_rules += begin.elapsed();
    for rows in last.drain(..) {
        for Derived { chunk, .. } in timed(&mut times.derive, || derivation.push(0, rows).expect("rows")) {
            let checked = timed(&mut times.release_rules, || second.push(chunk, &keys).expect("rows"));
            checked.passed.iter().for_each(|rows| write_rows(&mut writer, &target, rows, &mut times, &mut rows_out));
        }
    }
    let mut rest = timed(&mut times.derive, || derivation.finish().expect("rows")).derived;
    while let Some(Derived { chunk, .. }) = timed(&mut times.derive, || rest.next().transpose().expect("rows")) {
        let checked = timed(&mut times.release_rules, || second.push(chunk, &keys).expect("rows"));
        checked.passed.iter().for_each(|rows| write_rows(&mut writer, &target, rows, &mut times, &mut rows_out));
    }
    let (begin, written) = (Instant::now(), times.parquet);
    let of_release = second.finish(&mut Keys::default(), &mut |checked| -> Result<(), CheckError> {
        checked.passed.iter().for_each(|rows| write_rows(&mut writer, &target, rows, &mut times, &mut rows_out));
        Ok(())
    });
    times.release_rules += begin.elapsed() - (times.parquet - written);
    let bytes = timed(&mut times.parquet, || writer.finish().expect("a file")).bytes;

    let seconds = |time: Duration| time.as_secs_f64();
    println!("{rows_in} rows in, {rows_out} locations published, {bytes} bytes of Parquet");
    println!("decode            {:6.2} s", seconds(decode_time));
    println!("rules of the feed {:6.2} s, {} rules", seconds(times.feed_rules), tell(&of_feed.expect("outcomes")));
    println!("derive            {:6.2} s", seconds(times.derive));
    println!(
        "rules of release  {:6.2} s, {} rules",
        seconds(times.release_rules),
        tell(&of_release.expect("outcomes"))
    );
    println!("parquet           {:6.2} s", seconds(times.parquet));
    let rules = seconds(times.feed_rules + times.release_rules);
    let both = seconds(decode_time + times.parquet);
    println!("rules beside decode and parquet: {rules:.2} s / {both:.2} s = {:.2}", rules / both);
    println!("peak memory: {} MiB", peak());
}

#[derive(Default)]
struct Times {
    feed_rules: Duration,
    derive: Duration,
    release_rules: Duration,
    parquet: Duration,
}

fn timed<T>(sum: &mut Duration, run: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let result = run();
    *sum += begin.elapsed();
    result
}

fn write_rows(writer: &mut Writer, contract: &Contract, rows: &RecordBatch, times: &mut Times, count: &mut usize) {
    *count += rows.num_rows();
    let public = public_only(contract, rows).expect("public columns");
    timed(&mut times.parquet, || writer.push(public).expect("rows"));
}

/// How many rules there are; one that could not run ends the benchmark.
fn tell(outcomes: &[Outcome]) -> usize {
    let broken: Vec<_> = outcomes.iter().filter(|outcome| outcome.result == RuleResult::Error).collect();
    assert!(broken.is_empty(), "{broken:?}");
    if std::env::var_os("FINDINGS").is_some() {
        for outcome in outcomes.iter().filter(|outcome| outcome.rows > 0) {
            println!("  {} {} of {}", outcome.rule, outcome.rows, outcome.checked);
        }
    }
    outcomes.len()
}

fn positions(folder: &Path, contracts: &Library) -> Decoded {
    let store = Store::new(folder);
    let listing = store.list(
        SOURCE,
        "2026-11-23T00:00:00Z".parse().expect("an instant"),
        "2026-11-26T00:00:00Z".parse().expect("an instant"),
    );
    let entries = listing.expect("evidence").entries;
    let origins = entries
        .iter()
        .map(|entry| Origin { name: format!("{SOURCE} {}", entry.captured_at), captured_at: entry.captured_at })
        .collect();
    let captures = Box::new(evidence::read(entries));
    decode::gtfs_realtime::decode(origins, captures, contracts, Limits::default(), Budget::new(1 << 30))
        .expect("captures")
}

/// The chunks of vehicle positions.
fn rows_of(decoded: Decoded) -> Vec<Chunk> {
    let place = decoded.tables.iter().position(|head| head.contract.table == "vehicle_positions").expect("the table");
    let steps = decoded.steps.filter_map(|step| match step.expect("a step") {
        Step::Rows { table, chunk } if table == place => Some(chunk),
        _ => None,
    });
    steps.collect()
}

/// A column's values with a mark of the copy; the first copy stays as it is.
fn marked(array: &ArrayRef, copy: usize) -> ArrayRef {
    match array.as_string_opt::<i32>() {
        Some(texts) if copy > 0 => {
            Arc::new(texts.iter().map(|text| text.map(|text| format!("{text}~{copy}"))).collect::<StringArray>())
        }
        _ => array.clone(),
    }
}

fn renamed(rows: &RecordBatch, copy: usize) -> RecordBatch {
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns());
    let columns = columns.map(|(field, array)| match NAMES.contains(&field.name().as_str()) {
        true => marked(array, copy),
        false => array.clone(),
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).expect("the same columns")
}

fn renamed_chunk(chunk: &Chunk, copy: usize) -> Chunk {
    Chunk { rows: renamed(&chunk.rows, copy), flaws: chunk.flaws.clone(), remarks: chunk.remarks.clone() }
}

fn repeated_timetable(
    timetable: Timetable,
    gtfs: &Library,
    copies: usize,
    date: fahrtenbuch::time::ServiceDate,
) -> Arc<Timetable> {
    let mut tables = std::collections::BTreeMap::new();
    for name in ["trips", "stop_times", "stops", "routes", "shapes", "frequencies"] {
        let Some(rows) = timetable.table(name, gtfs) else { continue };
        let is_of_trips = ["trips", "stop_times", "frequencies"].contains(&name);
        let copies: Vec<RecordBatch> =
            (0..if is_of_trips { copies } else { 1 }).map(|copy| renamed(&rows, copy)).collect();
        let all = arrow_select::concat::concat_batches(&rows.schema(), &copies).expect("the same columns");
        tables.insert(name.to_owned(), all);
    }
    Arc::new(Timetable::of(tables, date).expect("a timetable"))
}

/// Of this process, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() / 1024
}
