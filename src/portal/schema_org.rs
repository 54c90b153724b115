//! What search engines read in the pages: `Dataset` and `DataCatalog` of <https://schema.org>, as JSON-LD inside of a `script`.
//!
//! Addresses are the bucket's where it has one, else relative to the page, which JSON-LD allows.

use serde_json::{Map, Value, json};

use crate::portal::catalogue::{Catalogue, Dataset, Site, public};
use crate::portal::dataset_page::{description, path};
use crate::portal::metadata::Contact;
use crate::publish::index::meta_folder;
use crate::text::Language;

/// Columns that are named; a page has them all.
const VARIABLES: usize = 60;

/// One dataset, for its own page.
pub(super) fn dataset(site: &Site, of: &Dataset, language: Language) -> String {
    let mut value = described(site, of, language, "../");
    if let Value::Object(map) = &mut value {
        let mut with_context = Map::new();
        with_context.insert("@context".into(), json!("https://schema.org/"));
        with_context.append(map);
        *map = with_context;
    }
    in_script(&value)
}

/// All datasets, for the home page.
pub(super) fn catalogue(catalogue: &Catalogue, language: Language) -> String {
    let site = &catalogue.site;
    let datasets = catalogue.datasets.iter().map(|of| {
        let title = of.title(site, language).0;
        let about = description(site, of, language).0;
        json!({
            "@type": "Dataset",
            "name": title,
            "description": about,
            "url": address(site, "", &page(&of.name, language)),
            "license": licence(site),
        })
    });
    in_script(&without_nulls(json!({
        "@context": "https://schema.org/",
        "@type": "DataCatalog",
        "name": site.title,
        "url": address(site, "", if language == Language::De { "index.html" } else { "index.en.html" }),
        "inLanguage": language.code(),
        "license": licence(site),
        "publisher": publisher(site),
        "dataset": datasets.collect::<Vec<Value>>(),
    })))
}

fn page(dataset: &str, language: Language) -> String {
    crate::portal::frame::path_in(language, &path(dataset))
}

/// Of something in the bucket; `up` leads from the page to the bucket's root.
fn address(site: &Site, up: &str, path: &str) -> String {
    match &site.base_url {
        Some(base) => format!("{}/{path}", base.trim_end_matches('/')),
        None => format!("{up}{path}"),
    }
}

fn licence(site: &Site) -> &str {
    site.licence_url.as_deref().unwrap_or(&site.licence)
}

fn publisher(site: &Site) -> Value {
    let contact = site.metadata.contact.as_ref().map(|Contact { name, email, url }| {
        without_nulls(json!({"@type": "ContactPoint", "name": name, "email": email, "url": url}))
    });
    without_nulls(json!({"@type": "Organization", "name": site.publisher, "contactPoint": contact}))
}

fn described(site: &Site, of: &Dataset, language: Language, up: &str) -> Value {
    let title = of.title(site, language).0;
    let about = description(site, of, language).0;
    let dates = || of.tables.iter().flat_map(|table| &table.index.files).map(|file| file.partition_date);
    let modified = of.tables.iter().filter_map(|table| table.index.release.as_ref()).map(|release| release.at).max();
    let details = site.metadata.datasets.get(&of.name);
    let keywords = details.map(|of| if language == Language::De { &of.keywords } else { &of.keywords_en });
    let area = site.metadata.area.map(|[south, west, north, east]| {
        json!({"@type": "Place", "geo": {"@type": "GeoShape", "box": format!("{south} {west} {north} {east}")}})
    });
    let tables = of.tables.iter().filter(|table| !table.index.files.is_empty());
    let distributions: Vec<Value> = tables
        .clone()
        .map(|table| {
            let folder = meta_folder(&of.name, &table.index.table);
            json!({
                "@type": "DataDownload",
                "name": table.index.table,
                "encodingFormat": "application/vnd.apache.parquet",
                "contentUrl": address(site, up, &format!("{folder}/index.csv")),
                "description": language.say("Liste der Parquet-Dateien mit SHA-256", "List of the Parquet files with SHA-256"),
                "contentSize": format!("{} B", table.index.files.iter().map(|file| file.bytes).sum::<u64>()),
            })
        })
        .collect();
    let columns = tables.flat_map(|table| public(&table.contract).map(move |column| (table, column))).take(VARIABLES);
    let variables: Vec<Value> = columns
        .map(|(table, column)| {
            without_nulls(json!({
                "@type": "PropertyValue",
                "name": format!("{}.{}", table.index.table, column.name),
                "unitText": column.unit,
            }))
        })
        .collect();
    let mut value = without_nulls(json!({
        "@type": "Dataset",
        "name": title,
        "description": about,
        "url": address(site, up, &page(&of.name, language)),
        "identifier": of.name,
        "inLanguage": language.code(),
        "license": licence(site),
        "creator": publisher(site),
        "creditText": site.attribution(&of.about),
        "publisher": publisher(site),
        "isAccessibleForFree": true,
        "keywords": keywords.filter(|words| !words.is_empty()),
        "temporalCoverage": dates().min().zip(dates().max()).map(|(first, last)| format!("{first}/{last}")),
        "spatialCoverage": area,
        "dateModified": modified.map(|at| at.to_string()),
        "datePublished": details.and_then(|of| of.first_published).map(|date| date.to_string()),
        "version": of.tables.iter().map(|table| table.index.version).max().map(|version| version.to_string()),
        "variableMeasured": variables,
        "distribution": distributions,
        "includedInDataCatalog": {"@type": "DataCatalog", "name": site.title, "url": address(site, up, "index.html")},
    }));
    if let Value::Object(map) = &mut value {
        map.retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()));
    }
    value
}

/// What is not known is left out.
fn without_nulls(mut object: Value) -> Value {
    if let Value::Object(map) = &mut object {
        map.retain(|_, value| !value.is_null());
    }
    object
}

/// JSON that no browser takes for the end of the script, whatever its texts say.
fn in_script(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal::dataset_page::testing::{dataset as fixture, site};
    use crate::portal::metadata::DatasetMetadata;

    fn read(text: &str) -> Value {
        assert!(!text.contains('<') && !text.contains('>'), "{text}");
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_dataset_has_what_search_engines_ask_for_and_no_text_ends_the_script() {
        let hostile = "Busse</script><script>alert(1)</script><!--\u{0}\u{2028}x";
        let mut site = site(Some("https://daten.example.de/"));
        let details = DatasetMetadata {
            description: Some(hostile.into()),
            keywords: vec!["Bus".into()],
            ..DatasetMetadata::default()
        };
        site.metadata.datasets.insert("bus".into(), details);
        let of = fixture("bus", &["2026-11-23", "2026-11-24"]);
        let value = read(&dataset(&site, &of, Language::De));
        // https://developers.google.com/search/docs/appearance/structured-data/dataset: required and recommended.
        for field in [
            "name",
            "description",
            "license",
            "creator",
            "distribution",
            "temporalCoverage",
            "spatialCoverage",
            "url",
            "variableMeasured",
            "identifier",
            "keywords",
            "isAccessibleForFree",
        ] {
            assert!(!value[field].is_null(), "{field}: {value:#}");
        }
        assert_eq!(
            (value["@context"].as_str(), value["@type"].as_str()),
            (Some("https://schema.org/"), Some("Dataset"))
        );
        assert_eq!(value["description"], hostile);
        assert_eq!(value["temporalCoverage"], "2026-11-23/2026-11-24");
        assert_eq!(value["distribution"][0]["contentUrl"], "https://daten.example.de/meta/bus/t/index.csv");
        assert!(!value.to_string().contains("driver"));
        assert_eq!(read(&dataset(&site, &of, Language::En))["url"], "https://daten.example.de/bus/index.en.html");
    }

    #[test]
    fn without_an_address_links_are_relative_to_the_page_and_an_empty_dataset_has_no_empty_lists() {
        let site = site(None);
        let of = fixture("bus", &["2026-11-24"]);
        let value = read(&dataset(&site, &of, Language::De));
        assert_eq!(value["distribution"][0]["contentUrl"], "../meta/bus/t/index.csv");
        let empty = read(&dataset(&site, &fixture("bus", &[]), Language::De));
        assert!(empty["distribution"].is_null() && empty["temporalCoverage"].is_null(), "{empty:#}");
        let catalogue = Catalogue { site, datasets: vec![of] };
        let value = read(&super::catalogue(&catalogue, Language::En));
        assert_eq!(
            (value["@type"].as_str(), value["dataset"][0]["url"].as_str()),
            (Some("DataCatalog"), Some("bus/index.en.html"))
        );
    }
}
