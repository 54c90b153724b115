//! The report as one page that needs nothing else, made for A4.
//!
//! Whatever is counted comes out of [`Page`], which puts the figure's name beside it; nothing else in the page has a number but what `ledger` quotes from the log. What is
//! quoted from the workspace, contracts and pages is marked as a quotation.

mod annex;
mod ledger;
mod page;
mod sections;
mod style;

use maud::html;

use self::page::Page;
use crate::audit_report::AuditReport;
use crate::page::page_in;
use crate::text::Language;

/// The page.
pub(super) fn write(report: &AuditReport, language: Language) -> String {
    let page = Page { report, language };
    let title = format!("{} {} – {}", page.say("Jahresnachweis", "Annual report"), report.year, report.described.title);
    let content = html! {
        (sections::head(page))
        (sections::glance(page))
        (sections::purpose(page))
        (sections::extent(page))
        (sections::completeness(page))
        (sections::quality(page))
        (sections::outages(page))
        (sections::changes(page))
        (sections::rules(page))
        (sections::decisions(page))
        (sections::privacy(page))
        (ledger::destructions(page))
        (annex::how_to_check(page))
        (annex::tables(page))
        (annex::queries(page))
    };
    page_in(language.code(), &title, style::STYLE, &content)
}
