//! A lane: one table on its way through a run, from decoded chunks to a staged file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;

use crate::check::surroundings::Surroundings;
use crate::check::{Checked, Outcome, Quarantined, TableCheck};
use crate::contract::{Contract, RuleId};
use crate::decode::Head;
use crate::derive::{Transform, privacy};
use crate::pipeline::run::RunError;
use crate::publish::parquet::{Staged, Writer};
use crate::table::keys::Keys;
use crate::table::{Budget, Chunk};

/// The column of quarantined rows that names the rules that held them.
pub const RULES: &str = "_rules";
/// The places of a lane's two quarantines.
const FEED: usize = 0;
const RELEASE: usize = 1;

/// What a lane needs to begin.
pub struct Plan {
    pub head: Head,
    /// Columns of the table that foreign keys name.
    pub referenced: Vec<Vec<String>>,
    /// What the rules of the feed's contracts see beside the table, and those of the release's.
    pub around: [Arc<Surroundings>; 2],
    /// How rows become those of the release; without it they are released as they are.
    pub transform: Option<Box<dyn Transform>>,
    /// Whether the table is released at all.
    pub released: bool,
    pub metadata: Vec<(String, String)>,
}

/// A table on its way.
pub struct Lane {
    source: Arc<Contract>,
    check: Option<TableCheck>,
    transform: Option<Box<dyn Transform>>,
    /// The check against the release's contract, after the transform.
    second: Option<TableCheck>,
    release: Arc<Contract>,
    writer: Option<Writer>,
    /// Rows of the feed that were held back, and rows of the release: they have different columns.
    quarantine: [Quarantine; 2],
    tally: Tally,
    outcomes: Vec<(Arc<Contract>, Vec<Outcome>)>,
    /// All rows of the feed have come; all rows of the release were derived from them.
    pub has_ended: bool,
    pub is_derived: bool,
}

#[derive(Default)]
struct Tally {
    rows_in: u64,
    published: u64,
    quarantined: u64,
    dropped: BTreeMap<RuleId, u64>,
}

/// A table that has come to its end.
pub struct Arrived {
    pub source: Arc<Contract>,
    pub release: Arc<Contract>,
    pub rows_in: u64,
    pub published: u64,
    pub quarantined: u64,
    pub dropped: BTreeMap<RuleId, u64>,
    pub staged: Option<Staged>,
    pub outcomes: Vec<(Arc<Contract>, Vec<Outcome>)>,
}

impl Lane {
    pub fn new(plan: Plan, staging: &Path, quarantine: PathBuf, budget: &Budget) -> Result<Self, RunError> {
        let source = plan.head.contract.clone();
        let release = plan.transform.as_ref().map_or_else(|| source.clone(), |transform| transform.contract().clone());
        let origins = plan.head.origins;
        let [of_feed, of_release] = plan.around;
        let check = TableCheck::new(source.clone(), origins.clone(), &plan.referenced, of_feed, budget.clone())?;
        let second = match &plan.transform {
            Some(_) => Some(TableCheck::new(release.clone(), origins, &[], of_release, budget.clone())?),
            None => None,
        };
        let writer = match plan.released {
            true => Some(Writer::new(staging, &release, plan.metadata, budget.clone())?),
            false => None,
        };
        Ok(Self {
            check: Some(check),
            transform: plan.transform,
            second,
            writer,
            quarantine: [
                Quarantine::new(quarantine.join(format!("{}.parquet", release.table))),
                Quarantine::new(quarantine.join(format!("{}.release.parquet", release.table))),
            ],
            tally: Tally::default(),
            outcomes: Vec::new(),
            has_ended: false,
            is_derived: false,
            source,
            release,
        })
    }

    /// The feed's table and the release's.
    pub fn tables(&self) -> (&str, &str) {
        (&self.source.table, &self.release.table)
    }

    /// The tables of the feed that must have ended before this lane can be derived.
    pub fn feed_waits_for(&self) -> BTreeSet<String> {
        let check = self.check.as_ref().filter(|_| self.transform.is_some());
        check.map_or_else(BTreeSet::new, TableCheck::waits_for)
    }

    /// The tables of the release that must be derived before this lane can be finished.
    pub fn release_waits_for(&self) -> BTreeSet<String> {
        self.second.as_ref().or(self.check.as_ref()).map_or_else(BTreeSet::new, TableCheck::waits_for)
    }

    /// Rows of the feed.
    pub fn push(&mut self, chunk: Chunk, keys: &Keys) -> Result<(), RunError> {
        self.tally.rows_in += chunk.rows.num_rows() as u64;
        let Some(check) = &mut self.check else { return Ok(()) };
        let checked = check.push(chunk, keys)?;
        self.derive(checked)
    }

    /// The feed has no more rows of this table: the rows of the release are made of all of them. Tables that follow get its
    /// keys, even if its own rules wait for them.
    pub fn derive_all(&mut self, keys: &mut Keys) -> Result<(), RunError> {
        self.is_derived = true;
        if self.transform.is_none() {
            if let Some(check) = &mut self.check {
                check.lend_keys(keys);
            }
            return Ok(());
        }
        if let Some(check) = self.check.take() {
            let found = check.finish(keys, &mut |checked| self.derive(checked))?;
            self.outcomes.push((self.source.clone(), found));
        }
        if let Some(transform) = self.transform.take() {
            let (chunks, dropped) = transform.finish()?;
            for chunk in chunks {
                self.check_again(chunk)?;
            }
            for (rule, rows) in dropped.into_iter().filter(|(_, rows)| *rows > 0) {
                *self.tally.dropped.entry(rule).or_default() += rows;
            }
        }
        Ok(())
    }

    /// All rules are asked and the file is closed.
    pub fn finish(mut self, keys: &mut Keys) -> Result<Arrived, RunError> {
        if let Some(check) = self.check.take() {
            let found = check.finish(keys, &mut |checked| self.release(checked, FEED))?;
            self.outcomes.push((self.source.clone(), found));
        }
        if let Some(second) = self.second.take() {
            let found = second.finish(&mut Keys::default(), &mut |checked| self.release(checked, RELEASE))?;
            self.outcomes.push((self.release.clone(), found));
        }
        for quarantine in &mut self.quarantine {
            quarantine.finish()?;
        }
        let staged = match self.writer.take() {
            Some(writer) => Some(writer.finish()?),
            None => None,
        };
        Ok(Arrived {
            source: self.source,
            release: self.release,
            rows_in: self.tally.rows_in,
            published: self.tally.published,
            quarantined: self.tally.quarantined,
            dropped: self.tally.dropped,
            staged,
            outcomes: self.outcomes,
        })
    }

    /// Checked rows of the feed become rows of the release.
    fn derive(&mut self, checked: Checked) -> Result<(), RunError> {
        let Some(mut transform) = self.transform.take() else { return self.release(checked, FEED) };
        self.hold(checked.quarantined, FEED)?;
        for rows in checked.passed {
            for chunk in transform.push(rows)? {
                self.check_again(chunk)?;
            }
        }
        self.transform = Some(transform);
        Ok(())
    }

    fn check_again(&mut self, chunk: Chunk) -> Result<(), RunError> {
        let Some(second) = &mut self.second else { return Ok(()) };
        let checked = second.push(chunk, &Keys::default())?;
        self.release(checked, RELEASE)
    }

    /// The privacy step, and the file.
    fn release(&mut self, checked: Checked, place: usize) -> Result<(), RunError> {
        self.hold(checked.quarantined, place)?;
        for rows in checked.passed {
            let Some(writer) = &mut self.writer else {
                let rule = RuleId(format!("{}.not_released", self.source.table));
                *self.tally.dropped.entry(rule).or_default() += rows.num_rows() as u64;
                continue;
            };
            self.tally.published += rows.num_rows() as u64;
            let public = privacy::public_only(&self.release, &rows)
                .map_err(|error| RunError::internal(format!("{}: {error}", self.release.table)))?;
            writer.push(public)?;
        }
        Ok(())
    }

    fn hold(&mut self, quarantined: Vec<Quarantined>, place: usize) -> Result<(), RunError> {
        for held in quarantined {
            self.tally.quarantined += held.rows.num_rows() as u64;
            self.quarantine[place].push(held)?;
        }
        Ok(())
    }
}

/// Rows held back go to a file in the private store, all of their columns and the ids of the rules that held them.
struct Quarantine {
    file: PathBuf,
    writer: Option<ArrowWriter<File>>,
}

impl Quarantine {
    fn new(file: PathBuf) -> Self {
        Self { file, writer: None }
    }

    fn push(&mut self, held: Quarantined) -> Result<(), RunError> {
        let path = self.file.clone();
        let failed = |error: &dyn std::fmt::Display| RunError::private(&path, "written", error);
        let mut fields: Vec<Arc<Field>> = held.rows.schema().fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(RULES, DataType::Utf8, false)));
        let schema = Arc::new(Schema::new(fields));
        let names =
            held.rules.iter().map(|rules| Some(rules.iter().map(|rule| rule.0.as_str()).collect::<Vec<_>>().join(" ")));
        let mut columns: Vec<ArrayRef> = held.rows.columns().to_vec();
        columns.push(Arc::new(names.collect::<StringArray>()));
        let rows = RecordBatch::try_new(schema.clone(), columns).map_err(|error| failed(&error))?;
        if self.writer.is_none() {
            std::fs::create_dir_all(self.file.parent().unwrap_or(Path::new("."))).map_err(|error| failed(&error))?;
            let file = File::create(&self.file).map_err(|error| failed(&error))?;
            self.writer = Some(ArrowWriter::try_new(file, schema, None).map_err(|error| failed(&error))?);
        }
        if let Some(writer) = &mut self.writer {
            writer.write(&rows).map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), RunError> {
        if let Some(writer) = self.writer.take() {
            writer.close().map_err(|error| RunError::private(&self.file, "written", &error))?;
        }
        Ok(())
    }
}
