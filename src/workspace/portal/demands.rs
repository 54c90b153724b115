//! What German law demands of the pages of a municipality that are on the web, and what of it `portal` does not say.

use std::path::Path;

use crate::portal::Site;
use crate::portal::settings::{Conformity, Imprint, Settings};
use crate::time::ServiceDate;
use crate::workspace::files::FILE;
use crate::workspace::lacks::{Lack, Lacking};
use crate::workspace::logo;
use crate::yaml::shown;
use crate::yaml::{self, Node, Problem, Problems};

/// What German law demands of the pages of a municipality that are on the web: where it is to be written, whether it is there, and what
/// it is, with an example.
pub(super) type Demand = (&'static [&'static str], fn(&Settings) -> bool, &'static str, &'static str);

const PARTIAL: &str = "state: partial";
const BARRIERS: &str =
    "barriers: [{de: Die Karte ist ein Bild., reason_de: Alle Haltestellen stehen auch in der Tabelle stops.}]";

pub(super) const DEMANDS: &[Demand] = &[
    (
        &["portal", "imprint"],
        |of| of.imprint.name.is_some(),
        "the imprint must name the body that publishes (§ 5 Abs. 1 Nr. 1 DDG)",
        "name: Stadt Musterstadt",
    ),
    (
        &["portal", "imprint"],
        |of| of.imprint.address.is_some(),
        "the imprint must have an address where the body can be met, no post box (§ 5 Abs. 1 Nr. 1 DDG)",
        "address: \"Rathausplatz 1, 12345 Musterstadt\"",
    ),
    (
        &["portal", "imprint"],
        |of| of.imprint.represented_by.is_some(),
        "the imprint must name who represents the body (§ 5 Abs. 1 Nr. 1 DDG)",
        "represented_by: Oberbürgermeisterin Erika Mustermann",
    ),
    (
        &["portal", "imprint"],
        |of| of.imprint.email.is_some(),
        "the imprint must have an address for mail (§ 5 Abs. 1 Nr. 2 DDG)",
        "email: info@example.de",
    ),
    (
        &["portal", "imprint"],
        |of| of.imprint.phone.is_some(),
        "the imprint must have a second way to reach the body at once (§ 5 Abs. 1 Nr. 2 DDG)",
        "phone: +49 1234 560",
    ),
    (
        &["portal", "privacy"],
        |of| of.privacy.data_protection_officer.is_some(),
        "it must be said how the data protection officer is reached (Art. 13 Abs. 1 Buchst. b DSGVO)",
        "data_protection_officer: \"Stadt Musterstadt, Datenschutz, Rathausplatz 1, 12345 Musterstadt, datenschutz@example.de\"",
    ),
    (
        &["portal", "privacy"],
        |of| of.privacy.hosting.is_some(),
        "it must be said who runs the server and so receives the addresses of visitors (Art. 13 Abs. 1 Buchst. e DSGVO)",
        "hosting: Die Seiten liegen auf einem Server der Beispiel-Rechenzentrum GmbH in Deutschland.",
    ),
    (
        &["portal", "privacy"],
        |of| of.privacy.server_logs.is_some(),
        "it must be said what the server keeps of a visit, what for and how long (Art. 13 Abs. 1 Buchst. c, Abs. 2 Buchst. a DSGVO)",
        "server_logs: \"Der Server speichert IP-Adresse, Zeitpunkt und abgerufene Datei sieben Tage lang, um Angriffe abzuwehren.\"",
    ),
    (
        &["portal", "privacy"],
        |of| of.privacy.supervisory_authority.is_some(),
        "it must be said to which authority one may complain (Art. 13 Abs. 2 Buchst. d DSGVO)",
        "supervisory_authority: \"Der Landesbeauftragte für den Datenschutz und die Informationsfreiheit Baden-Württemberg\"",
    ),
    (
        &["portal", "accessibility"],
        |of| of.accessibility.state.is_some(),
        "the statement of accessibility must say whether the pages conform: full, partial or none (§ 10 Abs. 3 L-BGG; § 12b Abs. 2 BGG)",
        PARTIAL,
    ),
    (
        &["portal", "accessibility"],
        |of| {
            !matches!(of.accessibility.state, Some(Conformity::Partial | Conformity::None))
                || !of.accessibility.barriers.is_empty()
        },
        "the statement of accessibility must say what is not accessible, and why (§ 10 Abs. 3 L-BGG; § 12b Abs. 2 Nr. 1 BGG)",
        BARRIERS,
    ),
    (
        &["portal", "accessibility"],
        |of| of.accessibility.date.is_some(),
        "the statement of accessibility must have a date ((EU) 2018/1523, section 1)",
        "date: 2026-11-01",
    ),
    (
        &["portal", "accessibility"],
        |of| of.accessibility.method.is_some(),
        "the statement of accessibility must say how the pages were examined ((EU) 2018/1523, section 1; § 4 Abs. 3 L-BGG-DVO)",
        "method: Selbstbewertung",
    ),
    (
        &["portal", "accessibility"],
        |of| of.accessibility.contact.is_some(),
        "there must be a way to tell of barriers (§ 10 Abs. 3 L-BGG; § 12b Abs. 2 Nr. 2 BGG)",
        "contact: {name: Datenmanagement, email: barrierefrei@example.de}",
    ),
    (
        &["portal", "accessibility"],
        |of| of.accessibility.conciliation.is_some(),
        "the body of conciliation must be named (§ 10b L-BGG; § 12b Abs. 2 Nr. 3 BGG)",
        "conciliation: {name: Schlichtungsstelle beim Landeszentrum Barrierefreiheit, url: 'https://barrierefreiheit-bw.de'}",
    ),
];

/// What may be written for a key that is there and empty, by the keys that lead to it.
pub(in crate::workspace) fn example(path: &[String]) -> Option<&'static str> {
    let (key, above) = path.split_last()?;
    let is_its =
        |(of, _, _, example): &&Demand| *of == above && example.split_once(':').is_some_and(|(name, _)| name == key);
    DEMANDS.iter().find(is_its).map(|(.., example)| *example)
}

/// What of it is missing, each with its line and what to write there. None of a workspace that has neither the section nor an address of
/// its bucket on the web, unless it is to be on the web (`is_meant`).
pub fn lacks(root: &Path, site: &Site, is_meant: bool) -> Vec<Lack> {
    let file = root.join(FILE);
    // What cannot be read was told where the workspace was read.
    let Ok(node) = yaml::read(&file) else { return Vec::new() };
    if node.get("portal").is_none() && site.base_url.is_none() && !is_meant {
        return Vec::new();
    }
    let mut lacking = Lacking::new(&file, &node);
    for (path, _, what, example) in DEMANDS.iter().filter(|(_, is_there, ..)| !is_there(&site.portal)) {
        lacking.add(path, what, example);
        // Who writes that not all is accessible is asked what is not.
        if *example == PARTIAL && site.portal.accessibility.barriers.is_empty() {
            lacking.with(BARRIERS);
        }
    }
    lacking.finish()
}

/// What is there and cannot be so on the web: a logo that cannot be used, an address where nobody can be met, a day that is not yet.
/// `today` is the date where the city is.
pub fn unfit(root: &Path, site: &Site, today: ServiceDate) -> Vec<Problem> {
    let file = root.join(FILE);
    let Ok(node) = yaml::read(&file) else { return Vec::new() };
    let mut problems = Problems::new(&file);
    let portal = node.get("portal");
    if let Some(logo) = portal.and_then(|map| map.get("logo")) {
        logo::read(root, logo, &mut problems);
    }
    let at = |section: &str, key: &str| portal.and_then(|map| map.get(section)).and_then(|map| map.get(key));
    if let (Some(address), Some(node)) = (post_box(&site.portal.imprint), at("imprint", "address")) {
        let message = format!(
            "the imprint must have an address where the body can be met (§ 5 Abs. 1 Nr. 1 DDG), and a post box is none: '{}'",
            shown(address)
        );
        problems.add(
            node.line,
            message,
            "Write street, number and place: 'address: \"Rathausplatz 1, 12345 Musterstadt\"'.",
        );
    }
    let mut to_come = |node: Option<&Node>, date: Option<ServiceDate>, what: &str| {
        let (Some(node), Some(date)) = (node, date.filter(|date| *date > today)) else { return };
        let message = format!("'{what}: {date}' is still to come, today is {today}");
        problems.add(node.line, message, format!("Write the day on which it was, as '{what}: {today}'."));
    };
    to_come(at("accessibility", "date"), site.portal.accessibility.date, "date");
    let datasets = node.get("catalogues").and_then(|map| map.get("datasets"));
    for (name, of) in &site.metadata.datasets {
        let node = datasets.and_then(|map| map.get(name)).and_then(|of| of.get("first_published"));
        to_come(node, of.first_published, "first_published");
    }
    problems.found
}

/// The address of an imprint that has a post box and nothing else where somebody could be met.
fn post_box(imprint: &Imprint) -> Option<&str> {
    const BOXES: [&str; 3] = ["postfach", "p.o. box", "po box"];
    const STREETS: [&str; 10] =
        ["straße", "strasse", "str.", "platz", "markt", "weg", "allee", "gasse", "ring", "rathaus"];
    let address = imprint.address.as_deref()?;
    let is_box = |part: &str| BOXES.iter().any(|word| part.contains(word));
    // The town of a post box has its code and may have a street in its name.
    let is_town = |part: &str| part.chars().take_while(char::is_ascii_digit).count() == 5;
    let is_street =
        |part: &str| part.contains(|c: char| c.is_ascii_digit()) || STREETS.iter().any(|word| part.contains(word));
    let lower = address.to_lowercase();
    let parts = || lower.split(['\n', ',', ';', '·']).map(str::trim);
    let can_be_met = parts().any(|part| !is_box(part) && !is_town(part) && is_street(part));
    (parts().any(is_box) && !can_be_met).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_box_is_no_place_where_somebody_can_be_met() {
        for (address, expected) in [
            ("Postfach 1234, 77652 Offenburg", true),
            ("Stadt Offenburg\nPostfach 24 50\n77614 Offenburg", true),
            ("P.O. Box 12; 77652 Offenburg", true),
            ("Hauptstraße 90, Postfach 1234, 77652 Offenburg", false),
            ("Hauptstraße 90\n77652 Offenburg", false),
            ("Rathaus, 77652 Offenburg", false),
            ("C 7, 1, Postfach 5, 68159 Mannheim", false),
        ] {
            let imprint = Imprint { address: Some(address.to_owned()), ..Imprint::default() };
            assert_eq!(post_box(&imprint).is_some(), expected, "{address}");
        }
    }

    #[test]
    fn what_may_be_written_for_an_empty_key_is_that_of_the_law() {
        let path = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        assert_eq!(example(&path(&["portal", "imprint", "phone"])), Some("phone: +49 1234 560"));
        assert_eq!(example(&path(&["portal", "imprint", "fax"])), None);
        assert_eq!(example(&path(&["title"])), None);
    }
}
