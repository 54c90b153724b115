//! What a round does and how it is disturbed, drawn by a seed. A new act is one more line of [`ACTS`] and one arm of
//! [`Act::draw`].

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::checker::Table;
use super::proxy::Weather;

pub(super) const DATASET: &str = "stadtbus-telemetrie";
pub(super) const TABLE: &str = "stadtbus-telemetrie/vehicle_locations";
/// How many service dates there are.
pub(super) const DATES: usize = 12;

/// One command of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// A run of some dates, by their numbers.
    Run(RangeInclusive<usize>),
    Rollback(u64),
    Withdraw(usize),
    Lift(String),
    Gc,
    Rebuild,
    Compact,
}

/// How a round begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    NewDate,
    ChangedEvidence,
    /// Three runs at once of dates that overlap.
    ThreeRuns,
    /// A run, and two other things at once.
    Mixed,
    Rollback,
    Withdraw,
    Lift,
    Gc,
    Rebuild,
    Compact,
}

/// The kinds of rounds, and of seventeen rounds how many are of it.
const ACTS: [(Kind, usize); 10] = [
    (Kind::NewDate, 2),
    (Kind::ChangedEvidence, 4),
    (Kind::ThreeRuns, 3),
    (Kind::Mixed, 2),
    (Kind::Rollback, 1),
    (Kind::Withdraw, 1),
    (Kind::Lift, 1),
    (Kind::Gc, 1),
    (Kind::Rebuild, 1),
    (Kind::Compact, 1),
];

/// How a process of a round ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Undisturbed,
    /// Killed so long after it has said the name of its n-th step.
    Killed(usize, Duration),
    /// Killed with all others when the proxy says so.
    KilledByProxy,
    /// It can write no file that is longer, as on a disk that is full.
    FullDisk(u64),
}

/// What a round is.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub kind: Kind,
    /// Dates that get new evidence first.
    pub evidence: Vec<usize>,
    /// What is done, all at once.
    pub acts: Vec<(Act, End)>,
    pub weather: Weather,
}

/// What a plan is made for.
pub(super) struct Seen<'a> {
    pub tables: &'a [Table],
    /// The dates that have evidence.
    pub dates: &'a BTreeMap<usize, u64>,
    pub is_folder: bool,
}

impl Seen<'_> {
    pub(super) fn table(&self) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == TABLE)
    }

    fn withdrawn(&self) -> BTreeSet<String> {
        self.tables.iter().flat_map(Table::withdrawn).collect()
    }
}

impl Act {
    /// The commands of a kind of round, and the dates that get evidence.
    fn draw(kind: Kind, seen: &Seen<'_>, rng: &mut fastrand::Rng) -> (Vec<Act>, Vec<usize>) {
        let newest = seen.dates.len().min(DATES - 1);
        let known = |rng: &mut fastrand::Rng| rng.usize(..seen.dates.len().max(1));
        let versions = seen.table().map_or(0, |table| table.versions.len() as u64);
        let span = |rng: &mut fastrand::Rng, last: usize| {
            let begin = rng.usize(..=last);
            begin..=(begin + rng.usize(..3)).min(last)
        };
        match kind {
            Kind::NewDate => (vec![Act::Run(newest..=newest)], vec![newest]),
            Kind::ChangedEvidence => {
                let date = known(rng);
                (vec![Act::Run(date..=date)], vec![date])
            }
            Kind::ThreeRuns => {
                let acts = (0..3).map(|_| Act::Run(span(rng, newest))).collect();
                (acts, vec![newest, known(rng), known(rng)])
            }
            Kind::Mixed => {
                let back = Act::Rollback(rng.u64(1..=versions.max(1)));
                let others = [back, Act::Withdraw(known(rng)), Act::Compact, Act::Gc, Act::Rebuild];
                let place = rng.usize(..others.len());
                let [one, other] = [place, place + 1].map(|place| others[place % others.len()].clone());
                (vec![Act::Run(span(rng, newest)), one, other], vec![known(rng), newest])
            }
            Kind::Rollback => (vec![Act::Rollback(rng.u64(1..=versions.max(1)))], Vec::new()),
            Kind::Withdraw => (vec![Act::Withdraw(known(rng))], Vec::new()),
            Kind::Lift => match seen.withdrawn().into_iter().next() {
                Some(date) => (vec![Act::Lift(date)], Vec::new()),
                None => (vec![Act::Rebuild], Vec::new()),
            },
            Kind::Gc => (vec![Act::Gc], Vec::new()),
            Kind::Rebuild => (vec![Act::Rebuild], Vec::new()),
            Kind::Compact => (vec![Act::Compact], Vec::new()),
        }
    }
}

impl Plan {
    /// What comes next. Before anything is there, it is a run of a new date.
    pub(super) fn draw(seen: &Seen<'_>, rng: &mut fastrand::Rng) -> Self {
        let all: Vec<Kind> = ACTS.into_iter().flat_map(|(kind, times)| std::iter::repeat_n(kind, times)).collect();
        let drawn = all[rng.usize(..all.len())];
        let is_begun = seen.table().is_some() || matches!(drawn, Kind::ThreeRuns | Kind::ChangedEvidence);
        let kind = if is_begun { drawn } else { Kind::NewDate };
        let (acts, evidence) = Act::draw(kind, seen, rng);
        let mut weather = Weather { seed: rng.u64(..), ..Weather::default() };
        let how = rng.usize(..8);
        if !seen.is_folder {
            weather.faults = [0, 10, 30, 80][rng.usize(..4)];
            weather.stalls = u64::from(rng.usize(..3) == 0);
            // A run makes about a hundred requests.
            match how {
                0..=2 => weather.kill_at = Some((rng.u64(1..140), rng.bool())),
                // All wait in vain, and are killed before they give up.
                3 if rng.usize(..3) == 0 => weather.down_from = Some(rng.u64(1..100)),
                _ => {}
            }
        }
        let acts = acts.into_iter().map(|act| {
            let end = match how {
                _ if weather.kill_at.is_some() => End::KilledByProxy,
                _ if weather.down_from.is_some() => End::Killed(usize::MAX, Duration::from_millis(rng.u64(200..1500))),
                0..=4 => End::Killed(rng.usize(..9), Duration::from_micros(rng.u64(..60_000))),
                5 if seen.is_folder => End::FullDisk(rng.u64(1..40)),
                _ => End::Undisturbed,
            };
            (act, end)
        });
        Self { kind, evidence, acts: acts.collect(), weather }
    }
}
