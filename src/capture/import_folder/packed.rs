//! Files of many captures: an hour's tar archive of bodies, an hour's parsed rows. They are streamed, never unpacked to disk.

use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::piece::{BODY_BYTES, Give, Piece};
use super::sidecar::{self, Sidecar, is_answer};
use super::{rows, tar};
use crate::capture::file_names::{self, NamedTime};
use crate::capture::{Capture, CaptureError};
use crate::digest::Digest;

/// What a file may unpack to: so much in any case, so many times its length, and never more than the last.
const UNPACKED: u64 = 4 << 30;
const UNPACKED_TIMES: u64 = 5_000;
const UNPACKED_MOST: u64 = 64 << 30;

/// The form of a file of many captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// Tar, packed or not: bodies, each with a description beside it (gtfs-rt-aggregator).
    Tar,
    /// A line of JSON for each entity of a message, with the time of the message (cal-itp).
    Rows,
}

/// The form of a file, if it is one of many captures.
pub(super) fn form(path: &Path) -> Option<Form> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&[".tar", ".tar.zst", ".tzst", ".tar.gz", ".tgz"]) {
        return Some(Form::Tar);
    }
    let is_rows = ends(&[".jsonl", ".jsonl.gz"]) && open(path).is_ok_and(rows::are_rows);
    is_rows.then_some(Form::Rows)
}

/// Gives what stands in a file, in its order.
pub(super) fn read(form: Form, path: &Path, give: Give<'_>) -> Result<(), CaptureError> {
    let failed = |source| CaptureError::Evidence { file: path.to_owned(), verb: "read", source };
    let input = open(path).map_err(failed)?;
    match form {
        Form::Tar => read_tar(input, path, give),
        Form::Rows => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            rows::read(input, &name, give)
        }
    }
}

/// A file without its packing, which may unpack to so much only.
fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    let mut file = BufReader::with_capacity(1 << 16, crate::durable::open_to_read(path)?);
    let length = file.get_ref().metadata()?.len();
    let most = length.saturating_mul(UNPACKED_TIMES).clamp(UNPACKED, UNPACKED_MOST);
    let first = io::BufRead::fill_buf(&mut file)?;
    let bounded = |input: Box<dyn Read>| Box::new(Bounded { input, left: most, most });
    Ok(match first {
        [0x1f, 0x8b, ..] => bounded(Box::new(MultiGzDecoder::new(file))),
        // A window of 128 MB at the most, as the library has it.
        [0x28, 0xb5, 0x2f, 0xfd, ..] => bounded(Box::new(zstd::Decoder::with_buffer(file)?)),
        _ => Box::new(file),
    })
}

/// Ends with an error behind so many bytes.
struct Bounded {
    input: Box<dyn Read>,
    left: u64,
    most: u64,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let problem = format!("it unpacks to more than {} bytes, which no hour of a feed has", self.most);
            io::Error::new(io::ErrorKind::InvalidData, problem)
        })?;
        Ok(read)
    }
}

/// A body or a description that waits for the other one.
enum Waiting {
    Nothing,
    Body(tar::Entry),
    Sidecar(String, Sidecar),
}

fn read_tar(input: Box<dyn Read>, path: &Path, give: Give<'_>) -> Result<(), CaptureError> {
    let mut archive = tar::Archive::new(input, BODY_BYTES);
    let mut waiting = Waiting::Nothing;
    let mut last = String::new();
    loop {
        let entry = match archive.next() {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            Err(error) => {
                let behind = if last.is_empty() { String::new() } else { format!(" behind '{}'", last.escape_debug()) };
                give(Piece::Problem(format!("{error}{behind}; it was read up to there")))?;
                break;
            }
        };
        last.clone_from(&entry.name);
        waiting = add(entry, waiting, path, give)?;
    }
    alone(waiting, path, give)
}

/// Gives an entry and what waited for it, or what waited in vain.
fn add(entry: tar::Entry, waiting: Waiting, path: &Path, give: Give<'_>) -> Result<Waiting, CaptureError> {
    let Some((stem, ending)) = entry.name.rsplit_once('.') else {
        alone(waiting, path, give)?;
        return Ok(Waiting::Body(entry));
    };
    if !matches!(ending, "json" | "meta") {
        if let Waiting::Sidecar(name, sidecar) = waiting {
            if stem == name {
                pair(entry, sidecar, path, give)?;
                return Ok(Waiting::Nothing);
            }
            give(Piece::PassedOver("descriptions without their body".to_owned(), 1))?;
        } else {
            alone(waiting, path, give)?;
        }
        return Ok(Waiting::Body(entry));
    }
    let sidecar = match Sidecar::parse(&entry.body) {
        Ok(Some(sidecar)) => sidecar,
        Ok(None) => {
            give(Piece::PassedOver("JSON that describes no body".to_owned(), 1))?;
            return Ok(waiting);
        }
        Err(problem) => {
            give(Piece::Problem(format!("the entry '{}': {problem}", entry.name.escape_debug())))?;
            return Ok(waiting);
        }
    };
    match waiting {
        Waiting::Body(body) if body.name.rsplit_once('.').is_some_and(|(other, _)| other == stem) => {
            pair(body, sidecar, path, give)?;
            Ok(Waiting::Nothing)
        }
        other => {
            alone(other, path, give)?;
            Ok(Waiting::Sidecar(stem.to_owned(), sidecar))
        }
    }
}

fn pair(entry: tar::Entry, sidecar: Sidecar, path: &Path, give: Give<'_>) -> Result<(), CaptureError> {
    if sidecar.unchanged > 0 {
        let what = "times at which a body was the same again, of which the collector kept no record of their own";
        give(Piece::PassedOver(what.to_owned(), sidecar.unchanged))?;
    }
    if !is_answer(sidecar.status) {
        return give(Piece::PassedOver(format!("answers with status {}", sidecar.status), 1));
    }
    let shown = entry.name.escape_debug().to_string();
    give(match sidecar.capture(entry.body, || address(path, &entry.name)) {
        Ok(capture) => Piece::Capture(Box::new(capture)),
        Err(problem) => Piece::Problem(format!("the entry '{shown}': {problem}")),
    })
}

/// Gives what waited for another entry that is not there.
fn alone(waiting: Waiting, path: &Path, give: Give<'_>) -> Result<(), CaptureError> {
    let entry = match waiting {
        Waiting::Nothing => return Ok(()),
        Waiting::Sidecar(..) => return give(Piece::PassedOver("descriptions without their body".to_owned(), 1)),
        Waiting::Body(entry) => entry,
    };
    let shown = entry.name.escape_debug();
    let ending = file_names::ending(&entry.name);
    if !ending.as_deref().is_none_or(file_names::is_capture_ending) {
        return give(Piece::PassedOver(format!("*.{} in tar archives", ending.unwrap_or_default().escape_debug()), 1));
    }
    give(match file_names::time(&entry.name) {
        Ok(NamedTime::Instant(at)) => {
            let (url, digest) = (address(path, &entry.name), Digest::of(&entry.body));
            let (headers, body) = (Vec::new(), entry.body.into());
            Piece::Capture(Box::new(Capture { url, captured_at: at, status: 200, headers, body, digest }))
        }
        _ => Piece::Problem(format!(
            "the entry '{shown}' has no description beside it, and its name tells no time with a zone"
        )),
    })
}

/// Of an entry that nobody tells the address of.
fn address(path: &Path, entry: &str) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    sidecar::shown(&format!("file:{name}/{entry}"))
}
