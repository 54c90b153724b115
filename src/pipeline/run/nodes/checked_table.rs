//! A table at its check: values are mapped, and rows meet their contract.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::check::TableCheck;
use crate::contract::{Contract, Kind};
use crate::pipeline::mapping::Dictionary;
use crate::pipeline::run::error::RunError;
use crate::table::Chunk;

pub(in crate::pipeline::run) struct CheckedTable {
    pub check: TableCheck,
    /// Places of the columns whose values are replaced.
    mapped: Vec<(usize, String)>,
    mappings: Arc<BTreeMap<String, Dictionary>>,
}

impl CheckedTable {
    /// A table of the release.
    pub(super) fn new(check: TableCheck) -> Self {
        Self { check, mapped: Vec::new(), mappings: Arc::default() }
    }

    /// A table of the feed, whose values the mapping files replace.
    pub(super) fn mapped(check: TableCheck, contract: &Contract, mappings: Arc<BTreeMap<String, Dictionary>>) -> Self {
        let text = |name: &String| {
            let place = contract.index_of(name)?;
            Some((place, name.clone())).filter(|_| contract.columns[place].kind == Kind::Text)
        };
        Self { check, mapped: mappings.keys().filter_map(text).collect(), mappings }
    }

    /// Replaces values as the mapping files say, and counts them by column.
    pub(super) fn map(&self, chunk: Chunk, counts: &mut BTreeMap<String, u64>) -> Result<Chunk, RunError> {
        let mut columns: Option<Vec<arrow_array::ArrayRef>> = None;
        for (place, name) in &self.mapped {
            let replaced = self.mappings.get(name).and_then(|dictionary| dictionary.replace(chunk.rows.column(*place)));
            let count = counts.entry(name.clone()).or_default();
            if let Some((array, replaced)) = replaced {
                *count += replaced;
                columns.get_or_insert_with(|| chunk.rows.columns().to_vec())[*place] = array;
            }
        }
        let Some(columns) = columns else { return Ok(chunk) };
        let rows = RecordBatch::try_new(chunk.rows.schema(), columns);
        let rows = rows.map_err(|error| RunError::internal(format!("replacing values by mappings: {error}")))?;
        Ok(Chunk { rows, ..chunk })
    }
}
