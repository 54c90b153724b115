//! Routes and fares that do not say whose they are.

use super::cells::MISSING_RECOMMENDED_FIELD;
use super::prelude::*;

pub static MISSING_REQUIRED_AGENCY_ID: Notice = Notice {
    code: "missing_required_agency_id",
    severity: Severity::Error,
    files: &["agency.txt", "routes.txt", "fare_attributes.txt"],
    fields: &["agencyName", "csvRowNumber", "filename"],
    en: Words {
        what: "With several agencies each agency, route and fare must name its agency, or it belongs to nobody.",
        mend: "Fill in agency_id.",
    },
    de: Words {
        what: "Bei mehreren Unternehmen muss jedes Unternehmen, jede Linie und jeder Tarif seine agency_id nennen, \
               sonst gehört sie niemandem.",
        mend: "agency_id ergänzen.",
    },
};

const TWO: &str = "agency_id,agency_name,agency_url,agency_timezone,agency_lang\n\
                   1,Stadtbus,https://example.com,Europe/Berlin,de\n\
                   2,Landbus,https://example.org,Europe/Berlin,de\n";

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&MISSING_REQUIRED_AGENCY_ID],
    needs: Needs::Tables(&["agency"]),
    check: Some(check),
    examples: &[
        fails(
            "missing_required_agency_id",
            1,
            &[("agency.txt", TWO), ("routes.txt", "route_id,agency_id,route_short_name,route_type\nr,,S1,3\n")],
        ),
        fails(
            "missing_required_agency_id",
            1,
            &[(
                "agency.txt",
                "agency_id,agency_name,agency_url,agency_timezone\n\
                 1,Stadtbus,https://example.com,Europe/Berlin\n\
                 ,Landbus,https://example.org,Europe/Berlin\n",
            )],
        ),
        fails(
            "missing_recommended_field",
            1,
            &[("routes.txt", "route_id,agency_id,route_short_name,route_type\nr,,S1,3\n")],
        ),
        passes("missing_required_agency_id", &[("agency.txt", TWO)]),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let agencies = feed.table("agency").rows;
    if agencies == 0 {
        return;
    }
    for table in
        ["routes", "fare_attributes"].map(|name| feed.table(name)).into_iter().filter(|table| table.is_usable())
    {
        let ids = table.text("agency_id");
        for row in (0..table.rows).filter(|row| !ids.has(*row)) {
            let file = || table.file.as_str().into();
            if agencies > 1 {
                out.add(&MISSING_REQUIRED_AGENCY_ID, || [serde_json::Value::Null, table.at(row), file()]);
            } else {
                out.add(&MISSING_RECOMMENDED_FIELD, || [table.at(row), "agency_id".into(), file()]);
            }
        }
    }
}
