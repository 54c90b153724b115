//! A place of backups: a folder, as of another disk, or a prefix of an S3 bucket. Calls block.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, path};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use super::error::BackupError;
use super::manifest::{FORMAT, Holds, is_newer};
use crate::capture::evidence::remote::Location;
use crate::digest::{Digest, Digester};
use crate::durable;
use crate::object_stores::{Patience, Unopened, open_s3};

/// Objects up to this go in one request, larger ones in parts of it; so much is held of one.
const PART: u64 = 8 << 20;
/// Says whose place it is.
const MARK: &str = "place.json";
/// A slow line takes long for a large object; one that is silent for long is dead.
const LIMITS: &[(&str, &str)] = &[("timeout", "900 s"), ("read_timeout", "30 s"), ("connect_timeout", "10 s")];

/// What `place.json` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub format: String,
    /// The id of the private store whose backups these are.
    pub store: String,
    pub holds: Holds,
}

/// A place, opened.
pub struct Place {
    shown: String,
    folder: Option<PathBuf>,
    store: Arc<dyn ObjectStore>,
    runtime: Runtime,
}

/// An object as a listing has it.
pub(super) struct Object {
    pub bytes: u64,
    /// When it was written last, seconds.
    pub written: i64,
}

impl Place {
    /// Opens a place that is there; one that is a folder may be made.
    pub fn open(location: &Location, is_made: bool) -> Result<Self, BackupError> {
        let shown = location.shown.clone();
        let wrong = |problem: String, remedy: &str| BackupError::Place {
            place: shown.clone(),
            problem,
            remedy: remedy.to_owned(),
            is_transient: true,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| wrong(format!("there is no thread for it ({error})"), "Try again"))?;
        let store: Arc<dyn ObjectStore> = match &location.folder {
            Some(folder) => {
                if is_made {
                    durable::create_dir_all(folder).map_err(BackupError::io(folder, "made"))?;
                }
                if !folder.is_dir() {
                    return Err(wrong("there is no such folder".to_owned(), "Mount its disk, or correct the path"));
                }
                let store = LocalFileSystem::new_with_prefix(folder);
                let store =
                    store.map_err(|error| wrong(error.to_string(), "Check the folder's path and permissions"))?;
                Arc::new(store.with_fsync(true))
            }
            None => {
                let address = shown.strip_prefix("s3://").unwrap_or(&shown);
                let patience = Patience { presets: LIMITS, ..Patience::default() };
                let store = open_s3(address, &location.options, patience);
                store.map_err(|Unopened { problem, remedy }| BackupError::Usage {
                    problem: format!("the backup at {shown}: {problem}"),
                    remedy,
                })?
            }
        };
        Ok(Self { shown, folder: location.folder.clone(), store, runtime })
    }

    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// What the place says of itself; nothing if nothing was ever backed up there.
    pub(super) fn mark(&self) -> Result<Option<Mark>, BackupError> {
        let Some(bytes) = self.get(MARK)? else { return Ok(None) };
        let damaged = |problem: String| self.damaged(problem, "Bring the file back from a copy of the place");
        if let Some(found) = is_newer(&bytes) {
            return Err(self.newer(&found));
        }
        serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(format!("{MARK} cannot be read: {error}")))
    }

    /// Makes the place that of a store; refuses that of another one.
    pub(super) fn take(&self, store: &str, holds: Holds, is_known: bool) -> Result<(), BackupError> {
        let refused = |problem: String, remedy: &str| {
            let remedy = remedy.to_owned();
            Err(BackupError::Usage { problem, remedy })
        };
        let mark = Mark { format: FORMAT.to_owned(), store: store.to_owned(), holds };
        match self.mark()? {
            Some(found) if found == mark => Ok(()),
            Some(found) if found.holds != holds => {
                let what = if found.holds == Holds::Keys { "the keys" } else { "a backup without keys" };
                refused(
                    format!("{} has {what}; both in one place would undo pseudonyms", self.shown),
                    "Give each a place of its own.",
                )
            }
            Some(found) => refused(
                format!("{} has the backups of another private store ({})", self.shown, found.store),
                "Give each store a place of its own; or restore that store, if this one is to go on with it.",
            ),
            None if is_known => Err(BackupError::Place {
                place: self.shown.clone(),
                problem: format!(
                    "{MARK} is not there, and this store was backed up there before: this is another place"
                ),
                remedy: "Mount its disk; if the backups are lost, remove 'backup.json' from the private store"
                    .to_owned(),
                is_transient: true,
            }),
            None => {
                let bytes = serde_json::to_vec(&mark).map_err(|error| self.damaged(error.to_string(), "Report it"))?;
                self.put_new(MARK, bytes.into()).map(|_| ())
            }
        }
    }

    /// An object's bytes, if it exists.
    pub(super) fn get(&self, key: &str) -> Result<Option<Bytes>, BackupError> {
        let path = self.path(key)?;
        let read = self.runtime.block_on(async { self.store.get(&path).await?.bytes().await });
        match read {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(key, &error)),
        }
    }

    /// Writes an object if there is none of this name; `false` if there is.
    pub(super) fn put_new(&self, key: &str, bytes: Bytes) -> Result<bool, BackupError> {
        self.make_folder(key)?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.runtime.block_on(self.store.put_opts(&self.path(key)?, bytes.into(), options)) {
            Ok(_) => {
                self.make_private(key);
                Ok(true)
            }
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => Ok(false),
            Err(error) => Err(self.failed(key, &error)),
        }
    }

    /// Replaces an object.
    pub(super) fn put(&self, key: &str, bytes: Bytes) -> Result<(), BackupError> {
        self.make_folder(key)?;
        let put = self.runtime.block_on(self.store.put(&self.path(key)?, bytes.into()));
        self.make_private(key);
        put.map(|_| ()).map_err(|error| self.failed(key, &error))
    }

    /// Writes what can be read as an object, in parts; gives the length and the digest of what was read. An error of the reader
    /// comes back as it is.
    pub(super) fn put_stream(&self, key: &str, from: &mut dyn Read) -> Result<io::Result<(u64, Digest)>, BackupError> {
        let mut first = Vec::new();
        if let Err(error) = Read::take(&mut *from, PART).read_to_end(&mut first) {
            return Ok(Err(error));
        }
        if (first.len() as u64) < PART {
            let done = (first.len() as u64, Digest::of(&first));
            self.put(key, first.into())?;
            return Ok(Ok(done));
        }
        self.make_folder(key)?;
        let path = self.path(key)?;
        let upload = self.runtime.block_on(self.store.put_multipart(&path));
        let mut upload = upload.map_err(|error| self.failed(key, &error))?;
        let (mut length, mut digester) = (0, Digester::default());
        let mut part = first;
        let written: Result<io::Result<()>, object_store::Error> = loop {
            if part.is_empty() {
                break self.runtime.block_on(upload.complete()).map(|_| Ok(()));
            }
            length += part.len() as u64;
            digester.update(&part);
            if let Err(error) = self.runtime.block_on(upload.put_part(std::mem::take(&mut part).into())) {
                break Err(error);
            }
            if let Err(error) = Read::take(&mut *from, PART).read_to_end(&mut part) {
                break Ok(Err(error));
            }
        };
        if !matches!(written, Ok(Ok(()))) {
            // Parts that nobody finishes cost money; if this fails, too, the first error is the one to tell.
            let _ = self.runtime.block_on(upload.abort());
        }
        self.make_private(key);
        let written = written.map_err(|error| self.failed(key, &error))?;
        Ok(written.map(|()| (length, digester.finish())))
    }

    /// Copies an object and gives its length and digest; nothing if it is not there.
    pub(super) fn copy(&self, key: &str, out: &mut dyn Write) -> Result<Option<(u64, Digest)>, BackupError> {
        let path = self.path(key)?;
        let (mut length, mut digester) = (0, Digester::default());
        let copied = self.runtime.block_on(async {
            let mut bytes = self.store.get(&path).await?.into_stream();
            while let Some(bytes) = bytes.try_next().await? {
                length += bytes.len() as u64;
                digester.update(&bytes);
                if let Err(error) = out.write_all(&bytes) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        });
        match copied {
            Ok(Ok(())) => Ok(Some((length, digester.finish()))),
            Ok(Err(error)) => Err(BackupError::io(Path::new(key), "copied")(error)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(key, &error)),
        }
    }

    /// The length and the digest of an object, which is read.
    pub(super) fn digest(&self, key: &str) -> Result<Option<(u64, Digest)>, BackupError> {
        self.copy(key, &mut io::sink())
    }

    /// All objects of a folder, by name.
    pub(super) fn list(&self, folder: &str) -> Result<BTreeMap<String, Object>, BackupError> {
        let path = self.path(folder)?;
        let listing = self.store.list(Some(&path)).try_collect::<Vec<ObjectMeta>>();
        let listed = self.runtime.block_on(listing).map_err(|error| self.failed(folder, &error))?;
        let object = |of: ObjectMeta| {
            (of.location.to_string(), Object { bytes: of.size, written: of.last_modified.timestamp() })
        };
        Ok(listed.into_iter().map(object).collect())
    }

    /// Removes an object, which need not be there.
    pub(super) fn remove(&self, key: &str) -> Result<(), BackupError> {
        match self.runtime.block_on(self.store.delete(&self.path(key)?)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(key, &error)),
        }
    }

    /// Removes what killed writes left in a folder (`name#1`), which no listing has. While no other backup is at work.
    pub(super) fn sweep(&self) {
        let Some(root) = &self.folder else { return };
        let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
        let folders =
            entries(&root.join("objects")).map(|entry| entry.path()).chain([root.join("backups"), root.clone()]);
        for folder in folders {
            for entry in entries(&folder).filter(|entry| entry.file_name().to_string_lossy().contains('#')) {
                // What cannot be removed is only in the way of tidiness.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    pub(super) fn damaged(&self, problem: String, remedy: &str) -> BackupError {
        BackupError::Damaged { place: self.shown.clone(), problem, remedy: remedy.to_owned() }
    }

    pub(super) fn newer(&self, found: &str) -> BackupError {
        BackupError::Usage {
            problem: format!(
                "the backup at {} was written by a newer version of this program ({found}, this one knows {FORMAT})",
                self.shown
            ),
            remedy: "Use that version or a later one".to_owned(),
        }
    }

    fn make_folder(&self, key: &str) -> Result<(), BackupError> {
        let Some(file) = self.folder.as_ref().map(|folder| folder.join(key)) else { return Ok(()) };
        let folder = file.parent().unwrap_or(&file);
        durable::create_dir_all(folder).map_err(BackupError::io(folder, "made"))
    }

    /// Takes the rights of others from an object of a folder. File systems without modes stay as they are.
    fn make_private(&self, key: &str) {
        if let Some(root) = &self.folder {
            let _ = durable::open(OpenOptions::new().read(true), &root.join(key));
        }
    }

    fn path(&self, key: &str) -> Result<path::Path, BackupError> {
        path::Path::parse(key).map_err(|error| self.damaged(format!("'{key}' is no name ({error})"), "Report it"))
    }

    fn failed(&self, key: &str, error: &object_store::Error) -> BackupError {
        let (problem, remedy, is_transient) = match error {
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => (
                format!("access to '{key}' is refused"),
                "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, and who may write there",
                false,
            ),
            object_store::Error::NotFound { .. } => {
                ("there is no such bucket".to_owned(), "Check its name, or make it first", false)
            }
            error => (format!("'{key}' failed: {error}"), "Try again when it can be reached", true),
        };
        BackupError::Place { place: self.shown.clone(), problem, remedy: remedy.to_owned(), is_transient }
    }
}
