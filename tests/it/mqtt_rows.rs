//! From a broker to a release: messages that are published by topic become evidence, and rows of telemetry.

use std::collections::BTreeSet;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMillisecondType};
use fahrtenbuch::capture::Capture;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::capture::mqtt::frames::{self, Message};
use fahrtenbuch::digest::Digest;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::collect::Collecting;
use crate::mqtt::{Broker, Publisher, wait_for};
use crate::world::{World, files};

/// The vehicle is a level of the topic, as in the high-frequency positions of Helsinki.
const MAPPING: &str = "
mapping:
  table: vehicle_positions
  columns:
    vehicle_id: $topic[8]
    trip_id: VP.jrn
    latitude: VP.lat
    longitude: VP.long
    speed: VP.spd
    timestamp: VP.tst
    occupancy_raw: VP.occu
    occupancy_status: {from: VP.occu, values: {0: EMPTY, 50: FEW_SEATS_AVAILABLE, 100: FULL}}
release: {contracts: schemas/busplus, tables: {vehicle_locations: vehicle_positions}}
occupancy_source: driver
";

fn pipeline(sources: &str) -> String {
    format!("format: mapped\ncontracts: schemas/busplus-app\nsources:\n{sources}{MAPPING}")
}

/// A workspace whose release has all times as they are.
fn exact_world() -> World {
    let world = World::new();
    let contract = "schemas/busplus/vehicle_locations.odcs.yaml";
    world.replace(contract, "{property: roundTo, value: 5 s}", "{property: roundTo, value: 1 s}");
    world
}

fn topic(event: &str, vehicle: u32) -> String {
    format!("/hfp/v2/journey/ongoing/{event}/bus/0018/{vehicle:05}/1007/1/Bahnhof/14:05/1230110/5/48;7/94/73/12")
}

fn position(vehicle: u32, second: i64, at: Timestamp) -> Value {
    json!({"VP": {
        "desi": "7", "dir": "1", "oper": 18, "veh": vehicle, "tst": at.to_string(), "tsi": at.as_second(),
        "spd": 8.5, "hdg": 225, "lat": 48.47 + second as f64 / 1000.0, "long": 7.94, "acc": 0, "dl": -25,
        "odo": 2819, "drst": 0, "jrn": 100 + vehicle, "line": 112, "start": "14:05", "loc": "GPS", "stop": null,
        "route": "1007", "occu": 50 * (vehicle - 423),
    }})
}

/// The published rows: vehicle, trip, time in milliseconds, latitude, raw occupancy, and when it was received.
fn released(world: &World, pipeline: &str) -> Vec<(String, String, i64, f64, String, i64)> {
    let files = files(&world.path(&format!("data/bucket/data/{pipeline}/vehicle_locations")));
    let mut found = Vec::new();
    for bytes in files.into_values() {
        let rows = fahrtenbuch::publish::parquet::rows(bytes.into()).unwrap();
        let column = |name: &str| rows.column_by_name(name).unwrap().clone();
        let texts = |name: &str| arrow_cast::cast(&column(name), &arrow_schema::DataType::Utf8).unwrap();
        let (vehicles, trips) = (texts("vehicle_id"), texts("trip_id_scheduled"));
        let (occupancy, latitudes) = (texts("occupancy_raw"), column("latitude"));
        let (times, received) = (column("event_timestamp"), column("received_at"));
        for row in 0..rows.num_rows() {
            found.push((
                vehicles.as_string::<i32>().value(row).to_owned(),
                trips.as_string::<i32>().value(row).to_owned(),
                times.as_primitive::<TimestampMillisecondType>().value(row),
                latitudes.as_primitive::<Float64Type>().value(row),
                occupancy.as_string::<i32>().value(row).to_owned(),
                received.as_primitive::<TimestampMillisecondType>().value(row),
            ));
        }
    }
    found.sort_by(|a, b| (&a.1, a.2).cmp(&(&b.1, b.2)));
    found
}

/// Runs a pipeline for the service date of an instant, two days later.
fn run(world: &mut World, pipeline: &str, at: Timestamp) -> Value {
    // Until three in the morning it is that of the day before.
    let date = local(at - SignedDuration::from_hours(3)).date();
    world.set_clock(&(at + SignedDuration::from_hours(48)).to_string());
    let output = world.program(&["run", pipeline, "--date", &date.to_string(), "--json"]);
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    assert!(!told.contains("hfp/v2"), "{told}");
    let results: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    results[0]["record"].clone()
}

fn local(at: Timestamp) -> jiff::civil::DateTime {
    jiff::tz::TimeZone::get("Europe/Berlin").unwrap().to_datetime(at)
}

/// A moment whose next minute is of one service date.
fn moment() -> Timestamp {
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    let is_begin = local(now).hour() == 3 && local(now).minute() == 0;
    if is_begin { now - SignedDuration::from_secs(120) } else { now - SignedDuration::from_secs(10) }
}

#[test]
#[cfg_attr(not(mosquitto), ignore = "needs mosquitto, which ./test sets up")]
fn positions_that_a_broker_sends_by_topic_are_released_with_the_vehicle_of_the_topic() {
    let mut world = exact_world();
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(folder.path(), "");
    let source = format!(
        "  - name: hfp\n    type: mqtt\n    url: mqtt://127.0.0.1:{}\n    topics: ['/hfp/v2/journey/ongoing/vp/+/#']\n",
        broker.port
    );
    world.write("pipelines/hfp.yaml", &pipeline(&source));
    let check = world.program(&["check"]);
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    let mut collecting = Collecting::start(&world, &["hfp"]);
    let log = world.path("collect.log");
    wait_for("a connection", || std::fs::read_to_string(&log).unwrap().contains("connected"));
    let (mut publisher, at) = (Publisher::connect(broker.port, None).unwrap(), moment());
    let begin = Timestamp::now().as_millisecond();
    for second in 0..5 {
        let time = at + SignedDuration::from_secs(second);
        for vehicle in [423, 424, 425] {
            let payload = position(vehicle, second, time).to_string();
            publisher.publish(&topic("vp", vehicle), &payload, 1, false).unwrap();
            // Of another kind, which is not followed.
            publisher.publish(&topic("doo", vehicle), &payload, 1, false).unwrap();
        }
        // What a vehicle says again is the same report.
        publisher.publish(&topic("vp", 423), &position(423, second, time).to_string(), 0, false).unwrap();
    }
    publisher.publish(&topic("vp", 426), "kein JSON", 1, false).unwrap();
    publisher.settle().unwrap();
    // A frame is kept by then.
    collecting.until("hfp: ");
    std::thread::sleep(std::time::Duration::from_secs(1));
    collecting.end();
    let end = Timestamp::now().as_millisecond();
    let record = run(&mut world, "hfp", at);
    assert!(!std::fs::read_to_string(&log).unwrap().contains("hfp/v2"));

    let rows = released(&world, "hfp");
    let expected: Vec<(String, i64, f64, String)> = (423..=425)
        .flat_map(|vehicle| (0..5).map(move |second| (vehicle, second)))
        .map(|(vehicle, second)| {
            let occupancy = (50 * (vehicle - 423)).to_string();
            let time = at.as_millisecond() + 1000 * second;
            ((100 + vehicle).to_string(), time, 48.47 + second as f64 / 1000.0, occupancy)
        })
        .collect();
    let got = rows.iter().map(|(_, trip, time, latitude, raw, _)| (trip.clone(), *time, *latitude, raw.clone()));
    let rounded = |rows: Vec<(String, i64, f64, String)>| -> Vec<(String, i64, i64, String)> {
        rows.into_iter().map(|(trip, time, at, raw)| (trip, time, (at * 1e4).round() as i64, raw)).collect()
    };
    assert_eq!(rounded(got.collect()), rounded(expected));
    let vehicles: BTreeSet<(&str, &str)> = rows.iter().map(|row| (row.0.as_str(), row.1.as_str())).collect();
    let is_known = |id: &str| ["00423", "00424", "00425"].iter().any(|vehicle| id.contains(vehicle));
    assert!(vehicles.len() == 3 && rows.iter().all(|row| !is_known(&row.0)), "{vehicles:?}");
    assert!(rows.iter().all(|row| (begin..=end).contains(&row.5)), "{rows:?}");
    let notes = record["notes"].to_string();
    assert!(notes.contains("mapped.unreadable_message") && notes.contains("not JSON"), "{notes}");
    let kinds = &record["captures"]["hfp"];
    assert!(kinds["readable"].as_u64().unwrap() >= 1 && kinds.as_object().unwrap().len() == 1, "{kinds}");
    let list = world.program(&["evidence", "list", "hfp", "--json"]);
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert!(list[0]["kinds"]["readable"].as_u64().unwrap() >= 1, "{list}");
}

fn keep(store: &Store, source: &str, url: &str, at: Timestamp, body: Vec<u8>) {
    let (digest, headers) = (Digest::of(&body), Vec::new());
    let capture = Capture { url: url.into(), captured_at: at, status: 200, headers, body: body.into(), digest };
    store.append(source, &capture).unwrap();
}

#[test]
fn frames_that_are_kept_are_released_and_what_came_again_counts_once() {
    let mut world = exact_world();
    let at: Timestamp = "2026-11-24T11:00:00Z".parse().unwrap();
    let store = Store::new(world.path("data/private/kept"));
    let message = |vehicle: u32, second: i64, is_duplicate: bool| Message {
        received: at + SignedDuration::from_millis(1000 * second + 250),
        qos: 1,
        is_duplicate,
        is_retained: false,
        topic: topic("vp", vehicle).into(),
        payload: position(vehicle, second, at + SignedDuration::from_secs(second)).to_string().into(),
    };
    let mut first = Vec::new();
    (0..5).for_each(|second| frames::write(&mut first, &message(423, second, false)));
    let mut second = Vec::new();
    // Two came before, one of them twice; of one that is marked the first was lost.
    for of in [3, 4, 4, 5] {
        frames::write(&mut second, &message(423, of, true));
    }
    frames::write(&mut second, &Message { payload: "offline".into(), ..message(424, 6, false) });
    frames::write(&mut second, &message(424, 7, false));
    let broker = "mqtt://broker.example:1883/";
    keep(&store, "kept", broker, at + SignedDuration::from_secs(9), first);
    keep(&store, "kept", broker, at + SignedDuration::from_secs(19), second);
    // A source that is no broker beside it: its documents have no topic.
    keep(&store, "asked", "https://asked.example", at, position(425, 0, at).to_string().into_bytes());
    let evidence = |name: &str| format!("  - {{name: {name}, type: evidence, path: data/private/kept}}\n");
    world.write("pipelines/hfp.yaml", &pipeline(&(evidence("kept") + &evidence("asked"))));
    let record = run(&mut world, "hfp", at);
    let rows = released(&world, "hfp");
    let of = |trip: &str| rows.iter().filter(|row| row.1 == trip).count();
    assert_eq!((rows.len(), of("523"), of("524"), of("525")), (8, 6, 1, 1), "{rows:?}");
    assert!(rows.iter().filter(|row| row.1 == "523").all(|row| row.5 == row.2 + 250), "{rows:?}");
    let notes = record["notes"].to_string();
    assert!(notes.contains("3 of 11 messages came before"), "{notes}");
    assert!(notes.contains("1 of 6 messages that are not JSON; the first is number 5"), "{notes}");
    assert!(notes.contains("'/a/a0/a/a/a/a/0/0/0/0/a/a0/0/0/a0/0/0/0'"), "{notes}");
}
