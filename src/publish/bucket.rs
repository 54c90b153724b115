//! A bucket: a local folder or a prefix of an S3 bucket, with the few operations that publishing needs.
//!
//! Files of data are stored with their SHA-256: S3 keeps it as metadata of the object (`x-amz-meta-sha256`), so that a later
//! run can compare size and digest with one request; a local file is read. An object without that metadata was not written
//! by [`Bucket::put_file`], and is read whole.

mod attributes;
mod bounded;
mod conditional;
pub mod headers;
mod listing;
mod local;
mod location;
mod named;
mod tail;
mod versions;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::{
    Attribute, Attributes, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions,
    WriteMultipart, path,
};
use tokio::runtime::Runtime;

use crate::digest::{Digest, Digester};
use crate::durable;
use crate::object_stores::{Options, Patience, Unopened, open_s3};
use crate::publish::PublishError;

pub use self::attributes::Described;
pub(crate) use self::conditional::Seen;
pub use self::listing::{ONE_PAGE, Object, Page};
pub use self::location::{is_place_of, is_same_place, local_folder, missing_folder, unknown_option};
pub(super) use self::versions::Version;

/// Says what the bucket is.
const FORMAT: &str = "ledger/bucket.json";
/// The metadata of an object that has its SHA-256.
const SHA256: &str = "sha256";
/// Files up to this go into the bucket in one request.
const ONE_REQUEST: u64 = 64 << 20;
/// Files up to this are written without a look whether they are there: what they cost in vain is less than a request for each.
const BLIND: u64 = 8 << 20;
/// The part size of larger ones.
const PART: usize = 16 << 20;

/// Where releases go. Calls block; they may come from any thread that is not itself inside an async runtime.
pub struct Bucket {
    /// As configured, for messages.
    location: String,
    store: Arc<dyn ObjectStore>,
    runtime: Runtime,
    /// The folder of a local bucket.
    folder: Option<PathBuf>,
    /// The newest versions that this program has seen, by folder.
    versions: Mutex<BTreeMap<String, Version>>,
    requests: AtomicU64,
}

/// For so long after its last byte a staged file may still be about to get its name.
const STAGED: std::time::Duration = std::time::Duration::from_secs(3600);

impl Bucket {
    /// Opens a folder (`data/bucket`) or an S3 bucket (`s3://name/prefix`), which must be there. `options` are the settings of
    /// the store: `endpoint`, `region`, `access_key_id`, `secret_access_key`, `allow_http`; what is absent comes from `AWS_*`.
    ///
    /// # Errors
    /// [`PublishError::Gone`] if the folder is not there: an empty one in its place would look as if nothing was published.
    pub fn open(location: &str, options: &Options) -> Result<Self, PublishError> {
        let wrong = |problem: String, remedy: &str| PublishError::Configuration {
            bucket: location.to_owned(),
            problem,
            remedy: remedy.to_owned(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| wrong(format!("no thread for it ({error})"), "Try again."))?;
        if let Some(rest) = location.strip_prefix("s3://") {
            let store = open_s3(rest, options, Patience::default());
            let store = store.map_err(|Unopened { problem, remedy }| wrong(problem, &remedy))?;
            return Ok(Self::of(location, store, runtime, None));
        }
        let folder = local_folder(location).map_err(|(problem, remedy)| wrong(problem, &remedy))?.unwrap_or_default();
        if missing_folder(location).is_some() {
            return Err(PublishError::Gone { bucket: location.to_owned() });
        }
        if !folder.is_dir() {
            return Err(wrong("there is no folder of this name".to_owned(), "Check its path and permissions."));
        }
        let store = LocalFileSystem::new_with_prefix(&folder)
            .map_err(|error| wrong(error.to_string(), "Check the folder's path and permissions."))?;
        let store = Arc::new(store.with_fsync(true));
        Ok(Self::of(location, store, runtime, Some(folder)))
    }

    /// Opens a bucket, and makes its folder if it is not there: for who begins it.
    pub fn make(location: &str, options: &Options) -> Result<Self, PublishError> {
        if let Some(folder) = missing_folder(location) {
            durable::create_public_dir_all(&folder).map_err(|error| PublishError::Configuration {
                bucket: location.to_owned(),
                problem: format!("the folder cannot be made ({error})"),
                remedy: "Check its path and permissions.".to_owned(),
            })?;
        }
        Self::open(location, options)
    }

    fn of(location: &str, store: Arc<dyn ObjectStore>, runtime: Runtime, folder: Option<PathBuf>) -> Self {
        let (location, versions) = (location.to_owned(), Mutex::default());
        Self { location, store, runtime, folder, versions, requests: AtomicU64::new(0) }
    }

    /// A bucket in memory, which gives its names in order as S3 does.
    #[cfg(test)]
    pub fn in_memory() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self::of("memory", Arc::new(object_store::memory::InMemory::new()), runtime, None)
    }

    /// Requests made so far: one for each object read, looked at, written or removed, and one for each thousand names listed.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    fn count(&self, requests: usize) {
        self.requests.fetch_add(requests as u64, Ordering::Relaxed);
    }

    /// The folder of a local bucket.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// As configured.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// The name of the place, whatever it was called in the configuration: what the private store keeps of a bucket is kept by it.
    pub fn place(&self) -> String {
        location::one_name(&self.location)
    }

    /// Whether a place that the private store has kept is this one. Earlier programs kept it as it was configured.
    pub fn is_at(&self, place: &str) -> bool {
        place == self.location || is_same_place(place, &self.location)
    }

    /// Makes sure that the store honours create-only writes, and refuses it where it does not: without them two runs
    /// could overwrite each other's commit. What it tries this with stays: it says what the bucket is.
    pub fn probe(&self) -> Result<(), PublishError> {
        let format = Bytes::from_static(b"{\"format\": \"fahrtenbuch-bucket/2\"}\n");
        let wrong = |problem: &str, remedy: &str| {
            let (problem, remedy) = (problem.to_owned(), remedy.to_owned());
            Err(PublishError::Configuration { bucket: self.location.clone(), problem, remedy })
        };
        self.put_new(FORMAT, format.clone())?;
        if self.put_new(FORMAT, format.clone())? {
            return wrong(
                "the store does not honour create-only writes (If-None-Match)",
                "Use a store that does: AWS S3, Ceph, MinIO, Garage, SeaweedFS, or a local folder.",
            );
        }
        if self.get(FORMAT)?.is_some_and(|there| there != format) {
            return wrong(
                "it was made by another version of this program, which names its files in another way",
                "Publish into a new, empty bucket.",
            );
        }
        Ok(())
    }

    /// Writes an object if there is none of this name; `false` if there is.
    pub fn put_new(&self, key: &str, bytes: Bytes) -> Result<bool, PublishError> {
        self.create(key, bytes, self.attributes(key))
    }

    fn create(&self, key: &str, bytes: Bytes, attributes: Attributes) -> Result<bool, PublishError> {
        let options = PutOptions { mode: PutMode::Create, attributes, ..PutOptions::default() };
        let path = self.path(key)?;
        self.make_folder(key)?;
        self.count(1);
        let put = self.runtime.block_on(self.store.put_opts(&path, bytes.into(), options));
        self.make_public(key);
        match put {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => Ok(false),
            Err(source) => Err(self.failed(key, source)),
        }
    }

    /// Puts a staged file into the bucket under a name that carries its digest; `false` if it was there. What is there under
    /// that name and has other bytes is damaged, and is replaced.
    pub fn put_file(&self, key: &str, file: &Path, digest: &Digest) -> Result<bool, PublishError> {
        let unreadable = |error: std::io::Error| PublishError::Parquet {
            table: file.display().to_string(),
            problem: format!("the staged file cannot be read: {error}"),
        };
        let bytes = std::fs::metadata(file).map_err(unreadable)?.len();
        let mut attributes = self.attributes(key);
        if self.folder.is_none() {
            attributes.insert(Attribute::Metadata(SHA256.into()), digest.to_string().into());
        }
        let path = self.path(key)?;
        // Its name carries its digest, so that a create-only write tells by itself whether it is there.
        if bytes <= BLIND && self.create(key, durable::read(file).map_err(unreadable)?.into(), attributes.clone())? {
            return Ok(true);
        }
        if self.damage_of(key, bytes, digest)?.is_none() {
            return Ok(false);
        }
        self.make_folder(key)?;
        self.count(if bytes <= ONE_REQUEST { 1 } else { bytes.div_ceil(PART as u64) as usize + 2 });
        if bytes <= ONE_REQUEST {
            let bytes = durable::read(file).map_err(unreadable)?;
            let options = PutOptions { attributes, ..PutOptions::default() };
            self.run(key, self.store.put_opts(&path, bytes.into(), options))?;
            self.make_public(key);
            return Ok(true);
        }
        let mut input = durable::open_to_read(file).map_err(unreadable)?;
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let upload = self.run(key, self.store.put_multipart_opts(&path, options))?;
        let written: Result<_, object_store::Error> = self.runtime.block_on(async {
            let mut upload = WriteMultipart::new_with_chunk_size(upload, PART);
            let mut buffer = vec![0; PART];
            loop {
                let read = std::io::Read::read(&mut input, &mut buffer);
                let room = match &read {
                    Ok(_) => upload.wait_for_capacity(4).await,
                    Err(error) => {
                        Err(object_store::Error::Generic { store: "staging", source: error.to_string().into() })
                    }
                };
                if let Err(error) = room {
                    // Parts that nobody finishes cost money; if this fails, too, the first error is the one to tell.
                    let _ = upload.abort().await;
                    return Err(error);
                }
                let read = read.unwrap_or_default();
                if read == 0 {
                    return upload.finish().await;
                }
                upload.write(&buffer[..read]);
            }
        });
        self.make_public(key);
        match written {
            Ok(_) => Ok(true),
            // Where the answer to the last request was lost it is made again, and the upload is not there any more: the object is.
            Err(source) => match self.damage_of(key, bytes, digest) {
                Ok(None) => Ok(true),
                _ => Err(self.upload_failed(key, source)),
            },
        }
    }

    /// An upload in parts that is not there is no bucket that is not there.
    fn upload_failed(&self, key: &str, source: object_store::Error) -> PublishError {
        match source {
            object_store::Error::NotFound { .. } => {
                PublishError::Store { bucket: self.location.clone(), key: key.to_owned(), source: lost_upload(source) }
            }
            source => self.failed(key, source),
        }
    }

    /// What is wrong with an object that should have these bytes: it is gone, has another size or another digest. Reads a
    /// local file; asks S3 for the size and the digest that it keeps with the object.
    pub fn damage_of(&self, key: &str, bytes: u64, digest: &Digest) -> Result<Option<String>, PublishError> {
        let path = self.path(key)?;
        if let Some(problem) = self.no_file(key) {
            return Ok(Some(problem));
        }
        let options = GetOptions { head: true, ..GetOptions::default() };
        self.count(1);
        let object = match self.runtime.block_on(self.store.get_opts(&path, options)) {
            Ok(object) => object,
            Err(object_store::Error::NotFound { .. }) => return Ok(Some("it is gone".to_owned())),
            Err(source) => return Err(self.failed(key, source)),
        };
        if object.meta.size != bytes {
            return Ok(Some(format!("it has {} bytes instead of {bytes}", object.meta.size)));
        }
        let kept = object.attributes.get(&Attribute::Metadata(SHA256.into()));
        let found = match kept.and_then(|kept| Digest::parse(kept)) {
            Some(kept) => kept,
            None => {
                let mut digester = Digester::default();
                match self.read_into(key, &mut digester) {
                    Err(PublishError::Damaged { problem, .. }) => return Ok(Some(problem)),
                    read => read?,
                }
                digester.finish()
            }
        };
        Ok((found != *digest).then(|| format!("its bytes have the SHA-256 {found} instead of {digest}")))
    }

    /// Opens an object for reading at any place, through a copy at `copy` if the bucket is not local.
    pub fn open_file(&self, key: &str, copy: &Path) -> Result<File, PublishError> {
        let failed = |error: std::io::Error| {
            self.failed(key, object_store::Error::Generic { store: "bucket", source: error.into() })
        };
        // It leaves the bucket nowhere.
        self.path(key)?;
        if let Some(folder) = &self.folder {
            self.refuse_no_file(key)?;
            return durable::open_to_read(&folder.join(key)).map_err(|error| self.unread(key, failed(error)));
        }
        self.read_into(key, &mut durable::create(copy).map_err(failed)?)?;
        durable::open_to_read(copy).map_err(failed)
    }

    /// Writes an object's bytes, a few at a time.
    fn read_into(&self, key: &str, out: &mut impl Write) -> Result<(), PublishError> {
        let path = self.path(key)?;
        self.count(1);
        let failed = |error: std::io::Error| object_store::Error::Generic { store: "bucket", source: error.into() };
        if let Some(folder) = &self.folder {
            self.refuse_no_file(key)?;
            let copied = durable::open_to_read(&folder.join(key)).and_then(|mut file| std::io::copy(&mut file, out));
            return copied.map(|_| ()).map_err(|error| self.unread(key, self.failed(key, failed(error))));
        }
        let read = async {
            let mut bytes = self.store.get(&path).await?.into_stream();
            while let Some(bytes) = bytes.try_next().await? {
                out.write_all(&bytes).map_err(failed)?;
            }
            Ok(())
        };
        self.runtime.block_on(read).map_err(|source| match source {
            // It was there a moment ago: a bucket that is not there is told before.
            object_store::Error::NotFound { .. } => {
                PublishError::Damaged { key: key.to_owned(), problem: "it disappeared".to_owned() }
            }
            source => self.failed(key, source),
        })
    }

    /// Removes an object.
    pub fn remove(&self, key: &str) -> Result<(), PublishError> {
        self.count(1);
        match self.runtime.block_on(self.store.delete(&self.path(key)?)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(self.failed(key, source)),
        }
    }

    /// Writes an object that may change, such as `files.json`; leaves it alone if it is the same already.
    pub fn put(&self, key: &str, bytes: Bytes) -> Result<(), PublishError> {
        if self.get(key)?.is_some_and(|there| there == bytes) {
            return Ok(());
        }
        self.overwrite(key, bytes)
    }

    /// Writes an object, whatever is there.
    pub(super) fn overwrite(&self, key: &str, bytes: Bytes) -> Result<(), PublishError> {
        let options = PutOptions { attributes: self.attributes(key), ..PutOptions::default() };
        let path = self.path(key)?;
        self.make_folder(key)?;
        self.count(1);
        let put = self.run(key, self.store.put_opts(&path, bytes.into(), options)).map(|_| ());
        self.make_public(key);
        put
    }

    /// An object's bytes, if it exists.
    pub fn get(&self, key: &str) -> Result<Option<Bytes>, PublishError> {
        let path = self.path(key)?;
        self.refuse_no_file(key)?;
        self.count(1);
        let read = self.runtime.block_on(async { self.store.get(&path).await?.bytes().await });
        match read {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(self.unread(key, self.failed(key, source))),
        }
    }

    /// The names of all objects whose name begins with the folder `prefix`, in order.
    pub fn list(&self, prefix: &str) -> Result<Vec<String>, PublishError> {
        Ok(self.sizes(prefix)?.into_keys().collect())
    }

    /// The names of all objects whose name begins with the folder `prefix`, and their bytes.
    pub fn sizes(&self, prefix: &str) -> Result<BTreeMap<String, u64>, PublishError> {
        let objects = self.list_after(prefix, "")?;
        Ok(objects.into_iter().map(|(name, object)| (name, object.bytes)).collect())
    }

    /// The objects whose name begins with the folder `prefix` and comes after `offset`.
    pub fn list_after(&self, prefix: &str, offset: &str) -> Result<BTreeMap<String, Object>, PublishError> {
        self.objects(prefix, offset, usize::MAX)
    }

    /// At most `count` of the objects whose name begins with the folder `prefix`: those that come next after `after`, or the
    /// first ones if none does. Of a local folder, whose names come in no order and cost nothing, all of them.
    pub fn page(&self, prefix: &str, after: &str, count: usize) -> Result<Page, PublishError> {
        let (after, count) = if self.folder.is_some() { ("", usize::MAX) } else { (after, count) };
        let objects = self.objects(prefix, after, count)?;
        if objects.is_empty() && !after.is_empty() {
            return Ok(Page { behind: Some(after.to_owned()), ..self.page(prefix, "", count)? });
        }
        let end = objects.last_key_value().filter(|_| objects.len() == count).map(|(name, _)| name.clone());
        let sizes = objects.into_iter().map(|(name, object)| (name, object.bytes)).collect();
        Ok(Page { sizes, after: after.to_owned(), behind: None, end })
    }

    /// The names of the folders in the folder `prefix`, without what comes before the last `/`.
    pub fn folders(&self, prefix: &str) -> Result<BTreeSet<String>, PublishError> {
        let path = self.path(prefix)?;
        let listed = self.run(prefix, self.store.list_with_delimiter(Some(&path)))?;
        self.count(listed.common_prefixes.len().div_ceil(ONE_PAGE).max(1));
        Ok(listed.common_prefixes.iter().filter_map(|folder| folder.filename().map(str::to_owned)).collect())
    }

    fn objects(&self, prefix: &str, offset: &str, count: usize) -> Result<BTreeMap<String, Object>, PublishError> {
        let path = self.path(prefix)?;
        let listing = match offset {
            "" => self.store.list(Some(&path)),
            offset => self.store.list_with_offset(Some(&path), &self.path(offset)?),
        };
        let listing = listing
            .map_ok(|object| (object.location.to_string(), Object { bytes: object.size, tag: object.e_tag }))
            .take(count);
        let objects: BTreeMap<String, Object> = self.run(prefix, listing.try_collect())?;
        self.count(objects.len().div_ceil(ONE_PAGE).max(1));
        Ok(objects)
    }

    /// Removes what killed writes left in a local folder (`name#1`). Only while no other run of the private store is at work. Those of
    /// another store may be: what is [young](STAGED) may be theirs, and stays.
    pub fn sweep(&self) {
        fn visit(folder: &Path) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                let name = entry.file_name().to_string_lossy().into_owned();
                if path.is_dir() {
                    visit(&path);
                } else if is_staged(&name) && is_old(&entry) {
                    // If it cannot be removed it is only in the way of tidiness: readers never see it.
                    let _ = std::fs::remove_file(&path);
                }
            }
        }
        if let Some(folder) = &self.folder {
            visit(folder);
        }
    }

    /// Removes what a killed write of these objects left in a local folder (`name#1`). Only for who alone writes them.
    pub fn sweep_staged(&self, names: &[String]) {
        let Some(folder) = &self.folder else { return };
        for name in names {
            let path = folder.join(name);
            let (Some(parent), Some(file)) = (path.parent(), path.file_name().map(|file| file.to_string_lossy()))
            else {
                continue;
            };
            for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
                let other = entry.file_name().to_string_lossy().into_owned();
                if is_staged(&other) && other.rsplit_once('#').is_some_and(|(of, _)| of == file) {
                    let _ = std::fs::remove_file(entry.path());
                }
            }
        }
    }

    /// Makes the folder of an object of a local bucket, readable for a web server whatever the umask.
    fn make_folder(&self, key: &str) -> Result<(), PublishError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let file = folder.join(key);
        // One that was moved away while this was at work is not begun anew.
        if missing_folder(&self.location).is_some() {
            return Err(PublishError::Gone { bucket: self.location.clone() });
        }
        // All else gives way to the file that is moved there.
        if file.is_dir() {
            self.refuse_no_file(key)?;
        }
        durable::create_public_dir_all(file.parent().unwrap_or(&file)).map_err(|error| PublishError::Configuration {
            bucket: self.location.clone(),
            problem: format!("the folder of '{key}' cannot be made ({error})"),
            remedy: "Check the folder's path and permissions.".to_owned(),
        })
    }

    /// Makes an object of a local bucket readable for a web server.
    fn make_public(&self, key: &str) {
        if let Some(file) = self.folder.as_ref().map(|folder| folder.join(key)).filter(|file| file.exists()) {
            durable::make_public(&file);
        }
    }

    fn path(&self, key: &str) -> Result<path::Path, PublishError> {
        path::Path::parse(key).map_err(|error| PublishError::Configuration {
            bucket: self.location.clone(),
            problem: format!("'{}' is no name for an object ({error})", key.escape_debug()),
            remedy: "Use letters, digits, '-' and '_' in names of pipelines and tables.".to_owned(),
        })
    }

    /// Folders have no attributes; S3 gives what it is told here to readers.
    fn attributes(&self, key: &str) -> Attributes {
        if self.folder.is_some() {
            return Attributes::new();
        }
        Attributes::from_iter([
            (Attribute::ContentType, headers::content_type(key)),
            (Attribute::CacheControl, headers::cache_control(key)),
        ])
    }

    fn run<T>(&self, key: &str, work: impl Future<Output = Result<T, object_store::Error>>) -> Result<T, PublishError> {
        self.runtime.block_on(work).map_err(|source| self.failed(key, source))
    }

    fn failed(&self, key: &str, source: object_store::Error) -> PublishError {
        let wrong = |problem: &str, remedy: &str| PublishError::Configuration {
            bucket: self.location.clone(),
            problem: format!("{problem} at '{key}'"),
            remedy: remedy.to_owned(),
        };
        match &source {
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                wrong("access is refused", "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy")
            }
            // An object that is absent is asked for elsewhere; here it is the bucket itself.
            object_store::Error::NotFound { .. } => {
                wrong("there is no such bucket", "Check its name, or make it first")
            }
            _ if is_forbidden(&source) => wrong("the folder may not be read or written", "Check its permissions"),
            _ => PublishError::Store { bucket: self.location.clone(), key: key.to_owned(), source },
        }
    }
}

/// The error of an upload that the store has forgotten: it may be begun anew.
fn lost_upload(source: object_store::Error) -> object_store::Error {
    object_store::Error::Generic { store: "upload", source: Box::new(source) }
}

/// Whether a file is one that is about to get its name, or that a killed write left: `name#1`.
fn is_staged(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether nobody can be writing a file any more. One of the future was written by a wrong clock.
fn is_old(entry: &std::fs::DirEntry) -> bool {
    let modified = entry.metadata().and_then(|found| found.modified());
    modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age >= STAGED))
}

/// Whether it was the file system that said no.
fn is_forbidden(error: &object_store::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::PermissionDenied) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests;
