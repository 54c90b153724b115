//! The days on which trips run, beside the days for which the feed says it holds.

use super::prelude::*;

pub static FUTURE_CALENDAR: Notice = Notice {
    code: "future_calendar",
    severity: Severity::Info,
    files: &["calendar.txt", "calendar_dates.txt"],
    fields: &["currentDate", "minServiceStartDate"],
    en: Words {
        what: "No trip runs yet: the first day is in the future.",
        mend: "Check that the timetable of today is published, too.",
    },
    de: Words {
        what: "Noch fährt keine Fahrt: Der erste Tag liegt in der Zukunft.",
        mend: "Prüfen, ob auch der heutige Fahrplan veröffentlicht ist.",
    },
};
pub static BEYOND: Notice = Notice {
    code: "feed_valid_beyond_total_service_window",
    severity: Severity::Info,
    files: &["calendar.txt", "calendar_dates.txt", "feed_info.txt"],
    fields: &["feedEndDate", "feedStartDate", "serviceWindowEndDate", "serviceWindowStartDate"],
    en: Words {
        what: "The feed says that it holds, but for more than 14 days no trip runs.",
        mend: "Let feed_start_date and feed_end_date follow the calendars.",
    },
    de: Words {
        what: "Der Datensatz soll gelten, aber über 14 Tage lang fährt keine Fahrt.",
        mend: "feed_start_date und feed_end_date an die Kalender anpassen.",
    },
};
pub static OUTSIDE: Notice = Notice {
    code: "service_window_outside_feed_period",
    severity: Severity::Info,
    files: &["calendar.txt", "calendar_dates.txt", "feed_info.txt"],
    fields: &["daysAfterFeedEnd", "daysBeforeFeedStart", "serviceId", "serviceWindowEndDate", "serviceWindowStartDate"],
    en: Words {
        what: "A service runs on days for which the feed does not say that it holds.",
        mend: "Let feed_start_date and feed_end_date follow the calendars.",
    },
    de: Words {
        what: "Eine Verkehrstageregelung gilt an Tagen, für die der Datensatz nicht gelten soll.",
        mend: "feed_start_date und feed_end_date an die Kalender anpassen.",
    },
};
pub static NOT_ACTIVE: Notice = Notice {
    code: "trip_coverage_not_active_for_next7_days",
    severity: Severity::Warning,
    files: &["calendar.txt", "calendar_dates.txt", "frequencies.txt", "trips.txt"],
    fields: &["currentDate", "serviceWindowEndDate", "serviceWindowStartDate"],
    en: Words {
        what: "The bulk of the trips does not run on all of the next seven days.",
        mend: "Publish the timetable of the coming days.",
    },
    de: Words {
        what: "Der größte Teil der Fahrten fährt nicht an allen der nächsten sieben Tage.",
        mend: "Den Fahrplan der kommenden Tage veröffentlichen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&FUTURE_CALENDAR, &BEYOND, &OUTSIDE, &NOT_ACTIVE],
    needs: Needs::Tables(&["calendar", "calendar_dates", "trips"]),
    check: Some(check),
    examples: &[
        fails(
            "future_calendar",
            1,
            &[(
                "calendar.txt",
                "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,\
                 end_date\n\
                 s,1,1,1,1,1,1,1,20261125,20271231\n",
            )],
        ),
        passes("future_calendar", &[]),
        fails(
            "feed_valid_beyond_total_service_window",
            1,
            &[(
                "calendar.txt",
                "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,\
                 end_date\n\
                 s,1,1,1,1,1,1,1,20260101,20271216\n",
            )],
        ),
        passes(
            "feed_valid_beyond_total_service_window",
            &[(
                "calendar.txt",
                "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,\
                 end_date\n\
                 s,1,1,1,1,1,1,1,20260101,20271217\n",
            )],
        ),
        fails(
            "service_window_outside_feed_period",
            1,
            &[(
                "calendar.txt",
                "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,\
                 end_date\n\
                 s,1,1,1,1,1,1,1,20251231,20271231\n",
            )],
        ),
        passes("service_window_outside_feed_period", &[]),
        fails(
            "trip_coverage_not_active_for_next7_days",
            1,
            &[(
                "calendar.txt",
                "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,\
                 end_date\n\
                 s,1,1,1,1,1,1,1,20260101,20261130\n",
            )],
        ),
        passes(
            "trip_coverage_not_active_for_next7_days",
            &[(
                "calendar.txt",
                "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,\
                 end_date\n\
                 s,1,1,1,1,1,1,1,20260101,20261201\n",
            )],
        ),
    ],
};

/// Days by which the feed may hold longer than its trips run.
const SLACK: i32 = 14;

fn check(feed: &Feed, out: &mut Out) {
    let today = feed.date.days_since_epoch();
    let services = feed.services();
    if feed.table("frequencies").is_usable() {
        let per_day = services.trips_per_day(feed.table("trips"), feed.table("frequencies"));
        if let Some((start, end)) = majority(&per_day)
            && (start > today || end < today + 7)
        {
            out.add(&NOT_ACTIVE, || [date(today), date(end), date(start)]);
        }
    }
    let mut used: Vec<u32> =
        services.of_trips(feed.table("trips")).into_iter().filter(|place| *place != NO_ROW).collect();
    used.sort_unstable();
    used.dedup();
    let windows: Vec<(&str, i32, i32)> = used
        .iter()
        .map(|place| &services.all[*place as usize])
        .filter_map(|service| Some((service.id.as_str(), service.days.first()?, service.days.last()?)))
        .collect();
    let (Some(first), Some(last)) = (windows.iter().map(|w| w.1).min(), windows.iter().map(|w| w.2).max()) else {
        return;
    };
    let info = feed.table("feed_info");
    if !info.is_usable() {
        return;
    }
    if first > today {
        out.add(&FUTURE_CALENDAR, || [iso_date(today), iso_date(first)]);
    }
    let (Some(start), Some(end)) = (info.int("feed_start_date").get(0), info.int("feed_end_date").get(0)) else {
        return;
    };
    for (id, from, to) in windows {
        let (before, after) = ((start - from).max(0), (to - end).max(0));
        if before > 0 || after > 0 {
            out.add(&OUTSIDE, || [after.into(), before.into(), id.into(), iso_date(to), iso_date(from)]);
        }
    }
    if start < first - SLACK || end > last + SLACK {
        out.add(&BEYOND, || [iso_date(end), iso_date(start), iso_date(last), iso_date(first)]);
    }
}

/// The first and the last day with at least three quarters of the trips of a busy day. A busy day is the one that a
/// tenth of the days, but at most 30 of them, exceed.
pub fn majority(per_day: &[(i32, i64)]) -> Option<(i32, i32)> {
    let mut counts: Vec<i64> = per_day.iter().map(|(_, trips)| *trips).collect();
    counts.sort_unstable();
    let place = ((counts.len() as f64 * 0.90) as usize).max(counts.len().saturating_sub(30));
    let enough = (0.75 * *counts.get(place)? as f64) as i64;
    let mut days = per_day.iter().filter(|(_, trips)| *trips >= enough).map(|(day, _)| *day);
    let first = days.next()?;
    Some((first, days.next_back().unwrap_or(first)))
}
