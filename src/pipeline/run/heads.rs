//! The newest index versions that the runs of a pipeline have seen, and what lies in the bucket beside them.
//!
//! An index in the bucket proves only what the versions before it say. So the private store keeps the number and the digest of
//! the newest version of each table (`<private>/journal/<pipeline>/heads.json`): a version that was edited, or a newest one that was
//! taken away, is then noticed by the next run of any date. What was taken away is released again where the journal of its date
//! proves it; all else is refused.
//!
//! What a run costs does not grow with what was published before. It looks at the newest index of each table and the one
//! before it, at the versions of a window before the newest one, at its own partition, and at one page of the names of each
//! folder (`data/<dataset>`, `revised/<dataset>`, `meta/<dataset>`, `ledger/records`, `ledger/objects`). `heads.json` has the
//! place where the next run goes on; a look that refuses something begins there again. So a bucket of at most a thousand
//! objects a folder is looked at as a whole by every run, and a larger one by as many runs as it has pages. A store that
//! knows nothing of the bucket looks at all of it at once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::contract::Severity;
use crate::decode::Note;
use crate::digest::Digest;
use crate::durable;
use crate::ledger::object_key;
use crate::pipeline::run::commit::put_record_again;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::lock::Lock;
use crate::pipeline::run::objects;
use crate::pipeline::run::recorded_files::verify_record;
use crate::pipeline::run::releases::unfinished;
use crate::pipeline::{Pipeline, journal};
use crate::publication::DATASET;
use crate::publish::PublishError;
use crate::publish::bucket::{Bucket, Page, is_place_of};
use crate::publish::index::{self, Commit, IndexFile, TableIndex, Verified};
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// What the private store knows of a pipeline's tables in a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Heads {
    bucket: String,
    /// By the name of the table.
    tables: BTreeMap<String, Head>,
    /// Files below `revised/` that only older versions name.
    superseded: BTreeSet<String>,
    /// By folder, the name after which the next look at it begins; a folder that is not here was looked at to its end.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    looked_at: BTreeMap<String, String>,
    /// Whether everything was looked at once.
    #[serde(default)]
    is_whole: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    version: u64,
    sha256: Digest,
}

impl Heads {
    fn path(workspace: &Workspace, pipeline: &Pipeline) -> PathBuf {
        Self::path_of(&workspace.private, &pipeline.name)
    }

    fn path_of(private: &Path, pipeline: &str) -> PathBuf {
        private.join("journal").join(pipeline).join("heads.json")
    }

    /// What a file says, if it is there and can be understood.
    fn kept(path: &Path) -> Result<Option<Self>, RunError> {
        match durable::read(path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(RunError::private(path, "read", &error)),
        }
    }

    /// What is known of this bucket. A file that cannot be read any more knows nothing.
    fn read(path: &Path, bucket: &Bucket) -> Result<Self, RunError> {
        let heads = Self::kept(path)?;
        let none = || Self { bucket: bucket.place(), ..Self::default() };
        Ok(heads.filter(|heads| bucket.is_at(&heads.bucket)).unwrap_or_else(none))
    }

    fn write(&self, path: &Path) -> Result<(), RunError> {
        let written =
            serde_json::to_vec(self).map_err(std::io::Error::from).and_then(|bytes| durable::write(path, &bytes));
        written.map_err(|error| RunError::private(path, "written", &error))
    }
}

/// Tells the bucket the newest versions of all tables of a workspace that runs have seen, so that they need not be looked for
/// among all.
pub(super) fn tell_versions(workspace: &Workspace, bucket: &Bucket) -> Result<(), RunError> {
    for pipeline in &workspace.pipelines {
        for (table, head) in Heads::read(&Heads::path(workspace, pipeline), bucket)?.tables {
            index::remember_version(bucket, &pipeline.dataset, &table, head.version);
        }
    }
    tell_publication(workspace, bucket)
}

/// Not in the journal: a store that has nothing else knows nothing of what was released.
fn publication_path(workspace: &Workspace) -> PathBuf {
    workspace.private.join("publication").join("heads.json")
}

/// Tells the bucket the newest versions of the tables of the publication that this store has seen, so that they need not be
/// looked for among all.
fn tell_publication(workspace: &Workspace, bucket: &Bucket) -> Result<(), RunError> {
    for (table, head) in Heads::read(&publication_path(workspace), bucket)?.tables {
        index::remember_version(bucket, DATASET, &table, head.version);
    }
    Ok(())
}

/// Keeps the newest versions of the tables of the publication.
pub(super) fn remember_publication(
    workspace: &Workspace,
    bucket: &Bucket,
    indexes: &[TableIndex],
) -> Result<(), RunError> {
    let path = publication_path(workspace);
    let known = Heads::read(&path, bucket)?;
    let mut heads = known.clone();
    for index in indexes {
        heads.tables.insert(index.table.clone(), Head { version: index.version, sha256: index::digest(index) });
    }
    if heads == known { Ok(()) } else { heads.write(&path) }
}

/// The tables of a pipeline that runs have published in a bucket, by what the private store knows of it.
pub(super) fn published(workspace: &Workspace, pipeline: &Pipeline, bucket: &Bucket) -> Result<Vec<String>, RunError> {
    Ok(Heads::read(&Heads::path(workspace, pipeline), bucket)?.tables.into_keys().collect())
}

/// The newest versions of a pipeline's tables in a bucket that runs have seen.
pub(super) fn versions(
    workspace: &Workspace,
    pipeline: &Pipeline,
    bucket: &Bucket,
) -> Result<BTreeMap<String, u64>, RunError> {
    let tables = Heads::read(&Heads::path(workspace, pipeline), bucket)?.tables;
    Ok(tables.into_iter().map(|(table, head)| (table, head.version)).collect())
}

/// Whether runs of a pipeline have published something to the bucket at a place, and not only to another one; nothing if the
/// private store does not know.
pub(super) fn has_published(
    (root, private): (&Path, &Path),
    pipeline: &str,
    location: &str,
) -> Result<Option<bool>, RunError> {
    let path = Heads::path_of(private, pipeline);
    let heads: Option<Heads> = Heads::kept(&path)?.filter(|heads| !heads.tables.is_empty());
    Ok(heads.map(|heads| is_place_of(&heads.bucket, root, location)))
}

/// A look at a part of the names in a bucket, and where the next one begins.
struct Pages<'a> {
    bucket: &'a Bucket,
    /// Names of a page.
    size: usize,
    known: &'a Heads,
    next: RefCell<BTreeMap<String, String>>,
}

impl Pages<'_> {
    /// The page of a folder that is to be looked at now; of a bucket that was never looked at, all of it.
    fn of(&self, folder: &str) -> Result<Page, PublishError> {
        let after = self.known.looked_at.get(folder).filter(|_| self.known.is_whole);
        let count = if self.known.is_whole { self.size } else { usize::MAX };
        let page = self.bucket.page(folder, after.map_or("", String::as_str), count)?;
        if let Some(end) = &page.end {
            self.next.borrow_mut().insert(folder.to_owned(), end.clone());
        }
        Ok(page)
    }
}

/// The indexes of a pipeline's tables, verified, and what was put right.
pub(super) struct Tables {
    /// By the name of the table.
    pub indexes: BTreeMap<String, Verified>,
    /// A note for each release that was put back.
    pub notes: Vec<Note>,
}

/// What a look at the bucket stands on.
pub(super) struct Look<'a> {
    pub workspace: &'a Workspace,
    pub pipeline: &'a Pipeline,
    pub bucket: &'a Bucket,
    pub lock: &'a Lock,
    /// Of the run, which has its partition's lock.
    pub date: ServiceDate,
    /// Files of the partition that a run which was given up may have put.
    pub unfinished: &'a [String],
    /// Names of a folder that a look may list, [`crate::publish::bucket::ONE_PAGE`] unless a test says otherwise.
    pub page: usize,
}

impl Look<'_> {
    /// Verifies the indexes and the names of the files beside them.
    pub(super) fn tables(&self) -> Result<Tables, RunError> {
        let path = Heads::path(self.workspace, self.pipeline);
        // Before the indexes, so that what another run releases meanwhile is not missed.
        let known = Heads::read(&path, self.bucket)?;
        let mut tables = Tables { indexes: self.indexes()?, notes: Vec::new() };
        let lost = self.compare(&known, &tables)?;
        let entries = if lost.is_empty() { Vec::new() } else { self.journals()? };
        let claims = claims(&entries, &tables, &lost);
        let pages = Pages { bucket: self.bucket, size: self.page, known: &known, next: RefCell::default() };
        self.versions(&pages)?;
        let (superseded, files) = self.files(&pages, &tables, &claims)?;
        for (table, head) in &lost {
            if !tables.indexes.contains_key(table) && !self.is_new_bucket(&tables, &files)? {
                let what = format!("version {} was the newest, and now there is none", head.version);
                return Err(self.rolled_back(table, head.version, &what, &path));
            }
        }
        if !lost.is_empty() {
            tables.notes = self.put_back(&lost, &claims, &tables, &path)?;
            tables.indexes = self.indexes()?;
        }
        self.records(&pages, &tables)?;
        self.lists(&pages)?;
        for file in tables.indexes.values().flat_map(|verified| &verified.index.files) {
            let date = file.partition_date;
            let damage = match files.sizes.get(&file.path) {
                Some(bytes) if *bytes == file.bytes => continue,
                // The run's own date is looked at more closely, and another run may have put one since.
                _ if date == self.date => continue,
                None if !files.covers(&file.path) => continue,
                Some(bytes) => format!("has {bytes} bytes instead of {}", file.bytes),
                None if self.bucket.damage_of(&file.path, file.bytes, &file.sha256)?.is_none() => continue,
                None => "is gone".to_owned(),
            };
            let name = &self.pipeline.name;
            tracing::warn!("the published file '{}' {damage}: see 'fahrtenbuch run {name} --date {date}'", file.path);
        }
        let looked_at = pages.next.into_inner();
        let now = Heads { superseded, looked_at, is_whole: true, ..Heads::of(self.bucket, &tables.indexes) };
        if now != known {
            now.write(&path)?;
        }
        Ok(tables)
    }

    fn indexes(&self) -> Result<BTreeMap<String, Verified>, RunError> {
        let mut indexes = BTreeMap::new();
        for contract in self.pipeline.released() {
            if let Some(verified) = index::verified(self.bucket, &self.pipeline.dataset, &contract.table)? {
                indexes.insert(contract.table.clone(), verified);
            }
        }
        Ok(indexes)
    }

    /// The tables whose newest known version is gone. One that is there with other bytes is an error.
    fn compare(&self, known: &Heads, tables: &Tables) -> Result<BTreeMap<String, Head>, RunError> {
        let mut lost = BTreeMap::new();
        let dataset = &self.pipeline.dataset;
        for contract in self.pipeline.released() {
            let table = &contract.table;
            let newest = tables.indexes.get(table);
            let Some(head) = known.tables.get(table) else {
                if let Some(newest) = newest {
                    self.verify_change(table, newest)?;
                }
                continue;
            };
            let found = match newest {
                Some(newest) if newest.index.version == head.version => Some(newest.sha256),
                Some(newest) if newest.index.version > head.version => {
                    self.verify_change(table, newest)?;
                    index::digest_of_version(self.bucket, dataset, table, head.version)?
                }
                _ => {
                    lost.insert(table.clone(), head.clone());
                    continue;
                }
            };
            if found != Some(head.sha256) {
                let found = found.map_or_else(|| "is gone".to_owned(), |found| format!("has the SHA-256 {found}"));
                let problem = format!("a run before found the SHA-256 {} there, and it {found}", head.sha256);
                return Err(
                    PublishError::Damaged { key: index::index_key(dataset, table, head.version), problem }.into()
                );
            }
        }
        Ok(lost)
    }

    /// Makes sure that a record tells of the release that a version made of another date, or of those that a person changed.
    fn verify_change(&self, table: &str, verified: &Verified) -> Result<(), RunError> {
        for date in verified.changed.iter().filter(|date| **date != self.date) {
            let Some(file) = verified.index.file_of(*date) else { continue };
            verify_record(self.bucket, &verified.index, file).inspect_err(|error| {
                tracing::debug!("{table} {date}: {error}");
            })?;
        }
        Ok(())
    }

    /// What the journal has of all dates that were run.
    fn journals(&self) -> Result<Vec<journal::Entry>, RunError> {
        let (private, pipeline) = (&self.workspace.private, &self.pipeline.name);
        let mut entries = Vec::new();
        for date in journal::dates(private, pipeline) {
            let path = journal::path(private, pipeline, date);
            let entry = journal::read(&path).map_err(|error| RunError::private(&path, "read", &error))?;
            entries.extend(entry.filter(|entry| self.bucket.is_at(&entry.bucket)));
        }
        Ok(entries)
    }

    /// Refuses files that no version of an index names, no journal is about to release and nobody claims. Gives the superseded
    /// ones, and the names of all with their bytes.
    fn files(
        &self,
        pages: &Pages<'_>,
        tables: &Tables,
        claims: &[Claim<'_>],
    ) -> Result<(BTreeSet<String>, Files), RunError> {
        let (dataset, known) = (&self.pipeline.dataset, pages.known);
        let files = self.names(pages)?;
        let mut unnamed: BTreeSet<String> = files.sizes.keys().cloned().collect();
        let forget = |names: &mut BTreeSet<String>, verified: &Verified| {
            verified.index.files.iter().for_each(|file| _ = names.remove(&file.path));
            verified.index.first.values().for_each(|first| _ = names.remove(&first.path));
            verified.index.months.iter().for_each(|month| _ = names.remove(&month.path));
        };
        tables.indexes.values().for_each(|verified| forget(&mut unnamed, verified));
        self.unfinished.iter().for_each(|name| _ = unnamed.remove(name));
        unfinished(self.workspace, self.bucket)?.iter().for_each(|name| _ = unnamed.remove(name));
        claims.iter().for_each(|claim| _ = unnamed.remove(&claim.file.path));
        let mut superseded = unnamed.clone();
        unnamed.retain(|name| !known.superseded.contains(name));
        if !unnamed.is_empty() {
            // Runs of other dates keep in the journal what they are about to put.
            for entry in self.journals()? {
                entry.unfinished().iter().for_each(|name| _ = (unnamed.remove(name), superseded.remove(name)));
            }
        }
        let mut by_table: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for name in unnamed {
            let table = name.split('/').nth(2).unwrap_or_default().to_owned();
            by_table.entry(table).or_default().insert(name);
        }
        for (table, mut names) in by_table {
            // Read after the listing, so that what another run commits meanwhile is known.
            index::retain_unnamed(self.bucket, dataset, &table, &mut names)?;
            if let Some(name) = names.pop_first() {
                return Err(index::stranger(name).into());
            }
        }
        superseded.retain(|name| name.starts_with("revised/"));
        // Those that this look did not come to are what they were.
        superseded.extend(known.superseded.iter().filter(|name| !files.covers(name)).cloned());
        Ok((superseded, files))
    }

    /// The names of the files of the dataset, of a page of each folder and of the run's own date.
    fn names(&self, pages: &Pages<'_>) -> Result<Files, PublishError> {
        let dataset = &self.pipeline.dataset;
        let mut files = Files { sizes: BTreeMap::new(), pages: Vec::new() };
        for root in ["data", "revised"] {
            let mut page = pages.of(&format!("{root}/{dataset}"))?;
            files.sizes.append(&mut page.sizes);
            if !page.is_whole() {
                for contract in self.pipeline.released() {
                    let own = index::partition_folder(root, dataset, &contract.table, self.date);
                    files.sizes.extend(self.bucket.sizes(&own)?);
                }
            }
            files.pages.push((format!("{root}/"), page));
        }
        Ok(files)
    }

    /// Refuses a gap in the versions of an index, in a page of their names. What comes after the newest known version is looked
    /// at by every run.
    fn versions(&self, pages: &Pages<'_>) -> Result<(), PublishError> {
        let page = pages.of(&format!("meta/{}", self.pipeline.dataset))?;
        match index::missing_version(page.after(), page.sizes.keys()) {
            Some(key) => Err(index::missing_error(key)),
            None => Ok(()),
        }
    }

    /// Whether nothing of the dataset is in the bucket: it was emptied, or another one has taken its place.
    fn is_new_bucket(&self, tables: &Tables, files: &Files) -> Result<bool, RunError> {
        let meta = format!("meta/{}", self.pipeline.dataset);
        Ok(tables.indexes.is_empty() && files.sizes.is_empty() && self.bucket.list(&meta)?.is_empty())
    }

    /// Releases again what the journal of a date says was released and the index has lost. Of the run's own date only what is
    /// whole: the run itself makes the rest.
    fn put_back(
        &self,
        lost: &BTreeMap<String, Head>,
        claims: &[Claim<'_>],
        tables: &Tables,
        heads: &Path,
    ) -> Result<Vec<Note>, RunError> {
        let mut notes = Vec::new();
        let mut restored: BTreeSet<&str> = BTreeSet::new();
        for Claim { entry, table, file } in claims {
            let date = file.partition_date;
            let is_own = date == self.date;
            let index = tables.indexes.get(*table);
            // What was withdrawn since is not missed.
            if index.is_some_and(|verified| verified.index.withdrawn.contains_key(&date)) {
                continue;
            }
            if self.is_newer(index.and_then(|verified| verified.index.file_of(date)), entry)? {
                continue;
            }
            restored.insert(table);
            if let Some(damage) = self.bucket.damage_of(&file.path, file.bytes, &file.sha256)? {
                if is_own {
                    continue;
                }
                let newest = index::current(self.bucket, &self.pipeline.dataset, table)?;
                if newest.is_some_and(|newest| newest.withdrawn.contains_key(&date)) {
                    // It was withdrawn after the look at the index.
                    continue;
                }
                let journal = journal::path(&self.workspace.private, &self.pipeline.name, date);
                let problem = format!(
                    "{damage}; a run released it, and the newest index has lost it. If it is lost for good, remove '{}', and run \
                     {} --date {date} anew",
                    journal.display(),
                    self.pipeline.name
                );
                return Err(PublishError::Damaged { key: file.path.clone(), problem }.into());
            }
            let _theirs = if is_own { None } else { Some(self.lock.partition(&self.pipeline.name, date)?) };
            let released = self.pipeline.released();
            let contract = released.iter().find(|contract| contract.table == *table);
            let contract = contract.ok_or_else(|| RunError::internal(format!("{table} has lost its contract")))?;
            put_record_again(self.bucket, entry)?;
            let (dataset, at) = (self.pipeline.dataset.as_str(), entry.record.prepared_at);
            index::commit(self.bucket, index::Change { dataset, contract, date, file: Some(file), at })?;
            let message =
                format!("the index of {table} had lost the release of {date}, '{}': it was released again", file.path);
            tracing::warn!("{message}");
            notes.push(Note { rule: "release.rolled_back", severity: Severity::Warning, message });
        }
        for (table, head) in lost {
            if tables.indexes.contains_key(table) && !restored.contains(table.as_str()) {
                return Err(self.rolled_back(
                    table,
                    head.version,
                    "it is gone, and no journal tells what it released",
                    heads,
                ));
            }
        }
        Ok(notes)
    }

    /// Whether the file that an index names was made after what the journal has of its date.
    fn is_newer(&self, file: Option<&IndexFile>, entry: &journal::Entry) -> Result<bool, RunError> {
        #[derive(Deserialize)]
        struct Prepared {
            prepared_at: Timestamp,
        }
        let Some(file) = file else { return Ok(false) };
        let bytes = self.bucket.get(&file.record)?;
        let prepared = bytes.and_then(|bytes| serde_json::from_slice::<Prepared>(&bytes).ok());
        Ok(prepared.is_some_and(|other| other.prepared_at > entry.record.prepared_at))
    }

    fn rolled_back(&self, table: &str, version: u64, what: &str, heads: &Path) -> RunError {
        let problem = format!("{what}. To go on with what is there, on purpose, remove '{}'", heads.display());
        PublishError::Damaged { key: index::index_key(&self.pipeline.dataset, table, version), problem }.into()
    }

    /// Puts lists of captures of other dates again that are gone or have another size than in the journal.
    fn lists(&self, pages: &Pages<'_>) -> Result<(), RunError> {
        let (private, pipeline) = (&self.workspace.private, &self.pipeline.name);
        let there = pages.of("ledger/objects")?;
        objects::mend(self.workspace, self.pipeline, self.bucket, &there)?;
        for (date, digest, bytes) in journal::kept_lists(private, pipeline) {
            let key = object_key(&digest);
            if date == self.date || !there.covers(&key) || there.sizes.get(&key) == Some(&bytes) {
                continue;
            }
            let path = journal::path(private, pipeline, date);
            let entry = journal::read(&path).map_err(|error| RunError::private(&path, "read", &error))?;
            // Those that were accepted and not used yet are in no record.
            let is_named = |entry: &journal::Entry| {
                let named = entry.record.evidence.iter().any(|of| of.list_digest() == Some(digest));
                entry.published && self.bucket.is_at(&entry.bucket) && named
            };
            if !entry.as_ref().is_some_and(is_named) {
                continue;
            }
            if let Some(lines) = journal::read_list(private, pipeline, date, &digest) {
                tracing::warn!(
                    "the list of captures '{key}' of {date} was gone or changed and is put again from the journal"
                );
                self.bucket.put(&key, lines.into())?;
            }
        }
        Ok(())
    }

    /// Puts records of other dates again that are gone, where their journal has them; tells of the others.
    fn records(&self, pages: &Pages<'_>, tables: &Tables) -> Result<(), RunError> {
        let there = pages.of("ledger/records")?;
        let mut gone: BTreeMap<&str, ServiceDate> = BTreeMap::new();
        for file in tables.indexes.values().flat_map(|verified| &verified.index.files) {
            if there.covers(&file.record) && !there.sizes.contains_key(&file.record) && file.partition_date != self.date
            {
                gone.insert(&file.record, file.partition_date);
            }
        }
        for (record, date) in gone {
            let path = journal::path(&self.workspace.private, &self.pipeline.name, date);
            let entry = journal::read(&path).map_err(|error| RunError::private(&path, "read", &error))?;
            match entry.filter(|entry| entry.published && entry.record.to_bytes().0 == record) {
                Some(entry) => put_record_again(self.bucket, &entry)?,
                None => tracing::warn!("the record '{record}' of {date} is gone: bring it back from a backup"),
            }
        }
        Ok(())
    }
}

impl Heads {
    fn of(bucket: &Bucket, indexes: &BTreeMap<String, Verified>) -> Self {
        let head = |verified: &Verified| Head { version: verified.index.version, sha256: verified.sha256 };
        let tables = indexes.iter().map(|(table, verified)| (table.clone(), head(verified))).collect();
        Self { bucket: bucket.place(), tables, ..Self::default() }
    }
}

/// Names of files of a dataset, and their bytes.
struct Files {
    sizes: BTreeMap<String, u64>,
    /// What was looked at, by the folder that it is of.
    pages: Vec<(String, Page)>,
}

impl Files {
    /// Whether a file of this name would be here, if there is one.
    fn covers(&self, name: &str) -> bool {
        let of_folder = self.pages.iter().filter(|(folder, _)| name.starts_with(folder.as_str()));
        self.sizes.contains_key(name) || of_folder.map(|(_, page)| page).any(|page| page.covers(name))
    }
}

/// A file that a journal says was released and that the index does not name.
struct Claim<'a> {
    entry: &'a journal::Entry,
    table: &'a str,
    file: &'a IndexFile,
}

/// What journals say was released of tables whose newest version is gone. A table without any index has lost more than that.
fn claims<'a>(entries: &'a [journal::Entry], tables: &Tables, lost: &BTreeMap<String, Head>) -> Vec<Claim<'a>> {
    let mut claims = Vec::new();
    for entry in entries.iter().filter(|entry| entry.published) {
        for file in entry.files.iter().filter(|file| lost.contains_key(&file.table)) {
            let Some(verified) = tables.indexes.get(&file.table) else { continue };
            if verified.index.file_of(file.file.partition_date) != Some(&file.file) {
                claims.push(Claim { entry, table: &file.table, file: &file.file });
            }
        }
    }
    claims
}

/// Keeps the newest versions, after a run has released its own.
pub(super) fn remember(
    workspace: &Workspace,
    pipeline: &Pipeline,
    bucket: &Bucket,
    commits: &[Commit],
) -> Result<(), RunError> {
    let path = Heads::path(workspace, pipeline);
    let mut heads = Heads::read(&path, bucket)?;
    let known = heads.clone();
    for index in commits.iter().map(Commit::index) {
        heads.tables.insert(index.table.clone(), Head { version: index.version, sha256: index::digest(index) });
    }
    if heads == known { Ok(()) } else { heads.write(&path) }
}

#[cfg(test)]
// Reading a workspace tries the queries of its contracts.
#[cfg(feature = "sql")]
mod tests;
