//! Mapped: feeds in JSON or CSV of anybody's making become a table of telemetry, by some lines in the pipeline's file.
//!
//! ```yaml
//! format: mapped
//! mapping:
//!   table: vehicle_positions
//!   rows: $.fahrzeuge[*]       # JSON: where the rows stand; without it the document is a list, or has a row a line
//!   columns:
//!     vehicle_id: id
//!     latitude: position.lat
//!     speed: {from: tempo, unit: km/h}
//!     timestamp: {from: zeit, time: iso8601, zone: Europe/Berlin}
//!     occupancy_status: {from: auslastung, values: {gruen: MANY_SEATS_AVAILABLE, rot: FULL}}
//! ```
//!
//! Messages of a broker come in frames: each is a document, of which columns may also be made of `$topic`, `$topic[2]` and `$received`.
//!
//! What a document does not say is null, and so is what does not fit its column, which is told with its row. A row that is damaged
//! is left out; where a document is, the rows before that place stand. Rows are given out while a document is read, and booked on
//! the run's [`Budget`](crate::table::Budget) before they are made.

mod csv;
mod document;
mod frame;
mod json;
mod lenient;
mod message;
mod path;
mod repeats;
mod row;
mod rules;
mod section;
mod stream;
#[cfg(test)]
mod tests;
mod unread;
mod values;

use std::sync::Arc;

use self::document::{Document, Reader};
use self::frame::Frame;
use self::repeats::Repeats;
use self::rules::CAPTURE_RULES;
use self::section::{Body, Mapping};
use self::stream::Stream;
use crate::capture::Capture;
use crate::capture::mqtt::frames;
use crate::capture::payload::Wanted;
use crate::contract::library::Library;
use crate::decode::captures::{CaptureRules, SOURCE};
use crate::decode::format::{DecodeInput, Decoder, Format, Partitioning, RuleBook, Section, SourceColumn};
use crate::decode::rows::RowBuilder;
use crate::decode::unread::Unread;
use crate::decode::{DecodeError, Decoded, Head, Limits};
use crate::table::Origin;
use crate::text::Text;
use crate::yaml::{Node, Problems};

/// JSON and CSV.
#[derive(Debug)]
pub(super) struct Mapped;

impl Format for Mapped {
    fn name(&self) -> &'static str {
        "mapped"
    }

    fn partitioning(&self) -> Partitioning {
        Partitioning::ServiceDay
    }

    fn wanted(&self, node: &Node) -> Wanted {
        match node.get(section::KEY).and_then(|section| section.get("body")?.text()) {
            Some("csv") => Wanted::Csv,
            _ => Wanted::Json,
        }
    }

    fn keys(&self) -> &'static [&'static str] {
        &[section::KEY]
    }

    fn decoder(&self, section: &Section<'_>, problems: &mut Problems) -> Option<Arc<dyn Decoder>> {
        let mapping = section::read(section.node, section.contracts, problems)?;
        Some(Arc::new(MappedDecoder { mapping: Arc::new(mapping) }))
    }
}

/// The format with the mapping of a pipeline.
#[derive(Debug)]
struct MappedDecoder {
    mapping: Arc<Mapping>,
}

impl Decoder for MappedDecoder {
    fn format(&self) -> &'static dyn Format {
        &Mapped
    }

    fn wanted(&self) -> Wanted {
        document::wanted(&self.mapping)
    }

    fn capture_rules(&self) -> &'static CaptureRules {
        &CAPTURE_RULES
    }

    fn rule_book(&self) -> Option<RuleBook> {
        None
    }

    fn columns(&self, table: &str) -> Option<Vec<SourceColumn<'_>>> {
        let of_capture = ["captured_at", SOURCE].map(|name| SourceColumn { name, is_single: false });
        let mapped = self
            .mapping
            .columns
            .iter()
            .map(|column| SourceColumn { name: &column.name, is_single: column.conversion.is_single });
        (table == self.mapping.table).then(|| of_capture.into_iter().chain(mapped).collect())
    }

    fn settings(&self) -> Vec<(String, String)> {
        let Mapping { table, body, columns } = &*self.mapping;
        let body = match body {
            Body::Json { rows: None } => "json".to_owned(),
            Body::Json { rows: Some(path) } => format!("json; rows {path}"),
            Body::Csv { separator } => format!("csv; separator {}", char::from(*separator).escape_default()),
        };
        let decimal = if columns.iter().any(|column| column.conversion.has_comma) { "; decimal ," } else { "" };
        let mut settings = vec![(format!("mapping:{table}"), format!("{body}{decimal}"))];
        settings.extend(columns.iter().map(|column| (format!("mapping:{table}.{}", column.name), column.said.clone())));
        settings
    }

    fn conversion(&self, table: &str, column: &str) -> Option<Text> {
        let mapped = self.mapping.columns.iter().find(|mapped| table == self.mapping.table && mapped.name == column)?;
        mapped.conversion.in_words()
    }

    fn how_to_fill(&self) -> Option<&'static str> {
        Some("Name it below 'mapping: columns:' of the pipeline, or remove the column here or classify it as private.")
    }

    fn has_positions(&self, capture: &Capture, limits: Limits) -> bool {
        let has_place = self.mapping.columns.iter().any(|column| column.name == "latitude");
        let mut reader = Reader::new(&self.mapping);
        let mut has_row = || {
            if frames::is_frame(&capture.url) {
                let (mut frame, mut repeats) = (Frame::new(capture, 0), Repeats::default());
                while let Some(message) = frame.next("", &mut repeats) {
                    let document = frame.document(message, &self.mapping, &limits, &mut reader);
                    if document.is_some_and(|mut document| document.next(&mut reader)) {
                        return true;
                    }
                }
                return false;
            }
            let document = Document::open(capture, &self.mapping, &limits, &mut reader);
            document.is_ok_and(|mut document| document.next(&mut reader))
        };
        self.mapping.table == "vehicle_positions" && has_place && has_row()
    }

    fn unread(&self, capture: &Capture, _: &Library, limits: Limits) -> Unread {
        unread::unread(&self.mapping, capture, limits)
    }

    fn place(&self, _: &str, row: u64) -> Text {
        match &self.mapping.body {
            Body::Json { rows: Some(path) } => Text::new(format!("{path}[{row}]"), format!("{path}[{row}]")),
            Body::Json { rows: None } => Text::new(format!("$[{row}]"), format!("$[{row}]")),
            Body::Csv { .. } => Text::new(
                format!("record {row} behind the header, counted from 0"),
                format!("Satz {row} nach der Kopfzeile, ab 0 gezählt"),
            ),
        }
    }

    fn decode(&self, input: DecodeInput<'_>) -> Result<Decoded, DecodeError> {
        let DecodeInput { origins, captures, contracts, limits, budget, only } = input;
        let table = &self.mapping.table;
        let contract = contracts.get(table).ok_or_else(|| {
            DecodeError::feed(
                table,
                "there is no contract for this table",
                "Add one to the 'contracts' of the pipeline.",
            )
        })?;
        let origins: Arc<[Origin]> = origins.into();
        let head = Head { contract: contract.clone(), origins: origins.clone() };
        let rows = RowBuilder::new(contract.clone(), budget.clone());
        let stream = Stream::new(self.mapping.clone(), (origins, captures), (limits, budget), rows, &only);
        Ok(Decoded { tables: vec![head], notes: Vec::new(), steps: Box::new(stream), timetable: None })
    }
}
