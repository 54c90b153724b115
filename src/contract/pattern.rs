//! Patterns of columns: regular expressions that a whole value must match.

use regex::Regex;

/// The expression that a whole value must match.
pub(crate) fn whole(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("^(?:{pattern})$")).ok()
}

/// Whether a group of flags sets `x`: `(?x)`, `(?ix:...)`.
pub(crate) fn has_flag_x(pattern: &str) -> bool {
    let mut rest = pattern;
    // A group behind a backslash or in brackets is none; those are rare, and say the same without a flag.
    while let Some((_, after)) = rest.split_once("(?") {
        let flags = after.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        if flags.contains('x') && after[flags.len()..].starts_with([')', ':', '-']) {
            return true;
        }
        rest = after;
    }
    false
}
