//! Attributions that do not say what the organisation did.

use super::prelude::*;

notice!(ATTRIBUTION_WITHOUT_ROLE = "attribution_without_role", Warning, ["attributions.txt"], ["attributionId", "csvRowNumber"],
    "The organisation is named without a role.", "Set is_producer, is_operator or is_authority to 1.",
    "Die Organisation ist ohne Rolle genannt.", "is_producer, is_operator oder is_authority auf 1 setzen.");

rule!([ATTRIBUTION_WITHOUT_ROLE], needs: [], check, &[
    fails("attribution_without_role", 1, &[("attributions.txt", "attribution_id,organization_name,is_producer\na,Stadtbus,0\n")]),
    passes("attribution_without_role", &[("attributions.txt", "attribution_id,organization_name,is_producer,is_operator\na,Stadtbus,0,1\n")]),
]);

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("attributions");
    let roles = ["is_producer", "is_operator", "is_authority"];
    if !roles.iter().any(|role| table.has(role)) {
        return;
    }
    let roles = roles.map(|role| table.int(role));
    for row in table.good().filter(|row| roles.iter().all(|role| role.get(*row) != Some(1))) {
        out.add(&ATTRIBUTION_WITHOUT_ROLE, || [table.text("attribution_id").value(row), table.at(row)]);
    }
}
