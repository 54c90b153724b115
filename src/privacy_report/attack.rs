//! What somebody with nothing but the published files can do to follow a vehicle from one pseudonym to the next.
//!
//! The attack is simple on purpose: whoever tries harder links more, so what is measured here is the least. A vehicle is looked for in the
//! morning where one was last seen in the evening; on trips that it made the day before; and, where pseudonyms change within the
//! day, where another pseudonym begins soon after and near. Each pseudonym is linked once, the best guesses first. Buses that
//! park at the same place cannot be told apart by it, and are guessed in the order of their pseudonyms, which is random.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use crate::geo::metres;

/// Nearest ones that are looked at for each.
const NEAREST: usize = 16;
/// How far another pseudonym may begin from where one ended within the day, and how much later.
const STEP_METRES: f64 = 1_000.0;
const STEP_MILLISECONDS: i64 = 45 * 60 * 1_000;

/// What the files of a day tell of one pseudonym.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Track {
    /// The pseudonym.
    pub name: String,
    /// When and where it was seen first and last: milliseconds, latitude and longitude.
    pub first: (i64, [f64; 2]),
    pub last: (i64, [f64; 2]),
    pub trips: BTreeSet<String>,
}

/// Links that an attack makes from some pseudonyms to others.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Attack {
    /// Links that it claims.
    pub claimed: u64,
    /// Those that are right; `None` where nobody knows any more.
    pub right: Option<u64>,
    /// Links that could be right, because the vehicle is among the others.
    pub possible: Option<u64>,
    /// Links that would be right by chance.
    pub by_chance: Option<f64>,
}

/// Places of pseudonyms that are taken for the same vehicle.
type Links = Vec<(usize, usize)>;

/// The vehicle behind a pseudonym, if it is known.
pub(super) type Truth = HashMap<String, u128>;

/// By where a vehicle was last seen in the evening, and one is first seen in the morning.
pub(super) fn by_place(evening: &[&Track], morning: &[&Track]) -> Links {
    let mut guesses = Vec::new();
    for (from, one) in evening.iter().enumerate() {
        let distances = morning.iter().enumerate().map(|(to, other)| (metres(one.last.1, other.first.1), from, to));
        guesses.extend(nearest(distances));
    }
    best(guesses)
}

/// By the trips that a vehicle made on both days: the share of all trips of both that they have in common.
pub(super) fn by_trips(evening: &[&Track], morning: &[&Track]) -> Links {
    let mut of_trip: HashMap<&str, Vec<usize>> = HashMap::new();
    for (to, other) in morning.iter().enumerate() {
        other.trips.iter().for_each(|trip| of_trip.entry(trip).or_default().push(to));
    }
    let mut guesses = Vec::new();
    for (from, one) in evening.iter().enumerate() {
        let mut common: BTreeMap<usize, usize> = BTreeMap::new();
        for to in one.trips.iter().filter_map(|trip| of_trip.get(trip.as_str())).flatten() {
            *common.entry(*to).or_default() += 1;
        }
        guesses.extend(nearest(common.into_iter().map(|(to, count)| {
            let all = one.trips.len() + morning[to].trips.len() - count;
            (1.0 - count as f64 / all as f64, from, to)
        })));
    }
    best(guesses)
}

/// By where another pseudonym begins soon after one ended, within a day. A metre counts as a second.
pub(super) fn within_day(tracks: &[&Track]) -> Links {
    let mut guesses = Vec::new();
    for (from, one) in tracks.iter().enumerate() {
        guesses.extend(nearest(successors(tracks, from).filter_map(|to| {
            let distance = metres(one.last.1, tracks[to].first.1);
            let seconds = (tracks[to].first.0 - one.last.0) as f64 / 1_000.0;
            (distance <= STEP_METRES).then_some((distance + seconds, from, to))
        })));
    }
    best(guesses)
}

/// Pseudonyms that begin soon after one ended.
fn successors<'a>(tracks: &'a [&Track], from: usize) -> impl Iterator<Item = usize> + 'a {
    let ended = tracks[from].last.0;
    let is_soon = move |to: &usize| (ended..=ended + STEP_MILLISECONDS).contains(&tracks[*to].first.0) && *to != from;
    (0..tracks.len()).filter(is_soon)
}

/// The best guesses of one pseudonym.
fn nearest(guesses: impl Iterator<Item = (f64, usize, usize)>) -> Vec<(f64, usize, usize)> {
    let mut guesses: Vec<_> = guesses.collect();
    if guesses.len() > NEAREST {
        guesses.select_nth_unstable_by(NEAREST, by_cost);
        guesses.truncate(NEAREST);
    }
    guesses
}

fn by_cost(one: &(f64, usize, usize), other: &(f64, usize, usize)) -> std::cmp::Ordering {
    one.0.total_cmp(&other.0).then((one.1, one.2).cmp(&(other.1, other.2)))
}

/// Takes the best guess of all, then the best of what it leaves, and so on.
fn best(mut guesses: Vec<(f64, usize, usize)>) -> Links {
    guesses.sort_unstable_by(by_cost);
    let (mut from_taken, mut to_taken) = (BTreeSet::new(), BTreeSet::new());
    let mut links = Links::new();
    for (_, from, to) in guesses {
        if !from_taken.contains(&from) && !to_taken.contains(&to) {
            from_taken.insert(from);
            to_taken.insert(to);
            links.push((from, to));
        }
    }
    links
}

/// How many links from day to day are right: by the vehicles behind the pseudonyms of both days.
pub(super) fn between_days(
    links: &[(usize, usize)],
    [evening, morning]: [&[&Track]; 2],
    truth: Option<[&Truth; 2]>,
) -> Attack {
    let mut attack = Attack { claimed: links.len() as u64, ..Attack::default() };
    let Some([of_evening, of_morning]) = truth else { return attack };
    let is_same = |from: usize, to: usize| {
        let one = of_evening.get(&evening[from].name);
        one.is_some() && one == of_morning.get(&morning[to].name)
    };
    attack.right = Some(links.iter().filter(|(from, to)| is_same(*from, *to)).count() as u64);
    let mut next: HashMap<u128, u64> = HashMap::new();
    for vehicle in morning.iter().filter_map(|track| of_morning.get(&track.name)) {
        *next.entry(*vehicle).or_default() += 1;
    }
    let choices = evening.iter().filter_map(|track| next.get(of_evening.get(&track.name)?));
    let (mut possible, mut by_chance) = (0, 0.0);
    for choice in choices {
        possible += 1;
        by_chance += *choice as f64 / morning.len() as f64;
    }
    (attack.possible, attack.by_chance) = (Some(possible), Some(by_chance));
    attack
}

/// The same of links within a day: one is right if it leads to the vehicle's next pseudonym.
pub(super) fn of_day(links: &[(usize, usize)], tracks: &[&Track], truth: Option<&Truth>) -> Attack {
    let mut attack = Attack { claimed: links.len() as u64, ..Attack::default() };
    let Some(truth) = truth else { return attack };
    let mut of_vehicle: HashMap<u128, Vec<usize>> = HashMap::new();
    for (place, track) in tracks.iter().enumerate() {
        if let Some(vehicle) = truth.get(&track.name) {
            of_vehicle.entry(*vehicle).or_default().push(place);
        }
    }
    let mut next: HashMap<usize, usize> = HashMap::new();
    for places in of_vehicle.values_mut() {
        places.sort_unstable_by_key(|place| (tracks[*place].first.0, *place));
        next.extend(places.windows(2).map(|pair| (pair[0], pair[1])));
    }
    let by_chance = next.keys().map(|from| {
        // Who knows nothing but the times picks one of those that begin soon after.
        let choices = successors(tracks, *from).count();
        if choices == 0 { 0.0 } else { 1.0 / choices as f64 }
    });
    attack.by_chance = Some(by_chance.sum());
    attack.possible = Some(next.len() as u64);
    attack.right = Some(links.iter().filter(|(from, to)| next.get(from) == Some(to)).count() as u64);
    attack
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(name: &str, first: (i64, f64), last: (i64, f64), trips: &[&str]) -> Track {
        let at = |(minutes, lat): (i64, f64)| (minutes * 60_000, [lat, 8.0]);
        let trips = trips.iter().map(|trip| (*trip).to_owned()).collect();
        Track { name: name.to_owned(), first: at(first), last: at(last), trips }
    }

    fn truth(of: &[(&str, u128)]) -> Truth {
        of.iter().map(|(name, vehicle)| ((*name).to_owned(), *vehicle)).collect()
    }

    #[test]
    fn a_vehicle_that_parks_alone_is_found_where_it_stood_and_others_by_chance() {
        let evening = [track("a", (0, 48.0), (60, 48.5), &["1"]), track("b", (0, 48.0), (60, 48.7), &["2"])];
        let morning = [track("q", (0, 48.7), (60, 48.0), &["1"]), track("p", (0, 48.5), (60, 48.0), &["2"])];
        let (evening, morning): (Vec<_>, Vec<_>) = (evening.iter().collect(), morning.iter().collect());
        let (of_evening, of_morning) = (truth(&[("a", 1), ("b", 2)]), truth(&[("p", 1), ("q", 2)]));
        let measured = |links: &Links| between_days(links, [&evening, &morning], Some([&of_evening, &of_morning]));
        let expected = |right| Attack { claimed: 2, right: Some(right), possible: Some(2), by_chance: Some(1.0) };
        assert_eq!(measured(&by_place(&evening, &morning)), expected(2));
        // The trips are those of the other vehicle.
        assert_eq!(measured(&by_trips(&evening, &morning)), expected(0));
        let unknown = between_days(&by_place(&evening, &morning), [&evening, &morning], None);
        assert_eq!((unknown.claimed, unknown.right, unknown.by_chance), (2, None, None));
    }

    #[test]
    fn a_vehicle_that_is_gone_the_next_day_counts_as_no_link_that_could_be_right() {
        let evening = [track("a", (0, 48.0), (60, 48.5), &[]), track("b", (0, 48.0), (60, 48.7), &[])];
        let morning = [track("p", (0, 48.5), (60, 48.0), &[])];
        let (evening, morning): (Vec<_>, Vec<_>) = (evening.iter().collect(), morning.iter().collect());
        let links = by_place(&evening, &morning);
        let attack =
            between_days(&links, [&evening, &morning], Some([&truth(&[("a", 1), ("b", 2)]), &truth(&[("p", 1)])]));
        assert_eq!((attack.claimed, attack.right, attack.possible, attack.by_chance), (1, Some(1), Some(1), Some(1.0)));
        assert!(by_trips(&evening, &morning).is_empty(), "no trips are no trips in common");
    }

    #[test]
    fn pseudonyms_of_trips_are_chained_where_a_bus_turns() {
        // Two buses turn at places of their own; a third pseudonym begins too late.
        let tracks = [
            track("a1", (0, 48.0), (30, 48.5), &[]),
            track("a2", (35, 48.5), (60, 48.0), &[]),
            track("b1", (0, 48.2), (30, 48.7), &[]),
            track("b2", (36, 48.7), (60, 48.2), &[]),
            track("b3", (200, 48.2), (230, 48.7), &[]),
        ];
        let tracks: Vec<_> = tracks.iter().collect();
        let links = within_day(&tracks);
        let truth = truth(&[("a1", 1), ("a2", 1), ("b1", 2), ("b2", 2), ("b3", 2)]);
        let attack = of_day(&links, &tracks, Some(&truth));
        assert_eq!((attack.claimed, attack.right, attack.possible), (2, Some(2), Some(3)));
        // Two begin soon after each of the first ones, none after the last but one.
        assert_eq!(attack.by_chance, Some(1.0));
    }
}
