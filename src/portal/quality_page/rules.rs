//! All rules, by table: what passed in a line, what is told above by its name.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::findings::{bars, demanded, is_told, told, words};
use super::scores::severity;
use super::summary::{counted, number};
use super::view::View;
use crate::check::RuleResult;
use crate::contract::Severity;
use crate::portal::frame::{rows_word, said};
use crate::report::quality::Evaluates;
use crate::report::trend::{Point, RunLine, Trend};
use crate::report::words::{DIMENSIONS, Verdict, dimension_word};
use crate::text::Language;

pub(super) fn section(view: View<'_>, newest: &RunLine) -> Markup {
    let tables = view.report.rules.chunk_by(|one, other| one.rule.contract == other.rule.contract);
    let (absent, asked): (Vec<&[Trend]>, Vec<&[Trend]>) =
        tables.partition(|table| table.iter().all(Trend::always_skipped));
    // Of a run without rules there is nothing to list.
    if view.report.rules.is_empty() {
        return html! {};
    }
    html! {
        (view.heading("rules", view.say("Alle Regeln", "All rules")))
        @if !asked.is_empty() {
            p {
                (view.say(
                    "Tabelle für Tabelle. Wo nichts anderes dabei steht, wiegt eine Regel als Fehler, sah alle Zeilen der Tabelle an und \
                     benannte an keinem Tag eine.",
                    "Table by table. Where nothing else is said, a rule counts as an error, looked at all rows of the table and found none \
                     on any date.",
                ))
            }
        }
        @let common = common(view, &asked);
        @for table in &asked { (rules(view, newest, table, &common)) }
        @if !common.is_empty() {
            details {
                summary { (view.say("Was in vielen Tabellen gleich ist, erfüllt", "What is the same in many tables, passed")) }
                ul { @for of in &common { (in_common(view, of)) } }
            }
        }
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

/// A rule that many tables have, of which there is nothing else to say.
struct Common<'a> {
    words: &'a str,
    language: Language,
    /// Without the table.
    name: &'a str,
    trends: Vec<&'a Trend>,
}

/// Tables of which a rule is told once.
const MANY: usize = 4;

fn common<'a>(view: View<'_>, tables: &[&'a [Trend]]) -> Vec<Common<'a>> {
    let mut all: Vec<Common<'a>> = Vec::new();
    for &table in tables {
        let met = met(view, table);
        let usual = usual(&met).map(|(_, checked)| checked);
        for trend in met {
            let is_plain = trend.newest().is_some_and(|point| trend.always_holds() && !is_more(trend, point, usual));
            // Of a column the name has one part more.
            let Some((_, name)) = trend.rule.id.0.split_once('.').filter(|(_, name)| is_plain && !name.contains('.'))
            else {
                continue;
            };
            let (words, language) = demanded(view, trend);
            let is_same = |of: &&mut Common<'_>| {
                (of.words, of.name) == (words, name)
                    && of.trends.first().is_some_and(|first| first.rule.severity == trend.rule.severity)
            };
            match all.iter_mut().find(is_same) {
                Some(of) => of.trends.push(trend),
                None => all.push(Common { words, language, name, trends: vec![trend] }),
            }
        }
    }
    all.retain(|of| of.trends.len() >= MANY);
    all
}

fn in_common(view: View<'_>, of: &Common<'_>) -> Markup {
    html! {
        li {
            (said(of.words, of.language, view.language)) " " code { "…." (of.name) }
            @if let Some(first) = of.trends.first() {
                @let (de, en) = dimension_word(first.rule.dimension);
                (weight(view, first)) " " small { (view.say(de, en)) }
            }
            @for (place, trend) in of.trends.iter().enumerate() {
                @if place == 0 { ": " } @else { ", " }
                code id=(view.place_of(trend)) { (trend.rule.id.0.strip_suffix(of.name).map_or(&*trend.rule.id.0, |table| table.trim_end_matches('.'))) }
            }
        }
    }
}

/// Rules that passed, and of which nothing is told above.
fn met<'a>(view: View<'_>, trends: &'a [Trend]) -> Vec<&'a Trend> {
    let is_met = |trend: &&Trend| {
        !is_told(view, trend) && trend.newest().is_some_and(|point| point.result != RuleResult::Skipped)
    };
    trends.iter().filter(is_met).collect()
}

/// The rules of one contract, but those that it has in common with many.
fn rules(view: View<'_>, newest: &RunLine, trends: &[Trend], common: &[Common<'_>]) -> Markup {
    let Some(first) = trends.first() else { return html! {} };
    let date = newest.date.to_string();
    let found = trends.iter().filter_map(|trend| Some(Verdict::of(trend.newest()?.result, trend.rule.severity)));
    let mut counts = counted(&found.collect::<Vec<_>>());
    // What there was nothing to look at for is named below.
    counts.retain(|(verdict, _)| *verdict != Verdict::Skipped);
    let what = |kind: &str| view.what(kind, &[&first.rule.contract, &date]);
    let (above, here): (Vec<&Trend>, Vec<&Trend>) = trends.iter().partition(|trend| is_told(view, trend));
    let (gone, here): (Vec<&Trend>, Vec<&Trend>) = here.into_iter().partition(|trend| trend.newest().is_none());
    let is_skipped = |trend: &&Trend| trend.newest().is_some_and(|point| point.result == RuleResult::Skipped);
    let skipped: Vec<&Trend> = here.into_iter().filter(is_skipped).collect();
    let met = met(view, trends);
    let usual = usual(&met);
    let is_common = |trend: &Trend| common.iter().flat_map(|of| &of.trends).any(|of| std::ptr::eq(*of, trend));
    let lists =
        [(skipped, "Nichts zu prüfen hatten", "Had nothing to look at"), (gone, "Gibt es nicht mehr", "Are gone")];
    html! {
        details {
            summary {
                code { (first.rule.table) } " "
                @if !first.rule.released { (view.say("(wie empfangen) ", "(as received) ")) }
                @for (place, (verdict, rules)) in counts.iter().enumerate() {
                    @if place > 0 { ", " }
                    (number(view, *verdict, *rules, &what(&format!("table_{}", verdict.name()))))
                }
                @if counts.is_empty() { (view.say("nichts zu prüfen", "nothing to look at")) }
                " " small { code { (first.rule.contract) " " (first.rule.contract_version) } }
            }
            @if let Some((trend, checked)) = usual {
                @let what = view.what("rule_checked", &[&trend.rule.contract, &trend.rule.id.0, &date]);
                p { (view.say("Angesehen: ", "Looked at: ")) (view.count(&what, checked)) " " (rows_word(checked, view.language)) "." }
            }
            @if !above.is_empty() {
                p {
                    (view.say("Weiter oben steht mehr von: ", "More is said above of: "))
                    @for (place, trend) in above.iter().enumerate() { @if place > 0 { ", " } (view.link_to(trend)) }
                }
            }
            @for dimension in DIMENSIONS {
                @let of: Vec<&&Trend> = met.iter().filter(|trend| trend.rule.dimension == dimension && !is_common(trend)).collect();
                @if !of.is_empty() {
                    @let (de, en) = dimension_word(dimension);
                    b { (view.say(de, en)) }
                    ul { @for item in items(view, &of, usual.map(|(_, checked)| checked)) {
                        @match item {
                            Item::One(trend) => (line(view, trend, html! {
                                @if let Some(point) = trend.newest() { (more(view, trend, point, newest, usual.map(|(_, checked)| checked))) }
                            })),
                            Item::Alike { words, language, trends } => li {
                                @let end = common_end(&trends);
                                "… " (said(words, language, view.language))
                                @if !end.is_empty() { " " code { "…" (end) } }
                                @if let Some(first) = trends.first() { (weight(view, first)) }
                                @for (place, trend) in trends.iter().enumerate() {
                                    @if place == 0 { ": " } @else { ", " }
                                    // The table is that of the heading.
                                    @let name = trend.rule.id.0.split_once('.').map_or(&*trend.rule.id.0, |(_, name)| name);
                                    code id=(view.place_of(trend)) { (name.strip_suffix(end).unwrap_or(name)) }
                                }
                            },
                        }
                    } }
                }
            }
            @for (trends, de, en) in &lists {
                @if !trends.is_empty() {
                    b { (view.say(de, en)) }
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

/// What stands in a line.
enum Item<'a> {
    One(&'a Trend),
    /// Rules that demand the same of different columns, which their names tell, and of which there is nothing else to say.
    Alike {
        words: &'a str,
        language: Language,
        trends: Vec<&'a Trend>,
    },
}

/// The last part of the names of rules, with its point, if it is the same of all.
fn common_end<'a>(trends: &[&'a Trend]) -> &'a str {
    let end = |trend: &&'a Trend| trend.rule.id.0.rfind('.').and_then(|place| trend.rule.id.0.get(place..));
    let mut ends = trends.iter().map(end);
    let first = ends.next().flatten().unwrap_or_default();
    if ends.all(|other| other == Some(first)) { first } else { "" }
}

/// Rules in lines, in their order; those that are alike where the first of them is.
fn items<'a>(view: View<'_>, trends: &[&&'a Trend], usual: Option<u64>) -> Vec<Item<'a>> {
    let alike = |trend: &'a Trend| {
        let point = trend.newest().filter(|point| trend.always_holds() && !is_more(trend, point, usual))?;
        let (words, language) = demanded(view, trend);
        // `stops.stop_id.required` is about the column 'stop_id'.
        let (_, rest) = trend.rule.id.0.split_once('.')?;
        let (column, _) = rest.rsplit_once('.')?;
        let words = words.strip_prefix(column)?.strip_prefix(' ')?;
        Some((words, language, trend.rule.severity, point.result))
    };
    let mut items: Vec<Item<'a>> = Vec::new();
    let mut known: Vec<(_, usize)> = Vec::new();
    for &&trend in trends {
        let Some(what) = alike(trend) else {
            items.push(Item::One(trend));
            continue;
        };
        match known.iter().find(|(other, _)| *other == what).and_then(|(_, place)| items.get_mut(*place)) {
            Some(Item::Alike { trends, .. }) => trends.push(trend),
            _ => {
                known.push((what, items.len()));
                items.push(Item::Alike { words: what.0, language: what.1, trends: vec![trend] });
            }
        }
    }
    for item in &mut items {
        match item {
            Item::Alike { trends, .. } if trends.len() == 1 => {
                if let Some(trend) = trends.first() {
                    *item = Item::One(trend);
                }
            }
            _ => {}
        }
    }
    items
}

/// How much a rule counts, where that is not as an error.
fn weight(view: View<'_>, trend: &Trend) -> Markup {
    html! { @if trend.rule.severity != Severity::Error { " " small { (severity(view, trend.rule.severity)) } } }
}

fn line(view: View<'_>, trend: &Trend, more: Markup) -> Markup {
    html! {
        li id=(view.place_of(trend)) {
            // The table is that of the heading.
            @let name = trend.rule.id.0.split_once('.').map_or(&*trend.rule.id.0, |(_, name)| name);
            (words(view, trend)) " " code { (name) }
            (weight(view, trend))
            (more)
        }
    }
}

/// Whether a rule came to something else than most that passed.
fn is_more(trend: &Trend, point: &Point, usual: Option<u64>) -> bool {
    let is_usual = trend.rule.asks == Evaluates::Rows && point.rows == 0 && Some(point.checked) == usual;
    let is_plain = trend.rule.asks == Evaluates::Number && point.value.is_none();
    !is_usual && !is_plain
}

/// What is to be said of a rule that passed, if anything is.
fn more(view: View<'_>, trend: &Trend, point: &Point, newest: &RunLine, usual: Option<u64>) -> Markup {
    html! {
        @if is_more(trend, point, usual) { ": " (told(view, trend, point, newest.date)) }
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
