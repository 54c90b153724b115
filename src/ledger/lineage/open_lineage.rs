//! Events of OpenLineage 2-0-2 (<https://openlineage.io/spec/2-0-2/OpenLineage.json>), with the standard facets of that version.

use serde_json::{Map, Value, json};

use super::Run;
use crate::check::RuleResult;
use crate::ledger::{Counted, EvidenceEntry, Status, TableEntry};

const EVENT: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// Facets of the standard, and the versions of their schemas.
const NOMINAL_TIME: (&str, &str) = ("nominalTime", "1-0-1/NominalTimeRunFacet");
const ENGINE: (&str, &str) = ("processing_engine", "1-1-1/ProcessingEngineRunFacet");
const ERROR: (&str, &str) = ("errorMessage", "1-0-1/ErrorMessageRunFacet");
const JOB_TYPE: (&str, &str) = ("jobType", "2-0-4/JobTypeJobFacet");
const VERSION: (&str, &str) = ("version", "1-0-1/DatasetVersionDatasetFacet");
const ASSERTIONS: (&str, &str) = ("dataQualityAssertions", "1-1-0/DataQualityAssertionsDatasetFacet");
const READ: (&str, &str) = ("inputStatistics", "1-0-0/InputStatisticsInputDatasetFacet");
const WRITTEN: (&str, &str) = ("outputStatistics", "1-0-2/OutputStatisticsOutputDatasetFacet");

/// Where the facets of this program are described.
const OWN: &str = "urn:fahrtenbuch:docs:lineage";

/// The two events that the standard asks of a run: that it began, and how it ended.
pub(crate) fn events(run: Run<'_>) -> Vec<Value> {
    let begun = event(run, "START", run.record.started_at, Facets::default(), Vec::new());
    let mut facets = Facets::default();
    let ended = match run.record.status {
        Status::Published => "COMPLETE",
        Status::HeldBack => {
            facets.add(run, ERROR, json!({"message": why_held_back(run), "programmingLanguage": "Rust"}));
            "FAIL"
        }
    };
    facets.add_own(
        run,
        "fahrtenbuch_record",
        json!({
            "path": crate::ledger::record_key(&run.digest),
            "sha256": run.digest,
            "inputs_sha256": run.record.inputs.sha256,
        }),
    );
    let outputs = run.record.tables.iter().map(|table| output(run, table)).collect();
    vec![begun, event(run, ended, run.record.prepared_at, facets, outputs)]
}

fn event(run: Run<'_>, kind: &str, at: jiff::Timestamp, mut facets: Facets, outputs: Vec<Value>) -> Value {
    let record = run.record;
    // A service date ends after midnight; what the record says of it is its name.
    facets.add(run, NOMINAL_TIME, json!({"nominalStartTime": format!("{}T00:00:00Z", record.date)}));
    facets.add(run, ENGINE, json!({"name": record.program.name, "version": record.program.version}));
    let mut job = Facets::default();
    let kind_of_job = json!({"processingType": "BATCH", "integration": "FAHRTENBUCH", "jobType": "PIPELINE"});
    job.add(run, JOB_TYPE, kind_of_job);
    json!({
        "eventType": kind,
        "eventTime": at,
        "producer": run.producer(),
        "schemaURL": EVENT,
        "run": {"runId": run.id(), "facets": facets.0},
        "job": {"namespace": run.namespace, "name": record.pipeline, "facets": job.0},
        "inputs": record.evidence.iter().map(|of| input(run, of)).collect::<Vec<Value>>(),
        "outputs": outputs,
    })
}

/// What a source gave. It is private and has no address; its list of captures is published.
fn input(run: Run<'_>, of: &EvidenceEntry) -> Value {
    let (mut facets, mut read) = (Facets::default(), Facets::default());
    facets.add(run, VERSION, json!({"datasetVersion": of.sha256}));
    read.add(run, READ, json!({"fileCount": of.captures}));
    let name = format!("evidence/{}", of.source);
    json!({"namespace": run.namespace, "name": name, "facets": facets.0, "inputFacets": read.0})
}

/// A table as the run left it: its rows by where they went, its files, and what the rules said.
fn output(run: Run<'_>, table: &TableEntry) -> Value {
    let (mut facets, mut written) = (Facets::default(), Facets::default());
    if let [file] = table.files.as_slice() {
        facets.add(run, VERSION, json!({"datasetVersion": file.sha256}));
    }
    let assertions = assertions(run, &table.table);
    if !assertions.is_empty() {
        facets.add(run, ASSERTIONS, json!({"assertions": assertions}));
    }
    facets.add_own(run, "fahrtenbuch_rows", json!({
        "rows_in": table.rows_in,
        "published": table.published,
        "quarantined": table.quarantined,
        "held_back": table.held_back,
        "dropped": table.dropped,
        "released": table.released,
        "files": table.files.iter().map(|file| json!({"path": file.path, "sha256": file.sha256})).collect::<Vec<_>>(),
    }));
    let (rows, size) = table.files.iter().fold((0, 0), |(rows, size), file| (rows + file.rows, size + file.bytes));
    written.add(run, WRITTEN, json!({"rowCount": rows, "size": size, "fileCount": table.files.len()}));
    let name = format!("{}/{}", run.record.dataset, table.table);
    json!({"namespace": run.namespace, "name": name, "facets": facets.0, "outputFacets": written.0})
}

/// What the rules of a table said. A rule that had nothing to look at asserts nothing; that it did not is in the record.
fn assertions(run: Run<'_>, table: &str) -> Vec<Value> {
    let record = run.record;
    let is_of = |rule: &str| rule.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'));
    let found = record.findings.iter().filter(|found| found.table == table && found.result != RuleResult::Skipped);
    let found = found.map(|found| {
        let success = found.result == RuleResult::Passed;
        let actual = format!("{} of {} rows", found.rows, found.checked);
        json!({
            "assertion": found.rule, "success": success, "severity": severity(found.severity),
            "description": found.message, "actual": actual,
        })
    });
    let passed = record.passed.values().flatten().filter(|rule| is_of(&rule.0));
    let passed = passed.map(|rule| json!({"assertion": rule, "success": true}));
    let tolerated = record.tolerated.values().flatten().filter(|(rule, _)| is_of(&rule.0));
    let tolerated = tolerated.map(|(rule, Counted { rows, checked })| {
        json!({"assertion": rule, "success": true, "actual": format!("{rows} of {checked} rows")})
    });
    found.chain(passed).chain(tolerated).collect()
}

fn severity(severity: crate::contract::Severity) -> &'static str {
    match severity {
        crate::contract::Severity::Error => "error",
        crate::contract::Severity::Warning => "warn",
        crate::contract::Severity::Info => "info",
    }
}

fn why_held_back(run: Run<'_>) -> String {
    let blocks = |found: &&crate::ledger::Finding| {
        found.on_fail == crate::contract::OnFail::Block
            && matches!(found.result, RuleResult::Failed | RuleResult::Error)
            || found.result == RuleResult::Error
    };
    let mut rules: Vec<&str> = run.record.findings.iter().filter(blocks).map(|found| found.rule.0.as_str()).collect();
    rules.dedup();
    match rules.as_slice() {
        [] => "nothing was published; the record says why".to_owned(),
        rules => format!("held back by {}", rules.join(", ")),
    }
}

/// Facets by their names, each with who made it and where it is described.
#[derive(Default)]
struct Facets(Map<String, Value>);

impl Facets {
    fn add(&mut self, run: Run<'_>, (name, schema): (&str, &str), content: Value) {
        let facet = schema.rsplit('/').next().unwrap_or(schema);
        let url = format!("https://openlineage.io/spec/facets/{schema}.json#/$defs/{facet}");
        self.insert(run, name, url, content);
    }

    fn add_own(&mut self, run: Run<'_>, name: &str, content: Value) {
        self.insert(run, name, format!("{OWN}#{name}"), content);
    }

    fn insert(&mut self, run: Run<'_>, name: &str, url: String, content: Value) {
        let mut facet = Map::from_iter([
            ("_producer".to_owned(), Value::from(run.producer())),
            ("_schemaURL".to_owned(), Value::from(url)),
        ]);
        if let Value::Object(content) = content {
            facet.extend(content);
        }
        self.0.insert(name.to_owned(), facet.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::with_run;
    use super::*;

    #[test]
    fn a_run_begins_and_ends_and_says_where_the_rows_went() {
        let events = with_run(events);
        assert_eq!(events.len(), 2);
        assert_eq!((&events[0]["eventType"], &events[1]["eventType"]), (&json!("START"), &json!("COMPLETE")));
        assert_eq!(events[0]["run"]["runId"], events[1]["run"]["runId"]);
        assert_eq!(events[0]["outputs"], json!([]));
        let output = &events[1]["outputs"][0];
        assert_eq!(output["name"], "stadtbus/vehicle_locations");
        let written = &output["outputFacets"]["outputStatistics"];
        assert_eq!(
            [&written["rowCount"], &written["size"], &written["fileCount"]],
            [&json!(2), &json!(2048), &json!(1)]
        );
        let rows = &output["facets"]["fahrtenbuch_rows"];
        assert_eq!([&rows["rows_in"], &rows["published"], &rows["dropped"]["vehicle_locations.same"]], [6, 2, 1]);
        let input = &events[1]["inputs"][0];
        assert_eq!(
            (&input["name"], &input["inputFacets"]["inputStatistics"]["fileCount"]),
            (&json!("evidence/bus"), &json!(2))
        );
    }

    #[test]
    fn each_rule_that_looked_at_rows_is_an_assertion_and_one_that_could_not_is_none_that_holds() {
        let assertions = with_run(|run| assertions(run, "vehicle_locations"));
        let success = |rule: &str| {
            let found = assertions.iter().find(|of| of["assertion"] == rule);
            found.map(|of| of["success"].as_bool().unwrap())
        };
        assert_eq!(success("vehicle_locations.latitude.range"), Some(false));
        assert_eq!(success("vehicle_locations.broken"), Some(false));
        assert_eq!(success("vehicle_locations.primary_key"), Some(true));
        assert_eq!(success("vehicle_locations.few"), Some(true));
        assert_eq!(success("vehicle_locations.as_before"), None);
        assert!(with_run(|run| super::assertions(run, "vehicle")).is_empty());
    }
}
