//! What the last record of each date says went in and was held back, compared with what is there: as a run would, of all dates.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::findings::{Findings, text};
use super::scope::{Released, Scope};
use crate::capture::CaptureError;
use crate::capture::evidence::Store;
use crate::decision::{self, DecisionEntry, DecisionError, Line};
use crate::ledger::Captured;
use crate::ledger::verify::{Fault, FaultKind, Subject};
use crate::pipeline::run::changes::{Changes, SourceChange};
use crate::pipeline::run::comparison::{Comparison, accepted};
use crate::pipeline::run::context::now;
use crate::pipeline::run::day_key::day_keys;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::{Partition, evidence_store, partition};
use crate::pipeline::run::last_record::{LastRecord, last_record};
use crate::pipeline::run::purge::DestroyedHours;
use crate::pipeline::{Pipeline, journal};
use crate::publish::PublishError;
use crate::quarantine::{self, QuarantineError, Stage};
use crate::text::Text;
use crate::time::ServiceDate;

/// A date of a pipeline.
struct OfDate<'a> {
    scope: Scope<'a>,
    pipeline: &'a Pipeline,
    date: ServiceDate,
    record: Option<String>,
}

pub(super) fn check(scope: Scope<'_>, released: &Released, findings: &mut Findings) -> Result<(), RunError> {
    let (lines, are_whole) = decisions(scope, findings)?;
    for pipeline in &scope.workspace.pipelines {
        let mut dates: BTreeSet<ServiceDate> =
            journal::dates(&scope.workspace.private, &pipeline.name).into_iter().collect();
        dates.extend(released.get(&pipeline.name).into_iter().flat_map(BTreeMap::keys));
        // Those that were destroyed are explained, and counted with the register.
        dates.retain(|date| scope.purged.of(&pipeline.name, *date).is_none());
        for date in dates {
            let last = match last_record(scope.bucket, scope.workspace, pipeline, date) {
                // The bucket's part tells it.
                Err(RunError::Publish(PublishError::Damaged { .. })) => {
                    let name = &pipeline.name;
                    findings.notes.push(text(
                        format!("the record of {date} of {name} is damaged, so that nothing was compared with it"),
                        format!(
                            "der Beleg des {date} von {name} ist beschädigt, darum wurde nichts mit ihm verglichen"
                        ),
                    ));
                    continue;
                }
                other => other?,
            };
            let Some(mut last) = last else { continue };
            if !are_whole {
                last.decided.clear();
            }
            let of_date = OfDate { scope, pipeline, date, record: last.key.clone() };
            of_date.check(last, &lines, findings)?;
        }
    }
    Ok(())
}

/// The decisions that are not about rows and hold; and whether all files of decisions can be read.
fn decisions(scope: Scope<'_>, findings: &mut Findings) -> Result<(Vec<Line>, bool), RunError> {
    let private = &scope.workspace.private;
    let mut are_whole = true;
    let mut tell = |error: DecisionError, findings: &mut Findings| {
        let (path, said) = match error {
            DecisionError::File { .. } => return Err(RunError::from(error)),
            // What the line says is not told.
            DecisionError::Line { path, line, .. } => (
                path,
                text(
                    format!("line {line} is no decision. Bring the file back from a backup"),
                    format!("Zeile {line} ist keine Entscheidung. Holen Sie die Datei aus einer Sicherung zurück"),
                ),
            ),
            DecisionError::Person { path, line, .. } => (
                path,
                text(
                    format!("line {line} was decided by somebody whom 'people' in fahrtenbuch.yaml does not name"),
                    format!("Zeile {line} hat jemand entschieden, den 'people' in fahrtenbuch.yaml nicht nennt"),
                ),
            ),
        };
        are_whole = false;
        let shown = path.strip_prefix(private).unwrap_or(&path).to_string_lossy().into_owned();
        findings.tell(Fault::new(FaultKind::Changed, Subject::Decisions, shown, said));
        Ok(())
    };
    for file in decision::files(private) {
        match decision::read_of(&file, &scope.workspace.people) {
            Ok(lines) => findings.counts.decisions += lines.len() as u64,
            Err(error) => tell(error, findings)?,
        }
    }
    let today = ServiceDate::local_date_of(now(), &scope.workspace.zone);
    let lines = match accepted(scope.workspace, today) {
        Err(RunError::Decision(DecisionError::Line { .. } | DecisionError::Person { .. })) => Vec::new(),
        other => other?,
    };
    Ok((lines, are_whole))
}

impl OfDate<'_> {
    fn check(&self, mut last: LastRecord, decisions: &[Line], findings: &mut Findings) -> Result<(), RunError> {
        let (pipeline, date) = (self.pipeline, self.date);
        findings.counts.dates += 1;
        findings.counts.captures += last.evidence.iter().map(|known| known.captures).sum::<u64>();
        if !self.key_is_readable(&last, findings)? {
            last.pseudonym_key = None;
        }
        let changes = match self.compare(&last, decisions) {
            // An archive that is kept elsewhere is gone, or was changed.
            Err(RunError::Capture(error @ (CaptureError::Permanent { .. } | CaptureError::Damaged { .. }))) => {
                let source = pipeline.feeds.first().map_or(pipeline.name.as_str(), |feed| feed.name.as_str());
                let said = text(
                    format!("what {date} was made of cannot be read: {error}"),
                    format!("woraus der {date} gemacht ist, lässt sich nicht lesen: {error}"),
                );
                self.tell(findings, FaultKind::Changed, Subject::Evidence, format!("evidence/{source}"), said);
                return Ok(());
            }
            other => other?,
        };
        for change in &changes.evidence {
            self.evidence(change, findings)?;
        }
        self.key(&changes, findings);
        for entry in &changes.decisions {
            self.decision(entry, findings)?;
        }
        if last.is_published {
            self.quarantine(&last, findings)?;
        }
        Ok(())
    }

    /// What a run would find that is not as the last record says.
    fn compare(&self, last: &LastRecord, decisions: &[Line]) -> Result<Changes, RunError> {
        let Self { scope: Scope { workspace, bucket, .. }, pipeline, date, .. } = *self;
        let partition = match partition(workspace, pipeline, date, now()) {
            Err(RunError::NoEvidence { .. } | RunError::NoNewTimetable { .. } | RunError::Unreadable { .. }) => {
                Partition::without_evidence(workspace, pipeline, date)
            }
            other => other?,
        };
        let comparison = Comparison { workspace, pipeline, bucket, partition: &partition, timetable: None, last };
        Ok(comparison.changes(decisions)?.0)
    }

    fn tell(&self, findings: &mut Findings, kind: FaultKind, what: Subject, path: String, said: Text) {
        let fault = Fault::new(kind, what, path, said);
        findings.tell(fault.of_run(&self.pipeline.dataset, self.date, self.record.as_deref()));
    }

    /// Captures that the record names and that are gone, and those that came in between, by the archive of their hour.
    fn evidence(&self, change: &SourceChange, findings: &mut Findings) -> Result<(), RunError> {
        let (source, date) = (&change.source, self.date);
        if !change.is_listed {
            let (named, found) = (change.known.captures, change.found);
            let said = text(
                format!(
                    "the record of {date} counts {named} captures, of which no list is left, and {found} are there, not all of them the same"
                ),
                format!(
                    "der Beleg des {date} zählt {named} Aufzeichnungen, von denen keine Liste mehr da ist; {found} sind da, und es sind nicht dieselben"
                ),
            );
            let kind = if change.found == 0 { FaultKind::Missing } else { FaultKind::Changed };
            self.tell(findings, kind, Subject::Evidence, format!("evidence/{source}"), said);
            return Ok(());
        }
        let destroyed = DestroyedHours::of(self.scope.workspace, self.scope.purged, source);
        let store = self.store(source);
        for (hour, captures) in by_hour(&change.missing) {
            let end = hour.saturating_add(jiff::SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX);
            if destroyed.has(&(hour..end)) {
                findings.counts.purged_captures += captures;
                continue;
            }
            let named = text(
                format!("the record of {date} names {captures} of its captures that cannot be read there"),
                format!("der Beleg des {date} nennt {captures} seiner Aufzeichnungen, die dort nicht zu lesen sind"),
            );
            let is_there = store.as_ref().map(|store| store.has(source, hour)).transpose()?.unwrap_or(false);
            let (kind, said) = match is_there {
                true => (
                    FaultKind::Changed,
                    text(
                        format!("the archive is another one than a run has read: {}", named.en),
                        format!("das Archiv ist ein anderes, als ein Lauf gelesen hat: {}", named.de),
                    ),
                ),
                false => (
                    FaultKind::Missing,
                    text(
                        format!("the archive is gone: {}. Restore it from a backup", named.en),
                        format!("das Archiv ist verschwunden: {}. Holen Sie es aus einer Sicherung zurück", named.de),
                    ),
                ),
            };
            self.of_archive(source, hour, (kind, said), &named, findings);
        }
        for (hour, captures) in by_hour(&change.extra) {
            let named = text(
                format!("{captures} captures came into it that the record of {date} does not name"),
                format!("{captures} Aufzeichnungen sind dazwischengekommen, die der Beleg des {date} nicht nennt"),
            );
            self.of_archive(source, hour, (FaultKind::Changed, named.clone()), &named, findings);
        }
        Ok(())
    }

    /// Tells of the archive of an hour; where it has a fault already, which date and record it is about.
    fn of_archive(
        &self,
        source: &str,
        hour: Timestamp,
        (kind, said): (FaultKind, Text),
        named: &Text,
        findings: &mut Findings,
    ) {
        let stem = format!("{source}-{}", hour.strftime("%Y%m%dT%H"));
        if let Some(fault) = findings.of_file(source, &stem) {
            if fault.record.is_none() {
                fault.said = format!("{}; {}", fault.said, named.en);
                fault.said_de = format!("{}; {}", fault.said_de, named.de);
                (fault.dataset, fault.date) = (Some(self.pipeline.dataset.clone()), Some(self.date));
                fault.record.clone_from(&self.record);
            }
            return;
        }
        self.tell(findings, kind, Subject::Evidence, format!("evidence/{source}/{stem}.warc.gz"), said);
    }

    /// Where the archives of a source are, if a pipeline names it.
    fn store(&self, source: &str) -> Option<Store> {
        let workspace = self.scope.workspace;
        let mut feeds = workspace.pipelines.iter().flat_map(|pipeline| &pipeline.feeds);
        feeds.find(|feed| feed.name == source).map(|feed| evidence_store(workspace, &feed.from))
    }

    fn key_path(&self) -> String {
        format!("keys/{}.key", self.date)
    }

    /// Whether the key of the date is one, if the record names one.
    fn key_is_readable(&self, last: &LastRecord, findings: &mut Findings) -> Result<bool, RunError> {
        if last.pseudonym_key.is_none() {
            return Ok(true);
        }
        findings.counts.day_keys += 1;
        match day_keys(self.scope.workspace).existing(self.date) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                let said = text(
                    "the file holds no key. Bring it back from a backup of the keys",
                    "die Datei enthält keinen Schlüssel. Holen Sie sie aus einer Sicherung der Schlüssel zurück",
                );
                self.tell(findings, FaultKind::Changed, Subject::DayKey, self.key_path(), said);
                Ok(false)
            }
            Err(error) => {
                let path = self.scope.workspace.private.join(self.key_path());
                Err(RunError::private(&path, "read", &error))
            }
        }
    }

    fn key(&self, changes: &Changes, findings: &mut Findings) {
        let Some(change) = &changes.key else { return };
        let date = self.date;
        // Keys are destroyed by date, for all pipelines.
        if change.now.is_none() && self.scope.purged.dates().contains(&date) {
            return;
        }
        let (kind, said) = match change.now {
            None => (
                FaultKind::Missing,
                text(
                    format!("the key of the pseudonyms of {date} is gone. Bring it back from a backup of the keys"),
                    format!(
                        "der Schlüssel der Pseudonyme des {date} ist verschwunden. Holen Sie ihn aus einer Sicherung der Schlüssel zurück"
                    ),
                ),
            ),
            Some(_) => (
                FaultKind::Changed,
                text(
                    format!("another key of the pseudonyms of {date} stands there than the record names"),
                    format!("dort steht ein anderer Schlüssel der Pseudonyme des {date}, als der Beleg nennt"),
                ),
            ),
        };
        self.tell(findings, kind, Subject::DayKey, self.key_path(), said);
    }

    /// A decision that the record names and no file has.
    fn decision(&self, entry: &DecisionEntry, findings: &mut Findings) -> Result<(), RunError> {
        let private = &self.scope.workspace.private;
        let place = match (entry.kind.as_str(), entry.target["dataset"].as_str(), entry.target["table"].as_str()) {
            ("release" | "discard", Some(dataset), Some(table)) => decision::path_of_rows(private, dataset, table),
            _ => decision::path(private),
        };
        // One that was changed has another id, and was decided at the same time.
        let is_it = |line: &Line| line.decision.at == entry.at && line.decision.about.kind() == entry.kind;
        let is_changed = decision::read(&place)?.iter().any(is_it);
        let kind = if is_changed { FaultKind::Changed } else { FaultKind::Missing };
        let (id, date, at) = (&entry.id, self.date, entry.at);
        let said = text(
            format!(
                "the record of {date} names the decision {id} of {at}, and no line of the file is it. Bring the file back from a backup"
            ),
            format!(
                "der Beleg des {date} nennt die Entscheidung {id} vom {at}, und keine Zeile der Datei ist sie. Holen Sie die Datei aus einer Sicherung zurück"
            ),
        );
        let shown = place.strip_prefix(private).unwrap_or(&place).to_string_lossy().into_owned();
        self.tell(findings, kind, Subject::Decisions, shown, said);
        Ok(())
    }

    /// Rows that the record says are in quarantine, by table.
    fn quarantine(&self, last: &LastRecord, findings: &mut Findings) -> Result<(), RunError> {
        let (private, date) = (&self.scope.workspace.private, self.date);
        let folder = quarantine::partition(private, &self.pipeline.dataset, date);
        let shown = |name: &str| format!("quarantine/{}/date={date}/{name}", self.pipeline.dataset);
        for (table, expected) in last.quarantined() {
            let (mut rows, mut there) = (0, None);
            let mut is_damaged = false;
            for stage in Stage::BOTH {
                let name = stage.file(table);
                match count(&folder.join(&name)) {
                    Ok(None) => {}
                    Ok(Some(found)) => {
                        rows += found;
                        there = Some(name);
                    }
                    Err(QuarantineError::Content { .. }) => {
                        is_damaged = true;
                        let said = text(
                            "the rows that were held back cannot be read: the file is damaged. Bring it back from a backup; or remove it, and \
                             run the date again",
                            "die zurückgehaltenen Zeilen sind nicht zu lesen: Die Datei ist beschädigt. Holen Sie sie aus einer Sicherung \
                             zurück; oder entfernen Sie sie und rechnen Sie das Datum noch einmal",
                        );
                        self.tell(findings, FaultKind::Changed, Subject::Quarantine, shown(&name), said);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            findings.counts.quarantine_rows += rows;
            if is_damaged || rows == expected {
                continue;
            }
            let said = text(
                format!(
                    "the record of {date} says that {expected} rows of {table} are held back, and {rows} are there"
                ),
                format!(
                    "der Beleg des {date} sagt, dass {expected} Zeilen von {table} zurückgehalten sind, und {rows} sind da"
                ),
            );
            let kind = if there.is_none() { FaultKind::Missing } else { FaultKind::Changed };
            let name = there.unwrap_or_else(|| Stage::Feed.file(table));
            self.tell(findings, kind, Subject::Quarantine, shown(&name), said);
        }
        Ok(())
    }
}

/// The rows of a file of the quarantine, all of whose columns are read; nothing if there is no file.
fn count(path: &std::path::Path) -> Result<Option<u64>, QuarantineError> {
    let Some(batches) = quarantine::read(path, None)? else { return Ok(None) };
    let mut rows = 0;
    for batch in batches {
        rows += batch?.num_rows() as u64;
    }
    Ok(Some(rows))
}

/// How many captures there are of each hour.
fn by_hour(captures: &[Captured]) -> BTreeMap<Timestamp, u64> {
    let mut hours = BTreeMap::new();
    for (at, _) in captures {
        let hour = Timestamp::from_second(at.as_second().div_euclid(3600) * 3600).unwrap_or(*at);
        *hours.entry(hour).or_default() += 1;
    }
    hours
}
