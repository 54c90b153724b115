//! Feed rules: what the standards ask of a feed as a whole.
//!
//! Takes what a standard looks at (a GTFS feed with all its tables; a GTFS-Realtime snapshot with the one before and the
//! timetable) and makes a [`report::Report`]: for each notice how often it was found, with samples. Notices tell; they never
//! hold a row back. Holds no row of a run.
//!
//! [`rule`] says what a rule is and runs it, [`notice`] what it tells, [`report`] writes what was found. One folder for each
//! standard: its subject, its rules (one file each), and the list `RULES`. A new rule is one file and one line of that list; a new
//! standard is one folder, one line of [`STANDARDS`] and its [`RuleBook`]. [`run_rules`] is what a run knows of them.

pub mod gtfs;
pub mod gtfs_realtime;
pub mod notice;
pub mod report;
pub mod rule;
pub mod run_rules;

use std::path::Path;

use crate::contract::library::Library;
use crate::contract::notices;
use crate::decode;
use crate::decode::format::RuleBook;
use crate::feed_rules::notice::Notice;
use crate::feed_rules::run_rules::{RunRules, RunRulesError, RunSubjects};
use crate::yaml::{Problem, Problems, suggestion};

/// A standard: the word before the codes of its notices in results, and the notices, by code.
pub struct Standard {
    pub prefix: &'static str,
    pub name: &'static str,
    pub notices: fn() -> Vec<&'static Notice>,
    book: RuleBook,
    /// Sets its rules to work in a run.
    open: fn(RunSubjects<'_>) -> Result<Box<dyn RunRules>, RunRulesError>,
}

pub const STANDARDS: &[Standard] = &[
    Standard { prefix: "gtfs.", name: "GTFS", notices: gtfs::notices, book: RuleBook::Gtfs, open: gtfs::of_run::open },
    Standard {
        prefix: "gtfs_realtime.",
        name: "GTFS-Realtime",
        notices: gtfs_realtime::notices,
        book: RuleBook::GtfsRealtime,
        open: gtfs_realtime::of_run::open,
    },
];

/// Sets the rules of a rule book to work in a run.
///
/// # Errors
/// The memory of the run is not enough for them, or they lack what the format of their feeds always has.
pub fn open(book: RuleBook, subjects: RunSubjects<'_>) -> Result<Box<dyn RunRules>, RunRulesError> {
    let standard = STANDARDS.iter().find(|standard| standard.book == book);
    (standard.ok_or(RunRulesError::Internal("a rule book has no standard"))?.open)(subjects)
}

/// The standard that a notice is of.
pub fn standard_of(code: &str) -> Option<&'static Standard> {
    STANDARDS.iter().find(|standard| (standard.notices)().iter().any(|notice| notice.code == code))
}

/// What results call a notice.
pub fn told(code: &str) -> String {
    standard_of(code).map_or_else(|| code.to_owned(), |standard| format!("{}{code}", standard.prefix))
}

/// The notice that results call so, with or without the prefix of its standard.
pub fn find(id: &str) -> Option<(&'static Standard, &'static Notice)> {
    STANDARDS.iter().find_map(|standard| {
        let code = id.strip_prefix(standard.prefix).unwrap_or(id);
        Some((standard, (standard.notices)().into_iter().find(|notice| notice.code == code)?))
    })
}

/// Changes of a folder's `notices.yaml` to notices that its standard does not have.
pub fn unknown_codes(library: &Library, folder: &Path) -> Vec<Problem> {
    let is_realtime = library.contracts.keys().any(|table| decode::gtfs_realtime::columns(table).is_some());
    let is_timetable = library.contracts.values().any(|contract| contract.gtfs_file.is_some());
    // A folder without tables of either says nothing of which it means.
    let all = is_realtime == is_timetable;
    let of = |is_one: bool, notices: fn() -> Vec<&'static Notice>| if is_one || all { notices() } else { Vec::new() };
    let known = [of(is_timetable, gtfs::notices), of(is_realtime, gtfs_realtime::notices)].concat();
    let codes: Vec<&str> = known.into_iter().map(|notice| notice.code).collect();
    let mut problems = Problems::new(&folder.join(notices::FILE));
    for change in library.changes.iter().filter(|change| !codes.contains(&change.code.as_str())) {
        problems.add(change.line, format!("there is no notice '{}'", change.code), suggestion(&change.code, &codes));
    }
    problems.found
}
