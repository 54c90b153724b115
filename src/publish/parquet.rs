//! Parquet: the rows of a partition become one file, the same bytes for the same rows.
//!
//! zstd 9, 122,880 rows a group, page index, statistics; one encoding for each column, by its contract. The columns of a row group are encoded side by side, and row
//! groups are encoded while the next ones are still being checked. Holds three row groups, or fewer where the run may hold
//! little: those wait for the encoder; where the contract sorts, also
//! the rows of one sorted run, after which runs are spooled into the staging folder and merged at the end, a few rows of
//! each at a time.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use arrow_array::{Array, RecordBatch};
use arrow_ipc::reader::StreamReader;
use arrow_row::{RowConverter, Rows, SortField};
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use crate::contract::{self, Column, Contract, Kind};
use crate::digest::{Digest, Digester};
use crate::durable;
use crate::publish::PublishError;
use crate::table::Budget;

/// Rows of a row group; what DuckDB reads as one unit.
pub const ROW_GROUP: usize = 122_880;
const LEVEL: i32 = 9;
/// Bytes that a dictionary may have, more than the texts of a row group ever are: a column that outgrows its dictionary goes
/// on as plain values, which some readers take for nothing.
const DICTIONARY: usize = 1 << 30;
/// Bytes of rows that are sorted at a time; less where the run may hold little.
const RUN: usize = 128 << 20;
/// Rows that are read at a time from each run when runs are merged: a day of a large city has a hundred runs.
const MERGED: usize = 2_048;

/// A file in the staging folder, not yet in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    pub path: PathBuf,
    pub digest: Digest,
    pub bytes: u64,
    pub rows: u64,
}

/// Rows of a row group on their way into the file, and what is booked for them until they are there.
struct Group {
    rows: Vec<RecordBatch>,
    booked: usize,
    budget: Budget,
}

impl Drop for Group {
    fn drop(&mut self) {
        self.budget.give_back(self.booked);
    }
}

/// Writes the rows of one partition.
pub struct Writer {
    table: String,
    path: PathBuf,
    schema: SchemaRef,
    /// Places among the public columns.
    sort_by: Vec<usize>,
    pending: Vec<RecordBatch>,
    pending_rows: usize,
    rows: u64,
    budget: Budget,
    booked: usize,
    /// Bytes after which what is pending becomes a sorted run.
    run_bytes: usize,
    runs: Vec<PathBuf>,
    groups: SyncSender<Group>,
    /// Says of each group that it is in the file; and how many of those that were sent are not, as far as it was asked.
    written: Receiver<()>,
    sent: usize,
    /// Gone once it has been asked for its result.
    encoder: Option<JoinHandle<Result<(Digest, u64), ParquetError>>>,
}

impl Writer {
    /// `metadata` goes into the file's footer, in its order.
    pub fn new(
        staging: &Path,
        contract: &Arc<Contract>,
        metadata: Vec<(String, String)>,
        budget: Budget,
    ) -> Result<Self, PublishError> {
        let table = contract.table.clone();
        let failed = |problem: String| PublishError::Parquet { table: table.clone(), problem };
        durable::create_dir_all(staging).map_err(|error| failed(format!("{}: {error}", staging.display())))?;
        let path = staging.join(format!("{table}.parquet"));
        let file = durable::create(&path).map_err(|error| failed(format!("{}: {error}", path.display())))?;
        let schema = contract.release_schema();
        let public: Vec<usize> = contract.public_columns().map(|(place, _)| place).collect();
        let sort_by: Vec<usize> =
            contract.sort_by.iter().filter_map(|place| public.iter().position(|other| other == place)).collect();
        let properties =
            properties(contract, &schema, &sort_by, metadata).map_err(|error| failed(error.to_string()))?;
        // Sorting needs a run three times, and several tables sort side by side.
        let run_limit = budget.limit() / 16;
        // One row group waits while another is being encoded.
        let (groups, received) = sync_channel(1);
        let (done, written) = channel();
        let thread_schema = schema.clone();
        let encoder = std::thread::spawn(move || encode(file, &thread_schema, properties, &received, &done));
        Ok(Self {
            table: contract.table.clone(),
            path,
            schema,
            sort_by,
            pending: Vec::new(),
            pending_rows: 0,
            rows: 0,
            budget,
            run_bytes: RUN.min(run_limit),
            runs: Vec::new(),
            booked: 0,
            groups,
            written,
            sent: 0,
            encoder: Some(encoder),
        })
    }

    /// Takes rows in the contract's release schema.
    pub fn push(&mut self, rows: RecordBatch) -> Result<(), PublishError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        self.rows += rows.num_rows() as u64;
        self.pending_rows += rows.num_rows();
        let bytes = match self.sort_by.is_empty() {
            true => bytes_of(&rows).map_err(|error| self.failed(&error.to_string()))?,
            false => rows.get_array_memory_size(),
        };
        self.take(bytes)?;
        self.booked += bytes;
        self.pending.push(rows);
        if !self.sort_by.is_empty() && self.booked > self.run_bytes {
            self.spool()?;
        }
        while self.sort_by.is_empty() && self.pending_rows >= ROW_GROUP {
            self.send_group()?;
        }
        Ok(())
    }

    /// Writes what is left and closes the file.
    pub fn finish(mut self) -> Result<Staged, PublishError> {
        if !self.runs.is_empty() {
            self.spool()?;
            self.merge()?;
        } else if !self.sort_by.is_empty() && !self.pending.is_empty() {
            self.sort()?;
        }
        while self.pending_rows > 0 {
            self.send_group()?;
        }
        let encoder = self.encoder.take();
        // The encoder ends when no more groups can come.
        drop(std::mem::replace(&mut self.groups, sync_channel(0).0));
        let (digest, bytes) = self.result_of(encoder)?;
        self.budget.give_back(std::mem::take(&mut self.booked));
        Ok(Staged { path: self.path.clone(), digest, bytes, rows: self.rows })
    }

    fn failed(&self, problem: &str) -> PublishError {
        PublishError::Parquet { table: self.table.clone(), problem: problem.to_owned() }
    }

    /// Books bytes; where the run holds too much, once the encoder has written what it has.
    fn take(&mut self, bytes: usize) -> Result<(), PublishError> {
        loop {
            match self.budget.take("publish", bytes) {
                Ok(()) => return Ok(()),
                // An encoder that has failed says so when it is sent the next group, or at the end.
                Err(_) if self.sent > 0 && self.written.recv().is_ok() => self.sent -= 1,
                Err(exceeded) => return Err(exceeded.into()),
            }
        }
    }

    /// Sends the first row group of what is pending to the encoder.
    fn send_group(&mut self) -> Result<(), PublishError> {
        let mut group = Vec::new();
        let mut missing = ROW_GROUP;
        let mut rest = std::mem::take(&mut self.pending).into_iter();
        for batch in rest.by_ref() {
            if batch.num_rows() > missing {
                group.push(batch.slice(0, missing));
                self.pending.push(batch.slice(missing, batch.num_rows() - missing));
                missing = 0;
                break;
            }
            missing -= batch.num_rows();
            group.push(batch);
        }
        self.pending.extend(rest);
        self.pending_rows -= ROW_GROUP - missing;
        let bytes = group.iter().map(bytes_of).sum::<Result<usize, _>>();
        let bytes = bytes.map_err(|error| self.failed(&error.to_string()))?;
        // What is encoded takes no more than the rows, and both are there at once. Rows that were not sorted are booked already.
        let booked = if self.sort_by.is_empty() { bytes.min(self.booked) } else { 0 };
        self.booked -= booked;
        let mut group = Group { rows: group, booked, budget: self.budget.clone() };
        let more = 2 * bytes - booked;
        self.take(more)?;
        group.booked += more;
        self.sent += 1;
        if self.groups.send(group).is_ok() {
            return Ok(());
        }
        // The encoder goes away only after an error.
        let encoder = self.encoder.take();
        match self.result_of(encoder) {
            Ok(_) => Err(self.failed("the encoder stopped")),
            Err(error) => Err(error),
        }
    }

    fn result_of(
        &self,
        encoder: Option<JoinHandle<Result<(Digest, u64), ParquetError>>>,
    ) -> Result<(Digest, u64), PublishError> {
        let ended = encoder.ok_or_else(|| self.failed("the encoder has ended already"))?.join();
        ended.map_err(|_| self.failed("the encoder panicked"))?.map_err(|error| self.failed(&error.to_string()))
    }

    /// Puts what is pending into order, in batches of a row group; rows of equal rank keep theirs.
    fn sort(&mut self) -> Result<(), PublishError> {
        // The order needs all rows twice, as one and in their order, and a rank for each.
        let more = 2 * self.booked;
        self.budget.take("publish", more)?;
        let pending = std::mem::take(&mut self.pending);
        let sorted = self.sorted(&pending);
        self.budget.give_back(more);
        self.pending = sorted.map_err(|error| self.failed(&error.to_string()))?;
        Ok(())
    }

    fn sorted(&self, pending: &[RecordBatch]) -> Result<Vec<RecordBatch>, ArrowError> {
        let all = arrow_select::concat::concat_batches(&self.schema, pending)?;
        let ranks = ranks(&self.converter()?, &self.sort_by, &all)?;
        let mut order: Vec<u32> = (0..all.num_rows() as u32).collect();
        order.sort_by(|&a, &b| ranks.row(a as usize).cmp(&ranks.row(b as usize)));
        let parts = order.chunks(ROW_GROUP).map(|part| arrow_array::UInt32Array::from(part.to_vec()));
        parts.map(|part| arrow_select::take::take_record_batch(&all, &part)).collect()
    }

    fn converter(&self) -> Result<RowConverter, ArrowError> {
        let types = self.sort_by.iter().map(|&place| self.schema.field(place).data_type().clone());
        RowConverter::new(types.map(SortField::new).collect())
    }

    /// Writes what is pending as a sorted run into the staging folder, and holds it no longer.
    fn spool(&mut self) -> Result<(), PublishError> {
        if !self.pending.is_empty() {
            self.sort()?;
            let path = self.path.with_extension(format!("run-{}", self.runs.len()));
            let written = durable::create(&path).map_err(ArrowError::from).and_then(|file| {
                let mut writer = crate::spool::writer(file, &self.schema)?;
                for batch in &self.pending {
                    for first in (0..batch.num_rows()).step_by(MERGED) {
                        writer.write(&batch.slice(first, MERGED.min(batch.num_rows() - first)))?;
                    }
                }
                writer.finish()
            });
            written.map_err(|error| self.failed(&format!("{}: {error}", path.display())))?;
            self.runs.push(path);
        }
        self.pending.clear();
        self.pending_rows = 0;
        self.budget.give_back(std::mem::take(&mut self.booked));
        Ok(())
    }

    /// Sends the rows of all runs in order, by whole row groups, as if they had been sorted at once.
    fn merge(&mut self) -> Result<(), PublishError> {
        let paths = std::mem::take(&mut self.runs);
        let mut runs = Vec::new();
        for path in &paths {
            runs.push(Run::open(path).map_err(|error| self.failed(&format!("{}: {error}", path.display())))?);
        }
        let mut merge = Merge {
            table: self.table.clone(),
            runs,
            order: Vec::new(),
            converter: self.converter().map_err(|error| self.failed(&error.to_string()))?,
            sort_by: self.sort_by.clone(),
            batches: Vec::new(),
            budget: self.budget.clone(),
            booked: 0,
        };
        merge.begin()?;
        while let Some(group) = merge.group()? {
            self.pending_rows = group.num_rows();
            self.pending = vec![group];
            self.send_group()?;
        }
        for path in paths {
            // The staging folder is removed as a whole after the release.
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }
}

/// Sorted runs that are being merged.
struct Merge {
    table: String,
    runs: Vec<Run>,
    /// The runs that are not at their end, as a heap: the one with the least next row comes first.
    order: Vec<usize>,
    converter: RowConverter,
    sort_by: Vec<usize>,
    /// The batches that the next group takes rows from.
    batches: Vec<RecordBatch>,
    budget: Budget,
    booked: usize,
}

impl Merge {
    fn begin(&mut self) -> Result<(), PublishError> {
        let mut order = Vec::new();
        for run in 0..self.runs.len() {
            if self.advance(run)? {
                order.push(run);
            }
        }
        order.sort_by(|&a, &b| self.compare(a, b));
        self.order = order;
        Ok(())
    }

    fn failed(&self, error: &ArrowError) -> PublishError {
        PublishError::Parquet { table: self.table.clone(), problem: error.to_string() }
    }

    /// Of equal rows the one of the earlier run comes first, as in a stable sort.
    fn compare(&self, a: usize, b: usize) -> std::cmp::Ordering {
        self.runs[a].rank().cmp(&self.runs[b].rank()).then(a.cmp(&b))
    }

    /// Gets the next batch of a run; `false` at its end.
    fn advance(&mut self, run: usize) -> Result<bool, PublishError> {
        let rows = self.runs[run].next(self.batches.len()).map_err(|error| self.failed(&error))?;
        let Some(rows) = rows else { return Ok(false) };
        let of_rows = ranks(&self.converter, &self.sort_by, &rows).map_err(|error| self.failed(&error))?;
        self.runs[run].ranks = Some(of_rows);
        let bytes = bytes_of(&rows).map_err(|error| self.failed(&error))?;
        self.budget.take("publish", bytes)?;
        self.booked += bytes;
        self.batches.push(rows);
        Ok(true)
    }

    /// The next rows of all runs, as many as a row group has; `None` when all have been given.
    fn group(&mut self) -> Result<Option<RecordBatch>, PublishError> {
        let mut taken: Vec<(usize, usize)> = Vec::with_capacity(ROW_GROUP);
        while taken.len() < ROW_GROUP
            && let Some(&run) = self.order.first()
        {
            taken.push((self.runs[run].batch, self.runs[run].row));
            self.runs[run].row += 1;
            if self.runs[run].is_used_up() && !self.advance(run)? {
                self.order.swap_remove(0);
            }
            self.sift_down();
        }
        if taken.is_empty() {
            return Ok(None);
        }
        let sources: Vec<&RecordBatch> = self.batches.iter().collect();
        let group = arrow_select::interleave::interleave_record_batch(&sources, &taken);
        let group = group.map_err(|error| self.failed(&error))?;
        // Only the batches that runs are in the middle of are still needed.
        let mut kept = Vec::new();
        for &run in &self.order {
            kept.push(self.batches[self.runs[run].batch].clone());
            self.runs[run].batch = kept.len() - 1;
        }
        self.batches = kept;
        let bytes = self.batches.iter().map(bytes_of).sum::<Result<usize, _>>().map_err(|error| self.failed(&error))?;
        self.budget.give_back(self.booked - bytes);
        self.booked = bytes;
        Ok(Some(group))
    }

    /// Puts the first run where it belongs.
    fn sift_down(&mut self) {
        let mut place = 0;
        loop {
            let below = (2 * place + 1..(2 * place + 3).min(self.order.len()))
                .min_by(|&a, &b| self.compare(self.order[a], self.order[b]));
            match below {
                Some(below) if self.compare(self.order[below], self.order[place]).is_lt() => {
                    self.order.swap(below, place);
                    place = below;
                }
                _ => return,
            }
        }
    }
}

impl Drop for Merge {
    fn drop(&mut self) {
        self.budget.give_back(self.booked);
    }
}

/// The ranks of rows by the columns that they are sorted by.
fn ranks(converter: &RowConverter, sort_by: &[usize], rows: &RecordBatch) -> Result<Rows, ArrowError> {
    let keys: Vec<_> = sort_by.iter().map(|&place| rows.column(place).clone()).collect();
    converter.convert_columns(&keys)
}

/// What the rows take: columns that were read together share their memory.
fn bytes_of(rows: &RecordBatch) -> Result<usize, ArrowError> {
    rows.columns().iter().map(|column| column.to_data().get_slice_memory_size()).sum()
}

/// A sorted run that is being merged.
struct Run {
    reader: StreamReader<BufReader<File>>,
    /// Of the batch that the run is in.
    ranks: Option<Rows>,
    /// The place of that batch among those of the merge, and the next row in it.
    batch: usize,
    row: usize,
}

impl Run {
    fn open(path: &Path) -> Result<Self, ArrowError> {
        let reader = StreamReader::try_new(BufReader::new(File::open(path)?), None)?;
        Ok(Self { reader, ranks: None, batch: 0, row: 0 })
    }

    fn is_used_up(&self) -> bool {
        self.ranks.as_ref().is_none_or(|ranks| self.row >= ranks.num_rows())
    }

    /// The run's next batch, which gets the given place.
    fn next(&mut self, place: usize) -> Result<Option<RecordBatch>, ArrowError> {
        (self.ranks, self.batch, self.row) = (None, place, 0);
        self.reader.next().transpose()
    }

    fn rank(&self) -> Option<arrow_row::Row<'_>> {
        self.ranks.as_ref().map(|ranks| ranks.row(self.row))
    }
}

impl Drop for Writer {
    /// A writer that is given up gives back what it held.
    fn drop(&mut self) {
        self.budget.give_back(self.booked);
    }
}

/// How the columns are written, see [`encoding`], and what the footer says of them: the Arrow schema with the descriptions and
/// units, for readers that know it, and the same as `fahrtenbuch.columns` in JSON for all others.
fn properties(
    contract: &Contract,
    schema: &SchemaRef,
    sort_by: &[usize],
    metadata: Vec<(String, String)>,
) -> Result<WriterPropertiesPtr, ParquetError> {
    let columns = ("fahrtenbuch.columns".to_owned(), documentation(contract));
    let metadata = metadata.into_iter().chain([columns]).map(|(key, value)| KeyValue::new(key, value));
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_dictionary_page_size_limit(DICTIONARY)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_key_value_metadata(Some(metadata.collect()));
    if !sort_by.is_empty() {
        let columns = sort_by.iter().map(|&place| SortingColumn {
            column_idx: place as i32,
            descending: false,
            nulls_first: true,
        });
        builder = builder.set_sorting_columns(Some(columns.collect()));
    }
    for (place, column) in contract.public_columns() {
        let path = ColumnPath::from(column.name.as_str());
        if let Some(encoding) = encoding(column, contract.is_unique(place)) {
            builder = builder.set_column_dictionary_enabled(path.clone(), false).set_column_encoding(path, encoding);
        }
    }
    let mut properties = builder.build();
    add_encoded_arrow_schema_to_metadata(schema, &mut properties);
    Ok(Arc::new(properties))
}

/// The encoding of a column, `None` for a dictionary: the contract's word, or else what is smallest for most columns of its
/// kind. A dictionary holds a whole row group, so that no reader meets a column that is half dictionary and half plain; what is
/// unique never has one. `benches/README.md` shows what this buys.
fn encoding(column: &Column, is_unique: bool) -> Option<Encoding> {
    let delta = match column.kind {
        Kind::Text => Encoding::DELTA_BYTE_ARRAY,
        _ => Encoding::DELTA_BINARY_PACKED,
    };
    match (column.encoding, column.kind) {
        (Some(contract::Encoding::Plain), _) => Some(Encoding::PLAIN),
        (Some(contract::Encoding::Delta), _) => Some(delta),
        (Some(contract::Encoding::ByteStreamSplit), _) => Some(Encoding::BYTE_STREAM_SPLIT),
        (Some(contract::Encoding::Dictionary), _) if !is_unique => None,
        (_, Kind::Float) => Some(Encoding::BYTE_STREAM_SPLIT),
        (_, Kind::Boolean) => None,
        (_, Kind::Instant | Kind::ServiceTime | Kind::Int64) => Some(delta),
        (_, Kind::Int32) if column.values.is_empty() => Some(delta),
        (_, Kind::Text | Kind::Int32 | Kind::Date) => is_unique.then_some(delta),
    }
}

/// What the columns are, as a JSON list of objects with `name`, `description`, `description_de`, `unit`.
fn documentation(contract: &Contract) -> String {
    let columns = contract.public_columns().map(|(_, column)| {
        let texts = std::iter::once(("name", column.name.as_str())).chain(column.documentation());
        serde_json::Value::Object(texts.map(|(key, value)| (key.to_owned(), value.into())).collect())
    });
    serde_json::Value::Array(columns.collect()).to_string()
}

/// The encoder's thread: row groups come in, bytes go to the file.
fn encode(
    file: File,
    schema: &SchemaRef,
    properties: WriterPropertiesPtr,
    groups: &Receiver<Group>,
    done: &Sender<()>,
) -> Result<(Digest, u64), ParquetError> {
    let parquet_schema = ArrowSchemaConverter::new().schema_root("table").convert(schema)?;
    let out = Digested { file: BufWriter::new(file), digester: Digester::default(), bytes: 0 };
    let mut writer = SerializedFileWriter::new(out, parquet_schema.root_schema_ptr(), properties)?;
    let factory = ArrowRowGroupWriterFactory::new(&writer, schema.clone());
    for (place, mut group) in groups.iter().enumerate() {
        let chunks = encode_columns(factory.create_column_writers(place)?, schema, &group.rows)?;
        group.rows.clear();
        let mut row_group = writer.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut row_group)?;
        }
        row_group.close()?;
        drop(group);
        // The writer listens until it is dropped.
        let _ = done.send(());
    }
    let mut out = writer.into_inner()?;
    out.file.flush()?;
    out.file.get_ref().sync_all()?;
    Ok((out.digester.finish(), out.bytes))
}

/// Encodes the columns of a row group on as many threads as there are cores; each takes the next column that nobody has.
fn encode_columns(
    writers: Vec<ArrowColumnWriter>,
    schema: &SchemaRef,
    group: &[RecordBatch],
) -> Result<Vec<ArrowColumnChunk>, ParquetError> {
    let slots: Vec<_> = writers.into_iter().map(|writer| std::sync::Mutex::new(Some(writer))).collect();
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, ArrowColumnChunk)>, ParquetError> {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(slot) = slots.get(place) else { return Ok(done) };
            let writer = slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            let Some(mut writer) = writer else { continue };
            for batch in group {
                for leaf in compute_leaves(schema.field(place), batch.column(place))? {
                    writer.write(&leaf)?;
                }
            }
            done.push((place, writer.close()?));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(slots.len());
    let mut chunks = std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut chunks = work()?;
        for helper in helpers {
            let done = helper.join().map_err(|_| ParquetError::General("an encoding thread panicked".to_owned()))?;
            chunks.extend(done?);
        }
        Ok::<_, ParquetError>(chunks)
    })?;
    chunks.sort_by_key(|(place, _)| *place);
    Ok(chunks.into_iter().map(|(_, chunk)| chunk).collect())
}

/// A file that digests what is written to it.
struct Digested {
    file: BufWriter<File>,
    digester: Digester,
    bytes: u64,
}

impl Write for Digested {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.digester.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// All rows of a Parquet file.
pub fn rows(bytes: bytes::Bytes) -> Result<RecordBatch, parquet::errors::ParquetError> {
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    let schema = reader.schema().clone();
    let batches = reader.with_batch_size(1 << 16).build()?.collect::<Result<Vec<_>, _>>()?;
    Ok(arrow_select::concat::concat_batches(&schema, &batches)?)
}

#[cfg(test)]
mod tests;
