//! `fahrtenbuch publish`

use std::path::Path;

use serde_json::json;

use crate::cli::exit::Exit;
use crate::cli::lost::take_lock;
use crate::cli::opened::read_workspace;
use crate::cli::run::failed;
use crate::pipeline::run::releases::{ActContext, finish_withdrawals};
use crate::pipeline::run::{RunError, open_bucket, rebuild_views};
use crate::publish::bucket::Bucket;
use crate::publish::view_writer::Changes;

/// Names that are listed.
const LISTED: usize = 20;

#[derive(clap::Args)]
#[command(after_help = "\
Runs publish what they make; this writes anew what can be made from the indexes of tables at any time: files.json,
index.csv, pages, and the catalogue for SQL engines below iceberg/. It is needed after the bucket has moved or
'base_url' has changed, and where a file of the catalogue is gone or damaged. The tables of the dataset 'publication'
(releases, rule_results, decisions) are made of all versions and records, too: after an update from a version of this program
that had none, this writes those of older dates. Texts that records name (contracts, pipelines, notices) are put below
ledger/objects/ where they are gone, as far as this workspace has them; the others are told. Where 'base_url' was taken out, the catalogue
is removed. No release of a pipeline is changed. 'check', 'plan' and 'status' tell if it is needed.

Exit codes: 0; 1 if the bucket is not there or does not answer; 42 if an index in it is damaged, or if its newest version is
missing of which a run or a view knows: then nothing is written.

Examples:
  fahrtenbuch publish --rebuild --dry-run     what would be written
  fahrtenbuch publish --rebuild")]
pub(super) struct Arguments {
    /// Write views, pages and the catalogue of all datasets anew from the indexes
    #[arg(long, required = true)]
    rebuild: bool,
    /// Tell what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write it as JSON to standard output
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Whether what it prints is what it is for.
    pub(super) fn is_for_its_output(&self) -> bool {
        self.dry_run
    }
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    publish(root, arguments).unwrap_or_else(|exit| exit)
}

fn publish(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    let workspace = read_workspace(root)?;
    let of_run = |error: RunError| failed(&error, arguments.json, None);
    // Views of nothing are not begun here: the first run makes the bucket.
    let bucket = Bucket::open(&workspace.bucket, &workspace.bucket_options).map_err(|error| of_run(error.into()))?;
    let changes = if arguments.dry_run {
        rebuild_views(&workspace, &bucket, true)
    } else {
        let mut lock = take_lock(&workspace).map_err(of_run)?;
        let bucket = open_bucket(&workspace, &mut lock).map_err(of_run)?;
        finish_withdrawals(&ActContext { workspace: &workspace, bucket: &bucket, lock: &lock });
        rebuild_views(&workspace, &bucket, false)
    };
    let changes = changes.map_err(of_run)?;
    let is_catalogued = workspace.site.base_url.is_some();
    if arguments.json {
        let Changes { written, removed, missing } = &changes;
        println!(
            "{}",
            json!({
                "dry_run": arguments.dry_run,
                "written": written,
                "removed": removed,
                "missing": missing,
                "catalogue": is_catalogued,
            })
        );
        return Ok(Exit::Done);
    }
    let would = if arguments.dry_run { "would be " } else { "" };
    for (names, done) in [(&changes.written, "written"), (&changes.removed, "removed")] {
        names.iter().take(LISTED).for_each(|name| println!("{would}{done}: {name}"));
        if names.len() > LISTED {
            println!("{would}{done}: {} more, which --json names", names.len() - LISTED);
        }
    }
    if let Some(first) = changes.missing.first() {
        println!(
            "note: {} texts that records name are not in the bucket, as '{first}': contracts and other files of earlier states of \
             this workspace, which it does not have any more. Whoever has a backup of the bucket copies them from there; --json \
             names all.",
            changes.missing.len()
        );
    }
    if changes.written.is_empty() && changes.removed.is_empty() {
        println!("Everything is as it should be.");
    }
    if !is_catalogued {
        println!(
            "note: there is no catalogue for SQL engines, since 'bucket: base_url' is not set in fahrtenbuch.yaml. Set it to \
             the bucket's address on the web."
        );
    }
    Ok(Exit::Done)
}
