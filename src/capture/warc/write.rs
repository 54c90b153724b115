//! Writing records: each a gzip member of its own.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use crate::capture::Capture;
use crate::capture::mqtt::frames;
use crate::capture::payload::{Payload, identify};
use crate::capture::record::{self, NewContent, NewRecord, Unchanged};
use crate::digest::Digest;

/// The first record of a file: who wrote it.
pub fn write_info(out: &mut impl Write, file_name: &str, date: Timestamp) -> io::Result<()> {
    let block = "software: fahrtenbuch\r\nformat: WARC File Format 1.1\r\n\
                 conformsTo: https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/\r\n";
    let fields = [("WARC-Filename", file_name), ("Content-Type", "application/warc-fields")];
    let info = Member { kind: "warcinfo", fields: &fields, date, head: block.as_bytes(), body: b"" };
    info.write(out, Compression::best())
}

/// A record of whatever kind.
pub fn write_record(out: &mut impl Write, record: &NewRecord) -> io::Result<()> {
    let beat = record.beat.map(|beat| beat.to_string());
    let feed_time = record.feed_time.map(|time| time.to_string());
    let mut ours = Vec::new();
    ours.extend(beat.as_deref().map(|beat| (record::BEAT_FIELD, beat)));
    ours.extend(feed_time.as_deref().map(|time| (record::FEED_TIME_FIELD, time)));
    ours.extend(record.unreadable.map(|kind| (record::UNREADABLE_FIELD, kind)));
    match &record.content {
        NewContent::Body(capture) => {
            let payload = record.payload.unwrap_or_else(|| identify(capture).payload);
            write_capture(out, capture, payload, &ours)
        }
        NewContent::Unchanged(unchanged) => write_revisit(out, record, unchanged, &ours),
        NewContent::Note(note) => {
            let mut fields =
                vec![("WARC-Target-URI", record.url.as_str()), ("Content-Type", "application/warc-fields")];
            fields.extend(ours);
            let block = note.fields();
            let member =
                Member { kind: "metadata", fields: &fields, date: record.at, head: block.as_bytes(), body: b"" };
            member.write(out, Compression::default())
        }
    }
}

const HTTP_RESPONSE: &str = "application/http; msgtype=response";

/// The type of what no HTTP was spoken for: it is a resource.
fn resource_type(url: &str) -> Option<&'static str> {
    match url {
        url if url.starts_with("file:") => Some("application/octet-stream"),
        url if frames::is_frame(url) => Some(frames::CONTENT_TYPE),
        _ => None,
    }
}

/// That a source has what it gave before (WARC 1.1, 6.7).
fn write_revisit(
    out: &mut impl Write,
    record: &NewRecord,
    unchanged: &Unchanged,
    ours: &[(&str, &str)],
) -> io::Result<()> {
    let payload = format!("sha256:{}", unchanged.digest);
    let refers_to = unchanged.captured_at.to_string();
    let resource = resource_type(&record.url);
    let content_type = resource.unwrap_or(HTTP_RESPONSE);
    let mut fields = vec![
        ("WARC-Target-URI", record.url.as_str()),
        ("WARC-Profile", if unchanged.is_not_modified { record::NOT_MODIFIED } else { record::SAME_PAYLOAD }),
        ("WARC-Refers-To-Target-URI", record.url.as_str()),
        ("WARC-Refers-To-Date", &refers_to),
        ("WARC-Payload-Digest", &payload),
        ("Content-Type", content_type),
    ];
    fields.extend(ours);
    let head = if resource.is_some() { Vec::new() } else { http_head(unchanged.status, &unchanged.headers)? };
    let member = Member { kind: "revisit", fields: &fields, date: record.at, head: &head, body: b"" };
    member.write(out, Compression::default())
}

/// The status and the headers of a response. Its body is kept without its transfer coding.
fn http_head(status: u16, headers: &[(String, String)]) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    write!(head, "HTTP/1.1 {status} \r\n")?;
    for (name, value) in headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("transfer-encoding")) {
        // A line end inside a value would make a header of its own.
        let clean = |text: &str| text.replace(['\r', '\n'], " ");
        write!(head, "{}: {}\r\n", clean(name), clean(value))?;
    }
    head.extend(b"\r\n");
    Ok(head)
}

/// A capture as one record: a `response` with its status and headers, or a `resource` if it is a file's bytes.
fn write_capture(out: &mut impl Write, capture: &Capture, payload: Payload, ours: &[(&str, &str)]) -> io::Result<()> {
    let digest = format!("sha256:{}", capture.digest);
    let resource = resource_type(&capture.url);
    let content_type = resource.unwrap_or(HTTP_RESPONSE);
    let head = if resource.is_some() { Vec::new() } else { http_head(capture.status, &capture.headers)? };
    let mut fields = vec![
        ("WARC-Target-URI", capture.url.as_str()),
        ("WARC-Payload-Digest", &digest),
        ("Content-Type", content_type),
    ];
    // Marks what is no feed, whatever the source calls it (WARC 1.1, 5.20).
    fields.extend(payload.media_type().map(|kind| ("WARC-Identified-Payload-Type", kind)));
    fields.extend(ours);
    // What is packed already does not get smaller by packing it again.
    let packed = [&b"PK"[..], b"\x1f\x8b", b"\x28\xb5\x2f\xfd"].iter().any(|magic| capture.body.starts_with(magic));
    let level = if packed { Compression::none() } else { Compression::default() };
    let kind = if resource.is_some() { "resource" } else { "response" };
    Member { kind, fields: &fields, date: capture.captured_at, head: &head, body: &capture.body }.write(out, level)
}

/// A record before it is packed: `head` and `body` are its block, one behind the other.
struct Member<'a> {
    kind: &'a str,
    /// Its header, but for what every record has.
    fields: &'a [(&'a str, &'a str)],
    date: Timestamp,
    head: &'a [u8],
    body: &'a [u8],
}

impl Member<'_> {
    /// Writes the record as a gzip member of its own.
    fn write(&self, out: &mut impl Write, level: Compression) -> io::Result<()> {
        let Self { kind, fields, date, head, body } = *self;
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
}
