//! `datapackage.json`: the files of each table, which tools download.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::published::{Published, current, get, tell};
use crate::ledger::verify::context::{Context, Interrupted};
use crate::ledger::verify::fault::FaultKind;
use crate::ledger::verify::names::{TableId, shown};
use crate::ledger::verify::strict;
use crate::ledger::verify::tables::Tables;
use crate::publish::index::{TableIndex, meta_folder};
use crate::text::Text;

const KEY: &str = "datapackage.json";

#[derive(Deserialize)]
struct Package {
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    dataset: String,
    table: String,
    files: String,
    path: Vec<String>,
    total_bytes: u64,
    total_rows: u64,
}

impl Resource {
    fn paths(&self) -> BTreeSet<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    fn says(&self, index: &TableIndex) -> bool {
        self.files == format!("{}/files.json", meta_folder(&index.dataset, &index.table))
            && self.path.len() == index.files.len()
            && self.paths() == current(index)
            && self.total_bytes == index.files.iter().map(|file| file.bytes).sum::<u64>()
            && self.total_rows == index.files.iter().map(|file| file.rows).sum::<u64>()
    }
}

pub(super) fn check(context: &mut Context<'_>, published: &Published<'_>, tables: &Tables) -> Result<(), Interrupted> {
    let must_be = published.with_files().next().is_some();
    let Some(bytes) = get(context, KEY, published.longest, must_be)? else { return Ok(()) };
    let read = strict::value(&bytes).map(serde_json::from_value::<Package>);
    let package: Package = match read {
        Some(Ok(package)) => package,
        _ => {
            let said = Text::new(
                "it is no list of tables as the program writes it",
                "es ist keine Liste von Tabellen, wie das Programm sie schreibt",
            );
            tell(context, FaultKind::Changed, KEY, said);
            return Ok(());
        }
    };
    let mut shown_tables: BTreeMap<TableId, &Resource> = BTreeMap::new();
    for resource in &package.resources {
        let id = TableId::new(&resource.dataset, &resource.table);
        let is_known = id.as_ref().is_some_and(|id| tables.all.iter().any(|table| table.id == *id));
        let is_first = id.is_some_and(|id| shown_tables.insert(id, resource).is_none());
        if !is_first || !is_known && published.is_whole {
            let name = shown(&format!("{}/{}", resource.dataset, resource.table));
            let said = Text::new(
                format!("it names {name}, which is no table of this bucket, or names it twice"),
                format!("es nennt {name}, was keine Tabelle dieses Buckets ist, oder nennt sie doppelt"),
            );
            tell(context, FaultKind::Changed, KEY, said);
            return Ok(());
        }
    }
    for (table, index) in &published.sound {
        let (id, version) = (&table.id, index.version);
        let found = shown_tables.get(id);
        if index.files.is_empty() && found.is_none() || found.is_some_and(|resource| resource.says(index)) {
            continue;
        }
        // What an earlier version named, and nothing else.
        let bytes = |path: &String| table.files.get(path).map(|named| named.bytes);
        let of_known = found.and_then(|resource| resource.path.iter().map(bytes).sum::<Option<u64>>());
        let is_older = found
            .zip(of_known)
            .is_some_and(|(resource, bytes)| resource.total_bytes == bytes && resource.paths() != current(index));
        let (kind, en, de) = match (found, is_older) {
            (Some(_), true) => (FaultKind::RolledBack, "shows earlier files of", "zeigt frühere Dateien von"),
            (Some(_), false) => (FaultKind::Changed, "shows other files of", "zeigt andere Dateien von"),
            (None, _) => (FaultKind::Changed, "does not show", "zeigt nicht"),
        };
        let said = Text::new(
            format!("it {en} {id}: version {version} of its index is the newest"),
            format!("es {de} {id}: Die neueste Version des Index ist {version}"),
        );
        tell(context, kind, KEY, said);
        return Ok(());
    }
    Ok(())
}
