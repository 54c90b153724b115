//! One archive: where its records begin and end, also behind damage.
//!
//! An archive is a row of gzip members, of zstd frames, or of records that are not packed. Where one cannot be read, the next one that is whole
//! is looked for, byte by byte. What is between is a [`Stretch`]. The work is near linear in the archive's length, whatever it
//! holds: what is spent on beginnings that come to nothing has a limit.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

use flate2::bufread::GzDecoder;
use flate2::{Decompress, FlushDecompress};

use crate::capture::evidence::zstd_frame::{self, Inflater};
use crate::capture::warc::{self, Content, Header};
use crate::durable;

const GZIP: &[u8] = b"\x1f\x8b\x08";
const PLAIN: &[u8] = b"WARC/";
/// How an archive is packed, as far as its first bytes tell, or its name where they do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Gzip,
    Zstd,
    /// Not at all, or with members of gzip among records that are not packed.
    Plain,
}

impl Packing {
    fn of(first: &[u8], path: &Path) -> Self {
        let is_named = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zst"));
        if first.starts_with(&GZIP[..2]) {
            Self::Gzip
        } else if (first.len() == 4 && zstd_frame::begins(first)) || (is_named && !first.starts_with(&PLAIN[..4])) {
            Self::Zstd
        } else {
            Self::Plain
        }
    }
}

/// Bytes that are searched at a time.
const WINDOW: usize = 1 << 20;
/// A gzip header and the beginning of what it packs are within so many bytes.
const BEGINNING: usize = 2048;
/// The most that a gzip header may take where one is searched for.
const GZIP_HEADER: usize = 256;
/// What beginnings that come to nothing may cost in bytes read and inflated: so much, and so many times the archive's length.
const SPENT_MOST: u64 = 4 << 30;
const SPENT_TIMES: u64 = 16;
/// What each beginning may cost once that is spent.
const SPENT_EACH: u64 = 4 << 10;

/// How an archive is read.
pub(super) struct Options<'a> {
    /// Records of which nothing else is to be known are passed over.
    pub wants: &'a dyn Fn(&Header) -> bool,
    /// Payloads are digested also where the header names their SHA-256.
    pub verify: bool,
    /// The most bytes of a record's block.
    pub most: u64,
}

/// A record that is wanted.
pub(super) struct Record {
    pub header: Header,
    pub content: Content,
    pub place: Place,
}

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Of the gzip member or the zstd frame, or of the record where the archive is not packed.
    pub offset: u64,
    /// Of the member or of the record.
    pub length: u64,
    /// Bytes of the inflated member before the record.
    pub skip: u64,
}

/// Bytes of an archive that are no whole record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub offset: u64,
    pub length: u64,
    pub kind: Kind,
    /// For people.
    pub problem: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What was there was changed, cut out or put in.
    Damaged,
    /// A record above the limit; it is whole.
    TooLarge,
    /// The archive ends within a record: it is being written, or a crash left it.
    Torn,
}

/// Reads an archive from a byte at which a record begins. `take` gets the records in their order.
pub(super) fn scan(
    path: &Path,
    from: u64,
    options: &Options<'_>,
    take: &mut dyn FnMut(Record),
) -> io::Result<(u64, Vec<Stretch>)> {
    scan_file(durable::open_to_read(path)?, path, from, options, take)
}

/// The same of an archive that is open; `path` is its name.
pub(super) fn scan_file(
    file: File,
    path: &Path,
    from: u64,
    options: &Options<'_>,
    take: &mut dyn FnMut(Record),
) -> io::Result<(u64, Vec<Stretch>)> {
    let length = file.metadata()?.len();
    let mut first = [0; 4];
    let read = file.read_at(&mut first, 0)?;
    if zstd_frame::has_dictionary(&first[..read]) {
        return Err(io::Error::new(io::ErrorKind::Unsupported, zstd_frame::NO_DICTIONARY));
    }
    let mut scanner = Scanner {
        input: BufReader::with_capacity(1 << 16, file.try_clone()?),
        file,
        length,
        // A packed archive holds the text of records that are stored in it, which are none of its own.
        packing: Packing::of(&first[..read], path),
        budget: SPENT_MOST.saturating_add(length.saturating_mul(SPENT_TIMES)),
        inflater: Decompress::new(false),
        frames: None,
        options,
    };
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut at = from;
    while at < length {
        let member = match scanner.member(at) {
            Ok(member) => member,
            Err(failure) => {
                failure.whole.into_iter().for_each(&mut *take);
                let next = scanner.next_member(failure.next)?;
                let end = next.as_ref().map_or(length, |member| member.offset);
                let kind = match failure.error.kind() {
                    _ if failure.is_torn && next.is_none() => Kind::Torn,
                    io::ErrorKind::Unsupported => Kind::TooLarge,
                    _ => Kind::Damaged,
                };
                let problem = failure.error.to_string();
                stretches.push(Stretch { offset: at, length: end - at, kind, problem });
                match next {
                    Some(member) => member,
                    None => break,
                }
            }
        };
        at = member.offset + member.length;
        if member.has_too_large {
            let (offset, length) = (member.offset, member.length);
            let problem = format!("a record is larger than {} bytes", options.most);
            stretches.push(Stretch { offset, length, kind: Kind::TooLarge, problem });
        }
        member.records.into_iter().for_each(&mut *take);
    }
    Ok((length, stretches))
}

/// A gzip member, or a record that is not packed.
struct Member {
    offset: u64,
    length: u64,
    records: Vec<Record>,
    /// Records of any kind.
    count: usize,
    has_too_large: bool,
}

struct Failure {
    error: io::Error,
    is_torn: bool,
    /// Records before the damage in a gzip member of many. Those of a zstd frame, whose blocks have no checksums of their own,
    /// are not known to be whole.
    whole: Vec<Record>,
    /// Where the next member may begin.
    next: u64,
}

struct Scanner<'a> {
    input: BufReader<File>,
    file: File,
    length: u64,
    packing: Packing,
    /// What beginnings that come to nothing may still cost.
    budget: u64,
    inflater: Decompress,
    frames: Option<Inflater>,
    options: &'a Options<'a>,
}

impl Scanner<'_> {
    /// Reads the member that begins at a byte.
    fn member(&mut self, offset: u64) -> Result<Member, Failure> {
        let mut member = Member { offset, length: 0, records: Vec::new(), count: 0, has_too_large: false };
        let most = (self.budget / 2).max(SPENT_EACH);
        let mut spent = 0;
        match self.read_member(&mut member, most, &mut spent) {
            Ok(()) => {
                let length = member.length;
                member.records.iter_mut().for_each(|record| record.place.length = length);
                Ok(member)
            }
            Err(error) => {
                self.budget = self.budget.saturating_sub(spent);
                let is_torn =
                    error.kind() == io::ErrorKind::UnexpectedEof && offset.saturating_add(member.length) >= self.length;
                let length = member.length;
                member.records.iter_mut().for_each(|record| record.place.length = length);
                let whole = if member.count > 1 && self.packing != Packing::Zstd { member.records } else { Vec::new() };
                let is_measured = error.kind() != io::ErrorKind::UnexpectedEof;
                let next = self.behind(offset, length).filter(|_| is_measured).unwrap_or(offset + 1);
                Err(Failure { error, is_torn, whole, next })
            }
        }
    }

    /// The end of a damaged frame, if it is known: then nothing that is stored within it is taken for a record.
    fn behind(&self, offset: u64, length: u64) -> Option<u64> {
        let end = offset.saturating_add(length);
        if self.packing != Packing::Zstd || length == 0 || end > self.length {
            return None;
        }
        let mut next = [0; 4];
        let count = self.file.read_at(&mut next, end).ok()?;
        (count == 0 || zstd_frame::begins(&next[..count])).then_some(end)
    }

    fn read_member(&mut self, member: &mut Member, most: u64, spent: &mut u64) -> io::Result<()> {
        let offset = member.offset;
        let mut first = [0; 5];
        let read = self.file.read_at(&mut first, offset)?;
        let first = &first[..read];
        if self.packing == Packing::Zstd {
            return self.read_frame(member, most, spent);
        }
        seek(&mut self.input, offset)?;
        let mut input = Counted { input: &mut self.input, count: 0, most };
        if first.starts_with(&GZIP[..2]) {
            let mut inflated =
                Counted { input: BufReader::with_capacity(1 << 15, GzDecoder::new(input)), count: 0, most };
            let read = records(&mut inflated, member, self.options, self.options.verify);
            let taken = inflated.input.get_ref().get_ref().count;
            *spent = taken + inflated.count;
            member.length = taken;
            read
        } else if first.starts_with(PLAIN) {
            let read = plain_record(&mut input, member, self.options);
            *spent = input.count;
            member.length = input.count;
            read?;
            let mut next = [0; 5];
            let end = offset + member.length;
            let count = self.file.read_at(&mut next, end)?;
            if begins(&next[..count]) { Ok(()) } else { Err(damaged("the record is not as long as it says")) }
        } else if begins(first) {
            member.length = read as u64;
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the record is cut off"))
        } else {
            Err(damaged("this is no WARC record"))
        }
    }

    fn read_frame(&mut self, member: &mut Member, most: u64, spent: &mut u64) -> io::Result<()> {
        let offset = member.offset;
        let frame = zstd_frame::measure(&self.file, offset, self.length, most, spent).inspect_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                member.length = self.length - offset;
            }
        })?;
        member.length = frame.length;
        if frame.is_skippable {
            return Ok(());
        }
        frame.check()?;
        seek(&mut self.input, offset)?;
        if self.frames.is_none() {
            self.frames = Some(Inflater::new()?);
        }
        let Some(frames) = &mut self.frames else { return Ok(()) };
        let inflated = frames.frame((&mut self.input).take(frame.length))?;
        let mut inflated = Counted { input: BufReader::with_capacity(1 << 15, inflated), count: 0, most };
        let verify = self.options.verify || !frame.has_checksum;
        let read = records(&mut inflated, member, self.options, verify);
        *spent += frame.length + inflated.count;
        // The frame has all its bytes, so that what its records lack is not behind the archive's end.
        read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged(&error.to_string()),
            _ => error,
        })
    }

    /// The next whole member that begins at a byte or behind it.
    fn next_member(&mut self, from: u64) -> io::Result<Option<Member>> {
        let mut window = vec![0; WINDOW + BEGINNING];
        let mut at = from;
        while at < self.length {
            let read = read_at(&self.file, &mut window, at)?;
            let window = &window[..read];
            for place in candidates(window, self.packing) {
                if place >= WINDOW {
                    break;
                }
                let beginning = &window[place..window.len().min(place + BEGINNING)];
                if self.begins_record(beginning)
                    && let Ok(member) = self.member(at + place as u64)
                    && member.count > 0
                {
                    return Ok(Some(member));
                }
            }
            if read <= WINDOW {
                break;
            }
            at += WINDOW as u64;
        }
        Ok(None)
    }

    /// Whether bytes may be the beginning of a record, as far as that can be told cheaply.
    fn begins_record(&mut self, bytes: &[u8]) -> bool {
        if self.packing == Packing::Zstd {
            return zstd_frame::may_begin(bytes);
        }
        if !bytes.starts_with(GZIP) {
            let rest = bytes.strip_prefix(PLAIN).unwrap_or_default();
            return rest.get(1) == Some(&b'.') && matches!(rest.iter().position(|byte| *byte == b'\n'), Some(3..=6));
        }
        let Some(packed) = gzip_header(bytes).map(|length| &bytes[length..]) else { return false };
        let may_be = match packed {
            // A stored block says its length twice.
            [head, low, high, not_low, not_high, ..] if head >> 1 & 3 == 0 => {
                low ^ not_low == 255 && high ^ not_high == 255
            }
            // Dynamic codes: at most 286 lengths and 30 distances.
            [head, next, ..] if head >> 1 & 3 == 2 => head >> 3 <= 29 && next & 31 <= 29,
            [head, ..] => head >> 1 & 3 == 1,
            [] => false,
        };
        if !may_be {
            return false;
        }
        self.inflater.reset(false);
        let mut inflated = [0; PLAIN.len()];
        // An error may come behind the first bytes.
        let _ = self.inflater.decompress(packed, &mut inflated, FlushDecompress::None);
        inflated == PLAIN
    }
}

/// Reads the records of a member to its end.
fn records(
    inflated: &mut Counted<impl BufRead>,
    member: &mut Member,
    options: &Options<'_>,
    verify: bool,
) -> io::Result<()> {
    while warc::skip_line_ends(inflated)? {
        let skip = inflated.count;
        let Some(header) = warc::read_header(inflated)? else { break };
        let record = record(header, inflated, options, verify, &mut member.has_too_large)?;
        member.count += 1;
        let place = Place { offset: member.offset, length: 0, skip };
        member.records.extend(record.map(|(header, content)| Record { header, content, place }));
    }
    Ok(())
}

fn plain_record(input: &mut Counted<impl BufRead>, member: &mut Member, options: &Options<'_>) -> io::Result<()> {
    let header = warc::read_header(input)?.ok_or_else(|| damaged("this is no WARC record"))?;
    // No checksum of the archive says that it is whole.
    let record = record(header, input, options, true, &mut member.has_too_large)?;
    member.count = 1;
    let place = Place { offset: member.offset, length: 0, skip: 0 };
    member.records.extend(record.map(|(header, content)| Record { header, content, place }));
    warc::skip_line_ends(input).map(|_| ())
}

fn record(
    header: Header,
    input: &mut impl BufRead,
    options: &Options<'_>,
    verify: bool,
    has_too_large: &mut bool,
) -> io::Result<Option<(Header, Content)>> {
    let is_wanted = (options.wants)(&header);
    let is_too_large = header.content_length > options.most;
    if is_too_large || !is_wanted {
        *has_too_large |= is_too_large && is_wanted && header.no_capture().is_none();
        return warc::pass_over(input, header.content_length).map(|()| None);
    }
    let verify = verify || header.block_digest.is_some();
    let content = warc::read_content(&header, input, verify)?;
    Ok(Some((header, content)))
}

/// Whether these bytes, which end only where the archive does, may begin a record.
fn begins(bytes: &[u8]) -> bool {
    let agrees = |with: &[u8]| bytes.iter().zip(with).all(|(one, other)| one == other);
    bytes.is_empty() || agrees(GZIP) || agrees(PLAIN)
}

/// Where records may begin, in ascending order.
fn candidates(window: &[u8], packing: Packing) -> Box<dyn Iterator<Item = usize> + '_> {
    match packing {
        Packing::Gzip => return Box::new(memchr::memmem::find_iter(window, GZIP)),
        Packing::Zstd => return Box::new(memchr::memmem::find_iter(window, zstd_frame::MAGIC)),
        Packing::Plain => {}
    }
    let starts = memchr::memchr2_iter(GZIP[0], PLAIN[0], window);
    Box::new(starts.filter(|place| window[*place..].starts_with(GZIP) || window[*place..].starts_with(PLAIN)))
}

/// The length of a gzip header (RFC 1952, 2.3).
fn gzip_header(bytes: &[u8]) -> Option<usize> {
    let bytes = &bytes[..bytes.len().min(GZIP_HEADER)];
    let flags = *bytes.get(3)?;
    if flags & 0xe0 != 0 {
        return None;
    }
    let mut at = 10;
    if flags & 4 != 0 {
        at += 2 + usize::from(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    }
    // A name and a comment, each ended by a zero.
    for flag in [8, 16] {
        if flags & flag != 0 {
            at += memchr::memchr(0, bytes.get(at..)?)? + 1;
        }
    }
    if flags & 2 != 0 {
        at += 2;
    }
    (at < bytes.len()).then_some(at)
}

fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut count = 0;
    while count < buffer.len() {
        match file.read_at(&mut buffer[count..], offset + count as u64)? {
            0 => break,
            read => count += read,
        }
    }
    Ok(count)
}

/// Goes to a byte and keeps what is buffered of it.
pub(super) fn seek(input: &mut BufReader<File>, offset: u64) -> io::Result<()> {
    let here = input.stream_position()?;
    match i64::try_from(i128::from(offset) - i128::from(here)) {
        Ok(distance) => input.seek_relative(distance),
        Err(_) => input.seek(SeekFrom::Start(offset)).map(|_| ()),
    }
}

fn damaged(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.to_owned())
}

/// Counts the bytes that are taken from a buffer, and gives no more than `most`.
pub(super) struct Counted<R> {
    pub input: R,
    pub count: u64,
    pub most: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.count >= self.most {
            return Err(damaged("what begins here is no whole record within the bytes that may be read of it"));
        }
        self.input.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.count += amount as u64;
        self.input.consume(amount);
    }
}
