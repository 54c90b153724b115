//! Decisions: what a person decides, in one form, kept as lines of JSON in the private store.
//!
//! Every decision says what it is about, who made it, when, until when it holds, and why. Nothing is deleted: a decision
//! that is taken back is followed by a line that undoes it; only those about rows go with the quarantine of their date. Decisions about rows stand beside the quarantine of their table
//! (`<private>/quarantine/<dataset>/<table>.decisions.jsonl`), all others in `<private>/decisions.jsonl`. Run records name
//! those that hold for their partition, with name and reason as given, but without rows.
//!
//! A new kind of decision is one variant of [`About`] and one line of [`About::kind`] and [`About::public`].

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::contract::RuleId;
use crate::digest::{Digest, Digester};
use crate::durable;
use crate::quarantine::RowId;
use crate::time::ServiceDate;

/// Who decided what earlier versions of the program kept without a name.
const UNKNOWN: &str = "unknown";
/// What the files of decisions about rows end with.
const OF_ROWS: &str = ".decisions.jsonl";

/// One line of a file of decisions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    #[serde(flatten)]
    pub about: About,
    /// A name or role of `people` in the workspace's configuration.
    pub by: String,
    pub at: Timestamp,
    /// The last day on which it holds; for ever if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<ServiceDate>,
    pub reason: String,
}

/// What is decided, and of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "target", rename_all = "snake_case")]
pub enum About {
    /// Rows pass, although these rules flagged them. A rule that flags one later holds it again.
    Release(Rows),
    /// Rows are dropped for good.
    Discard(Rows),
    /// The evidence of a partition is used although it is not that of the last record.
    AcceptEvidence(AcceptedEvidence),
    /// The key of a date is used although it is not that of the last record.
    AcceptKey(AcceptedKey),
    /// A partition is made without decisions that its last record names and that are gone.
    AcceptDecisions(AcceptedDecisions),
    /// Runs go on although the bucket has releases that the private store knows nothing of.
    BeginAnew(BegunAnew),
    /// An earlier decision of the same file does not hold any more.
    Undo(Undone),
}

/// Rows of a partition's table in quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    pub dataset: String,
    pub table: String,
    pub date: ServiceDate,
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub row: RowId,
    /// The rules that held it and that the decision is about.
    pub rules: Vec<RuleId>,
}

/// Digests are those of lists of captures, see [`crate::ledger::EvidenceEntry`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedEvidence {
    pub pipeline: String,
    pub date: ServiceDate,
    pub source: String,
    /// What the last record says of the source.
    pub known: Digest,
    /// The list that is accepted in its place: a later loss is refused again.
    pub accepted: Digest,
    /// Captures of the record that are not there, and those that came in between.
    pub missing: u64,
    pub extra: u64,
}

/// Digests are those that records have of keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedKey {
    pub pipeline: String,
    pub date: ServiceDate,
    pub known: Digest,
    pub accepted: Digest,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedDecisions {
    pub pipeline: String,
    pub date: ServiceDate,
    pub missing: Vec<DecisionId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunAnew {
    /// As configured.
    pub bucket: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    pub decision: DecisionId,
}

/// By which a decision is known: the first 16 hex digits of the SHA-256 of its line, without the line's end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DecisionId(pub String);

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl About {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Release(_) => "release",
            Self::Discard(_) => "discard",
            Self::AcceptEvidence(_) => "accept_evidence",
            Self::AcceptKey(_) => "accept_key",
            Self::AcceptDecisions(_) => "accept_decisions",
            Self::BeginAnew(_) => "begin_anew",
            Self::Undo(_) => "undo",
        }
    }

    /// The target as a record may tell it: of rows only how many, and a digest over what is decided of them.
    fn public(&self) -> Value {
        match self {
            Self::Release(rows) | Self::Discard(rows) => json!({
                "dataset": rows.dataset,
                "table": rows.table,
                "date": rows.date,
                "rows": rows.rows.len(),
                "sha256": rows.digest(),
            }),
            Self::AcceptEvidence(target) => json!(target),
            Self::AcceptKey(target) => json!(target),
            Self::AcceptDecisions(target) => json!(target),
            Self::BeginAnew(target) => json!(target),
            Self::Undo(target) => json!(target),
        }
    }

    /// What it is about, for people.
    pub fn told(&self) -> String {
        match self {
            Self::Release(rows) | Self::Discard(rows) => {
                let count = rows.rows.len();
                let what = if count == 1 { "row" } else { "rows" };
                format!("{count} {what} of {}/{} of {}", rows.dataset, rows.table, rows.date)
            }
            Self::AcceptEvidence(of) => {
                let (source, pipeline, date) = (&of.source, &of.pipeline, of.date);
                format!("'{source}' of {pipeline} {date}, {} missing and {} more in between", of.missing, of.extra)
            }
            Self::AcceptKey(of) => format!("the key of {}, for {}", of.date, of.pipeline),
            Self::AcceptDecisions(of) => {
                format!("{} decisions gone, for {} {}", of.missing.len(), of.pipeline, of.date)
            }
            Self::BeginAnew(of) => format!("the releases in {}, without the private store that made them", of.bucket),
            Self::Undo(of) => of.decision.to_string(),
        }
    }
}

impl Rows {
    /// Over one line `<row> <rule> <rule> ...` for each row.
    fn digest(&self) -> Digest {
        let mut digester = Digester::default();
        for row in &self.rows {
            let rules: Vec<&str> = row.rules.iter().map(|rule| rule.0.as_str()).collect();
            digester.update(format!("{} {}\n", row.row, rules.join(" ")).as_bytes());
        }
        digester.finish()
    }
}

/// A decision as a run record names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionEntry {
    pub id: DecisionId,
    pub kind: String,
    pub target: Value,
    pub by: String,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<ServiceDate>,
    pub reason: String,
}

/// A decision and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub id: DecisionId,
    /// In its file, from 1.
    pub line: usize,
    pub decision: Decision,
    /// A later line undoes it.
    pub is_undone: bool,
}

impl Line {
    /// Whether it holds on a day.
    pub fn holds(&self, today: ServiceDate) -> bool {
        !self.is_undone
            && !matches!(self.decision.about, About::Undo(_))
            && self.decision.until.is_none_or(|until| today <= until)
    }
}

impl From<&Line> for DecisionEntry {
    fn from(line: &Line) -> Self {
        let decision = &line.decision;
        Self {
            id: line.id.clone(),
            kind: decision.about.kind().to_owned(),
            target: decision.about.public(),
            by: decision.by.clone(),
            at: decision.at,
            until: decision.until,
            reason: decision.reason.clone(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    #[error("{path} could not be {verb}: {problem}. Check the disk and the permissions.", path = path.display())]
    File { path: PathBuf, verb: &'static str, problem: String },
    #[error("{path}:{line}: no decision: {problem}. Mend the line, or remove it.", path = path.display())]
    Line { path: PathBuf, line: usize, problem: String },
    #[error(
        "{path}:{line}: '{by}' may not decide: 'people' in fahrtenbuch.yaml has no such name. Add it there as long as its decisions \
         are to hold, or take this one back with 'fahrtenbuch decisions undo {id}'.",
        path = path.display()
    )]
    Person { path: PathBuf, line: usize, by: String, id: DecisionId },
}

impl DecisionError {
    fn file(path: &Path, verb: &'static str, problem: &dyn fmt::Display) -> Self {
        Self::File { path: path.to_owned(), verb, problem: problem.to_string() }
    }
}

/// The file of the decisions that are not about rows.
pub(crate) fn path(private: &Path) -> PathBuf {
    private.join("decisions.jsonl")
}

/// The file of the decisions about rows of a table.
pub(crate) fn path_of_rows(private: &Path, dataset: &str, table: &str) -> PathBuf {
    private.join("quarantine").join(dataset).join(format!("{table}{OF_ROWS}"))
}

/// All files of decisions that there are, in the order of their names.
pub(crate) fn files(private: &Path) -> Vec<PathBuf> {
    let names = |folder: &Path| -> BTreeSet<PathBuf> {
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let of_rows = names(&private.join("quarantine")).into_iter().flat_map(|dataset| names(&dataset));
    let of_rows = of_rows.filter(|path| path.to_string_lossy().ends_with(OF_ROWS));
    [path(private)].into_iter().filter(|path| path.exists()).chain(of_rows).collect()
}

/// One line as it was written before decisions had one form: about one row, without who decided.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Old {
    date: ServiceDate,
    row: RowId,
    rules: Vec<RuleId>,
    action: OldAction,
    reason: String,
    decided_at: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum OldAction {
    Release,
    Discard,
}

/// All decisions of a file, the newest last; none if there is no file.
pub(crate) fn read(path: &Path) -> Result<Vec<Line>, DecisionError> {
    let mut lines = lines(path)?;
    undo(&mut lines);
    Ok(lines)
}

/// The decisions of a file as they were at a time: those made until then, undone by those made until then.
pub(crate) fn read_as_of(path: &Path, at: Timestamp) -> Result<Vec<Line>, DecisionError> {
    let mut lines = lines(path)?;
    lines.retain(|line| line.decision.at <= at);
    undo(&mut lines);
    Ok(lines)
}

fn lines(path: &Path) -> Result<Vec<Line>, DecisionError> {
    let text = match crate::durable::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(DecisionError::file(path, "read", &error)),
    };
    let mut lines = Vec::new();
    for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let decision = parse(path, line.trim()).map_err(|error| DecisionError::Line {
            path: path.to_owned(),
            line: place + 1,
            problem: error.to_string(),
        })?;
        if decision.by.trim().is_empty() || decision.reason.trim().is_empty() {
            let what = if decision.by.trim().is_empty() { "'by' names nobody" } else { "'reason' gives none" };
            return Err(DecisionError::Line { path: path.to_owned(), line: place + 1, problem: what.to_owned() });
        }
        lines.push(Line { id: id_of(line.trim()), line: place + 1, decision, is_undone: false });
    }
    Ok(lines)
}

fn undo(lines: &mut [Line]) {
    // From the end, because what undoes a decision may be undone itself.
    for place in (0..lines.len()).rev() {
        let (earlier, rest) = lines.split_at_mut(place);
        let Some(Line { decision: Decision { about: About::Undo(target), .. }, is_undone: false, .. }) = rest.first()
        else {
            continue;
        };
        earlier.iter_mut().filter(|line| line.id == target.decision).for_each(|line| line.is_undone = true);
    }
}

/// All decisions of a file, each made by one of `people`; what is undone does not matter any more, and lines of the form before
/// name nobody.
pub(crate) fn read_of(path: &Path, people: &[String]) -> Result<Vec<Line>, DecisionError> {
    let lines = read(path)?;
    let is_known = |by: &String| by == UNKNOWN || people.contains(by);
    match lines.iter().find(|line| !line.is_undone && !is_known(&line.decision.by)) {
        None => Ok(lines),
        Some(Line { id, line, decision, .. }) => {
            Err(DecisionError::Person { path: path.to_owned(), line: *line, by: decision.by.clone(), id: id.clone() })
        }
    }
}

fn parse(path: &Path, line: &str) -> Result<Decision, serde_json::Error> {
    let value: Value = serde_json::from_str(line)?;
    if value.get("action").is_none() {
        let decision: Decision = serde_json::from_value(value)?;
        return match decision.by == UNKNOWN {
            true => Err(serde::de::Error::custom(format!("'by' is '{UNKNOWN}', which is nobody"))),
            false => Ok(decision),
        };
    }
    let old: Old = serde_json::from_value(value)?;
    let name = |path: Option<&std::ffi::OsStr>| path.unwrap_or_default().to_string_lossy().into_owned();
    let rows = Rows {
        dataset: name(path.parent().and_then(Path::file_name)),
        table: name(path.file_name()).trim_end_matches(OF_ROWS).to_owned(),
        date: old.date,
        rows: vec![Row { row: old.row, rules: old.rules }],
    };
    let about = match old.action {
        OldAction::Release => About::Release(rows),
        OldAction::Discard => About::Discard(rows),
    };
    Ok(Decision { about, by: UNKNOWN.to_owned(), at: old.decided_at, until: None, reason: old.reason })
}

fn id_of(line: &str) -> DecisionId {
    let mut id = Digest::of(line.as_bytes()).to_string();
    id.truncate(16);
    DecisionId(id)
}

/// Adds decisions, all of them or none.
pub(crate) fn append(path: &Path, decisions: &[Decision]) -> Result<Vec<DecisionId>, DecisionError> {
    let failed = |error: &dyn fmt::Display| DecisionError::file(path, "written", error);
    let folder = path.parent().unwrap_or(Path::new("."));
    durable::create_dir_all(folder).map_err(|error| failed(&error))?;
    // Two who decide at once do so one after the other.
    let lock = durable::create(&folder.join(".decisions.lock")).map_err(|error| failed(&error))?;
    lock.lock().map_err(|error| failed(&error))?;
    let mut text = match durable::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(failed(&error)),
    };
    if text.last().is_some_and(|&byte| byte != b'\n') {
        text.push(b'\n');
    }
    let mut ids = Vec::new();
    for decision in decisions {
        let line = serde_json::to_string(decision).map_err(|error| failed(&error))?;
        ids.push(id_of(&line));
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
    }
    durable::write(path, &text).map_err(|error| failed(&error))?;
    Ok(ids)
}

/// Takes the decisions about rows of dates, and what undoes them, out of a file of decisions; gives how many lines those were. What
/// stays keeps its bytes.
pub(crate) fn forget(path: &Path, is_gone: &dyn Fn(ServiceDate) -> bool) -> Result<u64, DecisionError> {
    let failed = |error: &dyn fmt::Display| DecisionError::file(path, "written", error);
    if !path.exists() {
        return Ok(0);
    }
    let lock = durable::create(&path.with_file_name(".decisions.lock")).map_err(|error| failed(&error))?;
    lock.lock().map_err(|error| failed(&error))?;
    let mut gone: BTreeSet<DecisionId> = BTreeSet::new();
    let mut places: BTreeSet<usize> = BTreeSet::new();
    for Line { id, line, decision, .. } in read(path)? {
        let goes = match &decision.about {
            About::Release(rows) | About::Discard(rows) => is_gone(rows.date),
            About::Undo(undone) => gone.contains(&undone.decision),
            About::AcceptEvidence(_) | About::AcceptKey(_) | About::AcceptDecisions(_) | About::BeginAnew(_) => false,
        };
        if goes {
            gone.insert(id);
            places.insert(line);
        }
    }
    if places.is_empty() {
        return Ok(0);
    }
    let text = durable::read_to_string(path).map_err(|error| failed(&error))?;
    let kept = text.lines().enumerate().filter(|(place, _)| !places.contains(&(place + 1)));
    let kept: String = kept.map(|(_, line)| format!("{line}\n")).collect();
    durable::write(path, kept.as_bytes()).map_err(|error| failed(&error))?;
    Ok(places.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(reason: &str) -> Decision {
        let date = "2026-11-24".parse().unwrap();
        let digest = Digest::of(b"");
        let target = AcceptedKey { pipeline: "bus".to_owned(), date, known: digest, accepted: digest };
        let about = About::AcceptKey(target);
        Decision { about, by: "Leitung".to_owned(), at: Timestamp::UNIX_EPOCH, until: None, reason: reason.to_owned() }
    }

    #[test]
    fn decisions_are_undone_by_lines_that_may_be_undone_themselves() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path());
        let today: ServiceDate = "2026-11-26".parse().unwrap();
        let held = |path: &Path| -> Vec<bool> { read(path).unwrap().iter().map(|line| line.holds(today)).collect() };
        let ids = append(&path, &[accept("a"), accept("b")]).unwrap();
        let undo = |id: &DecisionId, reason: &str| Decision {
            about: About::Undo(Undone { decision: id.clone() }),
            ..accept(reason)
        };
        let undone = append(&path, &[undo(&ids[0], "it was wrong")]).unwrap();
        assert_eq!(held(&path), [false, true, false]);
        append(&path, &[undo(&undone[0], "it was right")]).unwrap();
        assert_eq!(held(&path), [true, true, false, false]);
        // The same decision again after it was undone holds.
        append(&path, &[undo(&ids[1], "no"), accept("b")]).unwrap();
        assert_eq!(held(&path), [true, false, false, false, false, true]);
        assert_eq!(read(&path).unwrap()[0].id, ids[0]);
    }

    #[test]
    fn decisions_about_rows_go_with_their_date_and_the_others_keep_their_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_of_rows(folder.path(), "bus", "t");
        let of = |day: &str, reason: &str| {
            let rows =
                Rows { dataset: "bus".to_owned(), table: "t".to_owned(), date: day.parse().unwrap(), rows: Vec::new() };
            Decision { about: About::Release(rows), ..accept(reason) }
        };
        let undo = |id: &DecisionId| Decision { about: About::Undo(Undone { decision: id.clone() }), ..accept("no") };
        let ids = append(&path, &[of("2026-11-23", "a"), of("2026-11-24", "b")]).unwrap();
        append(&path, &[undo(&ids[0]), undo(&ids[1]), of("2026-11-22", "c")]).unwrap();
        let before = fs::read_to_string(&path).unwrap();
        let limit: ServiceDate = "2026-11-24".parse().unwrap();
        assert_eq!(forget(&path, &|date| date < limit).unwrap(), 3);
        let expected: Vec<&str> =
            before.lines().enumerate().filter(|(at, _)| [1, 3].contains(at)).map(|(_, l)| l).collect();
        assert_eq!(fs::read_to_string(&path).unwrap().lines().collect::<Vec<_>>(), expected);
        assert_eq!(forget(&path, &|date| date < limit).unwrap(), 0);
        assert_eq!(forget(&folder.path().join("none"), &|_| true).unwrap(), 0);
    }

    #[test]
    fn decisions_are_read_as_they_were_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path());
        let at = |second| Timestamp::from_second(second).unwrap();
        let ids = append(&path, &[Decision { at: at(10), ..accept("a") }]).unwrap();
        let about = About::Undo(Undone { decision: ids[0].clone() });
        append(&path, &[Decision { at: at(20), about, ..accept("b") }]).unwrap();
        let undone = |second| -> Vec<bool> {
            read_as_of(&path, at(second)).unwrap().iter().map(|line| line.is_undone).collect()
        };
        assert_eq!(
            (undone(9), undone(10), undone(19), undone(20)),
            (vec![], vec![false], vec![false], vec![true, false])
        );
    }

    #[test]
    fn a_decision_holds_until_its_last_day() {
        let decision = Decision { until: Some("2026-11-26".parse().unwrap()), ..accept("a") };
        let line = Line { id: DecisionId(String::new()), line: 1, decision, is_undone: false };
        assert!(line.holds("2026-11-26".parse().unwrap()) && !line.holds("2026-11-27".parse().unwrap()));
    }

    #[test]
    fn lines_of_the_form_before_are_read_and_their_author_is_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_of_rows(folder.path(), "bus", "t");
        let line = r#"{"date":"2026-11-24","row":"5f0c1d2e3a4b5c6d","rules":["t.a"],"action":"discard","reason":"twice","decided_at":"2026-11-25T08:00:00Z"}"#;
        durable::write(&path, format!("{line}\n").as_bytes()).unwrap();
        let lines = read(&path).unwrap();
        let About::Discard(rows) = &lines[0].decision.about else { panic!("{lines:?}") };
        assert_eq!((rows.dataset.as_str(), rows.table.as_str(), rows.rows.len()), ("bus", "t", 1));
        assert_eq!((lines[0].decision.by.as_str(), lines[0].decision.reason.as_str()), ("unknown", "twice"));
        let entry = DecisionEntry::from(&lines[0]);
        assert!(!serde_json::to_string(&entry).unwrap().contains("5f0c1d2e"), "{entry:?}");
        assert_eq!(files(folder.path()), [path]);
    }
}
