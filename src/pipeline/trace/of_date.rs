//! What became of the rows of a key on one date.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use crate::contract::{Classification, Contract, OnFail, RuleId};
use crate::decision::{self, About};
use crate::ledger::Status;
use crate::pipeline::purged::{self, Purged};
use crate::pipeline::run::RunError;
use crate::pipeline::run::follow::{Followed, follow};
use crate::pipeline::trace::answer::{
    Change, CheckedBy, Discarded, Fate, PublishedFile, Reason, Trace, TracedRow, What, evidence,
};
use crate::pipeline::trace::find;
use crate::pipeline::trace::key::Key;
use crate::pipeline::trace::made_of;
use crate::pipeline::trace::question::{Question, TraceError};
use crate::pipeline::trace::watch::{RowFate, Watch, Watched};
use crate::pipeline::{Pipeline, journal};
use crate::publish::index::{IndexFile, TableIndex};
use crate::quarantine::decisions::Effect;
use crate::quarantine::{self, RowId, Stage, held};
use crate::time::ServiceDate;

/// Rows that are followed at most.
const MOST: usize = 1_000;

/// A date that is looked into.
pub(super) struct OfDate<'a> {
    pub question: &'a Question<'a>,
    pub pipeline: &'a Pipeline,
    pub contract: &'a Arc<Contract>,
    pub key: &'a Key,
    pub index: Option<&'a TableIndex>,
    /// The current file, if it has rows of the key, and how many.
    pub file: Option<(&'a IndexFile, u64)>,
    /// The version since which the file is named.
    pub since_version: u64,
    /// For copies of files of a bucket that is elsewhere.
    pub scratch: &'a Path,
    pub date: ServiceDate,
}

impl OfDate<'_> {
    pub(super) fn add_to(&self, trace: &mut Trace) -> Result<(), TraceError> {
        let Question { workspace, bucket, table, .. } = *self.question;
        if let Some(reason) = self.purged()? {
            trace.reasons.push(reason);
            return Ok(());
        }
        trace.reasons.extend(self.withdrawn());
        let watch = Watch::new(table, self.key.clone(), MOST);
        let followed = match follow(workspace, self.pipeline, bucket, self.date, watch) {
            Ok(Some(followed)) => followed,
            Ok(None) => {
                trace.reasons.push(self.not_run());
                return Ok(());
            }
            Err(error) if error.is_absent() => {
                trace.reasons.push(Reason::new(
                    "no_evidence",
                    error.to_string(),
                    format!(
                        "Für {} {} wurde nichts empfangen: siehe 'fahrtenbuch evidence gaps' und die Tabelle 'coverage'",
                        self.pipeline.name, self.date
                    ),
                ));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        trace.more = followed.watch.more;
        let missing = self.missing(&followed)?;
        for watched in &followed.watch.rows {
            trace.rows.push(self.row(&followed, watched, &missing)?);
        }
        if trace.rows.iter().any(|row| row.fate == Fate::NotPublished) && trace.reasons.is_empty() {
            trace.reasons.push(self.not_published()?);
        }
        let made = trace.rows.iter().filter(|row| row.fate == Fate::Published).count() as u64;
        if let (Some((file, rows)), 0) = (self.file, trace.more)
            && made < rows
        {
            trace.reasons.push(Reason::new(
                "other_inputs",
                format!(
                    "{} has {} such rows that a run of today's evidence, contracts, mappings and decisions does not make: its record {} names \
                     those that it was made of",
                    file.path,
                    rows - made,
                    file.record
                ),
                format!(
                    "{} hat {} solche Zeilen, die ein Lauf mit den heutigen Aufzeichnungen, Verträgen, Zuordnungen und Entscheidungen nicht ergibt: \
                     der Beleg {} nennt die, aus denen sie entstand",
                    file.path,
                    rows - made,
                    file.record
                ),
            ));
        }
        if trace.rows.is_empty() && trace.reasons.is_empty() {
            trace.reasons.push(self.never_received(&followed));
        }
        if let ([row], [watched]) = (trace.rows.as_mut_slice(), followed.watch.rows.as_slice()) {
            row.made_of = made_of::inputs(self.question, self.pipeline, self.date, watched)?;
        }
        Ok(())
    }

    /// What rows say that a run would publish and that are not in the current file.
    fn missing(&self, followed: &Followed) -> Result<HashSet<String>, RunError> {
        let published = followed.watch.rows.iter().filter_map(|watched| watched.published.as_ref());
        let mut missing: HashSet<String> = published.map(find::fingerprint).collect();
        if let Some((file, _)) = self.file {
            find::take_found(self.question.bucket, file, (self.key, self.scratch), &mut missing)?;
        }
        Ok(missing)
    }

    fn row(&self, followed: &Followed, watched: &Watched, missing: &HashSet<String>) -> Result<TracedRow, TraceError> {
        let is_there = watched.published.as_ref().is_some_and(|values| !missing.contains(&find::fingerprint(values)));
        let (fate, rules) = match watched.fate(&followed.watch.unused) {
            RowFate::Published if is_there => (Fate::Published, Vec::new()),
            RowFate::Published => (Fate::NotPublished, Vec::new()),
            RowFate::Held(_, rules) => (Fate::Held, rules),
            RowFate::Dropped(rules) => (Fate::Dropped, rules),
            RowFate::Discarded => (Fate::Discarded, vec![RuleId(format!("{}.discarded", self.contract.table))]),
        };
        let held = watched.held.as_ref().and_then(|(stage, _)| Some((*stage, watched.ids[*stage as usize]?)));
        let file = self.file.map(|(file, _)| file).zip(self.index).filter(|_| fate == Fate::Published);
        Ok(TracedRow {
            since: held.map(|(stage, id)| self.since(stage, id)).transpose()?.flatten(),
            quarantine_id: held.map(|(_, id)| id),
            values: watched.published.clone().filter(|_| fate == Fate::Published),
            file: file.map(|(file, index)| PublishedFile {
                version: index.version,
                since_version: self.since_version,
                path: file.path.clone(),
                sha256: file.sha256,
                record: file.record.clone(),
                provisional: file.provisional,
            }),
            evidence: evidence(self.pipeline, followed, watched),
            changes: self.changes(followed, watched),
            released: match &watched.effect {
                Some(Effect::Release(rules)) => rules.iter().cloned().collect(),
                _ => Vec::new(),
            },
            checked_by: followed
                .outcomes
                .iter()
                .map(|(contract, outcomes)| CheckedBy {
                    contract: contract.id.clone(),
                    rules: outcomes.iter().map(|outcome| outcome.rule.clone()).collect(),
                })
                .collect(),
            made_of: Vec::new(),
            discarded: if fate == Fate::Discarded { self.discarded(watched)? } else { None },
            fate,
            rules,
        })
    }

    /// The newest decision that discards a row.
    fn discarded(&self, watched: &Watched) -> Result<Option<Discarded>, RunError> {
        let Question { workspace, dataset, table, .. } = *self.question;
        let today = ServiceDate::local_date_of(crate::time::now(), &workspace.zone);
        let lines = decision::read(&decision::path_of_rows(&workspace.private, dataset, table))?;
        let discards = |line: &&decision::Line| match &line.decision.about {
            About::Discard(rows) => rows.rows.iter().any(|row| watched.ids.contains(&Some(row.row))),
            _ => false,
        };
        Ok(lines.iter().rev().filter(|line| line.holds(today)).find(discards).map(|line| Discarded {
            id: line.id.to_string(),
            by: line.decision.by.clone(),
            at: line.decision.at,
            reason: line.decision.reason.clone(),
        }))
    }

    /// What was done to cells of a row.
    fn changes(&self, followed: &Followed, watched: &Watched) -> Vec<Change> {
        let is_public = |column: &str| {
            let place = self.contract.index_of(column);
            place.is_some_and(|place| self.contract.columns[place].classification == Classification::Public)
        };
        let change = |column: &str, what: What, rules: Vec<RuleId>| Change {
            column: column.to_owned(),
            what,
            rules,
            from: None,
            to: None,
        };
        let mut changes = Vec::new();
        for (column, from, to) in &watched.mapped {
            let shown = |value: &serde_json::Value| is_public(column).then(|| value.clone());
            changes.push(Change { from: shown(from), to: shown(to), ..change(column, What::Mapped, Vec::new()) });
        }
        for (column, _) in &watched.unreadable {
            changes.push(change(column.as_deref().unwrap_or("*"), What::Unreadable, Vec::new()));
        }
        for (stage, column) in &watched.nulled {
            changes.push(change(column, What::Invalidated, self.nulling(followed, *stage, column)));
        }
        for rule in &watched.blanked {
            changes.push(change("*", What::Blanked, vec![rule.clone()]));
        }
        changes
    }

    /// The rules that null a column and found rows.
    fn nulling(&self, followed: &Followed, stage: Stage, column: &str) -> Vec<RuleId> {
        let of_stage = |contract: &Arc<Contract>| {
            let is_release = contract.file == self.contract.file && contract.table == self.contract.table;
            is_release == (stage == Stage::Release) || followed.outcomes.len() == 1
        };
        let mut found = Vec::new();
        for (contract, outcomes) in followed.outcomes.iter().filter(|(contract, _)| of_stage(contract)) {
            let may_null = |rule: &RuleId| {
                let own = contract.rules.iter().find(|own| own.id == *rule);
                match own {
                    Some(own) => own.invalidates.iter().any(|place| contract.columns[*place].name == column),
                    None => rule.0.split('.').any(|part| part == column),
                }
            };
            let named =
                outcomes.iter().filter(|of| of.rows > 0 && of.on_fail == OnFail::Invalidate && may_null(&of.rule));
            found.extend(named.map(|outcome| outcome.rule.clone()));
        }
        found
    }

    /// Since when a row is held.
    fn since(&self, stage: Stage, id: RowId) -> Result<Option<Timestamp>, RunError> {
        let folder = quarantine::partition(&self.question.workspace.private, self.question.dataset, self.date);
        let columns = [quarantine::ID, quarantine::RULES, quarantine::HELD_AT];
        for rows in
            quarantine::read(&folder.join(stage.file(&self.contract.table)), Some(&columns))?.into_iter().flatten()
        {
            let rows = rows?;
            let Some(row) = (0..rows.num_rows()).find(|row| held::id_of(&rows, *row) == Some(id)) else { continue };
            let at = rows.column_by_name(quarantine::HELD_AT).and_then(|array| quarantine::instant(array, row));
            return Ok(at.and_then(|at| Timestamp::from_millisecond(at).ok()));
        }
        Ok(None)
    }

    fn purged(&self) -> Result<Option<Reason>, RunError> {
        let private = &self.question.workspace.private;
        let all = Purged::read(private).map_err(|error| RunError::private(&purged::path(private), "read", &error))?;
        Ok(all.of(&self.pipeline.name, self.date).map(|purged| {
            let purged = purged.clone().told_by(self.question.bucket);
            let (why, why_de, record) = (purged.why(), purged.why_de(), &purged.record);
            let (gone, kept) = (purged.what().destroyed(), purged.what().kept());
            let day = ServiceDate::local_date_of(purged.at, &self.question.workspace.zone);
            let is_there = match self.file {
                Some((file, _)) => [
                    format!(". The published row stands in {} (SHA-256 {})", file.path, file.sha256),
                    format!(". Die veröffentlichte Zeile steht in {} (SHA-256 {})", file.path, file.sha256),
                ],
                None => Default::default(),
            };
            Reason::new(
                "purged",
                format!(
                    "{} of {} were destroyed on {day} {why}{}: see {record}{}",
                    gone.en, self.date, kept.en, is_there[0]
                ),
                format!(
                    "{} vom {} wurden am {day} vernichtet, {why_de}{}: siehe {record}{}",
                    gone.de, self.date, kept.de, is_there[1]
                ),
            )
        }))
    }

    fn withdrawn(&self) -> Option<Reason> {
        let tombstone = self.index?.tombstone(self.date)?;
        let day = ServiceDate::local_date_of(tombstone.at, &self.question.workspace.zone);
        let (by, why, record) = (&tombstone.by, &tombstone.reason, &tombstone.record);
        Some(Reason::new(
            "withdrawn",
            format!("{} was withdrawn on {day} by {by}: {why}. See {record}", self.date),
            format!("{} wurde am {day} von {by} zurückgezogen: {why}. Siehe {record}", self.date),
        ))
    }

    fn not_run(&self) -> Reason {
        let (name, date) = (&self.pipeline.name, self.date);
        Reason::new(
            "not_run",
            format!("{name} {date} was never run: 'fahrtenbuch run {name} --date {date}'"),
            format!("{name} {date} ist noch nie gelaufen: 'fahrtenbuch run {name} --date {date}'"),
        )
    }

    /// Why a row that a run would publish is not published.
    fn not_published(&self) -> Result<Reason, RunError> {
        let path = journal::path(&self.question.workspace.private, &self.pipeline.name, self.date);
        let entry = journal::read(&path).map_err(|error| RunError::private(&path, "read", &error))?;
        let Some(entry) = entry else { return Ok(self.not_run()) };
        let (record, date) = (&entry.record, self.date);
        if record.status != Status::HeldBack {
            let at = record.prepared_at;
            return Ok(Reason::new(
                "other_inputs",
                format!(
                    "the last run of {date}, of {at}, did not make the row: evidence, contracts, mappings or decisions changed since. Run it again"
                ),
                format!(
                    "Der letzte Lauf für {date} ({at}) ergab die Zeile nicht: Aufzeichnungen, Verträge, Zuordnungen oder Entscheidungen haben sich \
                         seither geändert. Lassen Sie ihn noch einmal laufen"
                ),
            ));
        }
        let rules: Vec<&str> = record.findings.iter().filter(|of| of.blocks()).map(|of| of.rule.0.as_str()).collect();
        let rules = rules.join(", ");
        Ok(Reason::new(
            "held_back",
            format!(
                "the run of {date} was held back by {rules}: nothing of it was published. See 'fahrtenbuch quality {}'",
                self.pipeline.name
            ),
            format!(
                "Der Lauf für {date} wurde von {rules} zurückgehalten: nichts davon ist veröffentlicht. Siehe 'fahrtenbuch quality {}'",
                self.pipeline.name
            ),
        ))
    }

    fn never_received(&self, followed: &Followed) -> Reason {
        let (captures, date) = (followed.captures.len(), self.date);
        let strays = RuleId(format!("{}.other_service_date", self.contract.table));
        let strays = followed.dropped.iter().find(|(rule, _)| *rule == strays).map_or(0, |(_, rows)| *rows);
        let [en, de] = match strays {
            0 => [String::new(), String::new()],
            rows => [
                format!(
                    ". {rows} rows were dropped by {}.other_service_date, which no partition can have",
                    self.contract.table
                ),
                format!(
                    ". {rows} Zeilen verwarf {}.other_service_date, die keine Partition haben kann",
                    self.contract.table
                ),
            ],
        };
        Reason::new(
            "never_received",
            format!(
                "none of the {captures} captures that may tell of {date} has such a row: it was never received{en}. What was not captured: 'fahrtenbuch evidence gaps'"
            ),
            format!(
                "Keine der {captures} Aufzeichnungen, die von {date} berichten können, hat eine solche Zeile: sie wurde nie empfangen{de}. Was fehlt: 'fahrtenbuch evidence gaps'"
            ),
        )
    }
}
