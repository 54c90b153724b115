//! `fahrtenbuch rules try`

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::shared::told;
use crate::check::rule_tests::Found;
use crate::check::rules::specs;
use crate::cli::exit::Exit;
use crate::cli::lost::take_lock;
use crate::cli::opened::read_workspace;
use crate::contract::{Contract, Rule};
use crate::pipeline::rule_preview::{self, Subject, TriedRule};
use crate::pipeline::run::open_bucket;
use crate::time::ServiceDate;
use crate::yaml::suggestion;

/// Rows that a preview shows.
const SHOWN: usize = 5;

pub(super) fn try_on(root: &Path, id: &str, file: Option<&Path>, date: Option<ServiceDate>, as_json: bool) -> Exit {
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
    let tried = take_lock(&workspace).and_then(|mut lock| open_bucket(&workspace, &mut lock)).and_then(|bucket| {
        let of = TriedRule { workspace: &workspace, pipeline, contract: &contract, rule: &rule, bucket: &bucket };
        let subject = match file {
            Some(path) => {
                let date = date
                    .or_else(|| rule_preview::date_of(path))
                    .unwrap_or_else(|| ServiceDate::local_date_of(crate::time::now(), &workspace.zone));
                Some(Subject::of_file(path, &contract, date)?)
            }
            None => Subject::of_partition(&of, date)?,
        };
        let Some(subject) = subject else { return Ok(None) };
        let preview = rule_preview::run(&of, &subject)?;
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
