//! GTFS Schedule: a zip archive of CSV files becomes one table per file.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

use bytes::Bytes;

use super::archive;
use super::geojson;
use super::inflate::{Job, inflate_all};
use super::read::unread;
use super::reader::{IsNeeded, Item, Part, Publication, QUEUE, Reader, Rows, fault};
use super::source::{Package, Source};
use super::timetable::{Timetable, TimetableReading};
use crate::contract::library::Library;
use crate::contract::{Contract, Presence, Severity};
use crate::decode::format::NeededColumns;
use crate::decode::{DecodeError, Decoded, Head, Limits, Note, Step};
use crate::table::{Chunk, Origin, Reservation};

/// Files that may be absent although the reference calls them conditionally required, as long as the other one is
/// there (GTFS reference, "Dataset files").
const EITHER: &[(&str, &str)] = &[
    ("stops.txt", "locations.geojson"),
    ("calendar.txt", "calendar_dates.txt"),
    ("calendar_dates.txt", "calendar.txt"),
];

/// Opens a GTFS archive held in memory. `name` is for messages; `origin` says when it was captured. Nothing of the feed is held:
/// a feed of any size costs the same memory.
///
/// # Errors
/// The archive is none, or lacks a file that the reference requires. Other errors come with the steps.
pub fn decode(
    name: &str,
    archive: Bytes,
    origin: &Origin,
    contracts: &Library,
    limits: Limits,
) -> Result<Decoded, DecodeError> {
    let opened = Opened::new(name, archive, contracts, limits)?;
    Ok(opened.begin(origin, None, Box::new(|_, _| true)))
}

/// As [`decode`], but with no rows of tables that are not needed, and without the cells of columns that are not.
///
/// # Errors
/// As of [`decode`].
pub fn decode_needed(
    name: &str,
    archive: Bytes,
    origin: &Origin,
    (contracts, needs): (&Library, &NeededColumns),
    limits: Limits,
) -> Result<Decoded, DecodeError> {
    let mut opened = Opened::new(name, archive, contracts, limits)?;
    opened.files.retain(|(_, contract)| needs.contains_key(&contract.table));
    let needs = needs.clone();
    let is_needed = move |table: &str, column: &str| needs.get(table).is_some_and(|columns| columns.contains(column));
    Ok(opened.begin(origin, None, Box::new(is_needed)))
}

/// As [`decode`], but from columns that make the timetable, too, booked on what is reserved: as much of it as fits. Its tables
/// are those of the contracts, and those of the reference that they leave out. What does not fit is published all the same.
///
/// # Errors
/// As of [`decode`].
pub fn decode_whole(
    name: &str,
    archive: Bytes,
    origin: &Origin,
    contracts: &Library,
    (limits, reserved): (Limits, Reservation),
) -> Result<Decoded, DecodeError> {
    let limits = Limits { held_bytes: reserved.bytes(), ..limits };
    let opened = Opened::new(name, archive, contracts, limits)?;
    let (timetable, jobs) = unread(name, &opened.source, &Library::gtfs().overlaid(contracts.clone()));
    Ok(opened.begin(origin, Some(Holding { timetable, jobs, reserved }), Box::new(|_, _| true)))
}

/// Those files that are published, in their order, and then those that are only held. A file that two tables are made of is
/// read for each of them.
fn jobs(files: Vec<(String, Arc<Contract>)>, held: &[Job]) -> Vec<Job> {
    let of_table = |contract: &Contract, file: &str| {
        held.iter().find(|job| job.contract.table == contract.table && job.file == file).and_then(|job| job.held)
    };
    let mut jobs: Vec<Job> = Vec::new();
    for (place, (file, contract)) in files.into_iter().enumerate() {
        let held = of_table(&contract, &file);
        jobs.push(Job { file, contract, published: Some(place), held });
    }
    let rest = held.iter().filter(|job| !jobs.iter().any(|other| other.held == job.held));
    let rest: Vec<Job> = rest
        .map(|job| Job { file: job.file.clone(), contract: job.contract.clone(), published: None, held: job.held })
        .collect();
    jobs.extend(rest);
    jobs
}

/// A timetable that is to be held beside what is published: its files that are there, and the memory for it.
struct Holding {
    timetable: Timetable,
    jobs: Vec<Job>,
    reserved: Reservation,
}

/// An archive whose files are known and not read.
struct Opened {
    /// For messages.
    name: String,
    source: Source,
    /// The path and the contract of each file that is published.
    files: Vec<(String, Arc<Contract>)>,
    notes: Vec<Note>,
    limits: Limits,
}

impl Opened {
    fn new(name: &str, archive: Bytes, contracts: &Library, limits: Limits) -> Result<Self, DecodeError> {
        let source = Source::open(name, Package::Archive(archive), limits)?;
        let mut notes = Vec::new();
        let files = tables(name, &source, contracts, &mut notes)?;
        Ok(Self { name: name.to_owned(), source, files, notes, limits })
    }

    /// Three threads work side by side: one inflates, cuts blocks of whole records and finds their fields, one reads blocks into
    /// columns or chunks, one makes chunks of columns. What stands between them is bounded.
    fn begin(self, origin: &Origin, holding: Option<Holding>, needs: IsNeeded) -> Decoded {
        let Self { name, source, files, notes, limits } = self;
        let jobs = jobs(files, holding.as_ref().map_or(&[], |holding| &holding.jobs));
        let published = jobs.iter().filter(|job| job.published.is_some());
        let head = |job: &Job| Head {
            contract: job.contract.clone(),
            origins: [Origin { name: job.file.clone(), captured_at: origin.captured_at }].into(),
        };
        let tables = published.map(head).collect();
        let jobs: Arc<[Job]> = jobs.into();
        let (to_reader, from_inflater) = sync_channel(QUEUE);
        let (to_maker, from_reader) = channel();
        let (to_caller, from_maker) = sync_channel(QUEUE);
        let (to_holder, reading) = sync_channel(1);
        let held = holding.as_ref().map(|_| TimetableReading(reading));
        // A thread that panics drops its sender; the stream then ends without `Done`, which is an error below.
        let of_inflater = jobs.clone();
        let inflating = std::thread::spawn(move || inflate_all(source, &of_inflater, limits, &to_reader));
        let (of_maker, of_reader) = (jobs.clone(), name.clone());
        std::thread::spawn(move || {
            let (timetable, reserved) = holding.map(|holding| (holding.timetable, holding.reserved)).unzip();
            let publication = Publication::new(to_maker, needs, timetable.as_ref().map(|_| limits.held_bytes));
            let mut reader = Reader::new(&jobs, limits, timetable, Some(publication), reserved);
            reader.take_all(&from_inflater);
            drop(from_inflater);
            reader.close(&of_reader, inflating.join().is_err());
            if let (Some(timetable), Some(reserved)) = (reader.timetable, reader.reserved) {
                // Who has gone does not need it.
                let _ = to_holder.send((timetable, reserved));
            }
        });
        std::thread::spawn(move || make_all(&from_reader, &of_maker, &to_caller));
        let steps = Box::new(Stream { name, steps: from_maker, done: false });
        Decoded { tables, notes, steps, timetable: held }
    }
}

/// The files of the archive that have a contract, in reference order; notes about the others; an error if one that the
/// reference requires is absent.
fn tables(
    name: &str,
    source: &Source,
    contracts: &Library,
    notes: &mut Vec<Note>,
) -> Result<Vec<(String, Arc<Contract>)>, DecodeError> {
    let present = source.files();
    let by_file: BTreeMap<&str, &Arc<Contract>> =
        contracts.contracts.values().filter_map(|c| Some((c.gtfs_file.as_deref()?, c))).collect();
    let find = |file: &str| archive::find(present.iter().map(|(path, _)| *path), file);
    let read: BTreeMap<usize, &str> = by_file.keys().filter_map(|file| Some((find(file)?, *file))).collect();
    for (place, (path, name)) in present.iter().enumerate() {
        let leaf = archive::leaf(path);
        let (rule, severity, message) = match read.get(&place) {
            Some(meant) if meant == path => continue,
            Some(meant) => {
                let message = format!("is read as '{meant}': the names of files are written in small letters");
                ("gtfs.file_name_letter_case", Severity::Warning, message)
            }
            None if leaf != *path && by_file.keys().any(|meant| meant.eq_ignore_ascii_case(leaf)) => {
                let message = "is in a folder; GTFS files stand at the top".to_owned();
                ("gtfs.invalid_input_files_in_subfolder", Severity::Error, message)
            }
            None => {
                let message = "is no file of the GTFS reference and was not read".to_owned();
                ("gtfs.unknown_file", Severity::Info, message)
            }
        };
        notes.push(Note { rule, severity, message: format!("'{}' {message}", name.escape_debug()) });
    }
    notes.sort_by(|a, b| a.message.cmp(&b.message));
    let has = |file: &str| find(file).is_some();
    for (&file, contract) in &by_file {
        let other = EITHER.iter().find(|(one, _)| *one == file).map(|(_, other)| *other);
        let needed = contract.presence == Presence::Required || other.is_some_and(|other| !has(other));
        if needed && !has(file) {
            let nested = present.iter().find(|(path, _)| archive::leaf(path).eq_ignore_ascii_case(file));
            let problem = match (nested, other) {
                (Some((_, nested)), _) => {
                    let nested = nested.escape_debug();
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
        Some((present[place].0.to_owned(), contract))
    });
    Ok(found.collect())
}

/// What the caller's stream gets.
enum Parsed {
    Step(Step),
    Failed(DecodeError),
    Done,
}

/// Why no more chunks are made.
enum Stop {
    Failed(DecodeError),
    /// The receiver has gone.
    Disconnected,
}

/// Makes chunks of what the reader gives.
fn make_all(input: &Receiver<Item>, jobs: &[Job], out: &SyncSender<Parsed>) {
    while let Ok(item) = input.recv() {
        let is_last = matches!(item, Item::Done | Item::Failed(_));
        match make(item, jobs, out) {
            Ok(()) if is_last => return,
            Ok(()) => {}
            Err(Stop::Failed(error)) => {
                // A caller that has gone does not need the error either.
                let _ = out.send(Parsed::Failed(error));
                return;
            }
            Err(Stop::Disconnected) => return,
        }
    }
}

fn make(item: Item, jobs: &[Job], out: &SyncSender<Parsed>) -> Result<(), Stop> {
    let send = |parsed| out.send(parsed).map_err(|_| Stop::Disconnected);
    let rows = |table: usize, chunk: Chunk| send(Parsed::Step(Step::Rows { table, chunk }));
    match item {
        Item::Note(note) => send(Parsed::Step(Step::Note(note))),
        Item::Rows(Rows { table, layout, columns, lines, parts }) => {
            for part in parts {
                let chunk = match part {
                    Part::Chunk(chunk) => chunk,
                    Part::Columns(range) => {
                        let column = |place: usize| columns.get(place).and_then(Option::as_ref);
                        layout.chunk_of_columns(column, &lines, range).map_err(Stop::Failed)?
                    }
                };
                rows(table, chunk)?;
            }
            Ok(())
        }
        Item::Flow { table, chunks } => chunks.iter().try_for_each(|chunk| rows(table, chunk)),
        Item::Zones { table, job, text } => {
            let job = &jobs[job];
            let chunk = geojson::rows(&text, &job.contract).map_err(|problem| {
                Stop::Failed(DecodeError::feed(&job.file, problem, "Check the file with a GeoJSON validator."))
            })?;
            chunk.map_or(Ok(()), |chunk| rows(table, chunk))
        }
        Item::End { table } => send(Parsed::Step(Step::End { table })),
        Item::Failed(error) => Err(Stop::Failed(error)),
        Item::Done => send(Parsed::Done),
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
                Some(Err(fault(&self.name, "reading the archive stopped without a result")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{StringArray, UInt64Array};
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
