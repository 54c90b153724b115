//! On which days each service runs (GTFS reference, `calendar.txt` and `calendar_dates.txt`).

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::check::gtfs::feed::{Feed, NO_ROW};

/// Days that a calendar may span; one that claims more is cut, so that a hostile feed costs bounded memory.
const LONGEST: i32 = 366 * 100;

/// The services of `calendar.txt` in its order, then those that only `calendar_dates.txt` has.
pub struct Services {
    pub all: Vec<Service>,
    by_id: FxHashMap<String, usize>,
}

pub struct Service {
    pub id: String,
    /// The row of `calendar.txt`.
    pub calendar: Option<usize>,
    /// The first row of `calendar_dates.txt`.
    pub first_date_row: Option<usize>,
    /// The days on which it runs, since 1970, ascending.
    pub days: Vec<i32>,
}

impl Services {
    pub fn new(feed: &Feed) -> Self {
        let calendar = feed.table("calendar");
        let dates = feed.table("calendar_dates");
        let ids = calendar.text("service_id");
        let weekdays =
            ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"].map(|day| calendar.int(day));
        let (start, end) = (calendar.int("start_date"), calendar.int("end_date"));
        let (date_ids, date, exception) = (dates.text("service_id"), dates.int("date"), dates.int("exception_type"));
        let rows_of_date = date_ids.rows_by_code();
        let mut services = Self { all: Vec::new(), by_id: FxHashMap::default() };
        let add = |id: &str, calendar: Option<usize>, services: &mut Self| {
            let mut days = std::collections::BTreeSet::new();
            if let Some(row) = calendar
                && let (Some(first), Some(last)) = (start.get(row), end.get(row))
            {
                // A number that is no part of the enum counts as odd, as the reference's bit would.
                let runs = weekdays.map(|day| day.or(row, 0) & 1 == 1);
                for day in first..=last.clamp(first, first.saturating_add(LONGEST)) {
                    // 1970-01-01 was a Thursday.
                    if runs[(day + 3).rem_euclid(7) as usize] {
                        days.insert(day);
                    }
                }
            }
            let rows = date_ids.find(id).map_or(&[][..], |code| &rows_of_date[code as usize]);
            let exceptions = || rows.iter().map(|row| *row as usize);
            for row in exceptions().filter(|row| exception.get(*row) == Some(1)) {
                days.extend(date.get(row));
            }
            for row in exceptions().filter(|row| exception.get(*row) != Some(1)) {
                date.get(row).map(|day| days.remove(&day));
            }
            services.by_id.insert(id.to_owned(), services.all.len());
            services.all.push(Service {
                id: id.to_owned(),
                calendar,
                first_date_row: exceptions().next(),
                days: days.into_iter().collect(),
            });
        };
        if let Some(words) = ids.words() {
            let rows = ids.rows_by_code();
            for (code, id) in words.iter() {
                // The last of several rows of a service wins, because that is what most readers do.
                add(id, rows[code as usize].last().map(|row| *row as usize), &mut services);
            }
        }
        if let Some(words) = date_ids.words() {
            for (_, id) in words.iter().filter(|(_, id)| ids.find(id).is_none()) {
                add(id, None, &mut services);
            }
        }
        services
    }

    pub fn find(&self, id: &str) -> Option<&Service> {
        self.all.get(*self.by_id.get(id)?)
    }

    /// For each code of `trips.service_id` the place of the service in `all`.
    pub fn of_trips(&self, feed: &Feed) -> Vec<u32> {
        let ids = feed.table("trips").text("service_id");
        ids.words().map_or_else(Vec::new, |words| {
            words.iter().map(|(_, id)| self.by_id.get(id).map_or(NO_ROW, |place| *place as u32)).collect()
        })
    }

    /// How many trips run on each day, `frequencies.txt` counted (days since 1970).
    pub fn trips_per_day(&self, feed: &Feed) -> BTreeMap<i32, i64> {
        let trips = feed.table("trips");
        let (ids, services) = (trips.text("trip_id"), trips.text("service_id"));
        let frequencies = feed.table("frequencies");
        let (start, end) = (frequencies.int("start_time"), frequencies.int("end_time"));
        let (headway, of_trip) = (frequencies.int("headway_secs"), frequencies.text("trip_id"));
        let rows = of_trip.rows_by_code();
        let places = self.of_trips(feed);
        let mut per_service = vec![0_i64; self.all.len()];
        for trip in 0..trips.rows {
            let Some(place) = services.code(trip).map(|code| places[code as usize]).filter(|place| *place != NO_ROW)
            else {
                continue;
            };
            let runs = of_trip.find(ids.get(trip)).filter(|_| ids.has(trip)).map_or(&[][..], |c| &rows[c as usize]);
            per_service[place as usize] += if runs.is_empty() { 1 } else { 0 };
            for row in runs.iter().map(|row| *row as usize) {
                let more = match headway.or(row, 0) {
                    headway if headway > 0 => (end.or(row, 0) - start.or(row, 0) - 1) / headway,
                    _ => 0,
                };
                per_service[place as usize] += i64::from(1 + more);
            }
        }
        let mut per_day = BTreeMap::new();
        for (service, trips) in self.all.iter().zip(per_service).filter(|(_, trips)| *trips != 0) {
            for day in &service.days {
                *per_day.entry(*day).or_default() += trips;
            }
        }
        per_day
    }
}

/// The stretches of days without a break in them, first and last.
pub fn stretches(days: &[i32]) -> Vec<(i32, i32)> {
    let mut stretches: Vec<(i32, i32)> = Vec::new();
    for &day in days {
        match stretches.last_mut() {
            Some((_, last)) if *last + 1 >= day => *last = day,
            _ => stretches.push((day, day)),
        }
    }
    stretches
}
