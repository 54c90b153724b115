//! Chaos: one thing after another is done to a bucket, several at once, and killed, or fed a store that fails, or a disk that is
//! full. After each, all that is published is whole; at the end, it is as if nothing had gone wrong.
//!
//! A seed says all of it: `FAHRTENBUCH_TEST_SEED=7` does again what a failure names. `./test --long` goes 200 rounds, half of
//! them in a folder and half on a real S3 server; otherwise it is a twentieth.

mod avro;
mod checker;
mod lost_answers;
mod plan;
mod proxy;
mod requests;
mod stored;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use self::checker::{Checker, Round, Table};
use self::plan::{Act, DATASET, DATES, End, Kind, Plan, Seen, TABLE};
use self::proxy::{Proxy, TIMEOUT, Weather};
use self::stored::Place;
use crate::readable::{TEN, keep, message, telemetry};
use crate::world::{S3, World, copy, python, s3, s3_options};

/// Buses in a message.
const BUSES: u8 = 2;
const DAY: i64 = 86_400;
/// The month whose dates are over for longer than evidence comes in late.
const OVER: &str = "2026-05";
const WHO: [&str; 4] = ["--by", "Datenmanagement", "--reason", "chaos"];
/// Longer than this no command takes, however bad the store is.
const PATIENCE: Duration = Duration::from_secs(300);

/// A process of a round that has ended.
struct Ended {
    act: Act,
    end: End,
    /// None if it was killed.
    code: Option<i32>,
    said: String,
    took: Duration,
}

struct Chaos {
    world: World,
    place: Place,
    proxy: Option<Proxy>,
    base: String,
    rng: fastrand::Rng,
    checker: Checker,
    tables: Vec<Table>,
    /// How many messages the evidence of a date has.
    evidence: BTreeMap<usize, u64>,
    /// How many days the clock was moved on.
    days: i64,
    _server: Option<S3>,
}

/// How long before the day on which the clock of other tests stands the clock of these does: it goes on by days, and engines whose
/// clock is the machine's do not see releases of the future.
const BACK: i64 = 153 * DAY;

/// 10:00 UTC of a date; the last one is the day on which the clock stands. They lie so far apart that what is captured
/// later of one is never between captures of another.
fn ten_of(date: usize) -> i64 {
    TEN + 3 * DAY - BACK - (DATES - 1 - date) as i64 * 3 * DAY
}

fn name_of(date: usize) -> String {
    Timestamp::from_second(ten_of(date)).unwrap().to_string()[..10].to_owned()
}

/// A workspace of small service dates, whose files go below `revised/` for a day only once they are superseded.
fn small_dates() -> World {
    let world = telemetry();
    world.replace("fahrtenbuch.yaml", "publication: off\n", "");
    let zip = std::fs::read(world.path("data/sample/stadtbus-gtfs.zip")).unwrap();
    std::fs::remove_dir_all(world.path("data/private/evidence")).unwrap();
    keep(&world, "stadtbus-gtfs", ten_of(0) - 3_600, &[], &zip);
    world.replace("fahrtenbuch.yaml", "people:", "retention: {superseded: 1 day}\n\npeople:");
    world
}

impl Chaos {
    fn in_folder(seed: u64) -> Self {
        let world = small_dates();
        world.replace("fahrtenbuch.yaml", "# base_url: https://daten.example.de", "base_url: https://daten.example.de");
        let place = Place::Folder(world.path("data/bucket"));
        Self::new(world, place, "https://daten.example.de".to_owned(), (None, None), seed)
    }

    fn on_s3(seed: u64) -> Self {
        let world = small_dates();
        let server = s3();
        let proxy = Proxy::before(server.port);
        let base = format!("http://127.0.0.1:{}/stadtbus/offen", server.port);
        let options = s3_options(proxy.port).replace('}', &format!(", timeout: '{TIMEOUT}'}}"));
        let location = format!("location: s3://stadtbus/offen\n  base_url: {base}\n  options: {options}");
        world.replace("fahrtenbuch.yaml", "location: data/bucket", &location);
        let place = Place::s3(server.port);
        Self::new(world, place, base, (Some(proxy), Some(server)), seed)
    }

    fn new(world: World, place: Place, base: String, (proxy, server): (Option<Proxy>, Option<S3>), seed: u64) -> Self {
        let mut chaos = Self {
            world,
            place,
            proxy,
            base,
            rng: fastrand::Rng::with_seed(seed),
            checker: Checker::default(),
            tables: Vec::new(),
            evidence: BTreeMap::new(),
            days: 0,
            _server: server,
        };
        chaos.world.set_clock(&chaos.now().to_string());
        chaos
    }

    /// When commands begin.
    fn now(&self) -> Timestamp {
        Timestamp::from_second(ten_of(DATES - 1) + 7_200 + self.days * DAY).unwrap()
    }

    /// One more message of a date.
    fn capture(&mut self, date: usize) {
        let messages = self.evidence.entry(date).or_default();
        let at = ten_of(date) + *messages as i64 * 15;
        *messages += 1;
        keep(&self.world, "stadtbus-vehicle-positions", at, &[], &message(at, BUSES));
    }

    fn arguments(act: &Act) -> Vec<String> {
        let words: Vec<String> = match act {
            Act::Run(dates) => {
                let [from, to] = [*dates.start(), *dates.end()].map(name_of);
                ["run", DATASET, "--from", &from, "--to", &to].map(str::to_owned).into()
            }
            Act::Rollback(to) => ["releases", "rollback", TABLE, "--to", &to.to_string()].map(str::to_owned).into(),
            Act::Withdraw(date) => ["withdraw", DATASET, "--date", &name_of(*date)].map(str::to_owned).into(),
            Act::Lift(date) => ["withdraw", "--lift", DATASET, "--date", date].map(str::to_owned).into(),
            Act::Gc => vec!["gc".to_owned()],
            Act::Rebuild => ["publish", "--rebuild"].map(str::to_owned).into(),
            Act::Compact => vec!["compact".to_owned()],
        };
        let is_decided = matches!(act, Act::Rollback(_) | Act::Withdraw(_) | Act::Lift(_));
        words.into_iter().chain(is_decided.then_some(WHO).into_iter().flatten().map(str::to_owned)).collect()
    }

    fn start(&self, act: &Act, end: End) -> Started {
        let mut command = self.world.command();
        if let End::FullDisk(blocks) = end {
            // A limit on the size of files stands for a full disk: a write fails in the middle.
            let own = command;
            let mut shell = Command::new("bash");
            shell.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""), "-"]).arg(own.get_program());
            shell.args(own.get_args());
            own.get_envs().for_each(|(key, value)| _ = shell.env(key, value.unwrap()));
            command = shell;
        }
        command.args(["-v", "--log-format", "json"]).args(Self::arguments(act));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (said, steps) = (Arc::new(Mutex::new(String::new())), Arc::new(AtomicUsize::new(0)));
        let (text, count) = (said.clone(), steps.clone());
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                count.fetch_add(usize::from(line.contains("\"stage\":\"")), Ordering::SeqCst);
                *text.lock().unwrap() += &format!("{line}\n");
            }
        });
        Started { child, said, steps, reader, act: act.clone(), end, begin: Instant::now(), reached: None }
    }

    /// Does all at once, and waits for the end.
    fn go(&self, acts: &[(Act, End)]) -> Vec<Ended> {
        let mut running: Vec<Started> = acts.iter().map(|(act, end)| self.start(act, *end)).collect();
        let mut ended = Vec::new();
        while !running.is_empty() {
            std::thread::sleep(Duration::from_millis(1));
            let is_over = self.proxy.as_ref().is_some_and(Proxy::is_time_to_kill);
            for mut started in std::mem::take(&mut running) {
                match started.look(is_over) {
                    None => running.push(started),
                    Some(code) => ended.push(started.ended(code)),
                }
            }
        }
        ended
    }

    /// A round; what is wrong after it.
    fn round(&mut self, plan: &Plan) -> Vec<String> {
        plan.evidence.iter().for_each(|date| self.capture(*date));
        if let Some(proxy) = &self.proxy {
            proxy.set(plan.weather);
        }
        let ended = self.go(&plan.acts);
        if let Some(proxy) = &self.proxy {
            proxy.set(Weather { ..Weather::default() });
        }
        let is_alone = plan.acts.len() == 1;
        // Of a date that was withdrawn nothing is run, and 'gc' writes no views.
        let withdrawn: BTreeSet<String> = self.tables.iter().flat_map(Table::withdrawn).collect();
        let writes_views = |act: &Act| match act {
            Act::Run(dates) => dates.clone().any(|date| !withdrawn.contains(&name_of(date))),
            // Where no month is due nothing is written.
            act => !matches!(act, Act::Gc | Act::Compact),
        };
        let is_quiet = is_alone && ended.iter().all(|ended| ended.code == Some(0) && writes_views(&ended.act));
        let is_gc = plan.acts.iter().any(|(act, _)| *act == Act::Gc);
        let is_finished = is_alone && ended.iter().all(|ended| ended.code == Some(0));
        let mut problems = self.look(Round { is_gc, is_quiet, is_finished, is_folder: self.place.is_folder() });
        for ended in &ended {
            problems.extend(self.judged(ended, is_alone).map(|problem| format!("{problem}: {}", ended.said)));
        }
        problems
    }

    fn look(&mut self, round: Round) -> Vec<String> {
        let objects = self.place.read();
        let (tables, problems) = self.checker.check(&objects, &self.base, round);
        self.tables = tables;
        problems
    }

    fn table(&self) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == TABLE)
    }

    /// What is wrong with how a command ended.
    fn judged(&self, Ended { act, end, code, took, .. }: &Ended, is_alone: bool) -> Option<String> {
        if *took > PATIENCE {
            return Some(format!("{act:?} took {took:?}"));
        }
        let is_disturbed = *end != End::Undisturbed || self.proxy.is_some() || !is_alone;
        let is_expected = match (code, act) {
            (None, _) => matches!(end, End::Killed(..) | End::KilledByProxy),
            (Some(0), _) => true,
            (Some(1), _) => is_disturbed,
            // A provisional release is not gone back to; the files of the version may be gone; the date may be withdrawn.
            (Some(42), Act::Rollback(_)) => true,
            // A killed run has left a file that is not released, and the next one has not come yet.
            (Some(4), Act::Gc) => true,
            // Dates that were never released are no dates to withdraw.
            (Some(2), Act::Withdraw(_) | Act::Rollback(_) | Act::Lift(_) | Act::Gc | Act::Rebuild | Act::Compact) => {
                self.table().is_none() || matches!(act, Act::Withdraw(_)) || !is_alone
            }
            _ => false,
        };
        if !is_expected {
            return Some(format!("{act:?} ended by {code:?}"));
        }
        if *code == Some(0) { self.undone(act, is_alone) } else { None }
    }

    /// What a command has not done that says it is done. Of several at once the last word is not known.
    fn undone(&self, act: &Act, is_alone: bool) -> Option<String> {
        let Some(table) = self.table() else {
            return matches!(act, Act::Run(_)).then(|| "nothing is released after a run".to_owned());
        };
        let withdrawn: BTreeSet<String> = self.tables.iter().flat_map(Table::withdrawn).collect();
        let current = table.current();
        match act {
            Act::Run(dates) => dates.clone().find_map(|date| {
                let name = name_of(date);
                let expected = self.evidence.get(&date)? * u64::from(BUSES);
                let is_rolled_back = table.newest()["rolled_back"].get(&name).is_some();
                if withdrawn.contains(&name) || is_rolled_back || !is_alone {
                    return None;
                }
                let found = current.get(&name).and_then(|file| file["rows"].as_u64());
                (found != Some(expected)).then(|| format!("a run of {name} left {found:?} rows instead of {expected}"))
            }),
            Act::Withdraw(date) if is_alone => {
                let name = name_of(*date);
                let is_left = current.contains_key(&name) || !withdrawn.contains(&name);
                is_left.then(|| format!("{name} is still there after its withdrawal"))
            }
            Act::Lift(date) if is_alone => {
                withdrawn.contains(date).then(|| format!("{date} is still withdrawn after that was lifted"))
            }
            Act::Rollback(to) if is_alone => {
                let older = checker::by_date(&table.versions[*to as usize - 1]);
                let is_other = |(date, file): &(&String, &Value)| {
                    let tombstones = table.newest()["withdrawn"].get(*date);
                    tombstones.is_none() && current.get(*date) != Some(*file)
                };
                let other = older.iter().find(is_other);
                other.map(|(date, _)| format!("{date} is not as in version {to} after the rollback to it"))
            }
            Act::Compact if is_alone => {
                let days = || current.iter().filter(|(date, _)| date.starts_with(OVER));
                let is_due = days().count() > 1 && days().all(|(_, file)| file["provisional"].as_bool() != Some(true));
                let months = table.newest()["months"].as_array().into_iter().flatten();
                let is_there = months.clone().any(|month| month["month"] == OVER);
                (is_due && !is_there).then(|| format!("{OVER} is in no file after it was compacted"))
            }
            _ => None,
        }
    }

    /// Undisturbed at last: everything is as in a bucket in which nothing went wrong.
    fn settle(&mut self) -> Vec<String> {
        self.age_staged();
        let withdrawn: BTreeSet<String> = self.tables.iter().flat_map(Table::withdrawn).collect();
        for date in withdrawn {
            self.undisturbed(&Act::Lift(date));
        }
        // New evidence ends rollbacks.
        (0..DATES).for_each(|date| self.capture(date));
        let all = Act::Run(0..=DATES - 1);
        self.undisturbed(&all);
        self.undisturbed(&Act::Rebuild);
        self.undisturbed(&Act::Compact);
        self.undisturbed(&Act::Gc);
        let is_folder = self.place.is_folder();
        let mut problems = self.look(Round { is_gc: true, is_quiet: true, is_finished: true, is_folder });
        problems.extend(self.undone(&Act::Compact, true));
        let mut other = small_dates();
        other.set_clock(&self.now().to_string());
        for name in ["data/private/evidence", "data/private/keys"] {
            std::fs::remove_dir_all(other.path(name)).ok();
            copy(&self.world.path(name), &other.path(name));
        }
        let words = Self::arguments(&all);
        other.run_of(&words.iter().skip(1).map(String::as_str).collect::<Vec<_>>());
        // What tells of runs and acts has their times.
        for table in self.tables.iter().filter(|table| table.name.starts_with(DATASET)) {
            let digests = |files: &BTreeMap<String, Value>| -> BTreeMap<String, (String, u64)> {
                let of = |file: &Value| (file["sha256"].as_str().unwrap().to_owned(), file["rows"].as_u64().unwrap());
                files.iter().map(|(date, file)| (date.clone(), of(file))).collect()
            };
            let (found, expected) =
                (digests(&table.current()), digests(&checker::by_date(&other.files_json(&table.name))));
            if found != expected {
                problems.push(format!("{} ends as {found:?} instead of {expected:?}", table.name));
            }
        }
        let named: BTreeSet<String> = self.tables.iter().flat_map(Table::named).collect();
        let is_left = |name: &String| name.contains('#') || (checker::is_data(name) && !named.contains(name));
        let left = self.place.read().into_keys().filter(is_left);
        problems.extend(left.map(|name| format!("{name} is left of a killed run")));
        problems
    }

    /// Makes what killed writes have left in a folder as old as it must be to be nobody's: what is young may be another store's.
    fn age_staged(&mut self) {
        if !self.place.is_folder() {
            return;
        }
        let long_ago = std::time::SystemTime::now() - Duration::from_secs(2 * 3600);
        let bucket = self.world.path("data/bucket");
        for name in self.place.read().into_keys().filter(|name| name.contains('#')) {
            let file = std::fs::File::options().write(true).open(bucket.join(name)).unwrap();
            file.set_modified(long_ago).unwrap();
        }
    }

    fn undisturbed(&self, act: &Act) {
        let [ended] = &self.go(&[(act.clone(), End::Undisturbed)])[..] else { panic!() };
        assert_eq!(ended.code, Some(0), "{act:?}: {}", ended.said);
    }
}

/// A process of a round.
struct Started {
    child: Child,
    said: Arc<Mutex<String>>,
    steps: Arc<AtomicUsize>,
    reader: std::thread::JoinHandle<()>,
    act: Act,
    end: End,
    begin: Instant,
    /// When it came to the step at which it is to be killed.
    reached: Option<Instant>,
}

impl Started {
    /// Kills it if it is time; its exit code if it has ended, which is none if it was killed.
    fn look(&mut self, is_over: bool) -> Option<Option<i32>> {
        if let Some(status) = self.child.try_wait().unwrap() {
            return Some(status.code());
        }
        let is_time = match self.end {
            End::KilledByProxy => is_over,
            End::Killed(steps, wait) => {
                if steps == usize::MAX || self.steps.load(Ordering::SeqCst) >= steps {
                    self.reached.get_or_insert_with(Instant::now);
                }
                self.reached.is_some_and(|reached| reached.elapsed() >= wait)
            }
            End::Undisturbed | End::FullDisk(_) => false,
        };
        if is_time || self.begin.elapsed() > PATIENCE + Duration::from_secs(5) {
            // It may be done already, which is a moment like any other.
            let _ = self.child.kill();
            return Some(self.child.wait().unwrap().code());
        }
        None
    }

    fn ended(self, code: Option<i32>) -> Ended {
        let took = self.begin.elapsed();
        self.reader.join().unwrap();
        let said = self.said.lock().unwrap().clone();
        // Only what went wrong is of interest.
        let said: Vec<&str> = said.lines().filter(|line| !line.contains("\"INFO\"")).collect();
        Ended { act: self.act, end: self.end, code, said: said.join("\n"), took }
    }
}

/// The rounds of one store: half of those of `./test --long`, which sets the number, or five.
fn rounds() -> u64 {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    number("FAHRTENBUCH_TEST_ROUNDS").map_or(5, |rounds| rounds.div_ceil(2))
}

fn seed() -> u64 {
    std::env::var("FAHRTENBUCH_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(18)
}

fn survive(mut chaos: Chaos) -> Chaos {
    let (seed, rounds) = (seed(), rounds());
    for round in 0..rounds {
        let seen = Seen { tables: &chaos.tables, dates: &chaos.evidence, is_folder: chaos.place.is_folder() };
        let plan = Plan::draw(&seen, &mut chaos.rng);
        if plan.kind == Kind::Gc {
            // What was superseded until now is due then, and the day that was not over is.
            chaos.days += 2;
            chaos.world.set_clock(&chaos.now().to_string());
        }
        let begin = Instant::now();
        let problems = chaos.round(&plan);
        println!("round {round}: {:?} {:?} in {:?}", plan.kind, plan.acts, begin.elapsed());
        let log = chaos.proxy.as_ref().map(Proxy::log).unwrap_or_default();
        assert!(
            problems.is_empty(),
            "FAHRTENBUCH_TEST_SEED={seed} FAHRTENBUCH_TEST_ROUNDS={}, round {round}: {plan:#?}\n{}\n{}",
            2 * rounds,
            log.join("\n"),
            problems.join("\n")
        );
    }
    let problems = chaos.settle();
    assert!(
        problems.is_empty(),
        "FAHRTENBUCH_TEST_SEED={seed} FAHRTENBUCH_TEST_ROUNDS={}, at the end: {}",
        2 * rounds,
        problems.join("\n")
    );
    chaos
}

#[test]
fn a_bucket_in_a_folder_is_whole_after_whatever_was_killed_or_had_no_room() {
    let chaos = survive(Chaos::in_folder(seed()));
    // Nor is there anything for somebody from elsewhere to find.
    let bucket = chaos.world.path("data/bucket");
    let verified = chaos.world.program(&["verify", &bucket.to_string_lossy(), "--json"]);
    assert_eq!(verified.status.code(), Some(0), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn an_s3_bucket_is_whole_after_whatever_was_killed_or_answered_badly() {
    let chaos = survive(Chaos::on_s3(seed()));
    // What engines find is what the files have.
    let output = python("attach.py", &[&chaos.base]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: BTreeMap<String, u64> = serde_json::from_slice(&output.stdout).unwrap();
    let expected: u64 = chaos.evidence.values().map(|messages| messages * u64::from(BUSES)).sum();
    assert_eq!(rows.get(TABLE), Some(&expected), "{rows:?}");
}
