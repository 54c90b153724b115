//! Fares of transfers that contradict themselves (GTFS reference, `fare_transfer_rules.txt`).

use super::prelude::*;

pub static LIMIT_WITHOUT_TYPE: Notice = Notice {
    code: "fare_transfer_rule_duration_limit_without_type",
    severity: Severity::Error,
    files: &["fare_transfer_rules.txt"],
    fields: &["csvRowNumber"],
    en: Words { what: "A time limit does not say from when to when it counts.", mend: "Fill in duration_limit_type." },
    de: Words {
        what: "Eine Zeitgrenze sagt nicht, von wann bis wann sie zählt.",
        mend: "duration_limit_type ergänzen.",
    },
};
pub static TYPE_WITHOUT_LIMIT: Notice = Notice {
    code: "fare_transfer_rule_duration_limit_type_without_duration_limit",
    severity: Severity::Error,
    files: &["fare_transfer_rules.txt"],
    fields: &["csvRowNumber"],
    en: Words {
        what: "It says how a time limit counts, but there is none.",
        mend: "Fill in duration_limit, or empty its type.",
    },
    de: Words {
        what: "Es ist angegeben, wie eine Zeitgrenze zählt, aber es gibt keine.",
        mend: "duration_limit ergänzen oder den Typ leeren.",
    },
};
pub static INVALID_COUNT: Notice = Notice {
    code: "fare_transfer_rule_invalid_transfer_count",
    severity: Severity::Error,
    files: &["fare_transfer_rules.txt"],
    fields: &["csvRowNumber", "transferCount"],
    en: Words { what: "The number of transfers must be -1 (any) or at least 1.", mend: "Correct transfer_count." },
    de: Words {
        what: "Die Zahl der Umstiege muss -1 (beliebig) oder mindestens 1 sein.",
        mend: "transfer_count berichtigen.",
    },
};
pub static WITHOUT_COUNT: Notice = Notice {
    code: "fare_transfer_rule_without_transfer_count",
    severity: Severity::Error,
    files: &["fare_transfer_rules.txt"],
    fields: &["csvRowNumber"],
    en: Words {
        what: "A transfer within the same group of legs must say how many are allowed.",
        mend: "Fill in transfer_count.",
    },
    de: Words {
        what: "Ein Umstieg innerhalb derselben Gruppe muss sagen, wie viele erlaubt sind.",
        mend: "transfer_count ergänzen.",
    },
};
pub static FORBIDDEN_COUNT: Notice = Notice {
    code: "fare_transfer_rule_with_forbidden_transfer_count",
    severity: Severity::Error,
    files: &["fare_transfer_rules.txt"],
    fields: &["csvRowNumber"],
    en: Words {
        what: "A transfer between different groups of legs cannot have a count.",
        mend: "Empty transfer_count.",
    },
    de: Words {
        what: "Ein Umstieg zwischen verschiedenen Gruppen kann keine Anzahl haben.",
        mend: "transfer_count leeren.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&LIMIT_WITHOUT_TYPE, &TYPE_WITHOUT_LIMIT, &INVALID_COUNT, &WITHOUT_COUNT, &FORBIDDEN_COUNT],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails(
            "fare_transfer_rule_duration_limit_without_type",
            1,
            &[("fare_transfer_rules.txt", "duration_limit,duration_limit_type,fare_transfer_type\n3600,,0\n")],
        ),
        passes(
            "fare_transfer_rule_duration_limit_without_type",
            &[("fare_transfer_rules.txt", "duration_limit,duration_limit_type,fare_transfer_type\n3600,1,0\n")],
        ),
        fails(
            "fare_transfer_rule_duration_limit_type_without_duration_limit",
            1,
            &[("fare_transfer_rules.txt", "duration_limit,duration_limit_type,fare_transfer_type\n,0,0\n")],
        ),
        passes(
            "fare_transfer_rule_duration_limit_type_without_duration_limit",
            &[("fare_transfer_rules.txt", "duration_limit,duration_limit_type,fare_transfer_type\n3600,0,0\n")],
        ),
        fails(
            "fare_transfer_rule_invalid_transfer_count",
            2,
            &[(
                "fare_transfer_rules.txt",
                "from_leg_group_id,to_leg_group_id,transfer_count,fare_transfer_type\n\
                 a,a,0,0\n\
                 a,a,-2,0\n",
            )],
        ),
        passes(
            "fare_transfer_rule_invalid_transfer_count",
            &[(
                "fare_transfer_rules.txt",
                "from_leg_group_id,to_leg_group_id,transfer_count,fare_transfer_type\n\
                 a,a,-1,0\n\
                 a,a,2,0\n",
            )],
        ),
        fails(
            "fare_transfer_rule_without_transfer_count",
            1,
            &[(
                "fare_transfer_rules.txt",
                "from_leg_group_id,to_leg_group_id,transfer_count,fare_transfer_type\na,a,,0\n",
            )],
        ),
        passes(
            "fare_transfer_rule_without_transfer_count",
            &[(
                "fare_transfer_rules.txt",
                "from_leg_group_id,to_leg_group_id,transfer_count,fare_transfer_type\na,b,,0\n",
            )],
        ),
        fails(
            "fare_transfer_rule_with_forbidden_transfer_count",
            2,
            &[(
                "fare_transfer_rules.txt",
                "from_leg_group_id,to_leg_group_id,transfer_count,fare_transfer_type\n\
                 a,b,1,0\n\
                 ,,1,0\n",
            )],
        ),
        passes(
            "fare_transfer_rule_with_forbidden_transfer_count",
            &[(
                "fare_transfer_rules.txt",
                "from_leg_group_id,to_leg_group_id,transfer_count,fare_transfer_type\na,a,1,0\n",
            )],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("fare_transfer_rules");
    let (limit, limit_type, count) =
        (table.int("duration_limit"), table.int("duration_limit_type"), table.int("transfer_count"));
    let (from, to) = (table.text("from_leg_group_id"), table.text("to_leg_group_id"));
    for row in table.good() {
        match (limit.has(row), limit_type.has(row)) {
            (true, false) => out.add(&LIMIT_WITHOUT_TYPE, || [table.at(row)]),
            (false, true) => out.add(&TYPE_WITHOUT_LIMIT, || [table.at(row)]),
            _ => {}
        }
        let same = from.has(row) && to.has(row) && from.get(row) == to.get(row);
        match (same, count.get(row)) {
            (true, Some(count)) if count < -1 || count == 0 => {
                out.add(&INVALID_COUNT, || [table.at(row), count.into()])
            }
            (true, None) => out.add(&WITHOUT_COUNT, || [table.at(row)]),
            (false, Some(_)) => out.add(&FORBIDDEN_COUNT, || [table.at(row)]),
            _ => {}
        }
    }
}
