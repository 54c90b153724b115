//! The trend for a terminal.

use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, Table, presets};

use super::quality::Evaluates;
use super::score::FORMULA_EN;
use super::trend::{Point, Report, RolledBackTable, Trend};
use super::words::{DIMENSIONS, grouped, result_word, then};
use crate::check::RuleResult;
use crate::feed_rules;
use crate::ledger::Status;

/// Rules that are listed under a heading.
const LISTED: usize = 20;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The reports of datasets.
pub(crate) fn write(reports: &[Report]) -> String {
    let mut out = String::new();
    reports.iter().for_each(|report| dataset(&mut out, report));
    wrapped(&mut out, FORMULA_EN);
    out
}

/// A text in lines of 100 characters.
fn wrapped(out: &mut String, text: &str) {
    let mut width = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if width > 0 && width + length >= 100 {
            out.push('\n');
            width = 0;
        } else if width > 0 {
            out.push(' ');
            width += 1;
        }
        *out += word;
        width += length;
    }
    out.push('\n');
}

fn dataset(out: &mut String, report: &Report) {
    let (Some(first), Some(last)) = (report.runs.first(), report.runs.last()) else { return };
    let partitions = report.runs.len();
    let word = if partitions == 1 { "partition" } else { "partitions" };
    let _ = writeln!(out, "{}: {} to {}, {partitions} {word}", report.dataset, first.date, last.date);
    if last.status == Status::HeldBack {
        let _ = writeln!(out, "  HELD BACK: nothing of {} was published", last.date);
    } else if last.provisional {
        let _ = writeln!(out, "  provisional: {} is not over", last.date);
    }
    for run in report.runs.iter().filter(|run| run.nothing_captured && run.status != Status::HeldBack) {
        let _ = writeln!(
            out,
            "  {}: nothing new was captured; what is missing is published alone, without a score",
            run.date
        );
    }
    for (run, back) in report.runs.iter().flat_map(|run| run.rolled_back.iter().map(move |back| (run, back))) {
        let RolledBackTable { table, to, at, by, reason } = back;
        let _ = writeln!(
            out,
            "  {}: since {at} version {to} of {table} is published again ({by}: {reason}); the results are",
            run.date
        );
        let _ = writeln!(out, "    those of the last run");
    }
    let now: Vec<&Trend> = report.trends(&report.look_at).collect();
    let heading = if now.is_empty() { "  Nothing to look at." } else { "  To look at:" };
    let _ = writeln!(out, "{heading}");
    listed(out, &now, |trend| {
        let said = trend.newest().map_or_else(String::new, |point| told(trend, point));
        let (_, then) = then(&trend.rule, last.status, &last.tables);
        let what = trend.rule.message.as_ref().unwrap_or(&trend.rule.description);
        let what: String = what.split_whitespace().collect::<Vec<_>>().join(" ");
        format!("{said}; {what} ({then})")
    });
    for (heading, names) in [("  Worse than before:", &report.worse), ("  Better than before:", &report.better)] {
        let trends: Vec<&Trend> = report.trends(names).collect();
        if !trends.is_empty() {
            let _ = writeln!(out, "{heading}");
            listed(out, &trends, |trend| {
                let of = |point: Option<&Point>| point.map_or_else(|| "new".to_owned(), |point| told(trend, point));
                format!("{}, before: {}", of(trend.newest()), of(trend.before()))
            });
        }
    }
    let _ = writeln!(out, "{}", scores(report));
    if let Some(table) = trends(report) {
        let _ = writeln!(out, "{table}");
        let _ = writeln!(out, "  trend: share of rows named, or the number; · none, ! could not run, - skipped");
    }
    let holds = report.rules.iter().filter(|trend| trend.always_holds()).count();
    let skipped = report.rules.iter().filter(|trend| trend.always_skipped()).count();
    let _ = writeln!(out, "  {holds} rules hold at every date, {skipped} had nothing to look at\n");
}

fn listed(out: &mut String, trends: &[&Trend], say: impl Fn(&Trend) -> String) {
    for trend in trends.iter().take(LISTED) {
        let result = trend.newest().map_or("gone", |point| result_word(point.result, trend.rule.severity).1);
        let _ = writeln!(out, "    {result:7} {}: {}", trend.rule.id, say(trend));
    }
    if trends.len() > LISTED {
        let _ = writeln!(out, "    and {} more", trends.len() - LISTED);
    }
}

/// What a rule came to, in a few words.
fn told(trend: &Trend, point: &Point) -> String {
    match (point.result, trend.rule.asks, point.value) {
        (RuleResult::Error, ..) => "could not run".to_owned(),
        (RuleResult::Skipped, ..) => "skipped".to_owned(),
        (_, Evaluates::Rows, _) => format!("{} of {} rows", grouped(point.rows, ","), grouped(point.checked, ",")),
        (_, Evaluates::Number, Some(value)) => number(value),
        (result, Evaluates::Number, None) => result_word(result, trend.rule.severity).1.to_owned(),
    }
}

/// A number without more digits than it needs.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn scores(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    // A terminal has room for so many.
    let shown = &report.runs[report.runs.len().saturating_sub(7)..];
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    table.set_header([Cell::new("score")].into_iter().chain(shown.iter().map(|run| right(run.date.to_string()))));
    for dimension in DIMENSIONS {
        let of: Vec<Option<f64>> = shown.iter().map(|run| run.score.dimensions.get(&dimension).copied()).collect();
        if of.iter().any(Option::is_some) {
            let cells =
                of.into_iter().map(|score| right(score.map_or_else(String::new, |score| format!("{score:.2}"))));
            table.add_row([Cell::new(format!("{dimension:?}").to_lowercase())].into_iter().chain(cells));
        }
    }
    let of = shown.iter().map(|run| run.score.dataset);
    let cells = of.map(|score| right(score.map_or_else(String::new, |score| format!("{score:.2}"))));
    table.add_row([Cell::new("dataset")].into_iter().chain(cells));
    table
}

/// The rules that named something at some date.
fn trends(report: &Report) -> Option<Table> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["rule", "severity", "trend", "newest"]);
    let mut rows = 0;
    for trend in report.rules.iter().filter(|trend| !trend.always_holds() && !trend.always_skipped()) {
        let newest = trend.newest().map_or_else(|| "gone".to_owned(), |point| told(trend, point));
        let severity = format!("{:?}", trend.rule.severity).to_lowercase();
        table.add_row([Cell::new(&trend.rule.id), Cell::new(severity), Cell::new(sparkline(trend)), Cell::new(newest)]);
        rows += 1;
    }
    for notice in &report.notices {
        let most = notice.counts.iter().flatten().max().copied().unwrap_or(0) as f64;
        let bars = notice.counts.iter().map(|count| count.map_or(' ', |count| bar(count as f64, most)));
        let newest = notice.counts.last().copied().flatten();
        let newest = newest.map_or_else(|| "not run".to_owned(), |count| format!("{} times", grouped(count, ",")));
        let severity = format!("{:?}", notice.severity).to_lowercase();
        table.add_row([feed_rules::told(&notice.code), severity, bars.collect(), newest]);
        rows += 1;
    }
    (rows > 0).then_some(table)
}

/// One character for each partition.
fn sparkline(trend: &Trend) -> String {
    let sizes = || trend.points.iter().flatten().filter_map(|point| trend.size(point));
    let most = sizes().fold(0.0, f64::max);
    let mark = |point: &Option<Point>| match point {
        None => ' ',
        Some(point) if point.result == RuleResult::Error => '!',
        Some(point) if point.result == RuleResult::Skipped => '-',
        Some(point) => trend.size(point).map_or('·', |size| bar(size, most)),
    };
    trend.points.iter().map(mark).collect()
}

fn bar(size: f64, most: f64) -> char {
    if size <= 0.0 || most <= 0.0 {
        return '·';
    }
    let step = (size / most * BARS.len() as f64).ceil() as usize;
    BARS[step.clamp(1, BARS.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Dimension;
    use crate::report::quality::tests::{on, result};

    #[test]
    fn a_terminal_is_told_what_to_look_at_first() {
        let rule = |id, found, rows| result(id, Dimension::Accuracy, found, rows, 2_000);
        let results = [(RuleResult::Passed, 0), (RuleResult::Warning, 5), (RuleResult::Failed, 40)];
        let dates = ["2026-11-22", "2026-11-23", "2026-11-24"];
        let all: Vec<_> = dates
            .into_iter()
            .zip(results)
            .map(|(date, (found, rows))| {
                on(date, vec![rule("t.jumps", found, rows), rule("t.holds", RuleResult::Passed, 0)])
            })
            .collect();
        insta::assert_snapshot!(write(&[Report::of("bus", &all)]));
    }
}
