//! `signing:` of the configuration: which log it is that is signed, and by which key.

use crate::yaml::{Node, Problems, shown};

const KEYS: &[&str] = &["origin", "key"];
/// The longest origin, and the longest name of a key.
const MAX_ORIGIN: usize = 200;
const MAX_NAME: usize = 64;

/// How the log is signed. It is signed where the private store has an active key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signing {
    /// Which log it is, as its checkpoints say: `stadt.example/fahrtenbuch`.
    pub origin: Option<String>,
    /// The name of the key; the newest active one if none is given.
    pub key: Option<String>,
    /// Of the section, or 0.
    pub line: u32,
}

impl Signing {
    /// Reads `signing:` of the configuration, whose root is `node`.
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Self {
        let Some(map) = node.get("signing") else { return Self::default() };
        if map.pairs().is_empty() {
            let remedy = "Write 'origin: daten.example.de', or leave it out.";
            problems.add(map.line, format!("'signing' is {}, expected a map", map.kind()), remedy);
        }
        map.only_keys(KEYS, problems);
        let mut text = |key: &str, is_right: fn(&str) -> bool, remedy: &str| {
            let text = map.optional_text(key, problems)?;
            if is_right(&text) {
                return Some(text);
            }
            let line = map.get(key).map_or(map.line, |node| node.line);
            problems.add(line, format!("'{}' cannot be the {key} of 'signing'", shown(&text)), remedy);
            None
        };
        let remedy = "Write a name without spaces, '+' and 'https://', as 'daten.example.de/fahrtenbuch'.";
        let origin = text("origin", is_origin, remedy);
        let key = text("key", is_key_name, "Write a name that 'fahrtenbuch key list' tells.");
        Self { origin, key, line: map.line }
    }
}

/// Whether a text can be the name of a log: C2SP `signed-note` allows no spaces and no plus.
pub(crate) fn is_origin(text: &str) -> bool {
    let is_wrong = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '+';
    (1..=MAX_ORIGIN).contains(&text.len()) && !text.contains(is_wrong) && !text.contains("://")
}

/// Whether a text can be the name of a key, which becomes that of a file.
pub(crate) fn is_key_name(text: &str) -> bool {
    let is_right = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_right)
}

/// The origin of a bucket at this address on the web: the address without its scheme.
pub(crate) fn origin_of_address(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    Some(rest.trim_end_matches('/').to_owned()).filter(|origin| is_origin(origin))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::yaml;

    fn read(text: &str) -> (Signing, Vec<String>) {
        let file = Path::new("fahrtenbuch.yaml");
        let mut problems = Problems::new(file);
        let signing = Signing::read(&yaml::parse(file, text).unwrap(), &mut problems);
        (signing, problems.found.iter().map(|problem| format!("{} {}", problem.line, problem.message)).collect())
    }

    #[test]
    fn an_origin_and_a_key_are_names() {
        assert_eq!(read("title: T\n"), (Signing::default(), Vec::new()));
        let (signing, problems) = read("signing:\n  origin: stadt.example/bus\n  key: '2026-11-27'\n");
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(signing.origin.as_deref(), Some("stadt.example/bus"));
        assert_eq!((signing.key.as_deref(), signing.line), (Some("2026-11-27"), 2));
        for wrong in ["a b", "a+b", "https://a.example", ""] {
            let (signing, problems) = read(&format!("signing:\n  origin: '{wrong}'\n"));
            assert!(signing.origin.is_none() && problems.len() == 1 && problems[0].starts_with("2 "), "{problems:?}");
        }
        assert_eq!(read("signing:\n  key: ../x\n").1.len(), 1);
        assert_eq!(read("signing: stadt.example\n").1, ["1 'signing' is text, expected a map"]);
        assert_eq!(origin_of_address("https://daten.example.de/bus/").as_deref(), Some("daten.example.de/bus"));
        assert_eq!(origin_of_address("https://daten.example.de/a+b"), None);
    }
}
