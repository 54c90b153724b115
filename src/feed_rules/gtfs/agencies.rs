//! Agencies that do not agree on their time zone or language.

use super::agency_ids::MISSING_REQUIRED_AGENCY_ID;
use super::cells::MISSING_RECOMMENDED_FIELD;
use super::prelude::*;

pub static INCONSISTENT_TIMEZONE: Notice = Notice {
    code: "inconsistent_agency_timezone",
    severity: Severity::Error,
    files: &["agency.txt"],
    fields: &["actual", "csvRowNumber", "expected"],
    en: Words {
        what: "All agencies of a feed must have the same time zone, because its times are read in one.",
        mend: "Give all the same, or make two feeds.",
    },
    de: Words {
        what: "Alle Unternehmen eines Datensatzes müssen dieselbe Zeitzone haben, weil seine Zeiten in einer gelesen \
               werden.",
        mend: "Allen dieselbe geben oder zwei Datensätze bilden.",
    },
};
pub static INCONSISTENT_LANG: Notice = Notice {
    code: "inconsistent_agency_lang",
    severity: Severity::Warning,
    files: &["agency.txt"],
    fields: &["actual", "csvRowNumber", "expected"],
    en: Words { what: "The agencies of the feed have different languages.", mend: "Check whether this is meant." },
    de: Words {
        what: "Die Unternehmen des Datensatzes haben verschiedene Sprachen.",
        mend: "Prüfen, ob das so gemeint ist.",
    },
};

const HEADER_TWO: &str = "agency_id,agency_name,agency_url,agency_timezone,agency_lang\n\
                          1,Stadtbus,https://example.com,Europe/Berlin,de\n\
                          2,Landbus,https://example.org,Europe/Paris,fr\n";

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&INCONSISTENT_TIMEZONE, &INCONSISTENT_LANG],
    needs: Needs::Tables(&["agency"]),
    check: Some(check),
    examples: &[
        fails("inconsistent_agency_timezone", 1, &[("agency.txt", HEADER_TWO)]),
        passes("inconsistent_agency_timezone", &[]),
        fails("inconsistent_agency_lang", 1, &[("agency.txt", HEADER_TWO)]),
        passes(
            "inconsistent_agency_lang",
            &[(
                "agency.txt",
                "agency_id,agency_name,agency_url,agency_timezone,agency_lang\n\
                 1,Stadtbus,https://example.com,Europe/Berlin,de\n\
                 2,Landbus,https://example.org,Europe/Berlin,\n",
            )],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let agency = feed.table("agency");
    let (ids, names) = (agency.text("agency_id"), agency.text("agency_name"));
    let (zones, languages) = (agency.text("agency_timezone"), agency.text("agency_lang"));
    if agency.rows == 1 && !ids.has(0) {
        out.add(&MISSING_RECOMMENDED_FIELD, || [agency.at(0), "agency_id".into(), "agency.txt".into()]);
        return;
    }
    let mut language: Option<&str> = None;
    for row in 0..agency.rows {
        if !ids.has(row) {
            out.add(&MISSING_REQUIRED_AGENCY_ID, || [names.value(row), agency.at(row), "agency.txt".into()]);
        }
        if zones.get(row) != zones.get(0) {
            out.add(&INCONSISTENT_TIMEZONE, || [zones.value(row), agency.at(row), zones.value(0)]);
        }
        match language {
            _ if !languages.has(row) => {}
            None => language = Some(languages.get(row)),
            Some(first) if first.eq_ignore_ascii_case(languages.get(row)) => {}
            Some(first) => out.add(&INCONSISTENT_LANG, || [languages.value(row), agency.at(row), first.into()]),
        }
    }
}
