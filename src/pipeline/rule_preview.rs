//! A rule, as it stands in the workspace now, over what was published or held back before: what would change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array, UInt64Array, new_null_array};

use crate::check::rule_tests::{self, Found};
use crate::contract::{Classification, Contract, OnFail, Rule, RuleId};
use crate::durable;
use crate::ledger::RunRecord;
use crate::pipeline::run::RunError;
use crate::pipeline::run::run_inputs::{Inspected, RunInputs};
use crate::pipeline::{Pipeline, journal};
use crate::publish;
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, IndexColumn};
use crate::quarantine::{RULES, Stage};
use crate::table::single::grown;
use crate::table::{Budget, ORIGIN, ORIGIN_ROW};
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// A rule of a pipeline that is tried.
#[derive(Clone, Copy)]
pub struct TriedRule<'a> {
    pub workspace: &'a Workspace,
    pub pipeline: &'a Pipeline,
    pub contract: &'a Arc<Contract>,
    pub rule: &'a Rule,
    /// Where the pipeline has published.
    pub bucket: &'a Bucket,
}

/// What a rule is tried on.
pub struct Subject {
    /// For people.
    pub name: String,
    pub date: ServiceDate,
    /// As published, or as the file has them.
    pub rows: RecordBatch,
    /// Rows that are held back, with the rules that hold each.
    pub held: RecordBatch,
    pub held_by: Vec<Vec<String>>,
    /// How many rows the rule named in the run that published them; `None` if that is not known, or it was not asked.
    pub before: Option<u64>,
    /// The rules that named rows in that run; `None` if that is not known.
    pub naming: Option<BTreeSet<RuleId>>,
}

/// What a preview came to.
pub struct RulePreview {
    /// Over the rows that are published.
    pub found: Found,
    /// Rows that are held back and would be named.
    pub named_of_held: Vec<usize>,
    /// Rows that are held back by this rule alone and would pass now.
    pub freed: Vec<usize>,
    pub would: Vec<String>,
    /// What the rule cannot see in these rows, and a run could.
    pub unseen: Vec<String>,
}

impl Subject {
    /// A partition of a table: what was published of it, and what is in quarantine.
    pub fn of_partition(tried: &TriedRule<'_>, date: Option<ServiceDate>) -> Result<Option<Self>, RunError> {
        let TriedRule { workspace, pipeline, contract, rule, bucket } = *tried;
        let index = index::current(bucket, &pipeline.dataset, &contract.table)?;
        let Some(index) = index else { return Ok(None) };
        let file = match date {
            Some(date) => index.file_of(date),
            None => index.files.last(),
        };
        let Some(file) = file else { return Ok(None) };
        let Some(bytes) = bucket.get(&file.path)? else { return Ok(None) };
        let rows =
            publish::parquet::rows(bytes).map_err(|error| RunError::internal(format!("{}: {error}", file.path)))?;
        let folder = crate::quarantine::partition(&workspace.private, &pipeline.dataset, file.partition_date);
        // Of a table that is released as it came there is one quarantine; of one that is derived the second has its columns.
        let is_derived = pipeline.contracts.get(&contract.table).is_none_or(|other| other.file != contract.file);
        let stage = if is_derived { Stage::Release } else { Stage::Feed };
        let (held, held_by) = quarantined(&folder.join(stage.file(&contract.table)), (contract, &index.columns))?;
        let journal = journal::path(&workspace.private, &pipeline.name, file.partition_date);
        let entry = journal::read(&journal).map_err(|error| RunError::private(&journal, "read", &error))?;
        let record = entry.map(|entry| entry.record);
        let findings = |record: &RunRecord| {
            let of_contract = record.findings.iter().filter(|finding| finding.contract == contract.id);
            of_contract.map(|finding| (finding.rule.clone(), finding.rows)).collect::<BTreeMap<_, _>>()
        };
        let before = record.as_ref().and_then(|record| {
            let tolerated = || record.tolerated.get(&contract.id)?.get(&rule.id).map(|counted| counted.rows);
            let passed = || record.passed.get(&contract.id)?.contains(&rule.id).then_some(0);
            findings(record).get(&rule.id).copied().or_else(tolerated).or_else(passed)
        });
        let naming = record.as_ref().map(|record| findings(record).into_keys().collect());
        let name = format!("{}/{} {}", pipeline.dataset, contract.table, file.partition_date);
        let rows = fitted((contract, &index.columns), &rows)
            .map_err(|error| RunError::internal(format!("{}: {error}", file.path)))?;
        Ok(Some(Self { name, date: file.partition_date, rows, held, held_by, before, naming }))
    }

    /// A Parquet file, published or of the quarantine.
    pub fn of_file(path: &Path, contract: &Contract, date: ServiceDate) -> Result<Self, RunError> {
        let unreadable = |error: &dyn std::fmt::Display| RunError::private(path, "read", error);
        let bytes = durable::read(path).map_err(|error| unreadable(&error))?;
        let rows = publish::parquet::rows(bytes.into()).map_err(|error| unreadable(&error))?;
        let rows = fitted((contract, &[]), &rows).map_err(|error| unreadable(&error))?;
        let held = RecordBatch::new_empty(contract.chunk_schema());
        let name = path.display().to_string();
        Ok(Self { name, date, rows, held, held_by: Vec::new(), before: None, naming: None })
    }
}

/// The partition that a file's path names: that of a published file, or `…/date=2026-11-24/<table>.parquet` in quarantine.
pub fn date_of(path: &Path) -> Option<ServiceDate> {
    let held = || path.iter().rev().find_map(|part| part.to_str()?.strip_prefix("date=")?.parse().ok());
    index::date_of(path).or_else(held)
}

/// Rows held back have the names of their time, too.
fn quarantined(
    path: &Path,
    (contract, known): (&Contract, &[IndexColumn]),
) -> Result<(RecordBatch, Vec<Vec<String>>), RunError> {
    let unreadable = |error: &dyn std::fmt::Display| RunError::private(path, "read", error);
    let bytes = match durable::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok((RecordBatch::new_empty(contract.chunk_schema()), Vec::new()));
        }
        Err(error) => return Err(unreadable(&error)),
    };
    let rows = publish::parquet::rows(bytes.into()).map_err(|error| unreadable(&error))?;
    let rules = rows.column_by_name(RULES).and_then(|array| array.as_string_opt::<i32>());
    let words = |text: Option<&str>| text.unwrap_or_default().split(' ').map(str::to_owned).collect();
    let rules = rules.map_or_else(|| vec![Vec::new(); rows.num_rows()], |rules| rules.iter().map(words).collect());
    Ok((fitted((contract, known), &rows).map_err(|error| unreadable(&error))?, rules))
}

/// Rows with all columns of the contract, by the names that they have or had, and the hidden ones; what the file does not have is
/// absent. `known` are the columns of the table's index, where the file is one of it.
fn fitted(
    (contract, known): (&Contract, &[IndexColumn]),
    rows: &RecordBatch,
) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let schema = contract.chunk_schema();
    let count = rows.num_rows();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let there = index::names_of(field.name(), contract, known).find_map(|name| rows.column_by_name(name));
        let there = there.and_then(|values| grown(values, field.data_type()));
        match (there, field.name().as_str()) {
            (Some(array), _) if array.null_count() == 0 || field.is_nullable() => array,
            (_, ORIGIN) => Arc::new(UInt32Array::from_value(0, count)),
            (_, ORIGIN_ROW) => Arc::new(UInt64Array::from_iter_values(1..=count as u64)),
            _ => new_null_array(field.data_type(), count),
        }
    });
    RecordBatch::try_new(schema.clone(), columns.collect())
}

/// Tries a rule.
pub fn run(tried: &TriedRule<'_>, subject: &Subject) -> Result<RulePreview, RunError> {
    let TriedRule { workspace, pipeline, contract, rule, bucket } = *tried;
    let (spool, budget) = (workspace.private.join("staging"), Budget::new(workspace.memory));
    let of = Inspected { workspace, pipeline, date: subject.date, until: None, spool: &spool, bucket, budget: &budget };
    let [of_feed, of_release] = RunInputs::find(workspace, pipeline, subject.date, bucket)?.rule_contexts(&of)?;
    let is_feed = pipeline.contracts.get(&contract.table).is_some_and(|other| other.file == contract.file);
    let context = if is_feed { of_feed } else { of_release };
    // Rows that are held back may be named together with those that passed: they came together.
    let failed = |error: arrow_schema::ArrowError| RunError::internal(error.to_string());
    let all = arrow_select::concat::concat_batches(&contract.chunk_schema(), [&subject.rows, &subject.held]);
    let found = rule_tests::ask(contract, rule, &context, &all.map_err(failed)?);
    let published = subject.rows.num_rows();
    let unseen = unseen(contract, rule, subject);
    let Found::Flagged(named) = &found else {
        return Ok(RulePreview { found, named_of_held: Vec::new(), freed: Vec::new(), would: Vec::new(), unseen });
    };
    let (named, of_held): (Vec<usize>, Vec<usize>) = named.iter().partition(|row| **row < published);
    let of_held: Vec<usize> = of_held.into_iter().map(|row| row - published).collect();
    let freed: Vec<usize> = (0..subject.held.num_rows())
        .filter(|row| !of_held.contains(row))
        .filter(|row| subject.held_by[*row].iter().all(|held| *held == rule.id.0))
        .collect();
    let would = consequences(contract, rule, &subject.rows, &named, freed.len());
    Ok(RulePreview { found: Found::Flagged(named), named_of_held: of_held, freed, would, unseen })
}

/// Rows that were published lack the private columns, and the values that rules nulled.
fn unseen(contract: &Contract, rule: &Rule, subject: &Subject) -> Vec<String> {
    let reads = |column: &str| crate::check::sql::needs(contract, &rule.query, column);
    let is_empty = |place: usize| {
        let rows = subject.rows.column(place);
        rows.null_count() == rows.len()
    };
    let private: Vec<&str> = (contract.columns.iter().enumerate())
        .filter(|(place, column)| column.classification == Classification::Private && is_empty(*place))
        .filter(|(_, column)| reads(&column.name))
        .map(|(_, column)| column.name.as_str())
        .collect();
    let mut unseen = Vec::new();
    if !private.is_empty() {
        unseen.push(format!("{}: not published, so absent here", private.join(", ")));
    }
    let is_nulled = |other: &&Rule| {
        other.on_fail == OnFail::Invalidate
            && subject.naming.as_ref().is_none_or(|naming| naming.contains(&other.id))
            && other.invalidates.iter().any(|&place| reads(&contract.columns[place].name))
    };
    let nulled_by: Vec<&str> = contract.rules.iter().filter(is_nulled).map(|rule| rule.id.0.as_str()).collect();
    if !nulled_by.is_empty() {
        unseen.push(format!("what the run nulled for {}: absent in what was published", nulled_by.join(", ")));
    }
    unseen
}

/// What the next run would do that the last one did not.
fn consequences(contract: &Contract, rule: &Rule, rows: &RecordBatch, named: &[usize], freed: usize) -> Vec<String> {
    let mut would = Vec::new();
    match rule.on_fail {
        OnFail::Report => would.push(format!("{} published rows would be told", named.len())),
        OnFail::Block if !named.is_empty() => would.push("the run would be held back as a whole".to_owned()),
        OnFail::Block => would.push("the run would be published".to_owned()),
        OnFail::Quarantine => would.push(format!("{} published rows would be held back", named.len())),
        OnFail::Invalidate => {
            for &column in &rule.invalidates {
                let values = named.iter().filter(|row| rows.column(column).is_valid(**row)).count();
                would.push(format!("{values} values of {} would be nulled", contract.columns[column].name));
            }
        }
    }
    if freed > 0 {
        would.push(format!("{freed} rows would leave the quarantine and be published"));
    }
    would
}

/// Values of some rows, for people: the public columns that the query reads.
pub fn shown(contract: &Contract, rule: &Rule, rows: &RecordBatch, row: usize) -> BTreeMap<String, String> {
    let public = contract.columns.iter().enumerate().filter(|(_, column)| {
        let key = contract.primary_key.iter().any(|&place| contract.columns[place].name == column.name);
        column.classification == Classification::Public
            && (key || crate::check::sql::needs(contract, &rule.query, &column.name))
    });
    let text = |place: usize, kind| crate::check::show(rows.column(place), kind, row);
    public.filter_map(|(place, column)| Some((column.name.clone(), text(place, column.kind)?))).collect()
}

#[cfg(test)]
mod tests {
    use arrow_array::StringArray;

    use super::*;

    fn texts(values: &[&str]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    #[test]
    fn a_file_is_fitted_to_its_contract_and_names_its_date() {
        let text = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
                    properties:\n      - {name: a, logicalType: string}\n      - {name: b, logicalType: integer}\n";
        let contract = crate::contract::odcs::contract(Path::new("t.odcs.yaml"), text).unwrap();
        let file = RecordBatch::try_from_iter([("c", texts(&["x", "y"])), ("a", texts(&["p", "q"]))]).unwrap();
        let rows = fitted((&contract, &[]), &file).unwrap();
        assert_eq!(rows.column(0), &texts(&["p", "q"]));
        assert_eq!((rows.column(1).null_count(), rows.num_columns()), (2, 4));
        assert_eq!(date_of(Path::new("data/d/t/partition_date=2026-11-24/part-1.parquet")), "2026-11-24".parse().ok());
        assert_eq!(date_of(Path::new("quarantine/d/date=2026-11-24/t.parquet")), "2026-11-24".parse().ok());
        assert_eq!(date_of(Path::new("part-1.parquet")), None);
    }
}
