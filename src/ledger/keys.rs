//! `ledger/keys.json`: the public keys by which the log is signed, those of today and those before them.
//!
//! Whoever checks the log must have got the key in another way before: what stands in the bucket tells which one came after it, and the
//! entries `record key` of the log say when.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ledger::log::note::VerifierKey;

/// Where they are in the bucket.
pub(crate) const KEYS: &str = "ledger/keys.json";
/// What the form is called; changes when a reader must change.
const FORMAT: &str = "fahrtenbuch-keys/1";

/// All keys, in the order in which they were made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PublicKeys {
    pub format: String,
    pub keys: Vec<PublicKey>,
}

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PublicKey {
    pub name: String,
    /// As a `vkey` of C2SP `signed-note`: `origin+8 hex digits+base64`.
    pub key: String,
    pub since: Timestamp,
    /// When another one took its place, or it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    pub state: KeyState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeyState {
    /// It signs.
    Active,
    /// It signs no more; what it has signed holds.
    Rotated,
    /// What it has signed after its revocation may be anybody's.
    Revoked,
}

impl KeyState {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Rotated => "rotated",
            Self::Revoked => "revoked",
        }
    }
}

impl PublicKeys {
    pub(crate) fn new(keys: Vec<PublicKey>) -> Self {
        Self { format: FORMAT.to_owned(), keys }
    }

    /// What `ledger/keys.json` says; nothing where it is not of this form.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(bytes).ok().filter(|keys| keys.format == FORMAT)
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        // Strings, times and lists always serialise.
        let text = serde_json::to_string_pretty(self);
        let mut text = text.unwrap_or_else(|error| crate::internal::impossible("writing public keys", error));
        text.push('\n');
        text.into()
    }
}

impl PublicKey {
    /// The key that checks signatures; nothing where the text is none.
    pub(crate) fn verifier(&self) -> Option<VerifierKey> {
        self.key.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::log::note::SigningKey;

    #[test]
    fn keys_read_back_and_another_form_is_none() {
        let key = SigningKey::generate("stadt.example").unwrap().public();
        let one = PublicKey {
            name: "2026".to_owned(),
            key: key.to_string(),
            since: Timestamp::UNIX_EPOCH,
            until: None,
            state: KeyState::Active,
            reason: None,
        };
        assert_eq!(one.verifier(), Some(key));
        assert_eq!(PublicKey { key: "x".to_owned(), ..one.clone() }.verifier(), None);
        let keys = PublicKeys::new(vec![one]);
        let bytes = keys.to_bytes();
        assert_eq!(PublicKeys::parse(&bytes), Some(keys));
        let other = String::from_utf8(bytes.to_vec()).unwrap().replace("keys/1", "keys/2");
        assert_eq!(PublicKeys::parse(other.as_bytes()), None);
    }
}
