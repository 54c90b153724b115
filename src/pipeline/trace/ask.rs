//! Finds the date of a question, and answers it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::contract::Contract;
use crate::pipeline::Pipeline;
use crate::pipeline::run::scratch::Scratch;
use crate::pipeline::run::{RunError, date_of};
use crate::pipeline::trace::answer::{Reason, Trace};
use crate::pipeline::trace::find;
use crate::pipeline::trace::key::Key;
use crate::pipeline::trace::of_date::OfDate;
use crate::pipeline::trace::question::{Question, TraceError};
use crate::publication;
use crate::publish::log::Heads;
use crate::quarantine::held;
use crate::time::ServiceDate;
use crate::workspace::Workspace;
use crate::yaml::suggestion;

/// Answers a question.
///
/// # Errors
/// The question is wrong, or what it is about cannot be read.
pub fn trace(question: &Question<'_>) -> Result<Trace, TraceError> {
    let Question { workspace, bucket, dataset, table, date, .. } = *question;
    let (pipeline, contract) = table_of(workspace, dataset, table)?;
    let key = Key::parse(&contract, question.key)?;
    let index = Heads::read(bucket).and_then(|heads| heads.current(bucket, dataset, table)).map_err(RunError::from)?;
    let scratch = Scratch::new(workspace)?;
    let found = match &index {
        Some(index) => find::published(bucket, index, date, (&key, scratch.path()))?,
        None => Vec::new(),
    };
    let mut trace = Trace {
        dataset: dataset.to_owned(),
        table: table.to_owned(),
        key: key.to_string(),
        date: None,
        other_dates: found.iter().skip(1).map(|(file, _)| file.partition_date).collect(),
        rows: Vec::new(),
        more: 0,
        reasons: Vec::new(),
    };
    let dates: Vec<ServiceDate> = match (date, found.first()) {
        (Some(date), _) => vec![date],
        (None, Some((file, _))) => vec![file.partition_date],
        (None, None) => likely_dates(workspace, pipeline, table, &key),
    };
    if dates.is_empty() {
        trace.reasons.push(Reason::new(
            "no_date",
            "no published row has this key, and neither the key nor the quarantine tells a date. Name one with --date",
            "Keine veröffentlichte Zeile hat diesen Schlüssel, und weder der Schlüssel noch die Quarantäne nennt ein Datum. Nennen Sie eines \
             mit --date",
        ));
    }
    for date in dates {
        trace.date = Some(date);
        let file = found.first().copied().filter(|(file, _)| file.partition_date == date);
        let since_version = match (&index, file) {
            (Some(index), Some((file, _))) => find::named_since(bucket, index, file)?,
            _ => 0,
        };
        let of = OfDate {
            since_version,
            question,
            pipeline,
            contract: &contract,
            key: &key,
            index: index.as_ref(),
            file,
            date,
            scratch: scratch.path(),
        };
        of.add_to(&mut trace)?;
        if !trace.rows.is_empty() {
            break;
        }
    }
    Ok(trace)
}

/// The pipeline that releases a table, and its contract.
fn table_of<'w>(
    workspace: &'w Workspace,
    dataset: &str,
    table: &str,
) -> Result<(&'w Pipeline, Arc<Contract>), TraceError> {
    if dataset == publication::DATASET {
        let problem = format!("the tables of '{dataset}' are made of the records of runs, and of no evidence");
        return Err(TraceError::Usage(format!(
            "{problem}. Each row names its record: see ledger/records in the bucket."
        )));
    }
    let of_dataset = || workspace.pipelines.iter().filter(|pipeline| pipeline.dataset == dataset);
    for pipeline in of_dataset() {
        if let Some(contract) = pipeline.released().into_iter().find(|contract| contract.table == table) {
            return Ok((pipeline, contract));
        }
    }
    let tables: Vec<String> =
        of_dataset().flat_map(Pipeline::released).map(|contract| contract.table.clone()).collect();
    Err(TraceError::Usage(match tables.is_empty() {
        true => {
            let known: Vec<&str> = workspace.pipelines.iter().map(|pipeline| pipeline.dataset.as_str()).collect();
            format!("no pipeline has the dataset '{dataset}'. {}", suggestion(dataset, &known))
        }
        false => {
            let known: Vec<&str> = tables.iter().map(String::as_str).collect();
            format!("no table '{table}' of '{dataset}' is published. {}", suggestion(table, &known))
        }
    }))
}

/// The dates on which a row that is not published may have been: those that the key names, or else those of which rows of the table are
/// held, the newest first.
fn likely_dates(workspace: &Workspace, pipeline: &Pipeline, table: &str, key: &Key) -> Vec<ServiceDate> {
    let named: BTreeSet<ServiceDate> =
        key.dates().chain(key.instants().map(|at| date_of(workspace, pipeline, at))).collect();
    if !named.is_empty() {
        return named.into_iter().collect();
    }
    let held = held::files(&workspace.private, Some(&pipeline.dataset), None);
    let dates: BTreeSet<ServiceDate> = held.iter().filter(|held| held.table == table).map(|held| held.date).collect();
    dates.into_iter().rev().collect()
}
