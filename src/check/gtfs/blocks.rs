//! A vehicle that would have to be on two trips at once.

use rustc_hash::FxHashMap;

use super::prelude::*;

notice!(OVERLAP = "block_trips_with_overlapping_stop_times", Error, ["trips.txt"],
    ["blockId", "csvRowNumberA", "csvRowNumberB", "intersection", "serviceIdA", "serviceIdB", "tripIdA", "tripIdB"],
    "Two trips of the same block run at the same time on the same day, which one vehicle cannot do.", "Correct the block_id or the times.",
    "Zwei Fahrten desselben Umlaufs fahren am selben Tag gleichzeitig, was ein Fahrzeug nicht kann.", "block_id oder Zeiten berichtigen.");

const TIMES: &str = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,08:00:00,08:00:00,a,1\nt,08:05:00,08:05:00,b,2\nu,08:03:00,08:03:00,a,1\nu,08:08:00,08:08:00,b,2\n";

rule!([OVERLAP], needs: ["trips", "stop_times", "calendar", "calendar_dates"], check, &[
    fails("block_trips_with_overlapping_stop_times", 1, &[("trips.txt", "route_id,service_id,trip_id,shape_id,block_id\nr,s,t,p,1\nr,s,u,p,1\n"), ("stop_times.txt", TIMES)]),
    passes("block_trips_with_overlapping_stop_times", &[("trips.txt", "route_id,service_id,trip_id,shape_id,block_id\nr,s,t,p,1\nr,s,u,p,2\n"), ("stop_times.txt", TIMES)]),
    passes("block_trips_with_overlapping_stop_times", &[
        ("trips.txt", "route_id,service_id,trip_id,shape_id,block_id\nr,s,t,p,1\nr,w,u,p,1\n"), ("stop_times.txt", TIMES),
        ("calendar.txt", "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\ns,1,1,1,1,1,0,0,20260101,20271231\nw,0,0,0,0,0,1,1,20260101,20271231\n"),
    ]),
]);

/// Trips of a block that a trip is compared with. No vehicle drives as many; a hostile feed must not take forever.
const AHEAD: usize = 20_000;

struct Interval {
    trip: usize,
    first_arrival: i32,
    first_departure: i32,
    last_arrival: i32,
    last_departure: i32,
}

fn check(feed: &Feed, out: &mut Out) {
    let trips = feed.table("trips");
    let blocks = trips.text("block_id");
    if blocks.distinct() == 0 || feed.table("stop_times").rows == 0 {
        return;
    }
    let (arrivals, departures) = (feed.table("stop_times").int("arrival_time"), feed.table("stop_times").int("departure_time"));
    let (ids, services) = (trips.text("trip_id"), trips.text("service_id"));
    let ways = feed.trips();
    let all = feed.services();
    let of_trips = all.of_trips(feed);
    let mut common: FxHashMap<(u32, u32), Option<i32>> = FxHashMap::default();
    for rows in blocks.rows_by_code() {
        let mut intervals: Vec<Interval> = rows
            .iter()
            .filter_map(|trip| {
                let stops = ways.stop_times(*trip as usize);
                let (first, last) = (stops.first()?, stops.last()?);
                Some(Interval {
                    trip: *trip as usize,
                    first_arrival: arrivals.get(first)?,
                    first_departure: departures.get(first)?,
                    last_arrival: arrivals.get(last)?,
                    last_departure: departures.get(last)?,
                })
            })
            .collect();
        intervals.sort_by_key(|interval| (interval.first_arrival, interval.last_departure));
        for (place, a) in intervals.iter().enumerate() {
            let later = intervals[place + 1..].iter().take(AHEAD);
            for b in later.take_while(|b| a.last_departure > b.first_arrival) {
                // One ends where and when the other begins: the vehicle changes its number.
                if a.last_arrival == b.first_arrival && a.last_departure == b.first_departure {
                    continue;
                }
                let service = |trip: usize| services.code(trip).map_or(NO_ROW, |code| of_trips[code as usize]);
                let (one, two) = (service(a.trip), service(b.trip));
                if one == NO_ROW || two == NO_ROW {
                    continue;
                }
                let key = (one.min(two), one.max(two));
                let day = *common.entry(key).or_insert_with(|| {
                    first_common(&all.all[one as usize].days, &all.all[two as usize].days)
                });
                if let Some(day) = day {
                    out.add(&OVERLAP, || {
                        [
                            blocks.value(a.trip),
                            trips.at(a.trip),
                            trips.at(b.trip),
                            date(day),
                            services.value(a.trip),
                            services.value(b.trip),
                            ids.value(a.trip),
                            ids.value(b.trip),
                        ]
                    });
                }
            }
        }
    }
}

/// The first day that two ascending lists share.
fn first_common(a: &[i32], b: &[i32]) -> Option<i32> {
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        match x.cmp(y) {
            std::cmp::Ordering::Equal => return Some(*x),
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
        }
    }
    None
}
