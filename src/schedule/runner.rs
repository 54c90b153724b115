//! Runs jobs, each as a process of its own, and tells how it ended.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::Value;

use crate::capture::collector::Stop;
use crate::check::RuleResult;
use crate::durable;
use crate::ledger::{Finding, Status};
use crate::schedule::facts::{JobKey, Outcome};
use crate::schedule::log::{Chore, Done};
use crate::schedule::said::{self, HeldBy, Said};
use crate::time;

/// The variable that names the process with which a job is to end.
///
/// A job ends also where that process is killed. Else it would go on without anybody who writes down how it ends, and hold locks and
/// memory that the next scheduler needs. It is ended by SIGTERM, and the next run finishes what it leaves. Systems other than Linux have
/// nothing like it: there a job goes on to its end, which is safe, too, since it holds its locks until then.
pub const ENDS_WITH: &str = "FAHRTENBUCH_ENDS_WITH";
/// What of a job's output is kept for people: its end.
const KEPT: usize = 64 << 10;
/// What of a job's result is read. A record of a partition has some hundred kilobytes.
const RESULT: usize = 64 << 20;
/// Between two looks whether a daily job has ended, or is to.
const LOOK: Duration = Duration::from_millis(20);
/// Rules that are written down of a run that was held back.
const RULES: usize = 20;

/// Begins jobs of a workspace.
pub struct Runner {
    root: PathBuf,
    private: PathBuf,
    program: PathBuf,
    ended: Sender<End>,
    /// By the job.
    children: Arc<Mutex<BTreeMap<String, AtWork>>>,
}

/// A process that is at work.
struct AtWork {
    pid: Pid,
    begun: Instant,
    /// It was killed because it was at work for longer than this.
    killed: Option<Duration>,
}

/// A job that is over.
#[derive(Debug)]
pub enum End {
    Job(Done),
    Chore(Chore),
}

impl End {
    /// Of one that was killed because it was at work for longer than the limit.
    fn killed_after(mut self, limit: Duration) -> Self {
        let said = match &mut self {
            Self::Job(Done { said, .. }) | Self::Chore(Chore { said, .. }) => said,
        };
        *said = said::killed_after(limit.as_secs() / 60);
        self
    }
}

impl Runner {
    /// `ended` is told of each job that ends.
    ///
    /// # Errors
    /// The program's own file cannot be found.
    pub fn new(root: &Path, private: &Path, ended: Sender<End>) -> io::Result<Self> {
        let program = std::env::current_exe()?;
        // After an update the file of this process has no name any more.
        let program = if program.exists() { program } else { PathBuf::from("/proc/self/exe") };
        let (root, private) = (root.to_owned(), private.to_owned());
        Ok(Self { root, private, program, ended, children: Arc::default() })
    }

    /// Begins a job.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn begin(&self, key: &JobKey) -> io::Result<()> {
        let mut command = self.command();
        match key.date {
            // With a range of one date, that there is nothing of it is no failure.
            Some(date) => {
                let date = date.to_string();
                command.args(["run", &key.pipeline, "--from", &date, "--to", &date, "--json"])
            }
            None => command.args(["capture", &key.pipeline]),
        };
        let key = key.clone();
        let log = self.log_of(&key);
        self.spawn(command, key.to_string(), move |ended| {
            keep(&log, &ended.stderr);
            End::Job(done(key, &ended))
        })
    }

    /// Begins a command that is no run.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn begin_chore(&self, name: &str, arguments: &[String]) -> io::Result<()> {
        let mut command = self.command();
        command.args(arguments);
        let log = self.private.join("schedule").join("output").join(format!("{name}.log"));
        let name = name.to_owned();
        self.spawn(command, name.clone(), move |ended| {
            keep(&log, &[ended.stdout.as_slice(), &ended.stderr].concat());
            End::Chore(ended.of_chore(name))
        })
    }

    /// Where the output of a job's newest attempt is kept.
    fn log_of(&self, key: &JobKey) -> PathBuf {
        let date = key.date.map_or("asking".to_owned(), |date| date.to_string());
        self.private.join("schedule").join("output").join(&key.pipeline).join(format!("{date}.log"))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--workspace").arg(&self.root);
        if time::is_clock_set_off() {
            command.env("FAHRTENBUCH_NOW", time::now().to_string());
        }
        for_us(&mut command);
        command
    }

    fn spawn(
        &self,
        mut command: Command,
        name: String,
        end: impl FnOnce(Output) -> End + Send + 'static,
    ) -> io::Result<()> {
        let mut child = command.spawn()?;
        let begun = Instant::now();
        let pid = Pid::from_child(&child);
        self.children().insert(name.clone(), AtWork { pid, begun, killed: None });
        let (children, ended) = (self.children.clone(), self.ended.clone());
        std::thread::Builder::new().name(name.clone()).spawn(move || {
            let output = wait(&mut child, begun);
            let was = children.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
            let end = match was.and_then(|child| child.killed) {
                // It may have ended by itself just before.
                Some(limit) if output.exit().is_none() => end(output).killed_after(limit),
                _ => end(output),
            };
            // Nobody listens any more when the scheduler has ended.
            let _ = ended.send(end);
        })?;
        Ok(())
    }

    fn children(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, AtWork>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the jobs that are at work to end, or ends them. What they leave is finished by the next run.
    pub fn signal_all(&self, signal: Signal) {
        for child in self.children().values() {
            let _ = kill_process(child.pid, signal);
        }
    }

    /// Kills jobs that are at work for longer than this: one that hangs does not hear anything else. What they leave is finished by the
    /// next run.
    pub fn kill_older(&self, limit: Duration) {
        for child in self.children().values_mut().filter(|child| child.begun.elapsed() >= limit) {
            child.killed = Some(limit);
            let _ = kill_process(child.pid, Signal::KILL);
        }
    }
}

/// What a process left.
struct Output {
    status: io::Result<ExitStatus>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    seconds: f64,
}

impl Output {
    fn exit(&self) -> Option<i32> {
        self.status.as_ref().ok().and_then(ExitStatus::code)
    }

    /// The end of a daily job.
    fn of_chore(&self, name: String) -> Chore {
        let said = said::gist(self.exit(), &self.stdout, &self.stderr).into();
        // Something that was found, as what is due and could not be destroyed, needs a person.
        let outcome = if self.exit() == Some(4) { Outcome::Permanent } else { outcome_of(self.exit()) };
        Chore { name, outcome, said, seconds: rounded(self.seconds) }
    }
}

/// Does a daily job as a process of its own, and gives how it ended, its exit code, and what it wrote: output and errors. Once this
/// one is to stop, that one is asked to end, and waited for.
///
/// # Errors
/// The process cannot be started.
pub fn chore(name: &str, mut command: Command, stop: &Stop) -> io::Result<(Chore, Option<i32>, [Vec<u8>; 2])> {
    for_us(&mut command);
    let output = wait_or_end(&mut command.spawn()?, Instant::now(), stop);
    Ok((output.of_chore(name.to_owned()), output.exit(), [output.stdout, output.stderr]))
}

/// Has a job say everything to this process, and end with it.
fn for_us(command: &mut Command) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env(ENDS_WITH, std::process::id().to_string());
}

/// To the millisecond.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// Reads what a process says until its end.
fn wait(child: &mut Child, begun: Instant) -> Output {
    let [stdout, stderr] = readers(child);
    let stdout = stdout.join().unwrap_or_default();
    let status = child.wait();
    let stderr = stderr.join().unwrap_or_default();
    Output { status, stdout, stderr, seconds: begun.elapsed().as_secs_f64() }
}

/// The same; asks the process to end when this one is to stop.
fn wait_or_end(child: &mut Child, begun: Instant, stop: &Stop) -> Output {
    let [stdout, stderr] = readers(child);
    let mut is_asked = false;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Err(error) => break Err(error),
            Ok(None) => {}
        }
        // Nobody else waits for it, so that the number is still its own.
        if !is_asked && stop.is_requested() {
            is_asked = true;
            let _ = kill_process(Pid::from_child(child), Signal::TERM);
        }
        std::thread::sleep(LOOK);
    };
    let [stdout, stderr] = [stdout, stderr].map(|reader| reader.join().unwrap_or_default());
    Output { status, stdout, stderr, seconds: begun.elapsed().as_secs_f64() }
}

/// Threads that read what a process says: its output, and its errors.
fn readers(child: &mut Child) -> [JoinHandle<Vec<u8>>; 2] {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let result = move || {
        let mut result = Vec::new();
        if let Some(mut out) = stdout {
            let _ = out.by_ref().take(RESULT as u64).read_to_end(&mut result);
            // A process whose output nobody reads would never end.
            let _ = io::copy(&mut out, &mut io::sink());
        }
        result
    };
    let errors = move || stderr.map(|stderr| end_of(stderr, KEPT)).unwrap_or_default();
    [std::thread::spawn(result), std::thread::spawn(errors)]
}

/// The last bytes of what can be read.
fn end_of(mut from: impl Read, most: usize) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), vec![0; 16 << 10]);
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        all.extend_from_slice(&buffer[..count]);
        if all.len() > 2 * most {
            all.drain(..all.len() - most);
        }
    }
    let surplus = all.len().saturating_sub(most);
    all.drain(..surplus);
    all
}

fn keep(log: &Path, bytes: &[u8]) {
    let kept = log.parent().map_or(Ok(()), durable::create_dir_all).and_then(|()| durable::write(log, bytes));
    if let Err(error) = kept {
        tracing::warn!("{} could not be written: {error}", log.display());
    }
}

/// How a process ended, by the table of exit codes.
fn outcome_of(exit: Option<i32>) -> Outcome {
    match exit {
        Some(0 | 4) => Outcome::Published,
        Some(1) => Outcome::Transient,
        Some(2) => Outcome::Usage,
        Some(3) => Outcome::HeldBack,
        Some(_) => Outcome::Permanent,
        None => Outcome::Killed,
    }
}

/// The end of an attempt, by the exit code and what 'run --json' says.
fn done(key: JobKey, output: &Output) -> Done {
    let exit = output.exit();
    let results: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let done = done_of(key, exit, &results[0], output.seconds);
    match done.said.is_empty() {
        true => Done { said: said::gist(exit, &output.stdout, &output.stderr).into(), ..done },
        false => done,
    }
}

/// The end of an attempt, by its exit code and its result, as 'run --json' gives it.
pub fn done_of(key: JobKey, exit: Option<i32>, result: &Value, seconds: f64) -> Done {
    let mut outcome = outcome_of(exit);
    let text = |key: &str| result[key].as_str().map(str::to_owned);
    let held_by = held_by(&result["record"]);
    let said = match text("status").as_deref() {
        Some("skipped") if outcome == Outcome::Published => {
            outcome = Outcome::Absent;
            text("reason").map(Said::from)
        }
        Some("published") if outcome == Outcome::Published => {
            if result["nothing_new"] == true {
                outcome = Outcome::NothingNew;
                Some(said::nothing_new())
            } else {
                Some(rows(&result["record"]))
            }
        }
        Some("held_back") => Some(said::held_back(&held_by)),
        _ => text("error").map(Said::from),
    };
    let said = said.unwrap_or_else(|| match outcome {
        Outcome::Killed => said::killed(),
        _ => Said::default(),
    });
    Done { key, outcome, exit, said: said.shortened(), held_by, seconds: rounded(seconds) }
}

/// What of its tables a record says was released.
fn rows(record: &Value) -> Said {
    let tables = record["tables"].as_array().map(Vec::as_slice).unwrap_or_default();
    let sum = |key: &str| tables.iter().filter_map(|table| table[key].as_u64()).sum::<u64>();
    said::released(sum("published"), sum("quarantined"))
}

/// The rules that held a run back, those that name most rows first; none if it was not.
fn held_by(record: &Value) -> Vec<HeldBy> {
    if Status::deserialize(&record["status"]).ok() != Some(Status::HeldBack) {
        return Vec::new();
    }
    let findings = record["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let findings = findings.iter().filter_map(|finding| Finding::deserialize(finding).ok()).filter(Finding::blocks);
    let mut found: Vec<HeldBy> = findings
        .map(|Finding { rule, rows, result, .. }| HeldBy { rule, rows, is_error: result == RuleResult::Error })
        .collect();
    found.sort_by(|one, other| (other.rows, &one.rule).cmp(&(one.rows, &other.rule)));
    found.truncate(RULES);
    found
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_process_that_does_not_end_is_killed_after_its_limit_even_if_it_was_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let (ended, ends) = channel();
        let runner = Runner::new(folder.path(), folder.path(), ended).unwrap();
        let mut command = Command::new("sleep");
        command.arg("600").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let name = "backup".to_owned();
        runner.spawn(command, name.clone(), move |output| End::Chore(output.of_chore(name))).unwrap();
        runner.signal_all(Signal::STOP);
        runner.kill_older(Duration::from_secs(600));
        assert!(ends.recv_timeout(Duration::from_millis(300)).is_err());
        runner.kill_older(Duration::from_millis(100));
        let End::Chore(chore) = ends.recv_timeout(Duration::from_secs(20)).unwrap() else { panic!("a run") };
        assert_eq!(chore.outcome, Outcome::Killed);
        assert!(chore.said.en.contains("limits: run_kill"), "{}", chore.said);
    }
}
