//! `fahrtenbuch releases list`

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::Args;
use comfy_table::{Cell, CellAlignment};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::cli::acting::{Target, is_known, not_done, open};
use crate::cli::exit::Exit;
use crate::cli::run::{failed, spans};
use crate::cli::terminal::{listing, one_line};
use crate::pipeline::run::RunError;
use crate::pipeline::run::releases::{Listed, Reason, history, tables};
use crate::publication::DATASET;
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, TableIndex, UsedTimetable};
use crate::report::words::grouped;
use crate::schedule::words::local;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

#[derive(Args)]
pub(super) struct List {
    /// A dataset, or one of its tables; all tables if none is given
    #[arg(value_name = "DATASET[/TABLE]")]
    target: Option<Target>,
    /// How many versions of a table are listed, the newest ones
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    last: u64,
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(root: &Path, arguments: &List) -> Result<Exit, Exit> {
    let (workspace, bucket) = open(root)?;
    if let Some(Target { dataset, table: Some(table) }) = &arguments.target {
        let listed = history(&bucket, dataset, table, arguments.last).map_err(|error| not_done(&error))?;
        match arguments.json {
            true => println!("{}", Value::from_iter(listed.iter().map(version_json))),
            false => show(&workspace, &listed),
        }
        return Ok(Exit::Done);
    }
    let datasets: BTreeSet<String> = match &arguments.target {
        Some(target) => {
            // No pipeline has the tables that tell of all datasets.
            if target.dataset != DATASET {
                is_known(&workspace, &target.dataset)?;
            }
            [target.dataset.clone()].into()
        }
        None => workspace.pipelines.iter().map(|pipeline| pipeline.dataset.clone()).collect(),
    };
    let mut all = Vec::new();
    for dataset in datasets {
        all.extend(newest(&bucket, &dataset).map_err(|error| failed(&error, false, None))?);
    }
    match arguments.json {
        true => {
            let mut timetables = Timetables { bucket: &bucket, known: BTreeMap::new() };
            let tables = all.iter().map(|index| Ok(table_json(index, timetables.of(index)?)));
            let tables = tables.collect::<Result<Value, RunError>>().map_err(|error| failed(&error, false, None))?;
            println!("{tables}");
        }
        false => show_tables(&workspace, &all),
    }
    Ok(Exit::Done)
}

/// The newest versions of the tables of a dataset.
fn newest(bucket: &Bucket, dataset: &str) -> Result<Vec<TableIndex>, RunError> {
    let mut all = Vec::new();
    for table in tables(bucket, dataset)? {
        all.extend(index::current(bucket, dataset, &table)?);
    }
    Ok(all)
}

/// The timetables that files name, and the current files of their partitions.
struct Timetables<'a> {
    bucket: &'a Bucket,
    /// The current indexes of the tables of a dataset.
    known: BTreeMap<String, Vec<TableIndex>>,
}

impl Timetables<'_> {
    /// What the dates of a table were joined with, each timetable once.
    fn of(&mut self, index: &TableIndex) -> Result<Value, RunError> {
        let mut dates: BTreeMap<&UsedTimetable, Vec<ServiceDate>> = BTreeMap::new();
        for file in &index.files {
            if let Some(Some(timetable)) = &file.timetable {
                dates.entry(timetable).or_default().push(file.partition_date);
            }
        }
        let mut all = Vec::new();
        for (timetable, dates) in dates {
            all.push(json!({
                "dataset": timetable.dataset,
                "partition_date": timetable.partition_date,
                "sha256": timetable.sha256,
                "dates": dates,
                "tables": self.tables(timetable)?,
            }));
        }
        Ok(all.into())
    }

    /// The published files of just this timetable, by table; null if it was not published, or another one of its date was.
    fn tables(&mut self, timetable: &UsedTimetable) -> Result<Value, RunError> {
        let dataset = &timetable.dataset;
        if !self.known.contains_key(dataset) {
            self.known.insert(dataset.clone(), newest(self.bucket, dataset)?);
        }
        let files = self.known.get(dataset).into_iter().flatten().filter_map(|index| {
            let file = index.file_of(timetable.partition_date)?;
            let is_it = file.timetable.as_ref()?.as_ref()?.sha256 == timetable.sha256;
            is_it.then(|| (index.table.clone(), json!({"path": file.path, "sha256": file.sha256})))
        });
        let files: serde_json::Map<String, Value> = files.collect();
        Ok(if files.is_empty() { Value::Null } else { files.into() })
    }
}

fn table_json(index: &TableIndex, timetables: Value) -> Value {
    let withdrawn = index.withdrawn.iter().map(|(date, of)| {
        json!({
            "date": date,
            "at": of.at,
            "by": of.by,
            "reason": of.reason,
            "record": of.record,
            "versions": [of.from, of.version - 1],
            "files": of.files,
            "lifted": of.lifted,
        })
    });
    let back = index.rolled_back.iter().map(|(date, of)| {
        json!({"date": date, "at": of.at, "by": of.by, "reason": of.reason, "record": of.record, "to": of.to})
    });
    json!({
        "dataset": index.dataset,
        "table": index.table,
        "version": index.version,
        "at": index.release.as_ref().map(|release| release.at),
        "files": index.files.len(),
        "rows": index.files.iter().map(|file| file.rows).sum::<u64>(),
        "bytes": index.files.iter().map(|file| file.bytes).sum::<u64>(),
        "first": index.files.first().map(|file| file.partition_date),
        "last": index.files.last().map(|file| file.partition_date),
        "timetables": timetables,
        "withdrawn": withdrawn.collect::<Value>(),
        "rolled_back": back.collect::<Value>(),
    })
}

fn version_json(of: &Listed) -> Value {
    json!({
        "version": of.version,
        "at": of.at,
        "dates": of.dates,
        "timetables": of.timetables,
        "files": of.files,
        "rows": of.rows,
        "bytes": of.bytes,
        "provisional": of.is_provisional,
        "reasons": of.reasons.iter().map(|reason| reason.word()).collect::<Vec<_>>(),
        "act": of.act,
        "pipeline": of.pipeline,
        "record": of.record,
        "current": of.is_current,
        "withdrawn": of.is_withdrawn,
    })
}

fn number(value: u64) -> Cell {
    Cell::new(grouped(value, ",")).set_alignment(CellAlignment::Right)
}

fn show_tables(workspace: &Workspace, all: &[TableIndex]) {
    if all.is_empty() {
        return println!("Nothing is published yet.");
    }
    let mut table = listing(["table", "version", "released", "dates", "files", "rows", "bytes"]);
    for index in all {
        let at = index.release.as_ref().map_or_else(String::new, |release| zoned(release.at, &workspace.zone));
        let (first, last) = (index.files.first(), index.files.last());
        let dates = match first.zip(last) {
            Some((first, last)) if first == last => first.partition_date.to_string(),
            Some((first, last)) => format!("{} to {}", first.partition_date, last.partition_date),
            None => "none".to_owned(),
        };
        table.add_row([
            Cell::new(format!("{}/{}", index.dataset, index.table)),
            number(index.version),
            Cell::new(at),
            Cell::new(dates),
            number(index.files.len() as u64),
            number(index.files.iter().map(|file| file.rows).sum()),
            number(index.files.iter().map(|file| file.bytes).sum()),
        ]);
    }
    println!("{table}");
    for index in all {
        for (date, of) in index.withdrawn.iter().filter(|(_, of)| of.holds()) {
            let (at, why) = (zoned(of.at, &workspace.zone), one_line(&of.reason));
            println!("  {}/{} {date}: withdrawn {at} by {}: {why}", index.dataset, index.table, one_line(&of.by));
        }
        for (date, of) in &index.rolled_back {
            let (at, why) = (zoned(of.at, &workspace.zone), one_line(&of.reason));
            println!(
                "  {}/{} {date}: back at version {} since {at}, by {}: {why}",
                index.dataset,
                index.table,
                of.to,
                one_line(&of.by)
            );
        }
    }
}

fn show(workspace: &Workspace, listed: &[Listed]) {
    let mut table = listing(["version", "released", "dates", "why", "files", "rows", "bytes"]);
    for of in listed {
        let at = of.at.map_or_else(String::new, |at| zoned(at, &workspace.zone));
        let dates: Vec<ServiceDate> = of.dates.iter().copied().collect();
        let why: Vec<&str> = of.reasons.iter().map(|reason| told(*reason)).collect();
        let hidden = if of.is_withdrawn { " (names withdrawn files)" } else { "" };
        let version = if of.is_current { format!("{} (current)", of.version) } else { of.version.to_string() };
        table.add_row([
            Cell::new(version),
            Cell::new(at),
            Cell::new(spans(&dates)),
            Cell::new(why.join(", ") + hidden),
            number(of.files as u64),
            number(of.rows),
            number(of.bytes),
        ]);
    }
    println!("{table}");
    for (of, act) in listed.iter().filter_map(|of| Some((of, of.act.as_ref()?))) {
        let to = act.to.map_or_else(String::new, |to| format!(" to version {to}"));
        let (kind, by) = (act.kind.word(), one_line(&act.by));
        println!("  {}: {kind}{to} by {by}: {}", of.version, one_line(&act.reason));
    }
    if let Some(first) = listed.first().filter(|first| first.version > 1) {
        println!("  versions before {}: --last NUMBER lists more", first.version);
    }
}

/// A reason for people.
fn told(reason: Reason) -> &'static str {
    match reason {
        Reason::First => "first release",
        Reason::AfterWithdrawal => "released again after a withdrawal",
        Reason::Again => "released again, after it had no rows",
        Reason::Provisional => "provisional",
        Reason::Complete => "complete, after provisional",
        Reason::LateEvidence => "late evidence",
        Reason::ChangedTimetable => "another timetable",
        Reason::ChangedContract => "changed contract or mapping",
        Reason::ChangedDecisions => "decisions about rows",
        Reason::ChangedSettings => "changed settings",
        Reason::ChangedProgram => "another program",
        Reason::TakenBack => "taken back: no rows",
        Reason::Rollback => "rollback",
        Reason::Withdrawal => "withdrawal",
        Reason::Lift => "withdrawal lifted",
        Reason::Compaction => "past months in one file",
        Reason::NewerReleases => "tells of newer releases",
        Reason::Unknown => "unknown: a record is gone",
    }
}

/// By the clock of the workspace, with what that is ahead of UTC: who writes to somebody elsewhere copies it as it stands.
fn zoned(at: Timestamp, zone: &TimeZone) -> String {
    format!("{} (UTC{})", local(at, zone), zone.to_offset(at))
}
