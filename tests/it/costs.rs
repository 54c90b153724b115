//! What hostile timetables cost: memory within the limit, and time that grows about as fast as the input.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Cursor, Write};
use std::process::Command;

use fahrtenbuch::capture::Capture;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::contract::library::Library;
use fahrtenbuch::decode::Limits;
use fahrtenbuch::decode::gtfs::{self, Package};
use fahrtenbuch::digest::Digest;
use serde_json::Value;

use crate::measure::{self, MOST_TIME, OVERHEAD};
use crate::world::{World, python, root};

const DATE: &str = "2026-11-24";
/// `limits: memory` of a new workspace, and what the program may take beside it, MiB.
const MEMORY: u64 = 1024 + OVERHEAD;
const MILLISECONDS: u64 = MOST_TIME.as_millis() as u64;

type Files = BTreeMap<&'static str, String>;

/// A feed of one trip from a to b.
fn small() -> Files {
    [
        ("agency.txt", "agency_id,agency_name,agency_url,agency_timezone\n1,A,https://example.com,Europe/Berlin\n"),
        ("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,A,48.47,7.94\nb,B,48.476,7.946\n"),
        ("routes.txt", "route_id,agency_id,route_short_name,route_type\nr,1,1,3\n"),
        ("trips.txt", "route_id,service_id,trip_id\nr,s,t\n"),
        (
            "stop_times.txt",
            "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,08:00:00,08:00:00,a,1\nt,08:05:00,08:05:00,b,2\n",
        ),
        ("calendar.txt", CALENDAR),
    ]
    .map(|(name, text)| (name, text.to_owned()))
    .into()
}

const CALENDAR: &str = "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n\
                        s,1,1,1,1,1,1,1,20260101,20271231\n";

/// A header, and a line for each number.
fn lines(header: &str, count: usize, mut line: impl FnMut(usize) -> String) -> String {
    (0..count).fold(format!("{header}\n"), |mut text, number| {
        _ = writeln!(text, "{}", line(number));
        text
    })
}

fn zipped(files: &Files) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Peak memory in MiB and processor time in milliseconds.
fn cost(arguments: &[&str]) -> (u64, u64) {
    let output = python("cost.py", &[&[env!("CARGO_BIN_EXE_fahrtenbuch")], arguments].concat());
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!stderr.contains("panicked") && !stderr.contains("internal error at"), "{stderr}");
    let (memory, time) = stdout.lines().last().and_then(|line| line.split_once(' ')).unwrap();
    (memory.parse().unwrap(), time.parse().unwrap())
}

/// A feed that a workspace publishes as its timetable.
fn of_run(files: &Files) -> (u64, u64) {
    let world = World::new();
    std::fs::write(world.path("data/sample/stadtbus-gtfs.zip"), zipped(files)).unwrap();
    // A calendar of thousands of services until 2099 is refused by what lists their dates, at once.
    world.replace(
        "pipelines/stadtbus-fahrplan.yaml",
        "release:\n  contracts: schemas/gtfs-derived\n  derived: [service_dates]\n",
        "",
    );
    cost(&["-C", &world.path("").to_string_lossy(), "run", "stadtbus-fahrplan"])
}

fn of_report(files: &Files) -> (u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let feed = folder.path().join("feed.zip");
    std::fs::write(&feed, zipped(files)).unwrap();
    cost(&[
        "-C",
        &folder.path().to_string_lossy(),
        "validate",
        &feed.to_string_lossy(),
        "--date",
        DATE,
        "--format",
        "json",
    ])
}

/// Twice the input may take three times as long at most, and the input as it is stays within the bounds.
fn bounded(name: &str, feed: impl Fn(usize) -> Files, count: usize) {
    let (_, half) = of_report(&feed(count / 2));
    let (memory, time) = of_report(&feed(count));
    println!("{name}: {memory} MiB, {time} ms, half of it {half} ms");
    assert!(time < 3 * half + 300, "{name}: {time} ms, half of it {half} ms");
    assert!(memory < MEMORY && time < MILLISECONDS, "{name}: {memory} MiB, {time} ms");
    let (memory, time) = of_run(&feed(count));
    println!("{name}, published: {memory} MiB, {time} ms");
    assert!(memory < MEMORY && time < MILLISECONDS, "{name}, published: {memory} MiB, {time} ms");
}

fn calendars(count: usize) -> Files {
    let mut files = small();
    let trip = |number| format!("r,s{number},t{number}");
    files.insert(
        "calendar.txt",
        lines(CALENDAR.lines().next().unwrap(), count, |n| format!("s{n},1,1,1,1,1,{},1,20000101,20991231", n % 2)),
    );
    files.insert("trips.txt", lines("route_id,service_id,trip_id", count, trip));
    let time = |n: usize| format!("t{n},08:00:00,08:00:00,a,1\nt{n},08:05:00,08:05:00,b,2");
    files.insert("stop_times.txt", lines("trip_id,arrival_time,departure_time,stop_id,stop_sequence", count, time));
    files
}

/// All trips at once in one block, each with a service of its own, which `exceptions` make different.
fn blocks(count: usize, exceptions: bool) -> Files {
    let mut files = calendars(count);
    files.insert("trips.txt", lines("route_id,service_id,trip_id,block_id", count, |n| format!("r,s{n},t{n},1")));
    if exceptions {
        let date = |n: usize| format!("s{n},20{:02}{:02}{:02},2", n / 336 % 100, n / 28 % 12 + 1, n % 28 + 1);
        files.insert("calendar_dates.txt", lines("service_id,date,exception_type", count, date));
    }
    files
}

/// A zone whose outline runs along a comb of teeth that lean, so that the ranges of most sides overlap.
fn comb(count: usize) -> Files {
    let mut corners = Vec::new();
    for tooth in 0..count / 2 {
        let x = tooth as f64 * 0.5 / count as f64;
        corners.push(format!("[{:.7},{:.7}]", 7.0 + x, 48.0));
        corners.push(format!("[{:.7},{:.7}]", 7.5 + x + 0.1 / count as f64, 48.5));
    }
    corners.push("[8.2,47.9]".to_owned());
    corners.push(corners[0].clone());
    zone(&corners.join(","))
}

fn round(count: usize) -> Files {
    let corner = |n: usize| {
        let (sin, cos) = (n as f64 / count as f64 * std::f64::consts::TAU).sin_cos();
        let away = if n.is_multiple_of(2) { 0.1 } else { 0.11 };
        format!("[{:.7},{:.7}]", 7.9 + cos * away, 48.4 + sin * away)
    };
    let corners: Vec<String> = (0..count).chain([0]).map(corner).collect();
    zone(&corners.join(","))
}

fn zone(corners: &str) -> Files {
    let mut files = small();
    let zone = format!(
        r#"{{"type":"FeatureCollection","features":[{{"id":"z","type":"Feature","properties":{{}},"geometry":{{"type":"Polygon","coordinates":[[{corners}]]}}}}]}}"#
    );
    files.insert("locations.geojson", zone);
    files
}

/// A trip with many stop times; `more` stands behind each.
fn long_trip(count: usize) -> Files {
    let mut files = small();
    let time = |n: usize| format!("t,08:00:00,08:00:00,{},{n}", if n.is_multiple_of(2) { "a" } else { "b" });
    files.insert("stop_times.txt", lines("trip_id,arrival_time,departure_time,stop_id,stop_sequence", count, time));
    files
}

fn transfers(count: usize) -> Files {
    let mut files = long_trip(count);
    files.insert(
        "stops.txt",
        "stop_id,stop_name,stop_lat,stop_lon\na,A,48.47,7.94\nb,B,48.476,7.946\nc,C,48.476,7.946\n".to_owned(),
    );
    let header = "from_stop_id,to_stop_id,from_trip_id,to_trip_id,transfer_type";
    files.insert("transfers.txt", lines(header, count, |_| "c,c,t,t,4".to_owned()));
    files
}

fn translations(count: usize) -> Files {
    let mut files = long_trip(count);
    let row = |n: usize| format!("stop_times,stop_headsign,de,x,t,{}", count + n);
    files.insert(
        "translations.txt",
        lines("table_name,field_name,language,translation,record_id,record_sub_id", count, row),
    );
    files
}

fn repeated_trips(count: usize) -> Files {
    let mut files = long_trip(count);
    files.insert("trips.txt", lines("route_id,service_id,trip_id,trip_headsign", count, |n| format!("r,s,t,{n}")));
    files
}

fn route_types(count: usize) -> Files {
    let mut files = small();
    files.insert(
        "routes.txt",
        lines("route_id,agency_id,route_short_name,route_type", count, |n| format!("r{n},1,{n},{n}")),
    );
    files.insert("trips.txt", lines("route_id,service_id,trip_id,block_id", count, |n| format!("r{n},s,t{n},1")));
    files
}

fn riders(count: usize) -> Files {
    let mut files = small();
    let header = "rider_category_id,rider_category_name,is_default_fare_category";
    files.insert("rider_categories.txt", lines(header, count, |n| format!("c{n},C,1")));
    let header = "fare_product_id,rider_category_id,amount,currency";
    files.insert("fare_products.txt", lines(header, count, |n| format!("p,c{n},1.00,EUR")));
    files
}

fn windows(count: usize) -> Files {
    let mut files = zone("[7,48],[8,48],[8,49],[7,48]");
    let both = files["locations.geojson"].replace("]}}]}", "]}},FEATURE]}");
    let feature = r#"{"id":"y","type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[[[7.1,48],[8.1,48],[8.1,49],[7.1,48]]]}}"#;
    files.insert("locations.geojson", both.replace("FEATURE", feature));
    let header = "trip_id,location_id,stop_sequence,start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_type,drop_off_type";
    let time = |n: usize| format!("t,{},{n},08:00:00,09:00:00,2,2", if n.is_multiple_of(2) { "y" } else { "z" });
    files.insert("stop_times.txt", lines(header, count, time));
    files
}

/// A shape that goes to and fro by a stop, for a trip that stops there again and again.
fn shape(count: usize) -> Files {
    let mut files = long_trip(count);
    files.insert("trips.txt", "route_id,service_id,trip_id,shape_id\nr,s,t,p\n".to_owned());
    let point = |n: usize| format!("p,48.47,{},{n}", if n.is_multiple_of(2) { 7.9 } else { 7.98 });
    files.insert("shapes.txt", lines("shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence", count, point));
    files
}

/// A shape and as many stops beside it as it has points.
fn stops_beside_a_shape(count: usize) -> Files {
    let mut files = small();
    let place = |n: usize| (48.0 + n as f64 * 1e-4, 7.9);
    files.insert(
        "stops.txt",
        lines("stop_id,stop_name,stop_lat,stop_lon", count, |n| format!("s{n},S,{:.5},{}", place(n).0, place(n).1)),
    );
    files.insert("trips.txt", "route_id,service_id,trip_id,shape_id\nr,s,t,p\n".to_owned());
    let point = |n: usize| format!("p,{:.5},{},{n}", place(n).0, place(n).1);
    files.insert("shapes.txt", lines("shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence", count, point));
    let time = |n: usize| format!("t,08:00:00,08:00:00,s{n},{n}");
    files.insert("stop_times.txt", lines("trip_id,arrival_time,departure_time,stop_id,stop_sequence", count, time));
    files
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn heavy_calendars() {
    bounded("heavy_calendars", calendars, 20_000);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn heavy_blocks() {
    bounded("heavy_blocks", |count| blocks(count, false), 5_000);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn heavy_blocks_with_exceptions() {
    bounded("heavy_blocks_with_exceptions", |count| blocks(count, true), 2_000);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn heavy_polygon() {
    bounded("heavy_polygon", round, 80_000);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn heavy_comb() {
    bounded("heavy_comb", comb, 40_000);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn heavy_transfers() {
    bounded("heavy_transfers", transfers, 40_000);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn heavy_translations() {
    bounded("heavy_translations", translations, 40_000);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn heavy_repeated_trips() {
    bounded("heavy_repeated_trips", repeated_trips, 40_000);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn heavy_route_types() {
    bounded("heavy_route_types", route_types, 40_000);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn heavy_riders() {
    bounded("heavy_riders", riders, 40_000);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn heavy_windows() {
    bounded("heavy_windows", windows, 20_000);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn heavy_shape() {
    bounded("heavy_shape", shape, 20_000);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn heavy_stops_beside_a_shape() {
    bounded("heavy_stops_beside_a_shape", stops_beside_a_shape, 20_000);
}

#[test]
fn a_rule_that_ends_early_is_named_in_every_report_and_in_the_record() {
    for (rows, is_cut) in [(100, false), (101, true)] {
        let world = World::new();
        let feed = world.path("data/sample/stadtbus-gtfs.zip");
        std::fs::write(&feed, zipped(&repeated_trips(rows))).unwrap();
        let report = |form: &str| {
            let feed = feed.to_string_lossy();
            let output = world.program(&["validate", &feed, "--date", DATE, "--format", form]);
            String::from_utf8(output.stdout).unwrap()
        };
        let because =
            "a trip_id stands more than 100 times, and of these trips the stop times of the first 100 were looked at";
        let json: Value = serde_json::from_str(&report("json")).unwrap();
        let of_keys = |list: &Value| list.as_array().unwrap().iter().find(|entry| entry["rule"] == "keys").cloned();
        let told = is_cut.then(|| serde_json::json!({"rule": "keys", "because": because}));
        assert_eq!(of_keys(&json["rulesNotRun"]), told);
        assert_eq!(report("table").contains(&format!("not run to its end: keys, because {because}")), is_cut);
        let html = report("html");
        for text in
            ["Nicht vollständig geprüft", "Eine trip_id steht mehr als 100-mal da", "Not checked completely", because]
        {
            assert_eq!(html.contains(text), is_cut, "{text}");
        }
        let sarif: Value = serde_json::from_str(&report("sarif")).unwrap();
        let notifications = &sarif["runs"][0]["invocations"][0]["toolExecutionNotifications"];
        assert_eq!(notifications.to_string().contains(because), is_cut, "{notifications}");
        let run = world.program(&["run", "stadtbus-fahrplan"]);
        let said = String::from_utf8_lossy(&run.stdout);
        assert_eq!(said.contains("standard rules did not run to their end, see the record"), is_cut, "{said}");
        let records = world.records();
        assert_eq!(of_keys(&records[0]["standard"]["not_run"]), told);
    }
}

/// Trips of twenty stops each.
fn city(trips: usize, stops: usize) -> Files {
    let mut files = small();
    let stop = |n: usize| format!("s{n},Stop {n},{:.5},{:.5}", 48.0 + n as f64 * 1e-5, 7.0 + (n % 100) as f64 * 1e-3);
    files.insert("stops.txt", lines("stop_id,stop_name,stop_lat,stop_lon", stops, stop));
    files.insert("trips.txt", lines("route_id,service_id,trip_id", trips, |n| format!("r,s,trip{n}")));
    let time = |n: usize| {
        let (trip, place) = (n / 20, n % 20);
        let at = (trip * 37 + place * 2) % 1400;
        let (hour, minute) = (at / 60, at % 60);
        format!("trip{trip},{hour:02}:{minute:02}:00,{hour:02}:{minute:02}:30,s{},{place}", (trip * 7 + place) % stops)
    };
    files
        .insert("stop_times.txt", lines("trip_id,arrival_time,departure_time,stop_id,stop_sequence", trips * 20, time));
    files
}

#[test]
fn a_run_may_hold_what_the_standard_rules_do_not_need() {
    let world = World::new();
    std::fs::write(world.path("data/sample/stadtbus-gtfs.zip"), zipped(&city(2_000, 20_000))).unwrap();
    world.replace("fahrtenbuch.yaml", "memory: 1 GiB", "memory: 12 MiB");
    for _ in 0..3 {
        let run = world.program(&["run", "stadtbus-fahrplan"]);
        let said = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(42), "{said}");
        assert!(said.contains("the run may hold 12582912. Raise 'limits: memory'"), "{said}");
    }
    // Half of it is not enough for the rest of the run.
    world.replace("fahrtenbuch.yaml", "memory: 12 MiB", "memory: 24 MiB");
    world.run_of(&["stadtbus-fahrplan"]);
    assert_eq!(world.records()[0]["standard"]["not_run"], serde_json::json!([]));
}

#[test]
fn validate_holds_what_the_workspace_or_its_argument_allows() {
    let world = World::new();
    let feed = world.path("feed.zip").to_string_lossy().into_owned();
    std::fs::write(&feed, zipped(&long_trip(150_000))).unwrap();
    let cut = |arguments: &[&str]| {
        let output = world.program(&[&["validate", &feed, "--date", DATE, "--format", "json"], arguments].concat());
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let notices = report["notices"].as_array().unwrap();
        let not_run = report["rulesNotRun"].as_array().unwrap();
        let is_told = not_run.iter().any(|rule| rule["rule"] == "speeds" && rule["because"] == "stop_times.txt");
        let notice = notices.iter().find(|notice| notice["code"] == "too_many_rows");
        assert_eq!(notice.is_some(), is_told);
        notice.map(|notice| notice["sampleNotices"][0]["filename"].as_str().unwrap().to_owned())
    };
    assert_eq!(cut(&[]), None);
    assert_eq!(cut(&["--memory", "4 MiB"]).as_deref(), Some("stop_times.txt"));
    world.replace("fahrtenbuch.yaml", "memory: 1 GiB", "memory: 4 MiB");
    assert_eq!(cut(&[]).as_deref(), Some("stop_times.txt"));
    assert_eq!(cut(&["--memory", "64 MiB"]), None);
    for (memory, code, told) in [
        ("much", 2, "this is no size. Write one like '512 MiB' or '2 GiB'"),
        ("1 KiB", 42, "feed.zip is larger than the 1024 bytes that it may take. Raise --memory."),
    ] {
        let output = world.program(&["validate", &feed, "--memory", memory]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(told), "{said}");
    }
}

#[test]
fn zones_that_may_not_be_held_are_not_read() {
    let feed = round(1_000);
    let read = |held_bytes: usize| {
        let limits = Limits { held_bytes, ..Limits::default() };
        gtfs::read("x", Package::Archive(zipped(&feed).into()), &Library::gtfs(), limits).unwrap()
    };
    assert!(read(4 << 20).zones.is_some());
    // A thousand corners take 400 kB.
    let refused = read(300_000);
    assert!(refused.zones.is_none());
    assert!(refused.failures[0].message.contains("a feed may take 300000"), "{:?}", refused.failures);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn heavy_zone_is_published_or_refused_within_its_limit() {
    let corners: Vec<String> = (0..3_000_000).map(|n| format!("[{},{}]", n % 10, n / 7 % 10)).collect();
    let (memory, time) = of_run(&zone(&corners.join(",")));
    assert!(memory < MEMORY && time < MILLISECONDS, "{memory} MiB, {time} ms");
}

/// Rows of a vehicle, its place, a time, no trip, a speed and a colour.
const POSITIONS_OF_CSV: &str = "\
mapping:
  table: vehicle_positions
  body: csv
  columns: {vehicle_id: v, latitude: a, longitude: o, timestamp: {from: t, time: unix}, trip_id: k, speed: s, occupancy_raw: f,
    occupancy_status: {from: f, values: {g: EMPTY}}}
";

#[test]
fn as_many_vehicles_as_rows_are_published_within_the_limit() {
    const LIMIT: u64 = 128;
    let world = World::with_busplus();
    world.replace("fahrtenbuch.yaml", "memory: 1 GiB", &format!("memory: {LIMIT} MiB"));
    let pipeline = std::fs::read_to_string(world.path("pipelines/busplus.yaml")).unwrap();
    let (begin, rest) = pipeline.split_once("mapping:\n").unwrap();
    let release = rest.find("release:\n").unwrap();
    let begin = begin.replace("data/sample/evidence", "data/many");
    world.write("pipelines/busplus.yaml", &format!("{begin}{POSITIONS_OF_CSV}{}", &rest[release..]));
    let row = |n: usize| format!("{n},48.47{},7.94,1795518000,,1,g", n % 1000);
    let body = lines("v,a,o,t,k,s,f", 400_000, row).into_bytes();
    let captured_at = "2026-11-24T11:00:00Z".parse().unwrap();
    let digest = Digest::of(&body);
    let capture =
        Capture { url: "file:x".into(), captured_at, status: 200, headers: Vec::new(), body: body.into(), digest };
    Store::new(world.path("data/many")).append("busplus-fahrzeuge", &capture).unwrap();
    let cost = measure::cost(world.command().args(["run", "busplus", "--date", DATE]));
    assert!(cost.code == Some(0) && cost.said().contains("400,000"), "{:?} {}", cost.code, cost.said());
    assert!(cost.peak <= LIMIT + OVERHEAD, "{} MiB of {LIMIT}", cost.peak);
}

#[test]
fn calendar_from_1900_is_not_cut() {
    let feed = root().join("tests/cases/gtfs/calendar-from-1900/feed.zip");
    let output = Command::new(env!("CARGO_BIN_EXE_fahrtenbuch"))
        .args(["-C", "/", "validate", &feed.to_string_lossy(), "--date", DATE, "--format", "json"])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let notices = report["notices"].as_array().unwrap();
    let of = |code: &str| notices.iter().find(|notice| notice["code"] == code);
    for code in ["expired_calendar", "big_gap_in_service", "trip_coverage_not_active_for_next7_days"] {
        assert!(of(code).is_none(), "{code}: {:?}", of(code));
    }
    let far = of("service_extends_far_in_the_future").unwrap();
    assert_eq!(far["totalNotices"], 2);
    assert_eq!(far["sampleNotices"][0]["serviceWindowEndDate"], "2099-12-31");
}
