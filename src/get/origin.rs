//! Where files come from: an address on the web, or a folder.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Response, StatusCode, header};
use url::Url;

use super::error::GetError;
use super::pace::Pace;
use crate::capture::source::{Resolver, certificate, first_cause, retry_after};
use crate::durable;
use crate::publish::bucket::local_folder;

const CONNECT: Duration = Duration::from_secs(10);
/// Between two bytes.
const READ: Duration = Duration::from_secs(30);
const REDIRECTS: usize = 5;
/// The longest pause that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Bytes of a folder's file at once.
const CHUNK: usize = 256 << 10;

/// A client as every part of this program that reads the web makes it: the system's certificates, and time limits.
///
/// # Errors
/// The system's certificates cannot be used.
pub fn client() -> Result<reqwest::Client, GetError> {
    // A second call finds the provider installed, which is what it wants.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let redirect = reqwest::redirect::Policy::custom(|attempt| {
        let refused = attempt.previous().last().and_then(|from| refusal(from, attempt.url()));
        if let Some(problem) = refused {
            return attempt.error(problem);
        }
        if attempt.previous().len() > REDIRECTS { attempt.error("it redirects too often") } else { attempt.follow() }
    });
    reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .read_timeout(READ)
        .redirect(redirect)
        .dns_resolver(Arc::new(Resolver))
        .user_agent(concat!("fahrtenbuch/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| {
            GetError::usage("the web", format!("no client for it: {error}"), "Check the system's certificates")
        })
}

/// Why a redirect is not followed: a bucket is read from the host that somebody has named, and from no other, though over https where it
/// asks for that.
fn refusal(from: &Url, to: &Url) -> Option<String> {
    let is_upgrade = from.scheme() == "http" && to.scheme() == "https";
    let is_same_port = from.port_or_known_default() == to.port_or_known_default();
    if from.host() == to.host() && (is_upgrade || from.scheme() == to.scheme() && is_same_port) {
        return None;
    }
    let place = |url: &Url| {
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
    };
    Some(format!("it redirects from {} to {}, which is not followed", place(from), place(to)))
}

/// A bucket to read from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// The address ends with a slash.
    Web {
        client: reqwest::Client,
        base: Url,
    },
    Folder(PathBuf),
}

/// Why an object could not be opened, or not be read to its end.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It may go on later.
    Again {
        problem: String,
        wait: Option<Duration>,
    },
    /// What is there of it is not what goes on: from the beginning.
    Restart(String),
    /// It is not there, or not for everybody.
    Absent(String),
    Permanent {
        problem: String,
        remedy: &'static str,
    },
    /// It leads to where it is not followed.
    Elsewhere {
        problem: String,
        remedy: &'static str,
    },
    /// It is longer than it can be. So many bytes were read in vain.
    TooLong {
        problem: String,
        remedy: &'static str,
        read: u64,
    },
}

/// An object that is being read.
#[derive(Debug)]
pub(super) struct Opened {
    /// Where the bytes begin.
    pub from: u64,
    /// Those of the whole, if they are known.
    pub size: Option<u64>,
    /// Its strong ETag.
    pub tag: Option<String>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Web(Response, Pace),
    File(File),
}

impl Origin {
    /// Reads an address: of the web, of a file, or a folder.
    ///
    /// # Errors
    /// It is none of these.
    pub fn open(address: &str) -> Result<Self, GetError> {
        let wrong = |problem: &str, remedy: &str| Err(GetError::usage(address, problem, remedy));
        if !address.starts_with("http://") && !address.starts_with("https://") {
            return match local_folder(address) {
                Ok(Some(folder)) if folder.is_dir() => Ok(Self::Folder(folder)),
                Ok(Some(_)) => wrong("there is no such folder", "Write the address of a bucket, or its folder"),
                _ => wrong("this is no address of a bucket", "Write one like https://data.example.org, or a folder"),
            };
        }
        let Ok(mut base) = Url::parse(address) else {
            return wrong("this is no address", "Write one like https://data.example.org");
        };
        if base.query().is_some() || base.fragment().is_some() {
            return wrong("an address of a bucket has no '?' and no '#'", "Leave them out");
        }
        // People copy the address of the page.
        let path = base.path().trim_end_matches("index.html").trim_end_matches("datapackage.json");
        let path = format!("{}/", path.trim_end_matches('/'));
        base.set_path(&path);
        Ok(Self::Web { client: client()?, base })
    }

    /// An object's address as it is told, without a password.
    pub fn shown(&self, key: &str) -> String {
        match self {
            Self::Folder(folder) => folder.join(key).display().to_string(),
            Self::Web { base, .. } => {
                let mut url = base.clone();
                // An address of the web can have no user.
                let _ = (url.set_username(""), url.set_password(None));
                format!("{url}{key}")
            }
        }
    }

    /// All of a small object, at most so many bytes.
    pub(super) async fn document(&self, key: &str, most: usize) -> Result<Bytes, Trouble> {
        let mut opened = self.object(key, 0, None).await?;
        let mut bytes = BytesMut::new();
        let too_long = |read: usize| {
            let problem = format!("it has more than {most} bytes");
            Trouble::TooLong { problem, remedy: "Check the address", read: read as u64 }
        };
        if opened.size.is_some_and(|size| size > most as u64) {
            return Err(too_long(0));
        }
        while let Some(chunk) = opened.chunk().await? {
            if bytes.len() + chunk.len() > most {
                return Err(too_long(bytes.len() + chunk.len()));
            }
            bytes.extend_from_slice(&chunk);
        }
        match opened.size {
            Some(size) if size != bytes.len() as u64 => {
                Err(Trouble::Again { problem: "it ended before its end".to_owned(), wait: None })
            }
            _ => Ok(bytes.freeze()),
        }
    }

    /// Opens an object from a byte on, if it still is the one with the tag; else from its beginning.
    pub(super) async fn object(&self, key: &str, from: u64, tag: Option<&str>) -> Result<Opened, Trouble> {
        match self {
            Self::Folder(folder) => {
                let open = || {
                    let mut file = durable::open_to_read(&folder.join(key))?;
                    let size = file.metadata()?.len();
                    let from = if from > size { 0 } else { from };
                    file.seek(SeekFrom::Start(from))?;
                    Ok(Opened { from, size: Some(size), tag: None, body: Body::File(file) })
                };
                open().map_err(|error: std::io::Error| match error.kind() {
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                        Trouble::Absent("it is not there".to_owned())
                    }
                    // A link that leads to itself, or a name that is too long.
                    _ if is_lasting(&error) => {
                        Trouble::Permanent { problem: error.to_string(), remedy: "Tell whoever publishes the bucket" }
                    }
                    std::io::ErrorKind::PermissionDenied => {
                        Trouble::Permanent { problem: error.to_string(), remedy: "Let it be read" }
                    }
                    // What is no file stays that until somebody comes.
                    std::io::ErrorKind::Other => {
                        Trouble::Permanent { problem: error.to_string(), remedy: "Tell whoever publishes the bucket" }
                    }
                    _ => Trouble::Again { problem: error.to_string(), wait: None },
                })
            }
            Self::Web { client, base } => {
                let permanent = |problem: String| Trouble::Permanent { problem, remedy: "Check the address" };
                let url = base.join(key).map_err(|error| permanent(format!("this is no address ({error})")))?;
                // What is compared with a digest must come as it is.
                let mut request = client.get(url).header(header::ACCEPT_ENCODING, "identity");
                if from > 0 {
                    request = request.header(header::RANGE, format!("bytes={from}-"));
                    if let Some(tag) = tag {
                        request = request.header(header::IF_RANGE, tag);
                    }
                }
                answered(request.send().await.map_err(failed)?, from)
            }
        }
    }
}

/// Whether an error of a folder stays until somebody comes.
fn is_lasting(error: &std::io::Error) -> bool {
    let lasting = [rustix::io::Errno::LOOP, rustix::io::Errno::NAMETOOLONG].map(rustix::io::Errno::raw_os_error);
    error.raw_os_error().is_some_and(|code| lasting.contains(&code))
}

/// What an answer says of an object of which the bytes from `from` on were asked for.
fn answered(response: Response, from: u64) -> Result<Opened, Trouble> {
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let tag = text(header::ETAG).filter(|tag| tag.starts_with('"'));
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    let status = response.status();
    // Some stores say 'aws-chunked' of what was uploaded in parts, and send it whole.
    let is_plain = |of: &str| matches!(of.trim().to_ascii_lowercase().as_str(), "" | "identity" | "aws-chunked");
    let encoding = text(header::CONTENT_ENCODING).filter(|of| !is_plain(of));
    if let Some(encoding) = encoding.filter(|_| status.is_success()) {
        let problem = format!(
            "the server sends it encoded (Content-Encoding: {}), which it was not asked for, so that its bytes are not known",
            encoding.escape_debug()
        );
        return Err(Trouble::Permanent { problem, remedy: "Tell whoever runs the server" });
    }
    match status {
        StatusCode::OK => Ok(Opened { from: 0, size: length, tag, body: Body::Web(response, Pace::new()) }),
        StatusCode::PARTIAL_CONTENT => {
            let range = text(header::CONTENT_RANGE).unwrap_or_default();
            match content_range(&range) {
                Some((first, size)) if first == from && from > 0 => {
                    Ok(Opened { from, size, tag, body: Body::Web(response, Pace::new()) })
                }
                _ => Err(Trouble::Restart(format!("it sent another part than it was asked for ({range:?})"))),
            }
        }
        StatusCode::RANGE_NOT_SATISFIABLE => Err(Trouble::Restart("it is shorter than what is there of it".to_owned())),
        // S3 says 403 of what is not there to whom it lets list nothing.
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN => {
            Err(Trouble::Absent(format!("the server says {status}")))
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Err(Trouble::Again { problem: format!("the server says {status}"), wait: wait(text(header::RETRY_AFTER)) })
        }
        status if status.is_server_error() => {
            Err(Trouble::Again { problem: format!("the server says {status}"), wait: wait(text(header::RETRY_AFTER)) })
        }
        status => Err(Trouble::Permanent { problem: format!("the server says {status}"), remedy: "Check the address" }),
    }
}

/// The first byte of `bytes 5-9/10`, and the bytes of the whole if they are told.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, size.trim().parse().ok()))
}

/// What `Retry-After` asks for, as far as it is listened to.
fn wait(header: Option<String>) -> Option<Duration> {
    Some(retry_after(&header?, crate::time::now())?.min(LONGEST_WAIT))
}

fn failed(error: reqwest::Error) -> Trouble {
    if let Some((problem, remedy)) = certificate(&error) {
        return Trouble::Permanent { problem, remedy };
    }
    let is_redirect = error.is_redirect();
    let error = error.without_url();
    let cause = first_cause(&error);
    let problem = if error.to_string() == cause.to_string() { error.to_string() } else { format!("{error}: {cause}") };
    match is_redirect {
        true => Trouble::Elsewhere { problem, remedy: "Write the address that it leads to, if you trust that host" },
        false => Trouble::Again { problem, wait: None },
    }
}

impl Opened {
    /// The next bytes.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Trouble> {
        match &mut self.body {
            Body::Web(response, pace) => {
                let too_slow = || Trouble::Again { problem: "it comes too slowly".to_owned(), wait: None };
                let chunk = pace.wait(response.chunk()).await.ok_or_else(too_slow)?.map_err(failed)?;
                pace.received(chunk.as_ref().map_or(0, Bytes::len));
                Ok(chunk)
            }
            Body::File(file) => {
                let mut bytes = vec![0; CHUNK];
                let read = file.read(&mut bytes);
                let read = read.map_err(|error| Trouble::Again { problem: error.to_string(), wait: None })?;
                bytes.truncate(read);
                Ok((read > 0).then(|| bytes.into()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_followed_on_its_host_only_and_never_away_from_https() {
        let refused = |from: &str, to: &str| refusal(&from.parse().unwrap(), &to.parse().unwrap());
        for (from, to) in [
            ("http://a.example/x", "http://a.example/y"),
            ("http://a.example/x", "https://a.example/x"),
            ("http://a.example:8080/x", "https://a.example/x"),
            ("https://a.example:443/x", "https://a.example/y"),
        ] {
            assert_eq!(refused(from, to), None, "{from} {to}");
        }
        for (from, to) in [
            ("https://a.example/", "http://a.example/"),
            ("http://a.example/", "http://a.example:81/"),
            ("https://a.example/", "https://b.example/"),
            ("http://a.example/", "http://169.254.169.254/"),
            ("http://127.0.0.1:80/", "http://localhost/"),
        ] {
            assert!(refused(from, to).is_some(), "{from} {to}");
        }
        let said = refused("https://a.example/x", "https://b.example:444/secret").unwrap();
        assert_eq!(said, "it redirects from https://a.example to https://b.example:444, which is not followed");
    }
}
