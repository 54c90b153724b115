//! How the columns of a contract are written, and what the footer says of them.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use parquet::arrow::add_encoded_arrow_schema_to_metadata;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{
    BloomFilterPosition, EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterPropertiesPtr,
};
use parquet::schema::types::ColumnPath;

use super::batches::ROW_GROUP;
use crate::contract::{self, BBOX, BBOX_PARTS, Column, Contract, Geometry, GeometryOf, Kind};

/// Of zstd. 9 takes a fifth longer over all and makes telemetry 0 to 2 % smaller, see `benches/README.md`.
const LEVEL: i32 = 6;
/// Bytes that a dictionary may have, more than the texts of a row group ever are: a column that outgrows its dictionary goes
/// on as plain values, which some readers take for nothing.
const DICTIONARY: usize = 1 << 30;
/// Rows of a page, at most: readers that know the page index read a few pages of a row group. Smaller ones make files larger, see
/// `benches/README.md`.
const PAGE: usize = 8_192;
/// The share of row groups without a value that its Bloom filter takes for groups with it. The filter is made for a row group of
/// different values and then folded until this is reached, so it is as large as the values need.
pub(super) const FALSE_POSITIVES: f64 = 0.01;

/// How the columns are written, see [`encoding`], and what the footer says of them: the Arrow schema with the descriptions and
/// units, for readers that know it, and the same as `fahrtenbuch.columns` in JSON for all others.
pub(super) fn properties(
    contract: &Contract,
    schema: &SchemaRef,
    sort_by: &[usize],
    metadata: Vec<(String, String)>,
) -> Result<WriterPropertiesPtr, ParquetError> {
    let columns = ("fahrtenbuch.columns".to_owned(), documentation(contract));
    let geo = contract.geometry.as_ref().map(|geometry| ("geo".to_owned(), geo(geometry)));
    let metadata = metadata.into_iter().chain([columns]).chain(geo).map(|(key, value)| KeyValue::new(key, value));
    let mut builder = common(ROW_GROUP, !sort_by.is_empty())?.set_key_value_metadata(Some(metadata.collect()));
    if !sort_by.is_empty() {
        let columns = sort_by.iter().map(|&place| SortingColumn {
            column_idx: place as i32,
            descending: false,
            nulls_first: true,
        });
        builder = builder.set_sorting_columns(Some(columns.collect()));
        for &place in sort_by {
            let path = ColumnPath::from(schema.field(place).name().as_str());
            builder = builder.set_column_statistics_enabled(path, EnabledStatistics::Page);
        }
    }
    for (place, column) in contract.public_columns() {
        let path = ColumnPath::from(column.name.as_str());
        if let Some(encoding) = encoding(column, contract.is_unique(place)) {
            builder =
                builder.set_column_dictionary_enabled(path.clone(), false).set_column_encoding(path.clone(), encoding);
        }
        if column.bloom_filter {
            builder = builder
                .set_column_bloom_filter_fpp(path.clone(), FALSE_POSITIVES)
                .set_column_bloom_filter_max_ndv(path, ROW_GROUP as u64);
        }
    }
    if let Some(geometry) = &contract.geometry {
        // The least and greatest bytes of geometries say nothing; those of their bounds do.
        let path = ColumnPath::from(geometry.name.as_str());
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_statistics_enabled(path, EnabledStatistics::None);
        for part in BBOX_PARTS {
            let path = ColumnPath::new(vec![BBOX.to_owned(), part.to_owned()]);
            builder = builder
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT);
        }
    }
    let mut properties = builder.build();
    add_encoded_arrow_schema_to_metadata(schema, &mut properties);
    Ok(Arc::new(properties))
}

/// What does not depend on the columns. `rows` is what a row group has at most.
pub(super) fn common(rows: usize, is_sorted: bool) -> Result<WriterPropertiesBuilder, ParquetError> {
    let builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .set_max_row_group_row_count(Some(rows))
        .set_dictionary_page_size_limit(DICTIONARY)
        .set_data_page_row_count_limit(PAGE)
        // By what is in its pages a reader of a sorted table looks for what it is sorted by; of the other columns the row groups say
        // enough. DuckDB fetches the page index with the last row group, which it stands behind, so it must be small; for
        // that reason Bloom filters stand behind their row groups.
        .set_statistics_enabled(if is_sorted { EnabledStatistics::Chunk } else { EnabledStatistics::Page })
        .set_bloom_filter_position(BloomFilterPosition::AfterRowGroup);
    Ok(builder)
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
    fn said<'a>(name: &'a str, texts: impl Iterator<Item = (&'static str, &'a str)>) -> serde_json::Value {
        let texts = std::iter::once(("name", name)).chain(texts);
        serde_json::Value::Object(texts.map(|(key, value)| (key.to_owned(), value.into())).collect())
    }
    let columns = contract.public_columns().map(|(_, column)| said(&column.name, column.documentation()));
    let geometry = contract.geometry.iter().map(|geometry| said(&geometry.name, geometry.documentation()));
    serde_json::Value::Array(columns.chain(geometry).collect()).to_string()
}

/// The metadata of GeoParquet 1.1 (<https://geoparquet.org/releases/v1.1.0/>, "File metadata"). Without `crs`: longitude and latitude
/// on WGS 84, OGC:CRS84.
fn geo(geometry: &Geometry) -> String {
    let kinds: &[&str] = match geometry.of {
        GeometryOf::Point { .. } => &["Point"],
        GeometryOf::GeoJson(_) => &["Polygon", "MultiPolygon"],
    };
    let bounds: serde_json::Map<_, _> =
        BBOX_PARTS.iter().map(|part| ((*part).to_owned(), serde_json::json!([BBOX, part]))).collect();
    let column = serde_json::json!({"encoding": "WKB", "geometry_types": kinds, "covering": {"bbox": bounds}});
    serde_json::json!({
        "version": "1.1.0",
        "primary_column": geometry.name,
        "columns": {(geometry.name.as_str()): column},
    })
    .to_string()
}
