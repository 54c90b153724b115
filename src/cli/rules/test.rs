//! `fahrtenbuch rules test`

use std::path::{Path, PathBuf};

use serde_json::json;

use super::shared::{surveys, told};
use crate::check::rule_tests::{self, City, Ended, Found};
use crate::cli::exit::Exit;
use crate::cli::opened::{read_workspace, tell};
use crate::contract::library::Library;
use crate::contract::test_cases::{self, Expected, RuleTest};

/// The folders of contracts in a workspace; none outside of one.
fn libraries(root: &Path) -> Result<Vec<(PathBuf, Library)>, Exit> {
    Ok(surveys(root)?.into_iter().map(|(folder, survey)| (folder, survey.library)).collect())
}

pub(super) fn test(root: &Path, filter: Option<&str>, as_json: bool) -> Exit {
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
