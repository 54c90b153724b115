//! What is known of one trip: who reported it, when, and what was said of it.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::derive::trips_observed::stops::SeenStops;

/// Relationships of GTFS-Realtime that say that a trip is not one of the timetable.
const ADDED: [&str; 3] = ["ADDED", "NEW", "DUPLICATED"];
/// Those that say that it does not run.
const CANCELLED: [&str; 2] = ["CANCELED", "DELETED"];

/// Whether a `trip_schedule_relationship` says that the trip is added.
pub(super) fn is_added(relationship: Option<&str>) -> bool {
    relationship.is_some_and(|word| ADDED.contains(&word))
}

/// Whether it says that the trip is cancelled.
pub(super) fn is_cancelled(relationship: Option<&str>) -> bool {
    relationship.is_some_and(|word| CANCELLED.contains(&word))
}

/// A trip, planned or not, that starts then.
#[derive(Clone, Default)]
pub(super) struct ObservedTrip {
    /// The number of its id, and its start in seconds since noon minus twelve hours.
    pub trip: u32,
    pub start: Option<i32>,
    pub is_planned: bool,
    /// Which of the trips it is, in the order in which they came; those of the timetable come first.
    pub number: u64,
    /// Where the first row stands that says something of it.
    pub place: Option<(u32, u64)>,
    pub reports: u32,
    /// Keys of its vehicles.
    pub vehicles: FxHashSet<u128>,
    /// The first and the last report, milliseconds since 1970.
    pub times: Option<(i64, i64)>,
    pub predictions: u32,
    pub is_added: bool,
    last_word: Option<LastWord>,
    route: Told<Arc<str>>,
    direction: Told<i32>,
    pub seen: SeenStops,
}

/// What the predictions said last: when it was received and made, and whether the trip is cancelled. Of two of the same time the
/// one that cancels it counts.
type LastWord = (i64, Option<i64>, bool);

/// What rows tell of a trip that the timetable does not have.
#[derive(Clone, Default, PartialEq)]
enum Told<T> {
    #[default]
    Nothing,
    Only(T),
    Various,
}

impl<T: PartialEq> Told<T> {
    fn add(&mut self, told: T) {
        match self {
            Self::Nothing => *self = Self::Only(told),
            Self::Only(other) if *other != told => *self = Self::Various,
            _ => {}
        }
    }

    fn merge(&mut self, other: Self) {
        match other {
            Self::Nothing => {}
            Self::Only(told) => self.add(told),
            Self::Various => *self = Self::Various,
        }
    }

    fn only(&self) -> Option<&T> {
        if let Self::Only(told) = self { Some(told) } else { None }
    }
}

impl ObservedTrip {
    pub(super) fn new((trip, start): (u32, Option<i32>), is_planned: bool, number: u64) -> Self {
        Self { trip, start, is_planned, number, ..Self::default() }
    }

    /// A report or a prediction of it stands there.
    pub(super) fn row(&mut self, place: Option<(u32, u64)>, is_added: bool) {
        self.place = self.place.or(place);
        self.is_added |= is_added;
    }

    /// A row tells its route and direction.
    pub(super) fn tell(&mut self, route: Option<&str>, direction: Option<i32>) {
        if let Some(route) = route
            && self.route.only().is_none_or(|known| **known != *route)
        {
            self.route.add(route.into());
        }
        if let Some(direction) = direction {
            self.direction.add(direction);
        }
    }

    pub(super) fn report(&mut self, at: i64, vehicle: Option<u128>) {
        self.reports += 1;
        self.vehicles.extend(vehicle);
        let (first, last) = self.times.unwrap_or((at, at));
        self.times = Some((first.min(at), last.max(at)));
    }

    pub(super) fn predict(&mut self, received: i64, made: Option<i64>, is_cancelled: bool) {
        self.predictions += 1;
        self.last_word = self.last_word.max(Some((received, made, is_cancelled)));
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.last_word.is_some_and(|(.., is_cancelled)| is_cancelled)
    }

    /// The one route that rows tell; `None` where they contradict one another.
    pub(super) fn route(&self) -> Option<&str> {
        self.route.only().map(|route| &**route)
    }

    /// Likewise.
    pub(super) fn direction(&self) -> Option<i32> {
        self.direction.only().copied()
    }

    /// Takes what is known of the same trip by rows that tell no start. Neither is planned.
    pub(super) fn merge(&mut self, other: Self) {
        self.row(other.place, other.is_added);
        self.reports += other.reports;
        self.predictions += other.predictions;
        self.vehicles.extend(other.vehicles);
        self.times = match (self.times, other.times) {
            (Some(own), Some(others)) => Some((own.0.min(others.0), own.1.max(others.1))),
            (own, others) => own.or(others),
        };
        self.last_word = self.last_word.max(other.last_word);
        self.route.merge(other.route);
        self.direction.merge(other.direction);
    }

    /// What it holds beside itself.
    pub(super) fn bytes(&self) -> usize {
        self.vehicles.capacity() * (size_of::<u128>() + 1) * 8 / 7 + self.seen.bytes()
    }
}
