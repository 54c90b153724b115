//! `fahrtenbuch get`

use std::io::IsTerminal;
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::cli::exit::Exit;
use crate::cli::terminal::{listing, one_line};
use crate::get::{FileResult, GetError, Origin, Request, Results, State, TableName, TableSummary, get, tables};
use crate::time::ServiceDate;

#[derive(clap::Args)]
#[command(after_help = "\
Needs no workspace. Without DATASET/TABLE it lists the tables. The current files go to DIR/DATASET/TABLE/partition_date=…/; size and
SHA-256 of each are compared with the bucket's list, and a file that differs is not kept. Call it again: what is there and right stays,
what was begun goes on, and what a newer release replaced goes away.

Examples:
  fahrtenbuch get https://data.example.org
  fahrtenbuch get https://data.example.org stadtbus-telemetrie/vehicle_locations --since 2026-11-01 --until 2026-11-30
  fahrtenbuch get /mnt/bucket stadtbus-fahrplan/stops --to ~/data --json")]
pub(super) struct Arguments {
    /// The address of a bucket, or its folder
    #[arg(value_name = "URL")]
    url: String,
    /// The table
    #[arg(value_name = "DATASET/TABLE")]
    table: Option<TableName>,
    /// The first service date
    #[arg(long, value_name = "DATE", requires = "table")]
    since: Option<ServiceDate>,
    /// The last service date
    #[arg(long, value_name = "DATE", requires = "table")]
    until: Option<ServiceDate>,
    /// The folder that gets DATASET/TABLE/…
    #[arg(long, value_name = "DIR", default_value = ".", requires = "table")]
    to: PathBuf,
    /// Write the result as JSON to standard output
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Whether what it prints is what it is for.
    pub(super) fn is_for_its_output(&self) -> bool {
        self.table.is_none()
    }
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    if arguments.since.zip(arguments.until).is_some_and(|(since, until)| since > until) {
        eprintln!("error: --since is after --until. Turn them around.");
        return Exit::Usage;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no threads for it ({error}). Try again.");
            return Exit::Transient;
        }
    };
    let done = Origin::open(&arguments.url).and_then(|origin| match &arguments.table {
        None => runtime.block_on(tables(&origin)).map(|tables| show_tables(&tables, arguments.json)),
        Some(table) => {
            let request = Request {
                table: table.clone(),
                since: arguments.since,
                until: arguments.until,
                to: arguments.to.clone(),
            };
            let bar = progress(arguments.json);
            let total = |bytes| bar.set_length(bytes);
            let results = runtime.block_on(get(&origin, &request, total, &|bytes| bar.inc(bytes)));
            bar.finish_and_clear();
            results.map(|results| show(&origin, &request, &results, arguments.json))
        }
    });
    runtime.shutdown_background();
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}.");
        exit_of(&error)
    })
}

fn exit_of(error: &GetError) -> Exit {
    match error {
        GetError::Transient { .. } => Exit::Transient,
        GetError::Permanent { .. } => Exit::Permanent,
        GetError::Usage { .. } => Exit::Usage,
    }
}

/// Bytes of all files, on a terminal.
fn progress(json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    let template = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

fn show_tables(tables: &[TableSummary], json: bool) -> Exit {
    if json {
        let tables: Vec<Value> = tables.iter().map(table_json).collect();
        println!("{}", json!({ "tables": tables }));
        return Exit::Done;
    }
    let mut table = listing(["table", "from", "to", "files", "rows", "bytes", "what it is"]);
    for of in tables {
        let [first, last] = [of.span.map(|span| span.first), of.span.map(|span| span.last)];
        let date = |date: Option<ServiceDate>| date.map_or_else(String::new, |date| date.to_string());
        let [files, rows, bytes] = [of.files as u64, of.rows, of.bytes].map(|number| number.to_string());
        let title = of.title.as_deref().unwrap_or_default().lines().next().unwrap_or_default();
        table.add_row([of.name.to_string(), date(first), date(last), files, rows, bytes, title.to_owned()]);
    }
    println!("{table}");
    Exit::Done
}

fn table_json(of: &TableSummary) -> Value {
    let TableSummary { name, title, files, rows, bytes, span } = of;
    let [first, last] = [span.map(|span| span.first), span.map(|span| span.last)];
    json!({ "dataset": name.dataset, "table": name.table, "title": title, "first": first, "last": last,
            "files": files, "rows": rows, "bytes": bytes })
}

fn word(state: State) -> &'static str {
    match state {
        State::Present => "present",
        State::Fetched => "fetched",
        State::Resumed => "resumed",
        State::Mended => "mended",
    }
}

/// Tells what became of each file; how it ended.
fn show(origin: &Origin, request: &Request, results: &Results, json: bool) -> Exit {
    let exits = results.files.iter().filter_map(|file| file.state.as_ref().err()).map(exit_of);
    let exit = exits.max().unwrap_or(Exit::Done);
    for error in results.files.iter().filter_map(|file| file.state.as_ref().err()) {
        eprintln!("error: {error}.");
    }
    if results.not_tried > 0 {
        let files = if results.not_tried == 1 { "file was" } else { "files were" };
        eprintln!("error: after that, {} other {files} not tried.", results.not_tried);
    }
    for (date, reason) in &results.withdrawn {
        eprintln!("warning: {date} was withdrawn by its publisher: {}. Delete what you have of it.", one_line(reason));
    }
    for path in &results.unlisted {
        eprintln!(
            "warning: {} is published no more: it may have been withdrawn. Remove it unless you need it to repeat a result.",
            path.display()
        );
    }
    if json {
        println!("{}", results_json(origin, request, results));
        return exit;
    }
    for file in &results.files {
        for path in &file.replaced {
            println!("{} was replaced by a newer release, {}", path.display(), file.path.display());
        }
        match file.state {
            Ok(State::Mended) => println!("{} had other bytes, and was fetched again", file.path.display()),
            Ok(State::Resumed) => println!("{} was continued", file.path.display()),
            _ => {}
        }
    }
    println!("{}", summary(request, results));
    exit
}

/// What there is now, what is missing of what was asked for, and how to go on.
fn summary(request: &Request, results: &Results) -> String {
    let Request { table, to, .. } = request;
    let is_new = |file: &&FileResult| file.state.as_ref().is_ok_and(|state| *state != State::Present);
    let new: Vec<&FileResult> = results.files.iter().filter(is_new).collect();
    let present = results.files.iter().filter(|file| file.state == Ok(State::Present)).count();
    let errors: Vec<&GetError> = results.files.iter().filter_map(|file| file.state.as_ref().err()).collect();
    let bytes: u64 = new.iter().map(|file| file.bytes).sum();
    let (version, new, place) = (results.version, new.len(), to.join(&table.dataset).join(&table.table));
    let files = if new == 1 { "file" } else { "files" };
    let place = place.display();
    if errors.is_empty() {
        return format!(
            "{table}, version {version}: {new} {files} of {bytes} bytes fetched, {present} were there; each has the SHA-256 of the list: \
             {place}"
        );
    }
    let all = results.files.len() + results.not_tried;
    let before = match errors.iter().all(|error| matches!(error, GetError::Transient { .. })) {
        true => "Call",
        false => "When what is told above is mended, call",
    };
    let (failed, not_tried) = (errors.len(), results.not_tried);
    format!(
        "{table}, version {version}: not complete. Of {all} files, {new} were fetched ({bytes} bytes), {present} were there, {failed} \
         failed, {not_tried} were not tried: {place}\nWhat is there has the SHA-256 of the list and stays. {before} the same command \
         again: it fetches the rest."
    )
}

fn results_json(origin: &Origin, request: &Request, results: &Results) -> Value {
    let file = |file: &FileResult| {
        let (state, problem) = match &file.state {
            Ok(state) => (word(*state), None),
            Err(error) => ("failed", Some(error.to_string())),
        };
        json!({ "key": file.key, "path": file.path, "bytes": file.bytes, "state": state, "problem": problem,
                "replaced": file.replaced })
    };
    let files: Vec<Value> = results.files.iter().map(file).collect();
    json!({ "bucket": origin.shown(""), "dataset": request.table.dataset, "table": request.table.table,
            "version": results.version, "files": files, "not_tried": results.not_tried, "unlisted": results.unlisted,
            "withdrawn": results.withdrawn })
}
