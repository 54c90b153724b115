//! What a rule asks, in German. The contract's own rules bring their words; those that every contract makes have them here.
//! Notices of standard rules bring their words, too: see their files.

use crate::check::program_findings;
use crate::check::rules::{ROW_LENGTH, RuleKind, RuleSpec, bound_text};
use crate::contract::metric::Metric;
use crate::contract::sla::SlaKind;
use crate::contract::{Contract, Kind, RuleId, TEXT_RULES};

/// What is told of rows that a transform dropped, by the rule's name; no contract has these rules.
pub(super) fn of_dropped(rule: &RuleId) -> Option<String> {
    program_findings::of(&rule.0).map(|finding| finding.de.0.to_owned())
}

/// What must be true; nothing where the contract says it in English only.
pub(super) fn description(contract: &Contract, spec: &RuleSpec) -> Option<String> {
    let name = |place: usize| contract.columns[place].name.as_str();
    let names = |places: &[usize]| places.iter().map(|&place| name(place)).collect::<Vec<_>>().join(", ");
    Some(match &spec.kind {
        RuleKind::RowLength => ROW_LENGTH.1.to_owned(),
        &RuleKind::Text { rule } => TEXT_RULES[rule].2.to_owned(),
        &RuleKind::Type { column } => format!("{} ist {}", name(column), kind(contract.columns[column].kind)),
        &RuleKind::Required { column } => format!("{} ist vorhanden", name(column)),
        &RuleKind::Enum { column } => {
            let values: Vec<&str> = contract.columns[column].values.iter().map(|value| value.value.as_str()).collect();
            format!("{} ist einer der Werte {}", name(column), values.join(", "))
        }
        &RuleKind::Range { column } => {
            let of = &contract.columns[column];
            let bounds = [
                (of.minimum, "mindestens"),
                (of.above, "größer als"),
                (of.maximum, "höchstens"),
                (of.below, "kleiner als"),
                (of.multiple_of, "ein Vielfaches von"),
            ];
            let bounds = bounds.map(|(bound, word)| (bound.map(|bound| bound_text(of.kind, bound)), word));
            format!("{} ist {}", name(column), joined(&bounds))
        }
        RuleKind::Pattern { column, .. } => {
            format!(
                "{} hat die Form {}",
                name(*column),
                contract.columns[*column].pattern.as_deref().unwrap_or_default()
            )
        }
        &RuleKind::Length { column } => {
            let of = &contract.columns[column];
            format!(
                "{} hat {} Zeichen",
                name(column),
                joined(&[(of.min_length, "mindestens"), (of.max_length, "höchstens")])
            )
        }
        RuleKind::Once { columns } => format!("keine zwei Zeilen stimmen in {} überein", names(&columns.places)),
        &RuleKind::ForeignKey { key } => {
            let key = &contract.foreign_keys[key];
            let targets: Vec<String> =
                key.targets.iter().map(|target| format!("{}.{}", target.table, target.columns.join("+"))).collect();
            format!("{} steht in {}", names(&key.columns), targets.join(" oder "))
        }
        &RuleKind::Sql { rule } => return contract.rules[rule].description_de.clone(),
        &RuleKind::Metric { metric } if contract.metrics[metric].description.is_none() => {
            match contract.metrics[metric].metric {
                Metric::RowCount => "Zahl der Zeilen",
                Metric::NullValues { .. } => "Zeilen ohne Wert",
                Metric::MissingValues { .. } => "fehlende Werte",
                Metric::InvalidValues { .. } => "ungültige Werte",
                Metric::DuplicateValues { .. } => "mehrfache Werte",
            }
            .to_owned()
        }
        &RuleKind::Metric { metric } => return contract.metrics[metric].description_de.clone(),
        &RuleKind::Sla { term } => match contract.sla[term].kind {
            SlaKind::Freshness { .. } => "der neueste Wert ist frisch",
            SlaKind::Latency { .. } => "Zeilen kommen rechtzeitig an",
            SlaKind::Completeness { .. } => "der Betriebstag ist abgedeckt",
            SlaKind::Retention { .. } => "nichts wird länger aufbewahrt als zugesagt",
        }
        .to_owned(),
    })
}

fn joined<T: std::fmt::Display>(bounds: &[(Option<T>, &str)]) -> String {
    let told: Vec<String> =
        bounds.iter().filter_map(|(bound, word)| Some(format!("{word} {}", bound.as_ref()?))).collect();
    told.join(" und ")
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "Text in UTF-8",
        Kind::Int32 | Kind::Int64 => "eine ganze Zahl",
        Kind::Float => "eine Zahl",
        Kind::Boolean => "wahr oder falsch",
        Kind::Date => "ein Datum",
        Kind::ServiceTime => "eine Zeit des Betriebstags",
        Kind::Instant => "ein Zeitpunkt",
    }
}
