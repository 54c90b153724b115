//! What commands do first: read the workspace, and find the pipelines that they are about.

use std::path::Path;

use crate::cli::exit::{Exit, usage};
use crate::output_file::{self, Readers};
use crate::pipeline::Pipeline;
use crate::pipeline::run::RunError;
use crate::publication;
use crate::publish::PublishError;
use crate::publish::bucket::{Bucket, local_folder, missing_folder};
use crate::publish::iceberg::{self, Stale};
use crate::schedule::gone::refuse_gone_bucket;
use crate::workspace::outline::{self, Needs};
use crate::workspace::{Workspace, lies_in};
use crate::yaml::{Problem, suggestion};

/// Reads the workspace, or tells its mistakes.
pub(super) fn read_workspace(root: &Path) -> Result<Workspace, Exit> {
    Workspace::read(root).map_err(|problems| {
        tell(&problems);
        Exit::Usage
    })
}

/// Reads what commands about evidence need of the workspace. Mistakes elsewhere are told, and keep nothing from being done.
pub(super) fn read_outline(root: &Path, needs: Needs<'_>) -> Result<Workspace, Exit> {
    let (workspace, warnings) = outline::read(root, needs).map_err(|problems| {
        tell(&problems);
        Exit::Usage
    })?;
    warnings.iter().for_each(|problem| eprintln!("warning: {problem}"));
    Ok(workspace)
}

/// The pipelines of these names, or all; an unknown name is told.
pub(super) fn choose<'a>(workspace: &'a Workspace, names: &[String]) -> Result<Vec<&'a Pipeline>, Exit> {
    if names.is_empty() {
        return Ok(workspace.pipelines.iter().collect());
    }
    let known: Vec<&str> = workspace.pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect();
    names
        .iter()
        .map(|name| {
            workspace.pipelines.iter().find(|pipeline| pipeline.name == *name).ok_or_else(|| {
                eprintln!("error: there is no pipeline '{name}'. {}", suggestion(name, &known));
                Exit::Usage
            })
        })
        .collect()
}

/// Whether the clock can be right: evidence of a time before this program was made would stand where nobody looks for it.
pub(super) fn clock_is_set() -> Result<(), Exit> {
    let now = crate::time::now();
    if now.as_second() >= crate::capture::source::PROGRAM_BEGINS {
        return Ok(());
    }
    eprintln!("error: this machine's clock shows {now}, when there was no such program yet. Set it, and try again.");
    Err(Exit::Transient)
}

/// Refuses to write what was named for output into the bucket, where it would be published or replace what is, or into the private store;
/// links are followed.
pub(super) fn refuse_stores(workspace: &Workspace, output: &Path) -> Result<(), Exit> {
    let is_in = |folder: &Path| lies_in(output, folder);
    let bucket = local_folder(&workspace.bucket).ok().flatten();
    if bucket.is_some_and(|bucket| is_in(&bucket)) || is_in(&workspace.private) {
        let output = output.display();
        return Err(usage(&format!("{output} is in the bucket or the private store. Name a place outside of both.")));
    }
    Ok(())
}

/// Writes a file that was named for output, or tells why it could not be written.
pub(super) fn write_output(workspace: &Workspace, file: &Path, text: &str, readers: Readers) -> Result<(), Exit> {
    refuse_stores(workspace, file)?;
    output_file::write(file, text.as_bytes(), readers).map_err(|error| unwritten(file, &error))
}

/// Tells why a file that was named for output could not be written. What is none is a mistake of who named it.
pub(super) fn unwritten(file: &Path, error: &std::io::Error) -> Exit {
    let file = file.display();
    if error.kind() == std::io::ErrorKind::Other {
        eprintln!("error: {file} cannot be written: {error}.");
        return Exit::Usage;
    }
    eprintln!("error: {file} could not be written: {error}. Check the disk, the folder and its permissions.");
    Exit::Transient
}

/// The bucket, to read in it; none if nothing was published to it yet, so that no run has made its folder.
pub(super) fn bucket_to_read(workspace: &Workspace) -> Result<Option<Bucket>, RunError> {
    if missing_folder(&workspace.bucket).is_some() {
        refuse_gone_bucket(&workspace.root, &workspace.private, &workspace.bucket)?;
        return Ok(None);
    }
    Ok(Some(Bucket::open(&workspace.bucket, &workspace.bucket_options)?))
}

/// Why the catalogue for SQL engines in the bucket has to be written anew, if it has. A bucket that cannot be read is told by who
/// needs it.
pub(super) fn stale_catalogue(workspace: &Workspace) -> Option<Stale> {
    let bucket = Bucket::open(&workspace.bucket, &workspace.bucket_options).ok()?;
    match iceberg::stale(&bucket, workspace.site.base_url.as_deref()) {
        Ok(stale) => stale,
        Err(PublishError::Damaged { key, .. }) => Some(Stale::Damaged { key }),
        Err(_) => None,
    }
}

/// That a dataset in the bucket has no pipeline any more, while a pipeline has published nothing yet: its file may have another name
/// than before. A bucket that cannot be read is told by who needs it.
pub(super) fn renamed(workspace: &Workspace) -> Option<String> {
    let bucket = Bucket::open(&workspace.bucket, &workspace.bucket_options).ok()?;
    let there = bucket.folders("meta").ok()?;
    let is_made = |dataset: &String| {
        dataset == publication::DATASET || workspace.pipelines.iter().any(|pipeline| pipeline.dataset == *dataset)
    };
    let orphan = there.iter().find(|dataset| !is_made(dataset))?;
    let new = workspace.pipelines.iter().find(|pipeline| !there.contains(&pipeline.dataset))?;
    Some(format!(
        "the dataset '{orphan}' in the bucket has no pipeline any more, and '{}' has never published '{}'. If it is the same one and \
         only its file has another name, write 'dataset: {orphan}' into {}: else all of it is published once more, as another dataset.",
        new.name,
        new.dataset,
        new.file.display()
    ))
}

/// Tells the mistakes of a workspace.
pub(super) fn tell(problems: &[Problem]) {
    for problem in problems {
        eprintln!("{problem}");
    }
    let count = problems.len();
    eprintln!("{count} {} in the workspace", if count == 1 { "mistake" } else { "mistakes" });
}
