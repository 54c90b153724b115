use std::path::Path;

use arrow_array::{UInt32Array, UInt64Array};

use super::*;
use crate::contract::library::Library;
use crate::decode::gtfs_realtime::format::GtfsRealtime;

fn contract(folder: &str, table: &str) -> Arc<Contract> {
    let library = Library::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(folder)).unwrap();
    library.get(table).unwrap().clone()
}

fn settings() -> Settings {
    Settings {
        service_date: "2026-11-24".parse().unwrap(),
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        pseudonyms: Arc::new(Pseudonyms::new([7; 32])),
        occupancy_source: "apc".into(),
        fleets: Fleets::default(),
        are_entities_vehicles: false,
        counts_lines: false,
        repeats: Repeats::Dropped,
    }
}

/// Rows of a source table from a few columns given as text; the others are null.
fn rows(contract: &Contract, given: &[(&str, &[&str])]) -> RecordBatch {
    let count = given[0].1.len();
    let mut columns: Vec<ArrayRef> = contract
        .columns
        .iter()
        .map(|column| {
            let Some((_, texts)) = given.iter().find(|(name, _)| *name == column.name) else {
                return new_null_array(&column.kind.data_type(), count);
            };
            let cells: StringArray = texts.iter().map(|text| (!text.is_empty()).then_some(*text)).collect();
            // Arrow reads zones by name only with a database of its own.
            let instant = arrow_schema::DataType::Timestamp(arrow_schema::TimeUnit::Millisecond, None);
            match column.kind {
                crate::contract::Kind::Instant => {
                    let cells = arrow_cast::cast(&cells, &instant).unwrap();
                    let cells = cells.as_primitive::<TimestampMillisecondType>().clone();
                    Arc::new(cells.with_timezone("UTC"))
                }
                kind => arrow_cast::cast(&cells, &kind.data_type()).unwrap(),
            }
        })
        .collect();
    columns.push(Arc::new(UInt32Array::from_value(0, count)));
    columns.push(Arc::new(UInt64Array::from_iter_values(0..count as u64)));
    RecordBatch::try_new(contract.chunk_schema(), columns).unwrap()
}

/// A batch is a capture.
fn run(table: &str, release: &str, batches: &[&[(&str, &[&str])]]) -> (RecordBatch, Vec<Unused>) {
    run_of(table, release, batches, None)
}

/// Each row is of one of these captures.
fn run_of(
    table: &str,
    release: &str,
    batches: &[&[(&str, &[&str])]],
    origins: Option<&[u32]>,
) -> (RecordBatch, Vec<Unused>) {
    let (source, release) = (contract("gtfs-realtime", table), contract("stadtbus", release));
    let mut telemetry = derivation(source.clone(), release.clone(), settings(), Budget::new(1 << 20)).unwrap();
    let mut out = Vec::new();
    let mut came = 0;
    for (number, batch) in batches.iter().enumerate() {
        let rows = rows(&source, batch);
        let count = rows.num_rows();
        let origins = origins.map_or_else(|| vec![number as u32; count], <[u32]>::to_vec);
        let mut columns = rows.columns().to_vec();
        columns[rows.schema_ref().index_of(crate::table::ORIGIN).unwrap()] = Arc::new(UInt32Array::from(origins));
        let rows = RecordBatch::try_new(rows.schema(), columns).unwrap();
        came += rows.num_rows() as u64;
        out.extend(telemetry.push(0, rows).unwrap());
    }
    let finished = telemetry.finish().unwrap();
    out.extend(finished.derived.map(Result::unwrap));
    let out: Vec<RecordBatch> = out.into_iter().map(|derived| derived.chunk.rows).collect();
    let out = arrow_select::concat::concat_batches(&release.chunk_schema(), &out).unwrap();
    let [account] = <[InputAccount; 1]>::try_from(finished.inputs).unwrap();
    assert_eq!(account.used, out.num_rows() as u64);
    assert_eq!(came, account.used + account.unused.iter().map(|unused| unused.rows).sum::<u64>());
    (out, account.unused)
}

fn text(rows: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let column = rows.column_by_name(column).unwrap();
    (0..rows.num_rows())
        .map(|row| column.is_valid(row).then(|| arrow_cast::display::array_value_to_string(column, row).unwrap()))
        .collect()
}

const NOON: &str = "2026-11-24T11:00:00Z";

#[test]
fn a_position_that_comes_again_is_dropped_by_rule_and_the_numbers_add_up() {
    let batch: &[(&str, &[&str])] = &[
        ("captured_at", &["2026-11-24T11:00:05Z", "2026-11-24T11:00:20Z", "2026-11-24T11:00:20Z"]),
        ("entity_id", &["1", "1", "2"]),
        ("vehicle_id", &["bus 7", "bus 7", "bus 8"]),
        ("latitude", &["48.47", "48.47", "48.48"]),
        ("timestamp", &[NOON, NOON, NOON]),
    ];
    let (rows, dropped) = run("vehicle_positions", "vehicle_locations", &[batch, batch]);
    assert_eq!(rows.num_rows(), 2);
    assert_eq!((dropped[0].rule.0.as_str(), dropped[0].rows), ("vehicle_locations.same_position", 4));
    assert!(!format!("{rows:?}").contains("bus"));
    let vehicles = text(&rows, "vehicle_id");
    assert!(vehicles[0] != vehicles[1] && vehicles[0].as_ref().is_some_and(|id| id.len() == 16));
    let ids: Vec<_> = text(&rows, "location_ping_id").into_iter().flatten().collect();
    assert!(ids.iter().zip(vehicles.iter().flatten()).all(|(id, vehicle)| id.starts_with(vehicle.as_str())));
    assert!(ids.iter().all(|id| id.len() == 21 && !id.contains("1795518000")), "{ids:?}");
}

#[test]
fn occupancy_keeps_the_raw_value_and_makes_nothing_up() {
    let (rows, _) = run(
        "vehicle_positions",
        "vehicle_locations",
        &[&[
            ("captured_at", &[NOON; 6]),
            ("vehicle_id", &["a", "b", "c", "d", "e", "f"]),
            ("timestamp", &[NOON; 6]),
            ("occupancy_percentage", &["0", "-5", "", "", "", "7"]),
            ("occupancy_status", &["", "", "EMPTY", "", "NO_DATA_AVAILABLE", "NO_DATA_AVAILABLE"]),
        ]],
    );
    let some = |texts: [&str; 6]| texts.map(|text| (!text.is_empty()).then(|| text.to_owned())).to_vec();
    assert_eq!(text(&rows, "occupancy_percentage"), some(["0", "", "", "", "", "7"]));
    let none = "NO_DATA_AVAILABLE";
    assert_eq!(text(&rows, "occupancy_raw"), some(["0", "-5", "EMPTY", "", none, "7"]));
    assert_eq!(text(&rows, "occupancy_status"), some(["", "", "EMPTY", "", none, none]));
    // Nobody knows how full a bus is of which there is no data, so nobody measured it.
    let quality = ["plausible", "implausible", "plausible", "", "", "plausible"];
    assert_eq!(text(&rows, "occupancy_quality"), some(quality));
    assert_eq!(text(&rows, "occupancy_source"), some(["apc", "apc", "apc", "", "", "apc"]));
}

#[test]
fn a_class_of_the_source_is_its_raw_value_beside_the_status_that_it_means() {
    let text_of = |columns: &str| {
        format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: \
                 vehicle_positions\n    properties:\n{columns}"
        )
    };
    let column = |name: &str| format!("      - {{name: {name}, logicalType: string, classification: public}}\n");
    let read = |text: &str| Arc::new(crate::contract::odcs::contract(Path::new("t.odcs.yaml"), text).unwrap());
    // Such a source has no percentage.
    let source = read(&text_of(&["vehicle_id", "occupancy_raw", "occupancy_status"].map(column).concat()));
    let names = ["occupancy_raw", "occupancy_raw_unit", "occupancy_status", "occupancy_source", "occupancy_quality"];
    let release = read(&text_of(&names.map(column).concat()));
    let mut telemetry = derivation(
        source.clone(),
        release.clone(),
        Settings { occupancy_source: "estimate_wlan".into(), ..settings() },
        Budget::new(1 << 20),
    )
    .unwrap();
    let given: &[(&str, &[&str])] = &[
        ("vehicle_id", &["a", "b", "c"]),
        ("occupancy_raw", &["rot", "lila", ""]),
        ("occupancy_status", &["STANDING_ROOM_ONLY", "", "EMPTY"]),
    ];
    let rows = telemetry.push(0, rows(&source, given)).unwrap().remove(0).chunk.rows;
    let found: Vec<Vec<Option<String>>> = names.iter().map(|name| text(&rows, name)).collect();
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let expected = [
        ["rot", "lila", "EMPTY"],
        ["class", "class", "gtfs_status"],
        ["STANDING_ROOM_ONLY", "", "EMPTY"],
        // Nobody knows what is meant by a colour without a meaning.
        ["estimate_wlan", "", "estimate_wlan"],
        ["plausible", "", "plausible"],
    ];
    assert_eq!(found, expected.map(|texts| texts.map(some).to_vec()));
    let from = |column: &'static str| made_from("vehicle_positions", column);
    assert_eq!(from("occupancy_raw"), ["occupancy_raw", "occupancy_percentage", "occupancy_status"]);
    assert_eq!((from("heading"), from("speed")), (vec!["bearing"], vec!["speed"]));
}

#[test]
fn a_prediction_is_kept_when_it_changes_and_when_it_changes_back() {
    let at = |time: &'static str, delay: &'static str| -> Vec<(&'static str, Vec<&'static str>)> {
        vec![
            ("captured_at", vec![time]),
            ("timestamp", vec![time]),
            ("trip_id", vec!["t"]),
            ("start_date", vec!["2026-11-24"]),
            ("stop_sequence", vec!["3"]),
            ("arrival_delay", vec![delay]),
        ]
    };
    let batches: Vec<_> = [
        at("2026-11-24T11:00:00Z", "60"),
        at("2026-11-24T11:00:15Z", "60"),
        at("2026-11-24T11:00:30Z", "90"),
        at("2026-11-24T11:00:45Z", "60"),
    ]
    .into_iter()
    .collect();
    let batches: Vec<Vec<(&str, &[&str])>> =
        batches.iter().map(|batch| batch.iter().map(|(name, cells)| (*name, cells.as_slice())).collect()).collect();
    let batches: Vec<&[(&str, &[&str])]> = batches.iter().map(Vec::as_slice).collect();
    let (rows, dropped) = run("trip_updates", "trip_updates", &batches);
    assert_eq!(text(&rows, "arrival_delay"), [Some("60".into()), Some("90".into()), Some("60".into())]);
    assert_eq!((dropped[0].rule.0.as_str(), dropped[0].rows), ("trip_updates.unchanged", 1));
}

#[test]
fn what_a_trip_or_an_alert_said_before_it_said_something_else_is_told_again() {
    const TIMES: [&str; 5] = [
        "2026-11-24T11:00:00Z",
        "2026-11-24T11:00:15Z",
        "2026-11-24T11:00:30Z",
        "2026-11-24T11:00:45Z",
        "2026-11-24T11:01:00Z",
    ];
    let kept = |table: &str, rows: &[(usize, &[(&'static str, &'static str)])]| -> Vec<usize> {
        let mut names: Vec<&str> = rows.iter().flat_map(|(_, cells)| cells.iter().map(|(name, _)| *name)).collect();
        names.sort_unstable();
        names.dedup();
        let cell = |cells: &[(&'static str, &'static str)], name: &str| {
            cells.iter().find(|(own, _)| *own == name).map_or("", |(_, cell)| *cell)
        };
        let mut columns = vec![("captured_at", rows.iter().map(|(at, _)| TIMES[*at]).collect::<Vec<_>>())];
        columns.extend(names.iter().map(|name| (*name, rows.iter().map(|(_, cells)| cell(cells, name)).collect())));
        let columns: Vec<(&str, &[&str])> = columns.iter().map(|(name, cells)| (*name, cells.as_slice())).collect();
        let origins: Vec<u32> = rows.iter().map(|(at, _)| *at as u32).collect();
        let (rows, _) = run_of(table, table, &[&columns], Some(&origins));
        let places = rows.column_by_name(crate::table::ORIGIN_ROW).unwrap();
        places.as_primitive::<arrow_array::types::UInt64Type>().values().iter().map(|row| *row as usize).collect()
    };
    // A trip that stands twice in each snapshot, as of a plan and of a bus more, says the same each time.
    let (plan, more): (&[_], &[_]) = (
        &[("trip_id", "t"), ("schedule_relationship", "SCHEDULED"), ("stop_id", "a")],
        &[("trip_id", "t"), ("schedule_relationship", "DUPLICATED"), ("stop_id", "b")],
    );
    assert_eq!(kept("trip_updates", &[(0, plan), (0, more), (1, more), (1, plan), (2, plan), (2, more)]), [0, 1]);
    // Until one of them is gone for a while.
    assert_eq!(kept("trip_updates", &[(0, plan), (0, more), (1, plan), (2, plan), (2, more)]), [0, 1, 4]);
    // Starts of one trip are apart from each other.
    let cancelled: &[_] = &[("trip_id", "t"), ("schedule_relationship", "CANCELED"), ("start_time", "29400")];
    assert_eq!(kept("trip_updates", &[(0, plan), (0, cancelled), (1, plan), (1, cancelled)]), [0, 1]);
    let runs: &[_] =
        &[("trip_id", "t"), ("schedule_relationship", "SCHEDULED"), ("start_time", "29400"), ("stop_id", "a")];
    let other: &[_] = &[("trip_id", "t"), ("schedule_relationship", "CANCELED"), ("start_time", "33000")];
    let twice = [(0, cancelled), (0, other), (1, runs), (1, other), (2, cancelled), (2, other)];
    assert_eq!(kept("trip_updates", &twice), [0, 1, 2, 4]);
    // Another trip says nothing of this one.
    let apart: &[_] = &[("trip_id", "u"), ("schedule_relationship", "SCHEDULED"), ("stop_id", "a")];
    assert_eq!(kept("trip_updates", &[(0, cancelled), (1, apart), (2, cancelled)]), [0, 1]);
    // Nor does one that is described by its route.
    let by_route: &[_] = &[("route_id", "1"), ("direction_id", "0"), ("schedule_relationship", "CANCELED")];
    let back: &[_] =
        &[("route_id", "1"), ("direction_id", "0"), ("schedule_relationship", "SCHEDULED"), ("stop_id", "a")];
    assert_eq!(kept("trip_updates", &[(0, by_route), (1, back), (1, apart), (2, by_route)]), [0, 1, 2, 3]);
    let alert =
        |route: &'static str, text: &'static str| [("entity_id", "a"), ("route_id", route), ("header_text", text)];
    let (one, two) = (alert("1", "Umleitung"), alert("2", "Ersatz"));
    assert_eq!(kept("alerts", &[(0, &one), (1, &one), (2, &two), (3, &one)]), [0, 2, 3]);
}

#[test]
fn columns_that_nothing_fills_or_that_come_as_another_type_are_mistakes_with_their_line() {
    let source = contract("gtfs-realtime", "vehicle_positions");
    let of = |columns: &str| {
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
                 properties:\n{columns}"
        );
        let release = crate::contract::odcs::contract(Path::new("t.odcs.yaml"), &text).unwrap();
        mistakes(&source, &release, &GtfsRealtime)
            .into_iter()
            .map(|p| (p.line, p.message, p.remedy))
            .collect::<Vec<_>>()
    };
    let column = |name: &str, rest: &str| format!("      - {{name: {name}, {rest}}}\n");
    let found = of(&(column("gps_quality", "logicalType: string, classification: public")
        + &column("device_id", "logicalType: string")
        + &column("trip_start_time", "logicalType: string, classification: public")
        + &column("odometer", "logicalType: number, physicalType: float, classification: public")
        + &column("latitude", "logicalType: number, physicalType: float, classification: public")
        + &column("speed", "logicalType: number, physicalType: double, classification: public")));
    let lines: Vec<u32> = found.iter().map(|(line, ..)| *line).collect();
    assert_eq!(lines, [9, 11, 12], "{found:?}");
    assert!(found[0].1.contains("nothing fills the column 'gps_quality'"), "{found:?}");
    assert!(found[1].1.contains("comes as 'gtfsType: Time', not as 'logicalType: string'"), "{found:?}");
    assert!(found[2].1.contains("comes as a double"), "{found:?}");
    for (from, to) in
        [("vehicle_positions", "vehicle_locations"), ("trip_updates", "trip_updates"), ("alerts", "alerts")]
    {
        let found = mistakes(&contract("gtfs-realtime", from), &contract("stadtbus", to), &GtfsRealtime);
        assert_eq!(found, [], "{to}");
    }
    // An alert has no vehicle, and the id of its entity is not one.
    let release = contract("stadtbus", "vehicle_locations");
    let found = mistakes(&contract("gtfs-realtime", "alerts"), &release, &GtfsRealtime);
    assert!(found.iter().any(|problem| problem.message.contains("'vehicle_id'")), "{found:?}");
}
