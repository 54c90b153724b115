//! Open by permission only: the key of a service date, pseudonyms of vehicles, and the columns that may leave.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::contract::{Classification, Contract};
use crate::time::ServiceDate;

/// The keys of the service dates: one file each in the private store, made when first asked for, and to be destroyed
/// together with the evidence of its date.
pub struct DayKeys {
    folder: PathBuf,
}

impl DayKeys {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The key of a service date, if there is one.
    pub fn existing(&self, date: ServiceDate) -> io::Result<Option<[u8; 32]>> {
        read(&self.folder.join(format!("{date}.key")))
    }

    /// The key of a service date: read, or made of random bytes and kept. Two runs that ask at once get the same key.
    pub fn key(&self, date: ServiceDate) -> io::Result<[u8; 32]> {
        let path = self.folder.join(format!("{date}.key"));
        if let Some(key) = read(&path)? {
            return Ok(key);
        }
        fs::create_dir_all(&self.folder)?;
        let mut key = [0; 32];
        let random = rustls::crypto::ring::default_provider().secure_random;
        random.fill(&mut key).map_err(|_| io::Error::other("the system gives no random bytes"))?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        writeln!(file, "{}", crate::digest::Digest(key))?;
        file.as_file().sync_all()?;
        // The file appears whole or not at all, and only if no other run was faster.
        match file.persist_noclobber(&path) {
            Ok(_) => Ok(key),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                read(&path)?.ok_or_else(|| io::Error::other(format!("{} disappeared", path.display())))
            }
            Err(error) => Err(error.error),
        }
    }
}

fn read(path: &Path) -> io::Result<Option<[u8; 32]>> {
    match fs::read_to_string(path) {
        Ok(text) => match crate::digest::Digest::parse(text.trim()) {
            Some(key) => Ok(Some(key.0)),
            None => Err(io::Error::other(format!("{} does not hold a key of 64 hex digits", path.display()))),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Pseudonyms of one service date: the first 16 hex digits of HMAC-SHA256 of an id under the date's key. The same id has
/// the same pseudonym all day and another one the next day.
pub struct Pseudonyms {
    key: [u8; 32],
    known: Mutex<HashMap<String, Arc<str>>>,
}

impl Pseudonyms {
    pub fn new(key: [u8; 32]) -> Self {
        Self { key, known: Mutex::default() }
    }

    pub fn of(&self, id: &str) -> Arc<str> {
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(pseudonym) = known.get(id) {
            return pseudonym.clone();
        }
        // HMAC takes keys of any length, so this cannot fail.
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).map(|mac| mac.chain_update(id).finalize().into_bytes());
        let pseudonym: Arc<str> = mac
            .map(|mac| mac[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>())
            .unwrap_or_default()
            .into();
        known.insert(id.to_owned(), pseudonym.clone());
        pseudonym
    }
}

/// The columns of a batch that the contract classifies as public, in the contract's order; origin fields go, too.
pub fn public_only(contract: &Contract, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let keep: Vec<usize> = contract
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.classification == Classification::Public)
        .map(|(place, _)| place)
        .collect();
    let columns = keep.iter().map(|&place| rows.column(place).clone()).collect();
    RecordBatch::try_new(contract.release_schema(), columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_keeps_its_key_and_another_date_has_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let keys = DayKeys::new(folder.path().join("keys"));
        let (monday, tuesday) = (ServiceDate::new(2026, 11, 23).unwrap(), ServiceDate::new(2026, 11, 24).unwrap());
        let first = keys.key(monday).unwrap();
        assert_eq!(keys.key(monday).unwrap(), first);
        assert_ne!(keys.key(tuesday).unwrap(), first);
        fs::write(folder.path().join("keys/2026-11-23.key"), "short").unwrap();
        assert!(keys.key(monday).unwrap_err().to_string().contains("64 hex digits"));
    }

    #[test]
    fn the_key_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        DayKeys::new(folder.path()).key(ServiceDate::new(2026, 11, 24).unwrap()).unwrap();
        let mode = fs::metadata(folder.path().join("2026-11-24.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn pseudonyms_differ_by_id_and_by_key() {
        let (one, two) = (Pseudonyms::new([1; 32]), Pseudonyms::new([2; 32]));
        assert_eq!(one.of("bus 7"), one.of("bus 7"));
        assert_ne!(one.of("bus 7"), one.of("bus 8"));
        assert_ne!(one.of("bus 7"), two.of("bus 7"));
        assert_eq!(one.of("bus 7").len(), 16);
    }
}
