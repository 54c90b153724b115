//! The calendar of the last twelve months, and below it the days of which something is missing.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::days::{Cause, Group, State, dates};
use super::reasons::{self, state_words};
use super::view::{View, year_path};
use crate::portal::dates::{WEEKDAYS, day_short};
use crate::time::ServiceDate;

/// Groups of days that the page of the dataset lists; the pages of years have all.
const LISTED: usize = 24;
/// Groups that are seen at once, the others behind a click.
const SEEN: usize = 8;

pub(super) fn section(view: View<'_>) -> Markup {
    let Some((first, newest)) = view.days.bounds else { return html! {} };
    let from = ServiceDate(newest.0.first_of_month()).plus_days(-1);
    let mut from = ServiceDate(from.0.first_of_month());
    for _ in 0..10 {
        from = ServiceDate(from.plus_days(-1).0.first_of_month());
    }
    // Months before the first day would be empty.
    let from = from.max(ServiceDate(first.0.first_of_month()));
    let groups = view.days.groups(from, newest);
    html! {
        section #days aria-labelledby="days-title" {
            h2 #days-title { (view.say("Verfügbare Tage", "Days available")) }
            @if view.days.is_irregular() {
                p { (irregular(view)) }
            } @else if view.days.has_files() && !view.days.is_measured() {
                p { (view.say(
                    "Wie vollständig ein Tag ist, wird bei diesem Datensatz nicht gemessen.",
                    "How complete a day is, is not measured for this dataset.",
                )) }
            }
            (without_beat(view, from, newest))
            (months(view, from, newest, true))
            (late(view))
            @if !groups.is_empty() {
                h3 { (view.say("Tage, an denen etwas fehlt", "Days with something missing")) }
                (list(view, groups.get(..SEEN).unwrap_or(&groups)))
                @if let Some(more) = groups.get(SEEN..LISTED.min(groups.len())).filter(|more| !more.is_empty()) {
                    details {
                        summary { (view.say("Weitere Tage", "More days")) }
                        (list(view, more))
                    }
                }
            }
            (small_gaps(view, from, newest, LISTED))
            p.years {
                (view.say("Alle Tage nach Jahren: ", "All days by year: "))
                @for year in view.days.years() {
                    a href=(view.page.page(&year_path(view.name(), year))) { (view.year(year)) } " "
                }
            }
        }
    }
}

/// That nobody looked for gaps of a source of which no beat is known, and what is seen of its silence all the same.
pub(super) fn without_beat(view: View<'_>, from: ServiceDate, to: ServiceDate) -> Markup {
    let found = view.days.without_beat(from, to);
    html! {
        @for (source, (dates, [fewest, most])) in &found {
            @let what = |kind: &str| format!("{kind} {} {source} {from} {to}", view.name());
            @let days = dates.len() as u64;
            p.note.warn {
                (view.say("Von der Quelle ", "For the source ")) code { (source) }
                (view.say(" ist an ", " no polling interval is known on ")) (view.count(&what("days_without_beat"), days))
                (match days {
                    1 => view.say(" Tag kein Takt bekannt: Lücken ihrer Aufzeichnung wurden da nicht gesucht und zählen nicht. ", " day: gaps in its collection were not looked for then, and do not count. "),
                    _ => view.say(" Tagen kein Takt bekannt: Lücken ihrer Aufzeichnung wurden da nicht gesucht und zählen nicht. ", " days: gaps in its collection were not looked for then, and do not count. "),
                })
                @if fewest == most {
                    (view.say("Abzüge in jeder Stunde, die welche hat: ", "Snapshots in each hour that has any: ")) (view.count(&what("most_without_beat"), *most)) "."
                } @else {
                    (view.say("In der Stunde mit den wenigsten Abzügen kamen ", "The hour with the fewest snapshots has "))
                    (view.count(&what("fewest_without_beat"), *fewest))
                    (view.say(", in der mit den meisten ", ", the one with the most has ")) (view.count(&what("most_without_beat"), *most)) "."
                }
            }
        }
    }
}

/// That days at the end are missing, where each day is to have data.
pub(super) fn late(view: View<'_>) -> Markup {
    let Some((newest, expected)) = view.days.late() else { return html! {} };
    html! {
        p.note.warn {
            (view.say("Der neueste veröffentlichte Tag ist der ", "The newest published day is ")) (view.date(newest)) ". "
            @if newest.plus_days(1) == expected {
                (view.say("Der Tag danach fehlt.", "The day after it is missing."))
            } @else {
                (view.say("Die Tage danach fehlen, bis zum ", "The days after it are missing, until ")) (view.date(expected)) "."
            }
        }
    }
}

/// What little is missing of days that are complete.
pub(super) fn small_gaps(view: View<'_>, from: ServiceDate, to: ServiceDate, most: usize) -> Markup {
    let groups = view.days.small_gaps(from, to);
    html! {
        @if !groups.is_empty() {
            details {
                summary { (view.say("Kleine Lücken an vollständigen Tagen", "Small gaps on complete days")) }
                (list(view, groups.get(..most).unwrap_or(&groups)))
            }
        }
    }
}

fn irregular(view: View<'_>) -> &'static str {
    match view.of.about.is_timetable {
        true => view.say(
            "Markiert sind die Tage, an denen ein neuer Fahrplan kam. An den anderen Tagen gilt der letzte davor weiter.",
            "The days on which a new timetable came are marked. On the other days the one before remains valid.",
        ),
        false => view.say(
            "Markiert sind die Tage, zu denen etwas veröffentlicht oder entschieden wurde.",
            "The days for which something was published or decided are marked.",
        ),
    }
}

/// The months from one day to another, with what their marks mean. `is_newest` is whether the reader comes for the newest days: then these
/// come first and each says why it is not complete. Of a year the list below has all days with their reasons.
pub(super) fn months(view: View<'_>, from: ServiceDate, to: ServiceDate, is_newest: bool) -> Markup {
    let mut counts: BTreeMap<State, u64> = BTreeMap::new();
    for date in dates(from, to) {
        *counts.entry(view.days.state_of(date)).or_default() += 1;
    }
    let mut firsts: Vec<ServiceDate> = dates(from, to).filter(|date| date.0.day() == 1).collect();
    // On a phone the reader sees them without scrolling.
    if is_newest {
        firsts.reverse();
    }
    html! {
        ul.legend {
            @for state in State::TOLD {
                @if let Some(count) = counts.get(&state) {
                    @let (word, meaning) = state_words(view, state);
                    li {
                        span class={ "mark " (state.word()) } aria-hidden="true" { (letter(view, state)) } " "
                        (view.count(&format!("days {} {} {from} {to}", view.name(), state.word()), *count)) " "
                        b { (word) } @if !meaning.is_empty() { ": " (meaning) }
                    }
                }
            }
        }
        div.calendar {
            @for first in firsts { (month_table(view, first, is_newest)) }
        }
    }
}

/// Beside its colour a day that is not complete has a letter.
fn letter(view: View<'_>, state: State) -> &'static str {
    match state {
        State::Partial => view.say("T", "P"),
        State::Provisional => view.say("V", "E"),
        State::HeldBack => view.say("R", "H"),
        State::Withdrawn => view.say("Z", "W"),
        State::NothingCaptured => "0",
        State::Missing => "×",
        State::Complete | State::Unchanged | State::Outside => "",
    }
}

fn month_table(view: View<'_>, first: ServiceDate, is_newest: bool) -> Markup {
    let last = ServiceDate(first.0.last_of_month());
    let offset = usize::try_from(first.0.weekday().to_monday_zero_offset()).unwrap_or_default();
    let before = std::iter::repeat_n(None, offset);
    let cells: Vec<Option<ServiceDate>> = before.chain(dates(first, last).map(Some)).collect();
    html! {
        table {
            caption { (view.month(first)) }
            thead { tr {
                @for (de, whole_de, en, whole_en) in WEEKDAYS {
                    th scope="col" abbr=(view.say(whole_de, whole_en)) { (view.say(de, en)) }
                }
            } }
            tbody {
                @for week in cells.chunks(7) {
                    tr {
                        @for cell in week {
                            @match cell { Some(date) => (day(view, *date, is_newest)), None => td {} }
                        }
                    }
                }
            }
        }
    }
}

fn day(view: View<'_>, date: ServiceDate, is_newest: bool) -> Markup {
    let state = view.days.state_of(date);
    let day = date.0.day();
    html! {
        @match state {
            State::Outside => td { time datetime=(date) { (day) } },
            _ => td class=(state.word()) title=(in_words(view, date, state, is_newest)) {
                time datetime=(date) { (day) }
                @let letter = letter(view, state);
                @if !letter.is_empty() { b { (letter) } }
            },
        }
    }
}

/// A day in a sentence: `Di, 24.11.2026: teilweise – Die Abfrage der Quelle schlug fehl, 7–9 Uhr`.
fn in_words(view: View<'_>, date: ServiceDate, state: State, is_newest: bool) -> String {
    let language = view.page.language;
    let (word, _) = state_words(view, state);
    let mut text = format!("{}: {word}", day_short(language, date));
    if is_newest && state.is_gap() {
        let causes = view.days.causes(date);
        if state != State::Withdrawn && causes.keys().any(|cause| matches!(cause, Cause::Withdrawn { .. })) {
            text += view.say(" – eine Tabelle ist zurückgezogen", " – a table is withdrawn");
        }
        let gaps = causes.iter().filter_map(|(cause, extent)| match cause {
            Cause::Gap { reason, .. } => Some((reason, extent)),
            _ => None,
        });
        if let Some((reason, extent)) = gaps.max_by_key(|(_, extent)| extent.missing) {
            text += " – ";
            text += reasons::reason_words(reason, language).unwrap_or(reason);
            let hours = reasons::hours(&extent.hours, language);
            if !hours.is_empty() && hours.chars().count() < 40 {
                text += ", ";
                text += &hours;
            }
        }
    }
    text
}

/// Days of which something is missing, and why.
pub(super) fn list(view: View<'_>, groups: &[Group]) -> Markup {
    html! {
        table.stack.gaps {
            caption.hidden { (view.say("Tage, an denen etwas fehlt, und warum", "Days with something missing, and why")) }
            thead { tr {
                th scope="col" { (view.say("Tage", "Days")) }
                th scope="col" { (view.say("Stand", "State")) }
                th scope="col" { (view.say("Warum", "Why")) }
            } }
            tbody {
                @for group in groups {
                    tr {
                        th scope="row" {
                            (view.span(group.first, group.last))
                            @if group.first != group.last {
                                @let days = group.last.days_since_epoch() - group.first.days_since_epoch() + 1;
                                @let what = format!("group_days {} {} {}", view.name(), group.first, group.last);
                                small { br; (view.count(&what, u64::try_from(days).unwrap_or_default())) " " (view.say("Tage", "days")) }
                            }
                        }
                        td {
                            span class={ "mark " (group.state.word()) } aria-hidden="true" { (letter(view, group.state)) } " "
                            (state_words(view, group.state).0)
                        }
                        td { (reasons::causes(view, group)) }
                    }
                }
            }
        }
    }
}
