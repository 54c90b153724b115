//! Records of another store, as they are: what [`crate::capture::import_folder`] merges.
//!
//! Beside captures these are `revisit` and `metadata` records, which say what came of a beat. They are copied with all their
//! fields; only addresses are shown as everywhere ([`redact`]), and a revisit names the body in its new archive.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::capture::beat::Beat;
use crate::capture::evidence::archive::{self, Options, Place};
use crate::capture::evidence::listing::{Damage, damage};
use crate::capture::evidence::state::State;
use crate::capture::evidence::{Store, folder};
use crate::capture::record::Note;
use crate::capture::{CaptureError, redact, warc};
use crate::digest::Digest;
use crate::durable;

/// The most that a record's header may take.
const HEADER_BYTES: u64 = 64 << 10;

/// A record that says something of its source.
#[derive(Clone, Debug)]
pub struct Record {
    pub at: Timestamp,
    pub url: String,
    /// Of the body: its own, or the one that a revisit means.
    pub digest: Option<Digest>,
    pub has_body: bool,
    pub is_revisit: bool,
    /// `WARC-Record-ID`; without one what else tells records apart.
    pub id: String,
    /// How often the source was asked, if a beat left the record.
    pub every: Option<SignedDuration>,
    /// The beat that left it.
    pub beat: Option<Beat>,
    /// What it says of a beat that gave no body, or of the collector.
    pub note: Option<Note>,
    place: Place,
}

/// The source and the hour of an archive in our layout, wherever its folder is, and that folder.
pub fn hour_of(archive: &Path) -> Option<(PathBuf, String, Timestamp)> {
    let root = archive.ancestors().nth(5)?;
    let unsealed = archive.to_string_lossy().strip_suffix(".zst").map(|path| PathBuf::from(format!("{path}.gz")));
    let source = folder::layout_source(root, unsealed.as_deref().unwrap_or(archive))?;
    let name = archive.file_name()?.to_str()?;
    let digits = name.get(source.len() + 1..source.len() + 12)?;
    let part = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i16>().ok();
    let small = |range| i8::try_from(part(range)?).ok();
    let date = Date::new(part(0..4)?, small(4..6)?, small(6..8)?).ok()?;
    let begin = date.to_datetime(Time::new(small(9..11)?, 0, 0, 0).ok()?);
    Some((root.to_owned(), source, TimeZone::UTC.to_timestamp(begin).ok()?))
}

/// All records of an archive that say something of its source, in their order, and what is damaged. Digests are checked.
pub fn records(archive: &Path) -> Result<(Vec<Record>, Vec<Damage>), CaptureError> {
    let opened = durable::open_to_read(archive);
    let file = opened.map_err(|source| CaptureError::Evidence { file: archive.to_owned(), verb: "read", source })?;
    records_of(&file, archive)
}

fn records_of(file: &File, archive: &Path) -> Result<(Vec<Record>, Vec<Damage>), CaptureError> {
    let failed = |source: io::Error| CaptureError::Evidence { file: archive.to_owned(), verb: "read", source };
    let mut found = Vec::new();
    let wants =
        |header: &warc::Header| matches!(header.kind.as_str(), "response" | "resource" | "revisit" | "metadata");
    let options = Options { wants: &wants, verify: true, most: warc::BLOCK_BYTES };
    let again = || file.try_clone().map_err(failed);
    let mut take = |record| found.push(record);
    let (_, stretches) = archive::scan_file(again()?, archive, 0, &options, &mut take).map_err(failed)?;
    let mut reader = RecordReader::new(again()?);
    let mut records = Vec::with_capacity(found.len());
    for found in found {
        let (header, place) = (found.header, found.place);
        let is_revisit = header.kind == "revisit";
        let mut note = None;
        let digest = match found.content {
            warc::Content::Body(digest) => Some(digest),
            warc::Content::Revisit(digest) => digest,
            warc::Content::Note(found) => {
                note = Some(found);
                None
            }
            // An answer that is no capture.
            warc::Content::NoCapture(_) if matches!(header.kind.as_str(), "response" | "resource") => continue,
            warc::Content::NoCapture(_) => {
                header.payload_digest.as_ref().and_then(warc::Declared::sha256).filter(|_| is_revisit)
            }
        };
        let Some(at) = header.date else { continue };
        let lines = reader.header(place).map_err(failed)?;
        let field = |name: &str| value(&lines, name);
        let beat = header.beat;
        let every = beat.and_then(|beat| SignedDuration::try_from(beat.every).ok());
        let id = field("WARC-Record-ID").map_or_else(|| format!("{}{at}{:?}", header.kind, digest), str::to_owned);
        let has_body = digest.is_some() && !is_revisit;
        records.push(Record { at, url: header.url, digest, has_body, is_revisit, id, every, beat, note, place });
    }
    let damages = stretches.into_iter().map(|stretch| damage(archive, stretch)).collect();
    Ok((records, damages))
}

/// A record as a gzip member of its own. A revisit gets the date of the body that it means in its new archive.
pub fn copy(archive: &Path, record: &Record, refers_to: Option<Timestamp>) -> Result<Vec<u8>, CaptureError> {
    let packed =
        durable::open_to_read(archive).and_then(|file| RecordReader::new(file).packed(record.place, refers_to));
    packed.map_err(|source| CaptureError::Evidence { file: archive.to_owned(), verb: "read", source })
}

/// The value of a field in the lines of a header.
fn value<'a>(lines: &'a [String], name: &str) -> Option<&'a str> {
    lines.iter().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

/// Reads records by their places; where several stand in one member, in their order.
struct RecordReader {
    archive: File,
    /// The member that is being read, and how much of it was.
    member: Option<(u64, Box<dyn BufRead>, u64)>,
}

impl RecordReader {
    fn new(archive: File) -> Self {
        Self { archive, member: None }
    }

    /// The lines of a record's header; behind them stands its block.
    fn header(&mut self, place: Place) -> io::Result<Vec<String>> {
        let (offset, mut member, read) = match self.member.take() {
            Some(open) if open.0 == place.offset && open.2 <= place.skip => open,
            _ => (place.offset, self.open(place)?, 0),
        };
        warc::pass_over(&mut member, place.skip - read)?;
        let (mut lines, mut length) = (Vec::new(), 0);
        loop {
            let mut line = Vec::new();
            let mut input = (&mut member).take(HEADER_BYTES - length);
            if input.read_until(b'\n', &mut line)? == 0 || line.last() != Some(&b'\n') {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the record's header has no end"));
            }
            length += line.len() as u64;
            if line.trim_ascii().is_empty() {
                break;
            }
            lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
        self.member = Some((offset, member, place.skip + length));
        Ok(lines)
    }

    fn open(&self, place: Place) -> io::Result<Box<dyn BufRead>> {
        // What was open of it is not read any more.
        let mut file = self.archive.try_clone()?;
        file.seek(SeekFrom::Start(place.offset))?;
        let mut member = BufReader::with_capacity(1 << 15, file.take(place.length));
        Ok(match member.fill_buf()? {
            [0x1f, 0x8b, ..] => Box::new(BufReader::new(MultiGzDecoder::new(member))),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(BufReader::new(zstd::Decoder::with_buffer(member)?)),
            _ => Box::new(member),
        })
    }

    fn packed(&mut self, place: Place, refers_to: Option<Timestamp>) -> io::Result<Vec<u8>> {
        let mut lines = self.header(place)?;
        let length: u64 = value(&lines, "Content-Length").and_then(|length| length.parse().ok()).unwrap_or_default();
        for line in &mut lines {
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim().trim_matches(['<', '>']);
            let changed = match name.trim().to_ascii_lowercase().as_str() {
                "warc-target-uri" | "warc-refers-to-target-uri" => {
                    url::Url::parse(value).ok().map(|url| redact::url(&url))
                }
                "warc-refers-to-date" => refers_to.map(|at| at.to_string()),
                _ => None,
            };
            if let Some(changed) = changed.filter(|changed| changed != value) {
                *line = format!("{}: {changed}", name.trim());
            }
        }
        let mut out = GzEncoder::new(Vec::new(), Compression::default());
        for line in &lines {
            write!(out, "{line}\r\n")?;
        }
        out.write_all(b"\r\n")?;
        let Some((_, member, _)) = &mut self.member else { return Err(cut_off()) };
        let copied = io::copy(&mut member.take(length), &mut out)?;
        self.member = None;
        if copied != length {
            return Err(cut_off());
        }
        out.write_all(b"\r\n\r\n")?;
        out.finish()
    }
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the record is cut off")
}

impl Store {
    /// All records of the hour of a time that say something of the source, in the order of its archives.
    pub fn records_of_hour(&self, source: &str, at: Timestamp) -> Result<Vec<Record>, CaptureError> {
        let file = self.file(source, at);
        let failed = |source: io::Error| CaptureError::Evidence { file: file.clone(), verb: "read", source };
        let mut records: Vec<Record> = Vec::new();
        for part in self.parts(source, &file).map_err(failed)? {
            let (mut of_part, _) = records_of(&part.file.open()?, &part.file)?;
            of_part.retain(|record| record.place.offset >= part.from);
            if part.may_repeat {
                let there: HashSet<&str> = records.iter().map(|record| record.id.as_str()).collect();
                of_part.retain(|record| !there.contains(record.id.as_str()));
            }
            records.append(&mut of_part);
        }
        Ok(records)
    }

    /// Appends records that are packed already to the archive of a time.
    pub fn take_over(&self, source: &str, at: Timestamp, packed: &[u8]) -> Result<PathBuf, CaptureError> {
        let file = self.file(source, at);
        self.append_packed(source, &file, at, packed).map_err(|source| CaptureError::Evidence {
            file: file.clone(),
            verb: "written",
            source,
        })?;
        Ok(file)
    }

    fn append_packed(&self, source: &str, file: &Path, at: Timestamp, packed: &[u8]) -> io::Result<()> {
        durable::create_dir_all(file.parent().unwrap_or(file))?;
        let _lock = self.lock(source)?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let mut out = durable::open(&mut options, file)?;
        let folder = self.folder.join(source);
        let state = State::read(&folder).filter(|state| folder.join(&state.archive) == file);
        let end = self.whole_end(source, &mut out, file, state.as_ref())?;
        out.seek(SeekFrom::Start(end))?;
        let mut bytes = Vec::new();
        if end == 0 {
            warc::write_info(&mut bytes, &file.file_name().unwrap_or_default().to_string_lossy(), at)?;
        }
        out.write_all(&bytes)?;
        out.write_all(packed)?;
        if self.syncs {
            out.sync_data()?;
        }
        let end = end + (bytes.len() + packed.len()) as u64;
        self.remember_end(source, file, end);
        Ok(())
    }
}
