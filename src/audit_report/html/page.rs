//! What each section is written with: values of figures, each with the figure's name, tables of them, and quotations.

use maud::{Markup, html};

use crate::audit_report::AuditReport;
use crate::audit_report::figure::{Cell, Column, Key, Unit};
use crate::audit_report::figures;
use crate::audit_report::words::shown;
use crate::text::Language;

/// Lines of a table that the report shows; its CSV has all.
const LINES: usize = 18;
/// Characters of a cell that stays in one line.
const SHORT: usize = 20;
/// Columns of a table that has room for whole names and times.
const NARROW: usize = 6;
/// Characters of a word that is broken where the line ends.
const LONG: usize = 44;

/// A report in a language.
#[derive(Clone, Copy)]
pub(super) struct Page<'a> {
    pub report: &'a AuditReport,
    pub language: Language,
}

impl<'a> Page<'a> {
    pub(super) fn say(self, de: &'a str, en: &'a str) -> &'a str {
        self.language.say(de, en)
    }

    /// The name of a figure, which leads to its query.
    pub(super) fn name(self, key: Key) -> Markup {
        let name = figures::name(key);
        html! { a.f href=(format!("#{name}")) { (name) } }
    }

    /// A value of a figure's row, with the figure's name.
    pub(super) fn value_of(self, key: Key, row: usize, column: &str) -> Markup {
        html! { (self.bare(key, row, column)) (self.name(key)) }
    }

    /// A value of the only row of a figure, with the figure's name.
    pub(super) fn value(self, key: Key, column: &str) -> Markup {
        self.value_of(key, 0, column)
    }

    /// A value without the figure's name, where that stands beside it.
    pub(super) fn bare(self, key: Key, row: usize, column: &str) -> Markup {
        let unit = figures::definition(key).columns.iter().find(|of| of.name == column).map(|of| of.unit);
        let text = unit.map_or_else(String::new, |unit| shown(self.report.cell(key, row, column), unit, self.language));
        html! { span.v data-figure=(format!("{} {row} {column}", figures::name(key))) { (text) } }
    }

    /// A count of the only row of a figure with what is counted: in German and English of one, then of any other number.
    pub(super) fn counted(self, key: Key, column: &str, one: [&'a str; 2], many: [&'a str; 2]) -> Markup {
        let [de, en] = if *self.report.cell(key, 0, column) == Cell::Count(1) { one } else { many };
        html! { (self.value(key, column)) " " (self.say(de, en)) }
    }

    pub(super) fn has(self, key: Key) -> bool {
        !self.report.rows(key).is_empty()
    }

    /// The table of a figure, with some of its columns; its name and its label above. Nothing of a figure that has no row.
    pub(super) fn table(self, key: Key, columns: &[&str]) -> Markup {
        let of = figures::definition(key);
        let rows = self.report.rows(key);
        let columns: Vec<_> = columns.iter().filter_map(|name| of.columns.iter().find(|of| of.name == *name)).collect();
        if rows.is_empty() {
            return html! {};
        }
        html! {
            div.wide { table.stack {
                caption { (of.label(self.language)) (self.name(key)) }
                thead { tr { @for column in &columns { th scope="col" .n[column.unit.is_number()] { (column.label(self.language)) } } } }
                tbody {
                    @for row in 0..rows.len().min(LINES) {
                        tr {
                            @for (place, column) in columns.iter().enumerate() {
                                td data-label=[(place > 0).then(|| column.label(self.language))] .n[column.unit.is_number()] .k[self.is_short(key, row, column, columns.len())] .w[self.has_long_word(key, row, column)] { (self.bare(key, row, column.name)) }
                            }
                        }
                    }
                }
            } }
            @if rows.len() > LINES {
                p.more {
                    (self.say("Weitere Zeilen stehen in ", "More rows are in ")) code { (figures::name(key)) ".csv" } "."
                }
            }
        }
    }

    /// Whether a cell is better not broken into lines: dates, and where there is room names and times.
    fn is_short(self, key: Key, row: usize, column: &Column, columns: usize) -> bool {
        let text = self.report.cell(key, row, column.name).text();
        let is_name = column.unit == Unit::Text && !text.contains(' ');
        let has_room = columns <= NARROW;
        column.unit == Unit::Date
            || has_room && (column.unit == Unit::Minute || is_name && text.chars().count() <= SHORT)
    }

    /// Whether a cell has a word that is wider than a column may be.
    fn has_long_word(self, key: Key, row: usize, column: &Column) -> bool {
        let text = self.report.cell(key, row, column.name).text();
        // Names stay whole as long as they can, and are no sentences.
        let most = if text.contains(' ') { SHORT } else { LONG };
        text.split_whitespace().any(|word| word.chars().count() > most)
    }

    /// What is quoted, and not counted.
    pub(super) fn quoted(self, text: &str) -> Markup {
        html! { span.q translate="no" { (crate::report::words::printable(text)) } }
    }

    /// Whether a value is more than nothing.
    pub(super) fn is_some(self, key: Key, row: usize, column: &str) -> bool {
        !matches!(self.report.cell(key, row, column), Cell::Null | Cell::Count(0))
    }
}
