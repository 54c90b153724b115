//! Severity and outcome of the rules over the text of a table's CSV file: our custom property `textRules`.

use crate::contract::odcs::section::{Section, Told, choose};
use crate::contract::odcs::words::{ON_FAIL, SEVERITIES};
use crate::contract::{Contract, OnFail, TEXT_RULES, TextRuleChange};

/// Reads what a table says of the rules over its text.
pub(super) fn read(table: &Section<'_>, contract: &mut Contract, told: &mut Told) {
    let Some(list) = table.custom("textRules") else { return };
    let is_csv = contract.has_text_rules();
    if list.items().is_empty() || !is_csv {
        let (said, remedy) = match is_csv {
            true => ("'textRules' is not a list", "Write '- {rule: quotes_in_value, severity: error}'."),
            false => ("'textRules' is about the text of a CSV file of GTFS, and the table has none", "Remove it."),
        };
        told.fit.add(list.line, said, remedy);
        return;
    }
    let names: Vec<(&str, usize)> = TEXT_RULES.iter().enumerate().map(|(place, rule)| (rule.0, place)).collect();
    for node in list.items() {
        node.only_keys(&["rule", "severity", "onFail"], &mut told.fit);
        node.require_text("rule", &mut told.fit);
        let Some(rule) = choose(node.get("rule"), "rule of a text", &names, &mut told.fit) else { continue };
        let severity = choose(node.get("severity"), "severity", SEVERITIES, &mut told.fit);
        let known: Vec<(&str, OnFail)> =
            ON_FAIL.iter().filter(|(_, on_fail)| TEXT_RULES[rule].3.contains(on_fail)).copied().collect();
        let what = format!("onFail of {}", TEXT_RULES[rule].0);
        let on_fail = choose(node.get("onFail"), &what, &known, &mut told.fit);
        if contract.text_rules.iter().any(|change| change.rule == rule) {
            let message = format!("the rule '{}' stands here twice", TEXT_RULES[rule].0);
            told.fit.add(node.line, message, "Remove one of the two.");
        }
        contract.text_rules.push(TextRuleChange { rule, severity, on_fail });
    }
}
