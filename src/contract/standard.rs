//! The contracts that come with the program, and the tests of their rules: those of the repository's `schemas/`.

/// Their paths in a workspace, and their texts, by path.
pub const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
