//! Whether published results say what the record of their run says: for who has both and no contract.

use std::collections::BTreeMap;

use crate::check::RuleResult;
use crate::contract::RuleId;
use crate::ledger::{Finding, RunRecord};
use crate::report::json;
use crate::report::quality::{OF_FEED, Quality, TableCount};
use crate::report::rule_report::{Evaluates, RuleReport};
use crate::report::score::{FORMULA, Score};
use crate::text::Text;

/// What is wrong with the bytes of `quality.json`, by the bytes of the record of its run. What rules ask is the contract's, and is not
/// compared. Of a record in a form that this program does not know nothing is said.
pub(crate) fn difference(record: &[u8], results: &[u8]) -> Option<Text> {
    let record: RunRecord = serde_json::from_slice(record).ok()?;
    let quality = match json::read(results) {
        Ok(quality) => quality,
        Err(problem) => {
            return Some(Text::new(
                format!("the results cannot be read: {problem}"),
                format!("die Ergebnisse lassen sich nicht lesen: {problem}"),
            ));
        }
    };
    let (en, de) = what(&record, &quality)?;
    Some(Text::new(
        format!("the results do not say of {en} what the record of the run says"),
        format!("die Ergebnisse sagen von {de} nicht, was der Beleg des Laufs sagt"),
    ))
}

/// What differs.
fn what(record: &RunRecord, quality: &Quality) -> Option<(String, String)> {
    let same = |text: &str| Some((text.to_owned(), text.to_owned()));
    let of_record = (&record.dataset, record.date, &record.pipeline, record.status, record.inputs.sha256);
    let flags = (record.is_provisional(), record.is_without_captures());
    let of_results = (&quality.dataset, quality.date, &quality.pipeline, quality.status, quality.inputs);
    if of_record != of_results || flags != (quality.provisional, quality.nothing_captured) {
        return Some(("the run".to_owned(), "dem Lauf".to_owned()));
    }
    let tables: Vec<TableCount> = record.tables.iter().map(TableCount::from).collect();
    if tables != quality.tables {
        return Some(("the rows of its tables".to_owned(), "den Zeilen seiner Tabellen".to_owned()));
    }
    if record.standard.as_ref().map(|standard| &standard.notices) != quality.standard.as_ref() {
        return Some(("the notices of the standard".to_owned(), "den Hinweisen des Standards".to_owned()));
    }
    let mut findings: BTreeMap<(String, RuleId), &Finding> =
        record.findings.iter().map(|finding| ((finding.contract.clone(), finding.rule.clone()), finding)).collect();
    for rule in &quality.rules {
        let id = RuleId(rule.id.0.strip_prefix(OF_FEED).filter(|_| !rule.released).unwrap_or(&rule.id.0).to_owned());
        let finding = findings.remove(&(rule.contract.clone(), id.clone()));
        if !says(record, rule, &id, finding) {
            return same(&rule.id.0);
        }
    }
    if let Some((_, rule)) = findings.keys().next() {
        return same(&rule.0);
    }
    let score = Score::of(if quality.nothing_captured { &[] } else { &quality.rules });
    if quality.score.formula == FORMULA && score != quality.score {
        return Some((
            "the score, which follows from the rules,".to_owned(),
            "den Punkten, die aus den Regeln folgen,".to_owned(),
        ));
    }
    None
}

/// Whether results say of a rule what the record says.
fn says(record: &RunRecord, rule: &RuleReport, id: &RuleId, finding: Option<&Finding>) -> bool {
    let passed = record.passed.get(&rule.contract).is_some_and(|passed| passed.contains(id));
    let (result, rows, checked) = match finding {
        Some(finding) => (finding.result, finding.rows, finding.checked),
        None if passed => {
            let tolerated = record.tolerated.get(&rule.contract).and_then(|rules| rules.get(id));
            let all = || record.checked.get(&rule.contract).copied().unwrap_or(0);
            let (rows, checked) = tolerated.map_or_else(|| (0, all()), |counted| (counted.rows, counted.checked));
            (RuleResult::Passed, rows, checked)
        }
        None => (RuleResult::Skipped, 0, 0),
    };
    let rows = if rule.asks == Evaluates::Number { 0 } else { rows };
    let is_same =
        (rule.result, rule.rows, rule.checked, rule.rows_released) == (result, rows, checked, record.released(id));
    let of_finding = finding.is_none_or(|finding| {
        let is_of =
            (rule.severity, rule.on_fail, rule.dimension) == (finding.severity, finding.on_fail, finding.dimension);
        let says = |said: &Option<String>, of: &Option<String>| said.is_none() || said == of;
        let message = Some(finding.message.clone());
        is_of && says(&rule.message, &message) && says(&rule.message_de, &finding.found_de)
    });
    let kept = || record.values.get(&rule.contract).and_then(|values| values.get(id)).copied();
    let value = finding.and_then(|finding| finding.value).or_else(kept);
    is_same && of_finding && (value.is_none() || !(finding.is_some() || passed) || rule.value == value)
}
