//! What a store has: captures by their place, and what no capture could be read from.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::capture::evidence::archive::{Kind, Place, Record, Stretch};
use crate::capture::evidence::archive_file::ArchiveFile;
use crate::capture::{CaptureError, warc};
use crate::digest::Digest;

/// Where a capture is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Shared by the entries of an archive, as the file is: a day has thousands of them.
    pub url: Arc<str>,
    pub captured_at: Timestamp,
    /// Of the body.
    pub digest: Digest,
    pub file: ArchiveFile,
    /// The gzip member or the zstd frame within the file, or the record where the file is not packed.
    pub offset: u64,
    pub length: u64,
    /// Bytes of the inflated member or frame before the record; 0 where each record is a member of its own.
    pub skip: u64,
    /// The source had what it gave before: the place is that of the body, the time that of the answer.
    pub is_revisit: bool,
}

/// What a store has of a source and a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// In the order of their time, then of the file.
    pub entries: Vec<Entry>,
    pub damage: Vec<Damage>,
}

/// Bytes of an archive that no capture could be read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub file: PathBuf,
    pub offset: u64,
    pub length: u64,
    pub kind: Kind,
    /// For people: the archive, the place, what is wrong.
    pub message: String,
    /// What is wrong alone.
    problem: String,
}

impl Damage {
    /// Of a whole file that is no archive.
    pub(super) fn whole(file: &Path, message: String, problem: String) -> Self {
        Self { file: file.to_owned(), offset: 0, length: 0, kind: Kind::Damaged, message, problem }
    }

    pub fn error(self) -> CaptureError {
        CaptureError::Damaged { file: self.file, offset: self.offset, problem: self.problem }
    }
}

/// A record as an entry, if it is a capture.
pub(super) fn entry(record: Record, file: &ArchiveFile, last_url: &mut Arc<str>) -> Option<Entry> {
    let warc::Content::Body(digest) = record.content else { return None };
    let captured_at = record.header.date?;
    if **last_url != *record.header.url {
        *last_url = record.header.url.into();
    }
    let Place { offset, length, skip } = record.place;
    Some(Entry {
        url: last_url.clone(),
        captured_at,
        digest,
        file: file.clone(),
        offset,
        length,
        skip,
        is_revisit: false,
    })
}

/// Where the bodies of an hour are, by their digests.
pub(super) type Bodies = HashMap<Digest, (ArchiveFile, Place)>;

/// The same of an archive of ours, in which a revisit stands for the body before it that it names.
pub(super) fn entry_of_ours(
    record: Record,
    file: &ArchiveFile,
    last_url: &mut Arc<str>,
    bodies: &mut Bodies,
) -> Option<Entry> {
    let Record { header, content, place } = record;
    let is_revisit = matches!(content, warc::Content::Revisit(_));
    let (digest, (file, place)) = match content {
        warc::Content::Revisit(digest) => (digest?, bodies.get(&digest?)?.clone()),
        warc::Content::Body(digest) => {
            bodies.insert(digest, (file.clone(), place));
            (digest, (file.clone(), place))
        }
        warc::Content::Note(_) | warc::Content::NoCapture(_) => return None,
    };
    let entry = entry(Record { header, content: warc::Content::Body(digest), place }, &file, last_url)?;
    Some(Entry { is_revisit, ..entry })
}

pub(super) fn damage(file: &Path, stretch: Stretch) -> Damage {
    let Stretch { offset, length, kind, problem } = stretch;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let message = match kind {
        Kind::Damaged => format!(
            "{name} is damaged from byte {offset} on, {length} bytes long ({problem}); the captures before and behind were read"
        ),
        Kind::TooLarge => format!("{name} has a record at byte {offset} that was not read: {problem}"),
        Kind::Torn => format!(
            "{name} ends at byte {offset} with {length} bytes of a record that is not complete: a crash left them, or somebody \
             is still writing; the captures before were read"
        ),
    };
    Damage { file: file.to_owned(), offset, length, kind, message, problem }
}
