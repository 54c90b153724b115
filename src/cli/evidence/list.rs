//! `fahrtenbuch evidence list`

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use clap::Args;
use comfy_table::{Cell, CellAlignment, Table, presets};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::capture::coverage::{Class, End, Explainer, Stretch};
use crate::capture::evidence::{self, FoundBeat, Kind, Listing, Store};
use crate::capture::payload::{CUT_OFF, Wanted, look as look_at};
use crate::capture::record::BeatOutcome;
use crate::capture::{Capture, CaptureError};
use crate::cli::evidence::said::{tell_gone, waits};
use crate::cli::evidence::source::{Source, sources, suggested, tell_unread};
use crate::cli::exit::{Exit, usage};
use crate::cli::run::failed;
use crate::digest::Digest;
use crate::pipeline::purged::{self, Purged, PurgedDate};
use crate::pipeline::run::RunError;
use crate::pipeline::run::imports::imports_of;
use crate::pipeline::run::purge::Losses;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

pub(super) const HELP: &str = "\
Examples:
  fahrtenbuch evidence list
  fahrtenbuch evidence list stadtbus-telemetrie --date 2026-11-24
  fahrtenbuch evidence list stadtbus-vehicle-positions --json | jq '.[] | select(.damaged > 0)'

Every capture is read, and its digest compared; those at which the source had what it gave before count,
and are told as unchanged. What is beside them: beats that failed, were skipped, or at which the collector
was off ('fahrtenbuch evidence gaps' says why). A date is the service date of which reports at that
time are (until 03:00 that of the day before); of a timetable it is the local date, and of a
source that stands in no pipeline, which is marked.";

/// The most that a body is inflated to when it is looked at.
const INFLATED: u64 = 256 << 20;

#[derive(Args)]
pub(super) struct List {
    /// A pipeline or a source; all if none is given
    #[arg(value_name = "PIPELINE|SOURCE")]
    of: Option<String>,
    /// Only of this date
    #[arg(long, value_name = "DATE")]
    date: Option<ServiceDate>,
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
}

/// What there is of a source and a date.
#[derive(Default)]
struct Row {
    captures: u64,
    /// Captures at which the source had what it gave before.
    unchanged: u64,
    /// Beats that gave nothing.
    failed: u64,
    skipped: u64,
    /// Beats at which no collector was at work.
    off: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    bytes: u64,
    kinds: BTreeMap<&'static str, u64>,
    imported: u64,
    /// Stretches of archives, and captures, that cannot be read.
    damaged: u64,
    /// Ends of archives that somebody writes, or that a crash left.
    open: u64,
    /// Such ends that were moved aside.
    torn: u64,
    /// The date was destroyed: what is still there is read by the next one.
    purged: Option<PurgedDate>,
    /// No pipeline names the source.
    is_in_none: bool,
}

pub(super) fn run(workspace: &Workspace, arguments: &List) -> Result<Exit, Exit> {
    let of = arguments.of.as_deref();
    let mut listed = sources(workspace)?;
    if let Some(of) = of {
        let is_it = |source: &Source<'_>| source.name == of || source.pipeline_name() == Some(of);
        if !listed.iter().any(is_it) {
            let remedy = suggested(of, &listed, true);
            return Err(usage(&format!("there is no pipeline and no source '{of}'. {remedy}")));
        }
        listed.retain(is_it);
    }
    let mut rows: BTreeMap<(String, ServiceDate), Row> = BTreeMap::new();
    let mut unread = Vec::new();
    let dates = arguments.date.map(|date| date.plus_days(-1)..date.plus_days(2));
    let losses = Losses::read(workspace, dates).map_err(|error| failed(&error, false, None))?;
    for source in listed {
        let found = look(workspace, &source, arguments.date);
        let (found, mut gone) = match found.and_then(|found| Ok((found, losses.of(&source.name)?))) {
            Ok(of) => of,
            // It hides no other.
            Err(error) => {
                unread.push((source.name, error));
                continue;
            }
        };
        rows.extend(found.into_iter().map(|(date, row)| ((source.name.clone(), date), row)));
        let date = |at: Timestamp| source.date_of(workspace, at);
        gone.retain(|gone| source.is_own() && arguments.date.is_none_or(|only| only == date(gone.hour)));
        tell_gone(&source.name, &gone);
    }
    if arguments.json {
        let values = rows.iter().map(|((source, date), row)| {
            json!({
                "source": source, "date": date, "captures": row.captures, "unchanged": row.unchanged,
                "failed": row.failed, "skipped": row.skipped, "off": row.off, "first": row.first, "last": row.last,
                "bytes": row.bytes, "kinds": row.kinds, "imported": row.imported, "damaged": row.damaged,
                "open": row.open, "torn": row.torn, "purged": row.purged, "in_no_pipeline": row.is_in_none,
            })
        });
        println!("{}", values.collect::<Value>());
    } else if !rows.is_empty() {
        print(workspace, &rows);
    } else if unread.is_empty() {
        println!("there is no evidence");
    }
    waits(workspace)?;
    Ok(tell_unread(&unread))
}

fn look(
    workspace: &Workspace,
    source: &Source<'_>,
    only: Option<ServiceDate>,
) -> Result<BTreeMap<ServiceDate, Row>, RunError> {
    let Source { name, pipeline, store } = source;
    let imports = pipeline.map(|pipeline| imports_of(workspace, pipeline, name)).transpose()?.unwrap_or_default();
    let wanted = pipeline.map(|pipeline| pipeline.decoder.wanted());
    let date_of = |at: Timestamp| source.date_of(workspace, at);
    let imported = imports.iter().flat_map(|import| &import.captures);
    let imported: HashSet<(Timestamp, Digest)> =
        imported.map(|capture| (capture.captured_at, capture.sha256)).collect();
    // Wider than the date by a day on each side, whatever the zone.
    let (from, until) = match only {
        Some(date) => {
            let begin = |days| date.plus_days(days).zero(&workspace.zone);
            (begin(-1), begin(3))
        }
        None => (Timestamp::MIN, Timestamp::MAX),
    };
    let mut rows: BTreeMap<ServiceDate, Row> = BTreeMap::new();
    let mut outcome = Ok(());
    let is_wanted = |date: ServiceDate| only.is_none_or(|only| only == date);
    store.by_archive(name, from, until, &mut |listing| {
        if let Err(error) = add(listing, wanted, &imported, &mut rows, &date_of) {
            outcome = Err(error);
        }
    })?;
    outcome?;
    add_beats(store, name, (from, until), &mut rows, &date_of)?;
    for torn in store.torn(name)? {
        if let Some(hour) = hour_of(&torn) {
            rows.entry(date_of(hour)).or_default().torn += 1;
        }
    }
    let private = &workspace.private;
    let purged = Purged::read(private).map_err(|error| RunError::private(&purged::path(private), "read", &error))?;
    match pipeline {
        Some(pipeline) => {
            for purged in purged.of_pipeline(&pipeline.name) {
                rows.entry(purged.date).or_default().purged = Some(purged.clone());
            }
        }
        // Their dates name no source: told is that of what is there.
        None => {
            for purged in purged.of_no_pipeline() {
                rows.entry(purged.date).and_modify(|row| row.purged = Some(purged.clone()));
            }
            rows.values_mut().for_each(|row| row.is_in_none = true);
        }
    }
    rows.retain(|date, _| is_wanted(*date));
    Ok(rows)
}

/// Adds what the beats of a collector gave that is no body.
fn add_beats(
    store: &Store,
    source: &str,
    (from, until): (Timestamp, Timestamp),
    rows: &mut BTreeMap<ServiceDate, Row>,
    date_of: &dyn Fn(Timestamp) -> ServiceDate,
) -> Result<(), CaptureError> {
    let mut give = |stretch: Stretch| {
        let mut rest = Some(stretch);
        while let Some(stretch) = rest {
            let date = date_of(stretch.due(0));
            // Dates follow each other, so that a stretch is cut where the next one begins.
            let (mut same, mut other) = (0, stretch.beats);
            while other - same > 1 {
                let middle = same + (other - same) / 2;
                *(if date_of(stretch.due(middle)) == date { &mut same } else { &mut other }) = middle;
            }
            let class = stretch.explanation.class();
            if matches!(class, Class::Failed | Class::Skipped | Class::Off) {
                let row = rows.entry(date).or_default();
                *(match class {
                    Class::Failed => &mut row.failed,
                    Class::Skipped => &mut row.skipped,
                    _ => &mut row.off,
                }) += other;
            }
            rest = stretch.split(other).1;
        }
    };
    if !store.may_have_beats(source) {
        return Ok(());
    }
    let mut unchanged: BTreeMap<ServiceDate, u64> = BTreeMap::new();
    let mut newest = None;
    let now = crate::time::now();
    let mut explainer = Explainer::new(&mut give).known_at(now);
    store.each_beat_record(source, from, until, &mut |found| {
        let record = match found {
            FoundBeat::Record(record) => record,
            FoundBeat::Lost(from, until) => return explainer.lose(from, until),
        };
        if matches!(record.outcome, BeatOutcome::Unchanged { .. }) {
            *unchanged.entry(date_of(record.at)).or_default() += 1;
        }
        newest = record.beat.map(|beat| beat.due).filter(|due| *due < now).max(newest);
        explainer.push(record);
    })?;
    // What comes behind the newest record is for 'evidence gaps' to tell.
    explainer.finish(End { at: newest.unwrap_or(from), at_work: None });
    for (date, number) in unchanged {
        rows.entry(date).or_default().unchanged += number;
    }
    Ok(())
}

fn add(
    listing: Listing,
    wanted: Option<Wanted>,
    imported: &HashSet<(Timestamp, Digest)>,
    rows: &mut BTreeMap<ServiceDate, Row>,
    date_of: &dyn Fn(Timestamp) -> ServiceDate,
) -> Result<(), CaptureError> {
    let first = listing.entries.first().map(|entry| entry.captured_at);
    for damage in &listing.damage {
        let Some(at) = hour_of(&damage.file).or(first) else { continue };
        let row = rows.entry(date_of(at)).or_default();
        *(if damage.kind == Kind::Torn { &mut row.open } else { &mut row.damaged }) += 1;
    }
    let times: Vec<Timestamp> = listing.entries.iter().map(|entry| entry.captured_at).collect();
    for (at, capture) in times.into_iter().zip(evidence::read(listing.entries)) {
        let row = rows.entry(date_of(at)).or_default();
        let capture = match capture {
            Err(CaptureError::Damaged { .. }) => {
                row.damaged += 1;
                continue;
            }
            other => other?,
        };
        row.captures += 1;
        row.first = Some(row.first.map_or(at, |first| first.min(at)));
        row.last = row.last.max(Some(at));
        row.bytes += capture.body.len() as u64;
        row.imported += u64::from(imported.contains(&(at, capture.digest)));
        *row.kinds.entry(kind(&capture, wanted)).or_default() += 1;
    }
    Ok(())
}

/// `readable`, `cut_off`, or what the body is instead of what the pipeline wants. Where none says what it wants, a feed is readable.
pub(super) fn kind(capture: &Capture, wanted: Option<Wanted>) -> &'static str {
    let looked = look_at(capture, INFLATED);
    let payload = looked.identified.payload;
    match wanted.map_or(payload.is_feed(), |wanted| wanted.is(payload)) {
        false => payload.name(),
        true if looked.is_cut_off || looked.is_bomb => CUT_OFF,
        true => "readable",
    }
}

/// The hour in the name of an archive in our layout.
fn hour_of(archive: &Path) -> Option<Timestamp> {
    let name = archive.file_name()?.to_str()?;
    let (stem, _) = name.split_once(".warc")?;
    let hour = stem.get(stem.len().checked_sub(11)?..)?;
    let (date, hour) = hour.split_once('T')?;
    format!("{}-{}-{}T{hour}:00:00Z", date.get(..4)?, date.get(4..6)?, date.get(6..8)?).parse().ok()
}

fn print(workspace: &Workspace, rows: &BTreeMap<(String, ServiceDate), Row>) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["source", "date", "captures", "unchanged", "first", "last", "bytes", "kinds", ""]);
    let local = |date: ServiceDate, at: Option<Timestamp>| {
        let at = at.map(|at| workspace.zone.to_datetime(at));
        // Reports of the night are of the day before.
        let shown =
            at.map(|at| if at.date() == date.0 { at.strftime("%H:%M:%S") } else { at.strftime("%m-%d %H:%M:%S") });
        shown.map_or_else(String::new, |shown| shown.to_string())
    };
    for ((source, date), row) in rows {
        let kinds: Vec<String> = row.kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let remarks = [
            (row.failed, if row.failed == 1 { "beat failed" } else { "beats failed" }),
            (row.skipped, "skipped"),
            (row.off, "off"),
            (row.imported, "imported"),
            (row.damaged, "damaged"),
            (row.open, if row.open == 1 { "open end" } else { "open ends" }),
            (row.torn, "torn, moved aside"),
        ];
        let remarks = remarks.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        let purged = row
            .purged
            .as_ref()
            .map(|purged| purged.said_of(source, ServiceDate::local_date_of(purged.at, &workspace.zone)));
        let remarks = remarks.chain(row.is_in_none.then(|| "in no pipeline".to_owned())).chain(purged);
        let number = |number: u64| Cell::new(number).set_alignment(CellAlignment::Right);
        table.add_row([
            Cell::new(source),
            Cell::new(date),
            number(row.captures),
            number(row.unchanged),
            Cell::new(local(*date, row.first)),
            Cell::new(local(*date, row.last)),
            number(row.bytes),
            Cell::new(kinds.join(", ")),
            Cell::new(remarks.collect::<Vec<_>>().join(", ")),
        ]);
    }
    println!("{table}");
}
