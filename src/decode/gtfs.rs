//! GTFS Schedule: a zip archive of CSV files becomes one table per file.
//!
//! Three threads work side by side: one inflates and cuts blocks of whole records, one reads blocks into chunks, and the
//! caller takes the chunks. What stands between them is bounded, so a feed of any size costs the same memory.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use arrow_array::UInt64Array;
use bytes::Bytes;

use crate::contract::library::Library;
use crate::contract::{Contract, Presence, Severity};
use crate::decode::archive::{self, Archive, SMALL};
use crate::decode::csv::{Block, Blocks, Layout, bare_returns, chunk, header_fields, layout};
use crate::decode::{DecodeError, Decoded, Head, Limits, Note, Step, geojson};
use crate::table::{Chunk, Origin};

/// Files that may be absent although the reference calls them conditionally required, as long as the other one is
/// there (GTFS reference, "Dataset files").
const EITHER: &[(&str, &str)] = &[
    ("stops.txt", "locations.geojson"),
    ("calendar.txt", "calendar_dates.txt"),
    ("calendar_dates.txt", "calendar.txt"),
];
/// The most that the zones of on-demand service may take; they are read as a whole.
pub(super) const GEOJSON_BYTES: u64 = 32 << 20;
/// Blocks and chunks that may stand between two threads.
const QUEUE: usize = 4;

/// Opens a GTFS archive held in memory. `name` is for messages; `origin` says when it was captured.
pub fn decode(
    name: &str,
    archive: Bytes,
    origin: &Origin,
    contracts: &Library,
    limits: Limits,
) -> Result<Decoded, DecodeError> {
    let mut archive = archive::open(name, archive, limits)?;
    let mut notes = Vec::new();
    let files = tables(name, &mut archive, contracts, &mut notes)?;
    let tables = files
        .iter()
        .map(|(file, contract)| Head {
            contract: contract.clone(),
            origins: [Origin { name: file.clone(), captured_at: origin.captured_at }].into(),
        })
        .collect();
    let (to_parser, from_inflater) = sync_channel(QUEUE);
    let (to_caller, from_parser) = sync_channel(QUEUE);
    // A thread that panics drops its sender; the stream then ends without `Done`, which is an error below.
    std::thread::spawn(move || inflate_all(archive, &files, limits, &to_parser));
    std::thread::spawn(move || parse_all(&from_inflater, limits, &to_caller));
    Ok(Decoded {
        tables,
        notes,
        steps: Box::new(Stream { name: name.to_owned(), steps: from_parser, done: false }),
        archive: None,
    })
}

/// The files of the archive that have a contract, in reference order; notes about the others; an error if one that the
/// reference requires is absent.
fn tables(
    name: &str,
    archive: &mut Archive,
    contracts: &Library,
    notes: &mut Vec<Note>,
) -> Result<Vec<(String, Arc<Contract>)>, DecodeError> {
    let present = archive::files(archive)
        .map_err(|error| DecodeError::feed(name, format!("a file name is not readable: {error}"), "Zip it again."))?;
    let by_file: BTreeMap<&str, &Arc<Contract>> =
        contracts.contracts.values().filter_map(|c| Some((c.gtfs_file.as_deref()?, c))).collect();
    let find = |file: &str| archive::find(present.iter().map(|file| file.path.as_str()), file);
    let read: BTreeMap<usize, &str> = by_file.keys().filter_map(|file| Some((find(file)?, *file))).collect();
    for (place, file) in present.iter().enumerate() {
        let leaf = archive::leaf(&file.path);
        let (rule, severity, message) = match read.get(&place) {
            Some(meant) if *meant == file.path => continue,
            Some(meant) => {
                let message = format!("is read as '{meant}': the names of files are written in small letters");
                ("gtfs.file_name_letter_case", Severity::Warning, message)
            }
            None if leaf != file.path && by_file.keys().any(|meant| meant.eq_ignore_ascii_case(leaf)) => {
                let message = "is in a folder; GTFS files stand at the top".to_owned();
                ("gtfs.invalid_input_files_in_subfolder", Severity::Error, message)
            }
            None => {
                let message = "is no file of the GTFS reference and was not read".to_owned();
                ("gtfs.unknown_file", Severity::Info, message)
            }
        };
        notes.push(Note { rule, severity, message: format!("'{}' {message}", file.name.escape_debug()) });
    }
    notes.sort_by(|a, b| a.message.cmp(&b.message));
    let has = |file: &str| find(file).is_some();
    for (&file, contract) in &by_file {
        let other = EITHER.iter().find(|(one, _)| *one == file).map(|(_, other)| *other);
        let needed = contract.presence == Presence::Required || other.is_some_and(|other| !has(other));
        if needed && !has(file) {
            let nested = present.iter().find(|other| archive::leaf(&other.path).eq_ignore_ascii_case(file));
            let problem = match (nested, other) {
                (Some(nested), _) => {
                    let nested = nested.name.escape_debug();
                    format!("'{file}' is missing at the top of the archive; there is '{nested}'")
                }
                (None, Some(other)) => format!("the archive has neither '{file}' nor '{other}'"),
                (None, None) => format!("the archive has no '{file}', which every GTFS feed must have"),
            };
            return Err(DecodeError::feed(name, problem, "Ask the publisher for a complete feed."));
        }
    }
    let contracts = contracts.in_reference_order().into_iter();
    let found = contracts.filter_map(|contract| {
        let place = find(contract.gtfs_file.as_deref()?)?;
        Some((present[place].name.clone(), contract))
    });
    Ok(found.collect())
}

/// What the inflating thread tells the parsing one.
enum Raw {
    Begin { table: usize, layout: Box<Layout> },
    Block(Block),
    Chunk { table: usize, chunk: Chunk },
    Note(Note),
    End { table: usize },
    Failed(DecodeError),
    Done,
}

/// What the caller's stream gets.
enum Parsed {
    Step(Step),
    Failed(DecodeError),
    Done,
}

/// The receiver has gone: nobody wants the rest.
struct Unwanted;

fn inflate_all(mut archive: Archive, files: &[(String, Arc<Contract>)], limits: Limits, out: &SyncSender<Raw>) {
    let mut left = limits.archive_bytes;
    for (table, (file, contract)) in files.iter().enumerate() {
        let sent = match inflate(&mut archive, table, file, contract, limits, &mut left, out) {
            Ok(sent) => sent,
            Err(error) => {
                // A caller that has gone does not need the error either.
                let _ = out.send(Raw::Failed(error));
                return;
            }
        };
        if sent.is_err() || out.send(Raw::End { table }).is_err() {
            return;
        }
    }
    let _ = out.send(Raw::Done);
}

fn inflate(
    archive: &mut Archive,
    table: usize,
    file: &str,
    contract: &Arc<Contract>,
    limits: Limits,
    left: &mut u64,
    out: &SyncSender<Raw>,
) -> Result<Result<(), Unwanted>, DecodeError> {
    let entry = archive::entry(archive, file)
        .map_err(|problem| DecodeError::feed(file, problem, "Zip it with Deflate and without a password."))?;
    let packed = entry.compressed_size().max(1);
    let measured = Measured {
        input: entry,
        left: limits.file_bytes.min(*left).min(packed.saturating_mul(limits.ratio).max(SMALL)),
        read: 0,
    };
    if contract.table == "locations" {
        return locations(file, measured, contract).map(|chunk| match chunk {
            Some(chunk) => send(out, Raw::Chunk { table, chunk }),
            None => Ok(()),
        });
    }
    let mut blocks = Blocks::new(file, measured, limits);
    let Some(header) = blocks.header()? else {
        if contract.presence == Presence::Required {
            return Err(DecodeError::feed(file, "the file is empty", "Ask the publisher for a complete feed."));
        }
        let message = format!("'{file}' is empty: not even a header");
        return Ok(send(out, Raw::Note(Note { rule: "gtfs.empty_file", severity: Severity::Error, message })));
    };
    let fields = header_fields(&header);
    if let Err(Unwanted) = check_header(file, contract, &fields, limits, out)? {
        return Ok(Err(Unwanted));
    }
    if send(out, Raw::Begin { table, layout: Box::new(layout(contract, &fields)) }).is_err() {
        return Ok(Err(Unwanted));
    }
    while let Some(block) = blocks.next_block()? {
        if send(out, Raw::Block(block)).is_err() {
            return Ok(Err(Unwanted));
        }
    }
    *left = left.saturating_sub(blocks.into_inner().read);
    Ok(Ok(()))
}

fn send(out: &SyncSender<Raw>, raw: Raw) -> Result<(), Unwanted> {
    out.send(raw).map_err(|_| Unwanted)
}

/// A header that cannot be mapped onto the contract is an error; a column that the reference does not know is a note.
fn check_header(
    file: &str,
    contract: &Contract,
    fields: &[String],
    limits: Limits,
    out: &SyncSender<Raw>,
) -> Result<Result<(), Unwanted>, DecodeError> {
    // A carriage return at the end of a field is a blank and has been taken off.
    if fields.iter().any(|field| field.contains('\r')) {
        return Err(bare_returns(file, 1));
    }
    if fields.len() > limits.columns {
        let problem = format!("the header has {} columns, at most {} are read", fields.len(), limits.columns);
        return Err(DecodeError::row(file, 1, problem, "Check that the file is comma-separated text."));
    }
    for (place, field) in fields.iter().enumerate() {
        let shown: String = field.escape_debug().take(60).collect();
        if !field.is_empty() && fields[..place].contains(field) {
            let problem = format!("the column '{shown}' stands in the header twice");
            return Err(DecodeError::row(file, 1, problem, "Remove one of the two."));
        }
        if contract.index_of(field).is_none() {
            let (rule, severity, message) = if field.is_empty() {
                let message = format!("column {} of '{file}' has no name and was not read", place + 1);
                ("gtfs.empty_column_name", Severity::Error, message)
            } else {
                let message = format!("the column '{shown}' of '{file}' is not in the GTFS reference and was not read");
                ("gtfs.unknown_column", Severity::Info, message)
            };
            if send(out, Raw::Note(Note { rule, severity, message })).is_err() {
                return Ok(Err(Unwanted));
            }
        }
    }
    if let Some(column) = contract.columns.iter().find(|column| column.required && !fields.contains(&column.name)) {
        let problem = format!("the required column '{}' is missing", column.name);
        return Err(DecodeError::row(file, 1, problem, "Ask the publisher to add it."));
    }
    Ok(Ok(()))
}

/// A file that is being read.
struct FileReader {
    layout: Box<Layout>,
    table: usize,
    /// Rows that could not be taken apart.
    torn: usize,
}

impl FileReader {
    fn read(&mut self, block: &Block, limits: Limits) -> Result<Chunk, DecodeError> {
        let left = limits.torn_rows.saturating_sub(self.torn);
        let read = chunk(block, &self.layout, 0, left)?;
        self.torn += read.torn;
        if self.torn > limits.torn_rows {
            let file = self.layout.contract.gtfs_file.as_deref().unwrap_or(&self.layout.contract.table);
            return Err(too_many_torn(file, &read.chunk, limits));
        }
        Ok(read.chunk)
    }
}

fn too_many_torn(file: &str, chunk: &Chunk, limits: Limits) -> DecodeError {
    let rows: Option<&UInt64Array> =
        chunk.rows.column_by_name(crate::table::ORIGIN_ROW).and_then(|rows| rows.as_any().downcast_ref());
    let last = rows.and_then(|rows| rows.values().last().copied()).unwrap_or_default();
    let problem =
        format!("more than {} rows up to this one do not have as many fields as the header", limits.torn_rows);
    DecodeError::row(file, last, problem, "Ask the publisher for a file whose rows fit its header.")
}

fn parse_all(input: &Receiver<Raw>, limits: Limits, out: &SyncSender<Parsed>) {
    let mut current: Option<FileReader> = None;
    while let Ok(raw) = input.recv() {
        let parsed = match raw {
            Raw::Begin { table, layout } => {
                current = Some(FileReader { layout, table, torn: 0 });
                continue;
            }
            Raw::Block(block) => match &mut current {
                Some(file) => match file.read(&block, limits) {
                    Ok(chunk) => Parsed::Step(Step::Rows { table: file.table, chunk }),
                    Err(error) => Parsed::Failed(error),
                },
                None => continue,
            },
            Raw::Chunk { table, chunk } => Parsed::Step(Step::Rows { table, chunk }),
            Raw::Note(note) => Parsed::Step(Step::Note(note)),
            Raw::End { table } => {
                current = None;
                Parsed::Step(Step::End { table })
            }
            Raw::Failed(error) => Parsed::Failed(error),
            Raw::Done => Parsed::Done,
        };
        let last = !matches!(parsed, Parsed::Step(_));
        if out.send(parsed).is_err() || last {
            return;
        }
    }
}

/// The caller's end of the threads.
struct Stream {
    name: String,
    steps: Receiver<Parsed>,
    done: bool,
}

impl Iterator for Stream {
    type Item = Result<Step, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        match self.steps.recv() {
            Ok(Parsed::Step(step)) => Some(Ok(step)),
            Ok(Parsed::Failed(error)) => {
                self.done = true;
                Some(Err(error))
            }
            Ok(Parsed::Done) => {
                self.done = true;
                None
            }
            Err(_) => {
                self.done = true;
                let problem = "reading the archive stopped without a result";
                Some(Err(DecodeError::feed(&self.name, problem, "This is a fault of the program: please report it.")))
            }
        }
    }
}

/// Counts what is inflated and stops where it becomes too much.
pub(super) struct Measured<R> {
    pub(super) input: R,
    pub(super) left: u64,
    pub(super) read: u64,
}

impl<R: Read> Read for Measured<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.read += read as u64;
        if self.read > self.left {
            return Err(std::io::Error::other(format!(
                "more than {} bytes came out, which looks like a zip bomb",
                self.left
            )));
        }
        Ok(read)
    }
}

/// `locations.geojson`: one row per feature. The file is read as a whole, at most [`GEOJSON_BYTES`].
fn locations(file: &str, input: impl Read, contract: &Contract) -> Result<Option<Chunk>, DecodeError> {
    let mut text = Vec::new();
    let broken = |problem: String| DecodeError::feed(file, problem, "Check the file with a GeoJSON validator.");
    let read = input.take(GEOJSON_BYTES + 1).read_to_end(&mut text);
    read.map_err(|error| broken(format!("cannot be inflated: {error}")))?;
    if text.len() as u64 > GEOJSON_BYTES {
        return Err(broken(format!("the file is larger than {GEOJSON_BYTES} bytes")));
    }
    geojson::rows(&text, contract).map_err(broken)
}

#[cfg(test)]
mod tests {
    use arrow_array::StringArray;
    use std::io::{Cursor, Write};
    use std::path::Path;

    use super::*;

    fn contracts() -> Library {
        Library::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/gtfs")).unwrap()
    }

    fn archive(files: &[(&str, &[u8])]) -> Bytes {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in files {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(text).unwrap();
        }
        zip.finish().unwrap().into_inner().into()
    }

    const FEED: &[(&str, &[u8])] = &[
        ("agency.txt", b"agency_id,agency_name,agency_url,agency_timezone\n1,SWEG,https://x.de,Europe/Berlin\n"),
        ("stops.txt", b"stop_id,stop_name,stop_lat,stop_lon\na,\"Rathaus, Nord\",48.47,7.94\nb,Bahnhof,x,7.95\n"),
        ("routes.txt", b"route_id,route_short_name,route_type\nr,S1,3\n"),
        ("trips.txt", b"route_id,service_id,trip_id\nr,s,t\n"),
        (
            "stop_times.txt",
            b"trip_id,arrival_time,departure_time,stop_id,stop_sequence,extra\nt,25:10:00,25:10:00,a,1,\n",
        ),
        ("calendar_dates.txt", b"service_id,date,exception_type\ns,20261124,1\n"),
        ("readme.md", b"hello"),
    ];

    fn run(archive: Bytes) -> Result<Vec<(String, Vec<Chunk>)>, DecodeError> {
        let origin = Origin { name: "feed.zip".into(), captured_at: jiff::Timestamp::UNIX_EPOCH };
        let decoded = decode("feed.zip", archive, &origin, &contracts(), Limits::default())?;
        let mut out: Vec<_> = decoded.tables.iter().map(|head| (head.contract.table.clone(), Vec::new())).collect();
        for step in decoded.steps {
            if let Step::Rows { table, chunk } = step? {
                out[table].1.push(chunk);
            }
        }
        Ok(out)
    }

    fn with(name: &'static str, text: &'static [u8]) -> Bytes {
        let mut files: Vec<_> = FEED.iter().copied().filter(|(file, _)| *file != name).collect();
        files.push((name, text));
        archive(&files)
    }

    #[test]
    fn rows_come_with_types_origin_and_flaws() {
        let tables = run(archive(FEED)).unwrap();
        let stops = &tables.iter().find(|(name, _)| name == "stops").unwrap().1[0];
        assert_eq!(stops.rows.num_rows(), 2);
        assert_eq!(stops.flaws.len(), 1);
        assert_eq!((stops.flaws[0].row, stops.flaws[0].found.as_str()), (1, "x"));
        let name: &StringArray = stops.rows.column_by_name("stop_name").unwrap().as_any().downcast_ref().unwrap();
        assert_eq!(name.value(0), "Rathaus, Nord");
        let line: &UInt64Array = stops.rows.column_by_name("_row").unwrap().as_any().downcast_ref().unwrap();
        assert_eq!(line.values(), &[2, 3]);
    }

    #[test]
    fn a_feed_without_a_required_file_is_refused() {
        let files: Vec<_> = FEED.iter().copied().filter(|(file, _)| *file != "stops.txt").collect();
        let error = run(archive(&files)).unwrap_err().to_string();
        assert!(error.contains("neither 'stops.txt' nor 'locations.geojson'"), "{error}");
        assert!(run(Bytes::from_static(b"<html>")).unwrap_err().to_string().contains("not a readable zip"));
    }

    #[test]
    fn headers_that_cannot_be_mapped_are_refused() {
        let twice = run(with("trips.txt", b"route_id,service_id,trip_id,trip_id\nr,s,t,t\n")).unwrap_err();
        assert_eq!(
            twice.to_string(),
            "trips.txt, row 1: the column 'trip_id' stands in the header twice. Remove one of the two."
        );
        let missing = run(with("trips.txt", b"route_id,trip_id\nr,t\n")).unwrap_err().to_string();
        assert!(missing.contains("required column 'service_id'"), "{missing}");
    }

    #[test]
    fn a_row_with_too_many_fields_is_flawed_as_a_whole() {
        let tables = run(with("trips.txt", b"route_id,service_id,trip_id\nr,s,t,u\nr,s,v\n")).unwrap();
        let trips = &tables.iter().find(|(name, _)| name == "trips").unwrap().1[0];
        // Rows of another length stand behind the others of their chunk.
        assert_eq!((trips.flaws.len(), trips.flaws[0].row, trips.flaws[0].column), (1, 1, None));
        let line: &UInt64Array = trips.rows.column_by_name("_row").unwrap().as_any().downcast_ref().unwrap();
        assert_eq!(line.values(), &[3, 2]);
    }

    #[test]
    fn a_file_that_inflates_without_measure_is_refused_in_bounded_memory() {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in FEED.iter().filter(|(name, _)| *name != "shapes.txt") {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(text).unwrap();
        }
        zip.start_file("shapes.txt", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(b"shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n").unwrap();
        let line = b"a,48.47,7.94,1\n".repeat(70_000);
        for _ in 0..120 {
            zip.write_all(&line).unwrap();
        }
        let error = run(zip.finish().unwrap().into_inner().into()).unwrap_err().to_string();
        assert!(error.contains("zip bomb"), "{error}");
    }

    #[test]
    fn every_feed_of_the_repository_decodes_with_as_many_stop_times_as_its_index_says() {
        decodes_as_the_index_says(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/feeds"));
    }

    #[test]
    #[cfg_attr(not(shared), ignore = "needs the collection of feeds and captures beside the checkout")]
    fn every_real_feed_decodes_with_as_many_stop_times_as_its_index_says() {
        decodes_as_the_index_says(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/feeds"));
    }

    fn decodes_as_the_index_says(folder: &Path) {
        let index = std::fs::read_to_string(folder.join("INDEX.tsv")).unwrap();
        for line in index.lines().skip(1) {
            let fields: Vec<_> = line.split('\t').collect();
            let bytes = std::fs::read(folder.join(format!("{}.zip", fields[0]))).unwrap();
            let tables = run(bytes.into()).unwrap_or_else(|error| panic!("{}: {error}", fields[0]));
            let rows = |name: &str| {
                let table = tables.iter().find(|(table, _)| table == name);
                table.map_or(0, |(_, chunks)| chunks.iter().map(|chunk| chunk.rows.num_rows()).sum())
            };
            assert_eq!(rows("stop_times").to_string(), fields[6], "{}", fields[0]);
            assert_eq!(rows("stops").to_string(), fields[8], "{}", fields[0]);
            assert_eq!(rows("shapes").to_string(), fields[9], "{}", fields[0]);
        }
    }
}
