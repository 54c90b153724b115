//! What Iceberg calls schema, partition spec and name mapping, of the columns of a table (specification of Iceberg, appendix C).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::contract::{BBOX, BBOX_PARTS};
use crate::digest::Digest;
use crate::publish::index::{ColumnType, IndexColumn, TableIndex};

/// The column that stands in the path of each file and in no file. Ids below it are places in a contract.
const PARTITION_DATE: (u32, &str) = (1000, "partition_date");
/// Of the partitions' values, which have ids of their own: the date of a day, the month of a file of many.
pub(super) const PARTITION_FIELD: u32 = 1000;
pub(super) const MONTH_FIELD: u32 = 1001;
/// Of the bounds that files have and no schema, with their parts after it, then of geometries: no column gets so far, and below the ids
/// that the specification keeps for itself ("Reserved Field IDs").
const BOUNDS: u32 = 900_000_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Schema {
    r#type: Struct,
    /// From the fields alone, so that it does not depend on which schemas a catalogue has seen before.
    pub schema_id: u32,
    pub fields: Vec<Field>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Struct {
    Struct,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Field {
    pub id: u32,
    pub name: String,
    pub required: bool,
    pub r#type: ColumnType,
}

impl Schema {
    /// Of the columns that are not gone, and the date of the partition after them. Every row has a date, and yet it is not said to be
    /// required: pyiceberg looks for required columns in files, and does not take them from partitions.
    pub(super) fn of(columns: &[IndexColumn]) -> Self {
        let columns = columns.iter().filter(|column| !column.gone && column.name != PARTITION_DATE.1);
        let mut fields: Vec<Field> = columns
            .map(|IndexColumn { id, name, kind, nullable, .. }| Field {
                id: *id,
                name: name.clone(),
                required: !nullable,
                r#type: *kind,
            })
            .collect();
        let (id, name) = PARTITION_DATE;
        fields.push(Field { id, name: name.to_owned(), required: false, r#type: ColumnType::Date });
        let [first, second, third, fourth, ..] = Digest::of(&json(&fields)).0;
        let schema_id = u32::from_be_bytes([first & 0x7f, second, third, fourth]);
        Self { r#type: Struct::Struct, schema_id, fields }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct PartitionSpec {
    pub spec_id: u32,
    pub fields: Vec<PartitionField>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct PartitionField {
    name: String,
    transform: String,
    source_id: u32,
    field_id: u32,
}

impl PartitionSpec {
    /// That of days: a file has rows of one date, and does not say it.
    pub(super) fn by_date() -> Self {
        Self::of(0, PARTITION_DATE.1, "identity", PARTITION_FIELD)
    }

    /// That of past months in one file, which says the date of each row.
    pub(super) fn by_month() -> Self {
        Self::of(1, "month", "month", MONTH_FIELD)
    }

    fn of(spec_id: u32, name: &str, transform: &str, field_id: u32) -> Self {
        let (name, transform, source_id) = (name.to_owned(), transform.to_owned(), PARTITION_DATE.0);
        Self { spec_id, fields: vec![PartitionField { name, transform, source_id, field_id }] }
    }
}

/// By which names the columns of files are found, which say no ids: `schema.name-mapping.default`. A column has its name and those
/// that it had before. Columns that are gone keep theirs for older snapshots, unless another has it now. In the order of ids.
///
/// Geometries and their bounds have ids that are in no schema: pyiceberg reads no file that has a column without one.
pub(super) fn name_mapping(index: &TableIndex) -> String {
    let TableIndex { columns, geometries, .. } = index;
    let (live, mut gone): (Vec<&IndexColumn>, Vec<&IndexColumn>) = columns.iter().partition(|column| !column.gone);
    gone.sort_by_key(|column| std::cmp::Reverse(column.id));
    let current = live.iter().map(|column| (column.id, column.name.as_str()));
    let earlier = live.iter().flat_map(|column| column.earlier_names().map(|name| (column.id, name)));
    let of_gone = gone.iter().flat_map(|column| {
        std::iter::once(column.name.as_str()).chain(column.earlier_names()).map(|name| (column.id, name))
    });
    let mut mapping: BTreeMap<u32, Vec<&str>> = BTreeMap::from([(PARTITION_DATE.0, vec![PARTITION_DATE.1])]);
    let mut taken = BTreeSet::from([PARTITION_DATE.1]);
    // A name leads to one column: to that which has it, then to that which had it last.
    for (id, name) in current.chain(earlier).chain(of_gone) {
        if taken.insert(name) {
            mapping.entry(id).or_default().push(name);
        }
    }
    let field = |id: u32, names: &[&str]| serde_json::json!({ "field-id": id, "names": names });
    let mut fields: Vec<serde_json::Value> = mapping.iter().map(|(id, names)| field(*id, names)).collect();
    if !geometries.is_empty() && !taken.contains(BBOX) {
        let parts = (BOUNDS + 1..).zip(BBOX_PARTS).map(|(id, name)| field(id, &[name]));
        let mut bounds = field(BOUNDS, &[BBOX]);
        bounds["fields"] = parts.collect();
        fields.push(bounds);
    }
    let free = (BOUNDS + 5..).zip(geometries).filter(|(_, name)| !taken.contains(name.as_str()));
    fields.extend(free.map(|(id, name)| field(id, &[name])));
    serde_json::Value::from(fields).to_string()
}

/// The highest id that a column has.
pub(super) fn last_id(columns: &[IndexColumn]) -> u32 {
    columns.iter().map(|column| column.id).max().unwrap_or(0).max(PARTITION_DATE.0)
}

/// Without spaces.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    // Strings, numbers, lists and maps with text keys always serialise.
    serde_json::to_vec(value).unwrap_or_else(|error| crate::internal::impossible("writing a catalogue", error))
}
