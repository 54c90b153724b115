//! Manifests and manifest lists of version 2 (specification of Iceberg, "Manifests"): which files a snapshot has.
//!
//! All days stand in one manifest, since readers ask for every manifest of a snapshot; only where there are very many, those of a
//! year each. Past months that are in one file, which say the date of each row, are partitioned otherwise and stand in another. The values that may be inherited from the snapshot are, and bounds of columns are left out: partitions tell
//! readers enough, and the manifest is most of what they fetch.

use super::avro::{self, Record};
use super::schema::{MONTH_FIELD, PARTITION_FIELD, PartitionSpec, Schema, json};
use crate::digest::{Digest, Digester};
use crate::publish::index::{IndexFile, MonthFile, TableIndex};

/// Files in one manifest, of some ten years of days: each manifest more is a request more of every reader, and two of every run.
const ONE_MANIFEST: usize = 4_000;

/// The files of a snapshot that name its data.
pub(super) struct Manifests {
    /// The name of the manifest list.
    pub list: String,
    /// By name: manifests, then the list.
    pub files: Vec<(String, Vec<u8>)>,
    /// How many data files they name.
    pub data_files: usize,
}

/// The manifests of a version, with names below `folder`; the data and they themselves are at `base`.
pub(super) fn manifests(index: &TableIndex, schema: &Schema, base: &str, folder: &str) -> Manifests {
    let (months, days) = index.parted();
    let mut groups: Vec<Group> = match days.len() {
        0 => Vec::new(),
        1..=ONE_MANIFEST => vec![Group::of_days(&days)],
        _ => days.chunk_by(|one, other| year(one) == year(other)).map(Group::of_days).collect(),
    };
    if !months.is_empty() {
        groups.push(Group::of_months(&months));
    }
    let made: Vec<Vec<u8>> = groups.iter().map(|group| manifest(group, schema, base)).collect();
    let mut digest = Digester::default();
    made.iter().for_each(|bytes| digest.update(&Digest::of(bytes).0));
    // What ends in a digest never changes, so that caches keep it.
    let (start, end) = (format!("{folder}/v{:010}", index.version), format!("{}.avro", digest.finish().short()));
    let named = made.into_iter().enumerate().map(|(place, bytes)| (format!("{start}-{place}-{end}"), bytes));
    let mut files: Vec<(String, Vec<u8>)> = named.collect();
    let entries = files.iter().zip(&groups).map(|((name, bytes), group)| {
        let rows = group.files.iter().map(|file| file.rows).sum();
        Record::default()
            .text(&format!("{base}/{name}"))
            .count(bytes.len() as u64)
            .count(group.spec.spec_id.into())
            .long(0)
            .count(index.version)
            .count(index.version)
            .count(index.version)
            .count(group.files.len() as u64)
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
    let data_files = groups.iter().map(|group| group.files.len()).sum();
    Manifests { list, files, data_files }
}

/// The version and the digest that all files of a snapshot have in their names, by a name without its folder.
pub(super) fn parts(name: &str) -> Option<(u64, &str)> {
    let (version, rest) = name.strip_suffix(".avro")?.strip_prefix('v')?.split_once('-')?;
    let digest = rest.rsplit_once('-').map_or(rest, |(_, digest)| digest);
    Some((version.parse().ok()?, digest))
}

/// Files that are partitioned alike.
struct Group<'a> {
    spec: PartitionSpec,
    /// The field of the partition's value in a manifest.
    field: (u32, &'static str, &'static str),
    files: Vec<DataFile<'a>>,
}

/// What a manifest says of a file.
struct DataFile<'a> {
    path: &'a str,
    partition: i64,
    rows: u64,
    bytes: u64,
}

impl<'a> Group<'a> {
    fn of_days(files: &[&'a IndexFile]) -> Self {
        let files = files.iter().map(|IndexFile { path, partition_date, rows, bytes, .. }| DataFile {
            path,
            partition: i64::from(partition_date.days_since_epoch()),
            rows: *rows,
            bytes: *bytes,
        });
        let field = (PARTITION_FIELD, "partition_date", "date");
        Self { spec: PartitionSpec::by_date(), field, files: files.collect() }
    }

    fn of_months(files: &[&'a MonthFile]) -> Self {
        let files = files.iter().map(|MonthFile { path, month, rows, bytes, .. }| DataFile {
            path,
            partition: month.since_epoch(),
            rows: *rows,
            bytes: *bytes,
        });
        Self { spec: PartitionSpec::by_month(), field: (MONTH_FIELD, "month", "int"), files: files.collect() }
    }
}

fn year(file: &IndexFile) -> String {
    file.partition_date.to_string().chars().take(4).collect()
}

fn manifest(group: &Group<'_>, schema: &Schema, base: &str) -> Vec<u8> {
    let entries = group.files.iter().map(|file| {
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
            .long(file.partition)
            .count(file.rows)
            .count(file.bytes)
    });
    let entries: Vec<Record> = entries.collect();
    let texts = [json(schema), json(&group.spec.fields)].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let (id, spec_id) = (schema.schema_id.to_string(), group.spec.spec_id.to_string());
    let metadata = [
        ("schema", texts[0].as_str()),
        ("schema-id", &id),
        ("partition-spec", &texts[1]),
        ("partition-spec-id", &spec_id),
        ("format-version", "2"),
        ("content", "data"),
    ];
    avro::file(&manifest_schema(group.field), &metadata, &entries)
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

fn manifest_schema((id, name, of): (u32, &'static str, &'static str)) -> String {
    let partition = record("r102", &[(id, name, Of::Optional(of))]);
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
