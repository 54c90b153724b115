//! What the nodes of a run need to begin, and how each begins: when its first rows come.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::check::TableCheck;
use crate::check::context::RuleContext;
use crate::contract::Contract;
use crate::contract::times::PublishedTimes;
use crate::decode::Head;
use crate::derive::derivation::{DeriveContext, Input, SourceHours, Tables};
use crate::derive::line_hours::LineHours;
use crate::derive::privacy::step::{PlannedTrips, PrivacyRules, PrivacyStep};
use crate::derive::privacy::texts::{PrivateTexts, PublishedTexts};
use crate::derive::telemetry::{self, Repeats};
use crate::pipeline::Pipeline;
use crate::pipeline::graph::{DerivationNode, Maker, RunGraph};
use crate::pipeline::mapping::Dictionary;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::nodes::account::{RowCounts, TableAccount};
use crate::pipeline::run::nodes::checked_table::CheckedTable;
use crate::pipeline::run::nodes::derivation_run::DerivationRun;
use crate::pipeline::run::nodes::identities;
use crate::pipeline::run::nodes::quarantine_target::{QuarantineFolder, QuarantineTarget};
use crate::publish::parquet::Writer;
use crate::quarantine::decisions::Decisions;
use crate::quarantine::{Identity, Stage};
use crate::table::{Budget, Origin};
use crate::time::ServiceDay;

/// What the nodes of a run share.
pub(in crate::pipeline::run) struct NodeContext {
    /// What the rules of the feed's contracts see beside their table, and those of the release's.
    pub rules: [Arc<RuleContext>; 2],
    /// How telemetry becomes the release, of pipelines with one.
    pub settings: Option<telemetry::Settings>,
    /// What such a release says of privacy.
    pub privacy: Arc<PrivacyRules>,
    /// What came of the sources, where a derivation reads it.
    pub sources: Arc<SourceHours>,
    /// The origin of rows that are made of the timetable alone.
    pub timetable_origin: Option<Origin>,
    /// What the data manager decided of rows, by table.
    pub decisions: BTreeMap<String, Arc<Decisions>>,
    pub quarantine: QuarantineFolder,
    /// Where files wait until they are published.
    pub staging: PathBuf,
    /// The dataset.
    pub dataset: String,
    pub budget: Budget,
}

/// Begins the nodes of a run.
pub(super) struct Opening {
    context: NodeContext,
    /// By table; those that a feed lacks are absent.
    heads: BTreeMap<String, Head>,
    /// Of all tables that are derived: those of the feed, and that of the timetable.
    derived_origins: Arc<[Origin]>,
    /// Where those of each of the feed's tables begin among them.
    first_origins: BTreeMap<String, u32>,
    /// The columns that foreign keys name, by table.
    referenced: BTreeMap<String, Vec<Vec<String>>>,
    mappings: Arc<BTreeMap<String, Dictionary>>,
    /// See [`identities::ignored`].
    ignored: Vec<BTreeSet<String>>,
    /// Whether tables of the feed that the release does not name are released.
    is_released_as_it_came: bool,
    has_private_texts: bool,
    /// What the privacy step knows of the timetable.
    planned: Arc<PlannedTrips>,
}

impl Opening {
    pub(super) fn new(
        pipeline: &Pipeline,
        graph: &RunGraph,
        heads: &[Head],
        context: NodeContext,
    ) -> Result<Self, RunError> {
        let date = context.rules[0].date;
        let (derived_origins, first_origins) = derived_origins(graph, heads, context.timetable_origin.as_ref());
        let planned = Arc::new(planned(&context)?);
        let mappings = pipeline.mappings.iter().map(|(column, mapping)| (column.clone(), mapping.on(date))).collect();
        Ok(Self {
            heads: heads.iter().map(|head| (head.contract.table.clone(), head.clone())).collect(),
            derived_origins,
            first_origins,
            referenced: crate::check::referenced(pipeline.contracts.contracts.values()),
            mappings: Arc::new(mappings),
            ignored: identities::ignored(pipeline, graph),
            is_released_as_it_came: pipeline.release.is_none(),
            planned,
            has_private_texts: heads.iter().any(|head| PrivateTexts::may_be_in(&head.contract)),
            context,
        })
    }

    pub(super) fn has_table(&self, table: &str) -> bool {
        self.heads.contains_key(table)
    }

    /// Whether a derivation has what it needs beside rows; why not.
    pub(super) fn lacks(&self, derivation: &DerivationNode) -> Option<&str> {
        let Maker::Listed(of) = derivation.maker else { return None };
        let needs = of.inputs().iter().any(|input| input.of == Tables::Timetable && input.is_required);
        self.context.rules[1].timetable.as_ref().err().filter(|_| needs).map(String::as_str)
    }

    fn origins(&self, graph: &RunGraph, table: usize) -> Arc<[Origin]> {
        let feed = graph.tables.iter().find(|other| other.stage == Stage::Feed && other.account == table);
        let head = feed.and_then(|feed| self.heads.get(&feed.contract.table));
        head.map_or_else(|| self.derived_origins.clone(), |head| head.origins.clone())
    }

    /// Where the origins of an input begin among those of derived tables, which have these from the first on.
    fn first_origin(&self, graph: &RunGraph, input: &Input) -> u32 {
        let stage = if input.of == Tables::Release { Stage::Release } else { Stage::Feed };
        let account = graph.place(stage, input.table).map(|table| graph.tables[table].account);
        let feed = graph.tables.iter().find(|node| node.stage == Stage::Feed && Some(node.account) == account);
        feed.and_then(|feed| self.first_origins.get(&feed.contract.table)).copied().unwrap_or_default()
    }

    /// The account of a table that is an account of its own.
    pub(super) fn account(&self, graph: &RunGraph, table: usize) -> Result<TableAccount, RunError> {
        let NodeContext { budget, quarantine, decisions, staging, dataset, rules, .. } = &self.context;
        let release = graph.tables[table].contract.clone();
        let origins = self.origins(graph, table);
        let feed = graph.tables.iter().position(|other| other.stage == Stage::Feed && other.account == table);
        let identities = [feed.unwrap_or(table), table]
            .map(|at| Arc::new(Identity::new(&graph.tables[at].contract, &self.ignored[at], origins.clone())));
        let decisions = decisions.get(&release.table).cloned().unwrap_or_default();
        let (quarantine, note) = QuarantineTarget::new(&release.table, identities, decisions, quarantine, budget);
        let is_released = graph.tables[table].stage == Stage::Release || self.is_released_as_it_came;
        let writer = match is_released {
            true => {
                let metadata = metadata(dataset, &release, &rules[0].date.to_string());
                Some(Writer::new(staging, &release, metadata, budget.clone())?)
            }
            false => None,
        };
        Ok(TableAccount {
            step: self.privacy_step(graph, table),
            blanked: BTreeMap::new(),
            from: graph.made_from(table),
            times: PublishedTimes::new(&release, &origins),
            texts: PublishedTexts::new(&release, self.has_private_texts, budget.clone()),
            origins,
            writer,
            quarantine,
            counts: RowCounts::default(),
            held_lines: self.lines(graph, table),
            dropped_lines: None,
            inputs: Vec::new(),
            outcomes: Vec::new(),
            notes: note.into_iter().collect(),
            release,
        })
    }

    /// Counts the rows of a table by line and hour, if a derivation reads that.
    fn lines(&self, graph: &RunGraph, table: usize) -> Option<LineHours> {
        let NodeContext { rules: [_, rules], budget, .. } = &self.context;
        let readers = graph.tables[table].readers.iter();
        let makers = readers.map(|(derivation, _)| graph.derivations[*derivation].maker);
        let mut listed = makers.filter_map(|maker| if let Maker::Listed(of) = maker { Some(of) } else { None });
        let is_read = listed.any(|of| of.reads_run());
        is_read.then(|| LineHours::new(rules.date.zero(&rules.zone).as_millisecond(), budget.clone()))
    }

    /// The privacy step of a table of the release that it concerns. What is derived is made of rows that came through it.
    fn privacy_step(&self, graph: &RunGraph, table: usize) -> Option<PrivacyStep> {
        let NodeContext { privacy, settings, rules, .. } = &self.context;
        let node = &graph.tables[table];
        let is_of_feed =
            graph.derivations.iter().any(|of| matches!(of.maker, Maker::Telemetry) && of.outputs.contains(&table));
        if !is_of_feed || !privacy.concerns(&node.contract) {
            return None;
        }
        let zero = ServiceDay::new(rules[1].date, &rules[1].zone).window.start.as_millisecond();
        let pseudonyms = settings.as_ref()?.pseudonyms.clone();
        Some(PrivacyStep::new(&node.contract, privacy.clone(), self.planned.clone(), pseudonyms, zero))
    }

    /// The check of a table, whose account is this.
    pub(super) fn check(
        &self,
        graph: &RunGraph,
        table: usize,
        account: &TableAccount,
    ) -> Result<CheckedTable, RunError> {
        let node = &graph.tables[table];
        let none = Vec::new();
        let referenced = match node.stage {
            Stage::Feed => self.referenced.get(&node.contract.table).unwrap_or(&none),
            Stage::Release => &none,
        };
        let (context, budget) = (self.context.rules[node.stage as usize].clone(), self.context.budget.clone());
        let mut check = TableCheck::new(node.contract.clone(), account.origins.clone(), referenced, context, budget)?;
        check.decide(account.quarantine.decider(node.stage));
        Ok(match node.stage {
            Stage::Feed => CheckedTable::mapped(check, &node.contract, self.mappings.clone()),
            Stage::Release => CheckedTable::new(check),
        })
    }

    /// The rows of the release that rows of a feed's table may become, each as if nothing had come before it: under the ids that it can
    /// have. Of a table that is released as it came they are the rows.
    pub(super) fn each_alone(
        &self,
        graph: &RunGraph,
        table: usize,
        rows: &RecordBatch,
    ) -> Result<Vec<RecordBatch>, RunError> {
        let node = &graph.tables[table];
        if node.account == table {
            return Ok(vec![rows.clone()]);
        }
        let Some(settings) = &self.context.settings else { return Ok(Vec::new()) };
        let mut made = Vec::new();
        for repeats in [Repeats::KeptAsFirst, Repeats::KeptAsFurther] {
            let settings = telemetry::Settings { repeats, counts_lines: false, ..settings.clone() };
            let (source, release) = (node.contract.clone(), graph.tables[node.account].contract.clone());
            let mut derivation = telemetry::derivation(source, release, settings, self.context.budget.clone())?;
            made.extend(derivation.push(0, rows.clone())?.into_iter().map(|derived| derived.chunk.rows));
            // Ids of other tables are those of the feed.
            if node.contract.table != "vehicle_positions" {
                break;
            }
        }
        Ok(made)
    }

    /// A derivation. `made` says for each of its inputs whether the run makes the table.
    pub(super) fn derivation(
        &self,
        graph: &RunGraph,
        place: usize,
        made: Vec<bool>,
    ) -> Result<DerivationRun, RunError> {
        let NodeContext { rules: [_, rules], settings, budget, .. } = &self.context;
        let node = &graph.derivations[place];
        let contracts: Vec<Arc<Contract>> =
            node.outputs.iter().map(|table| graph.tables[*table].contract.clone()).collect();
        match node.maker {
            Maker::Telemetry => {
                let (Some((from, _)), [release]) = (node.inputs.first(), contracts.as_slice()) else {
                    return Err(RunError::internal("telemetry is made of one table and makes one"));
                };
                let Some(settings) = settings else {
                    return Err(RunError::internal("telemetry is made without the key of its date"));
                };
                let source = graph.tables[*from].contract.clone();
                let table = source.table.clone();
                let made = telemetry::derivation(source, release.clone(), settings.clone(), budget.clone())?;
                Ok(DerivationRun::of_rows(&table, made))
            }
            Maker::Listed(of) => {
                let context = DeriveContext {
                    service_date: rules.date,
                    zone: rules.zone.clone(),
                    contracts,
                    timetable: timetable(of.inputs(), rules)?,
                    made: made.clone(),
                    sources: if of.reads_run() { self.context.sources.clone() } else { Arc::default() },
                    timetable_origin: (self.derived_origins.len() as u32).saturating_sub(1),
                    budget: budget.clone(),
                };
                let first_origins: Vec<u32> = of.inputs().iter().map(|input| self.first_origin(graph, input)).collect();
                Ok(DerivationRun::listed(of, of.begin(context)?, &first_origins, &made))
            }
        }
    }
}

/// What the privacy step needs to know of the timetable.
///
/// # Errors
/// It needs the timetable, and there is none: nothing is published that should have been cut off.
fn planned(context: &NodeContext) -> Result<PlannedTrips, RunError> {
    let rules = &context.rules[1];
    let mut tables = BTreeMap::new();
    for input in context.privacy.of_timetable() {
        let timetable = rules.timetable.as_ref().map_err(|why| RunError::Unreadable {
            what: format!("positions and pseudonyms cannot be made private as 'privacy' of the release says, and nothing is published: \
                 it needs the '{}' of the timetable", input.table),
            found: why.clone(),
            remedy: "Capture the timetable, or take it out of 'privacy'",
        })?;
        tables.insert(input.table, timetable.table(input.table, &rules.gtfs));
    }
    let table = |name: &str| tables.get(name).and_then(Option::as_ref);
    Ok(PlannedTrips::of(table("stop_times"), table("trips")))
}

/// The origins of rows of derived tables: those of the feed's tables, and last that of the timetable; and where those of each
/// table begin. Tables of the same captures share theirs, those of an archive have each their own.
fn derived_origins(
    graph: &RunGraph,
    heads: &[Head],
    timetable: Option<&Origin>,
) -> (Arc<[Origin]>, BTreeMap<String, u32>) {
    let (mut origins, mut begins) = (Vec::new(), BTreeMap::new());
    let mut before: Vec<(&Head, u32)> = Vec::new();
    if graph.derivations.iter().any(|derivation| matches!(derivation.maker, Maker::Listed(_))) {
        for head in heads {
            let same = before.iter().find(|(other, _)| other.origins == head.origins).map(|(_, begin)| *begin);
            let begin = same.unwrap_or(origins.len() as u32);
            if same.is_none() {
                origins.extend(head.origins.iter().cloned());
                before.push((head, begin));
            }
            begins.insert(head.contract.table.clone(), begin);
        }
        origins.extend(timetable.cloned());
    }
    (origins.into(), begins)
}

/// The tables of the timetable that a derivation reads, in the columns that it wants.
fn timetable(inputs: &[Input], rules: &RuleContext) -> Result<BTreeMap<&'static str, RecordBatch>, RunError> {
    let mut tables = BTreeMap::new();
    for input in inputs.iter().filter(|input| input.of == Tables::Timetable) {
        let whole = rules.timetable.as_ref().ok().and_then(|timetable| timetable.table(input.table, &rules.gtfs));
        let projected = whole.and_then(|rows| {
            let schema = rows.schema();
            let places: Option<Vec<usize>> =
                input.columns.iter().map(|column| schema.index_of(column.name).ok()).collect();
            rows.project(&places?).ok()
        });
        let Some(rows) = projected else {
            let problem = format!("the timetable was read without what is derived from its '{}'", input.table);
            return Err(RunError::internal(problem));
        };
        tables.insert(input.table, rows);
    }
    Ok(tables)
}

/// What stands in the footer of every file: only what the file is. What it was made from, by which program and contract,
/// stands in the record that the index names, so that equal rows are equal bytes.
pub(in crate::pipeline::run) fn metadata(dataset: &str, contract: &Contract, date: &str) -> Vec<(String, String)> {
    [("fahrtenbuch.dataset", dataset), ("fahrtenbuch.table", &contract.table), ("fahrtenbuch.partition_date", date)]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
}
