//! Quarantine: rows that were held back, kept in the private store until a rule, a mapping or the data manager lets them go.
//!
//! `<private>/quarantine/<dataset>/date=YYYY-MM-DD/<table>.parquet` has rows of the feed, `<table>.release.parquet` rows of
//! the release's contract: all columns that the check saw, private ones included, the origin fields, and
//!
//! | column | what |
//! |---|---|
//! | `_id` | by which the row is known, 16 hex digits, see [`RowId`] |
//! | `_rules` | the ids of the rules that held it, with a space between them |
//! | `_origin_name` | the file or the evidence that it came from; `_row` is its place there |
//! | `_run` | the first twelve hex digits of the run's `inputs` |
//! | `_held_at` | when that run began |
//!
//! [`decisions`] are what the data manager decides of rows, [`held`] finds those that wait for one, [`reconciliation`] tells which rows a run let go, and [`destroy`] ends
//! what retention does not keep any more.

pub(crate) mod decisions;
pub(crate) mod destroy;
pub(crate) mod held;
pub(crate) mod reconciliation;

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use jiff::Timestamp;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::contract::{Contract, OnFail, RuleId};
use crate::digest::Digester;
use crate::durable;
use crate::table::{ORIGIN, ORIGIN_ROW, Origin};
use crate::time::ServiceDate;

pub(crate) const ID: &str = "_id";
pub(crate) const RULES: &str = "_rules";
pub(crate) const ORIGIN_NAME: &str = "_origin_name";
pub(crate) const RUN: &str = "_run";
pub(crate) const HELD_AT: &str = "_held_at";

#[derive(Debug, thiserror::Error)]
pub enum QuarantineError {
    #[error("{path} could not be {verb}: {problem}. Check the disk and the permissions.", path = path.display())]
    File { path: PathBuf, verb: &'static str, problem: String },
    #[error("{path} is no quarantine: {problem}. Remove it, and run the partition again.", path = path.display())]
    Content { path: PathBuf, problem: String },
}

impl QuarantineError {
    fn file(path: &Path, verb: &'static str, problem: &dyn fmt::Display) -> Self {
        Self::File { path: path.to_owned(), verb, problem: problem.to_string() }
    }

    fn content(path: &Path, problem: &dyn fmt::Display) -> Self {
        Self::Content { path: path.to_owned(), problem: problem.to_string() }
    }
}

/// Which check held a row: the one of the feed's contract, or the one of the release's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Feed,
    Release,
}

impl Stage {
    pub(crate) const BOTH: [Self; 2] = [Self::Feed, Self::Release];

    /// The file of a table's rows.
    pub(crate) fn file(self, table: &str) -> String {
        match self {
            Self::Feed => format!("{table}.parquet"),
            Self::Release => format!("{table}.release.parquet"),
        }
    }

    /// The table whose rows a file has.
    pub(crate) fn of_file(name: &str) -> Option<(&str, Self)> {
        let name = name.strip_suffix(".parquet")?;
        Some(name.strip_suffix(".release").map_or((name, Self::Feed), |table| (table, Self::Release)))
    }
}

/// The folder of a dataset's quarantine.
pub(crate) fn folder(private: &Path, dataset: &str) -> PathBuf {
    private.join("quarantine").join(dataset)
}

/// The folder of a partition's quarantine.
pub(crate) fn partition(private: &Path, dataset: &str, date: ServiceDate) -> PathBuf {
    folder(private, dataset).join(format!("date={date}"))
}

/// By which a row is known: the first 64 bits of the SHA-256 over its origin's name, its place there, and its values. The
/// same evidence gives the same id again: columns whose values a mapping replaces or a rule may null do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(u64);

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl std::str::FromStr for RowId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let id = (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok()).flatten();
        id.map(Self).ok_or_else(|| format!("expected the 16 hex digits of a row, found '{text}'"))
    }
}

impl Serialize for RowId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RowId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The columns that a contract's rules may null: a row has their values before the check and may have lost them after it.
pub(crate) fn nullable(contract: &Contract) -> BTreeSet<String> {
    let own = contract.columns.iter().enumerate();
    let own = own.filter(|(_, column)| column.on_fail == Some(OnFail::Invalidate)).map(|(place, _)| place);
    let keys = contract.foreign_keys.iter().filter(|key| key.on_fail == OnFail::Invalidate);
    let places = own.chain(keys.flat_map(|key| key.columns.iter().copied()));
    let places = places.chain(contract.rules.iter().flat_map(|rule| rule.invalidates.iter().copied()));
    places.map(|place| contract.columns[place].name.clone()).collect()
}

/// How the rows of a table are known.
pub struct Identity {
    columns: Vec<String>,
    origins: Arc<[Origin]>,
}

impl Identity {
    /// `ignored` are columns that have another value in the next run, of the same evidence, see also [`nullable`].
    pub fn new(contract: &Contract, ignored: &BTreeSet<String>, origins: Arc<[Origin]>) -> Self {
        let columns = contract.columns.iter().map(|column| column.name.clone());
        Self { columns: columns.filter(|name| !ignored.contains(name)).collect(), origins }
    }

    /// The id of a row on its way: the contract's columns and the origin fields.
    pub fn of(&self, rows: &RecordBatch, row: usize) -> RowId {
        self.id(self.origin_name(rows, row), rows, row)
    }

    /// The id of a row of a quarantine file.
    pub fn of_kept(&self, rows: &RecordBatch, row: usize) -> RowId {
        self.id(texts(rows, ORIGIN_NAME).map_or("", |names| names.value(row)), rows, row)
    }

    pub fn origin_name(&self, rows: &RecordBatch, row: usize) -> &str {
        self.origins.get(place(rows, row).0 as usize).map_or("", |origin| &origin.name)
    }

    /// Absent values do not count, so that a column that is new in a contract changes no id.
    fn id(&self, origin: &str, rows: &RecordBatch, row: usize) -> RowId {
        let mut digester = Digester::default();
        let mut text = |bytes: &[u8]| {
            digester.update(&(bytes.len() as u64).to_le_bytes());
            digester.update(bytes);
        };
        text(origin.as_bytes());
        text(&place(rows, row).1.to_le_bytes());
        for name in &self.columns {
            let Some(array) = rows.column_by_name(name).filter(|array| array.is_valid(row)) else { continue };
            text(name.as_bytes());
            match array.data_type() {
                DataType::Int32 => text(&array.as_primitive::<Int32Type>().value(row).to_le_bytes()),
                DataType::Int64 => text(&array.as_primitive::<Int64Type>().value(row).to_le_bytes()),
                DataType::Float64 => text(&array.as_primitive::<Float64Type>().value(row).to_bits().to_le_bytes()),
                DataType::Date32 => text(&array.as_primitive::<Date32Type>().value(row).to_le_bytes()),
                DataType::Boolean => text(&[u8::from(array.as_boolean().value(row))]),
                DataType::Timestamp(..) => {
                    text(&array.as_primitive::<TimestampMillisecondType>().value(row).to_le_bytes());
                }
                // All kinds of a contract are listed here; the last is text.
                _ => text(array.as_string_opt::<i32>().map_or(b"", |texts| texts.value(row).as_bytes())),
            }
        }
        let [a, b, c, d, e, f, g, h, ..] = digester.finish().0;
        RowId(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

/// The origin of a row, and its place there.
fn place(rows: &RecordBatch, row: usize) -> (u32, u64) {
    let origin = rows.column_by_name(ORIGIN).and_then(|array| array.as_primitive_opt::<UInt32Type>());
    let place = rows.column_by_name(ORIGIN_ROW).and_then(|array| array.as_primitive_opt::<UInt64Type>());
    (origin.map_or(0, |array| array.value(row)), place.map_or(0, |array| array.value(row)))
}

/// A text column of a quarantine file.
pub(crate) fn texts<'a>(rows: &'a RecordBatch, name: &str) -> Option<&'a StringArray> {
    rows.column_by_name(name)?.as_string_opt()
}

/// Rows and bytes after which a row group of a quarantine file is written: until then it is held in memory.
const GROUP_ROWS: usize = 65_536;
const GROUP_BYTES: usize = 8 << 20;

/// Writes the rows of one table that one check held; no row, no file.
pub(crate) struct Writer {
    path: PathBuf,
    run: String,
    held_at: Timestamp,
    writer: Option<ArrowWriter<File>>,
}

impl Writer {
    pub(crate) fn new(path: PathBuf, run: &str, held_at: Timestamp) -> Self {
        Self { path, run: run.to_owned(), held_at, writer: None }
    }

    /// Takes rows with their ids and, for each, the rules that held it.
    pub(crate) fn push(
        &mut self,
        identity: &Identity,
        rows: &RecordBatch,
        ids: &[RowId],
        rules: &[Vec<RuleId>],
    ) -> Result<(), QuarantineError> {
        let path = self.path.clone();
        let failed = |error: &dyn fmt::Display| QuarantineError::file(&path, "written", error);
        let count = rows.num_rows();
        let words = |rules: &Vec<RuleId>| Some(rules.iter().map(|rule| rule.0.as_str()).collect::<Vec<_>>().join(" "));
        let instant = TimestampMillisecondArray::from_value(self.held_at.as_millisecond(), count).with_timezone("UTC");
        let added: [(&str, ArrayRef); 5] = [
            (ID, Arc::new(ids.iter().map(|id| Some(id.to_string())).collect::<StringArray>())),
            (RULES, Arc::new(rules.iter().map(words).collect::<StringArray>())),
            (
                ORIGIN_NAME,
                Arc::new((0..count).map(|row| Some(identity.origin_name(rows, row))).collect::<StringArray>()),
            ),
            (RUN, Arc::new((0..count).map(|_| Some(self.run.as_str())).collect::<StringArray>())),
            (HELD_AT, Arc::new(instant)),
        ];
        let mut fields: Vec<Arc<Field>> = rows.schema().fields().iter().cloned().collect();
        fields.extend(added.iter().map(|(name, array)| Arc::new(Field::new(*name, array.data_type().clone(), false))));
        let schema = Arc::new(Schema::new(fields));
        let columns = rows.columns().iter().cloned().chain(added.into_iter().map(|(_, array)| array)).collect();
        let rows = RecordBatch::try_new(schema.clone(), columns).map_err(|error| failed(&error))?;
        if self.writer.is_none() {
            durable::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(|error| failed(&error))?;
            let file = durable::create(&path).map_err(|error| failed(&error))?;
            let level = ZstdLevel::default();
            let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
            self.writer = Some(ArrowWriter::try_new(file, schema, Some(properties)).map_err(|error| failed(&error))?);
        }
        if let Some(writer) = &mut self.writer {
            writer.write(&rows).map_err(|error| failed(&error))?;
            if writer.in_progress_rows() >= GROUP_ROWS || writer.memory_size() >= GROUP_BYTES {
                writer.flush().map_err(|error| failed(&error))?;
            }
        }
        Ok(())
    }

    /// Closes the file; tells whether there is one.
    pub(crate) fn finish(self) -> Result<Option<PathBuf>, QuarantineError> {
        let Some(writer) = self.writer else { return Ok(None) };
        let failed = |error: &dyn fmt::Display| QuarantineError::file(&self.path, "written", error);
        let file = writer.into_inner().map_err(|error| failed(&error))?;
        file.sync_all().map_err(|error| failed(&error))?;
        Ok(Some(self.path))
    }
}

/// The rows of a quarantine file, all of their columns or some; nothing if there is no file.
pub(crate) fn read(path: &Path, columns: Option<&[&str]>) -> Result<Option<Reader>, QuarantineError> {
    let file = match durable::open_to_read(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(QuarantineError::file(path, "read", &error)),
    };
    let content = |error: &dyn fmt::Display| QuarantineError::content(path, error);
    let mut builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| content(&error))?;
    for name in [ID, RULES, ORIGIN_NAME] {
        if builder.schema().field_with_name(name).is_ok_and(|field| *field.data_type() == DataType::Utf8) {
            continue;
        }
        return Err(content(&format!("it has no column '{name}'")));
    }
    if let Some(columns) = columns {
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        builder = builder.with_projection(mask);
    }
    let reader = builder.build().map_err(|error| content(&error))?;
    Ok(Some(Reader { path: path.to_owned(), reader }))
}

/// The batches of a quarantine file.
pub(crate) struct Reader {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, QuarantineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.map_err(|error| QuarantineError::content(&self.path, &error)))
    }
}

/// An instant of a cell, in milliseconds.
pub(crate) fn instant(array: &ArrayRef, row: usize) -> Option<i64> {
    let instants = array.as_primitive_opt::<TimestampMillisecondType>()?;
    instants.is_valid(row).then(|| instants.value(row))
}

/// A cell as JSON: numbers are numbers, instants and dates are texts.
pub(crate) fn json(array: &ArrayRef, row: usize) -> serde_json::Value {
    if array.is_null(row) {
        return serde_json::Value::Null;
    }
    match array.data_type() {
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).into(),
        DataType::Float32 => array.as_primitive::<Float32Type>().value(row).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().value(row);
            ServiceDate::from_days_since_epoch(days).map_or_else(|| days.into(), |date| date.to_string().into())
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            let instant = array.as_primitive::<TimestampMillisecondType>().value(row);
            Timestamp::from_millisecond(instant).map_or_else(|_| instant.into(), |instant| instant.to_string().into())
        }
        _ => array.as_string_opt::<i32>().map_or(serde_json::Value::Null, |texts| texts.value(row).into()),
    }
}
