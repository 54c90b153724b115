//! Rows that wait for rules over a whole table, in memory or in a file of the private store.

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, SeekFrom};
use std::path::PathBuf;

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;

use crate::durable;
use crate::spool;
use crate::table::{Budget, BudgetExceeded};

/// Bytes of rows that wait in memory; less where the run may hold little, or holds much already.
const IN_MEMORY: usize = 512 << 20;

/// Whole rows, in their order. What does not fit into memory waits in a file that has no name, in the private store.
pub(super) struct SpillStore {
    folder: PathBuf,
    budget: Budget,
    limit: usize,
    booked: usize,
    batches: Vec<RecordBatch>,
    file: Option<StreamWriter<BufWriter<File>>>,
}

/// Why rows cannot wait.
#[derive(Debug, thiserror::Error)]
pub enum SpillError {
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
    #[error("rows could not be spooled: {0}. Check the disk of the private store, and try again")]
    Arrow(#[from] ArrowError),
    #[error("rows could not be spooled into {folder}: {error}. Check the disk and the permissions, and try again", folder = folder.display())]
    File { folder: PathBuf, error: std::io::Error },
}

impl SpillStore {
    pub(super) fn new(folder: PathBuf, budget: Budget) -> Self {
        let limit = IN_MEMORY.min(budget.limit() / 4);
        Self { folder, budget, limit, booked: 0, batches: Vec::new(), file: None }
    }

    pub(super) fn push(&mut self, rows: RecordBatch) -> Result<(), SpillError> {
        if self.file.is_none() {
            let bytes = rows.get_array_memory_size();
            if self.booked + bytes <= self.limit && self.budget.take("check", bytes).is_ok() {
                self.booked += bytes;
                self.batches.push(rows);
                return Ok(());
            }
            let made = durable::create_dir_all(&self.folder).and_then(|()| tempfile::tempfile_in(&self.folder));
            let file = made.map_err(|error| SpillError::File { folder: self.folder.clone(), error })?;
            self.file = Some(spool::writer(file, &rows.schema())?);
        }
        let Some(writer) = &mut self.file else { return Ok(()) };
        for batch in self.batches.drain(..) {
            writer.write(&batch)?;
        }
        self.budget.give_back(std::mem::take(&mut self.booked));
        writer.write(&rows)?;
        Ok(())
    }

    /// The rows again, batch by batch.
    pub(super) fn take(mut self) -> Result<Box<dyn Iterator<Item = Result<RecordBatch, SpillError>>>, SpillError> {
        let failed = |error| SpillError::File { folder: self.folder.clone(), error };
        if let Some(mut writer) = self.file.take() {
            writer.finish()?;
            let mut file = writer.into_inner()?.into_inner().map_err(|error| failed(error.into_error()))?;
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
            let reader = StreamReader::try_new(BufReader::with_capacity(1 << 20, file), None)?;
            return Ok(Box::new(reader.map(|batch| batch.map_err(SpillError::from))));
        }
        self.budget.give_back(std::mem::take(&mut self.booked));
        Ok(Box::new(std::mem::take(&mut self.batches).into_iter().map(Ok)))
    }
}

impl Drop for SpillStore {
    fn drop(&mut self) {
        self.budget.give_back(self.booked);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int32Array};

    use super::*;

    fn batch(from: i32, rows: i32) -> RecordBatch {
        let numbers: Int32Array = (from..from + rows).map(Some).collect();
        RecordBatch::try_from_iter_with_nullable([("n", Arc::new(numbers) as ArrayRef, true)]).unwrap()
    }

    #[test]
    fn rows_come_back_in_their_order_whether_they_were_spooled_or_not() {
        let folder = tempfile::tempdir().unwrap();
        for memory in [1 << 30, 1 << 13] {
            let budget = Budget::new(memory);
            let mut store = SpillStore::new(folder.path().join("spool"), budget.clone());
            (0..20).for_each(|i| store.push(batch(i * 100, 100)).unwrap());
            assert_eq!(store.file.is_some(), memory < 1 << 20);
            let back: Vec<RecordBatch> = store.take().unwrap().map(Result::unwrap).collect();
            assert_eq!(back, (0..20).map(|i| batch(i * 100, 100)).collect::<Vec<_>>());
            budget.take("test", memory).unwrap();
        }
        // The file has no name that could stay behind.
        assert_eq!(std::fs::read_dir(folder.path().join("spool")).unwrap().count(), 0);
    }
}
