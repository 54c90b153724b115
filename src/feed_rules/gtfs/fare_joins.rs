//! Joins of fare legs that name one end only.

use super::cells::MISSING_REQUIRED_FIELD;
use super::prelude::*;

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&MISSING_REQUIRED_FIELD],
    needs: Needs::Tables(&["fare_leg_join_rules"]),
    check: Some(check),
    examples: &[
        fails(
            "missing_required_field",
            2,
            &[
                ("networks.txt", "network_id\nn\n"),
                (
                    "fare_leg_join_rules.txt",
                    "from_network_id,to_network_id,from_stop_id,to_stop_id\nn,n,a,\nn,n,,b\nn,n,a,b\n",
                ),
            ],
        ),
        passes(
            "missing_required_field",
            &[
                ("networks.txt", "network_id\nn\n"),
                ("fare_leg_join_rules.txt", "from_network_id,to_network_id,from_stop_id,to_stop_id\nn,n,,\n"),
            ],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("fare_leg_join_rules");
    let (from, to) = (table.text("from_stop_id"), table.text("to_stop_id"));
    for row in 0..table.rows {
        let missing = match (from.has(row), to.has(row)) {
            (true, false) => "to_stop_id",
            (false, true) => "from_stop_id",
            _ => continue,
        };
        out.add(&MISSING_REQUIRED_FIELD, || [table.at(row), missing.into(), table.file.as_str().into()]);
    }
}
