//! That `service_dates` lists the dates of each service as an outsider finds them in the files of a timetable.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::cases_windows::table;
use crate::world::{World, python, root, shared};

const PIPELINE: &str = "pipelines/stadtbus-fahrplan.yaml";

/// A workspace whose timetable is this one, wherever it is.
fn with_feed(feed: &[u8]) -> World {
    let world = World::new();
    std::fs::write(world.path("data/sample/stadtbus-gtfs.zip"), feed).unwrap();
    world.replace("fahrtenbuch.yaml", "service_area: [48.2, 7.6, 48.75, 8.3]", "service_area: [-85, -180, 85, 180]");
    world
}

fn record(world: &World) -> Value {
    world.run_of(&["stadtbus-fahrplan"])["stadtbus-fahrplan"]["record"].clone()
}

/// Publishes a timetable, lets the outsider make the table again, and gives what it tells.
fn made_again(feed: &Path) -> String {
    let world = with_feed(&std::fs::read(feed).unwrap());
    record(&world);
    let [bucket, archive] = ["data/bucket", "data/sample/stadtbus-gtfs.zip"].map(|name| world.path(name));
    let output = python("service_dates.py", &[bucket.to_str().unwrap(), archive.to_str().unwrap()]);
    assert!(output.status.success(), "{}: {}", feed.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The sample's timetable, with more services that run every day of four hundred years.
fn with_long_services(count: usize) -> Vec<u8> {
    let archive = std::fs::File::open(root().join("data/sample/stadtbus-gtfs.zip")).unwrap();
    let mut archive = zip::ZipArchive::new(archive).unwrap();
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for place in 0..archive.len() {
        let mut file = archive.by_index(place).unwrap();
        let name = file.name().unwrap().into_owned();
        out.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        std::io::copy(&mut file, &mut out).unwrap();
        if name == "calendar.txt" {
            (0..count).for_each(|service| writeln!(out, "s{service},1,1,1,1,1,1,1,19000101,22991231").unwrap());
        }
    }
    out.finish().unwrap().into_inner()
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn an_outsider_finds_the_same_dates_in_the_files_of_the_sample_and_of_real_feeds() {
    let sample = made_again(&root().join("data/sample/stadtbus-gtfs.zip"));
    assert_eq!(sample, "1842 rows, 1821 by calendar, 21 added, 619 trips on 2026-11-24");
    for (feed, expected) in [
        ("de-berlin-vbb-subset.zip", "125124 rows, 106186 by calendar, 18938 added"),
        ("de-brandenburg-flex.zip", "365 rows, 356 by calendar, 9 added"),
        // These have no calendar_dates.
        ("bullrunner-gtfs.zip", "2192 rows, 2192 by calendar, 0 added"),
        ("testagency.zip", "25673 rows, 25673 by calendar, 0 added"),
    ] {
        let told = made_again(&root().join("tests/feeds").join(feed));
        assert!(told.starts_with(expected), "{feed}: {told}");
    }
}

#[test]
#[cfg_attr(
    not(all(outsiders, shared)),
    ignore = "needs the collection of feeds beside the checkout, and the tools of ./test"
)]
fn an_outsider_finds_the_same_dates_in_the_feeds_of_the_collection() {
    // The first has no calendar.
    for feed in ["de-vpe-pforzheim.zip", "de-fernverkehr-2026.zip", "fi-kuopio.zip", "us-seattle-2017.zip"] {
        let told = made_again(&shared("feeds").join(feed));
        assert_eq!(told.contains(" 0 by calendar"), feed.starts_with("de-vpe"), "{feed}: {told}");
    }
}

#[test]
fn the_record_says_what_became_of_the_rows_of_both_calendars() {
    let record = record(&World::new());
    let dates = table(&record, "service_dates");
    assert_eq!((&dates["from"], &dates["published"]), (&json!("calendar, calendar_dates"), &json!(1842)));
    let of_table =
        |name: &str| dates["inputs"].as_array().unwrap().iter().find(|input| input["table"] == name).unwrap();
    assert_eq!(of_table("calendar")["rows"], table(&record, "calendar")["published"]);
    let exceptions = of_table("calendar_dates");
    assert_eq!(exceptions["rows"], table(&record, "calendar_dates")["published"]);
    let removed = exceptions["unused"]["service_dates.removed"].as_u64().unwrap();
    assert_eq!(exceptions["used"].as_u64().unwrap() + removed, exceptions["rows"].as_u64().unwrap());
    assert!(record["contracts"].as_array().unwrap().iter().any(|contract| contract["id"] == "gtfs-service-dates"));
}

#[test]
fn a_calendar_of_hundreds_of_years_ends_at_the_limit_of_memory_and_says_so() {
    let of = |services: usize| {
        let world = with_feed(&with_long_services(services));
        world.replace("fahrtenbuch.yaml", "memory: 1 GiB", "memory: 24 MiB");
        world
    };
    assert_eq!(table(&record(&of(1)), "service_dates")["published"], json!(1842 + 146_097));
    let world = of(40);
    let output = world.program(&["run", "stadtbus-fahrplan"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(42), "{told}");
    assert!(told.contains("services of 'calendar' run on 58") && told.contains("Raise 'limits: memory'"), "{told}");
    assert!(!world.path("data/bucket/data/stadtbus-fahrplan").exists());
}

#[test]
fn what_a_timetable_derives_may_be_left_out_and_mistakes_in_it_are_told() {
    let told = |from: &str, to: &str| {
        let world = World::new();
        world.replace(PIPELINE, from, to);
        let output = world.program(&["check"]);
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout),
        )
    };
    let release = "release:\n  contracts: schemas/gtfs-derived\n  derived: [service_dates]\n";
    assert_eq!(told(release, "").0, Some(0));
    for (from, to, expected) in [
        (release, "release:\n  contracts: schemas/gtfs-derived\n", "'derived' is missing"),
        ("[service_dates]", "[service_date]", "there is no derivation 'service_date'. Did you mean 'service_dates'?"),
        ("[service_dates]", "[trips_observed]", "makes 'trips_observed', for which there is no contract"),
        (
            "  derived:",
            "  tables: {calendar: calendar}\n  derived:",
            "the tables of a timetable are released as they came",
        ),
        ("schemas/gtfs-derived", "schemas/gtfs", "which the feed has, too"),
    ] {
        let (code, told) = told(from, to);
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains(expected), "{told}");
    }
}
