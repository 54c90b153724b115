//! Tables that the bucket shows and no entry of the log names.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::chain::Chain;
use super::context::{Context, Got, Interrupted};
use super::fault::{Fault, FaultKind, Subject};
use super::names::TableId;
use crate::publish::index;
use crate::text::Text;

/// Bytes of the list of tables for readers besides the names of files, and of a name.
const LONGEST: usize = 4 << 20;
const LONGEST_NAME: usize = 512;

#[derive(Deserialize)]
struct Package {
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    dataset: Option<String>,
    table: Option<String>,
}

/// Tells of each such table, and gives them.
/// `files` is how many files the indexes name, so that the list can be no longer than these.
pub(super) fn check(context: &mut Context<'_>, chain: &Chain, files: usize) -> Result<BTreeSet<TableId>, Interrupted> {
    let mut tables = shown(context, LONGEST + files.saturating_mul(LONGEST_NAME))?;
    tables.retain(|id| !chain.tables.contains_key(id));
    for id in &tables {
        let key = index::index_key(&id.dataset, &id.table, 1);
        // What named it may be what was cut off the log.
        if context.findings.has(Subject::Log) || !matches!(context.digest(Subject::Index, &key, 1)?, Got::There(_)) {
            continue;
        }
        let said = Text::new(
            format!("{id} has an index, and the log has no entry of it"),
            format!("{id} hat einen Index, und das Protokoll hat keinen Eintrag davon"),
        );
        context.findings.tell(Fault::new(FaultKind::NotInLog, Subject::Index, key, said).of_table(id).of_version(1));
    }
    Ok(tables)
}

/// The tables that a listing or the list for readers names.
fn shown(context: &mut Context<'_>, longest: usize) -> Result<BTreeSet<TableId>, Interrupted> {
    if let Some(names) = context.list("meta")? {
        let table = |name: &String| {
            let mut parts = name.strip_prefix("meta/")?.split('/');
            let (dataset, table, folder) = (parts.next()?, parts.next()?, parts.next()?);
            TableId::new(dataset, table).filter(|_| folder == "index")
        };
        return Ok(names.iter().filter_map(table).collect());
    }
    let Got::There(bytes) = context.get(Subject::View, "datapackage.json", longest)? else {
        return Ok(BTreeSet::new());
    };
    let package: Option<Package> = serde_json::from_slice(&bytes).ok();
    let resources = package.into_iter().flat_map(|package| package.resources);
    Ok(resources.filter_map(|of| TableId::new(&of.dataset?, &of.table?)).collect())
}
