//! The invented city: stops, lines, calendars and the timetable of a bus network of Offenburg's size.

use jiff::civil::{Date, Weekday, date};
use jiff::{Span, ToSpan};

use crate::simulate::dice::Dice;
use crate::time::ServiceDate;

/// The bus station, the middle of the network.
pub const CENTRE: (f64, f64) = (48.4735, 7.9405);
/// Metres of a degree of latitude.
const DEGREE: f64 = 111_200.0;
/// Planned speed between stops, metres a second.
const SPEED: f64 = 6.4;
/// Planned seconds at a stop.
const DWELL: i32 = 20;
/// Least seconds at a terminus.
pub const LAYOVER: i32 = 240;

const FIRST: &[&str] = &[
    "Rathaus", "Markt", "Schul", "Kirch", "Mühlen", "Linden", "Wiesen", "Berg", "Bach", "Garten", "Wald", "Sonnen",
    "Rosen", "Brunnen", "Post", "Feld", "Ufer", "Kloster", "Zoll", "Stein",
];
const SECOND: &[&str] = &["platz", "straße", "weg", "gasse", "hof", "brücke"];
const DISTRICTS: &[&str] = &["Bohlsbach", "Elgersweier", "Fessenbach", "Rammersweier", "Waltersweier", "Zunsweier"];

/// A place where buses stop, or a station that has such places.
#[derive(Clone, Debug)]
pub struct Stop {
    pub id: String,
    pub name: String,
    pub lat: f64,
    pub lon: f64,
    /// Place of the station among the stops.
    pub parent: Option<usize>,
    pub is_station: bool,
    pub platform: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Line {
    pub id: String,
    pub name: &'static str,
    pub long_name: String,
    pub color: &'static str,
    pub patterns: Vec<Pattern>,
}

/// A sequence of stops in one direction.
#[derive(Clone, Debug)]
pub struct Pattern {
    pub shape_id: String,
    pub headsign: String,
    pub direction: u8,
    /// Places among the city's stops.
    pub stops: Vec<usize>,
    /// Points of the shape with the metres from the first; every stop is one of them.
    pub shape: Vec<(f64, f64, f64)>,
    /// Metres of each stop from the first.
    pub metres: Vec<f64>,
    /// Planned arrival and departure at each stop, seconds from the start of the trip.
    pub times: Vec<(i32, i32)>,
}

#[derive(Clone, Debug)]
pub struct Trip {
    pub id: String,
    pub line: usize,
    pub pattern: usize,
    pub service: Service,
    /// Seconds since noon minus twelve hours.
    pub start: i32,
    /// The block, from 0: the trips that one vehicle makes on a day.
    pub block: usize,
}

/// When trips run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Mondays to Fridays.
    Weekdays,
    Saturdays,
    /// Sundays and public holidays.
    Sundays,
    /// Mondays to Fridays outside of the school holidays.
    School,
    /// Every night.
    Nights,
}

impl Service {
    pub const ALL: [Self; 5] = [Self::Weekdays, Self::Saturdays, Self::Sundays, Self::School, Self::Nights];

    pub fn id(self) -> &'static str {
        match self {
            Self::Weekdays => "mo-fr",
            Self::Saturdays => "sa",
            Self::Sundays => "so",
            Self::School => "schule",
            Self::Nights => "nacht",
        }
    }

    /// Monday to Sunday.
    pub fn days(self) -> [bool; 7] {
        match self {
            Self::Weekdays | Self::School => [true, true, true, true, true, false, false],
            Self::Saturdays => [false, false, false, false, false, true, false],
            Self::Sundays => [false, false, false, false, false, false, true],
            Self::Nights => [true; 7],
        }
    }

    pub fn runs_on(self, date: ServiceDate) -> bool {
        let holiday = is_holiday(date.0);
        match self {
            Self::Nights => true,
            Self::Sundays => holiday || date.0.weekday() == Weekday::Sunday,
            Self::School => self.is_weekday(date.0) && !holiday && !is_school_holiday(date.0),
            Self::Weekdays | Self::Saturdays => self.is_weekday(date.0) && !holiday,
        }
    }

    fn is_weekday(self, date: Date) -> bool {
        self.days()[date.weekday().to_monday_zero_offset() as usize]
    }
}

/// The network and its timetable.
#[derive(Clone, Debug)]
pub struct City {
    pub stops: Vec<Stop>,
    pub lines: Vec<Line>,
    pub trips: Vec<Trip>,
    pub from: ServiceDate,
    pub until: ServiceDate,
}

impl City {
    /// The city of a seed; its timetable is valid from the beginning of the date's year to the end of the next one.
    pub fn new(seed: u64, date: ServiceDate) -> Self {
        let mut builder = Builder { dice: Dice::new(seed, "city"), stops: Vec::new(), names: 0 };
        let lines = builder.lines();
        let stops = builder.stops;
        let trips = timetable(&lines, &stops);
        let year = date.0.year();
        // Years -9999 to 9998 have both days.
        let day = |year, month, day| ServiceDate::new(year, month, day).unwrap_or(date);
        Self { stops, lines, trips, from: day(year, 1, 1), until: day(year + 1, 12, 31) }
    }

    pub fn pattern(&self, trip: &Trip) -> &Pattern {
        &self.lines[trip.line].patterns[trip.pattern]
    }

    /// Trips of a date, by vehicle and start.
    pub fn trips_on(&self, date: ServiceDate) -> Vec<usize> {
        let mut trips: Vec<usize> =
            (0..self.trips.len()).filter(|&trip| self.trips[trip].service.runs_on(date)).collect();
        trips.sort_by_key(|&trip| (self.trips[trip].block, self.trips[trip].start));
        trips
    }

    /// For each service the dates that differ from its days of the week: the date, and whether it is added.
    pub fn exceptions(&self, service: Service) -> Vec<(ServiceDate, bool)> {
        let mut exceptions = Vec::new();
        let mut day = self.from;
        while day <= self.until {
            let runs = service.runs_on(day);
            if runs != service.is_weekday(day.0) {
                exceptions.push((day, runs));
            }
            day = day.plus_days(1);
        }
        exceptions
    }
}

struct Builder {
    dice: Dice,
    stops: Vec<Stop>,
    names: usize,
}

impl Builder {
    fn lines(&mut self) -> Vec<Line> {
        let colors = ["E2001A", "0067B2", "009640", "F39200", "7D4199", "00A19A", "B17F4A", "5B5B5B", "1D1D1B"];
        let station = self.station("ZOB/Bahnhof", "zob", CENTRE, 6);
        let town_hall = self.station("Rathaus", "rathaus", offset(CENTRE, 350.0, -90.0), 2);
        let mut lines = Vec::new();
        for (place, district) in DISTRICTS.iter().enumerate() {
            let angle = 60.0 * place as f64 + self.dice.between(-12.0, 12.0);
            let mut way = vec![station + 1 + place, town_hall + 1 + place % 2];
            way.extend(self.radial(CENTRE, angle, 13, district));
            let id = format!("S{}", place + 1);
            let mut patterns = vec![
                self.pattern(&format!("{id}-hin"), district, 0, way.clone()),
                self.pattern(&format!("{id}-rueck"), "ZOB/Bahnhof", 1, way.iter().rev().copied().collect()),
            ];
            if place == 2 {
                // The line with a branch: after its ninth stop every other trip turns off.
                let fork = way[8];
                let mut branch = way[..9].to_vec();
                let at = (self.stops[fork].lat, self.stops[fork].lon);
                branch.extend(self.radial(at, angle + 70.0, 4, "Zell-Weierbach"));
                patterns.push(self.pattern(&format!("{id}-ast-hin"), "Zell-Weierbach", 0, branch.clone()));
                let back = branch.iter().rev().copied().collect();
                patterns.push(self.pattern(&format!("{id}-ast-rueck"), "ZOB/Bahnhof", 1, back));
            }
            let long_name = format!("ZOB – {district}");
            lines.push(Line {
                name: ["S1", "S2", "S3", "S4", "S5", "S6"][place],
                long_name,
                color: colors[place],
                patterns,
                id,
            });
        }
        let mut circle = vec![station + 1];
        for place in 0..12 {
            let angle = 30.0 * f64::from(place);
            let at = offset(CENTRE, 900.0 + self.dice.between(-80.0, 80.0), angle + 15.0);
            circle.push(self.stop(at));
        }
        circle.push(station + 2);
        let pattern = self.pattern("S7-ring", "Innenstadtring", 0, circle);
        let line = |name: &'static str, long_name: &str, color, patterns| Line {
            id: name.to_owned(),
            name,
            long_name: long_name.to_owned(),
            color,
            patterns,
        };
        lines.push(line("S7", "Innenstadtring", colors[6], vec![pattern]));
        // The school line gathers the outer stops of two lines and ends at the town hall.
        let stops = |line: usize, from: usize, to: usize| lines[line].patterns[0].stops[from..to].to_vec();
        let mut school: Vec<usize> = stops(0, 6, 15);
        school.reverse();
        school.extend([town_hall + 1]);
        school.extend(stops(3, 2, 8));
        let back: Vec<usize> = school.iter().rev().copied().collect();
        let patterns =
            vec![self.pattern("S8-hin", "Schulzentrum", 0, school), self.pattern("S8-rueck", "Bohlsbach", 1, back)];
        lines.push(line("S8", "Schulbus Bohlsbach – Schulzentrum", colors[7], patterns));
        let mut night: Vec<usize> = lines[1].patterns[0].stops.iter().rev().copied().collect();
        night.extend(&lines[4].patterns[0].stops[1..]);
        night.dedup();
        let back: Vec<usize> = night.iter().rev().copied().collect();
        let patterns =
            vec![self.pattern("N9-hin", "Waltersweier", 0, night), self.pattern("N9-rueck", "Elgersweier", 1, back)];
        lines.push(line("N9", "Nachtbus Elgersweier – Waltersweier", colors[8], patterns));
        lines
    }

    /// A station and its platforms; gives the station's place, the platforms follow it.
    fn station(&mut self, name: &str, id: &str, at: (f64, f64), platforms: usize) -> usize {
        let place = self.stops.len();
        let stop = |id: String, at: (f64, f64), parent, platform: Option<String>| Stop {
            id,
            name: name.to_owned(),
            lat: at.0,
            lon: at.1,
            parent,
            is_station: parent.is_none(),
            platform,
        };
        self.stops.push(stop(format!("{id}-st"), at, None, None));
        for platform in 1..=platforms {
            let at = offset(at, 12.0 * platform as f64, 60.0 * platform as f64);
            self.stops.push(stop(format!("{id}-{platform}"), at, Some(place), Some(platform.to_string())));
        }
        place
    }

    fn stop(&mut self, at: (f64, f64)) -> usize {
        let name = format!("{}{}", FIRST[self.names % FIRST.len()], SECOND[self.names / FIRST.len() % SECOND.len()]);
        self.names += 1;
        let id = format!("h{:03}", self.names);
        self.stops.push(Stop { id, name, lat: at.0, lon: at.1, parent: None, is_station: false, platform: None });
        self.stops.len() - 1
    }

    /// Stops that lead away from a place, in a gentle bend; the last has the district's name.
    fn radial(&mut self, from: (f64, f64), angle: f64, count: usize, district: &str) -> Vec<usize> {
        let (mut at, mut angle) = (from, angle);
        let mut stops = Vec::new();
        for place in 0..count {
            angle += self.dice.between(-14.0, 14.0);
            // The first stop stands clear of the middle, where the stations are.
            let metres = if place == 0 { 620.0 } else { self.dice.between(310.0, 470.0) };
            at = offset(at, metres, angle);
            stops.push(self.stop(at));
        }
        if let Some(last) = stops.last() {
            self.stops[*last].name = format!("{district} Wendeplatz");
        }
        stops
    }

    fn pattern(&mut self, id: &str, headsign: &str, direction: u8, stops: Vec<usize>) -> Pattern {
        let mut shape: Vec<(f64, f64, f64)> = Vec::new();
        let mut metres = Vec::new();
        let mut times = Vec::new();
        let mut clock = 0;
        let mut distance = 0.0;
        for (place, &stop) in stops.iter().enumerate() {
            let here = (self.stops[stop].lat, self.stops[stop].lon);
            if let Some(&(lat, lon, before)) = shape.last() {
                // A corner halfway makes the way longer than the crow flies.
                let corner = ((lat + here.0) / 2.0 + 0.0002, (lon + here.1) / 2.0 - 0.0002);
                let halfway = before + apart((lat, lon), corner);
                shape.push((corner.0, corner.1, halfway));
                distance = halfway + apart(corner, here);
                // Timetables are made in half minutes.
                clock += (((distance - before) / SPEED) as i32 + 29).div_euclid(30).max(2) * 30;
            }
            shape.push((here.0, here.1, distance));
            metres.push(distance);
            let stays = if place == 0 || place + 1 == stops.len() { 0 } else { DWELL / 30 * 30 };
            times.push((clock, clock + stays));
            clock += stays;
        }
        Pattern { shape_id: id.to_owned(), headsign: headsign.to_owned(), direction, stops, shape, metres, times }
    }
}

/// A place so many metres away in a direction (degrees clockwise from north).
fn offset(from: (f64, f64), metres: f64, angle: f64) -> (f64, f64) {
    let angle = angle.to_radians();
    let lat = from.0 + metres * angle.cos() / DEGREE;
    (round(lat), round(from.1 + metres * angle.sin() / (DEGREE * from.0.to_radians().cos())))
}

fn round(degrees: f64) -> f64 {
    (degrees * 1e6).round() / 1e6
}

/// Metres between two places of the city.
pub fn apart(a: (f64, f64), b: (f64, f64)) -> f64 {
    let north = (b.0 - a.0) * DEGREE;
    let east = (b.1 - a.1) * DEGREE * a.0.to_radians().cos();
    north.hypot(east)
}

/// Degrees clockwise from north.
pub fn bearing(a: (f64, f64), b: (f64, f64)) -> f64 {
    let north = b.0 - a.0;
    let east = (b.1 - a.1) * a.0.to_radians().cos();
    east.atan2(north).to_degrees().rem_euclid(360.0)
}

/// Every trip of every service, with the vehicles that make them.
fn timetable(lines: &[Line], stops: &[Stop]) -> Vec<Trip> {
    let mut trips = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        for service in Service::ALL {
            let (first, last, headway) = match (line.name, service) {
                ("S8", Service::School) | ("N9", Service::Nights) => (0, 0, 0),
                ("S8" | "N9", _) | (_, Service::School | Service::Nights) => continue,
                ("S1" | "S2" | "S7", Service::Weekdays) => (5 * 60 + 30, 22 * 60 + 30, 15),
                (_, Service::Weekdays) => (5 * 60 + 45, 22 * 60 + 15, 30),
                (_, Service::Saturdays) => (6 * 60 + 30, 22 * 60, 30),
                (_, Service::Sundays) => (8 * 60, 21 * 60, 60),
            };
            let starts: Vec<(i32, Vec<usize>)> = match line.name {
                "S8" => [6 * 60 + 50, 7 * 60 + 20, 12 * 60 + 15, 13 * 60 + 10, 16 * 60]
                    .iter()
                    .map(|&minute| (minute * 60, vec![usize::from(minute > 10 * 60)]))
                    .collect(),
                // Past midnight, and past 24:00:00 of its service date.
                "N9" => [23 * 60, 24 * 60 + 10, 25 * 60 + 20].iter().map(|&minute| (minute * 60, vec![0, 1])).collect(),
                _ => (0..)
                    .map(|i| (first + i * headway + number as i32 % 5, i))
                    .take_while(|(minute, _)| *minute <= last)
                    .map(|(minute, i)| {
                        let branch = line.patterns.len() == 4 && i % 2 == 1;
                        let there = if branch { 2 } else { 0 };
                        (minute * 60, if line.patterns.len() == 1 { vec![0] } else { vec![there, there + 1] })
                    })
                    .collect(),
            };
            for (start, patterns) in starts {
                let mut start = start;
                for pattern in patterns {
                    let minute = start / 60;
                    let id = format!("{}-{}-{:02}{:02}-{pattern}", line.id, service.id(), minute / 60, minute % 60);
                    trips.push(Trip { id, line: number, pattern, service, start, block: 0 });
                    let ride = line.patterns[pattern].times.last().map_or(0, |times| times.1);
                    start += ride + LAYOVER;
                    start = (start + 59).div_euclid(60) * 60;
                }
            }
        }
    }
    assign_vehicles(&mut trips, lines, stops);
    trips
}

/// Gives each trip the first vehicle that stands where it begins; on the days of one service as on those of another.
fn assign_vehicles(trips: &mut [Trip], lines: &[Line], stops: &[Stop]) {
    let place = |stop: usize| stops[stop].parent.unwrap_or(stop);
    // School buses run beside those of weekdays, and night buses after all of them.
    for day in [Service::Weekdays, Service::Saturdays, Service::Sundays] {
        let same = |service: Service| {
            service == day || (day == Service::Weekdays && matches!(service, Service::School | Service::Nights))
        };
        let mut order: Vec<usize> = (0..trips.len()).filter(|&trip| same(trips[trip].service)).collect();
        order.sort_by_key(|&trip| (trips[trip].start, trip));
        // Where each vehicle is, and from when on.
        let mut vehicles: Vec<(usize, i32, bool)> = Vec::new();
        for trip in order {
            let pattern = &lines[trips[trip].line].patterns[trips[trip].pattern];
            let (Some(&first), Some(&last)) = (pattern.stops.first(), pattern.stops.last()) else { continue };
            let start = trips[trip].start;
            // Vehicles of the night line and of the school line are their own, for they run on other days, too.
            let own = !matches!(trips[trip].service, Service::Weekdays | Service::Saturdays | Service::Sundays);
            let free =
                vehicles.iter().position(|&(at, from, special)| at == place(first) && from <= start && special == own);
            let end = start + pattern.times.last().map_or(0, |times| times.1) + LAYOVER / 2;
            let block = free.unwrap_or(vehicles.len());
            let state = (place(last), end, own);
            match free {
                Some(vehicle) => vehicles[vehicle] = state,
                None => vehicles.push(state),
            }
            trips[trip].block = block;
        }
    }
}

/// Easter Sunday by the Gregorian calendar (Butcher's algorithm).
fn easter(year: i16) -> Date {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e) = (b / 4, b % 4);
    let f = (b + 8) / 25;
    let g = (b - f + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    date(year, (n / 31) as i8, (n % 31 + 1) as i8)
}

fn after_easter(year: i16, days: i32) -> Date {
    easter(year).saturating_add(Span::new().days(days))
}

/// Public holidays of Baden-Württemberg.
pub fn is_holiday(day: Date) -> bool {
    let fixed = [(1, 1), (1, 6), (5, 1), (10, 3), (11, 1), (12, 25), (12, 26)];
    fixed.contains(&(day.month(), day.day()))
        || [-2, 1, 39, 50, 60].iter().any(|&days| after_easter(day.year(), days) == day)
}

/// The school holidays, near enough.
pub fn is_school_holiday(day: Date) -> bool {
    let year = day.year();
    let within = |from: Date, until: Date| (from..=until).contains(&day);
    within(date(year, 12, 23), date(year, 12, 31))
        || within(date(year, 1, 1), date(year, 1, 8))
        || within(after_easter(year, -6), after_easter(year, 6))
        || within(after_easter(year, 51), after_easter(year, 51).saturating_add(11.days()))
        || within(date(year, 7, 30), date(year, 9, 12))
        || within(date(year, 10, 27), date(year, 10, 31))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn city() -> City {
        City::new(1, "2026-11-24".parse().unwrap())
    }

    #[test]
    fn the_network_is_of_offenburgs_size() {
        let city = city();
        assert_eq!(city.lines.len(), 9);
        let stops = city.stops.iter().filter(|stop| !stop.is_station).count();
        assert!((100..=130).contains(&stops), "{stops} stops");
        let vehicles = city.trips.iter().map(|trip| trip.block).max().unwrap() + 1;
        assert!((16..=24).contains(&vehicles), "{vehicles} vehicles");
        let far = city.stops.iter().map(|stop| apart(CENTRE, (stop.lat, stop.lon))).fold(0.0, f64::max);
        assert!(far < 9_000.0, "{far} m");
    }

    #[test]
    fn no_vehicle_is_at_two_places_at_once_on_any_day() {
        let city = city();
        for day in ["2026-11-24", "2026-11-28", "2026-11-29", "2026-12-25", "2026-08-12"] {
            let trips = city.trips_on(day.parse().unwrap());
            for pair in trips.windows(2) {
                let (before, after) = (&city.trips[pair[0]], &city.trips[pair[1]]);
                if before.block == after.block {
                    let end = before.start + city.pattern(before).times.last().unwrap().1;
                    assert!(end <= after.start, "{day}: {} {}", before.id, after.id);
                }
            }
        }
    }

    #[test]
    fn the_night_line_runs_past_midnight_and_the_school_line_rests_in_the_holidays() {
        let city = city();
        let latest =
            city.trips.iter().map(|trip| trip.start + city.pattern(trip).times.last().unwrap().1).max().unwrap();
        assert!(latest > 26 * 3600, "{latest}");
        assert!(Service::School.runs_on("2026-11-24".parse().unwrap()));
        assert!(!Service::School.runs_on("2026-12-28".parse().unwrap()));
        assert!(Service::Sundays.runs_on("2026-10-03".parse().unwrap()));
        assert!(is_holiday(date(2026, 4, 3)) && is_holiday(date(2026, 6, 4)) && !is_holiday(date(2026, 11, 24)));
    }
}
