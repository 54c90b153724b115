//! What a pipeline's file says.

pub(super) mod collected;
pub(super) mod derived;
pub(super) mod files;
mod interval;
mod mqtt;
pub(super) mod outline;
mod privacy;
pub(super) mod release;
pub(super) mod schedule;
pub(super) mod source_terms;
pub(super) mod sources;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::capture::source;
use crate::contract::library::Library;
use crate::contract::names::{self, Named};
use crate::contract::{Contract, Kind};
use crate::decode::format::{Decoder, Format, Partitioning, Section};
use crate::decode::formats;
use crate::derive::derivation::{Input, Tables};
use crate::digest::Digest;
use crate::durable;
use crate::pipeline::config::derived::DerivedTables;
use crate::pipeline::config::files::Files;
use crate::pipeline::config::release::Release;
use crate::pipeline::config::schedule::Schedule;
use crate::pipeline::config::sources::Feed;
use crate::pipeline::graph::RunGraph;
use crate::pipeline::mapping::Mapping;
use crate::publication;
use crate::report::quality::CheckedContract;
use crate::yaml::{self, Node, Problem, Problems, suggestion};

const KEYS: &[&str] =
    &["description", "description_en", "dataset", "format", "contracts", "sources", "mappings", "schedule"];
/// Percent; see [`Pipeline::minimum_readable`].
const MINIMUM_READABLE: f64 = 50.0;

/// One feed, as its file describes it.
#[derive(Debug)]
pub struct Pipeline {
    /// The file's name without its ending.
    pub name: String,
    /// Where its tables stand in the bucket; the name unless the file says otherwise.
    pub dataset: String,
    pub description: Option<String>,
    /// The same in English, for the English pages.
    pub description_en: Option<String>,
    pub file: PathBuf,
    /// The file's first line with something in it, and the one that names the dataset.
    pub line: u32,
    pub dataset_line: u32,
    /// Of `text`.
    pub digest: Digest,
    /// The file's text without secrets, see [`crate::yaml::public`]; that of a file without any is the file's own.
    pub text: Arc<str>,
    /// Its format.
    pub decoder: Arc<dyn Decoder>,
    /// Of formats that are partitioned by service day; of others, each table is released as it came.
    pub release: Option<Release>,
    /// What is derived from the tables of the release, of the feed and of the timetable.
    pub derived: Vec<DerivedTables>,
    pub feeds: Vec<Feed>,
    /// Of the feed's own tables.
    pub contracts: Library,
    /// The pipeline of the timetable that the rules look into, and the line that names it.
    pub timetable: Option<(String, u32)>,
    /// By the column whose values they replace.
    pub mappings: BTreeMap<String, Mapping>,
    /// The percentage of a source's captures that must be readable messages, or else a run is held back.
    pub minimum_readable: f64,
    /// When its dates are run by themselves; `None` if they are not.
    pub schedule: Option<Schedule>,
}

impl Pipeline {
    /// Reads a pipeline and the contracts that it names. Paths are relative to the workspace's root.
    pub fn read(root: &Path, file: &Path) -> Result<Self, Vec<Problem>> {
        let text = durable::read_to_string(file).unwrap_or_default();
        let node = yaml::read(file)?;
        let mut files = Files::new(root, file);
        let pipeline = read(&mut files, file, &text, &node);
        match (pipeline, files.all()) {
            (Some(pipeline), found) if found.is_empty() => Ok(pipeline),
            (_, found) => Err(found),
        }
    }

    /// How captures make the partition of a date.
    pub fn partitioning(&self) -> Partitioning {
        self.decoder.format().partitioning()
    }

    /// Whether a partition is one capture, as of a timetable.
    pub fn is_timetable(&self) -> bool {
        self.partitioning() == Partitioning::CapturedDay
    }

    /// The contracts that a run checks its tables against: the feed's, then those of the release.
    pub fn checked_contracts(&self) -> Vec<CheckedContract> {
        let released = self.release.is_none();
        let feed = self.contracts.contracts.values().cloned().map(|contract| CheckedContract { contract, released });
        feed.chain(self.made().cloned().map(|contract| CheckedContract { contract, released: true })).collect()
    }

    /// The contracts of what a run makes beside the feed's own tables.
    fn made(&self) -> impl Iterator<Item = &Arc<Contract>> {
        let of_feed = self.release.iter().flat_map(|release| &release.tables).map(|(contract, _)| contract);
        of_feed.chain(self.derived())
    }

    /// The contracts of the tables that are derived from others.
    fn derived(&self) -> impl Iterator<Item = &Arc<Contract>> {
        self.derived.iter().flat_map(|derived| &derived.contracts)
    }

    /// The contracts of what is published.
    pub fn released(&self) -> Vec<Arc<Contract>> {
        match &self.release {
            None => self.all_contracts().cloned().collect(),
            Some(_) => self.made().cloned().collect(),
        }
    }

    /// The contracts of the feed and of the release, each once.
    pub fn all_contracts(&self) -> impl Iterator<Item = &Arc<Contract>> {
        self.contracts.contracts.values().chain(self.made())
    }

    /// The tables that the release has contracts for and that this pipeline does not make.
    pub fn not_released(&self) -> Vec<String> {
        let Some(release) = &self.release else { return Vec::new() };
        let is_made = |table: &String| self.made().any(|contract| contract.table == *table);
        release.contracts.contracts.keys().filter(|table| !is_made(table)).cloned().collect()
    }

    /// The names of all tables that a run makes; those of the feed that are not released come to nothing.
    pub fn tables(&self) -> Vec<String> {
        let released = |source: &String| {
            let mut made = self.release.iter().flat_map(|release| &release.tables);
            made.find(|(_, from)| from == source).map(|(contract, _)| contract.table.clone())
        };
        let feed = self.contracts.contracts.keys().map(|source| released(source).unwrap_or_else(|| source.clone()));
        feed.chain(self.derived().map(|contract| contract.table.clone())).collect()
    }

    /// The tables of a timetable that its derivations and its privacy step read, and the columns of each.
    pub fn derived_from_timetable(&self) -> impl Iterator<Item = &'static Input> {
        let inputs = self.derived.iter().flat_map(|derived| derived.derivation.inputs());
        let of_privacy = self.release.iter().flat_map(|release| release.privacy.of_timetable());
        inputs.chain(of_privacy).filter(|input| input.of == Tables::Timetable)
    }
}

fn read(files: &mut Files<'_>, file: &Path, text: &str, node: &Node) -> Option<Pipeline> {
    let format = format(&mut files.problems, node);
    let mut keys = [KEYS, release::KEYS].concat();
    keys.extend(formats::FORMATS.iter().flat_map(|format| format.keys()));
    node.only_keys(&keys, &mut files.problems);
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let dataset = dataset(files, node, &name);
    let description = node.lines_of_text("description", &mut files.problems);
    let description_en = node.lines_of_text("description_en", &mut files.problems);
    let contracts = files.library(node);
    let feeds = sources::feeds(files.root, node, max_bytes(format), &mut files.problems);
    let timetable = node.optional_text("timetable", &mut files.problems);
    let timetable = timetable.map(|name| (name, node.get("timetable").map_or(node.line, |node| node.line)));
    let minimum_readable = minimum_readable(node, &mut files.problems);
    let schedule = Schedule::read(node, &mut files.problems);
    let mappings = mappings(files, node, contracts.as_ref());
    let decoder = format.and_then(|format| {
        other_formats_keys(files, node, format);
        let section = Section { node, root: files.root, contracts: contracts.as_ref()? };
        format.decoder(&section, &mut files.problems)
    });
    let (release, derived) = match format?.partitioning() {
        Partitioning::CapturedDay => {
            only_captured_day(files, node, &feeds);
            (None, release::derived_only(files, node, contracts.as_ref()))
        }
        Partitioning::ServiceDay => {
            let (release, derived) = release::release(files, node, contracts.as_ref(), decoder.as_deref())?;
            (Some(release), derived)
        }
    };
    if let Some(Err(cycle)) = contracts.as_ref().map(|feed| RunGraph::of(feed, release.as_ref(), &derived)) {
        let line = node.get("release").map_or(node.line, |node| node.line);
        let remedy = "Let the rule stand in the contract of the derived table, or remove the derivation.";
        files.problems.add(line, cycle.to_string(), remedy);
    }
    let public = files.public_text(text);
    Some(Pipeline {
        name,
        dataset,
        description,
        description_en,
        file: file.to_owned(),
        line: node.line,
        dataset_line: node.get("dataset").map_or(node.line, |node| node.line),
        digest: Digest::of(public.as_bytes()),
        text: public,
        decoder: decoder?,
        release,
        derived,
        feeds,
        contracts: contracts?,
        timetable,
        mappings,
        minimum_readable,
        schedule,
    })
}

/// The most that a body may have where its source does not say otherwise.
fn max_bytes(format: Option<&dyn Format>) -> u64 {
    match format.map(Format::partitioning) {
        Some(Partitioning::ServiceDay) => source::MAX_REALTIME_BYTES,
        _ => source::MAX_BYTES,
    }
}

fn format(problems: &mut Problems, node: &Node) -> Option<&'static dyn Format> {
    let name = node.require_text("format", problems)?;
    let format = formats::find(&name);
    if format.is_none() {
        let line = node.get("format").map_or(node.line, |node| node.line);
        problems.add(line, format!("'{name}' is no format"), suggestion(&name, &formats::names()));
    }
    format
}

/// Names at the root of a bucket, and what they are there. A dataset has its pages in a folder there.
const TAKEN: &[(&str, &str)] = &[
    ("data", FOLDER),
    ("revised", FOLDER),
    ("meta", FOLDER),
    ("ledger", FOLDER),
    ("reports", FOLDER),
    ("iceberg", FOLDER),
    ("portal", KEPT),
    ("assets", KEPT),
    ("de", LANGUAGE),
    ("en", LANGUAGE),
    ("index", PAGE),
    ("impressum", PAGE),
    ("datenschutz", PAGE),
    ("barrierefreiheit", PAGE),
    ("catalog", CATALOGUE),
    ("datapackage", CATALOGUE),
];
const FOLDER: &str = "is a folder of the bucket itself";
const PAGE: &str = "is the name of a page of the bucket itself";
const CATALOGUE: &str = "is the name of a catalogue at the root of the bucket";
const LANGUAGE: &str = "is kept for pages of that language";
const KEPT: &str = "is kept for what pages of the bucket may need";

/// Why a dataset of this name would lie among what is not its own; `None` if it would not.
fn taken(dataset: &str) -> Option<&'static str> {
    TAKEN.iter().find(|(name, _)| *name == dataset).map(|(_, what)| *what)
}

/// Pipelines and datasets are both folders: the pipeline's of evidence and records, the dataset's of files.
fn dataset(files: &mut Files<'_>, node: &Node, name: &str) -> String {
    let dataset = node.optional_text("dataset", &mut files.problems).unwrap_or_else(|| name.to_owned());
    if let Some((message, _)) = names::mistake(Named::Folder, name) {
        let remedy = "Name the file with a-z, 0-9, '-' and '_'.";
        files.problems.add(0, message.replace("a folder", "a pipeline"), remedy);
    }
    if let Some((message, remedy)) = names::mistake(Named::Folder, &dataset).filter(|_| dataset != name) {
        let line = node.get("dataset").map_or(0, |node| node.line);
        files.problems.add(line, message.replace("a folder", "a dataset"), remedy);
    }
    if let Some(what) = taken(&dataset) {
        // Where the name is that of the file, this is where another is written.
        let line = node.get("dataset").map_or(node.line, |node| node.line);
        let message = format!("'{dataset}' {what}, and cannot be a dataset, whose pages are in a folder of its name");
        files.problems.add(line, message, "Give the dataset another name, with 'dataset:' or by the name of the file.");
    }
    if dataset == publication::DATASET {
        let line = node.get("dataset").map_or(0, |node| node.line);
        let message =
            format!("'{dataset}' is the dataset of the tables that tell what was published, and of no pipeline");
        files.problems.add(line, message, "Give the dataset another name, with 'dataset:' or by the name of the file.");
    } else if name == publication::DATASET {
        let message = format!("'{name}' is the name of the tables that tell what was published, and of no pipeline");
        files.problems.add(0, message, "Give the file another name.");
    }
    dataset
}

/// Keys that another format reads.
fn other_formats_keys(files: &mut Files<'_>, node: &Node, format: &dyn Format) {
    for other in formats::FORMATS.iter().filter(|other| other.name() != format.name()) {
        let of_others = other.keys().iter().filter(|key| !format.keys().contains(key));
        for (key, extra) in of_others.filter_map(|key| Some((key, node.get(key)?))) {
            files.problems.add(extra.line, format!("'{key}' is for {}", other.name()), "Remove it.");
        }
    }
}

/// What a pipeline whose partitions are one capture each cannot have.
fn only_captured_day(files: &mut Files<'_>, node: &Node, feeds: &[Feed]) {
    if feeds.len() > 1 {
        files.problems.add(node.line, "a timetable has one source", "Write a pipeline for each timetable.");
    }
    let others = formats::FORMATS.iter().filter(|format| format.partitioning() == Partitioning::ServiceDay);
    let others = others.map(|format| format.name()).collect::<Vec<_>>().join(" and ");
    for key in release::KEYS.iter().filter(|key| !release::OF_TIMETABLES.contains(key)) {
        if let Some(extra) = node.get(key) {
            files.problems.add(extra.line, format!("'{key}' is for {others}"), "Remove it.");
        }
    }
    let sources = node.get("sources").map_or(&[][..], Node::items);
    for extra in sources.iter().filter_map(|item| item.get("vehicles")) {
        files.problems.add(extra.line, format!("'vehicles' is for {others}"), "Remove it.");
    }
}

fn minimum_readable(node: &Node, problems: &mut Problems) -> f64 {
    let Some(given) = node.get("minimum_readable") else { return MINIMUM_READABLE };
    let percent = given.number().filter(|percent| (0.0..=100.0).contains(percent));
    if percent.is_none() {
        problems.add(given.line, "'minimum_readable' is no percentage", "Write a number from 0 to 100.");
    }
    percent.unwrap_or(MINIMUM_READABLE)
}

/// The mapping files, each for a text column that at least one table of the feed has.
fn mappings(files: &mut Files<'_>, node: &Node, contracts: Option<&Library>) -> BTreeMap<String, Mapping> {
    let mut mappings = BTreeMap::new();
    let Some(map) = node.get("mappings") else { return mappings };
    if map.pairs().is_empty() {
        files.problems.add(map.line, "'mappings' has no column", "Write 'mappings: {trip_id: mappings/trips.csv}'.");
    }
    for (column, file) in map.pairs() {
        let (Some(name), Some(path)) = (column.scalar(), file.scalar()) else {
            files.problems.add(file.line, "a mapping is no file", "Write 'trip_id: mappings/trips.csv'.");
            continue;
        };
        if let Some(contracts) = contracts {
            let columns = || contracts.contracts.values().flat_map(|contract| &contract.columns);
            let mut named = columns().filter(|other| other.name == name).peekable();
            if named.peek().is_none() {
                let mut known: Vec<&str> =
                    columns().filter(|other| other.kind == Kind::Text).map(|other| other.name.as_str()).collect();
                known.sort_unstable();
                known.dedup();
                let message = format!("no table of the feed has a column '{name}'");
                files.problems.add(column.line, message, suggestion(&name, &known));
            } else if named.all(|other| other.kind != Kind::Text) {
                let message = format!("the column '{name}' is no text, which alone can be mapped");
                files.problems.add(column.line, message, "Remove the mapping, or mend the values where they are made.");
            }
        }
        let path = files.root.join(path);
        let mut own = Problems::new(&path);
        if let Some(mapping) = Mapping::read(&path, &mut own) {
            mappings.insert(name, mapping);
        }
        files.found.append(&mut own.found);
    }
    mappings
}
