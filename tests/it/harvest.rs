//! The catalogue that the portals of others harvest: `catalog.ttl` and `catalog.jsonld`.

use serde_json::Value;

use crate::releases::withdraw;
use crate::world::{World, files, python};

const FULL: &str = "
contact: {name: Datenmanagement, email: offene-daten@example.de, url: 'https://example.de/daten'}
catalogues:
  homepage: https://example.de/offene-daten
  publisher_type: local authority
  govdata_contributor: datenBW
  geocoding: '08317096'
  transport_modes: [bus]
  datasets:
    stadtbus-fahrplan:
      {title: Fahrplan, title_en: Timetable, frequency: irregular, first_published: 2026-11-24, high_value: mobility}
    stadtbus-telemetrie:
      {title: \"Wo die Busse \\\"waren\\\"\", description: \"Zeile 1\\nmit \\\\, > <x> . @de\\a\", keywords: [Auslastung], frequency: daily, first_published: 2026-11-25, high_value: mobility}
    publication: {frequency: daily, first_published: 2026-11-25, high_value: mobility}
";

/// A workspace that says all that catalogues want to know.
pub(crate) fn full() -> World {
    let world = World::with_publication();
    world.replace("fahrtenbuch.yaml", "# base_url: https://daten.example.de", "base_url: https://daten.example.de");
    let text = std::fs::read_to_string(world.path("fahrtenbuch.yaml")).unwrap();
    world.write("fahrtenbuch.yaml", &(text + FULL));
    world
}

fn harvested(world: &World, profiles: &[&str]) -> Value {
    let bucket = world.path("data/bucket");
    let output = python("harvest.py", &[&[&*bucket.to_string_lossy()], profiles].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn catalogue(world: &World) -> Vec<String> {
    let text = |name: &str| std::fs::read_to_string(world.path("data/bucket").join(name)).unwrap();
    ["catalog.ttl", "catalog.jsonld"].map(text).to_vec()
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn harvesters_read_one_graph_in_two_forms_and_the_shapes_of_the_standards_find_nothing() {
    let world = full();
    world.run();
    let found = harvested(&world, &["dcat-ap", "dcat-ap-de", "konventionen", "mobility", "hvd"]);
    assert_eq!(found["is_same"], true, "{}", found["triples"]);
    for (profile, findings) in found["findings"].as_object().unwrap() {
        assert_eq!(findings, &Value::Array(Vec::new()), "{profile}: {findings:#}");
    }
    let telemetry = &found["datasets"]["https://daten.example.de/data/stadtbus-telemetrie"];
    assert_eq!(telemetry["title"], "Wo die Busse \"waren\"");
    assert_eq!(telemetry["description"], "Zeile 1\nmit \\, > <x> . @de\u{fffd}");
    assert_eq!(telemetry["days"], serde_json::json!(["2026-11-24", "2026-11-24"]));
    assert_eq!(
        telemetry["distributions"]["https://daten.example.de/data/stadtbus-telemetrie/vehicle_locations"],
        "https://daten.example.de/meta/stadtbus-telemetrie/vehicle_locations/files.json"
    );
    // What an access URL leads to is there.
    for (_, dataset) in found["datasets"].as_object().unwrap() {
        for url in dataset["distributions"].as_object().unwrap().values() {
            let name = url.as_str().unwrap().strip_prefix("https://daten.example.de/").unwrap();
            assert!(world.path("data/bucket").join(name).is_file(), "{name}");
        }
    }
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_catalogue_without_an_address_is_relative_to_where_it_lies_in_both_forms() {
    let world = World::new();
    world.run();
    let found = harvested(&world, &["konventionen", "mobility"]);
    assert_eq!(found["is_same"], true, "{}", found["triples"]);
    // What nobody said is not there, and the shapes find that.
    for (profile, property) in [("konventionen", "contributorID"), ("mobility", "accrualPeriodicity")] {
        let findings = found["findings"][profile].as_array().unwrap();
        let is_found = |finding: &Value| finding[0] == "Violation" && finding[1].as_str().unwrap().ends_with(property);
        assert!(findings.iter().any(is_found), "{profile}: {findings:#?}");
    }
    assert!(found["datasets"]["https://bucket.example/data/stadtbus-telemetrie"].is_object(), "{found:#}");
}

#[test]
fn the_same_bucket_has_the_same_catalogue_and_withdrawn_dates_leave_it() {
    let world = full();
    world.run();
    let before = catalogue(&world);
    assert!(before[0].contains("dcat:endDate \"2026-11-24\"^^xsd:date"), "{}", before[0]);
    assert!(before.iter().all(|text| !text.contains("partition_date=")), "a catalogue grows with no day");
    world.program(&["publish", "--rebuild"]);
    assert_eq!(catalogue(&world), before);
    let output = world.program(&withdraw("stadtbus-telemetrie", "2026-11-24", &[]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let after = catalogue(&world);
    assert!(
        !after[0].contains("data/stadtbus-telemetrie") && after[0].contains("data/stadtbus-fahrplan"),
        "{}",
        after[0]
    );
    assert!(!after[1].contains("data/stadtbus-telemetrie"));
    assert!(files(&world.path("data/bucket")).contains_key("catalog.jsonld"));
}

#[test]
fn a_dataset_that_no_pipeline_makes_is_a_mistake_of_the_configuration() {
    let world = full();
    world.replace("fahrtenbuch.yaml", "    stadtbus-fahrplan:", "    stadtbus-farhplan:");
    let output = world.program(&["check"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("'catalogues' tells of the dataset 'stadtbus-farhplan', and there is none. Did you mean"),
        "{told}"
    );
}

#[test]
fn how_often_datasets_are_renewed_is_told_by_the_schedules_of_the_pipelines() {
    let world = full();
    world.replace("fahrtenbuch.yaml", "frequency: irregular, ", "");
    world.replace("fahrtenbuch.yaml", "frequency: daily, ", "");
    for (pipeline, schedule) in [("fahrplan", "run: '0 5 * * 1'"), ("telemetrie", "run: '04:30'")] {
        let file = format!("pipelines/stadtbus-{pipeline}.yaml");
        let text = std::fs::read_to_string(world.path(&file)).unwrap();
        world.write(&file, &format!("{text}schedule: {{{schedule}}}\n"));
    }
    world.run();
    let turtle = &catalogue(&world)[0];
    let of = |dataset: &str| {
        let node = turtle.split("\n\n").find(|node| node.starts_with(&format!("<data/{dataset}> "))).unwrap();
        let line = node.lines().find(|line| line.contains("accrualPeriodicity")).unwrap();
        line.rsplit_once('/').unwrap().1.to_owned()
    };
    let found = ["stadtbus-fahrplan", "stadtbus-telemetrie", "publication"].map(of);
    assert_eq!(found, ["WEEKLY> ;", "DAILY> ;", "DAILY> ;"]);
}
