//! `datapackage.json`, read by a program that we did not write.

use serde_json::{Value, json};

use crate::world::{World, python};

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn frictionless_accepts_the_data_package_and_finds_in_the_files_what_it_says_of_them() {
    let world = World::with_publication();
    world.run();
    let output = python("data_package.py", &[&world.path("data/bucket").to_string_lossy()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["errors"], json!([]), "{:#}", found["errors"]);
    let locations = &found["resources"]["stadtbus-telemetrie-vehicle-locations"];
    assert_eq!((&locations["type"], &locations["format"]), (&json!("table"), &json!("parquet")));
    for (field, kind) in [
        ("location_ping_id", "string"),
        ("service_date", "date"),
        ("event_timestamp", "datetime"),
        ("latitude", "number"),
        ("scheduled_stop_sequence", "integer"),
    ] {
        assert_eq!(locations["fields"][field], kind, "{field}");
    }
    // Bounds stand beside a geometry.
    let shapes = &found["resources"]["stadtbus-fahrplan-shapes"]["fields"];
    assert_eq!(
        (&shapes["bbox"], shapes.as_object().unwrap().values().any(|kind| kind == "any")),
        (&json!("object"), true)
    );
}

#[test]
fn a_table_has_its_titles_in_both_languages_and_no_key_that_holds_within_a_date_only() {
    let world = World::new();
    world.run();
    let package: Value =
        serde_json::from_slice(&std::fs::read(world.path("data/bucket/datapackage.json")).unwrap()).unwrap();
    let resources = package["resources"].as_array().unwrap();
    let named = |name: &str| resources.iter().find(|resource| resource["name"] == *name).unwrap();
    let stops = named("stadtbus-fahrplan-stops");
    assert_eq!((&stops["title"], &stops["title_de"]), (&json!("Stops"), &json!("Haltestellen")));
    assert_eq!((&stops["key_of_a_date"], &stops["schema"]["primaryKey"]), (&json!(["stop_id"]), &Value::Null));
    // A timetable is there again with each of its dates.
    let service_dates = named("stadtbus-fahrplan-service-dates");
    assert_eq!(service_dates["key_of_a_date"], json!(["service_id", "service_date"]));
    let trips = named("stadtbus-telemetrie-trips-observed");
    assert_eq!(trips["key_of_a_date"], json!(["trip_id_scheduled", "trip_start_time"]));
    for resource in resources {
        assert!(resource["title_de"].is_string() && resource["description_de"].is_string(), "{}", resource["name"]);
    }
    let catalogue = std::fs::read_to_string(world.path("data/bucket/catalog.ttl")).unwrap();
    assert!(catalogue.contains("dcterms:title \"Haltestellen\"@de ,\n    \"Stops\"@en"), "{catalogue}");
}
