//! Trips that go faster than their kind of vehicle can.

use rustc_hash::FxHashMap;

use super::prelude::*;
use crate::geo;

pub static CONSECUTIVE: Notice = Notice {
    code: "fast_travel_between_consecutive_stops",
    severity: Severity::Warning,
    files: &["routes.txt", "stops.txt", "stop_times.txt", "trips.txt"],
    fields: &[
        "arrivalTime2",
        "csvRowNumber1",
        "csvRowNumber2",
        "departureTime1",
        "distanceKm",
        "routeId",
        "speedKph",
        "stopId1",
        "stopId2",
        "stopName1",
        "stopName2",
        "stopSequence1",
        "stopSequence2",
        "tripCsvRowNumber",
        "tripId",
    ],
    en: Words {
        what: "From one stop to the next the trip is faster than its vehicle can be: a time or a position is wrong.",
        mend: "Check the times and the positions of both stops.",
    },
    de: Words {
        what: "Von einem Halt zum nächsten ist die Fahrt schneller, als ihr Fahrzeug sein kann: Zeit oder Lage ist \
               falsch.",
        mend: "Zeiten und Lage beider Halte prüfen.",
    },
};
pub static FAR: Notice = Notice {
    code: "fast_travel_between_far_stops",
    severity: Severity::Warning,
    files: &["routes.txt", "stops.txt", "stop_times.txt", "trips.txt"],
    fields: &[
        "arrivalTime2",
        "csvRowNumber1",
        "csvRowNumber2",
        "departureTime1",
        "distanceKm",
        "routeId",
        "speedKph",
        "stopId1",
        "stopId2",
        "stopName1",
        "stopName2",
        "stopSequence1",
        "stopSequence2",
        "tripCsvRowNumber",
        "tripId",
    ],
    en: Words {
        what: "Over more than 10 km the trip is faster than its vehicle can be.",
        mend: "Check the times and positions between the two stops.",
    },
    de: Words {
        what: "Über mehr als 10 km ist die Fahrt schneller, als ihr Fahrzeug sein kann.",
        mend: "Zeiten und Lage zwischen beiden Halten prüfen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&CONSECUTIVE, &FAR],
    needs: Needs::Tables(&["routes", "trips", "stop_times", "stops"]),
    check: Some(check),
    examples: &[
        fails(
            "fast_travel_between_consecutive_stops",
            1,
            &[(
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                 t,08:00:00,08:00:00,a,1\n\
                 t,08:00:05,08:00:05,b,2\n\
                 t,08:10:00,08:10:00,c,3\n",
            )],
        ),
        passes(
            "fast_travel_between_consecutive_stops",
            &[(
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                 t,08:00:00,08:00:00,a,1\n\
                 t,08:00:00,08:00:00,b,2\n\
                 t,08:10:00,08:10:00,c,3\n",
            )],
        ),
        fails(
            "fast_travel_between_far_stops",
            1,
            &[
                (
                    "stops.txt",
                    "stop_id,stop_name,stop_lat,stop_lon\n\
                     a,Rathaus,48.47,7.94\n\
                     b,Bahnhof,48.476,7.946\n\
                     c,Klinikum,48.60,7.952\n",
                ),
                ("shapes.txt", ""),
                ("trips.txt", "route_id,service_id,trip_id\nr,s,t\n"),
                (
                    "stop_times.txt",
                    "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                     t,08:00:00,08:00:00,a,1\n\
                     t,08:01:00,08:01:00,b,2\n\
                     t,08:04:00,08:04:00,c,3\n",
                ),
            ],
        ),
        passes(
            "fast_travel_between_far_stops",
            &[
                (
                    "stops.txt",
                    "stop_id,stop_name,stop_lat,stop_lon\n\
                     a,Rathaus,48.47,7.94\n\
                     b,Bahnhof,48.476,7.946\n\
                     c,Klinikum,48.60,7.952\n",
                ),
                ("shapes.txt", ""),
                ("trips.txt", "route_id,service_id,trip_id\nr,s,t\n"),
                (
                    "stop_times.txt",
                    "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                     t,08:00:00,08:00:00,a,1\n\
                     t,08:01:00,08:01:00,b,2\n\
                     t,08:14:00,08:14:00,c,3\n",
                ),
            ],
        ),
    ],
};

/// Kilometres beyond which stops are far from each other.
const FAR_KM: f64 = 10.0;

/// Stops back that a stop is compared with. No real trip has as many; a hostile one must not take forever.
const BACK: usize = 5_000;

/// Kilometres per hour that no vehicle of a route type exceeds.
fn fastest(route_type: i32) -> f64 {
    match route_type {
        0 => 100.0,
        2 => 500.0,
        1 | 3 | 11 | 12 => 150.0,
        4 => 80.0,
        5 => 30.0,
        6 | 7 => 50.0,
        _ => 200.0,
    }
}

/// Kilometres per hour between a departure and an arrival. Times that are whole minutes may be off by one.
fn speed(km: f64, departure: i32, arrival: i32) -> f64 {
    let seconds = match arrival - departure {
        ..=0 => 60,
        between if arrival % 60 == 0 && departure % 60 == 0 => between + 60,
        between => between,
    };
    km * 3600.0 / f64::from(seconds)
}

/// Pairs of stops whose distance is kept.
const KNOWN: usize = 1 << 20;

fn check(feed: &Feed, out: &mut Out) {
    let (trips, times) = (feed.table("trips"), feed.table("stop_times"));
    let types = feed.table("routes").int("route_type");
    let routes = trips.text("route_id");
    let route_rows = feed.link("trips", "route_id", "routes", "route_id");
    let (arrivals, departures) = (times.int("arrival_time"), times.int("departure_time"));
    let at = times.text("stop_id");
    let stop_rows = feed.stops_of_stop_times();
    let trip_rows = feed.trips_of_stop_times();
    let places = feed.locations();
    let mut known: FxHashMap<u64, f64> = FxHashMap::default();
    // Kilometres between two rows of `stops`; a stop without a place counts as 0, 0 at the beginning of a trip only.
    let mut km = |a: u32, b: u32| {
        let key = u64::from(a) << 32 | u64::from(b);
        if let Some(km) = known.get(&key) {
            return *km;
        }
        let place = |stop: u32| places.get(stop as usize).copied().flatten().unwrap_or([0.0, 0.0]);
        let km = geo::metres(place(a), place(b)) / 1000.0;
        if known.len() < KNOWN {
            known.insert(key, km);
        }
        km
    };
    let has_place = |stop: u32| places.get(stop as usize).is_some_and(Option::is_some);
    let mut trip_km: Vec<f64> = Vec::new();
    for (code, rows) in feed.trip_stops().iter() {
        let trip = trip_rows[code as usize];
        let Some(route) = (trip != NO_ROW).then(|| routes.code(trip as usize)).flatten() else { continue };
        let route = route_rows[route as usize];
        if route == NO_ROW {
            continue;
        }
        let most = fastest(types.or(route as usize, 0));
        let stop = |row: usize| at.code(row).map_or(NO_ROW, |code| stop_rows[code as usize]);
        let teller = Teller { feed, trip: trip as usize };
        trip_km.clear();
        let first = stop(rows.at(0));
        // The last stop with a place, for the distances; the stop that the next is compared with, for the speeds.
        let (mut last_place, mut start, mut start_stop) = (first, rows.at(0), first);
        let (mut total, mut fast) = (0.0, false);
        let mut before = Prefix::default();
        for place in 1..rows.len() {
            let end = rows.at(place);
            let end_stop = stop(end);
            let there = has_place(end_stop);
            let way = if there { km(last_place, end_stop) } else { 0.0 };
            if there {
                last_place = end_stop;
            }
            fast |= before.may_be_fast(departures.get(rows.at(place - 1)), way, arrivals.get(end), most);
            total += way;
            trip_km.push(way);
            if !there || !has_place(start_stop) {
                continue;
            }
            if let (Some(departure), Some(arrival)) = (departures.get(start), arrivals.get(end)) {
                let way = km(start_stop, end_stop);
                let kph = speed(way, departure, arrival);
                if kph > most {
                    teller.tell(&CONSECUTIVE, &Way { start, end, kph, km: way }, out);
                }
                (start, start_stop) = (end, end_stop);
            }
        }
        if total > FAR_KM && fast {
            let ride = Ride { rows, ways: &trip_km, most };
            far(&teller, &ride, &stop, out);
        }
    }
}

/// Whether a trip can be too fast between any two stops, found in one walk along it.
///
/// A speed above `v` from stop `s` to stop `e` needs `km(s..e) * 3600 / v > arrival(e) - departure(s)`, because the time
/// that is counted is never less than the difference. So with `p` for the distance from the beginning in seconds at top
/// speed, some `p(e) - arrival(e)` must exceed the least `p(s) - departure(s)` before it.
#[derive(Default)]
struct Prefix {
    seconds: f64,
    least: Option<f64>,
}

impl Prefix {
    fn may_be_fast(&mut self, departure: Option<i32>, way: f64, arrival: Option<i32>, most: f64) -> bool {
        if let Some(departure) = departure {
            let value = self.seconds - f64::from(departure);
            self.least = Some(self.least.map_or(value, |least| least.min(value)));
        }
        self.seconds += way * 3600.0 / most;
        // A little less than the bound, for what rounding may cost.
        match (arrival, self.least) {
            (Some(arrival), Some(least)) => self.seconds - f64::from(arrival) > least - 1e-6,
            _ => false,
        }
    }
}

/// The rows of `stop_times` of a trip.
struct Ride<'a> {
    rows: Rows<'a>,
    /// Kilometres from each row to the next.
    ways: &'a [f64],
    /// Kilometres per hour that no vehicle of its type exceeds.
    most: f64,
}

/// From one row of `stop_times` to another.
struct Way {
    start: usize,
    end: usize,
    kph: f64,
    km: f64,
}

/// The first pair of stops, by the later one, that are far apart and passed too fast.
fn far(teller: &Teller<'_>, ride: &Ride<'_>, stop: &impl Fn(usize) -> u32, out: &mut Out) {
    let Ride { rows, ways, most } = *ride;
    let times = teller.feed.table("stop_times");
    let (arrivals, departures) = (times.int("arrival_time"), times.int("departure_time"));
    for place in 0..rows.len() {
        let end = rows.at(place);
        let Some(arrival) = arrivals.get(end) else { continue };
        if stop(end) == NO_ROW {
            return;
        }
        let mut km = 0.0;
        for earlier in (0..place).rev().take(BACK) {
            let start = rows.at(earlier);
            km += ways[earlier];
            let Some(departure) = departures.get(start) else { continue };
            let kph = speed(km, departure, arrival);
            if kph <= most {
                continue;
            }
            if stop(start) == NO_ROW {
                return;
            }
            if km > FAR_KM {
                teller.tell(&FAR, &Way { start, end, kph, km }, out);
                return;
            }
        }
    }
}

struct Teller<'a> {
    feed: &'a Feed,
    trip: usize,
}

impl Teller<'_> {
    fn tell(&self, notice: &'static Notice, way: &Way, out: &mut Out) {
        let Way { start, end, kph, km } = *way;
        let (times, trips, stops) = (self.feed.table("stop_times"), self.feed.table("trips"), self.feed.table("stops"));
        let (at, sequence) = (times.text("stop_id"), times.int("stop_sequence"));
        let rows = self.feed.stops_of_stop_times();
        let name = |row: usize| {
            let stop = at.code(row).map_or(NO_ROW, |code| rows[code as usize]);
            stops.text("stop_name").value(stop as usize)
        };
        out.add(notice, || {
            [
                times.int("arrival_time").time(end),
                times.at(start),
                times.at(end),
                times.int("departure_time").time(start),
                km.into(),
                trips.text("route_id").value(self.trip),
                kph.into(),
                at.value(start),
                at.value(end),
                name(start),
                name(end),
                sequence.value(start),
                sequence.value(end),
                trips.at(self.trip),
                trips.text("trip_id").value(self.trip),
            ]
        });
    }
}
