//! Any text as a file of the workspace: as YAML, and as a contract.
#![no_main]

use std::path::Path;

use fahrtenbuch::contract::odcs;
use fahrtenbuch::yaml;

libfuzzer_sys::fuzz_target!(|data: &str| {
    let file = Path::new("fuzz.odcs.yaml");
    let _ = yaml::parse(file, data);
    if let Err(problems) = odcs::contract(file, data) {
        assert!(!problems.is_empty());
    }
});
