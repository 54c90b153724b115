//! `index.html` and `index.en.html`: what this city publishes, since when, how fresh and how good it is, and how to get it.
//!
//! Figures, by `data-figure`, and what they are over the current files of published tables:
//!
//! | figure | query |
//! |---|---|
//! | `rows` | `count(*)` over all tables of all datasets |
//! | `rows DATASET` | `count(*)` over all its tables |
//! | `datasets` | datasets that have a file |
//! | `score DATASET DATE` | `score.dataset` of `reports/DATASET/date=DATE/quality.json`, rounded |
//! | `score_change DATASET DATE BEFORE` | the difference of two of them |
//! | `stops DATASET DATE` | rows of `stops` of that date with a position that are stops or stations |
//! | `routes DATASET DATE` | rows of `routes` of that date that are drawn |
//!
//! Days are the least and the greatest `partition_date`.

use std::collections::BTreeSet;

use maud::{Markup, PreEscaped, html};

use crate::ledger::Status;
use crate::portal::atom;
use crate::portal::catalogue::{Catalogue, Dataset, Site, Table};
use crate::portal::dataset_page::{map_image, named};
use crate::portal::frame::{MAP_STYLE, Page, count, day, decimal, path_in, rows_word, said, way_to};
use crate::portal::overview::MapContent;
use crate::portal::pictures::trend;
use crate::portal::schema_org;
use crate::portal::withdrawals::{self, Withdrawal};
use crate::publication;
use crate::publish::iceberg;
use crate::publish::index::meta_folder;
use crate::report::results;
use crate::text::Language;
use crate::time::ServiceDate;

/// Both pages: their places and texts.
pub(super) fn pages(catalogue: &Catalogue) -> Vec<(String, String)> {
    let write = |language: Language| {
        let site = &catalogue.site;
        let description = language.say(
            "des Nahverkehrs: was veröffentlicht ist, wie aktuell und wie gut es ist, und wie man es bekommt.",
            "of public transport: what is published, how fresh and how good it is, and how to get it.",
        );
        let description = &format!("{} {description}", site.data(language));
        let page = Page { site, language, path: "index.html", title: &site.title, description };
        let content = Home { page, catalogue }.content();
        (path_in(language, page.path), page.write(&Home { page, catalogue }.head(), &content))
    };
    Language::ALL.map(write).into()
}

struct Home<'a> {
    page: Page<'a>,
    catalogue: &'a Catalogue,
}

impl<'a> Home<'a> {
    fn say<'t>(&self, de: &'t str, en: &'t str) -> &'t str {
        self.page.language.say(de, en)
    }

    fn site(&self) -> &'a Site {
        self.page.site
    }

    /// Those that have a file.
    fn published(&self) -> impl Iterator<Item = &'a Dataset> {
        self.catalogue.datasets.iter().filter(|of| span(of).is_some())
    }

    /// Those of which something was released, whether it is still there or not: their feeds tell what became of it.
    fn with_feed(&self) -> impl Iterator<Item = &'a Dataset> {
        self.catalogue.datasets.iter().filter(|of| span(of).is_some() || of.is_withdrawn())
    }

    /// Of these, those that are about traffic: not the one about what was published.
    fn about_traffic(&self) -> impl Iterator<Item = &'a Dataset> {
        self.published().filter(|of| of.name != publication::DATASET)
    }

    fn title(&self, of: &'a Dataset) -> Markup {
        let (text, language) = of.title(self.site(), self.page.language);
        said(text, language, self.page.language)
    }

    /// The way to its page.
    fn to(&self, of: &'a Dataset) -> Markup {
        html! { a href=(self.page.page(&format!("{}/index.html", of.name))) { (self.title(of)) } }
    }

    /// The feeds of all datasets.
    fn head(&self) -> Markup {
        html! {
            @for of in self.with_feed() {
                link rel="alternate" type="application/atom+xml" title=(of.title(self.site(), self.page.language).0)
                    href=(self.page.link(&atom::feed_path(&of.name, self.page.language)));
            }
            style { (PreEscaped(MAP_STYLE)) }
            script type="application/ld+json" { (PreEscaped(schema_org::catalogue(self.catalogue, self.page.language))) }
        }
    }

    fn content(&self) -> Markup {
        html! {
            h1 { (said(&self.site().title, Language::De, self.page.language)) }
            (self.introduction())
            @if self.published().next().is_none() {
                @if !self.catalogue.datasets.iter().any(Dataset::is_withdrawn) { (self.nothing_yet()) }
                (self.not_yet())
            } @else {
                // Beside each other where there is room.
                div.front { (self.figures()) (self.picture()) }
                h2 #datasets { (self.say("Die Datensätze", "The datasets")) }
                @let cards: Vec<&Dataset> = self.published().collect();
                ul.cards { @for of in cards { li { (self.card(of)) } } }
                (self.not_yet())
                (self.ways_in())
            }
            (self.withdrawn())
            @if let Some(contact) = self.site().contact() {
                h2 { (self.say("Fragen, Fehler, Ideen", "Questions, mistakes, ideas")) }
                p {
                    (self.say("Schreiben Sie uns: ", "Write to us: "))
                    (way_to(&contact, contact.email.as_deref().or(contact.url.as_deref()).unwrap_or_default()))
                    ", " (contact.name) "."
                }
            }
        }
    }

    /// What this is: in the words of the city if it has some.
    fn introduction(&self) -> Markup {
        let portal = &self.site().portal;
        let own = match self.page.language {
            Language::En if portal.introduction_en.is_some() => Language::En,
            _ => Language::De,
        };
        html! {
            @match portal.introduction(self.page.language) {
                Some(text) => p.lead.lines { (said(text, own, self.page.language)) },
                None => p.lead {
                    (self.site().publisher) " "
                    (self.say(
                        "veröffentlicht hier Daten des öffentlichen Nahverkehrs: Tag für Tag, geprüft und in Formaten, die jedes \
                         Auswertungsprogramm lesen kann.",
                        "publishes data of its public transport here: day by day, checked, and in formats that every tool for analysis reads.",
                    ))
                },
            }
            p {
                @if self.site().is_open() {
                    (self.say("Alle dürfen die Daten kostenlos nutzen, unter der Lizenz ", "Everybody may use the data free of charge, under the licence "))
                    (self.page.licence()) "."
                } @else {
                    (self.say("Die Daten stehen unter der Lizenz ", "The data are under the licence "))
                    (self.page.licence())
                    (self.say("; wer sie wozu nutzen darf, sagt deren Text.", "; its text says who may use them for what."))
                }
            }
        }
    }

    fn nothing_yet(&self) -> Markup {
        html! {
            p.note {
                (self.say(
                    "Noch ist hier nichts veröffentlicht. Sobald der erste Betriebstag geprüft ist, stehen seine Daten auf dieser Seite.",
                    "Nothing is published here yet. As soon as the first service date has been checked, its data will be on this page.",
                ))
            }
        }
    }

    /// Since when, how fresh, how much, how good.
    fn figures(&self) -> Markup {
        // A timetable has the date on which it was captured, on which no bus need have run yet.
        let observed: Vec<&Dataset> = self.about_traffic().filter(|of| !of.about.is_timetable).collect();
        let dated = if observed.is_empty() { self.about_traffic().collect() } else { observed };
        let spans: Vec<(ServiceDate, ServiceDate)> = dated.into_iter().filter_map(span).collect();
        let scores = self.about_traffic().filter_map(|of| Some((of, newest_score(of)?)));
        let scores: Vec<(&Dataset, (ServiceDate, f64))> = scores.collect();
        let has_withdrawn = self.catalogue.datasets.iter().any(withdrawals::has_any);
        // Of a dataset that is withdrawn the results are, too.
        let without = self.with_feed().filter(|of| of.name != publication::DATASET && newest_score(of).is_none());
        let without: Vec<&Dataset> = without.collect();
        let first = spans.iter().map(|(first, _)| *first).min();
        let newest = spans.iter().map(|(_, newest)| *newest).max();
        let language = self.page.language;
        let rows = self.catalogue.tables().map(|(_, table)| table.rows()).sum();
        html! {
            ul.cards.figures {
                @if let Some(newest) = newest {
                    li {
                        b { (day(newest, language)) }
                        @if first != Some(newest) { (self.say("neuester Betriebstag", "newest service date")) }
                        @else if has_withdrawn { (self.say("einziger veröffentlichter Betriebstag", "only service date that is published")) }
                        @else { (self.say("bisher einziger Betriebstag", "only service date so far")) }
                    }
                }
                @if let Some(first) = first.filter(|first| Some(*first) != newest) {
                    li { b { (day(first, language)) } (self.say("erster Betriebstag", "first service date")) }
                }
                li {
                    b { (count("rows", rows, language)) }
                    (rows_word(rows, language)) " in " (count("datasets", self.published().count() as u64, language)) " "
                    @if self.published().count() == 1 { (self.say("Datensatz", "dataset")) } @else { (self.say("Datensätzen", "datasets")) }
                    // The audit report counts those about traffic alone.
                    @if self.published().any(|of| of.name == publication::DATASET) {
                        br; small { (self.say("mit dem Protokoll der Veröffentlichungen", "with the records of what was published")) }
                    }
                }
                @if let Some((of, (newest, score))) = scores.iter().min_by(|(_, (_, one)), (_, (_, other))| one.total_cmp(other)) {
                    li {
                        b { (points(of, *newest, *score, language)) }
                        (self.say("von 100 Punkten", "of 100 points"))
                        br;
                        small {
                            @if scores.len() > 1 { (self.say("niedrigster Wert der Datensätze: ", "lowest of the datasets: ")) }
                            (self.title(of)) ", " (day(*newest, language))
                        }
                        (self.without_points(&without))
                    }
                } @else if without.iter().any(|of| withdrawals::has_any(of)) {
                    li { b { "–" } (self.say("keine Punkte", "no points")) (self.without_points(&without)) }
                }
            }
        }
    }

    /// Datasets that have no score, so that nobody takes the lowest of the others for that of all.
    fn without_points(&self, without: &[&'a Dataset]) -> Markup {
        html! {
            @if !without.is_empty() {
                br;
                small {
                    (self.say("ohne Punkte: ", "without points: "))
                    @for (place, of) in without.iter().enumerate() {
                        @if place > 0 { "; " }
                        (self.title(of))
                        @if withdrawals::has_any(of) { (self.say(" (zurückgezogen)", " (withdrawn)")) }
                    }
                }
            }
        }
    }

    /// The map of the timetable with most stops.
    fn picture(&self) -> Markup {
        let maps = self.catalogue.datasets.iter().filter_map(|of| Some((of, of.overview.map.as_ref()?)));
        let Some((of, map)) = maps.max_by_key(|(_, map)| map.stops) else { return html! {} };
        let language = self.page.language;
        html! {
            figure {
                (map_image(&self.page, &of.name, map, &self.alternative(map)))
                figcaption {
                    (self.say("Das Netz im Fahrplan vom ", "The network in the timetable of ")) (day(map.date, language)) ": "
                    (count(&format!("stops {} {}", of.name, map.date), map.stops, language)) " "
                    (self.say("Haltestellen, ", "stops, "))
                    (count(&format!("routes {} {}", of.name, map.date), map.routes, language)) " "
                    @if map.routes == 1 { (self.say("Linie", "route")) } @else { (self.say("Linien", "routes")) } "."
                }
            }
        }
    }

    /// For who does not see it.
    fn alternative(&self, map: &MapContent) -> String {
        let numbers =
            [map.stops, map.routes].map(|number| self.page.language.of(&crate::text::grouped(number)).to_owned());
        let [stops, routes] = numbers;
        match self.page.language {
            Language::De => format!("Karte des Liniennetzes mit {stops} Haltestellen und {routes} Linien"),
            Language::En => format!("Map of the network with {stops} stops and {routes} routes"),
        }
    }

    fn card(&self, of: &'a Dataset) -> Markup {
        let language = self.page.language;
        html! {
            h3 { (self.to(of)) }
            @match of.description(self.site(), language) {
                Some((text, spoken)) => p { (said(text, spoken, language)) },
                None => ul.small { @for table in of.tables.iter().filter(|table| !table.index.files.is_empty()) {
                    li { (named(table, language)) }
                } },
            }
            @if let Some((first, last)) = span(of) {
                p.small {
                    @if first == last { (day(first, language)) } @else {
                        (day(first, language)) (self.say(" bis ", " to ")) (day(last, language))
                    }
                    br;
                    @let rows: u64 = of.tables.iter().map(Table::rows).sum();
                    (count(&format!("rows {}", of.name), rows, language)) " " (rows_word(rows, language))
                }
            }
            (self.provisional(of))
            (self.late(of))
            (self.quality(of))
        }
    }

    /// That nothing new comes, or that days at the end are missing by the newest release that there is of anything.
    fn late(&self, of: &Dataset) -> Markup {
        let released_on = self.catalogue.datasets.iter().filter_map(|of| of.recency.released_on).max();
        let late = of.recency.expected_on(released_on).zip(span(of)).filter(|(expected, (_, last))| expected > last);
        html! {
            @if of.about.is_ended {
                p.small { strong { (self.say("Wird nicht mehr erneuert.", "No longer renewed.")) } }
            }
            @if let Some((expected, (_, last))) = late {
                p.small {
                    strong.warn { (self.say("Es fehlt: ", "Missing: ")) }
                    (day(last.plus_days(1), self.page.language))
                    @if last.plus_days(1) != expected { (self.say(" bis ", " to ")) (day(expected, self.page.language)) }
                }
            }
        }
    }

    /// Dates whose current files are of a day that is not over.
    fn provisional(&self, of: &Dataset) -> Markup {
        let files = of.tables.iter().flat_map(|table| &table.index.files).filter(|file| file.provisional);
        let dates: BTreeSet<ServiceDate> = files.map(|file| file.partition_date).collect();
        html! {
            @if !dates.is_empty() {
                p.small {
                    strong { (self.say("vorläufig: ", "provisional: ")) }
                    @for (place, date) in dates.iter().enumerate() { @if place > 0 { ", " } (day(*date, self.page.language)) }
                    (self.say(" ist noch nicht zu Ende.", " is not over."))
                }
            }
        }
    }

    /// How good the newest date was, and whether that is better or worse than the one before.
    fn quality(&self, of: &Dataset) -> Markup {
        let language = self.page.language;
        html! {
            @if let Some((newest, score)) = newest_score(of) {
                p.small {
                    strong { (points(of, newest, score, language)) (self.say(" von 100 Punkten", " of 100 points")) }
                    " (" (day(newest, language)) ")"
                    @if let Some((before, earlier)) = score_before(of, newest) {
                        br; (self.change(of, (newest, score), (before, earlier)))
                    }
                }
                @let scores: Vec<(ServiceDate, Option<f64>)> = of.overview.days.iter().map(|(date, of)| (*date, of.score)).collect();
                // One point is no trend.
                @if scores.iter().filter(|(_, score)| score.is_some()).count() > 1 { (trend::sparkline(&scores)) }
            }
            // The tables that tell what was published are not checked.
            @if newest_score(of).is_none() && withdrawals::has_any(of) && of.name != publication::DATASET {
                p.small { (self.say("Keine Punkte: Die Ergebnisse der Prüfungen sind zurückgezogen.", "No points: the results of the checks are withdrawn.")) }
            }
            @if of.results.last().is_some_and(|newest| newest.status == Status::HeldBack) {
                @let date = of.results.last().map(|newest| newest.date);
                p.small {
                    strong.warn { (self.say("Zurückgehalten", "Held back")) } ": "
                    @if let Some(date) = date { (day(date, language)) } " "
                    (self.say("ist nicht veröffentlicht, weil die Prüfung Fehler fand.", "is not published, since the checks found errors."))
                }
            }
            @if of.name != publication::DATASET && !of.results.is_empty() {
                p.small { a href=(self.page.page(&results::page_path(&of.name))) { (self.say("Regeln und Verlauf", "Rules and trend")) } }
            }
        }
    }

    fn change(&self, of: &Dataset, (date, score): (ServiceDate, f64), (before, earlier): (ServiceDate, f64)) -> Markup {
        // Of what is shown, so that nobody computes another difference.
        let cents = (score * 100.0).round() - (earlier * 100.0).round();
        let change = cents / 100.0;
        let what = format!("score_change {} {date} {before}", of.name);
        html! {
            @if cents == 0.0 { (self.say("unverändert gegenüber dem ", "unchanged from ")) } @else {
                @if cents > 0.0 { "▲ +" (decimal(&what, change, 2, self.page.language)) }
                @else { "▼ −" (decimal(&what, -change, 2, self.page.language)) }
                (self.say(" gegenüber dem ", " from "))
            }
            (day(before, self.page.language))
        }
    }

    /// Datasets of which nothing has been released.
    fn not_yet(&self) -> Markup {
        let empty = self.catalogue.datasets.iter().filter(|of| span(of).is_none());
        let (withdrawn, waiting): (Vec<&Dataset>, Vec<&Dataset>) = empty.partition(|of| of.is_withdrawn());
        // A dataset whose table has no version was never released.
        let is_new = waiting.iter().all(|of| of.tables.is_empty());
        html! {
            @for of in &withdrawn {
                p.note.warn {
                    (self.to(of)) ": "
                    (self.say(
                        "Alle Tage dieses Datensatzes sind zurückgezogen; er hat keine Dateien mehr.",
                        "All days of this dataset are withdrawn; it has no files any more.",
                    ))
                }
            }
            @if !waiting.is_empty() {
                p.muted {
                    @if is_new { (self.say("In Vorbereitung: ", "In preparation: ")) }
                    @else { (self.say("Noch nicht oder nicht mehr veröffentlicht: ", "Not or no longer published: ")) }
                    @for (place, of) in waiting.iter().enumerate() { @if place > 0 { "; " } (self.to(of)) }
                    "."
                }
            }
            // What was held back has results.
            @for of in withdrawn.into_iter().chain(waiting) { (self.quality(of)) }
        }
    }

    fn ways_in(&self) -> Markup {
        let tables = self.about_traffic().flat_map(|of| of.tables.iter().map(move |table| (of, table)));
        let largest = tables.max_by_key(|(_, table)| table.rows());
        html! {
            h2 #data { (self.say("So kommen Sie an die Daten", "How to get the data")) }
            p {
                (self.say(
                    "Jede Tabelle besteht aus Parquet-Dateien, eine für jeden Betriebstag. Mehr Wege, auch für Python, R und \
                     JavaScript, zeigt die Seite jedes Datensatzes. Mit ",
                    "Each table is made of Parquet files, one for each service date. The page of each dataset shows more ways, for \
                     Python, R and JavaScript, too. With ",
                ))
                a href="https://duckdb.org" { "DuckDB" }
                (self.say(" genügt dies:", " this is enough:"))
            }
            @if let Some((of, table)) = largest { (self.snippet(of, table)) }
            h3 { (self.say("Für Kataloge und Programme", "For catalogues and programs")) }
            ul {
                li {
                    a href=(self.page.link("catalog.ttl")) { "catalog.ttl" } ", " a href=(self.page.link("catalog.jsonld")) { "catalog.jsonld" }
                    ": DCAT-AP.de, mobilityDCAT-AP"
                }
                li { a href=(self.page.link("datapackage.json")) { "datapackage.json" } ": Frictionless Data Package" }
                li {
                    (self.say("Neues als Atom-Feed: ", "News as an Atom feed: "))
                    @for (place, of) in self.with_feed().enumerate() {
                        @if place > 0 { "; " }
                        a href=(self.page.link(&atom::feed_path(&of.name, self.page.language))) { (self.title(of)) }
                    }
                }
            }
        }
    }

    /// How the largest table is read: from its address on the web, or in the bucket's folder.
    fn snippet(&self, of: &Dataset, table: &Table) -> Markup {
        let base =
            self.site().base_url.as_deref().map(|url| format!("{}/", url.trim_end_matches('/'))).unwrap_or_default();
        let index = format!("{}/index.csv", meta_folder(&of.name, &table.index.table));
        let is_attachable = self.site().base_url.is_some() && iceberg::has(&table.index);
        html! {
            @if base.is_empty() {
                p.muted { (self.say("Im Ordner dieser Seiten ausführen.", "To be run in the folder of these pages.")) }
            }
            pre { code {
                "SET VARIABLE base = '" (base) "';\n"
                "SET VARIABLE files = (SELECT list(getvariable('base') || path) FROM read_csv(getvariable('base') || '" (index) "'));\n"
                "SELECT * FROM read_parquet(getvariable('files')) LIMIT 10;\n"
            } }
            @if is_attachable {
                p { (self.say("Oder alle Tabellen auf einmal, ab DuckDB 1.5:", "Or all tables at once, from DuckDB 1.5 on:")) }
                pre { code {
                    "INSTALL iceberg; LOAD iceberg;\n"
                    "ATTACH '' AS stadt (TYPE iceberg, ENDPOINT '" (base) "iceberg', AUTHORIZATION_TYPE 'none', \
                     ACCESS_DELEGATION_MODE 'none');\n"
                    "SELECT * FROM stadt.\"" (of.name) "\"." (table.index.table) " LIMIT 10;\n"
                } }
            }
        }
    }

    /// What has left the public and has not come back.
    fn withdrawn(&self) -> Markup {
        let language = self.page.language;
        let datasets = self.catalogue.datasets.iter().map(|of| (of, gone(of)));
        let datasets: Vec<(&Dataset, Vec<Gone<'_>>)> = datasets.filter(|(_, gone)| !gone.is_empty()).collect();
        html! {
            @if !datasets.is_empty() {
                h2 #withdrawn { (self.say("Zurückgezogen", "Withdrawn")) }
                p { (self.say("Dies war veröffentlicht und ist es nicht mehr.", "This was published and no longer is.")) }
                ul { @for (of, gone) in &datasets { @for gone in gone {
                    li {
                        (self.to(of)) ", " (day(gone.first, language))
                        @if gone.first != gone.last { (self.say(" bis ", " to ")) (day(gone.last, language)) }
                        @if gone.has_names {
                            " (" @for (place, table) in gone.act.tables.iter().enumerate() { @if place > 0 { ", " } (named(table, language)) } ")"
                        }
                        (self.say(": zurückgezogen", ": withdrawn")) (withdrawals::act(gone.act.tombstone, language))
                        @if gone.is_part {
                            (self.say(
                                " Die übrigen Tabellen des Tages sind veröffentlicht.",
                                " The other tables of the date are published.",
                            ))
                        }
                    }
                } } }
            }
        }
    }
}

/// Consecutive dates of which one act took the same tables.
struct Gone<'a> {
    first: ServiceDate,
    last: ServiceDate,
    act: Withdrawal<'a>,
    has_names: bool,
    /// Whether other tables of the dates are there.
    is_part: bool,
}

fn gone(of: &Dataset) -> Vec<Gone<'_>> {
    let mut found: Vec<Gone<'_>> = Vec::new();
    let names = |of: &Withdrawal<'_>| of.tables.iter().map(|table| table.index.table.clone()).collect::<Vec<_>>();
    for (date, day) in withdrawals::of_dataset(of) {
        let (has_names, is_part) = (day.has_names(), !day.is_whole);
        for act in day.acts {
            let is_same = |of: &&mut Gone<'_>| {
                of.last.plus_days(1) == date
                    && (of.has_names, of.is_part) == (has_names, is_part)
                    && of.act.tombstone.record == act.tombstone.record
                    && names(&of.act) == names(&act)
            };
            match found.iter_mut().rev().find(is_same) {
                Some(gone) => gone.last = date,
                None => found.push(Gone { first: date, last: date, act, has_names, is_part }),
            }
        }
    }
    found
}

/// The first and the newest date of the current files.
fn span(of: &Dataset) -> Option<(ServiceDate, ServiceDate)> {
    let dates = || of.tables.iter().flat_map(|table| table.index.files.iter().map(|file| file.partition_date));
    Some((dates().min()?, dates().max()?))
}

/// The newest date that has a score, and that. Of all datasets alike: a run reads the results of its own only.
fn newest_score(of: &Dataset) -> Option<(ServiceDate, f64)> {
    of.overview.days.iter().rev().find_map(|(date, day)| Some((*date, day.score?)))
}

/// The score before that of a date.
fn score_before(of: &Dataset, date: ServiceDate) -> Option<(ServiceDate, f64)> {
    of.overview.days.range(..date).rev().find_map(|(date, day)| Some((*date, day.score?)))
}

fn points(of: &Dataset, date: ServiceDate, score: f64, language: Language) -> Markup {
    decimal(&format!("score {} {date}", of.name), score, 2, language)
}

#[cfg(test)]
mod tests;
