//! Parsed rows of cal-itp: an hour of a feed, a line of JSON for each entity, as
//! `{"header": {…}, "metadata": {"extract_ts": …, "extract_config": {"url": …}}, "id": …, "vehicle": {…}}`.
//!
//! The body that the source gave is not there any more, so that a message is rebuilt from its rows and says so. It has every
//! field that a row has, in the order of the rows; a row with a field that could not be written is a problem, and its message is
//! left out. Lost, and not to be got back: unknown fields and extensions, the headers of the answer, messages without entities.

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Read};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::message_json::{write_entity, write_header};
use super::piece::{BODY_BYTES, Give, Piece};
use super::sidecar::shown;
use crate::capture::{Capture, CaptureError};
use crate::digest::Digest;

/// The most that a line may have.
const LINE: u64 = 16 << 20;
/// The header of a rebuilt body.
pub(super) const REBUILT: &str = "Fahrtenbuch-Rebuilt";

/// Whether the first line is such a row.
pub(super) fn are_rows(input: impl Read) -> bool {
    let mut lines = Lines { input: BufReader::new(input), number: 0 };
    matches!(lines.next(), Ok(Some(line)) if Row::parse(&line).is_ok())
}

struct Lines<R> {
    input: BufReader<R>,
    /// Of the line that was read last.
    number: u64,
}

impl<R: Read> Lines<R> {
    /// The next line that is not empty.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let mut line = Vec::new();
            if (&mut self.input).take(LINE).read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if line.len() as u64 == LINE && line.last() != Some(&b'\n') {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is longer than {LINE} bytes")));
            }
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
    }
}

struct Row {
    at: Timestamp,
    url: String,
    header: Value,
    entity: Map<String, Value>,
}

impl Row {
    fn parse(line: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(line).map_err(|error| format!("it is no JSON: {error}"))?;
        let Value::Object(mut entity) = value else { return Err("it is no JSON object".to_owned()) };
        let metadata = entity.remove("metadata").ok_or("it has no 'metadata'")?;
        let at = metadata.get("extract_ts").and_then(Value::as_str).and_then(|text| text.parse().ok());
        let url = metadata.pointer("/extract_config/url").and_then(Value::as_str);
        Ok(Self {
            at: at.ok_or("its 'metadata.extract_ts' is no time with a zone")?,
            url: shown(url.ok_or("its 'metadata.extract_config.url' is no address")?),
            header: entity.remove("header").filter(Value::is_object).ok_or("it has no 'header'")?,
            entity,
        })
    }
}

/// A message that is being rebuilt.
struct Message {
    at: Timestamp,
    url: String,
    header: Value,
    lines: (u64, u64),
    body: Vec<u8>,
    problem: Option<String>,
}

impl Message {
    fn begin(row: &Row, line: u64) -> Self {
        let (at, url, header) = (row.at, row.url.clone(), row.header.clone());
        let mut body = Vec::new();
        let problem = write_header(&header, &mut body).err().map(|problem| format!("line {line}: {problem}"));
        Self { at, url, header, lines: (line, line), body, problem }
    }

    fn add(&mut self, row: &Row, line: u64) {
        self.lines.1 = line;
        let problem = if row.header != self.header {
            Some("another header than the rows of the same time before it".to_owned())
        } else if self.body.len() as u64 > BODY_BYTES {
            Some(format!("its message has more than {BODY_BYTES} bytes"))
        } else if self.problem.is_none() {
            write_entity(&row.entity, &mut self.body).err()
        } else {
            None
        };
        if let Some(problem) = problem {
            self.body = Vec::new();
            self.problem.get_or_insert(format!("line {line}: {problem}"));
        }
    }

    fn piece(self, file: &str) -> Piece {
        if let Some(problem) = self.problem {
            let at = self.at;
            return Piece::Problem(format!(
                "{problem}; the message of {at} cannot be rebuilt truthfully and is left out"
            ));
        }
        let (first, last) = self.lines;
        let said = format!(
            "from parsed rows, lines {first} to {last} of {file}; unknown fields and extensions of the message, and the headers \
             that it came with, are lost"
        );
        let digest = Digest::of(&self.body);
        Piece::Capture(Box::new(Capture {
            url: self.url,
            captured_at: self.at,
            status: 200,
            headers: vec![(REBUILT.to_owned(), said)],
            body: self.body.into(),
            digest,
        }))
    }
}

/// Gives the messages of the rows.
pub(super) fn read(input: impl Read, file: &str, give: Give<'_>) -> Result<(), CaptureError> {
    let mut lines = Lines { input: BufReader::with_capacity(1 << 16, input), number: 0 };
    let mut message: Option<Message> = None;
    let mut seen: HashSet<(Timestamp, String)> = HashSet::new();
    // A line that could not be read, which may be of the message before it or behind it.
    let mut broken = false;
    loop {
        let row = match lines.next() {
            Ok(None) => break,
            Ok(Some(line)) => Row::parse(&line),
            Err(error) => {
                // The message under way may not be whole.
                let behind =
                    message.take().map_or(String::new(), |message| format!(", within the message of {}", message.at));
                let (number, at) = (lines.number, error.to_string());
                return give(Piece::Problem(format!("it cannot be read behind line {number}{behind}: {at}")));
            }
        };
        let number = lines.number;
        let row = match row {
            Ok(row) => row,
            Err(problem) => {
                let problem = format!("line {number}: {problem}");
                match message.take() {
                    Some(before) => give(Message { problem: Some(problem), ..before }.piece(file))?,
                    None => give(Piece::Problem(problem))?,
                }
                broken = true;
                continue;
            }
        };
        if let Some(before) = message.take_if(|message| message.at != row.at || message.url != row.url) {
            give(before.piece(file))?;
        }
        if message.is_none() && !seen.insert((row.at, row.url.clone())) && !broken {
            let at = row.at;
            return give(Piece::Problem(format!(
                "line {number}: rows of the message of {at} stand in two places; sort the rows as they were, or fetch the file again"
            )));
        }
        let message = message.get_or_insert_with(|| Message::begin(&row, number));
        if std::mem::take(&mut broken) {
            message
                .problem
                .get_or_insert(format!("line {number}: the line before it, which cannot be read, may be of it"));
        }
        message.add(&row, number);
    }
    message.map_or(Ok(()), |message| give(message.piece(file)))
}
