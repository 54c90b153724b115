//! Paths into JSON: where the value of a column stands in its row, or in the document around the rows.
//!
//! `position.lat` is a key of a key, `koordinaten[0]` a place in a list, `['a.b']` a key with a dot in it. With `$.` in front a
//! path begins at the document, else at the row.

use std::fmt;

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// A path to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub steps: Vec<Step>,
    /// Whether it begins at the document.
    pub is_of_document: bool,
}

/// Steps of a path at most.
const MOST_STEPS: usize = 16;

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// What is wrong with it, to stand behind it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (mut rest, is_of_document) = match text.strip_prefix('$') {
            Some(rest) => (rest.strip_prefix('.').unwrap_or(rest), true),
            None => (text, false),
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(quoted) = rest.strip_prefix("['") {
                let (key, behind) = quoted.split_once("']").ok_or("has a quote that is not closed")?;
                steps.push(Step::Key(key.to_owned()));
                rest = behind;
            } else if let Some(index) = rest.strip_prefix('[') {
                let (index, behind) = index.split_once(']').ok_or("has a bracket that is not closed")?;
                let index = index.parse().map_err(|_| "has brackets without a number from 0")?;
                steps.push(Step::Index(index));
                rest = behind;
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                if end == 0 {
                    return Err("has a step without a name");
                }
                steps.push(Step::Key(rest[..end].to_owned()));
                rest = &rest[end..];
            }
            if let Some(next) = rest.strip_prefix('.') {
                if next.is_empty() || next.starts_with('[') {
                    return Err("has a step without a name");
                }
                rest = next;
            }
        }
        if steps.len() > MOST_STEPS {
            return Err("has more than 16 steps");
        }
        if steps.is_empty() && !is_of_document { Err("is empty") } else { Ok(Self { steps, is_of_document }) }
    }

    /// Reads the path of the rows: `$.fahrzeuge[*]`, of which `$` and `[*]` may be left out.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub(super) fn of_rows(text: &str) -> Result<Self, &'static str> {
        let text = text.strip_suffix("[*]").unwrap_or(text);
        if text.contains('*') {
            return Err("has a '*' elsewhere than in one '[*]' at its end");
        }
        let path = if text.is_empty() { Self { steps: Vec::new(), is_of_document: true } } else { Self::parse(text)? };
        if path.steps.iter().any(|step| matches!(step, Step::Index(_))) {
            return Err("has a place in a list, where only keys may lead to the rows");
        }
        Ok(Self { is_of_document: true, ..path })
    }

    /// Whether the value of `other` stands within that of this one.
    pub(super) fn is_around(&self, other: &Self) -> bool {
        self.is_of_document == other.is_of_document
            && self.steps.len() < other.steps.len()
            && other.steps.starts_with(&self.steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_of_document {
            f.write_str("$")?;
        }
        for (place, step) in self.steps.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if key.contains(['.', '[']) => write!(f, "['{key}']")?,
                Step::Key(key) if place > 0 || self.is_of_document => write!(f, ".{key}")?,
                Step::Key(key) => f.write_str(key)?,
            }
        }
        Ok(())
    }
}

/// All paths together, so that a row is walked through once.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

/// A value that is on the way to that of a column, or is it.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    keys: Vec<(String, usize)>,
    indexes: Vec<(usize, usize)>,
    /// Columns whose value this is, or which stand within it.
    pub columns: Vec<usize>,
    pub is_value: bool,
}

impl Tree {
    /// The place of the row or document itself.
    pub(super) const ROOT: usize = 0;

    /// Of the paths of columns, each with its place among them. No path is around another one.
    pub(super) fn new<'p>(paths: impl IntoIterator<Item = (usize, &'p Path)>) -> Self {
        let mut tree = Self { nodes: vec![Node::default()] };
        for (column, path) in paths {
            let mut at = Self::ROOT;
            tree.nodes[at].columns.push(column);
            for step in &path.steps {
                at = tree.step(at, step);
                tree.nodes[at].columns.push(column);
            }
            tree.nodes[at].is_value = true;
        }
        tree
    }

    fn step(&mut self, from: usize, step: &Step) -> usize {
        let next = self.nodes.len();
        let node = &mut self.nodes[from];
        let found = match step {
            Step::Key(key) => node.keys.iter().find(|(other, _)| other == key).map(|(_, at)| *at),
            Step::Index(index) => node.indexes.iter().find(|(other, _)| other == index).map(|(_, at)| *at),
        };
        if let Some(at) = found {
            return at;
        }
        match step {
            Step::Key(key) => node.keys.push((key.clone(), next)),
            Step::Index(index) => node.indexes.push((*index, next)),
        }
        self.nodes.push(Node::default());
        next
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn node(&self, at: usize) -> &Node {
        &self.nodes[at]
    }

    pub(super) fn by_key(&self, from: usize, key: &[u8]) -> Option<usize> {
        self.nodes[from].keys.iter().find(|(other, _)| other.as_bytes() == key).map(|(_, at)| *at)
    }

    pub(super) fn by_index(&self, from: usize, index: usize) -> Option<usize> {
        self.nodes[from].indexes.iter().find(|(other, _)| *other == index).map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_it_is_read() {
        for text in ["id", "position.lat", "a[0].b[12]", "$.stand", "$", "['a.b'].c", "$.x['y[0]']", "[3]", "Uhr zeit"]
        {
            assert_eq!(Path::parse(text).map(|path| path.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(Path::parse("$[0]").unwrap().steps, [Step::Index(0)]);
        for (text, problem) in [
            ("", "is empty"),
            ("a..b", "has a step without a name"),
            (".a", "has a step without a name"),
            ("a.", "has a step without a name"),
            ("a.[0]", "has a step without a name"),
            ("a[0", "has a bracket that is not closed"),
            ("a[*]", "has brackets without a number from 0"),
            ("a[-1]", "has brackets without a number from 0"),
            ("['a", "has a quote that is not closed"),
            ("a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", "has more than 16 steps"),
        ] {
            assert_eq!(Path::parse(text), Err(problem), "{text}");
        }
    }

    #[test]
    fn rows_stand_behind_keys() {
        for text in ["$.a.b[*]", "$.a.b", "a.b[*]"] {
            assert_eq!(Path::of_rows(text).unwrap().to_string(), "$.a.b", "{text}");
        }
        assert_eq!(Path::of_rows("$[*]").unwrap().steps, []);
        assert_eq!(Path::of_rows("[*]").unwrap().steps, []);
        assert!(Path::of_rows("$.a[*].b[*]").is_err() && Path::of_rows("$.a[0].b").is_err());
    }

    #[test]
    fn a_path_is_around_what_stands_within_it() {
        let is_around = |a: &str, b: &str| Path::parse(a).unwrap().is_around(&Path::parse(b).unwrap());
        assert!(is_around("a", "a.b") && is_around("a", "a[0]") && is_around("$", "$.a"));
        assert!(!is_around("a", "a") && !is_around("a", "ab") && !is_around("a.b", "a") && !is_around("$.a", "a.b"));
    }
}
