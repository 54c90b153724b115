//! What a verification of the private store stands on.

use std::collections::{BTreeMap, BTreeSet};

use crate::pipeline::purged::Purged;
use crate::publish::bucket::Bucket;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub workspace: &'a Workspace,
    pub bucket: &'a Bucket,
    pub purged: &'a Purged,
    /// Objects of the bucket of which a fault is told already.
    pub told: &'a BTreeSet<String>,
}

/// The records that the newest indexes name, by pipeline and date.
pub(super) type Released = BTreeMap<String, BTreeMap<ServiceDate, BTreeSet<String>>>;
