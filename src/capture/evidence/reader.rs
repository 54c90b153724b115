//! Reads captures from the archives that entries name.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;

use flate2::bufread::GzDecoder;

use crate::capture::evidence::archive::{Counted, seek};
use crate::capture::evidence::listing::Entry;
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

/// Reads captures and keeps the file open that it read last.
pub(super) struct Reader {
    open: Option<(Arc<Path>, Open)>,
    most: u64,
}

enum Open {
    File(BufReader<File>),
    /// A member of many records.
    Member {
        offset: u64,
        inflated: Box<Counted<BufReader<GzDecoder<BufReader<File>>>>>,
    },
}

impl Reader {
    /// Reads bodies of at most so many bytes.
    pub(super) fn new(most: u64) -> Self {
        Self { open: None, most }
    }

    pub(super) fn read(&mut self, entry: &Entry) -> Result<Capture, CaptureError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                let (file, offset) = (entry.file.to_path_buf(), entry.offset);
                CaptureError::Damaged { file, offset, problem: source.to_string() }
            }
            _ => CaptureError::Evidence { file: entry.file.to_path_buf(), verb: "read", source },
        };
        let capture = self.capture(entry).map_err(failed)?;
        if capture.digest != entry.digest {
            let problem = "the payload is not the one that was captured: its digest differs".to_owned();
            return Err(CaptureError::Damaged { file: entry.file.to_path_buf(), offset: entry.offset, problem });
        }
        // A revisit has the body of an earlier capture.
        Ok(Capture { captured_at: entry.captured_at, ..capture })
    }

    fn capture(&mut self, entry: &Entry) -> io::Result<Capture> {
        let open = self.open.take().filter(|(path, _)| *path == entry.file).map(|(_, open)| open);
        let new = || File::open(&entry.file).map(|file| BufReader::with_capacity(1 << 16, file));
        if entry.skip > 0 {
            let mut inflated = match open {
                Some(Open::Member { offset, inflated }) if offset == entry.offset && inflated.count <= entry.skip => {
                    inflated
                }
                _ => {
                    let mut file = new()?;
                    file.seek(SeekFrom::Start(entry.offset))?;
                    let input = BufReader::with_capacity(1 << 15, GzDecoder::new(file));
                    Box::new(Counted { input, count: 0, most: u64::MAX })
                }
            };
            let ahead = entry.skip - inflated.count;
            warc::pass_over(&mut *inflated, ahead)?;
            let capture = warc::read_capture(&mut *inflated, self.most)?;
            self.open = Some((entry.file.clone(), Open::Member { offset: entry.offset, inflated }));
            return Ok(capture);
        }
        let mut file = match open {
            Some(Open::File(file)) => file,
            _ => new()?,
        };
        // Relative, so that what is buffered of the next record is not read twice.
        seek(&mut file, entry.offset)?;
        let mut member = (&mut file).take(entry.length);
        let is_packed = io::BufRead::fill_buf(&mut member)?.first() == Some(&0x1f);
        let capture = if is_packed {
            warc::read_capture(&mut BufReader::new(GzDecoder::new(member)), self.most)?
        } else {
            warc::read_capture(&mut member, self.most)?
        };
        self.open = Some((entry.file.clone(), Open::File(file)));
        Ok(capture)
    }
}
