//! What of JSON and CSV no column is made of.

use csv_core::ReadRecordResult;
use serde_json::Value;

use super::path::Step;
use super::section::{Body, Mapping};
use crate::capture::Capture;
use crate::capture::mqtt::frames::{self, Messages};
use crate::capture::payload;
use crate::decode::Limits;
use crate::decode::unread::Unread;

/// Messages of a frame, documents of a capture and elements of a list that are looked into.
const LOOKED_INTO: usize = 1_000;
/// Bytes of the header of a table.
const HEADER: usize = 1 << 20;
/// Unknown keys of one object that are told; more are ids.
const MOST_KEYS: usize = 32;

/// The names of what a capture has and the mapping does not name. Of what is no JSON as a whole nothing is told.
pub(super) fn unread(mapping: &Mapping, capture: &Capture, limits: Limits) -> Unread {
    let mut unread = Unread::default();
    if frames::is_frame(&capture.url) {
        let messages = Messages::new(capture.body.clone()).take(LOOKED_INTO).flatten();
        messages.for_each(|message| of_text(mapping, &message.payload, &mut unread));
    } else if let Ok(unpacked) = payload::unpacked(capture, limits.message_bytes) {
        of_text(mapping, &unpacked.body, &mut unread);
    }
    unread
}

fn of_text(mapping: &Mapping, text: &[u8], unread: &mut Unread) {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    match &mapping.body {
        Body::Csv { separator } => of_header(mapping, text, *separator, unread),
        Body::Json { rows } => {
            let keys = |steps: &[Step]| -> Vec<String> {
                let keys = steps.iter().filter_map(|step| match step {
                    Step::Key(key) => Some(key.clone()),
                    // A place in a list is no name.
                    Step::Index(_) => None,
                });
                keys.collect()
            };
            let around = rows.as_ref().map(|rows| keys(&rows.steps)).unwrap_or_default();
            let paths = mapping.columns.iter().filter_map(|column| column.path.as_ref());
            let known: Vec<Vec<String>> = paths
                .map(|path| match path.is_of_document {
                    true => keys(&path.steps),
                    false => around.iter().cloned().chain(keys(&path.steps)).collect(),
                })
                .collect();
            let documents = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
            // What is behind damage is not read as rows either.
            for document in documents.take(LOOKED_INTO).map_while(Result::ok) {
                look(&document, &mut Vec::new(), &known, unread);
            }
        }
    }
}

/// Looks for what no known path leads to. A document is no deeper than its parser allows.
fn look(value: &Value, path: &mut Vec<String>, known: &[Vec<String>], unread: &mut Unread) {
    let is_read = |known: &Vec<String>| !known.is_empty() && path.starts_with(known);
    if known.iter().any(is_read) {
        return;
    }
    match value {
        Value::Array(items) => items.iter().take(LOOKED_INTO).for_each(|item| look(item, path, known, unread)),
        Value::Object(members) => {
            let leads = |key: &String, path: &[String]| {
                known.iter().any(|known| known.starts_with(path) && known.get(path.len()) == Some(key))
            };
            let unknown = members.keys().filter(|key| !leads(key, path)).count();
            for (key, value) in members {
                let is_told = unknown <= MOST_KEYS || leads(key, path);
                path.push(if is_told { key.clone() } else { "*".to_owned() });
                look(value, path, known, unread);
                path.pop();
            }
        }
        // A name may have a point in it, which is told like any other.
        // What leads to a value, and is null or something else here, is known all the same.
        _ if path.is_empty() || known.iter().any(|known| known.starts_with(path)) => {}
        _ => unread.add(&path.join(".")),
    }
}

fn of_header(mapping: &Mapping, text: &[u8], separator: u8, unread: &mut Unread) {
    let mut reader = csv_core::ReaderBuilder::new().delimiter(separator).build();
    let text = &text[..text.len().min(HEADER)];
    let (mut fields, mut ends) = (vec![0; text.len()], vec![0; 10_000]);
    let (result, _, _, count) = reader.read_record(text, &mut fields, &mut ends);
    if !matches!(result, ReadRecordResult::Record | ReadRecordResult::InputEmpty) {
        return;
    }
    let begins = std::iter::once(0).chain(ends.iter().copied());
    let names = begins.zip(&ends[..count]).map(|(begin, end)| String::from_utf8_lossy(&fields[begin..*end]));
    let names: Vec<String> = names.map(|name| name.trim().to_owned()).collect();
    let is_known =
        |name: &&String| mapping.columns.iter().any(|column| column.of_message.is_none() && column.from == **name);
    // A table of which no name is known has no header, or another one: these may be values.
    if names.iter().any(|name| is_known(&name)) {
        let unknown = names.iter().filter(|name| !name.is_empty() && !is_known(name));
        unknown.for_each(|name| unread.add_header(None, name));
    }
}
