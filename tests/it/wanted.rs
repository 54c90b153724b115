//! `check --for`: what a portal demands and the configuration does not say.

use std::path::Path;

use serde_json::Value;

use crate::harvest::full;
use crate::world::World;

const CONFIGURATION: &str = "fahrtenbuch.yaml";
const TIMETABLE: &str = "pipelines/stadtbus-fahrplan.yaml";
const BASE_URL: &str = "  base_url: https://daten.example.de\n";
const LICENCE: &str = "licence: CC-BY-4.0\n";
const LICENCE_URL: &str = "licence_url: https://creativecommons.org/licenses/by/4.0/\n";
const CONTACT: &str =
    "contact: {name: Datenmanagement, email: offene-daten@example.de, url: 'https://example.de/daten'}\n";
const GEOCODING: &str = "  geocoding: '08317096'\n";

/// What is told, and the exit code.
fn check(world: &World, portal: &str) -> (String, Option<i32>) {
    let output = world.program(&["check", "--for", portal]);
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}

/// The sentences about what is missing, with their lines.
fn lacks(told: &str) -> Vec<&str> {
    told.lines().filter(|line| line.contains(" demands more: ")).collect()
}

/// What is replaced in which file, the line that the sentence names by how it begins, and the sentence.
type Mutilation = (&'static str, &'static [(&'static str, &'static str, &'static str)], &'static str, &'static str);

const NOBODY: &str =
    "nobody can harvest what has no address on the web. Write 'base_url: https://daten.example.de' below 'bucket:'.";
const NO_CONTACT: &str = "nobody is named who answers questions about the data. Write 'contact: {name: Datenmanagement, email: \
                          offene-daten@example.de}'.";
const NOT_LISTED: &str = "the licence 'eigene' is not on the list of GovData. Write one of the list, as 'licence: CC-BY-4.0' or \
                          'licence: DL-DE-BY-2.0'.";
const NOT_FREE: &str = "under the licence 'eigene' high-value datasets may not stand (Art. 4): they are free for every purpose, under CC0, CC BY \
                        4.0 or a licence that demands no more. Write 'licence: CC-BY-4.0' or 'licence: CC0-1.0' with the 'licence_url' \
                        of it, or take 'high_value' out.";
const NO_ADDRESS: &str = "the licence 'eigene' is not on the list of GovData. Write one of the list, as 'licence: CC-BY-4.0', or \
                          its address: 'licence_url: https://example.de/lizenz'.";
const NO_PLACE: &str =
    "it is not said which place the data are about. Write 'geocoding: \"08317096\"' below 'catalogues:'.";
const WITHOUT_BASE_URL: &[(&str, &str, &str)] = &[(CONFIGURATION, BASE_URL, "")];
const WITHOUT_CONTACT: &[(&str, &str, &str)] = &[(CONFIGURATION, CONTACT, "")];
const OTHER_LICENCE: &[(&str, &str, &str)] = &[(CONFIGURATION, LICENCE, "licence: eigene\n")];
const UNKNOWN_LICENCE: &[(&str, &str, &str)] =
    &[(CONFIGURATION, LICENCE, "licence: eigene\n"), (CONFIGURATION, LICENCE_URL, "")];
const WITHOUT_KEY: &[(&str, &str, &str)] = &[(CONFIGURATION, GEOCODING, "")];

const MUTILATIONS: [Mutilation; 20] = [
    ("govdata", WITHOUT_BASE_URL, "bucket:", NOBODY),
    ("mobilithek", WITHOUT_BASE_URL, "bucket:", NOBODY),
    ("mobidata-bw", WITHOUT_BASE_URL, "bucket:", NOBODY),
    ("hvd", WITHOUT_BASE_URL, "bucket:", NOBODY),
    ("govdata", WITHOUT_CONTACT, "# contact:", NO_CONTACT),
    ("mobilithek", WITHOUT_CONTACT, "# contact:", NO_CONTACT),
    ("mobidata-bw", WITHOUT_CONTACT, "# contact:", NO_CONTACT),
    ("hvd", WITHOUT_CONTACT, "# contact:", NO_CONTACT),
    ("govdata", OTHER_LICENCE, "licence:", NOT_LISTED),
    ("mobidata-bw", OTHER_LICENCE, "licence:", NOT_LISTED),
    ("mobilithek", UNKNOWN_LICENCE, "licence:", NO_ADDRESS),
    ("hvd", UNKNOWN_LICENCE, "licence:", NOT_FREE),
    (
        "govdata",
        &[(CONFIGURATION, "  govdata_contributor: datenBW\n", "")],
        "catalogues:",
        "it is not said who brings it the data. Write 'govdata_contributor: datenBW' below 'catalogues:'.",
    ),
    ("govdata", WITHOUT_KEY, "catalogues:", NO_PLACE),
    ("mobidata-bw", WITHOUT_KEY, "catalogues:", NO_PLACE),
    (
        "mobilithek",
        &[(CONFIGURATION, "keywords: [Auslastung], frequency: daily, ", "")],
        "    stadtbus-telemetrie:",
        "it is not said how often the dataset 'stadtbus-telemetrie' is renewed. Write 'frequency: daily' below \
         'stadtbus-telemetrie:'.",
    ),
    (
        "mobilithek",
        &[(CONFIGURATION, "frequency: irregular, ", "")],
        "    stadtbus-fahrplan:",
        "it is not said how often the dataset 'stadtbus-fahrplan' is renewed. Write 'frequency: daily' below 'stadtbus-fahrplan:'.",
    ),
    (
        "mobilithek",
        &[(CONFIGURATION, "first_published: 2026-11-24, ", "")],
        "    stadtbus-fahrplan:",
        "it is not said when the dataset 'stadtbus-fahrplan' was published for the first time. Write 'first_published: \
         2026-11-25' below 'stadtbus-fahrplan:'.",
    ),
    (
        "hvd",
        &[(CONFIGURATION, ", high_value: mobility", "")],
        "    stadtbus-telemetrie:",
        "no dataset is declared to be of high value, which timetables of buses are not by themselves. Write 'high_value: mobility' below \
         'stadtbus-telemetrie:', only if the city declares the dataset to be one.",
    ),
    (
        "govdata",
        &[
            (TIMETABLE, "description: Fahrplan des Stadtbusses als GTFS\n", ""),
            (CONFIGURATION, "title: Fahrplan, title_en: Timetable, ", ""),
        ],
        "    stadtbus-fahrplan:",
        "the dataset 'stadtbus-fahrplan' has no title. Write 'title: Fahrplan der Stadtbusse' below 'stadtbus-fahrplan:'.",
    ),
];

#[test]
fn twenty_mutilated_workspaces_give_twenty_right_sentences() {
    for (portal, replaced, begin, sentence) in MUTILATIONS {
        let world = full();
        replaced.iter().for_each(|(file, from, to)| world.replace(file, from, to));
        let (told, code) = check(&world, portal);
        let lacks = lacks(&told);
        let text = std::fs::read_to_string(world.path(CONFIGURATION)).unwrap();
        let line = text.lines().position(|line| line.starts_with(begin)).unwrap() + 1;
        assert_eq!((code, lacks.len()), (Some(4), 1), "{portal} {replaced:?}: {told}");
        assert!(
            lacks[0].contains(&format!("fahrtenbuch.yaml:{line}: ")) && lacks[0].ends_with(sentence),
            "{}",
            lacks[0]
        );
    }
}

#[test]
fn with_a_full_configuration_nothing_is_missing_and_without_one_all_is_told_with_whole_lines_to_write() {
    let world = full();
    for (portal, name) in
        [("govdata", "GovData"), ("mobilithek", "Mobilithek"), ("mobidata-bw", "MobiData BW"), ("hvd", "(EU) 2023/138")]
    {
        let (told, code) = check(&world, portal);
        assert_eq!((code, lacks(&told).len()), (Some(0), 0), "{told}");
        assert!(told.contains(&format!("{name}: nothing is missing")), "{told}");
    }
    let world = World::new();
    for (portal, line) in [
        ("govdata", "Write 'govdata_contributor: datenBW' below 'catalogues:'."),
        ("mobilithek", "Write 'frequency: daily' below 'catalogues: datasets: stadtbus-fahrplan:'."),
        ("hvd", "Write 'catalogues: {datasets: {stadtbus-telemetrie: {high_value: mobility}}}', only if the city"),
    ] {
        let (told, code) = check(&world, portal);
        assert!(code == Some(4) && told.contains(line), "{told}");
    }
    let output = world.program(&["check", "--for", "govdata", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["wanted"].as_array().unwrap().len(), 4, "{json}");
}

#[test]
fn high_value_datasets_are_free_for_every_purpose_and_have_an_address_that_others_reach() {
    let address = |licence: &str| match licence {
        "CC-BY-NC-4.0" => LICENCE_URL.replace("/by/", "/by-nc/"),
        "CC-BY-SA-4.0" => LICENCE_URL.replace("/by/", "/by-sa/"),
        _ => String::new(),
    };
    for (licence, is_free) in [
        ("CC-BY-NC-4.0", false),
        ("CC-BY-ND-4.0", false),
        ("CC-BY-SA-4.0", false),
        ("ODbL-1.0", false),
        ("eigene", false),
        ("CC-BY-4.0", true),
        ("dl-de/by-2-0", true),
    ] {
        let world = full();
        // Sources that let the release have any licence.
        for pipeline in [TIMETABLE, "pipelines/stadtbus-telemetrie.yaml"] {
            let text = std::fs::read_to_string(world.path(pipeline)).unwrap();
            world.write(pipeline, &text.replace("    licence: CC-BY-4.0\n", "    licence: agreement\n"));
        }
        world.replace(CONFIGURATION, LICENCE, &format!("licence: {licence}\n"));
        world.replace(CONFIGURATION, LICENCE_URL, &address(licence));
        let (told, code) = check(&world, "hvd");
        let line = std::fs::read_to_string(world.path(CONFIGURATION)).unwrap();
        let line = line.lines().position(|line| line.starts_with("licence:")).unwrap() + 1;
        let sentence = format!(
            "fahrtenbuch.yaml:{line}: (EU) 2023/138 demands more: under the licence '{licence}' high-value datasets may"
        );
        assert_eq!((code, told.contains(&sentence)), (Some(if is_free { 0 } else { 4 }), !is_free), "{told}");
    }
    for (url, expected) in [
        (
            "http://localhost:8080",
            "'http://localhost:8080' is that of this machine or house, where nobody else comes. Write",
        ),
        ("http://daten.kehl.de", "write 'base_url: https://daten.kehl.de'."),
    ] {
        let world = full();
        world.replace(CONFIGURATION, "base_url: https://daten.example.de", &format!("base_url: {url}"));
        let (told, code) = check(&world, "govdata");
        assert!(code == Some(4) && lacks(&told).len() == 1 && lacks(&told)[0].contains(expected), "{told}");
        assert!(lacks(&told)[0].contains("fahrtenbuch.yaml:15: "), "{told}");
    }
}

/// Puts the blocks of `check --json` where they say.
fn paste(file: &Path, blocks: &Value) {
    let mut lines: Vec<String> = std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect();
    for block in blocks.as_array().unwrap() {
        let (text, line) = (block["text"].as_str().unwrap(), block["below_line"].as_u64().map(|line| line as usize));
        assert_eq!(block["in_braces"], false, "{block}");
        let at = line.unwrap_or(lines.len());
        lines.splice(at..at, text.lines().map(str::to_owned));
    }
    std::fs::write(file, lines.join("\n") + "\n").unwrap();
}

#[test]
fn all_that_is_advised_can_be_pasted_at_once_and_then_nothing_is_missing() {
    const ALL: [&str; 4] = ["govdata", "mobilithek", "mobidata-bw", "hvd"];
    let told = |world: &World, more: &[&str]| {
        let output = world.program(&[&["check"], more].concat());
        (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
    };
    let json = |world: &World, more: &[&str]| -> Value {
        let output = world.program(&[&["check", "--json"], more].concat());
        serde_json::from_slice(&output.stdout).unwrap()
    };
    // All at once, one after the other, and what the law demands alone.
    for asked in [vec!["govdata,mobilithek,mobidata-bw,hvd"], ALL.to_vec()] {
        let world = World::of_init();
        let file = world.path(CONFIGURATION);
        for portals in &asked {
            let found = json(&world, &["--for", portals]);
            assert_eq!(found["mistakes"], serde_json::json!([]), "{found:#}");
            for lack in found["wanted"].as_array().unwrap() {
                assert!(
                    lack["line"].as_u64().unwrap() > 0 && lack["remedy"].as_str().unwrap().starts_with("Write '"),
                    "{lack}"
                );
            }
            paste(&file, &found["paste"]);
        }
        let (text, code) = told(&world, &["--for", &ALL.join(",")]);
        assert!(code == Some(0) && text.matches("nothing is missing").count() == 4, "{text}");
        assert!(!text.contains("To paste"), "{text}");
        // What was pasted and left is told, with its lines.
        let noted = json(&world, &[])["examples"].to_string();
        for key in ["represented_by (line ", "phone (line ", "email (line ", "geocoding (line ", "base_url (line "] {
            assert!(noted.contains(key), "{key}: {noted}");
        }
    }
    let world = World::of_init();
    world.replace(CONFIGURATION, "  # base_url:", "  base_url:");
    let (text, code) = told(&world, &[]);
    assert!(
        code == Some(2) && text.contains("-- fahrtenbuch.yaml, at its end:\nportal:\n  imprint:\n    name: "),
        "{text}"
    );
    paste(&world.path(CONFIGURATION), &json(&world, &[])["paste"]);
    let (text, code) = told(&world, &[]);
    assert_eq!(code, Some(0), "{text}");
}
