use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use parquet::arrow::ArrowWriter;

use super::*;
use crate::check::RuleResult;
use crate::contract::{Contract, Dimension, RuleId, odcs};
use crate::digest::Digest;
use crate::portal::Table;
use crate::portal::overview::ChangeKind;
use crate::publish::index::{
    self, Act, ActKind, Amendment, Change, FirstFile, IndexFile, TablePartition, Tombstone, path_of_release,
};
use crate::report::json;
use crate::report::quality::tests::{on, result};
use crate::report::results::{self, Form};
use crate::time::ServiceDate;

const REPORTS: &str = "vehicle_locations";
const COVERAGE: &str = "coverage";

/// A bucket with the two tables of a dataset.
struct City {
    bucket: Bucket,
    zone: TimeZone,
    /// Requests of the last update.
    cost: Cell<u64>,
}

fn contract(table: &str) -> Contract {
    let columns = match table {
        REPORTS => "vehicle_id:string event_timestamp:timestamp occupancy_percentage:integer occupancy_status:string",
        _ => {
            "hour:integer source:string trips_scheduled:integer trips_observed:integer trips_cancelled:integer \
             snapshots_expected:integer snapshots_received:integer gap_reason:string"
        }
    };
    let columns: String = columns
        .split_whitespace()
        .map(|column| {
            let (name, kind) = column.split_once(':').unwrap();
            format!("      - {{name: {name}, logicalType: {kind}, classification: public}}\n")
        })
        .collect();
    let text = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: {table}\nversion: '1'\nstatus: active\nschema:\n  - name: {table}\n    \
         properties:\n{columns}"
    );
    odcs::contract(Path::new("t.odcs.yaml"), &text).unwrap()
}

/// Reports of a date: vehicle, minutes since its zero, percentage.
fn reports(zone: &TimeZone, date: ServiceDate, rows: &[(&str, i64, Option<i32>)]) -> RecordBatch {
    let zero = date.zero(zone).as_millisecond();
    let vehicles: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.0)).collect::<StringArray>());
    let times = rows.iter().map(|row| Some(zero + row.1 * 60_000)).collect::<TimestampMillisecondArray>();
    let percentages: ArrayRef = Arc::new(rows.iter().map(|row| row.2).collect::<Int32Array>());
    let statuses: ArrayRef = Arc::new(rows.iter().map(|row| row.2.map(|_| "EMPTY")).collect::<StringArray>());
    RecordBatch::try_from_iter([
        ("vehicle_id", vehicles),
        ("event_timestamp", Arc::new(times.with_timezone("UTC")) as ArrayRef),
        ("occupancy_percentage", percentages),
        ("occupancy_status", statuses),
    ])
    .unwrap()
}

/// Two lines and a source, of which something is missing in one hour.
fn missing(scheduled: i32) -> RecordBatch {
    let numbers = |values: [Option<i32>; 3]| -> ArrayRef { Arc::new(Int32Array::from(values.to_vec())) };
    let large = |values: [Option<i64>; 3]| -> ArrayRef { Arc::new(Int64Array::from(values.to_vec())) };
    let texts = |values: [Option<&str>; 3]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
    RecordBatch::try_from_iter_with_nullable([
        ("hour", numbers([Some(7), None, Some(8)]), true),
        ("source", texts([None, None, Some("feed")]), true),
        ("trips_scheduled", numbers([Some(scheduled), Some(1), None]), true),
        ("trips_observed", numbers([Some(scheduled - 2), Some(1), None]), true),
        ("trips_cancelled", numbers([Some(1), Some(0), None]), true),
        ("snapshots_expected", large([None, None, Some(60)]), true),
        ("snapshots_received", large([None, None, Some(51)]), true),
        ("gap_reason", texts([Some("not_reported"), None, Some("failed")]), true),
    ])
    .unwrap()
}

fn bytes(rows: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
    bytes
}

fn day(number: i32) -> ServiceDate {
    "2026-01-01".parse::<ServiceDate>().unwrap().plus_days(number)
}

impl City {
    fn new() -> Self {
        Self { bucket: Bucket::in_memory(), zone: TimeZone::get("Europe/Berlin").unwrap(), cost: Cell::new(0) }
    }

    /// As a run does: its files, the versions that name them, and its results.
    fn run(&self, date: ServiceDate, vehicle: &str) {
        let reports = reports(&self.zone, date, &[(vehicle, 430, Some(10)), (vehicle, 431, None)]);
        self.release(REPORTS, date, vehicle, &reports);
        self.release(COVERAGE, date, vehicle, &missing(5 + vehicle.len() as i32));
        self.results(date, 90.0);
    }

    fn results(&self, date: ServiceDate, score: f64) {
        let mut quality = on(&date.to_string(), Vec::new());
        quality.score.dataset = Some(score);
        self.bucket.put(&results::path("bus", date, Form::Json), json::write(&quality).into()).unwrap();
    }

    fn release(&self, table: &str, date: ServiceDate, run: &str, rows: &RecordBatch) {
        let (bucket, bytes) = (&self.bucket, bytes(rows));
        let sha256 = Digest::of(&bytes);
        let index = index::current(bucket, "bus", table).unwrap();
        let partition = TablePartition { dataset: "bus", table, date };
        let file = IndexFile {
            path: path_of_release(index.as_ref(), partition, false, &sha256),
            partition_date: date,
            rows: rows.num_rows() as u64,
            bytes: bytes.len() as u64,
            sha256,
            record: format!("ledger/records/{date}-{run}.json"),
            provisional: false,
            timetable: None,
        };
        bucket.put(&file.path, bytes.into()).unwrap();
        let at = Timestamp::from_second(1_770_000_000 + i64::from(date.days_since_epoch())).unwrap();
        let contract = contract(table);
        index::commit(bucket, Change { dataset: "bus", contract: &contract, date, file: Some(&file), at }).unwrap();
    }

    fn withdraw(&self, table: &str, date: ServiceDate) {
        let index = index::current(&self.bucket, "bus", table).unwrap().unwrap();
        let who = ("Datenstelle".to_owned(), "eine Adresse stand darin".to_owned());
        let (at, record) = (Timestamp::from_second(1_790_000_000).unwrap(), "ledger/records/act.json".to_owned());
        let file = index.file_of(date).unwrap();
        let tombstone = Tombstone {
            at,
            by: who.0.clone(),
            reason: who.1.clone(),
            record: record.clone(),
            from: 1,
            version: index.version + 1,
            files: BTreeSet::from([FirstFile::from(file)]),
            lifted: None,
        };
        let kind = ActKind::Withdrawal;
        let act = Act { kind, dates: BTreeSet::from([date]), by: who.0, reason: who.1, to: None, record };
        let amendment = Amendment {
            at,
            act,
            files: BTreeMap::from([(date, None)]),
            rolled_back: BTreeMap::new(),
            withdrawn: BTreeMap::from([(date, tombstone)]),
            months: Vec::new(),
        };
        index::amend(&self.bucket, ("bus", table), index.version, &amendment).unwrap();
        self.bucket.remove(&file.path).unwrap();
    }

    /// What a run of a date makes of what is kept.
    fn update(&self, date: ServiceDate) -> Overview {
        self.written([date].into(), false).overview
    }

    fn written(&self, dates: BTreeSet<ServiceDate>, is_anew: bool) -> Written {
        let table = |table: &str| {
            let index = index::current(&self.bucket, "bus", table).unwrap()?;
            Some(Table { contract: Arc::new(contract(table)), index })
        };
        let tables: Vec<Table> = [REPORTS, COVERAGE].into_iter().filter_map(table).collect();
        let newest = tables.iter().filter_map(|table| Some(table.index.files.last()?.partition_date)).max();
        let listed = results::listed(&self.bucket, "bus", newest, results::SHOWN).unwrap();
        let all = listed.dates();
        let results = results::read(&self.bucket, "bus", &all[all.len().saturating_sub(results::SHOWN)..]).unwrap();
        let sources = Sources {
            bucket: &self.bucket,
            dataset: "bus",
            zone: &self.zone,
            memory: 1 << 30,
            tables: &tables,
            results: &results,
            listed: &listed,
            dates,
            is_anew,
        };
        let before = self.bucket.requests();
        let written = update(&sources, &mut ViewWriter::new(&self.bucket)).unwrap();
        self.cost.set(self.bucket.requests() - before);
        written
    }

    fn text(&self) -> String {
        String::from_utf8(self.bucket.get(&overview::path("bus")).unwrap().unwrap().to_vec()).unwrap()
    }

    /// That what is kept is what would be made of the bucket alone.
    fn is_as_made_anew(&self) {
        let kept = self.text();
        self.written(BTreeSet::new(), true);
        assert_eq!(kept, self.text());
    }
}

#[test]
fn a_day_is_told_with_what_is_missing_and_how_full_its_buses_were() {
    let city = City::new();
    let date: ServiceDate = "2026-10-25".parse().unwrap();
    // The clock is set back in this night: its hours count on from noon minus twelve hours.
    let rows = [("a", -1, Some(50)), ("a", 59, Some(1)), ("b", 60, Some(2)), ("a", 119, None), ("b", 1_799, Some(7))];
    let rows = [&rows[..], &[("b", 61, Some(3)), ("c", 1_800, Some(9))]].concat();
    city.release(REPORTS, date, "one", &reports(&city.zone, date, &rows));
    city.release(COVERAGE, date, "one", &missing(7));
    let mut quality = on("2026-10-25", Vec::new());
    quality.nothing_captured = true;
    city.bucket.put(&results::path("bus", date, Form::Json), json::write(&quality).into()).unwrap();
    let overview = city.update(date);
    let day = &overview.days[&date];
    assert_eq!(day.records, BTreeSet::from(["ledger/records/2026-10-25-one.json".to_owned()]));
    assert_eq!((day.status, day.nothing_captured), (Some(quality.status), true));
    let coverage = day.coverage.as_ref().unwrap();
    assert_eq!((coverage.trips_scheduled, coverage.trips_observed, coverage.trips_cancelled), (8, 6, 1));
    assert_eq!((coverage.snapshots_expected, coverage.snapshots_received), (60, 51));
    let gaps: Vec<_> =
        coverage.gaps.iter().map(|gap| (gap.reason.as_str(), gap.source.as_deref(), gap.missing)).collect();
    assert_eq!(gaps, [("failed", Some("feed"), 9), ("not_reported", None, 2)]);
    assert_eq!(coverage.gaps[1].hours, BTreeSet::from([7]));
    assert!(coverage.partial);
    let hours = overview.hours.as_ref().unwrap();
    let of: Vec<_> = hours.hours.iter().map(|of| (of.hour, of.vehicles, of.reports, of.percentage)).collect();
    assert_eq!(of, [(0, 1, 1, Some(1.0)), (1, 2, 3, Some(2.5)), (29, 1, 1, Some(7.0))]);
    assert_eq!((hours.hours[1].with_percentage, hours.hours[1].statuses["EMPTY"]), (2, 2));
    let preview = &overview.tables[REPORTS];
    assert_eq!((preview.rows, preview.columns["occupancy_percentage"].nulls), (7, 1));
    let example = |name: &str| preview.columns[name].example.as_deref();
    assert_eq!((example("vehicle_id"), example("occupancy_percentage")), (Some("a"), Some("50")));
    assert_eq!(example("event_timestamp"), Some("2026-10-24T22:59:00Z"));
    assert_eq!(overview.tables[COVERAGE].columns["source"].nulls, 2);
    let change = &overview.changes[0];
    assert_eq!((overview.changes.len(), change.kind, change.tables.len()), (1, ChangeKind::Release, 2));
    let of = &change.tables[1];
    assert_eq!((of.table.as_str(), of.version, of.rows), (REPORTS, 1, Some(7)));
    let index = city.bucket.get(&index::index_key("bus", REPORTS, 1)).unwrap().unwrap();
    assert_eq!(of.index_sha256, Digest::of(&index));
    city.is_as_made_anew();
}

#[test]
fn what_a_killed_run_released_is_told_by_the_next_one() {
    let city = City::new();
    for number in 0..30 {
        city.run(day(number), "a");
        city.update(day(number));
    }
    // An old date and a new one are released, and nobody tells of it.
    city.run(day(3), "revised");
    city.run(day(30), "a");
    city.run(day(31), "a");
    let overview = city.update(day(31));
    assert_eq!(overview.days.len(), 32);
    assert_eq!(overview.days[&day(3)].coverage.as_ref().unwrap().trips_scheduled, 13);
    city.is_as_made_anew();
}

#[test]
fn what_another_run_overwrites_comes_back_and_the_order_counts_nothing() {
    let texts = [[1, 2], [2, 1]].map(|order| {
        let city = City::new();
        city.run(day(0), "a");
        city.update(day(0));
        let before = city.text();
        for number in order {
            city.run(day(number), "a");
        }
        let mine = city.written([day(order[0])].into(), false);
        assert!(mine.is_kept(&city.bucket).unwrap());
        // The other one has read what there was before, and writes after this one.
        city.bucket.put(&overview::path("bus"), before.into()).unwrap();
        assert!(!mine.is_kept(&city.bucket).unwrap());
        city.update(day(order[1]));
        assert!(!mine.is_kept(&city.bucket).unwrap() || city.text().contains(&day(order[1]).to_string()));
        city.is_as_made_anew();
        let overview = city.update(day(order[0]));
        assert_eq!(overview.days.len(), 3);
        serde_json::to_string(&(overview.days, overview.tables, overview.hours)).unwrap()
    });
    assert_eq!(texts[0], texts[1]);
}

#[test]
fn results_of_an_old_date_that_was_run_again_and_released_nothing_are_told() {
    let city = City::new();
    for number in 0..30 {
        city.run(day(number), "a");
    }
    city.update(day(29));
    city.results(day(2), 12.5);
    // The run of another date has no reason to look at them; the run of the date has, and one that sees them change.
    assert_eq!(city.update(day(29)).days[&day(2)].score, Some(90.0));
    assert_eq!(city.update(day(2)).days[&day(2)].score, Some(12.5));
    city.is_as_made_anew();
}

#[test]
fn a_withdrawn_date_leaves_nothing_of_its_rows_and_stays_told() {
    let city = City::new();
    city.run(day(0), "of-the-first");
    city.run(day(1), "of-the-second");
    city.update(day(1));
    assert!(city.text().contains("of-the-second"));
    city.bucket.remove(&results::path("bus", day(1), Form::Json)).unwrap();
    [REPORTS, COVERAGE].iter().for_each(|table| city.withdraw(table, day(1)));
    let overview = city.update(day(0));
    assert_eq!(overview.days.keys().collect::<Vec<_>>(), [&day(0)]);
    assert_eq!(overview.hours.as_ref().map(|hours| hours.date), Some(day(0)));
    assert!(overview.tables.values().all(|preview| preview.date == day(0)));
    let [withdrawal, second, first] = &overview.changes[..] else { panic!("{:#?}", overview.changes) };
    assert_eq!((withdrawal.kind, withdrawal.tables.len()), (ChangeKind::Withdrawal, 2));
    assert_eq!(
        (withdrawal.by.as_deref(), withdrawal.reason.as_deref()),
        (Some("Datenstelle"), Some("eine Adresse stand darin"))
    );
    assert!(withdrawal.tables.iter().chain(&second.tables).all(|of| of.rows.is_none()));
    assert!(first.tables.iter().all(|of| of.rows.is_some()));
    // The name of the record is all that says of the second run what it was called.
    let text = city.text().replace("2026-01-02-of-the-second.json", "");
    assert!(!text.contains("of-the-second"), "{text}");
    city.is_as_made_anew();
}

#[test]
fn what_a_withdrawn_table_said_of_a_day_is_told_no_more_and_the_day_stays() {
    let city = City::new();
    (0..2).for_each(|number| city.run(day(number), "a"));
    city.update(day(1));
    city.bucket.remove(&results::path("bus", day(1), Form::Json)).unwrap();
    city.withdraw(COVERAGE, day(1));
    let overview = city.update(day(0));
    let coverage = |number: i32| overview.days[&day(number)].coverage.is_some();
    assert_eq!([coverage(0), coverage(1)], [true, false]);
    assert_eq!((overview.days[&day(1)].status, overview.changes[0].tables.len()), (None, 1));
    city.is_as_made_anew();
}

#[test]
fn what_is_kept_and_cannot_be_read_is_made_anew_and_a_damaged_file_is_left_out() {
    let city = City::new();
    (0..3).for_each(|number| city.run(day(number), "a"));
    let whole = city.update(day(2));
    for bytes in ["{}", "", "{\"format\": \"fahrtenbuch-overview/0\"}"] {
        city.bucket.put(&overview::path("bus"), bytes.into()).unwrap();
        assert_eq!(city.update(day(2)), whole);
    }
    let index = index::current(&city.bucket, "bus", REPORTS).unwrap().unwrap();
    city.bucket.put(&index.files[2].path, "damaged".into()).unwrap();
    city.written(BTreeSet::new(), true);
    let without = city.update(day(2));
    assert_eq!((without.tables.len(), without.hours, &without.days), (1, None, &whole.days));
}

#[test]
fn a_day_more_costs_the_same_at_10_and_at_400_days() {
    let costs = [10, 400].map(|days| {
        let city = City::new();
        for number in 0..days {
            city.run(day(number), "a");
        }
        city.update(day(days - 1));
        city.run(day(days), "a");
        let begin = std::time::Instant::now();
        let overview = city.update(day(days));
        assert_eq!(overview.days.len(), days as usize + 1);
        (city.cost.get(), begin.elapsed())
    });
    println!("{costs:?}");
    assert_eq!(costs[1].0, costs[0].0, "{costs:?}");
    assert!(costs[1].0 <= 8, "{costs:?}");
}

#[test]
fn findings_of_a_day_are_the_rules_that_did_not_pass() {
    let mut day = overview::Day::default();
    let rule = |id: &str, of| result(id, Dimension::Accuracy, of, 1, 10);
    let rules = vec![
        rule("t.passed", RuleResult::Passed),
        rule("t.failed", RuleResult::Failed),
        rule("t.skipped", RuleResult::Skipped),
        rule("t.error", RuleResult::Error),
        rule("t.warning", RuleResult::Warning),
    ];
    days::tell(&mut day, &on("2026-11-24", rules));
    let found: Vec<&RuleId> = day.findings.iter().map(|finding| &finding.rule).collect();
    let expected = ["t.failed", "t.error", "t.warning"].map(|id| RuleId(id.to_owned()));
    assert_eq!(found, expected.iter().collect::<Vec<_>>());
}

#[test]
fn a_day_whose_results_are_gone_stays_what_it_was() {
    let city = City::new();
    (0..3).for_each(|number| city.run(day(number), "a"));
    // Of a run that was held back there are results alone.
    city.results(day(3), 50.0);
    let before = city.update(day(3)).days;
    assert_eq!((before.len(), before[&day(1)].score, before[&day(3)].score), (4, Some(90.0), Some(50.0)));
    for number in [1, 3] {
        city.bucket.remove(&results::path("bus", day(number), Form::Json)).unwrap();
    }
    assert_eq!(city.update(day(2)).days, before);
    city.is_as_made_anew();
}
