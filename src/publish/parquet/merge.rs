//! Sorted runs on disk, merged a few rows of each at a time.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_row::{RowConverter, Rows};
use arrow_schema::ArrowError;

use super::batches::{bytes_of, ranks};
use crate::publish::PublishError;
use crate::table::Budget;

/// Sorted runs that are being merged.
pub(super) struct Merge {
    table: String,
    runs: Vec<Run>,
    /// The runs that are not at their end, as a heap: the one with the least next row comes first.
    order: Vec<usize>,
    converter: RowConverter,
    sort_by: Vec<usize>,
    /// The batches that the next rows are taken from.
    batches: Vec<RecordBatch>,
    budget: Budget,
    booked: usize,
}

impl Merge {
    /// Of runs in their order, sorted by columns of which `converter` makes ranks. `table` is for messages.
    pub(super) fn of(
        table: &str,
        runs: Vec<Run>,
        converter: RowConverter,
        sort_by: &[usize],
        budget: &Budget,
    ) -> Result<Self, PublishError> {
        let mut merge = Self {
            table: table.to_owned(),
            runs,
            order: Vec::new(),
            converter,
            sort_by: sort_by.to_vec(),
            batches: Vec::new(),
            budget: budget.clone(),
            booked: 0,
        };
        merge.begin()?;
        Ok(merge)
    }

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

    /// The next rows of all runs, `count` of them or what is left; `None` when all have been given.
    pub(super) fn rows(&mut self, count: usize) -> Result<Option<RecordBatch>, PublishError> {
        let mut taken: Vec<(usize, usize)> = Vec::with_capacity(count);
        while taken.len() < count
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
        let rows = arrow_select::interleave::interleave_record_batch(&sources, &taken);
        let rows = rows.map_err(|error| self.failed(&error))?;
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
        Ok(Some(rows))
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

/// A sorted run that is being merged.
pub(super) struct Run {
    reader: StreamReader<BufReader<File>>,
    /// Of the batch that the run is in.
    ranks: Option<Rows>,
    /// The place of that batch among those of the merge, and the next row in it.
    batch: usize,
    row: usize,
}

impl Run {
    pub(super) fn open(path: &Path) -> Result<Self, ArrowError> {
        let reader = StreamReader::try_new(BufReader::new(crate::durable::open_to_read(path)?), None)?;
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
