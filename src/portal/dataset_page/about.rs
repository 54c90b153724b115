//! What a dataset is, in words and in figures.

use maud::{Markup, html};

use super::names::description;
use super::view::View;
use crate::portal::catalogue::{Rights, SourceLicence};
use crate::portal::frame::{rows_word, said};
use crate::portal::metadata::{Concept, FREQUENCIES};
use crate::publication;
use crate::text::Language;

/// The words of a frequency by the end of its address, in German and English.
const FREQUENCY_WORDS: [(&str, &str, &str); 8] = [
    ("continuous", "laufend", "continuously"),
    ("hourly", "stündlich", "hourly"),
    ("daily", "täglich", "daily"),
    ("weekly", "wöchentlich", "weekly"),
    ("monthly", "monatlich", "monthly"),
    ("quarterly", "vierteljährlich", "quarterly"),
    ("yearly", "jährlich", "yearly"),
    ("irregular", "unregelmäßig", "irregularly"),
];

/// Standards of sources as people write them.
const STANDARDS: [(&str, &str); 8] = [
    ("gtfs", "GTFS Schedule"),
    ("gtfs-rt", "GTFS-Realtime"),
    ("siri", "SIRI"),
    ("netex", "NeTEx"),
    ("vdv-454", "VDV 454"),
    ("tides", "TIDES"),
    ("gbfs", "GBFS"),
    ("other", ""),
];

pub(super) fn section(view: View<'_>) -> Markup {
    let (site, of, language) = (view.page.site, view.of, view.page.language);
    let (about, spoken) = description(site, of, language);
    html! {
        @let title = view.title();
        (view.page.crumbs_of(&[], &title))
        h1 { (title) }
        p.lead {
            (said(&about, spoken, language))
        }
        (state(view))
        (figures(view))
        (facts(view))
    }
}

/// What is to be known before anything else: that nothing new comes, or that nothing is there any more.
fn state(view: View<'_>) -> Markup {
    html! {
        @if view.of.about.is_ended {
            p.note.none {
                (view.say(
                    "Dieser Datensatz wird nicht mehr erneuert: Es kommt nichts Neues. Was veröffentlicht ist, bleibt hier.",
                    "This dataset is no longer renewed: nothing new comes. What is published stays here.",
                ))
            }
        }
        @if view.of.is_withdrawn() {
            p.note.warn {
                (view.say(
                    "Alle Tage dieses Datensatzes sind zurückgezogen: Sie waren veröffentlicht und sind es nicht mehr.",
                    "All days of this dataset are withdrawn: they were published and no longer are.",
                ))
            }
        }
    }
}

/// What everybody wants to know first.
fn figures(view: View<'_>) -> Markup {
    let name = view.name();
    let files = || view.of.tables.iter().flat_map(|table| &table.index.files);
    let newest = files().map(|file| file.partition_date).max();
    let rows: u64 = files().map(|file| file.rows).sum();
    let first = files().map(|file| file.partition_date).min();
    let score = view.of.overview.days.iter().rev().find_map(|(date, day)| Some((*date, day.score?)));
    html! {
        ul.cards.figures {
            @if let Some(newest) = newest {
                li { b { (view.day(newest)) } (view.say("neuester Tag", "newest day")) }
            }
            @if let (Some(first), true) = (first, first != newest) {
                li { b { (view.day(first)) } (view.say("erster Tag", "first day")) }
            }
            @if let Some((date, score)) = score.filter(|_| name != publication::DATASET) {
                li {
                    b { (view.decimal(&format!("score {name} {date}"), score, 2)) }
                    (view.say("von 100 Punkten für Qualität", "of 100 points for quality"))
                }
            }
            li { b { (view.count(&format!("rows {name}"), rows)) } (rows_word(rows, view.page.language)) }
            li { b { (view.size(&format!("bytes {name}"), files().map(|file| file.bytes).sum())) } (view.say("als Parquet", "as Parquet")) }
            li {
                b { (view.count(&format!("tables {name}"), u64::try_from(view.of.tables.len()).unwrap_or(u64::MAX))) }
                @if view.of.tables.len() == 1 { (view.say("Tabelle", "table")) } @else { (view.say("Tabellen", "tables")) }
            }
        }
    }
}

/// What a catalogue asks for.
fn facts(view: View<'_>) -> Markup {
    let (site, of) = (view.page.site, view.of);
    let metadata = &site.metadata;
    let details = metadata.datasets.get(&of.name);
    let frequency = details.and_then(|of| of.frequency).or(of.about.frequency);
    let kind = match (of.about.is_timetable, of.name == publication::DATASET) {
        (_, true) => view.say(
            "Nachweis der Veröffentlichungen und ihrer Qualität",
            "Proof of what was published and how good it was",
        ),
        (true, _) => view.say("Fahrplan", "Timetable"),
        _ => view.say(
            "Betriebsdaten: was an jedem Betriebstag geschah",
            "Operational data: what happened on each service date",
        ),
    };
    let standard = of
        .about
        .standard
        .map(|word| STANDARDS.iter().find(|(known, _)| *known == word).map_or(word, |(_, name)| *name));
    html! {
        dl.facts {
            div { dt { (view.say("Art", "Kind")) } dd { (kind) } }
            @if let Some(standard) = standard.filter(|name| !name.is_empty()) {
                div { dt { (view.say("Standard der Quelle", "Standard of the source")) } dd { (standard) } }
            }
            @if of.about.is_ended {
                div { dt { (view.say("Wird erneuert", "Renewed")) } dd { (view.say("nicht mehr", "no longer")) } }
            } @else if let Some(frequency) = frequency.and_then(|frequency| frequency_word(frequency, view.page.language)) {
                div { dt { (view.say("Wird erneuert", "Renewed")) } dd { (frequency) } }
            }
            div { dt { (view.say("Lizenz", "Licence")) } dd { (view.page.licence()) } }
            div {
                dt { (view.say("Namensnennung", "Attribution")) }
                dd { (site.attribution(&of.about)) }
            }
            @if !of.about.sources.is_empty() {
                div.whole {
                    dt { (view.say("Quellen und ihre Lizenzen", "Sources and their licences")) }
                    dd { ul { @for sources in alike(&of.about.sources) { li { (rights(view, &sources)) } } } }
                }
            }
            @if let Some(contact) = &metadata.contact {
                div {
                    dt { (view.say("Fragen an", "Questions to")) }
                    dd { (crate::portal::frame::way_to(contact, &contact.name)) }
                }
            }
        }
    }
}

/// Sources with the same rights, in one line each.
fn alike(sources: &[SourceLicence]) -> Vec<Vec<&SourceLicence>> {
    let mut groups: Vec<Vec<&SourceLicence>> = Vec::new();
    let terms = |of: &SourceLicence| (of.rights.clone(), of.attribution.clone(), of.homepage.clone());
    for source in sources {
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| terms(first) == terms(source))) {
            Some(group) => group.push(source),
            None => groups.push(vec![source]),
        }
    }
    groups
}

/// Why data of sources may be released, who is to be named, and what they are called.
fn rights(view: View<'_>, sources: &[&SourceLicence]) -> Markup {
    let Some(first) = sources.first() else { return html! {} };
    html! {
        @match &first.rights {
            Rights::Licence { id, address: Some(address) } => a href=(address) rel="license" { (id) },
            Rights::Licence { id, address: None } => (id),
            Rights::Own => (view.say("eigene Daten", "own data")),
            Rights::Agreement => (view.say("mit Einwilligung der Rechteinhaber", "with the consent of the rights holder")),
            Rights::Unsaid => (view.say("ohne Angabe einer Lizenz", "without a licence that is stated")),
        }
        @if let Some(name) = &first.attribution { ", " (name) }
        @if let Some(page) = &first.homepage {
            ", " a href=(page) { (view.say("Seite der Quelle", "page of the source")) }
        }
        ": "
        @for (place, source) in sources.iter().enumerate() { @if place > 0 { ", " } code { (source.name) } }
    }
}

pub(super) fn frequency_word(frequency: Concept, language: Language) -> Option<&'static str> {
    let is_it = |word: &str| FREQUENCIES.concept(word) == Some(frequency);
    FREQUENCY_WORDS.iter().find(|(word, ..)| is_it(word)).map(|(_, de, en)| language.say(de, en))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frequency_has_words() {
        for word in FREQUENCIES.words() {
            let frequency = FREQUENCIES.concept(word).unwrap();
            assert!(frequency_word(frequency, Language::De).is_some(), "{word}");
        }
    }
}
