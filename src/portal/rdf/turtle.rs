//! A graph in Turtle (<https://www.w3.org/TR/turtle/>).

use std::fmt::Write;

use super::graph::{CLASS, Graph, Iri, Node, Term};

/// The file's text.
pub(in crate::portal) fn write(graph: &Graph) -> String {
    let mut out = String::new();
    if let Some(base) = &graph.base {
        let _ = writeln!(out, "@base {} .", iri(base));
    }
    for (prefix, namespace) in graph.prefixes {
        let _ = writeln!(out, "@prefix {prefix}: <{namespace}> .");
    }
    for node in &graph.nodes {
        out.push('\n');
        if let Some(id) = &node.id {
            out += &iri(id);
        }
        properties(&mut out, node, 1);
        out += " .\n";
    }
    out
}

/// All that is said of a node, each property on a line of its own.
fn properties(out: &mut String, node: &Node, depth: usize) {
    let indent = "  ".repeat(depth);
    for (place, (property, terms)) in node.properties.iter().enumerate() {
        *out += match (place, *property) {
            (0, CLASS) => " ",
            (0, _) => "\n",
            _ => " ;\n",
        };
        if (place, *property) != (0, CLASS) {
            *out += &indent;
        }
        let _ = write!(out, "{property} ");
        for (place, term) in terms.iter().enumerate() {
            if place > 0 {
                let _ = write!(out, " ,\n{indent}  ");
            }
            object(out, term, depth);
        }
    }
}

fn object(out: &mut String, term: &Term, depth: usize) {
    match term {
        Term::Iri(address) => *out += &iri(address),
        Term::Name(name) => *out += name,
        Term::Text(text, None) => *out += &literal(text),
        Term::Text(text, Some(language)) => {
            let _ = write!(out, "{}@{language}", literal(text));
        }
        Term::Typed(value, kind) => {
            let _ = write!(out, "{}^^{kind}", literal(value));
        }
        Term::Blank(node) => {
            out.push('[');
            properties(out, node, depth + 1);
            *out += " ]";
        }
    }
}

fn iri(iri: &Iri) -> String {
    format!("<{}>", iri.as_str())
}

fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
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

#[cfg(test)]
mod tests {
    use super::super::graph::tests::of_text;
    use super::*;

    #[test]
    fn no_text_breaks_out_of_its_place() {
        let text = write(&of_text("a\"b\\c\n> <d>\u{1}ä"));
        let body = text.split_once("\n\n").unwrap().1;
        insta::assert_snapshot!(body, @r#"
        <data/a%22b%5Cc%0A%3E%20%3Cd%3E%01ä> a dcat:Dataset ;
          dcterms:title "a\"b\\c\n> <d>�ä"@de ,
            "a\"b\\c\n> <d>�ä"@en ,
            "a\"b\\c\n> <d>�ä" ;
          dcat:byteSize "7"^^xsd:nonNegativeInteger ;
          dcat:landingPage <a%22b%5Cc%0A%3E%20%3Cd%3E%01ä> ;
          dcterms:spatial [ a dcterms:Location ;
            rdfs:label "a\"b\\c\n> <d>�ä" ] .
        "#);
        assert!(text.starts_with("@base <https://daten.example.de/> .\n@prefix dcat: "));
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_text_is_the_file_has_the_same_lines(text in "\\PC*|[\\x00-\\xff]*") {
            let quotes = |text: &str| text.replace("\\\\", "").replace("\\\"", "").matches('"').count();
            let (plain, any) = (write(&of_text("plain")), write(&of_text(&text)));
            let lines = |text: &str| text.split('\n').count();
            proptest::prop_assert_eq!((lines(&plain), quotes(&plain)), (lines(&any), quotes(&any)));
        }
    }
}
