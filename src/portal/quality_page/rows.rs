//! Where the rows of the newest run went, table by table: none vanished.

use maud::{Markup, html};

use super::summary::{dropped, withheld};
use super::view::View;
use crate::page::identifier;
use crate::report::trend::RunLine;

pub(super) fn section(view: View<'_>, newest: &RunLine) -> Markup {
    let title = view.say("Verbleib der Zeilen", "Where the rows went");
    let date = newest.date.to_string();
    let columns = [
        ("rows_in", view.say("empfangen oder gebildet", "received or made")),
        ("rows_published", view.say("veröffentlicht", "published")),
        ("rows_withheld", view.say("zurückgehalten", "held back")),
        ("rows_dropped", view.say("weggelassen", "left out")),
    ];
    if newest.tables.is_empty() {
        return html! {};
    }
    html! {
        (view.heading("rows", title))
        table.stacked {
            caption { (view.say("Zeilen am ", "Rows on ")) (view.date(newest.date)) }
            thead { tr {
                th scope="col" { (view.say("Tabelle", "Table")) }
                @for (_, name) in columns { th.n scope="col" { (name) } }
                th scope="col" { (view.say("weggelassen von", "left out by")) }
            } }
            tbody { @for table in &newest.tables {
                @let what = |kind: &str| view.what(kind, &[&table.table, &date]);
                tr {
                    th scope="row" {
                        code { (identifier(&table.table)) }
                        @if table.is_derived { " " small { (view.say("aus anderen Tabellen gebildet", "derived from other tables")) } }
                    }
                    @let rows = [table.rows_in, table.published, withheld(table), dropped(table)];
                    @for ((kind, name), rows) in columns.into_iter().zip(rows) {
                        td.n data-label=(name) { (view.count(&what(kind), rows)) }
                    }
                    td data-label=[(!table.dropped.is_empty()).then(|| view.say("weggelassen von", "left out by"))] {
                        @for (place, (rule, rows)) in table.dropped.iter().enumerate() {
                            @if place > 0 { br; }
                            code { (identifier(&rule.0)) } " "
                            (view.count(&view.what("rows_dropped_by", &[&table.table, &rule.0, &date]), *rows))
                        }
                    }
                }
            } }
        }
    }
}
