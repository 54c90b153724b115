//! What the log has beside releases, and no table: destructions and changes of the keys that sign it, each by the digest of its record.

use crate::digest::Digest;
use crate::ledger::keys::{KEYS, KeyState, PublicKey, PublicKeys};
use crate::ledger::{KeyAct, KeyRecord, PurgeRecord, record_key};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::log::{self, Entry, Newest, RecordKind};

/// Bytes of a record, and of the list of keys.
const LONGEST: usize = 1 << 20;

/// What the log says of the year, and the keys of today.
#[derive(Debug, Default)]
pub(crate) struct LedgerEntries {
    /// Of dates of the year, in the order of the log.
    pub purges: Vec<(Place, PurgeRecord)>,
    /// All changes: the keys of a log are those of all years.
    pub keys: Vec<(Place, KeyRecord)>,
    /// Entries whose record is not in the bucket, or is another one than the entry names.
    pub unread: Vec<Place>,
    /// The key that signs now.
    pub signs: Option<PublicKey>,
}

/// Where an entry stands in the log, and its record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub index: u64,
    pub record: Digest,
}

impl LedgerEntries {
    /// Reads the log of a bucket; nothing where it has none.
    ///
    /// # Errors
    /// The bucket cannot be read, or the log is damaged.
    pub(super) fn read(bucket: &Bucket, year: i16) -> Result<Self, PublishError> {
        let mut entries = Self::default();
        let Newest::Version(newest, _) = log::newest(bucket)? else { return Ok(entries) };
        for version in 1..=newest.version {
            let (of, _) = log::read(bucket, version)?;
            for (index, entry) in of.numbered() {
                if let Entry::Record { kind, record } = entry {
                    entries.add(bucket, *kind, Place { index, record: *record }, year)?;
                }
            }
        }
        let keys = bucket.get(KEYS)?.filter(|bytes| bytes.len() <= LONGEST);
        let keys = keys.and_then(|bytes| PublicKeys::parse(&bytes)).map(|list| list.keys).unwrap_or_default();
        entries.signs = keys.into_iter().rfind(|key| key.state == KeyState::Active && key.verifier().is_some());
        Ok(entries)
    }

    fn add(&mut self, bucket: &Bucket, kind: RecordKind, place: Place, year: i16) -> Result<(), PublishError> {
        if kind == RecordKind::Gc {
            return Ok(());
        }
        let bytes = bucket.get(&record_key(&place.record))?;
        let bytes = bytes.filter(|bytes| bytes.len() <= LONGEST && Digest::of(bytes) == place.record);
        let Some(bytes) = bytes else {
            self.unread.push(place);
            return Ok(());
        };
        match kind {
            RecordKind::Purge => match serde_json::from_slice::<PurgeRecord>(&bytes) {
                Ok(record) if record.date.0.year() == year => self.purges.push((place, record)),
                Ok(_) => {}
                Err(_) => self.unread.push(place),
            },
            RecordKind::Key => match serde_json::from_slice::<KeyRecord>(&bytes) {
                Ok(record) => self.keys.push((place, record)),
                Err(_) => self.unread.push(place),
            },
            RecordKind::Gc => {}
        }
        Ok(())
    }
}

/// What was done to a key, in German and English.
pub(super) fn act_words(act: KeyAct) -> (&'static str, &'static str) {
    match act {
        KeyAct::New => ("neu", "new"),
        KeyAct::Rotate => ("an Stelle eines anderen", "in the place of another one"),
        KeyAct::Revoke => ("widerrufen", "revoked"),
    }
}
