//! Parquet: the rows of a partition become one file, the same bytes for the same rows.
//!
//! zstd, page index, statistics; one encoding for each column, by its contract. A sorted table has some forty row groups that end
//! where a vehicle or trip does, so that a reader of one fetches one of them; others have 122,880 rows a group. The columns of a
//! row group are encoded side by side, and row groups are encoded while the next ones are still being checked. Holds three row groups, or fewer where the run may hold
//! little: those wait for the encoder; where the contract sorts, also
//! the rows of one sorted run, after which runs are spooled into the staging folder and merged at the end, a few rows of
//! each at a time.

mod batches;
mod compact;
mod encoder;
mod merge;
mod properties;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use arrow_array::RecordBatch;
use arrow_row::{RowConverter, SortField};
use arrow_schema::{ArrowError, SchemaRef};
use parquet::errors::ParquetError;

use self::batches::{bytes_of, group_end, group_rows, ranks};
use self::encoder::{Group, encode};
use self::merge::{Merge, Run};
use self::properties::properties;
use crate::contract::Contract;
use crate::digest::Digest;
use crate::durable;
use crate::publish::PublishError;
use crate::table::Budget;

pub use self::batches::ROW_GROUP;
pub use self::compact::{CompactError, Day, compact};

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

/// Writes the rows of one partition.
pub struct Writer {
    table: String,
    path: PathBuf,
    schema: SchemaRef,
    /// Places among the public columns.
    sort_by: Vec<usize>,
    /// Rows of a group, at most.
    group_rows: usize,
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
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let encoder = std::thread::spawn(move || encode(file, &thread_schema, properties, &received, &done, threads));
        Ok(Self {
            table: contract.table.clone(),
            path,
            schema,
            sort_by,
            group_rows: ROW_GROUP,
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
            self.group_rows = group_rows(self.rows);
            self.merge()?;
        } else if !self.sort_by.is_empty() && !self.pending.is_empty() {
            self.group_rows = group_rows(self.rows);
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
        let rows = self.rows_of_group()?;
        let mut group = Vec::new();
        let mut missing = rows;
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
        self.pending_rows -= rows - missing;
        let bytes = group.iter().map(bytes_of).sum::<Result<usize, _>>();
        let bytes = bytes.map_err(|error| self.failed(&error.to_string()))?;
        // What is encoded takes no more than the rows, and both are there at once. The rows are booked already.
        let booked = bytes.min(self.booked);
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

    /// How many of the first rows that are pending make a row group.
    fn rows_of_group(&self) -> Result<usize, PublishError> {
        let Some(&column) = self.sort_by.first() else { return Ok(self.group_rows) };
        let field = SortField::new(self.schema.field(column).data_type().clone());
        let end = RowConverter::new(vec![field])
            .and_then(|converter| group_end(&converter, column, &self.pending, self.group_rows));
        Ok(end.map_err(|error| self.failed(&error.to_string()))?.unwrap_or(self.group_rows))
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
        let parts = order.chunks(self.group_rows).map(|part| arrow_array::UInt32Array::from(part.to_vec()));
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

    /// Sends the rows of all runs in order, as if they had been sorted at once, but for the last ones, which stay pending.
    fn merge(&mut self) -> Result<(), PublishError> {
        let paths = std::mem::take(&mut self.runs);
        let mut runs = Vec::new();
        for path in &paths {
            runs.push(Run::open(path).map_err(|error| self.failed(&format!("{}: {error}", path.display())))?);
        }
        let converter = self.converter().map_err(|error| self.failed(&error.to_string()))?;
        let mut merge = Merge::of(&self.table, runs, converter, &self.sort_by, &self.budget)?;
        while let Some(rows) = merge.rows(self.group_rows)? {
            let bytes = bytes_of(&rows).map_err(|error| self.failed(&error.to_string()))?;
            self.take(bytes)?;
            self.booked += bytes;
            self.pending_rows += rows.num_rows();
            self.pending.push(rows);
            // Where a group ends the row after it decides.
            while self.pending_rows > self.group_rows {
                self.send_group()?;
            }
        }
        for path in paths {
            // The staging folder is removed as a whole after the release.
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }
}

impl Drop for Writer {
    /// A writer that is given up gives back what it held.
    fn drop(&mut self) {
        self.budget.give_back(self.booked);
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
