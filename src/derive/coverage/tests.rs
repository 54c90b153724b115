use std::collections::BTreeMap;
use std::path::Path;

use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{ArrayRef, BooleanArray, Int32Array, TimestampMillisecondArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use jiff::tz::TimeZone;

use super::*;
use crate::contract::library::Library;
use crate::derive::derivation::SourceHour;
use crate::table::origin_fields;

const DATE: &str = "2026-11-24";
const LIMIT: usize = 1 << 20;

/// A report: its time in hours since zero, route and trip.
type Report = (f64, Option<&'static str>, Option<&'static str>);
/// A trip, its route and hour of its start, whether it is planned and cancelled, and its reports.
type Trip = (&'static str, Option<&'static str>, Option<f64>, bool, bool, i32);

fn zero(date: &str) -> i64 {
    date.parse::<ServiceDate>().unwrap().zero(&TimeZone::get("Europe/Berlin").unwrap()).as_millisecond()
}

fn texts(values: impl Iterator<Item = Option<&'static str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

/// With the names of the columns, and each row from the origin of its place.
fn batch(names: &[&str], mut columns: Vec<ArrayRef>, rows: usize) -> RecordBatch {
    columns.push(Arc::new(arrow_array::UInt32Array::from_iter_values(0..rows as u32)));
    columns.push(Arc::new(arrow_array::UInt64Array::from_iter_values(0..rows as u64)));
    let own = names.iter().zip(&columns).map(|(name, column)| Field::new(*name, column.data_type().clone(), true));
    let fields: Vec<Arc<Field>> = own.map(Arc::new).chain(origin_fields()).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn reports_on(date: &str, reports: &[Report]) -> RecordBatch {
    let at = |hours: f64| zero(date) + (hours * 3_600_000.0) as i64;
    let times: TimestampMillisecondArray = reports.iter().map(|report| Some(at(report.0))).collect();
    let columns = vec![
        Arc::new(times.with_timezone("UTC")) as ArrayRef,
        texts(reports.iter().map(|report| report.1)),
        texts(reports.iter().map(|report| report.2)),
    ];
    batch(&["event_timestamp", "route_id", "trip_id_scheduled"], columns, reports.len())
}

fn trips(trips: &[Trip]) -> RecordBatch {
    let seconds = |hours: f64| (hours * 3600.0) as i32;
    let columns: Vec<ArrayRef> = vec![
        texts(trips.iter().map(|trip| Some(trip.0))),
        texts(trips.iter().map(|trip| trip.1)),
        Arc::new(trips.iter().map(|trip| trip.2.map(seconds)).collect::<Int32Array>()),
        Arc::new(trips.iter().map(|trip| Some(trip.3)).collect::<BooleanArray>()),
        Arc::new(trips.iter().map(|trip| Some(trip.4)).collect::<BooleanArray>()),
        Arc::new(trips.iter().map(|trip| Some(trip.5)).collect::<Int32Array>()),
    ];
    let names = ["trip_id_scheduled", "route_id", "trip_start_time", "is_planned", "is_cancelled", "reports"];
    batch(&names, columns, trips.len())
}

#[derive(Default)]
struct Day {
    published: Vec<Report>,
    held: Vec<Report>,
    repeated: Vec<Report>,
    /// Rows that other rules dropped.
    others: u64,
    trips: Option<Vec<Trip>>,
    sources: SourceHours,
}

fn hour(source: u32, hour: i32, expected: Option<u64>, received: u64, reason: Option<&str>) -> SourceHour {
    SourceHour { source, hour, expected, received, reason: reason.map(str::to_owned) }
}

/// The rows, each as `column=value` of what is not null, without the date; on this date and within this memory.
fn derive_on(date: &str, day: Day, limit: usize) -> Result<Vec<String>, DeriveError> {
    let contracts = Library::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/stadtbus")).unwrap();
    let budget = Budget::new(limit);
    let context = DeriveContext {
        service_date: date.parse().unwrap(),
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        contracts: vec![contracts.get(TABLE).unwrap().clone()],
        timetable: BTreeMap::new(),
        timetable_origin: 7,
        made: vec![true, day.trips.is_some()],
        sources: Arc::new(day.sources),
        budget: budget.clone(),
    };
    let mut run = CoverageTable.begin(context)?;
    run.push(REPORTS, reports_on(date, &day.published))?;
    if let Some(of_day) = &day.trips {
        run.push(TRIPS, trips(of_day))?;
    }
    let lines = |reports: &[Report]| -> Result<LineHours, DeriveError> {
        let mut lines = LineHours::new(zero(date), budget.clone());
        lines.add(&reports_on(date, reports), 0..reports.len())?;
        Ok(lines)
    };
    let account = RowAccount {
        published: day.published.len() as u64,
        held: day.held.len() as u64,
        dropped: day.repeated.len() as u64 + day.others,
        held_lines: Some(lines(&day.held)?),
        dropped_lines: Some(lines(&day.repeated)?),
    };
    run.account(REPORTS, &account)?;
    drop(account);
    let finished = run.finish()?;
    assert_eq!(finished.inputs[REPORTS].used, day.published.len() as u64);
    let mut told = Vec::new();
    for derived in finished.derived {
        let made = derived?.chunk.rows;
        for row in 0..made.num_rows() {
            told.push(said(&made, row));
        }
    }
    assert_eq!(budget.left(), budget.limit(), "what is held is given back");
    told.sort();
    Ok(told)
}

fn said(made: &RecordBatch, row: usize) -> String {
    let schema = made.schema();
    let columns = schema.fields().iter().zip(made.columns());
    let columns = columns.filter(|(field, column)| {
        !field.name().starts_with('_') && field.name() != "service_date" && column.is_valid(row)
    });
    let values = columns.filter_map(|(field, column)| {
        let value = match field.data_type() {
            DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
            DataType::Int32 => column.as_primitive::<Int32Type>().value(row).to_string(),
            DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                let ms = column.as_primitive::<TimestampMillisecondType>().value(row);
                jiff::Timestamp::from_millisecond(ms).unwrap().to_string()
            }
            _ => return None,
        };
        // A number of rows that is 0 says nothing here.
        (value != "0" || !field.name().starts_with("rows_")).then(|| format!("{}={value}", field.name()))
    });
    values.collect::<Vec<_>>().join(" ")
}

fn derive(day: Day) -> Vec<String> {
    derive_on(DATE, day, LIMIT).unwrap()
}

const TRIP: Trip = ("t", Some("S1"), Some(8.5), true, false, 1);

#[test]
fn trips_count_where_they_begin_and_rows_where_they_are_from() {
    let day = Day {
        published: vec![(8.5, Some("S1"), Some("t")), (9.01, Some("S1"), Some("t")), (25.0, None, Some("night"))],
        held: vec![(8.0, Some("S1"), None)],
        repeated: vec![(9.5, None, Some("t")), (9.99, None, None)],
        others: 4,
        trips: Some(vec![
            TRIP,
            ("u", Some("S1"), Some(8.99), true, true, 0),
            ("night", Some("N1"), Some(25.0), true, false, 1),
            ("added", Some("S1"), Some(9.0), false, false, 2),
            ("silent", Some("S1"), Some(9.0), false, false, 0),
            ("often", Some("S2"), None, true, false, 1),
        ]),
        ..Day::default()
    };
    let at = |hour: i32, clock: &str| format!("hour={hour} hour_start={clock}Z ");
    let trips = |scheduled: u32, observed: u32, cancelled: u32, unscheduled: u32| {
        format!(
            "trips_scheduled={scheduled} trips_observed={observed} trips_cancelled={cancelled} \
             trips_unscheduled={unscheduled}"
        )
    };
    let mut expected = [
        format!("{}route_id=N1 {} rows_published=1", at(25, "2026-11-25T00:00:00"), trips(1, 1, 0, 0)),
        format!(
            "{}route_id=S1 {} rows_published=1 rows_held=1 gap_reason=cancelled",
            at(8, "2026-11-24T07:00:00"),
            trips(2, 1, 1, 0)
        ),
        format!("{}route_id=S1 {} rows_published=1 rows_dropped=1", at(9, "2026-11-24T08:00:00"), trips(0, 0, 0, 1)),
        format!("{}{} rows_dropped=1", at(9, "2026-11-24T08:00:00"), trips(0, 0, 0, 0)),
        format!("route_id=S2 {}", trips(1, 1, 0, 0)),
        format!("{} rows_dropped=4", trips(0, 0, 0, 0)),
    ];
    expected.sort();
    assert_eq!(derive(day), expected);
}

#[test]
fn without_a_timetable_trips_are_null_and_not_0() {
    let day = Day { published: vec![(8.5, Some("S1"), Some("t"))], ..Day::default() };
    assert_eq!(derive(day), ["hour=8 hour_start=2026-11-24T07:00:00Z route_id=S1 rows_published=1"]);
}

#[test]
fn hours_of_a_day_on_which_the_clock_changes_are_each_there_once() {
    // The clock goes from 2:00 to 3:00, or from 3:00 back to 2:00: eight in the morning is eight hours after noon minus twelve hours.
    for (date, eight, night) in [
        ("2026-03-29", "2026-03-29T06:00:00Z", "2026-03-29T23:00:00Z"),
        ("2026-10-25", "2026-10-25T07:00:00Z", "2026-10-26T00:00:00Z"),
    ] {
        let published = vec![(8.0, Some("S1"), None), (25.999, Some("S1"), None), (30.0, Some("S1"), None)];
        let found = derive_on(date, Day { published, ..Day::default() }, LIMIT).unwrap();
        let expected = [
            format!("hour=25 hour_start={night} route_id=S1 rows_published=1"),
            format!("hour=8 hour_start={eight} route_id=S1 rows_published=1"),
            // No trip of the date may report then.
            "route_id=S1 rows_published=1".to_owned(),
        ];
        assert_eq!(found, expected, "{date}");
    }
}

#[test]
fn what_a_held_row_says_is_told_only_where_a_published_row_or_a_trip_says_it_too() {
    let day = Day {
        published: vec![(8.5, Some("S3"), None)],
        held: vec![
            (8.5, Some("S1"), None),
            (8.5, Some("S3"), None),
            (8.5, Some("0171 2345678"), None),
            (8.5, None, Some("Erika Musterfrau")),
        ],
        repeated: vec![(8.5, Some("mail@example.org"), None)],
        trips: Some(vec![TRIP]),
        ..Day::default()
    };
    let found = derive(day);
    let held: Vec<&String> = found.iter().filter(|row| row.contains("rows_held")).collect();
    assert_eq!(held.len(), 3, "{found:#?}");
    assert!(
        found.iter().any(|row| !row.contains("route_id") && row.contains("rows_held=2 rows_dropped=1")),
        "{found:#?}"
    );
    for private in ["0171", "Erika", "mail@"] {
        assert!(!found.iter().any(|row| row.contains(private)), "{private}: {found:#?}");
    }
}

#[test]
fn a_line_has_the_reason_of_the_source_that_reports_it_if_under_half_of_its_snapshots_came() {
    let reason = |hours: Vec<SourceHour>| {
        let sources = SourceHours {
            names: vec!["north".into(), "south".into()],
            // The first report comes from the north, the second from the south.
            of_origins: vec![0, 1],
            hours,
        };
        let published = vec![(7.0, Some("S1"), None), (7.0, Some("S2"), None)];
        let missing = |id, route| (id, Some(route), Some(8.5), true, false, 0);
        let trips = Some(vec![missing("a", "S1"), missing("b", "S2")]);
        let found = derive(Day { published, trips, sources, ..Day::default() });
        let of_line = |route: &str| {
            let row = found.iter().find(|row| row.starts_with("hour=8") && row.contains(route)).unwrap();
            row.split("gap_reason=").nth(1).unwrap_or_default().to_owned()
        };
        (of_line("route_id=S1"), of_line("route_id=S2"))
    };
    let out = |source, received, word| hour(source, 8, Some(240), received, Some(word));
    let words = |one: &str, other: &str| (one.to_owned(), other.to_owned());
    let all = || hour(1, 8, Some(240), 240, None);
    assert_eq!(reason(vec![out(0, 119, "off_killed"), all()]), words("off_killed", "not_reported"));
    assert_eq!(reason(vec![out(0, 120, "off_killed"), all()]), words("not_reported", "not_reported"));
    assert_eq!(reason(vec![out(0, 0, "failed"), out(1, 100, "frozen")]), words("failed", "frozen"));
    assert_eq!(reason(vec![hour(0, 8, None, 0, None), hour(1, 8, None, 1, None)]), words("no_capture", "not_reported"));
    // Another hour says nothing of this one.
    assert_eq!(reason(vec![hour(0, 9, Some(240), 0, Some("failed")), all()]), words("not_reported", "not_reported"));
}

#[test]
fn a_source_has_its_snapshots_and_why_some_are_missing() {
    let hours = vec![
        hour(0, 8, Some(240), 240, None),
        hour(0, 9, Some(240), 230, Some("failed")),
        hour(0, 10, None, 12, None),
        hour(0, 11, None, 0, None),
    ];
    let sources = SourceHours { names: vec!["north".into()], of_origins: Vec::new(), hours };
    let found = derive(Day { sources, ..Day::default() });
    let of =
        |hour: i32, more: &str| format!("hour={hour} hour_start=2026-11-24T{:02}:00:00Z source=north {more}", hour - 1);
    let expected = [
        of(10, "snapshots_received=12"),
        of(11, "snapshots_received=0 gap_reason=no_capture"),
        of(8, "snapshots_expected=240 snapshots_received=240"),
        of(9, "snapshots_expected=240 snapshots_received=230 gap_reason=failed"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn trips_whose_rows_are_all_held_are_missing_for_that() {
    let missing = ("a", Some("S1"), Some(8.5), true, false, 0);
    let day = |published| Day {
        published,
        held: vec![(8.6, Some("S1"), None)],
        trips: Some(vec![missing, ("b", Some("S1"), Some(8.6), true, true, 0)]),
        ..Day::default()
    };
    assert!(derive(day(Vec::new()))[0].ends_with("gap_reason=rows_held"));
    assert!(derive(day(vec![(8.7, Some("S1"), None)]))[0].ends_with("gap_reason=not_reported"));
}

#[test]
fn an_account_that_is_not_that_of_the_rows_ends_the_run() {
    let account = |published, held, dropped, repeated: &[Report]| {
        let contracts = Library::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/stadtbus")).unwrap();
        let budget = Budget::new(LIMIT);
        let context = DeriveContext {
            service_date: DATE.parse().unwrap(),
            zone: TimeZone::UTC,
            contracts: vec![contracts.get(TABLE).unwrap().clone()],
            timetable: BTreeMap::new(),
            timetable_origin: 0,
            made: vec![true, false],
            sources: Arc::default(),
            budget: budget.clone(),
        };
        let mut run = CoverageTable.begin(context).unwrap();
        run.push(REPORTS, reports_on(DATE, &[(8.0, None, None)])).unwrap();
        let mut dropped_lines = LineHours::new(0, budget);
        dropped_lines.add(&reports_on(DATE, repeated), 0..repeated.len()).unwrap();
        let rows = RowAccount { published, held, dropped, held_lines: None, dropped_lines: Some(dropped_lines) };
        run.account(REPORTS, &rows).and_then(|()| run.finish()).map(|_| ()).map_err(|error| error.to_string())
    };
    let one = [(8.0, None, None)];
    assert_eq!(account(1, 0, 1, &one), Ok(()));
    assert_eq!(account(1, 0, 9, &one), Ok(()));
    for (published, held, dropped) in [(2, 0, 1), (1, 1, 1), (1, 0, 0)] {
        let error = account(published, held, dropped, &one).unwrap_err();
        assert!(error.contains("fault of the program"), "{error}");
    }
}

#[test]
fn lines_that_do_not_fit_into_the_memory_of_the_run_end_it() {
    let day = || Day {
        published: (0..20).map(|hour| (f64::from(hour), Some("S1"), None)).collect(),
        trips: Some(vec![TRIP]),
        ..Day::default()
    };
    assert!(derive_on(DATE, day(), 1 << 16).is_ok());
    assert!(matches!(derive_on(DATE, day(), 1 << 11), Err(DeriveError::Budget(_))));
}
