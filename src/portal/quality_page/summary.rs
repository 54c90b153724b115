//! The newest run in a few numbers, and what was taken back.

use maud::{Markup, html};

use super::view::View;
use crate::ledger::Status;
use crate::report::quality::TableCount;
use crate::report::trend::RunLine;
use crate::report::words::Verdict;

/// The newest run.
pub(super) fn section(view: View<'_>, newest: &RunLine) -> Markup {
    let date = newest.date.to_string();
    let found = view.report.rules.iter().filter_map(|trend| Some((trend.newest()?.result, trend.rule.severity)));
    let found: Vec<Verdict> = found.map(|(result, severity)| Verdict::of(result, severity)).collect();
    let counts = counted(&found);
    html! {
        p.lead {
            @match newest.score.dataset {
                Some(score) => {
                    b { (view.decimal(&view.what("score", &[&date]), score)) } (view.say(" von 100 Punkten am ", " of 100 points on "))
                },
                None => (view.say("Keine Punkte gibt es für den ", "There is no score of ")),
            }
            (view.date(newest.date)) "."
        }
        @if !counts.is_empty() {
            p {
                (view.say("Regeln an diesem Tag: ", "Rules on that date: "))
                @for (place, (verdict, rules)) in counts.iter().enumerate() {
                    @if place > 0 { ", " }
                    (number(view, *verdict, *rules, &view.what(&format!("rules_{}", verdict.name()), &[&date])))
                }
                "."
            }
        }
        (cards(view, newest))
    }
}

/// How many rules came to what, without what none came to.
pub(super) fn counted(found: &[Verdict]) -> Vec<(Verdict, u64)> {
    let of = |verdict: Verdict| found.iter().filter(|of| **of == verdict).count() as u64;
    Verdict::ALL.into_iter().map(|verdict| (verdict, of(verdict))).filter(|(_, rules)| *rules > 0).collect()
}

/// A number of rules with its word, coloured where it is to be looked at.
pub(super) fn number(view: View<'_>, verdict: Verdict, rules: u64, what: &str) -> Markup {
    let (de, en) = verdict.counted(rules);
    let text = html! { (view.exact(what, rules)) " " (view.say(de, en)) };
    html! {
        @match verdict {
            Verdict::Failed | Verdict::Error | Verdict::Warning => b.(verdict.class()) { (text) },
            Verdict::Info | Verdict::Passed | Verdict::Skipped => (text),
        }
    }
}

fn cards(view: View<'_>, newest: &RunLine) -> Markup {
    let date = newest.date.to_string();
    let runs = &view.report.runs;
    let before = runs.len().checked_sub(2).and_then(|place| runs.get(place));
    let change = before.and_then(|before| Some((newest.score.dataset?, before.score.dataset?, before.date)));
    let sum = |is_derived: bool, of: fn(&TableCount) -> u64| {
        newest.tables.iter().filter(|table| table.is_derived == is_derived).map(of).sum::<u64>()
    };
    // Of tables that were read of the source, so that the first is the sum of the others.
    let tiles = [
        ("rows_in", sum(false, |table| table.rows_in), "Zeilen empfangen", "rows received"),
        ("rows_published", sum(false, |table| table.published), "davon veröffentlicht", "of them published"),
        ("rows_withheld", sum(false, withheld), "davon zurückgehalten", "of them held back"),
        ("rows_dropped", sum(false, dropped), "davon weggelassen", "of them left out"),
    ];
    let made = sum(true, |table| table.published);
    html! {
        ul.cards.figures {
            li {
                b { (state(view, newest)) }
                (view.date(newest.date))
                @if let Some((now, then, day)) = change {
                    br;
                    small {
                        // Of what is shown of the two, so that nobody computes another difference.
                        @let change = (now * 100.0).round() - (then * 100.0).round();
                        @let what = view.what("score_change", &[&date, &day.to_string()]);
                        @if change == 0.0 { (view.say("so viele Punkte wie am ", "as many points as on ")) }
                        @else {
                            (view.decimal(&what, change.abs() / 100.0)) " "
                            @if change > 0.0 { (view.say("Punkte mehr als am ", "points more than on ")) }
                            @else { (view.say("Punkte weniger als am ", "points less than on ")) }
                        }
                        (view.date(day))
                    }
                }
            }
            @for (kind, rows, de, en) in tiles {
                li {
                    b { (view.count(&view.what("received", &[&date, kind]), rows)) }
                    (view.say(de, en))
                    @if kind == "rows_published" && made > 0 {
                        br;
                        small {
                            (view.say("dazu ", "and ")) (view.count(&view.what("made", &[&date]), made))
                            (view.say(" aus ihnen gebildete", " derived from them"))
                        }
                    }
                }
            }
        }
        @if let Some(words) = state_note(view, newest) { p.note.warn { (words) } }
    }
}

pub(super) fn withheld(table: &TableCount) -> u64 {
    table.quarantined + table.held_back
}

pub(super) fn dropped(table: &TableCount) -> u64 {
    table.dropped.values().sum()
}

/// What became of the newest run, in a word.
fn state(view: View<'_>, newest: &RunLine) -> Markup {
    html! {
        @if newest.status == Status::HeldBack { span.bad { (view.say("zurückgehalten", "held back")) } }
        @else if !newest.rolled_back.is_empty() { (view.say("zum Teil zurückgenommen", "rolled back in part")) }
        @else if newest.provisional { (view.say("vorläufig veröffentlicht", "published provisionally")) }
        @else if newest.nothing_captured { (view.say("nichts Neues aufgezeichnet", "nothing new was captured")) }
        @else { (view.say("veröffentlicht", "published")) }
    }
}

/// What that means, where it is not all in order.
fn state_note<'a>(view: View<'a>, newest: &RunLine) -> Option<&'a str> {
    Some(if newest.status == Status::HeldBack {
        view.say("Zurückgehalten: nichts davon ist veröffentlicht.", "Held back: nothing of it was published.")
    } else if !newest.rolled_back.is_empty() {
        view.say(
            "Zum Teil zurückgenommen: Eine frühere Fassung ist veröffentlicht.",
            "Rolled back in part: an earlier version is published.",
        )
    } else if newest.provisional {
        view.say(
            "Vorläufig veröffentlicht: Der Tag ist noch nicht zu Ende.",
            "Published provisionally: the day is not over.",
        )
    } else if newest.nothing_captured {
        view.say(
            "Nichts Neues aufgezeichnet: Veröffentlicht ist allein, was fehlt, ohne Punkte.",
            "Nothing new was captured: what is missing is published alone, without a score.",
        )
    } else {
        return None;
    })
}

/// Dates of which something else is published than the last run has made.
pub(super) fn rolled_back(view: View<'_>) -> Markup {
    let all: Vec<_> = view.report.runs.iter().filter(|run| !run.rolled_back.is_empty()).collect();
    html! {
        @if !all.is_empty() {
            (view.heading("rolled-back", view.say("Zurückgenommen", "Rolled back")))
            p {
                (view.say(
                    "Von diesen Tabellen ist wieder eine frühere Fassung veröffentlicht. Punkte, Regeln und Zeilenzahlen auf dieser Seite \
                     beschreiben den letzten Lauf, nicht diese Fassung.",
                    "Of these tables an earlier version is published again. Scores, rules and counts of rows on this page describe the last \
                     run, not that version.",
                ))
            }
            ul { @for run in all { @for back in &run.rolled_back {
                @let what = view.what("rolled_back_to", &[&back.table, &run.date.to_string()]);
                li {
                    (view.date(run.date)) ", " code { (back.table) } ": " (view.say("Fassung ", "version ")) (view.count(&what, back.to))
                    (view.say(" seit ", " since "))
                    time datetime=(back.at.strftime("%Y-%m-%dT%H:%MZ")) { (back.at.strftime("%Y-%m-%d %H:%M UTC")) }
                    ", " span translate="no" { (back.by) ": " (back.reason) }
                }
            } } }
        }
    }
}
