//! `fahrtenbuch backup`

use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::backup::{Backup, BackupError, Place, Report, Verified, backup, list, verify};
use crate::capture::evidence::remote::Location;
use crate::cli::attempted;
use crate::cli::exit::Exit;
use crate::cli::lost::store_is_not_lost;
use crate::cli::opened::{clock_is_set, read_outline};
use crate::cli::terminal::count;
use crate::object_stores::Options;
use crate::text::grouped;
use crate::workspace::backups::{Backups, location};
use crate::workspace::outline::Needs;
use crate::workspace::stores::stored_backups;
use crate::workspace::{self, Workspace};

const HELP: &str = "\
What cannot be made again: evidence, journal, quarantine, decisions, what was destroyed, the schedule's log, and the
workspace's own files. Not the bucket, not what 'evidence:' keeps elsewhere (back those up with their stores).

The keys go to a place of their own, or nowhere: those of pseudonyms, which whoever has the evidence, too, can undo them with,
and those that sign the log. Without --keys-to they are in no backup; if they are lost, dates of the last months cannot be run
again, and the log goes on with another key.

Only what is new is copied, and read back. It may run beside collectors and runs; one that was killed is finished by
the next one. All backups of two weeks stay, then one a month. What was purged goes from all of them.

Places are folders or s3://bucket/prefix (options in 'backup:' of fahrtenbuch.yaml, or AWS_*):
  backup:
    to: {location: 's3://sicherung/stadtbus', options: {endpoint: 'https://s3.example.de'}}
    keys_to: /mnt/safe/stadtbus-keys

Examples:
  fahrtenbuch backup --to /mnt/backup --keys-to /mnt/safe      as a daily job
  fahrtenbuch backup                                           where 'backup:' says
  fahrtenbuch backup verify                                    read all of the newest one
  fahrtenbuch backup list";

#[derive(Args)]
#[command(after_help = HELP, args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    places: To,
    /// Write the result as JSON to standard output
    #[arg(long)]
    json: bool,
    /// Write into the log of the schedule that it was tried, so that 'plan' knows of it: for other schedulers
    #[arg(long)]
    attempt: bool,
}

#[derive(Args)]
struct To {
    /// Where to: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "PLACE")]
    to: Option<String>,
    /// Where the keys of pseudonyms and those that sign the log go: a place of its own
    #[arg(long, value_name = "PLACE")]
    keys_to: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Tell which backups a place has
    List(Look),
    /// Read everything that the newest backup has, and tell what is gone or damaged
    Verify(Look),
}

#[derive(Args)]
struct Look {
    /// The place; that of 'backup:' in fahrtenbuch.yaml if none is given
    #[arg(long, value_name = "PLACE")]
    from: Option<String>,
    /// The place of the keys
    #[arg(long, value_name = "PLACE")]
    keys_from: Option<String>,
    /// Write the result as JSON to standard output
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Whether what it prints is what it is for.
    pub(super) fn is_for_its_output(&self) -> bool {
        self.command.is_some()
    }
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    let done = match &arguments.command {
        None if arguments.attempt => attempted::chore(root, "backup"),
        None => make(root, arguments),
        Some(Command::List(look)) => listed(root, look),
        Some(Command::Verify(look)) => verified(root, look),
    };
    done.unwrap_or_else(|exit| exit)
}

fn make(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    clock_is_set()?;
    let workspace = read_outline(root, Needs::Stores)?;
    store_is_not_lost(root)?;
    let configured = workspace.backup.clone();
    let to = given(&workspace, arguments.places.to.as_deref())?;
    // Keys that are configured go with the place that is.
    let keys_to = match (given(&workspace, arguments.places.keys_to.as_deref())?, &to) {
        (Some(keys_to), _) => Some(keys_to),
        (None, None) => configured.as_ref().and_then(|backups| backups.keys_to.clone()),
        (None, Some(_)) => None,
    };
    let Some(to) = to.or(configured.map(|backups| backups.to)) else { return Err(no_place("--to")) };
    let request = Backup { workspace: &workspace, to: &to, keys_to: keys_to.as_ref() };
    let report = backup(&request).map_err(|error| failed(&error))?;
    match arguments.json {
        true => println!("{}", as_json(&report, &to, keys_to.as_ref())),
        false => tell(&report, &to, keys_to.as_ref()),
    }
    Ok(Exit::Done)
}

fn tell(report: &Report, to: &Location, keys_to: Option<&Location>) {
    let Report { files, bytes, new_objects, new_bytes, expired, .. } = report;
    println!("backed up to {} as of {}: {}, {}", to.shown, report.at, of_files(*files), of_bytes(*bytes));
    println!("  new: {}, {}; read back", of_files(*new_objects), of_bytes(*new_bytes));
    match (report.keys, keys_to) {
        (Some(keys), Some(place)) => println!("  keys: {}, at {}", keys.said(), place.shown),
        _ => println!(
            "  the keys of pseudonyms are not in it: without them no date of it can be run again. Nor are the keys that sign the log, if \
             there are any. Name a place of their own with --keys-to"
        ),
    }
    for place in &report.elsewhere {
        println!("  not in it: the evidence at {place}");
    }
    if (expired.backups, expired.files, expired.objects) != (0, 0, 0) {
        println!(
            "  expired: {} old backups; {} files of dates that were destroyed, in others; {} objects, {} bytes",
            expired.backups, expired.files, expired.objects, expired.bytes
        );
    }
}

/// `1 file`, `12,345 files`.
pub(super) fn of_files(number: u64) -> String {
    format!("{} {}", grouped(number).en, if number == 1 { "file" } else { "files" })
}

/// `1 byte`, `12,345 bytes`.
pub(super) fn of_bytes(number: u64) -> String {
    format!("{} {}", grouped(number).en, if number == 1 { "byte" } else { "bytes" })
}

fn as_json(report: &Report, to: &Location, keys_to: Option<&Location>) -> Value {
    json!({
        "at": report.at,
        "place": to.shown,
        "manifest": report.manifest,
        "files": report.files,
        "bytes": report.bytes,
        "new": {"files": report.new_objects, "bytes": report.new_bytes},
        "keys": report.keys.map(|keys| keys.pseudonyms),
        "signing_keys": report.keys.map(|keys| keys.signing),
        "keys_place": keys_to.map(|place| &place.shown),
        "elsewhere": report.elsewhere,
        "expired": {
            "backups": report.expired.backups,
            "files": report.expired.files,
            "objects": report.expired.objects,
            "bytes": report.expired.bytes,
        },
    })
}

fn listed(root: &Path, look: &Look) -> Result<Exit, Exit> {
    let mut all = Vec::new();
    for place in places(root, look)? {
        let place = Place::open(&place, false).map_err(|error| failed(&error))?;
        let backups = list(&place).map_err(|error| failed(&error))?;
        if !look.json {
            println!("{}: {}", place.shown(), count(backups.len() as u64, "backup", "backups"));
        }
        for backup in backups {
            let (files, bytes) = (backup.files, backup.bytes);
            if !look.json {
                println!("  {}  {}, {}, by version {}", backup.at, of_files(files), of_bytes(bytes), backup.program);
            }
            all.push(json!({
                "place": place.shown(), "at": backup.at, "files": files, "bytes": bytes, "program": backup.program,
            }));
        }
    }
    if look.json {
        println!("{}", Value::from(all));
    }
    Ok(Exit::Done)
}

fn verified(root: &Path, look: &Look) -> Result<Exit, Exit> {
    let mut exit = Exit::Done;
    let mut all = Vec::new();
    for place in places(root, look)? {
        let place = Place::open(&place, false).map_err(|error| failed(&error))?;
        let Some(Verified { at, files, bytes, problems }) = verify(&place).map_err(|error| failed(&error))? else {
            eprintln!(
                "error: there is no backup at {}. 'fahrtenbuch backup' makes one where 'backup: to' in fahrtenbuch.yaml says.",
                place.shown()
            );
            return Err(Exit::Permanent);
        };
        if !problems.is_empty() {
            exit = Exit::Found;
        }
        problems.iter().for_each(|problem| eprintln!("damaged: {problem}"));
        if !look.json {
            let said = match problems.len() {
                0 => "all there, with their digests".to_owned(),
                count => {
                    format!(
                        "{count} damaged or gone. Remove those objects, and back up again: what the store still has is copied anew"
                    )
                }
            };
            println!("{}: {} of {at}, {}: {said}", place.shown(), of_files(files), of_bytes(bytes));
        }
        all.push(json!({"place": place.shown(), "at": at, "files": files, "bytes": bytes, "problems": problems}));
    }
    if look.json {
        println!("{}", Value::from(all));
    }
    Ok(exit)
}

/// The places to look at, from the arguments or the configuration.
fn places(root: &Path, look: &Look) -> Result<Vec<Location>, Exit> {
    let configured = stored_backups(root);
    let known = |text: &Option<String>| -> Result<Option<Location>, Exit> {
        text.as_deref().map(|text| of_argument(text, configured.as_ref())).transpose()
    };
    let (from, keys_from) = (known(&look.from)?, known(&look.keys_from)?);
    let places: Vec<Location> = match (from, keys_from, configured) {
        (None, None, Some(backups)) => [Some(backups.to), backups.keys_to].into_iter().flatten().collect(),
        (None, None, None) => last_places(root)?,
        (from, keys_from, _) => [from, keys_from].into_iter().flatten().collect(),
    };
    if places.is_empty() { Err(no_place("--from")) } else { Ok(places) }
}

/// Where the newest backup of the private store went, if there was one: whoever named its place by hand need not name it again.
fn last_places(root: &Path) -> Result<Vec<Location>, Exit> {
    let Ok(private) = workspace::private(root) else { return Ok(Vec::new()) };
    let Some(last) = crate::backup::last(&private).ok().flatten() else { return Ok(Vec::new()) };
    let places = std::iter::once(&last.place).chain(&last.keys_place);
    places.map(|place| of_argument(place, None)).collect()
}

fn given(workspace: &Workspace, text: Option<&str>) -> Result<Option<Location>, Exit> {
    text.map(|text| of_argument(text, workspace.backup.as_ref())).transpose()
}

/// A place of the command line; one that is configured has its options.
pub(super) fn of_argument(text: &str, configured: Option<&Backups>) -> Result<Location, Exit> {
    let place = location(Path::new(""), text, Options::default()).map_err(|(problem, remedy)| {
        eprintln!("error: '{text}' is no place for a backup: {problem}. {remedy}");
        Exit::Usage
    })?;
    let known = configured.into_iter().flat_map(|backups| [Some(&backups.to), backups.keys_to.as_ref()]).flatten();
    let known = known.into_iter().find(|known| known.shown == place.shown);
    Ok(known.cloned().unwrap_or(place))
}

fn no_place(option: &str) -> Exit {
    eprintln!(
        "error: no place is named. Write it after {option}, or as 'backup: {{to: PLACE}}' into fahrtenbuch.yaml."
    );
    Exit::Usage
}

pub(super) fn failed(error: &BackupError) -> Exit {
    eprintln!("error: {error}");
    if error.is_usage() {
        Exit::Usage
    } else if error.is_transient() {
        Exit::Transient
    } else {
        Exit::Permanent
    }
}
