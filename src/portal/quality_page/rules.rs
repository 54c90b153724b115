//! All rules, by table: what passed in a line, what is told above by its name.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::findings::{bars, is_told, told, words};
use super::scores::severity;
use super::view::View;
use crate::check::RuleResult;
use crate::contract::Severity;
use crate::report::quality::Evaluates;
use crate::report::trend::{Point, RunLine, Trend};
use crate::report::words::{DIMENSIONS, dimension_word};

pub(super) fn section(view: View<'_>, newest: &RunLine) -> Markup {
    let tables = view.report.rules.chunk_by(|one, other| one.rule.contract == other.rule.contract);
    let (absent, asked): (Vec<&[Trend]>, Vec<&[Trend]>) =
        tables.partition(|table| table.iter().all(Trend::always_skipped));
    html! {
        (view.heading("rules", view.say("Alle Regeln", "All rules")))
        @if !asked.is_empty() {
            p {
                (view.say(
                    "Tabelle für Tabelle. Wo nichts anderes dabei steht, wiegt eine Regel als Fehler, sah alle Zeilen der Tabelle an und \
                     benannte an keinem Tag eine.",
                    "Table by table. Where nothing else is said, a rule weighs as an error, looked at all rows of the table and named none \
                     on any date.",
                ))
            }
        }
        @for table in &asked { (rules(view, newest, table)) }
        @if !absent.is_empty() {
            p {
                (view.say("Nichts zu prüfen gab es in: ", "There was nothing to look at in: "))
                @for (place, table) in absent.iter().enumerate() {
                    @if place > 0 { ", " }
                    @if let Some(first) = table.first() { code { (first.rule.table) } }
                }
            }
        }
    }
}

/// The rules of one contract.
fn rules(view: View<'_>, newest: &RunLine, trends: &[Trend]) -> Markup {
    let Some(first) = trends.first() else { return html! {} };
    let date = newest.date.to_string();
    let number = |keep: fn(&Trend) -> bool| trends.iter().filter(|trend| keep(trend)).count() as u64;
    let bad = number(|trend| {
        let is_bad = |point: &Point| !matches!(point.result, RuleResult::Passed | RuleResult::Skipped);
        trend.rule.severity != Severity::Info && trend.newest().is_some_and(is_bad)
    });
    let passed = number(|trend| trend.newest().is_some_and(|point| point.result == RuleResult::Passed));
    let what = |kind: &str| view.what(kind, &[&first.rule.contract, &date]);
    let (above, here): (Vec<&Trend>, Vec<&Trend>) = trends.iter().partition(|trend| is_told(view, trend));
    let (gone, here): (Vec<&Trend>, Vec<&Trend>) = here.into_iter().partition(|trend| trend.newest().is_none());
    let is_skipped = |trend: &&Trend| trend.newest().is_some_and(|point| point.result == RuleResult::Skipped);
    let (skipped, met): (Vec<&Trend>, Vec<&Trend>) = here.into_iter().partition(is_skipped);
    let usual = usual(&met);
    let lists =
        [(skipped, "Nichts zu prüfen hatten", "Had nothing to look at"), (gone, "Gibt es nicht mehr", "Are gone")];
    html! {
        details {
            summary {
                code { (first.rule.table) } " "
                @if !first.rule.released { (view.say("(wie empfangen) ", "(as received) ")) }
                @if bad > 0 { b.bad { (view.count(&what("table_unmet"), bad)) " " (view.say("nicht erfüllt", "not met")) } ", " }
                (view.count(&what("table_passed"), passed)) " " (view.say("erfüllt", "passed"))
                @if bad + passed == 0 { ", " (view.say("nichts zu prüfen", "nothing to look at")) }
                " " small { code { (first.rule.contract) " " (first.rule.contract_version) } }
            }
            @if let Some((trend, checked)) = usual {
                @let what = view.what("rule_checked", &[&trend.rule.contract, &trend.rule.id.0, &date]);
                p { (view.say("Angesehen: ", "Looked at: ")) (view.count(&what, checked)) (view.say(" Zeilen.", " rows.")) }
            }
            @if !above.is_empty() {
                p {
                    (view.say("Weiter oben steht mehr von: ", "More is said above of: "))
                    @for (place, trend) in above.iter().enumerate() { @if place > 0 { ", " } (view.link_to(trend)) }
                }
            }
            @for dimension in DIMENSIONS {
                @let of: Vec<&&Trend> = met.iter().filter(|trend| trend.rule.dimension == dimension).collect();
                @if !of.is_empty() {
                    @let (de, en) = dimension_word(dimension);
                    p.kind { b { (view.say(de, en)) } (view.say(", erfüllt", ", passed")) }
                    ul.rules.met { @for trend in of {
                        (line(view, trend, html! {
                            @if let Some(point) = trend.newest() { (more(view, trend, point, newest, usual.map(|(_, checked)| checked))) }
                        }))
                    } }
                }
            }
            @for (trends, de, en) in &lists {
                @if !trends.is_empty() {
                    p.kind { b { (view.say(de, en)) } }
                    ul.rules { @for trend in trends {
                        @let (de, en) = dimension_word(trend.rule.dimension);
                        (line(view, trend, html! {
                            small { " " (view.say(de, en)) }
                            @if !trend.always_skipped() { " " (bars(view, trend)) }
                        }))
                    } }
                }
            }
        }
    }
}

fn line(view: View<'_>, trend: &Trend, more: Markup) -> Markup {
    html! {
        li id=(view.place_of(trend)) {
            (words(view, trend)) " " code { (trend.rule.id) }
            @if trend.rule.severity != Severity::Error { " " small { (severity(view, trend.rule.severity)) } }
            (more)
        }
    }
}

/// What is to be said of a rule that passed, if anything is.
fn more(view: View<'_>, trend: &Trend, point: &Point, newest: &RunLine, usual: Option<u64>) -> Markup {
    let is_usual = trend.rule.asks == Evaluates::Rows && point.rows == 0 && Some(point.checked) == usual;
    let is_plain = trend.rule.asks == Evaluates::Number && point.value.is_none();
    html! {
        @if !is_usual && !is_plain { ": " (told(view, trend, point, newest.date)) }
        @if !trend.always_holds() { " " (bars(view, trend)) }
    }
}

/// How many rows most of the rules looked at, and one of these.
fn usual<'a>(trends: &[&'a Trend]) -> Option<(&'a Trend, u64)> {
    let mut counts: BTreeMap<u64, (usize, &Trend)> = BTreeMap::new();
    for trend in trends.iter().filter(|trend| trend.rule.asks == Evaluates::Rows) {
        let Some(point) = trend.newest() else { continue };
        counts.entry(point.checked).or_insert((0, trend)).0 += 1;
    }
    counts.into_iter().max_by_key(|(_, (rules, _))| *rules).map(|(checked, (_, trend))| (trend, checked))
}
