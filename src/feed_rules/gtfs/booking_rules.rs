//! Rules of booking that contradict themselves (GTFS reference, `booking_rules.txt`).

use super::prelude::*;

pub static FORBIDDEN_REAL_TIME: Notice = Notice {
    code: "forbidden_real_time_booking_field_value",
    severity: Severity::Error,
    files: &["booking_rules.txt"],
    fields: &["bookingRuleId", "csvRowNumber", "fieldNames"],
    en: Words {
        what: "A rule for booking in real time has notice periods, which it cannot have.",
        mend: "Empty the fields, or change booking_type.",
    },
    de: Words {
        what: "Eine Regel für Buchung in Echtzeit hat Vorlaufzeiten, die sie nicht haben kann.",
        mend: "Felder leeren oder booking_type ändern.",
    },
};
pub static FORBIDDEN_SAME_DAY: Notice = Notice {
    code: "forbidden_same_day_booking_field_value",
    severity: Severity::Error,
    files: &["booking_rules.txt"],
    fields: &["bookingRuleId", "csvRowNumber", "fieldNames"],
    en: Words {
        what: "A rule for booking on the same day has fields of booking on earlier days.",
        mend: "Empty the fields, or change booking_type.",
    },
    de: Words {
        what: "Eine Regel für Buchung am selben Tag hat Felder der Buchung an Vortagen.",
        mend: "Felder leeren oder booking_type ändern.",
    },
};
pub static FORBIDDEN_PRIOR_DAY: Notice = Notice {
    code: "forbidden_prior_day_booking_field_value",
    severity: Severity::Error,
    files: &["booking_rules.txt"],
    fields: &["bookingRuleId", "csvRowNumber", "fieldNames"],
    en: Words {
        what: "A rule for booking on earlier days has fields of booking on the same day.",
        mend: "Empty the fields, or change booking_type.",
    },
    de: Words {
        what: "Eine Regel für Buchung an Vortagen hat Felder der Buchung am selben Tag.",
        mend: "Felder leeren oder booking_type ändern.",
    },
};
pub static MISSING_DURATION_MIN: Notice = Notice {
    code: "missing_prior_notice_duration_min",
    severity: Severity::Error,
    files: &["booking_rules.txt"],
    fields: &["bookingRuleId", "csvRowNumber"],
    en: Words {
        what: "Booking on the same day does not say how long before.",
        mend: "Fill in prior_notice_duration_min.",
    },
    de: Words {
        what: "Die Buchung am selben Tag sagt nicht, wie lange vorher.",
        mend: "prior_notice_duration_min ergänzen.",
    },
};
pub static INVALID_DURATION_MIN: Notice = Notice {
    code: "invalid_prior_notice_duration_min",
    severity: Severity::Error,
    files: &["booking_rules.txt"],
    fields: &["bookingRuleId", "csvRowNumber", "priorNoticeDurationMax", "priorNoticeDurationMin"],
    en: Words { what: "The latest moment to book is before the earliest.", mend: "Swap the two." },
    de: Words { what: "Der späteste Buchungszeitpunkt liegt vor dem frühesten.", mend: "Die beiden tauschen." },
};
pub static FORBIDDEN_START_DAY: Notice = Notice {
    code: "forbidden_prior_notice_start_day",
    severity: Severity::Error,
    files: &["booking_rules.txt"],
    fields: &["bookingRuleId", "csvRowNumber", "priorNoticeDurationMax", "priorNoticeStartDay"],
    en: Words {
        what: "The earliest moment to book is given twice, in minutes and in days.",
        mend: "Keep one of the two.",
    },
    de: Words {
        what: "Der früheste Buchungszeitpunkt ist doppelt angegeben, in Minuten und in Tagen.",
        mend: "Eine der Angaben behalten.",
    },
};
pub static LAST_AFTER_START: Notice = Notice {
    code: "prior_notice_last_day_after_start_day",
    severity: Severity::Error,
    files: &["booking_rules.txt"],
    fields: &["csvRowNumber", "priorNoticeLastDay", "priorNoticeStartDay"],
    en: Words { what: "The last day to book is before the first.", mend: "Swap the two." },
    de: Words { what: "Der letzte Buchungstag liegt vor dem ersten.", mend: "Die beiden tauschen." },
};
pub static MISSING_LAST_DAY: Notice = Notice {
    code: "missing_prior_notice_last_day",
    severity: Severity::Error,
    files: &["booking_rules.txt"],
    fields: &["bookingRuleId", "csvRowNumber"],
    en: Words { what: "Booking on earlier days does not say until which.", mend: "Fill in prior_notice_last_day." },
    de: Words { what: "Die Buchung an Vortagen sagt nicht, bis wann.", mend: "prior_notice_last_day ergänzen." },
};
pub static MISSING_LAST_TIME: Notice = Notice {
    code: "missing_prior_notice_last_time",
    severity: Severity::Error,
    files: &["booking_rules.txt"],
    fields: &["bookingRuleId", "csvRowNumber"],
    en: Words {
        what: "Booking on earlier days does not say until what time.",
        mend: "Fill in prior_notice_last_time.",
    },
    de: Words {
        what: "Die Buchung an Vortagen sagt nicht, bis zu welcher Uhrzeit.",
        mend: "prior_notice_last_time ergänzen.",
    },
};
pub static FORBIDDEN_START_TIME: Notice = Notice {
    code: "forbidden_prior_notice_start_time",
    severity: Severity::Error,
    files: &["booking_rules.txt"],
    fields: &["bookingRuleId", "csvRowNumber", "priorNoticeStartTime"],
    en: Words {
        what: "There is a time from which to book, but no day.",
        mend: "Fill in prior_notice_start_day, or empty the time.",
    },
    de: Words {
        what: "Es gibt eine Uhrzeit für den Buchungsbeginn, aber keinen Tag.",
        mend: "prior_notice_start_day ergänzen oder Uhrzeit leeren.",
    },
};
pub static MISSING_START_TIME: Notice = Notice {
    code: "missing_prior_notice_start_time",
    severity: Severity::Error,
    files: &["booking_rules.txt"],
    fields: &["bookingRuleId", "csvRowNumber", "priorNoticeStartDay"],
    en: Words { what: "There is a day from which to book, but no time.", mend: "Fill in prior_notice_start_time." },
    de: Words {
        what: "Es gibt einen Tag für den Buchungsbeginn, aber keine Uhrzeit.",
        mend: "prior_notice_start_time ergänzen.",
    },
};

const SOUND: &str = "booking_rule_id,booking_type,prior_notice_duration_min,prior_notice_last_day,\
                     prior_notice_last_time,prior_notice_start_day,prior_notice_start_time\n\
                     now,0,,,,,\n\
                     day,1,60,,,,\n\
                     before,2,,1,18:00:00,7,06:00:00\n";

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[
        &FORBIDDEN_REAL_TIME,
        &FORBIDDEN_SAME_DAY,
        &FORBIDDEN_PRIOR_DAY,
        &MISSING_DURATION_MIN,
        &INVALID_DURATION_MIN,
        &FORBIDDEN_START_DAY,
        &LAST_AFTER_START,
        &MISSING_LAST_DAY,
        &MISSING_LAST_TIME,
        &FORBIDDEN_START_TIME,
        &MISSING_START_TIME,
    ],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails(
            "forbidden_real_time_booking_field_value",
            1,
            &[("booking_rules.txt", "booking_rule_id,booking_type,prior_notice_duration_min\na,0,5\n")],
        ),
        passes("forbidden_real_time_booking_field_value", &[("booking_rules.txt", SOUND)]),
        fails(
            "forbidden_same_day_booking_field_value",
            1,
            &[(
                "booking_rules.txt",
                "booking_rule_id,booking_type,prior_notice_duration_min,prior_notice_last_day\n\
                 a,1,5,1\n",
            )],
        ),
        passes("forbidden_same_day_booking_field_value", &[("booking_rules.txt", SOUND)]),
        fails(
            "forbidden_prior_day_booking_field_value",
            1,
            &[(
                "booking_rules.txt",
                "booking_rule_id,booking_type,prior_notice_duration_min,prior_notice_last_day,\
                 prior_notice_last_time\n\
                 a,2,5,1,18:00:00\n",
            )],
        ),
        passes("forbidden_prior_day_booking_field_value", &[("booking_rules.txt", SOUND)]),
        fails("missing_prior_notice_duration_min", 1, &[("booking_rules.txt", "booking_rule_id,booking_type\na,1\n")]),
        passes("missing_prior_notice_duration_min", &[("booking_rules.txt", SOUND)]),
        fails(
            "invalid_prior_notice_duration_min",
            1,
            &[(
                "booking_rules.txt",
                "booking_rule_id,booking_type,prior_notice_duration_min,prior_notice_duration_max\n\
                 a,1,60,30\n",
            )],
        ),
        passes(
            "invalid_prior_notice_duration_min",
            &[(
                "booking_rules.txt",
                "booking_rule_id,booking_type,prior_notice_duration_min,prior_notice_duration_max\n\
                 a,1,60,60\n",
            )],
        ),
        fails(
            "forbidden_prior_notice_start_day",
            1,
            &[(
                "booking_rules.txt",
                "booking_rule_id,booking_type,prior_notice_duration_min,prior_notice_duration_max,\
                 prior_notice_start_day,prior_notice_start_time\n\
                 a,1,60,90,1,06:00:00\n",
            )],
        ),
        passes("forbidden_prior_notice_start_day", &[("booking_rules.txt", SOUND)]),
        fails(
            "prior_notice_last_day_after_start_day",
            1,
            &[(
                "booking_rules.txt",
                "booking_rule_id,booking_type,prior_notice_last_day,prior_notice_last_time,\
                 prior_notice_start_day,prior_notice_start_time\n\
                 a,2,3,18:00:00,2,06:00:00\n",
            )],
        ),
        passes("prior_notice_last_day_after_start_day", &[("booking_rules.txt", SOUND)]),
        fails(
            "missing_prior_notice_last_day",
            1,
            &[("booking_rules.txt", "booking_rule_id,booking_type,prior_notice_last_time\na,2,18:00:00\n")],
        ),
        passes("missing_prior_notice_last_day", &[("booking_rules.txt", SOUND)]),
        fails(
            "missing_prior_notice_last_time",
            1,
            &[("booking_rules.txt", "booking_rule_id,booking_type,prior_notice_last_day\na,2,1\n")],
        ),
        passes("missing_prior_notice_last_time", &[("booking_rules.txt", SOUND)]),
        fails(
            "forbidden_prior_notice_start_time",
            1,
            &[(
                "booking_rules.txt",
                "booking_rule_id,booking_type,prior_notice_last_day,prior_notice_last_time,\
                 prior_notice_start_time\n\
                 a,2,1,18:00:00,06:00:00\n",
            )],
        ),
        passes("forbidden_prior_notice_start_time", &[("booking_rules.txt", SOUND)]),
        fails(
            "missing_prior_notice_start_time",
            1,
            &[(
                "booking_rules.txt",
                "booking_rule_id,booking_type,prior_notice_last_day,prior_notice_last_time,\
                 prior_notice_start_day\n\
                 a,2,1,18:00:00,7\n",
            )],
        ),
        passes("missing_prior_notice_start_time", &[("booking_rules.txt", SOUND)]),
    ],
};

const FIELDS: [&str; 7] = [
    "prior_notice_duration_min",
    "prior_notice_duration_max",
    "prior_notice_last_day",
    "prior_notice_last_time",
    "prior_notice_start_day",
    "prior_notice_start_time",
    "prior_notice_service_id",
];

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("booking_rules");
    let (ids, types, service) =
        (table.text("booking_rule_id"), table.int("booking_type"), table.text("prior_notice_service_id"));
    let int = |place: usize| table.int(FIELDS[place]);
    let [min, max, last_day, last_time, start_day, start_time] = [0, 1, 2, 3, 4, 5].map(int);
    for row in table.good() {
        let there = |place: usize| if place == 6 { service.has(row) } else { int(place).has(row) };
        let rule = |notice: &'static Notice, out: &mut Out| out.add(notice, || [ids.value(row), table.at(row)]);
        let (forbidden, notice): (&[usize], _) = match types.get(row) {
            Some(0) => (&[0, 1, 2, 3, 4, 5, 6], &FORBIDDEN_REAL_TIME),
            Some(1) => (&[2, 3, 6], &FORBIDDEN_SAME_DAY),
            Some(2) => (&[0, 1], &FORBIDDEN_PRIOR_DAY),
            _ => (&[], &FORBIDDEN_PRIOR_DAY),
        };
        let names: Vec<&str> = forbidden.iter().filter(|place| there(**place)).map(|place| FIELDS[*place]).collect();
        if !names.is_empty() {
            out.add(notice, || [ids.value(row), table.at(row), names.join(", ").into()]);
        }
        if types.get(row) == Some(1) && !min.has(row) {
            rule(&MISSING_DURATION_MIN, out);
        }
        if min.get(row).zip(max.get(row)).is_some_and(|(min, max)| max < min) {
            out.add(&INVALID_DURATION_MIN, || [ids.value(row), table.at(row), max.value(row), min.value(row)]);
        }
        if max.has(row) && start_day.has(row) {
            out.add(&FORBIDDEN_START_DAY, || [ids.value(row), table.at(row), max.value(row), start_day.value(row)]);
        }
        if last_day.get(row).zip(start_day.get(row)).is_some_and(|(last, start)| last > start) {
            out.add(&LAST_AFTER_START, || [table.at(row), last_day.value(row), start_day.value(row)]);
        }
        if types.get(row) == Some(2) && !last_day.has(row) {
            rule(&MISSING_LAST_DAY, out);
        }
        if types.get(row) == Some(2) && !last_time.has(row) {
            rule(&MISSING_LAST_TIME, out);
        }
        match (start_day.has(row), start_time.has(row)) {
            (false, true) => out.add(&FORBIDDEN_START_TIME, || [ids.value(row), table.at(row), start_time.time(row)]),
            (true, false) => out.add(&MISSING_START_TIME, || [ids.value(row), table.at(row), start_day.value(row)]),
            _ => {}
        }
    }
}
