//! The workspace of a city: `fahrtenbuch.yaml`, its pipelines and its contracts, read with every mistake at once.

pub mod backups;
pub mod beats;
pub mod checkout;
pub mod chores;
pub mod form;
pub mod outline;
mod places;
pub mod retention;
mod sections;
pub mod stores;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::capture::evidence::remote::Remote;
use crate::check::area::ServiceArea;
use crate::check::sql::dry_run::{self, Lack};
use crate::contract::library::{Library, Survey};
use crate::metrics;
use crate::notify;
use crate::pipeline::{Pipeline, Schedule, Trigger};
use crate::portal::Site;
use crate::publish::bucket;
use crate::workspace::backups::Backups;
use crate::workspace::chores::Chore;
use crate::workspace::retention::Retention;
use crate::yaml::{self, Node, Problem, Problems};

pub(crate) use self::places::{lie_in_each_other, meet};
use self::sections::{BucketSection, address, zone};
pub use self::stores::{memory, private, spool};

/// The configuration's file, at the root of the workspace.
pub const FILE: &str = "fahrtenbuch.yaml";
const KEYS: &[&str] = &[
    "title",
    "publisher",
    "licence",
    "licence_url",
    "time_zone",
    "service_area",
    "bucket",
    "private",
    "evidence",
    "limits",
    "people",
    "retention",
    "schedule",
    "backup",
    "notify",
    "metrics",
];
const LIMIT_KEYS: &[&str] = &["memory", "spool"];
/// Bytes of archives that were fetched of where `evidence` says, at most.
const EVIDENCE_CACHE: u64 = 4 << 30;

/// A workspace as its files describe it.
#[derive(Debug)]
pub struct Workspace {
    pub root: PathBuf,
    pub site: Site,
    pub zone: TimeZone,
    /// Where the city's buses run.
    pub area: Option<ServiceArea>,
    /// A folder or `s3://bucket/prefix`.
    pub bucket: String,
    pub bucket_options: BTreeMap<String, String>,
    /// Evidence, keys, quarantine and the journal.
    pub private: PathBuf,
    /// Where sealed archives go; `None` if they stay in the private store.
    pub evidence: Option<Arc<Remote>>,
    /// Bytes of evidence that may wait in the private store until it is there.
    pub spool: u64,
    /// Bytes that a run may hold back.
    pub memory: usize,
    /// Names or roles of those who may decide.
    pub people: Vec<String>,
    pub retention: Retention,
    /// Daily jobs that are no runs.
    pub chores: Vec<Chore>,
    /// Who is told of what.
    pub notify: notify::Settings,
    /// Where metrics go.
    pub metrics: metrics::Settings,
    /// Where backups go.
    pub backup: Option<Backups>,
    /// By name.
    pub pipelines: Vec<Pipeline>,
}

fn no_workspace(file: &Path) -> Vec<Problem> {
    let mut problems = Problems::new(file);
    problems.add(0, "there is no workspace here", "Go to its folder, or make one with 'fahrtenbuch init DIR'.");
    problems.found
}

/// What `evidence` says.
fn remote(root: &Path, node: &Node, private: &Path, problems: &mut Problems) -> Option<Arc<Remote>> {
    let others = places::Others { root, private, bucket: node.get("bucket") };
    let location = places::evidence(node.get("evidence")?, &others, problems)?;
    Some(Arc::new(Remote::new(location, private.join("evidence-cache"), EVIDENCE_CACHE)))
}

/// The folder that `private` names, if this program may work on it: every reading of a workspace passes here.
fn private_folder(root: &Path, node: &Node, problems: &mut Problems) -> Option<PathBuf> {
    let folder = private_path(root, node, problems)?;
    if let Err(error) = form::check(&folder) {
        let line = node.get("private").map_or(node.line, |node| node.line);
        problems.add(line, error.to_string(), error.remedy());
        return None;
    }
    Some(folder)
}

fn private_path(root: &Path, node: &Node, problems: &mut Problems) -> Option<PathBuf> {
    let private = node.optional_text("private", problems).unwrap_or_else(|| "data/private".to_owned());
    let Ok(Some(folder)) = bucket::local_folder(&private) else {
        let line = node.get("private").map_or(node.line, |node| node.line);
        let message = format!("the private store '{private}' is no folder");
        problems.add(line, message, "Write the path of a folder of this machine.");
        return None;
    };
    Some(root.join(folder))
}

impl Workspace {
    /// Reads the configuration and all pipelines with their contracts.
    pub fn read(root: &Path) -> Result<Self, Vec<Problem>> {
        let file = root.join(FILE);
        if !file.exists() {
            return Err(no_workspace(&file));
        }
        let mut found = Vec::new();
        let mut first_line = 0;
        let workspace = match yaml::read(&file) {
            Ok(node) => {
                first_line = node.line;
                let mut problems = Problems::new(&file);
                let workspace = configuration(root, &node, &mut problems);
                found.append(&mut problems.found);
                workspace
            }
            Err(mut problems) => {
                found.append(&mut problems);
                None
            }
        };
        let (mut pipelines, mut unread) = (Vec::new(), Vec::new());
        for file in pipeline_files(root, &mut found) {
            match Pipeline::read(root, &file) {
                Ok(pipeline) => pipelines.push(pipeline),
                Err(mut problems) => {
                    unread.push(file.file_stem().unwrap_or_default().to_string_lossy().into_owned());
                    found.append(&mut problems);
                }
            }
        }
        let mut lacks = Vec::new();
        let has_area = workspace.as_ref().is_none_or(|workspace| workspace.area.is_some());
        for folder in contract_folders(root) {
            match Survey::read(&folder) {
                Ok(Survey { library, .. }) => {
                    found.extend(crate::feed_rules::unknown_codes(&library, &folder));
                    found.extend(queries(&library, &pipelines, has_area, &mut lacks));
                }
                Err(mut problems) => found.append(&mut problems),
            }
        }
        found.extend(timetables(&pipelines, &unread));
        found.extend(schedules(&pipelines, &unread));
        found.extend(datasets(&pipelines));
        found.extend(lacking(root, (&file, first_line), &pipelines, &lacks));
        // Several pipelines may use the same contracts: each mistake is told once.
        found.sort();
        found.dedup();
        match workspace {
            Some(workspace) if found.is_empty() => Ok(Self { pipelines, ..workspace }),
            _ => Err(found),
        }
    }
}

/// A query that needs something that the workspace does not give it.
struct Lacking {
    lack: Lack,
    /// The rule or the view.
    what: String,
    contract: PathBuf,
    line: u32,
}

/// Asks the queries of a folder's contracts over tables without rows.
fn queries(library: &Library, pipelines: &[Pipeline], has_area: bool, lacks: &mut Vec<Lacking>) -> Vec<Problem> {
    let gtfs = Arc::new(Library::gtfs());
    let mut found = Vec::new();
    for contract in library.contracts.values() {
        let uses = |library: &Library| library.get(&contract.table).is_some_and(|other| other.file == contract.file);
        let users = || {
            pipelines.iter().filter(|pipeline| {
                uses(&pipeline.contracts) || pipeline.released().iter().any(|other| other.file == contract.file)
            })
        };
        // The queries of others may be in the dialect of another program.
        if !contract.is_ours && users().next().is_none() {
            continue;
        }
        let place = dry_run::Place {
            siblings: library,
            gtfs: gtfs.clone(),
            has_timetable: users().all(|pipeline| pipeline.timetable.is_some()),
            is_timetable: users().any(|pipeline| pipeline.is_timetable()),
            has_area,
            // Contracts that nothing uses yet are taken to be released.
            is_released: users().next().is_none()
                || users().any(|p| p.released().iter().any(|other| other.file == contract.file)),
        };
        let mut problems = Problems::new(&contract.file);
        let dry_run = dry_run::dry_run(contract, &place);
        for mistake in dry_run.mistakes {
            problems.add(mistake.line, mistake.message, mistake.remedy);
        }
        let of_contract = |(lack, what, line)| Lacking { lack, what, contract: contract.file.clone(), line };
        lacks.extend(dry_run.lacks.into_iter().map(of_contract));
        found.append(&mut problems.found);
    }
    found
}

/// What queries lack, told once and where it has to be written.
fn lacking(root: &Path, workspace: (&Path, u32), pipelines: &[Pipeline], lacks: &[Lacking]) -> Vec<Problem> {
    let shown = |of: &[&Lacking]| {
        let first = of.first()?;
        let file = first.contract.strip_prefix(root).unwrap_or(&first.contract).display();
        let others = match of.len() - 1 {
            0 => String::new(),
            1 => " and another query".to_owned(),
            many => format!(" and {many} other queries"),
        };
        Some((
            format!("{} ({file}:{}){others}", first.what, first.line),
            if others.is_empty() { "needs" } else { "need" },
        ))
    };
    let mut found = Vec::new();
    let area: Vec<&Lacking> = lacks.iter().filter(|lacking| lacking.lack == Lack::Area).collect();
    if let Some((queries, need)) = shown(&area) {
        let mut problems = Problems::new(workspace.0);
        let remedy = "Add 'service_area: [south, west, north, east]' here.";
        problems.add(workspace.1, format!("{queries} {need} the service area, which is missing"), remedy);
        found.append(&mut problems.found);
    }
    let timetable = pipelines.iter().find(|pipeline| pipeline.is_timetable());
    for pipeline in pipelines.iter().filter(|pipeline| pipeline.timetable.is_none()) {
        let is_its = |lacking: &&Lacking| {
            lacking.lack == Lack::Timetable && pipeline.all_contracts().any(|other| other.file == lacking.contract)
        };
        let of_pipeline: Vec<&Lacking> = lacks.iter().filter(is_its).collect();
        let Some((queries, need)) = shown(&of_pipeline) else { continue };
        let mut problems = Problems::new(&pipeline.file);
        let remedy = match timetable {
            Some(timetable) => format!("Add 'timetable: {}' here.", timetable.name),
            None => "Make a pipeline of a timetable, and add 'timetable: <its name>' here.".to_owned(),
        };
        problems.add(pipeline.line, format!("{queries} {need} a timetable, and the pipeline names none"), remedy);
        found.append(&mut problems.found);
    }
    found
}

/// Two pipelines with one dataset would overwrite each other's reports and quarantine.
fn datasets(pipelines: &[Pipeline]) -> Vec<Problem> {
    let mut found = Vec::new();
    for (place, pipeline) in pipelines.iter().enumerate() {
        let Some(first) = pipelines[..place].iter().find(|other| other.dataset == pipeline.dataset) else { continue };
        let mut problems = Problems::new(&pipeline.file);
        let other = first.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let message = format!("the dataset '{}' is that of {other}, too", pipeline.dataset);
        problems.add(pipeline.dataset_line, message, "Give each pipeline a 'dataset' of its own.");
        found.append(&mut problems.found);
    }
    found
}

/// Whether each pipeline that names a timetable names one. Those with mistakes of their own are `unread`.
fn timetables(pipelines: &[Pipeline], unread: &[String]) -> Vec<Problem> {
    let mut found = Vec::new();
    for pipeline in pipelines {
        let Some((name, line)) = &pipeline.timetable else { continue };
        let mut problems = Problems::new(&pipeline.file);
        let known: Vec<&str> =
            pipelines.iter().filter(|other| other.is_timetable()).map(|other| other.name.as_str()).collect();
        if !known.contains(&name.as_str()) && !unread.contains(name) {
            let remedy = crate::yaml::suggestion(name, &known);
            problems.add(*line, format!("there is no pipeline of a timetable with the name '{name}'"), remedy);
        }
        found.append(&mut problems.found);
    }
    found
}

/// What is run after another pipeline must find it, with times of its own at the end of the line.
fn schedules(pipelines: &[Pipeline], unread: &[String]) -> Vec<Problem> {
    let after = |name: &str| {
        let pipeline = pipelines.iter().find(|pipeline| pipeline.name == name)?;
        match &pipeline.schedule {
            Some(Schedule { trigger: Trigger::After(other), line, .. }) => Some((pipeline, other, *line)),
            _ => None,
        }
    };
    let scheduled: Vec<&str> = pipelines.iter().filter(|p| p.schedule.is_some()).map(|p| p.name.as_str()).collect();
    let mut found = Vec::new();
    for (pipeline, other, line) in pipelines.iter().filter_map(|pipeline| after(&pipeline.name)) {
        let mut problems = Problems::new(&pipeline.file);
        if !pipelines.iter().any(|pipeline| pipeline.name == *other) {
            if !unread.contains(other) {
                let message = format!("'after' names '{other}', and there is no such pipeline");
                problems.add(line, message, yaml::suggestion(other, &scheduled));
            }
        } else if !scheduled.contains(&other.as_str()) {
            let message = format!("'after' names '{other}', which has no 'schedule'");
            problems.add(line, message, "Give that pipeline a schedule, or this one times of its own.");
        } else {
            let mut seen = vec![pipeline.name.as_str()];
            let mut next = other.as_str();
            while let Some((_, other, _)) = after(next).filter(|_| !seen.contains(&next)) {
                seen.push(next);
                next = other;
            }
            if seen.contains(&next) {
                let message = format!("'after: {other}' leads back to '{next}': nothing would ever begin");
                problems.add(line, message, "Give one of these pipelines times of its own.");
            }
        }
        found.append(&mut problems.found);
    }
    found
}

/// The same of a workspace that is used with its mistakes: what names a pipeline that cannot be followed has no times.
fn mark_without_times(pipelines: &mut [Pipeline], unread: &[String]) -> Vec<Problem> {
    let found = schedules(pipelines, unread);
    for pipeline in pipelines {
        let Some(schedule) = &mut pipeline.schedule else { continue };
        if let Trigger::After(other) = &schedule.trigger
            && (unread.contains(other) || found.iter().any(|problem| problem.file == pipeline.file))
        {
            schedule.trigger = Trigger::Nowhere(other.clone());
        }
    }
    found
}

fn pipeline_files(root: &Path, found: &mut Vec<Problem>) -> Vec<PathBuf> {
    let folder = root.join("pipelines");
    let mut files: Vec<PathBuf> = match std::fs::read_dir(&folder) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(error) => {
            let mut problems = Problems::new(&folder);
            problems.add(0, format!("cannot be listed: {error}"), "Make the folder; each feed is one file in it.");
            found.append(&mut problems.found);
            Vec::new()
        }
    };
    // A pipe would be waited for without end; a link that leads nowhere is told when it is read.
    files.retain(|file| std::fs::metadata(file).map_or(true, |metadata| metadata.is_file()));
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml"));
    files.sort();
    files
}

/// The folders under `schemas/` that hold contracts, also those that no pipeline names yet.
pub fn contract_folders(root: &Path) -> Vec<PathBuf> {
    fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
        let entries: Vec<PathBuf> =
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        if entries.iter().any(|path| path.to_string_lossy().ends_with(".odcs.yaml")) {
            found.push(folder.to_owned());
        }
        entries.iter().filter(|path| path.is_dir()).for_each(|path| visit(path, found));
    }
    let mut found = Vec::new();
    visit(&root.join("schemas"), &mut found);
    found.sort();
    found
}

fn configuration(root: &Path, node: &Node, problems: &mut Problems) -> Option<Workspace> {
    node.only_keys(KEYS, problems);
    let title = node.require_text("title", problems);
    let publisher = node.require_text("publisher", problems);
    let licence = node.require_text("licence", problems);
    let licence_url = node.optional_text("licence_url", problems);
    let zone = zone(node, problems);
    let area = node.get("service_area").and_then(|node| area(root, node, problems));
    let BucketSection { location, base_url, options: bucket_options } = BucketSection::read(node, problems);
    let memory = memory_limit(node, problems);
    let bucket = location?;
    let line = |key: &str| node.get(key).map_or(node.line, |node| node.line);
    let public = bucket::local_folder(&bucket).unwrap_or_else(|(problem, remedy)| {
        let line = node.get("bucket").and_then(|map| map.get("location")).map_or(node.line, |node| node.line);
        problems.add(line, format!("the bucket '{bucket}' cannot be used: {problem}"), remedy);
        None
    });
    let private = private_folder(root, node, problems)?;
    let people = people(node, problems);
    let retention = Retention::read(node, problems);
    let chores = chores::read(node, problems);
    // A bucket inside the private store, or around it, would publish evidence.
    if public.as_ref().is_some_and(|public| lie_in_each_other(&root.join(public), &private)) {
        let message = "the bucket and the private store lie in each other";
        problems.add(line("bucket"), message, "Give each a folder of its own.");
    }
    Some(Workspace {
        site: Site { title: title?, publisher: publisher?, licence: licence?, licence_url, base_url },
        zone: zone?,
        area,
        bucket: address(root, bucket),
        bucket_options,
        evidence: remote(root, node, &private, problems),
        private,
        spool: limit(node, "spool", SPOOL, problems),
        memory,
        people,
        retention,
        chores,
        notify: notify::Settings::read(node, problems),
        metrics: metrics::Settings::read(root, node, problems),
        backup: Backups::read(root, node, problems),
        pipelines: Vec::new(),
        root: root.to_owned(),
    })
}

/// Those who may decide; their names or roles stand in public records.
fn people(node: &Node, problems: &mut Problems) -> Vec<String> {
    let Some(list) = node.get("people") else { return Vec::new() };
    let remedy = "Write a list of names or roles: '[Datenmanagement, Leitung]'.";
    if list.items().is_empty() {
        problems.add(list.line, "'people' has no name", remedy);
    }
    let mut people: Vec<String> = Vec::new();
    for item in list.items() {
        match item.scalar().map(|name| name.trim().to_owned()) {
            Some(name) if !name.is_empty() && !name.contains(char::is_control) => {
                if people.contains(&name) {
                    problems.add(item.line, format!("'{name}' stands here twice"), "Remove one of the two.");
                }
                people.push(name);
            }
            _ => problems.add(item.line, "a name of 'people' is no text of one line", remedy),
        }
    }
    people
}

/// Four numbers, or the path of a GeoJSON file.
fn area(root: &Path, node: &Node, problems: &mut Problems) -> Option<ServiceArea> {
    let numbers: Vec<f64> = node.items().iter().filter_map(Node::number).collect();
    let area = match (<[f64; 4]>::try_from(numbers), node.scalar()) {
        (Ok(bounds), _) => ServiceArea::of_box(bounds),
        (_, Some(path)) => ServiceArea::of_file(&root.join(&path)).map_err(|problem| format!("'{path}' {problem}")),
        _ => Err("it is neither four numbers nor a path".to_owned()),
    };
    area.map_err(|problem| {
        let remedy = "Write '[south, west, north, east]' in degrees, or the path of a GeoJSON file with polygons.";
        problems.add(node.line, format!("'service_area' cannot be used: {problem}"), remedy);
    })
    .ok()
}

/// `limits: memory`, bytes; 1 GiB unless it is set.
fn memory_limit(node: &Node, problems: &mut Problems) -> usize {
    const DEFAULT: u64 = 1 << 30;
    if let Some(limits) = node.get("limits") {
        limits.only_keys(LIMIT_KEYS, problems);
    }
    usize::try_from(limit(node, "memory", DEFAULT, problems)).unwrap_or(usize::MAX)
}

/// Bytes of `limits: spool` unless it is set.
const SPOOL: u64 = 20 << 30;

/// A size of `limits`.
fn limit(node: &Node, name: &str, default: u64, problems: &mut Problems) -> u64 {
    let Some(node) = node.get("limits").and_then(|limits| limits.get(name)) else { return default };
    let size = node.scalar().as_deref().and_then(bytes).and_then(|bytes| u64::try_from(bytes).ok());
    size.unwrap_or_else(|| {
        problems.add(node.line, format!("'{name}' is no size"), "Write a size like '512 MiB' or '2 GiB'.");
        default
    })
}

/// Reads `512 MiB`, `2 GiB`, `1000000`.
pub(crate) fn bytes(text: &str) -> Option<usize> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: usize = match unit.trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_of_a_workspace_is_told_at_once_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir(root.join("pipelines")).unwrap();
        let text = "title: T\npublisher: P\nlicense: CC0\ntime_zone: Europe/Berln\nbucket:\n  location: data/private/x\n\
                    limits:\n  memory: lots\n";
        std::fs::write(root.join(FILE), text).unwrap();
        std::fs::write(root.join("pipelines/a.yaml"), "format: gtsf\nsources: []\n").unwrap();
        let problems = Workspace::read(root).unwrap_err();
        let lines: Vec<String> = problems
            .iter()
            .map(|p| format!("{}:{} {}", p.file.file_name().unwrap().to_string_lossy(), p.line, p.message))
            .collect();
        for expected in [
            "fahrtenbuch.yaml:1 'licence' is missing",
            "fahrtenbuch.yaml:3 'license' is not known here",
            "fahrtenbuch.yaml:4 'Europe/Berln' is no time zone",
            "fahrtenbuch.yaml:8 'memory' is no size",
            "a.yaml:1 'gtsf' is no format",
        ] {
            assert!(lines.iter().any(|line| line == expected), "{expected}: {lines:#?}");
        }
        assert!(lines.iter().any(|line| line.contains("lie in each other")), "{lines:#?}");
    }

    fn mistakes_with(root: &Path, text: &str) -> Vec<String> {
        let text = format!("title: T\npublisher: P\nlicence: CC0\ntime_zone: Europe/Berlin\n{text}");
        std::fs::write(root.join(FILE), text).unwrap();
        let mistakes = Workspace::read(root).err().unwrap_or_default();
        mistakes.iter().map(|p| format!("{} {} {}", p.line, p.message, p.remedy)).collect()
    }

    #[test]
    fn a_bucket_is_never_inside_the_private_store_whatever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("ä b");
        std::fs::create_dir_all(root.join("pipelines")).unwrap();
        std::fs::create_dir_all(root.join("data/private/here")).unwrap();
        std::os::unix::fs::symlink("../data/private/here", root.join("pipelines/link")).unwrap();
        std::os::unix::fs::symlink(root.join("data/private/not-there"), root.join("pipelines/later")).unwrap();
        std::os::unix::fs::symlink("loop", root.join("loop")).unwrap();
        let shown = root.display().to_string();
        let escaped = shown.replace("ä b", "%C3%A4%20b");
        let nested = [
            "data/private".to_owned(),
            "data".to_owned(),
            ".".to_owned(),
            "..".to_owned(),
            "data/private/public".to_owned(),
            "data/bucket/../private/x".to_owned(),
            "data/not/there/../../private/x".to_owned(),
            "pipelines/link".to_owned(),
            "pipelines/link/deep".to_owned(),
            "pipelines/later/deep".to_owned(),
            format!("{shown}/data/private/public"),
            format!("file://{shown}/data/private/public"),
            format!("file://localhost{shown}/data/private/public"),
            format!("file://{escaped}/data/%70rivate/public"),
        ];
        for location in nested {
            let found = mistakes_with(&root, &format!("bucket:\n  location: '{location}'\n"));
            assert!(found.iter().any(|mistake| mistake.contains("lie in each other")), "{location}: {found:?}");
        }
        for location in ["data/bucket", "data/private-not", "data/private/../x", "s3://offen/data/private", "loop"] {
            let found = mistakes_with(&root, &format!("bucket:\n  location: '{location}'\n"));
            assert!(found.is_empty(), "{location}: {found:?}");
        }
        let found = mistakes_with(&root, "bucket:\n  location: pub\nprivate: pub/../pub/private\n");
        assert!(found.iter().any(|mistake| mistake.contains("lie in each other")), "{found:?}");
    }

    #[test]
    fn a_mistyped_address_or_setting_of_the_bucket_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir(root.join("pipelines")).unwrap();
        for (location, remedy) in [
            ("s3:/offen", "Write 's3://offen', or './s3:/offen' if it is a folder."),
            ("s3:offen", "Write 's3://offen'"),
            ("file:/srv/x", "Write 'file:///srv/x'"),
            ("S3://offen", "Write a folder or 's3://bucket/prefix'."),
            ("s3://", "Write a folder or 's3://bucket/prefix'."),
            ("file://data/bucket", "Write 'file:///srv/...'"),
        ] {
            let found = mistakes_with(root, &format!("bucket:\n  location: '{location}'\n"));
            assert!(found.iter().any(|mistake| mistake.starts_with("6 ") && mistake.contains(remedy)), "{found:?}");
        }
        let text = "bucket:\n  location: s3://a\n  options:\n    alow_http: true\n    region: de\n";
        let found = mistakes_with(root, text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("8 'alow_http' is no setting") && found[0].contains("allow_http"), "{found:?}");
        assert!(mistakes_with(root, "bucket:\n  location: a\nprivate: s3://a/b\n")[0].contains("is no folder"));
    }

    #[test]
    // Reading a workspace tries the queries of its contracts.
    #[cfg(feature = "sql")]
    fn the_workspace_of_this_repository_has_no_mistakes() {
        let workspace = Workspace::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap_or_else(|problems| {
            panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        });
        let names: Vec<&str> = workspace.pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect();
        assert_eq!(names, ["busplus", "stadtbus-fahrplan", "stadtbus-telemetrie"]);
    }
}
