//! The status as English text for a terminal.

use std::fmt::Write;

use jiff::civil::Date;

use crate::capture::coverage::{Class, LEGEND, Sign};
use crate::notify::CauseKind;
use crate::schedule::status::data::{Disk, PipelineStatus, SourceStatus, Status, Undecided};
use crate::schedule::status::words::{ago, bytes, due_since, local, number, verdict, why_later};

/// Jobs that are listed of each kind.
const LISTED: usize = 10;
/// Hours by the clock that a sign stands for.
const CELL: i8 = 4;
/// A name has so much room, at most.
const NAME: usize = 32;

/// The whole status; the first line is the verdict.
pub fn text(status: &Status) -> String {
    let mut out = verdict(status).en + "\n";
    needs(&mut out, status);
    at_work(&mut out, status);
    jobs(&mut out, status);
    pipelines(&mut out, status);
    sources(&mut out, status);
    undecided(&mut out, status);
    disk(&mut out, status);
    out
}

fn needs(out: &mut String, status: &Status) {
    if status.needs.is_empty() {
        return;
    }
    *out += "\nWhat needs you\n";
    for (number, need) in status.needs.iter().enumerate() {
        let _ = writeln!(out, "  {}. {}", number + 1, need.what.en);
        if let Some(since) = need.since {
            let _ = writeln!(out, "     since {} ({})", local(since, &status.zone).en, ago(since, status.now).en);
        }
        if let Some(said) = &need.said {
            let head = if need.kind == CauseKind::ConfigurationWrong.name() { "it is" } else { "the newest try said" };
            let _ = writeln!(out, "     {head}: {said}");
        }
        let _ = writeln!(out, "     lost if nothing happens: {}", need.lost.en);
        let _ = writeln!(out, "     {}", need.command.join(" "));
        if let Some(ways) = &need.ways {
            let _ = writeln!(out, "     then: {}", ways.en);
        }
    }
}

fn at_work(out: &mut String, status: &Status) {
    let word = |is_at_work: Option<bool>| match is_at_work {
        Some(true) => "at work",
        Some(false) => "not at work",
        None => "never started",
    };
    let _ = writeln!(out, "\nCollector: {}. Scheduler: {}.", word(status.collector), word(status.scheduler));
}

fn jobs(out: &mut String, status: &Status) {
    let at = |at| local(at, &status.zone).en;
    let running = status.running.iter().map(|running| format!("{}, since {}", running.key, at(running.since)));
    list(out, "Running", running);
    let due = status.due.iter().map(|job| {
        let since = due_since(job.why, &local(job.since, &status.zone)).en;
        format!("{}: {}, {since}", job.key, job.said)
    });
    let chores = status.due_chores.iter().map(|name| format!("{name}: a daily job"));
    list(out, "Due now", due.chain(chores).collect::<Vec<_>>().into_iter());
    let next =
        status.next.iter().map(|job| format!("{}  {}: {}", at(job.at), job.key, why_later(job.why, &job.said).en));
    let chore = status.next_chore.iter().map(|chore| format!("{}  {}: a daily job", at(chore.at), chore.name));
    list(out, "Next", next.chain(chore).collect::<Vec<_>>().into_iter());
    let chores = status.chores.iter().map(|chore| {
        format!(
            "{} {}: {}",
            chore.name,
            ago(chore.at, status.now).en,
            chore.outcome.name().replace("published", "done")
        )
    });
    list(out, "Daily jobs", chores);
}

fn list(out: &mut String, title: &str, lines: impl ExactSizeIterator<Item = String>) {
    let count = lines.len();
    if count == 0 {
        return;
    }
    let _ = writeln!(out, "\n{title}");
    for line in lines.take(LISTED) {
        let _ = writeln!(out, "  {line}");
    }
    if count > LISTED {
        let _ = writeln!(out, "  and {} more", count - LISTED);
    }
}

fn pipelines(out: &mut String, status: &Status) {
    let line = |pipeline: &PipelineStatus| {
        let newest = match (&pipeline.newest, pipeline.is_scheduled) {
            (_, false) => "has no 'schedule'".to_owned(),
            _ if !pipeline.is_known => "what the bucket has of it cannot be read, or its evidence".to_owned(),
            (None, true) => "no release yet".to_owned(),
            (Some(newest), true) => {
                let when = newest.at.map_or_else(String::new, |at| format!(", released {}", ago(at, status.now).en));
                let provisional = if newest.is_provisional { ", provisional" } else { "" };
                format!("newest release {}{provisional}{when}", newest.date)
            }
        };
        format!("{}: {newest}", pipeline.name)
    };
    list(out, "Pipelines", status.pipelines.iter().map(line));
}

fn sources(out: &mut String, status: &Status) {
    if status.sources.is_empty() {
        return;
    }
    let widths = status.sources.iter().map(|source| source.name.chars().count());
    let width = widths.max().unwrap_or(0).clamp(7, NAME);
    let days = days(status);
    let head: String = days.iter().map(|day| format!("{:<7}", day.strftime("%a %d").to_string())).collect();
    let _ = writeln!(out, "\n{:<width$}  {head} newest body", "Sources");
    for source in &status.sources {
        let name: String = source.name.chars().take(width).collect();
        let signs: Vec<String> = days.iter().map(|day| signs(status, source, *day)).collect();
        let newest = source.newest_body.map_or_else(|| "none".to_owned(), |at| ago(at, status.now).en);
        let _ = writeln!(out, "{name:<width$}  {}  {newest}", signs.join(" "));
    }
    let _ = writeln!(out, "A sign is {CELL} hours. {LEGEND}");
}

/// The local dates of the week.
fn days(status: &Status) -> Vec<Date> {
    status.disk.evidence.iter().map(|(day, _)| *day).collect()
}

/// The signs of a day: what its hours came to by the local clock.
fn signs(status: &Status, source: &SourceStatus, day: Date) -> String {
    let mut cells = [[0; Class::ALL.len()]; 6];
    for hour in &source.hours {
        let local = status.zone.to_datetime(hour.begin);
        let cell = usize::try_from(local.hour() / CELL).unwrap_or(0);
        if let (true, Some(counts), Some(cell)) = (local.date() == day, hour.counts, cells.get_mut(cell)) {
            cell.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
    }
    cells.iter().map(|counts| Sign::of(counts).map_or(' ', Sign::char)).collect()
}

fn undecided(out: &mut String, status: &Status) {
    let line = |of: &Undecided| {
        format!(
            "{}: {} {} without a decision, the oldest of {} ({} of this week, {} of the last four, {} older)",
            of.dataset,
            number(of.rows).en,
            if of.rows == 1 { "row" } else { "rows" },
            of.oldest,
            number(of.under_a_week).en,
            number(of.under_four_weeks).en,
            number(of.older).en
        )
    };
    list(out, "Quarantine", status.undecided.iter().map(line));
}

fn disk(out: &mut String, status: &Status) {
    let Disk { a_day, free, size, full_at, spool, .. } = &status.disk;
    *out += "\nDisk\n";
    let a_day = a_day.map_or_else(
        || "not known until there is evidence of a whole day".to_owned(),
        |a_day| format!("{} of evidence", bytes(a_day).en),
    );
    let _ = writeln!(out, "  a day takes: {a_day}");
    if let (Some(free), Some(size)) = (free, size) {
        let _ = writeln!(out, "  free: {} of {}", bytes(*free).en, bytes(*size).en);
    }
    match (spool, full_at) {
        (Some(spool), _) => {
            let (waiting, limit) = (bytes(spool.waiting_bytes).en, bytes(spool.limit).en);
            let over = spool
                .over_at
                .map(|at| format!("; if nothing is taken, it is reached on {}", local(at, &status.zone).en));
            let over = over.unwrap_or_default();
            let _ = writeln!(out, "  {waiting} wait for {}, of 'limits: spool' {limit}{over}", spool.at);
        }
        (None, Some(at)) => {
            let _ = writeln!(out, "  full at this pace: {}", local(*at, &status.zone).en);
        }
        (None, None) => {}
    }
}
