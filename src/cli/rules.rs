//! `fahrtenbuch rules`

use crate::check::gtfs::report::word;
use crate::check::gtfs::{self, RULES};
use crate::cli::Exit;
use crate::yaml::suggestion;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the standard rules: code, severity, files, and the rule that gives the notice
    List {
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Tell what a notice means, how to mend it, and show a feed that gives it
    #[command(after_help = "Example:\n  fahrtenbuch rules explain stop_too_far_from_shape")]
    Explain { code: String },
}

pub fn run(arguments: &Arguments) -> Exit {
    match &arguments.command {
        Command::List { json } => list(*json),
        Command::Explain { code } => return explain(code),
    }
    Exit::Done
}

fn rule_of(code: &str) -> &'static str {
    // The first rule that names a notice is the one that it was made for: others only give it, too.
    let own = RULES.iter().find(|rule| rule.notices.iter().any(|notice| notice.code == code));
    own.map_or("", |rule| rule.name())
}

fn list(json: bool) {
    let notices = gtfs::notices();
    if json {
        let list: Vec<_> = notices
            .iter()
            .map(|notice| {
                serde_json::json!({
                    "code": notice.code,
                    "severity": word(notice.severity),
                    "files": notice.files,
                    "fields": notice.fields,
                    "rule": rule_of(notice.code),
                    "what": {"en": notice.en.what, "de": notice.de.what},
                    "mend": {"en": notice.en.mend, "de": notice.de.mend},
                })
            })
            .collect();
        println!("{}", serde_json::json!({ "rules": list }));
        return;
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_BORDERS_ONLY);
    table.set_header(["code", "severity", "files", "rule"]);
    for notice in notices {
        let severity = word(notice.severity).to_lowercase();
        table.add_row([notice.code, &severity, &notice.files.join(", "), rule_of(notice.code)]);
    }
    println!("{table}");
}

fn explain(code: &str) -> Exit {
    let notices = gtfs::notices();
    let Some(notice) = notices.iter().find(|notice| notice.code == code) else {
        let codes: Vec<&str> = notices.iter().map(|notice| notice.code).collect();
        eprintln!("error: there is no notice '{code}'. {}", suggestion(code, &codes));
        return Exit::Usage;
    };
    println!("{} ({})", notice.code, word(notice.severity).to_lowercase());
    println!("\n{} {}", notice.en.what, notice.en.mend);
    println!("{} {}", notice.de.what, notice.de.mend);
    if !notice.files.is_empty() {
        println!("\nfiles: {}", notice.files.join(", "));
    }
    if !notice.fields.is_empty() {
        println!("fields of a sample: {}", notice.fields.join(", "));
    }
    println!("rule: src/check/gtfs/{}.rs", rule_of(code));
    let examples = RULES.iter().flat_map(|rule| rule.examples).filter(|example| example.code == code);
    for (title, failing) in [("A feed that gets it", true), ("A feed that does not", false)] {
        let mut fitting =
            examples.clone().filter(|example| (example.count > 0) == failing && !example.files.is_empty());
        let Some(example) = fitting.next() else { continue };
        println!("\n{title}:");
        for (file, text) in example.files {
            if text.is_empty() {
                println!("  {file} is not there");
            } else {
                println!("  {file}");
                text.lines().for_each(|line| println!("    {line}"));
            }
        }
    }
    Exit::Done
}
