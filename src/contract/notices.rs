//! `notices.yaml` beside the contracts of a timetable or a GTFS-Realtime feed: what the data manager changed in the standard rules, and why.
//!
//! ```yaml
//! notices:
//!   - code: mixed_case_recommended_field
//!     severity: 'off'         # error, warning, info or off
//!     reason: Our signs are written in capitals, and the names follow the signs.
//! ```

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::contract::Severity;
use crate::yaml::{self, Node, Problem, Problems, suggestion};

/// The name of the file.
pub const FILE: &str = "notices.yaml";

/// A change to one notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub code: String,
    /// `None` switches the notice off.
    pub severity: Option<Severity>,
    pub reason: String,
    /// In the file.
    #[serde(skip)]
    pub line: u32,
}

const SEVERITIES: &[(&str, Option<Severity>)] = &[
    ("error", Some(Severity::Error)),
    ("warning", Some(Severity::Warning)),
    ("info", Some(Severity::Info)),
    ("off", None),
];

/// Reads the changes from the text of the file.
pub fn read(file: &Path, text: &str) -> Result<Vec<Change>, Vec<Problem>> {
    let root = yaml::parse(file, text)?;
    let mut problems = Problems::new(file);
    root.only_keys(&["notices"], &mut problems);
    let mut changes: Vec<Change> = Vec::new();
    for node in root.get("notices").map_or(&[][..], Node::items) {
        let Some(change) = change(node, &mut problems) else { continue };
        if changes.iter().any(|other| other.code == change.code) {
            problems.add(change.line, format!("'{}' stands here twice", change.code), "Remove one of the two.");
        }
        changes.push(change);
    }
    if problems.found.is_empty() { Ok(changes) } else { Err(problems.found) }
}

fn change(node: &Node, problems: &mut Problems) -> Option<Change> {
    node.only_keys(&["code", "severity", "reason"], problems);
    let code = node.require_text("code", problems);
    let severity = node.require_text("severity", problems);
    let reason = node.require_text("reason", problems);
    let severity = severity?;
    let Some((_, severity)) = SEVERITIES.iter().find(|(name, _)| *name == severity) else {
        let names: Vec<&str> = SEVERITIES.iter().map(|(name, _)| *name).collect();
        let line = node.get("severity").map_or(node.line, |node| node.line);
        problems.add(line, format!("'{severity}' is no severity"), suggestion(&severity, &names));
        return None;
    };
    Some(Change { code: code?, severity: *severity, reason: reason?, line: node.line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_need_a_code_a_severity_and_a_reason() {
        let file = Path::new("schemas/gtfs/notices.yaml");
        let good = "notices:\n  - code: unused_trip\n    severity: 'off'\n    reason: Planned trips.\n";
        let changes = read(file, good).unwrap();
        assert_eq!((changes[0].severity, changes[0].line), (None, 2));
        let bad = "notices:\n  - code: unused_trip\n    severity: of\n  - code: unused_trip\n    severity: info\n    reason: x\n    \
                   why: y\n";
        let told: Vec<String> = read(file, bad).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told.iter().any(|problem| problem.contains("notices.yaml:3: 'of' is no severity")), "{told:?}");
    }
}
