//! What a record says of the files of its run, compared with what an index says of them.

use crate::digest::Digest;
use crate::ledger::{self, FileEntry};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, IndexFile, TableIndex};

/// Makes sure that an index says of a file what the record of the run that made it says, whose name is its digest. A record
/// that is gone is for another check.
pub(super) fn verify_record(bucket: &Bucket, index: &TableIndex, file: &IndexFile) -> Result<(), PublishError> {
    let Some(bytes) = bucket.get(&file.record)? else { return Ok(()) };
    if file.record != ledger::record_key(&Digest::of(&bytes)) {
        let problem = format!("its bytes have the SHA-256 {}, and a record is named by it", Digest::of(&bytes));
        return Err(PublishError::Damaged { key: file.record.clone(), problem });
    }
    let Ok(record) = serde_json::from_slice::<RecordedFiles>(&bytes) else { return Ok(()) };
    let of_table = record.tables.iter().filter(|table| table.table == index.table);
    let mut files = of_table.flat_map(|table| &table.files);
    let says_the_same =
        |other: &FileEntry| (other.rows, other.bytes, other.sha256) == (file.rows, file.bytes, file.sha256);
    match files.find(|other| other.path == file.path) {
        Some(other) if says_the_same(other) => Ok(()),
        _ => Err(PublishError::Damaged {
            key: index::index_key(&index.dataset, &index.table, index.version),
            problem: format!("it says of '{}' what the record '{}' does not", file.path, file.record),
        }),
    }
}

/// What is read of a record, whichever version of the program wrote it.
#[derive(serde::Deserialize)]
struct RecordedFiles {
    tables: Vec<RecordedTable>,
}

#[derive(serde::Deserialize)]
struct RecordedTable {
    table: String,
    #[serde(default)]
    files: Vec<FileEntry>,
}
