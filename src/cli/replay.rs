//! `fahrtenbuch replay`

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::acting::{Target, open};
use crate::cli::exit::{Exit, usage};
use crate::cli::run::failed;
use crate::cli::terminal::harmless;
use crate::digest::Digest;
use crate::pipeline::replay::{Asked, ReplayError, Replayer, replay, text};
use crate::publish::bucket::Bucket;
use crate::text::Language;
use crate::time::ServiceDate;
use crate::workspace::{Workspace, lie_in_each_other};

#[derive(Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch replay stadtbus-telemetrie/vehicle_locations@3
  fahrtenbuch replay stadtbus-telemetrie/vehicle_locations 2026-11-24 --lang de
  fahrtenbuch replay ledger/records/8c1f….json --into again --json

The release is made again from the evidence, the key, the decisions and the contracts that its record names, in a folder of its own, and
its files are compared with those of the record and with those that are published. Nothing in the bucket or the private store changes.
A record is named as files.json and index.csv name it, or by its digest; then all of its files are compared.

Exit codes: 0 where all is the same; 4 where something differs; 42 where it cannot be made again, with the reason: what it was made of was
destroyed, withdrawn or is gone; 2 where there is no such release.")]
pub(super) struct Arguments {
    /// DATASET/TABLE@VERSION, or DATASET/TABLE with a date, or a record
    #[arg(value_name = "RELEASE")]
    release: String,
    /// The date whose current release it is
    #[arg(value_name = "DATE")]
    date: Option<ServiceDate>,
    /// Keep the files that are made in this folder, which must be empty
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
    /// The language of the answer
    #[arg(long = "lang", value_enum, default_value_t = Language::En)]
    language: Language,
    /// Write the answer as JSON, in both languages
    #[arg(long)]
    json: bool,
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    answer(root, arguments).unwrap_or_else(|exit| exit)
}

fn answer(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    let asked = asked(&arguments.release, arguments.date).map_err(|message| usage(&message))?;
    let (workspace, bucket) = open(root)?;
    let into = arguments.into.clone();
    if let Some(folder) = &into {
        is_free(folder, &workspace, &bucket).map_err(|message| usage(&message))?;
    }
    let replayed = replay(Replayer { workspace, bucket: &bucket, into }, &asked).map_err(|error| match error {
        ReplayError::Usage(message) => usage(&format!("{message}.")),
        ReplayError::Unable(reason) => {
            eprintln!("error: {}.", reason.said.en);
            Exit::Permanent
        }
        ReplayError::Run(error) => failed(&error, false, None),
    })?;
    if arguments.json {
        // Made of texts, finite numbers and lists, which always serialise.
        println!("{}", serde_json::to_string(&replayed).unwrap_or_default());
    } else {
        print!("{}", harmless(&text(&replayed, arguments.language)));
    }
    Ok(match (replayed.differs(), replayed.is_unable()) {
        (true, _) => Exit::Found,
        (false, true) => Exit::Permanent,
        (false, false) => Exit::Done,
    })
}

/// What a release is called: a version, a date or a record.
fn asked(release: &str, date: Option<ServiceDate>) -> Result<Asked, String> {
    let expected = "Write DATASET/TABLE@VERSION, DATASET/TABLE and a date, or the name of a record";
    let name = release.strip_prefix("ledger/records/").unwrap_or(release);
    if let Some(digest) = Digest::parse(name.strip_suffix(".json").unwrap_or(name)) {
        return match date {
            None => Ok(Asked::Record(digest)),
            Some(_) => Err("a record is of one date: name none beside it.".to_owned()),
        };
    }
    let (target, version) = match release.split_once('@') {
        Some((target, version)) => (target, Some(version)),
        None => (release, None),
    };
    let target: Target = target.parse().map_err(|_| format!("'{release}' names no release. {expected}."))?;
    let Target { dataset, table: Some(table) } = target else {
        return Err(format!("releases are those of a table. {expected}."));
    };
    match (version, date) {
        (Some(version), None) => match version.trim_start_matches('v').parse() {
            Ok(version) => Ok(Asked::Version { dataset, table, version }),
            Err(_) => Err(format!("'{version}' is no version, which is a number. {expected}.")),
        },
        (None, Some(date)) => Ok(Asked::Date { dataset, table, date }),
        (Some(_), Some(_)) => Err(format!("a version and a date name two releases. {expected}.")),
        (None, None) => Err(format!("'{release}' is a table, of which there are many releases. {expected}.")),
    }
}

/// Whether files can be kept in a folder: it has none, and is not one of the bucket or the private store.
fn is_free(folder: &Path, workspace: &Workspace, bucket: &Bucket) -> Result<(), String> {
    let shown = folder.display();
    let is_theirs = |other: &Path| lie_in_each_other(folder, other);
    if bucket.folder().is_some_and(is_theirs) || is_theirs(&workspace.private) {
        return Err(format!("{shown} is in the bucket or the private store, or these are in it. Name another folder."));
    }
    match std::fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(format!("{shown} is not empty. Name a new folder.")),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(format!("{shown} cannot be used: {error}. Name a new folder.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_a_version_a_date_or_a_record() {
        let date: ServiceDate = "2026-11-24".parse().unwrap();
        let (dataset, table) = ("bus".to_owned(), "t".to_owned());
        let version = Asked::Version { dataset: dataset.clone(), table: table.clone(), version: 3 };
        assert_eq!(asked("bus/t@3", None), Ok(version.clone()));
        assert_eq!(asked("bus/t@v3", None), Ok(version));
        assert_eq!(asked("bus/t", Some(date)), Ok(Asked::Date { dataset, table, date }));
        let digest = Digest::of(b"");
        for name in [digest.to_string(), format!("ledger/records/{digest}.json")] {
            assert_eq!(asked(&name, None), Ok(Asked::Record(digest)));
            assert!(asked(&name, Some(date)).is_err());
        }
        for wrong in ["bus", "bus/t", "bus/t@x", "bus/../t@1", "", "/t@1"] {
            assert!(asked(wrong, None).is_err(), "{wrong}");
        }
        assert!(asked("bus/t@1", Some(date)).is_err());
    }
}
