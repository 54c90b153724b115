//! A vehicle that would have to be on two trips at once.

use rustc_hash::FxHashMap;

use super::prelude::*;
use super::services::Days;
use crate::feed_rules::notice::Cut;

pub static OVERLAP: Notice = Notice {
    code: "block_trips_with_overlapping_stop_times",
    severity: Severity::Error,
    files: &["trips.txt"],
    fields: &[
        "blockId",
        "csvRowNumberA",
        "csvRowNumberB",
        "intersection",
        "serviceIdA",
        "serviceIdB",
        "tripIdA",
        "tripIdB",
    ],
    en: Words {
        what: "Two trips of the same block run at the same time on the same day, which one vehicle cannot do.",
        mend: "Correct the block_id or the times.",
    },
    de: Words {
        what: "Zwei Fahrten desselben Umlaufs fahren am selben Tag gleichzeitig, was ein Fahrzeug nicht kann.",
        mend: "block_id oder Zeiten berichtigen.",
    },
};

const TIMES: &str = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                     t,08:00:00,08:00:00,a,1\n\
                     t,08:05:00,08:05:00,b,2\n\
                     u,08:03:00,08:03:00,a,1\n\
                     u,08:08:00,08:08:00,b,2\n";

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&OVERLAP],
    needs: Needs::Tables(&["trips", "stop_times", "calendar", "calendar_dates"]),
    check: Some(check),
    examples: &[
        fails(
            "block_trips_with_overlapping_stop_times",
            1,
            &[
                ("trips.txt", "route_id,service_id,trip_id,shape_id,block_id\nr,s,t,p,1\nr,s,u,p,1\n"),
                ("stop_times.txt", TIMES),
            ],
        ),
        passes(
            "block_trips_with_overlapping_stop_times",
            &[
                ("trips.txt", "route_id,service_id,trip_id,shape_id,block_id\nr,s,t,p,1\nr,s,u,p,2\n"),
                ("stop_times.txt", TIMES),
            ],
        ),
        passes(
            "block_trips_with_overlapping_stop_times",
            &[
                ("trips.txt", "route_id,service_id,trip_id,shape_id,block_id\nr,s,t,p,1\nr,w,u,p,1\n"),
                ("stop_times.txt", TIMES),
                (
                    "calendar.txt",
                    "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,\
                     end_date\n\
                     s,1,1,1,1,1,0,0,20260101,20271231\n\
                     w,0,0,0,0,0,1,1,20260101,20271231\n",
                ),
            ],
        ),
    ],
};

/// Looks at the days of two trips, at most, in a feed; some seconds. A feed has as many only if thousands of trips of one block, each with
/// days of its own, run at the same time.
const LOOKS: usize = 30_000_000;
static CUT: Cut = Cut {
    en: "so many trips of one block run at the same time that not all pairs of them were \
         compared",
    de: "So viele Fahrten eines Umlaufs fahren gleichzeitig, dass nicht alle Paare \
         verglichen wurden",
};
/// Exceptions of a calendar that cost as much as one look at its days.
const EXCEPTIONS_A_LOOK: usize = 8;

struct Interval {
    trip: usize,
    /// The service's days, by their place in the list of all that are different.
    days: u32,
    first_arrival: i32,
    first_departure: i32,
    last_arrival: i32,
    last_departure: i32,
}

impl Interval {
    /// One ends where and when the other begins: the vehicle changes its number.
    fn goes_on_as(&self, next: &Self) -> bool {
        self.last_arrival == next.first_arrival && self.last_departure == next.first_departure
    }
}

/// The first day that two services share, each pair worked out once.
struct Common<'a> {
    /// Days that are different; many services of a feed have the same.
    all: Vec<&'a Days>,
    known: FxHashMap<(u32, u32), Option<i32>>,
    looks_left: usize,
}

/// No looks are left.
struct Spent;

impl<'a> Common<'a> {
    /// Pairs of calendars with exceptions that are remembered.
    const KNOWN: usize = 1 << 20;

    fn spend(&mut self, looks: usize) -> Result<(), Spent> {
        self.looks_left = self.looks_left.checked_sub(looks).ok_or(Spent)?;
        Ok(())
    }

    fn first(&mut self, one: u32, two: u32) -> Result<Option<i32>, Spent> {
        let (a, b) = (self.all[one as usize], self.all[two as usize]);
        if one == two {
            self.spend(1)?;
            return Ok(a.first());
        }
        let exceptions = a.exceptions() + b.exceptions();
        if exceptions == 0 {
            self.spend(1)?;
            return Ok(a.first_common(b));
        }
        let key = (one.min(two), one.max(two));
        if let Some(day) = self.known.get(&key).copied() {
            self.spend(1)?;
            return Ok(day);
        }
        self.spend(1 + exceptions / EXCEPTIONS_A_LOOK)?;
        let day = a.first_common(b);
        if self.known.len() < Self::KNOWN {
            self.known.insert(key, day);
        }
        Ok(day)
    }
}

fn check(feed: &Feed, out: &mut Out) {
    let trips = feed.table("trips");
    let blocks = trips.text("block_id");
    if blocks.distinct() == 0 || feed.table("stop_times").rows == 0 {
        return;
    }
    let (arrivals, departures) =
        (feed.table("stop_times").int("arrival_time"), feed.table("stop_times").int("departure_time"));
    let services = trips.text("service_id");
    let ways = feed.trips();
    let all = feed.services();
    let mut different: FxHashMap<&Days, u32> = FxHashMap::default();
    let mut common = Common { all: Vec::new(), known: FxHashMap::default(), looks_left: LOOKS };
    // For each code of `trips.service_id` the place of its days.
    let days_of: Vec<u32> = all
        .of_trips(trips)
        .into_iter()
        .map(|place| {
            // What never runs shares no day.
            let Some(days) = all.all.get(place as usize).map(|service| &service.days).filter(|days| !days.is_empty())
            else {
                return NO_ROW;
            };
            *different.entry(days).or_insert_with(|| {
                common.all.push(days);
                common.all.len() as u32 - 1
            })
        })
        .collect();
    for rows in blocks.rows_by_code().iter() {
        let mut intervals: Vec<Interval> = rows
            .iter()
            .filter_map(|trip| {
                let stops = ways.stop_times(*trip as usize);
                let (first, last) = (stops.first()?, stops.last()?);
                Some(Interval {
                    trip: *trip as usize,
                    days: services
                        .code(*trip as usize)
                        .map(|code| days_of[code as usize])
                        .filter(|days| *days != NO_ROW)?,
                    first_arrival: arrivals.get(first)?,
                    first_departure: departures.get(first)?,
                    last_arrival: arrivals.get(last)?,
                    last_departure: departures.get(last)?,
                })
            })
            .collect();
        intervals.sort_by_key(|interval| (interval.first_arrival, interval.last_departure));
        if block(feed, &intervals, &mut common, out).is_err() {
            out.cut(&CUT);
            return;
        }
    }
}

/// Compares the trips of a block, which are sorted by their first arrival.
fn block(feed: &Feed, intervals: &[Interval], common: &mut Common<'_>, out: &mut Out) -> Result<(), Spent> {
    let mut places: Option<Places> = None;
    for (place, a) in intervals.iter().enumerate() {
        let later = place + 1..intervals.partition_point(|b| b.first_arrival < a.last_departure).max(place + 1);
        if later.len() >= FEW && out.is_full(&OVERLAP) {
            places.get_or_insert_with(|| Places::of(intervals));
        }
        let counted = places.as_ref().filter(|places| later.len() >= FEW.max(places.by_days.len()));
        let Some(places) = counted else {
            for b in &intervals[later] {
                if a.goes_on_as(b) {
                    continue;
                }
                if let Some(day) = common.first(a.days, b.days)? {
                    tell(feed, a, b, day, out);
                }
            }
            continue;
        };
        // The samples are complete: what is left is counted by the days that trips have in common, not pair by pair.
        let mut pairs = 0;
        for (days, of_days) in &places.by_days {
            common.spend(1)?;
            let there = within(of_days, &later);
            if !there.is_empty() && common.first(a.days, *days)?.is_some() {
                pairs += there.len();
            }
        }
        if let Some(next) = places.by_begin.get(&(a.last_arrival, a.last_departure)) {
            for place in within(next, &later) {
                pairs -= usize::from(common.first(a.days, intervals[*place as usize].days)?.is_some());
            }
        }
        out.count(&OVERLAP, pairs as u64);
    }
    Ok(())
}

/// Trips that are compared one by one.
const FEW: usize = 16;

/// Where in a block's list trips stand, ascending.
struct Places {
    by_days: Vec<(u32, Vec<u32>)>,
    /// By first arrival and departure.
    by_begin: FxHashMap<(i32, i32), Vec<u32>>,
}

impl Places {
    fn of(intervals: &[Interval]) -> Self {
        let mut by_days: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        let mut by_begin: FxHashMap<(i32, i32), Vec<u32>> = FxHashMap::default();
        for (place, interval) in intervals.iter().enumerate() {
            by_days.entry(interval.days).or_default().push(place as u32);
            by_begin.entry((interval.first_arrival, interval.first_departure)).or_default().push(place as u32);
        }
        Self { by_days: by_days.into_iter().collect(), by_begin }
    }
}

/// Those of ascending places that are in a range.
fn within<'a>(places: &'a [u32], range: &std::ops::Range<usize>) -> &'a [u32] {
    let place = |bound: usize| places.partition_point(|place| (*place as usize) < bound);
    &places[place(range.start)..place(range.end)]
}

fn tell(feed: &Feed, a: &Interval, b: &Interval, day: i32, out: &mut Out) {
    let trips = feed.table("trips");
    let [blocks, services, ids] = ["block_id", "service_id", "trip_id"].map(|column| trips.text(column));
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
