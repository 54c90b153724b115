//! Rules that a query makes: `type: sql`, and `type: custom` of the engine `fahrtenbuch` (ODCS 3.1, "Data quality").

use crate::contract::metric::{Limit, Unit};
use crate::contract::odcs::entry::Entry;
use crate::contract::odcs::refer::{places, taken};
use crate::contract::odcs::section::Told;
use crate::contract::odcs::{naming, operators, sql};
use crate::contract::query::Query;
use crate::contract::{Contract, Dimension, OnFail, Rule};

/// Reads a rule.
pub(super) fn read(entry: &Entry<'_>, contract: &Contract, told: &mut Told) -> Option<Rule> {
    let is_own = entry.kind == "custom";
    let query = query(entry, is_own, contract, told);
    let (limit, is_number) = limit(entry, is_own, told);
    let query = query?;
    let line = entry.section.line();
    let id = naming::id(entry, if is_own { "rows" } else { "sql" }, false, contract, told);
    taken(&id, line, contract, &mut told.fit);
    let invalidates = match entry.invalidates {
        Some(list) => places(list, "invalidates", contract, &mut told.fit),
        None => entry.column.map(|(_, place)| place).into_iter().collect(),
    };
    let per = entry.per.map_or(Vec::new(), |list| places(list, "per", contract, &mut told.fit));
    let what = format!("the rule '{id}'");
    sql::same_per(&sql::InParts { what: &what, line, query: &query, per: &per }, contract, &mut told.fit);
    let rule = Rule {
        id,
        line,
        query,
        per,
        severity: entry.severity,
        dimension: entry.dimension.unwrap_or(Dimension::Conformity),
        on_fail: entry.on_fail,
        invalidates,
        limit,
        is_number,
        description: entry.description.clone(),
        description_de: entry.description_de.clone(),
        why: entry.why.clone(),
        why_de: entry.why_de.clone(),
    };
    tell_of_consequences(entry, &rule, contract, told);
    let invalidates = if rule.on_fail == OnFail::Invalidate { rule.invalidates } else { Vec::new() };
    Some(Rule { invalidates, ..rule })
}

fn query(entry: &Entry<'_>, is_own: bool, contract: &Contract, told: &mut Told) -> Option<Query> {
    let (key, text) = if is_own { ("implementation", entry.implementation) } else { ("query", entry.query) };
    let Some(text) = text else {
        entry.section.require_text(key, told);
        return None;
    };
    sql::query(text, entry.column.map(|(name, _)| name), contract, told)
}

/// How many rows the query may flag, or what its number must be; and whether it returns a number.
fn limit(entry: &Entry<'_>, is_own: bool, told: &mut Told) -> (Option<Limit>, bool) {
    let has_operator = !operators::there(&entry.section, is_own).is_empty();
    let returns = entry.returns.as_deref().unwrap_or("rows");
    if !["rows", "number"].contains(&returns) || (returns == "number" && !has_operator) {
        let message = format!("'returns: {returns}' does not fit");
        let remedy = "Write 'rows', or 'number' and the operator that the number must meet.";
        told.fit.add(entry.section.line_of_custom("returns"), message, remedy);
    }
    let is_number = has_operator && (!is_own || returns == "number");
    let limit = if has_operator { operators::limit(&entry.section, is_own, told) } else { None };
    if is_number && limit.is_some_and(|limit| limit.unit == Unit::Percent) {
        let message = "a query that returns a number has no percentage";
        told.fit.add(entry.section.line_of("unit"), message, "Let the query work it out.");
    }
    (limit, is_number)
}

/// What a rule cannot do to rows, by what it asks.
fn tell_of_consequences(entry: &Entry<'_>, rule: &Rule, contract: &Contract, told: &mut Told) {
    let (id, line) = (&rule.id, entry.section.line_of_custom("onFail"));
    let is_told = entry.is_misspelt || entry.invalidates.is_some();
    if rule.on_fail == OnFail::Invalidate && rule.invalidates.is_empty() && !is_told {
        let remedy = "Add the custom property 'invalidates' with a list of columns.";
        told.fit.add(line, format!("the rule '{id}' does not say which columns it invalidates"), remedy);
    }
    if rule.is_number && !matches!(rule.on_fail, OnFail::Report | OnFail::Block) {
        let message = "a query that returns a number cannot hold back rows";
        let remedy =
            "Set onFail to 'report' or 'block', or return the rows with 'type: custom', 'engine: fahrtenbuch'.";
        told.fit.add(line, message, remedy);
    }
    // Which earlier partitions there are depends on the order in which dates are run, and files must not.
    let is_about_others = rule.limit.is_some_and(Limit::needs_history) || contract.reads_previous(&rule.query);
    if is_about_others && matches!(rule.on_fail, OnFail::Quarantine | OnFail::Invalidate) {
        let message = format!(
            "the rule '{id}' compares with earlier partitions, which must not decide what is published of rows"
        );
        told.fit.add(line, message, "Set onFail to 'report' or 'block'.");
    }
    if rule.is_number && !rule.per.is_empty() {
        let message = "a query that returns a number is asked of the table as a whole";
        told.fit.add(entry.section.line_of_custom("per"), message, "Remove 'per'.");
    }
}
