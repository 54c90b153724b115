//! Decodes, checks, derives and writes everything into the staging folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::check;
use crate::contract::Contract;
use crate::decode::{self, Note, Step};
use crate::derive::privacy::Pseudonyms;
use crate::derive::privacy::texts::PrivateTexts;
use crate::derive::telemetry::{self, Settings};
use crate::durable;
use crate::ledger::{FileEntry, RunRecord, Status};
use crate::pipeline::Pipeline;
use crate::pipeline::journal::{self, HeldFile, StagedFile};
use crate::pipeline::mapping::Dictionary;
use crate::pipeline::run::accounting::{account, hold_back};
use crate::pipeline::run::context::{RunContext, now};
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::fleets::Fleets;
use crate::pipeline::run::inputs::Begun;
use crate::pipeline::run::lane::{self, Arrived, Holding, Lane, Plan};
use crate::pipeline::run::published::Published;
use crate::pipeline::run::readable::Captures;
use crate::pipeline::run::reading::{decode, other_zone};
use crate::pipeline::run::selected::Selected;
use crate::pipeline::run::standard_rules::StandardRules;
use crate::publish::bucket::Bucket;
use crate::quarantine::{self, Stage};
use crate::table::Budget;
use crate::table::keys::Keys;
use crate::workspace::Workspace;

/// Decodes, checks, derives and writes everything into the staging folder.
pub(super) fn prepare(
    run: &RunContext<'_>,
    selected: Selected,
    published: &Published,
) -> Result<journal::Entry, RunError> {
    let RunContext { workspace, pipeline, bucket, .. } = *run;
    let Selected { mut partition, inputs: mut beside, decided, begun: Begun { mut record, key, .. }, .. } = selected;
    let decided = decided.rows;
    run.stage("decode");
    let staging = run.staging(partition.date);
    run.remove_staging(partition.date)?;
    durable::create_dir_all(&staging).map_err(|error| RunError::private(&staging, "made", &error))?;
    let holding = Holding {
        staging: staging.join("quarantine"),
        folder: quarantine::partition(&workspace.private, &pipeline.dataset, partition.date),
        run: record.inputs.sha256.short(),
        held_at: record.started_at,
    };
    let budget = Budget::new(workspace.memory);
    let mut notes = std::mem::take(&mut partition.notes);
    beside.is_provisional = !partition.is_complete;
    notes.extend(beside.notes());
    let date = partition.date;
    let received = partition.received.clone();
    let entries = partition.evidence.iter().flat_map(|(.., entries)| entries).map(|entry| entry.captured_at);
    let until = entries.filter(|at| received.contains(at)).max();
    let fleets = Fleets::of(pipeline, &partition.evidence, &mut notes);
    let (mut decoded, sources) = decode(workspace, pipeline, partition, &budget)?;
    let mut rules = StandardRules::begin(pipeline, date, &mut decoded)?;
    let origin =
        |place: u32| sources.get(place as usize).map_or_else(String::new, |(source, at)| format!("{source} {at}"));
    let mut captures = Captures::default();
    notes.extend(decoded.notes);
    let settings = key.map(|key| Settings {
        service_date: date,
        zone: workspace.zone.clone(),
        pseudonyms: Arc::new(Pseudonyms::new(key)),
        occupancy_source: pipeline
            .release
            .as_ref()
            .map_or_else(String::new, |release| release.occupancy_source.clone()),
        fleets: fleets.of_origins(&sources),
        are_entities_vehicles: pipeline.release.as_ref().is_some_and(|release| release.entity_ids_are_stable),
    });
    run.stage("check");
    let mappings: BTreeMap<String, Dictionary> =
        pipeline.mappings.iter().map(|(column, mapping)| (column.clone(), mapping.on(date))).collect();
    let mappings = Arc::new(mappings);
    let referenced = check::referenced(pipeline.contracts.contracts.values());
    let around = beside.surroundings(workspace, pipeline, date, &staging, until, bucket, &budget)?;
    let mut waiting: Vec<Option<decode::Head>> = decoded.tables.iter().cloned().map(Some).collect();
    let mut lanes: Vec<Option<Lane>> = decoded.tables.iter().map(|_| None).collect();
    let has_private_texts = decoded.tables.iter().any(|head| PrivateTexts::may_be_in(&head.contract));
    let mut open = |table: usize, lanes: &mut Vec<Option<Lane>>| -> Result<(), RunError> {
        let Some(head) = waiting.get_mut(table).and_then(Option::take) else { return Ok(()) };
        let referenced = referenced.get(&head.contract.table).cloned().unwrap_or_default();
        let transform = match (&pipeline.release, &settings) {
            (Some(release), Some(settings)) => {
                let release =
                    release.tables.iter().find(|(_, from)| *from == head.contract.table).map(|(release, _)| release);
                let transform = release.map(|release| {
                    telemetry::transform(head.contract.clone(), release.clone(), settings.clone(), budget.clone())
                });
                transform.transpose()?
            }
            _ => None,
        };
        let released = transform.is_some() || pipeline.release.is_none();
        let contract = transform.as_ref().map_or(&head.contract, |transform| transform.contract());
        let metadata = metadata(&record, contract);
        let decisions = decided.get(&contract.table).cloned().unwrap_or_default();
        let (around, mappings) = (around.clone(), mappings.clone());
        let plan =
            Plan { referenced, around, transform, released, has_private_texts, metadata, decisions, mappings, head };
        lanes[table] = Some(Lane::new(plan, &staging, &holding, &budget)?);
        Ok(())
    };
    let tables: Vec<String> = decoded.tables.iter().map(|head| head.contract.table.clone()).collect();
    let mut keys = Keys::default();
    let mut private = PrivateTexts::new(budget.clone());
    let mut arrived: Vec<Arrived> = Vec::new();
    rules.with_timetable(&around[0], &budget)?;
    let mut rows = 0;
    // What was noted of the capture that is read.
    let mut of_capture = Vec::new();
    for step in decoded.steps {
        match step? {
            Step::Rows { table, chunk } => {
                rows += chunk.rows.num_rows() as u64;
                (run.progress)("check", rows);
                if tables.get(table).is_some_and(|name| name == "agency") {
                    notes.extend(other_zone(&chunk.rows, &workspace.zone, date));
                }
                open(table, &mut lanes)?;
                if let Some(Some(lane)) = lanes.get_mut(table) {
                    lane.push(chunk, &keys, &mut private)?;
                }
            }
            Step::End { table } => {
                open(table, &mut lanes)?;
                if let Some(Some(lane)) = lanes.get_mut(table) {
                    lane.has_ended = true;
                }
                land(&mut lanes, &tables, &mut keys, &mut arrived)?;
            }
            Step::Strays { table, strays } => {
                open(table, &mut lanes)?;
                if let Some(Some(lane)) = lanes.get_mut(table) {
                    lane.stray(&strays, &origin);
                }
            }
            Step::Note(note) => of_capture.push(note),
            Step::Read { origin: place, read, snapshot } => {
                let source = sources.get(place as usize);
                if let (Some((source, at)), Some(snapshot)) = (source, snapshot) {
                    rules.look(source, snapshot, received.contains(at));
                }
                if let Some((source, _)) = source.filter(|(_, at)| received.contains(at)) {
                    captures.add(source, &origin(place), read);
                    notes.append(&mut of_capture);
                }
                // What was received on another date is told there.
                of_capture.clear();
            }
        }
    }
    notes.append(&mut of_capture);
    captures.settle(pipeline, &mut record, &mut notes)?;
    arrived.sort_by_key(|table| tables.iter().position(|name| *name == table.source.table));
    if let Some(lane) = lanes.iter().flatten().next() {
        return Err(RunError::internal(format!("the rules of {} wait for ever", lane.tables().0)));
    }
    if let Some(head) = waiting.iter().flatten().next() {
        return Err(RunError::internal(format!("the table {} never came to its end", head.contract.table)));
    }
    run.stage("stage");
    let mut quarantine: Vec<HeldFile> = Vec::new();
    for table in arrived.iter_mut().filter(|table| table.staged.is_some()) {
        let outcome = check::private_text(&table.release, table.published, &table.texts.found(&private));
        // A table that is released as it came has one contract, others have theirs last.
        if let Some((_, outcomes)) = table.outcomes.last_mut() {
            outcomes.push(outcome);
        }
    }
    for table in &mut arrived {
        quarantine.append(&mut table.held);
        notes.append(&mut table.notes);
    }
    for table in pipeline.tables().iter().filter(|name| !arrived.iter().any(|table| table.release.table == **name)) {
        let decisions = decided.get(table).map_or(0, |decisions| decisions.rows().count());
        notes.extend(lane::spare_decisions(table, decisions));
        quarantine
            .extend(Stage::BOTH.map(|stage| HeldFile { staged: None, file: holding.folder.join(stage.file(table)) }));
    }
    quarantine.extend(forgotten(workspace, pipeline, &holding.folder));
    // Samples are public with the record, also where what they show was held back.
    let outcomes = arrived.iter_mut().flat_map(|table| &mut table.outcomes).flat_map(|(_, outcomes)| outcomes);
    for sample in outcomes.flat_map(|outcome| &mut outcome.samples) {
        sample.value = sample.value.take().filter(|value| !private.is_private(value));
    }
    let mut files = settle(pipeline, &mut record, arrived, published, bucket, &staging, &mut notes)?;
    record.notes = notes.into_iter().map(Into::into).collect();
    record.notes.sort();
    record.notes.dedup();
    record.standard = rules.result(&pipeline.contracts.changes)?;
    record.prepared_at = now();
    // Files of earlier runs keep the record that they were made with.
    let (key, _) = record.to_bytes();
    for file in files.iter_mut().filter(|file| file.file.record.is_empty()) {
        file.file.record.clone_from(&key);
    }
    Ok(journal::Entry {
        published: false,
        bucket: bucket.location().to_owned(),
        files,
        quarantine,
        abandoned: Vec::new(),
        record,
    })
}

/// Carries on with the lanes that have all of their rows, as far as those go that their rules ask about.
fn land(
    lanes: &mut [Option<Lane>],
    tables: &[String],
    keys: &mut Keys,
    arrived: &mut Vec<Arrived>,
) -> Result<(), RunError> {
    // A table that the feed does not have keeps nobody waiting.
    let are_there = |wanted: BTreeSet<String>, missing: &BTreeSet<String>| wanted.is_disjoint(missing);
    let mut to_come: BTreeSet<String> = tables.iter().cloned().collect();
    for lane in lanes.iter().flatten().filter(|lane| lane.has_ended) {
        to_come.remove(lane.tables().0);
    }
    arrived.iter().for_each(|table| _ = to_come.remove(&table.source.table));
    for lane in lanes.iter_mut().flatten().filter(|lane| lane.has_ended && !lane.is_derived) {
        if are_there(lane.feed_waits_for(), &to_come) {
            lane.derive_all(keys)?;
        }
    }
    let mut to_derive: BTreeSet<String> = lanes.iter().flatten().map(|lane| lane.tables().1.to_owned()).collect();
    // A lane that has not begun is one of the feed; a timetable is released under the names of the feed.
    to_derive.extend(to_come);
    for lane in lanes.iter().flatten().filter(|lane| lane.is_derived) {
        to_derive.remove(lane.tables().1);
    }
    for place in lanes.iter_mut() {
        let is_ready = |lane: &Lane| lane.is_derived && are_there(lane.release_waits_for(), &to_derive);
        if let Some(lane) = place.take_if(|lane| is_ready(lane)) {
            arrived.push(lane.finish(keys)?);
        }
    }
    Ok(())
}

/// Files in a partition's quarantine of tables that no pipeline of the dataset makes any more.
fn forgotten(workspace: &Workspace, pipeline: &Pipeline, folder: &Path) -> Vec<HeldFile> {
    let of_dataset = workspace.pipelines.iter().filter(|other| other.dataset == pipeline.dataset);
    let known: Vec<String> = of_dataset.flat_map(Pipeline::tables).collect();
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_forgotten = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Stage::of_file(&name).is_some_and(|(table, _)| !known.iter().any(|other| other == table))
    };
    files.filter(is_forgotten).map(|file| HeldFile { staged: None, file }).collect()
}

/// What stands in the footer of every file: only what the file is. What it was made from, by which program and contract,
/// stands in the record that the index names, so that equal rows are equal bytes.
fn metadata(record: &RunRecord, contract: &Contract) -> Vec<(String, String)> {
    [
        ("fahrtenbuch.dataset", record.dataset.clone()),
        ("fahrtenbuch.table", contract.table.clone()),
        ("fahrtenbuch.partition_date", record.date.to_string()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .to_vec()
}

/// Does the sums, files the findings and names the files that are to be published.
fn settle(
    pipeline: &Pipeline,
    record: &mut RunRecord,
    arrived: Vec<Arrived>,
    published: &Published,
    bucket: &Bucket,
    staging: &Path,
    notes: &mut Vec<Note>,
) -> Result<Vec<StagedFile>, RunError> {
    let mut blocked = record.findings.iter().any(|finding| finding.blocks());
    for table in &arrived {
        for (contract, outcomes) in &table.outcomes {
            blocked |= outcomes.iter().any(check::Outcome::blocks);
            record.file(contract, outcomes.clone());
        }
    }
    let absent = pipeline.contracts.contracts.keys().filter(|name| !arrived.iter().any(|t| t.source.table == **name));
    record.absent = absent.cloned().collect();
    record.status = if blocked { Status::HeldBack } else { Status::Published };
    let staged_of = |name: &str| {
        let of_table = arrived.iter().find(|table| table.release.table == name);
        of_table.and_then(|table| table.staged.as_ref())
    };
    let mut files = published.mend(staged_of, blocked, notes)?;
    for table in arrived {
        let mut entry = account(&table)?;
        if let Some(staged) = table.staged.filter(|_| !blocked) {
            let next = published.follow(bucket, &entry.table, &staged, staging)?;
            entry.files.push(FileEntry {
                path: next.file.path.clone(),
                rows: next.file.rows,
                bytes: next.file.bytes,
                sha256: next.file.sha256,
            });
            files.retain(|file| file.table != entry.table);
            files.push(next);
        }
        if blocked {
            hold_back(&mut entry);
        }
        record.tables.push(entry);
    }
    Ok(files)
}
