//! `fahrtenbuch rules`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use comfy_table::{Table, presets};
use serde_json::{Value, json};

use crate::check::program_findings;
use crate::check::rule_tests::{self, City, Ended, Found};
use crate::check::rules::{RuleSpec, specs};
use crate::cli::exit::Exit;
use crate::cli::opened::{read_workspace, tell};
use crate::contract::library::{Library, Survey};
use crate::contract::query::Query;
use crate::contract::test_cases::{self, Expected, RuleTest};
use crate::contract::{Contract, Rule, View};
use crate::feed_rules::notice::Notice;
use crate::feed_rules::report::word;
use crate::feed_rules::rule::{self as feed_rule, Rule as FeedRule};
use crate::feed_rules::{self, Standard, gtfs, gtfs_realtime};
use crate::pipeline::rule_preview::{self, Subject};
use crate::pipeline::run::{Lock, open_bucket};
use crate::time::ServiceDate;
use crate::workspace;
use crate::yaml::suggestion;

/// Rows that a preview shows.
const SHOWN: usize = 5;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch rules list                                     every rule there is
  fahrtenbuch rules explain vehicle_locations.frozen_gps     what it asks, why, how, and its tests
  fahrtenbuch rules test                                     every test of every rule
  fahrtenbuch rules try vehicle_locations.speed_possible     an edited rule on the newest partition: what would change")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the rules: those of the workspace's contracts and the standard rules of GTFS and GTFS-Realtime
    #[command(after_help = "\
Examples:
  fahrtenbuch rules list --table vehicle_locations
  fahrtenbuch rules list --json | jq '.own[] | select(.severity == \"error\")'")]
    List {
        /// Only the rules of a table
        #[arg(long, value_name = "TABLE")]
        table: Option<String>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Tell what a rule asks and why, and how it is tested; of a standard notice, what it means and how to mend it
    #[command(after_help = "\
Examples:
  fahrtenbuch rules explain vehicle_locations.frozen_gps
  fahrtenbuch rules explain stop_too_far_from_shape
  fahrtenbuch rules explain E018")]
    Explain { id: String },
    /// Run the tests of rules, which stand in schemas/**/tests/<rule id>.yaml
    #[command(after_help = "\
Examples:
  fahrtenbuch rules test
  fahrtenbuch rules test vehicle_locations      those whose id contains this
  fahrtenbuch rules test --json

Exit code 2 if a test fails.")]
    Test {
        /// Only rules whose id contains this
        filter: Option<String>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Run a rule, as it stands in the workspace now, over published and quarantined data, and tell what would change
    #[command(after_help = "\
Examples:
  fahrtenbuch rules try vehicle_locations.speed_possible
  fahrtenbuch rules try vehicle_locations.speed_possible --date 2026-11-24
  fahrtenbuch rules try vehicle_locations.speed_possible data/bucket/data/stadtbus-telemetrie/vehicle_locations/partition_date=2026-11-24/part-….parquet

Nothing is changed. Values that rules nulled before are absent in what was published.")]
    Try {
        rule: String,
        /// A Parquet file, published or of the quarantine; without one, the newest partition
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// The partition
        #[arg(long, value_name = "DATE")]
        date: Option<ServiceDate>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
}

pub fn run(root: &Path, arguments: &Arguments) -> Exit {
    match &arguments.command {
        Command::List { table, json } => list(root, table.as_deref(), *json),
        Command::Explain { id } => explain(root, id),
        Command::Test { filter, json } => test(root, filter.as_deref(), *json),
        Command::Try { rule, file, date, json } => try_on(root, rule, file.as_deref(), *date, *json),
    }
}

/// The folders of contracts in a workspace; none outside of one.
fn libraries(root: &Path) -> Result<Vec<(PathBuf, Library)>, Exit> {
    Ok(surveys(root)?.into_iter().map(|(folder, survey)| (folder, survey.library)).collect())
}

/// As [`libraries`], with the contracts that no pipeline could use.
fn surveys(root: &Path) -> Result<Vec<(PathBuf, Survey)>, Exit> {
    let mut surveys = Vec::new();
    let mut found = Vec::new();
    for folder in workspace::contract_folders(root) {
        match Survey::read(&folder) {
            Ok(survey) => surveys.push((folder, survey)),
            Err(mut problems) => found.append(&mut problems),
        }
    }
    if found.is_empty() {
        return Ok(surveys);
    }
    tell(&found);
    Err(Exit::Usage)
}

/// Where a contract stands, from the workspace on.
fn shown_file(root: &Path, contract: &Contract) -> String {
    contract.file.strip_prefix(root).unwrap_or(&contract.file).display().to_string()
}

fn lower(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| Some(value.as_str()?.to_owned())).unwrap_or_default()
}

fn list(root: &Path, table: Option<&str>, as_json: bool) -> Exit {
    let surveys = match surveys(root) {
        Ok(surveys) => surveys,
        Err(exit) => return exit,
    };
    let contracts = || {
        let all = surveys.iter().flat_map(|(_, survey)| survey.contracts());
        all.filter(|contract| table.is_none_or(|table| contract.table == table))
    };
    let own: Vec<(&Arc<Contract>, RuleSpec)> =
        contracts().flat_map(|c| specs(c).into_iter().map(move |s| (c, s))).collect();
    let standards = if table.is_none() { feed_rules::STANDARDS } else { &[] };
    let notices = || standards.iter().flat_map(|standard| (standard.notices)().into_iter().map(move |n| (standard, n)));
    if as_json {
        let standard: Vec<Value> = notices()
            .map(|(standard, notice)| {
                json!({
                    "code": notice.code,
                    "standard": standard.name,
                    "severity": word(notice.severity),
                    "files": notice.files,
                    "fields": notice.fields,
                    "rule": rule_of(notice.code),
                    "what": {"en": notice.en.what, "de": notice.de.what},
                    "mend": {"en": notice.en.mend, "de": notice.de.mend},
                })
            })
            .collect();
        let mut list: Vec<Value> = own
            .iter()
            .map(|(contract, spec)| {
                json!({
                    "id": spec.id,
                    "contract": shown_file(root, contract),
                    "severity": spec.severity,
                    "dimension": spec.dimension,
                    "onFail": spec.on_fail,
                    "asks": spec.message,
                    "executable": true,
                })
            })
            .collect();
        list.extend(contracts().flat_map(|contract| not_executable(contract, &shown_file(root, contract))));
        println!("{}", json!({ "rules": standard, "own": list }));
        return Exit::Done;
    }
    let mut rows = Table::new();
    rows.load_style(presets::UTF8_BORDERS_ONLY);
    rows.set_header(["rule", "severity", "dimension", "on fail", "where"]);
    for (contract, spec) in &own {
        let file = shown_file(root, contract);
        rows.add_row([spec.id.0.clone(), lower(&spec.severity), lower(&spec.dimension), lower(&spec.on_fail), file]);
    }
    for contract in contracts() {
        for text in &contract.texts {
            let file = shown_file(root, contract);
            rows.add_row([text.id.0.clone(), String::new(), String::new(), "not executable".to_owned(), file]);
        }
        for rule in &contract.unexecuted {
            let how = format!("not executable: {}", rule.reason);
            let file = shown_file(root, contract);
            rows.add_row([rule.id.0.clone(), lower(&rule.severity), lower(&rule.dimension), how, file]);
        }
    }
    if rows.row_count() > 0 {
        println!("{rows}");
    }
    if standards.is_empty() {
        return Exit::Done;
    }
    let mut rows = Table::new();
    rows.load_style(presets::UTF8_BORDERS_ONLY);
    rows.set_header(["standard notice", "severity", "files", "rule", "standard"]);
    for (standard, notice) in notices() {
        let severity = word(notice.severity).to_lowercase();
        rows.add_row([notice.code, &severity, &notice.files.join(", "), rule_of(notice.code), standard.name]);
    }
    println!("{rows}");
    Exit::Done
}

/// The texts for people, and the rules that this program cannot run.
fn not_executable(contract: &Contract, file: &str) -> Vec<Value> {
    let texts = contract
        .texts
        .iter()
        .map(|text| json!({"id": text.id, "contract": file, "asks": text.description, "executable": false}));
    let rules = contract.unexecuted.iter().map(|rule| {
        json!({
            "id": rule.id,
            "contract": file,
            "severity": rule.severity,
            "dimension": rule.dimension,
            "asks": rule.description,
            "executable": false,
            "reason": rule.reason,
        })
    });
    texts.chain(rules).collect()
}

/// The name of the rule that gives a notice.
fn rule_of(code: &str) -> &'static str {
    let own = rule_among(gtfs::RULES, code).map(FeedRule::name);
    own.or_else(|| rule_among(gtfs_realtime::RULES, code).map(FeedRule::name)).unwrap_or_default()
}

/// The first rule that names a notice is the one that it was made for: others only give it, too.
fn rule_among<S: feed_rule::Subject>(
    rules: &'static [&'static FeedRule<S>],
    code: &str,
) -> Option<&'static FeedRule<S>> {
    rules.iter().copied().find(|rule| rule.notices.iter().any(|notice| notice.code == code))
}

fn explain(root: &Path, id: &str) -> Exit {
    let surveys = match surveys(root) {
        Ok(surveys) => surveys,
        Err(exit) => return exit,
    };
    // Results call a rule of the feed's table so where the release has a table of that name, too.
    let id = id.strip_prefix(crate::report::quality::OF_FEED).unwrap_or(id);
    let mut explained = false;
    for (folder, survey) in &surveys {
        for contract in survey.contracts() {
            for spec in specs(contract).into_iter().filter(|spec| spec.id.0 == id) {
                if std::mem::replace(&mut explained, true) {
                    println!();
                }
                explain_own(root, folder, &survey.library, contract, &spec);
            }
            if let Some(rule) = contract.unexecuted.iter().find(|rule| rule.id.0 == id) {
                explained = true;
                println!("{} ({}, {}, not executable)", rule.id, lower(&rule.severity), lower(&rule.dimension));
                println!("{}:{}\n", shown_file(root, contract), rule.line);
                println!("{}\n", rule.description.as_deref().unwrap_or_default());
                println!("It is not run: {}.", rule.reason);
            }
            if let Some(text) = contract.texts.iter().find(|text| text.id.0 == id) {
                explained = true;
                println!("{} (a text for people, not executable)\n\n{}", text.id, text.description);
            }
        }
    }
    if explained {
        return Exit::Done;
    }
    if let Some(finding) = program_findings::of(id) {
        println!("{id} (of the program, in no contract)\n");
        println!("{} {}", finding.en.0, finding.en.1);
        println!("{} {}", finding.de.0, finding.de.1);
        return Exit::Done;
    }
    let Some((standard, notice)) = feed_rules::find(id) else {
        let own: Vec<String> = surveys
            .iter()
            .flat_map(|(_, survey)| survey.contracts())
            .flat_map(|contract| specs(contract).into_iter().map(|spec| spec.id.0))
            .collect();
        let notices = feed_rules::STANDARDS.iter().flat_map(|standard| (standard.notices)());
        let mut known: Vec<&str> = notices.map(|notice| notice.code).collect();
        known.extend(own.iter().map(String::as_str));
        let remedy = match suggestion(id, &known) {
            remedy if remedy.starts_with("Did") => remedy,
            _ => "'fahrtenbuch rules list' lists them.".to_owned(),
        };
        eprintln!("error: there is no rule '{id}'. {remedy}");
        return Exit::Usage;
    };
    explain_notice(standard, notice);
    Exit::Done
}

fn explain_own(root: &Path, folder: &Path, library: &Library, contract: &Arc<Contract>, spec: &RuleSpec) {
    println!("{} ({}, {}, {})", spec.id, lower(&spec.severity), lower(&spec.dimension), lower(&spec.on_fail));
    println!("{} {}\n", shown_file(root, contract), contract.version);
    println!("{}", spec.message);
    let rule = contract.rules.iter().find(|rule| rule.id == spec.id);
    let metric = contract.metrics.iter().find(|metric| metric.id == spec.id);
    let texts = rule.map(|rule| [&rule.description_de, &rule.why, &rule.why_de]);
    let texts = texts.or_else(|| metric.map(|metric| [&metric.description_de, &metric.why, &metric.why_de]));
    texts.into_iter().flatten().flatten().for_each(|text| println!("{text}"));
    if let Some(metric) = metric {
        println!("\n{} {}", metric.metric.name(), metric.limit);
    }
    if let Some(rule) = rule {
        explain_query(contract, rule);
    }
    let (tests, _) = test_cases::read_all(folder, library);
    for test in tests.iter().filter(|test| test.rule == spec.id) {
        println!("\ntests in {}:", test.file.strip_prefix(root).unwrap_or(&test.file).display());
        for case in &test.cases {
            println!("  {} ({})", case.name, if case.is_transient() { "passes" } else { "fails" });
        }
    }
}

fn explain_query(contract: &Contract, rule: &Rule) {
    if let Some(limit) = rule.limit {
        println!("\n{} {limit}", if rule.is_number { "the number" } else { "the rows that it names" });
    }
    if !rule.invalidates.is_empty() {
        println!("\nnulls: {}", contract.names(&rule.invalidates).join(", "));
    }
    let how = match (rule.query.is_local, contract.names(&rule.per).join(", ")) {
        (true, _) => "each row by itself".to_owned(),
        (false, per) if per.is_empty() => "all rows together".to_owned(),
        (false, per) => format!("all rows of each {per} together"),
    };
    println!("\nasked of {how}:\n");
    rule.query.sql.trim_end().lines().for_each(|line| println!("  {line}"));
    // A view reads only views above it, so one way back through the list finds all.
    let mut read: Vec<&View> = Vec::new();
    for view in contract.views.iter().rev() {
        let is_read = |query: &Query| query.tables.contains(&view.name);
        if is_read(&rule.query) || read.iter().any(|other| is_read(&other.query)) {
            read.push(view);
        }
    }
    for view in read.iter().rev() {
        let per = contract.names(&view.per).join(", ");
        let per = if per.is_empty() { per } else { format!(", of each {per}") };
        println!("\nwith the view {}{per}:\n", view.name);
        view.query.sql.trim_end().lines().for_each(|line| println!("  {line}"));
    }
}

fn explain_notice(standard: &Standard, notice: &Notice) {
    let code = notice.code;
    println!("{code} ({}, {})", word(notice.severity).to_lowercase(), standard.name);
    println!("\n{} {}", notice.en.what, notice.en.mend);
    println!("{} {}", notice.de.what, notice.de.mend);
    if !notice.files.is_empty() {
        println!("\nfiles: {}", notice.files.join(", "));
    }
    if !notice.fields.is_empty() {
        println!("fields of a sample: {}", notice.fields.join(", "));
    }
    let folder = standard.prefix.trim_end_matches('.');
    println!("rule: src/feed_rules/{folder}/{}.rs", rule_of(code));
    for (title, failing) in [("A feed that gets it", true), ("A feed that does not", false)] {
        let lines = example(gtfs::RULES, code, failing, |(file, text)| {
            let lines = text.lines().map(|line| format!("  {line}"));
            if text.is_empty() {
                vec![format!("{file} is not there")]
            } else {
                std::iter::once((*file).to_owned()).chain(lines).collect()
            }
        });
        let lines = lines.or_else(|| example(gtfs_realtime::RULES, code, failing, gtfs_realtime::moment::Shown::lines));
        let Some(lines) = lines else { continue };
        println!("\n{title}:");
        lines.iter().for_each(|line| println!("  {line}"));
    }
}

/// The first example of a notice that fails or passes, for people.
fn example<S: feed_rule::Subject>(
    rules: &'static [&'static FeedRule<S>],
    code: &str,
    failing: bool,
    lines: impl Fn(&S::Part) -> Vec<String>,
) -> Option<Vec<String>> {
    let mut examples = rules.iter().flat_map(|rule| rule.examples).filter(|example| example.code == code);
    let example = examples.find(|example| (example.count > 0) == failing && !example.parts.is_empty())?;
    Some(example.parts.iter().flat_map(lines).collect())
}

fn test(root: &Path, filter: Option<&str>, as_json: bool) -> Exit {
    let prepared = read_workspace(root).and_then(|workspace| Ok((libraries(root)?, workspace)));
    let (libraries, workspace) = match prepared {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    let city = City { zone: workspace.zone.clone(), area: workspace.area.clone() };
    let (mut found, mut results) = (Vec::new(), Vec::new());
    let (mut passed, mut failed, mut rules) = (0, 0, 0);
    for (folder, library) in &libraries {
        let (tests, mut problems) = test_cases::read_all(folder, library);
        found.append(&mut problems);
        for test in tests.iter().filter(|test| filter.is_none_or(|filter| test.rule.0.contains(filter))) {
            let ended = rule_tests::run(test, library, &city);
            rules += 1;
            for ended in &ended {
                if ended.is_as_expected {
                    passed += 1
                } else {
                    failed += 1
                }
                if as_json {
                    results.push(json!({
                        "rule": test.rule,
                        "case": ended.case.name,
                        "passed": ended.is_as_expected,
                        "found": told(&ended.found),
                        "file": test.file.strip_prefix(root).unwrap_or(&test.file),
                        "line": ended.case.line,
                    }));
                } else if !ended.is_as_expected {
                    diff(root, test, ended);
                }
            }
        }
    }
    if as_json {
        println!("{}", json!({"passed": passed, "failed": failed, "cases": results, "mistakes": found}));
    } else {
        if !found.is_empty() {
            tell(&found);
        }
        let counted = |many: usize, what: &str| format!("{many} {what}{}", if many == 1 { "" } else { "s" });
        println!("{}, {} passed, {failed} failed", counted(rules, "rule"), counted(passed, "case"));
    }
    if failed == 0 && found.is_empty() { Exit::Done } else { Exit::Usage }
}

fn told(found: &Found) -> Value {
    match found {
        Found::Flagged(rows) => json!({"named": rows.iter().map(|row| row + 1).collect::<Vec<_>>()}),
        Found::Holds { holds, value, said } => json!({"holds": holds, "value": value, "said": said}),
        Found::Skipped(why) => json!({"skipped": why}),
        Found::Broken(why) => json!({"broken": why}),
    }
}

/// Where a case came out otherwise, row by row.
fn diff(root: &Path, test: &RuleTest, ended: &Ended<'_>) {
    let file = test.file.strip_prefix(root).unwrap_or(&test.file).display();
    println!("FAILED {}: {}", test.rule, ended.case.name);
    println!("  {file}:{}", ended.case.line);
    match (&ended.case.expected, &ended.found) {
        (Expected::Named(expected), Found::Flagged(named)) => {
            for (place, row) in ended.case.rows.iter().enumerate() {
                let (sign, said) = match (expected.contains(&place), named.contains(&place)) {
                    (true, false) => ("-", "should be named and is not"),
                    (false, true) => ("+", "is named and should not be"),
                    (true, true) => (" ", "named"),
                    (false, false) => (" ", ""),
                };
                let cells: Vec<String> = (row.cells.iter())
                    .map(|(column, text)| format!("{column}: {}", text.as_deref().unwrap_or("null")))
                    .collect();
                println!("  {sign} {:3} {{{}}}  {said}", place + 1, cells.join(", "));
            }
        }
        (Expected::Holds(expected), Found::Holds { said, .. }) => {
            println!("  - {}", if *expected { "the rule should hold" } else { "the rule should not hold" });
            println!("  + {said}");
        }
        (_, Found::Broken(why)) => println!("  the rule cannot run: {why}"),
        (_, Found::Skipped(why)) => println!("  the rule was skipped: {why}"),
        _ => println!("  the case expects something that the rule does not give"),
    }
    println!();
}

fn try_on(root: &Path, id: &str, file: Option<&Path>, date: Option<ServiceDate>, as_json: bool) -> Exit {
    let workspace = match read_workspace(root) {
        Ok(workspace) => workspace,
        Err(exit) => return exit,
    };
    // Of rules with the same id the one of a table that is published goes first: there is data of it.
    let of = |contracts: Vec<Arc<Contract>>| {
        contracts.into_iter().find_map(|c| Some((c.rules.iter().find(|rule| rule.id.0 == id)?.clone(), c)))
    };
    let own = |pipeline: &crate::pipeline::Pipeline| pipeline.contracts.contracts.values().cloned().collect();
    let found = workspace.pipelines.iter().find_map(|pipeline| Some((pipeline, of(pipeline.released())?)));
    let found = found.or_else(|| workspace.pipelines.iter().find_map(|pipeline| Some((pipeline, of(own(pipeline))?))));
    let Some((pipeline, (rule, contract))) = found else {
        let all = || workspace.pipelines.iter().flat_map(|pipeline| pipeline.all_contracts());
        if all().flat_map(|contract| specs(contract)).any(|spec| spec.id.0 == id) {
            eprintln!("error: '{id}' has no query to try. 'fahrtenbuch quality report' shows what it came to.");
            return Exit::Usage;
        }
        let all = all();
        let known: Vec<&str> = all.flat_map(|contract| &contract.rules).map(|rule| rule.id.0.as_str()).collect();
        eprintln!("error: no pipeline has a rule '{id}' with a query. {}", suggestion(id, &known));
        return Exit::Usage;
    };
    let tried = Lock::take(&workspace).and_then(|mut lock| open_bucket(&workspace, &mut lock)).and_then(|bucket| {
        let subject = match file {
            Some(path) => {
                let date = date
                    .or_else(|| rule_preview::date_of(path))
                    .unwrap_or_else(|| ServiceDate::local_date_of(jiff::Timestamp::now(), &workspace.zone));
                Some(Subject::of_file(path, &contract, date)?)
            }
            None => Subject::of_partition(&workspace, pipeline, &contract, &rule, date, &bucket)?,
        };
        let Some(subject) = subject else { return Ok(None) };
        let preview = rule_preview::run(&workspace, pipeline, &contract, &rule, &subject, &bucket)?;
        Ok(Some((subject, preview)))
    });
    match tried {
        Ok(Some((subject, preview))) => show_preview(&contract, &rule, &subject, &preview, as_json),
        Ok(None) => {
            let (table, when) = (&contract.table, date.map_or(String::new(), |date| format!(" for {date}")));
            if pipeline.released().iter().any(|other| other.file == contract.file) {
                eprintln!("error: nothing of '{table}' was published{when}. Run the pipeline first, or name a file.");
            } else {
                eprintln!(
                    "error: '{table}' is a table of the feed and is never published. Name a file of the quarantine."
                );
            }
            Exit::Permanent
        }
        Err(error) => {
            eprintln!("error: {error}");
            if error.is_transient() { Exit::Transient } else { Exit::Permanent }
        }
    }
}

fn show_preview(
    contract: &Contract,
    rule: &Rule,
    subject: &Subject,
    preview: &rule_preview::RulePreview,
    as_json: bool,
) -> Exit {
    let samples = |rows: &[usize], batch| -> Vec<Value> {
        rows.iter().take(SHOWN).map(|&row| json!(rule_preview::shown(contract, rule, batch, row))).collect()
    };
    let named: &[usize] = if let Found::Flagged(named) = &preview.found { named } else { &[] };
    if as_json {
        let found = match &preview.found {
            Found::Flagged(_) => json!({ "named": named.len() }),
            other => told(other),
        };
        println!(
            "{}",
            json!({
                "rule": rule.id,
                "on": subject.name,
                "rows": subject.rows.num_rows(),
                "found": found,
                "namedBefore": subject.before,
                "quarantined": subject.held.num_rows(),
                "namedOfQuarantined": preview.named_of_held.len(),
                "freed": preview.freed.len(),
                "would": preview.would,
                "unseen": preview.unseen,
                "samples": samples(named, &subject.rows),
            })
        );
        return if matches!(preview.found, Found::Broken(_)) { Exit::Usage } else { Exit::Done };
    }
    println!(
        "{} on {}, {} rows published, {} in quarantine\n",
        rule.id,
        subject.name,
        subject.rows.num_rows(),
        subject.held.num_rows()
    );
    match &preview.found {
        Found::Flagged(named) => {
            let all = named.len() + preview.named_of_held.len();
            let before = subject.before.map_or(String::new(), |before| format!("; in the last run it named {before}"));
            println!(
                "names {all} rows: {} published, {} in quarantine{before}",
                named.len(),
                preview.named_of_held.len()
            );
            for row in samples(named, &subject.rows) {
                let cells: Vec<String> = row
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(column, value)| format!("{column}: {}", value.as_str().unwrap_or_default()))
                    .collect();
                println!("  {{{}}}", cells.join(", "));
            }
            if named.len() > SHOWN {
                println!("  and {} more", named.len() - SHOWN);
            }
        }
        Found::Holds { holds, said, .. } => println!("{}: {said}", if *holds { "holds" } else { "does not hold" }),
        Found::Skipped(why) => println!("skipped: {why}"),
        Found::Broken(why) => {
            eprintln!("error: the rule cannot run: {why}");
            return Exit::Usage;
        }
    }
    if !preview.would.is_empty() {
        println!("\nIf it were run so:");
        preview.would.iter().for_each(|what| println!("  {what}"));
    }
    if !preview.unseen.is_empty() {
        println!("\nA run would also see:");
        preview.unseen.iter().for_each(|what| println!("  {what}"));
    }
    Exit::Done
}
