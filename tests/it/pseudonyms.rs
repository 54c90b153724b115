//! Pseudonyms per trip and block, positions that are cut off, and what else is published that undoes them.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int32Type};
use arrow_array::{Array, RecordBatch};
use serde_json::Value;

use crate::privacy::{column, published, report, said, text};
use crate::world::World;

const TELEMETRY: &str = "stadtbus-telemetrie";

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

/// What `check` warns of, without the folder of the workspace; it ends well.
fn warned(world: &World) -> Vec<String> {
    let folder = format!("{}/", world.path("").to_string_lossy().trim_end_matches('/'));
    let told = said(world, &["check"]);
    let warned: Vec<String> =
        told.lines().filter_map(|line| line.strip_prefix("warning: ")).map(|line| line.replace(&folder, "")).collect();
    let json: Value = serde_json::from_str(&said(world, &["check", "--json"])).unwrap();
    assert_eq!(json["undone_pseudonyms"].as_array().unwrap().len(), warned.len(), "{json}");
    warned
}

/// Makes a column of a contract public, or private; gives its line.
fn classify(world: &World, contract: &str, column: &str, from: &str, to: &str) -> usize {
    let path = world.path(contract);
    let whole = std::fs::read_to_string(&path).unwrap();
    let place = whole.find(&format!("- name: {column}\n")).unwrap();
    let (before, after) = whole.split_at(place);
    let after = after.replacen(&format!("classification: {from}"), &format!("classification: {to}"), 1);
    std::fs::write(path, format!("{before}{after}")).unwrap();
    before.matches('\n').count() + 1
}

const PIPELINE: &str = "pipelines/stadtbus-telemetrie.yaml";
const TRIPS: &str = "schemas/gtfs/trips.odcs.yaml";

#[test]
fn check_warns_of_what_is_published_beside_pseudonyms_and_undoes_them() {
    let world = World::new();
    assert_eq!(warned(&world), [""; 0]);
    world.replace(PIPELINE, "release:\n", "release:\n  privacy: {pseudonyms: trip}\n");
    let of_timetable = warned(&world);
    let block = std::fs::read_to_string(world.path(TRIPS)).unwrap();
    let line = block[..block.find("- name: block_id").unwrap()].matches('\n').count() + 1;
    let expected = format!(
        "{TRIPS}:{line}: 'block_id' of the published timetable's 'trips' undoes 'pseudonyms: trip' of the pipeline {TELEMETRY}: it joins \
         the trips that one vehicle makes one after the other. Write 'classification: private', or 'pseudonyms: block' in the pipeline \
         if that may be known."
    );
    assert!(of_timetable.contains(&expected), "{of_timetable:#?}");
    assert!(
        of_timetable.iter().any(|told| told.contains("'to_trip_id'") && told.contains("in-seat")),
        "{of_timetable:#?}"
    );
    assert_eq!(of_timetable.len(), 2, "{of_timetable:#?}");

    // Pseudonyms of blocks hold as long as the timetable tells, and say so; private ones tell nothing.
    world.replace(PIPELINE, "pseudonyms: trip", "pseudonyms: block");
    assert_eq!(warned(&world), [""; 0]);
    world.replace(PIPELINE, "pseudonyms: block", "pseudonyms: trip");
    classify(&world, TRIPS, "block_id", "public", "private");
    classify(&world, "schemas/gtfs/transfers.odcs.yaml", "to_trip_id", "public", "private");
    assert_eq!(warned(&world), [""; 0]);

    // What tells one vehicle from the others undoes pseudonyms of any length, in any table of the release.
    let locations = "schemas/stadtbus/vehicle_locations.odcs.yaml";
    let line = classify(&world, locations, "odometer", "private", "public");
    world.replace(
        "schemas/stadtbus/trip_updates.odcs.yaml",
        "      - name: vehicle_id\n",
        &format!("{LABEL}      - name: vehicle_id\n"),
    );
    let told = warned(&world);
    let odometer =
        format!("{locations}:{line}: 'odometer' of 'vehicle_locations' is public and undoes 'pseudonyms: trip'");
    assert!(told.len() == 2 && told[1].starts_with(&odometer), "{told:#?}");
    assert!(told[0].contains("'vehicle_label' of 'trip_updates'"), "{told:#?}");
    world.replace(PIPELINE, "  privacy: {pseudonyms: trip}\n", "");
    let told = warned(&world);
    assert!(told.len() == 2 && told[1].contains("undoes 'pseudonyms: day'"), "{told:#?}");
}

/// What is written on the bus, published.
const LABEL: &str = "      - name: vehicle_label
        logicalType: string
        description: What is written on the vehicle.
        classification: public
        customProperties:
          - {property: descriptionDe, value: Beschriftung des Fahrzeugs.}
";

#[test]
fn check_warns_of_another_pipeline_that_publishes_the_same_reports_with_longer_pseudonyms() {
    let world = World::new();
    let other = std::fs::read_to_string(world.path(PIPELINE)).unwrap();
    world.write("pipelines/zweitens.yaml", &other);
    world.replace(PIPELINE, "release:\n", "release:\n  privacy: {pseudonyms: block}\n");
    let told = warned(&world);
    let expected = "'pseudonyms: day' undoes 'pseudonyms: block' of the pipeline stadtbus-telemetrie: both publish reports of the source";
    assert!(
        told.len() == 1 && told[0].starts_with("pipelines/zweitens.yaml:") && told[0].contains(expected),
        "{told:#?}"
    );
    world.replace("pipelines/zweitens.yaml", "release:\n", "release:\n  privacy: {pseudonyms: block}\n");
    assert_eq!(warned(&world), [""; 0]);
}
