//! Everything that a run depends on, by name and digest.

use super::record::v1::{Input, Inputs, Program};
use crate::digest::Digest;

const LOCK: Option<&[u8]> = include!(concat!(env!("OUT_DIR"), "/lock.rs"));

impl Program {
    /// This program.
    pub fn this() -> Self {
        Self {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: env!("FAHRTENBUCH_COMMIT").to_owned(),
            lock_sha256: LOCK.map(Digest::of),
        }
    }

    /// All of it in one line.
    fn line(&self) -> String {
        let lock = self.lock_sha256.map_or_else(|| "unknown".to_owned(), |lock| lock.to_string());
        format!("{} {} commit {} lock {lock}", self.name, self.version, self.commit)
    }
}

/// The setting among the inputs of a run before its date is over.
pub(crate) const PROVISIONAL: &str = "provisional";

impl Input {
    pub fn new(kind: &str, name: &str, sha256: Digest) -> Self {
        // Each input is one line of what is digested.
        let name = name.replace(['\n', '\r'], " ");
        Self { kind: kind.to_owned(), name, sha256, value: None }
    }

    /// A setting or a number: its digest is that of the text.
    pub fn of_value(kind: &str, name: &str, value: String) -> Self {
        Self { value: Some(value.clone()), ..Self::new(kind, name, Digest::of(value.as_bytes())) }
    }

    pub fn of_program(program: &Program) -> Self {
        Self::of_value("program", &program.name, program.line())
    }
}

impl Inputs {
    pub fn of(data: Vec<Input>, rules: Vec<Input>) -> Self {
        let sorted = |mut inputs: Vec<Input>| {
            let line = |input: &Input| format!("{} {} {}\n", input.kind, input.name, input.sha256);
            inputs.sort_by_cached_key(line);
            let lines: String = inputs.iter().map(line).collect();
            (Digest::of(lines.as_bytes()), inputs)
        };
        let ((data_sha256, data), (rules_sha256, rules)) = (sorted(data), sorted(rules));
        let sha256 = Digest::of(format!("data {data_sha256}\nrules {rules_sha256}\n").as_bytes());
        Self { sha256, data_sha256, rules_sha256, data, rules }
    }
}
