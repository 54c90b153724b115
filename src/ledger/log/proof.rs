//! Proofs to keep beside what they prove: that an entry is in the log of a checkpoint (C2SP `tlog-proof`).
//!
//! A proof is checked without the log: the entry, the file and the public key are enough.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{Checkpoint, CheckpointError, parse_number};
use super::merkle::{self, Hash, MAX_PROOF, NoHash, ProofError};
use super::note::{MAX_NOTE, Note, NoteError, Verifier};

/// The first line of a proof.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The longest line of extra data that is read.
const MAX_EXTRA: usize = 64 * 1024;

/// The longest proof that is read: a line of extra data, the hashes with what stands around them, and the note.
pub(crate) const MAX_FILE: usize = MAX_EXTRA + 64 * (MAX_PROOF + 4) + MAX_NOTE;

/// Where the proof of a version of a table is in the bucket.
pub(crate) fn proof_key(dataset: &str, table: &str, version: u64) -> String {
    format!("meta/{dataset}/{table}/proofs/v{version:010}.tlog-proof")
}

/// The proof of an entry; printed and read as a `.tlog-proof` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proof {
    /// What others may have put into it, which nobody signed; ours has none.
    pub(crate) extra: Option<Vec<u8>>,
    /// Which entry of the log it is of, from 0.
    pub(crate) index: u64,
    pub(crate) hashes: Vec<Hash>,
    /// The checkpoint with its signatures, which is verified by [`Proof::verify`].
    pub(crate) checkpoint: Note,
}

/// Why a proof is none, or proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProofFileError {
    #[error("the proof is longer than {MAX_FILE} bytes")]
    TooLong,
    #[error("the proof is no UTF-8")]
    NoText,
    #[error("the first line of a proof is '{HEADER}'")]
    Header,
    #[error("the extra data of the proof is not in base64, or longer than {MAX_EXTRA} characters")]
    Extra,
    #[error("the proof has no line 'index' with the number of the entry")]
    Index,
    #[error("hash {number} of the proof: {source}")]
    Hash { number: usize, source: NoHash },
    #[error("the proof has more than {MAX_PROOF} hashes")]
    TooManyHashes,
    #[error("the proof has no empty line before its checkpoint")]
    NoCheckpoint,
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl From<NoteError> for ProofFileError {
    fn from(error: NoteError) -> Self {
        Self::Checkpoint(error.into())
    }
}

impl Proof {
    pub(crate) fn new(index: u64, hashes: Vec<Hash>, checkpoint: Note) -> Self {
        Self { extra: None, index, hashes, checkpoint }
    }

    /// Reads a proof. Whether it proves something, [`Proof::verify`] says.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ProofFileError> {
        if bytes.len() > MAX_FILE {
            return Err(ProofFileError::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ProofFileError::NoText)?;
        let rest = text.strip_prefix(HEADER).and_then(|rest| rest.strip_prefix('\n')).ok_or(ProofFileError::Header)?;
        let (head, checkpoint) = rest.split_once("\n\n").ok_or(ProofFileError::NoCheckpoint)?;
        let mut lines = head.split('\n').peekable();
        let mut extra = None;
        if let Some(coded) = lines.peek().and_then(|line| line.strip_prefix("extra ")) {
            let coded = Some(coded).filter(|coded| coded.len() <= MAX_EXTRA);
            extra = Some(coded.and_then(|coded| STANDARD.decode(coded).ok()).ok_or(ProofFileError::Extra)?);
            lines.next();
        }
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(parse_number);
        let index = index.ok_or(ProofFileError::Index)?;
        let mut hashes = Vec::new();
        for (number, line) in (1..).zip(lines) {
            if number > MAX_PROOF {
                return Err(ProofFileError::TooManyHashes);
            }
            hashes.push(line.parse().map_err(|source| ProofFileError::Hash { number, source })?);
        }
        Ok(Self { extra, index, hashes, checkpoint: Note::parse(checkpoint.as_bytes())? })
    }

    /// Checks that the log signed a checkpoint that has this entry. Gives the checkpoint, and the places of the known keys that
    /// signed it: which of them are needed, and how many witnesses, is for the reader to decide.
    pub(crate) fn verify(
        &self,
        entry: &[u8],
        origin: &str,
        known: &[&dyn Verifier],
    ) -> Result<(Checkpoint, Vec<usize>), ProofFileError> {
        let (checkpoint, signed) = Checkpoint::open(&self.checkpoint, origin, known)?;
        let (leaf, tree) = ((self.index, Hash::of_leaf(entry)), (checkpoint.size, checkpoint.root));
        merkle::check_inclusion(&self.hashes, leaf, tree)?;
        Ok((checkpoint, signed))
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for Proof {
    type Err = ProofFileError;

    fn from_str(text: &str) -> Result<Self, ProofFileError> {
        Self::parse(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::merkle::tests::{Plain, by_definition, leaves};
    use super::super::note::SigningKey;
    use super::*;

    /// The proof of entry 4 of 11, whose text is `entry 4`.
    fn proof(key: &SigningKey) -> Proof {
        let leaves = leaves(11);
        let checkpoint = Checkpoint::new(key.name(), 11, by_definition(&leaves)).sign(key).unwrap();
        Proof::new(4, merkle::inclusion(4, 11, &mut Plain(leaves)).unwrap(), checkpoint)
    }

    #[test]
    fn a_proof_reads_back_and_proves_its_entry_alone() {
        let key = SigningKey::generate("stadt.example/fahrtenbuch").unwrap();
        let made = proof(&key);
        let read: Proof = made.to_string().parse().unwrap();
        assert_eq!(read, made);
        let verify = |proof: &Proof, entry: &str| proof.verify(entry.as_bytes(), key.name(), &[&key.public()]);
        let (checkpoint, signed) = verify(&read, "entry 4\n").unwrap();
        assert_eq!((checkpoint.size, signed), (11, vec![0]));
        assert_eq!(verify(&read, "entry 5\n"), Err(ProofError::NotIncluded.into()));
        assert_eq!(verify(&Proof { index: 5, ..made.clone() }, "entry 4\n"), Err(ProofError::NotIncluded.into()));
        let beyond = ProofError::Beyond { index: 11, size: 11 };
        assert_eq!(verify(&Proof { index: 11, ..made.clone() }, "entry 4\n"), Err(beyond.into()));
        let other = SigningKey::generate("stadt.example/fahrtenbuch").unwrap();
        assert!(made.verify(b"entry 4\n", key.name(), &[&other.public()]).is_err());
        assert!(made.verify(b"entry 4\n", "b.example", &[&key.public()]).is_err());
        let with_extra = Proof { extra: Some(b"more".to_vec()), ..made };
        assert_eq!(with_extra.to_string().parse(), Ok(with_extra));
    }

    #[test]
    fn what_is_no_proof_is_told() {
        let text = proof(&SigningKey::generate("a.example").unwrap()).to_string();
        let wrong = |from: &str, to: &str| text.replacen(from, to, 1).parse::<Proof>().unwrap_err();
        assert_eq!(wrong("@v1", "@v2"), ProofFileError::Header);
        assert_eq!(wrong("index 4", "index 04"), ProofFileError::Index);
        assert_eq!(wrong("index 4\n", ""), ProofFileError::Index);
        assert_eq!(wrong("index", "extra !\nindex"), ProofFileError::Extra);
        assert_eq!(wrong("index 4\n", "index 4\nabc\n"), ProofFileError::Hash { number: 1, source: NoHash });
        let many = format!("index 4\n{}", format!("{}\n", Hash([0; 32])).repeat(64));
        assert_eq!(wrong("index 4\n", &many), ProofFileError::TooManyHashes);
        assert_eq!("c2sp.org/tlog-proof@v1\nindex 1\n".parse::<Proof>(), Err(ProofFileError::NoCheckpoint));
        assert_eq!("".parse::<Proof>(), Err(ProofFileError::Header));
        assert_eq!(Proof::parse(&[b'a'; MAX_FILE + 1]), Err(ProofFileError::TooLong));
        assert_eq!(Proof::parse(b"\xff"), Err(ProofFileError::NoText));
        assert!(matches!(wrong("— a.example", "a.example"), ProofFileError::Checkpoint(_)));
    }
}
