//! Making a backup.

use std::fs::{self, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::copy::{Copied, Copier};
use super::error::BackupError;
use super::expire::{Expired, Expiry, expire};
use super::key_count::KeyCount;
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
use crate::workspace::backups::Others;
use crate::workspace::{self, Workspace, form};

/// Looks at a source or a file that changes while it is copied.
const LOOKS: u32 = 20;
/// Between the first two looks, and between two of them at the most: together they take half a minute.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];

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
    pub keys: Option<KeyCount>,
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
        key_count = Some(KeyCount::of(files.iter()));
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
    let bucket = workspace::backups::location(&workspace.root, &workspace.bucket, workspace.bucket_options.clone());
    let evidence = workspace.evidence.as_ref().map(|remote| remote.place().clone());
    let others =
        Others { root: &workspace.root, private: &workspace.private, bucket: bucket.ok(), evidence: evidence.as_ref() };
    match workspace::backups::mistake(to, keys_to, &others) {
        Some((problem, remedy)) => Err(BackupError::Usage { problem, remedy: remedy.to_owned() }),
        None => Ok(()),
    }
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
    for look in 0..LOOKS {
        match copier.keep(found)? {
            Copied::Kept(kept) => return Ok(Some(kept)),
            Copied::Gone => return Ok(None),
            Copied::Changed => std::thread::sleep(pause_after(look)),
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

/// How long it is waited after so many looks at what changes.
fn pause_after(looks: u32) -> Duration {
    let [first, most] = PAUSES;
    first.saturating_mul(2_u32.saturating_pow(looks)).min(most)
}

/// The evidence: each source as it was at one moment, when nobody appended to it.
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
        kept.append(&mut unchanged(copier, &|| look().map_err(failed)?.map_err(failed))?);
    }
    // What lies beside the sources, as the mark of where sealed evidence goes.
    for found in scan::beside(&workspace.private, "evidence").map_err(failed)? {
        kept.extend(keep_or_pass(copier, &found)?);
    }
    Ok(kept)
}

/// Files as they were at one moment. A seal puts others in their place while they are copied: then they are looked at anew, and those
/// that are still the same are not copied again, so that each look has less to copy than the one before.
fn unchanged(
    copier: &mut Copier<'_>,
    look: &dyn Fn() -> Result<Vec<Found>, BackupError>,
) -> Result<Vec<KeptFile>, BackupError> {
    let mut looks = 0;
    loop {
        let (mut files, mut changed) = (Vec::new(), None);
        for found in look()? {
            match copier.keep(&found)? {
                Copied::Kept(file) => files.push(file),
                Copied::Gone | Copied::Changed => changed = Some(found.path),
            }
        }
        let Some(path) = changed else { return Ok(files) };
        looks += 1;
        if looks >= LOOKS {
            return Err(BackupError::Changing { path });
        }
        std::thread::sleep(pause_after(looks - 1));
    }
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A place, a folder with two files, and a look at them that seals the first away so many times.
    fn looked_at(seals: u32) -> (Result<Vec<KeptFile>, BackupError>, u32) {
        let folder = tempfile::tempdir().unwrap();
        let private = folder.path().join("private");
        let hours = private.join("evidence/bus");
        fs::create_dir_all(&hours).unwrap();
        let path = |number: u32| hours.join(format!("bus-{number}.warc.gz"));
        fs::write(path(0), "first").unwrap();
        fs::write(hours.join("other.warc.gz"), "other").unwrap();
        let location = folder.path().join("place").to_string_lossy().into_owned();
        let location = workspace::backups::location(folder.path(), &location, Default::default()).unwrap();
        let place = Place::open(&location, true).unwrap();
        let mut copier = Copier::new(&place, None).unwrap();
        let looks = Cell::new(0);
        let look = || {
            let found = scan::folder(&private, "evidence/bus").map_err(BackupError::io(&private, "read"));
            let look = looks.replace(looks.get() + 1);
            if look < seals {
                fs::rename(path(look), path(look + 1)).unwrap();
            }
            found
        };
        (unchanged(&mut copier, &look), looks.get())
    }

    #[test]
    fn what_is_sealed_away_is_looked_at_anew() {
        let (kept, looks) = looked_at(6);
        let names: Vec<String> = kept.unwrap().into_iter().map(|file| file.path).collect();
        assert_eq!(names, ["private/evidence/bus/bus-6.warc.gz", "private/evidence/bus/other.warc.gz"]);
        assert_eq!(looks, 7);
    }

    #[test]
    fn looks_are_bounded_and_so_are_the_pauses_between_them() {
        let pauses: Duration = (0..LOOKS).map(pause_after).sum();
        assert!((20..60).contains(&pauses.as_secs()), "{pauses:?}");
        assert_eq!(pause_after(u32::MAX), Duration::from_secs(2));
    }
}
