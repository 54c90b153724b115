//! Notes: a text and the signatures under it (C2SP `signed-note`), with Ed25519.
//!
//! A note is read without trust; [`Note::verify`] says which of the known keys signed it, and refuses it where none did.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use sha2::{Digest as _, Sha256};

/// The longest note that is read: sixteen signatures of 5 kB and more, which readers must accept, leave room for a text.
pub(crate) const MAX_NOTE: usize = 256 * 1024;

/// The most signatures that are read.
const MAX_SIGNATURES: usize = 100;

/// The longest name of a key.
const MAX_NAME: usize = 1024;

/// Signatures under the text of a note (type 0x01 of `signed-note`).
const ED25519: u8 = 1;

/// What stands before the base64 of a secret key, as Go's `sumdb/note` writes it.
const PRIVATE: &str = "PRIVATE+KEY+";

/// Why a note, or a key, is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoteError {
    #[error("the note is longer than {MAX_NOTE} bytes")]
    TooLong,
    #[error("the note is no UTF-8")]
    NoText,
    #[error("the note has a control character in line {line}")]
    ControlCharacter { line: usize },
    #[error("the text of a note ends with a line feed, and has no control characters")]
    Text,
    #[error("the note has no signatures: they stand after an empty line, each as '— name base64'")]
    NoSignatures,
    #[error("the note has more than {MAX_SIGNATURES} signatures")]
    TooManySignatures,
    #[error("signature {number} of the note is not '— name base64'")]
    SignatureLine { number: usize },
    #[error("'{0}' cannot be the name of a key: no spaces, no '+', at least one character, at most {MAX_NAME}")]
    Name(String),
    #[error("none of the signatures is by a known key: the note is signed by {}", .by.join(", "))]
    Unknown { by: Vec<String> },
    #[error("the signature of {name} is wrong: the text was changed after it was signed, or another key has this name")]
    Wrong { name: String },
    #[error("the key is not 'name+8 hex digits+base64'")]
    KeyForm,
    #[error("the key of {name} is of type {found:#04x}, and {expected:#04x} is needed")]
    KeyType { name: String, found: u8, expected: u8 },
    #[error("the key of {name} has 8 hex digits that are not its own: it was copied wrongly")]
    KeyId { name: String },
    #[error("the key of {name} is no public key of Ed25519")]
    NoKey { name: String },
    #[error("the text is no secret key '{PRIVATE}name+8 hex digits+base64'")]
    SecretForm,
    #[error("the system gives no random bytes: {0}")]
    Random(String),
}

/// Who can check a signature: a key with a name.
pub(crate) trait Verifier {
    fn name(&self) -> &str;

    /// The number by which signatures name the key, beside its name.
    fn key_id(&self) -> u32;

    /// Whether the key signed the text of a note.
    fn accepts(&self, text: &str, signature: &[u8]) -> bool;
}

/// The number of a key: the first four bytes of the SHA-256 of its name, a line feed, its type and its public part.
pub(super) fn key_id(name: &str, kind: u8, public: &[u8]) -> u32 {
    let hash = Sha256::new().chain_update(name).chain_update([b'\n', kind]).chain_update(public).finalize();
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

fn check_name(name: &str) -> Result<(), NoteError> {
    let is_wrong = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '+';
    if name.is_empty() || name.len() > MAX_NAME || name.contains(is_wrong) {
        return Err(NoteError::Name(name.chars().take(100).collect()));
    }
    Ok(())
}

/// Eight lower-case hex digits.
fn parse_id(text: &str) -> Option<u32> {
    let id = u32::from_str_radix(text, 16).ok()?;
    (format!("{id:08x}") == text).then_some(id)
}

/// The name and the public key of a `vkey` whose type is one of Ed25519: `name+8 hex digits+base64(type || key)`.
pub(super) fn parse_public(text: &str, expected: u8) -> Result<(String, VerifyingKey), NoteError> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(NoteError::KeyForm);
    };
    check_name(name)?;
    // An ML-DSA-44 key, the longest there is, has 1312 bytes.
    let key = Some(key).filter(|key| key.len() < 4096).and_then(|key| STANDARD.decode(key).ok());
    let (Some(id), Some(key)) = (parse_id(id), key) else { return Err(NoteError::KeyForm) };
    let (kind, public) = key.split_first().ok_or(NoteError::KeyForm)?;
    let name = name.to_owned();
    if *kind != expected {
        return Err(NoteError::KeyType { name, found: *kind, expected });
    }
    if key_id(&name, *kind, public) != id {
        return Err(NoteError::KeyId { name });
    }
    let public: Option<[u8; 32]> = public.try_into().ok();
    match public.and_then(|public| VerifyingKey::from_bytes(&public).ok()).filter(|key| !key.is_weak()) {
        Some(key) => Ok((name, key)),
        None => Err(NoteError::NoKey { name }),
    }
}

/// A `vkey` of an Ed25519 key.
pub(super) fn public_text(name: &str, kind: u8, key: &VerifyingKey) -> String {
    let id = key_id(name, kind, key.as_bytes());
    format!("{name}+{id:08x}+{}", STANDARD.encode([&[kind][..], key.as_bytes()].concat()))
}

/// A public key that checks signatures of notes; printed and read as its `vkey`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VerifierKey {
    name: String,
    key: VerifyingKey,
}

impl Verifier for VerifierKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        key_id(&self.name, ED25519, self.key.as_bytes())
    }

    fn accepts(&self, text: &str, signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify_strict(text.as_bytes(), &signature).is_ok())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&public_text(&self.name, ED25519, &self.key))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let (name, key) = parse_public(text, ED25519)?;
        Ok(Self { name, key })
    }
}

/// A secret key that signs notes. It is never printed but by [`SigningKey::to_text`], and is wiped from memory when it is dropped.
pub(crate) struct SigningKey {
    name: String,
    key: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// A new key of this name, from the system's random bytes.
    pub(crate) fn generate(name: &str) -> Result<Self, NoteError> {
        check_name(name)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| NoteError::Random(error.to_string()))?;
        Ok(Self { name: name.to_owned(), key: ed25519_dalek::SigningKey::from_bytes(&seed) })
    }

    /// Reads what [`SigningKey::to_text`] wrote; blanks around it are no matter.
    pub(crate) fn from_text(text: &str) -> Result<Self, NoteError> {
        let rest = text.trim().strip_prefix(PRIVATE).ok_or(NoteError::SecretForm)?;
        let mut parts = rest.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::SecretForm);
        };
        check_name(name)?;
        let key = Some(key).filter(|key| key.len() == 44).and_then(|key| STANDARD.decode(key).ok());
        let (Some(id), Some(key)) = (parse_id(id), key) else { return Err(NoteError::SecretForm) };
        let (kind, seed) = key.split_first().ok_or(NoteError::SecretForm)?;
        let name = name.to_owned();
        if *kind != ED25519 {
            return Err(NoteError::KeyType { name, found: *kind, expected: ED25519 });
        }
        let seed: &[u8; 32] = seed.try_into().map_err(|_| NoteError::SecretForm)?;
        let read = Self { name, key: ed25519_dalek::SigningKey::from_bytes(seed) };
        if read.public().key_id() != id {
            return Err(NoteError::KeyId { name: read.name });
        }
        Ok(read)
    }

    /// The secret as a line of text, as Go's `sumdb/note` writes and reads it: `PRIVATE+KEY+name+8 hex digits+base64`.
    pub(crate) fn to_text(&self) -> String {
        let key = STANDARD.encode([&[ED25519][..], self.key.as_bytes()].concat());
        format!("{PRIVATE}{}+{:08x}+{key}", self.name, self.public().key_id())
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Signs bytes that can be taken for the text of no note.
    pub(crate) fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }

    /// The key that checks what this one signs.
    pub(crate) fn public(&self) -> VerifierKey {
        VerifierKey { name: self.name.clone(), key: self.key.verifying_key() }
    }
}

/// A signature under a note: `— name base64(number of the key || signature)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignatureLine {
    name: String,
    key_id: u32,
    signature: Vec<u8>,
}

impl SignatureLine {
    pub(super) fn new(name: &str, key_id: u32, signature: Vec<u8>) -> Self {
        Self { name: name.to_owned(), key_id, signature }
    }

    /// Reads a line without its line feed.
    fn parse(line: &str) -> Option<Self> {
        let (name, coded) = line.strip_prefix("— ")?.split_once(' ')?;
        check_name(name).ok()?;
        let bytes = STANDARD.decode(coded).ok()?;
        let (id, signature) = bytes.split_first_chunk::<4>().filter(|(_, rest)| !rest.is_empty())?;
        Some(Self::new(name, u32::from_be_bytes(*id), signature.to_vec()))
    }

    /// Reads lines of signatures, as a note and a witness give them.
    pub(super) fn parse_all(text: &str) -> Result<Vec<Self>, NoteError> {
        let lines = text.strip_suffix('\n').filter(|lines| !lines.is_empty()).ok_or(NoteError::NoSignatures)?;
        let mut signatures = Vec::new();
        for (number, line) in (1..).zip(lines.split('\n')) {
            if number > MAX_SIGNATURES {
                return Err(NoteError::TooManySignatures);
            }
            signatures.push(Self::parse(line).ok_or(NoteError::SignatureLine { number })?);
        }
        Ok(signatures)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The signature without the number of its key.
    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Whether it says to be by a key; whether it is, [`Verifier::accepts`] says.
    pub(crate) fn is_of(&self, key: &dyn Verifier) -> bool {
        self.key_id == key.key_id() && self.name == key.name()
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key_id.to_be_bytes()[..], &self.signature].concat();
        writeln!(f, "— {} {}", self.name, STANDARD.encode(bytes))
    }
}

/// A text with its signatures; printed as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

impl Note {
    /// Reads a note. Whether its signatures hold, [`Note::verify`] says.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE {
            return Err(NoteError::TooLong);
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::NoText)?;
        let is_control = |letter: char| letter < ' ' && letter != '\n';
        if let Some(at) = note.find(is_control) {
            return Err(NoteError::ControlCharacter { line: 1 + note[..at].matches('\n').count() });
        }
        let text = note.rfind("\n\n").map(|at| &note[..=at]).ok_or(NoteError::NoSignatures)?;
        let signatures = SignatureLine::parse_all(&note[text.len() + 1..])?;
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Signs a text, which ends with a line feed.
    pub(crate) fn sign(text: String, key: &SigningKey) -> Result<Self, NoteError> {
        let is_control = |letter: char| letter < ' ' && letter != '\n';
        if !text.ends_with('\n') || text.contains(is_control) {
            return Err(NoteError::Text);
        }
        let mut note = Self { text, signatures: Vec::new() };
        note.add_signature(key);
        Ok(note)
    }

    /// Signs the text by one more key.
    pub(crate) fn add_signature(&mut self, key: &SigningKey) {
        let signature = key.key.sign(self.text.as_bytes()).to_bytes();
        self.add_line(SignatureLine::new(&key.name, key.public().key_id(), signature.to_vec()));
    }

    /// Adds a signature that somebody else gave, in the place of an older one by the same key. It is not checked.
    pub(crate) fn add_line(&mut self, line: SignatureLine) {
        self.signatures.retain(|other| (&other.name, other.key_id) != (&line.name, line.key_id));
        self.signatures.push(line);
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// The keys that signed the note, by their places in `known`. Signatures by other keys are no matter; a wrong one by a known
    /// key spoils the note, and so does it if no known key signed.
    pub(crate) fn verify(&self, known: &[&dyn Verifier]) -> Result<Vec<usize>, NoteError> {
        let mut signed = Vec::new();
        for (place, key) in known.iter().enumerate() {
            let mut lines = self.signatures.iter().filter(|line| line.is_of(*key)).peekable();
            if lines.peek().is_none() {
                continue;
            }
            if !lines.all(|line| key.accepts(&self.text, &line.signature)) {
                return Err(NoteError::Wrong { name: key.name().to_owned() });
            }
            signed.push(place);
        }
        if signed.is_empty() {
            let by = self.signatures.iter().take(5).map(|line| format!("{}+{:08x}", line.name, line.key_id));
            return Err(NoteError::Unknown { by: by.collect() });
        }
        Ok(signed)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| line.fmt(f))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of the specification.
    const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    #[test]
    fn the_example_of_the_specification_verifies_and_a_changed_one_does_not() {
        let key: VerifierKey = KEY.parse().unwrap();
        assert_eq!(key.to_string(), KEY);
        let note = Note::parse(NOTE.as_bytes()).unwrap();
        assert_eq!((note.text(), note.to_string().as_str()), ("This is an example message.\n", NOTE));
        assert_eq!(note.verify(&[&key]), Ok(vec![0]));
        let other = SigningKey::generate("example.com/foo").unwrap().public();
        assert_eq!(note.verify(&[&other, &key]), Ok(vec![1]));
        let unknown = NoteError::Unknown { by: vec!["example.com/foo+530d903a".to_owned()] };
        assert_eq!(note.verify(&[&other]), Err(unknown));
        let changed = Note::parse(NOTE.replace("example m", "Example m").as_bytes()).unwrap();
        assert_eq!(changed.verify(&[&key]), Err(NoteError::Wrong { name: "example.com/foo".to_owned() }));
    }

    #[test]
    fn several_keys_sign_a_note_and_each_is_known_by_name_and_number() {
        let [one, two] = ["stadt.example/log", "stadt.example/neu"].map(|name| SigningKey::generate(name).unwrap());
        let mut note = Note::sign("a\n\nb\n".to_owned(), &one).unwrap();
        note.add_signature(&two);
        note.add_signature(&one);
        let lines: Vec<_> = note.signatures().iter().map(|line| (line.name(), line.signature().len())).collect();
        assert_eq!(lines, [("stadt.example/neu", 64), ("stadt.example/log", 64)]);
        let note = Note::parse(note.to_string().as_bytes()).unwrap();
        assert_eq!(note.text(), "a\n\nb\n");
        assert_eq!(note.verify(&[&one.public(), &two.public()]), Ok(vec![0, 1]));
        let again = SigningKey::from_text(&format!("{}\n", two.to_text())).unwrap();
        assert_eq!((again.public(), again.name()), (two.public(), "stadt.example/neu"));
        assert_ne!(one.to_text(), two.to_text());
        for text in ["a", "a\r\n", ""] {
            assert_eq!(Note::sign(text.to_owned(), &one).unwrap_err(), NoteError::Text);
        }
    }

    #[test]
    fn what_is_no_note_and_no_key_is_told() {
        let wrong = |note: &str| Note::parse(note.as_bytes()).unwrap_err();
        let line = NOTE.lines().last().unwrap();
        assert_eq!(wrong(""), NoteError::NoSignatures);
        assert_eq!(wrong("a\n"), NoteError::NoSignatures);
        assert_eq!(wrong("a\n\n"), NoteError::NoSignatures);
        assert_eq!(wrong(&format!("a\n\n{line}")), NoteError::NoSignatures);
        assert_eq!(wrong("a\n\r\n"), NoteError::ControlCharacter { line: 2 });
        assert_eq!(wrong(&format!("a\n\n{line}\nx\n")), NoteError::SignatureLine { number: 2 });
        for changed in [("— ", "- "), ("foo ", "fo+o "), ("foo ", "fo o "), ("M=", "M"), (" U", "  U"), ("— e", "—e")]
        {
            let text = NOTE.replace(changed.0, changed.1);
            assert_eq!(wrong(&text), NoteError::SignatureLine { number: 1 }, "{text}");
        }
        assert_eq!(wrong(&format!("a\n\n{}", format!("{line}\n").repeat(101))), NoteError::TooManySignatures);
        assert!(Note::parse(format!("a\n\n{}", format!("{line}\n").repeat(100)).as_bytes()).is_ok());
        assert_eq!(wrong(&"a\n".repeat(MAX_NOTE)), NoteError::TooLong);
        assert_eq!(Note::parse(b"\xff\n\n"), Err(NoteError::NoText));
        let key = |text: &str| text.parse::<VerifierKey>().unwrap_err();
        let name = "example.com/foo".to_owned();
        assert_eq!(key(""), NoteError::KeyForm);
        assert_eq!(key(&KEY.replace("530d903a", "530D903A")), NoteError::KeyForm);
        assert_eq!(key(&KEY.replace("530d903a", "530d903b")), NoteError::KeyId { name: name.clone() });
        let cosigner = KEY.replace("+Aeky", "+BOky");
        assert_eq!(key(&cosigner), NoteError::KeyType { name: name.clone(), found: 4, expected: 1 });
        assert_eq!(key(&KEY.replace("foo+", " +")), NoteError::Name("example.com/ ".to_owned()));
        let zero =
            format!("{name}+{:08x}+{}", key_id(&name, 1, &[0; 32]), STANDARD.encode([&[1][..], &[0; 32]].concat()));
        assert_eq!(key(&zero), NoteError::NoKey { name: name.clone() });
        let secret = SigningKey::generate(&name).unwrap().to_text();
        let wrong = |text: &str| SigningKey::from_text(text).err().unwrap();
        assert_eq!(wrong(KEY), NoteError::SecretForm);
        assert_eq!(wrong(&secret[..secret.len() - 1]), NoteError::SecretForm);
        assert_eq!(wrong(&secret.replace("/foo", "/fou")), NoteError::KeyId { name: "example.com/fou".to_owned() });
        assert_eq!(SigningKey::generate("a b").err(), Some(NoteError::Name("a b".to_owned())));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_note_fail_otherwise_than_by_an_error(text in "(\\PC|\n|— | [A-Za-z0-9+/=]{8}){0,60}") {
            if let Ok(note) = Note::parse(text.as_bytes()) {
                prop_assert_eq!(note.to_string(), text);
            }
        }
    }
}
