//! Reads captures from the archives that entries name.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;

use flate2::bufread::GzDecoder;

use crate::capture::evidence::archive::{self, Counted, Options, Record, seek};
use crate::capture::evidence::archive_file::ArchiveFile;
use crate::capture::evidence::listing::{self, Entry};
use crate::capture::evidence::{hours, parts, zstd_frame};
use crate::capture::{Capture, CaptureError, warc};

/// Reads captures one after the other, each from the file that its entry names.
pub fn read(entries: Vec<Entry>) -> impl Iterator<Item = Result<Capture, CaptureError>> + Send + 'static {
    let mut reader = Reader::new(warc::BLOCK_BYTES);
    entries.into_iter().map(move |entry| reader.read(&entry))
}

/// The same, read ahead on a thread of its own.
pub fn read_ahead(entries: Vec<Entry>) -> impl Iterator<Item = Result<Capture, CaptureError>> + Send + 'static {
    Ahead::new(read(entries))
}

/// Bytes of captures that are read ahead, and how many captures at most.
const AHEAD_BYTES: usize = 1 << 20;
pub(super) const AHEAD: usize = 256;
/// The largest body that is held in case that it is wanted again.
const LAST_BYTES: usize = 4 << 20;

/// Reads captures on a thread of their own, while the one before is being worked on. At most [`AHEAD_BYTES`] and one capture
/// more are held beside those that were given out; while a larger capture is worked on nothing is read.
pub(super) struct Ahead {
    captures: std::vec::IntoIter<Result<Capture, CaptureError>>,
    receiver: Receiver<Vec<Result<Capture, CaptureError>>>,
    reader: Option<JoinHandle<()>>,
}

impl Ahead {
    pub(super) fn new(mut captures: impl Iterator<Item = Result<Capture, CaptureError>> + Send + 'static) -> Self {
        // Without places: the next batch is read while the one before is worked on, and waits here until that is done.
        let (sender, receiver) = std::sync::mpsc::sync_channel(0);
        let reader = std::thread::spawn(move || {
            loop {
                let (mut batch, mut bytes) = (Vec::new(), 0);
                while batch.len() < AHEAD && bytes < AHEAD_BYTES {
                    let Some(capture) = captures.next() else { break };
                    bytes += capture.as_ref().map_or(0, |capture| capture.body.len());
                    batch.push(capture);
                }
                let is_end = batch.is_empty();
                // Nobody may want more.
                if is_end || sender.send(batch).is_err() {
                    return;
                }
                // An empty batch is taken when those before it are done with.
                if bytes >= 2 * AHEAD_BYTES && sender.send(Vec::new()).is_err() {
                    return;
                }
            }
        });
        Self { captures: Vec::new().into_iter(), receiver, reader: Some(reader) }
    }
}

impl Iterator for Ahead {
    type Item = Result<Capture, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(capture) = self.captures.next() {
                return Some(capture);
            }
            let Ok(batch) = self.receiver.recv() else {
                // Captures that a panic kept back must not look like the end.
                if let Some(Err(panic)) = self.reader.take().map(JoinHandle::join) {
                    resume_unwind(panic);
                }
                return None;
            };
            self.captures = batch.into_iter();
        }
    }
}

/// Reads captures. Keeps the file open that it read last, with the member of many records, so that each is inflated once where
/// captures come in their order; and the capture that it read last, which those that were the same again name as theirs.
pub(super) struct Reader {
    open: Option<(ArchiveFile, Open)>,
    last: Option<(Place, Capture)>,
    /// Captures of the hour whose archive was sealed, or went elsewhere, since its entries were listed.
    moved: Option<(PathBuf, Vec<Entry>)>,
    most: u64,
}

/// The file, the member, and the bytes before the record.
type Place = (ArchiveFile, u64, u64);

enum Open {
    File(BufReader<File>),
    /// A gzip member or a zstd frame of many records.
    Member {
        offset: u64,
        inflated: Counted<Box<dyn BufRead + Send>>,
    },
}

impl Reader {
    /// Reads bodies of at most so many bytes.
    pub(super) fn new(most: u64) -> Self {
        Self { open: None, last: None, moved: None, most }
    }

    /// The capture at an entry's place, with the entry's time: a source that gave the same again is an entry of its own.
    pub(super) fn read(&mut self, entry: &Entry) -> Result<Capture, CaptureError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                let (file, offset) = (entry.file.to_path_buf(), entry.offset);
                CaptureError::Damaged { file, offset, problem: source.to_string() }
            }
            // That of an archive that is kept elsewhere says more.
            _ => source.downcast::<CaptureError>().unwrap_or_else(|source| CaptureError::Evidence {
                file: entry.file.to_path_buf(),
                verb: "read",
                source,
            }),
        };
        let place = (entry.file.clone(), entry.offset, entry.skip);
        let capture = match self.last.take().filter(|(last, _)| *last == place) {
            Some((_, capture)) => capture,
            None => self.capture_or_moved(entry).map_err(failed)?,
        };
        if capture.digest != entry.digest {
            let problem = "the payload is not the one that was captured: its digest differs".to_owned();
            return Err(CaptureError::Damaged { file: entry.file.to_path_buf(), offset: entry.offset, problem });
        }
        // Revisits name the body before them again and again.
        self.last = (capture.body.len() <= LAST_BYTES).then(|| (place, capture.clone()));
        Ok(Capture { captured_at: entry.captured_at, ..capture })
    }

    /// Archives are sealed and go elsewhere at any time, also between the listing and the reading of their captures; then the file
    /// is gone, or it is one of captures that came to the hour since.
    fn capture_or_moved(&mut self, entry: &Entry) -> io::Result<Capture> {
        let capture = self.capture(entry);
        if capture.as_ref().is_ok_and(|capture| capture.digest == entry.digest) || !entry.file.is_local() {
            return capture;
        }
        let is_gone = capture.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        match self.moved(entry) {
            Ok(Some(moved)) => self.capture(&moved),
            Err(error) if is_gone => Err(error),
            Ok(None) | Err(_) => capture,
        }
    }

    /// Where the capture of an archive that is not there any more stands in those that replaced it.
    fn moved(&mut self, entry: &Entry) -> io::Result<Option<Entry>> {
        let hour = match entry.file.extension() {
            Some(ending) if ending == "zst" => entry.file.with_extension("gz"),
            _ => entry.file.to_path_buf(),
        };
        let Some(folder) = hour.ancestors().nth(4).filter(|_| hours::is_ours(&hour)) else { return Ok(None) };
        if self.moved.as_ref().is_none_or(|(path, _)| *path != hour) {
            let mut entries = Vec::new();
            for part in parts::parts(folder, &hour, entry.file.remote())? {
                if part.file == entry.file {
                    continue;
                }
                let mut last_url = "".into();
                let mut take = |record: Record| entries.extend(listing::entry(record, &part.file, &mut last_url));
                let wants = |header: &warc::Header| header.no_capture().is_none();
                let options = Options { wants: &wants, verify: false, most: self.most };
                let file = part.file.open().map_err(io::Error::other)?;
                archive::scan_file(file, &part.file, 0, &options, &mut take)?;
            }
            self.moved = Some((hour, entries));
        }
        let same = self.moved.iter().flat_map(|(_, entries)| entries).filter(|other| other.digest == entry.digest);
        let newest = same.clone().filter(|other| other.captured_at <= entry.captured_at).max_by_key(|e| e.captured_at);
        Ok(newest.or_else(|| same.clone().next()).cloned())
    }

    fn capture(&mut self, entry: &Entry) -> io::Result<Capture> {
        let open = self.open.take().filter(|(path, _)| *path == entry.file).map(|(_, open)| open);
        let mut file = match open {
            Some(Open::Member { offset, inflated }) if offset == entry.offset && inflated.count <= entry.skip => {
                return self.record(entry, inflated);
            }
            Some(Open::File(file)) => file,
            _ => BufReader::with_capacity(1 << 16, self.open_file(entry)?),
        };
        // Relative, so that what is buffered of the next record is not read twice.
        seek(&mut file, entry.offset)?;
        let first = file.fill_buf()?.first().copied();
        let input: Box<dyn BufRead + Send> = match first {
            Some(first) if first == zstd_frame::MAGIC[0] => {
                Box::new(BufReader::with_capacity(1 << 15, zstd_frame::inflate(file)?))
            }
            _ if entry.skip > 0 => Box::new(BufReader::with_capacity(1 << 15, GzDecoder::new(file))),
            _ => {
                let mut member = (&mut file).take(entry.length);
                let capture = if first == Some(0x1f) {
                    warc::read_capture(&mut BufReader::new(GzDecoder::new(member)), self.most)?
                } else {
                    warc::read_capture(&mut member, self.most)?
                };
                self.open = Some((entry.file.clone(), Open::File(file)));
                return Ok(capture);
            }
        };
        self.record(entry, Counted { input, count: 0, most: u64::MAX })
    }

    fn open_file(&self, entry: &Entry) -> io::Result<File> {
        entry.file.open().map_err(|error| match error {
            CaptureError::Evidence { source, .. } if entry.file.is_local() => source,
            other => io::Error::other(other),
        })
    }

    /// Reads on in a member of many records.
    fn record(&mut self, entry: &Entry, mut inflated: Counted<Box<dyn BufRead + Send>>) -> io::Result<Capture> {
        let ahead = entry.skip - inflated.count;
        warc::pass_over(&mut inflated, ahead)?;
        let capture = warc::read_capture(&mut inflated, self.most)?;
        self.open = Some((entry.file.clone(), Open::Member { offset: entry.offset, inflated }));
        Ok(capture)
    }
}
