//! What the configuration does not say: each with its line and what to write there, and all of it at once in blocks to paste.

use std::path::{Path, PathBuf};

use crate::durable;
use crate::yaml::{Node, Problem, Problems};

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    pub problem: Problem,
    /// Below which keys what is to be written; `None` where a line that is there has to be changed.
    written: Option<Written>,
}

/// Lines of YAML below keys.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Written {
    path: Vec<String>,
    /// Without indentation; those that begin with `#` say when the others may be written.
    lines: Vec<String>,
    /// Without which these would be missed next.
    beside: Vec<String>,
}

/// Collects what one file does not say.
pub(super) struct Lacking<'a> {
    file: &'a Path,
    node: &'a Node,
    /// Of the file, where it is known.
    text: String,
    found: Vec<Lack>,
}

impl<'a> Lacking<'a> {
    pub(super) fn new(file: &'a Path, node: &'a Node) -> Self {
        Self { file, node, text: String::new(), found: Vec::new() }
    }

    /// With the text of the file, by which a section that is not there has a line: that of its example in a comment, or the last one.
    pub(super) fn of_file(file: &'a Path, node: &'a Node) -> Self {
        // What cannot be read was told by who read the node.
        let text = durable::read_to_string(file).unwrap_or_default();
        Self { text, ..Self::new(file, node) }
    }

    /// Something is missing below the keys of `path`; `example` are the lines to write there.
    pub(super) fn add(&mut self, path: &[&str], what: &str, example: &str) {
        let line = match self.anchor(path) {
            (line, 0) => self.line_of_new(path, example).unwrap_or(line),
            (line, _) => line,
        };
        let written = Written {
            path: path.iter().map(|key| (*key).to_owned()).collect(),
            lines: example.lines().map(str::to_owned).collect(),
            beside: Vec::new(),
        };
        self.push(line, what.to_owned(), String::new(), Some(written));
    }

    /// Lines that what was added last needs beside it: they go into the block with it.
    pub(super) fn with(&mut self, line: &str) {
        if let Some(written) = self.found.last_mut().and_then(|lack| lack.written.as_mut()) {
            written.beside.push(line.to_owned());
        }
    }

    /// What is on a line has to be changed.
    pub(super) fn change(&mut self, line: u32, what: String, remedy: String) {
        self.push(line, what, remedy, None);
    }

    fn push(&mut self, line: u32, what: String, remedy: String, written: Option<Written>) {
        let mut problems = Problems::new(self.file);
        problems.add(line, what, remedy);
        self.found.extend(problems.found.pop().map(|problem| Lack { problem, written }));
    }

    /// The line of the last key of a path that is there, and how many are.
    fn anchor(&self, path: &[&str]) -> (u32, usize) {
        let anchor = Anchor::of(self.node, path.iter().copied());
        (anchor.line, anchor.there)
    }

    /// Where a section is to be written of which nothing is there.
    fn line_of_new(&self, path: &[&str], example: &str) -> Option<u32> {
        let key = path.first().copied().or_else(|| example.split_once(':').map(|(key, _)| key))?;
        let is_example = |line: &str| {
            let rest = line.strip_prefix('#').map(|line| line.strip_prefix(' ').unwrap_or(line));
            rest.and_then(|line| line.strip_prefix(key)).is_some_and(|rest| rest.starts_with(':'))
        };
        let mut lines = (1..).zip(self.text.lines());
        lines.find(|(_, line)| is_example(line)).or_else(|| (1..).zip(self.text.lines()).last()).map(|(line, _)| line)
    }

    /// All that was found, each with what to write. What is alone in a section that is missing is told with the section; more than one
    /// would be told with it again and again, and a key must not be there twice.
    pub(super) fn finish(mut self) -> Vec<Lack> {
        let missing = |written: &Written| {
            let (_, there) = self.anchor(&written.path.iter().map(String::as_str).collect::<Vec<_>>());
            (there, written.path.get(..=there).map(<[String]>::to_vec))
        };
        let places: Vec<Option<(usize, Option<Vec<String>>)>> =
            self.found.iter().map(|lack| lack.written.as_ref().map(missing)).collect();
        for (at, place) in places.iter().enumerate() {
            let (Some((there, section)), Some(written)) = (place, &self.found[at].written) else { continue };
            let is_shared = |section: &Vec<String>| {
                places.iter().flatten().filter(|(_, other)| other.as_ref() == Some(section)).count() > 1
            };
            let remedy = match section {
                Some(section) if is_shared(section) => {
                    format!("Write {} below '{}:'", written.quoted(&[]), written.path.join(": "))
                }
                Some(_) | None => {
                    let below = written.path[..*there].last();
                    let below = below.map(|key| format!(" below '{key}:'")).unwrap_or_default();
                    format!("Write {}{below}", written.quoted(&written.path[*there..]))
                }
            };
            self.found[at].problem.remedy = format!("{remedy}{}.", written.condition());
        }
        self.found
    }
}

impl Written {
    fn said(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str).filter(|line| !line.starts_with('#'))
    }

    /// In one line, below keys.
    fn quoted(&self, keys: &[String]) -> String {
        let said = self.said().collect::<Vec<_>>().join(", ");
        let nested = keys.iter().rev().fold(said, |text, key| format!("{key}: {{{text}}}"));
        format!("'{nested}'")
    }

    /// When it may be written.
    fn condition(&self) -> String {
        let conditions = self.lines.iter().filter_map(|line| line.strip_prefix("# "));
        conditions.map(|condition| format!(", {}", condition.trim_end_matches('.'))).collect()
    }
}

/// The last key of a path that is there.
struct Anchor<'a> {
    line: u32,
    there: usize,
    place: &'a Node,
}

impl<'a> Anchor<'a> {
    fn of<'k>(node: &'a Node, path: impl Iterator<Item = &'k str>) -> Self {
        let mut anchor = Self { line: node.line, there: 0, place: node };
        for key in path {
            let pairs = anchor.place.pairs().iter();
            let Some((key, below)) = pairs.into_iter().find(|(name, _)| name.scalar().as_deref() == Some(key)) else {
                break;
            };
            anchor = Self { line: key.line, there: anchor.there + 1, place: below };
        }
        anchor
    }
}

/// Lines to paste into a file, all that is missing at one place.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Block {
    pub file: PathBuf,
    /// Below which line they go; at the end of the file where it is `None`.
    pub below_line: Option<u32>,
    /// The key on that line.
    pub below: Option<String>,
    /// Whether they go into the braces of what is written behind the key instead.
    pub in_braces: bool,
    pub text: String,
}

impl Block {
    /// Where it goes, for people; `name` is that of the file.
    pub fn place(&self, name: &str) -> String {
        match (&self.below, self.below_line) {
            (Some(key), Some(line)) if self.in_braces => format!("{name}, into the braces of '{key}' (line {line})"),
            (Some(key), Some(line)) => format!("{name}, below line {line}, '{key}:'"),
            _ => format!("{name}, at its end"),
        }
    }
}

/// Keys below keys, in the order in which they are to be written.
#[derive(Default)]
struct Tree {
    lines: Vec<String>,
    below: Vec<(String, Tree)>,
}

impl Tree {
    fn put(&mut self, path: &[String], lines: &[String]) {
        match path {
            [] => {
                let new: Vec<String> = lines.iter().filter(|line| !self.lines.contains(line)).cloned().collect();
                self.lines.extend(new);
            }
            [key, rest @ ..] => {
                let place = self.below.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
                    self.below.push((key.clone(), Self::default()));
                    self.below.len() - 1
                });
                self.below[place].1.put(rest, lines);
            }
        }
    }

    fn block(&self, indent: usize, text: &mut String) {
        for line in &self.lines {
            *text += &format!("{:indent$}{line}\n", "");
        }
        for (key, below) in &self.below {
            *text += &format!("{:indent$}{key}:\n", "");
            below.block(indent + 2, text);
        }
    }

    /// For what is written in braces.
    fn flow(&self) -> String {
        let lines = self.lines.iter().filter(|line| !line.starts_with('#')).cloned();
        let below = self.below.iter().map(|(key, below)| format!("{key}: {{{}}}", below.flow()));
        lines.chain(below).collect::<Vec<_>>().join(", ")
    }
}

/// All that is missing in a file, whose text and content are given, in blocks to paste: one for each place. The last place comes first, so
/// that a block moves no other's line.
pub fn blocks<'a>(file: &Path, text: &str, node: &Node, lacks: impl Iterator<Item = &'a Lack>) -> Vec<Block> {
    // By the keys that are there; of a new section by its name, too.
    let mut places: Vec<(Vec<String>, Tree)> = Vec::new();
    for written in lacks.filter_map(|lack| lack.written.as_ref()) {
        let there = Anchor::of(node, written.path.iter().map(String::as_str)).there;
        let place = written.path[..there.max(1).min(written.path.len())].to_vec();
        let tree = match places.iter().position(|(known, _)| *known == place) {
            Some(at) => &mut places[at].1,
            None => {
                places.push((place, Tree::default()));
                let last = places.len() - 1;
                &mut places[last].1
            }
        };
        tree.put(&written.path[there..], &[written.lines.as_slice(), &written.beside].concat());
    }
    let lines: Vec<&str> = text.lines().collect();
    let line_of =
        |line: u32| lines.get(usize::try_from(line).unwrap_or(0).saturating_sub(1)).copied().unwrap_or_default();
    let block = |(place, tree): (Vec<String>, Tree)| {
        let anchor = Anchor::of(node, place.iter().map(String::as_str));
        let first = anchor.place.pairs().first().map(|(key, _)| (key.line, line_of(key.line)));
        let in_braces = anchor.there > 0
            && first.is_some_and(|(line, text)| line == anchor.line || text.trim_start().starts_with('{'));
        let indent = match first {
            Some((_, text)) if anchor.there > 0 => text.len() - text.trim_start().len(),
            _ => 2 * anchor.there,
        };
        let mut text = String::new();
        match in_braces {
            true => text = tree.flow(),
            false => tree.block(indent, &mut text),
        }
        let is_there = anchor.there > 0;
        Block {
            file: file.to_owned(),
            below_line: is_there.then_some(anchor.line),
            below: place.last().cloned().filter(|_| is_there),
            in_braces,
            text,
        }
    };
    let mut blocks: Vec<Block> = places.into_iter().map(block).collect();
    blocks.sort_by_key(|block| std::cmp::Reverse(block.below_line.unwrap_or(u32::MAX)));
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    /// What is told of some lacks, and the blocks.
    fn told(text: &str, lacks: &[(&[&str], &str)]) -> (Vec<String>, Vec<Block>) {
        let file = Path::new("fahrtenbuch.yaml");
        let node = yaml::parse(file, text).unwrap();
        let mut lacking = Lacking::new(file, &node);
        lacks.iter().for_each(|(path, example)| lacking.add(path, "something is missing", example));
        let found = lacking.finish();
        let remedies = found.iter().map(|lack| format!("{} {}", lack.problem.line, lack.problem.remedy)).collect();
        (remedies, blocks(file, text, &node, found.iter()))
    }

    #[test]
    fn what_is_missing_at_one_place_is_one_block_at_the_depth_of_what_is_there() {
        let lacks: [(&[&str], &str); 4] = [
            (&["portal", "imprint"], "name: Stadt"),
            (&["portal", "imprint"], "phone: 115"),
            (&["portal", "privacy"], "hosting: Hier"),
            (&["contact"], "name: A\nemail: a@b.de"),
        ];
        let (remedies, blocks) = told("title: T\n", &lacks);
        assert_eq!(remedies[0], "1 Write 'name: Stadt' below 'portal: imprint:'.");
        assert_eq!(remedies[3], "1 Write 'contact: {name: A, email: a@b.de}'.");
        let texts: Vec<&str> = blocks.iter().map(|block| block.text.as_str()).collect();
        let portal = "portal:\n  imprint:\n    name: Stadt\n    phone: 115\n  privacy:\n    hosting: Hier\n";
        assert_eq!(texts, [portal, "contact:\n  name: A\n  email: a@b.de\n"]);
        let text = "title: T\nportal:\n    imprint:\n          email: a@b.de\ncontact: {name: A}\n";
        let (remedies, blocks) = told(text, &lacks);
        assert_eq!(remedies[0], "3 Write 'name: Stadt' below 'imprint:'.");
        assert_eq!(remedies[2], "2 Write 'privacy: {hosting: Hier}' below 'portal:'.");
        let told: Vec<(Option<u32>, bool, &str)> =
            blocks.iter().map(|block| (block.below_line, block.in_braces, block.text.as_str())).collect();
        assert_eq!(
            told,
            [
                (Some(5), true, "name: A, email: a@b.de"),
                (Some(3), false, "          name: Stadt\n          phone: 115\n"),
                (Some(2), false, "    privacy:\n      hosting: Hier\n"),
            ]
        );
    }

    #[test]
    fn a_section_that_is_not_there_is_told_at_its_example_or_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("fahrtenbuch.yaml");
        let text = "# A city.\ntitle: T\n# contact: {name: A}\n# people of the city\nportal:\n  #   backup: no section\n  colour: red\n";
        std::fs::write(&file, text).unwrap();
        let node = yaml::parse(&file, text).unwrap();
        let mut lacking = Lacking::of_file(&file, &node);
        lacking.add(&["contact"], "x", "name: A");
        lacking.add(&["backup"], "x", "to: /mnt/backup");
        lacking.add(&[], "x", "people: [A]");
        lacking.add(&["portal", "imprint"], "x", "name: A");
        let lines: Vec<u32> = lacking.finish().iter().map(|lack| lack.problem.line).collect();
        assert_eq!(lines, [3, 7, 7, 5]);
    }

    #[test]
    fn a_line_that_may_be_written_on_a_condition_carries_it() {
        let lack: (&[&str], &str) =
            (&["catalogues", "datasets", "bus"], "# only if the city declares it.\nhigh_value: mobility");
        let (remedies, blocks) = told("title: T\n", &[lack]);
        assert_eq!(
            remedies[0],
            "1 Write 'catalogues: {datasets: {bus: {high_value: mobility}}}', only if the city declares it."
        );
        let text =
            "catalogues:\n  datasets:\n    bus:\n      # only if the city declares it.\n      high_value: mobility\n";
        assert_eq!(blocks[0].text, text);
    }
}
