//! What a contract is called, and by which version of the standard it is written (ODCS 3.1, "Fundamentals").

use crate::contract::odcs::section::{Section, Told};

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
    must_be(root, "kind", "DataContract", told);
    must_be(root, "apiVersion", "v3.1.0", told);
    Fundamentals { id, version }
}

fn must_be(root: &Section<'_>, key: &'static str, expected: &str, told: &mut Told) {
    if let Some(found) = root.require_text(key, told)
        && found != expected
    {
        told.form.add(root.line_of(key), format!("'{key}' is '{found}'"), format!("Write '{key}: {expected}'."));
    }
}
