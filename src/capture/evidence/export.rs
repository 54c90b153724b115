//! Exporting: the records of archives as plain WARC 1.1, byte for byte as they were kept, but for how they are packed.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use super::archive::{self, Options, Place, Record};
use super::archive_file::ArchiveFile;
use super::listing::{Damage, damage};
use super::{Store, warc, zstd_frame};
use crate::capture::CaptureError;
use crate::digest::Digest;

/// The most that the header of a record may take.
const HEADER_BYTES: u64 = 64 << 10;

/// Which records are exported.
#[derive(Clone, Copy, Debug)]
pub struct Export {
    pub from: Timestamp,
    pub until: Timestamp,
    /// Bodies and revisits alone, without notes of failures, starts and ends.
    pub captures_only: bool,
    /// Each record is a gzip member of its own; else nothing is packed.
    pub is_packed: bool,
}

/// What an archive gave.
#[derive(Debug, Default)]
pub struct Exported {
    pub bodies: u64,
    pub revisits: u64,
    pub notes: u64,
    /// What could not be read, and is not in the export.
    pub damage: Vec<Damage>,
}

/// A record that may be exported.
struct Wanted {
    file: ArchiveFile,
    place: Place,
    at: Timestamp,
    /// Of the body, or of the body that a revisit names.
    digest: Option<Digest>,
    kind: Sort,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Sort {
    Body,
    Revisit,
    Note,
}

/// The records of an hour, and where its bodies are.
#[derive(Default)]
struct Found {
    wanted: Vec<Wanted>,
    bodies: HashMap<Digest, (ArchiveFile, Place)>,
}

type Known = (Timestamp, Option<Digest>, Sort);

impl Found {
    fn add(&mut self, record: Record, file: &ArchiveFile, export: &Export, known: &HashSet<Known>) {
        let (digest, kind) = match record.content {
            warc::Content::Body(digest) => (Some(digest), Sort::Body),
            warc::Content::Revisit(digest) => (digest, Sort::Revisit),
            warc::Content::Note(_) if !export.captures_only => (None, Sort::Note),
            _ => return,
        };
        let Some(at) = record.header.date.filter(|at| !known.contains(&(*at, digest, kind))) else { return };
        if let (Sort::Body, Some(digest)) = (kind, digest) {
            self.bodies.entry(digest).or_insert_with(|| (file.clone(), record.place));
        }
        self.wanted.push(Wanted { file: file.clone(), place: record.place, at, digest, kind });
    }
}

impl Store {
    /// The archives of a source that may have records of a period, oldest first.
    pub fn archives_of(&self, source: &str, from: Timestamp, until: Timestamp) -> Result<Vec<PathBuf>, CaptureError> {
        let (first, last) = (self.file(source, from).with_extension(""), self.file(source, until));
        Ok(self.archives(source)?.into_iter().filter(|archive| (&first..=&last).contains(&archive)).collect())
    }

    /// Writes the records of an hour, in their order. A body of before the period is written where a revisit of the period names
    /// it, so that what is exported can be read without the rest.
    pub fn export(
        &self,
        source: &str,
        archive: &Path,
        export: &Export,
        out: &mut dyn Write,
    ) -> Result<Exported, CaptureError> {
        // What fetching an archive failed by says more.
        let failed = |source: io::Error| {
            let file = archive.to_owned();
            let other = |source| CaptureError::Evidence { file, verb: "exported", source };
            source.downcast::<CaptureError>().unwrap_or_else(other)
        };
        let mut exported = Exported::default();
        let mut found = Found::default();
        for part in self.parts(source, archive).map_err(failed)? {
            // What is sealed already, where nothing says how much of the other file that is.
            let known: HashSet<_> = match part.may_repeat {
                true => found.wanted.iter().map(|wanted| (wanted.at, wanted.digest, wanted.kind)).collect(),
                false => HashSet::new(),
            };
            let mut take = |record: Record| {
                if record.place.offset >= part.from {
                    found.add(record, &part.file, export, &known);
                }
            };
            let options = Options { wants: &|_| true, verify: false, most: self.most };
            let scanned = archive::scan_file(part.file.open()?, &part.file, 0, &options, &mut take);
            let (_, stretches) = scanned.map_err(failed)?;
            let stretches = stretches.into_iter().filter(|stretch| stretch.offset >= part.from);
            exported.damage.extend(stretches.map(|stretch| damage(&part.file, stretch)));
        }
        let mut written: HashSet<Digest> = HashSet::new();
        for Wanted { file, place, digest, kind, .. } in
            found.wanted.into_iter().filter(|wanted| (export.from..export.until).contains(&wanted.at))
        {
            let is_new = digest.is_some_and(|digest| written.insert(digest));
            let body = digest.filter(|_| is_new && kind == Sort::Revisit);
            if let Some((file, place)) = body.and_then(|digest| found.bodies.get(&digest)) {
                copy(file, *place, export.is_packed, out).map_err(failed)?;
                exported.bodies += 1;
            }
            copy(&file, place, export.is_packed, out).map_err(failed)?;
            *(match kind {
                Sort::Body => &mut exported.bodies,
                Sort::Revisit => &mut exported.revisits,
                Sort::Note => &mut exported.notes,
            }) += 1;
        }
        Ok(exported)
    }
}

/// Writes what an exported file begins with: who wrote it.
pub fn begin(name: &str, date: Timestamp, is_packed: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut packed = Vec::new();
    warc::write_info(&mut packed, name, date)?;
    if is_packed {
        return out.write_all(&packed);
    }
    io::copy(&mut GzDecoder::new(packed.as_slice()), out).map(|_| ())
}

/// Copies the record that stands at a place.
fn copy(archive: &ArchiveFile, place: Place, is_packed: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut input = inflated(archive, place.offset)?;
    warc::pass_over(&mut input, place.skip)?;
    if is_packed {
        let mut out = GzEncoder::new(out, Compression::default());
        copy_record(&mut *input, &mut out)?;
        return out.finish().map(|_| ());
    }
    copy_record(&mut *input, out)
}

/// What stands in an archive from the beginning of a member on, inflated.
fn inflated(archive: &ArchiveFile, offset: u64) -> io::Result<Box<dyn BufRead>> {
    let mut file = BufReader::with_capacity(1 << 16, archive.open().map_err(io::Error::other)?);
    file.seek(SeekFrom::Start(offset))?;
    Ok(match file.fill_buf()?.first() {
        Some(first) if *first == zstd_frame::MAGIC[0] => {
            Box::new(BufReader::with_capacity(1 << 15, zstd_frame::inflate(file)?))
        }
        Some(0x1f) => Box::new(BufReader::with_capacity(1 << 15, GzDecoder::new(file))),
        _ => Box::new(file),
    })
}

fn copy_record(input: &mut dyn BufRead, out: &mut dyn Write) -> io::Result<()> {
    let cut_off = || io::Error::new(io::ErrorKind::UnexpectedEof, "the record is cut off");
    let mut input = input;
    if !warc::skip_line_ends(&mut input)? {
        return Err(cut_off());
    }
    let mut head = Vec::new();
    let mut limited = input.take(HEADER_BYTES);
    loop {
        let line = head.len();
        if limited.read_until(b'\n', &mut head)? == 0 {
            return Err(cut_off());
        }
        if matches!(&head[line..], b"\n" | b"\r\n") {
            break;
        }
    }
    let header = warc::read_header(&mut head.as_slice())?.ok_or_else(cut_off)?;
    out.write_all(&head)?;
    let copied = io::copy(&mut limited.into_inner().take(header.content_length), out)?;
    if copied != header.content_length {
        return Err(cut_off());
    }
    out.write_all(b"\r\n\r\n")
}
