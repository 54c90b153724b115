//! Writing anew what is made from the indexes of tables.
//!
//! Views that are made without a version that is known and not in the bucket would go back to an older one, and hide that.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::pipeline::run::error::RunError;
use crate::pipeline::run::heads;
use crate::pipeline::run::views;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index;
use crate::publish::view_writer::Changes;
use crate::workspace::Workspace;

/// Writes the views, pages and catalogue of all datasets anew, or with `is_dry` tells what would be written.
///
/// # Errors
/// Among others, the newest version of an index that is known is damaged or not there: nothing is changed then.
pub(crate) fn rebuild(workspace: &Workspace, bucket: &Bucket, is_dry: bool) -> Result<Changes, RunError> {
    heads::tell_versions(workspace, bucket)?;
    refuse_missing_versions(workspace, bucket)?;
    views::rebuild(workspace, bucket, is_dry)
}

/// Refuses a bucket in which the newest version of a table is gone that runs have seen or that the view of the table was made of.
fn refuse_missing_versions(workspace: &Workspace, bucket: &Bucket) -> Result<(), RunError> {
    for pipeline in &workspace.pipelines {
        let dataset = &pipeline.dataset;
        let seen = heads::versions(workspace, pipeline, bucket)?;
        let folders = bucket.folders(&format!("meta/{dataset}"))?;
        let is_there = |table: &String| folders.contains(table) || seen.contains_key(table);
        let tables = pipeline.released().into_iter().map(|contract| contract.table.clone()).filter(is_there);
        for table in tables.collect::<Vec<_>>() {
            let newest = index::current(bucket, dataset, &table)?.map_or(0, |index| index.version);
            let (known, who) = known(&seen, bucket, (dataset, &table))?;
            if known <= newest {
                continue;
            }
            let found = match newest {
                0 => "no version is there".to_owned(),
                newest => format!("the newest that is there is version {newest}"),
            };
            let problem = format!(
                "version {known} of {dataset}/{table} is missing: {who}, and {found}. Nothing was written: views of an older version \
                 would hide that. 'fahrtenbuch run {}' releases again what its journal proves",
                pipeline.name
            );
            return Err(PublishError::Damaged { key: index::index_key(dataset, &table, known), problem }.into());
        }
    }
    Ok(())
}

/// The newest version of a table that is known otherwise than from its versions, and who knows it.
fn known(
    seen: &BTreeMap<String, u64>,
    bucket: &Bucket,
    (dataset, table): (&str, &str),
) -> Result<(u64, &'static str), PublishError> {
    /// Of a view.
    #[derive(Deserialize)]
    struct View {
        version: u64,
    }
    let view = bucket.get(&format!("{}/files.json", index::meta_folder(dataset, table)))?;
    // One that cannot be understood is made anew.
    let view = view.and_then(|bytes| serde_json::from_slice::<View>(&bytes).ok()).map_or(0, |view| view.version);
    let seen = seen.get(table).copied().unwrap_or(0);
    Ok(if seen >= view { (seen, "a run has seen it") } else { (view, "'files.json' was made of it") })
}
