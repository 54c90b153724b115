//! Small calendars; those of real feeds are counted in `tests/it/service_dates.rs`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, UInt32Type};
use arrow_array::{Array, ArrayRef, Date32Array, Int32Array, RecordBatch, StringArray};
use jiff::tz::TimeZone;

use super::{CALENDAR, CALENDAR_DATES, ServiceDates, TABLE};
use crate::contract::library::Library;
use crate::derive::derivation::{DerivationType, DeriveContext, InputAccount};
use crate::derive::error::DeriveError;
use crate::table::{Budget, Lineage};
use crate::time::ServiceDate;

/// A row of `calendar`: service, first and last date, and the weekdays as a text of seven digits, Monday first.
type Period = (&'static str, &'static str, &'static str, &'static str);
/// A row of `calendar_dates`.
type Exception = (&'static str, &'static str, i32);

fn day(text: &str) -> i32 {
    text.parse::<ServiceDate>().unwrap().days_since_epoch()
}

fn dates<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(values.map(|text| (!text.is_empty()).then(|| day(text))).collect::<Date32Array>())
}

fn texts<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(values.map(|text| (!text.is_empty()).then_some(text)).collect::<StringArray>())
}

fn with_origins(origin: u32, columns: Vec<ArrayRef>) -> RecordBatch {
    let rows = columns[0].len() as u64;
    let places: Vec<(u32, u64)> = (0..rows).map(|row| (origin, row)).collect();
    let fields: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| Arc::new(arrow_schema::Field::new(place.to_string(), column.data_type().clone(), true)))
        .collect();
    Lineage::of_first(&places).with(&fields, columns).unwrap()
}

fn calendar(periods: &[Period]) -> RecordBatch {
    let mut columns = vec![
        texts(periods.iter().map(|period| period.0)),
        dates(periods.iter().map(|period| period.1)),
        dates(periods.iter().map(|period| period.2)),
    ];
    for weekday in 0..7 {
        let runs = periods.iter().map(|period| i32::from(&period.3[weekday..=weekday] == "1"));
        columns.push(Arc::new(Int32Array::from_iter_values(runs)));
    }
    with_origins(0, columns)
}

fn exceptions(exceptions: &[Exception]) -> RecordBatch {
    with_origins(
        1,
        vec![
            texts(exceptions.iter().map(|exception| exception.0)),
            dates(exceptions.iter().map(|exception| exception.1)),
            Arc::new(Int32Array::from_iter_values(exceptions.iter().map(|exception| exception.2))),
        ],
    )
}

/// A row of the table, and the origin that it names.
type Row = (String, String, String, String, u32);

fn derive(inputs: Vec<(usize, RecordBatch)>, limit: usize) -> Result<(Vec<Row>, Vec<InputAccount>), DeriveError> {
    let contracts = Library::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/gtfs-derived")).unwrap();
    let budget = Budget::new(limit);
    let context = DeriveContext {
        service_date: "2026-11-24".parse().unwrap(),
        zone: TimeZone::UTC,
        contracts: vec![contracts.get(TABLE).unwrap().clone()],
        timetable: BTreeMap::new(),
        timetable_origin: 0,
        made: Vec::new(),
        sources: std::sync::Arc::default(),
        budget: budget.clone(),
    };
    let mut derivation = ServiceDates.begin(context)?;
    for (input, rows) in inputs {
        assert!(derivation.push(input, rows)?.is_empty());
    }
    let finished = derivation.finish()?;
    let mut rows = Vec::new();
    for derived in finished.derived {
        let made = derived?.chunk.rows;
        assert!(made.num_rows() <= super::CHUNK);
        let text = |column: usize, row: usize| made.column(column).as_string::<i32>().value(row).to_owned();
        let day = |row: usize| made.column(1).as_primitive::<Date32Type>().value(row);
        let origins = made.column(4).as_primitive::<UInt32Type>();
        rows.extend((0..made.num_rows()).map(|row| {
            let date = ServiceDate::from_days_since_epoch(day(row)).unwrap().to_string();
            (text(0, row), date, text(2, row), text(3, row), origins.value(row))
        }));
    }
    assert_eq!(budget.left(), budget.limit(), "what is held is given back");
    Ok((rows, finished.inputs))
}

fn of(periods: &[Period], others: &[Exception]) -> (Vec<Row>, Vec<InputAccount>) {
    derive(vec![(CALENDAR, calendar(periods)), (CALENDAR_DATES, exceptions(others))], 1 << 20).unwrap()
}

fn short(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|(service, date, weekday, by, _)| format!("{service} {date} {} {by}", &weekday[..2])).collect()
}

fn unused(account: &InputAccount) -> Vec<(&str, u64)> {
    account.unused.iter().filter(|unused| unused.rows > 0).map(|unused| (unused.rule.0.as_str(), unused.rows)).collect()
}

#[test]
fn a_service_runs_on_its_weekdays_with_added_and_without_removed_dates() {
    let others = [("wk", "2026-12-25", 2), ("wk", "2026-12-26", 1), ("wk", "2026-12-24", 1), ("so", "2026-12-24", 1)];
    let (rows, accounts) = of(&[("wk", "2026-12-21", "2026-12-27", "1111100")], &others);
    let expected = [
        "so 2026-12-24 th added",
        "wk 2026-12-21 mo calendar",
        "wk 2026-12-22 tu calendar",
        "wk 2026-12-23 we calendar",
        "wk 2026-12-24 th calendar",
        "wk 2026-12-26 sa added",
    ];
    assert_eq!(short(&rows), expected);
    // The row that says so first: of the calendar, or of the dates.
    assert_eq!(rows.iter().map(|row| row.4).collect::<Vec<_>>(), [1, 0, 0, 0, 0, 1]);
    assert_eq!((accounts[0].used, accounts[1].used), (1, 3));
    assert_eq!(unused(&accounts[1]), [("service_dates.removed", 1)]);
}

#[test]
fn a_feed_may_have_either_of_the_two_files() {
    let periods = [("a", "2026-11-23", "2026-11-24", "1111111")];
    let (rows, accounts) = derive(vec![(CALENDAR, calendar(&periods))], 1 << 20).unwrap();
    assert_eq!(short(&rows), ["a 2026-11-23 mo calendar", "a 2026-11-24 tu calendar"]);
    assert_eq!((accounts[0].used, accounts[1].used), (1, 0));
    let added = [("b", "2026-11-25", 1), ("a", "2026-11-24", 1), ("a", "2026-11-22", 1)];
    let (rows, _) = derive(vec![(CALENDAR_DATES, exceptions(&added))], 1 << 20).unwrap();
    assert_eq!(short(&rows), ["a 2026-11-22 su added", "a 2026-11-24 tu added", "b 2026-11-25 we added"]);
    assert!(derive(Vec::new(), 1 << 20).unwrap().0.is_empty());
}

#[test]
fn the_rows_do_not_depend_on_the_order_of_the_inputs() {
    let periods = [("a", "2026-11-23", "2026-11-29", "1010100"), ("b", "2026-11-23", "2026-11-23", "1111111")];
    let others = [("a", "2026-11-25", 2), ("a", "2026-11-25", 1), ("b", "2026-11-24", 1)];
    let (rows, _) = of(&periods, &others);
    // A date that is added and removed is removed.
    let expected =
        ["a 2026-11-23 mo calendar", "a 2026-11-27 fr calendar", "b 2026-11-23 mo calendar", "b 2026-11-24 tu added"];
    assert_eq!(short(&rows), expected);
    let reversed = |rows: &[Exception]| rows.iter().rev().copied().collect::<Vec<_>>();
    let first = vec![(CALENDAR_DATES, exceptions(&reversed(&others))), (CALENDAR, calendar(&[periods[1], periods[0]]))];
    assert_eq!(short(&derive(first, 1 << 20).unwrap().0), expected);
}

#[test]
fn every_row_is_in_one_account_also_of_services_that_never_run() {
    let periods = [
        ("never", "2026-11-23", "2026-11-29", "0000000"),
        ("backwards", "2026-11-29", "2026-11-23", "1111111"),
        ("removed", "2026-11-23", "2026-11-23", "1000000"),
        ("", "2026-11-23", "2026-11-29", "1111111"),
        ("half", "2026-11-23", "", "1111111"),
        ("once", "2026-11-23", "2026-11-29", "0000001"),
    ];
    let others =
        [("removed", "2026-11-23", 2), ("once", "2026-11-29", 1), ("once", "2026-11-30", 3), ("", "2026-11-30", 1)];
    let (rows, accounts) = of(&periods, &others);
    assert_eq!(short(&rows), ["once 2026-11-29 su calendar"]);
    assert_eq!((accounts[0].used, accounts[1].used), (1, 1));
    assert_eq!(unused(&accounts[0]), [("service_dates.never_runs", 3), ("service_dates.incomplete", 2)]);
    assert_eq!(unused(&accounts[1]), [("service_dates.removed", 1), ("service_dates.incomplete", 2)]);
}

#[test]
fn a_gap_between_periods_and_exceptions_far_away_are_crossed() {
    let periods = [("a", "2020-02-28", "2020-03-01", "1111111"), ("a", "2096-02-28", "2096-02-29", "1111111")];
    let (rows, _) = of(&periods, &[("a", "1970-01-01", 1), ("a", "2400-02-29", 1), ("a", "2050-01-01", 2)]);
    let dates: Vec<&str> = rows.iter().map(|row| row.1.as_str()).collect();
    let expected = ["1970-01-01", "2020-02-28", "2020-02-29", "2020-03-01", "2096-02-28", "2096-02-29", "2400-02-29"];
    assert_eq!(dates, expected);
    assert_eq!((rows[0].2.as_str(), rows[2].2.as_str()), ("thursday", "saturday"));
}

#[test]
fn a_calendar_of_hundreds_of_years_is_made_in_chunks_or_refused_before_its_rows_are_made() {
    let years = [("a", "1900-01-01", "2299-12-31", "1111111"), ("b", "1900-01-01", "2299-12-31", "0000011")];
    let derived = |limit: usize| derive(vec![(CALENDAR, calendar(&years))], limit);
    // Four hundred Gregorian years are whole weeks.
    assert_eq!(derived(4 << 20).unwrap().0.len(), 146_097 + 146_097 / 7 * 2);
    let error = derived(2 << 20).err().unwrap().to_string();
    assert!(error.contains("the 2 services of 'calendar' run on 187839 dates or more"), "{error}");
    // What is removed of it does not count.
    let removed: Vec<Exception> = (0..20_000).map(|_| ("a", "2026-11-24", 2)).collect();
    let inputs = vec![(CALENDAR, calendar(&years)), (CALENDAR_DATES, exceptions(&removed))];
    assert!(derive(inputs, 3 << 20).is_ok());
    let many: Vec<Exception> = (0..100_000).map(|_| ("a", "2026-11-24", 1)).collect();
    let error = derive(vec![(CALENDAR_DATES, exceptions(&many))], 1 << 20).err().unwrap();
    assert!(matches!(error, DeriveError::Budget(_)), "{error}");
}

#[test]
fn the_days_of_a_period_are_counted_as_they_are_listed() {
    for (first, last) in [("2026-11-23", "2026-11-29"), ("2026-11-25", "2026-12-08"), ("2026-11-29", "2026-11-29")] {
        for runs in ["1111111", "0000001", "1010010", "0000000"] {
            let period = super::Period {
                first: day(first),
                last: day(last),
                runs: std::array::from_fn(|weekday| &runs[weekday..=weekday] == "1"),
                place: (0, 0),
            };
            let listed = (period.first..=period.last).filter(|day| period.runs_on(*day)).count();
            assert_eq!(period.days(), listed, "{first} {last} {runs}");
        }
    }
}
