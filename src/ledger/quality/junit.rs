//! `quality.junit.xml`: the results for CI systems. One test suite for each contract, one test case for each rule.
//!
//! A rule of severity `error` that names rows is a failure, and so is every rule that blocks the release; a rule that could
//! not run is an error. A warning is a success that has something to say, or a CI system would stop at what the data
//! manager decided to live with. There are no times in it: a rule has none of its own, and the file must not change from
//! run to run.

use std::fmt::Write;

use super::text::number;
use super::{Asks, Quality, Result, printable, then};
use crate::check::RuleResult;

/// The file's text.
pub fn write(quality: &Quality) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let name = format!("{} {}", quality.dataset, quality.date);
    open(&mut out, 0, "testsuites", &[("name", &name)], &quality.rules);
    for suite in quality.rules.chunk_by(|one, other| one.contract == other.contract) {
        let first = &suite[0];
        open(&mut out, 1, "testsuite", &[("name", &first.contract)], suite);
        out += "    <properties>\n";
        let status = if quality.status == crate::ledger::Status::HeldBack { "held_back" } else { "published" };
        let inputs = quality.inputs.to_string();
        for (name, value) in [
            ("dataset", quality.dataset.as_str()),
            ("date", &quality.date.to_string()),
            ("table", &first.table),
            ("contract_version", &first.contract_version),
            ("status", status),
            ("inputs", &inputs),
        ] {
            let _ = writeln!(out, "      <property name=\"{name}\" value=\"{}\"/>", escaped(value));
        }
        out += "    </properties>\n";
        suite.iter().for_each(|result| case(&mut out, quality, result));
        out += "  </testsuite>\n";
    }
    out + "</testsuites>\n"
}

/// How a CI system is told.
#[derive(PartialEq)]
enum Told {
    Success,
    Failure,
    Error,
    Skipped,
}

fn told(result: &Result) -> Told {
    match result.result {
        RuleResult::Error => Told::Error,
        RuleResult::Skipped => Told::Skipped,
        RuleResult::Failed => Told::Failure,
        RuleResult::Warning if result.blocks() => Told::Failure,
        RuleResult::Warning | RuleResult::Passed => Told::Success,
    }
}

fn open(out: &mut String, depth: usize, element: &str, attributes: &[(&str, &str)], results: &[Result]) {
    let count = |kind: Told| results.iter().filter(|result| told(result) == kind).count();
    let _ = write!(out, "{:1$}<{element}", "", 2 * depth);
    for (name, value) in attributes {
        let _ = write!(out, " {name}=\"{}\"", escaped(value));
    }
    let _ = writeln!(
        out,
        " tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">",
        results.len(),
        count(Told::Failure),
        count(Told::Error),
        count(Told::Skipped)
    );
}

fn case(out: &mut String, quality: &Quality, result: &Result) {
    let (id, class) = (escaped(&result.id.0), escaped(&result.contract));
    let _ = write!(out, "    <testcase classname=\"{class}\" name=\"{id}\"");
    let message = escaped(result.message.as_deref().unwrap_or(&result.description));
    let found = escaped(&found(quality, result));
    let kind = format!("{:?}", result.dimension).to_lowercase();
    match told(result) {
        Told::Success if result.result == RuleResult::Passed => *out += "/>\n",
        Told::Success => {
            let _ = writeln!(out, ">\n      <system-out>warning: {message}&#10;{found}</system-out>\n    </testcase>");
        }
        Told::Skipped => {
            let why = escaped(result.message.as_deref().unwrap_or("there was nothing to look at"));
            let _ = writeln!(out, ">\n      <skipped message=\"{why}\"/>\n    </testcase>");
        }
        Told::Failure => {
            let _ = writeln!(
                out,
                ">\n      <failure type=\"{kind}\" message=\"{message}\">{found}</failure>\n    </testcase>"
            );
        }
        Told::Error => {
            let what = escaped(&result.description);
            let _ =
                writeln!(out, ">\n      <error type=\"{kind}\" message=\"{message}\">{what}</error>\n    </testcase>");
        }
    }
}

/// The numbers, and what happened to the rows.
fn found(quality: &Quality, result: &Result) -> String {
    let (_, then) = then(result, quality.status, &quality.tables);
    match (result.asks, result.value) {
        (Asks::Rows, _) => format!("{} of {} rows; {then}", result.rows, result.checked),
        (Asks::Number, Some(value)) => format!("{}; {then}", number(value)),
        (Asks::Number, None) => then,
    }
}

/// A text as it may stand in an attribute or an element: what XML 1.0 has no way to say is replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            // Otherwise a reader makes blanks of them.
            '\t' | '\n' | '\r' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::quality::tests::quality;

    #[test]
    fn every_rule_is_a_test_case_and_no_text_breaks_the_file() {
        let text = write(&quality());
        insta::assert_snapshot!(text);
        // https://www.w3.org/TR/xml/#charsets
        let legal = |c: char| matches!(c, '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(text.chars().all(legal));
    }
}
