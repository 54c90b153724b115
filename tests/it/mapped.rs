//! Feeds in JSON and CSV of anybody's making: mapped, they are telemetry like any other.

use arrow_array::cast::AsArray;
use fahrtenbuch::capture::Capture;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::digest::Digest;
use fahrtenbuch::simulate::realtime::Feed;
use fahrtenbuch::simulate::{Simulation, busplus};
use serde_json::Value;

use crate::world::{World, python};

const DATE: &str = "2026-11-24";
const PIPELINE: &str = "pipelines/busplus.yaml";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn keep(store: &Store, source: &str, at: i64, body: Vec<u8>) {
    let captured_at = jiff::Timestamp::from_second(at).unwrap();
    let digest = Digest::of(&body);
    let (url, headers) = (format!("https://{source}.example"), Vec::new());
    store.append(source, &Capture { url, captured_at, status: 200, headers, body: body.into(), digest }).unwrap();
}

/// What the document of the app says, as a table with commas in its numbers.
fn as_csv(document: &[u8]) -> Vec<u8> {
    const FIELDS: [&str; 18] = [
        "/id",
        "/fahrt/id",
        "/fahrt/linie",
        "/fahrt/richtung",
        "/fahrt/tag",
        "/fahrt/abfahrt",
        "/fahrt/zusatz",
        "/position/lat",
        "/position/lon",
        "/position/kurs",
        "/tempo",
        "/km",
        "/halt/nr",
        "/halt/id",
        "/halt/steht",
        "/zeit",
        "/auslastung",
        "/stand",
    ];
    let document: Value = serde_json::from_slice(document).unwrap();
    let mut csv = FIELDS.map(|field| field[1..].replace('/', " ")).join(";") + "\r\n";
    for vehicle in document["fahrzeuge"].as_array().unwrap() {
        let cells = FIELDS.map(|field| match vehicle.pointer(field).or_else(|| document.pointer(field)).unwrap() {
            Value::Null => String::new(),
            Value::String(text) => format!("\"{text}\""),
            Value::Number(number) => number.to_string().replace('.', ","),
            other => other.to_string(),
        });
        csv += &(cells.join(";") + "\r\n");
    }
    csv.into_bytes()
}

const RELEASE: &str = "
contracts: schemas/gtfs-realtime
timetable: stadtbus-fahrplan
release: {contracts: schemas/stadtbus, tables: {vehicle_locations: vehicle_positions}}
occupancy_source: estimate_wlan
";

fn sources(name: &str) -> String {
    format!("sources: [{{name: {name}, type: evidence, path: data/private/hour}}]\n")
}

/// All that the app says, for the contract of GTFS-Realtime; `path` tells how a value is named.
fn columns(path: impl Fn(&str) -> String, stand: &str) -> String {
    let colours = "{weiss: EMPTY, gruen: MANY_SEATS_AVAILABLE, gelb: FEW_SEATS_AVAILABLE, orange: STANDING_ROOM_ONLY, \
                   rot: CRUSHED_STANDING_ROOM_ONLY, schwarz: FULL}";
    [
        ("vehicle_id", "id", String::new()),
        ("entity_id", "id", String::new()),
        ("trip_id", "fahrt.id", String::new()),
        ("route_id", "fahrt.linie", String::new()),
        ("direction_id", "fahrt.richtung", "values: {hin: 0, zurueck: 1}".to_owned()),
        ("start_date", "fahrt.tag", String::new()),
        ("start_time", "fahrt.abfahrt", String::new()),
        ("schedule_relationship", "fahrt.zusatz", "values: {false: SCHEDULED, true: ADDED}".to_owned()),
        ("latitude", "position.lat", String::new()),
        ("longitude", "position.lon", String::new()),
        ("bearing", "position.kurs", String::new()),
        ("speed", "tempo", "unit: km/h".to_owned()),
        ("odometer", "km", "unit: km".to_owned()),
        ("current_stop_sequence", "halt.nr", String::new()),
        ("stop_id", "halt.id", String::new()),
        ("current_status", "halt.steht", "values: {true: STOPPED_AT, false: IN_TRANSIT_TO}".to_owned()),
        ("timestamp", "zeit", "time: iso8601, zone: Europe/Berlin".to_owned()),
        ("feed_timestamp", stand, "time: '%Y-%m-%dT%H:%M:%S'".to_owned()),
        ("occupancy_status", "auslastung", format!("values: {colours}")),
    ]
    .map(|(column, from, how)| format!("    {column}: {{from: {}, {how}}}\n", path(from)).replace(", }", "}"))
    .concat()
}

/// The published columns that a feed of colours cannot have as a feed of percentages does. `occupancy_percentage` is a third one:
/// the app shows a colour and no number, so that the contract of all three cannot have it as a public column.
const APART: [&str; 2] = [
    // The percentage as it came; of the app the name of the status.
    "occupancy_raw",
    // `percent`; of the app `gtfs_status`.
    "occupancy_raw_unit",
];

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn the_same_hour_as_gtfs_realtime_as_json_and_as_csv_is_the_same_release() {
    let world = World::new();
    let simulation = Simulation::new(1, DATE.parse().unwrap(), false).unwrap();
    let store = Store::new(world.path("data/private/hour"));
    let noon = simulation.day.zero + 12 * 3600;
    for at in (noon..noon + 3600).step_by(15) {
        let document = busplus::document(&simulation, at).unwrap();
        keep(&store, "feed-csv", at, as_csv(&document));
        keep(&store, "feed-json", at, document);
        keep(&store, "feed-rt", at, simulation.snapshot(Feed::VehiclePositions, at).unwrap());
    }
    world.write("pipelines/hour-rt.yaml", &format!("format: gtfs-realtime\n{}{RELEASE}", sources("feed-rt")));
    let json = columns(str::to_owned, "$.stand");
    let json = format!("mapping:\n  table: vehicle_positions\n  rows: $.fahrzeuge[*]\n  columns:\n{json}");
    world.write("pipelines/hour-json.yaml", &format!("format: mapped\n{}{RELEASE}{json}", sources("feed-json")));
    let csv = columns(|path| path.replace('.', " "), "stand");
    let csv = format!(
        "mapping:\n  table: vehicle_positions\n  body: csv\n  separator: ';'\n  decimal: ','\n  columns:\n{csv}"
    );
    world.write("pipelines/hour-csv.yaml", &format!("format: mapped\n{}{RELEASE}{csv}", sources("feed-csv")));
    let percentage = "description: Occupancy in percent of the capacity; may exceed 100.\n        classification: ";
    let contract = "schemas/stadtbus/vehicle_locations.odcs.yaml";
    world.replace(contract, &format!("{percentage}public"), &format!("{percentage}private"));
    for pipeline in ["hour-rt", "hour-json", "hour-csv"] {
        let run = world.program(&["run", pipeline, "--date", DATE]);
        assert!(run.status.success(), "{}{}", text(&run.stdout), text(&run.stderr));
    }
    let bucket = world.path("data/bucket").to_string_lossy().into_owned();
    for other in ["hour-json", "hour-csv"] {
        let (one, other) = ("hour-rt/vehicle_locations", format!("{other}/vehicle_locations"));
        let compared = python("compare_releases.py", &[&[bucket.as_str(), one, &other], &APART[..]].concat());
        assert!(compared.status.success(), "{}", text(&compared.stderr));
        let told = text(&compared.stdout);
        let numbers: Vec<u64> = told.split_whitespace().map(|number| number.parse().unwrap()).collect();
        assert!(numbers[0] > 2_000 && numbers[0] == numbers[1] && numbers[2..] == [0, 0], "{other}: {told}");
    }
}

fn note<'a>(record: &'a Value, rule: &str) -> &'a str {
    let note = record["notes"].as_array().unwrap().iter().find(|note| note["rule"] == rule);
    note.unwrap_or_else(|| panic!("{rule}: {:#}", record["notes"]))["message"].as_str().unwrap()
}

#[test]
fn a_colour_becomes_class_status_and_source_and_an_unknown_one_is_a_finding() {
    let world = World::with_busplus();
    let results = world.run();
    let record = &results["busplus"]["record"];
    let table = &record["tables"][0];
    assert!(table["table"] == "vehicle_locations" && table["published"].as_u64().unwrap() > 2_000, "{table}");
    let unknown = note(record, "mapped.unknown_value");
    assert!(
        unknown.contains("'occupancy_status' ('auslastung') without a meaning")
            && !unknown.contains("lila")
            && unknown.contains("The first stands in row"),
        "{unknown}"
    );
    let finding = |rule: &str| {
        let findings = record["findings"].as_array().unwrap();
        findings
            .iter()
            .find(|finding| finding["rule"] == rule)
            .unwrap_or_else(|| panic!("{rule}: {findings:#?}"))
            .clone()
    };
    let of_cell = finding("vehicle_positions.occupancy_status.type");
    assert_eq!(
        of_cell["message"],
        "occupancy_status is text in UTF-8: expected was a value that 'values' of the mapping names"
    );
    assert_eq!(of_cell["found_de"], "erwartet war ein Wert, den 'values' der Zuordnung nennt");
    let page = |name| std::fs::read_to_string(world.path("data/bucket/reports/busplus").join(name)).unwrap();
    assert!(page("quality.html").contains(">erwartet war ein Wert, den 'values' der Zuordnung nennt</p>"));
    assert!(page("quality.en.html").contains("expected was a value that 'values' of the mapping names</p>"));
    let sample = &of_cell["samples"][0];
    assert!(sample["column"] == "occupancy_status" && sample["row"] == 4, "{of_cell:#}");
    assert!(sample["origin"].as_str().unwrap().starts_with("busplus-fahrzeuge 2026-11-24T"), "{of_cell:#}");
    let rows = finding("vehicle_locations.class_has_a_meaning")["rows"].as_u64().unwrap();
    assert!(rows > 5, "{rows}");
    // What the pipeline says of the format stands among the inputs of the run.
    let inputs = record["inputs"].to_string();
    assert!(inputs.contains("mapping:vehicle_positions.speed") && inputs.contains("tempo; unit km/h"), "{inputs}");
    let files = crate::world::files(&world.path("data/bucket/data/busplus/vehicle_locations"));
    let rows = fahrtenbuch::publish::parquet::rows(files.into_values().next().unwrap().into()).unwrap();
    let texts = |name: &str| -> Vec<Option<String>> {
        let column = rows.column_by_name(name).unwrap();
        let column = arrow_cast::cast(column, &arrow_schema::DataType::Utf8).unwrap();
        column.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
    };
    let columns = ["occupancy_raw", "occupancy_raw_unit", "occupancy_status", "occupancy_source"].map(texts);
    let mut seen = std::collections::BTreeSet::new();
    for row in 0..rows.num_rows() {
        seen.insert(columns.each_ref().map(|column| column[row].clone().unwrap_or_default()).join(" "));
    }
    let meaning = ["EMPTY", "MANY_SEATS_AVAILABLE", "FEW_SEATS_AVAILABLE"];
    for (colour, status) in busplus::COLOURS.iter().zip(meaning) {
        assert!(seen.remove(&format!("{colour} class {status} estimate_wlan")), "{colour}: {seen:?}");
    }
    // A colour that nobody explained stays what it is, and nobody knows what it says.
    assert!(seen.remove("lila class  "), "{seen:?}");
    assert!(
        seen.iter().all(|row| row.starts_with("rot class CRUSHED") || row.starts_with("schwarz class FULL")),
        "{seen:?}"
    );
}

#[test]
fn a_mapping_that_does_not_fit_is_told_with_its_line_and_the_remedy() {
    let world = World::with_busplus();
    assert!(world.program(&["check"]).status.success());
    for (from, to, told) in [
        (
            "unit: km/h",
            "unit: km",
            "pipelines/busplus.yaml:LINE: 'speed' is in m/s, into which 'km' cannot be turned. Write one of",
        ),
        (
            "    latitude:",
            "    lattitude:",
            "pipelines/busplus.yaml:LINE: 'vehicle_positions' has no column 'lattitude'. Did you mean 'latitude'?",
        ),
        (
            "rot: CRUSHED",
            "rot: CRASHED",
            "is none of the values that 'occupancy_status' may have. Did you mean 'CRUSHED_STANDING_ROOM_ONLY'?",
        ),
        ("format: mapped", "format: maped", "'maped' is no format. Did you mean 'mapped'?"),
        // What is not mapped fills no column of the release.
        ("    latitude: position.lat\n", "", "nothing fills the column 'latitude' of 'vehicle_locations'"),
        ("format: mapped", "format: gtfs-realtime", "'mapping' is for mapped. Remove it."),
        (
            "time: iso8601",
            "time: unix",
            "pipelines/busplus.yaml:LINE: 'zone' changes nothing here: a count since 1970 is the same in all zones. Remove",
        ),
        (
            "vehicle_id: id",
            "vehicle_id: $topic[x]",
            "pipelines/busplus.yaml:LINE: '$topic[x]' names no level of a topic. Write '$topic[0]' for what stands before",
        ),
        (
            "  columns:",
            "  decimal: ','\n  columns:",
            "pipelines/busplus.yaml:LINE: 'decimal' is for 'body: csv': numbers of JSON have a point. Remove it",
        ),
        (
            "    type: evidence",
            "    type: csv",
            "'csv' is no type of source. Known are: file, http, s3, mqtt, evidence. What captures are is said beside 'sources:': \
             'format: mapped', and 'body: csv' under 'mapping:'.",
        ),
        (
            "    type: evidence",
            "    type: gtfs",
            "evidence. What captures are is said beside 'sources:': 'format: gtfs'.",
        ),
    ] {
        let world = World::with_busplus();
        world.replace(PIPELINE, from, to);
        let told = told.replace("LINE", &line_of(&world, to));
        let check = world.program(&["check"]);
        let output = text(&check.stdout) + &text(&check.stderr);
        assert!(check.status.code() == Some(2) && output.contains(&told), "{to}: {output}");
    }
    // The topic of a source that has none.
    let world = World::with_busplus();
    world.replace(PIPELINE, "vehicle_id: id", "vehicle_id: $topic[8]");
    assert!(world.program(&["check"]).status.success());
    let from = "    type: evidence\n    path: data/sample/evidence";
    world.replace(PIPELINE, from, "    type: http\n    url: https://busplus.example/x");
    let check = world.program(&["check"]);
    let output = text(&check.stdout) + &text(&check.stderr);
    let told =
        "pipelines/busplus.yaml:LINE: '$topic[8]' is of messages of a broker, and no source has 'type: mqtt'. Remove it"
            .replace("LINE", &line_of(&world, "$topic[8]"));
    assert!(check.status.code() == Some(2) && output.contains(&told), "{output}");
    let broker = "sources:\n  - {name: b, type: mqtt, url: 'mqtt://b.example', topics: ['#']}\n";
    world.replace(PIPELINE, "sources:\n", broker);
    let check = world.program(&["check"]);
    assert!(check.status.success(), "{}", text(&check.stderr));
}

/// The line of the pipeline's file on which this text begins, of 1: the sample's file may get longer above it.
fn line_of(world: &World, text: &str) -> String {
    let file = std::fs::read_to_string(world.path(PIPELINE)).unwrap();
    let before = file.find(text).map_or("", |at| &file[..at]);
    (before.matches('\n').count() + 1).to_string()
}

/// The record of a run over one document of the app, whose times have this form.
fn record_of(time: &str, document: &str) -> Value {
    let world = World::with_busplus();
    let store = Store::new(world.path("data/evidence"));
    let at = Simulation::new(1, DATE.parse().unwrap(), false).unwrap().day.zero + 12 * 3600;
    keep(&store, busplus::SOURCE, at, document.as_bytes().to_vec());
    world.replace(PIPELINE, "data/sample/evidence", "data/evidence");
    world.replace(PIPELINE, "time: iso8601, zone: Europe/Berlin", time);
    let output = world.program(&["run", "busplus", "--date", DATE, "--json"]);
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    results[0]["record"].clone()
}

fn finding(record: &Value, rule: &str) -> Value {
    let found = record["findings"].as_array().unwrap().iter().find(|finding| finding["rule"] == rule);
    found.unwrap_or_else(|| panic!("{rule}: {:#}", record["findings"])).clone()
}

#[test]
fn one_value_that_is_no_json_is_a_finding_and_the_rest_of_the_document_is_read() {
    let vehicle = |number: usize, speed: &str| {
        format!(
            r#"{{"id": "ofg-{number}", "tempo": {speed}, "position": {{"lat": 48.47, "lon": 7.94}}, "x": [{speed}],
                "zeit": "2026-11-24T11:59:{number}", "fahrt": {{"id": "t"}}, "auslastung": "gruen"}}"#
        )
    };
    let speeds = ["12.5", "NaN", "-Infinity", "1e999", "None", "20"];
    let vehicles: Vec<String> = speeds.iter().zip(10..).map(|(speed, number)| vehicle(number, speed)).collect();
    let document = format!(r#"{{"stand": NaN, "fahrzeuge": [{}], "ende": Infinity}}"#, vehicles.join(", "));
    let record = record_of("time: iso8601, zone: Europe/Berlin", &document);
    assert_eq!(record["captures"][busplus::SOURCE]["readable"], 1, "{:#}", record["captures"]);
    assert_eq!(record["tables"][0]["rows_in"], 6, "{:#}", record["tables"]);
    let of_speed = finding(&record, "vehicle_positions.speed.type");
    assert_eq!((&of_speed["rows"], &of_speed["samples"][0]["row"]), (&4.into(), &1.into()), "{of_speed:#}");
    assert!(!record["notes"].to_string().contains("mapped.broken_document"), "{:#}", record["notes"]);
}

#[test]
fn a_clock_that_counts_in_another_unit_than_the_mapping_says_is_told() {
    let document = |time: i64| {
        format!(
            r#"{{"fahrzeuge": [{{"id": "ofg-1", "tempo": 5, "position": {{"lat": 48.47, "lon": 7.94}}, "zeit": {time},
                "fahrt": {{"id": "t"}}, "auslastung": "gruen"}}]}}"#
        )
    };
    for (form, time, told) in [
        ("time: unix_ms", 1_795_518_000, "this looks like seconds: write 'time: unix'"),
        ("time: unix", 1_795_518_000_000, "this looks like milliseconds: write 'time: unix_ms'"),
    ] {
        let record = record_of(form, &document(time));
        let of_time = finding(&record, "vehicle_positions.timestamp.type");
        assert!(of_time["rows"] == 1 && of_time["message"].as_str().unwrap().contains(told), "{of_time:#}");
    }
}

#[test]
fn captures_that_are_no_json_are_counted_by_what_they_are() {
    let world = World::with_busplus();
    let store = Store::new(world.path("data/sample/evidence"));
    let at = Simulation::new(1, DATE.parse().unwrap(), false).unwrap().day.zero + 23 * 3600;
    for (second, body) in [
        (1, &b"<html>Wartung, Fahrer 4711</html>"[..]),
        (2, b"{\"error\": \"quota\"}"),
        (3, b"{\"stand\": \"2026-11-24T23:00:03\", \"fahrzeuge\": [{\"id\": \"ofg-101\"}, {\"id\""),
        (4, b""),
        (5, b"\xff\xfe{\0}\0"),
        (6, b"{\"fahrzeuge\": [{\"id\": \"a\", \"id\": \"b\"}, {\"id\": \"\xff\"}, {\"tempo\": 1e999, \"id\": [1]}]}"),
    ] {
        keep(&store, busplus::SOURCE, at + second, body.to_vec());
    }
    let record = &world.run_of(&["busplus"])["busplus"]["record"];
    let captures = &record["captures"][busplus::SOURCE];
    for (kind, count) in [("html", 1), ("no_rows", 1), ("cut_off", 1), ("empty", 1), ("encoded", 1)] {
        assert_eq!(captures[kind], count, "{captures}");
    }
    assert!(note(record, "mapped.broken_document").contains("is cut off or damaged at byte"));
    let told = record["notes"].to_string();
    assert!(told.contains("is an HTML page, not JSON") && !told.contains("4711"), "{told}");
    let types: Vec<&Value> = record["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["rule"].as_str().unwrap().ends_with(".type"))
        .collect();
    // Private values are not shown.
    let of_vehicles = types.iter().find(|finding| finding["rule"] == "vehicle_positions.vehicle_id.type").unwrap();
    assert!(of_vehicles["rows"] == 3 && of_vehicles["samples"][0]["value"].is_null(), "{of_vehicles:#}");
    assert!(types.iter().any(|finding| finding["rule"] == "vehicle_positions.speed.type"), "{types:#?}");
}
