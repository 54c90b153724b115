//! Rules of the newest run that did not pass, and those that came to something worse or better than before.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Write;

use maud::{Markup, html};

use super::scores::severity;
use super::view::View;
use crate::check::RuleResult;
use crate::contract::Severity;
use crate::page::identifier;
use crate::portal::frame::{rows_word, said};
use crate::report::quality::Evaluates;
use crate::report::trend::{Point, RunLine, Trend};
use crate::report::words::{Of, Part, dimension_word, happened, result_word};
use crate::text::{Language, opening};
use crate::time::ServiceDate;

/// A bar's width and the height of a picture of bars.
const BAR: usize = 9;
const HEIGHT: f64 = 26.0;

pub(super) fn section(view: View<'_>, newest: &RunLine) -> Markup {
    let report = view.report;
    // What did not pass tells itself how it was before.
    let rest = |names| report.trends(names).filter(|trend| !did_not_pass(trend)).collect::<Vec<_>>();
    let (worse, better) = (rest(&report.worse), rest(&report.better));
    html! {
        @if report.look_at.is_empty() {
            p { (view.say("Am neuesten Tag waren alle Regeln erfüllt.", "On the newest date all rules held.")) }
        } @else {
            (view.heading("look-at", view.say("Worauf zu achten ist", "What to look at")))
            @for trend in report.trends(&report.look_at) { (finding(view, newest, trend)) }
        }
        @for (trends, name, de, en) in [(&worse, "worse", "Schlechter als zuvor", "Worse than before"), (&better, "better", "Besser als zuvor", "Better than before")] {
            @if !trends.is_empty() {
                (view.heading(name, view.say(de, en)))
                ul.rules { @for trend in trends {
                    li id=(view.place_of(trend)) {
                        (words(view, trend)) " "
                        @if let Some(point) = trend.newest() { strong { (told(view, trend, point, newest.date)) } }
                        ", " (before(view, trend, view.say("zuvor ", "before "))) ". " (small(view, trend)) " " (bars(view, trend))
                    }
                } }
            }
        }
    }
}

/// Whether all is told of a rule in this section.
pub(super) fn is_told(view: View<'_>, trend: &Trend) -> bool {
    did_not_pass(trend) || change(view, trend).is_ne()
}

fn did_not_pass(trend: &Trend) -> bool {
    trend.newest().is_some_and(|point| !matches!(point.result, RuleResult::Passed | RuleResult::Skipped))
}

/// Greater is worse.
fn change(view: View<'_>, trend: &Trend) -> Ordering {
    let is_in = |names: &[crate::report::trend::Named]| {
        names.iter().any(|named| named.contract == trend.rule.contract && named.id == trend.rule.id)
    };
    if is_in(&view.report.worse) {
        Ordering::Greater
    } else if is_in(&view.report.better) {
        Ordering::Less
    } else {
        Ordering::Equal
    }
}

/// How a result looks.
fn class(trend: &Trend, point: &Point) -> &'static str {
    match (point.result, trend.rule.severity) {
        (RuleResult::Error, _) => "broken",
        (RuleResult::Failed, _) => "failed",
        (RuleResult::Warning, Severity::Info) => "info",
        (RuleResult::Warning, _) => "warning",
        (RuleResult::Passed, _) => "passed",
        (RuleResult::Skipped, _) => "skipped",
    }
}

fn finding(view: View<'_>, newest: &RunLine, trend: &Trend) -> Markup {
    let Some(point) = trend.newest() else { return html! {} };
    let (de, en) = result_word(point.result, trend.rule.severity);
    let changed = match change(view, trend) {
        Ordering::Greater => view.say("Schlechter als zuvor: ", "Worse than before: "),
        Ordering::Less => view.say("Besser als zuvor: ", "Better than before: "),
        Ordering::Equal => "",
    };
    html! {
        div class={ "finding " (class(trend, point)) } id=(view.place_of(trend)) {
            div {
                p { span.badge { (view.say(de, en)) } " " b { (opened(view, trend)) } }
                p { (told(view, trend, point, newest.date)) ", " (then(view, trend, newest)) }
                @if !changed.is_empty() { p { (changed) (before(view, trend, view.say("da waren es ", "then it was "))) } }
                @if let Some(message) = &trend.rule.message {
                    @let (message, language) = in_language(view, trend.rule.message_de.as_deref(), message);
                    p.small { (said(message, language, view.language)) }
                }
                p { (small(view, trend)) }
            }
            (bars(view, trend))
        }
    }
}

/// Characters of an id that may not fit in a line of a phone. Shorter ones weigh less without marks.
const LONG: usize = 36;

/// What there is to know of a rule beside its words.
fn small(view: View<'_>, trend: &Trend) -> Markup {
    let (de, en) = dimension_word(trend.rule.dimension);
    html! {
        small { code { @if trend.rule.id.0.len() > LONG { (identifier(&trend.rule.id.0)) } @else { (trend.rule.id) } } " · " (severity(view, trend.rule.severity)) " · " (view.say(de, en)) }
    }
}

/// What happened to what was named.
fn then(view: View<'_>, trend: &Trend, newest: &RunLine) -> Markup {
    let (rule, date) = (&trend.rule, newest.date.to_string());
    let what = |of: &Of| match of {
        Of::Published => view.what("rows_published", &[&rule.table, &date]),
        Of::HeldBack => view.what("rows_quarantined", &[&rule.table, &date]),
        Of::Discarded => view.what("rows_dropped_by", &[&rule.table, &format!("{}.discarded", rule.table), &date]),
        Of::Released => of_rule("rule_released", newest.date),
    };
    html! {
        @for part in happened(rule, newest.status, &newest.tables) {
            @match part {
                Part::Words(de, en) => (view.say(de, en)),
                Part::Rows(of, rows) => (view.count(&what(&of), rows)),
            }
        }
    }
}

/// What a rule demands.
pub(super) fn words(view: View<'_>, trend: &Trend) -> Markup {
    let (words, language) = demanded(view, trend);
    said(words, language, view.language)
}

/// The same where a line begins with it.
fn opened(view: View<'_>, trend: &Trend) -> Markup {
    let (words, language) = demanded(view, trend);
    said(&opening(words, &trend.rule.id.0), language, view.language)
}

/// The same, and the language of it.
pub(super) fn demanded<'a>(view: View<'_>, trend: &'a Trend) -> (&'a str, Language) {
    in_language(view, trend.rule.description_de.as_deref(), &trend.rule.description)
}

/// In German as far as there is German.
fn in_language<'a>(view: View<'_>, de: Option<&'a str>, en: &'a str) -> (&'a str, Language) {
    match (view.language, de) {
        (Language::De, Some(de)) => (de, Language::De),
        _ => (en, Language::En),
    }
}

/// What a number is of the rule in whose place it stands: the place has its name.
fn of_rule(kind: &str, date: ServiceDate) -> String {
    format!("{kind} ~ {date}")
}

/// What a rule came to on a date; to stand in its place.
pub(super) fn told(view: View<'_>, trend: &Trend, point: &Point, date: ServiceDate) -> Markup {
    let what = |kind: &str| of_rule(kind, date);
    match (point.result, trend.rule.asks, point.value) {
        (RuleResult::Skipped, ..) => html! { (view.say("nichts zu prüfen", "nothing to look at")) },
        (RuleResult::Error, ..) => html! { (view.say("konnte nicht laufen", "could not run")) },
        (_, Evaluates::Number, Some(value)) => view.number(&what("rule_value"), value),
        (result, Evaluates::Number, None) => {
            let (de, en) = result_word(result, trend.rule.severity);
            html! { (view.say(de, en)) }
        }
        (_, Evaluates::Rows, _) => html! {
            (view.exact(&what("rule_rows"), point.rows)) (view.say(" von ", " of ")) (view.exact(&what("rule_checked"), point.checked))
            " " (rows_word(point.checked, view.language))
            @if point.rows > 0 && point.checked > 0 {
                " (" (view.percent(&what("rule_percent"), 100.0 * point.rows as f64 / point.checked as f64)) ")"
            }
        },
    }
}

/// Rows that a rule named on a date, and their share.
fn named(view: View<'_>, point: &Point, date: ServiceDate) -> Markup {
    let what = |kind: &str| of_rule(kind, date);
    html! {
        (view.exact(&what("rule_rows"), point.rows))
        @if point.rows > 0 && point.checked > 0 {
            " (" (view.percent(&what("rule_percent"), 100.0 * point.rows as f64 / point.checked as f64)) ")"
        }
    }
}

/// What it came to before.
fn before(view: View<'_>, trend: &Trend, words: &str) -> Markup {
    let earlier = trend.points.iter().zip(&view.report.runs).rev().skip(1);
    let found = trend.before().and_then(|before| {
        let of_date = |(point, run): (&Option<Point>, &RunLine)| (point.as_ref() == Some(before)).then_some(run.date);
        Some((before, earlier.filter(|(point, _)| point.is_some()).find_map(of_date)?))
    });
    html! {
        @match found {
            // Of as many rows as now.
            Some((point, date)) if trend.rule.asks == Evaluates::Rows
                && matches!(point.result, RuleResult::Passed | RuleResult::Warning | RuleResult::Failed)
                && trend.newest().is_some_and(|now| now.checked == point.checked && now.result != RuleResult::Skipped && now.result != RuleResult::Error) =>
            {
                (words) (named(view, point, date))
            },
            Some((point, date)) => { (words) (told(view, trend, point, date)) },
            None => (view.say("die Regel gab es da noch nicht", "the rule was not there then")),
        }
    }
}

/// One bar for each date on which there was something, as high as the share of rows named, or the number, of the greatest of them.
/// Those of a kind are one shape.
pub(super) fn bars(view: View<'_>, trend: &Trend) -> Markup {
    // One bar is no trend.
    if trend.points.iter().flatten().count() < 2 {
        return html! {};
    }
    let most = trend.points.iter().flatten().filter_map(|point| trend.size(point)).fold(0.0, f64::max);
    let width = BAR * trend.points.len();
    let mut shapes: BTreeMap<&str, String> = BTreeMap::new();
    let is_said =
        |point: &Point| trend.rule.asks == Evaluates::Number || point.result != RuleResult::Passed || point.rows > 0;
    // What is the same on all dates that are told is said once.
    let mut points = trend.points.iter().flatten().filter(|point| is_said(point));
    let always = points.next().map_or(Always::default(), |first| {
        let mut always = Always { result: Some(first.result), checked: Some(first.checked) };
        for point in points {
            always.result = always.result.filter(|result| *result == point.result);
            always.checked = always.checked.filter(|checked| *checked == point.checked);
        }
        always
    });
    let mut said = view.say("Verlauf", "Trend").to_owned();
    if let Some(result) = always.result {
        let (de, en) = result_word(result, trend.rule.severity);
        let _ = write!(said, ", {}", view.say(de, en));
    }
    if let (Some(checked), Evaluates::Rows) = (always.checked, trend.rule.asks) {
        let _ = write!(said, "{}{}", view.say(", Zeilen von ", ", rows of "), view.written(checked as f64));
    }
    let (mut year, mut base) = (None, Vec::<(usize, usize)>::new());
    for (place, (point, run)) in trend.points.iter().zip(&view.report.runs).enumerate() {
        let Some(point) = point else { continue };
        let share = match (point.result, trend.size(point)) {
            (RuleResult::Error, _) => 1.0,
            (_, Some(size)) if most > 0.0 => (size / most).max(0.0),
            _ => 0.0,
        };
        // A line below all dates that have a result says enough of those on which there was nothing.
        if point.result != RuleResult::Skipped {
            match base.last_mut() {
                Some((from, dates)) if *from + *dates == place => *dates += 1,
                _ => base.push((place, 1)),
            }
        }
        if point.result != RuleResult::Passed || share > 0.0 {
            let height = 2.0 + share * (HEIGHT - 2.0);
            // A line as wide as the bar.
            let shape = shapes.entry(class(trend, point)).or_default();
            let _ = write!(shape, "M{} {HEIGHT}v-{height:.0}", place * BAR + BAR / 2);
        }
        // Dates on which nothing was named need no words.
        if is_said(point) {
            // The year is that of the line before where it says none.
            let date = match year.replace(run.date.0.year()) {
                Some(before) if before == run.date.0.year() => view.date_of_year(run.date),
                _ => view.short_date(run.date),
            };
            let _ = write!(said, "\n{date}: {}", short(view, trend, point, always));
        }
    }
    html! {
        // The line is a border where each date has a result.
        @let is_whole = base == [(0, trend.points.len())];
        svg.bars.all[is_whole] role="img" width=(width) {
            title { (said) }
            @if !is_whole {
                path.base d=(base.iter().map(|(from, dates)| format!("M{} 25h{}", from * BAR, dates * BAR - 2)).collect::<String>()) {}
            }
            @for (class, shape) in shapes { path class=(class) d=(shape) {} }
        }
    }
}

/// What is the same on all dates of a rule.
#[derive(Clone, Copy, Default)]
struct Always {
    result: Option<RuleResult>,
    checked: Option<u64>,
}

/// What a rule came to, in figures, and in a word where it did not pass; without what is always the same.
fn short(view: View<'_>, trend: &Trend, point: &Point, always: Always) -> String {
    let figures = match (point.result, trend.rule.asks, point.value) {
        (RuleResult::Error, ..) => String::new(),
        (RuleResult::Skipped, ..) => "–".to_owned(),
        (_, Evaluates::Number, value) => value.map_or_else(String::new, |value| view.written(value)),
        (_, Evaluates::Rows, _) if always.checked.is_some() => view.written(point.rows as f64),
        (_, Evaluates::Rows, _) => {
            format!("{} / {}", view.written(point.rows as f64), view.written(point.checked as f64))
        }
    };
    let (de, en) = result_word(point.result, trend.rule.severity);
    match point.result {
        RuleResult::Passed | RuleResult::Skipped if !figures.is_empty() => figures,
        _ if always.result.is_some() && !figures.is_empty() => figures,
        _ => format!("{figures} {}", view.say(de, en)).trim().to_owned(),
    }
}
