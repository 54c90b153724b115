//! The feed of a start-up's app: the same buses as JSON with German keys, whose occupancy is a colour that is guessed from the
//! phones on board.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::simulate::dice::Dice;
use crate::simulate::realtime::{self, Report};
use crate::simulate::vehicle::vehicle_id;
use crate::simulate::{Simulation, ZONE};
use crate::time::ServiceSeconds;

/// The source of its evidence.
pub const SOURCE: &str = "busplus-fahrzeuge";
/// The colours of the occupancy statuses of GTFS-Realtime, from EMPTY to FULL.
pub const COLOURS: [&str; 6] = ["weiss", "gruen", "gelb", "orange", "rot", "schwarz"];
/// A colour that nobody explained.
pub const UNKNOWN: &str = "lila";
/// How long the app shows it, in seconds.
const UNKNOWN_FOR: i64 = 3600;

/// The feed's answer at a moment (seconds since 1970); nothing while it is down.
pub fn document(simulation: &Simulation, at: i64) -> Option<Vec<u8>> {
    if simulation.faults.is_down(at) {
        return None;
    }
    let zone = TimeZone::get(ZONE).ok()?;
    let clock = |seconds: i64| {
        let instant = Timestamp::from_second(seconds).unwrap_or_default();
        zone.to_datetime(instant).strftime("%Y-%m-%dT%H:%M:%S").to_string()
    };
    let vehicles: Vec<_> =
        realtime::reports(simulation, at).iter().map(|report| vehicle(simulation, report, &clock)).collect();
    serde_json::to_vec(&json!({"stand": clock(at), "fahrzeuge": vehicles})).ok()
}

fn vehicle(simulation: &Simulation, report: &Report<'_>, clock: &dyn Fn(i64) -> String) -> serde_json::Value {
    let ride = report.state.ride;
    let trip = &simulation.city.trips[ride.trip];
    let direction = if simulation.city.pattern(trip).direction == 0 { "hin" } else { "zurueck" };
    let start = (!ride.added).then(|| ServiceSeconds(trip.start).to_string());
    // Receivers have places in 32 bits.
    let place = |degrees: f64| (degrees as f32).to_string().parse::<f64>().unwrap_or_default();
    json!({
        "id": vehicle_id(report.vehicle),
        "fahrt": {
            "id": report.trip_id,
            "linie": simulation.city.lines[trip.line].id,
            "richtung": direction,
            "tag": simulation.day.date.to_string(),
            "abfahrt": start,
            "zusatz": ride.added,
        },
        "position": {"lat": place(report.lat), "lon": place(report.lon), "kurs": report.state.bearing.round()},
        "tempo": (realtime::speed(report) * 360.0).round() / 100.0,
        "km": realtime::odometer(simulation, report) / 1000.0,
        "halt": {
            "nr": report.state.stop + 1,
            "id": realtime::stop_id(simulation, report),
            "steht": report.state.stopped,
        },
        "zeit": clock(report.time),
        "auslastung": colour(simulation, report),
    })
}

fn colour(simulation: &Simulation, report: &Report<'_>) -> &'static str {
    let is_unknown = unknown_colour(simulation)
        .is_some_and(|(vehicle, from)| vehicle == report.vehicle && (from..from + UNKNOWN_FOR).contains(&report.time));
    match COLOURS.get(report.status as usize) {
        Some(colour) if !is_unknown => colour,
        _ => UNKNOWN,
    }
}

/// The vehicle whose colour means nothing, and from when on; of a day with faults.
fn unknown_colour(simulation: &Simulation) -> Option<(usize, i64)> {
    let mut dice = Dice::new(simulation.seed, &format!("colour {}", simulation.day.date));
    let hour = simulation.day.zero + 3600 * (8 + dice.below(3) as i64);
    let is_there = |vehicle: &usize| simulation.day.state(&simulation.city, *vehicle, hour).is_some();
    let vehicles: Vec<usize> = (0..simulation.vehicles()).filter(is_there).collect();
    let vehicle = *vehicles.get(dice.below(vehicles.len()))?;
    simulation.faults.are_planted().then_some((vehicle, hour))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_app_shows_the_buses_in_its_own_words_and_a_colour_that_nobody_explained_only_with_faults() {
        for with_faults in [false, true] {
            let simulation = Simulation::new(1, "2026-11-24".parse().unwrap(), with_faults).unwrap();
            let mut colours = std::collections::BTreeSet::new();
            for at in simulation.moments(600) {
                let Some(body) = document(&simulation, at) else { continue };
                assert_eq!(Some(&body), document(&simulation, at).as_ref());
                let document: Value = serde_json::from_slice(&body).unwrap();
                for vehicle in document["fahrzeuge"].as_array().unwrap() {
                    assert!(vehicle["position"]["lat"].is_f64() && vehicle["zeit"].as_str().unwrap().len() == 19);
                    colours.insert(vehicle["auslastung"].as_str().unwrap().to_owned());
                }
            }
            assert!(colours.len() > 2, "{colours:?}");
            assert_eq!(colours.contains(UNKNOWN), with_faults, "{colours:?}");
        }
    }
}
