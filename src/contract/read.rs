//! Reads one ODCS 3.1 file into a [`Contract`] and reports every mistake with its line and remedy.

use std::path::{Path, PathBuf};

use crate::contract::names::{self, Named};
use crate::contract::query::{self, Query};
use crate::contract::{
    Classification, Column, Contract, Dimension, Encoding, EnumValue, ForeignKey, Kind, LossLimits, OnFail, Presence,
    Rule, RuleId, Severity, TEXT_RULES, Target, TextRule, TextRuleChange, View,
};
use crate::contract::{cases, metric, personal, sla};
use crate::digest::Digest;
use crate::time::{ServiceDate, ServiceSeconds};
use crate::yaml::{self, Node, Problem, Problems, Value, suggestion};

/// The keys that ODCS 3.1 allows at each place.
const CONTRACT_KEYS: &[&str] = &[
    "version",
    "kind",
    "apiVersion",
    "id",
    "name",
    "tenant",
    "tags",
    "status",
    "servers",
    "dataProduct",
    "description",
    "domain",
    "schema",
    "support",
    "price",
    "team",
    "roles",
    "slaDefaultElement",
    "slaProperties",
    "authoritativeDefinitions",
    "customProperties",
    "contractCreatedTs",
];
const TABLE_KEYS: &[&str] = &[
    "id",
    "name",
    "physicalType",
    "description",
    "businessName",
    "authoritativeDefinitions",
    "tags",
    "customProperties",
    "logicalType",
    "physicalName",
    "dataGranularityDescription",
    "properties",
    "relationships",
    "quality",
];
const COLUMN_KEYS: &[&str] = &[
    "id",
    "name",
    "physicalType",
    "description",
    "businessName",
    "authoritativeDefinitions",
    "tags",
    "customProperties",
    "primaryKey",
    "primaryKeyPosition",
    "logicalType",
    "logicalTypeOptions",
    "physicalName",
    "required",
    "unique",
    "partitioned",
    "partitionKeyPosition",
    "classification",
    "encryptedName",
    "transformSourceObjects",
    "transformLogic",
    "transformDescription",
    "examples",
    "criticalDataElement",
    "relationships",
    "quality",
];
const QUALITY_KEYS: &[&str] = &[
    "id",
    "authoritativeDefinitions",
    "businessImpact",
    "customProperties",
    "description",
    "dimension",
    "method",
    "name",
    "schedule",
    "scheduler",
    "severity",
    "tags",
    "type",
    "unit",
    "query",
    "engine",
    "implementation",
    "metric",
    "rule",
    "arguments",
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
];
const OPTION_KEYS: &[&str] =
    &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "pattern", "minLength", "maxLength"];
/// Options of ODCS that no check carries out yet; to ignore them would let rows pass that the contract forbids.
const OPTIONS_NOT_YET: &[&str] = &["format", "timezone", "defaultTimezone"];
const RELATIONSHIP_KEYS: &[&str] = &["type", "from", "to", "customProperties"];
/// The `physicalType` of numbers that come as floating point numbers of 32 bits and are published as such.
const SINGLE: &str = "float";
const LOGICAL_TYPES: &[&str] =
    &["string", "integer", "number", "boolean", "date", "timestamp", "time", "object", "array"];

/// Custom properties that we look at.
const TABLE_PROPERTIES: &[&str] = &[
    "descriptionDe",
    "gtfsFile",
    "gtfsPresence",
    "maxRoutesLost",
    "maxRowsLost",
    "maxServicesLost",
    "missingValues",
    "sortBy",
    "textRules",
    "views",
];
const COLUMN_PROPERTIES: &[&str] = &[
    "allowsPrivateText",
    "descriptionDe",
    "encoding",
    "gtfsPresence",
    "gtfsType",
    "maxValuesLost",
    "mixedCase",
    "onFail",
    "references",
    "roundTo",
    "severity",
    "unit",
    "values",
];
const RULE_PROPERTIES: &[&str] =
    &["businessImpactDe", "descriptionDe", "invalidates", "onFail", "partitions", "per", "returns"];

const SEVERITIES: &[(&str, Severity)] =
    &[("info", Severity::Info), ("warning", Severity::Warning), ("error", Severity::Error)];
const ON_FAIL: &[(&str, OnFail)] = &[
    ("report", OnFail::Report),
    ("invalidate", OnFail::Invalidate),
    ("quarantine", OnFail::Quarantine),
    ("block", OnFail::Block),
];
const DIMENSIONS: &[(&str, Dimension)] = &[
    ("accuracy", Dimension::Accuracy),
    ("completeness", Dimension::Completeness),
    ("conformity", Dimension::Conformity),
    ("consistency", Dimension::Consistency),
    ("coverage", Dimension::Coverage),
    ("timeliness", Dimension::Timeliness),
    ("uniqueness", Dimension::Uniqueness),
];
const PRESENCES: &[(&str, Presence)] = &[
    ("Required", Presence::Required),
    ("Recommended", Presence::Recommended),
    ("Conditionally Required", Presence::ConditionallyRequired),
    ("Conditionally Forbidden", Presence::ConditionallyForbidden),
    ("Optional", Presence::Optional),
];
const ENCODINGS: &[(&str, Encoding)] = &[
    ("plain", Encoding::Plain),
    ("dictionary", Encoding::Dictionary),
    ("delta", Encoding::Delta),
    ("byteStreamSplit", Encoding::ByteStreamSplit),
];
const CLASSIFICATIONS: &[(&str, Classification)] =
    &[("public", Classification::Public), ("private", Classification::Private)];

/// Reads a contract from the text of its file. `file` is used in messages and kept in the contract.
pub fn contract(file: &Path, text: &str) -> Result<Contract, Vec<Problem>> {
    let root = yaml::parse(file, text)?;
    let mut problems = Problems::new(file);
    let contract = read(file, text, &root, &mut problems);
    match contract {
        Some(contract) if problems.found.is_empty() => Ok(contract),
        _ => {
            problems.found.sort();
            Err(problems.found)
        }
    }
}

fn read(file: &Path, text: &str, root: &Node, problems: &mut Problems) -> Option<Contract> {
    root.only_keys(CONTRACT_KEYS, problems);
    let id = root.require_text("id", problems);
    let version = root.require_text("version", problems);
    root.require_text("status", problems);
    must_be(root, "kind", "DataContract", problems);
    must_be(root, "apiVersion", "v3.1.0", problems);
    let Some(schema) = root.get("schema").filter(|schema| schema.items().len() == 1) else {
        let line = root.get("schema").map_or(root.line, |schema| schema.line);
        problems.add(line, "'schema' must list exactly one table", "Write one file per table, with one entry here.");
        return None;
    };
    let table = &schema.items()[0];
    table.only_keys(TABLE_KEYS, problems);
    misspelt_properties(table, TABLE_PROPERTIES, problems);
    let name = table.require_text("name", problems)?;
    named(Named::Table, &name, line_of(table, "name"), problems);
    let gtfs_file = custom_text(table, "gtfsFile", problems);
    if gtfs_file.as_ref().is_some_and(|file| file.contains(|c: char| c == '/' || c == '\\' || c.is_control())) {
        let line = custom(table, "gtfsFile", problems).map_or(table.line, |node| node.line);
        problems.add(line, "'gtfsFile' is no name of a file", "Write the name alone, such as 'stops.txt'.");
    }
    let mut columns: Vec<Column> = Vec::new();
    let mut key = Vec::new();
    let properties = table.get("properties").map_or(&[][..], Node::items);
    if properties.is_empty() {
        problems.add(table.line, format!("table '{name}' has no columns"), "List them under 'properties:'.");
    }
    for property in properties {
        let Some(column) = column(property, problems) else { continue };
        if columns.iter().any(|other| other.name == column.name) {
            problems.add(column.line, format!("column '{}' stands here twice", column.name), "Remove one of the two.");
        }
        if flag(property, "primaryKey", problems) {
            let position = property.get("primaryKeyPosition").and_then(Node::int).unwrap_or(i64::MAX);
            key.push((position, columns.len()));
        }
        if column.classification == Classification::Public
            && let Some(what) = personal::said_by_name(&name, &column.name)
        {
            problems.add(
                line_of(property, "classification"),
                format!("the column '{}' is public, and its name says that it holds {what}", column.name),
                "Write 'classification: private', or give a column that holds something else another name.",
            );
        }
        columns.push(column);
    }
    key.sort_unstable();
    for pair in key.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        problems.add(
            columns[pair[1].1].line,
            "two columns of the primary key have the same position or none",
            "Give each a 'primaryKeyPosition' of its own, from 1.",
        );
    }
    let mut contract = Contract {
        id: id.unwrap_or_default(),
        version: version.unwrap_or_default(),
        file: file.to_owned(),
        digest: Digest::of(text.as_bytes()),
        title: table.optional_text("businessName", problems),
        description: table.optional_text("description", problems),
        description_de: custom_text(table, "descriptionDe", problems),
        primary_key: key.into_iter().map(|(_, place)| place).collect(),
        foreign_keys: Vec::new(),
        rules: Vec::new(),
        views: Vec::new(),
        metrics: Vec::new(),
        texts: Vec::new(),
        sla: Vec::new(),
        sort_by: Vec::new(),
        missing_values: missing_values(table, problems),
        gtfs_file,
        presence: choose(custom(table, "gtfsPresence", problems), "gtfsPresence", PRESENCES, problems)
            .unwrap_or_default(),
        text_rules: Vec::new(),
        limits: loss_limits(table, problems),
        table: name,
        columns,
    };
    text_rules(table, &mut contract, problems);
    if let Some(list) = custom(table, "sortBy", problems) {
        contract.sort_by = places(list, "sortBy", &contract, problems);
    }
    views(table, &mut contract, problems);
    for property in properties {
        let Some(column) = property.get("name").and_then(Node::scalar) else { continue };
        if let Some(list) = custom(property, "references", problems) {
            any_of(&column, list, property, &mut contract, problems);
        }
        relationships(Some(&column), property, &mut contract, problems);
        quality(Some(&column), property, &mut contract, problems);
    }
    relationships(None, table, &mut contract, problems);
    quality(None, table, &mut contract, problems);
    sla::read(root, &mut contract, problems);
    Some(contract)
}

/// Severity and outcome of the rules over the text of the table's file.
fn text_rules(table: &Node, contract: &mut Contract, problems: &mut Problems) {
    let Some(list) = custom(table, "textRules", problems) else { return };
    let is_csv = contract.has_text_rules();
    if list.items().is_empty() || !is_csv {
        let (said, remedy) = match is_csv {
            true => ("'textRules' is not a list", "Write '- {rule: quotes_in_value, severity: error}'."),
            false => ("'textRules' is about the text of a CSV file of GTFS, and the table has none", "Remove it."),
        };
        problems.add(list.line, said, remedy);
        return;
    }
    let names: Vec<(&str, usize)> = TEXT_RULES.iter().enumerate().map(|(place, rule)| (rule.0, place)).collect();
    for node in list.items() {
        node.only_keys(&["rule", "severity", "onFail"], problems);
        node.require_text("rule", problems);
        let Some(rule) = choose(node.get("rule"), "rule of a text", &names, problems) else { continue };
        let severity = choose(node.get("severity"), "severity", SEVERITIES, problems);
        let known: Vec<(&str, OnFail)> =
            ON_FAIL.iter().filter(|(_, on_fail)| TEXT_RULES[rule].3.contains(on_fail)).copied().collect();
        let what = format!("onFail of {}", TEXT_RULES[rule].0);
        let on_fail = choose(node.get("onFail"), &what, &known, problems);
        if contract.text_rules.iter().any(|change| change.rule == rule) {
            let message = format!("the rule '{}' stands here twice", TEXT_RULES[rule].0);
            problems.add(node.line, message, "Remove one of the two.");
        }
        contract.text_rules.push(TextRuleChange { rule, severity, on_fail });
    }
}

/// Queries that several rules use.
fn views(table: &Node, contract: &mut Contract, problems: &mut Problems) {
    let Some(list) = custom(table, "views", problems) else { return };
    if list.items().is_empty() {
        problems.add(list.line, "'views' is not a list", "Write '- {name: ..., query: ...}'.");
    }
    for node in list.items() {
        node.only_keys(&["name", "query", "per", "description"], problems);
        let (Some(name), Some(query)) =
            (node.require_text("name", problems), query(node, "query", None, contract, problems))
        else {
            continue;
        };
        let is_taken = name == contract.table || name == query::PREVIOUS || name.starts_with(query::TIMETABLE);
        if is_taken || contract.view(&name).is_some() {
            problems.add(
                line_of(node, "name"),
                format!("the name '{name}' of the view is taken"),
                "Give the view another name.",
            );
        }
        named(Named::View, &name, line_of(node, "name"), problems);
        let per = node.get("per").map_or(Vec::new(), |list| places(list, "per", contract, problems));
        same_per(&format!("the view '{name}'"), node.line, &query, &per, contract, problems);
        contract.views.push(View { name, line: node.line, query, per });
    }
    for (place, view) in contract.views.iter().enumerate() {
        let name = &view.name;
        for other in contract.views[place..].iter().filter(|other| view.query.tables.contains(&other.name)) {
            let (line, other) = (view.query.line_of(&other.name).unwrap_or(view.line), &other.name);
            let (message, remedy) = if name == other {
                (format!("the view '{name}' reads from itself"), "Read from the table.".to_owned())
            } else {
                let message = format!("the view '{name}' reads from the view '{other}', which stands below it");
                (message, format!("Move '{other}' above it."))
            };
            problems.add(line, message, remedy);
        }
    }
}

pub(super) fn named(what: Named, name: &str, line: u32, problems: &mut Problems) {
    if let Some((message, remedy)) = names::mistake(what, name) {
        problems.add(line, message, remedy);
    }
}

pub(super) fn line_of(node: &Node, key: &str) -> u32 {
    node.get(key).map_or(node.line, |node| node.line)
}

/// A query that is asked in parts may read views that are made of the same parts, or of the table as a whole.
fn same_per(what: &str, line: u32, query: &Query, per: &[usize], contract: &Contract, problems: &mut Problems) {
    for view in query.tables.iter().filter_map(|table| contract.view(table)) {
        if !per.is_empty() && !view.per.is_empty() && view.per != per {
            problems.add(
                line,
                format!(
                    "{what} is asked per {}, the view '{}' per {}",
                    contract.names(per).join(", "),
                    view.name,
                    contract.names(&view.per).join(", ")
                ),
                "Give both the same 'per', or the view none.",
            );
        }
    }
}

/// The query under a key, with the placeholders of ODCS filled in; one that does not parse is told with its line.
fn query(node: &Node, key: &str, column: Option<&str>, contract: &Contract, problems: &mut Problems) -> Option<Query> {
    let sql = node.require_text(key, problems)?;
    // A block of text begins on the line below its key, and so says its node.
    let line = node.get(key).map_or(node.line, |node| node.line);
    match Query::read(&placeholders(&sql, &contract.table, column), &contract.table) {
        Ok(query) => Some(query.at(line)),
        Err(fault) => {
            problems.add(
                line + fault.line - 1,
                format!("the query does not parse: {}", fault.message),
                "Mend the SQL.",
            );
            None
        }
    }
}

fn column(node: &Node, problems: &mut Problems) -> Option<Column> {
    node.only_keys(COLUMN_KEYS, problems);
    misspelt_properties(node, COLUMN_PROPERTIES, problems);
    let name = node.require_text("name", problems)?;
    named(Named::Column, &name, line_of(node, "name"), problems);
    let logical = node.require_text("logicalType", problems).unwrap_or_default();
    if !logical.is_empty() && !LOGICAL_TYPES.contains(&logical.as_str()) {
        let line = node.get("logicalType").map_or(node.line, |node| node.line);
        problems.add(line, format!("'{logical}' is no logicalType"), suggestion(&logical, LOGICAL_TYPES));
    }
    let physical = node.optional_text("physicalType", problems).unwrap_or_default().to_lowercase();
    let gtfs = custom_text(node, "gtfsType", problems);
    let options = node.get("logicalTypeOptions");
    if let Some(options) = options {
        for (key, _) in options.pairs() {
            let option = key.scalar().unwrap_or_default();
            if OPTIONS_NOT_YET.contains(&option.as_str()) {
                problems.add(
                    key.line,
                    format!("'{option}' is not supported yet"),
                    "Say it with a pattern or a SQL rule.",
                );
            } else if !OPTION_KEYS.contains(&option.as_str()) {
                problems.add(key.line, format!("'{option}' is no option here"), suggestion(&option, OPTION_KEYS));
            }
        }
    }
    let kind = kind(&logical, &physical, gtfs.as_deref());
    let limits = limits(&name, options, kind, problems);
    physical_type(node, &physical, kind, gtfs.as_deref(), problems);
    let classification = choose(node.get("classification"), "classification", CLASSIFICATIONS, problems);
    let classification = classification.unwrap_or_default();
    Some(Column {
        line: node.line,
        is_single: physical == SINGLE,
        encoding: encoding(node, kind, problems),
        round_to: round_to(node, kind, classification, problems),
        allows_private_text: allows_private_text(node, kind, classification, problems),
        kind,
        required: flag(node, "required", problems),
        presence: choose(custom(node, "gtfsPresence", problems), "gtfsPresence", PRESENCES, problems),
        mixed_case: custom_text(node, "mixedCase", problems).is_some_and(|text| text.eq_ignore_ascii_case("true")),
        gtfs_type: gtfs,
        unique: flag(node, "unique", problems),
        values: values(node, kind, problems),
        minimum: limits.minimum,
        maximum: limits.maximum,
        pattern: limits.pattern,
        above: limits.above,
        below: limits.below,
        multiple_of: limits.multiple_of,
        min_length: limits.min_length,
        max_length: limits.max_length,
        classification,
        unit: custom_text(node, "unit", problems),
        description: node.optional_text("description", problems),
        description_de: custom_text(node, "descriptionDe", problems),
        severity: choose(custom(node, "severity", problems), "severity", SEVERITIES, problems),
        on_fail: choose(custom(node, "onFail", problems), "onFail", ON_FAIL, problems),
        most_values_lost: percent(node, "maxValuesLost", problems).unwrap_or(50.0),
        name,
    })
}

/// What `logicalTypeOptions` says of the values of a column.
#[derive(Default)]
struct Limits {
    minimum: Option<f64>,
    maximum: Option<f64>,
    above: Option<f64>,
    below: Option<f64>,
    multiple_of: Option<f64>,
    pattern: Option<String>,
    min_length: Option<usize>,
    max_length: Option<usize>,
}

/// Reads the options by the type of the column: what no value of it could fail, or none could meet, is a mistake.
fn limits(name: &str, options: Option<&Node>, kind: Kind, problems: &mut Problems) -> Limits {
    let Some(options) = options else { return Limits::default() };
    let is_there = |key: &str| options.get(key).is_some_and(|node| node.value != Value::Null);
    let line = |key: &str| line_of(options, key);
    let is_number = matches!(kind, Kind::Int32 | Kind::Int64 | Kind::Float);
    let (text_only, numbers_only) = (kind != Kind::Text, !is_number);
    for key in ["pattern", "minLength", "maxLength"].into_iter().filter(|key| text_only && is_there(key)) {
        let message = format!("'{key}' is about texts, and '{name}' holds {}", held(kind));
        problems.add(
            line(key),
            message,
            format!("Remove it{}.", if is_number { ", or write 'minimum' and 'maximum'" } else { "" }),
        );
    }
    if numbers_only && is_there("multipleOf") {
        let message = format!("'multipleOf' is about numbers, and '{name}' holds {}", held(kind));
        problems.add(line("multipleOf"), message, "Remove it.");
    }
    let mut bound = |key: &str| {
        let node = options.get(key).filter(|node| node.value != Value::Null)?;
        if matches!(kind, Kind::Text | Kind::Boolean) {
            let message = format!("'{key}' is about what has an order, and '{name}' holds {}", held(kind));
            problems.add(node.line, message, "Remove it, or write 'values' or a SQL rule.");
            return None;
        }
        let bound = bound(node, kind);
        if bound.is_none() {
            let (what, remedy) = match kind {
                Kind::Date => ("no date".to_owned(), "Write a date like '2026-11-24'."),
                Kind::Instant => ("no instant".to_owned(), "Write an instant like '2026-11-24T08:00:00Z'."),
                Kind::ServiceTime => ("no time".to_owned(), "Write a time like '25:10:00'."),
                _ if node.number().is_some() => ("no finite number".to_owned(), "Write a number."),
                _ => (format!("{}, expected a number", node.kind()), "Write a number."),
            };
            let message = match is_number {
                true => format!("'{key}' is {what}"),
                false => format!("'{key}' is {what}, and '{name}' holds {}", held(kind)),
            };
            problems.add(node.line, message, remedy);
        }
        bound
    };
    let (minimum, maximum) = (bound("minimum"), bound("maximum"));
    let (above, below) = (bound("exclusiveMinimum"), bound("exclusiveMaximum"));
    let mut number = |key: &str| {
        let node = options.get(key).filter(|node| node.value != Value::Null)?;
        let number = node.number().filter(|number| number.is_finite());
        if number.is_none() {
            problems.add(node.line, format!("'{key}' is {}, expected a number", node.kind()), "Write a number.");
        }
        number
    };
    let (multiple_of, min_length, max_length) = (number("multipleOf"), number("minLength"), number("maxLength"));
    if multiple_of.is_some_and(|step| step <= 0.0) {
        problems.add(
            line("multipleOf"),
            "'multipleOf' is not above zero",
            "Write the step between values, such as 5 or 0.1.",
        );
    } else if multiple_of == Some(1.0) && matches!(kind, Kind::Int32 | Kind::Int64) {
        problems.add(line("multipleOf"), "every whole number is a multiple of 1", "Remove 'multipleOf'.");
    }
    if minimum.zip(maximum).is_some_and(|(low, high)| low > high) {
        problems.add(line("minimum"), "'minimum' is greater than 'maximum'", "Swap the two.");
    }
    for (key, length) in [("minLength", min_length), ("maxLength", max_length)] {
        if length.is_some_and(|length| length < 0.0 || length.fract() != 0.0) {
            let message = format!("'{key}' is not a count of characters");
            problems.add(line(key), message, "Write a whole number from 0.");
        }
    }
    if min_length == Some(0.0) && !text_only {
        problems.add(line("minLength"), "every text has at least 0 characters", "Remove 'minLength', or write 1.");
    }
    if min_length.zip(max_length).is_some_and(|(least, most)| least > most) {
        problems.add(line("minLength"), "'minLength' is greater than 'maxLength'", "Swap the two.");
    }
    if above.zip(below).is_some_and(|(low, high)| low >= high) {
        let message = "nothing lies between 'exclusiveMinimum' and 'exclusiveMaximum'";
        problems.add(line("exclusiveMinimum"), message, "Swap the two.");
    }
    for (key, low, other, high) in
        [("minimum", minimum, "exclusiveMaximum", below), ("exclusiveMinimum", above, "maximum", maximum)]
    {
        if low.zip(high).is_some_and(|(low, high)| low >= high) {
            problems.add(line(key), format!("nothing lies between '{key}' and '{other}'"), "Swap the two.");
        }
    }
    Limits {
        minimum,
        maximum,
        above,
        below,
        multiple_of,
        pattern: pattern(name, options, problems).filter(|_| !text_only),
        min_length: min_length.map(|length| length as usize),
        max_length: max_length.map(|length| length as usize),
    }
}

/// A bound in the numbers that the column's array has: days, milliseconds and seconds.
fn bound(node: &Node, kind: Kind) -> Option<f64> {
    let text = node.scalar()?;
    let text = text.trim();
    let instant = || {
        let of_day = |date: jiff::civil::Date| jiff::tz::TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok();
        text.parse::<jiff::Timestamp>().ok().or_else(|| text.parse().ok().and_then(of_day))
    };
    match kind {
        Kind::Date => text.parse::<ServiceDate>().ok().map(|date| f64::from(date.days_since_epoch())),
        Kind::Instant => instant().map(|instant| instant.as_millisecond() as f64),
        // In seconds, too, as the column is stored.
        Kind::ServiceTime => ServiceSeconds::from_gtfs(text.as_bytes())
            .map(|time| f64::from(time.0))
            .or_else(|| node.int().map(|seconds| seconds as f64)),
        _ => node.number().filter(|number| number.is_finite()),
    }
}

/// What a column of a kind holds, in the plural.
fn held(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "texts",
        Kind::Int32 | Kind::Int64 => "whole numbers",
        Kind::Float => "numbers",
        Kind::Boolean => "true and false",
        Kind::Date => "dates",
        Kind::ServiceTime => "times",
        Kind::Instant => "timestamps",
    }
}

/// A pattern that is readable alone and as that of a whole value.
fn pattern(name: &str, options: &Node, problems: &mut Problems) -> Option<String> {
    let pattern = options.optional_text("pattern", problems)?;
    let line = line_of(options, "pattern");
    if let Err(error) = regex::Regex::new(&pattern) {
        let reason = error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let message = format!("the pattern of '{name}' is not readable: {reason}");
        problems.add(line, message, "Mend the expression.");
    } else if has_flag_x(&pattern) || whole(&pattern).is_none() {
        let message =
            format!("the pattern of '{name}' has the flag x, with which blanks and comments are not part of it");
        problems.add(
            line,
            message,
            "Write it without '(?x)', blanks and comments; say in 'description' what it means.",
        );
    }
    Some(pattern)
}

/// The expression that a whole value must match.
pub(crate) fn whole(pattern: &str) -> Option<regex::Regex> {
    regex::Regex::new(&format!("^(?:{pattern})$")).ok()
}

/// Whether a group of flags sets `x`: `(?x)`, `(?ix:...)`.
fn has_flag_x(pattern: &str) -> bool {
    let mut rest = pattern;
    // A group behind a backslash or in brackets is none; those are rare, and say the same without a flag.
    while let Some((_, after)) = rest.split_once("(?") {
        let flags = after.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        if flags.contains('x') && after[flags.len()..].starts_with([')', ':', '-']) {
            return true;
        }
        rest = after;
    }
    false
}

fn loss_limits(table: &Node, problems: &mut Problems) -> LossLimits {
    let usual = LossLimits::default();
    let mut count = |name: &str| -> Option<u64> {
        let node = custom(table, name, problems)?;
        let count = node.scalar().and_then(|text| text.parse().ok());
        if count.is_none() {
            problems.add(node.line, format!("'{name}' is no count"), "Write a whole number from 0.");
        }
        count
    };
    LossLimits {
        routes_lost: count("maxRoutesLost").unwrap_or(usual.routes_lost),
        services_lost: count("maxServicesLost").unwrap_or(usual.services_lost),
        rows_lost: percent(table, "maxRowsLost", problems).unwrap_or(usual.rows_lost),
    }
}

/// A custom property that is a percentage.
fn percent(node: &Node, name: &str, problems: &mut Problems) -> Option<f64> {
    let node = custom(node, name, problems)?;
    let percent = node.number().filter(|percent| (0.0..=100.0).contains(percent));
    if percent.is_none() {
        problems.add(node.line, format!("'{name}' is no percentage"), "Write a number from 0 to 100.");
    }
    percent
}

/// Whether the physical type is one that a column of this kind can have in a release. What says nothing of numbers is for
/// other tools, and left to them.
fn physical_type(node: &Node, physical: &str, kind: Kind, gtfs: Option<&str>, problems: &mut Problems) {
    let known: &[&str] = match kind {
        Kind::Float => &[SINGLE, "double"],
        Kind::Int32 | Kind::Int64 | Kind::ServiceTime => &["int32", "int64", "bigint", "int", "integer"],
        _ => &[],
    };
    let is_number = [SINGLE, "double", "int32", "int64", "bigint"].contains(&physical);
    let line = line_of(node, "physicalType");
    if known.is_empty() && is_number {
        problems.add(line, format!("'{physical}' is a number, and the column holds none"), "Remove the physicalType.");
    } else if !physical.is_empty() && !known.is_empty() && !known.contains(&physical) {
        problems.add(line, format!("'{physical}' is no physicalType of this column"), suggestion(physical, known));
    } else if physical == SINGLE && gtfs.is_some() {
        // A number in a GTFS file is text, which may have more digits than a float keeps.
        let message = "a number of a GTFS file has more digits than a 'float' keeps";
        problems.add(line, message, "Write 'physicalType: double'.");
    }
}

/// The encoding that a column is to have; readers know splits of floating point numbers only, and no differences of them.
fn encoding(node: &Node, kind: Kind, problems: &mut Problems) -> Option<Encoding> {
    let word = custom(node, "encoding", problems);
    let encoding = choose(word, "encoding", ENCODINGS, problems)?;
    let remedy = match (encoding, kind) {
        (Encoding::Plain, _) => return Some(encoding),
        (_, Kind::Boolean) => "Write 'plain', or leave it out.",
        (Encoding::Delta, Kind::Float) => "Write 'byteStreamSplit', 'dictionary' or 'plain'.",
        (Encoding::ByteStreamSplit, kind) if kind != Kind::Float => "Write 'delta', 'dictionary' or 'plain'.",
        (Encoding::Dictionary, _) if flag(node, "unique", problems) => "Write 'delta': no value comes twice.",
        _ => return Some(encoding),
    };
    let (line, word) = word.map_or((node.line, String::new()), |word| (word.line, word.scalar().unwrap_or_default()));
    problems.add(line, format!("'{word}' is no encoding of this column"), remedy);
    None
}

/// The step of a timestamp's published values, in seconds.
fn round_to(node: &Node, kind: Kind, classification: Classification, problems: &mut Problems) -> Option<u32> {
    let value = custom(node, "roundTo", problems)?;
    let text = value.scalar().unwrap_or_default();
    let seconds = text.trim().strip_suffix('s').and_then(|number| number.trim_end().parse().ok());
    let seconds = seconds.filter(|seconds| (1..=60).contains(seconds));
    if kind != Kind::Instant || classification != Classification::Public {
        let message = "'roundTo' stands at a column that is no public timestamp";
        problems.add(value.line, message, "Remove it: only timestamps that are published are rounded.");
    } else if seconds.is_none() {
        let remedy =
            "Write 'roundTo' with '5 s', or another number of whole seconds from '1 s' (as they are) to '60 s'.";
        problems.add(value.line, format!("'{text}' is no step of 1 to 60 seconds"), remedy);
    }
    seconds
}

/// Why a column may hold texts that look personal.
fn allows_private_text(
    node: &Node,
    kind: Kind,
    classification: Classification,
    problems: &mut Problems,
) -> Option<String> {
    let value = custom(node, "allowsPrivateText", problems)?;
    let reason = value.scalar().unwrap_or_default().trim().to_owned();
    if kind != Kind::Text || classification != Classification::Public {
        let message = "'allowsPrivateText' stands at a column that is no public text";
        problems.add(value.line, message, "Remove it: only texts that are published are looked at.");
    } else if reason.len() < 3 || reason.eq_ignore_ascii_case("true") {
        let remedy = "Write why, such as 'the telephone of the customer service'.";
        problems.add(value.line, "'allowsPrivateText' gives no reason", remedy);
    }
    Some(reason)
}

/// The GTFS type says more than the logical type (a `Time` may exceed 24 hours), so it goes first.
fn kind(logical: &str, physical: &str, gtfs: Option<&str>) -> Kind {
    if let Some(gtfs) = gtfs {
        return match gtfs.to_lowercase().as_str() {
            "time" => Kind::ServiceTime,
            "date" => Kind::Date,
            "latitude" | "longitude" | "currency amount" => Kind::Float,
            name if name.ends_with("float") => Kind::Float,
            "enum" if logical == "string" => Kind::Text,
            "enum" => Kind::Int32,
            name if name.ends_with("integer") => Kind::Int32,
            _ => Kind::Text,
        };
    }
    match logical {
        "integer" if matches!(physical, "bigint" | "int64") => Kind::Int64,
        "integer" => Kind::Int32,
        "number" => Kind::Float,
        "boolean" => Kind::Boolean,
        "date" => Kind::Date,
        "timestamp" => Kind::Instant,
        "time" => Kind::ServiceTime,
        _ => Kind::Text,
    }
}

fn values(node: &Node, kind: Kind, problems: &mut Problems) -> Vec<EnumValue> {
    let Some(list) = custom(node, "values", problems) else { return Vec::new() };
    let remedy = match kind {
        Kind::Text | Kind::Int32 | Kind::Int64 => None,
        Kind::Float => Some("Write 'minimum' and 'maximum', or a SQL rule that names rows."),
        Kind::Boolean => Some("Remove it, or write a SQL rule that names rows."),
        Kind::Date | Kind::Instant | Kind::ServiceTime => {
            Some("Write 'minimum' and 'maximum', or a SQL rule that names rows.")
        }
    };
    if let Some(remedy) = remedy {
        let message = format!("'values' is for texts and whole numbers, and the column holds {}", held(kind));
        problems.add(list.line, message, remedy);
        return Vec::new();
    }
    if list.items().is_empty() {
        problems.add(list.line, "'values' is not a list of values", "List them as '- {value: 0, name: ...}'.");
    }
    let mut values: Vec<EnumValue> = Vec::new();
    for item in list.items() {
        let value = match &item.value {
            Value::Map(_) => {
                item.only_keys(&["value", "name", "descriptionEn", "descriptionDe"], problems);
                item.require_text("value", problems)
            }
            _ => item.scalar(),
        };
        let Some(value) = value else {
            problems.add(item.line, "an entry of 'values' has no value", "Write '{value: 0, name: ...}'.");
            continue;
        };
        if values.iter().any(|other| other.value == value) {
            problems.add(item.line, format!("the value '{value}' stands here twice"), "Remove one of the two.");
        }
        if !cases::is_readable(kind, &value) {
            let message = format!("'{value}' is no value of the column, which holds {}", held(kind));
            problems.add(item.line, message, format!("Write {}.", cases::example(kind)));
        }
        values.push(EnumValue { value, name: item.optional_text("name", problems) });
    }
    values
}

fn missing_values(table: &Node, problems: &mut Problems) -> Vec<String> {
    let Some(list) = custom(table, "missingValues", problems) else { return Vec::new() };
    let texts: Vec<String> = list.items().iter().filter_map(Node::scalar).collect();
    if texts.is_empty() || texts.len() < list.items().len() {
        problems.add(list.line, "'missingValues' is not a list of texts", "Write \"['NA', '']\".");
    }
    texts
}

fn relationships(column: Option<&str>, owner: &Node, contract: &mut Contract, problems: &mut Problems) {
    for relation in owner.get("relationships").map_or(&[][..], Node::items) {
        relation.only_keys(RELATIONSHIP_KEYS, problems);
        foreign_key(column, relation.line, relation.get("from"), relation.get("to"), relation, contract, problems);
    }
}

/// Where a reference leads: the file, if it is another one, and the table.
type Place = (Option<PathBuf>, String);

/// The place and the column that a reference names: `table.column`, or fully qualified
/// `file.yaml#/schema/table/properties/column`.
fn reference(text: &str) -> Option<(Place, String)> {
    let (file, table, column) = match text.split_once('#') {
        None => text.split_once('.').map(|(table, column)| (None, table, column))?,
        Some((file, path)) => {
            let path = path.strip_prefix('/').unwrap_or(path);
            let (table, column) = path.strip_prefix("schema/")?.split_once("/properties/")?;
            (Some(PathBuf::from(file)), table, column)
        }
    };
    let is_name = |name: &str| !name.is_empty() && !name.contains(['.', '/']);
    (is_name(table) && is_name(column)).then(|| ((file, table.to_owned()), column.to_owned()))
}

/// A column whose values stand in any of several tables, which ODCS has no word for.
fn any_of(column: &str, list: &Node, settings: &Node, contract: &mut Contract, problems: &mut Problems) {
    let mut targets = Vec::new();
    for name in list.items().iter().filter_map(Node::scalar).chain(list.scalar()) {
        match reference(&name) {
            Some(((file, table), column)) => targets.push(Target { file, table, columns: vec![column] }),
            None => problems.add(list.line, format!("'{name}' does not name a column"), "Write 'table.column'."),
        }
    }
    if let Some(place) = contract.index_of(column)
        && !targets.is_empty()
    {
        add_key(vec![place], targets, list.line, settings, contract, problems);
    }
}

/// `settings` is the node whose custom properties weigh the key.
fn add_key(
    columns: Vec<usize>,
    targets: Vec<Target>,
    line: u32,
    settings: &Node,
    contract: &mut Contract,
    problems: &mut Problems,
) {
    let severity = choose(custom(settings, "severity", problems), "severity", SEVERITIES, problems);
    let on_fail = choose(custom(settings, "onFail", problems), "onFail", ON_FAIL, problems);
    if contract.foreign_keys.iter().any(|key| key.columns == columns) {
        problems.add(line, "these columns have a foreign key already", "Say all of it in one 'references' list.");
        return;
    }
    contract.foreign_keys.push(ForeignKey {
        columns,
        targets,
        severity: severity.unwrap_or(Severity::Error),
        on_fail: on_fail.unwrap_or(OnFail::Report),
        line,
    });
}

/// `settings` is the node whose custom properties weigh the key.
fn foreign_key(
    column: Option<&str>,
    line: u32,
    from: Option<&Node>,
    to: Option<&Node>,
    settings: &Node,
    contract: &mut Contract,
    problems: &mut Problems,
) {
    let names = |node: Option<&Node>| -> Vec<String> {
        node.map_or(Vec::new(), |node| match &node.value {
            Value::List(items) => items.iter().filter_map(Node::scalar).collect(),
            _ => node.scalar().into_iter().collect(),
        })
    };
    let own: Vec<String> = match column {
        Some(column) => vec![column.to_owned()],
        None => names(from).iter().map(|name| name.rsplit('.').next().unwrap_or(name).to_owned()).collect(),
    };
    let mut place = None;
    let mut references = Vec::new();
    for target in names(to) {
        match reference(&target) {
            Some((there, column)) if *place.get_or_insert_with(|| there.clone()) == there => {
                references.push(column);
            }
            _ => problems.add(
                line,
                format!("'{target}' does not name a column of one other table"),
                "Write 'table.column', or '../folder/table.odcs.yaml#/schema/table/properties/column' for a table of another \
                 folder, all of the same table.",
            ),
        }
    }
    let mut columns = Vec::new();
    for name in &own {
        match contract.index_of(name) {
            Some(place) => columns.push(place),
            None => unknown_column(name, line, contract, problems),
        }
    }
    if columns.is_empty() || columns.len() != references.len() {
        problems.add(
            line,
            "the relationship does not have as many columns here as there",
            "Give 'from' and 'to' equally many columns.",
        );
        return;
    }
    let Some((file, table)) = place else { return };
    add_key(columns, vec![Target { file, table, columns: references }], line, settings, contract, problems);
}

fn quality(column: Option<&str>, owner: &Node, contract: &mut Contract, problems: &mut Problems) {
    for node in owner.get("quality").map_or(&[][..], Node::items) {
        node.only_keys(QUALITY_KEYS, problems);
        let misspelt = misspelt_properties(node, RULE_PROPERTIES, problems);
        let kind = node.get("type").and_then(Node::scalar).unwrap_or_else(|| "library".to_owned());
        let query = match kind.as_str() {
            "text" => {
                let name = node
                    .optional_text("name", problems)
                    .unwrap_or_else(|| format!("text_{}", contract.texts.len() + 1));
                named(Named::Rule, &name, line_of(node, "name"), problems);
                let id = RuleId(format!("{}.{name}", contract.table));
                taken(&id, node.line, contract, problems);
                let description = node.optional_text("description", problems).unwrap_or_default();
                contract.texts.push(TextRule { id, line: node.line, description });
                continue;
            }
            "sql" => query(node, "query", column, contract, problems),
            "custom" => {
                must_be(node, "engine", "fahrtenbuch", problems);
                query(node, "implementation", column, contract, problems)
            }
            "library" => {
                let settings = metric::Settings {
                    severity: choose(node.get("severity"), "severity", SEVERITIES, problems).unwrap_or(Severity::Error),
                    dimension: choose(node.get("dimension"), "dimension", DIMENSIONS, problems),
                    on_fail: choose(custom(node, "onFail", problems), "onFail", ON_FAIL, problems)
                        .unwrap_or(OnFail::Report),
                };
                let place = column.and_then(|column| contract.index_of(column));
                if let Some(rule) = metric::read(place, node, contract, &settings, problems) {
                    taken(&rule.id, rule.line, contract, problems);
                    contract.metrics.push(rule);
                }
                continue;
            }
            other => {
                problems.add(
                    line_of(node, "type"),
                    format!("'{other}' is no type of quality rule"),
                    suggestion(other, &["custom", "sql", "text", "library"]),
                );
                continue;
            }
        };
        // ODCS has no operators for rules of ours: there they are custom properties.
        let is_own = kind == "custom";
        let has_operator = metric::has_operator(node, is_own, problems);
        let returns = custom_text(node, "returns", problems).unwrap_or_else(|| "rows".to_owned());
        if !["rows", "number"].contains(&returns.as_str()) || (returns == "number" && !has_operator) {
            let line = custom(node, "returns", problems).map_or(node.line, |node| node.line);
            let message = format!("'returns: {returns}' does not fit");
            problems.add(line, message, "Write 'rows', or 'number' and the operator that the number must meet.");
        }
        let is_number = has_operator && (kind == "sql" || returns == "number");
        let limit = if has_operator { metric::read_limit(node, is_own, problems) } else { None };
        let name = node.require_text("name", problems);
        let (Some(query), Some(name)) = (query, name) else { continue };
        named(Named::Rule, &name, line_of(node, "name"), problems);
        let id = RuleId(format!("{}.{name}", contract.table));
        taken(&id, node.line, contract, problems);
        let on_fail = choose(custom(node, "onFail", problems), "onFail", ON_FAIL, problems).unwrap_or(OnFail::Report);
        let invalidates = match custom(node, "invalidates", problems) {
            Some(list) => places(list, "invalidates", contract, problems),
            None => column.and_then(|column| contract.index_of(column)).into_iter().collect(),
        };
        let line_of_on_fail = custom(node, "onFail", problems).map_or(node.line, |node| node.line);
        let is_told = misspelt || custom(node, "invalidates", problems).is_some();
        if on_fail == OnFail::Invalidate && invalidates.is_empty() && !is_told {
            problems.add(
                line_of_on_fail,
                format!("the rule '{id}' does not say which columns it invalidates"),
                "Add the custom property 'invalidates' with a list of columns.",
            );
        }
        if is_number && !matches!(on_fail, OnFail::Report | OnFail::Block) {
            problems.add(
                line_of_on_fail,
                "a query that returns a number cannot hold back rows",
                "Set onFail to 'report' or 'block', or return the rows with 'type: custom', 'engine: fahrtenbuch'.",
            );
        }
        // Which earlier partitions there are depends on the order in which dates are run, and files must not.
        let is_about_others = limit.is_some_and(metric::Limit::needs_history) || contract.reads_previous(&query);
        if is_about_others && matches!(on_fail, OnFail::Quarantine | OnFail::Invalidate) {
            problems.add(
                line_of_on_fail,
                format!(
                    "the rule '{id}' compares with earlier partitions, which must not decide what is published of rows"
                ),
                "Set onFail to 'report' or 'block'.",
            );
        }
        if is_number && limit.is_some_and(|limit| limit.unit == metric::Unit::Percent) {
            let message = "a query that returns a number has no percentage";
            problems.add(line_of(node, "unit"), message, "Let the query work it out.");
        }
        let per = custom(node, "per", problems).map_or(Vec::new(), |list| places(list, "per", contract, problems));
        same_per(&format!("the rule '{id}'"), node.line, &query, &per, contract, problems);
        if is_number && !per.is_empty() {
            let message = "a query that returns a number is asked of the table as a whole";
            let line = custom(node, "per", problems).map_or(node.line, |node| node.line);
            problems.add(line, message, "Remove 'per'.");
        }
        let rule = Rule {
            id,
            line: node.line,
            query,
            per,
            severity: choose(node.get("severity"), "severity", SEVERITIES, problems).unwrap_or(Severity::Error),
            dimension: choose(node.get("dimension"), "dimension", DIMENSIONS, problems)
                .unwrap_or(Dimension::Conformity),
            on_fail,
            invalidates: if on_fail == OnFail::Invalidate { invalidates } else { Vec::new() },
            limit,
            is_number,
            description: node.optional_text("description", problems),
            description_de: custom_text(node, "descriptionDe", problems),
            why: node.optional_text("businessImpact", problems),
            why_de: custom_text(node, "businessImpactDe", problems),
        };
        contract.rules.push(rule);
    }
}

/// Other tools may have custom properties of their own, but what is nearly one of ours was meant to be it: nobody would see
/// that 'onFial' does nothing.
fn misspelt_properties(node: &Node, known: &[&str], problems: &mut Problems) -> bool {
    let known: Vec<&str> = known.iter().copied().chain(metric::OPERATORS).collect();
    let mut found = false;
    for item in node.get("customProperties").map_or(&[][..], Node::items) {
        let Some(property) = item.get("property").filter(|node| !known.contains(&node.text().unwrap_or_default()))
        else {
            continue;
        };
        let name = property.scalar().unwrap_or_default();
        if let Some(meant) = yaml::misspelt(&name, &known) {
            let message = format!("the custom property '{name}' is not known here");
            problems.add(property.line, message, format!("Did you mean '{meant}'?"));
            found = true;
        }
    }
    found
}

/// ODCS writes `{object}` and `{property}`, also with a dollar sign, for the table and the column that a query is about.
fn placeholders(sql: &str, table: &str, column: Option<&str>) -> String {
    let mut sql = sql.to_owned();
    let names = [("object", Some(table)), ("table", Some(table)), ("property", column), ("column", column)];
    for (name, value) in names.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        sql = sql.replace(&format!("${{{name}}}"), value).replace(&format!("{{{name}}}"), value);
    }
    sql
}

fn taken(id: &RuleId, line: u32, contract: &Contract, problems: &mut Problems) {
    if metric::is_taken(id, contract) {
        problems.add(line, format!("the rule '{id}' stands here twice"), "Give each rule a name of its own.");
    }
}

fn places(list: &Node, what: &str, contract: &Contract, problems: &mut Problems) -> Vec<usize> {
    if list.items().is_empty() {
        problems.add(list.line, format!("'{what}' is not a list of columns"), "Write '[column, column]'.");
    }
    let mut places = Vec::new();
    for item in list.items() {
        let name = item.scalar().unwrap_or_default();
        match contract.index_of(&name) {
            Some(place) => places.push(place),
            None => unknown_column(&name, item.line, contract, problems),
        }
    }
    places
}

pub(super) fn unknown_column(name: &str, line: u32, contract: &Contract, problems: &mut Problems) {
    let known: Vec<&str> = contract.columns.iter().map(|column| column.name.as_str()).collect();
    problems.add(line, format!("'{name}' is no column of '{}'", contract.table), suggestion(name, &known));
}

/// The value of a custom property, which ODCS writes as a list of `{property, value}`.
pub(super) fn custom<'a>(node: &'a Node, name: &str, problems: &mut Problems) -> Option<&'a Node> {
    let list = node.get("customProperties")?;
    if !matches!(list.value, Value::List(_)) {
        let told = problems.found.iter().any(|p| p.line == list.line && p.message.starts_with("'customProperties'"));
        if !told {
            problems.add(
                list.line,
                format!("'customProperties' is {}, expected a list", list.kind()),
                "Write '- {property: ..., value: ...}'.",
            );
        }
        return None;
    }
    list.items().iter().find(|item| item.get("property").and_then(Node::text) == Some(name))?.get("value")
}

fn custom_text(node: &Node, name: &str, problems: &mut Problems) -> Option<String> {
    custom(node, name, problems).and_then(Node::scalar)
}

fn flag(node: &Node, key: &str, problems: &mut Problems) -> bool {
    let Some(value) = node.get(key) else { return false };
    value.bool().unwrap_or_else(|| {
        problems.add(
            value.line,
            format!("'{key}' is {}, expected true or false", value.kind()),
            "Write true or false.",
        );
        false
    })
}

fn must_be(node: &Node, key: &str, expected: &str, problems: &mut Problems) {
    if let Some(found) = node.require_text(key, problems)
        && found != expected
    {
        let line = node.get(key).map_or(node.line, |node| node.line);
        problems.add(line, format!("'{key}' is '{found}'"), format!("Write '{key}: {expected}'."));
    }
}

pub(super) fn choose<T: Copy>(
    node: Option<&Node>,
    what: &str,
    known: &[(&str, T)],
    problems: &mut Problems,
) -> Option<T> {
    let node = node?;
    let word = node.scalar().unwrap_or_default();
    let found = known.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    if found.is_none() {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        problems.add(node.line, format!("'{word}' is no {what}"), suggestion(&word, &names));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn physical_types_and_encodings_that_a_column_cannot_have_are_mistakes() {
        let of = |column: &str| {
            let text = format!(
                "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
                 properties:\n      - {{name: a, {column}}}\n"
            );
            match contract(Path::new("t.odcs.yaml"), &text) {
                Ok(contract) => Ok((contract.columns[0].release_type(), contract.columns[0].encoding)),
                Err(problems) => Err(problems[0].to_string()),
            }
        };
        let property = |name: &str, value: &str| format!("customProperties: [{{property: {name}, value: {value}}}]");
        use arrow_schema::DataType;
        assert_eq!(of("logicalType: number, physicalType: float"), Ok((DataType::Float32, None)));
        assert_eq!(of("logicalType: number, physicalType: double"), Ok((DataType::Float64, None)));
        assert_eq!(of("logicalType: number"), Ok((DataType::Float64, None)));
        assert!(of("logicalType: number, physicalType: flaot").unwrap_err().contains("float"));
        assert!(of("logicalType: string, physicalType: float").unwrap_err().contains("holds none"));
        assert!(of("logicalType: integer, physicalType: float").unwrap_err().contains("no physicalType"));
        let latitude = format!("logicalType: number, physicalType: float, {}", property("gtfsType", "Latitude"));
        assert!(of(&latitude).unwrap_err().contains("more digits"));
        let plain = format!("logicalType: number, {}", property("encoding", "plain"));
        assert_eq!(of(&plain), Ok((DataType::Float64, Some(Encoding::Plain))));
        for (kind, encoding) in [
            ("logicalType: number", "delta"),
            ("logicalType: string", "byteStreamSplit"),
            ("logicalType: boolean", "dictionary"),
            ("logicalType: string, unique: true", "dictionary"),
            ("logicalType: string", "zigzag"),
        ] {
            let found = of(&format!("{kind}, {}", property("encoding", encoding))).unwrap_err();
            assert!(found.contains(&format!("'{encoding}' is no encoding")), "{found}");
        }
    }

    /// What is told of one column: its mistakes, or the checks that it makes.
    fn checks(column: &str) -> Result<Vec<String>, String> {
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: 1.10\nstatus: active\nschema:\n  - name: t\n    \
             properties:\n      - {{name: a, {column}}}\n"
        );
        let contract = contract(Path::new("t.odcs.yaml"), &text).map_err(|problems| {
            assert!(problems.iter().all(|problem| problem.line == 9 && problem.remedy.len() > 8), "{problems:?}");
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        })?;
        assert_eq!(contract.version, "1.10");
        let specs = crate::check::rules::specs(&contract);
        let of_column = specs.into_iter().filter(|spec| spec.id.0.starts_with("t.a.") && spec.id.0 != "t.a.type");
        Ok(of_column.map(|spec| spec.message).collect())
    }

    #[test]
    fn checks_that_never_fire_or_always_are_mistakes() {
        let values = |kind: &str, values: &str| {
            format!("logicalType: {kind}, customProperties: [{{property: values, value: {values}}}]")
        };
        let options = |kind: &str, options: &str| format!("logicalType: {kind}, logicalTypeOptions: {{{options}}}");
        for (column, expected) in [
            (values("number", "[1, 2]"), "'values' is for texts and whole numbers, and the column holds numbers"),
            (values("boolean", "[true]"), "holds true and false"),
            (values("date", "['2026-01-01']"), "holds dates"),
            (values("time", "['08:00:00']"), "holds times"),
            (values("timestamp", "['2026-01-01T00:00:00Z']"), "holds timestamps"),
            (values("integer", "[one]"), "'one' is no value of the column"),
            (values("integer", "[3000000000]"), "'3000000000' is no value of the column"),
            (options("date", "minimum: 5"), "'minimum' is no date"),
            (options("date", "multipleOf: 5"), "'multipleOf' is about numbers, and 'a' holds dates"),
            (options("timestamp", "exclusiveMaximum: soon"), "'exclusiveMaximum' is no instant"),
            (options("time", "maximum: late"), "'maximum' is no time"),
            (options("boolean", "minimum: 0"), "'minimum' is about what has an order"),
            (options("string", "maximum: 9"), "'maximum' is about what has an order"),
            (options("integer", "pattern: '[0-9]+'"), "'pattern' is about texts, and 'a' holds whole numbers"),
            (options("date", "pattern: '2026.*'"), "'pattern' is about texts"),
            (options("integer", "minLength: 3"), "'minLength' is about texts"),
            (options("number", "maxLength: 3"), "'maxLength' is about texts"),
            (options("string", "minLength: 0"), "at least 0 characters"),
            (options("string", "minLength: 4, maxLength: 3"), "'minLength' is greater than 'maxLength'"),
            (options("string", "pattern: '(?x) [0-9]+ # digits'"), "has the flag x"),
            (options("string", "pattern: '(?ix: [0-9]+ )'"), "has the flag x"),
            (options("string", "pattern: '(?i-x)a(?x)b'"), "has the flag x"),
            (options("number", "minimum: .inf"), "'minimum' is no finite number"),
            (options("number", "minimum: many"), "'minimum' is text, expected a number"),
            (options("number", "minimum: 5, exclusiveMaximum: 5"), "nothing lies between"),
            (options("integer", "multipleOf: 1"), "every whole number is a multiple of 1"),
        ] {
            let told = checks(&column).expect_err(&column);
            assert!(told.contains(expected) && told.lines().count() == 1, "{column}: {told}");
        }
        for (column, expected) in [
            (values("string", "[01, 1.10, True]"), "a is one of 01, 1.10, True"),
            (values("integer", "[0, 1]"), "a is one of 0, 1"),
            (options("date", "minimum: 2020-01-01"), "a is at least 2020-01-01"),
            (
                options("timestamp", "minimum: '2020-01-01', exclusiveMaximum: '2030-01-01T01:00:00+01:00'"),
                "a is at least 2020-01-01T00:00:00Z and less than 2030-01-01T00:00:00Z",
            ),
            (options("time", "maximum: '30:00:00'"), "a is at most 30:00:00"),
            (options("string", "pattern: '(?i)[a-f]+ #x'"), "a matches (?i)[a-f]+ #x"),
            (options("string", "pattern: '(?:x|y)(?P<x>z)'"), "a matches (?:x|y)(?P<x>z)"),
        ] {
            assert_eq!(checks(&column), Ok(vec![expected.to_owned()]), "{column}");
        }
    }

    #[test]
    fn names_that_lead_out_of_the_workspace_are_mistakes_with_their_lines() {
        let of = |table: &str, column: &str, file: &str| {
            let text = format!(
                "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: {table}\n    \
                 customProperties: [{{property: gtfsFile, value: {file}}}]\n    \
                 properties:\n      - {{name: {column}, logicalType: string}}\n"
            );
            let problems = contract(Path::new("t.odcs.yaml"), &text).unwrap_err();
            problems.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        for table in ["/etc/x", "../x", "sub/dir", "'x,y'", "a b", "previous", "timetable_stops", "\"a\\e]52\""] {
            let told = of(table, "a", "a.txt");
            assert!(told.len() == 1 && told[0].starts_with("t.odcs.yaml:7: "), "{told:?}");
            assert!(!told[0].chars().any(char::is_control), "{told:?}");
        }
        for column in ["_index", "a/b", "a b", "_row"] {
            let told = of("t", column, "a.txt");
            assert!(told.len() == 1 && told[0].starts_with("t.odcs.yaml:10: "), "{told:?}");
        }
        assert_eq!(
            of("t", "a", "../a.txt"),
            ["t.odcs.yaml:8: 'gtfsFile' is no name of a file. Write the name alone, such as 'stops.txt'."]
        );
    }
}
