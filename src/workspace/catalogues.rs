//! `contact` and `catalogues` of the configuration: what the catalogues of others want to know. All of it may be left out; what is
//! there is looked at, for a harvester refuses a whole catalogue for one wrong word.

use std::collections::BTreeMap;

use crate::pipeline::Pipeline;
use crate::portal::contributors::CONTRIBUTORS;
use crate::portal::metadata::{
    Concept, Contact, DatasetMetadata, FREQUENCIES, Geocoding, HIGH_VALUE, Metadata, PUBLISHER_TYPES, TRANSPORT_MODES,
    Vocabulary,
};
use crate::publication;
use crate::time::ServiceDate;
use crate::yaml::shown;
use crate::yaml::{self, Node, Problem, Problems};

const CONTACT_KEYS: &[&str] = &["name", "email", "url"];
const KEYS: &[&str] =
    &["homepage", "publisher_type", "govdata_contributor", "geocoding", "attribution", "transport_modes", "datasets"];
const DATASET_KEYS: &[&str] = &[
    "title",
    "title_en",
    "description",
    "description_en",
    "keywords",
    "keywords_en",
    "first_published",
    "frequency",
    "high_value",
];

/// Reads both sections of the configuration, whose root is `node`. `area` are the bounds of the service area.
pub(super) fn read(node: &Node, area: Option<[f64; 4]>, problems: &mut Problems) -> Metadata {
    let mut metadata = Metadata { contact: contact(node, problems), area, ..Metadata::default() };
    let Some(map) = section(node, "catalogues", "Write 'geocoding: ...' and others below it.", problems) else {
        return metadata;
    };
    map.only_keys(KEYS, problems);
    metadata.homepage = map.web_address("homepage", problems);
    metadata.publisher_type = concept(map, "publisher_type", &PUBLISHER_TYPES, problems);
    metadata.contributor = contributor(map, problems);
    metadata.geocoding = geocoding(map, problems);
    metadata.attribution = map.line_of_text("attribution", problems);
    metadata.transport_modes = transport_modes(map, problems);
    metadata.datasets = datasets(map, problems);
    metadata
}

/// Datasets that a section of the configuration tells of, each at its line, and no pipeline makes.
pub(super) fn unknown_datasets<'a>(
    (section, told): (&str, impl Iterator<Item = (&'a String, u32)>),
    pipelines: &[Pipeline],
    unread: &[String],
    problems: &mut Problems,
) -> Vec<Problem> {
    let mut known: Vec<&str> = pipelines.iter().map(|pipeline| pipeline.dataset.as_str()).collect();
    known.push(publication::DATASET);
    // Nobody knows what a pipeline's dataset is called whose file cannot be read.
    for (name, line) in told.filter(|(name, _)| unread.is_empty() && !known.contains(&name.as_str())) {
        let remedy = yaml::suggestion(name, &known);
        problems.add(line, format!("'{section}' tells of the dataset '{name}', and there is none"), remedy);
    }
    std::mem::take(&mut problems.found)
}

/// The map of a section; a problem if it is something else.
pub(super) fn section<'a>(node: &'a Node, key: &str, remedy: &str, problems: &mut Problems) -> Option<&'a Node> {
    let map = node.get(key)?;
    if map.pairs().is_empty() {
        problems.add(map.line, format!("'{key}' is {}, expected a map", map.kind()), remedy);
        return None;
    }
    Some(map)
}

fn contact(node: &Node, problems: &mut Problems) -> Option<Contact> {
    let map = section(
        node,
        "contact",
        "Write 'contact: {name: Datenmanagement, email: offene-daten@example.de}'.",
        problems,
    )?;
    map.only_keys(CONTACT_KEYS, problems);
    let email = email(map, "email", problems);
    let url = map.web_address("url", problems);
    // What is there and wrong was told.
    if map.get("email").is_none() && map.get("url").is_none() {
        let remedy = "Add 'email: offene-daten@example.de', or 'url:' with the address of a form.";
        problems.add(map.line, "'contact' has neither 'email' nor 'url'", remedy);
    }
    map.require_line("name", problems).map(|name| Contact { name, email, url })
}

/// An address for mail.
pub(super) fn email(map: &Node, key: &str, problems: &mut Problems) -> Option<String> {
    let email = map.line_of_text(key, problems)?;
    let is_right = email.split_once('@').is_some_and(|(name, host)| {
        let is_plain = |c: char| c.is_ascii_graphic() && !"<>\"'\\,;:?&%@".contains(c);
        !name.is_empty() && host.contains('.') && name.chars().chain(host.chars()).all(is_plain)
    });
    if !is_right {
        let line = map.get(key).map_or(map.line, |node| node.line);
        let message = format!("'{key}' is no address of mail: '{}'", shown(&email));
        problems.add(line, message, remedy_of_email(key, &email));
        return None;
    }
    Some(email)
}

/// What to write in the place of an address of mail that is none.
fn remedy_of_email(key: &str, email: &str) -> String {
    let plain = "Write one like 'offene-daten@example.de'.";
    match email.split_once('@') {
        Some((name, _)) if !name.is_ascii() => {
            format!("Most mail programs cannot write to umlauts before the '@'; name an address without them. {plain}")
        }
        Some((name, host)) => match yaml::host_in_ascii(host) {
            Some(host) => format!("Write its host without umlauts, as mail programs send it: '{key}: {name}@{host}'."),
            None => plain.to_owned(),
        },
        None => plain.to_owned(),
    }
}

/// A text that may have several lines.
pub(super) fn text(map: &Node, key: &str, problems: &mut Problems) -> Option<String> {
    map.lines_of_text(key, problems)
}

fn concept(map: &Node, key: &str, vocabulary: &Vocabulary, problems: &mut Problems) -> Option<Concept> {
    let word = map.line_of_text(key, problems)?;
    let concept = vocabulary.concept(&word);
    if concept.is_none() {
        let line = map.get(key).map_or(map.line, |node| node.line);
        problems.add(line, format!("'{key}: {word}' is not known"), yaml::suggestion(&word, &vocabulary.words()));
    }
    concept
}

fn contributor(map: &Node, problems: &mut Problems) -> Option<String> {
    let name = map.line_of_text("govdata_contributor", problems)?;
    let line = map.get("govdata_contributor").map_or(map.line, |node| node.line);
    // Its addresses are not the same where a letter is large in one.
    if let Some(listed) =
        CONTRIBUTORS.iter().find(|listed| listed.eq_ignore_ascii_case(&name)).filter(|listed| **listed != name)
    {
        let message = format!("'govdata_contributor: {name}' is '{listed}' in the list of GovData");
        problems.add(line, message, format!("Write 'govdata_contributor: {listed}'."));
        return None;
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let message = format!("'govdata_contributor: {name}' is no name of the list of GovData");
        let remedy = "Write the last part of the address that GovData gave: 'govdata_contributor: datenBW' for \
                      http://dcat-ap.de/def/contributors/datenBW.";
        problems.add(line, message, remedy);
        return None;
    }
    Some(name)
}

fn geocoding(map: &Node, problems: &mut Problems) -> Option<Geocoding> {
    let key = map.line_of_text("geocoding", problems)?;
    let geocoding = Geocoding::of(&key);
    if geocoding.is_none() {
        let line = map.get("geocoding").map_or(map.line, |node| node.line);
        let remedy = "Write the official key of the municipality, 8 digits in quotation marks, of which the first two are those \
                      of the state (01 to 16): 'geocoding: \"08317096\"'; of a district 5, of a state 2.";
        problems.add(line, format!("'geocoding: {key}' is no key of a place"), remedy);
    }
    geocoding
}

fn transport_modes(map: &Node, problems: &mut Problems) -> Vec<Concept> {
    let Some(list) = map.get("transport_modes") else { return Vec::new() };
    let mut modes: Vec<Concept> = Vec::new();
    for word in words(list, "transport_modes", "[bus]", problems) {
        match TRANSPORT_MODES.concept(&word) {
            Some(mode) if modes.contains(&mode) => {}
            Some(mode) => modes.push(mode),
            None => {
                let remedy = yaml::suggestion(&word, &TRANSPORT_MODES.words());
                problems.add(list.line, format!("'{word}' is no mode of transport"), remedy);
            }
        }
    }
    modes
}

/// A list of texts of one line.
fn words(list: &Node, key: &str, example: &str, problems: &mut Problems) -> Vec<String> {
    let remedy = format!("Write a list: '{key}: {example}'.");
    if list.items().is_empty() {
        problems.add(list.line, format!("'{key}' is {}, expected a list of words", list.kind()), remedy.clone());
    }
    let mut words = Vec::new();
    for item in list.items() {
        match item.scalar().map(|word| word.trim().to_owned()) {
            Some(word) if !word.is_empty() && !word.contains(char::is_control) => words.push(word),
            _ => problems.add(item.line, format!("a word of '{key}' is no text of one line"), remedy.clone()),
        }
    }
    words
}

fn datasets(map: &Node, problems: &mut Problems) -> BTreeMap<String, DatasetMetadata> {
    let remedy = "Write the name of a dataset and below it 'title: ...'.";
    let Some(map) = section(map, "datasets", remedy, problems) else { return BTreeMap::new() };
    let mut datasets = BTreeMap::new();
    for (key, of) in map.pairs() {
        let name = key.scalar().unwrap_or_default();
        if of.pairs().is_empty() {
            let message = format!("the dataset '{name}' is {}, expected a map", of.kind());
            problems.add(of.line, message, "Write 'title: ...' and others below it.");
            continue;
        }
        of.only_keys(DATASET_KEYS, problems);
        let list = |key: &str, example: &str, problems: &mut Problems| {
            of.get(key).map(|list| words(list, key, example, problems)).unwrap_or_default()
        };
        let dataset = DatasetMetadata {
            line: key.line,
            title: of.line_of_text("title", problems),
            title_en: of.line_of_text("title_en", problems),
            description: text(of, "description", problems),
            description_en: text(of, "description_en", problems),
            keywords: list("keywords", "[Echtzeit, Auslastung]", problems),
            keywords_en: list("keywords_en", "[real time, occupancy]", problems),
            first_published: first_published(of, problems),
            frequency: concept(of, "frequency", &FREQUENCIES, problems),
            high_value: concept(of, "high_value", &HIGH_VALUE, problems),
        };
        datasets.insert(name, dataset);
    }
    datasets
}

fn first_published(of: &Node, problems: &mut Problems) -> Option<ServiceDate> {
    date(
        of,
        "first_published",
        "Write the day on which the dataset was published for the first time: 'first_published: 2026-11-25'.",
        problems,
    )
}

/// A day.
pub(super) fn day(map: &Node, key: &str, problems: &mut Problems) -> Option<ServiceDate> {
    date(map, key, &format!("Write year, month and day: '{key}: 2026-11-25'."), problems)
}

fn date(map: &Node, key: &str, remedy: &str, problems: &mut Problems) -> Option<ServiceDate> {
    let text = map.line_of_text(key, problems)?;
    let date = text.parse::<ServiceDate>().ok();
    if date.is_none() {
        let line = map.get(key).map_or(map.line, |node| node.line);
        problems.add(line, format!("'{key}: {text}' is no date"), remedy);
    }
    date
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read_text(text: &str) -> (Metadata, Vec<String>) {
        let file = Path::new("fahrtenbuch.yaml");
        let node = yaml::parse(file, text).unwrap();
        let mut problems = Problems::new(file);
        let metadata = read(&node, None, &mut problems);
        (metadata, problems.found.iter().map(|p| format!("{} {}. {}", p.line, p.message, p.remedy)).collect())
    }

    #[test]
    fn all_of_it_may_be_left_out_and_what_is_there_is_read() {
        assert_eq!(read_text("title: T"), (Metadata::default(), Vec::new()));
        let (metadata, problems) = read_text(
            "contact: {name: Datenmanagement, email: daten@example.de, url: 'https://example.de/daten'}\ncatalogues:\n  homepage: \
             https://example.de\n  publisher_type: local authority\n  govdata_contributor: datenBW\n  geocoding: '08317096'\n  \
             attribution: Stadt\n  transport_modes: [bus, tram-light-rail]\n  datasets:\n    bus:\n      title: Busse\n      \
             keywords: [Bus]\n      first_published: 2026-11-25\n      frequency: daily\n      high_value: mobility\n",
        );
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(metadata.contact.unwrap().email.as_deref(), Some("daten@example.de"));
        assert_eq!((metadata.transport_modes.len(), metadata.contributor.as_deref()), (2, Some("datenBW")));
        let bus = &metadata.datasets["bus"];
        assert_eq!((bus.line, bus.title.as_deref(), bus.keywords.len()), (10, Some("Busse"), 1));
        assert!(bus.first_published.is_some() && bus.frequency.is_some() && bus.high_value.is_some());
        assert!(metadata.geocoding.is_some() && metadata.publisher_type.is_some());
    }

    #[test]
    fn each_mistake_names_its_line_and_what_to_write() {
        for (text, told) in [
            ("contact: Anna", "1 'contact' is text, expected a map. Write 'contact: {name: Datenmanagement,"),
            ("contact:\n  name: Anna", "2 'contact' has neither 'email' nor 'url'. Add 'email:"),
            ("contact: {email: a@example.de}", "1 'name' is missing"),
            ("contact:\n  name: A\n  email: anna", "3 'email' is no address of mail: 'anna'. Write one like"),
            ("contact:\n  name: A\n  email: 'a@b.de?bcc=c@d.de'", "3 'email' is no address of mail"),
            ("contact:\n  name: A\n  email: \"o'b\\\"x\"", "3 'email' is no address of mail: 'o'b\"x'. Write one like"),
            (
                "contact:\n  name: A\n  email: daten@köln.de",
                "3 'email' is no address of mail: 'daten@köln.de'. Write its host without umlauts, as mail programs send it: 'email: \
                 daten@xn--kln-sna.de'.",
            ),
            (
                "contact:\n  name: A\n  email: bürger@example.de",
                "3 'email' is no address of mail: 'bürger@example.de'. Most mail programs cannot",
            ),
            (
                "contact:\n  name: A\n  url: https://köln.de/daten",
                "3 'url' is no address on the web: 'https://köln.de/daten'. Write it without umlauts, as browsers send it: 'url: \
                 https://xn--kln-sna.de/daten'.",
            ),
            ("contact: {name: '', email: a@b.de}", "1 'name' is no text of one line"),
            ("contact:\n  name: |\n    A\n    B\n  email: a@b.de", "3 'name' is no text of one line"),
            (
                "contact:\n  name: A\n  url: www.example.de",
                "3 'url' is no address on the web: 'www.example.de'. Write 'url:",
            ),
            (
                "contact:\n  name: A\n  mail: a@b.de\n  url: 'https://b.de'",
                "3 'mail' is not known here. Did you mean 'email'?",
            ),
            ("catalogues: yes", "1 'catalogues' is text, expected a map"),
            ("catalogues:\n  geo: 1", "2 'geo' is not known here"),
            ("catalogues:\n  homepage: 'https://a.de/<b>'", "2 'homepage' is no address on the web"),
            ("catalogues:\n  publisher_type: city", "2 'publisher_type: city' is not known. Known are: "),
            (
                "catalogues:\n  govdata_contributor: 'http://dcat-ap.de/def/contributors/x'",
                "2 'govdata_contributor: http",
            ),
            (
                "catalogues:\n  geocoding: 8317096",
                "2 'geocoding: 8317096' is no key of a place. Write the official key",
            ),
            ("catalogues:\n  geocoding: '17317096'", "2 'geocoding: 17317096' is no key of a place"),
            (
                "catalogues:\n  govdata_contributor: datenbw",
                "2 'govdata_contributor: datenbw' is 'datenBW' in the list of GovData. Write 'govdata_contributor: datenBW'.",
            ),
            ("catalogues:\n  attribution: ''", "2 'attribution' is no text of one line"),
            (
                "catalogues:\n  transport_modes: bus",
                "2 'transport_modes' is text, expected a list of words. Write a list",
            ),
            ("catalogues:\n  transport_modes: [buss]", "2 'buss' is no mode of transport. Did you mean 'bus'?"),
            ("catalogues:\n  datasets: [bus]", "2 'datasets' is a list, expected a map"),
            ("catalogues:\n  datasets:\n    bus: Busse", "3 the dataset 'bus' is text, expected a map"),
            (
                "catalogues:\n  datasets:\n    bus:\n      titel: B",
                "4 'titel' is not known here. Did you mean 'title'?",
            ),
            (
                "catalogues:\n  datasets:\n    bus: {frequency: dayly}",
                "3 'frequency: dayly' is not known. Did you mean 'daily'?",
            ),
            ("catalogues:\n  datasets:\n    bus: {high_value: yes}", "3 'high_value: yes' is not known. Known are: "),
            (
                "catalogues:\n  datasets:\n    bus: {first_published: 25.11.2026}",
                "3 'first_published: 25.11.2026' is no date",
            ),
            ("catalogues:\n  datasets:\n    bus: {keywords: [[a]]}", "3 a word of 'keywords' is no text of one line"),
        ] {
            let (_, found) = read_text(text);
            assert!(found.len() == 1 && found[0].starts_with(told), "{text}: {found:#?}");
        }
    }
}
