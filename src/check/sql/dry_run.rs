//! What is wrong with a contract's queries, found by running them over tables without rows, before a run does.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::check::area::ServiceArea;
use crate::check::context::{RuleContext, Siblings, siblings_of};
use crate::check::rules::{RuleKind, specs};
use crate::check::sql::functions::USES;
use crate::check::sql::{
    Engine, Extent, NoResult, QueryFault, QueryRunner, ResultColumn, ResultKind, ResultShape, SqlEngine, indexed,
};
use crate::contract::library::Library;
use crate::contract::query::{INDEX, PREVIOUS, Query, TIMETABLE};
use crate::contract::{Classification, Contract, Rule};
use crate::time::ServiceDate;
use crate::yaml::suggestion;

/// A mistake in a contract's queries, with its line.
pub struct Mistake {
    pub line: u32,
    pub message: String,
    pub remedy: String,
}

/// What a query needs that the workspace does not give it, which is not the contract's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    Timetable,
    Area,
}

/// What a dry run knows of the place where the contract is used.
pub struct Place<'a> {
    /// The other tables of the feed or of the release.
    pub siblings: &'a Library,
    pub gtfs: Arc<Library>,
    pub has_timetable: bool,
    /// Whether the table is one of a timetable itself.
    pub is_timetable: bool,
    pub has_area: bool,
    /// Whether the table is published, so that there is a partition before.
    pub is_released: bool,
}

/// What a dry run found.
#[derive(Default)]
pub struct DryRun {
    pub mistakes: Vec<Mistake>,
    /// With the name of the rule or the view, and its line.
    pub lacks: Vec<(Lack, String, u32)>,
}

/// A query of the contract.
struct ContractQuery<'a> {
    what: String,
    line: u32,
    query: &'a Query,
    rule: Option<&'a Rule>,
}

/// Runs every query of a contract: whether it finds its tables and columns, returns what it should, and publishes nothing
/// that is private.
pub fn dry_run(contract: &Arc<Contract>, place: &Place<'_>) -> DryRun {
    let mut found = DryRun::default();
    taken_ids(contract, &mut found.mistakes);
    let mut context = RuleContext::of(ServiceDate(jiff::civil::date(2000, 1, 1)));
    context.gtfs = place.gtfs.clone();
    context.timetable = Ok(Arc::default());
    context.previous.insert(contract.table.clone(), RecordBatch::new_empty(contract.previous_schema()));
    // Whether there is an area is asked apart; here any will do.
    context.area = ServiceArea::of_box([0.0, 0.0, 1.0, 1.0]).ok();
    context.siblings = Siblings::of(place.siblings.contracts.values().chain([contract]));
    for sibling in siblings_of(contract) {
        if let Some(other) = place.siblings.get(sibling) {
            context.siblings.push(sibling, &RecordBatch::new_empty(other.chunk_schema()));
        }
    }
    let mut runner = QueryRunner::new(contract.clone(), Arc::new(context));
    let empty = indexed(&RecordBatch::new_empty(contract.chunk_schema()));
    let empty = empty.unwrap_or_else(|error| crate::internal::impossible("making a table without rows", error));
    let views = contract.views.iter().map(|view| ContractQuery {
        what: format!("the view '{}'", view.name),
        line: view.line,
        query: &view.query,
        rule: None,
    });
    let rules = contract.rules.iter().map(|rule| ContractQuery {
        what: format!("the rule '{}'", rule.id),
        line: rule.line,
        query: &rule.query,
        rule: Some(rule),
    });
    // What is wrong with a view is told once, and not again by all that read it.
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for (number, asked) in views.chain(rules).enumerate() {
        let view = contract.views.get(number).map(|view| view.name.as_str());
        if asked.query.tables.iter().any(|table| told.contains(table.as_str())) {
            told.extend(view);
            continue;
        }
        let (mistakes, lacks) = (found.mistakes.len(), found.lacks.len());
        look(&asked, contract, place, &mut found);
        if found.mistakes.len() == mistakes && found.lacks.len() == lacks {
            found.mistakes.extend(run(&asked, contract, place, &mut runner, &empty));
        }
        if found.mistakes.len() > mistakes {
            told.extend(view);
        }
    }
    found
}

/// Rules with the name of a rule that the contract's columns make.
fn taken_ids(contract: &Contract, mistakes: &mut Vec<Mistake>) {
    let specs = specs(contract);
    let is_written =
        |kind: &RuleKind| matches!(kind, RuleKind::Sql { .. } | RuleKind::Metric { .. } | RuleKind::Sla { .. });
    for spec in specs.iter().filter(|spec| is_written(&spec.kind)) {
        if !specs.iter().any(|other| other.id == spec.id && !is_written(&other.kind)) {
            continue;
        }
        let line = (contract.rules.iter().map(|rule| (&rule.id, rule.line)))
            .chain(contract.metrics.iter().map(|metric| (&metric.id, metric.line)))
            .find(|(id, _)| **id == spec.id);
        mistakes.push(Mistake {
            line: line.map_or(0, |(_, line)| line),
            message: format!("the rule '{}' has the name of a check that the columns of the contract make", spec.id),
            remedy: "Give it another name.".to_owned(),
        });
    }
}

/// What can be seen without running it.
fn look(asked: &ContractQuery<'_>, contract: &Contract, place: &Place<'_>, found: &mut DryRun) {
    let ContractQuery { what, query, .. } = asked;
    let mut add = |name: &str, message: String, remedy: String| {
        let line = query.line_of(name).unwrap_or(asked.line);
        found.mistakes.push(Mistake { line, message: format!("{what} {message}"), remedy });
    };
    let is_known = |table: &&String| {
        **table == contract.table
            || **table == PREVIOUS
            || contract.view(table).is_some()
            || place.siblings.get(table).is_some()
            || table.strip_prefix(TIMETABLE).is_some_and(|name| place.gtfs.get(name).is_some())
    };
    if let Some(table) = query.tables.iter().find(|table| !is_known(table)) {
        let mut known: Vec<String> = place.gtfs.contracts.keys().map(|table| format!("{TIMETABLE}{table}")).collect();
        if !table.starts_with(TIMETABLE) {
            known.clear();
            known.extend([contract.table.clone(), PREVIOUS.to_owned()]);
            known.extend(contract.views.iter().map(|view| view.name.clone()));
            known.extend(place.siblings.contracts.keys().filter(|table| **table != contract.table).cloned());
        }
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        add(table, format!("reads from '{table}', which is not known here"), suggestion(table, &known));
        return;
    }
    let of_timetable = query.tables.iter().find(|table| table.starts_with(TIMETABLE)).map(String::as_str);
    let of_timetable = of_timetable.or_else(|| query.says("distance_to_shape_m").then_some("distance_to_shape_m"));
    if let Some(name) = of_timetable.filter(|_| !place.has_timetable) {
        if place.is_timetable {
            let remedy = name.strip_prefix(TIMETABLE).map_or_else(
                || "Write the rule for a table of a gtfs-realtime pipeline.".to_owned(),
                |table| format!("Read from '{table}', which is the same here."),
            );
            add(name, format!("needs '{name}', and this is a timetable itself"), remedy);
            return;
        }
        found.lacks.push((Lack::Timetable, what.clone(), asked.line));
        return;
    }
    if query.says("in_service_area") && !place.has_area {
        found.lacks.push((Lack::Area, what.clone(), asked.line));
        return;
    }
    if query.tables.contains(PREVIOUS) && !place.is_released {
        let message = "reads from 'previous', but the table is not published and has no partition before".to_owned();
        add(PREVIOUS, message, "Write the rule for the table that is released.".to_owned());
        return;
    }
    match asked.rule {
        Some(rule) if rule.is_number => private_numbers(query, contract, place, &mut add),
        Some(_) => private_rows(query, contract, place, &mut add),
        None => {}
    }
}

/// Numbers are published, so what they are made of has to be public, too. Of a private column a number may only say how
/// many rows have a value. A query that may use columns which it does not name is refused where there are private ones.
fn private_numbers(query: &Query, contract: &Contract, place: &Place<'_>, add: &mut dyn FnMut(&str, String, String)) {
    let views = views_of(contract, query);
    let queries = || [query].into_iter().chain(views.iter().map(|view| &view.query));
    let columns: Vec<_> = queries().flat_map(|query| columns_of(contract, place, query)).collect();
    let private: BTreeSet<&str> = columns
        .iter()
        .filter(|column| column.classification == Classification::Private)
        .map(|column| column.name.as_str())
        .collect();
    if private.is_empty() {
        return;
    }
    if let Some(what) = queries().find_map(|query| query.opaque.as_ref()) {
        let message =
            format!("makes a number and uses {what}, which hides whether columns that are not public are in it");
        add("SELECT", message, "Name each column after SELECT, with AS where it gets another name.".to_owned());
        return;
    }
    // A name is private wherever it stands, also where a query gives it to something else: that cannot be told apart.
    let Some(column) = queries().find_map(|query| query.shown.iter().find(|name| private.contains(name.as_str())))
    else {
        return;
    };
    add(
        column,
        format!("makes a number from '{column}', which is not public, and numbers are published"),
        format!("Count rows with COUNT({column}), or write a rule that flags rows."),
    );
}

/// Views that a query reads, also through others.
fn views_of<'a>(contract: &'a Contract, query: &'a Query) -> Vec<&'a crate::contract::View> {
    let mut read: BTreeSet<&str> = query.tables.iter().map(String::as_str).collect();
    // A view reads those above it alone.
    let mut views = Vec::new();
    for view in contract.views.iter().rev() {
        if read.contains(view.name.as_str()) {
            read.extend(view.query.tables.iter().map(String::as_str));
            views.push(view);
        }
    }
    views
}

/// Which rows a rule names is published, so their numbers must not be made from what is private.
fn private_rows(query: &Query, contract: &Contract, place: &Place<'_>, add: &mut dyn FnMut(&str, String, String)) {
    let views = views_of(contract, query);
    for query in [query].into_iter().chain(views.iter().map(|view| &view.query)) {
        let is_private = |name: &&String| {
            columns_of(contract, place, query).any(|c| c.name == **name && c.classification == Classification::Private)
        };
        let made = query.given.iter().filter(|(name, _)| name.eq_ignore_ascii_case(INDEX)).flat_map(|(_, from)| from);
        if let Some(column) = { made }.find(is_private) {
            let message =
                format!("makes '{INDEX}' from '{column}', which is not public, and which rows it names is told");
            add(column, message, format!("Let it return the '{INDEX}' of the table's rows."));
            return;
        }
    }
}

/// The columns of the tables with contracts of their own that a query reads; those of the contract in any case.
fn columns_of<'a>(
    contract: &'a Contract,
    place: &'a Place<'_>,
    query: &'a Query,
) -> impl Iterator<Item = &'a crate::contract::Column> {
    let of_timetable = |table: &String| table.strip_prefix(TIMETABLE).and_then(|name| place.gtfs.get(name));
    let others = query.tables.iter().filter_map(move |table| place.siblings.get(table).or_else(|| of_timetable(table)));
    others.map(AsRef::as_ref).chain([contract]).flat_map(|contract| &contract.columns)
}

/// What shows when a query runs.
fn run(
    asked: &ContractQuery<'_>,
    contract: &Contract,
    place: &Place<'_>,
    runner: &mut QueryRunner,
    empty: &RecordBatch,
) -> Option<Mistake> {
    let ContractQuery { what, query, .. } = asked;
    let mistake = |line: Option<u32>, message: String, remedy: String| {
        Some(Mistake { line: line.unwrap_or(query.line), message: format!("{what} {message}"), remedy })
    };
    let result = match runner.over(empty, Extent::Whole).and_then(|mut queries| queries.shape(query)) {
        Ok(result) => result,
        Err(NoResult::Broken(why) | NoResult::Skipped(why)) => {
            let (line, why, remedy) = explained(&why, query, contract, place);
            return mistake(line, format!("cannot run: {why}"), remedy);
        }
    };
    let (message, remedy) = match asked.rule?.is_number {
        true => (no_number(&result)?, "Return one number, as 'SELECT COUNT(*) ...' does.".to_owned()),
        false => (no_rows(&result)?, format!("Let it begin with 'SELECT {INDEX} FROM ...'.")),
    };
    mistake(None, message, remedy)
}

/// Why a result is not one number.
fn no_number(result: &ResultShape) -> Option<String> {
    let columns = &result.columns;
    if columns.len() != 1 {
        Some(format!("must return one number, and returns {} columns", columns.len()))
    } else if result.rows != 1 {
        Some("must return one number, and returns rows".to_owned())
    } else if !matches!(columns[0].kind, ResultKind::Int64 | ResultKind::Number) {
        Some(format!("must return one number, and returns a {}", type_name(&columns[0])))
    } else {
        None
    }
}

/// Why a result does not say which rows of the table it is about.
fn no_rows(result: &ResultShape) -> Option<String> {
    match result.columns.iter().find(|column| column.name == INDEX) {
        None => Some(format!("does not return '{INDEX}', which says which rows it names")),
        Some(column) if column.kind != ResultKind::Int64 => {
            Some(format!("returns as '{INDEX}' a {} and not the place of a row", type_name(column)))
        }
        Some(_) => None,
    }
}

/// A type in the words of contracts.
fn type_name(column: &ResultColumn) -> String {
    match column.kind {
        ResultKind::Text => "text".to_owned(),
        ResultKind::Date => "date".to_owned(),
        ResultKind::Timestamp => "timestamp".to_owned(),
        _ => format!("value of the type {}", column.engine_type),
    }
}

/// What is wrong with a query, in the words of the contract: the line, what is wrong, how to mend it.
fn explained(why: &str, query: &Query, contract: &Contract, place: &Place<'_>) -> (Option<u32>, String, String) {
    match Engine::fault(why) {
        QueryFault::UnknownColumn { column, known } => {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            (query.line_of(&column), format!("there is no column '{column}'"), among(&column, &known))
        }
        QueryFault::NoColumnOfTable { column, table } => {
            let known = columns_around(query, contract, place);
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let message = format!("'{table}' has no column '{column}'");
            (query.line_of(&format!("{table}.{column}")), message, among(&column, &known))
        }
        QueryFault::UnknownTable(table) => {
            let remedy = "Name a table as FROM or JOIN does, or by the name that AS gives it.".to_owned();
            (query.line_of(&table), format!("no table of the query has the name '{table}'"), remedy)
        }
        QueryFault::UnknownFunction(function) => {
            let line = query.line_of(&function);
            let ours = USES.iter().find(|(name, _)| name.eq_ignore_ascii_case(&function));
            let Some((name, _)) = ours else {
                return (line, format!("there is no function '{function}'"), function_like(&function));
            };
            let remedy =
                "Call it in a common table expression (WITH) that gives its columns no names, and read its result.";
            (line, format!("{name} cannot be called here"), remedy.to_owned())
        }
        QueryFault::Incomparable(one, other) => {
            let remedy =
                "Write numbers without quotes, and texts and dates with them, or CAST one of the two.".to_owned();
            (None, format!("it compares {} with {}", compared(&one), compared(&other)), remedy)
        }
        QueryFault::Other(why) => match USES.iter().find(|(name, _)| why.starts_with(&format!("{name} takes "))) {
            Some((name, usage)) => (query.line_of(name), why, format!("Write {usage}.")),
            None => (None, why, "Mend its query.".to_owned()),
        },
    }
}

/// What is compared, in the words of contracts.
fn compared(kind: &str) -> String {
    match kind {
        "string" => "text".to_owned(),
        kind if kind.starts_with("numeric type") => "a number".to_owned(),
        kind => kind.to_owned(),
    }
}

/// The functions that nearly have this name, or where all are listed.
fn function_like(name: &str) -> String {
    let names: Vec<&str> = USES.iter().map(|(name, _)| *name).collect();
    match suggestion(&name.to_lowercase(), &names) {
        nearest if nearest.starts_with("Did") => nearest,
        _ => format!("Ours are {}; the others are those of Polars SQL.", names.join(", ")),
    }
}

/// A suggestion from columns, without those that nobody writes.
fn among(name: &str, columns: &[&str]) -> String {
    let hidden = [INDEX, crate::table::ORIGIN, crate::table::ORIGIN_ROW];
    let columns: Vec<&str> = columns.iter().copied().filter(|column| !hidden.contains(column)).collect();
    suggestion(name, &columns)
}

/// The columns of the tables that a query reads, and the names that it and the views give.
fn columns_around(query: &Query, contract: &Contract, place: &Place<'_>) -> BTreeSet<String> {
    let mut known: BTreeSet<String> = query.given.iter().map(|(name, _)| name.clone()).collect();
    for table in &query.tables {
        let of_contract = |contract: &Contract| contract.columns.iter().map(|column| column.name.clone()).collect();
        let columns: Vec<String> = if *table == contract.table || *table == PREVIOUS {
            of_contract(contract)
        } else if let Some(view) = contract.view(table) {
            view.query.given.iter().map(|(name, _)| name.clone()).chain(view.query.shown.iter().cloned()).collect()
        } else if let Some(name) = table.strip_prefix(TIMETABLE) {
            place.gtfs.get(name).map_or(Vec::new(), |contract| of_contract(contract))
        } else {
            place.siblings.get(table).map_or(Vec::new(), |contract| of_contract(contract))
        };
        known.extend(columns);
    }
    known
}

#[cfg(test)]
#[cfg(feature = "sql")]
mod tests {
    use super::*;

    const COLUMNS: &str = "      - {name: a, logicalType: string}\n      - {name: b, logicalType: integer}\n      \
                           - {name: c, logicalType: number}\n      - {name: d, logicalType: date}\n      \
                           - {name: e, logicalType: timestamp}\n      - {name: f, logicalType: boolean}\n";

    #[test]
    fn a_dry_run_tells_every_mistake_of_a_query() {
        let rule = |name: &str, sql: &str| {
            format!("      - {{name: {name}, type: custom, engine: fahrtenbuch, implementation: '{sql}'}}\n")
        };
        let rules: String = [
            rule("good", "SELECT _index FROM t WHERE a IS NULL"),
            rule("column", "SELECT _index FROM t WHERE g IS NULL"),
            rule("table", "SELECT _index FROM tt"),
            rule("timetable", "SELECT t._index FROM t JOIN timetable_trips ON trip_id = a"),
            rule("stop", "SELECT t._index FROM t JOIN timetable_stop ON stop_id = a"),
            rule("area", "SELECT _index FROM t WHERE in_service_area(c, c)"),
            rule("before", "SELECT t._index FROM t JOIN previous p ON p.a = t.a"),
            rule(
                "named",
                "WITH x (i) AS (SELECT _index FROM t WHERE distance_m(c, c, c, c) > 1) SELECT i AS _index FROM x",
            ),
        ]
        .concat();
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    properties:\n\
             {COLUMNS}    quality:\n{rules}"
        );
        let contract = crate::contract::odcs::contract(std::path::Path::new("t.odcs.yaml"), &text);
        let contract = Arc::new(contract.unwrap_or_else(|problems| panic!("{problems:?}")));
        let library = Library::default();
        let place = Place {
            siblings: &library,
            gtfs: Arc::new(Library::gtfs()),
            has_timetable: false,
            is_timetable: false,
            has_area: false,
            is_released: false,
        };
        let found = dry_run(&contract, &place);
        let told: Vec<String> =
            found.mistakes.into_iter().map(|m| format!("{}: {} {}", m.line, m.message, m.remedy)).collect();
        let expected = [
            "17: the rule 't.column' cannot run: there is no column 'g' Known are: a, b, c, d, e, f.",
            "18: the rule 't.table' reads from 'tt', which is not known here Known are: t, previous.",
            "20: the rule 't.stop' reads from 'timetable_stop', which is not known here Did you mean 'timetable_stops'?",
            "22: the rule 't.before' reads from 'previous'",
            "23: the rule 't.named' cannot run: distance_m cannot be called here Call it in a common table expression (WITH) that",
        ];
        let lacks = [(Lack::Timetable, "the rule 't.timetable'", 19), (Lack::Area, "the rule 't.area'", 21)];
        assert_eq!(found.lacks, lacks.map(|(lack, what, line)| (lack, what.to_owned(), line)));
        assert_eq!(told.len(), expected.len(), "{told:#?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.starts_with(expected), "{told}");
        }
    }
}
