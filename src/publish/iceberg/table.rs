//! What the catalogue says of a table is written, and brought up to its newest version.

use std::collections::BTreeSet;

use super::manifest;
use super::metadata::{SNAPSHOTS, State, Version};
use super::paths::{folder, key, table_address};
use crate::digest::Digest;
use crate::publish::PublishError;
use crate::publish::index::{self, TableIndex};
use crate::publish::view_writer::ViewWriter;

/// Whether the catalogue has a table: its newest version says what its columns are.
pub(crate) fn has(index: &TableIndex) -> bool {
    index.release.is_some() && !index.columns.is_empty()
}

/// Brings what the catalogue says of a table up to its newest version. What is there is gone on from, unless it is to be made
/// anew or is not what was written under this address. Costs the same few requests whatever the table has.
pub(crate) fn publish_table(
    writer: &mut ViewWriter<'_>,
    index: &TableIndex,
    base: &str,
    is_anew: bool,
) -> Result<(), PublishError> {
    let TableIndex { dataset, table, version, .. } = index;
    let Some(newest) = Version::of(index, base) else { return Ok(()) };
    let key = key(writer.bucket, &table_address(dataset, table));
    let there = if is_anew { None } else { writer.bucket.get(&key)? };
    let known = there.as_ref().and_then(|bytes| State::read(bytes, dataset, table, base));
    // What is written before a withdrawal has snapshots of files that are gone.
    let is_readable = |state: &State| !state.snapshots.keys().any(|version| index.hides(*version));
    let mut state = known.filter(|state| state.is_before(&newest) && is_readable(state)).unwrap_or_default();
    if state.snapshots.contains_key(version) && there.as_deref() == Some(&state.write(index, base)) {
        return Ok(());
    }
    if state.snapshots.contains_key(version) {
        state = State::default();
    }
    let read = |version: u64| match index::read_version(writer.bucket, dataset, table, version) {
        Ok((index, _)) => Ok(Some(index)),
        Err(error @ (PublishError::Damaged { .. } | PublishError::Newer { .. })) => {
            tracing::warn!("the catalogue has no older releases of {table}: {error}");
            Ok(None)
        }
        Err(error) => Err(error),
    };
    let mut versions = missing(index, &state, read, |older| Version::of(older, base))?;
    versions.push(newest);
    versions.iter().for_each(|version| state.add(version));
    state.trim();
    for Version { snapshot, files, .. } in versions {
        if state.snapshots.contains_key(&snapshot.snapshot_id) {
            files.into_iter().try_for_each(|(name, bytes)| writer.put(&name, bytes.into()))?;
        }
    }
    writer.put(&key, state.write(index, base).into())?;
    sweep(writer, index, &state)
}

/// The versions before the newest that the catalogue is to have and has not: at most as many as it keeps. Those that name files
/// which were withdrawn it is not to have: they are passed over, a withdrawal at a time. `read` gives none of a version that cannot be
/// understood, before which the catalogue ends.
fn missing<E>(
    index: &TableIndex,
    state: &State,
    mut read: impl FnMut(u64) -> Result<Option<TableIndex>, E>,
    mut version_of: impl FnMut(&TableIndex) -> Option<Version>,
) -> Result<Vec<Version>, E> {
    let mut found: Vec<Version> = Vec::new();
    let mut complete = usize::from(!index.is_provisional());
    let mut next = index.release.as_ref().and_then(|release| release.complete_before);
    while let Some(version) = next.filter(|version| complete < SNAPSHOTS && !state.snapshots.contains_key(version)) {
        // All versions from the first that names a withdrawn file on name it: what comes before them is before that one.
        let first_hidden = index.withdrawn.values().filter(|tombstone| tombstone.hides(version));
        let passed_over = first_hidden.map(|tombstone| tombstone.from).min();
        let Some(older) = read(passed_over.unwrap_or(version))? else { break };
        if passed_over.is_some() {
            next = older.release.and_then(|release| release.complete_before);
            continue;
        }
        found.extend(version_of(&older));
        complete += 1;
        next = older.release.and_then(|release| release.complete_before);
    }
    for version in State::maybe_provisional(index.version) {
        let is_there = |found: &Version| found.snapshot.snapshot_id == version;
        if state.snapshots.contains_key(&version) || found.iter().any(is_there) || index.hides(version) {
            continue;
        }
        let older = read(version)?.filter(TableIndex::is_provisional);
        found.extend(older.and_then(|older| version_of(&older)));
    }
    Ok(found)
}

/// What the catalogue has to say of a table, where all of it is made anew.
pub(crate) struct Expected {
    pub answer: Vec<u8>,
    /// Those that the answer leads to.
    pub files: Vec<ExpectedFile>,
}

/// A manifest, or a list of them.
pub(crate) struct ExpectedFile {
    pub key: String,
    pub bytes: usize,
    pub sha256: Digest,
}

/// What a catalogue has to have of a table by its newest version; none of one that an earlier version of this program wrote. `read` gives
/// an older version, and none of one that cannot be understood. Holds the files of one version at a time.
pub(crate) fn expected<E>(
    index: &TableIndex,
    base: &str,
    read: impl FnMut(u64) -> Result<Option<TableIndex>, E>,
) -> Result<Option<Expected>, E> {
    let mut files: Vec<(u64, ExpectedFile)> = Vec::new();
    let mut version_of = |index: &TableIndex| {
        let mut version = Version::of(index, base)?;
        let made = std::mem::take(&mut version.files).into_iter().map(|(key, bytes)| {
            let (sha256, bytes) = (Digest::of(&bytes), bytes.len());
            (index.version, ExpectedFile { key, bytes, sha256 })
        });
        files.extend(made);
        Some(version)
    };
    let Some(newest) = version_of(index) else { return Ok(None) };
    let mut state = State::default();
    let mut versions = missing(index, &state, read, version_of)?;
    versions.push(newest);
    versions.iter().for_each(|version| state.add(version));
    state.trim();
    let kept = files.into_iter().filter(|(version, _)| state.snapshots.contains_key(version));
    let files = kept.map(|(_, file)| file).collect();
    Ok(Some(Expected { answer: state.write(index, base), files }))
}

/// Removes what older snapshots needed, and what a killed run left. What belongs to a later version is another run's.
fn sweep(writer: &mut ViewWriter<'_>, index: &TableIndex, state: &State) -> Result<(), PublishError> {
    let folder = folder(&index.dataset, &index.table);
    let kept: BTreeSet<(u64, &str)> = state.snapshots.values().filter_map(|snapshot| snapshot.parts()).collect();
    for name in writer.bucket.list(&folder)? {
        let parts = name.strip_prefix(&folder).and_then(|name| manifest::parts(name.trim_start_matches('/')));
        if parts.is_some_and(|parts| parts.0 <= index.version && !kept.contains(&parts)) {
            writer.remove(&name)?;
        }
    }
    Ok(())
}
