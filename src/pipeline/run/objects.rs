//! The texts that a record names by their digest, as objects of the ledger: contracts, what of them shapes rows, the pipeline's file,
//! notices and the service area.
//!
//! Each text is put once. The journal keeps it under its digest, so that a run that was killed is finished with the texts that it began
//! with, and what is gone from the bucket is put again though the workspace has other texts by now. Which ones are in the bucket
//! stands in `<private>/journal/<pipeline>/objects.json`, so a run whose texts are those of the run before asks for none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::durable;
use crate::ledger::{RunRecord, object_key, objects_of};
use crate::pipeline::run::context::RunContext;
use crate::pipeline::run::error::RunError;
use crate::pipeline::{Pipeline, journal};
use crate::publish::bucket::{Bucket, Page};
use crate::publish::view_writer::ViewWriter;
use crate::workspace::Workspace;

/// Which texts the runs of a pipeline have put into a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Put {
    bucket: String,
    objects: BTreeSet<Digest>,
}

impl Put {
    fn path(workspace: &Workspace, pipeline: &Pipeline) -> PathBuf {
        workspace.private.join("journal").join(&pipeline.name).join("objects.json")
    }

    /// What is known of this bucket. A file that cannot be understood any more knows nothing, so that all are put again.
    fn read(workspace: &Workspace, pipeline: &Pipeline, bucket: &Bucket) -> Result<Self, RunError> {
        let path = Self::path(workspace, pipeline);
        let known = match durable::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).ok(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(RunError::private(&path, "read", &error)),
        };
        let none = || Self { bucket: bucket.place(), objects: BTreeSet::new() };
        Ok(known.filter(|known: &Self| bucket.is_at(&known.bucket)).unwrap_or_else(none))
    }

    fn remember(
        workspace: &Workspace,
        pipeline: &Pipeline,
        bucket: &Bucket,
        objects: BTreeSet<Digest>,
    ) -> Result<(), RunError> {
        let known = Self::read(workspace, pipeline, bucket)?;
        if known.objects == objects {
            return Ok(());
        }
        let path = Self::path(workspace, pipeline);
        let bytes = serde_json::to_vec(&Self { objects, ..known }).map_err(std::io::Error::from);
        bytes
            .and_then(|bytes| durable::write(&path, &bytes))
            .map_err(|error| RunError::private(&path, "written", &error))
    }
}

/// The texts of a pipeline as the workspace has them now, by their digest.
fn texts(workspace: &Workspace, pipeline: &Pipeline) -> BTreeMap<Digest, Bytes> {
    let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let mut texts = vec![text(&pipeline.text)];
    texts.extend(pipeline.contracts.changes_text.as_deref().map(text));
    texts.extend(workspace.area.as_ref().map(|area| area.text.clone()));
    // Those of the release that no table is made of are named, too.
    let of_release = pipeline.release.iter().flat_map(|release| release.contracts.contracts.values());
    for contract in pipeline.all_contracts().chain(of_release) {
        texts.push(text(&contract.text));
        texts.push(contract.content_text().into());
    }
    texts.into_iter().map(|text| (Digest::of(&text), text)).collect()
}

/// A text from the journal, or from the workspace as it is now.
fn find(workspace: &Workspace, pipeline: &Pipeline, digest: &Digest) -> Option<Bytes> {
    let kept = journal::read_object(&workspace.private, &pipeline.name, digest);
    kept.map(Bytes::from).or_else(|| texts(workspace, pipeline).remove(digest))
}

/// Keeps the texts that the record of a run names, before its journal is written.
pub(super) fn keep(run: &RunContext<'_>, record: &RunRecord) -> std::io::Result<()> {
    let texts = texts(run.workspace, run.pipeline);
    for digest in record.objects() {
        if let Some(text) = texts.get(&digest) {
            journal::keep_object(&run.workspace.private, &run.pipeline.name, &digest, text)?;
        }
    }
    Ok(())
}

/// Puts the texts that a record names and that no run of the pipeline has put into this bucket.
pub(super) fn put(run: &RunContext<'_>, record: &RunRecord) -> Result<(), RunError> {
    let RunContext { workspace, pipeline, bucket, .. } = *run;
    let mut known = Put::read(workspace, pipeline, bucket)?.objects;
    let new: Vec<Digest> = record.objects().difference(&known).copied().collect();
    if new.is_empty() {
        return Ok(());
    }
    // A run of a version that kept none may have been killed, or be the last one.
    keep(run, record).map_err(|error| RunError::private(&workspace.private.join("journal"), "written", &error))?;
    for digest in new {
        let key = object_key(&digest);
        match find(workspace, pipeline, &digest) {
            Some(text) => {
                bucket.put_named_by_digest(&key, text)?;
                known.insert(digest);
            }
            None => tracing::warn!(
                "the record names '{key}', which is a text of an earlier state of the workspace, and nobody has it any more"
            ),
        }
    }
    Put::remember(workspace, pipeline, bucket, known)
}

/// Puts texts again that runs of the pipeline have put and that are gone or changed, by a look at the names of objects.
pub(super) fn mend(workspace: &Workspace, pipeline: &Pipeline, bucket: &Bucket, there: &Page) -> Result<(), RunError> {
    for digest in Put::read(workspace, pipeline, bucket)?.objects {
        let key = object_key(&digest);
        if !there.covers(&key) || is_whole(workspace, pipeline, &digest, there.sizes.get(&key)) {
            continue;
        }
        match find(workspace, pipeline, &digest) {
            Some(text) => {
                tracing::warn!("the text '{key}', which records name, was gone or changed and is put again");
                bucket.put(&key, text)?;
            }
            None => tracing::warn!(
                "the text '{key}', which records name, is gone or changed, and nobody has it: bring it back from a backup"
            ),
        }
    }
    Ok(())
}

/// Whether a text is there that was put, as far as its size tells.
fn is_whole(workspace: &Workspace, pipeline: &Pipeline, digest: &Digest, there: Option<&u64>) -> bool {
    let kept = journal::kept_object_bytes(&workspace.private, &pipeline.name, digest);
    there.is_some_and(|bytes| kept.is_none_or(|kept| kept == *bytes))
}

/// The texts that runs of the pipelines of a workspace have put into a bucket and that are not there, or have another size.
///
/// # Errors
/// The bucket does not answer, or the private store cannot be read.
pub(crate) fn lost_objects(workspace: &Workspace, bucket: &Bucket) -> Result<BTreeSet<String>, RunError> {
    let there = bucket.sizes("ledger/objects")?;
    let mut lost = BTreeSet::new();
    for pipeline in &workspace.pipelines {
        for digest in Put::read(workspace, pipeline, bucket)?.objects {
            let key = object_key(&digest);
            if !is_whole(workspace, pipeline, &digest, there.get(&key)) {
                lost.insert(key);
            }
        }
    }
    Ok(lost)
}

/// Puts all texts that the records in a bucket name and that are not in it, as far as the journals or the workspace have them; gives
/// the names of the others.
pub(super) fn rebuild(
    workspace: &Workspace,
    bucket: &Bucket,
    writer: &mut ViewWriter<'_>,
) -> Result<Vec<String>, RunError> {
    let there = bucket.sizes("ledger/objects")?;
    let mut by_pipeline: BTreeMap<String, BTreeSet<Digest>> = BTreeMap::new();
    for key in bucket.list("ledger/records")? {
        let Some(bytes) = bucket.get(&key)? else { continue };
        if let Some((pipeline, digests)) = objects_of(&bytes) {
            by_pipeline.entry(pipeline).or_default().extend(digests);
        }
    }
    let mut missing = BTreeSet::new();
    for (name, digests) in by_pipeline {
        let pipeline = workspace.pipelines.iter().find(|pipeline| pipeline.name == name);
        let texts = pipeline.map(|pipeline| texts(workspace, pipeline)).unwrap_or_default();
        let mut known = match pipeline {
            Some(pipeline) => Put::read(workspace, pipeline, bucket)?.objects,
            None => BTreeSet::new(),
        };
        for digest in digests {
            let key = object_key(&digest);
            let kept = || journal::read_object(&workspace.private, &name, &digest).map(Bytes::from);
            let text = texts.get(&digest).cloned().or_else(kept);
            match (there.get(&key), text) {
                // A size that differs is damage; without a text there is nothing to compare with.
                (Some(bytes), Some(text)) if *bytes == text.len() as u64 => _ = known.insert(digest),
                (Some(_), None) => _ = known.insert(digest),
                (_, Some(text)) => {
                    writer.put_changed(&key, text)?;
                    known.insert(digest);
                }
                (None, None) => _ = missing.insert(key),
            }
        }
        if let Some(pipeline) = pipeline.filter(|_| !writer.is_dry()) {
            Put::remember(workspace, pipeline, bucket, known)?;
        }
    }
    Ok(missing.into_iter().collect())
}
