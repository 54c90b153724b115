//! What part of the earth a map shows, and where on the paper a place is.

use crate::geo;
use crate::portal::pictures::map::network::Network;

/// Of the paper, in units of the grid; a line is some of them wide.
pub(super) const WIDTH: f64 = 2400.0;
/// The paper is no wider than so many heights, and no higher than so many widths: else it would not fit on a screen.
const WIDEST: f64 = 1.8;
const HIGHEST: f64 = 1.15;
/// Around what is drawn.
const MARGIN: f64 = 60.0;
/// Metres that the map shows at least, also of a single stop.
const LEAST: f64 = 800.0;
/// Up to this share of the stops, and one, may be left out for lying far off.
const OUTLIERS: f64 = 0.02;
/// Far off is what is this many times as far from the middle as what is next nearest to it.
const JUMP: f64 = 3.0;
/// Metres, below which no stop is far off.
const NEAR: f64 = 5_000.0;
/// Metres of a degree of latitude.
const DEGREE: f64 = 111_195.0;

/// The part of the earth that a map shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Extent {
    middle: [f64; 2],
    /// Metres from the middle up to which a place belongs to the network.
    reach: f64,
    /// Of all places that belong to it, in degrees; longitudes from that of the middle.
    south: f64,
    north: f64,
    west: f64,
    east: f64,
    /// The longitudes of these two, as they were given.
    sides: [f64; 2],
    /// Units per degree of longitude and of latitude.
    scale: [f64; 2],
    pub height: f64,
}

/// Whether it is a place on earth that somebody meant: 0/0 is what software writes that knows none.
fn is_place([lat, lon]: [f64; 2]) -> bool {
    lat.is_finite()
        && lon.is_finite()
        && lat.abs() <= 85.0
        && lon.abs() <= 180.0
        && (lat.abs() > 0.1 || lon.abs() > 0.1)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    Some(*values.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// A longitude as degrees east of another one, -180 to 180: so a network across the 180th meridian stays together.
fn east_of(lon: f64, middle: f64) -> f64 {
    (lon - middle + 540.0).rem_euclid(360.0) - 180.0
}

/// Units of the paper per metre, and the height of the paper, of so many metres from west to east and from south to north.
fn scale(metres: [f64; 2]) -> (f64, f64) {
    let [width, height] = metres.map(|metres| metres.max(LEAST));
    let per_metre = ((WIDTH - 2.0 * MARGIN) / width).min((WIDTH * HIGHEST - 2.0 * MARGIN) / height);
    (per_metre, (height * per_metre + 2.0 * MARGIN).max(WIDTH / WIDEST).round())
}

/// The height of the paper, of the bounds of what is drawn: south, west, north, east in degrees.
pub(super) fn height([south, west, north, east]: [f64; 4]) -> f64 {
    let narrow = f64::midpoint(south, north).to_radians().cos();
    scale([(east - west).rem_euclid(360.0) * narrow * DEGREE, (north - south) * DEGREE]).1
}

impl Extent {
    /// Of the bulk of a network: stops far off, for a wrong position or at the end of one long line, do not make it a dot.
    pub(super) fn of(network: &Network) -> Option<Self> {
        let points =
            || network.lines.iter().flat_map(|line| &line.shapes).flatten().copied().filter(|at| is_place(*at));
        let mut stops: Vec<[f64; 2]> = network.stops.iter().copied().filter(|at| is_place(*at)).collect();
        if stops.is_empty() {
            stops = points().collect();
        }
        let middle = [median(stops.iter().map(|at| at[0]).collect())?, median(stops.iter().map(|at| at[1]).collect())?];
        let mut distances: Vec<f64> = stops.iter().map(|at| geo::metres(middle, *at)).collect();
        distances.sort_by(f64::total_cmp);
        let reach = bulk(&distances);
        let mut extent = Self {
            middle,
            reach: reach * 1.2 + LEAST,
            south: f64::MAX,
            north: f64::MIN,
            west: f64::MAX,
            east: f64::MIN,
            sides: [middle[1]; 2],
            scale: [1.0; 2],
            height: 1.0,
        };
        for at in stops.into_iter().chain(points()) {
            if extent.has(at) {
                extent.add(at);
            }
        }
        let narrow = f64::midpoint(extent.south, extent.north).to_radians().cos();
        let metres = [(extent.east - extent.west) * narrow * DEGREE, (extent.north - extent.south) * DEGREE];
        let (per_metre, height) = scale(metres);
        extent.scale = [per_metre * DEGREE * narrow, per_metre * DEGREE];
        extent.height = height;
        Some(extent)
    }

    fn add(&mut self, at: [f64; 2]) {
        let east = east_of(at[1], self.middle[1]);
        (self.south, self.north) = (self.south.min(at[0]), self.north.max(at[0]));
        if east < self.west {
            (self.west, self.sides[0]) = (east, at[1]);
        }
        if east > self.east {
            (self.east, self.sides[1]) = (east, at[1]);
        }
    }

    /// Whether a place belongs to the network.
    pub(super) fn has(&self, at: [f64; 2]) -> bool {
        is_place(at) && geo::metres(self.middle, at) <= self.reach
    }

    /// Where it is on the paper, in units from the left and from above.
    pub(super) fn project(&self, [lat, lon]: [f64; 2]) -> [f64; 2] {
        let east = east_of(lon, self.middle[1]) - f64::midpoint(self.west, self.east);
        [
            WIDTH / 2.0 + east * self.scale[0],
            self.height / 2.0 - (lat - f64::midpoint(self.south, self.north)) * self.scale[1],
        ]
    }

    /// In the middle of the map, to which it is true.
    pub(super) fn units_per_metre(&self) -> f64 {
        self.scale[1] / DEGREE
    }

    /// South, west, north, east.
    pub(super) fn bounds(&self) -> [f64; 4] {
        [self.south, self.sides[0], self.north, self.sides[1]]
    }
}

/// How far the bulk reaches, of distances in order: up to a gap, if few are beyond it.
fn bulk(distances: &[f64]) -> f64 {
    let Some(last) = distances.last() else { return 0.0 };
    let most = (distances.len() as f64 * OUTLIERS) as usize + usize::from(distances.len() > 3);
    let from = distances.len().saturating_sub(most + 1);
    let gap = distances[from..].windows(2).find(|pair| pair[1] > NEAR && pair[1] > JUMP * pair[0].max(NEAR / JUMP));
    gap.map_or(*last, |pair| pair[0])
}
