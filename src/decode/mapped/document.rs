//! A document on its way: one capture, of which row after row is read.

use jiff::Timestamp;

use super::csv::{CsvRows, NextRecord};
use super::json::{Finder, JsonRows, Next, NoRows};
use super::message::MessageHead;
use super::path::Tree;
use super::row::Row;
use super::section::{Body, Mapping};
use crate::capture::Capture;
use crate::capture::payload::{self, Unpacked, Wanted};
use crate::decode::Limits;
use crate::decode::captures::{Contents, Read};

/// What finds the values of all columns, from document to document.
pub(super) struct Reader {
    of_rows: Finder,
    /// For what stands around the rows.
    of_documents: Option<Finder>,
    pub row: Row,
    /// What stands around the rows of the document that is read.
    pub around: Row,
}

impl Reader {
    pub(super) fn new(mapping: &Mapping) -> Self {
        let paths = |is_of_document: bool| {
            let columns = mapping.columns.iter().enumerate();
            let of_these = columns.filter(move |(_, column)| column.is_of_document() == is_of_document);
            of_these.filter_map(|(place, column)| Some((place, column.path.as_ref()?)))
        };
        let has_around = paths(true).next().is_some();
        Self {
            of_rows: Finder::new(Tree::new(paths(false))),
            of_documents: has_around.then(|| Finder::new(Tree::new(paths(true)))),
            row: Row::new(mapping.columns.len()),
            around: Row::new(mapping.columns.len()),
        }
    }
}

/// A document of which rows come.
pub(super) struct Document {
    pub text: bytes::Bytes,
    rows: Rows,
    pub origin: u32,
    pub captured_at: Timestamp,
    /// Rows that were met, damaged ones among them: the place of the next one.
    pub met: u64,
    /// Rows that were made of all documents before this one.
    pub rows_before: u64,
    pub first_damaged: u64,
    pub contents: Contents,
    /// What keeps it from being whole.
    pub problem: Option<String>,
    /// What is booked for it.
    pub booked: usize,
    /// The message that it is, and how many rows the messages before it in its frame have.
    pub message: Option<MessageHead>,
    pub first_row: u64,
}

enum Rows {
    Json(JsonRows),
    Csv(Box<CsvRows>),
}

impl Document {
    /// Finds the rows of a capture, or says what it gives without any.
    pub(super) fn open(
        capture: &Capture,
        mapping: &Mapping,
        limits: &Limits,
        reader: &mut Reader,
    ) -> Result<Self, Read> {
        let unpacked = unpacked(capture, limits)?;
        identified(capture, mapping)?;
        Self::begin(capture, unpacked, mapping, reader)
    }

    /// The same of the payload of a message, of which there are thousands a second: what begins as JSON is not looked at twice.
    pub(super) fn open_payload(
        payload: &Capture,
        mapping: &Mapping,
        limits: &Limits,
        reader: &mut Reader,
    ) -> Result<Self, Read> {
        let unpacked = unpacked(payload, limits)?;
        let is_json = matches!(mapping.body, Body::Json { .. }) && matches!(unpacked.body.first(), Some(b'{' | b'['));
        if !is_json {
            identified(payload, mapping)?;
        }
        Self::begin(payload, unpacked, mapping, reader)
    }

    fn begin(capture: &Capture, unpacked: Unpacked, mapping: &Mapping, reader: &mut Reader) -> Result<Self, Read> {
        let Unpacked { body, is_bare_gzip } = unpacked;
        if body.starts_with(b"\xff\xfe") || body.starts_with(b"\xfe\xff") {
            return Err(nothing("encoded", "is text in UTF-16, where UTF-8 is read".to_owned()));
        }
        let text = if body.starts_with(b"\xef\xbb\xbf") { body.slice(3..) } else { body };
        let rows = match &mapping.body {
            Body::Csv { separator } => {
                let columns = mapping.columns.iter();
                let names = columns.map(|column| column.of_message.is_none().then_some(column.from.as_str()));
                let rows = CsvRows::open(&text, *separator, names).map_err(|said| nothing("no_rows", said))?;
                Rows::Csv(Box::new(rows))
            }
            Body::Json { rows } => {
                if let Some(finder) = &mut reader.of_documents {
                    // What is behind damage is not there; where the rows are at an end is found out with them.
                    let _ = finder.find(&text, 0, &mut reader.around);
                }
                let rows = JsonRows::open(&text, rows.as_ref()).map_err(|no_rows| match no_rows {
                    NoRows::Elsewhere(said) => nothing("no_rows", said),
                    NoRows::Broken(broken) => nothing(
                        "cut_off",
                        format!("is no JSON at byte {} of {}, before its rows", broken.at, text.len()),
                    ),
                })?;
                Rows::Json(rows)
            }
        };
        Ok(Self {
            text,
            rows,
            origin: 0,
            captured_at: capture.captured_at,
            met: 0,
            rows_before: 0,
            first_damaged: 0,
            contents: Contents { is_bare_gzip, ..Contents::default() },
            problem: None,
            booked: 0,
            message: None,
            first_row: 0,
        })
    }

    /// Reads the next row that is none of the damaged ones into `reader`; tells whether there is one.
    pub(super) fn next(&mut self, reader: &mut Reader) -> bool {
        loop {
            let next = match &mut self.rows {
                Rows::Json(rows) => rows.next(&self.text, &mut reader.of_rows, &mut reader.row),
                Rows::Csv(rows) => match rows.next(&self.text, &mut reader.row) {
                    NextRecord::Row => Next::Row,
                    NextRecord::Damaged => Next::Damaged,
                    NextRecord::End => Next::End,
                    NextRecord::TooLong => {
                        self.problem = Some(format!(
                            "has a record behind row {} that is longer than any is; the rows before it were read",
                            self.met
                        ));
                        Next::End
                    }
                },
            };
            match next {
                Next::Row => {
                    self.met += 1;
                    return true;
                }
                Next::Damaged => {
                    self.met += 1;
                    self.contents.damaged += 1;
                    if self.first_damaged == 0 {
                        self.first_damaged = self.met;
                    }
                }
                Next::End => return false,
                Next::Broken(broken) => {
                    let (at, all) = (broken.at, self.text.len());
                    self.problem =
                        Some(format!("is cut off or damaged at byte {at} of {all}; the rows before it were read"));
                    return false;
                }
            }
        }
    }

    /// What the document was, at its end.
    pub(super) fn read(&self) -> Read {
        let is_nothing = self.met == self.contents.damaged;
        match &self.problem {
            None if self.met == 0 || !is_nothing => Read::Message(self.contents),
            None => {
                let rows = if self.met == 1 { "row, and it has nothing" } else { "rows, of which none has anything" };
                let said = format!("has {} {rows} that 'mapping' names", self.met);
                Read::Nothing { kind: "no_rows", said }
            }
            Some(problem) if is_nothing => Read::Nothing { kind: "cut_off", said: problem.clone() },
            Some(_) => Read::InPart(self.contents),
        }
    }
}

fn nothing(kind: &'static str, said: String) -> Read {
    Read::Nothing { kind, said }
}

fn unpacked(capture: &Capture, limits: &Limits) -> Result<Unpacked, Read> {
    let most = limits.message_bytes;
    if capture.body.len() > most {
        let said = format!("has {} bytes, of which at most {most} are read", capture.body.len());
        return Err(nothing("too_large", said));
    }
    payload::unpacked(capture, most).map_err(|said| nothing("encoded", said))
}

/// Markup and archives may look like a table.
fn identified(capture: &Capture, mapping: &Mapping) -> Result<(), Read> {
    let (wanted, identified) = (wanted(mapping), payload::identify(capture));
    match wanted.is(identified.payload) {
        true => Ok(()),
        false => Err(nothing(identified.payload.name(), identified.said(wanted))),
    }
}

/// What a capture has to be.
pub(super) fn wanted(mapping: &Mapping) -> Wanted {
    match mapping.body {
        Body::Json { .. } => Wanted::Json,
        Body::Csv { .. } => Wanted::Csv,
    }
}
