//! Services that are over, never run, pause for long, or reach far into the future.

use super::prelude::*;
use super::services::Days;

pub static MISSING_CALENDARS: Notice = Notice {
    code: "missing_calendar_and_calendar_date_files",
    severity: Severity::Error,
    files: &["calendar.txt", "calendar_dates.txt"],
    fields: &[],
    en: Words {
        what: "Neither calendar.txt nor calendar_dates.txt is there, so no trip runs on any day.",
        mend: "Add one of the two.",
    },
    de: Words {
        what: "Weder calendar.txt noch calendar_dates.txt ist da; keine Fahrt fährt an irgendeinem Tag.",
        mend: "Eine der beiden ergänzen.",
    },
};
pub static NO_ACTIVE_DAY: Notice = Notice {
    code: "service_has_no_active_day_of_the_week",
    severity: Severity::Warning,
    files: &["calendar.txt"],
    fields: &["csvRowNumber", "serviceId"],
    en: Words {
        what: "The service runs on no day of the week; only calendar_dates.txt can make it run.",
        mend: "Check the days, or leave the row out.",
    },
    de: Words {
        what: "Die Verkehrstageregelung gilt an keinem Wochentag; nur calendar_dates.txt kann ihr Tage geben.",
        mend: "Wochentage prüfen oder Zeile weglassen.",
    },
};
pub static EXPIRED: Notice = Notice {
    code: "expired_calendar",
    severity: Severity::Warning,
    files: &["calendar.txt", "calendar_dates.txt"],
    fields: &["csvRowNumber", "serviceId"],
    en: Words {
        what: "The last day of the service is over; it only makes the feed larger.",
        mend: "Remove what is over, or publish the new timetable.",
    },
    de: Words {
        what: "Der letzte Tag der Verkehrstageregelung ist vorbei; sie vergrößert nur den Datensatz.",
        mend: "Abgelaufenes entfernen oder den neuen Fahrplan veröffentlichen.",
    },
};
pub static BIG_GAP: Notice = Notice {
    code: "big_gap_in_service",
    severity: Severity::Info,
    files: &["calendar.txt", "calendar_dates.txt"],
    fields: &["gapDurationDays", "gapEndDate", "gapStartDate", "serviceId"],
    en: Words {
        what: "The service pauses for more than 13 days.",
        mend: "Check whether this is meant, as with school holidays.",
    },
    de: Words {
        what: "Nach der Verkehrstageregelung fährt länger als 13 Tage nichts.",
        mend: "Prüfen, ob das so gemeint ist, etwa wegen Ferien.",
    },
};
pub static FAR_FUTURE: Notice = Notice {
    code: "service_extends_far_in_the_future",
    severity: Severity::Info,
    files: &["calendar.txt", "calendar_dates.txt"],
    fields: &["serviceId", "serviceWindowEndDate"],
    en: Words {
        what: "The service runs for more than two more years, which is rarely known.",
        mend: "Check the end date.",
    },
    de: Words {
        what: "Die Verkehrstageregelung gilt noch über zwei Jahre, was selten feststeht.",
        mend: "Enddatum prüfen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&MISSING_CALENDARS, &NO_ACTIVE_DAY, &EXPIRED, &BIG_GAP, &FAR_FUTURE],
    needs: Needs::Tables(&["calendar", "calendar_dates"]),
    check: Some(check),
    examples: &[
        fails("missing_calendar_and_calendar_date_files", 1, &[("calendar.txt", "")]),
        passes(
            "missing_calendar_and_calendar_date_files",
            &[("calendar.txt", ""), ("calendar_dates.txt", "service_id,date,exception_type\ns,20261124,1\n")],
        ),
        fails(
            "service_has_no_active_day_of_the_week",
            1,
            &[(
                "calendar.txt",
                "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,\
                 end_date\n\
                 s,0,0,0,0,0,0,0,20260101,20271231\n",
            )],
        ),
        passes(
            "service_has_no_active_day_of_the_week",
            &[(
                "calendar.txt",
                "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,\
                 end_date\n\
                 s,0,0,0,0,0,0,1,20260101,20271231\n",
            )],
        ),
        fails(
            "expired_calendar",
            1,
            &[(
                "calendar.txt",
                "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,\
                 end_date\n\
                 s,1,1,1,1,1,1,1,20260101,20261123\n",
            )],
        ),
        fails(
            "expired_calendar",
            1,
            &[("calendar.txt", ""), ("calendar_dates.txt", "service_id,date,exception_type\ns,20261123,1\n")],
        ),
        passes(
            "expired_calendar",
            &[(
                "calendar.txt",
                "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,\
                 end_date\n\
                 s,1,1,1,1,1,1,1,20260101,20261124\n",
            )],
        ),
        fails(
            "big_gap_in_service",
            1,
            &[
                (
                    "calendar.txt",
                    "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,\
                     end_date\n\
                     s,1,1,1,1,1,1,1,20261101,20261130\n",
                ),
                ("calendar_dates.txt", "service_id,date,exception_type\ns,20261215,1\n"),
            ],
        ),
        passes(
            "big_gap_in_service",
            &[
                (
                    "calendar.txt",
                    "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,\
                     end_date\n\
                     s,1,1,1,1,1,1,1,20261101,20261130\n",
                ),
                ("calendar_dates.txt", "service_id,date,exception_type\ns,20261214,1\n"),
            ],
        ),
        fails(
            "service_extends_far_in_the_future",
            1,
            &[(
                "calendar.txt",
                "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,\
                 end_date\n\
                 s,1,1,1,1,1,1,1,20260101,20281124\n",
            )],
        ),
        passes(
            "service_extends_far_in_the_future",
            &[(
                "calendar.txt",
                "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,\
                 end_date\n\
                 s,1,1,1,1,1,1,1,20260101,20281123\n",
            )],
        ),
    ],
};

/// Days of a pause that are not told.
const SHORT_GAP: i32 = 13;
/// Days ahead that are not told.
const AHEAD: i32 = 2 * 365;

fn check(feed: &Feed, out: &mut Out) {
    let (calendar, dates) = (feed.table("calendar"), feed.table("calendar_dates"));
    if !calendar.is_there() && !dates.is_there() {
        out.add(&MISSING_CALENDARS, || []);
    }
    let ids = calendar.text("service_id");
    let days =
        ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"].map(|day| calendar.int(day));
    for row in (0..calendar.rows).filter(|row| ids.has(*row) && days.iter().all(|day| day.or(*row, 0) == 0)) {
        out.add(&NO_ACTIVE_DAY, || [calendar.at(row), ids.value(row)]);
    }
    let services = feed.services();
    let today = feed.date.days_since_epoch();
    expired(feed, today, out);
    // A service may stand in many rows; what holds of it is worked out once.
    let mut gaps: Vec<Option<Vec<(i32, i32)>>> = vec![None; ids.distinct()];
    for row in 0..calendar.rows {
        let (Some(code), Some(service)) = (ids.code(row), services.find(ids.get(row))) else { continue };
        let id = service.id.as_str();
        let gaps = gaps[code as usize].get_or_insert_with(|| service.days.gaps(SHORT_GAP));
        for (before, after) in gaps.iter().take(Out::SAMPLES) {
            out.add(&BIG_GAP, || [(after - before - 1).into(), iso_date(*after), iso_date(*before), id.into()]);
        }
        out.count(&BIG_GAP, gaps.len().saturating_sub(Out::SAMPLES) as u64);
        if let Some(last) = service.days.last().filter(|last| last - today > AHEAD) {
            out.add(&FAR_FUTURE, || [id.into(), iso_date(last)]);
        }
    }
}

/// A feed of single dates drops its past by itself, so there the services are told only if all are over.
fn expired(feed: &Feed, today: i32, out: &mut Out) {
    let (calendar, dates) = (feed.table("calendar"), feed.table("calendar_dates"));
    let services = &feed.services().all;
    let over = |days: &Days| days.last().is_some_and(|last| last < today);
    let all_over = services.iter().all(|service| service.days.is_empty() || over(&service.days));
    for service in services.iter().filter(|service| over(&service.days)) {
        match (service.calendar, service.first_date_row) {
            (Some(row), _) => out.add(&EXPIRED, || [calendar.at(row), service.id.as_str().into()]),
            (None, Some(row)) if calendar.rows == 0 && all_over => {
                out.add(&EXPIRED, || [dates.at(row), service.id.as_str().into()]);
            }
            _ => {}
        }
    }
}
