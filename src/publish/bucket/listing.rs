//! What listings of a bucket tell.

use std::collections::BTreeMap;

/// What a listing tells of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub bytes: u64,
    /// Changes with its bytes, where the store says so.
    pub(super) tag: Option<String>,
}

/// A part of a listing, from after a name to a name.
#[derive(Debug)]
pub struct Page {
    /// The names in order, and their bytes.
    pub sizes: BTreeMap<String, u64>,
    /// The part begins after this name; where the listing begins if that is empty.
    pub(super) after: String,
    /// There was nothing after this name, and the part began anew.
    pub(super) behind: Option<String>,
    /// The last name of the part, if there may be more after it.
    pub end: Option<String>,
}

impl Page {
    /// Whether the page would have an object of this name, if there is one.
    pub fn covers(&self, name: &str) -> bool {
        let is_in_part = name > self.after.as_str() && self.end.as_ref().is_none_or(|end| name <= end.as_str());
        is_in_part || self.behind.as_ref().is_some_and(|behind| name > behind.as_str())
    }

    /// Whether nothing is beside it.
    pub fn is_whole(&self) -> bool {
        self.after.is_empty() && self.end.is_none()
    }

    /// Where it begins.
    pub fn after(&self) -> &str {
        &self.after
    }
}

/// The names that a store gives at once.
pub const ONE_PAGE: usize = 1000;
