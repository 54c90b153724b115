//! Where a feed comes from: a file, a web address, an object in an S3 bucket.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::{GetOptions, ObjectStore};

use crate::capture::{Capture, CaptureError};
use crate::digest::Digest;

/// A source, as a pipeline's YAML describes it.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    File {
        path: PathBuf,
    },
    Http {
        url: url::Url,
        headers: Vec<(String, String)>,
        policy: Policy,
    },
    /// `s3://bucket/key`; endpoint, region and credentials as for every bucket (`AWS_*`), or anonymous.
    S3 {
        url: url::Url,
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
    /// For the whole response.
    pub total_timeout: Duration,
    /// Tries in all.
    pub tries: u32,
    /// The wait before the second try; doubles with each, with full jitter, up to a minute. `Retry-After` is honoured.
    pub backoff: Duration,
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
            max_bytes: 2 << 30,
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
            Self::File { path } => format!("file:{}", path.display()),
            Self::Http { url, .. } | Self::S3 { url, .. } => redacted(url),
        }
    }

    /// Asks the source once, with retries as its policy says. Blocks; not to be called inside an async runtime.
    pub fn fetch(&self, known: &Validators) -> Result<Fetched, CaptureError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| passing(&self.shown(), format!("no thread for it ({error})")))?;
        // A second call finds the provider installed, which is what it wants.
        let _ = rustls::crypto::ring::default_provider().install_default();
        match self {
            Self::File { path } => fetch_file(path, &self.shown(), known),
            Self::Http { url, headers, policy } => {
                // The timer belongs to the runtime that it is made in.
                let _inside = runtime.enter();
                let most = policy.total_timeout.saturating_mul(policy.tries);
                let answer = runtime.block_on(tokio::time::timeout(most, fetch_http(url, headers, policy, known)));
                answer.unwrap_or_else(|_| Err(passing(&self.shown(), "took too long in all".to_owned())))
            }
            Self::S3 { url, options, policy } => runtime.block_on(fetch_s3(url, options, policy, known)),
        }
    }
}

fn passing(url: &str, problem: String) -> CaptureError {
    let remedy = "Try again later; if it stays so, ask whoever runs the source".to_owned();
    CaptureError::Passing { url: url.to_owned(), problem, remedy }
}

fn lasting(url: &str, problem: String, remedy: &str) -> CaptureError {
    CaptureError::Final { url: url.to_owned(), problem, remedy: remedy.to_owned() }
}

fn too_large(url: &str, most: u64) -> CaptureError {
    let problem = format!("the response is larger than {most} bytes");
    lasting(url, problem, "Raise 'max_bytes' of the source if this is right")
}

/// An address without user, password and the values of query parameters that look like secrets.
fn redacted(url: &url::Url) -> String {
    const SECRET: &[&str] = &["key", "token", "secret", "signature", "sig", "password", "auth", "credential"];
    let mut shown = url.clone();
    // Fails only for addresses that cannot have a user.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    if url.query().is_some() {
        let pairs: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| {
                let secret = SECRET.iter().any(|word| name.to_ascii_lowercase().contains(word));
                (name.into_owned(), if secret { "REDACTED".to_owned() } else { value.into_owned() })
            })
            .collect();
        shown.query_pairs_mut().clear().extend_pairs(pairs);
    }
    shown.into()
}

fn fetch_file(path: &std::path::Path, shown: &str, known: &Validators) -> Result<Fetched, CaptureError> {
    let most = Policy::default().max_bytes;
    let unreadable = |error: std::io::Error| {
        lasting(shown, format!("cannot be read: {error}"), "Check the source's path and the file's permissions")
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > most {
        return Err(too_large(shown, most));
    }
    let body = Bytes::from(std::fs::read(path).map_err(unreadable)?);
    Ok(fetched(shown.to_owned(), 200, Vec::new(), body, known))
}

/// A response as a capture, unless the source gave what we have.
fn fetched(url: String, status: u16, headers: Vec<(String, String)>, body: Bytes, known: &Validators) -> Fetched {
    let digest = Digest::of(&body);
    if known.digest == Some(digest) {
        return Fetched::NotModified;
    }
    Fetched::New(Capture { url, captured_at: crate::time::now(), status, headers, body, digest })
}

async fn fetch_http(
    url: &url::Url,
    headers: &[(String, String)],
    policy: &Policy,
    known: &Validators,
) -> Result<Fetched, CaptureError> {
    let shown = redacted(url);
    let client = reqwest::Client::builder()
        .connect_timeout(policy.connect_timeout)
        .read_timeout(policy.read_timeout)
        .timeout(policy.total_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("fahrtenbuch/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| lasting(&shown, format!("no client for it: {error}"), "Check the system's certificates"))?;
    let mut tries = 0;
    let mut redirects = 0;
    let mut at = url.clone();
    loop {
        // Headers may be keys: they go to the host that they were written for and nowhere else.
        let same_host = at.origin() == url.origin();
        let answer = ask(&client, &at, if same_host { headers } else { &[] }, policy, known).await?;
        let (problem, wait) = match answer {
            Answer::Fetched(fetched) => return Ok(fetched),
            Answer::Redirect(to) if redirects < policy.max_redirects => {
                redirects += 1;
                at = to;
                continue;
            }
            Answer::Redirect(_) => {
                let problem = format!("it redirects more than {} times", policy.max_redirects);
                return Err(lasting(&shown, problem, "Write the address that it leads to"));
            }
            Answer::Again { problem, wait } => (problem, wait),
        };
        tries += 1;
        if tries >= policy.tries {
            return Err(passing(&shown, format!("{problem} (tried {tries} times)")));
        }
        let backoff = policy.backoff.saturating_mul(1 << (tries - 1).min(10)).min(Duration::from_secs(60));
        let wait = jitter(backoff).max(wait.unwrap_or_default()).min(Duration::from_secs(60));
        tracing::warn!(url = %shown, %problem, wait_ms = wait.as_millis(), "trying again");
        tokio::time::sleep(wait).await;
        at = url.clone();
        redirects = 0;
    }
}

/// Somewhere between nothing and `most`, so that many clients do not come back at once.
fn jitter(most: Duration) -> Duration {
    use std::hash::BuildHasher;
    // The hasher's keys are random; nothing here is published.
    let random = std::hash::RandomState::new().hash_one(0_u8);
    most.mul_f64((random >> 11) as f64 / (1_u64 << 53) as f64)
}

async fn ask(
    client: &reqwest::Client,
    url: &url::Url,
    headers: &[(String, String)],
    policy: &Policy,
    known: &Validators,
) -> Result<Answer, CaptureError> {
    let shown = redacted(url);
    let again = |problem: String| Answer::Again { problem, wait: None };
    let mut request = client.get(url.clone());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if let Some(etag) = &known.etag {
        request = request.header("If-None-Match", etag);
    }
    if let Some(date) = &known.last_modified {
        request = request.header("If-Modified-Since", date);
    }
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) if error.is_builder() => {
            let problem = format!("the request cannot be made: {}", error.without_url());
            return Err(lasting(&shown, problem, "Check the address and the headers of the source"));
        }
        Err(error) => return Ok(again(told(error))),
    };
    let status = response.status().as_u16();
    match status {
        200 => {}
        304 => return Ok(Answer::Fetched(Fetched::NotModified)),
        301 | 302 | 303 | 307 | 308 => {
            let to =
                response.headers().get("location").and_then(|to| to.to_str().ok()).and_then(|to| url.join(to).ok());
            let to = to.filter(|to| matches!(to.scheme(), "http" | "https"));
            let to = to.filter(|to| url.scheme() == "http" || to.scheme() == "https");
            return to.map(Answer::Redirect).ok_or_else(|| {
                lasting(&shown, "it redirects to nowhere or away from https".to_owned(), "Check the address")
            });
        }
        408 | 425 | 429 | 500..=599 => {
            let wait = response.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.trim().parse().ok());
            return Ok(Answer::Again { problem: format!("it answers {status}"), wait: wait.map(Duration::from_secs) });
        }
        401 | 403 => {
            return Err(lasting(&shown, format!("it answers {status}"), "Check the key in the headers of the source"));
        }
        _ => return Err(lasting(&shown, format!("it answers {status}"), "Check the address of the source")),
    }
    let recorded: Vec<(String, String)> = response
        .headers()
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "set-cookie" | "transfer-encoding" | "connection" | "keep-alive"))
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    if response.content_length().is_some_and(|length| length > policy.max_bytes) {
        return Err(too_large(&shown, policy.max_bytes));
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if (body.len() + chunk.len()) as u64 > policy.max_bytes => {
                return Err(too_large(&shown, policy.max_bytes));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            // The body was cut off, or no byte came for too long.
            Err(error) => return Ok(again(told(error))),
        }
    }
    Ok(Answer::Fetched(fetched(shown, status, recorded, body.into(), known)))
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

async fn fetch_s3(
    url: &url::Url,
    options: &[(String, String)],
    policy: &Policy,
    known: &Validators,
) -> Result<Fetched, CaptureError> {
    let shown = redacted(url);
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(url.host_str().unwrap_or_default());
    for (key, value) in options {
        let key: AmazonS3ConfigKey = key.parse().map_err(|_| {
            lasting(&shown, format!("'{key}' is no option of an S3 source"), "See the source's 'options'")
        })?;
        builder = builder.with_config(key, value);
    }
    let store = builder.build().map_err(|error| lasting(&shown, error.to_string(), "Check the source's 'options'"))?;
    let path = object_store::path::Path::from(url.path().trim_start_matches('/'));
    let options = GetOptions { if_none_match: known.etag.clone(), ..GetOptions::default() };
    let failed = |error: object_store::Error| match error {
        object_store::Error::NotFound { .. } => {
            lasting(&shown, "there is no such object".to_owned(), "Check the bucket and the key")
        }
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            lasting(&shown, "the store refuses access".to_owned(), "Check the credentials")
        }
        error => passing(&shown, format!("the store failed: {error}")),
    };
    let object = match store.get_opts(&path, options).await {
        Err(object_store::Error::NotModified { .. }) => return Ok(Fetched::NotModified),
        other => other.map_err(failed)?,
    };
    if object.meta.size > policy.max_bytes {
        return Err(too_large(&shown, policy.max_bytes));
    }
    let mut headers = Vec::new();
    headers.extend(object.meta.e_tag.clone().map(|etag| ("ETag".to_owned(), etag)));
    headers.push(("Last-Modified".to_owned(), object.meta.last_modified.to_rfc2822()));
    let body = object.bytes().await.map_err(failed)?;
    Ok(fetched(shown.clone(), 200, headers, body, known))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// A server that answers its connections one after the other, each by a function of its own.
    fn server(answers: Vec<fn(&mut TcpStream, &str)>) -> url::Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/feed?apikey=geheim&x=1", listener.local_addr().unwrap()).parse().unwrap();
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
        Source::Http { url: url.clone(), headers: vec![("X-Key".into(), "geheim".into())], policy }.fetch(known)
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
        assert!(capture.url.contains("apikey=REDACTED&x=1"), "{}", capture.url);
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
        assert!(matches!(error, CaptureError::Passing { .. }));
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
            assert!(matches!(error, CaptureError::Final { .. }), "{error}");
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
        let source = Source::File { path: folder.path().join("feed.zip") };
        assert!(matches!(source.fetch(&Validators::default()), Err(CaptureError::Final { .. })));
        std::fs::write(folder.path().join("feed.zip"), "zip").unwrap();
        let Ok(Fetched::New(capture)) = source.fetch(&Validators::default()) else { panic!() };
        let known = Validators { digest: Some(capture.digest), ..Validators::default() };
        assert!(matches!(source.fetch(&known), Ok(Fetched::NotModified)));
    }
}
