//! A run's record in the forms of other tools: events of OpenLineage, and an in-toto statement with SLSA provenance.
//!
//! Both are made of the record alone, so that whoever has the bucket makes the same ones. Nothing is in them that the record does not
//! say, and no row.

mod dsse;
mod in_toto;
mod open_lineage;

use crate::digest::Digest;
use crate::ledger::RunRecord;

pub(crate) use dsse::signed;
pub(crate) use in_toto::statement;
pub(crate) use open_lineage::events;

/// A record, and what both forms name it by.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    /// Where the published files are: the address of the bucket on the web, or what stands for it.
    pub namespace: &'a str,
    pub record: &'a RunRecord,
    /// Of the bytes of the record.
    pub digest: Digest,
}

impl Run<'_> {
    /// What names the program that wrote the record, as a URI.
    fn producer(self) -> String {
        let program = &self.record.program;
        match program.commit.as_str() {
            "" | "unknown" => format!("urn:{}:{}", program.name, program.version),
            commit => format!("urn:{}:{}:{commit}", program.name, program.version),
        }
    }

    /// Of the record's digest, so that a run has the same one wherever its events are made.
    fn id(self) -> String {
        self.digest.uuid()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const RECORD: &str = include_str!("../../../tests/facts/run_record_v1.json");

    pub(super) fn with_run<T>(test: impl FnOnce(Run<'_>) -> T) -> T {
        let record: RunRecord = serde_json::from_str(RECORD).unwrap();
        test(Run { namespace: "https://data.example.de", record: &record, digest: Digest::of(RECORD.as_bytes()) })
    }

    #[test]
    fn the_id_of_a_run_is_a_uuid_of_its_record() {
        let id = with_run(|run| run.id());
        assert_eq!(id.len(), 36);
        assert_eq!((&id[14..15], id.split('-').count()), ("8", 5));
        assert_eq!(id[..8], Digest::of(RECORD.as_bytes()).to_string()[..8]);
    }

    /// Neither the rows that rules name nor who decided are for other tools.
    #[test]
    fn neither_form_has_a_row_or_the_name_of_a_person() {
        let all = with_run(|run| [Value::from(events(run)), statement(run)].map(|value| value.to_string()));
        for text in all {
            assert!(!text.contains("Muster") && !text.contains("\"99\"") && !text.contains("samples"), "{text}");
        }
    }

    #[test]
    fn a_run_that_published_nothing_has_no_statement_of_files_and_ends_as_failed() {
        let mut record: RunRecord = serde_json::from_str(RECORD).unwrap();
        record.status = crate::ledger::Status::HeldBack;
        record.tables.iter_mut().for_each(|table| table.files.clear());
        let run = Run { namespace: "fahrtenbuch", record: &record, digest: Digest::of(b"x") };
        let events = events(run);
        assert_eq!(events[1]["eventType"], "FAIL");
        let message = events[1]["run"]["facets"]["errorMessage"]["message"].as_str().unwrap();
        assert!(message.contains("vehicle_locations.rowCount"), "{message}");
        assert_eq!(statement(run)["subject"], json!([{"name": "ledger/records", "digest": {"sha256": run.digest}}]));
    }
}
