//! The licences of sources beside that of the release.

use serde_json::Value;

use crate::world::World;

const TIMETABLE: &str = "pipelines/stadtbus-fahrplan.yaml";
const TELEMETRY: &str = "pipelines/stadtbus-telemetrie.yaml";
const CONFIGURATION: &str = "fahrtenbuch.yaml";
const LICENCE: &str = "    licence: CC-BY-4.0\n";
const LICENCE_URL: &str = "licence_url: https://creativecommons.org/licenses/by/4.0/\n";
const ATTRIBUTION: &str = "    attribution: Verkehrsverbund Ortenau (Beispiel)\n";

/// What a command says on both streams, and its exit code.
fn told(world: &World, arguments: &[&str]) -> (String, Option<i32>) {
    let output = world.program(arguments);
    let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    (text, output.status.code())
}

fn line_of(world: &World, file: &str, begin: &str) -> usize {
    let text = std::fs::read_to_string(world.path(file)).unwrap();
    text.lines().position(|line| line.starts_with(begin)).unwrap() + 1
}

#[test]
fn a_source_whose_licence_does_not_allow_that_of_the_release_is_named_with_both_and_nothing_is_published() {
    for (source, release, why, remedy) in [
        (
            "CC-BY-SA-4.0",
            "CC-BY-4.0",
            "CC BY-SA 4.0, section 3(b)",
            "Write 'licence: CC-BY-SA-4.0' in fahrtenbuch.yaml and 'licence_url: https://creativecommons.org/licenses/by-sa/4.0/' \
             (fahrtenbuch.yaml:5) (also allowed: LAL-1.3",
        ),
        (
            "odbl",
            "CC-BY-4.0",
            "ODbL 1.0, section 4.4",
            "Write 'licence: ODbL-1.0' in fahrtenbuch.yaml and 'licence_url: https://opendatacommons.org/licenses/odbl/1-0/' \
             (fahrtenbuch.yaml:5), or ask whoever",
        ),
        ("CC-BY-4.0", "CC0-1.0", "CC BY 4.0, section 3(a)", "Write a licence in fahrtenbuch.yaml that demands it, too"),
        (
            "dl-de/by-2-0",
            "dl-de/zero-2-0",
            "Datenlizenz Deutschland",
            "as 'licence: CC-BY-4.0' or 'licence: DL-DE-BY-2.0'",
        ),
        ("CC-BY-NC-4.0", "CC-BY-4.0", "not commercial only", "also allowed: CC-BY-NC-SA-4.0"),
        ("CC-BY-ND-4.0", "CC-BY-4.0", "adapted material may be made and not shared", "or take the source out."),
        ("proprietary", "CC-BY-4.0", "gave no leave to publish", "write 'licence: agreement' at the source"),
        // Of a licence of one's own it is known that it is none of those that may be.
        ("ODbL-1.0", "eigene", "ODbL 1.0, section 4.4", "Write 'licence: ODbL-1.0'"),
    ] {
        let world = World::new();
        world.replace(TIMETABLE, LICENCE, &format!("    licence: {source}\n"));
        world.replace(CONFIGURATION, "licence: CC-BY-4.0\n", &format!("licence: {release}\n"));
        if release != "CC-BY-4.0" {
            world.replace(CONFIGURATION, LICENCE_URL, "");
        }
        let (check, code) = told(&world, &["check"]);
        assert_eq!(code, Some(2), "{check}");
        let place = format!(
            "stadtbus-fahrplan.yaml:{}: the source 'stadtbus-gtfs' is under",
            line_of(&world, TIMETABLE, "    licence:")
        );
        let of_release =
            format!("the release under {release} (fahrtenbuch.yaml:{})", line_of(&world, CONFIGURATION, "licence:"));
        for part in [place.as_str(), &of_release, why, remedy, "1 mistake in the workspace"] {
            assert!(check.contains(part), "{source} {release}: {part}\n{check}");
        }
        let (run, code) = told(&world, &["run", "stadtbus-fahrplan"]);
        assert!(code == Some(2) && run.contains(&place), "{run}");
        assert!(!world.path("data/bucket/data").exists());
    }
}

#[test]
fn licences_that_go_together_are_no_mistake() {
    for (source, release) in [
        ("CC0-1.0", "CC-BY-4.0"),
        ("own", "CC0-1.0"),
        ("agreement", "dl-de/zero-2-0"),
        ("CC-BY-4.0", "dl-de/by-2-0"),
        ("CC-BY-SA-4.0", "CC-BY-SA-4.0"),
        ("ODbL-1.0", "odbl"),
    ] {
        let world = World::new();
        world.replace(TIMETABLE, LICENCE, &format!("    licence: {source}\n"));
        world.replace(CONFIGURATION, "licence: CC-BY-4.0\n", &format!("licence: {release}\n"));
        if release != "CC-BY-4.0" {
            world.replace(CONFIGURATION, LICENCE_URL, "");
        }
        // The other sources have no licence that demands something.
        let (check, code) = told(&world, &["check"]);
        assert_eq!(code, Some(0), "{source} {release}: {check}");
    }
}

#[test]
fn a_licence_that_is_not_known_or_demands_a_name_that_is_not_there_is_a_mistake() {
    for (from, to, expected) in [
        (
            LICENCE,
            "    licence: CC-BY-4\n",
            "the licence 'CC-BY-4' of the source is not known. Did you mean 'CC-BY-4.0'? Write the id of SPDX",
        ),
        (LICENCE, "    licence: odbl-1\n", "Did you mean 'ODbL-1.0'?"),
        (ATTRIBUTION, "", "demands that somebody is named, and it is not said who. Write 'attribution: "),
        (ATTRIBUTION, "    attribution: ''\n", "'attribution' is no text of one line"),
        ("    homepage: https://", "    homepage: ", "'homepage' is no address on the web"),
        (LICENCE, "    license: CC-BY-4.0\n", "'license' is not known here. Did you mean 'licence'?"),
    ] {
        let world = World::new();
        world.replace(TIMETABLE, from, to);
        let (check, code) = told(&world, &["check"]);
        assert!(code == Some(2) && check.contains(expected) && check.contains("1 mistake in"), "{to}: {check}");
    }
}

#[test]
fn a_licence_and_an_address_that_is_not_its_own_are_a_mistake_at_the_address() {
    for (file, from, to, begin, told_of) in [
        (CONFIGURATION, "licence: CC-BY-4.0\n", "licence: CC-BY-SA-4.0\n", "licence_url:", "by-sa/4.0/"),
        (CONFIGURATION, LICENCE_URL, "licence_url: https://stadt.example/lizenz\n", "licence_url:", "by/4.0/"),
        (
            TIMETABLE,
            LICENCE,
            "    licence: CC-BY-4.0\n    licence_url: https://creativecommons.org/licenses/by/3.0/\n",
            "    licence_url:",
            "by/4.0/",
        ),
    ] {
        let world = World::new();
        world.replace(file, from, to);
        let (check, code) = told(&world, &["check"]);
        let place =
            format!("{}:{}: 'licence_url: ", file.trim_start_matches("pipelines/"), line_of(&world, file, begin));
        let remedy =
            format!("Write 'licence_url: https://creativecommons.org/licenses/{told_of}', or take the line out.");
        assert!(code == Some(2) && check.contains(&place) && check.contains(&remedy), "{place}{check}");
        assert!(check.contains("1 mistake in the workspace"), "{check}");
    }
    // The same text by another address.
    for url in [
        "http://creativecommons.org/licenses/by/4.0",
        "https://creativecommons.org/licenses/by/4.0/deed.de",
        "http://dcat-ap.de/def/licenses/cc-by/4.0",
    ] {
        let world = World::new();
        world.replace(CONFIGURATION, LICENCE_URL, &format!("licence_url: {url}\n"));
        let (check, code) = told(&world, &["check"]);
        assert_eq!(code, Some(0), "{url}: {check}");
    }
}

#[test]
fn what_cannot_be_told_of_licences_is_a_note() {
    let world = World::new();
    let notes = |world: &World| {
        let output = world.program(&["check", "--json"]);
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        let notes = json["licences"].as_array().unwrap().clone();
        notes.iter().map(|note| note["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(notes(&world), Vec::<String>::new());
    world.replace(
        TIMETABLE,
        LICENCE,
        "    licence: Eigene Bedingungen\n    licence_url: https://verkehrsverbund.example/lizenz\n",
    );
    world.replace(TELEMETRY, "    licence: own\n", "");
    world.replace(CONFIGURATION, "licence: CC-BY-4.0\n", "licence: CC-BY-4\n");
    let found = notes(&world);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].starts_with("the licence 'CC-BY-4' is not known, so"), "{found:#?}");
    assert!(
        found[1].contains("'Eigene Bedingungen' of the source 'stadtbus-gtfs' allows a release under CC-BY-4"),
        "{found:#?}"
    );
    assert!(
        found[2].ends_with("data of stadtbus-vehicle-positions, stadtbus-trip-updates, stadtbus-alerts may be used"),
        "{found:#?}"
    );
    let (check, code) = told(&world, &["check"]);
    assert!(code == Some(0) && check.contains("Did you mean 'CC-BY-4.0'?") && check.contains("note: "), "{check}");
}

#[test]
fn sources_stand_in_the_catalogue_and_in_the_data_package_and_whom_they_want_named_is_passed_on() {
    let world = World::new();
    world.run();
    let catalogue = std::fs::read_to_string(world.path("data/bucket/catalog.ttl")).unwrap();
    let node = |begin: &str| {
        let node = catalogue.split("\n\n").find(|node| node.starts_with(begin));
        node.unwrap_or_else(|| panic!("{begin}: {catalogue}")).to_owned()
    };
    let source = node("<catalog.ttl#source-stadtbus-fahrplan/stadtbus-gtfs> a prov:Entity");
    for part in [
        "dcterms:license <http://dcat-ap.de/def/licenses/cc-by/4.0>",
        "dcatde:licenseAttributionByText \"Verkehrsverbund Ortenau (Beispiel)\"@de",
        "foaf:page <https://verkehrsverbund.example/fahrplandaten>",
    ] {
        assert!(source.contains(part), "{part}: {source}");
    }
    // Tables of telemetry are made of the timetable, too.
    let telemetry = node("<data/stadtbus-telemetrie> a dcat:Dataset");
    assert!(telemetry.contains("<catalog.ttl#source-stadtbus-fahrplan/stadtbus-gtfs>"), "{telemetry}");
    assert!(node("<catalog.ttl#source-stadtbus-telemetrie/stadtbus-alerts>").contains("own data"));
    let table = node("<data/stadtbus-telemetrie/vehicle_locations> a dcat:Distribution");
    let named = "dcatde:licenseAttributionByText \"Stadt Offenburg (Beispiel); Verkehrsverbund Ortenau (Beispiel)\"@de";
    assert!(table.contains(named), "{table}");
    let package = std::fs::read(world.path("data/bucket/datapackage.json")).unwrap();
    let package: Value = serde_json::from_slice(&package).unwrap();
    let resources = package["resources"].as_array().unwrap();
    let stops = resources.iter().find(|resource| resource["name"] == "stadtbus-fahrplan-stops").unwrap();
    assert_eq!(
        stops["sources"],
        serde_json::json!([{
            "title": "stadtbus-gtfs",
            "path": "https://verkehrsverbund.example/fahrplandaten",
            "licence": "CC-BY-4.0",
            "licence_path": "http://dcat-ap.de/def/licenses/cc-by/4.0",
            "attribution": "Verkehrsverbund Ortenau (Beispiel)",
        }])
    );
}
