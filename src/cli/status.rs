//! `fahrtenbuch status`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cli::exit::Exit;
use crate::cli::lost::store_is_not_lost;
use crate::cli::opened::{clock_is_set, read_outline, stale_catalogue, write_output};
use crate::cli::run::failed;
use crate::output_file::Readers;
use crate::pipeline::run::RunError;
use crate::schedule::causes::{Causes, Known};
use crate::schedule::due::due;
use crate::schedule::gather;
use crate::schedule::log::{self, Log};
use crate::schedule::status::language::Language;
use crate::schedule::status::page::page;
use crate::schedule::status::{Effort, Gatherer, Inputs, running, text};
use crate::time;
use crate::workspace::outline::Needs;

#[derive(clap::Args)]
#[command(after_help = "\
The first line says whether anything needs you. Then: what needs you, since when, what is lost if nothing happens and what to type;
what runs, what is due, what comes next; the newest release of each pipeline; the beats of each source in the last seven days; rows in
quarantine without a decision; the disk. 'up' and 'schedule' keep the same as a page: status/index.html in the private store.

What needs you is what messages tell ('notify:'), in the same words, also where there are no channels.

JSON: now, title, collector and scheduler (at work: true, false, or null if never started), needs (kind, about, since, what and lost
in de and en, command, said: by the newest try), running, due, next (pipeline, date, since or at, why), due_chores and next_chore (daily jobs), pipelines (name, is_known: bucket and evidence could be read, newest, dates
with their state), sources
(name, every in seconds, newest_body, newest_beat, last_good, hours with beats by what became of them), undecided, disk (bytes), notes (a
catalogue for SQL engines that has to be written anew).
docs/status.md explains all of it.

Exit codes: 0, also if something needs you; with --fail 4 then. If the bucket is gone or does not answer all else is told, and it is 1.

Examples:
  fahrtenbuch status
  fahrtenbuch status --json | jq -r '.needs[] | .what.en'
  fahrtenbuch status --fail > /dev/null || echo 'look at it'
  fahrtenbuch status --html status.html --language de")]
pub(super) struct Arguments {
    /// Write it as JSON to standard output
    #[arg(long)]
    json: bool,
    /// Write it as a page, too: a new file or one to replace, or into a pipe or /dev/stdout
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The language of the page
    #[arg(long, value_enum, default_value_t = OfPage::De, requires = "html")]
    language: OfPage,
    /// End with exit code 4 if something needs a person
    #[arg(long)]
    fail: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OfPage {
    De,
    En,
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    status(root, arguments).unwrap_or_else(|exit| exit)
}

fn status(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    clock_is_set()?;
    let workspace = read_outline(root, Needs::Stores)?;
    store_is_not_lost(root)?;
    let of_run = |error: RunError| failed(&error, arguments.json, None);
    let path = log::path(&workspace.private);
    let log = Log::read(&workspace.private).map_err(|error| of_run(RunError::private(&path, "read", &error)))?;
    let now = time::now();
    let running = running(&workspace, &log);
    let mut gatherer = gather::Gatherer::default();
    // Without the bucket all else is told, and the end is that of the error.
    let (facts, unread) = match gatherer.gather(&workspace, &log, &running, now) {
        Ok(facts) => (facts, None),
        Err(RunError::Publish(error)) => {
            let (facts, _) =
                gatherer.gather_without_bucket((&workspace, &log), &running, &error, now).map_err(of_run)?;
            (facts, Some(RunError::Publish(error)))
        }
        Err(error) => return Err(of_run(error)),
    };
    let (due, beats, newest_release) = (due(&facts, now), BTreeMap::new(), gatherer.newest_release());
    let (workspace, facts, due, log) = (&workspace, &facts, &due, &log);
    let known = Known { workspace, facts, due, log, newest_release, beats: &beats, started: None, now };
    let causes = Causes::default().find(&known).causes;
    let inputs = Inputs { workspace, facts, due, log, causes: &causes, now };
    let status = Gatherer::default().gather(&inputs, Effort::All).map_err(of_run)?;
    if let Some(file) = &arguments.html {
        let language = match arguments.language {
            OfPage::De => Language::De,
            OfPage::En => Language::En,
        };
        // It is as private as what it is made of.
        write_output(workspace, file, &page(&status, language), Readers::Owner)?;
    }
    let stale = stale_catalogue(workspace);
    if arguments.json {
        let mut json = serde_json::json!(status);
        json["notes"] = stale.iter().map(ToString::to_string).collect();
        println!("{json}");
    } else {
        print!("{}", text::text(&status));
        stale.iter().for_each(|stale| println!("note: {stale}"));
    }
    if let Some(error) = unread {
        return Err(failed(&error, false, None));
    }
    Ok(if arguments.fail && !status.needs.is_empty() { Exit::Found } else { Exit::Done })
}
