//! How the data are read, as snippets that run as they stand: with the bucket's address where it has one, else in the bucket's folder.
//!
//! Each stands in `<code data-way="NAME">`; a test takes them out of the page and runs them.

use maud::{Markup, html};

use super::table_title::named;
use super::view::View;
use crate::portal::catalogue::Table;
use crate::publish::iceberg;
use crate::publish::index::meta_folder;

/// A way in.
struct Way {
    name: &'static str,
    title: &'static str,
    /// German and English; between backticks is code.
    note: (&'static str, &'static str),
    text: String,
}

pub(super) fn section(view: View<'_>) -> Markup {
    let Some(table) = table_of(view) else {
        return html! {
            section #use aria-labelledby="use-title" {
                h2 #use-title { (view.say("Daten nutzen", "Use the data")) }
                p {
                    @if view.of.is_withdrawn() {
                        (view.say("Alle Dateien sind zurückgezogen.", "All files are withdrawn."))
                    } @else {
                        (view.say("Zurzeit gibt es keine Dateien.", "There are no files at present."))
                    }
                }
            }
        };
    };
    let ways = ways(view, table);
    let (first, others) = ways.split_at(1.min(ways.len()));
    html! {
        section #use aria-labelledby="use-title" {
            h2 #use-title { (view.say("Daten nutzen", "Use the data")) }
            p {
                (view.say("Ein Klick kopiert den Text; er läuft, wie er dasteht. Beispiel: die Tabelle ", "One click copies the text; it runs as it stands. Example: the table "))
                (named(table, view.page.language)) "."
                @if view.page.site.base_url.is_none() {
                    (view.say(
                        " Diese Daten haben noch keine Adresse im Web: Die Beispiele laufen im Ordner, in dem sie liegen.",
                        " These data have no address on the web yet: the examples run in the folder that has them.",
                    ))
                }
            }
            @for way in first {
                h3 { (way.title) }
                p { (note(view, way)) }
                (snippet(way))
            }
            @for way in others {
                details {
                    summary { (way.title) }
                    p { (note(view, way)) }
                    (snippet(way))
                }
            }
        }
    }
}

/// The ways into one table that need nothing but its list, below its columns: the page of the dataset has all ways into one of them.
pub(super) fn of_table(view: View<'_>, table: &Table) -> Markup {
    if table.index.files.is_empty() {
        return html! {};
    }
    let place = Place::of(view, table);
    let first = place.duckdb_list();
    html! {
        p { b { (first.title) } ". " (note(view, &first)) }
        (snippet(&first))
        @for way in [place.pandas(), place.curl()] {
            details {
                summary { (way.title) }
                p { (note(view, &way)) }
                (snippet(&way))
            }
        }
    }
}

/// The table that the examples of the dataset are of.
pub(super) fn table_of(view: View<'_>) -> Option<&Table> {
    let tables = view.of.tables.iter().filter(|table| !table.index.files.is_empty());
    tables.max_by_key(|table| table.rows())
}

/// What is said of a way, with what is of its language in code.
fn note(view: View<'_>, way: &Way) -> Markup {
    let parts = view.say(way.note.0, way.note.1).split('`').enumerate();
    html! { @for (place, part) in parts { @if place % 2 == 1 { code { (part) } } @else { (part) } } }
}

fn snippet(way: &Way) -> Markup {
    html! { pre { code data-way=(way.name) { (way.text) } } }
}

/// Where the bucket is, as each language writes it.
struct Place {
    /// Of the web, without a slash at its end.
    base: Option<String>,
    dataset: String,
    table: String,
    list: String,
}

fn ways(view: View<'_>, table: &Table) -> Vec<Way> {
    let place = Place::of(view, table);
    let mut ways = Vec::new();
    if place.base.is_some() && iceberg::has(&table.index) {
        ways.push(place.duckdb_catalogue());
    }
    ways.extend([
        place.duckdb_list(),
        place.polars(),
        place.pandas(),
        place.r(),
        place.javascript(),
        place.curl(),
        place.duckdb_files(),
        place.spark(),
    ]);
    if place.base.is_some() && iceberg::has(&table.index) {
        ways.push(place.pyiceberg());
    }
    ways
}

impl Place {
    fn of(view: View<'_>, table: &Table) -> Self {
        Self {
            base: view.page.site.base_url.as_deref().map(|url| url.trim_end_matches('/').to_owned()),
            dataset: view.name().to_owned(),
            table: table.index.table.clone(),
            list: format!("{}/index.csv", meta_folder(view.name(), &table.index.table)),
        }
    }

    /// What paths of the bucket are put behind.
    fn prefix(&self) -> String {
        self.base.as_ref().map_or_else(|| "./".to_owned(), |base| format!("{base}/"))
    }

    fn duckdb_catalogue(&self) -> Way {
        let Self { dataset, table, .. } = self;
        let base = self.base.as_deref().unwrap_or_default();
        Way {
            name: "duckdb-catalogue",
            title: "DuckDB 1.5 (Iceberg)",
            note: (
                "Alle Tabellen auf einmal, mit früheren Fassungen. Nennen Sie `partition_date`, wo es geht: Dann werden nur die Dateien dieser Tage geholt.",
                "All tables at once, with earlier versions. Name `partition_date` where you can: then only the files of these days are fetched.",
            ),
            text: format!(
                "INSTALL iceberg; LOAD iceberg;\nATTACH '' AS stadt (TYPE iceberg, ENDPOINT '{}/iceberg', AUTHORIZATION_TYPE 'none', \
                 ACCESS_DELEGATION_MODE 'none');\nSELECT count(*) FROM stadt.\"{dataset}\".\"{table}\";\nSELECT * FROM stadt.\"{dataset}\".\"{table}\" LIMIT 10;",
                sql(base)
            ),
        }
    }

    fn duckdb_list(&self) -> Way {
        let Self { list, .. } = self;
        Way {
            name: "duckdb-list",
            title: "DuckDB",
            note: (
                "Über die Liste der Dateien, mit jeder Fassung von DuckDB.",
                "Through the list of files, with any version of DuckDB.",
            ),
            text: format!(
                "SET VARIABLE base = '{}';\nSET VARIABLE files = (SELECT list(getvariable('base') || path) FROM read_csv(getvariable('base') || '{list}'));\n\
                 SELECT count(*) FROM read_parquet(getvariable('files'), hive_partitioning = true, union_by_name = true);\n\
                 SELECT * FROM read_parquet(getvariable('files'), hive_partitioning = true, union_by_name = true) LIMIT 10;",
                sql(&self.prefix())
            ),
        }
    }

    fn duckdb_files(&self) -> Way {
        let Self { list, .. } = self;
        Way {
            name: "duckdb-files",
            title: "DuckDB 2.0",
            note: (
                "In dem Ordner, in dem die Dateien liegen: im Ordner `download`, nachdem sie mit curl geholt sind.",
                "In the folder that has the files: in the folder `download`, after curl has fetched them.",
            ),
            text: format!(
                "SET VARIABLE files = (SELECT list(path) FROM read_csv('{list}'));\n\
                 SELECT count(*) FROM read_parquet(getvariable('files'), hive_partitioning = true, union_by_name = true);\n\
                 SELECT * FROM read_parquet(getvariable('files'), hive_partitioning = true, union_by_name = true) LIMIT 10;"
            ),
        }
    }

    fn polars(&self) -> Way {
        let Self { list, .. } = self;
        Way {
            name: "polars",
            title: "Polars (Python)",
            note: (
                "Holt alle Tage; `index.tail(7)` in der Schleife nimmt nur die neuesten sieben.",
                "Fetches all days; `index.tail(7)` in the loop takes the newest seven only.",
            ),
            text: format!(
                "import polars as pl\n\nbase = {}\nindex = pl.read_csv(base + \"{list}\")\ntable = pl.concat(\n    [pl.read_parquet(base + path, \
                 hive_partitioning=False) for path in index[\"path\"]],\n    how=\"diagonal_relaxed\",\n)\nprint(table.height)\nprint(table.head(10))",
                quoted(&self.prefix())
            ),
        }
    }

    fn pandas(&self) -> Way {
        let Self { list, .. } = self;
        Way {
            name: "pandas",
            title: "pandas (Python)",
            note: (
                "Mit pyarrow, das die Dateien liest; fastparquet liest sie nicht.",
                "With pyarrow, which reads the files; fastparquet does not.",
            ),
            text: format!(
                "import pandas as pd\n\nbase = {}\nindex = pd.read_csv(base + \"{list}\")\ntable = pd.concat(\n    [pd.read_parquet(base + path, \
                 engine=\"pyarrow\") for path in index[\"path\"]],\n    ignore_index=True,\n)\nprint(len(table))\nprint(table.head(10))",
                quoted(&self.prefix())
            ),
        }
    }

    fn pyiceberg(&self) -> Way {
        let Self { dataset, table, .. } = self;
        let base = self.base.as_deref().unwrap_or_default();
        Way {
            name: "pyiceberg",
            title: "pyiceberg (Python)",
            note: (
                "Sagt, welche Tabellen, Spalten und Fassungen es gibt. Daten holt pyiceberg nur von S3, nicht aus dem Web.",
                "Says which tables, columns and versions there are. Data pyiceberg fetches from S3 only, not from the web.",
            ),
            text: format!(
                "from pyiceberg.catalog import load_catalog\n\ncatalogue = load_catalog(\"stadt\", type=\"rest\", uri={})\nprint(catalogue.list_tables({}))\n\
                 table = catalogue.load_table(({}, {}))\nprint(table.schema())\nprint(len(table.snapshots()))",
                quoted(&format!("{base}/iceberg")),
                quoted(dataset),
                quoted(dataset),
                quoted(table)
            ),
        }
    }

    fn spark(&self) -> Way {
        let Self { list, .. } = self;
        Way {
            name: "spark",
            title: "Spark (pyspark)",
            note: (
                "In dem Ordner, in dem die Dateien liegen: im Ordner `download`, nachdem sie mit curl geholt sind.",
                "In the folder that has the files: in the folder `download`, after curl has fetched them.",
            ),
            text: format!(
                "import csv\n\nfrom pyspark.sql import SparkSession\n\nspark = SparkSession.builder.master(\"local[*]\").getOrCreate()\n\
                 paths = [row[\"path\"] for row in csv.DictReader(open(\"{list}\"))]\n\
                 table = spark.read.option(\"mergeSchema\", True).option(\"recursiveFileLookup\", True).parquet(*paths)\nprint(table.count())\ntable.show(10)"
            ),
        }
    }

    fn r(&self) -> Way {
        let Self { list, .. } = self;
        let base = match &self.base {
            Some(base) => quoted(&format!("{base}/")),
            None => "paste0(\"file://\", getwd(), \"/\")".to_owned(),
        };
        Way {
            name: "r",
            title: "R",
            note: (
                "Nur mit R selbst: holt den neuesten Tag und vergleicht ihn mit seinem SHA-256. Gelesen wird er mit `arrow::read_parquet(file)`.",
                "With R alone: fetches the newest day and compares it with its SHA-256. `arrow::read_parquet(file)` reads it.",
            ),
            text: format!(
                "base <- {base}\nindex <- read.csv(paste0(base, \"{list}\"))\nnewest <- tail(index, 1)\nfile <- tempfile(fileext = \".parquet\")\n\
                 download.file(paste0(base, newest$path), file, mode = \"wb\", quiet = TRUE)\n\
                 # R 4.5 has sha256sum; before it the program of that name does it.\n\
                 sha256 <- if (\"sha256sum\" %in% getNamespaceExports(\"tools\")) {{\n  tools::sha256sum(file)\n}} else {{\n  \
                 substr(system2(\"sha256sum\", shQuote(file), stdout = TRUE), 1, 64)\n}}\n\
                 stopifnot(unname(sha256) == newest$sha256)\ncat(newest$partition_date, newest$rows, file, \"\\n\")"
            ),
        }
    }

    fn javascript(&self) -> Way {
        let Self { list, .. } = self;
        Way {
            name: "javascript",
            title: "JavaScript (hyparquet)",
            note: (
                "Im Browser: `npm install hyparquet hyparquet-compressors`. Geholt wird nur, was gelesen wird.",
                "In the browser: `npm install hyparquet hyparquet-compressors`. Only what is read is fetched.",
            ),
            text: format!(
                "import {{ asyncBufferFromUrl, parquetReadObjects }} from \"hyparquet\";\nimport {{ compressors }} from \"hyparquet-compressors\";\n\n\
                 const base = {};\nconst list = await (await fetch(base + \"{list}\")).text();\nconst [newest] = list.trim().split(\"\\n\").at(-1).split(\",\");\n\
                 const file = await asyncBufferFromUrl({{ url: base + newest }});\nconst rows = await parquetReadObjects({{ file, compressors, rowEnd: 10 }});\n\
                 console.log(rows);",
                quoted(&self.prefix())
            ),
        }
    }

    fn curl(&self) -> Way {
        let Self { list, .. } = self;
        let base = match &self.base {
            Some(base) => format!("'{}'", base.replace('\'', "'\\''")),
            None => "\"file://$PWD\"".to_owned(),
        };
        Way {
            name: "curl",
            title: "curl, sha256sum",
            note: (
                "Holt alle Dateien der Tabelle in den Ordner `download` und vergleicht jede mit ihrem SHA-256.",
                "Fetches all files of the table into the folder `download` and compares each with its SHA-256.",
            ),
            text: format!(
                "base={base}\nmkdir -p download && cd download\ncurl -fsS --create-dirs -o {list} \"$base/{list}\"\n\
                 tail -n +2 {list} | while IFS=, read -r path date rows bytes sha256 rest; do\n  \
                 curl -fsS --create-dirs -o \"$path\" \"$base/$path\"\n  echo \"$sha256  $path\"\ndone | sha256sum --check"
            ),
        }
    }
}

/// Inside of quotes of SQL.
fn sql(text: &str) -> String {
    text.replace('\'', "''")
}

/// A text of JSON is one of Python, R and JavaScript, too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
