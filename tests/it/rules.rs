//! The data manager's work with rules: listing, explaining, testing and trying them, and thresholds against earlier dates.

use std::collections::BTreeMap;

use fahrtenbuch::capture::Capture;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::contract::library::Library;
use fahrtenbuch::contract::test_cases;
use fahrtenbuch::digest::Digest;
use fahrtenbuch::time::ServiceDate;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::broken_feeds::changed;
use crate::world::{World, root};

const LOCATIONS: &str = "schemas/stadtbus/vehicle_locations.odcs.yaml";
const SPEED: &str = "vehicle_locations.speed_possible";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a command of `rules` prints, which must end with this exit code.
fn rules(world: &World, arguments: &[&str], code: i32) -> String {
    let output = world.program(&[&["rules"], arguments].concat());
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
    text(if code == 0 || !output.stdout.is_empty() { &output.stdout } else { &output.stderr })
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn the_starter_set_says_what_it_asks_and_why_in_two_languages_and_every_query_is_tested() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in ["gtfs", "gtfs-realtime", "stadtbus", "tides"] {
        let folder = root().join("schemas").join(name);
        let library = Library::read(&folder).unwrap();
        let (tests, mut problems) = test_cases::read_all(&folder, &library);
        problems.extend(test_cases::untested(&folder, &library, &tests, &[]));
        assert!(problems.is_empty(), "{problems:#?}");
        for contract in library.contracts.values() {
            let rules = contract.rules.iter().map(|r| (&r.id, [&r.description, &r.description_de, &r.why, &r.why_de]));
            let metrics = contract.metrics.iter();
            let metrics = metrics.map(|m| (&m.id, [&m.description, &m.description_de, &m.why, &m.why_de]));
            for (id, texts) in rules.chain(metrics) {
                assert!(texts.iter().all(|text| text.as_deref().is_some_and(|text| text.len() > 15)), "{name} {id}");
                assert!(texts[0] != texts[1] && texts[2] != texts[3], "{name} {id}");
                let is_of_occupancy = ["occupancy", "load", "boarding", "alight", "counted", "empty"];
                let area = match name {
                    _ if is_of_occupancy.iter().any(|word| id.0.contains(word)) => "occupancy",
                    "gtfs" => "timetable",
                    _ => "telemetry",
                };
                *counts.entry(area).or_default() += 1;
            }
        }
    }
    assert!(counts.values().sum::<usize>() >= 100, "{counts:?}");
    assert!(counts["timetable"] >= 15 && counts["telemetry"] >= 25 && counts["occupancy"] >= 10, "{counts:?}");
    let output = json(&rules(&World::new(), &["test", "--json"], 0));
    let cases = output["cases"].as_array().unwrap();
    let tested: std::collections::BTreeSet<&str> = cases.iter().map(|case| case["rule"].as_str().unwrap()).collect();
    assert!(tested.len() > 80 && cases.len() >= 2 * tested.len(), "{} of {}", cases.len(), tested.len());
    assert_eq!((&output["failed"], &output["mistakes"]), (&0.into(), &Value::Array(Vec::new())));
}

#[test]
fn a_test_that_expects_something_else_prints_a_diff() {
    let world = World::new();
    world.replace("schemas/stadtbus/tests/vehicle_locations.speed_possible.yaml", "named: [2]", "named: [1]");
    world.replace("schemas/gtfs/tests/trips.trips_not_halved.yaml", "holds: false", "holds: true");
    // A query that looks from bus to bus is not to be asked of one bus at a time.
    let per = "{property: onFail, value: invalidate}\n          - {property: per, value: [vehicle_id]}\n          - {property: invalidates, value: [speed]}";
    let from = "{property: onFail, value: invalidate}\n          - {property: invalidates, value: [speed]}";
    world.replace(LOCATIONS, from, per);
    let query = "SELECT v._index FROM vehicle_locations AS v CROSS JOIN (SELECT MIN(speed) AS least FROM vehicle_locations) AS m \
                 WHERE v.speed > m.least";
    world.replace(LOCATIONS, "SELECT _index FROM vehicle_locations WHERE speed > 35", query);
    world.write(
        "schemas/stadtbus/tests/vehicle_locations.speed_possible.yaml",
        "rule: vehicle_locations.speed_possible\ncases:\n  - name: two buses\n    rows:\n      - {vehicle_id: a, speed: 22.2}\n      \
         - {vehicle_id: b, speed: 36}\n    named: [2]\n  - name: one bus\n    rows:\n      - {vehicle_id: a, speed: 22.2}\n      \
         - {vehicle_id: a, speed: 36}\n    named: [1]\n  - name: none\n    named: []\n",
    );
    insta::assert_snapshot!(rules(&world, &["test"], 2), @r"
    FAILED trips.trips_not_halved: two where there were ten
      schemas/gtfs/tests/trips.trips_not_halved.yaml:9
      - the rule should hold
      + 2 is 20 % of 10, the median of 3 partitions before, must be greater than 50 %

    FAILED vehicle_locations.speed_possible: two buses
      schemas/stadtbus/tests/vehicle_locations.speed_possible.yaml:3
      the rule cannot run: asked one by one as 'per' says, it names the rows []

    FAILED vehicle_locations.speed_possible: one bus
      schemas/stadtbus/tests/vehicle_locations.speed_possible.yaml:8
      -   1 {vehicle_id: a, speed: 22.2}  should be named and is not
      +   2 {vehicle_id: a, speed: 36}  is named and should not be

    120 rules, 267 cases passed, 3 failed
    ");
    let only = json(&rules(&world, &["test", "speed_possible", "--json"], 2));
    assert_eq!((&only["failed"], &only["passed"]), (&2.into(), &1.into()));
}

#[test]
fn rules_are_listed_and_explained() {
    let world = World::new();
    let listed = json(&rules(&world, &["list", "--json"], 0));
    let own = listed["own"].as_array().unwrap();
    assert!(own.len() > 500 && listed["rules"].as_array().unwrap().len() > 100);
    let speed = own.iter().find(|rule| rule["id"] == SPEED).unwrap();
    assert_eq!((&speed["severity"], &speed["onFail"]), (&"warning".into(), &"invalidate".into()));
    assert_eq!(speed["contract"], LOCATIONS);
    let table = rules(&world, &["list", "--table", "vehicle_locations"], 0);
    assert!(table.contains(SPEED) && table.contains("vehicle_locations.speed.range"), "{table}");
    assert!(!table.contains("stops.") && !table.contains("standard notice"), "{table}");
    insta::assert_snapshot!(rules(&world, &["explain", "vehicle_locations.gap_of_vehicle"], 0).split("\nwith the view").next().unwrap(), @r"
    vehicle_locations.gap_of_vehicle (info, completeness, report)
    schemas/stadtbus/vehicle_locations.odcs.yaml 1.0.0

    A bus does not fall silent for more than five minutes during a trip, unless all do.
    Ein Bus verstummt während einer Fahrt nicht länger als fünf Minuten, außer alle verstummen.
    Arrivals in the gap can only be guessed. The same vehicle again and again means its modem, the same place a hole in the radio network.
    Ankünfte in der Lücke lassen sich nur schätzen. Immer dasselbe Fahrzeug heißt Modem, immer derselbe Ort heißt Funkloch.

    asked of all rows of each vehicle_id together:

      SELECT _index FROM steps
      WHERE trip_id_scheduled = trip_before AND event_timestamp > event_before + INTERVAL '5 minutes'
        AND received_at NOT IN (SELECT until FROM silences)
    ");
    let views = rules(&world, &["explain", "vehicle_locations.gap_of_vehicle"], 0);
    assert!(
        views.contains("with the view steps, of each vehicle_id:") && views.contains("with the view silences:"),
        "{views}"
    );
    assert!(views.contains("tests in schemas/stadtbus/tests/vehicle_locations.gap_of_vehicle.yaml:"), "{views}");
    insta::assert_snapshot!(rules(&world, &["explain", "trips.trips_not_halved"], 0), @r"
    trips.trips_not_halved (error, coverage, block)
    schemas/gtfs/trips.odcs.yaml 1.0.0

    There are more than half as many trips as in the timetables before.
    Es gibt mehr als halb so viele Fahrten wie in den Fahrplänen davor.
    Half a timetable is a broken export. The one before stays public until somebody has looked.
    Ein halber Fahrplan ist ein kaputter Export. Der vorige bleibt öffentlich, bis jemand hingesehen hat.

    rowCount must be greater than 50, in percent of the median of the last 7 comparable partitions

    tests in schemas/gtfs/tests/trips.trips_not_halved.yaml:
      a few trips less (passes)
      two where there were ten (fails)
    ");
    let unknown = rules(&world, &["explain", "vehicle_locations.speed_posible"], 2);
    assert!(unknown.contains("Did you mean 'vehicle_locations.speed_possible'?"), "{unknown}");
}

#[test]
fn an_edited_rule_is_tried_on_what_was_published() {
    let world = World::new();
    let nothing = rules(&world, &["try", SPEED], 42);
    assert!(nothing.contains("nothing of 'vehicle_locations' was published. Run the pipeline first"), "{nothing}");
    world.run();
    let before = world.published();
    world.replace(LOCATIONS, "WHERE speed > 35", "WHERE speed > 5 AND COALESCE(odometer, 1) > 0");
    let tried = json(&rules(&world, &["try", SPEED, "--json"], 0));
    let named = tried["found"]["named"].as_u64().unwrap();
    assert!(named > 1000, "{tried:#}");
    assert_eq!(tried["namedBefore"], 0);
    assert_eq!(tried["would"], serde_json::json!([format!("{named} values of speed would be nulled")]));
    let samples = tried["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 5);
    for sample in samples {
        let columns: Vec<&String> = sample.as_object().unwrap().keys().collect();
        assert_eq!(columns, ["location_ping_id", "speed"]);
        assert!(sample["speed"].as_str().unwrap().parse::<f64>().unwrap() > 5.0);
    }
    let told = rules(&world, &["try", SPEED, "--date", "2026-11-24"], 0);
    assert!(told.contains("; in the last run it named 0\n") && told.contains("odometer: not published"), "{told}");
    assert!(told.contains(&format!("\n  {named} values of speed would be nulled\n")), "{told}");
    // What a rule took away cannot be found again.
    let nulled = rules(&world, &["try", "vehicle_locations.position_in_service_area"], 0);
    assert!(nulled.contains("what the run nulled for vehicle_locations.position_in_service_area"), "{nulled}");
    // A file instead of a partition; its path tells the date.
    let name = before
        .keys()
        .find(|name| name.contains("vehicle_locations/partition_date=") && name.ends_with(".parquet"))
        .unwrap();
    let file = world.path("data/bucket").join(name).to_string_lossy().into_owned();
    assert_eq!(json(&rules(&world, &["try", SPEED, &file, "--json"], 0))["found"]["named"], named);
    let missing = rules(&world, &["try", SPEED, "no.parquet"], 1);
    assert!(missing.contains("no.parquet"), "{missing}");
    // Nothing was changed by all that, nor by running once more.
    assert!(world.published() == before);
    let records = world.records().len();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    world.replace(LOCATIONS, "WHERE speed > 5 AND COALESCE(odometer, 1) > 0", "WHERE speed > 35");
    world.run();
    assert_eq!((world.published() == before, world.records().len()), (true, records));
    world.replace(LOCATIONS, "WHERE speed > 35", "WHERE speed > 5 AND COALESCE(odometer, 1) > 0");
    world.replace(LOCATIONS, "WHERE speed > 5 AND", "WHERE spede > 5 AND");
    let broken = rules(&world, &["try", SPEED], 2);
    assert!(broken.contains("there is no column 'spede'. Did you mean 'speed'?"), "{broken}");
}

#[test]
fn what_cannot_be_tried_is_told() {
    let world = World::new();
    for (rule, code, expected) in [
        ("vehicle_locations.speed_posible", 2, "Did you mean 'vehicle_locations.speed_possible'?"),
        ("vehicle_locations.reports_not_halved", 2, "has no query to try. 'fahrtenbuch quality report' shows"),
        ("vehicle_positions.received_late", 42, "is a table of the feed and is never published"),
    ] {
        let told = rules(&world, &["try", rule], code);
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn a_trial_tells_which_rows_would_leave_the_quarantine() {
    let world = World::new();
    let on_fail = "{property: onFail, value: invalidate}\n          - {property: invalidates, value: [speed]}";
    world.replace(LOCATIONS, on_fail, "{property: onFail, value: quarantine}");
    world.replace(LOCATIONS, "WHERE speed > 35", "WHERE speed > 7");
    let results = world.run();
    let tables = results["stadtbus-telemetrie"]["record"]["tables"].as_array().unwrap();
    let table = tables.iter().find(|table| table["table"] == "vehicle_locations").unwrap();
    let held = table["quarantined"].as_u64().unwrap();
    world.replace(LOCATIONS, "WHERE speed > 7", "WHERE speed > 8");
    let tried = json(&rules(&world, &["try", SPEED, "--json"], 0));
    let [before, named, freed] = ["namedBefore", "namedOfQuarantined", "freed"].map(|key| tried[key].as_u64().unwrap());
    assert_eq!(tried["quarantined"], held);
    assert!(before > named && named > 0 && freed > 0, "{tried:#}");
    // A few of them are held for another reason, too.
    assert!((before - named - 7..=before - named).contains(&freed), "{tried:#}");
    assert_eq!(tried["found"]["named"], 0);
    let told = rules(&world, &["try", SPEED], 0);
    assert!(told.contains(&format!("{freed} rows would leave the quarantine and be published")), "{told}");
    // And so they do.
    let results = world.run();
    let tables = results["stadtbus-telemetrie"]["record"]["tables"].as_array().unwrap();
    let table = tables.iter().find(|table| table["table"] == "vehicle_locations").unwrap();
    assert_eq!(table["quarantined"], held - freed);
}

/// What a rule came to, by the results of a date.
fn result(world: &World, dataset: &str, date: &str, rule: &str) -> Value {
    let path = world.path(&format!("data/bucket/reports/{dataset}/date={date}/quality.json"));
    let quality = json(&std::fs::read_to_string(path).unwrap());
    let rules = quality["rules"].as_array().unwrap();
    rules.iter().find(|found| found["id"] == rule).unwrap_or_else(|| panic!("{rule}")).clone()
}

#[test]
fn a_feed_that_shrinks_by_half_alarms_but_not_on_its_first_date() {
    let world = World::at("2026-12-06T12:00:00Z");
    let evidence = world.path("data/sample/evidence").to_string_lossy().into_owned();
    let dates = ["2026-12-01", "2026-12-02", "2026-12-03", "2026-12-04"];
    for date in dates {
        let simulate = ["simulate", "--date", date, "--interval", "120", "--evidence", &evidence];
        assert!(world.program(&simulate).status.success());
    }
    for hour in 6..15 {
        let name = format!("2026/12/04/stadtbus-vehicle-positions-20261204T{hour:02}.warc.gz");
        std::fs::remove_file(world.path("data/sample/evidence/stadtbus-vehicle-positions").join(name)).unwrap();
    }
    for date in dates {
        let run = world.program(&["run", "stadtbus-telemetrie", "--date", date]);
        assert!(run.status.success(), "{}{}", text(&run.stdout), text(&run.stderr));
    }
    let of = |date: &str| result(&world, "stadtbus-telemetrie", date, "vehicle_locations.reports_not_halved");
    let results: Vec<Value> = dates.iter().map(|date| of(date)["result"].clone()).collect();
    assert_eq!(results, ["skipped", "passed", "passed", "failed"]);
    let message = of("2026-12-04")["message"].as_str().unwrap().to_owned();
    assert!(message.contains(", the median of 3 partitions before, must be greater than 50 %"), "{message}");
    let skipped = of("2026-12-01")["message"].as_str().unwrap().to_owned();
    assert!(skipped.contains("no earlier partition"), "{skipped}");
}

/// A workspace in which the sample's timetable was published yesterday, by the names of both days.
fn with_a_timetable_of_yesterday() -> (World, String, String) {
    let now = "2026-11-26T12:00:00Z";
    let world = World::at(now);
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let now: Timestamp = now.parse().unwrap();
    let then = now - SignedDuration::from_hours(24);
    let [yesterday, today] = [then, now].map(|at| ServiceDate::local_date_of(at, &zone).to_string());
    let body = std::fs::read(world.path("data/sample/stadtbus-gtfs.zip")).unwrap();
    let capture = Capture {
        url: "file:data/sample/stadtbus-gtfs.zip".to_owned(),
        captured_at: then,
        status: 200,
        headers: Vec::new(),
        digest: Digest::of(&body),
        body: body.into(),
    };
    Store::new(world.path("data/private/evidence")).append("stadtbus-gtfs", &capture).unwrap();
    let run = world.program(&["run", "stadtbus-fahrplan", "--date", &yesterday]);
    assert!(run.status.success(), "{}", text(&run.stderr));
    (world, yesterday, today)
}

/// The lines of a file of a timetable for which this is true; its header is always.
fn lines(text: Vec<u8>, keep: impl Fn(usize, &str) -> bool) -> Option<Vec<u8>> {
    let text = String::from_utf8(text).unwrap();
    let kept = text.lines().enumerate().filter(|(number, line)| *number == 0 || keep(*number, line));
    Some(kept.map(|(_, line)| format!("{line}\n")).collect::<String>().into_bytes())
}

#[test]
fn a_timetable_that_lost_half_of_its_trips_is_held_back() {
    let (world, yesterday, today) = with_a_timetable_of_yesterday();
    changed(&world, "trips.txt", |text| lines(text, |number, _| number % 5 < 2));
    let run = world.program(&["run", "stadtbus-fahrplan"]);
    assert_eq!(run.status.code(), Some(3), "{}", text(&run.stderr));
    let told = text(&run.stdout);
    assert!(told.contains("HELD BACK") && told.contains("trips.trips_not_halved"), "{told}");
    let found = result(&world, "stadtbus-fahrplan", &today, "trips.trips_not_halved");
    assert_eq!((&found["result"], &found["on_fail"]), (&"failed".into(), &"block".into()));
    let files =
        json(&std::fs::read_to_string(world.path("data/bucket/meta/stadtbus-fahrplan/trips/files.json")).unwrap());
    let dates: Vec<&Value> = files["files"].as_array().unwrap().iter().map(|file| &file["partition_date"]).collect();
    assert_eq!(dates, [yesterday.as_str()]);
}

#[test]
fn a_line_that_lost_trips_and_a_stop_that_moved_are_told() {
    let (world, _, today) = with_a_timetable_of_yesterday();
    let of_line = |line: &str| line.split(',').any(|cell| cell == "S3");
    changed(&world, "trips.txt", |text| lines(text, |number, line| !of_line(line) || number % 2 == 0));
    changed(&world, "stops.txt", |text| {
        let text = String::from_utf8(text).unwrap();
        let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
        let latitude = rows[0].split(',').position(|name| name == "stop_lat").unwrap();
        let mut cells: Vec<String> = rows[5].split(',').map(str::to_owned).collect();
        // 0.0018 degrees are 200 m.
        cells[latitude] = format!("{:.6}", cells[latitude].parse::<f64>().unwrap() + 0.0018);
        rows[5] = cells.join(",");
        Some((rows.join("\n") + "\n").into_bytes())
    });
    let run = world.program(&["run", "stadtbus-fahrplan"]);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let moved = result(&world, "stadtbus-fahrplan", &today, "stops.stop_stayed_in_place");
    assert_eq!((&moved["result"], &moved["rows"]), (&"warning".into(), &1.into()), "{moved:#}");
    let shrunk = result(&world, "stadtbus-fahrplan", &today, "trips.route_kept_its_trips");
    assert_eq!(shrunk["result"], "warning");
    assert!((20..400).contains(&shrunk["rows"].as_u64().unwrap()), "{shrunk:#}");
    assert_eq!(result(&world, "stadtbus-fahrplan", &today, "trips.trips_not_halved")["result"], "passed");
}

#[test]
fn findings_of_the_program_are_explained() {
    let world = World::new();
    for id in
        ["vehicle_locations.same_position", "gtfs_realtime.damaged_entity", "gtfs.unused_trip", "stops.quotes_in_value"]
    {
        let output = world.program(&["rules", "explain", id]);
        assert!(output.status.success(), "{id}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
