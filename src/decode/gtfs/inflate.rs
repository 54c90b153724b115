//! Files are inflated, cut into blocks of whole records, and the fields of each block found: once, whoever wants them.

use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use bytes::Bytes;

use super::archive::{self, SMALL};
use super::columns::Scanned;
use super::source::Source;
use super::timetable::FailureKind;
use crate::contract::Contract;
use crate::decode::csv::{BARE_RETURNS, Blocks, bare_returns, header_fields};
use crate::decode::{DecodeError, Limits};

/// The most that the zones of on-demand service may take; they are read as a whole.
const GEOJSON_BYTES: u64 = 32 << 20;

/// A file that is read.
pub(super) struct Job {
    /// Its path in the archive or folder.
    pub file: String,
    pub contract: Arc<Contract>,
    /// Its place among the tables that are published.
    pub published: Option<usize>,
    /// Its place among the tables of the [`super::Timetable`].
    pub held: Option<usize>,
}

impl Job {
    pub(super) fn is_zones(&self) -> bool {
        self.contract.table == "locations"
    }
}

/// What the inflating thread tells: of each job its beginning, and then either zones, or that the file is empty, or a header,
/// blocks and the end. A failure may come in place of each and is the last of its job.
pub(super) enum Raw {
    Begin(usize),
    Header(Vec<String>),
    Empty,
    Block(Scanned),
    Zones(Bytes),
    End,
    Failed(Failed),
}

/// Why a file could not be read to its end.
pub(super) struct Failed {
    pub kind: FailureKind,
    /// For the report.
    pub message: String,
    pub line: u64,
    /// For publication.
    pub error: DecodeError,
}

/// Why a job ends before its end.
enum Stop {
    Failed(Box<Failed>),
    /// The receiver has gone.
    Disconnected,
}

impl Stop {
    fn failed(kind: FailureKind, message: impl Into<String>, line: u64, error: DecodeError) -> Self {
        Self::Failed(Box::new(Failed { kind, message: message.into(), line, error }))
    }

    /// Of an error of the CSV reader.
    fn of(error: DecodeError) -> Self {
        let (kind, line, message) = match &error {
            DecodeError::Row { row, problem, .. } => (FailureKind::Csv, *row, problem.clone()),
            DecodeError::Feed { problem, .. } if problem.contains("inflate") => (FailureKind::Io, 0, problem.clone()),
            DecodeError::Feed { problem, .. } => (FailureKind::Csv, 0, problem.clone()),
            DecodeError::Io { source, .. } => (FailureKind::Io, 0, source.to_string()),
            DecodeError::Capture(error) => (FailureKind::Io, 0, error.to_string()),
            DecodeError::Budget(exceeded) => (FailureKind::Io, 0, exceeded.to_string()),
        };
        Self::failed(kind, message, line, error)
    }
}

fn send(out: &SyncSender<Raw>, raw: Raw) -> Result<(), Stop> {
    out.send(raw).map_err(|_| Stop::Disconnected)
}

pub(super) fn inflate_all(mut source: Source, jobs: &[Job], limits: Limits, out: &SyncSender<Raw>) {
    let mut left = limits.archive_bytes;
    for (place, job) in jobs.iter().enumerate() {
        let done = send(out, Raw::Begin(place)).and_then(|()| open(&mut source, job, limits, &mut left, out));
        let sent = match done {
            Ok(()) => Ok(()),
            Err(Stop::Failed(failed)) => send(out, Raw::Failed(*failed)),
            Err(Stop::Disconnected) => Err(Stop::Disconnected),
        };
        if sent.is_err() {
            return;
        }
    }
}

fn open(source: &mut Source, job: &Job, limits: Limits, left: &mut u64, out: &SyncSender<Raw>) -> Result<(), Stop> {
    match source {
        Source::Archive(archive, files) => {
            let name = files.iter().find(|file| file.path == job.file).map_or(&job.file, |file| &file.name);
            let entry = archive::entry(archive, name).map_err(|problem| {
                let error = DecodeError::feed(&job.file, &problem, "Zip it with Deflate and without a password.");
                Stop::failed(FailureKind::Io, problem, 0, error)
            })?;
            let packed = entry.compressed_size().max(1);
            let most = limits.file_bytes.min(*left).min(packed.saturating_mul(limits.ratio).max(SMALL));
            inflate(job, Measured { input: entry, left: most, read: 0 }, limits, left, out)
        }
        Source::Folder { path, .. } => {
            let file = crate::durable::open_to_read(&path.join(&job.file)).map_err(|source| {
                let message = format!("cannot be opened: {source}");
                Stop::failed(FailureKind::Io, message, 0, DecodeError::Io { name: job.file.clone(), source })
            })?;
            let most = limits.file_bytes.min(*left);
            inflate(job, Measured { input: file, left: most, read: 0 }, limits, left, out)
        }
    }
}

fn inflate<R: Read>(
    job: &Job,
    input: Measured<R>,
    limits: Limits,
    left: &mut u64,
    out: &SyncSender<Raw>,
) -> Result<(), Stop> {
    if job.is_zones() {
        return send(out, Raw::Zones(zones(&job.file, input)?));
    }
    let mut blocks = Blocks::new(&job.file, input, limits);
    let Some(header) = blocks.header().map_err(Stop::of)? else {
        *left = left.saturating_sub(blocks.into_inner().read);
        return send(out, Raw::Empty);
    };
    let fields = header_fields(&header);
    let width = fields.len();
    // A carriage return at the end of a field is a blank and has been taken off.
    if fields.iter().any(|field| field.contains('\r')) {
        let error = bare_returns(&job.file, 1);
        return Err(Stop::failed(FailureKind::Csv, BARE_RETURNS, header.line, error));
    }
    if width > limits.columns {
        let message = format!("the header has {width} columns, at most {} are read", limits.columns);
        let error = DecodeError::row(&job.file, 1, &message, "Check that the file is comma-separated text.");
        return Err(Stop::failed(FailureKind::Csv, message, 1, error));
    }
    send(out, Raw::Header(fields))?;
    let mut torn = 0;
    while let Some(block) = blocks.next_block().map_err(Stop::of)? {
        let scanned = Scanned::of(block, width, limits.torn_rows.saturating_sub(torn), job.published.is_some());
        torn += scanned.torn().len();
        let last = scanned.torn().last().filter(|_| torn > limits.torn_rows).map(|torn| torn.line);
        send(out, Raw::Block(scanned))?;
        if let Some(line) = last {
            return Err(too_many_torn(job, line, limits));
        }
    }
    *left = left.saturating_sub(blocks.into_inner().read);
    send(out, Raw::End)
}

fn too_many_torn(job: &Job, line: u64, limits: Limits) -> Stop {
    let most = limits.torn_rows;
    let problem = format!("more than {most} rows up to this one do not have as many fields as the header");
    let file = job.contract.gtfs_file.as_deref().unwrap_or(&job.contract.table);
    let error = DecodeError::row(file, line, problem, "Ask the publisher for a file whose rows fit its header.");
    let message = format!("more than {most} rows do not have as many fields as the header: not read further");
    Stop::failed(FailureKind::Csv, message, line, error)
}

/// The text of `locations.geojson`.
fn zones(file: &str, input: impl Read) -> Result<Bytes, Stop> {
    let mut text = Vec::new();
    let failed = |message: String, problem: String| {
        let error = DecodeError::feed(file, problem, "Check the file with a GeoJSON validator.");
        Stop::failed(FailureKind::Io, message, 0, error)
    };
    let read = input.take(GEOJSON_BYTES + 1).read_to_end(&mut text);
    read.map_err(|error| failed(error.to_string(), format!("cannot be inflated: {error}")))?;
    if text.len() as u64 > GEOJSON_BYTES {
        let problem = format!("the file is larger than {GEOJSON_BYTES} bytes");
        return Err(failed(problem.clone(), problem));
    }
    Ok(text.into())
}

/// Counts what is inflated and stops where it becomes too much.
struct Measured<R> {
    input: R,
    left: u64,
    read: u64,
}

impl<R: Read> Read for Measured<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.read += read as u64;
        if self.read > self.left {
            return Err(std::io::Error::other(format!(
                "more than {} bytes came out, which looks like a zip bomb",
                self.left
            )));
        }
        Ok(read)
    }
}
