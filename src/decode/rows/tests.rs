use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, ArrayRef};

use super::*;
use crate::contract::{Kind, odcs};
use crate::time::{ServiceDate, ServiceSeconds};

const CONTRACT: &str = "\
apiVersion: v3.1.0
kind: DataContract
id: reports
version: '1'
status: active
schema:
  - name: reports
    properties:
      - {name: id, logicalType: string}
      - {name: count, logicalType: integer, physicalType: int32}
      - {name: total, logicalType: integer, physicalType: int64}
      - {name: speed, logicalType: number}
      - {name: open, logicalType: boolean}
      - {name: date, logicalType: date}
      - {name: start, logicalType: integer, physicalType: int32, customProperties: [{property: gtfsType, value: Time}]}
      - {name: at, logicalType: timestamp}
";

fn builder() -> RowBuilder {
    let contract = Arc::new(odcs::contract(Path::new("reports.odcs.yaml"), CONTRACT).unwrap());
    let kinds: Vec<Kind> = contract.columns.iter().map(|column| column.kind).collect();
    use Kind::*;
    assert_eq!(kinds, [Text, Int32, Int64, Float, Boolean, Date, ServiceTime, Instant]);
    RowBuilder::new(contract, Budget::new(1 << 20))
}

/// The row, column, expectation and value of a flaw.
type Shown = (u32, Option<u32>, &'static str, String);

/// A row in CSV for each row of a chunk, and its flaws.
fn shown(chunk: &Chunk) -> (Vec<String>, Vec<Shown>) {
    let columns = chunk.rows.columns();
    let cell = |column: &ArrayRef, row: usize| match column.as_primitive_opt::<TimestampMillisecondType>() {
        _ if column.is_null(row) => String::new(),
        Some(instants) => format!("{} ms", instants.value(row)),
        None => arrow_cast::display::array_value_to_string(column, row).unwrap(),
    };
    let row = |row: usize| columns.iter().map(|column| cell(column, row)).collect::<Vec<_>>().join(",");
    let flaws = chunk.flaws.iter().map(|flaw| (flaw.row, flaw.column, flaw.expected.en(), flaw.found.clone()));
    ((0..chunk.rows.num_rows()).map(row).collect(), flaws.collect())
}

fn row(rows: &mut RowBuilder, cells: &[(&str, Cell<'_>)]) {
    rows.begin(0, 7);
    for (name, cell) in cells {
        rows.set(rows.column(name), *cell);
    }
    rows.end();
}

#[test]
fn values_of_every_kind_are_kept_in_whichever_order_they_are_set() {
    let mut rows = builder();
    let date = ServiceDate::new(2026, 11, 24).unwrap();
    let cells = [
        ("at", Cell::Seconds(10)),
        ("start", Cell::Text(b"25:10:00")),
        ("date", Cell::Text(b"20261124")),
        ("open", Cell::Bool(false)),
        ("no such column", Cell::Int(1)),
        ("speed", Cell::Float(1.5)),
        ("total", Cell::Int(i64::MIN)),
        ("count", Cell::Int(-5)),
        ("id", Cell::Int(i64::MIN)),
    ];
    row(&mut rows, &cells);
    let others = [
        ("id", Cell::Name("EMPTY")),
        ("speed", Cell::Int(3)),
        ("open", Cell::Int(2)),
        ("date", Cell::Date(date)),
        ("start", Cell::Time(ServiceSeconds(60))),
        ("at", Cell::Millis(1)),
    ];
    row(&mut rows, &others);
    row(&mut rows, &[("id", Cell::Text(b"")), ("count", Cell::Absent)]);
    let (lines, flaws) = shown(&rows.take().unwrap());
    let expected = [
        "-9223372036854775808,-5,-9223372036854775808,1.5,false,2026-11-24,90600,10000 ms,0,7",
        "EMPTY,,,3.0,true,2026-11-24,60,1 ms,0,7",
        ",,,,,,,,0,7",
    ];
    assert_eq!(lines, expected);
    assert!(flaws.is_empty(), "{flaws:?}");
}

#[test]
fn a_value_that_does_not_fit_is_null_and_told_in_the_order_of_the_columns() {
    let mut rows = builder();
    let cells = [
        ("at", Cell::Seconds(-1)),
        ("start", Cell::Text(b"noon")),
        ("date", Cell::Name("tomorrow")),
        ("open", Cell::Float(0.0)),
        ("speed", Cell::Float(f64::NAN)),
        ("total", Cell::Millis(1)),
        ("count", Cell::Int(1 << 31)),
        ("id", Cell::Text(b"\xff")),
    ];
    row(&mut rows, &[]);
    row(&mut rows, &cells);
    let (lines, flaws) = shown(&rows.take().unwrap());
    assert_eq!(lines, [",,,,,,,,0,7"; 2]);
    let expected = [
        (1, Some(0), "text in UTF-8", "\u{fffd}".to_owned()),
        (1, Some(1), "a whole number", "2147483648".to_owned()),
        (1, Some(2), "a whole number", "1".to_owned()),
        (1, Some(3), "a number", "NaN".to_owned()),
        (1, Some(4), "true or false", "0".to_owned()),
        (1, Some(5), "a date like 20261124", "tomorrow".to_owned()),
        (1, Some(6), "a time like 25:10:00", "noon".to_owned()),
        (1, Some(7), "seconds since 1970", "-1".to_owned()),
    ];
    assert_eq!(flaws, expected);
}

#[test]
fn the_last_value_of_a_cell_counts_and_takes_back_what_was_wrong_with_the_one_before() {
    let mut rows = builder();
    let (id, count) = (rows.column("id"), rows.column("count"));
    rows.begin(0, 7);
    for (text, number) in [("a long text", Cell::Int(1)), ("b", Cell::Float(0.5)), ("c", Cell::Int(2))] {
        rows.set(id, Cell::Name(text));
        rows.set(count, number);
    }
    rows.end();
    row(&mut rows, &[("count", Cell::Int(3)), ("count", Cell::Name("x"))]);
    let (lines, flaws) = shown(&rows.take().unwrap());
    assert_eq!(lines, ["c,2,,,,,,,0,7", ",,,,,,,,0,7"]);
    assert_eq!(flaws, [(1, Some(1), "a whole number", "x".to_owned())]);
}

#[test]
fn what_rows_share_stays_over_chunks_and_rows_that_set_it_until_it_is_shared_no_longer() {
    let mut rows = builder();
    let (id, count, start) = (rows.column("id"), rows.column("count"), rows.column("start"));
    rows.share(id, Cell::Text(b"bus"));
    rows.share(count, Cell::Int(1));
    rows.share(start, Cell::Text(b"noon"));
    row(&mut rows, &[]);
    row(&mut rows, &[("id", Cell::Absent), ("count", Cell::Int(2)), ("start", Cell::Absent)]);
    let first = shown(&rows.take().unwrap());
    assert_eq!(first.0, ["bus,1,,,,,,,0,7", ",2,,,,,,,0,7"]);
    assert_eq!(first.1, [(0, Some(6), "a time like 25:10:00", "noon".to_owned())]);
    rows.share(count, Cell::Int(3));
    row(&mut rows, &[]);
    rows.unshare();
    row(&mut rows, &[]);
    let second = shown(&rows.take().unwrap());
    assert_eq!(second.0, ["bus,3,,,,,,,0,7", ",,,,,,,,0,7"]);
    assert_eq!(second.1, first.1);
}

#[test]
fn rows_behind_a_mark_are_undone_with_their_flaws_and_an_open_row_is_forgotten() {
    let mut rows = builder();
    let bad = [("id", Cell::Name("kept")), ("open", Cell::Bool(true)), ("count", Cell::Float(1.0))];
    row(&mut rows, &bad);
    let mark = rows.mark();
    rows.expect(100).unwrap();
    row(&mut rows, &bad);
    row(&mut rows, &[]);
    rows.begin(0, 8);
    rows.set(rows.column("id"), Cell::Name("open"));
    assert_eq!((rows.rows(), rows.total()), (3, 3));
    rows.undo(mark);
    assert_eq!((rows.rows(), rows.total()), (1, 1));
    row(&mut rows, &[("id", Cell::Name("next"))]);
    rows.begin(0, 9);
    rows.set(rows.column("count"), Cell::Name("x"));
    let (lines, flaws) = shown(&rows.take().unwrap());
    assert_eq!(lines, ["kept,,,,true,,,,0,7", "next,,,,,,,,0,7"]);
    assert_eq!(flaws, [(0, Some(1), "a whole number", "1".to_owned())]);
    assert_eq!(rows.take().unwrap().rows.num_rows(), 0);
}

#[test]
fn rows_are_booked_before_they_are_made_until_their_chunk_is_released() {
    let mut rows = builder();
    let budget = rows.budget.clone();
    rows.expect(1000).unwrap();
    row(&mut rows, &[]);
    assert!(!rows.is_full(ROWS) && rows.is_full(1));
    rows.expect(1 << 17).unwrap();
    assert!(rows.is_full(ROWS));
    assert!(budget.left() < (1 << 20) - (1 << 17));
    rows.take().unwrap();
    assert!(!rows.is_full(1) && budget.left() < (1 << 20) - (1 << 17));
    rows.release();
    assert_eq!(budget.left(), 1 << 20);
    assert!(rows.expect(2 << 20).is_err());
    rows.expect(10).unwrap_err();
    drop(rows);
    assert_eq!(budget.left(), 1 << 20);
}

#[test]
fn rows_that_share_are_the_rows_that_set_the_same() {
    let mut rows = builder();
    let texts = ["", "ß", "Hauptbahnhof", "\u{1F68C}"];
    for text in texts {
        rows.share(rows.column("id"), Cell::Name(text));
        row(&mut rows, &[]);
        row(&mut rows, &[("id", Cell::Text(text.as_bytes()))]);
    }
    let chunk = rows.take().unwrap();
    let ids = chunk.rows.column(0).as_string::<i32>();
    let expected: Vec<Option<&str>> =
        texts.iter().flat_map(|text| [Some(*text).filter(|text| !text.is_empty()); 2]).collect();
    assert_eq!(ids.iter().collect::<Vec<_>>(), expected);
}
