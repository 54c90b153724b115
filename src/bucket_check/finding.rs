//! What is tried of a bucket, and what comes of it.

use crate::digest::Digest;

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was tried, as `create-only`, `range`, `cors`.
    pub id: &'static str,
    pub outcome: Outcome,
    pub sentence: String,
    /// What to do, where something does not work.
    pub remedy: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Works,
    /// It could not be tried.
    Unknown,
    /// Readers do without it, with more effort or from fewer programs.
    Lacks,
    /// Without it nothing can be published, or nobody can read it.
    Fails,
}

impl Finding {
    pub(super) fn works(id: &'static str, sentence: impl Into<String>) -> Self {
        Self { id, outcome: Outcome::Works, sentence: sentence.into(), remedy: None }
    }

    pub(super) fn lacks(id: &'static str, sentence: impl Into<String>, remedy: &'static str) -> Self {
        Self { id, outcome: Outcome::Lacks, sentence: sentence.into(), remedy: Some(remedy) }
    }

    pub(super) fn fails(id: &'static str, sentence: impl Into<String>, remedy: &'static str) -> Self {
        Self { id, outcome: Outcome::Fails, sentence: sentence.into(), remedy: Some(remedy) }
    }
}

/// An object that is written to look at it.
pub(super) struct Probe {
    pub key: String,
    pub bytes: Vec<u8>,
}

impl Probe {
    /// An object that never changes, and one that may.
    pub(super) fn both() -> [Self; 2] {
        let mut random = [0; 16];
        // Without the system's random numbers a name may meet that of another probe, which is told as a store that keeps it.
        let _ = getrandom::fill(&mut random);
        let bytes: Vec<u8> = random.iter().copied().cycle().take(1000).collect();
        let short = Digest::of(&bytes).short();
        let text = format!("{{\"probe\": \"{short}\"}}\n").into_bytes();
        [
            Self { key: format!("ledger/probe/part-{short}.parquet"), bytes },
            Self { key: format!("ledger/probe/probe{short}.json"), bytes: text },
        ]
    }
}
