//! What users of a dataset are to know: what the city says, and what rules found on the newest day.

use maud::{Markup, html};

use super::names::either;
use super::quality::held_back;
use super::view::View;
use crate::check::RuleResult;
use crate::contract::Severity;
use crate::report::quality::{Evaluates, RuleReport};
use crate::report::words::then;

/// Findings that are seen at once.
const SEEN: usize = 12;

pub(super) fn section(view: View<'_>) -> Markup {
    let newest = view.of.results.last();
    let bad = |rule: &&RuleReport| {
        let is_bad = matches!(rule.result, RuleResult::Failed | RuleResult::Error | RuleResult::Warning);
        is_bad && rule.severity != Severity::Info
    };
    let mut found: Vec<&RuleReport> = newest.into_iter().flat_map(|of| &of.rules).filter(bad).collect();
    found.sort_by_key(|rule| match rule.result {
        RuleResult::Error => 0,
        RuleResult::Failed => 1,
        _ => 2,
    });
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
                Some(_) if found.is_empty() => p { (view.say("Am neuesten Tag waren alle Regeln erfüllt.", "On the newest day all rules held.")) },
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

fn finding(view: View<'_>, rule: &RuleReport) -> Markup {
    let Some(results) = view.of.results.last() else { return html! {} };
    let what = |kind: &str| format!("{kind} {} {} {} {}", view.name(), rule.contract, rule.id, results.date);
    let (de, en) = then(rule, results.status, &results.tables);
    html! {
        @if let Some(said) = either(view.page.language, rule.description_de.as_deref(), Some(&rule.description)) {
            (said.mark(view.page.language)) " "
        }
        span.muted {
            @if rule.result == RuleResult::Error {
                (view.say("Nicht prüfbar", "Could not be checked"))
            } @else if rule.asks == Evaluates::Rows {
                (view.say("Nicht erfüllt von ", "Not met by ")) (view.count(&what("rule_rows"), rule.rows))
                (view.say(" von ", " of ")) (view.count(&what("rule_checked"), rule.checked)) (view.say(" Zeilen", " rows"))
            } @else {
                (view.say("Nicht erfüllt", "Not met"))
            }
            // With numbers it is about the table as a whole, and these stand on the quality page.
            @if !de.contains(|c: char| c.is_ascii_digit()) { "; " (view.say(&de, &en)) }
            "."
        }
    }
}
