//! What each room costs on a timetable: decoding alone, decoding and checking, replacing ids by a mapping file, and the Parquet file of its stop times with
//! our encodings on all cores beside the library's defaults on one; and the Parquet file of published telemetry, out of order.
//!
//! `cargo bench --profile release --bench rooms -- [FEED.zip] [vehicle_locations.parquet]...`; the feed defaults to
//! `../shared/feeds/mta-bus-m.zip`. Telemetry is written by `taskset -c 0` on one core: bytes of Arrow in, sorted, encoded, compressed, hashed.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a benchmark may end where it is")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what is measured goes to the terminal")]
#![allow(clippy::disallowed_methods, reason = "a benchmark knows what it made")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use fahrtenbuch::check::context::RuleContext;
use fahrtenbuch::check::{self, CheckError, TableCheck};
use fahrtenbuch::contract::library::Library;
use fahrtenbuch::decode::{Decoded, Limits, Step, gtfs};
use fahrtenbuch::derive::privacy::public_only;
use fahrtenbuch::pipeline::mapping::{Dictionary, Mapping};
use fahrtenbuch::publish::parquet::Writer;
use fahrtenbuch::table::keys::Keys;
use fahrtenbuch::table::{Budget, Origin};
use fahrtenbuch::yaml::Problems;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

const ROUNDS: usize = 5;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let published: Vec<String> = std::env::args().filter(|argument| argument.ends_with(".parquet")).collect();
    published.iter().for_each(|path| telemetry(root, Path::new(path)));
    if !published.is_empty() {
        return;
    }
    let given = std::env::args().skip(1).find(|argument| argument.ends_with(".zip"));
    let feed = given.map_or_else(|| root.join("../shared/feeds/mta-bus-m.zip"), Into::into);
    let bytes = bytes::Bytes::from(std::fs::read(feed).expect("the feed"));
    let contracts = Library::read(&root.join("schemas/gtfs")).expect("the contracts");
    let decode = || {
        let origin = Origin { name: "feed".into(), captured_at: jiff::Timestamp::UNIX_EPOCH };
        gtfs::decode("feed", bytes.clone(), &origin, &contracts, Limits::default()).expect("a feed")
    };
    let mut rows = 0;
    let seconds = median(|| rows = decoded(decode()).iter().map(RecordBatch::num_rows).sum());
    println!("decode: {rows} rows in {seconds:.3} s, {:.1} million rows a second", rows as f64 / seconds / 1e6);
    let seconds = median(|| checked(decode(), &contracts));
    println!("decode and check: {seconds:.3} s, {:.1} million rows a second", rows as f64 / seconds / 1e6);

    let contract = contracts.get("stop_times").expect("stop times");
    let trips: Vec<ArrayRef> = decoded(decode())
        .iter()
        .filter(|batch| batch.schema() == contract.chunk_schema())
        .filter_map(|batch| batch.column_by_name("trip_id").cloned())
        .collect();
    let seconds = median(|| mapped(&trips));
    println!(
        "map: {} trip ids, every other trip's replaced, in {seconds:.3} s",
        trips.iter().map(|ids| ids.len()).sum::<usize>()
    );
    let schema = contract.release_schema();
    let batches: Vec<RecordBatch> = decoded(decode())
        .iter()
        .filter(|batch| batch.schema() == contract.chunk_schema())
        .map(|batch| public_only(contract, batch).expect("public columns"))
        .collect();
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut size = 0;
    let ours = median(|| {
        let mut writer = Writer::new(folder.path(), contract, Vec::new(), Budget::new(1 << 30)).expect("a writer");
        batches.iter().for_each(|batch| writer.push(batch.clone()).expect("rows"));
        size = writer.finish().expect("a file").bytes;
    });
    println!("parquet, ours: {rows} stop times in {ours:.3} s, {size} bytes");
    let path = folder.path().join("default.parquet");
    let default = median(|| {
        let level = ZstdLevel::try_new(9).expect("a level");
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(fahrtenbuch::publish::parquet::ROW_GROUP))
            .build();
        let file = std::fs::File::create(&path).expect("a file");
        let mut writer = ArrowWriter::try_new(file, schema.clone(), Some(properties)).expect("a writer");
        batches.iter().for_each(|batch| writer.write(batch).expect("rows"));
        writer.close().expect("a footer");
    });
    let bytes = std::fs::metadata(&path).expect("a file").len();
    println!("parquet, the library's defaults: {default:.3} s, {bytes} bytes; ratio {:.2}", default / ours);
}

/// A published file written again, from rows in no order.
fn telemetry(root: &Path, path: &Path) {
    let contracts = Library::read(&root.join("schemas/stadtbus")).expect("the contracts");
    let named = |contract: &&Arc<fahrtenbuch::contract::Contract>| {
        path.components().any(|part| part.as_os_str().to_string_lossy().trim_end_matches(".parquet") == contract.table)
    };
    let contract = contracts.contracts.values().find(named).expect("a table of the telemetry in the path");
    let rows = fahrtenbuch::publish::parquet::rows(std::fs::read(path).expect("a file").into()).expect("rows");
    let count = rows.num_rows();
    let mixed: arrow_array::UInt32Array = (0..count).map(|row| (row * 7_919 % count) as u32).collect();
    let mixed = arrow_select::take::take_record_batch(&rows, &mixed).expect("rows");
    let batches: Vec<RecordBatch> =
        (0..count).step_by(8_192).map(|at| mixed.slice(at, 8_192.min(count - at))).collect();
    let arrow: usize =
        rows.columns().iter().map(|column| column.to_data().get_slice_memory_size().expect("bytes")).sum();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut size = 0;
    let seconds = median(|| {
        let mut writer = Writer::new(folder.path(), contract, Vec::new(), Budget::new(4 << 30)).expect("a writer");
        batches.iter().for_each(|batch| writer.push(batch.clone()).expect("rows"));
        size = writer.finish().expect("a file").bytes;
    });
    println!(
        "parquet, {}: {count} rows, {arrow} bytes of Arrow in {seconds:.3} s, {:.0} MB/s, {size} bytes",
        contract.table,
        arrow as f64 / seconds / 1e6
    );
}

fn decoded(decoded: Decoded) -> Vec<RecordBatch> {
    let mut batches = Vec::new();
    for step in decoded.steps {
        if let Step::Rows { chunk, .. } = step.expect("a step") {
            batches.push(chunk.rows);
        }
    }
    batches
}

fn checked(decoded: Decoded, contracts: &Library) {
    let referenced = check::referenced(contracts.contracts.values());
    let mut keys = Keys::default();
    let around = Arc::new(RuleContext::of("2026-11-24".parse().expect("a date")));
    let mut checks: Vec<Option<TableCheck>> = decoded
        .tables
        .iter()
        .map(|head| {
            let lists = referenced.get(&head.contract.table).cloned().unwrap_or_default();
            let around = around.clone();
            TableCheck::new(head.contract.clone(), head.origins.clone(), &lists, around, Budget::new(1 << 30)).ok()
        })
        .collect();
    for step in decoded.steps {
        match step.expect("a step") {
            Step::Rows { table, chunk } => {
                let check = checks[table].as_mut().expect("a check");
                std::hint::black_box(check.push(chunk, &keys).expect("checked rows"));
            }
            Step::End { table } => {
                let check = checks[table].take().expect("a check");
                let drop_rows = &mut |checked| -> Result<(), CheckError> {
                    std::hint::black_box(checked);
                    Ok(())
                };
                std::hint::black_box(check.finish(&mut keys, drop_rows).expect("outcomes"));
            }
            Step::Note(_) | Step::Read { .. } | Step::Strays { .. } => {}
        }
    }
}

/// Replaces the id of every other trip.
fn mapped(trips: &[ArrayRef]) {
    static MAPPING: OnceLock<Dictionary> = OnceLock::new();
    let dictionary = MAPPING.get_or_init(|| {
        let ids: BTreeSet<&str> = trips.iter().flat_map(|ids| ids.as_string::<i32>().iter().flatten()).collect();
        let lines: String = ids.iter().step_by(2).map(|id| format!("{id},{id}-new\n")).collect();
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), format!("from,to\n{lines}")).expect("a mapping");
        let mapping = Mapping::read(file.path(), &mut Problems::new(file.path())).expect("a mapping");
        mapping.on("2026-11-24".parse().expect("a date"))
    });
    for ids in trips {
        std::hint::black_box(dictionary.replace(ids));
    }
}

fn median(mut run: impl FnMut()) -> f64 {
    let mut seconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            run();
            begin.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[ROUNDS / 2]
}
