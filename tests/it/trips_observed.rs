//! That `trips_observed` says of each trip what the published tables, the timetable and the truth of the simulator say.

use arrow_array::cast::AsArray;
use fahrtenbuch::publish::parquet::rows as parquet_rows;

use crate::cases_windows::{run, table};
use crate::readable::{TEN, field, keep, telemetry};
use crate::world::{World, python};

const DATE: &str = "2026-11-24";

/// What a snapshot says of the trip `t`.
#[derive(Clone, Copy, Debug)]
enum Says {
    Cancelled,
    /// With a start, a delay of the trip and predictions of these stops.
    Runs(bool, u8, &'static [u8]),
}

fn update(at: i64, says: Says) -> Vec<u8> {
    let time = |number: i64| {
        let (mut rest, mut bytes) = (number as u64, vec![0x18]);
        while rest > 0x7f {
            bytes.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
        bytes
    };
    let mut trip = [field(1, b"t"), field(3, b"20261124")].concat();
    let mut stops = Vec::new();
    match says {
        Says::Cancelled => trip.extend([0x20, 3]),
        Says::Runs(has_start, delay, at_stops) => {
            trip.extend(if has_start { field(2, b"11:00:00") } else { Vec::new() });
            for stop in at_stops {
                stops.extend(field(2, &[&[0x08, *stop][..], &field(2, &[0x08, delay])].concat()));
            }
            stops.extend([0x28, delay]);
        }
    }
    let update = [field(1, &trip), stops].concat();
    let header = field(1, &[field(1, b"2.0"), time(at)].concat());
    [header, field(2, &[field(1, b"u"), field(3, &update)].concat())].concat()
}

#[test]
fn a_trip_that_is_cancelled_again_or_runs_again_after_all_is_published_as_such() {
    use Says::{Cancelled, Runs};
    let runs = Runs(false, 30, &[3, 4]);
    for (said, published, is_cancelled) in [
        (&[Cancelled, runs, Cancelled][..], 4, true),
        (&[runs, Cancelled, runs], 5, false),
        (&[runs, runs, Cancelled, Cancelled, runs, runs, Cancelled, Cancelled], 6, true),
        (&[Cancelled, Runs(true, 30, &[3]), Cancelled], 3, true),
        // What was said last of the stop was said of another delay of the trip.
        (&[Runs(false, 30, &[3]), Runs(false, 60, &[4]), Runs(false, 30, &[3])], 3, false),
        // A stop that is not told in between is what it was.
        (&[runs, Runs(false, 30, &[4]), runs], 2, false),
    ] {
        let world = telemetry();
        for (place, says) in said.iter().enumerate() {
            let at = TEN + 60 * place as i64;
            keep(&world, "stadtbus-trip-updates", at, &[], &update(at, *says));
        }
        let record = run(&world, &["--date", DATE]);
        assert_eq!(table(&record, "trip_updates")["published"], published, "{said:?}");
        let path = table(&record, "trips_observed")["files"][0]["path"].as_str().unwrap();
        let trips = parquet_rows(std::fs::read(world.path("data/bucket").join(path)).unwrap().into()).unwrap();
        let ids = trips.column_by_name("trip_id_scheduled").unwrap().as_string::<i32>();
        let cancelled = trips.column_by_name("is_cancelled").unwrap().as_boolean();
        let of_trip: Vec<bool> =
            (0..trips.num_rows()).filter(|row| ids.value(*row) == "t").map(|row| cancelled.value(row)).collect();
        assert_eq!(of_trip, [is_cancelled], "{said:?}");
    }
}

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
