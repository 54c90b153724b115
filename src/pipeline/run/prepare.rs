//! Decodes, checks, derives and writes everything into the staging folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::check;
use crate::check::context::RuleContext;
use crate::decode::{Decoded, Note};
use crate::derive::privacy::Pseudonyms;
use crate::derive::privacy::texts::PrivateTexts;
use crate::derive::reports;
use crate::derive::telemetry::{Repeats, Settings};
use crate::durable;
use crate::feed_rules;
use crate::feed_rules::run_rules::{RunRules, RunSubjects};
use crate::ledger::{FileEntry, RunRecord, Status};
use crate::pipeline::Pipeline;
use crate::pipeline::journal::{self, HeldFile, StagedFile};
use crate::pipeline::run::accounting::{account, check_inputs, hold_back};
use crate::pipeline::run::beats::reads_run;
use crate::pipeline::run::context::{RunContext, now};
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::Partition;
use crate::pipeline::run::fleets::Fleets;
use crate::pipeline::run::gap;
use crate::pipeline::run::inputs::{Begun, Decided};
use crate::pipeline::run::nodes::account::TableResult;
use crate::pipeline::run::nodes::opening::NodeContext;
use crate::pipeline::run::nodes::quarantine_target::{QuarantineFolder, spare_decisions};
use crate::pipeline::run::nodes::run_nodes::RunNodes;
use crate::pipeline::run::published::Published;
use crate::pipeline::run::reading::decode;
use crate::pipeline::run::run_inputs::Inspected;
use crate::pipeline::run::selected::Selected;
use crate::pipeline::run::steps::{StepReader, StepResults};
use crate::publish::index::UsedTimetable;
use crate::quarantine::{self, Stage};
use crate::table::Budget;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// Decodes, checks, derives and writes everything into the staging folder.
pub(super) fn prepare(
    run: &RunContext<'_>,
    selected: Selected,
    published: &Published,
) -> Result<journal::Entry, RunError> {
    let RunContext { workspace, pipeline, bucket, .. } = *run;
    let Selected {
        mut partition, mut inputs, decided, beats, may_be_gap, begun: Begun { mut record, key, .. }, ..
    } = selected;
    let date = partition.date;
    run.stage("decode");
    let staging = new_staging(run, date)?;
    let quarantine = quarantine_folder(run, &record, &staging);
    let budget = Budget::new(workspace.memory);
    inputs.is_provisional = !partition.is_complete;
    let mut notes = std::mem::take(&mut partition.notes);
    notes.extend(inputs.notes());
    let timetable = own_timetable(pipeline, &partition).or_else(|| inputs.used_timetable());
    let (received, until) = (partition.received.clone(), last_received(&partition));
    let fleets = Fleets::of(pipeline, &partition.evidence, &mut notes);
    let has_answers = gap::has_answers(&partition);
    let (mut decoded, sources) = decode(workspace, pipeline, partition, &budget)?;
    notes.append(&mut decoded.notes);

    run.stage("check");
    let timetable_origin = inputs.timetable_origin();
    let contexts = inputs.rule_contexts(&Inspected {
        workspace,
        pipeline,
        date,
        until,
        spool: &staging,
        bucket,
        budget: &budget,
    })?;
    let rules = standard_rules(run, &contexts[0], &mut decoded, &budget)?;
    let context = NodeContext {
        rules: contexts,
        settings: key.map(|key| settings(workspace, pipeline, (date, key), fleets.of_origins(&sources))),
        privacy: pipeline.release.as_ref().map(|release| release.privacy.clone()).unwrap_or_default(),
        sources: Arc::new(beats.of_origins(&sources)),
        timetable_origin,
        decisions: decided.rows.clone(),
        quarantine,
        staging: staging.clone(),
        dataset: record.dataset.clone(),
        budget: budget.clone(),
    };
    let nodes = RunNodes::new(pipeline, &decoded.tables, context)?;
    let tables = decoded.tables.iter().map(|head| head.contract.table.clone()).collect();
    let reader = StepReader { run, date, received, sources: &sources, tables, nodes, rules };
    let StepResults { nodes: mut results, rules, captures, notes: mut noted } = reader.read(decoded.steps)?;
    notes.append(&mut noted);
    captures.account(pipeline, &mut record, &mut notes)?;

    run.stage("stage");
    let is_gap = may_be_gap && !gap::has_rows_of_feed(&results.tables);
    if is_gap {
        notes.push(gap::keep_what_is_missing(pipeline, date, has_answers, &mut results.tables));
    }
    keep_private_texts_back(&mut results.tables, &results.private);
    let quarantine = quarantine_files(run, date, (&mut results.tables, &decided), &mut notes);
    let prepared = Prepared { run, published, staging: &staging };
    let mut files = prepared.account_for(results.tables, &mut record, &mut notes)?;
    record.notes = notes.into_iter().map(Into::into).collect();
    record.notes.sort();
    record.notes.dedup();
    // Without a snapshot the rules of the standard had nothing to look at.
    record.standard = rules.filter(|_| !is_gap).map(RunRules::report).transpose()?.as_ref().map(Into::into);
    record.prepared_at = now();
    name_record(&mut files, &record, timetable.as_ref());
    let bucket = bucket.place();
    Ok(journal::Entry { published: false, bucket, files, quarantine, abandoned: Vec::new(), record })
}

/// The rules of the standard that the pipeline's format has, at work.
fn standard_rules(
    run: &RunContext<'_>,
    context: &RuleContext,
    decoded: &mut Decoded,
    budget: &Budget,
) -> Result<Option<Box<dyn RunRules>>, RunError> {
    let Pipeline { decoder, contracts, .. } = run.pipeline;
    let Some(book) = decoder.rule_book() else { return Ok(None) };
    let RuleContext { date, timetable, .. } = context;
    let feed = decoded.timetable.take();
    let subjects = RunSubjects { date: *date, changes: &contracts.changes, feed, timetable, budget };
    Ok(Some(feed_rules::open(book, subjects)?))
}

/// An empty staging folder.
fn new_staging(run: &RunContext<'_>, date: ServiceDate) -> Result<PathBuf, RunError> {
    let staging = run.staging(date);
    run.remove_staging(date)?;
    durable::create_dir_all(&staging).map_err(|error| RunError::private(&staging, "made", &error))?;
    Ok(staging)
}

fn quarantine_folder(run: &RunContext<'_>, record: &RunRecord, staging: &Path) -> QuarantineFolder {
    QuarantineFolder {
        staging: staging.join("quarantine"),
        folder: quarantine::partition(&run.workspace.private, &run.pipeline.dataset, record.date),
        run: record.inputs.sha256.short(),
        held_at: record.started_at,
    }
}

/// When the last evidence that counts for the date was captured.
pub(super) fn last_received(partition: &Partition) -> Option<Timestamp> {
    let entries = partition.evidence.iter().flat_map(|(.., entries)| entries).map(|entry| entry.captured_at);
    entries.filter(|at| partition.received.contains(at)).max()
}

/// How telemetry becomes the tables of the release.
pub(super) fn settings(
    workspace: &Workspace,
    pipeline: &Pipeline,
    (date, key): (ServiceDate, [u8; 32]),
    fleets: reports::Fleets,
) -> Settings {
    let release = pipeline.release.as_ref();
    Settings {
        service_date: date,
        zone: workspace.zone.clone(),
        pseudonyms: Arc::new(Pseudonyms::new(key)),
        occupancy_source: release.map_or_else(String::new, |release| release.occupancy_source.clone()),
        fleets,
        counts_lines: reads_run(pipeline),
        repeats: Repeats::Dropped,
        are_entities_vehicles: release.is_some_and(|release| release.entity_ids_are_stable),
    }
}

/// Looks for private texts in what is to be published, now that all of them are known.
fn keep_private_texts_back(tables: &mut [TableResult], private: &PrivateTexts) {
    for table in tables.iter_mut().filter(|table| table.staged.is_some()) {
        let outcome = check::private_text(&table.release, table.counts.published, &table.texts.found(private));
        // A table that is released as it came has one contract, others have theirs last.
        if let Some((_, outcomes)) = table.outcomes.last_mut() {
            outcomes.push(outcome);
        }
    }
    // Samples are public with the record, also where what they show was held back.
    let outcomes = tables.iter_mut().flat_map(|table| &mut table.outcomes).flat_map(|(_, outcomes)| outcomes);
    for sample in outcomes.flat_map(|outcome| &mut outcome.samples) {
        sample.value = sample.value.take().filter(|value| !private.is_private(value));
    }
}

/// What the quarantine of the partition is to be: of tables that the run made, and that there is none of others.
fn quarantine_files(
    run: &RunContext<'_>,
    date: ServiceDate,
    (tables, decided): (&mut [TableResult], &Decided),
    notes: &mut Vec<Note>,
) -> Vec<HeldFile> {
    let folder = quarantine::partition(&run.workspace.private, &run.pipeline.dataset, date);
    let mut files: Vec<HeldFile> = Vec::new();
    for table in tables.iter_mut() {
        files.append(&mut table.held);
        notes.append(&mut table.notes);
    }
    let is_made = |name: &String| tables.iter().any(|table| table.release.table == *name);
    for table in run.pipeline.tables().iter().filter(|name| !is_made(name)) {
        let decisions = decided.rows.get(table).map_or(0, |decisions| decisions.rows().count());
        notes.extend(spare_decisions(table, decisions));
        files.extend(Stage::BOTH.map(|stage| HeldFile { staged: None, file: folder.join(stage.file(table)) }));
    }
    files.extend(forgotten(run.workspace, run.pipeline, &folder));
    files
}

/// Files of earlier runs keep the record and the timetable that they were made with.
fn name_record(files: &mut [StagedFile], record: &RunRecord, timetable: Option<&UsedTimetable>) {
    let (key, _) = record.to_bytes();
    for file in files.iter_mut().filter(|file| file.file.record.is_empty()) {
        file.file.record.clone_from(&key);
        file.file.timetable = Some(timetable.cloned());
    }
}

/// The timetable that a partition is itself: what is joined with it has its digest.
fn own_timetable(pipeline: &Pipeline, partition: &Partition) -> Option<UsedTimetable> {
    let (.., entries) = partition.evidence.first().filter(|_| pipeline.is_timetable())?;
    let sha256 = entries.first()?.digest;
    Some(UsedTimetable { dataset: pipeline.dataset.clone(), partition_date: partition.date, sha256 })
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

/// All tables of a run came to their end; their files are staged.
struct Prepared<'a> {
    run: &'a RunContext<'a>,
    published: &'a Published,
    staging: &'a Path,
}

impl Prepared<'_> {
    /// Does the sums, files the findings and names the files that are to be published.
    fn account_for(
        &self,
        tables: Vec<TableResult>,
        record: &mut RunRecord,
        notes: &mut Vec<Note>,
    ) -> Result<Vec<StagedFile>, RunError> {
        let RunContext { pipeline, bucket, .. } = *self.run;
        let mut blocked = record.findings.iter().any(|finding| finding.blocks());
        for table in &tables {
            for (contract, outcomes) in &table.outcomes {
                blocked |= outcomes.iter().any(check::Outcome::blocks);
                record.file(contract, outcomes.clone());
            }
        }
        record.absent = absent(pipeline, &tables);
        record.status = if blocked { Status::HeldBack } else { Status::Published };
        let staged_of = |name: &str| {
            let of_table = tables.iter().find(|table| table.release.table == name);
            of_table.and_then(|table| table.staged.as_ref())
        };
        let mut files = self.published.mend(staged_of, blocked, notes)?;
        for table in tables {
            let mut entry = account(&table)?;
            if let Some(staged) = table.staged.filter(|_| !blocked) {
                let next = self.published.follow(bucket, &entry.table, &staged, self.staging)?;
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
        check_inputs(&record.tables)?;
        Ok(files)
    }
}

/// The tables of the feed's contracts that the feed does not have, and those that could not be derived.
fn absent(pipeline: &Pipeline, tables: &[TableResult]) -> Vec<String> {
    let of_feed = pipeline.contracts.contracts.keys();
    let of_feed = of_feed.filter(|name| !tables.iter().any(|table| table.from == [name.as_str()]));
    let derived = pipeline.derived.iter().flat_map(|derived| &derived.contracts);
    let derived = derived.map(|contract| &contract.table);
    of_feed.chain(derived.filter(|name| !tables.iter().any(|table| table.release.table == **name))).cloned().collect()
}
