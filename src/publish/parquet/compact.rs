//! Several days of a table become one file: the same rows in the same order, with the date of each as a column.
//!
//! The file is made of those of the days and of nothing else: how columns are encoded, what the footer says of them, which have a
//! Bloom filter and how rows are sorted is taken from there, so that whoever has the days makes the same bytes again.
//!
//! A reader of years asks for each row group of each file, so a group has as many days as whole ones fit into
//! [`GROUP`]; a day that is larger is cut where a vehicle or trip ends, as in its own file. Holds one group that is being read and one
//! that is being encoded.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use arrow_array::{ArrayRef, Date32Array, RecordBatch, new_null_array};
use arrow_row::{RowConverter, SortField};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use parquet::arrow::add_encoded_arrow_schema_to_metadata;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue, ParquetMetaData, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterPropertiesBuilder, WriterPropertiesPtr};

use super::Staged;
use super::batches::{ROW_GROUP, bytes_of, group_end};
use super::encoder::{Group, encode};
use super::properties::{FALSE_POSITIVES, common};
use crate::digest::Digest;
use crate::durable;
use crate::publish::PublishError;
use crate::table::Budget;
use crate::time::ServiceDate;

/// Rows of a group, at most: a month of a town with some forty vehicles. The footer says some 3 kB of each group, and DuckDB asks
/// for each group by itself, see `benches/README.md`.
const GROUP: usize = 4 * ROW_GROUP;
/// Rows that are read at a time.
const BATCH: usize = 8_192;
/// The column that days have in their path.
const DATE: &str = "partition_date";
/// What a footer says of the day, which the file of many has not.
const OF_DAY: &str = "fahrtenbuch.partition_date";
const ARROW_SCHEMA: &str = "ARROW:schema";

/// Why days cannot be in one file; or what failed.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// The days have other columns.
    #[error("{0}")]
    Unfit(String),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// A day that is to be in a file of many.
#[derive(Debug)]
pub struct Day {
    pub date: ServiceDate,
    pub file: File,
}

/// Writes days, in their order, to a file in `staging`. `metadata` comes into the footer after what all days say alike.
///
/// # Errors
/// A day has other columns than the last one, apart from such as may lack; a file cannot be read or written; the run may hold less
/// than a row group takes.
pub fn compact(
    staging: &Path,
    table: &str,
    days: Vec<Day>,
    metadata: Vec<(String, String)>,
    budget: &Budget,
) -> Result<Staged, CompactError> {
    let failed = |problem: String| PublishError::Parquet { table: table.to_owned(), problem };
    let mut opened = Vec::with_capacity(days.len());
    for Day { date, file } in days {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file);
        opened.push((date, builder.map_err(|error| failed(format!("the file of {date}: {error}")))?));
    }
    let Some((_, newest)) = opened.last() else { return Err(CompactError::Unfit("there are no days".to_owned())) };
    let newest = newest.schema().clone();
    for (date, builder) in &opened {
        refuse_unfit(*date, builder.schema(), &newest).map_err(CompactError::Unfit)?;
    }
    let schema = with_date(&newest).map_err(CompactError::Unfit)?;
    let footers: Vec<&ParquetMetaData> = opened.iter().map(|(_, builder)| builder.metadata().as_ref()).collect();
    let (properties, sorted_by) = properties(&footers, &schema, metadata).map_err(|error| failed(error.to_string()))?;
    durable::create_dir_all(staging).map_err(|error| failed(format!("{}: {error}", staging.display())))?;
    let path = staging.join(format!("{table}.parquet"));
    let file = durable::create(&path).map_err(|error| failed(format!("{}: {error}", path.display())))?;
    let rows: Vec<u64> = footers.iter().map(|footer| rows_of(footer)).collect();
    let mut groups = Groups::begin(table, file, &schema, properties, sorted_by, budget);
    let mut ends = ends_of_groups(&rows).into_iter().peekable();
    for (place, (date, builder)) in opened.into_iter().enumerate() {
        let reader = builder.with_batch_size(BATCH).build().map_err(|error| failed(error.to_string()))?;
        for batch in reader {
            let batch =
                batch.and_then(|batch| of_schema(&batch, date, &schema)).map_err(|error| failed(error.to_string()))?;
            groups.push(batch)?;
        }
        if ends.next_if_eq(&place).is_some() {
            groups.end()?;
        }
    }
    let (digest, bytes) = groups.finish()?;
    Ok(Staged { path, digest, bytes, rows: rows.iter().sum() })
}

fn rows_of(footer: &ParquetMetaData) -> u64 {
    u64::try_from(footer.file_metadata().num_rows()).unwrap_or(0)
}

/// The places of the days after which a group ends: it has as many whole days as fit.
fn ends_of_groups(rows: &[u64]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut in_group = 0;
    for (place, of_day) in rows.iter().enumerate() {
        if in_group > 0 && in_group + of_day > GROUP as u64 {
            ends.push(place - 1);
            in_group = 0;
        }
        in_group += of_day;
    }
    ends.extend(rows.len().checked_sub(1));
    ends
}

/// Says why the rows of a day do not fit into columns of later days.
fn refuse_unfit(date: ServiceDate, day: &Schema, newest: &Schema) -> Result<(), String> {
    for field in day.fields() {
        match newest.field_with_name(field.name()) {
            Err(_) => return Err(format!("{date} has a column '{}', and the last day has not", field.name())),
            Ok(other) if other.data_type() != field.data_type() || other.is_nullable() != field.is_nullable() => {
                let said = |field: &Field| {
                    format!("{}{}", field.data_type(), if field.is_nullable() { ", may lack" } else { "" })
                };
                let (is, last) = (said(field), said(other));
                return Err(format!("'{}' of {date} is {is}, and of the last day {last}", field.name()));
            }
            Ok(_) => {}
        }
    }
    let missing =
        newest.fields().iter().find(|field| !field.is_nullable() && day.field_with_name(field.name()).is_err());
    match missing {
        Some(field) => Err(format!("{date} has no column '{}', which does not lack on the last day", field.name())),
        None => Ok(()),
    }
}

/// The columns of the days and, behind them, the date.
fn with_date(days: &Schema) -> Result<SchemaRef, String> {
    match days.field_with_name(DATE) {
        Ok(field) if *field.data_type() == DataType::Date32 => return Ok(Arc::new(Schema::new(days.fields().clone()))),
        Ok(field) => return Err(format!("the days have a column '{DATE}' of their own, {}", field.data_type())),
        Err(_) => {}
    }
    let date = Arc::new(Field::new(DATE, DataType::Date32, false));
    // What the footer says besides is no part of the schema: it would stand in the file twice.
    Ok(Arc::new(Schema::new(days.fields().iter().cloned().chain([date]).collect::<Vec<_>>())))
}

/// Rows of a day in the columns of the file.
fn of_schema(rows: &RecordBatch, date: ServiceDate, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match rows.column_by_name(field.name()) {
            Some(column) => column.clone(),
            None if field.name() == DATE => Arc::new(Date32Array::from_value(date.days_since_epoch(), rows.num_rows())),
            None => new_null_array(field.data_type(), rows.num_rows()),
        }
    });
    RecordBatch::try_new(schema.clone(), columns.collect())
}

/// How the file is written, as the days are; and the column that rows of a day are sorted by first.
fn properties(
    footers: &[&ParquetMetaData],
    schema: &SchemaRef,
    metadata: Vec<(String, String)>,
) -> Result<(WriterPropertiesPtr, Option<usize>), ParquetError> {
    // Days without rows say nothing of how theirs would be.
    let with_rows = footers.iter().rev().find(|footer| footer.num_row_groups() > 0);
    let sorting = with_rows.and_then(|footer| footer.row_group(0).sorting_columns().cloned()).unwrap_or_default();
    let date = schema.index_of(DATE)?;
    // Every sorting column is one that is no struct, and those come last: leaves and columns have the same places.
    let first = sorting.first().and_then(|column| usize::try_from(column.column_idx).ok());
    let mut builder = common(GROUP, !sorting.is_empty())?.set_key_value_metadata(Some(said(footers, metadata)));
    let leaves = with_rows.map_or(&[][..], |footer| footer.row_group(0).columns());
    for leaf in leaves {
        let name = leaf.column_path().string();
        let chunks = || footers.iter().rev().flat_map(|footer| footer.row_groups()).flat_map(|group| group.columns());
        let same = || chunks().filter(|chunk| chunk.column_path().string() == name);
        builder = of_leaf(builder, leaf, same().collect());
    }
    if !sorting.is_empty() {
        let own = leaves.iter().position(|leaf| leaf.column_path().string() == DATE);
        let last = i32::try_from(own.unwrap_or(leaves.len())).unwrap_or(i32::MAX);
        let by_date = SortingColumn { column_idx: last, descending: false, nulls_first: true };
        builder = builder
            .set_sorting_columns(Some([by_date].into_iter().chain(sorting).collect()))
            .set_column_statistics_enabled(schema.field(date).name().as_str().into(), EnabledStatistics::Page);
    }
    let mut properties = builder.build();
    add_encoded_arrow_schema_to_metadata(schema, &mut properties);
    Ok((Arc::new(properties), first))
}

/// What all days say in their footers, and what is said of the file itself.
fn said(footers: &[&ParquetMetaData], metadata: Vec<(String, String)>) -> Vec<KeyValue> {
    let of = |footer: &ParquetMetaData| footer.file_metadata().key_value_metadata().cloned().unwrap_or_default();
    let all: Vec<Vec<KeyValue>> = footers.iter().map(|footer| of(footer)).collect();
    let newest = all.last().cloned().unwrap_or_default();
    // What columns are may be described better by now; what they are is the same.
    let is_of_columns = |key: &str| key == "fahrtenbuch.columns" || key == "geo";
    let is_of_all = |entry: &KeyValue| is_of_columns(&entry.key) || all.iter().all(|others| others.contains(entry));
    let kept = newest.into_iter().filter(|entry| entry.key != ARROW_SCHEMA && entry.key != OF_DAY && is_of_all(entry));
    kept.chain(metadata.into_iter().map(|(key, value)| KeyValue::new(key, value))).collect()
}

/// How a column is written: as in the newest of the chunks that tells.
fn of_leaf(
    builder: WriterPropertiesBuilder,
    leaf: &ColumnChunkMetaData,
    chunks: Vec<&ColumnChunkMetaData>,
) -> WriterPropertiesBuilder {
    let path = leaf.column_path().clone();
    let has = |chunk: &ColumnChunkMetaData, encoding: Encoding| chunk.encodings().any(|other| other == encoding);
    let has_values = |chunk: &&&ColumnChunkMetaData| {
        let nulls = chunk.statistics().and_then(|statistics| statistics.null_count_opt());
        nulls.is_none_or(|nulls| i64::try_from(nulls).is_ok_and(|nulls| nulls < chunk.num_values()))
    };
    let telling = chunks.iter().find(has_values).copied();
    let encoding = telling.filter(|chunk| !has(chunk, Encoding::RLE_DICTIONARY)).and_then(|chunk| {
        let known = [Encoding::DELTA_BINARY_PACKED, Encoding::DELTA_BYTE_ARRAY, Encoding::BYTE_STREAM_SPLIT];
        let found = known.into_iter().find(|encoding| has(chunk, *encoding));
        // Booleans are never in a dictionary.
        let is_plain = chunk.column_type() != parquet::basic::Type::BOOLEAN;
        found.or_else(|| is_plain.then_some(Encoding::PLAIN))
    });
    let mut builder = builder;
    if let Some(encoding) = encoding {
        builder =
            builder.set_column_dictionary_enabled(path.clone(), false).set_column_encoding(path.clone(), encoding);
    }
    if chunks.iter().any(|chunk| chunk.bloom_filter_offset().is_some()) {
        builder = builder
            .set_column_bloom_filter_fpp(path.clone(), FALSE_POSITIVES)
            .set_column_bloom_filter_max_ndv(path.clone(), GROUP as u64);
    }
    match chunks.first() {
        Some(chunk) if chunk.statistics().is_none() => {
            builder.set_column_statistics_enabled(path, EnabledStatistics::None)
        }
        Some(chunk) if chunk.column_index_offset().is_some() => {
            builder.set_column_statistics_enabled(path, EnabledStatistics::Page)
        }
        _ => builder,
    }
}

/// Row groups on their way into the file.
struct Groups {
    table: String,
    sorted_by: Option<usize>,
    converter: Option<RowConverter>,
    pending: Vec<RecordBatch>,
    pending_rows: usize,
    budget: Budget,
    booked: usize,
    groups: Option<SyncSender<Group>>,
    written: Receiver<()>,
    sent: usize,
    encoder: Option<JoinHandle<Result<(Digest, u64), ParquetError>>>,
}

impl Groups {
    fn begin(
        table: &str,
        file: File,
        schema: &SchemaRef,
        properties: WriterPropertiesPtr,
        sorted_by: Option<usize>,
        budget: &Budget,
    ) -> Self {
        // None waits: while one is encoded the next is read.
        let (groups, received) = sync_channel(0);
        let (done, written) = channel();
        let thread_schema = schema.clone();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let encoder = std::thread::spawn(move || encode(file, &thread_schema, properties, &received, &done, threads));
        let converter = sorted_by
            .and_then(|column| RowConverter::new(vec![SortField::new(schema.field(column).data_type().clone())]).ok());
        Self {
            table: table.to_owned(),
            sorted_by,
            converter,
            pending: Vec::new(),
            pending_rows: 0,
            budget: budget.clone(),
            booked: 0,
            groups: Some(groups),
            written,
            sent: 0,
            encoder: Some(encoder),
        }
    }

    fn failed(&self, problem: &str) -> PublishError {
        PublishError::Parquet { table: self.table.clone(), problem: problem.to_owned() }
    }

    /// Books bytes; where too much is held, once the encoder has written what it has.
    fn take(&mut self, bytes: usize) -> Result<(), PublishError> {
        loop {
            match self.budget.take("compact", bytes) {
                Ok(()) => return Ok(()),
                Err(_) if self.sent > 0 && self.written.recv().is_ok() => self.sent -= 1,
                Err(exceeded) => return Err(exceeded.into()),
            }
        }
    }

    fn push(&mut self, rows: RecordBatch) -> Result<(), PublishError> {
        // The rows, and later what they become.
        let bytes = 2 * bytes_of(&rows).map_err(|error| self.failed(&error.to_string()))?;
        self.take(bytes)?;
        self.booked += bytes;
        self.pending_rows += rows.num_rows();
        self.pending.push(rows);
        // Only a single day is so large; where a group of it ends the row after it decides.
        while self.pending_rows > GROUP {
            let end = match (self.sorted_by, &self.converter) {
                (Some(column), Some(converter)) => group_end(converter, column, &self.pending, GROUP)
                    .map_err(|error| self.failed(&error.to_string()))?
                    .unwrap_or(GROUP),
                _ => GROUP,
            };
            self.send(end)?;
        }
        Ok(())
    }

    /// Ends a group.
    fn end(&mut self) -> Result<(), PublishError> {
        if self.pending_rows > 0 { self.send(self.pending_rows) } else { Ok(()) }
    }

    /// Sends the first rows of what is pending to the encoder.
    fn send(&mut self, rows: usize) -> Result<(), PublishError> {
        let (mut group, mut rest, mut missing) = (Vec::new(), Vec::new(), rows);
        for batch in std::mem::take(&mut self.pending) {
            let taken = missing.min(batch.num_rows());
            if taken > 0 {
                group.push(batch.slice(0, taken));
            }
            if taken < batch.num_rows() {
                rest.push(batch.slice(taken, batch.num_rows() - taken));
            }
            missing -= taken;
        }
        let share = if rest.is_empty() {
            self.booked
        } else {
            let bytes = group.iter().map(bytes_of).sum::<Result<usize, _>>();
            (2 * bytes.map_err(|error| self.failed(&error.to_string()))?).min(self.booked)
        };
        (self.pending, self.pending_rows) = (rest, self.pending_rows - rows);
        self.booked -= share;
        let group = Group { rows: group, booked: share, budget: self.budget.clone() };
        self.sent += 1;
        if self.groups.as_ref().is_some_and(|groups| groups.send(group).is_ok()) {
            return Ok(());
        }
        // The encoder goes away only after an error.
        self.result().and_then(|_| Err(self.failed("the encoder stopped")))
    }

    fn result(&mut self) -> Result<(Digest, u64), PublishError> {
        // The encoder ends when no more groups can come.
        self.groups = None;
        let encoder = self.encoder.take().ok_or_else(|| self.failed("the encoder has ended already"))?;
        let ended = encoder.join().map_err(|_| self.failed("the encoder panicked"))?;
        ended.map_err(|error| self.failed(&error.to_string()))
    }

    fn finish(mut self) -> Result<(Digest, u64), PublishError> {
        self.end()?;
        self.result()
    }
}

impl Drop for Groups {
    /// What is given up gives back what it held.
    fn drop(&mut self) {
        self.budget.give_back(self.booked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_whole_days_and_a_day_that_is_too_large_has_groups_of_its_own() {
        let full = GROUP as u64;
        assert_eq!(ends_of_groups(&[10, 20, 30]), [2]);
        assert_eq!(ends_of_groups(&[full, 1, full - 1, 1]), [0, 2, 3]);
        assert_eq!(ends_of_groups(&[5, 3 * full, 5, 0]), [0, 1, 3]);
        assert_eq!(ends_of_groups(&[0, 0]), [1]);
        assert_eq!(ends_of_groups(&[]), [0; 0]);
    }

    #[test]
    fn days_fit_if_later_ones_only_have_more_columns_that_may_lack() {
        let field = |name: &str, kind: DataType, nullable| Field::new(name, kind, nullable);
        let old = Schema::new(vec![field("a", DataType::Utf8, false), field("b", DataType::Int32, true)]);
        let more = |field: Field| Schema::new(vec![old.field(1).clone(), old.field(0).clone(), field]);
        let date = "2026-11-24".parse().unwrap();
        assert_eq!(refuse_unfit(date, &old, &old), Ok(()));
        assert_eq!(refuse_unfit(date, &old, &more(field("c", DataType::Utf8, true))), Ok(()));
        for newest in [
            more(field("c", DataType::Utf8, false)),
            Schema::new(vec![old.field(0).clone()]),
            Schema::new(vec![old.field(0).clone(), field("b", DataType::Int64, true)]),
            Schema::new(vec![old.field(0).clone(), field("b", DataType::Int32, false)]),
        ] {
            let refused = refuse_unfit(date, &old, &newest).unwrap_err();
            assert!(refused.contains("2026-11-24"), "{refused}");
        }
        assert!(with_date(&Schema::new(vec![field(DATE, DataType::Utf8, true)])).is_err());
        assert_eq!(with_date(&old).unwrap().field(2).name(), DATE);
    }
}
