//! How good a dataset is: `reports/<dataset>/quality.html` and the English page beside it, and the trend of some datasets as one page in
//! both languages that needs nothing else. They tell counts by rule and show no row.
//!
//! Each section is written once, for a language ([`view::View`]). The page that stands alone has them in German and then in English, and
//! its reader chooses which are seen.
//!
//! Every number is marked with what it counts (`data-figure`), as on the pages of a dataset. Below, `reports` is the table `rule_results`
//! of the dataset `publication`, `DATE` is its `partition_date`, and where there is a `RULE`, `kind = 'rule' AND contract_id = CONTRACT AND
//! rule_id = RULE`:
//!
//! | `data-figure` | query |
//! |---|---|
//! | `KIND ~ DATE` | `KIND DATASET CONTRACT RULE DATE` of the dataset of the page and the rule in whose place, `id="CONTRACT/RULE"`, it stands |
//! | `score DATASET DATE` | `SELECT value FROM reports WHERE kind = 'score' AND dimension IS NULL` |
//! | `score_change DATASET DATE BEFORE` | the difference of these two as they are shown, without its sign |
//! | `dimension_score DATASET DIMENSION DATE` | `SELECT value FROM reports WHERE kind = 'score' AND dimension = DIMENSION` |
//! | `rules_passed DATASET DATE`, `rules_failed …`, `rules_error …`, `rules_skipped …` | `SELECT count(*) FROM reports WHERE kind = 'rule' AND result = …` |
//! | `rules_warning DATASET DATE`, `rules_info …` | `result = 'warning'`, with `severity <> 'info'` and with `severity = 'info'` |
//! | `table_passed DATASET CONTRACT DATE`, `table_failed …`, `table_error …`, `table_warning …`, `table_info …` | as before, of the contract |
//! | `rule_rows DATASET CONTRACT RULE DATE`, `rule_checked …`, `rule_released …`, `rule_value …` | `rows_flagged`, `rows_checked`, `rows_released`, `value` |
//! | `rule_percent DATASET CONTRACT RULE DATE` | `100.0 * rows_flagged / rows_checked` |
//! | `rows_in DATASET TABLE DATE`, `rows_published …`, `rows_quarantined …`, `rows_held_back …` | `SELECT rows_flagged FROM reports WHERE kind = 'rows' AND table_name = TABLE AND rule_id = 'in'`, … |
//! | `rows_withheld DATASET TABLE DATE` | the sum of the last two |
//! | `rows_dropped DATASET TABLE DATE` | `SELECT sum(rows_flagged) FROM reports WHERE kind = 'dropped' AND table_name = TABLE` |
//! | `rows_dropped_by DATASET TABLE RULE DATE` | the same, `AND rule_id = RULE` |
//! | `received DATASET DATE rows_in`, … | the sum of `rows_in`, …, over the tables that are made of no other: those without a row `kind = 'input'` |
//! | `made DATASET DATE` | the sum of `rows_published` over the others |
//! | `notices DATASET CODE DATE` | `SELECT sum(rows_flagged) FROM reports WHERE kind = 'notice' AND rule_id = CODE` |
//! | `rolled_back_to DATASET TABLE DATE` | of the table `releases`: the newest `rolled_back_to` |

mod findings;
mod rows;
mod rules;
mod scores;
mod summary;
mod view;

#[cfg(test)]
mod tests;

use maud::{Markup, PreEscaped, html};

use self::view::View;
use crate::page::page as alone;
use crate::portal::catalogue::{About, Dataset, Site};
use crate::portal::dataset_page;
use crate::portal::file::File;
use crate::portal::frame::{self, Page, path_in, said};
use crate::portal::withdrawals;
use crate::report::results::page_path;
use crate::report::trend::Report;
use crate::text::Language;
use crate::time::ServiceDate;

/// What the style sheet of all pages does not have.
const STYLE: &str = include_str!("page.css");

/// The pages of a dataset in the bucket.
pub(super) fn files(site: &Site, of: &Dataset, report: &Report) -> [File; 2] {
    Language::ALL.map(|language| {
        let path = page_path(&of.name);
        let (title, of_title) = of.title(site, language);
        let whole = format!("{}: {title}", language.say("Datenqualität", "Data quality"));
        let description = match language {
            Language::De => {
                format!("{title}: welche Regeln die Daten erfüllen, welche nicht, und wie sich das ändert.")
            }
            Language::En => format!("{title}: which rules the data meet, which they do not, and how that changes."),
        };
        let page = Page { site, language, path: &path, title: &whole, description: &description };
        let head = html! { style { (PreEscaped(STYLE)) } };
        let content = html! {
            (page.crumbs_of(&[(said(title, of_title, language), &dataset_page::path(&of.name))], &html! { (language.say("Datenqualität", "Data quality")) }))
            h1 { (language.say("Datenqualität", "Data quality")) ": " (said(title, of_title, language)) }
            (without_results(of, report, language))
            @if report.runs.is_empty() && withdrawals::has_any(of) {
                p { (language.say("Die Ergebnisse sind mit den Tagen zurückgezogen.", "The results are withdrawn with the days.")) }
            } @else {
                (sections(View { language, report, prefix: "", is_nested: false }))
            }
        };
        File::new(path_in(language, &path), page.write(&head, &content))
    })
}

/// Days among those that are shown of which there were results, and are none: they would be missing without a word.
fn without_results(of: &Dataset, report: &Report, language: Language) -> Markup {
    let first = report.runs.first().map(|run| run.date);
    let known = of.overview.days.iter().filter(|(date, day)| day.status.is_some() && Some(**date) >= first);
    let shown = |date: &ServiceDate| report.runs.iter().any(|run| run.date == *date);
    let lost: Vec<ServiceDate> = known.map(|(date, _)| *date).filter(|date| !shown(date)).collect();
    html! {
        @if !lost.is_empty() {
            p.note.warn {
                (language.say("Die Ergebnisse dieser Tage sind verloren oder nicht lesbar und fehlen unten: ", "The results of these days are lost or cannot be read, and are missing below: "))
                @for (place, date) in lost.iter().enumerate() { @if place > 0 { ", " } (frame::day(*date, language)) }
                "."
            }
        }
    }
}

/// The page of some datasets, for whoever asks for it.
pub(crate) fn write(site: &Site, reports: &[(About, &Report)]) -> String {
    let is_nested = reports.len() > 1;
    let called = |about: &About, report: &Report, language| {
        let (title, of_title) = about.title(site, &report.dataset, language);
        said(title, of_title, language)
    };
    let content = html! {
        @for language in Language::ALL {
            div class=(language.code()) lang=(language.code()) {
                h1 {
                    (language.say("Datenqualität", "Data quality"))
                    @if let ([(about, report)], false) = (reports, is_nested) { ": " (called(about, report, language)) }
                }
                p.muted { (site.title) }
                @if is_nested {
                    ul { @for (about, report) in reports {
                        li { a href=(format!("#{}-{}", language.code(), report.dataset)) { (called(about, report, language)) } }
                    } }
                }
                @for (about, report) in reports {
                    @if is_nested {
                        h2 id=(format!("{}-{}", language.code(), report.dataset)) { (called(about, report, language)) }
                    }
                    // That of a single dataset has the places that the page of the bucket has.
                    @let prefix = match (language, is_nested) {
                        (Language::De, false) => String::new(),
                        (_, false) => "en-".to_owned(),
                        (_, true) => format!("{}-{}-", language.code(), report.dataset),
                    };
                    (sections(View { language, report, prefix: &prefix, is_nested }))
                }
                // Of all of them it is the same.
                @if let Some((_, report)) = reports.first().filter(|_| is_nested) {
                    (scores::formula(View { language, report, prefix: &format!("{}-", language.code()), is_nested: false }))
                }
            }
        }
    };
    let own = "body{max-width:none;padding:0}main{max-width:66rem;margin:0 auto;padding:1rem 1.25rem 3rem}";
    let style = [frame::STYLE, &frame::colours(site), STYLE, own].concat();
    alone(&format!("Datenqualität – {}", site.title), &style, &content)
}

/// All that is told of a dataset.
fn sections(view: View<'_>) -> Markup {
    let Some(newest) = view.report.runs.last() else {
        return html! { p { (view.say("Noch gibt es keine Ergebnisse.", "There are no results yet.")) } };
    };
    html! {
        (summary::section(view, newest))
        (summary::rolled_back(view))
        (findings::section(view, newest))
        (scores::section(view))
        (scores::notices(view))
        (rows::section(view, newest))
        (rules::section(view, newest))
        @if !view.is_nested { (scores::formula(view)) }
    }
}
