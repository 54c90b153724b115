//! What a bucket has of a dataset: what is released, what was taken back, and what people did to releases.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, ActKind, TableIndex};
use crate::schedule::facts::{ReleaseAct, ReleaseActKind, Released};
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
}

/// What a bucket has of a dataset, by the newest versions of its indexes.
pub(super) fn look_into(bucket: &Bucket, dataset: &str) -> Result<InBucket, PublishError> {
    let mut found = InBucket::default();
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
    }
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
