//! The rules that a contract makes, in its order: what each looks at, how severe it is and what it requires, for people.
//! Others of this room make of them what runs: [`super::row_rules`], [`super::sql`], [`super::metrics`], [`super::sla`].

use regex::Regex;

use crate::contract::pattern::whole;
use crate::contract::sla::SlaKind;
use crate::contract::{Column, Contract, Dimension, Kind, OnFail, RuleId, Severity, TEXT_RULES};
use crate::table::keys::KeyColumns;
use crate::time::{ServiceDate, ServiceSeconds};

/// A rule and its severity.
pub struct RuleSpec {
    pub id: RuleId,
    pub kind: RuleKind,
    pub dimension: Dimension,
    pub severity: Severity,
    pub on_fail: OnFail,
    /// What the rule requires, for people.
    pub message: String,
}

/// What a rule looks at.
pub enum RuleKind {
    RowLength,
    /// A place in the list of rules over the text of a CSV file.
    Text {
        rule: usize,
    },
    Type {
        column: usize,
    },
    Required {
        column: usize,
    },
    Enum {
        column: usize,
    },
    Range {
        column: usize,
    },
    Pattern {
        column: usize,
        pattern: Regex,
    },
    Length {
        column: usize,
    },
    /// No two rows have the same key.
    Once {
        columns: KeyColumns,
    },
    /// A place in the contract's foreign keys.
    ForeignKey {
        key: usize,
    },
    /// A place in the contract's rules.
    Sql {
        rule: usize,
    },
    /// A number over all rows that pass: a place in the contract's metrics.
    Metric {
        metric: usize,
    },
    /// A place in the contract's service levels.
    Sla {
        term: usize,
    },
}

/// What the rule over torn rows requires, in English and German.
pub const ROW_LENGTH: (&str, &str) = (
    "every row has as many fields as the header, and no open quote swallows the rows behind it",
    "jede Zeile hat so viele Felder wie die Kopfzeile, und kein offenes Anführungszeichen verschluckt die Zeilen dahinter",
);

/// All rules of a contract, in its order.
pub fn specs(contract: &Contract) -> Vec<RuleSpec> {
    let table = &contract.table;
    let mut specs = vec![RuleSpec {
        id: RuleId(format!("{table}.row_length")),
        kind: RuleKind::RowLength,
        dimension: Dimension::Conformity,
        severity: Severity::Error,
        on_fail: OnFail::Quarantine,
        message: ROW_LENGTH.0.to_owned(),
    }];
    specs.extend(text_specs(contract));
    for (place, column) in contract.columns.iter().enumerate() {
        ColumnSpecs { table, place, column, specs: &mut specs }.add_all();
    }
    specs.extend(key_specs(contract));
    specs.extend(query_specs(contract));
    specs.extend(metric_specs(contract));
    specs.extend(sla_specs(contract));
    specs
}

/// The rules that null values of a column which they find wrong. That a value which cannot be read is absent goes without saying.
pub fn nulling(contract: &Contract, column: &str) -> Vec<RuleId> {
    let Some(place) = contract.index_of(column) else { return Vec::new() };
    let nulls = |kind: &RuleKind| match kind {
        RuleKind::Enum { column }
        | RuleKind::Range { column }
        | RuleKind::Pattern { column, .. }
        | RuleKind::Length { column } => *column == place,
        RuleKind::ForeignKey { key } => contract.foreign_keys[*key].columns.contains(&place),
        RuleKind::Sql { rule } => contract.rules[*rule].invalidates.contains(&place),
        RuleKind::RowLength
        | RuleKind::Text { .. }
        | RuleKind::Type { .. }
        | RuleKind::Required { .. }
        | RuleKind::Once { .. }
        | RuleKind::Metric { .. }
        | RuleKind::Sla { .. } => false,
    };
    let specs = specs(contract).into_iter();
    specs.filter(|spec| spec.on_fail == OnFail::Invalidate && nulls(&spec.kind)).map(|spec| spec.id).collect()
}

/// The rules over the text of a CSV file.
fn text_specs(contract: &Contract) -> impl Iterator<Item = RuleSpec> {
    let table = &contract.table;
    TEXT_RULES.iter().enumerate().filter(|_| contract.has_text_rules()).map(move |(rule, (name, requires, _, _))| {
        let change = contract.text_rules.iter().find(|change| change.rule == rule);
        RuleSpec {
            id: RuleId(format!("{table}.{name}")),
            kind: RuleKind::Text { rule },
            dimension: Dimension::Conformity,
            severity: change.and_then(|change| change.severity).unwrap_or(Severity::Warning),
            on_fail: change.and_then(|change| change.on_fail).unwrap_or(OnFail::Report),
            message: (*requires).to_owned(),
        }
    })
}

/// The primary key and the foreign keys.
fn key_specs(contract: &Contract) -> Vec<RuleSpec> {
    let table = &contract.table;
    let names = |places: &[usize]| -> Vec<&str> { places.iter().map(|&p| contract.columns[p].name.as_str()).collect() };
    let mut specs = Vec::new();
    if !contract.primary_key.is_empty() {
        specs.push(RuleSpec {
            id: RuleId(format!("{table}.primary_key")),
            kind: RuleKind::Once { columns: KeyColumns::new(contract.primary_key.clone()) },
            dimension: Dimension::Uniqueness,
            severity: Severity::Error,
            on_fail: OnFail::Quarantine,
            message: format!("no two rows have the same {}", names(&contract.primary_key).join(", ")),
        });
    }
    for (place, key) in contract.foreign_keys.iter().enumerate() {
        let columns = names(&key.columns);
        let targets: Vec<String> =
            key.targets.iter().map(|target| format!("{}.{}", target.table, target.columns.join("+"))).collect();
        specs.push(RuleSpec {
            id: RuleId(format!("{table}.{}.foreign_key", columns.join("+"))),
            kind: RuleKind::ForeignKey { key: place },
            dimension: Dimension::Consistency,
            severity: key.severity,
            on_fail: key.on_fail,
            message: format!("{} exists in {}", columns.join(", "), targets.join(" or ")),
        });
    }
    specs
}

fn query_specs(contract: &Contract) -> impl Iterator<Item = RuleSpec> {
    contract.rules.iter().enumerate().map(|(place, rule)| RuleSpec {
        id: rule.id.clone(),
        kind: RuleKind::Sql { rule: place },
        dimension: rule.dimension,
        severity: rule.severity,
        on_fail: rule.on_fail,
        message: rule.description.clone().unwrap_or_default(),
    })
}

fn metric_specs(contract: &Contract) -> impl Iterator<Item = RuleSpec> {
    contract.metrics.iter().enumerate().map(|(place, metric)| RuleSpec {
        id: metric.id.clone(),
        kind: RuleKind::Metric { metric: place },
        dimension: metric.dimension,
        severity: metric.severity,
        on_fail: metric.on_fail,
        message: metric.description.clone().unwrap_or_else(|| metric.metric.name().to_owned()),
    })
}

fn sla_specs(contract: &Contract) -> impl Iterator<Item = RuleSpec> {
    contract.sla.iter().enumerate().map(|(place, term)| {
        let (dimension, said) = match term.kind {
            SlaKind::Freshness { .. } => (Dimension::Timeliness, "the newest value is fresh"),
            SlaKind::Latency { .. } => (Dimension::Timeliness, "rows come in time"),
            SlaKind::Completeness { .. } => (Dimension::Coverage, "the service date is covered"),
            SlaKind::Retention { .. } => (Dimension::Conformity, "nothing is kept for longer than promised"),
        };
        RuleSpec {
            id: term.id.clone(),
            kind: RuleKind::Sla { term: place },
            dimension,
            severity: Severity::Warning,
            on_fail: OnFail::Report,
            message: term.description.clone().unwrap_or_else(|| said.to_owned()),
        }
    })
}

/// Makes the rules of one column.
struct ColumnSpecs<'a> {
    table: &'a str,
    place: usize,
    column: &'a Column,
    specs: &'a mut Vec<RuleSpec>,
}

/// What a rule of a column is unless the contract says otherwise.
type Defaults = (Dimension, Severity, OnFail);

const REPORTED: Defaults = (Dimension::Conformity, Severity::Error, OnFail::Report);

impl ColumnSpecs<'_> {
    fn add(&mut self, rule: &str, kind: RuleKind, defaults: Defaults, message: String) {
        let (dimension, severity, on_fail) = defaults;
        let (table, name) = (self.table, &self.column.name);
        self.specs.push(RuleSpec {
            id: RuleId(format!("{table}.{name}.{rule}")),
            kind,
            dimension,
            severity: self.column.severity.unwrap_or(severity),
            on_fail: self.column.on_fail.unwrap_or(on_fail),
            message,
        });
    }

    fn add_all(mut self) {
        self.add_presence();
        self.add_values();
        self.add_text();
        if self.column.unique {
            let kind = RuleKind::Once { columns: KeyColumns::new(vec![self.place]) };
            let defaults = (Dimension::Uniqueness, Severity::Error, OnFail::Quarantine);
            self.add("unique", kind, defaults, format!("no two rows have the same {}", self.column.name));
        }
    }

    /// That a value can be read, and that there is one.
    fn add_presence(&mut self) {
        let (column, place, name) = (self.column, self.place, &self.column.name);
        let kind = match column.kind {
            Kind::Text => "text in UTF-8",
            Kind::Int32 | Kind::Int64 => "a whole number",
            Kind::Float => "a number",
            Kind::Boolean => "true or false",
            Kind::Date => "a date",
            Kind::ServiceTime => "a time of the service date",
            Kind::Instant => "an instant",
        };
        // Where the column is required, a row without a readable value is a row without the value.
        let unreadable = if column.required { OnFail::Quarantine } else { OnFail::Invalidate };
        let defaults = (Dimension::Conformity, Severity::Error, unreadable);
        self.add("type", RuleKind::Type { column: place }, defaults, format!("{name} is {kind}"));
        if column.required {
            let defaults = (Dimension::Completeness, Severity::Error, OnFail::Quarantine);
            self.add("required", RuleKind::Required { column: place }, defaults, format!("{name} is there"));
        }
    }

    /// Lists of values, and bounds.
    fn add_values(&mut self) {
        let (column, place, name) = (self.column, self.place, &self.column.name);
        if !column.values.is_empty() {
            let values: Vec<&str> = column.values.iter().map(|value| value.value.as_str()).collect();
            let message = format!("{name} is one of {}", values.join(", "));
            let defaults = (Dimension::Conformity, Severity::Warning, OnFail::Report);
            self.add("enum", RuleKind::Enum { column: place }, defaults, message);
        }
        let bounds = [
            (column.minimum, "at least"),
            (column.above, "greater than"),
            (column.maximum, "at most"),
            (column.below, "less than"),
            (column.multiple_of, "a multiple of"),
        ];
        let bounds: Vec<String> = bounds
            .iter()
            .filter_map(|(bound, word)| Some(format!("{word} {}", bound_text(column.kind, (*bound)?))))
            .collect();
        if !bounds.is_empty() {
            let message = format!("{name} is {}", bounds.join(" and "));
            let defaults = (Dimension::Accuracy, Severity::Error, OnFail::Report);
            self.add("range", RuleKind::Range { column: place }, defaults, message);
        }
    }

    /// Patterns and lengths.
    fn add_text(&mut self) {
        let (column, place, name) = (self.column, self.place, &self.column.name);
        // The contract's reader has refused patterns that do not compile.
        if let Some(pattern) = column.pattern.as_ref().and_then(|p| whole(p)) {
            let message = format!("{name} matches {}", column.pattern.as_deref().unwrap_or_default());
            self.add("pattern", RuleKind::Pattern { column: place, pattern }, REPORTED, message);
        }
        let lengths = [(column.min_length, "at least"), (column.max_length, "at most")];
        let lengths: Vec<String> =
            lengths.iter().filter_map(|(length, word)| Some(format!("{word} {}", (*length)?))).collect();
        if !lengths.is_empty() {
            let message = format!("{name} has {} characters", lengths.join(" and "));
            self.add("length", RuleKind::Length { column: place }, REPORTED, message);
        }
    }
}

/// A bound as people write it, of the number that the column's array has.
pub fn bound_text(kind: Kind, bound: f64) -> String {
    match kind {
        Kind::Date => {
            ServiceDate::from_days_since_epoch(bound as i32).map_or_else(|| bound.to_string(), |date| date.to_string())
        }
        Kind::Instant => {
            jiff::Timestamp::from_millisecond(bound as i64).map_or_else(|_| bound.to_string(), |t| t.to_string())
        }
        Kind::ServiceTime => ServiceSeconds(bound as i32).to_string(),
        _ => bound.to_string(),
    }
}
