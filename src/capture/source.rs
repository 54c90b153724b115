//! Where a feed comes from: a file, a web address, an object in an S3 bucket.
//!
//! [`Source::ask`] asks once, with the tries of the source's [`Policy`]; what a source is asked again and again for is
//! the [`collector`](crate::capture::collector)'s.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::{Attribute, ClientConfigKey, GetOptions, ObjectStore, RetryConfig};

use crate::capture::redact::Address;
use crate::capture::{Capture, CaptureError, http_date};
use crate::digest::Digest;

/// The most that a body may have where the source does not say otherwise: what a WARC record holds.
pub const MAX_BYTES: u64 = 2 << 30;
/// The same for sources of GTFS-Realtime, whose decoder reads no larger message.
pub const MAX_REALTIME_BYTES: u64 = 256 << 20;
/// The longest wait inside one ask; a source that wants to be left alone for longer is asked by a later one.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The longest that a `Retry-After` binds. A mistyped one must not silence a feed for a day.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// Clocks may differ by so much before it is told.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// 2026-01-01: this program is younger, so a clock of this machine that shows less is wrong.
pub const PROGRAM_BEGINS: i64 = 1_767_225_600;
/// 2020-01-01: a server's clock that shows less was never set.
const CLOCKS_BEGIN: i64 = 1_577_836_800;
/// The header of a record that keeps this machine's time where `captured_at` follows the server's.
pub const CLOCK_HEADER: &str = "Fahrtenbuch-Clock";

/// A source, as a pipeline's YAML describes it.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    File {
        path: PathBuf,
        max_bytes: u64,
    },
    Http {
        url: Address,
        headers: Vec<(String, String)>,
        policy: Policy,
    },
    /// `s3://bucket/key`; endpoint, region and credentials as for every bucket (`AWS_*`), or anonymous.
    S3 {
        url: Address,
        options: Vec<(String, String)>,
        policy: Policy,
    },
}

/// How patient and how careful a source is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub connect_timeout: Duration,
    /// No byte for this long is a stall.
    pub read_timeout: Duration,
    /// For one try: redirects and the whole response.
    pub total_timeout: Duration,
    /// Tries in all.
    pub tries: u32,
    /// The wait before the second try; doubles with each, with full jitter, up to a minute. `Retry-After` is honoured.
    pub backoff: Duration,
    /// Of a body. One that is larger is refused while it arrives.
    pub max_bytes: u64,
    pub max_redirects: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(300),
            tries: 4,
            backoff: Duration::from_secs(1),
            max_bytes: MAX_BYTES,
            max_redirects: 5,
        }
    }
}

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

    fn etag(&self) -> Option<&String> {
        self.etag.as_ref().filter(|_| !self.unreadable)
    }

    fn last_modified(&self) -> Option<&String> {
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
}

/// What came of an ask.
pub struct FetchOutcome {
    pub result: Result<Fetched, CaptureError>,
    /// The source wants to be left alone until then (`Retry-After`).
    pub not_before: Option<Instant>,
}

pub enum Fetched {
    New(Capture),
    /// The source has what we have.
    NotModified,
}

/// What a source answered to one request.
enum Answer {
    Fetched(Fetched),
    Redirect(url::Url),
    /// Wait at least so long before the next try, if the source said so.
    Again {
        problem: String,
        wait: Option<Duration>,
    },
}

impl Source {
    /// The source as it is recorded and shown: without credentials.
    pub fn shown(&self) -> String {
        match self {
            Self::File { path, .. } => format!("file:{}", path.display()),
            Self::Http { url, .. } | Self::S3 { url, .. } => url.shown(),
        }
    }

    /// Asks the source once, with retries as its policy says. Blocks; not to be called inside an async runtime.
    pub fn fetch(&self, known: &Validators) -> Result<Fetched, CaptureError> {
        let runtime = runtime(&self.shown())?;
        let options = FetchOptions { known: known.clone(), ..FetchOptions::default() };
        let asked = runtime.block_on(self.fetch_with(&options));
        runtime.shutdown_background();
        asked.result
    }

    /// Asks the source once, with retries as its policy says. A file is read at once, without giving way.
    pub async fn fetch_with(&self, with: &FetchOptions) -> FetchOutcome {
        // A second call finds the provider installed, which is what it wants.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let shown = self.shown();
        let result = match self {
            Self::File { path, max_bytes } => fetch_file(path, &shown, *max_bytes, &with.known),
            Self::Http { url, headers, policy } => match client(&shown, policy) {
                Ok(client) => {
                    let request = || try_http(&client, url, headers, policy, with);
                    return with_tries(&shown, policy, with, request).await;
                }
                Err(error) => Err(error),
            },
            Self::S3 { url, options, policy } => match store(&shown, &url.url, options, policy) {
                Ok(store) => {
                    return with_tries(&shown, policy, with, || try_s3(&store, url, policy, &with.known)).await;
                }
                Err(error) => Err(error),
            },
        };
        FetchOutcome { result, not_before: None }
    }
}

/// A runtime for asking one source on the thread that it is used on.
pub fn runtime(shown: &str) -> Result<tokio::runtime::Runtime, CaptureError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| transient(shown, format!("no thread for it ({error})")))
}

fn transient(url: &str, problem: String) -> CaptureError {
    let remedy = "Try again later; if it stays so, ask whoever runs the source".to_owned();
    CaptureError::Transient { url: url.to_owned(), problem, remedy }
}

/// That an answer was not awaited any longer; `when` completes "it had not answered completely …".
pub(super) fn given_up(url: &str, when: &str) -> FetchOutcome {
    FetchOutcome { result: Err(transient(url, format!("it had not answered completely {when}"))), not_before: None }
}

fn lasting(url: &str, problem: String, remedy: &str) -> CaptureError {
    CaptureError::Permanent { url: url.to_owned(), problem, remedy: remedy.to_owned() }
}

fn too_large(url: &str, most: u64) -> CaptureError {
    let problem = format!("the response is larger than {most} bytes");
    lasting(url, problem, "Raise 'max_bytes' of the source if this is right")
}

fn fetch_file(path: &Path, shown: &str, most: u64, known: &Validators) -> Result<Fetched, CaptureError> {
    let unreadable = |error: std::io::Error| {
        lasting(shown, format!("cannot be read: {error}"), "Check the source's path and the file's permissions")
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        // A pipe would be waited for without end.
        return Err(lasting(shown, "this is no file".to_owned(), "Write the path of a file"));
    }
    if metadata.len() > most {
        return Err(too_large(shown, most));
    }
    let mut body = Vec::new();
    // It may grow while it is read.
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(most.saturating_add(1)).read_to_end(&mut body).map_err(unreadable)?;
    if body.len() as u64 > most {
        return Err(too_large(shown, most));
    }
    Ok(fetched(shown.to_owned(), crate::time::now(), 200, Vec::new(), body.into(), known))
}

/// A response as a capture, unless the source gave what we have.
fn fetched(
    url: String,
    captured_at: Timestamp,
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
    known: &Validators,
) -> Fetched {
    let digest = Digest::of(&body);
    if known.digest == Some(digest) {
        return Fetched::NotModified;
    }
    Fetched::New(Capture { url, captured_at, status, headers, body, digest })
}

/// Tries until there is an answer, as often and as long as the policy and the ask allow.
async fn with_tries<T: Future<Output = Result<Answer, CaptureError>>>(
    shown: &str,
    policy: &Policy,
    with: &FetchOptions,
    request: impl Fn() -> T,
) -> FetchOutcome {
    let mut tries = 0;
    loop {
        let answer = tokio::time::timeout(policy.total_timeout, request()).await;
        let answer = answer.unwrap_or_else(|_| {
            Ok(Answer::Again { problem: "it did not answer completely in time".to_owned(), wait: None })
        });
        let (problem, wait) = match answer {
            Ok(Answer::Fetched(fetched)) => return FetchOutcome { result: Ok(fetched), not_before: None },
            Ok(Answer::Again { problem, wait }) => (problem, wait),
            // Followed by the request itself.
            Ok(Answer::Redirect(_)) => ("it redirects".to_owned(), None),
            Err(error) => return FetchOutcome { result: Err(error), not_before: None },
        };
        tries += 1;
        let now = Instant::now();
        let not_before = wait.and_then(|wait| now.checked_add(wait));
        let failed = |problem: String| FetchOutcome { result: Err(transient(shown, problem)), not_before };
        if tries >= policy.tries {
            return failed(format!("{problem} (tried {tries} {})", if tries == 1 { "time" } else { "times" }));
        }
        let backoff = policy.backoff.saturating_mul(1 << (tries - 1).min(10)).min(LONGEST_WAIT);
        let pause = jitter(backoff).max(wait.unwrap_or_default());
        let is_too_late = with.no_try_after.is_some_and(|end| now.checked_add(pause).is_none_or(|next| next >= end));
        if is_too_late || pause > LONGEST_WAIT {
            let asks = wait.map(|wait| format!(", and asks to be left alone for {} s", wait.as_secs()));
            return failed(format!("{problem}{}", asks.unwrap_or_default()));
        }
        tracing::warn!(url = %shown, %problem, wait_ms = pause.as_millis(), "trying again");
        tokio::time::sleep(pause).await;
    }
}

/// Somewhere between nothing and `most`, so that many clients do not come back at once.
fn jitter(most: Duration) -> Duration {
    most.mul_f64(fastrand::f64())
}

fn client(shown: &str, policy: &Policy) -> Result<reqwest::Client, CaptureError> {
    reqwest::Client::builder()
        .connect_timeout(policy.connect_timeout)
        .read_timeout(policy.read_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("fahrtenbuch/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| lasting(shown, format!("no client for it: {error}"), "Check the system's certificates"))
}

/// One try, redirects included.
async fn try_http(
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
        let shown = address.shown_at(&at);
        match request(client, (&at, &shown), if same_host { headers } else { &[] }, policy, with).await? {
            Answer::Redirect(to) => at = to,
            answer => return Ok(answer),
        }
    }
    let problem = format!("it redirects more than {} times", policy.max_redirects);
    Err(lasting(&address.shown(), problem, "Write the address that it leads to"))
}

/// One request; the address comes with how it is shown.
async fn request(
    client: &reqwest::Client,
    (url, shown): (&url::Url, &str),
    headers: &[(String, String)],
    policy: &Policy,
    with: &FetchOptions,
) -> Result<Answer, CaptureError> {
    let again = |problem: String| Answer::Again { problem, wait: None };
    let mut request = client.get(url.clone());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if let Some(etag) = with.known.etag() {
        request = request.header("If-None-Match", etag);
    }
    if let Some(date) = with.known.last_modified() {
        request = request.header("If-Modified-Since", date);
    }
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) if error.is_builder() => {
            let problem = format!("the request cannot be made: {}", error.without_url());
            return Err(lasting(shown, problem, "Check the address and the headers of the source"));
        }
        Err(error) => match certificate(&error) {
            Some((problem, remedy)) => return Err(lasting(shown, problem, remedy)),
            None => return Ok(again(told(error))),
        },
    };
    let now = crate::time::now();
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    match status {
        200 => {}
        304 if with.known.are_conditions() => return Ok(Answer::Fetched(Fetched::NotModified)),
        304 => return Ok(again("it answers 304 (not modified) to a request without conditions".to_owned())),
        301 | 302 | 303 | 307 | 308 => {
            let to = header("location").and_then(|to| url.join(to).ok());
            let to = to.filter(|to| matches!(to.scheme(), "http" | "https"));
            let to = to.filter(|to| url.scheme() == "http" || to.scheme() == "https");
            return to.map(Answer::Redirect).ok_or_else(|| {
                lasting(shown, "it redirects to nowhere or away from https".to_owned(), "Check the address")
            });
        }
        408 | 425 | 429 | 500..=599 => {
            let server = header("date").and_then(http_date::parse).unwrap_or(now);
            let wait = header("retry-after").and_then(|wait| retry_after(wait, server));
            let wait = wait.map(|wait| {
                if wait > LONGEST_RETRY_AFTER {
                    let most = LONGEST_RETRY_AFTER.as_secs();
                    tracing::warn!(url = %shown, "it asks to be left alone for {} s; it is for {most} s", wait.as_secs());
                }
                wait.min(LONGEST_RETRY_AFTER)
            });
            return Ok(Answer::Again { problem: format!("it answers {status}"), wait });
        }
        401 | 403 => {
            return Err(lasting(shown, format!("it answers {status}"), "Check the key in the headers of the source"));
        }
        _ => return Err(lasting(shown, format!("it answers {status}"), "Check the address of the source")),
    }
    let difference = clock_difference(shown, header("date"), header("age"), now, with.newest);
    let mut recorded: Vec<(String, String)> = response
        .headers()
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "set-cookie" | "transfer-encoding" | "connection" | "keep-alive"))
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    if response.content_length().is_some_and(|length| length > policy.max_bytes) {
        return Err(too_large(shown, policy.max_bytes));
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if (body.len() + chunk.len()) as u64 > policy.max_bytes => {
                return Err(too_large(shown, policy.max_bytes));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            // The body was cut off, or no byte came for too long.
            Err(error) => return Ok(again(told(error))),
        }
    }
    let mut captured_at = crate::time::now();
    if let Some(difference) = difference {
        recorded.push((CLOCK_HEADER.to_owned(), captured_at.to_string()));
        captured_at = captured_at.saturating_add(difference).unwrap_or(captured_at);
    }
    Ok(Answer::Fetched(fetched(shown.to_owned(), captured_at, status, recorded, body.into(), &with.known)))
}

/// `Retry-After`: seconds, or an HTTP date, which counts by the clock of the server that said it (RFC 9110, 10.2.3).
fn retry_after(text: &str, server: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = http_date::parse(text)?;
    Some(Duration::try_from(server.duration_until(until)).unwrap_or_default())
}

/// By how much the server's clock differs from ours, where evidence is to follow it; what differs is told.
///
/// `Date` says when the response was made, and `Age` for how long caches have kept it since (RFC 9111, 5.1), so both
/// together are the server's now. Evidence of the future stands in the way of every later run: so a server that is ahead
/// is followed only where it is this machine's clock that is wrong, as it shows a time before this program or before the
/// newest capture, which was not after the server's now.
fn clock_difference(
    shown: &str,
    date: Option<&str>,
    age: Option<&str>,
    now: Timestamp,
    newest: Option<Timestamp>,
) -> Option<SignedDuration> {
    let age = age.and_then(|age| age.trim().parse::<u32>().ok()).unwrap_or(0);
    let server = http_date::parse(date?)?.saturating_add(SignedDuration::from_secs(age.into())).ok()?;
    let difference = now.duration_until(server);
    if difference.abs() <= CLOCK_TOLERANCE {
        return None;
    }
    let ours_is_behind = now.as_second() < PROGRAM_BEGINS
        || newest.is_some_and(|newest| now.duration_until(newest) > CLOCK_TOLERANCE && newest <= server);
    let follows = server.as_second() >= CLOCKS_BEGIN && (difference.is_negative() || ours_is_behind);
    let whose = if follows { "the evidence follows the server's" } else { "the evidence keeps this machine's" };
    let remedy = "Check the clock of this machine.";
    tracing::warn!(url = %shown, "this machine's clock shows {now:.0}, the server's {server:.0}: {whose}. {remedy}");
    follows.then_some(difference)
}

/// What is wrong with the certificate of a server, if it is that, and what to do. Trying again does not help.
fn certificate(error: &(dyn std::error::Error + 'static)) -> Option<(String, &'static str)> {
    use rustls::CertificateError as Bad;
    let mut cause = Some(error);
    while let Some(error) = cause {
        let tls = error.downcast_ref::<rustls::Error>();
        if let Some(rustls::Error::InvalidCertificate(bad)) = tls {
            let (problem, remedy) = match bad {
                Bad::Expired | Bad::ExpiredContext { .. } => (
                    "its certificate has expired",
                    "Check the clock of this machine; if it is right, ask whoever runs the source to renew the certificate",
                ),
                Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                    ("its certificate is not valid yet", "Check the clock of this machine")
                }
                Bad::NotValidForName | Bad::NotValidForNameContext { .. } => (
                    "its certificate is that of another host",
                    "Check the address of the source; if it is right, ask whoever runs the source",
                ),
                Bad::UnknownIssuer => (
                    "its certificate is from an issuer that this machine does not know",
                    "Check the address; add the issuer to the system's certificates (or SSL_CERT_FILE) if you trust it, or \
                     ask whoever runs the source to send the whole chain",
                ),
                Bad::Revoked => ("its certificate was revoked", "Ask whoever runs the source"),
                other => {
                    let problem = format!("its certificate is not accepted ({other})");
                    return Some((problem, "Ask whoever runs the source for a proper one"));
                }
            };
            return Some((problem.to_owned(), remedy));
        }
        // An error of a stream has what it was made from inside, and only the source of that as its source.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = inner.map(|inner| inner as &(dyn std::error::Error + 'static)).or_else(|| error.source());
    }
    None
}

/// An error of the network in one line, without the address, which may hold a key.
fn told(error: reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "it did not answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the response broke off"
    };
    let mut text = kind.to_owned();
    let error = error.without_url();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
    while let Some(error) = cause {
        cause = error.source();
        if cause.is_none() {
            text += &format!(" ({error})");
        }
    }
    text
}

/// The store of an S3 source. It makes one try; more of them are made here, as for other sources.
fn store(
    shown: &str,
    url: &url::Url,
    options: &[(String, String)],
    policy: &Policy,
) -> Result<object_store::aws::AmazonS3, CaptureError> {
    let once = RetryConfig { max_retries: 0, retry_timeout: policy.total_timeout, ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(url.host_str().unwrap_or_default()).with_retry(once);
    for (key, limit) in [
        (ClientConfigKey::ConnectTimeout, policy.connect_timeout),
        (ClientConfigKey::ReadTimeout, policy.read_timeout),
        (ClientConfigKey::Timeout, policy.total_timeout),
    ] {
        builder = builder.with_config(AmazonS3ConfigKey::Client(key), format!("{} ms", limit.as_millis()));
    }
    for (key, value) in options {
        let key: AmazonS3ConfigKey = key.parse().map_err(|_| {
            lasting(shown, format!("'{key}' is no option of an S3 source"), "See the source's 'options'")
        })?;
        builder = builder.with_config(key, value);
    }
    builder.build().map_err(|error| lasting(shown, error.to_string(), "Check the source's 'options'"))
}

async fn try_s3(
    store: &object_store::aws::AmazonS3,
    address: &Address,
    policy: &Policy,
    known: &Validators,
) -> Result<Answer, CaptureError> {
    let shown = address.shown();
    let path = object_store::path::Path::from(address.url.path().trim_start_matches('/'));
    let options = GetOptions { if_none_match: known.etag().cloned(), ..GetOptions::default() };
    let failed = |error: object_store::Error| match error {
        object_store::Error::NotFound { .. } => {
            Err(lasting(&shown, "there is no such object".to_owned(), "Check the bucket and the key"))
        }
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            Err(lasting(&shown, "the store refuses access".to_owned(), "Check the credentials"))
        }
        error => match certificate(&error) {
            Some((problem, remedy)) => Err(lasting(&shown, problem, remedy)),
            None => Ok(Answer::Again { problem: format!("the store failed: {error}"), wait: None }),
        },
    };
    let object = match store.get_opts(&path, options).await {
        Err(object_store::Error::NotModified { .. }) if known.are_conditions() => {
            return Ok(Answer::Fetched(Fetched::NotModified));
        }
        Err(error) => return failed(error),
        Ok(object) => object,
    };
    if object.meta.size > policy.max_bytes {
        return Err(too_large(&shown, policy.max_bytes));
    }
    let mut headers = Vec::new();
    headers.extend(object.meta.e_tag.clone().map(|etag| ("ETag".to_owned(), etag)));
    headers.push(("Last-Modified".to_owned(), object.meta.last_modified.to_rfc2822()));
    for (name, attribute) in [
        ("Content-Type", Attribute::ContentType),
        ("Content-Encoding", Attribute::ContentEncoding),
        ("Content-Language", Attribute::ContentLanguage),
    ] {
        headers.extend(object.attributes.get(&attribute).map(|value| (name.to_owned(), value.to_string())));
    }
    let mut body = Vec::new();
    let mut chunks = object.into_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => return failed(error),
        };
        if (body.len() + chunk.len()) as u64 > policy.max_bytes {
            return Err(too_large(&shown, policy.max_bytes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer::Fetched(fetched(shown.clone(), crate::time::now(), 200, headers, body.into(), known)))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// A server that answers its connections one after the other, each by a function of its own.
    fn server(answers: Vec<fn(&mut TcpStream, &str)>) -> url::Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/feed?apikey=geheim&type=pb", listener.local_addr().unwrap()).parse().unwrap();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                let mut buffer = [0; 1024];
                while !request.ends_with(b"\r\n\r\n") {
                    let read = stream.read(&mut buffer).unwrap();
                    request.extend_from_slice(&buffer[..read]);
                }
                answer(&mut stream, &String::from_utf8(request).unwrap());
            }
        });
        url
    }

    fn fetch(url: &url::Url, known: &Validators) -> Result<Fetched, CaptureError> {
        let policy = Policy {
            read_timeout: Duration::from_millis(300),
            backoff: Duration::from_millis(5),
            tries: 3,
            max_bytes: 1000,
            ..Policy::default()
        };
        Source::Http { url: url.clone().into(), headers: vec![("X-Key".into(), "geheim".into())], policy }.fetch(known)
    }

    fn answer(stream: &mut TcpStream, head: &str, body: &str) {
        let text = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        stream.write_all(text.as_bytes()).unwrap();
    }

    fn fine(stream: &mut TcpStream, _: &str) {
        answer(stream, "200 OK\r\nETag: \"1\"\r\nSet-Cookie: a=b", "hello");
    }

    fn fails(stream: &mut TcpStream, _: &str) {
        answer(stream, "503 Busy", "");
    }

    #[test]
    fn a_response_is_kept_with_its_headers_and_without_secrets() {
        let url = server(vec![fine]);
        let Ok(Fetched::New(capture)) = fetch(&url, &Validators::default()) else { panic!() };
        assert_eq!((capture.body.as_ref(), capture.status), (&b"hello"[..], 200));
        assert!(capture.url.contains("apikey=REDACTED&type=pb"), "{}", capture.url);
        assert!(capture.headers.iter().any(|(name, _)| name == "etag"));
        assert!(!capture.headers.iter().any(|(name, _)| name == "set-cookie"));
    }

    #[test]
    fn a_known_response_is_asked_for_conditionally() {
        let url = server(vec![|stream, request| {
            assert!(request.contains("if-none-match: \"1\""), "{request}");
            answer(stream, "304 Not Modified", "");
        }]);
        let known = Validators { etag: Some("\"1\"".into()), ..Validators::default() };
        assert!(matches!(fetch(&url, &known), Ok(Fetched::NotModified)));
        let url = server(vec![fine]);
        let known = Validators { digest: Some(Digest::of(b"hello")), ..Validators::default() };
        assert!(matches!(fetch(&url, &known), Ok(Fetched::NotModified)));
    }

    #[test]
    fn failures_stalls_and_cut_bodies_are_tried_again() {
        fn cut(stream: &mut TcpStream, _: &str) {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf").unwrap();
        }
        fn stall(stream: &mut TcpStream, _: &str) {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n").unwrap();
            std::thread::sleep(Duration::from_millis(600));
        }
        assert!(matches!(fetch(&server(vec![fails, cut, fine]), &Validators::default()), Ok(Fetched::New(_))));
        assert!(matches!(fetch(&server(vec![stall, fine]), &Validators::default()), Ok(Fetched::New(_))));
        let error = fetch(&server(vec![fails, fails, fails]), &Validators::default()).err().unwrap();
        assert!(matches!(error, CaptureError::Transient { .. }));
        assert!(error.to_string().contains("it answers 503 (tried 3 times)") && !error.to_string().contains("geheim"));
    }

    #[test]
    fn what_will_not_get_better_is_final() {
        fn missing(stream: &mut TcpStream, _: &str) {
            answer(stream, "404 Not Found", "");
        }
        fn large(stream: &mut TcpStream, _: &str) {
            answer(stream, "200 OK", &"x".repeat(2000));
        }
        fn around(stream: &mut TcpStream, _: &str) {
            answer(stream, "302 Found\r\nLocation: /feed", "");
        }
        for answers in [vec![missing as fn(&mut TcpStream, &str)], vec![large], vec![around; 6]] {
            let error = fetch(&server(answers), &Validators::default()).err().unwrap();
            assert!(matches!(error, CaptureError::Permanent { .. }), "{error}");
        }
    }

    #[test]
    fn headers_do_not_follow_a_redirect_to_another_host() {
        let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = elsewhere.local_addr().unwrap();
        static TARGET: std::sync::OnceLock<std::net::SocketAddr> = std::sync::OnceLock::new();
        TARGET.set(address).unwrap();
        let other = std::thread::spawn(move || {
            let (mut stream, _) = elsewhere.accept().unwrap();
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).unwrap();
            answer(&mut stream, "200 OK", "moved");
            String::from_utf8_lossy(&buffer[..read]).into_owned()
        });
        let url = server(vec![|stream, request| {
            assert!(request.contains("x-key: geheim"));
            answer(stream, &format!("302 Found\r\nLocation: http://{}/new", TARGET.get().unwrap()), "");
        }]);
        assert!(matches!(fetch(&url, &Validators::default()), Ok(Fetched::New(_))));
        assert!(!other.join().unwrap().contains("geheim"));
    }

    #[test]
    fn a_file_is_taken_once_and_its_absence_is_final() {
        let folder = tempfile::tempdir().unwrap();
        let source = Source::File { path: folder.path().join("feed.zip"), max_bytes: 100 };
        assert!(matches!(source.fetch(&Validators::default()), Err(CaptureError::Permanent { .. })));
        std::fs::write(folder.path().join("feed.zip"), "zip").unwrap();
        let Ok(Fetched::New(capture)) = source.fetch(&Validators::default()) else { panic!() };
        let known = Validators { digest: Some(capture.digest), ..Validators::default() };
        assert!(matches!(source.fetch(&known), Ok(Fetched::NotModified)));
    }

    #[test]
    fn a_wait_is_seconds_or_a_date_of_the_server_and_is_told_with_the_failure() {
        let now = "2026-11-26T10:00:00Z".parse().unwrap();
        for (text, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Thu, 26 Nov 2026 10:02:00 GMT", Some(120)),
            ("Thu, 26 Nov 2026 09:00:00 GMT", Some(0)),
            ("-5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(text, now).map(|wait| wait.as_secs()), seconds, "{text}");
        }
        fn long(stream: &mut TcpStream, _: &str) {
            answer(stream, "503 Busy\r\nRetry-After: 999999999999999999999999", "");
        }
        fn short(stream: &mut TcpStream, _: &str) {
            answer(stream, "429 Too Many\r\nRetry-After: 1", "");
        }
        let policy = Policy { backoff: Duration::from_millis(1), ..Policy::default() };
        let source = |url: url::Url| Source::Http { url: url.into(), headers: Vec::new(), policy: policy.clone() };
        let ask = |source: &Source| runtime("").unwrap().block_on(source.fetch_with(&FetchOptions::default()));
        let begin = Instant::now();
        let asked = ask(&source(server(vec![long])));
        let error = asked.result.err().unwrap();
        assert!(matches!(error, CaptureError::Transient { .. }) && error.to_string().contains("left alone for 3600 s"));
        assert_eq!(asked.not_before.unwrap().duration_since(begin).as_secs(), 3600);
        assert!(begin.elapsed() < Duration::from_secs(1));
        assert!(matches!(ask(&source(server(vec![short, fine]))).result, Ok(Fetched::New(_))));
        assert!(begin.elapsed() >= Duration::from_secs(1));
    }

    #[test]
    fn a_body_that_was_no_feed_brings_no_conditions_and_304_to_none_is_an_error() {
        fn without(stream: &mut TcpStream, request: &str) {
            assert!(!request.contains("if-none-match") && !request.contains("if-modified-since"), "{request}");
            answer(stream, "200 OK", "hello");
        }
        fn nothing(stream: &mut TcpStream, _: &str) {
            answer(stream, "304 Not Modified", "");
        }
        let known = Validators {
            etag: Some("\"1\"".into()),
            last_modified: Some("Thu, 26 Nov 2026 10:02:00 GMT".into()),
            digest: Some(Digest::of(b"<html>")),
            unreadable: true,
        };
        assert!(matches!(fetch(&server(vec![without]), &known), Ok(Fetched::New(_))));
        let again = Validators { digest: Some(Digest::of(b"hello")), ..known };
        assert!(matches!(fetch(&server(vec![without]), &again), Ok(Fetched::NotModified)));
        let error = fetch(&server(vec![nothing; 3]), &Validators::default()).err().unwrap();
        assert!(matches!(error, CaptureError::Transient { .. }), "{error}");
        assert!(error.to_string().contains("304 (not modified) to a request without conditions"), "{error}");
    }

    #[test]
    fn a_body_is_refused_while_it_arrives() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url: url::Url = format!("http://{}/feed", listener.local_addr().unwrap()).parse().unwrap();
        let sent = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).unwrap();
            // Neither a length nor an end.
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").unwrap();
            let mut sent = 0_u64;
            while stream.write_all(&[7; 1 << 16]).is_ok() {
                sent += 1 << 16;
                assert!(sent < 1 << 30, "it reads without end");
            }
            sent
        });
        let policy = Policy { max_bytes: 1 << 20, ..Policy::default() };
        let error =
            Source::Http { url: url.into(), headers: Vec::new(), policy }.fetch(&Validators::default()).err().unwrap();
        assert!(
            matches!(error, CaptureError::Permanent { .. }) && error.to_string().contains("1048576 bytes"),
            "{error}"
        );
        // What the sockets held, and no more.
        assert!(sent.join().unwrap() < 64 << 20);
    }

    #[test]
    fn files_are_measured_before_they_are_read_and_pipes_are_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed.zip");
        std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let file = |path: &Path| Source::File { path: path.to_owned(), max_bytes: 1 << 20 };
        let error = file(&path).fetch(&Validators::default()).err().unwrap();
        assert!(error.to_string().contains("larger than 1048576 bytes"), "{error}");
        let error = file(folder.path()).fetch(&Validators::default()).err().unwrap();
        assert!(error.to_string().contains("this is no file"), "{error}");
    }

    /// What a clock shows and the server says, and by how many seconds evidence is moved.
    #[test]
    fn evidence_follows_the_clock_of_the_server_but_not_into_the_future() {
        let moved = |ours: &str, date: Option<&str>, age: Option<&str>, newest: Option<&str>| {
            let newest = newest.map(|newest| newest.parse().unwrap());
            clock_difference("x", date, age, ours.parse().unwrap(), newest).map(|by| by.as_secs())
        };
        let now = Some("Thu, 26 Nov 2026 10:00:00 GMT");
        assert_eq!(moved("2026-11-26T10:04:59Z", now, None, None), None);
        assert_eq!(moved("2026-11-26T10:05:01Z", now, None, None), Some(-301));
        assert_eq!(moved("2026-11-26T10:10:00Z", now, Some("599"), None), None);
        assert_eq!(moved("2031-01-01T00:00:00Z", now, None, None), Some(-129_304_800));
        // The server is ahead: followed only where our clock is surely behind.
        assert_eq!(moved("2026-11-26T09:50:00Z", now, None, None), None);
        assert_eq!(moved("2026-11-26T09:50:00Z", now, None, Some("2026-11-26T09:58:00Z")), Some(600));
        assert_eq!(moved("2026-11-26T09:50:00Z", now, None, Some("2031-01-01T00:00:00Z")), None);
        assert!(moved("1970-01-01T00:00:10Z", now, None, None).is_some());
        assert_eq!(moved("2026-11-26T09:50:00Z", Some("Thu, 01 Jan 1970 00:00:00 GMT"), None, None), None);
        assert_eq!(moved("2026-11-26T09:50:00Z", Some("gestern"), None, None), None);
        assert_eq!(moved("2026-11-26T09:50:00Z", None, None, None), None);
    }

    #[test]
    fn the_time_of_this_machine_stays_in_the_record() {
        fn past(stream: &mut TcpStream, _: &str) {
            answer(stream, "200 OK\r\nDate: Tue, 24 Nov 2020 10:00:00 GMT", "hello");
        }
        let before = Timestamp::now();
        let Ok(Fetched::New(capture)) = fetch(&server(vec![past]), &Validators::default()) else { panic!() };
        let shown = capture.captured_at.to_string();
        assert!(shown.starts_with("2020-11-24T09:59:59") || shown.starts_with("2020-11-24T10:00:0"), "{shown}");
        let (_, own) = capture.headers.iter().find(|(name, _)| name == CLOCK_HEADER).unwrap();
        assert!(own.parse::<Timestamp>().unwrap() >= before);
        let Ok(Fetched::New(capture)) = fetch(&server(vec![fine]), &Validators::default()) else { panic!() };
        assert!(!capture.headers.iter().any(|(name, _)| name == CLOCK_HEADER) && capture.captured_at >= before);
    }

    #[test]
    fn an_object_keeps_its_encoding_and_a_store_that_stalls_is_tried_as_often_as_the_policy_says() {
        let source = |url: &url::Url| {
            let endpoint = url.origin().ascii_serialization();
            let options = [("endpoint", endpoint.as_str()), ("allow_http", "true"), ("skip_signature", "true")];
            let options = [("region", "us-east-1")].iter().chain(&options);
            let policy = Policy {
                read_timeout: Duration::from_millis(200),
                backoff: Duration::from_millis(5),
                tries: 2,
                max_bytes: 100,
                ..Policy::default()
            };
            let options = options.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            Source::S3 { url: "s3://offen/feed.pb".parse::<url::Url>().unwrap().into(), options, policy }
        };
        fn object(stream: &mut TcpStream, request: &str) {
            assert!(request.starts_with("GET /offen/feed.pb "), "{request}");
            let head =
                "200 OK\r\nETag: \"1\"\r\nLast-Modified: Tue, 24 Nov 2026 10:00:00 GMT\r\nContent-Encoding: GZIP";
            answer(stream, head, "packed");
        }
        fn stall(stream: &mut TcpStream, _: &str) {
            let head = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nLast-Modified: Tue, 24 Nov 2026 10:00:00 GMT\r\n";
            stream.write_all(format!("{head}Content-Length: 50\r\n\r\nhalf").as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(300));
        }
        let url = server(vec![stall, object]);
        let Ok(Fetched::New(capture)) = source(&url).fetch(&Validators::default()) else { panic!() };
        assert_eq!(capture.body.as_ref(), b"packed");
        assert!(capture.headers.contains(&("Content-Encoding".to_owned(), "GZIP".to_owned())), "{:?}", capture.headers);
        assert!(capture.headers.contains(&("ETag".to_owned(), "\"1\"".to_owned())));
        let begin = Instant::now();
        let error = source(&server(vec![stall, stall])).fetch(&Validators::default()).err().unwrap();
        assert!(
            matches!(error, CaptureError::Transient { .. }) && error.to_string().contains("tried 2 times"),
            "{error}"
        );
        assert!(begin.elapsed() < Duration::from_secs(5));
        fn silent(_: &mut TcpStream, _: &str) {
            std::thread::sleep(Duration::from_millis(800));
        }
        let begin = Instant::now();
        let error = source(&server(vec![silent, silent])).fetch(&Validators::default()).err().unwrap();
        assert!(matches!(error, CaptureError::Transient { .. }), "{error}");
        assert!(error.to_string().contains("tried 2 times"), "{error}");
        assert!((400..3000).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
        // A byte now and then is no stall; the time for one try is over all the same.
        fn drip(stream: &mut TcpStream, _: &str) {
            let head = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nLast-Modified: Tue, 24 Nov 2026 10:00:00 GMT\r\n";
            let _ = stream.write_all(format!("{head}Content-Length: 50\r\n\r\n").as_bytes());
            while stream.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        let mut dripping = source(&server(vec![drip, drip]));
        let Source::S3 { policy, .. } = &mut dripping else { panic!() };
        policy.total_timeout = Duration::from_millis(600);
        let begin = Instant::now();
        let error = dripping.fetch(&Validators::default()).err().unwrap();
        assert!(matches!(error, CaptureError::Transient { .. }), "{error}");
        assert!(error.to_string().contains("tried 2 times"), "{error}");
        assert!((1200..4000).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
        fn large(stream: &mut TcpStream, _: &str) {
            let head = "200 OK\r\nETag: \"1\"\r\nLast-Modified: Tue, 24 Nov 2026 10:00:00 GMT";
            answer(stream, head, &"x".repeat(101));
        }
        let error = source(&server(vec![large])).fetch(&Validators::default()).err().unwrap();
        assert!(matches!(error, CaptureError::Permanent { .. }) && error.to_string().contains("max_bytes"), "{error}");
    }
}
