//! The answer of a replay.

use jiff::Timestamp;
use serde::Serialize;

use crate::digest::Digest;
use crate::ledger::Program;
use crate::pipeline::replay::reason::Reason;
use crate::pipeline::replay::rows::RowDifferences;
use crate::pipeline::run::replay::OtherInput;
use crate::time::ServiceDate;

/// The answer.
#[derive(Debug, Serialize)]
pub struct Replay {
    /// As it was asked for.
    pub release: String,
    /// The program that made the files again.
    pub program: Program,
    /// What a person or a rule did, where the release is that.
    pub act: Option<ActSaid>,
    pub runs: Vec<ReplayedRun>,
    /// Months in one file, which are made of the files of their days.
    pub months: Vec<ReplayedMonth>,
    /// Why something of it cannot be made again.
    pub unable: Vec<Reason>,
}

/// What was done to releases, by whom and why.
#[derive(Debug, Serialize)]
pub struct ActSaid {
    /// `rollback`, `withdrawal`, `lift`, `gc`, `compaction`.
    pub kind: String,
    pub at: Option<Timestamp>,
    pub by: Option<String>,
    pub reason: Option<String>,
    /// Of a rollback: the version whose files are current again.
    pub to: Option<u64>,
    pub dates: Vec<ServiceDate>,
    pub record: String,
}

/// A run that was made again, or why it was not.
#[derive(Debug, Serialize)]
pub struct ReplayedRun {
    pub record: String,
    pub pipeline: Option<String>,
    pub date: Option<ServiceDate>,
    pub provisional: bool,
    /// That of then.
    pub program: Option<Program>,
    pub same_program: bool,
    /// Whether the run was held back then, and now.
    pub held_back: bool,
    pub now_held_back: bool,
    /// Rules that hold it back now.
    pub blocked_by: Vec<String>,
    pub files: Vec<ComparedFile>,
    /// Inputs that are others now. Files are compared all the same.
    pub other_inputs: Vec<OtherInput>,
    pub limits: Vec<Reason>,
    pub unable: Option<Reason>,
}

/// A file of then beside the one that was made again.
#[derive(Debug, Serialize)]
pub struct ComparedFile {
    pub table: String,
    pub path: String,
    pub verdict: Verdict,
    pub published: PublishedState,
    /// As the record and the index say, and as it was made again.
    pub sha256: Digest,
    pub replayed_sha256: Option<Digest>,
    pub rows: u64,
    pub replayed_rows: Option<u64>,
    /// Where rows could be compared and are not the same.
    pub differences: Option<RowDifferences>,
}

/// What a file is to the one that was made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The same bytes.
    Equal,
    /// The same columns and rows in the same order, in other bytes.
    SameRows,
    Differs,
    /// It was not made again.
    NotMade,
}

/// What the bucket has of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PublishedState {
    Whole,
    /// Other bytes than the record says.
    Changed,
    /// Superseded and deleted, or withdrawn.
    Gone,
    /// It is not there, and the newest index names it.
    Missing,
}

impl PublishedState {
    /// Whether the bucket has what it should have.
    pub fn is_right(self) -> bool {
        matches!(self, Self::Whole | Self::Gone)
    }
}

/// A month in one file, made again of the files of its days.
#[derive(Debug, Serialize)]
pub struct ReplayedMonth {
    pub table: String,
    pub month: String,
    pub path: String,
    pub sha256: Digest,
    pub replayed_sha256: Option<Digest>,
    pub verdict: Verdict,
    pub published: PublishedState,
    pub unable: Option<Reason>,
}

impl ReplayedRun {
    /// Whether all of it is what it was. Another version of the program may write the same rows in other bytes.
    pub fn is_same(&self) -> bool {
        let is_same = |file: &ComparedFile| {
            let is_made = match file.verdict {
                Verdict::Equal => true,
                Verdict::SameRows => !self.same_program,
                Verdict::Differs | Verdict::NotMade => false,
            };
            is_made && file.published.is_right()
        };
        self.unable.is_none() && self.held_back == self.now_held_back && self.files.iter().all(is_same)
    }
}

impl ReplayedMonth {
    pub fn is_same(&self) -> bool {
        self.unable.is_none() && self.verdict == Verdict::Equal && self.published.is_right()
    }
}

impl Replay {
    /// Whether something is not what it was.
    pub fn differs(&self) -> bool {
        let runs = self.runs.iter().any(|run| run.unable.is_none() && !run.is_same());
        runs || self.months.iter().any(|month| month.unable.is_none() && !month.is_same())
    }

    /// Whether something could not be made again.
    pub fn is_unable(&self) -> bool {
        !self.unable.is_empty()
            || self.runs.iter().any(|run| run.unable.is_some())
            || self.months.iter().any(|month| month.unable.is_some())
            || self.runs.is_empty() && self.months.is_empty()
    }
}
