//! Sealing: an hour that is over becomes an archive of a quarter to a ninth of the bytes, with the same records.
//!
//! `.warc.gz` has a gzip member for each record, so that a crash costs none that was kept. `.warc.zst` has frames of 30 to 60
//! records, in which the same text is stored once. Its records are the same bytes in the same order. What is written is read back
//! and compared before the old archive goes, in this order: `.warc.zst.part` on the disk, compared, the line of [`sealed`], the
//! name, the removal. Whatever ends it in between, the next seal finishes or begins anew. An hour that captures came to after it
//! was sealed is continued: the frames that are there stay, and those of the new records follow; unless it is kept elsewhere by
//! then, where the new records become an archive more ([`super::upload`]).

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flate2::bufread::MultiGzDecoder;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use zstd::stream::write::Encoder;
use zstd::zstd_safe::{CParameter, Strategy};

use crate::capture::evidence::odd::Odd;
use crate::capture::evidence::sealed::{self, Left, Register, Sealed};
use crate::capture::evidence::state::State;
use crate::capture::evidence::{hours, parts, stored, torn, zstd_frame};
use crate::capture::{CaptureError, warc};
use crate::durable;

/// How long an hour is over, and how long nobody appended to it, before it is sealed.
pub const QUIET: Duration = Duration::from_secs(600);
/// What keeps two seals of a source apart, and a seal from what moves its archives elsewhere.
pub(super) const LOCK: &str = ".seal.lock";
/// Records of a frame, at most; frames of an hour have about as many each.
const RECORDS: usize = 60;
/// Bytes of a frame's records before they are packed, at most, if it is not one record.
const FRAME: u64 = 32 << 20;
/// Frames above this are packed less closely, at 20 MB/s instead of 4 MB/s.
const CLOSE: u64 = 4 << 20;

/// Which hours of a source are sealed.
pub struct Due<'a> {
    /// Hours that end at this instant or before.
    pub until: Timestamp,
    /// Archives that nobody appended to for so long, by the clock of the disk.
    pub quiet: Duration,
    /// Archives that were damaged when they were last looked at are looked at again.
    pub again: bool,
    /// Ends the sealing; what is under way is begun anew by the next.
    pub stop: &'a dyn Fn() -> bool,
}

/// What was sealed of a source.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub hours: u64,
    /// Bytes of the archives before and after.
    pub before: u64,
    pub after: u64,
    /// Archives that stay as they are, and why, for people.
    pub left: Vec<(PathBuf, String)>,
    /// Another seal of this source is at work, and nothing was done.
    pub is_busy: bool,
    pub is_stopped: bool,
}

/// Seals the hours of a source that are over for [`QUIET`]. For the collector, which calls it now and then: if nothing is due,
/// it lists the source's folders and no more. Holds at most 20 MB; holds the source's `.lock` only while names change.
pub fn seal_due(
    evidence: &Path,
    source: &str,
    now: Timestamp,
    stop: &dyn Fn() -> bool,
) -> Result<Report, CaptureError> {
    let quiet = SignedDuration::try_from(QUIET).unwrap_or(SignedDuration::ZERO);
    let until = now.saturating_sub(quiet).unwrap_or(Timestamp::MIN);
    seal(evidence, source, &Due { until, quiet: QUIET, again: false, stop })
}

/// The same, and the log tells what was sealed or why nothing was.
pub fn seal_and_tell(evidence: &Path, source: &str, now: Timestamp, stop: &dyn Fn() -> bool) {
    match seal_due(evidence, source, now, stop) {
        Ok(report) if report.hours > 0 => {
            let Report { hours, before, after, .. } = report;
            tracing::info!(source, hours, before, after, "sealed");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(source, "hours that are over were not sealed: {error}"),
    }
}

/// Seals the hours of a source that are due. A failure of the disk ends it with an error; what is damaged in an archive leaves that
/// archive as it is.
pub fn seal(evidence: &Path, source: &str, due: &Due<'_>) -> Result<Report, CaptureError> {
    let folder = evidence.join(source);
    let mut report = Report::default();
    let mut archives = Vec::new();
    for archive in hours::newest_local(evidence, source) {
        let archive = archive?;
        if end(&archive).is_some_and(|end| end <= due.until) && is_quiet(&archive, due.quiet) {
            archives.push(archive);
        }
    }
    if archives.is_empty() {
        return Ok(report);
    }
    let failed = |file: &Path, verb: &'static str| {
        let file = file.to_owned();
        move |source: io::Error| CaptureError::Evidence { file, verb, source }
    };
    let mine = hours::open_lock(&folder, LOCK).map_err(failed(&folder, "opened"))?;
    if mine.try_lock().is_err() {
        report.is_busy = true;
        return Ok(report);
    }
    let register = Register::read(&folder).map_err(failed(&folder.join(sealed::NAME), "read"))?;
    for archive in archives.into_iter().rev() {
        let name = sealed::relative(&folder, &archive);
        let odd = Odd::not_plain(&archive).and_then(|odd| Ok(odd.or(Odd::not_plain(&archive.with_extension("zst"))?)));
        if let Some(odd) = odd.map_err(failed(&archive, "read"))? {
            report.left.push((odd.path, format!("it is {}: put the archive itself in its place", odd.what)));
            continue;
        }
        let length = fs::metadata(&archive).map_or(0, |metadata| metadata.len());
        if let Some(left) = register.left(&name, length).filter(|_| !due.again) {
            report.left.push((archive, left.left.clone()));
            continue;
        }
        let job = Job { folder: &folder, archive: &archive, stop: due.stop };
        match job.run(&register) {
            Ok((before, after)) => {
                report.hours += 1;
                report.before += before;
                report.after += after;
            }
            Err(Undone::Stopped) => {
                report.is_stopped = true;
                return Ok(report);
            }
            Err(Undone::Changed) => {}
            Err(Undone::Left(reason)) => {
                let time = crate::time::now();
                let left = Left { file: name, length, left: reason.clone(), time };
                let _lock = hours::lock(&folder).map_err(failed(&folder, "locked"))?;
                sealed::leave(&folder, left).map_err(failed(&folder.join(sealed::NAME), "written"))?;
                report.left.push((archive, reason));
            }
            Err(Undone::Failed(error)) => return Err(failed(&archive, "sealed")(error)),
        }
    }
    Ok(report)
}

/// When an archive's hour is over, by its name.
pub(super) fn end(archive: &Path) -> Option<Timestamp> {
    let name = archive.file_name()?.to_str()?.strip_suffix(".warc.gz")?;
    let hour = name.get(name.len().checked_sub("YYYYMMDDTHH".len())?..)?;
    let begin: DateTime = format!("{hour}:00:00").parse().ok()?;
    TimeZone::UTC.to_timestamp(begin).ok()?.checked_add(SignedDuration::from_hours(1)).ok()
}

/// Whether an archive is there and nobody has appended to it for a while.
fn is_quiet(archive: &Path, quiet: Duration) -> bool {
    let changed = fs::metadata(archive).and_then(|metadata| metadata.modified());
    // A time in the future is that of a clock that was wrong.
    changed.is_ok_and(|changed| SystemTime::now().duration_since(changed).map_or(true, |since| since >= quiet))
}

/// Why an archive was not sealed.
enum Undone {
    Stopped,
    /// Somebody appended to it meanwhile.
    Changed,
    /// It stays as it is.
    Left(String),
    Failed(io::Error),
}

impl From<io::Error> for Undone {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// The sealing of one archive.
struct Job<'a> {
    folder: &'a Path,
    archive: &'a Path,
    stop: &'a dyn Fn() -> bool,
}

/// What is to be sealed of an archive.
struct Plan {
    /// The line of the sealed archive that is continued.
    before: Option<Sealed>,
    /// Where the first record stands that is not in it.
    from: u64,
    length: u64,
    /// Of the records, one after the other.
    lengths: Vec<u64>,
}

impl Job<'_> {
    /// The bytes before and after.
    fn run(&self, register: &Register) -> Result<(u64, u64), Undone> {
        let target = self.archive.with_extension("zst");
        let part = self.archive.with_extension("zst.part");
        let plan = self.plan(register, &target)?;
        let old = plan.before.as_ref().map_or(0, |line| line.new_length);
        if plan.lengths.is_empty() {
            // It was sealed, and a crash kept the old archive.
            self.remove(&plan)?;
            return Ok((plan.length, old));
        }
        let sealed = self.write(&plan, &target, &part).inspect_err(|_| drop(fs::remove_file(&part)))?;
        self.step();
        let length = sealed.new_length;
        let _lock = hours::lock(self.folder)?;
        if fs::metadata(self.archive)?.len() != plan.length {
            fs::remove_file(&part)?;
            return Err(Undone::Changed);
        }
        sealed::add(self.folder, sealed)?;
        self.step();
        durable::rename(&part, &target)?;
        self.step();
        durable::remove_file(self.archive)?;
        Ok((plan.length + old, length))
    }

    /// Removes an archive all of which is sealed.
    fn remove(&self, plan: &Plan) -> Result<(), Undone> {
        let _lock = hours::lock(self.folder)?;
        if fs::metadata(self.archive)?.len() != plan.length {
            return Err(Undone::Changed);
        }
        Ok(durable::remove_file(self.archive)?)
    }

    /// Looks at the archive, and at the sealed one that may be there.
    fn plan(&self, register: &Register, target: &Path) -> Result<Plan, Undone> {
        let objects = stored::of_hour(self.archive)?;
        let Some(lines) = parts::lines(register, self.folder, target, &objects)? else {
            let name = target.file_name().unwrap_or_default().to_string_lossy();
            let place = if target.exists() { "stands beside it" } else { "is kept elsewhere" };
            return Err(Undone::Left(format!(
                "'{name}' {place}, and {} does not tell of it, or it was changed since: restore it from a backup, or move it \
                 out of the evidence folder",
                sealed::NAME
            )));
        };
        // What is kept elsewhere stays as it is: what came since becomes an object more.
        let is_kept = match target.try_exists()? {
            true => parts::copied(target, fs::metadata(target)?.len(), &objects)?.is_some(),
            false => true,
        };
        let before = if is_kept { None } else { lines.last().map(|line| Sealed::clone(line)) };
        let from = parts::contained(self.archive, &lines)?;
        let length = fs::metadata(self.archive)?.len();
        let mut lengths = Vec::new();
        let counted = self.records(from, &mut |length| lengths.push(length));
        match counted {
            Ok(()) => Ok(Plan { before, from, length, lengths }),
            Err(Undone::Failed(error)) if is_damage(&error) => {
                let length = self.mend(&error, length)?;
                lengths.clear();
                self.records(from, &mut |length| lengths.push(length))?;
                Ok(Plan { before, from, length, lengths })
            }
            Err(other) => Err(other),
        }
    }

    /// Moves aside what a crash left at the end of the archive, as the next append would; its length then. What is damaged is
    /// left as it is.
    fn mend(&self, error: &io::Error, length: u64) -> Result<u64, Undone> {
        let _lock = hours::lock(self.folder)?;
        if fs::metadata(self.archive)?.len() != length {
            return Err(Undone::Changed);
        }
        let state = State::read(self.folder).filter(|state| self.folder.join(&state.archive) == self.archive);
        let was_whole = state.map_or(0, |state| state.length);
        let ending = torn::ending(self.archive, 0, was_whole, warc::BLOCK_BYTES)?;
        match (ending.damaged, ending.torn) {
            (Some(first), _) => Err(Undone::Left(format!(
                "it is damaged from byte {} on, {} bytes long ({})",
                first.offset, first.length, first.problem
            ))),
            (None, Some(torn)) if torn > 0 => {
                let mut file = durable::open(File::options().read(true).write(true), self.archive)?;
                torn::move_aside(&mut file, self.archive, torn)?;
                Ok(torn)
            }
            (None, _) => Err(Undone::Left(format!("it cannot be read to its end ({error})"))),
        }
    }

    /// Gives the length of each record that begins at a byte or behind it.
    fn records(&self, from: u64, take: &mut dyn FnMut(u64)) -> Result<(), Undone> {
        if from == fs::metadata(self.archive)?.len() {
            return Ok(());
        }
        let mut inflated = self.inflated(from)?;
        while !inflated.fill_buf()?.is_empty() {
            self.go_on()?;
            take(copy_record(&mut inflated, &mut io::sink())?);
        }
        Ok(())
    }

    fn inflated(&self, from: u64) -> io::Result<BufReader<MultiGzDecoder<BufReader<File>>>> {
        let mut file = durable::open_to_read(self.archive)?;
        file.seek(io::SeekFrom::Start(from))?;
        Ok(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file))))
    }

    /// Between steps that belong together nothing ends it but a crash, of which the tests have one here.
    fn step(&self) {
        let _ = (self.stop)();
    }

    fn go_on(&self) -> Result<(), Undone> {
        if (self.stop)() { Err(Undone::Stopped) } else { Ok(()) }
    }

    /// Writes the sealed archive to `part`, and compares it with what it replaces.
    fn write(&self, plan: &Plan, target: &Path, part: &Path) -> Result<Sealed, Undone> {
        let mut out = BufWriter::with_capacity(1 << 16, durable::create(part)?);
        let kept = match &plan.before {
            Some(_) => io::copy(&mut durable::open_to_read(target)?, &mut out)?,
            None => 0,
        };
        let mut inflated = self.inflated(plan.from)?;
        for frame in frames(&plan.lengths) {
            let mut packed = encoder(&mut out, frame.iter().sum())?;
            for _ in frame {
                self.go_on()?;
                copy_record(&mut inflated, &mut packed)?;
            }
            packed.finish()?;
        }
        out.flush()?;
        out.get_ref().sync_all()?;
        drop(out);
        self.step();
        self.compare(plan, part, kept)?;
        let new_length = fs::metadata(part)?.len();
        let changed = || io::Error::other("the archive was changed while it was sealed");
        Ok(Sealed {
            file: sealed::relative(self.folder, target),
            old_sha256: sealed::digest_of(self.archive, plan.length)?.ok_or_else(changed)?,
            old_length: plan.length,
            new_sha256: sealed::digest_of(part, new_length)?.ok_or_else(changed)?,
            new_length,
            records: plan.before.as_ref().map_or(0, |line| line.records) + plan.lengths.len() as u64,
            replaces_sha256: plan.before.as_ref().map(|line| line.new_sha256),
            time: crate::time::now(),
        })
    }

    /// Reads both back, record by record.
    fn compare(&self, plan: &Plan, part: &Path, kept: u64) -> Result<(), Undone> {
        let differs = || io::Error::other("what was read back of the sealed archive is not what was to be sealed");
        if let Some(before) = &plan.before
            && sealed::digest_of(part, kept)? != Some(before.new_sha256)
        {
            return Err(differs().into());
        }
        let mut file = durable::open_to_read(part)?;
        file.seek(io::SeekFrom::Start(kept))?;
        let packed = zstd_frame::inflate_all(BufReader::with_capacity(1 << 16, file))?;
        let mut packed = BufReader::with_capacity(1 << 16, packed);
        let mut inflated = self.inflated(plan.from)?;
        for length in &plan.lengths {
            self.go_on()?;
            if !is_same(&mut inflated, &mut packed, *length)? {
                return Err(differs().into());
            }
        }
        let is_end = inflated.fill_buf()?.is_empty() && packed.fill_buf()?.is_empty();
        if is_end { Ok(()) } else { Err(differs().into()) }
    }
}

fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

/// The records of each frame: about as many in each, and not too many bytes.
fn frames(lengths: &[u64]) -> impl Iterator<Item = &[u64]> {
    let each = lengths.len().div_ceil(lengths.len().div_ceil(RECORDS).max(1));
    let mut rest = lengths;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |length: &&u64| {
            bytes += **length;
            bytes <= FRAME
        };
        let count = rest.iter().take(each).take_while(fits).count().max(1).min(rest.len());
        let (frame, behind) = rest.split_at(count);
        rest = behind;
        (count > 0).then_some(frame)
    })
}

/// What is not set below is as in this level.
const LEVEL: i32 = 16;

/// A frame of so many bytes. With these tables and this window packing takes 14 MB at most.
///
/// Measured on simulated hours at 15 s, 60 records a frame, bytes of the `.warc.gz` to those of the frames: vehicle positions 4.5,
/// trip updates 9.4, a JSON of vehicles 3.9; without `CLOSE` 4.0, 8.8 and 3.5.
fn encoder<W: Write>(out: W, bytes: u64) -> io::Result<Encoder<'static, W>> {
    let mut encoder = Encoder::new(out, LEVEL)?;
    let is_close = bytes <= CLOSE;
    let window = (bytes.max(1 << 10) - 1).ilog2() + 1;
    encoder.set_parameter(CParameter::WindowLog(window.min(zstd_frame::WINDOW_LOG)))?;
    encoder.set_parameter(CParameter::HashLog(18))?;
    encoder.set_parameter(CParameter::ChainLog(19))?;
    encoder.set_parameter(CParameter::SearchLog(5))?;
    encoder.set_parameter(CParameter::TargetLength(256))?;
    let strategy = if is_close { Strategy::ZSTD_btopt } else { Strategy::ZSTD_btlazy2 };
    encoder.set_parameter(CParameter::Strategy(strategy))?;
    encoder.include_checksum(true)?;
    encoder.include_contentsize(true)?;
    encoder.set_pledged_src_size(Some(bytes))?;
    Ok(encoder)
}

/// Copies the record at the beginning of `input`, with the line ends behind it; its length.
fn copy_record(input: &mut impl BufRead, out: &mut impl Write) -> io::Result<u64> {
    let mut head = Vec::new();
    copy_line_ends(input, &mut head)?;
    let begin = head.len();
    loop {
        let line = head.len();
        let left = HEADER_BYTES.saturating_sub(head.len() as u64);
        input.by_ref().take(left).read_until(b'\n', &mut head)?;
        if head.last() != Some(&b'\n') || head.len() == line || matches!(&head[line..], b"\n" | b"\r\n") {
            break;
        }
    }
    let header = warc::read_header(&mut &head[begin..])?.ok_or_else(|| damaged("this is no WARC record"))?;
    out.write_all(&head)?;
    let copied = io::copy(&mut input.by_ref().take(header.content_length), out)?;
    if copied != header.content_length {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the record is cut off"));
    }
    Ok(head.len() as u64 + copied + copy_line_ends(input, out)?)
}

/// More than a record's header may take.
const HEADER_BYTES: u64 = 128 << 10;

fn copy_line_ends(input: &mut impl BufRead, out: &mut impl Write) -> io::Result<u64> {
    let mut count = 0;
    loop {
        let there = input.fill_buf()?;
        let ends = there.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        out.write_all(&there[..ends])?;
        let is_end = ends == 0 || ends < there.len();
        input.consume(ends);
        count += ends as u64;
        if is_end {
            return Ok(count);
        }
    }
}

/// Whether the next bytes of both are the same.
fn is_same(one: &mut impl BufRead, other: &mut impl BufRead, length: u64) -> io::Result<bool> {
    let mut left = length;
    while left > 0 {
        let (first, second) = (one.fill_buf()?, other.fill_buf()?);
        let count = first.len().min(second.len()).min(usize::try_from(left).unwrap_or(usize::MAX));
        if count == 0 || first[..count] != second[..count] {
            return Ok(false);
        }
        one.consume(count);
        other.consume(count);
        left -= count as u64;
    }
    Ok(true)
}

fn damaged(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.to_owned())
}

#[cfg(test)]
mod tests;
