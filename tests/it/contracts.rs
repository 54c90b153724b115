//! The contracts are ODCS 3.1, as the standard's own schema says.

use crate::world::{python, root, shared};

#[test]
fn every_contract_is_valid_by_the_schema_of_odcs() {
    let (schema, schemas) = (shared("standards/odcs-json-schema-v3.1.0.json"), root().join("schemas"));
    let output = python("validate_contracts.py", &[&schema.to_string_lossy(), &schemas.to_string_lossy()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
