//! What is decided of rows that were held back: let them pass, or drop them for good.
//!
//! [`crate::decision`] keeps the decisions; here is what they come to for the rows of a partition's table. Decisions go into a
//! run like evidence does: what they say counts among the run's inputs; why, by whom and when they were made does not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::contract::RuleId;
use crate::decision::{About, Line};
use crate::digest::{Digest, Digester};
use crate::quarantine::{Identity, RowId};
use crate::time::ServiceDate;

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
    /// Of a date, as far as they hold today. A later decision about a row overrides an earlier one; releases from several
    /// rules add up.
    pub fn of(lines: &[Line], date: ServiceDate, today: ServiceDate) -> Self {
        let mut effects: BTreeMap<RowId, Effect> = BTreeMap::new();
        for line in lines.iter().filter(|line| line.holds(today)) {
            let (rows, releases) = match &line.decision.about {
                About::Release(rows) => (rows, true),
                About::Discard(rows) => (rows, false),
                _ => continue,
            };
            for row in rows.rows.iter().filter(|_| rows.date == date) {
                match (releases, effects.get_mut(&row.row)) {
                    (true, Some(Effect::Release(rules))) => rules.extend(row.rules.iter().cloned()),
                    (true, _) => {
                        effects.insert(row.row, Effect::Release(row.rules.iter().cloned().collect()));
                    }
                    (false, _) => {
                        effects.insert(row.row, Effect::Discard);
                    }
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
    pub fn resolves(&self, row: RowId, rule: &RuleId) -> bool {
        match self.get(row) {
            Some(Effect::Release(rules)) => rules.contains(rule),
            Some(Effect::Discard) => true,
            None => false,
        }
    }
}

/// The digest over what the decisions about several tables say; none if there are no decisions.
pub(crate) fn digest(tables: &BTreeMap<String, Arc<Decisions>>) -> Option<Digest> {
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
    use std::path::Path;

    use jiff::Timestamp;

    use super::*;
    use crate::decision::{Decision, DecisionId, Row, Rows};

    #[derive(Clone, Copy)]
    enum Action {
        Release,
        Discard,
    }

    const DATE: &str = "2026-11-24";

    fn decision(row: RowId, rules: &[&str], action: Action) -> Line {
        let rules = rules.iter().map(|rule| RuleId((*rule).to_owned())).collect();
        let rows = Rows {
            dataset: "d".to_owned(),
            table: "t".to_owned(),
            date: DATE.parse().unwrap(),
            rows: vec![Row { row, rules }],
        };
        let about = match action {
            Action::Release => About::Release(rows),
            Action::Discard => About::Discard(rows),
        };
        let decision =
            Decision { about, by: "A".to_owned(), at: Timestamp::UNIX_EPOCH, until: None, reason: "ÖPNV".to_owned() };
        Line { id: DecisionId(row.to_string()), line: 1, decision, is_undone: false }
    }

    fn of(lines: &[Line], date: &str) -> Decisions {
        Decisions::of(lines, date.parse().unwrap(), "2026-11-26".parse().unwrap())
    }

    #[test]
    fn the_newest_decision_about_a_row_holds_and_releases_add_up() {
        let (a, b) = (RuleId("t.a".into()), RuleId("t.b".into()));
        let undone = Line { is_undone: true, ..decision(RowId(4), &["t.a"], Action::Discard) };
        let lines = [
            decision(RowId(1), &["t.a"], Action::Release),
            decision(RowId(1), &["t.b"], Action::Release),
            decision(RowId(2), &["t.a"], Action::Release),
            decision(RowId(2), &["t.a"], Action::Discard),
            decision(RowId(3), &["t.a"], Action::Discard),
            decision(RowId(3), &["t.a"], Action::Release),
            undone,
        ];
        let held = of(&lines, DATE);
        assert!(held.resolves(RowId(1), &a) && held.resolves(RowId(1), &b));
        assert_eq!(held.get(RowId(2)), Some(&Effect::Discard));
        assert!(held.resolves(RowId(3), &a) && !held.resolves(RowId(3), &b));
        assert_eq!(held.get(RowId(4)), None);
        assert!(of(&lines, "2026-11-25").is_empty());
    }

    #[test]
    fn decisions_are_digested_without_their_reasons() {
        let (one, two) = (decision(RowId(1), &["t.a"], Action::Release), decision(RowId(2), &["t.a"], Action::Discard));
        let digest = |lines: &[Line]| digest(&BTreeMap::from([("t".to_owned(), Arc::new(of(lines, DATE)))]));
        assert_eq!(digest(&[]), None);
        assert_ne!(digest(std::slice::from_ref(&one)), digest(std::slice::from_ref(&two)));
        let mut other = one.clone();
        (other.decision.reason, other.decision.by) = ("another".to_owned(), "B".to_owned());
        assert_eq!(digest(&[one, two.clone()]), digest(&[two, other]));
    }

    #[test]
    fn a_row_released_from_one_rule_still_meets_the_others() {
        use arrow_array::{ArrayRef, Float64Array, StringArray, UInt32Array, UInt64Array};

        use crate::check::TableCheck;
        use crate::contract::odcs;
        use crate::table::keys::Keys;
        use crate::table::{Budget, Chunk, Origin};

        let contract = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: 1.0.0\nstatus: active\nschema:\n  - name: t\n    \
                        logicalType: object\n    physicalType: table\n    properties:\n      - {name: id, logicalType: string, \
                        primaryKey: true, primaryKeyPosition: 1}\n      - name: lat\n        logicalType: number\n        \
                        physicalType: double\n        logicalTypeOptions: {maximum: 90}\n        customProperties: [{property: \
                        onFail, value: quarantine}]\n";
        let contract = Arc::new(odcs::contract(Path::new("t.odcs.yaml"), contract).unwrap());
        let columns: [ArrayRef; 4] = [
            Arc::new(StringArray::from(vec!["a", "a", "b", "c"])),
            Arc::new(Float64Array::from(vec![1.0, 99.0, 99.0, 99.0])),
            Arc::new(UInt32Array::from_value(0, 4)),
            Arc::new(UInt64Array::from(vec![2, 3, 4, 5])),
        ];
        let rows = RecordBatch::try_new(contract.chunk_schema(), columns.to_vec()).unwrap();
        let origins: Arc<[Origin]> = [Origin { name: "t.txt".into(), captured_at: Timestamp::UNIX_EPOCH }].into();
        let identity = Arc::new(Identity::new(&contract, &BTreeSet::new(), origins.clone()));
        let about = |row: usize, action| decision(identity.of(&rows, row), &["t.lat.range"], action);
        // The last decision is about a row that was not there.
        let lines = [
            about(1, Action::Release),
            about(2, Action::Release),
            about(3, Action::Discard),
            decision(RowId(9), &["t.lat.range"], Action::Release),
        ];
        let decisions = Arc::new(of(&lines, DATE));
        let around = Arc::new(crate::check::context::RuleContext::of("2026-11-24".parse().unwrap()));
        let mut check = TableCheck::new(contract, origins, &[], around, Budget::new(1 << 20)).unwrap();
        check.decide(Decider::new(decisions.clone(), identity.clone()));
        let pushed = check
            .push(Chunk { rows: rows.clone(), flaws: Vec::new(), remarks: Default::default() }, &Keys::default())
            .unwrap();
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
