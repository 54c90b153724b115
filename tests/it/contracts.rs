//! The contracts are ODCS 3.1, as the standard's own schema says, and another tool that reads them agrees with ours.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::world::{World, python, root, shared};

#[test]
fn every_contract_is_valid_by_the_schema_of_odcs() {
    let (schema, schemas) = (shared("standards/odcs-json-schema-v3.1.0.json"), root().join("schemas"));
    let output = python("validate_contracts.py", &[&schema.to_string_lossy(), &schemas.to_string_lossy()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
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

/// For each metric whether it held: ours after a run, and datacontract-cli's on the file that the run published.
fn both(metrics: &[(&str, &str)]) -> BTreeMap<String, [Option<bool>; 2]> {
    let world = World::new();
    let contract = "schemas/gtfs/stops.odcs.yaml";
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
    let theirs = python("outsider.py", &["test", &world.path(contract).to_string_lossy(), &data.to_string_lossy()]);
    let theirs: Vec<Value> = serde_json::from_slice(&theirs.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&theirs.stderr)));
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
