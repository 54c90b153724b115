//! The evidence store: what was captured, by source and hour, in a folder of the private store.
//!
//! `<folder>/<source>/YYYY/MM/DD/<source>-YYYYMMDDTHH.warc.gz`, hours in UTC. Records are only ever appended; what a crash
//! left of a record is cut off by the next append and told by every reader.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::capture::source::Validators;
use crate::capture::{Capture, CaptureError, warc};
use crate::digest::Digest;

/// A folder of evidence.
pub struct Store {
    folder: PathBuf,
    /// How long files were after the last append, so that a known end need not be looked for again.
    ends: Mutex<HashMap<PathBuf, u64>>,
    /// Whether an append waits until the disk has it.
    waits: bool,
}

/// Where a capture is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Shared by the entries of an archive, as the file is: a day has thousands of them.
    pub url: Arc<str>,
    pub captured_at: Timestamp,
    /// Of the body.
    pub digest: Digest,
    pub file: Arc<Path>,
    /// The gzip member within the file.
    pub offset: u64,
    pub length: u64,
}

/// What a store has of a source and a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// In the order of their time, then of the file.
    pub entries: Vec<Entry>,
    pub cut: Vec<Cut>,
}

/// An archive that could be read only up to a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    pub file: PathBuf,
    /// Whole records end here.
    pub offset: u64,
    /// For people.
    pub message: String,
}

impl Store {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), ends: Mutex::default(), waits: true }
    }

    /// For evidence that can be made again, as that of a simulated day: appends do not wait for the disk, which takes most of
    /// the time where there are thousands of them.
    pub fn of_what_can_be_made_again(folder: impl Into<PathBuf>) -> Self {
        Self { waits: false, ..Self::new(folder) }
    }

    /// Keeps a capture.
    pub fn append(&self, source: &str, capture: &Capture) -> Result<Entry, CaptureError> {
        let file = self.file(source, capture.captured_at);
        let failed = |verb: &'static str| {
            let file = file.clone();
            move |source: io::Error| CaptureError::Evidence { file, verb, source }
        };
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).map_err(failed("made"))?;
        }
        let lock = self.folder.join(source).join(".lock");
        let lock = File::create(lock).map_err(failed("locked"))?;
        lock.lock().map_err(failed("locked"))?;
        let mut out = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&file)
            .map_err(failed("opened"))?;
        let length = out.metadata().map_err(failed("read"))?.len();
        let known = self.ends.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(&file).copied();
        let end = if known == Some(length) { length } else { scan(&file, &mut |_| ()).map_err(failed("read"))?.0 };
        if end < length {
            // What a crash left of a record.
            out.set_len(end).map_err(failed("mended"))?;
        }
        let mut written = BufWriter::new(&mut out);
        written.seek(SeekFrom::Start(end)).map_err(failed("written"))?;
        if end == 0 {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            warc::write_info(&mut written, &name, capture.captured_at).map_err(failed("written"))?;
        }
        let offset = written.stream_position().map_err(failed("written"))?;
        warc::write_record(&mut written, capture).map_err(failed("written"))?;
        let length = written.stream_position().map_err(failed("written"))? - offset;
        written.flush().map_err(failed("written"))?;
        drop(written);
        if self.waits {
            out.sync_data().map_err(failed("written"))?;
        }
        let mut ends = self.ends.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        ends.insert(file.clone(), offset + length);
        Ok(Entry {
            url: capture.url.as_str().into(),
            captured_at: capture.captured_at,
            digest: capture.digest,
            file: file.into(),
            offset,
            length,
        })
    }

    /// The captures of a source from `from` (included) until `until` (not included).
    pub fn list(&self, source: &str, from: Timestamp, until: Timestamp) -> Result<Listing, CaptureError> {
        let mut listing = Listing::default();
        let mut hour = from;
        let mut files = Vec::new();
        while hour < until {
            files.push(self.file(source, hour));
            hour = hour.saturating_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX);
        }
        files.push(self.file(source, until));
        files.dedup();
        for file in files {
            listing.add(&file)?;
        }
        listing.entries.retain(|entry| (from..until).contains(&entry.captured_at));
        // Stable: captures of one instant keep the order in which they came.
        listing.entries.sort_by_key(|entry| entry.captured_at);
        Ok(listing)
    }

    /// The newest capture of a source that was there before `until`.
    pub fn latest(&self, source: &str, until: Timestamp) -> Result<Option<Entry>, CaptureError> {
        let mut files = Vec::new();
        archives(&self.folder.join(source), &mut files)?;
        // The names sort by hour.
        files.sort_unstable();
        for file in files.iter().rev() {
            let mut listing = Listing::default();
            listing.add(file)?;
            let newest = listing.entries.into_iter().filter(|entry| entry.captured_at < until);
            if let Some(entry) = newest.max_by_key(|entry| entry.captured_at) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// The first capture of a source from `from` on.
    pub fn first_from(&self, source: &str, from: Timestamp) -> Result<Option<Entry>, CaptureError> {
        let mut files = Vec::new();
        archives(&self.folder.join(source), &mut files)?;
        files.sort_unstable();
        let begin = self.file(source, from);
        for file in files.iter().filter(|file| **file >= begin) {
            let mut listing = Listing::default();
            listing.add(file)?;
            let later = listing.entries.into_iter().filter(|entry| entry.captured_at >= from);
            if let Some(entry) = later.min_by_key(|entry| entry.captured_at) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Reads a capture back and makes sure that it is what was kept.
    pub fn open(&self, entry: &Entry) -> Result<Capture, CaptureError> {
        Reader::default().read(entry)
    }

    /// Reads captures one after the other.
    pub fn read(&self, entries: Vec<Entry>) -> impl Iterator<Item = Result<Capture, CaptureError>> + Send + 'static {
        let mut reader = Reader::default();
        entries.into_iter().map(move |entry| reader.read(&entry))
    }

    /// What the next request of a source can be made conditional with.
    pub fn validators(&self, source: &str) -> Result<Validators, CaptureError> {
        // What was captured while a clock was wrong must not keep the source from giving its feed again.
        let until = crate::time::future(crate::time::now());
        let Some(entry) = self.latest(source, until)? else { return Ok(Validators::default()) };
        let capture = self.open(&entry)?;
        let header = |name: &str| {
            capture.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
        };
        Ok(Validators { etag: header("etag"), last_modified: header("last-modified"), digest: Some(capture.digest) })
    }

    fn file(&self, source: &str, at: Timestamp) -> PathBuf {
        let time = TimeZone::UTC.to_datetime(at);
        let day = format!("{:04}/{:02}/{:02}", time.year(), time.month(), time.day());
        let name =
            format!("{source}-{:04}{:02}{:02}T{:02}.warc.gz", time.year(), time.month(), time.day(), time.hour());
        self.folder.join(source).join(day).join(name)
    }
}

fn archives(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), CaptureError> {
    let failed = |source: io::Error| CaptureError::Evidence { file: folder.to_owned(), verb: "listed", source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(failed)?,
    };
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            archives(&path, found)?;
        } else if path.to_string_lossy().ends_with(".warc.gz") {
            found.push(path);
        }
    }
    Ok(())
}

impl Listing {
    /// Adds the whole records of an archive; one that is not there adds nothing.
    pub fn add(&mut self, file: &Path) -> Result<(), CaptureError> {
        let failed = |source: io::Error| CaptureError::Evidence { file: file.to_owned(), verb: "read", source };
        if !file.try_exists().map_err(failed)? {
            return Ok(());
        }
        let before = self.entries.len();
        let (end, problem) = scan(file, &mut |entry| self.entries.push(entry)).map_err(failed)?;
        if let Some(problem) = problem {
            let message = format!(
                "{} is cut off or damaged at byte {end} ({problem}); the {} captures before it were read",
                file.file_name().unwrap_or_default().to_string_lossy(),
                self.entries.len() - before
            );
            self.cut.push(Cut { file: file.to_owned(), offset: end, message });
        }
        Ok(())
    }
}

/// Calls `take` with each capture; returns where whole records end, and what is wrong after that.
fn scan(file: &Path, take: &mut dyn FnMut(Entry)) -> io::Result<(u64, Option<String>)> {
    let input = File::open(file)?;
    let file: Arc<Path> = file.into();
    let mut last_url: Arc<str> = "".into();
    let mut input = Counted { input: BufReader::with_capacity(1 << 16, input), count: 0 };
    loop {
        let offset = input.count;
        if input.fill_buf()?.is_empty() {
            return Ok((offset, None));
        }
        match warc::skim(&mut input) {
            Ok(header) => {
                let digest = header.payload_digest;
                if let (true, Some(digest)) = (matches!(header.kind.as_str(), "response" | "resource"), digest) {
                    let length = input.count - offset;
                    if *last_url != *header.url {
                        last_url = header.url.into();
                    }
                    let (url, captured_at) = (last_url.clone(), header.date);
                    take(Entry { url, captured_at, digest, file: file.clone(), offset, length });
                }
            }
            Err(problem) => return Ok((offset, Some(problem.to_string()))),
        }
    }
}

/// Counts the bytes that are taken from a buffer.
struct Counted<R> {
    input: R,
    count: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.count += read as u64;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.count += amount as u64;
        self.input.consume(amount);
    }
}

/// Reads captures and keeps the file open that it read last.
#[derive(Default)]
struct Reader {
    open: Option<(PathBuf, BufReader<File>)>,
}

impl Reader {
    fn read(&mut self, entry: &Entry) -> Result<Capture, CaptureError> {
        let failed =
            |source: io::Error| CaptureError::Evidence { file: entry.file.to_path_buf(), verb: "read", source };
        let mut file = match self.open.take() {
            Some((path, file)) if path == *entry.file => file,
            _ => BufReader::with_capacity(1 << 16, File::open(&entry.file).map_err(failed)?),
        };
        let here = file.stream_position().map_err(failed)?;
        // Relative, so that what is buffered of the next record is not read twice.
        let distance = i64::try_from(entry.offset).unwrap_or(i64::MAX) - i64::try_from(here).unwrap_or(0);
        file.seek_relative(distance).map_err(failed)?;
        let capture = warc::read(&mut (&mut file).take(entry.length)).map_err(failed)?;
        self.open = Some((entry.file.to_path_buf(), file));
        Ok(capture)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn capture(second: i64, body: &str) -> Capture {
        let body = Bytes::from(body.to_owned());
        Capture {
            url: "https://stadtbus.example/vehicles".into(),
            captured_at: Timestamp::from_second(1_795_510_800 + second).unwrap(),
            status: 200,
            headers: vec![("ETag".into(), "\"a\"".into()), ("Content-Length".into(), body.len().to_string())],
            digest: Digest::of(&body),
            body,
        }
    }

    fn all(store: &Store) -> Listing {
        store
            .list("bus", Timestamp::from_second(1_795_510_000).unwrap(), Timestamp::from_second(1_795_600_000).unwrap())
            .unwrap()
    }

    #[test]
    fn captures_come_back_as_they_were_kept_by_hour_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let kept: Vec<Capture> = (0..300).map(|i| capture(i * 15, &format!("body {i}"))).collect();
        for capture in &kept {
            store.append("bus", capture).unwrap();
        }
        let listing = all(&store);
        assert!(listing.cut.is_empty());
        let read: Vec<Capture> = store.read(listing.entries.clone()).collect::<Result<_, _>>().unwrap();
        assert_eq!(read, kept);
        assert_eq!(store.validators("bus").unwrap().etag.as_deref(), Some("\"a\""));
        let files: std::collections::BTreeSet<_> = listing.entries.iter().map(|entry| entry.file.clone()).collect();
        assert_eq!(files.len(), 2);
        let half = store.list("bus", kept[10].captured_at, kept[20].captured_at).unwrap();
        assert_eq!(half.entries.len(), 10);
    }

    #[test]
    fn the_same_captures_give_the_same_bytes() {
        let folders: Vec<_> = (0..2).map(|_| tempfile::tempdir().unwrap()).collect();
        let files: Vec<Vec<u8>> = folders
            .iter()
            .map(|folder| fs::read(Store::new(folder.path()).append("bus", &capture(0, "x")).unwrap().file).unwrap())
            .collect();
        assert_eq!(files[0], files[1]);
    }

    #[test]
    fn an_archive_cut_off_anywhere_is_read_up_to_there_says_so_and_heals_with_the_next_append() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let first = store.append("bus", &capture(0, "first")).unwrap();
        let second = store.append("bus", &capture(15, "second")).unwrap();
        let whole = fs::read(&first.file).unwrap();
        for length in 0..whole.len() as u64 {
            fs::write(&first.file, &whole[..length as usize]).unwrap();
            let store = Store::new(folder.path());
            let listing = all(&store);
            let expected = usize::from(length >= second.offset);
            assert_eq!(listing.entries.len(), expected, "{length}");
            assert_eq!(listing.cut.is_empty(), [0, first.offset, second.offset].contains(&length), "{length}");
            store.append("bus", &capture(30, "third")).unwrap();
            let healed = all(&store);
            assert!(healed.cut.is_empty(), "{length}");
            assert_eq!(healed.entries.len(), expected + 1, "{length}");
            assert_eq!(store.open(healed.entries.last().unwrap()).unwrap().body, "third");
        }
    }

    #[test]
    fn evidence_that_was_changed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let mut entry = store.append("bus", &capture(0, "honest")).unwrap();
        let mut forged = capture(0, "forged");
        forged.digest = Digest::of(b"honest");
        let mut bytes = Vec::new();
        warc::write_record(&mut bytes, &forged).unwrap();
        fs::write(&entry.file, &bytes).unwrap();
        (entry.offset, entry.length) = (0, bytes.len() as u64);
        let error = store.open(&entry).unwrap_err();
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("digest differs"), "{error}");
    }

    #[test]
    fn no_bytes_make_the_scan_panic() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.warc.gz");
        for bytes in [&b""[..], b"\x1f\x8b", b"WARC/1.1\r\n\r\n", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 3, 0, 0, 0]] {
            fs::write(&file, bytes).unwrap();
            let mut listing = Listing::default();
            listing.add(&file).unwrap();
            assert!(listing.entries.is_empty());
        }
    }
}
