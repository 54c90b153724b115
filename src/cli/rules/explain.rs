//! `fahrtenbuch rules explain`

use std::path::Path;
use std::sync::Arc;

use super::shared::{lower, rule_of, shown_file, surveys};
use crate::check::program_findings;
use crate::check::rules::{RuleSpec, specs};
use crate::cli::exit::Exit;
use crate::contract::library::Library;
use crate::contract::query::Query;
use crate::contract::{Contract, Rule, View, test_cases};
use crate::feed_rules::notice::Notice;
use crate::feed_rules::report::word;
use crate::feed_rules::rule::{self as feed_rule, Rule as FeedRule};
use crate::feed_rules::{self, Standard, gtfs, gtfs_realtime};
use crate::yaml::suggestion;

pub(super) fn explain(root: &Path, id: &str) -> Exit {
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
