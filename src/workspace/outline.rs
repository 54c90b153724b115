//! A workspace as the commands about evidence read it: its stores, its zone, its retention, and of its pipelines the names, the
//! sources and the partitioning. Contracts are not looked at, and a mistake that these commands do not depend on is a warning.

use std::path::Path;

use jiff::tz::TimeZone;

use crate::metrics;
use crate::notify;
use crate::object_stores::Options;
use crate::pipeline::{self, Pipeline, Schedule};
use crate::portal::Site;
use crate::portal::metadata::Metadata;
use crate::portal::settings::Settings;
use crate::workspace::backups::Backups;
use crate::workspace::retention::Retention;
use crate::workspace::run_limits::RunLimits;
use crate::workspace::sections::{BucketSection, address, zone};
use crate::workspace::signing::Signing;
use crate::workspace::{
    FILE, KEYS, SPOOL, Workspace, chores, configuration, limit, mark_without_times, memory_limit, no_workspace, people,
    pipeline_files, private_folder, remote, schedules,
};
use crate::yaml::{self, Node, Problem, Problems};

/// What of a workspace must be without a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs<'a> {
    /// Private store, what is kept elsewhere, and the zone.
    Stores,
    /// All that decides what is destroyed: also retention, bucket, people, every key's name, and the sources of all pipelines.
    Destroying,
    /// What decides what may be brought to the pipeline of this name: retention, people, every key's name, and its sources.
    Importing(&'a str),
}

/// Reads a workspace without its contracts, and what is wrong in it that is not needed. Its pipelines can be run by nothing.
///
/// # Errors
/// The mistakes in what is needed.
pub fn read(root: &Path, needs: Needs<'_>) -> Result<(Workspace, Vec<Problem>), Vec<Problem>> {
    let file = root.join(FILE);
    if !file.exists() {
        return Err(no_workspace(&file));
    }
    let node = yaml::read(&file)?;
    let mut needed = Problems::new(&file);
    let workspace = stores(root, &node, needs, &mut needed);
    let mut all = Problems::new(&file);
    configuration(root, &node, &mut all);
    let mut warnings = all.found;
    let mut of_pipelines = Vec::new();
    let mut pipelines = Vec::new();
    let mut unread = Vec::new();
    for file in pipeline_files(root, &mut of_pipelines) {
        match pipeline::outline(root, &file) {
            Ok((pipeline, mut problems)) => {
                pipelines.push(pipeline);
                warnings.append(&mut problems);
            }
            Err(mut problems) => {
                unread.push(file.file_stem().unwrap_or_default().to_string_lossy().into_owned());
                let is_named =
                    matches!(needs, Needs::Importing(name) if file.file_stem().is_some_and(|stem| stem == name));
                if is_named { &mut needed.found } else { &mut of_pipelines }.append(&mut problems);
            }
        }
    }
    warnings.append(&mut mark_without_times(&mut pipelines, &unread));
    match needs {
        // What no pipeline seems to name would be destroyed by the calendar, also a timetable that is in force.
        Needs::Destroying => needed.found.append(&mut of_pipelines),
        Needs::Stores | Needs::Importing(_) => warnings.append(&mut of_pipelines),
    }
    match workspace {
        Some(workspace) if needed.found.is_empty() => {
            let mistakes = warnings.clone();
            Ok((Workspace { pipelines, mistakes, ..workspace }, warnings))
        }
        _ => Err(needed.found),
    }
}

/// Who is told of what. Looks at nothing else in the workspace, so that a mistake elsewhere keeps nobody from being told.
pub fn notify(root: &Path) -> Result<notify::Settings, Vec<Problem>> {
    let file = root.join(FILE);
    if !file.exists() {
        return Err(no_workspace(&file));
    }
    let node = yaml::read(&file)?;
    let mut problems = Problems::new(&file);
    let settings = notify::Settings::read(&node, &mut problems);
    if problems.found.is_empty() { Ok(settings) } else { Err(problems.found) }
}

/// What of a workspace is public: who watches the bucket from elsewhere has no private store.
#[derive(Debug)]
pub struct Public {
    pub zone: TimeZone,
    pub bucket: String,
    pub bucket_options: Options,
    pub notify: notify::Settings,
    pub pipelines: Vec<Pipeline>,
}

/// Reads what of a workspace is public.
///
/// # Errors
/// The mistakes in it.
pub fn public(root: &Path) -> Result<Public, Vec<Problem>> {
    let file = root.join(FILE);
    if !file.exists() {
        return Err(no_workspace(&file));
    }
    let node = yaml::read(&file)?;
    let mut problems = Problems::new(&file);
    let zone = zone(&node, &mut problems);
    let bucket = BucketSection::read(&node, &mut problems);
    let notify = notify::Settings::read(&node, &mut problems);
    let mut pipelines = Vec::new();
    let mut found = Vec::new();
    for file in pipeline_files(root, &mut found) {
        match pipeline::outline(root, &file) {
            Ok((pipeline, mut problems)) => {
                // Nobody could miss the releases of what has no times; of its sources nothing is wanted here.
                if pipeline.schedule.as_ref().is_some_and(Schedule::is_unreadable) {
                    found.append(&mut problems);
                }
                pipelines.push(pipeline);
            }
            Err(mut problems) => found.append(&mut problems),
        }
    }
    found.append(&mut schedules(&pipelines, &[]));
    found.append(&mut problems.found);
    match (zone, bucket.location) {
        (Some(zone), Some(location)) if found.is_empty() => {
            let bucket_options = bucket.options;
            Ok(Public { zone, bucket: address(root, location), bucket_options, notify, pipelines })
        }
        _ => Err(found),
    }
}

/// The configuration, with mistakes only in what is needed.
fn stores(root: &Path, node: &Node, needs: Needs<'_>, needed: &mut Problems) -> Option<Workspace> {
    let mut rest = Problems::new(&root.join(FILE));
    let zone = zone(node, needed);
    let private = private_folder(root, node, needed)?;
    let evidence = remote(root, node, &private, needed);
    let bucket = BucketSection::read(node, if needs == Needs::Destroying { needed } else { &mut rest });
    let destroying = if needs == Needs::Stores { &mut rest } else { &mut *needed };
    // A retention that is misspelt would be the one that holds where none is written.
    node.only_keys(KEYS, destroying);
    let retention = Retention::read(node, destroying);
    let people = people(node, destroying);
    let text = |key: &str| node.get(key).and_then(Node::scalar).unwrap_or_default();
    Some(Workspace {
        site: Site {
            title: text("title"),
            publisher: text("publisher"),
            licence: text("licence"),
            licence_line: 0,
            licence_url: None,
            base_url: bucket.base_url,
            metadata: Metadata::default(),
            portal: Settings::default(),
        },
        zone: zone?,
        area: None,
        bucket: address(root, bucket.location.unwrap_or_default()),
        bucket_options: bucket.options,
        evidence,
        private,
        spool: limit(node, "spool", SPOOL, &mut rest),
        runs: RunLimits::read(node, &mut rest),
        memory: memory_limit(node, &mut rest),
        people,
        retention,
        chores: chores::read(node, &mut rest),
        notify: notify::Settings::read(node, &mut rest),
        metrics: metrics::Settings::read(root, node, &mut rest),
        backup: Backups::read(root, node, &mut rest),
        publication: super::publication(node, &mut rest),
        signing: Signing::read(node, &mut rest),
        pipelines: Vec::new(),
        mistakes: Vec::new(),
        root: root.to_owned(),
    })
}
