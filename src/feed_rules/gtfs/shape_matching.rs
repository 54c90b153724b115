//! Stops beside the shape of their trip: too far from it, or passed in another order than they are served.
//!
//! Every stop is matched to the stretches of the shape that come near it, and the best order of matches is sought. Which
//! stretches are near a stop is worked out once per shape, not once per trip, and a stretch that is far away is passed
//! over by its chord, without trigonometry.

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::json;

use super::prelude::*;
use crate::feed_rules::notice::Cut;
use crate::geo::{self, Point};

pub static TOO_FAR: Notice = Notice {
    code: "stop_too_far_from_shape",
    severity: Severity::Warning,
    files: &["stop_times.txt", "stops.txt", "trips.txt"],
    fields: &[
        "geoDistanceToShape",
        "match",
        "shapeId",
        "stopId",
        "stopName",
        "stopTimeCsvRowNumber",
        "tripCsvRowNumber",
        "tripId",
    ],
    en: Words {
        what: "A stop is more than 100 m away from the way of its trip.",
        mend: "Correct the stop's position or the shape.",
    },
    de: Words {
        what: "Ein Halt liegt mehr als 100 m neben dem Weg seiner Fahrt.",
        mend: "Lage des Halts oder Linienweg berichtigen.",
    },
};
pub static TOO_FAR_BY_USER: Notice = Notice {
    code: "stop_too_far_from_shape_using_user_distance",
    severity: Severity::Warning,
    files: &["trips.txt", "stop_times.txt", "stops.txt", "stop_times.txt"],
    fields: &[
        "geoDistanceToShape",
        "match",
        "shapeId",
        "stopId",
        "stopName",
        "stopTimeCsvRowNumber",
        "tripCsvRowNumber",
        "tripId",
    ],
    en: Words {
        what: "Where shape_dist_traveled says that the stop is, the way of the trip is more than 100 m away from it.",
        mend: "Correct shape_dist_traveled.",
    },
    de: Words {
        what: "Wo der Halt laut shape_dist_traveled liegt, ist der Weg der Fahrt mehr als 100 m entfernt.",
        mend: "shape_dist_traveled berichtigen.",
    },
};
pub static TOO_MANY: Notice = Notice {
    code: "stop_has_too_many_matches_for_shape",
    severity: Severity::Warning,
    files: &["trips.txt", "stop_times.txt", "stops.txt"],
    fields: &[
        "match",
        "matchCount",
        "shapeId",
        "stopId",
        "stopName",
        "stopTimeCsvRowNumber",
        "tripCsvRowNumber",
        "tripId",
    ],
    en: Words {
        what: "The way of the trip passes the stop more than 20 times, so it is not clear which time it stops.",
        mend: "Simplify the shape around the stop.",
    },
    de: Words {
        what: "Der Weg der Fahrt kommt über 20-mal am Halt vorbei; unklar ist, wann er hält.",
        mend: "Linienweg um den Halt vereinfachen.",
    },
};
pub static OUT_OF_ORDER: Notice = Notice {
    code: "stops_match_shape_out_of_order",
    severity: Severity::Warning,
    files: &["trips.txt", "stop_times.txt", "stops.txt"],
    fields: &[
        "match1",
        "match2",
        "shapeId",
        "stopId1",
        "stopId2",
        "stopName1",
        "stopName2",
        "stopTimeCsvRowNumber1",
        "stopTimeCsvRowNumber2",
        "tripCsvRowNumber",
        "tripId",
    ],
    en: Words {
        what: "The way of the trip passes two stops in the other order than they are served.",
        mend: "Correct the shape, stop_sequence or shape_dist_traveled.",
    },
    de: Words {
        what: "Der Weg der Fahrt passiert zwei Halte in anderer Reihenfolge, als sie bedient werden.",
        mend: "Linienweg, stop_sequence oder shape_dist_traveled berichtigen.",
    },
};

const FAR: &str = "stop_id,stop_name,stop_lat,stop_lon\n\
                   a,Rathaus,48.47,7.94\n\
                   b,Bahnhof,48.479,7.946\n\
                   c,Klinikum,48.482,7.952\n";
const BY_DISTANCE: &str = "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\n\
                           p,48.47,7.94,1,0\n\
                           p,48.476,7.946,2,1\n\
                           p,48.482,7.952,3,2\n";

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&TOO_FAR, &TOO_FAR_BY_USER, &TOO_MANY, &OUT_OF_ORDER],
    needs: Needs::Tables(&["stops", "trips", "routes", "stop_times", "shapes"]),
    check: Some(check),
    examples: &[
        fails("stop_too_far_from_shape", 1, &[("stops.txt", FAR)]),
        passes("stop_too_far_from_shape", &[]),
        fails(
            "stop_too_far_from_shape_using_user_distance",
            1,
            &[
                ("shapes.txt", BY_DISTANCE),
                (
                    "stop_times.txt",
                    "trip_id,arrival_time,departure_time,stop_id,stop_sequence,shape_dist_traveled\n\
                     t,08:00:00,08:00:00,a,1,0\n\
                     t,08:05:00,08:05:00,b,2,0.5\n\
                     t,08:10:00,08:10:00,c,3,2\n",
                ),
            ],
        ),
        passes(
            "stop_too_far_from_shape_using_user_distance",
            &[
                ("shapes.txt", BY_DISTANCE),
                (
                    "stop_times.txt",
                    "trip_id,arrival_time,departure_time,stop_id,stop_sequence,shape_dist_traveled\n\
                     t,08:00:00,08:00:00,a,1,0\n\
                     t,08:05:00,08:05:00,b,2,0.99\n\
                     t,08:10:00,08:10:00,c,3,2\n",
                ),
            ],
        ),
        fails(
            "stops_match_shape_out_of_order",
            1,
            &[(
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                 t,08:00:00,08:00:00,b,1\n\
                 t,08:05:00,08:05:00,a,2\n\
                 t,08:10:00,08:10:00,c,3\n",
            )],
        ),
        passes("stops_match_shape_out_of_order", &[]),
        passes("stop_has_too_many_matches_for_shape", &[]),
    ],
};

/// Metres between a stop and the shape that are not told; at the ends of railway lines, where stations are large, four
/// times as many.
const NEAR: f64 = 100.0;
const LARGE: f64 = 4.0;
/// Matches of one stop that are not told.
const MANY: usize = 20;

/// Looks at stretches of shapes in a feed, at most, and for each row of `shapes` and `stop_times`. Some seconds; a country's feed takes a
/// tenth. A hostile shape passes a stop again and again.
const LOOKS: usize = 300_000_000;
const LOOKS_A_ROW: usize = 500;
/// Matches that are held at once, 56 bytes each.
const MATCHES: usize = 1_000_000;
/// Stretches of a shape that are passed over together.
const GROUP: usize = 64;

static CUT: Cut = Cut {
    en: "shapes pass stops so often, or are so long, that not all trips were compared with \
         them",
    de: "Linienwege kommen so oft an Halten vorbei oder sind so lang, dass nicht alle \
         Fahrten damit verglichen wurden",
};

/// No looks are left.
struct Spent;

/// A place on the shape that is near a stop.
#[derive(Clone, Copy, Debug)]
struct Match {
    /// The stretch that begins with this point.
    index: usize,
    /// Metres from the beginning of the shape.
    along: f64,
    /// Metres between stop and shape.
    away: f64,
    location: Point,
}

struct Shape {
    points: Vec<Point>,
    /// Metres from the beginning.
    along: Vec<f64>,
    /// `shape_dist_traveled`, never decreasing.
    user: Vec<f64>,
    /// The chord of the stretch that begins with each point.
    chords: Vec<f64>,
    /// For each group of stretches its first point, and a chord that no point of them is further away.
    groups: Vec<(Point, f64)>,
}

enum Problem {
    TooFar { at: usize, found: Match },
    TooMany { at: usize, found: Match, count: usize },
    OutOfOrder { at: usize, found: Match, before: Match },
}

/// A stop of a trip as it is matched.
struct Stop {
    row: usize,
    /// The row of `stops`.
    stop: u32,
    location: Point,
    user: f64,
    large: bool,
}

fn check(feed: &Feed, out: &mut Out) {
    if all_shapes(feed, out).is_err() {
        out.cut(&CUT);
    }
}

fn all_shapes(feed: &Feed, out: &mut Out) -> Result<(), Spent> {
    let (trips, times, shapes) = (feed.table("trips"), feed.table("stop_times"), feed.table("shapes"));
    if trips.rows == 0 || times.rows == 0 || shapes.rows == 0 || feed.table("stops").rows == 0 {
        return Ok(());
    }
    let mut looks_left = LOOKS + LOOKS_A_ROW * (times.rows + shapes.rows);
    let places: Vec<Point> = feed.locations().iter().map(|place| Point::of(place.unwrap_or([0.0, 0.0]))).collect();
    let of_shape = trips.text("shape_id");
    let trips_of_shape = of_shape.rows_by_code();
    let ids = shapes.text("shape_id");
    let route_rows = feed.link("trips", "route_id", "routes", "route_id");
    let (routes, types) = (trips.text("route_id"), feed.table("routes").int("route_type"));
    let at = times.text("stop_id");
    let user = times.float("shape_dist_traveled");
    let stop_rows = feed.stops_of_stop_times();
    let ways = feed.trips();
    for (code, rows) in feed.shape_points().iter() {
        let Some(of) = ids.words().and_then(|words| of_shape.find(words.get(code))) else { continue };
        let shape = Shape::new(feed, rows);
        let mut seen: FxHashSet<u64> = FxHashSet::default();
        let mut reported: FxHashSet<u32> = FxHashSet::default();
        let mut cache = Cache { near: FxHashMap::default(), closest: FxHashMap::default(), room: MATCHES, looks_left };
        for &trip in trips_of_shape.of(of) {
            let trip = trip as usize;
            let stops = ways.stop_times(trip);
            if stops.is_empty() || !seen.insert(pattern(stops, &at, &user)) {
                continue;
            }
            let Some(route) = routes.code(trip).map(|code| route_rows[code as usize]).filter(|row| *row != NO_ROW)
            else {
                continue;
            };
            let large = types.get(route as usize) == Some(2);
            let last = stops.len() - 1;
            let stops: Vec<Stop> = stops
                .iter()
                .enumerate()
                .map(|(place, row)| {
                    let stop = at.code(row).map_or(NO_ROW, |code| stop_rows[code as usize]);
                    Stop {
                        row,
                        stop,
                        location: places.get(stop as usize).copied().unwrap_or_else(|| Point::of([0.0, 0.0])),
                        user: user.or(row, 0.0),
                        large: large && (place == 0 || place == last),
                    }
                })
                .collect();
            let by_user =
                stops.last().is_some_and(|stop| stop.user > 0.0) && shape.user.last().is_some_and(|user| *user > 0.0);
            let mut tell = Teller { feed, trip, stops: &stops, reported: &mut reported, out };
            tell.all(match_by_place(&stops, &shape, &mut cache)?, &TOO_FAR);
            if by_user {
                tell.all(match_by_user_distance(&stops, &shape, &mut cache)?, &TOO_FAR_BY_USER);
            }
        }
        looks_left = cache.looks_left;
    }
    Ok(())
}

/// A number that is the same for trips with the same stops and distances.
fn pattern(rows: Rows<'_>, stops: &Text<'_>, user: &Float<'_>) -> u64 {
    use std::hash::Hasher;
    let mut hash = rustc_hash::FxHasher::default();
    for row in rows.iter() {
        hash.write_u32(stops.code(row).unwrap_or(NO_ROW));
        if let Some(distance) = user.get(row) {
            hash.write_u64(distance.to_bits());
        }
    }
    hash.write_usize(rows.len());
    hash.finish()
}

impl Shape {
    fn new(feed: &Feed, rows: Rows<'_>) -> Self {
        let table = feed.table("shapes");
        let (lat, lon, user) =
            (table.float("shape_pt_lat"), table.float("shape_pt_lon"), table.float("shape_dist_traveled"));
        let mut shape =
            Self { points: Vec::new(), along: Vec::new(), user: Vec::new(), chords: Vec::new(), groups: Vec::new() };
        let (mut metres, mut furthest) = (0.0, 0.0_f64);
        let mut before: Option<[f64; 2]> = None;
        for row in rows.iter() {
            let place = [lat.or(row, 0.0), lon.or(row, 0.0)];
            metres += before.map_or(0.0, |before| geo::metres(before, place));
            before = Some(place);
            furthest = furthest.max(user.or(row, 0.0));
            shape.points.push(Point::of(place));
            shape.along.push(metres);
            shape.user.push(furthest);
        }
        shape.chords = shape.points.windows(2).map(|pair| pair[0].chord2(pair[1]).sqrt()).collect();
        shape.groups = (0..shape.chords.len())
            .step_by(GROUP)
            .map(|begin| {
                let centre = shape.points[begin];
                let stretches = begin..(begin + GROUP).min(shape.chords.len());
                let reach = stretches.map(|index| centre.chord2(shape.points[index]).sqrt() + shape.chords[index]);
                (centre, reach.fold(0.0, f64::max))
            })
            .collect();
        shape
    }

    /// The best place of each stretch of the shape that comes nearer than so many metres.
    fn near(&self, location: Point, most: f64, cache: &mut Cache) -> Result<Vec<Match>, Spent> {
        let mut matches = Vec::new();
        let mut best: Option<Match> = None;
        let (mut end_away, mut leaving) = (f64::INFINITY, false);
        // A little more than the chord of the distance, for what rounding may cost.
        let reach = geo::chord2_of(most).sqrt() * (1.0 + 1e-9) + 1e-12;
        cache.spend(self.groups.len())?;
        let mut index = 0;
        while index < self.chords.len() {
            let (centre, around) = self.groups[index / GROUP];
            if index % GROUP == 0 {
                if location.chord2(centre).sqrt() > reach + around * (1.0 + 1e-9) + 1e-12 {
                    matches.extend(best.take());
                    index += GROUP;
                    continue;
                }
                cache.spend(GROUP)?;
            }
            let pair = &self.points[index..index + 2];
            let at = index;
            index += 1;
            let index = at;
            let far = location.chord2(pair[0]).sqrt() > reach + self.chords[index];
            let found = if far { None } else { Some(location.closest_on(pair[0], pair[1])) };
            let found = found.map(|closest| (closest, location.metres(closest))).filter(|(_, away)| *away <= most);
            let Some((closest, away)) = found else {
                matches.extend(best.take());
                continue;
            };
            // The shape went away from the stop and comes back: another time that it passes.
            if leaving && away < end_away {
                matches.extend(best.take());
            }
            if best.is_none_or(|best| away < best.away) {
                best = Some(Match { index, along: 0.0, away, location: closest });
            }
            end_away = location.metres(pair[1]);
            leaving = end_away > away;
        }
        matches.extend(best);
        matches.iter_mut().for_each(|found| self.measure(found));
        Ok(matches)
    }

    /// The place of the shape that is closest, however far.
    fn closest(&self, location: Point, cache: &mut Cache) -> Result<Option<Match>, Spent> {
        cache.spend(2 * self.groups.len())?;
        // No further than the nearest of the groups' first points.
        let away = |centre: &Point| location.chord2(*centre).sqrt();
        let bound =
            self.groups.iter().map(|(centre, _)| away(centre)).fold(f64::INFINITY, f64::min) * (1.0 + 1e-9) + 1e-12;
        let mut best: Option<Match> = None;
        let mut keep = |index: usize, closest: Point| {
            let away = location.metres(closest);
            if best.is_none_or(|best| away < best.away) {
                best = Some(Match { index, along: 0.0, away, location: closest });
            }
        };
        if let [only] = self.points[..] {
            keep(0, only);
        }
        for (group, (centre, around)) in self.groups.iter().enumerate() {
            if away(centre) > bound + around * (1.0 + 1e-9) {
                continue;
            }
            // The point that is closest takes some trigonometry.
            cache.spend(8 * GROUP)?;
            for index in group * GROUP..((group + 1) * GROUP).min(self.chords.len()) {
                keep(index, location.closest_on(self.points[index], self.points[index + 1]));
            }
        }
        Ok(best.map(|mut found| {
            self.measure(&mut found);
            found
        }))
    }

    fn measure(&self, found: &mut Match) {
        found.along = self.along[found.index] + found.location.metres(self.points[found.index]);
    }

    /// Where the shape has a distance of `shape_dist_traveled`, looked for from a point on.
    fn at_user_distance(&self, distance: f64, from: usize, stop: Point) -> Match {
        let mut previous = from;
        let mut next = from;
        while next < self.points.len() && distance >= self.user[next] {
            previous = next;
            next += 1;
        }
        let mut fraction = 0.0;
        if next > 0 && previous + 1 < self.points.len() {
            let (low, high) = (self.user[previous], self.user[previous + 1]);
            if !nearly_equal(low, high) {
                fraction = (distance - low) / (high - low);
            }
        }
        let (a, b) = (previous, (previous + 1).min(self.points.len() - 1));
        let location = self.points[a].towards(self.points[b], fraction);
        let along = self.along[a] + fraction * (self.along[b] - self.along[a]);
        Match { index: previous, along, away: stop.metres(location), location }
    }
}

/// Equal but for rounding, absolutely or as a fraction.
fn nearly_equal(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= f64::max(1e-15, 1e-15 * a.abs().max(b.abs()))
}

/// What is known of a stop beside this shape.
struct Cache {
    near: FxHashMap<(u32, bool), Vec<Match>>,
    closest: FxHashMap<u32, Option<Match>>,
    /// Matches that `near` may still keep.
    room: usize,
    looks_left: usize,
}

impl Cache {
    fn spend(&mut self, looks: usize) -> Result<(), Spent> {
        self.looks_left = self.looks_left.checked_sub(looks).ok_or(Spent)?;
        Ok(())
    }
}

fn match_stop(
    stop: &Stop,
    at: usize,
    shape: &Shape,
    cache: &mut Cache,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Match>, Spent> {
    let most = if stop.large { NEAR * LARGE } else { NEAR };
    let near = match cache.near.get(&(stop.stop, stop.large)) {
        Some(near) => near.clone(),
        None => {
            let near = shape.near(stop.location, most, cache)?;
            if near.len() <= cache.room {
                cache.room -= near.len();
                cache.near.insert((stop.stop, stop.large), near.clone());
            }
            near
        }
    };
    cache.spend(near.len())?;
    if near.is_empty() {
        let closest = match cache.closest.get(&stop.stop) {
            Some(closest) => *closest,
            None => {
                let closest = shape.closest(stop.location, cache)?;
                cache.closest.insert(stop.stop, closest);
                closest
            }
        };
        problems.extend(closest.filter(|found| found.away > most).map(|found| Problem::TooFar { at, found }));
    } else if near.len() > MANY {
        problems.extend(nearest(&near).map(|found| Problem::TooMany { at, found, count: near.len() }));
    }
    Ok(near)
}

fn nearest(matches: &[Match]) -> Option<Match> {
    matches.iter().copied().reduce(|a, b| if b.away < a.away { b } else { a })
}

fn match_by_place(stops: &[Stop], shape: &Shape, cache: &mut Cache) -> Result<Vec<Problem>, Spent> {
    let mut problems = Vec::new();
    let mut matches: Vec<Vec<Match>> = Vec::with_capacity(stops.len());
    let mut room = MATCHES;
    for (at, stop) in stops.iter().enumerate() {
        let near = match_stop(stop, at, shape, cache, &mut problems)?;
        room = room.checked_sub(near.len()).ok_or(Spent)?;
        matches.push(near);
    }
    if matches.iter().all(|matches| !matches.is_empty()) {
        best_order(&matches, &mut problems);
    }
    Ok(problems)
}

fn match_by_user_distance(stops: &[Stop], shape: &Shape, cache: &mut Cache) -> Result<Vec<Problem>, Spent> {
    let mut problems = Vec::new();
    let mut room = MATCHES;
    let mut matches = Vec::new();
    let mut from = 0;
    for (at, stop) in stops.iter().enumerate() {
        if stop.user > 0.0 {
            let found = shape.at_user_distance(stop.user, from, stop.location);
            cache.spend(found.index.saturating_sub(from))?;
            from = found.index;
            matches.push(vec![found]);
        } else {
            let near = match_stop(stop, at, shape, cache, &mut problems)?;
            if near.is_empty() {
                return Ok(problems);
            }
            room = room.checked_sub(near.len()).ok_or(Spent)?;
            matches.push(near);
        }
    }
    if let Some(order) = best_order(&matches, &mut problems) {
        for (at, found) in order.into_iter().enumerate().filter(|(_, found)| found.away > NEAR) {
            problems.push(Problem::TooFar { at, found });
        }
    }
    Ok(problems)
}

/// Chooses for each stop one of its matches so that none lies before the one of the stop before, with the least sum of
/// distances. Tells where that is not possible.
fn best_order(matches: &[Vec<Match>], problems: &mut Vec<Problem>) -> Option<Vec<Match>> {
    #[derive(Clone, Copy)]
    struct Partial {
        score: f64,
        furthest: f64,
        choice: usize,
        /// Its place among those of the stop before.
        before: usize,
    }
    let mut steps: Vec<Vec<Partial>> = vec![vec![Partial { score: 0.0, furthest: 0.0, choice: 0, before: 0 }]];
    for (at, options) in matches.iter().enumerate() {
        let last = &steps[at];
        let mut next = Vec::with_capacity(options.len());
        // Of many, the best up to each distance, so that not each is compared with each.
        let sorted = (last.len() > MANY && options.len() > MANY).then(|| {
            let mut sorted: Vec<(f64, f64, usize)> =
                last.iter().enumerate().map(|(place, partial)| (partial.furthest, partial.score, place)).collect();
            sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
            let better = |one: (f64, usize), two: (f64, usize)| if two < one { two } else { one };
            for place in 1..sorted.len() {
                let best = better((sorted[place - 1].1, sorted[place - 1].2), (sorted[place].1, sorted[place].2));
                (sorted[place].1, sorted[place].2) = best;
            }
            sorted
        });
        for (choice, option) in options.iter().enumerate() {
            let mut best: Option<usize> = sorted.as_ref().and_then(|sorted| {
                let until = sorted.partition_point(|(furthest, ..)| *furthest <= option.along);
                Some(sorted[until.checked_sub(1)?].2)
            });
            let one_by_one = if sorted.is_some() { &[] } else { &last[..] };
            for (place, partial) in
                one_by_one.iter().enumerate().filter(|(_, partial)| partial.furthest <= option.along)
            {
                if best.is_none_or(|best| partial.score < last[best].score) {
                    best = Some(place);
                }
            }
            next.extend(best.map(|before| Partial {
                score: last[before].score + option.away,
                furthest: option.along,
                choice,
                before,
            }));
        }
        if next.is_empty() {
            let best = last.iter().copied().reduce(|a, b| if b.score < a.score { b } else { a })?;
            let before = matches.get(at.checked_sub(1)?)?.get(best.choice)?;
            problems.extend(nearest(options).map(|found| Problem::OutOfOrder { at, found, before: *before }));
            return None;
        }
        steps.push(next);
    }
    let mut place = 0;
    let last = steps.last()?;
    for (other, partial) in last.iter().enumerate() {
        if partial.score < last[place].score {
            place = other;
        }
    }
    let mut order = Vec::with_capacity(matches.len());
    for (at, options) in matches.iter().enumerate().rev() {
        let partial = steps[at + 1][place];
        order.push(options[partial.choice]);
        place = partial.before;
    }
    order.reverse();
    Some(order)
}

struct Teller<'a> {
    feed: &'a Feed,
    trip: usize,
    stops: &'a [Stop],
    /// The stops of this shape that were told already.
    reported: &'a mut FxHashSet<u32>,
    out: &'a mut Out,
}

impl Teller<'_> {
    fn all(&mut self, problems: Vec<Problem>, too_far: &'static Notice) {
        let (trips, times, stops) = (self.feed.table("trips"), self.feed.table("stop_times"), self.feed.table("stops"));
        let at_stop = times.text("stop_id");
        let trip = self.trip;
        let (shape, id) = (trips.text("shape_id"), trips.text("trip_id"));
        let name = |stop: &Stop| stops.text("stop_name").value(stop.stop as usize);
        let place = |found: &Match| json!(found.location.place());
        for problem in problems {
            let at = match &problem {
                Problem::TooFar { at, .. } | Problem::TooMany { at, .. } | Problem::OutOfOrder { at, .. } => *at,
            };
            let stop = &self.stops[at];
            let Some(code) = at_stop.code(stop.row) else { continue };
            match problem {
                Problem::TooFar { found, .. } => {
                    if self.reported.insert(code) {
                        self.out.add(too_far, || {
                            [
                                found.away.into(),
                                place(&found),
                                shape.value(trip),
                                at_stop.value(stop.row),
                                name(stop),
                                times.at(stop.row),
                                trips.at(trip),
                                id.value(trip),
                            ]
                        });
                    }
                }
                Problem::TooMany { found, count, .. } => self.out.add(&TOO_MANY, || {
                    [
                        place(&found),
                        count.into(),
                        shape.value(trip),
                        at_stop.value(stop.row),
                        name(stop),
                        times.at(stop.row),
                        trips.at(trip),
                        id.value(trip),
                    ]
                }),
                Problem::OutOfOrder { found, before, .. } => {
                    let earlier = &self.stops[at - 1];
                    self.out.add(&OUT_OF_ORDER, || {
                        [
                            place(&found),
                            place(&before),
                            shape.value(trip),
                            at_stop.value(stop.row),
                            at_stop.value(earlier.row),
                            name(stop),
                            name(earlier),
                            times.at(stop.row),
                            times.at(earlier.row),
                            trips.at(trip),
                            id.value(trip),
                        ]
                    });
                }
            }
        }
    }
}
