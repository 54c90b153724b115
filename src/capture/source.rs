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
mod tests;
