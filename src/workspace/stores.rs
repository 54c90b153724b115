//! What is read of a workspace alone, whatever is wrong elsewhere: where its stores lie, and its limits.

use std::path::{Path, PathBuf};

use crate::capture::collector::Collector;
use crate::capture::evidence::upload::Spool;
use crate::capture::source::Source;
use crate::object_stores::{Options, unopened, unopened_source};
use crate::pipeline::FeedOrigin;
use crate::publish::bucket::local_folder;
use crate::workspace::backups::Backups;
use crate::workspace::sections::{BucketSection, address};
use crate::workspace::{
    FILE, SPOOL, Workspace, lie_in_each_other, limit, memory_limit, no_workspace, private_folder, private_path, remote,
};
use crate::yaml::{self, Problem, Problems};

/// Where the stores of a workspace lie.
#[derive(Debug)]
pub struct Stores {
    pub private: PathBuf,
    pub bucket: String,
    pub bucket_options: Options,
}

/// The stores of a workspace whose private store is to be restored, as a text of its configuration has them: whatever the form of the
/// store, and whatever is wrong elsewhere.
pub fn stores(root: &Path, text: &str) -> Result<Stores, Vec<Problem>> {
    let file = root.join(FILE);
    let node = yaml::parse(&file, text)?;
    let mut problems = Problems::new(&file);
    let private = private_path(root, &node, &mut problems);
    let BucketSection { location, options: bucket_options, .. } = BucketSection::read(&node, &mut problems);
    match (private, location) {
        (Some(private), Some(location)) if problems.found.is_empty() => {
            Ok(Stores { private, bucket: address(root, location), bucket_options })
        }
        _ => Err(problems.found),
    }
}

/// The bucket of a workspace, as readers and the store see it.
#[derive(Debug)]
pub struct PublicBucket {
    /// A folder or `s3://bucket/prefix`.
    pub location: String,
    pub options: Options,
    /// Where it is on the web, if it is.
    pub base_url: Option<String>,
}

/// The bucket of a workspace; one that would show the private store is a mistake. Looks at nothing else in it.
pub fn public_bucket(root: &Path) -> Result<PublicBucket, Vec<Problem>> {
    let file = root.join(FILE);
    if !file.exists() {
        return Err(no_workspace(&file));
    }
    let node = yaml::read(&file)?;
    let mut problems = Problems::new(&file);
    let private = private_path(root, &node, &mut problems);
    let BucketSection { location, base_url, options } = BucketSection::read(&node, &mut problems);
    let line = node.get("bucket").and_then(|map| map.get("location")).map_or(node.line, |node| node.line);
    let folder = location.as_deref().map_or(Ok(None), local_folder);
    let folder = folder.unwrap_or_else(|(problem, remedy)| {
        problems.add(line, format!("the bucket cannot be used: {problem}"), remedy);
        None
    });
    let meet = folder.zip(private).is_some_and(|(folder, private)| lie_in_each_other(&root.join(folder), &private));
    if meet {
        let remedy = "Give each a folder of its own, such as 'data/bucket' and 'data/private'.";
        problems.add(line, "the bucket and the private store lie in each other", remedy);
    }
    match location {
        Some(location) if problems.found.is_empty() => {
            Ok(PublicBucket { location: address(root, location), options, base_url })
        }
        _ => Err(problems.found),
    }
}

/// The S3 stores of a workspace that cannot be used from here, since keys are missing or are none. Nothing is asked over the network.
pub fn without_keys(workspace: &Workspace) -> Vec<Problem> {
    let mut found = Vec::new();
    if workspace.bucket.starts_with("s3://") {
        found.extend(unopened(&workspace.bucket, &workspace.bucket_options));
    }
    let backups = workspace.backup.iter().flat_map(|backups| [Some(&backups.to), backups.keys_to.as_ref()]).flatten();
    let places = workspace.evidence.iter().map(|remote| remote.place()).chain(backups);
    found.extend(places.filter(|of| of.folder.is_none()).filter_map(|of| unopened(&of.shown, &of.options)));
    for pipeline in &workspace.pipelines {
        for feed in &pipeline.feeds {
            if let FeedOrigin::Source(Source::S3 { url, options, .. }) = &feed.from {
                found.extend(unopened_source(&url.shown(), options, (&pipeline.file, pipeline.line)));
            }
        }
    }
    found
}

/// Where a workspace says that backups go; nothing if it does not, or is not there. Looks at nothing else in it.
pub fn stored_backups(root: &Path) -> Option<Backups> {
    let file = root.join(FILE);
    let node = yaml::parse(&file, &crate::durable::read_to_string(&file).ok()?).ok()?;
    Backups::read(root, &node, &mut Problems::new(&file))
}

/// The `limits: memory` of a workspace, bytes; `None` where there is no workspace. Looks at nothing else in it.
pub fn memory(root: &Path) -> Result<Option<usize>, Vec<Problem>> {
    let file = root.join(FILE);
    if !file.exists() {
        return Ok(None);
    }
    let node = yaml::read(&file)?;
    let mut problems = Problems::new(&file);
    let memory = memory_limit(&node, &mut problems);
    if problems.found.is_empty() { Ok(Some(memory)) } else { Err(problems.found) }
}

/// The private store of a workspace. Looks at nothing else in it, so that a mistake elsewhere keeps nothing from being collected.
pub fn private(root: &Path) -> Result<PathBuf, Vec<Problem>> {
    let file = root.join(FILE);
    let mut problems = Problems::new(&file);
    if !file.exists() {
        return Err(no_workspace(&file));
    }
    let node = yaml::read(&file)?;
    let private = private_folder(root, &node, &mut problems);
    private.filter(|_| problems.found.is_empty()).ok_or(problems.found)
}

/// The evidence that waits in the private store to go where `evidence` says; `None` if it stays there. Looks at nothing else in the
/// workspace, as [`private`].
pub fn spool(root: &Path) -> Result<Option<Spool>, Vec<Problem>> {
    let private = private(root)?;
    let file = root.join(FILE);
    let node = yaml::read(&file)?;
    let mut problems = Problems::new(&file);
    let remote = remote(root, &node, &private, &mut problems);
    let spool = limit(&node, "spool", SPOOL, &mut problems);
    match problems.found.is_empty() {
        true => Ok(remote.map(|remote| Spool::new(Collector::evidence(&private), remote, spool))),
        false => Err(problems.found),
    }
}
