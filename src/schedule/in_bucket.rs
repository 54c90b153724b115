//! What a bucket has of a dataset: what is released, what was taken back, what people did to releases, and which files are gone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::publish::PublishError;
use crate::publish::bucket::{Bucket, ONE_PAGE};
use crate::publish::index::{self, ActKind, Month, TableIndex};
use crate::schedule::facts::{MissingFiles, ReleaseAct, ReleaseActKind, Released};
use crate::time::ServiceDate;

/// What a bucket has of a dataset.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct InBucket {
    /// The dates that have a current file of any table.
    pub released: BTreeMap<ServiceDate, Released>,
    /// Those that had one, and by a later release have none.
    pub taken_back: BTreeSet<ServiceDate>,
    /// What people did to releases.
    pub acts: BTreeMap<ServiceDate, ReleaseAct>,
    /// When the newest release was made.
    pub newest: Option<Timestamp>,
    /// Current files that are not there, or have another length, as far as was looked.
    pub missing: MissingFiles,
    /// Whether every name was looked at since looking began: before that nobody knows that no file is missing.
    pub is_seen: bool,
}

/// A look at the names in a bucket, a part at a time: what a look costs does not grow with what was published. In a bucket of at most
/// a thousand files of a dataset, and in a local folder, each look sees all of them.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By folder, the name after which the next look goes on.
    after: BTreeMap<String, String>,
    /// Current files that were not there when they were looked for last.
    missing: BTreeSet<String>,
    /// Folders that were looked at to their end since this began.
    seen: BTreeSet<String>,
}

impl Names {
    /// The current files that are not there, of `indexes` of a dataset, which were read before.
    fn look(
        &mut self,
        bucket: &Bucket,
        dataset: &str,
        indexes: &[TableIndex],
        page: usize,
    ) -> Result<MissingFiles, PublishError> {
        let files = || indexes.iter().flat_map(named);
        for folder in folders(dataset) {
            let after = self.after.get(&folder).map_or("", String::as_str);
            let page = bucket.page(&folder, after, page)?;
            let prefix = format!("{folder}/");
            for file in files().filter(|file| file.path.starts_with(&prefix) && page.covers(file.path)) {
                match page.sizes.get(file.path) {
                    Some(bytes) if *bytes == file.bytes => self.missing.remove(file.path),
                    _ => self.missing.insert(file.path.to_owned()),
                };
            }
            match page.end {
                Some(end) => self.after.insert(folder, end),
                None => {
                    self.seen.insert(folder.clone());
                    self.after.remove(&folder)
                }
            };
        }
        let current: BTreeSet<&str> = files().map(|file| file.path).collect();
        self.missing.retain(|path| current.contains(path.as_str()));
        let mut missing = MissingFiles::default();
        for index in indexes.iter().filter(|index| named(index).any(|file| self.missing.contains(file.path))) {
            // What was superseded since is not missed.
            let now = index::current(bucket, dataset, &index.table)?;
            for file in now.iter().flat_map(named).filter(|file| self.missing.contains(file.path)) {
                match file.of {
                    Of::Date(date) => _ = missing.dates.insert(date),
                    Of::Month(month) => _ = missing.months.insert(month),
                }
            }
        }
        Ok(missing)
    }

    /// Whether all names of a dataset were looked at since this began.
    fn is_seen(&self, dataset: &str) -> bool {
        folders(dataset).iter().all(|folder| self.seen.contains(folder))
    }
}

/// A file that an index names.
struct NamedFile<'a> {
    path: &'a str,
    bytes: u64,
    of: Of,
}

/// What a file has the rows of.
#[derive(Clone, Copy)]
enum Of {
    Date(ServiceDate),
    Month(Month),
}

/// The files that an index names: of days, and of months.
fn named(index: &TableIndex) -> impl Iterator<Item = NamedFile<'_>> {
    let days = index.files.iter();
    let days = days.map(|file| NamedFile { path: &file.path, bytes: file.bytes, of: Of::Date(file.partition_date) });
    let months = index.months.iter();
    days.chain(months.map(|file| NamedFile { path: &file.path, bytes: file.bytes, of: Of::Month(file.month) }))
}

/// The files that the newest indexes of a dataset name, and that are not there or have another length, by a look at all names. A
/// table whose index is damaged is left out.
///
/// # Errors
/// The bucket cannot be read.
pub fn missing_files(bucket: &Bucket, dataset: &str) -> Result<MissingFiles, PublishError> {
    let mut indexes = Vec::new();
    for table in bucket.folders(&format!("meta/{dataset}"))? {
        match index::current(bucket, dataset, &table) {
            Ok(index) => indexes.extend(index),
            Err(PublishError::Damaged { .. } | PublishError::Newer { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    if indexes.is_empty() {
        return Ok(MissingFiles::default());
    }
    Names::default().look(bucket, dataset, &indexes, usize::MAX)
}

/// Where the files of a dataset lie.
fn folders(dataset: &str) -> [String; 2] {
    [format!("data/{dataset}"), format!("revised/{dataset}")]
}

/// What a bucket has of a dataset, by the newest versions of its indexes, and by a part of its names.
pub(super) fn look_into(bucket: &Bucket, dataset: &str, names: &mut Names) -> Result<InBucket, PublishError> {
    let mut found = InBucket::default();
    let mut indexes = Vec::new();
    for table in bucket.folders(&format!("meta/{dataset}"))? {
        let Some(index) = index::current(bucket, dataset, &table)? else { continue };
        for file in &index.files {
            let of = found.released.entry(file.partition_date);
            let of = of.or_insert(Released { is_provisional: file.provisional });
            of.is_provisional &= file.provisional;
        }
        found.taken_back.extend(index.first.keys());
        found.newest = found.newest.max(released_at(bucket, &index)?);
        add_acts(&mut found.acts, &table, &index);
        indexes.push(index);
    }
    if !indexes.is_empty() {
        found.missing = names.look(bucket, dataset, &indexes, ONE_PAGE)?;
    }
    found.is_seen = indexes.is_empty() || names.is_seen(dataset);
    let InBucket { released, acts, taken_back, .. } = &mut found;
    let is_lifted = |date: &ServiceDate| acts.get(date).is_some_and(|act| act.kind == ReleaseActKind::Lifted);
    taken_back.retain(|date| !released.contains_key(date) && !is_lifted(date));
    Ok(found)
}

/// When a table was released last: that its past months came into one file is no release of anything.
fn released_at(bucket: &Bucket, newest: &TableIndex) -> Result<Option<Timestamp>, PublishError> {
    let is_compaction = |index: &TableIndex| {
        let act = index.release.as_ref().and_then(|release| release.act.as_ref());
        index.version > 1 && act.is_some_and(|act| act.kind == ActKind::Compaction)
    };
    let mut of = newest.clone();
    while is_compaction(&of) {
        of = index::read_version(bucket, &of.dataset, &of.table, of.version - 1)?.0;
    }
    Ok(of.release.map(|release| release.at))
}

/// What an index tells that people did to releases; of a date the gravest of all tables.
fn add_acts(acts: &mut BTreeMap<ServiceDate, ReleaseAct>, table: &str, index: &TableIndex) {
    let withdrawn = index.withdrawn.iter().filter(|(date, of)| of.holds() || index.file_of(**date).is_none());
    let withdrawn = withdrawn.map(|(date, of)| match &of.lifted {
        None => (*date, ReleaseActKind::Withdrawn, of.at, &of.by, &of.reason),
        Some(of) => (*date, ReleaseActKind::Lifted, of.at, &of.by, &of.reason),
    });
    let back =
        index.rolled_back.iter().map(|(date, of)| (*date, ReleaseActKind::RolledBack, of.at, &of.by, &of.reason));
    for (date, kind, at, by, reason) in withdrawn.chain(back) {
        let new = || ReleaseAct { kind, tables: BTreeSet::new(), at, by: by.clone(), reason: reason.clone() };
        let of = acts.entry(date).or_insert_with(new);
        if kind < of.kind {
            *of = new();
        }
        if kind == of.kind {
            of.tables.insert(table.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::index::index_key;
    use crate::publish::index::testing::{file, first_version};

    #[test]
    fn files_that_are_gone_are_found_page_by_page_and_found_again_when_they_are_back() {
        let bucket = Bucket::in_memory();
        let files = (1..=5).map(|day| file("bus", "stops", &format!("2026-11-0{day}"), "rows")).collect();
        let index = first_version("bus", "stops", files);
        bucket.put_new(&index_key("bus", "stops", 1), serde_json::to_vec(&index).unwrap().into()).unwrap();
        index.files.iter().for_each(|file| bucket.put(&file.path, "rows".into()).unwrap());
        let mut names = Names::default();
        // Whoever has just begun does not know that nothing is missing, until the last page.
        let mut seen = Vec::new();
        for _ in 0..4 {
            names.look(&bucket, "bus", std::slice::from_ref(&index), 2).unwrap();
            seen.push(names.is_seen("bus"));
        }
        assert_eq!(seen, [false, false, true, true]);
        let mut look = || {
            let missing = names.look(&bucket, "bus", std::slice::from_ref(&index), 2).unwrap();
            missing.dates.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(look(), [""; 0]);
        bucket.remove(&index.files[3].path).unwrap();
        let before = bucket.requests();
        let found: Vec<_> = (0..3).map(|_| look()).collect();
        assert!(found.iter().any(|missing| *missing == ["2026-11-04"]), "{found:?}");
        // A look costs a page of each folder, and the index again where something is missing.
        assert!(bucket.requests() - before <= 3 * 5, "{}", bucket.requests() - before);
        // It stays missing while others are looked at, until it is there again; one that was cut is missing, too.
        assert_eq!([look(), look(), look()], [["2026-11-04"]; 3]);
        bucket.put(&index.files[3].path, "rows".into()).unwrap();
        bucket.put(&index.files[0].path, "ro".into()).unwrap();
        (0..3).for_each(|_| drop(look()));
        assert_eq!(look(), ["2026-11-01"]);
        // The last one, behind which no page begins.
        bucket.remove(&index.files[4].path).unwrap();
        (0..4).for_each(|_| drop(look()));
        assert_eq!(look(), ["2026-11-01", "2026-11-05"]);
    }
}
