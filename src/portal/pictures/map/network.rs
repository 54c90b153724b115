//! What a map is drawn from, and what it becomes.

/// The most bytes that the file has.
pub(crate) const BUDGET: usize = 60_000;

/// Stops and lines of a timetable. Places are latitude and longitude in degrees (WGS 84).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Network {
    /// A row of `stops` each.
    pub stops: Vec<[f64; 2]>,
    /// A row of `routes` each.
    pub lines: Vec<NetworkLine>,
}

/// A line, with the ways that its trips take.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NetworkLine {
    pub route_id: String,
    /// `route_color`: six hexadecimal digits.
    pub colour: Option<String>,
    /// `route_type`, also of the extended ones.
    pub kind: i32,
    /// Shapes, or the stops of trips one after the other.
    pub shapes: Vec<Vec<[f64; 2]>>,
    /// Whether some of these are stops, between which the way is unknown.
    pub is_straight: bool,
}

/// The map, and what is on it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drawing {
    pub svg: String,
    /// Those inside of `bounds`. A circle stands for all that lie as close together as it is wide.
    pub stops: u64,
    pub routes: u64,
    /// South, west, north, east in degrees; west is greater than east where they are on both sides of the 180th meridian.
    pub bounds: [f64; 4],
}
