//! Quality: what the rules of a run came to, for readers of other forms than the run record.
//!
//! Takes a [`RunRecord`] and the contracts whose digests it names; makes [`Quality`], and of that `quality.json` for
//! programs, `quality.junit.xml` for CI systems and `quality.dqv.ttl` for catalogues, under
//! `reports/<dataset>/date=YYYY-MM-DD/`. [`report`] reads them again and tells the trend. All of them are views, as
//! `files.json` is: a later run of the partition writes them anew. They hold counts by rule and never a row, and no clock,
//! so the same record and contracts give the same bytes.

pub mod dqv;
mod german;
pub mod html;
pub mod json;
pub mod junit;
pub mod report;
pub mod score;
pub mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::check::RuleResult;
use crate::check::rules::{self, RuleKind, RuleSpec};
use crate::contract::{Contract, Dimension, EMPTY_ROW, OnFail, RuleId, Severity};
use crate::digest::Digest;
use crate::ledger::{Counted, Finding, NoticeCount, RunRecord, Status, TableEntry, is_zero};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::pages::Site;
use crate::time::ServiceDate;
use score::Score;

/// What the form of `quality.json` is called; changes when a reader must change.
pub const FORMAT: &str = "fahrtenbuch-quality/1";
/// The names of the files of a run.
const JSON: &str = "quality.json";
const JUNIT: &str = "quality.junit.xml";
const DQV: &str = "quality.dqv.ttl";
/// Partitions that a report tells of unless it is asked for others.
pub const SHOWN: usize = 14;

/// The results of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    pub format: String,
    pub dataset: String,
    pub date: ServiceDate,
    pub pipeline: String,
    pub status: Status,
    /// The date was not over: a complete release follows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
    /// Names the run: `inputs.sha256` of its record.
    pub inputs: Digest,
    pub score: Score,
    pub tables: Vec<TableCount>,
    /// The notices of the standard rules of GTFS. They are not part of the score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard: Option<Vec<NoticeCount>>,
    /// In the order of the contracts.
    pub rules: Vec<Result>,
}

/// Where the rows of a table went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableCount {
    pub table: String,
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
            rows_in: entry.rows_in,
            published: entry.published,
            quarantined: entry.quarantined,
            held_back: entry.held_back,
            dropped: entry.dropped.clone(),
        }
    }
}

/// What a rule came to. A rule is known by its contract and its id: a feed and its release may both have a table `alerts`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Result {
    pub id: RuleId,
    pub table: String,
    pub contract: String,
    pub contract_version: String,
    /// Whether the table is one that is published; otherwise it is the feed's, which another one is made from.
    pub released: bool,
    pub dimension: Dimension,
    pub severity: Severity,
    pub on_fail: OnFail,
    pub asks: Asks,
    pub result: RuleResult,
    /// Rows that the rule named.
    pub rows: u64,
    /// Of those, rows that the data manager released: it did not hold them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rows_released: u64,
    /// Rows that it looked at.
    pub checked: u64,
    /// What a metric came to, or a query that returns a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What must be true.
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_de: Option<String>,
    /// What was found, where that says more than the numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Asks {
    /// Every row by itself, so that some may conform and others not.
    Rows,
    /// One number over the table, which is what it must be or not.
    Number,
}

impl Result {
    /// Whether it is one of those that keep a run from being published.
    pub fn blocks(&self) -> bool {
        self.result.blocks(self.severity, self.on_fail)
    }
}

impl Quality {
    /// The results of a run, with the contracts that its tables were checked against.
    pub fn of(record: &RunRecord, contracts: &[Asked]) -> Self {
        let passed: BTreeSet<(&str, &RuleId)> = record
            .passed
            .iter()
            .flat_map(|(contract, rules)| rules.iter().map(move |rule| (contract.as_str(), rule)))
            .collect();
        let mut findings: BTreeMap<(String, RuleId), &Finding> = record
            .findings
            .iter()
            .map(|finding| ((finding.contract.clone(), finding.outcome.rule.clone()), finding))
            .collect();
        let mut rules = Vec::new();
        for asked in contracts {
            let id = asked.contract.id.as_str();
            for spec in rules::specs(&asked.contract) {
                let found = findings.remove(&(id.to_owned(), spec.id.clone()));
                let passed = passed.contains(&(id, &spec.id));
                rules.push(result(record, asked, spec, found, passed));
            }
        }
        // No finding is lost, whoever made it.
        rules.extend(findings.into_values().map(|finding| of_finding(record, contracts, finding)));
        tell_apart(&mut rules);
        Self {
            format: FORMAT.to_owned(),
            dataset: record.dataset.clone(),
            date: record.date,
            pipeline: record.pipeline.clone(),
            status: record.status,
            provisional: record.is_provisional(),
            inputs: record.inputs.sha256,
            score: Score::of(&rules),
            tables: record.tables.iter().map(TableCount::from).collect(),
            standard: record.standard.as_ref().map(|standard| standard.notices.clone()),
            rules,
        }
    }
}

/// A contract that the tables of a run were checked against.
#[derive(Clone, Debug)]
pub struct Asked {
    pub contract: Arc<Contract>,
    /// Whether its table is published, or only what another one is made from.
    pub released: bool,
}

fn result(record: &RunRecord, asked: &Asked, spec: RuleSpec, found: Option<&Finding>, passed: bool) -> Result {
    let contract = &asked.contract;
    let asks = match spec.kind {
        RuleKind::Metric { .. } | RuleKind::Sla { .. } => Asks::Number,
        RuleKind::Sql { rule } if contract.rules[rule].is_number => Asks::Number,
        _ => Asks::Rows,
    };
    let counted = match found {
        Some(finding) => Counted { rows: finding.outcome.rows, checked: finding.outcome.checked },
        None if passed => {
            let tolerated = record.tolerated.get(&contract.id).and_then(|rules| rules.get(&spec.id));
            let all = Counted { rows: 0, checked: record.checked.get(&contract.id).copied().unwrap_or(0) };
            tolerated.copied().unwrap_or(all)
        }
        // Nobody asked it, because the table is absent or there is nothing to compare with.
        None => Counted { rows: 0, checked: 0 },
    };
    let kept = || record.values.get(&contract.id).and_then(|values| values.get(&spec.id)).copied();
    let value = found.and_then(|finding| finding.outcome.value).or_else(kept);
    let why_skipped = record.skipped.get(&contract.id).and_then(|rules| rules.get(&spec.id)).cloned();
    let is_metric = matches!(spec.kind, RuleKind::Metric { .. });
    let asked_for_number = asks == Asks::Number && (found.is_some() || passed);
    Result {
        table: contract.table.clone(),
        contract: contract.id.clone(),
        contract_version: contract.version.clone(),
        released: asked.released,
        dimension: spec.dimension,
        severity: spec.severity,
        on_fail: spec.on_fail,
        asks,
        result: match found {
            Some(finding) => finding.outcome.result,
            None if passed => RuleResult::Passed,
            None => RuleResult::Skipped,
        },
        // A number names no row: what a metric counted is its value.
        rows: if asks == Asks::Number { 0 } else { counted.rows },
        rows_released: record.released(&spec.id),
        checked: counted.checked,
        value: value
            .filter(|_| found.is_some() || passed)
            .or((is_metric && asked_for_number).then_some(counted.rows as f64)),
        description_de: german::description(contract, &spec),
        message: found
            .map(|finding| finding.outcome.message.clone())
            .or(why_skipped)
            .filter(|message| *message != spec.message),
        description: spec.message,
        id: spec.id,
    }
}

/// What stands before the id of a rule of the feed's table where the release has a table of that name, too.
pub const OF_FEED: &str = "feed.";

/// Gives the rules of a feed's table other ids than those of the release's table of the same name: readers of results
/// know a rule by its id.
fn tell_apart(rules: &mut [Result]) {
    let released: BTreeSet<String> = rules.iter().filter(|rule| rule.released).map(|rule| rule.table.clone()).collect();
    for rule in rules.iter_mut().filter(|rule| !rule.released && released.contains(&rule.table)) {
        rule.id = RuleId(format!("{OF_FEED}{}", rule.id));
    }
}

/// The result of a rule that none of the contracts makes.
fn of_finding(record: &RunRecord, contracts: &[Asked], finding: &Finding) -> Result {
    let outcome = &finding.outcome;
    let released = contracts.iter().any(|asked| asked.released && asked.contract.id == finding.contract);
    let entry = record.contracts.iter().find(|entry| entry.id == finding.contract);
    Result {
        id: outcome.rule.clone(),
        table: outcome.table.clone(),
        contract: finding.contract.clone(),
        contract_version: entry.map(|entry| entry.version.clone()).unwrap_or_default(),
        released,
        dimension: outcome.dimension,
        severity: outcome.severity,
        on_fail: outcome.on_fail,
        asks: if outcome.value.is_some() { Asks::Number } else { Asks::Rows },
        result: outcome.result,
        rows: if outcome.value.is_some() { 0 } else { outcome.rows },
        rows_released: record.released(&outcome.rule),
        checked: outcome.checked,
        value: outcome.value,
        description: outcome.message.clone(),
        description_de: german::of_dropped(&outcome.rule),
        message: None,
    }
}

/// Where the results of a dataset are.
pub fn folder(dataset: &str) -> String {
    format!("reports/{dataset}")
}

/// The page that tells the trend of a dataset to everybody.
pub fn page_path(dataset: &str) -> String {
    format!("{}/quality.html", folder(dataset))
}

/// A form in which the results of a run are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Junit,
    Dqv,
}

/// Where a form of a partition's results is.
pub fn path(dataset: &str, date: ServiceDate, form: Form) -> String {
    let name = match form {
        Form::Json => JSON,
        Form::Junit => JUNIT,
        Form::Dqv => DQV,
    };
    format!("{}/date={date}/{name}", folder(dataset))
}

/// Writes the results of a run in all forms, if they do not say this already. The JSON comes last: who finds it finds the
/// others.
pub fn write(bucket: &Bucket, site: &Site, quality: &Quality) -> std::result::Result<(), PublishError> {
    let path = |form| path(&quality.dataset, quality.date, form);
    bucket.put(&path(Form::Junit), junit::write(quality).into())?;
    bucket.put(&path(Form::Dqv), dqv::write(quality, site.base_url.as_deref()).into())?;
    bucket.put(&path(Form::Json), json::write(quality).into())
}

/// The partitions that there are results of, in order.
pub fn dates(bucket: &Bucket, dataset: &str) -> std::result::Result<Vec<ServiceDate>, PublishError> {
    let date = |name: String| name.split('/').rev().nth(1)?.strip_prefix("date=")?.parse().ok();
    let names = bucket.list(&folder(dataset))?;
    Ok(names.into_iter().filter(|name| name.ends_with(&format!("/{JSON}"))).filter_map(date).collect())
}

/// The results of partitions. Those that cannot be read, because another version of the program wrote them or somebody
/// edited them, are warned of and left out: a view of the past must not keep today's data from being published. A run of
/// their date writes them anew.
pub fn read(bucket: &Bucket, dataset: &str, dates: &[ServiceDate]) -> std::result::Result<Vec<Quality>, PublishError> {
    let mut found = Vec::new();
    for date in dates {
        let key = path(dataset, *date, Form::Json);
        let Some(bytes) = bucket.get(&key)? else { continue };
        match json::read(&bytes) {
            Ok(quality) => found.push(quality),
            Err(problem) => tracing::warn!(key, "results that cannot be read are left out: {problem}"),
        }
    }
    Ok(found)
}

/// The results of the newest partitions.
pub fn newest(bucket: &Bucket, dataset: &str, count: usize) -> std::result::Result<Vec<Quality>, PublishError> {
    let dates = dates(bucket, dataset)?;
    read(bucket, dataset, &dates[dates.len().saturating_sub(count)..])
}

/// A text without what no XML and no reader can do anything with: control characters become U+FFFD.
fn printable(text: &str) -> String {
    let printable = |c: char| match c {
        '\t' | '\n' | '\r' => c,
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        _ if c.is_control() => '\u{fffd}',
        _ => c,
    };
    text.chars().map(printable).collect()
}

/// A part of an IRI: everything but letters, digits and `-._~` is percent-encoded.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}

/// What happened to the rows that a rule named, or to the run, in German and English. `status` and `tables` are those of the
/// run that it is a result of.
pub fn then(result: &Result, status: Status, tables: &[TableCount]) -> (String, String) {
    let (de, en) = happened(result, status, tables);
    match result.rows_released {
        0 => (de, en),
        rows => (format!("{de}, {rows} davon freigegeben"), format!("{en}, {rows} of them released")),
    }
}

fn happened(result: &Result, status: Status, tables: &[TableCount]) -> (String, String) {
    let of_table = tables.iter().find(|count| count.table == result.table);
    let discarded = of_table.map_or(0, |count| {
        let is_discard = |rule: &RuleId| rule.0 == format!("{}.discarded", count.table);
        count.dropped.iter().filter(|(rule, _)| is_discard(rule)).map(|(_, rows)| *rows).sum()
    });
    let has_rows = !matches!(result.result, RuleResult::Error) && result.asks == Asks::Rows;
    if let Some(count) = of_table.filter(|_| has_rows && status != Status::HeldBack) {
        let (published, held) = (count.published, count.quarantined);
        let de = format!("{published} veröffentlicht, {held} zurückgehalten, {discarded} nach Entscheidung verworfen");
        let en = format!("{published} published, {held} held back, {discarded} discarded by decision");
        match result.on_fail {
            // Which of them the rule named, and which another, is not counted.
            OnFail::Quarantine if discarded > 0 => {
                return (format!("Zeilen der Tabelle: {de}"), format!("rows of the table: {en}"));
            }
            OnFail::Report
                if result.released
                    && held + discarded > 0
                    && !count.dropped.contains_key(&result.id)
                    && !result.id.0.ends_with(&format!(".{EMPTY_ROW}")) =>
            {
                return (
                    format!("nur gemeldet; Zeilen der Tabelle: {de}"),
                    format!("reported only; rows of the table: {en}"),
                );
            }
            _ => {}
        }
    }
    let (de, en) = happened_to_all(result, status, of_table);
    (de.to_owned(), en.to_owned())
}

/// What happened where it is the same for all rows.
fn happened_to_all(result: &Result, status: Status, of_table: Option<&TableCount>) -> (&'static str, &'static str) {
    if result.result == RuleResult::Error {
        return match result.blocks() {
            true => ("nicht prüfbar, sperrt die Veröffentlichung", "not judged, blocks the release"),
            false => ("nicht prüfbar, hält nichts zurück", "not judged, holds nothing back"),
        };
    }
    if result.on_fail == OnFail::Report && result.id.0.ends_with(&format!(".{EMPTY_ROW}")) {
        return ("Zeilen ohne Wert weggelassen", "rows without a value left out");
    }
    if of_table.is_some_and(|count| count.dropped.contains_key(&result.id)) {
        return ("Zeilen weggelassen", "rows dropped");
    }
    match result.on_fail {
        OnFail::Block => ("sperrt die Veröffentlichung", "blocks the release"),
        OnFail::Quarantine => ("Zeilen zurückgehalten", "rows held back"),
        OnFail::Invalidate if status == Status::HeldBack => {
            ("Werte gelöscht, nichts veröffentlicht", "values nulled, nothing published")
        }
        OnFail::Invalidate => ("Werte gelöscht", "values nulled"),
        // A number names no rows, and rows of a feed are not those that are published.
        OnFail::Report if result.asks == Asks::Number || !result.released => ("nur gemeldet", "reported only"),
        OnFail::Report if status == Status::HeldBack => {
            ("nur gemeldet, nichts veröffentlicht", "reported only, nothing published")
        }
        OnFail::Report if of_table.is_none() => ("nur gemeldet", "reported only"),
        OnFail::Report => ("veröffentlicht, wie sie sind", "published as they are"),
    }
}

/// A dimension in German and English.
pub fn dimension_word(dimension: Dimension) -> (&'static str, &'static str) {
    match dimension {
        Dimension::Accuracy => ("Richtigkeit", "Accuracy"),
        Dimension::Completeness => ("Vollständigkeit", "Completeness"),
        Dimension::Conformity => ("Konformität", "Conformity"),
        Dimension::Consistency => ("Stimmigkeit", "Consistency"),
        Dimension::Coverage => ("Abdeckung", "Coverage"),
        Dimension::Timeliness => ("Aktualität", "Timeliness"),
        Dimension::Uniqueness => ("Eindeutigkeit", "Uniqueness"),
    }
}

/// A result of a rule of some severity in German and English.
pub fn result_word(result: RuleResult, severity: Severity) -> (&'static str, &'static str) {
    match (result, severity) {
        (RuleResult::Passed, _) => ("erfüllt", "passed"),
        (RuleResult::Warning, Severity::Info) => ("Hinweis", "info"),
        (RuleResult::Warning, _) => ("Warnung", "warning"),
        (RuleResult::Failed, _) => ("verletzt", "failed"),
        (RuleResult::Error, _) => ("nicht prüfbar", "error"),
        (RuleResult::Skipped, _) => ("ausgelassen", "skipped"),
    }
}

/// All dimensions, in the order in which they are told.
pub const DIMENSIONS: [Dimension; 7] = [
    Dimension::Accuracy,
    Dimension::Completeness,
    Dimension::Conformity,
    Dimension::Consistency,
    Dimension::Coverage,
    Dimension::Timeliness,
    Dimension::Uniqueness,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A result of the rule `id` of the contract `c`, of severity `error`.
    pub fn result(id: &str, dimension: Dimension, result: RuleResult, rows: u64, checked: u64) -> Result {
        Result {
            id: RuleId(id.to_owned()),
            table: "t".to_owned(),
            contract: "c".to_owned(),
            contract_version: "1".to_owned(),
            released: true,
            dimension,
            severity: Severity::Error,
            on_fail: OnFail::Report,
            asks: Asks::Rows,
            result,
            rows,
            rows_released: 0,
            checked,
            value: None,
            description: format!("{id} holds"),
            description_de: Some(format!("{id} gilt")),
            message: None,
        }
    }

    /// The results of a partition.
    pub fn on(date: &str, rules: Vec<Result>) -> Quality {
        Quality {
            format: FORMAT.to_owned(),
            dataset: "bus".to_owned(),
            date: date.parse().unwrap(),
            pipeline: "bus".to_owned(),
            status: Status::Published,
            provisional: false,
            inputs: Digest::of(date.as_bytes()),
            score: Score::of(&rules),
            tables: vec![TableCount {
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
        Arc::new(crate::contract::read::contract(std::path::Path::new("t.odcs.yaml"), &text).unwrap())
    }

    /// A record of a run over two contracts of the same table name, and what it says.
    pub fn quality() -> Quality {
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
        let asked = [Asked { contract: feed, released: false }, Asked { contract: release, released: true }];
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
        assert_eq!((of("t.most").value, of("t.most").asks, of("t.most").checked), (Some(48.5), Asks::Number, 19));
        // What a metric counted are not rows that it names.
        assert_eq!((of("t.rowCount").value, of("t.rowCount").rows, of("t.rowCount").checked), (Some(19.0), 0, 19));
        // What could not run holds a run back if it is an error; `t.broken` only tells.
        assert!(of("t.few").blocks() && !of("t.broken").blocks() && !of("t.south").blocks());
        assert_eq!(of("t.lat.range").description_de.as_deref(), Some("lat ist mindestens -90 und höchstens 90"));
    }

    #[test]
    fn what_is_said_to_have_happened_is_what_happened() {
        let table = |quarantined| TableCount {
            table: "t".to_owned(),
            rows_in: 9,
            published: 9 - quarantined,
            quarantined,
            held_back: 0,
            dropped: BTreeMap::new(),
        };
        let found = Result { released: true, ..result("t.r", Dimension::Accuracy, RuleResult::Warning, 3, 9) };
        let said = |result: &Result, status, quarantined| then(result, status, &[table(quarantined)]).1;
        let (out, back) = (Status::Published, Status::HeldBack);
        let of_feed = Result { released: false, ..found.clone() };
        let number = Result { asks: Asks::Number, ..found.clone() };
        let broken = Result { result: RuleResult::Error, severity: Severity::Warning, ..found.clone() };
        let grave = Result { severity: Severity::Error, ..broken.clone() };
        let nulled = Result { on_fail: OnFail::Invalidate, rows_released: 1, ..found.clone() };
        for (result, status, quarantined, expected) in [
            (&found, out, 0, "published as they are"),
            (&found, out, 1, "reported only; rows of the table: 8 published, 1 held back, 0 discarded by decision"),
            (&found, back, 0, "reported only, nothing published"),
            (&of_feed, out, 0, "reported only"),
            (&number, out, 0, "reported only"),
            (&broken, out, 0, "not judged, holds nothing back"),
            (&grave, back, 0, "not judged, blocks the release"),
            (&nulled, out, 0, "values nulled, 1 of them released"),
            (&nulled, back, 0, "values nulled, nothing published, 1 of them released"),
        ] {
            assert_eq!(said(result, status, quarantined), expected);
        }
        let held = Result { on_fail: OnFail::Quarantine, ..found.clone() };
        assert_eq!(said(&held, out, 3), "rows held back");
        let by_decision =
            TableCount { dropped: [(RuleId("t.discarded".to_owned()), 3)].into(), published: 6, ..table(0) };
        assert_eq!(
            then(&held, out, &[by_decision]).1,
            "rows of the table: 6 published, 0 held back, 3 discarded by decision"
        );
        let empty = Result { id: RuleId("t.empty_row".to_owned()), ..found.clone() };
        assert_eq!(said(&empty, out, 1), "rows without a value left out");
        let dropped = TableCount { dropped: [(found.id.clone(), 3)].into(), ..table(1) };
        assert_eq!(then(&found, out, std::slice::from_ref(&dropped)).1, "rows dropped");
        assert_eq!(then(&found, back, &[dropped]).1, "rows dropped");
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

    #[test]
    fn results_are_found_again_in_the_bucket_by_their_dates() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = Bucket::open(folder.path().to_str().unwrap(), &BTreeMap::new()).unwrap();
        let site = Site {
            title: String::new(),
            publisher: String::new(),
            licence: String::new(),
            licence_url: None,
            base_url: None,
        };
        assert_eq!(dates(&bucket, "bus").unwrap(), []);
        for date in ["2026-11-24", "2026-11-22", "2026-11-23"] {
            write(&bucket, &site, &on(date, Vec::new())).unwrap();
        }
        bucket.put(&page_path("bus"), "page".into()).unwrap();
        let found: Vec<String> = dates(&bucket, "bus").unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(found, ["2026-11-22", "2026-11-23", "2026-11-24"]);
        let newest = newest(&bucket, "bus", 2).unwrap();
        assert_eq!((newest.len(), newest[1].date.to_string()), (2, "2026-11-24".to_owned()));
        bucket.put("reports/bus/date=2026-11-24/quality.json", "{}".into()).unwrap();
        // What cannot be read does not stand in the way of the others.
        assert_eq!(super::newest(&bucket, "bus", 2).unwrap(), newest[..1]);
    }
}
