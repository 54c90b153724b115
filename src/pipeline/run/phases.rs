//! The phases of a run over one partition, each a type that the one before it makes: [`Selected`], [`Resumed`], [`Prepared`].

use std::time::Instant;

use crate::pipeline::journal;
use crate::pipeline::run::acts;
use crate::pipeline::run::capture_lists::put_lists_again;
use crate::pipeline::run::columns;
use crate::pipeline::run::commit::{has_lists, publish, put_record_again};
use crate::pipeline::run::context::RunContext;
use crate::pipeline::run::empty::without_rows;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::Partition;
use crate::pipeline::run::heads::{self, Look};
use crate::pipeline::run::inputs::Lists;
use crate::pipeline::run::lost;
use crate::pipeline::run::objects;
use crate::pipeline::run::outcome::{Outcome, Report};
use crate::pipeline::run::prepare::prepare;
use crate::pipeline::run::published::Published;
use crate::pipeline::run::selected::Selected;
use crate::pipeline::run::views::publish_views;
use crate::publish::bucket::ONE_PAGE;
use crate::quarantine;

/// Runs a partition of which the evidence is found. Nobody else works on it meanwhile.
pub(super) fn run_partition(run: &RunContext<'_>, partition: Partition) -> Result<Outcome, RunError> {
    let begin = Instant::now();
    let _mine = run.lock.partition(&run.pipeline.name, partition.date)?;
    lost::refuse_lost_store(run)?;
    // A purge may have begun since the evidence was looked for.
    run.refuse_purged(partition.date)?;
    let selected = Selected::new(run, partition)?;
    let date = selected.date();
    let prepared = match Resumed::new(run, selected)? {
        Resumed::Repeated(repeated) => return repeated.done(run, begin),
        Resumed::RolledBack(reason) => return Ok(Outcome::NotDue { date, reason }),
        Resumed::Prepared(prepared) => prepared,
        Resumed::Anew { mut selected, published, abandoned, puts } => {
            let (captures, is_complete) = (selected.captures, selected.is_complete);
            let lists = std::mem::take(&mut selected.begun.lists);
            let mut entry = prepare(run, *selected, &published)?;
            entry.abandoned = abandoned;
            if let Some(outcome) = without_rows(run, &mut entry, captures, is_complete)? {
                return Ok(outcome);
            }
            Prepared { entry, is_complete, is_finished_earlier: false, puts }.keep(run, &lists)?
        }
    };
    Ok(Outcome::Done(Box::new(prepared.publish(run, begin)?)))
}

/// What an earlier run left to do.
pub(super) enum Resumed {
    /// Nothing: it had the same inputs, and all of it is published.
    Repeated(Repeated),
    /// Nothing: somebody went back to an older release, and the run would make what that one replaced. Why.
    RolledBack(String),
    /// It was killed after everything was prepared.
    Prepared(Prepared),
    /// All of it.
    Anew {
        selected: Box<Selected>,
        published: Published,
        /// Files that runs which were given up may have put into the bucket.
        abandoned: Vec<String>,
        /// What was put back on the way.
        puts: usize,
    },
}

impl Resumed {
    /// Looks at the journal and at the bucket, and puts back what is proved to be missing there.
    fn new(run: &RunContext<'_>, mut selected: Selected) -> Result<Self, RunError> {
        let RunContext { workspace, pipeline, bucket, lock, .. } = *run;
        let date = selected.date();
        let path = run.journal(date);
        let earlier = journal::read(&path).map_err(|error| RunError::private(&path, "read", &error))?;
        let abandoned = earlier.as_ref().map(journal::Entry::unfinished).unwrap_or_default();
        // This run has the partition to itself: what a killed one was writing of it is written by nobody any more.
        bucket.sweep_staged(&abandoned);
        let earlier = earlier.filter(|entry| bucket.is_at(&entry.bucket));
        if let Some(entry) = earlier.as_ref().filter(|entry| entry.published) {
            put_record_again(bucket, entry)?;
        }
        let earlier = earlier.filter(|entry| entry.record.inputs.sha256 == selected.begun.record.inputs.sha256);
        // Before lists and files are put back: what is not there then is no quarantine of this run.
        let has_quarantine = selected.has_quarantine(run);
        let look = Look { workspace, pipeline, bucket, lock, date, unfinished: &abandoned, page: ONE_PAGE };
        let tables = look.tables()?;
        acts::refuse_withdrawn(run, &tables, date)?;
        let indexes = tables.indexes.values().map(|verified| &verified.index);
        columns::refuse_changes(bucket, pipeline, indexes)?;
        if let Some(reason) = acts::rolled_back(run, &tables, date, &selected.begun.record.inputs.data_sha256) {
            return Ok(Self::RolledBack(reason));
        }
        let published = Published::look(bucket, pipeline, date, selected.is_complete, tables)?;
        let mut puts = published.put_back();
        if let Some(last) = &selected.last {
            let (lists, partition) = (&selected.begun.lists, &selected.partition);
            let (put, notes) = put_lists_again(run, partition, last, lists)?;
            puts += put;
            selected.partition.notes.extend(notes);
        }
        let earlier = earlier.filter(|entry| {
            let is_whole = match entry.published {
                true => has_quarantine && published.has_all_of(entry),
                false => entry.is_staged() && published.has_room_for(entry),
            };
            is_whole && has_lists(workspace, &entry.record)
        });
        let is_complete = selected.is_complete;
        Ok(match earlier {
            None => Self::Anew { selected: Box::new(selected), published, abandoned, puts },
            Some(entry) if entry.published => Self::Repeated(Repeated { entry, is_complete, puts }),
            Some(entry) => Self::Prepared(Prepared { entry, is_complete, is_finished_earlier: true, puts }),
        })
    }
}

/// A run that is as an earlier one.
pub(super) struct Repeated {
    entry: journal::Entry,
    is_complete: bool,
    puts: usize,
}

impl Repeated {
    fn done(self, run: &RunContext<'_>, begin: Instant) -> Result<Outcome, RunError> {
        // Of a bucket that an earlier version of the program wrote.
        objects::put(run, &self.entry.record)?;
        publish_views(run, &self.entry.record)?;
        // A run that was killed after its last word may have left it.
        run.remove_staging(self.entry.record.date)?;
        let (record_key, _) = self.entry.record.to_bytes();
        Ok(Outcome::Done(Box::new(Report {
            record: self.entry.record,
            record_key,
            commits: 0,
            puts: self.puts,
            is_repeated: true,
            finished_earlier: false,
            is_complete: self.is_complete,
            seconds: begin.elapsed().as_secs_f64(),
        })))
    }
}

/// Everything is in the staging folder; publishing only repeats what the entry says, and every step may be repeated.
pub(super) struct Prepared {
    entry: journal::Entry,
    is_complete: bool,
    is_finished_earlier: bool,
    puts: usize,
}

impl Prepared {
    /// Writes the journal: from now on the run is finished by the next one if it is killed.
    fn keep(self, run: &RunContext<'_>, lists: &Lists) -> Result<Self, RunError> {
        run.stage("journal");
        let date = self.entry.record.date;
        let path = run.journal(date);
        let failed = |error: std::io::Error| RunError::private(&path, "written", &error);
        for (digest, lines) in lists {
            journal::keep_list(&run.workspace.private, &run.pipeline.name, date, digest, lines).map_err(failed)?;
        }
        objects::keep(run, &self.entry.record).map_err(failed)?;
        journal::write(&path, &self.entry).map_err(failed)?;
        Ok(self)
    }

    /// The bucket first, then the quarantine, then the journal.
    fn publish(self, run: &RunContext<'_>, begin: Instant) -> Result<Report, RunError> {
        let RunContext { workspace, pipeline, bucket, .. } = *run;
        let Self { entry, is_complete, is_finished_earlier, puts } = self;
        let done = publish(run, &entry)?;
        heads::remember(workspace, pipeline, bucket, &done.commits)?;
        run.stage("quarantine");
        // Only now, so that a run that is done again until here finds in quarantine what the first one found.
        for held in &entry.quarantine {
            held.apply().map_err(|error| RunError::private(&held.file, "written", &error))?;
        }
        let date = entry.record.date;
        let _ = std::fs::remove_dir(quarantine::partition(&workspace.private, &pipeline.dataset, date));
        let entry = journal::Entry { published: true, abandoned: Vec::new(), ..entry };
        let path = run.journal(date);
        let failed = |error: std::io::Error| RunError::private(&path, "written", &error);
        journal::write(&path, &entry).map_err(failed)?;
        journal::sweep_lists(&workspace.private, &entry.record).map_err(failed)?;
        run.remove_staging(date)?;
        tracing::info!(requests = bucket.requests(), pipeline = pipeline.name, "requests to the bucket so far");
        run.stage("done");
        let (record_key, _) = entry.record.to_bytes();
        Ok(Report {
            record: entry.record,
            record_key,
            commits: done.commits.len(),
            puts: done.puts + puts,
            is_repeated: false,
            finished_earlier: is_finished_earlier,
            is_complete,
            seconds: begin.elapsed().as_secs_f64(),
        })
    }
}
