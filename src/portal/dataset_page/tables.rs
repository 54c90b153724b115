//! The tables of a dataset: columns, files and how each is cited. They are in the dataset's page where they are few, else each has a
//! page of its own, `<dataset>/tables/<table>.html`.

use maud::{Markup, html};

use super::columns;
use super::names::either;
use super::table_title::{called, named};
use super::view::{View, are_apart};
use super::ways_in;
use crate::page::identifier;
use crate::portal::catalogue::Table;
use crate::portal::frame::rows_word;
use crate::portal::withdrawals;
use crate::publish::index::{IndexFile, Tombstone, meta_folder};
use crate::time::ServiceDate;

/// Newest files that are listed of each table: four weeks.
const FILES: usize = 28;

pub(super) fn path(dataset: &str, table: &str) -> String {
    format!("{dataset}/tables/{table}.html")
}

pub(super) fn section(view: View<'_>) -> Markup {
    let tables = &view.of.tables;
    let apart = are_apart(view.of);
    html! {
        section #tables aria-labelledby="tables-title" {
            h2 #tables-title { (view.say("Tabellen, Spalten und Dateien", "Tables, columns and files")) }
            p {
                (view.say(
                    "Jede Tabelle besteht aus Parquet-Dateien, eine je Tag, die sich nie ändern. Die Listen sagen, welche gerade gelten.",
                    "Each table is a set of Parquet files, one a day, that never change. The lists say which are current.",
                ))
            }
            @if tables.is_empty() { p { (view.say("Noch gibt es keine.", "There are none yet.")) } }
            @if apart { (overview(view)) } @else {
                @for table in tables { (in_page(view, table)) }
            }
        }
    }
}

/// A line for each table, where each has its page.
fn overview(view: View<'_>) -> Markup {
    html! {
        table.stack {
            caption.hidden { (view.say("Tabellen", "Tables")) }
            thead { tr {
                th scope="col" { (view.say("Tabelle", "Table")) }
                th.n scope="col" { (view.say("Zeilen", "Rows")) }
                th.n scope="col" { (view.say("Größe", "Size")) }
                th scope="col" { (view.say("Dateien", "Files")) }
            } }
            tbody { @for table in &view.of.tables {
                @let name = &table.index.table;
                tr id={ "table-" (name) } {
                    th scope="row" {
                        a href=(view.page.page(&path(view.name(), name))) { (called(table, view.page.language)) }
                        @if table.title(view.page.language).is_some() { br; code { (identifier(name)) } }
                        @if let Some(about) = about(view, table) { br; span.words { (first_sentence(about.text)) } }
                        @if table.index.files.is_empty() && !table.index.withdrawn.is_empty() {
                            br; span.warn { (view.say("zurückgezogen", "withdrawn")) }
                        }
                    }
                    td.n data-label=(view.say("Zeilen", "Rows")) { (rows(view, table)) }
                    td.n data-label=(view.say("Größe", "Size")) { (bytes(view, table)) }
                    td.lists data-label=(view.say("Dateien", "Files")) { (lists(view, table)) }
                }
            } }
        }
    }
}

fn about<'a>(view: View<'a>, table: &'a Table) -> Option<super::names::Said<'a>> {
    either(view.page.language, table.contract.description_de.as_deref(), table.contract.description.as_deref())
}

/// So much of a text as a list has room for.
fn first_sentence(text: &str) -> &str {
    let end = text.find(". ").map_or(text.len(), |place| place + 1);
    text.get(..end).unwrap_or(text)
}

fn rows(view: View<'_>, table: &Table) -> Markup {
    let rows = table.rows();
    view.count(&format!("rows {} {}", view.name(), table.index.table), rows)
}

fn bytes(view: View<'_>, table: &Table) -> Markup {
    let bytes = table.index.files.iter().map(|file| file.bytes).sum();
    view.size(&format!("bytes {} {}", view.name(), table.index.table), bytes)
}

fn lists(view: View<'_>, table: &Table) -> Markup {
    let folder = meta_folder(view.name(), &table.index.table);
    html! {
        a href=(view.page.link(&format!("{folder}/index.csv"))) { "index.csv" } " "
        a href=(view.page.link(&format!("{folder}/files.json"))) { "files.json" }
    }
}

fn in_page(view: View<'_>, table: &Table) -> Markup {
    let (name, language) = (&table.index.table, view.page.language);
    html! {
        section.table id={ "table-" (name) } aria-labelledby={ "table-" (name) "-title" } {
            h3 id={ "table-" (name) "-title" } { (named(table, language)) }
            (facts(view, table))
            details {
                summary { (view.say("Spalten von ", "Columns of ")) (called(table, language)) }
                (columns::list(view, table))
            }
            // The section above has the ways into the first one.
            @if ways_in::table_of(view).is_some_and(|of| of.index.table != *name) && !table.index.files.is_empty() {
                details {
                    summary { (called(table, language)) (view.say(" nutzen", ": use it")) }
                    (ways_in::of_table(view, table))
                }
            }
            details {
                summary { (view.say("Dateien von ", "Files of ")) (called(table, language)) }
                (files(view, table))
            }
        }
    }
}

/// What a table is and how much of it there is.
fn facts(view: View<'_>, table: &Table) -> Markup {
    let language = view.page.language;
    let what = |kind: &str| format!("{kind} {} {}", view.name(), table.index.table);
    html! {
        @if let Some(about) = about(view, table) { p.lines { (about.mark(language)) } }
        (withdrawn(view, table))
        p {
            (rows(view, table)) " " (rows_word(table.rows(), language)) ", " (bytes(view, table)) (view.say(" in ", " in "))
            (view.count(&what("files"), table.index.files.len() as u64))
            @if table.index.files.len() == 1 { (view.say(" Datei. ", " file. ")) } @else { (view.say(" Dateien. ", " files. ")) }
            (view.say("Alle: ", "All: ")) (lists(view, table))
        }
    }
}

/// Acts of which the page of a table tells; `files.json` has all.
const ACTS: usize = 12;

/// Which days of a table were withdrawn and are not back, when and why, and what there is instead.
fn withdrawn(view: View<'_>, table: &Table) -> Markup {
    let mut acts: Vec<(Vec<ServiceDate>, &Tombstone)> = Vec::new();
    for (date, tombstone) in withdrawals::of_table(table).rev() {
        match acts.iter_mut().find(|(_, of)| of.record == tombstone.record) {
            Some((dates, _)) => dates.push(date),
            None => acts.push((vec![date], tombstone)),
        }
    }
    let others = view.of.tables.iter().filter(|of| of.index.table != table.index.table && !of.index.files.is_empty());
    let others: Vec<&Table> = others.take(OTHERS).collect();
    html! {
        @if !acts.is_empty() {
            div.note.warn {
                p {
                    @if table.index.files.is_empty() {
                        (view.say(
                            "Alle Tage dieser Tabelle sind zurückgezogen: Sie waren veröffentlicht und sind es nicht mehr.",
                            "All days of this table are withdrawn: they were published and no longer are.",
                        ))
                    } @else {
                        (view.say(
                            "Tage dieser Tabelle sind zurückgezogen: Sie waren veröffentlicht und sind es nicht mehr.",
                            "Days of this table are withdrawn: they were published and no longer are.",
                        ))
                    }
                }
                ul { @for (dates, tombstone) in acts.iter().take(ACTS) {
                    // The newest first.
                    li {
                        @for (place, run) in dates.chunk_by(|one, other| one.plus_days(-1) == *other).enumerate() {
                            @if place > 0 { ", " }
                            @if let (Some(last), Some(first)) = (run.first(), run.last()) { (view.span(*first, *last)) }
                        }
                        (view.say(": zurückgezogen", ": withdrawn")) (withdrawals::act(tombstone, view.page.language))
                    }
                } }
                @if acts.len() > ACTS { p { (view.say("Frühere stehen in ", "Earlier ones are in ")) (lists(view, table)) "." } }
                p {
                    (view.say("Stattdessen: ", "Instead: "))
                    @if !table.index.files.is_empty() {
                        (view.say("die anderen Tage dieser Tabelle, unten.", "the other days of this table, below."))
                    } @else if others.is_empty() {
                        (view.say("die anderen Datensätze, von der ", "the other datasets, from the "))
                        a href=(view.page.page("index.html")) { (view.say("Startseite", "home page")) } "."
                    } @else {
                        (view.say("die anderen Tabellen des Datensatzes: ", "the other tables of the dataset: "))
                        @for (place, of) in others.iter().enumerate() {
                            @if place > 0 { ", " }
                            a href=(address(view, of)) { (called(of, view.page.language)) }
                        }
                        "."
                    }
                }
            }
        }
    }
}

/// Tables that are named instead of one that is gone.
const OTHERS: usize = 6;

/// Where a page tells of a table.
fn address(view: View<'_>, of: &Table) -> String {
    match are_apart(view.of) {
        true => view.page.page(&path(view.name(), &of.index.table)),
        false => format!("{}#table-{}", view.page.page(&super::path(view.name())), of.index.table),
    }
}

/// The page of one table.
pub(super) fn page(view: View<'_>, table: &Table) -> Markup {
    let language = view.page.language;
    let of = view.title();
    html! {
        (view.page.crumbs_of(&[(of, &super::path(view.name()))], &called(table, language)))
        h1 { (named(table, language)) }
        (facts(view, table))
        h2 #columns { (view.say("Spalten", "Columns")) }
        (columns::list(view, table))
        @if !table.index.files.is_empty() {
            h2 #use { (view.say("Daten nutzen", "Use the data")) }
            (ways_in::of_table(view, table))
            p {
                (view.say("Mehr Wege zeigt die ", "More ways are on the "))
                a href={ (view.page.page(&super::path(view.name()))) "#use" } { (view.say("Seite des Datensatzes", "page of the dataset")) } "."
            }
        }
        h2 #files { (view.say("Dateien", "Files")) }
        (files(view, table))
        h2 #cite { (view.say("Zitieren", "Cite")) }
        (super::cite::of_table(view, table))
    }
}

/// The newest files, the newest first.
fn files(view: View<'_>, table: &Table) -> Markup {
    let all = &table.index.files;
    html! {
        @if all.is_empty() {
            p {
                @if table.index.withdrawn.is_empty() { (view.say("Es gibt keine Dateien.", "There are no files.")) }
                @else { (view.say("Alle Dateien sind zurückgezogen.", "All files are withdrawn.")) }
            }
        } @else {
            table.stack.files {
                caption {
                    @if all.len() > FILES { (view.say("Die neuesten Dateien", "The newest files")) } @else { (view.say("Alle Dateien", "All files")) }
                }
                thead { tr {
                    th scope="col" { (view.say("Tag", "Day")) }
                    th.n scope="col" { (view.say("Zeilen", "Rows")) }
                    th.n scope="col" { (view.say("Größe", "Size")) }
                    th scope="col" { (view.say("Datei und SHA-256", "File and SHA-256")) }
                } }
                tbody { @for file in all.iter().rev().take(FILES) { (file_row(view, table, file)) } }
            }
        }
    }
}

fn file_row(view: View<'_>, table: &Table, file: &IndexFile) -> Markup {
    let what = |kind: &str| format!("{kind} {} {} {}", view.name(), table.index.table, file.partition_date);
    html! {
        tr {
            th scope="row" {
                (view.short_date(file.partition_date))
                @if file.provisional { br; small { (view.say("vorläufig", "provisional")) } }
            }
            td.n data-label=(view.say("Zeilen", "Rows")) { (view.count(&what("rows"), file.rows)) }
            td.n data-label=(view.say("Größe", "Size")) { (view.size(&what("bytes"), file.bytes)) }
            td {
                a href=(view.page.link(&file.path)) { (file.path.rsplit('/').next().unwrap_or_default()) }
                br; code { (file.sha256) }
            }
        }
    }
}
