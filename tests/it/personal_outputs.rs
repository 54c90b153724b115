//! What an auditor is given tells of no person: the answers of verify, replay, trace and lineage, the reports and the ledger, of a
//! workspace whose evidence has drivers, duties, plates and devices.

use std::path::Path;

use fahrtenbuch::capture::Capture;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::digest::Digest;
use fahrtenbuch::simulate::{Simulation, busplus};
use serde_json::{Value, json};

use crate::log::succeeds;
use crate::quarantine::hold;
use crate::world::{World, python};

const TELEMETRY: &str = "stadtbus-telemetrie";
const DATE: &str = "2026-11-24";
/// The simulated feeds have the first three; the others are planted in the feed of the app.
const PERSONAL: [&str; 6] =
    [r"Fahrer ?47\d\d", r"OG-FB", r"ofg-1\d\d", r"Dienst ?88\d\d", r"35-209900-17", r"Mustermeier"];

/// The sample, with what the app of a bus could tell of its driver in each answer.
fn city() -> World {
    let world = World::with_busplus();
    world.keep_publication();
    let evidence = world.path("data/sample/evidence");
    std::fs::remove_dir_all(evidence.join(busplus::SOURCE)).unwrap();
    let simulation = Simulation::new(1, DATE.parse().unwrap(), false).unwrap();
    let noon = simulation.day.zero + 12 * 3600;
    for at in (noon..noon + 3_600).step_by(300) {
        let mut document: Value = serde_json::from_slice(&busplus::document(&simulation, at).unwrap()).unwrap();
        for (number, vehicle) in document["fahrzeuge"].as_array_mut().unwrap().iter_mut().enumerate() {
            vehicle["fahrer"] = json!({"name": "Erika Mustermeier", "dienst": format!("Dienst {}", 8800 + number)});
            vehicle["geraet"] = format!("35-209900-17{number:04}").into();
        }
        let body = document.to_string().into_bytes();
        let captured_at = jiff::Timestamp::from_second(at).unwrap();
        let digest = Digest::of(&body);
        let url = "https://app.example".to_owned();
        let capture = Capture { url, captured_at, status: 200, headers: Vec::new(), body: body.into(), digest };
        Store::new(&evidence).append(busplus::SOURCE, &capture).unwrap();
    }
    world.replace_first("fahrtenbuch.yaml", "people:", "signing: {origin: stadt.example/bus}\npeople:");
    hold(&world, "schemas/gtfs-realtime/vehicle_positions.odcs.yaml", "test_trip", "trip_id LIKE 'unbekannt%'");
    world
}

/// Files of a folder that have one of these texts; the folder has a table, without which nothing would have been searched.
fn search(folder: &Path) -> (bool, String) {
    let folder = folder.to_string_lossy();
    let output = python("find_personal.py", &[&[&*folder][..], &PERSONAL].concat());
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn nothing_that_an_auditor_is_given_tells_a_driver_a_duty_a_plate_or_a_device() {
    let world = city();
    let key = succeeds(&world, &["key", "new"]).lines().next().unwrap().to_owned();
    world.run();
    // Rows that were decided about, and a date of a table that left the public.
    let rows = format!("{TELEMETRY}/vehicle_locations");
    let by = ["--by", "Datenmanagement", "--reason", "Testfahrt"];
    succeeds(&world, &[&["quarantine", "discard", &rows, "--date", DATE, "--all"], &by[..]].concat());
    world.run();
    succeeds(&world, &[&["withdraw", "busplus/vehicle_locations", "--date", DATE], &by[..]].concat());

    let out = world.path("out");
    let mut answers = 0;
    let mut keep = |arguments: &[&str], codes: &[i32]| {
        // What is made again is told in both languages by the JSON.
        let forms: &[&[&str]] = match arguments[0] {
            "lineage" => &[&[]],
            "replay" => &[&["--json"]],
            _ => &[&[], &["--json"], &["--lang", "de"]],
        };
        for form in forms {
            // What is told while it works may be kept with the answer.
            let output = world.program(&[&["-v"], arguments, *form].concat());
            let told = [&output.stdout[..], &output.stderr].concat();
            let text = String::from_utf8_lossy(&told);
            assert!(output.status.code().is_some_and(|code| codes.contains(&code)), "{arguments:?} {form:?}: {text}");
            assert!(told.len() > 20, "{arguments:?}");
            answers += 1;
            world.write(&format!("out/answer-{answers}.txt"), &text);
        }
    };
    let bucket = world.path("data/bucket").to_string_lossy().into_owned();
    keep(&["verify", &bucket, "--key", &key], &[0]);
    for record in std::fs::read_dir(world.path("data/bucket/ledger/records")).unwrap() {
        let name = record.unwrap().file_name().to_string_lossy().into_owned();
        keep(&["replay", &format!("ledger/records/{name}")], &[0, 42]);
    }
    for key in
        ["event_timestamp=2026-11-24T11:10:55Z", "trip_id_scheduled=unbekannt-11", "trip_id_scheduled=S1-mo-fr-1200-0"]
    {
        keep(&["trace", &rows, key, "--date", DATE, "--limit", "100"], &[0, 4]);
    }
    keep(&["trace", "busplus/vehicle_locations", "event_timestamp=2026-11-24T11:10:00Z", "--date", DATE], &[0, 4]);
    for format in ["openlineage", "in-toto", "dsse"] {
        for dataset in [TELEMETRY, "stadtbus-fahrplan"] {
            keep(&["lineage", dataset, "--format", format], &[0]);
        }
    }
    let into = |name: &str| out.join(name).to_string_lossy().into_owned();
    succeeds(&world, &["replay", &rows, DATE, "--into", &into("again")]);
    for language in ["de", "en"] {
        succeeds(&world, &["report", "audit", "--year", "2026", "--lang", language, "--into", &into("audit")]);
        let file = into(&format!("process.{language}.html"));
        succeeds(&world, &["report", "process", "--lang", language, "--output", &file]);
    }
    assert!(answers > 20, "{answers}");
    let (is_clean, said) = search(&out);
    assert!(is_clean, "{said}");
    // The bucket has the ledger, and all that is published.
    let (is_clean, said) = search(&world.path("data/bucket"));
    assert!(is_clean, "{said}");
    // The same search finds all of it where it is: in the evidence, and so in what is kept of held rows.
    let shown = out.join("shown");
    std::fs::create_dir_all(&shown).unwrap();
    let store = Store::new(world.path("data/sample/evidence"));
    let at =
        jiff::Timestamp::from_second(Simulation::new(1, DATE.parse().unwrap(), false).unwrap().day.zero + 13 * 3600)
            .unwrap();
    for (number, source) in ["stadtbus-vehicle-positions", busplus::SOURCE].into_iter().enumerate() {
        let newest = store.latest(source, at).unwrap().unwrap();
        let listed =
            store.list(source, newest.captured_at, newest.captured_at + jiff::SignedDuration::from_secs(1)).unwrap();
        std::fs::write(shown.join(format!("{number}.bin")), store.open(&listed.entries[0]).unwrap().body).unwrap();
    }
    let (is_clean, said) = search(&out);
    let missing: Vec<&&str> = PERSONAL.iter().filter(|pattern| !said.contains(**pattern)).collect();
    assert!(!is_clean && missing.is_empty(), "{missing:?}: {said}");
}
