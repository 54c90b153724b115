//! What a restore and a look at backups read of a workspace: where its stores lie, whatever is wrong elsewhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::workspace::backups::Backups;
use crate::workspace::sections::{BucketSection, address};
use crate::workspace::{FILE, private_path};
use crate::yaml::{self, Problem, Problems};

/// Where the stores of a workspace lie.
#[derive(Debug)]
pub struct Stores {
    pub private: PathBuf,
    pub bucket: String,
    pub bucket_options: BTreeMap<String, String>,
}

/// The stores of a workspace whose private store is to be restored, as a text of its configuration has them: whatever the form of the
/// store, and whatever is wrong elsewhere.
pub fn stores(root: &Path, text: &str) -> Result<Stores, Vec<Problem>> {
    let file = root.join(FILE);
    let node = yaml::parse(&file, text)?;
    let mut problems = Problems::new(&file);
    let private = private_path(root, &node, &mut problems);
    let BucketSection { location, options: bucket_options, .. } = BucketSection::read(&node, &mut problems);
    match (private, location) {
        (Some(private), Some(location)) if problems.found.is_empty() => {
            Ok(Stores { private, bucket: address(root, location), bucket_options })
        }
        _ => Err(problems.found),
    }
}

/// Where a workspace says that backups go; nothing if it does not, or is not there. Looks at nothing else in it.
pub fn stored_backups(root: &Path) -> Option<Backups> {
    let file = root.join(FILE);
    let node = yaml::parse(&file, &std::fs::read_to_string(&file).ok()?).ok()?;
    Backups::read(root, &node, &mut Problems::new(&file))
}
