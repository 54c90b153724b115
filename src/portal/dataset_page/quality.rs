//! How good a dataset is, how that went over a year, and which rules failed most.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::days::dates;
use super::reasons::rule_words;
use super::view::View;
use crate::check::RuleResult;
use crate::contract::Severity;
use crate::ledger::Status;
use crate::page::identifier;
use crate::portal::overview::{Day, DayFinding};
use crate::portal::pictures::trend;
use crate::portal::withdrawals;
use crate::report::results::page_path;
use crate::report::words::Verdict;
use crate::time::ServiceDate;

/// Rules that are told.
const WORST: usize = 10;
/// Days before the newest one that are looked at.
const YEAR: i32 = 365;

pub(super) fn section(view: View<'_>) -> Markup {
    let Some(((_, newest), first)) = view.days.bounds.zip(view.days.first()) else { return html! {} };
    // Before the first day that is published nobody could use it.
    let from = newest.plus_days(-YEAR + 1).max(first);
    let has_withdrawn = withdrawals::has_any(view.of);
    let days: Vec<(ServiceDate, &Day)> =
        view.of.overview.days.range(from..=newest).map(|(date, day)| (*date, day)).collect();
    let scores: Vec<(ServiceDate, f64)> = days.iter().filter_map(|(date, day)| Some((*date, day.score?))).collect();
    let worst = worst(&days, |rule| is_remark(view, rule));
    html! {
        section #quality aria-labelledby="quality-title" {
            h2 #quality-title { (view.say("Wie gut die Daten sind", "How good the data are")) }
            @match scores.last() {
                Some((date, score)) => p.lead {
                    b { (view.decimal(&format!("score {} {date}", view.name()), *score, 2)) }
                    (view.say(" von 100 Punkten am ", " of 100 points on ")) (view.date(*date)) "."
                },
                None if has_withdrawn => p {
                    (view.say("Die Ergebnisse der Prüfungen sind mit den Tagen zurückgezogen.", "The results of the checks are withdrawn with the days."))
                },
                None if days.is_empty() => p { (view.say("Noch gibt es keine Punkte.", "There are no points yet.")) },
                None => p { (view.say("Von keinem Tag gibt es Ergebnisse der Prüfungen.", "There are no results of the checks of any day.")) },
            }
            @if scores.len() > 1 {
                // Days without points are gaps, not a line from one to the next.
                @let points = dates(from, newest).map(|date| (date, view.of.overview.days.get(&date).and_then(|day| day.score)));
                (trend::curve(&points.collect::<Vec<_>>(), view.page.language))
                (by_month(view, &scores))
            }
            @if worst.is_empty() {
                // Days whose results were withdrawn or lost say nothing of rules.
                @if !scores.is_empty() && scores.len() == days.len() {
                    p { (view.say("Seit ", "Since ")) (view.date(from)) (view.say(" war jede Regel an jedem Tag erfüllt; Hinweise zählen nicht.", " every rule held on every day; infos do not count.")) }
                } @else if !scores.is_empty() {
                    p { (view.say("An jedem Tag, von dem es Ergebnisse gibt, war jede Regel erfüllt; Hinweise zählen nicht.", "Every rule held on every day that has results; infos do not count.")) }
                }
            } @else {
                // As in the audit report, which counts remarks, too.
                h3 { (view.say("Die Regeln, die an den meisten Tagen etwas fanden", "The rules that found something on most days")) }
                p { (view.say("Gezählt sind Tage, an denen eine Regel nicht erfüllt oder nicht prüfbar war oder warnte; Hinweise zählen nicht.", "Counted are days on which a rule failed, could not run or warned; infos do not count.")) }
                (rules(view, from, newest, &worst))
            }
            p {
                a href=(view.page.page(&page_path(view.name()))) {
                    (view.say("Alle Regeln und ihr Verlauf", "All rules and their trend"))
                }
                (view.say(", und wie die Punkte berechnet werden.", ", and how the points are calculated."))
            }
        }
    }
}

/// The points of each month, for who sees no picture.
fn by_month(view: View<'_>, scores: &[(ServiceDate, f64)]) -> Markup {
    let months = scores.chunk_by(|one, other| one.0.0.first_of_month() == other.0.0.first_of_month());
    html! {
        details {
            summary { (view.say("Punkte nach Monaten", "Points by month")) }
            div.wide tabindex="0" role="region" aria-label=(view.say("Punkte nach Monaten", "Points by month")) { table {
                caption { (view.say("Punkte von 100", "Points of 100")) }
                thead { tr {
                    th scope="col" { (view.say("Monat", "Month")) }
                    th.n scope="col" { (view.say("Mittel", "Mean")) }
                    th.n scope="col" { (view.say("schlechtester Tag", "worst day")) }
                    th.n scope="col" { (view.say("Tage", "Days")) }
                } }
                tbody {
                    @for days in months.collect::<Vec<_>>().into_iter().rev() {
                        @if let Some((first, _)) = days.first() {
                            @let what = |kind: &str| format!("{kind} {} {}", view.name(), first.to_string().get(..7).unwrap_or_default());
                            @let lowest = days.iter().map(|(_, score)| *score).fold(f64::INFINITY, f64::min);
                            @let mean = days.iter().map(|(_, score)| *score).sum::<f64>() / days.len() as f64;
                            tr {
                                th scope="row" { (view.month(*first)) }
                                td.n { (view.decimal(&what("score_mean"), mean, 2)) }
                                td.n { (view.decimal(&what("score_lowest"), lowest, 2)) }
                                td.n { (view.count(&what("score_days"), days.len() as u64)) }
                            }
                        }
                    }
                }
            } }
        }
    }
}

/// Ends of the ids of what the program tells of rows that it leaves out on purpose: repetitions, and what is in no row of a table.
const THINNED_OUT: [&str; 5] =
    [".same_position", ".unchanged", ".report_without_trip", ".prediction_without_trip", ".not_released"];

/// Whether a rule tells how rows were thinned out, and no mistake: one that only remarks by the newest results that have it.
fn is_remark(view: View<'_>, found: &DayFinding) -> bool {
    let results = view.of.results.iter().rev().flat_map(|results| &results.rules);
    let mut known = results.filter(|rule| rule.contract == found.contract && rule.id == found.rule);
    match known.next() {
        Some(rule) => rule.severity == Severity::Info,
        None => found.result == RuleResult::Warning && THINNED_OUT.iter().any(|end| found.rule.0.ends_with(end)),
    }
}

/// On how many days a rule failed, and when last.
struct Failing<'a> {
    contract: &'a str,
    rule: &'a str,
    table: &'a str,
    days: u64,
    /// Days on which it failed or could not run, as against those on which it only warned.
    grave: u64,
    last: ServiceDate,
}

/// The worst first: what failed before what warned, then by the number of days.
/// What `is_remark` says is no failure.
fn worst<'a>(days: &[(ServiceDate, &'a Day)], is_remark: impl Fn(&DayFinding) -> bool) -> Vec<Failing<'a>> {
    let mut rules: BTreeMap<(&str, &str), Failing<'a>> = BTreeMap::new();
    for (date, day) in days {
        for found in day.findings.iter().filter(|found| !is_remark(found)) {
            let key = (found.contract.as_str(), found.rule.0.as_str());
            let rule = rules.entry(key).or_insert(Failing {
                contract: &found.contract,
                rule: &found.rule.0,
                table: &found.table,
                days: 0,
                grave: 0,
                last: *date,
            });
            rule.days += 1;
            rule.grave += u64::from(matches!(found.result, RuleResult::Failed | RuleResult::Error));
            rule.last = *date;
        }
    }
    let mut rules: Vec<Failing<'_>> = rules.into_values().collect();
    rules.sort_by_key(|rule| std::cmp::Reverse((rule.grave, rule.days)));
    rules.truncate(WORST);
    rules
}

fn rules(view: View<'_>, from: ServiceDate, to: ServiceDate, rules: &[Failing<'_>]) -> Markup {
    html! {
        table.stack {
            caption { (view.say("Seit ", "Since ")) (view.date(from)) }
            thead { tr {
                th scope="col" { (view.say("Regel", "Rule")) }
                th.n scope="col" { (view.say("Tage", "Days")) }
                th scope="col" { (view.say("Zuletzt", "Last")) }
            } }
            tbody {
                @for rule in rules {
                    @let what = format!("rule_days {} {} {} {from} {to}", view.name(), rule.contract, rule.rule);
                    tr {
                        th scope="row" {
                            @if let Some(words) = rule_words(view, rule.contract, rule.rule) { span.words { (words) } }
                            @let (de, en) = if rule.grave > 0 { Verdict::Failed } else { Verdict::Warning }.words();
                            small {
                                span class=(if rule.grave > 0 { "bad" } else { "warn" }) { (view.say(de, en)) } " · "
                                code { (identifier(rule.rule)) } @if !rule.rule.starts_with(rule.table) { ", " (rule.table) }
                            }
                        }
                        td.n data-label=(view.say("Tage", "Days")) { (view.count(&what, rule.days)) }
                        td data-label=(view.say("Zuletzt", "Last")) { (view.short_date(rule.last)) }
                    }
                }
            }
        }
    }
}

/// Whether the newest run was held back, so that what is public is older than what the rules looked at.
pub(super) fn held_back(view: View<'_>) -> Option<ServiceDate> {
    view.of.results.last().filter(|newest| newest.status == Status::HeldBack).map(|newest| newest.date)
}
