//! `fahrtenbuch evidence verify`

use clap::Args;
use serde_json::{Value, json};

use crate::cli::evidence::source::tell_unread;
use crate::cli::exit::{Exit, usage};
use crate::cli::run::failed;
use crate::cli::terminal::count;
use crate::pipeline::run::private_store::archives::{Archives, Sums};
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

pub(super) fn run(workspace: &Workspace, arguments: &Verify) -> Result<Exit, Exit> {
    let archives = Archives::read(workspace).map_err(|error| failed(&error, false, None))?;
    let kept = archives.sources().map_err(|error| failed(&error, false, None))?;
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
        let (sums, errors) = archives.of(source);
        // It hides no other.
        unread.extend(errors.into_iter().map(|error| (source.clone(), error)));
        let Some(sums) = sums else {
            // Archives that cannot be read now will not be read by trying again.
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
