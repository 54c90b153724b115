//! Distances of stop times that do not grow along the trip, or exceed the shape.

use super::prelude::*;
use crate::geo;

pub static DECREASING: Notice = Notice {
    code: "decreasing_or_equal_stop_time_distance",
    severity: Severity::Error,
    files: &["stop_times.txt"],
    fields: &[
        "csvRowNumber",
        "prevCsvRowNumber",
        "prevShapeDistTraveled",
        "prevStopSequence",
        "shapeDistTraveled",
        "stopId",
        "stopSequence",
        "tripId",
    ],
    en: Words {
        what: "The distance of a stop is not greater than that of the stop before.",
        mend: "Correct shape_dist_traveled or stop_sequence.",
    },
    de: Words {
        what: "Die Entfernung eines Halts ist nicht größer als die des vorigen.",
        mend: "shape_dist_traveled oder stop_sequence berichtigen.",
    },
};
pub static EXCEEDS: Notice = Notice {
    code: "trip_distance_exceeds_shape_distance",
    severity: Severity::Error,
    files: &["trips.txt", "stop_times.txt", "shapes.txt"],
    fields: &["geoDistanceToShape", "maxShapeDistanceTraveled", "maxTripDistanceTraveled", "shapeId", "tripId"],
    en: Words {
        what: "The trip goes further than its shape, whose end is not near the last stop.",
        mend: "Correct shape_dist_traveled, or complete the shape.",
    },
    de: Words {
        what: "Die Fahrt geht weiter als ihr Linienweg, dessen Ende nicht beim letzten Halt liegt.",
        mend: "shape_dist_traveled berichtigen oder Linienweg vervollständigen.",
    },
};
pub static EXCEEDS_NEAR: Notice = Notice {
    code: "trip_distance_exceeds_shape_distance_below_threshold",
    severity: Severity::Warning,
    files: &["trips.txt", "stop_times.txt", "shapes.txt"],
    fields: &["geoDistanceToShape", "maxShapeDistanceTraveled", "maxTripDistanceTraveled", "shapeId", "tripId"],
    en: Words {
        what: "The trip goes further than its shape, which ends at the last stop.",
        mend: "Correct shape_dist_traveled.",
    },
    de: Words {
        what: "Die Fahrt geht weiter als ihr Linienweg, der am letzten Halt endet.",
        mend: "shape_dist_traveled berichtigen.",
    },
};
pub static NO_SHAPE_DISTANCES: Notice = Notice {
    code: "trip_with_shape_dist_traveled_but_no_shape_distances",
    severity: Severity::Info,
    files: &["trips.txt", "stop_times.txt", "shapes.txt"],
    fields: &["shapeId", "stopTimeCsvRowNumber", "tripCsvRowNumber", "tripId"],
    en: Words {
        what: "Stop times have distances, but the points of the shape have none, so they mean nothing.",
        mend: "Fill in shapes.shape_dist_traveled.",
    },
    de: Words {
        what: "Halte haben Entfernungen, die Punkte des Linienwegs aber nicht; so bedeuten sie nichts.",
        mend: "shapes.shape_dist_traveled ergänzen.",
    },
};

const SHAPE: &str = "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\n\
                     p,48.47,7.94,1,0\n\
                     p,48.476,7.946,2,1\n\
                     p,48.482,7.952,3,2\n";
const TIMES: &str = "trip_id,arrival_time,departure_time,stop_id,stop_sequence,shape_dist_traveled\n\
                     t,08:00:00,08:00:00,a,1,0\n\
                     t,08:05:00,08:05:00,b,2,1\n\
                     t,08:10:00,08:10:00,c,3,2\n";

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&DECREASING, &EXCEEDS, &EXCEEDS_NEAR, &NO_SHAPE_DISTANCES],
    needs: Needs::Tables(&["stop_times"]),
    check: Some(check),
    examples: &[
        fails(
            "decreasing_or_equal_stop_time_distance",
            1,
            &[
                ("shapes.txt", SHAPE),
                (
                    "stop_times.txt",
                    "trip_id,arrival_time,departure_time,stop_id,stop_sequence,shape_dist_traveled\n\
                     t,08:00:00,08:00:00,a,1,1\n\
                     t,08:05:00,08:05:00,b,2,1\n\
                     t,08:10:00,08:10:00,c,3,2\n",
                ),
            ],
        ),
        passes("decreasing_or_equal_stop_time_distance", &[("shapes.txt", SHAPE), ("stop_times.txt", TIMES)]),
        fails(
            "trip_distance_exceeds_shape_distance",
            1,
            &[
                (
                    "shapes.txt",
                    "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\n\
                     p,48.47,7.94,1,0\n\
                     p,48.476,7.946,2,1\n",
                ),
                ("stop_times.txt", TIMES),
            ],
        ),
        passes("trip_distance_exceeds_shape_distance", &[("shapes.txt", SHAPE), ("stop_times.txt", TIMES)]),
        fails(
            "trip_distance_exceeds_shape_distance_below_threshold",
            1,
            &[
                ("shapes.txt", SHAPE),
                (
                    "stop_times.txt",
                    "trip_id,arrival_time,departure_time,stop_id,stop_sequence,shape_dist_traveled\n\
                     t,08:00:00,08:00:00,a,1,0\n\
                     t,08:05:00,08:05:00,b,2,1\n\
                     t,08:10:00,08:10:00,c,3,2.1\n",
                ),
            ],
        ),
        passes(
            "trip_distance_exceeds_shape_distance_below_threshold",
            &[("shapes.txt", SHAPE), ("stop_times.txt", TIMES)],
        ),
        fails("trip_with_shape_dist_traveled_but_no_shape_distances", 1, &[("stop_times.txt", TIMES)]),
        passes(
            "trip_with_shape_dist_traveled_but_no_shape_distances",
            &[("shapes.txt", SHAPE), ("stop_times.txt", TIMES)],
        ),
    ],
};

/// Metres between the end of a shape and the last stop that are the same place.
const NEAR: f64 = 11.1;

fn check(feed: &Feed, out: &mut Out) {
    let times = feed.table("stop_times");
    let dist = times.float("shape_dist_traveled");
    if !times.has("shape_dist_traveled") {
        return;
    }
    let (stops, sequence, trips) = (times.text("stop_id"), times.int("stop_sequence"), times.text("trip_id"));
    if times.has("stop_id") {
        for (_, rows) in feed.trip_stops().iter() {
            let mut prev: Option<usize> = None;
            for row in rows.iter().filter(|row| stops.has(*row)) {
                if let Some(before) = prev
                    && let (Some(from), Some(to)) = (dist.get(before), dist.get(row))
                    && from >= to
                {
                    out.add(&DECREASING, || {
                        [
                            times.at(row),
                            times.at(before),
                            from.into(),
                            sequence.value(before),
                            to.into(),
                            stops.value(row),
                            sequence.value(row),
                            trips.value(row),
                        ]
                    });
                }
                prev = Some(row);
            }
        }
    }
    if feed.table("trips").is_usable() && feed.table("shapes").is_usable() {
        without_shape_distances(feed, out);
        if feed.table("stops").is_usable() {
            exceeding(feed, out);
        }
    }
}

/// For each code of `trips.shape_id` the points of the shape.
fn shapes_of_trips(feed: &Feed) -> Vec<Option<Rows<'_>>> {
    let shapes = feed.table("shapes").text("shape_id");
    let ids = feed.table("trips").text("shape_id");
    ids.words().map_or_else(Vec::new, |words| {
        words.iter().map(|(_, id)| shapes.find(id).map(|code| feed.shape_points().of_code(code))).collect()
    })
}

fn without_shape_distances(feed: &Feed, out: &mut Out) {
    let (trips, times) = (feed.table("trips"), feed.table("stop_times"));
    let points = feed.table("shapes").float("shape_dist_traveled");
    let dist = times.float("shape_dist_traveled");
    let incomplete: Vec<bool> = shapes_of_trips(feed)
        .into_iter()
        .map(|rows| rows.is_some_and(|rows| rows.iter().any(|row| !points.has(row))))
        .collect();
    if !incomplete.contains(&true) {
        return;
    }
    let (ids, shapes) = (trips.text("trip_id"), trips.text("shape_id"));
    let rows_of_trips = feed.trips_of_stop_times();
    for (code, rows) in feed.trip_stops().iter() {
        let trip = rows_of_trips[code as usize] as usize;
        if trip == NO_ROW as usize || !shapes.code(trip).is_some_and(|code| incomplete[code as usize]) {
            continue;
        }
        if let Some(row) = rows.iter().find(|row| dist.has(*row)) {
            out.add(&NO_SHAPE_DISTANCES, || [shapes.value(trip), times.at(row), trips.at(trip), ids.value(trip)]);
        }
    }
}

fn exceeding(feed: &Feed, out: &mut Out) {
    let (trips, times, stops, points) =
        (feed.table("trips"), feed.table("stop_times"), feed.table("stops"), feed.table("shapes"));
    let along = points.float("shape_dist_traveled");
    // The furthest point of each shape, the first of several.
    let ends: Vec<Option<(usize, f64)>> = shapes_of_trips(feed)
        .into_iter()
        .map(|rows| {
            let measured = rows?.iter().map(|row| (row, along.or(row, 0.0)));
            measured.reduce(|a, b| if b.1 > a.1 { b } else { a }).filter(|(_, dist)| *dist != 0.0)
        })
        .collect();
    let shapes = trips.text("shape_id");
    let (dist, at) = (times.float("shape_dist_traveled"), times.text("stop_id"));
    let stop_rows = feed.stops_of_stop_times();
    let (lat, lon) = (stops.float("stop_lat"), stops.float("stop_lon"));
    let (pt_lat, pt_lon) = (points.float("shape_pt_lat"), points.float("shape_pt_lon"));
    let ways = feed.trips();
    for trip in 0..trips.rows {
        let Some((point, longest)) = shapes.code(trip).and_then(|code| ends[code as usize]) else { continue };
        let Some(last) = ways.stop_times(trip).last() else { continue };
        let Some(stop) = at.code(last).map(|code| stop_rows[code as usize]).filter(|row| *row != NO_ROW) else {
            continue;
        };
        let reached = dist.or(last, 0.0);
        if reached <= longest {
            continue;
        }
        let place = [lat.or(stop as usize, 0.0), lon.or(stop as usize, 0.0)];
        let metres = geo::metres([pt_lat.or(point, 0.0), pt_lon.or(point, 0.0)], place);
        let notice = if metres > NEAR { &EXCEEDS } else { &EXCEEDS_NEAR };
        out.add(notice, || {
            [metres.into(), longest.into(), reached.into(), shapes.value(trip), trips.text("trip_id").value(trip)]
        });
    }
}
