//! The scheduler: looks what is due, begins it, and writes down what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::Signal;

use crate::capture::collector::Stop;
use crate::pipeline::run::RunError;
use crate::pipeline::{Pipeline, Trigger};
use crate::schedule::due::{self, Due, Job};
use crate::schedule::facts::{Facts, JobKey, Mark, Outcome};
use crate::schedule::gather::{Gatherer, mark_of_configuration};
use crate::schedule::hanging::hanging;
use crate::schedule::log::{self, Begun, Chore, Done, Entry, KnownLog, Log, Writer};
use crate::schedule::runner::{End, Runner};
use crate::schedule::said::Said;
use crate::time::{self, ServiceDate};
use crate::workspace::outline::{self, Needs};
use crate::workspace::{self, Workspace};
use crate::yaml::Problem;

/// Between two looks at the facts, at the most.
const LOOK: Duration = Duration::from_secs(20);
/// Between two looks at whether this is to end.
const TURN: Duration = Duration::from_millis(250);
/// What is known of the bucket may be so old when a job is begun.
const FRESH: Duration = Duration::from_secs(60);
/// Jobs that are at work when this is to end may go on for so long, and so long again once they were asked to end. Service managers
/// kill after 60 s, and until then people are told, too.
const GRACE: Duration = Duration::from_secs(15);
/// For so long one that was killed is waited for.
const KILLED: Duration = Duration::from_secs(2);

/// What a scheduler tells.
#[derive(Debug)]
pub enum Event<'a> {
    /// A job begins.
    Begins(&'a Job),
    Ended(&'a Done),
    ChoreEnded(&'a Chore),
    /// Mistakes of the configuration; what has none is scheduled.
    Mistakes(&'a [Problem]),
    /// Facts could not be gathered; it is tried again.
    Unknown(&'a RunError),
    /// What is due was looked at, with the facts.
    Looked(Looked<'a>),
}

/// What is known after a look.
#[derive(Clone, Copy, Debug)]
pub struct Looked<'a> {
    pub workspace: &'a Workspace,
    pub facts: &'a Facts,
    pub due: &'a Due,
    pub log: &'a Log,
    /// The newest date of which the bucket has a current file, as far as is known.
    pub newest_release: Option<ServiceDate>,
}

/// A scheduler of a workspace.
pub struct Scheduler {
    pub root: PathBuf,
    /// The pipelines that are scheduled; all if none is named.
    pub names: Vec<String>,
    pub stop: Stop,
    /// Jobs that are at work at once, at the most.
    pub parallel: usize,
    /// It ends when nothing is due any more.
    pub once: bool,
    /// Is told at each turn that it is alive.
    pub alive: Alive,
}

/// When a scheduler was last seen to be at work.
#[derive(Clone, Debug)]
pub struct Alive(Arc<Mutex<Instant>>);

impl Default for Alive {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Alive {
    fn turn(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How long ago that was.
    pub fn ago(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// Why a scheduler ended before it began.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    #[error("the configuration has mistakes")]
    Configuration(Vec<Problem>),
    #[error(transparent)]
    Run(#[from] RunError),
}

impl Scheduler {
    /// Does what is due until it is to end, and gives the worst outcome of all attempts.
    ///
    /// # Errors
    /// The workspace cannot be read at the beginning, or the log cannot be written.
    pub fn run(&self, writer: &Writer, tell: &mut dyn FnMut(Event<'_>)) -> Result<Option<Outcome>, SchedulerError> {
        let private = workspace::private(&self.root).map_err(SchedulerError::Configuration)?;
        let of_log = |error: std::io::Error| RunError::private(&log::path(&private), "read or written", &error);
        let (ended, ends) = channel();
        let runner = Runner::new(&self.root, &private, ended).map_err(of_log)?;
        let log = KnownLog::read(&private).map_err(of_log)?;
        let mut at_work = AtWork {
            scheduler: self,
            writer,
            runner,
            log,
            private,
            gatherer: Gatherer::default(),
            running: BTreeSet::new(),
            chores: BTreeMap::new(),
            tried: BTreeSet::new(),
            done_chores: BTreeSet::new(),
            workspace: None,
            worst: None,
        };
        at_work.until_end(&ends, tell)?;
        Ok(at_work.worst)
    }
}

struct AtWork<'a> {
    scheduler: &'a Scheduler,
    writer: &'a Writer,
    runner: Runner,
    log: KnownLog,
    private: PathBuf,
    gatherer: Gatherer,
    running: BTreeSet<JobKey>,
    /// Daily jobs that are at work, and since when.
    chores: BTreeMap<String, Timestamp>,
    /// What was begun since this began.
    tried: BTreeSet<JobKey>,
    done_chores: BTreeSet<&'static str>,
    workspace: Option<(Mark, Workspace)>,
    worst: Option<Outcome>,
}

impl AtWork<'_> {
    fn until_end(&mut self, ends: &Receiver<End>, tell: &mut dyn FnMut(Event<'_>)) -> Result<(), SchedulerError> {
        let over = loop {
            let next = match self.look(tell) {
                Ok(next) => next,
                Err(error) => break Err(error),
            };
            let is_over = self.scheduler.once && self.is_idle() && next.is_none();
            if is_over || self.wait(ends, next, tell) {
                break Ok(());
            }
        };
        // Also where it ends by an error: what is at work would end with this process, and nobody would write down how.
        self.end(ends, tell);
        over
    }

    /// Begins what is due. Gives when to look again at the latest; none if nothing is due or at work.
    fn look(&mut self, tell: &mut dyn FnMut(Event<'_>)) -> Result<Option<Instant>, SchedulerError> {
        let later = Instant::now() + LOOK;
        if self.scheduler.stop.is_requested() {
            return Ok(Some(later));
        }
        self.read_configuration(tell)?;
        // What the disk did not take is tried again, and somebody may have said that the clock is right.
        self.read_log();
        if let Some(limit) = self.workspace.as_ref().and_then(|(_, workspace)| workspace.runs.kill) {
            self.runner.kill_older(limit);
        }
        let mut is_begun = false;
        loop {
            let Some((_, workspace)) = &self.workspace else { return Ok(Some(later)) };
            let (now, warn) = (time::now(), workspace.runs.warn);
            let mut facts = match self.gatherer.gather(workspace, self.log.log(), &self.running, now) {
                Ok(facts) => facts,
                Err(error) if self.scheduler.once => return Err(error.into()),
                Err(error) => {
                    tell(Event::Unknown(&error));
                    return Ok(Some(later));
                }
            };
            // Each is told, and what ends with an exit code ends with theirs.
            self.worst = self.worst.max(facts.troubles.iter().map(|trouble| trouble.outcome).max());
            facts.chores.iter_mut().for_each(|(name, chore)| chore.running_since = self.chores.get(name).copied());
            let due = due::due(&facts, now);
            is_begun |= self.begin_chores(&due.chores);
            // One that hangs, as on a disk that does not answer, keeps only its own pipeline from being run: it has no place among those
            // that are at work. But of several that hang one alone, since each has its memory.
            let hung = hanging(&facts, self.log.log(), warn, now);
            let may = |job: &&Job| {
                let is_new = !self.scheduler.once || !self.tried.contains(&job.key);
                is_new && !hung.keys().any(|key| key.pipeline == job.key.pipeline)
            };
            let job = due.now.iter().find(may).cloned();
            let at_work = self.running.len() - hung.len().min(1);
            let Some(job) = job.filter(|_| at_work < self.scheduler.parallel.max(1)) else {
                if let Some((_, workspace)) = &self.workspace {
                    let newest_release = self.gatherer.newest_release();
                    tell(Event::Looked(Looked {
                        workspace,
                        facts: &facts,
                        due: &due,
                        log: self.log.log(),
                        newest_release,
                    }));
                }
                if let Some(behind) = facts.clock {
                    if self.scheduler.once && self.is_idle() {
                        return Err(RunError::ClockBehind(behind.to_string()).into());
                    }
                    return Ok(Some(later));
                }
                let at = due.later.first().map(|later| until(later.at, now));
                let wake = at.map_or(later, |wait| (Instant::now() + wait).min(later));
                return Ok((is_begun || !self.is_idle() || !self.scheduler.once).then_some(wake));
            };
            // Somebody else may have published it.
            if !is_begun {
                is_begun = true;
                self.gatherer.look_at_bucket_again(FRESH);
                continue;
            }
            self.begin(job, tell);
        }
    }

    /// Reads the configuration if its files changed. One with mistakes leaves that of before as it is.
    fn read_configuration(&mut self, tell: &mut dyn FnMut(Event<'_>)) -> Result<(), SchedulerError> {
        let mark = mark_of_configuration(&self.scheduler.root);
        if self.workspace.as_ref().is_some_and(|(known, _)| *known == mark) {
            return Ok(());
        }
        match outline::read(&self.scheduler.root, Needs::Stores) {
            Ok((mut workspace, mistakes)) => {
                if let Some((_, before)) = self.workspace.take() {
                    keep_good(&mut workspace.pipelines, before.pipelines, &mistakes);
                }
                let names = &self.scheduler.names;
                workspace.pipelines.retain(|pipeline| names.is_empty() || names.contains(&pipeline.name));
                if !mistakes.is_empty() {
                    tell(Event::Mistakes(&mistakes));
                }
                self.workspace = Some((mark, workspace));
            }
            Err(mistakes) => {
                match &mut self.workspace {
                    None => return Err(SchedulerError::Configuration(mistakes)),
                    Some((known, before)) => (*known, before.mistakes) = (mark, mistakes.clone()),
                }
                tell(Event::Mistakes(&mistakes));
            }
        }
        Ok(())
    }

    fn begin(&mut self, job: Job, tell: &mut dyn FnMut(Event<'_>)) {
        let Job { key, why, evidence, settings, .. } = job.clone();
        self.add(Entry::Begun(Begun { key: key.clone(), why: why.name().to_owned(), evidence, settings }));
        tell(Event::Begins(&job));
        self.tried.insert(key.clone());
        match self.runner.begin(&key) {
            Ok(()) => drop(self.running.insert(key)),
            Err(error) => {
                let said = not_started(&error);
                let done =
                    Done { key, outcome: Outcome::Transient, exit: None, said, held_by: Vec::new(), seconds: 0.0 };
                self.ended(done, tell);
            }
        }
    }

    /// Begins daily jobs that are no runs; says whether there was one.
    fn begin_chores(&mut self, due: &[String]) -> bool {
        let Some((_, workspace)) = &self.workspace else { return false };
        let chores = workspace.chores.iter().filter(|chore| due.iter().any(|name| name == chore.name));
        let mut failed = Vec::new();
        let mut is_begun = false;
        for chore in chores {
            // What was done and is due again at once would go on for ever.
            let is_new = self.done_chores.insert(chore.name) || !self.scheduler.once;
            match is_new.then(|| self.runner.begin_chore(chore.name, &chore.arguments)) {
                None => {}
                Some(Ok(())) => is_begun |= self.chores.insert(chore.name.to_owned(), time::now()).is_none(),
                Some(Err(error)) => {
                    let said = not_started(&error);
                    let name = chore.name.to_owned();
                    failed.push(Chore { name, outcome: Outcome::Transient, said, seconds: 0.0 });
                }
            }
        }
        failed.into_iter().for_each(|chore| self.add(Entry::Chore(chore)));
        is_begun
    }

    fn is_idle(&self) -> bool {
        self.running.is_empty() && self.chores.is_empty()
    }

    fn ended(&mut self, done: Done, tell: &mut dyn FnMut(Event<'_>)) {
        self.running.remove(&done.key);
        self.add(Entry::Ended(done.clone()));
        // A run commits to the dataset of its pipeline and to no other; asking sources commits nothing.
        if done.key.date.is_some() {
            let pipelines = self.workspace.iter().flat_map(|(_, workspace)| &workspace.pipelines);
            match pipelines.into_iter().find(|pipeline| pipeline.name == done.key.pipeline) {
                Some(pipeline) => self.gatherer.look_at_dataset_again(&pipeline.dataset),
                // It is in the configuration no more.
                None => self.gatherer.look_at_bucket_again(Duration::ZERO),
            }
        }
        self.worst = self.worst.max(Some(done.outcome));
        tell(Event::Ended(&done));
    }

    fn add(&mut self, entry: Entry) {
        self.writer.add(time::now(), entry);
        self.read_log();
    }

    /// What cannot be read stays as it was known: what this scheduler does itself is known in any case.
    fn read_log(&mut self) {
        if let Err(error) = self.log.look(self.writer) {
            tracing::warn!("{} could not be read: {error}", log::path(&self.private).display());
        }
    }

    /// Waits until something ends, until it is time to look again, or until all is to end, which it says.
    fn wait(&mut self, ends: &Receiver<End>, next: Option<Instant>, tell: &mut dyn FnMut(Event<'_>)) -> bool {
        let next = next.unwrap_or_else(|| Instant::now() + LOOK);
        loop {
            self.scheduler.alive.turn();
            if self.scheduler.stop.is_requested() {
                return true;
            }
            match ends.recv_timeout(TURN.min(next.saturating_duration_since(Instant::now()))) {
                Ok(end) => {
                    self.end_of(end, tell);
                    return false;
                }
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) if Instant::now() >= next => return false,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn end_of(&mut self, end: End, tell: &mut dyn FnMut(Event<'_>)) {
        match end {
            End::Job(done) => self.ended(done, tell),
            End::Chore(chore) => {
                self.chores.remove(&chore.name);
                tell(Event::ChoreEnded(&chore));
                self.worst = self.worst.max(Some(chore.outcome));
                self.add(Entry::Chore(chore));
            }
        }
    }

    /// Lets jobs that are at work end, asks those to end that do not, and kills what hangs even then: none may outlive this.
    fn end(&mut self, ends: &Receiver<End>, tell: &mut dyn FnMut(Event<'_>)) {
        for (wait, then) in [(GRACE, Some(Signal::TERM)), (GRACE, Some(Signal::KILL)), (KILLED, None)] {
            let until = Instant::now() + wait;
            while !self.is_idle() {
                match ends.recv_timeout(until.saturating_duration_since(Instant::now())) {
                    Ok(end) => self.end_of(end, tell),
                    Err(_) => break,
                }
            }
            if let (false, Some(signal)) = (self.is_idle(), then) {
                self.runner.signal_all(signal);
            }
        }
    }
}

/// What is said of a job that the system did not begin.
fn not_started(error: &std::io::Error) -> Said {
    format!(
        "the process could not be started: {error}. Check the memory and the limits of this machine; it is tried again"
    )
    .into()
}

/// Of a pipeline whose file has a mistake, what was read of it before the mistake was made goes on being used.
fn keep_good(now: &mut Vec<Pipeline>, before: Vec<Pipeline>, mistakes: &[Problem]) {
    for pipeline in before {
        let is_wrong = mistakes.iter().any(|mistake| mistake.file == pipeline.file);
        let had_times = !pipeline.schedule.as_ref().is_some_and(|of| matches!(of.trigger, Trigger::Nowhere(_)));
        if !is_wrong || !had_times {
            continue;
        }
        match now.iter_mut().find(|other| other.name == pipeline.name) {
            Some(other) => *other = pipeline,
            None => now.push(pipeline),
        }
    }
    now.sort_by(|one, other| one.name.cmp(&other.name));
}

/// How long it is until a time.
fn until(at: Timestamp, now: Timestamp) -> Duration {
    at.duration_since(now).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PIPELINE: &str =
        "format: gtfs-realtime\nsources:\n  - {name: vp, type: http, url: 'http://127.0.0.1:9/vp', every: 15 s}\n";

    fn read(root: &std::path::Path, schedule: &str) -> (Workspace, Vec<Problem>) {
        fs::write(root.join("pipelines/bus.yaml"), format!("{PIPELINE}{schedule}")).unwrap();
        outline::read(root, Needs::Stores).unwrap()
    }

    #[test]
    fn a_mistake_in_a_schedule_hides_no_pipeline_and_the_last_good_one_goes_on_being_used() {
        let root = tempfile::tempdir().unwrap();
        let text = "title: T\npublisher: P\nlicence: CC0-1.0\ntime_zone: Europe/Berlin\nbucket: {location: bucket}\nprivate: private\n";
        fs::write(root.path().join("fahrtenbuch.yaml"), text).unwrap();
        fs::create_dir_all(root.path().join("pipelines")).unwrap();
        let (good, mistakes) = read(root.path(), "schedule: {run: '04:30'}\n");
        assert!(mistakes.is_empty() && good.mistakes.is_empty());
        let wrong = [
            "schedule: {run: '25:15'}\n",
            "schedule: {after: fahrplann}\n",
            "schedule: {rum: '04:30'}\n",
            "sources: [\n",
        ];
        for schedule in wrong {
            let before = read(root.path(), "schedule: {run: '04:30'}\n").0.pipelines;
            let (mut workspace, mistakes) = read(root.path(), schedule);
            assert!(!mistakes.is_empty() && workspace.mistakes == mistakes, "{schedule}");
            // Who has seen nothing else knows that there is a schedule without times.
            let unread = workspace
                .pipelines
                .iter()
                .all(|of| matches!(&of.schedule, Some(of) if matches!(of.trigger, Trigger::Nowhere(_))));
            assert!(unread, "{schedule}");
            keep_good(&mut workspace.pipelines, before, &mistakes);
            assert_eq!(workspace.pipelines.len(), 1, "{schedule}");
            assert_eq!(workspace.pipelines[0].schedule, good.pipelines[0].schedule, "{schedule}");
        }
        // One that is taken out is gone.
        fs::remove_file(root.path().join("pipelines/bus.yaml")).unwrap();
        let (mut workspace, mistakes) = outline::read(root.path(), Needs::Stores).unwrap();
        keep_good(&mut workspace.pipelines, good.pipelines, &mistakes);
        assert!(workspace.pipelines.is_empty());
    }

    #[test]
    fn a_folder_of_contracts_that_is_not_there_is_a_mistake_of_the_file_that_names_it() {
        let root = tempfile::tempdir().unwrap();
        let text = "title: T\npublisher: P\nlicence: CC0-1.0\ntime_zone: Europe/Berlin\nbucket: {location: bucket}\nprivate: private\n";
        fs::write(root.path().join("fahrtenbuch.yaml"), text).unwrap();
        fs::create_dir_all(root.path().join("pipelines")).unwrap();
        let (workspace, _) = read(root.path(), "contracts: schemas/bus\n");
        let [mistake] = workspace.mistakes.as_slice() else { panic!("{:?}", workspace.mistakes) };
        assert!(mistake.file.ends_with("pipelines/bus.yaml") && mistake.line == 4, "{mistake}");
        assert!(mistake.message.contains("schemas/bus is not there"), "{mistake}");
    }
}
