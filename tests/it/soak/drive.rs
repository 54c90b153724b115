//! Runs a server and a collector, kills the collector at seeded moments, and fills its disk.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::compare::{Comparison, compare, kept};
use super::log::{Log, Span, parse};
use crate::world::World;

const PIPELINE: &str = "stadtbus-telemetrie";
/// How long the disk is full.
const FULL: Duration = Duration::from_secs(30);
/// How long a collector may take to end by SIGTERM.
const END: Duration = Duration::from_secs(15);

/// A soak.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub seed: u64,
    pub feeds: usize,
    /// Of each body.
    pub bytes: usize,
    /// Seconds of a beat.
    pub every: u64,
    pub length: Duration,
    pub kills: u32,
    pub cuts: u32,
    pub cut_seconds: u32,
    /// A folder on a small file system for the private store, which is filled once.
    pub disk: Option<PathBuf>,
    /// How often the memory of the collector is looked at.
    pub sampled: Duration,
    pub collector: Collector,
}

/// What collects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Collector {
    /// `capture --every`: keeps what is new.
    Capture,
    /// `collect`: records every beat.
    Collect,
}

impl Collector {
    /// `collect`, where the program has it.
    pub(crate) fn newest() -> Self {
        let help = Command::new(env!("CARGO_BIN_EXE_fahrtenbuch")).args(["collect", "--help"]).output().unwrap();
        if help.status.success() { Self::Collect } else { Self::Capture }
    }
}

/// What came of a soak.
pub(crate) struct Soaked {
    pub log: Log,
    /// From the start of each process of the collector until it was told or made to end.
    pub lives: Vec<Span>,
    /// When the disk was full.
    pub full: Vec<Span>,
    /// Resident memory of the collector in kB, and what of it is no mapped file.
    pub memory: Vec<[u64; 2]>,
    /// What went otherwise than planned.
    pub problems: Vec<String>,
    pub evidence: PathBuf,
    _world: World,
}

impl Soaked {
    /// What `evidence gaps` says of each source from the first start to the last end.
    pub(crate) fn gaps(&self) -> serde_json::Value {
        let (first, last) = (self.lives.first().unwrap(), self.lives.last().unwrap());
        let mut command = self._world.command();
        command.env_remove("FAHRTENBUCH_NOW").args(["evidence", "gaps", "--json"]);
        command.args(["--from", &first.from.to_string(), "--until", &last.until.to_string()]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The evidence beside what was sent; what is damaged in it.
    pub(crate) fn compare(&self) -> (Comparison, Vec<String>) {
        let (first, last) = (self.lives.first().unwrap(), self.lives.last().unwrap());
        let (kept, damage) = kept(&self.evidence, Span { from: first.from, until: last.until });
        (compare(&self.log, &kept, &self.lives, &self.full), damage)
    }
}

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn signal(&self, name: &str) {
        let kill = Command::new("kill").arg(format!("-{name}")).arg(self.0.id().to_string()).status().unwrap();
        assert!(kill.success());
    }

    /// A number of kB of `/proc/<pid>/status`.
    fn status(&self, field: &str) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    }
}

/// The real server, and its address.
pub(crate) struct Server {
    _process: Process,
    pub address: String,
}

/// Starts `simulate --serve` with more arguments.
pub(crate) fn serve(arguments: &[&str]) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fahrtenbuch"));
    command.args(["simulate", "--date", "2026-11-24", "--serve", "127.0.0.1:0"]).args(arguments);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let process = Process(child);
    let line = lines.next().expect("the server says where it is").unwrap();
    let address = line.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    // What it says later must have a reader.
    std::thread::spawn(move || lines.count());
    Server { _process: process, address }
}

/// A workspace whose telemetry comes from these paths of a server, by the names of the sources, with more keys of each.
pub(crate) fn workspace(address: &str, sources: &[(String, String)], keys: &str) -> World {
    let world = World::new();
    let file = format!("pipelines/{PIPELINE}.yaml");
    let text = std::fs::read_to_string(world.path(&file)).unwrap();
    let (head, rest) = text.split_once("sources:\n").unwrap();
    let (_, tail) = rest.split_once("release:\n").unwrap();
    let source = |(name, path): &(String, String)| {
        format!("  - name: {name}\n    type: http\n    url: http://{address}{path}\n{keys}")
    };
    let sources: String = sources.iter().map(source).collect();
    world.write(&file, &format!("{head}sources:\n{sources}release:\n{tail}"));
    world
}

/// Collects for some seconds; the most memory that it took, in kB.
pub(crate) fn collect_for(world: &World, seconds: u64) -> u64 {
    let mut command = world.command();
    command.env_remove("FAHRTENBUCH_NOW").args(["collect", PIPELINE, "--for", &seconds.to_string()]);
    let mut process = Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let mut most = 0;
    while process.0.try_wait().unwrap().is_none() {
        most = most.max(process.status("VmHWM").unwrap_or_default());
        std::thread::sleep(Duration::from_millis(20));
    }
    most
}

/// The collector, by the real clock; what it writes goes into a file.
fn collect(world: &World, plan: &Plan, said: &Path) -> Process {
    let mut command = world.command();
    command.env_remove("FAHRTENBUCH_NOW");
    match plan.collector {
        Collector::Capture => command.args(["capture", PIPELINE, "--every", &plan.every.to_string()]),
        Collector::Collect => command.args(["collect", PIPELINE]),
    };
    let said = File::options().create(true).append(true).open(said).unwrap();
    Process(command.stdout(Stdio::null()).stderr(said).spawn().unwrap())
}

/// What happens to the collector, and when after the start.
enum Event {
    Kill,
    Fill,
    Free,
}

fn events(plan: &Plan) -> Vec<(Duration, Event)> {
    let mut random = fastrand::Rng::with_seed(plan.seed);
    let part = plan.length / plan.kills.max(1);
    // Each in a part of its own, and not so late that nothing comes after it.
    let kill = |number: u32| (part * number + part.mul_f64(random.f64() * 0.9), Event::Kill);
    let mut events: Vec<_> = (0..plan.kills).map(kill).collect();
    if plan.disk.is_some() {
        let from = plan.length.mul_f64(0.4);
        events.extend([(from, Event::Fill), (from + FULL.min(plan.length / 4), Event::Free)]);
    }
    events.sort_by_key(|(at, _)| *at);
    events
}

/// Takes all the room of the file system of a folder.
fn fill(folder: &Path) {
    let mut file = File::create(folder.join("filler")).unwrap();
    let mut chunk = vec![0; 1 << 20];
    while !chunk.is_empty() {
        if file.write_all(&chunk).is_err() {
            chunk.truncate(chunk.len() / 2);
        }
    }
}

/// Runs a soak to its end.
pub(crate) fn soak(plan: &Plan) -> Soaked {
    let own = tempfile::tempdir().unwrap();
    let (log, said) = (own.path().join("log.jsonl"), own.path().join("said"));
    let text = |number: u64| number.to_string();
    let (every, seed, over) = (text(plan.every), text(plan.seed), text(plan.length.as_secs()));
    let (feeds, bytes) = (text(plan.feeds as u64), text(plan.bytes as u64));
    let (cuts, cut_seconds) = (plan.cuts.to_string(), plan.cut_seconds.to_string());
    let log_file = log.to_string_lossy();
    let server = serve(
        &[
            &[
                "--seed",
                &seed,
                "--interval",
                &every,
                "--feeds",
                &feeds,
                "--bytes",
                &bytes,
                "--log",
                &log_file,
                "--flaky",
            ][..],
            &["--cuts", &cuts, "--cut-seconds", &cut_seconds, "--over", &over],
        ]
        .concat(),
    );
    let sources: Vec<_> = (1..=plan.feeds).map(|n| (format!("bulk-{n:02}"), format!("/bulk/{n}"))).collect();
    let mut keys = "    read_timeout: 4\n    total_timeout: 8\n    tries: 2\n".to_owned();
    if plan.collector == Collector::Collect {
        keys += &format!("    every: {}s\n", plan.every);
    }
    let world = workspace(&server.address, &sources, &keys);
    let mut private = world.path("data/private");
    if let Some(disk) = &plan.disk {
        private = disk.join("private");
        world.replace("fahrtenbuch.yaml", "private: data/private", &format!("private: {}", private.display()));
    }
    let mut soaked = Soaked {
        log: Log::default(),
        lives: Vec::new(),
        full: Vec::new(),
        memory: Vec::new(),
        problems: Vec::new(),
        evidence: private.join("evidence"),
        _world: world,
    };
    run(plan, &said, &mut soaked);
    drop(server);
    soaked.log = parse(&std::fs::read_to_string(log).unwrap());
    if !soaked.problems.is_empty() {
        let said = std::fs::read_to_string(said).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        soaked.problems.extend(lines[lines.len().saturating_sub(20)..].iter().map(|line| (*line).to_owned()));
    }
    soaked
}

/// Starts the collector, lets the events happen to it, and ends it by SIGTERM.
fn run(plan: &Plan, said: &Path, soaked: &mut Soaked) {
    let begun = Instant::now();
    let mut started = Timestamp::now();
    let mut process = collect(&soaked._world, plan, said);
    let mut sampled = Instant::now();
    let mut events = events(plan).into_iter().peekable();
    while begun.elapsed() < plan.length {
        std::thread::sleep(Duration::from_millis(10));
        if sampled.elapsed() >= plan.sampled {
            sampled = Instant::now();
            let [all, anonymous] = ["VmRSS", "RssAnon"].map(|field| process.status(field));
            soaked.memory.extend(all.zip(anonymous).map(|(all, anonymous)| [all, anonymous]));
        }
        let ended = process.0.try_wait().unwrap();
        if let Some(status) = ended {
            soaked.problems.push(format!("the collector ended by itself: {status}"));
        }
        let event = events.next_if(|(at, _)| *at <= begun.elapsed()).map(|(_, event)| event);
        match event {
            Some(Event::Fill) => {
                let disk = plan.disk.as_ref().unwrap();
                let from = Timestamp::now();
                fill(disk);
                soaked.full.push(Span { from, until: Timestamp::MAX });
            }
            Some(Event::Free) => {
                std::fs::remove_file(plan.disk.as_ref().unwrap().join("filler")).unwrap();
                soaked.full.last_mut().unwrap().until = Timestamp::now();
            }
            Some(Event::Kill) | None => {}
        }
        if ended.is_some() || matches!(event, Some(Event::Kill)) {
            soaked.lives.push(Span { from: started, until: Timestamp::now() });
            // SIGKILL, and what is left is waited for.
            drop(process);
            started = Timestamp::now();
            process = collect(&soaked._world, plan, said);
        }
    }
    soaked.lives.push(Span { from: started, until: Timestamp::now() });
    process.signal("TERM");
    let told = Instant::now();
    while process.0.try_wait().unwrap().is_none() {
        if told.elapsed() > END {
            soaked.problems.push(format!("the collector did not end by SIGTERM within {END:?}"));
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Asks every source of a workspace once, or until `length` is over; the most resident memory in kB, and what was said.
pub(crate) fn capture_once(world: &World, length: Duration) -> (u64, String) {
    let mut command = world.command();
    command.env_remove("FAHRTENBUCH_NOW").args(["capture", PIPELINE]).stdout(Stdio::null());
    let mut process = Process(command.stderr(Stdio::piped()).spawn().unwrap());
    let mut stderr = BufReader::new(process.0.stderr.take().unwrap());
    let reader = std::thread::spawn(move || {
        let mut said = String::new();
        std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
        said
    });
    let (begun, mut most) = (Instant::now(), 0);
    while process.0.try_wait().unwrap().is_none() {
        most = most.max(process.status("VmHWM").unwrap_or_default());
        assert!(begun.elapsed() < length, "the collector did not end within {length:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    (most, reader.join().unwrap())
}
