//! Times and dates that end before they begin.

use serde_json::Value;

use super::prelude::*;

pub static OUT_OF_ORDER: Notice = Notice {
    code: "start_and_end_range_out_of_order",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "endFieldName", "endValue", "entityId", "filename", "startFieldName", "startValue"],
    en: Words { what: "It ends before it begins.", mend: "Correct one of the two." },
    de: Words { what: "Es endet, bevor es beginnt.", mend: "Eine der beiden Angaben berichtigen." },
};
pub static EQUAL: Notice = Notice {
    code: "start_and_end_range_equal",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "endFieldName", "entityId", "filename", "startFieldName", "value"],
    en: Words { what: "It ends when it begins, so it is empty.", mend: "Correct one of the two, or delete the row." },
    de: Words {
        what: "Es endet, wenn es beginnt, und ist damit leer.",
        mend: "Eine der beiden Angaben berichtigen oder die Zeile löschen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&OUT_OF_ORDER, &EQUAL],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails(
            "start_and_end_range_out_of_order",
            1,
            &[(
                "calendar.txt",
                "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,\
                 end_date\n\
                 s,1,1,1,1,1,1,1,20270101,20260101\n",
            )],
        ),
        fails(
            "start_and_end_range_out_of_order",
            1,
            &[(
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                 t,08:00:30,08:00:00,a,1\n\
                 t,08:05:00,08:05:00,b,2\n",
            )],
        ),
        passes(
            "start_and_end_range_out_of_order",
            &[(
                "calendar.txt",
                "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,\
                 end_date\n\
                 s,1,1,1,1,1,1,1,20261124,20261124\n",
            )],
        ),
        fails(
            "start_and_end_range_equal",
            1,
            &[("frequencies.txt", "trip_id,start_time,end_time,headway_secs\nt,08:00:00,08:00:00,600\n")],
        ),
        passes(
            "start_and_end_range_equal",
            &[("frequencies.txt", "trip_id,start_time,end_time,headway_secs\nt,08:00:00,08:00:01,600\n")],
        ),
    ],
};

/// A range of a table: its columns, whether its ends may be equal, and the column that names the row.
struct Range {
    table: &'static str,
    start: &'static str,
    end: &'static str,
    may_be_equal: bool,
    id: Option<&'static str>,
    dates: bool,
}

const RANGES: &[Range] = &[
    Range {
        table: "calendar",
        start: "start_date",
        end: "end_date",
        may_be_equal: true,
        id: Some("service_id"),
        dates: true,
    },
    Range {
        table: "feed_info",
        start: "feed_start_date",
        end: "feed_end_date",
        may_be_equal: true,
        id: None,
        dates: true,
    },
    Range { table: "frequencies", start: "start_time", end: "end_time", may_be_equal: false, id: None, dates: false },
    Range {
        table: "stop_times",
        start: "arrival_time",
        end: "departure_time",
        may_be_equal: true,
        id: None,
        dates: false,
    },
    Range { table: "timeframes", start: "start_time", end: "end_time", may_be_equal: false, id: None, dates: false },
];

fn check(feed: &Feed, out: &mut Out) {
    for range in RANGES {
        let table = feed.table(range.table);
        let (start, end) = (table.int(range.start), table.int(range.end));
        let shown = |value: i32| if range.dates { date(value) } else { time(value) };
        for row in table.good() {
            let (Some(from), Some(to)) = (start.get(row), end.get(row)) else { continue };
            if from < to || (from == to && range.may_be_equal) {
                continue;
            }
            let id = || range.id.map_or(Value::Null, |id| table.text(id).value(row));
            let file = || Value::from(table.file.as_str());
            if from == to {
                out.add(&EQUAL, || [table.at(row), range.end.into(), id(), file(), range.start.into(), shown(to)]);
            } else {
                out.add(&OUT_OF_ORDER, || {
                    [table.at(row), range.end.into(), shown(to), id(), file(), range.start.into(), shown(from)]
                });
            }
        }
    }
}
