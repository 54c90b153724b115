//! Fares of transfers that contradict themselves (GTFS reference, `fare_transfer_rules.txt`).

use super::prelude::*;

notice!(LIMIT_WITHOUT_TYPE = "fare_transfer_rule_duration_limit_without_type", Error, ["fare_transfer_rules.txt"], ["csvRowNumber"],
    "A time limit does not say from when to when it counts.", "Fill in duration_limit_type.",
    "Eine Zeitgrenze sagt nicht, von wann bis wann sie zählt.", "duration_limit_type ergänzen.");
notice!(TYPE_WITHOUT_LIMIT = "fare_transfer_rule_duration_limit_type_without_duration_limit", Error, ["fare_transfer_rules.txt"], ["csvRowNumber"],
    "It says how a time limit counts, but there is none.", "Fill in duration_limit, or empty its type.",
    "Es ist angegeben, wie eine Zeitgrenze zählt, aber es gibt keine.", "duration_limit ergänzen oder den Typ leeren.");
notice!(INVALID_COUNT = "fare_transfer_rule_invalid_transfer_count", Error, ["fare_transfer_rules.txt"], ["csvRowNumber", "transferCount"],
    "The number of transfers must be -1 (any) or at least 1.", "Correct transfer_count.",
    "Die Zahl der Umstiege muss -1 (beliebig) oder mindestens 1 sein.", "transfer_count berichtigen.");
notice!(WITHOUT_COUNT = "fare_transfer_rule_without_transfer_count", Error, ["fare_transfer_rules.txt"], ["csvRowNumber"],
    "A transfer within the same group of legs must say how many are allowed.", "Fill in transfer_count.",
    "Ein Umstieg innerhalb derselben Gruppe muss sagen, wie viele erlaubt sind.", "transfer_count ergänzen.");
notice!(FORBIDDEN_COUNT = "fare_transfer_rule_with_forbidden_transfer_count", Error, ["fare_transfer_rules.txt"], ["csvRowNumber"],
    "A transfer between different groups of legs cannot have a count.", "Empty transfer_count.",
    "Ein Umstieg zwischen verschiedenen Gruppen kann keine Anzahl haben.", "transfer_count leeren.");

rule!([LIMIT_WITHOUT_TYPE, TYPE_WITHOUT_LIMIT, INVALID_COUNT, WITHOUT_COUNT, FORBIDDEN_COUNT], needs: [], check, &[
    fails("fare_transfer_rule_duration_limit_without_type", 1, &[("fare_transfer_rules.txt", "duration_limit,duration_limit_type,fare_transfer_type\n3600,,0\n")]),
    passes("fare_transfer_rule_duration_limit_without_type", &[("fare_transfer_rules.txt", "duration_limit,duration_limit_type,fare_transfer_type\n3600,1,0\n")]),
    fails("fare_transfer_rule_duration_limit_type_without_duration_limit", 1, &[("fare_transfer_rules.txt", "duration_limit,duration_limit_type,fare_transfer_type\n,0,0\n")]),
    passes("fare_transfer_rule_duration_limit_type_without_duration_limit", &[("fare_transfer_rules.txt", "duration_limit,duration_limit_type,fare_transfer_type\n3600,0,0\n")]),
    fails("fare_transfer_rule_invalid_transfer_count", 2, &[("fare_transfer_rules.txt", "from_leg_group_id,to_leg_group_id,transfer_count,fare_transfer_type\na,a,0,0\na,a,-2,0\n")]),
    passes("fare_transfer_rule_invalid_transfer_count", &[("fare_transfer_rules.txt", "from_leg_group_id,to_leg_group_id,transfer_count,fare_transfer_type\na,a,-1,0\na,a,2,0\n")]),
    fails("fare_transfer_rule_without_transfer_count", 1, &[("fare_transfer_rules.txt", "from_leg_group_id,to_leg_group_id,transfer_count,fare_transfer_type\na,a,,0\n")]),
    passes("fare_transfer_rule_without_transfer_count", &[("fare_transfer_rules.txt", "from_leg_group_id,to_leg_group_id,transfer_count,fare_transfer_type\na,b,,0\n")]),
    fails("fare_transfer_rule_with_forbidden_transfer_count", 2, &[("fare_transfer_rules.txt", "from_leg_group_id,to_leg_group_id,transfer_count,fare_transfer_type\na,b,1,0\n,,1,0\n")]),
    passes("fare_transfer_rule_with_forbidden_transfer_count", &[("fare_transfer_rules.txt", "from_leg_group_id,to_leg_group_id,transfer_count,fare_transfer_type\na,a,1,0\n")]),
]);

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("fare_transfer_rules");
    let (limit, limit_type, count) = (table.int("duration_limit"), table.int("duration_limit_type"), table.int("transfer_count"));
    let (from, to) = (table.text("from_leg_group_id"), table.text("to_leg_group_id"));
    for row in table.good() {
        match (limit.has(row), limit_type.has(row)) {
            (true, false) => out.add(&LIMIT_WITHOUT_TYPE, || [table.at(row)]),
            (false, true) => out.add(&TYPE_WITHOUT_LIMIT, || [table.at(row)]),
            _ => {}
        }
        let same = from.has(row) && to.has(row) && from.get(row) == to.get(row);
        match (same, count.get(row)) {
            (true, Some(count)) if count < -1 || count == 0 => out.add(&INVALID_COUNT, || [table.at(row), count.into()]),
            (true, None) => out.add(&WITHOUT_COUNT, || [table.at(row)]),
            (false, Some(_)) => out.add(&FORBIDDEN_COUNT, || [table.at(row)]),
            _ => {}
        }
    }
}
