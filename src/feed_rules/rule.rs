//! Rules: a check of what is looked at, the notices that it can give, and the examples that are its test.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::feed_rules::notice::{Cut, Notice, Out};

/// What the rules of a standard look at: a feed, a snapshot with the one before.
pub trait Subject: 'static {
    /// What a rule needs of it to be able to run.
    type Needs: Sync + 'static;
    /// What examples are made of: a file of a feed.
    type Part: Sync + 'static;

    /// What keeps a rule from running: the name of a file that could not be read.
    fn blocker(&self, needs: &Self::Needs) -> Option<String>;
}

/// A check, and the notices that it can give.
pub struct Rule<S: Subject> {
    /// The path of the module that it stands in.
    pub module: &'static str,
    pub notices: &'static [&'static Notice],
    pub needs: S::Needs,
    /// `None` where reading the feed tells it.
    pub check: Option<fn(&S, &mut Out)>,
    pub examples: &'static [Example<S>],
}

/// What shows a notice, or comes close to it.
pub struct Example<S: Subject> {
    pub code: &'static str,
    /// How often the notice must be given.
    pub count: u64,
    pub parts: &'static [S::Part],
}

/// An example in which the notice is given so many times.
pub const fn fails<S: Subject>(code: &'static str, count: u64, parts: &'static [S::Part]) -> Example<S> {
    Example { code, count, parts }
}

/// An example that comes close to the notice and does not get it.
pub const fn passes<S: Subject>(code: &'static str, parts: &'static [S::Part]) -> Example<S> {
    Example { code, count: 0, parts }
}

/// A check that ended before its time, by a fault of its own.
#[derive(Debug)]
pub struct Stopped;

impl<S: Subject> Rule<S> {
    /// The name of its file.
    pub fn name(&self) -> &'static str {
        self.module.rsplit("::").next().unwrap_or_default()
    }

    /// Adds what the rule finds. A fault in one rule does not take the others' results with it.
    pub fn run(&self, subject: &S, out: &mut Out) -> Result<(), Stopped> {
        let Some(check) = self.check else { return Ok(()) };
        catch_unwind(AssertUnwindSafe(|| check(subject, out))).map_err(|_| Stopped)
    }
}

/// What all rules found.
#[derive(Default)]
pub struct Outcome {
    pub found: Out,
    /// The rules that could not run, and what kept each from it.
    pub not_run: Vec<(&'static str, String)>,
    /// What rules did not look at because it would take too long.
    pub cut: Vec<(&'static str, &'static Cut)>,
    /// The rules that stopped by a fault of their own; of these nothing is found.
    pub stopped: Vec<&'static str>,
}

/// Looks with all rules, on as many threads as there are processors. Those that are named in `first` take longest and begin.
pub fn run_all<S: Subject + Sync>(rules: &'static [&'static Rule<S>], first: &[&str], subject: &S) -> Outcome {
    let next = AtomicUsize::new(0);
    let outs: Mutex<Vec<(usize, Result<Out, Stopped>)>> = Mutex::new(Vec::new());
    let blocked: Vec<Option<String>> = rules.iter().map(|rule| subject.blocker(&rule.needs)).collect();
    let mut order: Vec<usize> = (0..rules.len()).collect();
    order.sort_by_key(|place| !first.contains(&rules[*place].name()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(place) = order.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                    if blocked[place].is_some() {
                        continue;
                    }
                    let mut out = Out::default();
                    let done = rules[place].run(subject, &mut out).map(|()| out);
                    outs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((place, done));
                }
            });
        }
    });
    let mut outs = outs.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    outs.sort_by_key(|(place, _)| *place);
    let mut all = Outcome::default();
    for (place, out) in outs {
        let name = rules[place].name();
        match out {
            Ok(mut out) => {
                all.cut.extend(out.cut.drain(..).map(|what| (name, what)));
                all.found.merge(out);
            }
            Err(Stopped) => all.stopped.push(name),
        }
    }
    all.not_run = rules.iter().zip(blocked).filter_map(|(rule, blocker)| Some((rule.name(), blocker?))).collect();
    all
}
