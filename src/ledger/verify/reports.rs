//! Quality results: `reports/<dataset>/date=…/quality.json` of each date that is published says what the record of its run says.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::context::{Context, Got, Interrupted};
use super::fault::{Fault, FaultKind, Subject};
use super::records::{LONGEST, Records};
use super::strict;
use super::tables::Tables;
use crate::digest::Digest;
use crate::ledger::record_key;
use crate::text::Text;
use crate::time::ServiceDate;

/// What is wrong with results, by the bytes of the record of their run and their own.
pub(crate) type CompareResults = fn(record: &[u8], results: &[u8]) -> Option<Text>;

#[derive(Deserialize)]
struct Said {
    inputs: Digest,
}

/// Dates with a file that a run has made, and those of which something was withdrawn.
fn dates(tables: &Tables, records: &Records) -> BTreeMap<(String, ServiceDate), bool> {
    let mut withdrawn: BTreeSet<(&str, ServiceDate)> = BTreeSet::new();
    let mut dates = BTreeMap::new();
    let newest = || tables.all.iter().filter_map(|table| Some((table.id.dataset.as_str(), table.newest.as_ref()?)));
    for (dataset, newest) in newest() {
        withdrawn.extend(newest.withdrawn.keys().map(|date| (dataset, *date)));
    }
    for (dataset, newest) in newest() {
        for date in newest.files.iter().map(|file| file.partition_date) {
            let key = (dataset.to_owned(), date);
            if records.runs.contains_key(&key) {
                // With what was withdrawn results are, and they come again with the next run.
                let may_lack = withdrawn.contains(&(dataset, date));
                dates.insert(key, may_lack);
            }
        }
    }
    dates
}

/// Looks for results of dates that are withdrawn, and where names can be listed for those of dates that no run has a record of.
fn strangers(context: &mut Context<'_>, tables: &Tables, records: &Records) -> Result<(), Interrupted> {
    let newest = tables.all.iter().filter_map(|table| Some((table.id.dataset.as_str(), table.newest.as_ref()?)));
    let mut withdrawn: BTreeSet<(String, ServiceDate)> = BTreeSet::new();
    for (dataset, newest) in newest {
        let held = newest.withdrawn.iter().filter(|(_, tombstone)| tombstone.holds());
        withdrawn.extend(held.map(|(date, _)| (dataset.to_owned(), *date)));
    }
    let mut found: BTreeMap<(String, ServiceDate), String> = BTreeMap::new();
    match context.list("reports")? {
        Some(names) => {
            for name in names {
                let parts: Vec<&str> = name.split('/').collect();
                let ["reports", dataset, folder, _] = parts.as_slice() else { continue };
                let date = folder.strip_prefix("date=").and_then(|date| date.parse().ok());
                if let Some(date) = date {
                    found.entry(((*dataset).to_owned(), date)).or_insert(name);
                }
            }
        }
        None => {
            for (dataset, date) in &withdrawn {
                let key = format!("reports/{dataset}/date={date}/quality.json");
                if let Got::There(_) = context.digest(Subject::Report, &key, LONGEST as u64)? {
                    found.insert((dataset.clone(), *date), key);
                }
            }
        }
    }
    for ((dataset, date), path) in found {
        let said = if withdrawn.contains(&(dataset.clone(), date)) {
            Text::new(
                "the quality results are of a withdrawn date, and are there again, or were never deleted",
                "die Qualitätsergebnisse sind von einem zurückgenommenen Tag und wieder da oder wurden nie gelöscht",
            )
        } else {
            // A record that is gone may be that of their run.
            let is_lacking = |fault: &Fault| fault.what == Subject::Record && fault.date.is_none_or(|of| of == date);
            let is_known = records.runs.contains_key(&(dataset.clone(), date));
            if is_known || context.findings.faults.iter().any(is_lacking) {
                continue;
            }
            Text::new(
                "the quality results are of a date of which no run has a record",
                "die Qualitätsergebnisse sind von einem Tag, von dem kein Lauf einen Beleg hat",
            )
        };
        let fault = Fault::new(FaultKind::NotInLog, Subject::Report, path, said);
        context.findings.tell(Fault { dataset: Some(dataset), ..fault }.of_date(Some(date)));
    }
    Ok(())
}

/// Looks at the results of all dates.
pub(super) fn check(
    context: &mut Context<'_>,
    tables: &Tables,
    records: &Records,
    compare: CompareResults,
) -> Result<(), Interrupted> {
    let can_list = context.list("reports")?.is_some();
    strangers(context, tables, records)?;
    let mut unknown = 0;
    for ((dataset, date), may_lack) in dates(tables, records) {
        let key = format!("reports/{dataset}/date={date}/quality.json");
        let fault = |kind, said| {
            let fault = Fault::new(kind, Subject::Report, key.clone(), said);
            Fault { dataset: Some(dataset.clone()), ..fault }.of_date(Some(date))
        };
        let bytes = match context.get(Subject::Report, &key, LONGEST)? {
            Got::There(bytes) => bytes,
            Got::Unreadable => continue,
            Got::Absent if may_lack => continue,
            Got::Absent => {
                let said = Text::new(
                    "the quality results of the date are not there",
                    "die Qualitätsergebnisse des Datums sind nicht da",
                );
                context.findings.tell(fault(FaultKind::Missing, said));
                continue;
            }
        };
        context.findings.counts.reports += 1;
        // Readers that take the first of two fields of a name would read something else.
        let said: Option<Said> = strict::value(&bytes).and_then(|of| serde_json::from_value(of).ok());
        let Some(said) = said else {
            let said = Text::new("these are no quality results", "das sind keine Qualitätsergebnisse");
            context.findings.tell(fault(FaultKind::Changed, said));
            continue;
        };
        let runs = records.runs.get(&(dataset.clone(), date)).map(Vec::as_slice).unwrap_or_default();
        let of_run: Vec<&Digest> =
            runs.iter().filter(|(inputs, _)| *inputs == said.inputs).map(|(_, record)| record).collect();
        if of_run.is_empty() && context.findings.has(Subject::Record) {
            // It may be the run whose record is told.
            continue;
        }
        if of_run.is_empty() && !can_list {
            // A run that released nothing, as one that was held back, has a record that only a listing finds.
            unknown += 1;
            continue;
        }
        let mut problem = Some(Text::new(
            "the results name the inputs of no run of the date that has a record",
            "die Ergebnisse nennen die Eingaben keines Laufs des Datums, der einen Beleg hat",
        ));
        for record in of_run {
            // One of several runs of the same inputs has these results.
            if let Got::There(record) = context.get(Subject::Record, &record_key(record), LONGEST)? {
                problem = compare(&record, &bytes);
            }
            if problem.is_none() {
                break;
            }
        }
        if let Some(said) = problem {
            context.findings.tell(fault(FaultKind::Changed, said));
        }
    }
    if unknown > 0 {
        context.findings.notes.push(Text::new(
            format!(
                "of {unknown} dates the quality results are of a run that released nothing. Its record is found only \
             where names can be listed, so they were not compared with it"
            ),
            format!(
                "von {unknown} Tagen stammen die Qualitätsergebnisse aus einem Lauf, der nichts veröffentlicht hat. \
             Dessen Beleg ist nur zu finden, wo sich Namen auflisten lassen; mit ihm verglichen wurden sie nicht"
            ),
        ));
    }
    Ok(())
}
