//! That `trips_observed` says of each trip what the published tables, the timetable and the truth of the simulator say.

use crate::world::{World, python};

const DATE: &str = "2026-11-24";

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn an_outsider_makes_the_observed_trips_of_the_sample_again_and_finds_the_truth() {
    let world = World::new();
    world.run();
    let folder = world.path("city").to_string_lossy().into_owned();
    // The sample is this simulation.
    let simulate = ["simulate", "--date", DATE, "--faults", "--interval", "60", "--output", &folder];
    assert!(world.program(&simulate).status.success());
    let [bucket, timetable, truth] =
        ["data/bucket", "data/sample/stadtbus-gtfs.zip", "city/truth"].map(|name| world.path(name));
    let [bucket, timetable, truth] = [&bucket, &timetable, &truth].map(|path| path.to_str().unwrap());
    let output = python("trips_observed.py", &[bucket, timetable, DATE, truth]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("615 ran, 4 cancelled, 2 added, 1 unknown"), "{told}");
    assert!(told.contains("622 trips"), "{told}");
}
