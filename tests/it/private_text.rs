//! No private text leaves by another column: a release with one is held back, and nothing of it is told.

use serde_json::Value;

use crate::world::{World, files};

/// Runs the sample with a mapping file that gives one value of a column another one.
fn mapped(column: &str, from: &str, to: &str, prepare: impl Fn(&World)) -> (World, i32, Value, String) {
    let world = World::new();
    prepare(&world);
    world.write("mappings/values.csv", &format!("from,to\n{from},{to}\n"));
    let mapping = format!("mappings: {{{column}: mappings/values.csv}}\nrelease:\n");
    world.replace("pipelines/stadtbus-telemetrie.yaml", "release:\n", &mapping);
    let output = world.program(&["run", "stadtbus-telemetrie", "--json"]);
    let results: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (world, output.status.code().unwrap(), results[0]["record"].clone(), told)
}

#[test]
fn texts_that_are_private_or_look_so_hold_a_release_back_and_are_not_told() {
    for (column, from, to) in [
        // The label of another bus, in other letters; the plate and the id of one.
        ("route_id", "S1", "FAHRER  4715"),
        ("route_id", "S1", "OG-FB 105"),
        ("route_id", "S1", "ofg-105"),
        // What no feed has, and looks like what it is.
        ("route_id", "S1", "00:1b:63:84:45:e6"),
        ("route_id", "S1", "B-MW 1234"),
        ("route_id", "S1", "anna.b@example.org"),
        ("route_id", "S1", "+49 781 123456"),
        // The label of a bus within a longer text, with a space of no width, and with another blank.
        ("route_id", "S1", "Linie von Fahrer 4715 heute"),
        ("route_id", "S1", "Fah\u{200b}rer 4715"),
        ("route_id", "S1", "OG\u{2011}FB\u{a0}105"),
        // Without separators and without a plus.
        ("route_id", "S1", "001B638445e6"),
        ("route_id", "S1", "OGAB123"),
        ("route_id", "S1", "0781 1234567"),
        ("route_id", "S1", "0171-1234567"),
        ("route_id", "S1", "(0781) 123456"),
        ("route_id", "S1", "0049 781 123456"),
    ] {
        let (world, code, record, told) = mapped(column, from, to, |_| {});
        assert_eq!(code, 3, "{to}: {told}");
        let finding =
            record["findings"].as_array().unwrap().iter().find(|f| f["rule"] == "vehicle_locations.private_text");
        let finding = finding.unwrap_or_else(|| panic!("{to}: {record}"));
        assert_eq!((&finding["on_fail"], &finding["rows"].as_u64().is_some()), (&"block".into(), &true));
        assert!(finding["message"].as_str().unwrap().contains("route_id has"), "{finding}");
        assert!(!told.contains(to), "{told}");
        for (name, bytes) in files(&world.path("data/bucket")) {
            assert!(!String::from_utf8_lossy(&bytes).contains(to), "{to} in {name}");
            assert!(!name.ends_with(".parquet"), "{name}");
        }
    }
}

#[test]
fn a_column_that_is_allowed_on_purpose_and_texts_that_only_resemble_are_published() {
    let allowed = |world: &World| {
        for table in ["vehicle_locations", "trip_updates", "alerts", "coverage"] {
            let file = format!("schemas/stadtbus/{table}.odcs.yaml");
            let text = std::fs::read_to_string(world.path(&file)).unwrap();
            let (before, after) = text.split_once("      - name: route_id\n").unwrap();
            let property =
                "customProperties:\n          - {property: allowsPrivateText, value: lines are named after buses}\n";
            world.write(
                &file,
                &format!("{before}      - name: route_id\n{}", after.replacen("customProperties:\n", property, 1)),
            );
        }
    };
    let (_, code, record, told) = mapped("route_id", "S1", "OG-FB 105", allowed);
    assert_eq!(code, 0, "{told}");
    let passed = record["passed"]["stadtbus-vehicle-locations"].as_array().unwrap();
    assert!(passed.iter().any(|rule| rule == "vehicle_locations.private_text"));
    // An id of nothing but digits, and a word that is part of a label.
    for to in ["4711", "Fahrer", "123456"] {
        assert_eq!(mapped("route_id", "S1", to, |_| {}).1, 0, "{to}");
    }
}

#[test]
fn a_public_column_of_drivers_is_a_mistake_and_no_run_begins() {
    let world = World::new();
    let column = "      - name: fahrer_nr\n        logicalType: string\n        classification: public\n";
    let properties = "    properties:\n";
    world.replace_first("schemas/stadtbus/alerts.odcs.yaml", properties, &format!("{properties}{column}"));
    for arguments in [&["check"][..], &["run", "stadtbus-telemetrie"]] {
        let output = world.program(arguments);
        let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        let expected = "the column 'fahrer_nr' is public, and its name says that it holds a driver";
        assert!(told.contains("alerts.odcs.yaml:") && told.contains(expected), "{told}");
    }
}

#[test]
fn numbers_are_not_made_from_private_columns_by_other_ways() {
    for (query, expected) in [
        ("SELECT MAX(m) FROM (SELECT * RENAME (odometer AS m) FROM vehicle_locations) AS t", "RENAME or ILIKE"),
        ("SELECT COUNT(CASE WHEN odometer > 394257276 THEN 1 END) FROM {object}", "makes a number from 'odometer'"),
        ("SELECT COUNT(*) FILTER (WHERE odometer > 394257276) FROM {object}", "makes a number from 'odometer'"),
        (
            "SELECT COUNT(m) FROM (SELECT CASE WHEN odometer > 1 THEN 1 END AS m FROM vehicle_locations) AS t",
            "from 'odometer'",
        ),
        ("SELECT COUNT(metres_run) FROM far", "makes a number from 'odometer'"),
        ("SELECT COUNT(*) FROM few", "makes a number from 'odometer'"),
    ] {
        let world = World::new();
        let file = "schemas/stadtbus/vehicle_locations.odcs.yaml";
        world.replace_first(
            file,
            "          - name: steps\n",
            "          - {name: far, query: SELECT CASE WHEN odometer > 1 THEN 1 END AS metres_run FROM vehicle_locations}\n          \
             - {name: few, query: SELECT latitude FROM vehicle_locations WHERE odometer > 1}\n          - name: steps\n",
        );
        let rule = format!("    quality:\n      - {{name: peek, type: sql, query: '{query}', mustBeGreaterThan: 0}}\n");
        let text = std::fs::read_to_string(world.path(file)).unwrap();
        let place = text.find("\n    quality:\n").unwrap() + 1;
        world.write(file, &format!("{}{rule}{}", &text[..place], &text[place + "    quality:\n".len()..]));
        let output = world.program(&["check"]);
        let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && told.contains(expected), "{query}: {told}");
    }
}
