//! `fahrtenbuch restore`

use std::path::{Path, PathBuf};

use crate::backup::{Restore, Restored, restore};
use crate::cli::backup::{failed, of_argument, of_bytes, of_files};
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
    tell(root, &restored);
    Ok(Exit::Done)
}

fn tell(root: &Path, restored: &Restored) {
    let Restored { at, private, files, bytes, keys, .. } = restored;
    if restored.is_finished {
        println!("a restore that had begun before was finished");
    }
    println!(
        "the private store {} is as of {at}: {}, {}; all digests are right",
        private.display(),
        of_files(*files),
        of_bytes(*bytes)
    );
    match &restored.keys_at {
        _ if !keys.is_empty() => println!("  keys: {}", keys.said()),
        Some(place) => println!(
            "  without the keys of pseudonyms and those that sign the log, which are at {place}: its dates cannot be run again without \
             them, nor is the log signed. Begin again with an empty store and --keys-from {place}"
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
    println!("{}", next(root, restored));
}

/// What to type next, with the workspace: who restores is elsewhere.
fn next(root: &Path, restored: &Restored) -> String {
    let program = match root.as_os_str().is_empty() || root == Path::new(".") {
        true => "fahrtenbuch".to_owned(),
        false => format!("fahrtenbuch -C {}", root.display()),
    };
    let bucket = restored.missing_bucket.as_ref().map_or_else(String::new, |folder| {
        format!(
            "put a copy of the bucket at {} (it is in no backup; without a copy an empty folder, and what there is evidence and keys of \
             is released anew), then ",
            folder.display()
        )
    });
    let run = match restored.keys.pseudonyms {
        0 => format!(
            "'{program} plan': what was published stays, and dates of which this store has no keys are refused ('{program} restore \
             --begin-anew' lets new dates be run)"
        ),
        _ => format!(
            "'{program} run NAME --date D' of a date of last week: 'nothing new' means that it made the same bytes"
        ),
    };
    format!("Next: {bucket}'{program} evidence verify', then {run}.")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::backup::KeyCount;

    fn restored(keys: u64, missing_bucket: Option<PathBuf>) -> Restored {
        Restored {
            at: jiff::Timestamp::UNIX_EPOCH,
            private: PathBuf::from("/srv/drill/data/private"),
            files: 1,
            bytes: 1,
            keys: KeyCount { pseudonyms: keys, signing: 0 },
            keys_at: None,
            configuration: Vec::new(),
            differing: Vec::new(),
            purged: BTreeSet::new(),
            left_out: 0,
            elsewhere: Vec::new(),
            missing_bucket,
            is_finished: false,
        }
    }

    #[test]
    fn what_comes_next_names_the_workspace_and_the_bucket_that_is_not_there() {
        let said = next(Path::new("/srv/drill"), &restored(3, Some(PathBuf::from("/srv/drill/data/bucket"))));
        assert!(said.starts_with("Next: put a copy of the bucket at /srv/drill/data/bucket"), "{said}");
        assert!(
            said.contains("'fahrtenbuch -C /srv/drill evidence verify', then 'fahrtenbuch -C /srv/drill run"),
            "{said}"
        );
        // Without keys nothing says that dates can be run again.
        let said = next(Path::new("."), &restored(0, None));
        assert!(said.starts_with("Next: 'fahrtenbuch evidence verify', then 'fahrtenbuch plan'"), "{said}");
        assert!(!said.contains("made the same") && said.contains("are refused"), "{said}");
    }
}
