//! Everything that is known before a row is read: the beginning of a run's record.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::derive::privacy::DayKeys;
use crate::digest::{Digest, Digester};
use crate::ledger::{self, ContractEntry, EvidenceEntry, Program, RunRecord, Status};
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::Partition;
use crate::pipeline::{Format, Pipeline};
use crate::quarantine::decisions::{self, Decisions};
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// What the data manager decided of rows of a date, by table.
pub(super) fn decisions(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: ServiceDate,
) -> Result<BTreeMap<String, Arc<Decisions>>, RunError> {
    let mut tables = BTreeMap::new();
    for table in pipeline.tables() {
        let lines = decisions::read(&decisions::path(&workspace.private, &pipeline.dataset, &table))?;
        tables.insert(table, Arc::new(Decisions::of(&lines, date)));
    }
    Ok(tables)
}

/// The beginning of a run's record: everything that is known before a row is read. And the key of the date's pseudonyms.
pub(super) fn begin(
    workspace: &Workspace,
    pipeline: &Pipeline,
    partition: &Partition,
    decided: &BTreeMap<String, Arc<Decisions>>,
    started_at: Timestamp,
) -> Result<(RunRecord, Option<[u8; 32]>), RunError> {
    let mut contracts: Vec<ContractEntry> =
        pipeline.contracts.contracts.values().map(|contract| contract.as_ref().into()).collect();
    let mut key = None;
    if let Format::GtfsRealtime { release, .. } = &pipeline.format {
        contracts.extend(release.contracts.values().map(|contract| ContractEntry::from(contract.as_ref())));
        let folder = workspace.private.join("keys");
        let made = DayKeys::new(&folder).key(partition.date);
        key = Some(made.map_err(|error| RunError::private(&folder, "read", &error))?);
    }
    let mut evidence: Vec<EvidenceEntry> = partition
        .evidence
        .iter()
        .map(|(source, _, entries)| {
            let captures: Vec<_> = entries.iter().map(|entry| (entry.captured_at, entry.digest)).collect();
            // What a timetable says does not depend on when it was captured, apart from the partition's date.
            match pipeline.format {
                Format::Gtfs => EvidenceEntry { sha256: entries[0].digest, ..EvidenceEntry::of(source, &captures) },
                Format::GtfsRealtime { .. } => EvidenceEntry::of(source, &captures),
            }
        })
        .collect();
    evidence.extend(partition.beside.evidence());
    let pseudonym_key = key.map(|key| Digest::of(&[b"fahrtenbuch pseudonym key ", &key[..]].concat()));
    let program = Program::this();
    let mut digester = Digester::default();
    let mut line = |text: String| digester.update(format!("{text}\n").as_bytes());
    line(format!("{} {} {}", ledger::FORMAT, program.name, program.version));
    line(format!("pipeline {} {}", pipeline.name, pipeline.digest));
    line(format!("date {} zone {:?}", partition.date, workspace.zone.iana_name()));
    if !partition.is_complete {
        // The same evidence is published again, and for good, when the date is over.
        line("provisional".to_owned());
    }
    contracts.iter().for_each(|contract| line(format!("contract {} {}", contract.id, contract.sha256)));
    partition.beside.inputs(workspace).into_iter().for_each(&mut line);
    if let Some(digest) = pipeline.contracts.changes_digest {
        line(format!("notices {digest}"));
    }
    let mappings: BTreeMap<String, Digest> =
        pipeline.mappings.iter().map(|(column, mapping)| (column.clone(), mapping.digest)).collect();
    mappings.iter().for_each(|(column, digest)| line(format!("mapping {column} {digest}")));
    let decisions = decisions::digest(decided);
    if let Some(digest) = decisions {
        line(format!("decisions {digest}"));
    }
    evidence.iter().for_each(|entry| line(format!("evidence {} {}", entry.source, entry.sha256)));
    line(format!("key {pseudonym_key:?}"));
    let record = RunRecord {
        format: ledger::FORMAT.to_owned(),
        pipeline: pipeline.name.clone(),
        dataset: pipeline.dataset.clone(),
        date: partition.date,
        status: Status::Published,
        started_at,
        prepared_at: started_at,
        program,
        inputs: digester.finish(),
        pipeline_file: pipeline.digest,
        contracts,
        mappings,
        decisions,
        evidence,
        captures: BTreeMap::new(),
        pseudonym_key,
        tables: Vec::new(),
        findings: Vec::new(),
        passed: BTreeMap::new(),
        checked: BTreeMap::new(),
        tolerated: BTreeMap::new(),
        values: BTreeMap::new(),
        skipped: BTreeMap::new(),
        absent: Vec::new(),
        notes: Vec::new(),
        standard: None,
    };
    Ok((record, key))
}
