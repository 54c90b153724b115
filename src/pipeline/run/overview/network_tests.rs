use std::path::Path;
use std::sync::Arc;

use parquet::arrow::ArrowWriter;

use super::*;
use crate::contract::odcs;
use crate::digest::Digest;
use crate::publish::index::testing::first_version;

/// A column: texts, or numbers.
enum Column {
    Texts(Vec<Option<&'static str>>),
    Floats(Vec<Option<f64>>),
    Integers(Vec<Option<i32>>),
}

fn texts<const N: usize>(values: [&'static str; N]) -> Column {
    Column::Texts(values.map(|value| (!value.is_empty()).then_some(value)).into())
}

fn floats<const N: usize>(values: [f64; N]) -> Column {
    Column::Floats(values.map(|value| value.is_finite().then_some(value)).into())
}

fn integers<const N: usize>(values: [i32; N]) -> Column {
    Column::Integers(values.map(|value| (value >= 0).then_some(value)).into())
}

/// Publishes a table of a date.
fn table(bucket: &Bucket, name: &str, date: &str, columns: Vec<(&str, Column)>) -> Table {
    let array = |column: Column| -> ArrayRef {
        match column {
            Column::Texts(values) => Arc::new(values.into_iter().collect::<StringArray>()),
            Column::Floats(values) => Arc::new(values.into_iter().collect::<Float64Array>()),
            Column::Integers(values) => Arc::new(values.into_iter().collect::<Int32Array>()),
        }
    };
    let rows = RecordBatch::try_from_iter(columns.into_iter().map(|(name, column)| (name, array(column)))).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    let file = IndexFile {
        path: format!("data/bus/{name}/partition_date={date}/part-1.parquet"),
        partition_date: date.parse().unwrap(),
        rows: rows.num_rows() as u64,
        bytes: bytes.len() as u64,
        sha256: Digest::of(&bytes),
        record: "ledger/records/0.json".to_owned(),
        provisional: false,
        timetable: None,
    };
    bucket.put(&file.path, bytes.into()).unwrap();
    let contract = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: {name}\nversion: '1'\nstatus: active\nschema:\n  - name: {name}\n    \
         properties:\n      - {{name: id, logicalType: string}}\n"
    );
    let contract = Arc::new(odcs::contract(Path::new("t.odcs.yaml"), &contract).unwrap());
    Table { contract, index: first_version("bus", name, vec![file]) }
}

const DATE: &str = "2026-11-24";

fn stops(bucket: &Bucket) -> Table {
    let columns = vec![
        ("stop_id", texts(["a", "b", "c", "d", "e", "f"])),
        ("stop_lat", floats([48.90, 48.91, 48.92, 48.93, 48.94, f64::NAN])),
        ("stop_lon", floats([8.70, 8.71, 8.70, 8.72, 8.70, 8.70])),
        ("location_type", integers([0, -1, 1, 0, 2, 0])),
    ];
    table(bucket, "stops", DATE, columns)
}

fn routes(bucket: &Bucket) -> Table {
    let columns = vec![
        ("route_id", texts(["2", "1", "unused"])),
        ("route_type", integers([3, 0, 3])),
        ("route_color", texts(["", "D22630", ""])),
    ];
    table(bucket, "routes", DATE, columns)
}

fn trips(bucket: &Bucket) -> Table {
    let columns = vec![
        ("trip_id", texts(["t1", "t2", "t3", "t4", "t5"])),
        ("route_id", texts(["1", "1", "2", "2", "gone"])),
        ("shape_id", texts(["s", "s", "", "missing", "s"])),
    ];
    table(bucket, "trips", DATE, columns)
}

fn shapes(bucket: &Bucket) -> Table {
    let columns = vec![
        ("shape_id", texts(["s", "s", "s", "single"])),
        ("shape_pt_lat", floats([48.92, 48.90, 48.91, 48.90])),
        ("shape_pt_lon", floats([8.70, 8.70, 8.71, 8.70])),
        ("shape_pt_sequence", integers([30, 10, 20, 1])),
    ];
    table(bucket, "shapes", DATE, columns)
}

fn stop_times(bucket: &Bucket) -> Table {
    let columns = vec![
        ("trip_id", texts(["t3", "t4", "t3", "t4", "t3", "t1"])),
        ("stop_id", texts(["d", "a", "a", "d", "f", "e"])),
        ("stop_sequence", integers([7, 1, 1, 7, 9, 1])),
    ];
    table(bucket, "stop_times", DATE, columns)
}

fn network(bucket: &Bucket, tables: &[Table]) -> (Network, bool) {
    let files = Files::newest(tables).unwrap();
    Reading { bucket, files: &files, limit: 1 << 20, held: 0 }.network().unwrap().unwrap()
}

#[test]
fn a_network_has_shapes_in_their_order_and_else_the_stops_of_trips() {
    let bucket = Bucket::in_memory();
    let tables = [stops(&bucket), routes(&bucket), trips(&bucket), shapes(&bucket), stop_times(&bucket)];
    let (read, has_sequences) = network(&bucket, &tables);
    // No entrance, and none without a position.
    assert_eq!(read.stops, [[48.90, 8.70], [48.91, 8.71], [48.92, 8.70], [48.93, 8.72]]);
    assert!(has_sequences);
    let [one, two, unused] = &read.lines[..] else { panic!("{read:?}") };
    assert_eq!(
        (one.route_id.as_str(), one.colour.as_deref(), one.kind, one.is_straight),
        ("1", Some("D22630"), 0, false)
    );
    // Two trips on one shape, once.
    assert_eq!(one.shapes, [[[48.90, 8.70], [48.91, 8.71], [48.92, 8.70]]]);
    // A trip without a shape, and one whose shape is missing: the stops, of which one has no position.
    assert!(two.is_straight && unused.shapes.is_empty());
    let mut ways = two.shapes.clone();
    ways.dedup();
    assert_eq!(ways, [[[48.90, 8.70], [48.93, 8.72]]]);
}

#[test]
fn the_map_is_drawn_when_its_files_change_and_not_else() {
    let bucket = Bucket::in_memory();
    let tables = [stops(&bucket), routes(&bucket), trips(&bucket), shapes(&bucket), stop_times(&bucket)];
    let mut writer = ViewWriter::new(&bucket);
    let content = map((&bucket, "bus"), &tables, 1 << 20, None, &mut writer).unwrap().unwrap();
    assert_eq!((content.stops, content.routes, content.sources.len()), (4, 2, 5));
    assert_eq!(content.bounds, [48.90, 8.70, 48.93, 8.72]);
    let svg = bucket.get("bus/map.svg").unwrap().unwrap();
    assert_eq!(svg.len() as u64, content.bytes);
    let before = bucket.requests();
    let again = map((&bucket, "bus"), &tables, 1 << 20, Some(&content), &mut writer).unwrap();
    assert_eq!((again.as_ref(), bucket.requests()), (Some(&content), before));
    // Without a stop time it is another map, of fewer files.
    let fewer = map((&bucket, "bus"), &tables[..4], 1 << 20, Some(&content), &mut writer).unwrap().unwrap();
    assert_eq!((fewer.routes, fewer.sources.len()), (1, 4));
    // Stops alone are a map. A dataset that has none any more has none.
    let alone = map((&bucket, "bus"), &tables[..1], 1 << 20, Some(&content), &mut writer).unwrap().unwrap();
    assert_eq!((alone.stops, alone.routes), (4, 0));
    assert_eq!(map((&bucket, "bus"), &[], 1 << 20, Some(&alone), &mut writer).unwrap(), None);
    assert!(bucket.get("bus/map.svg").unwrap().is_none());
    assert_eq!(writer.finish().removed, ["bus/map.svg"]);
}

#[test]
fn a_table_of_another_date_is_none_and_columns_may_be_missing() {
    let bucket = Bucket::in_memory();
    let old = table(&bucket, "shapes", "2026-11-23", vec![("shape_id", texts(["s"]))]);
    let bare = table(&bucket, "trips", DATE, vec![("route_id", texts(["1"]))]);
    let (read, has_sequences) = network(&bucket, &[stops(&bucket), routes(&bucket), bare, old]);
    assert!(!has_sequences && read.lines.iter().all(|line| line.shapes.is_empty()));
    let empty = table(&bucket, "stops", DATE, vec![("stop_name", texts(["a"]))]);
    assert_eq!(network(&bucket, &[empty]).0, Network::default());
}

#[test]
fn more_than_fits_into_memory_is_an_error_with_a_remedy() {
    let bucket = Bucket::in_memory();
    let tables = [stops(&bucket)];
    let error = map((&bucket, "bus"), &tables, 100, None, &mut ViewWriter::new(&bucket)).unwrap_err();
    assert!(error.to_string().contains("limits: memory"), "{error}");
}
