//! What the feed says of itself: contact, and from when to when it holds.

use super::prelude::*;

notice!(MISSING_CONTACT = "missing_feed_contact_email_and_url", Warning, [], ["csvRowNumber"],
    "The feed does not say whom to tell about faults.", "Fill in feed_contact_email or feed_contact_url.",
    "Der Datensatz sagt nicht, wem man Fehler melden kann.", "feed_contact_email oder feed_contact_url ergänzen.");
notice!(EXPIRES_7 = "feed_expiration_date7_days", Warning, ["feed_info.txt"], ["csvRowNumber", "currentDate", "feedEndDate", "suggestedExpirationDate"],
    "The feed ends within a week; riders who plan ahead find nothing.", "Publish the next timetable.",
    "Der Datensatz endet binnen einer Woche; wer vorausplant, findet nichts.", "Den nächsten Fahrplan veröffentlichen.");
notice!(EXPIRES_30 = "feed_expiration_date30_days", Warning, ["feed_info.txt"], ["csvRowNumber", "currentDate", "feedEndDate", "suggestedExpirationDate"],
    "The feed ends within a month.", "Publish the next timetable soon.",
    "Der Datensatz endet binnen eines Monats.", "Bald den nächsten Fahrplan veröffentlichen.");
notice!(MISSING_DATE = "missing_feed_info_date", Warning, ["feed_info.txt"], ["csvRowNumber", "fieldName"],
    "Only one of the first and the last day is given.", "Fill in the other.",
    "Nur einer von erstem und letztem Tag ist angegeben.", "Den anderen ergänzen.");
notice!(FUTURE_FEED = "future_feed", Info, ["feed_info.txt"], ["currentDate", "feedStartDate"],
    "The feed does not hold yet.", "Check that the one that holds today is published, too.",
    "Der Datensatz gilt noch nicht.", "Prüfen, ob auch der heute gültige veröffentlicht ist.");

rule!([MISSING_CONTACT, EXPIRES_7, EXPIRES_30, MISSING_DATE, FUTURE_FEED], needs: [], check, &[
    fails("missing_feed_contact_email_and_url", 1, &[("feed_info.txt", "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,feed_version\nX,https://example.com,de,20260101,20271231,1\n")]),
    passes("missing_feed_contact_email_and_url", &[]),
    fails("feed_expiration_date7_days", 1, &[("feed_info.txt", "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,feed_version\nX,https://example.com,de,20260101,20261130,1\n")]),
    passes("feed_expiration_date7_days", &[("feed_info.txt", "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,feed_version\nX,https://example.com,de,20260101,20261201,1\n")]),
    fails("feed_expiration_date30_days", 1, &[("feed_info.txt", "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,feed_version\nX,https://example.com,de,20260101,20261223,1\n")]),
    passes("feed_expiration_date30_days", &[("feed_info.txt", "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,feed_version\nX,https://example.com,de,20260101,20261224,1\n")]),
    fails("missing_feed_info_date", 1, &[("feed_info.txt", "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,feed_version\nX,https://example.com,de,20260101,,1\n")]),
    passes("missing_feed_info_date", &[("feed_info.txt", "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,feed_version\nX,https://example.com,de,,,1\n")]),
    fails("future_feed", 1, &[("feed_info.txt", "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,feed_version\nX,https://example.com,de,20261125,20271231,1\n")]),
    passes("future_feed", &[("feed_info.txt", "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,feed_version\nX,https://example.com,de,20261124,20271231,1\n")]),
]);

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
