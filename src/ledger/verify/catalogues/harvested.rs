//! `catalog.ttl` and `catalog.jsonld`, which portals harvest: where each table is found, and how large it is.

use std::collections::BTreeMap;

use serde_json::Value;

use super::published::{Base, Published, get, leads_alike, tell};
use crate::ledger::verify::context::{Context, Interrupted};
use crate::ledger::verify::fault::FaultKind;
use crate::ledger::verify::strict;
use crate::publish::index::meta_folder;
use crate::text::Text;

const TURTLE: &str = "catalog.ttl";
const JSON_LD: &str = "catalog.jsonld";
/// The properties by which a harvester is led to data.
const LEADING: [&str; 3] = ["dcat:accessURL", "dcat:downloadURL", "dcat:endpointURL"];
const SIZE: &str = "dcat:byteSize";
/// What leads to the catalogue for engines.
const ENGINES: &str = "iceberg";

/// What a catalogue says, as far as it leads to data.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    base: Option<String>,
    /// By where it leads; the size that stands with it.
    leads: BTreeMap<String, Option<u64>>,
    /// Something is said twice, or not as the program says it.
    is_odd: bool,
}

impl Said {
    fn lead(&mut self, to: &str, size: Option<u64>) {
        self.is_odd |= self.leads.insert(to.to_owned(), size).is_some();
    }
}

/// Looks at both. Says whether they name a catalogue for engines.
pub(super) fn check(
    context: &mut Context<'_>,
    published: &Published<'_>,
    base: &mut Option<Base>,
) -> Result<bool, Interrupted> {
    let must_be = published.with_files().next().is_some();
    let mut has_engines = false;
    for (key, read) in [(TURTLE, of_turtle as fn(&[u8]) -> Said), (JSON_LD, of_json_ld)] {
        let Some(bytes) = get(context, key, published.longest, must_be)? else { continue };
        let said = read(&bytes);
        let named = said.leads.contains_key(ENGINES);
        if let Some(problem) = problem(&said, published) {
            tell(context, FaultKind::Changed, key, problem);
            continue;
        }
        if said.base.as_deref().is_none_or(|found| leads_alike(context, key, found, base)) {
            has_engines |= named;
        }
    }
    Ok(has_engines)
}

/// What a catalogue does not say as the indexes do.
fn problem(said: &Said, published: &Published<'_>) -> Option<Text> {
    if said.is_odd {
        return Some(Text::new(
            "it is no catalogue as the program writes it",
            "er ist kein Katalog, wie das Programm ihn schreibt",
        ));
    }
    let mut leads = said.leads.clone();
    leads.remove(ENGINES);
    for index in published.with_files() {
        let (dataset, table) = (&index.dataset, &index.table);
        let size = index.files.iter().map(|file| file.bytes).sum::<u64>();
        if leads.remove(&format!("{}/files.json", meta_folder(dataset, table))) != Some(Some(size)) {
            return Some(Text::new(
                format!("it does not lead to {dataset}/{table} with the {size} bytes that the newest index says"),
                format!("er führt nicht zu {dataset}/{table} mit den {size} Bytes, die der neueste Index sagt"),
            ));
        }
    }
    (published.is_whole && !leads.is_empty())
        .then(|| Text::new("it leads to something that no index names", "er führt zu etwas, das kein Index nennt"))
}

/// What is said in Turtle, as the program writes it: each property of a node begins a line.
fn of_turtle(bytes: &[u8]) -> Said {
    let mut said = Said::default();
    let Ok(text) = std::str::from_utf8(bytes) else { return Said { is_odd: true, ..said } };
    for node in text.split("\n\n") {
        let (mut leads, mut sizes) = (Vec::new(), Vec::new());
        for line in node.lines() {
            let line = line.trim_start();
            if let Some(base) = line.strip_prefix("@base <").and_then(|line| line.strip_suffix("> .")) {
                said.is_odd |= said.base.replace(base.to_owned()).is_some();
            }
            let Some((property, value)) = line.split_once(' ') else { continue };
            let value = value.trim_end_matches([' ', ';', '.', ',']);
            if LEADING.contains(&property) {
                leads.push(value.strip_prefix('<').and_then(|value| value.strip_suffix('>')));
            } else if property == SIZE {
                let size = value.strip_prefix('"').and_then(|value| value.split_once('"'));
                sizes.push(size.and_then(|(size, _)| size.parse().ok()));
            }
        }
        said.node(&leads, &sizes);
    }
    // However a property is written, each of its names was read.
    let count = |name: &str| text.matches(name).count();
    said.is_odd |= LEADING.iter().map(|name| count(name)).sum::<usize>() != said.leads.len()
        || count(SIZE) != said.leads.values().flatten().count()
        || text.matches("@base").count() > 1
        || has_long_names(text);
    said
}

fn of_json_ld(bytes: &[u8]) -> Said {
    let mut said = Said::default();
    let Some(document) = strict::value(bytes) else { return Said { is_odd: true, ..said } };
    said.base = document["@context"]["@base"].as_str().map(str::to_owned);
    let nodes = document["@graph"].as_array();
    said.is_odd |= nodes.is_none() || document.as_object().is_none_or(|document| document.len() != 2);
    for node in nodes.into_iter().flatten() {
        let values = |name: &str| node[name].as_array().map_or(&[] as &[Value], Vec::as_slice);
        let leads: Vec<Option<&str>> =
            LEADING.iter().flat_map(|name| values(name)).map(|value| value["@id"].as_str()).collect();
        let size = |value: &Value| value["@value"].as_str().and_then(|size| size.parse().ok());
        let sizes: Vec<Option<u64>> = values(SIZE).iter().map(size).collect();
        said.node(&leads, &sizes);
    }
    let text = String::from_utf8_lossy(bytes);
    said.is_odd |= LEADING.iter().map(|name| text.matches(&format!("\"{name}\"")).count()).sum::<usize>()
        != said.leads.len()
        || has_long_names(&text);
    said
}

/// Whether a property that leads to data is written without its prefix.
fn has_long_names(text: &str) -> bool {
    LEADING.iter().any(|name| text.contains(&name.replacen("dcat:", "www.w3.org/ns/dcat#", 1)))
}

impl Said {
    /// A node leads to one place at most, of one size at most.
    fn node(&mut self, leads: &[Option<&str>], sizes: &[Option<u64>]) {
        match (leads, sizes) {
            ([], []) => {}
            ([Some(to)], []) => self.lead(to, None),
            ([Some(to)], [Some(size)]) => self.lead(to, Some(*size)),
            _ => self.is_odd = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "@base <https://a.example/> .\n@prefix dcat: <http://www.w3.org/ns/dcat#> .\n\n\
        <data/bus> a dcat:Dataset ;\n  dcat:distribution <data/bus/t> .\n\n\
        <data/bus/t> a dcat:Distribution ;\n  dcat:accessURL <meta/bus/t/files.json> ;\n  \
        dcat:byteSize \"12\"^^xsd:nonNegativeInteger ;\n  dcterms:title \"t\"@de .\n\n\
        <catalog.ttl#iceberg> a dcat:DataService ;\n  dcat:endpointURL <iceberg> .\n";

    fn json_ld() -> Value {
        json!({
            "@context": {"@base": "https://a.example/", "dcat": "http://www.w3.org/ns/dcat#"},
            "@graph": [
                {"@id": "data/bus/t", "dcat:accessURL": [{"@id": "meta/bus/t/files.json"}], "dcat:byteSize": [{"@value": "12"}]},
                {"@id": "catalog.ttl#iceberg", "dcat:endpointURL": [{"@id": "iceberg"}]},
            ],
        })
    }

    #[test]
    fn both_forms_say_the_same() {
        let said = of_turtle(TEXT.as_bytes());
        assert_eq!(said, of_json_ld(json_ld().to_string().as_bytes()));
        assert_eq!(said.base.as_deref(), Some("https://a.example/"));
        let leads = [("iceberg".to_owned(), None), ("meta/bus/t/files.json".to_owned(), Some(12))];
        assert!(said.leads == BTreeMap::from(leads) && !said.is_odd);
    }

    #[test]
    fn what_leads_elsewhere_is_seen_however_it_is_written() {
        let right = of_turtle(TEXT.as_bytes());
        for (from, to) in [
            ("<meta/bus", "<https://b.example/meta/bus"),
            ("\"12\"", "\"13\""),
            ("dcterms:title \"t\"", "dcat:downloadURL <https://b.example/x>"),
            ("dcterms:title \"t\"@de", "dcat:accessURL <https://b.example/x>"),
            ("dcterms:title \"t\"", "<http://www.w3.org/ns/dcat#downloadURL> <https://b.example/x>"),
            ("dcterms:title \"t\"@de .", "dcterms:title \"t\"@de . <x> dcat:downloadURL <https://b.example/x> ."),
            ("<iceberg>", "<https://b.example/iceberg>"),
            ("@base <https://a", "@base <https://b"),
            ("@prefix", "@base <https://b.example/> .\n@prefix"),
        ] {
            let said = of_turtle(TEXT.replacen(from, to, 1).as_bytes());
            assert!(said != right, "{to}");
        }
        assert!(of_turtle(b"\xff").is_odd && of_json_ld(b"{").is_odd && of_json_ld(b"{}").is_odd);
        let right = of_json_ld(json_ld().to_string().as_bytes());
        for (from, to) in [
            ("\"meta/bus", "\"https://b.example/meta/bus"),
            ("dcat:byteSize", "dcat:downloadURL"),
            ("\"12\"", "12"),
            ("[{\"@id\":\"iceberg\"}]", "{\"@id\":\"https://b.example/iceberg\"}"),
            ("dcat:endpointURL", "http://www.w3.org/ns/dcat#endpointURL"),
            ("https://a.example/", "https://b.example/"),
        ] {
            let said = of_json_ld(json_ld().to_string().replacen(from, to, 1).as_bytes());
            assert!(said != right, "{to}");
        }
    }
}
