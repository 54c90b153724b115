//! Portal: what people and their tools find in the bucket beside the data.
//!
//! Takes a [`Catalogue`]: who publishes, the newest index and the contract of each table, the newest results of each dataset.
//! Makes [`File`]s, by functions that read nothing and write nothing: [`site`] is all of them, [`home`] what is told of all
//! datasets at once, [`dataset`] what is told of one, [`results`] the results of one run. There is no clock in them, so they
//! are the same whichever run writes them. The run writes them into the bucket.

mod atom;
mod catalog;
mod catalogue;
pub(crate) mod contributors;
mod data_package;
mod dataset_page;
mod dates;
mod dqv;
mod file;
mod frame;
mod home;
mod legal;
pub(crate) mod metadata;
pub(crate) mod overview;
pub(crate) mod pictures;
pub(crate) mod quality_page;
mod rdf;
mod schema_org;
pub(crate) mod settings;
mod withdrawals;

pub(crate) use self::dataset_page::reason_words;
pub(crate) use self::file::File;
pub(crate) use crate::portal::catalog::FILES as CATALOGUES;
pub(crate) use crate::portal::catalogue::{About, Catalogue, Dataset, Recency, Rights, Site, SourceLicence, Table};

use crate::portal::frame::path_in;
use crate::publication;
use crate::publish::index::{self, TableIndex};
use crate::report::results::{Form, path};
use crate::report::trend::Report;
use crate::report::{Quality, json, junit};
use crate::text::Language;

/// All views of a bucket, apart from the results of single runs.
#[cfg(test)]
fn site(catalogue: &Catalogue) -> Vec<File> {
    let datasets = catalogue.datasets.iter().flat_map(|of| dataset(&catalogue.site, of));
    datasets.chain(home(catalogue)).collect()
}

/// What is told of all datasets at once: the home page, the legal pages and the logo for people, `datapackage.json` for tools, `catalog.ttl` and `catalog.jsonld` for
/// the catalogues of others.
pub(crate) fn home(catalogue: &Catalogue) -> Vec<File> {
    let mut files: Vec<File> = catalog::files(catalogue).map(|(name, text)| File::new(name, text)).into();
    files.push(File::new("datapackage.json", data_package::write(catalogue)));
    let pages = home::pages(catalogue).into_iter().chain(legal::pages(&catalogue.site));
    files.extend(pages.map(|(path, text)| File::new(path, text)));
    files.extend(catalogue.site.portal.logo.iter().map(|logo| File::new(logo.path(), logo.bytes.clone())));
    files
}

/// Where a logo may be that no page of these shows any more.
pub(crate) fn former_logos(site: &Site) -> impl Iterator<Item = &'static str> {
    let shown = site.portal.logo.as_ref().map(settings::Logo::path);
    settings::Logo::PATHS.into_iter().filter(move |path| Some(*path) != shown)
}

/// What says something else after a version of a table: the lists of its files, the pages that cite it, and the catalogues, which tell
/// the days and the bytes of each table.
pub(crate) fn told_by_version(index: &TableIndex) -> impl Iterator<Item = String> {
    let pages = dataset_page::citing(&index.dataset, &index.table).into_iter().chain(["index.html".to_owned()]);
    let pages = pages.flat_map(|page| Language::ALL.map(|language| path_in(language, &page)));
    index::views(index).map(|(name, _)| name).into_iter().chain(CATALOGUES.map(str::to_owned)).chain(pages)
}

/// What is told of one dataset: `files.json` and `index.csv` of each table, its pages, its feeds, and the quality pages.
pub(crate) fn dataset(site: &Site, of: &Dataset) -> Vec<File> {
    let views = of.tables.iter().flat_map(|table| index::views(&table.index));
    let mut files: Vec<File> = views.map(|(path, bytes)| File { path, bytes }).collect();
    // What tells of the quality of others has none of its own.
    if of.name != publication::DATASET {
        let indexes = of.tables.iter().map(|table| &table.index);
        let report = Report::of(&of.name, &of.results).with_rollbacks(indexes);
        files.extend(quality_page::files(site, of, &report));
    }
    files.extend(dataset_page::files(site, of));
    files.extend(atom::files(site, of));
    files
}

/// The results of a run in all forms. The JSON comes last: who finds it finds the others.
pub(crate) fn results(site: &Site, quality: &Quality) -> Vec<File> {
    let path = |form| path(&quality.dataset, quality.date, form);
    vec![
        File::new(path(Form::Junit), junit::write(quality)),
        File::new(path(Form::Dqv), dqv::write(quality, site.base_url.as_deref())),
        File::new(path(Form::Json), json::write(quality)),
    ]
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use serde_json::Value;

    use super::*;
    use crate::contract::odcs;
    use crate::ledger::Status;
    use crate::publish::index::testing::{file, first_version};
    use crate::publish::index::{ContractRef, IndexFile, TableIndex};
    use crate::report::quality::tests::on;

    /// One table of one dataset, whose last run was held back.
    pub(super) fn catalogue() -> Catalogue {
        let text = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
                    description: A <b> table\n    properties:\n      - {name: id, logicalType: string, classification: \
                    public, description: An id}\n      - {name: driver, logicalType: string}\n";
        let contract = Arc::new(odcs::contract(Path::new("t.odcs.yaml"), text).unwrap());
        let file = IndexFile { rows: 7, bytes: 10, provisional: true, ..file("bus", "t", "2026-11-24", "") };
        let contract_ref = ContractRef::from(contract.as_ref());
        let index = TableIndex { contract: contract_ref, ..first_version("bus", "t", vec![file]) };
        let site = Site {
            title: "Stadtbus".into(),
            publisher: "Stadt".into(),
            licence: "CC-BY-4.0".into(),
            licence_line: 0,
            licence_url: None,
            base_url: None,
            metadata: metadata::Metadata::default(),
            portal: settings::Settings::default(),
        };
        let mut results = on("2026-11-24", Vec::new());
        (results.status, results.score.dataset) = (Status::HeldBack, Some(99.5));
        let mut overview = overview::Overview::of("bus");
        overview.days.insert(results.date, overview::Day { score: Some(99.5), ..overview::Day::default() });
        let dataset = Dataset {
            name: "bus".into(),
            about: About::default(),
            tables: vec![Table { contract, index }],
            results: vec![results],
            overview,
            recency: Recency::default(),
        };
        Catalogue { site, datasets: vec![dataset] }
    }

    #[test]
    fn pages_tell_public_columns_only_and_escape_what_they_are_given() {
        let files = super::site(&catalogue());
        let text = |path: &str| {
            let file = files.iter().find(|file| file.path == path).unwrap();
            String::from_utf8(file.bytes.to_vec()).unwrap()
        };
        let page = text("index.html");
        assert!(page.contains("99,50") && page.contains("reports/bus/quality.html") && page.contains("<code>t</code>"));
        assert!(!page.contains("driver") && text("index.en.html").contains("Held back"));
        let quality = text("reports/bus/quality.html");
        assert!(quality.contains("href=\"../../index.html\"") && quality.contains("href=\"../../bus/index.html\""));
        // Nothing is made up where the publisher has stated nothing.
        assert!(text("impressum.html").contains("Der Herausgeber hat dazu nichts angegeben."));
        assert!(text("barrierefreiheit.en.html").contains("The publisher has not stated this."));
        let package: Value = serde_json::from_str(&text("datapackage.json")).unwrap();
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
              "name": "CC-BY-4.0",
              "path": "https://creativecommons.org/licenses/by/4.0/"
            }
          ],
          "resources": [
            {
              "name": "bus-t",
              "dataset": "bus",
              "table": "t",
              "files": "meta/bus/t/files.json",
              "type": "table",
              "description": "A <b> table",
              "path": [
                "data/bus/t/partition_date=2026-11-24/part-0.parquet"
              ],
              "format": "parquet",
              "mediatype": "application/vnd.apache.parquet",
              "total_bytes": 10,
              "total_rows": 7,
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
