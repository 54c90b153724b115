//! Agencies whose language is not that of the feed.

use super::prelude::*;

pub static MISMATCH: Notice = Notice {
    code: "feed_info_lang_and_agency_lang_mismatch",
    severity: Severity::Warning,
    files: &["feed_info.txt", "agency.txt"],
    fields: &["agencyId", "agencyLang", "agencyName", "csvRowNumber", "feedLang"],
    en: Words {
        what: "The agency has another language than the feed.",
        mend: "Correct one of the two; a feed in several languages has 'mul'.",
    },
    de: Words {
        what: "Das Unternehmen hat eine andere Sprache als der Datensatz.",
        mend: "Eine der beiden berichtigen; mehrsprachige Datensätze haben 'mul'.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&MISMATCH],
    needs: Needs::Tables(&["agency", "feed_info"]),
    check: Some(check),
    examples: &[
        fails(
            "feed_info_lang_and_agency_lang_mismatch",
            1,
            &[(
                "agency.txt",
                "agency_id,agency_name,agency_url,agency_timezone,agency_lang\n\
                 1,Stadtbus,https://example.com,Europe/Berlin,fr\n",
            )],
        ),
        passes(
            "feed_info_lang_and_agency_lang_mismatch",
            &[(
                "agency.txt",
                "agency_id,agency_name,agency_url,agency_timezone,agency_lang\n\
                 1,Stadtbus,https://example.com,Europe/Berlin,DE\n",
            )],
        ),
        passes(
            "feed_info_lang_and_agency_lang_mismatch",
            &[(
                "feed_info.txt",
                "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,\
                 feed_version\n\
                 X,https://example.com,mul,20260101,20271231,1\n",
            )],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let own = feed.table("feed_info").text("feed_lang");
    if !own.has(0) || own.get(0).eq_ignore_ascii_case("mul") {
        return;
    }
    let agency = feed.table("agency");
    let languages = agency.text("agency_lang");
    for row in
        (0..agency.rows).filter(|row| languages.has(*row) && !languages.get(*row).eq_ignore_ascii_case(own.get(0)))
    {
        out.add(&MISMATCH, || {
            let (id, name) = (agency.text("agency_id").value(row), agency.text("agency_name").value(row));
            [id, languages.value(row), name, agency.at(row), own.value(0)]
        });
    }
}
