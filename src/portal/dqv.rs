//! `quality.dqv.ttl`: the results for catalogues, in the Data Quality Vocabulary of W3C (<https://www.w3.org/TR/vocab-dqv/>).
//!
//! A rule is a `dqv:Metric` in a `dqv:Dimension`; what it came to is a `dqv:QualityMeasurement` on the table
//! (`dcat:Distribution`) or, where the table is not published itself, on the dataset. Its value is the share of rows that
//! conform, from 0 to 1, rounded down to millionths. The scores are measurements on the dataset, from 0 to 100.
//!
//! A dimension is that of the contract (ODCS), and is in a `dqv:Category`: the dimension of the quality framework of NAPCORE that it
//! belongs to. That framework has no addresses for them, so they are places on the page, too.
//!
//! IRIs are relative to the file, and rules and dimensions are places on the dataset's quality page, so that they can be
//! looked up wherever the bucket is. `base_url` of the workspace, if it is set, makes them absolute.

use crate::check::RuleResult;
use crate::contract::Dimension;
use crate::ledger::Status;
use crate::portal::rdf::graph::{CLASS, Graph, Iri, Name, Node, Term};
use crate::portal::rdf::turtle;
use crate::report::quality::{Evaluates, Quality, RuleReport};
use crate::report::results::{Form, path};
use crate::report::score;
use crate::report::words::{dimension_word, encoded};

/// The namespaces of the file.
const PREFIXES: &[(&str, &str)] = &[
    ("dcat", "http://www.w3.org/ns/dcat#"),
    ("dcterms", "http://purl.org/dc/terms/"),
    ("dqv", "http://www.w3.org/ns/dqv#"),
    ("ldqd", "http://www.w3.org/2016/05/ldqd#"),
    ("skos", "http://www.w3.org/2004/02/skos/core#"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
];
/// From the file to the root of the bucket, and to the dataset's page.
const ROOT: &str = "../../../";
const PAGE: &str = "../quality.html";

/// What a dimension of ODCS is called elsewhere.
struct Relatives {
    dimension: Dimension,
    /// In ISO/IEC 25012.
    iso: Option<&'static str>,
    /// In the Linked Data Quality Dimensions of W3C.
    ldqd: Option<Name>,
    napcore: Napcore,
}

/// The dimensions of the quality framework of NAPCORE, the national access points of the EU (version 1.0, April 2025).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Napcore {
    Correctness,
    Completeness,
    Timeliness,
    Reliability,
}

/// Each dimension once. Coverage has no fellow in the lists of ISO and W3C. What is in no form that a program reads is of no use, so
/// conformity is usability there; what contradicts itself or is there twice is not correct.
const RELATIVES: [Relatives; 7] = [
    relatives(Dimension::Accuracy, Some("Accuracy"), Some("ldqd:semanticAccuracy"), Napcore::Correctness),
    relatives(Dimension::Completeness, Some("Completeness"), Some("ldqd:completeness"), Napcore::Completeness),
    relatives(Dimension::Conformity, Some("Compliance"), Some("ldqd:syntacticValidity"), Napcore::Reliability),
    relatives(Dimension::Consistency, Some("Consistency"), Some("ldqd:consistency"), Napcore::Correctness),
    relatives(Dimension::Coverage, None, None, Napcore::Completeness),
    relatives(Dimension::Timeliness, Some("Currentness"), Some("ldqd:timeliness"), Napcore::Timeliness),
    relatives(Dimension::Uniqueness, None, Some("ldqd:conciseness"), Napcore::Correctness),
];

const fn relatives(dimension: Dimension, iso: Option<&'static str>, ldqd: Option<Name>, napcore: Napcore) -> Relatives {
    Relatives { dimension, iso, ldqd, napcore }
}

impl Napcore {
    const ALL: [Self; 4] = [Self::Correctness, Self::Completeness, Self::Timeliness, Self::Reliability];

    /// The place on the page, and the words in German and English.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Correctness => ("correctness", "Korrektheit", "Correctness"),
            Self::Completeness => ("completeness", "Vollständigkeit", "Completeness"),
            Self::Timeliness => ("timeliness", "Rechtzeitigkeit", "Timeliness"),
            Self::Reliability => ("reliability", "Zuverlässigkeit und Nutzbarkeit", "Reliability and usability"),
        }
    }

    fn iri(self) -> Iri {
        Iri::new(&format!("{PAGE}#napcore-{}", self.words().0))
    }

    fn node(self) -> Node {
        let (notation, de, en) = self.words();
        let framework = "NAPCORE quality framework 1.0 (April 2025)";
        Node::new(self.iri(), "dqv:Category")
            .with(CLASS, Term::Name("skos:Concept"))
            .with_all("skos:prefLabel", both(de, en))
            .with("skos:notation", Term::text(notation, None))
            .with("skos:note", Term::text(framework, "en"))
    }
}

/// For the quality page: the dimensions of NAPCORE with their place on it, their name in German and English, and those of ours that belong
/// to them.
pub(super) fn categories() -> impl Iterator<Item = (&'static str, &'static str, &'static str, Vec<Dimension>)> {
    Napcore::ALL.into_iter().map(|category| {
        let (name, de, en) = category.words();
        let of = RELATIVES.iter().filter(move |relatives| relatives.napcore == category);
        (name, de, en, of.map(|relatives| relatives.dimension).collect())
    })
}

/// The file's text. `base` is where the bucket is on the web.
pub(super) fn write(quality: &Quality, base: Option<&str>) -> String {
    turtle::write(&graph(quality, base))
}

fn graph(quality: &Quality, base: Option<&str>) -> Graph {
    let file = path(&quality.dataset, quality.date, Form::Dqv);
    let base = base.map(|base| Iri::new(&format!("{}/{file}", base.trim_end_matches('/'))));
    let dataset = format!("{ROOT}data/{}", encoded(&quality.dataset));
    let told = quality.rules.iter().filter_map(|result| Some((result, score::conformity(result)?)));
    let told: Vec<(&RuleReport, f64)> = told.collect();
    let held_back =
        (quality.status == Status::HeldBack).then(|| Term::text("held back: nothing of this run was published", "en"));
    let date = || Term::Typed(quality.date.to_string(), "xsd:date");
    let mut nodes = vec![
        Node::new(Iri::new(""), "dqv:QualityMetadata")
            .with("dcterms:identifier", Term::text(&quality.inputs.to_string(), None))
            .with("skos:note", held_back),
        Node::new(Iri::new("#partition"), "dcterms:PeriodOfTime")
            .with("dcat:startDate", date())
            .with("dcat:endDate", date()),
    ];
    nodes.extend(subjects(quality, &dataset, &told));
    let is_told = |of: &&Relatives| told.iter().any(|(result, _)| result.dimension == of.dimension);
    let dimensions: Vec<&Relatives> = RELATIVES.iter().filter(is_told).collect();
    let is_used = |of: &Napcore| dimensions.iter().any(|dimension| dimension.napcore == *of);
    nodes.extend(Napcore::ALL.into_iter().filter(is_used).map(Napcore::node));
    nodes.extend(dimensions.into_iter().map(describe));
    let formula = || both(score::FORMULA_DE, score::FORMULA_EN);
    for (dimension, score) in &quality.score.dimensions {
        let place = format!("score-{}", dimension_id(*dimension));
        let (de, en) = dimension_word(*dimension);
        let labels = both(&format!("Punkte: {de}"), &format!("Score: {en}"));
        nodes.push(metric(&place, labels, formula(), Some(*dimension)));
        nodes.push(measurement(&place, &dataset, format!("{score:.2}")));
    }
    if let Some(score) = quality.score.dataset {
        let labels = both("Punkte des Datensatzes", "Score of the dataset");
        nodes.push(metric("score", labels, formula(), None));
        nodes.push(measurement("score", &dataset, format!("{score:.2}")));
    }
    for (result, conformity) in told {
        let place = anchor(result);
        let definitions = both(result.description_de.as_deref().unwrap_or_default(), &result.description);
        let labels = vec![Term::text(&result.id.0, "en")];
        nodes.push(metric(&place, labels, definitions, Some(result.dimension)));
        let share = format!("{:.6}", score::floor(conformity, 1e6));
        let rows = rows_behind(result).map(|rows| Term::text(&rows, "en"));
        nodes.push(measurement(&place, &computed_on(result, &dataset), share).with("skos:note", rows));
    }
    Graph { prefixes: PREFIXES, base, nodes }
}

/// The numbers behind a share.
fn rows_behind(result: &RuleReport) -> Option<String> {
    match (result.result, result.asks, result.value) {
        (RuleResult::Error, ..) => Some("the rule could not run".to_owned()),
        (_, Evaluates::Rows, _) => Some(format!("{} of {} rows do not conform", result.rows, result.checked)),
        (_, Evaluates::Number, Some(value)) => Some(format!("the number is {value}")),
        (_, Evaluates::Number, None) => None,
    }
}

/// A text in German and in English; empty ones are none.
fn both(de: &str, en: &str) -> Vec<Term> {
    let texts = [(de, "de"), (en, "en")].into_iter().filter(|(text, _)| !text.is_empty());
    texts.map(|(text, language)| Term::text(text, language)).collect()
}

/// The place of a rule in a file, and on the page.
pub(super) fn anchor(result: &RuleReport) -> String {
    format!("{}/{}", encoded(&result.contract), encoded(&result.id.0))
}

fn dimension_id(dimension: Dimension) -> String {
    format!("{dimension:?}").to_lowercase()
}

fn dimension_iri(dimension: Dimension) -> Term {
    Term::Iri(Iri::new(&format!("{PAGE}#dimension-{}", dimension_id(dimension))))
}

fn computed_on(result: &RuleReport, dataset: &str) -> String {
    match result.released {
        true => format!("{dataset}/{}", encoded(&result.table)),
        false => dataset.to_owned(),
    }
}

/// The dataset and its tables, and what was measured on each.
fn subjects(quality: &Quality, dataset: &str, told: &[(&RuleReport, f64)]) -> Vec<Node> {
    let place = |place: String| Term::Iri(Iri::new(&format!("#{place}")));
    let scores = quality.score.dimensions.keys().map(|dimension| format!("score-{}", dimension_id(*dimension)));
    let scores = scores.chain(quality.score.dataset.map(|_| "score".to_owned()));
    let own = told.iter().filter(|(result, _)| !result.released).map(|(result, _)| anchor(result));
    let tables: Vec<&[(&RuleReport, f64)]> =
        told.chunk_by(|(one, _), (other, _)| one.contract == other.contract).filter(|of| of[0].0.released).collect();
    let table = |of: &&[(&RuleReport, f64)]| Iri::new(&computed_on(of[0].0, dataset));
    let mut nodes = vec![
        Node::new(Iri::new(dataset), "dcat:Dataset")
            .with("dcterms:identifier", Term::text(&quality.dataset, None))
            .with_all("dcat:distribution", tables.iter().map(table).map(Term::Iri))
            .with_all("dqv:hasQualityMeasurement", scores.chain(own).map(place)),
    ];
    nodes.extend(tables.iter().map(|of| {
        Node::new(table(of), "dcat:Distribution")
            .with("dcterms:identifier", Term::text(&of[0].0.table, None))
            .with_all("dqv:hasQualityMeasurement", of.iter().map(|(result, _)| place(anchor(result))))
    }));
    nodes
}

fn describe(of: &Relatives) -> Node {
    let (de, en) = dimension_word(of.dimension);
    let id = format!("{PAGE}#dimension-{}", dimension_id(of.dimension));
    let iso = of.iso.map(|iso| Term::text(&format!("ISO/IEC 25012: {iso}"), "en"));
    Node::new(Iri::new(&id), "dqv:Dimension")
        .with(CLASS, Term::Name("skos:Concept"))
        .with_all("skos:prefLabel", both(de, en))
        .with("skos:notation", Term::text(&dimension_id(of.dimension), None))
        .with("dqv:inCategory", Term::Iri(of.napcore.iri()))
        .with("skos:closeMatch", of.ldqd.map(Term::Name))
        .with("skos:note", iso)
}

fn metric_iri(place: &str) -> Iri {
    Iri::new(&format!("{PAGE}#{place}"))
}

fn metric(place: &str, labels: Vec<Term>, definitions: Vec<Term>, dimension: Option<Dimension>) -> Node {
    Node::new(metric_iri(place), "dqv:Metric")
        .with_all("skos:prefLabel", labels)
        .with_all("skos:definition", definitions)
        .with("dqv:inDimension", dimension.map(dimension_iri))
        .with("dqv:expectedDataType", Term::Name("xsd:decimal"))
}

fn measurement(place: &str, on: &str, value: String) -> Node {
    Node::new(Iri::new(&format!("#{place}")), "dqv:QualityMeasurement")
        .with("dqv:isMeasurementOf", Term::Iri(metric_iri(place)))
        .with("dqv:computedOn", Term::Iri(Iri::new(on)))
        .with("dcterms:temporal", Term::Iri(Iri::new("#partition")))
        .with("dqv:value", Term::Typed(value, "xsd:decimal"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::quality::tests::quality;
    use crate::report::words::DIMENSIONS;

    #[test]
    fn every_rule_is_a_metric_and_no_text_breaks_the_file() {
        insta::assert_snapshot!(write(&quality(), None));
    }

    #[test]
    fn each_dimension_has_its_relatives_once_and_every_dimension_of_napcore_has_one() {
        for dimension in DIMENSIONS {
            assert_eq!(RELATIVES.iter().filter(|of| of.dimension == dimension).count(), 1, "{dimension:?}");
        }
        for napcore in Napcore::ALL {
            assert!(RELATIVES.iter().any(|of| of.napcore == napcore), "{napcore:?}");
        }
    }

    #[test]
    fn what_may_not_stand_in_an_address_is_encoded_as_in_the_catalogue() {
        let text = write(&quality(), Some("https://daten.example.de/a b<c>"));
        assert!(text.starts_with("@base <https://daten.example.de/a%20b%3Cc%3E/reports/bus/"), "{text}");
    }

    #[test]
    fn the_address_of_the_bucket_makes_iris_absolute() {
        let (with, without) = (write(&quality(), Some("https://daten.example.de/")), write(&quality(), None));
        let base = "@base <https://daten.example.de/reports/bus/date=2026-11-24/quality.dqv.ttl> .\n";
        assert_eq!(with, format!("{base}{without}"));
    }
}
