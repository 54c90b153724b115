//! The encoder: a thread that takes row groups and writes the file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender};

use arrow_array::{Array, RecordBatch};
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescriptor;

use crate::digest::{Digest, Digester};
use crate::table::Budget;

/// Rows of a row group on their way into the file, and what is booked for them until they are there.
pub(super) struct Group {
    pub(super) rows: Vec<RecordBatch>,
    pub(super) booked: usize,
    pub(super) budget: Budget,
}

impl Drop for Group {
    fn drop(&mut self) {
        self.budget.give_back(self.booked);
    }
}

/// The encoder's thread: row groups come in, bytes go to the file, the same ones however many threads encode columns.
pub(super) fn encode(
    file: File,
    schema: &SchemaRef,
    properties: WriterPropertiesPtr,
    groups: &Receiver<Group>,
    done: &Sender<()>,
    threads: usize,
) -> Result<(Digest, u64), ParquetError> {
    let parquet_schema = ArrowSchemaConverter::new().schema_root("table").convert(schema)?;
    let out = Digested { file: BufWriter::new(file), digester: Digester::default(), bytes: 0 };
    let mut writer = SerializedFileWriter::new(out, parquet_schema.root_schema_ptr(), properties)?;
    let factory = ArrowRowGroupWriterFactory::new(&writer, schema.clone());
    let leaves = leaves(&parquet_schema);
    for (place, mut group) in groups.iter().enumerate() {
        let chunks = encode_columns(factory.create_column_writers(place)?, &leaves, schema, &group.rows, threads)?;
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

/// Of each column of the file the place of the column of the rows that it is in, and its place among those of that one: the bounds
/// of a geometry are one column of the rows and four of the file.
fn leaves(schema: &SchemaDescriptor) -> Vec<(usize, usize)> {
    let mut leaves: Vec<(usize, usize)> = Vec::with_capacity(schema.num_columns());
    for leaf in 0..schema.num_columns() {
        let column = schema.get_column_root_idx(leaf);
        let before = leaves.last().filter(|(last, _)| *last == column);
        leaves.push((column, before.map_or(0, |(_, place)| place + 1)));
    }
    leaves
}

/// Encodes the columns of a row group on some threads, at most; each takes the next column that nobody has.
fn encode_columns(
    writers: Vec<ArrowColumnWriter>,
    leaves: &[(usize, usize)],
    schema: &SchemaRef,
    group: &[RecordBatch],
    threads: usize,
) -> Result<Vec<ArrowColumnChunk>, ParquetError> {
    let slots: Vec<_> = writers.into_iter().map(|writer| std::sync::Mutex::new(Some(writer))).collect();
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, ArrowColumnChunk)>, ParquetError> {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(slot) = slots.get(place) else { return Ok(done) };
            let writer = slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            let (Some(mut writer), Some(&(column, leaf))) = (writer, leaves.get(place)) else { continue };
            // As one array, for where a page ends depends on where what is written begins: the same rows in other batches would
            // be other bytes.
            let values: Vec<&dyn Array> = group.iter().map(|batch| batch.column(column).as_ref()).collect();
            let values = arrow_select::concat::concat(&values)?;
            for values in compute_leaves(schema.field(column), &values)?.into_iter().skip(leaf).take(1) {
                writer.write(&values)?;
            }
            done.push((place, writer.close()?));
        }
    };
    let threads = threads.min(slots.len());
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
