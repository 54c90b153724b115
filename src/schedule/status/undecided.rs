//! Rows in quarantine of which nobody has decided.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;

use crate::contract::RuleId;
use crate::decision;
use crate::quarantine::decisions::Decisions;
use crate::quarantine::destroy::{datasets, dates};
use crate::quarantine::{self, ID, QuarantineError, RULES, RowId, Stage, texts};
use crate::schedule::status::data::Undecided;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// Tells one state of a file from the next: its length and when it was changed.
type Stamp = (u64, i64, i64);

/// Counts, and remembers the files that it has read.
#[derive(Default)]
pub(super) struct Counter {
    known: HashMap<PathBuf, ((Stamp, Stamp, ServiceDate), u64)>,
}

impl Counter {
    /// By dataset; none if it has no such row. A file that cannot be read counts none: `quarantine list` says what is wrong with it.
    pub(super) fn count(&mut self, workspace: &Workspace, today: ServiceDate) -> Vec<Undecided> {
        let mut all = Vec::new();
        let mut seen = BTreeSet::new();
        for dataset in datasets(&workspace.private) {
            let mut of: Option<Undecided> = None;
            for date in dates(&workspace.private, &dataset) {
                let rows = self.of_date(workspace, (&dataset, date), today, &mut seen);
                if rows > 0 {
                    let none = || Undecided::none(&dataset, date);
                    of.get_or_insert_with(none).add(date, rows, today);
                }
            }
            all.extend(of);
        }
        self.known.retain(|path, _| seen.contains(path));
        all
    }

    fn of_date(
        &mut self,
        workspace: &Workspace,
        (dataset, date): (&str, ServiceDate),
        today: ServiceDate,
        seen: &mut BTreeSet<PathBuf>,
    ) -> u64 {
        let private = &workspace.private;
        let mut rows = 0;
        for entry in fs::read_dir(quarantine::partition(private, dataset, date)).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some((table, _)) = Stage::of_file(&name) else { continue };
            let path = entry.path();
            let decisions = decision::path_of_rows(private, dataset, table);
            // A decision may end today.
            let mark = (stamp(&path), stamp(&decisions), today);
            let known = self.known.get(&path).filter(|(known, _)| *known == mark).map(|(_, rows)| *rows);
            let count = known.unwrap_or_else(|| {
                let lines = decision::read_of(&decisions, &workspace.people).unwrap_or_default();
                undecided(&path, &Decisions::of(&lines, date, today)).unwrap_or_default()
            });
            self.known.insert(path.clone(), (mark, count));
            seen.insert(path);
            rows += count;
        }
        rows
    }
}

fn stamp(path: &Path) -> Stamp {
    fs::metadata(path).map_or((0, 0, 0), |metadata| (metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}

/// The rows of a file that some rule holds of which nothing is decided.
fn undecided(path: &Path, decisions: &Decisions) -> Result<u64, QuarantineError> {
    let mut rows = 0;
    for batch in quarantine::read(path, Some(&[ID, RULES]))?.into_iter().flatten() {
        let batch = batch?;
        rows += (0..batch.num_rows()).filter(|row| is_undecided(&batch, *row, decisions)).count() as u64;
    }
    Ok(rows)
}

fn is_undecided(batch: &RecordBatch, row: usize, decisions: &Decisions) -> bool {
    let id: Option<RowId> = texts(batch, ID).and_then(|ids| ids.value(row).parse().ok());
    let rules = texts(batch, RULES).map_or("", |rules| rules.value(row));
    let is_resolved = |rule: &str| id.is_some_and(|id| decisions.resolves(id, &RuleId(rule.to_owned())));
    decisions.is_empty() || !rules.split(' ').all(is_resolved)
}

impl Undecided {
    fn none(dataset: &str, oldest: ServiceDate) -> Self {
        Self { dataset: dataset.to_owned(), rows: 0, oldest, under_a_week: 0, under_four_weeks: 0, older: 0 }
    }

    fn add(&mut self, date: ServiceDate, rows: u64, today: ServiceDate) {
        self.rows += rows;
        self.oldest = self.oldest.min(date);
        match today.days_since_epoch() - date.days_since_epoch() {
            ..7 => self.under_a_week += rows,
            7..28 => self.under_four_weeks += rows,
            _ => self.older += rows,
        }
    }
}
