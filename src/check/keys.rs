//! Keys: no two rows have the same one, and those that refer to other rows find them. A key is held as 16 bytes.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch};

use crate::check::chunk_check::ChunkCheck;
use crate::check::gate::Flag;
use crate::check::memory::Booked;
use crate::check::outcome::{Sample, TableRule};
use crate::check::verdict::{TableVerdict, Verdict};
use crate::contract::{Contract, ForeignKey, OnFail, Target};
use crate::table::BudgetExceeded;
use crate::table::keys::{KeyColumns, KeySet, Keys};

/// What a text takes beside its bytes where it is allocated.
const ALLOCATED: usize = 16;

/// The columns of a key, whether one is null in a row, and the only one of them if it is one.
fn is_any_null(rows: &RecordBatch, columns: &[usize], row: usize) -> bool {
    columns.iter().any(|&column| rows.column(column).is_null(row))
}

fn only_column(columns: &[usize]) -> Option<usize> {
    (columns.len() == 1).then(|| columns[0])
}

/// No two rows have the same key: the first of them passes.
pub(super) struct UniqueKey {
    columns: KeyColumns,
    /// Of a unique column absent values may repeat; a primary key is required.
    skips_null: bool,
    seen: KeySet,
}

impl UniqueKey {
    pub(super) fn new(columns: &KeyColumns, contract: &Contract) -> Self {
        Self {
            columns: KeyColumns::new(columns.places.clone()),
            skips_null: columns.places.len() == 1 && contract.primary_key != columns.places,
            seen: KeySet::default(),
        }
    }

    pub(super) fn check(&mut self, rule: &mut TableRule, chunk: &mut ChunkCheck<'_>) -> Result<(), BudgetExceeded> {
        let rows = &chunk.chunk.rows;
        let places = &self.columns.places;
        let before = self.seen.bytes();
        let again: Vec<usize> = (self.columns.keys(rows).enumerate())
            // Rows that are held back anyway do not take a key from those that pass.
            .filter(|(row, _)| !chunk.verdict.held.contains_key(row))
            .filter(|&(row, _)| !(self.skips_null && rows.column(places[0]).is_null(row)))
            .filter(|&(_, key)| !self.seen.insert(key))
            .map(|(row, _)| row)
            .collect();
        chunk.account.grow(self.seen.bytes() - before)?;
        for row in again {
            let value = chunk.gate.shown(rule, rows, row, places);
            chunk.flag(rule, Flag { row, column: only_column(places), value });
        }
        Ok(())
    }

    /// No rows come any more that could have a key again. Gives the bytes that were booked for the keys.
    pub(super) fn forget(&mut self) -> usize {
        std::mem::take(&mut self.seen).bytes()
    }
}

/// A key that exists in another table, or in the table itself.
pub(super) struct ForeignKeyTest {
    contract: Arc<Contract>,
    /// Its place in the contract.
    key: usize,
    columns: KeyColumns,
    /// Keys into the table itself that were not found so far, in the order of the rows.
    open: Vec<OpenKey>,
    /// How many of those came before the chunk at hand.
    opened: usize,
}

/// A key whose row may still come.
struct OpenKey {
    hash: u128,
    /// The row's place, first in its chunk, and then among all rows that passed the rules over rows; none if it is held.
    row: Option<usize>,
    sample: Sample,
}

impl ForeignKeyTest {
    pub(super) fn new(contract: Arc<Contract>, key: usize) -> Self {
        let columns = KeyColumns::new(contract.foreign_keys[key].columns.clone());
        Self { contract, key, columns, open: Vec::new(), opened: 0 }
    }

    pub(super) fn check(&mut self, rule: &mut TableRule, chunk: &mut ChunkCheck<'_>) -> Result<(), BudgetExceeded> {
        self.opened = self.open.len();
        let contract = self.contract.clone();
        let key = &contract.foreign_keys[self.key];
        if let Some(why) = unknown_target(key, chunk.keys) {
            rule.found.skipped = Some(why);
            return Ok(());
        }
        let rows = &chunk.chunk.rows;
        let missing = self.missing(key, rows, chunk.keys);
        let is_own = is_own(key, &contract);
        let column = only_column(&key.columns);
        for (row, hash) in missing {
            if chunk.verdict.torn.contains(&row) {
                continue;
            }
            if is_own {
                let value = chunk.gate.describer.shown(rows, row, &key.columns);
                let sample = chunk.gate.describer.sample(rows, row, column, value);
                self.wait(OpenKey { hash, row: Some(row), sample }, chunk.account)?;
            } else {
                let value = chunk.gate.shown(rule, rows, row, &key.columns);
                chunk.flag(rule, Flag { row, column, value });
            }
        }
        Ok(())
    }

    /// The rows whose key is in no table that is known so far, with its hash.
    fn missing(&self, key: &ForeignKey, rows: &RecordBatch, keys: &Keys) -> Vec<(usize, u128)> {
        let targets = key.targets.iter();
        let sets: Vec<&KeySet> = targets.filter_map(|target| keys.get(&target.table, &target.columns)).collect();
        let mut missing = Vec::new();
        for (row, hash) in self.columns.keys(rows).enumerate() {
            if !is_any_null(rows, &key.columns, row) && !sets.iter().any(|set| set.contains(hash)) {
                missing.push((row, hash));
            }
        }
        missing
    }

    fn wait(&mut self, key: OpenKey, account: &mut Booked) -> Result<(), BudgetExceeded> {
        let text = |text: &Option<String>| text.as_ref().map_or(0, |text| text.len() + ALLOCATED);
        let Sample { origin, column, value, .. } = &key.sample;
        account.make_room(&mut self.open, 1)?;
        account.grow(origin.len() + ALLOCATED + text(column) + text(value))?;
        self.open.push(key);
        Ok(())
    }

    /// Gives the keys of the last chunk the places that their rows have among all rows that passed, of which the chunk's
    /// first would be `first`.
    pub(super) fn place_rows(&mut self, first: usize, verdict: &Verdict) {
        for open in &mut self.open[self.opened..] {
            let Some(within) = open.row else { continue };
            let held_before = verdict.held.range(..within).count();
            open.row = (!verdict.held.contains_key(&within)).then_some(first + within - held_before);
        }
    }

    /// Answers the keys into the table itself, when all of its rows are known.
    pub(super) fn close(
        &mut self,
        rule: &mut TableRule,
        own: &ReferencedKeys,
        verdict: &mut TableVerdict,
        account: &mut Booked,
    ) -> Result<(), BudgetExceeded> {
        let key = &self.contract.foreign_keys[self.key];
        for OpenKey { hash, row, sample } in std::mem::take(&mut self.open) {
            let mut own_targets = key.targets.iter().filter(|target| target.is_in(&self.contract));
            if own_targets.any(|target| own.contain(&target.columns, hash)) {
                continue;
            }
            rule.found.rows += 1;
            if rule.found.wants_sample() {
                rule.found.samples.push(sample);
            }
            let Some(row) = row else { continue };
            match rule.spec.on_fail {
                OnFail::Quarantine => verdict.hold(rule.place, [row].into_iter(), account)?,
                OnFail::Invalidate => {
                    for &column in &key.columns {
                        verdict.null(column, [row].into_iter(), account)?;
                    }
                }
                OnFail::Report | OnFail::Block => {}
            }
        }
        self.opened = 0;
        Ok(())
    }
}

fn is_own(key: &ForeignKey, contract: &Contract) -> bool {
    key.targets.iter().any(|target| target.is_in(contract))
}

/// Whether a contract has keys into its own table that may hold back rows or null their cells.
pub(super) fn own_keys_change_rows(contract: &Contract) -> bool {
    let changes = |key: &&ForeignKey| matches!(key.on_fail, OnFail::Quarantine | OnFail::Invalidate);
    contract.foreign_keys.iter().filter(changes).any(|key| is_own(key, contract))
}

/// Why a key cannot be looked up: it leads to a table of a file that is not part of the run.
fn unknown_target(key: &ForeignKey, keys: &Keys) -> Option<String> {
    let unknown = |target: &&Target| target.file.is_some() && keys.get(&target.table, &target.columns).is_none();
    let target = key.targets.iter().find(unknown)?;
    let file = target.file.as_deref().unwrap_or(Path::new("")).display();
    Some(format!("not asked: the table '{}' of {file} is not part of this run", target.table))
}

/// The keys of this table that foreign keys refer to, of the rows that passed.
pub(super) struct ReferencedKeys {
    lists: Vec<ReferencedColumns>,
    /// Whether the keys are those of the run already.
    lent: bool,
}

struct ReferencedColumns {
    names: Vec<String>,
    columns: KeyColumns,
    seen: KeySet,
}

impl ReferencedKeys {
    /// `referenced` lists the columns of this table that foreign keys name; those that it does not have are passed over.
    pub(super) fn new(contract: &Contract, referenced: &[Vec<String>]) -> Self {
        let list = |names: &Vec<String>| {
            let places = names.iter().map(|name| contract.index_of(name)).collect::<Option<Vec<_>>>()?;
            Some(ReferencedColumns { names: names.clone(), columns: KeyColumns::new(places), seen: KeySet::default() })
        };
        Self { lists: referenced.iter().filter_map(list).collect(), lent: false }
    }

    /// Keeps the keys of rows that passed. They live until the run ends.
    pub(super) fn keep(&mut self, rows: &RecordBatch, account: &Booked) -> Result<(), BudgetExceeded> {
        for ReferencedColumns { columns, seen, .. } in self.lists.iter_mut().filter(|_| !self.lent) {
            let before = seen.bytes();
            for (row, key) in columns.keys(rows).enumerate() {
                if columns.places.iter().all(|&column| rows.column(column).is_valid(row)) {
                    seen.insert(key);
                }
            }
            // A set that is made again grows from nothing.
            account.until_the_run_ends(seen.bytes().saturating_sub(before))?;
        }
        Ok(())
    }

    fn contain(&self, columns: &[String], hash: u128) -> bool {
        self.lists.iter().any(|list| list.names == columns && list.seen.contains(hash))
    }

    /// Forgets the keys, to be kept anew of the rows that pass all rules. Nothing happens to keys that were lent.
    pub(super) fn start_again(&mut self) {
        self.lists.iter_mut().for_each(|list| list.seen = KeySet::default());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Gives the keys to the tables that follow. Only the first call does.
    pub(super) fn lend(&mut self, table: &str, keys: &mut Keys) {
        for list in self.lists.iter_mut().filter(|_| !self.lent) {
            keys.add(table, list.names.clone(), std::mem::take(&mut list.seen));
        }
        self.lent = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{CONTRACT, Row, chunk, context, contract, run};
    use crate::check::{CheckError, RuleResult, TableCheck};
    use crate::contract::odcs;
    use crate::table::{Budget, Origin};

    #[test]
    fn a_key_into_the_table_itself_may_look_ahead() {
        let contract = contract("");
        let rows = [(Some("a"), None, None, None, Some("b")), (Some("b"), None, None, None, Some("nowhere"))];
        let found = run(&contract, vec![chunk(&contract, &rows)]);
        let outcome = found.outcome("stops.parent.foreign_key");
        assert_eq!((outcome.rows, outcome.samples[0].row), (1, 3));
        assert_eq!(outcome.samples[0].value.as_deref(), Some("nowhere"));
    }

    #[test]
    fn a_key_that_leads_elsewhere_is_skipped_unless_the_run_knows_that_table() {
        // Of the same name as the own table, but another one.
        let text =
            CONTRACT.replace("RULES", "").replace("stops.id", "'../gtfs/stops.odcs.yaml#/schema/stops/properties/id'");
        let contract = Arc::new(odcs::contract(Path::new("stops.odcs.yaml"), &text).unwrap());
        let rows = [(Some("a"), None, None, None, Some("a")), (Some("b"), None, None, None, Some("nowhere"))];
        let ask = |keys: &mut Keys| {
            let origins = [Origin { name: "x".into(), captured_at: jiff::Timestamp::UNIX_EPOCH }];
            let mut check =
                TableCheck::new(contract.clone(), origins.into(), &[], Arc::new(context()), Budget::new(1 << 20))
                    .unwrap();
            let checked = check.push(chunk(&contract, &rows), keys).unwrap();
            assert_eq!((checked.passed[0].num_rows(), checked.quarantined.len()), (2, 0));
            let outcomes = check.finish(keys, &mut |_| Ok::<(), CheckError>(())).unwrap();
            outcomes.into_iter().find(|outcome| outcome.rule.0 == "stops.parent.foreign_key").unwrap()
        };
        let outcome = ask(&mut Keys::default());
        assert_eq!((outcome.result, outcome.rows, outcome.checked), (RuleResult::Skipped, 0, 0));
        assert_eq!(outcome.message, "not asked: the table 'stops' of ../gtfs/stops.odcs.yaml is not part of this run");
        let mut known = Keys::default();
        let mut set = KeySet::default();
        KeyColumns::new(vec![0]).keys(&chunk(&contract, &rows[..1]).rows).for_each(|key| {
            set.insert(key);
        });
        known.add("stops", vec!["id".to_owned()], set);
        let outcome = ask(&mut known);
        assert_eq!((outcome.result, outcome.rows, outcome.checked), (RuleResult::Failed, 1, 2));
        assert_eq!(outcome.samples[0].value.as_deref(), Some("nowhere"));
    }

    #[test]
    fn keys_are_not_held_beyond_the_budget_either() {
        let contract = contract("");
        let origins = [Origin { name: "x".into(), captured_at: jiff::Timestamp::UNIX_EPOCH }];
        let mut check =
            TableCheck::new(contract.clone(), origins.into(), &[], Arc::new(context()), Budget::new(2_000)).unwrap();
        let ids: Vec<String> = (0..1000).map(|id| id.to_string()).collect();
        let rows: Vec<Row<'_>> = ids.iter().map(|id| (Some(id.as_str()), None, None, None, None)).collect();
        let error = check.push(chunk(&contract, &rows), &Keys::default()).unwrap_err();
        assert!(error.to_string().starts_with("check would have to hold"), "{error}");
    }
}
