//! HTTP/1.1 as far as the simulator needs it: what the socket took is known to the byte, and an answer may be broken on
//! purpose (RFC 9112).

use std::io;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::digest::Digest;
use crate::simulate::serve::log::Line;

pub(super) type Stream = BufReader<TcpStream>;

/// The most bytes of a request's head.
const HEAD_BYTES: u64 = 64 << 10;
/// How long an answer stalls, at most.
const STALL: Duration = Duration::from_secs(3600);

/// The head of a request.
pub(super) struct Request {
    method: String,
    /// Path and query.
    pub target: String,
    is_old: bool,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    /// When it was read.
    pub at: Timestamp,
}

impl Request {
    /// The next request of a connection; nothing if the client has closed it.
    pub(super) async fn read(stream: &mut Stream) -> io::Result<Option<Self>> {
        let mut head = Vec::new();
        let mut input = stream.take(HEAD_BYTES);
        loop {
            let begin = head.len();
            if input.read_until(b'\n', &mut head).await? == 0 {
                return if head.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
            if head[begin..].trim_ascii().is_empty() {
                break;
            }
        }
        let head = String::from_utf8_lossy(&head);
        let mut lines = head.lines();
        let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
        let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let header = |line: &str| line.split_once(':').map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned()));
        let headers = lines.filter_map(header).collect();
        Ok(Some(Self { method, target, is_old: version == "HTTP/1.0", headers, at: Timestamp::now() }))
    }

    /// A request of now without headers.
    #[cfg(test)]
    pub(super) fn of(target: &str, at: Timestamp) -> Self {
        Self { method: "GET".to_owned(), target: target.to_owned(), is_old: false, headers: Vec::new(), at }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether the query has a word.
    pub(super) fn has(&self, word: &str) -> bool {
        self.target.split_once('?').is_some_and(|(_, query)| query.split('&').any(|part| part == word))
    }

    pub(super) fn is_readable(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }

    fn closes(&self) -> bool {
        let connection = self.header("connection").unwrap_or_default().to_ascii_lowercase();
        connection == "close" || (self.is_old && connection != "keep-alive")
    }

    /// Whether the client has the answer with this ETag and this date of change. One that sends both means the ETag (RFC 9110,
    /// 13.2.2).
    pub(super) fn knows(&self, etag: &str, modified: Option<&str>) -> bool {
        match (self.header("if-none-match"), self.header("if-modified-since")) {
            (Some(etags), _) => etags.split(',').any(|known| known.trim() == etag),
            (None, Some(date)) => modified == Some(date),
            (None, None) => false,
        }
    }
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Whole,
    /// The first half of the body, then the end of the connection.
    CutOff,
    /// The first half of the body, then nothing for an hour.
    Stall,
    /// The connection ends without a word.
    Closed,
}

pub(super) struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
    pub ending: Ending,
    /// Of the body, or of the one that a 304 stands for.
    pub digest: Option<Digest>,
    /// What was planted, for the log.
    pub fault: Option<&'static str>,
}

impl Answer {
    /// A short text.
    pub(super) fn plain(status: u16, text: &'static str) -> Self {
        let body = Bytes::from_static(text.as_bytes());
        Self { status, headers: Vec::new(), body, ending: Ending::Whole, digest: None, fault: None }
    }

    /// Sends it; whether the connection may have another request.
    pub(super) async fn send(self, stream: &mut Stream, request: &Request, line: &mut Line) -> io::Result<bool> {
        line.fault = self.fault;
        if self.ending == Ending::Closed {
            return Ok(false);
        }
        line.status = Some(self.status);
        line.digest = self.digest;
        let mut head = head(self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        // A 304 has no body, and no length (RFC 9110, 8.6).
        if self.status != 304 {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        let closes = request.closes();
        head += if closes { "Connection: close\r\n\r\n" } else { "\r\n" };
        stream.write_all(head.as_bytes()).await?;
        let has_body = request.method != "HEAD";
        let body = if has_body { &self.body[..] } else { &[] };
        match self.ending {
            Ending::Whole => {
                write(stream, body, &mut line.bytes).await?;
                line.is_complete = has_body;
            }
            Ending::CutOff | Ending::Stall => {
                write(stream, &body[..body.len() / 2], &mut line.bytes).await?;
                if self.ending == Ending::Stall {
                    // Until the client goes away.
                    let _ = tokio::time::timeout(STALL, stream.read_u8()).await;
                }
                return Ok(false);
            }
            Ending::Closed => return Ok(false),
        }
        if closes {
            // What the client says next is that it is gone.
            stream.shutdown().await?;
        }
        Ok(true)
    }
}

/// The status line and what stands in every answer.
pub(super) fn head(status: u16) -> String {
    let reason = match status {
        200 => "OK",
        302 => "Found",
        304 => "Not Modified",
        404 => "Not Found",
        405 => "Method Not Allowed",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    };
    format!("HTTP/1.1 {status} {reason}\r\nDate: {}\r\n", date(Timestamp::now().as_second()))
}

/// A date as HTTP has it, of seconds since 1970.
pub(super) fn date(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or_default();
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).unwrap_or_default()
}

/// Writes all bytes, and counts those that the socket took.
pub(super) async fn write(stream: &mut Stream, mut bytes: &[u8], count: &mut u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let taken = stream.write(bytes).await?;
        if taken == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        *count += taken as u64;
        bytes = &bytes[taken..];
    }
    Ok(())
}
