//! Trials of rules: their tests, and a rule over rows that were published or held back before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::RecordBatch;
use jiff::tz::TimeZone;

use crate::check::area::ServiceArea;
use crate::check::metrics::Meter;
use crate::check::sql::{self, Asker, NoResult};
use crate::check::surroundings::{Siblings, Surroundings};
use crate::check::timetable::Timetable;
use crate::contract::cases::{self, Case, Expected, RuleTest, Tested};
use crate::contract::library::Library;
use crate::contract::metric::{Limit, Verdict};
use crate::contract::query::{PREVIOUS, TIMETABLE};
use crate::contract::{Contract, Rule};
use crate::table::keys::KeyColumns;

/// What a rule came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Rows, from 0, ascending.
    Named(Vec<usize>),
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
    let Some((contract, tested)) = cases::tested(library, &test.rule) else { return Vec::new() };
    let ended = test.cases.iter().map(|case| {
        let found = run_case(test, case, contract, tested, library, city).unwrap_or_else(Found::Broken);
        let is_as_expected = match (&case.expected, &found) {
            (Expected::Named(expected), Found::Named(named)) => expected == named,
            (Expected::Holds(expected), Found::Holds { holds, .. }) => expected == holds,
            // Without an earlier partition a rule has nothing to say.
            (_, Found::Skipped(_)) => case.is_passing(),
            _ => false,
        };
        Ended { case, found, is_as_expected }
    });
    ended.collect()
}

fn run_case(
    test: &RuleTest,
    case: &Case,
    contract: &Arc<Contract>,
    tested: Tested<'_>,
    library: &Library,
    city: &City,
) -> Result<Found, String> {
    let rule = match tested {
        Tested::Rule(rule) => rule,
        Tested::Metric(metric) => {
            let rows = cases::batch(contract, &case.rows).map_err(|error| error.to_string())?;
            let mut meter = Meter::new(metric, contract);
            meter.push(&rows);
            let (count, rows) = meter.finish();
            return Ok(compare(metric.limit, count as f64, rows, &case.history));
        }
    };
    let gtfs = Arc::new(Library::gtfs());
    let failed = |error: arrow_schema::ArrowError| error.to_string();
    let mut around = Surroundings::of(test.date);
    (around.zone, around.area, around.gtfs) = (city.zone.clone(), city.area.clone(), gtfs.clone());
    around.siblings = Siblings::of(library.contracts.values());
    let mut timetable = BTreeMap::new();
    for (table, rows) in &case.with {
        if let Some(name) = table.strip_prefix(TIMETABLE) {
            let Some(other) = gtfs.get(name) else { continue };
            timetable.insert(name.to_owned(), cases::batch(other, rows).map_err(failed)?);
        } else if table == PREVIOUS {
            around.previous.insert(contract.table.clone(), cases::batch(contract, rows).map_err(failed)?);
        } else if let Some(other) = library.get(table) {
            around.siblings.push(table, &cases::batch(other, rows).map_err(failed)?);
        }
    }
    around.timetable = Ok(Arc::new(Timetable::of(timetable, test.date).map_err(failed)?));
    around.history.insert(rule.id.clone(), case.history.clone());
    let around = Arc::new(around);
    let rows = cases::batch(contract, &case.rows).map_err(failed)?;
    let found = ask(contract, rule, &around, &rows);
    let Found::Named(named) = &found else { return Ok(found) };
    if !rule.per.is_empty() {
        let mut in_parts = BTreeSet::new();
        let keys: Vec<u128> = KeyColumns::new(rule.per.clone()).keys(&rows).collect();
        for key in keys.iter().collect::<BTreeSet<_>>() {
            let places: Vec<u32> = (0..keys.len()).filter(|row| keys[*row] == *key).map(|row| row as u32).collect();
            let part = arrow_array::UInt32Array::from(places.clone());
            let part = arrow_select::take::take_record_batch(&rows, &part).map_err(failed)?;
            if let Found::Named(named) = ask(contract, rule, &around, &part) {
                in_parts.extend(named.into_iter().map(|row| places[row] as usize));
            }
        }
        if !in_parts.iter().eq(named) {
            let in_parts: Vec<usize> = in_parts.into_iter().map(|row| row + 1).collect();
            let why = format!("asked one by one as 'per' says, it names the rows {in_parts:?}");
            return Ok(Found::Broken(why));
        }
    }
    Ok(found)
}

/// Asks a rule about rows of its table.
pub fn ask(contract: &Arc<Contract>, rule: &Rule, around: &Arc<Surroundings>, rows: &RecordBatch) -> Found {
    match answer(contract, rule, around, rows) {
        Ok(found) => found,
        Err(NoResult::Skipped(why)) => Found::Skipped(why),
        Err(NoResult::Broken(why)) => Found::Broken(why),
    }
}

fn answer(
    contract: &Arc<Contract>,
    rule: &Rule,
    around: &Arc<Surroundings>,
    rows: &RecordBatch,
) -> Result<Found, NoResult> {
    let indexed = sql::indexed(rows).map_err(|error| NoResult::Broken(error.to_string()))?;
    let mut asker = Asker::new(contract.clone(), around.clone());
    let mut frame = asker.over(&indexed)?;
    let (value, named) = if rule.is_number {
        let number = frame.number(&rule.query)?;
        let nothing = || match rows.num_rows() {
            0 => NoResult::Skipped("there are no rows".to_owned()),
            _ => NoResult::Broken("the query returns no number".to_owned()),
        };
        (number.ok_or_else(nothing)?, Vec::new())
    } else {
        let named = frame.offending(&rule.query)?;
        if let Some(row) = named.iter().find(|row| **row >= rows.num_rows()) {
            return Err(NoResult::Broken(format!("the query returned the _index {row}, which is no row of the table")));
        }
        (named.len() as f64, named)
    };
    match rule.limit.filter(|limit| rule.is_number || limit.needs_history()) {
        Some(limit) => Ok(compare(limit, value, rows.num_rows() as u64, around.earlier(&rule.id))),
        None => Ok(Found::Named(named)),
    }
}

fn compare(limit: Limit, value: f64, rows: u64, earlier: &[f64]) -> Found {
    match limit.of(value, rows, earlier) {
        Verdict::Known { holds, said } => Found::Holds { holds, value, said },
        Verdict::NoHistory => Found::Skipped("there is no earlier partition to compare with".to_owned()),
    }
}
