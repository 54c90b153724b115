//! Which names the parts of a workspace may have: they become folders, files, addresses, cells of CSV files and identifiers
//! of SQL, so all are words of letters, digits, `_` and `-`.

use crate::contract::query::{INDEX, PREVIOUS, TIMETABLE};
use crate::quarantine::ORIGIN_NAME;
use crate::table::{HELD_BEFORE, ORIGIN, ORIGIN_ROW};

/// The most characters of a name: two of them and a digest make a file name, which has at most 255 bytes.
const LONGEST: usize = 80;

/// Names that Windows keeps for devices, whatever their letter case; a folder of such a name cannot be copied there.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul"];

/// What has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// Of a dataset, a pipeline or a source: a folder and a part of addresses.
    Folder,
    /// A folder, too, and a word in queries.
    Table,
    /// A part of the ids of rules, a field of files and a word in queries.
    Column,
    /// A part of the rule's id, and so of the name of its test's file.
    Rule,
    /// A word in queries.
    View,
}

/// Why a name cannot be used, as a part of a sentence, and what to do. `None` if it can.
pub fn mistake(what: Named, name: &str) -> Option<(String, &'static str)> {
    let (noun, remedy) = match what {
        Named::Folder => ("a folder", "Use a-z, 0-9, '-' and '_'."),
        Named::Table => ("a table", "Use a-z, 0-9, '-' and '_'."),
        Named::Column => ("a column", "Use letters without accents, 0-9, '-' and '_'."),
        Named::Rule => ("a rule", "Use letters without accents, 0-9, '-', '_' and '.'."),
        Named::View => ("a view", "Use letters without accents, 0-9, '-' and '_'."),
    };
    let shown: String = name.chars().take(LONGEST).collect();
    let shown = crate::yaml::shown(&shown);
    let is_fit = |byte: u8| match what {
        Named::Folder | Named::Table => byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte),
        Named::Column | Named::View => byte.is_ascii_alphanumeric() || b"-_".contains(&byte),
        Named::Rule => byte.is_ascii_alphanumeric() || b"-_.".contains(&byte),
    };
    if name.is_empty() || !name.bytes().all(is_fit) {
        return Some((format!("'{shown}' is no name for {noun}"), remedy));
    }
    if name.len() > LONGEST {
        return Some((format!("the name '{shown}...' is too long for {noun}"), "Use at most 80 characters."));
    }
    let lower = name.to_ascii_lowercase();
    let is_port =
        |kind: &str| lower.strip_prefix(kind).is_some_and(|port| port.len() == 1 && port != "0" && port < ":");
    let is_device = DEVICES.contains(&lower.as_str()) || is_port("com") || is_port("lpt");
    let is_reserved = match what {
        Named::Folder => is_device,
        Named::Table => is_device || lower == PREVIOUS || lower.starts_with(TIMETABLE) || lower.starts_with('_'),
        Named::Column => [INDEX, ORIGIN, ORIGIN_ROW, ORIGIN_NAME, HELD_BEFORE].contains(&lower.as_str()),
        // The table's name stands before a rule's; which names views may not have is told by `read`.
        Named::Rule | Named::View => false,
    };
    is_reserved.then(|| (format!("the name '{shown}' is reserved"), "Give it another name."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_or_break_files_are_mistakes() {
        let all = [Named::Folder, Named::Table, Named::Column, Named::Rule, Named::View];
        let long = "x".repeat(81);
        for name in [
            "",
            "/etc/cron",
            "../a",
            "sub/dir",
            "a\\b",
            "x,y",
            "a b",
            "a\tb",
            "a\nb",
            "a\u{1b}]52;c",
            "ä",
            "%2e",
            "a\"b",
            &long,
        ] {
            for what in all {
                let (message, remedy) = mistake(what, name).unwrap_or_else(|| panic!("{what:?} {name:?}"));
                assert!(!message.chars().any(char::is_control) && remedy.starts_with("Use "), "{message:?}");
            }
        }
        for (what, name) in [
            (Named::Folder, ".."),
            (Named::Table, "A"),
            (Named::Table, "previous"),
            (Named::Table, "timetable_stops"),
            (Named::Table, "con"),
            (Named::Table, "lpt1"),
            (Named::Table, "_hidden"),
            (Named::Folder, "nul"),
            (Named::Column, "_index"),
            (Named::Column, "_row"),
            (Named::Column, "a.b"),
        ] {
            assert!(mistake(what, name).is_some(), "{what:?} {name}");
        }
        for (what, name) in [
            (Named::Folder, "stadtbus-fahrplan"),
            (Named::Table, "stop_times"),
            (Named::Table, "complex"),
            (Named::Table, "com0"),
            (Named::Column, "Spalte-1"),
            (Named::Rule, "speed_possible.v2"),
            (Named::View, "previous_stops"),
        ] {
            assert_eq!(mistake(what, name), None, "{what:?} {name}");
        }
    }
}
