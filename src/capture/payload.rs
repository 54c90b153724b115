//! What a body is, by its first bytes and the headers that it came with, before anything decodes it.
//!
//! A server that is down for maintenance answers with an HTML page and status 200. Such a body is kept as evidence like any
//! other, but it is no timetable and no report of a service date.

mod framing;
mod kind;

use std::io::{self, BufRead, BufReader, Cursor, Read};

use bytes::Bytes;
use jiff::Timestamp;
use zip::ZipArchive;

use crate::capture::Capture;
use crate::capture::mqtt::frames;
use crate::protobuf::{self, Value};

use framing::Framing;
pub use kind::{CUT_OFF, Identified, Looked, Payload, Wanted};

/// Bytes of a body, after inflating, that are looked at.
const LOOKED_AT: usize = 64 << 10;
/// Bytes in which the words of a text format stand.
const BEGINNING: usize = 4 << 10;
/// Files of an archive whose names are looked at.
const NAMES: usize = 10_000;
/// Times that a body may be packed with gzip one in the other.
const LAYERS: usize = 3;
/// Characters of a media type or of a tag that are shown.
const SHOWN: usize = 40;

/// The files of a GTFS feed of which at least one is in every timetable (GTFS reference, "Dataset files").
const GTFS_FILES: &[&str] = &[
    "agency.txt",
    "stops.txt",
    "locations.geojson",
    "routes.txt",
    "trips.txt",
    "stop_times.txt",
    "calendar.txt",
    "calendar_dates.txt",
    "feed_info.txt",
];

/// Formats that no feed comes in: how they begin, what they are called, and their media types.
const FOREIGN: &[(&[u8], &str, &str)] = &[
    (b"%PDF-", "a PDF document", "application/pdf"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "application/zstd"),
    (b"BZh", "compressed with bzip2", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "compressed with xz", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "a RAR archive", "application/vnd.rar"),
    (b"\x89PNG\r\n", "a PNG image", "image/png"),
    (b"\xff\xd8\xff", "a JPEG image", "image/jpeg"),
    (b"GIF8", "a GIF image", "image/gif"),
    (b"PAR1", "a Parquet file", "application/vnd.apache.parquet"),
    (b"SQLite format 3\0", "a SQLite database", "application/vnd.sqlite3"),
];

/// A header of a response, by its name.
fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Looks at a body once: unpacks it to its end at most, and never more than a byte beyond `most`.
pub fn look(capture: &Capture, most: u64) -> Looked {
    let body = capture.body.as_ref();
    let beginning = Beginning::of(body, most.saturating_add(1));
    let is_cut_off = match is_gzip(body) {
        true => beginning.is_cut_off,
        false => has_feed_header(body) && protobuf::fields(body).any(|field| field.is_err()),
    };
    Looked {
        is_cut_off,
        is_bomb: beginning.bytes > most,
        feed_time: time_of_feed(beginning.of_content(body)),
        identified: identified(capture, &beginning),
    }
}

/// Tells what a capture is. Reads the directory of an archive and otherwise [`LOOKED_AT`] bytes, also of what is packed.
pub fn identify(capture: &Capture) -> Identified {
    identified(capture, &Beginning::of(&capture.body, LOOKED_AT as u64))
}

/// Both what a capture is and [`Looked::feed_time`], of what came whole.
pub fn identify_with_time(capture: &Capture) -> (Identified, Option<Timestamp>) {
    let beginning = Beginning::of(&capture.body, LOOKED_AT as u64);
    (identified(capture, &beginning), time_of_feed(beginning.of_content(&capture.body)))
}

/// [`Looked::feed_time`] alone.
pub fn feed_time(capture: &Capture) -> Option<Timestamp> {
    let beginning = Beginning::of(&capture.body, LOOKED_AT as u64);
    time_of_feed(beginning.of_content(&capture.body))
}

/// What a body is unpacked to, up to [`LOOKED_AT`] bytes.
struct Beginning {
    /// `None` if it is not packed, or nothing comes out.
    unpacked: Option<Vec<u8>>,
    /// How many bytes the outer layer was unpacked to.
    bytes: u64,
    /// A layer cannot be unpacked to its end, or what is in the last is a message that is not whole.
    is_cut_off: bool,
}

impl Beginning {
    /// Unpacks the outer layer as far as `most` bytes, and those within as far as their beginning.
    fn of(body: &[u8], most: u64) -> Self {
        let mut found = Self { unpacked: None, bytes: 0, is_cut_off: false };
        if !is_gzip(body) {
            return found;
        }
        let mut beginning = Vec::new();
        let mut decoder = flate2::read::MultiGzDecoder::new(body).take(most);
        // What is cut off has a beginning, too.
        let read = decoder.by_ref().take(LOOKED_AT as u64).read_to_end(&mut beginning);
        let mut framing = Framing::default();
        framing.add(&beginning);
        let read = read.and_then(|_| io::copy(&mut decoder, &mut framing));
        let is_to_end = read.is_ok() && decoder.limit() > 0;
        found.is_cut_off = read.is_err() || (is_to_end && has_feed_header(&beginning) && !framing.is_whole());
        found.bytes = most - decoder.limit();
        // What is packed again and again is rare, so that it may be unpacked once more.
        found.is_cut_off |= is_to_end && is_gzip(&beginning) && is_cut_off_within(body, most);
        for _ in 1..LAYERS {
            if !is_gzip(&beginning) {
                break;
            }
            let mut within = Vec::new();
            let _ =
                flate2::read::MultiGzDecoder::new(beginning.as_slice()).take(LOOKED_AT as u64).read_to_end(&mut within);
            if within.is_empty() {
                break;
            }
            beginning = within;
        }
        found.unpacked = (!beginning.is_empty()).then_some(beginning);
        found
    }

    /// The content of a body, or the beginning of what was packed.
    fn of_content<'a>(&'a self, body: &'a [u8]) -> &'a [u8] {
        self.unpacked.as_deref().unwrap_or(body)
    }
}

/// Whether what is packed more than once cannot be unpacked to its end, or is a message that is not whole. No more than `most` bytes
/// of any layer are looked at.
fn is_cut_off_within(body: &[u8], most: u64) -> bool {
    let mut content: Box<dyn BufRead + '_> = Box::new(body);
    for _ in 0..LAYERS {
        match content.fill_buf() {
            Ok(bytes) if is_gzip(bytes) => {}
            Ok(_) => break,
            Err(_) => return true,
        }
        let unpacked = flate2::bufread::MultiGzDecoder::new(content).take(most);
        content = Box::new(BufReader::with_capacity(LOOKED_AT, unpacked));
    }
    let is_message = content.fill_buf().is_ok_and(has_feed_header);
    let mut framing = Framing::default();
    match io::copy(&mut content, &mut framing) {
        Ok(bytes) => is_message && bytes < most && !framing.is_whole(),
        Err(_) => true,
    }
}

fn identified(capture: &Capture, beginning: &Beginning) -> Identified {
    let content_type = header(&capture.headers, "content-type").and_then(|value| {
        let media_type = value.split(';').next().unwrap_or_default().trim();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/+-._".contains(&byte);
        let is_shown = media_type.contains('/') && media_type.len() <= SHOWN && media_type.bytes().all(is_plain);
        is_shown.then(|| media_type.to_ascii_lowercase())
    });
    // What its messages are is found out one by one.
    if frames::is_frame(&capture.url) && !capture.body.is_empty() {
        return Identified { payload: Payload::MqttFrame, content_type, tag: None, bytes: capture.body.len() };
    }
    let says_html = content_type.as_deref() == Some("text/html");
    let body = beginning.of_content(&capture.body);
    let payload = match (is_zip(body), &beginning.unpacked) {
        (true, None) => archive(&capture.body),
        // The beginning of a packed archive tells its first files.
        (true, Some(_)) => names_in_beginning(body),
        (false, _) => of_bytes(body, says_html),
    };
    let tag = matches!(payload, Payload::Html | Payload::Xml).then(|| first_tag(body)).flatten();
    Identified { payload, content_type, tag, bytes: capture.body.len() }
}

fn time_of_feed(body: &[u8]) -> Option<Timestamp> {
    let mut time = None;
    for field in protobuf::fields(body).map_while(Result::ok) {
        match field {
            (1, Value::Bytes(header)) => {
                let timestamp = protobuf::fields(header).map_while(Result::ok).find_map(|field| match field {
                    (3, Value::Varint(seconds)) if seconds > 0 => i64::try_from(seconds).ok(),
                    _ => None,
                });
                time = Some(Timestamp::from_second(timestamp?).ok()?);
            }
            // A trip update or a vehicle.
            (2, Value::Bytes(entity)) => {
                let mut fields = protobuf::fields(entity).map_while(Result::ok);
                if fields.any(|field| matches!(field, (3 | 4, Value::Bytes(_)))) {
                    return time;
                }
            }
            _ => {}
        }
    }
    None
}

/// A body without what it was packed with for the way.
#[derive(Debug)]
pub struct Unpacked {
    pub body: Bytes,
    /// It is packed with gzip, and no header says so.
    pub is_bare_gzip: bool,
}

/// Takes off `Content-Encoding`, which evidence keeps as it came, and gzip that no header names. A header that names an
/// encoding of which the body shows nothing is not believed: proxies unpack and leave the header. No layer may inflate to more
/// than `most` bytes.
///
/// # Errors
/// What is wrong, to stand after the name of the capture.
pub fn unpacked(capture: &Capture, most: usize) -> Result<Unpacked, String> {
    let encodings = header(&capture.headers, "content-encoding").unwrap_or_default().to_ascii_lowercase();
    let encodings: Vec<&str> = encodings.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let named = encodings.iter().filter(|name| matches!(**name, "gzip" | "x-gzip")).count();
    let mut body = capture.body.clone();
    let mut layers = 0;
    while is_gzip(&body) && layers < LAYERS {
        let mut inflated = Vec::new();
        let decoder = flate2::read::MultiGzDecoder::new(body.as_ref());
        let read = decoder.take(most as u64 + 1).read_to_end(&mut inflated);
        read.map_err(|error| format!("is not readable as gzip: {error}"))?;
        if inflated.len() > most {
            return Err(format!("inflates to more than {most} bytes"));
        }
        body = inflated.into();
        layers += 1;
    }
    let other = encodings.iter().find(|name| !matches!(**name, "gzip" | "x-gzip" | "identity"));
    match other {
        Some(other) if of_bytes(&body[..body.len().min(LOOKED_AT)], false) == Payload::Unknown => {
            let other: String = other.chars().take(SHOWN).collect();
            Err(format!("is encoded as '{}', which is not read", other.escape_debug()))
        }
        _ => Ok(Unpacked { body, is_bare_gzip: layers > named }),
    }
}

fn is_gzip(body: &[u8]) -> bool {
    body.starts_with(b"\x1f\x8b\x08")
}

fn is_zip(body: &[u8]) -> bool {
    body.starts_with(b"PK\x03\x04") || body.starts_with(b"PK\x05\x06")
}

fn is_gtfs_file(name: &str) -> bool {
    let leaf = name.rsplit(['/', '\\']).next().unwrap_or(name);
    GTFS_FILES.iter().any(|file| leaf.eq_ignore_ascii_case(file))
}

fn archive(body: &Bytes) -> Payload {
    let Ok(archive) = ZipArchive::new(Cursor::new(body.clone())) else { return Payload::BrokenZip };
    // A name that cannot be read is told by the decoder.
    let mut names = archive.file_names().take(NAMES).filter_map(Result::ok);
    if names.any(|name| is_gtfs_file(&name)) { Payload::Gtfs } else { Payload::Zip }
}

/// The files whose headers stand in the first bytes of an archive (APPNOTE 4.3.7).
fn names_in_beginning(body: &[u8]) -> Payload {
    let mut headers = memchr::memmem::find_iter(body, b"PK\x03\x04");
    let found = headers.any(|place| {
        let length = body.get(place + 26..place + 28).map(|two| usize::from(u16::from_le_bytes([two[0], two[1]])));
        let name = length.and_then(|length| body.get(place + 30..place + 30 + length));
        name.and_then(|name| std::str::from_utf8(name).ok()).is_some_and(is_gtfs_file)
    });
    if found { Payload::Gtfs } else { Payload::Zip }
}

fn of_bytes(body: &[u8], says_html: bool) -> Payload {
    if body.is_empty() {
        return Payload::Empty;
    }
    if has_feed_header(body) {
        return Payload::GtfsRealtime;
    }
    if is_gzip(body) {
        return Payload::Gzip;
    }
    if is_zip(body) {
        return Payload::BrokenZip;
    }
    if let Some((_, words, media_type)) = FOREIGN.iter().find(|(magic, ..)| body.starts_with(magic)) {
        return Payload::Foreign(words, media_type);
    }
    let Some(text) = beginning_as_text(body) else { return Payload::Unknown };
    let text = text.trim_start();
    let has = |word: &str| text.contains(word);
    match text.chars().next() {
        None => Payload::Text,
        Some('<') if ["<!doctype html", "<html", "<head", "<body", "<title"].iter().any(|tag| has(tag)) => {
            Payload::Html
        }
        Some('<') if says_html => Payload::Html,
        Some('<') => Payload::Xml,
        Some('{' | '[') if has("gtfsrealtimeversion") || has("gtfs_realtime_version") => Payload::GtfsRealtimeJson,
        Some('{' | '[') => Payload::Json,
        Some(_) if is_text_format(text) => Payload::GtfsRealtimeText,
        Some(_) if says_html => Payload::Html,
        Some(_) => Payload::Text,
    }
}

/// Whether the text format of protobuf begins here: `header {`, `entity: <`.
fn is_text_format(text: &str) -> bool {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let first = lines.into_iter().next().unwrap_or_default();
    let rest = first.strip_prefix("header").or_else(|| first.strip_prefix("entity"));
    let rest = rest.map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['{', '<']))
}

/// Whether the bytes begin as a `FeedMessage` up to a header that can be read as a whole.
fn has_feed_header(body: &[u8]) -> bool {
    for field in protobuf::fields(body) {
        match field {
            Ok((1, Value::Bytes(header))) => return protobuf::fields(header).all(|field| field.is_ok()),
            // Writers that put entities before the header are few, and allowed.
            Ok((2, Value::Bytes(_))) => {}
            _ => return false,
        }
    }
    false
}

/// The first bytes as lower-case text, without a mark of the byte order; nothing if they are no text. Text in UTF-16 is read
/// as far as it is ASCII.
fn beginning_as_text(body: &[u8]) -> Option<String> {
    let body = &body[..body.len().min(BEGINNING)];
    let is_wide = body.starts_with(b"\xff\xfe") || body.starts_with(b"\xfe\xff");
    let narrow: Vec<u8> = match is_wide {
        true => body[2..].iter().copied().filter(|byte| *byte != 0).collect(),
        false => body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).to_vec(),
    };
    let is_control = |byte: &u8| *byte < 0x20 && !b"\t\r\n\x0c".contains(byte) || *byte == 0x7f;
    // Pages in Latin-1 are text, too.
    (!narrow.iter().any(is_control)).then(|| String::from_utf8_lossy(&narrow).to_ascii_lowercase())
}

/// The name of the first tag, as `!doctype`, `html`, `siri`.
fn first_tag(body: &[u8]) -> Option<String> {
    let text = beginning_as_text(body)?;
    let (_, rest) = text.split_once('<')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '!' | '?' | ':' | '-' | '_');
    let name: String = rest.chars().take_while(|c| is_name(*c)).take(SHOWN).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use jiff::Timestamp;
    use proptest::prelude::*;
    use zip::write::SimpleFileOptions;

    use super::*;
    use crate::digest::Digest;

    fn capture(body: &[u8], headers: &[(&str, &str)]) -> Capture {
        Capture {
            url: "https://stadtbus.example/x".into(),
            captured_at: Timestamp::UNIX_EPOCH,
            status: 200,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: Bytes::from(body.to_vec()),
            digest: Digest::of(body),
        }
    }

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(body).unwrap();
        out.finish().unwrap()
    }

    fn zip(names: &[&str]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(b"stop_id\n1\n").unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    /// A header, and an entity that is not whole.
    const MESSAGE: &[u8] = b"\x0a\x05\x0a\x032.0\x12\x05\x0a\x01";

    fn of(body: &[u8]) -> Payload {
        identify(&capture(body, &[])).payload
    }

    #[test]
    fn what_is_packed_is_looked_at_to_its_end_and_without_its_packing() {
        let whole = [&b"\x0a\x05\x0a\x032.0"[..], &b"\x12\x05\x0a\x01a\"\x00".repeat(40_000)].concat();
        let packed = gzip(&whole);
        let with = |place: usize, packed: &[u8]| {
            let mut bytes = packed.to_vec();
            bytes[packed.len() - place] ^= 1;
            bytes
        };
        let is_cut_off = |body: &[u8]| look(&capture(body, &[("content-encoding", "gzip")]), 1 << 24).is_cut_off;
        assert!(![whole.clone(), packed.clone(), gzip(&packed), gzip(b"<html>")].iter().any(|body| is_cut_off(body)));
        // Its check sum, its length, its end, what is in it, what is in that.
        let cut = gzip(&whole[..whole.len() - 1]);
        let cut_within = gzip(&packed[..packed.len() - 1]);
        for body in [
            with(8, &packed),
            with(1, &packed),
            packed[..packed.len() - 1].to_vec(),
            cut.clone(),
            cut_within,
            gzip(&cut),
        ] {
            let looked = look(&capture(&body, &[]), 1 << 24);
            assert_eq!(looked.unreadable(Wanted::Message).map(|(name, _)| name), Some(CUT_OFF), "{} bytes", body.len());
        }
    }

    #[test]
    fn a_body_is_known_by_its_first_bytes() {
        let text_format = b"header {\n  gtfs_realtime_version: \"2.0\"\n}\n";
        let cases: &[(&[u8], Payload)] = &[
            (b"", Payload::Empty),
            (MESSAGE, Payload::GtfsRealtime),
            (b"\x0a\x0d\x0a\x032.0\x18\xa0\xc0\x95\xd8\x06\x10\x00", Payload::GtfsRealtime),
            (b"<!DOCTYPE html>\n<html>", Payload::Html),
            (b"\n\n  <HTML lang=de>", Payload::Html),
            (b"\xef\xbb\xbf<!-- Wartung -->\n<html>", Payload::Html),
            (b"\xff\xfe<\0h\0t\0m\0l\0>\0", Payload::Html),
            (b"<?xml version=\"1.0\"?><html xmlns=\"http://www.w3.org/1999/xhtml\">", Payload::Html),
            (b"<?xml version=\"1.0\"?><Siri>", Payload::Xml),
            (b"<html><title>Gest\xf6rt", Payload::Html),
            (b"{\"error\": \"quota\"}", Payload::Json),
            (b" [1, 2]", Payload::Json),
            (b"{\"header\": {\"gtfsRealtimeVersion\": \"2.0\"}}", Payload::GtfsRealtimeJson),
            (b"{\"header\": {\"gtfs_realtime_version\": \"2.0\"}}", Payload::GtfsRealtimeJson),
            (text_format, Payload::GtfsRealtimeText),
            (b"# all buses\nentity <\n id: \"1\"", Payload::GtfsRealtimeText),
            (b"header of a page", Payload::Text),
            (b"Service Unavailable", Payload::Text),
            (b"\n", Payload::Text),
            (b"%PDF-1.7\n", Payload::Foreign("a PDF document", "application/pdf")),
            (b"\x28\xb5\x2f\xfd\x04", Payload::Foreign("compressed with zstd", "application/zstd")),
            (b"PK\x03\x04 and no more", Payload::BrokenZip),
            (b"\x1f\x8b\x08 and no more", Payload::Gzip),
            (b"\x00\x01\x02", Payload::Unknown),
        ];
        for (body, expected) in cases {
            assert_eq!(of(body), *expected, "{:?}", String::from_utf8_lossy(body));
            assert_eq!(expected.media_type().is_none(), expected.is_feed());
        }
        assert_eq!(identify(&capture(b"down", &[("content-type", "text/html")])).payload, Payload::Html);
    }

    #[test]
    fn what_a_broker_sent_is_a_frame_for_json_and_for_csv() {
        let frame = |body: &[u8]| Capture { url: "mqtts://a.example:8883".into(), ..capture(body, &[]) };
        let payload = identify(&frame(b"2026-11-27T04:00:05.250Z 1 0 0 1 2\na{}\n")).payload;
        assert!(payload == Payload::MqttFrame && Wanted::Json.is(payload) && Wanted::Csv.is(payload));
        assert!(!Wanted::Message.is(payload) && !Wanted::Timetable.is(payload) && !payload.is_feed());
        assert_eq!(payload.media_type(), Some(frames::CONTENT_TYPE));
        assert_eq!(identify(&frame(b"")).payload, Payload::Empty);
    }

    #[test]
    fn an_archive_is_a_timetable_if_it_has_a_file_of_one() {
        assert_eq!(of(&zip(&["gtfs/Stops.TXT"])), Payload::Gtfs);
        assert_eq!(of(&zip(&["gtfs\\agency.txt"])), Payload::Gtfs);
        assert_eq!(of(&zip(&["NeTEx.xml"])), Payload::Zip);
        assert_eq!(of(&zip(&[])), Payload::Zip);
        let whole = zip(&["stops.txt", "trips.txt"]);
        assert_eq!(of(&whole[..whole.len() - 30]), Payload::BrokenZip);
        assert_eq!(of(&gzip(&whole)), Payload::Gtfs);
        assert_eq!(unpacked(&capture(&gzip(&whole), &[]), 1 << 20).unwrap().body, whole);
    }

    #[test]
    fn each_decoder_wants_its_own() {
        let all = [Wanted::Timetable, Wanted::Message, Wanted::Json, Wanted::Csv];
        for (body, expected) in [
            (zip(&["stops.txt"]), vec![Wanted::Timetable]),
            (MESSAGE.to_vec(), vec![Wanted::Message]),
            (b"\xef\xbb\xbf[{\"id\": 1}]".to_vec(), vec![Wanted::Json]),
            (gzip(b"{\"id\": 1}\n{\"id\": 2}\n"), vec![Wanted::Json]),
            (b"{\"header\": {\"gtfsRealtimeVersion\": \"2.0\"}}".to_vec(), vec![Wanted::Json]),
            (b"id;zeit\n1;12:00\n".to_vec(), vec![Wanted::Csv]),
            (b"<html>".to_vec(), vec![]),
            (Vec::new(), vec![]),
        ] {
            let wanting: Vec<Wanted> = all.into_iter().filter(|wanted| wanted.is(of(&body))).collect();
            assert_eq!(wanting, expected, "{}", String::from_utf8_lossy(&body));
        }
    }

    #[test]
    fn what_is_packed_is_unpacked_whatever_the_header_says() {
        let whole = b"\x0a\x05\x0a\x032.0".as_slice();
        let packed = gzip(whole);
        for (body, encoding, is_bare) in [
            (whole.to_vec(), None, false),
            (whole.to_vec(), Some("gzip"), false),
            (packed.clone(), Some("gzip"), false),
            (packed.clone(), Some("GZIP"), false),
            (packed.clone(), Some(" x-gzip "), false),
            (gzip(&packed), Some("gzip, gzip"), false),
            (packed.clone(), Some("identity"), true),
            (packed.clone(), None, true),
            (gzip(&packed), Some("gzip"), true),
            (whole.to_vec(), Some("br"), false),
        ] {
            let headers: Vec<_> = encoding.map(|encoding| ("Content-Encoding", encoding)).into_iter().collect();
            let capture = capture(&body, &headers);
            assert_eq!(identify(&capture).payload, Payload::GtfsRealtime, "{encoding:?}");
            let unpacked = unpacked(&capture, 1 << 20).unwrap();
            assert_eq!((unpacked.body.as_ref(), unpacked.is_bare_gzip), (whole, is_bare), "{encoding:?}");
        }
        let why = |body: &[u8], encoding| unpacked(&capture(body, &[("content-encoding", encoding)]), 100).unwrap_err();
        assert_eq!(why(b"\x0b\x01\x80\x03", "br"), "is encoded as 'br', which is not read");
        assert_eq!(why(&gzip(&[b'x'; 101]), "gzip"), "inflates to more than 100 bytes");
        assert!(why(&packed[..packed.len() - 9], "gzip").starts_with("is not readable as gzip"));
        // A page that is packed is a page.
        assert_eq!(of(&gzip(b"<html>")), Payload::Html);
    }

    #[test]
    fn of_the_content_nothing_is_said_but_the_first_tag() {
        let page = b"<!DOCTYPE html>\n<html><title>Fahrer 4711</title>";
        let said = identify(&capture(page, &[("Content-Type", "text/HTML; charset=utf-8")])).said(Wanted::Message);
        assert_eq!(
            said,
            "is an HTML page, not a GTFS-Realtime message (Content-Type text/html, 48 bytes, it begins with <!doctype>)"
        );
        for (body, media_type) in [
            (b"{\"driver\": \"Fahrer 4711\"}".as_slice(), "application/json\x1b]52;c;4711"),
            (b"Fahrer 4711", "Fahrer 4711/x"),
            (b"<\x1b[31mFahrer 4711>", "text/html"),
        ] {
            let said = identify(&capture(body, &[("Content-Type", media_type)])).said(Wanted::Timetable);
            assert!(!said.contains("4711") && !said.contains('\x1b'), "{said}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_something(body in proptest::collection::vec(any::<u8>(), 0..300), start in 0_usize..6) {
            let starts: [&[u8]; 6] = [b"", b"PK\x03\x04", b"\x1f\x8b\x08", b"<", b"\x0a\x05\x0a\x032.0", b"\xff\xfe"];
            let capture = capture(&[starts[start], &body].concat(), &[("content-encoding", "gzip")]);
            let said = identify(&capture).said(Wanted::Message);
            prop_assert!(!said.chars().any(char::is_control));
            let _ = unpacked(&capture, 1 << 16);
        }
    }
}
