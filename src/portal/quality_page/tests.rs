use super::*;
use crate::check::RuleResult;
use crate::contract::Dimension;
use crate::portal::tests::catalogue;
use crate::report::quality::Quality;
use crate::report::quality::tests::{on, quality, result};

/// The German and the English page of the bucket.
fn pages(results: &[Quality]) -> [String; 2] {
    let catalogue = catalogue();
    let site = Site { title: "Stadt <Bus>".into(), ..catalogue.site };
    files(&site, &catalogue.datasets[0], &Report::of("bus", results))
        .map(|file| String::from_utf8(file.bytes.to_vec()).unwrap())
}

/// The page that stands alone.
fn alone(results: &[&[Quality]]) -> String {
    let names = ["bus", "tram"];
    let reports: Vec<Report> = names.iter().zip(results).map(|(name, results)| Report::of(name, results)).collect();
    let titled = |report| (About { title: Some("Busse & Bahnen".into()), ..About::default() }, report);
    let reports: Vec<(About, &Report)> = reports.iter().map(titled).collect();
    write(&Site { title: "Stadt <Bus>".into(), ..catalogue().site }, &reports)
}

/// What a page shows.
fn text(page: &str) -> String {
    let body = page.split_once("<body").unwrap().1;
    let mut text = String::new();
    let mut is_tag = true;
    for letter in body.chars() {
        match letter {
            '<' => is_tag = true,
            '>' => is_tag = false,
            _ if !is_tag => text.push(letter),
            _ => {}
        }
    }
    text
}

fn two_days() -> [Quality; 2] {
    let rule = |found, rows| vec![result("t.jumps", Dimension::Accuracy, found, rows, 2_000)];
    [on("2026-11-23", rule(RuleResult::Passed, 0)), on("2026-11-24", rule(RuleResult::Failed, 1_500))]
}

#[test]
fn each_page_is_in_one_language_and_leads_to_the_other() {
    let [de, en] = pages(&two_days());
    let (shown_de, shown_en) = (text(&de), text(&en));
    for said in
        ["t.jumps gilt", "1.500 von 2.000 Zeilen (75,00\u{202f}%)", "25,00 von 100 Punkten am 24. November 2026"]
    {
        assert!(shown_de.contains(said), "{said}: {shown_de}");
    }
    for said in ["t.jumps holds", "1,500 of 2,000 rows (75.00%)", "25.00 of 100 points on 24 November 2026"] {
        assert!(shown_en.contains(said), "{said}: {shown_en}");
    }
    assert!(shown_de.contains("75,00 Punkte weniger als am 23. November 2026"), "{shown_de}");
    assert!(shown_de.contains("benannte / geprüfte") && shown_en.contains("named / checked"));
    assert!(!shown_de.contains("holds") && !shown_en.contains("gilt"));
    for (page, said) in [
        (&de, "hreflang=\"en\" href=\"quality.en.html\""),
        (&en, "hreflang=\"de\" href=\"quality.html\""),
        (&de, "href=\"../../bus/index.html\""),
        (&en, "href=\"../../bus/index.en.html\""),
        (&en, "href=\"../../index.en.html\""),
        (&de, "<title>Datenqualität: bus – Stadt &lt;Bus&gt;</title>"),
        (&de, "id=\"c/t.jumps\""),
        (&en, "id=\"score-accuracy\""),
        (&en, "id=\"dimension-accuracy\""),
        (&en, "id=\"score\""),
        (&de, "id=\"napcore-reliability\""),
        (&de, "data-figure=\"rule_rows ~ 2026-11-24\">1.500</span>"),
        (&de, "data-figure=\"dimension_score bus accuracy 2026-11-24\">25,00</td>"),
        (&de, "data-figure=\"score_change bus 2026-11-24 2026-11-23\">75,00</data>"),
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
}

#[test]
fn a_rule_is_told_once() {
    let day = |jumps, still| {
        vec![
            result("t.jumps", Dimension::Accuracy, jumps, 1_500, 2_000),
            result("t.still", Dimension::Accuracy, still, 0, 2_000),
            result("t.always", Dimension::Coverage, RuleResult::Passed, 0, 2_000),
        ]
    };
    let results = [
        on("2026-11-23", day(RuleResult::Failed, RuleResult::Failed)),
        on("2026-11-24", day(RuleResult::Failed, RuleResult::Passed)),
    ];
    let [de, _] = pages(&results);
    for (words, place) in
        [("t.jumps gilt", "c/t.jumps"), ("t.still gilt", "c/t.still"), ("t.always gilt", "c/t.always")]
    {
        assert_eq!(de.matches(words).count(), 1, "{words}");
        assert_eq!(de.matches(&format!("id=\"{place}\"")).count(), 1, "{place}");
    }
    // What did not pass and what changed is told above, and the list of all leads there.
    assert!(
        de.contains("href=\"#c/t.jumps\"")
            && de.contains("href=\"#c/t.still\"")
            && !de.contains("href=\"#c/t.always\"")
    );
    assert!(text(&de).contains("Besser als zuvor") && text(&de).contains("zuvor 0. "), "{}", text(&de));
}

#[test]
fn the_page_that_stands_alone_has_both_languages_and_needs_nothing_else() {
    let results = two_days();
    let one = alone(&[&results]);
    let [de, en] = pages(&results);
    let sections = |page: &str, after: &str| {
        let (_, rest) = page.split_once(after).unwrap();
        let (_, rest) = rest.split_once("<p class=\"lead\">").unwrap();
        rest.split_once("<p>Diese Seite zählt").or_else(|| rest.split_once("<p>This page counts")).unwrap().0.to_owned()
    };
    assert_eq!(sections(&one, "<div class=\"de\" lang=\"de\">"), sections(&de, "<h1>"));
    let english = sections(&one, "<div class=\"en\" lang=\"en\">")
        .replace("id=\"en-", "id=\"")
        .replace("href=\"#en-", "href=\"#");
    assert_eq!(english, sections(&en, "<h1>"));
    let two = alone(&[&results, &results]);
    for page in [&one, &two] {
        assert!(
            !page.contains("<script") && !page.contains("http:") && !page.contains("https:") && !page.contains("../"),
            "{page}"
        );
        let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let unique: std::collections::BTreeSet<&&str> = ids.iter().collect();
        assert_eq!(ids.len(), unique.len(), "{ids:?}");
        assert!(page.contains("Stadt &lt;Bus&gt;"));
    }
    assert!(
        two.contains("<h2 id=\"de-bus\">Busse &amp; Bahnen</h2>") && one.contains("Datenqualität: Busse &amp; Bahnen"),
        "{two}"
    );
}

#[test]
fn the_tiles_add_up_where_tables_are_made_of_others() {
    let mut results = on("2026-11-24", vec![result("t.jumps", Dimension::Accuracy, RuleResult::Passed, 0, 100)]);
    let mut derived = results.tables[0].clone();
    (derived.table, derived.is_derived) = ("made".to_owned(), true);
    (derived.rows_in, derived.published, derived.quarantined, derived.held_back) = (35, 34, 1, 0);
    derived.dropped.clear();
    results.tables.push(derived);
    let [_, page] = pages(&[results.clone()]);
    let tile = |kind: &str| -> u64 {
        let (before, _) = page.split_once(&format!("\" data-figure=\"received bus 2026-11-24 {kind}\"")).unwrap();
        before.rsplit_once('"').unwrap().1.parse().unwrap()
    };
    let [rows_in, rest @ ..] = ["rows_in", "rows_published", "rows_withheld", "rows_dropped"].map(tile);
    assert_eq!((rows_in, rest.iter().sum()), (results.tables[0].rows_in, rows_in));
    assert!(text(&page).contains("and 34 derived from them"), "{page}");
}

#[test]
fn what_a_contract_says_does_not_break_the_page() {
    let [de, en] = pages(&[quality()]);
    assert!(en.contains("A &quot;stop&quot; &lt;lies&gt; &amp; stays"));
    assert!(de.contains("Zurückgehalten: nichts davon") && de.contains("konnte nicht laufen"));
}

#[test]
fn numbers_are_written_as_each_language_does() {
    let report = Report::of("bus", &[]);
    let view = |language| View { language, report: &report, prefix: "", is_nested: false };
    let (de, en) = (view(Language::De), view(Language::En));
    for (value, german, english) in
        [(14_902.0, "14.902", "14,902"), (-1_234.56, "−1.234,56", "−1,234.56"), (0.5, "0,5", "0.5"), (0.0, "0", "0")]
    {
        assert_eq!((de.written(value), en.written(value)), (german.to_owned(), english.to_owned()));
    }
    for (value, shown) in [(75.0, "75,00"), (0.01, "0,01"), (0.004, "0,004"), (0.000_06, "0,00006")] {
        assert!(de.percent("x", value).into_string().contains(&format!(">{shown}<")), "{value}");
    }
}

/// Fourteen dates of all contracts in some folders of `schemas`, with rules that failed on some of them.
fn many(folders: &[&str]) -> Vec<Quality> {
    let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(top.join(folder)).unwrap());
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(".odcs.yaml"));
    paths.sort();
    let contracts: Vec<_> = paths
        .iter()
        .map(|path| {
            std::sync::Arc::new(crate::contract::odcs::contract(path, &std::fs::read_to_string(path).unwrap()).unwrap())
        })
        .collect();
    let asked = |contract: &std::sync::Arc<crate::contract::Contract>| crate::report::quality::CheckedContract {
        contract: contract.clone(),
        released: true,
    };
    let asked: Vec<_> = contracts.iter().map(asked).collect();
    let of_date = |day: usize| {
        let mut record = crate::ledger::tests::record();
        for contract in &contracts {
            let mut outcomes = crate::check::absent(contract);
            for (place, outcome) in outcomes.iter_mut().enumerate() {
                (outcome.result, outcome.checked) = (RuleResult::Passed, 1_234_567);
                // As many as in the sample, and half of them on the newest date.
                if place.is_multiple_of(12) && (place / 12 + day).is_multiple_of(2) {
                    (outcome.result, outcome.rows) = (RuleResult::Warning, 12_345 + day as u64);
                }
            }
            record.file(contract, outcomes);
        }
        let date = format!("2026-11-{:02}", day + 10).parse().unwrap();
        Quality { date, ..Quality::of(&record, &asked) }
    };
    (0..14).map(of_date).collect()
}

#[test]
fn a_page_of_all_rules_and_fourteen_dates_is_light() {
    for folders in [&["gtfs", "gtfs-derived"][..], &["gtfs-realtime", "stadtbus", "tides"]] {
        let results = many(folders);
        let rules = results[0].rules.len();
        assert!(rules > 300, "{rules} rules");
        for page in pages(&results) {
            // Each rule has its place, once; of a table without rows the table alone is named.
            for rule in &results[0].rules {
                let place = format!(" id=\"{}/{}\"", rule.contract, rule.id);
                assert_eq!(page.matches(&place).count(), 1, "{place}");
            }
            // Where somebody wants to look at it.
            if let Some(folder) = std::env::var_os("FAHRTENBUCH_TEST_PAGES") {
                std::fs::write(std::path::Path::new(&folder).join(format!("quality-{rules}.html")), &page).unwrap();
            }
            assert!(page.len() < 200_000, "{} bytes of {rules} rules of {folders:?}", page.len());
        }
    }
}

#[test]
fn days_whose_results_are_lost_are_named() {
    let mut of = catalogue().datasets[0].clone();
    let results = [on("2026-11-22", Vec::new()), on("2026-11-24", Vec::new())];
    let shown = |of: &Dataset| {
        let [page, _] = files(&catalogue().site, of, &Report::of("bus", &results));
        text(std::str::from_utf8(&page.bytes).unwrap())
    };
    let day = |status| crate::portal::overview::Day { status: Some(status), ..Default::default() };
    // Older days are not on the page, and the one that is there is not lost.
    for date in ["2026-11-20", "2026-11-22"] {
        of.overview.days.insert(date.parse().unwrap(), day(crate::ledger::Status::Published));
    }
    assert!(!shown(&of).contains("verloren"));
    of.overview.days.insert("2026-11-23".parse().unwrap(), day(crate::ledger::Status::HeldBack));
    assert!(shown(&of).contains("verloren oder nicht lesbar und fehlen unten: 23. November 2026."), "{}", shown(&of));
}

#[test]
fn what_is_not_met_what_warns_and_what_remarks_have_the_same_words_and_colours_everywhere() {
    use crate::contract::Severity;
    use crate::report::quality::RuleReport;

    let rule =
        |name: &str, found, severity| RuleReport { severity, ..result(name, Dimension::Accuracy, found, 5, 2_000) };
    let rules = vec![
        rule("t.a", RuleResult::Warning, Severity::Warning),
        rule("t.b", RuleResult::Warning, Severity::Warning),
        rule("t.c", RuleResult::Warning, Severity::Info),
        rule("t.d", RuleResult::Passed, Severity::Error),
    ];
    let [de, en] = pages(&[on("2026-11-24", rules.clone())]);
    let shown = text(&de);
    assert!(shown.contains("Regeln an diesem Tag: 1 erfüllt, 2 Warnungen, 1 Hinweis."), "{shown}");
    assert!(text(&en).contains("Rules on that date: 1 passed, 2 warnings, 1 info."), "{}", text(&en));
    let (_, all) = de.split_once("id=\"rules\"").unwrap();
    let summary = all.split_once("<summary>").unwrap().1.split_once("</summary>").unwrap().0;
    assert!(summary.contains("<b class=\"warn\">") && !summary.contains("class=\"bad\""), "{summary}");
    assert!(summary.contains("table_warning bus c 2026-11-24\">2</span> Warnungen</b>"), "{summary}");
    assert!(summary.contains("table_info bus c 2026-11-24\">1</span> Hinweis"), "{summary}");
    assert!(!shown.contains("nicht erfüllt"), "{shown}");
    for (class, word) in [("warning", "Warnung"), ("info", "Hinweis")] {
        let (_, finding) = de.split_once(&format!("<div class=\"finding {class}\"")).unwrap();
        assert!(
            finding.split_once("</div>").unwrap().0.contains(&format!("<span class=\"badge\">{word}</span>")),
            "{finding}"
        );
    }
    let failed = [&[rule("t.e", RuleResult::Failed, Severity::Error)], &rules[..]].concat();
    let [de, _] = pages(&[on("2026-11-24", failed)]);
    assert_eq!(de.matches("<b class=\"bad\">").count(), 2, "{de}");
}
