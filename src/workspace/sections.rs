//! Sections of the configuration that the whole reading and the one without contracts have in common.

use std::path::Path;

use jiff::tz::TimeZone;

use crate::object_stores::Options;
use crate::publish::bucket;
use crate::yaml::shown;
use crate::yaml::{Node, Problems, in_ascii};

const BUCKET_KEYS: &[&str] = &["location", "base_url", "options"];

/// What `bucket:` says.
#[derive(Debug, Default)]
pub(super) struct BucketSection {
    pub location: Option<String>,
    pub base_url: Option<String>,
    pub options: Options,
}

impl BucketSection {
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Self {
        let mut section = Self::default();
        let Some(map) = node.get("bucket") else {
            problems.add(node.line, "'bucket' is missing", "Add 'bucket:' with 'location: data/bucket'.");
            return section;
        };
        map.only_keys(BUCKET_KEYS, problems);
        section.location = map.require_text("location", problems);
        let line = map.get("location").map_or(map.line, |node| node.line);
        section.options = Options::default().named_in(problems.file(), line);
        section.base_url = map.optional_text("base_url", problems);
        if let (Some(url), Some(node)) = (&section.base_url, map.get("base_url"))
            && let Some((message, remedy)) = mistake_of_base_url(url)
        {
            problems.add(node.line, message, remedy);
        }
        for (key, value) in map.get("options").map_or(&[][..], Node::pairs) {
            match (key.scalar(), value.scalar()) {
                (Some(name), Some(value)) => {
                    if let Some((message, remedy)) = bucket::unknown_option(&name) {
                        problems.add(key.line, message, remedy);
                    }
                    section.options.values.insert(name, value);
                }
                _ => problems.add(key.line, "an option of the bucket is no text", "Write 'endpoint: https://...'."),
            }
        }
        section
    }
}

/// What is wrong with the address of a bucket on the web, and what to do: names of objects must be able to follow it, and all of
/// it stands in the bucket, where everybody reads it. What may be a password is not shown.
fn mistake_of_base_url(url: &str) -> Option<(String, String)> {
    let plain = "Write 'https://daten.example.de', or 'https://daten.example.de/folder'.";
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host.contains('@') {
        let remedy =
            "Take what is before the '@' out: the pages and the catalogue of the bucket show the address to everybody.";
        return Some(("'base_url' has the name of a user or a password".to_owned(), remedy.to_owned()));
    }
    if rest.contains(['?', '#']) {
        let remedy = "Take out the '?' or '#' and what follows: names of objects come behind the address.";
        return Some(("'base_url' has a query or a fragment".to_owned(), remedy.to_owned()));
    }
    let is_dots = |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    if path.split('/').any(is_dots) {
        let message = format!("'base_url' has a '.' or '..' in its path: '{}'", shown(url));
        return Some((
            message,
            "Write the path that the web server has: readers resolve it in different ways.".to_owned(),
        ));
    }
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'<>\\".contains(&byte);
    let is_host = host.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[');
    let is_right = ["https", "http"].contains(&scheme) && is_host && rest.bytes().all(is_plain);
    let remedy = || match in_ascii(url) {
        Some(ascii) => format!("Write it without umlauts, as browsers send it: 'base_url: {ascii}'."),
        None => plain.to_owned(),
    };
    (!is_right).then(|| (format!("'base_url' is no address on the web: '{}'", shown(url)), remedy()))
}

/// A location as it is opened: folders are relative to the workspace.
pub(super) fn address(root: &Path, location: String) -> String {
    match location.contains("://") {
        true => location,
        false => root.join(location).to_string_lossy().into_owned(),
    }
}

/// `time_zone`.
pub(super) fn zone(node: &Node, problems: &mut Problems) -> Option<TimeZone> {
    let name = node.require_text("time_zone", problems)?;
    let zone = TimeZone::get(&name);
    if zone.is_err() {
        let line = node.get("time_zone").map_or(node.line, |node| node.line);
        problems.add(line, format!("'{name}' is no time zone"), "Write a name like 'Europe/Berlin'.");
    }
    zone.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    /// What is told of a `base_url`, with its line.
    fn mistakes(url: &str) -> Vec<String> {
        let file = Path::new("fahrtenbuch.yaml");
        let node = yaml::parse(file, &format!("bucket:\n  location: data/bucket\n  base_url: '{url}'\n")).unwrap();
        let mut problems = Problems::new(file);
        BucketSection::read(&node, &mut problems);
        problems.found.iter().map(|p| format!("{} {}. {}", p.line, p.message, p.remedy)).collect()
    }

    #[test]
    fn an_address_that_shows_a_password_or_means_different_things_to_readers_is_a_mistake() {
        for (url, told) in [
            ("https://anna:geheim@daten.example.de", "the name of a user or a password"),
            ("https://anna@daten.example.de/bus", "Take what is before the '@' out"),
            ("htps://anna:geheim@daten.example.de", "the name of a user or a password"),
            ("anna:geheim@daten.example.de", "the name of a user or a password"),
            ("https://daten.example.de/bus?token=geheim", "a query or a fragment"),
            ("https://daten.example.de#bus", "a query or a fragment"),
            ("https://daten.example.de/a/../b", "a '.' or '..' in its path"),
            ("https://daten.example.de/..", "a '.' or '..' in its path"),
            ("https://daten.example.de/a/%2E%2e/b", "a '.' or '..' in its path"),
            ("https://daten.example.de/./b", "a '.' or '..' in its path"),
            ("https://", "no address on the web"),
            ("daten.example.de", "no address on the web"),
            ("s3://daten/bus", "no address on the web"),
            ("https://daten.example.de/a b", "no address on the web"),
            ("https://daten.köln.de/bus", "'base_url: https://daten.xn--kln-sna.de/bus'"),
            ("https://daten.example.de/a\"b", "no address on the web: 'https://daten.example.de/a\"b'"),
        ] {
            let found = mistakes(url);
            assert!(found.len() == 1 && found[0].starts_with("3 ") && found[0].contains(told), "{url}: {found:?}");
            assert!(!found[0].contains("geheim"), "{found:?}");
        }
        for url in [
            "https://daten.example.de",
            "http://127.0.0.1:8080/",
            "http://[::1]:8080/bus",
            "https://daten.example.de/@bus/a..b/...",
        ] {
            assert_eq!(mistakes(url), Vec::<String>::new(), "{url}");
        }
    }
}
