//! Tests of rules: `tests/<rule id>.yaml` beside the contracts, with rows and those among them that must be named.
//!
//! ```yaml
//! rule: vehicle_locations.speed_possible
//! date: 2026-11-24           # of the partition; this is the default
//! defaults: {vehicle_id: a}  # for all rows of the table
//! cases:
//!   - name: faster than any bus
//!     rows:
//!       - {speed: 22.2}
//!       - {speed: 36}
//!     named: [2]             # counted from 1
//!     with:                  # other tables that the query sees; those that are not given are empty
//!       timetable_trips: [{trip_id: t1}]
//! ```
//!
//! A rule that returns a number, or compares with earlier partitions, has `holds: true` or `false` in place of `named`, and
//! `history` lists what it came to before. Columns that are not given are absent; instants are written as
//! `2026-11-24T08:00:00Z`, times of a timetable as `25:10:00`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray, UInt32Array, UInt64Array,
};

use crate::contract::library::Library;
use crate::contract::metric::MetricRule;
use crate::contract::query::{PREVIOUS, TIMETABLE};
use crate::contract::written::{example, is_readable, truth};
use crate::contract::{Contract, Kind, Rule, RuleId, odcs};
use crate::time::{ServiceDate, ServiceSeconds};
use crate::yaml::{self, Node, Problem, Problems, suggestion};

/// The tests of one rule.
#[derive(Clone, Debug)]
pub struct RuleTest {
    pub file: PathBuf,
    pub rule: RuleId,
    pub date: ServiceDate,
    pub cases: Vec<Case>,
}

#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub line: u32,
    pub rows: Vec<Row>,
    /// Tables beside the rule's own.
    pub with: BTreeMap<String, Vec<Row>>,
    /// What the rule came to in earlier partitions, the newest last.
    pub history: Vec<f64>,
    /// Until when the run has evidence, where its date is not over: what stands for `{until}`.
    pub until: Option<ServiceSeconds>,
    pub expected: Expected,
}

/// What must come out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Places of the rows that are named, from 0, ascending.
    Named(Vec<usize>),
    Holds(bool),
}

/// The values given for a row: column, and text or nothing.
#[derive(Clone, Debug)]
pub struct Row {
    pub line: u32,
    pub cells: Vec<(String, Option<String>)>,
}

const FILE_KEYS: &[&str] = &["rule", "date", "defaults", "cases"];
const CASE_KEYS: &[&str] = &["name", "rows", "named", "holds", "with", "history", "defaults", "until"];

impl Case {
    /// Whether it shows the rule at rest: nothing named, or the limit held.
    pub fn is_transient(&self) -> bool {
        match &self.expected {
            Expected::Named(rows) => rows.is_empty(),
            Expected::Holds(holds) => *holds,
        }
    }
}

/// Reads the tests of a folder of contracts, with every mistake.
pub fn read_all(folder: &Path, library: &Library) -> (Vec<RuleTest>, Vec<Problem>) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join("tests"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml"))
        .collect();
    files.sort();
    let (mut tests, mut found) = (Vec::new(), Vec::new());
    for file in files {
        match yaml::read(&file) {
            Ok(root) => {
                let mut problems = Problems::new(&file);
                tests.extend(read(&file, &root, library, &mut problems));
                found.append(&mut problems.found);
            }
            Err(mut problems) => found.append(&mut problems),
        }
    }
    (tests, found)
}

/// The rules of a folder that lack a case in which they name nothing, or one in which they name something.
/// A test that could not be read, as `told` says, may have it.
pub fn untested(folder: &Path, library: &Library, tests: &[RuleTest], told: &[Problem]) -> Vec<Problem> {
    let mut found = Vec::new();
    // Contracts that are not written for this program need no tests of it.
    for contract in library.contracts.values().filter(|contract| contract.is_ours) {
        let mut problems = Problems::new(&contract.file);
        for rule in &contract.rules {
            let file = folder.join("tests").join(format!("{}.yaml", rule.id));
            let cases = || tests.iter().filter(|test| test.rule == rule.id).flat_map(|test| &test.cases);
            if told.iter().any(|problem| problem.file == file) {
                continue;
            }
            let (passing, failing) = (cases().any(Case::is_transient), cases().any(|case| !case.is_transient()));
            let message = match (passing, failing) {
                (true, true) => continue,
                (false, false) => format!("the rule '{}' has no test", rule.id),
                (true, false) => format!("no test shows the rule '{}' failing", rule.id),
                (false, true) => format!("no test shows the rule '{}' passing", rule.id),
            };
            let name = &rule.id;
            let remedy =
                format!("Write a case that passes and one that fails into 'tests/{name}.yaml' beside the contract.");
            problems.add(rule.line, message, remedy);
        }
        found.append(&mut problems.found);
    }
    found
}

/// What a test is about.
#[derive(Clone, Copy)]
pub enum Tested<'a> {
    Rule(&'a Rule),
    Metric(&'a MetricRule),
}

/// The rule or the metric of an id among the contracts of a folder.
pub fn tested<'a>(library: &'a Library, id: &RuleId) -> Option<(&'a Arc<Contract>, Tested<'a>)> {
    library.contracts.values().find_map(|contract| {
        let rule = contract.rules.iter().find(|rule| rule.id == *id).map(Tested::Rule);
        let metric = || contract.metrics.iter().find(|metric| metric.id == *id).map(Tested::Metric);
        Some((contract, rule.or_else(metric)?))
    })
}

fn read(file: &Path, root: &Node, library: &Library, problems: &mut Problems) -> Option<RuleTest> {
    root.only_keys(FILE_KEYS, problems);
    let id = RuleId(root.require_text("rule", problems)?);
    let Some((contract, rule)) = tested(library, &id) else {
        let contracts = library.contracts.values();
        let known: Vec<&str> = contracts.flat_map(|c| c.rule_ids()).map(|id| id.0.as_str()).collect();
        let line = root.get("rule").map_or(0, |node| node.line);
        problems.add(line, format!("there is no rule '{id}' in this folder"), nearest(&id, &known));
        return None;
    };
    if file.file_stem().is_none_or(|stem| stem.to_string_lossy() != id.0) {
        let line = root.get("rule").map_or(0, |node| node.line);
        problems.add(line, "the file does not have the name of its rule", format!("Name it '{id}.yaml'."));
    }
    let date = match root.optional_text("date", problems).map(|text| text.parse()) {
        None => ServiceDate(jiff::civil::date(2026, 11, 24)),
        Some(Ok(date)) => date,
        Some(Err(problem)) => {
            problems.add(root.get("date").map_or(0, |node| node.line), problem, "Write it like 2026-11-24.");
            return None;
        }
    };
    let defaults = root.get("defaults").map(|node| row(node, contract, &[], problems));
    let cases = root.get("cases").map_or(&[][..], Node::items);
    if cases.is_empty() {
        problems.add(root.line, "the test has no cases", "Add 'cases:' with rows and the rows that are named.");
    }
    let defaults = defaults.map_or(Vec::new(), |row| row.cells);
    let cases = cases.iter().filter_map(|node| case(node, contract, rule, library, &defaults, problems)).collect();
    Some(RuleTest { file: file.to_owned(), rule: id, date, cases })
}

/// The rule that may have been meant; all of them are too many to list.
fn nearest(id: &RuleId, known: &[&str]) -> String {
    match suggestion(&id.0, known) {
        nearest if nearest.starts_with("Did") => nearest,
        _ => "'fahrtenbuch rules list' lists them.".to_owned(),
    }
}

fn case(
    node: &Node,
    contract: &Contract,
    tested: Tested<'_>,
    library: &Library,
    defaults: &[(String, Option<String>)],
    problems: &mut Problems,
) -> Option<Case> {
    node.only_keys(CASE_KEYS, problems);
    let name = node.require_text("name", problems)?;
    let own_defaults = node.get("defaults").map(|own| row(own, contract, defaults, problems).cells);
    let defaults = own_defaults.as_deref().unwrap_or(defaults);
    let rows: Vec<Row> = node
        .get("rows")
        .map_or(&[][..], Node::items)
        .iter()
        .map(|item| row(item, contract, defaults, problems))
        .collect();
    let mut with = BTreeMap::new();
    for (table, list) in node.get("with").map_or(&[][..], Node::pairs) {
        let table_name = table.scalar().unwrap_or_default();
        let gtfs = Library::gtfs();
        let other = match table_name.strip_prefix(TIMETABLE) {
            Some(name) => gtfs.get(name).map(AsRef::as_ref),
            None if table_name == PREVIOUS => Some(contract),
            None => library.get(&table_name).map(AsRef::as_ref),
        };
        let known = tables(contract, tested);
        let is_misspelt = |known: &String| {
            *known != contract.table
                && *known != PREVIOUS
                && contract.view(known).is_none()
                && library.get(known).is_none()
                && known
                    .strip_prefix(TIMETABLE)
                    .is_none_or(|name| gtfs.get(name).is_none() || library.get(name).is_some())
        };
        if known.iter().any(is_misspelt) {
            // The mistake is the rule's, and told there.
            continue;
        }
        let Some(other) = other.filter(|_| reads(contract, tested, &table_name)) else {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            problems.add(
                table.line,
                format!("the rule does not read from '{table_name}'"),
                suggestion(&table_name, &known),
            );
            continue;
        };
        let rows = list.items().iter().map(|item| row(item, other, &[], problems)).collect();
        with.insert(table_name, rows);
    }
    let history: Vec<f64> = node.get("history").map_or(&[][..], Node::items).iter().filter_map(Node::number).collect();
    let is_compared = match tested {
        Tested::Rule(rule) => rule.is_number || rule.limit.is_some_and(|limit| limit.needs_history()),
        Tested::Metric(_) => true,
    };
    if let Some(row) = node.get("named").map_or(&[][..], Node::items).iter().find(|item| {
        item.int().and_then(|row| usize::try_from(row).ok()).is_none_or(|row| row == 0 || row > rows.len())
    }) {
        let (many, said) = (rows.len(), row.scalar().unwrap_or_default());
        let message = format!("the case names the row {said}, and has {many}");
        problems.add(row.line, message, "Write the rows that are named, counted from 1: 'named: [2]'.");
        return None;
    }
    let expected = match (node.get("named"), node.get("holds"), is_compared) {
        (None, Some(holds), true) => holds.bool().map(Expected::Holds),
        (Some(named), None, false) => {
            let places: Vec<Option<usize>> = named
                .items()
                .iter()
                .map(|item| usize::try_from(item.int()?).ok()?.checked_sub(1).filter(|row| *row < rows.len()))
                .collect();
            places.into_iter().collect::<Option<Vec<usize>>>().map(|mut places| {
                places.sort_unstable();
                Expected::Named(places)
            })
        }
        _ => None,
    };
    if expected.is_none() {
        let (what, remedy) = if is_compared {
            ("whether the rule holds", "Write 'holds: true' or 'holds: false'.")
        } else {
            ("which of its rows are named", "Write 'named: []', or the rows counted from 1: 'named: [2]'.")
        };
        problems.add(node.line, format!("the case does not say {what}"), remedy);
    }
    let until = node.get("until").and_then(|node| {
        let until = node.scalar().and_then(|text| ServiceSeconds::from_gtfs(text.as_bytes()));
        if until.is_none() {
            problems.add(node.line, "'until' is no time of the timetable", "Write it like '13:30:00'.");
        }
        until
    });
    Some(Case { name, line: node.line, rows, with, history, until, expected: expected? })
}

/// The tables that a rule and the views below it read from.
fn tables(contract: &Contract, tested: Tested<'_>) -> Vec<String> {
    let Tested::Rule(rule) = tested else { return Vec::new() };
    let mut tables: Vec<String> = rule.query.tables.iter().cloned().collect();
    let mut next = 0;
    while let Some(table) = tables.get(next).cloned() {
        next += 1;
        if let Some(view) = contract.view(&table) {
            let more: Vec<String> = view.query.tables.iter().filter(|t| !tables.contains(t)).cloned().collect();
            tables.extend(more);
        }
    }
    // The distance to a shape is looked up there.
    if rule.query.says("distance_to_shape_m") || contract.views.iter().any(|v| v.query.says("distance_to_shape_m")) {
        tables.extend(["trips", "shapes"].map(|table| format!("{TIMETABLE}{table}")));
    }
    tables
}

fn reads(contract: &Contract, tested: Tested<'_>, table: &str) -> bool {
    // Whether trips run is looked up in the calendar.
    let is_calendar = |name: &str| name == "calendar" || name == "calendar_dates";
    let tables = tables(contract, tested);
    tables.iter().any(|other| other == table)
        || table.strip_prefix(TIMETABLE).is_some_and(is_calendar) && tables.iter().any(|t| t.starts_with(TIMETABLE))
}

fn row(node: &Node, contract: &Contract, defaults: &[(String, Option<String>)], problems: &mut Problems) -> Row {
    let mut cells = defaults.to_vec();
    for (key, value) in node.pairs() {
        let column = key.scalar().unwrap_or_default();
        let Some(place) = contract.index_of(&column) else {
            odcs::refer::unknown_column(&column, key.line, contract, problems);
            continue;
        };
        let text = value.scalar();
        let kind = contract.columns[place].kind;
        if let Some(text) = text.as_deref()
            && !is_readable(kind, text)
        {
            problems.add(
                value.line,
                format!("'{text}' is no value of '{column}'"),
                format!("Write {}.", example(kind)),
            );
        }
        cells.retain(|(name, _)| *name != column);
        cells.push((column, text));
    }
    Row { line: node.line, cells }
}

/// The rows as a table of the contract, hidden columns included. Cells that are not readable were told when they were read
/// and are absent.
pub fn batch(contract: &Contract, rows: &[Row]) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(contract.columns.len() + 2);
    for column in &contract.columns {
        let cells = rows.iter().map(|row| {
            let cell = row.cells.iter().find(|(name, _)| *name == column.name);
            cell.and_then(|(_, text)| text.as_deref())
        });
        columns.push(match column.kind {
            Kind::Text => Arc::new(cells.collect::<StringArray>()),
            Kind::Int32 => Arc::new(cells.map(|text| text?.parse().ok()).collect::<Int32Array>()),
            Kind::Int64 => Arc::new(cells.map(|text| text?.parse().ok()).collect::<Int64Array>()),
            Kind::Float => Arc::new(cells.map(|text| text?.parse().ok()).collect::<Float64Array>()),
            Kind::Boolean => Arc::new(cells.map(|text| truth(text?)).collect::<BooleanArray>()),
            Kind::Date => {
                let days = |text: &str| text.parse::<ServiceDate>().ok().map(ServiceDate::days_since_epoch);
                Arc::new(cells.map(|text| days(text?)).collect::<Date32Array>())
            }
            Kind::ServiceTime => {
                let seconds = |text: &str| {
                    ServiceSeconds::from_gtfs(text.as_bytes()).map(|time| time.0).or_else(|| text.parse().ok())
                };
                Arc::new(cells.map(|text| seconds(text?)).collect::<Int32Array>())
            }
            Kind::Instant => {
                let instant = |text: &str| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
                let instants = cells.map(|text| instant(text?)).collect::<TimestampMillisecondArray>();
                Arc::new(instants.with_timezone("UTC"))
            }
        });
    }
    columns.push(Arc::new(UInt32Array::from_value(0, rows.len())));
    columns.push(Arc::new(UInt64Array::from_iter_values(1..=rows.len() as u64)));
    RecordBatch::try_new(contract.chunk_schema(), columns)
}
