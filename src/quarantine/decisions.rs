//! What the data manager decides of rows that were held back: let them pass, or drop them for good.
//!
//! `<private>/quarantine/<dataset>/<table>.decisions.jsonl` has one decision a line, the newest last; a line that is removed
//! is a decision taken back. Decisions of a partition go into its run like evidence does: what they say counts among the
//! run's inputs, why and when they were made does not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::contract::RuleId;
use crate::digest::{Digest, Digester};
use crate::durable;
use crate::quarantine::{Identity, QuarantineError, RowId, folder};
use crate::time::ServiceDate;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The row passes, although these rules named it. A rule that names it later holds it again.
    Release,
    /// The row is dropped for good.
    Discard,
}

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    pub date: ServiceDate,
    pub row: RowId,
    /// The rules that held it and that the decision is about.
    pub rules: Vec<RuleId>,
    pub action: Action,
    pub reason: String,
    pub decided_at: Timestamp,
}

/// The file of a table's decisions.
pub fn path(private: &Path, dataset: &str, table: &str) -> PathBuf {
    folder(private, dataset).join(format!("{table}.decisions.jsonl"))
}

/// All decisions about a table; none if there is no file.
pub fn read(path: &Path) -> Result<Vec<Decision>, QuarantineError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(QuarantineError::file(path, "read", &error)),
    };
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(place, line)| {
            serde_json::from_str(line).map_err(|error| QuarantineError::Decision {
                path: path.to_owned(),
                line: place + 1,
                problem: error.to_string(),
            })
        })
        .collect()
}

/// Adds decisions, all of them or none.
pub fn append(path: &Path, decisions: &[Decision]) -> Result<(), QuarantineError> {
    let failed = |error: &dyn fmt::Display| QuarantineError::file(path, "written", error);
    let folder = path.parent().unwrap_or(Path::new("."));
    durable::create_dir_all(folder).map_err(|error| failed(&error))?;
    // Two who decide at once do so one after the other.
    let lock = durable::create(&folder.join(".decisions.lock")).map_err(|error| failed(&error))?;
    lock.lock().map_err(|error| failed(&error))?;
    let mut text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(failed(&error)),
    };
    if text.last().is_some_and(|&byte| byte != b'\n') {
        text.push(b'\n');
    }
    for decision in decisions {
        serde_json::to_writer(&mut text, decision).map_err(|error| failed(&error))?;
        text.push(b'\n');
    }
    durable::write(path, &text).map_err(|error| failed(&error))
}

/// What is to happen to a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It passes these rules.
    Release(BTreeSet<RuleId>),
    Discard,
}

/// What holds for the rows of a partition's table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions(BTreeMap<RowId, Effect>);

impl Decisions {
    /// Of a date. A later decision about a row overrides an earlier one; releases from several rules add up.
    pub fn of(decisions: &[Decision], date: ServiceDate) -> Self {
        let mut effects: BTreeMap<RowId, Effect> = BTreeMap::new();
        for decision in decisions.iter().filter(|decision| decision.date == date) {
            match (decision.action, effects.get_mut(&decision.row)) {
                (Action::Release, Some(Effect::Release(rules))) => rules.extend(decision.rules.iter().cloned()),
                (Action::Release, _) => {
                    let rules = decision.rules.iter().cloned().collect();
                    effects.insert(decision.row, Effect::Release(rules));
                }
                (Action::Discard, _) => {
                    effects.insert(decision.row, Effect::Discard);
                }
            }
        }
        Self(effects)
    }

    pub fn get(&self, row: RowId) -> Option<&Effect> {
        self.0.get(&row)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn rows(&self) -> impl Iterator<Item = RowId> + '_ {
        self.0.keys().copied()
    }

    /// Whether a row that a rule holds will not be held by it again.
    pub fn settle(&self, row: RowId, rule: &RuleId) -> bool {
        match self.get(row) {
            Some(Effect::Release(rules)) => rules.contains(rule),
            Some(Effect::Discard) => true,
            None => false,
        }
    }
}

/// The digest over what the decisions about several tables say; none if there are no decisions.
pub fn digest(tables: &BTreeMap<String, Arc<Decisions>>) -> Option<Digest> {
    let mut digester = Digester::default();
    for (table, decisions) in tables {
        for (row, effect) in &decisions.0 {
            let words: Vec<&str> = match effect {
                Effect::Discard => vec!["discard"],
                Effect::Release(rules) => {
                    ["release"].into_iter().chain(rules.iter().map(|rule| rule.0.as_str())).collect()
                }
            };
            digester.update(format!("{table} {row} {}\n", words.join(" ")).as_bytes());
        }
    }
    tables.values().any(|decisions| !decisions.is_empty()).then(|| digester.finish())
}

/// What decisions did to the rows of a check.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// Rows dropped for good.
    pub discarded: u64,
    /// Rows that were not held, by the rule that named them.
    pub released: BTreeMap<RuleId, u64>,
    /// The rows that these were.
    pub rows: BTreeSet<RowId>,
}

/// Decisions at work in a check. Asks for the id of a row only where a rule would hold it.
pub struct Decider {
    decisions: Arc<Decisions>,
    identity: Arc<Identity>,
    decided: Decided,
    told: BTreeSet<(RowId, RuleId)>,
}

impl Decider {
    pub fn new(decisions: Arc<Decisions>, identity: Arc<Identity>) -> Self {
        Self { decisions, identity, decided: Decided::default(), told: BTreeSet::new() }
    }

    /// Whether a row passes a rule that names it.
    pub fn releases(&mut self, rows: &RecordBatch, row: usize, rule: &RuleId) -> bool {
        if self.decisions.is_empty() {
            return false;
        }
        let id = self.identity.of(rows, row);
        if !matches!(self.decisions.get(id), Some(Effect::Release(rules)) if rules.contains(rule)) {
            return false;
        }
        if self.told.insert((id, rule.clone())) {
            *self.decided.released.entry(rule.clone()).or_default() += 1;
        }
        self.decided.rows.insert(id);
        true
    }

    /// The rules that decisions release some rows from, by the place of the row, the first of which has the place `first`.
    pub fn released(&self, rows: &RecordBatch, first: usize) -> Vec<(usize, BTreeSet<RuleId>)> {
        if self.decisions.is_empty() {
            return Vec::new();
        }
        let released = (0..rows.num_rows()).filter_map(|row| match self.decisions.get(self.identity.of(rows, row)) {
            Some(Effect::Release(rules)) => Some((first + row, rules.clone())),
            _ => None,
        });
        released.collect()
    }

    /// Whether a row that is held is to be dropped.
    pub fn discards(&mut self, rows: &RecordBatch, row: usize) -> bool {
        if self.decisions.is_empty() {
            return false;
        }
        let id = self.identity.of(rows, row);
        let discards = self.decisions.get(id) == Some(&Effect::Discard);
        if discards {
            self.decided.discarded += 1;
            self.decided.rows.insert(id);
        }
        discards
    }

    pub fn finish(self) -> Decided {
        self.decided
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(row: u64, rules: &[&str], action: Action) -> Decision {
        Decision {
            date: "2026-11-24".parse().unwrap(),
            row: RowId(row),
            rules: rules.iter().map(|rule| RuleId((*rule).to_owned())).collect(),
            action,
            reason: "ÖPNV".to_owned(),
            decided_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_newest_decision_about_a_row_holds_and_releases_add_up() {
        let (a, b) = (RuleId("t.a".into()), RuleId("t.b".into()));
        let lines = [
            decision(1, &["t.a"], Action::Release),
            decision(1, &["t.b"], Action::Release),
            decision(2, &["t.a"], Action::Release),
            decision(2, &["t.a"], Action::Discard),
            decision(3, &["t.a"], Action::Discard),
            decision(3, &["t.a"], Action::Release),
            Decision { date: "2026-11-25".parse().unwrap(), ..decision(4, &["t.a"], Action::Discard) },
        ];
        let held = Decisions::of(&lines, "2026-11-24".parse().unwrap());
        assert!(held.settle(RowId(1), &a) && held.settle(RowId(1), &b));
        assert_eq!(held.get(RowId(2)), Some(&Effect::Discard));
        assert!(held.settle(RowId(3), &a) && !held.settle(RowId(3), &b));
        assert_eq!(held.get(RowId(4)), None);
    }

    #[test]
    fn decisions_are_appended_read_back_and_digested_without_their_reasons() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path(), "d", "t");
        let date = "2026-11-24".parse().unwrap();
        assert_eq!(read(&path).unwrap(), []);
        let (one, two) = (decision(1, &["t.a"], Action::Release), decision(2, &["t.a"], Action::Discard));
        append(&path, std::slice::from_ref(&one)).unwrap();
        append(&path, std::slice::from_ref(&two)).unwrap();
        assert_eq!(read(&path).unwrap(), [one.clone(), two.clone()]);
        let of = |lines: &[Decision]| digest(&BTreeMap::from([("t".to_owned(), Arc::new(Decisions::of(lines, date)))]));
        assert_eq!(of(&[]), None);
        assert_ne!(of(std::slice::from_ref(&one)), of(std::slice::from_ref(&two)));
        let other = Decision { reason: "another".into(), decided_at: Timestamp::MAX, ..one.clone() };
        assert_eq!(of(&[one.clone(), two.clone()]), of(&[two, other]));
    }

    #[test]
    fn a_line_that_is_no_decision_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path(), "d", "t");
        append(&path, &[decision(1, &["t.a"], Action::Release)]).unwrap();
        fs::write(&path, format!("{}{{\"date\": \"gestern\"}}\n", fs::read_to_string(&path).unwrap())).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("t.decisions.jsonl:2: no decision") && error.contains("gestern"), "{error}");
    }

    #[test]
    fn a_row_released_from_one_rule_still_meets_the_others() {
        use arrow_array::{ArrayRef, Float64Array, StringArray, UInt32Array, UInt64Array};

        use crate::check::TableCheck;
        use crate::contract::read;
        use crate::table::keys::Keys;
        use crate::table::{Budget, Chunk, Origin};

        let contract = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: 1.0.0\nstatus: active\nschema:\n  - name: t\n    \
                        logicalType: object\n    physicalType: table\n    properties:\n      - {name: id, logicalType: string, \
                        primaryKey: true, primaryKeyPosition: 1}\n      - name: lat\n        logicalType: number\n        \
                        physicalType: double\n        logicalTypeOptions: {maximum: 90}\n        customProperties: [{property: \
                        onFail, value: quarantine}]\n";
        let contract = Arc::new(read::contract(Path::new("t.odcs.yaml"), contract).unwrap());
        let columns: [ArrayRef; 4] = [
            Arc::new(StringArray::from(vec!["a", "a", "b", "c"])),
            Arc::new(Float64Array::from(vec![1.0, 99.0, 99.0, 99.0])),
            Arc::new(UInt32Array::from_value(0, 4)),
            Arc::new(UInt64Array::from(vec![2, 3, 4, 5])),
        ];
        let rows = RecordBatch::try_new(contract.chunk_schema(), columns.to_vec()).unwrap();
        let origins: Arc<[Origin]> = [Origin { name: "t.txt".into(), captured_at: Timestamp::UNIX_EPOCH }].into();
        let identity = Arc::new(Identity::new(&contract, &BTreeSet::new(), origins.clone()));
        let about =
            |row: usize, action| Decision { row: identity.of(&rows, row), ..decision(0, &["t.lat.range"], action) };
        // The last decision is about a row that was not there.
        let lines = [
            about(1, Action::Release),
            about(2, Action::Release),
            about(3, Action::Discard),
            decision(9, &["t.lat.range"], Action::Release),
        ];
        let decisions = Arc::new(Decisions::of(&lines, "2026-11-24".parse().unwrap()));
        let around = Arc::new(crate::check::surroundings::Surroundings::of("2026-11-24".parse().unwrap()));
        let mut check = TableCheck::new(contract, origins, &[], around, Budget::new(1 << 20)).unwrap();
        check.decide(Decider::new(decisions.clone(), identity.clone()));
        let pushed = check.push(Chunk { rows: rows.clone(), flaws: Vec::new() }, &Keys::default()).unwrap();
        let mut finished = crate::check::Checked::default();
        let keep = &mut |checked| -> Result<(), crate::check::CheckError> {
            finished = checked;
            Ok(())
        };
        check.finish(&mut Keys::default(), keep).unwrap();
        let passed: usize = pushed.passed.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(passed, 2);
        assert_eq!(pushed.quarantined.len(), 1);
        assert_eq!(pushed.quarantined[0].rules, [[RuleId("t.primary_key".into())]]);
        let decided = finished.decided;
        assert_eq!((decided.discarded, decided.released[&RuleId("t.lat.range".into())]), (1, 2));
        assert_eq!(decisions.rows().filter(|row| !decided.rows.contains(row)).collect::<Vec<_>>(), [RowId(9)]);
    }
}
