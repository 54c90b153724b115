//! The privacy report: what is published of each column, how and why, and how far vehicles can be followed; and columns
//! that nobody knows. Pseudonyms per trip and block, and positions that are cut off: `pseudonyms.rs`.

use arrow_array::cast::AsArray;
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

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn said(world: &World, arguments: &[&str]) -> String {
    let output = world.program(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

pub(crate) fn report(world: &World) -> Value {
    serde_json::from_str(&said(world, &["privacy", "report", "--json"])).unwrap()
}

fn dataset<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["datasets"].as_array().unwrap().iter().find(|of| of["dataset"] == name).unwrap()
}

pub(crate) fn column<'a>(report: &'a Value, table: &str, column: &str) -> &'a Value {
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
    // What rows that are not published come to is told as that.
    let how =
        |name: &str, language: &str| column(&made, "coverage", name)["how"][language].as_str().unwrap().to_owned();
    let by = "route_id, trip_id_scheduled, event_timestamp";
    for (name, en, de) in [
        ("rows_published", "made of published columns and", "aus veröffentlichten Spalten und"),
        (
            "rows_held",
            "counts rows that were held back and are not published;",
            "zählt zurückgehaltene, nicht veröffentlichte Zeilen;",
        ),
        (
            "rows_dropped",
            "counts rows that were dropped and are not published;",
            "zählt verworfene, nicht veröffentlichte Zeilen;",
        ),
    ] {
        assert!(how(name, "en").starts_with(en) && how(name, "en").ends_with(by), "{}", how(name, "en"));
        assert!(how(name, "de").starts_with(de) && how(name, "de").ends_with(by), "{}", how(name, "de"));
    }
    assert!(
        how("gap_reason", "en").contains("the number of rows that are not published"),
        "{}",
        how("gap_reason", "en")
    );
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
    assert!(!told.contains("no reason"), "{told}");
    let reason = "Without the time of a report neither punctuality nor speed can be worked out.";
    world.replace(contract, &format!("          - {{property: why, value: '{reason}'}}\n"), "");
    world.replace(
        contract,
        "          - {property: whyDe, value: 'Ohne die Zeit einer Meldung lassen sich weder Pünktlichkeit noch Geschwindigkeit berechnen.'}\n",
        "",
    );
    let told = said(&world, &["privacy", "report", "--lang", "en"]);
    assert!(
        told.contains("This column that may tell of persons has no reason")
            && told.contains("stadtbus-telemetrie/vehicle_locations.event_timestamp"),
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
pub(crate) fn published(world: &World) -> String {
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
    assert!(told.contains("in keinem Vertrag, daher privat: trips.driver_name"), "{told}");
    assert!(!told.contains(DRIVER) && !made.to_string().contains(DRIVER));
}
