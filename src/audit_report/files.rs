//! The files of the report: the page, `figures.csv` with the query and the tables of each figure, a CSV of each figure that is a
//! table, and `preamble.sql`, after which the queries run as they stand.

use std::fmt::Write;

use crate::audit_report::AuditReport;
use crate::audit_report::coverage_views::VIEWS;
use crate::audit_report::figure::{Cell, Column, Definition, Row};
use crate::audit_report::figures::{self, FIGURES};
use crate::audit_report::html;
use crate::audit_report::tables::{Table, Tables, View};
use crate::publish::index::IndexFile;
use crate::table::csv::CsvWriter;
use crate::text::Language;

/// A file of the report, by its name in the folder.
pub(crate) struct File {
    pub name: String,
    pub text: String,
}

/// All files of the report. Those with figures and queries are the same in both languages.
pub(crate) fn files(report: &AuditReport, language: Language) -> Vec<File> {
    let mut files = vec![
        File { name: format!("report.{}.html", language.code()), text: html::write(report, language) },
        File { name: "figures.csv".to_owned(), text: figures_csv(report) },
        File { name: "preamble.sql".to_owned(), text: preamble(report) },
    ];
    let tables = FIGURES.iter().filter(|of| of.columns.len() > 1);
    files.extend(tables.map(|of| File { name: format!("{}.csv", figures::name(of.key)), text: table_csv(report, of) }));
    files
}

fn csv(rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut csv = CsvWriter::new(Vec::new());
    for row in rows {
        // Writing to memory cannot fail.
        let _ = csv.row(row);
    }
    String::from_utf8_lossy(&csv.into_inner()).into_owned()
}

fn plain(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Text(text) => text.clone(),
        Cell::Count(count) => count.to_string(),
        Cell::Number(number) => number.to_string(),
    }
}

/// One number as it is; of a table its rows as JSON.
fn value(of: &Definition, rows: &[Row]) -> String {
    match rows {
        [row] if of.columns.len() == 1 => row.first().map(plain).unwrap_or_default(),
        rows => {
            let rows = rows.iter().map(|row| row.iter().map(Cell::json).collect::<serde_json::Value>());
            rows.collect::<serde_json::Value>().to_string()
        }
    }
}

fn figures_csv(report: &AuditReport) -> String {
    let header =
        ["id", "label_de", "label_en", "columns", "unit", "value", "sql", "tables"].map(str::to_owned).to_vec();
    let rows = FIGURES.iter().map(|of| {
        let joined =
            |part: &dyn Fn(&Column) -> &'static str| of.columns.iter().map(part).collect::<Vec<_>>().join(", ");
        let tables = of.views.iter().flat_map(|view| report.tables.of_view(*view)).map(|(number, table)| {
            format!("T{number} {} version {} sha256 {}", table.name(), table.version, table.sha256)
        });
        vec![
            figures::name(of.key),
            of.de.to_owned(),
            of.en.to_owned(),
            joined(&|column| column.name),
            joined(&|column| column.unit.name()),
            value(of, report.rows(of.key)),
            of.sql.to_owned(),
            tables.collect::<Vec<_>>().join("; "),
        ]
    });
    csv(std::iter::once(header).chain(rows))
}

fn table_csv(report: &AuditReport, of: &Definition) -> String {
    let header = of.columns.iter().map(|column| column.name.to_owned()).collect();
    let rows = report.rows(of.key).iter().map(|row| row.iter().map(plain).collect());
    csv(std::iter::once(header).chain(rows))
}

/// A text of SQL.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Views of the tables, with the files of the year and their digests.
fn preamble(report: &AuditReport) -> String {
    let base = report.described.base_url.as_deref().map(|base| format!("{}/", base.trim_end_matches('/')));
    let mut text = format!(
        "-- DuckDB 1.2 or later. Views of the published tables with the rows of {}: run this first, then any query of figures.csv.\n\
         -- Each file stands with its SHA-256, which the version of its table's index names.\n\
         -- A copy of the bucket is read after SET VARIABLE bucket = '/the/folder/';\n\
         SET TimeZone = 'UTC';\n\
         SET VARIABLE bucket = coalesce(getvariable('bucket'), {});\n",
        report.year,
        quoted(base.as_deref().unwrap_or_default())
    );
    for view in View::ALL {
        text.push('\n');
        text.push_str(&of_view(&report.tables, view));
    }
    text.push_str("\n-- Hours in which trips begin by the timetable, and hours of outages one behind the other.\n");
    text.push_str(VIEWS);
    text
}

fn of_view(tables: &Tables, view: View) -> String {
    let (mut text, mut parts) = (String::new(), Vec::new());
    for (number, table) in tables.of_view(view) {
        let Table { version, sha256, .. } = table;
        let _ = writeln!(text, "-- T{number}: {}, version {version} of its index, sha256 {sha256}", table.name());
        let dataset = match view.is_of_publication() {
            true => String::new(),
            false => format!("{} AS dataset, ", quoted(&table.dataset)),
        };
        let columns = match view {
            View::Positions => "partition_date".to_owned(),
            _ => "*".to_owned(),
        };
        for (files, options) in [
            (&table.days, "hive_partitioning = true, hive_types = {'partition_date': DATE}"),
            (&table.months, "hive_partitioning = false"),
        ] {
            if !files.is_empty() {
                parts.push(format!(
                    "  SELECT {dataset}{columns} FROM read_parquet([\n{}\n  ], union_by_name = true, {options})",
                    list(files)
                ));
            }
        }
    }
    let mut of_dataset = vec![("partition_date", "DATE")];
    if !view.is_of_publication() {
        of_dataset.insert(0, ("dataset", "VARCHAR"));
    }
    let columns = || of_dataset.iter().chain(view.columns());
    // A column that no file has is there, and empty; so is a table without files.
    let none = columns().map(|(name, kind)| format!("NULL::{kind} AS {name}")).collect::<Vec<_>>().join(", ");
    parts.push(format!("  SELECT {none} WHERE false"));
    let cast = columns().map(|(name, kind)| format!("{name}::{kind} AS {name}")).collect::<Vec<_>>().join(", ");
    let _ = writeln!(
        text,
        "CREATE OR REPLACE VIEW {} AS SELECT {cast} FROM (\n{}\n);",
        view.name(),
        parts.join("\n  UNION ALL BY NAME\n")
    );
    text
}

fn list(files: &[IndexFile]) -> String {
    let last = files.len().saturating_sub(1);
    let lines = files.iter().enumerate().map(|(place, file)| {
        let comma = if place == last { "" } else { "," };
        format!("    getvariable('bucket') || {}{comma} -- {}", quoted(&file.path), file.sha256)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit_report::figure::Key;

    #[test]
    fn a_number_is_plain_and_a_table_is_json() {
        let one = figures::definition(Key::FlaggedCount);
        assert_eq!(value(one, &[vec![Cell::Count(3)]]), "3");
        assert_eq!(value(one, &[]), "[]");
        let table = figures::definition(Key::Positions);
        assert_eq!(value(table, &[vec!["a\"b".into(), Cell::Count(3)]]), r#"[["a\"b",3]]"#);
    }

    #[test]
    fn a_table_without_files_is_a_view_without_rows_and_names_are_quoted() {
        let text = of_view(&Tables(Vec::new()), View::Decisions);
        assert!(
            text.contains("CREATE OR REPLACE VIEW decisions AS SELECT partition_date::DATE")
                && !text.contains("read_parquet"),
            "{text}"
        );
        assert_eq!(quoted("it's"), "'it''s'");
    }
}
