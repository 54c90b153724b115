//! `quality.junit.xml`: the results for CI systems. One test suite for each contract, one test case for each rule.
//!
//! A rule of severity `error` that flags rows is a failure, and so is every rule that blocks the release; a rule that could
//! not run is an error. A warning is a success that has something to say, or a CI system would stop at what the data
//! manager decided to live with. There are no times in it: a rule has none of its own, and the file must not change from
//! run to run.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::quality::{Evaluates, Quality, RuleReport};
use super::text::number;
use super::words::{printable, then};
use crate::check::RuleResult;

/// The file's text.
pub(crate) fn write(quality: &Quality) -> String {
    let mut report = Report::new(plain(&format!("{} {}", quality.dataset, quality.date)));
    for results in quality.rules.chunk_by(|one, other| one.contract == other.contract) {
        let first = &results[0];
        let mut suite = TestSuite::new(plain(&first.contract));
        let status = if quality.status == crate::ledger::Status::HeldBack { "held_back" } else { "published" };
        suite.add_properties([
            ("dataset", quality.dataset.as_str()),
            ("date", &quality.date.to_string()),
            ("table", &first.table),
            ("contract_version", &first.contract_version),
            ("status", status),
            ("inputs", &quality.inputs.to_string()),
        ]);
        suite.add_test_cases(results.iter().map(|result| case(quality, result)));
        report.add_test_suite(suite);
    }
    // Texts are legal XML, and a string takes all that is written to it.
    report.to_string().unwrap_or_else(|error| crate::internal::impossible("writing JUnit", error))
}

/// How a CI system is told.
#[derive(PartialEq)]
enum Told {
    Success,
    Failure,
    Error,
    Skipped,
}

fn told(result: &RuleReport) -> Told {
    match result.result {
        RuleResult::Error => Told::Error,
        RuleResult::Skipped => Told::Skipped,
        RuleResult::Failed => Told::Failure,
        RuleResult::Warning if result.blocks() => Told::Failure,
        RuleResult::Warning | RuleResult::Passed => Told::Success,
    }
}

fn case(quality: &Quality, result: &RuleReport) -> TestCase {
    let message = plain(result.message.as_deref().unwrap_or(&result.description));
    let found = plain(&found(quality, result));
    let kind = format!("{:?}", result.dimension).to_lowercase();
    let non_success = |of: NonSuccessKind, description: &str| {
        let mut status = TestCaseStatus::non_success(of);
        status.set_message(message.as_str()).set_type(kind.as_str()).set_description(description);
        status
    };
    let told = told(result);
    let status = match told {
        Told::Success => TestCaseStatus::success(),
        Told::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(plain(result.message.as_deref().unwrap_or("there was nothing to look at")));
            status
        }
        Told::Failure => non_success(NonSuccessKind::Failure, &found),
        Told::Error => non_success(NonSuccessKind::Error, &plain(&result.description)),
    };
    let mut case = TestCase::new(plain(&result.id.0), status);
    case.set_classname(plain(&result.contract));
    if told == Told::Success && result.result != RuleResult::Passed {
        case.set_system_out(format!("warning: {message}\n{found}"));
    }
    case
}

/// The numbers, and what happened to the rows.
fn found(quality: &Quality, result: &RuleReport) -> String {
    let (_, then) = then(result, quality.status, &quality.tables);
    match (result.asks, result.value) {
        (Evaluates::Rows, _) => format!("{} of {} rows; {then}", result.rows, result.checked),
        (Evaluates::Number, Some(value)) => format!("{}; {then}", number(value)),
        (Evaluates::Number, None) => then,
    }
}

/// A text on one line, without what XML 1.0 has no way to say.
fn plain(text: &str) -> String {
    printable(text).replace(['\t', '\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::quality::tests::quality;

    #[test]
    fn every_rule_is_a_test_case_and_no_text_breaks_the_file() {
        let text = write(&quality());
        insta::assert_snapshot!(text);
        // https://www.w3.org/TR/xml/#charsets
        let legal = |c: char| matches!(c, '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(text.chars().all(legal));
    }
}
