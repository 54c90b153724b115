//! A small graph in the order in which it is written, and the two kinds of text that no writer may get wrong: addresses and
//! literals are made harmless here, so that all writers say the same.

use crate::report::words::printable;

/// The property that says of what class a node is.
pub(in crate::portal) const CLASS: &str = "a";

/// A name with one of the prefixes of its graph: `dcat:Dataset`.
pub(in crate::portal) type Name = &'static str;

/// An address, or one relative to the base of its graph. It has no character that may not stand in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::portal) struct Iri(String);

impl Iri {
    /// What may not stand in an address is percent-encoded.
    pub(in crate::portal) fn new(text: &str) -> Self {
        let mut iri = String::with_capacity(text.len());
        for c in text.chars() {
            if c.is_control() || c.is_whitespace() || "<>\"{}|^`\\".contains(c) {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    iri += &format!("%{byte:02X}");
                }
            } else {
                iri.push(c);
            }
        }
        Self(iri)
    }

    pub(in crate::portal) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What stands behind a property.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::portal) enum Term {
    Iri(Iri),
    Name(Name),
    /// A text and its language, if it is of one.
    Text(String, Option<&'static str>),
    /// A value and its type.
    Typed(String, Name),
    /// A node without a name of its own.
    Blank(Node),
}

impl Term {
    pub(in crate::portal) fn text(text: &str, language: impl Into<Option<&'static str>>) -> Self {
        Self::Text(printable(text), language.into())
    }
}

/// A node and what is said of it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::portal) struct Node {
    /// A blank node has none.
    pub id: Option<Iri>,
    /// Each property once.
    pub properties: Vec<(Name, Vec<Term>)>,
}

impl Node {
    pub(in crate::portal) fn new(id: Iri, class: Name) -> Self {
        Self { id: Some(id), properties: vec![(CLASS, vec![Term::Name(class)])] }
    }

    pub(in crate::portal) fn blank(class: Name) -> Self {
        Self { id: None, properties: vec![(CLASS, vec![Term::Name(class)])] }
    }

    /// Says something more, once: what was said is not said again.
    pub(in crate::portal) fn add(&mut self, property: Name, term: Term) {
        match self.properties.iter_mut().find(|(name, _)| *name == property) {
            Some((_, terms)) if terms.contains(&term) => {}
            Some((_, terms)) => terms.push(term),
            None => self.properties.push((property, vec![term])),
        }
    }

    pub(in crate::portal) fn with(mut self, property: Name, term: impl Into<Option<Term>>) -> Self {
        if let Some(term) = term.into() {
            self.add(property, term);
        }
        self
    }

    pub(in crate::portal) fn with_all(mut self, property: Name, terms: impl IntoIterator<Item = Term>) -> Self {
        terms.into_iter().for_each(|term| self.add(property, term));
        self
    }
}

/// Nodes, in the order in which they are written.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::portal) struct Graph {
    /// The namespaces, by the prefixes that stand for them in names.
    pub prefixes: &'static [(&'static str, &'static str)],
    /// What relative addresses are relative to; without it, the file.
    pub base: Option<Iri>,
    /// Each name once.
    pub nodes: Vec<Node>,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const PREFIXES: &[(&str, &str)] = &[
        ("dcat", "http://www.w3.org/ns/dcat#"),
        ("dcterms", "http://purl.org/dc/terms/"),
        ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
        ("xsd", "http://www.w3.org/2001/XMLSchema#"),
    ];

    /// A graph with every kind of term, all of them with this text.
    pub(crate) fn of_text(text: &str) -> Graph {
        let node = Node::new(Iri::new(&format!("data/{text}")), "dcat:Dataset")
            .with("dcterms:title", Term::text(text, "de"))
            .with_all("dcterms:title", [Term::text(text, "en"), Term::text(text, None)])
            .with("dcat:byteSize", Term::Typed("7".to_owned(), "xsd:nonNegativeInteger"))
            .with("dcat:landingPage", Term::Iri(Iri::new(text)))
            .with(
                "dcterms:spatial",
                Term::Blank(Node::blank("dcterms:Location").with("rdfs:label", Term::text(text, None))),
            );
        Graph { prefixes: PREFIXES, base: Some(Iri::new("https://daten.example.de/")), nodes: vec![node] }
    }

    #[test]
    fn what_may_not_stand_in_an_address_is_encoded_and_nothing_else() {
        for (text, expected) in [
            ("https://daten.example.de/a%20b?c=d#e", "https://daten.example.de/a%20b?c=d#e"),
            ("a> <b", "a%3E%20%3Cb"),
            ("ä\n\u{0}\u{85}\u{2028}{}|^`\\\"", "ä%0A%00%C2%85%E2%80%A8%7B%7D%7C%5E%60%5C%22"),
        ] {
            assert_eq!(Iri::new(text).as_str(), expected);
        }
    }

    #[test]
    fn what_is_said_twice_stands_there_once() {
        let node = Node::blank("dcat:Dataset")
            .with("dcat:keyword", Term::text("Bus", "de"))
            .with_all("dcat:keyword", [Term::text("Bus", "de"), Term::text("Bus", "en")]);
        assert_eq!(node.properties[1].1.len(), 2);
    }
}
