use super::*;
use crate::portal::overview::Day;
use crate::portal::tests::catalogue;
use crate::publish::index::Tombstone;

fn german(catalogue: &Catalogue) -> String {
    let [(path, text), (other, english)] = <[_; 2]>::try_from(pages(catalogue)).unwrap();
    assert_eq!((path.as_str(), other.as_str()), ("index.html", "index.en.html"));
    for page in [&text, &english] {
        assert_eq!(page.matches("<h1").count(), 1);
        assert!(page.len() < 200_000 && !page.contains("undefined"), "{page}");
    }
    text
}

#[test]
fn a_bucket_without_data_says_so_kindly() {
    let mut catalogue = catalogue();
    catalogue.datasets[0].tables.clear();
    for datasets in [catalogue.datasets.clone(), Vec::new()] {
        let page = german(&Catalogue { datasets, ..catalogue.clone() });
        assert!(page.contains("Noch ist hier nichts veröffentlicht.") && !page.contains("<pre"), "{page}");
    }
}

#[test]
fn only_of_a_licence_that_is_known_to_be_open_it_is_said_that_everybody_may_use_the_data() {
    for (licence, is_open) in [
        ("CC-BY-4.0", true),
        ("ODbL-1.0", true),
        ("dl-de/zero-2-0", true),
        ("CC-BY-NC-4.0", false),
        ("CC-BY-ND-4.0", false),
        ("eigene", false),
    ] {
        let mut catalogue = catalogue();
        catalogue.site.licence = licence.to_owned();
        let [(_, german), (_, english)] = <[_; 2]>::try_from(pages(&catalogue)).unwrap();
        for (page, free, other) in [
            (german, "Alle dürfen die Daten kostenlos nutzen", "wer sie wozu nutzen darf, sagt deren Text."),
            (english, "Everybody may use the data free of charge", "its text says who may use them for what."),
        ] {
            assert_eq!((page.contains(free), page.contains(other)), (is_open, !is_open), "{licence}: {page}");
            assert!(
                page.contains(licence) && page.contains("Offene Daten") | page.contains("Open data") == is_open,
                "{licence}"
            );
        }
    }
}

#[test]
fn the_newest_score_stands_beside_the_one_before() {
    let mut catalogue = catalogue();
    let before = Day { score: Some(99.75), ..Day::default() };
    catalogue.datasets[0].overview.days.insert("2026-11-23".parse().unwrap(), before);
    let page = german(&catalogue);
    for expected in [
        "data-figure=\"score bus 2026-11-24\">99,50</data>",
        "▼ −<data value=\"0.25\" data-figure=\"score_change bus 2026-11-24 2026-11-23\">0,25</data>",
        "<strong class=\"warn\">Zurückgehalten</strong>",
        "data-figure=\"rows bus\">7</data>",
        "href=\"bus/index.html\"",
        "href=\"bus/feed.xml\"",
        "'meta/bus/t/index.csv'",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
}

#[test]
fn a_withdrawn_day_is_named_with_its_reason_until_it_is_back() {
    let mut catalogue = catalogue();
    let tombstone = |lifted| Tombstone {
        at: "2026-11-25T12:00:00Z".parse().unwrap(),
        by: "Datenmanagement".into(),
        reason: "Zu <genau>".into(),
        record: "r".into(),
        from: 1,
        version: 2,
        files: std::collections::BTreeSet::new(),
        lifted,
    };
    let withdrawn = &mut catalogue.datasets[0].tables[0].index.withdrawn;
    withdrawn.insert("2026-11-23".parse().unwrap(), tombstone(None));
    withdrawn.insert("2026-11-24".parse().unwrap(), tombstone(None));
    let page = german(&catalogue);
    let (_, section) = page.split_once("Zurückgezogen</h2>").unwrap();
    assert!(section.contains("23. November 2026") && section.contains("Zu &lt;genau&gt;"), "{section}");
    // It is published again.
    assert!(!section.contains("24. November 2026"), "{section}");
}

fn tombstone(reason: &str) -> Tombstone {
    Tombstone {
        at: "2026-11-25T12:00:00Z".parse().unwrap(),
        by: "Datenmanagement".into(),
        reason: reason.into(),
        record: "r".into(),
        from: 1,
        version: 2,
        files: std::collections::BTreeSet::new(),
        lifted: None,
    }
}

#[test]
fn a_dataset_of_which_all_is_withdrawn_says_so_and_is_not_in_preparation() {
    let mut catalogue = catalogue();
    let index = &mut catalogue.datasets[0].tables[0].index;
    index.files.clear();
    let never = german(&catalogue);
    let all_withdrawn = "Alle Tage dieses Datensatzes sind zurückgezogen";
    assert!(never.contains("Noch ist hier nichts veröffentlicht.") && !never.contains(all_withdrawn), "{never}");
    catalogue.datasets[0].tables[0].index.withdrawn.insert("2026-11-24".parse().unwrap(), tombstone("Text"));
    let page = german(&catalogue);
    assert!(page.contains(all_withdrawn) && page.contains("Zurückgezogen</h2>"), "{page}");
    assert!(
        !page.contains("Noch ist hier") && !page.contains("In Vorbereitung") && !page.contains("Noch nicht"),
        "{page}"
    );
}

#[test]
fn a_dataset_that_is_not_renewed_any_more_says_so_and_one_that_is_late_says_which_days() {
    let mut catalogue = catalogue();
    let [ended, late] = ["Wird nicht mehr erneuert.", "Es fehlt: "];
    let page = german(&catalogue);
    assert!(!page.contains(ended) && !page.contains(late), "{page}");
    // What another dataset released last tells which day it is.
    let mut other = catalogue.datasets[0].clone();
    other.name = "tram".to_owned();
    other.recency.released_on = Some("2026-11-28".parse().unwrap());
    catalogue.datasets.push(other);
    catalogue.datasets[0].recency.is_daily = true;
    let page = german(&catalogue);
    let (_, told) = page.split_once(late).unwrap();
    let told = told.split_once("</p>").unwrap().0;
    assert!(told.contains("25. November 2026") && told.contains("27. November 2026"), "{told}");
    assert_eq!(page.matches(late).count(), 1);
    catalogue.datasets[0].recency.is_daily = false;
    catalogue.datasets[0].about.is_ended = true;
    let page = german(&catalogue);
    assert!(page.contains(ended) && !page.contains(late), "{page}");
}

/// A second table of the newest day of the dataset, and two more days.
fn with_two_tables() -> Catalogue {
    let mut catalogue = catalogue();
    let of = &mut catalogue.datasets[0];
    let mut second = of.tables[0].clone();
    second.index.table = "u".into();
    of.tables.push(second);
    catalogue
}

#[test]
fn a_withdrawn_table_is_named_and_its_day_is_not_said_to_be_gone() {
    let mut catalogue = with_two_tables();
    let index = &mut catalogue.datasets[0].tables[1].index;
    index.files.clear();
    index.withdrawn.insert("2026-11-24".parse().unwrap(), tombstone("Kennzeichen"));
    // The results of the day go with the table.
    catalogue.datasets[0].overview.days.clear();
    catalogue.datasets[0].results.clear();
    let page = german(&catalogue);
    let (before, section) = page.split_once("Zurückgezogen</h2>").unwrap();
    for said in ["24. November 2026", "<code>u</code>): zurückgezogen am ", " von Datenmanagement: Kennzeichen"] {
        assert!(section.contains(said), "{said}: {section}");
    }
    assert!(!section.contains("<code>t</code>"), "{section}");
    for said in [
        "Keine Punkte: Die Ergebnisse der Prüfungen sind zurückgezogen.",
        "einziger veröffentlichter Betriebstag",
        "keine Punkte<br><small>ohne Punkte: ",
    ] {
        assert!(before.contains(said), "{said}: {before}");
    }
}

#[test]
fn the_lowest_value_says_of_what_it_is_and_which_datasets_have_none() {
    let mut catalogue = catalogue();
    let mut other = catalogue.datasets[0].clone();
    other.name = "tram".to_owned();
    other.overview.days.values_mut().for_each(|day| day.score = Some(90.0));
    let mut gone = catalogue.datasets[0].clone();
    gone.name = "ferry".to_owned();
    gone.overview.days.clear();
    gone.results.clear();
    gone.tables[0].index.files.clear();
    gone.tables[0].index.withdrawn.insert("2026-11-24".parse().unwrap(), tombstone("Text"));
    catalogue.datasets.extend([other, gone]);
    let page = german(&catalogue);
    let (_, tile) = page.split_once("niedrigster Wert der Datensätze: ").unwrap();
    let tile = tile.split_once("</li>").unwrap().0;
    assert!(tile.contains("tram") && tile.contains("24. November 2026"), "{tile}");
    let (_, without) = tile.split_once("ohne Punkte: ").unwrap();
    assert!(without.contains("ferry") && without.contains(" (zurückgezogen)") && !without.contains("bus"), "{without}");
    // Whoever follows a dataset that is gone is still told.
    assert_eq!(page.matches("ferry/feed.xml").count(), 2, "{page}");
    // With the others gone it is not said to be the lowest of several.
    catalogue.datasets.remove(1);
    let page = german(&catalogue);
    assert!(!page.contains("niedrigster Wert") && page.contains("ohne Punkte: "), "{page}");
}

#[test]
fn days_of_one_withdrawal_are_one_line_and_two_of_a_day_are_two() {
    let mut catalogue = with_two_tables();
    let [first, second] = &mut catalogue.datasets[0].tables[..] else { panic!() };
    for index in [&mut first.index, &mut second.index] {
        for date in ["2026-11-20", "2026-11-21"] {
            index.withdrawn.insert(date.parse().unwrap(), tombstone("Zusammen"));
        }
    }
    first.index.withdrawn.insert("2026-11-22".parse().unwrap(), tombstone("Eins"));
    second.index.withdrawn.insert("2026-11-22".parse().unwrap(), Tombstone { record: "s".into(), ..tombstone("Zwei") });
    let page = german(&catalogue);
    let (_, section) = page.split_once("Zurückgezogen</h2>").unwrap();
    for (said, times) in [("Zusammen", 1), ("Eins", 1), ("Zwei", 1), (" bis ", 1), ("<code>u</code>", 1)] {
        assert_eq!(section.matches(said).count(), times, "{said}: {section}");
    }
}
