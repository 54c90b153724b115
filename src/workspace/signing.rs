//! `signing:` of the configuration: which log it is that is signed, by which key, and which outsiders are asked to confirm it.

use crate::ledger::log::cosignature::CosignerKey;
use crate::ledger::log::witness::Witness;
use crate::yaml::{Node, Problems, shown};

const KEYS: &[&str] = &["origin", "key", "witnesses", "timestamps"];
const WITNESS_KEYS: &[&str] = &["url", "key"];
/// Each is asked by every run, one after the other.
const MOST_WITNESSES: usize = 10;
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
    /// Who is asked to cosign each checkpoint.
    pub(crate) witnesses: Vec<Witness>,
    /// The address of an authority of time stamps (RFC 3161), which is asked once a day.
    pub timestamps: Option<String>,
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
        let witnesses = witnesses(map, problems);
        let timestamps = map.get("timestamps").and_then(|_| map.web_address("timestamps", problems));
        Self { origin, key, witnesses, timestamps, line: map.line }
    }
}

/// The list of witnesses. Each is named by its key, so no two have the same one.
fn witnesses(map: &Node, problems: &mut Problems) -> Vec<Witness> {
    let Some(list) = map.get("witnesses") else { return Vec::new() };
    let remedy = "Write '- url: https://witness.example.org' and below it 'key: witness.example.org+1a2b3c4d+…'.";
    if list.items().is_empty() {
        problems.add(list.line, format!("'witnesses' is {}, expected a list", list.kind()), remedy);
    }
    let mut found: Vec<Witness> = Vec::new();
    for node in list.items() {
        node.only_keys(WITNESS_KEYS, problems);
        let missing = ["url", "key"].into_iter().find(|key| node.get(key).is_none());
        if let Some(missing) = missing {
            problems.add(node.line, format!("a witness has no '{missing}'"), remedy);
            continue;
        }
        let (url, key) = (node.web_address("url", problems), node.require_text("key", problems));
        let (Some(url), Some(key)) = (url, key) else { continue };
        let line = node.get("key").map_or(node.line, |node| node.line);
        match key.parse::<CosignerKey>() {
            Ok(key) if found.iter().any(|other| other.key == key) => {
                problems.add(line, "two witnesses have the same key", "Name each witness once.");
            }
            Ok(key) => found.push(Witness { url, key }),
            Err(error) => {
                let remedy =
                    "Copy the key from the operator of the witness as it stands there: the one for cosignatures.";
                problems.add(line, format!("'key' is none of a witness: {error}"), remedy);
            }
        }
    }
    if found.len() > MOST_WITNESSES {
        let message = format!("there are {} witnesses, and at most {MOST_WITNESSES} are asked", found.len());
        problems.add(list.line, message, "Leave out those that matter least.");
    }
    found.truncate(MOST_WITNESSES);
    found
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
    use crate::ledger::log::cosignature::tests::Cosigner;
    use crate::ledger::log::note::SigningKey;
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

    #[test]
    fn a_witness_has_an_address_and_the_key_of_its_cosignatures() {
        let key = Cosigner::new("w.example", 7).1;
        let list = format!("signing:\n  witnesses:\n    - url: https://w.example/log\n      key: {key}\n");
        let (signing, problems) = read(&format!("{list}  timestamps: http://tsa.example\n"));
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(signing.witnesses, [Witness { url: "https://w.example/log".to_owned(), key: key.clone() }]);
        assert_eq!(signing.timestamps.as_deref(), Some("http://tsa.example"));
        // The key of a log signs no cosignatures.
        let log = SigningKey::generate("a.example").unwrap().public();
        let twice = format!("{list}    - url: https://v.example\n      key: {key}\n");
        for (text, problem) in [
            (twice, "6 two witnesses have the same key"),
            (
                list.replace(&key.to_string(), &log.to_string()),
                "4 'key' is none of a witness: the key of a.example is of type",
            ),
            (list.replace("url: https://w.example/log", "url: w.example"), "3 'url' is no address on the web"),
            ("signing:\n  witnesses:\n    - url: https://w.example\n".to_owned(), "3 a witness has no 'key'"),
            ("signing:\n  witnesses: w.example\n".to_owned(), "2 'witnesses' is text, expected a list"),
            ("signing:\n  timestamps: tsa.example\n".to_owned(), "2 'timestamps' is no address on the web"),
        ] {
            let (_, problems) = read(&text);
            assert!(problems.len() == 1 && problems[0].starts_with(problem), "{text} {problems:?}");
        }
    }
}
