//! Distances on the globe, taken as a sphere.

/// The mean radius of the earth in metres, as the canonical validator has it.
const RADIUS: f64 = 6_371_010.0;

/// Metres between two places given as latitude and longitude in degrees (haversine).
pub(crate) fn metres(a: [f64; 2], b: [f64; 2]) -> f64 {
    let (a, b) = (a.map(f64::to_radians), b.map(f64::to_radians));
    let (dlat, dlon) = ((0.5 * (b[0] - a[0])).sin(), (0.5 * (b[1] - a[1])).sin());
    let x = dlat * dlat + dlon * dlon * a[0].cos() * b[0].cos();
    2.0 * x.min(1.0).sqrt().asin() * RADIUS
}

/// A place as a vector of length one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point(pub [f64; 3]);

impl Point {
    /// Of latitude and longitude in degrees.
    pub(crate) fn of(place: [f64; 2]) -> Self {
        let [lat, lon] = place.map(f64::to_radians);
        Self([lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()])
    }

    /// Latitude and longitude in degrees.
    pub(crate) fn place(self) -> [f64; 2] {
        let [x, y, z] = self.0;
        [z.atan2(x.hypot(y)).to_degrees(), y.atan2(x).to_degrees()]
    }

    /// Metres along the surface.
    pub(crate) fn metres(self, other: Self) -> f64 {
        norm(cross(self.0, other.0)).atan2(dot(self.0, other.0)) * RADIUS
    }

    /// The square of the straight distance through the earth, in radii: cheap, and it grows with the distance.
    pub(crate) fn chord2(self, other: Self) -> f64 {
        let d = minus(self.0, other.0);
        dot(d, d)
    }

    /// The point of the edge from `a` to `b` that is closest to this one.
    pub(crate) fn closest_on(self, a: Self, b: Self) -> Self {
        let normal = normal(a.0, b.0);
        let along = dot(self.0, normal) / dot(normal, normal);
        let p = [0, 1, 2].map(|axis| self.0[axis] - normal[axis] * along);
        // Inside the edge if the foot of the perpendicular is to the left of both of its ends' meridians.
        if turns_left(normal, a.0, p) && turns_left(p, b.0, normal) {
            let length = norm(p);
            return Self(p.map(|axis| axis / length));
        }
        if self.chord2(a) <= self.chord2(b) { a } else { b }
    }

    /// The point at a fraction of the way from this one to another.
    pub(crate) fn towards(self, other: Self, fraction: f64) -> Self {
        let angle = norm(cross(self.0, other.0)).atan2(dot(self.0, other.0));
        if angle == 0.0 {
            return self;
        }
        let (own, others) = (((1.0 - fraction) * angle).sin() / angle.sin(), (fraction * angle).sin() / angle.sin());
        let p = [0, 1, 2].map(|axis| self.0[axis] * own + other.0[axis] * others);
        let length = norm(p);
        Self(p.map(|axis| axis / length))
    }
}

/// The chord in radii, squared, of a distance in metres along the surface.
pub(crate) fn chord2_of(metres: f64) -> f64 {
    let chord = 2.0 * (0.5 * metres / RADIUS).sin();
    chord * chord
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn norm(a: [f64; 3]) -> f64 {
    dot(a, a).sqrt()
}

/// A vector at right angles to both, exact also where they nearly coincide: `(a + b) x (b - a)` is twice `a x b`.
fn normal(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    let sum = [0, 1, 2].map(|axis| a[axis] + b[axis]);
    let out = cross(sum, minus(b, a));
    if out != [0.0; 3] {
        return out;
    }
    // The points are the same: any direction at right angles will do.
    let axis = if a[0].abs() < 0.6 { [1.0, 0.0, 0.0] } else { [0.0, 1.0, 0.0] };
    cross(a, axis)
}

fn turns_left(a: [f64; 3], b: [f64; 3], c: [f64; 3]) -> bool {
    dot(cross(c, a), b) > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_degree_of_latitude_is_111_kilometres() {
        assert!((metres([48.0, 8.0], [49.0, 8.0]) - 111_195.0).abs() < 1.0);
        assert!((Point::of([48.0, 8.0]).metres(Point::of([49.0, 8.0])) - 111_195.0).abs() < 1.0);
    }

    #[test]
    fn the_closest_point_of_an_edge_is_its_foot_or_an_end() {
        let (a, b) = (Point::of([48.0, 8.0]), Point::of([48.0, 8.01]));
        let foot = Point::of([48.001, 8.005]).closest_on(a, b).place();
        assert!((foot[0] - 48.0).abs() < 1e-6 && (foot[1] - 8.005).abs() < 1e-6, "{foot:?}");
        assert_eq!(Point::of([48.0, 7.9]).closest_on(a, b), a);
        assert_eq!(Point::of([48.0, 7.9]).closest_on(a, a), a);
    }

    proptest! {
        #[test]
        fn both_ways_to_measure_agree(lat in -80.0..80.0_f64, lon in -179.0..179.0_f64, dlat in -1.0..1.0_f64, dlon in -1.0..1.0_f64) {
            let (a, b) = ([lat, lon], [lat + dlat, lon + dlon]);
            let one = metres(a, b);
            let other = Point::of(a).metres(Point::of(b));
            prop_assert!((one - other).abs() < 1e-3 + one * 1e-9, "{} {}", one, other);
            let chord = Point::of(a).chord2(Point::of(b));
            prop_assert!((chord - chord2_of(one)).abs() <= chord * 1e-6 + 1e-15);
        }
    }
}
