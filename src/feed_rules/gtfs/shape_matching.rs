//! Stops beside the shape of their trip: too far from it, or passed in another order than they are served.
//! How stops are matched is in `shape_matches`.

use rustc_hash::FxHashSet;
use serde_json::json;

use super::prelude::*;
use super::shape_matches::{Cache, Match, Problem, Shape, Spent, Stop, match_by_place, match_by_user_distance};
use crate::feed_rules::notice::Cut;
use crate::geo::Point;

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

/// Looks at stretches of shapes in a feed, at most, and for each row of `shapes` and `stop_times`. Some seconds; a country's feed takes a
/// tenth. A hostile shape passes a stop again and again.
const LOOKS: usize = 300_000_000;
const LOOKS_A_ROW: usize = 500;

static CUT: Cut = Cut {
    en: "shapes pass stops so often, or are so long, that not all trips were compared with \
         them",
    de: "Linienwege kommen so oft an Halten vorbei oder sind so lang, dass nicht alle \
         Fahrten damit verglichen wurden",
};

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
        let mut cache = Cache::new(looks_left);
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
