//! Lines with fewer points: the algorithm of Visvalingam and Whyatt (1993), which takes out the point that changes the least area.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

struct Corner {
    area: f64,
    place: usize,
    /// Of its neighbours when the area was measured: with others it counts no more.
    before: usize,
    after: usize,
}

impl Ord for Corner {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives the greatest first.
        other.area.total_cmp(&self.area).then(other.place.cmp(&self.place))
    }
}

impl PartialOrd for Corner {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Corner {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Corner {}

fn area(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    ((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])).abs() / 2.0
}

/// The places of the points that stay, in order: both ends, and every corner of at least `least` square units. n log n.
pub(super) fn kept(points: &[[f64; 2]], least: f64) -> Vec<usize> {
    let count = points.len();
    let mut before: Vec<usize> = (0..count).map(|place| place.saturating_sub(1)).collect();
    let mut after: Vec<usize> = (1..=count).collect();
    let mut stays = vec![true; count];
    let corner = |before: usize, place: usize, after: usize| Corner {
        area: area(points[before], points[place], points[after]),
        place,
        before,
        after,
    };
    let mut heap: BinaryHeap<Corner> =
        (1..count.saturating_sub(1)).map(|place| corner(place - 1, place, place + 1)).collect();
    while let Some(least_of) = heap.pop() {
        if least_of.area >= least {
            break;
        }
        let place = least_of.place;
        if !stays[place] || before[place] != least_of.before || after[place] != least_of.after {
            continue;
        }
        stays[place] = false;
        let (left, right) = (before[place], after[place]);
        (after[left], before[right]) = (right, left);
        if left > 0 {
            heap.push(corner(before[left], left, right));
        }
        if right + 1 < count {
            heap.push(corner(left, right, after[right]));
        }
    }
    (0..count).filter(|place| stays[*place]).collect()
}

/// The points that stay.
pub(super) fn simplified(points: &[[f64; 2]], least: f64) -> Vec<[f64; 2]> {
    kept(points, least).into_iter().map(|place| points[place]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ends_stay_and_nothing_is_added(
            points in prop::collection::vec([-1e4..1e4_f64, -1e4..1e4_f64], 0..200), least in 0.0..1e6_f64,
        ) {
            let once = kept(&points, least);
            prop_assert!(once.is_sorted() && once.len() <= points.len() && once.iter().all(|place| *place < points.len()));
            prop_assert_eq!(once.first(), (!points.is_empty()).then_some(&0));
            prop_assert_eq!(once.last().copied(), points.len().checked_sub(1));
            prop_assert_eq!(&once, &kept(&points, least));
            // No corner that is left is smaller, and coarser keeps fewer.
            let left = simplified(&points, least);
            prop_assert!(left.windows(3).all(|corner| area(corner[0], corner[1], corner[2]) >= least));
            prop_assert!(kept(&points, least * 4.0).len() <= once.len());
        }
    }

    #[test]
    fn a_straight_line_has_two_points_however_many_it_had() {
        let line: Vec<[f64; 2]> = (0..100_000).map(|at| [f64::from(at), 7.0]).collect();
        assert_eq!(kept(&line, 0.1), [0, 99_999]);
        let corner = [[0.0, 0.0], [5.0, 0.1], [10.0, 0.0], [10.0, 10.0]];
        assert_eq!(kept(&corner, 1.0), [0, 2, 3]);
    }
}
