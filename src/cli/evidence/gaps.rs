//! `fahrtenbuch evidence gaps`

mod found;
mod picture;

use clap::Args;
use comfy_table::{Cell, CellAlignment};
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::capture::collector::{Collected, Collector, owned};
use crate::capture::coverage::{Class, Coverage, End, Explainer, Explanation, OffReason, Span};
use crate::capture::evidence::Store;
use crate::capture::record::SkipReason;
use crate::capture::{CaptureError, FailureKind};
use crate::cli::evidence::gaps::found::{Found, length};
use crate::cli::evidence::said::usage;
use crate::cli::exit::Exit;
use crate::cli::run::failed;
use crate::cli::terminal::{listing, width};
use crate::pipeline::Pipeline;
use crate::time::ServiceDate;
use crate::workspace::Workspace;
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
  unexplained  a collector was at work and left no record: should be none

A date is midnight of 'time_zone'; a time without a zone is one of it.";

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
    let cells = picture::cells(from, until, width(), &sources);
    let mut found = Vec::new();
    for source in sources {
        let of = look(workspace, &source, (from, until, now), cells);
        found.push(of.map_err(|error| failed(&error.into(), false, None))?);
    }
    if arguments.json {
        println!("{}", found.iter().map(to_json).collect::<Value>());
        return Ok(Exit::Done);
    }
    if found.is_empty() {
        println!("no source is collected");
        return Ok(Exit::Done);
    }
    print_table(&found);
    for found in &found {
        print_gaps(workspace, found);
    }
    picture::print(workspace, &found, arguments.no_colour);
    Ok(Exit::Done)
}

/// Those that are asked, by the workspace, and those with evidence that were.
fn sources(workspace: &Workspace, of: &[String]) -> Result<Vec<String>, Exit> {
    let store = Store::new(Collector::evidence(&workspace.private)).with_remote(workspace.evidence.clone());
    let kept = store.sources().map_err(|error| failed(&error.into(), false, None))?;
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

fn look(
    workspace: &Workspace,
    source: &str,
    (from, until, now): (Timestamp, Timestamp, Timestamp),
    cells: usize,
) -> Result<Found, CaptureError> {
    let store = Store::new(Collector::evidence(&workspace.private)).with_remote(workspace.evidence.clone());
    let scheduled = workspace.pipelines.iter().flat_map(|pipeline| pipeline.scheduled());
    let collected = scheduled.map(|scheduled| scheduled.collected).find(|collected| collected.name == source);
    let is_at_work = owned(&workspace.private).contains(source);
    let patience = collected.as_ref().map_or(SLOWEST, |collected: &Collected| collected.patience() + RECORDED);
    let end = End { at: until.min(now), at_work: is_at_work.then_some(patience) };
    let known = store.known(source).0.map(|known| (known.digest, !known.validators.unreadable));
    let mut coverage = Coverage::new(from, until, cells);
    let mut other_bodies = 0;
    let mut give = |stretch| coverage.add(stretch);
    let mut explainer = Explainer::new(&mut give).knowing(known);
    let damage = store.each_beat_record(source, from, until, &mut |record| {
        let is_body = matches!(record.outcome, crate::capture::record::BeatOutcome::Body(_));
        other_bodies += u64::from(is_body && record.beat.is_none() && (from..until).contains(&record.at));
        explainer.push(record);
    })?;
    let repeated = explainer.finish(end);
    coverage.limit_spans();
    let damage = damage.into_iter().map(|damage| damage.message).collect();
    Ok(Found { source: source.to_owned(), coverage, repeated, other_bodies, damage })
}

/// The longest that an answer is awaited of a source whose configuration is not known.
const SLOWEST: std::time::Duration = std::time::Duration::from_secs(3660);
/// Until the record of an answer is on the disk, at most.
const RECORDED: std::time::Duration = std::time::Duration::from_secs(30);

/// An instant, a local time, or the midnight of a date.
pub(super) fn instant(workspace: &Workspace, text: &str) -> Result<Timestamp, Exit> {
    let local = |time: DateTime| workspace.zone.to_timestamp(time).ok();
    let of_date = || text.parse::<ServiceDate>().ok().and_then(|date| local(date.0.at(0, 0, 0, 0)));
    let of_time = || text.parse::<DateTime>().ok().and_then(local);
    let instant = text.parse::<Timestamp>().ok().or_else(of_date).or_else(of_time);
    instant.ok_or_else(|| {
        let remedy = "Write 2026-11-24, '2026-11-24 10:00' for the local time, or 2026-11-24T09:00:00Z";
        usage(&format!("'{text}' is no date and no time. {remedy}."))
    })
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
        "source": found.source, "from": coverage.from, "until": coverage.until, "beats": coverage.beats,
        "explained": explained,
        "failed": reasons(Class::Failed), "skipped": reasons(Class::Skipped), "off": reasons(Class::Off),
        "repeated": found.repeated, "other_bodies": found.other_bodies, "damage": found.damage,
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

fn print_table(found: &[Found]) {
    let mut table = listing(["source", "beats", "what became of them", "number", "share"]);
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    for Found { source, coverage, repeated, other_bodies, .. } in found {
        let mut head = (source.as_str(), coverage.beats.to_string());
        for (explanation, beats) in &coverage.by {
            let (name, all) = std::mem::take(&mut head);
            let share = percent(*beats, coverage.beats);
            table.add_row([
                Cell::new(name),
                right(all),
                Cell::new(named(*explanation)),
                right(beats.to_string()),
                right(share),
            ]);
        }
        for (number, what) in [(*other_bodies, "bodies without a beat"), (*repeated, "records beyond one of a beat")] {
            if number > 0 || (coverage.by.is_empty() && !head.1.is_empty() && what.starts_with("bodies")) {
                let (name, all) = std::mem::take(&mut head);
                table.add_row([Cell::new(name), right(all), Cell::new(what), right(number.to_string()), Cell::new("")]);
            }
        }
    }
    println!("{table}");
}

fn named(explanation: Explanation) -> String {
    let class = explanation.class().name().replace('_', " ");
    explanation.reason().map_or_else(|| class.clone(), |reason| format!("{class}: {}", reason.replace('_', " ")))
}

/// The gaps of a source, in words.
fn print_gaps(workspace: &Workspace, found: &Found) {
    let coverage = &found.coverage;
    for damage in &found.damage {
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
        let beats = if span.beats == 1 { "1 beat".to_owned() } else { format!("{} beats", span.beats) };
        println!(
            "  {} to {}, {} ({beats}): {}",
            from.strftime("%Y-%m-%d %H:%M:%S"),
            until.strftime(end),
            length(span.until.duration_since(span.from)),
            in_words(span.explanation)
        );
    }
    if all > longest.len() as u64 {
        println!("  and {} shorter ones (--json has more of them)", all - longest.len() as u64);
    }
}

fn in_words(explanation: Explanation) -> String {
    match explanation {
        Explanation::Body => "bodies were kept".to_owned(),
        Explanation::Unchanged => "the source had nothing new".to_owned(),
        Explanation::Silent => "silent: there was a connection, and nothing came".to_owned(),
        Explanation::Frozen => "the feed is frozen: its header time stood still".to_owned(),
        Explanation::Unreadable => "what came is not what the source is to give".to_owned(),
        Explanation::Failed(kind) => failure_in_words(kind),
        Explanation::Skipped(reason) => match reason {
            SkipReason::Late => "skipped: the answer to an earlier beat was under way, or the machine slept",
            SkipReason::LeftAlone => "skipped: the source asked to be left alone (Retry-After)",
            SkipReason::NotKept => "skipped: the disk took no record",
            SkipReason::Ended => "skipped: the collector ended while the answer was under way",
        }
        .to_owned(),
        Explanation::Off(reason) => match reason {
            OffReason::Stopped => "off: the collector was stopped",
            OffReason::NotConfigured => "off: the configuration did not have the source",
            OffReason::Killed => "off: the collector ended without a word (killed, or the machine went down)",
        }
        .to_owned(),
        Explanation::UnderWay => "the answer is awaited".to_owned(),
        Explanation::Unexplained => "UNEXPLAINED: a collector was at work and left no record".to_owned(),
    }
}

fn failure_in_words(kind: FailureKind) -> String {
    match kind {
        FailureKind::Refused => "failed: no connection, no such host, or no access".to_owned(),
        FailureKind::TimeOut => "failed: no answer, or not all of it, in time".to_owned(),
        FailureKind::Status(status) => format!("failed: the source answered {status}"),
        FailureKind::Tls => "failed: its certificate is not accepted".to_owned(),
        FailureKind::TooLarge => "failed: more bytes than 'max_bytes'".to_owned(),
        FailureKind::CutOff => "failed: the connection ended within the answer".to_owned(),
        FailureKind::Redirect => "failed: it redirects to where it is not followed".to_owned(),
        FailureKind::Unreadable => "what came is not what the source is to give".to_owned(),
        FailureKind::NotKept => "failed: the body came, and the disk did not take it".to_owned(),
        FailureKind::Other => "failed: see the problem in the record with 'fahrtenbuch evidence show'".to_owned(),
    }
}
