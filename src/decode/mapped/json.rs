//! The rows of a JSON document: the elements of a list somewhere in it, or values one after the other.
//!
//! The text is walked through once, without a tree of it, and stops behind every row: what is held is the row that is read. Where
//! it is no JSON any more, the rows before that place stand. Values that no column is made of are looked through by `serde_json`. A
//! single value that is no JSON and whose end can be seen, as `NaN`, ends nothing: see [`super::lenient`].

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::lenient;
use super::path::{Path, Step, Tree};
use super::row::{Found, Row};

/// The text is no JSON at this byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub at: usize,
}

/// What comes next in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Row,
    /// A row that is left out; others may follow.
    Damaged,
    End,
    Broken(Broken),
}

/// Why a document has no rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoRows {
    Broken(Broken),
    /// It is JSON, and says this instead, to stand behind its name.
    Elsewhere(String),
}

/// A value as it stands in the text.
struct Written<'a> {
    value: &'a [u8],
    is_json: bool,
}

/// A place in a text.
struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn blanks(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        self.blanks();
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Result<(), Broken> {
        if self.take(byte) { Ok(()) } else { Err(Broken { at: self.at }) }
    }

    /// Where the next value stands, which is JSON but for the UTF-8 of its texts. The cursor is behind it.
    fn value(&mut self) -> Result<&'a [u8], Broken> {
        self.blanks();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => {
                let value = &rest[..values.byte_offset()];
                self.at += value.len();
                Ok(value)
            }
            _ => Err(Broken { at: self.at }),
        }
    }

    /// The same, or a value within an object or list that is no JSON, or has such a value in it. It is looked through twice at most.
    fn value_or_flaw(&mut self) -> Result<Written<'a>, Broken> {
        match self.value() {
            Ok(value) => Ok(Written { value, is_json: true }),
            Err(broken) => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let value = lenient::value(rest).map(|length| &rest[..length]).ok_or(broken)?;
                self.at += value.len();
                Ok(Written { value, is_json: false })
            }
        }
    }

    /// The key of an object, and the colon behind it.
    fn key(&mut self) -> Result<Cow<'a, [u8]>, Broken> {
        if self.peek() != Some(b'"') {
            return Err(Broken { at: self.at });
        }
        let written = self.value_or_flaw()?;
        self.expect(b':')?;
        Ok(unescaped(written.value))
    }

    /// Whether another element follows in an object or list that `end` closes. The first needs no comma.
    fn goes_on(&mut self, end: u8, is_first: bool) -> Result<bool, Broken> {
        if self.take(end) {
            return Ok(false);
        }
        if !is_first {
            self.expect(b',')?;
        }
        Ok(true)
    }
}

/// The text of a string with its quotes. One whose escapes are no text stays as it is written, with bytes that are none.
fn unescaped(written: &[u8]) -> Cow<'_, [u8]> {
    let inner = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
    if memchr::memchr(b'\\', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    match serde_json::from_slice::<String>(written) {
        Ok(text) => Cow::Owned(text.into_bytes()),
        Err(_) => Cow::Owned([inner, b"\xff"].concat()),
    }
}

/// Walks through a row or document once and finds the values of its columns.
#[derive(Debug)]
pub(super) struct Finder {
    tree: Tree,
    /// In which walk each node was met last.
    met: Vec<u64>,
    walk: u64,
}

impl Finder {
    pub(super) fn new(tree: Tree) -> Self {
        Self { met: vec![0; tree.len()], tree, walk: 0 }
    }

    /// Reads the value at a place; gives the place behind it.
    pub(super) fn find(&mut self, text: &[u8], at: usize, row: &mut Row) -> Result<usize, Broken> {
        row.clear();
        self.walk += 1;
        let mut cursor = Cursor { text, at };
        cursor.blanks();
        self.node(Tree::ROOT, &mut cursor, row)?;
        Ok(cursor.at)
    }

    /// Paths have few steps, so that this calls itself a few times only.
    fn node(&mut self, at: usize, cursor: &mut Cursor<'_>, row: &mut Row) -> Result<(), Broken> {
        let is_again = at != Tree::ROOT && self.met[at] == self.walk;
        self.met[at] = self.walk;
        let is_value = self.tree.node(at).is_value;
        match cursor.peek() {
            Some(b'{') if !is_value && !is_again => return self.object(at, cursor, row),
            Some(b'[') if !is_value && !is_again => return self.list(at, cursor, row),
            _ => {}
        }
        let Written { value, is_json } = cursor.value_or_flaw()?;
        let end = cursor.at;
        let begin = end - value.len();
        let found = match value.first() {
            _ if is_again => Found::Twice,
            Some(b'{' | b'[') => Found::Other,
            _ if !is_json => Found::NoJson(begin..end),
            Some(b'n') => Found::Absent,
            _ if !is_value => Found::Other,
            Some(b'"') => match unescaped(value) {
                Cow::Borrowed(_) => Found::Text(begin + 1..end - 1),
                Cow::Owned(text) => row.set_aside(&text),
            },
            Some(b't') => Found::Bool(true),
            Some(b'f') => Found::Bool(false),
            None => Found::Other,
            Some(_) => Found::Number(begin..end),
        };
        // A row that is no object or list says nothing.
        if at != Tree::ROOT {
            for column in &self.tree.node(at).columns {
                row.set(*column, found.clone());
            }
        }
        Ok(())
    }

    fn object(&mut self, at: usize, cursor: &mut Cursor<'_>, row: &mut Row) -> Result<(), Broken> {
        cursor.expect(b'{')?;
        let mut is_first = true;
        while cursor.goes_on(b'}', is_first)? {
            is_first = false;
            let key = cursor.key()?;
            match self.tree.by_key(at, &key) {
                Some(next) => self.node(next, cursor, row)?,
                None => _ = cursor.value_or_flaw()?,
            }
        }
        Ok(())
    }

    fn list(&mut self, at: usize, cursor: &mut Cursor<'_>, row: &mut Row) -> Result<(), Broken> {
        cursor.expect(b'[')?;
        let mut index = 0;
        while cursor.goes_on(b']', index == 0)? {
            match self.tree.by_index(at, index) {
                Some(next) => self.node(next, cursor, row)?,
                None => _ = cursor.value_or_flaw()?,
            }
            index += 1;
        }
        Ok(())
    }
}

/// The rows of a document that is read.
#[derive(Clone, Debug)]
pub(super) struct JsonRows {
    /// The keys on the way to the list, the outermost first.
    keys: Vec<String>,
    /// Behind the last row.
    at: usize,
    shape: Shape,
    is_first: bool,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    /// Elements of the list.
    List,
    /// Values one after the other.
    Sequence,
    /// The same, each on a line of its own: one was damaged, and none is looked for beyond its line any more, since each might
    /// be looked for up to the end.
    Lines,
    /// The list is at its end, or the text is no JSON any more.
    Done,
}

impl JsonRows {
    /// Finds the rows. Without a path they are the elements of the document, if it is a list, or else the values that stand in it
    /// one after the other, as in lines.
    pub(super) fn open(text: &[u8], rows: Option<&Path>) -> Result<Self, NoRows> {
        let mut cursor = Cursor { text, at: 0 };
        let Some(path) = rows else {
            let shape = if cursor.take(b'[') { Shape::List } else { Shape::Sequence };
            return Ok(Self { keys: Vec::new(), at: cursor.at, shape, is_first: true });
        };
        let mut keys = Vec::new();
        for step in &path.steps {
            let Step::Key(key) = step else { return Err(NoRows::Elsewhere("has no rows".to_owned())) };
            enter(&mut cursor, key)?;
            keys.push(key.to_string());
        }
        if !cursor.take(b'[') {
            return Err(match cursor.peek() {
                Some(_) => NoRows::Elsewhere(format!("has no list at '{path}'")),
                None => NoRows::Broken(Broken { at: cursor.at }),
            });
        }
        Ok(Self { keys, at: cursor.at, shape: Shape::List, is_first: true })
    }

    /// Reads the next row.
    pub(super) fn next(&mut self, text: &[u8], finder: &mut Finder, row: &mut Row) -> Next {
        let line_end = |from: usize| memchr::memchr(b'\n', text.get(from..).unwrap_or_default()).map(|at| from + at);
        let mut cursor = Cursor { text, at: self.at };
        let done = match self.shape {
            Shape::Done => return Next::End,
            Shape::List => match cursor.goes_on(b']', self.is_first) {
                Ok(true) => Ok(()),
                Ok(false) => {
                    self.shape = Shape::Done;
                    return leave(&mut cursor, &self.keys).map_or_else(Next::Broken, |()| Next::End);
                }
                Err(broken) => Err(broken),
            },
            Shape::Sequence | Shape::Lines => match cursor.peek() {
                Some(_) => Ok(()),
                None => return Next::End,
            },
        };
        self.is_first = false;
        let within = match self.shape {
            Shape::Lines => &text[..line_end(cursor.at).unwrap_or(text.len())],
            _ => text,
        };
        // What stands between rows one after the other and is none must be JSON: else any text would be rows.
        let is_bare = !matches!(self.shape, Shape::List) && !matches!(cursor.peek(), Some(b'{' | b'['));
        let found = done.and_then(|()| {
            if is_bare {
                Cursor { text: within, at: cursor.at }.value()?;
            }
            finder.find(within, cursor.at, row)
        });
        match found {
            Ok(behind) => {
                self.at = behind;
                if row.has_any { Next::Row } else { Next::Damaged }
            }
            Err(broken) => match (self.shape, line_end(cursor.at)) {
                // The next line may be whole again.
                (Shape::Sequence | Shape::Lines, Some(end)) => {
                    (self.shape, self.at) = (Shape::Lines, end + 1);
                    Next::Damaged
                }
                _ => {
                    self.shape = Shape::Done;
                    Next::Broken(broken)
                }
            },
        }
    }
}

/// Goes to the value of a key. Of a key that stands twice the first counts.
fn enter(cursor: &mut Cursor<'_>, key: &str) -> Result<(), NoRows> {
    if cursor.peek() != Some(b'{') {
        return Err(match cursor.value() {
            Ok(_) => NoRows::Elsewhere(format!("has no object with '{key}'")),
            Err(broken) => NoRows::Broken(broken),
        });
    }
    let mut is_first = true;
    cursor.expect(b'{').map_err(NoRows::Broken)?;
    while cursor.goes_on(b'}', is_first).map_err(NoRows::Broken)? {
        is_first = false;
        if *cursor.key().map_err(NoRows::Broken)? == *key.as_bytes() {
            return Ok(());
        }
        cursor.value_or_flaw().map_err(NoRows::Broken)?;
    }
    Err(NoRows::Elsewhere(format!("has no '{key}'")))
}

/// Reads what stands behind the list in the objects around it, and that nothing stands behind those. A second list in the place of
/// the first has rows that nobody would miss: it is damage.
fn leave(cursor: &mut Cursor<'_>, keys: &[String]) -> Result<(), Broken> {
    for own in keys.iter().rev() {
        while cursor.goes_on(b'}', false)? {
            let at = cursor.at;
            if *cursor.key()? == *own.as_bytes() {
                return Err(Broken { at });
            }
            cursor.value_or_flaw()?;
        }
    }
    if cursor.peek().is_none() { Ok(()) } else { Err(Broken { at: cursor.at }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::values::Value;
    use super::*;

    /// The values of each row, and how the document ends.
    fn read(text: &str, rows: Option<&str>, paths: &[&str]) -> (Vec<Vec<String>>, String) {
        let paths: Vec<Path> = paths.iter().map(|path| Path::parse(path).unwrap()).collect();
        let mut finder = Finder::new(Tree::new(paths.iter().enumerate()));
        let mut row = Row::new(paths.len());
        let rows = rows.map(|rows| Path::of_rows(rows).unwrap());
        let mut found = Vec::new();
        let mut document = match JsonRows::open(text.as_bytes(), rows.as_ref()) {
            Ok(document) => document,
            Err(no_rows) => return (found, format!("{no_rows:?}")),
        };
        loop {
            match document.next(text.as_bytes(), &mut finder, &mut row) {
                Next::Row => found.push(
                    (0..paths.len())
                        .map(|column| match row.value(column, text.as_bytes()) {
                            Value::Text(text) => format!("'{}'", String::from_utf8_lossy(text)),
                            Value::Number(text) => String::from_utf8_lossy(text).into_owned(),
                            Value::NoJson(text) => format!("no JSON: {}", String::from_utf8_lossy(text)),
                            other => format!("{other:?}"),
                        })
                        .collect(),
                ),
                Next::Damaged => found.push(vec!["damaged".to_owned()]),
                end => return (found, format!("{end:?}")),
            }
        }
    }

    fn texts(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|text| (*text).to_owned()).collect()).collect()
    }

    #[test]
    fn a_second_list_in_the_place_of_the_rows_is_told() {
        for text in [r#"{"v": [{"id": 1}], "v": [{"id": 2}]}"#, r#"{"f": {"v": [{"id": 1}]}, "f": {"v": []}}"#] {
            let rows = if text.contains('f') { "$.f.v[*]" } else { "$.v[*]" };
            let (found, end) = read(text, Some(rows), &["id"]);
            assert_eq!(found, texts(&[&["1"]]), "{text}");
            assert!(end.starts_with("Broken"), "{text}: {end}");
        }
    }

    #[test]
    fn rows_are_the_elements_of_a_list_wherever_it_stands() {
        let list = r#"[{"id": 7, "ort": {"lat": 48.5, "x": [1, {}]}}, {"ort": {"lat": null}, "id": "B\u0075s \"8\""}]"#;
        let expected = texts(&[&["7", "48.5"], &["'Bus \"8\"'", "Absent"]]);
        let around = format!(r#" {{"a": "b]", "f": {{"g": [], "r": {list}, "z": 1}}, "ende": true}} "#);
        for (text, rows) in [(list, None), (list, Some("$[*]")), (&around, Some("$.f.r[*]"))] {
            assert_eq!(read(text, rows, &["id", "ort.lat"]), (expected.clone(), "End".to_owned()), "{text}");
        }
        assert_eq!(read("[]", None, &["id"]), (vec![], "End".to_owned()));
        assert_eq!(read("[[3, 4], [5]]", None, &["[1]"]).0, texts(&[&["4"], &["damaged"]]));
    }

    #[test]
    fn rows_are_values_one_after_the_other() {
        let lines = "{\"id\": 1}\n{\"id\": 2}\r\n\n{\"id\": 3}";
        assert_eq!(read(lines, None, &["id"]).0, texts(&[&["1"], &["2"], &["3"]]));
        // A line that is damaged does not take the others with it.
        let damaged = "{\"id\": 1}\n{\"id\": \n{\"id\": 3}\n{\"id\": 4";
        let (rows, end) = read(damaged, None, &["id"]);
        assert!(
            rows[0] == ["1"] && rows.contains(&vec!["3".to_owned()]) && end.starts_with("Broken"),
            "{rows:?} {end}"
        );
        // None of many is looked for up to the end of the document.
        let many = "{\"id\": [\n".repeat(200_000);
        assert_eq!(read(&many, None, &["id"]).0.len(), 200_000);
        assert_eq!(read("", None, &["id"]), (vec![], "End".to_owned()));
        assert_eq!(read(r#"{"error": "quota"}"#, None, &["id"]).0, texts(&[&["damaged"]]));
    }

    #[test]
    fn what_is_no_value_of_a_column_is_told_apart() {
        let text = r#"[{"a": {"b": 1}, "c": [2]}, {"a": 5, "c": 1e999}, {"a": {"b": 1}, "a": {"b": 2}, "c": 3, "c": 4},
            {"a": {"b": 123456789012345678901234567890}, "c": true}, {"c": "\ud800"}, 7, null]"#;
        let (rows, end) = read(text, None, &["a.b", "c"]);
        assert_eq!(end, "End");
        assert_eq!(rows[0], ["1", "Other"]);
        assert_eq!(rows[1], ["Other", "1e999"]);
        assert_eq!(rows[2], ["Twice", "Twice"]);
        assert_eq!(rows[3], ["123456789012345678901234567890", "Bool(true)"]);
        // An escape that is no text.
        assert_eq!(rows[4], ["Absent", "'\\ud800\u{fffd}'"]);
        assert_eq!(rows[5..], texts(&[&["damaged"], &["damaged"]]));
    }

    #[test]
    fn a_value_that_is_no_json_is_told_and_ends_nothing() {
        for value in [
            "NaN",
            "-Infinity",
            "nan",
            "None",
            "True",
            "N/A",
            ".5",
            "01",
            "+1",
            "1.",
            "tru",
            "1e999x",
            "\"\\x\"",
            "\"a\tb\"",
        ] {
            for text in [
                format!(r#"[{{"id": {value}, "x": 1}}, {{"id": 2}}]"#),
                format!(r#"[{{"x": 1, "id":{value}}}, {{"id": 2}}]"#),
                format!("{{\"id\": {value}\r\n}}\n{{\"id\": 2}}"),
            ] {
                let expected = texts(&[&[&format!("no JSON: {value}")], &["2"]]);
                assert_eq!(read(&text, None, &["id"]), (expected, "End".to_owned()), "{text}");
            }
            // Wherever it stands that no column is made of.
            let text = format!(
                r#"{{"a": {value}, "f": [{{"x": [[{value}], {{"y": {value}}}], "id": 1}}, {value}], "z": [{value}]}}"#
            );
            assert_eq!(read(&text, Some("f"), &["id"]), (texts(&[&["1"], &["damaged"]]), "End".to_owned()), "{text}");
            let text = format!(r#"[{{"id": [{value}]}}, {{"id": 2}}]"#);
            assert_eq!(read(&text, None, &["id"]), (texts(&[&["Other"], &["2"]]), "End".to_owned()), "{text}");
        }
        assert_eq!(read(r#"[{"id": 1e999}, {"id": -0}]"#, None, &["id"]).0, texts(&[&["1e999"], &["-0"]]));
        // What is no text of JSON at all has no rows.
        for text in ["not found", "Service unavailable", "[NaN", r#"[{"id": Na"#, r#"[{"id": N N}]"#, r#"[{"id": "a}]"#]
        {
            let (rows, end) = read(text, None, &["id"]);
            assert!(rows.iter().all(|row| row == &["damaged"]) && end.starts_with("Broken"), "{text}: {rows:?} {end}");
        }
    }

    #[test]
    fn many_values_that_are_no_json_are_read_in_one_walk() {
        let count = 200_000;
        for row in [r#"{"id": NaN, "x": [NaN, {"y": NaN}]}"#, r#"{"id": "\x"}"#] {
            let text = format!("[{}]", vec![row; count].join(","));
            let begun = std::time::Instant::now();
            assert_eq!(read(&text, None, &["id"]).0.len(), count);
            assert!(begun.elapsed().as_secs() < 30, "{row}: {:?}", begun.elapsed());
        }
        // Deep, and no JSON at the innermost place.
        let deep = format!("[{{\"x\": {}NaN{}, \"id\": 1}}]", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(read(&deep, None, &["id"]).0, texts(&[&["1"]]));
    }

    #[test]
    fn a_document_cut_off_anywhere_gives_the_rows_before() {
        let whole = r#"{"stand": 5, "f": [{"id": 1}, {"id": 2}, {"id": 3}], "n": {"x": [1]}}"#;
        for length in 0..whole.len() {
            let (rows, end) = read(&whole[..length], Some("f"), &["id"]);
            let expected = whole[..length].matches('}').count().min(3);
            assert!(rows.len() == expected && !end.starts_with("End"), "{length}: {rows:?} {end}");
        }
        for (text, problem) in
            [("{}", "has no 'f'"), (r#"{"f": {}}"#, "has no list at '$.f'"), ("[1]", "has no object with 'f'")]
        {
            assert!(read(text, Some("f"), &["id"]).1.contains(problem), "{text}");
        }
        assert!(read(r#"{"f": [{"id": 1}]} x"#, Some("f"), &["id"]).1.starts_with("Broken"));
    }

    #[test]
    fn a_document_of_any_depth_is_read_without_a_stack() {
        let deep = format!("[{{\"x\": {}{}, \"id\": 1}}]", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(read(&deep, None, &["id"]).0, texts(&[&["1"]]));
        assert!(read(&"[".repeat(1_000_000), None, &["id"]).1.starts_with("Broken"));
    }

    proptest! {
        #[test]
        fn any_text_ends(text in r#"[\[\]{}",:0-9a-e\\n\t ]{0,60}"#, at_path in any::<bool>()) {
            let (rows, _) = read(&text, at_path.then_some("a.b"), &["a", "b.c", "[0]"]);
            prop_assert!(rows.len() <= text.len());
        }

        #[test]
        fn what_serde_writes_is_read(texts in proptest::collection::vec(".{0,12}", 0..6)) {
            let document: Vec<_> = texts.iter().map(|text| serde_json::json!({"k": text, "n": {"t": text}})).collect();
            let document = serde_json::to_string(&document).unwrap();
            let (rows, end) = read(&document, None, &["k", "n.t"]);
            prop_assert_eq!(end, "End");
            for (row, text) in rows.iter().zip(&texts) {
                let expected = if text.is_empty() { "Absent".to_owned() } else { format!("'{text}'") };
                prop_assert_eq!(row, &[expected.clone(), expected]);
            }
        }
    }
}
