//! Contracts of others: what the standard allows is read, what this program cannot run is listed so, and what it cannot use is
//! a mistake only where a pipeline uses it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fahrtenbuch::contract::odcs::{self, Document};
use fahrtenbuch::contract::{Classification, Contract, Kind, Shape};
use serde_json::{Map, Value, json};

use crate::world::{World, root};

fn examples() -> Vec<(PathBuf, String)> {
    let folder = root().join("tests/facts/odcs-examples");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| (file.clone(), std::fs::read_to_string(&file).unwrap())).collect()
}

fn read(text: &str) -> Document {
    odcs::document(Path::new("t.odcs.yaml"), text).unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"))
}

fn example(name: &str) -> Document {
    read(&std::fs::read_to_string(root().join("tests/facts/odcs-examples").join(name)).unwrap())
}

/// A contract of one table with one column, and what stands at both.
fn with(column: &str, table: &str) -> Document {
    read(&format!(
        "apiVersion: v3.0.2\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n{table}    \
         properties:\n      - name: a\n{column}"
    ))
}

fn lines(document: &Document) -> Vec<String> {
    document.unfit.iter().map(ToString::to_string).collect()
}

#[test]
fn the_examples_of_the_standard_are_read_without_a_mistake() {
    let (mut tables, mut told) = (BTreeMap::new(), Vec::new());
    for (file, text) in examples() {
        match odcs::document(&file, &text) {
            Ok(document) => {
                let name = file.file_name().unwrap().to_string_lossy().split('.').next().unwrap().to_owned();
                tables.insert(name, document.tables.len());
            }
            Err(problems) => told.extend(problems.iter().map(ToString::to_string)),
        }
    }
    assert!(told.is_empty(), "{told:#?}");
    assert_eq!(tables.len(), 18);
    let many: Vec<_> = tables.iter().filter(|(_, tables)| **tables > 1).collect();
    let expected = [("all-schema-types", 3), ("full-example", 2), ("postgresql-adventureworks-contract", 68)];
    assert_eq!(
        many,
        expected.map(|(name, tables)| (name.to_owned(), tables)).iter().map(|(n, t)| (n, t)).collect::<Vec<_>>()
    );
    let none: Vec<_> = tables.iter().filter(|(_, tables)| **tables == 0).map(|(name, _)| name.as_str()).collect();
    assert_eq!(none, ["azure-server", "basic-four-dpo", "database-table-sla", "service-and-operational-roles"]);
}

#[test]
fn the_examples_mean_what_they_say() {
    let types = &example("all-data-types.odcs.yaml").tables[0];
    let column = |name: &str| &types.columns[types.index_of(name).unwrap()];
    // 2020-01-01 as days, in UTC, and in the zone that stands there.
    assert_eq!(column("txn_ref_date").above, Some(18_262.0));
    assert_eq!(column("txn_timestamp").minimum, Some(1_577_836_800_000.0));
    assert_eq!(column("txn_timestamp_tz").minimum, Some(1_577_800_800_000.0));
    assert_eq!(column("txn_time").maximum, Some(86_399.0));
    assert_eq!((column("age").kind, column("age").minimum), (Kind::Int64, Some(18.0)));
    assert_eq!(column("account_id").pattern.as_deref(), Some("ACC[0-9]{8}"));
    assert_eq!(column("latest_txns").shape, Shape::Array(None));
    let objects = example("all-schema-types.odcs.yaml").tables;
    let ids: BTreeSet<&str> = objects.iter().map(|contract| contract.id.as_str()).collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
    let Shape::Array(Some(items)) = &objects[2].columns[0].shape else { panic!("{:?}", objects[2].columns) };
    let Shape::Object(parts) = &items.shape else { panic!("{items:?}") };
    assert_eq!(parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>(), ["id", "zip"]);
    let full = example("full-example.odcs.yaml").tables;
    assert_eq!(full[0].columns[1].classification, Classification::Private);
    assert_eq!(full[0].foreign_keys.len(), 2);
    let metrics: Vec<&str> = full[0].metrics.iter().map(|metric| metric.id.0.as_str()).collect();
    assert_eq!(metrics, ["tbl.rcvr_cntry_code.nullValues", "tbl.rowCount"]);
    // It promises latency of a table that it does not have.
    assert!(
        lines(&example("full-example.odcs.yaml")).iter().any(|told| told.contains("'tab1.txn_ref_dt' is in no table"))
    );
}

#[test]
fn rules_of_other_engines_are_listed_with_the_reason_and_keep_their_ids() {
    let soda = example("column-custom.odcs.yaml");
    let listed = &soda.tables[0].unexecuted;
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|rule| rule.reason == "it is a rule of the engine 'soda'"), "{listed:?}");
    assert!(!lines(&soda).iter().any(|told| told.contains("soda")), "{:?}", lines(&soda));
    let ids = |quality: &str| {
        let document = with(&format!("        logicalType: string\n        quality:\n{quality}"), "");
        let contract = &document.tables[0];
        contract.rule_ids().map(|id| id.0.clone()).collect::<Vec<_>>()
    };
    let one = "          - {type: custom, engine: greatExpectations, implementation: {type: expect_a}}\n";
    let other = "          - {type: text, description: It is as it should be.}\n";
    let (first, second) = (ids(&format!("{one}{other}")), ids(&format!("{other}{one}")));
    assert_eq!(first.len(), 2);
    assert_eq!(first, second, "an id must not depend on the place of its rule");
    assert!(first.iter().any(|id| id.starts_with("t.a.greatexpectations_") && id.len() == 30), "{first:?}");
    let changed = ids(&format!("{}{other}", one.replace("expect_a", "expect_b")));
    assert_ne!(first, changed);
}

#[test]
fn metrics_have_their_meaning_under_their_names_of_3_0_too() {
    for (entry, expected) in [
        ("{type: library, rule: nullCheck}", "nullValues must be 0"),
        ("{rule: duplicateCount, mustBeLessThan: 10, unit: rows}", "duplicateValues must be less than 10"),
        ("{rule: validValues, validValues: [x, y]}", "invalidValues must be 0"),
        (
            "{metric: nullValues, unit: percent, mustBeLessThan: 1}",
            "nullValues must be less than 1, in percent of the rows",
        ),
    ] {
        let document = with(
            &format!("        logicalType: string\n        classification: public\n        quality: [{entry}]\n"),
            "",
        );
        let metric = &document.tables[0].metrics[0];
        assert_eq!(format!("{} {}", metric.metric.name(), metric.limit), expected, "{entry}");
        assert!(document.unfit.is_empty(), "{entry}: {:?}", document.unfit);
    }
    let document =
        with("        logicalType: string\n", "    quality: [{rule: freshnessCheck}, {rule: rowCount, mustBe: 3}]\n");
    let contract = &document.tables[0];
    assert_eq!((contract.metrics.len(), contract.unexecuted.len()), (1, 1));
    assert_eq!(contract.unexecuted[0].reason, "'freshnessCheck' is no metric");
    // Two row counts without names are two rules.
    let two = with(
        "        logicalType: string\n",
        "    quality: [{metric: rowCount, mustBeGreaterThan: 1}, {metric: rowCount, mustBeLessThan: 9}]\n",
    );
    assert_eq!((two.tables[0].metrics.len(), two.unfit.len()), (2, 0), "{:?}", two.unfit);
}

#[test]
fn references_name_columns_of_the_same_file_by_name_or_id() {
    for to in ["b.key", "schema/b_obj/properties/key_prop", "/schema/b/properties/key", "/schema/b_obj/properties/key"]
    {
        let document = read(&format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: a\n    \
             properties: [{{name: x, logicalType: string, relationships: [{{to: {to}}}]}}]\n  - name: b\n    id: b_obj\n    \
             properties: [{{name: key, id: key_prop, logicalType: string}}]\n"
        ));
        let target = &document.tables[0].foreign_keys[0].targets[0];
        assert_eq!((target.table.as_str(), target.columns[0].as_str(), &target.file), ("b", "key", &None), "{to}");
        assert!(document.unfit.is_empty(), "{to}: {:?}", document.unfit);
    }
}

#[test]
fn formats_zones_and_widths_become_checks() {
    let column = |text: &str| -> (Contract, Vec<String>) {
        let document = with(&format!("        logicalType: {text}\n"), "");
        let told = lines(&document);
        (document.tables.into_iter().next().unwrap(), told)
    };
    let (text, told) = column("string\n        logicalTypeOptions: {format: uuid}");
    assert!(text.columns[0].pattern.as_deref().is_some_and(|pattern| pattern.contains("{12}")) && told.is_empty());
    let (byte, _) = column("integer\n        logicalTypeOptions: {format: u8, maximum: 9}");
    assert_eq!(
        (byte.columns[0].minimum, byte.columns[0].maximum, byte.columns[0].kind),
        (Some(0.0), Some(9.0), Kind::Int32)
    );
    let (wide, told) = column("integer\n        logicalTypeOptions: {format: i128}");
    assert_eq!(wide.columns.len(), 1);
    assert!(told[0].contains("'i128' is no format of whole numbers that a table can have"), "{told:?}");
    let (day, told) = column("date\n        logicalTypeOptions: {format: dd.MM.yyyy, minimum: 01.01.1970}");
    assert_eq!((day.columns[0].minimum, told.len()), (Some(0.0), 0), "{told:?}");
    let zone = "{minimum: '1970-01-01 01:00:00', defaultTimezone: Europe/Berlin}";
    let (instant, told) = column(&format!("timestamp\n        logicalTypeOptions: {zone}"));
    assert_eq!((instant.columns[0].minimum, told.len()), (Some(0.0), 0), "{told:?}");
    let (_, told) = column("timestamp\n        logicalTypeOptions: {timezone: false, defaultTimezone: Europe/Berln}");
    assert!(told.len() == 2 && told[0].contains("no time zone") && told[1].contains("in UTC"), "{told:?}");
    let (_, told) = column("object\n        properties: [{name: b, logicalType: array, items: {logicalType: string}}]");
    assert!(told.len() == 1 && told[0].contains("one value a row"), "{told:?}");
}

#[test]
fn contracts_of_others_are_no_mistake_in_a_workspace_until_a_pipeline_uses_them() {
    let world = World::new();
    for (file, text) in examples() {
        world.write(&format!("schemas/others/{}", file.file_name().unwrap().to_string_lossy()), &text);
    }
    let output = world.program(&["check"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("note: no pipeline uses this contract, and none could: "), "{told}");
    let listed = world.program(&["rules", "list", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let soda: Vec<&Value> = listed["own"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|rule| rule["reason"].as_str().is_some_and(|r| r.contains("soda")))
        .collect();
    assert!(soda.len() == 2 && soda.iter().all(|rule| rule["executable"] == false), "{soda:?}");
    let id = soda[0]["id"].as_str().unwrap();
    let explained = world.program(&["rules", "explain", id]);
    assert!(String::from_utf8_lossy(&explained.stdout).contains("It is not run: it is a rule of the engine 'soda'."));
    world.replace("pipelines/stadtbus-fahrplan.yaml", "schemas/gtfs\n", "schemas/others\n");
    let output = world.program(&["check"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(told.contains("'Air_Quality' is no name for a table") && told.contains("one value a row"), "{told}");
}

#[test]
fn a_rule_of_another_engine_is_skipped_in_a_run_and_says_why() {
    let world = World::new();
    let entry = "        quality: [{type: custom, engine: soda, implementation: 'duplicate_percent(stop_desc) < 1'}]\n";
    let column = "      - name: stop_desc\n        logicalType: string\n";
    world.replace("schemas/gtfs/stops.odcs.yaml", column, &format!("{column}{entry}"));
    let output = world.program(&["run", "stadtbus-fahrplan", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    let skipped = results[0]["record"]["skipped"]["gtfs-stops"].as_object().unwrap();
    let (id, why) = skipped.iter().find(|(id, _)| id.starts_with("stops.stop_desc.soda_")).unwrap();
    assert_eq!(why, "not executable: it is a rule of the engine 'soda'");
    assert!(
        !results[0]["record"]["passed"]["gtfs-stops"].as_array().unwrap().iter().any(|passed| passed == id.as_str())
    );
    let date = results[0]["record"]["date"].as_str().unwrap();
    let quality = world.path(&format!("data/bucket/reports/stadtbus-fahrplan/date={date}/quality.json"));
    let quality: Value = serde_json::from_str(&std::fs::read_to_string(quality).unwrap()).unwrap();
    let rule = quality["rules"].as_array().unwrap().iter().find(|rule| rule["id"] == id.as_str()).unwrap();
    assert_eq!((&rule["result"], &rule["message"]), (&"skipped".into(), &json!(why)));
}

/// The standard's own schema of a document, as far as documents are made of it here.
struct Schema {
    definitions: Map<String, Value>,
}

/// The properties that an object may have, those that it must have, and what holds if a property has a certain value.
#[derive(Default)]
struct Shapes {
    properties: BTreeMap<String, Value>,
    required: BTreeSet<String>,
    cases: Vec<((String, Value), Value)>,
    choices: Vec<Value>,
}

impl Schema {
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        // Beside a reference others may stand, which `collect` puts together.
        match schema["$ref"].as_str().filter(|_| schema["required"].is_null() && schema["properties"].is_null()) {
            Some(name) => self.resolved(&self.definitions[name.rsplit('/').next().unwrap()]),
            None => schema,
        }
    }

    fn collect(&self, schema: &Value, shapes: &mut Shapes) {
        if let Some(name) = schema["$ref"].as_str() {
            self.collect(&self.definitions[name.rsplit('/').next().unwrap()], shapes);
        }
        for (name, value) in schema["properties"].as_object().into_iter().flatten() {
            shapes.properties.insert(name.clone(), value.clone());
        }
        shapes
            .required
            .extend(schema["required"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap().to_owned()));
        shapes.choices.extend(schema["oneOf"].as_array().cloned().unwrap_or_default());
        for part in schema["allOf"].as_array().into_iter().flatten() {
            if part["if"].is_null() {
                self.collect(part, shapes);
            }
            let conditions = part["if"]["anyOf"].as_array().cloned().unwrap_or_else(|| vec![part["if"].clone()]);
            for (name, value) in conditions.iter().filter_map(|condition| condition["properties"].as_object()).flatten()
            {
                if !value["const"].is_null() {
                    shapes.cases.push(((name.clone(), value["const"].clone()), part["then"].clone()));
                }
            }
        }
    }

    /// Values of a schema, each property of its objects in at least one; the first is the least one.
    fn values(&self, schema: &Value, name: &str, depth: usize) -> Vec<Value> {
        let schema = self.resolved(schema);
        if let Some(values) = schema["enum"].as_array() {
            return values.clone();
        }
        let any = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
        match schema["type"].as_str() {
            Some("string") => vec![text(name, schema)],
            Some("integer") => vec![json!(1)],
            Some("number") => vec![json!(1.5)],
            Some("boolean") => vec![json!(true), json!(false)],
            Some("null") => vec![Value::Null],
            Some("array") if depth == 0 || schema["items"].is_null() => vec![json!([])],
            Some("array") => self.values(&schema["items"], name, depth).into_iter().map(|item| json!([item])).collect(),
            Some("object") if depth == 0 => vec![],
            _ if any.is_some() && schema["properties"].is_null() && schema["allOf"].is_null() => {
                any.unwrap().iter().flat_map(|schema| self.values(schema, name, depth)).collect()
            }
            _ => self.objects(schema, depth),
        }
    }

    fn objects(&self, schema: &Value, depth: usize) -> Vec<Value> {
        let mut shapes = Shapes::default();
        self.collect(schema, &mut shapes);
        let mut found = self.objects_of(&shapes, &Map::new(), depth);
        for ((name, value), then) in &shapes.cases {
            let mut shapes = Shapes {
                properties: shapes.properties.clone(),
                required: shapes.required.clone(),
                ..Shapes::default()
            };
            self.collect(then, &mut shapes);
            let fixed = Map::from_iter([(name.clone(), value.clone())]);
            found.extend(self.objects_of(&shapes, &fixed, depth));
        }
        found
    }

    fn objects_of(&self, shapes: &Shapes, fixed: &Map<String, Value>, depth: usize) -> Vec<Value> {
        let mut found = Vec::new();
        let choices = if shapes.choices.is_empty() { vec![Value::Null] } else { shapes.choices.clone() };
        for choice in choices {
            let mut own = Shapes {
                properties: shapes.properties.clone(),
                required: shapes.required.clone(),
                ..Shapes::default()
            };
            self.collect(&choice, &mut own);
            let mut least = fixed.clone();
            for name in &own.required {
                let value =
                    own.properties.get(name).and_then(|schema| self.values(schema, name, depth - 1).into_iter().next());
                least.entry(name.clone()).or_insert(value.unwrap_or_else(|| json!("x")));
            }
            found.push(Value::Object(least.clone()));
            for (name, schema) in own.properties.iter().filter(|(name, _)| !fixed.contains_key(*name)) {
                // What more must hold with such a value is in a case of its own.
                let is_case = |value: &Value| shapes.cases.iter().any(|(case, _)| case.0 == *name && case.1 == *value);
                for value in self.values(schema, name, depth - 1).into_iter().filter(|value| !is_case(value)) {
                    let mut object = least.clone();
                    object.insert(name.clone(), value);
                    found.push(Value::Object(object));
                }
            }
        }
        found
    }
}

fn text(name: &str, schema: &Value) -> Value {
    match (name, schema["pattern"].as_str()) {
        ("from" | "to", _) => json!("t.x"),
        (_, Some(_)) => json!("a-1"),
        _ => schema["examples"].get(0).cloned().unwrap_or_else(|| json!("x")),
    }
}

#[test]
fn whatever_the_schema_of_the_standard_allows_is_read() {
    let text = std::fs::read_to_string(root().join("tests/facts/odcs-json-schema-v3.1.0.json")).unwrap();
    let mut whole: Value = serde_json::from_str(&text).unwrap();
    // Servers are accepted as they are, whatever stands in them.
    whole["properties"]["servers"] = json!({"type": "array"});
    let schema = Schema { definitions: whole["$defs"].as_object().unwrap().clone() };
    let documents: Vec<Value> = schema.objects(&whole, 4);
    let mut seen = BTreeSet::new();
    let mut told = BTreeSet::new();
    for document in &documents {
        let text = document.to_string();
        keys(document, &mut seen);
        if let Err(problems) = odcs::document(Path::new("t.odcs.yaml"), &text) {
            told.insert(format!("{}\n  {text}", problems[0]));
        }
    }
    assert!(
        told.is_empty(),
        "{} of {}\n{}",
        told.len(),
        documents.len(),
        told.into_iter().take(40).collect::<Vec<_>>().join("\n")
    );
    let rare =
        ["mustNotBeBetween", "maxProperties", "defaultTimezone", "encryptedName", "replacedByUsername", "valueExt"];
    assert!(documents.len() > 500 && rare.iter().all(|key| seen.contains(*key)), "{} {seen:?}", documents.len());
}

fn keys(value: &Value, seen: &mut BTreeSet<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        seen.insert(key.clone());
        keys(value, seen);
    }
    value.as_array().into_iter().flatten().for_each(|value| keys(value, seen));
}
