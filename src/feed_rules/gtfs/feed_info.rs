//! What the feed says of itself: contact, and from when to when it holds.

use super::prelude::*;

pub static MISSING_CONTACT: Notice = Notice {
    code: "missing_feed_contact_email_and_url",
    severity: Severity::Warning,
    files: &[],
    fields: &["csvRowNumber"],
    en: Words {
        what: "The feed does not say whom to tell about faults.",
        mend: "Fill in feed_contact_email or feed_contact_url.",
    },
    de: Words {
        what: "Der Datensatz sagt nicht, wem man Fehler melden kann.",
        mend: "feed_contact_email oder feed_contact_url ergänzen.",
    },
};
pub static EXPIRES_7: Notice = Notice {
    code: "feed_expiration_date7_days",
    severity: Severity::Warning,
    files: &["feed_info.txt"],
    fields: &["csvRowNumber", "currentDate", "feedEndDate", "suggestedExpirationDate"],
    en: Words {
        what: "The feed ends within a week; riders who plan ahead find nothing.",
        mend: "Publish the next timetable.",
    },
    de: Words {
        what: "Der Datensatz endet binnen einer Woche; wer vorausplant, findet nichts.",
        mend: "Den nächsten Fahrplan veröffentlichen.",
    },
};
pub static EXPIRES_30: Notice = Notice {
    code: "feed_expiration_date30_days",
    severity: Severity::Warning,
    files: &["feed_info.txt"],
    fields: &["csvRowNumber", "currentDate", "feedEndDate", "suggestedExpirationDate"],
    en: Words { what: "The feed ends within a month.", mend: "Publish the next timetable soon." },
    de: Words {
        what: "Der Datensatz endet binnen eines Monats.", mend: "Bald den nächsten Fahrplan veröffentlichen."
    },
};
pub static MISSING_DATE: Notice = Notice {
    code: "missing_feed_info_date",
    severity: Severity::Warning,
    files: &["feed_info.txt"],
    fields: &["csvRowNumber", "fieldName"],
    en: Words { what: "Only one of the first and the last day is given.", mend: "Fill in the other." },
    de: Words { what: "Nur einer von erstem und letztem Tag ist angegeben.", mend: "Den anderen ergänzen." },
};
pub static FUTURE_FEED: Notice = Notice {
    code: "future_feed",
    severity: Severity::Info,
    files: &["feed_info.txt"],
    fields: &["currentDate", "feedStartDate"],
    en: Words { what: "The feed does not hold yet.", mend: "Check that the one that holds today is published, too." },
    de: Words {
        what: "Der Datensatz gilt noch nicht.", mend: "Prüfen, ob auch der heute gültige veröffentlicht ist."
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&MISSING_CONTACT, &EXPIRES_7, &EXPIRES_30, &MISSING_DATE, &FUTURE_FEED],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails(
            "missing_feed_contact_email_and_url",
            1,
            &[(
                "feed_info.txt",
                "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,\
                 feed_version\n\
                 X,https://example.com,de,20260101,20271231,1\n",
            )],
        ),
        passes("missing_feed_contact_email_and_url", &[]),
        fails(
            "feed_expiration_date7_days",
            1,
            &[(
                "feed_info.txt",
                "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,\
                 feed_version\n\
                 X,https://example.com,de,20260101,20261130,1\n",
            )],
        ),
        passes(
            "feed_expiration_date7_days",
            &[(
                "feed_info.txt",
                "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,\
                 feed_version\n\
                 X,https://example.com,de,20260101,20261201,1\n",
            )],
        ),
        fails(
            "feed_expiration_date30_days",
            1,
            &[(
                "feed_info.txt",
                "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,\
                 feed_version\n\
                 X,https://example.com,de,20260101,20261223,1\n",
            )],
        ),
        passes(
            "feed_expiration_date30_days",
            &[(
                "feed_info.txt",
                "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,\
                 feed_version\n\
                 X,https://example.com,de,20260101,20261224,1\n",
            )],
        ),
        fails(
            "missing_feed_info_date",
            1,
            &[(
                "feed_info.txt",
                "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,\
                 feed_version\n\
                 X,https://example.com,de,20260101,,1\n",
            )],
        ),
        passes(
            "missing_feed_info_date",
            &[(
                "feed_info.txt",
                "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,\
                 feed_version\n\
                 X,https://example.com,de,,,1\n",
            )],
        ),
        fails(
            "future_feed",
            1,
            &[(
                "feed_info.txt",
                "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,\
                 feed_version\n\
                 X,https://example.com,de,20261125,20271231,1\n",
            )],
        ),
        passes(
            "future_feed",
            &[(
                "feed_info.txt",
                "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,\
                 feed_version\n\
                 X,https://example.com,de,20261124,20271231,1\n",
            )],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("feed_info");
    let (start, end) = (table.int("feed_start_date"), table.int("feed_end_date"));
    let (email, url) = (table.text("feed_contact_email"), table.text("feed_contact_url"));
    let today = feed.date.days_since_epoch();
    for row in table.good() {
        if !email.has(row) && !url.has(row) {
            out.add(&MISSING_CONTACT, || [table.at(row)]);
        }
        for (notice, days) in [(&EXPIRES_7, 7), (&EXPIRES_30, 30)] {
            if end.get(row).is_some_and(|end| end < today + days) {
                out.add(notice, || [table.at(row), date(today), end.date(row), date(today + days)]);
                break;
            }
        }
        match (start.has(row), end.has(row)) {
            (true, false) => out.add(&MISSING_DATE, || [table.at(row), "feed_end_date".into()]),
            (false, true) => out.add(&MISSING_DATE, || [table.at(row), "feed_start_date".into()]),
            _ => {}
        }
    }
    if table.is_usable()
        && let Some(first) = (0..table.rows).filter_map(|row| start.get(row)).min()
        && first > today
    {
        out.add(&FUTURE_FEED, || [date(today), date(first)]);
    }
}
