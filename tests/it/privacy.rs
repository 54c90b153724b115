//! The privacy report: what is published of each column, how and why, and how far vehicles can be followed. Pseudonyms per trip and block,
//! positions that are cut off, and columns that nobody knows.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int32Type};
use arrow_array::{Array, RecordBatch};
use fahrtenbuch::capture::Capture;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::digest::Digest;
use fahrtenbuch::simulate::realtime::Feed;
use fahrtenbuch::simulate::{Simulation, busplus};
use serde_json::Value;

use crate::broken_feeds::changed;
use crate::world::{World, files};

const TELEMETRY: &str = "stadtbus-telemetrie";
const DAYS: [&str; 3] = ["2026-11-23", "2026-11-24", "2026-11-25"];

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn said(world: &World, arguments: &[&str]) -> String {
    let output = world.program(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn report(world: &World) -> Value {
    serde_json::from_str(&said(world, &["privacy", "report", "--json"])).unwrap()
}

fn dataset<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["datasets"].as_array().unwrap().iter().find(|of| of["dataset"] == name).unwrap()
}

fn column<'a>(report: &'a Value, table: &str, column: &str) -> &'a Value {
    let tables = dataset(report, TELEMETRY)["tables"].as_array().unwrap();
    let table = tables.iter().find(|of| of["table"] == table).unwrap();
    table["columns"].as_array().unwrap().iter().find(|of| of["column"] == column).unwrap()
}

/// Three days that were published.
fn with_days() -> World {
    let world = World::new();
    world.simulate(&DAYS, "60");
    world.run_of(&["stadtbus-fahrplan"]);
    for day in DAYS {
        world.run_of(&[TELEMETRY, "--date", day]);
    }
    world
}

#[test]
fn the_report_tells_every_column_with_how_and_why_and_what_nobody_gave_a_reason_for() {
    let world = World::new();
    let made = report(&world);
    let vehicle = column(&made, "vehicle_locations", "vehicle_id");
    assert_eq!((&vehicle["published"], &vehicle["personal"]), (&true.into(), &true.into()));
    assert!(vehicle["how"]["en"].as_str().unwrap().starts_with("pseudonym per service date"), "{vehicle}");
    assert!(vehicle["why"]["de"].as_str().unwrap().contains("Meldungen eines Busses"), "{vehicle}");
    let time = column(&made, "vehicle_locations", "event_timestamp");
    assert!(time["how"]["de"].as_str().unwrap().contains("5 Sekunden"), "{time}");
    let device = column(&made, "vehicle_locations", "device_id");
    assert_eq!((&device["published"], &device["how"]["en"]), (&false.into(), &"not published".into()));
    let reports = column(&made, "trips_observed", "vehicles");
    assert_eq!(reports["how"]["en"], "made of published columns and of the timetable: vehicle_id");
    // Where a received column goes, and which goes nowhere.
    let received = &dataset(&made, TELEMETRY)["received"];
    let positions = received.as_array().unwrap().iter().find(|of| of["table"] == "vehicle_positions").unwrap();
    let used = |name: &str| {
        let columns = positions["columns"].as_array().unwrap();
        columns.iter().find(|of| of["column"] == name).unwrap()["used_for"].clone()
    };
    assert_eq!(used("latitude"), serde_json::json!(["vehicle_locations.latitude"]));
    assert_eq!(used("odometer"), serde_json::json!([]));
    // Nothing was published yet, which is no failure; there is no key either.
    assert_eq!(dataset(&made, TELEMETRY)["linkage"], serde_json::json!([]));
    assert_eq!((&made["retention"]["keys"], &made["retention"]["oldest"]), (&0.into(), &Value::Null));

    let contract = "schemas/stadtbus/vehicle_locations.odcs.yaml";
    let told = said(&world, &["privacy", "report", "--lang", "en"]);
    assert!(!told.contains("have no reason"), "{told}");
    let reason = "Without the time of a report neither punctuality nor speed can be worked out.";
    world.replace(contract, &format!("          - {{property: why, value: '{reason}'}}\n"), "");
    world.replace(
        contract,
        "          - {property: whyDe, value: 'Ohne die Zeit einer Meldung lassen sich weder Pünktlichkeit noch Geschwindigkeit berechnen.'}\n",
        "",
    );
    let told = said(&world, &["privacy", "report", "--lang", "en"]);
    assert!(
        told.contains("have no reason") && told.contains("stadtbus-telemetrie/vehicle_locations.event_timestamp"),
        "{told}"
    );
}

#[test]
fn the_report_says_as_it_came_of_what_came_so_and_of_nothing_else() {
    let world = World::with_busplus();
    let made = report(&world);
    let how = |of_dataset: &str, table: &str, name: &str| {
        let tables = dataset(&made, of_dataset)["tables"].as_array().unwrap();
        let table = tables.iter().find(|of| of["table"] == table).unwrap();
        let column = table["columns"].as_array().unwrap().iter().find(|of| of["column"] == name).unwrap();
        ["en", "de"].map(|language| column["how"][language].as_str().unwrap().to_owned())
    };
    let of_app = |name: &str| how("busplus", "vehicle_locations", name);
    for (name, en, de) in [
        ("service_date", "made by the program", "vom Programm gebildet"),
        ("speed", "converted from km/h to m/s", "von km/h in m/s umgerechnet"),
        (
            "occupancy_status",
            "translated by the table of values of the mapping",
            "nach der Wertetabelle der Zuordnung übersetzt",
        ),
        (
            "occupancy_raw_unit",
            "made of received columns: occupancy_raw, occupancy_status",
            "aus empfangenen Spalten gebildet: occupancy_raw, occupancy_status",
        ),
        (
            "occupancy_source",
            "made of the received column occupancy_status",
            "aus der empfangenen Spalte occupancy_status gebildet",
        ),
        ("trip_id_scheduled", "as it came", "wie empfangen"),
    ] {
        let [is_en, is_de] = of_app(name);
        let words = |how: &str| how.split(';').next().unwrap().to_owned();
        assert_eq!((words(&is_en).as_str(), words(&is_de).as_str()), (en, de), "{name}");
    }
    let of_bus = |name: &str| how(TELEMETRY, "vehicle_locations", name);
    for name in ["trip_type", "schedule_relationship", "occupancy_source", "occupancy_quality"] {
        let [en, de] = of_bus(name);
        assert!(en.starts_with("made of ") && de.starts_with("aus "), "{name}: {en}");
    }
    // Rules of the table that is received, and of the one that is published.
    for name in ["latitude", "longitude"] {
        let [en, de] = of_bus(name);
        let rule = format!("vehicle_positions.{name}.range");
        assert!(en.starts_with("as it came; null where a rule rejects the value: ") && en.contains(&rule), "{en}");
        assert!(de.contains("; leer, wo eine Regel den Wert verwirft: ") && de.contains(&rule), "{de}");
        assert!(en.contains("vehicle_locations."), "{en}");
    }
}

#[test]
fn what_tells_of_nobody_and_what_the_feed_lacks_is_a_list_of_names_on_paper() {
    let world = World::new();
    // One that the feed has, and one that it lacks.
    for table in ["agency", "attributions"] {
        let column = "      - {name: driver_id, logicalType: string, classification: private, description: A driver}";
        let contract = format!("schemas/gtfs/{table}.odcs.yaml");
        world.replace_first(&contract, "\n    properties:\n", &format!("\n    properties:\n{column}\n"));
    }
    let page = |world: &World| {
        let file = world.path("privacy.html");
        said(world, &["privacy", "report", "--lang", "en", "--output", &file.to_string_lossy()]);
        std::fs::read_to_string(file).unwrap()
    };
    let lists = |page: &str| -> Vec<String> {
        let lists = page.split("<p class=\"list\">").skip(1);
        lists.map(|list| list.split("</p>").next().unwrap().to_owned()).collect()
    };
    let lacking = "of which nothing was published yet";
    let before = page(&world);
    assert!(!before.contains(lacking), "all is to be read before the first publication");
    assert!(lists(&before).iter().any(|list| list.contains("<code>stop_times</code>")), "{:?}", lists(&before));
    world.run_of(&["stadtbus-fahrplan"]);
    let after = page(&world);
    let list = lists(&after).into_iter().find(|list| list.contains(lacking)).unwrap();
    assert!(list.contains("<code>attributions</code>") && !list.contains("<code>agency</code>"), "{list}");
    assert_eq!(after.matches("<details class=\"folded\">").count(), lists(&after).len());
    assert!(after.contains("@page{size:A4") && after.contains("table.columns{display:table;table-layout:fixed}"));
}

#[test]
fn vehicles_are_followed_through_published_days_and_the_report_names_none() {
    let world = with_days();
    let made = report(&world);
    let linkage = &dataset(&made, TELEMETRY)["linkage"][0];
    assert_eq!(linkage["table"], "vehicle_locations");
    let (days, nights) = (linkage["days"].as_array().unwrap(), linkage["nights"].as_array().unwrap());
    assert_eq!((days.len(), nights.len()), (3, 2), "{linkage}");
    assert!(days.iter().all(|day| day["is_known"] == true), "{linkage}");
    for attack in ["by_place", "by_trips"] {
        let measured = &linkage[attack];
        let [right, possible] = ["right", "possible"].map(|key| measured[key].as_u64().unwrap());
        assert!(possible > 0 && right <= possible, "{measured}");
        assert!(measured["by_chance"].as_f64().unwrap() > 0.0, "{measured}");
    }
    let [all, alone] = ["rows_on_lines", "rows_alone"].map(|key| linkage[key].as_u64().unwrap());
    assert!(all > 0 && alone <= all);
    // A key of each date; the oldest goes a day after thirteen months.
    let kept = &made["retention"];
    assert_eq!((&kept["keys"], &kept["destroyed_on"]), (&3.into(), &"2027-12-24".into()), "{kept}");

    // No id, no plate, no driver and no pseudonym is in any form of it.
    let page = world.path("datenschutz.html");
    for language in ["de", "en"] {
        said(&world, &["privacy", "report", "--lang", language, "--output", page.to_str().unwrap()]);
        let page = std::fs::read_to_string(&page).unwrap();
        assert!(page.contains(&format!("lang=\"{language}\"")), "{page}");
        let told = said(&world, &["privacy", "report", "--lang", language]);
        // A number may have as many digits.
        let is_pseudonym = |word: &str| {
            word.len() == 16
                && word.bytes().all(|byte| byte.is_ascii_hexdigit())
                && word.bytes().any(|byte| byte.is_ascii_alphabetic())
        };
        for form in [&page, &told, &made.to_string()] {
            assert!(!form.contains("ofg-1") && !form.contains("OG-FB") && !form.contains("FAHRER"), "{form}");
            assert!(!form.split(|letter: char| !letter.is_ascii_alphanumeric()).any(is_pseudonym), "{form}");
        }
    }

    // Without the key of a date nobody knows who was who, and the attack can only be claimed.
    std::fs::remove_file(world.path("data/private/keys/2026-11-24.key")).unwrap();
    let made = report(&world);
    let linkage = &dataset(&made, TELEMETRY)["linkage"][0];
    assert_eq!((&linkage["days"][1]["is_known"], &linkage["by_place"]["right"]), (&false.into(), &Value::Null));
    assert!(linkage["by_place"]["claimed"].as_u64().unwrap() > 0);
    let told = said(&world, &["privacy", "report", "--lang", "en", "--days", "1"]);
    assert!(told.contains("not measured: no two days that follow each other"), "{told}");
}

/// Who no file may name.
const DRIVER: &str = "Erika Musterfrau";

fn keep(world: &World, source: &str, at: i64, body: Vec<u8>) {
    let captured_at = jiff::Timestamp::from_second(at).unwrap();
    let digest = Digest::of(&body);
    let (url, headers) = (format!("https://{source}.example"), Vec::new());
    let capture = Capture { url, captured_at, status: 200, headers, body: body.into(), digest };
    Store::new(world.path("data/private/hour")).append(source, &capture).unwrap();
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A field that holds bytes.
fn field(number: usize, bytes: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(bytes.len()), bytes.to_vec()].concat()
}

/// A message with an extension of the producer in each of its entities.
fn with_extension(mut message: &[u8]) -> Vec<u8> {
    fn number(bytes: &mut &[u8]) -> usize {
        let end = bytes.iter().position(|byte| *byte < 0x80).unwrap();
        let value = bytes[..=end].iter().rev().fold(0, |value, byte| value << 7 | usize::from(byte & 0x7f));
        *bytes = &bytes[end + 1..];
        value
    }
    let mut out = Vec::new();
    while !message.is_empty() {
        let tag = number(&mut message);
        assert_eq!(tag & 7, 2, "a header and entities");
        let length = number(&mut message);
        let (bytes, rest) = message.split_at(length);
        message = rest;
        let more = if tag >> 3 == 2 { field(1001, DRIVER.as_bytes()) } else { Vec::new() };
        out.extend(field(tag >> 3, &[bytes, &more].concat()));
    }
    out
}

/// Everything that is published, as text: the cells and columns of tables, and all other files.
fn published(world: &World) -> String {
    let mut all = String::new();
    for (name, bytes) in files(&world.path("data/bucket")) {
        if !name.ends_with(".parquet") {
            all += &String::from_utf8_lossy(&bytes);
            continue;
        }
        let rows = fahrtenbuch::publish::parquet::rows(bytes.into()).unwrap();
        for (column, array) in rows.schema().fields().iter().zip(rows.columns()) {
            all += &format!("{}\n", column.name());
            let texts = array.as_string_opt::<i32>().into_iter().flat_map(|texts| texts.iter().flatten());
            texts.for_each(|text| all += &format!("{text}\n"));
        }
    }
    all
}

#[test]
fn what_no_contract_knows_is_never_published_and_the_report_names_it() {
    let world = World::new();
    let date = "2026-11-24";
    let simulation = Simulation::new(1, date.parse().unwrap(), false).unwrap();
    let noon = simulation.day.zero + 12 * 3600;
    for at in (noon..noon + 600).step_by(60) {
        let mut document: Value = serde_json::from_slice(&busplus::document(&simulation, at).unwrap()).unwrap();
        let mut table = "id;lat;lon;zeit;Fahrer Name\n".to_owned();
        for vehicle in document["fahrzeuge"].as_array_mut().unwrap() {
            vehicle["fahrer"] = serde_json::json!({"name": DRIVER, "handy2": [{"nr": DRIVER}]});
            let cell = |path: &str| vehicle.pointer(path).unwrap().to_string();
            let cells = ["/id", "/position/lat", "/position/lon", "/zeit"].map(cell).join(";");
            table += &format!("{cells};{DRIVER}\n");
        }
        keep(&world, "hour-json", at, document.to_string().into_bytes());
        keep(&world, "hour-csv", at, table.into_bytes());
        keep(&world, "hour-rt", at, with_extension(&simulation.snapshot(Feed::VehiclePositions, at).unwrap()));
    }
    let source = |name: &str| format!("sources: [{{name: {name}, type: evidence, path: data/private/hour}}]\n");
    let app = "format: mapped\ncontracts: schemas/busplus-app\nrelease: {contracts: schemas/busplus, tables: \
               {vehicle_locations: vehicle_positions}}\noccupancy_source: estimate_wlan\n";
    let columns = |id: &str, lat: &str, lon: &str| {
        format!(
            "  columns: {{vehicle_id: {id}, latitude: {lat}, longitude: {lon}, timestamp: {{from: zeit, time: iso8601, zone: Europe/Berlin}}}}\n"
        )
    };
    let json = format!(
        "{}{app}mapping:\n  table: vehicle_positions\n  rows: $.fahrzeuge[*]\n{}",
        source("hour-json"),
        columns("id", "position.lat", "position.lon")
    );
    let csv = format!(
        "{}{app}mapping:\n  table: vehicle_positions\n  body: csv\n  separator: ';'\n{}",
        source("hour-csv"),
        columns("id", "lat", "lon")
    );
    let contract = std::fs::read_to_string(world.path("schemas/busplus/vehicle_locations.odcs.yaml")).unwrap();
    // What the mapping does not fill cannot be public.
    let rest = contract.replace("classification: public", "classification: private");
    let rest: String = rest.split_inclusive('\n').filter(|line| !line.contains("bloomFilter")).collect();
    let mut kept = String::new();
    for part in rest.split_inclusive("\n      - name: ") {
        let of_place = [
            "latitude\n",
            "longitude\n",
            "vehicle_id\n",
            "location_ping_id\n",
            "service_date\n",
            "event_timestamp\n",
            "received_at\n",
        ];
        let is_kept = of_place.iter().any(|name| part.starts_with(name));
        kept += &if is_kept {
            part.replacen("classification: private", "classification: public", 1)
        } else {
            part.to_owned()
        };
    }
    world.write("schemas/busplus/vehicle_locations.odcs.yaml", &kept);
    let rt = format!(
        "format: gtfs-realtime\ncontracts: schemas/gtfs-realtime\n{}release: {{contracts: schemas/stadtbus, tables: \
         {{vehicle_locations: vehicle_positions}}}}\ntimetable: stadtbus-fahrplan\n",
        source("hour-rt")
    );
    for (name, text) in [("hour-json", json), ("hour-csv", csv), ("hour-rt", rt)] {
        world.write(&format!("pipelines/{name}.yaml"), &text);
    }
    changed(&world, "trips.txt", |text| {
        let text = String::from_utf8(text).unwrap();
        let mut lines = text.lines();
        let head = format!("{},driver_name\n", lines.next().unwrap());
        Some((head + &lines.map(|line| format!("{line},{DRIVER}\n")).collect::<String>()).into_bytes())
    });
    world.run_of(&["stadtbus-fahrplan"]);
    for pipeline in ["hour-json", "hour-csv", "hour-rt"] {
        let output = world.program(&["run", pipeline, "--date", date]);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{pipeline}: {}", text(&output.stderr));
        assert!(world.files_json(&format!("{pipeline}/vehicle_locations"))["files"][0]["rows"].as_u64().unwrap() > 10);
    }
    let all = published(&world);
    assert!(!all.contains(DRIVER) && !all.to_lowercase().contains("fahrer name"), "something is published");
    assert!(!all.lines().any(|line| line == "driver_name"), "a column is published");

    let made = report(&world);
    let names = |name: &str| dataset(&made, name)["unread"][0]["names"].clone();
    let of_app = names("hour-json");
    let of_app: Vec<&str> = of_app.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(of_app.contains(&"fahrzeuge.fahrer.name") && of_app.contains(&"fahrzeuge.fahrer.handy#.nr"), "{of_app:?}");
    assert!(!of_app.iter().any(|name| name.starts_with("fahrzeuge.position.l")), "{of_app:?}");
    assert_eq!(names("hour-csv"), serde_json::json!(["Fahrer Name"]));
    assert_eq!(names("hour-rt"), serde_json::json!(["FeedEntity: field 1001"]));
    assert_eq!(names("stadtbus-fahrplan"), serde_json::json!(["trips.driver_name"]));
    let told = said(&world, &["privacy", "report", "--lang", "de"]);
    assert!(told.contains("in keinem Contract, daher privat: trips.driver_name"), "{told}");
    assert!(!told.contains(DRIVER) && !made.to_string().contains(DRIVER));
}

/// Runs the sample, with lines below `release:` of the telemetry, under the keys of another world.
fn with_privacy(section: &str, keys: Option<&World>) -> (World, Value) {
    let world = World::new();
    if let Some(other) = keys {
        world.take_keys(other);
    }
    let pipeline = "pipelines/stadtbus-telemetrie.yaml";
    world.replace(pipeline, "release:\n", &format!("release:\n{section}"));
    world.run_of(&["stadtbus-fahrplan"]);
    let results = world.run_of(&[TELEMETRY]);
    let record = results[TELEMETRY]["record"].clone();
    (world, record)
}

fn table<'a>(record: &'a Value, name: &str) -> &'a Value {
    record["tables"].as_array().unwrap().iter().find(|table| table["table"] == name).unwrap()
}

fn count(table: &Value, key: &str) -> u64 {
    table[key].as_u64().unwrap_or_default()
}

fn rows_of(world: &World, table: &str) -> RecordBatch {
    let file = world.files_json(&format!("{TELEMETRY}/{table}"))["files"][0]["path"].as_str().unwrap().to_owned();
    let bytes = std::fs::read(world.path("data/bucket").join(file)).unwrap();
    fahrtenbuch::publish::parquet::rows(bytes.into()).unwrap()
}

fn cells(rows: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let texts = rows.column_by_name(column).unwrap();
    texts.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

fn dropped(table: &Value, rule: &str) -> u64 {
    table["dropped"][format!("vehicle_locations.{rule}")].as_u64().unwrap_or_default()
}

#[test]
fn a_pseudonym_of_a_trip_holds_for_that_trip_alone_and_nothing_published_leads_to_that_of_the_day() {
    let (by_day, whole) = with_privacy("", None);
    let days: BTreeSet<String> =
        cells(&rows_of(&by_day, "vehicle_locations"), "vehicle_id").into_iter().flatten().collect();
    let (world, record) =
        with_privacy("  privacy: {pseudonyms: trip, outside_trips: {cut: drop, before: 0, after: 0}}\n", Some(&by_day));
    let rows = rows_of(&world, "vehicle_locations");
    let [vehicles, trips, reports] =
        ["vehicle_id", "trip_id_scheduled", "location_ping_id"].map(|name| cells(&rows, name));
    let mut of_vehicle: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (place, vehicle) in vehicles.iter().enumerate() {
        let (vehicle, report) = (vehicle.clone().unwrap(), reports[place].clone().unwrap());
        assert!(report.starts_with(&format!("{vehicle}-")), "{report} of {vehicle}");
        of_vehicle.entry(vehicle).or_default().insert(trips[place].clone().unwrap());
    }
    assert!(of_vehicle.values().all(|trips| trips.len() == 1), "{of_vehicle:?}");
    assert!(of_vehicle.len() > days.len());
    assert_eq!(reports.iter().collect::<BTreeSet<_>>().len(), reports.len());
    // The order of the file is that of the new pseudonyms, and tells nothing of which were one bus.
    assert!(vehicles.is_sorted());
    // A bus has the same pseudonym in its predictions.
    let predicted = rows_of(&world, "trip_updates");
    let of_trip = |vehicle: &str| of_vehicle.get(vehicle).map(|trips| trips.first().unwrap().clone());
    let predictions = cells(&predicted, "vehicle_id").into_iter().zip(cells(&predicted, "trip_id_scheduled"));
    let joined = predictions.filter_map(|(vehicle, trip)| Some(of_trip(&vehicle?)? == trip?)).collect::<Vec<_>>();
    assert!(joined.len() > 100 && joined.iter().all(|is_same| *is_same), "{}", joined.len());
    // No file has a pseudonym of the day, the record with its samples included.
    for text in [published(&world), record.to_string()] {
        assert!(!days.iter().any(|day| text.contains(day)), "a pseudonym of the day is there");
    }

    // Every row is in one account, and rules saw the vehicle of the day: they held back what they hold back without.
    let [before, after] = [&whole, &record].map(|record| table(record, "vehicle_locations"));
    for key in ["rows_in", "quarantined"] {
        assert_eq!(count(before, key), count(after, key), "{key}");
    }
    let cut = dropped(after, "outside_trips");
    assert!(cut > 0);
    assert_eq!(count(after, "published") + cut, count(before, "published"));
    assert_eq!(after["published"].as_u64().unwrap(), rows.num_rows() as u64);
    // How many vehicles made a trip can still be counted.
    let observed = [&by_day, &world].map(|world| {
        let rows = rows_of(world, "trips_observed");
        let vehicles = rows.column_by_name("vehicles").unwrap().as_primitive::<Int32Type>().clone();
        vehicles.iter().flatten().filter(|vehicles| *vehicles > 0).count()
    });
    assert!(observed[1] > 50 && observed[1] <= observed[0], "{observed:?}");

    // The same again is the same to the byte, and the settings are inputs of the run.
    let (again, other) =
        with_privacy("  privacy: {pseudonyms: trip, outside_trips: {cut: drop, before: 0, after: 0}}\n", Some(&by_day));
    assert_eq!(world.tables(), again.tables());
    assert_eq!(record["inputs"]["sha256"], other["inputs"]["sha256"]);
    assert_ne!(record["inputs"]["sha256"], whole["inputs"]["sha256"]);

    let made = report(&world);
    let how = &column(&made, "vehicle_locations", "vehicle_id")["how"]["en"];
    assert!(how.as_str().unwrap().starts_with("pseudonym per trip"), "{how}");
    let told = said(&world, &["privacy", "report", "--lang", "en"]);
    assert!(told.contains("from trip to trip within a day"), "{told}");
}

#[test]
fn a_pseudonym_of_a_block_holds_for_the_trips_of_that_block() {
    let (world, _) = with_privacy("  privacy: {pseudonyms: block, outside_trips: drop}\n", None);
    let rows = rows_of(&world, "vehicle_locations");
    let (vehicles, trips) = (cells(&rows, "vehicle_id"), cells(&rows, "trip_id_scheduled"));
    let file = world.files_json("stadtbus-fahrplan/trips")["files"][0]["path"].as_str().unwrap().to_owned();
    let bytes = std::fs::read(world.path("data/bucket").join(file)).unwrap();
    let planned = fahrtenbuch::publish::parquet::rows(bytes.into()).unwrap();
    let blocks: BTreeMap<String, String> = cells(&planned, "trip_id")
        .into_iter()
        .zip(cells(&planned, "block_id"))
        .filter_map(|(trip, block)| Some((trip?, block?)))
        .collect();
    let mut of_vehicle: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for (vehicle, trip) in vehicles.into_iter().flatten().zip(trips.into_iter().flatten()) {
        let (known, of) = of_vehicle.entry(vehicle).or_default();
        of.insert(blocks.get(&trip).cloned().unwrap_or_else(|| format!("trip {trip}")));
        known.insert(trip);
    }
    assert!(of_vehicle.values().all(|(_, blocks)| blocks.len() == 1), "{of_vehicle:?}");
    assert!(of_vehicle.values().any(|(trips, _)| trips.len() > 1), "a block has several trips");
}

#[test]
fn positions_in_zones_are_dropped_or_blanked_and_the_file_is_an_input() {
    let zones = |radius: u32| {
        format!(
            "{{\"type\": \"FeatureCollection\", \"features\": [\n{{\"type\": \"Feature\", \"properties\": {{\"name\": \"Betriebshof\", \
             \"radius_m\": {radius}}}, \"geometry\": {{\"type\": \"Point\", \"coordinates\": [7.9448, 48.4765]}}}}\n]}}"
        )
    };
    let run = |cut: &str, radius: u32, keys: Option<&World>| {
        let world = World::new();
        if let Some(other) = keys {
            world.take_keys(other);
        }
        world.write("zones/depots.geojson", &zones(radius));
        let section = format!("  privacy: {{zones: {{file: zones/depots.geojson, cut: {cut}}}}}\n");
        world.replace("pipelines/stadtbus-telemetrie.yaml", "release:\n", &format!("release:\n{section}"));
        world.run_of(&["stadtbus-fahrplan"]);
        let record = world.run_of(&[TELEMETRY])[TELEMETRY]["record"].clone();
        (world, record)
    };
    let near = |rows: &RecordBatch| {
        let [lats, lons] = ["latitude", "longitude"].map(|name| rows.column_by_name(name).unwrap().clone());
        let (lats, lons) = (lats.as_primitive::<Float32Type>().clone(), lons.as_primitive::<Float32Type>().clone());
        let is_near = |row: &usize| {
            let [x, y] = [f64::from(lons.value(*row)) - 7.9448, f64::from(lats.value(*row)) - 48.4765];
            (x * 73_900.0).hypot(y * 111_200.0) < 795.0
        };
        (0..rows.num_rows()).filter(|row| lats.is_valid(*row) && lons.is_valid(*row)).filter(is_near).count()
    };
    let (world, record) = run("drop", 800, None);
    let of_table = table(&record, "vehicle_locations");
    let cut = dropped(of_table, "private_zone");
    assert!(cut > 0, "{of_table}");
    assert_eq!(near(&rows_of(&world, "vehicle_locations")), 0);
    let inputs = record["inputs"].to_string();
    assert!(inputs.contains("zones/depots.geojson"), "{inputs}");
    let (blanked, with_blanks) = run("blank", 800, Some(&world));
    let rows = rows_of(&blanked, "vehicle_locations");
    assert_eq!(near(&rows), 0);
    assert_eq!(count(table(&with_blanks, "vehicle_locations"), "published"), count(of_table, "published") + cut);
    let told = with_blanks["findings"].to_string();
    assert!(told.contains("vehicle_locations.private_zone"), "{told}");
    // Another file is another input, so that the run is made again.
    let (_, other) = run("drop", 900, Some(&world));
    assert_ne!(other["inputs"]["sha256"], record["inputs"]["sha256"]);

    let told = said(&world, &["privacy", "report", "--lang", "en"]);
    assert!(told.contains("zones/depots.geojson"), "{told}");
}

#[test]
fn what_cannot_be_made_private_as_it_is_written_is_told_by_check() {
    for (section, timetable, expected) in [
        ("pseudonyms: week", true, "'pseudonyms: week' is not known"),
        ("pseudonyms: block", false, "pseudonyms of blocks need the timetable, and the pipeline names none"),
        ("outside_trips: drop", false, "'outside_trips' needs the timetable"),
        ("outside_trips: hide", true, "'hide' is no way to cut positions off"),
        ("outside_trips: {cut: drop, before: soon}", true, "'before' is no interval of time"),
        (
            "zones: {file: zones/none.geojson, cut: drop}",
            true,
            "none.geojson: this is no file of zones: it cannot be read",
        ),
        (
            "zones: {file: zones/broken.geojson, cut: drop}",
            true,
            "broken.geojson:3: this is no file of zones: it has a position that is not longitude and latitude",
        ),
        ("pseudonym: trip", true, "'pseudonym' is not known here"),
    ] {
        let world = World::new();
        world.write("zones/broken.geojson", "{\"type\": \"FeatureCollection\",\n\"features\": [\n{\"type\": \"Feature\", \"geometry\": {\"type\": \"Point\", \"coordinates\": [7.9]}}]}");
        let pipeline = "pipelines/stadtbus-telemetrie.yaml";
        world.replace(pipeline, "release:\n", &format!("release:\n  privacy: {{{section}}}\n"));
        if !timetable {
            world.replace(pipeline, "\ntimetable: stadtbus-fahrplan", "");
        }
        let output = world.program(&["check"]);
        let told = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{section}: {told}");
        assert!(told.contains(expected), "{section}: {told}");
    }
}
