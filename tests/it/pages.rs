//! The pages of the portal as those who visit them have them: in a browser, with numbers that the tables have, and with what programs
//! read beside them. `tests/browser/README.md` tells what is looked at.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::catalogue::five_years;
use crate::releases::{json_of, withdraw};
use crate::serve::Serving;
use crate::world::{World, browser, copy};

const TELEMETRY: &str = "stadtbus-telemetrie";
const DATE: &str = "2026-11-24";

/// As a city has it: with the feed of the app, and with the tables of the publication.
fn city() -> World {
    let world = World::with_busplus();
    world.keep_publication();
    world
}

/// The same with an address on the web, at which the program itself serves it.
pub(crate) fn city_on_the_web() -> (World, Serving) {
    let world = city();
    std::fs::create_dir_all(world.path("data/bucket")).unwrap();
    let serving = Serving::start(&world);
    world.replace("fahrtenbuch.yaml", "# base_url: https://daten.example.de", &format!("base_url: {}", serving.url()));
    (world, serving)
}

/// A city with a day that was published and withdrawn, and its bucket as it was before.
fn with_a_withdrawn_day() -> (World, tempfile::TempDir) {
    let world = city();
    world.run();
    let before = tempfile::tempdir().unwrap();
    copy(&world.path("data/bucket"), &before.path().join("bucket"));
    json_of(&world, &withdraw(TELEMETRY, DATE, &[]));
    (world, before)
}

/// A bucket into which nothing was published yet.
fn empty() -> World {
    let world = city();
    std::fs::create_dir_all(world.path("data/bucket")).unwrap();
    json_of(&world, &["publish", "--rebuild"]);
    world
}

/// A city with nothing but a timetable, whose workspace has no other pipeline.
fn timetable_alone() -> World {
    let world = city();
    for name in ["busplus", TELEMETRY] {
        std::fs::remove_file(world.path(&format!("pipelines/{name}.yaml"))).unwrap();
    }
    world.run();
    world
}

/// The errors that a script prints, one a line.
fn wrong(script: &str, arguments: &[&str]) -> (Vec<String>, String) {
    let output = browser(script, arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let errors: Vec<String> =
        stderr.lines().filter_map(|line| line.strip_prefix("error: ")).map(str::to_owned).collect();
    assert!(output.status.success() || !errors.is_empty(), "{script}: {:?} {stderr}", output.status);
    (errors, String::from_utf8_lossy(&output.stdout).into_owned())
}

fn found(script: &str, arguments: &[&str]) -> Value {
    let (errors, stdout) = wrong(script, arguments);
    assert!(errors.is_empty(), "{} errors:\n{}", errors.len(), errors.join("\n"));
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{script}: {error}: {stdout}"))
}

/// Follows all links of a bucket, at an address or in a workspace, and opens its pages: all of them in all views in `./test --long`, else
/// so many as are asked for, which a seed draws. Their sizes by path.
fn opened(place: &str, most: u32) -> BTreeMap<String, u64> {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json").to_string_lossy().into_owned();
    let mut arguments = vec![place, "--report", &report];
    let most = most.to_string();
    let seed = std::env::var("FAHRTENBUCH_TEST_SEED").unwrap_or_else(|_| "18".to_owned());
    if !is_long() {
        arguments.extend(["--most", &most, "--seed", &seed]);
    }
    let (errors, _) = wrong("pages.mjs", &arguments);
    assert!(errors.is_empty(), "{} errors:\n{}", errors.len(), errors.join("\n"));
    let report: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    let pages = report["pages"].as_array().unwrap().iter();
    pages.map(|page| (page["path"].as_str().unwrap().to_owned(), page["bytes"].as_u64().unwrap())).collect()
}

/// In the rounds of `./test --long`.
fn is_long() -> bool {
    std::env::var_os("FAHRTENBUCH_TEST_ROUNDS").is_some()
}

/// The pages that each bucket has.
fn assert_has_the_pages_of_the_city(pages: &BTreeMap<String, u64>) {
    for name in ["index", "impressum", "datenschutz", "barrierefreiheit"] {
        for path in [format!("{name}.html"), format!("{name}.en.html")] {
            assert!(pages.contains_key(&path), "{path}: {:?}", pages.keys());
        }
    }
}

fn bucket(world: &World) -> String {
    world.path("data/bucket").to_string_lossy().into_owned()
}

fn workspace(world: &World) -> String {
    world.path("").to_string_lossy().into_owned()
}

#[test]
#[cfg_attr(not(browser), ignore = "needs the browser that ./test finds")]
fn all_pages_of_the_sample_hold_what_the_portal_promises_in_a_browser() {
    let (world, serving) = city_on_the_web();
    world.run();
    let pages = opened(&serving.url(), 12);
    assert_has_the_pages_of_the_city(&pages);
    for dataset in ["busplus", "stadtbus-fahrplan", TELEMETRY, "publication"] {
        for path in [format!("{dataset}/index.html"), format!("{dataset}/index.en.html")] {
            assert!(pages.contains_key(&path), "{path}: {:?}", pages.keys());
        }
    }
}

#[test]
#[cfg_attr(not(browser), ignore = "needs the browser that ./test finds")]
fn an_empty_bucket_and_one_with_a_timetable_alone_have_good_pages() {
    assert_has_the_pages_of_the_city(&opened(&workspace(&empty()), 3));
    let pages = opened(&workspace(&timetable_alone()), 3);
    assert!(pages.contains_key("stadtbus-fahrplan/index.html") && !pages.contains_key("busplus/index.html"));
}

#[test]
#[cfg_attr(not(browser), ignore = "needs the browser that ./test finds")]
fn a_withdrawn_day_leaves_good_pages_that_say_so() {
    let (world, _) = with_a_withdrawn_day();
    opened(&workspace(&world), 2);
    for (name, word) in [("index.html", "zurückgezogen"), ("index.en.html", "withdrawn")] {
        let page = std::fs::read_to_string(world.path("data/bucket").join(TELEMETRY).join(name)).unwrap();
        assert!(page.to_lowercase().contains(word), "{name}");
    }
}

#[test]
#[cfg_attr(not(browser), ignore = "needs the browser that ./test finds")]
fn pages_of_five_years_of_days_stay_light_and_their_numbers_right() {
    let (world, _server, _, _) = five_years();
    let pages = opened(&workspace(&world), 0);
    for year in 2021..=2026 {
        let path = format!("{TELEMETRY}/{year}.html");
        assert!(pages.contains_key(&path), "{path}: {:?}", pages.keys());
    }
    // The rows of 1,825 files are counted.
    if is_long() {
        found("figures.py", &[&bucket(&world)]);
    }
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn each_number_on_the_pages_of_the_sample_is_what_the_tables_say() {
    let world = city();
    world.run();
    let figures = found("figures.py", &[&bucket(&world)]);
    for kind in ["rows", "bytes", "score", "days", "nulls_percent", "vehicles", "stops"] {
        assert!(figures[kind].as_u64() > Some(0), "{kind}: {figures}");
    }
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn each_number_is_what_the_tables_say_in_an_empty_bucket_and_after_a_withdrawal() {
    found("figures.py", &[&bucket(&empty())]);
    found("figures.py", &[&bucket(&timetable_alone())]);
    let (world, _) = with_a_withdrawn_day();
    found("figures.py", &[&bucket(&world)]);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_number_that_is_wrong_not_marked_or_unknown_is_found() {
    let world = city();
    world.run();
    let page = world.path("data/bucket/index.html");
    let text = std::fs::read_to_string(&page).unwrap();
    let rows = "data-figure=\"rows stadtbus-telemetrie vehicle_locations\"";
    for (added, expected) in [
        (format!("<data value=\"7\" {rows}>7</data>"), "is 7, and the tables say"),
        (format!("<data value=\"14902\" {rows}>14902</data>"), "is not written as numbers are in 'de'"),
        (format!("<data value=\"14902\" {rows}>14,902</data>"), "and shows '14,902'"),
        (format!("<data value=\"14902\" {rows}>14.903</data>"), "and shows '14.903'"),
        ("<data value=\"7\" data-figure=\"wishes\">7</data>".to_owned(), "there is no query for 'wishes'"),
        ("Es waren 4711 Busse.".to_owned(), "a number that is not marked: 'Es waren 4711 Busse.'"),
        ("<time datetime=\"2026-11-24\">25. November 2026</time>".to_owned(), "is shown as '25. November 2026'"),
    ] {
        std::fs::write(&page, text.replace("</main>", &format!("<p>{added}</p></main>"))).unwrap();
        let (errors, _) = wrong("figures.py", &[&bucket(&world)]);
        assert!(errors.iter().any(|error| error.contains(expected)), "{added}: {errors:?}");
    }
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn programs_read_the_feeds_the_datasets_and_the_package_of_a_portal() {
    let (world, _serving) = city_on_the_web();
    world.run();
    let read = found("machine_readable.py", &[&bucket(&world)]);
    assert_eq!(
        read["feeds"]["stadtbus-telemetrie/feed.xml"], read["feeds"]["stadtbus-telemetrie/feed.en.xml"],
        "{read}"
    );
    assert!(read["feeds"]["stadtbus-fahrplan/feed.xml"].as_u64() > Some(0), "{read}");
    assert_eq!(read["json_ld"]["stadtbus-telemetrie/index.html"][0], "Dataset", "{read}");
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_withdrawal_is_in_the_feed_and_what_was_told_before_stays() {
    let (world, before) = with_a_withdrawn_day();
    let entries = |of: &Value| of["feeds"]["stadtbus-telemetrie/feed.xml"].as_u64().unwrap();
    let earlier = found("machine_readable.py", &[&before.path().join("bucket").to_string_lossy()]);
    let now =
        found("machine_readable.py", &[&bucket(&world), "--before", &before.path().join("bucket").to_string_lossy()]);
    assert_eq!(entries(&now), entries(&earlier) + 1, "{now} {earlier}");
    found("machine_readable.py", &[&bucket(&empty())]);
}

#[test]
#[cfg_attr(not(browser), ignore = "needs the browser that ./test finds")]
fn a_page_that_breaks_its_word_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let head = |language: &str, title: &str| {
        format!(
            "<!DOCTYPE html><html lang=\"{language}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>"
        )
    };
    let bad = "<img src=\"https://example.org/x.png\"><p style=\"width:60rem\">The pages of the city are in English and not in German.</p>\
        <p style=\"color:#bbb\">Blass</p><a href=\"away.html\">Weg</a><a href=\"#nowhere\">Nirgends</a><script>document.querySelector('p').append(' more')</script>";
    write("index.html", &format!("{}</head><body><main><h1>Daten</h1>{bad}</main></body></html>", head("de", "Daten")));
    let english = "<link rel=\"alternate\" hreflang=\"de\" href=\"index.html\"></head><body><main><h1>Data</h1></main></body></html>";
    write("index.en.html", &format!("{}{english}", head("de", "Data")));
    let (errors, _) = wrong("pages.mjs", &[&folder.path().to_string_lossy(), "--views", "phone-light"]);
    let errors = errors.join("\n");
    for expected in [
        "asks somebody else or outside of the bucket: https://example.org/x.png",
        "axe: color-contrast",
        "axe: image-alt",
        "320 px light: the document is",
        "link 'away.html' leads to away.html, which answers 404",
        "link '#nowhere' leads to a place 'nowhere'",
        "seems to be in 'en': 'The pages of the city",
        "without JavaScript the text differs",
        "index.en.html: lang is 'de', not 'en'",
        "no link with hreflang",
        "the first stop is no link that skips to the content",
    ] {
        assert!(errors.contains(expected), "{expected}:\n{errors}");
    }
}
