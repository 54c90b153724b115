//! What is configured of an S3 store.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The settings of an S3 store as they are configured, keys perhaps among them, and where the store is named.
#[derive(Clone, Default)]
pub struct Options {
    /// `endpoint`, `region`, `access_key_id`, …; `${NAME}` in a value stands for an environment variable.
    pub values: BTreeMap<String, String>,
    /// The file and the line that name the store; none if it was named on the command line.
    pub named: Option<(PathBuf, u32)>,
}

impl Options {
    /// The same settings of a store that a line of a file names.
    pub(crate) fn named_in(mut self, file: &Path, line: u32) -> Self {
        self.named = Some((file.to_owned(), line));
        self
    }
}

/// Two stores are the same wherever they are named.
impl PartialEq for Options {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl Eq for Options {}

/// Shows no value: some are secrets.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}
