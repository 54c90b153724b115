//! What a contract is called, and by which version of the standard it is written (ODCS 3.1, "Fundamentals").

use crate::contract::odcs::section::{Section, Told};
use crate::contract::odcs::words;
use crate::yaml::suggestion;

/// What every table of the file shares.
pub(super) struct Fundamentals {
    pub id: String,
    pub version: String,
}

/// Reads the fundamentals.
pub(super) fn read(root: &Section<'_>, told: &mut Told) -> Fundamentals {
    root.accept(&["name", "tenant", "tags", "dataProduct", "description", "domain", "authoritativeDefinitions"]);
    root.accept(&["contractCreatedTs"]);
    let id = root.require_text("id", told).unwrap_or_default();
    let version = root.require_text("version", told).unwrap_or_default();
    root.require_text("status", told);
    one_of(root, "kind", &["DataContract"], told);
    one_of(root, "apiVersion", words::API_VERSIONS, told);
    Fundamentals { id, version }
}

fn one_of(root: &Section<'_>, key: &'static str, known: &[&str], told: &mut Told) {
    if let Some(found) = root.require_text(key, told)
        && !known.contains(&found.as_str())
    {
        let remedy = match known {
            [only] => format!("Write '{key}: {only}'."),
            _ => suggestion(&found, known),
        };
        told.form.add(root.line_of(key), format!("'{key}' is '{found}'"), remedy);
    }
}
