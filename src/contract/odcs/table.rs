//! A table: what it is called, its columns and keys, and what it may lose (ODCS 3.1, "Schema", objects).

use std::path::Path;
use std::sync::Arc;

use crate::contract::names::Named;
use crate::contract::odcs::fundamentals::Fundamentals;
use crate::contract::odcs::refer::{named, places};
use crate::contract::odcs::section::{Section, Told, choose};
use crate::contract::odcs::{changes, column, geometry, quality, relationships, text_rules, views, words};
use crate::contract::{Classification, Column, Contract, LossLimits, personal};
use crate::digest::Digest;
use crate::yaml::Node;

/// The file that a table stands in.
pub(super) struct Origin<'a> {
    pub file: &'a Path,
    pub digest: Digest,
    pub text: Arc<str>,
    pub fundamentals: &'a Fundamentals,
    /// Whether it is the only table of the file.
    pub is_alone: bool,
    /// See [`Contract::is_ours`].
    pub is_ours: bool,
}

/// Reads a table.
pub(super) fn read(node: &Node, origin: &Origin<'_>, told: &mut Told) -> Option<Contract> {
    let table = Section::new(node);
    table.accept(&["id", "physicalType", "physicalName", "authoritativeDefinitions", "tags", "logicalType"]);
    table.accept(&["dataGranularityDescription"]);
    let name = table.require_text("name", told)?;
    named(Named::Table, &name, table.line_of("name"), told);
    let properties: Vec<Section<'_>> = table.items("properties", told).iter().map(Section::new).collect();
    if properties.is_empty() {
        let message = format!("table '{name}' has no columns");
        told.fit.add(table.line(), message, "List them under 'properties:'.");
    }
    let (geometries, properties): (Vec<_>, Vec<_>) = properties.into_iter().partition(geometry::is_geometry);
    let (columns, primary_key) = columns(&name, &properties, told);
    let mut contract = Contract {
        // Records know a contract by its id, so each table of a file has one of its own.
        id: match origin.is_alone {
            true => origin.fundamentals.id.clone(),
            false => format!("{}.{name}", origin.fundamentals.id),
        },
        version: origin.fundamentals.version.clone(),
        line: table.line(),
        file: origin.file.to_owned(),
        digest: origin.digest,
        text: origin.text.clone(),
        title: table.text("businessName", told),
        title_de: table.custom_text("businessNameDe"),
        description: table.text("description", told),
        description_de: table.custom_text("descriptionDe"),
        primary_key,
        removed: Vec::new(),
        foreign_keys: Vec::new(),
        rules: Vec::new(),
        views: Vec::new(),
        metrics: Vec::new(),
        texts: Vec::new(),
        unexecuted: Vec::new(),
        sla: Vec::new(),
        sort_by: Vec::new(),
        missing_values: missing_values(&table, told),
        gtfs_file: gtfs_file(&table, told),
        presence: choose(table.custom("gtfsPresence"), "gtfsPresence", words::PRESENCES, &mut told.fit)
            .unwrap_or_default(),
        text_rules: Vec::new(),
        geometry: None,
        limits: loss_limits(&table, told),
        is_ours: origin.is_ours,
        table: name,
        columns,
    };
    changes::table(&table, &mut contract, told);
    text_rules::read(&table, &mut contract, told);
    geometry::read(&geometries, &mut contract, told);
    if let Some(list) = table.custom("sortBy") {
        contract.sort_by = places(list, "sortBy", &contract, &mut told.fit);
    }
    views::read(&table, &mut contract, told);
    for property in &properties {
        if let Some(column) = property.node.get("name").and_then(Node::scalar) {
            relationships::read(Some(&column), property, &mut contract, told);
            quality::read(Some(&column), property, &mut contract, told);
            quality::list_nested(&column, property.node, &mut contract, told);
        }
        property.end(told);
    }
    relationships::read(None, &table, &mut contract, told);
    quality::read(None, &table, &mut contract, told);
    table.end(told);
    Some(contract)
}

/// The columns, and the places of those of the primary key in its order.
fn columns(table: &str, properties: &[Section<'_>], told: &mut Told) -> (Vec<Column>, Vec<usize>) {
    let (mut columns, mut key) = (Vec::<Column>::new(), Vec::new());
    for property in properties {
        let is_key = property.flag("primaryKey", told);
        let position = property.get("primaryKeyPosition").and_then(Node::int).unwrap_or(i64::MAX);
        let Some(column) = column::read(property, told) else { continue };
        if columns.iter().any(|other| other.name == column.name) {
            let message = format!("column '{}' stands here twice", column.name);
            told.form.add(column.line, message, "Remove one of the two.");
        }
        if is_key {
            key.push((position, columns.len()));
        }
        if column.classification == Classification::Public
            && let Some(what) = personal::said_by_name(table, &column.name)
        {
            told.fit.add(
                property.line_of("classification"),
                format!("the column '{}' is public, and its name says that it holds {what}", column.name),
                "Write 'classification: private', or give a column that holds something else another name.",
            );
        }
        columns.push(column);
    }
    key.sort_unstable();
    for pair in key.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        told.fit.add(
            columns[pair[1].1].line,
            "two columns of the primary key have the same position or none",
            "Give each a 'primaryKeyPosition' of its own, from 1.",
        );
    }
    (columns, key.into_iter().map(|(_, place)| place).collect())
}

fn gtfs_file(table: &Section<'_>, told: &mut Told) -> Option<String> {
    let file = table.custom_text("gtfsFile")?;
    if file.contains(|c: char| c == '/' || c == '\\' || c.is_control()) {
        let remedy = "Write the name alone, such as 'stops.txt'.";
        told.fit.add(table.line_of_custom("gtfsFile"), "'gtfsFile' is no name of a file", remedy);
    }
    Some(file)
}

fn loss_limits(table: &Section<'_>, told: &mut Told) -> LossLimits {
    let usual = LossLimits::default();
    let mut count = |name: &'static str| -> Option<u64> {
        let node = table.custom(name)?;
        let count = node.scalar().and_then(|text| text.parse().ok());
        if count.is_none() {
            told.fit.add(node.line, format!("'{name}' is no count"), "Write a whole number from 0.");
        }
        count
    };
    LossLimits {
        routes_lost: count("maxRoutesLost").unwrap_or(usual.routes_lost),
        services_lost: count("maxServicesLost").unwrap_or(usual.services_lost),
        rows_lost: table.percent("maxRowsLost", told).unwrap_or(usual.rows_lost),
    }
}

fn missing_values(table: &Section<'_>, told: &mut Told) -> Vec<String> {
    let Some(list) = table.custom("missingValues") else { return Vec::new() };
    let texts: Vec<String> = list.items().iter().filter_map(Node::scalar).collect();
    if texts.is_empty() || texts.len() < list.items().len() {
        told.fit.add(list.line, "'missingValues' is not a list of texts", "Write \"['NA', '']\".");
    }
    texts
}
