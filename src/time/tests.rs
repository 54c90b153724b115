use super::*;

fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

fn date(text: &str) -> ServiceDate {
    text.parse().unwrap()
}

#[test]
fn a_time_after_midnight_keeps_its_service_date() {
    let time = ServiceSeconds::from_gtfs(b"25:10:00").unwrap();
    assert_eq!(date("2026-11-27").instant(time, &berlin()).to_string(), "2026-11-28T00:10:00Z");
}

#[test]
fn times_count_from_noon_minus_twelve_hours_when_the_clock_changes() {
    let eight = ServiceSeconds::from_gtfs(b"8:00:00").unwrap();
    assert_eq!(date("2026-03-29").instant(eight, &berlin()).to_string(), "2026-03-29T06:00:00Z");
    assert_eq!(date("2026-10-25").instant(eight, &berlin()).to_string(), "2026-10-25T07:00:00Z");
    assert_eq!(date("2026-03-29").zero(&berlin()).to_string(), "2026-03-28T22:00:00Z");
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_night_ends_at_three_by_the_local_clock_also_when_the_clock_changes() {
    let chatham = "Pacific/Chatham";
    for (zone, at, expected) in [
        ("Europe/Berlin", "2026-11-25T01:59:59Z", "2026-11-24"),
        ("Europe/Berlin", "2026-11-25T02:00:00Z", "2026-11-25"),
        // Half past two for the first and the second time, and three.
        ("Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-24"),
        ("Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-24"),
        ("Europe/Berlin", "2026-10-25T02:00:00Z", "2026-10-25"),
        // From two to three: the night ends with the jump.
        ("Europe/Berlin", "2026-03-29T00:59:59Z", "2026-03-28"),
        ("Europe/Berlin", "2026-03-29T01:30:00Z", "2026-03-29"),
        // From three to four.
        ("Europe/Helsinki", "2026-03-29T00:59:59Z", "2026-03-28"),
        ("Europe/Helsinki", "2026-03-29T01:00:00Z", "2026-03-29"),
        ("Asia/Kolkata", "2026-11-24T21:29:59Z", "2026-11-24"),
        ("Asia/Kolkata", "2026-11-24T21:30:00Z", "2026-11-25"),
        ("Asia/Kathmandu", "2026-11-24T21:15:00Z", "2026-11-25"),
        // From 3:45 back to 2:45: a night that has ended does not begin again.
        (chatham, "2026-04-04T13:14:59Z", "2026-04-04"),
        (chatham, "2026-04-04T13:15:00Z", "2026-04-05"),
        (chatham, "2026-04-04T14:05:00Z", "2026-04-05"),
    ] {
        let zone = TimeZone::get(zone).unwrap();
        assert_eq!(ServiceDay::of(instant(at), &zone).date.to_string(), expected, "{at} in {zone:?}");
    }
}

#[test]
fn a_time_of_the_clock_is_the_first_where_it_is_twice_and_behind_the_jump_where_it_is_never() {
    for (clock, expected) in [
        ("2026-11-24T12:00:00", "2026-11-24T11:00:00Z"),
        ("2026-10-25T02:30:00", "2026-10-25T00:30:00Z"),
        ("2026-03-29T02:30:00", "2026-03-29T01:30:00Z"),
    ] {
        assert_eq!(local_instant(clock.parse().unwrap(), &berlin()), Some(instant(expected)), "{clock}");
    }
    assert_eq!(local_instant(DateTime::MAX, &TimeZone::get("Pacific/Honolulu").unwrap()), None);
}

#[test]
fn a_service_day_is_over_at_six_of_the_next_day() {
    for (day, end, local) in [
        ("2026-11-26", "2026-11-27T05:00:00Z", "2026-11-27 06:00"),
        ("2026-10-25", "2026-10-26T05:00:00Z", "2026-10-26 06:00"),
        ("2026-03-29", "2026-03-30T04:00:00Z", "2026-03-30 06:00"),
    ] {
        let day = ServiceDay::new(date(day), &berlin());
        assert_eq!((day.window.end, day.local_end(&berlin()).as_str()), (instant(end), local));
        assert!(day.is_over(instant(end)) && !day.is_over(instant(end) - SignedDuration::from_secs(1)));
    }
}

#[test]
fn a_time_is_read_only_in_its_own_form() {
    assert_eq!(ServiceSeconds::from_gtfs(b"05:06:07"), Some(ServiceSeconds(18_367)));
    assert_eq!(ServiceSeconds::from_gtfs(b"5:06:07"), Some(ServiceSeconds(18_367)));
    for bad in ["", "5:6:7", "05:60:00", "05:00:60", "-5:00:00", "05:00", "1234:00:00", "05.00.00", ":00:00"] {
        assert_eq!(ServiceSeconds::from_gtfs(bad.as_bytes()), None, "{bad}");
    }
}

#[test]
fn dates_survive_the_way_through_arrow_and_gtfs() {
    for text in ["1969-12-31", "1970-01-01", "2024-02-29", "2026-11-24"] {
        assert_eq!(ServiceDate::from_days_since_epoch(date(text).days_since_epoch()), Some(date(text)));
        assert_eq!(ServiceDate::from_gtfs(&date(text).to_gtfs()), Some(date(text)));
    }
    assert_eq!(ServiceDate::from_gtfs("20260230"), None);
    assert_eq!(ServiceDate::from_gtfs("+2026103"), None);
}

fn dated(start_date: &str, start_time: &str, made: &str) -> Dated {
    Dated {
        start_date: start_date.parse().ok(),
        start_time: ServiceSeconds::from_gtfs(start_time.as_bytes()),
        made: made.parse().ok(),
    }
}

#[test]
fn a_report_is_assigned_by_its_date_then_by_its_start_then_by_when_it_was_made() {
    let mut dates = ServiceDates::new(berlin());
    for (received, start_date, start_time, made, expected) in [
        // A cancellation of the evening before, and a report of a trip that is very late.
        ("2026-11-24T17:00:00Z", "2026-11-25", "", "", "2026-11-25"),
        ("2026-11-23T23:00:00Z", "2026-11-25", "", "", "2026-11-25"),
        ("2026-11-25T10:59:59Z", "2026-11-24", "22:20:00", "", "2026-11-24"),
        // Half past four, by trips of 28:10 on the 24th: at 22:30, 3:30, 5:30 and 10:00 of the local clock.
        ("2026-11-24T21:30:00Z", "", "28:10:00", "", "2026-11-24"),
        ("2026-11-25T02:30:00Z", "", "28:10:00", "", "2026-11-24"),
        ("2026-11-25T04:30:00Z", "", "28:10:00", "", "2026-11-24"),
        ("2026-11-25T09:00:00Z", "", "28:10:00", "", "2026-11-24"),
        ("2026-11-25T20:00:00Z", "", "28:10:00", "", "2026-11-25"),
        // Around midnight and the night's end.
        ("2026-11-24T22:50:00Z", "", "00:10:00", "", "2026-11-25"),
        ("2026-11-24T23:14:00Z", "", "00:10:00", "", "2026-11-25"),
        ("2026-11-24T23:14:00Z", "", "23:50:00", "", "2026-11-24"),
        ("2026-11-25T02:10:00Z", "", "23:50:00", "", "2026-11-24"),
        ("2026-11-25T00:30:00Z", "", "05:00:00", "", "2026-11-25"),
        ("2026-11-25T04:00:00Z", "", "20:00:00", "", "2026-11-25"),
        ("2026-11-25T20:00:00Z", "", "06:00:00", "", "2026-11-26"),
        // Without a trip, by the clock of the vehicle, unless that is of the future or months old.
        ("2026-11-25T01:30:00Z", "", "", "", "2026-11-24"),
        ("2026-11-25T03:00:00Z", "", "", "2026-11-25T01:59:00Z", "2026-11-24"),
        ("2026-11-25T01:59:00Z", "", "", "2026-11-25T02:01:00Z", "2026-11-24"),
        ("2026-11-24T10:00:00Z", "", "", "2026-08-25T10:00:00Z", "2026-11-24"),
        ("2026-11-24T10:00:00Z", "", "", "1970-01-01T00:00:01Z", "2026-11-24"),
    ] {
        let assigned = dates.assign(instant(received), dated(start_date, start_time, made));
        assert_eq!(assigned, Assigned::To(date(expected)), "{received} {start_date} {start_time} {made}");
    }
}

#[test]
fn what_no_partition_can_have_is_counted_where_it_was_received() {
    let mut dates = ServiceDates::new(berlin());
    for (received, start_date, made, of, counted_in) in [
        ("2026-11-23T22:59:59Z", "2026-11-25", "", "2026-11-25", "2026-11-23"),
        ("2026-11-25T11:00:00Z", "2026-11-24", "", "2026-11-24", "2026-11-25"),
        ("2026-11-25T01:00:00Z", "2020-01-01", "", "2020-01-01", "2026-11-24"),
        // A bus that stands since yesterday evening: yesterday has it already.
        ("2026-11-25T14:00:00Z", "", "2026-11-24T20:00:00Z", "2026-11-24", "2026-11-25"),
    ] {
        let assigned = dates.assign(instant(received), dated(start_date, "", made));
        assert_eq!(assigned, Assigned::Stray { of: date(of), counted_in: date(counted_in) }, "{received}");
        assert_eq!(assigned.partition(), date(counted_in));
    }
}

#[test]
fn zones_agree_by_what_their_clocks_show() {
    let zone = |name: &str| TimeZone::get(name).unwrap();
    let from = date("2026-11-24");
    assert!(is_same_clock(&berlin(), &zone("Europe/Vienna"), from));
    // The same in winter only; the same until a change of the clock at another hour.
    for other in ["Africa/Lagos", "Europe/London", "America/New_York"] {
        assert!(!is_same_clock(&berlin(), &zone(other), from), "{other}");
    }
}

#[test]
fn every_report_of_every_day_of_a_year_is_in_exactly_one_partition() {
    let times = ["00:10:00", "04:00:00", "12:00:00", "23:50:00", "24:30:00", "28:10:00", "100:00:00"];
    for (name, year) in ZONES.map(|name| (name, 2026)).into_iter().chain([("Pacific/Apia", 2011)]) {
        let zone = TimeZone::get(name).unwrap();
        let first = ServiceDate::new(year, 1, 1).unwrap();
        let days: Vec<ServiceDay> = (-3..369).map(|day| ServiceDay::new(first.plus_days(day), &zone)).collect();
        for (place, two) in days.windows(2).enumerate() {
            assert!(two[0].reports.start < two[0].reports.end, "{name} {}", two[0].date);
            assert_eq!(two[0].reports.end, two[1].reports.start, "{name} {}", two[0].date);
            assert!(two[0].evidence.start <= two[1].evidence.start && two[0].evidence.end <= two[1].evidence.end);
            for span in [&two[0].reports, &two[0].window] {
                assert!(two[0].evidence.start <= span.start && span.end <= two[0].evidence.end, "{name} {place}");
            }
        }
        // All partitions look at their own evidence, each for itself.
        let mut readers: Vec<ServiceDates> = days.iter().map(|_| ServiceDates::new(zone.clone())).collect();
        let mut seen = 0;
        for (day, minutes) in (3..368).flat_map(|day| (0..8).map(move |part| (day, part * 180 + (day * 37) % 180))) {
            let received = days[day].reports.start + SignedDuration::from_mins(minutes as i64);
            let by_date = [-40, -2, -1, 0, 1, 2]
                .map(|days_off| Dated { start_date: Some(days[day].date.plus_days(days_off)), ..Dated::default() });
            let by_time =
                times.map(|time| Dated { start_time: ServiceSeconds::from_gtfs(time.as_bytes()), ..Dated::default() });
            let by_clock = [0, 4, 11, 23, 30, 2_000, -1, -48].map(|hours_old| Dated {
                made: Some(received - SignedDuration::from_hours(hours_old)),
                ..Dated::default()
            });
            for report in by_date.into_iter().chain(by_time).chain(by_clock) {
                let near = day.saturating_sub(3)..(day + 4).min(days.len());
                let counting = near.filter(|&place| {
                    let looks_at_it = days[place].evidence.contains(&received);
                    looks_at_it && readers[place].assign(received, report).partition() == days[place].date
                });
                assert_eq!(counting.count(), 1, "{name} {received} {report:?}");
                seen += 1;
            }
        }
        assert_eq!(seen, 365 * 8 * (6 + 7 + 8));
    }
}

/// Zones that change their clock at different hours and by different spans, or are off by parts of an hour.
const ZONES: [&str; 15] = [
    "Europe/Berlin",
    "Europe/London",
    "Europe/Helsinki",
    "Atlantic/Azores",
    "America/New_York",
    "America/St_Johns",
    "America/Havana",
    "Africa/Cairo",
    "America/Santiago",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "UTC",
    "Pacific/Chatham",
];

#[test]
fn a_date_with_anything_behind_it_is_no_date() {
    for text in [
        "2026-11-24 10:00",
        "2026-11-24T10:00:00Z",
        "2026-11-24T10:00+01:00",
        "2026-11-24t10",
        "2026-11-24[Europe/Berlin]",
        "2026-11-24 ",
        " 2026-11-24",
        "2026-11-31",
        "2026-11",
        "",
    ] {
        let problem = text.parse::<ServiceDate>().unwrap_err();
        assert_eq!(problem, format!("expected a date like 2026-11-24 and no time behind it, found '{text}'"));
    }
    assert_eq!("2026-11-24".parse(), Ok(ServiceDate::new(2026, 11, 24).unwrap()));
}

proptest::proptest! {
    #[test]
    fn every_instant_belongs_to_one_service_day_by_the_local_clock(
        second in 1_767_225_600..1_830_297_600_i64,
        zone in 0..ZONES.len(),
        near in 0..4_usize,
        offset in -7_200..7_200_i64,
    ) {
        let zone = TimeZone::get(ZONES[zone]).unwrap();
        let second = Timestamp::from_second(second).unwrap();
        // Three of four are within two hours of a change of the clock, where there is one.
        let change = zone.following(second).next().filter(|_| near > 0).map(|change| change.timestamp());
        let at = change.unwrap_or(second) + SignedDuration::from_secs(offset);
        let day = ServiceDay::of(at, &zone);
        proptest::prop_assert!(day.reports.contains(&at));
        proptest::prop_assert_eq!(ServiceDay::new(day.date.plus_days(1), &zone).reports.start, day.reports.end);
        let clock = zone.to_datetime(at);
        let by_clock = ServiceDate(clock.date()).plus_days(if clock.hour() < 3 { -1 } else { 0 });
        let three = zone.to_ambiguous_zoned_datetime(clock.date().at(3, 0, 0, 0));
        let is_twice = matches!(three.offset(), AmbiguousOffset::Fold { .. });
        proptest::prop_assert!(day.date == by_clock || (is_twice && day.date == by_clock.plus_days(1)));
        // Only a night's end is outside of the window of its date's trips, if the clock changes.
        proptest::prop_assert!(at < day.window.end);
    }

    #[test]
    fn every_time_reads_back_as_it_is_written(seconds in 0..3_600_000_i32) {
        let time = ServiceSeconds(seconds);
        proptest::prop_assert_eq!(ServiceSeconds::from_gtfs(time.to_string().as_bytes()), Some(time));
    }

    #[test]
    fn every_date_reads_back_as_it_is_written(days in -700_000..2_900_000_i32) {
        let date = ServiceDate::from_days_since_epoch(days).unwrap();
        proptest::prop_assert_eq!(date.days_since_epoch(), days);
        proptest::prop_assert_eq!(date.to_string().parse(), Ok(date));
    }
}
