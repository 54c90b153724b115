//! A feed at a web address.

use std::time::Duration;

use jiff::Timestamp;

use super::address;
use super::answer::{Answer, FetchOptions, Fetched, NotModified, Validators, lasting, too_large};
use super::certificate::certificate;
use super::clock::{CLOCK_HEADER, clock_difference};
use super::first_cause::first_cause;
use super::policy::Policy;
use crate::capture::redact::Address;
use crate::capture::{Capture, CaptureError, FailureKind, http_date};
use crate::digest::Digest;

/// The longest that a `Retry-After` binds. A mistyped one must not silence a feed for a day.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

pub(super) fn client(shown: &str, policy: &Policy) -> Result<reqwest::Client, CaptureError> {
    reqwest::Client::builder()
        .connect_timeout(policy.connect_timeout)
        .read_timeout(policy.read_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .dns_resolver(std::sync::Arc::new(address::Resolver))
        .user_agent(concat!("fahrtenbuch/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| {
            let problem = format!("no client for it: {error}");
            lasting(shown, FailureKind::Tls, problem, "Check the system's certificates")
        })
}

/// One try, redirects included.
pub(super) async fn try_http(
    client: &reqwest::Client,
    address: &Address,
    headers: &[(String, String)],
    policy: &Policy,
    with: &FetchOptions,
) -> Result<Answer, CaptureError> {
    let mut at = address.url.clone();
    for _ in 0..=policy.max_redirects {
        // Headers may be keys: they go to the host that they were written for and nowhere else.
        let same_host = at.origin() == address.url.origin();
        let hop = Hop { url: &at, shown: address.shown_at(&at), headers: if same_host { headers } else { &[] } };
        match request(client, &hop, policy, with).await? {
            Answer::Redirect(to) => at = to,
            answer => return Ok(answer),
        }
    }
    let problem = format!("it redirects more than {} times", policy.max_redirects);
    Err(lasting(&address.shown(), FailureKind::Redirect, problem, "Write the address that it leads to"))
}

/// An address on the way to the response: that of the source, or one that it redirects to.
struct Hop<'a> {
    url: &'a url::Url,
    /// The address without credentials.
    shown: String,
    headers: &'a [(String, String)],
}

fn again((kind, problem): (FailureKind, String)) -> Answer {
    Answer::Again { kind, problem, wait: None }
}

/// One request.
async fn request(
    client: &reqwest::Client,
    hop: &Hop<'_>,
    policy: &Policy,
    with: &FetchOptions,
) -> Result<Answer, CaptureError> {
    let shown = hop.shown.as_str();
    let response = match conditional(client, hop, &with.known).send().await {
        Ok(response) => response,
        Err(error) if error.is_builder() => {
            let problem = format!("the request cannot be made: {}", error.without_url());
            return Err(lasting(shown, FailureKind::Other, problem, "Check the address and the headers of the source"));
        }
        Err(error) => match certificate(&error) {
            Some((problem, remedy)) => return Err(lasting(shown, FailureKind::Tls, problem, remedy)),
            None => return Ok(again(told(error))),
        },
    };
    let now = crate::time::now();
    let status = response.status().as_u16();
    let is_not_modified = status == 304 && with.known.are_conditions();
    if status != 200 && !is_not_modified {
        return without_body(&response, hop, now);
    }
    let difference = clock_difference(shown, header(&response, "date"), header(&response, "age"), now, with.newest);
    let mut headers: Vec<(String, String)> = response
        .headers()
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "set-cookie" | "transfer-encoding" | "connection" | "keep-alive"))
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    if is_not_modified {
        let at = difference.and_then(|difference| now.checked_add(difference).ok()).unwrap_or(now);
        if at != now {
            headers.push((CLOCK_HEADER.to_owned(), now.to_string()));
        }
        return Ok(Answer::Fetched(Fetched::NotModified(NotModified { at, status, headers })));
    }
    let Some(body) = body_of(response, policy.max_bytes).await.transpose() else {
        return Err(too_large(shown, policy.max_bytes));
    };
    let body = match body {
        Ok(body) => body,
        // The body was cut off, or no byte came for too long.
        Err(error) => return Ok(again(told(error))),
    };
    let mut captured_at = crate::time::now();
    if let Some(difference) = difference {
        headers.push((CLOCK_HEADER.to_owned(), captured_at.to_string()));
        captured_at = captured_at.saturating_add(difference).unwrap_or(captured_at);
    }
    let (url, digest) = (shown.to_owned(), Digest::of(&body));
    let capture = Capture { url, captured_at, status, headers, body: body.into(), digest };
    Ok(Answer::Fetched(Fetched::of(capture, &with.known)))
}

/// A request with the headers of the source, and on condition that it has something new.
fn conditional(client: &reqwest::Client, hop: &Hop<'_>, known: &Validators) -> reqwest::RequestBuilder {
    let mut request = client.get(hop.url.clone());
    for (name, value) in hop.headers {
        request = request.header(name, value);
    }
    if let Some(etag) = known.etag() {
        request = request.header("If-None-Match", etag);
    }
    if let Some(date) = known.last_modified() {
        request = request.header("If-Modified-Since", date);
    }
    request
}

fn header<'a>(response: &'a reqwest::Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

/// What a response says whose status is not 200. `now` is when it came.
fn without_body(response: &reqwest::Response, hop: &Hop<'_>, now: Timestamp) -> Result<Answer, CaptureError> {
    let (url, shown) = (hop.url, hop.shown.as_str());
    let header = |name: &str| header(response, name);
    match response.status().as_u16() {
        304 => {
            let problem = "it answers 304 (not modified) to a request without conditions".to_owned();
            Ok(again((FailureKind::Status(304), problem)))
        }
        301 | 302 | 303 | 307 | 308 => {
            let to = header("location").and_then(|to| url.join(to).ok());
            let to = to.filter(|to| matches!(to.scheme(), "http" | "https"));
            let to = to.filter(|to| url.scheme() == "http" || to.scheme() == "https");
            let refused =
                |problem: &str| lasting(shown, FailureKind::Redirect, problem.to_owned(), "Check the address");
            let to = to.ok_or_else(|| refused("it redirects to nowhere or away from https"))?;
            match address::may_lead(url, &to) {
                true => Ok(Answer::Redirect(to)),
                false => Err(refused("it redirects to an address of this machine or of its own network segment")),
            }
        }
        status @ (408 | 425 | 429 | 500..=599) => {
            let server = header("date").and_then(http_date::parse).unwrap_or(now);
            let wait = header("retry-after").and_then(|wait| retry_after(wait, server));
            let wait = wait.map(|wait| {
                if wait > LONGEST_RETRY_AFTER {
                    let most = LONGEST_RETRY_AFTER.as_secs();
                    tracing::warn!(url = %shown, "it asks to be left alone for {} s; it is for {most} s", wait.as_secs());
                }
                wait.min(LONGEST_RETRY_AFTER)
            });
            Ok(Answer::Again { kind: FailureKind::Status(status), problem: format!("it answers {status}"), wait })
        }
        status => {
            let remedy = match status {
                401 | 403 => "Check the key in the headers of the source",
                _ => "Check the address of the source",
            };
            Err(lasting(shown, FailureKind::Status(status), format!("it answers {status}"), remedy))
        }
    }
}

/// The body of a response; `None` if it has more than `most` bytes, of which no more than that are read.
async fn body_of(mut response: reqwest::Response, most: u64) -> Result<Option<Vec<u8>>, reqwest::Error> {
    if response.content_length().is_some_and(|length| length > most) {
        return Ok(None);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if (body.len() + chunk.len()) as u64 > most {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// `Retry-After`: seconds, or an HTTP date, which counts by the clock of the server that said it (RFC 9110, 10.2.3).
pub(crate) fn retry_after(text: &str, server: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = http_date::parse(text)?;
    Some(Duration::try_from(server.duration_until(until)).unwrap_or_default())
}

/// An error of the network in one line, without the address, which may hold a key.
fn told(error: reqwest::Error) -> (FailureKind, String) {
    let (kind, words) = if error.is_timeout() {
        (FailureKind::TimeOut, "it did not answer in time")
    } else if error.is_connect() {
        (FailureKind::Refused, "no connection")
    } else {
        (FailureKind::CutOff, "the response broke off")
    };
    let error = error.without_url();
    match std::error::Error::source(&error) {
        Some(cause) => (kind, format!("{words} ({})", first_cause(cause))),
        None => (kind, words.to_owned()),
    }
}
