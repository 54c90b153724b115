//! Attributions that do not say what the organisation did.

use super::prelude::*;

pub static ATTRIBUTION_WITHOUT_ROLE: Notice = Notice {
    code: "attribution_without_role",
    severity: Severity::Warning,
    files: &["attributions.txt"],
    fields: &["attributionId", "csvRowNumber"],
    en: Words {
        what: "The organisation is named without a role.",
        mend: "Set is_producer, is_operator or is_authority to 1.",
    },
    de: Words {
        what: "Die Organisation ist ohne Rolle genannt.",
        mend: "is_producer, is_operator oder is_authority auf 1 setzen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&ATTRIBUTION_WITHOUT_ROLE],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails(
            "attribution_without_role",
            1,
            &[("attributions.txt", "attribution_id,organization_name,is_producer\na,Stadtbus,0\n")],
        ),
        passes(
            "attribution_without_role",
            &[("attributions.txt", "attribution_id,organization_name,is_producer,is_operator\na,Stadtbus,0,1\n")],
        ),
    ],
};

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
