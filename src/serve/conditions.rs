//! The conditions of a request (RFC 9110, 13): whether the client has the object already, or another one than it thinks.

use hyper::header::{self, HeaderMap, HeaderName};
use jiff::Timestamp;

use super::folder::Object;
use crate::capture::http_date;
use crate::publish::bucket::headers::is_immutable;

/// What conditions say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Send,
    /// The client has it: 304.
    NotModified,
    /// It is not the one that the client wants: 412.
    Failed,
}

/// In the order of RFC 9110, 13.2.2.
pub(super) fn outcome(headers: &HeaderMap, object: &Object) -> Outcome {
    if headers.contains_key(header::IF_MATCH) {
        if !names(headers, header::IF_MATCH, |tag| tag == object.tag) {
            return Outcome::Failed;
        }
    } else if date(headers, header::IF_UNMODIFIED_SINCE).is_some_and(|since| object.modified > since) {
        return Outcome::Failed;
    }
    if headers.contains_key(header::IF_NONE_MATCH) {
        // The weak comparison.
        let is_had = names(headers, header::IF_NONE_MATCH, |tag| tag.strip_prefix("W/").unwrap_or(tag) == object.tag);
        return if is_had { Outcome::NotModified } else { Outcome::Send };
    }
    match date(headers, header::IF_MODIFIED_SINCE) {
        Some(since) if object.modified <= since => Outcome::NotModified,
        _ => Outcome::Send,
    }
}

/// Whether a range may be taken: the client's part is of this object. A date says so only of an object that never changes, for
/// another one may have changed twice in a second.
pub(super) fn range_applies(headers: &HeaderMap, object: &Object) -> bool {
    let Some(value) = headers.get(header::IF_RANGE) else { return true };
    let Ok(value) = value.to_str() else { return false };
    let value = value.trim();
    value == object.tag || (is_immutable(&object.key) && http_date::parse(value) == Some(object.modified))
}

/// Whether a list of tags has one, or is `*`. The tags of this server have no comma.
fn names(headers: &HeaderMap, name: HeaderName, is_it: impl Fn(&str) -> bool) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).any(|tag| tag == "*" || is_it(tag))
}

/// A date; what is none is ignored.
fn date(headers: &HeaderMap, name: HeaderName) -> Option<Timestamp> {
    http_date::parse(headers.get(name)?.to_str().ok()?)
}
