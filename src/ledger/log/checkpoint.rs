//! Checkpoints: what a log says of itself, in a signed note (C2SP `tlog-checkpoint`).

use std::fmt;
use std::str::FromStr;

use super::merkle::{Hash, ProofError};
use super::note::{Note, NoteError, SigningKey, Verifier};

/// The size and the root of a log; printed and read as the text of the note, without signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// Which log it is of: the name of the city's key, such as `stadt.example/fahrtenbuch`.
    pub(crate) origin: String,
    pub(crate) size: u64,
    pub(crate) root: Hash,
    /// Lines that a log may add; ours has none.
    pub(crate) extensions: Vec<String>,
}

/// Why a checkpoint is none, or not one of this log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CheckpointError {
    #[error("the checkpoint is no signed note: {0}")]
    Note(#[from] NoteError),
    #[error("a checkpoint has three lines that are not empty: origin, size, root")]
    Lines,
    #[error("'{0}' is no size of a log")]
    Size(String),
    #[error("'{0}' is no root of a log: 32 bytes in base64")]
    Root(String),
    #[error("a log without entries has the root {}", Hash::of_empty_tree())]
    EmptyRoot,
    #[error("the checkpoint is of the log '{found}', and that of '{expected}' is expected")]
    Origin { found: String, expected: String },
    #[error(transparent)]
    TwoRoots(ProofError),
}

/// A number without sign and without zeroes before it.
pub(super) fn parse_number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

impl Checkpoint {
    /// The checkpoint of a log that has no extensions.
    pub(crate) fn new(origin: &str, size: u64, root: Hash) -> Self {
        Self { origin: origin.to_owned(), size, root, extensions: Vec::new() }
    }

    /// Signs the checkpoint by the log's own key.
    pub(crate) fn sign(&self, key: &SigningKey) -> Result<Note, CheckpointError> {
        // A line feed within the origin would be another checkpoint.
        let text = self.to_string();
        if text.parse::<Self>().as_ref() != Ok(self) {
            return Err(CheckpointError::Lines);
        }
        Ok(Note::sign(text, key)?)
    }

    /// The checkpoint in a note, unless it is of another log or none of the known keys signed it. The places of the keys that
    /// did are given with it.
    pub(crate) fn open(
        note: &Note,
        origin: &str,
        known: &[&dyn Verifier],
    ) -> Result<(Self, Vec<usize>), CheckpointError> {
        let signed = note.verify(known)?;
        let checkpoint: Self = note.text().parse()?;
        if checkpoint.origin != origin {
            return Err(CheckpointError::Origin { found: shown(&checkpoint.origin), expected: origin.to_owned() });
        }
        Ok((checkpoint, signed))
    }

    /// Refuses another checkpoint of the same log that has the same size and another root.
    pub(crate) fn agrees_with(&self, other: &Self) -> Result<(), CheckpointError> {
        if other.origin != self.origin {
            return Err(CheckpointError::Origin { found: shown(&other.origin), expected: self.origin.clone() });
        }
        match self.size == other.size && self.root != other.root {
            true => Err(CheckpointError::TwoRoots(ProofError::TwoRoots { size: self.size })),
            false => Ok(()),
        }
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, self.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointError::Lines);
        };
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if origin.is_empty() || extensions.iter().any(String::is_empty) {
            return Err(CheckpointError::Lines);
        }
        let size = parse_number(size).ok_or_else(|| CheckpointError::Size(shown(size)))?;
        let root = root.parse().map_err(|_| CheckpointError::Root(shown(root)))?;
        if size == 0 && root != Hash::of_empty_tree() {
            return Err(CheckpointError::EmptyRoot);
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification, and the root in it.
    const TEXT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

    #[test]
    fn the_example_of_the_specification_reads_back_and_changed_ones_are_refused() {
        let checkpoint: Checkpoint = TEXT.parse().unwrap();
        assert_eq!(checkpoint, Checkpoint::new("example.com/behind-the-sofa", 20_852_163, ROOT.parse().unwrap()));
        assert_eq!(checkpoint.to_string(), TEXT);
        let longer: Checkpoint = format!("{TEXT}more\n").parse().unwrap();
        assert_eq!((longer.extensions.clone(), longer.to_string()), (vec!["more".to_owned()], format!("{TEXT}more\n")));
        let wrong = |from: &str, to: &str| TEXT.replace(from, to).parse::<Checkpoint>().unwrap_err();
        assert_eq!(wrong("example.com/behind-the-sofa", ""), CheckpointError::Lines);
        assert_eq!(wrong("2I=\n", "2I="), CheckpointError::Lines);
        assert_eq!(wrong("2I=\n", "2I=\n\n"), CheckpointError::Lines);
        for size in ["020852163", "+20852163", "-1", "", "20852163 ", "18446744073709551616"] {
            assert_eq!(wrong("20852163", size), CheckpointError::Size(size.to_owned()));
        }
        assert_eq!(wrong("20852163", "0"), CheckpointError::EmptyRoot);
        for root in ["CsUY", &ROOT.replace("2I=", "2J="), &ROOT.replace('=', "")] {
            assert_eq!(wrong(ROOT, root), CheckpointError::Root(root.to_owned()));
        }
        assert!(Checkpoint::new("a", 0, Hash::of_empty_tree()).to_string().parse::<Checkpoint>().is_ok());
    }

    #[test]
    fn a_checkpoint_is_opened_by_its_key_and_origin_and_two_of_one_size_agree() {
        let key = SigningKey::generate("stadt.example/fahrtenbuch").unwrap();
        let one = Checkpoint::new(key.name(), 5, Hash([1; 32]));
        let note = Note::parse(one.sign(&key).unwrap().to_string().as_bytes()).unwrap();
        assert_eq!(Checkpoint::open(&note, key.name(), &[&key.public()]), Ok((one.clone(), vec![0])));
        let found = key.name().to_owned();
        let other = Checkpoint::open(&note, "b.example", &[&key.public()]).unwrap_err();
        assert_eq!(other, CheckpointError::Origin { found, expected: "b.example".to_owned() });
        assert!(Checkpoint::new("a\nb", 5, Hash([1; 32])).sign(&key).is_err());
        assert_eq!(one.agrees_with(&one.clone()), Ok(()));
        assert_eq!(one.agrees_with(&Checkpoint::new(key.name(), 6, Hash([2; 32]))), Ok(()));
        let forked = one.agrees_with(&Checkpoint::new(key.name(), 5, Hash([2; 32])));
        assert_eq!(forked, Err(CheckpointError::TwoRoots(ProofError::TwoRoots { size: 5 })));
        assert!(one.agrees_with(&Checkpoint::new("b.example", 5, Hash([1; 32]))).is_err());
    }
}
