//! Tables that the bucket shows and no entry of the log names.

use std::collections::{BTreeMap, BTreeSet};

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

/// Tells of each such table, and gives them: what else there is of them follows from that.
/// `files` is how many files the indexes name, so that the list can be no longer than these.
pub(super) fn check(context: &mut Context<'_>, chain: &Chain, files: usize) -> Result<BTreeSet<TableId>, Interrupted> {
    let mut tables = shown(context, chain, LONGEST + files.saturating_mul(LONGEST_NAME))?;
    tables.retain(|id, _| !chain.tables.contains_key(id));
    // What named it may be what was cut off the log.
    let is_explained = chain.has_doubtful() || !chain.is_whole || context.findings.lack_entries();
    for (id, path) in tables.iter().filter(|_| !is_explained) {
        let (what, said) = match path.contains("/index/") {
            true => (
                Subject::Index,
                Text::new(
                    format!("{id} has an index, and the log has no entry of it"),
                    format!("{id} hat einen Index, und das Protokoll hat keinen Eintrag davon"),
                ),
            ),
            false => (
                Subject::View,
                Text::new(
                    format!("{id} is shown to readers, and the log has no entry of it"),
                    format!("{id} wird Lesern gezeigt, und das Protokoll hat keinen Eintrag davon"),
                ),
            ),
        };
        let version = path.rsplit_once("/index/v").and_then(|(_, file)| file.strip_suffix(".json")?.parse().ok());
        let fault = Fault::new(FaultKind::NotInLog, what, path, said).of_table(id);
        context.findings.tell(Fault { version, ..fault });
    }
    Ok(tables.into_keys().collect())
}

/// The tables that a listing or the list for readers names, each with something that is there of it: the first version of its index, if
/// there is one.
fn shown(context: &mut Context<'_>, chain: &Chain, longest: usize) -> Result<BTreeMap<TableId, String>, Interrupted> {
    let mut tables: BTreeMap<TableId, String> = BTreeMap::new();
    if let Some(names) = context.list("meta")? {
        for name in names {
            let parts: Vec<&str> = name.split('/').collect();
            let ["meta", dataset, table, _, ..] = parts.as_slice() else { continue };
            let Some(id) = TableId::new(dataset, table) else { continue };
            // Names are in their order, and those of an index first where there are others, too.
            match tables.get(&id) {
                Some(first) if first.contains("/index/") || !name.contains("/index/") => {}
                _ => _ = tables.insert(id, name),
            }
        }
        return Ok(tables);
    }
    let Got::There(bytes) = context.get(Subject::View, "datapackage.json", longest)? else { return Ok(tables) };
    let package: Option<Package> = serde_json::from_slice(&bytes).ok();
    let resources = package.into_iter().flat_map(|package| package.resources);
    let named: BTreeSet<TableId> = resources.filter_map(|of| TableId::new(&of.dataset?, &of.table?)).collect();
    for id in named.into_iter().filter(|id| !chain.tables.contains_key(id)) {
        let list = format!("{}/files.json", index::meta_folder(&id.dataset, &id.table));
        for path in [index::index_key(&id.dataset, &id.table, 1), list] {
            if !tables.contains_key(&id) && matches!(context.digest(Subject::Index, &path, 1)?, Got::There(_)) {
                tables.insert(id.clone(), path);
            }
        }
    }
    Ok(tables)
}
