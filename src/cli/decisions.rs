//! `fahrtenbuch decisions`, and what every command needs by which somebody decides.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::exit::Exit;
use crate::cli::opened::read_workspace;
use crate::cli::terminal::listing;
use crate::decision::{self, About, Decision, DecisionEntry, DecisionError, Line, Undone};
use crate::time::ServiceDate;
use crate::workspace::Workspace;
use crate::yaml::suggestion;

#[derive(Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch decisions list
  fahrtenbuch decisions list --json | jq '.[] | select(.holds)'
  fahrtenbuch decisions undo 5f0c1d2e3a4b5c6d --by Datenmanagement --reason 'The receiver was broken'

Nothing is deleted: what undoes a decision is a decision itself, and may be undone. Names and
reasons are published in the run record.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tell what was decided, by whom, when and why
    List(List),
    /// Take a decision back
    Undo(Undo),
}

#[derive(Args)]
struct List {
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Undo {
    /// The decision, by the id that 'list' tells, or its beginning
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    decider: Decider,
}

/// Who decides, why, and for how long.
#[derive(Args)]
pub(super) struct Decider {
    /// Who decides: one of 'people' in fahrtenbuch.yaml; the name is published in the record
    #[arg(long, value_name = "NAME", env = "FAHRTENBUCH_BY")]
    by: Option<String>,
    /// Why; the reason is published in the record, so name no person and no vehicle in it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The last day on which the decision holds; for ever if none is given
    #[arg(long, value_name = "DATE")]
    until: Option<ServiceDate>,
}

/// A decision without what it is about.
pub(super) struct Decided {
    by: String,
    reason: String,
    until: Option<ServiceDate>,
}

impl Decider {
    /// Makes sure that somebody who may decide gives a reason; otherwise tells the remedy.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<Decided, String> {
        let by = who(workspace, self.by.as_deref())?;
        let reason = self.reason.trim();
        if reason.is_empty() {
            return Err("a decision needs a reason. Write it after --reason.".to_owned());
        }
        let today = ServiceDate::local_date_of(crate::time::now(), &workspace.zone);
        if let Some(until) = self.until.filter(|until| *until < today) {
            return Err(format!(
                "--until {until} is over: the decision would never hold. Write a later date, or none."
            ));
        }
        Ok(Decided { by, reason: reason.to_owned(), until: self.until })
    }
}

/// Who does something that the record names; otherwise tells the remedy.
pub(super) fn who(workspace: &Workspace, by: Option<&str>) -> Result<String, String> {
    let known: Vec<&str> = workspace.people.iter().map(String::as_str).collect();
    if known.is_empty() {
        return Err("nobody is configured who may decide. Add 'people: [NAME]', with names or roles, to \
                    fahrtenbuch.yaml."
            .to_owned());
    }
    let listed = known.join(", ");
    let Some(by) = by.map(str::trim).filter(|by| !by.is_empty()) else {
        return Err(format!(
            "a decision needs somebody who decides. Write --by NAME, or set FAHRTENBUCH_BY. Configured are: {listed}."
        ));
    };
    if !known.contains(&by) {
        let remedy = suggestion(by, &known);
        return Err(format!("'{by}' may not decide. {remedy} 'people' in fahrtenbuch.yaml configures: {listed}."));
    }
    Ok(by.to_owned())
}

impl Decided {
    /// The decision about something, made now.
    pub(super) fn about(&self, about: About) -> Decision {
        let at = jiff::Timestamp::from_second(crate::time::now().as_second()).unwrap_or_default();
        Decision { about, by: self.by.clone(), at, until: self.until, reason: self.reason.clone() }
    }
}

/// The local day on which decisions must hold.
pub(super) fn today(workspace: &Workspace) -> ServiceDate {
    ServiceDate::local_date_of(crate::time::now(), &workspace.zone)
}

impl Arguments {
    /// Whether what it prints is what it is for.
    pub(super) fn is_for_its_output(&self) -> bool {
        matches!(self.command, Command::List(_))
    }
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    let workspace = match read_workspace(root) {
        Ok(workspace) => workspace,
        Err(exit) => return exit,
    };
    let done = all(&workspace).map_err(|error| failed(&error)).and_then(|lines| match &arguments.command {
        Command::List(list) => {
            self::list(&workspace, &lines, list.json);
            Ok(())
        }
        Command::Undo(undo) => self::undo(&workspace, &lines, undo),
    });
    match done {
        Ok(()) => Exit::Done,
        Err((message, exit)) => {
            eprintln!("error: {message}");
            exit
        }
    }
}

fn failed(error: &DecisionError) -> (String, Exit) {
    let exit = match error {
        DecisionError::File { .. } => Exit::Transient,
        DecisionError::Line { .. } | DecisionError::Person { .. } => Exit::Usage,
    };
    (error.to_string(), exit)
}

/// All decisions with their files, in the order in which they were made. Those of somebody who may not decide are told, and may
/// be undone.
fn all(workspace: &Workspace) -> Result<Vec<(PathBuf, Line)>, DecisionError> {
    let mut lines = Vec::new();
    for file in decision::files(&workspace.private) {
        if let Err(error @ DecisionError::Person { .. }) = decision::read_of(&file, &workspace.people) {
            eprintln!("warning: {error}");
        }
        lines.extend(decision::read(&file)?.into_iter().map(|line| (file.clone(), line)));
    }
    lines.sort_by_key(|(_, line)| line.decision.at);
    Ok(lines)
}

fn list(workspace: &Workspace, lines: &[(PathBuf, Line)], as_json: bool) {
    let today = today(workspace);
    let state = |line: &Line| match (line.is_undone, line.holds(today)) {
        (true, _) => "undone",
        (false, true) => "holds",
        (false, false) if matches!(line.decision.about, About::Undo(_)) => "",
        (false, false) => "over",
    };
    if as_json {
        let list = lines.iter().map(|(_, line)| {
            let mut value = json!(DecisionEntry::from(line));
            value["holds"] = line.holds(today).into();
            value["undone"] = line.is_undone.into();
            value
        });
        println!("{}", list.collect::<Value>());
        return;
    }
    if lines.is_empty() {
        println!("nothing was decided");
        return;
    }
    let mut table = listing(["id", "at", "by", "kind", "of", "reason", ""]);
    for (_, line) in lines {
        let decision = &line.decision;
        let until = decision.until.map_or_else(String::new, |until| format!(" until {until}"));
        table.add_row([
            line.id.to_string(),
            decision.at.to_string(),
            decision.by.clone(),
            decision.about.kind().to_owned(),
            decision.about.told(),
            decision.reason.clone(),
            format!("{}{until}", state(line)),
        ]);
    }
    println!("{table}");
}

fn undo(workspace: &Workspace, lines: &[(PathBuf, Line)], arguments: &Undo) -> Result<(), (String, Exit)> {
    let usage = |message: String| (message, Exit::Usage);
    let decided = arguments.decider.check(workspace).map_err(usage)?;
    let found: Vec<&(PathBuf, Line)> = lines.iter().filter(|(_, line)| line.id.0.starts_with(&arguments.id)).collect();
    let is_one = found.windows(2).all(|two| two[0].1.id == two[1].1.id);
    // The newest of decisions that are the same to the letter is the one that can hold.
    let Some((file, line)) = found.last().filter(|_| is_one && !arguments.id.is_empty()) else {
        let told = if found.is_empty() { "there is no decision" } else { "several decisions begin with" };
        let id = &arguments.id;
        return Err(usage(format!("{told} '{id}'. See the ids with 'fahrtenbuch decisions list'.")));
    };
    if line.is_undone {
        return Err(usage(format!("the decision {} is undone already.", line.id)));
    }
    let about = About::Undo(Undone { decision: line.id.clone() });
    decision::append(file, &[decided.about(about)]).map_err(|error| failed(&error))?;
    println!("undone: {}, {}", line.decision.about.kind(), line.decision.about.told());
    println!("It takes effect with the next run of what it is about.");
    Ok(())
}
