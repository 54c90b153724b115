//! How many requests a run makes to its bucket: a store in the web asks for money for each, and for a tenth of a second.

use jiff::Timestamp;

use crate::readable::{TEN, keep, message, telemetry};
use crate::world::World;

const TELEMETRY: &str = "stadtbus-telemetrie";
/// Results of earlier partitions that the pages and the rules of a run look at, at most: 14 for the trend, and as many for
/// rules that compare. A dataset of five dates has fewer.
const LOOKED_BACK: u64 = 30;

/// The requests of a run of one date, as its log counts them.
fn requests(world: &World, date: &str) -> u64 {
    let output = world.program(&["-v", "run", TELEMETRY, "--date", date]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let line = told.lines().find(|line| line.contains("requests to the bucket")).unwrap_or_else(|| panic!("{told}"));
    let number = line.split("requests=").nth(1).unwrap().split(|c: char| !c.is_ascii_digit()).next();
    number.unwrap().parse().unwrap()
}

#[test]
fn the_requests_of_a_run_do_not_grow_with_what_was_published_before() {
    let world = telemetry();
    world.keep_publication();
    let begin = TEN - 50 * 86_400;
    let zip = std::fs::read(world.path("data/sample/stadtbus-gtfs.zip")).unwrap();
    keep(&world, "stadtbus-gtfs", begin - 3_600, &[], &zip);
    let date = |at: i64| Timestamp::from_second(at).unwrap().to_string()[..10].to_owned();
    let mut dates = Vec::new();
    for at in (0..51).map(|number| begin + number * 86_400) {
        keep(&world, "stadtbus-vehicle-positions", at, &[], &message(at, 2));
        dates.push(date(at));
    }
    let all = |from: usize, to: usize| _ = world.run_of(&[TELEMETRY, "--from", &dates[from], "--to", &dates[to]]);
    all(0, 4);
    let few = requests(&world, &dates[5]);
    all(6, 49);
    let many = requests(&world, &dates[50]);
    println!("{few} requests after 5 dates, {many} after 50");
    assert!(many <= few + LOOKED_BACK, "{few} after 5 dates, {many} after 50");
    // 169 before a run knew what it had just read or written without another look.
    // What pages tell of all days takes some twenty of them, at 5 dates as at 50: the newest files of the tables are looked into.
    // Some forty are of the pages: two for each that a run of the dataset may change.
    assert!(few <= 230, "{few}");
}

#[test]
fn a_run_leaves_the_views_of_other_datasets_alone() {
    let world = World::new();
    world.run();
    let of_timetable = |name: &&str| std::fs::metadata(world.path(name)).unwrap().modified().unwrap();
    let names = [
        "data/bucket/meta/stadtbus-fahrplan/stops/files.json",
        "data/bucket/meta/stadtbus-fahrplan/stops/index.csv",
        "data/bucket/reports/stadtbus-fahrplan/quality.html",
    ];
    let old = "{\"somebody\": \"was here\"}";
    names.iter().for_each(|name| std::fs::write(world.path(name), old).unwrap());
    let before: Vec<_> = names.iter().map(of_timetable).collect();
    world.run_of(&[TELEMETRY]);
    assert!(names.iter().map(of_timetable).eq(before));
    // The run of the dataset itself makes them anew.
    world.run_of(&["stadtbus-fahrplan"]);
    assert!(names.iter().all(|name| std::fs::read_to_string(world.path(name)).unwrap() != old));
}
