//! Rows that do not fit into memory wait in files of the private store, compressed a little: disks are slower.

use std::fs::File;
use std::io::BufWriter;

use arrow_ipc::CompressionType;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_schema::{ArrowError, SchemaRef};

/// A writer of batches into a file.
pub(crate) fn writer(file: File, schema: &SchemaRef) -> Result<StreamWriter<BufWriter<File>>, ArrowError> {
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
    StreamWriter::try_new_with_options(BufWriter::with_capacity(1 << 20, file), schema, options)
}
