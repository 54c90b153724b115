//! Opens the files of a folder by their keys, without a way out of it.
//!
//! Folders are opened one inside the other, and symbolic links are not followed: what a key names lies in the folder itself at
//! the moment at which it is opened, whoever changes the folder meanwhile.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use jiff::Timestamp;
use rustix::fs::{Mode, OFlags, openat};

use super::key::Key;
use crate::publish::bucket::headers::digest_in;

/// The folder that is served. It may be missing for a while, as before the first run.
#[derive(Clone, Debug)]
pub(super) struct Folder(pub PathBuf);

/// What is there of a key.
#[derive(Debug)]
pub(super) enum Found {
    Object(Object),
    /// A folder with a page, whose key should end with a slash: links of the page count from there.
    Folder,
    Nothing,
}

/// A file that is open for reading.
#[derive(Debug)]
pub(super) struct Object {
    /// The name of the file that was found.
    pub key: String,
    pub file: File,
    pub bytes: u64,
    /// To the second, as a header tells it.
    pub modified: Timestamp,
    /// With its quotes. Of a file that is named by its digest that and its size, so that it is the same from every copy of the
    /// bucket; else what sets one state of a file apart from any other: the file system's number, the time, the size.
    pub tag: String,
}

impl Folder {
    /// Looks a key up: the file, `index.html` of a folder, or what stands for the key below `iceberg/`.
    pub(super) fn find(&self, key: &Key) -> io::Result<Found> {
        if key.is_folder {
            return Ok(self.object(&key.child("index.html"))?.map_or(Found::Nothing, Found::Object));
        }
        if let Some(object) = self.object(key)? {
            return Ok(Found::Object(object));
        }
        if let Some(stand_in) = key.stand_in() {
            return Ok(self.object(&stand_in)?.map_or(Found::Nothing, Found::Object));
        }
        Ok(match self.object(&key.child("index.html"))? {
            Some(_) => Found::Folder,
            None => Found::Nothing,
        })
    }

    /// The file of a key, if there is one and it is a file.
    fn object(&self, key: &Key) -> io::Result<Option<Object>> {
        let Some(file) = absent(self.open(key))? else { return Ok(None) };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let seconds = metadata.mtime();
        let modified = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
        let key = key.to_string();
        let tag = tag(&key, &metadata);
        Ok(Some(Object { key, file, bytes: metadata.len(), modified, tag }))
    }

    fn open(&self, key: &Key) -> io::Result<File> {
        #[allow(clippy::disallowed_methods, reason = "it is a folder")]
        let mut at = File::open(&self.0)?;
        let mut parts = key.parts().peekable();
        while let Some(part) = parts.next() {
            let flags = match parts.peek() {
                Some(_) => OFlags::DIRECTORY,
                // Opening a pipe would wait for somebody who writes into it.
                None => OFlags::NONBLOCK,
            };
            let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            at = File::from(openat(&at, OsStr::from_bytes(part), flags, Mode::empty())?);
        }
        Ok(at)
    }
}

/// What is not there, is no folder on the way, is a link, or may not be read, is nothing.
fn absent(opened: io::Result<File>) -> io::Result<Option<File>> {
    use rustix::io::Errno;
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::MLINK | Errno::NAMETOOLONG | Errno::NXIO) => {
                Ok(None)
            }
            Some(Errno::ACCESS | Errno::PERM) => {
                tracing::warn!("a file of the bucket may not be read: {error}");
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

fn tag(key: &str, metadata: &Metadata) -> String {
    let name = key.rsplit('/').next().unwrap_or(key);
    match digest_in(name) {
        Some(digest) => format!("\"{digest}-{:x}\"", metadata.len()),
        None => {
            format!("\"{:x}-{:x}.{:x}-{:x}\"", metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(folder: &Folder, path: &str) -> Option<String> {
        match folder.find(&Key::read(path).unwrap()).unwrap() {
            Found::Object(object) => Some(object.key),
            Found::Folder => Some("folder".to_owned()),
            Found::Nothing => None,
        }
    }

    #[test]
    fn files_are_found_and_links_folders_and_pipes_are_not() {
        let root = tempfile::tempdir().unwrap();
        let outside = root.path().join("secret");
        let bucket = root.path().join("bucket");
        std::fs::create_dir_all(bucket.join("iceberg/v1/namespaces")).unwrap();
        std::fs::write(&outside, "secret").unwrap();
        for name in ["index.html", "a.json", "iceberg/v1/namespaces.json", "iceberg/v1/namespaces/bus.json"] {
            std::fs::write(bucket.join(name), name).unwrap();
        }
        std::fs::create_dir(bucket.join("page")).unwrap();
        std::fs::write(bucket.join("page/index.html"), "p").unwrap();
        std::os::unix::fs::symlink(&outside, bucket.join("link")).unwrap();
        std::os::unix::fs::symlink(root.path(), bucket.join("up")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, bucket.join("pipe"), Mode::from_raw_mode(0o600)).unwrap();
        let folder = Folder(bucket);
        for (path, expected) in [
            ("/", Some("index.html")),
            ("/a.json", Some("a.json")),
            ("/a", None),
            ("/a.json/b", None),
            ("/page", Some("folder")),
            ("/page/", Some("page/index.html")),
            ("/iceberg/v1/namespaces", Some("iceberg/v1/namespaces.json")),
            ("/iceberg/v1/namespaces/bus", Some("iceberg/v1/namespaces/bus.json")),
            ("/iceberg/v1/namespaces/train", None),
            ("/iceberg", None),
            ("/link", None),
            ("/up/secret", None),
            ("/pipe", None),
        ] {
            assert_eq!(found(&folder, path).as_deref(), expected, "{path}");
        }
        assert_eq!(found(&folder, &format!("/{}", "a".repeat(300))), None);
        assert_eq!(found(&Folder(root.path().join("none")), "/a.json"), None);
    }

    #[test]
    fn a_tag_changes_with_the_file_and_is_the_digest_where_the_name_has_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder(root.path().to_owned());
        let tag = |name: &str| match folder.find(&Key::read(&format!("/{name}")).unwrap()).unwrap() {
            Found::Object(object) => object.tag,
            other => panic!("{other:?}"),
        };
        std::fs::write(root.path().join("part-0123456789ab.parquet"), "rows").unwrap();
        assert_eq!(tag("part-0123456789ab.parquet"), "\"0123456789ab-4\"");
        std::fs::write(root.path().join("a.json"), "one").unwrap();
        let first = tag("a.json");
        assert_eq!(tag("a.json"), first);
        std::fs::write(root.path().join("b"), "two").unwrap();
        std::fs::rename(root.path().join("b"), root.path().join("a.json")).unwrap();
        assert_ne!(tag("a.json"), first);
    }
}
