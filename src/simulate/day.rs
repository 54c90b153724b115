//! A day of the city: when each bus really arrived and left, and how many people were on board. The truth.

use jiff::tz::TimeZone;

use crate::simulate::city::{City, LAYOVER, Pattern, apart, bearing};
use crate::simulate::dice::Dice;
use crate::time::{ServiceDate, ServiceSeconds};

/// People that a bus can carry, and seats among them.
pub const CAPACITY: u32 = 85;
/// The date on which each bus has the block of its own number, that of the sample: 2026-11-24, in days since 1970.
const PLAIN_ROSTER: i32 = 20_781;

/// A trip as a vehicle made it.
#[derive(Clone, Debug)]
pub struct Ride {
    pub trip_id: String,
    /// Place among the city's trips.
    pub trip: usize,
    /// The number of the vehicle, from 0.
    pub vehicle: usize,
    /// Whether the timetable does not have it.
    pub added: bool,
    /// Whether it was cancelled; then it has no visits.
    pub cancelled: bool,
    /// One for each stop.
    pub visits: Vec<Visit>,
}

/// A stop visit, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    pub scheduled_arrival: i64,
    pub scheduled_departure: i64,
    pub arrival: i64,
    pub departure: i64,
    pub boarded: u32,
    pub alighted: u32,
    /// On board when the bus leaves.
    pub load: u32,
}

/// Where a vehicle is at a moment.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    pub ride: &'a Ride,
    pub lat: f64,
    pub lon: f64,
    pub bearing: f64,
    pub speed: f64,
    /// Metres since the beginning of the trip.
    pub metres: f64,
    /// Place of the stop that it is at or goes to.
    pub stop: usize,
    pub stopped: bool,
    pub load: u32,
}

/// The rides of a date, by vehicle and time.
pub struct Day {
    pub date: ServiceDate,
    /// Noon minus twelve hours, seconds since 1970.
    pub zero: i64,
    pub rides: Vec<Ride>,
}

/// Trips that do not run as planned.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub cancelled: Vec<usize>,
    /// A trip that is made once more, so many seconds later, by an extra vehicle.
    pub added: Vec<(usize, i32)>,
}

impl Day {
    pub fn new(city: &City, seed: u64, date: ServiceDate, zone: &TimeZone, changes: &Changes) -> Self {
        let zero = date.instant(ServiceSeconds(0), zone).as_second();
        let mut day = Self { date, zero, rides: Vec::new() };
        let mut free_at: std::collections::BTreeMap<usize, i64> = std::collections::BTreeMap::new();
        let vehicles = city.trips.iter().map(|trip| trip.block + 1).max().unwrap_or(0);
        let buses = roster(vehicles, seed, date);
        for trip in city.trips_on(date) {
            let planned = &city.trips[trip];
            // Chance of its own for each trip, so that a change of one does not change the others.
            let mut dice = Dice::new(seed, &format!("ride {date} {}", planned.id));
            let cancelled = changes.cancelled.contains(&trip);
            let start = zero + i64::from(planned.start);
            // The bus leaves late if it came late, less what the layover gives back.
            let ready = free_at.get(&planned.block).map_or(start, |free| free + i64::from(LAYOVER / 3)).max(start);
            let visits = if cancelled { Vec::new() } else { visits(city.pattern(planned), start, ready, &mut dice) };
            if let Some(last) = visits.last() {
                free_at.insert(planned.block, last.arrival);
            }
            let ride = Ride {
                trip_id: planned.id.clone(),
                trip,
                vehicle: buses[planned.block],
                added: false,
                cancelled,
                visits,
            };
            day.rides.push(ride);
        }
        for (number, &(trip, later)) in changes.added.iter().enumerate() {
            let planned = &city.trips[trip];
            let mut dice = Dice::new(seed, &format!("added {date} {number}"));
            let start = zero + i64::from(planned.start + later);
            day.rides.push(Ride {
                trip_id: format!("zusatz-{}", number + 1),
                trip,
                vehicle: vehicles + number,
                added: true,
                cancelled: false,
                visits: visits(city.pattern(planned), start, start, &mut dice),
            });
        }
        day
    }

    /// From the first bus to the last one, with some minutes around.
    pub fn span(&self) -> (i64, i64) {
        let visits = || self.rides.iter().flat_map(|ride| &ride.visits);
        let first = visits().map(|visit| visit.scheduled_arrival).min().unwrap_or(self.zero);
        let last = visits().map(|visit| visit.departure).max().unwrap_or(self.zero);
        (first - 600, last + 600)
    }

    /// Where a vehicle is; nowhere before its first trip, after its last one, and in long breaks.
    pub fn state(&self, city: &City, vehicle: usize, at: i64) -> Option<State<'_>> {
        let mut rides = self.rides.iter().filter(|ride| ride.vehicle == vehicle && !ride.visits.is_empty());
        // A bus shows its next trip five minutes ahead, and stays with the last one for one minute.
        let ride = rides.find(|ride| {
            let (first, last) = (ride.visits.first(), ride.visits.last());
            first.zip(last).is_some_and(|(first, last)| (first.departure - 300..=last.arrival + 60).contains(&at))
        })?;
        let pattern = city.pattern(&city.trips[ride.trip]);
        let next = ride.visits.iter().position(|visit| at <= visit.departure).unwrap_or(ride.visits.len() - 1);
        let visit = &ride.visits[next];
        let before = next.checked_sub(1).map(|before| &ride.visits[before]);
        let stopped = at >= visit.arrival || before.is_none();
        let (metres, speed) = match before {
            Some(left) if !stopped => {
                let (from, to) = (pattern.metres[next - 1], pattern.metres[next]);
                let took = (visit.arrival - left.departure).max(1) as f64;
                (from + (to - from) * (at - left.departure) as f64 / took, (to - from) / took)
            }
            _ => (pattern.metres[next], 0.0),
        };
        let (lat, lon, bearing) = along(pattern, metres);
        let load = if stopped { visit.load } else { before.map_or(0, |left| left.load) };
        Some(State { ride, lat, lon, bearing, speed, metres, stop: next, stopped, load })
    }
}

/// The bus of each block. Buses take turns by chance, so that a block does not tell which bus drives it.
fn roster(blocks: usize, seed: u64, date: ServiceDate) -> Vec<usize> {
    let mut buses: Vec<usize> = (0..blocks).collect();
    if date.days_since_epoch() != PLAIN_ROSTER {
        let mut dice = Dice::new(seed, &format!("roster {date}"));
        for place in (1..blocks).rev() {
            buses.swap(place, dice.below(place + 1));
        }
    }
    buses
}

/// The place at so many metres of a shape, and the direction there.
fn along(pattern: &Pattern, metres: f64) -> (f64, f64, f64) {
    let after = pattern.shape.partition_point(|point| point.2 <= metres).clamp(1, pattern.shape.len() - 1);
    let (a, b) = (pattern.shape[after - 1], pattern.shape[after]);
    let share = ((metres - a.2) / apart((a.0, a.1), (b.0, b.1)).max(1.0)).clamp(0.0, 1.0);
    (a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share, bearing((a.0, a.1), (b.0, b.1)))
}

/// A ride along a pattern: planned for `start`, ready to leave at `ready`.
fn visits(pattern: &Pattern, start: i64, ready: i64, dice: &mut Dice) -> Vec<Visit> {
    let hour = (start.rem_euclid(86_400) / 3600) as f64;
    // Two peaks a day, in UTC.
    let demand = 1.4 + 5.0 * (-(hour - 6.5).powi(2) / 3.0).exp() + 4.2 * (-(hour - 15.5).powi(2) / 6.0).exp();
    let last = pattern.stops.len() - 1;
    let mut visits: Vec<Visit> = Vec::with_capacity(pattern.stops.len());
    let mut load: u32 = 0;
    let mut clock = ready;
    for (place, &(arrives, departs)) in pattern.times.iter().enumerate() {
        let (scheduled_arrival, scheduled_departure) = (start + i64::from(arrives), start + i64::from(departs));
        if let Some(left) = visits.last() {
            let planned = (scheduled_arrival - left.scheduled_departure) as f64;
            // Traffic takes its time; a late bus catches up a little.
            let late = (left.departure - left.scheduled_departure).max(0) as f64;
            let factor = dice.between(0.82, 1.22) - (late / 4000.0).min(0.12);
            clock = left.departure + (planned * factor) as i64;
            if dice.chance(0.015) {
                clock += dice.between(30.0, 150.0) as i64;
            }
        }
        let arrival = clock;
        let alighted = if place == last {
            load
        } else {
            (0..load).filter(|_| dice.chance(1.3 / (last - place + 1) as f64)).count() as u32
        };
        load -= alighted;
        let wanted = if place == last { 0 } else { dice.count(demand * (1.0 - place as f64 / last as f64 * 0.7)) };
        let boarded = wanted.min(CAPACITY - load);
        load += boarded;
        let dwell = if place == 0 { 0 } else { 6 + i64::from(boarded) * 3 + i64::from(alighted) };
        // A bus does not leave before its time.
        let departure = (arrival + dwell).max(if place == last { arrival } else { scheduled_departure });
        visits.push(Visit { scheduled_arrival, scheduled_departure, arrival, departure, boarded, alighted, load });
        clock = departure;
    }
    visits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> (City, Day) {
        let date = "2026-11-24".parse().unwrap();
        let city = City::new(1, date);
        let day = Day::new(&city, 1, date, &TimeZone::get("Europe/Berlin").unwrap(), &Changes::default());
        (city, day)
    }

    #[test]
    fn people_who_board_alight_and_buses_move_forward_in_time() {
        let (_, day) = day();
        assert!(day.rides.len() > 300);
        for ride in &day.rides {
            let mut load = 0;
            let mut clock = 0;
            for visit in &ride.visits {
                assert!(visit.arrival >= clock && visit.departure >= visit.arrival);
                clock = visit.departure;
                load = load + visit.boarded - visit.alighted;
                assert_eq!(visit.load, load);
                assert!(load <= CAPACITY);
            }
            assert_eq!(load, 0, "{}", ride.trip_id);
        }
    }

    #[test]
    fn buses_are_near_their_shape_and_mostly_punctual() {
        let (city, day) = day();
        let noon = day.zero + 12 * 3600;
        let running = (0..24).filter_map(|vehicle| day.state(&city, vehicle, noon)).count();
        assert!((10..=20).contains(&running), "{running}");
        let late: Vec<i64> = day
            .rides
            .iter()
            .flat_map(|ride| &ride.visits)
            .map(|visit| visit.arrival - visit.scheduled_arrival)
            .collect();
        let mean = late.iter().sum::<i64>() / late.len() as i64;
        assert!((-60..240).contains(&mean), "{mean} s");
    }
}
