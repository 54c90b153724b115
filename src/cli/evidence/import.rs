//! `fahrtenbuch evidence import`

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::capture::file_names::Pattern;
use crate::capture::import_folder::{self, By, Destination, Kept, Plan, Request, Times};
use crate::cli::decisions::who;
use crate::cli::evidence::said::program;
use crate::cli::exit::{Exit, usage};
use crate::cli::opened::choose;
use crate::cli::run::{failed, spans};
use crate::pipeline::Pipeline;
use crate::pipeline::run::imports::evidence_folder;
use crate::pipeline::run::purge::{TooOld, too_old};
use crate::pipeline::run::{RunError, evidence_store, refuse_if_gone};
use crate::time::{ServiceDate, ServiceDay};
use crate::workspace::{Workspace, form};
use crate::yaml::suggestion;

pub(super) const HELP: &str = "\
Examples:
  fahrtenbuch evidence import stadtbus-telemetrie ~/sammlung --by Datenmanagement --dry-run
  fahrtenbuch evidence import stadtbus-telemetrie ~/sammlung --by Datenmanagement \\
      --from 'Collection of the transport authority, 2025' --zone Europe/Berlin
  fahrtenbuch evidence import stadtbus-telemetrie ~/vp --source stadtbus-vehicle-positions \\
      --pattern 'vp-%d.%m.%Y_%H.%M.%S*' --by Datenmanagement

Imported are *.pb, *.json, *.zip (and .bin, .gz, ...), files without an ending that are a feed, and
WARC archives, in FOLDER and its folders. Bodies stay as they are; what is no feed is kept and
marked. Archives of other collectors keep the times, addresses and headers that they tell: *.pb with
*.meta (gtfsrt.io; only answers with status 200), *.tar.zst with *.pb and *.json (gtfs-rt-aggregator),
*.jsonl.gz with parsed rows (cal-itp; messages are rebuilt, and marked 'Fahrtenbuch-Rebuilt').
The evidence folder of another machine is merged: a body that this store has from the same beat is
left out; records of failed and skipped beats come along where none from here tells of the beat. Times are read from names: 20261124T100000Z, 2026-11-24T10-00-00Z, 2026-11-24_10:00:00,
Unix seconds or milliseconds, 2026/11/24/100000.pb; of others with --pattern (strftime, '*' at its
beginning or end for any text). A timetable may tell a date only, which is its midnight.
A file is of the source whose name, or a part of it that no other source has, stands in its path.

Nothing is imported before everything is understood: files whose time or source cannot be told are
listed, and the exit code is 2. The import is recorded with name, time, --from and the digests of
what it brought, and the next run of each date names it. Importing twice adds nothing.";

#[derive(Args)]
pub(super) struct Import {
    /// The pipeline whose sources the files are of
    #[arg(value_name = "PIPELINE")]
    pipeline: String,
    /// The folder with the files
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// All files are of this source
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// How names tell their time, in the form of strftime; with '/' also of the folders above
    #[arg(long, value_name = "PATTERN", conflicts_with = "file_times")]
    pattern: Option<String>,
    /// Take the times of modification of the file system, which copying may have changed
    #[arg(long)]
    file_times: bool,
    /// The zone of times in names that tell none; UTC unless one is given
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Only captures whose address is told and is this one; '*' stands for any text
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Who imports: one of 'people' in fahrtenbuch.yaml; the name is published in the record
    #[arg(long, value_name = "NAME", env = "FAHRTENBUCH_BY")]
    by: Option<String>,
    /// Where the files come from; published in the record; the name of the folder unless one is given
    #[arg(long, value_name = "TEXT")]
    from: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Import the others although some files cannot be told
    #[arg(long)]
    skip_unreadable: bool,
    /// Use the times although most messages tell another one of themselves
    #[arg(long)]
    trust_times: bool,
    /// Tell what would be imported, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

impl Import {
    pub(super) fn pipeline(&self) -> &str {
        &self.pipeline
    }
}

pub(super) fn run(workspace: &Workspace, arguments: &Import) -> Result<Exit, Exit> {
    let pipelines = choose(workspace, std::slice::from_ref(&arguments.pipeline))?;
    let Some(pipeline) = pipelines.first() else { return Err(Exit::Usage) };
    let failed = |error: RunError| failed(&error, false, Some(&pipeline.name));
    let by = match (&arguments.by, arguments.dry_run) {
        (None, true) => None,
        (by, _) => Some(who(workspace, by.as_deref()).map_err(|message| usage(&message))?),
    };
    let request = request(arguments, pipeline)?;
    if !request.folder.is_dir() {
        return Err(usage(&format!("{} is no folder. Name the folder with the files.", request.folder.display())));
    }
    let plan = import_folder::plan(&request).map_err(|error| failed(error.into()))?;
    // The timetable of a pipeline is of its first source.
    let newest = |until: Timestamp| import_folder::newest(&plan, &request, 0, until);
    let too_old = too_old(workspace, pipeline, plan.times(), &newest).map_err(failed)?;
    refuse_purged(&too_old, pipeline, arguments)?;
    tell_plan(&plan, arguments);
    if plan.problem_count > 0 && !arguments.skip_unreadable {
        let files = if plan.problem_count == 1 { "1 file" } else { &format!("{} files", plan.problem_count) };
        return Err(usage(&format!(
            "{files} cannot be imported, so nothing was. See --source, --pattern, --zone and --file-times, or import the others \
             with --skip-unreadable."
        )));
    }
    if plan.is_empty() {
        return Err(usage(&format!("there is nothing to import in {}.", request.folder.display())));
    }
    if plan.is_shifted() && !arguments.trust_times {
        shifted(&plan, &request, arguments)?;
    }
    if !arguments.dry_run {
        let private = &workspace.private;
        refuse_if_gone(workspace).map_err(failed)?;
        form::open(private).map_err(|error| failed(error.into()))?;
    }
    let from = arguments.from.clone().unwrap_or_else(|| {
        let folder = std::fs::canonicalize(request.folder).unwrap_or_default();
        format!("the folder '{}'", folder.file_name().unwrap_or_default().to_string_lossy().escape_debug())
    });
    let at = jiff::Timestamp::from_second(crate::time::now().as_second()).unwrap_or_default();
    let by = by.as_ref().map(|by| By { by, from: &from, reason: arguments.reason.as_deref(), at });
    let by = by.as_ref().filter(|_| !arguments.dry_run);
    let mut dates = None;
    for (place, feed) in pipeline.feeds.iter().enumerate() {
        let store = evidence_store(workspace, &feed.from);
        let folder = evidence_folder(workspace, &feed.from);
        let to = Destination { place, evidence: &folder, store };
        let kept = import_folder::keep(&plan, &request, to, by);
        let kept = kept.map_err(|error| failed(error.into()))?;
        tell_kept(&feed.name, &kept, arguments.dry_run);
        if let (Some(first), Some(last)) = (kept.first, kept.last) {
            let (first, last) = dates_of(workspace, pipeline, first, last);
            let (begin, end) = dates.unwrap_or((first, last));
            dates = Some((first.min(begin), last.max(end)));
        }
    }
    if let Some((first, last)) = dates.filter(|_| !arguments.dry_run) {
        let (program, name) = (program(workspace), &pipeline.name);
        println!("They count with the next run:\n  {program} run {name} --from {first} --to {last}");
        if !pipeline.is_timetable() {
            let next = last.plus_days(1);
            println!(
                "These are the dates on which they were captured, and the one before where that was before 06:00. What they tell \
                 of trips of the next date is of that date, once the rest of it is captured:\n  {program} run {name} --date {next}"
            );
        }
    }
    Ok(Exit::Done)
}

/// Refuses captures that no date reads which is kept, and warns of those that the first one still reads.
fn refuse_purged(too_old: &TooOld, pipeline: &Pipeline, arguments: &Import) -> Result<(), Exit> {
    let told = |dates: &BTreeSet<ServiceDate>| spans(&dates.iter().copied().collect::<Vec<_>>());
    if !too_old.gone.is_empty() {
        return Err(usage(&format!(
            "evidence and key of {} were destroyed or are older than 'retention: evidence' in fahrtenbuch.yaml allows, and no \
             date that is kept reads these captures, so nothing was imported. Leave the files of these dates out of {}. If they are \
             to be published anew, import them for a pipeline of another name, with a 'retention: evidence:' that reaches back to \
             them.",
            told(&too_old.gone),
            arguments.folder.display()
        )));
    }
    if !too_old.still_read.is_empty() {
        let counts = match pipeline.is_timetable() {
            true => format!("it is in force on {}, and is destroyed once a newer one is", too_old.first_kept),
            false => format!("what is of it counts for {} only, and is destroyed with that date", too_old.first_kept),
        };
        eprintln!(
            "warning: {} was destroyed or is older than 'retention: evidence' in fahrtenbuch.yaml allows: {counts}",
            told(&too_old.still_read)
        );
    }
    Ok(())
}

/// The service dates of which captures between two instants surely may have rows: those on which they were captured, by the
/// calendar, and the one before where its trips may still have been under way.
fn dates_of(
    workspace: &Workspace,
    pipeline: &Pipeline,
    first: Timestamp,
    last: Timestamp,
) -> (ServiceDate, ServiceDate) {
    let zone = &workspace.zone;
    let [begin, end] = [first, last].map(|at| ServiceDate::local_date_of(at, zone));
    let before = begin.plus_days(-1);
    let is_under_way = !pipeline.is_timetable() && !ServiceDay::new(before, zone).is_over(first);
    (if is_under_way { before } else { begin }, end)
}

fn request<'a>(arguments: &'a Import, pipeline: &'a Pipeline) -> Result<Request<'a>, Exit> {
    let sources: Vec<&str> = pipeline.feeds.iter().map(|feed| feed.name.as_str()).collect();
    let source = arguments.source.as_deref().map(|name| {
        sources.iter().position(|source| *source == name).ok_or_else(|| {
            let remedy = suggestion(name, &sources);
            usage(&format!("the pipeline {} has no source '{name}'. {remedy}", pipeline.name))
        })
    });
    let zone = arguments.zone.as_deref().map(|name| {
        TimeZone::get(name).map_err(|_| usage(&format!("'{name}' is no time zone. Write a name like 'Europe/Berlin'.")))
    });
    let pattern = arguments.pattern.as_deref().map(|text| {
        let remedy = "Write one like 'vehicle-positions-%Y%m%dT%H%M%SZ.pb'";
        Pattern::new(text).map_err(|problem| usage(&format!("'{text}' is no pattern of times: {problem}. {remedy}.")))
    });
    Ok(Request {
        folder: &arguments.folder,
        source: source.transpose()?,
        sources,
        wanted: pipeline.decoder.wanted(),
        times: if arguments.file_times { Times::Files } else { Times::Names(pattern.transpose()?) },
        zone: zone.transpose()?,
        url: arguments.url.as_deref(),
        until: crate::time::future(crate::time::now()),
    })
}

fn tell_plan(plan: &Plan, arguments: &Import) {
    for problem in &plan.problems {
        eprintln!("  {problem}");
    }
    if plan.problem_count > plan.problems.len() as u64 {
        eprintln!("  and {} more", plan.problem_count - plan.problems.len() as u64);
    }
    for (what, count) in &plan.passed_over {
        println!("passed over: {count} ({what})");
    }
    if plan.without_zone > 0 {
        let zone = arguments.zone.as_deref().unwrap_or("UTC");
        println!("{} names tell no zone; their times are taken for {zone}", plan.without_zone);
    }
    if plan.days_only > 0 {
        println!("{} names tell a date and no time of day; they count from midnight on", plan.days_only);
    }
    if arguments.file_times {
        println!("times are those of the file system");
    }
    if plan.rebuilt > 0 {
        println!(
            "{} messages are rebuilt from parsed rows: their bodies are not those that the source gave, and say so in the header \
             'Fahrtenbuch-Rebuilt'",
            plan.rebuilt
        );
    }
    if plan.by_being_alone > 0 {
        println!("{} files are taken for those of the only source of the pipeline", plan.by_being_alone);
    }
}

/// Refuses times that are likely to be wrong where no name tells a zone, and warns otherwise.
fn shifted(plan: &Plan, request: &Request<'_>, arguments: &Import) -> Result<(), Exit> {
    let apart = plan.first_apart.unwrap_or_default();
    let side = if apart < 0 { "before" } else { "after" };
    let said = format!(
        "{} of {} messages tell another time of themselves than their files do; the first {} s {side} it",
        plan.apart,
        plan.stamped,
        apart.abs()
    );
    if request.zone.is_none() && (plan.without_zone > 0 || arguments.file_times) {
        let remedy = match arguments.file_times {
            true => "Copying may have changed the times of the files",
            false => "If the names tell local times, name the zone, as --zone Europe/Berlin",
        };
        return Err(usage(&format!("{said}. {remedy}. To use the times as they are, add --trust-times.")));
    }
    eprintln!("warning: {said}");
    Ok(())
}

fn tell_kept(source: &str, kept: &Kept, is_dry: bool) {
    if kept.new + kept.known + kept.left_out + kept.beats == 0 {
        return;
    }
    let mut rest = if kept.known > 0 { format!(", {} there already", kept.known) } else { String::new() };
    if kept.left_out > 0 {
        rest += &format!(", {} left out (the store has the same body of the same beat)", kept.left_out);
    }
    let verb = if is_dry { "would be imported" } else { "imported" };
    match (kept.first, kept.last) {
        (Some(first), Some(last)) => println!("{source}: {} {verb}, {first} to {last}{rest}", kept.new),
        _ => println!("{source}: nothing new{rest}"),
    }
    if kept.beats > 0 {
        println!("  {} records of beats without a body {verb}", kept.beats);
    }
    for (kind, count) in &kept.unreadable {
        println!("  {count} kept although no feed: {kind}");
    }
}
