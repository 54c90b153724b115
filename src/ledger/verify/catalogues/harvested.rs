//! `catalog.ttl` and `catalog.jsonld`, which portals harvest: where each table is found, and how large it is.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Base, Published, get, leads_alike, tell};
use crate::ledger::verify::context::{Context, Interrupted};
use crate::ledger::verify::fault::FaultKind;
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
        || text.contains("www.w3.org/ns/dcat#accessURL")
        || text.contains("www.w3.org/ns/dcat#downloadURL")
        || text.contains("www.w3.org/ns/dcat#endpointURL");
    said
}

fn of_json_ld(bytes: &[u8]) -> Said {
    let mut said = Said::default();
    let Ok(document) = serde_json::from_slice::<Value>(bytes) else { return Said { is_odd: true, ..said } };
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
        || text.contains("www.w3.org/ns/dcat#accessURL")
        || text.contains("www.w3.org/ns/dcat#downloadURL")
        || text.contains("www.w3.org/ns/dcat#endpointURL");
    said
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
