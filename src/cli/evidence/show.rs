//! `fahrtenbuch evidence show`

mod beat;

use std::path::PathBuf;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::capture::CaptureError;
use crate::capture::evidence::Entry;
use crate::capture::payload::identify;
use crate::capture::record::BeatRecord;
use crate::cli::evidence::instant::instant;
use crate::cli::evidence::list;
use crate::cli::evidence::source::{Source, sources, suggested};
use crate::cli::exit::{Exit, usage};
use crate::cli::opened::refuse_stores;
use crate::cli::run::failed;
use crate::cli::terminal::one_line;
use crate::durable;
use crate::pipeline::run::imports::imports_of;
use crate::pipeline::run::{RunError, refuse_purged};
use crate::workspace::Workspace;

pub(super) const HELP: &str = "\
Examples:
  fahrtenbuch evidence show stadtbus-vehicle-positions 2026-11-24T10:00:00Z
  fahrtenbuch evidence show stadtbus-vehicle-positions '2026-11-24 11:00:00' --output snapshot.pb

Where the source was asked and gave no body, what came of it is told: that it had the same, with the body that this is, or
why it failed; that it was skipped; or that no collector was at work. A source that stands in no pipeline any more is shown,
too. A time without a zone is one of 'time_zone': of one that the clock shows twice the first, of one that it jumps over the
jump. A time between two beats is of the first. The body is written with --output only, into a new file that nobody else can
read: it may tell of people and vehicles.";

const PRIVATE: &str = "PRIVATE: this body may tell of people and vehicles. It must not leave the private store.";

#[derive(Args)]
pub(super) struct Show {
    /// The source
    #[arg(value_name = "SOURCE")]
    source: String,
    /// When it was captured, to the second
    #[arg(value_name = "TIME")]
    time: String,
    /// Of several captures of this time that whose SHA-256 begins so
    #[arg(long, value_name = "HEX")]
    digest: Option<String>,
    /// Write the body as it came into a new file
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, arguments: &Show) -> Result<Exit, Exit> {
    let all = sources(workspace)?;
    let source = arguments.source.as_str();
    let Some(shown_source) = all.iter().find(|known| known.name == source) else {
        let remedy = suggested(source, &all, false);
        return Err(usage(&format!("there is no source '{source}'. {remedy}")));
    };
    let (pipeline, store) = (shown_source.pipeline, &shown_source.store);
    let (from, until) = range(workspace, &arguments.time)?;
    let failed = |error: RunError| failed(&error, false, shown_source.pipeline_name());
    let capture_failed = |error: CaptureError| failed(error.into());
    let mut entries = store.list(source, from, until).map_err(capture_failed)?.entries;
    if let Some(digest) = &arguments.digest {
        entries.retain(|entry| entry.digest.to_string().starts_with(&digest.to_ascii_lowercase()));
    }
    let records = beat::records(store, source, from, until).map_err(capture_failed)?;
    let mut notes: Vec<&BeatRecord> = Vec::new();
    let mut shown = Vec::new();
    if arguments.digest.is_none() {
        notes = beat::without_entry(&records, &entries, from, until);
    }
    if arguments.digest.is_none() && entries.is_empty() && notes.is_empty() {
        refuse_destroyed(workspace, shown_source, from).map_err(failed)?;
        let explained = beat::explained(workspace, (store, source), from).map_err(capture_failed)?;
        let record = beat::of_time(&records, from, explained);
        if let (None, Some((beat, explanation))) = (record, explained) {
            shown.push(beat::without_record(store, source, beat, explanation));
        }
        if let Some(record) = record {
            let after = record.at.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MAX);
            entries = store.list(source, record.at, after).map_err(capture_failed)?.entries;
            notes = beat::without_entry(&records, &entries, record.at, after);
        }
    }
    if entries.is_empty() && notes.is_empty() && shown.is_empty() {
        refuse_destroyed(workspace, shown_source, from).map_err(failed)?;
        let told = |entry: Result<Option<Entry>, CaptureError>| entry.ok().flatten().map(|entry| entry.captured_at);
        let near = [told(store.latest(source, from)), told(store.first_from(source, until))];
        let near: Vec<String> = near.iter().flatten().map(Timestamp::to_string).collect();
        let near = if near.is_empty() {
            "There is none at all".to_owned()
        } else {
            format!("The nearest are {}", near.join(" and "))
        };
        return Err(usage(&format!("there is no such capture of {source} at {}. {near}.", arguments.time)));
    }
    if arguments.output.is_some() && entries.len() > 1 {
        return Err(usage(&format!(
            "there are {} captures of {source} at that time. Say which one with --digest.",
            entries.len()
        )));
    }
    let imports = pipeline.map(|pipeline| imports_of(workspace, pipeline, source)).transpose().map_err(failed)?;
    let (imports, wanted) = (imports.unwrap_or_default(), pipeline.map(|pipeline| pipeline.decoder.wanted()));
    if let (Some(output), true) = (&arguments.output, entries.is_empty()) {
        let remedy = "Name the time of a capture";
        return Err(usage(&format!("there is no body of that time to write to {}. {remedy}.", output.display())));
    }
    for note in notes {
        shown.push(beat::note(store, source, note));
    }
    for entry in &entries {
        let capture = store.open(entry).map_err(capture_failed)?;
        if let Some(output) = &arguments.output {
            refuse_stores(workspace, output)?;
            let written = durable::write_new(output, &capture.body);
            match written.map_err(|error| failed(RunError::private(output, "written", &error)))? {
                true => eprintln!("{PRIVATE}"),
                false => return Err(usage(&format!("{} is there already. Name a new file.", output.display()))),
            }
        }
        let brought = imports.iter().find(|import| {
            let is_it = |of: &crate::capture::imports::ImportedCapture| {
                of.captured_at == entry.captured_at && of.sha256 == entry.digest
            };
            import.captures.iter().any(is_it)
        });
        let identified = identify(&capture);
        let archive = entry.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        shown.push(json!({
            "source": source,
            "captured_at": capture.captured_at,
            "unchanged": beat::unchanged(&records, entry),
            "url": capture.url,
            "status": capture.status,
            "headers": capture.headers,
            "kind": list::kind(&capture, wanted),
            "said": wanted.map_or_else(|| identified.described(), |wanted| identified.said(wanted)),
            "sha256": capture.digest,
            "bytes": capture.body.len(),
            "archive": archive,
            "offset": entry.offset,
            "in_no_pipeline": pipeline.is_none(),
            "import": brought.map(|import| json!({"by": import.by, "at": import.at, "from": import.from})),
        }));
    }
    if arguments.json {
        println!("{}", Value::from(shown));
    } else {
        shown.iter().for_each(print);
    }
    Ok(Exit::Done)
}

/// Says of a time that its date was destroyed, if it was and the source's evidence with it. Of what no pipeline names, destroyed dates do not tell their sources.
fn refuse_destroyed(workspace: &Workspace, source: &Source<'_>, at: Timestamp) -> Result<(), RunError> {
    match source.pipeline {
        Some(pipeline) => match refuse_purged(workspace, &pipeline.name, source.date_of(workspace, at)) {
            Err(RunError::Purged { what, .. }) if what.others.contains(&source.name) => Ok(()),
            other => other,
        },
        None => Ok(()),
    }
}

/// The second, or the instant if the time tells more than that, and what is behind it.
fn range(workspace: &Workspace, text: &str) -> Result<(Timestamp, Timestamp), Exit> {
    let at = instant(workspace, text)?;
    let length = match at.subsec_nanosecond() {
        0 => SignedDuration::from_secs(1),
        _ => SignedDuration::from_nanos(1),
    };
    Ok((at, at.saturating_add(length).unwrap_or(Timestamp::MAX)))
}

fn print(capture: &Value) {
    if capture["outcome"].is_string() {
        return beat::print(capture);
    }
    let text = |key: &str| match &capture[key] {
        Value::String(text) => one_line(text),
        other => other.to_string(),
    };
    println!("{} of {}", text("captured_at"), text("source"));
    if let Some(unchanged) = capture["unchanged"].as_object() {
        let since = one_line(unchanged["body_captured_at"].as_str().unwrap_or("an earlier time"));
        println!("  {}; the body is that of {since}", one_line(unchanged["said"].as_str().unwrap_or_default()));
    }
    println!("  address  {}", text("url"));
    println!("  status   {}", text("status"));
    for header in capture["headers"].as_array().into_iter().flatten() {
        let part = |place: usize| one_line(header[place].as_str().unwrap_or_default());
        println!("  header   {}: {}", part(0), part(1));
    }
    if capture["in_no_pipeline"] == true {
        println!("  source   in no pipeline");
    }
    match text("kind").as_str() {
        "readable" => println!("  kind     readable"),
        "cut_off" => println!("  kind     cut off or damaged"),
        _ => println!("  kind     {}", text("said")),
    }
    println!("  bytes    {}", text("bytes"));
    println!("  sha256   {}", text("sha256"));
    println!("  archive  {}, from byte {} on", text("archive"), text("offset"));
    if let Some(import) = capture["import"].as_object() {
        let part = |key: &str| one_line(import[key].as_str().unwrap_or_default());
        println!("  import   by {} at {}, from {}", part("by"), part("at"), part("from"));
    }
}
