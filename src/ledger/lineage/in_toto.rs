//! An in-toto statement (<https://in-toto.io/Statement/v1>) with SLSA provenance (<https://slsa.dev/provenance/v1>): which files the
//! run made, of what, with which program.

use serde_json::{Value, json};

use super::Run;
use crate::digest::Digest;
use crate::ledger::{Input, object_key, record_key};

/// What `externalParameters` and the dependencies mean is told there.
const BUILD_TYPE: &str = "urn:fahrtenbuch:docs:lineage#run";

/// The statement of a run: about the files that were current after it, or, of a run without files, about its record.
pub(crate) fn statement(run: Run<'_>) -> Value {
    let record = run.record;
    let files = record.tables.iter().flat_map(|table| &table.files);
    let mut subject: Vec<Value> = files.map(|file| described(&file.path, file.sha256)).collect();
    if subject.is_empty() {
        subject.push(described("ledger/records", run.digest));
    }
    let mut program = json!({"name": record.program.name, "version": record.program.version});
    if !record.program.commit.is_empty() {
        program["commit"] = record.program.commit.clone().into();
    }
    let inputs = record.inputs.data.iter().chain(&record.inputs.rules);
    let mut dependencies: Vec<Value> = inputs.map(dependency).collect();
    dependencies.push(json!({
        "name": "pipeline-file", "uri": object_key(&record.pipeline_file), "digest": {"sha256": record.pipeline_file},
    }));
    if let Some(lock) = &record.program.lock_sha256 {
        dependencies.push(described("Cargo.lock", *lock));
    }
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"pipeline": record.pipeline, "dataset": record.dataset, "date": record.date},
                "internalParameters": {"inputs_sha256": record.inputs.sha256},
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": {"id": run.producer(), "version": program},
                "metadata": {
                    "invocationId": run.id(),
                    "startedOn": record.started_at,
                    "finishedOn": record.prepared_at,
                },
                "byproducts": [{
                    "name": "record", "uri": record_key(&run.digest), "digest": {"sha256": run.digest},
                }],
            },
        },
    })
}

fn described(name: &str, sha256: Digest) -> Value {
    json!({"name": name, "digest": {"sha256": sha256}})
}

/// An input, by its kind and name. A short text is told itself.
fn dependency(input: &Input) -> Value {
    let mut of = described(&format!("{}/{}", input.kind, input.name), input.sha256);
    if let Some(value) = &input.value {
        of["annotations"] = json!({"value": value});
    }
    of
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::with_run;
    use super::*;

    #[test]
    fn a_statement_names_the_files_their_digests_and_every_input() {
        let statement = with_run(statement);
        let path = "data/stadtbus/vehicle_locations/partition_date=2026-11-24/part-0123456789ab.parquet";
        assert_eq!(statement["subject"][0]["name"], path);
        let sha256 = "3b9c358f36f0a31b6ad3e14f309c7cf198ac9246e8316f9ce543d5b19ac02b80";
        assert_eq!(statement["subject"][0]["digest"], json!({"sha256": sha256}));
        let definition = &statement["predicate"]["buildDefinition"];
        let names: Vec<&str> = definition["resolvedDependencies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|of| of["name"].as_str().unwrap())
            .collect();
        let contract = "contract/de.stadtbus.vehicle_locations";
        assert_eq!(names, ["evidence/bus", "setting/time_zone", contract, "pipeline-file", "Cargo.lock"]);
        assert_eq!(definition["resolvedDependencies"][1]["annotations"]["value"], "Europe/Berlin");
    }
}
