//! Whether the outlines of zones are sound (OGC Simple Features, 6.1.11: rings are simple, holes lie inside, parts do not overlap), in
//! n log n for a ring of n corners. `geo` compares each segment of a ring with each other.
//!
//! The verdicts and words are those of `geo`'s `check_validation`.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;

use geo::coordinate_position::CoordPos;
use geo::dimensions::Dimensions;
use geo::validation::{GeometryIndex, InvalidMultiPolygon, InvalidPolygon, RingRole};
use geo::{
    BoundingRect, Coord, GeoNum, Geometry, Intersects, Kernel, Line, LineString, MultiPolygon, Orientation, Polygon,
    Rect, Relate,
};

/// Segments that comparisons of areas may take up, some seconds for all zones of a feed.
pub const WORK: usize = 20_000_000;

/// No more can be compared.
#[derive(Debug, PartialEq, Eq)]
pub struct Spent;

/// What is left of [`WORK`].
#[derive(Debug)]
pub struct Work(Cell<usize>);

impl Default for Work {
    fn default() -> Self {
        Self(Cell::new(WORK))
    }
}

impl Work {
    fn spend(&self, segments: usize) -> Result<(), Spent> {
        self.0.set(self.0.get().checked_sub(segments).ok_or(Spent)?);
        Ok(())
    }

    /// Books the comparison of two areas: their segments, and the pairs of segments whose ranges meet in the direction in which fewer do.
    pub fn compare<'a>(
        &self,
        one: impl Iterator<Item = &'a LineString<f64>>,
        two: impl Iterator<Item = &'a LineString<f64>>,
    ) -> Result<(), Spent> {
        let mut ranges: [Vec<(f64, f64)>; 2] = [Vec::new(), Vec::new()];
        for line in one.chain(two).flat_map(LineString::lines) {
            ranges[0].push((line.start.x.min(line.end.x), line.start.x.max(line.end.x)));
            ranges[1].push((line.start.y.min(line.end.y), line.start.y.max(line.end.y)));
        }
        self.spend(ranges[0].len())?;
        let left = self.0.get();
        let [x, y] = ranges.map(|ranges| meeting(ranges, left));
        self.spend(x.min(y))
    }
}

/// How many pairs of ranges meet.
fn meeting(mut ranges: Vec<(f64, f64)>, at_most: usize) -> usize {
    ranges.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut pairs = 0_usize;
    for (place, range) in ranges.iter().enumerate() {
        pairs += ranges[place + 1..].partition_point(|other| other.0 <= range.1);
        if pairs > at_most {
            return usize::MAX;
        }
    }
    pairs
}

/// What is wrong with a polygon.
pub fn polygon(polygon: &Polygon<f64>, work: &Work) -> Result<Option<InvalidPolygon>, Spent> {
    if polygon.exterior().0.is_empty() {
        return Ok(None);
    }
    let rings = std::iter::once((RingRole::Exterior, polygon.exterior()));
    let holes = polygon.interiors().iter().enumerate().map(|(place, ring)| (RingRole::Interior(place), ring));
    for (role, ring) in rings.chain(holes).filter(|(_, ring)| !ring.0.is_empty()) {
        match ring_fault(ring) {
            Some(RingFault::TooFewPoints) => return Ok(Some(InvalidPolygon::TooFewPointsInRing(role))),
            Some(RingFault::SelfIntersection) => return Ok(Some(InvalidPolygon::SelfIntersection(role))),
            None => {}
        }
    }
    holes_fault(polygon, work)
}

/// What is wrong with the polygons of a zone, alone and beside each other.
pub fn polygons(all: &MultiPolygon<f64>, work: &Work) -> Result<Option<InvalidMultiPolygon>, Spent> {
    for (place, one) in all.0.iter().enumerate() {
        if let Some(fault) = polygon(one, work)? {
            return Ok(Some(InvalidMultiPolygon::InvalidPolygon(GeometryIndex(place), fault)));
        }
    }
    let boxes: Vec<Option<Rect<f64>>> = all.0.iter().map(BoundingRect::bounding_rect).collect();
    for (one, two) in meeting_boxes(&boxes, work)? {
        work.compare(rings(&all.0[one]), rings(&all.0[two]))?;
        let matrix = all.0[one].relate(&all.0[two]);
        let places = || (GeometryIndex(one), GeometryIndex(two));
        if matrix.get(CoordPos::Inside, CoordPos::Inside) == Dimensions::TwoDimensional {
            let (one, two) = places();
            return Ok(Some(InvalidMultiPolygon::ElementsOverlaps(one, two)));
        }
        if matrix.get(CoordPos::OnBoundary, CoordPos::OnBoundary) == Dimensions::OneDimensional {
            let (one, two) = places();
            return Ok(Some(InvalidMultiPolygon::ElementsTouchOnALine(one, two)));
        }
    }
    Ok(None)
}

/// All rings of a polygon.
pub fn rings(polygon: &Polygon<f64>) -> impl Iterator<Item = &LineString<f64>> {
    std::iter::once(polygon.exterior()).chain(polygon.interiors())
}

/// All rings of a zone, which is a polygon or several.
pub fn rings_of(area: &Geometry<f64>) -> impl Iterator<Item = &LineString<f64>> {
    let polygons = match area {
        Geometry::Polygon(polygon) => std::slice::from_ref(polygon),
        Geometry::MultiPolygon(polygons) => &polygons.0[..],
        _ => &[],
    };
    polygons.iter().flat_map(rings)
}

/// Pairs of boxes that share a point, by the first, then by the second.
fn meeting_boxes(boxes: &[Option<Rect<f64>>], work: &Work) -> Result<Vec<(usize, usize)>, Spent> {
    let mut sorted: Vec<(usize, Rect<f64>)> =
        boxes.iter().enumerate().filter_map(|(place, area)| Some((place, (*area)?))).collect();
    sorted.sort_unstable_by(|a, b| a.1.min().x.total_cmp(&b.1.min().x));
    let mut pairs = Vec::new();
    for (place, (one, area)) in sorted.iter().enumerate() {
        for (two, other) in sorted[place + 1..].iter().take_while(|(_, other)| other.min().x <= area.max().x) {
            work.spend(1)?;
            if area.min().y <= other.max().y && other.min().y <= area.max().y {
                pairs.push((*one.min(two), *one.max(two)));
            }
        }
    }
    pairs.sort_unstable();
    Ok(pairs)
}

fn holes_fault(polygon: &Polygon<f64>, work: &Work) -> Result<Option<InvalidPolygon>, Spent> {
    let holes: Vec<(usize, &LineString<f64>)> =
        polygon.interiors().iter().enumerate().filter(|(_, ring)| !ring.0.is_empty()).collect();
    if holes.is_empty() {
        return Ok(None);
    }
    let area = |ring: &LineString<f64>| Polygon::new(ring.clone(), Vec::new());
    let outer = area(polygon.exterior());
    let boxes: Vec<Option<Rect<f64>>> = holes.iter().map(|(_, ring)| ring.bounding_rect()).collect();
    let mut pairs = meeting_boxes(&boxes, work)?.into_iter().peekable();
    for (place, (number, ring)) in holes.iter().enumerate() {
        let role = RingRole::Interior(*number);
        work.compare(std::iter::once(outer.exterior()), std::iter::once(*ring))?;
        let one = area(ring);
        let matrix = outer.relate(&one);
        if !matrix.is_contains() {
            return Ok(Some(InvalidPolygon::InteriorRingNotContainedInExteriorRing(role)));
        }
        if matrix.get(CoordPos::OnBoundary, CoordPos::OnBoundary) == Dimensions::OneDimensional {
            return Ok(Some(InvalidPolygon::IntersectingRingsOnALine(RingRole::Exterior, role)));
        }
        while let Some((_, other)) = pairs.next_if(|(first, _)| *first == place) {
            let (other_number, other) = holes[other];
            work.compare(std::iter::once(*ring), std::iter::once(other))?;
            let matrix = one.relate(&area(other));
            let other = RingRole::Interior(other_number);
            if matrix.get(CoordPos::Inside, CoordPos::Inside) == Dimensions::TwoDimensional {
                return Ok(Some(InvalidPolygon::IntersectingRingsOnAnArea(role, other)));
            }
            if matrix.get(CoordPos::OnBoundary, CoordPos::OnBoundary) == Dimensions::OneDimensional {
                return Ok(Some(InvalidPolygon::IntersectingRingsOnALine(role, other)));
            }
        }
    }
    Ok(None)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RingFault {
    TooFewPoints,
    SelfIntersection,
}

/// What is wrong with a closed ring alone.
fn ring_fault(ring: &LineString<f64>) -> Option<RingFault> {
    let mut corners: Vec<Coord<f64>> = ring.0.clone();
    corners.dedup();
    // With the first corner, which is repeated at the end, a triangle has four.
    if corners.len() < 4 {
        return Some(RingFault::TooFewPoints);
    }
    corners.pop();
    let is_wrong = match corners[..] {
        // In a triangle each side is the neighbour of the others, but a corner that is repeated is a side of its own.
        [a, b, c] => ring.0.windows(2).filter(|pair| pair[0] == pair[1]).any(|pair| {
            let others = [(a, b, c), (b, a, c), (c, a, b)].into_iter().find(|(corner, ..)| *corner == pair[0]);
            others.is_some_and(|(corner, one, two)| Line::new(one, two).intersects(&corner))
        }),
        _ => has_self_intersection(&corners),
    };
    is_wrong.then_some(RingFault::SelfIntersection)
}

/// West before east, and of two on one meridian south before north: a line that sweeps over the ring and leans a little,
/// so that no segment is parallel to it.
fn sweep_order(a: Coord<f64>, b: Coord<f64>) -> Ordering {
    // 0 and -0 are the same place.
    (a.x + 0.0).total_cmp(&(b.x + 0.0)).then_with(|| (a.y + 0.0).total_cmp(&(b.y + 0.0)))
}

fn turn(a: Coord<f64>, b: Coord<f64>, c: Coord<f64>) -> Orientation {
    <f64 as GeoNum>::Ker::orient2d(a, b, c)
}

/// A side of the ring, from west to east.
#[derive(Clone, Copy)]
struct Side<'a> {
    /// It goes from the corner of this number to the next.
    number: usize,
    west: Coord<f64>,
    east: Coord<f64>,
    /// Set when a corner is found to lie on a side that it does not belong to.
    touches: &'a Cell<bool>,
}

impl Side<'_> {
    /// South or north of another side where the line that sweeps meets both.
    fn sweep_cmp(&self, other: &Self) -> Ordering {
        if self.number == other.number {
            return Ordering::Equal;
        }
        if sweep_order(other.west, self.west) == Ordering::Less {
            return other.sweep_cmp(self).reverse();
        }
        // The other one begins later or with this one.
        let corner = if self.west == other.west { other.east } else { other.west };
        match turn(self.west, self.east, corner) {
            Orientation::CounterClockwise => Ordering::Less,
            Orientation::Clockwise => Ordering::Greater,
            Orientation::Collinear => {
                self.touches.set(true);
                self.number.cmp(&other.number)
            }
        }
    }
}

impl Ord for Side<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sweep_cmp(other)
    }
}

impl PartialOrd for Side<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Side<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Side<'_> {}

/// Whether the sides of a ring of more than three corners, none equal to the one before, meet anywhere but where one ends and
/// the next begins. After M. I. Shamos and D. Hoey, "Geometric intersection problems", 1976: a line sweeps over the corners and keeps
/// the sides that it meets in their order; two sides that intersect stand side by side before they do.
#[expect(clippy::mutable_key_type, reason = "the cell is where a comparison notes a touch, and decides no order")]
fn has_self_intersection(corners: &[Coord<f64>]) -> bool {
    let count = corners.len();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_unstable_by(|a, b| sweep_order(corners[*a], corners[*b]));
    // A ring that comes to a corner twice touches itself there. From here on each corner has two sides.
    if order.windows(2).any(|pair| corners[pair[0]] == corners[pair[1]]) {
        return true;
    }
    let touches = Cell::new(false);
    let side = |number: usize| {
        let (a, b) = (corners[number], corners[(number + 1) % count]);
        let (west, east) = if sweep_order(a, b) == Ordering::Less { (a, b) } else { (b, a) };
        Side { number, west, east, touches: &touches }
    };
    let are_neighbours = |a: usize, b: usize| (a + 1) % count == b || (b + 1) % count == a;
    let cross = |a: &Side<'_>, b: &Side<'_>| {
        // Neighbours lie on each other only if one turns back, and then a corner touches a side that is no neighbour's.
        !are_neighbours(a.number, b.number) && Line::new(a.west, a.east).intersects(&Line::new(b.west, b.east))
    };
    let mut met: BTreeSet<Side<'_>> = BTreeSet::new();
    let crosses_next_to = |met: &BTreeSet<Side<'_>>, side: &Side<'_>| {
        let south = met.range(..side).next_back();
        let north = met.range((Bound::Excluded(side), Bound::Unbounded)).next();
        south.is_some_and(|other| cross(other, side)) || north.is_some_and(|other| cross(other, side))
    };
    for corner in order {
        let sides = [side((corner + count - 1) % count), side(corner)];
        let (ends, begins): (Vec<&Side<'_>>, Vec<&Side<'_>>) =
            sides.iter().partition(|side| side.east == corners[corner]);
        for side in ends {
            let south = met.range(..side).next_back().copied();
            let north = met.range((Bound::Excluded(side), Bound::Unbounded)).next().copied();
            met.remove(side);
            if south.zip(north).is_some_and(|(south, north)| cross(&south, &north)) {
                return true;
            }
        }
        for side in begins {
            met.insert(*side);
            if crosses_next_to(&met, side) {
                return true;
            }
        }
        if touches.get() {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use geo::Validation;
    use proptest::prelude::*;

    use super::*;

    fn same(polygon_: &Polygon<f64>) {
        let expected = polygon_.check_validation().err().map(|fault| fault.to_string());
        let found = polygon(polygon_, &Work::default()).unwrap().map(|fault| fault.to_string());
        assert_eq!(found, expected, "{polygon_:?}");
    }

    fn ring(most: i32, corners: std::ops::Range<usize>) -> impl Strategy<Value = LineString<f64>> {
        // On a small grid corners meet, and sides touch and lie on each other.
        proptest::collection::vec((0..most, 0..most), corners).prop_map(|corners| {
            let mut ring: LineString<f64> = corners.into_iter().map(|(x, y)| (f64::from(x), f64::from(y))).collect();
            ring.close();
            ring
        })
    }

    /// A ring that does not cross itself: corners around a point, in the order of their directions.
    fn star(at: (f64, f64), reach: f64) -> impl Strategy<Value = LineString<f64>> {
        proptest::collection::vec(0.2..1.0_f64, 4..40).prop_map(move |away| {
            let step = std::f64::consts::TAU / away.len() as f64;
            let corner = |(place, away): (usize, f64)| {
                let (sin, cos) = (place as f64 * step).sin_cos();
                (at.0 + cos * away * reach, at.1 + sin * away * reach)
            };
            let mut ring: LineString<f64> = away.into_iter().enumerate().map(corner).collect();
            ring.close();
            ring
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(800))]
        #[test]
        fn a_sweep_finds_what_all_pairs_of_sides_show(small in ring(4, 3..8), large in ring(12, 4..14), round in star((0.0, 0.0), 1.0)) {
            for ring in [small, large, round] {
                same(&Polygon::new(ring, Vec::new()));
            }
        }

        #[test]
        fn holes_are_judged_as_by_geo(outer in star((0.0, 0.0), 4.0), one in star((0.3, 0.0), 0.7), two in star((-0.4, 0.1), 0.7), small in ring(3, 3..6)) {
            same(&Polygon::new(outer.clone(), vec![one.clone(), two.clone()]));
            same(&Polygon::new(outer.clone(), vec![one.clone(), small.clone(), two.clone()]));
            let parts = MultiPolygon::new(vec![
                Polygon::new(outer, vec![one.clone()]), Polygon::new(two, vec![]), Polygon::new(small, vec![]), Polygon::new(one, vec![]),
            ]);
            let expected = parts.check_validation().err().map(|fault| fault.to_string());
            let found = polygons(&parts, &Work::default()).unwrap().map(|fault| fault.to_string());
            // What parts that are wrong themselves have to do with each other is not looked at.
            let is_part = found.as_ref().is_some_and(|fault| fault.contains("is invalid"));
            prop_assert_eq!(found.filter(|_| !is_part), expected.clone().filter(|_| !is_part));
            prop_assert!(!is_part || expected.is_some());
        }
    }
}
