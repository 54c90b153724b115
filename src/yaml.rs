//! Reading the workspace's YAML so that every mistake can be told with its file and line, all of them at once.

pub mod parameters;
pub mod public;
mod texts;
pub mod variables;

pub(crate) use self::texts::{host_in_ascii, in_ascii, shown};

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use strsim::levenshtein;

use crate::durable;

/// A mistake in a file of the workspace: where it is, what is wrong and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Problem {
    pub file: PathBuf,
    /// Counted from 1; 0 where the file as a whole is meant.
    pub line: u32,
    /// What is wrong.
    pub message: String,
    /// What to do about it; a sentence in the imperative.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}. {}", self.message, self.remedy)
    }
}

/// Problems collected while reading one file.
#[derive(Debug)]
pub struct Problems {
    file: PathBuf,
    pub found: Vec<Problem>,
}

impl Problems {
    pub fn new(file: &Path) -> Self {
        Self { file: file.to_owned(), found: Vec::new() }
    }

    /// The file whose problems these are.
    pub fn file(&self) -> &Path {
        &self.file
    }

    pub fn add(&mut self, line: u32, message: impl Into<String>, remedy: impl Into<String>) {
        self.found.push(Problem { file: self.file.clone(), line, message: message.into(), remedy: remedy.into() });
    }
}

/// A value and the line on which it starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    pub line: u32,
    pub value: Value,
    /// How a number or a truth value is written, where that is not how we would write it: `01`, `1.10`, `True`; of a key that has no
    /// value, the comment that stands in its place.
    raw: Option<Box<str>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file; a key occurs once.
    Map(Vec<(Node, Node)>),
}

/// Parses the one document of a YAML file; syntax errors and duplicate keys become problems.
pub fn parse(file: &Path, text: &str) -> Result<Node, Vec<Problem>> {
    let mut problems = Problems::new(file);
    match MarkedYaml::load_from_str(text) {
        Ok(documents) if documents.len() == 1 => return Ok(Node::from_marked(&documents[0], &Source::of(text))),
        Ok(documents) => problems.add(
            0,
            format!("the file has {} YAML documents instead of one", documents.len()),
            "Keep one document per file.",
        ),
        Err(error) => {
            let line = u32::try_from(error.marker().line()).unwrap_or(0);
            let column = error.marker().col() + 1;
            let message = format!("not readable as YAML: {} at column {column}", error.info());
            problems.add(line, message, "Mend the syntax there or just above; the indentation counts.");
        }
    }
    Err(problems.found)
}

/// Reads and parses a file.
pub fn read(file: &Path) -> Result<Node, Vec<Problem>> {
    match durable::read_to_string(file) {
        Ok(text) => parse(file, &text),
        Err(error) => {
            let mut problems = Problems::new(file);
            problems.add(0, format!("cannot be read: {error}"), unread(file, &error));
            Err(problems.found)
        }
    }
}

/// What to do about a file that cannot be read.
fn unread(file: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "Let the user who types this read it, and its folders: 'sudo chmod a+rX {0}' or 'sudo chown USER {0}'; a service has a user of \
             its own.",
            file.display()
        ),
        io::ErrorKind::InvalidData => "Save it as UTF-8.".to_owned(),
        _ => "Check that the file exists and is readable.".to_owned(),
    }
}

/// The text of a file by the places of its characters, which is what the parser counts.
struct Source<'a> {
    text: &'a str,
    /// Where each character begins; empty if each is one byte.
    begins: Vec<usize>,
}

impl<'a> Source<'a> {
    fn of(text: &'a str) -> Self {
        let begins = match text.is_ascii() {
            true => Vec::new(),
            false => text.char_indices().map(|(begin, _)| begin).collect(),
        };
        Self { text, begins }
    }

    /// The text from one character to before another.
    fn between(&self, from: usize, until: usize) -> Option<&'a str> {
        let byte = |place: usize| match self.begins.is_empty() {
            true => place,
            false => self.begins.get(place).copied().unwrap_or(self.text.len()),
        };
        self.text.get(byte(from)..byte(until))
    }

    /// The text from a character to the end of its line.
    fn rest_of_line(&self, from: usize) -> &'a str {
        let byte = if self.begins.is_empty() { Some(&from) } else { self.begins.get(from) };
        let rest = byte.and_then(|byte| self.text.get(*byte..)).unwrap_or_default();
        rest.lines().next().unwrap_or_default()
    }
}

impl Node {
    fn from_marked(node: &MarkedYaml<'_>, source: &Source<'_>) -> Self {
        let value = match &node.data {
            YamlData::Value(Scalar::Null) | YamlData::BadValue | YamlData::Alias(_) => Value::Null,
            YamlData::Value(Scalar::Boolean(value)) => Value::Bool(*value),
            YamlData::Value(Scalar::Integer(value)) => Value::Int(*value),
            YamlData::Value(Scalar::FloatingPoint(value)) => Value::Float(value.into_inner()),
            YamlData::Value(Scalar::String(text)) | YamlData::Representation(text, ..) => Value::Text(text.to_string()),
            YamlData::Sequence(items) => {
                Value::List(items.iter().map(|item| Self::from_marked(item, source)).collect())
            }
            YamlData::Mapping(pairs) => {
                Value::Map(pairs.iter().map(|(key, value)| Self::pair(key, value, source)).collect())
            }
            YamlData::Tagged(_, inner) => return Self::from_marked(inner, source),
        };
        let raw = match &node.data {
            YamlData::Value(scalar) if !matches!(scalar, Scalar::Null | Scalar::String(_)) => {
                // A tag and an anchor may stand before the value, and an alias instead of it.
                let text = source.between(node.span.start.index(), node.span.end.index());
                let text = text.and_then(|text| text.split_whitespace().next_back());
                text.filter(|text| Scalar::parse_from_cow((*text).into()) == *scalar).map(Box::from)
            }
            _ => None,
        };
        Self { line: u32::try_from(node.span.start.line()).unwrap_or(u32::MAX), value, raw }
    }

    /// A key and its value.
    fn pair(key: &MarkedYaml<'_>, value: &MarkedYaml<'_>, source: &Source<'_>) -> (Self, Self) {
        let (name, mut value) = (Self::from_marked(key, source), Self::from_marked(value, source));
        if value.value == Value::Null {
            // What is not there has no place of its own.
            value.line = name.line;
            let behind = source.rest_of_line(key.span.end.index()).trim_start();
            let behind = behind.strip_prefix(':').unwrap_or_default().trim();
            value.raw = Some(behind).filter(|behind| behind.starts_with('#')).map(Box::from);
        }
        (name, value)
    }

    /// Of a key without a value: the comment that stands in its place.
    pub(crate) fn comment(&self) -> Option<&str> {
        self.raw.as_deref().filter(|_| self.value == Value::Null)
    }

    /// The value of a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.pairs().iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// The pairs of a map; none for anything else.
    pub fn pairs(&self) -> &[(Node, Node)] {
        if let Value::Map(pairs) = &self.value { pairs } else { &[] }
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[Node] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    pub fn int(&self) -> Option<i64> {
        if let Value::Int(value) = self.value { Some(value) } else { None }
    }

    pub fn number(&self) -> Option<f64> {
        match self.value {
            Value::Int(value) => Some(value as f64),
            Value::Float(value) => Some(value),
            _ => None,
        }
    }

    pub fn bool(&self) -> Option<bool> {
        if let Value::Bool(value) = self.value { Some(value) } else { None }
    }

    /// A scalar as text, however YAML read it (`1`, `true` and `2026-11-24` are text here), as it stands in the file: `01`
    /// and `1.10` are not `1` and `1.1`.
    pub fn scalar(&self) -> Option<String> {
        match &self.value {
            Value::Int(_) | Value::Float(_) | Value::Bool(_) if self.raw.is_some() => {
                self.raw.as_deref().map(str::to_owned)
            }
            Value::Text(text) => Some(text.clone()),
            Value::Int(value) => Some(value.to_string()),
            Value::Float(value) => Some(value.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// What kind of value this is, for messages.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// The text under `key`; a problem if it is absent or not text.
    pub fn require_text(&self, key: &str, problems: &mut Problems) -> Option<String> {
        match self.get(key) {
            Some(node) => node.scalar().or_else(|| {
                problems.add(
                    node.line,
                    format!("'{key}' is {}, expected text", node.kind()),
                    format!("Write '{key}: ...'."),
                );
                None
            }),
            None => {
                problems.add(self.line, format!("'{key}' is missing"), format!("Add '{key}: ...' here."));
                None
            }
        }
    }

    /// The text under `key`, if there is one; a problem if it is something else.
    pub fn optional_text(&self, key: &str, problems: &mut Problems) -> Option<String> {
        self.get(key).is_some_and(|node| node.value != Value::Null).then(|| self.require_text(key, problems)).flatten()
    }

    /// Every key that is not among `known` is a problem; the nearest known key is suggested.
    pub fn only_keys(&self, known: &[&str], problems: &mut Problems) {
        for (key, _) in self.pairs() {
            let name = key.scalar().unwrap_or_default();
            if !known.contains(&name.as_str()) {
                problems.add(key.line, format!("'{name}' is not known here"), suggestion(&name, known));
            }
        }
    }
}

/// More than so many known names are too many to read.
const LISTED: usize = 12;

/// "Did you mean ...?", or what is known; of many names the nearest.
pub fn suggestion(name: &str, known: &[&str]) -> String {
    let mut nearest: Vec<(usize, &str)> = known.iter().map(|other| (levenshtein(name, other), *other)).collect();
    nearest.sort_unstable();
    nearest.dedup();
    // A name that was cut short is far from the whole one by its letters only.
    let whole: BTreeSet<&str> =
        known.iter().copied().filter(|other| name.len() > 3 && other.starts_with(name)).collect();
    let whole: Vec<&str> = whole.into_iter().collect();
    match nearest.first() {
        None => "There is none.".to_owned(),
        Some((2.., _)) if (1..3).contains(&whole.len()) => format!("Did you mean '{}'?", whole.join("' or '")),
        Some((distance, nearest)) if *distance <= name.len() / 3 + 1 && is_near(*distance, name, nearest) => {
            format!("Did you mean '{nearest}'?")
        }
        Some(_) if nearest.len() <= LISTED => {
            let mut told = BTreeSet::new();
            let once: Vec<&str> = known.iter().copied().filter(|name| told.insert(*name)).collect();
            format!("Known are: {}.", once.join(", "))
        }
        Some(_) => {
            let length = |other: &str| name.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
            nearest.sort_by_key(|(distance, other)| (std::cmp::Reverse(length(other)), *distance));
            let few: Vec<&str> = nearest.iter().take(5).map(|(_, other)| *other).collect();
            format!("The nearest of {} are: {}.", nearest.len(), few.join(", "))
        }
    }
}

/// Whether at least half of the shorter word is there: what differs in more is another word.
fn is_near(distance: usize, one: &str, other: &str) -> bool {
    2 * distance <= one.len().min(other.len())
}

/// The known name that a name was meant to be, if it differs by no more than a slip of the pen.
pub fn misspelt<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, nearest) = known.iter().map(|other| (levenshtein(name, other), *other)).min()?;
    let slips = if nearest.len() < 6 { 1 } else { 2 };
    (distance > 0 && (distance <= slips || nearest.eq_ignore_ascii_case(name))).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_lines() {
        let node = parse(Path::new("a.yaml"), "a: 1\nb:\n  - x\n  - 2.5\nc: '007'\n").unwrap();
        assert_eq!(node.get("a").and_then(Node::int), Some(1));
        assert_eq!(node.get("b").unwrap().items()[1].line, 4);
        assert_eq!(node.get("c").and_then(Node::text), Some("007"));
    }

    #[test]
    fn a_scalar_is_what_stands_in_the_file() {
        let text = "# äöü\na: 1.10\nb: [01, 1.0 , True, 0x1F, ~]\nc: &x 007\nd: *x\n? 010\n: '1'\nß: 1e3 # ü\n";
        let node = parse(Path::new("a.yaml"), text).unwrap();
        let scalar = |key: &str| node.get(key).and_then(Node::scalar);
        assert_eq!(scalar("a").as_deref(), Some("1.10"));
        let list: Vec<_> = node.get("b").unwrap().items().iter().map(Node::scalar).collect();
        let list: Vec<_> = list.iter().map(Option::as_deref).collect();
        assert_eq!(list, [Some("01"), Some("1.0"), Some("True"), Some("0x1F"), None]);
        assert_eq!(node.get("b").unwrap().items()[2].bool(), Some(true));
        assert_eq!((scalar("c").as_deref(), node.get("c").and_then(Node::int)), (Some("007"), Some(7)));
        assert!(node.pairs().iter().any(|(key, _)| key.scalar().as_deref() == Some("010")));
        assert_eq!(scalar("ß").as_deref(), Some("1e3"));
    }

    #[test]
    fn a_key_without_a_value_is_on_its_own_line_and_keeps_the_comment_that_took_the_place() {
        let text = "# äöü\na: #00594f\nb:\n\n\nc: # why\n  d: 1\n'e': ~\n";
        let node = parse(Path::new("a.yaml"), text).unwrap();
        let told = |key: &str| node.get(key).map(|node| (node.line, node.comment(), node.scalar())).unwrap();
        assert_eq!(told("a"), (2, Some("#00594f"), None));
        assert_eq!(told("b"), (3, None, None));
        assert_eq!(told("e"), (8, None, None));
        assert_eq!(node.get("c").and_then(|map| map.get("d")).and_then(Node::int), Some(1));
    }

    #[test]
    fn a_suggestion_is_near_for_the_length_of_the_word() {
        const TYPES: &[&str] = &["file", "http", "s3", "evidence"];
        for word in ["csv", "xml", "mqtt", "json", "s", "ftp", "gtfs"] {
            assert_eq!(suggestion(word, TYPES), "Known are: file, http, s3, evidence.", "{word}");
        }
        for (word, meant) in
            [("htp", "http"), ("https", "http"), ("fil", "file"), ("evidenz", "evidence"), ("evidnce", "evidence")]
        {
            assert_eq!(suggestion(word, TYPES), format!("Did you mean '{meant}'?"), "{word}");
        }
    }

    #[test]
    fn a_suggestion_names_no_name_twice() {
        assert_eq!(suggestion("zzzzzzzz", &["alerts", "previous", "alerts"]), "Known are: alerts, previous.");
        assert_eq!(suggestion("vehicle", &["vehicle_locations", "x", "vehicle_locations"]).matches("loc").count(), 1);
    }

    #[test]
    fn an_unknown_key_is_told_with_its_line_and_the_nearest_known_one() {
        let node = parse(Path::new("a.yaml"), "name: x\nsorce: y\n").unwrap();
        let mut problems = Problems::new(Path::new("a.yaml"));
        node.only_keys(&["name", "source"], &mut problems);
        assert_eq!(problems.found[0].to_string(), "a.yaml:2: 'sorce' is not known here. Did you mean 'source'?");
    }

    #[test]
    fn broken_yaml_and_duplicate_keys_are_problems() {
        for text in ["a: [", "a: 1\na: 2\n", ""] {
            assert!(parse(Path::new("a.yaml"), text).is_err(), "{text:?}");
        }
    }
}
