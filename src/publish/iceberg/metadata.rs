//! What a catalogue answers of a table: its metadata of version 2 (specification of Iceberg, "Table Metadata").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::manifest::{self, Manifests, manifests};
use super::paths::{folder, table_address};
use super::schema::{MONTH_FIELD, PartitionSpec, Schema, json, last_id, name_mapping};
use crate::digest::Digest;
use crate::publish::index::TableIndex;

/// The complete releases that a catalogue keeps.
pub(super) const SNAPSHOTS: usize = 60;
/// A provisional release is kept until this many follow it, so that who reads it meanwhile can end.
const PROVISIONAL: u64 = 2;

/// Whether a version may be among the snapshots of a table whose newest version is `newest`; `complete` are the complete releases
/// that came after it.
pub(crate) fn keeps(newest: u64, version: u64, complete: usize) -> bool {
    complete < SNAPSHOTS || version + PROVISIONAL >= newest
}

/// `LoadTableResult` of the REST catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Loaded {
    metadata_location: String,
    metadata: Metadata,
    config: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Metadata {
    format_version: u32,
    table_uuid: String,
    location: String,
    last_sequence_number: u64,
    last_updated_ms: i64,
    last_column_id: u32,
    current_schema_id: u32,
    schemas: Vec<Schema>,
    default_spec_id: u32,
    partition_specs: Vec<PartitionSpec>,
    last_partition_id: u32,
    default_sort_order_id: u32,
    sort_orders: Vec<SortOrder>,
    properties: BTreeMap<String, String>,
    current_snapshot_id: u64,
    snapshots: Vec<Snapshot>,
    refs: BTreeMap<String, Reference>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct SortOrder {
    order_id: u32,
    fields: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Reference {
    snapshot_id: u64,
    r#type: String,
}

/// A version of a table's index, under its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Snapshot {
    pub snapshot_id: u64,
    sequence_number: u64,
    timestamp_ms: i64,
    manifest_list: String,
    summary: Summary,
    schema_id: u32,
}

/// All values of a summary are texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Summary {
    /// Every snapshot names all files anew.
    operation: String,
    /// The date of the release.
    partition_date: String,
    total_data_files: String,
    total_records: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provisional: Option<String>,
}

impl Snapshot {
    pub(super) fn is_provisional(&self) -> bool {
        self.summary.provisional.is_some()
    }

    /// What its files have in their names.
    pub(super) fn parts(&self) -> Option<(u64, &str)> {
        let (_, name) = self.manifest_list.rsplit_once('/')?;
        manifest::parts(name)
    }
}

/// What a catalogue says of a version: its snapshot, and the files that the snapshot needs.
pub(super) struct Version {
    pub snapshot: Snapshot,
    pub schema: Schema,
    pub files: Vec<(String, Vec<u8>)>,
}

impl Version {
    /// None of a version that an earlier version of this program wrote, which does not say enough.
    pub(super) fn of(index: &TableIndex, base: &str) -> Option<Self> {
        let release = index.release.as_ref().filter(|_| !index.columns.is_empty())?;
        let schema = Schema::of(&index.columns);
        let folder = folder(&index.dataset, &index.table);
        let Manifests { list, files, data_files } = manifests(index, &schema, base, &folder);
        let snapshot = Snapshot {
            snapshot_id: index.version,
            sequence_number: index.version,
            timestamp_ms: release.at.as_millisecond(),
            manifest_list: format!("{base}/{list}"),
            summary: Summary {
                operation: "overwrite".to_owned(),
                partition_date: release.date.to_string(),
                total_data_files: data_files.to_string(),
                total_records: index.files.iter().map(|file| file.rows).sum::<u64>().to_string(),
                provisional: index.is_provisional().then(|| "true".to_owned()),
            },
            schema_id: schema.schema_id,
        };
        Some(Self { snapshot, schema, files })
    }
}

/// What changes of a table's metadata from release to release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// By id.
    pub snapshots: BTreeMap<u64, Snapshot>,
    pub schemas: BTreeMap<u32, Schema>,
}

impl State {
    /// Of what was written before; none if that is not what [`Self::write`] writes.
    pub(super) fn read(bytes: &[u8], dataset: &str, table: &str, base: &str) -> Option<Self> {
        let loaded: Loaded = serde_json::from_slice(bytes).ok()?;
        if loaded.metadata_location != format!("{base}/{}", table_address(dataset, table)) {
            return None;
        }
        let Metadata { snapshots, schemas, .. } = loaded.metadata;
        let snapshots = snapshots.into_iter().map(|snapshot| (snapshot.snapshot_id, snapshot)).collect();
        Some(Self { snapshots, schemas: schemas.into_iter().map(|schema| (schema.schema_id, schema)).collect() })
    }

    /// Whether a version follows from it, or is its newest.
    pub(super) fn is_before(&self, version: &Version) -> bool {
        let snapshot = &version.snapshot;
        let (newest, last) = (snapshot.snapshot_id, self.snapshots.values().next_back());
        last.is_some_and(|last| last == snapshot || last.snapshot_id < newest)
    }

    pub(super) fn add(&mut self, version: &Version) {
        self.snapshots.insert(version.snapshot.snapshot_id, version.snapshot.clone());
        self.schemas.insert(version.schema.schema_id, version.schema.clone());
    }

    /// Keeps the newest complete releases and the newest provisional ones, and the schemas that these need.
    pub(super) fn trim(&mut self) {
        let newest = self.snapshots.keys().next_back().copied().unwrap_or(0);
        let complete = self.snapshots.values().rev().filter(|snapshot| !snapshot.is_provisional());
        let oldest = complete.take(SNAPSHOTS).last().map_or(newest, |snapshot| snapshot.snapshot_id);
        self.snapshots.retain(|id, snapshot| match snapshot.is_provisional() {
            true => id + PROVISIONAL >= newest,
            false => *id >= oldest,
        });
        self.schemas.retain(|id, _| self.snapshots.values().any(|snapshot| snapshot.schema_id == *id));
    }

    /// The versions that [`Self::trim`] may keep although they are no complete releases.
    pub(super) fn maybe_provisional(newest: u64) -> std::ops::Range<u64> {
        newest.saturating_sub(PROVISIONAL).max(1)..newest
    }

    /// The answer of the catalogue. `index` is the newest version, which is among the snapshots.
    pub(super) fn write(&self, index: &TableIndex, base: &str) -> Vec<u8> {
        let TableIndex { dataset, table, .. } = index;
        let newest = self.snapshots.get(&index.version);
        let mapping = ("schema.name-mapping.default".to_owned(), name_mapping(index));
        let main = Reference { snapshot_id: index.version, r#type: "branch".to_owned() };
        let metadata = Metadata {
            format_version: 2,
            table_uuid: uuid(dataset, table),
            location: format!("{base}/{}", folder(dataset, table)),
            last_sequence_number: index.version,
            last_updated_ms: newest.map_or(0, |snapshot| snapshot.timestamp_ms),
            last_column_id: last_id(&index.columns),
            current_schema_id: newest.map_or(0, |snapshot| snapshot.schema_id),
            schemas: self.schemas.values().cloned().collect(),
            default_spec_id: 0,
            partition_specs: vec![PartitionSpec::by_date(), PartitionSpec::by_month()],
            last_partition_id: MONTH_FIELD,
            default_sort_order_id: 0,
            sort_orders: vec![SortOrder { order_id: 0, fields: Vec::new() }],
            properties: BTreeMap::from([mapping]),
            current_snapshot_id: index.version,
            snapshots: self.snapshots.values().cloned().collect(),
            refs: BTreeMap::from([("main".to_owned(), main)]),
        };
        let metadata_location = format!("{base}/{}", table_address(dataset, table));
        json(&Loaded { metadata_location, metadata, config: BTreeMap::new() })
    }
}

/// A table's UUID: from the names, whatever the address of the bucket is.
fn uuid(dataset: &str, table: &str) -> String {
    Digest::of(format!("fahrtenbuch iceberg table {dataset}/{table}").as_bytes()).uuid()
}
