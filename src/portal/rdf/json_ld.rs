//! A graph in JSON-LD 1.1 (<https://www.w3.org/TR/json-ld11/>). Its context stands in the file: no reader has to fetch one.

use serde_json::{Map, Value, json};

use super::graph::{CLASS, Graph, Node, Term};

/// The file's text.
pub(in crate::portal) fn write(graph: &Graph) -> String {
    let mut context = Map::new();
    if let Some(base) = &graph.base {
        context.insert("@base".to_owned(), base.as_str().into());
    }
    context.extend(graph.prefixes.iter().map(|(prefix, namespace)| ((*prefix).to_owned(), (*namespace).into())));
    let nodes: Vec<Value> = graph.nodes.iter().map(object_of).collect();
    let text = serde_json::to_string_pretty(&json!({"@context": context, "@graph": nodes}));
    // Made of texts only, which always serialise.
    let mut text = text.unwrap_or_else(|error| crate::internal::impossible("writing catalog.jsonld", error));
    text.push('\n');
    text
}

fn object_of(node: &Node) -> Value {
    let mut object = Map::new();
    if let Some(id) = &node.id {
        object.insert("@id".to_owned(), id.as_str().into());
    }
    for (property, terms) in &node.properties {
        let (key, values): (&str, Vec<Value>) = match *property {
            CLASS => ("@type", terms.iter().map(class_of).collect()),
            property => (property, terms.iter().map(value_of).collect()),
        };
        object.insert(key.to_owned(), values.into());
    }
    object.into()
}

/// Behind `@type` stand names, and no objects.
fn class_of(term: &Term) -> Value {
    match term {
        Term::Name(name) => (*name).into(),
        Term::Iri(iri) => iri.as_str().into(),
        Term::Text(text, _) | Term::Typed(text, _) => text.as_str().into(),
        Term::Blank(_) => Value::Null,
    }
}

fn value_of(term: &Term) -> Value {
    match term {
        Term::Iri(iri) => json!({"@id": iri.as_str()}),
        Term::Name(name) => json!({"@id": name}),
        Term::Text(text, None) => json!({"@value": text}),
        Term::Text(text, Some(language)) => json!({"@value": text, "@language": language}),
        Term::Typed(value, kind) => json!({"@value": value, "@type": kind}),
        Term::Blank(node) => object_of(node),
    }
}

#[cfg(test)]
mod tests {
    use super::super::graph::tests::of_text;
    use super::*;

    #[test]
    fn terms_are_objects_and_the_context_is_in_the_file() {
        let value: Value = serde_json::from_str(&write(&of_text("a\"b>"))).unwrap();
        assert_eq!(value["@context"]["@base"], "https://daten.example.de/");
        assert_eq!(value["@context"]["dcat"], "http://www.w3.org/ns/dcat#");
        assert_eq!(
            value["@graph"][0],
            json!({
                "@id": "data/a%22b%3E",
                "@type": ["dcat:Dataset"],
                "dcterms:title": [
                    {"@value": "a\"b>", "@language": "de"},
                    {"@value": "a\"b>", "@language": "en"},
                    {"@value": "a\"b>"}
                ],
                "dcat:byteSize": [{"@value": "7", "@type": "xsd:nonNegativeInteger"}],
                "dcat:landingPage": [{"@id": "a%22b%3E"}],
                "dcterms:spatial": [{"@type": ["dcterms:Location"], "rdfs:label": [{"@value": "a\"b>"}]}],
            })
        );
    }
}
