//! The section `mapping` of a pipeline's file: which table the rows are of, where they stand, and what its columns are made of.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use super::message::OfMessage;
use super::path::Path;
use super::values::{Conversion, TimeForm, UNITS, Unit, Value, is_pattern};
use crate::contract::library::Library;
use crate::contract::{Column, Contract, Kind};
use crate::decode::captures::SOURCE;
use crate::digest::Digest;
use crate::yaml::{Node, Problems, suggestion};

/// The key of the section.
pub(super) const KEY: &str = "mapping";
const KEYS: &[&str] = &["table", "body", "rows", "separator", "decimal", "columns"];
const COLUMN_KEYS: &[&str] = &["from", "unit", "time", "zone", "values"];
const BODIES: &[&str] = &["json", "csv"];
const TIMES: &[&str] = &["iso8601", "unix", "unix_ms"];
/// The tables that releases of telemetry are made from.
const TABLES: &[&str] = &["vehicle_positions", "trip_updates", "alerts"];
/// What a row has of its capture.
const OF_CAPTURE: &[&str] = &["captured_at", SOURCE];
/// Columns of a mapping at most.
pub(super) const MOST_COLUMNS: usize = 64;

/// What the section says.
#[derive(Debug)]
pub(super) struct Mapping {
    pub table: String,
    pub body: Body,
    /// In the order of the file.
    pub columns: Vec<MappedColumn>,
}

/// What captures are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// Without a path the document is a list of rows, or has one after the other.
    Json {
        rows: Option<Path>,
    },
    Csv {
        separator: u8,
    },
}

/// A column, and what it is made of.
#[derive(Debug)]
pub(super) struct MappedColumn {
    pub name: String,
    /// As it is written.
    pub from: String,
    /// Of JSON.
    pub path: Option<Path>,
    /// What of a message of a broker, in place of its payload.
    pub of_message: Option<OfMessage>,
    pub conversion: Conversion,
    /// The section's lines of it, for the record.
    pub said: String,
}

impl MappedColumn {
    pub(super) fn is_of_document(&self) -> bool {
        self.path.as_ref().is_some_and(|path| path.is_of_document)
    }
}

/// Reads the section. `None` where it has a mistake that leaves nothing to work with; all mistakes are in `problems`.
pub(super) fn read(pipeline: &Node, contracts: &Library, problems: &mut Problems) -> Option<Mapping> {
    let Some(node) = pipeline.get(KEY) else {
        let remedy = "Add 'mapping:' with 'table:' and 'columns:'.";
        problems.add(pipeline.line, "'mapping' is missing, which tells what JSON or CSV means", remedy);
        return None;
    };
    node.only_keys(KEYS, problems);
    let line = |key: &str| node.get(key).map_or(node.line, |node| node.line);
    let body = body(node, problems);
    let decimal = node.optional_text("decimal", problems);
    if decimal.is_some() && matches!(body, Some(Body::Json { .. })) {
        let message = "'decimal' is for 'body: csv': numbers of JSON have a point";
        problems.add(line("decimal"), message, "Remove it, or write 'body: csv'.");
    }
    let has_comma = match decimal.as_deref() {
        None | Some(".") => false,
        Some(",") => true,
        Some(other) => {
            problems.add(line("decimal"), format!("'{other}' is no decimal sign"), "Write \"decimal: ','\" or '.'.");
            false
        }
    };
    let table = node.require_text("table", problems)?;
    let contract = contracts.get(&table);
    if contract.is_none() {
        let known: Vec<&str> = contracts.contracts.keys().map(String::as_str).collect();
        problems.add(line("table"), format!("there is no contract for '{table}'"), suggestion(&table, &known));
    } else if !TABLES.contains(&table.as_str()) {
        let message = format!("'{table}' is no table of telemetry, of which alone releases are made");
        problems.add(line("table"), message, suggestion(&table, TABLES));
    }
    let (contract, body) = (contract?, body?);
    let pairs = node.get("columns").map_or(&[][..], Node::pairs);
    if pairs.is_empty() {
        problems.add(line("columns"), "'mapping' has no columns", "Add 'columns:' with 'latitude: position.lat'.");
        return None;
    }
    let has_messages = has_messages(pipeline);
    let mut columns: Vec<MappedColumn> = Vec::new();
    let mut lines: Vec<u32> = Vec::new();
    for (name, from) in pairs {
        let of_table = Table { contract, body: &body, has_comma, has_messages };
        if let Some(column) = of_table.column(name, from, problems) {
            columns.push(column);
            lines.push(from.line);
        }
    }
    for (place, column) in columns.iter().enumerate() {
        let around = columns.iter().find(|other| match (&other.path, &column.path) {
            (Some(other), Some(path)) => other.is_around(path),
            _ => false,
        });
        if let Some(around) = around {
            let message =
                format!("'{}' is the value of '{}' and has '{}' in it", around.from, around.name, column.from);
            problems.add(lines[place], message, "A value that others stand in fills no column: remove one of the two.");
        }
    }
    required(contract, &columns, line("columns"), problems);
    if columns.len() > MOST_COLUMNS {
        problems.add(line("columns"), format!("'mapping' has more than {MOST_COLUMNS} columns"), "Remove some.");
        return None;
    }
    Some(Mapping { table, body, columns })
}

fn body(node: &Node, problems: &mut Problems) -> Option<Body> {
    let line = |key: &str| node.get(key).map_or(node.line, |node| node.line);
    let name = node.optional_text("body", problems).unwrap_or_else(|| "json".to_owned());
    let (rows, separator) = (node.optional_text("rows", problems), node.optional_text("separator", problems));
    match name.as_str() {
        "json" => {
            if separator.is_some() {
                problems.add(line("separator"), "'separator' is for 'body: csv'", "Remove it, or write 'body: csv'.");
            }
            let path = rows.map(|rows| (Path::of_rows(&rows), rows));
            match path {
                Some((Err(problem), rows)) => {
                    let message = format!("the path '{rows}' {problem}");
                    problems.add(line("rows"), message, "Write where the list of rows stands: '$.vehicles[*]'.");
                    None
                }
                Some((Ok(path), _)) => Some(Body::Json { rows: Some(path) }),
                None => Some(Body::Json { rows: None }),
            }
        }
        "csv" => {
            if rows.is_some() {
                problems.add(line("rows"), "'rows' is for 'body: json': of CSV each record is a row", "Remove it.");
            }
            let separator = separator.unwrap_or_else(|| ",".to_owned());
            let byte = match separator.as_bytes() {
                b"\\t" => Some(b'\t'),
                [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte) => Some(*byte),
                _ => None,
            };
            if byte.is_none() {
                let message = format!("'{separator}' separates no values");
                problems.add(line("separator"), message, "Write one character: \"separator: ';'\".");
            }
            byte.map(|separator| Body::Csv { separator })
        }
        other => {
            problems.add(line("body"), format!("'{other}' is no body that is mapped"), suggestion(other, BODIES));
            None
        }
    }
}

/// Whether a source of the pipeline may have frames: that of a broker, or evidence that somebody else keeps. Sources that are wrong are
/// told elsewhere.
fn has_messages(pipeline: &Node) -> bool {
    let may_have = |source: &Node| !matches!(source.get("type").and_then(Node::text), Some("http" | "file" | "s3"));
    let sources = pipeline.get("sources").map_or(&[][..], Node::items);
    sources.is_empty() || sources.iter().any(may_have)
}

/// Columns that every row must have, and nothing fills.
fn required(contract: &Contract, columns: &[MappedColumn], line: u32, problems: &mut Problems) {
    let is_filled = |name: &str| OF_CAPTURE.contains(&name) || columns.iter().any(|column| column.name == name);
    for column in contract.columns.iter().filter(|column| column.required && !is_filled(&column.name)) {
        let message = format!("every row of '{}' must have '{}', and nothing fills it", contract.table, column.name);
        problems.add(line, message, format!("Add '{}: ...' under 'columns:'.", column.name));
    }
}

/// The table whose columns are mapped.
struct Table<'a> {
    contract: &'a Contract,
    body: &'a Body,
    has_comma: bool,
    /// Whether captures may be frames of messages.
    has_messages: bool,
}

impl Table<'_> {
    /// Reads the line of one column.
    fn column(&self, name: &Node, from: &Node, problems: &mut Problems) -> Option<MappedColumn> {
        let (line, name) = (name.line, name.scalar().unwrap_or_default());
        if OF_CAPTURE.contains(&name.as_str()) {
            problems.add(line, format!("'{name}' comes with the capture"), "Remove it.");
            return None;
        }
        let Some(column) = self.contract.columns.iter().find(|column| column.name == name) else {
            let known: Vec<&str> = self.contract.columns.iter().map(|column| column.name.as_str()).collect();
            let message = format!("'{}' has no column '{name}'", self.contract.table);
            problems.add(line, message, suggestion(&name, &known));
            return None;
        };
        if !from.pairs().is_empty() {
            from.only_keys(COLUMN_KEYS, problems);
        }
        let path = match from.scalar() {
            Some(path) => Some(path),
            None if from.pairs().is_empty() => {
                let message = format!("'{name}' is made of {}", from.kind());
                problems.add(from.line, message, format!("Write '{name}: path', or '{name}: {{from: path, ...}}'."));
                None
            }
            None => from.require_text("from", problems),
        }?;
        let of_message = match OfMessage::parse(&path).transpose() {
            Ok(of_message) => of_message,
            Err((message, remedy)) => {
                problems.add(from.line, message, remedy);
                return None;
            }
        };
        if let Some(of_message) = of_message {
            self.of_message(of_message, column, from, problems);
        }
        let parsed = match self.body {
            _ if of_message.is_some() => None,
            Body::Csv { .. } => None,
            Body::Json { rows } => {
                let parsed = Path::parse(&path).map_err(|problem| format!("the path '{path}' {problem}"));
                let parsed = parsed.and_then(|parsed| match rows {
                    None if parsed.is_of_document => Err(format!(
                        "the path '{path}' begins at the document, which without 'rows' is nothing but its rows"
                    )),
                    _ => Ok(parsed),
                });
                match parsed {
                    Ok(parsed) => Some(parsed),
                    Err(message) => {
                        problems.add(from.line, message, "Write the keys with dots between them: 'position.lat'.");
                        return None;
                    }
                }
            }
        };
        let time = time(column, from, problems);
        let mut conversion = Conversion {
            kind: column.kind,
            is_single: column.is_single,
            units: units(column, from, problems),
            zone: zone(column, &time, from, problems),
            time,
            values: None,
            has_comma: self.has_comma,
        };
        conversion.values = values(column, &conversion, from, problems);
        let said = said(&path, from);
        Some(MappedColumn { name, from: path, path: parsed, of_message, conversion, said })
    }

    /// What is wrong with a column that is made of a message's topic or receipt.
    fn of_message(&self, of_message: OfMessage, column: &Column, from: &Node, problems: &mut Problems) {
        let text = from.scalar().or_else(|| from.optional_text("from", problems)).unwrap_or_default();
        if !self.has_messages {
            let message = format!("'{text}' is of messages of a broker, and no source has 'type: mqtt'");
            let remedy = format!("Remove it, or write '$.{}' for a key of the document.", text.trim_start_matches('$'));
            problems.add(from.line, message, remedy);
        }
        if of_message != OfMessage::Received {
            return;
        }
        if column.kind != Kind::Instant {
            let message = format!("'{}' is no instant, which '{text}' is", column.name);
            problems.add(from.line, message, "Write it in the line of a column that is one, as 'timestamp'.");
        }
        for key in ["time", "zone", "values"] {
            if let Some(node) = from.get(key) {
                let message = format!("'{key}' changes nothing here: '{text}' is an instant already");
                problems.add(node.line, message, format!("Remove '{key}'."));
            }
        }
    }
}

/// The lines of a column as one text, so that the record tells how its values came about.
fn said(path: &str, from: &Node) -> String {
    let mut said = vec![path.to_owned()];
    for (key, value) in from.pairs().iter().filter_map(|(key, value)| Some((key.scalar()?, value))) {
        match key.as_str() {
            "from" => {}
            "values" => {
                let pairs = value.pairs().iter();
                let pair = |(from, to): &(Node, Node)| {
                    format!("{}={}", from.scalar().unwrap_or_default(), to.scalar().unwrap_or_default())
                };
                // Words of a private column are private, and the record is public.
                let pairs = pairs.map(pair).collect::<Vec<_>>().join(",");
                said.push(format!("values {}", Digest::of(pairs.as_bytes())));
            }
            key => said.push(format!("{key} {}", value.scalar().unwrap_or_default())),
        }
    }
    said.join("; ")
}

/// The unit of the source, and that of the column.
fn units(column: &Column, from: &Node, problems: &mut Problems) -> Option<(Unit, Unit)> {
    let name = from.optional_text("unit", problems)?;
    let line = from.get("unit").map_or(from.line, |node| node.line);
    if !matches!(column.kind, Kind::Int32 | Kind::Int64 | Kind::Float | Kind::ServiceTime) {
        let message = format!("'{}' is no number, so it has no unit", column.name);
        problems.add(line, message, "Remove 'unit'.");
        return None;
    }
    let own = column.unit.as_deref();
    let Some(to) = own.and_then(Unit::find) else {
        let said = own.map_or_else(|| "has no unit".to_owned(), |own| format!("has the unit '{own}'"));
        let message =
            format!("the column '{}' {said} in its contract, into which '{name}' cannot be turned", column.name);
        problems.add(line, message, "Remove 'unit', or give the column one of the known units in its contract.");
        return None;
    };
    let known: Vec<&str> = UNITS.iter().filter(|unit| unit.quantity == to.quantity).map(|unit| unit.name).collect();
    let Some(unit) = Unit::find(&name) else {
        problems.add(line, format!("'{name}' is no unit that is known"), suggestion(&name, &known));
        return None;
    };
    if unit.quantity != to.quantity {
        let message = format!("'{}' is in {}, into which '{name}' cannot be turned", column.name, to.name);
        problems.add(line, message, format!("Write one of {}.", known.join(", ")));
        return None;
    }
    Some((unit, to))
}

fn time(column: &Column, from: &Node, problems: &mut Problems) -> TimeForm {
    let Some(text) = from.optional_text("time", problems) else { return TimeForm::Iso8601 };
    let line = from.get("time").map_or(from.line, |node| node.line);
    let is_date = column.kind == Kind::Date;
    if !is_date && column.kind != Kind::Instant {
        problems.add(
            line,
            format!("'{}' is no instant and no date, so it has no form of time", column.name),
            "Remove 'time'.",
        );
        return TimeForm::Iso8601;
    }
    match text.as_str() {
        "iso8601" => TimeForm::Iso8601,
        "unix" if !is_date => TimeForm::Unix,
        "unix_ms" if !is_date => TimeForm::UnixMillis,
        pattern if pattern.contains('%') => {
            if !is_pattern(pattern, is_date) {
                let (what, example) =
                    if is_date { ("date", "'%d.%m.%Y'") } else { ("time with its date", "'%d.%m.%Y %H:%M:%S'") };
                problems.add(line, format!("the pattern '{pattern}' tells no {what}"), format!("Write {example}."));
            }
            TimeForm::Pattern(pattern.to_owned())
        }
        other => {
            let known: &[&str] = if is_date { &["iso8601"] } else { TIMES };
            let message = format!("'{other}' is no form of time");
            problems.add(line, message, format!("{} A pattern has '%' in it: '%d.%m.%Y'.", suggestion(other, known)));
            TimeForm::Iso8601
        }
    }
}

fn zone(column: &Column, time: &TimeForm, from: &Node, problems: &mut Problems) -> Option<TimeZone> {
    let name = from.optional_text("zone", problems)?;
    let line = from.get("zone").map_or(from.line, |node| node.line);
    if column.kind != Kind::Instant {
        problems.add(line, format!("'{}' is no instant, so it has no zone", column.name), "Remove 'zone'.");
        return None;
    }
    if let Some(why) = time.names_the_instant() {
        problems.add(line, format!("'zone' changes nothing here: {why}"), "Remove 'zone', or write another 'time'.");
        return None;
    }
    let zone = TimeZone::get(&name).ok();
    if zone.is_none() {
        problems.add(line, format!("'{name}' is no time zone"), "Write a name like Europe/Berlin.");
    }
    zone
}

/// The table of values. What each means must be a value of the column.
fn values(
    column: &Column,
    conversion: &Conversion,
    from: &Node,
    problems: &mut Problems,
) -> Option<HashMap<String, String>> {
    let map = from.get("values")?;
    if map.pairs().is_empty() {
        problems.add(map.line, "'values' has no value", "Write 'values: {rot: FULL}'.");
        return None;
    }
    let mut values = HashMap::new();
    for (word, meaning) in map.pairs() {
        let (word, means) = (word.scalar().unwrap_or_default(), meaning.scalar().unwrap_or_default());
        let is_value = conversion.cell(Value::Text(means.as_bytes()), &TimeZone::UTC).is_ok();
        let allowed: Vec<&str> = column.values.iter().map(|value| value.value.as_str()).collect();
        if !means.is_empty() && !is_value {
            let message =
                format!("'{means}' is no value of '{}', which is {}", column.name, conversion.expected().en());
            problems.add(meaning.line, message, "Write a value that the column can have, or nothing for none.");
        } else if !means.is_empty() && !allowed.is_empty() && !allowed.contains(&means.as_str()) {
            let message = format!("'{means}' is none of the values that '{}' may have", column.name);
            problems.add(meaning.line, message, suggestion(&means, &allowed));
        }
        values.insert(word, means);
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contracts() -> Library {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        Library::read(&root.join("schemas/gtfs-realtime")).unwrap()
    }

    /// What is wrong with a section.
    fn mistakes(section: &str) -> Vec<(u32, String, String)> {
        let file = std::path::Path::new("busplus.yaml");
        let node = crate::yaml::parse(file, section).unwrap();
        let mut problems = Problems::new(file);
        let _ = read(&node, &contracts(), &mut problems);
        problems.found.into_iter().map(|problem| (problem.line, problem.message, problem.remedy)).collect()
    }

    const GOOD: &str = "\
mapping:
  table: vehicle_positions
  rows: $.fahrzeuge[*]
  columns:
    vehicle_id: id
    latitude: position.lat
    speed: {from: tempo, unit: km/h}
    timestamp: {from: zeit, time: iso8601, zone: Europe/Berlin}
    feed_timestamp: {from: $.stand, time: unix}
    occupancy_percentage: {from: voll, unit: fraction}
    occupancy_status: {from: farbe, values: {gruen: EMPTY, 1: FULL, grau: ''}}
";

    #[test]
    fn a_section_is_read() {
        let file = std::path::Path::new("busplus.yaml");
        let mut problems = Problems::new(file);
        let mapping = read(&crate::yaml::parse(file, GOOD).unwrap(), &contracts(), &mut problems).unwrap();
        assert_eq!(problems.found, []);
        assert_eq!((mapping.table.as_str(), mapping.columns.len()), ("vehicle_positions", 7));
        assert!(mapping.columns[4].is_of_document() && !mapping.columns[1].is_of_document());
        assert_eq!(mapping.columns[6].said, format!("farbe; values {}", Digest::of(b"gruen=EMPTY,1=FULL,grau=")));
        assert_eq!(mapping.columns[2].said, "tempo; unit km/h");
        let colours = mapping.columns[6].conversion.values.as_ref().unwrap();
        assert_eq!((colours["gruen"].as_str(), colours["1"].as_str(), colours["grau"].as_str()), ("EMPTY", "FULL", ""));
    }

    #[test]
    fn each_mistake_is_told_with_its_line_and_what_to_do() {
        for (from, to, line, message, remedy) in [
            (
                "vehicle_positions",
                "vehicle_postions",
                2,
                "there is no contract for 'vehicle_postions'",
                "Did you mean 'vehicle_positions'?",
            ),
            ("  rows: $.f", "  row: $.f", 3, "'row' is not known here", "Did you mean 'rows'?"),
            ("$.fahrzeuge[*]", "$.a[*].b[*]", 3, "the path '$.a[*].b[*]' has a '*' elsewhere", "'$.vehicles[*]'"),
            ("  rows: $.fahrzeuge[*]", "  body: xml", 3, "'xml' is no body that is mapped", "json, csv"),
            ("  rows: $.fahrzeuge[*]", "  separator: ';'", 3, "'separator' is for 'body: csv'", "body: csv"),
            ("  rows: $.fahrzeuge[*]", "  decimal: k", 3, "'k' is no decimal sign", "decimal: ','"),
            ("  rows: $.fahrzeuge[*]", "  decimal: ','", 3, "'decimal' is for 'body: csv'", "body: csv"),
            ("  rows: $.fahrzeuge[*]", "  decimal: '.'", 3, "'decimal' is for 'body: csv'", "body: csv"),
            ("time: iso8601", "time: unix", 8, "'zone' changes nothing here: a count since 1970", "Remove 'zone'"),
            ("time: iso8601", "time: unix_ms", 8, "'zone' changes nothing here: a count since 1970", "Remove 'zone'"),
            ("time: iso8601", "time: '%s'", 8, "'zone' changes nothing here: '%s'", "Remove 'zone'"),
            ("time: iso8601", "time: '%Y-%m-%d %H:%M %:z'", 8, "'zone' changes nothing here: '%:z'", "Remove 'zone'"),
            ("vehicle_id: id", "vehicle: id", 5, "'vehicle_positions' has no column 'vehicle'", "vehicle_id"),
            ("vehicle_id: id", "captured_at: id", 5, "'captured_at' comes with the capture", "Remove it"),
            ("vehicle_id: id", "vehicle_id: [id]", 5, "'vehicle_id' is made of a list", "vehicle_id: path"),
            ("vehicle_id: id", "vehicle_id: {unit: m}", 5, "'from' is missing", "from"),
            ("vehicle_id: id", "vehicle_id: a..b", 5, "the path 'a..b' has a step without a name", "position.lat"),
            ("vehicle_id: id", "vehicle_id: {from: id, unit: m}", 5, "'vehicle_id' is no number", "Remove 'unit'"),
            ("vehicle_id: id", "vehicle_id: {from: id, time: unix}", 5, "'vehicle_id' is no instant", "Remove 'time'"),
            ("vehicle_id: id", "vehicle_id: {from: id, zone: UTC}", 5, "'vehicle_id' is no instant", "Remove 'zone'"),
            ("vehicle_id: id", "vehicle_id: {from: id, form: x}", 5, "'form' is not known here", "from"),
            (
                "vehicle_id: id",
                "vehicle_id: position",
                6,
                "'position' is the value of 'vehicle_id' and has 'position.lat' in it",
                "remove one",
            ),
            ("vehicle_id: id", "vehicle_id: '$topic[x]'", 5, "'$topic[x]' names no level of a topic", "'$topic[0]'"),
            ("vehicle_id: id", "vehicle_id: $topics", 5, "'$topics' names no level of a topic", "'$.topics'"),
            (
                "vehicle_id: id",
                "vehicle_id: $received",
                5,
                "'vehicle_id' is no instant, which '$received' is",
                "timestamp",
            ),
            ("from: zeit", "from: $received", 8, "'zone' changes nothing here: '$received' is an instant", "'zone'"),
            ("km/h", "kmh", 7, "'kmh' is no unit that is known", "km/h"),
            (
                "km/h",
                "km",
                7,
                "'speed' is in m/s, into which 'km' cannot be turned",
                "Write one of m/s, km/h, mph, kn, knots.",
            ),
            ("time: iso8601", "time: iso", 8, "'iso' is no form of time", "iso8601"),
            ("time: iso8601", "time: '%H:%M'", 8, "the pattern '%H:%M' tells no time with its date", "%d.%m.%Y"),
            ("Europe/Berlin", "Europa/Berlin", 8, "'Europa/Berlin' is no time zone", "Europe/Berlin"),
            ("unit: fraction", "unit: deg", 10, "cannot be turned", "%, percent, fraction"),
            (
                "gruen: EMPTY",
                "gruen: EMTY",
                11,
                "'EMTY' is none of the values that 'occupancy_status' may have",
                "'EMPTY'",
            ),
            (
                "{from: voll, unit: fraction}",
                "{from: voll, values: {a: viel}}",
                10,
                "'viel' is no value of 'occupancy_percentage', which is a whole number",
                "Write a value",
            ),
            ("values: {gruen: EMPTY, 1: FULL, grau: ''}", "values: x", 11, "'values' has no value", "rot: FULL"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let found = mistakes(&GOOD.replacen(from, to, 1));
            let is_told =
                |(at, said, how): &(u32, String, String)| *at == line && said.contains(message) && how.contains(remedy);
            assert!(found.iter().any(is_told), "{to}: {found:?}");
        }
        // What is of messages needs a broker, or evidence that may be of one.
        let topic = GOOD.replace("vehicle_id: id", "vehicle_id: $topic[8]");
        let of = |kind: &str| mistakes(&format!("{topic}sources: [{{type: http}}, {{type: {kind}}}]\n"));
        assert!(mistakes(&topic).is_empty() && of("mqtt").is_empty() && of("evidence").is_empty());
        let found = of("s3");
        assert!(found.len() == 1 && found[0].0 == 5 && found[0].1.contains("no source has 'type: mqtt'"), "{found:?}");
        // A path from the document needs rows that are elsewhere.
        let found = mistakes(&GOOD.replace("  rows: $.fahrzeuge[*]\n", ""));
        assert!(found[0].1.contains("begins at the document") && found[0].0 == 8, "{found:?}");
        assert!(mistakes("format: mapped\n")[0].1.contains("'mapping' is missing"));
        assert!(mistakes("mapping:\n  table: vehicle_positions\n")[0].1.contains("has no columns"));
        let csv = "mapping:\n  table: vehicle_positions\n  body: csv\n  rows: x\n  separator: ab\n  columns: {trip_id: a.b}\n";
        let told: Vec<u32> = mistakes(csv).into_iter().map(|(line, ..)| line).collect();
        assert_eq!(told, [4, 5]);
    }
}
