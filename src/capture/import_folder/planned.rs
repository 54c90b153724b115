//! What is asked for, and what an import would do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::packed::Form;
use crate::capture::evidence::Entry;
use crate::capture::file_names::Pattern;
use crate::capture::payload::Wanted;
use crate::digest::Digest;

/// Problems that are kept; the others are counted.
const SHOWN: usize = 10;

/// Where the times of files come from.
#[derive(Clone, Debug)]
pub enum Times {
    /// Their names, in the usual forms or by a pattern.
    Names(Option<Pattern>),
    /// The times of modification that the file system has.
    Files,
}

/// What is asked for.
pub struct Request<'a> {
    pub folder: &'a Path,
    /// The sources that files may be of.
    pub sources: Vec<&'a str>,
    /// All files are of this one of them.
    pub source: Option<usize>,
    pub wanted: Wanted,
    pub times: Times,
    /// Of times in names without one; UTC if none is given.
    pub zone: Option<TimeZone>,
    /// Only captures whose address is known and this one; `*` stands for any text.
    pub url: Option<&'a str>,
    /// Captures from here on are of the future.
    pub until: Timestamp,
}

/// A capture to be.
pub struct Item {
    /// The place of its source in [`Request::sources`].
    pub source: usize,
    pub at: Timestamp,
    pub digest: Digest,
    pub(super) from: Origin,
}

pub(super) enum Origin {
    /// A file, relative to the folder, and whether what lies beside it describes it.
    File(PathBuf, bool),
    /// The capture at this place of a file of many.
    Packed(PathBuf, Form, u64),
    /// A record of an archive.
    Record(Entry),
}

/// An archive of an hour of another store.
#[derive(Clone, Debug)]
pub(super) struct Hour {
    /// The place of its source in [`Request::sources`].
    pub(super) source: usize,
    pub(super) begin: Timestamp,
    pub(super) archive: PathBuf,
    /// The hours of its records, which its name need not tell.
    pub(super) times: BTreeSet<Timestamp>,
}

/// What an import would do.
#[derive(Default)]
pub struct Plan {
    /// In the order of their time.
    pub items: Vec<Item>,
    /// What cannot be imported although it looks as if it should be: the first few with their reasons.
    pub problems: Vec<String>,
    pub problem_count: u64,
    /// Files that are no captures, by what they are.
    pub passed_over: BTreeMap<String, u64>,
    /// Hours of another store's archives, which are merged.
    pub(super) hours: Vec<Hour>,
    /// The folders that these archives are in.
    pub(super) roots: BTreeSet<PathBuf>,
    /// The addresses of the captures of a source, for people, as far as they are known.
    pub(super) addresses: BTreeMap<usize, BTreeSet<String>>,
    /// Messages that were rebuilt from parsed rows.
    pub rebuilt: u64,
    /// Names whose times have no zone.
    pub without_zone: u64,
    /// Names that tell a date and no time of day.
    pub days_only: u64,
    /// Files of which nothing but the number of sources says which one they are of.
    pub by_being_alone: u64,
    /// Messages that tell their own time, those of which it is far from that of the name, and by how many seconds the first is.
    pub stamped: u64,
    pub apart: u64,
    pub first_apart: Option<i64>,
}

impl Plan {
    pub(super) fn problem(&mut self, path: &str, reason: &str) {
        self.problem_count += 1;
        if self.problems.len() < SHOWN {
            self.problems.push(format!("{}: {reason}", path.escape_debug()));
        }
    }

    pub(super) fn pass_over(&mut self, what: impl Into<String>) {
        self.pass_over_many(what, 1);
    }

    pub(super) fn pass_over_many(&mut self, what: impl Into<String>, count: u64) {
        *self.passed_over.entry(what.into()).or_default() += count;
    }

    /// When what is to be imported was captured, to the hour: files, records and, of archives of another store, all that beats left.
    pub fn times(&self) -> impl Iterator<Item = Timestamp> {
        let of_hours = self.hours.iter().flat_map(|hour| &hour.times).copied();
        self.items.iter().map(|item| item.at).chain(of_hours)
    }

    /// Whether there is nothing to import.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.hours.is_empty()
    }

    /// Whether most names tell another time than the messages themselves, as local times that are taken for UTC do.
    pub fn is_shifted(&self) -> bool {
        self.apart * 2 > self.stamped
    }
}
