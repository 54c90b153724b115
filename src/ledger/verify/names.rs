//! Names that a bucket gives, taken for those of a stranger: none leads out of the bucket.

use std::fmt;

/// A table, by names that are plain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TableId {
    pub dataset: String,
    pub table: String,
}

impl TableId {
    /// None if a name is not one of a folder of this program.
    pub(super) fn new(dataset: &str, table: &str) -> Option<Self> {
        let is_name = |name: &str| is_segment(name) && name.len() <= 200;
        (is_name(dataset) && is_name(table)).then(|| Self { dataset: dataset.to_owned(), table: table.to_owned() })
    }
}

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.dataset, self.table)
    }
}

/// Letters, digits and a few marks, of which no point comes first.
fn is_segment(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte);
    !text.is_empty() && !text.starts_with('.') && text.bytes().all(is_plain)
}

/// Whether a key stays in the bucket and is one that this program writes.
pub(super) fn is_safe(key: &str) -> bool {
    key.len() <= 1024 && key.split('/').all(is_segment)
}

/// Whether a file is about to get the name before the mark, or was left so by a write that was killed: `name#1`.
pub(super) fn is_staged(key: &str) -> bool {
    key.rsplit_once('#').is_some_and(|(name, number)| {
        is_safe(name) && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A text of the bucket as it is told: short, and without what a terminal would obey.
pub(super) fn shown(text: &str) -> String {
    let short: String = text.chars().take(240).collect();
    short.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_lead_elsewhere_are_refused() {
        assert!(is_safe("data/bus/t/partition_date=2026-11-24/part-0123456789ab.parquet"));
        let long = "a/".repeat(600) + "a";
        for key in
            ["", "/etc/passwd", "a//b", "a/../b", "../a", "a/.b", "http://x/a", "a b", "a?b", "a%2e", "a/", &long]
        {
            assert!(!is_safe(key), "{key}");
        }
        assert!(TableId::new("bus", "stops").is_some() && TableId::new("bus", "../x").is_none());
        assert!(is_staged("data/bus/x.parquet#12"));
        for key in ["data/bus/x.parquet", "data/bus/x#", "data/bus/x#1.parquet", "data/b us/x#1"] {
            assert!(!is_staged(key), "{key}");
        }
        assert_eq!(shown("a\u{1b}b"), "a\\u{1b}b");
    }
}
