//! Making a backup.

use std::fs::{self, OpenOptions, TryLockError};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::copy::{Copied, Copier};
use super::error::BackupError;
use super::expire::{Expired, Expiry, expire};
use super::manifest::{self, FORMAT, Holds, KeptFile, Manifest};
use super::place::Place;
use super::scan::{self, Found};
use super::status::{self, LastBackup};
use super::verify::newest;
use crate::capture::collector::Collector;
use crate::capture::evidence::Store;
use crate::capture::evidence::remote::Location;
use crate::durable;
use crate::pipeline::FeedOrigin;
use crate::pipeline::run::Lock;
use crate::workspace::{self, Workspace, form};

/// Looks at a source or a folder that changes while it is copied.
const LOOKS: u32 = 20;

/// What is to be backed up, and where to.
#[derive(Clone, Copy)]
pub struct Backup<'a> {
    pub workspace: &'a Workspace,
    pub to: &'a Location,
    /// A place of its own; without it the keys are in no backup.
    pub keys_to: Option<&'a Location>,
}

/// What was backed up.
#[derive(Debug)]
pub struct Report {
    pub at: Timestamp,
    /// The name of the manifest.
    pub manifest: String,
    /// Files and bytes of the backup, without the keys.
    pub files: u64,
    pub bytes: u64,
    /// What was not there yet, keys included.
    pub new_objects: u64,
    pub new_bytes: u64,
    /// How many keys; nothing if they are in no backup.
    pub keys: Option<u64>,
    /// Evidence that is kept elsewhere.
    pub elsewhere: Vec<String>,
    pub expired: Expired,
}

/// Backs a private store up. Purges wait until it is done; runs and collectors go on.
pub fn backup(request: &Backup<'_>) -> Result<Report, BackupError> {
    let Backup { workspace, to, keys_to } = *request;
    refuse_places(request)?;
    let private = &workspace.private;
    let form = form::open(private)?;
    let mut lock = Lock::take(workspace)?;
    lock.share(|| {})?;
    let _mine = only_one(private)?;
    let last = status::last(private).map_err(BackupError::io(&private.join(status::NAME), "read"))?;
    let is_known = |location: &Location, keys: bool| {
        let last = last.as_ref();
        let place = last.and_then(|last| if keys { last.keys_place.as_ref() } else { Some(&last.place) });
        place == Some(&location.shown)
    };
    let place = Place::open(to, !is_known(to, false))?;
    place.take(&form.id, Holds::Data, is_known(to, false))?;
    let keys_place = keys_to.map(|keys_to| Place::open(keys_to, !is_known(keys_to, true))).transpose()?;
    if let (Some(place), Some(keys_to)) = (&keys_place, keys_to) {
        place.take(&form.id, Holds::Keys, is_known(keys_to, true))?;
        place.sweep();
    }
    place.sweep();
    let _no_purge = lock.purging()?;
    let at = free_time(&place, keys_place.as_ref())?;
    let mut copier = Copier::new(&place, newest(&place)?.map(|(_, manifest)| manifest))?;
    let mut files = small_files(workspace, &mut copier)?;
    // Before evidence, which takes long, and after the journal, which names them.
    let keys = keys_place.as_ref().map(|place| keys(private, place)).transpose()?;
    files.append(&mut evidence(workspace, &mut copier)?);
    let elsewhere = elsewhere(workspace);
    let manifest = |holds: Holds, files: Vec<KeptFile>| Manifest {
        format: FORMAT.to_owned(),
        at,
        store: form.id.clone(),
        holds,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        private: configured(workspace),
        keys_at: keys_place.as_ref().map(|place| place.shown().to_owned()),
        elsewhere: if holds == Holds::Data { elsewhere.clone() } else { Vec::new() },
        files,
    };
    let (mut new_objects, mut new_bytes) = (copier.new_objects, copier.new_bytes);
    let mut key_count = None;
    // The keys first: a backup that is there has its keys.
    if let (Some(place), Some((files, copied))) = (&keys_place, keys) {
        key_count = Some(files.len() as u64);
        new_objects += copied.0;
        new_bytes += copied.1;
        write(place, &manifest(Holds::Keys, files))?;
    }
    let manifest = manifest(Holds::Data, files);
    write(&place, &manifest)?;
    let last = LastBackup {
        at,
        place: to.shown.clone(),
        manifest: manifest.key(),
        keys_place: keys_place.as_ref().map(|place| place.shown().to_owned()),
    };
    status::keep(private, &last).map_err(BackupError::io(&private.join(status::NAME), "written"))?;
    let expiry = Expiry::of(workspace)?;
    let mut expired = expire(&place, &expiry)?;
    if let Some(place) = &keys_place {
        expired.add(&expire(place, &expiry)?);
    }
    Ok(Report {
        at,
        manifest: manifest.key(),
        files: manifest.files.len() as u64,
        bytes: manifest.files.iter().map(|file| file.bytes).sum(),
        new_objects,
        new_bytes,
        keys: key_count,
        elsewhere,
        expired,
    })
}

/// A place that anybody reads, or that has what is to be kept apart from it.
fn refuse_places(request: &Backup<'_>) -> Result<(), BackupError> {
    let Backup { workspace, to, keys_to } = *request;
    let refused = |problem: String| {
        let remedy = "Name a place of its own, as a folder of another disk or 's3://bucket/prefix'.".to_owned();
        Err(BackupError::Usage { problem, remedy })
    };
    let bucket = workspace::backups::location(&workspace.root, &workspace.bucket, workspace.bucket_options.clone());
    let bucket = bucket.ok();
    let private = Location {
        shown: workspace.private.display().to_string(),
        folder: Some(workspace.private.clone()),
        options: Default::default(),
    };
    for place in [Some(to), keys_to].into_iter().flatten() {
        if bucket.as_ref().is_some_and(|bucket| workspace::meet(place, bucket)) {
            return refused(format!("{} and the public bucket lie in each other: it would be published", place.shown));
        }
        if workspace::meet(place, &private) {
            return refused(format!(
                "{} and the private store lie in each other: both would be lost at once",
                place.shown
            ));
        }
        let folder = place.folder.as_ref();
        if folder.is_some_and(|folder| workspace.root.starts_with(folder) || is_same(folder, &workspace.root)) {
            return refused(format!("the workspace lies in {}", place.shown));
        }
    }
    let evidence = workspace.evidence.as_ref().map(|remote| remote.place().clone());
    if let Some(keys_to) = keys_to {
        let apart = [Some(to), evidence.as_ref()].into_iter().flatten();
        if let Some(other) = apart.into_iter().find(|other| workspace::meet(keys_to, other)) {
            return refused(format!(
                "the keys at {} and the evidence at {} lie in each other: together they undo pseudonyms",
                keys_to.shown, other.shown
            ));
        }
    }
    if evidence.as_ref().is_some_and(|evidence| workspace::meet(to, evidence)) {
        return refused(format!("{} and the place of 'evidence' lie in each other", to.shown));
    }
    Ok(())
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

/// The right to back a store up, which one process has at a time.
fn only_one(private: &Path) -> Result<fs::File, BackupError> {
    let path = private.join("locks").join("backup");
    let file = durable::open(OpenOptions::new().create(true).truncate(false).write(true), &path);
    let file = file.map_err(BackupError::io(&path, "locked"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BackupError::Busy),
        Err(TryLockError::Error(error)) => Err(BackupError::io(&path, "locked")(error)),
    }
}

/// The first second from now on of which there is no backup.
fn free_time(place: &Place, keys: Option<&Place>) -> Result<Timestamp, BackupError> {
    let mut times: Vec<Timestamp> = Vec::new();
    for place in [Some(place), keys].into_iter().flatten() {
        times.extend(place.list(manifest::FOLDER)?.keys().filter_map(|key| manifest::time_of(key)));
    }
    let mut at = Timestamp::from_second(crate::time::now().as_second()).unwrap_or_default();
    while times.contains(&at) {
        at = at.saturating_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX);
    }
    Ok(at)
}

fn write(place: &Place, manifest: &Manifest) -> Result<(), BackupError> {
    match place.put_new(&manifest.key(), manifest.to_bytes())? {
        true => Ok(()),
        false => Err(BackupError::Busy),
    }
}

/// The private store as the configuration would name it.
fn configured(workspace: &Workspace) -> String {
    let private = workspace.private.strip_prefix(&workspace.root).unwrap_or(&workspace.private);
    private.to_string_lossy().into_owned()
}

/// The configuration, and the private store without evidence and keys.
fn small_files(workspace: &Workspace, copier: &mut Copier<'_>) -> Result<Vec<KeptFile>, BackupError> {
    let root = &workspace.root;
    let configuration = scan::configuration(root).map_err(BackupError::io(root, "read"))?;
    let private = &workspace.private;
    let private = scan::private(private).map_err(BackupError::io(private, "read"))?;
    let mut kept = Vec::new();
    for found in configuration.into_iter().chain(private) {
        kept.extend(keep_or_pass(copier, &found)?);
    }
    Ok(kept)
}

/// A file that is gone is not there any more, which is what a backup of a moment later would say.
fn keep_or_pass(copier: &mut Copier<'_>, found: &Found) -> Result<Option<KeptFile>, BackupError> {
    for _ in 0..LOOKS {
        match copier.keep(found)? {
            Copied::Kept(kept) => return Ok(Some(kept)),
            Copied::Gone => return Ok(None),
            Copied::Changed => {}
        }
    }
    Err(BackupError::Changing { path: found.path.clone() })
}

/// The keys, and what was new of them.
type Keys = (Vec<KeptFile>, (u64, u64));

fn keys(private: &Path, place: &Place) -> Result<Keys, BackupError> {
    let mut copier = Copier::new(place, newest(place)?.map(|(_, manifest)| manifest))?;
    let mut kept = Vec::new();
    for found in scan::folder(private, "keys").map_err(BackupError::io(&private.join("keys"), "read"))? {
        kept.extend(keep_or_pass(&mut copier, &found)?);
    }
    Ok((kept, (copier.new_objects, copier.new_bytes)))
}

/// The evidence: each source as it was at one moment, when nobody appended to it. What is sealed meanwhile is looked at again.
fn evidence(workspace: &Workspace, copier: &mut Copier<'_>) -> Result<Vec<KeptFile>, BackupError> {
    let folder = Collector::evidence(&workspace.private);
    let store = Store::new(&folder);
    let failed = |error| BackupError::io(&folder, "read")(error);
    let mut kept = Vec::new();
    if !folder.is_dir() {
        return Ok(kept);
    }
    for source in store.folders()? {
        let name = format!("evidence/{source}");
        let look = || store.while_quiet(&source, || scan::folder(&workspace.private, &name));
        let mut found = look().map_err(failed)?.map_err(failed)?;
        for round in 0.. {
            let (mut files, mut is_changed) = (Vec::new(), None);
            for found in &found {
                match copier.keep(found)? {
                    Copied::Kept(file) => files.push(file),
                    Copied::Gone | Copied::Changed => {
                        is_changed = Some(found.path.clone());
                        break;
                    }
                }
            }
            match is_changed {
                None => {
                    kept.append(&mut files);
                    break;
                }
                Some(path) if round >= LOOKS => return Err(BackupError::Changing { path }),
                Some(_) => found = look().map_err(failed)?.map_err(failed)?,
            }
        }
    }
    // What lies beside the sources, as the mark of where sealed evidence goes.
    for found in scan::beside(&workspace.private, "evidence").map_err(failed)? {
        kept.extend(keep_or_pass(copier, &found)?);
    }
    Ok(kept)
}

/// Evidence that is not in the private store.
fn elsewhere(workspace: &Workspace) -> Vec<String> {
    let mut places: Vec<String> = workspace.evidence.iter().map(|remote| remote.location().to_owned()).collect();
    for feed in workspace.pipelines.iter().flat_map(|pipeline| &pipeline.feeds) {
        if let FeedOrigin::Evidence(folder) = &feed.from
            && !workspace::lie_in_each_other(&folder.path, &workspace.private)
        {
            places.push(folder.path.display().to_string());
        }
    }
    places.sort_unstable();
    places.dedup();
    places
}
