//! The views of the log, by which people and programs find what was released without a listing: `ledger/index.json` and a page for each
//! month. Only pages that got entries are written; what they say besides the entries is read from the versions and records themselves.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::detail::{self, Detail};
use crate::digest::Digest;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::log::{self, Entry, LogVersion, RecordKind};
use crate::publish::view_writer::ViewWriter;
use crate::time::ServiceDate;

const INDEX: &str = "ledger/index.json";
const INDEX_FORMAT: &str = "fahrtenbuch-log-index/1";
const MONTH_FORMAT: &str = "fahrtenbuch-log-month/1";
/// The page of entries that do not say when they were made: of versions of the index of an earlier version of this program.
const UNDATED: &str = "undated";

/// `ledger/index.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogIndex {
    pub format: String,
    pub log: LogRef,
    /// By dataset and table.
    pub tables: Vec<TableHead>,
    pub months: Vec<MonthRef>,
}

/// The version of the log that a view was made of, and how many entries the log has up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogRef {
    pub version: u64,
    pub size: u64,
}

/// The newest version of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableHead {
    pub dataset: String,
    pub table: String,
    pub version: u64,
    pub index_sha256: Digest,
}

/// A page, and how much is on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MonthRef {
    pub month: String,
    pub path: String,
    pub releases: usize,
    pub records: usize,
}

/// `ledger/index/2026-11.json`: what was released and recorded in a month, by UTC, in the order of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MonthPage {
    format: String,
    month: String,
    releases: Vec<PageRelease>,
    /// Those that no version of a table names.
    records: Vec<PageRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PageRelease {
    /// The place of the entry in the log, from 0.
    log_index: u64,
    dataset: String,
    table: String,
    version: u64,
    /// Of several dates that a person changed at once, the newest.
    date: Option<ServiceDate>,
    at: Option<Timestamp>,
    /// `release` of a run's, else `rollback`, `withdrawal`, `lift` or `compaction`.
    act: String,
    index_sha256: Digest,
    record_sha256: Option<Digest>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PageRecord {
    log_index: u64,
    kind: RecordKind,
    at: Option<Timestamp>,
    /// Whose date was destroyed.
    pipeline: Option<String>,
    date: Option<ServiceDate>,
    record_sha256: Digest,
}

impl MonthPage {
    fn empty(month: &str) -> Self {
        Self { format: MONTH_FORMAT.to_owned(), month: month.to_owned(), releases: Vec::new(), records: Vec::new() }
    }

    /// Puts an entry in its place, whatever stood there.
    fn put(&mut self, log_index: u64, entry: &Entry, detail: Detail) {
        self.releases.retain(|of| of.log_index != log_index);
        self.records.retain(|of| of.log_index != log_index);
        let Detail { at, date, pipeline, act } = detail;
        match entry.clone() {
            Entry::Release { dataset, table, version, index, record } => {
                let place = self.releases.partition_point(|of| of.log_index < log_index);
                let (index_sha256, record_sha256) = (index, record);
                let of = PageRelease { log_index, dataset, table, version, date, at, act, index_sha256, record_sha256 };
                self.releases.insert(place, of);
            }
            Entry::Record { kind, record } => {
                let place = self.records.partition_point(|of| of.log_index < log_index);
                let of = PageRecord { log_index, kind, at, pipeline, date, record_sha256: record };
                self.records.insert(place, of);
            }
        }
    }

    /// What the page says of the entries of the log that are on it.
    fn details(self) -> impl Iterator<Item = (u64, (Entry, Detail))> {
        let releases = self.releases.into_iter().map(|of| {
            let PageRelease { dataset, table, version, .. } = of;
            let entry = Entry::Release { dataset, table, version, index: of.index_sha256, record: of.record_sha256 };
            (of.log_index, (entry, Detail { at: of.at, date: of.date, pipeline: None, act: of.act }))
        });
        let records = self.records.into_iter().map(|of| {
            let entry = Entry::Record { kind: of.kind, record: of.record_sha256 };
            (of.log_index, (entry, Detail { at: of.at, date: of.date, pipeline: of.pipeline, act: String::new() }))
        });
        releases.chain(records)
    }
}

/// The name of the page of what was made at an instant.
fn month_of(at: Option<Timestamp>) -> String {
    at.and_then(|at| Some(at.to_string().get(..7)?.to_owned())).unwrap_or_else(|| UNDATED.to_owned())
}

fn path_of(month: &str) -> String {
    format!("ledger/index/{month}.json")
}

fn json(view: &impl Serialize) -> Bytes {
    // Strings, numbers and lists always serialise.
    let text = serde_json::to_string_pretty(view);
    let mut text = text.unwrap_or_else(|error| crate::internal::impossible("writing a view of the log", error));
    text.push('\n');
    text.into()
}

/// What an object says; nothing if it is not there or is not of this form: it is made anew then.
fn read<T: for<'de> Deserialize<'de>>(bucket: &Bucket, key: &str) -> Result<Option<T>, PublishError> {
    Ok(bucket.get(key)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// The views of the log in a bucket, and what is known of entries without a look at it.
pub(super) struct Views<'a> {
    bucket: &'a Bucket,
    /// What was found out when the entries were written, by their places in the log.
    known: BTreeMap<u64, Detail>,
    written: Option<LogIndex>,
    /// Whether this has written it.
    has_written: bool,
    /// Records of pages that were read, by month.
    records: RefCell<BTreeMap<String, BTreeSet<Digest>>>,
    /// Records that the whole log names, if it was read, and those of them that are of collections.
    named: BTreeSet<Digest>,
    collections: BTreeSet<Digest>,
}

impl<'a> Views<'a> {
    pub(super) fn new(bucket: &'a Bucket) -> Self {
        Self {
            bucket,
            known: BTreeMap::new(),
            written: None,
            has_written: false,
            records: RefCell::default(),
            named: BTreeSet::new(),
            collections: BTreeSet::new(),
        }
    }

    /// Whether the log named a record when all of it was read last.
    pub(super) fn names(&self, record: &Digest) -> bool {
        self.named.contains(record)
    }

    /// Records of collections that the log named when all of it was read last.
    pub(super) fn collections(&self) -> &BTreeSet<Digest> {
        &self.collections
    }

    /// Keeps what was found out of entries that are written now.
    pub(super) fn know(&mut self, details: impl Iterator<Item = (u64, Detail)>) {
        self.known.extend(details);
    }

    /// `ledger/index.json`, as it was written or found last.
    pub(super) fn state(&self) -> Option<LogIndex> {
        self.written.clone()
    }

    /// Whether a record is in the log, by the page of the month when it was made.
    pub(super) fn has_record(&self, at: Option<Timestamp>, record: &Digest) -> Result<bool, PublishError> {
        let month = month_of(at);
        if !self.records.borrow().contains_key(&month) {
            let page: Option<MonthPage> = read(self.bucket, &path_of(&month))?;
            let records = page.into_iter().flat_map(|page| page.records).map(|of| of.record_sha256).collect();
            self.records.borrow_mut().insert(month.clone(), records);
        }
        Ok(self.records.borrow().get(&month).is_some_and(|records| records.contains(record)))
    }

    /// Writes what the views lack of the log. `before` is `ledger/index.json` as this store knows it; if somebody else has written to the
    /// log since, what is there is read.
    pub(super) fn bring_up(
        &mut self,
        writer: &mut ViewWriter<'_>,
        newest: &LogVersion,
        before: Option<&LogIndex>,
    ) -> Result<(), PublishError> {
        self.records.borrow_mut().clear();
        // Whoever has written views while others added to the log may have overwritten theirs, and writes these again, whatever the index
        // says. Otherwise the index is read, unless this store knows it and has written the only version since.
        let is_next =
            |before: &&LogIndex| before.log.version + 1 == newest.version && self.known.contains_key(&newest.size);
        let before = match &self.written {
            Some(written) if self.has_written => Some(written),
            _ => before.filter(is_next),
        };
        let before = match before {
            Some(before) => Some(before.clone()),
            None if newest.version == 1 => None,
            None => read::<LogIndex>(self.bucket, INDEX)?,
        };
        let done = before.as_ref().map_or(0, |before| before.log.version);
        if done >= newest.version {
            self.written = before;
            return Ok(());
        }
        let mut entries = Vec::new();
        for version in done + 1..=newest.version {
            let (of, _) = log::read(self.bucket, version)?;
            entries.extend(of.numbered().map(|(place, entry)| (place, entry.clone())));
        }
        let mut months = before.map(|before| before.months).unwrap_or_default();
        let mut pages: BTreeMap<String, MonthPage> = BTreeMap::new();
        for (place, entry) in entries {
            let detail = self.detail(place, &entry)?;
            let month = month_of(detail.at);
            if !pages.contains_key(&month) {
                let listed = months.iter().find(|of| of.month == month);
                let there: Option<MonthPage> = match newest.version {
                    1 => None,
                    _ => read(self.bucket, &path_of(&month))?,
                };
                let is_whole = |page: &MonthPage| {
                    listed.is_none_or(|of| page.releases.len() >= of.releases && page.records.len() >= of.records)
                };
                if listed.is_some() && !there.as_ref().is_some_and(is_whole) {
                    // Somebody has damaged it.
                    return self.remake(writer, newest);
                }
                pages.insert(month.clone(), there.unwrap_or_else(|| MonthPage::empty(&month)));
            }
            if let Some(page) = pages.get_mut(&month) {
                page.put(place, &entry, detail);
            }
        }
        months.retain(|of| !pages.contains_key(&of.month));
        self.write(&mut |key, bytes| writer.put_changed(key, bytes), newest, (pages, months))
    }

    /// Makes all views anew from the whole log: what pages say of its entries is taken over, all else is read.
    pub(super) fn remake(&mut self, writer: &mut ViewWriter<'_>, newest: &LogVersion) -> Result<(), PublishError> {
        let mut there: BTreeMap<u64, (Entry, Detail)> = BTreeMap::new();
        for name in self.bucket.list("ledger/index")? {
            there.extend(read::<MonthPage>(self.bucket, &name)?.into_iter().flat_map(MonthPage::details));
        }
        let mut pages: BTreeMap<String, MonthPage> = BTreeMap::new();
        for version in 1..=newest.version {
            let (of, _) = log::read(self.bucket, version)?;
            for (place, entry) in of.numbered() {
                match entry {
                    Entry::Release { record, .. } => self.named.extend(record),
                    Entry::Record { kind, record } => {
                        self.named.insert(*record);
                        self.collections.extend((*kind == RecordKind::Gc).then_some(*record));
                    }
                }
                let detail = match there.remove(&place) {
                    Some((said, detail)) if said == *entry => detail,
                    _ => self.detail(place, entry)?,
                };
                let month = month_of(detail.at);
                pages.entry(month.clone()).or_insert_with(|| MonthPage::empty(&month)).put(place, entry, detail);
            }
        }
        self.write(&mut |key, bytes| writer.put(key, bytes), newest, (pages, Vec::new()))
    }

    fn detail(&self, place: u64, entry: &Entry) -> Result<Detail, PublishError> {
        if let Some(known) = self.known.get(&place) {
            return Ok(known.clone());
        }
        match entry {
            Entry::Release { dataset, table, version, .. } => {
                match detail::of_version(self.bucket, (dataset, table), *version) {
                    // It was in order when it came into the log; the entry is on a page all the same.
                    Err(PublishError::Damaged { .. } | PublishError::Newer { .. }) => Ok(Detail::default()),
                    other => other,
                }
            }
            Entry::Record { record, .. } => detail::of_record(self.bucket, record),
        }
    }

    /// Writes pages, then the index, which names them together with the `others`.
    fn write(
        &mut self,
        put: &mut dyn FnMut(&str, Bytes) -> Result<(), PublishError>,
        newest: &LogVersion,
        (pages, others): (BTreeMap<String, MonthPage>, Vec<MonthRef>),
    ) -> Result<(), PublishError> {
        let mut months = others;
        for (month, page) in pages {
            let path = path_of(&month);
            put(&path, json(&page))?;
            months.push(MonthRef { path, releases: page.releases.len(), records: page.records.len(), month });
        }
        months.sort_by(|one, other| one.month.cmp(&other.month));
        let heads = newest.heads.iter().filter_map(|(name, head)| {
            let (dataset, table) = name.split_once('/')?;
            let (dataset, table) = (dataset.to_owned(), table.to_owned());
            Some(TableHead { dataset, table, version: head.version, index_sha256: head.sha256 })
        });
        let index = LogIndex {
            format: INDEX_FORMAT.to_owned(),
            log: LogRef { version: newest.version, size: newest.end() },
            tables: heads.collect(),
            months,
        };
        put(INDEX, json(&index))?;
        self.written = Some(index);
        self.has_written = true;
        Ok(())
    }
}
