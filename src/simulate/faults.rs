//! Faults, as real feeds have them, planted at stated rates and listed so that each can be found again.

use crate::simulate::city::City;
use crate::simulate::day::{Changes, Day};
use crate::simulate::dice::Dice;
use crate::simulate::vehicle::vehicle_id;
use crate::time::ServiceDate;

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Outage,
    FrozenGps,
    PositionZero,
    PositionFar,
    Duplicate,
    Late,
    OutOfOrder,
    ClockWrong,
    UnknownTrip,
    WrongTrip,
    CancelledTrip,
    AddedTrip,
    OccupancyZero,
    NegativeLoad,
    TruncatedSnapshot,
}

impl Kind {
    pub const ALL: [Self; 15] = [
        Self::Outage,
        Self::FrozenGps,
        Self::PositionZero,
        Self::PositionFar,
        Self::Duplicate,
        Self::Late,
        Self::OutOfOrder,
        Self::ClockWrong,
        Self::UnknownTrip,
        Self::WrongTrip,
        Self::CancelledTrip,
        Self::AddedTrip,
        Self::OccupancyZero,
        Self::NegativeLoad,
        Self::TruncatedSnapshot,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::FrozenGps => "frozen_gps",
            Self::PositionZero => "position_zero",
            Self::PositionFar => "position_far",
            Self::Duplicate => "duplicate",
            Self::Late => "late",
            Self::OutOfOrder => "out_of_order",
            Self::ClockWrong => "clock_wrong",
            Self::UnknownTrip => "unknown_trip",
            Self::WrongTrip => "wrong_trip",
            Self::CancelledTrip => "cancelled_trip",
            Self::AddedTrip => "added_trip",
            Self::OccupancyZero => "occupancy_zero",
            Self::NegativeLoad => "negative_load",
            Self::TruncatedSnapshot => "truncated_snapshot",
        }
    }

    /// Of the reports, for faults of single reports.
    pub fn rate(self) -> Option<f64> {
        match self {
            Self::PositionZero => Some(0.002),
            Self::PositionFar => Some(0.001),
            Self::Duplicate => Some(0.005),
            Self::Late | Self::OutOfOrder => Some(0.002),
            Self::NegativeLoad => Some(0.003),
            _ => None,
        }
    }
}

/// A fault that was planted. Times are seconds since 1970; for a report they are the time that it claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planted {
    pub kind: Kind,
    pub vehicle_id: Option<String>,
    pub trip_id: Option<String>,
    pub from: i64,
    pub until: i64,
}

impl Planted {
    pub fn of_snapshot(kind: Kind, at: i64) -> Self {
        Self { kind, vehicle_id: None, trip_id: None, from: at, until: at }
    }
}

/// A vehicle that is wrong for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spell {
    kind: Kind,
    vehicle: usize,
    from: i64,
    until: i64,
}

/// The faults of a day; none unless they are asked for.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    on: bool,
    seed: u64,
    outage: Option<(i64, i64)>,
    /// From these moments on, the next snapshot is cut off.
    truncated: Vec<i64>,
    spells: Vec<Spell>,
    frozen: Option<(f64, f64)>,
    trips: Vec<Planted>,
}

/// What is wrong with one report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OfReport {
    pub kinds: Vec<Kind>,
    /// The moment that the report is about, if it is an older one.
    pub seen_at: Option<i64>,
    pub frozen_at: Option<(f64, f64)>,
}

impl Faults {
    /// Trips that are cancelled and added on a date.
    pub fn changes(city: &City, seed: u64, date: ServiceDate) -> Changes {
        let mut dice = Dice::new(seed, &format!("changes {date}"));
        let trips = city.trips_on(date);
        if trips.is_empty() {
            return Changes::default();
        }
        let mut cancelled: Vec<usize> = (0..4).map(|_| trips[dice.below(trips.len())]).collect();
        cancelled.sort_unstable();
        cancelled.dedup();
        let midday: Vec<usize> =
            trips.iter().copied().filter(|&trip| (10 * 3600..18 * 3600).contains(&city.trips[trip].start)).collect();
        let added = (0..2).filter_map(|_| Some((*midday.get(dice.below(midday.len()))?, 420))).collect();
        Changes { cancelled, added }
    }

    /// The faults of a day that has these changes.
    pub fn new(city: &City, seed: u64, day: &Day) -> Self {
        let mut dice = Dice::new(seed, &format!("faults {}", day.date));
        let hour = |dice: &mut Dice, from: f64, to: f64| day.zero + (dice.between(from, to) * 3600.0) as i64;
        let begin = hour(&mut dice, 12.5, 14.0);
        let outage = Some((begin, begin + 20 * 60));
        let truncated = (0..3).map(|_| hour(&mut dice, 7.0, 11.5)).collect();
        let vehicles = |until: i64| -> Vec<usize> {
            let rides = day.rides.iter().filter(|ride| !ride.added && !ride.cancelled);
            let rides = rides.filter(|ride| ride.visits.first().is_some_and(|visit| visit.departure < until));
            let mut vehicles: Vec<usize> = rides.map(|ride| ride.vehicle).collect();
            vehicles.sort_unstable();
            vehicles.dedup();
            vehicles
        };
        let mut busy = vehicles(day.zero + 7 * 3600);
        // On a Sunday there are few before seven. Buses of the night alone make too few trips to be caught at anything.
        let mut others = vehicles(day.zero + 12 * 3600);
        others.retain(|vehicle| !busy.contains(vehicle));
        // Each of these has a vehicle of its own, for of two faults of one report the feed may show only one.
        let mut take = |dice: &mut Dice| {
            if busy.is_empty() {
                busy.append(&mut others);
            }
            (!busy.is_empty()).then(|| busy.remove(dice.below(busy.len())))
        };
        let mut spells = Vec::new();
        let (stuck, wrong, zero) = (take(&mut dice), take(&mut dice), take(&mut dice));
        let mut spell = |kind: Kind, vehicle: Option<usize>, from: i64, until: i64| {
            spells.extend(vehicle.map(|vehicle| Spell { kind, vehicle, from, until }));
        };
        let at = hour(&mut dice, 9.0, 11.0);
        spell(Kind::FrozenGps, stuck, at, at + 45 * 60);
        // A bus that comes out of the depot later is stuck where it is seen first.
        let first = |vehicle: usize| (at..at + 45 * 60).find_map(|moment| day.state(city, vehicle, moment));
        let frozen = stuck.and_then(first).map(|state| (state.lat, state.lon));
        let at = hour(&mut dice, 15.0, 16.0);
        spell(Kind::ClockWrong, wrong, at, at + 2 * 3600);
        spell(Kind::OccupancyZero, zero, i64::MIN, i64::MAX);
        for kind in [Kind::UnknownTrip, Kind::WrongTrip] {
            let vehicle = take(&mut dice);
            let mut rides = day.rides.iter().filter(|ride| Some(ride.vehicle) == vehicle && !ride.visits.is_empty());
            if let Some((first, last)) = rides.nth(5).and_then(|ride| ride.visits.first().zip(ride.visits.last())) {
                spell(kind, vehicle, first.departure, last.arrival);
            }
        }
        let trips = day
            .rides
            .iter()
            .filter(|ride| ride.cancelled || ride.added)
            .map(|ride| {
                let pattern = city.pattern(&city.trips[ride.trip]);
                let start = day.zero + i64::from(city.trips[ride.trip].start);
                let end = start + i64::from(pattern.times.last().map_or(0, |times| times.1));
                Planted {
                    kind: if ride.added { Kind::AddedTrip } else { Kind::CancelledTrip },
                    vehicle_id: Some(vehicle_id(ride.vehicle)),
                    trip_id: Some(ride.trip_id.clone()),
                    from: ride.visits.first().map_or(start, |visit| visit.departure),
                    until: ride.visits.last().map_or(end, |visit| visit.arrival),
                }
            })
            .collect();
        Self { on: true, seed, outage, truncated, spells, frozen, trips }
    }

    /// Whether there are any.
    pub fn are_planted(&self) -> bool {
        self.on
    }

    /// Whether the feeds are down.
    pub fn is_down(&self, at: i64) -> bool {
        self.outage.is_some_and(|(from, until)| (from..until).contains(&at))
    }

    /// Whether the snapshot of this moment is the first after one of the chosen moments; snapshots are at most two
    /// minutes apart.
    pub fn is_truncated(&self, at: i64) -> bool {
        self.truncated.iter().any(|&moment| (moment..moment + 60).contains(&at))
    }

    /// What is wrong with the report that a vehicle makes at a moment.
    pub fn of_report(&self, day: &Day, vehicle: usize, at: i64) -> OfReport {
        let mut report = OfReport::default();
        if !self.on {
            return report;
        }
        for spell in
            self.spells.iter().filter(|spell| spell.vehicle == vehicle && (spell.from..spell.until).contains(&at))
        {
            report.kinds.push(spell.kind);
            if spell.kind == Kind::FrozenGps {
                report.frozen_at = self.frozen;
            }
        }
        // One throw a report: at most one fault of this sort.
        let mut throw = Dice::new(self.seed, &format!("report {} {vehicle} {at}", day.date)).unit();
        for kind in Kind::ALL {
            let Some(rate) = kind.rate() else { continue };
            if throw < rate {
                report.kinds.push(kind);
                report.seen_at = match kind {
                    Kind::Late => Some(at - 400),
                    Kind::OutOfOrder => Some(at - 90),
                    _ => None,
                };
                break;
            }
            throw -= rate;
        }
        report
    }

    /// The faults that are not of single reports.
    pub fn planted(&self) -> Vec<Planted> {
        let mut planted = self.trips.clone();
        planted.extend(self.outage.map(|(from, until)| Planted {
            from,
            until,
            ..Planted::of_snapshot(Kind::Outage, from)
        }));
        planted
    }
}
