//! The check of one table: rows in, rows that pass and rows that are held back out.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::check::cells::RowDescriber;
use crate::check::chunk_check::ChunkCheck;
use crate::check::context::{RuleContext, siblings_of};
use crate::check::gate::RowGate;
use crate::check::keys::{ReferencedKeys, own_keys_change_rows};
use crate::check::losses::Losses;
use crate::check::memory::Booked;
use crate::check::numbers::{MeasureError, NumberRules};
use crate::check::outcome::{Outcome, RowCounts, TableRule};
use crate::check::row_rules::RowRules;
use crate::check::rules;
use crate::check::spill::SpillStore;
use crate::check::sql::rules::{SqlRules, change_rows_late};
use crate::check::sql::whole_table::{QueryError, WholeTable};
use crate::check::verdict::{TableVerdict, Verdict};
use crate::check::{CheckError, Checked, Quarantined};
use crate::contract::{Contract, RuleId};
use crate::quarantine::decisions::Decider;
use crate::table::keys::Keys;
use crate::table::{Budget, Chunk, Origin};

/// What takes the rows of a table as they come out of its check.
pub type Sink<'a, E> = &'a mut dyn FnMut(Checked) -> Result<(), E>;

/// The check of one table against its contract.
///
/// Call, in this order:
///
/// 1. [`Self::decide`], at most once, with what the data manager decided of the table's rows.
/// 2. [`Self::push`] for each chunk, in the order of the rows. Each row is seen by the rules of single rows, and comes back at
///    once, passed or held back, unless a rule over all rows may still hold it back or null one of its cells: then it waits,
///    in memory or in the private store.
/// 3. [`Self::lend_keys`], if other tables are to be checked before this one is finished.
/// 4. [`Self::finish`], once the tables that it [waits for](Self::waits_for) have all of their rows. Rules over all rows run,
///    and the rows that waited come out.
///
/// Guarantees: every row that came is passed or held back exactly once, unless a decision discards it; rows keep their order;
/// there is exactly one outcome per rule of the contract, in its order, and more only where too much was lost; a rule that
/// could not run has the result `error`, never `passed`. What it holds is booked on the run's budget and given back when it is
/// finished or dropped, but for keys and rows that other tables refer to: those live until the run ends. After an error it
/// is of no further use.
pub struct TableCheck {
    contract: Arc<Contract>,
    context: Arc<RuleContext>,
    row_rules: RowRules,
    sql_rules: SqlRules,
    number_rules: NumberRules,
    losses: Losses,
    gate: RowGate,
    referenced: ReferencedKeys,
    /// Rows that passed so far, if a rule over all of them may hold some back or null their cells.
    waiting: Option<SpillStore>,
    /// What is said of rows by their places among those that passed the rules of single rows.
    verdict: TableVerdict,
    account: Booked,
    counts: RowCounts,
}

impl TableCheck {
    /// `referenced` lists the columns of this table that foreign keys name, see [`super::referenced`].
    pub fn new(
        contract: Arc<Contract>,
        origins: Arc<[Origin]>,
        referenced: &[Vec<String>],
        context: Arc<RuleContext>,
        budget: Budget,
    ) -> Result<Self, CheckError> {
        let specs = rules::specs(&contract).into_iter().enumerate();
        let all: Vec<TableRule> = specs.map(|(place, spec)| TableRule::new(place, spec)).collect();
        let ids: Arc<[RuleId]> = all.iter().map(|rule| rule.spec.id.clone()).collect();
        let (row_rules, others) = RowRules::compile(all, &contract);
        let (sql_rules, others) = SqlRules::compile(others, &contract, &context, &budget);
        let number_rules = NumberRules::compile(others, &contract, context.clone(), origins.clone());
        let waits = change_rows_late(&contract) || own_keys_change_rows(&contract);
        Ok(Self {
            row_rules,
            sql_rules,
            number_rules,
            losses: Losses::new(&contract),
            gate: RowGate::new(RowDescriber { contract: contract.clone(), origins }, ids),
            referenced: ReferencedKeys::new(&contract, referenced),
            waiting: waits.then(|| SpillStore::new(context.spool.clone(), budget.clone())),
            verdict: TableVerdict::default(),
            account: Booked::on(&budget),
            counts: RowCounts { came: 0, passed: 0 },
            contract,
            context,
        })
    }

    /// Lets decisions about rows have their way.
    pub fn decide(&mut self, decisions: Decider) {
        self.gate.decide(decisions);
    }

    /// The other tables whose rows must all be there before this one can be finished.
    pub fn waits_for(&self) -> BTreeSet<String> {
        siblings_of(&self.contract).into_iter().map(str::to_owned).collect()
    }

    /// Checks some rows. What passed comes back now, or from [`Self::finish`] where a rule needs all rows.
    pub fn push(&mut self, chunk: Chunk, keys: &Keys) -> Result<Checked, CheckError> {
        self.counts.came += chunk.rows.num_rows() as u64;
        let first = self.counts.passed as usize;
        let check = ChunkCheck::new(&chunk, keys, &mut self.gate, &mut self.account);
        let verdict = self.row_rules.check(first, check)?;
        self.losses.came(&chunk.rows, chunk.remarks.swallowed);
        self.remember_trips(&chunk.rows)?;
        // A cell that its type nulls is null already.
        for (column, rows) in &verdict.nulled {
            self.losses.nulls(*column, chunk.rows.column(*column), rows, true);
        }
        let (passed, quarantined) = self.split(chunk.rows, verdict)?;
        let mut checked = Checked { quarantined: quarantined.into_iter().collect(), ..Checked::default() };
        if passed.num_rows() == 0 {
            return Ok(checked);
        }
        // The others need them until the run ends.
        self.account.until_the_run_ends(self.context.siblings.push(&self.contract.table, &passed))?;
        let verdict = self.sql_rules.check_single_rows(&passed, &mut self.gate);
        self.counts.passed += passed.num_rows() as u64;
        self.sql_rules.push(&passed)?;
        if self.waiting.is_some() {
            self.wait(passed, first, &verdict)?;
            return Ok(checked);
        }
        let (kept, held) = match verdict.is_empty() {
            true => (passed, None),
            false => {
                // Only queries over what passed look for it again.
                if self.sql_rules.look_at_all_rows() {
                    self.verdict.add(&verdict, first, &mut self.account)?;
                }
                self.count_nulled(&passed, &verdict);
                self.split(passed, verdict)?
            }
        };
        self.referenced.keep(&kept, &self.account)?;
        self.measure(&kept)?;
        checked.quarantined.extend(held);
        checked.passed.extend((kept.num_rows() > 0).then_some(kept));
        Ok(checked)
    }

    /// All rows have come: gives this table's keys to those that follow, before the rules over all rows run.
    pub fn lend_keys(&mut self, keys: &mut Keys) -> Result<(), CheckError> {
        self.close_own_keys()?;
        self.referenced.lend(&self.contract.table, keys);
        Ok(())
    }

    /// Runs the rules over all rows and gives the rows that waited to `sink`; one outcome per rule, in the order of the
    /// contract. Adds this table's keys to `keys`.
    pub fn finish<E: From<CheckError>>(mut self, keys: &mut Keys, sink: Sink<'_, E>) -> Result<Vec<Outcome>, E> {
        self.close_own_keys()?;
        self.row_rules.forget_keys(&mut self.account);
        let verdict = self.check_all_rows()?;
        self.release_waiting(&verdict, sink)?;
        sink(Checked { decided: self.gate.finish(), ..Checked::default() })?;
        drop(self.account);
        let (table, counts) = (self.contract.table.clone(), self.counts);
        self.referenced.lend(&table, keys);
        let mut outcomes = self.row_rules.outcomes(&table, counts.came);
        outcomes.extend(self.sql_rules.outcomes(&table, counts));
        outcomes.extend(self.number_rules.outcomes(&table, counts.came));
        outcomes.extend(self.losses.outcomes(&self.contract, &self.context.siblings.trips));
        Ok(outcomes)
    }

    /// Remembers which route and service a trip is of, for the tables that name only the trip: they need it until the run
    /// ends.
    fn remember_trips(&self, rows: &RecordBatch) -> Result<(), CheckError> {
        if self.contract.table == "trips" && self.contract.gtfs_file.is_some() {
            let bytes = self.context.siblings.trips.push(&self.contract, rows);
            self.account.until_the_run_ends(bytes)?;
        }
        Ok(())
    }

    /// Lets rows wait that passed the rules of single rows, which say this of them.
    fn wait(&mut self, passed: RecordBatch, first: usize, verdict: &Verdict) -> Result<(), CheckError> {
        if self.sql_rules.return_numbers() {
            self.gate.remember_releases(&passed, first);
        }
        self.referenced.keep(&passed, &self.account)?;
        self.verdict.add(verdict, first, &mut self.account)?;
        let stored = self.waiting.as_mut().map_or(Ok(()), |waiting| waiting.push(passed));
        stored.map_err(|error| CheckError::Spill { table: self.contract.table.clone(), error })
    }

    fn close_own_keys(&mut self) -> Result<(), CheckError> {
        Ok(self.row_rules.close_own_keys(&self.referenced, &mut self.verdict, &mut self.account)?)
    }

    /// What all rules say of the rows that passed those of single rows.
    fn check_all_rows(&mut self) -> Result<TableVerdict, CheckError> {
        let mut verdict = std::mem::take(&mut self.verdict);
        let checked = self.sql_rules.check_all_rows(&mut WholeTable {
            gate: &self.gate,
            verdict: &mut verdict,
            account: &mut self.account,
            published: self.number_rules.published_times(),
            rows: self.counts.passed,
        });
        match checked {
            Ok(()) => Ok(verdict),
            Err(QueryError::Budget(exceeded)) => Err(exceeded.into()),
            Err(QueryError::Arrow(error)) => Err(self.error(&error)),
        }
    }

    /// Gives the rows that waited to `sink`.
    fn release_waiting<E: From<CheckError>>(&mut self, verdict: &TableVerdict, sink: Sink<'_, E>) -> Result<(), E> {
        let Some(waiting) = self.waiting.take() else { return Ok(()) };
        // What is held back late takes its keys with it.
        let rebuilds_keys = verdict.holds_rows() && !self.referenced.is_empty();
        if rebuilds_keys {
            self.referenced.start_again();
        }
        let table = self.contract.table.clone();
        let failed = |error| CheckError::Spill { table: table.clone(), error };
        let mut first = 0;
        for rows in waiting.take().map_err(failed)? {
            let rows = rows.map_err(failed)?;
            let until = first + rows.num_rows();
            let verdict = verdict.of_batch(first..until);
            self.count_nulled(&rows, &verdict);
            let (passed, held) = self.split(rows, verdict)?;
            first = until;
            self.measure(&passed)?;
            if rebuilds_keys {
                self.referenced.keep(&passed, &self.account).map_err(CheckError::from)?;
            }
            let passed = (passed.num_rows() > 0).then_some(passed).into_iter().collect();
            sink(Checked { passed, quarantined: held.into_iter().collect(), ..Checked::default() })?;
        }
        Ok(())
    }

    /// Counts the cells that rules over rows null.
    fn count_nulled(&mut self, rows: &RecordBatch, verdict: &Verdict) {
        for (column, nulled) in &verdict.nulled {
            self.losses.nulls(*column, rows.column(*column), nulled, false);
        }
    }

    /// Counts rows that passed, as they are published.
    fn measure(&mut self, passed: &RecordBatch) -> Result<(), CheckError> {
        self.account.grow(self.losses.published(passed))?;
        self.number_rules.push(passed, &mut self.account).map_err(|error| match error {
            MeasureError::Budget(exceeded) => exceeded.into(),
            MeasureError::Arrow(error) => self.error(&error),
        })
    }

    /// Nulls cells, and parts the rows that pass from those that are held back.
    fn split(&mut self, rows: RecordBatch, verdict: Verdict) -> Result<(RecordBatch, Option<Quarantined>), CheckError> {
        let (passed, quarantined) = self.gate.split(rows, verdict).map_err(|error| self.error(&error))?;
        if let Some(quarantined) = &quarantined {
            self.account.grow(self.losses.held(&quarantined.rows))?;
        }
        Ok((passed, quarantined))
    }

    fn error(&self, problem: &dyn std::fmt::Display) -> CheckError {
        CheckError::Table { table: self.contract.table.clone(), problem: problem.to_string() }
    }
}

#[cfg(test)]
#[cfg(feature = "sql")]
mod tests {
    use arrow_array::{ArrayRef, StringArray};

    use super::*;
    use crate::check::testing::{chunk, context, contract, many_rows, run_with, same_rules, with_views};
    use crate::check::{RuleResult, timetable};

    #[test]
    fn rows_are_not_held_beyond_the_budget() {
        let rule = "    quality:\n      - {name: x, type: custom, engine: fahrtenbuch, implementation: 'SELECT MAX(_index) AS _index FROM \
                    stops GROUP BY id'}\n";
        let contract = contract(rule);
        let origins = [Origin { name: "x".into(), captured_at: jiff::Timestamp::UNIX_EPOCH }];
        let mut check =
            TableCheck::new(contract.clone(), origins.into(), &[], Arc::new(context()), Budget::new(10)).unwrap();
        let error = check.push(chunk(&contract, &[(Some("a"), None, None, None, None)]), &Keys::default()).unwrap_err();
        assert!(error.to_string().contains("limits: memory"), "{error}");
    }

    /// The same rules over single rows, over all rows, and over all rows of a kind.

    #[test]
    fn rows_that_wait_are_spooled_where_the_run_may_hold_little() {
        let folder = tempfile::tempdir().unwrap();
        let contract = &same_rules()[1];
        let in_memory = run_with(contract, many_rows(contract, 5000, 500), context(), &Budget::new(1 << 26));
        let spooling = RuleContext { spool: folder.path().join("spool"), ..context() };
        let spooled = run_with(contract, many_rows(contract, 5000, 500), spooling, &Budget::new(1 << 20));
        assert!(folder.path().join("spool").exists());
        assert_eq!(spooled.passed, in_memory.passed);
        assert_eq!(spooled.passed_rows, in_memory.passed_rows);
        assert_eq!(spooled.held, in_memory.held);
    }

    #[test]
    fn without_rows_no_rule_passes_and_those_about_what_is_missing_fail() {
        let contract = with_views(
            "    customProperties:
      - property: views
        value:
          - {name: kinds, query: 'SELECT kind, COUNT(*) AS rows FROM stops GROUP BY kind'}
    quality:
      - {metric: rowCount, mustBeGreaterThan: 0}
      - {metric: rowCount, name: none, mustBe: 0}
      - {metric: duplicateValues, arguments: {properties: [kind]}, mustBe: 0}
      - {name: south, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM stops WHERE lat < 0}
      - {name: all, type: custom, engine: fahrtenbuch, implementation: SELECT MIN(_index) AS _index FROM stops GROUP BY kind HAVING COUNT(*) > 1}
      - {name: some, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM stops WHERE kind = 1, customProperties: [{property: mustBeGreaterThan, value: 2}]}
      - {name: bad_kinds, type: sql, query: SELECT COUNT(*) FROM stops WHERE kind > 1, mustBe: 0}
      - {name: kinds_of_view, type: sql, query: SELECT COUNT(*) FROM kinds, mustBe: 0}
      - {name: rows_by_sql, type: sql, query: SELECT COUNT(*) FROM stops, mustBeGreaterThan: 0}
      - {name: unused, type: sql, query: 'SELECT COUNT(*) FROM timetable_stops AS t ANTI JOIN stops AS s ON t.stop_id = s.id', mustBe: 0}
      - {name: share, type: sql, query: 'SELECT CAST(COUNT(kind) AS DOUBLE) / COUNT(*) FROM stops', mustBeGreaterThan: 0.5}
",
        );
        let timetable = || {
            let stops: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
            let tables = [("stops".to_owned(), RecordBatch::try_from_iter([("stop_id", stops)]).unwrap())].into();
            let mut context = context();
            context.timetable = Ok(Arc::new(timetable::Timetable::of(tables, context.date).unwrap()));
            context
        };
        let failing = ["stops.rowCount", "stops.some", "stops.rows_by_sql", "stops.unused"];
        let empty = vec![chunk(&contract, &[])];
        // A row that is held back leaves nothing for the rules over all rows.
        let held = vec![chunk(&contract, &[(None, Some(1), None, None, None)])];
        for (chunks, came) in [(vec![], 0), (empty, 0), (held, 1)] {
            let done = run_with(&contract, chunks, timetable(), &Budget::new(1 << 20));
            for outcome in &done.outcomes {
                let id = outcome.rule.0.as_str();
                let is_of_single_rows = came == 1 && !["all", "south", "share"].iter().any(|name| id.ends_with(name));
                match (outcome.result, id) {
                    (RuleResult::Failed, _) if failing.contains(&id) => {}
                    (RuleResult::Passed, "stops.none") => {}
                    (RuleResult::Skipped, _) => assert_eq!((outcome.checked, outcome.blocks()), (0, false), "{id}"),
                    (RuleResult::Passed | RuleResult::Failed, _) if is_of_single_rows => {}
                    _ => panic!("{outcome:?}"),
                }
                assert!(!failing.contains(&id) || outcome.result == RuleResult::Failed, "{outcome:?}");
            }
        }
    }
}
