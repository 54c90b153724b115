//! Where sealed archives are kept elsewhere: a prefix of an S3 bucket or a folder, as a mounted disk.
//!
//! `<store>/<source>/YYYY/MM/DD/<source>-YYYYMMDDTHH-<12 digits of the SHA-256>.warc.zst`. As the digest is in the name, an
//! object is written once, and what is another archive has another name; nothing is ever overwritten. What is fetched is compared
//! with its digest and lies in a cache in the private store, out of which the oldest goes. Calls block, and may come from any thread
//! that is not itself inside an async runtime.

mod cache;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::{
    GetOptions, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, RetryConfig, path,
};
use tokio::runtime::Runtime;

use crate::capture::evidence::stored::Stored;
use crate::capture::{CaptureError, FailureKind};
use crate::digest::{Digest, Digester};
use crate::durable;
use crate::object_stores::{Options, Patience, Unopened, open_s3};
use cache::Cache;

/// Archives up to this go in one request, larger ones in parts of it; so much is held of one.
const PART: u64 = 8 << 20;
/// Between two looks whether the work is to end.
const LOOK: Duration = Duration::from_millis(100);
/// Of requests: a store that is down is tried again by the next call.
const RETRIES: usize = 3;
const RETRY_FOR: Duration = Duration::from_secs(20);
/// An archive of a slow line takes minutes; a line that is silent for long is dead.
const LIMITS: &[(&str, &str)] = &[("timeout", "900 s"), ("read_timeout", "30 s"), ("connect_timeout", "10 s")];

/// What lies in a store that something was stored in, and what the evidence remembers of it: an empty mount point has it not.
const MARK: &str = ".fahrtenbuch-evidence";

/// Where sealed archives go, as it is configured.
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    /// `s3://bucket/prefix`, or the absolute path of the folder.
    pub shown: String,
    /// `None` if it is S3.
    pub folder: Option<PathBuf>,
    /// Settings of the S3 store, secrets among them.
    pub options: Options,
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// The store of sealed archives. It is opened when it is used first.
#[derive(Debug)]
pub struct Remote {
    location: Location,
    cache: Cache,
    client: Mutex<Option<Arc<Client>>>,
    is_known: AtomicBool,
}

#[derive(Debug)]
struct Client {
    store: Arc<dyn ObjectStore>,
    runtime: Runtime,
}

/// Why an archive was not stored.
#[derive(Debug)]
pub(super) enum Undone {
    Stopped,
    /// Another object has its name, or what was read back is not the archive. For people.
    Differs(String),
    Failed(CaptureError),
}

impl From<CaptureError> for Undone {
    fn from(error: CaptureError) -> Self {
        Self::Failed(error)
    }
}

/// An object that a listing has.
pub(super) struct Listed {
    pub key: String,
    pub length: u64,
    /// When it was written last, seconds.
    pub written: i64,
}

/// The name of an object of an archive, relative to the store: the folders as in the evidence, and the name of the object.
pub(super) fn key(archive: &Path, object: &str) -> String {
    let mut folders: Vec<_> = archive.iter().rev().skip(1).take(4).map(|part| part.to_string_lossy()).collect();
    folders.reverse();
    format!("{}/{object}", folders.join("/"))
}

/// The error of an object whose store is not the one that 'evidence' names, or where none is named.
pub(super) fn unnamed(archive: &Path, stored: &Stored) -> CaptureError {
    CaptureError::Permanent {
        kind: FailureKind::Other,
        url: format!("{}/{}", stored.at, key(archive, &stored.object)),
        problem: "a sealed archive is kept there, and 'evidence' in fahrtenbuch.yaml names another place or none"
            .to_owned(),
        remedy: format!(
            "Write 'evidence: {}' with the options that it had; or copy its objects to where 'evidence' says, and run \
             'fahrtenbuch evidence seal --rebuild'",
            stored.at
        ),
    }
}

impl Remote {
    /// `cache` is a folder of the private store, in which at most so many bytes stay of what was fetched.
    pub fn new(location: Location, cache: PathBuf, most: u64) -> Self {
        Self { location, cache: Cache::new(cache, most), client: Mutex::default(), is_known: AtomicBool::new(false) }
    }

    /// As configured, with its options.
    pub fn place(&self) -> &Location {
        &self.location
    }

    /// As configured.
    pub fn location(&self) -> &str {
        &self.location.shown
    }

    /// Makes sure that the store is the one that the evidence of a folder went to before, once: the mount point of a disk that is
    /// not mounted would take what is then hidden below the disk.
    pub(super) fn recognize(&self, evidence: &Path, stop: &dyn Fn() -> bool) -> Result<(), Undone> {
        if self.is_known.load(Ordering::Relaxed) {
            return Ok(());
        }
        let memory = evidence.join(MARK);
        let failed = |source| CaptureError::Evidence { file: memory.clone(), verb: "written", source };
        let (path, client) = (self.path(MARK)?, self.client()?);
        let is_remembered = durable::read(&memory).is_ok_and(|at| at == self.location.shown.as_bytes());
        let done = if is_remembered {
            let head = GetOptions { head: true, ..GetOptions::default() };
            self.run(stop, client.store.get_opts(&path, head))?.map(|_| ())
        } else {
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            let put = client.store.put_opts(&path, bytes::Bytes::from_static(b"sealed evidence\n").into(), options);
            self.run(stop, put)?.map(|_| ())
        };
        match done {
            Ok(()) => {}
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {}
            Err(object_store::Error::NotFound { .. }) if is_remembered => {
                return Err(Undone::Failed(CaptureError::Transient {
                    kind: FailureKind::Refused,
                    url: self.location.shown.clone(),
                    problem: format!("'{MARK}' is not there, which was written there first: this is another store"),
                    remedy: format!("Mount its disk; or, if it is to be a new one, remove {}", memory.display()),
                }));
            }
            Err(error) => return Err(self.failed(MARK, &error).into()),
        }
        if !is_remembered {
            durable::write(&memory, self.location.shown.as_bytes()).map_err(failed)?;
        }
        self.is_known.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Stores a file under a name that nothing has yet. What has it and is the same is left as it is.
    pub(super) fn put(
        &self,
        key: &str,
        file: &Path,
        of: (u64, &Digest),
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Undone> {
        let (length, sha256) = of;
        let unread = |source| CaptureError::Evidence { file: file.to_owned(), verb: "read", source };
        self.make_folder(key)?;
        let path = self.path(key)?;
        let client = self.client()?;
        if length <= PART {
            let bytes = durable::read(file).map_err(unread)?;
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            let put = self.run(stop, client.store.put_opts(&path, bytes.into(), options))?;
            return match put {
                Ok(_) => {
                    self.make_private(key);
                    Ok(())
                }
                Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                    self.verify(key, of, stop)
                }
                Err(error) => Err(self.failed(key, &error).into()),
            };
        }
        // Parts are put together without a look at what is there; by its name that can only be the same archive.
        let head = GetOptions { head: true, ..GetOptions::default() };
        match self.run(stop, client.store.get_opts(&path, head))? {
            Ok(_) => return self.verify(key, of, stop),
            Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(self.failed(key, &error).into()),
        }
        let upload = self.run(stop, client.store.put_multipart(&path))?;
        let mut upload = upload.map_err(|error| self.failed(key, &error))?;
        let written = self.put_parts(key, &mut durable::open_to_read(file).map_err(unread)?, &mut upload, stop);
        if written.is_err() {
            // Parts that nobody finishes cost money; if this fails, too, the first error is the one to tell.
            let _ = client.runtime.block_on(async { tokio::time::timeout(RETRY_FOR, upload.abort()).await });
        }
        let digest = written?;
        if digest != *sha256 {
            return Err(Undone::Differs("the archive was changed while it was stored".to_owned()));
        }
        self.make_private(key);
        Ok(())
    }

    fn put_parts(
        &self,
        key: &str,
        input: &mut File,
        upload: &mut Box<dyn MultipartUpload>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Digest, Undone> {
        let failed = |error: object_store::Error| Undone::Failed(self.failed(key, &error));
        let unread = |source| CaptureError::Evidence { file: PathBuf::from(key), verb: "read", source };
        let mut digester = Digester::default();
        loop {
            let mut bytes = Vec::with_capacity(usize::try_from(PART).unwrap_or(0));
            Read::take(&mut *input, PART).read_to_end(&mut bytes).map_err(unread)?;
            if bytes.is_empty() {
                break;
            }
            digester.update(&bytes);
            self.run(stop, upload.put_part(bytes.into()))?.map_err(failed)?;
        }
        self.run(stop, upload.complete())?.map_err(failed)?;
        Ok(digester.finish())
    }

    /// Reads an object back and makes sure that it has these bytes.
    pub(super) fn verify(&self, key: &str, of: (u64, &Digest), stop: &dyn Fn() -> bool) -> Result<(), Undone> {
        match self.read(key, of, &mut io::sink(), stop) {
            Ok(()) => Ok(()),
            Err(Unread::Undone(undone)) => Err(undone),
            Err(Unread::Gone) => Err(Undone::Differs(format!("there is no object '{key}' after it was written"))),
            Err(Unread::Changed(what)) => Err(Undone::Differs(format!(
                "the object '{key}' {what}; nothing is overwritten: find out who wrote it, and move it away"
            ))),
            Err(Unread::Sink(error)) => Err(self.unusable(error).into()),
        }
    }

    /// The length and the digest of an object.
    pub(super) fn digest(&self, key: &str, length: u64, stop: &dyn Fn() -> bool) -> Result<Digest, Undone> {
        let mut digester = Digester::default();
        match self.copy(key, length, &mut digester, stop) {
            Ok(()) => Ok(digester.finish()),
            Err(Unread::Undone(undone)) => Err(undone),
            Err(Unread::Gone) => Err(Undone::Differs(format!("the object '{key}' is gone"))),
            Err(Unread::Changed(what)) => Err(Undone::Differs(format!("the object '{key}' {what}"))),
            Err(Unread::Sink(error)) => Err(self.unusable(error).into()),
        }
    }

    /// An archive from the cache, into which it is fetched if it is not there.
    pub(super) fn fetch(&self, archive: &Path, stored: &Stored) -> Result<File, CaptureError> {
        let key = &key(archive, &stored.object);
        let url = format!("{}/{key}", stored.at);
        let lost = |problem: String, remedy: &str| CaptureError::Permanent {
            kind: FailureKind::Other,
            url: url.clone(),
            problem,
            remedy: remedy.to_owned(),
        };
        if let Some(file) = self.cache.open(stored).map_err(|error| self.unusable(error))? {
            return Ok(file);
        }
        if stored.at != self.location.shown {
            return Err(unnamed(archive, stored));
        }
        let mut problem = None;
        let fetched = self.cache.fill(stored, &mut |out| {
            self.read(key, (stored.length, &stored.sha256), out, &|| false).map_err(|unread| {
                let text = match unread {
                    Unread::Sink(error) => return error,
                    Unread::Undone(Undone::Failed(error)) => {
                        problem = Some(error);
                        return io::Error::other("the object was not read");
                    }
                    Unread::Undone(Undone::Stopped) => "the work was stopped".to_owned(),
                    Unread::Undone(Undone::Differs(what)) => what,
                    Unread::Gone => "the sealed archive is gone".to_owned(),
                    Unread::Changed(what) => format!("the sealed archive was changed: it {what}"),
                };
                let text = format!("{text}; it was stored and read back at {}", stored.time);
                problem = Some(lost(
                    text,
                    "Restore the object from a backup or an older version of it; its evidence is not anywhere else",
                ));
                io::Error::other("the object was not read")
            })
        });
        fetched.map_err(|error| problem.unwrap_or_else(|| self.unusable(error)))
    }

    /// All objects of a folder of the store.
    pub(super) fn list(&self, folder: &str) -> Result<Vec<Listed>, CaptureError> {
        let client = self.client()?;
        let path = self.path(folder)?;
        let listing = client.store.list(Some(&path)).try_collect::<Vec<ObjectMeta>>();
        let listed = client.runtime.block_on(listing).map_err(|error| self.failed(folder, &error))?;
        let listed = listed.into_iter().map(|object| Listed {
            key: object.location.to_string(),
            length: object.size,
            written: object.last_modified.timestamp(),
        });
        Ok(listed.collect())
    }

    /// The folders of the store: sources.
    pub fn sources(&self) -> Result<Vec<String>, CaptureError> {
        let client = self.client()?;
        let listed = client.runtime.block_on(client.store.list_with_delimiter(None));
        let listed = listed.map_err(|error| self.failed("", &error))?;
        Ok(listed.common_prefixes.iter().filter_map(|folder| folder.filename().map(str::to_owned)).collect())
    }

    /// Removes an object, and what a killed write left of it; it need not be there.
    pub(super) fn remove(&self, key: &str) -> Result<(), CaptureError> {
        let client = self.client()?;
        match client.runtime.block_on(client.store.delete(&self.path(key)?)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(key, &error)),
        }
    }

    /// Removes what killed writes left in a folder of a store that is a folder (`name#1`), which no listing has.
    pub(super) fn sweep(&self, folder: &str, is_its: &dyn Fn(&str) -> bool) -> Result<(), CaptureError> {
        let Some(root) = &self.location.folder else { return Ok(()) };
        for entry in std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.contains('#') && is_its(&name) {
                let path = entry.path();
                let failed = |source| CaptureError::Evidence { file: path.clone(), verb: "removed", source };
                durable::remove_file(&path).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Takes an archive out of the cache.
    pub(super) fn forget(&self, sha256: &Digest) -> Result<(), CaptureError> {
        self.cache.remove(sha256).map_err(|error| self.unusable(error))
    }

    fn unusable(&self, source: io::Error) -> CaptureError {
        CaptureError::Evidence { file: self.cache.folder().to_owned(), verb: "used", source }
    }

    /// Copies an object that must have these bytes.
    fn read(
        &self,
        key: &str,
        (length, sha256): (u64, &Digest),
        out: &mut dyn Write,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Unread> {
        let mut both = Both { digester: Digester::default(), out };
        self.copy(key, length, &mut both, stop)?;
        let found = both.digester.finish();
        match found == *sha256 {
            true => Ok(()),
            false => Err(Unread::Changed(format!("has the SHA-256 {found} instead of {sha256}"))),
        }
    }

    /// Copies an object of this length.
    fn copy(&self, key: &str, length: u64, out: &mut dyn Write, stop: &dyn Fn() -> bool) -> Result<(), Unread> {
        let failed = |error: object_store::Error| match error {
            object_store::Error::NotFound { .. } => Unread::Gone,
            error => Unread::Undone(Undone::Failed(self.failed(key, &error))),
        };
        let client = self.client().map_err(|error| Unread::Undone(error.into()))?;
        let path = self.path(key).map_err(|error| Unread::Undone(error.into()))?;
        let object = self.run(stop, client.store.get(&path)).map_err(Unread::Undone)?.map_err(failed)?;
        if object.meta.size != length {
            return Err(Unread::Changed(format!("has {} bytes instead of {length}", object.meta.size)));
        }
        let mut left = length;
        let copied = self.run(stop, async {
            let mut bytes = object.into_stream();
            while let Some(bytes) = bytes.try_next().await? {
                left = left.saturating_sub(bytes.len() as u64);
                if let Err(error) = out.write_all(&bytes) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        });
        copied.map_err(Unread::Undone)?.map_err(failed)?.map_err(Unread::Sink)?;
        if left == 0 { Ok(()) } else { Err(Unread::Changed(format!("ended {left} bytes early"))) }
    }

    fn client(&self) -> Result<Arc<Client>, CaptureError> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = client.as_ref() {
            return Ok(client.clone());
        }
        let opened = Arc::new(self.open()?);
        *client = Some(opened.clone());
        Ok(opened)
    }

    fn open(&self) -> Result<Client, CaptureError> {
        let shown = &self.location.shown;
        let wrong = |problem: String, remedy: &str| CaptureError::Transient {
            kind: FailureKind::Refused,
            url: shown.clone(),
            problem,
            remedy: remedy.to_owned(),
        };
        let store: Arc<dyn ObjectStore> = match &self.location.folder {
            Some(folder) => {
                // It is not made: the folder of a disk that is not mounted would take what belongs onto the disk.
                if !folder.is_dir() {
                    return Err(wrong(
                        "the folder of 'evidence' is not there".to_owned(),
                        "Mount its disk; or make it, if it is new",
                    ));
                }
                let store = LocalFileSystem::new_with_prefix(folder);
                let store =
                    store.map_err(|error| wrong(error.to_string(), "Check the folder's path and permissions"))?;
                Arc::new(store.with_fsync(true))
            }
            None => {
                let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_FOR, ..RetryConfig::default() };
                let address = shown.strip_prefix("s3://").unwrap_or(shown);
                let store = open_s3(address, &self.location.options, Patience { retry, presets: LIMITS });
                store.map_err(|Unopened { problem, remedy }| wrong(problem, &remedy))?
            }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| wrong(format!("there is no thread for it ({error})"), "Try again"))?;
        Ok(Client { store, runtime })
    }

    /// Does something that ends when it is stopped.
    fn run<T>(&self, stop: &dyn Fn() -> bool, work: impl Future<Output = T>) -> Result<T, Undone> {
        let client = self.client()?;
        client.runtime.block_on(async {
            tokio::select! {
                done = work => Ok(done),
                () = stopped(stop) => Err(Undone::Stopped),
            }
        })
    }

    fn make_folder(&self, key: &str) -> Result<(), CaptureError> {
        let Some(root) = &self.location.folder else { return Ok(()) };
        self.client()?;
        let folder = root.join(key);
        let folder = folder.parent().unwrap_or(root);
        durable::create_dir_all(folder).map_err(|source| CaptureError::Evidence {
            file: folder.to_owned(),
            verb: "made",
            source,
        })
    }

    /// Takes the rights of others from an object of a folder. File systems without modes stay as they are.
    fn make_private(&self, key: &str) {
        if let Some(root) = &self.location.folder {
            let _ = durable::open(OpenOptions::new().read(true), &root.join(key));
        }
    }

    fn path(&self, key: &str) -> Result<path::Path, CaptureError> {
        path::Path::parse(key).map_err(|error| CaptureError::Permanent {
            kind: FailureKind::Other,
            url: format!("{}/{key}", self.location.shown),
            problem: format!("this is no name for an object ({error})"),
            remedy: "Use letters, digits, '-' and '_' in names of sources".to_owned(),
        })
    }

    fn failed(&self, key: &str, error: &object_store::Error) -> CaptureError {
        let url = format!("{}/{key}", self.location.shown);
        let lasting = |status, problem: &str, remedy: &str| CaptureError::Permanent {
            kind: FailureKind::Status(status),
            url: url.clone(),
            problem: problem.to_owned(),
            remedy: remedy.to_owned(),
        };
        match error {
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => lasting(
                403,
                "the store refuses access",
                "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy",
            ),
            object_store::Error::NotFound { .. } => {
                lasting(404, "there is no such bucket", "Check the name in 'evidence', or make it first")
            }
            error => CaptureError::Transient {
                kind: FailureKind::Other,
                url,
                problem: format!("the store failed: {error}"),
                remedy: "Try again when it can be reached".to_owned(),
            },
        }
    }
}

/// Why an object was not read.
enum Unread {
    Undone(Undone),
    Gone,
    /// Completes "it …".
    Changed(String),
    /// What it was copied to failed.
    Sink(io::Error),
}

/// Ends when the work is to end.
async fn stopped(stop: &dyn Fn() -> bool) {
    while !stop() {
        tokio::time::sleep(LOOK).await;
    }
}

struct Both<'a> {
    digester: Digester,
    out: &'a mut dyn Write,
}

impl Write for Both<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write_all(bytes)?;
        self.digester.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
