//! What a dataset is called, and how dates, sizes and texts of two languages stand on its pages.

use maud::{Markup, html};

use super::view::View;
use crate::portal::catalogue::{Dataset, Site, Table};
use crate::portal::dates::{day_short, day_text, month, numbers};
use crate::portal::frame::said;
use crate::text::{Language, opening};
use crate::time::ServiceDate;

/// A text, and the language that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::portal) struct Said<'a> {
    pub text: &'a str,
    pub language: Language,
}

/// In the wanted language, else in the other; empty texts are none.
pub(super) fn either<'a>(language: Language, de: Option<&'a str>, en: Option<&'a str>) -> Option<Said<'a>> {
    let given = |text: Option<&'a str>| text.map(str::trim).filter(|text| !text.is_empty());
    let of = |language| given(language_of(language, de, en)).map(|text| Said { text, language });
    let other = if language == Language::De { Language::En } else { Language::De };
    of(language).or_else(|| of(other))
}

fn language_of<'a>(language: Language, de: Option<&'a str>, en: Option<&'a str>) -> Option<&'a str> {
    match language {
        Language::De => de,
        Language::En => en,
    }
}

impl Said<'_> {
    /// Marked where it is not in the language of the page.
    pub(super) fn mark(&self, page: Language) -> Markup {
        said(self.text, self.language, page)
    }

    /// The same of what a rule demands, where a line begins with it.
    pub(super) fn mark_opening(&self, page: Language, rule: &str) -> Markup {
        said(&opening(self.text, rule), self.language, page)
    }
}

/// What a dataset is, and the language of that; where nobody wrote it, which tables it has.
pub(in crate::portal) fn description(site: &Site, of: &Dataset, language: Language) -> (String, Language) {
    if let Some((text, language)) = of.description(site, language) {
        return (text.to_owned(), language);
    }
    // A title in the other language would stand in the middle of a sentence.
    let named = |table: &Table| match table.title(language) {
        Some((title, spoken)) if spoken == language => title.to_owned(),
        _ => table.index.table.clone(),
    };
    let names: Vec<String> = of.tables.iter().take(TABLES_NAMED).map(named).collect();
    let more = of.tables.len().saturating_sub(names.len());
    let (publisher, data) = (&site.publisher, site.data(language));
    let is_one = names.len() == 1;
    let names = match names.split_last() {
        Some((last, before)) if more == 0 && !before.is_empty() => {
            format!("{} {} {last}", before.join(", "), language.say("und", "and"))
        }
        _ => names.join(", "),
    };
    let text = match (language, more) {
        (Language::De, 0) if names.is_empty() => {
            format!("{data} von {publisher}. Noch ist nichts davon veröffentlicht.")
        }
        (Language::En, 0) if names.is_empty() => {
            format!("{data} by {publisher}. None of it has been published yet.")
        }
        (Language::De, 0) if is_one => format!("{data} von {publisher} mit der Tabelle {names}."),
        (Language::En, 0) if is_one => format!("{data} by {publisher} with the table {names}."),
        (Language::De, 0) => format!("{data} von {publisher} mit den Tabellen {names}."),
        (Language::De, more) => format!("{data} von {publisher} mit den Tabellen {names} und {more} weiteren."),
        (Language::En, 0) => format!("{data} by {publisher} with the tables {names}."),
        (Language::En, more) => format!("{data} by {publisher} with the tables {names} and {more} more."),
    };
    (text, language)
}

/// Tables that are named where nobody wrote what a dataset is.
const TABLES_NAMED: usize = 6;

impl View<'_> {
    pub(super) fn date(&self, date: ServiceDate) -> Markup {
        html! { time datetime=(date) { (day_text(self.page.language, date)) } }
    }

    /// Without the day of the week, as narrow as it can be.
    pub(super) fn day(&self, date: ServiceDate) -> Markup {
        html! { time datetime=(date) { (numbers(self.page.language, date)) } }
    }

    /// As narrow as tables want it.
    pub(super) fn short_date(&self, date: ServiceDate) -> Markup {
        html! { time datetime=(date) { (day_short(self.page.language, date)) } }
    }

    /// `November 2026`.
    pub(super) fn month(&self, of: ServiceDate) -> Markup {
        let iso = of.to_string();
        html! { time datetime=(iso.get(..7).unwrap_or_default()) { (month(self.page.language, of)) } }
    }

    pub(super) fn year(&self, year: i16) -> Markup {
        html! { time datetime=(format!("{year:04}")) { (year) } }
    }

    /// One date, or the first and the last.
    pub(super) fn span(&self, first: ServiceDate, last: ServiceDate) -> Markup {
        html! {
            (self.short_date(first))
            @if first != last { " – " (self.short_date(last)) }
        }
    }

    /// A size as people say it; the exact number is its value.
    pub(super) fn size(&self, what: &str, bytes: u64) -> Markup {
        html! { data value=(bytes) data-figure=(what) { (size(self.page.language, bytes)) } }
    }
}

/// `178.6 kB`, in powers of ten.
pub(super) fn size(language: Language, bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes}\u{202f}B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{}\u{202f}{}", language.decimal(value, 1), units.get(unit).copied().unwrap_or_default())
}
