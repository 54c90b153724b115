//! An entry of the log: one line of text, which a reader of any language takes apart at its spaces.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;

/// What was done, by the digests of what says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A version of a table's index: a release, or what a person or a rule did. `release DATASET/TABLE VERSION INDEX RECORD`.
    Release {
        dataset: String,
        table: String,
        version: u64,
        /// Of the bytes of the version.
        index: Digest,
        /// Of the run or act; none where the version names none, which is written `-`.
        record: Option<Digest>,
    },
    /// A record that no version of a table names. `record KIND RECORD`.
    Record { kind: RecordKind, record: Digest },
}

/// What a record that no version of a table names is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RecordKind {
    /// Evidence was destroyed.
    Purge,
    /// A signing key was made, replaced or revoked.
    Key,
    /// Superseded files are deleted.
    Gc,
}

impl RecordKind {
    const ALL: [Self; 3] = [Self::Purge, Self::Key, Self::Gc];

    fn word(self) -> &'static str {
        match self {
            Self::Purge => "purge",
            Self::Key => "key",
            Self::Gc => "gc",
        }
    }
}

impl fmt::Display for Entry {
    /// The line, without the line feed that ends it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release { dataset, table, version, index, record } => {
                let record = record.map_or_else(|| "-".to_owned(), |record| record.to_string());
                write!(f, "release {dataset}/{table} {version} {index} {record}")
            }
            Self::Record { kind, record } => write!(f, "record {} {record}", kind.word()),
        }
    }
}

impl FromStr for Entry {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let wrong = || format!("'{}' is no entry of the log", line.escape_debug());
        let words: Vec<&str> = line.split(' ').collect();
        let entry = match words.as_slice() {
            ["release", name, version, index, record] => {
                let (dataset, table) = name.split_once('/').ok_or_else(wrong)?;
                let record = match *record {
                    "-" => None,
                    record => Some(Digest::parse(record).ok_or_else(wrong)?),
                };
                Self::Release {
                    dataset: dataset.to_owned(),
                    table: table.to_owned(),
                    version: version.parse().map_err(|_| wrong())?,
                    index: Digest::parse(index).ok_or_else(wrong)?,
                    record,
                }
            }
            ["record", kind, record] => {
                let known = RecordKind::ALL.into_iter().find(|of| of.word() == *kind);
                Self::Record { kind: known.ok_or_else(wrong)?, record: Digest::parse(record).ok_or_else(wrong)? }
            }
            _ => return Err(wrong()),
        };
        // One way to write it, so that one leaf of the log stands for it.
        if entry.to_string() == line { Ok(entry) } else { Err(wrong()) }
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_line_that_reads_back_and_is_written_in_one_way_only() {
        let digest = Digest::of(b"x");
        for line in [
            format!("release bus/t 12 {digest} {digest}"),
            format!("release bus/t 1 {digest} -"),
            format!("record purge {digest}"),
            format!("record key {digest}"),
            format!("record gc {digest}"),
        ] {
            assert_eq!(line.parse::<Entry>().unwrap().to_string(), line);
        }
        for line in [
            format!("release bus/t 012 {digest} -"),
            format!("release bus/t +1 {digest} -"),
            format!("release bus 1 {digest} -"),
            format!("release bus/t 1 {digest} - "),
            format!("release bus/t 1 {} -", digest.to_string().to_uppercase()),
            format!("record gift {digest}"),
            format!("record purge {digest}\n"),
            String::new(),
        ] {
            assert!(line.parse::<Entry>().is_err(), "{line}");
        }
    }
}
