//! `quality.dqv.ttl`: the results for catalogues, in the Data Quality Vocabulary of W3C (<https://www.w3.org/TR/vocab-dqv/>).
//!
//! A rule is a `dqv:Metric` in a `dqv:Dimension`; what it came to is a `dqv:QualityMeasurement` on the table
//! (`dcat:Distribution`) or, where the table is not published itself, on the dataset. Its value is the share of rows that
//! conform, from 0 to 1, rounded down to millionths. The scores are measurements on the dataset, from 0 to 100.
//!
//! IRIs are relative to the file, and rules and dimensions are places on the dataset's quality page, so that they can be
//! looked up wherever the bucket is. `base_url` of the workspace, if it is set, makes them absolute.

use std::fmt::Write;

use crate::check::RuleResult;
use crate::contract::Dimension;
use crate::ledger::Status;
use crate::report::quality::{Evaluates, Quality, RuleReport};
use crate::report::results::{Form, path};
use crate::report::score;
use crate::report::words::{DIMENSIONS, dimension_word, encoded, printable};

const PREFIXES: &str = "\
@prefix dcat: <http://www.w3.org/ns/dcat#> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix dqv: <http://www.w3.org/ns/dqv#> .
@prefix ldqd: <http://www.w3.org/2016/05/ldqd#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
";
/// From the file to the root of the bucket, and to the dataset's page.
const ROOT: &str = "../../../";
const PAGE: &str = "../quality.html";

/// What a dimension of ODCS is called elsewhere: in ISO/IEC 25012, and in the Linked Data Quality Dimensions of W3C. Coverage
/// has no fellow there.
fn relatives(dimension: Dimension) -> (Option<&'static str>, Option<&'static str>) {
    match dimension {
        Dimension::Accuracy => (Some("Accuracy"), Some("semanticAccuracy")),
        Dimension::Completeness => (Some("Completeness"), Some("completeness")),
        Dimension::Conformity => (Some("Compliance"), Some("syntacticValidity")),
        Dimension::Consistency => (Some("Consistency"), Some("consistency")),
        Dimension::Coverage => (None, None),
        Dimension::Timeliness => (Some("Currentness"), Some("timeliness")),
        Dimension::Uniqueness => (None, Some("conciseness")),
    }
}

/// The file's text. `base` is where the bucket is on the web.
pub(super) fn write(quality: &Quality, base: Option<&str>) -> String {
    let mut out = String::new();
    if let Some(base) = base {
        let file = path(&quality.dataset, quality.date, Form::Dqv);
        let _ = writeln!(out, "@base <{}/{}> .", iri(base.trim_end_matches('/')), file);
    }
    out += PREFIXES;
    let dataset = format!("<{ROOT}data/{}>", encoded(&quality.dataset));
    let _ = writeln!(out, "\n<> a dqv:QualityMetadata ;\n  dcterms:identifier \"{}\" .", quality.inputs);
    if quality.status == Status::HeldBack {
        out += "<> skos:note \"held back: nothing of this run was published\"@en .\n";
    }
    let _ = writeln!(
        out,
        "\n<#partition> a dcterms:PeriodOfTime ;\n  dcat:startDate \"{0}\"^^xsd:date ;\n  dcat:endDate \"{0}\"^^xsd:date .",
        quality.date
    );
    let told = quality.rules.iter().filter_map(|result| Some((result, score::conformity(result)?)));
    let told: Vec<(&RuleReport, f64)> = told.collect();
    subjects(&mut out, quality, &dataset, &told);
    for dimension in DIMENSIONS.into_iter().filter(|one| told.iter().any(|(result, _)| result.dimension == *one)) {
        describe(&mut out, dimension);
    }
    for (dimension, score) in &quality.score.dimensions {
        let id = dimension_id(*dimension);
        let (de, en) = dimension_word(*dimension);
        let words = [("de", format!("Note: {de}")), ("en", format!("Score: {en}"))];
        let metric = format!("<{PAGE}#score-{id}>");
        define(&mut out, &metric, &words, (score::FORMULA_DE, score::FORMULA_EN), Some(*dimension));
        measure(&mut out, &format!("score-{id}"), &metric, &dataset, format!("{score:.2}"));
    }
    if let Some(score) = quality.score.dataset {
        let words = [("de", "Note des Datensatzes".to_owned()), ("en", "Score of the dataset".to_owned())];
        let metric = format!("<{PAGE}#score>");
        define(&mut out, &metric, &words, (score::FORMULA_DE, score::FORMULA_EN), None);
        measure(&mut out, "score", &metric, &dataset, format!("{score:.2}"));
    }
    for (result, conformity) in told {
        let place = anchor(result);
        let metric = format!("<{PAGE}#{place}>");
        let words = [("en", result.id.0.clone())];
        let german = result.description_de.as_deref().unwrap_or_default();
        define(&mut out, &metric, &words, (german, &result.description), Some(result.dimension));
        let share = format!("{:.6}", score::floor(conformity, 1e6));
        measure(&mut out, &place, &metric, &computed_on(result, &dataset), share);
        // The numbers behind the share.
        let rows = match (result.result, result.asks, result.value) {
            (RuleResult::Error, ..) => "the rule could not run".to_owned(),
            (_, Evaluates::Rows, _) => format!("{} of {} rows do not conform", result.rows, result.checked),
            (_, Evaluates::Number, Some(value)) => format!("the number is {value}"),
            (_, Evaluates::Number, None) => continue,
        };
        let _ = writeln!(out, "<#{place}> skos:note {}@en .", literal(&rows));
    }
    out
}

/// The place of a rule in a file, and on the page.
pub(super) fn anchor(result: &RuleReport) -> String {
    format!("{}/{}", encoded(&result.contract), encoded(&result.id.0))
}

fn dimension_id(dimension: Dimension) -> String {
    format!("{dimension:?}").to_lowercase()
}

fn computed_on(result: &RuleReport, dataset: &str) -> String {
    match result.released {
        true => format!("{}/{}>", dataset.trim_end_matches('>'), encoded(&result.table)),
        false => dataset.to_owned(),
    }
}

/// The dataset and its tables, and what was measured on each.
fn subjects(out: &mut String, quality: &Quality, dataset: &str, told: &[(&RuleReport, f64)]) {
    let scores = quality.score.dimensions.keys().map(|dimension| format!("score-{}", dimension_id(*dimension)));
    let scores = scores.chain(quality.score.dataset.map(|_| "score".to_owned()));
    let own = told.iter().filter(|(result, _)| !result.released).map(|(result, _)| anchor(result));
    let tables: Vec<&[(&RuleReport, f64)]> =
        told.chunk_by(|(one, _), (other, _)| one.contract == other.contract).filter(|of| of[0].0.released).collect();
    let _ = write!(out, "\n{dataset} a dcat:Dataset ;\n  dcterms:identifier {}", literal(&quality.dataset));
    let distributions: Vec<String> = tables.iter().map(|of| computed_on(of[0].0, dataset)).collect();
    listed(out, "dcat:distribution", distributions.into_iter());
    listed(out, "dqv:hasQualityMeasurement", scores.chain(own).map(|place| format!("<#{place}>")));
    *out += " .\n";
    for of in tables {
        let first = of[0].0;
        let _ = write!(out, "\n{} a dcat:Distribution ;\n", computed_on(first, dataset));
        let _ = write!(out, "  dcterms:identifier {}", literal(&first.table));
        listed(out, "dqv:hasQualityMeasurement", of.iter().map(|(result, _)| format!("<#{}>", anchor(result))));
        *out += " .\n";
    }
}

fn listed(out: &mut String, property: &str, objects: impl Iterator<Item = String>) {
    let objects: Vec<String> = objects.collect();
    if !objects.is_empty() {
        let _ = write!(out, " ;\n  {property}\n    {}", objects.join(" ,\n    "));
    }
}

fn describe(out: &mut String, dimension: Dimension) {
    let id = dimension_id(dimension);
    let (de, en) = dimension_word(dimension);
    let _ = write!(out, "\n<{PAGE}#dimension-{id}> a dqv:Dimension , skos:Concept ;\n  skos:prefLabel ");
    let _ = write!(out, "{}@de , {}@en ;\n  skos:notation \"{id}\"", literal(de), literal(en));
    let (iso, ldqd) = relatives(dimension);
    if let Some(ldqd) = ldqd {
        let _ = write!(out, " ;\n  skos:closeMatch ldqd:{ldqd}");
    }
    if let Some(iso) = iso {
        let _ = write!(out, " ;\n  skos:note \"ISO/IEC 25012: {iso}\"@en");
    }
    *out += " .\n";
}

fn define(
    out: &mut String,
    metric: &str,
    labels: &[(&str, String)],
    (german, english): (&str, &str),
    dimension: Option<Dimension>,
) {
    let labels: Vec<String> = labels.iter().map(|(language, text)| format!("{}@{language}", literal(text))).collect();
    let _ = write!(out, "\n{metric} a dqv:Metric ;\n  skos:prefLabel {}", labels.join(" , "));
    let definitions = [("de", german), ("en", english)].into_iter().filter(|(_, text)| !text.is_empty());
    let definitions: Vec<String> =
        definitions.map(|(language, text)| format!("{}@{language}", literal(text))).collect();
    if !definitions.is_empty() {
        let _ = write!(out, " ;\n  skos:definition {}", definitions.join(" , "));
    }
    if let Some(dimension) = dimension {
        let _ = write!(out, " ;\n  dqv:inDimension <{PAGE}#dimension-{}>", dimension_id(dimension));
    }
    *out += " ;\n  dqv:expectedDataType xsd:decimal .\n";
}

fn measure(out: &mut String, place: &str, metric: &str, on: &str, value: String) {
    let _ = writeln!(
        out,
        "<#{place}> a dqv:QualityMeasurement ;\n  dqv:isMeasurementOf {metric} ;\n  dqv:computedOn {on} ;\n  \
         dcterms:temporal <#partition> ;\n  dqv:value \"{value}\"^^xsd:decimal ."
    );
}

fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for c in printable(text).chars() {
        match c {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            '\n' => out += "\\n",
            '\r' => out += "\\r",
            '\t' => out += "\\t",
            c => out.push(c),
        }
    }
    out + "\""
}

/// An address without what may not stand in an IRI.
fn iri(text: &str) -> String {
    let bad = |c: char| c.is_control() || c.is_whitespace() || "<>\"{}|^`\\".contains(c);
    text.chars().filter(|c| !bad(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::quality::tests::quality;

    #[test]
    fn every_rule_is_a_metric_and_no_text_breaks_the_file() {
        insta::assert_snapshot!(write(&quality(), None));
    }

    #[test]
    fn the_address_of_the_bucket_makes_iris_absolute() {
        let (with, without) = (write(&quality(), Some("https://daten.example.de/")), write(&quality(), None));
        let base = "@base <https://daten.example.de/reports/bus/date=2026-11-24/quality.dqv.ttl> .\n";
        assert_eq!(with, format!("{base}{without}"));
    }
}
