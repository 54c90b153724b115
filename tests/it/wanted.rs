//! `check --for`: what a portal demands and the configuration does not say.

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
    ("govdata", WITHOUT_CONTACT, "title:", NO_CONTACT),
    ("mobilithek", WITHOUT_CONTACT, "title:", NO_CONTACT),
    ("mobidata-bw", WITHOUT_CONTACT, "title:", NO_CONTACT),
    ("hvd", WITHOUT_CONTACT, "title:", NO_CONTACT),
    ("govdata", OTHER_LICENCE, "licence:", NOT_LISTED),
    ("mobidata-bw", OTHER_LICENCE, "licence:", NOT_LISTED),
    ("mobilithek", UNKNOWN_LICENCE, "licence:", NO_ADDRESS),
    ("hvd", UNKNOWN_LICENCE, "licence:", NO_ADDRESS),
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
        "    stadtbus-fahrplan:",
        "no dataset is declared to be of high value. Write 'high_value: mobility' below 'stadtbus-fahrplan:'.",
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
        ("govdata", "Write 'catalogues: {govdata_contributor: datenBW}'."),
        ("mobilithek", "Write 'catalogues: {datasets: {stadtbus-fahrplan: {frequency: daily}}}'."),
        ("hvd", "Write 'catalogues: {datasets: {stadtbus-fahrplan: {high_value: mobility}}}'."),
    ] {
        let (told, code) = check(&world, portal);
        assert!(code == Some(4) && told.contains(line), "{told}");
    }
    let output = world.program(&["check", "--for", "govdata", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["wanted"].as_array().unwrap().len(), 4, "{json}");
}
