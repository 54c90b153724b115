//! Times of day for fares (GTFS reference, `timeframes.txt`).

use std::collections::BTreeMap;

use super::prelude::*;

pub static ONLY_ONE: Notice = Notice {
    code: "timeframe_only_start_or_end_time_specified",
    severity: Severity::Error,
    files: &["timeframes.txt"],
    fields: &["csvRowNumber"],
    en: Words {
        what: "Only one end of the time of day is given.",
        mend: "Fill in the other, or empty both for the whole day.",
    },
    de: Words {
        what: "Nur ein Ende der Tageszeit ist angegeben.",
        mend: "Das andere ergänzen oder beide leeren für den ganzen Tag.",
    },
};
pub static BEYOND_DAY: Notice = Notice {
    code: "timeframe_start_or_end_time_greater_than_twenty_four_hours",
    severity: Severity::Error,
    files: &["timeframes.txt"],
    fields: &["csvRowNumber", "fieldName", "time"],
    en: Words { what: "A time of day for fares is after 24:00:00.", mend: "Split it at midnight." },
    de: Words { what: "Eine Tageszeit für Tarife liegt nach 24:00:00.", mend: "An Mitternacht teilen." },
};
pub static OVERLAP: Notice = Notice {
    code: "timeframe_overlap",
    severity: Severity::Error,
    files: &["frequencies.txt"],
    fields: &["currCsvRowNumber", "currStartTime", "prevCsvRowNumber", "prevEndTime", "serviceId", "timeframeGroupId"],
    en: Words {
        what: "Two times of day of a group overlap, so two fares hold at once.",
        mend: "Let one end before the next begins.",
    },
    de: Words {
        what: "Zwei Tageszeiten einer Gruppe überlappen sich; zwei Tarife gelten zugleich.",
        mend: "Eine enden lassen, bevor die nächste beginnt.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&ONLY_ONE, &BEYOND_DAY, &OVERLAP],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails(
            "timeframe_only_start_or_end_time_specified",
            1,
            &[("timeframes.txt", "timeframe_group_id,start_time,end_time,service_id\ng,08:00:00,,s\n")],
        ),
        passes(
            "timeframe_only_start_or_end_time_specified",
            &[("timeframes.txt", "timeframe_group_id,start_time,end_time,service_id\ng,,,s\n")],
        ),
        fails(
            "timeframe_start_or_end_time_greater_than_twenty_four_hours",
            1,
            &[("timeframes.txt", "timeframe_group_id,start_time,end_time,service_id\ng,08:00:00,24:00:01,s\n")],
        ),
        passes(
            "timeframe_start_or_end_time_greater_than_twenty_four_hours",
            &[("timeframes.txt", "timeframe_group_id,start_time,end_time,service_id\ng,08:00:00,24:00:00,s\n")],
        ),
        fails(
            "timeframe_overlap",
            1,
            &[(
                "timeframes.txt",
                "timeframe_group_id,start_time,end_time,service_id\n\
                 g,08:00:00,10:00:00,s\n\
                 g,09:59:59,11:00:00,s\n",
            )],
        ),
        passes(
            "timeframe_overlap",
            &[(
                "timeframes.txt",
                "timeframe_group_id,start_time,end_time,service_id\n\
                 g,08:00:00,10:00:00,s\n\
                 g,10:00:00,11:00:00,s\n\
                 h,09:00:00,11:00:00,s\n",
            )],
        ),
    ],
};

const DAY: i32 = 24 * 3600;

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("timeframes");
    let (start, end) = (table.int("start_time"), table.int("end_time"));
    for row in table.good() {
        if start.has(row) != end.has(row) {
            out.add(&ONLY_ONE, || [table.at(row)]);
        }
        for (name, column) in [("start_time", start), ("end_time", end)] {
            if column.get(row).is_some_and(|seconds| seconds > DAY) {
                out.add(&BEYOND_DAY, || [table.at(row), name.into(), column.time(row)]);
            }
        }
    }
    if !table.is_usable() {
        return;
    }
    let (groups, services) = (table.text("timeframe_group_id"), table.text("service_id"));
    let mut by_key: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for row in 0..table.rows {
        by_key.entry((groups.code(row), services.code(row))).or_default().push(row);
    }
    // Without both ends the whole day is meant.
    let from = |row: usize| start.or(row, 0);
    let to = |row: usize| end.or(row, DAY);
    for rows in by_key.values_mut() {
        rows.sort_by_key(|row| (from(*row), to(*row)));
        for pair in rows.windows(2).filter(|pair| from(pair[1]) < to(pair[0])) {
            let (prev, curr) = (pair[0], pair[1]);
            out.add(&OVERLAP, || {
                [
                    table.at(curr),
                    time(from(curr)),
                    table.at(prev),
                    time(to(prev)),
                    services.value(curr),
                    groups.value(curr),
                ]
            });
        }
    }
}
