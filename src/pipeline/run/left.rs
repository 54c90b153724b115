//! Datasets that no pipeline of the workspace makes any more. What was published of them stays, and so do its pages: all that they tell
//! is in the bucket, the contracts and the pipeline's file among the texts that the records name.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;

use crate::contract::names::{self, Named};
use crate::contract::{Contract, odcs};
use crate::digest::Digest;
use crate::ledger::object_key;
use crate::pipeline::recorded;
use crate::portal::About;
use crate::publication::DATASET;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, ColumnType, TableIndex};
use crate::workspace::{Workspace, described};
use crate::yaml;

/// A dataset that no pipeline makes any more.
pub(super) struct Left {
    pub dataset: String,
    pub about: About,
    /// Of its tables.
    pub contracts: Vec<Arc<Contract>>,
    /// Why it cannot be told, if it cannot.
    pub problem: Option<String>,
}

/// What is read of the record of a run, whichever version of the program wrote it.
#[derive(Deserialize)]
struct Texts {
    pipeline_file: Digest,
    #[serde(default)]
    contracts: Vec<ContractText>,
}

#[derive(Deserialize)]
struct ContractText {
    id: String,
    sha256: Digest,
}

/// The datasets of a bucket that no pipeline makes any more, by name.
pub(super) fn datasets(workspace: &Workspace, bucket: &Bucket) -> Result<Vec<Left>, PublishError> {
    let mut found = Vec::new();
    for dataset in bucket.folders("meta")? {
        let is_made = workspace.pipelines.iter().any(|pipeline| pipeline.dataset == dataset);
        // Whoever may write to the bucket may name a folder as no dataset can be called.
        if is_made || dataset == DATASET || names::mistake(Named::Folder, &dataset).is_some() {
            continue;
        }
        match read(workspace, bucket, &dataset) {
            Ok(left) => found.extend(left),
            Err(error @ (PublishError::Damaged { .. } | PublishError::Newer { .. })) => found.push(Left {
                about: described::ended(&workspace.pipelines, &dataset, None, [].into_iter()),
                contracts: Vec::new(),
                problem: Some(error.to_string()),
                dataset,
            }),
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// None of a folder in which nothing was ever released.
fn read(workspace: &Workspace, bucket: &Bucket, dataset: &str) -> Result<Option<Left>, PublishError> {
    let mut records: BTreeMap<String, Option<Texts>> = BTreeMap::new();
    let mut contracts = Vec::new();
    let mut newest = None;
    for table in bucket.folders(&format!("meta/{dataset}"))? {
        let Some(index) = index::current(bucket, dataset, &table)? else { continue };
        let mut named = None;
        if let Some(file) = index.files.last() {
            if !records.contains_key(&file.record) {
                records.insert(file.record.clone(), recorded::said(bucket, &file.record)?);
            }
            named = records.get(&file.record).and_then(Option::as_ref);
            newest = newest.max(Some((file.partition_date, file.record.clone())));
        }
        let entry = named.and_then(|texts| texts.contracts.iter().find(|entry| entry.id == index.contract.id));
        let of_record = match entry {
            Some(entry) => contract(bucket, &entry.sha256, &table)?,
            None => None,
        };
        contracts.extend(of_record.or_else(|| of_columns(&index)).map(Arc::new));
    }
    if contracts.is_empty() {
        return Ok(None);
    }
    let texts = newest.and_then(|(_, record)| records.remove(&record).flatten());
    let file = match texts {
        Some(texts) => object(bucket, &texts.pipeline_file)?,
        None => None,
    };
    let text = file.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
    let node = text.and_then(|text| yaml::parse(Path::new("pipeline"), text).ok());
    let tables = contracts.iter().map(|contract| contract.table.as_str());
    let about = described::ended(&workspace.pipelines, dataset, node.as_ref(), tables);
    Ok(Some(Left { dataset: dataset.to_owned(), about, contracts, problem: None }))
}

/// A text that a record names; none if it is gone or is another.
fn object(bucket: &Bucket, sha256: &Digest) -> Result<Option<Bytes>, PublishError> {
    Ok(bucket.get(&object_key(sha256))?.filter(|bytes| Digest::of(bytes) == *sha256))
}

/// The contract of a table as a record names it; none if the bucket has it no more, or it is of a form that is read no more.
pub(super) fn contract(bucket: &Bucket, sha256: &Digest, table: &str) -> Result<Option<Contract>, PublishError> {
    let Some(bytes) = object(bucket, sha256)? else { return Ok(None) };
    let text = std::str::from_utf8(&bytes).ok();
    let tables = text.and_then(|text| odcs::contracts(Path::new("contract"), text).ok()).unwrap_or_default();
    Ok(tables.into_iter().find(|contract| contract.table == table))
}

/// A contract that says what the index does: the columns of the files and their types.
fn of_columns(index: &TableIndex) -> Option<Contract> {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let columns = index.columns.iter().filter(|column| !column.gone);
    let columns = columns.map(|column| {
        let kind = match column.kind {
            ColumnType::String => "string",
            ColumnType::Int | ColumnType::Long => "integer",
            ColumnType::Float | ColumnType::Double => "number",
            ColumnType::Boolean => "boolean",
            ColumnType::Date => "date",
            ColumnType::TimestampTz => "timestamp",
        };
        format!("      - {{name: {}, logicalType: {kind}, classification: public}}\n", quoted(&column.name))
    });
    let columns: String = columns.collect();
    let text = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: {}\nversion: {}\nstatus: active\nschema:\n  - name: {}\n    properties:\n{columns}",
        quoted(&index.contract.id),
        quoted(&index.contract.version),
        quoted(&index.table)
    );
    let read = odcs::contract(Path::new("index"), &text);
    if let Err(problems) = &read {
        let table = format!("{}/{}", index.dataset, index.table);
        tracing::warn!(table, "nothing says what its columns are, and the pages leave it out: {problems:?}");
    }
    read.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::index::IndexColumn;
    use crate::publish::index::testing::first_version;

    #[test]
    fn a_table_whose_contract_is_gone_has_the_columns_that_its_index_says() {
        let column = |id, name: &str, kind| IndexColumn {
            id,
            name: name.to_owned(),
            kind,
            nullable: true,
            gone: name == "gone",
            since: None,
            until: None,
            earlier: Vec::new(),
        };
        let mut index = first_version("bus", "t", Vec::new());
        index.columns = vec![
            column(1, "a", ColumnType::String),
            column(2, "gone", ColumnType::Long),
            column(3, "at", ColumnType::TimestampTz),
            column(4, "yes", ColumnType::Boolean),
        ];
        let contract = of_columns(&index).unwrap();
        let names: Vec<&str> = contract.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!((contract.table.as_str(), names), ("t", vec!["a", "at", "yes"]));
    }
}
