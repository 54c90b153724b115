//! Which texts a record names by their digest and the bucket has as `ledger/objects/<sha256>`.
//!
//! `docs/ledger.md` lists every digest of a record, and where what it names is found or why it is not published.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::record::v1::RunRecord;
use crate::digest::Digest;

/// Kinds of inputs whose digest is that of a text which is published.
const PUBLIC: &[&str] = &["area", "contract", "notices", "pipeline", "rows"];

/// What is read of a record, whichever version of the program wrote it.
#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    pipeline: String,
    pipeline_file: Digest,
    #[serde(default)]
    contracts: Vec<Of>,
    inputs: Lists,
}

#[derive(Deserialize)]
struct Lists {
    #[serde(default)]
    data: Vec<OfKind>,
    #[serde(default)]
    rules: Vec<OfKind>,
}

#[derive(Deserialize)]
struct Of {
    sha256: Digest,
}

#[derive(Deserialize)]
struct OfKind {
    kind: String,
    sha256: Digest,
}

/// The pipeline of a run's record, and the objects that the record names, lists of captures not among them; nothing of another
/// record.
pub(crate) fn objects_of(record: &[u8]) -> Option<(String, BTreeSet<Digest>)> {
    let named: Named = serde_json::from_slice(record).ok()?;
    let inputs = named.inputs.data.into_iter().chain(named.inputs.rules);
    let inputs = inputs.filter(|input| PUBLIC.contains(&input.kind.as_str())).map(|input| input.sha256);
    let contracts = named.contracts.into_iter().map(|contract| contract.sha256);
    Some((named.pipeline, inputs.chain(contracts).chain([named.pipeline_file]).collect()))
}

impl RunRecord {
    /// The objects that it names, lists of captures not among them.
    pub fn objects(&self) -> BTreeSet<Digest> {
        let inputs = self.inputs.data.iter().chain(&self.inputs.rules);
        let inputs = inputs.filter(|input| PUBLIC.contains(&input.kind.as_str())).map(|input| input.sha256);
        let contracts = self.contracts.iter().map(|contract| contract.sha256);
        inputs.chain(contracts).chain([self.pipeline_file]).collect()
    }
}
