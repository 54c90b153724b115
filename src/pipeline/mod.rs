//! Pipelines: which feed becomes which tables, and the runs that do it.
//!
//! A pipeline is one YAML file and describes one feed; [`run`] walks one partition of it through the rooms.

pub mod journal;
pub mod mapping;
pub mod run;
pub mod trial;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::capture::evidence::Folder;
use crate::capture::redact::Address;
use crate::capture::source::{self, Policy, Source};
use crate::contract::library::Library;
use crate::contract::names::{self, Named};
use crate::contract::{Contract, Kind};
use crate::derive::telemetry;
use crate::digest::Digest;
use crate::pipeline::mapping::Mapping;
use crate::publish::bucket;
use crate::report::quality::CheckedContract;
use crate::yaml::{self, Node, Problem, Problems, suggestion};

const KEYS: &[&str] = &[
    "description",
    "dataset",
    "format",
    "contracts",
    "sources",
    "mappings",
    "release",
    "occupancy_source",
    "vehicles",
    "entity_ids",
    "timetable",
    "minimum_readable",
];
const SOURCE_KEYS: &[&str] = &[
    "name",
    "vehicles",
    "type",
    "path",
    "url",
    "headers",
    "options",
    "connect_timeout",
    "read_timeout",
    "total_timeout",
    "tries",
    "max_bytes",
    "max_redirects",
];
/// Percent; see [`Pipeline::minimum_readable`].
const MINIMUM_READABLE: f64 = 50.0;
const RELEASE_KEYS: &[&str] = &["contracts", "tables"];
const SOURCE_TYPES: &[&str] = &["file", "http", "s3", "evidence"];
const FORMATS: &[&str] = &["gtfs", "gtfs-realtime"];
const VEHICLES: &[&str] = &["shared", "by_source"];
const ENTITY_IDS: &[&str] = &["unstable", "stable"];
const OCCUPANCY_SOURCES: &[&str] = &["apc", "driver", "estimate_wlan", "estimate_model", "unknown"];

/// One feed, as its file describes it.
#[derive(Debug)]
pub struct Pipeline {
    /// The file's name without its ending.
    pub name: String,
    /// Where its tables stand in the bucket; the name unless the file says otherwise.
    pub dataset: String,
    pub description: Option<String>,
    pub file: PathBuf,
    /// The file's first line with something in it, and the one that names the dataset.
    pub line: u32,
    pub dataset_line: u32,
    /// Of the file's bytes.
    pub digest: Digest,
    pub format: Format,
    pub feeds: Vec<Feed>,
    /// Of the feed's own tables.
    pub contracts: Library,
    /// The pipeline of the timetable that the rules look into, and the line that names it.
    pub timetable: Option<(String, u32)>,
    /// By the column whose values they replace.
    pub mappings: BTreeMap<String, Mapping>,
    /// The percentage of a source's captures that must be readable messages, or else a run is held back.
    pub minimum_readable: f64,
}

#[derive(Debug)]
pub enum Format {
    /// Each file of the feed is a table, published as its contract says.
    Gtfs,
    /// Snapshots of a service date, shaped into the tables of a release.
    GtfsRealtime {
        release: Library,
        /// The release's contract and the name of the feed's table that it is made from.
        tables: Vec<(Arc<Contract>, String)>,
        occupancy_source: String,
        vehicles: VehicleIds,
        /// Whether an entity keeps its id from snapshot to snapshot, so that it stands for a vehicle that has no other.
        entity_ids_are_stable: bool,
    },
}

/// What the same vehicle id in two sources means, where these name no fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VehicleIds {
    /// The pipeline says nothing: sources that give positions speak of vehicles of their own.
    Unsaid,
    /// The same vehicle.
    Shared,
    /// Two vehicles.
    BySource,
}

/// A source under the name that its evidence has.
#[derive(Clone, Debug, PartialEq)]
pub struct Feed {
    pub name: String,
    pub from: From,
    /// The fleet that its vehicle ids are of: sources of the same fleet share them.
    pub vehicles: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum From {
    /// To be captured.
    Source(Source),
    /// A folder of evidence that somebody else keeps.
    Evidence(Folder),
}

impl From {
    /// The folder of evidence that somebody else keeps.
    pub fn folder(&self) -> Option<&Folder> {
        match self {
            Self::Evidence(folder) => Some(folder),
            Self::Source(_) => None,
        }
    }
}

impl Pipeline {
    /// Reads a pipeline and the contracts that it names. Paths are relative to the workspace's root.
    pub fn read(root: &Path, file: &Path) -> Result<Self, Vec<Problem>> {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let node = yaml::read(file)?;
        let mut problems = Problems::new(file);
        let mut found = Vec::new();
        let pipeline = read(root, file, &text, &node, &mut problems, &mut found);
        found.append(&mut problems.found);
        match pipeline {
            Some(pipeline) if found.is_empty() => Ok(pipeline),
            _ => Err(found),
        }
    }

    /// The contracts that a run checks its tables against: the feed's, then those of the release.
    pub fn checked_contracts(&self) -> Vec<CheckedContract> {
        let released = matches!(self.format, Format::Gtfs);
        let feed = self.contracts.contracts.values().cloned().map(|contract| CheckedContract { contract, released });
        let release = if released { Vec::new() } else { self.released() };
        feed.chain(release.into_iter().map(|contract| CheckedContract { contract, released: true })).collect()
    }

    /// The contracts of what is published.
    pub fn released(&self) -> Vec<Arc<Contract>> {
        match &self.format {
            Format::Gtfs => self.contracts.contracts.values().cloned().collect(),
            Format::GtfsRealtime { tables, .. } => tables.iter().map(|(contract, _)| contract.clone()).collect(),
        }
    }

    /// The contracts of the feed and of the release, each once.
    pub fn all_contracts(&self) -> impl Iterator<Item = &Arc<Contract>> {
        let release: &[(Arc<Contract>, String)] = match &self.format {
            Format::Gtfs => &[],
            Format::GtfsRealtime { tables, .. } => tables,
        };
        self.contracts.contracts.values().chain(release.iter().map(|(contract, _)| contract))
    }

    /// The tables that the release has contracts for and that this pipeline does not make.
    pub fn not_released(&self) -> Vec<String> {
        let Format::GtfsRealtime { release, tables, .. } = &self.format else { return Vec::new() };
        let is_made = |table: &String| tables.iter().any(|(contract, _)| contract.table == *table);
        release.contracts.keys().filter(|table| !is_made(table)).cloned().collect()
    }

    /// The names of all tables that a run makes; those of the feed that are not released come to nothing.
    pub fn tables(&self) -> Vec<String> {
        let released = |source: &str| match &self.format {
            Format::Gtfs => None,
            Format::GtfsRealtime { tables, .. } => {
                tables.iter().find(|(_, from)| from == source).map(|(contract, _)| contract.table.clone())
            }
        };
        self.contracts.contracts.keys().map(|source| released(source).unwrap_or_else(|| source.clone())).collect()
    }
}

fn read(
    root: &Path,
    file: &Path,
    text: &str,
    node: &Node,
    problems: &mut Problems,
    found: &mut Vec<Problem>,
) -> Option<Pipeline> {
    node.only_keys(KEYS, problems);
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let dataset = node.optional_text("dataset", problems).unwrap_or_else(|| name.clone());
    // Both are folders: the pipeline's of evidence and records, the dataset's of files.
    if let Some((message, _)) = names::mistake(Named::Folder, &name) {
        problems.add(0, message.replace("a folder", "a pipeline"), "Name the file with a-z, 0-9, '-' and '_'.");
    }
    if let Some((message, remedy)) = names::mistake(Named::Folder, &dataset).filter(|_| dataset != name) {
        let line = node.get("dataset").map_or(0, |node| node.line);
        problems.add(line, message.replace("a folder", "a dataset"), remedy);
    }
    let description = node.optional_text("description", problems);
    let format = node.require_text("format", problems);
    let contracts = library(root, node, problems, found);
    let feeds = feeds(root, node, problems);
    let timetable = node.optional_text("timetable", problems);
    let timetable = timetable.map(|name| (name, node.get("timetable").map_or(node.line, |node| node.line)));
    let minimum_readable = minimum_readable(node, problems);
    let mappings = mappings(root, node, contracts.as_ref(), problems, found);
    let format = match format.as_deref() {
        Some("gtfs") => {
            if feeds.len() > 1 {
                problems.add(node.line, "a timetable has one source", "Write a pipeline for each timetable.");
            }
            for key in ["release", "occupancy_source", "vehicles", "entity_ids", "timetable", "minimum_readable"] {
                if let Some(extra) = node.get(key) {
                    problems.add(extra.line, format!("'{key}' is for gtfs-realtime"), "Remove it.");
                }
            }
            for extra in node.get("sources").map_or(&[][..], Node::items).iter().filter_map(|item| item.get("vehicles"))
            {
                problems.add(extra.line, "'vehicles' is for gtfs-realtime", "Remove it.");
            }
            Some(Format::Gtfs)
        }
        Some("gtfs-realtime") => realtime(root, node, contracts.as_ref(), problems, found),
        Some(other) => {
            let line = node.get("format").map_or(node.line, |node| node.line);
            problems.add(line, format!("'{other}' is no format"), suggestion(other, FORMATS));
            None
        }
        None => None,
    };
    Some(Pipeline {
        name,
        dataset,
        description,
        file: file.to_owned(),
        line: node.line,
        dataset_line: node.get("dataset").map_or(node.line, |node| node.line),
        digest: Digest::of(text.as_bytes()),
        format: format?,
        feeds,
        contracts: contracts?,
        timetable,
        mappings,
        minimum_readable,
    })
}

fn minimum_readable(node: &Node, problems: &mut Problems) -> f64 {
    let Some(given) = node.get("minimum_readable") else { return MINIMUM_READABLE };
    let percent = given.number().filter(|percent| (0.0..=100.0).contains(percent));
    if percent.is_none() {
        problems.add(given.line, "'minimum_readable' is no percentage", "Write a number from 0 to 100.");
    }
    percent.unwrap_or(MINIMUM_READABLE)
}

/// The contracts that a node names.
fn library(root: &Path, node: &Node, problems: &mut Problems, found: &mut Vec<Problem>) -> Option<Library> {
    let folder = root.join(node.require_text("contracts", problems)?);
    match Library::read(&folder) {
        Ok(library) => {
            if library.contracts.is_empty() {
                let line = node.get("contracts").map_or(node.line, |node| node.line);
                problems.add(line, format!("there is no contract in {}", folder.display()), "Add '<table>.odcs.yaml'.");
            }
            Some(library)
        }
        Err(mut mistakes) => {
            found.append(&mut mistakes);
            None
        }
    }
}

fn realtime(
    root: &Path,
    node: &Node,
    source: Option<&Library>,
    problems: &mut Problems,
    found: &mut Vec<Problem>,
) -> Option<Format> {
    let occupancy_source = node.optional_text("occupancy_source", problems).unwrap_or_else(|| "unknown".to_owned());
    if !OCCUPANCY_SOURCES.contains(&occupancy_source.as_str()) {
        let line = node.get("occupancy_source").map_or(node.line, |node| node.line);
        let message = format!("'{occupancy_source}' is no way to measure occupancy");
        problems.add(line, message, suggestion(&occupancy_source, OCCUPANCY_SOURCES));
    }
    let vehicles = match choice(node, "vehicles", VEHICLES, problems).as_deref() {
        Some("shared") => VehicleIds::Shared,
        Some(_) => VehicleIds::BySource,
        None => VehicleIds::Unsaid,
    };
    let entity_ids_are_stable = choice(node, "entity_ids", ENTITY_IDS, problems).is_some_and(|word| word == "stable");
    if vehicles == VehicleIds::Shared {
        for fleet in node.get("sources").map_or(&[][..], Node::items).iter().filter_map(|item| item.get("vehicles")) {
            let message = "all sources share their vehicles, and this one names its own";
            problems.add(fleet.line, message, "Remove 'vehicles' here or from the pipeline.");
        }
    }
    let Some(map) = node.get("release") else {
        problems.add(node.line, "'release' is missing", "Add 'release:' with 'contracts:' and 'tables:'.");
        return None;
    };
    map.only_keys(RELEASE_KEYS, problems);
    let release = library(root, map, problems, found)?;
    let source = source?;
    let mut tables = Vec::new();
    let pairs = map.get("tables").map_or(&[][..], Node::pairs);
    if pairs.is_empty() {
        problems.add(
            map.line,
            "the release has no tables",
            "Add 'tables:' with 'vehicle_locations: vehicle_positions'.",
        );
    }
    for (table, from) in pairs {
        let (name, origin) = (table.scalar().unwrap_or_default(), from.scalar().unwrap_or_default());
        if source.get(&origin).is_none() {
            let known: Vec<&str> = source.contracts.keys().map(String::as_str).collect();
            problems.add(from.line, format!("the feed has no table '{origin}'"), suggestion(&origin, &known));
        }
        match release.get(&name) {
            Some(contract) => {
                if let Some(source) = source.get(&origin) {
                    found.append(&mut telemetry::mistakes(source, contract));
                }
                tables.push((contract.clone(), origin));
            }
            None => {
                let known: Vec<&str> = release.contracts.keys().map(String::as_str).collect();
                problems.add(table.line, format!("there is no contract for '{name}'"), suggestion(&name, &known));
            }
        }
    }
    Some(Format::GtfsRealtime { release, tables, occupancy_source, vehicles, entity_ids_are_stable })
}

/// One of some words.
fn choice(node: &Node, key: &str, words: &[&str], problems: &mut Problems) -> Option<String> {
    let word = node.optional_text(key, problems)?;
    if !words.contains(&word.as_str()) {
        let line = node.get(key).map_or(node.line, |node| node.line);
        problems.add(line, format!("'{key}: {word}' is not known"), suggestion(&word, words));
    }
    Some(word)
}

/// The mapping files, each for a text column that at least one table of the feed has.
fn mappings(
    root: &Path,
    node: &Node,
    contracts: Option<&Library>,
    problems: &mut Problems,
    found: &mut Vec<Problem>,
) -> BTreeMap<String, Mapping> {
    let mut mappings = BTreeMap::new();
    let Some(map) = node.get("mappings") else { return mappings };
    if map.pairs().is_empty() {
        problems.add(map.line, "'mappings' has no column", "Write 'mappings: {trip_id: mappings/trips.csv}'.");
    }
    for (column, file) in map.pairs() {
        let (Some(name), Some(path)) = (column.scalar(), file.scalar()) else {
            problems.add(file.line, "a mapping is no file", "Write 'trip_id: mappings/trips.csv'.");
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
                problems.add(column.line, message, suggestion(&name, &known));
            } else if named.all(|other| other.kind != Kind::Text) {
                let message = format!("the column '{name}' is no text, which alone can be mapped");
                problems.add(column.line, message, "Remove the mapping, or mend the values where they are made.");
            }
        }
        let path = root.join(path);
        let mut own = Problems::new(&path);
        if let Some(mapping) = Mapping::read(&path, &mut own) {
            mappings.insert(name, mapping);
        }
        found.append(&mut own.found);
    }
    mappings
}

fn feeds(root: &Path, node: &Node, problems: &mut Problems) -> Vec<Feed> {
    let items = node.get("sources").map_or(&[][..], Node::items);
    if items.is_empty() {
        let line = node.get("sources").map_or(node.line, |node| node.line);
        problems.add(line, "the pipeline has no sources", "List at least one under 'sources:'.");
    }
    let is_realtime = node.get("format").and_then(Node::text) == Some("gtfs-realtime");
    let max_bytes = if is_realtime { source::MAX_REALTIME_BYTES } else { source::MAX_BYTES };
    let mut feeds: Vec<Feed> = Vec::new();
    for item in items {
        item.only_keys(SOURCE_KEYS, problems);
        let Some(name) = item.require_text("name", problems) else { continue };
        if let Some((message, remedy)) = names::mistake(Named::Folder, &name) {
            problems.add(item.line, message.replace("a folder", "a source"), remedy);
        }
        if feeds.iter().any(|other| other.name == name) {
            problems.add(item.line, format!("the source '{name}' stands here twice"), "Give each its own name.");
        }
        if let Some(from) = from(root, item, max_bytes, problems) {
            let vehicles = item.optional_text("vehicles", problems);
            if let Some(word) = vehicles.as_deref().filter(|word| VEHICLES.contains(word)) {
                let line = item.get("vehicles").map_or(item.line, |node| node.line);
                let message =
                    format!("'vehicles: {word}' stands at a source, where the name of its vehicles' operator does");
                problems.add(line, message, "Write it beside 'sources:', or give the operator another name.");
            }
            if let Some((message, remedy)) = vehicles.as_ref().and_then(|fleet| names::mistake(Named::Folder, fleet)) {
                let line = item.get("vehicles").map_or(item.line, |node| node.line);
                problems.add(line, message.replace("a folder", "vehicles"), remedy);
            }
            feeds.push(Feed { name, from, vehicles });
        }
    }
    let folders: Vec<PathBuf> =
        feeds.iter().filter_map(|feed| feed.from.folder().map(|folder| folder.path.clone())).collect();
    for feed in &mut feeds {
        if let From::Evidence(folder) = &mut feed.from {
            folder.is_alone = folders.iter().filter(|other| **other == folder.path).count() == 1;
        }
    }
    feeds
}

/// `max_bytes` holds for bodies where the source says nothing.
fn from(root: &Path, item: &Node, max_bytes: u64, problems: &mut Problems) -> Option<From> {
    let kind = item.require_text("type", problems)?;
    let address = |scheme: &[&str], problems: &mut Problems| {
        let text = item.require_text("url", problems)?;
        let line = item.get("url").map_or(item.line, |node| node.line);
        let (text, secrets) = with_variables(&text, line, problems)?;
        let parsed = url::Url::parse(&text);
        if parsed == Err(url::ParseError::InvalidPort) {
            let remedy = "Write a number from 1 to 65535 behind the host, or none; it may come from a variable.";
            problems.add(line, "the port in the address of the source is no number of a port", remedy);
            return None;
        }
        let url = parsed.ok().filter(|url| scheme.contains(&url.scheme()) && url.has_host());
        if url.is_none() {
            let message = format!("the address of the source is not one of {}", scheme.join(", "));
            problems.add(line, message, format!("Write '{}://...'.", scheme[0]));
        }
        Some(Address::new(url?, secrets))
    };
    match kind.as_str() {
        "file" => {
            let path = item.require_text("path", problems)?;
            Some(From::Source(Source::File {
                path: root.join(path),
                max_bytes: policy(item, max_bytes, problems).max_bytes,
            }))
        }
        "evidence" => Some(From::Evidence(Folder {
            path: root.join(item.require_text("path", problems)?),
            url: item.optional_text("url", problems),
            is_alone: true,
        })),
        "http" => {
            let url = address(&["https", "http"], problems);
            let headers = pairs(item, "headers", problems);
            let policy = policy(item, max_bytes, problems);
            Some(From::Source(Source::Http { url: url?, headers, policy }))
        }
        "s3" => {
            let url = address(&["s3"], problems)?;
            for (key, _) in item.get("options").map_or(&[][..], Node::pairs) {
                if let Some((message, remedy)) = key.scalar().and_then(|key| bucket::unknown_option(&key)) {
                    problems.add(key.line, message, remedy);
                }
            }
            Some(From::Source(Source::S3 {
                url,
                options: pairs(item, "options", problems),
                policy: policy(item, max_bytes, problems),
            }))
        }
        other => {
            let line = item.get("type").map_or(item.line, |node| node.line);
            problems.add(line, format!("'{other}' is no type of source"), suggestion(other, SOURCE_TYPES));
            None
        }
    }
}

/// A map of texts, with environment variables in the values.
fn pairs(item: &Node, key: &str, problems: &mut Problems) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in item.get(key).map_or(&[][..], Node::pairs) {
        let (Some(name), Some(text)) = (name.scalar(), value.scalar()) else {
            problems.add(value.line, format!("an entry of '{key}' is no text"), "Write 'name: value'.");
            continue;
        };
        pairs.extend(with_variables(&text, value.line, problems).map(|(text, _)| (name, text)));
    }
    pairs
}

/// A text in which `${NAME}` stands for an environment variable, so that keys need not stand in the file, and what the
/// variables gave. `None` if one is not set, which is told.
fn with_variables(text: &str, line: u32, problems: &mut Problems) -> Option<(String, Vec<String>)> {
    let (mut out, mut values, mut rest) = (String::new(), Vec::new(), text);
    let mut is_whole = true;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((variable, behind)) = after.split_once('}') else {
            problems.add(line, "a '${' has no '}' behind it", "Write '${NAME}' for an environment variable.");
            return None;
        };
        out.push_str(before);
        rest = behind;
        match std::env::var(variable) {
            Ok(value) => {
                out.push_str(&value);
                values.push(value);
            }
            Err(_) => {
                let message = format!("the environment variable '{variable}' is not set");
                problems.add(line, message, "Set it where the program runs.");
                is_whole = false;
            }
        }
    }
    out.push_str(rest);
    is_whole.then_some((out, values))
}

fn policy(item: &Node, max_bytes: u64, problems: &mut Problems) -> Policy {
    let mut policy = Policy { max_bytes, ..Policy::default() };
    let mut number = |key: &str, least: i64| -> Option<i64> {
        let node = item.get(key)?;
        let value = node.int().filter(|value| *value >= least);
        if value.is_none() {
            problems.add(node.line, format!("'{key}' is no number from {least}"), "Write a whole number.");
        }
        value
    };
    let seconds = |value: i64| Duration::from_secs(value.unsigned_abs());
    if let Some(value) = number("connect_timeout", 1) {
        policy.connect_timeout = seconds(value);
    }
    if let Some(value) = number("read_timeout", 1) {
        policy.read_timeout = seconds(value);
    }
    if let Some(value) = number("total_timeout", 1) {
        policy.total_timeout = seconds(value);
    }
    if let Some(value) = number("tries", 1) {
        policy.tries = u32::try_from(value).unwrap_or(u32::MAX);
    }
    if let Some(value) = number("max_bytes", 1) {
        policy.max_bytes = value.unsigned_abs();
    }
    if let Some(value) = number("max_redirects", 0) {
        policy.max_redirects = usize::try_from(value).unwrap_or(usize::MAX);
    }
    if let Some(node) = item.get("max_bytes").filter(|_| policy.max_bytes > source::MAX_BYTES) {
        let remedy = format!("Write at most {}.", source::MAX_BYTES);
        problems.add(node.line, "'max_bytes' is more than evidence can keep of one body", remedy);
    }
    policy
}
