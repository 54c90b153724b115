//! The scores over the dates, the notices of the standard rules, and how a score comes about.

use maud::{Markup, html};

use super::view::View;
use crate::contract::{Dimension, Severity};
use crate::ledger::Status;
use crate::portal::dqv;
use crate::portal::pictures::trend;
use crate::report::score;
use crate::report::trend::RunLine;
use crate::report::words::{DIMENSIONS, dimension_word};

pub(super) fn section(view: View<'_>) -> Markup {
    let title = view.say("Punkte", "Scores");
    let points: Vec<_> = view.report.runs.iter().map(|run| (run.date, run.score.dataset)).collect();
    html! {
        (view.heading("scores", title))
        @if points.iter().filter(|(_, score)| score.is_some()).count() > 1 { (trend::curve(&points, view.language)) }
        @for (place, runs) in view.columns().into_iter().enumerate() {
            (view.wide(title, &table(view, &runs, place == 0)))
            (remarks(view, &runs))
        }
    }
}

/// `is_newest` is whether it has the newest dates, so that its rows are the places of the dimensions.
fn table(view: View<'_>, runs: &[(usize, &RunLine)], is_newest: bool) -> Markup {
    let cell = |run: &RunLine, dimension: Option<(Dimension, &str)>| {
        let date = run.date.to_string();
        let (score, what) = match dimension {
            Some((dimension, name)) => {
                (run.score.dimensions.get(&dimension).copied(), view.what("dimension_score", &[name, &date]))
            }
            None => (run.score.dataset, view.what("score", &[&date])),
        };
        html! {
            @match score {
                Some(score) => td.(shade(score)) data-figure=(what) { (view.language.decimal(score, 2)) },
                None => td { "–" },
            }
        }
    };
    html! {
        table.days {
            caption { (view.say("Punkte von 100, der neueste Tag zuerst", "Points of 100, the newest date first")) }
            (columns(view, view.say("Dimension", "Dimension"), runs))
            tbody {
                tr.all {
                    th scope="row" { (view.say("Datensatz", "Dataset")) }
                    @for (_, run) in runs { (cell(run, None)) }
                }
                @for dimension in DIMENSIONS {
                    @let name = format!("{dimension:?}").to_lowercase();
                    @if runs.iter().any(|(_, run)| run.score.dimensions.contains_key(&dimension)) {
                        @let (de, en) = dimension_word(dimension);
                        tr id=[is_newest.then(|| view.place(&format!("dimension-{name}")))] {
                            th scope="row" id=[is_newest.then(|| view.place(&format!("score-{name}")))] { (view.say(de, en)) }
                            @for (_, run) in runs { (cell(run, Some((dimension, &name)))) }
                        }
                    }
                }
            }
        }
    }
}

/// The head of a table that has a column for each date.
fn columns(view: View<'_>, first: &str, runs: &[(usize, &RunLine)]) -> Markup {
    html! {
        thead { tr {
            th scope="col" { (first) }
            @for (_, run) in runs {
                th scope="col" { (view.column_date(run.date)) @if remark(view, run).is_some() { "*" } }
            }
        } }
    }
}

/// What is to be known of a date before its numbers are read.
fn remark<'a>(view: View<'a>, run: &RunLine) -> Option<&'a str> {
    Some(if run.status == Status::HeldBack {
        view.say("zurückgehalten", "held back")
    } else if !run.rolled_back.is_empty() {
        view.say("zurückgenommen", "rolled back")
    } else if run.nothing_captured {
        view.say("nichts Neues aufgezeichnet", "nothing new captured")
    } else if run.provisional {
        view.say("vorläufig", "provisional")
    } else {
        return None;
    })
}

fn remarks(view: View<'_>, runs: &[(usize, &RunLine)]) -> Markup {
    let all: Vec<_> = runs.iter().filter_map(|(_, run)| Some((run.date, remark(view, run)?))).collect();
    html! {
        @if !all.is_empty() {
            p.small {
                "* "
                @for (place, (date, words)) in all.iter().enumerate() {
                    @if place > 0 { "; " }
                    (view.date(*date)) ": " (words)
                }
            }
        }
    }
}

fn shade(score: f64) -> &'static str {
    match score {
        _ if score >= 100.0 => "whole",
        _ if score >= 99.0 => "fine",
        _ if score >= 95.0 => "fair",
        _ => "poor",
    }
}

/// The notices of the standard rules.
pub(super) fn notices(view: View<'_>) -> Markup {
    let title = view.say(
        "Meldungen der Standardregeln von GTFS und GTFS-Realtime",
        "Notices of the standard rules of GTFS and GTFS-Realtime",
    );
    html! {
        @if !view.report.notices.is_empty() {
            (view.heading("notices", title))
            @for runs in view.columns() {
                @let table = html! {
                    table.days {
                        caption { (view.say("Wie oft es jede Meldung gab, der neueste Tag zuerst", "How often each notice was given, the newest date first")) }
                        (columns(view, view.say("Meldung", "Notice"), &runs))
                        tbody { @for notice in &view.report.notices {
                            tr {
                                th scope="row" { code { (notice.code) } " " small { (severity(view, notice.severity)) } }
                                @for (place, run) in &runs {
                                    @let what = view.what("notices", &[&notice.code, &run.date.to_string()]);
                                    td {
                                        @match notice.counts.get(*place).copied().flatten() {
                                            Some(count) => (view.count(&what, count)),
                                            None => "–",
                                        }
                                    }
                                }
                            }
                        } }
                    }
                };
                (view.wide(title, &table))
            }
        }
    }
}

pub(super) fn severity<'a>(view: View<'a>, severity: Severity) -> &'a str {
    match severity {
        Severity::Error => view.say("Fehler", "error"),
        Severity::Warning => view.say("Warnung", "warning"),
        Severity::Info => view.say("Hinweis", "info"),
    }
}

/// How a score comes about, and what others call the dimensions.
pub(super) fn formula(view: View<'_>) -> Markup {
    html! {
        (view.heading("score", view.say("Wie die Punkte entstehen", "How the scores come about")))
        p { (view.say(score::FORMULA_DE, score::FORMULA_EN)) }
        p {
            (view.say(
                "Im Qualitätsrahmen von NAPCORE, dem Verbund der nationalen Zugangspunkte in Europa, gehören die Dimensionen so zusammen:",
                "In the quality framework of NAPCORE, the national access points of Europe, the dimensions belong together like this:",
            ))
        }
        ul {
            @for (name, de, en, dimensions) in dqv::categories() {
                li id=(view.place(&format!("napcore-{name}"))) {
                    (view.say(de, en)) ": "
                    @for (place, dimension) in dimensions.into_iter().enumerate() {
                        @if place > 0 { ", " }
                        @let (de, en) = dimension_word(dimension);
                        (view.say(de, en))
                    }
                }
            }
        }
        p {
            (view.say(
                "Diese Seite zählt, was Regeln benennen; die Zeilen selbst zeigt sie nicht.",
                "This page counts what rules name; it does not show the rows.",
            ))
        }
    }
}
