//! The contracts are ODCS 3.1, as the standard's own schema says, and another tool that reads them agrees with ours.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use fahrtenbuch::yaml::{self, Node};
use serde_json::Value;

use crate::world::{World, python, root};

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn every_contract_is_valid_by_the_schema_of_odcs() {
    let (schema, schemas) = (root().join("tests/facts/odcs-json-schema-v3.1.0.json"), root().join("schemas"));
    let output = python("validate_contracts.py", &[&schema.to_string_lossy(), &schemas.to_string_lossy()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn every_contract_passes_the_lint_of_datacontract_cli() {
    let output = python("outsider.py", &["lint", &root().join("schemas").to_string_lossy()]);
    let found: BTreeMap<String, String> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(found.len() > 30 && found.values().all(|result| result == "passed"), "{found:?}");
}

/// What a metric is called by datacontract-cli.
const TYPES: [(&str, &str); 6] = [
    ("sql", "model_quality_sql"),
    ("rowCount", "row_count"),
    ("nullValues", "field_null_values"),
    ("missingValues", "field_missing_values"),
    ("invalidValues", "field_invalid_values"),
    ("duplicateValues", "field_duplicate_values"),
];

/// What datacontract-cli says of each contract's quality entries on the data that a glob names.
fn tested_outside(contracts: &[(PathBuf, PathBuf)]) -> Vec<Vec<Value>> {
    let pairs = contracts.iter().flat_map(|(contract, data)| [contract, data]);
    let arguments: Vec<_> = std::iter::once("test".into()).chain(pairs.map(|path| path.to_string_lossy())).collect();
    let output = python("outsider.py", &arguments.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    let mut found: BTreeMap<PathBuf, Vec<Value>> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    contracts.iter().map(|(contract, _)| found.remove(contract).unwrap()).collect()
}

/// A contract without its quality entries.
fn without_quality(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut within = None;
    let mut kept = String::new();
    for line in text.lines() {
        if within.is_some_and(|begun| indent(line) > begun) {
            continue;
        }
        within = (line.trim() == "quality:").then(|| indent(line));
        if within.is_none() {
            kept += &format!("{line}\n");
        }
    }
    kept
}

/// For each metric whether it held: ours after a run, and datacontract-cli's on the file that the run published.
fn both(metrics: &[(&str, &str)]) -> BTreeMap<String, [Option<bool>; 2]> {
    let world = World::new();
    let contract = "schemas/gtfs/stops.odcs.yaml";
    // Its own entries would stand beside those that are asked here, and under the same names.
    let text = std::fs::read_to_string(world.path(contract)).unwrap();
    world.write(contract, &without_quality(&text));
    for (column, metric) in metrics {
        let (from, indent) = match *column {
            "" => ("    properties:\n".to_owned(), ""),
            column => (format!("      - name: {column}\n"), "    "),
        };
        let entry = format!("    {indent}quality:\n    {indent}  - {{{metric}}}\n");
        let to = if column.is_empty() { format!("{entry}{from}") } else { format!("{from}{entry}") };
        world.replace(contract, &from, &to);
    }
    let output = world.program(&["run", "stadtbus-fahrplan", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    let record = &results[0]["record"];
    let data = world.path("data/bucket/data/stadtbus-fahrplan/stops/*/*.parquet");
    let theirs = tested_outside(&[(world.path(contract), data)]).remove(0);
    let mut found = BTreeMap::new();
    for (column, entry) in metrics {
        let metric = entry.trim_start_matches("metric: ").trim_start_matches("type: ").split(',').next().unwrap();
        let at = if column.is_empty() { String::new() } else { format!("{column}.") };
        let id = if metric == "sql" { "stops.asked".to_owned() } else { format!("stops.{at}{metric}") };
        let failed = record["findings"].as_array().unwrap().iter().any(|finding| finding["rule"] == *id);
        let passed = record["passed"]["gtfs-stops"].as_array().unwrap().iter().any(|rule| *rule == *id);
        assert_ne!(passed, failed, "{id}");
        let (_, name) = TYPES.iter().find(|(own, _)| *own == metric).unwrap();
        let field = if column.is_empty() { Value::Null } else { Value::from(*column) };
        let check = theirs.iter().find(|check| check["type"] == *name && check["field"] == field);
        let outside = check.and_then(|check| check["result"].as_str()).map(|result| result == "passed");
        found.insert(format!("{id} {entry}"), [Some(passed), outside]);
    }
    found
}

#[test]
fn datacontract_cli_comes_to_the_same_results_on_what_we_published() {
    let sets: [&[(&str, &str)]; 5] = [
        &[("", "type: sql, name: asked, query: 'SELECT COUNT(*) FROM {object} WHERE stop_lat IS NULL', mustBe: 0")],
        &[("", "type: sql, name: asked, query: 'SELECT MAX(stop_lat) FROM {object}', mustBeLessThan: 40")],
        &[
            ("", "metric: rowCount, mustBe: 104"),
            ("stop_id", "metric: duplicateValues, mustBe: 0"),
            ("stop_name", "metric: invalidValues, arguments: {pattern: '[a-z]'}, mustBe: 0"),
            ("stop_desc", "metric: nullValues, mustBeGreaterThan: 103"),
            ("zone_id", "metric: missingValues, unit: percent, arguments: {missingValues: ['']}, mustBeLessThan: 100"),
            ("location_type", "metric: nullValues, unit: percent, mustBeBetween: [-1, 101]"),
        ],
        &[
            ("", "metric: rowCount, mustNotBeBetween: [100, 110]"),
            ("stop_id", "metric: nullValues, mustBeGreaterOrEqualTo: 1"),
            ("stop_name", "metric: duplicateValues, mustBe: 0"),
            ("stop_desc", "metric: missingValues, arguments: {missingValues: ['-']}, mustNotBe: 104"),
            ("parent_station", "metric: nullValues, mustBeLessOrEqualTo: 103"),
        ],
        &[
            ("", "metric: rowCount, mustBeLessThan: 1"),
            ("stop_name", "metric: invalidValues, arguments: {validValues: [Rathaus, Bahnhof]}, mustBeLessThan: 5"),
            ("location_type", "metric: missingValues, arguments: {missingValues: [1]}, mustBe: 0"),
            ("stop_id", "metric: missingValues, mustBe: 0"),
        ],
    ];
    let found: BTreeMap<_, _> = sets.into_iter().flat_map(both).collect();
    let mut held = 0;
    for (metric, [ours, theirs]) in &found {
        assert_eq!(ours, theirs, "{metric}");
        held += usize::from(*ours == Some(true));
    }
    assert_eq!(found.len(), 17);
    // Not all of one kind, or agreeing would be easy.
    assert!((5..=10).contains(&held), "{held} of {}", found.len());
}

/// A quality entry of a contract.
struct Entry {
    name: String,
    column: Option<String>,
    /// The metric, or `sql`.
    asks: String,
    unit: Option<String>,
}

impl Entry {
    /// All of a contract that are library metrics or `type: sql`: these are what any tool for ODCS should execute.
    fn of(contract: &Node) -> Vec<Self> {
        let table = &contract.get("schema").unwrap().items()[0];
        let places = std::iter::once((None, table))
            .chain(table.get("properties").unwrap().items().iter().map(|column| (column.get("name"), column)));
        let entries = places.flat_map(|(column, place)| {
            let entries = place.get("quality").map_or(&[][..], Node::items);
            entries.iter().map(move |entry| (column, entry))
        });
        let text = |node: &Node, key: &str| node.get(key).and_then(Node::scalar);
        let read = |(column, entry): (Option<&Node>, &Node)| {
            let is_sql = text(entry, "type").is_some_and(|kind| kind == "sql");
            let asks = text(entry, "metric").or_else(|| is_sql.then(|| "sql".to_owned()))?;
            let name = text(entry, "name").unwrap();
            Some(Self { name, column: column.and_then(Node::scalar), asks, unit: text(entry, "unit") })
        };
        entries.filter_map(read).collect()
    }

    /// Whether datacontract-cli can execute it: it knows no partitions before this one, and no percent of what is counted
    /// in anything but rows.
    fn is_executed_outside(&self) -> bool {
        match self.unit.as_deref() {
            Some("percentOfMedian") => false,
            Some("percent") => !matches!(self.asks.as_str(), "rowCount" | "duplicateValues"),
            _ => true,
        }
    }
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn datacontract_cli_agrees_with_our_results_on_every_entry_of_our_contracts_that_it_can_execute() {
    let world = World::new();
    let results = world.run();
    // The contracts of all tables that were published, with the dataset's record.
    let mut published = Vec::new();
    for (pipeline, schemas) in [("stadtbus-fahrplan", "gtfs"), ("stadtbus-telemetrie", "stadtbus")] {
        let record = &results[pipeline]["record"];
        for table in record["tables"].as_array().unwrap() {
            let name = table["table"].as_str().unwrap();
            // What is derived from a timetable has a folder of its own.
            let schemas = if name == "service_dates" { "gtfs-derived" } else { schemas };
            let contract = world.path(&format!("schemas/{schemas}/{name}.odcs.yaml"));
            let file = table["files"][0]["path"].as_str().unwrap();
            published.push((name, record, contract, world.path("data/bucket").join(file)));
        }
    }
    assert!(published.len() >= 12, "{}", published.len());
    let pairs: Vec<_> = published.iter().map(|(.., contract, data)| (contract.clone(), data.clone())).collect();
    let outside = tested_outside(&pairs);
    let mut compared = BTreeMap::new();
    let mut left_out = Vec::new();
    for ((table, record, file, _), theirs) in published.iter().zip(&outside) {
        let contract = yaml::read(file).unwrap();
        let id = contract.get("id").and_then(Node::scalar).unwrap();
        for entry in Entry::of(&contract) {
            let rule = format!("{table}.{}", entry.name);
            if !entry.is_executed_outside() {
                left_out.push(format!("{rule} {} {}", entry.asks, entry.unit.unwrap_or_default()));
                continue;
            }
            // It gives two equal metrics of one column one key, and fills in only the first: ours have no such two, or the
            // second would have no result and fail here.
            let check = theirs
                .iter()
                .find(|check| check["id"] == *entry.name && check["field"] == Value::from(entry.column.clone()));
            let check = check.unwrap_or_else(|| panic!("datacontract-cli has no check of {rule}: {theirs:?}"));
            let value = check["value"].as_f64().unwrap_or_else(|| panic!("{rule} was not executed: {check}"));
            let passed = record["passed"][&id].as_array().unwrap().iter().any(|passed| *passed == *rule);
            let failed = record["findings"].as_array().unwrap().iter().any(|finding| finding["rule"] == *rule);
            assert_ne!(passed, failed, "{rule}");
            assert_eq!(check["result"] == "passed", passed, "{rule}: {check}");
            // And both came to it by the same number.
            let mut own = record["values"][&id][&rule].as_f64().unwrap_or_else(|| panic!("{rule} has no value"));
            if entry.unit.as_deref() == Some("percent") {
                let rows = record["tables"].as_array().unwrap().iter().find(|other| other["table"] == **table);
                own *= 100.0 / rows.unwrap()["published"].as_f64().unwrap();
            }
            assert!((own - value).abs() < 1e-5, "{rule}: {own} here, {value} there");
            compared.insert(rule, entry.asks);
        }
    }
    let kinds: BTreeSet<&str> = compared.values().map(String::as_str).collect();
    let all = ["duplicateValues", "invalidValues", "missingValues", "nullValues", "rowCount", "sql"];
    assert!(kinds.into_iter().eq(all) && compared.len() >= 15, "{compared:?}");
    assert!(left_out.iter().all(|rule| rule.ends_with("rowCount percentOfMedian")), "{left_out:?}");
}
