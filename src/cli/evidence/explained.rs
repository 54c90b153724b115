//! What became of the beats of a source, in words.

use crate::capture::FailureKind;
use crate::capture::coverage::{Explanation, OffReason};
use crate::capture::record::SkipReason;

/// What an explanation says to people.
pub(super) fn in_words(explanation: Explanation) -> String {
    match explanation {
        Explanation::Body => "bodies were kept".to_owned(),
        Explanation::Unchanged => "the source had nothing new".to_owned(),
        Explanation::Silent => "silent: there was a connection, and nothing came".to_owned(),
        Explanation::Frozen => "the feed is frozen: its header time stood still".to_owned(),
        Explanation::Unreadable => "what came is not what the source is to give".to_owned(),
        Explanation::Failed(kind) => failure_in_words(kind),
        Explanation::Skipped(reason) => match reason {
            SkipReason::Late => "skipped: the answer to an earlier beat was under way, or the machine slept",
            SkipReason::LeftAlone => "skipped: the source asked to be left alone (Retry-After)",
            SkipReason::NotKept => "skipped: the disk took no record",
            SkipReason::Ended => "skipped: the collector ended while the answer was under way",
        }
        .to_owned(),
        Explanation::Off(reason) => match reason {
            OffReason::Stopped => "off: the collector was stopped",
            OffReason::NotConfigured => "off: the configuration did not have the source",
            OffReason::Killed => "off: the collector ended without a word (killed, or the machine went down)",
        }
        .to_owned(),
        Explanation::UnderWay => "the answer is awaited".to_owned(),
        Explanation::Unexplained => {
            "UNEXPLAINED: a collector was at work and left no record, or the record is damaged".to_owned()
        }
    }
}

fn failure_in_words(kind: FailureKind) -> String {
    match kind {
        FailureKind::Refused => "failed: no connection, no such host, or no access".to_owned(),
        FailureKind::TimeOut => "failed: no answer, or not all of it, in time".to_owned(),
        FailureKind::Status(status) => format!("failed: the source answered {status}"),
        FailureKind::Tls => "failed: its certificate is not accepted".to_owned(),
        FailureKind::TooLarge => "failed: more bytes than 'max_bytes'".to_owned(),
        FailureKind::CutOff => "failed: the connection ended within the answer".to_owned(),
        FailureKind::Redirect => "failed: it redirects to where it is not followed".to_owned(),
        FailureKind::Unreadable => "what came is not what the source is to give".to_owned(),
        FailureKind::NotKept => "failed: the body came, and the disk did not take it".to_owned(),
        FailureKind::Other => "failed: see the problem in the record with 'fahrtenbuch evidence show'".to_owned(),
    }
}
