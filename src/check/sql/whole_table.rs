//! Queries over all rows of a table: first those that flag some, then those that return a number, over what passed.
//!
//! Of a large table a query is run part by part where its rule says which rows belong together, and gets only the columns that
//! it needs. What a query takes while it runs is booked on the run's budget.

use std::collections::BTreeMap;
use std::time::Instant;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

use crate::check::gate::RowGate;
use crate::check::memory::Booked;
use crate::check::outcome::SAMPLES;
use crate::check::projection::Projected;
use crate::check::sql::rules::{Scope, SqlRules};
use crate::check::sql::{Extent, NO_NUMBER, NoResult, needs, views_in_parts, whole_views};
use crate::check::verdict::TableVerdict;
use crate::contract::OnFail;
use crate::contract::query::Query;
use crate::contract::times::PublishedTimes;
use crate::table::{BudgetExceeded, ORIGIN, ORIGIN_ROW};

/// Below so many bytes a query is not booked.
const SMALL_QUERY: usize = 1 << 20;

/// Why queries over all rows could not be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueryError {
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
}

/// What the rules over all rows work on.
pub(in crate::check) struct WholeTable<'a> {
    pub gate: &'a RowGate,
    /// What the rules say of the rows; sorted when all have spoken.
    pub verdict: &'a mut TableVerdict,
    pub account: &'a mut Booked,
    /// How instants are published, where that differs.
    pub published: Option<&'a PublishedTimes>,
    /// Rows that passed the rules of single rows.
    pub rows: u64,
}

impl SqlRules {
    /// Runs the queries that need all rows. Call it once, when all have come.
    pub(in crate::check) fn check_all_rows(&mut self, table: &mut WholeTable<'_>) -> Result<(), QueryError> {
        // Those over single rows have run; a table may have no others.
        for place in self.of_scope(Scope::SingleRows) {
            self.compare_rows(place, table.rows);
        }
        let Some(projection) = self.take_projection() else {
            table.verdict.sort();
            return Ok(());
        };
        let projected = projection.finish();
        let mut flagged = self.query_rows(&projected, table.account)?;
        for place in self.of_scope(Scope::AllRows) {
            let found = &self.rules[place].rule.found;
            if found.broken.is_none() && found.skipped.is_none() {
                self.flag_rows(place, flagged.remove(&place).unwrap_or_default(), &projected, table)?;
            }
        }
        table.verdict.sort();
        self.query_numbers(projected, table)
    }

    /// A rule over all rows flags some.
    fn flag_rows(
        &mut self,
        place: usize,
        mut rows: Vec<usize>,
        projected: &Projected,
        table: &mut WholeTable<'_>,
    ) -> Result<(), QueryError> {
        // Several parts may flag a row of a view over the table as a whole.
        rows.sort_unstable();
        rows.dedup();
        self.rules[place].rule.found.rows = rows.len() as u64;
        self.compare_rows(place, projected.rows() as u64);
        let rule = &mut self.rules[place];
        for &row in rows.iter().take(SAMPLES) {
            let origin = projected.some(&[row as u32], |column| column == ORIGIN || column == ORIGIN_ROW)?;
            rule.rule.found.samples.push(table.gate.describer.sample(&origin, 0, None, None));
        }
        // Within its limit a rule leaves the rows alone.
        if rule.rule.found.holds == Some(true) {
            return Ok(());
        }
        match rule.rule.spec.on_fail {
            OnFail::Quarantine => table.verdict.hold(rule.rule.place, rows.into_iter(), table.account)?,
            OnFail::Invalidate => {
                for &column in &self.contract.rules[rule.query].invalidates {
                    table.verdict.null(column, rows.iter().copied(), table.account)?;
                }
            }
            OnFail::Report | OnFail::Block => {}
        }
        Ok(())
    }

    /// Compares the rows that a rule flagged with its limit, if it has one.
    fn compare_rows(&mut self, place: usize, all: u64) {
        let rule = &mut self.rules[place];
        let Some(limit) = self.contract.rules[rule.query].limit else { return };
        let found = &mut rule.rule.found;
        found.value = limit.needs_history().then_some(found.rows as f64);
        found.compare(limit, found.rows as f64, all, self.context.earlier(&rule.rule.spec.id));
    }

    /// Runs the queries that flag rows, part by part where the rules allow it; the rows by place in `self.rules`. Rules that
    /// look at the same parts run together, so that they share views.
    fn query_rows(
        &mut self,
        projected: &Projected,
        account: &Booked,
    ) -> Result<BTreeMap<usize, Vec<usize>>, QueryError> {
        let contract = self.contract.clone();
        let mut flagged: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let groups = self.groups(projected);
        let queries = |in_parts: bool| -> Vec<&Query> {
            let groups = groups.iter().filter(|(per, _)| per.is_empty() != in_parts);
            let rules = groups.flat_map(|(_, rules)| rules);
            rules.map(|&place| &contract.rules[self.rules[place].query].query).collect()
        };
        let (whole, in_parts) = (queries(false), queries(true));
        self.run_views(projected, &whole, &in_parts, account)?;
        for (per, rules) in groups {
            let extent = if per.is_empty() || !projected.is_large() { Extent::Whole } else { Extent::Part };
            let parts = match extent {
                Extent::Whole => vec![None],
                Extent::Part => projected.parts(&contract.names(&per))?.into_iter().map(Some).collect(),
            };
            for part in parts {
                self.query_part(&rules, projected, (part.as_deref(), extent), (account, &mut flagged))?;
            }
        }
        Ok(flagged)
    }

    /// The rules that flag rows by the columns whose equal values belong together.
    fn groups(&self, projected: &Projected) -> Vec<(Vec<usize>, Vec<usize>)> {
        let mut groups: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
        for place in self.of_scope(Scope::AllRows) {
            groups.entry(self.contract.rules[self.rules[place].query].per.clone()).or_default().push(place);
        }
        // Of a large table that cannot be looked at in parts each rule gets only its own columns.
        let groups = groups.into_iter().flat_map(|(per, rules)| match per.is_empty() && projected.is_large() {
            true => rules.into_iter().map(|rule| (Vec::new(), vec![rule])).collect(),
            false => vec![(per, rules)],
        });
        groups.collect()
    }

    /// Runs some rules over a part of the table, or all of it.
    fn query_part(
        &mut self,
        rules: &[usize],
        projected: &Projected,
        (part, extent): (Option<&[u32]>, Extent),
        (account, flagged): (&Booked, &mut BTreeMap<usize, Vec<usize>>),
    ) -> Result<(), QueryError> {
        let contract = self.contract.clone();
        let queries: Vec<&Query> = rules.iter().map(|&place| &contract.rules[self.rules[place].query].query).collect();
        let (rows, _booked) = self.rows_for(&queries, projected, (part, extent), account)?;
        let mut runner = self.runner.over(&rows, extent);
        for (&place, query) in rules.iter().zip(queries) {
            let begin = Instant::now();
            let found = match &mut runner {
                Ok(runner) => runner.offending(query, projected.rows()),
                Err(why) => Err(why.clone()),
            };
            let rule = &mut self.rules[place].rule;
            tracing::debug!(rule = %rule.spec.id, seconds = begin.elapsed().as_secs_f64(), "asked");
            match found {
                Ok(found) => flagged.entry(place).or_default().extend(found),
                Err(why) => rule.found.no_result(why),
            }
        }
        Ok(())
    }

    /// Runs those views of a large table that would run again and again, or over more rows at a time than need be.
    fn run_views(
        &mut self,
        projected: &Projected,
        whole: &[&Query],
        in_parts: &[&Query],
        account: &Booked,
    ) -> Result<(), QueryError> {
        self.runner.forget_views();
        if !projected.is_large() {
            return Ok(());
        }
        let contract = self.contract.clone();
        let whole_views = whole_views(&contract, in_parts);
        let readers: Vec<&Query> = whole.iter().copied().chain(whole_views.iter().map(|view| &view.query)).collect();
        for (per, views) in views_in_parts(&contract, &readers) {
            let queries: Vec<&Query> = views.iter().map(|view| &view.query).collect();
            let parts = projected.parts(&contract.names(per))?;
            let needed = |column: &str| queries.iter().any(|query| needs(&contract, query, column));
            let most = parts.iter().map(Vec::len).max().unwrap_or(0);
            let _booked = book_query(account, projected, most, needed)?;
            self.runner.join_views(&views, parts.iter().map(|part| projected.some(part, needed)))?;
        }
        for view in whole_views {
            let (rows, _booked) = self.rows_for(&[&view.query], projected, (None, Extent::Whole), account)?;
            self.runner.keep_whole_view(view, &rows);
        }
        Ok(())
    }

    /// The columns that queries need of some rows, or of all.
    fn rows_for(
        &self,
        queries: &[&Query],
        projected: &Projected,
        (part, extent): (Option<&[u32]>, Extent),
        account: &Booked,
    ) -> Result<(RecordBatch, Booked), QueryError> {
        let needed = |column: &str| queries.iter().any(|query| self.runner.needs(query, column, extent));
        let are_read = queries.iter().any(|query| self.runner.reads_rows(query, extent));
        let part = part.or((!are_read).then_some(&[]));
        let booked = book_query(account, projected, part.map_or(projected.seen(), <[u32]>::len), needed)?;
        let rows = match part {
            Some(part) => projected.some(part, needed),
            None => projected.all(needed),
        };
        Ok((rows?, booked))
    }

    /// Runs the queries that return a number, over what passed.
    fn query_numbers(&mut self, mut projected: Projected, table: &mut WholeTable<'_>) -> Result<(), QueryError> {
        let places = self.of_scope(Scope::Number);
        if places.is_empty() {
            return Ok(());
        }
        let contract = self.contract.clone();
        let nulled = table.verdict.nulled.iter();
        let nulled = nulled.map(|(&column, rows)| (contract.columns[column].name.as_str(), rows.as_slice()));
        projected.hide(|row| table.gate.is_held(row, table.verdict), nulled);
        projected.publish(table.published.cloned());
        self.runner.hide_private();
        let queries: Vec<&Query> = places.iter().map(|&place| &contract.rules[self.rules[place].query].query).collect();
        self.run_views(&projected, &queries, &[], table.account)?;
        // One after the other, each with its own columns: of a large table these take the most.
        for (place, query) in places.into_iter().zip(queries) {
            self.query_number(place, query, &projected, table.account)?;
        }
        Ok(())
    }

    fn query_number(
        &mut self,
        place: usize,
        query: &Query,
        projected: &Projected,
        account: &Booked,
    ) -> Result<(), QueryError> {
        let begin = Instant::now();
        let (rows, _booked) = self.rows_for(&[query], projected, (None, Extent::Whole), account)?;
        let number = self.runner.over(&rows, Extent::Whole).and_then(|mut queries| queries.number(query));
        let rule = &mut self.rules[place];
        tracing::debug!(rule = %rule.rule.spec.id, seconds = begin.elapsed().as_secs_f64(), "asked");
        let seen = projected.seen() as u64;
        let number = number.and_then(|number| match number {
            None if seen == 0 => Err(NoResult::Skipped("there are no rows".to_owned())),
            None => Err(NoResult::Skipped(NO_NUMBER.to_owned())),
            Some(number) => Ok(number),
        });
        let found = &mut rule.rule.found;
        match (number, self.contract.rules[rule.query].limit) {
            (Ok(value), Some(limit)) => {
                found.value = Some(value);
                found.compare(limit, value, seen, self.context.earlier(&rule.rule.spec.id));
                found.rows = u64::from(found.holds == Some(false));
                found.checked = Some(seen);
            }
            (Ok(_), None) => {}
            (Err(why), _) => found.no_result(why),
        }
        Ok(())
    }
}

/// Books what a query over so many rows takes. A small table is let through: what it takes has room beside the limit.
fn book_query(
    account: &Booked,
    projected: &Projected,
    rows: usize,
    needed: impl Fn(&str) -> bool,
) -> Result<Booked, BudgetExceeded> {
    let bytes = projected.query_bytes(rows, needed);
    account.another(if bytes < SMALL_QUERY { 0 } else { bytes })
}

#[cfg(test)]
#[cfg(feature = "sql")]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use arrow_array::{ArrayRef, StringArray};

    use super::*;
    use crate::check::context::{RuleContext, Siblings};
    use crate::check::projection::PART;
    use crate::check::testing::{Row, Run, chunk, context, contract, many_rows, run, run_with, same_rules, with_views};
    use crate::check::{RuleResult, timetable};
    use crate::contract::{Contract, RuleId, odcs};
    use crate::table::Budget;

    #[test]
    fn a_rule_names_the_same_rows_whether_it_is_asked_of_single_rows_of_all_or_of_parts() {
        let mut before: Option<Run> = None;
        for contract in same_rules() {
            let found = run_with(&contract, many_rows(&contract, 1000, 64), context(), &Budget::new(1 << 22));
            assert_eq!((found.outcome("stops.south").rows, found.held.len()), (257, 257));
            assert!(found.outcome("stops.kinds").rows == 1, "{:?}", found.outcome("stops.kinds"));
            if let Some(before) = &before {
                assert_eq!(found.passed, before.passed);
                assert_eq!(found.held, before.held);
                assert_eq!(found.outcomes, before.outcomes);
                let all = |run: &Run| {
                    arrow_select::concat::concat_batches(&contract.chunk_schema(), &run.passed_rows).unwrap()
                };
                assert_eq!(all(&found), all(before));
            }
            before = Some(found);
        }
    }

    #[test]
    fn a_table_of_several_parts_gives_what_one_part_gives() {
        let rows = PART as i32 * 2;
        let [_, whole, parts] = same_rules();
        let run = |contract| run_with(contract, many_rows(contract, rows, 1 << 17), context(), &Budget::new(1 << 30));
        let (whole, parts) = (run(&whole), run(&parts));
        assert_eq!(whole.outcomes, parts.outcomes);
        assert_eq!(whole.passed, parts.passed);
        assert!(whole.outcome("stops.odd").rows > 100_000);
    }

    /// The contract with what stands at the head of its table.

    #[test]
    fn a_rule_within_its_limit_leaves_its_rows_alone_and_a_query_may_return_a_number() {
        let with = |limit: &str| {
            contract(&format!(
                "    quality:
      - name: lat_known
        type: custom
        engine: fahrtenbuch
        implementation: SELECT _index FROM stops WHERE lat IS NULL
        {limit}, {{property: onFail, value: quarantine}}]
      - {{name: mean, type: sql, query: 'SELECT AVG(kind) FROM {{object}}', mustBeLessThan: 0.6}}
      - {{name: nothing, type: sql, query: 'SELECT AVG(kind) FROM stops WHERE id IS NULL', mustBe: 0}}
      - {{name: no_group, type: sql, query: 'SELECT COUNT(*) FROM stops WHERE id IS NULL GROUP BY kind', mustBe: 0}}
      - {{name: nan, type: sql, query: 'SELECT 1.0 * COUNT(kind) / SUM(CASE WHEN id IS NULL THEN 1 ELSE 0 END) FROM stops', mustBe: 0}}
      - {{name: nan_of_nan, type: sql, query: 'SELECT 1.0 * COUNT(DISTINCT CASE WHEN id IS NULL THEN kind END) / SUM(CASE WHEN id IS NULL THEN 1 ELSE 0 END) FROM stops', mustBe: 0}}
"
            ))
        };
        let rows = |contract: &Contract| {
            let lat = |id, kind, lat| (Some(id), Some(kind), lat, None, None);
            vec![chunk(
                contract,
                &[lat("a", 0, Some(1.0)), lat("b", 1, None), lat("c", 1, Some(2.0)), lat("d", 0, Some(3.0))],
            )]
        };
        let lenient = with("unit: percent\n        customProperties: [{property: mustBeLessOrEqualTo, value: 25}");
        let done = run(&lenient, rows(&lenient));
        let rule = done.outcome("stops.lat_known");
        assert_eq!((done.held.len(), rule.rows, rule.result), (0, 1, RuleResult::Passed));
        assert!(rule.message.contains("25 %, must be at most 25 %"), "{}", rule.message);
        assert_eq!(done.outcome("stops.mean").result, RuleResult::Passed);
        // Null, no row, n/0 and 0/0.
        for name in ["nothing", "no_group", "nan", "nan_of_nan"] {
            let nothing = done.outcome(&format!("stops.{name}"));
            assert_eq!((nothing.result, nothing.blocks()), (RuleResult::Skipped, false), "{nothing:?}");
            assert_eq!(nothing.message, NO_NUMBER);
        }
        let strict = with("customProperties: [{property: mustBe, value: 0}");
        let done = run(&strict, rows(&strict));
        assert_eq!((done.held.len(), done.outcome("stops.lat_known").result), (1, RuleResult::Failed));
        // Of the rows that pass: without the one that is held back it is a third.
        assert!(done.outcome("stops.mean").message.contains("0.3333"), "{}", done.outcome("stops.mean").message);
    }

    #[test]
    fn a_rule_about_a_table_that_the_run_does_not_make_is_skipped() {
        let contract = contract(
            "    quality:
      - {name: used, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM stops WHERE id NOT IN (SELECT stop_id FROM visits)}
      - {name: visited, type: sql, query: SELECT COUNT(*) FROM visits, mustBeGreaterThan: 0}
      - {name: typo, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM stops WHERE id NOT IN (SELECT stop_id FROM visit)}
",
        );
        let siblings = Siblings::default().leaving_out(["visits".to_owned()].into_iter());
        let context = RuleContext { siblings, ..context() };
        let rows = vec![chunk(&contract, &[(Some("a"), None, None, None, None)])];
        let done = run_with(&contract, rows, context, &Budget::new(1 << 20));
        for id in ["stops.used", "stops.visited"] {
            let outcome = done.outcome(id);
            assert_eq!((outcome.result, outcome.blocks()), (RuleResult::Skipped, false), "{outcome:?}");
            assert!(outcome.message.starts_with("the table 'visits' is not released"), "{outcome:?}");
        }
        assert_eq!(done.outcome("stops.typo").result, RuleResult::Error);
    }

    #[test]
    fn a_view_of_parts_of_a_large_table_is_joined_for_the_rules_over_all_of_it() {
        let contract = with_views(
            "    customProperties:
      - property: views
        value:
          - {name: kinds, per: [kind], query: 'SELECT kind, COUNT(*) AS rows, MIN(_index) AS first FROM stops GROUP BY kind'}
          - {name: most, query: SELECT MAX(rows) AS most FROM kinds}
    quality:
      - {name: rare, type: custom, engine: fahrtenbuch, implementation: SELECT first AS _index FROM kinds WHERE kind = 3}
      - {name: common, type: custom, engine: fahrtenbuch, implementation: 'SELECT _index FROM stops CROSS JOIN most WHERE most > 10 AND _index < 3', customProperties: [{property: per, value: [id]}]}
      - {name: gone, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM (SELECT * FROM stops) stops WHERE kind = 1, customProperties: [{property: onFail, value: quarantine}]}
      - {name: number, type: custom, engine: fahrtenbuch, implementation: SELECT COUNT(kind) FROM kinds, customProperties: [{property: returns, value: number}, {property: mustBe, value: 3}]}
      - {name: all_rows, type: custom, engine: fahrtenbuch, implementation: SELECT SUM(rows) FROM kinds, customProperties: [{property: returns, value: number}, {property: mustBeGreaterThan, value: 0}]}
",
        );
        for rows in [1000, PART as i32 * 2] {
            let done = run_with(&contract, many_rows(&contract, rows, 1 << 16), context(), &Budget::new(1 << 30));
            let told = |id: &str| (done.outcome(id).result, done.outcome(id).rows, done.outcome(id).value);
            assert_eq!(told("stops.rare"), (RuleResult::Failed, 1, None), "{:?}", done.outcome("stops.rare"));
            assert_eq!(done.outcome("stops.rare").samples[0].row, 5);
            assert_eq!(told("stops.common").1, 3, "{:?}", done.outcome("stops.common"));
            // Numbers are asked over what passed: a kind and its rows are gone, also from the views.
            assert_eq!(told("stops.number"), (RuleResult::Passed, 0, Some(3.0)), "{:?}", done.outcome("stops.number"));
            let gone = done.held.len();
            assert!(gone > 100);
            assert_eq!(told("stops.all_rows").2, Some(f64::from(rows) - gone as f64));
        }
    }

    #[test]
    fn views_are_shared_and_rules_compare_with_earlier_partitions() {
        let contract = with_views(
            "    customProperties:
      - property: views
        value:
          - {name: steps, query: 'SELECT _index, kind, LAG(kind) OVER (ORDER BY id) AS before FROM stops'}
          - {name: falls, query: 'SELECT _index, before - kind AS fall FROM steps WHERE kind < before'}
    quality:
      - {name: falls_little, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM falls WHERE fall > 1}
      - {name: few_falls, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM falls, unit: percentOfMedian, mustBeLessThan: 150}
      - {metric: rowCount, unit: percentOfMedian, mustBeGreaterThan: 50}
      - {name: mean, type: sql, query: SELECT AVG(kind) FROM stops, unit: percentOfMedian, mustBeLessThan: 90, customProperties: [{property: partitions, value: 1}]}
",
        );
        let rows = |kinds: [i32; 4]| {
            let ids = ["a", "b", "c", "d"];
            let rows: Vec<Row<'_>> =
                ids.iter().zip(kinds).map(|(id, k)| (Some(*id), Some(k), None, None, None)).collect();
            vec![chunk(&contract, &rows)]
        };
        let first = run(&contract, rows([1, 0, 1, 0]));
        let told = |run: &Run, id: &str| (run.outcome(id).result, run.outcome(id).rows, run.outcome(id).value);
        assert_eq!(told(&first, "stops.falls_little"), (RuleResult::Passed, 0, None));
        assert_eq!(told(&first, "stops.few_falls"), (RuleResult::Skipped, 2, Some(2.0)));
        assert_eq!(told(&first, "stops.rowCount"), (RuleResult::Skipped, 4, Some(4.0)));
        assert_eq!(
            first.outcome("stops.rowCount").message,
            "there is no earlier partition to compare with, or none of such a day"
        );
        let mut later = context();
        for (rule, values) in
            [("few_falls", vec![1.0, 2.0, 1.0]), ("rowCount", vec![4.0, 8.0, 9.0]), ("mean", vec![9.0, 0.5])]
        {
            later.history.insert(RuleId(format!("stops.{rule}")), values);
        }
        let later = run_with(&contract, rows([1, 0, 1, 0]), later, &Budget::new(1 << 20));
        assert_eq!(told(&later, "stops.few_falls"), (RuleResult::Failed, 2, Some(2.0)));
        assert_eq!(told(&later, "stops.rowCount"), (RuleResult::Failed, 4, Some(4.0)));
        assert!(
            later
                .outcome("stops.rowCount")
                .message
                .contains("50 % of 8, the median of 3 partitions before, must be greater than 50 %")
        );
        // The median of one partition is that partition: 0.5 is 100 percent of 0.5.
        assert_eq!(told(&later, "stops.mean"), (RuleResult::Failed, 1, Some(0.5)));
    }

    #[test]
    fn a_rule_sees_the_other_tables_the_timetable_and_the_partition_before() {
        let contract = contract(
            "    quality:
      - {name: known, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM stops WHERE id NOT IN (SELECT stop_id FROM timetable_stops)}
      - {name: there_before, type: custom, engine: fahrtenbuch, implementation: SELECT stops._index FROM stops ANTI JOIN previous ON stops.id = previous.id}
      - {name: used, type: custom, engine: fahrtenbuch, implementation: SELECT _index FROM stops WHERE id NOT IN (SELECT stop_id FROM visits)}
",
        );
        let rows =
            || vec![chunk(&contract, &[(Some("a"), None, None, None, None), (Some("b"), None, None, None, None)])];
        let found = run(&contract, rows());
        let result = |run: &Run, id: &str| (run.outcome(id).result, run.outcome(id).rows);
        assert_eq!(result(&found, "stops.known"), (RuleResult::Error, 0));
        assert_eq!(result(&found, "stops.there_before"), (RuleResult::Skipped, 0));
        assert_eq!(result(&found, "stops.used"), (RuleResult::Error, 0));
        let text = |column: &str, id: &str| -> RecordBatch {
            RecordBatch::try_from_iter([(column, Arc::new(StringArray::from(vec![id])) as ArrayRef)]).unwrap()
        };
        let visits = "apiVersion: v3.1.0\nkind: DataContract\nid: v\nversion: '1'\nstatus: active\nschema:\n  - name: visits\n    \
                      properties:\n      - {name: stop_id, logicalType: string}\n";
        let visits = Arc::new(odcs::contract(Path::new("visits.odcs.yaml"), visits).unwrap());
        let absent = Siblings::of([&contract, &visits].into_iter());
        let absent = RuleContext { siblings: absent, ..context() };
        let found = run_with(&contract, rows(), absent, &Budget::new(1 << 20));
        assert_eq!(result(&found, "stops.used"), (RuleResult::Failed, 2));
        let mut context = context();
        let tables = [("stops".to_owned(), text("stop_id", "a"))].into();
        context.timetable = Ok(Arc::new(timetable::Timetable::of(tables, context.date).unwrap()));
        context.previous.insert("stops".into(), text("id", "b"));
        context.siblings = Siblings::of([&contract, &visits].into_iter());
        context.siblings.push("visits", &text("stop_id", "a"));
        let found = run_with(&contract, rows(), context, &Budget::new(1 << 20));
        for (rule, row) in [("known", 3), ("there_before", 2), ("used", 3)] {
            let outcome = found.outcome(&format!("stops.{rule}"));
            assert_eq!((outcome.result, outcome.samples[0].row), (RuleResult::Failed, row), "{outcome:?}");
        }
    }
}
