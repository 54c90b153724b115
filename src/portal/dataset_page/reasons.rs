//! Why something is missing, in words.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::days::{Cause, Extent, Group, State};
use super::names::either;
use super::table_title::named;
use super::view::View;
use crate::portal::withdrawals;
use crate::text::Language;

/// The words of the column `gap_reason` in German and English; another word stands for itself.
const REASONS: [(&str, &str, &str); 12] = [
    ("failed", "Die Abfrage der Quelle schlug fehl", "Requests to the source failed"),
    ("skipped", "Abfragen der Quelle wurden ausgelassen", "Requests to the source were skipped"),
    (
        "frozen",
        "Die Quelle antwortete, doch ihr Datenstand blieb stehen",
        "The source answered, but its data stood still",
    ),
    ("silent", "Die Quelle war verbunden, doch es kam nichts", "The source was connected, but nothing came"),
    ("unreadable", "Was die Quelle schickte, war nicht lesbar", "What the source sent could not be read"),
    ("off_stopped", "Die Aufzeichnung war angehalten", "Capturing was stopped"),
    ("off_killed", "Die Aufzeichnung war abgebrochen", "Capturing had been cut off"),
    ("off_not_configured", "Die Quelle war nicht eingerichtet", "The source was not set up"),
    ("unexplained", "Der Grund ist nicht bekannt", "The reason is not known"),
    ("no_capture", "Nichts wurde aufgezeichnet", "Nothing was captured"),
    ("rows_held", "Alle Meldungen wurden als fehlerhaft zurückgehalten", "All reports were held back as faulty"),
    (
        "not_reported",
        "Von geplanten Fahrten kam keine Meldung: Sie fuhren nicht, oder das Gerät im Fahrzeug war aus",
        "Scheduled trips sent no report: they did not run, or the device on board was off",
    ),
];

/// What a state is called in a dataset, and what it means.
pub(super) fn state_words(view: View<'_>, state: State) -> (&'static str, &'static str) {
    let ((word_de, de), (word_en, en)) = match state {
        State::Complete if view.of.about.is_timetable => (
            ("neuer Fahrplan", "er gilt, bis der nächste kommt"),
            ("new timetable", "it holds until the next one comes"),
        ),
        State::Complete if view.days.is_measured() => (
            (
                "vollständig",
                "es fehlt nichts oder weniger als 1\u{202f}% des Erwarteten; ausgefallene Fahrten sind keine Lücke",
            ),
            ("complete", "nothing is missing, or less than 1% of what was expected; cancelled trips are no gap"),
        ),
        State::Complete => {
            (("veröffentlicht", "die Daten des Tages sind da"), ("published", "the data of the day are there"))
        }
        State::Partial if !view.days.has_withdrawn_tables() => {
            (("teilweise", "mehr als das fehlt"), ("partial", "more than that is missing"))
        }
        State::Partial if view.days.is_measured() => (
            ("teilweise", "mehr als das fehlt, oder eine Tabelle des Tages ist zurückgezogen"),
            ("partial", "more than that is missing, or a table of the day is withdrawn"),
        ),
        State::Partial => {
            (("teilweise", "eine Tabelle des Tages ist zurückgezogen"), ("partial", "a table of the day is withdrawn"))
        }
        State::Provisional => (
            ("vorläufig", "der Tag war noch nicht vorbei; die vollständige Fassung folgt"),
            ("provisional", "the day was not over; the complete release follows"),
        ),
        State::HeldBack => (
            ("zurückgehalten", "eine Regel hat die Veröffentlichung gesperrt"),
            ("held back", "a rule blocked the release"),
        ),
        State::Withdrawn => {
            (("zurückgezogen", "war öffentlich und ist es nicht mehr"), ("withdrawn", "was public and no longer is"))
        }
        State::NothingCaptured => (
            ("nichts aufgezeichnet", "niemand weiß, was an dem Tag fuhr"),
            ("nothing captured", "nobody knows what ran on that day"),
        ),
        State::Missing => (("fehlt", "für den Tag liegt nichts vor"), ("missing", "there is nothing of the day")),
        State::Unchanged => {
            (("nichts Neues", "der Stand davor gilt weiter"), ("nothing new", "what was there before still holds"))
        }
        State::Outside => (("außerhalb", ""), ("outside", "")),
    };
    (view.say(word_de, word_en), view.say(de, en))
}

/// A word of `gap_reason` as a sentence without its full stop.
pub(crate) fn reason_words(word: &str, language: Language) -> Option<&'static str> {
    REASONS.iter().find(|(known, ..)| *known == word).map(|(_, de, en)| language.say(de, en))
}

/// Hours of a service date as people say them: `7–9 Uhr, 22–2 Uhr`.
pub(super) fn hours(hours: &BTreeSet<i32>, language: Language) -> String {
    let mut ranges: Vec<(i32, i32)> = Vec::new();
    for &hour in hours {
        match ranges.last_mut() {
            Some((_, end)) if *end == hour => *end = hour + 1,
            _ => ranges.push((hour, hour + 1)),
        }
    }
    let of_clock = |hour: i32| hour.rem_euclid(24);
    let said = ranges.into_iter().map(|(from, to)| {
        let night = from >= 24;
        let end = if to % 24 == 0 { 24 } else { of_clock(to) };
        match language {
            Language::De => format!("{}–{end} Uhr{}", of_clock(from), if night { " in der Nacht danach" } else { "" }),
            Language::En => {
                format!("{:02}:00–{end:02}:00{}", of_clock(from), if night { " in the night after" } else { "" })
            }
        }
    });
    said.collect::<Vec<_>>().join(", ")
}

/// What kept a group of days from being complete.
pub(super) fn causes(view: View<'_>, group: &Group) -> Markup {
    let (word, meaning) = state_words(view, group.state);
    html! {
        @if group.causes.is_empty() {
            (word) ": " (meaning)
        }
        @for (place, (cause, sources, extent)) in told_together(group).into_iter().enumerate() {
            @if place > 0 { br; }
            @match cause {
                Cause::Gap { reason, .. } => (gap(view, group, reason, &sources, extent)),
                Cause::Rule { contract, rule } => {
                    (view.say("Gesperrt durch die Regel: ", "Blocked by the rule: "))
                    @match rule_words(view, contract, &rule.0) {
                        Some(words) => (words),
                        None => code { (rule) },
                    }
                }
                Cause::Withdrawn { tables, at, by, reason, lifted } => {
                    @if tables.is_empty() { (view.say("Zurückgezogen", "Withdrawn")) } @else { (withdrawn(view, group, tables)) }
                    (withdrawals::told(*at, by, reason, *lifted, view.page.language))
                }
            }
        }
    }
}

/// Tables of days of which others are there, as withdrawn.
fn withdrawn(view: View<'_>, group: &Group, tables: &[String]) -> Markup {
    html! {
        @if tables.len() == 1 { (view.say("Tabelle ", "Table ")) } @else { (view.say("Tabellen ", "Tables ")) }
        @for (place, table) in tables.iter().enumerate() {
            @if place > 0 { ", " }
            @match view.of.tables.iter().find(|of| of.index.table == *table) {
                Some(of) => (named(of, view.page.language)),
                None => code { (table) },
            }
        }
        @if group.first == group.last { (view.say(" dieses Tages zurückgezogen", " of this day withdrawn")) }
        @else { (view.say(" dieser Tage zurückgezogen", " of these days withdrawn")) }
    }
}

/// Causes with their sources: those that say the same of several sources, without a number, in one.
fn told_together(group: &Group) -> Vec<(&Cause, Vec<&str>, &Extent)> {
    let mut told: Vec<(&Cause, Vec<&str>, &Extent)> = Vec::new();
    for (cause, extent) in &group.causes {
        let Cause::Gap { reason, source: Some(source) } = cause else {
            told.push((cause, Vec::new(), extent));
            continue;
        };
        let is_same = |(other, _, of): &&mut (&Cause, Vec<&str>, &Extent)| {
            matches!(other, Cause::Gap { reason: same, source: Some(_) } if same == reason) && *of == extent
        };
        match told.iter_mut().find(is_same).filter(|_| extent.missing == 0) {
            Some((_, sources, _)) => sources.push(source),
            None => told.push((cause, vec![source], extent)),
        }
    }
    told
}

fn gap(view: View<'_>, group: &Group, reason: &str, sources: &[&str], extent: &Extent) -> Markup {
    let language = view.page.language;
    let first = sources.first().copied().unwrap_or("-");
    let what = format!("missing {} {} {} {reason} {first}", view.name(), group.first, group.last);
    html! {
        @match reason_words(reason, language) {
            Some(words) => (words),
            None => code { (reason) },
        }
        @if !sources.is_empty() {
            " ("
            @if sources.len() == 1 { (view.say("Quelle ", "source ")) } @else { (view.say("Quellen ", "sources ")) }
            @for (place, source) in sources.iter().enumerate() { @if place > 0 { ", " } code { (source) } }
            ")"
        }
        // Of several days the hours say nothing.
        @if group.first == group.last && !extent.hours.is_empty() { ", " (hours(&extent.hours, language)) }
        @if extent.missing > 0 {
            ": " (view.count(&what, extent.missing)) " "
            (match (!sources.is_empty(), extent.missing) {
                (false, 1) => view.say("Fahrt ohne Daten", "trip without data"),
                (false, _) => view.say("Fahrten ohne Daten", "trips without data"),
                (true, 1) => view.say("Abzug fehlt", "snapshot is missing"),
                (true, _) => view.say("Abzüge fehlen", "snapshots are missing"),
            })
        }
    }
}

/// What a rule asks, by the newest results that have it, or by its contract's text.
pub(super) fn rule_words<'a>(view: View<'a>, contract: &str, rule: &str) -> Option<Markup> {
    let results = view.of.results.iter().rev();
    let mut rules = results.flat_map(|results| &results.rules).filter(|known| known.contract == contract);
    let known = rules.find(|known| known.id.0 == rule)?;
    let said = either(view.page.language, known.description_de.as_deref(), Some(&known.description))?;
    Some(said.mark_opening(view.page.language, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_those_of_the_clock() {
        let said = |all: &[i32], language| hours(&all.iter().copied().collect(), language);
        assert_eq!(said(&[7, 8], Language::De), "7–9 Uhr");
        assert_eq!(said(&[7, 9, 22, 23, 24, 25], Language::De), "7–8 Uhr, 9–10 Uhr, 22–2 Uhr");
        assert_eq!(said(&[23], Language::De), "23–24 Uhr");
        assert_eq!(said(&[25], Language::De), "1–2 Uhr in der Nacht danach");
        assert_eq!(said(&[7, 25], Language::En), "07:00–08:00, 01:00–02:00 in the night after");
        assert_eq!(said(&[], Language::En), "");
    }

    #[test]
    fn every_reason_of_the_contract_has_words() {
        let contract = include_str!("../../../schemas/stadtbus/coverage.odcs.yaml");
        let list = contract.split("value: [failed").nth(1).unwrap().split(']').next().unwrap();
        for word in format!("failed{list}").split(", ").filter(|word| *word != "cancelled") {
            assert!(reason_words(word, Language::De).is_some(), "{word}");
        }
    }
}
