use super::*;
use crate::portal::overview::Day;
use crate::portal::tests::catalogue;

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
