//! Tests of rules: the cases that a contract has for them, and a rule over rows that were published or held back before.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::ArrowError;
use jiff::tz::TimeZone;

use crate::check::area::ServiceArea;
use crate::check::context::{RuleContext, Siblings};
use crate::check::metrics::MetricAccumulator;
use crate::check::sql::{self, Extent, NoResult, QueryRunner};
use crate::check::timetable::Timetable;
use crate::contract::library::Library;
use crate::contract::metric::{Limit, Verdict};
use crate::contract::query::{PREVIOUS, TIMETABLE};
use crate::contract::test_cases::{self, Case, Expected, RuleTest, Tested};
use crate::contract::{Contract, Rule};
use crate::table::keys::KeyColumns;

/// What a rule came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Rows, from 0, ascending.
    Flagged(Vec<usize>),
    /// A number or a count, whether it is within its limit, and how that is said.
    Holds { holds: bool, value: f64, said: String },
    /// There was nothing to look at.
    Skipped(String),
    /// The rule could not run.
    Broken(String),
}

/// The city that tests are run in.
pub struct City {
    pub zone: TimeZone,
    pub area: Option<ServiceArea>,
}

/// How a case ended.
#[derive(Debug)]
pub struct Ended<'a> {
    pub case: &'a Case,
    pub found: Found,
    pub is_as_expected: bool,
}

/// Runs the cases of a rule's test.
pub fn run<'a>(test: &'a RuleTest, library: &Library, city: &City) -> Vec<Ended<'a>> {
    let Some((contract, tested)) = test_cases::tested(library, &test.rule) else { return Vec::new() };
    let bench = Bench { test, contract, library, city };
    let ended = test.cases.iter().map(|case| {
        let found = bench.run(case, tested).unwrap_or_else(Found::Broken);
        let is_as_expected = match (&case.expected, &found) {
            (Expected::Named(expected), Found::Flagged(flagged)) => expected == flagged,
            (Expected::Holds(expected), Found::Holds { holds, .. }) => expected == holds,
            // Without an earlier partition a rule has nothing to say.
            (_, Found::Skipped(_)) => case.is_transient(),
            _ => false,
        };
        Ended { case, found, is_as_expected }
    });
    ended.collect()
}

/// The tests of a rule, with what stands around it.
struct Bench<'a> {
    test: &'a RuleTest,
    contract: &'a Arc<Contract>,
    library: &'a Library,
    city: &'a City,
}

impl Bench<'_> {
    fn run(&self, case: &Case, tested: Tested<'_>) -> Result<Found, String> {
        let failed = |error: ArrowError| error.to_string();
        let rows = test_cases::batch(self.contract, &case.rows).map_err(failed)?;
        match tested {
            Tested::Rule(rule) => {
                let context = self.context(case, rule).map_err(failed)?;
                Ok(evaluate_in_parts_too(self.contract, rule, &Arc::new(context), &rows))
            }
            Tested::Metric(metric) => {
                let mut accumulator = MetricAccumulator::new(metric, self.contract);
                accumulator.push(&rows);
                let (count, rows) = accumulator.finish();
                Ok(compare(metric.limit, count as f64, rows, &case.history))
            }
        }
    }

    /// What the rule sees beside the rows of a case.
    fn context(&self, case: &Case, rule: &Rule) -> Result<RuleContext, ArrowError> {
        let Self { test, contract, library, city } = self;
        let gtfs = Arc::new(Library::gtfs());
        let mut context = RuleContext::of(test.date);
        (context.zone, context.area, context.gtfs) = (city.zone.clone(), city.area.clone(), gtfs.clone());
        context.siblings = Siblings::of(library.contracts.values());
        let mut timetable = BTreeMap::new();
        for (table, rows) in &case.with {
            if let Some(name) = table.strip_prefix(TIMETABLE) {
                let Some(other) = gtfs.get(name) else { continue };
                timetable.insert(name.to_owned(), test_cases::batch(other, rows)?);
            } else if table == PREVIOUS {
                context.previous.insert(contract.table.clone(), test_cases::batch(contract, rows)?);
            } else if let Some(other) = library.get(table) {
                context.siblings.push(table, &test_cases::batch(other, rows)?);
            }
        }
        context.timetable = Ok(Arc::new(Timetable::of(timetable, test.date)?));
        context.history.insert(rule.id.clone(), case.history.clone());
        context.is_provisional = case.until.is_some();
        context.until = case.until.map(|until| test.date.instant(until, &city.zone));
        Ok(context)
    }
}

/// Evaluates a rule over all rows, and in parts where its `per` says that this is the same: a rule of which it is not is
/// broken.
fn evaluate_in_parts_too(
    contract: &Arc<Contract>,
    rule: &Rule,
    context: &Arc<RuleContext>,
    rows: &RecordBatch,
) -> Found {
    let found = ask(contract, rule, context, rows);
    let parts_matter = !rule.per.is_empty() || !sql::views_in_parts(contract, &[&rule.query]).is_empty();
    if !parts_matter || !matches!(found, Found::Flagged(_) | Found::Holds { .. }) {
        return found;
    }
    let why = match told(answer(contract, rule, context, rows, Evaluation::InParts)) {
        in_parts if in_parts == found => return found,
        Found::Flagged(flagged) => {
            format!("it names the rows {:?}", flagged.into_iter().map(|row| row + 1).collect::<Vec<_>>())
        }
        Found::Holds { said, .. } => format!("it comes to {said}"),
        Found::Skipped(why) | Found::Broken(why) => why,
    };
    Found::Broken(format!("asked one by one as 'per' says, {why}"))
}

/// How a rule is evaluated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Evaluation {
    AtOnce,
    /// As it would be of a large table, in the smallest parts that its `per` and those of its views allow.
    InParts,
}

/// Evaluates a rule over rows of its table.
pub fn ask(contract: &Arc<Contract>, rule: &Rule, context: &Arc<RuleContext>, rows: &RecordBatch) -> Found {
    told(answer(contract, rule, context, rows, Evaluation::AtOnce))
}

fn told(found: Result<Found, NoResult>) -> Found {
    match found {
        Ok(found) => found,
        Err(NoResult::Skipped(why)) => Found::Skipped(why),
        Err(NoResult::Broken(why)) => Found::Broken(why),
    }
}

fn answer(
    contract: &Arc<Contract>,
    rule: &Rule,
    context: &Arc<RuleContext>,
    rows: &RecordBatch,
    how: Evaluation,
) -> Result<Found, NoResult> {
    let broken = |error: ArrowError| NoResult::Broken(error.to_string());
    let indexed = sql::indexed(rows).map_err(broken)?;
    let mut runner = QueryRunner::new(contract.clone(), context.clone());
    if rule.is_number {
        runner.hide_private();
    }
    let mut asked = vec![(indexed.clone(), Extent::Whole)];
    if how == Evaluation::InParts {
        for (per, views) in sql::views_in_parts(contract, &[&rule.query]) {
            let parts = parts(rows, per);
            runner.join_views(&views, parts.iter().map(|places| taken(&indexed, places))).map_err(broken)?;
        }
        if !rule.per.is_empty() {
            let views = sql::whole_views(contract, &[&rule.query]);
            views.into_iter().for_each(|view| runner.keep_whole_view(view, &indexed));
            let parts = parts(rows, &rule.per);
            let parts = parts.iter().map(|places| Ok((taken(&indexed, places)?, Extent::Part)));
            asked = parts.collect::<Result<_, _>>().map_err(broken)?;
        }
    }
    let (value, flagged) = if rule.is_number {
        let number = runner.over(&indexed, Extent::Whole)?.number(&rule.query)?;
        let nothing = || match rows.num_rows() {
            0 => NoResult::Skipped("there are no rows".to_owned()),
            _ => NoResult::Skipped(sql::NO_NUMBER.to_owned()),
        };
        (number.ok_or_else(nothing)?, Vec::new())
    } else {
        let mut flagged = Vec::new();
        for (rows, extent) in asked {
            flagged.extend(runner.over(&rows, extent)?.offending(&rule.query, indexed.num_rows())?);
        }
        flagged.sort_unstable();
        flagged.dedup();
        (flagged.len() as f64, flagged)
    };
    match rule.limit.filter(|limit| rule.is_number || limit.needs_history()) {
        Some(limit) => Ok(compare(limit, value, rows.num_rows() as u64, context.earlier(&rule.id))),
        None => Ok(Found::Flagged(flagged)),
    }
}

/// The places of rows that have the same values in some columns.
fn parts(rows: &RecordBatch, per: &[usize]) -> Vec<Vec<u32>> {
    let mut parts: BTreeMap<u128, Vec<u32>> = BTreeMap::new();
    for (row, key) in KeyColumns::new(per.to_vec()).keys(rows).enumerate() {
        parts.entry(key).or_default().push(row as u32);
    }
    parts.into_values().collect()
}

fn taken(rows: &RecordBatch, places: &[u32]) -> Result<RecordBatch, ArrowError> {
    arrow_select::take::take_record_batch(rows, &UInt32Array::from(places.to_vec()))
}

fn compare(limit: Limit, value: f64, rows: u64, earlier: &[f64]) -> Found {
    match limit.of(value, rows, earlier) {
        Verdict::Known { holds, said } => Found::Holds { holds, value, said: said.en },
        Verdict::Nothing(why) => Found::Skipped(why.to_owned()),
    }
}
