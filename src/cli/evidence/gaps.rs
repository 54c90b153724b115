//! `fahrtenbuch evidence gaps`

mod found;
mod picture;

use clap::Args;
use comfy_table::{Cell, CellAlignment};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::capture::CaptureError;
use crate::capture::collector::Collector;
use crate::capture::coverage::{Class, Coverage, Explanation, Span};
use crate::capture::evidence::Store;
use crate::cli::evidence::explained::in_words;
use crate::cli::evidence::gaps::found::{Found, length};
use crate::cli::evidence::instant::instant;
use crate::cli::evidence::said::tell_gone;
use crate::cli::evidence::source::tell_unread;
use crate::cli::exit::{Exit, usage};
use crate::cli::run::failed;
use crate::cli::terminal::{count, listing, width};
use crate::pipeline::Pipeline;
use crate::pipeline::purged::{self, Purged, PurgedDate};
use crate::pipeline::run::purge::Losses;
use crate::pipeline::run::{RunError, date_of};
use crate::time::ServiceDate;
use crate::workspace::Workspace;
use crate::workspace::beats::{Explained, explain};
use crate::yaml::suggestion;

pub(super) const HELP: &str = "\
Examples:
  fahrtenbuch evidence gaps                                       the last 24 hours of all sources
  fahrtenbuch evidence gaps stadtbus-vehicle-positions --from 2026-11-01 --until 2026-12-01
  fahrtenbuch evidence gaps --json | jq '.[] | {source, beats, off: .explained.off}'

Every beat of 'fahrtenbuch collect' is explained, and the numbers add up to all beats of the period:
  body         a body was kept
  unchanged    the source had what it gave before
  silent       a source that sends by itself (MQTT) was connected, and nothing came
  frozen       it answered, but the header time of its feed stood still for more than two beats and a minute
  unreadable   the body is not what the source is to give
  failed       refused, time_out, status, tls, too_large, cut_off, redirect, not_kept, other
  skipped      late: the answer to an earlier beat was under way, or the machine slept; left_alone: the source
               said so (Retry-After); not_kept: the disk took no record; ended: the collector ended meanwhile
  off          no collector was at work: stopped, killed, or the configuration did not have the source
  under_way    the answer is awaited
  unexplained  a collector was at work and left no record, or the archive is damaged there: should be none

Beats count from the first record of a source on ('first_beat' in JSON), and none that is still to come. A body that was asked
for with a wrong clock counts at the time that it is kept under. A date is its midnight, and a time without a zone is one of 'time_zone': of one that the clock shows twice the first, of
one that it jumps over the jump. Of dates that were destroyed it is told when and by which rule.

A source that cannot be read hides no other: its error comes last, and the exit code is that of the error.";

/// Gaps of a source that are listed, at most.
const LISTED: usize = 30;

#[derive(Args)]
pub(super) struct Gaps {
    /// Pipelines or sources; all that are collected if none is given
    #[arg(value_name = "PIPELINE|SOURCE")]
    of: Vec<String>,
    /// The first beats: a date or a time; 24 hours before the end unless given
    #[arg(long, value_name = "TIME|DATE")]
    from: Option<String>,
    /// Beats before this: a date or a time; now unless given
    #[arg(long, value_name = "TIME|DATE")]
    until: Option<String>,
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
    /// Draw without colours; so does NO_COLOR, and what is no terminal has none
    #[arg(long, visible_alias = "no-color")]
    no_colour: bool,
}

pub(super) fn run(workspace: &Workspace, arguments: &Gaps) -> Result<Exit, Exit> {
    let now = crate::time::now();
    let at = |text: &Option<String>| text.as_deref().map(|text| instant(workspace, text)).transpose();
    let until = at(&arguments.until)?.unwrap_or(now);
    let day = SignedDuration::from_hours(24);
    let from = at(&arguments.from)?.unwrap_or_else(|| until.saturating_sub(day).unwrap_or(Timestamp::MIN));
    if from >= until {
        return Err(usage(&format!("the period begins at {from} and ends at {until}. Let it end later.")));
    }
    let sources = sources(workspace, &arguments.of)?;
    // One that cannot be read hides no other, and is told at the end.
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    let (shown_from, sources) = shown_from(workspace, sources, (from, until), &mut unread);
    let cells = picture::cells(shown_from, until, width(), &sources);
    let [first, last] = [from, until].map(|at| ServiceDate::local_date_of(at, &workspace.zone));
    let losses = Losses::read(workspace, Some(first.plus_days(-2)..last.plus_days(3)));
    let losses = losses.map_err(|error| failed(&error, false, None))?;
    for source in sources {
        let coverage = Coverage::new(from, until, cells).shown_from(shown_from);
        let of = losses.of(&source).and_then(|gone| Ok((gone, look(workspace, &source, coverage, now)?)));
        match of {
            Ok((mut gone, of)) => {
                let hour = SignedDuration::from_hours(1);
                gone.retain(|gone| gone.hour < until && gone.hour.saturating_add(hour).is_ok_and(|end| end > from));
                tell_gone(&source, &gone);
                found.push(of);
            }
            Err(error) => unread.push((source, error)),
        }
    }
    if arguments.json {
        println!("{}", found.iter().map(to_json).collect::<Value>());
        return Ok(tell_unread(&unread));
    }
    if found.is_empty() {
        if unread.is_empty() {
            println!("no source is collected");
        }
        return Ok(tell_unread(&unread));
    }
    print_table(workspace, &found);
    for found in &found {
        print_gaps(workspace, found);
    }
    picture::print(workspace, &found, arguments.no_colour);
    Ok(tell_unread(&unread))
}

/// Those that are asked, by the workspace, and those with evidence that were.
fn sources(workspace: &Workspace, of: &[String]) -> Result<Vec<String>, Exit> {
    let store = own_store(workspace);
    let kept = store.known_sources().map_err(|error| failed(&error.into(), false, None))?;
    let own = |pipeline: &Pipeline| -> Vec<String> {
        let feeds = pipeline.feeds.iter().filter(|feed| feed.from.folder().is_none());
        feeds.map(|feed| feed.name.clone()).collect()
    };
    let live = workspace.pipelines.iter().map(|pipeline| (pipeline.name.clone(), own(pipeline)));
    let live: Vec<(String, Vec<String>)> = live.collect();
    let mut sources: Vec<String> = Vec::new();
    for name in of {
        let its = live.iter().find(|(pipeline, _)| pipeline == name).map(|(_, sources)| sources.clone());
        let is_source = kept.contains(name) || live.iter().any(|(_, sources)| sources.contains(name));
        match its.or(is_source.then(|| vec![name.clone()])) {
            Some(mut its) => sources.append(&mut its),
            None => {
                let known = live.iter().flat_map(|(pipeline, sources)| std::iter::once(pipeline).chain(sources));
                let known: Vec<&str> = known.chain(&kept).map(String::as_str).collect();
                let remedy = suggestion(name, &known);
                return Err(usage(&format!("there is no pipeline and no source '{name}' that is collected. {remedy}")));
            }
        }
    }
    if of.is_empty() {
        sources = live.into_iter().flat_map(|(_, sources)| sources).collect();
        // What was taken out of the configuration was collected all the same.
        sources.extend(kept.into_iter().filter(|source| store.known(source).1.is_some()));
    }
    sources.sort_unstable();
    sources.dedup();
    Ok(sources)
}

fn own_store(workspace: &Workspace) -> Store {
    Store::new(Collector::evidence(&workspace.private)).with_remote(workspace.evidence.clone())
}

/// Where the picture of a period begins: not before the first beat that the sources have a record of, so that the first hour of a
/// collector fills it. Beside it the sources that could be read.
fn shown_from(
    workspace: &Workspace,
    sources: Vec<String>,
    (from, until): (Timestamp, Timestamp),
    unread: &mut Vec<(String, RunError)>,
) -> (Timestamp, Vec<String>) {
    let store = own_store(workspace);
    let (mut first, mut readable) = (until, Vec::new());
    for source in sources {
        match first_record(&store, &source, (from, first)) {
            Ok(of_source) => {
                first = of_source.map_or(first, |of_source| of_source.min(first));
                readable.push(source);
            }
            Err(error) => unread.push((source, error.into())),
        }
    }
    // What nobody ever asked is shown over the whole period.
    (if first < until { first.max(from) } else { from }, readable)
}

/// The first beat of a source of which there is a record, to the hour where it is of no interest: before a period, or after a beat that
/// is known.
fn first_record(
    store: &Store,
    source: &str,
    (from, known): (Timestamp, Timestamp),
) -> Result<Option<Timestamp>, CaptureError> {
    if known <= from || !store.may_have_beats(source) {
        return Ok(None);
    }
    let hour = store.hours(source)?.into_iter().min();
    let Some(hour) = hour.filter(|hour| *hour > from && *hour < known) else { return Ok(hour) };
    let end = hour.saturating_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX);
    let records = store.records(source, hour, end)?;
    let due = records.iter().filter_map(|record| record.beat.map(|beat| beat.due));
    Ok(Some(due.min().unwrap_or(hour)))
}

fn look(workspace: &Workspace, source: &str, mut coverage: Coverage, now: Timestamp) -> Result<Found, RunError> {
    let store = own_store(workspace);
    let (from, until) = (coverage.from, coverage.until);
    let mut give = |stretch| coverage.add(stretch);
    let explained = explain(workspace, (&store, source), (from, until, until.min(now)), &mut give)?;
    coverage.limit_spans();
    let destroyed = destroyed(workspace, source, from, until)?;
    Ok(Found { source: source.to_owned(), coverage, explained, destroyed })
}

/// The dates of the period that were destroyed, of the pipelines that have the source.
fn destroyed(
    workspace: &Workspace,
    source: &str,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<PurgedDate>, RunError> {
    let private = &workspace.private;
    let purged = Purged::read(private).map_err(|error| RunError::private(&purged::path(private), "read", &error))?;
    let has_it = |pipeline: &&Pipeline| pipeline.feeds.iter().any(|feed| feed.name == source);
    let last = until.saturating_sub(SignedDuration::from_nanos(1)).unwrap_or(until);
    let mut dates: Vec<PurgedDate> = Vec::new();
    for pipeline in workspace.pipelines.iter().filter(has_it) {
        let period = date_of(workspace, pipeline, from)..=date_of(workspace, pipeline, last);
        dates.extend(purged.of_pipeline(&pipeline.name).filter(|purged| period.contains(&purged.date)).cloned());
    }
    dates.sort_by_key(|purged| purged.date);
    Ok(dates)
}

fn to_json(found: &Found) -> Value {
    let coverage = &found.coverage;
    let mut explained = serde_json::Map::new();
    for class in Class::ALL {
        explained.insert(class.name().to_owned(), coverage.of(class).into());
    }
    let reasons = |class: Class| -> Value {
        let of = coverage.by.iter().filter(|(explanation, _)| explanation.class() == class);
        of.filter_map(|(explanation, beats)| Some((explanation.reason()?, Value::from(*beats)))).collect()
    };
    let span = |span: &Span| {
        json!({
            "from": span.from, "until": span.until, "outcome": span.explanation.class().name(),
            "reason": span.explanation.reason(), "beats": span.beats,
        })
    };
    json!({
        "source": found.source, "from": coverage.from, "until": coverage.until, "first_beat": coverage.first_beat,
        "beats": coverage.beats,
        "explained": explained,
        "failed": reasons(Class::Failed), "skipped": reasons(Class::Skipped), "off": reasons(Class::Off),
        "repeated": found.explained.repeated, "other_bodies": found.explained.other_bodies,
        "damage": found.explained.damage, "destroyed": found.destroyed,
        "gaps": coverage.spans.iter().map(span).collect::<Value>(), "shorter_gaps_left_out": coverage.spans_left_out,
    })
}

/// Of the beats of a source, in percent; never 100 where some are missing, never 0 where there are some.
fn percent(part: u64, all: u64) -> String {
    if all == 0 || part == all {
        return if part == 0 { "0 %" } else { "100 %" }.to_owned();
    }
    let share = part as f64 * 100.0 / all as f64;
    format!("{:.2} %", if part == 0 { 0.0 } else { share.clamp(0.01, 99.99) })
}

fn print_table(workspace: &Workspace, found: &[Found]) {
    let mut table = listing(["source", "beats", "what became of them", "number", "share"]);
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    for Found { source, coverage, explained, destroyed } in found {
        let beats = coverage
            .by
            .iter()
            .map(|(explanation, beats)| (named(*explanation), beats.to_string(), percent(*beats, coverage.beats)));
        let numbers = [
            (explained.other_bodies, "bodies without a beat"),
            (explained.repeated, "records beyond one of a beat"),
            (explained.damage.len() as u64, "damaged places in archives"),
        ];
        let numbers = numbers.into_iter().filter(|(number, _)| *number > 0);
        let numbers = numbers.map(|(number, what)| (what.to_owned(), number.to_string(), String::new()));
        let since = since(workspace, coverage, explained).map(|said| (said, String::new(), String::new()));
        let destroyed =
            in_spans(workspace, source, destroyed).into_iter().map(|said| (said, String::new(), String::new()));
        let mut rows: Vec<(String, String, String)> = beats.chain(numbers).chain(since).chain(destroyed).collect();
        if rows.is_empty() {
            rows.push(Default::default());
        }
        let mut head = (source.as_str(), coverage.beats.to_string());
        for (what, number, share) in rows {
            let (name, all) = std::mem::take(&mut head);
            table.add_row([Cell::new(name), right(all), Cell::new(what), right(number), right(share)]);
        }
    }
    println!("{table}");
}

/// Since when beats count, where that is not from the begin of the period on.
fn since(workspace: &Workspace, coverage: &Coverage, explained: &Explained) -> Option<String> {
    match coverage.first_beat {
        Some(first) if coverage.begins_before => {
            let first = workspace.zone.to_datetime(first).strftime("%Y-%m-%d %H:%M:%S");
            Some(format!("beats count since {first}, when it was first collected"))
        }
        Some(_) => None,
        None if explained.is_collected => Some("no beat was due in this period".to_owned()),
        None => Some("never collected".to_owned()),
    }
}

/// `2026-11-17 to 2026-11-18: destroyed on 2027-12-19 by 'retention.evidence: 13 months'`.
fn in_spans(workspace: &Workspace, source: &str, destroyed: &[PurgedDate]) -> Vec<String> {
    let said = |purged: &PurgedDate| purged.said_of(source, ServiceDate::local_date_of(purged.at, &workspace.zone));
    let follows =
        |one: &PurgedDate, other: &PurgedDate| said(one) == said(other) && other.date <= one.date.plus_days(1);
    let spans = destroyed.chunk_by(follows).filter_map(|span| Some((span.first()?, span.last()?)));
    let spans = spans.map(|(first, last)| match first.date == last.date {
        true => format!("{}: {}", first.date, said(first)),
        false => format!("{} to {}: {}", first.date, last.date, said(first)),
    });
    spans.collect()
}

fn named(explanation: Explanation) -> String {
    let class = explanation.class().name().replace('_', " ");
    explanation.reason().map_or_else(|| class.clone(), |reason| format!("{class}: {}", reason.replace('_', " ")))
}

/// The gaps of a source, in words.
fn print_gaps(workspace: &Workspace, found: &Found) {
    let coverage = &found.coverage;
    for damage in &found.explained.damage {
        eprintln!("warning: {damage}. See 'fahrtenbuch evidence verify {}'.", found.source);
    }
    if coverage.spans.is_empty() {
        return;
    }
    let mut longest: Vec<&Span> = coverage.spans.iter().collect();
    longest.sort_by_key(|span| {
        let is_unexplained = span.explanation == Explanation::Unexplained;
        std::cmp::Reverse((is_unexplained, span.until.duration_since(span.from)))
    });
    longest.truncate(LISTED);
    longest.sort_by_key(|span| span.from);
    let all = coverage.spans.len() as u64 + coverage.spans_left_out;
    println!("{}:", found.source);
    for span in &longest {
        let [from, until] = [span.from, span.until].map(|at| workspace.zone.to_datetime(at));
        let end = if from.date() == until.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
        let beats = count(span.beats, "beat", "beats");
        println!(
            "  {} to {}, {} ({beats}): {}",
            from.strftime("%Y-%m-%d %H:%M:%S"),
            until.strftime(end),
            length(span.until.duration_since(span.from)),
            in_words(span.explanation)
        );
    }
    if all > longest.len() as u64 {
        let others = count(all - longest.len() as u64, "shorter one", "shorter ones");
        println!("  and {others} (--json has more of them)");
    }
}
