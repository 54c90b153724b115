//! The columns of a table: what each means, in which unit, with an example and the share of rows without a value.

use maud::{Markup, html};

use super::names::either;
use super::view::View;
use crate::contract::{BBOX, Column, Kind};
use crate::page::identifier;
use crate::portal::catalogue::{Table, public};
use crate::portal::overview::Preview;

/// Values of an enum that are seen without a click.
const VALUES: usize = 8;

pub(super) fn list(view: View<'_>, table: &Table) -> Markup {
    let name = &table.index.table;
    let preview = view.of.overview.tables.get(name);
    html! {
        table.stack.columns {
            caption {
                @match preview {
                    Some(of) => {
                        (view.say("Beispiele und leere Werte vom ", "Examples and empty values of ")) (view.date(of.date))
                    },
                    None => (view.say("Spalten", "Columns")),
                }
            }
            thead { tr {
                th scope="col" { (view.say("Spalte", "Column")) }
                th scope="col" { (view.say("Bedeutung", "Meaning")) }
                // Without a file there is nothing to say of values.
                @if preview.is_some() {
                    th scope="col" { (view.say("Beispiel", "Example")) }
                    th.n scope="col" { (view.say("Leer", "Empty")) }
                }
            } }
            tbody {
                @for column in public(&table.contract) { (row(view, name, column, preview)) }
                @if let Some(geometry) = &table.contract.geometry {
                    tr id={ (name) "." (geometry.name) } {
                        th scope="row" { code { (geometry.name) } br; small { "WKB" } }
                        td {
                            @if let Some(said) = either(view.page.language, geometry.description_de.as_deref(), geometry.description.as_deref()) {
                                (said.mark(view.page.language))
                            }
                            " " (view.say("Grenzen in ", "Bounds in ")) code { (BBOX) } "."
                        }
                        @if preview.is_some() { td {} td.n {} }
                    }
                }
            }
        }
    }
}

fn row(view: View<'_>, table: &str, column: &Column, preview: Option<&Preview>) -> Markup {
    let language = view.page.language;
    let seen = preview.and_then(|of| Some((of.rows, of.columns.get(&column.name)?)));
    let said = either(language, column.description_de.as_deref(), column.description.as_deref());
    html! {
        tr id={ (table) "." (column.name) } {
            th scope="row" {
                a.self href={ "#" (table) "." (column.name) } { code { (identifier(&column.name)) } }
                br; small { (kind(column)) @if let Some(unit) = &column.unit { ", " (unit) } }
            }
            td {
                @if let Some(said) = said { (said.mark(language)) }
                (values(view, column))
            }
            @if preview.is_some() {
            td data-label=(view.say("Beispiel", "Example")) { @if let Some(example) = seen.and_then(|(_, of)| of.example.as_deref()) { code { (example) } } }
            td.n data-label=(view.say("Leer", "Empty")) {
                @if let Some((rows, of)) = seen.filter(|(rows, _)| *rows > 0) {
                    @let share = 100.0 * of.nulls as f64 / rows as f64;
                    (view.decimal(&format!("nulls_percent {} {table} {}", view.name(), column.name), share, usize::from(share > 0.0 && share < 100.0)))
                    (view.say("\u{202f}%", "%"))
                }
            }
            }
        }
    }
}

fn values(view: View<'_>, column: &Column) -> Markup {
    let value = |place: usize| {
        let value = column.values.get(place);
        html! {
            @if let Some(value) = value {
                @if place > 0 { ", " }
                code { (value.value) }
                @if let Some(name) = value.name.as_deref().filter(|name| *name != value.value) { " " (name) }
            }
        }
    };
    html! {
        @match column.values.len() {
            0 => {},
            count if count <= VALUES => {
                br; small { (view.say("Werte: ", "Values: ")) @for place in 0..count { (value(place)) } }
            },
            count => details {
                summary { small { (view.say("Erlaubte Werte", "Allowed values")) } }
                small { @for place in 0..count { (value(place)) } }
            },
        }
    }
}

/// As readers of Parquet call it.
pub(in crate::portal) fn kind(column: &Column) -> &'static str {
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
