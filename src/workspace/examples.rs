//! What stands in the configuration as an example has it: it would go on the web with the city's name beside it.

use std::path::Path;

use crate::portal::Site;
use crate::portal::contributors::CONTRIBUTORS;
use crate::workspace::files::FILE;
use crate::yaml::{self, Node, Problem, Problems};

/// Sections that the public reads.
const SECTIONS: &[&str] = &["title", "licence_url", "bucket", "contact", "catalogues", "portal"];
/// What nobody is called, and numbers and places that are kept for examples or are those of one city.
const INVENTED: &[&str] =
    &["mustermann", "musterstadt", "beispiel-rechenzentrum", "+49 1234 560", "+49 30 23125 0", "de123456789"];
/// Names that are kept free for examples (RFC 2606).
const HOSTS: &[&str] = &["example.de", "example.com", "example.org", "example.net", "example"];
/// The key of Offenburg, which examples have.
const KEY: &str = "08317096";

/// What is still that of an example, one note for each section, with the lines.
pub fn examples(root: &Path, site: &Site) -> Vec<Problem> {
    let file = root.join(FILE);
    // What cannot be read was told where the workspace was read.
    let Ok(node) = yaml::read(&file) else { return Vec::new() };
    let is_offenburg = [&site.title, &site.publisher].iter().any(|name| name.contains("Offenburg"));
    let mut problems = Problems::new(&file);
    for section in SECTIONS {
        let mut found = Vec::new();
        let pairs = node.pairs().iter().filter(|(key, _)| key.scalar().as_deref() == Some(*section));
        pairs.for_each(|(_, value)| visit(value, &mut vec![(*section).to_owned()], is_offenburg, &mut found));
        let Some((_, line)) = found.first() else { continue };
        let named: Vec<String> = found.iter().map(|(key, line)| format!("{key} (line {line})")).collect();
        let message = format!("what an example says stands here: {}", named.join(", "));
        problems.add(*line, message, "Write what is true of the city before the bucket goes on the web.");
    }
    problems.found
}

/// A contributor that the list of GovData did not have when this program was made.
pub fn unlisted_contributor(root: &Path, site: &Site) -> Option<Problem> {
    let name = site.metadata.contributor.as_deref().filter(|name| !CONTRIBUTORS.contains(name))?;
    let file = root.join(FILE);
    let node = yaml::read(&file).ok()?;
    let line = node.get("catalogues").and_then(|map| map.get("govdata_contributor")).map_or(0, |node| node.line);
    let mut problems = Problems::new(&file);
    let message = format!("'govdata_contributor: {name}' is not on the list of GovData as of 2025-10-21");
    let meant = yaml::misspelt(name, CONTRIBUTORS).map(|meant| format!("Did you mean '{meant}'? ")).unwrap_or_default();
    problems.add(line, message, format!("{meant}It is right if GovData gave it to you since."));
    problems.found.pop()
}

/// Where examples stand: the key and the line.
fn visit(node: &Node, path: &mut Vec<String>, is_offenburg: bool, found: &mut Vec<(String, u32)>) {
    node.items().iter().for_each(|item| visit(item, path, is_offenburg, found));
    for (key, value) in node.pairs() {
        path.push(key.scalar().unwrap_or_default());
        visit(value, path, is_offenburg, found);
        path.pop();
    }
    let Some(text) = node.scalar() else { return };
    let lower = text.to_lowercase();
    let is_example = INVENTED.iter().any(|word| lower.contains(word))
        || lower.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-')).any(is_of_examples)
        || (text.trim() == KEY && !is_offenburg);
    if is_example {
        found.push((path.last().cloned().unwrap_or_default(), node.line));
    }
}

/// Whether a host is one of those that are kept free for examples.
fn is_of_examples(host: &str) -> bool {
    let host = host.trim_matches('.');
    HOSTS.iter().any(|name| {
        let is_below = host.strip_suffix(name).is_some_and(|before| before.ends_with('.'));
        is_below || (host == *name && name.contains('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal::metadata::Metadata;
    use crate::portal::settings::Settings;

    fn site(publisher: &str, contributor: &str) -> Site {
        Site {
            title: "Busse".into(),
            publisher: publisher.into(),
            licence: "CC-BY-4.0".into(),
            licence_line: 0,
            licence_url: None,
            base_url: None,
            metadata: Metadata { contributor: Some(contributor.into()), ..Metadata::default() },
            portal: Settings::default(),
        }
    }

    #[test]
    fn what_was_pasted_and_left_is_told_with_its_line_and_what_is_the_citys_own_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let told = |text: &str, publisher: &str| {
            crate::durable::write(&folder.path().join(FILE), text.as_bytes()).unwrap();
            let found = examples(folder.path(), &site(publisher, "datenBW"));
            found.iter().map(|problem| format!("{} {}", problem.line, problem.message)).collect::<Vec<_>>()
        };
        let text = "title: Busse\nbucket:\n  base_url: https://daten.example.de\ncontact: {name: A, email: info@example.de}\ncatalogues:\n  \
                    geocoding: '08317096'\nportal:\n  imprint:\n    name: Stadt Kehl\n    represented_by: Frau Erika Mustermann\n    phone: +49 1234 \
                    560\n";
        assert_eq!(
            told(text, "Stadt Kehl"),
            [
                "3 what an example says stands here: base_url (line 3)",
                "4 what an example says stands here: email (line 4)",
                "6 what an example says stands here: geocoding (line 6)",
                "10 what an example says stands here: represented_by (line 10), phone (line 11)",
            ]
        );
        let own = "title: Beispielhaft\nbucket:\n  base_url: https://daten.kehl.de\ncontact: {name: A, email: info@kehl.de}\ncatalogues:\n  \
                   geocoding: '08317096'\nnotify:\n  channels: [{from: a@example.de}]\n";
        assert_eq!(told(own, "Stadt Offenburg"), Vec::<String>::new());
    }

    #[test]
    fn a_contributor_that_is_not_on_the_list_is_told_with_what_was_meant() {
        let folder = tempfile::tempdir().unwrap();
        let text = b"title: T\ncatalogues:\n  govdata_contributor: datenBQ\n";
        crate::durable::write(&folder.path().join(FILE), text).unwrap();
        let told = unlisted_contributor(folder.path(), &site("S", "datenBQ")).unwrap();
        assert!(told.line == 3 && told.remedy.starts_with("Did you mean 'datenBW'? It is right if"), "{told:?}");
        assert_eq!(unlisted_contributor(folder.path(), &site("S", "datenBW")), None);
    }
}
