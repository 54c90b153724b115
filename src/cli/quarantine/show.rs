//! `fahrtenbuch quarantine show`

use std::io::{self, Write};

use arrow_array::{Array, RecordBatch};
use clap::Args;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::held::{choose, decisions_of, id_of, rows, rules_of};
use super::partition::Partition;
use crate::cli::terminal::{Harmless, Stdout};
use crate::quarantine::decisions::{Decisions, Effect};
use crate::quarantine::{self, HELD_AT, ID, ORIGIN_NAME, RULES, RUN, texts};
use crate::table::csv::CsvWriter;
use crate::table::{ORIGIN, ORIGIN_ROW};
use crate::workspace::Workspace;

const PRIVATE: &str = "PRIVATE: these rows may tell of people and vehicles. They must not leave the private store.";

#[derive(Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch quarantine show stadtbus-telemetrie/vehicle_locations --date 2026-11-24
  fahrtenbuch quarantine show stadtbus-fahrplan/stops --date 2026-11-24 --csv > stops.csv")]
pub(super) struct Show {
    #[command(flatten)]
    of: Partition,
    /// Only what this rule holds
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// Rows to show at most; without --json or --csv 10 unless another number is given
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Write JSON to standard output
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Write CSV to standard output
    #[arg(long)]
    csv: bool,
}

pub(super) fn show(workspace: &Workspace, arguments: &Show) -> Result<(), Failure> {
    let fits = |batch: &RecordBatch, row: usize| {
        arguments.rule.as_ref().is_none_or(|rule| rules_of(batch, row).iter().any(|other| other.0 == *rule))
    };
    let chosen = choose(workspace, &arguments.of.table, arguments.of.date, fits)?;
    let decided = decisions_of(workspace, &arguments.of.table.dataset, &arguments.of.table.table, arguments.of.date)?;
    let all = chosen.iter().map(|(_, rows)| rows.len()).sum::<usize>();
    let limit = arguments.limit.unwrap_or(if arguments.json || arguments.csv { usize::MAX } else { 10 });
    let found = chosen.iter().flat_map(|(batch, rows)| rows.iter().map(move |&row| (batch, row))).take(limit);
    let mut out = std::io::BufWriter::new(Harmless::new(Stdout));
    let written = if arguments.json {
        eprintln!("{PRIVATE}");
        write_json(&mut out, found)
    } else if arguments.csv {
        eprintln!("{PRIVATE}");
        let mut header: Vec<String> = Vec::new();
        for name in chosen.iter().flat_map(|(batch, _)| columns(batch)) {
            if !header.contains(&name) {
                header.push(name);
            }
        }
        write_csv(&mut out, &header, found)
    } else {
        let head = format!("{} of {}: {} held back", arguments.of.table, arguments.of.date, rows(all as u64));
        let rest = match all.saturating_sub(limit) {
            0 => String::new(),
            more => format!("\nand {more} more: see them with --limit, --csv or --json\n"),
        };
        write_rows(&mut out, &head, found, &decided).and_then(|()| out.write_all(rest.as_bytes()))
    };
    // The end of the command tells what could not be written.
    let _ = written.and_then(|()| out.flush());
    Ok(())
}

/// What is known of a row first, then the columns of its table.
fn columns(batch: &RecordBatch) -> Vec<String> {
    let first = [ID, RULES, ORIGIN_NAME, ORIGIN_ROW, RUN, HELD_AT];
    let schema = batch.schema();
    let others = schema.fields().iter().map(|field| field.name().as_str());
    let others = others.filter(|name| !first.contains(name) && *name != ORIGIN);
    first.into_iter().chain(others).map(str::to_owned).collect()
}

fn cell(batch: &RecordBatch, row: usize, name: &str) -> Value {
    batch.column_by_name(name).map_or(Value::Null, |array| quarantine::json(array, row))
}

/// A list with one row a line.
fn write_json<'a>(out: &mut impl Write, rows: impl Iterator<Item = (&'a RecordBatch, usize)>) -> io::Result<()> {
    for (place, (batch, row)) in rows.enumerate() {
        out.write_all(if place == 0 { b"[" } else { b",\n" })?;
        let map: Map<String, Value> =
            columns(batch).into_iter().map(|name| (name.clone(), cell(batch, row, &name))).collect();
        serde_json::to_writer(&mut *out, &map)?;
    }
    out.write_all(b"]\n")
}

/// Rows of the feed and rows of the release have different columns: the header has all of them.
fn write_csv<'a>(
    out: &mut impl Write,
    header: &[String],
    rows: impl Iterator<Item = (&'a RecordBatch, usize)>,
) -> io::Result<()> {
    let mut csv = CsvWriter::new(out);
    csv.row(header)?;
    for (batch, row) in rows {
        csv.row(header.iter().map(|name| match cell(batch, row, name) {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        }))?;
    }
    Ok(())
}

/// Rows for people: one line for each column that has a value.
fn write_rows<'a>(
    out: &mut impl Write,
    head: &str,
    rows: impl Iterator<Item = (&'a RecordBatch, usize)>,
    decided: &Decisions,
) -> io::Result<()> {
    writeln!(out, "{PRIVATE}\n{head}")?;
    for (batch, row) in rows {
        let text = |name: &str| texts(batch, name).map_or("", |texts| texts.value(row));
        let decision = match id_of(batch, row).and_then(|id| decided.get(id)) {
            Some(Effect::Discard) => ", will be discarded",
            Some(Effect::Release(rules)) if rules_of(batch, row).iter().all(|rule| rules.contains(rule)) => {
                ", will be released"
            }
            Some(Effect::Release(_)) => ", will be released from some of the rules",
            None => "",
        };
        writeln!(out, "\n{}  held by {}{decision}", text(ID), text(RULES).replace(' ', ", "))?;
        writeln!(out, "  from {}, row {}; run {}", text(ORIGIN_NAME), cell(batch, row, ORIGIN_ROW), text(RUN))?;
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            if !field.name().starts_with('_') && array.is_valid(row) {
                let value = quarantine::json(array, row);
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                writeln!(out, "  {:26} {value}", field.name())?;
            }
        }
    }
    Ok(())
}
