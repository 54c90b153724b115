//! The pages of a dataset: `<dataset>/index.html`, one of each year, one of each table where there are many, each beside its English one.
//!
//! Every number in them is marked with what it counts (`data-figure`). Below, `reports` is the table `rule_results` of the dataset
//! `publication`, and `files` are the rows of a table's `index.csv`:
//!
//! | `data-figure` | query |
//! |---|---|
//! | `rows DATASET TABLE` | `SELECT sum(rows) FROM files`, or `count(*)` of the table |
//! | `bytes DATASET TABLE` | `SELECT sum(bytes) FROM files` |
//! | `files DATASET TABLE` | `SELECT count(*) FROM files` |
//! | `rows DATASET`, `bytes DATASET`, `files DATASET` | the sums of these over the tables |
//! | `tables DATASET` | how many tables have a `files.json` |
//! | `rows DATASET TABLE DATE`, `bytes DATASET TABLE DATE` | `rows`, `bytes` of `files` `WHERE partition_date = DATE` |
//! | `columns DATASET TABLE` | columns of the newest file, without its bounds of geometries (`bbox`) |
//! | `nulls_percent DATASET TABLE COLUMN` | `SELECT 100.0 * avg((COLUMN IS NULL)::INT)` of the newest file of the table |
//! | `days DATASET STATE FROM TO` | days from FROM to TO in that state of the calendar, see [`days`]: `provisional`, those with a provisional file; `partial`, other days of `coverage` with a `gap_reason` that is not `cancelled`; and those with a table whose date is in `withdrawn` of its `files.json` and not in its `files`; `withdrawn`, such dates without any file; `complete`, the other days with a file |
//! | `days_without_beat DATASET SOURCE FROM TO`, `fewest_without_beat …`, `most_without_beat …` | of the table `coverage`: `count(DISTINCT partition_date)`, `min(snapshots_received)`, `max(snapshots_received)` `WHERE source = SOURCE AND snapshots_expected IS NULL AND snapshots_received > 0` |
//! | `group_days DATASET FROM TO` | `date_diff('day', FROM, TO) + 1` |
//! | `missing DATASET FROM TO REASON SOURCE` | of the table `coverage`: `SELECT sum(coalesce(trips_scheduled - trips_observed, snapshots_expected - snapshots_received)) WHERE service_date BETWEEN FROM AND TO AND gap_reason = REASON AND source IS NOT DISTINCT FROM SOURCE`; `-` is no source |
//! | `score DATASET DATE` | `SELECT value FROM reports WHERE kind = 'score' AND dimension IS NULL AND partition_date = DATE` |
//! | `score_lowest`, `score_mean`, `score_days` `DATASET YYYY-MM` | `min(value)`, `avg(value)`, `count(*)` of these in the month |
//! | `rule_days DATASET CONTRACT RULE FROM TO` | `SELECT count(*) FROM reports WHERE kind = 'rule' AND result IN ('failed', 'warning', 'error') AND contract_id = CONTRACT AND rule_id = RULE` and the dates |
//! | `rule_rows DATASET CONTRACT RULE DATE`, `rule_checked …` | `rows_flagged`, `rows_checked` of `reports` |
//! | `vehicles`, `reports`, `percentage` `DATASET DATE HOUR` | of `vehicle_locations`: `count(DISTINCT vehicle_id)`, `count(*)`, `avg(occupancy_percentage)` of the hour |
//! | `stops DATASET DATE`, `routes DATASET DATE` | rows of `stops` with a position that are no entrances, of `routes` that are drawn on the map |
//! | `change_rows DATASET TABLE VERSION` | rows of the files of the dates of the release in that version of the index |

mod about;
mod calendar;
mod changes;
mod cite;
mod columns;
mod days;
mod figures;
mod issues;
mod names;
mod quality;
mod reasons;
mod table_title;
mod tables;
mod view;
mod ways_in;
mod year;

pub(crate) use self::reasons::reason_words;

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod told_tests;

use maud::{Markup, PreEscaped, html};

pub(super) use self::changes::{kind_word, record_path, span_text};
pub(super) use self::figures::map_image;
pub(super) use self::names::description;
pub(super) use self::table_title::named;

use self::days::Days;
pub(super) use self::view::path;
use self::view::{View, are_apart, year_path};
use crate::portal::catalogue::{Dataset, Site};
use crate::portal::file::File;
use crate::portal::frame::{MAP_STYLE, Page, path_in};
use crate::portal::schema_org;
use crate::publication;
use crate::text::Language;

/// What the style sheet of all pages does not have.
const STYLE: &str = include_str!("page.css");

/// The German pages that cite a version of a table, as far as they are there.
pub(super) fn citing(dataset: &str, table: &str) -> [String; 2] {
    [path(dataset), tables::path(dataset, table)]
}

/// All pages of a dataset.
pub(super) fn files(site: &Site, of: &Dataset) -> Vec<File> {
    let days = Days::of(of);
    let mut files = Vec::new();
    for language in Language::ALL {
        let made = Made { site, of, days: &days, language };
        files.push(made.dataset());
        files.extend(days.years().into_iter().map(|year| made.year(year)));
        if are_apart(of) {
            files.extend(of.tables.iter().map(|table| made.table(table)));
        }
    }
    files
}

/// What pages in a language are made of.
struct Made<'a> {
    site: &'a Site,
    of: &'a Dataset,
    days: &'a Days<'a>,
    language: Language,
}

impl Made<'_> {
    fn dataset(&self) -> File {
        let (title, _) = self.of.title(self.site, self.language);
        let (about, _) = description(self.site, self.of, self.language);
        self.write(&path(&self.of.name), title, &about, |view| {
            let head = html! {
                link rel="alternate" type="application/atom+xml" title=(view.say("Veröffentlichungen", "Releases"))
                    href=(view.say("feed.xml", "feed.en.xml"));
                script type="application/ld+json" { (PreEscaped(schema_org::dataset(view.page.site, view.of, view.page.language))) }
            };
            (head, whole(view))
        })
    }

    fn year(&self, year: i16) -> File {
        let title = format!("{} {year}", self.of.title(self.site, self.language).0);
        let about = self.language.say(
            "Jeder Tag des Jahres: was da ist und was fehlt.",
            "Each day of the year: what there is and what is missing.",
        );
        let path = year_path(&self.of.name, year);
        self.write(&path, &title, about, |view| (html! {}, year::content(view, year)))
    }

    fn table(&self, table: &crate::portal::catalogue::Table) -> File {
        let path = tables::path(&self.of.name, &table.index.table);
        let name = table_title::title(table, self.language);
        let about =
            self.language.say("Spalten, Dateien und Zitat einer Tabelle.", "Columns, files and citation of a table.");
        self.write(&path, &name, about, |view| (html! {}, tables::page(view, table)))
    }

    fn write(&self, path: &str, title: &str, description: &str, make: impl Fn(View<'_>) -> (Markup, Markup)) -> File {
        let page = Page { site: self.site, language: self.language, path, title, description };
        let (more, content) = make(View { page, of: self.of, days: self.days });
        let head = html! { style { (PreEscaped(MAP_STYLE)) (PreEscaped(STYLE)) } (more) };
        File::new(path_in(self.language, path), page.write(&head, &content))
    }
}

/// The page of the dataset.
fn whole(view: View<'_>) -> Markup {
    let has_quality = view.of.name != publication::DATASET;
    html! {
        (about::section(view))
        (contents(view, has_quality))
        (calendar::section(view))
        @if has_quality { (quality::section(view)) }
        (figures::map(view))
        (figures::hours(view))
        (issues::section(view))
        (ways_in::section(view))
        (tables::section(view))
        (cite::section(view))
        (changes::section(view))
    }
}

/// To the sections.
fn contents(view: View<'_>, has_quality: bool) -> Markup {
    let all = [
        (view.days.bounds.is_some(), "days", "Tage", "Days"),
        (has_quality && view.days.bounds.is_some(), "quality", "Qualität", "Quality"),
        (view.of.overview.map.is_some(), "map", "Netz", "Network"),
        (view.of.overview.hours.is_some(), "hours", "Tagesverlauf", "One day"),
        (true, "issues", "Bekannte Probleme", "Known issues"),
        (true, "use", "Daten nutzen", "Use the data"),
        (true, "tables", "Tabellen", "Tables"),
        (true, "cite", "Zitieren", "Cite"),
        (true, "changes", "Änderungen", "Changes"),
    ];
    html! {
        nav.contents aria-label=(view.say("Auf dieser Seite", "On this page")) { ul {
            @for (_, id, de, en) in all.into_iter().filter(|(is_there, ..)| *is_there) {
                li { a href={ "#" (id) } { (view.say(de, en)) } }
            }
        } }
    }
}
