//! The tree of the log with its files: grown from the tiles in the bucket, or made of the whole log.

use std::collections::BTreeMap;
use std::io;

use super::last::Last;
use crate::digest::Digest;
use crate::ledger::log::merkle::Hash;
use crate::ledger::log::tiles::{self, Growth, MAX_BUNDLE, Tile, TileError, TileReader, Tiled};
use crate::pipeline::run::error::RunError;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::log::{self, LogVersion};

/// The tree of all entries.
pub(super) struct Tree<'a> {
    pub size: u64,
    pub root: Hash,
    /// What is to be written: bundles of entries, then tiles from level 0 upwards.
    pub files: Vec<(Tile, Vec<u8>)>,
    /// Whether it is made of the whole log, so that it is not known whether the bucket has all that `files` does not name.
    pub is_whole: bool,
    hashes: Tiled<Files<'a>>,
}

/// Files of the log: what was read or is to be written, else those in the bucket.
struct Files<'a> {
    bucket: &'a Bucket,
    known: BTreeMap<Tile, Vec<u8>>,
    failed: Option<PublishError>,
}

impl TileReader for Files<'_> {
    fn read(&mut self, tile: Tile) -> Result<Option<Vec<u8>>, io::Error> {
        if let Some(bytes) = self.known.get(&tile) {
            return Ok(Some(bytes.clone()));
        }
        match self.bucket.get(&tile.key()) {
            // What is too long is none of ours, and is made anew.
            Ok(found) => {
                let found = found.filter(|bytes| bytes.len() <= MAX_BUNDLE).map(|bytes| bytes.to_vec());
                self.known.extend(found.iter().map(|bytes| (tile, bytes.clone())));
                Ok(found)
            }
            Err(PublishError::Damaged { .. }) => Ok(None),
            Err(error) => {
                self.failed = Some(error);
                Err(io::Error::other("the bucket failed"))
            }
        }
    }
}

impl<'a> Tree<'a> {
    fn of(growth: Growth, mut files: Files<'a>, is_whole: bool) -> Self {
        let Growth { size, root, files: new, .. } = growth;
        files.known.extend(new.iter().cloned());
        Self { size, root, files: new, is_whole, hashes: Tiled::new(size, files) }
    }

    /// The tree after these entries came to what was signed last, by the tiles in the bucket; nothing where these do not come to what was
    /// signed: they are made anew from the whole log then.
    pub(super) fn grown(bucket: &'a Bucket, last: &Last, new: &[String]) -> Result<Option<Self>, RunError> {
        let mut files = Files { bucket, known: BTreeMap::new(), failed: None };
        let problem = match tiles::grow(last.size, new, &mut files) {
            Ok(growth) if Some(growth.old_root) == last.root() => return Ok(Some(Self::of(growth, files, false))),
            Ok(_) => "its tiles do not come to the root that was signed".to_owned(),
            Err(error) => match files.failed {
                Some(failed) => return Err(failed.into()),
                None => error.to_string(),
            },
        };
        tracing::warn!("the tiles of the log in the bucket are made anew: {problem}");
        Ok(None)
    }

    /// The tree of the whole log, as its versions have it.
    pub(super) fn whole(bucket: &'a Bucket, newest: &LogVersion) -> Result<Self, RunError> {
        let (mut lines, mut before): (Vec<String>, Option<Digest>) = (Vec::new(), None);
        for version in 1..=newest.version {
            let (of, digest) = log::read(bucket, version)?;
            if (of.previous, of.size) != (before, lines.len() as u64) {
                let problem = "it does not go on from the version before it".to_owned();
                return Err(PublishError::Damaged { key: log::key(version), problem }.into());
            }
            lines.extend(of.entries.iter().map(ToString::to_string));
            before = Some(digest);
        }
        let growth = tiles::grow(0, &lines, &mut BTreeMap::new()).map_err(internal)?;
        Ok(Self::of(growth, Files { bucket, known: BTreeMap::new(), failed: None }, true))
    }

    /// The root that the tree had when it had so many entries.
    pub(super) fn root_at(&mut self, size: u64) -> Result<Hash, RunError> {
        let root = self.hashes.root_at(size);
        root.map_err(|error| self.failed(error))
    }

    /// The proof that an entry is in the tree.
    pub(super) fn inclusion(&mut self, index: u64) -> Result<Vec<Hash>, RunError> {
        let hashes = self.hashes.inclusion(index);
        hashes.map_err(|error| self.failed(error))
    }

    /// The proof that the tree grew from one of so many entries.
    pub(super) fn consistency(&mut self, old: u64) -> Result<Vec<Hash>, TileError> {
        self.hashes.consistency(old)
    }

    fn failed(&mut self, error: TileError) -> RunError {
        match self.hashes.reader_mut().failed.take() {
            Some(failed) => failed.into(),
            None => internal(error),
        }
    }
}

/// Of what was computed of our own entries.
fn internal(error: TileError) -> RunError {
    RunError::internal(format!("the tree of the log cannot be computed: {error}"))
}
