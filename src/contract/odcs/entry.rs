//! What an entry of `quality` says, whatever its type (ODCS 3.1, "Data quality").

use crate::contract::odcs::section::{Section, Told, choose};
use crate::contract::odcs::words;
use crate::contract::{Dimension, OnFail, Severity};
use crate::yaml::Node;

/// An entry of `quality`, whatever its type.
pub(super) struct Entry<'a> {
    pub section: Section<'a>,
    pub kind: String,
    /// The column that it stands at, and its place.
    pub column: Option<(&'a str, usize)>,
    /// Where it stands inside of a column: `stops.items.name`.
    pub path: Option<String>,
    pub name: Option<String>,
    /// ODCS `id`.
    pub stable_id: Option<String>,
    pub severity: Severity,
    pub dimension: Option<Dimension>,
    pub on_fail: OnFail,
    pub description: Option<String>,
    pub description_de: Option<String>,
    pub why: Option<String>,
    pub why_de: Option<String>,
    pub arguments: Option<&'a Node>,
    pub query: Option<&'a Node>,
    pub implementation: Option<&'a Node>,
    pub invalidates: Option<&'a Node>,
    pub per: Option<&'a Node>,
    pub returns: Option<String>,
    /// Whether a custom property looks misspelt, which was told.
    pub is_misspelt: bool,
}

impl<'a> Entry<'a> {
    /// Reads an entry at a table, or at a column and its place.
    pub(super) fn read(node: &'a Node, column: Option<(&'a str, usize)>, told: &mut Told) -> Self {
        let section = Section::new(node);
        section.accept(&["authoritativeDefinitions", "method", "schedule", "scheduler", "tags", "unit", "engine"]);
        section.accept(&["metric", "rule", "validValues"]);
        section.accept(&words::OPERATORS);
        section.custom("partitions");
        let severity = choose(section.get("severity"), "severity", words::SEVERITIES, &mut told.fit);
        let on_fail = choose(section.custom("onFail"), "onFail", words::ON_FAIL, &mut told.fit);
        let mut entry = Self {
            kind: section.text("type", told).unwrap_or_else(|| "library".to_owned()),
            column,
            path: None,
            name: section.text("name", told),
            stable_id: section.text("id", told),
            severity: severity.unwrap_or(Severity::Error),
            dimension: choose(section.get("dimension"), "dimension", words::DIMENSIONS, &mut told.form),
            on_fail: on_fail.unwrap_or(OnFail::Report),
            description: section.text("description", told),
            description_de: section.custom_text("descriptionDe"),
            why: section.text("businessImpact", told),
            why_de: section.custom_text("businessImpactDe"),
            arguments: section.get("arguments"),
            query: section.get("query"),
            implementation: section.get("implementation"),
            invalidates: section.custom("invalidates"),
            per: section.custom("per"),
            returns: section.custom_text("returns"),
            is_misspelt: false,
            section,
        };
        entry.is_misspelt = entry.section.end(told);
        entry
    }
}
