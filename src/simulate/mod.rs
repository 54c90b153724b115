//! The simulator: an invented city bus network whose feeds, faults and truth are known.
//!
//! From a seed and a service date come a valid GTFS feed, GTFS-Realtime snapshots of any moment, the same buses as an app's JSON, and the truth: when each
//! bus really was where, how many people were on board, and every fault that was planted. The same seed gives the same
//! bytes. Nothing here is used by the rooms of the program, and nothing of theirs makes the feeds.

pub mod busplus;
pub mod city;
pub mod day;
pub mod dice;
pub mod faults;
mod message;
pub mod realtime;
pub mod serve;
pub mod vehicle;
pub mod write;

use jiff::tz::TimeZone;

use crate::simulate::city::City;
use crate::simulate::day::{Changes, Day, Ride};
use crate::simulate::dice::Dice;
use crate::simulate::faults::Faults;
use crate::time::ServiceDate;

/// The city's zone.
pub const ZONE: &str = "Europe/Berlin";

/// A simulated service date.
pub struct Simulation {
    seed: u64,
    pub city: City,
    pub day: Day,
    pub faults: Faults,
}

impl Simulation {
    /// Simulates a date; fails only where the time zone database lacks the city's zone.
    pub fn new(seed: u64, date: ServiceDate, with_faults: bool) -> Result<Self, jiff::Error> {
        let zone = TimeZone::get(ZONE)?;
        let city = City::new(seed, date);
        let changes = if with_faults { Faults::changes(&city, seed, date) } else { Changes::default() };
        let day = Day::new(&city, seed, date, &zone, &changes);
        let faults = if with_faults { Faults::new(&city, seed, &day) } else { Faults::default() };
        Ok(Self { seed, city, day, faults })
    }

    /// How many vehicles there are, extra ones included.
    pub fn vehicles(&self) -> usize {
        self.day.rides.iter().map(|ride| ride.vehicle + 1).max().unwrap_or(0)
    }

    /// The moments of a feed's snapshots, `interval` seconds apart, from before the first bus to after the last one.
    pub fn moments(&self, interval: i64) -> impl Iterator<Item = i64> {
        let (from, until) = self.day.span();
        let first = from.div_euclid(interval) * interval;
        (0..).map(move |i| first + i * interval).take_while(move |at| *at <= until)
    }

    /// The error of a receiver: some metres, the same for the same moment.
    fn noise(&self, vehicle: usize, at: i64) -> (f64, f64) {
        let mut dice = Dice::new(self.seed, &format!("noise {vehicle} {at}"));
        (dice.between(-4e-5, 4e-5), dice.between(-6e-5, 6e-5))
    }

    /// Metres that a vehicle had run before the day; only so that odometers differ.
    fn odometer(&self, vehicle: usize) -> f64 {
        Dice::new(self.seed, &format!("odometer {vehicle}")).between(2e7, 4e8).round()
    }

    /// Another trip of the same day, as a driver might log on to by mistake.
    fn wrong_trip(&self, ride: &Ride) -> String {
        let other = self.day.rides.iter().find(|other| other.vehicle != ride.vehicle && !other.added);
        other.map_or_else(|| ride.trip_id.clone(), |other| other.trip_id.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::simulate::faults::Kind;
    use crate::simulate::realtime::Feed;

    fn simulation(faults: bool) -> Simulation {
        Simulation::new(1, "2026-11-24".parse().unwrap(), faults).unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_another_city() {
        let (one, other) = (simulation(true), simulation(true));
        assert_eq!(write::gtfs_zip(&one).unwrap(), write::gtfs_zip(&other).unwrap());
        for feed in Feed::ALL {
            for at in one.moments(1800) {
                assert_eq!(one.snapshot(feed, at), other.snapshot(feed, at));
            }
        }
        let third = Simulation::new(2, "2026-11-24".parse().unwrap(), true).unwrap();
        assert_ne!(write::gtfs_zip(&one).unwrap(), write::gtfs_zip(&third).unwrap());
    }

    #[test]
    fn every_kind_of_fault_is_planted_and_none_without_being_asked_for() {
        let faulty = simulation(true);
        let kinds: BTreeSet<Kind> = faulty.planted(faulty.moments(15)).iter().map(|fault| fault.kind).collect();
        let missing: Vec<_> = Kind::ALL.iter().filter(|kind| !kinds.contains(kind)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        let healthy = simulation(false);
        assert!(healthy.planted(healthy.moments(60)).is_empty());
    }

    #[test]
    fn faults_do_not_change_the_rides_of_other_trips() {
        let (healthy, faulty) = (simulation(false), simulation(true));
        let touched: BTreeSet<usize> =
            faulty.day.rides.iter().filter(|ride| ride.cancelled || ride.added).map(|ride| ride.vehicle).collect();
        let of = |simulation: &Simulation| -> Vec<(String, Vec<day::Visit>)> {
            let rides = simulation.day.rides.iter().filter(|ride| !touched.contains(&ride.vehicle));
            rides.map(|ride| (ride.trip_id.clone(), ride.visits.clone())).collect()
        };
        assert_eq!(of(&healthy), of(&faulty));
    }
}
