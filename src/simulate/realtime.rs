//! GTFS-Realtime snapshots of a simulated moment: what the city's feeds answer, faults included.
//!
//! Nothing here is shared with the reader of the program, so that each tests the other.

use crate::simulate::Simulation;
use crate::simulate::city::Trip;
use crate::simulate::day::{CAPACITY, Ride, State};
use crate::simulate::faults::{Kind, Planted};
use crate::simulate::message::Message;
use crate::simulate::vehicle::{license_plate, vehicle_id, vehicle_label};
use crate::time::ServiceSeconds;

/// The three feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feed {
    VehiclePositions,
    TripUpdates,
    Alerts,
}

impl Feed {
    pub const ALL: [Self; 3] = [Self::VehiclePositions, Self::TripUpdates, Self::Alerts];

    pub fn name(self) -> &'static str {
        match self {
            Self::VehiclePositions => "vehicle-positions",
            Self::TripUpdates => "trip-updates",
            Self::Alerts => "alerts",
        }
    }
}

impl Simulation {
    /// A feed's snapshot of a moment; nothing while it is down.
    pub fn snapshot(&self, feed: Feed, at: i64) -> Option<Vec<u8>> {
        snapshot(self, feed, at, &mut Vec::new())
    }

    /// Every fault that shows in vehicle positions taken at these moments, and those of trips and feeds, each once.
    pub fn planted(&self, moments: impl Iterator<Item = i64>) -> Vec<Planted> {
        let mut planted = self.faults.planted();
        for at in moments {
            snapshot(self, Feed::VehiclePositions, at, &mut planted);
        }
        planted.sort_by(|a, b| (a.kind, &a.vehicle_id, a.from, a.until).cmp(&(b.kind, &b.vehicle_id, b.from, b.until)));
        planted.dedup();
        planted
    }
}

/// A feed's answer at a moment (seconds since 1970); nothing while the feed is down. Faults that show in it are added to
/// `planted`.
pub fn snapshot(simulation: &Simulation, feed: Feed, at: i64, planted: &mut Vec<Planted>) -> Option<Vec<u8>> {
    if simulation.faults.is_down(at) {
        return None;
    }
    let mut header = Message::default();
    header.text(1, "2.0").int(2, 0).int(3, at as u64);
    let mut message = Message::default();
    message.message(1, &header);
    match feed {
        Feed::VehiclePositions => vehicle_positions(simulation, at, &mut message, planted),
        Feed::TripUpdates => trip_updates(simulation, at, &mut message),
        Feed::Alerts => alerts(simulation, &mut message),
    }
    let mut bytes = message.into_bytes();
    if feed == Feed::VehiclePositions && simulation.faults.is_truncated(at) {
        bytes.truncate(bytes.len() * 2 / 3);
        planted.push(Planted::of_snapshot(Kind::TruncatedSnapshot, at));
    }
    Some(bytes)
}

fn descriptor(vehicle: usize) -> Message {
    let mut message = Message::default();
    message.text(1, &vehicle_id(vehicle)).text(2, &vehicle_label(vehicle)).text(3, &license_plate(vehicle));
    message
}

fn trip_descriptor(simulation: &Simulation, ride: &Ride, trip_id: &str) -> Message {
    let trip: &Trip = &simulation.city.trips[ride.trip];
    let direction = simulation.city.pattern(trip).direction;
    let mut message = Message::default();
    message.text(1, trip_id);
    if !ride.added {
        message.text(2, &ServiceSeconds(trip.start).to_string());
    }
    message.text(3, &simulation.day.date.to_gtfs());
    let relationship = if ride.cancelled { 3 } else { u64::from(ride.added) };
    message.int(4, relationship).text(5, &simulation.city.lines[trip.line].id).int(6, u64::from(direction));
    message
}

/// What a vehicle reports, faults included, in whatever format the feed is.
pub struct Report<'a> {
    pub vehicle: usize,
    pub state: State<'a>,
    pub faults: Vec<Kind>,
    pub trip_id: String,
    pub lat: f64,
    pub lon: f64,
    /// What the vehicle believes that the time is.
    pub time: i64,
    /// The number of the occupancy status, and percent of the capacity.
    pub status: u64,
    pub percent: i64,
}

impl Report<'_> {
    fn has(&self, kind: Kind) -> bool {
        self.faults.contains(&kind)
    }
}

/// The newest report of each vehicle that is seen at a moment.
pub fn reports(simulation: &Simulation, at: i64) -> Vec<Report<'_>> {
    let report = |vehicle: usize| {
        // Each vehicle reports every ten seconds, at a second of its own.
        let reported = at - (at + vehicle as i64 * 3).rem_euclid(10);
        let faults = simulation.faults.of_report(&simulation.day, vehicle, reported);
        let seen = faults.seen_at.unwrap_or(reported);
        let state = simulation.day.state(&simulation.city, vehicle, seen)?;
        let has = |kind: Kind| faults.kinds.contains(&kind);
        let trip_id = if has(Kind::UnknownTrip) {
            format!("unbekannt-{}", vehicle + 1)
        } else if has(Kind::WrongTrip) {
            simulation.wrong_trip(state.ride)
        } else {
            state.ride.trip_id.clone()
        };
        let noise = simulation.noise(vehicle, seen);
        let (lat, lon) = if has(Kind::PositionZero) {
            (0.0, 0.0)
        } else if has(Kind::PositionFar) {
            (state.lat + 3.0, state.lon + 5.0)
        } else {
            faults.frozen_at.unwrap_or((state.lat + noise.0, state.lon + noise.1))
        };
        let percent = state.load * 100 / CAPACITY;
        let (status, percent) = match percent {
            // A counter that has drifted.
            _ if has(Kind::NegativeLoad) => (0, -4),
            _ if has(Kind::OccupancyZero) => (0, 0),
            0 => (0, 0),
            1..=25 => (1, i64::from(percent)),
            26..=42 => (2, i64::from(percent)),
            43..=80 => (3, i64::from(percent)),
            81..=99 => (4, i64::from(percent)),
            _ => (5, i64::from(percent)),
        };
        let time = if has(Kind::ClockWrong) { seen + 7 * 60 } else { seen };
        Some(Report { vehicle, state, faults: faults.kinds, trip_id, lat, lon, time, status, percent })
    };
    (0..simulation.vehicles()).filter_map(report).collect()
}

fn vehicle_positions(simulation: &Simulation, at: i64, message: &mut Message, planted: &mut Vec<Planted>) {
    for report in reports(simulation, at) {
        let entity = position_entity(simulation, &report);
        let id = vehicle_id(report.vehicle);
        let mut add = |id: &str| {
            let mut part = Message::default();
            part.text(1, id).message(4, &entity);
            message.message(2, &part);
        };
        add(&id);
        if report.has(Kind::Duplicate) {
            add(&format!("{id}-2"));
        }
        for &kind in &report.faults {
            planted.push(Planted {
                kind,
                vehicle_id: Some(id.clone()),
                trip_id: Some(report.state.ride.trip_id.clone()),
                from: report.time,
                until: report.time,
            });
        }
    }
}

/// As feeds have it: to ten centimetres a second, and metres of all its days.
pub fn speed(report: &Report<'_>) -> f64 {
    (report.state.speed * 10.0).round() / 10.0
}

pub fn odometer(simulation: &Simulation, report: &Report<'_>) -> f64 {
    (simulation.odometer(report.vehicle) + report.state.metres).round()
}

/// The id of the stop that a vehicle is at or goes to.
pub fn stop_id<'a>(simulation: &'a Simulation, report: &Report<'_>) -> &'a str {
    let pattern = simulation.city.pattern(&simulation.city.trips[report.state.ride.trip]);
    &simulation.city.stops[pattern.stops[report.state.stop]].id
}

fn position_entity(simulation: &Simulation, report: &Report<'_>) -> Message {
    let Report { vehicle, state, .. } = report;
    let mut position = Message::default();
    position.float(1, report.lat).float(2, report.lon).float(3, state.bearing.round());
    position.double(4, odometer(simulation, report));
    position.float(5, speed(report));
    let mut part = Message::default();
    part.message(1, &trip_descriptor(simulation, state.ride, &report.trip_id)).message(2, &position);
    part.int(3, state.stop as u64 + 1).int(4, if state.stopped { 1 } else { 2 });
    part.int(5, report.time as u64);
    part.text(7, stop_id(simulation, report)).message(8, &descriptor(*vehicle));
    // A negative percentage is written into the unsigned field, sign-extended.
    part.int(9, report.status).int(10, report.percent as u64);
    part
}

fn trip_updates(simulation: &Simulation, at: i64, message: &mut Message) {
    for ride in &simulation.day.rides {
        let trip = &simulation.city.trips[ride.trip];
        let pattern = simulation.city.pattern(trip);
        let planned = simulation.day.zero + i64::from(trip.start);
        let end = planned + i64::from(pattern.times.last().map_or(0, |times| times.1));
        let mut update = Message::default();
        update.message(1, &trip_descriptor(simulation, ride, &ride.trip_id));
        if ride.cancelled {
            // A cancellation is known two hours ahead, and told until the trip would have ended.
            if !(planned - 7200..=end).contains(&at) {
                continue;
            }
        } else {
            let (Some(first), Some(last)) = (ride.visits.first(), ride.visits.last()) else { continue };
            if !(first.departure - 900..=last.arrival).contains(&at) {
                continue;
            }
            // The delay at the last stop that was left is what is predicted for those to come.
            let passed = ride.visits.iter().rev().find(|visit| visit.departure <= at);
            let delay = passed.map_or(0, |visit| visit.departure - visit.scheduled_departure);
            for (place, visit) in ride.visits.iter().enumerate().filter(|(_, visit)| visit.departure > at) {
                let event = |scheduled: i64| {
                    let mut event = Message::default();
                    event.int(1, delay as u64).int(2, (scheduled + delay) as u64);
                    event
                };
                let mut stop = Message::default();
                stop.int(1, place as u64 + 1);
                if place > 0 {
                    stop.message(2, &event(visit.scheduled_arrival));
                }
                if place + 1 < ride.visits.len() {
                    stop.message(3, &event(visit.scheduled_departure));
                }
                stop.text(4, &simulation.city.stops[pattern.stops[place]].id);
                update.message(2, &stop);
            }
            update.message(3, &descriptor(ride.vehicle));
        }
        update.int(4, at as u64);
        let mut entity = Message::default();
        entity.text(1, &ride.trip_id).message(3, &update);
        message.message(2, &entity);
    }
}

fn alerts(simulation: &Simulation, message: &mut Message) {
    let translated = |german: &str, english: &str| {
        let mut texts = Message::default();
        for (text, language) in [(german, "de"), (english, "en")] {
            let mut translation = Message::default();
            translation.text(1, text).text(2, language);
            texts.message(1, &translation);
        }
        texts
    };
    let zero = simulation.day.zero;
    let mut period = Message::default();
    period.int(1, (zero - 5 * 86_400) as u64).int(2, (zero + 9 * 86_400) as u64);
    let mut alert = Message::default();
    alert.message(1, &period);
    for line in [0, 3] {
        let mut selector = Message::default();
        selector.text(2, &simulation.city.lines[line].id);
        alert.message(5, &selector);
    }
    alert.int(6, 10).int(7, 4);
    alert.message(10, &translated("Umleitung wegen Bauarbeiten", "Detour because of construction"));
    let text = translated("Die Linien S1 und S4 fahren eine Umleitung.", "Lines S1 and S4 take a detour.");
    alert.message(11, &text).int(14, 2);
    let mut entity = Message::default();
    entity.text(1, "bauarbeiten-1").message(5, &alert);
    message.message(2, &entity);
}
