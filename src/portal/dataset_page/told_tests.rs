//! What pages tell of withdrawn tables, of gaps that nobody looked for, and of issues.

use super::testing::{dataset, site, tombstone};
use super::*;
use crate::check::RuleResult;
use crate::contract::{Dimension, Severity};
use crate::portal::overview::{Day, DayCoverage, DayFinding};
use crate::portal::{home, quality_page};
use crate::publish::index::testing::{file, first_version};
use crate::report::quality::RuleReport;
use crate::report::quality::tests::{on, result};
use crate::report::trend::Report;
use crate::time::ServiceDate;

fn date(text: &str) -> ServiceDate {
    text.parse().unwrap()
}

fn page(of: &Dataset, path: &str) -> String {
    let file = files(&site(None), of).into_iter().find(|file| file.path == path);
    String::from_utf8(file.unwrap_or_else(|| panic!("no {path}")).bytes.to_vec()).unwrap()
}

/// Two tables of two days; of the newer day the second table is withdrawn.
fn with_a_withdrawn_table() -> Dataset {
    let mut of = dataset("bus", &["2026-11-23", "2026-11-24"]);
    let mut second = of.tables[0].clone();
    second.index = first_version("bus", "u", vec![file("bus", "u", "2026-11-23", "u")]);
    second.index.withdrawn.insert(date("2026-11-24"), tombstone("Kennzeichen <im> Text"));
    of.tables.push(second);
    of
}

/// Of headings below which nothing stands before the next of their level or a higher one, or the end of the page.
fn empty_headings(page: &str) -> Vec<String> {
    let main = page.split_once("<main").unwrap().1.split_once("</main>").unwrap().0;
    let parts: Vec<&str> = main.split("<h").skip(1).collect();
    let level = |part: &str| part.as_bytes()[0].checked_sub(b'0').filter(|level| (1..=6).contains(level));
    let mut found = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        let Some(own) = level(part) else { continue };
        let (heading, rest) = part.split_once(&format!("</h{own}>")).unwrap();
        let mut is_tag = false;
        let has_words = rest.chars().any(|letter| {
            match letter {
                '<' => is_tag = true,
                '>' => is_tag = false,
                _ => return !is_tag && !letter.is_whitespace(),
            }
            false
        });
        let next = parts.get(place + 1).and_then(|next| level(next));
        if !has_words && !rest.contains("<img") && next.is_none_or(|next| next <= own) {
            found.push(heading.to_owned());
        }
    }
    found
}

#[test]
fn a_withdrawn_table_is_told_on_its_day_and_on_its_page_with_what_there_is_instead() {
    let mut of = with_a_withdrawn_table();
    for (path, said) in [
        ("bus/index.html", "teilweise</b>: eine Tabelle des Tages ist zurückgezogen"),
        (
            "bus/index.html",
            "<code>u</code> dieses Tages zurückgezogen am <time datetime=\"2026-11-25T05:00:00Z\">25.11.2026, 5:00 UTC</time> von Datenmanagement: Kennzeichen &lt;im&gt; Text",
        ),
        (
            "bus/index.en.html",
            "<code>u</code> of this day withdrawn on <time datetime=\"2026-11-25T05:00:00Z\">25 Nov 2026, 5:00 UTC</time> by Datenmanagement: ",
        ),
        ("bus/index.html", "title=\"Di, 24.11.2026: teilweise – eine Tabelle ist zurückgezogen\""),
        ("bus/index.html", "Tage dieser Tabelle sind zurückgezogen"),
        ("bus/index.html", "Stattdessen: die anderen Tage dieser Tabelle, unten."),
    ] {
        let page = page(&of, path);
        assert!(page.contains(said), "{said}: {page}");
        assert!(!page.contains("<td class=\"withdrawn\""), "{page}");
    }
    // Of a table without any day that is left, the other one is named.
    of.tables[1].index.files.clear();
    let told = page(&of, "bus/index.html");
    let (_, note) = told.split_once("Alle Tage dieser Tabelle sind zurückgezogen").unwrap();
    let note = note.split_once("</div>").unwrap().0;
    assert!(note.contains("Kennzeichen &lt;im&gt; Text") && note.contains("#table-t\">"), "{note}");
    // With a page of its own it says the same there.
    for name in ["v", "w"] {
        let mut more = of.tables[0].clone();
        more.index.table = name.into();
        of.tables.push(more);
    }
    let own = page(&of, "bus/tables/u.html");
    assert!(own.contains("Alle Tage dieser Tabelle sind zurückgezogen") && own.contains("bus/tables/t.html"), "{own}");
    assert!(own.contains("Kennzeichen &lt;im&gt; Text") && own.contains("Alle Dateien sind zurückgezogen."), "{own}");
}

#[test]
fn where_no_beat_is_known_the_page_says_that_gaps_were_not_looked_for_and_how_silent_the_source_was() {
    let mut of = dataset("bus", &["2026-11-23", "2026-11-24"]);
    let day =
        |without_beat| Day { coverage: Some(DayCoverage { without_beat, ..DayCoverage::default() }), ..Day::default() };
    of.overview.days.insert(date("2026-11-23"), day([("feed".to_owned(), [60, 61])].into()));
    of.overview.days.insert(date("2026-11-24"), day(Default::default()));
    let told = page(&of, "bus/index.html");
    for said in [
        "Von der Quelle <code>feed</code> ist an ",
        " Tag kein Takt bekannt: Lücken ihrer Aufzeichnung wurden da nicht gesucht und zählen nicht.",
        "data-figure=\"fewest_without_beat bus feed 2026-11-01 2026-11-24\">60</data>, in der mit den meisten ",
        "data-figure=\"most_without_beat bus feed 2026-11-01 2026-11-24\">61</data>.",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
    of.overview.days.insert(date("2026-11-24"), day([("feed".to_owned(), [39, 60])].into()));
    let told = page(&of, "bus/2026.en.html");
    assert!(told.contains("days: gaps in its collection were not looked for") && told.contains(">39</data>"), "{told}");
    of.overview.days.clear();
    assert!(!page(&of, "bus/index.html").contains("kein Takt bekannt"));
}

#[test]
fn issues_come_by_severity_then_by_rows_then_by_recency() {
    let mut of = dataset("bus", &["2026-11-24"]);
    let rule = |name: &str, found, severity, rows| RuleReport {
        severity,
        ..result(name, Dimension::Accuracy, found, rows, 1_000)
    };
    let mut rules: Vec<RuleReport> =
        (0..12).map(|number| rule(&format!("t.small{number:02}"), RuleResult::Warning, Severity::Warning, 1)).collect();
    rules.extend([
        rule("t.large", RuleResult::Warning, Severity::Warning, 900),
        rule("t.failed", RuleResult::Failed, Severity::Error, 2),
        rule("t.broken", RuleResult::Error, Severity::Warning, 0),
        rule("t.remark", RuleResult::Warning, Severity::Info, 1_000),
    ]);
    let shown = |of: &Dataset| -> Vec<String> {
        let page = page(of, "bus/index.html");
        let (_, list) = page.split_once("id=\"issues-title\"").unwrap();
        let list = list.split_once("</section>").unwrap().0;
        let names = list.split("<span class=\"badge ").skip(1);
        names.map(|part| part.split("t.").nth(1).unwrap().split(' ').next().unwrap().to_owned()).collect()
    };
    of.results = vec![on("2026-11-24", rules.clone())];
    let found = |rule: &RuleReport| DayFinding {
        table: "t".into(),
        contract: rule.contract.clone(),
        rule: rule.id.clone(),
        result: rule.result,
        rows: rule.rows,
    };
    let all = Day { findings: rules.iter().map(found).collect(), ..Day::default() };
    let before =
        Day { findings: all.findings.iter().filter(|of| of.rule.0 != "t.small07").cloned().collect(), ..all.clone() };
    of.overview.days.insert(date("2026-11-23"), before);
    of.overview.days.insert(date("2026-11-24"), all);
    let first = shown(&of);
    assert_eq!(first[..5], ["broken", "failed", "large", "small07", "small00"]);
    assert_eq!(first.len(), 15);
    rules.reverse();
    of.results = vec![on("2026-11-24", rules)];
    assert_eq!(shown(&of), first);
    let page = page(&of, "bus/index.html");
    assert!(page.contains("<span class=\"badge warn\">Warnung</span>"), "{page}");
    assert!(page.contains("<span class=\"badge bad\">nicht erfüllt</span>"), "{page}");
}

#[test]
fn no_heading_stands_alone_on_pages_of_what_is_empty_or_withdrawn() {
    let mut withdrawn = dataset("bus", &[]);
    withdrawn.tables[0].index.withdrawn.insert(date("2026-11-24"), tombstone("Kennzeichen"));
    let mut apart = with_a_withdrawn_table();
    apart.tables[1].index.files.clear();
    for name in ["v", "w"] {
        let mut more = apart.tables[1].clone();
        more.index.table = name.into();
        apart.tables.push(more);
    }
    let mut bare = dataset("bus", &[]);
    bare.tables.clear();
    for of in [bare, dataset("bus", &[]), withdrawn, apart, with_a_withdrawn_table()] {
        let site = site(None);
        let mut pages = files(&site, &of);
        for results in [vec![], vec![on("2026-11-24", vec![])]] {
            pages.extend(quality_page::files(&site, &of, &Report::of("bus", &results)));
        }
        let catalogue = crate::portal::Catalogue { site, datasets: vec![of.clone()] };
        let mut texts: Vec<(String, String)> = home::pages(&catalogue);
        texts.extend(pages.into_iter().map(|file| (file.path, String::from_utf8(file.bytes.to_vec()).unwrap())));
        for (path, text) in texts.iter().filter(|(path, _)| path.ends_with(".html")) {
            assert_eq!(empty_headings(text), Vec::<String>::new(), "{path}: {text}");
        }
    }
}

#[test]
fn a_heading_without_anything_is_found() {
    let page = "<main><h1>A</h1><h2>Empty</h2><h2>B</h2><p>x</p><h3 id=\"c\">Last</h3></main>";
    assert_eq!(empty_headings(page), ["2>Empty", "3 id=\"c\">Last"]);
}
