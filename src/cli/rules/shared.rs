//! Contracts and rules as the commands find and show them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::check::rule_tests::Found;
use crate::cli::exit::Exit;
use crate::cli::opened::tell;
use crate::contract::Contract;
use crate::contract::library::Survey;
use crate::feed_rules::rule::{self as feed_rule, Rule as FeedRule};
use crate::feed_rules::{gtfs, gtfs_realtime};
use crate::workspace;

/// The folders of contracts in a workspace, with the contracts that no pipeline could use; none outside of one.
pub(super) fn surveys(root: &Path) -> Result<Vec<(PathBuf, Survey)>, Exit> {
    let mut surveys = Vec::new();
    let mut found = Vec::new();
    for folder in workspace::contract_folders(root) {
        match Survey::read(&folder) {
            Ok(survey) => surveys.push((folder, survey)),
            Err(mut problems) => found.append(&mut problems),
        }
    }
    if found.is_empty() {
        return Ok(surveys);
    }
    tell(&found);
    Err(Exit::Usage)
}

/// Where a contract stands, from the workspace on.
pub(super) fn shown_file(root: &Path, contract: &Contract) -> String {
    contract.file.strip_prefix(root).unwrap_or(&contract.file).display().to_string()
}

pub(super) fn lower(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| Some(value.as_str()?.to_owned())).unwrap_or_default()
}

/// The name of the rule that gives a notice.
pub(super) fn rule_of(code: &str) -> &'static str {
    let own = rule_among(gtfs::RULES, code).map(FeedRule::name);
    own.or_else(|| rule_among(gtfs_realtime::RULES, code).map(FeedRule::name)).unwrap_or_default()
}

/// The first rule that names a notice is the one that it was made for: others only give it, too.
fn rule_among<S: feed_rule::Subject>(
    rules: &'static [&'static FeedRule<S>],
    code: &str,
) -> Option<&'static FeedRule<S>> {
    rules.iter().copied().find(|rule| rule.notices.iter().any(|notice| notice.code == code))
}

pub(super) fn told(found: &Found) -> Value {
    match found {
        Found::Flagged(rows) => json!({"named": rows.iter().map(|row| row + 1).collect::<Vec<_>>()}),
        Found::Holds { holds, value, said } => json!({"holds": holds, "value": value, "said": said}),
        Found::Skipped(why) => json!({"skipped": why}),
        Found::Broken(why) => json!({"broken": why}),
    }
}
