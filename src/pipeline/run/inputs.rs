//! Everything that is known before a row is read: the beginning of a run's record, with the digests of contracts, pipeline,
//! evidence, key and settings as its inputs.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::decision::{self, About, DecisionEntry, Line};
use crate::derive::privacy::step::{OutsideTrips, PrivacyRules, Scope};
use crate::digest::Digest;
use crate::ledger::{self, Captured, ContractEntry, EvidenceEntry, Input, Inputs, Program, RunRecord, RunTarget};
use crate::pipeline::run::beats::Beats;
use crate::pipeline::run::context::RunContext;
use crate::pipeline::run::day_key::{day_keys, key_digest};
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::Partition;
use crate::pipeline::run::imports::{import_refs, imports_of};
use crate::pipeline::run::lost::refuse_lost_keys;
use crate::pipeline::run::run_inputs::RunInputs;
use crate::pipeline::{Feed, Pipeline, VehicleIds};
use crate::quarantine::decisions::{self, Decisions};
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// What was decided about a partition and holds today.
pub(super) struct Decided {
    /// What it comes to for rows, by table.
    pub rows: BTreeMap<String, Arc<Decisions>>,
    /// As the record names it.
    entries: Vec<DecisionEntry>,
}

/// What was decided of rows of a date, and about its evidence and key. `accepted` are the decisions that are not about rows.
pub(super) fn decisions(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: ServiceDate,
    accepted: &[Line],
    today: ServiceDate,
) -> Result<Decided, RunError> {
    let mut rows = BTreeMap::new();
    let mut entries: Vec<DecisionEntry> = Vec::new();
    for table in pipeline.tables() {
        let path = decision::path_of_rows(&workspace.private, &pipeline.dataset, &table);
        let lines = decision::read_of(&path, &workspace.people)?;
        let is_its = |line: &&Line| match &line.decision.about {
            About::Release(rows) | About::Discard(rows) => rows.date == date && line.holds(today),
            _ => false,
        };
        entries.extend(lines.iter().filter(is_its).map(DecisionEntry::from));
        rows.insert(table, Arc::new(Decisions::of(&lines, date, today)));
    }
    let is_its = |line: &&Line| match &line.decision.about {
        About::AcceptEvidence(of) => of.pipeline == pipeline.name && of.date == date,
        About::AcceptKey(of) => of.pipeline == pipeline.name && of.date == date,
        About::AcceptDecisions(of) => of.pipeline == pipeline.name && of.date == date,
        _ => false,
    };
    entries.extend(accepted.iter().filter(is_its).map(DecisionEntry::from));
    entries.sort_by_key(|entry| (entry.at, entry.id.clone()));
    Ok(Decided { rows, entries })
}

/// Lists of captures, by their digest.
pub(super) type Lists = BTreeMap<Digest, String>;

/// What is known before a row is read.
pub(super) struct Begun {
    pub record: RunRecord,
    /// Of the date's pseudonyms.
    pub key: Option<[u8; 32]>,
    /// The lists of captures that the record names, by their digest.
    pub lists: Lists,
}

impl Decided {
    /// What was decided of rows when a run was made that has a record.
    pub(super) fn of_rows(rows: BTreeMap<String, Arc<Decisions>>) -> Self {
        Self { rows, entries: Vec::new() }
    }
}

/// The contracts that the record of a run names: those of the feed's tables, then those of the release or of what is derived.
pub(in crate::pipeline) fn contract_entries(pipeline: &Pipeline) -> Vec<ContractEntry> {
    let feed = pipeline.contracts.contracts.values();
    let of_release = pipeline.release.iter().flat_map(|release| release.contracts.contracts.values());
    let derived = pipeline.derived.iter().filter(|_| pipeline.release.is_none()).flat_map(|derived| &derived.contracts);
    feed.chain(of_release).chain(derived).map(|contract| contract.as_ref().into()).collect()
}

/// The beginning of a run's record: everything that is known before a row is read. `key` is that of the date's pseudonyms.
pub(super) fn begin(
    run: &RunContext<'_>,
    partition: &Partition,
    (run_inputs, beats): (&RunInputs, &Beats),
    decided: &Decided,
    key: Option<[u8; 32]>,
    started_at: Timestamp,
) -> Result<Begun, RunError> {
    let RunContext { workspace, pipeline, .. } = *run;
    let contracts = contract_entries(pipeline);
    let (mut evidence, mut lists) = evidence_of(run, partition)?;
    let timetable = run_inputs.evidence();
    let mut data: Vec<Input> =
        evidence.iter().map(|entry| Input::new("evidence", &entry.source, entry.sha256)).collect();
    if let Some((entry, lines)) = timetable {
        data.push(Input::new("timetable", &entry.source, entry.sha256));
        lists.extend(entry.list_digest().map(|digest| (digest, lines)));
        evidence.push(entry);
    }
    data.extend(beats.inputs());
    let pseudonym_key = key.map(|key| key_digest(&key));
    let program = Program::this();
    let mappings: BTreeMap<String, Digest> =
        pipeline.mappings.iter().map(|(column, mapping)| (column.clone(), mapping.digest)).collect();
    let decisions = decisions::digest(&decided.rows);
    data.extend(pseudonym_key.map(|key| Input::new("key", &partition.date.to_string(), key)));
    data.extend(mappings.iter().map(|(column, digest)| Input::new("mapping", column, *digest)));
    data.extend(decisions.map(|digest| Input::new("decisions", "rows", digest)));
    data.extend(settings(workspace, pipeline, partition.date));
    if !partition.is_complete {
        // The same evidence is published again, and for good, when the date is over.
        data.push(Input::of_value("setting", ledger::PROVISIONAL, "true".to_owned()));
    }
    data.extend(pipeline.all_contracts().map(|contract| Input::new("rows", &contract.id, contract.content_digest())));
    let mut rules = rule_inputs(pipeline, &contracts, run_inputs, decided);
    rules.push(Input::of_program(&program));
    if let Some(area) = &workspace.area {
        let decides = pipeline
            .all_contracts()
            .any(|contract| contract.shaping_queries().iter().any(|query| query.says("in_service_area")));
        let list = if decides { &mut data } else { &mut rules };
        list.push(Input::new("area", "service_area", area.digest));
    }
    let inputs = Inputs::of(data, rules);
    let of = RunTarget { pipeline: &pipeline.name, dataset: &pipeline.dataset, date: partition.date };
    let record = RunRecord {
        contracts,
        mappings,
        decisions,
        decided: decided.entries.iter().cloned().map(Into::into).collect(),
        evidence,
        pseudonym_key,
        ..RunRecord::begun(of, started_at, inputs, pipeline.digest)
    };
    Ok(Begun { record, key, lists })
}

/// The key of a date's pseudonyms, which is made if there is none yet; `None` of a pipeline that publishes none.
pub(super) fn day_key(run: &RunContext<'_>, date: ServiceDate) -> Result<Option<[u8; 32]>, RunError> {
    if run.pipeline.release.is_none() {
        return Ok(None);
    }
    let folder = run.workspace.private.join("keys");
    let keys = day_keys(run.workspace);
    let failed = |error: std::io::Error, verb| match error.kind() {
        std::io::ErrorKind::InvalidData => RunError::Key { problem: error.to_string() },
        _ => RunError::private(&folder, verb, &error),
    };
    if let Some(key) = keys.existing(date).map_err(|error| failed(error, "read"))? {
        return Ok(Some(key));
    }
    refuse_lost_keys(run)?;
    // A full disk has no room for a new one.
    keys.key(date).map(Some).map_err(|error| failed(error, "written"))
}

/// The evidence of a partition by source, and its lists of captures.
fn evidence_of(run: &RunContext<'_>, partition: &Partition) -> Result<(Vec<EvidenceEntry>, Lists), RunError> {
    let RunContext { workspace, pipeline, .. } = *run;
    let (mut evidence, mut lists) = (Vec::new(), Lists::new());
    for (source, _, entries) in &partition.evidence {
        let captures: Vec<Captured> = entries.iter().map(|entry| (entry.captured_at, entry.digest)).collect();
        let mut entry = EvidenceEntry::of(source, &captures);
        entry.imports = import_refs(&imports_of(workspace, pipeline, source)?, &captures);
        lists.extend(entry.list_digest().map(|digest| (digest, ledger::capture_lines(&captures))));
        if let Some(only) = entries.first().filter(|_| pipeline.is_timetable()) {
            // What a timetable says does not depend on when it was captured, apart from the partition's date.
            entry.sha256 = only.digest;
        }
        evidence.push(entry);
    }
    Ok((evidence, lists))
}

/// What decides findings, but for the program and the area.
fn rule_inputs(
    pipeline: &Pipeline,
    contracts: &[ContractEntry],
    run_inputs: &RunInputs,
    decided: &Decided,
) -> Vec<Input> {
    let mut rules = vec![Input::new("pipeline", &pipeline.name, pipeline.digest)];
    rules.extend(contracts.iter().map(|contract| Input::new("contract", &contract.id, contract.sha256)));
    let notices = pipeline.contracts.changes_text.as_ref();
    rules.extend(notices.map(|text| Input::new("notices", "gtfs", Digest::of(text.as_bytes()))));
    rules.extend(run_inputs.rule_inputs());
    // Rows that are decided of are in the data; who accepts other evidence is to stand in a record, though no row changes.
    let of_rows = |entry: &&DecisionEntry| entry.kind == "release" || entry.kind == "discard";
    let accepted = decided.entries.iter().filter(|entry| !of_rows(entry));
    rules.extend(accepted.map(|entry| {
        let value = format!("{} by {} at {}: {}", entry.kind, entry.by, entry.at, entry.reason);
        Input::of_value("decision", &entry.id.0, value)
    }));
    rules
}

/// What of the configuration and the pipeline's file decides rows.
fn settings(workspace: &Workspace, pipeline: &Pipeline, date: ServiceDate) -> Vec<Input> {
    let setting = |name: &str, value: String| Input::of_value("setting", name, value);
    let mut settings = vec![
        setting("dataset", pipeline.dataset.clone()),
        setting("date", date.to_string()),
        setting("time_zone", workspace.zone.iana_name().unwrap_or("unknown").to_owned()),
    ];
    settings.push(setting("format", pipeline.decoder.format().name().to_owned()));
    settings.extend(pipeline.decoder.settings().into_iter().map(|(name, value)| setting(&name, value)));
    if let Some(release) = &pipeline.release {
        settings.push(setting("occupancy_source", release.occupancy_source.clone()));
        let of_table = |(contract, from): &(Arc<crate::contract::Contract>, String)| {
            setting(&format!("table:{}", contract.table), from.clone())
        };
        settings.extend(release.tables.iter().map(of_table));
        // What a pipeline does not say is no setting, so that its inputs stay what they were.
        match release.vehicles {
            VehicleIds::Unsaid => {}
            VehicleIds::Shared => settings.push(setting("vehicles", "shared".to_owned())),
            VehicleIds::BySource => settings.push(setting("vehicles", "by_source".to_owned())),
        }
        if release.entity_ids_are_stable {
            settings.push(setting("entity_ids", "stable".to_owned()));
        }
        settings.extend(privacy(&release.privacy));
        let of_source = |feed: &Feed| Some(setting(&format!("vehicles:{}", feed.name), feed.vehicles.clone()?));
        settings.extend(pipeline.feeds.iter().filter_map(of_source));
    }
    settings.extend(pipeline.derived.iter().map(|derived| {
        let inputs = derived.derivation.inputs().iter().map(|input| input.table).collect::<Vec<_>>().join(" ");
        setting(&format!("derived:{}", derived.derivation.name()), inputs)
    }));
    settings
}

/// What of the privacy rules decides rows; nothing of a pipeline that says nothing of them.
fn privacy(rules: &PrivacyRules) -> Vec<Input> {
    let mut inputs = Vec::new();
    if rules.pseudonyms != Scope::Day {
        inputs.push(Input::of_value("setting", "privacy.pseudonyms", rules.pseudonyms.word().to_owned()));
    }
    if let Some(OutsideTrips { cut, before, after }) = rules.outside_trips {
        let value = format!("{}; {before} s before, {after} s after", cut.word());
        inputs.push(Input::of_value("setting", "privacy.outside_trips", value));
    }
    if let Some(zones) = &rules.zones {
        inputs.push(Input::of_value("setting", "privacy.zones", zones.cut.word().to_owned()));
        inputs.push(Input::new("zones", &zones.file, zones.zones.digest));
    }
    inputs
}
