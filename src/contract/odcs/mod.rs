//! Reads the files of the Open Data Contract Standard (ODCS) into [`Contract`]s and tells every mistake with its line.
//!
//! One file per section of the standard:
//!
//! | file | section | means |
//! |---|---|---|
//! | `fundamentals` | Fundamentals | id, version, and the version of the standard |
//! | `table`, `views` | Schema, objects | the table, its keys, what it may lose, the queries that rules share |
//! | `column`, `options`, `formats`, `dates`, `extensions` | Schema, properties | a column, its type, the options of the type, our custom properties |
//! | `changes` | Schema, objects and properties | what the table was before, so that older files are found |
//! | `geometry` | Schema, properties | a geometry that is made of other columns |
//! | `relationships` | References | foreign keys |
//! | `quality`, `entry`, `naming`, `metrics`, `sql_rules`, `sql`, `operators` | Data quality | rules, what they are called, and what a number must be |
//! | `sla` | Service-level agreement | promises |
//! | `accepted` | Servers, support, price, team, roles | nothing: it is accepted |
//!
//! `section` reads one map key by key, `words` has the words of the standard, `refer` how parts name each other.

mod accepted;
mod changes;
mod column;
mod dates;
mod entry;
mod extensions;
mod formats;
mod fundamentals;
mod geometry;
mod metrics;
mod naming;
mod operators;
mod options;
mod quality;
pub(super) mod refer;
mod relationships;
mod section;
mod sla;
mod sql;
mod sql_rules;
mod table;
mod text_rules;
mod views;
mod words;

use std::path::Path;

use crate::contract::Contract;
use crate::digest::Digest;
use crate::yaml::public::public_text;
use crate::yaml::{self, Node, Problem, Problems};
use section::{Section, Told};

/// A file of contracts, one for each of its tables; there may be none.
#[derive(Debug)]
pub struct Document {
    pub tables: Vec<Contract>,
    /// What keeps the tables from being used by a pipeline, by lines. Other programs may read the contract all the same.
    pub unfit: Vec<Problem>,
    /// See [`Contract::is_ours`].
    pub is_ours: bool,
}

/// Reads the contracts of a file. What the standard does not allow is a mistake; what it allows and this program cannot use is
/// left to the user of the tables, see [`Document::unfit`]. `file` is used in messages and kept in the contracts.
pub fn document(file: &Path, text: &str) -> Result<Document, Vec<Problem>> {
    let node = yaml::parse(file, text)?;
    let mut told = Told::new(file);
    let is_ours = is_ours(&node);
    let tables = read(&node, file, text, is_ours, &mut told);
    if tables.is_empty() && told.form.found.is_empty() {
        let remedy = "List the tables under 'schema:', each with its 'name' and 'properties'.";
        told.fit.add(0, "the contract has no table", remedy);
    }
    told.fit.found.sort();
    match told.form.found.is_empty() {
        true => Ok(Document { tables, unfit: told.fit.found, is_ours }),
        false => Err(told.into_all()),
    }
}

/// Reads the contracts of a file that a pipeline uses: what keeps a table from being used is a mistake, too.
pub fn contracts(file: &Path, text: &str) -> Result<Vec<Contract>, Vec<Problem>> {
    let document = document(file, text)?;
    if document.unfit.is_empty() { Ok(document.tables) } else { Err(document.unfit) }
}

/// As [`contracts`], of a file with one table.
pub fn contract(file: &Path, text: &str) -> Result<Contract, Vec<Problem>> {
    let mut tables = contracts(file, text)?;
    match (tables.pop(), tables.is_empty()) {
        (Some(contract), true) => Ok(contract),
        _ => {
            let mut problems = Problems::new(file);
            problems.add(0, "the contract has several tables", "Keep one of them in this file.");
            Err(problems.found)
        }
    }
}

fn read(node: &Node, file: &Path, text: &str, is_ours: bool, told: &mut Told) -> Vec<Contract> {
    let root = Section::new(node);
    let fundamentals = fundamentals::read(&root, told);
    accepted::accept(&root);
    let objects = root.items("schema", told);
    let public = public_text(text).unwrap_or_else(|secret| {
        told.form.add(secret.line, secret.message(), secret.remedy());
        String::new()
    });
    let origin = table::Origin {
        file,
        digest: Digest::of(public.as_bytes()),
        text: public.into(),
        fundamentals: &fundamentals,
        is_alone: objects.len() == 1,
        is_ours,
    };
    let mut tables: Vec<Contract> = Vec::new();
    for object in objects {
        let Some(contract) = table::read(object, &origin, told) else { continue };
        if tables.iter().any(|other| other.table == contract.table) {
            let message = format!("the table '{}' stands here twice", contract.table);
            told.form.add(object.line, message, "Remove one of the two.");
        } else {
            tables.push(contract);
        }
    }
    relationships::resolve_ids(objects, &mut tables);
    sla::read(&root, &mut tables, told);
    root.end(told);
    tables
}

/// Whether a file speaks to this program.
fn is_ours(node: &Node) -> bool {
    let says = |key: &str, words: &[&str]| node.get(key).and_then(Node::text).is_some_and(|text| words.contains(&text));
    says("engine", &[words::ENGINE])
        || says("property", words::OURS)
        || node.items().iter().any(is_ours)
        || node.pairs().iter().any(|(_, value)| is_ours(value))
}

#[cfg(test)]
mod tests;
