//! Cosignatures: witnesses say when they saw a checkpoint and that the log only grew (C2SP `tlog-cosignature`, Ed25519).

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, VerifyingKey};
use jiff::Timestamp;

use super::note::{Note, NoteError, SignatureLine, Verifier, key_id, parse_public, public_text};

/// Cosignatures with a time (type 0x04 of `signed-note`).
const COSIGNATURE: u8 = 4;

/// The public key of a witness; printed and read as its `vkey`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CosignerKey {
    name: String,
    key: VerifyingKey,
}

/// What a witness signed: when, and the signature itself.
fn parts(signature: &[u8]) -> Option<(u64, Signature)> {
    let (time, signature) = signature.split_first_chunk::<8>()?;
    let time = u64::from_be_bytes(*time);
    Some((time, Signature::from_slice(signature).ok()?)).filter(|_| i64::try_from(time).is_ok())
}

/// The message that a witness signs for the text of a checkpoint.
fn message(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

impl CosignerKey {
    /// When the witness says it signed a line that is by this key; nothing where the line has no time or none that there is.
    pub(crate) fn time(line: &SignatureLine) -> Option<Timestamp> {
        let (time, _) = parts(line.signature())?;
        Timestamp::from_second(i64::try_from(time).ok()?).ok().filter(|_| time > 0)
    }
}

impl Verifier for CosignerKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        key_id(&self.name, COSIGNATURE, self.key.as_bytes())
    }

    fn accepts(&self, text: &str, signature: &[u8]) -> bool {
        let is_right = |(time, signature)| self.key.verify_strict(message(time, text).as_bytes(), &signature).is_ok();
        parts(signature).is_some_and(is_right)
    }
}

impl fmt::Display for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&public_text(&self.name, COSIGNATURE, &self.key))
    }
}

impl FromStr for CosignerKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let (name, key) = parse_public(text, COSIGNATURE)?;
        Ok(Self { name, key })
    }
}

/// A witness that cosigned a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cosigned {
    /// The place of its key among the known ones.
    pub(crate) witness: usize,
    pub(crate) at: Timestamp,
}

/// The known witnesses that cosigned a checkpoint, with the latest time of each. That none did is no error: a log may be without
/// witnesses; a wrong cosignature by a known one is.
pub(crate) fn cosigned(note: &Note, known: &[CosignerKey]) -> Result<Vec<Cosigned>, NoteError> {
    let mut found = Vec::new();
    for (witness, key) in known.iter().enumerate() {
        let lines: Vec<_> = note.signatures().iter().filter(|line| line.is_of(key)).collect();
        let wrong = lines.iter().any(|line| !key.accepts(note.text(), line.signature()));
        if wrong {
            return Err(NoteError::Wrong { name: key.name.clone() });
        }
        found.extend(lines.into_iter().filter_map(CosignerKey::time).max().map(|at| Cosigned { witness, at }));
    }
    Ok(found)
}

#[cfg(test)]
pub(crate) mod tests {
    use ed25519_dalek::Signer as _;

    use super::super::checkpoint::Checkpoint;
    use super::super::merkle::Hash;
    use super::super::note::SigningKey;
    use super::*;

    /// A witness: its public key, and the line that it gives for a text at a time.
    pub(crate) struct Cosigner(ed25519_dalek::SigningKey, pub(crate) CosignerKey);

    impl Cosigner {
        pub(crate) fn new(name: &str, seed: u8) -> Self {
            let secret = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
            let key = CosignerKey { name: name.to_owned(), key: secret.verifying_key() };
            Self(secret, key)
        }

        pub(crate) fn line(&self, text: &str, time: u64) -> SignatureLine {
            let signature = self.0.sign(message(time, text).as_bytes()).to_bytes();
            SignatureLine::new(&self.1.name, self.1.key_id(), [&time.to_be_bytes()[..], &signature].concat())
        }
    }

    #[test]
    fn cosignatures_are_verified_with_their_times_beside_the_signature_of_the_log() {
        let log = SigningKey::generate("stadt.example/fahrtenbuch").unwrap();
        let [one, two] = [Cosigner::new("zeuge.example/1", 1), Cosigner::new("zeuge.example/2", 2)];
        let mut note = Checkpoint::new(log.name(), 7, Hash([3; 32])).sign(&log).unwrap();
        assert_eq!(cosigned(&note, std::slice::from_ref(&one.1)), Ok(Vec::new()));
        note.add_line(one.line(note.text(), 1_679_315_147));
        let note = Note::parse(note.to_string().as_bytes()).unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let known = [two.1.clone(), one.1.clone()];
        assert_eq!(cosigned(&note, &known), Ok(vec![Cosigned { witness: 1, at: at(1_679_315_147) }]));
        assert_eq!(note.verify(&[&log.public(), &one.1, &two.1]), Ok(vec![0, 1]));
        // The message of the specification's example.
        let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        assert_eq!(message(1_679_315_147, text), format!("cosignature/v1\ntime 1679315147\n{text}"));
        // Another time, another text, a cut signature and a time that there is not are no cosignatures.
        let right = one.line(note.text(), 5).signature().to_vec();
        assert!(one.1.accepts(note.text(), &right));
        assert!(!one.1.accepts("other\n", &right) && !two.1.accepts(note.text(), &right));
        let later = [&6_u64.to_be_bytes()[..], &right[8..]].concat();
        let never = one.line(note.text(), 1 << 63).signature().to_vec();
        for wrong in [&later[..], &right[..71], &right[..7], &[], &never[..]] {
            assert!(!one.1.accepts(note.text(), wrong));
        }
        let mut wrong = note.clone();
        wrong.add_line(SignatureLine::new("zeuge.example/2", two.1.key_id(), right));
        let name = "zeuge.example/2".to_owned();
        assert_eq!(cosigned(&wrong, &known), Err(NoteError::Wrong { name }));
        assert_eq!(CosignerKey::time(&one.line(note.text(), 0)), None);
    }

    #[test]
    fn the_key_of_a_witness_reads_back_and_is_not_that_of_a_log() {
        let key = Cosigner::new("zeuge.example/1", 1).1;
        assert_eq!(key.to_string().parse(), Ok(key.clone()));
        let log = SigningKey::generate("a.example").unwrap().public().to_string();
        let wrong = NoteError::KeyType { name: "a.example".to_owned(), found: 1, expected: 4 };
        assert_eq!(log.parse::<CosignerKey>(), Err(wrong));
    }
}
