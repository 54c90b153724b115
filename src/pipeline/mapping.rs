//! Mapping files: values of a feed's column that the data manager replaces before anything is checked.
//!
//! A CSV file with the header `from,to`, or `from,to,valid_from,valid_until` with the first and the last service date on
//! which a line holds (empty: without end). A value is replaced once: `to` is not looked up again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use rustc_hash::FxHashMap;

use crate::decode::csv::{Blocks, Fields, header_fields};
use crate::decode::{DecodeError, Limits};
use crate::digest::Digest;
use crate::time::ServiceDate;
use crate::yaml::Problems;

const HEADERS: [&[&str]; 2] = [&["from", "to"], &["from", "to", "valid_from", "valid_until"]];

/// A mapping file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub file: PathBuf,
    /// Of the file's bytes.
    pub digest: Digest,
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    line: u32,
    from: String,
    to: String,
    valid_from: Option<ServiceDate>,
    valid_until: Option<ServiceDate>,
}

impl Line {
    fn holds_on(&self, date: ServiceDate) -> bool {
        self.valid_from.is_none_or(|from| from <= date) && self.valid_until.is_none_or(|until| date <= until)
    }

    /// Whether there is a date on which both hold.
    fn overlaps(&self, other: &Self) -> bool {
        let before =
            |a: Option<ServiceDate>, b: Option<ServiceDate>| a.zip(b).is_some_and(|(until, from)| until < from);
        !before(self.valid_until, other.valid_from) && !before(other.valid_until, self.valid_from)
    }
}

impl Mapping {
    /// Reads a file; every mistake in it becomes a problem.
    pub fn read(file: &Path, problems: &mut Problems) -> Option<Self> {
        let bytes = match crate::durable::read(file) {
            Ok(bytes) => bytes,
            Err(error) => {
                problems.add(0, format!("cannot be read: {error}"), "Check that the file exists and is readable.");
                return None;
            }
        };
        let before = problems.found.len();
        let lines = lines(&file.to_string_lossy(), &bytes, problems);
        if problems.found.len() > before {
            return None;
        }
        Some(Self { file: file.to_owned(), digest: Digest::of(&bytes), lines })
    }

    /// What it says on a service date.
    pub fn on(&self, date: ServiceDate) -> Dictionary {
        let lines = self.lines.iter().filter(|line| line.holds_on(date));
        Dictionary(lines.map(|line| (line.from.clone(), Arc::from(line.to.as_str()))).collect())
    }
}

fn lines(name: &str, bytes: &[u8], problems: &mut Problems) -> Vec<Line> {
    if let Err(error) = simdutf8::compat::from_utf8(bytes) {
        let line = 1 + memchr::memchr_iter(b'\n', &bytes[..error.valid_up_to()]).count();
        problems.add(line as u32, "the text is not UTF-8", "Save the file as UTF-8.");
        return Vec::new();
    }
    let mut blocks = Blocks::new(name, bytes, Limits::default());
    let mut lines: Vec<Line> = Vec::new();
    let add = |error: DecodeError, problems: &mut Problems| match error {
        DecodeError::Row { row, problem, remedy, .. } => problems.add(row as u32, problem, remedy),
        DecodeError::Feed { problem, remedy, .. } => problems.add(0, problem, remedy),
        DecodeError::Io { source, .. } => problems.add(0, source.to_string(), "Check the disk."),
        DecodeError::Capture(error) => problems.add(0, error.to_string(), "Check the disk."),
        DecodeError::Budget(exceeded) => problems.add(0, exceeded.to_string(), "Make the file smaller."),
    };
    let header = match blocks.header() {
        Ok(Some(header)) => header_fields(&header),
        Ok(None) => Vec::new(),
        Err(error) => {
            add(error, problems);
            return Vec::new();
        }
    };
    if !HEADERS.iter().any(|known| *known == header.as_slice()) {
        let found = if header.is_empty() { "the file is empty".to_owned() } else { header.join(",") };
        let message = format!("the first line is not the header of a mapping: {found}");
        problems.add(1, message, "Write 'from,to' or 'from,to,valid_from,valid_until'.");
        return Vec::new();
    }
    loop {
        let block = match blocks.next_block() {
            Ok(Some(block)) => block,
            Ok(None) => break,
            Err(error) => {
                add(error, problems);
                return Vec::new();
            }
        };
        let fields = Fields::rewrite(&block, Some(header.len()), usize::MAX);
        for torn in &fields.torn {
            let message = format!("the line has {} fields, the header has {}", torn.fields, header.len());
            problems.add(torn.line as u32, message, "Separate the fields by commas, and quote values that have some.");
        }
        for loose in &fields.loose {
            problems.add(loose.line as u32, "a quoted value has quotes inside", "Double each quote inside of quotes.");
        }
        let starts = fields.lines.clone().unwrap_or_default();
        for (record, &line) in starts.iter().enumerate() {
            let line = line as u32;
            let field =
                |column: usize| String::from_utf8_lossy(fields.field(record * header.len() + column)).into_owned();
            let mut date = |column: usize| -> Option<ServiceDate> {
                let text = if column < header.len() { field(column) } else { String::new() };
                let date = text.parse().ok();
                if date.is_none() && !text.is_empty() {
                    let message = format!("'{}' is no date: '{text}'", header[column]);
                    problems.add(line, message, "Write a date like 2026-11-24, or nothing.");
                }
                date
            };
            let (valid_from, valid_until) = (date(2), date(3));
            let read = Line { line, from: field(0), to: field(1), valid_from, valid_until };
            if read.from.is_empty() || read.to.is_empty() {
                let empty = if read.from.is_empty() { "from" } else { "to" };
                problems.add(line, format!("'{empty}' is empty"), "Write both values, or remove the line.");
            } else if valid_from.zip(valid_until).is_some_and(|(from, until)| until < from) {
                problems.add(line, "'valid_until' is before 'valid_from'", "Exchange the two dates.");
            } else {
                lines.push(read);
            }
        }
    }
    if lines.is_empty() && problems.found.is_empty() {
        problems.add(1, "the mapping has no line", "Write 'from,to' values, or remove the mapping from the pipeline.");
    }
    twice(&lines, problems);
    lines
}

/// A value that two lines replace on the same date.
fn twice(lines: &[Line], problems: &mut Problems) {
    let mut by_value: HashMap<&str, Vec<&Line>> = HashMap::new();
    for line in lines {
        let others = by_value.entry(&line.from).or_default();
        if let Some(other) = others.iter().find(|other| other.overlaps(line)) {
            let message = format!("'{}' is replaced by line {} already, on the same dates", line.from, other.line);
            problems.add(line.line, message, "Remove one of the lines, or let them hold on different dates.");
        }
        others.push(line);
    }
}

/// What a mapping says on one service date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dictionary(FxHashMap<String, Arc<str>>);

impl Dictionary {
    /// Replaces the values of a text column; nothing if there is none to replace. And how many were.
    pub fn replace(&self, array: &ArrayRef) -> Option<(ArrayRef, u64)> {
        let texts = array.as_string_opt::<i32>()?;
        if self.0.is_empty() || texts.null_count() == texts.len() {
            return None;
        }
        // Equal values stand together more often than not.
        let mut last: Option<(&str, Option<&str>)> = None;
        let mut lookup = |text| match last {
            Some((before, found)) if before == text => found,
            _ => {
                let found = self.0.get(text).map(|to| &**to);
                last = Some((text, found));
                found
            }
        };
        // Most chunks have nothing to replace, and stay as they are.
        let first = (0..texts.len()).find(|&row| texts.is_valid(row) && lookup(texts.value(row)).is_some())?;
        let mut out = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
        let mut count = 0;
        for row in 0..texts.len() {
            if texts.is_null(row) {
                out.append_null();
                continue;
            }
            let text = texts.value(row);
            match (row >= first).then(|| lookup(text)).flatten() {
                Some(to) => {
                    count += 1;
                    out.append_value(to);
                }
                None => out.append_value(text),
            }
        }
        Some((Arc::new(out.finish()), count))
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::StringArray;

    use super::*;

    fn read(text: &[u8]) -> Result<Mapping, Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("trips.csv");
        std::fs::write(&file, text).unwrap();
        let mut problems = Problems::new(Path::new("trips.csv"));
        let mapping = Mapping::read(&file, &mut problems);
        mapping.ok_or_else(|| problems.found.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn values_are_replaced_on_the_dates_on_which_a_line_holds() {
        let text = "\u{feff}from,to,valid_from,valid_until\r\nx,a,,2026-11-24\r\nx,b,2026-11-25,\r\n\"y,1\",c,,\r\n";
        let mapping = read(text.as_bytes()).unwrap();
        let array: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), Some("x"), None, Some("y,1"), Some("z")]));
        let on = |date: &str| {
            let (array, count) = mapping.on(date.parse().unwrap()).replace(&array).unwrap();
            (array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect::<Vec<_>>(), count)
        };
        let texts = |texts: [&str; 4]| {
            let [a, b, c, d] = texts.map(|text| Some(text.to_owned()));
            vec![a, b, None, c, d]
        };
        assert_eq!(on("2026-11-24"), (texts(["a", "a", "c", "z"]), 3));
        assert_eq!(on("2026-11-25"), (texts(["b", "b", "c", "z"]), 3));
        let others: ArrayRef = Arc::new(StringArray::from(vec!["q", "q"]));
        assert!(mapping.on("2026-11-25".parse().unwrap()).replace(&others).is_none());
    }

    #[test]
    fn every_mistake_of_a_mapping_is_told_with_its_line_and_a_remedy() {
        for (text, expected) in [
            (
                &b""[..],
                "trips.csv:1: the first line is not the header of a mapping: the file is empty. Write 'from,to'",
            ),
            (b"from;to\na;b\n", "trips.csv:1: the first line is not the header of a mapping: from;to. Write"),
            (b"from,to\n", "trips.csv:1: the mapping has no line. Write"),
            (b"from,to\na,b\na,\xff\n", "trips.csv:3: the text is not UTF-8. Save the file as UTF-8."),
            (b"from,to\na,b\nc\n", "trips.csv:3: the line has 1 fields, the header has 2. Separate"),
            (b"from,to\na,b\n,c\n", "trips.csv:3: 'from' is empty. Write both values"),
            (b"from,to\na,\n", "trips.csv:2: 'to' is empty. Write both values"),
            (b"from,to\na,b\nc,d\na,e\n", "trips.csv:4: 'a' is replaced by line 2 already, on the same dates. Remove"),
            (
                b"from,to,valid_from,valid_until\na,b,2026-01-01,2026-06-30\na,c,2026-06-30,\n",
                "trips.csv:3: 'a' is replaced by line 2 already",
            ),
            (
                b"from,to,valid_from,valid_until\na,b,24.11.2026,\n",
                "trips.csv:2: 'valid_from' is no date: '24.11.2026'",
            ),
            (b"from,to,valid_from,valid_until\na,b,2026-11-24,2026-11-23\n", "trips.csv:2: 'valid_until' is before"),
            (b"from,to\na,\"b\n", "trips.csv:2: a quote that opens in this record is never closed"),
        ] {
            let problems = read(text).unwrap_err();
            assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{expected}: {problems:?}");
        }
    }
}
