//! The access log: a line for each request in the combined format that web servers write and statistics programs read.
//!
//! `192.0.2.0 - - [27/Nov/2026:12:00:00 +0000] "GET /index.html HTTP/1.1" 200 5120 "-" "curl/8.5.0"`: the bytes are those of the
//! body that were sent. An address of a person is personal data, so the log has its network only (the first 24 bits of IPv4, 48 of
//! IPv6), and neither the query nor the page that a link stood on.

use std::fs::File;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::header::USER_AGENT;
use hyper::http::request::Parts;

/// Characters of a path or of a program's name.
const LONGEST: usize = 1024;

/// Where lines go, if they go anywhere.
#[derive(Clone, Debug, Default)]
pub struct AccessLog(Option<Arc<Mutex<File>>>);

impl AccessLog {
    /// Appends to a file; one that is rotated is to be copied and truncated.
    ///
    /// # Errors
    /// The file cannot be made or written.
    pub fn open(path: &Path) -> io::Result<Self> {
        #[allow(clippy::disallowed_methods, reason = "the user names it: a pipe or a terminal may be meant")]
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self(Some(Arc::new(Mutex::new(file)))))
    }

    /// The line of a request, which is written when it is dropped.
    pub(super) fn line(&self, request: &Parts, client: IpAddr) -> Line {
        let agent = request.headers.get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        let head = match self.0 {
            // Nobody reads it.
            None => [String::new(), String::new()],
            Some(_) => [
                format!("{} {} {:?}", request.method, harmless(request.uri.path()), request.version),
                agent.map_or_else(|| "-".to_owned(), |agent| harmless(&agent)),
            ],
        };
        let [request, agent] = head;
        let at = crate::time::now().strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
        Line { log: self.clone(), client: network(client), at, request, agent, status: GONE, bytes: 0 }
    }

    /// One write a line, so that a reader and a kill find whole lines.
    fn write(&self, line: &str) {
        let Some(file) = &self.0 else { return };
        let written = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
        if let Err(error) = written {
            tracing::warn!("the access log cannot be written: {error}");
        }
    }
}

/// What is logged of a client that left before there was an answer, as nginx does.
const GONE: u16 = 499;

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Line {
    log: AccessLog,
    client: IpAddr,
    at: String,
    request: String,
    agent: String,
    pub status: u16,
    /// Of the body, as far as it was sent.
    pub bytes: u64,
}

impl Drop for Line {
    fn drop(&mut self) {
        let Self { log, client, at, request, agent, status, bytes } = self;
        log.write(&format!("{client} - - [{at}] \"{request}\" {status} {bytes} \"-\" \"{agent}\"\n"));
    }
}

/// The network of an address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & !0xff).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !(u128::MAX >> 48)).into(),
    }
}

/// A text of a client between quotes: without quotes, backslashes and control characters of its own, and not too long.
fn harmless(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(LONGEST) {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_the_network_the_request_and_the_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = AccessLog::open(&path).unwrap();
        let request = hyper::Request::get("/a%22b?token=x").header("User-Agent", "x\"y\\").body(()).unwrap();
        let (request, ()) = request.into_parts();
        let mut line = log.line(&request, "192.0.2.77".parse().unwrap());
        (line.status, line.bytes) = (206, 17);
        drop(line);
        drop(log.line(&request, "2001:db8:1:2:3::4".parse().unwrap()));
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("192.0.2.0 - - ["), "{text}");
        assert!(lines[0].ends_with(" +0000] \"GET /a%22b HTTP/1.1\" 206 17 \"-\" \"x\\\"y\\\\\""), "{text}");
        assert!(lines[1].starts_with("2001:db8:1:: - - [") && lines[1].contains("\" 499 0 "), "{text}");
    }
}
