//! WARC 1.1 (ISO 28500:2017), one gzip member per record: the form in which evidence is kept.
//!
//! Writes that form alone, and reads records of other writers too: WARC 1.0, digests by MD5, SHA-1, SHA-256 and SHA-512 in
//! hex or base32 or none at all, chunked responses, headers in any case and folded. Where records begin and end in an archive is
//! [`crate::capture::evidence`]'s.

mod write;

use std::io::{self, BufRead, Read};

use bytes::Bytes;
use jiff::Timestamp;
use sha2::Digest as _;

pub use self::write::{write_info, write_record};
use crate::capture::Capture;
use crate::capture::beat::Beat;
use crate::capture::record::{self, BeatOutcome, BeatRecord, Note};
use crate::digest::Digest;

/// The most that a record's header may take.
const HEADER_BYTES: u64 = 64 << 10;
/// The most that a record's block may take.
pub const BLOCK_BYTES: u64 = 2 << 30;
/// The most that the status and the headers of a response may take.
const HEAD_BYTES: u64 = 1 << 20;
/// The most that the block of a note may take.
const NOTE_BYTES: u64 = 64 << 10;
/// What a capture's address begins with; crawlers keep `dns:` and `metadata:` records in the same archives.
const SCHEMES: &[&str] = &["http", "https", "ftp", "ftps", "s3", "file", "mqtt", "mqtts"];

/// A record's header, as far as a reader of captures needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// `warcinfo`, `response`, `resource`, `request`, `metadata`, `revisit`, `conversion`, in lower case.
    pub kind: String,
    pub url: String,
    /// Absent where it stands there in no form that is known; such a record is no capture.
    pub date: Option<Timestamp>,
    pub content_type: String,
    pub payload_digest: Option<Declared>,
    pub block_digest: Option<Declared>,
    pub content_length: u64,
    /// Of a revisit: what it is said to be, and the date of the record that has the body.
    pub profile: String,
    pub refers_to: Option<Timestamp>,
    /// Our own fields: the beat, the header time of the feed, and what a body is instead of what it is to be.
    pub beat: Option<Beat>,
    pub feed_time: Option<Timestamp>,
    pub unreadable: Option<String>,
}

/// A digest as a header names it: `sha256:<hex or base32>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    algorithm: Algorithm,
    value: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Md5,
    Sha1,
    Sha256,
    Sha512,
}

impl Declared {
    /// `None` for what cannot be checked: another algorithm, or a value that is no digest.
    fn parse(text: &str) -> Option<Self> {
        let (name, value) = text.trim().split_once(':')?;
        let (algorithm, bytes) = match name.trim().to_ascii_lowercase().replace('-', "").as_str() {
            "md5" => (Algorithm::Md5, 16),
            "sha1" => (Algorithm::Sha1, 20),
            "sha256" => (Algorithm::Sha256, 32),
            "sha512" => (Algorithm::Sha512, 64),
            _ => return None,
        };
        let value = value.trim();
        let value = if value.len() == 2 * bytes { hex(value) } else { base32(value) }?;
        (value.len() == bytes).then_some(Self { algorithm, value })
    }

    /// If it is one by which evidence is named.
    pub fn sha256(&self) -> Option<Digest> {
        (self.algorithm == Algorithm::Sha256).then(|| self.value.as_slice().try_into().ok().map(Digest)).flatten()
    }

    fn is_of(&self, bytes: &[u8]) -> bool {
        match self.algorithm {
            Algorithm::Md5 => md5::Md5::digest(bytes)[..] == self.value,
            Algorithm::Sha1 => sha1::Sha1::digest(bytes)[..] == self.value,
            Algorithm::Sha256 => Digest::of(bytes).0[..] == self.value,
            Algorithm::Sha512 => sha2::Sha512::digest(bytes)[..] == self.value,
        }
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// RFC 4648, any case, with or without padding.
fn base32(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let five = match byte.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter - b'A',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        bits = bits << 5 | u32::from(five);
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(out)
}

/// How many bytes a capture's block has in a record.
pub fn block_length(capture: &Capture) -> u64 {
    let lines = capture.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>();
    (lines + 32 + capture.body.len()) as u64
}

/// What the block of a record holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A body as a source gave it, and its digest.
    Body(Digest),
    /// The source had what it gave before: the digest of that body, if the record names it by SHA-256.
    Revisit(Option<Digest>),
    /// What came of a beat that gave no body.
    Note(Note),
    /// Nothing that a run works on: another kind of record, an answer that is no 200, and why, for people.
    NoCapture(String),
}

/// Reads the header of the next record of what was inflated; `None` where it ends.
pub fn read_header(input: &mut impl BufRead) -> io::Result<Option<Header>> {
    if !skip_line_ends(input)? {
        return Ok(None);
    }
    let mut text = Vec::new();
    let mut input = input.take(HEADER_BYTES);
    loop {
        let line = text.len();
        if input.read_until(b'\n', &mut text)? == 0 || text.last() != Some(&b'\n') {
            return if text.len() as u64 == HEADER_BYTES {
                Err(damaged("the record's header has no end"))
            } else {
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the record's header is cut off"))
            };
        }
        if line == 0 && !(text.starts_with(b"WARC/0.1") || text.starts_with(b"WARC/1.")) {
            return Err(damaged("this is no WARC record"));
        }
        if matches!(&text[line..], b"\n" | b"\r\n") {
            break;
        }
    }
    let text = String::from_utf8_lossy(&text);
    let fields = fields(&text);
    let field = |name: &str| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
    let missing = |name: &str| damaged(&format!("the record's header lacks {name}"));
    Ok(Some(Header {
        kind: field("WARC-Type").ok_or_else(|| missing("WARC-Type"))?.to_ascii_lowercase(),
        url: field("WARC-Target-URI").unwrap_or_default().trim_matches(['<', '>']).to_owned(),
        date: field("WARC-Date").and_then(date),
        content_type: field("Content-Type").unwrap_or_default().to_ascii_lowercase(),
        payload_digest: field("WARC-Payload-Digest").and_then(Declared::parse),
        block_digest: field("WARC-Block-Digest").and_then(Declared::parse),
        content_length: field("Content-Length")
            .and_then(|length| length.parse().ok())
            .ok_or_else(|| missing("Content-Length"))?,
        profile: field("WARC-Profile").unwrap_or_default().trim_matches(['<', '>']).to_owned(),
        refers_to: field("WARC-Refers-To-Date").and_then(date),
        beat: field(record::BEAT_FIELD).and_then(Beat::parse),
        feed_time: field(record::FEED_TIME_FIELD).and_then(date),
        unreadable: field(record::UNREADABLE_FIELD).map(str::to_owned),
    }))
}

/// Passes over line ends; whether there is something behind them.
pub fn skip_line_ends(input: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let buffer = input.fill_buf()?;
        let Some(&first) = buffer.first() else { return Ok(false) };
        if !matches!(first, b'\r' | b'\n') {
            return Ok(true);
        }
        input.consume(1);
    }
}

/// Reads a record's block to its end. Where the header names no SHA-256 of the payload as it is published, or with `verify`,
/// the payload is digested, and a digest that the header names must be right.
pub fn read_content(header: &Header, input: &mut impl BufRead, verify: bool) -> io::Result<Content> {
    if header.is_revisit() {
        pass_over(input, header.content_length)?;
        return Ok(Content::Revisit(header.sha256()));
    }
    if header.may_be_note() {
        let mut block = Vec::new();
        input.take(header.content_length).read_to_end(&mut block)?;
        if block.len() as u64 != header.content_length {
            return Err(cut_off());
        }
        let note = Note::parse(&fields(&format!("\n{}", String::from_utf8_lossy(&block))));
        return Ok(note.map_or_else(|| Content::NoCapture("it is a 'metadata' record".to_owned()), Content::Note));
    }
    if let Some(reason) = header.no_capture() {
        pass_over(input, header.content_length)?;
        return Ok(Content::NoCapture(reason));
    }
    let mut block = Vec::new();
    if header.kind == "response" {
        read_head(&mut input.by_ref().take(header.content_length.min(HEAD_BYTES)), &mut block)?;
        let head = Head::parse(&block);
        if let Some(reason) = head.as_ref().map_or(Some("it is no HTTP response".to_owned()), Head::no_capture) {
            pass_over(input, header.content_length - block.len() as u64)?;
            return Ok(Content::NoCapture(reason));
        }
        let is_chunked = head.is_some_and(|head| head.is_chunked());
        if let (false, false, Some(digest)) = (verify, is_chunked, header.sha256()) {
            pass_over(input, header.content_length - block.len() as u64)?;
            return Ok(Content::Body(digest));
        }
    } else if let (false, Some(digest)) = (verify, header.sha256()) {
        pass_over(input, header.content_length)?;
        return Ok(Content::Body(digest));
    }
    input.take(header.content_length - block.len() as u64).read_to_end(&mut block)?;
    if block.len() as u64 != header.content_length {
        return Err(cut_off());
    }
    open(header, block.into()).map(|capture| Content::Body(capture.digest))
}

/// Reads the record at the beginning of `input`, of which nothing was read yet, as a capture; what its header says of the
/// payload must be so. At most `most` bytes.
pub fn read_capture(input: &mut impl BufRead, most: u64) -> io::Result<Capture> {
    let header = read_header(input)?.ok_or_else(cut_off)?;
    if header.content_length > most {
        return Err(damaged(&format!("the record is larger than {most} bytes")));
    }
    let mut block = Vec::new();
    input.take(header.content_length).read_to_end(&mut block)?;
    if block.len() as u64 != header.content_length {
        return Err(cut_off());
    }
    open(&header, block.into())
}

impl Header {
    /// Whether it says that a source had what it gave before.
    pub fn is_revisit(&self) -> bool {
        self.kind == "revisit" && self.date.is_some()
    }

    /// Whether it may say what came of a beat that gave no body.
    fn may_be_note(&self) -> bool {
        self.kind == "metadata"
            && self.date.is_some()
            && self.content_type.starts_with("application/warc-fields")
            && self.content_length <= NOTE_BYTES
    }

    /// Whether it is of a kind that asking a source leaves.
    pub fn may_be_beat(&self) -> bool {
        self.no_capture().is_none() || self.is_revisit() || self.may_be_note()
    }

    fn sha256(&self) -> Option<Digest> {
        self.payload_digest.as_ref().and_then(Declared::sha256)
    }

    /// Why this can be no capture, whatever its block holds.
    pub fn no_capture(&self) -> Option<String> {
        let scheme = self.url.split_once(':').map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
        match self.kind.as_str() {
            "response" if !self.content_type.is_empty() && !self.content_type.starts_with("application/http") => {
                Some(format!("it is a response of type '{}'", self.content_type.escape_debug()))
            }
            "response" | "resource" if self.date.is_none() => Some("its WARC-Date is no time".to_owned()),
            "response" | "resource" if !SCHEMES.contains(&scheme.as_str()) => {
                Some(format!("its address begins with '{}:'", scheme.escape_debug()))
            }
            "response" | "resource" => None,
            other => Some(format!("it is a '{}' record", other.escape_debug())),
        }
    }
}

/// A record as what asking a source left, if it is that.
pub fn beat_record(header: &Header, content: Content) -> Option<BeatRecord> {
    let outcome = match content {
        Content::Body(digest) => BeatOutcome::Body(digest),
        Content::Revisit(digest) => {
            BeatOutcome::Unchanged { digest, is_not_modified: header.profile.ends_with("/server-not-modified") }
        }
        Content::Note(note) => BeatOutcome::Note(note),
        Content::NoCapture(_) => return None,
    };
    let Header { beat, feed_time, .. } = *header;
    let (url, unreadable) = (header.url.clone(), header.unreadable.clone());
    Some(BeatRecord { at: header.date?, url, beat, feed_time, unreadable, outcome })
}

/// The block of a capture, taken apart.
fn open(header: &Header, block: Bytes) -> io::Result<Capture> {
    let (status, headers, payload, body) = if header.kind == "response" {
        let head = Head::parse(&block).ok_or_else(|| damaged("the response has no status or no end of headers"))?;
        let payload = block.slice(head.length..);
        // Many tools take the chunks away and leave the header.
        let body = if head.is_chunked() { dechunked(&payload) } else { None };
        (head.status, head.headers, payload.clone(), body.unwrap_or(payload))
    } else if header.kind == "resource" {
        (200, Vec::new(), block.clone(), block.clone())
    } else {
        return Err(damaged(&format!("a '{}' record is no capture", header.kind.escape_debug())));
    };
    let digest = Digest::of(&body);
    // Tools differ in what they call the payload of a chunked response.
    let of_payload = header.payload_digest.as_ref().map(|declared| {
        declared.sha256() == Some(digest) || declared.is_of(&payload) || (payload != body && declared.is_of(&body))
    });
    // Some digest the payload as it is without its content coding; then that of the block proves it.
    let is_right = match of_payload {
        Some(true) => true,
        other => header.block_digest.as_ref().map_or(other.is_none(), |declared| declared.is_of(&block)),
    };
    if !is_right {
        return Err(damaged("the payload is not the one that was captured: its digest differs"));
    }
    let captured_at = header.date.ok_or_else(|| damaged("the record's WARC-Date is no time"))?;
    Ok(Capture { url: header.url.clone(), captured_at, status, headers, body, digest })
}

fn damaged(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.to_owned())
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the record is cut off")
}

/// Passes over so many bytes, which must be there.
pub fn pass_over(input: &mut impl BufRead, length: u64) -> io::Result<()> {
    let mut left = length;
    while left > 0 {
        let there = input.fill_buf()?.len();
        if there == 0 {
            return Err(cut_off());
        }
        let passed = there.min(usize::try_from(left).unwrap_or(usize::MAX));
        input.consume(passed);
        left -= passed as u64;
    }
    Ok(())
}

/// The fields of a header: names in any case, lines that go on in the next one, line ends with and without CR.
fn fields(text: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines().skip(1) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                *value = format!("{value} {}", line.trim()).trim().to_owned();
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    fields
}

/// A W3CDTF date of WARC 1.0 and 1.1: an instant, or only as far as it is known.
fn date(text: &str) -> Option<Timestamp> {
    const REST: &str = "0000-01-01T00:00:00Z";
    text.parse().ok().or_else(|| {
        let known = text.trim_end_matches('Z');
        matches!(known.len(), 4 | 7 | 10 | 13 | 16).then(|| format!("{known}{}", &REST[known.len()..]).parse().ok())?
    })
}

/// Reads lines until one is empty.
fn read_head(input: &mut impl BufRead, head: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let line = head.len();
        if input.read_until(b'\n', head)? == 0 || matches!(&head[line..], b"\n" | b"\r\n") {
            return Ok(());
        }
    }
}

/// An HTTP response's status and headers.
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    /// With the empty line.
    length: usize,
}

impl Head {
    fn parse(block: &[u8]) -> Option<Self> {
        if !block.starts_with(b"HTTP/") {
            return None;
        }
        let mut length = 0;
        let end = loop {
            let line = &block[length..];
            let next = memchr::memchr(b'\n', &line[..line.len().min(HEAD_BYTES as usize)])? + 1;
            length += next;
            if matches!(&line[..next], b"\n" | b"\r\n") {
                break length - next;
            }
        };
        let text = String::from_utf8_lossy(&block[..end]);
        let status = text.lines().next()?.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some(Self { status, headers: fields(&text), length })
    }

    fn is_chunked(&self) -> bool {
        self.headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("transfer-encoding") && value.to_ascii_lowercase().contains("chunked")
        })
    }

    fn no_capture(&self) -> Option<String> {
        // 203: a proxy has changed the headers.
        (!matches!(self.status, 200 | 203)).then(|| format!("its status is {}", self.status))
    }
}

/// The body of a chunked response (RFC 9112, 7.1); `None` if it is not chunked.
fn dechunked(payload: &Bytes) -> Option<Bytes> {
    let mut body = Vec::new();
    let mut rest = payload.as_ref();
    loop {
        let end = memchr::memchr(b'\n', &rest[..rest.len().min(4096)])?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        let size = line.split(';').next().unwrap_or_default().trim();
        if !size.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let size = usize::from_str_radix(size, 16).ok()?;
        rest = &rest[end + 1..];
        if size == 0 {
            // Trailers follow; they are no part of the body.
            return Some(body.into());
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = &rest[size..];
        rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n"))?;
    }
}
