//! WARC 1.1 (ISO 28500:2017), one gzip member per record: the form in which evidence is kept.

use std::io::{self, BufRead, BufReader, Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use crate::capture::Capture;
use crate::capture::payload::identify;
use crate::digest::Digest;

/// The most that a record's header may take.
const HEADER_BYTES: u64 = 64 << 10;
/// The most that a record's block may take when it is read.
const BLOCK_BYTES: u64 = 2 << 30;

/// What a record's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// `warcinfo`, `response`, `resource`.
    pub kind: String,
    pub url: String,
    pub date: Timestamp,
    pub payload_digest: Option<Digest>,
    pub content_length: u64,
}

/// The first record of a file: who wrote it.
pub fn write_info(out: &mut impl Write, file_name: &str, date: Timestamp) -> io::Result<()> {
    let block = "software: fahrtenbuch\r\nformat: WARC File Format 1.1\r\n\
                 conformsTo: https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/\r\n";
    let fields = [("WARC-Filename", file_name), ("Content-Type", "application/warc-fields")];
    member(out, "warcinfo", &fields, date, block.as_bytes(), b"", Compression::best())
}

/// A capture as one record: a `response` with its status and headers, or a `resource` if it is a file's bytes.
pub fn write_record(out: &mut impl Write, capture: &Capture) -> io::Result<()> {
    let payload = format!("sha256:{}", capture.digest);
    let is_file = capture.url.starts_with("file:");
    let content_type = if is_file { "application/octet-stream" } else { "application/http; msgtype=response" };
    let mut head = Vec::new();
    if !is_file {
        write!(head, "HTTP/1.1 {} \r\n", capture.status)?;
        for (name, value) in &capture.headers {
            // A line end inside a value would make a header of its own.
            let clean = |text: &str| text.replace(['\r', '\n'], " ");
            write!(head, "{}: {}\r\n", clean(name), clean(value))?;
        }
        head.extend(b"\r\n");
    }
    let mut fields = vec![
        ("WARC-Target-URI", capture.url.as_str()),
        ("WARC-Payload-Digest", &payload),
        ("Content-Type", content_type),
    ];
    // Marks what is no feed, whatever the source calls it (WARC 1.1, 5.20).
    fields.extend(identify(capture).payload.media_type().map(|kind| ("WARC-Identified-Payload-Type", kind)));
    // What is packed already does not get smaller by packing it again.
    let packed = [&b"PK"[..], b"\x1f\x8b", b"\x28\xb5\x2f\xfd"].iter().any(|magic| capture.body.starts_with(magic));
    let level = if packed { Compression::none() } else { Compression::default() };
    let kind = if is_file { "resource" } else { "response" };
    member(out, kind, &fields, capture.captured_at, &head, &capture.body, level)
}

fn member(
    out: &mut impl Write,
    kind: &str,
    fields: &[(&str, &str)],
    date: Timestamp,
    head: &[u8],
    body: &[u8],
    level: Compression,
) -> io::Result<()> {
    let mut text = format!("WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Date: {date}\r\n");
    for (name, value) in fields {
        text += &format!("{name}: {}\r\n", value.replace(['\r', '\n'], " "));
    }
    // The id is made from what the record says, so that the same capture gives the same bytes.
    let id = Digest::of(&[text.as_bytes(), head].concat()).to_string();
    text += &format!(
        "WARC-Record-ID: <urn:uuid:{}-{}-8{}-a{}-{}>\r\nContent-Length: {}\r\n\r\n",
        &id[0..8],
        &id[8..12],
        &id[12..15],
        &id[15..18],
        &id[18..30],
        head.len() + body.len()
    );
    let mut out = GzEncoder::new(out, level);
    out.write_all(text.as_bytes())?;
    out.write_all(head)?;
    out.write_all(body)?;
    out.write_all(b"\r\n\r\n")?;
    out.finish().map(|_| ())
}

/// Reads the header of the record at the beginning of `input` and skips the rest of its gzip member.
pub fn skim(input: &mut impl BufRead) -> io::Result<Header> {
    let mut decoder = BufReader::new(GzDecoder::new(input));
    let header = read_header(&mut decoder)?;
    let skipped = io::copy(&mut (&mut decoder).take(BLOCK_BYTES + 5), &mut io::sink())?;
    if skipped != header.content_length + 4 {
        return Err(damaged("the record is not as long as it says"));
    }
    Ok(header)
}

/// Reads the record at the beginning of `input`; its payload must have the digest that the header names.
pub fn read(input: &mut impl BufRead) -> io::Result<Capture> {
    let mut decoder = BufReader::new(GzDecoder::new(input));
    let header = read_header(&mut decoder)?;
    if header.content_length > BLOCK_BYTES {
        return Err(damaged("the record is larger than 2 GiB"));
    }
    let mut block = Vec::new();
    (&mut decoder).take(header.content_length).read_to_end(&mut block)?;
    if block.len() as u64 != header.content_length {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the record is cut off"));
    }
    let block = Bytes::from(block);
    let (status, headers, body) = match header.kind.as_str() {
        "resource" => (200, Vec::new(), block),
        "response" => response(&block)?,
        other => return Err(damaged(&format!("a '{other}' record is no capture"))),
    };
    let digest = Digest::of(&body);
    if header.payload_digest.is_some_and(|expected| expected != digest) {
        return Err(damaged("the payload is not the one that was captured: its digest differs"));
    }
    Ok(Capture { url: header.url, captured_at: header.date, status, headers, body, digest })
}

fn damaged(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.to_owned())
}

fn read_header(input: &mut impl BufRead) -> io::Result<Header> {
    let mut text = Vec::new();
    let mut input = input.take(HEADER_BYTES);
    while !text.ends_with(b"\r\n\r\n") && input.read_until(b'\n', &mut text)? > 0 {}
    let text = std::str::from_utf8(&text).map_err(|_| damaged("the record's header is not UTF-8"))?;
    let mut lines = text.split("\r\n");
    if !lines.next().is_some_and(|version| version.starts_with("WARC/1.")) {
        return Err(damaged("this is no WARC record"));
    }
    let fields: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).map(|(k, v)| (k, v.trim())).collect();
    let field = |name: &str| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value);
    let missing = |name: &str| damaged(&format!("the record's header lacks {name}"));
    Ok(Header {
        kind: field("WARC-Type").ok_or_else(|| missing("WARC-Type"))?.to_owned(),
        url: field("WARC-Target-URI").unwrap_or_default().trim_matches(['<', '>']).to_owned(),
        date: field("WARC-Date").and_then(|date| date.parse().ok()).ok_or_else(|| missing("WARC-Date"))?,
        payload_digest: field("WARC-Payload-Digest").and_then(|d| Digest::parse(d.strip_prefix("sha256:")?)),
        content_length: field("Content-Length")
            .and_then(|length| length.parse().ok())
            .ok_or_else(|| missing("Content-Length"))?,
    })
}

type Response = (u16, Vec<(String, String)>, Bytes);

fn response(block: &Bytes) -> io::Result<Response> {
    let end = memchr::memmem::find(block, b"\r\n\r\n").ok_or_else(|| damaged("the response has no end of headers"))?;
    let head = std::str::from_utf8(&block[..end]).map_err(|_| damaged("the response's headers are not UTF-8"))?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    Ok((status.ok_or_else(|| damaged("the response has no status"))?, headers, block.slice(end + 4..)))
}
