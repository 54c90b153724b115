//! What is a report, and whose it is: feeds without times, ids or trip ids, a status that changes under the same fix, and two
//! operators in one pipeline.

use std::collections::BTreeSet;

use arrow_array::RecordBatch;
use fahrtenbuch::publish::parquet::rows as parquet_rows;
use serde_json::{Value, json};

use crate::cases_windows::{ALL, case, run, table};
use crate::readable::{PIPELINE, TEN, field, keep, message, notes, telemetry};
use crate::world::{World, files, root};

const DATE: &[&str] = &["--date", "2026-11-24"];
const POSITIONS: &str = "stadtbus-vehicle-positions";
const UPDATES: &str = "stadtbus-trip-updates";

/// What is published of a table.
fn published(world: &World, record: &Value, name: &str) -> RecordBatch {
    let path = table(record, name)["files"][0]["path"].as_str().unwrap_or_else(|| panic!("{record:#}"));
    let bytes = std::fs::read(world.path("data/bucket").join(path)).unwrap();
    parquet_rows(bytes.into()).unwrap()
}

fn texts(rows: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let column = rows.column_by_name(column).unwrap();
    // Arrow shows instants of a named zone only with a database of zones.
    let is_instant = matches!(column.data_type(), arrow_schema::DataType::Timestamp(..));
    let numbers = is_instant.then(|| arrow_cast::cast(column, &arrow_schema::DataType::Int64).unwrap());
    let column = numbers.as_ref().unwrap_or(column);
    let text = |row| arrow_cast::display::array_value_to_string(column, row).unwrap();
    (0..column.len()).map(|row| column.is_valid(row).then(|| text(row))).collect()
}

fn distinct(texts: &[Option<String>]) -> usize {
    texts.iter().flatten().collect::<BTreeSet<_>>().len()
}

/// The findings of a rule: rows and severity.
fn findings(record: &Value, rule: &str) -> Vec<Value> {
    let all = record["findings"].as_array().unwrap().iter();
    all.filter(|finding| finding["rule"] == rule).map(|finding| json!([finding["rows"], finding["severity"]])).collect()
}

/// Every row that came is published.
fn all_are_published(record: &Value, name: &str, rows: u64) {
    let table = table(record, name);
    assert_eq!((&table["rows_in"], &table["published"]), (&rows.into(), &rows.into()), "{table:#}");
}

#[test]
fn the_words_of_a_pipeline_are_no_names_of_a_source_s_vehicles() {
    let world = World::new();
    let path = "pipelines/stadtbus-telemetrie.yaml";
    let text = std::fs::read_to_string(world.path(path)).unwrap();
    for word in ["shared", "by_source"] {
        assert!(text.contains("  - name:"), "{text}");
        world.write(path, &text.replacen("  - name:", &format!("  - vehicles: {word}\n    name:"), 1));
        let check = world.program(&["check"]);
        let said = String::from_utf8_lossy(&check.stderr).into_owned();
        assert_eq!(check.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("'vehicles: {word}' stands at a source")), "{said}");
    }
}

#[test]
fn no_timestamps_every_snapshot_is_a_report_at_the_time_of_its_header() {
    let world = case("no-timestamps", ALL);
    let record = run(&world, DATE);
    all_are_published(&record, "vehicle_locations", 40);
    let rows = published(&world, &record, "vehicle_locations");
    assert_eq!(distinct(&texts(&rows, "vehicle_id")), 2);
    assert_eq!(distinct(&texts(&rows, "event_timestamp")), 20);
    assert_eq!(distinct(&texts(&rows, "location_ping_id")), 40);
}

#[test]
fn no_timestamps_the_same_snapshot_again_is_no_report() {
    let world = case("no-timestamps", ALL);
    let first = root().join("tests/cases/realtime/no-timestamps/vehicle-positions-20261124T100002Z.pb");
    keep(&world, POSITIONS, TEN + 5, &[], &std::fs::read(first).unwrap());
    let record = run(&world, DATE);
    let table = table(&record, "vehicle_locations");
    assert_eq!((&table["rows_in"], &table["published"]), (&42.into(), &40.into()), "{table:#}");
    assert_eq!(findings(&record, "vehicle_locations.same_position"), [json!([2, "info"])]);
    let all = record["findings"].as_array().unwrap().iter();
    let finding = all.into_iter().find(|finding| finding["rule"] == "vehicle_locations.same_position").unwrap();
    let samples = finding["samples"].as_array().unwrap();
    assert_eq!(samples[0], json!({"origin": "stadtbus-vehicle-positions 2026-11-24T10:00:05Z", "row": 0}));
    assert_eq!(samples.len(), 2);
    assert!(!finding.to_string().contains("stands"), "{finding:#}");
}

#[test]
fn same_second_status_changes_under_the_same_fix_are_kept() {
    let world = case("same-second-status", ALL);
    let record = run(&world, DATE);
    all_are_published(&record, "vehicle_locations", 4);
    let rows = published(&world, &record, "vehicle_locations");
    let ids: Vec<String> = texts(&rows, "location_ping_id").into_iter().flatten().collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 4);
    let first = ids.iter().min_by_key(|id| id.len()).unwrap();
    assert_eq!(first.len(), 21);
    assert!(ids.iter().all(|id| id.starts_with(first.as_str())), "{ids:?}");
    let statuses = texts(&rows, "current_status");
    assert_eq!(statuses.iter().flatten().filter(|status| *status == "Stopped at").count(), 2);
    // The same evidence, and less of it, gives the same ids.
    let less = case("same-second-status", ["2026-11-24T10:00:00Z", "2026-11-24T10:00:40Z"]);
    let key = std::fs::read(world.path("data/private/keys/2026-11-24.key")).unwrap();
    std::fs::create_dir_all(less.path("data/private/keys")).unwrap();
    std::fs::write(less.path("data/private/keys/2026-11-24.key"), key).unwrap();
    let record = run(&less, DATE);
    let fewer: BTreeSet<_> =
        texts(&published(&less, &record, "vehicle_locations"), "location_ping_id").into_iter().flatten().collect();
    assert!(fewer.len() == 3 && fewer.iter().all(|id| ids.contains(id)), "{fewer:?} {ids:?}");
}

#[test]
fn another_place_in_the_same_second_is_held_back_by_the_key() {
    let world = telemetry();
    let mut there = message(TEN, 2);
    let (latitude, elsewhere) = (48.48_f32.to_le_bytes(), 48.49_f32.to_le_bytes());
    keep(&world, POSITIONS, TEN, &[], &there);
    let at = there.windows(4).position(|bytes| bytes == latitude).unwrap();
    there[at..at + 4].copy_from_slice(&elsewhere);
    keep(&world, POSITIONS, TEN + 15, &[], &there);
    let record = run(&world, DATE);
    let table = table(&record, "vehicle_locations");
    assert_eq!((&table["published"], &table["quarantined"]), (&2.into(), &1.into()), "{table:#}");
    assert_eq!(findings(&record, "vehicle_locations.primary_key"), [json!([1, "error"])]);
}

#[test]
fn entity_numbers_are_no_vehicles() {
    let world = case("entity-numbers", ALL);
    let record = run(&world, DATE);
    all_are_published(&record, "vehicle_locations", 12);
    let rows = published(&world, &record, "vehicle_locations");
    assert_eq!(texts(&rows, "vehicle_id"), vec![None; 12]);
    assert_eq!(texts(&rows, "latitude").iter().flatten().count(), 12);
    let ids = texts(&rows, "location_ping_id");
    assert_eq!(distinct(&ids), 12);
    // Of each snapshot in the order of the ids and not in that of the feed.
    for snapshot in 0..4 {
        assert!(ids[snapshot * 3..snapshot * 3 + 3].is_sorted(), "{ids:?}");
    }
    assert_eq!(findings(&record, "vehicle_positions.vehicle_has_id"), [json!([12, "warning"])]);
}

#[test]
fn entity_ids_that_are_stable_stand_for_vehicles() {
    let world = case("entity-numbers", ALL);
    world.replace(PIPELINE, "occupancy_source: apc", "occupancy_source: apc\nentity_ids: stable");
    let record = run(&world, DATE);
    all_are_published(&record, "vehicle_locations", 12);
    let rows = published(&world, &record, "vehicle_locations");
    assert_eq!((distinct(&texts(&rows, "vehicle_id")), distinct(&texts(&rows, "location_ping_id"))), (3, 12));
}

#[test]
fn no_vehicle_id_three_buses_are_three_reports_and_plates_do_not_leave() {
    let world = case("no-vehicle-id", ALL);
    let record = run(&world, DATE);
    all_are_published(&record, "vehicle_locations", 6);
    let rows = published(&world, &record, "vehicle_locations");
    let vehicles = texts(&rows, "vehicle_id");
    assert_eq!((vehicles.iter().flatten().count(), distinct(&vehicles)), (3, 3), "{vehicles:?}");
    assert_eq!(distinct(&texts(&rows, "location_ping_id")), 6);
    for (name, bytes) in files(&world.path("data/bucket")) {
        let has = |text: &str| memchr::memmem::find(&bytes, text.as_bytes()).is_some();
        assert!(!has("Meier") && !has("OG-XY"), "{name}");
    }
}

#[test]
fn buses_that_nobody_can_tell_apart_are_as_many_reports_as_stand_in_a_snapshot() {
    let world = telemetry();
    let snapshot = |at: i64, buses: usize| {
        // What stands between the position and the descriptor of a vehicle is its time.
        let with_id = message(at, 1);
        let from = memchr::memmem::find(&with_id, &[0x12, 10, 0x0d]).unwrap();
        let vehicle = &with_id[from..from + 12 + 6];
        let entity = field(2, &[field(1, b"0"), field(4, vehicle)].concat());
        [field(1, &field(1, b"2.0")), entity.repeat(buses)].concat()
    };
    keep(&world, POSITIONS, TEN, &[], &snapshot(TEN, 2));
    keep(&world, POSITIONS, TEN + 15, &[], &snapshot(TEN, 2));
    keep(&world, POSITIONS, TEN + 30, &[], &snapshot(TEN, 3));
    let record = run(&world, DATE);
    let table = table(&record, "vehicle_locations");
    assert_eq!((&table["rows_in"], &table["published"]), (&7.into(), &3.into()), "{table:#}");
    assert_eq!(table["dropped"], json!({"vehicle_locations.same_position": 4}));
    let rows = published(&world, &record, "vehicle_locations");
    assert_eq!((distinct(&texts(&rows, "location_ping_id")), distinct(&texts(&rows, "vehicle_id"))), (3, 0));
}

#[test]
fn entity_ids_that_are_missing_or_not_unique_hold_nothing_back() {
    let world = case("entity-ids", ALL);
    let record = run(&world, DATE);
    all_are_published(&record, "vehicle_locations", 7);
    assert_eq!(distinct(&texts(&published(&world, &record, "vehicle_locations"), "vehicle_id")), 7);
    assert_eq!(findings(&record, "vehicle_positions.entity_has_id"), [json!([4, "info"])]);
    assert_eq!(findings(&record, "vehicle_positions.entity_id_twice_in_snapshot"), [json!([2, "warning"])]);
}

#[test]
fn tu_without_trip_id_is_published_and_told() {
    let world = case("tu-without-trip-id", ALL);
    let again = root().join("tests/cases/realtime/tu-without-trip-id/trip-updates-20261124T100000Z.pb");
    keep(&world, UPDATES, TEN + 15, &[], &std::fs::read(again).unwrap());
    let record = run(&world, DATE);
    let updates = table(&record, "trip_updates");
    // The two trips of one route, start and stop are not the same, so that nothing has changed in the second snapshot.
    assert_eq!((&updates["rows_in"], &updates["published"]), (&6.into(), &3.into()), "{updates:#}");
    assert_eq!(updates["dropped"], json!({"trip_updates.unchanged": 3}));
    let rows = published(&world, &record, "trip_updates");
    assert_eq!(distinct(&texts(&rows, "trip_id_scheduled")), 1);
    assert_eq!(distinct(&texts(&rows, "direction_id")), 2);
    assert_eq!(findings(&record, "trip_updates.trip_named_by_id"), [json!([4, "info"])]);
    assert_eq!(findings(&record, "trip_updates.unchanged"), [json!([3, "info"])]);
}

/// Both operators as sources of one pipeline; the pipeline says so much of vehicles.
fn two_operators(said: &str) -> World {
    let world = telemetry();
    world.replace(PIPELINE, "occupancy_source: apc", &format!("occupancy_source: apc\n{said}"));
    for (operator, source) in [("op-a", POSITIONS), ("op-b", UPDATES)] {
        for snapshot in 0..3 {
            let file = root().join(format!("tests/cases/realtime/two-operators/{operator}-{snapshot}.pb"));
            keep(&world, source, TEN + snapshot * 15, &[], &std::fs::read(file).unwrap());
        }
    }
    world
}

#[test]
fn two_operators_have_four_vehicles_unless_the_pipeline_says_that_they_share_them() {
    for said in ["", "vehicles: by_source"] {
        let world = two_operators(said);
        let record = run(&world, DATE);
        all_are_published(&record, "vehicle_locations", 12);
        let rows = published(&world, &record, "vehicle_locations");
        assert_eq!((distinct(&texts(&rows, "vehicle_id")), distinct(&texts(&rows, "location_ping_id"))), (4, 12));
        let told = notes(&record, "gtfs_realtime.vehicles_by_source");
        assert_eq!(told.len(), usize::from(said.is_empty()), "{told:?}");
    }
    let world = two_operators("vehicles: shared");
    let record = run(&world, DATE);
    let rows = published(&world, &record, "vehicle_locations");
    assert_eq!(distinct(&texts(&rows, "vehicle_id")), 2);
}

/// Positions of a bus and a prediction of its trip, from two sources; the pseudonyms of both, and that of the id alone.
fn of_one_operator(replaced: &[(&str, &str)]) -> [BTreeSet<String>; 3] {
    let world = telemetry();
    replaced.iter().for_each(|(from, to)| world.replace(PIPELINE, from, to));
    let header = field(1, &field(1, b"2.0"));
    let trip = field(1, &[field(1, b"t"), field(3, b"20261124")].concat());
    let update = [trip, field(3, &field(1, b"bus0")), field(2, &[0x08, 3])].concat();
    keep(&world, POSITIONS, TEN, &[], &message(TEN, 1));
    keep(&world, UPDATES, TEN, &[], &[header, field(2, &[field(1, b"e"), field(3, &update)].concat())].concat());
    let record = run(&world, DATE);
    let of = |name: &str| texts(&published(&world, &record, name), "vehicle_id").into_iter().flatten().collect();
    let key = std::fs::read_to_string(world.path("data/private/keys/2026-11-24.key")).unwrap();
    let key = fahrtenbuch::digest::Digest::parse(key.trim()).unwrap().0;
    let alone = fahrtenbuch::derive::privacy::Pseudonyms::new(key).of(None, "bus0").name().to_owned();
    [of("vehicle_locations"), of("trip_updates"), BTreeSet::from([alone])]
}

#[test]
fn sources_of_one_operator_have_the_pseudonyms_that_they_had() {
    let [positions, updates, alone] = of_one_operator(&[]);
    assert_eq!((&positions, &updates), (&alone, &alone));
    let said = ("occupancy_source: apc", "occupancy_source: apc\nvehicles: by_source");
    let [positions, updates, alone] = of_one_operator(&[said]);
    assert!(positions != updates && positions != alone && updates != alone);
    let [positions, updates, alone] = of_one_operator(&[
        ("vehicle-positions\n    type: evidence", "vehicle-positions\n    type: evidence\n    vehicles: stadtbus"),
        ("trip-updates\n    type: evidence", "trip-updates\n    type: evidence\n    vehicles: stadtbus"),
    ]);
    assert!(positions == updates && positions != alone);
}

#[test]
fn what_the_pipeline_says_of_vehicles_is_checked() {
    for (said, expected) in [
        ("vehicles: shard", "'vehicles: shard' is not known"),
        ("entity_ids: yes please", "'entity_ids: yes please' is not known"),
    ] {
        let world = World::new();
        world.replace(PIPELINE, "occupancy_source: apc", &format!("occupancy_source: apc\n{said}"));
        let output = world.program(&["check"]);
        let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(expected), "{told}");
    }
}

/// Positions, predictions and an alert of one operator, with ids that the other one has, too; a snapshot in the minute. Each
/// prediction says the operator's delay.
fn of_an_operator(world: &World, source: &str, at: i64, delay: u8, vehicles: &[u8]) {
    let header = [0x18].into_iter().chain(varint(at)).collect::<Vec<u8>>();
    let header = field(1, &[field(1, b"2.0"), header].concat());
    let mut body = header;
    for (place, bus) in vehicles.iter().enumerate() {
        let mut position = vec![0x0d];
        position.extend((48.47_f32 + f32::from(*bus) * 0.01 + f32::from(delay) * 0.001).to_le_bytes());
        position.push(0x15);
        position.extend(7.94_f32.to_le_bytes());
        let id = field(8, &field(1, format!("bus{bus}").as_bytes()));
        let trip = field(1, &[field(1, format!("t{bus}").as_bytes()), field(3, b"20261124")].concat());
        let time: Vec<u8> = [0x28].into_iter().chain(varint(at)).collect();
        let vehicle = [trip, field(2, &position), time, id].concat();
        body.extend(field(2, &[field(1, format!("v{place}").as_bytes()), field(4, &vehicle)].concat()));
    }
    let trip = field(1, &[field(1, b"t0"), field(3, b"20261124")].concat());
    // A delay on arrival at the third stop.
    let update = field(2, &[&[0x08, 3][..], &field(2, &[0x08, delay])].concat());
    body.extend(field(2, &[field(1, b"u0"), field(3, &[trip, update].concat())].concat()));
    let text = field(10, &field(1, &field(1, format!("Umleitung {delay}").as_bytes())));
    let informed = field(5, &field(2, b"1"));
    body.extend(field(2, &[field(1, b"a0"), field(5, &[informed, text].concat())].concat()));
    keep(world, source, at, &[], &body);
}

fn varint(number: i64) -> Vec<u8> {
    let (mut rest, mut bytes) = (number as u64, Vec::new());
    while rest > 0x7f {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

/// The rules that compare rows of a snapshot, of a vehicle or of a trip, and found something.
fn doubles(record: &Value) -> Vec<(String, u64)> {
    let all = record["findings"].as_array().unwrap().iter();
    let named = all.map(|finding| (finding["rule"].as_str().unwrap().to_owned(), finding["rows"].as_u64().unwrap()));
    let compare = ["twice", "goes_back", "order", "ascend", "one_vehicle", "one_trip", "primary_key", "one_report"];
    named.filter(|(rule, _)| compare.iter().any(|word| rule.contains(word))).collect()
}

#[test]
fn two_operators_captured_in_the_same_second_have_no_false_warning() {
    for said in ["", "vehicles: by_source", "vehicles: shared"] {
        let record = run(&two_operators(said), DATE);
        let found = record["findings"].as_array().unwrap().iter();
        let found: Vec<_> = found.filter(|finding| !finding["rule"].as_str().unwrap().contains("timetable")).collect();
        // Two buses of one number at different places are one bus where the pipeline says so.
        if said != "vehicles: shared" {
            assert_eq!(doubles(&record), [], "{said}: {found:#?}");
        }
        for rule in ["reported_twice_in_snapshot", "entity_id_twice_in_snapshot", "out_of_order", "snapshot_goes_back"]
        {
            assert_eq!(findings(&record, &format!("vehicle_positions.{rule}")), Vec::<Value>::new(), "{said}");
        }
    }
}

#[test]
fn two_operators_of_equal_trip_ids_do_not_change_each_others_predictions() {
    let world = telemetry();
    for snapshot in 0..4 {
        of_an_operator(&world, POSITIONS, TEN + snapshot * 60, 10, &[0]);
        of_an_operator(&world, UPDATES, TEN + snapshot * 60, 20, &[0]);
    }
    let record = run(&world, DATE);
    assert_eq!(doubles(&record), []);
    for (name, column, values) in
        [("trip_updates", "arrival_delay", ["10", "20"]), ("alerts", "header_text", ["Umleitung 10", "Umleitung 20"])]
    {
        let of_table = table(&record, name);
        assert_eq!((&of_table["rows_in"], &of_table["published"]), (&8.into(), &2.into()), "{of_table:#}");
        let published = published(&world, &record, name);
        let mut found: Vec<_> = texts(&published, column).into_iter().flatten().collect();
        found.sort();
        assert_eq!(found, values);
        // Which source it was is for the rules.
        assert!(published.column_by_name("source").is_none());
    }
    all_are_published(&record, "vehicle_locations", 8);
    // Of one operator they are two opinions on one trip.
    let shared = telemetry();
    shared.replace(PIPELINE, "occupancy_source: apc", "occupancy_source: apc\nvehicles: shared");
    for snapshot in 0..4 {
        of_an_operator(&shared, POSITIONS, TEN + snapshot * 60, 10, &[0]);
        of_an_operator(&shared, UPDATES, TEN + snapshot * 60, 10, &[0]);
    }
    let record = run(&shared, DATE);
    assert_eq!(table(&record, "trip_updates")["published"], 1);
    assert_eq!(table(&record, "vehicle_locations")["published"], 4);
    assert_eq!(doubles(&record), []);
}

#[test]
fn a_vehicle_that_stands_twice_in_a_snapshot_of_one_of_two_operators_is_found() {
    let world = telemetry();
    of_an_operator(&world, POSITIONS, TEN, 10, &[0, 1]);
    of_an_operator(&world, UPDATES, TEN, 20, &[0, 1, 1]);
    let record = run(&world, DATE);
    assert_eq!(findings(&record, "vehicle_positions.reported_twice_in_snapshot"), [json!([1, "warning"])]);
    // A snapshot that is older than the one before of the same source.
    let world = telemetry();
    for (source, lags) in [(POSITIONS, [0, 0, 0]), (UPDATES, [30, 90, 30])] {
        for (snapshot, lag) in lags.into_iter().enumerate() {
            let received = TEN + snapshot as i64 * 15;
            keep(&world, source, received, &[], &message(received - lag, 1));
        }
    }
    let record = run(&world, DATE);
    assert_eq!(findings(&record, "vehicle_positions.snapshot_goes_back"), [json!([1, "warning"])]);
    assert_eq!(findings(&record, "vehicle_positions.out_of_order"), [json!([1, "info"])]);
}

/// Snapshots of a vehicle, a prediction and an alert, received in each of four minutes; their headers and entities tell a time, or
/// none.
fn of_a_feed(has_header_time: bool, have_entities_time: bool) -> World {
    let world = telemetry();
    for at in (0..4).map(|minute| TEN + minute * 60) {
        let time = |number: u8, is_there: bool| match is_there {
            true => [number << 3].into_iter().chain(varint(at - 10)).collect(),
            false => Vec::new(),
        };
        let header = field(1, &[field(1, b"2.0"), time(3, has_header_time)].concat());
        let trip = field(1, &[field(1, b"t0"), field(3, b"20261124")].concat());
        let place = [&[0x0d][..], &48.47_f32.to_le_bytes(), &[0x15], &7.94_f32.to_le_bytes()].concat();
        let id = field(8, &field(1, b"bus0"));
        let vehicle = [trip.clone(), field(2, &place), time(5, have_entities_time), id].concat();
        let stop = field(2, &[&[0x08, 3][..], &field(2, &[0x08, 10])].concat());
        let update = [trip, stop, time(4, have_entities_time)].concat();
        let alert = [field(5, &field(2, b"1")), field(10, &field(1, &field(1, b"Umleitung")))].concat();
        let entity = |id: &[u8], number: u8, inner: &[u8]| field(2, &[field(1, id), field(number, inner)].concat());
        let entities = [entity(b"v", 4, &vehicle), entity(b"u", 3, &update), entity(b"a", 5, &alert)];
        keep(&world, POSITIONS, at, &[], &[header, entities.concat()].concat());
    }
    world
}

fn times(record: &Value, world: &World, name: &str, column: &str) -> Vec<Option<i64>> {
    let texts = texts(&published(world, record, name), column);
    texts.into_iter().map(|text| text.map(|text| text.parse::<i64>().unwrap() / 1000 - TEN)).collect()
}

#[test]
fn a_feed_without_any_time_takes_that_of_receipt_and_says_so() {
    let world = of_a_feed(false, false);
    let record = run(&world, DATE);
    all_are_published(&record, "vehicle_locations", 4);
    let received = [0, 60, 120, 180].map(Some);
    // Published in the middle of the ten seconds before.
    let events = [-5, 55, 115, 175].map(Some);
    assert_eq!(times(&record, &world, "vehicle_locations", "event_timestamp"), events);
    assert_eq!(times(&record, &world, "vehicle_locations", "received_at"), received);
    assert_eq!(distinct(&texts(&published(&world, &record, "vehicle_locations"), "location_ping_id")), 4);
    assert_eq!(findings(&record, "vehicle_positions.report_or_snapshot_has_time"), [json!([4, "info"])]);
    assert_eq!(findings(&record, "vehicle_locations.event_timestamp.required"), Vec::<Value>::new());
    // What is predicted and what is announced have the time when they were first received, and nothing stands in for others.
    for name in ["trip_updates", "alerts"] {
        let of_table = table(&record, name);
        assert_eq!((&of_table["rows_in"], &of_table["published"]), (&4.into(), &1.into()), "{of_table:#}");
        assert_eq!(times(&record, &world, name, "received_at"), [Some(0)]);
    }
    assert_eq!(times(&record, &world, "trip_updates", "event_timestamp"), [None]);
}

#[test]
fn the_times_of_entities_are_taken_where_the_header_has_none() {
    for (has_header_time, have_entities_time) in [(false, true), (true, false), (true, true)] {
        let world = of_a_feed(has_header_time, have_entities_time);
        let record = run(&world, DATE);
        all_are_published(&record, "vehicle_locations", 4);
        // Published in the middle of ten seconds.
        let made = [-15, 45, 105, 165].map(Some);
        assert_eq!(times(&record, &world, "vehicle_locations", "event_timestamp"), made);
        assert_eq!(findings(&record, "vehicle_positions.report_or_snapshot_has_time"), Vec::<Value>::new());
        assert_eq!(
            (table(&record, "trip_updates")["published"].as_u64(), table(&record, "alerts")["published"].as_u64()),
            (Some(1), Some(1))
        );
        let predicted = have_entities_time.then_some(-15);
        assert_eq!(times(&record, &world, "trip_updates", "event_timestamp"), [predicted]);
    }
}

#[test]
fn a_row_that_was_held_back_is_known_without_its_source() {
    // What an earlier program held back knew no source: the ids are those of the values that it had.
    let world = telemetry();
    let there = message(TEN, 1);
    keep(&world, POSITIONS, TEN, &[], &there);
    let mut elsewhere = there.clone();
    let at = elsewhere.windows(4).position(|bytes| bytes == 48.47_f32.to_le_bytes()).unwrap();
    elsewhere[at..at + 4].copy_from_slice(&48.49_f32.to_le_bytes());
    keep(&world, POSITIONS, TEN + 15, &[], &elsewhere);
    let ids = |world: &World| {
        let file = "data/private/quarantine/stadtbus-telemetrie/date=2026-11-24/vehicle_locations.release.parquet";
        let rows = parquet_rows(std::fs::read(world.path(file)).unwrap().into()).unwrap();
        (texts(&rows, "_id"), rows.column_by_name("source").is_some())
    };
    let text = |path: &str| std::fs::read_to_string(world.path(path)).unwrap();
    let contract = "schemas/stadtbus/vehicle_locations.odcs.yaml";
    run(&world, DATE);
    let (with, is_there) = ids(&world);
    assert!(is_there && with.len() == 1);
    // A contract of the data manager's own, without the column.
    let begin = text(contract).find("      - name: source\n").unwrap();
    let end = begin + text(contract)[begin..].find("    quality:\n").unwrap();
    let column = text(contract)[begin..end].to_owned();
    world.replace(contract, &column, "");
    world.replace(contract, "l.source = s.source AND ", "");
    world.replace(contract, "r.source = a.source AND ", "");
    for (from, to) in [
        ("SELECT source, trip_id_scheduled FROM vehicle_locations", "SELECT trip_id_scheduled FROM vehicle_locations"),
        ("GROUP BY source, trip_id_scheduled\n", "GROUP BY trip_id_scheduled\n"),
        ("l._index, l.source, ", "l._index, "),
        ("SELECT source, trip_id_scheduled, slot", "SELECT trip_id_scheduled, slot"),
        ("GROUP BY source, trip_id_scheduled, slot", "GROUP BY trip_id_scheduled, slot"),
    ] {
        world.replace(contract, from, to);
    }
    std::fs::remove_file(world.path("schemas/stadtbus/tests/vehicle_locations.trip_on_one_vehicle.yaml")).unwrap();
    let record = run(&world, DATE);
    assert_eq!(table(&record, "vehicle_locations")["quarantined"], 1);
    assert_eq!(ids(&world), (with, false));
}
