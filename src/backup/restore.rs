//! Bringing a backup back, into a private store that is empty.
//!
//! Everything is copied into `<private>/restoring` first and compared with its digest; until all of it is there nothing else is
//! changed, and whoever reads the workspace is told. Then it is moved to its places, which is finished by the next restore if it is
//! killed. What was destroyed since the backup does not come back: the newest backup and the bucket say what that was.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::BackupError;
use super::expire::{Subject, subject};
use super::key_count::KeyCount;
use super::manifest::{self, Holds, KeptFile, Manifest, object};
use super::place::Place;
use super::scan;
use super::status::{self, LastBackup};
use super::verify::{keys, read};
use crate::capture::evidence::remote::Location;
use crate::digest::Digest;
use crate::durable;
use crate::ledger::PurgeRecord;
use crate::pipeline::purged::{self, Intent, PurgedDate};
use crate::pipeline::recorded;
use crate::publish::PublishError;
use crate::publish::bucket::{Bucket, missing_folder};
use crate::time::ServiceDate;
use crate::workspace::stores::{self, Stores};
use crate::workspace::{self, form};

/// In the folder of a restore: all that is to come back.
const ALL: &str = "all";
/// Beside it: says that all of it is there.
const COMPLETE: &str = "complete";
/// What may be in a private store that is empty.
const NOTHING: &[&str] = &["locks", form::NAME, form::RESTORING, scan::RESTORED, status::NAME, purged::ROOM_NAME];

/// What is to be brought back.
#[derive(Clone, Copy)]
pub struct Restore<'a> {
    pub from: &'a Location,
    pub keys_from: Option<&'a Location>,
    /// The newest backup until then; the newest of all if none is given.
    pub at: Option<Timestamp>,
    /// The workspace.
    pub root: &'a Path,
}

/// What was brought back.
#[derive(Debug)]
pub struct Restored {
    /// When the backup was made.
    pub at: Timestamp,
    pub private: PathBuf,
    pub files: u64,
    pub bytes: u64,
    /// How many keys.
    pub keys: KeyCount,
    /// Where the keys are, if they were not to be brought back.
    pub keys_at: Option<String>,
    /// Files of the configuration that were put, and those that are there and differ.
    pub configuration: Vec<String>,
    pub differing: Vec<String>,
    /// Dates that were destroyed since the backup, and files that were left out for that.
    pub purged: BTreeSet<ServiceDate>,
    pub left_out: u64,
    /// Evidence that is kept elsewhere.
    pub elsewhere: Vec<String>,
    /// The bucket, if it is a folder that is not there: no run begins without it.
    pub missing_bucket: Option<PathBuf>,
    /// A restore that had been killed was finished.
    pub is_finished: bool,
}

/// Brings a backup back.
pub fn restore(request: &Restore<'_>) -> Result<Restored, BackupError> {
    let place = opened(request.from, Holds::Data)?;
    let (manifest, newest) = chosen(&place, request.at)?;
    let key_place = request.keys_from.map(|from| opened(from, Holds::Keys)).transpose()?;
    let key_files = match &key_place {
        Some(place) => keys_of(place, &manifest)?,
        None => Vec::new(),
    };
    let stores = stores_of(request.root, &place, &manifest)?;
    let staging = stores.private.join(form::RESTORING);
    let is_finished = staging.join(COMPLETE).exists();
    if !is_finished {
        refuse_full(&stores.private)?;
    }
    let destroyed = Destroyed::find(&place, (&manifest, &newest), &stores)?;
    let all = manifest.files.iter().filter(|file| file.path.starts_with("private/")).map(|file| (&place, file));
    let of_keys = key_place.iter().flat_map(|place| key_files.iter().map(move |file| (place, file)));
    let (files, left_out): (Vec<_>, Vec<_>) = all.chain(of_keys).partition(|(_, file)| !destroyed.has(&file.path));
    if !is_finished {
        let staged = Staged { folder: &staging, root: request.root };
        staged.fill(&files, &destroyed)?;
        let last = LastBackup {
            at: manifest.at,
            place: request.from.shown.clone(),
            manifest: manifest.key(),
            keys_place: manifest.keys_at.clone(),
        };
        status::keep(&staging.join(ALL), &last).map_err(BackupError::io(&staging, "written"))?;
        tracing::info!(stage = "complete", "restore");
        durable::write(&staging.join(COMPLETE), b"").map_err(BackupError::io(&staging, "written"))?;
    }
    let (configuration, differing) = put_configuration(request.root, &place, &manifest)?;
    tracing::info!(stage = "move", "restore");
    move_into(&staging.join(ALL), &stores.private)?;
    // At once: what is left of it by a kill says nothing.
    let done = stores.private.join(scan::RESTORED);
    durable::rename(&staging, &done).map_err(BackupError::io(&staging, "removed"))?;
    fs::remove_dir_all(&done).map_err(BackupError::io(&done, "removed"))?;
    durable::sync_folder(&stores.private).map_err(BackupError::io(&stores.private, "written"))?;
    Ok(Restored {
        at: manifest.at,
        files: files.len() as u64,
        bytes: files.iter().map(|(_, file)| file.bytes).sum(),
        keys: KeyCount::of(files.iter().map(|(_, file)| *file)),
        keys_at: manifest.keys_at.filter(|_| key_place.is_none()),
        configuration,
        differing,
        purged: destroyed.newly,
        left_out: left_out.len() as u64,
        elsewhere: manifest.elsewhere,
        missing_bucket: missing_folder(&stores.bucket),
        private: stores.private,
        is_finished,
    })
}

/// A place that has backups of this kind.
fn opened(location: &Location, holds: Holds) -> Result<Place, BackupError> {
    let place = Place::open(location, false)?;
    let refused = |problem: String, remedy: &str| BackupError::Usage { problem, remedy: remedy.to_owned() };
    let mark = place.mark()?.ok_or_else(|| {
        refused(
            format!("there is no backup at {}", place.shown()),
            "Check the path; the folder has a file 'place.json'.",
        )
    })?;
    match (mark.holds, holds) {
        (Holds::Keys, Holds::Data) => Err(refused(
            format!("{} has keys only", place.shown()),
            "Name it after --keys-from, and the backup after --from.",
        )),
        (Holds::Data, Holds::Keys) => {
            Err(refused(format!("{} has no keys", place.shown()), "Name the place that 'backup --keys-to' named."))
        }
        _ => Ok(place),
    }
}

/// The backup that is to be brought back, and the newest one.
fn chosen(place: &Place, at: Option<Timestamp>) -> Result<(Manifest, Manifest), BackupError> {
    let all = keys(place)?;
    let refused = |problem: String| {
        let remedy = "See 'fahrtenbuch backup list'.".to_owned();
        BackupError::Usage { problem, remedy }
    };
    let is_until = |key: &&String| at.is_none_or(|at| manifest::time_of(key).is_some_and(|of| of <= at));
    let (Some(newest), chosen) = (all.last(), all.iter().rev().find(is_until)) else {
        return Err(refused(format!("there is no backup at {} that was finished", place.shown())));
    };
    let Some(chosen) = chosen else {
        return Err(refused(format!("the backups at {} are all later than that", place.shown())));
    };
    let newest_manifest = match read(place, newest) {
        // A backup of before is there for this.
        Err(BackupError::Damaged { .. }) if chosen != newest => read(place, chosen)?,
        other => other?,
    };
    Ok((read(place, chosen)?, newest_manifest))
}

/// The keys of a store: those of the newest backup of them, which has all that were not destroyed.
fn keys_of(place: &Place, manifest: &Manifest) -> Result<Vec<KeptFile>, BackupError> {
    let Some(newest) = keys(place)?.pop() else { return Ok(Vec::new()) };
    let keys = read(place, &newest)?;
    if keys.store != manifest.store {
        return Err(BackupError::Usage {
            problem: format!("the keys at {} are those of another private store", place.shown()),
            remedy: "Name the place that 'backup --keys-to' named.".to_owned(),
        });
    }
    Ok(keys.files.into_iter().filter(|file| file.path.starts_with("private/keys/")).collect())
}

/// Where the stores lie: by the configuration that is there, or by that of the backup.
fn stores_of(root: &Path, place: &Place, manifest: &Manifest) -> Result<Stores, BackupError> {
    let file = root.join(workspace::FILE);
    let text = match durable::read_to_string(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name = format!("workspace/{}", workspace::FILE);
            let kept = manifest.files.iter().find(|file| file.path == name);
            let kept =
                kept.ok_or_else(|| place.damaged(format!("it has no {}", workspace::FILE), "Bring it yourself"))?;
            let mut bytes = Vec::new();
            fetch(place, kept, &mut bytes)?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
        other => other.map_err(BackupError::io(&file, "read"))?,
    };
    stores::stores(root, &text).map_err(BackupError::Workspace)
}

/// Refuses a private store that has anything.
fn refuse_full(private: &Path) -> Result<(), BackupError> {
    let entries = match fs::read_dir(private) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(BackupError::io(private, "read"))?,
    };
    let mut names: Vec<String> = Vec::new();
    for entry in entries {
        let entry = entry.map_err(BackupError::io(private, "read"))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !NOTHING.contains(&name.as_str()) && has_files(&entry.path()) {
            names.push(name);
        }
    }
    names.sort_unstable();
    match names.is_empty() {
        true => Ok(()),
        false => Err(BackupError::Usage {
            problem: format!("the private store {} is not empty: it has {}", private.display(), names.join(", ")),
            remedy: "Stop what works on it and move it away; what it has captured since is brought in afterwards with \
                     'fahrtenbuch evidence import'."
                .to_owned(),
        }),
    }
}

/// Whether a file or a folder has anything but locks.
fn has_files(path: &Path) -> bool {
    if !path.is_dir() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        return !(name == "lock" || name.ends_with(".lock") || name.starts_with(".tmp"));
    }
    fs::read_dir(path).into_iter().flatten().flatten().any(|entry| has_files(&entry.path()))
}

/// What was destroyed, and is not to come back.
struct Destroyed {
    dates: BTreeSet<ServiceDate>,
    /// What the register is to name.
    lines: Vec<PurgedDate>,
    /// Dates that the backup does not know to be destroyed.
    newly: BTreeSet<ServiceDate>,
    /// Of the evidence of sources.
    hours: BTreeMap<String, Vec<Range<Timestamp>>>,
}

impl Destroyed {
    /// By the newest backup, and by the records that purges have left in the bucket.
    fn find(place: &Place, (chosen, newest): (&Manifest, &Manifest), stores: &Stores) -> Result<Self, BackupError> {
        let known: BTreeSet<ServiceDate> = registered(place, chosen)?.iter().map(|line| line.date).collect();
        let mut lines = registered(place, newest)?;
        let records = records(stores)?;
        lines.extend(records.iter().map(PurgedDate::from));
        lines.sort_by(|one, other| (one.date, one.at, &one.pipeline).cmp(&(other.date, other.at, &other.pipeline)));
        lines.dedup();
        let dates: BTreeSet<ServiceDate> = lines.iter().map(|line| line.date).collect();
        let mut hours: BTreeMap<String, Vec<Range<Timestamp>>> = BTreeMap::new();
        for of in records.iter().flat_map(|record| &record.evidence) {
            if let (Some(first), Some(last)) = (of.first, of.last) {
                let hours = hours.entry(of.source.clone()).or_default();
                hours.push(first..last.saturating_add(jiff::SignedDuration::from_nanos(1)).unwrap_or(last));
            }
        }
        let newly = dates.difference(&known).copied().collect();
        Ok(Self { dates, lines, newly, hours })
    }

    fn has(&self, path: &str) -> bool {
        match subject(path) {
            Some(Subject::Date(date)) => self.dates.contains(&date),
            Some(Subject::Hour(source, hour)) => self
                .hours
                .get(source)
                .is_some_and(|all| all.iter().any(|of| of.start < hour.end && hour.start < of.end)),
            None => false,
        }
    }
}

/// The dates that a backup says were destroyed, or were being destroyed.
fn registered(place: &Place, manifest: &Manifest) -> Result<Vec<PurgedDate>, BackupError> {
    let text = |name: &str| -> Result<Option<Vec<u8>>, BackupError> {
        let Some(file) = manifest.files.iter().find(|file| file.path == name) else { return Ok(None) };
        let mut bytes = Vec::new();
        fetch(place, file, &mut bytes)?;
        Ok(Some(bytes))
    };
    let wrong = |problem: String| place.damaged(problem, "Take an older backup with --at");
    let mut lines = Vec::new();
    if let Some(bytes) = text("private/purged.jsonl")? {
        lines =
            purged::parse(&String::from_utf8_lossy(&bytes)).map_err(|error| wrong(format!("purged.jsonl: {error}")))?;
    }
    if let Some(bytes) = text("private/purging.json")? {
        let intent: Intent = serde_json::from_slice(&bytes).map_err(|error| wrong(format!("purging.json: {error}")))?;
        lines.extend(intent.records.iter().map(PurgedDate::from));
    }
    Ok(lines)
}

/// The records of purges in the bucket.
fn records(stores: &Stores) -> Result<Vec<PurgeRecord>, BackupError> {
    let mut records = Vec::new();
    let bucket = match Bucket::open(&stores.bucket, &stores.bucket_options) {
        // A bucket that is not there has none.
        Err(PublishError::Gone { .. }) => return Ok(records),
        bucket => bucket?,
    };
    for key in bucket.list("ledger/records")? {
        let Some(bytes) = recorded::read(&bucket, &key)? else { continue };
        // Those of runs have another form.
        if let Ok(record) = serde_json::from_slice::<PurgeRecord>(&bytes)
            && record.format.starts_with("fahrtenbuch-purge/")
        {
            records.push(record);
        }
    }
    Ok(records)
}

/// Copies a file of a backup, which must have its digest.
fn fetch(place: &Place, file: &KeptFile, out: &mut dyn io::Write) -> Result<(), BackupError> {
    let key = object(&file.sha256);
    let found = match place.copy(&key, out)? {
        Some(found) if found == (file.bytes, file.sha256) => return Ok(()),
        Some((bytes, _)) if bytes != file.bytes => format!("has {bytes} bytes instead of {}", file.bytes),
        Some((_, found)) => format!("has the SHA-256 {found}"),
        None => "is gone".to_owned(),
    };
    Err(place.damaged(
        format!("{}: '{key}' {found}", file.path),
        "Nothing was restored. Bring the object back from a copy of the place, or take another backup with --at",
    ))
}

/// The folder in which a restore waits.
struct Staged<'a> {
    folder: &'a Path,
    root: &'a Path,
}

impl Staged<'_> {
    /// Copies everything; what a restore that was killed left is copied again.
    fn fill(&self, files: &[(&Place, &KeptFile)], destroyed: &Destroyed) -> Result<(), BackupError> {
        let folder = self.folder;
        let private = folder.parent().unwrap_or(self.root);
        durable::make_private(private).map_err(BackupError::io(private, "made"))?;
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(BackupError::io(folder, "removed")(error));
            }
            _ => {}
        }
        let all = folder.join(ALL);
        durable::create_dir_all(&all).map_err(BackupError::io(&all, "made"))?;
        tracing::info!(stage = "copy", "restore");
        let done = self.copy(&all, files, destroyed);
        if done.is_err() {
            // The store is as it was; what cannot be removed is removed by the next try.
            let _ = fs::remove_dir_all(folder);
        }
        done
    }

    fn copy(&self, all: &Path, files: &[(&Place, &KeptFile)], destroyed: &Destroyed) -> Result<(), BackupError> {
        let mut folders: BTreeSet<PathBuf> = BTreeSet::new();
        for (place, file) in files {
            let path = all.join(file.path.strip_prefix("private/").unwrap_or(&file.path));
            let folder = path.parent().unwrap_or(all).to_owned();
            if folders.insert(folder.clone()) {
                durable::create_dir_all(&folder).map_err(BackupError::io(&folder, "made"))?;
            }
            let mut out: File = durable::create(&path).map_err(BackupError::io(&path, "written"))?;
            fetch(place, file, &mut out)?;
            out.sync_all().map_err(BackupError::io(&path, "written"))?;
        }
        purged::add(all, &destroyed.lines).map_err(BackupError::io(&purged::path(all), "written"))?;
        for folder in &folders {
            durable::sync_folder(folder).map_err(BackupError::io(folder, "written"))?;
        }
        Ok(())
    }
}

/// Puts the files of the configuration that are not there; names those that are and differ.
fn put_configuration(
    root: &Path,
    place: &Place,
    manifest: &Manifest,
) -> Result<(Vec<String>, Vec<String>), BackupError> {
    let (mut put, mut differing) = (Vec::new(), Vec::new());
    for file in &manifest.files {
        let Some(name) = file.path.strip_prefix("workspace/") else { continue };
        let path = root.join(name);
        let failed = |error| BackupError::io(&path, "written")(error);
        match durable::read(&path) {
            Ok(bytes) if Digest::of(&bytes) == file.sha256 => {}
            Ok(_) => differing.push(name.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut bytes = Vec::new();
                fetch(place, file, &mut bytes)?;
                durable::create_public_dir_all(path.parent().unwrap_or(root)).map_err(failed)?;
                durable::write_new(&path, &bytes).map_err(failed)?;
                // Backups of earlier programs do not say it; it may have passwords.
                if let Some(mode) = file.mode {
                    durable::set_mode(&path, mode & 0o777 | 0o600);
                }
                put.push(name.to_owned());
            }
            Err(error) => return Err(failed(error)),
        }
    }
    Ok((put, differing))
}

/// Moves what is in a folder to where it is to stand; folders that are there are gone into. May be repeated.
fn move_into(from: &Path, to: &Path) -> Result<(), BackupError> {
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(BackupError::io(from, "read"))?,
    };
    for entry in entries {
        let entry = entry.map_err(BackupError::io(from, "read"))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() && target.is_dir() {
            true => move_into(&path, &target)?,
            false => durable::rename(&path, &target).map_err(BackupError::io(&target, "written"))?,
        }
    }
    Ok(())
}
