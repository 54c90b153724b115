//! Captures and damaged stretches of a listing, in order and with a time each.

use std::path::PathBuf;

use jiff::Timestamp;

use super::archive::Kind;
use super::listing::{Damage, Entry, Listing};
use crate::capture::CaptureError;

/// A capture, or a stretch that may have been one, with its time.
pub(super) struct Item {
    pub at: Timestamp,
    pub entry: Result<Entry, Damage>,
}

/// Which time a stretch is given, since its own is not known.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    /// That of the newest capture before it in its archive.
    Earliest,
    /// That of the oldest capture behind it.
    Latest,
}

/// In the order of the files. What a writer has not completed is none.
pub(super) fn items(listing: Listing, bound: Bound) -> Vec<Item> {
    let damage = listing.damage.into_iter().filter(|damage| damage.kind != Kind::Torn).map(Err);
    let mut items: Vec<Result<Entry, Damage>> = listing.entries.into_iter().map(Ok).chain(damage).collect();
    items.sort_by_cached_key(|item| match item {
        Ok(entry) => (entry.file.to_path_buf(), entry.offset, entry.skip),
        Err(damage) => (damage.file.clone(), damage.offset, u64::MAX),
    });
    let unknown = match bound {
        Bound::Earliest => Timestamp::MIN,
        Bound::Latest => Timestamp::MAX,
    };
    let mut file = PathBuf::new();
    let mut known = unknown;
    let mut timed = move |entry: Result<Entry, Damage>| {
        let of = entry.as_ref().map_or_else(|damage| damage.file.as_path(), |entry| &entry.file);
        if of != file {
            file = of.to_owned();
            known = unknown;
        }
        let at = entry.as_ref().map_or(known, |entry| entry.captured_at);
        known = match bound {
            Bound::Earliest => known.max(at),
            Bound::Latest => known.min(at),
        };
        Item { at, entry }
    };
    match bound {
        Bound::Earliest => items.into_iter().map(timed).collect(),
        Bound::Latest => {
            let mut items: Vec<Item> = items.into_iter().rev().map(&mut timed).collect();
            items.reverse();
            items
        }
    }
}

/// The captures of an archive, newest first, and each damage before what it may have followed.
pub(super) fn newest_of(listing: Result<Listing, CaptureError>) -> Vec<Result<Item, CaptureError>> {
    let listing = match listing {
        Ok(listing) => listing,
        Err(error) => return vec![Err(error)],
    };
    let mut items = items(listing, Bound::Earliest);
    items.sort_by_key(|item| item.at);
    items.reverse();
    items.into_iter().map(Ok).collect()
}
