//! Whether the columns of contracts follow from those that are published: looked at by every run before it makes anything, and by
//! `check`.
//!
//! What the newest index of a table says decides, and costs nothing more. Only where a public column was made private the files are
//! looked at, by their footers: which dates have it is what a withdrawal has to name.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::{Classification, Contract};
use crate::pipeline::Pipeline;
use crate::pipeline::run::error::RunError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, Evolution, IndexColumn, MadePrivate, TableIndex};
use crate::publish::{PublishError, footer};
use crate::time::ServiceDate;
use crate::workspace::Workspace;
use crate::yaml::Problem;

/// Dates that a command names one by one.
const NAMED: usize = 7;

/// What a comparison of contracts with the published tables found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContractChanges {
    /// Nothing is published until they are mended.
    pub refused: Vec<Problem>,
    /// What the next release changes.
    pub notes: Vec<Problem>,
}

impl ContractChanges {
    fn add(&mut self, bucket: &Bucket, index: &TableIndex, contract: &Contract) -> Result<(), PublishError> {
        let Evolution { refused, notes, made_private } = index::evolution(index, contract);
        self.refused.extend(refused);
        self.notes.extend(notes);
        for column in made_private {
            let dates = dates_with(bucket, index, &column.names)?;
            match dates.is_empty() {
                true => self.notes.push(withdrawn(index, contract, &column)),
                false => self.refused.push(still_public(index, contract, &column, &dates)),
            }
        }
        Ok(())
    }
}

/// Compares the contracts of what the pipelines of a workspace release with the newest indexes in the bucket. One that is damaged is
/// told elsewhere.
///
/// # Errors
/// The bucket cannot be read.
pub fn contract_changes(workspace: &Workspace, bucket: &Bucket) -> Result<ContractChanges, PublishError> {
    let mut changes = ContractChanges::default();
    let mut released: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for pipeline in &workspace.pipelines {
        let tables = pipeline.released().into_iter().map(|contract| contract.table.clone());
        released.entry(&pipeline.dataset).or_default().extend(tables);
    }
    for pipeline in &workspace.pipelines {
        let tables = bucket.folders(&format!("meta/{}", pipeline.dataset))?;
        let of_dataset = released.get(pipeline.dataset.as_str());
        for table in tables.iter().filter(|table| of_dataset.is_some_and(|released| !released.contains(*table))) {
            match index::current(bucket, &pipeline.dataset, table) {
                Ok(index) => changes.notes.extend(index.as_ref().and_then(|index| left_behind(pipeline, index))),
                Err(PublishError::Damaged { .. } | PublishError::Newer { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        for contract in pipeline.released().iter().filter(|contract| tables.contains(&contract.table)) {
            match index::current(bucket, &pipeline.dataset, &contract.table) {
                Ok(Some(index)) => changes.add(bucket, &index, contract)?,
                Ok(None) | Err(PublishError::Damaged { .. } | PublishError::Newer { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    for problems in [&mut changes.refused, &mut changes.notes] {
        problems.sort();
        problems.dedup();
    }
    Ok(changes)
}

/// Stops a run by contracts that do not say how their columns follow from those that are published.
pub(super) fn refuse_changes<'a>(
    bucket: &Bucket,
    pipeline: &Pipeline,
    indexes: impl Iterator<Item = &'a TableIndex>,
) -> Result<(), RunError> {
    let mut changes = ContractChanges::default();
    let contracts = pipeline.released();
    for index in indexes {
        if let Some(contract) = contracts.iter().find(|contract| contract.table == index.table) {
            changes.add(bucket, index, contract)?;
        }
    }
    changes.notes.iter().for_each(|note| tracing::info!("{note}"));
    match changes.refused.is_empty() {
        true => Ok(()),
        false => Err(RunError::Columns(changes.refused.into())),
    }
}

/// The columns of a contract that are private now and that files which are out still have, with the dates of these.
///
/// # Errors
/// The bucket cannot be read, or the newest index or a file's footer is damaged.
pub(crate) fn still_published(
    bucket: &Bucket,
    dataset: &str,
    contract: &Contract,
) -> Result<BTreeMap<String, BTreeSet<ServiceDate>>, PublishError> {
    let mut found = BTreeMap::new();
    let Some(index) = index::current(bucket, dataset, &contract.table)? else { return Ok(found) };
    let private = contract.columns.iter().filter(|column| column.classification == Classification::Private);
    for column in private {
        let has_name = |known: &&IndexColumn| {
            known.name == column.name || known.earlier_names().any(|earlier| earlier == column.name)
        };
        // Several columns may have had the name one after the other.
        let known = index.columns.iter().filter(has_name);
        let names: Vec<String> = known
            .flat_map(|known| std::iter::once(known.name.as_str()).chain(known.earlier_names()).map(str::to_owned))
            .collect();
        let dates = if names.is_empty() { BTreeSet::new() } else { dates_with(bucket, &index, &names)? };
        if !dates.is_empty() {
            found.insert(column.name.clone(), dates);
        }
    }
    Ok(found)
}

/// The published dates of which a file has one of some columns: the current one, or the first one below `data/`.
fn dates_with(bucket: &Bucket, index: &TableIndex, names: &[String]) -> Result<BTreeSet<ServiceDate>, PublishError> {
    let current = index.files.iter().map(|file| (file.partition_date, &file.path, file.bytes));
    let first = index.first.iter().filter(|(date, first)| {
        let is_current = index.file_of(**date).is_some_and(|file| file.path == first.path);
        !is_current && !index.is_deleted(**date, &first.path)
    });
    let first = first.map(|(date, file)| (*date, &file.path, file.bytes));
    let mut dates = BTreeSet::new();
    for (date, path, bytes) in current.chain(first) {
        let has = |columns: BTreeSet<String>| names.iter().any(|name| columns.contains(name));
        if !dates.contains(&date) && footer::columns(bucket, path, bytes)?.is_some_and(has) {
            dates.insert(date);
        }
    }
    Ok(dates)
}

/// A table that has files and that its pipeline does not release any more. It is no mistake: what is out stays.
fn left_behind(pipeline: &Pipeline, index: &TableIndex) -> Option<Problem> {
    let (first, last) = (index.files.first()?.partition_date, index.files.last()?.partition_date);
    let (dataset, table) = (&index.dataset, &index.table);
    let message = format!("{dataset}/{table} is published, and no pipeline releases it any more");
    let remedy = format!(
        "Its files and indexes stay for whoever has their addresses; new pages and lists of the catalogue leave it out. If it shall not be public any more: 'fahrtenbuch withdraw {dataset}/{table} --since {first} --until {last} --by NAME --reason TEXT'."
    );
    Some(Problem { file: pipeline.file.clone(), line: pipeline.line, message, remedy })
}

fn of_column(column: &MadePrivate) -> &str {
    column.names.first().map_or("", String::as_str)
}

fn withdrawn(index: &TableIndex, contract: &Contract, column: &MadePrivate) -> Problem {
    let message = format!("'{}' of {}/{} is private now", of_column(column), index.dataset, index.table);
    let remedy = "No file that is out has it.".to_owned();
    Problem { file: contract.file.clone(), line: column.line, message, remedy }
}

fn still_public(
    index: &TableIndex,
    contract: &Contract,
    column: &MadePrivate,
    dates: &BTreeSet<ServiceDate>,
) -> Problem {
    let (name, table) = (of_column(column), format!("{}/{}", index.dataset, index.table));
    let (first, last) = (dates.first(), dates.last());
    let span = match (first, last) {
        (Some(first), Some(last)) if first != last => format!("from {first} to {last}"),
        (Some(date), _) => date.to_string(),
        (None, _) => String::new(),
    };
    let (count, have) = (dates.len(), if dates.len() == 1 { "date still has" } else { "dates still have" });
    let message = format!("'{name}' of {table} is private now, and {count} published {have} it ({span})");
    let remedy = format!(
        "Withdraw them: {}. Then 'withdraw --lift' lets them be released again without the column. If they may stay as they are, write at \
         the column '{{property: publicUntil, value: {{date: {}, reason: ...}}}}'.",
        commands(index, &table, dates),
        last.map_or_else(String::new, ToString::to_string),
    );
    Problem { file: contract.file.clone(), line: column.line, message, remedy }
}

/// The commands that withdraw some dates of a table: each date by its name, or where there are many, spans in which all that is out
/// goes.
fn commands(index: &TableIndex, table: &str, dates: &BTreeSet<ServiceDate>) -> String {
    let command = |dates: String| format!("'fahrtenbuch withdraw {table}{dates} --by NAME --reason TEXT'");
    if dates.len() <= NAMED {
        return command(dates.iter().map(|date| format!(" --date {date}")).collect());
    }
    let published: BTreeSet<ServiceDate> =
        index.files.iter().map(|file| file.partition_date).chain(index.first.keys().copied()).collect();
    let mut spans: Vec<(ServiceDate, ServiceDate)> = Vec::new();
    let mut goes_on = false;
    for date in published {
        match (dates.contains(&date), spans.last_mut()) {
            (true, Some((_, last))) if goes_on => *last = date,
            (true, _) => spans.push((date, date)),
            (false, _) => {}
        }
        goes_on = dates.contains(&date);
    }
    let commands = spans.iter().map(|(first, last)| command(format!(" --since {first} --until {last}")));
    commands.collect::<Vec<_>>().join(", ")
}
