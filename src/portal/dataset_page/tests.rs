use std::path::Path;
use std::sync::Arc;

use super::testing::{change, dataset, day, gap, site, tombstone};
use super::*;
use crate::check::RuleResult;
use crate::contract::{Dimension, OnFail, RuleId, odcs};
use crate::ledger::Status;
use crate::portal::catalogue::{Rights, SourceLicence, Table};
use crate::portal::overview::{
    ChangeKind, ColumnPreview, Day, DayCoverage, DayFinding, Hour, Hours, MapContent, Preview,
};
use crate::publish::index::testing::{file, first_version};
use crate::publish::index::{ColumnType, IndexColumn};
use crate::report::quality::tests::{on, result};
use crate::time::ServiceDate;

/// A page weighs less, in bytes.
const MOST: usize = 200_000;

fn text<'a>(files: &'a [File], path: &str) -> &'a str {
    let found = files.iter().find(|file| file.path == path);
    std::str::from_utf8(&found.unwrap_or_else(|| panic!("{path} is not among the files")).bytes).unwrap()
}

/// The contracts of a folder of this repository.
fn contracts(folder: &str) -> Vec<Arc<crate::contract::Contract>> {
    let mut files: Vec<_> = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| path.to_string_lossy().ends_with(".odcs.yaml"));
    files.sort();
    let read = |path: &std::path::PathBuf| odcs::contracts(path, &std::fs::read_to_string(path).unwrap()).unwrap();
    files.iter().flat_map(read).map(Arc::new).collect()
}

/// A dataset with the tables of a folder of contracts over so many days up to 2026-11-24, with everything that a page can tell.
fn rich(name: &str, folder: &str, count: i32) -> Dataset {
    let newest: ServiceDate = "2026-11-24".parse().unwrap();
    let mut of = dataset(name, &["2026-11-24"]);
    let days: Vec<ServiceDate> = (0..count).rev().map(|back| newest.plus_days(-back)).collect();
    of.tables = contracts(folder)
        .into_iter()
        .map(|contract| {
            let table = contract.table.clone();
            let mut files: Vec<_> =
                days.iter().map(|day| file(name, &table, &day.to_string(), &format!("{table} {day}"))).collect();
            let rows = if table == "vehicle_locations" { 14_902 } else { 2_902 };
            files.iter_mut().for_each(|file| (file.rows, file.bytes) = (rows, 178_603));
            Table {
                contract,
                index: crate::publish::index::TableIndex {
                    version: 412,
                    release: of.tables[0].index.release.clone(),
                    ..first_version(name, &table, files)
                },
            }
        })
        .collect();
    let reasons = ["not_reported", "failed", "off_stopped", "frozen", "rows_held", "cancelled"];
    for (place, date) in days.iter().enumerate() {
        let mut gaps = vec![gap(reasons[place * 7 % 6], &[7, 8, 12], 3 + place as u64 % 5)];
        if place % 3 == 0 {
            gaps.push(crate::portal::overview::DayGap {
                source: Some("stadtbus-vehicle-positions".into()),
                ..gap("failed", &[22, 23, 24], 40)
            });
        }
        let finding = |rule: &str, result| DayFinding {
            table: "vehicle_locations".into(),
            contract: "c".into(),
            rule: RuleId(rule.into()),
            result,
            rows: 7,
        };
        of.overview.days.insert(
            *date,
            Day {
                coverage: Some(DayCoverage {
                    trips_scheduled: 640,
                    trips_observed: 622,
                    partial: gaps.iter().any(|gap| gap.reason != "cancelled"),
                    gaps,
                    ..DayCoverage::default()
                }),
                score: Some(99.0 + (place % 90) as f64 / 100.0),
                findings: vec![
                    finding("vehicle_locations.frozen_gps", RuleResult::Warning),
                    finding(
                        "vehicle_locations.gap_in_feed",
                        if place % 4 == 0 { RuleResult::Failed } else { RuleResult::Warning },
                    ),
                ],
                ..day(Some(Status::Published))
            },
        );
    }
    for table in &of.tables {
        let columns = public_names(table)
            .map(|name| (name, ColumnPreview { nulls: 120, example: Some("de:08317:14502:1:2".into()) }))
            .collect();
        let preview = Preview { sha256: crate::digest::Digest::of(b"x"), date: newest, rows: 14_902, columns };
        of.overview.tables.insert(table.index.table.clone(), preview);
    }
    of.overview.changes = (0..60)
        .map(|hour| {
            change(&of, ChangeKind::Release, &format!("2026-{:02}-{:02}T05:00:00Z", 11 - hour / 28, 28 - hour % 28))
        })
        .collect();
    let hour = |hour| Hour {
        hour,
        vehicles: 12,
        reports: 700,
        with_percentage: 650,
        percentage: Some(10.25 + f64::from(hour)),
        statuses: Default::default(),
    };
    of.overview.hours = Some(Hours {
        date: newest,
        table: "vehicle_locations".into(),
        sha256: crate::digest::Digest::of(b"x"),
        hours: (4..27).map(hour).collect(),
    });
    of.overview.map = Some(MapContent {
        date: newest,
        sources: Default::default(),
        stops: 104,
        routes: 9,
        bounds: [48.4, 7.9, 48.5, 8.0],
        bytes: 40_000,
    });
    let rule = |id: &str, found, rows| crate::report::quality::RuleReport {
        description: "While trips are planned, no ten minutes pass without a report of any bus.".into(),
        description_de: Some(
            "Solange Fahrten geplant sind, vergehen keine zehn Minuten ohne Meldung eines Busses.".into(),
        ),
        on_fail: OnFail::Report,
        ..result(id, Dimension::Coverage, found, rows, 14_902)
    };
    of.results = vec![on(
        "2026-11-24",
        vec![
            rule("vehicle_locations.gap_in_feed", RuleResult::Failed, 1),
            rule("vehicle_locations.frozen_gps", RuleResult::Warning, 45),
        ],
    )];
    of
}

fn public_names(table: &Table) -> impl Iterator<Item = String> {
    crate::portal::catalogue::public(&table.contract).map(|column| column.name.clone())
}

/// Where somebody wants to look at the pages: the folder that `FAHRTENBUCH_TEST_PAGES` names.
fn keep(files: &[File]) {
    if let Some(folder) = std::env::var_os("FAHRTENBUCH_TEST_PAGES") {
        for file in files {
            let path = Path::new(&folder).join(&file.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &file.bytes).unwrap();
        }
    }
}

fn assert_light(files: &[File]) {
    keep(files);
    for file in files {
        assert!(file.bytes.len() < MOST, "{} has {} bytes", file.path, file.bytes.len());
    }
}

#[test]
fn four_hundred_days_fit_into_a_page_and_no_link_of_the_page_is_to_somebody_else() {
    let site = site(Some("https://daten.example.de"));
    let files = files(&site, &rich("stadtbus-telemetrie", "schemas/stadtbus", 400));
    assert_light(&files);
    let page = text(&files, "stadtbus-telemetrie/index.html");
    for expected in [
        "data-figure=\"days stadtbus-telemetrie partial",
        "title=\"Di, 24.11.2026: teilweise",
        "href=\"../stadtbus-telemetrie/2025.html\"",
        "src=\"../map.svg\"",
        "href=\"../reports/stadtbus-telemetrie/quality.html\"",
        "Fassung 412 vom 25. November 2026",
        "https://daten.example.de/meta/stadtbus-telemetrie/vehicle_locations/index/v0000000412.json",
        "href=\"../stadtbus-telemetrie/tables/vehicle_locations.html\"",
        "data-way=\"duckdb-list\"",
    ] {
        let expected = expected.replace("../map.svg", "../stadtbus-telemetrie/map.svg");
        assert!(page.contains(&expected), "{expected}");
    }
    let table = text(&files, "stadtbus-telemetrie/tables/vehicle_locations.html");
    for expected in [
        "id=\"vehicle_locations.speed\"",
        "data-figure=\"nulls_percent stadtbus-telemetrie vehicle_locations vehicle_id\"",
        "data-figure=\"rows stadtbus-telemetrie vehicle_locations 2026-11-24\"",
    ] {
        assert!(table.contains(expected), "{expected}");
    }
    assert!(text(&files, "stadtbus-telemetrie/2025.en.html").contains("title=\"Wed 31 Dec 2025: complete"));
    for file in &files {
        for part in std::str::from_utf8(&file.bytes).unwrap().split(" src=\"").skip(1) {
            assert!(!part.starts_with("http"), "{}: {}", file.path, &part[..60]);
        }
    }
}

#[test]
fn all_tables_of_gtfs_fit_too_each_with_a_page_of_its_own() {
    let mut of = rich("stadtbus-fahrplan", "schemas/gtfs", 400);
    of.about.is_timetable = true;
    (of.overview.hours, of.overview.days) = (None, Default::default());
    let files = files(&site(None), &of);
    assert_light(&files);
    let page = text(&files, "stadtbus-fahrplan/index.html");
    assert!(
        page.contains("href=\"../stadtbus-fahrplan/tables/stops.html\"") && page.contains("<tr id=\"table-stops\">"),
        "{page}"
    );
    assert!(page.contains("neuer Fahrplan</b>"));
    let stops = text(&files, "stadtbus-fahrplan/tables/stops.html");
    assert!(
        stops.contains("id=\"stops.stop_lat\"")
            && stops.contains("data-cite=\"bibtex\"")
            && stops.contains("../../data/stadtbus-fahrplan/stops/")
    );
}

#[test]
fn sixty_columns_and_thousands_of_days_fit_into_a_page() {
    let columns: String = (0..60)
        .map(|place| {
            format!(
                "      - {{name: column_{place}, logicalType: string, classification: public, description: '{}'}}\n",
                "What it means. ".repeat(12)
            )
        })
        .collect();
    let contract = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: wide\nversion: '1'\nstatus: active\nschema:\n  - name: wide\n    properties:\n{columns}"
    );
    let mut of = rich("bus", "schemas/busplus", 3_650);
    of.tables[0].contract = Arc::new(odcs::contract(Path::new("wide.odcs.yaml"), &contract).unwrap());
    let files = files(&site(Some("https://daten.example.de")), &of);
    assert_light(&files);
    assert_eq!(files.iter().filter(|file| file.path.starts_with("bus/20")).count(), 22);
}

#[test]
fn titles_in_another_language_say_so_and_tables_have_a_title_and_a_name() {
    let mut of = dataset("bus", &["2026-11-24"]);
    of.about.title_en = None;
    let files = files(&site(None), &of);
    let english = text(&files, "bus/index.en.html");
    for expected in [
        "<h1><span lang=\"de\">Busse</span></h1>",
        "<li aria-current=\"page\"><span lang=\"de\">Busse</span></li>",
        "id=\"table-t-title\">Buses <code>t</code></h3>",
        "<caption><time datetime=\"2026-11\">November 2026</time></caption>",
    ] {
        assert!(english.contains(expected), "{expected}: {english}");
    }
    assert!(text(&files, "bus/index.html").contains("<span lang=\"en\">Buses</span> <code>t</code></h3>"));
    let year = text(&files, "bus/2026.en.html");
    assert!(year.contains("<h1><span lang=\"de\">Busse</span> <time datetime=\"2026\">2026</time></h1>"), "{year}");
}

#[test]
fn sources_stand_with_their_licences_and_whom_they_want_to_be_named_is_in_the_citation() {
    let mut of = dataset("bus", &["2026-11-24"]);
    let source = |name: &str, rights, attribution: Option<&str>| SourceLicence {
        dataset: "bus".into(),
        name: name.into(),
        rights,
        attribution: attribution.map(str::to_owned),
        homepage: None,
    };
    let address = Some("https://opendatacommons.org/licenses/odbl/".to_owned());
    of.about.sources = vec![
        source("vehicles", Rights::Own, None),
        source("timetable", Rights::Licence { id: "ODbL-1.0".into(), address }, Some("Verbund")),
        source("alerts", Rights::Own, None),
    ];
    let files = files(&site(None), &of);
    for (path, expected) in [
        ("bus/index.html", "<li>eigene Daten: <code>vehicles</code>, <code>alerts</code></li>"),
        ("bus/index.html", "rel=\"license\">ODbL-1.0</a>, Verbund: <code>timetable</code></li>"),
        ("bus/index.html", "<dd>Stadt Offenburg (Beispiel); Verbund</dd>"),
        ("bus/index.html", "Stadt Offenburg (Beispiel); Verbund (2026): Busse. Tabelle t,"),
        ("bus/index.html", "author    = {{Stadt Offenburg (Beispiel)} and {Verbund}},"),
        ("bus/index.html", "publisher = {{Stadt Offenburg (Beispiel)}},"),
        ("bus/index.en.html", "own data: <code>vehicles</code>"),
    ] {
        assert!(text(&files, path).contains(expected), "{expected}: {}", text(&files, path));
    }
}

#[test]
fn a_dataset_without_days_has_no_way_to_its_days() {
    let files = files(&site(None), &dataset("bus", &[]));
    let page = text(&files, "bus/index.html");
    assert!(!page.contains("href=\"#days\"") && !page.contains("href=\"#quality\"") && page.contains("href=\"#use\""));
}

#[test]
fn a_year_that_is_over_does_not_change_when_days_come() {
    let (before, after) = (rich("bus", "schemas/busplus", 400), {
        let mut of = rich("bus", "schemas/busplus", 400);
        let next = file("bus", &of.tables[0].index.table, "2027-01-03", "x");
        of.tables[0].index.files.push(next);
        of
    });
    let site = site(None);
    let (before, after) = (files(&site, &before), files(&site, &after));
    for path in ["bus/2025.html", "bus/2025.en.html"] {
        assert_eq!(text(&before, path), text(&after, path));
    }
    assert_ne!(text(&before, "bus/2026.html"), text(&after, "bus/2026.html"));
}

#[test]
fn withdrawn_and_held_days_say_by_whom_and_by_which_rule() {
    let mut of = rich("bus", "schemas/busplus", 10);
    let index = &mut of.tables[0].index;
    index.files.retain(|file| !["2026-11-20", "2026-11-22"].contains(&file.partition_date.to_string().as_str()));
    index.withdrawn.insert("2026-11-20".parse().unwrap(), tombstone("Kennzeichen im Text"));
    let held = of.overview.days.get_mut(&"2026-11-22".parse().unwrap()).unwrap();
    held.status = Some(Status::HeldBack);
    held.findings.iter_mut().for_each(|found| found.result = RuleResult::Failed);
    let files = files(&site(None), &of);
    keep(&files);
    let page = text(&files, "bus/index.html");
    assert!(page.contains("Zurückgezogen am <time datetime=\"2026-11-25T05:00:00Z\">25.11.2026, 5:00 UTC</time> von Datenmanagement: Kennzeichen im Text"), "{page}");
    assert!(page.contains("Gesperrt durch die Regel: Solange Fahrten geplant sind"), "{page}");
    assert!(text(&files, "bus/index.en.html").contains("Blocked by the rule: While trips are planned"));
}

#[test]
fn hostile_texts_stay_texts_and_private_columns_are_not_told() {
    let hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'`";
    let mut of = dataset("bus", &["2026-11-24"]);
    (of.about.title, of.about.title_en) = (Some(hostile.into()), None);
    let mut change = change(&of, ChangeKind::Withdrawal, "2026-11-26T05:00:00Z");
    (change.reason, change.by) = (Some(hostile.into()), Some(hostile.into()));
    of.overview.changes.push(change);
    let mut site = site(None);
    site.publisher = hostile.into();
    for file in files(&site, &of) {
        let page = String::from_utf8(file.bytes.to_vec()).unwrap();
        assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{}", file.path);
        assert!(!page.contains("driver"), "{}", file.path);
    }
}

#[test]
fn a_dataset_without_anything_and_one_without_quality_have_pages_too() {
    let files = files(&site(None), &dataset("bus", &[]));
    assert_eq!(files.len(), 2);
    assert!(text(&files, "bus/index.html").contains("Zurzeit gibt es keine Dateien"));
    let of = dataset(publication::DATASET, &["2026-11-23", "2026-11-24"]);
    let files = super::files(&site(None), &of);
    let page = text(&files, "publication/index.en.html");
    assert!(
        !page.contains("id=\"quality\"")
            && !page.contains("quality.html")
            && page.contains("Proof of what was published")
    );
    // Where the title is there in the other language only it is marked so.
    let mut of = dataset("bus", &["2026-11-24"]);
    of.about.title_en = None;
    assert!(
        text(&super::files(&site(None), &of), "bus/index.en.html").contains("<h1><span lang=\"de\">Busse</span></h1>")
    );
}

#[test]
fn the_ways_in_have_the_address_of_the_bucket_or_run_in_its_folder() {
    let mut of = dataset("bus", &["2026-11-24"]);
    of.tables[0].index.columns = vec![IndexColumn {
        id: 1,
        name: "id".into(),
        kind: ColumnType::String,
        nullable: false,
        gone: false,
        since: None,
        until: None,
        earlier: Vec::new(),
    }];
    let ways = |base: Option<&str>| {
        let files = files(&site(base), &of);
        let page = text(&files, "bus/index.html").to_owned();
        let parts = page.split("data-way=\"").skip(1);
        parts.map(|part| part.split_once("</code>").unwrap().0.to_owned()).collect::<Vec<String>>()
    };
    let names = |ways: &[String]| {
        ways.iter().map(|way| way.split('"').next().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let (web, local) = (ways(Some("https://daten.example.de/")), ways(None));
    let others = "duckdb-list polars pandas r javascript curl duckdb-files spark";
    assert_eq!((names(&web), names(&local)), (format!("duckdb-catalogue {others} pyiceberg"), others.to_owned()));
    for way in &web {
        let is_of_files = way.starts_with("duckdb-files") || way.starts_with("spark");
        assert!(way.contains("https://daten.example.de") != is_of_files && !way.contains("example.de//"), "{way}");
    }
    assert!(local.iter().all(|way| !way.contains("http")), "{local:?}");
}

#[test]
fn failed_rules_are_told_since_the_first_day_and_without_those_that_only_thin_out() {
    let mut of = rich("bus", "schemas/busplus", 10);
    let thinned = DayFinding {
        table: "vehicle_locations".into(),
        contract: "c".into(),
        rule: RuleId("vehicle_locations.same_position".into()),
        result: RuleResult::Warning,
        rows: 7,
    };
    of.overview.days.values_mut().for_each(|day| day.findings.push(thinned.clone()));
    let shown = |of: &Dataset| text(&files(&site(None), of), "bus/index.html").to_owned();
    let page = shown(&of);
    let (_, rules) = page.split_once("an den meisten Tagen etwas fanden").unwrap();
    let (rules, _) = rules.split_once("</table>").unwrap();
    assert!(
        rules.contains("<caption>Seit <time datetime=\"2026-11-15\">15. November 2026</time></caption>"),
        "{rules}"
    );
    assert!(
        rules.contains("gap_in_feed") && rules.contains("frozen_gps") && !rules.contains("same_position"),
        "{rules}"
    );
    // A remark of a contract's own rule is no failure either.
    of.results[0].rules[1].severity = crate::contract::Severity::Info;
    assert!(!shown(&of).contains("vehicle_locations.frozen_gps"));
}

#[test]
fn each_table_has_its_own_ways_in() {
    let mut of = dataset("bus", &["2026-11-24"]);
    let mut second = of.tables[0].clone();
    second.index = first_version("bus", "u", vec![file("bus", "u", "2026-11-24", "u")]);
    of.tables.push(second);
    let pages = files(&site(None), &of);
    for path in ["bus/index.html", "bus/index.en.html"] {
        for way in ["duckdb-list", "pandas", "curl"] {
            let parts = text(&pages, path).split(&format!("data-way=\"{way}\"")).skip(1).collect::<Vec<_>>();
            let of = |table: &str| {
                parts
                    .iter()
                    .filter(|part| {
                        part.split("</code>").next().unwrap().contains(&format!("meta/bus/{table}/index.csv"))
                    })
                    .count()
            };
            assert_eq!((of("t"), of("u")), (1, 1), "{way}");
        }
    }
    let pages = files(&site(None), &rich("stadtbus-fahrplan", "schemas/gtfs", 2));
    let stops = text(&pages, "stadtbus-fahrplan/tables/stops.html");
    assert!(
        stops.contains("data-way=\"pandas\"") && stops.contains("meta/stadtbus-fahrplan/stops/index.csv&quot;"),
        "{stops}"
    );
}

#[test]
fn an_ended_and_a_withdrawn_dataset_say_so_on_their_page() {
    let mut of = dataset("bus", &["2026-11-24"]);
    let sentences = [
        "Es kommt nichts Neues.",
        "Alle Tage dieses Datensatzes sind zurückgezogen",
        "Alle Dateien sind zurückgezogen.",
    ];
    let told = |of: &Dataset| sentences.map(|said| text(&files(&site(None), of), "bus/index.html").contains(said));
    assert_eq!(told(&of), [false; 3]);
    of.about.is_ended = true;
    assert_eq!(told(&of), [true, false, false]);
    of.tables[0].index.files.clear();
    of.tables[0].index.withdrawn.insert("2026-11-24".parse().unwrap(), tombstone("Kennzeichen im Text"));
    assert_eq!(told(&of), [true; 3]);
    assert!(!text(&files(&site(None), &of), "bus/index.html").contains("Noch gibt es keine"));
}
