//! Asking a witness for its cosignature: `add-checkpoint` (C2SP `tlog-witness`).
//!
//! A witness cosigns a checkpoint only if the log grew from the one that it saw last; so a log with witnesses cannot show one
//! history to some and another to others. What goes over the wire is made and read here; who sends it is behind [`Post`].

use super::checkpoint::{Checkpoint, parse_number};
use super::cosignature::CosignerKey;
use super::merkle::{Hash, MAX_PROOF};
use super::note::{Note, SignatureLine, Verifier};
use super::tiles::TileError;

/// The longest answer that is read.
pub(crate) const MAX_ANSWER: usize = 256 * 1024;

/// How often a witness is asked: once, once more with the size that it told, and once more if another asked between.
const TRIES: usize = 3;

/// A witness, as the workspace names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Witness {
    /// The submission prefix: `/add-checkpoint` comes after it.
    pub(crate) url: String,
    pub(crate) key: CosignerKey,
}

/// What came back over HTTP, whatever its status.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Sends a request. It follows no redirects and reads at most [`MAX_ANSWER`] bytes and one; what fails below HTTP is told in words.
pub(crate) trait Post {
    fn post(&self, url: &str, body: Vec<u8>) -> impl Future<Output = Result<Answer, String>> + Send;
}

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WitnessError {
    #[error("the witness cannot be reached: {0}")]
    Down(String),
    #[error("the witness does not know this log (status 404): its operator must add the origin '{origin}' and the key")]
    UnknownLog { origin: String },
    #[error(
        "the witness does not know the key that signed the checkpoint (status 403): tell its operator of the new key"
    )]
    UnknownKey,
    #[error(
        "the witness refuses the checkpoint (status 422): it saw another history of this log. Compare its checkpoint with the log"
    )]
    Forked,
    #[error(
        "the witness saw {seen} entries of this log, which has only {size}: the log was rolled back, or its bucket is old"
    )]
    RolledBack { seen: u64, size: u64 },
    #[error("the witness answers with status {status}: {words}")]
    Status { status: u16, words: String },
    #[error("the answer of the witness is longer than {MAX_ANSWER} bytes")]
    TooLong,
    #[error("the witness answers 409 without the size that it saw")]
    NoSize,
    #[error("the witness tells another size whenever it is asked: something else submits checkpoints of this log")]
    Restless,
    #[error("the answer of the witness has no signature lines: {0}")]
    NoSignatures(super::note::NoteError),
    #[error(
        "the answer of the witness has no cosignature by the key of {name}: compare the key with that of its operator"
    )]
    OtherKey { name: String },
    #[error("the cosignature of {name} is wrong or has no time")]
    Wrong { name: String },
    #[error("the proof for the witness cannot be made: {0}")]
    Proof(#[from] TileError),
    #[error("the proof for the witness would have {0} hashes, more than {MAX_PROOF}")]
    LongProof(usize),
}

impl WitnessError {
    /// Whether it may go away by itself; all else needs somebody to look.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Down(_) | Self::Restless => true,
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}

/// What follows from an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The line to add to the checkpoint.
    Cosigned(SignatureLine),
    /// The witness last saw this size: ask it again with the proof from there.
    From(u64),
}

/// The body of a request: the size that the witness saw last, the proof from there, and the signed checkpoint.
pub(crate) fn request(old: u64, proof: &[Hash], checkpoint: &Note) -> Result<String, WitnessError> {
    if proof.len() > MAX_PROOF {
        return Err(WitnessError::LongProof(proof.len()));
    }
    let proof: String = proof.iter().map(|hash| format!("{hash}\n")).collect();
    Ok(format!("old {old}\n{proof}\n{checkpoint}"))
}

/// Reads the answer to a request for a checkpoint in its note.
pub(crate) fn read(
    answer: &Answer,
    key: &CosignerKey,
    (checkpoint, note): (&Checkpoint, &Note),
) -> Result<Step, WitnessError> {
    if answer.body.len() > MAX_ANSWER {
        return Err(WitnessError::TooLong);
    }
    let text = String::from_utf8_lossy(&answer.body);
    match answer.status {
        200 => {
            let name = || key.name().to_owned();
            let lines = SignatureLine::parse_all(&text).map_err(WitnessError::NoSignatures)?;
            let mut lines = lines.into_iter().filter(|line| line.is_of(key));
            let line = lines.next().ok_or_else(|| WitnessError::OtherKey { name: name() })?;
            let is_right = key.accepts(note.text(), line.signature()) && CosignerKey::time(&line).is_some();
            if is_right { Ok(Step::Cosigned(line)) } else { Err(WitnessError::Wrong { name: name() }) }
        }
        409 => {
            let seen = text.strip_suffix('\n').and_then(parse_number).ok_or(WitnessError::NoSize)?;
            match seen > checkpoint.size {
                true => Err(WitnessError::RolledBack { seen, size: checkpoint.size }),
                false => Ok(Step::From(seen)),
            }
        }
        403 => Err(WitnessError::UnknownKey),
        404 => Err(WitnessError::UnknownLog { origin: checkpoint.origin.clone() }),
        422 => Err(WitnessError::Forked),
        status => {
            let words = text.chars().filter(|letter| !letter.is_control()).take(200).collect();
            Err(WitnessError::Status { status, words })
        }
    }
}

impl Witness {
    /// Asks for a cosignature. `old` is the size that the witness cosigned last, as far as is known, else 0; `prove` makes the
    /// proof from an older size to that of the checkpoint.
    pub(crate) async fn cosign(
        &self,
        post: &impl Post,
        (checkpoint, note): (&Checkpoint, &Note),
        old: u64,
        mut prove: impl FnMut(u64) -> Result<Vec<Hash>, TileError>,
    ) -> Result<SignatureLine, WitnessError> {
        let url = format!("{}/add-checkpoint", self.url.trim_end_matches('/'));
        let mut old = old.min(checkpoint.size);
        for _ in 0..TRIES {
            let body = request(old, &prove(old)?, note)?;
            let answer = post.post(&url, body.into_bytes()).await.map_err(WitnessError::Down)?;
            match read(&answer, &self.key, (checkpoint, note))? {
                Step::Cosigned(line) => return Ok(line),
                Step::From(seen) => old = seen,
            }
        }
        Err(WitnessError::Restless)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::cosignature::tests::Cosigner;
    use super::super::merkle::tests::{Plain, by_definition, leaves};
    use super::super::merkle::{check_consistency, consistency};
    use super::super::note::{SigningKey, VerifierKey};
    use super::*;

    /// A witness by the specification, over memory.
    struct Memory {
        cosigner: Cosigner,
        log: VerifierKey,
        seen: Mutex<(u64, Hash)>,
        requests: Mutex<Vec<String>>,
    }

    impl Memory {
        fn answer(&self, body: &str) -> (u16, String) {
            let (head, note) = body.split_once("\n\n").unwrap();
            let mut lines = head.lines();
            let old: u64 = lines.next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
            let proof: Vec<Hash> = lines.map(|line| line.parse().unwrap()).collect();
            let note = Note::parse(note.as_bytes()).unwrap();
            if !note.text().starts_with(&format!("{}\n", self.log.name())) {
                return (404, String::new());
            }
            let Ok((checkpoint, _)) = Checkpoint::open(&note, self.log.name(), &[&self.log]) else {
                return (403, String::new());
            };
            let mut seen = self.seen.lock().unwrap();
            if old > checkpoint.size {
                return (400, "old is larger".to_owned());
            }
            if seen.0 != old {
                return (409, format!("{}\n", seen.0));
            }
            if check_consistency(&proof, *seen, (checkpoint.size, checkpoint.root)).is_err() {
                return (422, String::new());
            }
            *seen = (checkpoint.size, checkpoint.root);
            let other = Cosigner::new("other.example", 9).line(note.text(), 8);
            (200, format!("{other}{}", self.cosigner.line(note.text(), 1_700_000_000)))
        }
    }

    impl Post for Memory {
        async fn post(&self, url: &str, body: Vec<u8>) -> Result<Answer, String> {
            assert_eq!(url, "https://zeuge.example/w/add-checkpoint");
            let body = String::from_utf8(body).unwrap();
            let (status, answer) = self.answer(&body);
            self.requests.lock().unwrap().push(body);
            Ok(Answer { status, body: answer.into_bytes() })
        }
    }

    fn cosign(
        post: &impl Post,
        witness: &Witness,
        log: &SigningKey,
        leaves: &[Hash],
        old: u64,
    ) -> Result<SignatureLine, WitnessError> {
        let size = leaves.len() as u64;
        let checkpoint = Checkpoint::new(log.name(), size, by_definition(leaves));
        let note = checkpoint.sign(log).unwrap();
        let mut tree = Plain(leaves.to_vec());
        let prove = |old| Ok(consistency(old, size, &mut tree).unwrap());
        let asked = witness.cosign(post, (&checkpoint, &note), old, prove);
        futures::executor::block_on(asked)
    }

    #[test]
    fn a_witness_cosigns_what_grew_and_refuses_a_fork_and_a_log_that_became_shorter() {
        let log = SigningKey::generate("stadt.example/fahrtenbuch").unwrap();
        let cosigner = Cosigner::new("zeuge.example/w", 1);
        let witness = Witness { url: "https://zeuge.example/w/".to_owned(), key: cosigner.1.clone() };
        let seen = Mutex::new((0, Hash::of_empty_tree()));
        let post = Memory { cosigner, log: log.public(), seen, requests: Mutex::default() };
        let all = leaves(30);
        let ask = |leaves: &[Hash], old: u64| cosign(&post, &witness, &log, leaves, old);
        let line = ask(&all[..11], 0).unwrap();
        assert_eq!(CosignerKey::time(&line).unwrap().as_second(), 1_700_000_000);
        // It saw more than we know of: it says so, and is asked again from there.
        ask(&all[..20], 5).unwrap();
        assert_eq!(post.requests.lock().unwrap().len(), 3);
        assert!(post.requests.lock().unwrap()[2].starts_with("old 11\n"));
        // The same again, and more.
        ask(&all[..20], 20).unwrap();
        ask(&all, 20).unwrap();
        let rolled_back = ask(&all[..20], 20).unwrap_err();
        assert!(matches!(rolled_back, WitnessError::RolledBack { seen: 30, size: 20 }));
        // Of the same size with another root, and of a larger size with another history.
        let mut forked = all.clone();
        forked[3] = Hash([3; 32]);
        for fork in [forked.clone(), [forked, leaves(3)].concat()] {
            assert!(matches!(ask(&fork, 30), Err(WitnessError::Forked)));
        }
        let other = SigningKey::generate(log.name()).unwrap();
        assert!(matches!(cosign(&post, &witness, &other, &all, 30), Err(WitnessError::UnknownKey)));
        let other = SigningKey::generate("b.example").unwrap();
        let unknown = cosign(&post, &witness, &other, &all, 30).unwrap_err();
        assert!(unknown.to_string().contains("add the origin 'b.example'") && !unknown.is_transient());
        let stranger = Witness { key: Cosigner::new("zeuge.example/w", 2).1, ..witness.clone() };
        let stranger = cosign(&post, &stranger, &log, &all, 30).unwrap_err();
        assert!(matches!(stranger, WitnessError::OtherKey { .. }));
    }

    /// Always the same answer.
    struct Says(Result<(u16, &'static str), &'static str>);

    impl Post for Says {
        async fn post(&self, _: &str, _: Vec<u8>) -> Result<Answer, String> {
            let (status, body) = self.0?;
            Ok(Answer { status, body: body.as_bytes().to_vec() })
        }
    }

    #[test]
    fn wrong_answers_are_told_and_a_witness_that_is_down_may_come_again() {
        let log = SigningKey::generate("a.example").unwrap();
        let witness = Witness { url: "http://localhost".to_owned(), key: Cosigner::new("z.example", 1).1 };
        let tell = |answer| cosign(&Says(answer), &witness, &log, &leaves(9), 4).unwrap_err();
        for (answer, words, is_transient) in [
            (Err("connection refused"), "the witness cannot be reached: connection refused", true),
            (Ok((503, "down\n\x1b[31m")), "the witness answers with status 503: down[31m", true),
            (Ok((400, "no")), "the witness answers with status 400: no", false),
            (Ok((409, "five\n")), "the witness answers 409 without the size that it saw", false),
            (Ok((409, "05\n")), "the witness answers 409 without the size that it saw", false),
            (Ok((409, "5")), "the witness answers 409 without the size that it saw", false),
        ] {
            let error = tell(answer);
            assert_eq!((error.to_string().as_str(), error.is_transient()), (words, is_transient));
        }
        assert!(matches!(tell(Ok((409, "5\n"))), WitnessError::Restless));
        assert!(matches!(tell(Ok((200, ""))), WitnessError::NoSignatures(_)));
        assert!(matches!(tell(Ok((200, "— z.example !\n"))), WitnessError::NoSignatures(_)));
        let long = Answer { status: 200, body: vec![b'a'; MAX_ANSWER + 1] };
        let checkpoint = Checkpoint::new(log.name(), 9, Hash([1; 32]));
        let note = checkpoint.sign(&log).unwrap();
        let read = |answer: &Answer| read(answer, &witness.key, (&checkpoint, &note)).unwrap_err();
        assert!(matches!(read(&long), WitnessError::TooLong));
        // Of another checkpoint, or without a time.
        for line in [("other\n", 5), (note.text(), 0)] {
            let line = Cosigner::new("z.example", 1).line(line.0, line.1);
            let answer = Answer { status: 200, body: line.to_string().into_bytes() };
            assert!(matches!(read(&answer), WitnessError::Wrong { .. }));
        }
        assert!(matches!(request(1, &[Hash([0; 32]); 64], &note), Err(WitnessError::LongProof(64))));
    }
}
