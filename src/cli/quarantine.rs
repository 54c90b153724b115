//! `fahrtenbuch quarantine`

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use arrow_array::{Array, RecordBatch};
use clap::{ArgGroup, Args, Subcommand};
use comfy_table::{Cell, CellAlignment};
use serde_json::{Map, Value, json};

use crate::cli::decisions::{Decider, today};
use crate::cli::exit::Exit;
use crate::cli::opened::read_workspace;
use crate::cli::terminal::Harmless;
use crate::cli::terminal::{listing, row_or_rows};
use crate::contract::RuleId;
use crate::decision::{self, About, DecisionError, Row, Rows};
use crate::pipeline::run::last_record::last_records;
use crate::pipeline::run::{Lock, RunError};
use crate::quarantine::decisions::{Decisions, Effect};
use crate::quarantine::{self, HELD_AT, ID, ORIGIN_NAME, QuarantineError, RULES, RUN, RowId, Stage, texts};
use crate::table::csv::CsvWriter;
use crate::table::{ORIGIN, ORIGIN_ROW};
use crate::time::ServiceDate;
use crate::workspace::Workspace;
use crate::yaml::suggestion;

const PRIVATE: &str = "PRIVATE: these rows may tell of people and vehicles. They must not leave the private store.";

#[derive(Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch quarantine list
  fahrtenbuch quarantine show stadtbus-telemetrie/vehicle_locations --date 2026-11-24

Rows leave the quarantine with a new release when what held them is mended and the partition
is run again: a rule, a mapping file of ids (see 'mappings' of a pipeline), or a decision to
release or discard them.")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tell how many rows each rule holds back
    List(List),
    /// Show rows that are held back, with their private columns
    Show(Show),
    /// Let rows pass although rules named them, with the next run
    #[command(group(ArgGroup::new("which").required(true).args(["rule", "row", "all"])), after_help = RELEASE)]
    Release(Decide),
    /// Drop rows for good, with the next run
    #[command(group(ArgGroup::new("which").required(true).args(["rule", "row", "all"])), after_help = DISCARD)]
    Discard(Decide),
}

const RELEASE: &str = "\
Examples:
  fahrtenbuch quarantine release stadtbus-telemetrie/vehicle_locations --date 2026-11-24 \\
      --rule vehicle_locations.primary_key --by Datenmanagement \\
      --reason 'Two receivers in one bus, both are right'
  fahrtenbuch quarantine release stadtbus-telemetrie/vehicle_locations --date 2026-11-24 \\
      --row 5f0c1d2e3a4b5c6d --by Datenmanagement --reason 'It was a test drive'

With --rule, rows pass that rule; what other rules hold, they hold on. With --row and --all,
rows pass all rules that hold them. A rule that names a row later holds it again.

Name and reason are published in the run record; the rows are not. To take a decision back, see
'fahrtenbuch decisions list' and 'fahrtenbuch decisions undo'.";

const DISCARD: &str = "\
Examples:
  fahrtenbuch quarantine discard stadtbus-telemetrie/vehicle_locations --date 2026-11-24 \\
      --rule vehicle_locations.primary_key --by Datenmanagement \\
      --reason 'The same report twice'

Name and reason are published in the run record; the rows are not. To take a decision back, see
'fahrtenbuch decisions list' and 'fahrtenbuch decisions undo'.";

#[derive(Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch quarantine list
  fahrtenbuch quarantine list stadtbus-telemetrie --date 2026-11-24
  fahrtenbuch quarantine list --rule vehicle_locations.primary_key --json

'decided' counts the rows that the next run releases from the rule, or discards.")]
struct List {
    /// Only of this dataset
    #[arg(value_name = "DATASET")]
    dataset: Option<String>,
    /// Only of this date
    #[arg(long, value_name = "DATE")]
    date: Option<ServiceDate>,
    /// Only what this rule holds
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch quarantine show stadtbus-telemetrie/vehicle_locations --date 2026-11-24
  fahrtenbuch quarantine show stadtbus-fahrplan/stops --date 2026-11-24 --csv > stops.csv")]
struct Show {
    #[command(flatten)]
    of: Partition,
    /// Only what this rule holds
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// Rows to show at most; without --json or --csv 10 unless another number is given
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Write JSON to standard output
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Write CSV to standard output
    #[arg(long)]
    csv: bool,
}

#[derive(Args)]
struct Decide {
    #[command(flatten)]
    of: Partition,
    /// The rows that this rule holds
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// These rows, by the ids that 'show' tells
    #[arg(long, value_name = "ROW", num_args = 1..)]
    row: Vec<RowId>,
    /// All rows of the partition
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    decider: Decider,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Release,
    Discard,
}

#[derive(Args)]
struct Partition {
    /// The dataset and the table
    #[arg(value_name = "DATASET/TABLE")]
    table: TableName,
    /// The date of the partition
    #[arg(long, value_name = "DATE")]
    date: ServiceDate,
}

#[derive(Clone)]
struct TableName {
    dataset: String,
    table: String,
}

impl std::str::FromStr for TableName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            // The names become paths.
            Some((dataset, table))
                if [dataset, table].iter().all(|name| !name.is_empty() && !name.contains(['/', '.'])) =>
            {
                Ok(Self { dataset: dataset.to_owned(), table: table.to_owned() })
            }
            _ => Err("expected a dataset and a table, like stadtbus-telemetrie/vehicle_locations".to_owned()),
        }
    }
}

impl std::fmt::Display for TableName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.dataset, self.table)
    }
}

/// Why a command did not do what it should.
enum Failure {
    Usage(String),
    Quarantine(QuarantineError),
    Decision(DecisionError),
    Run(RunError),
}

impl From<DecisionError> for Failure {
    fn from(error: DecisionError) -> Self {
        Self::Decision(error)
    }
}

impl From<QuarantineError> for Failure {
    fn from(error: QuarantineError) -> Self {
        Self::Quarantine(error)
    }
}

pub fn run(root: &Path, arguments: &Arguments) -> Exit {
    let workspace = match read_workspace(root) {
        Ok(workspace) => workspace,
        Err(exit) => return exit,
    };
    let done = match &arguments.command {
        Command::List(list) => self::list(&workspace, list),
        Command::Show(show) => self::show(&workspace, show),
        Command::Release(decide) => self::decide(&workspace, decide, Action::Release),
        Command::Discard(decide) => self::decide(&workspace, decide, Action::Discard),
    };
    let (message, exit) = match done {
        Ok(()) => return Exit::Done,
        Err(Failure::Usage(message)) => (message, Exit::Usage),
        Err(Failure::Quarantine(error)) => {
            let exit = match error {
                QuarantineError::File { .. } => Exit::Transient,
                QuarantineError::Content { .. } => Exit::Permanent,
            };
            (error.to_string(), exit)
        }
        Err(Failure::Decision(error)) => {
            let exit = match error {
                DecisionError::File { .. } => Exit::Transient,
                DecisionError::Line { .. } | DecisionError::Person { .. } => Exit::Usage,
            };
            (error.to_string(), exit)
        }
        Err(Failure::Run(error)) => (error.to_string(), Exit::Transient),
    };
    eprintln!("error: {message}");
    exit
}

/// A file of the quarantine.
struct Held {
    dataset: String,
    table: String,
    date: ServiceDate,
    path: PathBuf,
}

/// The files of the quarantine, in the order of their names.
fn files(private: &Path, dataset: Option<&str>, date: Option<ServiceDate>) -> Vec<Held> {
    let names = |folder: &Path| -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    let mut files = Vec::new();
    let root = private.join("quarantine");
    for name in names(&root).into_iter().filter(|name| dataset.is_none_or(|dataset| dataset == name)) {
        for partition in names(&root.join(&name)) {
            let Some(day) = partition.strip_prefix("date=").and_then(|day| day.parse().ok()) else { continue };
            if date.is_some_and(|date| date != day) {
                continue;
            }
            for file in names(&root.join(&name).join(&partition)) {
                let Some((table, _)) = Stage::of_file(&file) else { continue };
                let path = root.join(&name).join(&partition).join(&file);
                files.push(Held { dataset: name.clone(), table: table.to_owned(), date: day, path });
            }
        }
    }
    files
}

/// The rules that hold a row.
fn rules_of(rows: &RecordBatch, row: usize) -> Vec<RuleId> {
    let rules = texts(rows, RULES).map_or("", |rules| rules.value(row));
    rules.split(' ').map(|rule| RuleId(rule.to_owned())).collect()
}

fn id_of(rows: &RecordBatch, row: usize) -> Option<RowId> {
    texts(rows, ID)?.value(row).parse().ok()
}

fn decisions_of(workspace: &Workspace, dataset: &str, table: &str, date: ServiceDate) -> Result<Decisions, Failure> {
    let lines = decision::read_of(&decision::path_of_rows(&workspace.private, dataset, table), &workspace.people)?;
    Ok(Decisions::of(&lines, date, today(workspace)))
}

fn list(workspace: &Workspace, arguments: &List) -> Result<(), Failure> {
    let mut counts: BTreeMap<(String, ServiceDate, String, RuleId), (u64, u64)> = BTreeMap::new();
    let mut all = 0_u64;
    for held in files(&workspace.private, arguments.dataset.as_deref(), arguments.date) {
        let decided = decisions_of(workspace, &held.dataset, &held.table, held.date)?;
        for rows in quarantine::read(&held.path, Some(&[ID, RULES]))?.into_iter().flatten() {
            let rows = rows?;
            for row in 0..rows.num_rows() {
                let mut rules = rules_of(&rows, row);
                rules.retain(|rule| arguments.rule.as_ref().is_none_or(|wanted| *wanted == rule.0));
                all += u64::from(!rules.is_empty());
                for rule in rules {
                    let settled = id_of(&rows, row).is_some_and(|id| decided.settle(id, &rule));
                    let key = (held.dataset.clone(), held.date, held.table.clone(), rule);
                    let (rows, decided) = counts.entry(key).or_default();
                    *rows += 1;
                    *decided += u64::from(settled);
                }
            }
        }
    }
    lost(workspace, arguments);
    if arguments.json {
        let list = counts.iter().map(|((dataset, date, table, rule), (rows, decided))| {
            json!({"dataset": dataset, "date": date, "table": table, "rule": rule, "rows": rows, "decided": decided})
        });
        println!("{}", list.collect::<Value>());
        return Ok(());
    }
    if counts.is_empty() {
        println!("no row is held back");
        return Ok(());
    }
    let mut table = listing(["dataset", "date", "table", "rule", "rows", "decided"]);
    for ((dataset, date, name, rule), counts) in &counts {
        let texts = [dataset, &date.to_string(), name, &rule.0].map(Cell::new);
        let numbers = [counts.0, counts.1].map(|count| Cell::new(count).set_alignment(CellAlignment::Right));
        table.add_row(texts.into_iter().chain(numbers));
    }
    println!("{table}");
    println!("{} held back", rows(all));
    Ok(())
}

/// Tells of rows that the last records say are held back, and whose files are gone.
fn lost(workspace: &Workspace, arguments: &List) {
    let pipelines = workspace.pipelines.iter();
    for pipeline in pipelines.filter(|other| arguments.dataset.as_ref().is_none_or(|name| other.dataset == *name)) {
        for (date, record) in last_records(workspace, pipeline) {
            if arguments.date.is_some_and(|wanted| wanted != date) {
                continue;
            }
            for (table, count) in record.quarantine_gone(workspace, pipeline, date) {
                eprintln!(
                    "warning: the record of {} {date} says that {} of {table} {} held back, and their file is gone. Run the \
                     date again, which makes it again from the evidence.",
                    pipeline.name,
                    rows(count),
                    if count == 1 { "is" } else { "are" },
                );
            }
        }
    }
}

/// How many rows.
fn rows(count: u64) -> String {
    format!("{count} {}", row_or_rows(count))
}

/// Rows of a table, and where in their batches they are.
type Chosen = Vec<(RecordBatch, Vec<usize>)>;

/// The rows of a partition's table that fit.
fn choose(
    workspace: &Workspace,
    name: &TableName,
    date: ServiceDate,
    fits: impl Fn(&RecordBatch, usize) -> bool,
) -> Result<Chosen, Failure> {
    let mut chosen = Vec::new();
    let folder = quarantine::partition(&workspace.private, &name.dataset, date);
    for stage in Stage::BOTH {
        for batch in quarantine::read(&folder.join(stage.file(&name.table)), None)?.into_iter().flatten() {
            let batch = batch?;
            let rows: Vec<usize> = (0..batch.num_rows()).filter(|&row| fits(&batch, row)).collect();
            if !rows.is_empty() {
                chosen.push((batch, rows));
            }
        }
    }
    if chosen.is_empty() {
        let known: BTreeSet<String> = files(&workspace.private, None, Some(date))
            .iter()
            .map(|held| format!("{}/{}", held.dataset, held.table))
            .collect();
        let remedy = if known.is_empty() {
            "Nothing is held back on that date: see 'fahrtenbuch quarantine list'.".to_owned()
        } else if known.contains(&name.to_string()) {
            "See what there is with 'fahrtenbuch quarantine list'.".to_owned()
        } else {
            suggestion(&name.to_string(), &known.iter().map(String::as_str).collect::<Vec<_>>())
        };
        return Err(Failure::Usage(format!("no such row of {name} of {date} is held back. {remedy}")));
    }
    Ok(chosen)
}

fn show(workspace: &Workspace, arguments: &Show) -> Result<(), Failure> {
    let fits = |batch: &RecordBatch, row: usize| {
        arguments.rule.as_ref().is_none_or(|rule| rules_of(batch, row).iter().any(|other| other.0 == *rule))
    };
    let chosen = choose(workspace, &arguments.of.table, arguments.of.date, fits)?;
    let decided = decisions_of(workspace, &arguments.of.table.dataset, &arguments.of.table.table, arguments.of.date)?;
    let all = chosen.iter().map(|(_, rows)| rows.len()).sum::<usize>();
    let limit = arguments.limit.unwrap_or(if arguments.json || arguments.csv { usize::MAX } else { 10 });
    let found = chosen.iter().flat_map(|(batch, rows)| rows.iter().map(move |&row| (batch, row))).take(limit);
    let mut out = std::io::BufWriter::new(Harmless::new(std::io::stdout().lock()));
    let written = if arguments.json {
        eprintln!("{PRIVATE}");
        write_json(&mut out, found)
    } else if arguments.csv {
        eprintln!("{PRIVATE}");
        let mut header: Vec<String> = Vec::new();
        for name in chosen.iter().flat_map(|(batch, _)| columns(batch)) {
            if !header.contains(&name) {
                header.push(name);
            }
        }
        write_csv(&mut out, &header, found)
    } else {
        let head = format!("{} of {}: {} held back", arguments.of.table, arguments.of.date, rows(all as u64));
        let rest = match all.saturating_sub(limit) {
            0 => String::new(),
            more => format!("\nand {more} more: see them with --limit, --csv or --json\n"),
        };
        write_rows(&mut out, &head, found, &decided).and_then(|()| out.write_all(rest.as_bytes()))
    };
    // Nobody reads on: `| head` has seen enough.
    let _ = written.and_then(|()| out.flush());
    Ok(())
}

/// What is known of a row first, then the columns of its table.
fn columns(batch: &RecordBatch) -> Vec<String> {
    let first = [ID, RULES, ORIGIN_NAME, ORIGIN_ROW, RUN, HELD_AT];
    let schema = batch.schema();
    let others = schema.fields().iter().map(|field| field.name().as_str());
    let others = others.filter(|name| !first.contains(name) && *name != ORIGIN);
    first.into_iter().chain(others).map(str::to_owned).collect()
}

fn cell(batch: &RecordBatch, row: usize, name: &str) -> Value {
    batch.column_by_name(name).map_or(Value::Null, |array| quarantine::json(array, row))
}

/// A list with one row a line.
fn write_json<'a>(out: &mut impl Write, rows: impl Iterator<Item = (&'a RecordBatch, usize)>) -> io::Result<()> {
    for (place, (batch, row)) in rows.enumerate() {
        out.write_all(if place == 0 { b"[" } else { b",\n" })?;
        let map: Map<String, Value> =
            columns(batch).into_iter().map(|name| (name.clone(), cell(batch, row, &name))).collect();
        serde_json::to_writer(&mut *out, &map)?;
    }
    out.write_all(b"]\n")
}

/// Rows of the feed and rows of the release have different columns: the header has all of them.
fn write_csv<'a>(
    out: &mut impl Write,
    header: &[String],
    rows: impl Iterator<Item = (&'a RecordBatch, usize)>,
) -> io::Result<()> {
    let mut csv = CsvWriter::new(out);
    csv.row(header)?;
    for (batch, row) in rows {
        csv.row(header.iter().map(|name| match cell(batch, row, name) {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        }))?;
    }
    Ok(())
}

/// Rows for people: one line for each column that has a value.
fn write_rows<'a>(
    out: &mut impl Write,
    head: &str,
    rows: impl Iterator<Item = (&'a RecordBatch, usize)>,
    decided: &Decisions,
) -> io::Result<()> {
    writeln!(out, "{PRIVATE}\n{head}")?;
    for (batch, row) in rows {
        let text = |name: &str| texts(batch, name).map_or("", |texts| texts.value(row));
        let decision = match id_of(batch, row).and_then(|id| decided.get(id)) {
            Some(Effect::Discard) => ", will be discarded",
            Some(Effect::Release(rules)) if rules_of(batch, row).iter().all(|rule| rules.contains(rule)) => {
                ", will be released"
            }
            Some(Effect::Release(_)) => ", will be released from some of the rules",
            None => "",
        };
        writeln!(out, "\n{}  held by {}{decision}", text(ID), text(RULES).replace(' ', ", "))?;
        writeln!(out, "  from {}, row {}; run {}", text(ORIGIN_NAME), cell(batch, row, ORIGIN_ROW), text(RUN))?;
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            if !field.name().starts_with('_') && array.is_valid(row) {
                let value = quarantine::json(array, row);
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                writeln!(out, "  {:26} {value}", field.name())?;
            }
        }
    }
    Ok(())
}

fn decide(workspace: &Workspace, arguments: &Decide, action: Action) -> Result<(), Failure> {
    let name = &arguments.of.table;
    let decided = arguments.decider.check(workspace).map_err(Failure::Usage)?;
    let pipeline = workspace.pipelines.iter().find(|pipeline| pipeline.dataset == name.dataset);
    let Some(pipeline) = pipeline else {
        let known: Vec<&str> = workspace.pipelines.iter().map(|pipeline| pipeline.dataset.as_str()).collect();
        let message =
            format!("no pipeline makes the dataset '{}'. {}", name.dataset, suggestion(&name.dataset, &known));
        return Err(Failure::Usage(message));
    };
    let fits = |batch: &RecordBatch, row: usize| match &arguments.rule {
        Some(rule) => rules_of(batch, row).iter().any(|other| other.0 == *rule),
        None => arguments.all || id_of(batch, row).is_some_and(|id| arguments.row.contains(&id)),
    };
    // A run that is at work has read the decisions already, and will change the quarantine.
    let lock = Lock::take(workspace).map_err(Failure::Run)?;
    let _mine = lock.partition(&pipeline.name, arguments.of.date).map_err(Failure::Run)?;
    let chosen = choose(workspace, name, arguments.of.date, fits)?;
    let mut made: BTreeMap<RowId, Row> = BTreeMap::new();
    let (mut count, mut still_held) = (0, 0);
    for (batch, row) in chosen.iter().flat_map(|(batch, rows)| rows.iter().map(move |&row| (batch, row))) {
        let Some(id) = id_of(batch, row) else { continue };
        let mut rules = rules_of(batch, row);
        count += 1;
        if let (Action::Release, Some(wanted)) = (action, &arguments.rule) {
            let before = rules.len();
            rules.retain(|rule| rule.0 == *wanted);
            still_held += u64::from(rules.len() < before);
        }
        made.insert(id, Row { row: id, rules });
    }
    if let Some(row) = arguments.row.iter().find(|row| !made.contains_key(row)) {
        let message = format!("no row {row} of {name} of {} is held back. 'show' tells the ids.", arguments.of.date);
        return Err(Failure::Usage(message));
    }
    let target = Rows {
        dataset: name.dataset.clone(),
        table: name.table.clone(),
        date: arguments.of.date,
        rows: made.into_values().collect(),
    };
    let about = match action {
        Action::Release => About::Release(target),
        Action::Discard => About::Discard(target),
    };
    let path = decision::path_of_rows(&workspace.private, &name.dataset, &name.table);
    decision::append(&path, &[decided.about(about)])?;
    let what = if action == Action::Release { "released" } else { "discarded" };
    let verb = if count == 1 { "is" } else { "are" };
    println!("{} of {name} of {} {verb} to be {what}.", rows(count), arguments.of.date);
    if still_held > 0 {
        println!("{} of them held by other rules, too, and will stay in quarantine.", rows(still_held));
    }
    let root =
        if workspace.root == Path::new(".") { String::new() } else { format!(" -C {}", workspace.root.display()) };
    println!(
        "It takes effect with the next run:\n  fahrtenbuch{root} run {} --date {}",
        pipeline.name, arguments.of.date
    );
    Ok(())
}
