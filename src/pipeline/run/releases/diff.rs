//! What differs between two versions of a table: its files by date, and its columns.

use super::{ActError, current, version};
use crate::publish::bucket::Bucket;
use crate::publish::index::{IndexColumn, IndexFile};
use crate::time::ServiceDate;

/// What differs from one version to another.
#[derive(Clone, Debug)]
pub struct Diff {
    pub from: u64,
    pub to: u64,
    /// By date; those that are the same are not here.
    pub dates: Vec<DiffEntry>,
    /// Dates that are the same.
    pub same: usize,
    /// Columns that a release has and had not, and those that no release has any more.
    pub columns_added: Vec<String>,
    pub columns_gone: Vec<String>,
    /// Those whose type, or whether they may lack, is another: name, before, after.
    pub columns_changed: Vec<(String, String, String)>,
}

/// The file of a date in both versions.
#[derive(Clone, Debug)]
pub struct DiffEntry {
    pub date: ServiceDate,
    pub from: Option<IndexFile>,
    pub to: Option<IndexFile>,
    /// A withdrawal deleted what the version names.
    pub is_from_gone: bool,
    pub is_to_gone: bool,
}

impl DiffEntry {
    /// `added`, `removed` or `replaced`.
    pub fn change(&self) -> &'static str {
        match (&self.from, &self.to) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "replaced",
        }
    }
}

/// What differs between two versions of a table.
///
/// # Errors
/// There is no such table or version, or the bucket cannot be read.
pub fn diff(bucket: &Bucket, (dataset, table): (&str, &str), from: u64, to: u64) -> Result<Diff, ActError> {
    let newest = current(bucket, dataset, table)?;
    let (one, other) = (version(bucket, &newest, from)?, version(bucket, &newest, to)?);
    let changed = super::history::changed_dates(Some(&one), &other);
    let same = other.files.iter().filter(|file| !changed.contains(&file.partition_date)).count();
    let entry = |date: ServiceDate| {
        let (from, to) = (one.file_of(date).cloned(), other.file_of(date).cloned());
        let is_gone = |file: &Option<IndexFile>| file.as_ref().is_some_and(|file| newest.is_deleted(date, &file.path));
        DiffEntry { date, is_from_gone: is_gone(&from), is_to_gone: is_gone(&to), from, to }
    };
    let mut diff = Diff {
        from,
        to,
        dates: changed.into_iter().map(entry).collect(),
        same,
        columns_added: Vec::new(),
        columns_gone: Vec::new(),
        columns_changed: Vec::new(),
    };
    let live = |columns: &[IndexColumn]| -> Vec<IndexColumn> {
        columns.iter().filter(|column| !column.gone).cloned().collect()
    };
    let (before, after) = (live(&one.columns), live(&other.columns));
    // Versions of earlier versions of this program say nothing of columns.
    if !before.is_empty() && !after.is_empty() {
        compare_columns(&mut diff, &before, &after);
    }
    Ok(diff)
}

fn compare_columns(diff: &mut Diff, before: &[IndexColumn], after: &[IndexColumn]) {
    let said = |column: &IndexColumn| {
        let kind = serde_json::to_value(column.kind).ok();
        let kind = kind.and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
        if column.nullable { format!("{kind}, may lack") } else { kind }
    };
    for column in after {
        match before.iter().find(|known| known.id == column.id) {
            None => diff.columns_added.push(column.name.clone()),
            Some(known) if known.name != column.name => {
                let named = |column: &IndexColumn| format!("'{}', {}", column.name, said(column));
                diff.columns_changed.push((column.name.clone(), named(known), named(column)));
            }
            Some(known) if said(known) != said(column) => {
                diff.columns_changed.push((column.name.clone(), said(known), said(column)));
            }
            Some(_) => {}
        }
    }
    let gone = before.iter().filter(|known| !after.iter().any(|column| column.id == known.id));
    diff.columns_gone.extend(gone.map(|column| column.name.clone()));
}
