//! One map of a contract's file, read key by key: what nobody asked for is a mistake, so that the keys that are known and
//! those that are read cannot differ.
//!
//! Custom properties (ODCS, "Custom & Other Properties") are read the same way. Others than ours belong to other tools; but
//! what is nearly one of ours was meant to be it: nobody would see that 'onFial' does nothing.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use crate::contract::odcs::words;
use crate::yaml::{self, Node, Problem, Problems, Value, suggestion};

/// What is wrong with a file.
#[derive(Debug)]
pub(super) struct Told {
    /// It is not as the standard has it.
    pub form: Problems,
    /// What keeps its tables from being used by a pipeline, though another program may read the contract.
    pub fit: Problems,
}

impl Told {
    pub(super) fn new(file: &Path) -> Self {
        Self { form: Problems::new(file), fit: Problems::new(file) }
    }

    /// All of it, by its lines.
    pub(super) fn into_all(self) -> Vec<Problem> {
        let mut all = self.form.found;
        all.extend(self.fit.found);
        all.sort();
        all
    }
}

/// A map of the file, and what was asked of it.
pub(super) struct Section<'a> {
    pub node: &'a Node,
    keys: RefCell<BTreeSet<&'static str>>,
    properties: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Section<'a> {
    pub(super) fn new(node: &'a Node) -> Self {
        Self { node, keys: RefCell::default(), properties: RefCell::default() }
    }

    pub(super) fn line(&self) -> u32 {
        self.node.line
    }

    /// The value of a key; `None` also where nothing stands behind it.
    pub(super) fn get(&self, key: &'static str) -> Option<&'a Node> {
        self.keys.borrow_mut().insert(key);
        self.node.get(key).filter(|node| node.value != Value::Null)
    }

    /// The line of a key's value, or of the map.
    pub(super) fn line_of(&self, key: &str) -> u32 {
        self.node.get(key).map_or(self.node.line, |node| node.line)
    }

    /// Keys that the standard has, and that mean nothing here.
    pub(super) fn accept(&self, keys: &[&'static str]) {
        self.keys.borrow_mut().extend(keys);
    }

    pub(super) fn text(&self, key: &'static str, told: &mut Told) -> Option<String> {
        self.get(key)?;
        self.node.optional_text(key, &mut told.form)
    }

    pub(super) fn require_text(&self, key: &'static str, told: &mut Told) -> Option<String> {
        self.get(key);
        self.node.require_text(key, &mut told.form)
    }

    pub(super) fn flag(&self, key: &'static str, told: &mut Told) -> bool {
        let Some(value) = self.get(key) else { return false };
        value.bool().unwrap_or_else(|| {
            let message = format!("'{key}' is {}, expected true or false", value.kind());
            told.form.add(value.line, message, "Write true or false.");
            false
        })
    }

    /// The items of a list.
    pub(super) fn items(&self, key: &'static str, told: &mut Told) -> &'a [Node] {
        let Some(list) = self.get(key) else { return &[] };
        if !matches!(list.value, Value::List(_)) {
            told.form.add(list.line, format!("'{key}' is {}, expected a list", list.kind()), "Write '- ...'.");
        }
        list.items()
    }

    /// The value of a custom property, which ODCS writes as a list of `{property, value}`.
    pub(super) fn custom(&self, name: &'static str) -> Option<&'a Node> {
        self.properties.borrow_mut().insert(name);
        let properties = self.get("customProperties")?.items();
        properties.iter().find(|item| item.get("property").and_then(Node::text) == Some(name))?.get("value")
    }

    pub(super) fn custom_text(&self, name: &'static str) -> Option<String> {
        self.custom(name).and_then(Node::scalar)
    }

    /// The line of a custom property's value, or of the map.
    pub(super) fn line_of_custom(&self, name: &'static str) -> u32 {
        self.custom(name).map_or(self.node.line, |node| node.line)
    }

    /// A custom property that is a percentage.
    pub(super) fn percent(&self, name: &'static str, told: &mut Told) -> Option<f64> {
        let node = self.custom(name)?;
        let percent = node.number().filter(|percent| (0.0..=100.0).contains(percent));
        if percent.is_none() {
            told.fit.add(node.line, format!("'{name}' is no percentage"), "Write a number from 0 to 100.");
        }
        percent
    }

    /// Tells of what nobody asked for, after everything was. Whether a custom property looks misspelt.
    pub(super) fn end(&self, told: &mut Told) -> bool {
        self.end_as("is not known here", told)
    }

    /// As [`Section::end`], with other words for an unknown key.
    pub(super) fn end_as(&self, what: &str, told: &mut Told) -> bool {
        self.keys.borrow_mut().insert("customProperties");
        let known: Vec<&str> = self.keys.borrow().iter().copied().collect();
        for (key, _) in self.node.pairs() {
            let name = key.scalar().unwrap_or_default();
            if !known.contains(&name.as_str()) {
                told.form.add(key.line, format!("'{name}' {what}"), suggestion(&name, &known));
            }
        }
        self.end_of_properties(told)
    }

    fn end_of_properties(&self, told: &mut Told) -> bool {
        let Some(list) = self.get("customProperties") else { return false };
        if !matches!(list.value, Value::List(_)) {
            let message = format!("'customProperties' is {}, expected a list", list.kind());
            told.form.add(list.line, message, "Write '- {property: ..., value: ...}'.");
            return false;
        }
        let known = self.properties.borrow();
        let meant: Vec<&str> = known.iter().copied().chain(words::OPERATORS).collect();
        let mut found = false;
        for property in list.items().iter().filter_map(|item| item.get("property")) {
            let name = property.scalar().unwrap_or_default();
            if !meant.contains(&name.as_str())
                && let Some(meant) = yaml::misspelt(&name, &meant)
            {
                let message = format!("the custom property '{name}' is not known here");
                told.fit.add(property.line, message, format!("Did you mean '{meant}'?"));
                found = true;
            }
        }
        found
    }
}

/// One of some words.
pub(super) fn choose<T: Copy>(
    node: Option<&Node>,
    what: &str,
    known: &[(&str, T)],
    problems: &mut Problems,
) -> Option<T> {
    let node = node?;
    let word = node.scalar().unwrap_or_default();
    let found = known.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    if found.is_none() {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        problems.add(node.line, format!("'{word}' is no {what}"), suggestion(&word, &names));
    }
    found
}
