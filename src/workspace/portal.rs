//! `portal` of the configuration: how the pages look, and what the law demands of who puts them on the web.
//!
//! What is there is looked at with the rest of the configuration. What is missing, and a logo that cannot be used, is told by `check` alone
//! ([`lacks`], [`unfit`]): data are published all the same, and the pages say that their publisher has not stated it.

mod demands;

use std::collections::BTreeMap;
use std::path::Path;

use crate::portal::Site;
use crate::portal::metadata::Contact;
use crate::portal::settings::{
    Accessibility, Barrier, Colour, Conciliation, Conformity, Imprint, KnownIssue, PortalDataset, Privacy, Settings,
};
use crate::workspace::catalogues::{day, email, section, text};
use crate::workspace::logo;
use crate::yaml::shown;
use crate::yaml::{self, Node, Problems};

pub(super) use self::demands::example;
pub use self::demands::{lacks, unfit};

const KEYS: &[&str] =
    &["colour", "logo", "introduction", "introduction_en", "imprint", "privacy", "accessibility", "datasets"];
const IMPRINT_KEYS: &[&str] =
    &["name", "address", "represented_by", "email", "phone", "responsible_for_content", "vat_id", "supervision"];
const PRIVACY_KEYS: &[&str] = &[
    "controller",
    "data_protection_officer",
    "hosting",
    "hosting_en",
    "server_logs",
    "server_logs_en",
    "supervisory_authority",
];
const ACCESSIBILITY_KEYS: &[&str] = &["state", "barriers", "date", "method", "method_en", "contact", "conciliation"];
const BARRIER_KEYS: &[&str] = &["de", "en", "reason_de", "reason_en"];
const CONTACT_KEYS: &[&str] = &["name", "email", "url"];
const CONCILIATION_KEYS: &[&str] = &["name", "address", "email", "url"];
const ISSUE_KEYS: &[&str] = &["de", "en", "since"];
const STATES: &[(&str, Conformity)] =
    &[("full", Conformity::Full), ("partial", Conformity::Partial), ("none", Conformity::None)];

/// Reads the section of the configuration, whose root is `node`.
pub(super) fn read(root: &Path, node: &Node, problems: &mut Problems) -> Settings {
    let remedy = "Write 'imprint:' and others below it; docs/portal.md has all of them.";
    let Some(map) = section(node, "portal", remedy, problems) else { return Settings::default() };
    map.only_keys(KEYS, problems);
    Settings {
        colour: colour(map, problems),
        // Of one that cannot be used `lacks` tells: data are published without it.
        logo: map.get("logo").and_then(|node| logo::read(root, node, &mut Problems::new(problems.file()))),
        introduction: text(map, "introduction", problems),
        introduction_en: text(map, "introduction_en", problems),
        imprint: imprint(map, problems),
        privacy: privacy(map, problems),
        accessibility: accessibility(map, problems),
        datasets: datasets(map, problems),
    }
}

fn colour(map: &Node, problems: &mut Problems) -> Option<Colour> {
    let written = map.line_of_text("colour", problems)?;
    let colour = Colour::parse(&written);
    if colour.is_none() {
        let line = map.get("colour").map_or(map.line, |node| node.line);
        let message = format!("'colour: {written}' is no colour");
        problems.add(line, message, "Write six hexadecimal digits in quotation marks: 'colour: \"#0b4f86\"'.");
    }
    colour
}

fn imprint(map: &Node, problems: &mut Problems) -> Imprint {
    let remedy = "Write 'name: Stadt Musterstadt' and others below it.";
    let Some(map) = section(map, "imprint", remedy, problems) else { return Imprint::default() };
    map.only_keys(IMPRINT_KEYS, problems);
    Imprint {
        name: map.line_of_text("name", problems),
        address: text(map, "address", problems),
        represented_by: map.line_of_text("represented_by", problems),
        email: email(map, "email", problems),
        phone: phone(map, problems),
        responsible_for_content: text(map, "responsible_for_content", problems),
        vat_id: map.line_of_text("vat_id", problems),
        supervision: text(map, "supervision", problems),
    }
}

/// A number that can be called; 115 is the shortest.
fn phone(map: &Node, problems: &mut Problems) -> Option<String> {
    let phone = map.line_of_text("phone", problems)?;
    if phone.bytes().filter(u8::is_ascii_digit).count() < 3 {
        let line = map.get("phone").map_or(map.line, |node| node.line);
        let message = format!("'phone: {}' has no number that can be called", shown(&phone));
        problems.add(line, message, "Write it with its code: 'phone: +49 1234 560'.");
        return None;
    }
    Some(phone)
}

fn privacy(map: &Node, problems: &mut Problems) -> Privacy {
    let remedy = "Write 'data_protection_officer: ...' and others below it.";
    let Some(map) = section(map, "privacy", remedy, problems) else { return Privacy::default() };
    map.only_keys(PRIVACY_KEYS, problems);
    Privacy {
        controller: text(map, "controller", problems),
        data_protection_officer: text(map, "data_protection_officer", problems),
        hosting: text(map, "hosting", problems),
        hosting_en: text(map, "hosting_en", problems),
        server_logs: text(map, "server_logs", problems),
        server_logs_en: text(map, "server_logs_en", problems),
        supervisory_authority: text(map, "supervisory_authority", problems),
    }
}

fn accessibility(map: &Node, problems: &mut Problems) -> Accessibility {
    let remedy = "Write 'state: full', 'state: partial' or 'state: none' and others below it.";
    let Some(map) = section(map, "accessibility", remedy, problems) else { return Accessibility::default() };
    map.only_keys(ACCESSIBILITY_KEYS, problems);
    let (state, barriers) = (state(map, problems), barriers(map, problems));
    if let (Some(Conformity::Full), false, Some(node)) = (state, barriers.is_empty(), map.get("barriers")) {
        let remedy = "Write 'state: partial', or take 'barriers' out where all of it is accessible.";
        problems.add(node.line, "the pages are said to be accessible ('state: full'), and barriers are named", remedy);
    }
    Accessibility {
        state,
        barriers,
        date: day(map, "date", problems),
        method: text(map, "method", problems),
        method_en: text(map, "method_en", problems),
        contact: complaints(map, problems),
        conciliation: conciliation(map, problems),
    }
}

fn state(map: &Node, problems: &mut Problems) -> Option<Conformity> {
    let word = map.line_of_text("state", problems)?;
    let state = STATES.iter().find(|(known, _)| *known == word).map(|(_, state)| *state);
    if state.is_none() {
        let line = map.get("state").map_or(map.line, |node| node.line);
        let known: Vec<&str> = STATES.iter().map(|(word, _)| *word).collect();
        problems.add(line, format!("'state: {word}' is not known"), yaml::suggestion(&word, &known));
    }
    state
}

fn barriers(map: &Node, problems: &mut Problems) -> Vec<Barrier> {
    let example =
        "'barriers: [{de: Die Karte ist ein Bild., reason_de: Alle Haltestellen stehen auch in der Tabelle stops.}]'";
    let read = |item: &Node, problems: &mut Problems| {
        item.only_keys(BARRIER_KEYS, problems);
        let en = text(item, "en", problems);
        let reason_en = text(item, "reason_en", problems);
        let (de, reason_de) = (item.require_lines("de", problems), item.require_lines("reason_de", problems));
        Some(Barrier { de: de?, en, reason_de: reason_de?, reason_en })
    };
    list(map, "barriers", example, problems, read)
}

/// A list of maps, and what each is read as.
fn list<T>(
    map: &Node,
    key: &str,
    example: &str,
    problems: &mut Problems,
    read: impl Fn(&Node, &mut Problems) -> Option<T>,
) -> Vec<T> {
    let Some(list) = map.get(key) else { return Vec::new() };
    // An empty list says that there are none.
    if list.items().is_empty() && list.kind() != "a list" {
        let message = format!("'{key}' is {}, expected a list", list.kind());
        problems.add(list.line, message, format!("Write {example}."));
    }
    let mut found = Vec::new();
    for item in list.items() {
        if item.pairs().is_empty() {
            let message = format!("an item of '{key}' is {}, expected a map", item.kind());
            problems.add(item.line, message, format!("Write {example}."));
            continue;
        }
        found.extend(read(item, problems));
    }
    found
}

fn complaints(map: &Node, problems: &mut Problems) -> Option<Contact> {
    let example = "Write 'contact: {name: Datenmanagement, email: barrierefrei@example.de}'.";
    let map = section(map, "contact", example, problems)?;
    map.only_keys(CONTACT_KEYS, problems);
    let (email, url) = (email(map, "email", problems), map.web_address("url", problems));
    if map.get("email").is_none() && map.get("url").is_none() {
        let remedy = "Add 'email: barrierefrei@example.de', or 'url:' with the address of a form.";
        problems.add(map.line, "'contact' has neither 'email' nor 'url'", remedy);
    }
    map.require_line("name", problems).map(|name| Contact { name, email, url })
}

fn conciliation(map: &Node, problems: &mut Problems) -> Option<Conciliation> {
    let example = "Write 'conciliation: {name: ..., address: ..., url: ...}'.";
    let map = section(map, "conciliation", example, problems)?;
    map.only_keys(CONCILIATION_KEYS, problems);
    let (address_lines, email, url) =
        (text(map, "address", problems), email(map, "email", problems), map.web_address("url", problems));
    if ["address", "email", "url"].iter().all(|key| map.get(key).is_none()) {
        let remedy = "Add 'address:', 'email:' or 'url:'.";
        problems.add(map.line, "nobody can reach the body of 'conciliation'", remedy);
    }
    let name = map.require_line("name", problems)?;
    Some(Conciliation { name, address: address_lines, email, url })
}

fn datasets(map: &Node, problems: &mut Problems) -> BTreeMap<String, PortalDataset> {
    let remedy = "Write the name of a dataset, and 'known_issues:' below it.";
    let Some(map) = section(map, "datasets", remedy, problems) else { return BTreeMap::new() };
    let example = "'known_issues: [{de: Am Bahnhof fehlt das Zählgerät., en: ..., since: 2026-11-01}]'";
    let mut datasets = BTreeMap::new();
    for (key, node) in map.pairs() {
        let name = key.scalar().unwrap_or_default();
        if node.pairs().is_empty() {
            let message = format!("the dataset '{name}' is {}, expected a map", node.kind());
            problems.add(key.line, message, format!("Write {example} below it."));
            continue;
        }
        node.only_keys(&["known_issues"], problems);
        let read = |item: &Node, problems: &mut Problems| {
            item.only_keys(ISSUE_KEYS, problems);
            let (en, since) = (text(item, "en", problems), day(item, "since", problems));
            Some(KnownIssue { de: item.require_lines("de", problems)?, en, since })
        };
        let known_issues = list(node, "known_issues", example, problems, read);
        datasets.insert(name, PortalDataset { line: key.line, known_issues });
    }
    datasets
}

/// What to do before the bucket goes on the web, for who has not begun.
pub fn before_the_web(site: &Site) -> Option<&'static str> {
    let is_begun = site.base_url.is_some() || site.portal != Settings::default();
    (!is_begun).then_some(
        "before the bucket goes on the web, its pages need an imprint, a statement on privacy and one on accessibility: write them below \
         'portal:' in fahrtenbuch.yaml, as docs/portal.md shows",
    )
}

#[cfg(test)]
mod tests {
    use super::demands::DEMANDS;
    use super::*;
    use crate::workspace::lacks::Lacking;

    fn read_text(text: &str) -> (Settings, Vec<String>) {
        let file = Path::new("fahrtenbuch.yaml");
        let node = yaml::parse(file, text).unwrap();
        let mut problems = Problems::new(file);
        let settings = read(Path::new("."), &node, &mut problems);
        (settings, problems.found.iter().map(|p| format!("{} {}. {}", p.line, p.message, p.remedy)).collect())
    }

    #[test]
    fn the_sample_states_all_that_the_law_demands() {
        let text = include_str!("../../fahrtenbuch.yaml");
        let (settings, problems) = read_text(text);
        assert_eq!(problems, Vec::<String>::new());
        let missing: Vec<_> = DEMANDS.iter().filter(|(_, is_there, ..)| !is_there(&settings)).collect();
        assert!(missing.is_empty() && settings.colour.is_some(), "{missing:?}");
        // All of it is missed in a section that says nothing; barriers only of pages that are said to have some.
        assert_eq!(
            DEMANDS.iter().filter(|(_, is_there, ..)| !is_there(&Settings::default())).count(),
            DEMANDS.len() - 1
        );
    }

    #[test]
    fn what_to_write_is_accepted() {
        for (path, is_there, _, example) in DEMANDS {
            let node = yaml::parse(Path::new("fahrtenbuch.yaml"), "title: T").unwrap();
            let mut lacking = Lacking::new(Path::new("fahrtenbuch.yaml"), &node);
            lacking.add(path, "x", example);
            let lacks = lacking.finish();
            let written = lacks[0].problem.remedy.strip_prefix("Write '").unwrap().strip_suffix("'.").unwrap();
            let (settings, problems) = read_text(written);
            assert!(problems.is_empty() && is_there(&settings), "{written}: {problems:?}");
        }
    }

    #[test]
    fn each_mistake_names_its_line_and_what_to_write() {
        for (text, told) in [
            ("portal: yes", "1 'portal' is text, expected a map"),
            ("portal:\n  color: '#000000'", "2 'color' is not known here. Did you mean 'colour'?"),
            ("portal:\n  colour: blue", "2 'colour: blue' is no colour. Write six hexadecimal digits"),
            ("portal:\n  imprint: Stadt", "2 'imprint' is text, expected a map"),
            ("portal:\n  imprint:\n    email: rathaus", "3 'email' is no address of mail"),
            ("portal:\n  accessibility:\n    state: good", "3 'state: good' is not known. Known are: "),
            (
                "portal:\n  accessibility:\n    state: full\n    barriers: [{de: a, reason_de: b}]",
                "4 the pages are said to be accessible ('state: full'), and barriers are named. Write 'state: partial'",
            ),
            ("portal:\n  imprint:\n    phone: auf Anfrage", "3 'phone: auf Anfrage' has no number that can be called"),
            ("portal:\n  imprint:\n    name: ' '", "3 'name' is no text of one line"),
            ("portal:\n  accessibility:\n    barriers: [{de: ' ', reason_de: b}]", "3 'de' is empty"),
            ("portal:\n  accessibility:\n    contact: {name: '', email: a@b.de}", "3 'name' is no text of one line"),
            ("portal:\n  datasets:\n    bus: {known_issues: [{de: ''}]}", "3 'de' is empty"),
            ("portal:\n  accessibility:\n    date: 1.11.2026", "3 'date: 1.11.2026' is no date"),
            ("portal:\n  accessibility:\n    barriers: none", "3 'barriers' is text, expected a list"),
            ("portal:\n  accessibility:\n    barriers: [x]", "3 an item of 'barriers' is text, expected a map"),
            ("portal:\n  accessibility:\n    barriers: [{de: x}]", "3 'reason_de' is missing"),
            ("portal:\n  accessibility:\n    contact: {name: A}", "3 'contact' has neither 'email' nor 'url'"),
            ("portal:\n  accessibility:\n    conciliation: {name: A}", "3 nobody can reach the body"),
            ("portal:\n  datasets:\n    bus: {known_issues: [{en: x}]}", "3 'de' is missing"),
            ("portal:\n  datasets:\n    bus: {issues: []}", "3 'issues' is not known here"),
        ] {
            let (_, found) = read_text(text);
            assert!(found.len() == 1 && found[0].starts_with(told), "{text}: {found:#?}");
        }
    }
}
