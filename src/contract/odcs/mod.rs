//! Reads the files of the Open Data Contract Standard (ODCS) into [`Contract`]s and tells every mistake with its line.
//!
//! One file per section of the standard:
//!
//! | file | section | means |
//! |---|---|---|
//! | `fundamentals` | Fundamentals | id, version, and the version of the standard |
//! | `table`, `views` | Schema, objects | the table, its keys, what it may lose, the queries that rules share |
//! | `column`, `options`, `extensions` | Schema, properties | a column, its type, the options of the type, our custom properties |
//! | `relationships` | References | foreign keys |
//! | `quality`, `entry`, `metrics`, `sql_rules`, `sql`, `operators` | Data quality | rules, and what a number must be |
//! | `sla` | Service-level agreement | promises |
//! | `accepted` | Servers, support, price, team, roles | nothing: it is accepted |
//!
//! `section` reads one map key by key, `words` has the words of the standard, `refer` how parts name each other.

mod accepted;
mod column;
mod entry;
mod extensions;
mod fundamentals;
mod metrics;
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
mod views;
mod words;

use std::path::Path;

use crate::contract::Contract;
use crate::digest::Digest;
use crate::yaml::{self, Problem};
use section::{Section, Told};

/// Reads a contract from the text of its file. `file` is used in messages and kept in the contract.
pub fn contract(file: &Path, text: &str) -> Result<Contract, Vec<Problem>> {
    let root = yaml::parse(file, text)?;
    let mut told = Told::new(file);
    let root = Section::new(&root);
    let fundamentals = fundamentals::read(&root, &mut told);
    accepted::accept(&root);
    let origin = table::Origin { file, digest: Digest::of(text.as_bytes()), fundamentals: &fundamentals };
    let mut contract = None;
    match root.items("schema", &mut told) {
        [node] => contract = table::read(node, &origin, &mut told),
        _ => told.fit.add(
            root.line_of("schema"),
            "'schema' must list exactly one table",
            "Write one file per table, with one entry here.",
        ),
    }
    root.accept(&["slaDefaultElement"]);
    let promises = root.items("slaProperties", &mut told);
    if let Some(contract) = &mut contract {
        sla::read(promises, contract, &mut told);
    }
    root.end(&mut told);
    let problems = told.into_all();
    match contract {
        Some(contract) if problems.is_empty() => Ok(contract),
        _ => Err(problems),
    }
}

#[cfg(test)]
mod tests;
