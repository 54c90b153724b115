//! How the columns of a contract are written, and what the footer says of them.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use parquet::arrow::add_encoded_arrow_schema_to_metadata;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::schema::types::ColumnPath;

use super::batches::ROW_GROUP;
use crate::contract::{self, Column, Contract, Kind};

const LEVEL: i32 = 9;
/// Bytes that a dictionary may have, more than the texts of a row group ever are: a column that outgrows its dictionary goes
/// on as plain values, which some readers take for nothing.
const DICTIONARY: usize = 1 << 30;

/// How the columns are written, see [`encoding`], and what the footer says of them: the Arrow schema with the descriptions and
/// units, for readers that know it, and the same as `fahrtenbuch.columns` in JSON for all others.
pub(super) fn properties(
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
