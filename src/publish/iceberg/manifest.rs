//! Manifests and manifest lists of version 2 (specification of Iceberg, "Manifests"): which files a snapshot has.
//!
//! All files stand in one manifest, since readers ask for every manifest of a snapshot; only where there are very many, those of a
//! year each. The values that may be inherited from the snapshot are, and bounds of columns are left out: partitions tell
//! readers enough, and the manifest is most of what they fetch.

use super::avro::{self, Record};
use super::schema::{PARTITION_FIELD, PartitionSpec, Schema, json};
use crate::digest::{Digest, Digester};
use crate::publish::index::{IndexFile, TableIndex};

/// Files in one manifest.
const ONE_MANIFEST: usize = 2_000;

/// The files of a snapshot that name its data.
pub(super) struct Manifests {
    /// The name of the manifest list.
    pub list: String,
    /// By name: manifests, then the list.
    pub files: Vec<(String, Vec<u8>)>,
}

/// The manifests of a version, with names below `folder`; the data and they themselves are at `base`.
pub(super) fn manifests(index: &TableIndex, schema: &Schema, base: &str, folder: &str) -> Manifests {
    let groups: Vec<&[IndexFile]> = match index.files.len() {
        0 => Vec::new(),
        1..=ONE_MANIFEST => vec![&index.files],
        _ => index.files.chunk_by(|one, other| year(one) == year(other)).collect(),
    };
    let made: Vec<Vec<u8>> = groups.iter().map(|files| manifest(files, schema, base)).collect();
    let mut digest = Digester::default();
    made.iter().for_each(|bytes| digest.update(&Digest::of(bytes).0));
    // What ends in a digest never changes, so that caches keep it.
    let (start, end) = (format!("{folder}/v{:010}", index.version), format!("{}.avro", digest.finish().short()));
    let named = made.into_iter().enumerate().map(|(place, bytes)| (format!("{start}-{place}-{end}"), bytes));
    let mut files: Vec<(String, Vec<u8>)> = named.collect();
    let entries = files.iter().zip(&groups).map(|((name, bytes), files)| {
        let rows = files.iter().map(|file| file.rows).sum();
        Record::default()
            .text(&format!("{base}/{name}"))
            .count(bytes.len() as u64)
            .long(0)
            .long(0)
            .count(index.version)
            .count(index.version)
            .count(index.version)
            .count(files.len() as u64)
            .long(0)
            .long(0)
            .count(rows)
            .long(0)
            .long(0)
    });
    let version = index.version.to_string();
    let metadata = [("snapshot-id", version.as_str()), ("sequence-number", &version), ("format-version", "2")];
    let entries: Vec<Record> = entries.collect();
    let list = format!("{start}-{end}");
    files.push((list.clone(), avro::file(&list_schema(), &metadata, &entries)));
    Manifests { list, files }
}

/// The version and the digest that all files of a snapshot have in their names, by a name without its folder.
pub(super) fn parts(name: &str) -> Option<(u64, &str)> {
    let (version, rest) = name.strip_suffix(".avro")?.strip_prefix('v')?.split_once('-')?;
    let digest = rest.rsplit_once('-').map_or(rest, |(_, digest)| digest);
    Some((version.parse().ok()?, digest))
}

fn year(file: &IndexFile) -> String {
    file.partition_date.to_string().chars().take(4).collect()
}

fn manifest(files: &[IndexFile], schema: &Schema, base: &str) -> Vec<u8> {
    let entries = files.iter().map(|file| {
        Record::default()
            // Added; by the snapshot that names the manifest, which has its numbers.
            .long(1)
            .null()
            .null()
            .null()
            // Data, not deletions.
            .long(0)
            .text(&format!("{base}/{}", file.path))
            .text("PARQUET")
            .some()
            .long(i64::from(file.partition_date.days_since_epoch()))
            .count(file.rows)
            .count(file.bytes)
    });
    let entries: Vec<Record> = entries.collect();
    let spec = PartitionSpec::by_date();
    let texts = [json(schema), json(&spec.fields)].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let id = schema.schema_id.to_string();
    let metadata = [
        ("schema", texts[0].as_str()),
        ("schema-id", &id),
        ("partition-spec", &texts[1]),
        ("partition-spec-id", "0"),
        ("format-version", "2"),
        ("content", "data"),
    ];
    avro::file(&manifest_schema(), &metadata, &entries)
}

/// The type of a field in Avro: a name of a type, or a record as JSON.
enum Of {
    Plain(&'static str),
    /// `["null", …]`, null where nothing is said.
    Optional(&'static str),
    Whole(String),
}

/// A record of fields with ids, as JSON.
fn record(name: &str, fields: &[(u32, &str, Of)]) -> String {
    let fields = fields.iter().map(|(id, name, of)| {
        let (kind, default) = match of {
            Of::Plain(name) => (format!("\"{name}\""), ""),
            Of::Optional("date") => {
                ("[\"null\",{\"type\":\"int\",\"logicalType\":\"date\"}]".to_owned(), ",\"default\":null")
            }
            Of::Optional(name) => (format!("[\"null\",\"{name}\"]"), ",\"default\":null"),
            Of::Whole(record) => (record.clone(), ""),
        };
        format!("{{\"name\":\"{name}\",\"type\":{kind}{default},\"field-id\":{id}}}")
    });
    let fields: Vec<String> = fields.collect();
    format!("{{\"type\":\"record\",\"name\":\"{name}\",\"fields\":[{}]}}", fields.join(","))
}

fn manifest_schema() -> String {
    let partition = record("r102", &[(PARTITION_FIELD, "partition_date", Of::Optional("date"))]);
    let file = record(
        "r2",
        &[
            (134, "content", Of::Plain("int")),
            (100, "file_path", Of::Plain("string")),
            (101, "file_format", Of::Plain("string")),
            (102, "partition", Of::Whole(partition)),
            (103, "record_count", Of::Plain("long")),
            (104, "file_size_in_bytes", Of::Plain("long")),
        ],
    );
    record(
        "manifest_entry",
        &[
            (0, "status", Of::Plain("int")),
            (1, "snapshot_id", Of::Optional("long")),
            (3, "sequence_number", Of::Optional("long")),
            (4, "file_sequence_number", Of::Optional("long")),
            (2, "data_file", Of::Whole(file)),
        ],
    )
}

fn list_schema() -> String {
    let long = |id, name| (id, name, Of::Plain("long"));
    let int = |id, name| (id, name, Of::Plain("int"));
    record(
        "manifest_file",
        &[
            (500, "manifest_path", Of::Plain("string")),
            long(501, "manifest_length"),
            int(502, "partition_spec_id"),
            int(517, "content"),
            long(515, "sequence_number"),
            long(516, "min_sequence_number"),
            long(503, "added_snapshot_id"),
            int(504, "added_files_count"),
            int(505, "existing_files_count"),
            int(506, "deleted_files_count"),
            long(512, "added_rows_count"),
            long(513, "existing_rows_count"),
            long(514, "deleted_rows_count"),
        ],
    )
}
