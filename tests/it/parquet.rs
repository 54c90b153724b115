//! Files that are good to query: what one vehicle and one hour, or one trip, cost over HTTP, and geometries that other programs know.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use arrow_array::{ArrayRef, Float32Array, RecordBatch, StringArray};
use fahrtenbuch::contract::odcs;
use fahrtenbuch::digest::Digest;
use fahrtenbuch::publish::parquet::{Staged, Writer};
use fahrtenbuch::table::Budget;

use crate::serve::Serving;
use crate::world::{World, python, root};

const TABLE: &str = "data/stadtbus-telemetrie/vehicle_locations/partition_date=2026-11-24";
/// The simulated city has some twenty buses.
const CITIES: usize = 16;

/// A day of several cities: that of one, whose buses have other pseudonyms, places and trips in each.
fn day_of_300_vehicles(world: &World) -> Staged {
    world.simulate(&["2026-11-24"], "15");
    for feed in ["stadtbus-trip-updates", "stadtbus-alerts"] {
        std::fs::remove_dir_all(world.path("data/sample/evidence").join(feed)).unwrap();
    }
    world.run_of(&["stadtbus-telemetrie", "--date", "2026-11-24"]);
    let index = world.files_json("stadtbus-telemetrie/vehicle_locations");
    let path = world.path("data/bucket").join(index["files"][0]["path"].as_str().unwrap());
    let rows = fahrtenbuch::publish::parquet::rows(std::fs::read(path).unwrap().into()).unwrap();
    let file = root().join("schemas/stadtbus/vehicle_locations.odcs.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let contract = Arc::new(odcs::contract(Path::new("vehicle_locations.odcs.yaml"), &text).unwrap());
    let staging = world.path("staging");
    let mut writer = Writer::new(&staging, &contract, Vec::new(), Budget::new(4 << 30)).unwrap();
    let schema = rows.schema();
    for city in 0..CITIES {
        let other = |text: &str| Digest::of(format!("{city} {text}").as_bytes()).to_string();
        let columns = schema.fields().iter().zip(rows.columns()).map(|(field, column)| -> ArrayRef {
            let texts = |change: &dyn Fn(&str) -> String| -> ArrayRef {
                Arc::new(column.as_string::<i32>().iter().map(|text| text.map(change)).collect::<StringArray>())
            };
            match field.name().as_str() {
                "vehicle_id" => texts(&|text| other(text)[..16].to_owned()),
                "location_ping_id" => texts(&|text| other(&text[..16])[..16].to_owned() + &text[16..]),
                "trip_id_scheduled" | "stop_id" => texts(&|text| format!("{text}-{city}")),
                "latitude" | "longitude" => {
                    let moved = column.as_primitive::<Float32Type>().iter();
                    Arc::new(
                        moved.map(|place| place.map(|place| place + city as f32 * 0.137)).collect::<Float32Array>(),
                    )
                }
                _ => column.clone(),
            }
        });
        writer.push(RecordBatch::try_new(contract.release_schema(), columns.collect()).unwrap()).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn one_vehicle_and_one_hour_of_a_day_of_300_vehicles_is_at_most_8_requests_and_5_percent_of_the_file() {
    let world = World::new();
    let staged = day_of_300_vehicles(&world);
    let name = format!("{TABLE}/part-{}.parquet", &staged.digest.to_string()[..12]);
    let rows = fahrtenbuch::publish::parquet::rows(std::fs::read(&staged.path).unwrap().into()).unwrap();
    let served = world.path("data/bucket").join(&name);
    std::fs::create_dir_all(served.parent().unwrap()).unwrap();
    std::fs::rename(&staged.path, &served).unwrap();
    let ids = |column: &str| {
        let mut ids: Vec<String> =
            rows.column_by_name(column).unwrap().as_string::<i32>().iter().flatten().map(str::to_owned).collect();
        ids.sort();
        ids.dedup();
        ids
    };
    let vehicles = ids("vehicle_id");
    assert!(vehicles.len() >= 300 && staged.rows > 500_000, "{} {}", vehicles.len(), staged.rows);
    let serving = Serving::start(&world);
    let url = format!("{}/{name}", serving.url());
    let mut seen = 0;
    let mut cost = |what: &str, value: &str| {
        let output = python("read_hour.py", &[&url, what, value]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found: usize = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
        // A request is logged when its answer has ended, which the one who asked may have seen before.
        serving.logged(seen + 1);
        std::thread::sleep(std::time::Duration::from_millis(300));
        let lines = serving.logged(seen + 1).split_off(seen);
        seen += lines.len();
        let bytes: u64 = lines.iter().map(|line| line.bytes).sum();
        println!("{what} {value}: {:?}", lines.iter().map(|line| line.bytes).collect::<Vec<_>>());
        (found, lines.len(), bytes as f64 / staged.bytes as f64)
    };
    let mut found = 0;
    for place in [0, 7, 100, 150, 199, 251, vehicles.len() - 1] {
        let (rows, requests, share) = cost("vehicle", &vehicles[place]);
        println!("{} bytes, vehicle {place}: {rows} rows, {requests} requests, {share:.3} of the file", staged.bytes);
        assert!(requests <= 8 && share <= 0.05, "{requests} requests, {share:.3} of the file");
        found += rows;
    }
    // Buses report every 15 seconds. Which seven they are is by their pseudonyms, whose key is another in each world, and some of them may
    // stand still in that hour.
    assert!(found > 240, "{found}");
    // Trips are everywhere in a file that is sorted by vehicle; their filters say where not to look.
    let trips = ids("trip_id_scheduled");
    let (rows, requests, share) = cost("trip", &trips[trips.len() / 2]);
    println!("trip: {rows} rows, {requests} requests, {share:.3} of the file");
    assert!(rows > 20 && share <= 0.15, "{rows} rows, {share:.3} of the file");
}

fn current(world: &World, table: &str) -> PathBuf {
    let index = world.files_json(&format!("stadtbus-fahrplan/{table}"));
    world.path("data/bucket").join(index["files"][0]["path"].as_str().unwrap())
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn stops_shapes_and_zones_are_geoparquet_that_pyarrow_pandas_polars_and_duckdb_read() {
    let world = World::new();
    let zones = r#"{"type":"FeatureCollection","features":[
        {"type":"Feature","id":"west","properties":{"stop_name":"Rufbus West"},"geometry":{"type":"Polygon","coordinates":[
          [[7.9,48.4],[7.95,48.4],[7.95,48.45],[7.9,48.4]],[[7.92,48.405],[7.94,48.405],[7.94,48.42],[7.92,48.405]]]}},
        {"type":"Feature","id":"ost","properties":{"stop_name":"Rufbus Ost"},"geometry":{"type":"MultiPolygon","coordinates":[
          [[[8.0,48.4],[8.1,48.4],[8.1,48.5],[8.0,48.4]]],[[[8.2,48.4],[8.3,48.4],[8.3,48.5],[8.2,48.4]]]]}}]}"#;
    let feed = std::fs::OpenOptions::new().read(true).write(true).open(world.path("data/sample/stadtbus-gtfs.zip"));
    let mut feed = zip::ZipWriter::new_append(feed.unwrap()).unwrap();
    feed.start_file("locations.geojson", zip::write::SimpleFileOptions::default()).unwrap();
    feed.write_all(zones.as_bytes()).unwrap();
    feed.finish().unwrap();
    world.run_of(&["stadtbus-fahrplan"]);
    let paths = ["stops", "shapes", "locations"].map(|table| current(&world, table).to_string_lossy().into_owned());
    let output = python("read_geo.py", &paths.each_ref().map(String::as_str));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let counts: Vec<Vec<usize>> =
        told.lines().map(|line| line.split(' ').skip(1).map(|number| number.parse().unwrap()).collect()).collect();
    assert!(counts.len() == 3 && counts[2] == [2, 2], "{told}");
    assert!(counts[0][1] > 50 && counts[1][1] > 500 && counts[1][0] == counts[1][1], "{told}");
}
