//! `fahrtenbuch evidence export`

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use crate::capture::CaptureError;
use crate::capture::collector::Collector;
use crate::capture::evidence::{self, Export as Request, Exported, Store};
use crate::cli::evidence::instant::instant;
use crate::cli::exit::{Exit, usage};
use crate::cli::opened::{refuse_stores, unwritten};
use crate::cli::run::failed;
use crate::cli::terminal::count;
use crate::durable;
use crate::workspace::Workspace;
use crate::yaml::suggestion;

pub(super) const HELP: &str = "\
Examples:
  fahrtenbuch evidence export stadtbus-vehicle-positions --from 2026-11-24 --until 2026-11-25 --output day.warc
  fahrtenbuch evidence export stadtbus-vehicle-positions --gzip --output /safe/archives/

Plain WARC 1.1 (ISO 28500), also of sealed archives: one file, or in a folder a file for each hour, which any
tool for WARC reads. Records are as they were kept: bodies, revisits (the source had the same), and notes of
failures, of beats that were skipped, and of the collector's starts and ends. A date is its midnight, and a time
without a zone is one of 'time_zone': of one that the clock shows twice the first, of one that it jumps over the jump.

The export is PRIVATE as the evidence is: it may tell of people and vehicles.";

const PRIVATE: &str = "PRIVATE: this export may tell of people and vehicles. It must not be published.";

#[derive(Args)]
pub(super) struct Export {
    /// The source
    #[arg(value_name = "SOURCE")]
    source: String,
    /// The first records: a date or a time
    #[arg(long, value_name = "TIME|DATE")]
    from: Option<String>,
    /// Records before this: a date or a time
    #[arg(long, value_name = "TIME|DATE")]
    until: Option<String>,
    /// A new file, or a folder, in which each hour becomes a file
    #[arg(long, value_name = "FILE|DIR")]
    output: PathBuf,
    /// Pack each record with gzip, as web archives are
    #[arg(long)]
    gzip: bool,
    /// Bodies and revisits alone, without notes
    #[arg(long)]
    captures_only: bool,
}

/// What was exported.
#[derive(Default)]
struct Sums {
    files: u64,
    bodies: u64,
    revisits: u64,
    notes: u64,
    damaged: u64,
}

impl Sums {
    fn add(&mut self, exported: Exported) {
        self.bodies += exported.bodies;
        self.revisits += exported.revisits;
        self.notes += exported.notes;
        for damage in exported.damage {
            eprintln!("warning: {}", damage.message);
            self.damaged += 1;
        }
    }
}

pub(super) fn run(workspace: &Workspace, arguments: &Export) -> Result<Exit, Exit> {
    let store = Store::new(Collector::evidence(&workspace.private)).with_remote(workspace.evidence.clone());
    let failed = |error: CaptureError| failed(&error.into(), false, None);
    let kept = store.sources().map_err(failed)?;
    let source = arguments.source.as_str();
    if !kept.iter().any(|kept| kept == source) {
        let known: Vec<&str> = kept.iter().map(String::as_str).collect();
        return Err(usage(&format!("there is no evidence of a source '{source}'. {}", suggestion(source, &known))));
    }
    let at = |text: &Option<String>| text.as_deref().map(|text| instant(workspace, text)).transpose();
    let request = Request {
        from: at(&arguments.from)?.unwrap_or(Timestamp::MIN),
        until: at(&arguments.until)?.unwrap_or(Timestamp::MAX),
        captures_only: arguments.captures_only,
        is_packed: arguments.gzip,
    };
    let archives = store.archives_of(source, request.from, request.until).map_err(failed)?;
    let output = &arguments.output;
    let mut sums = Sums::default();
    refuse_stores(workspace, output)?;
    if is_folder(output) {
        durable::create_dir_all(output).map_err(|error| unwritten(output, &error))?;
        for archive in &archives {
            let file = output.join(name_of(archive, arguments.gzip));
            write(&store, std::slice::from_ref(archive), &request, (source, &file), &mut sums)?;
        }
    } else {
        write(&store, &archives, &request, (source, output), &mut sums)?;
    }
    let Sums { files, bodies, revisits, notes, damaged } = sums;
    eprintln!("{PRIVATE}");
    println!(
        "{source}: {}, {} and {} in {}",
        count(bodies, "body", "bodies"),
        count(revisits, "revisit", "revisits"),
        count(notes, "note", "notes"),
        count(files, "file", "files")
    );
    if damaged > 0 {
        let places =
            if damaged == 1 { "1 damaged place is".to_owned() } else { format!("{damaged} damaged places are") };
        println!("{places} not in the export; see 'fahrtenbuch evidence verify {source}'");
    }
    Ok(if damaged > 0 { Exit::Found } else { Exit::Done })
}

/// A folder that is there, or a name that says so.
fn is_folder(output: &Path) -> bool {
    output.is_dir() || output.as_os_str().as_encoded_bytes().ends_with(b"/")
}

/// The name of an hour's file: `<source>-YYYYMMDDTHH.warc`, or `.warc.gz`.
fn name_of(archive: &Path, gzip: bool) -> String {
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split_once(".warc").map_or(&*name, |(stem, _)| stem);
    format!("{stem}.warc{}", if gzip { ".gz" } else { "" })
}

/// Writes a new file; one that could not be written to its end is removed.
fn write(
    store: &Store,
    archives: &[PathBuf],
    request: &Request,
    (source, file): (&str, &Path),
    sums: &mut Sums,
) -> Result<(), Exit> {
    let is_there = || usage(&format!("{} is there already. Name a new file.", file.display()));
    // A pipe or a device, too: the export can neither be told whole nor be removed there.
    if file.symlink_metadata().is_ok() {
        return Err(is_there());
    }
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    let out = match durable::open(&mut options, file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(is_there()),
        other => other.map_err(|error| unwritten(file, &error))?,
    };
    let written = write_all(store, archives, request, (source, file, out), sums);
    if written.is_err() {
        // It is no export; that it stays behind is told by the error itself.
        let _ = std::fs::remove_file(file);
    }
    written
}

fn write_all(
    store: &Store,
    archives: &[PathBuf],
    request: &Request,
    (source, file, out): (&str, &Path, File),
    sums: &mut Sums,
) -> Result<(), Exit> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let begun = evidence::begin_export(&name, crate::time::now(), request.is_packed, &mut out);
    begun.map_err(|error| unwritten(file, &error))?;
    for archive in archives {
        let exported = store.export(source, archive, request, &mut out);
        sums.add(exported.map_err(|error| failed(&error.into(), false, None))?);
    }
    let done = out.flush().and_then(|()| out.get_ref().sync_all());
    done.map_err(|error| unwritten(file, &error))?;
    sums.files += 1;
    Ok(())
}
