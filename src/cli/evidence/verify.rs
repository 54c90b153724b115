//! `fahrtenbuch evidence verify`

use clap::Args;
use serde_json::{Value, json};

use crate::capture::CaptureError;
use crate::capture::collector::Collector;
use crate::capture::evidence::{Problem, ProblemKind, Store, Witness};
use crate::cli::evidence::source::tell_unread;
use crate::cli::exit::{Exit, usage};
use crate::cli::run::failed;
use crate::cli::terminal::count;
use crate::pipeline::run::RunError;
use crate::pipeline::run::purge::Losses;
use crate::workspace::Workspace;
use crate::yaml::suggestion;

pub(super) const HELP: &str = "\
Examples:
  fahrtenbuch evidence verify
  fahrtenbuch evidence verify stadtbus-vehicle-positions --json | jq '.[].problems[]'

Every archive is read to its end, every digest is computed again, and the body that a revisit names is
looked for; sealed archives are compared with what was recorded when they were sealed. Ends of archives
that were moved aside after a crash are told: they hold no record that counted as kept.

Archives that are gone are told if something knows of them: what was sealed, imported or run. So is what
stands in the place of an archive and is none, or a link to one.

The exit code is 4 if something is damaged, torn, missing or changed, 42 if an archive cannot be read.";

#[derive(Args)]
pub(super) struct Verify {
    /// Sources; all that there is evidence of if none is given
    #[arg(value_name = "SOURCE")]
    of: Vec<String>,
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
}

#[derive(Default)]
struct Sums {
    archives: u64,
    bytes: u64,
    bodies: u64,
    revisits: u64,
    notes: u64,
    others: u64,
    problems: Vec<Problem>,
    moved_aside: u64,
}

pub(super) fn run(workspace: &Workspace, arguments: &Verify) -> Result<Exit, Exit> {
    let store = Store::new(Collector::evidence(&workspace.private)).with_remote(workspace.evidence.clone());
    let losses = Losses::read(workspace, None);
    let losses = losses.map_err(|error| failed(&error, false, None))?;
    let kept = losses.sources().map_err(|error| failed(&error, false, None))?;
    for name in &arguments.of {
        if !kept.contains(name) {
            let known: Vec<&str> = kept.iter().map(String::as_str).collect();
            return Err(usage(&format!("there is no evidence of a source '{name}'. {}", suggestion(name, &known))));
        }
    }
    let sources = if arguments.of.is_empty() { &kept } else { &arguments.of };
    let mut values = Vec::new();
    let mut is_sound = true;
    let (mut unread, mut worst) = (Vec::new(), Exit::Done);
    for source in sources {
        let Some(sums) = of_source(&store, &losses, source, &mut unread) else {
            // It hides no other. What cannot be read now will not be read by trying again.
            worst = Exit::Permanent;
            continue;
        };
        is_sound &= sums.problems.is_empty();
        if !arguments.json {
            print(source, &sums);
        }
        let problems = sums.problems.iter();
        let problems: Value =
            problems.map(|problem| json!({"kind": problem.kind.name(), "message": problem.message})).collect();
        values.push(json!({
            "source": source, "archives": sums.archives, "bytes": sums.bytes, "bodies": sums.bodies,
            "revisits": sums.revisits, "notes": sums.notes, "other_records": sums.others,
            "moved_aside": sums.moved_aside, "problems": problems,
        }));
    }
    if arguments.json {
        println!("{}", Value::from(values));
    } else if sources.is_empty() {
        println!("there is no evidence");
    }
    if !is_sound {
        worst = worst.max(Exit::Found);
    }
    Ok(worst.max(tell_unread(&unread)))
}

/// What is wrong with all evidence, by source, and how telling it ends if some cannot be read.
pub(in crate::cli) fn problems(workspace: &Workspace) -> Result<(Vec<(String, Problem)>, Exit), Exit> {
    let store = Store::new(Collector::evidence(&workspace.private)).with_remote(workspace.evidence.clone());
    let losses = Losses::read(workspace, None).map_err(|error| failed(&error, false, None))?;
    let (mut found, mut unread, mut worst) = (Vec::new(), Vec::new(), Exit::Done);
    for source in losses.sources().map_err(|error| failed(&error, false, None))? {
        match of_source(&store, &losses, &source, &mut unread) {
            Some(sums) => found.extend(sums.problems.into_iter().map(|problem| (source.clone(), problem))),
            None => worst = Exit::Permanent,
        }
    }
    Ok((found, worst.max(tell_unread(&unread))))
}

/// What one source has, and what is gone of it; nothing if it cannot be read.
fn of_source(store: &Store, losses: &Losses<'_>, source: &str, unread: &mut Vec<(String, RunError)>) -> Option<Sums> {
    let mut sums = match verify(store, source) {
        Ok(sums) => sums,
        Err(error) => {
            unread.push((source.to_owned(), error.into()));
            return None;
        }
    };
    // That a sealed one is gone is told where it is compared with what was sealed.
    let gone = losses.of(source).unwrap_or_else(|error| {
        unread.push((source.to_owned(), error));
        Vec::new()
    });
    let gone = gone.iter().filter(|gone| gone.witness != Witness::Sealed);
    sums.problems.extend(gone.map(|gone| Problem { kind: ProblemKind::Missing, message: gone.said() }));
    Some(sums)
}

fn verify(store: &Store, source: &str) -> Result<Sums, CaptureError> {
    let mut sums = Sums::default();
    store.verify(source, &mut |verified| {
        sums.archives += 1;
        sums.bytes += verified.bytes;
        sums.bodies += verified.bodies;
        sums.revisits += verified.revisits;
        sums.notes += verified.notes;
        sums.others += verified.others;
        sums.problems.extend(verified.problems);
    })?;
    sums.problems.append(&mut store.verify_sealed(source)?);
    sums.problems.append(&mut store.verify_links(source)?);
    sums.moved_aside = store.torn(source)?.len() as u64;
    Ok(sums)
}

fn print(source: &str, sums: &Sums) {
    let Sums { archives, bytes, bodies, revisits, notes, problems, moved_aside, .. } = sums;
    let said = match problems.len() {
        0 => "all sound".to_owned(),
        1 => "1 problem".to_owned(),
        several => format!("{several} problems"),
    };
    let said = [
        format!("{source}: {said}; {}", count(*archives, "archive", "archives")),
        count(*bytes, "byte", "bytes"),
        count(*bodies, "body", "bodies"),
        count(*revisits, "revisit", "revisits"),
        count(*notes, "note", "notes"),
    ];
    println!("{}", said.join(", "));
    for problem in problems {
        println!("  {}: {}", problem.kind.name().replace('_', " "), problem.message);
    }
    if *moved_aside > 0 {
        let (ends, them) = if *moved_aside == 1 { ("end", "was") } else { ("ends", "were") };
        println!(
            "  {moved_aside} {ends} that a crash left {them} moved aside (.torn); no record that was kept is in there"
        );
    }
}
