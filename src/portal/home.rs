//! `index.html`, the home page of the bucket, in German and English.

use maud::{DOCTYPE, Markup, html};

use crate::contract::{Column, Kind};
use crate::ledger::Status;
use crate::portal::catalogue::{Catalogue, Dataset, Site, Table, provisional_dates, public};
use crate::publication;
use crate::publish::iceberg;
use crate::publish::index::{TableIndex, meta_folder};
use crate::report::Quality;
use crate::report::results::{self, Form};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#1b1b1b}\
table{border-collapse:collapse;width:100%;margin:.5rem 0 1rem}th,td{text-align:left;padding:.25rem .6rem;\
border-bottom:1px solid #ddd;vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\
code,pre{font:14px/1.4 ui-monospace,monospace}pre{background:#f4f4f4;padding:.75rem;overflow-x:auto}\
[lang=en]{color:#555}summary{cursor:pointer}.wide{overflow-x:auto}code{overflow-wrap:anywhere}\
@media(max-width:40rem){h1{font-size:1.6rem}tr.head{display:none}table,tbody,tr,td{display:block}\
td,td.n{border:0;padding:.1rem 0;text-align:left}tr{border-bottom:1px solid #ddd;padding:.4rem 0}\
td[data-label]:before{content:attr(data-label) \": \";color:#555}}";

/// The page. Titles and texts are escaped by the template.
pub(super) fn page(catalogue: &Catalogue) -> String {
    let site = &catalogue.site;
    let tables: Vec<(&Dataset, &Table)> = catalogue.tables().collect();
    let scores = catalogue.newest_results();
    let base = site.base_url.as_deref().map(|url| url.trim_end_matches('/')).unwrap_or("https://…");
    let page = html! {
        (DOCTYPE)
        html lang="de" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (site.title) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body {
                h1 { (site.title) }
                p {
                    "Herausgeber: " (site.publisher) ". Lizenz: " (licence(site)) ". "
                    span lang="en" { "Published by " (site.publisher) ", licence " (licence(site)) "." }
                }
                p {
                    "Jede Tabelle besteht aus Parquet-Dateien, die sich nie ändern. Welche gerade gelten, steht in "
                    code { "files.json" } " und " code { "index.csv" } " der Tabelle. Unter " code { "data/" }
                    " liegt jeder Tag so, wie er zuerst vollständig veröffentlicht wurde; Vorläufiges und Berichtigungen liegen unter "
                    code { "revised/" } ". "
                    span lang="en" {
                        "Every table is a set of Parquet files that never change; its " code { "files.json" } " and "
                        code { "index.csv" } " say which are current. Below " code { "data/" }
                        " lies each date as it was first published in full; provisional files and corrections lie below "
                        code { "revised/" } "."
                    }
                }
                @if let Some((of, table)) = tables.iter().filter(|(of, _)| of.name != publication::DATASET).max_by_key(|(_, table)| rows(&table.index)) {
                    h2 { "Abfragen " span lang="en" { "/ Query" } }
                    (query(of, table, base, site.base_url.is_some() && iceberg::has(&table.index)))
                }
                @if !scores.is_empty() {
                    h2 { "Qualität " span lang="en" { "/ Quality" } }
                    (quality(&scores))
                }
                h2 { "Tabellen " span lang="en" { "/ Tables" } }
                (list(&tables))
                @for (of, table) in &tables { (section(of, table)) }
                p {
                    "Was veröffentlicht wurde, woraus und nach welchen Regeln, steht in den Laufprotokollen unter "
                    code { "ledger/records/" } ". "
                    span lang="en" {
                        "The run records under " code { "ledger/records/" }
                        " say what was published, from what, and by which rules."
                    }
                }
            }
        }
    };
    page.into_string()
}

/// How a table is read with DuckDB.
fn query(of: &Dataset, table: &Table, base: &str, is_attachable: bool) -> Markup {
    html! {
        pre {
            "-- DuckDB\n"
            "SET VARIABLE base = '" (base) "/';\n"
            "SET VARIABLE files = (SELECT list(getvariable('base') || path) FROM read_csv(getvariable('base') || '"
            (meta_folder(&of.name, &table.index.table)) "/index.csv'));\n"
            "SELECT * FROM read_parquet(getvariable('files')) LIMIT 10;\n"
        }
        @if is_attachable {
            pre {
                "-- DuckDB 1.5: alle Tabellen / all tables\n"
                "INSTALL iceberg; LOAD iceberg;\n"
                "ATTACH '' AS stadt (TYPE iceberg, ENDPOINT '" (base) "/iceberg', AUTHORIZATION_TYPE 'none', \
                 ACCESS_DELEGATION_MODE 'none');\n"
                "SELECT * FROM stadt.\"" (of.name) "\"." (table.index.table) " LIMIT 10;\n"
            }
        }
    }
}

/// The tables: dates, rows, bytes, and where their files are listed.
fn list(tables: &[(&Dataset, &Table)]) -> Markup {
    html! {
        div.wide { table {
            tr.head {
                th { "Datensatz " span lang="en" { "/ Dataset" } }
                th { "Tabelle " span lang="en" { "/ Table" } }
                th { "Von – bis " span lang="en" { "/ From – to" } }
                th class="n" { "Zeilen " span lang="en" { "/ Rows" } }
                th class="n" { "Bytes" }
                th { "Dateien " span lang="en" { "/ Files" } }
            }
            @for (of, table) in tables {
                tr {
                    td { (of.name) }
                    td { a href={ "#" (of.name) "-" (table.index.table) } { (table.index.table) } }
                    td { (span_of(&table.index)) (provisional(&table.index)) }
                    td class="n" data-label="Zeilen / Rows" { (rows(&table.index)) }
                    td class="n" data-label="Bytes" { (table.index.files.iter().map(|file| file.bytes).sum::<u64>()) }
                    td {
                        a href={ (meta_folder(&of.name, &table.index.table)) "/files.json" } { "files.json" }
                        " "
                        a href={ (meta_folder(&of.name, &table.index.table)) "/index.csv" } { "index.csv" }
                    }
                }
            }
        } }
    }
}

/// The newest results of each dataset.
fn quality(results: &[&Quality]) -> Markup {
    html! {
        div.wide { table {
            tr.head {
                th { "Datensatz " span lang="en" { "/ Dataset" } }
                th { "Neuester Lauf " span lang="en" { "/ Newest run" } }
                th class="n" { "Note von 100 " span lang="en" { "/ Score of 100" } }
                th { "Ergebnisse " span lang="en" { "/ Results" } }
            }
            @for of in results {
                tr {
                    td { (of.dataset) }
                    td data-label="Neuester Lauf / Newest run" {
                        (of.date)
                        @if of.status == Status::HeldBack { ", zurückgehalten " span lang="en" { "/ held back" } }
                    }
                    td class="n" data-label="Note von 100 / Score of 100" { (of.score.dataset.map_or_else(|| "–".to_owned(), |score| format!("{score:.2}"))) }
                    td {
                        a href=(results::page_path(&of.dataset)) { "Regeln und Verlauf / rules and trend" }
                        " "
                        a href=(results::path(&of.dataset, of.date, Form::Json)) { "quality.json" }
                    }
                }
            }
        } }
    }
}

fn licence(site: &Site) -> Markup {
    html! {
        @match &site.licence_url {
            Some(url) => a href=(url) { (site.licence) },
            None => (site.licence),
        }
    }
}

fn rows(index: &TableIndex) -> u64 {
    index.files.iter().map(|file| file.rows).sum()
}

fn span_of(index: &TableIndex) -> String {
    match (index.files.first(), index.files.last()) {
        (Some(first), Some(last)) if first.partition_date == last.partition_date => first.partition_date.to_string(),
        (Some(first), Some(last)) => format!("{} – {}", first.partition_date, last.partition_date),
        _ => String::new(),
    }
}

/// Tells the dates whose current files are provisional, if there are any.
fn provisional(index: &TableIndex) -> Markup {
    let dates = provisional_dates(index);
    html! {
        @if !dates.is_empty() {
            br;
            "vorläufig, der Tag ist nicht vorbei: " (dates.join(", ")) " "
            span lang="en" { "/ provisional, the day is not over" }
        }
    }
}

fn section(of: &Dataset, table: &Table) -> Markup {
    let contract = &table.contract;
    html! {
        details id={ (of.name) "-" (table.index.table) } {
            summary { code { (of.name) "/" (table.index.table) } " " (contract.description_de.as_deref().unwrap_or_default()) }
            p lang="en" { (contract.description.as_deref().unwrap_or_default()) }
            div.wide { table {
                tr.head {
                    th { "Spalte " span lang="en" { "/ Column" } }
                    th { "Typ " span lang="en" { "/ Type" } }
                    th { "Bedeutung " span lang="en" { "/ Meaning" } }
                }
                @for column in public(contract) {
                    tr {
                        td { code { (column.name) } }
                        td data-label="Typ / Type" { (kind(column)) @if let Some(unit) = &column.unit { ", " (unit) } }
                        td {
                            (column.description_de.as_deref().unwrap_or_default()) " "
                            span lang="en" { (column.description.as_deref().unwrap_or_default()) }
                        }
                    }
                }
                @if let Some(geometry) = &contract.geometry {
                    tr {
                        td { code { (geometry.name) } }
                        td data-label="Typ / Type" { "WKB" }
                        td {
                            (geometry.description_de.as_deref().unwrap_or_default()) " "
                            span lang="en" { (geometry.description.as_deref().unwrap_or_default()) }
                        }
                    }
                }
            } }
        }
    }
}

fn kind(column: &Column) -> &'static str {
    match column.kind {
        Kind::Text => "text",
        Kind::Int32 | Kind::ServiceTime => "int32",
        Kind::Int64 => "int64",
        Kind::Float if column.is_single => "float",
        Kind::Float => "double",
        Kind::Boolean => "boolean",
        Kind::Date => "date",
        Kind::Instant => "timestamp (UTC)",
    }
}
