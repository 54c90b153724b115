//! What a table is called: by its contract, and by the name that programs know it by.

use maud::{Markup, html};

use crate::portal::catalogue::Table;
use crate::portal::frame::said;
use crate::text::Language;

/// What a page of a table is called, for its window and for search engines.
pub(super) fn title(table: &Table, language: Language) -> String {
    let name = &table.index.table;
    match table.title(language) {
        Some((title, _)) => format!("{title} ({name})"),
        None => format!("{} {name}", language.say("Tabelle", "Table")),
    }
}

/// What a table is called, and by what name programs know it.
pub(in crate::portal) fn named(table: &Table, page: Language) -> Markup {
    html! {
        @if let Some((title, language)) = table.title(page) { (said(title, language, page)) " " }
        code { (table.index.table) }
    }
}

/// As [`named`], without the name where there is a title.
pub(super) fn called(table: &Table, page: Language) -> Markup {
    html! {
        @match table.title(page) {
            Some((title, language)) => (said(title, language, page)),
            None => code { (table.index.table) },
        }
    }
}
