//! The keys by which the log is signed, in `<private>/keys/signing/`.
//!
//! ```text
//! keys.json            the public keys with their states, and every change of them, which the log is to have
//! 2026-11-27.key       a secret
//! signed.json          what was signed last: no other log may be signed than one that goes on from there
//! ```
//!
//! The folder lies with the keys of pseudonyms, so that backups keep it where those are kept. A change is written here first; the record
//! of it, its entry in the log and `ledger/keys.json` follow with whatever publishes next.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::ledger::keys::{KeyState, PublicKey, PublicKeys};
use crate::ledger::log::note::{SigningKey, Verifier as _, VerifierKey};
use crate::ledger::{KeyAct, KeyRecord};
use crate::workspace::Workspace;
use crate::workspace::signing::{is_key_name, origin_of_address};

const FORMAT: &str = "fahrtenbuch-signing-keys/1";
/// Names that are tried for a new key.
const NAMES: u32 = 1000;

/// Why the log cannot be signed, or a key not be changed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    #[error("{path} could not be {verb}: {problem}. Check the disk and the permissions", path = path.display())]
    File { path: PathBuf, verb: &'static str, problem: String },
    #[error(
        "{path} is no list of signing keys: {problem}. Bring it back from a backup of the keys", path = path.display()
    )]
    Register { path: PathBuf, problem: String },
    #[error(
        "the secret of the signing key '{name}' cannot be used: {path}: {problem}. Bring it back from a backup of the keys; if it is lost \
         for good, 'fahrtenbuch key rotate --reason lost' makes another one in its place", path = path.display()
    )]
    Secret { name: String, path: PathBuf, problem: String },
    #[error(
        "there is no name for the log: write 'signing: {{origin: daten.example.de}}' into fahrtenbuch.yaml, or set 'bucket: base_url', \
         the bucket's address on the web"
    )]
    NoOrigin,
    #[error(
        "'signing: origin' in fahrtenbuch.yaml is '{origin}', and the signing keys are of '{found}'. A log keeps its name for ever: write \
         'origin: {found}'; or, if another log begins on purpose, make a key for it with 'fahrtenbuch key new'"
    )]
    Origin { origin: String, found: String },
    #[error("there is no active signing key '{name}': {known}. See 'fahrtenbuch key list'")]
    Unknown { name: String, known: String },
    #[error("'{name}' cannot be the name of a new signing key: {problem}. Choose another one")]
    Name { name: String, problem: &'static str },
    #[error("there is no active signing key: make one with 'fahrtenbuch key new'")]
    NoKey,
    #[error("the signing key could not be made: {0}. Try again")]
    Make(String),
    #[error(
        "the signing keys of this log are gone: {path} has none, and the log was signed by some. Bring the folder back from a backup of the \
         keys; if they are lost for good, 'fahrtenbuch key new' makes another one (docs/keys.md)", path = path.display()
    )]
    Gone { path: PathBuf },
}

impl SigningError {
    /// Whether trying again may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::File { .. } | Self::Make(_))
    }

    /// Whether it is the configuration, or the use of a command, that is wrong.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::NoOrigin | Self::Origin { .. } | Self::Unknown { .. } | Self::Name { .. } | Self::NoKey => true,
            Self::File { .. } | Self::Register { .. } | Self::Secret { .. } | Self::Make(_) | Self::Gone { .. } => {
                false
            }
        }
    }
}

/// What the private store knows of signing keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Register {
    format: String,
    /// In the order in which they were made.
    pub keys: Vec<PublicKey>,
    /// All that was done to them, which the log is to have.
    pub changes: Vec<KeyRecord>,
}

impl Default for Register {
    fn default() -> Self {
        Self { format: FORMAT.to_owned(), keys: Vec::new(), changes: Vec::new() }
    }
}

/// What signs the log.
pub(crate) struct Signer {
    pub origin: String,
    pub key: SigningKey,
    /// All of this log whose signatures hold.
    pub known: Vec<VerifierKey>,
}

/// What ended a key, as the log of the bucket says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub name: String,
    pub key: String,
    pub state: KeyState,
    pub at: Timestamp,
    pub reason: Option<String>,
}

impl Ended {
    /// Whether it says more than is known of the key: that it is not good any more, or that it was revoked.
    pub(crate) fn is_news_of(&self, known: &PublicKey) -> bool {
        match known.state {
            KeyState::Active => true,
            KeyState::Rotated => self.state == KeyState::Revoked,
            KeyState::Revoked => false,
        }
    }
}

/// Where the keys are.
pub(crate) fn folder(private: &Path) -> PathBuf {
    private.join("keys").join("signing")
}

fn secret_path(private: &Path, name: &str) -> PathBuf {
    folder(private).join(format!("{name}.key"))
}

fn failed<'a>(path: &'a Path, verb: &'static str) -> impl Fn(io::Error) -> SigningError + 'a {
    move |error| SigningError::File { path: path.to_owned(), verb, problem: error.to_string() }
}

/// Whether something stands in the place of a file that is none: trying again does not help.
pub(crate) fn is_no_file(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, IsADirectory, NotADirectory, Other};
    matches!(error.kind(), InvalidData | InvalidInput | IsADirectory | NotADirectory | Other)
}

/// What is wrong with the file of a key's secret, for who lists the keys or has them checked; nothing where it is as it should be.
pub(crate) fn secret_problem(private: &Path, key: &PublicKey) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = secret_path(private, &key.name);
    match std::fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(format!("its secret {} is gone", path.display())),
        Err(error) => Some(format!("its secret {} cannot be looked at: {error}", path.display())),
        Ok(found) if !found.is_file() => Some(format!("{} is no file, and has no secret", path.display())),
        Ok(found) if found.permissions().mode() & 0o077 != 0 => Some(format!(
            "its secret {} can be read by others (mode {:03o}): 'chmod 600'; if others may have read it, revoke the key",
            path.display(),
            found.permissions().mode() & 0o777
        )),
        Ok(_) => None,
    }
}

/// The right to sign and to change keys, which one process of a private store has at a time; it is waited for.
pub(crate) fn lock(private: &Path) -> Result<File, SigningError> {
    let path = private.join("locks").join("signing");
    durable::create_dir_all(&private.join("locks")).map_err(failed(&path, "locked"))?;
    let file = durable::create(&path).map_err(failed(&path, "locked"))?;
    file.lock().map_err(failed(&path, "locked"))?;
    Ok(file)
}

impl Register {
    pub(crate) fn read(private: &Path) -> Result<Self, SigningError> {
        let path = folder(private).join("keys.json");
        let bytes = match durable::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) if is_no_file(&error) => {
                return Err(SigningError::Register { path: path.clone(), problem: error.to_string() });
            }
            other => other.map_err(failed(&path, "read"))?,
        };
        let damaged = |problem: String| SigningError::Register { path: path.clone(), problem };
        let read: Self = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        match read.format == FORMAT {
            true => Ok(read),
            false => Err(damaged(format!("its form is '{}'", read.format.escape_debug()))),
        }
    }

    fn write(&self, private: &Path) -> Result<(), SigningError> {
        let path = folder(private).join("keys.json");
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::from);
        text.and_then(|text| durable::write(&path, &text)).map_err(failed(&path, "written"))
    }

    /// What everybody may know.
    pub(crate) fn public(&self) -> PublicKeys {
        PublicKeys::new(self.keys.clone())
    }

    fn named(&self, name: &str) -> Option<&PublicKey> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// Those that sign, in the order in which they were made.
    fn active(&self) -> impl DoubleEndedIterator<Item = &PublicKey> {
        self.keys.iter().filter(|key| key.state == KeyState::Active)
    }

    /// The keys of a log whose signatures hold.
    fn verifiers(&self, origin: &str) -> Vec<VerifierKey> {
        let holds = self.keys.iter().filter(|key| key.state != KeyState::Revoked);
        holds.filter_map(PublicKey::verifier).filter(|key| key.name() == origin).collect()
    }

    /// The key that signs: the one of this name, or the newest one of the log.
    fn current(&self, origin: Option<&str>, name: Option<&str>) -> Result<Option<&PublicKey>, SigningError> {
        if let Some(name) = name {
            let found = self.active().find(|key| key.name == name);
            let unknown = || {
                let names: Vec<&str> = self.active().map(|key| key.name.as_str()).collect();
                let known = if names.is_empty() { "none is" } else { "active are" };
                SigningError::Unknown { name: name.to_owned(), known: format!("{known} {}", names.join(", ")) }
            };
            return found.map(Some).ok_or_else(unknown);
        }
        let Some(newest) = self.active().next_back() else { return Ok(None) };
        let Some(origin) = origin else { return Ok(Some(newest)) };
        let of_log = self.active().rev().find(|key| origin_of(key).as_deref() == Some(origin));
        let found = || origin_of(newest).unwrap_or_default();
        of_log.map(Some).ok_or_else(|| SigningError::Origin { origin: origin.to_owned(), found: found() })
    }

    /// Takes over what `ledger/keys.json` has and this store does not: of a store that was lost.
    pub(crate) fn adopt(&mut self, there: &PublicKeys) {
        let is_right = |key: &&PublicKey| is_key_name(&key.name) && key.verifier().is_some();
        for key in there.keys.iter().filter(is_right) {
            let is_known = self.keys.iter().any(|known| known.key == key.key || known.name == key.name);
            if !is_known {
                self.keys.push(key.clone());
            }
        }
        self.keys.sort_by_key(|key| key.since);
    }

    /// Makes a key, whose secret is on the disk before anybody hears of it.
    fn make(
        &mut self,
        private: &Path,
        origin: &str,
        name: Option<&str>,
        at: Timestamp,
    ) -> Result<PublicKey, SigningError> {
        let is_taken = |name: &str| self.named(name).is_some() || secret_path(private, name).exists();
        let name = match name {
            Some(name) if !is_key_name(name) => {
                let problem = "at most 64 letters, digits, '-' and '_' are possible";
                return Err(SigningError::Name { name: name.to_owned(), problem });
            }
            Some(name) if is_taken(name) => {
                return Err(SigningError::Name { name: name.to_owned(), problem: "there is one of this name" });
            }
            Some(name) => name.to_owned(),
            None => {
                let day = at.strftime("%Y-%m-%d").to_string();
                let more = (2..NAMES).map(|number| format!("{day}-{number}"));
                let free = std::iter::once(day.clone()).chain(more).find(|name| !is_taken(name));
                free.ok_or(SigningError::Name { name: day, problem: "there are too many of this day" })?
            }
        };
        let secret = SigningKey::generate(origin).map_err(|error| SigningError::Make(error.to_string()))?;
        let path = secret_path(private, &name);
        if !durable::write_new(&path, format!("{}\n", secret.to_text()).as_bytes()).map_err(failed(&path, "written"))? {
            return Err(SigningError::Name { name, problem: "there is one of this name" });
        }
        let key = PublicKey {
            name,
            key: secret.public().to_string(),
            since: at,
            until: None,
            state: KeyState::Active,
            reason: None,
        };
        self.keys.push(key.clone());
        Ok(key)
    }

    /// Takes over what the log says of keys that are good ones here: this store was brought back from an older copy.
    fn take_ends(&mut self, ended: &[Ended]) {
        for of in ended {
            if let Some(key) = self.keys.iter_mut().find(|key| key.key == of.key && of.is_news_of(key)) {
                (key.state, key.until) = (of.state, Some(of.at));
                key.reason.clone_from(&of.reason);
            }
        }
    }

    fn end(&mut self, name: &str, state: KeyState, at: Timestamp, reason: Option<&str>) {
        if let Some(key) = self.keys.iter_mut().find(|key| key.name == name) {
            key.state = state;
            key.until = Some(at);
            key.reason = reason.map(str::to_owned);
        }
    }
}

/// The log that a key is of.
fn origin_of(key: &PublicKey) -> Option<String> {
    key.verifier().map(|key| key.name().to_owned())
}

/// The log that a new key is for: what the configuration says, or that of the keys there are, or the address of the bucket.
fn origin_of_new(workspace: &Workspace, register: &Register) -> Result<String, SigningError> {
    let of_keys = || register.keys.iter().rev().find_map(origin_of);
    let of_bucket = || workspace.site.base_url.as_deref().and_then(origin_of_address);
    workspace.signing.origin.clone().or_else(of_keys).or_else(of_bucket).ok_or(SigningError::NoOrigin)
}

/// Why the secret of a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnusableSecret {
    #[error("it is gone")]
    Gone,
    #[error("{0}")]
    Damaged(String),
    #[error("it is the secret of another key")]
    OfAnother,
}

/// The secret of a key.
///
/// # Errors
/// Its file cannot be read.
pub(crate) fn secret(private: &Path, key: &PublicKey) -> Result<Result<SigningKey, UnusableSecret>, SigningError> {
    let path = secret_path(private, &key.name);
    let text = match durable::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err(UnusableSecret::Gone)),
        Err(error) if is_no_file(&error) => return Ok(Err(UnusableSecret::Damaged(error.to_string()))),
        other => other.map_err(failed(&path, "read"))?,
    };
    Ok(match SigningKey::from_text(&text) {
        Err(error) => Err(UnusableSecret::Damaged(error.to_string())),
        Ok(secret) if secret.public().to_string() != key.key => Err(UnusableSecret::OfAnother),
        Ok(secret) => Ok(secret),
    })
}

/// What signs the log; none where there is no active key, and none is asked for.
///
/// # Errors
/// The key that is asked for is not there, or not of the log that is asked for; its secret is lost or damaged.
pub(crate) fn signer(workspace: &Workspace) -> Result<Option<Signer>, SigningError> {
    let private = &workspace.private;
    let register = Register::read(private)?;
    let signing = &workspace.signing;
    let Some(key) = register.current(signing.origin.as_deref(), signing.key.as_deref())? else { return Ok(None) };
    let secret = match secret(private, key)? {
        Ok(secret) => secret,
        Err(problem) => {
            let (name, path, problem) = (key.name.clone(), secret_path(private, &key.name), problem.to_string());
            return Err(SigningError::Secret { name, path, problem });
        }
    };
    let origin = secret.name().to_owned();
    if let Some(expected) = signing.origin.as_ref().filter(|expected| **expected != origin) {
        return Err(SigningError::Origin { origin: expected.clone(), found: origin });
    }
    let known = register.verifiers(&origin);
    Ok(Some(Signer { origin, key: secret, known }))
}

/// Whether a key of the register is the one that signs.
pub(crate) fn signs(workspace: &Workspace, register: &Register, key: &str) -> bool {
    let signing = &workspace.signing;
    let current = register.current(signing.origin.as_deref(), signing.key.as_deref());
    matches!(current, Ok(Some(current)) if current.key == key)
}

/// Takes over what the log says of keys that are good ones here.
pub(crate) fn take_ends(workspace: &Workspace, ended: &[Ended]) -> Result<(), SigningError> {
    changed(workspace, &InBucket { ended: ended.to_vec(), ..InBucket::default() }, |_| Ok(()))
}

/// What the bucket tells of keys.
#[derive(Debug, Default)]
pub(crate) struct InBucket {
    /// `ledger/keys.json`
    pub keys: Option<PublicKeys>,
    /// What the log has ended.
    pub ended: Vec<Ended>,
}

/// Changes the keys of a workspace as `change` says. `there` is what the bucket has of them.
fn changed<T>(
    workspace: &Workspace,
    there: &InBucket,
    change: impl FnOnce(&mut Register) -> Result<T, SigningError>,
) -> Result<T, SigningError> {
    let _alone = lock(&workspace.private)?;
    let mut register = Register::read(&workspace.private)?;
    register.take_ends(&there.ended);
    there.keys.iter().for_each(|there| register.adopt(there));
    let changed = change(&mut register)?;
    register.write(&workspace.private)?;
    Ok(changed)
}

/// Makes a key beside those there are.
pub(crate) fn new_key(
    workspace: &Workspace,
    there: &InBucket,
    name: Option<&str>,
    at: Timestamp,
) -> Result<PublicKey, SigningError> {
    changed(workspace, there, |register| {
        let origin = origin_of_new(workspace, register)?;
        let key = register.make(&workspace.private, &origin, name, at)?;
        register.changes.push(KeyRecord::new(KeyAct::New, (&key.name, &key.key), at));
        Ok(key)
    })
}

/// Makes a key in the place of the one that signs; gives both.
pub(crate) fn rotate(
    workspace: &Workspace,
    there: &InBucket,
    (name, reason): (Option<&str>, &str),
    at: Timestamp,
) -> Result<(PublicKey, PublicKey), SigningError> {
    changed(workspace, there, |register| {
        let origin = origin_of_new(workspace, register)?;
        let old =
            register.current(Some(&origin), workspace.signing.key.as_deref())?.cloned().ok_or(SigningError::NoKey)?;
        let key = register.make(&workspace.private, &origin, name, at)?;
        register.end(&old.name, KeyState::Rotated, at, Some(reason));
        let record = KeyRecord::new(KeyAct::Rotate, (&key.name, &key.key), at);
        let reason = Some(reason.to_owned());
        register.changes.push(KeyRecord { replaces: Some(old.key.clone()), reason, ..record });
        Ok((old, key))
    })
}

/// Revokes a key: what it signs from then on counts for nothing.
pub(crate) fn revoke(
    workspace: &Workspace,
    there: &InBucket,
    (name, reason): (&str, &str),
    at: Timestamp,
) -> Result<PublicKey, SigningError> {
    changed(workspace, there, |register| {
        let known = register.named(name).filter(|key| key.state != KeyState::Revoked);
        let unknown = || SigningError::Unknown { name: name.to_owned(), known: "it is unknown, or revoked".to_owned() };
        let key = known.cloned().ok_or_else(unknown)?;
        register.end(name, KeyState::Revoked, at, Some(reason));
        let record = KeyRecord::new(KeyAct::Revoke, (&key.name, &key.key), at);
        register.changes.push(KeyRecord { reason: Some(reason.to_owned()), ..record });
        Ok(key)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const ORIGIN: &str = "stadt.example/bus";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_secret_is_for_its_owner_alone_and_names_of_keys_are_never_used_twice() {
        let folder = tempfile::tempdir().unwrap();
        let private = folder.path();
        let mut register = Register::default();
        let one = register.make(private, ORIGIN, None, at(0)).unwrap();
        let two = register.make(private, ORIGIN, None, at(5)).unwrap();
        assert_eq!((one.name.as_str(), two.name.as_str()), ("1970-01-01", "1970-01-01-2"));
        assert!(one.key.starts_with("stadt.example/bus+") && one.key != two.key);
        let secret = secret_path(private, &one.name);
        assert_eq!(std::fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
        let secret = SigningKey::from_text(&std::fs::read_to_string(&secret).unwrap()).unwrap();
        assert_eq!(secret.public().to_string(), one.key);
        // A register that was lost does not let its secrets be overwritten.
        let mut lost = Register::default();
        assert_eq!(lost.make(private, ORIGIN, None, at(0)).unwrap().name, "1970-01-01-3");
        for wrong in ["1970-01-01", "../x", "", "a b"] {
            assert!(lost.make(private, ORIGIN, Some(wrong), at(0)).is_err(), "{wrong}");
        }
        register.write(private).unwrap();
        assert_eq!(Register::read(private).unwrap(), register);
        std::fs::write(super::folder(private).join("keys.json"), "{").unwrap();
        assert!(Register::read(private).unwrap_err().to_string().contains("Bring it back from a backup"));
    }

    #[test]
    fn the_newest_active_key_of_the_log_signs_unless_another_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut register = Register::default();
        let current = |register: &Register, origin, name| {
            register.current(origin, name).map(|key| key.map(|key| key.name.clone()))
        };
        assert_eq!(current(&register, None, None).unwrap(), None);
        assert_eq!(current(&register, Some(ORIGIN), None).unwrap(), None);
        for (name, second) in [("a", 0), ("b", 1)] {
            register.make(folder.path(), ORIGIN, Some(name), at(second)).unwrap();
        }
        register.make(folder.path(), "other.example", Some("c"), at(2)).unwrap();
        assert_eq!(current(&register, None, None).unwrap().as_deref(), Some("c"));
        assert_eq!(current(&register, Some(ORIGIN), None).unwrap().as_deref(), Some("b"));
        assert_eq!(current(&register, None, Some("a")).unwrap().as_deref(), Some("a"));
        assert!(matches!(current(&register, Some("x.example"), None), Err(SigningError::Origin { .. })));
        register.end("b", KeyState::Revoked, at(3), Some("stolen"));
        assert_eq!(current(&register, Some(ORIGIN), None).unwrap().as_deref(), Some("a"));
        assert!(matches!(current(&register, None, Some("b")), Err(SigningError::Unknown { .. })));
        // What a revoked key has signed binds nobody; that of one that was rotated does.
        register.end("a", KeyState::Rotated, at(3), None);
        assert_eq!(register.verifiers(ORIGIN), [register.keys[0].verifier().unwrap()]);
    }

    #[test]
    fn a_new_store_takes_over_the_keys_that_the_bucket_tells_of() {
        let folder = tempfile::tempdir().unwrap();
        let mut old = Register::default();
        old.make(folder.path(), ORIGIN, Some("a"), at(0)).unwrap();
        let mut new = Register::default();
        let mut there = old.public();
        there.keys.push(PublicKey { name: "../x".to_owned(), ..there.keys[0].clone() });
        there.keys.push(PublicKey { name: "x".to_owned(), key: "no key".to_owned(), ..there.keys[0].clone() });
        new.adopt(&there);
        new.adopt(&there);
        assert_eq!(new.keys, old.keys);
    }
}
