//! A frame on its way: messages of a broker, the payload of each of which is a document.

use bytes::Bytes;

use super::document::{Document, Reader, wanted};
use super::message::{MessageHead, shape};
use super::repeats::Repeats;
use super::rules::{BROKEN, DAMAGED, MESSAGE};
use super::section::Mapping;
use crate::capture::Capture;
use crate::capture::mqtt::frames::{Message, Messages};
use crate::decode::Limits;
use crate::decode::captures::{Contents, Read};

/// A frame of which messages come.
pub(super) struct Frame {
    messages: Messages,
    /// Its payloads one after the other.
    payload: Capture,
    pub origin: u32,
    /// What is booked for it.
    pub booked: usize,
    /// Messages that were met, and those among them that came before.
    pub met: u64,
    pub repeated: u64,
    /// Messages whose payload was a document.
    read: u64,
    /// Rows that were met in these.
    rows: u64,
    contents: Contents,
    /// The kind of the first payload that is no document.
    kind: &'static str,
    unreadable: Flawed,
    broken: Flawed,
    damaged_rows: Flawed,
    gaps: Flawed,
}

/// What is wrong, for the first that it is wrong with, and how many there are.
#[derive(Default)]
struct Flawed {
    count: u64,
    first: String,
}

impl Flawed {
    fn add(&mut self, count: u64, first: impl FnOnce() -> String) {
        if self.count == 0 {
            self.first = first();
        }
        self.count += count;
    }
}

impl Frame {
    pub(super) fn new(capture: &Capture, origin: u32) -> Self {
        Self {
            messages: Messages::new(capture.body.clone()),
            payload: Capture {
                url: String::new(),
                captured_at: capture.captured_at,
                status: capture.status,
                headers: Vec::new(),
                body: Bytes::new(),
                digest: capture.digest,
            },
            origin,
            booked: 0,
            met: 0,
            repeated: 0,
            read: 0,
            rows: 0,
            contents: Contents::default(),
            kind: "cut_off",
            unreadable: Flawed::default(),
            broken: Flawed::default(),
            damaged_rows: Flawed::default(),
            gaps: Flawed::default(),
        }
    }

    /// The next message that did not come before.
    pub(super) fn next(&mut self, source: &str, repeats: &mut Repeats) -> Option<Message> {
        loop {
            match self.messages.next()? {
                Err(no_message) => {
                    self.gaps.add(1, || format!("{no_message}, behind {} messages", self.met));
                }
                Ok(message) => {
                    self.met += 1;
                    if !repeats.is_repeated(source, &message) {
                        return Some(message);
                    }
                    self.repeated += 1;
                }
            }
        }
    }

    /// The document that the message is which came last. What is none is noted.
    pub(super) fn document(
        &mut self,
        message: Message,
        mapping: &Mapping,
        limits: &Limits,
        reader: &mut Reader,
    ) -> Option<Document> {
        let Message { topic, payload, received, .. } = message;
        let (head, bytes) = (MessageHead { number: self.met, topic, received }, payload.len());
        self.payload.body = payload;
        match Document::open_payload(&self.payload, mapping, limits, reader) {
            Ok(mut document) => {
                // Else it is a part of the frame.
                let is_unpacked = document.text.len() > bytes;
                document.booked = if is_unpacked { document.text.len() } else { 0 };
                (document.origin, document.first_row) = (self.origin, self.rows);
                document.message = Some(head);
                Some(document)
            }
            Err(read) => {
                self.add(&head, read);
                None
            }
        }
    }

    /// A document is at its end.
    pub(super) fn ended(&mut self, document: &Document) {
        self.rows += document.met;
        self.contents.zero_times += document.contents.zero_times;
        let Some(head) = &document.message else { return };
        let read = document.read();
        if !matches!(read, Read::Nothing { .. }) {
            self.read += 1;
            if let Some(problem) = &document.problem {
                self.broken.add(1, || format!("{}, and {problem}", place(head)));
            }
            let damaged = document.contents.damaged;
            if damaged > 0 {
                self.contents.damaged += damaged;
                self.damaged_rows.add(damaged, || {
                    format!("number {} of the message that is {}", document.first_damaged, place(head))
                });
            }
        }
        self.add(head, read);
    }

    fn add(&mut self, head: &MessageHead, read: Read) {
        if let Read::Nothing { kind, said } = read {
            if self.unreadable.count == 0 {
                self.kind = kind;
            }
            self.unreadable.add(1, || format!("{}, and {said}", place(head)));
        }
    }

    /// What the frame was, and what is to be told of it by which rule.
    pub(super) fn finish(&self, mapping: &Mapping) -> (Read, Vec<(&'static str, String)>) {
        let (met, Self { unreadable, broken, damaged_rows, gaps, .. }) = (self.met, self);
        let wanted = wanted(mapping).words();
        if self.read == 0 && self.repeated == 0 {
            let (kind, said) = match (met, gaps.count) {
                (0, 0) => ("empty", "is empty, without a message".to_owned()),
                (0, _) => ("cut_off", gaps.first.clone()),
                _ => {
                    let said =
                        format!("has {met} messages, of which none is {wanted}; the first is {}", unreadable.first);
                    (self.kind, said)
                }
            };
            return (Read::Nothing { kind, said }, Vec::new());
        }
        let mut told = Vec::new();
        let mut tell = |flawed: &Flawed, rule: &'static str, said: &dyn Fn(&Flawed) -> String| {
            if flawed.count > 0 {
                told.push((rule, said(flawed)));
            }
        };
        tell(unreadable, MESSAGE, &|Flawed { count, first }| {
            format!("has {count} of {met} messages that are not {wanted}; the first is {first}; the others were read")
        });
        tell(broken, BROKEN, &|Flawed { count, first }| {
            format!("has {count} of {met} messages that are damaged; the first is {first}")
        });
        tell(damaged_rows, DAMAGED, &|Flawed { count, first }| {
            let all = self.rows;
            format!(
                "has {count} of {all} rows that are damaged or have nothing that 'mapping' names, the first is {first}; the \
                 others were read"
            )
        });
        tell(gaps, BROKEN, &|Flawed { count, first }| {
            let others =
                if *count > 1 { format!("; there are {} other such places", count - 1) } else { String::new() };
            format!("{first}{others}; the other messages were read")
        });
        let contents = self.contents;
        (if gaps.count > 0 { Read::InPart(contents) } else { Read::Message(contents) }, told)
    }
}

/// Which message, without its topic.
fn place(head: &MessageHead) -> String {
    format!("number {}, with a topic of the shape '{}'", head.number, shape(&head.topic))
}
