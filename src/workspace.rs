//! The workspace of a city: `fahrtenbuch.yaml`, its pipelines and its contracts, read with every mistake at once.

pub mod backups;
pub mod beats;
mod catalogues;
pub mod checkout;
pub mod chores;
pub(crate) mod described;
pub mod examples;
mod files;
pub mod form;
pub mod lacks;
mod licences;
mod links;
mod literal_secrets;
mod logo;
pub mod outline;
mod places;
pub mod portal;
pub mod retention;
pub mod run_limits;
mod sections;
pub(crate) mod signing;
pub mod stores;
mod undone_pseudonyms;
pub mod wanted;
pub mod wanted_audit;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::capture::evidence::remote::Remote;
use crate::check::area::ServiceArea;
use crate::contract::library::Survey;
use crate::metrics;
use crate::notify;
use crate::object_stores::Options;
use crate::pipeline::Pipeline;
use crate::portal::Site;
use crate::publish::bucket;
use crate::workspace::backups::Backups;
use crate::workspace::chores::Chore;
use crate::workspace::retention::Retention;
use crate::workspace::run_limits::RunLimits;
use crate::workspace::signing::Signing;
use crate::yaml::{self, Node, Problem, Problems};

use self::files::pipeline_files;
pub use self::files::{FILE, contract_folders};
pub(crate) use self::licences::unclear_licences;
use self::links::{datasets, lacking, mark_without_times, queries, schedules, timetables};
pub use self::literal_secrets::literal_secrets;
pub(crate) use self::places::{lie_in_each_other, lies_in};
use self::sections::{BucketSection, address, zone};
pub use self::stores::{memory, private, spool};
pub use self::undone_pseudonyms::undone_pseudonyms;

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
    "publication",
    "notify",
    "metrics",
    "contact",
    "catalogues",
    "portal",
    "signing",
];
const LIMIT_KEYS: &[&str] = &["memory", "spool", "run_warn", "run_kill"];
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
    pub bucket_options: Options,
    /// Evidence, keys, quarantine and the journal.
    pub private: PathBuf,
    /// Where sealed archives go; `None` if they stay in the private store.
    pub evidence: Option<Arc<Remote>>,
    /// Bytes of evidence that may wait in the private store until it is there.
    pub spool: u64,
    /// Bytes that a run may hold back.
    pub memory: usize,
    /// How long jobs may be at work.
    pub runs: RunLimits,
    /// Names or roles of those who may decide.
    pub people: Vec<String>,
    pub retention: Retention,
    /// Daily jobs that are no runs.
    pub chores: Vec<Chore>,
    /// Who is told of what.
    pub notify: notify::Settings,
    /// Where metrics go.
    pub metrics: metrics::Settings,
    /// Whether the tables that tell what was published are published, too.
    pub publication: bool,
    /// How the log of releases is signed.
    pub signing: Signing,
    /// Where backups go.
    pub backup: Option<Backups>,
    /// By name.
    pub pipelines: Vec<Pipeline>,
    /// What is wrong in its files, where it is used all the same: no run can begin with it.
    pub mistakes: Vec<Problem>,
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
        let (mut first_line, mut url_line) = (0, None);
        let workspace = match yaml::read(&file) {
            Ok(node) => {
                first_line = node.line;
                url_line = node.get("licence_url").map(|node| node.line);
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
        if let Some(workspace) = &workspace {
            found.extend(licences::conflicts(&workspace.site, &file, url_line, &pipelines));
            let Site { metadata, portal, .. } = &workspace.site;
            let catalogued = metadata.datasets.iter().map(|(name, of)| (name, of.line));
            found.extend(catalogues::unknown_datasets(
                ("catalogues", catalogued),
                &pipelines,
                &unread,
                &mut Problems::new(&file),
            ));
            let shown = portal.datasets.iter().map(|(name, of)| (name, of.line));
            found.extend(catalogues::unknown_datasets(
                ("portal", shown),
                &pipelines,
                &unread,
                &mut Problems::new(&file),
            ));
        }
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

fn configuration(root: &Path, node: &Node, problems: &mut Problems) -> Option<Workspace> {
    let mut empty = Problems::new(problems.file());
    node.tell_empty(portal::example, &mut empty);
    let workspace = filled(root, node, problems);
    // What is there and empty is told once, and as that.
    let is_empty = |told: &Problem| empty.found.iter().any(|of| of.line == told.line);
    problems.found.retain(|told| told.message.ends_with(" is missing") || !is_empty(told));
    problems.found.append(&mut empty.found);
    workspace
}

/// The configuration without a look at keys that are there and empty.
fn filled(root: &Path, node: &Node, problems: &mut Problems) -> Option<Workspace> {
    node.only_keys(KEYS, problems);
    let title = node.require_line("title", problems);
    let publisher = node.require_line("publisher", problems);
    let licence = node.require_line("licence", problems);
    let licence_line = node.get("licence").map_or(node.line, |node| node.line);
    let licence_url = node.web_address("licence_url", problems);
    if let Some(known) = licence.as_deref().and_then(crate::licences::of_release) {
        crate::licences::contradiction(known, node, problems);
    }
    let zone = zone(node, problems);
    let area = node.get("service_area").and_then(|node| area(root, node, problems));
    let BucketSection { location, base_url, options: bucket_options } = BucketSection::read(node, problems);
    let metadata = catalogues::read(node, area.as_ref().map(ServiceArea::bounds), problems);
    let portal = portal::read(root, node, problems);
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
    let evidence = remote(root, node, &private, problems);
    let backup = Backups::read(root, node, problems);
    if let Some(backup) = &backup {
        let bucket = backups::location(root, &bucket, bucket_options.clone()).ok();
        let evidence = evidence.as_ref().map(|remote| remote.place());
        backup.tell_mistake(node, &backups::Others { root, private: &private, bucket, evidence }, problems);
    }
    Some(Workspace {
        site: Site {
            title: title?,
            publisher: publisher?,
            licence: licence?,
            licence_line,
            licence_url,
            base_url,
            metadata,
            portal,
        },
        zone: zone?,
        area,
        bucket: address(root, bucket),
        bucket_options,
        evidence,
        private,
        spool: limit(node, "spool", SPOOL, problems),
        memory,
        runs: RunLimits::read(node, problems),
        people,
        retention,
        chores,
        notify: notify::Settings::read(node, problems),
        metrics: metrics::Settings::read(root, node, problems),
        backup,
        publication: publication(node, problems),
        signing: Signing::read(node, problems),
        pipelines: Vec::new(),
        mistakes: Vec::new(),
        root: root.to_owned(),
    })
}

/// Whether the tables that tell what was published are published, too: they are unless `publication` says `off`.
fn publication(node: &Node, problems: &mut Problems) -> bool {
    let Some(said) = node.get("publication") else { return true };
    match said.scalar().as_deref() {
        Some("on") => true,
        Some("off") => false,
        _ => {
            problems.add(
                said.line,
                "'publication' is neither on nor off",
                "Write 'publication: off', or leave it out.",
            );
            true
        }
    }
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
    let memory = limit(node, "memory", DEFAULT, problems);
    if memory < LEAST_MEMORY {
        let line = node.get("limits").and_then(|limits| limits.get("memory")).map_or(node.line, |node| node.line);
        let message = format!("'memory' is {memory} bytes, with which no run can be done");
        problems.add(line, message, "Write 4 MiB or more, as 'memory: 1 GiB'; a number without a unit is bytes.");
    }
    usize::try_from(memory).unwrap_or(usize::MAX)
}

/// Less than this not even a small run can do with.
const LEAST_MEMORY: u64 = 4 << 20;

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
    fn memory_with_which_no_run_can_be_done_is_a_mistake() {
        let file = Path::new(FILE);
        let found = |memory: &str| {
            let mut problems = Problems::new(file);
            let node = yaml::parse(file, &format!("limits: {{memory: {memory}}}\n")).unwrap();
            memory_limit(&node, &mut problems);
            problems.found.len()
        };
        assert_eq!(["1", "1024", "4194303", "4 MiB", "1 GiB"].map(found), [1, 1, 1, 0, 0]);
    }

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
