//! What a published file says of itself, without its rows.

use std::collections::BTreeSet;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::FOOTER_SIZE;
use parquet::file::metadata::{FooterTail, ParquetMetaData, ParquetMetaDataReader};

use crate::publish::PublishError;
use crate::publish::bucket::Bucket;

/// Bytes of a file's end that are asked for first: enough for the footer of most.
const END: u64 = 64 << 10;

/// The footer of a file, and the end of the file that was read for it.
pub(super) struct Footer {
    pub metadata: ParquetMetaData,
    pub end: Bytes,
}

/// The names of the columns of a published file; none if the file is gone. One request, or two.
pub fn columns(bucket: &Bucket, key: &str, size: u64) -> Result<Option<BTreeSet<String>>, PublishError> {
    let Some(Footer { metadata, .. }) = read(bucket, key, END.min(size))? else { return Ok(None) };
    let fields = metadata.file_metadata().schema().get_fields().iter();
    Ok(Some(fields.map(|field| field.name().to_owned()).collect()))
}

/// The footer of a published file of `size` bytes; none if the file is gone. A file of up to `whole` bytes is read whole.
pub(super) fn with_end(bucket: &Bucket, key: &str, size: u64, whole: u64) -> Result<Option<Footer>, PublishError> {
    read(bucket, key, if size <= whole { size } else { END })
}

/// The footer, of which the last bytes are asked for first.
fn read(bucket: &Bucket, key: &str, bytes: u64) -> Result<Option<Footer>, PublishError> {
    let damaged = |error: ParquetError| PublishError::Damaged { key: key.to_owned(), problem: error.to_string() };
    let too_short = || damaged(ParquetError::General("it has no footer".to_owned()));
    let Some(mut end) = bucket.tail(key, bytes)? else { return Ok(None) };
    let tail = end.len().checked_sub(FOOTER_SIZE).and_then(|from| end.get(from..)).ok_or_else(too_short)?;
    let tail: [u8; FOOTER_SIZE] = tail.try_into().map_err(|_| too_short())?;
    let length = FooterTail::try_new(&tail).map_err(damaged)?.metadata_length();
    if end.len() < length + FOOTER_SIZE {
        let Some(whole) = bucket.tail(key, (length + FOOTER_SIZE) as u64)? else { return Ok(None) };
        end = whole;
    }
    let footer = end.len().checked_sub(length + FOOTER_SIZE).and_then(|from| end.get(from..from + length));
    let metadata = ParquetMetaDataReader::decode_metadata(footer.ok_or_else(too_short)?).map_err(damaged)?;
    Ok(Some(Footer { metadata, end }))
}
