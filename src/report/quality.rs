//! The results of one run: what every rule of its contracts came to, whatever the record says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::check::RuleResult;
use crate::check::rules::{self, RuleKind, RuleSpec};
use crate::contract::{Contract, OnFail, RuleId, UnexecutedRule};
use crate::digest::Digest;
use crate::ledger::{Counted, Finding, NoticeCount, RunRecord, Status, TableEntry};
use crate::report::german;
pub(crate) use crate::report::rule_report::{Evaluates, RuleReport};
use crate::report::score::Score;
use crate::time::ServiceDate;

/// What the form of `quality.json` is called; changes when a reader must change.
pub(crate) const FORMAT: &str = "fahrtenbuch-quality/1";

/// The results of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Quality {
    pub format: String,
    pub dataset: String,
    pub date: ServiceDate,
    pub pipeline: String,
    pub status: Status,
    /// The date was not over: a complete release follows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
    /// Nothing was captured on the date: what is missing was released alone, and there is no score.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nothing_captured: bool,
    /// Names the run: `inputs.sha256` of its record.
    pub inputs: Digest,
    pub score: Score,
    pub tables: Vec<TableCount>,
    /// The notices of the standard rules of GTFS. They are not part of the score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard: Option<Vec<NoticeCount>>,
    /// In the order of the contracts.
    pub rules: Vec<RuleReport>,
}

/// Where the rows of a table went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableCount {
    pub table: String,
    /// Whether its rows were made of other tables, so that none of them was received.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_derived: bool,
    pub rows_in: u64,
    pub published: u64,
    pub quarantined: u64,
    pub held_back: u64,
    /// By rule.
    pub dropped: BTreeMap<RuleId, u64>,
}

impl From<&TableEntry> for TableCount {
    fn from(entry: &TableEntry) -> Self {
        Self {
            table: entry.table.clone(),
            is_derived: !entry.inputs.is_empty(),
            rows_in: entry.rows_in,
            published: entry.published,
            quarantined: entry.quarantined,
            held_back: entry.held_back,
            dropped: entry.dropped.clone(),
        }
    }
}

impl Quality {
    /// The results of a run, with the contracts that its tables were checked against.
    pub(crate) fn of(record: &RunRecord, contracts: &[CheckedContract]) -> Self {
        let passed: BTreeSet<(&str, &RuleId)> = record
            .passed
            .iter()
            .flat_map(|(contract, rules)| rules.iter().map(move |rule| (contract.as_str(), rule)))
            .collect();
        let mut findings: BTreeMap<(String, RuleId), &Finding> =
            record.findings.iter().map(|finding| ((finding.contract.clone(), finding.rule.clone()), finding)).collect();
        let mut rules = Vec::new();
        for asked in contracts {
            let id = asked.contract.id.as_str();
            for spec in rules::specs(&asked.contract) {
                let found = findings.remove(&(id.to_owned(), spec.id.clone()));
                let passed = passed.contains(&(id, &spec.id));
                rules.push(result(record, asked, spec, found, passed));
            }
            rules.extend(asked.contract.unexecuted.iter().map(|rule| not_executable(asked, rule)));
        }
        // No finding is lost, whoever made it.
        rules.extend(findings.into_values().map(|finding| of_finding(record, contracts, finding)));
        // Findings that the program made stand with the rules of their table.
        let place = |rule: &RuleReport| contracts.iter().position(|asked| asked.contract.id == rule.contract);
        rules.sort_by_key(|rule| place(rule).unwrap_or(contracts.len()));
        tell_apart(&mut rules);
        let nothing_captured = record.is_without_captures();
        Self {
            format: FORMAT.to_owned(),
            dataset: record.dataset.clone(),
            date: record.date,
            pipeline: record.pipeline.clone(),
            status: record.status,
            provisional: record.is_provisional(),
            nothing_captured,
            inputs: record.inputs.sha256,
            // Rules about what is missing would judge a date of which nobody knows what happened.
            score: Score::of(if nothing_captured { &[] } else { &rules }),
            tables: record.tables.iter().map(TableCount::from).collect(),
            standard: record.standard.as_ref().map(|standard| standard.notices.clone()),
            rules,
        }
    }
}

/// A contract that the tables of a run were checked against.
#[derive(Clone, Debug)]
pub struct CheckedContract {
    pub contract: Arc<Contract>,
    /// Whether its table is published, or only what another one is made from.
    pub released: bool,
}

fn result(
    record: &RunRecord,
    asked: &CheckedContract,
    spec: RuleSpec,
    found: Option<&Finding>,
    passed: bool,
) -> RuleReport {
    let contract = &asked.contract;
    let asks = match spec.kind {
        RuleKind::Metric { .. } | RuleKind::Sla { .. } => Evaluates::Number,
        RuleKind::Sql { rule } if contract.rules[rule].is_number => Evaluates::Number,
        _ => Evaluates::Rows,
    };
    let counted = match found {
        Some(finding) => Counted { rows: finding.rows, checked: finding.checked },
        None if passed => {
            let tolerated = record.tolerated.get(&contract.id).and_then(|rules| rules.get(&spec.id));
            let all = Counted { rows: 0, checked: record.checked.get(&contract.id).copied().unwrap_or(0) };
            tolerated.copied().unwrap_or(all)
        }
        // Nobody asked it, because the table is absent or there is nothing to compare with.
        None => Counted { rows: 0, checked: 0 },
    };
    let kept = || record.values.get(&contract.id).and_then(|values| values.get(&spec.id)).copied();
    let value = found.and_then(|finding| finding.value).or_else(kept);
    let why_skipped = record.skipped.get(&contract.id).and_then(|rules| rules.get(&spec.id)).cloned();
    let is_metric = matches!(spec.kind, RuleKind::Metric { .. });
    let asked_for_number = asks == Evaluates::Number && (found.is_some() || passed);
    RuleReport {
        table: contract.table.clone(),
        contract: contract.id.clone(),
        contract_version: contract.version.clone(),
        released: asked.released,
        dimension: spec.dimension,
        severity: spec.severity,
        on_fail: spec.on_fail,
        asks,
        result: match found {
            Some(finding) => finding.result,
            None if passed => RuleResult::Passed,
            None => RuleResult::Skipped,
        },
        // A number names no row: what a metric counted is its value.
        rows: if asks == Evaluates::Number { 0 } else { counted.rows },
        rows_released: record.released(&spec.id),
        checked: counted.checked,
        value: value
            .filter(|_| found.is_some() || passed)
            .or((is_metric && asked_for_number).then_some(counted.rows as f64)),
        description_de: german::description(contract, &spec),
        message: found
            .map(|finding| finding.message.clone())
            .or(why_skipped)
            .filter(|message| *message != spec.message),
        message_de: found.and_then(|finding| finding.found_de.clone()),
        description: spec.message,
        id: spec.id,
    }
}

/// The result of a rule that this program cannot run: it was skipped, and why.
fn not_executable(asked: &CheckedContract, rule: &UnexecutedRule) -> RuleReport {
    RuleReport {
        id: rule.id.clone(),
        table: asked.contract.table.clone(),
        contract: asked.contract.id.clone(),
        contract_version: asked.contract.version.clone(),
        released: asked.released,
        dimension: rule.dimension,
        severity: rule.severity,
        on_fail: OnFail::Report,
        asks: Evaluates::Number,
        result: RuleResult::Skipped,
        rows: 0,
        rows_released: 0,
        checked: 0,
        value: None,
        description: rule.description.clone().unwrap_or_default(),
        description_de: None,
        message: Some(format!("not executable: {}", rule.reason)),
        message_de: None,
    }
}

/// What stands before the id of a rule of the feed's table where the release has a table of that name, too.
pub(crate) const OF_FEED: &str = "feed.";

/// Gives the rules of a feed's table other ids than those of the release's table of the same name: readers of results
/// know a rule by its id.
fn tell_apart(rules: &mut [RuleReport]) {
    let released: BTreeSet<String> = rules.iter().filter(|rule| rule.released).map(|rule| rule.table.clone()).collect();
    for rule in rules.iter_mut().filter(|rule| !rule.released && released.contains(&rule.table)) {
        rule.id = RuleId(format!("{OF_FEED}{}", rule.id));
    }
}

/// The result of a rule that none of the contracts makes.
fn of_finding(record: &RunRecord, contracts: &[CheckedContract], finding: &Finding) -> RuleReport {
    let outcome = finding;
    let released = contracts.iter().any(|asked| asked.released && asked.contract.id == finding.contract);
    let entry = record.contracts.iter().find(|entry| entry.id == finding.contract);
    RuleReport {
        id: outcome.rule.clone(),
        table: outcome.table.clone(),
        contract: finding.contract.clone(),
        contract_version: entry.map(|entry| entry.version.clone()).unwrap_or_default(),
        released,
        dimension: outcome.dimension,
        severity: outcome.severity,
        on_fail: outcome.on_fail,
        asks: if outcome.value.is_some() { Evaluates::Number } else { Evaluates::Rows },
        result: outcome.result,
        rows: if outcome.value.is_some() { 0 } else { outcome.rows },
        rows_released: record.released(&outcome.rule),
        checked: outcome.checked,
        value: outcome.value,
        description: outcome.message.clone(),
        // What the program says itself it says as a whole, with what was found.
        description_de: outcome.found_de.clone().or_else(|| german::of_dropped(&outcome.rule)),
        message: None,
        message_de: None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::contract::{Dimension, Severity};

    /// A result of the rule `id` of the contract `c`, of severity `error`.
    pub(crate) fn result(id: &str, dimension: Dimension, result: RuleResult, rows: u64, checked: u64) -> RuleReport {
        RuleReport {
            id: RuleId(id.to_owned()),
            table: "t".to_owned(),
            contract: "c".to_owned(),
            contract_version: "1".to_owned(),
            released: true,
            dimension,
            severity: Severity::Error,
            on_fail: OnFail::Report,
            asks: Evaluates::Rows,
            result,
            rows,
            rows_released: 0,
            checked,
            value: None,
            description: format!("{id} holds"),
            description_de: Some(format!("{id} gilt")),
            message: None,
            message_de: None,
        }
    }

    /// The results of a partition.
    pub(crate) fn on(date: &str, rules: Vec<RuleReport>) -> Quality {
        Quality {
            format: FORMAT.to_owned(),
            dataset: "bus".to_owned(),
            date: date.parse().unwrap(),
            pipeline: "bus".to_owned(),
            status: Status::Published,
            provisional: false,
            nothing_captured: false,
            inputs: Digest::of(date.as_bytes()),
            score: Score::of(&rules),
            tables: vec![TableCount {
                is_derived: false,
                table: "t".to_owned(),
                rows_in: 100,
                published: 97,
                quarantined: 2,
                held_back: 0,
                dropped: BTreeMap::from([(RuleId("t.same".to_owned()), 1)]),
            }],
            standard: None,
            rules,
        }
    }

    const CONTRACT: &str = "\
apiVersion: v3.1.0
kind: DataContract
id: CONTRACT
version: '1.2'
status: active
schema:
  - name: t
    properties:
      - {name: id, logicalType: string, primaryKey: true, required: true, classification: public}
      - name: lat
        logicalType: number
        classification: public
        logicalTypeOptions: {minimum: -90, maximum: 90}
    quality:
      - name: south
        type: custom
        engine: fahrtenbuch
        description: \"A \\\"stop\\\" <lies> & stays\\nin the \\x01south \\\\ of '\u{1F68C}'\"
        dimension: accuracy
        severity: warning
        implementation: SELECT _index FROM t WHERE lat < 0
        customProperties:
          - {property: descriptionDe, value: Eine Haltestelle liegt im Süden.}
      - {name: broken, type: custom, engine: fahrtenbuch, severity: info, implementation: 'SELECT _index FROM t WHERE lat > 1'}
      - {name: most, type: sql, query: 'SELECT MAX(lat) FROM t', mustBeLessThan: 90}
      - {metric: rowCount, mustBeGreaterThan: 3}
      - {metric: rowCount, name: few, mustBeLessThan: 3, severity: warning, customProperties: [{property: onFail, value: block}]}
";

    fn contract(id: &str) -> Arc<Contract> {
        let text = CONTRACT.replace("CONTRACT", id);
        Arc::new(crate::contract::odcs::contract(std::path::Path::new("t.odcs.yaml"), &text).unwrap())
    }

    /// A record of a run over two contracts of the same table name, and what it says.
    pub(crate) fn quality() -> Quality {
        let (feed, release) = (contract("feed"), contract("release"));
        let mut record = crate::ledger::tests::record();
        for (contract, absent) in [(&feed, false), (&release, true)] {
            let mut outcomes = crate::check::absent(contract);
            for outcome in outcomes.iter_mut().filter(|_| !absent) {
                (outcome.result, outcome.checked) = (RuleResult::Passed, 20);
                match outcome.rule.0.as_str() {
                    "t.primary_key" => (outcome.result, outcome.rows) = (RuleResult::Failed, 1),
                    "t.south" => (outcome.result, outcome.rows) = (RuleResult::Warning, 3),
                    "t.broken" => {
                        outcome.result = RuleResult::Error;
                        outcome.message = "the rule could not run: \u{0}\u{1b}[31mno column 'x'\u{ffff} ]]>".to_owned();
                    }
                    "t.most" => (outcome.value, outcome.checked) = (Some(48.5), 19),
                    "t.rowCount" => (outcome.rows, outcome.checked) = (19, 19),
                    "t.few" => {
                        (outcome.rows, outcome.checked, outcome.result) = (19, 19, RuleResult::Warning);
                        outcome.message = "rowCount: 19, must be less than 3".to_owned();
                    }
                    _ => {}
                }
            }
            record.file(contract, outcomes);
        }
        let asked = [
            CheckedContract { contract: feed, released: false },
            CheckedContract { contract: release, released: true },
        ];
        Quality::of(&record, &asked)
    }

    #[test]
    fn every_rule_of_a_contract_has_a_result_whatever_the_record_says_of_it() {
        let quality = quality();
        let (feed, release): (Vec<_>, Vec<_>) = quality.rules.iter().partition(|rule| rule.contract == "feed");
        assert_eq!((feed.len(), release.len()), (feed.len(), feed.len()));
        assert!(release.iter().all(|rule| rule.result == RuleResult::Skipped && rule.checked == 0));
        // No two rules of one table have the same id.
        let ids: BTreeSet<&RuleId> = quality.rules.iter().map(|rule| &rule.id).collect();
        assert_eq!(ids.len(), quality.rules.len());
        let of = |id: &str| *feed.iter().find(|rule| rule.id.0 == format!("feed.{id}")).unwrap();
        assert_eq!((of("t.row_length").result, of("t.row_length").checked), (RuleResult::Passed, 20));
        assert_eq!((of("t.primary_key").rows, of("t.south").rows), (1, 3));
        assert_eq!((of("t.most").value, of("t.most").asks, of("t.most").checked), (Some(48.5), Evaluates::Number, 19));
        // What a metric counted are not rows that it names.
        assert_eq!((of("t.rowCount").value, of("t.rowCount").rows, of("t.rowCount").checked), (Some(19.0), 0, 19));
        // What could not run holds a run back if it is an error; `t.broken` only tells.
        assert!(of("t.few").blocks() && !of("t.broken").blocks() && !of("t.south").blocks());
        assert_eq!(of("t.lat.range").description_de.as_deref(), Some("lat ist mindestens -90 und höchstens 90"));
    }

    #[test]
    fn a_finding_that_no_contract_knows_is_told_as_well() {
        let mut record = crate::ledger::tests::record();
        let mut outcomes = crate::check::absent(&contract("feed"));
        outcomes.truncate(1);
        (outcomes[0].result, outcomes[0].rows, outcomes[0].checked) = (RuleResult::Failed, 2, 9);
        record.file(&contract("feed"), outcomes);
        let quality = Quality::of(&record, &[]);
        assert_eq!((quality.rules.len(), quality.rules[0].rows, quality.score.dataset), (1, 2, Some(77.77)));
    }
}
