//! What was released, withdrawn, rolled back, and how the tables changed.

use maud::{Markup, html};

use super::table_title::named;
use super::view::View;
use crate::portal::dates::at_text;
use crate::portal::frame::{rows_word, said};
use crate::portal::overview::{Change, ChangeKind, ChangedTable};
use crate::publish::index::index_key;
use crate::text::Language;
use crate::time::ServiceDate;

/// Changes that are seen at once.
const SEEN: usize = 20;
/// Tables that are named of a change that is seen at once.
const TABLES: usize = 3;

pub(super) fn section(view: View<'_>) -> Markup {
    let changes = &view.of.overview.changes;
    let (seen, more) = changes.split_at(SEEN.min(changes.len()));
    html! {
        section #changes aria-labelledby="changes-title" {
            h2 #changes-title { (view.say("Was sich geändert hat", "What has changed")) }
            @if changes.is_empty() {
                p { (view.say("Noch nichts.", "Nothing yet.")) }
            } @else {
                ul.changes { @for change in seen { li { (line(view, change, TABLES)) } } }
                @if !more.is_empty() {
                    details {
                        summary { (view.say("Frühere Änderungen", "Earlier changes")) }
                        ul.changes { @for change in more { li { (line(view, change, 0)) } } }
                    }
                }
            }
            p {
                a href=(view.say("feed.xml", "feed.en.xml")) { (view.say("Änderungen als Atom-Feed abonnieren", "Subscribe to changes as an Atom feed")) }
            }
        }
    }
}

/// What a kind of change is called.
pub(in crate::portal) fn kind_word(kind: ChangeKind, language: Language) -> &'static str {
    let (de, en) = match kind {
        ChangeKind::Release => ("Veröffentlicht", "Released"),
        ChangeKind::ProvisionalRelease => ("Vorläufig veröffentlicht", "Released provisionally"),
        ChangeKind::Rollback => ("Auf einen früheren Stand zurückgesetzt", "Rolled back to an earlier release"),
        ChangeKind::Withdrawal => ("Zurückgezogen", "Withdrawn"),
        ChangeKind::Lift => ("Wieder zur Veröffentlichung freigegeben", "Free to be released again"),
        ChangeKind::Compaction => ("Monate in je eine Datei zusammengefasst", "Months put into one file each"),
    };
    language.say(de, en)
}

fn line(view: View<'_>, change: &Change, tables: usize) -> Markup {
    let language = view.page.language;
    html! {
        time datetime=(change.at) { (at_text(change.at, language)) } " "
        b class=[(change.kind == ChangeKind::Withdrawal).then_some("bad")] { (kind_word(change.kind, language)) }
        @if let (Some(first), Some(last)) = (change.dates.first(), change.dates.last()) { ": " (view.span(*first, *last)) }
        @if let Some(reason) = &change.reason {
            @if !reason.is_empty() { " – " (said(reason, Language::De, language)) }
        }
        @if let Some(by) = &change.by { " (" (by) ")" }
        br;
        small {
            @for (place, table) in change.tables.iter().take(tables).enumerate() {
                @if place > 0 { ", " }
                (table_of(view, table))
            }
            @if tables > 0 {
                @if change.tables.len() > tables { (view.say(" und weitere Tabellen", " and more tables")) }
                " · "
            }
            a href=(view.page.link(&record_path(&change.record))) { (view.say("Protokoll", "record")) }
        }
        @for table in &change.tables { (columns(view, table)) }
    }
}

fn table_of(view: View<'_>, table: &ChangedTable) -> Markup {
    let key = index_key(view.name(), &table.table, table.version);
    html! {
        @match view.of.tables.iter().find(|other| other.index.table == table.table) {
            Some(of) => (named(of, view.page.language)),
            None => code { (table.table) },
        }
        " "
        a href=(view.page.link(&key)) { (view.say("Fassung ", "version ")) (table.version) }
        @if let Some(rows) = table.rows {
            " (" (view.count(&format!("change_rows {} {} {}", view.name(), table.table, table.version), rows)) " " (rows_word(rows, view.page.language)) ")"
        }
    }
}

fn columns(view: View<'_>, table: &ChangedTable) -> Markup {
    html! {
        @for (names, de, en) in [(&table.columns_added, "Neue Spalten", "New columns"), (&table.columns_removed, "Spalten, die wegfielen", "Columns that went")] {
            @if !names.is_empty() {
                br; (view.say(de, en)) (view.say(" in ", " in ")) code { (table.table) } ": " code { (names.join(", ")) }
            }
        }
    }
}

/// Where a record is; its key may be said with or without the folder.
pub(in crate::portal) fn record_path(key: &str) -> String {
    if key.contains('/') { key.to_owned() } else { format!("ledger/records/{key}.json") }
}

/// The days of a change in one word or two.
pub(in crate::portal) fn span_text(dates: impl Iterator<Item = ServiceDate> + Clone) -> String {
    match (dates.clone().min(), dates.max()) {
        (Some(first), Some(last)) if first == last => first.to_string(),
        (Some(first), Some(last)) => format!("{first} – {last}"),
        _ => String::new(),
    }
}
