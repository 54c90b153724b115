//! `fahrtenbuch restore`

use std::path::{Path, PathBuf};

use crate::backup::{Restore, Restored, restore};
use crate::cli::backup::{failed, of_argument};
use crate::cli::decisions::who;
use crate::cli::exit::Exit;
use crate::cli::opened::read_outline;
use crate::decision::{self, About, BegunAnew, Decision};
use crate::pipeline::run::is_lost;
use crate::workspace::form;
use crate::workspace::outline::Needs;
use crate::workspace::stores::stored_backups;

const HELP: &str = "\
Into an empty private store only. Everything is copied and compared with its digest before anything is put in its
place; a restore that was killed is finished by the same command. Files of the workspace that are not there are put,
too; those that are there stay.

What was destroyed since the backup does not come back: the newest backup and the records in the bucket say which
dates those are. Keys come from their own place. 'docs/backup.md' has the whole drill.

Examples:
  fahrtenbuch restore --from /mnt/backup --keys-from /mnt/safe --to /srv/stadtbus
  fahrtenbuch restore --from s3://sicherung/stadtbus --at 2026-11-24T00:00:00Z

If the store is lost for good, or if this machine is another one on purpose that publishes into the same bucket:
  fahrtenbuch restore --begin-anew --by Datenmanagement --reason 'The disk failed, there was no backup'
Runs then go on with new dates and new keys. Dates that were published before stay as they are, and cannot be run
again ('evidence accept').";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Arguments {
    /// The place of the backup; that of 'backup:' in fahrtenbuch.yaml if none is given
    #[arg(long, value_name = "PLACE")]
    from: Option<String>,
    /// The place of the keys; without it they are not brought back
    #[arg(long, value_name = "PLACE")]
    keys_from: Option<String>,
    /// The newest backup until then; the newest of all if none is given
    #[arg(long, value_name = "TIME")]
    at: Option<jiff::Timestamp>,
    /// The workspace to bring it back into; that of -C if none is given
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Go on although the bucket has releases that the private store knows nothing of
    #[arg(long, requires = "reason", conflicts_with_all = ["from", "keys_from", "at"])]
    begin_anew: bool,
    /// Who decides, with --begin-anew: one of 'people' in fahrtenbuch.yaml
    #[arg(long, value_name = "NAME", env = "FAHRTENBUCH_BY")]
    by: Option<String>,
    /// Why, with --begin-anew
    #[arg(long, value_name = "TEXT", requires = "begin_anew")]
    reason: Option<String>,
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    let root = arguments.to.as_deref().unwrap_or(root);
    let done = match arguments.begin_anew {
        true => begin_anew(root, arguments),
        false => bring_back(root, arguments),
    };
    done.unwrap_or_else(|exit| exit)
}

fn begin_anew(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    let workspace = read_outline(root, Needs::Destroying)?;
    let usage = |message: String| {
        eprintln!("error: {message}");
        Exit::Usage
    };
    let by = who(&workspace, arguments.by.as_deref()).map_err(usage)?;
    let reason = arguments.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    let reason = reason.ok_or_else(|| usage("a decision needs a reason. Write it after --reason.".to_owned()))?;
    if !is_lost(&workspace).map_err(|error| failed(&error.into()))? {
        return Err(usage(format!(
            "the private store {} is not lost: it knows of the releases in {} and has its keys, or there are none, or somebody has \
             decided before to go on without. Nothing was written down: run as usual.",
            workspace.private.display(),
            workspace.bucket
        )));
    }
    form::open(&workspace.private).map_err(|error| failed(&error.into()))?;
    let about = About::BeginAnew(BegunAnew { bucket: workspace.bucket.clone() });
    let at = jiff::Timestamp::from_second(crate::time::now().as_second()).unwrap_or_default();
    let decision = Decision { about, by, at, until: None, reason: reason.to_owned() };
    let ids = decision::append(&decision::path(&workspace.private), &[decision]).map_err(|error| {
        eprintln!("error: {error}");
        Exit::Transient
    })?;
    for id in ids {
        println!("runs go on without the private store that made the releases in {} ({id})", workspace.bucket);
    }
    println!(
        "What was published stays. Dates that were published before cannot be run again without their evidence and keys."
    );
    Ok(Exit::Done)
}

fn bring_back(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    let configured = stored_backups(root);
    let given = |text: &Option<String>| text.as_deref().map(|text| of_argument(text, configured.as_ref())).transpose();
    let from = given(&arguments.from)?;
    let is_configured = from.is_none();
    let Some(from) = from.or(configured.as_ref().map(|backups| backups.to.clone())) else {
        eprintln!("error: no backup is named. Write its place after --from.");
        return Err(Exit::Usage);
    };
    let keys_from = given(&arguments.keys_from)?;
    let keys_from = match is_configured {
        true => keys_from.or(configured.and_then(|backups| backups.keys_to)),
        false => keys_from,
    };
    let request = Restore { from: &from, keys_from: keys_from.as_ref(), at: arguments.at, root };
    let restored = restore(&request).map_err(|error| failed(&error))?;
    tell(&restored);
    Ok(Exit::Done)
}

fn tell(restored: &Restored) {
    let Restored { at, private, files, bytes, keys, .. } = restored;
    if restored.is_finished {
        println!("a restore that had begun before was finished");
    }
    println!(
        "the private store {} is as of {at}: {files} files, {bytes} bytes; all digests are right",
        private.display()
    );
    match &restored.keys_at {
        _ if *keys > 0 => println!("  keys of pseudonyms: {keys}"),
        Some(place) => println!(
            "  without the keys of pseudonyms, which are at {place}: its dates cannot be run again without them. Begin again with \
             an empty store and --keys-from {place}"
        ),
        None => println!("  without the keys of pseudonyms, which were not backed up: its dates cannot be run again"),
    }
    if !restored.configuration.is_empty() {
        println!("  files of the workspace that were put: {}", restored.configuration.len());
    }
    for name in &restored.differing {
        println!("  {name} is not that of the backup, and stays as it is");
    }
    if !restored.purged.is_empty() {
        let dates: Vec<String> = restored.purged.iter().map(ToString::to_string).collect();
        println!(
            "  destroyed since the backup, and not brought back: {} ({} files left out). 'fahrtenbuch evidence purge' destroys what \
             else came back of them",
            dates.join(", "),
            restored.left_out
        );
    }
    for place in &restored.elsewhere {
        println!("  not in the backup: the evidence at {place}");
    }
    println!(
        "Next: 'fahrtenbuch evidence verify', then 'fahrtenbuch run'; what was published is made again as it was."
    );
}
