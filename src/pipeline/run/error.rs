//! Why a run did not do what it should.

use std::path::{Path, PathBuf};

use crate::capture::CaptureError;
use crate::check::CheckError;
use crate::decision::DecisionError;
use crate::decode::DecodeError;
use crate::derive::DeriveError;
use crate::feed_rules::run_rules::RunRulesError;
use crate::pipeline::purged::PurgedWhat;
use crate::pipeline::run::changes::Changes;
use crate::pipeline::signing_keys::SigningError;
use crate::publish::PublishError;
use crate::quarantine::QuarantineError;
use crate::time::ServiceDate;
use crate::workspace::form::FormError;
use crate::yaml::Problem;

/// Why a run did not do what it should. The exit codes are those of the command line.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Check(#[from] CheckError),
    #[error(transparent)]
    Derive(#[from] DeriveError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Quarantine(#[from] QuarantineError),
    #[error(transparent)]
    Decision(#[from] DecisionError),
    /// Contracts do not say how their columns follow from those that are published.
    #[error("nothing was run: the contracts and what is published do not go together.{}", lines(.0))]
    Columns(Box<[Problem]>),
    /// What the last record of a partition says of its evidence or key is not what is there.
    #[error("{0}")]
    Changed(Box<Changes>),
    #[error("there is no evidence of {what}. {remedy}")]
    NoEvidence { what: String, remedy: String },
    /// A timetable is valid until the next one: where none was captured on a date, that date has nothing to run.
    #[error(
        "there is no evidence of {pipeline} for {date}. No timetable was captured on {date}; the one valid then was captured on \
         {valid}: 'fahrtenbuch run {pipeline} --date {valid}'."
    )]
    NoNewTimetable { pipeline: String, date: ServiceDate, valid: ServiceDate },
    /// Nothing is left of a date that was run, and somebody accepted that.
    #[error(
        "all evidence of {pipeline} {date} is gone, and that was accepted: there is nothing to run, and what was published stays"
    )]
    Forgone { pipeline: String, date: ServiceDate },
    /// The date is older than what is kept, or somebody had it destroyed.
    #[error(
        "{destroyed} of {pipeline} {date} were destroyed on {day} {why}{kept}: the date cannot be run again, and what was published of it \
         stays. The record '{record}' says what was destroyed, and by digests what went in.",
        destroyed = what.destroyed().en, kept = what.kept().en
    )]
    Purged { pipeline: String, date: ServiceDate, day: ServiceDate, why: String, record: String, what: Box<PurgedWhat> },
    /// The date has left the public, and nobody has said that it may be released again.
    #[error(
        "{table} of {date} was withdrawn on {day} by {by}: {reason}. Nothing was run of {pipeline} {date}. When it may be released \
         again: 'fahrtenbuch withdraw --lift {dataset} --date {date} --by NAME --reason TEXT'."
    )]
    Withdrawn {
        pipeline: Box<str>,
        dataset: Box<str>,
        table: Box<str>,
        date: ServiceDate,
        day: ServiceDate,
        by: Box<str>,
        reason: Box<str>,
    },
    /// A purge by the calendar of which the clock is likely to be wrong.
    #[error("{0}")]
    ClockDoubted(String),
    /// It is behind what was written down before.
    #[error("{0}")]
    ClockBehind(String),
    #[error("{problem}. Bring the key back from a backup: another one would give every vehicle another pseudonym.")]
    Key { problem: String },
    /// There is evidence, and all of it is something else.
    #[error("{what} ({found}). {remedy}.")]
    Unreadable { what: String, found: String, remedy: &'static str },
    #[error(
        "no report belongs to {pipeline} {date}: {captures} captures with {rows} rows tell of other dates or of nothing{faults}. \
         {stays}."
    )]
    NoReports { pipeline: String, date: ServiceDate, captures: usize, rows: u64, faults: String, stays: &'static str },
    #[error("another run is at work on {pipeline} {date}. Wait until it is done, and try again.")]
    Busy { pipeline: String, date: ServiceDate },
    #[error("{0}. {remedy}", remedy = .0.remedy())]
    Form(#[from] FormError),
    /// The bucket has releases that the private store should know of.
    #[error(
        "{problem}. Nothing was run, and no new key was made. Bring the private store back with 'fahrtenbuch restore --from PLACE'; or, \
         if it is lost for good or this is another one on purpose, go on without it with 'fahrtenbuch restore --begin-anew --by NAME \
         --reason TEXT'."
    )]
    LostStore { problem: String },
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The log in the bucket does not go on from what was signed: nothing is signed, and no tile is written.
    #[error(
        "the log was not signed: {problem}. Who has seen the earlier log would find two of them. Bring 'ledger/' back from a backup of the \
         bucket. If the bucket was begun anew on purpose, give its log another name: 'signing: origin' in fahrtenbuch.yaml, and \
         'fahrtenbuch key new'."
    )]
    Forked { problem: String },
    /// The private store is older than the log.
    #[error(
        "the signing key{of_name} was {state} on {at}, as the log in the bucket says, and this private store still signs with it: it was \
         brought back from a copy that is older. Nothing was signed. Bring the newer store back; if it is lost for good, make \
         a key that takes its place: 'fahrtenbuch key new' (docs/keys.md).",
        of_name = if name.is_empty() { String::new() } else { format!(" '{}'", name.escape_debug()) }
    )]
    EndedKey { name: String, state: &'static str, at: String },
    #[error("{path} could not be {verb}: {problem}. Check the disk and the permissions.", path = path.display())]
    Private { path: PathBuf, verb: &'static str, problem: String },
    #[error("{0}. This is a fault of the program: please report it.")]
    Internal(String),
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

impl From<RunRulesError> for RunError {
    fn from(error: RunRulesError) -> Self {
        match error {
            RunRulesError::Budget(exceeded) => CheckError::from(exceeded).into(),
            RunRulesError::Internal(problem) => Self::internal(problem),
        }
    }
}

impl RunError {
    pub fn internal(problem: impl Into<String>) -> Self {
        Self::Internal(problem.into())
    }

    pub fn private(path: &Path, verb: &'static str, problem: &dyn std::fmt::Display) -> Self {
        Self::Private { path: path.to_owned(), verb, problem: problem.to_string() }
    }

    /// Whether trying again may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Capture(error) | Self::Decode(DecodeError::Capture(error)) => {
                !matches!(error, CaptureError::Permanent { .. } | CaptureError::Damaged { .. })
            }
            Self::Decode(error) => matches!(error, DecodeError::Io { .. }),
            Self::Publish(error) => error.is_transient(),
            // It may be set by the next time.
            Self::Busy { .. } | Self::Private { .. } | Self::ClockBehind(_) => true,
            Self::Form(error) => matches!(error, FormError::Io { .. }),
            Self::Quarantine(error) => matches!(error, QuarantineError::File { .. }),
            Self::Decision(error) => matches!(error, DecisionError::File { .. }),
            Self::Signing(error) => error.is_transient(),
            Self::Check(_)
            | Self::Derive(_)
            | Self::Changed(_)
            | Self::Columns(_)
            | Self::NoEvidence { .. }
            | Self::NoNewTimetable { .. }
            | Self::Forgone { .. }
            | Self::Purged { .. }
            | Self::Withdrawn { .. }
            | Self::ClockDoubted(_)
            | Self::Key { .. }
            | Self::LostStore { .. }
            | Self::Unreadable { .. }
            | Self::NoReports { .. }
            | Self::Forked { .. }
            | Self::EndedKey { .. }
            | Self::Internal(_) => false,
        }
    }

    /// Whether there is nothing of the date: where several dates are run, it is skipped.
    pub fn is_absent(&self) -> bool {
        matches!(
            self,
            Self::NoEvidence { .. }
                | Self::NoNewTimetable { .. }
                | Self::Forgone { .. }
                | Self::Purged { .. }
                | Self::Withdrawn { .. }
                | Self::NoReports { .. }
        )
    }

    /// Whether it is the configuration that is wrong.
    pub fn is_configuration(&self) -> bool {
        let is_of_signing = matches!(self, Self::Signing(error) if error.is_configuration());
        let is_of_workspace = matches!(
            self,
            Self::Publish(PublishError::Configuration { .. } | PublishError::Columns { .. })
                | Self::Columns(_)
                | Self::Decision(DecisionError::Line { .. } | DecisionError::Person { .. })
                | Self::Form(FormError::Newer { .. } | FormError::Restoring { .. } | FormError::Unreadable { .. })
                | Self::ClockDoubted(_)
        );
        is_of_signing || is_of_workspace
    }
}
