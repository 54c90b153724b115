//! Objects of a bucket, with tries: small ones whole, large ones as a digest. Calls of [`BucketReader`] block.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Runtime;

use super::download::pause;
use super::error::GetError;
use super::origin::{Origin, Trouble};
use crate::digest::{Digest, Digester};
use crate::ledger::verify::{ReadError, Reader};

/// Tries of an object.
const TRIES: u32 = 5;
/// Files of a folder whose names are listed: a hundred years of hourly releases have fewer.
const MOST_NAMES: usize = 4_000_000;

/// What one try gave.
type Tried<T> = Result<T, Trouble>;

/// Tries again until it works, or until it will not; nothing if there is no such object.
async fn with_tries<T>(mut attempt: impl AsyncFnMut() -> Tried<T>) -> Result<Option<T>, Stopped> {
    let mut tries = 0;
    loop {
        let (problem, wait): (String, Option<Duration>) = match attempt().await {
            Ok(there) => return Ok(Some(there)),
            Err(Trouble::Absent(_)) => return Ok(None),
            Err(Trouble::Permanent { problem, remedy }) => return Err(Stopped::Permanent { problem, remedy }),
            Err(Trouble::Elsewhere { problem, remedy }) => return Err(Stopped::Elsewhere { problem, remedy }),
            Err(Trouble::TooLong { problem, remedy, read }) => return Err(Stopped::TooLong { problem, remedy, read }),
            Err(Trouble::Again { problem, wait }) => (problem, wait),
            Err(Trouble::Restart(problem)) => (problem, None),
        };
        tries += 1;
        if tries >= TRIES {
            return Err(Stopped::Transient(format!("{problem} (tried {tries} times)")));
        }
        tokio::time::sleep(pause(tries, wait)).await;
    }
}

/// Why there were no more tries.
enum Stopped {
    Transient(String),
    Permanent { problem: String, remedy: &'static str },
    Elsewhere { problem: String, remedy: &'static str },
    TooLong { problem: String, remedy: &'static str, read: u64 },
}

/// A small object, with tries; nothing if it is not there.
pub(super) async fn document(origin: &Origin, key: &str, most: usize) -> Result<Option<Bytes>, GetError> {
    let shown = || origin.shown(key);
    with_tries(async || origin.document(key, most).await).await.map_err(|stopped| match stopped {
        Stopped::Transient(problem) => GetError::transient(shown(), problem),
        Stopped::Permanent { problem, remedy }
        | Stopped::Elsewhere { problem, remedy }
        | Stopped::TooLong { problem, remedy, .. } => GetError::permanent(shown(), problem, remedy),
    })
}

/// The size and the digest of an object, of which no more than `limit` bytes and a chunk are read.
async fn digested(origin: &Origin, key: &str, limit: u64) -> Tried<(u64, Digest)> {
    let mut opened = origin.object(key, 0, None).await?;
    // What is too long is another one, whatever it says.
    if let Some(size) = opened.size.filter(|size| *size > limit) {
        return Ok((size, Digest::of(b"")));
    }
    let (mut digester, mut bytes) = (Digester::default(), 0_u64);
    while bytes <= limit
        && let Some(chunk) = opened.chunk().await?
    {
        digester.update(&chunk);
        bytes += chunk.len() as u64;
    }
    match opened.size {
        None if bytes > limit => {
            let problem = format!("it has more than {limit} bytes");
            Err(Trouble::TooLong { problem, remedy: "Check the address", read: bytes })
        }
        Some(size) if size != bytes => {
            Err(Trouble::Again { problem: "it ended before its end".to_owned(), wait: None })
        }
        _ => Ok((bytes, digester.finish())),
    }
}

/// A bucket, read by a program that does nothing else meanwhile.
#[derive(Debug)]
pub struct BucketReader {
    origin: Origin,
    runtime: Runtime,
}

impl BucketReader {
    /// Opens the address of a bucket, or its folder.
    ///
    /// # Errors
    /// It is none, or the system gives no thread for it.
    pub fn open(address: &str) -> Result<Self, GetError> {
        let origin = Origin::open(address)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| GetError::transient(address, format!("no thread for it ({error})")))?;
        Ok(Self { origin, runtime })
    }

    /// The address of an object as it is told, without a password.
    pub fn shown(&self, key: &str) -> String {
        self.origin.shown(key)
    }
}

impl From<Stopped> for ReadError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Transient(problem) => Self::Transient(problem),
            Stopped::Permanent { problem, .. } => Self::Permanent(problem),
            Stopped::Elsewhere { problem, remedy } => Self::Elsewhere(format!("{problem}. {remedy}")),
            Stopped::TooLong { problem, read, .. } => Self::TooLong { problem, read },
        }
    }
}

impl Reader for BucketReader {
    fn get(&self, key: &str, limit: usize) -> Result<Option<Bytes>, ReadError> {
        let read = self.runtime.block_on(with_tries(async || self.origin.document(key, limit).await));
        Ok(read?)
    }

    fn digest(&self, key: &str, limit: u64) -> Result<Option<(u64, Digest)>, ReadError> {
        let read = self.runtime.block_on(with_tries(async || digested(&self.origin, key, limit).await));
        Ok(read?)
    }

    fn list(&self, folder: &str) -> Result<Option<Vec<String>>, ReadError> {
        let Origin::Folder(root) = &self.origin else { return Ok(None) };
        let mut names = Vec::new();
        list(&root.join(folder), folder, &mut names)?;
        names.sort_unstable();
        Ok(Some(names))
    }
}

/// The names below a folder of all that is no folder. A link to a folder is none of this bucket.
fn list(folder: &Path, name: &str, names: &mut Vec<String>) -> Result<(), ReadError> {
    let failed = |error: std::io::Error| ReadError::Permanent(format!("{}: {error}", folder.display()));
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let own = text(&entry.file_name());
        let name = if name.is_empty() { own } else { format!("{name}/{own}") };
        match entry.file_type().map_err(failed)?.is_dir() {
            true => list(&entry.path(), &name, names)?,
            false if names.len() >= MOST_NAMES => {
                return Err(ReadError::Permanent(format!("it has more than {MOST_NAMES} files")));
            }
            false => names.push(name),
        }
    }
    Ok(())
}

/// The name of a file. Bytes that are no text are escaped, with a mark that no object has in its name.
fn text(name: &OsStr) -> String {
    let mut text = String::new();
    for part in name.as_bytes().utf8_chunks() {
        text.push_str(part.valid());
        for byte in part.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_names_are_listed_whatever_they_are_and_a_link_to_a_folder_is_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("data/a");
        fs::create_dir_all(&place).unwrap();
        for name in [&b"x y"[..], b".x", b"x#", "\u{fc}".as_bytes(), b"x\n", b"x\xff", b"%2e"] {
            fs::write(place.join(OsStr::from_bytes(name)), "").unwrap();
        }
        std::os::unix::fs::symlink("/", place.join("link")).unwrap();
        std::os::unix::fs::symlink("loop", place.join("loop")).unwrap();
        let reader = BucketReader::open(&folder.path().to_string_lossy()).unwrap();
        let names = reader.list("data").unwrap().unwrap();
        let expected =
            ["%2e", ".x", "link", "loop", "x\n", "x y", "x#", "x\\xff", "\u{fc}"].map(|name| format!("data/a/{name}"));
        assert_eq!(names, expected);
        assert_eq!(reader.list("").unwrap().unwrap(), expected);
        assert_eq!(reader.list("none").unwrap().unwrap(), [""; 0]);
        // A link that leads to itself stays so until somebody comes.
        assert!(matches!(reader.get("data/a/loop", 10), Err(ReadError::Permanent(_))));
        assert!(matches!(reader.digest("data/a/loop", 10), Err(ReadError::Permanent(_))));
    }
}
