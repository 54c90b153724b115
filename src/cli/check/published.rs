//! What `fahrtenbuch check` says of contracts and the tables that are published by them.

use serde_json::{Value, json};

use crate::cli::opened::bucket_to_read;
use crate::pipeline::run::{ContractChanges, contract_changes};
use crate::publish::bucket::local_folder;
use crate::workspace::Workspace;

/// How a comparison ended.
pub(super) enum Compared {
    Done(ContractChanges),
    /// Nothing is published yet.
    Empty,
    /// Why it was not made.
    Not(String),
}

/// Compares the contracts of a workspace with what is published by them. A bucket that is no folder is asked only where its answers
/// are asked for, so that a check needs no network.
pub(super) fn compare(workspace: &Workspace, is_asked: bool) -> Compared {
    let is_folder = local_folder(&workspace.bucket).is_ok_and(|folder| folder.is_some());
    if !is_asked && !is_folder {
        return Compared::Not(
            "it is not on this machine. 'fahrtenbuch check --bucket' compares, and every run does".to_owned(),
        );
    }
    match bucket_to_read(workspace) {
        Ok(None) => Compared::Empty,
        Ok(Some(bucket)) => {
            contract_changes(workspace, &bucket).map_or_else(|error| Compared::Not(error.to_string()), Compared::Done)
        }
        Err(error) => Compared::Not(error.to_string()),
    }
}

impl Compared {
    /// What is no mistake.
    pub(super) fn show(&self) {
        match self {
            Self::Done(changes) => changes.notes.iter().for_each(|note| println!("note: {note}")),
            Self::Empty => {}
            Self::Not(why) => {
                println!("note: the contracts were not compared with what is published in the bucket: {why}")
            }
        }
    }

    pub(super) fn json(&self) -> Value {
        match self {
            Self::Done(changes) => json!({ "compared": true, "changes": changes.notes }),
            Self::Empty => json!({ "compared": true, "changes": [] }),
            Self::Not(why) => json!({ "compared": false, "why": why }),
        }
    }
}
