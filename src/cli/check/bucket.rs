//! `fahrtenbuch check --bucket`

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::bucket_check::{Finding, Outcome, check as check_bucket};
use crate::cli::exit::Exit;
use crate::cli::opened::tell;
use crate::cli::run::failed;
use crate::pipeline::run::lost_objects;
use crate::publication;
use crate::publish::bucket::Bucket;
use crate::publish::{PublishError, index};
use crate::schedule::gone::refuse_gone_bucket;
use crate::schedule::in_bucket::missing_files;
use crate::workspace::{Workspace, stores};

/// Tries what the bucket of a workspace can do; what was found, and how it ended.
pub(super) fn check(root: &Path) -> Result<(Vec<Finding>, Exit), Exit> {
    let configured = stores::public_bucket(root).map_err(|problems| {
        tell(&problems);
        Exit::Usage
    })?;
    let private = stores::private(root).map_err(|problems| {
        tell(&problems);
        Exit::Usage
    })?;
    refuse_gone_bucket(root, &private, &configured.location).map_err(|error| failed(&error, false, None))?;
    let findings = Bucket::make(&configured.location, &configured.options)
        .and_then(|bucket| check_bucket(&bucket, configured.base_url.as_deref()))
        .map_err(|error| {
            eprintln!("error: {}.", error.to_string().trim_end_matches('.'));
            if error.is_transient() { Exit::Transient } else { Exit::Usage }
        })?;
    let exit = match findings.iter().map(|finding| finding.outcome).max() {
        Some(Outcome::Fails) => Exit::Usage,
        Some(Outcome::Lacks) => Exit::Found,
        Some(Outcome::Works | Outcome::Unknown) | None => Exit::Done,
    };
    Ok((findings, exit))
}

/// What is wrong with what the indexes of the datasets of a workspace say.
#[derive(Default)]
pub(super) struct Indexes {
    /// Those that are damaged, and what is wrong with each.
    pub damaged: Vec<PublishError>,
    /// What they name and is not in the bucket, with the remedy.
    pub missing: Vec<String>,
}

impl Indexes {
    /// Reads all of them. What else keeps a bucket from being read is told by the look at what it can do.
    pub(super) fn read(workspace: &Workspace) -> Self {
        let mut found = Self::default();
        let Ok(bucket) = Bucket::open(&workspace.bucket, &workspace.bucket_options) else { return found };
        let datasets = workspace.pipelines.iter().map(|pipeline| pipeline.dataset.as_str());
        let datasets: BTreeSet<&str> = datasets.chain([publication::DATASET]).collect();
        for dataset in datasets {
            found.damaged.extend(damaged(&bucket, dataset));
            found.missing.extend(missing(&bucket, dataset));
        }
        found.missing.extend(missing_objects(workspace, &bucket));
        found
    }
}

fn damaged(bucket: &Bucket, dataset: &str) -> Vec<PublishError> {
    let tables = bucket.folders(&format!("meta/{dataset}")).unwrap_or_default();
    let errors = tables.iter().filter_map(|table| index::current(bucket, dataset, table).err());
    errors.filter(|error| matches!(error, PublishError::Damaged { .. } | PublishError::Newer { .. })).collect()
}

fn missing(bucket: &Bucket, dataset: &str) -> Option<String> {
    let missing = match missing_files(bucket, dataset) {
        Ok(missing) if missing.is_empty() => return None,
        Ok(missing) => missing,
        Err(error) => {
            return Some(format!(
                "{dataset}: whether all files are there that its indexes name cannot be told: {error}"
            ));
        }
    };
    let remedy = match (missing.dates.is_empty(), dataset == publication::DATASET) {
        (true, _) => "",
        (false, true) => ". 'fahrtenbuch publish --rebuild' makes the files of dates again",
        (false, false) => {
            ". Dates whose evidence is there 'fahrtenbuch run' makes again ('fahrtenbuch plan' tells which); all others only a copy of \
             the bucket has"
        }
    };
    Some(format!("{}{remedy}", missing.said(dataset)))
}

/// The texts that records name and that are gone.
fn missing_objects(workspace: &Workspace, bucket: &Bucket) -> Option<String> {
    match lost_objects(workspace, bucket) {
        Ok(lost) => lost.first().map(|first| {
            format!(
                "{} texts that records name are gone or changed, as '{first}'. The next run of their pipeline or 'fahrtenbuch publish \
                 --rebuild' puts them again",
                lost.len()
            )
        }),
        Err(error) => Some(format!("whether all texts are there that records name cannot be told: {error}")),
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Works => "works",
        Outcome::Unknown => "unknown",
        Outcome::Lacks => "lacks",
        Outcome::Fails => "fails",
    }
}

/// One finding as a line.
pub(super) fn show(finding: &Finding) {
    let Finding { outcome, sentence, remedy, .. } = finding;
    let remedy = remedy.map_or_else(String::new, |remedy| format!(" {remedy}."));
    println!("{:<8}{sentence}.{remedy}", word(*outcome));
}

pub(super) fn json(finding: &Finding) -> Value {
    let Finding { id, outcome, sentence, remedy } = finding;
    json!({ "id": id, "outcome": word(*outcome), "sentence": sentence, "remedy": remedy })
}
