//! Appending: a record is written to the archive of its hour, and is kept once the disk has it.
//!
//! [`Store::write`] writes, [`Store::finish`] waits for the disk: between the two others may write to other sources, so that many
//! records wait for the disk together. What cannot be written or synced is taken off the archive again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use jiff::Timestamp;

use super::archive_file::ArchiveFile;
use super::state::{Failing, Good, Newest, State};
use super::{Store, hours, torn, warc};
use crate::capture::payload::{self, Payload};
use crate::capture::record::{NewContent, NewRecord, Note};
use crate::capture::{Capture, CaptureError, FailureKind};
use crate::durable;

/// A record that stands in its archive and may not be on the disk yet. Until it is finished nobody else appends to its source.
#[derive(Debug)]
pub struct Written {
    source: String,
    file: PathBuf,
    out: File,
    _lock: File,
    /// Where the archive ended before, and where the record begins and ends.
    end_before: u64,
    begin: u64,
    end: u64,
    before: Option<State>,
    newest: Option<Newest>,
    beat: Option<Timestamp>,
    good: Option<Good>,
    failing: Option<Failing>,
}

impl Written {
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The archive, and the place and the length of the record in it.
    pub(super) fn place(&self) -> (ArchiveFile, u64, u64) {
        (ArchiveFile::local(&self.file, None), self.begin, self.end - self.begin)
    }

    /// Takes the record off again: it was never kept.
    fn take_back(&self) {
        // What cannot be taken off stays as a torn end, or as a record too many.
        let _ = self.out.set_len(self.end_before);
        if self.end_before == 0 {
            let _ = fs::remove_file(&self.file);
        }
    }
}

impl Store {
    /// Writes a record to the archive of its time. `readable` says of a body whether it was found to be what the source is to give:
    /// one that is not makes the next request unconditional ([`Store::validators`]).
    pub fn write(&self, source: &str, record: &NewRecord, readable: Option<bool>) -> Result<Written, CaptureError> {
        if let NewContent::Body(capture) = &record.content
            && warc::block_length(capture) > self.most
        {
            return Err(CaptureError::Permanent {
                kind: FailureKind::TooLarge,
                url: capture.url.clone(),
                problem: format!("the response has {} bytes, more than evidence keeps of one", capture.body.len()),
                remedy: format!(
                    "Set 'max_bytes' of the source to less than {}, and ask for the feed in parts",
                    self.most
                ),
            });
        }
        let file = self.file(source, record.at);
        let failed = |verb: &'static str| {
            let file = file.clone();
            move |source: io::Error| CaptureError::Evidence { file, verb, source }
        };
        let folder = self.folder.join(source);
        durable::create_dir_all(file.parent().unwrap_or(&folder)).map_err(failed("made"))?;
        let lock = self.lock(source).map_err(failed("locked"))?;
        let state = State::read(&folder);
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let mut out = durable::open(&mut options, &file).map_err(failed("opened"))?;
        let end =
            self.whole_end(source, &mut out, &file, state.as_ref().filter(|state| folder.join(&state.archive) == file));
        let end = end.map_err(failed("mended"))?;
        let newest = match &record.content {
            NewContent::Body(capture) => Some(Newest::of(capture, feed_time(record, capture), readable)),
            NewContent::Unchanged(_) | NewContent::Note(_) => None,
        };
        let good = Good::after(record, newest.as_ref(), state.as_ref());
        let failing = Failing::after(record, newest.as_ref(), good, state.as_ref());
        let mut written = Written {
            source: source.to_owned(),
            file: file.clone(),
            out,
            _lock: lock,
            end_before: end,
            begin: end,
            end,
            before: state,
            newest,
            beat: beat_of(record),
            good,
            failing,
        };
        match write_at(&mut written, record) {
            Ok(()) => Ok(written),
            Err(error) => {
                written.take_back();
                Err(failed("written")(error))
            }
        }
    }

    /// Where whole records of an archive end; what is behind is moved aside. `state` is that of this archive.
    pub(super) fn whole_end(
        &self,
        source: &str,
        out: &mut File,
        file: &Path,
        state: Option<&State>,
    ) -> io::Result<u64> {
        let end = out.metadata()?.len();
        let is_known = {
            let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
            ends.get(source).is_some_and(|(known, length)| known == file && *length == end)
        };
        if is_known || state.is_some_and(|state| state.length == end) {
            return Ok(end);
        }
        let was_whole = state.map_or(0, |state| state.length);
        // What was whole before need not be read again; an archive that is shorter than it was is read from its beginning.
        let from = if was_whole <= end { was_whole } else { 0 };
        let ending = torn::ending(file, from, was_whole, self.most)?;
        match ending.torn {
            Some(torn) => torn::move_aside(out, file, torn).map(|()| torn),
            None => Ok(end),
        }
    }

    /// Waits until the disk has a record. Where this store does not wait ([`Store::without_fsync`]), nothing is waited for.
    pub fn finish(&self, written: Written) -> Result<(), CaptureError> {
        let failed = |source: io::Error| CaptureError::Evidence { file: written.file.clone(), verb: "written", source };
        if self.syncs {
            let synced = written.out.sync_data().and_then(|()| match written.end_before {
                0 => durable::sync_folder(written.file.parent().unwrap_or(&self.folder)),
                _ => Ok(()),
            });
            if let Err(error) = synced {
                written.take_back();
                return Err(failed(error));
            }
        }
        self.remember_end(&written.source, &written.file, written.end);
        if self.syncs {
            // Losing the state loses nothing, so that a record that is kept is never told as one that is not.
            let folder = self.folder.join(&written.source);
            let Written { file, end, newest, beat, good, failing, before, .. } = written;
            let _ = State::of(&folder, &file, end, newest).with_beat(beat, good, failing).after(before).write(&folder);
        }
        Ok(())
    }

    pub(super) fn remember_end(&self, source: &str, file: &Path, end: u64) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.insert(source.to_owned(), (file.to_owned(), end));
    }

    /// Waits until no other append is at work on a source, and keeps others from it.
    pub(super) fn lock(&self, source: &str) -> io::Result<File> {
        hours::lock(&self.folder.join(source))
    }

    /// Does something while nobody appends to a source, so that its archives end with whole records.
    pub fn while_quiet<T>(&self, source: &str, work: impl FnOnce() -> T) -> io::Result<T> {
        let _lock = self.lock(source)?;
        Ok(work())
    }
}

/// The header time of a body. Of what no beat asked for a record may not have it.
fn feed_time(record: &NewRecord, capture: &Capture) -> Option<Timestamp> {
    let may_have_one = record.payload.is_none_or(|payload| payload == Payload::GtfsRealtime);
    let is_looked_at = record.feed_time.is_some() || record.beat.is_some() || !may_have_one;
    if is_looked_at { record.feed_time } else { payload::feed_time(capture) }
}

/// When the beat was due that a record tells of. Where a collector begins or ends it names the next one, which has none yet.
fn beat_of(record: &NewRecord) -> Option<Timestamp> {
    let is_of_beat = !matches!(record.content, NewContent::Note(Note::Started { .. } | Note::Stopped { .. }));
    record.beat.filter(|_| is_of_beat).map(|beat| beat.due)
}

/// Writes the record, and before it what begins a new archive.
fn write_at(written: &mut Written, record: &NewRecord) -> io::Result<()> {
    let name = written.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut out = BufWriter::new(&mut written.out);
    out.seek(SeekFrom::Start(written.end_before))?;
    if written.end_before == 0 {
        warc::write_info(&mut out, &name, record.at)?;
    }
    written.begin = out.stream_position()?;
    warc::write_record(&mut out, record)?;
    written.end = out.stream_position()?;
    out.flush()
}
