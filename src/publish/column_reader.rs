//! Reads some columns of a published file with few requests: the footer, then the bytes of these columns and nothing else.
//!
//! Holds one lot of row groups of the columns, compressed, and a batch of rows ([`ColumnReader::visit`]); who wants all rows at once
//! says how much they may take ([`read_columns`]).

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::{Buf, Bytes};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};

use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::footer::{self, Footer};
use crate::publish::index::IndexFile;
use crate::table::BudgetExceeded;

/// Files up to this are read in one request.
const WHOLE: u64 = 512 << 10;
/// Bytes between two parts up to which they are read in one request: they cost less than another one.
const GAP: u64 = 256 << 10;
/// Compressed bytes that are held, apart from a row group that has more.
const LOT: u64 = 16 << 20;
/// Rows that are read at a time.
const BATCH: usize = 8_192;
/// What messages about memory call it.
pub(crate) const ROOM: &str = "a page of the portal";

/// Some columns of a published file, all of their rows, or the first `most_rows`. `Ok(None)`: the file is gone, since it was superseded
/// and deleted or withdrawn. Columns that the file lacks are left out. Where it has none of them, there are no batches.
///
/// # Errors
/// The bucket cannot be read, the file is damaged, or the rows take more than `memory` bytes.
pub(crate) fn read_columns(
    bucket: &Bucket,
    file: &IndexFile,
    names: &[&str],
    most_rows: Option<u64>,
    memory: usize,
) -> Result<Option<Vec<RecordBatch>>, PublishError> {
    let Some(reader) = ColumnReader::open(bucket, file)? else { return Ok(None) };
    let (mut batches, mut held, mut left) = (Vec::new(), 0, most_rows.unwrap_or(u64::MAX));
    let mut result = Ok(());
    let is_there = reader.visit(names, |batch| {
        let rows = usize::try_from(left).unwrap_or(usize::MAX).min(batch.num_rows());
        left -= rows as u64;
        held += batch.get_array_memory_size();
        if held > memory {
            result = Err(BudgetExceeded { room: ROOM, needed: held, limit: memory });
            return ControlFlow::Break(());
        }
        batches.push(batch.slice(0, rows));
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    result?;
    Ok(is_there.then_some(batches))
}

/// A published file whose footer was read.
pub(crate) struct ColumnReader<'a> {
    bucket: &'a Bucket,
    key: &'a str,
    metadata: Arc<ParquetMetaData>,
    /// The end of the file, or all of it.
    end: (u64, Bytes),
    size: u64,
}

impl<'a> ColumnReader<'a> {
    /// Reads the footer of a file: one request, or two; none if the file is gone.
    pub(crate) fn open(bucket: &'a Bucket, file: &'a IndexFile) -> Result<Option<Self>, PublishError> {
        let Some(Footer { metadata, end }) = footer::with_end(bucket, &file.path, file.bytes, WHOLE)? else {
            return Ok(None);
        };
        let begin = file.bytes.saturating_sub(end.len() as u64);
        let metadata = Arc::new(metadata);
        Ok(Some(Self { bucket, key: &file.path, metadata, end: (begin, end), size: file.bytes }))
    }

    pub(crate) fn rows(&self) -> u64 {
        u64::try_from(self.metadata.file_metadata().num_rows()).unwrap_or(0)
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.metadata.file_metadata().schema().get_fields().iter().position(|field| field.name() == name)
    }

    /// How many rows have no value, by column, as the footer says: no request. Columns that have parts, and such as the footer says
    /// nothing of, are left out.
    pub(crate) fn nulls(&self) -> BTreeMap<String, u64> {
        let schema = self.metadata.file_metadata().schema_descr();
        let leaves = schema.columns().iter().enumerate().filter(|(_, leaf)| leaf.path().parts().len() == 1);
        let nulls = |leaf: usize| {
            let of_group = |group: &RowGroupMetaData| group.column(leaf).statistics()?.null_count_opt();
            self.metadata.row_groups().iter().map(of_group).sum::<Option<u64>>()
        };
        leaves.filter_map(|(leaf, column)| Some((column.name().to_owned(), nulls(leaf)?))).collect()
    }

    /// Gives the rows of some columns to `visit`, in their order and some thousand at a time, until it breaks off. Columns that the file
    /// lacks are left out; where it has none of them, nothing is given. `Ok(false)`: the file is gone.
    ///
    /// # Errors
    /// The bucket cannot be read, or the file is damaged.
    pub(crate) fn visit(
        &self,
        names: &[&str],
        visit: impl FnMut(RecordBatch) -> ControlFlow<()>,
    ) -> Result<bool, PublishError> {
        self.visit_groups(names, &(0..self.metadata.num_row_groups()).collect::<Vec<_>>(), visit)
    }

    /// The first values of columns that are none: each once, a row of one column; of such as have none there is none.
    pub(crate) fn first_values(&self, names: &[&str]) -> Result<Option<BTreeMap<String, RecordBatch>>, PublishError> {
        let mut found = BTreeMap::new();
        let mut groups: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for name in names {
            let Some(leaf) = self.leaf(name) else { continue };
            let has_value = |group: &RowGroupMetaData| {
                let nulls = group.column(leaf).statistics().and_then(|statistics| statistics.null_count_opt());
                nulls.is_none_or(|nulls| i64::try_from(nulls).is_ok_and(|nulls| nulls < group.num_rows()))
            };
            if let Some(group) = self.metadata.row_groups().iter().position(has_value) {
                groups.entry(group).or_default().push(name);
            }
        }
        for (group, names) in groups {
            let mut missing = names.clone();
            let is_there = self.visit_groups(&names, &[group], |batch| {
                missing.retain(|name| {
                    let Ok(place) = batch.schema().index_of(name) else { return true };
                    let column = batch.column(place);
                    let Some(row) = (0..column.len()).find(|row| column.is_valid(*row)) else { return true };
                    // A projection by a place that is there, and of a row that is there.
                    if let Ok(of_column) = batch.project(&[place]) {
                        found.insert((*name).to_owned(), of_column.slice(row, 1));
                    }
                    false
                });
                if missing.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            if !is_there {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    /// The place of a column that has no parts among those of the file.
    fn leaf(&self, name: &str) -> Option<usize> {
        let columns = self.metadata.file_metadata().schema_descr().columns().iter();
        columns.enumerate().find(|(_, leaf)| leaf.path().parts() == [name]).map(|(place, _)| place)
    }

    fn visit_groups(
        &self,
        names: &[&str],
        groups: &[usize],
        mut visit: impl FnMut(RecordBatch) -> ControlFlow<()>,
    ) -> Result<bool, PublishError> {
        let damaged =
            |error: ParquetError| PublishError::Damaged { key: self.key.to_owned(), problem: error.to_string() };
        let roots: Vec<usize> = names.iter().filter_map(|name| self.place(name)).collect();
        if roots.is_empty() {
            return Ok(true);
        }
        let schema = self.metadata.file_metadata().schema_descr();
        let mask = ProjectionMask::roots(schema, roots);
        let leaves: Vec<usize> = (0..schema.num_columns()).filter(|leaf| mask.leaf_included(*leaf)).collect();
        let ranges = |group: usize| -> Vec<Range<u64>> {
            let of_leaf = |leaf: &usize| {
                let (begin, length) = self.metadata.row_group(group).column(*leaf).byte_range();
                begin..begin + length
            };
            leaves.iter().map(of_leaf).collect()
        };
        let mut rest = groups;
        while !rest.is_empty() {
            let (mut taken, mut bytes, mut wanted) = (0, 0, Vec::new());
            for group in rest {
                let of_group = ranges(*group);
                bytes += of_group.iter().map(|range| range.end - range.start).sum::<u64>();
                if taken > 0 && bytes > LOT {
                    break;
                }
                wanted.extend(of_group);
                taken += 1;
            }
            let (lot, others) = rest.split_at(taken);
            rest = others;
            let Some(parts) = self.parts(wanted)? else { return Ok(false) };
            let metadata = ArrowReaderMetadata::try_new(self.metadata.clone(), ArrowReaderOptions::default());
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(parts, metadata.map_err(damaged)?);
            let builder = builder.with_projection(mask.clone()).with_row_groups(lot.to_vec()).with_batch_size(BATCH);
            for batch in builder.build().map_err(damaged)? {
                if visit(batch.map_err(|error| damaged(error.into()))?).is_break() {
                    return Ok(true);
                }
            }
        }
        Ok(true)
    }

    /// Reads parts of the file; those that lie close together in one request, and none that is known from the end of the file.
    fn parts(&self, mut wanted: Vec<Range<u64>>) -> Result<Option<Parts>, PublishError> {
        let mut parts = Parts { size: self.size, parts: BTreeMap::from([self.end.clone()]) };
        wanted.retain(|range| range.start < self.end.0 && !range.is_empty());
        wanted.sort_by_key(|range| (range.start, range.end));
        let mut joined: Vec<Range<u64>> = Vec::new();
        for range in wanted {
            match joined.last_mut() {
                Some(last) if range.start <= last.end.saturating_add(GAP) => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        for range in joined {
            let begin = range.start;
            let Some(bytes) = self.bucket.range(self.key, range)? else { return Ok(None) };
            parts.parts.insert(begin, bytes);
        }
        Ok(Some(parts))
    }
}

/// Parts of a file by where they begin. Two may overlap.
struct Parts {
    size: u64,
    parts: BTreeMap<u64, Bytes>,
}

impl Length for Parts {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Parts {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let parts = self.parts.range(..=start).rev();
        let mut found = parts.filter_map(|(begin, bytes)| {
            let from = usize::try_from(start - begin).ok().filter(|from| *from < bytes.len())?;
            Some(bytes.slice(from..))
        });
        let found = found.next();
        let found = found.ok_or_else(|| ParquetError::General(format!("a page is at {start}, in no column chunk")))?;
        Ok(found.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let parts = self.parts.range(..=start).rev();
        let mut found = parts.filter_map(|(begin, bytes)| {
            let from = usize::try_from(start - begin).ok()?;
            let end = from.checked_add(length).filter(|end| *end <= bytes.len())?;
            Some(bytes.slice(from..end))
        });
        let problem = || ParquetError::EOF(format!("{length} bytes at {start} are in no column chunk"));
        found.next().ok_or_else(problem)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use arrow_array::{ArrayRef, Int64Array, StringArray};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;

    use super::*;
    use crate::digest::Digest;

    const KEY: &str = "data/bus/t/partition_date=2026-11-24/part-1.parquet";

    /// A file with a long column between two short ones, in row groups.
    fn file(bucket: &Bucket, rows: usize, group: usize) -> IndexFile {
        let number: ArrayRef = Arc::new((0..rows as i64).map(|row| (row >= 3).then_some(row)).collect::<Int64Array>());
        let mut state = 7_u64;
        let text = (0..rows).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            Some(format!("{state:016x}").repeat(4))
        });
        let text: ArrayRef = Arc::new(text.collect::<StringArray>());
        let last: ArrayRef =
            Arc::new((0..rows as i64).map(|row| (row % 2 == 0).then_some(row)).collect::<Int64Array>());
        let none: ArrayRef = Arc::new(Int64Array::new_null(rows));
        let rows_of =
            RecordBatch::try_from_iter([("number", number), ("text", text), ("last", last), ("none", none)]).unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, rows_of.schema(), Some(properties)).unwrap();
        writer.write(&rows_of).unwrap();
        writer.close().unwrap();
        let (sha256, size) = (Digest::of(&bytes), bytes.len() as u64);
        bucket.put(KEY, bytes.into()).unwrap();
        IndexFile {
            path: KEY.to_owned(),
            partition_date: "2026-11-24".parse().unwrap(),
            rows: rows as u64,
            bytes: size,
            sha256,
            record: "ledger/records/0.json".to_owned(),
            provisional: false,
            timetable: None,
        }
    }

    fn numbers(batches: &[RecordBatch], name: &str) -> Vec<Option<i64>> {
        let columns = batches.iter().map(|batch| batch.column_by_name(name).unwrap().as_primitive::<Int64Type>());
        columns.flat_map(|column| column.iter().collect::<Vec<_>>()).collect()
    }

    #[test]
    fn some_columns_are_read_with_few_requests_and_nothing_else_is() {
        let bucket = Bucket::in_memory();
        let of = file(&bucket, 30_000, 10_000);
        assert!(of.bytes > 3 * WHOLE, "{}", of.bytes);
        let before = bucket.requests();
        let read = read_columns(&bucket, &of, &["last", "number", "missing"], None, 1 << 30).unwrap().unwrap();
        // The footer, and of three groups the two columns each, of which the last lies before the first of the next group.
        assert!(bucket.requests() - before <= 5, "{}", bucket.requests() - before);
        assert_eq!(read[0].schema().fields().len(), 2);
        let number: Vec<Option<i64>> = (0..30_000).map(|row| (row >= 3).then_some(row)).collect();
        let last: Vec<Option<i64>> = (0..30_000).map(|row| (row % 2 == 0).then_some(row)).collect();
        assert_eq!((numbers(&read, "number"), numbers(&read, "last")), (number.clone(), last));
        let first = read_columns(&bucket, &of, &["number"], Some(9_000), 1 << 30).unwrap().unwrap();
        assert_eq!(numbers(&first, "number"), number[..9_000]);
        // A small file is read in one request.
        let small = file(&bucket, 100, 30);
        let before = bucket.requests();
        let read = read_columns(&bucket, &small, &["number"], None, 1 << 30).unwrap().unwrap();
        assert_eq!((bucket.requests() - before, numbers(&read, "number")), (1, number[..100].to_vec()));
        assert_eq!(read_columns(&bucket, &small, &["missing"], None, 0).unwrap(), Some(Vec::new()));
    }

    #[test]
    fn more_rows_than_may_be_held_are_an_error_with_a_remedy() {
        let bucket = Bucket::in_memory();
        let of = file(&bucket, 30_000, 10_000);
        let error = read_columns(&bucket, &of, &["text"], None, 200_000).unwrap_err();
        assert!(error.to_string().contains("limits: memory"), "{error}");
    }

    #[test]
    fn nulls_and_first_values_are_those_of_the_rows() {
        let bucket = Bucket::in_memory();
        let of = file(&bucket, 30_000, 10_000);
        let reader = ColumnReader::open(&bucket, &of).unwrap().unwrap();
        let nulls = [("last", 15_000), ("none", 30_000), ("number", 3), ("text", 0)];
        assert_eq!(reader.nulls(), nulls.map(|(name, nulls)| (name.to_owned(), nulls)).into());
        assert_eq!(reader.rows(), 30_000);
        let found = reader.first_values(&["number", "last", "none", "missing"]).unwrap().unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["last", "number"]);
        assert_eq!(numbers(&[found["number"].clone()], "number"), [Some(3)]);
    }

    #[test]
    fn a_file_that_is_gone_is_none_and_a_damaged_one_is_an_error() {
        let bucket = Bucket::in_memory();
        let of = file(&bucket, 30_000, 10_000);
        let whole = bucket.get(KEY).unwrap().unwrap();
        let reader = ColumnReader::open(&bucket, &of).unwrap().unwrap();
        bucket.remove(KEY).unwrap();
        assert!(!reader.visit(&["number"], |_| ControlFlow::Continue(())).unwrap());
        assert_eq!(reader.first_values(&["number"]).unwrap(), None);
        assert_eq!(read_columns(&bucket, &of, &["number"], None, 1 << 30).unwrap(), None);
        bucket.put(KEY, whole.slice(..whole.len() - 1)).unwrap();
        let error = read_columns(&bucket, &of, &["number"], None, 1 << 30).unwrap_err();
        assert!(matches!(error, PublishError::Damaged { .. }), "{error}");
    }
}
