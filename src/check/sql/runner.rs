//! Runs the queries of one table's rules: finds the tables and views that they read, and hides what is private.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

use crate::check::context::RuleContext;
use crate::check::sql::rows::blanked;
use crate::check::sql::views::{reads_own, reads_private};
use crate::check::sql::{Engine, NoResult, ResultShape, SqlEngine};
use crate::contract::query::{INDEX, PREVIOUS, Query, TIMETABLE};
use crate::contract::{Classification, Contract, View};

/// Runs the queries of one table's rules: [`Self::over`] some rows of it. Tables and views that do not read the table are
/// made when first asked for, and kept.
pub struct QueryRunner<E: SqlEngine = Engine> {
    contract: Arc<Contract>,
    context: Arc<RuleContext>,
    engine: E,
    /// Tables other than the own one.
    others: BTreeMap<String, E::Table>,
    /// Views that do not read the table.
    views: BTreeMap<String, E::Table>,
    /// Views over the table as a whole.
    whole: BTreeMap<String, E::Table>,
    /// Views over parts of the table, their parts one below the other.
    joined: BTreeMap<String, E::Table>,
    /// Whether queries see of private values only where there is one.
    hides_private: bool,
}

/// How much of the table some rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All rows.
    Whole,
    /// Rows of which none belongs together with one elsewhere.
    Part,
}

impl QueryRunner {
    pub fn new(contract: Arc<Contract>, context: Arc<RuleContext>) -> Self {
        let engine = Engine::new(&context);
        Self::with_engine(contract, context, engine)
    }
}

impl<E: SqlEngine> QueryRunner<E> {
    pub fn with_engine(contract: Arc<Contract>, context: Arc<RuleContext>, engine: E) -> Self {
        let (others, views, whole, joined) = Default::default();
        Self { contract, context, engine, others, views, whole, joined, hides_private: false }
    }

    /// From here on queries see of private columns only which rows have a value: all numbers are published, and none may be
    /// made from a private value, in whatever way a query comes to it. `check` refuses the ways that it knows.
    pub fn hide_private(&mut self) {
        self.hides_private = true;
        self.forget_views();
        let (contract, siblings) = (&self.contract, &self.context.siblings);
        self.others.retain(|table, _| !siblings.has_private(table));
        self.views
            .retain(|name, _| contract.view(name).is_some_and(|view| !reads_private(contract, &view.query, siblings)));
    }

    /// Runs views that say which rows belong together, part by part, for the queries over the table as a whole. One that
    /// cannot run is told by the rules that read it.
    pub fn join_views(
        &mut self,
        views: &[&View],
        parts: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    ) -> Result<(), ArrowError> {
        let mut joined: Vec<Option<E::Table>> = views.iter().map(|_| None).collect();
        let mut broken = vec![false; views.len()];
        for part in parts {
            let Ok(mut queries) = self.over(&part?, Extent::Part) else { return Ok(()) };
            for (place, view) in views.iter().enumerate() {
                if broken[place] {
                    continue;
                }
                let rows = queries.view(view).ok();
                joined[place] = match (joined[place].take(), rows) {
                    (Some(above), Some(rows)) => queries.runner.engine.stack(above, &rows),
                    (None, rows) => rows,
                    (Some(_), None) => None,
                };
                broken[place] = joined[place].is_none();
            }
        }
        for (view, rows) in views.iter().zip(joined) {
            if let Some(rows) = rows {
                self.joined.insert(view.name.clone(), rows);
            }
        }
        Ok(())
    }

    /// Runs a view over the table as a whole for the queries of parts. One that cannot run is told by the rules that read
    /// it.
    pub fn keep_whole_view(&mut self, view: &View, rows: &RecordBatch) {
        let table = self.over(rows, Extent::Whole).and_then(|mut queries| queries.view(view));
        if let Ok(table) = table {
            self.whole.insert(view.name.clone(), table);
        }
    }

    /// Forgets the views over rows, for they become others.
    pub fn forget_views(&mut self) {
        (self.whole, self.joined) = Default::default();
    }

    fn kept_view(&self, name: &str, extent: Extent) -> Option<&E::Table> {
        let joined = self.joined.get(name).filter(|_| extent == Extent::Whole);
        joined.or_else(|| self.whole.get(name)).or_else(|| self.views.get(name))
    }

    /// The views that a query reads and that have not been run.
    fn new_views<'a>(&'a self, query: &'a Query, extent: Extent) -> impl Iterator<Item = &'a View> {
        let new = query.tables.iter().filter(move |table| self.kept_view(table, extent).is_none());
        new.filter_map(|table| self.contract.view(table))
    }

    /// Whether a query reads the table other than by views that have been run.
    pub fn reads_rows(&self, query: &Query, extent: Extent) -> bool {
        query.tables.contains(&self.contract.table)
            || self.new_views(query, extent).any(|view| self.reads_rows(&view.query, extent))
    }

    /// Whether a query may need a column of the table other than by views that have been run.
    pub fn needs(&self, query: &Query, column: &str, extent: Extent) -> bool {
        query.needs(&self.contract.table, column)
            || self.new_views(query, extent).any(|view| self.needs(&view.query, column, extent))
    }

    /// The queries over some rows of the table. `rows` has the columns that the queries need, `_index` among them.
    pub fn over(&mut self, rows: &RecordBatch, extent: Extent) -> Result<Queries<'_, E>, NoResult> {
        let blanked = self.hides_private.then(|| {
            let column = |name: &str| self.contract.index_of(name).map(|place| &self.contract.columns[place]);
            blanked(rows, |name| column(name).is_some_and(|c| c.classification == Classification::Private))
        });
        let blanked = blanked.transpose().map_err(NoResult::broken)?;
        let own = self.engine.table(blanked.as_ref().unwrap_or(rows))?;
        Ok(Queries { own, views: BTreeMap::new(), runner: self, extent })
    }

    fn other(&mut self, table: &str) -> Result<E::Table, NoResult> {
        if let Some(rows) = self.others.get(table) {
            return Ok(rows.clone());
        }
        let rows = self.engine.table(&self.rows_of_other(table)?)?;
        self.others.insert(table.to_owned(), rows.clone());
        Ok(rows)
    }

    /// The rows of the timetable, of the partition before or of another table of the feed.
    fn rows_of_other(&self, table: &str) -> Result<RecordBatch, NoResult> {
        let context = &self.context;
        if let Some(name) = table.strip_prefix(TIMETABLE) {
            let timetable =
                context.timetable.as_ref().map_err(|why| NoResult::Broken(format!("no timetable: {why}")))?;
            let rows = timetable.table(name, &context.gtfs);
            return rows.ok_or_else(|| NoResult::Broken(format!("a timetable has no table '{name}'")));
        }
        if table == PREVIOUS {
            let rows = context.previous.get(&self.contract.table).cloned();
            return rows.ok_or_else(|| NoResult::Skipped("there is no earlier partition to compare with".to_owned()));
        }
        if context.siblings.leaves_out(table) {
            let why =
                format!("the table '{table}' is not released by this pipeline, so there is nothing to compare with");
            return Err(NoResult::Skipped(why));
        }
        let rows = context.siblings.rows(table);
        let rows = rows.ok_or_else(|| NoResult::Broken(format!("there is no table '{table}'")))?;
        match self.hides_private && context.siblings.has_private(table) {
            true => blanked(&rows, |name| context.siblings.is_private(table, name)).map_err(NoResult::broken),
            false => Ok(rows),
        }
    }
}

/// Queries over some rows of a table.
pub struct Queries<'a, E: SqlEngine = Engine> {
    runner: &'a mut QueryRunner<E>,
    own: E::Table,
    /// Views over these rows.
    views: BTreeMap<String, E::Table>,
    extent: Extent,
}

impl<E: SqlEngine> Queries<'_, E> {
    /// The rows that a query flags, by their `_index`, ascending, each once, of a table with so many rows. A query that
    /// fails, panics, returns no `_index`, or one that is no row of the table, is broken.
    pub fn offending(&mut self, query: &Query, rows: usize) -> Result<Vec<usize>, NoResult> {
        let result = self.execute(query)?;
        // The value is not told: a query may have made it from a private one, and what is told is published.
        let row = |row: Option<i64>| {
            let row = row.ok_or_else(|| NoResult::Broken(format!("the query returns an '{INDEX}' that is null")))?;
            usize::try_from(row)
                .ok()
                .filter(|row| *row < rows)
                .ok_or_else(|| NoResult::Broken(format!("the query returns an '{INDEX}' that is no row of the table")))
        };
        let indexes = self.runner.engine.indexes(&result)?;
        let mut flagged = indexes.into_iter().map(row).collect::<Result<Vec<usize>, _>>()?;
        // A join or a UNION may flag a row for several reasons.
        flagged.sort_unstable();
        flagged.dedup();
        Ok(flagged)
    }

    /// The one number that a query returns; `None` if there is none: it is null, as the mean of no rows is, a share of
    /// nothing, or there is no row, as with a group of nothing.
    pub fn number(&mut self, query: &Query) -> Result<Option<f64>, NoResult> {
        let result = self.execute(query)?;
        let engine = &self.runner.engine;
        let shape = engine.shape(&result);
        match (shape.rows, shape.columns.len()) {
            (0, 1) => Ok(None),
            // 0/0 and n/0 are no numbers either.
            (1, 1) => Ok(engine.number(&result)?.filter(|number| number.is_finite())),
            (rows, columns) => {
                let message = format!("the query returns {rows} rows of {columns} columns instead of one number");
                Err(NoResult::Broken(message))
            }
        }
    }

    /// The rows and columns that a query returns.
    pub fn shape(&mut self, query: &Query) -> Result<ResultShape, NoResult> {
        let result = self.execute(query)?;
        Ok(self.runner.engine.shape(&result))
    }

    fn execute(&mut self, query: &Query) -> Result<E::Table, NoResult> {
        let contract = self.runner.contract.clone();
        let mut tables = BTreeMap::new();
        for table in &query.tables {
            let rows = if *table == contract.table {
                self.own.clone()
            } else if let Some(view) = contract.view(table) {
                self.view(view)?
            } else {
                self.runner.other(table)?
            };
            tables.insert(table.as_str(), rows);
        }
        self.runner.engine.execute(query, &tables)
    }

    /// A view, run once.
    fn view(&mut self, view: &View) -> Result<E::Table, NoResult> {
        if let Some(rows) = self.views.get(&view.name).or_else(|| self.runner.kept_view(&view.name, self.extent)) {
            return Ok(rows.clone());
        }
        let rows = self.execute(&view.query).map_err(|why| match why {
            NoResult::Broken(why) => NoResult::Broken(format!("the view '{}' cannot be asked: {why}", view.name)),
            skipped @ NoResult::Skipped(_) => skipped,
        })?;
        let is_constant = !reads_own(&self.runner.contract, &view.query);
        let views = if is_constant { &mut self.runner.views } else { &mut self.views };
        views.insert(view.name.clone(), rows.clone());
        Ok(rows)
    }
}

#[cfg(test)]
#[cfg(feature = "sql")]
mod tests {
    use arrow_array::{
        ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, StringArray, TimestampMillisecondArray,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::check::area::ServiceArea;
    use crate::check::sql::indexed;
    use crate::check::sql::rows::offending_nulls;

    /// A contract of a table `t` with these columns, and what stands under the table.
    fn contract(columns: &str, rest: &str) -> Arc<Contract> {
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    properties:\n\
             {columns}{rest}"
        );
        let read = crate::contract::odcs::contract(std::path::Path::new("t.odcs.yaml"), &text);
        Arc::new(read.unwrap_or_else(|problems| panic!("{problems:?}")))
    }

    const COLUMNS: &str = "      - {name: a, logicalType: string}\n      - {name: b, logicalType: integer}\n      \
                           - {name: c, logicalType: number}\n      - {name: d, logicalType: date}\n      \
                           - {name: e, logicalType: timestamp}\n      - {name: f, logicalType: boolean}\n";

    fn rows() -> RecordBatch {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("a", Arc::new(StringArray::from(vec![Some("x"), None, Some("ä")]))),
            ("b", Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]))),
            ("c", Arc::new(Float64Array::from(vec![Some(0.5), None, Some(1.5)]))),
            ("d", Arc::new(Date32Array::from(vec![Some(0), None, Some(2)]))),
            ("e", Arc::new(TimestampMillisecondArray::from(vec![Some(0), None, Some(5)]).with_timezone("UTC"))),
            ("f", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ];
        indexed(&RecordBatch::try_from_iter(columns).unwrap()).unwrap()
    }

    fn context() -> RuleContext {
        let mut context = RuleContext::of("2026-11-24".parse().unwrap());
        context.zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
        context.area = Some(ServiceArea::of_box([48.2, 7.6, 48.75, 8.3]).unwrap());
        context
    }

    fn ask(sql: &str) -> Result<Vec<usize>, NoResult> {
        let mut runner = QueryRunner::new(contract(COLUMNS, ""), Arc::new(context()));
        runner.over(&rows(), Extent::Whole)?.offending(&Query::read(sql, "t").unwrap(), 3)
    }

    fn number(sql: &str) -> Result<Option<f64>, NoResult> {
        let mut runner = QueryRunner::new(contract(COLUMNS, ""), Arc::new(context()));
        runner.over(&rows(), Extent::Whole)?.number(&Query::read(sql, "t").unwrap())
    }

    #[test]
    fn every_kind_of_column_reaches_the_query_with_its_nulls() {
        for name in ["a", "b", "c", "d", "e", "f"] {
            assert_eq!(ask(&format!("SELECT _index FROM t WHERE {name} IS NULL")), Ok(vec![1]), "{name}");
        }
        let sql = "SELECT _index FROM t WHERE a = 'ä' AND b > 2 AND c > 1 AND e > '1970-01-01 00:00:00' AND NOT f";
        assert_eq!(ask(sql), Ok(vec![2]));
        assert_eq!(ask("SELECT _index FROM t WHERE d < {date} - INTERVAL '30 days'"), Ok(vec![0, 2]));
    }

    /// Conditions on null cells, and such that are none.
    fn condition() -> impl Strategy<Value = String> {
        let column = "[a-f]";
        let leaf = prop_oneof![
            4 => column.prop_map(|column| format!("{column} IS NULL")),
            4 => column.prop_map(|column| format!("{column} IS NOT NULL")),
            1 => column.prop_map(|column| format!("\"{column}\" is  null")),
        ];
        leaf.prop_recursive(4, 24, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("{left} AND {right}")),
                (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("{left} OR {right}")),
                inner.clone().prop_map(|inner| format!("NOT {inner}")),
                inner.prop_map(|inner| format!("({inner})")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_condition_on_null_cells_gives_the_rows_that_polars_gives(
            condition in condition(),
            cells in prop::collection::vec(prop::array::uniform6(any::<bool>()), 0..20),
            skip in 0_usize..3,
        ) {
            let column = |place: usize| cells.iter().map(move |row| row[place]);
            let columns: Vec<(&str, ArrayRef)> = vec![
                ("a", Arc::new(column(0).map(|there| there.then_some("x")).collect::<StringArray>())),
                ("b", Arc::new(column(1).map(|there| there.then_some(1)).collect::<Int32Array>())),
                ("c", Arc::new(column(2).map(|there| there.then_some(0.5)).collect::<Float64Array>())),
                ("d", Arc::new(column(3).map(|there| there.then_some(0)).collect::<Date32Array>())),
                ("e", Arc::new(column(4).map(|there| there.then_some(5)).collect::<TimestampMillisecondArray>().with_timezone("UTC"))),
                ("f", Arc::new(column(5).map(|there| there.then_some(true)).collect::<BooleanArray>())),
            ];
            let rows = RecordBatch::try_from_iter(columns).unwrap();
            // Also of a part of a larger batch.
            let skip = skip.min(rows.num_rows());
            let rows = rows.slice(skip, rows.num_rows() - skip);
            let query = Query::read(&format!("SELECT _index FROM t WHERE {condition}"), "t").unwrap();
            let by_nulls = offending_nulls(query.nulls.as_ref().unwrap(), &rows).unwrap();
            let mut runner = QueryRunner::new(contract(COLUMNS, ""), Arc::new(context()));
            let indexed = indexed(&rows).unwrap();
            let by_polars = runner.over(&indexed, Extent::Part).unwrap().offending(&query, rows.num_rows()).unwrap();
            prop_assert_eq!(by_nulls, by_polars, "{}", condition);
        }
    }

    #[test]
    fn what_asks_for_more_than_null_cells_is_left_to_polars() {
        for condition in
            ["a", "a IS NULL AND b > 1", "NOT f", "a IS NULL OR f IS TRUE", "a || 'x' IS NULL", "t.a IS NULL"]
        {
            let query = Query::read(&format!("SELECT _index FROM t WHERE {condition}"), "t").unwrap();
            assert_eq!(query.nulls, None, "{condition}");
        }
        for sql in [
            "SELECT _index FROM t",
            "SELECT _index FROM t WHERE a IS NULL LIMIT 1",
            "SELECT MIN(_index) AS _index FROM t WHERE a IS NULL",
        ] {
            assert_eq!(Query::read(sql, "t").unwrap().nulls, None, "{sql}");
        }
        let unknown = Query::read("SELECT _index FROM t WHERE A IS NULL", "t").unwrap();
        assert_eq!(offending_nulls(&unknown.nulls.unwrap(), &rows()), None);
    }

    #[test]
    fn the_functions_of_mobility_can_be_called() {
        assert_eq!(number("SELECT ROUND(MAX(distance_m(48.0, 7.9, 49.0, 7.9))) FROM t"), Ok(Some(111_195.0)));
        assert_eq!(ask("SELECT _index FROM t WHERE distance_m(48.0, c, 48.0, c) = 0"), Ok(vec![0, 2]));
        assert_eq!(ask("SELECT _index FROM t WHERE in_service_area(48 + c, 7.9)"), Ok(vec![0]));
        assert_eq!(ask("SELECT _index FROM t WHERE in_service_area(48 + c, 7.9) IS NULL"), Ok(vec![1]));
        // 1970-01-01 00:00 UTC is one o'clock in Berlin; of the day after the next it is 47 hours before.
        assert_eq!(ask("SELECT _index FROM t WHERE service_seconds(e, d) = 3600"), Ok(vec![0]));
        assert_eq!(ask("SELECT _index FROM t WHERE service_seconds(e, d) < 0"), Ok(vec![2]));
        let groups = "SELECT MIN(_index) AS _index FROM t GROUP BY a HAVING NOT is_monotonic(-b)";
        assert_eq!(ask(groups), Ok(vec![]));
        assert_eq!(ask("SELECT MIN(_index) AS _index FROM t GROUP BY 1 = 1 HAVING NOT is_monotonic(-b)"), Ok(vec![0]));
        assert_eq!(ask("SELECT MIN(_index) AS _index FROM t GROUP BY 1 = 1 HAVING is_monotonic(b)"), Ok(vec![0]));
        assert!(matches!(ask("SELECT _index FROM t WHERE distance_m(1, 2) > 0"), Err(NoResult::Broken(_))));
    }

    #[test]
    fn a_query_that_cannot_run_is_broken_and_one_without_a_partition_before_is_skipped() {
        for sql in [
            "SELECT a FROM t",
            "SELECT b AS _index FROM t",
            "SELECT a AS _index FROM t",
            "SELECT _index FROM t WHERE g = 1",
            "SELECT _index FROM t WHERE no_such_function(a)",
            "SELECT t._index FROM t JOIN timetable_trips ON trip_id = a",
        ] {
            assert!(matches!(ask(sql), Err(NoResult::Broken(_))), "{sql}: {:?}", ask(sql));
        }
        assert!(matches!(ask("SELECT t._index FROM t JOIN previous ON previous.a = t.a"), Err(NoResult::Skipped(_))));
        assert!(matches!(number("SELECT a FROM t"), Err(NoResult::Broken(_))));
        assert_eq!(number("SELECT MAX(b) FROM t WHERE b > 5"), Ok(None));
    }

    #[test]
    fn a_row_that_is_none_of_the_table_breaks_the_rule_and_is_not_told() {
        for sql in [
            "SELECT _index + 100000 AS _index FROM t",
            "SELECT _index - 1 AS _index FROM t",
            "SELECT _index * b AS _index FROM t",
            "SELECT NULLIF(_index, 1) AS _index FROM t",
            "SELECT CAST(b AS BIGINT) * 394257277 AS _index FROM t WHERE b IS NOT NULL",
        ] {
            let Err(NoResult::Broken(why)) = ask(sql) else { panic!("{sql}") };
            assert!(why.contains("_index") && !why.contains(|c: char| c.is_ascii_digit()), "{sql}: {why}");
        }
        assert_eq!(ask("SELECT _index FROM t WHERE b > 0 UNION ALL SELECT _index FROM t WHERE c > 0"), Ok(vec![0, 2]));
        assert_eq!(ask("SELECT 2 - _index AS _index FROM t WHERE _index = 0"), Ok(vec![2]));
    }

    #[test]
    fn the_deepest_queries_that_are_read_run_on_the_stack_of_a_thread() {
        let many = |what: &str, times: usize| what.repeat(times);
        for (expression, named) in [
            (format!("b{} > 0", many(" + 1", 490)), vec![0, 2]),
            (format!("b > 0{}", many(" OR b > 9", 240)), vec![0, 2]),
            (format!("{}b{} > 0", many("ABS(", 20), many(")", 20)), vec![0, 2]),
            (format!("CASE {}END = 1", many("WHEN b > 5 THEN 1 ", 200)), vec![]),
        ] {
            let sql = format!("SELECT _index FROM t WHERE {expression}");
            assert_eq!(ask(&sql), Ok(named), "{}", &sql[..60]);
        }
        let union = format!("SELECT _index FROM t{}", many(" UNION ALL SELECT _index FROM t", 50));
        assert_eq!(ask(&union), Ok(vec![0, 1, 2]));
        let joined = (0..49).map(|n| format!(" JOIN t AS u{n} ON u{n}._index = t._index")).collect::<String>();
        assert_eq!(ask(&format!("SELECT t._index FROM t{joined}")), Ok(vec![0, 1, 2]));
    }

    #[test]
    fn numbers_see_of_private_values_only_where_there_is_one() {
        // Every column is private, for none is said to be public.
        let mut runner = QueryRunner::new(contract(COLUMNS, ""), Arc::new(context()));
        runner.hide_private();
        let mut number = |sql: &str| {
            runner.over(&rows(), Extent::Whole).and_then(|mut frame| frame.number(&Query::read(sql, "t").unwrap()))
        };
        for (sql, expected) in [
            ("SELECT COUNT(b) FROM t", 2.0),
            ("SELECT COUNT(*) FROM t WHERE a IS NULL", 1.0),
            ("SELECT MAX(b) + MAX(c) FROM t", 0.0),
            ("SELECT MAX(m) FROM (SELECT * RENAME (b AS m) FROM t) AS x", 0.0),
            ("SELECT COUNT(*) FROM t WHERE a = 'ä' OR f OR d > '1970-01-01' OR e > '1970-01-01 00:00:00'", 0.0),
            ("SELECT COUNT(DISTINCT a) + COUNT(DISTINCT b) + COUNT(DISTINCT e) FROM t", 3.0),
            ("SELECT MAX(_index) FROM t", 2.0),
        ] {
            let number = number(sql);
            assert!(
                number == Ok(Some(expected)) || sql.contains("DISTINCT") && number == Ok(Some(6.0)),
                "{sql}: {number:?}"
            );
        }
    }

    #[test]
    fn the_functions_can_be_called_in_the_parts_of_a_query() {
        for sql in [
            "WITH x AS (SELECT _index FROM t WHERE in_service_area(48 + c, 7.9)) SELECT _index FROM x",
            "SELECT _index FROM (SELECT _index, distance_m(48.0, c, 48.0, c) AS m FROM t) AS x WHERE m = 0 AND _index < 2",
            "SELECT _index FROM t WHERE a IN (SELECT a FROM t WHERE in_service_area(48 + c, 7.9))",
            "SELECT _index FROM t WHERE b NOT IN (SELECT b FROM t WHERE NOT in_service_area(48 + c, 7.9))",
        ] {
            assert_eq!(ask(sql), Ok(vec![0]), "{sql}");
        }
    }

    #[test]
    fn why_a_rule_could_not_run_is_told_without_a_value_of_a_row() {
        let contract = contract("      - {name: driver, logicalType: string}\n", "");
        let rows: Vec<(&str, ArrayRef)> = vec![("driver", Arc::new(StringArray::from(vec!["Fahrer 4711"])))];
        let rows = indexed(&RecordBatch::try_from_iter(rows).unwrap()).unwrap();
        let mut runner = QueryRunner::new(contract, Arc::new(context()));
        let mut why = |sql: &str| match runner
            .over(&rows, Extent::Whole)
            .unwrap()
            .offending(&Query::read(sql, "t").unwrap(), 1)
        {
            Err(NoResult::Broken(why)) => why,
            other => panic!("{other:?}"),
        };
        let mut reasons = vec![
            why("SELECT _index FROM t WHERE CAST(driver AS INTEGER) > 0"),
            why("SELECT _index FROM t WHERE CAST(driver AS DATE) > '2026-01-01'"),
            why("SELECT _index FROM t WHERE missing = 1"),
        ];
        let number =
            runner.over(&rows, Extent::Whole).unwrap().number(&Query::read("SELECT MAX(driver) FROM t", "t").unwrap());
        reasons.push(format!("{number:?}"));
        assert!(reasons.iter().all(|reason| !reason.contains("4711") && !reason.is_empty()), "{reasons:#?}");
        assert!(reasons[0].contains("'driver'") && reasons[2].contains("missing"), "{reasons:#?}");
    }
}
