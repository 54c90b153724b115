//! Makes a release again, run by run, and compares its files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::capture::evidence::remote::Remote;
use crate::durable;
use crate::ledger::{Program, RunRecord, Status};
use crate::pipeline::Pipeline;
use crate::pipeline::replay::answer::{PublishedState, Replay, ReplayedMonth, ReplayedRun, Verdict};
use crate::pipeline::replay::compare::{Comparison, state};
use crate::pipeline::replay::reason::{Reason, ReplayError};
use crate::pipeline::replay::request::{Asked, Expected, find, run_record, unreadable};
use crate::pipeline::replay::then::{Texts, Then};
use crate::pipeline::run::RunError;
use crate::pipeline::run::releases::{ActError, DueMonth, Made, make_month};
use crate::pipeline::run::replay::{PastRun, Remade};
use crate::pipeline::run::scratch::Scratch;
use crate::publish::bucket::Bucket;
use crate::publish::index::MonthFile;
use crate::workspace::Workspace;

/// Bytes of archives that stay on the disk while they are read from where `evidence` says.
const EVIDENCE_CACHE: u64 = 4 << 30;

/// What makes releases again.
pub struct Replayer<'a> {
    pub workspace: Workspace,
    pub bucket: &'a Bucket,
    /// Where the files are kept that are made again; nowhere if there is none.
    pub into: Option<PathBuf>,
}

/// Makes a release again and compares it.
///
/// # Errors
/// There is no such release, or the bucket or the private store cannot be read.
pub fn replay(replayer: Replayer<'_>, asked: &Asked) -> Result<Replay, ReplayError> {
    let Replayer { workspace: mut now, bucket, into } = replayer;
    let found = find(bucket, asked)?;
    let scratch = Scratch::new(&now)?;
    // What is fetched of evidence that is kept elsewhere goes, too.
    now.evidence = now.evidence.as_ref().map(|remote| {
        Arc::new(Remote::new(remote.place().clone(), scratch.path().join("evidence-cache"), EVIDENCE_CACHE))
    });
    let then = Workspace::read(&now.root).map_err(|problems| {
        let told: Vec<String> = problems.iter().take(3).map(ToString::to_string).collect();
        ReplayError::Usage(format!("the workspace has mistakes: {}", told.join(" ")))
    })?;
    let mut again = Again { now, then, bucket, scratch: scratch.path().to_owned(), into };
    let mut replay = Replay {
        release: asked.to_string(),
        program: Program::this(),
        act: found.act,
        runs: Vec::new(),
        months: Vec::new(),
        unable: found.unable,
    };
    for (key, expected) in &found.runs {
        replay.runs.push(again.run(key, expected.as_deref())?);
    }
    for (due, month) in &found.months {
        replay.months.push(again.month(due, month)?);
    }
    Ok(replay)
}

struct Again<'a> {
    now: Workspace,
    then: Workspace,
    bucket: &'a Bucket,
    scratch: PathBuf,
    into: Option<PathBuf>,
}

impl Again<'_> {
    /// Makes a run again; why it cannot be is part of the answer.
    fn run(&mut self, key: &str, expected: Option<&[Expected]>) -> Result<ReplayedRun, ReplayError> {
        let mut run = ReplayedRun {
            record: key.to_owned(),
            pipeline: None,
            date: None,
            provisional: false,
            program: None,
            same_program: false,
            held_back: false,
            now_held_back: false,
            blocked_by: Vec::new(),
            files: Vec::new(),
            other_inputs: Vec::new(),
            limits: Vec::new(),
            unable: None,
        };
        let Some(record) = run_record(self.bucket, key)? else {
            run.unable = Some(unreadable(key));
            return Ok(run);
        };
        run.pipeline = Some(record.pipeline.clone());
        run.date = Some(record.date);
        run.provisional = record.inputs.data.iter().any(|input| input.name == crate::ledger::PROVISIONAL);
        run.same_program = record.program == Program::this();
        run.program = Some(record.program.clone());
        run.held_back = record.status == Status::HeldBack;
        run.now_held_back = run.held_back;
        match self.remake(&record, expected, &mut run) {
            Err(ReplayError::Unable(reason)) => run.unable = Some(*reason),
            done => done?,
        }
        Ok(run)
    }

    fn remake(
        &mut self,
        record: &RunRecord,
        expected: Option<&[Expected]>,
        run: &mut ReplayedRun,
    ) -> Result<(), ReplayError> {
        let root = self.scratch.join("then");
        // Of the run before.
        let _ = fs::remove_dir_all(&root);
        durable::create_dir_all(&root).map_err(|error| RunError::private(&root, "made", &error))?;
        let texts = Texts { now: &self.now, bucket: self.bucket, record, root: &root };
        let Then { pipeline, limits } = texts.pipeline()?;
        run.limits = limits;
        texts.configure(&mut self.then)?;
        let timetable = self.timetable(&pipeline, record);
        let past =
            PastRun { now: &self.now, then: &self.then, pipeline: &pipeline, timetable, bucket: self.bucket, record };
        let Remade { files, record: made, inputs, limits } = crate::pipeline::run::replay::replay(past)?;
        run.other_inputs = inputs;
        run.limits.extend(limits);
        run.now_held_back = made.status == Status::HeldBack;
        let blocks = made.findings.iter().filter(|finding| finding.blocks());
        run.blocked_by = blocks.map(|finding| finding.rule.0.clone()).collect();
        let all: Vec<Expected>;
        let expected = match expected {
            Some(expected) => expected,
            None => {
                let of_table = |table: &crate::ledger::TableEntry| {
                    let expected = |file| Expected { table: table.table.clone(), file };
                    table.files.iter().cloned().map(expected).collect::<Vec<_>>()
                };
                all = record.tables.iter().flat_map(of_table).collect();
                &all
            }
        };
        let comparison = Comparison { bucket: self.bucket, pipeline: &pipeline, scratch: &self.scratch };
        for expected in expected {
            let made = files.get(&expected.table);
            run.files.push(comparison.file(expected, made)?);
            if let (Some(into), Some(made)) = (&self.into, made) {
                keep(into, &expected.file.path, &made.path)?;
            }
        }
        Ok(())
    }

    /// The pipeline of the timetable that a run was joined with: the one that the pipeline names, or else the one whose source it is.
    fn timetable(&self, pipeline: &Pipeline, record: &RunRecord) -> Option<&Pipeline> {
        let named = pipeline.timetable.as_ref().map(|(name, _)| name);
        let source = record.inputs.data.iter().find(|input| input.kind == "timetable").map(|input| &input.name);
        let has_source =
            |other: &&Pipeline| source.is_some_and(|name| other.feeds.iter().any(|feed| feed.name == *name));
        let pipelines = || self.now.pipelines.iter().filter(|other| other.is_timetable()).filter(has_source);
        pipelines().find(|other| Some(&other.name) == named).or_else(|| pipelines().next())
    }

    /// Makes a month again from the files of its days.
    fn month(&self, due: &DueMonth, month: &MonthFile) -> Result<ReplayedMonth, ReplayError> {
        let mut answer = ReplayedMonth {
            table: due.table.clone(),
            month: month.month.to_string(),
            path: month.path.clone(),
            sha256: month.sha256,
            replayed_sha256: None,
            verdict: Verdict::NotMade,
            published: state(self.bucket, (&due.dataset, &due.table), &month.path, month.bytes, &month.sha256)?,
            unable: None,
        };
        let staging = self.scratch.join("month");
        let made = make_month(self.bucket, self.now.memory, due, &staging).map_err(|error| match error {
            ActError::Run(error) => ReplayError::Run(error),
            ActError::Usage(problem) | ActError::Refused(problem) => RunError::internal(problem).into(),
        });
        match made {
            Ok(Made::File(staged)) => {
                let is_equal = staged.digest == month.sha256;
                answer.verdict = if is_equal { Verdict::Equal } else { Verdict::Differs };
                answer.replayed_sha256 = Some(staged.digest);
                if let Some(into) = &self.into {
                    keep(into, &month.path, &staged.path)?;
                }
            }
            Ok(Made::Unfit(why) | Made::Damaged(why)) => answer.unable = Some(days_gone(&why)),
            Err(ReplayError::Run(RunError::Publish(error))) if !error.is_transient() => {
                answer.unable = Some(days_gone(&error.to_string()));
            }
            Err(error) => return Err(error),
        }
        let _ = fs::remove_dir_all(&staging);
        if answer.published == PublishedState::Gone && answer.unable.is_none() {
            tracing::info!("'{}' is not in the bucket any more", month.path);
        }
        Ok(answer)
    }
}

fn days_gone(why: &str) -> Reason {
    Reason::new(
        "days",
        format!("the files of the days that the month was made of are not what they were: {why}"),
        format!("Die Dateien der Tage, aus denen der Monat entstand, sind nicht, was sie waren: {why}"),
    )
}

/// Keeps a file that was made again, under the name that it has in the bucket.
fn keep(into: &Path, path: &str, made: &Path) -> Result<(), ReplayError> {
    if path.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return Err(RunError::internal(format!("'{path}' is no name of a file in a bucket")).into());
    }
    let to = into.join(path);
    let folder = to.parent().unwrap_or(into);
    let copied = durable::create_public_dir_all(folder).and_then(|()| {
        let mut from = durable::open_to_read(made)?;
        std::io::copy(&mut from, &mut durable::create(&to)?)
    });
    copied.map(|_| ()).map_err(|error| RunError::private(&to, "written", &error).into())
}
