//! The spool of an MQTT source: an append-only file of the messages that are not kept as evidence yet.
//!
//! A header, then records: messages, and marks that say up to where messages were given out as a frame and up to where frames
//! are kept. Places are counted from the first byte that was ever spooled, so that they hold when the file is cut. Each
//! record has a checksum; what does not fit it at the end was not synced and so not acknowledged, and is cut off; in the
//! middle it is passed over and told.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use jiff::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

use super::frames::{self, Frame, Message};
use crate::durable;

/// A frame is closed when it has so many bytes …
pub(super) const FRAME_BYTES: usize = 1 << 20;
/// … or when its first message is so old.
pub(super) const FRAME_MILLISECONDS: i64 = 10_000;

/// The number of the ten seconds since the epoch that an instant lies in: a frame has messages of one of them.
pub(super) fn frame_of(received: Timestamp) -> i64 {
    received.as_millisecond().div_euclid(FRAME_MILLISECONDS)
}

const MAGIC: &[u8; 8] = b"FBspool1";
/// Magic, the place of the first record, the checksum of both.
const HEADER_BYTES: u64 = 24;
/// What a record begins with.
const MARKER: &[u8; 4] = b"\xf5MQ\x1e";
/// Marker, length and checksum of what follows.
const RECORD_HEADER: usize = 16;
/// Larger records are none.
const RECORD_BYTES: usize = super::packet::PACKET_BYTES + (1 << 17);
/// What is kept is cut from the file as soon as it takes more than this, or is all that there is.
const DEAD_BYTES: u64 = 1 << 20;
/// What is read at once.
const BUFFER: usize = 256 << 10;

#[derive(Debug, PartialEq, Eq)]
enum Record {
    Message(Message),
    /// Messages up to a place were given out as a frame.
    Framed(u64),
    /// Frames up to a place are kept.
    Kept(u64),
}

/// Messages that wait for being kept.
#[derive(Debug)]
pub(super) struct Spool {
    path: PathBuf,
    file: File,
    limit: u64,
    /// The place of the first record in the file, of what is not kept, of what is in no frame, and of the end.
    base: u64,
    kept: u64,
    framed: u64,
    end: u64,
    /// When the first message that is in no frame was received.
    oldest: Option<Timestamp>,
    /// The frame between `kept` and `framed` was given out by a process that is gone.
    may_be_kept: bool,
}

/// What a spool that was opened had lost.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Damage {
    /// Bytes at the end of which no record was made.
    pub torn: u64,
    /// Bytes between records.
    pub lost: u64,
}

impl Spool {
    /// Opens a spool, or makes it.
    pub(super) fn open(path: &Path, limit: u64) -> io::Result<(Self, Damage)> {
        durable::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let is_new = std::fs::metadata(path).map_or(true, |metadata| metadata.len() < HEADER_BYTES);
        if is_new {
            // Nothing shorter than a header has ever held a message.
            durable::write(path, &header(0))?;
        }
        let file = durable::open(OpenOptions::new().read(true).write(true), path)?;
        let mut head = [0; HEADER_BYTES as usize];
        file.read_exact_at(&mut head, 0)?;
        let base = u64::from_le_bytes(first(&head[8..]));
        if head != header(base) {
            let problem = "it does not begin as a spool does; move it away, and look into it with 'strings'";
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        let path = path.to_owned();
        let mut spool =
            Self { path, file, limit, base, kept: base, framed: base, end: base, oldest: None, may_be_kept: false };
        let damage = spool.recover()?;
        Ok((spool, damage))
    }

    /// Finds the end and the marks.
    fn recover(&mut self) -> io::Result<Damage> {
        let length = self.file.metadata()?.len();
        let mut damage = Damage::default();
        let mut records = Records::new(&self.file, self.base, self.base, self.base + length - HEADER_BYTES)?;
        while let Some(record) = records.next()? {
            damage.lost += std::mem::take(&mut records.lost);
            match record {
                Record::Framed(place) => self.framed = self.framed.max(place),
                Record::Kept(place) => self.kept = self.kept.max(place),
                Record::Message(_) => {}
            }
            self.end = records.at;
        }
        damage.torn = self.base + length - HEADER_BYTES - self.end;
        (self.kept, self.framed) = (self.kept.min(self.end), self.framed.max(self.kept).min(self.end));
        self.may_be_kept = self.framed > self.kept;
        self.oldest = self.first_open()?;
        if damage.torn > 0 {
            self.file.set_len(self.file_place(self.end))?;
            self.file.sync_all()?;
        }
        Ok(damage)
    }

    /// When the first message that is in no frame was received.
    fn first_open(&self) -> io::Result<Option<Timestamp>> {
        let mut records = Records::new(&self.file, self.base, self.framed, self.end)?;
        while let Some(record) = records.next()? {
            if let Record::Message(message) = record {
                return Ok(Some(message.received));
            }
        }
        Ok(None)
    }

    fn file_place(&self, place: u64) -> u64 {
        place - self.base + HEADER_BYTES
    }

    /// Bytes that are not kept yet.
    pub(super) fn waiting(&self) -> u64 {
        self.end - self.kept
    }

    /// Whether there is no room for messages.
    pub(super) fn is_full(&self) -> bool {
        self.waiting() >= self.limit
    }

    /// Bytes of messages that are in no frame, and when the first of them was received.
    pub(super) fn open_messages(&self) -> Option<(u64, Timestamp)> {
        Some((self.end - self.framed, self.oldest?))
    }

    /// Whether a frame was given out and is not kept.
    pub(super) fn has_frame(&self) -> bool {
        self.framed > self.kept
    }

    /// Appends messages, made by [`put_message()`], the first of them received at `first`; they are on the disk afterwards, or
    /// none of them is.
    pub(super) fn append(&mut self, messages: &[u8], first: Option<Timestamp>) -> io::Result<()> {
        if self.waiting() + messages.len() as u64 > self.limit {
            let problem = format!("the spool has its {} bytes and evidence cannot be written", self.limit);
            return Err(io::Error::new(io::ErrorKind::StorageFull, problem));
        }
        self.write(messages)?;
        self.oldest = self.oldest.or(first);
        Ok(())
    }

    fn write(&mut self, records: &[u8]) -> io::Result<()> {
        let place = self.file_place(self.end);
        let written = self.file.write_all_at(records, place).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.end += records.len() as u64,
            // What is half there must not stand between records; should this fail too, the next record stands in its place.
            Err(_) => drop(self.file.set_len(place)),
        }
        written
    }

    /// The next frame: the one that was given out and is not kept, or a new one of the messages that are in none; nothing if
    /// there are none. The frame is marked on the disk first, so that it is the same after a kill.
    pub(super) fn frame(&mut self) -> io::Result<Option<Frame>> {
        if !self.has_frame() {
            let Some(end) = self.end_of_frame()? else { return Ok(None) };
            let mut mark = Vec::new();
            put_record(&mut mark, &mark_body(1, end));
            self.write(&mark)?;
            self.framed = end;
            self.oldest = self.first_open()?;
        }
        let mut records = Records::new(&self.file, self.base, self.kept, self.framed)?;
        let (mut body, mut messages, mut span) = (Vec::new(), 0, None);
        while let Some(record) = records.next()? {
            if let Record::Message(message) = record {
                frames::write(&mut body, &message);
                messages += 1;
                let (began, _) = span.unwrap_or((message.received, message.received));
                span = Some((began, message.received));
            }
        }
        let Some((began, ended)) = span else {
            // All that it had was damaged.
            self.kept()?;
            return Ok(None);
        };
        Ok(Some(Frame { began, ended, messages, body: Bytes::from(body), may_be_kept: self.may_be_kept }))
    }

    /// Where a frame of the messages that are in none would end.
    fn end_of_frame(&self) -> io::Result<Option<u64>> {
        let mut records = Records::new(&self.file, self.base, self.framed, self.end)?;
        let (mut end, mut bytes, mut began) = (None, 0, None);
        while let Some(record) = records.next()? {
            let Record::Message(message) = record else { continue };
            let begin: &Timestamp = began.get_or_insert(message.received);
            bytes += message.topic.len() + message.payload.len() + 48;
            if end.is_some() && (bytes > FRAME_BYTES || frame_of(message.received) != frame_of(*begin)) {
                break;
            }
            end = Some(records.at);
        }
        Ok(end)
    }

    /// The frame that was given out is kept: cuts it from the spool. It is not given out again in this process, even where
    /// this fails.
    pub(super) fn kept(&mut self) -> io::Result<()> {
        (self.kept, self.may_be_kept) = (self.framed, false);
        let dead = self.kept - self.base;
        let is_empty = self.oldest.is_none();
        if is_empty || dead >= DEAD_BYTES.max(self.end - self.kept) {
            return self.cut();
        }
        let mut mark = Vec::new();
        put_record(&mut mark, &mark_body(2, self.kept));
        self.write(&mark)
    }

    /// Replaces the file by what is not kept.
    fn cut(&mut self) -> io::Result<()> {
        let from = if self.oldest.is_none() { self.end } else { self.kept };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut new = durable::temporary_in(folder)?;
        io::Write::write_all(&mut new, &header(from))?;
        self.file.seek(SeekFrom::Start(self.file_place(from)))?;
        io::copy(&mut (&self.file).take(self.end - from), &mut new)?;
        new.as_file().sync_all()?;
        let file = new.persist(&self.path).map_err(|error| error.error)?;
        durable::sync_folder(folder)?;
        (self.file, self.base) = (file, from);
        (self.kept, self.framed) = (self.kept.max(from), self.framed.max(from));
        Ok(())
    }
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[..N]);
    out
}

fn header(base: u64) -> [u8; HEADER_BYTES as usize] {
    let mut out = [0; HEADER_BYTES as usize];
    out[..8].copy_from_slice(MAGIC);
    out[8..16].copy_from_slice(&base.to_le_bytes());
    let sum = xxh3_64(&out[..16]);
    out[16..].copy_from_slice(&sum.to_le_bytes());
    out
}

fn put_record(out: &mut Vec<u8>, body: &[u8]) {
    out.extend(MARKER);
    out.extend((body.len() as u32).to_le_bytes());
    out.extend(xxh3_64(body).to_le_bytes());
    out.extend_from_slice(body);
}

fn mark_body(kind: u8, place: u64) -> Vec<u8> {
    let mut body = vec![kind];
    body.extend(place.to_le_bytes());
    body
}

/// Appends a message in the form of the spool.
pub(super) fn put_message(out: &mut Vec<u8>, message: &Message) {
    let mut body = Vec::with_capacity(12 + message.topic.len() + message.payload.len());
    body.push(0);
    body.extend(message.received.as_millisecond().to_le_bytes());
    body.push(message.qos | u8::from(message.is_duplicate) << 2 | u8::from(message.is_retained) << 3);
    body.extend((message.topic.len() as u16).to_le_bytes());
    body.extend_from_slice(&message.topic);
    body.extend_from_slice(&message.payload);
    put_record(out, &body);
}

fn parse(body: Vec<u8>) -> Option<Record> {
    let body = Bytes::from(body);
    let place = || (body.len() == 9).then(|| u64::from_le_bytes(first(&body[1..])));
    match body.first()? {
        0 if body.len() >= 12 => {
            let received = Timestamp::from_millisecond(i64::from_le_bytes(first(&body[1..]))).ok()?;
            let flags = body[9];
            let middle = 12 + usize::from(u16::from_le_bytes(first(&body[10..])));
            (middle <= body.len()).then(|| {
                Record::Message(Message {
                    received,
                    qos: flags & 3,
                    is_duplicate: flags & 4 != 0,
                    is_retained: flags & 8 != 0,
                    topic: body.slice(12..middle),
                    payload: body.slice(middle..),
                })
            })
        }
        1 => place().map(Record::Framed),
        2 => place().map(Record::Kept),
        _ => None,
    }
}

/// Records of a part of a spool; at one that is damaged it goes on with the next one that is whole.
struct Records<'a> {
    input: BufReader<&'a File>,
    base: u64,
    /// Where the last record began and ended.
    began: u64,
    at: u64,
    end: u64,
    /// Bytes that were passed over before the last record.
    lost: u64,
}

impl<'a> Records<'a> {
    fn new(file: &'a File, base: u64, from: u64, end: u64) -> io::Result<Self> {
        let mut input = BufReader::with_capacity(BUFFER, file);
        input.seek(SeekFrom::Start(from - base + HEADER_BYTES))?;
        Ok(Self { input, base, began: from, at: from, end, lost: 0 })
    }

    fn next(&mut self) -> io::Result<Option<Record>> {
        let mut at = self.at;
        while at < self.end {
            if let Some((record, length)) = self.record(at)? {
                self.lost += at - self.at;
                (self.began, self.at) = (at, at + length);
                return Ok(Some(record));
            }
            let Some(next) = self.next_marker(at + 1)? else { break };
            at = next;
            self.seek(at)?;
        }
        Ok(None)
    }

    fn seek(&mut self, place: u64) -> io::Result<()> {
        self.input.seek(SeekFrom::Start(place - self.base + HEADER_BYTES)).map(|_| ())
    }

    /// The record at a place, at which the input is, if it is whole.
    fn record(&mut self, at: u64) -> io::Result<Option<(Record, u64)>> {
        let left = self.end - at;
        let mut head = [0; RECORD_HEADER];
        if left < RECORD_HEADER as u64 {
            return Ok(None);
        }
        self.input.read_exact(&mut head)?;
        let length = u32::from_le_bytes(first(&head[4..])) as usize;
        let whole = (RECORD_HEADER + length) as u64;
        if head[..4] != *MARKER || length > RECORD_BYTES || whole > left {
            return Ok(None);
        }
        let mut body = vec![0; length];
        self.input.read_exact(&mut body)?;
        let is_whole = xxh3_64(&body) == u64::from_le_bytes(first(&head[8..]));
        Ok(if is_whole { parse(body).map(|record| (record, whole)) } else { None })
    }

    /// The next place from here where a record may begin.
    fn next_marker(&mut self, from: u64) -> io::Result<Option<u64>> {
        let mut from = from;
        let mut chunk = vec![0; BUFFER];
        while from + MARKER.len() as u64 <= self.end {
            let length = (self.end - from).min(BUFFER as u64) as usize;
            self.seek(from)?;
            self.input.read_exact(&mut chunk[..length])?;
            if let Some(found) = memchr::memmem::find(&chunk[..length], MARKER) {
                return Ok(Some(from + found as u64));
            }
            // A marker may lie across the border.
            from += (length - (MARKER.len() - 1)) as u64;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
