//! GTFS Schedule as columns, for the rules that look at a whole feed.
//!
//! One thread inflates, cuts blocks of whole records and finds their fields, the caller's turns each block into columns: ids and text become
//! integer codes ([`Words`]), times seconds, dates days, coordinates floats. What cannot be read is a [`CellFlaw`] with
//! its row, and a file that cannot be read at all has a [`Status`] that says so; nothing here ends the reading of the
//! other files. Unlike [`crate::decode::gtfs`], which refuses a feed that cannot be published, this reads as much as there
//! is, because a report has to tell everything that is wrong. Holds all columns in memory, some 30 bytes per stop time.

mod columns;
pub mod json;
pub mod words;

use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bytes::Bytes;

pub use self::columns::{Bits, Column, NO_INT};
pub use self::words::{NONE, Words};
use crate::contract::library::Library;
use crate::contract::{Contract, Presence};
use crate::decode::archive::{self, Archive, SMALL};
use crate::decode::csv::{BARE_RETURNS, Blocks, header_fields};
use crate::decode::gtfs::{GEOJSON_BYTES, Measured};
use crate::decode::{DecodeError, Limits};
use columns::{Builder, Scanned};

/// Blocks that may stand between the two threads.
const QUEUE: usize = 6;

/// Where the files of a feed are.
pub enum Package {
    /// A zip archive.
    Archive(Bytes),
    /// A folder with the files of the archive.
    Folder(PathBuf),
}

/// A feed, read as far as it can be read.
pub struct Timetable {
    /// What the feed is called in messages.
    pub name: String,
    /// The files at the top of the archive, in its order.
    pub files: Vec<String>,
    /// Whether a file of the GTFS reference stands in a folder inside the archive.
    pub nested: bool,
    /// Files at the top that the reference writes in other letters, large or small, and its name of each.
    pub letter_case: Vec<(String, String)>,
    /// Files at the top that the reference does not know.
    pub unknown: Vec<String>,
    /// One for each contract of a GTFS file, present or not, by the tables' names.
    pub tables: Vec<Table>,
    /// The text of `locations.geojson`.
    pub zones: Option<Vec<u8>>,
    /// What kept a file from being read.
    pub failures: Vec<Failure>,
    /// Bytes that all of it takes, with what rules lay beside its rows: at most [`Limits::held_bytes`], if nothing is cut.
    pub bytes: usize,
}

/// A file that could not be read to its end.
#[derive(Clone, Debug)]
pub struct Failure {
    pub kind: FailureKind,
    pub file: String,
    pub message: String,
    /// The line up to which it was read.
    pub line: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The text is no CSV.
    Csv,
    /// The bytes could not be had.
    Io,
    /// The reading program failed on the file.
    Program,
    /// A thread stopped, and what it would have read is not known.
    Thread,
}

/// How far a table could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Missing,
    /// The file has not even a header.
    Empty,
    /// The header cannot be used, so no row was read.
    BadHeader,
    /// Some rows could not be read; the others were.
    BadRows,
    Good,
}

/// One file as columns.
pub struct Table {
    pub contract: Arc<Contract>,
    /// `stop_times.txt`
    pub file: String,
    pub status: Status,
    /// The names of the columns as they stand in the file.
    pub header: Vec<String>,
    pub header_flaws: Vec<HeaderFlaw>,
    pub rows: usize,
    lines: Lines,
    /// By the columns of the contract; `None` where the file does not have it.
    pub columns: Vec<Option<Column>>,
    pub flaws: Flaws,
    /// Rows with a cell that could not be read. Rows that could not be taken apart are no rows here, only flaws.
    pub bad: Bits,
    /// Whether the file has more rows than were read, because it or the feed is too large.
    pub is_cut: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderFlaw {
    /// Counted from 1, like all places here.
    EmptyName(usize),
    Duplicated {
        name: String,
        first: usize,
        second: usize,
    },
    Unknown {
        name: String,
        place: usize,
    },
    Missing(String),
}

impl HeaderFlaw {
    /// Whether the rows cannot be read because of it.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::Unknown { .. })
    }
}

/// What can be wrong with a cell or a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A required value is not there.
    Required,
    /// A recommended value is not there.
    Recommended,
    /// The text was no UTF-8.
    Character,
    NewLine,
    WhiteSpace,
    Integer,
    Float,
    Time,
    Date,
    /// A number that the enum does not have.
    Enum,
    Range,
    /// `value` holds how many fields the row has.
    RowLength,
    EmptyRow,
    Color,
    Url,
    Email,
    Phone,
    Language,
    Timezone,
    Currency,
    NonAscii,
}

impl Kind {
    /// All kinds, in the order of their declaration.
    pub const ALL: [Self; 21] = [
        Self::Required,
        Self::Recommended,
        Self::Character,
        Self::NewLine,
        Self::WhiteSpace,
        Self::Integer,
        Self::Float,
        Self::Time,
        Self::Date,
        Self::Enum,
        Self::Range,
        Self::RowLength,
        Self::EmptyRow,
        Self::Color,
        Self::Url,
        Self::Email,
        Self::Phone,
        Self::Language,
        Self::Timezone,
        Self::Currency,
        Self::NonAscii,
    ];

    /// Whether the row cannot be used because of it.
    pub fn spoils_the_row(self) -> bool {
        !matches!(self, Self::Recommended | Self::WhiteSpace | Self::Enum | Self::EmptyRow | Self::NonAscii)
    }
}

/// A cell or row with a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellFlaw {
    pub kind: Kind,
    /// Of the file.
    pub line: u64,
    /// Of the contract; `None` if the row as a whole is meant.
    pub column: Option<u32>,
    /// As it stands in the file, cut to [`EXCERPT`] characters.
    pub value: String,
}

/// Characters of a flawed value that are kept.
pub const EXCERPT: usize = 120;

/// The flaws of a table: all are counted, the first of each kind are kept.
#[derive(Clone, Debug, Default)]
pub struct Flaws {
    counts: [u64; Kind::ALL.len()],
    pub first: Vec<CellFlaw>,
}

impl Flaws {
    /// As many of each kind as a report shows.
    pub const KEPT: u64 = 1000;

    pub fn count(&self, kind: Kind) -> u64 {
        self.counts[kind as usize]
    }

    pub fn add(&mut self, kind: Kind, line: u64, column: Option<u32>, value: &[u8]) {
        let count = &mut self.counts[kind as usize];
        *count += 1;
        if *count <= Self::KEPT {
            // Four bytes are the longest character; half of one at the cut becomes a mark and is dropped by `take`.
            let text = String::from_utf8_lossy(&value[..value.len().min(4 * EXCERPT + 4)]);
            self.first.push(CellFlaw { kind, line, column, value: text.chars().take(EXCERPT).collect() });
        }
    }
}

/// On which line each row stands: runs of rows that follow one on the other.
#[derive(Clone, Debug, Default)]
struct Lines {
    /// The first row of a run, and its line.
    runs: Vec<(u32, u64)>,
}

impl Lines {
    fn add(&mut self, row: usize, line: u64) {
        match self.runs.last() {
            Some(&(first, begin)) if begin + (row as u64 - u64::from(first)) == line => {}
            _ => self.runs.push((row as u32, line)),
        }
    }

    fn bytes(&self) -> usize {
        self.runs.capacity() * size_of::<(u32, u64)>()
    }

    fn of(&self, row: usize) -> u64 {
        let place = self.runs.partition_point(|&(first, _)| first as usize <= row);
        match place.checked_sub(1).map(|place| self.runs[place]) {
            Some((first, line)) => line + (row as u64 - u64::from(first)),
            None => row as u64 + 2,
        }
    }
}

impl Table {
    fn missing(contract: &Arc<Contract>, file: &str) -> Self {
        Self {
            contract: contract.clone(),
            file: file.to_owned(),
            status: Status::Missing,
            header: Vec::new(),
            header_flaws: Vec::new(),
            rows: 0,
            lines: Lines::default(),
            columns: Vec::new(),
            flaws: Flaws::default(),
            bad: Bits::default(),
            is_cut: false,
        }
    }

    /// The line of the file on which a row begins; the header is on line 1.
    pub fn line(&self, row: usize) -> u64 {
        self.lines.of(row)
    }

    /// Whether rules over the table can be trusted: it was read without a fault, or it need not be there.
    pub fn is_usable(&self) -> bool {
        match self.status {
            Status::Good => true,
            Status::Missing => self.contract.presence != Presence::Required,
            _ => false,
        }
    }

    /// Whether the header names the column.
    pub fn has(&self, column: &str) -> bool {
        self.header.iter().any(|name| name == column)
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.get(self.contract.index_of(name)?)?.as_ref()
    }

    /// Marks a fault that was found after reading, in a cell of `row`.
    pub fn flaw(&mut self, kind: Kind, row: usize, column: u32, value: &[u8]) {
        let line = self.line(row);
        self.flaws.add(kind, line, Some(column), value);
        if kind.spoils_the_row() {
            self.bad.set(row);
            self.status = self.status.min(Status::BadRows);
        }
    }
}

/// What the inflating thread tells.
enum Raw {
    Header { table: usize, fields: Vec<String> },
    Empty { table: usize },
    Block(Scanned),
    Zones(Vec<u8>),
    End,
    Failed { table: usize, failure: Failure },
}

/// Reads a feed. `name` is for messages. Fails only if the archive or folder as a whole cannot be read.
pub fn read(name: &str, package: Package, contracts: &Library, limits: Limits) -> Result<Timetable, DecodeError> {
    let source = Source::open(name, package, limits)?;
    let paths = source.paths();
    let mut timetable = Timetable {
        name: name.to_owned(),
        files: paths.iter().filter(|path| !path.contains('/')).map(|path| (*path).to_owned()).collect(),
        nested: false,
        unknown: Vec::new(),
        letter_case: Vec::new(),
        tables: Vec::new(),
        zones: None,
        failures: Vec::new(),
        bytes: 0,
    };
    for contract in contracts.contracts.values() {
        if let Some(file) = &contract.gtfs_file {
            timetable.tables.push(Table::missing(contract, file));
        }
    }
    let is_known = |leaf: &str| timetable.tables.iter().any(|table| table.file.eq_ignore_ascii_case(leaf));
    timetable.nested = paths.iter().any(|path| path.contains('/') && is_known(archive::leaf(path)));
    let mut todo: Vec<(String, usize)> = Vec::new();
    let found = |table: &Table| archive::find(timetable.files.iter().map(String::as_str), &table.file);
    let found: Vec<Option<usize>> = timetable.tables.iter().map(found).collect();
    for (place, file) in timetable.files.iter().enumerate() {
        match found.iter().position(|found| *found == Some(place)) {
            Some(table) => {
                if *file != timetable.tables[table].file {
                    timetable.letter_case.push((file.clone(), timetable.tables[table].file.clone()));
                }
                todo.push((file.clone(), table));
            }
            None => timetable.unknown.push(file.clone()),
        }
    }
    let (send, receive) = sync_channel(QUEUE);
    let jobs: Vec<Job> = todo
        .iter()
        .map(|(file, table)| Job {
            file: file.clone(),
            table: *table,
            zones: timetable.tables[*table].contract.table == "locations",
        })
        .collect();
    let inflating = std::thread::spawn(move || inflate_all(source, &jobs, limits, &send));
    take_all(&receive, &mut timetable, limits);
    if inflating.join().is_err() {
        let message = "the thread that inflates the files stopped".to_owned();
        timetable.failures.push(Failure { kind: FailureKind::Thread, file: name.to_owned(), message, line: 0 });
    }
    Ok(timetable)
}

struct Job {
    file: String,
    table: usize,
    zones: bool,
}

enum Source {
    // Boxed, because an archive's directory is much larger than a path.
    Archive(Box<Archive>, Vec<archive::File>),
    Folder { path: PathBuf, files: Vec<String> },
}

impl Source {
    fn open(name: &str, package: Package, limits: Limits) -> Result<Self, DecodeError> {
        match package {
            Package::Archive(bytes) => {
                let mut archive = archive::open(name, bytes, limits)?;
                let files = archive::files(&mut archive).map_err(|error| {
                    DecodeError::feed(name, format!("a file name is not readable: {error}"), "Zip it again.")
                })?;
                Ok(Self::Archive(Box::new(archive), files))
            }
            Package::Folder(path) => {
                let listed = std::fs::read_dir(&path).and_then(|entries| {
                    let files = entries.collect::<Result<Vec<_>, _>>()?.into_iter();
                    Ok(files.filter(|entry| entry.path().is_file()).collect::<Vec<_>>())
                });
                let unreadable = |source| DecodeError::Io { name: name.to_owned(), source };
                let listed = listed.map_err(unreadable)?;
                // What a feed says is shown, and a feed may come from anybody: it may not say what other files hold.
                let folder = path.canonicalize().map_err(unreadable)?;
                for entry in &listed {
                    if !entry.path().canonicalize().map_err(unreadable)?.starts_with(&folder) {
                        let file = entry.file_name().to_string_lossy().escape_debug().to_string();
                        let problem =
                            format!("'{file}' is a link to a file outside of the folder, which is not followed");
                        return Err(DecodeError::feed(name, &problem, "Put the file itself into the folder."));
                    }
                }
                let names = listed.into_iter().filter_map(|entry| entry.file_name().into_string().ok());
                let mut files: Vec<String> = names.filter(|name| !archive::is_of_a_mac(name)).collect();
                files.sort_unstable();
                Ok(Self::Folder { path, files })
            }
        }
    }

    /// With `/` between folders.
    fn paths(&self) -> Vec<&str> {
        match self {
            Self::Archive(_, files) => files.iter().map(|file| file.path.as_str()).collect(),
            Self::Folder { files, .. } => files.iter().map(String::as_str).collect(),
        }
    }
}

/// The name in the archive of the file with this path.
fn name_of<'a>(files: &'a [archive::File], path: &'a str) -> &'a str {
    files.iter().find(|file| file.path == path).map_or(path, |file| &file.name)
}

fn inflate_all(mut source: Source, jobs: &[Job], limits: Limits, out: &SyncSender<Raw>) {
    let mut left = limits.archive_bytes;
    for job in jobs {
        let done = match &mut source {
            Source::Archive(archive, files) => match archive::entry(archive, name_of(files, &job.file)) {
                Ok(entry) => {
                    let packed = entry.compressed_size().max(1);
                    let most = limits.file_bytes.min(left).min(packed.saturating_mul(limits.ratio).max(SMALL));
                    inflate(job, Measured { input: entry, left: most, read: 0 }, limits, &mut left, out)
                }
                Err(problem) => failed(job, FailureKind::Io, problem, 0, out),
            },
            Source::Folder { path, .. } => match File::open(path.join(&job.file)) {
                Ok(file) => {
                    let most = limits.file_bytes.min(left);
                    inflate(job, Measured { input: file, left: most, read: 0 }, limits, &mut left, out)
                }
                Err(error) => failed(job, FailureKind::Io, format!("cannot be opened: {error}"), 0, out),
            },
        };
        if done.is_err() {
            return;
        }
    }
}

/// The receiver has gone.
struct Unwanted;

fn send(out: &SyncSender<Raw>, raw: Raw) -> Result<(), Unwanted> {
    out.send(raw).map_err(|_| Unwanted)
}

fn failed(job: &Job, kind: FailureKind, message: String, line: u64, out: &SyncSender<Raw>) -> Result<(), Unwanted> {
    send(out, Raw::Failed { table: job.table, failure: Failure { kind, file: job.file.clone(), message, line } })
}

fn inflate<R: Read>(
    job: &Job,
    mut input: Measured<R>,
    limits: Limits,
    left: &mut u64,
    out: &SyncSender<Raw>,
) -> Result<(), Unwanted> {
    if job.zones {
        let mut text = Vec::new();
        let most = GEOJSON_BYTES;
        return match (&mut input).take(most + 1).read_to_end(&mut text) {
            Ok(_) if text.len() as u64 > most => {
                failed(job, FailureKind::Io, format!("the file is larger than {most} bytes"), 0, out)
            }
            Ok(_) => send(out, Raw::Zones(text)),
            Err(error) => failed(job, FailureKind::Io, error.to_string(), 0, out),
        };
    }
    let mut blocks = Blocks::new(&job.file, input, limits);
    let mut begun = false;
    let mut width = 0;
    let mut torn = 0;
    loop {
        let next = if begun { blocks.next_block() } else { blocks.header() };
        let block = match next {
            Ok(Some(block)) => block,
            Ok(None) => break,
            Err(error) => {
                let (kind, line, message) = match error {
                    DecodeError::Row { row, problem, .. } => (FailureKind::Csv, row, problem),
                    DecodeError::Feed { problem, .. } if problem.contains("inflate") => (FailureKind::Io, 0, problem),
                    DecodeError::Feed { problem, .. } => (FailureKind::Csv, 0, problem),
                    DecodeError::Io { source, .. } => (FailureKind::Io, 0, source.to_string()),
                    DecodeError::Budget(exceeded) => (FailureKind::Io, 0, exceeded.to_string()),
                    DecodeError::Capture(error) => (FailureKind::Io, 0, error.to_string()),
                };
                return failed(job, kind, message, line, out);
            }
        };
        if begun {
            let scanned = Scanned::of(block, width, limits.torn_rows.saturating_sub(torn));
            torn += scanned.torn().len();
            let last = scanned.torn().last().filter(|_| torn > limits.torn_rows).map(|torn| torn.line);
            send(out, Raw::Block(scanned))?;
            if let Some(line) = last {
                let most = limits.torn_rows;
                let message =
                    format!("more than {most} rows do not have as many fields as the header: not read further");
                return failed(job, FailureKind::Csv, message, line, out);
            }
        } else {
            begun = true;
            let fields = header_fields(&block);
            width = fields.len();
            if fields.iter().any(|field| field.contains('\r')) {
                return failed(job, FailureKind::Csv, BARE_RETURNS.to_owned(), block.line, out);
            }
            if fields.len() > limits.columns {
                let message = format!("the header has {} columns, at most {} are read", fields.len(), limits.columns);
                return failed(job, FailureKind::Csv, message, 1, out);
            }
            send(out, Raw::Header { table: job.table, fields })?;
        }
    }
    *left = left.saturating_sub(blocks.into_inner().read);
    send(out, if begun { Raw::End } else { Raw::Empty { table: job.table } })
}

/// What the text of `locations.geojson` takes at most as a tree of JSON and as outlines. Measured: 400 bytes for a corner, which is a
/// bracket and two commas.
fn zones_bytes(text: &[u8]) -> usize {
    let of = |byte: &u8| match byte {
        b'{' => 600,
        b'[' => 120,
        b',' => 140,
        _ => 1,
    };
    text.iter().map(of).sum()
}

/// Bytes that rules lay beside a table while they look at a feed, at most: the order of a row in its group, the place of its key, the
/// days of a service. Measured on feeds of millions of rows in no order, with all rules at once.
fn beside(table: &str, rows: usize, values: usize) -> usize {
    match table {
        "stop_times" => 16 * rows,
        // The values are services.
        "calendar" | "calendar_dates" => 64 * rows + 400 * values,
        _ => 64 * rows,
    }
}

/// Bytes of a table while `more` is put in.
fn bytes_with(table: &Table, builder: &Builder, more: Option<&Scanned>) -> usize {
    let rows = builder.rows + more.map_or(0, |block| builder.rows_of(block));
    builder.bytes_with(more)
        + table.lines.bytes()
        + table.bad.bytes()
        + beside(&table.contract.table, rows, builder.values())
}

fn take_all(input: &Receiver<Raw>, timetable: &mut Timetable, limits: Limits) {
    let mut current: Option<(usize, Builder)> = None;
    while let Ok(raw) = input.recv() {
        match raw {
            Raw::Header { table, fields } => {
                let target = &mut timetable.tables[table];
                target.header_flaws = header_flaws(&target.contract, &fields);
                target.header = fields;
                if target.header_flaws.iter().any(HeaderFlaw::is_fatal) {
                    target.status = Status::BadHeader;
                } else {
                    target.status = Status::Good;
                    current = Some((table, Builder::new(&target.contract, &target.header)));
                }
            }
            Raw::Empty { table } => timetable.tables[table].status = Status::Empty,
            Raw::Block(block) => {
                let Some((table, builder)) = &mut current else { continue };
                let target = &mut timetable.tables[*table];
                if target.is_cut {
                    continue;
                }
                let line = block.line;
                // Before the lists grow.
                if timetable.bytes + bytes_with(target, builder, Some(&block)) > limits.held_bytes {
                    target.is_cut = true;
                    target.status = Status::BadRows;
                    continue;
                }
                // A fault of the program on one file must not take the others with it, and must be told.
                let taken = catch_unwind(AssertUnwindSafe(|| {
                    builder.take(&block, &mut target.flaws, &mut target.bad, &mut target.lines);
                }));
                if taken.is_err() {
                    let message = "the program failed on the rows after this line".to_owned();
                    let file = target.file.clone();
                    target.status = Status::BadHeader;
                    timetable.failures.push(Failure { kind: FailureKind::Program, file, message, line });
                    current = None;
                    continue;
                }
                target.rows = builder.rows;
                if target.rows >= limits.rows {
                    target.is_cut = true;
                    target.status = Status::BadRows;
                }
            }
            Raw::Zones(text) if timetable.bytes + zones_bytes(&text) > limits.held_bytes => {
                let Some(table) = timetable.tables.iter_mut().find(|table| table.contract.table == "locations") else {
                    continue;
                };
                table.status = Status::BadHeader;
                let (needed, most) = (zones_bytes(&text), limits.held_bytes);
                let message = format!("the zones would take {needed} bytes in memory, a feed may take {most}");
                let failure = Failure { kind: FailureKind::Io, file: table.file.clone(), message, line: 0 };
                timetable.failures.push(failure);
            }
            Raw::Zones(text) => {
                timetable.bytes += zones_bytes(&text);
                timetable.zones = Some(text);
            }
            Raw::Failed { table, failure } => {
                timetable.tables[table].status = if current.is_some() { Status::BadRows } else { Status::BadHeader };
                timetable.failures.push(failure);
                finish(&mut current, timetable);
            }
            Raw::End => finish(&mut current, timetable),
        }
    }
    finish(&mut current, timetable);
}

fn finish(current: &mut Option<(usize, Builder)>, timetable: &mut Timetable) {
    if let Some((table, builder)) = current.take() {
        let target = &mut timetable.tables[table];
        timetable.bytes += bytes_with(target, &builder, None);
        target.columns = builder.finish();
        if target.bad.any() || target.flaws.count(Kind::RowLength) > 0 {
            target.status = target.status.min(Status::BadRows);
        }
    }
}

fn header_flaws(contract: &Contract, fields: &[String]) -> Vec<HeaderFlaw> {
    let mut flaws = Vec::new();
    for (place, name) in fields.iter().enumerate() {
        if name.is_empty() {
            flaws.push(HeaderFlaw::EmptyName(place + 1));
            continue;
        }
        if let Some(first) = fields[..place].iter().position(|other| other == name) {
            flaws.push(HeaderFlaw::Duplicated { name: name.clone(), first: first + 1, second: place + 1 });
        }
        if contract.index_of(name).is_none() {
            flaws.push(HeaderFlaw::Unknown { name: name.clone(), place: place + 1 });
        }
    }
    let mut missing: Vec<&String> = contract
        .columns
        .iter()
        .filter(|column| column.must_be_there() && !fields.contains(&column.name))
        .map(|column| &column.name)
        .collect();
    missing.sort_unstable();
    flaws.extend(missing.into_iter().cloned().map(HeaderFlaw::Missing));
    flaws
}
