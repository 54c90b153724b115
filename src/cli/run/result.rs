//! What a run came to, for people and as JSON.

use comfy_table::{Cell, CellAlignment, Table, presets};
use serde_json::{Value, json};

use crate::check::RuleResult;
use crate::cli::terminal::{one_line, row_or_rows};
use crate::contract::Severity;
use crate::ledger::{RunRecord, Standard, Status, TableEntry};
use crate::pipeline::run::Report;
use crate::report::quality::{CheckedContract, Evaluates, Quality, RuleReport};
use crate::report::words;

/// Findings that are listed below a table.
const LISTED: usize = 12;

pub(super) fn json(report: &Report, warnings: &[String]) -> Value {
    json!({
        "pipeline": report.record.pipeline,
        "date": report.record.date,
        "status": report.record.status,
        "nothing_new": report.is_nothing_new(),
        "provisional": !report.is_complete,
        "warnings": warnings,
        "releases": report.commits,
        "record_key": report.record_key,
        "seconds": report.seconds,
        "record": report.record,
    })
}

/// The final table of a pipeline, and what its rules found.
pub(super) fn show(report: &Report, asked: &[CheckedContract], bucket: &str) {
    let record = &report.record;
    let provisional = if report.is_complete { "" } else { " (provisional: the date is not over)" };
    println!("{} {}{provisional}", record.pipeline, record.date);
    if report.is_nothing_new() && report.is_repeated {
        println!("  nothing new: the same evidence, contracts and program were published before\n");
        return;
    }
    println!("{}", tables(record, report.seconds));
    for entry in &record.tables {
        left_quarantine(entry);
    }
    print_findings(record, asked);
    for note in record.notes.iter().take(LISTED) {
        println!("  {:7} {}: {}", note.severity, note.rule, one_line(&note.message));
    }
    if record.notes.len() > LISTED {
        println!("  and {} more notes, see the record", record.notes.len() - LISTED);
    }
    for (source, kinds) in record.captures.iter().filter(|(_, kinds)| kinds.keys().any(|kind| kind != "readable")) {
        let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{} {kind}", grouped(*count))).collect();
        println!("  captures of {source}: {}", kinds.join(", "));
    }
    if let Some(standard) = &record.standard {
        print_standard_notices(standard);
    }
    match record.status {
        Status::HeldBack => println!("  HELD BACK: nothing was published, what was published before stays"),
        Status::Published if report.is_nothing_new() => {
            println!("  nothing new: the rows and columns of every table are those that were published before");
        }
        Status::Published if report.finished_earlier => println!("  finished what an earlier run had begun"),
        Status::Published => {}
    }
    println!("  record: {bucket}/{}\n", report.record_key);
}

/// The rows of each table: in, published, quarantined, dropped.
fn tables(record: &RunRecord, seconds: f64) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header([
        "table",
        "rows in",
        "published",
        "quarantined",
        "dropped",
        "findings",
        "files",
        "bytes",
        "seconds",
    ]);
    let number = |value: u64| Cell::new(grouped(value)).set_alignment(CellAlignment::Right);
    let mut total = [0; 7];
    for entry in &record.tables {
        let findings =
            record.findings.iter().filter(|finding| finding.table == entry.table || finding.table == entry.from);
        let row = [
            entry.rows_in,
            entry.published,
            entry.quarantined,
            entry.dropped.values().sum(),
            findings.count() as u64,
            entry.files.len() as u64,
            entry.files.iter().map(|file| file.bytes).sum(),
        ];
        total.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        table.add_row([Cell::new(&entry.table)].into_iter().chain(row.map(number)));
    }
    let seconds = Cell::new(format!("{seconds:.2}")).set_alignment(CellAlignment::Right);
    table.add_row([Cell::new("all")].into_iter().chain(total.map(number)).chain([seconds]));
    table
}

/// The findings of rules: what holds the run back comes first, then what could not run, then by severity.
fn print_findings(record: &RunRecord, asked: &[CheckedContract]) {
    // By contract and rule, as in the record, with what they are called in results.
    let quality = Quality::of(record, asked);
    let is_finding =
        |rule: &&RuleReport| matches!(rule.result, RuleResult::Error | RuleResult::Failed | RuleResult::Warning);
    let mut findings: Vec<&RuleReport> = quality.rules.iter().filter(is_finding).collect();
    let blocks = |rule: &RuleReport| rule.result.blocks(rule.severity, rule.on_fail);
    findings.sort_by_key(|rule| (!blocks(rule), rule.result != RuleResult::Error, std::cmp::Reverse(rule.severity)));
    for rule in findings.into_iter().take(LISTED) {
        let result = match rule.result {
            RuleResult::Error => "ERROR",
            RuleResult::Failed => "failed",
            _ if rule.severity == Severity::Info => "info",
            _ => "warning",
        };
        let what = match (rule.result, rule.asks) {
            (RuleResult::Error, _) | (_, Evaluates::Number) => String::new(),
            (_, Evaluates::Rows) => format!("{} {}, ", grouped(rule.rows), row_or_rows(rule.rows)),
        };
        let (_, then) = words::then(rule, quality.status, &quality.tables);
        let message = one_line(rule.message.as_ref().unwrap_or(&rule.description));
        println!("  {result:7} {}: {what}{message} ({then})", rule.id);
    }
    if record.findings.len() > LISTED {
        println!("  and {} more findings, see the record", record.findings.len() - LISTED);
    }
}

/// Rows that were held back before and are not any more, or are now.
fn left_quarantine(entry: &TableEntry) {
    let left = &entry.left_quarantine;
    if left.rows() == 0 {
        return;
    }
    let parts = [
        (left.published, "published"),
        (left.dropped, "dropped"),
        (left.gone, "not in the feed any more"),
        (left.held_back, "held back with the run"),
    ];
    let parts: Vec<String> =
        (parts.iter().filter(|(rows, _)| *rows > 0)).map(|(rows, what)| format!("{} {what}", grouped(*rows))).collect();
    let rows = row_or_rows(left.rows());
    println!("  {}: {} {rows} left the quarantine, {}", entry.table, grouped(left.rows()), parts.join(", "));
}

/// What the standard rules of GTFS and GTFS-Realtime say: how much of each severity, and the notices by name.
fn print_standard_notices(standard: &Standard) {
    if standard.notices.is_empty() && standard.not_run.is_empty() {
        println!("  standard rules: no notices");
        return;
    }
    for notice in standard.notices.iter().take(LISTED) {
        let severity = format!("{:?}", notice.severity).to_lowercase();
        println!("  {severity:7} {}: {} times", crate::feed_rules::told(&notice.code), grouped(notice.count));
    }
    if standard.notices.len() > LISTED {
        println!("  and {} more kinds of notices, see the record", standard.notices.len() - LISTED);
    }
    if !standard.not_run.is_empty() {
        println!("  {} standard rules did not run to their end, see the record", standard.not_run.len());
    }
}

/// 1234567 as 1,234,567.
fn grouped(value: u64) -> String {
    words::grouped(value, ",")
}
