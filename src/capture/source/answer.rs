//! What is asked of a source, and what it answers.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::clients::Clients;
use crate::capture::{Capture, CaptureError, FailureKind};
use crate::digest::Digest;

/// What was learned of a source when it was last asked; makes the next request conditional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    /// Of the last body, for sources that know no conditional request.
    pub digest: Option<Digest>,
    /// The last body was no feed (an error page with status 200): it must not stand in the way of the next one, so the
    /// next request has no conditions.
    pub unreadable: bool,
}

impl Validators {
    pub fn of(capture: &Capture) -> Self {
        let header = |name: &str| {
            capture.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
        };
        let (etag, last_modified) = (header("etag"), header("last-modified"));
        Self { etag, last_modified, digest: Some(capture.digest), unreadable: false }
    }

    /// Whether a request has conditions, so that the answer may be 304.
    pub fn are_conditions(&self) -> bool {
        !self.unreadable && (self.etag.is_some() || self.last_modified.is_some())
    }

    /// The same without conditions: what the source has is transferred, and compared by its digest.
    #[must_use]
    pub fn without_conditions(&self) -> Self {
        Self { etag: None, last_modified: None, ..self.clone() }
    }

    pub(super) fn etag(&self) -> Option<&String> {
        self.etag.as_ref().filter(|_| !self.unreadable)
    }

    pub(super) fn last_modified(&self) -> Option<&String> {
        self.last_modified.as_ref().filter(|_| !self.unreadable)
    }
}

/// One ask of a source.
#[derive(Clone, Debug, Default)]
pub struct FetchOptions {
    pub known: Validators,
    /// When the newest capture of the source was made.
    pub newest: Option<Timestamp>,
    /// No try begins later than this, as when the next beat asks anyway.
    pub no_try_after: Option<Instant>,
    /// Connections that may be used again.
    pub clients: Clients,
}

/// What came of an ask.
pub struct FetchOutcome {
    pub result: Result<Fetched, CaptureError>,
    /// The source wants to be left alone until then (`Retry-After`).
    pub not_before: Option<Instant>,
}

pub enum Fetched {
    New(Capture),
    /// The source has what we have, and says so.
    NotModified(NotModified),
}

/// The answer of a source that has nothing new.
#[derive(Clone, Debug, Default)]
pub struct NotModified {
    /// When it came, by the same clock as captures.
    pub at: Timestamp,
    /// 304; 200 where the body came and is the one that we have.
    pub status: u16,
    pub headers: Vec<(String, String)>,
}

impl Fetched {
    /// A capture, unless the source gave what we have.
    pub(super) fn of(capture: Capture, known: &Validators) -> Self {
        if known.digest != Some(capture.digest) {
            return Self::New(capture);
        }
        let Capture { captured_at: at, status, headers, .. } = capture;
        Self::NotModified(NotModified { at, status, headers })
    }
}

/// What a source answered to one request.
pub(super) enum Answer {
    Fetched(Fetched),
    Redirect(url::Url),
    /// Wait at least so long before the next try, if the source said so.
    Again {
        kind: FailureKind,
        problem: String,
        wait: Option<Duration>,
    },
}

pub(super) fn transient(url: &str, kind: FailureKind, problem: String) -> CaptureError {
    let remedy = "Try again later; if it stays so, ask whoever runs the source".to_owned();
    CaptureError::Transient { kind, url: url.to_owned(), problem, remedy }
}

/// That an answer was not awaited any longer; `when` completes "it had not answered completely …".
pub(in crate::capture) fn given_up(url: &str, when: &str) -> FetchOutcome {
    FetchOutcome {
        result: Err(transient(url, FailureKind::TimeOut, format!("it had not answered completely {when}"))),
        not_before: None,
    }
}

pub(super) fn lasting(url: &str, kind: FailureKind, problem: String, remedy: &str) -> CaptureError {
    CaptureError::Permanent { kind, url: url.to_owned(), problem, remedy: remedy.to_owned() }
}

pub(in crate::capture) fn too_large(url: &str, most: u64) -> CaptureError {
    let problem = format!("the response is larger than {most} bytes");
    lasting(url, FailureKind::TooLarge, problem, "Raise 'max_bytes' of the source if this is right")
}
