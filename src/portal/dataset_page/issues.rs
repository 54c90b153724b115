//! What users of a dataset are to know: what the city says, and what rules found on the newest day.

use std::cmp::{Ordering, Reverse};

use maud::{Markup, html};

use super::names::either;
use super::quality::held_back;
use super::view::View;
use crate::check::RuleResult;
use crate::contract::Severity;
use crate::page::identifier;
use crate::portal::frame::rows_word;
use crate::portal::overview::Day;
use crate::report::quality::{Evaluates, RuleReport};
use crate::report::words::{Verdict, then};

/// Findings that are seen at once.
const SEEN: usize = 12;

pub(super) fn section(view: View<'_>) -> Markup {
    let newest = view.of.results.last();
    let bad = |rule: &&RuleReport| {
        let is_bad = matches!(rule.result, RuleResult::Failed | RuleResult::Error | RuleResult::Warning);
        is_bad && rule.severity != Severity::Info
    };
    let mut found: Vec<&RuleReport> = newest.into_iter().flat_map(|of| &of.rules).filter(bad).collect();
    found.sort_by(|one, other| by_gravity(view, one, other));
    html! {
        section #issues aria-labelledby="issues-title" {
            h2 #issues-title { (view.say("Bekannte Probleme", "Known issues")) }
            @if let Some(date) = held_back(view) {
                p.note.warn {
                    (view.say("Der Lauf vom ", "The run of ")) (view.date(date))
                    (view.say(
                        " wurde zurückgehalten: Von ihm ist nichts veröffentlicht.",
                        " was held back: nothing of it is published.",
                    ))
                }
            }
            @let said = view.page.site.portal.known_issues(view.name());
            @if !said.is_empty() {
                ul.issues { @for issue in said { li {
                    @if let Some(said) = either(view.page.language, Some(&issue.de), issue.en.as_deref()) { (said.mark(view.page.language)) }
                    @if let Some(since) = issue.since { " (" (view.say("seit ", "since ")) (view.date(since)) ")" }
                } } }
            }
            @match newest {
                None if !said.is_empty() => {},
                None => p { (view.say("Keine.", "None.")) },
                Some(of) if found.is_empty() => p {
                    (view.say("Am ", "On ")) (view.date(of.date))
                    (view.say(" wurde keine Regel verletzt, und keine gab eine Warnung.", " no rule failed, and none gave a warning."))
                },
                Some(of) => {
                    p { (view.say("Was die Regeln am ", "What the rules found on ")) (view.date(of.date)) (view.say(" fanden:", ":")) }
                    ul.issues { @for rule in found.iter().take(SEEN) { li { (finding(view, rule)) } } }
                    @if found.len() > SEEN {
                        details {
                            summary { (view.say("Weitere", "More")) }
                            ul.issues { @for rule in found.iter().skip(SEEN) { li { (finding(view, rule)) } } }
                        }
                    }
                }
            }
        }
    }
}

/// The gravest first: by what a rule came to and its severity, then by the rows that it named and their share, then what came last. Names
/// decide between those that are alike, so that a page is the same whoever makes it.
fn by_gravity(view: View<'_>, one: &RuleReport, other: &RuleReport) -> Ordering {
    let gravity = |rule: &RuleReport| (Verdict::of(rule.result, rule.severity), Reverse(rule.severity));
    let share = |rule: &RuleReport| if rule.checked == 0 { 0.0 } else { rule.rows as f64 / rule.checked as f64 };
    let since = |rule: &RuleReport| {
        let days = view.of.overview.days.iter().rev();
        let is_found = |day: &Day| day.findings.iter().any(|of| of.contract == rule.contract && of.rule == rule.id);
        days.skip_while(|(_, day)| !is_found(day)).take_while(|(_, day)| is_found(day)).last().map(|(date, _)| *date)
    };
    gravity(one)
        .cmp(&gravity(other))
        .then_with(|| other.rows.cmp(&one.rows))
        .then_with(|| share(other).total_cmp(&share(one)))
        .then_with(|| since(other).cmp(&since(one)))
        .then_with(|| (&one.contract, &one.id).cmp(&(&other.contract, &other.id)))
}

fn finding(view: View<'_>, rule: &RuleReport) -> Markup {
    let Some(results) = view.of.results.last() else { return html! {} };
    let what = |kind: &str| format!("{kind} {} {} {} {}", view.name(), rule.contract, rule.id, results.date);
    let (de, en) = then(rule, results.status, &results.tables);
    let verdict = Verdict::of(rule.result, rule.severity);
    let (word_de, word_en) = verdict.words();
    html! {
        span.badge.(verdict.class()) { (view.say(word_de, word_en)) } " "
        @if let Some(said) = either(view.page.language, rule.description_de.as_deref(), Some(&rule.description)) {
            (said.mark_opening(view.page.language, &rule.id.0)) " "
        } @else {
            code { (identifier(&rule.id.0)) } " "
        }
        span.muted {
            @let has_rows = rule.result != RuleResult::Error && rule.asks == Evaluates::Rows;
            @if has_rows {
                (view.count(&what("rule_rows"), rule.rows)) (view.say(" von ", " of ")) (view.count(&what("rule_checked"), rule.checked))
                " " (rows_word(rule.checked, view.page.language))
            }
            // With numbers it is about the table as a whole, and these stand on the quality page.
            @if !de.contains(|c: char| c.is_ascii_digit()) {
                @if has_rows { "; " }
                (view.say(&de, &en))
            }
            "."
        }
    }
}
