//! Which parts of a contract decide the rows and columns that are published, in one canonical form.
//!
//! Comments, the words and thresholds of rules that only report or block, metrics, promises and severities decide nothing of
//! a file: a change of them changes the contract's own digest, and not this one. The form is one JSON object without spaces
//! outside of texts, with the keys in the order in which [`content`] writes them; SQL is written as its tokens with one space
//! between them, without comments.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::contract::query::{PREVIOUS, Query};
use crate::contract::{Column, Contract, GeometryOf, OnFail, Rule};
use crate::digest::Digest;

/// Whether what fails loses its row or its values.
fn shapes(on_fail: OnFail) -> bool {
    matches!(on_fail, OnFail::Quarantine | OnFail::Invalidate)
}

impl Contract {
    /// The digest over [`content`].
    pub fn content_digest(&self) -> Digest {
        Digest::of(self.content_text().as_bytes())
    }

    /// [`content`] as it is digested.
    pub fn content_text(&self) -> String {
        content(self).to_string()
    }

    /// The rules that hold back rows or null values.
    pub fn shaping_rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| shapes(rule.on_fail))
    }

    /// The queries that decide which rows and values are published: those of the rules that do, and the views below them.
    pub fn shaping_queries(&self) -> Vec<&Query> {
        let rules: Vec<&Query> = self.shaping_rules().map(|rule| &rule.query).collect();
        let views = self.views_of(rules.iter().copied());
        let views = self.views.iter().filter(|view| views.contains(view.name.as_str())).map(|view| &view.query);
        rules.iter().copied().chain(views).collect()
    }

    /// Whether a query reads the partition before, itself or through a view.
    pub fn reads_previous(&self, query: &Query) -> bool {
        let views = self.views_of(std::iter::once(query));
        let mut below = self.views.iter().filter(|view| views.contains(view.name.as_str())).map(|view| &view.query);
        query.tables.contains(PREVIOUS) || below.any(|query| query.tables.contains(PREVIOUS))
    }

    /// The views that queries read, also through other views. A view reads only those above it.
    fn views_of<'a>(&'a self, queries: impl Iterator<Item = &'a Query>) -> BTreeSet<&'a str> {
        let mut wanted: BTreeSet<&str> = queries.flat_map(|query| &query.tables).map(String::as_str).collect();
        for view in self.views.iter().rev() {
            if wanted.contains(view.name.as_str()) {
                wanted.extend(view.query.tables.iter().map(String::as_str));
            }
        }
        wanted.retain(|name| self.view(name).is_some());
        wanted
    }
}

/// The canonical form.
pub fn content(contract: &Contract) -> Value {
    let names = |places: &[usize]| contract.names(places);
    let keys = contract.foreign_keys.iter().filter(|key| shapes(key.on_fail)).map(|key| {
        let targets = key.targets.iter().map(|target| {
            let file = target.file.as_ref().map(|file| file.to_string_lossy().replace('\\', "/"));
            json!({"file": file, "table": target.table, "columns": target.columns})
        });
        let targets: Vec<Value> = targets.collect();
        json!({"columns": names(&key.columns), "targets": targets, "on_fail": key.on_fail})
    });
    let rules = contract.shaping_rules().map(|rule| {
        json!({
            "id": rule.id,
            "query": rule.query.canonical(),
            "per": names(&rule.per),
            "on_fail": rule.on_fail,
            "invalidates": names(&rule.invalidates),
            "limit": rule.limit.map(|limit| limit.to_string()),
        })
    });
    let wanted = contract.views_of(contract.shaping_rules().map(|rule| &rule.query));
    let views = contract.views.iter().filter(|view| wanted.contains(view.name.as_str()));
    let views = views.map(|view| json!({"name": view.name, "query": view.query.canonical(), "per": names(&view.per)}));
    let mut content = json!({
        "table": contract.table,
        "title": contract.title,
        "description": contract.description,
        "description_de": contract.description_de,
        "file": contract.gtfs_file,
        "presence": format!("{:?}", contract.presence),
        "missing_values": contract.missing_values,
        "sort_by": names(&contract.sort_by),
        "primary_key": names(&contract.primary_key),
        "columns": contract.columns.iter().map(column).collect::<Vec<_>>(),
        "foreign_keys": keys.collect::<Vec<_>>(),
        "rules": rules.collect::<Vec<_>>(),
        "views": views.collect::<Vec<_>>(),
    });
    // What a contract does not have leaves its digest as it was before there was such a thing.
    if let Some(title) = &contract.title_de {
        content["title_de"] = title.as_str().into();
    }
    if let Some(geometry) = &contract.geometry {
        let of = match geometry.of {
            GeometryOf::Point { latitude, longitude } => names(&[latitude, longitude]),
            GeometryOf::GeoJson(place) => names(&[place]),
        };
        content["geometry"] = json!({
            "name": geometry.name,
            "of": of,
            "description": geometry.description,
            "description_de": geometry.description_de,
        });
    }
    content
}

fn column(column: &Column) -> Value {
    // A check that only reports or blocks decides no value.
    let decides = column.on_fail.is_none_or(shapes);
    let mut content = json!({
        "name": column.name,
        "kind": format!("{:?}", column.kind),
        "classification": format!("{:?}", column.classification),
        "required": column.required,
        "presence": column.presence.map(|presence| format!("{presence:?}")),
        "gtfs_type": column.gtfs_type,
        "unit": column.unit,
        "description": column.description,
        "description_de": column.description_de,
        "values": column.values.iter().map(|value| &value.value).collect::<Vec<_>>(),
        "on_fail": column.on_fail.filter(|on_fail| shapes(*on_fail)),
        "checks": decides.then(|| json!({
            "unique": column.unique,
            "minimum": column.minimum,
            "maximum": column.maximum,
            "above": column.above,
            "below": column.below,
            "multiple_of": column.multiple_of,
            "pattern": column.pattern,
            "min_length": column.min_length,
            "max_length": column.max_length,
        })),
    });
    // Older evidence has its values under this name.
    if let Some(alias) = column.change.as_ref().and_then(|change| change.alias.as_ref()) {
        content["alias"] = json!(alias);
    }
    content
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::contract::odcs;

    const CONTRACT: &str = "\
apiVersion: v3.1.0
kind: DataContract
id: t
version: '1'
status: active
schema:
  - name: t
    logicalType: object
    physicalType: table
    customProperties:
      - property: views
        value:
          - {name: low, query: SELECT a FROM t WHERE a < 1}
          - {name: lower, query: SELECT a FROM low WHERE a < 0}
          - {name: other, query: SELECT a FROM t WHERE a < 7}
    properties:
      - {name: a, logicalType: integer, classification: public}
      - {name: b, logicalType: integer, logicalTypeOptions: {maximum: 5}, customProperties: [{property: onFail, value: report}]}
    quality:
      - name: held
        type: custom
        engine: fahrtenbuch
        description: held
        implementation: |
          SELECT _index FROM t -- below
          WHERE a IN (SELECT a FROM lower)
        customProperties: [{property: onFail, value: quarantine}]
      - name: told
        type: custom
        engine: fahrtenbuch
        implementation: SELECT _index FROM t WHERE a IN (SELECT a FROM other)
      - {metric: rowCount, mustBeGreaterThan: 3}
";

    fn digest(text: &str) -> Digest {
        odcs::contract(Path::new("t.odcs.yaml"), text)
            .unwrap_or_else(|problems| panic!("{problems:?}"))
            .content_digest()
    }

    #[test]
    fn what_decides_no_row_is_not_in_the_content() {
        let first = digest(CONTRACT);
        for (from, to) in [
            ("id: t\n", "id: t # a comment\n"),
            ("-- below\n", "-- above\n"),
            ("WHERE a IN (SELECT a FROM lower)", "  WHERE  a IN (SELECT a FROM lower)"),
            ("description: held", "description: holds"),
            ("a < 7", "a < 8"),
            ("SELECT a FROM other)", "SELECT a FROM other) AND a > 0"),
            ("mustBeGreaterThan: 3", "mustBeGreaterThan: 4"),
            ("maximum: 5", "maximum: 6"),
            ("version: '1'", "version: '2'"),
        ] {
            assert!(CONTRACT.contains(from), "{from}");
            assert_eq!(digest(&CONTRACT.replace(from, to)), first, "{to}");
        }
    }

    #[test]
    fn what_decides_rows_or_columns_is_in_the_content() {
        let first = digest(CONTRACT);
        for (from, to) in [
            ("a < 1", "a < 2"),
            ("a < 0}", "a < -1}"),
            ("FROM lower)", "FROM low)"),
            ("value: quarantine", "value: report"),
            ("classification: public", "classification: private"),
            ("{name: a, logicalType: integer", "{name: a, logicalType: string"),
            ("value: report", "value: quarantine"),
            ("- {name: b,", "- {name: b, unique: true, required: true,"),
        ] {
            assert!(CONTRACT.contains(from), "{from}");
            assert_ne!(digest(&CONTRACT.replacen(from, to, 1)), first, "{to}");
        }
    }
}
