//! Reports: what the rules found, as JSON in the canonical shape, as SARIF, as a page for people, and as a table for a terminal.

mod html;
mod json;
mod sarif;
mod text;

use jiff::Timestamp;
use maud::Markup;
use serde_json::{Map, Value};

use crate::contract::Severity;
use crate::contract::notices::Change;
use crate::feed_rules::notice::{Cut, Found, Notice, Out};

/// What was found in what was looked at.
pub struct Report<S> {
    pub subject: S,
    /// By severity, the worst first, then by code.
    pub results: Vec<NoticeResult>,
    /// The rules that could not run, and what kept each from it: a file.
    pub not_run: Vec<(&'static str, String)>,
    /// What rules did not look at because it would take too long.
    pub cut: Vec<(&'static str, &'static Cut)>,
    /// The notices that were switched off and would have been told, and the other changes that had an effect.
    pub changes: Vec<Change>,
}

/// One notice of a report.
#[derive(Debug)]
pub struct NoticeResult {
    /// After what the data manager changed.
    pub severity: Severity,
    pub found: Found,
}

impl<S> Report<S> {
    /// What was found, without what was looked at.
    pub fn without_subject(self) -> Report<()> {
        let Self { subject: _, results, not_run, cut, changes } = self;
        Report { subject: (), results, not_run, cut, changes }
    }

    /// Of all that was found, after what the data manager changed.
    pub fn new(subject: S, all: Out, changes: &[Change]) -> Self {
        let mut results = Vec::new();
        let mut effective = Vec::new();
        for found in all.found {
            let change = changes.iter().find(|change| change.code == found.notice.code);
            effective.extend(change.cloned());
            let severity = match change {
                None => found.notice.severity,
                Some(Change { severity: Some(severity), .. }) => *severity,
                Some(Change { severity: None, .. }) => continue,
            };
            results.push(NoticeResult { severity, found });
        }
        results.sort_by(|a, b| (b.severity, a.found.notice.code).cmp(&(a.severity, b.found.notice.code)));
        Self { subject, results, not_run: Vec::new(), cut: Vec::new(), changes: effective }
    }

    /// How many notices of at least this severity there are.
    pub fn count(&self, at_least: Severity) -> u64 {
        self.results.iter().filter(|result| result.severity >= at_least).map(|result| result.found.total).sum()
    }

    /// How many notices of this severity there are.
    fn count_of(&self, severity: Severity) -> u64 {
        self.results.iter().filter(|result| result.severity == severity).map(|result| result.found.total).sum()
    }

    /// The rules that did not run or not to their end, and why: the file that could not be read, or what was left out.
    pub fn incomplete(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let not_run = self.not_run.iter().map(|(rule, file)| (*rule, file.as_str()));
        not_run.chain(self.cut.iter().map(|(rule, cut)| (*rule, cut.en)))
    }
}

/// How the report came about; goes into its summary.
#[derive(Clone, Debug)]
pub struct Circumstances {
    pub input: String,
    pub validated_at: Timestamp,
    pub seconds: f64,
    pub country: Option<String>,
    pub output: Option<String>,
}

/// A row of a file of a feed, or the file alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    /// The line, from 1 for the header.
    pub row: Option<u64>,
}

/// What a report says of what was looked at, beside the notices.
pub trait Reported {
    /// Of a notice's rule in the documentation of the standard.
    fn help_uri(notice: &Notice) -> String;

    /// `summary` of `report.json`.
    fn summary(&self, how: &Circumstances) -> Value;

    /// What only this subject has of `report.json`.
    fn json_keys(&self) -> Map<String, Value>;

    /// What a reader of SARIF must know to look in the same way.
    fn sarif_properties(&self, how: &Circumstances) -> Value;

    /// The rows that a sample names, each with its field; the one that the notice is about first.
    fn rows(&self, notice: &Notice, fields: &Map<String, Value>) -> Vec<(&'static str, Place)>;

    /// Where a sample is: the row that the notice is about, or its file.
    fn place(&self, notice: &Notice, fields: &Map<String, Value>) -> Option<Place>;

    /// Remarks of one line each at the end of the table for a terminal.
    fn remarks(&self) -> Vec<String>;

    /// The title of the page, and the word for the standard that stands behind it.
    fn title(&self) -> (String, &'static str);

    /// What the page says of it before the notices.
    fn introduction(&self, how: &Circumstances) -> Markup;

    /// The remarks for the page.
    fn remarks_of_page(&self) -> Markup;

    /// Pictures at the end of the page.
    fn pictures(&self) -> Markup;
}

/// The word of a severity in the canonical report.
pub fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "ERROR",
        Severity::Warning => "WARNING",
        Severity::Info => "INFO",
    }
}

/// A value of a sample for people.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            let value = number.as_f64().unwrap_or_default();
            format!("{value:.4}").trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        other => other.to_string(),
    }
}
