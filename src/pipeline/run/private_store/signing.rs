//! The keys that sign: the register of the private store against the list of the bucket, and the secrets against their public keys.

use std::collections::BTreeSet;

use super::findings::{Findings, text};
use super::scope::Scope;
use crate::ledger::keys::{KEYS, KeyState, PublicKey, PublicKeys};
use crate::ledger::verify::{Fault, FaultKind, Subject};
use crate::pipeline::recorded;
use crate::pipeline::run::error::RunError;
use crate::pipeline::signing_keys::{Register, SigningError, UnusableSecret, secret};
use crate::text::Text;

const REGISTER: &str = "keys/signing/keys.json";

fn of_register(kind: FaultKind, said: Text) -> Fault {
    Fault::new(kind, Subject::SigningKey, REGISTER, said)
}

pub(super) fn check(scope: Scope<'_>, findings: &mut Findings) -> Result<(), RunError> {
    let private = &scope.workspace.private;
    let register = match Register::read(private) {
        Ok(register) => register,
        Err(SigningError::Register { .. }) => {
            let said = text(
                "it is no list of signing keys. Bring it back from a backup of the keys",
                "das ist keine Liste von Signaturschlüsseln. Holen Sie sie aus einer Sicherung der Schlüssel zurück",
            );
            findings.tell(of_register(FaultKind::Changed, said));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    findings.counts.signing_keys = register.keys.len() as u64;
    // What the bucket's list lacks or has changed is told there.
    let there = scope.bucket.get(KEYS)?.and_then(|bytes| PublicKeys::parse(&bytes));
    if let Some(there) = there.filter(|_| !scope.told.contains(KEYS)) {
        compare(scope, &register, &there, findings)?;
    } else if !register.changes.is_empty() && !scope.told.contains(KEYS) {
        pending(scope, &register, findings)?;
    }
    for key in register.keys.iter().filter(|key| key.state == KeyState::Active) {
        let said = match secret(private, key).map_err(RunError::from)? {
            Ok(_) => continue,
            Err(problem) => unusable(&key.name, &problem),
        };
        let (kind, said) = said;
        let path = format!("keys/signing/{}.key", key.name);
        findings.tell(Fault::new(kind, Subject::SigningKey, path, said));
    }
    Ok(())
}

fn unusable(name: &str, problem: &UnusableSecret) -> (FaultKind, Text) {
    match problem {
        UnusableSecret::Gone => (
            FaultKind::Missing,
            text(
                format!(
                    "the secret of the active signing key '{name}' is gone. Bring it back from a backup of the keys; if it is lost for good, \
                     'fahrtenbuch key rotate --reason lost' makes another one"
                ),
                format!(
                    "das Geheimnis des gültigen Signaturschlüssels '{name}' ist verschwunden. Holen Sie es aus einer Sicherung der Schlüssel \
                     zurück; ist es endgültig verloren, macht 'fahrtenbuch key rotate --reason lost' ein neues"
                ),
            ),
        ),
        UnusableSecret::Damaged(_) => (
            FaultKind::Changed,
            text(
                format!(
                    "the file of the signing key '{name}' holds no secret of a key. Bring it back from a backup of the keys"
                ),
                format!(
                    "die Datei des Signaturschlüssels '{name}' enthält kein Geheimnis eines Schlüssels. Holen Sie sie aus einer Sicherung \
                     der Schlüssel zurück"
                ),
            ),
        ),
        UnusableSecret::OfAnother => (
            FaultKind::Changed,
            text(
                format!(
                    "the secret of the signing key '{name}' is that of another key: it does not fit the public one"
                ),
                format!(
                    "das Geheimnis des Signaturschlüssels '{name}' gehört zu einem anderen: Es passt nicht zum öffentlichen"
                ),
            ),
        ),
    }
}

/// The changes at the end of the register that the bucket does not have yet: keys that they are about. One before them that is not there
/// is told.
fn pending(scope: Scope<'_>, register: &Register, findings: &mut Findings) -> Result<BTreeSet<String>, RunError> {
    let mut keys = BTreeSet::new();
    let mut is_tail = true;
    for change in register.changes.iter().rev() {
        let (record, _) = change.to_bytes();
        if scope.told.contains(&record) || recorded::read(scope.bucket, &record)?.is_some() {
            is_tail = false;
        } else if is_tail {
            keys.insert(change.key.clone());
            keys.extend(change.replaces.clone());
        } else {
            let (name, at) = (&change.name, change.changed_at);
            let said = text(
                format!(
                    "it has a change of the key '{name}' of {at} that the bucket does not know, and later ones that it knows"
                ),
                format!(
                    "sie hat eine Änderung des Schlüssels '{name}' vom {at}, die der Bucket nicht kennt, und spätere, die er kennt"
                ),
            );
            findings.tell(of_register(FaultKind::NotInLog, said));
        }
    }
    if !keys.is_empty() {
        findings.notes.push(text(
            "the newest change of the signing keys is not in the bucket yet: the next run writes it",
            "die neueste Änderung der Signaturschlüssel steht noch nicht im Bucket: Der nächste Lauf schreibt sie",
        ));
    }
    Ok(keys)
}

/// Says where register and list do not agree, but for what the newest changes explain.
fn compare(scope: Scope<'_>, register: &Register, there: &PublicKeys, findings: &mut Findings) -> Result<(), RunError> {
    let pending = pending(scope, register, findings)?;
    if register.keys.is_empty() && !there.keys.is_empty() {
        let said = text(
            "the list of signing keys is gone, and the bucket has keys. Bring the folder back from a backup of the keys",
            "die Liste der Signaturschlüssel ist verschwunden, und der Bucket hat Schlüssel. Holen Sie den Ordner aus einer Sicherung der \
             Schlüssel zurück",
        );
        findings.tell(of_register(FaultKind::Missing, said));
        return Ok(());
    }
    for key in &there.keys {
        let name = key.name.escape_debug().to_string();
        let Some(own) = register.keys.iter().find(|own| own.key == key.key) else {
            let said = text(
                format!(
                    "it lacks the key '{name}', which the bucket has: an older list stands there. Bring it back from a backup"
                ),
                format!(
                    "ihr fehlt der Schlüssel '{name}', den der Bucket hat: Dort steht eine ältere Liste. Holen Sie sie aus einer Sicherung zurück"
                ),
            );
            findings.tell(of_register(FaultKind::RolledBack, said));
            continue;
        };
        if own == key || pending.contains(&key.key) {
            continue;
        }
        let kind = if is_older(own, key) { FaultKind::RolledBack } else { FaultKind::Changed };
        let (is, was) = (own.state.word(), key.state.word());
        let said = text(
            format!(
                "of the key '{name}' it says something else than the bucket: it is '{is}' here and '{was}' there, or since, until, name or reason differ"
            ),
            format!(
                "vom Schlüssel '{name}' sagt sie etwas anderes als der Bucket: Er ist hier '{is}' und dort '{was}', oder Name, Beginn, Ende oder Grund sind andere"
            ),
        );
        findings.tell(of_register(kind, said));
    }
    let is_unknown = |own: &&PublicKey| !pending.contains(&own.key) && there.keys.iter().all(|key| key.key != own.key);
    for own in register.keys.iter().filter(is_unknown) {
        let name = &own.name;
        let said = text(
            format!("it has the key '{name}', which the bucket does not know"),
            format!("sie hat den Schlüssel '{name}', den der Bucket nicht kennt"),
        );
        findings.tell(of_register(FaultKind::NotInLog, said));
    }
    Ok(())
}

/// Whether one says of a key what the other said earlier.
fn is_older(own: &PublicKey, there: &PublicKey) -> bool {
    let rank = |state| match state {
        KeyState::Active => 0,
        KeyState::Rotated => 1,
        KeyState::Revoked => 2,
    };
    rank(own.state) < rank(there.state)
}
