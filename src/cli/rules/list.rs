//! `fahrtenbuch rules list`

use std::path::Path;
use std::sync::Arc;

use comfy_table::{Table, presets};
use serde_json::{Value, json};

use super::shared::{lower, rule_of, shown_file, surveys};
use crate::check::rules::{RuleSpec, specs};
use crate::cli::exit::Exit;
use crate::contract::Contract;
use crate::feed_rules;
use crate::feed_rules::report::word;

pub(super) fn list(root: &Path, table: Option<&str>, as_json: bool) -> Exit {
    let surveys = match surveys(root) {
        Ok(surveys) => surveys,
        Err(exit) => return exit,
    };
    let contracts = || {
        let all = surveys.iter().flat_map(|(_, survey)| survey.contracts());
        all.filter(|contract| table.is_none_or(|table| contract.table == table))
    };
    let own: Vec<(&Arc<Contract>, RuleSpec)> =
        contracts().flat_map(|c| specs(c).into_iter().map(move |s| (c, s))).collect();
    let standards = if table.is_none() { feed_rules::STANDARDS } else { &[] };
    let notices = || standards.iter().flat_map(|standard| (standard.notices)().into_iter().map(move |n| (standard, n)));
    if as_json {
        let standard: Vec<Value> = notices()
            .map(|(standard, notice)| {
                json!({
                    "code": notice.code,
                    "standard": standard.name,
                    "severity": word(notice.severity),
                    "files": notice.files,
                    "fields": notice.fields,
                    "rule": rule_of(notice.code),
                    "what": {"en": notice.en.what, "de": notice.de.what},
                    "mend": {"en": notice.en.mend, "de": notice.de.mend},
                })
            })
            .collect();
        let mut list: Vec<Value> = own
            .iter()
            .map(|(contract, spec)| {
                json!({
                    "id": spec.id,
                    "contract": shown_file(root, contract),
                    "severity": spec.severity,
                    "dimension": spec.dimension,
                    "onFail": spec.on_fail,
                    "asks": spec.message,
                    "executable": true,
                })
            })
            .collect();
        list.extend(contracts().flat_map(|contract| not_executable(contract, &shown_file(root, contract))));
        println!("{}", json!({ "rules": standard, "own": list }));
        return Exit::Done;
    }
    let mut rows = Table::new();
    rows.load_style(presets::UTF8_BORDERS_ONLY);
    rows.set_header(["rule", "severity", "dimension", "on fail", "where"]);
    for (contract, spec) in &own {
        let file = shown_file(root, contract);
        rows.add_row([spec.id.0.clone(), lower(&spec.severity), lower(&spec.dimension), lower(&spec.on_fail), file]);
    }
    for contract in contracts() {
        for text in &contract.texts {
            let file = shown_file(root, contract);
            rows.add_row([text.id.0.clone(), String::new(), String::new(), "not executable".to_owned(), file]);
        }
        for rule in &contract.unexecuted {
            let how = format!("not executable: {}", rule.reason);
            let file = shown_file(root, contract);
            rows.add_row([rule.id.0.clone(), lower(&rule.severity), lower(&rule.dimension), how, file]);
        }
    }
    if rows.row_count() > 0 {
        println!("{rows}");
    }
    if standards.is_empty() {
        return Exit::Done;
    }
    let mut rows = Table::new();
    rows.load_style(presets::UTF8_BORDERS_ONLY);
    rows.set_header(["standard notice", "severity", "files", "rule", "standard"]);
    for (standard, notice) in notices() {
        let severity = word(notice.severity).to_lowercase();
        rows.add_row([notice.code, &severity, &notice.files.join(", "), rule_of(notice.code), standard.name]);
    }
    println!("{rows}");
    Exit::Done
}

/// The texts for people, and the rules that this program cannot run.
fn not_executable(contract: &Contract, file: &str) -> Vec<Value> {
    let texts = contract
        .texts
        .iter()
        .map(|text| json!({"id": text.id, "contract": file, "asks": text.description, "executable": false}));
    let rules = contract.unexecuted.iter().map(|rule| {
        json!({
            "id": rule.id,
            "contract": file,
            "severity": rule.severity,
            "dimension": rule.dimension,
            "asks": rule.description,
            "executable": false,
            "reason": rule.reason,
        })
    });
    texts.chain(rules).collect()
}
