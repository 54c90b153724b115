//! The contracts that come with the program, the tests of their rules, and how to write them: the repository's `schemas/`.

/// Their paths in a workspace, and their texts, by path.
pub const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
