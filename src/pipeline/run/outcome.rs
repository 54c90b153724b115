//! What became of a run.

use crate::ledger::{RunRecord, Status};
use crate::time::ServiceDate;

/// What a run did.
#[derive(Debug)]
pub struct Report {
    pub record: RunRecord,
    /// Where the record is in the bucket.
    pub record_key: String,
    /// Releases made; 0 if everything was published before.
    pub commits: usize,
    /// Files put into the bucket, also damaged ones that were put again.
    pub puts: usize,
    /// An earlier run had the same inputs: nothing was looked at but what is in the bucket.
    pub is_repeated: bool,
    /// Something that an earlier run had begun was finished.
    pub finished_earlier: bool,
    /// Whether the date was over; a release made before is provisional.
    pub is_complete: bool,
    pub seconds: f64,
}

/// What became of a run.
#[derive(Debug)]
pub enum Outcome {
    Done(Box<Report>),
    /// There was nothing to do: the date is not over, and there is no older one, or it has no reports yet; or all evidence of it is
    /// gone, and that was accepted.
    NotDue {
        date: ServiceDate,
        reason: String,
    },
}

/// A run and what has to be said of the way to it: sources that did not answer, evidence of the future, dates passed over.
#[derive(Debug)]
pub struct Run {
    pub outcome: Outcome,
    pub warnings: Vec<String>,
}

impl Report {
    /// Whether the bucket had every row already.
    pub fn is_nothing_new(&self) -> bool {
        let is_nothing = self.commits == 0 && self.puts == 0;
        is_nothing && self.record.status == Status::Published && !self.finished_earlier
    }
}
