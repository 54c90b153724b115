//! The pages of the bucket: `datapackage.json` for tools, one plain `index.html` for people, in German and English.
//!
//! Both are made from contracts, table indexes and the newest scores alone, so they are the same whichever run wrote them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use maud::{DOCTYPE, Markup, html};
use serde_json::{Map, Value, json};

use crate::contract::{Classification, Column, Contract, Kind};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{TableIndex, meta_folder};
use crate::time::ServiceDate;

/// Who publishes what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    pub title: String,
    pub publisher: String,
    /// SPDX id, `CC-BY-4.0`, `dl-de/by-2-0`.
    pub licence: String,
    pub licence_url: Option<String>,
    /// Where the bucket is on the web, if it is: `https://data.example.de`.
    pub base_url: Option<String>,
}

/// A table that has been released.
pub struct PageTable {
    pub dataset: String,
    pub contract: Arc<Contract>,
    pub index: TableIndex,
}

/// How good a dataset was in its newest run, and where more about it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct PageScore {
    pub date: ServiceDate,
    /// At most 100.
    pub score: Option<f64>,
    /// Nothing of that run was published.
    pub held_back: bool,
    /// The trend, for people.
    pub page: String,
    /// The results of the newest run, for programs.
    pub results: String,
}

/// Writes the pages, if they do not say this already. The scores are by dataset.
pub fn write(
    bucket: &Bucket,
    site: &Site,
    tables: &[PageTable],
    scores: &BTreeMap<String, PageScore>,
) -> Result<(), PublishError> {
    bucket.put("datapackage.json", data_package(site, tables))?;
    bucket.put("index.html", page(site, tables, scores).into_string().into())
}

fn public(contract: &Contract) -> impl Iterator<Item = &Column> {
    contract.columns.iter().filter(|column| column.classification == Classification::Public)
}

/// A Data Package (<https://datapackage.org>, version 2): one resource per table.
fn data_package(site: &Site, tables: &[PageTable]) -> Bytes {
    // A table that was withdrawn has no files, and a resource must have one.
    let resources: Vec<Value> = tables
        .iter()
        .filter(|table| !table.index.files.is_empty())
        .map(|table| {
            let index = &table.index;
            let paths: Vec<&str> = index.files.iter().map(|file| file.path.as_str()).collect();
            let fields: Vec<Value> = public(&table.contract).map(field).collect();
            let mut schema = Map::new();
            schema.insert("fields".into(), fields.into());
            let key = &table.contract.primary_key;
            let key: Vec<&Column> = key.iter().map(|&place| &table.contract.columns[place]).collect();
            if !key.is_empty() && key.iter().all(|column| column.classification == Classification::Public) {
                let names: Vec<&str> = key.iter().map(|column| column.name.as_str()).collect();
                schema.insert("primaryKey".into(), json!(names));
            }
            without_nulls(json!({
                "name": format!("{}-{}", table.dataset, index.table.replace('_', "-")),
                "title": table.contract.title,
                "description": table.contract.description,
                "path": paths,
                "format": "parquet",
                "mediatype": "application/vnd.apache.parquet",
                "bytes": index.files.iter().map(|file| file.bytes).sum::<u64>(),
                "rows": index.files.iter().map(|file| file.rows).sum::<u64>(),
                // The dates whose files a complete release follows.
                "provisional": Some(provisional_dates(index)).filter(|dates| !dates.is_empty()),
                "schema": schema,
            }))
        })
        .collect();
    let package = json!({
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "fahrtenbuch",
        "title": site.title,
        "contributors": [{"title": site.publisher, "roles": ["publisher"]}],
        "licenses": [without_nulls(json!({"name": site.licence, "path": site.licence_url}))],
        "resources": resources,
    });
    // Made of strings and numbers only, which always serialise.
    let text = serde_json::to_string_pretty(&package);
    let mut text = text.unwrap_or_else(|error| crate::internal::impossible("writing datapackage.json", error));
    text.push('\n');
    text.into()
}

/// What is not known is left out.
fn without_nulls(mut object: Value) -> Value {
    if let Value::Object(map) = &mut object {
        map.retain(|_, value| !value.is_null());
    }
    object
}

fn field(column: &Column) -> Value {
    let kind = match column.kind {
        Kind::Text => "string",
        Kind::Int32 | Kind::Int64 | Kind::ServiceTime => "integer",
        Kind::Float => "number",
        Kind::Boolean => "boolean",
        Kind::Date => "date",
        Kind::Instant => "datetime",
    };
    let mut field = Map::new();
    field.insert("name".into(), json!(column.name));
    field.insert("type".into(), json!(kind));
    for (key, value) in [("description", &column.description), ("unit", &column.unit)] {
        if let Some(value) = value {
            field.insert(key.into(), json!(value));
        }
    }
    let mut constraints = Map::new();
    if column.required {
        constraints.insert("required".into(), json!(true));
    }
    if !column.values.is_empty() {
        let values: Vec<Value> = column
            .values
            .iter()
            .map(|value| match (column.kind, value.value.parse::<i64>()) {
                (Kind::Int32 | Kind::Int64, Ok(number)) => json!(number),
                _ => json!(value.value),
            })
            .collect();
        constraints.insert("enum".into(), json!(values));
    }
    if !constraints.is_empty() {
        field.insert("constraints".into(), constraints.into());
    }
    field.into()
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#1b1b1b}\
table{border-collapse:collapse;width:100%;margin:.5rem 0 1rem}th,td{text-align:left;padding:.25rem .6rem;\
border-bottom:1px solid #ddd;vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\
code,pre{font:14px/1.4 ui-monospace,monospace}pre{background:#f4f4f4;padding:.75rem;overflow-x:auto}\
[lang=en]{color:#555}summary{cursor:pointer}";

/// The page. Titles and texts are escaped by the template.
fn page(site: &Site, tables: &[PageTable], scores: &BTreeMap<String, PageScore>) -> Markup {
    let base = site.base_url.as_deref().map(|url| url.trim_end_matches('/')).unwrap_or("https://…");
    html! {
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
                @if let Some(table) = tables.iter().max_by_key(|table| rows(&table.index)) {
                    h2 { "Abfragen " span lang="en" { "/ Query" } }
                    pre {
                        "-- DuckDB\n"
                        "SET VARIABLE base = '" (base) "/';\n"
                        "SET VARIABLE files = (SELECT list(getvariable('base') || path) FROM read_csv(getvariable('base') || '"
                        (meta_folder(&table.dataset, &table.index.table)) "/index.csv'));\n"
                        "SELECT * FROM read_parquet(getvariable('files')) LIMIT 10;\n"
                    }
                }
                @if !scores.is_empty() {
                    h2 { "Qualität " span lang="en" { "/ Quality" } }
                    (quality(scores))
                }
                h2 { "Tabellen " span lang="en" { "/ Tables" } }
                table {
                    tr {
                        th { "Datensatz " span lang="en" { "/ Dataset" } }
                        th { "Tabelle " span lang="en" { "/ Table" } }
                        th { "Von – bis " span lang="en" { "/ From – to" } }
                        th class="n" { "Zeilen " span lang="en" { "/ Rows" } }
                        th class="n" { "Bytes" }
                        th { "Dateien " span lang="en" { "/ Files" } }
                    }
                    @for table in tables {
                        tr {
                            td { (table.dataset) }
                            td { a href={ "#" (table.dataset) "-" (table.index.table) } { (table.index.table) } }
                            td { (span_of(&table.index)) (provisional(&table.index)) }
                            td class="n" { (rows(&table.index)) }
                            td class="n" { (table.index.files.iter().map(|file| file.bytes).sum::<u64>()) }
                            td {
                                a href={ (meta_folder(&table.dataset, &table.index.table)) "/files.json" } { "files.json" }
                                " "
                                a href={ (meta_folder(&table.dataset, &table.index.table)) "/index.csv" } { "index.csv" }
                            }
                        }
                    }
                }
                @for table in tables { (section(table)) }
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
    }
}

fn quality(scores: &BTreeMap<String, PageScore>) -> Markup {
    html! {
        table {
            tr {
                th { "Datensatz " span lang="en" { "/ Dataset" } }
                th { "Neuester Lauf " span lang="en" { "/ Newest run" } }
                th class="n" { "Note von 100 " span lang="en" { "/ Score of 100" } }
                th { "Ergebnisse " span lang="en" { "/ Results" } }
            }
            @for (dataset, score) in scores {
                tr {
                    td { (dataset) }
                    td {
                        (score.date)
                        @if score.held_back { ", zurückgehalten " span lang="en" { "/ held back" } }
                    }
                    td class="n" { (score.score.map_or_else(|| "–".to_owned(), |score| format!("{score:.2}"))) }
                    td { a href=(score.page) { "Regeln und Verlauf / rules and trend" } " " a href=(score.results) { "quality.json" } }
                }
            }
        }
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

/// The dates whose current files are provisional.
fn provisional_dates(index: &TableIndex) -> Vec<String> {
    index.files.iter().filter(|file| file.provisional).map(|file| file.partition_date.to_string()).collect()
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

fn section(table: &PageTable) -> Markup {
    let contract = &table.contract;
    html! {
        details id={ (table.dataset) "-" (table.index.table) } {
            summary { code { (table.index.table) } " " (contract.description_de.as_deref().unwrap_or_default()) }
            p lang="en" { (contract.description.as_deref().unwrap_or_default()) }
            table {
                tr {
                    th { "Spalte " span lang="en" { "/ Column" } }
                    th { "Typ " span lang="en" { "/ Type" } }
                    th { "Bedeutung " span lang="en" { "/ Meaning" } }
                }
                @for column in public(contract) {
                    tr {
                        td { code { (column.name) } }
                        td { (kind(column)) @if let Some(unit) = &column.unit { ", " (unit) } }
                        td {
                            (column.description_de.as_deref().unwrap_or_default()) " "
                            span lang="en" { (column.description.as_deref().unwrap_or_default()) }
                        }
                    }
                }
            }
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::contract::read;
    use crate::digest::Digest;
    use crate::publish::index::{ContractRef, IndexFile};

    #[test]
    fn pages_tell_public_columns_only_and_escape_what_they_are_given() {
        let text = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
                    description: A <b> table\n    properties:\n      - {name: id, logicalType: string, classification: \
                    public, description: An id}\n      - {name: driver, logicalType: string}\n";
        let contract = Arc::new(read::contract(Path::new("t.odcs.yaml"), text).unwrap());
        let index = TableIndex {
            version: 1,
            dataset: "bus".into(),
            table: "t".into(),
            contract: ContractRef::from(contract.as_ref()),
            files: vec![IndexFile {
                path: "data/bus/t/partition_date=2026-11-24/part-0.parquet".into(),
                partition_date: "2026-11-24".parse().unwrap(),
                rows: 7,
                bytes: 10,
                sha256: Digest::of(b""),
                record: "ledger/records/0.json".into(),
                provisional: true,
            }],
            first: BTreeMap::new(),
            previous: None,
        };
        let site = Site {
            title: "Stadtbus".into(),
            publisher: "Stadt".into(),
            licence: "CC-BY-4.0".into(),
            licence_url: None,
            base_url: None,
        };
        let tables = [PageTable { dataset: "bus".into(), contract, index }];
        let score = PageScore {
            date: "2026-11-24".parse().unwrap(),
            score: Some(99.5),
            held_back: true,
            page: "reports/bus/quality.html".into(),
            results: "reports/bus/date=2026-11-24/quality.json".into(),
        };
        let page = page(&site, &tables, &BTreeMap::from([("bus".to_owned(), score)])).into_string();
        assert!(page.contains("99.50") && page.contains("held back") && page.contains("reports/bus/quality.html"));
        assert!(page.contains("provisional, the day is not over") && page.contains("meta/bus/t/index.csv"));
        assert!(page.contains("A &lt;b&gt; table") && page.contains("An id") && !page.contains("driver"));
        let package: Value = serde_json::from_slice(&data_package(&site, &tables)).unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(&package).unwrap(), @r#"
        {
          "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
          "name": "fahrtenbuch",
          "title": "Stadtbus",
          "contributors": [
            {
              "title": "Stadt",
              "roles": [
                "publisher"
              ]
            }
          ],
          "licenses": [
            {
              "name": "CC-BY-4.0"
            }
          ],
          "resources": [
            {
              "name": "bus-t",
              "description": "A <b> table",
              "path": [
                "data/bus/t/partition_date=2026-11-24/part-0.parquet"
              ],
              "format": "parquet",
              "mediatype": "application/vnd.apache.parquet",
              "bytes": 10,
              "rows": 7,
              "provisional": [
                "2026-11-24"
              ],
              "schema": {
                "fields": [
                  {
                    "name": "id",
                    "type": "string",
                    "description": "An id"
                  }
                ]
              }
            }
          ]
        }
        "#);
    }
}
