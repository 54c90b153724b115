//! The rules of a table that are queries, and those of them that look at single rows.

use std::sync::Arc;
use std::time::Instant;

use arrow_array::RecordBatch;

use crate::check::context::RuleContext;
use crate::check::gate::{Flag, RowGate};
use crate::check::outcome::{Outcome, RowCounts, TableRule};
use crate::check::projection::Projection;
use crate::check::rules::RuleKind;
use crate::check::sql::rows::offending_nulls;
use crate::check::sql::{Extent, NoResult, QueryRunner, indexed, needs, reads_others};
use crate::check::verdict::Verdict;
use crate::contract::{Contract, OnFail, Rule};
use crate::table::{Budget, BudgetExceeded, ORIGIN, ORIGIN_ROW};

/// The SQL rules of a table. Those over single rows run on each batch of rows that passed the rules without a query, the
/// others when all rows have come, over the columns that were kept of them.
pub(crate) struct SqlRules {
    pub(super) contract: Arc<Contract>,
    pub(super) context: Arc<RuleContext>,
    pub(super) rules: Vec<SqlRule>,
    pub(super) runner: QueryRunner,
    /// The columns that queries over all rows need.
    projection: Option<Projection>,
}

pub(super) struct SqlRule {
    pub rule: TableRule,
    /// Its place in the contract's rules.
    pub query: usize,
    pub scope: Scope,
}

/// What a query looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// One row at a time.
    SingleRows,
    /// All rows, of which it flags some.
    AllRows,
    /// All rows that pass, to return a number.
    Number,
}

impl Scope {
    fn of(rule: &Rule) -> Self {
        match rule.is_number {
            true => Self::Number,
            false if looks_at_single_rows(rule) => Self::SingleRows,
            false => Self::AllRows,
        }
    }
}

/// Whether a rule runs on each batch: its query looks at one row at a time, and what happens to a row does not depend on how
/// many are flagged.
fn looks_at_single_rows(rule: &Rule) -> bool {
    rule.query.is_local && !rule.is_number && !(changes_rows(rule) && rule.limit.is_some())
}

fn changes_rows(rule: &Rule) -> bool {
    matches!(rule.on_fail, OnFail::Quarantine | OnFail::Invalidate)
}

/// Whether a contract has rules over all rows that may hold back some of them or null their cells.
pub(crate) fn change_rows_late(contract: &Contract) -> bool {
    contract.rules.iter().filter(|rule| !looks_at_single_rows(rule)).any(changes_rows)
}

/// The rows that a rule flags, or why there are none.
type Flagged = Result<Vec<usize>, NoResult>;

impl SqlRules {
    /// Takes the SQL rules from those of a table; gives back the others.
    pub(in crate::check) fn compile(
        rules: Vec<TableRule>,
        contract: &Arc<Contract>,
        context: &Arc<RuleContext>,
        budget: &Budget,
    ) -> (Self, Vec<TableRule>) {
        let (mut compiled, mut others) = (Vec::new(), Vec::new());
        for rule in rules {
            match rule.spec.kind {
                RuleKind::Sql { rule: query } => {
                    compiled.push(SqlRule { rule, query, scope: Scope::of(&contract.rules[query]) });
                }
                _ => others.push(rule),
            }
        }
        let runner = QueryRunner::new(contract.clone(), context.clone());
        let projection = projection(contract, budget);
        (Self { contract: contract.clone(), context: context.clone(), rules: compiled, runner, projection }, others)
    }

    /// Whether rules return numbers over what passes.
    pub(crate) fn return_numbers(&self) -> bool {
        self.rules.iter().any(|rule| rule.scope == Scope::Number)
    }

    /// Whether rules look at all rows.
    pub(crate) fn look_at_all_rows(&self) -> bool {
        self.projection.is_some()
    }

    /// Keeps of some rows what queries over all of them need.
    pub(crate) fn push(&mut self, rows: &RecordBatch) -> Result<(), BudgetExceeded> {
        self.projection.as_mut().map_or(Ok(()), |projection| projection.push(rows))
    }

    pub(super) fn take_projection(&mut self) -> Option<Projection> {
        self.projection.take()
    }

    /// The places in `self.rules` of the rules of a scope.
    pub(super) fn of_scope(&self, scope: Scope) -> Vec<usize> {
        (0..self.rules.len()).filter(|&place| self.rules[place].scope == scope).collect()
    }

    /// Runs the queries that look at one row at a time.
    pub(in crate::check) fn check_single_rows(&mut self, rows: &RecordBatch, gate: &mut RowGate) -> Verdict {
        let mut verdict = Verdict::default();
        let contract = self.contract.clone();
        let mut found: Vec<(usize, Flagged)> = Vec::new();
        // What looks only at which cells are null needs no query.
        let mut by_query = Vec::new();
        for place in self.of_scope(Scope::SingleRows) {
            let nulls = contract.rules[self.rules[place].query].query.nulls.as_ref();
            match nulls.and_then(|condition| offending_nulls(condition, rows)) {
                Some(flagged) => found.push((place, Ok(flagged))),
                None => by_query.push(place),
            }
        }
        if !by_query.is_empty() {
            found.extend(self.query_single_rows(rows, &by_query));
            found.sort_by_key(|(place, _)| *place);
        }
        for (place, flagged) in found {
            let SqlRule { rule, query, .. } = &mut self.rules[place];
            match flagged {
                Ok(flagged) => flag_rows((rule, &contract.rules[*query]), rows, &flagged, (gate, &mut verdict)),
                Err(why) => rule.found.no_result(why),
            }
        }
        verdict
    }

    /// Runs some rules on a batch.
    fn query_single_rows(&mut self, rows: &RecordBatch, places: &[usize]) -> Vec<(usize, Flagged)> {
        let contract = self.contract.clone();
        let query = |place: usize| &contract.rules[self.rules[place].query].query;
        let needed = |column: &str| places.iter().any(|place| query(*place).needs(&contract.table, column));
        let columns: Vec<usize> =
            (0..rows.num_columns()).filter(|&column| needed(rows.schema_ref().field(column).name())).collect();
        let projected = rows.project(&columns).and_then(|rows| indexed(&rows)).map_err(NoResult::broken);
        let mut queries = projected.and_then(|projected| self.runner.over(&projected, Extent::Part));
        let mut found = Vec::new();
        for &place in places {
            let begin = Instant::now();
            let flagged = match &mut queries {
                Ok(queries) => queries.offending(query(place), rows.num_rows()),
                Err(why) => Err(why.clone()),
            };
            tracing::trace!(rule = %self.rules[place].rule.spec.id, seconds = begin.elapsed().as_secs_f64(), "asked");
            found.push((place, flagged));
        }
        found
    }

    /// What the rules came to.
    pub(in crate::check) fn outcomes(self, table: &str, counts: RowCounts) -> Vec<Outcome> {
        let contract = self.contract;
        let outcomes = self.rules.into_iter().map(|SqlRule { mut rule, query, scope }| {
            match scope {
                // A number that is made of other tables says something where this one has no rows.
                Scope::Number if reads_others(&contract, &contract.rules[query].query) => {}
                Scope::Number => {
                    let seen = rule.found.checked.unwrap_or(counts.passed);
                    rule.found.skip_without_rows(counts.came, seen);
                }
                Scope::SingleRows | Scope::AllRows => rule.found.skip_without_rows(counts.came, counts.passed),
            }
            rule.outcome(table, counts.came)
        });
        outcomes.collect()
    }
}

/// A rule over single rows flags some of a batch.
fn flag_rows(
    (table_rule, rule): (&mut TableRule, &Rule),
    rows: &RecordBatch,
    flagged: &[usize],
    (gate, verdict): (&mut RowGate, &mut Verdict),
) {
    for &row in flagged {
        gate.flag(table_rule, rows, Flag::row(row), verdict);
        if rule.on_fail == OnFail::Invalidate {
            rule.invalidates.iter().for_each(|&column| verdict.null(row, column));
        }
    }
}

/// The columns that the rules over all rows need, if there are such rules.
fn projection(contract: &Contract, budget: &Budget) -> Option<Projection> {
    let whole: Vec<&Rule> = contract.rules.iter().filter(|rule| !looks_at_single_rows(rule)).collect();
    let needed = |column: &str| {
        let origin = column == ORIGIN || column == ORIGIN_ROW;
        let per = whole.iter().any(|rule| contract.names(&rule.per).contains(&column));
        origin || per || whole.iter().any(|rule| needs(contract, &rule.query, column))
    };
    (!whole.is_empty()).then(|| Projection::new(&contract.chunk_schema(), needed, budget))
}

#[cfg(test)]
#[cfg(feature = "sql")]
mod tests {
    use crate::check::RuleResult;
    use crate::check::testing::{chunk, contract, run};

    #[test]
    fn a_rule_over_single_rows_names_the_rows_of_the_table_and_never_others() {
        let rule = |name: &str, on_fail: &str, sql: &str| {
            format!(
                "      - {{name: {name}, type: custom, engine: fahrtenbuch, implementation: \"{sql}\", \
                 customProperties: [{{property: onFail, value: {on_fail}}}]}}\n"
            )
        };
        let rules = [
            rule("far", "quarantine", "SELECT _index + 100000 AS _index FROM stops"),
            rule("before", "report", "SELECT _index - 1 AS _index FROM stops"),
            rule("absent", "report", "SELECT NULLIF(_index, 1) AS _index FROM stops"),
            rule("first", "report", "SELECT _index FROM stops WHERE _index = 0"),
            rule("odd", "report", "SELECT _index FROM stops WHERE MOD(_index, 2) = 1"),
            rule("half", "report", "SELECT MIN(_index) AS _index FROM stops GROUP BY lat"),
            rule("twice", "quarantine", "SELECT _index FROM stops WHERE id = 'c' UNION ALL SELECT _index FROM stops"),
            rule("local", "report", "SELECT _index FROM stops WHERE id > 'a'"),
        ]
        .concat();
        let contract = contract(&format!("    quality:\n{rules}"));
        let row = |id| (Some(id), None, Some(1.0), None, None);
        let chunks = [["a", "b"], ["c", "d"]].map(|ids| chunk(&contract, &ids.map(row)));
        let run = run(&contract, chunks.to_vec());
        let told = |id: &str| {
            let outcome = run.outcome(&format!("stops.{id}"));
            (outcome.result, outcome.rows, outcome.samples.iter().map(|sample| sample.row).collect::<Vec<_>>())
        };
        for id in ["far", "before", "absent"] {
            assert_eq!(told(id), (RuleResult::Error, 0, vec![]), "{id}");
        }
        assert_eq!(told("first"), (RuleResult::Failed, 1, vec![2]));
        // Each chunk counts the rows of its origin from 2.
        assert_eq!(told("odd"), (RuleResult::Failed, 2, vec![3, 3]));
        assert_eq!((told("half").1, told("local").1, told("twice").1), (1, 3, 4));
        assert_eq!(run.held.len(), 4);
        assert!(run.held.iter().all(|(_, rules)| rules == &["stops.twice"]));
    }

    #[test]
    fn sql_rules_hold_back_or_null_what_they_name_and_broken_ones_block() {
        let contract = contract(
            "    quality:
      - {name: south, type: custom, engine: fahrtenbuch, implementation: 'SELECT _index FROM stops WHERE lat < 0', severity: warning, customProperties: [{property: onFail, value: quarantine}]}
      - {name: odd, type: custom, engine: fahrtenbuch, implementation: 'SELECT _index FROM stops WHERE kind = 1', customProperties: [{property: onFail, value: invalidate}, {property: invalidates, value: [kind]}]}
      - {name: broken, type: custom, engine: fahrtenbuch, implementation: 'SELECT _index FROM stops WHERE nothing = 1'}
",
        );
        let rows = [(Some("a"), Some(1), Some(-1.0), None, None), (Some("b"), Some(1), Some(1.0), None, None)];
        let found = run(&contract, vec![chunk(&contract, &rows[..1]), chunk(&contract, &rows[1..])]);
        assert_eq!(found.held, [(Some("a".to_owned()), vec!["stops.south".to_owned()])]);
        assert_eq!(found.passed, [Some("b".to_owned())]);
        assert!(found.passed_rows[0].column(1).is_null(0));
        let broken = found.outcome("stops.broken");
        assert!(broken.result == RuleResult::Error && broken.blocks(), "{broken:?}");
    }

    #[test]
    fn a_rule_over_single_rows_keeps_its_limit_also_where_it_is_the_only_one() {
        for (most, result) in [(2, RuleResult::Passed), (1, RuleResult::Failed)] {
            let contract = contract(&format!(
                "    quality:
      - {{name: kinds, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM stops WHERE kind = 1, customProperties: [{{property: mustBeLessOrEqualTo, value: {most}}}]}}
"
            ));
            let row = |id, kind| (Some(id), Some(kind), None, None, None);
            let done =
                run(&contract, vec![chunk(&contract, &[row("a", 1), row("b", 0)]), chunk(&contract, &[row("c", 1)])]);
            let outcome = done.outcome("stops.kinds");
            assert_eq!((outcome.result, outcome.rows, done.passed.len()), (result, 2, 3), "{outcome:?}");
        }
    }
}
