//! Matches of the stops of a trip with the stretches of a shape, and the best order of them.
//!
//! Every stop is matched to the stretches of the shape that come near it, and the best order of matches is sought. Which
//! stretches are near a stop is worked out once per shape, not once per trip, and a stretch that is far away is passed
//! over by its chord, without trigonometry.

use rustc_hash::FxHashMap;

use super::prelude::*;
use crate::geo::{self, Point};

/// Metres between a stop and the shape that are not told; at the ends of railway lines, where stations are large, four
/// times as many.
const NEAR: f64 = 100.0;
const LARGE: f64 = 4.0;
/// Matches of one stop that are not told.
const MANY: usize = 20;

/// Matches that are held at once, 56 bytes each.
const MATCHES: usize = 1_000_000;
/// Stretches of a shape that are passed over together.
const GROUP: usize = 64;

/// No looks are left.
pub(super) struct Spent;

/// A place on the shape that is near a stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    /// The stretch that begins with this point.
    index: usize,
    /// Metres from the beginning of the shape.
    along: f64,
    /// Metres between stop and shape.
    pub(super) away: f64,
    pub(super) location: Point,
}

pub(super) struct Shape {
    points: Vec<Point>,
    /// Metres from the beginning.
    along: Vec<f64>,
    /// `shape_dist_traveled`, never decreasing.
    pub(super) user: Vec<f64>,
    /// The chord of the stretch that begins with each point.
    chords: Vec<f64>,
    /// For each group of stretches its first point, and a chord that no point of them is further away.
    groups: Vec<(Point, f64)>,
}

pub(super) enum Problem {
    TooFar { at: usize, found: Match },
    TooMany { at: usize, found: Match, count: usize },
    OutOfOrder { at: usize, found: Match, before: Match },
}

/// A stop of a trip as it is matched.
pub(super) struct Stop {
    pub(super) row: usize,
    /// The row of `stops`.
    pub(super) stop: u32,
    pub(super) location: Point,
    pub(super) user: f64,
    pub(super) large: bool,
}

impl Shape {
    pub(super) fn new(feed: &Feed, rows: Rows<'_>) -> Self {
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
pub(super) struct Cache {
    near: FxHashMap<(u32, bool), Vec<Match>>,
    closest: FxHashMap<u32, Option<Match>>,
    /// Matches that `near` may still keep.
    room: usize,
    pub(super) looks_left: usize,
}

impl Cache {
    pub(super) fn new(looks_left: usize) -> Self {
        Self { near: FxHashMap::default(), closest: FxHashMap::default(), room: MATCHES, looks_left }
    }

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

pub(super) fn match_by_place(stops: &[Stop], shape: &Shape, cache: &mut Cache) -> Result<Vec<Problem>, Spent> {
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

pub(super) fn match_by_user_distance(stops: &[Stop], shape: &Shape, cache: &mut Cache) -> Result<Vec<Problem>, Spent> {
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
