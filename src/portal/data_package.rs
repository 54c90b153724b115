//! `datapackage.json`: the tables for tools that read Data Packages (<https://datapackage.org>, version 2).
//!
//! A resource is a table with the files of all its dates. The standard has `bytes`, `hash` and `primaryKey` for what one resource holds
//! as a whole, and tools hold them against the file that they read: so the sums have names of their own, each file has its size and
//! digest in the list that `files` names, and a key that is unique within a date only is `key_of_a_date`. References between tables
//! hold within a date, too, and are no `foreignKeys`.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::contract::{BBOX, Classification, Column, Geometry, Kind};
use crate::licences;
use crate::portal::catalogue::{Catalogue, Rights, SourceLicence, provisional_dates, public};
use crate::publish::index::meta_folder;

/// A Data Package (<https://datapackage.org>, version 2): one resource per table.
pub(super) fn write(catalogue: &Catalogue) -> Bytes {
    let site = &catalogue.site;
    // A table that was withdrawn has no files, and a resource must have one.
    let resources: Vec<Value> = catalogue
        .tables()
        .filter(|(_, table)| !table.index.files.is_empty())
        .map(|(of, table)| {
            let index = &table.index;
            let paths: Vec<&str> = index.files.iter().map(|file| file.path.as_str()).collect();
            let geometry = table.contract.geometry.iter().flat_map(geometry);
            let fields: Vec<Value> = public(&table.contract).map(field).chain(geometry).collect();
            let mut schema = Map::new();
            schema.insert("fields".into(), fields.into());
            let key = &table.contract.primary_key;
            let key: Vec<&Column> = key.iter().map(|&place| &table.contract.columns[place]).collect();
            let is_public = !key.is_empty() && key.iter().all(|column| column.classification == Classification::Public);
            let names: Option<Vec<&str>> = is_public.then(|| key.iter().map(|column| column.name.as_str()).collect());
            // With a date or an instant in it, it is unique over all of them; a timetable is there again with each of its dates.
            let has_date =
                !of.about.is_timetable && key.iter().any(|column| matches!(column.kind, Kind::Date | Kind::Instant));
            if let Some(names) = names.as_ref().filter(|_| has_date) {
                schema.insert("primaryKey".into(), json!(names));
            }
            without_nulls(json!({
                "name": format!("{}-{}", of.name, index.table.replace('_', "-")),
                // By these 'fahrtenbuch get' finds the table; the name does not tell them apart.
                "dataset": of.name,
                "table": index.table,
                "files": format!("{}/files.json", meta_folder(&of.name, &index.table)),
                "type": "table",
                "title": table.contract.title,
                "title_de": table.contract.title_de,
                "description": table.contract.description,
                "description_de": table.contract.description_de,
                "path": paths,
                "format": "parquet",
                "mediatype": "application/vnd.apache.parquet",
                "total_bytes": index.files.iter().map(|file| file.bytes).sum::<u64>(),
                "total_rows": index.files.iter().map(|file| file.rows).sum::<u64>(),
                // The dates whose files a complete release follows.
                "provisional": Some(provisional_dates(index)).filter(|dates| !dates.is_empty()),
                "sources": Some(sources(&of.about.sources)).filter(|sources| !sources.is_empty()),
                "key_of_a_date": names.filter(|_| !has_date),
                "schema": schema,
            }))
        })
        .collect();
    let package = json!({
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "fahrtenbuch",
        "title": site.title,
        "contributors": [{"title": site.publisher, "roles": ["publisher"]}],
        "licenses": [licence(&site.licence, site.licence_url.as_deref())],
        "resources": resources,
    });
    // Made of strings and numbers only, which always serialise.
    let text = serde_json::to_string_pretty(&package);
    let mut text = text.unwrap_or_else(|error| crate::internal::impossible("writing datapackage.json", error));
    text.push('\n');
    text.into()
}

/// The standard has ids with neither blanks nor slashes; another name is a title.
fn licence(written: &str, url: Option<&str>) -> Value {
    let known = licences::of_release(written);
    let id = known.map_or(written, |known| known.id);
    let is_id = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    without_nulls(json!({
        "name": is_id.then_some(id),
        "title": (!is_id).then_some(id),
        "path": url.or(known.and_then(|known| known.url)),
    }))
}

/// What is not known is left out.
fn without_nulls(mut object: Value) -> Value {
    if let Value::Object(map) = &mut object {
        map.retain(|_, value| !value.is_null());
    }
    object
}

/// Of what a table is made, with what is said of the rights of it.
fn sources(sources: &[SourceLicence]) -> Vec<Value> {
    let source = |source: &SourceLicence| {
        let (licence, licence_path) = match &source.rights {
            Rights::Licence { id, address } => (Some(id.as_str()), address.as_deref()),
            Rights::Own => (Some(licences::OWN), None),
            Rights::Agreement => (Some(licences::AGREEMENT), None),
            Rights::Unsaid => (None, None),
        };
        without_nulls(json!({
            "title": source.name,
            "path": source.homepage,
            "licence": licence,
            "licence_path": licence_path,
            "attribution": source.attribution,
        }))
    };
    sources.iter().map(source).collect()
}

/// A geometry is no text of GeoJSON, as a field of type `geojson` would be. Beside it stand its bounds.
fn geometry(geometry: &Geometry) -> [Value; 2] {
    let bounds = format!("Bounds of {}, for readers that skip what lies elsewhere.", geometry.name);
    [
        without_nulls(json!({
            "name": geometry.name,
            "type": "any",
            "description": geometry.description,
            "description_de": geometry.description_de,
        })),
        json!({"name": BBOX, "type": "object", "description": bounds}),
    ]
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
    let texts =
        [("description", &column.description), ("description_de", &column.description_de), ("unit", &column.unit)];
    for (key, value) in texts {
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
