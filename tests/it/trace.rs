//! From a published row back to the bytes that it was made of, or why a row is not there.

use std::io::Read;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::purge::{DATES, DUE, collected, purge};
use crate::quarantine::hold;
use crate::world::World;

const LOCATIONS: &str = "stadtbus-telemetrie/vehicle_locations";
const DATE: &str = "2026-11-24";
const CONTRACT: &str = "schemas/gtfs-realtime/vehicle_positions.odcs.yaml";

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The answer as data; the exit code is to be this one.
fn trace(world: &World, code: i32, arguments: &[&str]) -> Value {
    let output = world.program(&[&["trace", "--json"], arguments].concat());
    let (found, stdout, stderr) = said(&output);
    assert_eq!(found, Some(code), "{arguments:?} {stdout} {stderr}");
    serde_json::from_str(&stdout).unwrap()
}

fn rows(answer: &Value) -> &Vec<Value> {
    answer["rows"].as_array().unwrap()
}

fn reasons(answer: &Value) -> Vec<&str> {
    answer["reasons"].as_array().unwrap().iter().map(|reason| reason["kind"].as_str().unwrap()).collect()
}

/// The body of the record at the place that evidence names, read as any WARC tool does.
fn body(evidence: &Value) -> Vec<u8> {
    let number = |name: &str| usize::try_from(evidence[name].as_u64().unwrap()).unwrap();
    let archive = std::fs::read(Path::new(evidence["archive"].as_str().unwrap())).unwrap();
    let member = &archive[number("offset")..number("offset") + number("length")];
    let mut record = Vec::new();
    flate2::read::MultiGzDecoder::new(member).read_to_end(&mut record).unwrap();
    let record = &record[number("skip")..];
    let end = |bytes: &[u8]| bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let head = end(record);
    let text = String::from_utf8_lossy(&record[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
    let content = &record[head..head + length.trim().parse::<usize>().unwrap()];
    let body = if content.starts_with(b"HTTP/") { &content[end(content)..] } else { content };
    let digest = fahrtenbuch::digest::Digest::of(body).to_string();
    assert_eq!(digest, evidence["sha256"].as_str().unwrap(), "{evidence}");
    body.to_vec()
}

/// The fields of a protobuf message: the number, and the bytes or the value.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (byte, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let length = match tag & 7 {
            0 => {
                let value = varint(&mut bytes);
                found.push((tag >> 3, value.to_le_bytes().to_vec()));
                continue;
            }
            1 => 8,
            2 => varint(&mut bytes) as usize,
            5 => 4,
            kind => panic!("the wire type {kind}"),
        };
        let (value, rest) = bytes.split_at(length);
        found.push((tag >> 3, value.to_vec()));
        bytes = rest;
    }
    found
}

fn field(bytes: &[u8], number: u64) -> Option<Vec<u8>> {
    fields(bytes).into_iter().find(|(of, _)| *of == number).map(|(_, value)| value)
}

/// The vehicle that stands at the place of a row in its FeedMessage.
fn vehicle(row: &Value) -> Vec<u8> {
    let message = body(&row["evidence"]);
    let place = row["evidence"]["row"].as_u64().unwrap() as usize;
    let entities: Vec<Vec<u8>> = fields(&message).into_iter().filter(|(of, _)| *of == 2).map(|(_, of)| of).collect();
    field(&entities[place], 4).unwrap()
}

/// So many of the rows, by a seed.
fn some(rows: &[Value], count: usize, seed: u64) -> Vec<&Value> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut places: Vec<usize> = (0..rows.len()).collect();
    dice.shuffle(&mut places);
    places.into_iter().take(count).map(|place| &rows[place]).collect()
}

#[test]
fn fifty_published_positions_are_traced_to_messages_that_hold_their_values() {
    let world = World::new();
    world.run();
    let all = trace(&world, 0, &[LOCATIONS, &format!("service_date={DATE}"), "--date", DATE]);
    let published: Vec<Value> = rows(&all).iter().filter(|row| row["fate"] == "published").cloned().collect();
    let dropped: Vec<&Value> = rows(&all).iter().filter(|row| row["fate"] == "dropped").collect();
    assert!(published.len() >= 50, "{}", published.len());
    for row in some(&published, 50, 20) {
        let (vehicle, values) = (vehicle(row), &row["values"]);
        let position = field(&vehicle, 2);
        for (number, column) in [(1, "latitude"), (2, "longitude")] {
            let Some(shown) = values[column].as_f64() else { continue };
            let bytes = field(position.as_ref().unwrap(), number).unwrap();
            let sent = f32::from_le_bytes(bytes.try_into().unwrap());
            // What is shown is the shortest decimal of the 32 bits that were sent.
            assert_eq!((shown as f32).to_bits(), sent.to_bits(), "{row}");
        }
        if let (Some(trip), Some(shown)) = (field(&vehicle, 1), values["trip_id_scheduled"].as_str()) {
            assert_eq!(String::from_utf8(field(&trip, 1).unwrap()).unwrap(), shown);
        }
        let [en, de] = ["en", "de"].map(|language| row["evidence"]["place"][language].as_str().unwrap());
        assert!(en.starts_with(&format!("entity {} of the FeedMessage", row["evidence"]["row"])), "{en}");
        assert!(de.contains("FeedMessage"), "{de}");
    }
    for row in some(&dropped.into_iter().cloned().collect::<Vec<_>>(), 20, 21) {
        assert_eq!(row["rules"], serde_json::json!(["vehicle_locations.same_position"]));
    }
    // By its key alone, without a date, it is the same place; the raw id of the vehicle is in no answer.
    let one = some(&published, 1, 22)[0];
    let id = one["values"]["location_ping_id"].as_str().unwrap();
    let again = trace(&world, 0, &[LOCATIONS, id]);
    assert!(rows(&again).iter().any(|row| row["evidence"] == one["evidence"] && row["fate"] == "published"), "{again}");
    assert_eq!(again["date"], DATE);
    let record = again["rows"][0]["file"]["record"].as_str().unwrap();
    assert!(world.path("data/bucket").join(record).exists(), "{record}");
    let raw = field(&vehicle(one), 8).and_then(|of| field(&of, 1));
    let raw = String::from_utf8(raw.unwrap()).unwrap();
    let values = |answer: &Value| rows(answer).iter().map(|row| row["values"].to_string()).collect::<String>();
    assert!(!values(&all).contains(&format!("\"{raw}\"")) && !values(&again).contains(&format!("\"{raw}\"")));
    let (_, text, _) = said(&world.program(&["trace", LOCATIONS, id, "--lang", "de"]));
    assert!(
        text.contains("veröffentlicht") && text.contains("Beleg") && !text.contains(&format!(" {raw}\n")),
        "{text}"
    );
}

#[test]
fn rows_of_a_timetable_are_traced_to_the_lines_of_its_files() {
    let world = World::new();
    world.run_of(&["stadtbus-fahrplan"]);
    let mut lines = 0;
    for (table, column) in [("stop_times", "pickup_type"), ("trips", "direction_id")] {
        let name = format!("stadtbus-fahrplan/{table}");
        let all = trace(&world, 0, &[&name, &format!("{column}=0")]);
        let all = match rows(&all).is_empty() {
            true => trace(&world, 0, &[&name, &format!("{column}=")]),
            false => all,
        };
        for row in some(rows(&all), 50, 7) {
            let evidence = &row["evidence"];
            let archive = body(evidence);
            let mut archive = zip::ZipArchive::new(std::io::Cursor::new(archive)).unwrap();
            let mut text = String::new();
            archive.by_name(&format!("{table}.txt")).unwrap().read_to_string(&mut text).unwrap();
            let line = evidence["row"].as_u64().unwrap() as usize;
            let (header, line) = (text.lines().next().unwrap(), text.lines().nth(line - 1).unwrap());
            let place = header.trim_start_matches('\u{feff}').split(',').position(|name| name == "trip_id").unwrap();
            assert_eq!(line.split(',').nth(place).unwrap(), row["values"]["trip_id"].as_str().unwrap());
            lines += 1;
        }
    }
    assert!(lines >= 60, "{lines}");
}

#[test]
fn a_row_of_an_app_is_traced_to_its_place_in_the_document() {
    let world = World::with_busplus();
    world.run();
    let name = "busplus/vehicle_locations";
    let all = trace(&world, 0, &[name, &format!("service_date={DATE}"), "--date", DATE]);
    for row in some(rows(&all), 50, 3) {
        let document: Value = serde_json::from_slice(&body(&row["evidence"])).unwrap();
        let place = row["evidence"]["row"].as_u64().unwrap() as usize;
        assert!(row["evidence"]["place"]["en"].as_str().unwrap().ends_with(&format!("fahrzeuge[{place}]")));
        let Some(latitude) = row["values"]["latitude"].as_f64() else { continue };
        assert_eq!(document["fahrzeuge"][place]["position"]["lat"].as_f64().unwrap(), latitude);
    }
}

#[test]
fn rows_in_quarantine_are_explained_by_the_rules_that_hold_them_and_what_to_do() {
    let world = World::new();
    hold(&world, CONTRACT, "test_trip", "trip_id LIKE 'unbekannt%'");
    world.run();
    let answer = trace(&world, 0, &[LOCATIONS, "trip_id_scheduled=unbekannt-11", "--date", DATE]);
    let held: Vec<&Value> = rows(&answer).iter().filter(|row| row["fate"] == "held").collect();
    assert!(!held.is_empty(), "{answer}");
    for row in held.iter().take(20) {
        assert_eq!(row["rules"], serde_json::json!(["vehicle_positions.test_trip"]), "{row}");
        assert!(row["since"].is_string() && row["quarantine_id"].is_string() && row["values"].is_null(), "{row}");
        let trip = field(&vehicle(row), 1).unwrap();
        assert_eq!(String::from_utf8(field(&trip, 1).unwrap()).unwrap(), "unbekannt-11");
    }
    let (_, text, _) = said(&world.program(&["trace", LOCATIONS, "trip_id_scheduled=unbekannt-11", "--date", DATE]));
    assert!(text.contains("held in quarantine since") && text.contains("fahrtenbuch quarantine release"), "{text}");
    // Without a date it is found by what the quarantine has.
    assert_eq!(trace(&world, 0, &[LOCATIONS, "trip_id_scheduled=unbekannt-11"])["date"], DATE);
    // The trace left nothing behind.
    let left = std::fs::read_dir(world.path("data/private/staging")).into_iter().flatten().flatten();
    assert_eq!(left.filter(|entry| entry.file_name().to_string_lossy().starts_with(".trace")).count(), 0);
}

#[test]
fn a_row_that_never_came_and_a_wrong_key_are_told_apart() {
    let world = World::new();
    world.run();
    let answer = trace(&world, 4, &[LOCATIONS, "location_ping_id=nobody-0000", "--date", DATE]);
    assert_eq!(reasons(&answer), ["never_received"]);
    let answer = trace(&world, 0, &[LOCATIONS, "location_ping_id=nobody-0000", "--date", "2026-11-01"]);
    assert!(["no_evidence", "not_run"].contains(&reasons(&answer)[0]), "{answer}");
    // Rows of the sample's positions are held, so that the quarantine tells where to look; of the timetable's stops none are.
    assert_eq!(trace(&world, 4, &[LOCATIONS, "location_ping_id=nobody-0000"])["date"], DATE);
    let answer = trace(&world, 4, &["stadtbus-fahrplan/stops", "stop_id=nowhere"]);
    assert_eq!((reasons(&answer), &answer["date"]), (vec!["no_date"], &Value::Null));
    for (arguments, names) in [
        (vec![LOCATIONS, "ping=1"], "location_ping_id=…"),
        (vec![LOCATIONS, "a", "b"], "location_ping_id=…"),
        (vec!["stadtbus-fahrplan/stop_times", "trip_id=1"], "stop_sequence=…"),
        (vec![LOCATIONS, "license_plate=OG-AB 1"], "location_ping_id=…"),
        (vec!["stadtbus-telemetrie/stops", "stop_id=1"], "vehicle_locations"),
        (vec![LOCATIONS, "event_timestamp=soon"], "instants like"),
    ] {
        let (code, _, stderr) = said(&world.program(&[&["trace"], arguments.as_slice()].concat()));
        assert_eq!(code, Some(2), "{arguments:?} {stderr}");
        assert!(stderr.contains(names), "{arguments:?} {stderr}");
    }
}

#[test]
fn a_row_that_was_withdrawn_says_when_and_why() {
    let world = World::new();
    world.run();
    let first = trace(&world, 0, &[LOCATIONS, &format!("service_date={DATE}"), "--date", DATE]);
    let published = rows(&first).iter().find(|row| row["fate"] == "published").unwrap();
    let id = published["values"]["location_ping_id"].as_str().unwrap();
    let withdraw =
        ["withdraw", "stadtbus-telemetrie", "--date", DATE, "--by", "Datenmanagement", "--reason", "Ein Versehen"];
    let (code, stdout, stderr) = said(&world.program(&withdraw));
    assert_eq!(code, Some(0), "{stdout} {stderr}");
    let answer = trace(&world, 0, &[LOCATIONS, id, "--date", DATE]);
    assert_eq!(reasons(&answer), ["withdrawn"]);
    assert!(answer["reasons"][0]["said"]["en"].as_str().unwrap().contains("Ein Versehen"), "{answer}");
    assert_eq!(rows(&answer)[0]["fate"], "not_published");
}

#[test]
fn a_derived_row_names_the_rows_that_it_is_made_of() {
    let world = World::new();
    world.run();
    let name = "stadtbus-telemetrie/trips_observed";
    let all = trace(&world, 0, &[name, &format!("service_date={DATE}"), "--date", DATE]);
    let observed = rows(&all).iter().find(|row| row["values"]["reports"].as_i64().unwrap_or(0) > 0).unwrap();
    let trip = observed["values"]["trip_id_scheduled"].as_str().unwrap();
    let start = &observed["values"]["trip_start_time"];
    let answer = trace(
        &world,
        0,
        &[name, &format!("trip_id_scheduled={trip}"), &format!("trip_start_time={start}"), "--date", DATE],
    );
    let made_of = rows(&answer)[0]["made_of"].as_array().unwrap();
    assert!(!made_of.is_empty(), "{answer}");
    assert!(made_of.iter().any(|of| of["table"] == "vehicle_locations"), "{answer}");
}

#[test]
fn rows_of_a_feed_with_faults_have_the_fates_that_the_record_counts_until_their_evidence_is_destroyed() {
    let mut world = collected(&DATES, "900");
    let output = world.program(&["run", "stadtbus-telemetrie", "--date", "2026-11-17", "--json"]);
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    let record = &results[0]["record"];
    let entry =
        record["tables"].as_array().unwrap().iter().find(|entry| entry["table"] == "vehicle_locations").unwrap();
    let all = trace(&world, 0, &[LOCATIONS, "service_date=2026-11-17", "--date", "2026-11-17"]);
    let count = |fate: &str| rows(&all).iter().filter(|row| row["fate"] == fate).count() as u64;
    let more = all["more"].as_u64().unwrap();
    let is_whole = more == 0;
    let number = |name: &str| entry[name].as_u64().unwrap_or(0);
    assert!(count("published") <= number("published") && count("held") <= number("quarantined"), "{entry}");
    if is_whole {
        assert_eq!((count("published"), count("held")), (number("published"), number("quarantined")), "{entry}");
    }
    for row in rows(&all) {
        for rule in row["rules"].as_array().unwrap() {
            let rule = rule.as_str().unwrap();
            let is_named = record["findings"].as_array().unwrap().iter().any(|finding| finding["rule"] == rule);
            assert!(is_named || entry["dropped"].as_object().unwrap().contains_key(rule), "{rule}");
        }
    }
    let published = rows(&all).iter().find(|row| row["fate"] == "published").unwrap();
    let id = published["values"]["location_ping_id"].as_str().unwrap();
    world.set_clock(DUE);
    purge(&world, &[]);
    let answer = trace(&world, 0, &[LOCATIONS, id]);
    assert_eq!(reasons(&answer), ["purged"]);
    let said = answer["reasons"][0]["said"]["en"].as_str().unwrap();
    assert!(said.contains("2027-12-19") && said.contains("retention") && said.contains("ledger/records/"), "{said}");
}

#[test]
fn a_row_is_told_as_published_only_where_the_file_has_it() {
    let world = World::new();
    world.run();
    let key = [LOCATIONS, "trip_id_scheduled=unbekannt-11", "--date", DATE];
    let before = trace(&world, 0, &key);
    assert!(reasons(&before).is_empty() && rows(&before).iter().any(|row| row["fate"] == "published"), "{before}");
    // A mapping that came since gives the row another trip: the file still has it as it was.
    world.write("mappings/trips.csv", "from,to\nunbekannt-11,unbekannt-12\n");
    let pipeline = "pipelines/stadtbus-telemetrie.yaml";
    world.replace(
        pipeline,
        "occupancy_source: apc\n",
        "occupancy_source: apc\nmappings: {trip_id: mappings/trips.csv}\n",
    );
    let published = rows(&before).iter().find(|row| row["fate"] == "published").unwrap();
    let id = published["values"]["location_ping_id"].as_str().unwrap();
    let after = trace(&world, 0, &[LOCATIONS, id, "--date", DATE]);
    assert!(rows(&after).iter().all(|row| row["fate"] != "published"), "{after}");
    assert!(reasons(&after).contains(&"other_inputs"), "{after}");
    assert_eq!(rows(&after)[0]["changes"][0]["what"], "mapped", "{after}");
}

/// What the documents and the help show, a reader types into the sample.
#[test]
fn the_examples_of_the_documents_name_rows_that_the_sample_has() {
    let world = World::new();
    world.run();
    let help = String::from_utf8(world.program(&["trace", "--help"]).stdout).unwrap();
    let read = |name: &str| std::fs::read_to_string(crate::world::root().join(name)).unwrap();
    let texts = [("README.md", read("README.md"), 1), ("docs/trace.md", read("docs/trace.md"), 4), ("--help", help, 3)];
    for (name, text, count) in texts {
        let begin = "fahrtenbuch trace ";
        let commands = text.match_indices(begin).map(|(at, _)| &text[at + begin.len()..]);
        let commands: Vec<&str> = commands
            .filter(|rest| rest.starts_with("stadtbus-"))
            .map(|rest| rest.split(['`', '\n']).next().unwrap().trim())
            .collect();
        assert_eq!(commands.len(), count, "{name}: {commands:?}");
        for command in commands {
            let arguments: Vec<&str> = command.split_whitespace().filter(|word| *word != "--json").collect();
            let answer = trace(&world, 0, &arguments);
            let found = rows(&answer);
            assert!(!found.is_empty(), "{name}: {command}: {answer}");
            assert!(found.iter().any(|row| row["fate"] == "published"), "{name}: {command}: {found:?}");
        }
    }
}

/// The file of a date, below the bucket.
fn file_of(world: &World, table: &str, date: &str) -> String {
    let files = world.files_json(table);
    let found = files["files"].as_array().unwrap().iter().find(|file| file["partition_date"] == date);
    found.unwrap()["path"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_said_of_a_published_row_is_of_the_bytes_that_the_index_names() {
    let world = World::new();
    world.run();
    let path = world.path("data/bucket").join(file_of(&world, LOCATIONS, DATE));
    let whole = std::fs::read(&path).unwrap();
    let refused = |expected: &str| {
        for more in [&["--date", DATE][..], &[]] {
            let (code, stdout, stderr) =
                said(&world.program(&[&["trace", LOCATIONS, "service_date=2026-11-24"], more].concat()));
            assert_eq!(code, Some(42), "{stdout} {stderr}");
            assert!(stderr.contains(expected) && stdout.is_empty(), "{expected}: {stdout} {stderr}");
        }
    };
    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle..middle + 64].fill(0);
    std::fs::write(&path, &changed).unwrap();
    refused("has other bytes than its index");
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    refused("has other bytes than its index");
    let others = file_of(&world, "stadtbus-telemetrie/trip_updates", DATE);
    std::fs::copy(world.path("data/bucket").join(others), &path).unwrap();
    refused("has other bytes than its index");
    std::fs::remove_file(&path).unwrap();
    refused("it is not there");
    std::fs::write(&path, &whole).unwrap();
    // An index that was manipulated leads nowhere else.
    let folder = world.path("data/bucket/meta/stadtbus-telemetrie/vehicle_locations/index");
    let newest = crate::world::files(&folder).into_keys().next_back().unwrap();
    let index = std::fs::read_to_string(folder.join(&newest)).unwrap();
    std::fs::copy(&path, world.path("outside.parquet")).unwrap();
    let name = file_of(&world, LOCATIONS, DATE);
    std::fs::write(folder.join(&newest), index.replace(&name, "../../outside.parquet")).unwrap();
    refused("which is no file of the bucket");
    // One that was taken away does not leave the version before it in its place.
    std::fs::write(
        folder.join(&newest),
        index.replace("vehicle_locations/partition_date", "vehicle_locations/./partition_date"),
    )
    .unwrap();
    refused("which is no file of the bucket");
    std::fs::remove_file(folder.join(&newest)).unwrap();
    refused("the log names this version, and it is not there");
    for command in [&["lineage", "stadtbus-telemetrie"][..], &["replay", LOCATIONS, DATE]] {
        let (code, stdout, stderr) = said(&world.program(command));
        assert_eq!(code, Some(42), "{command:?} {stdout} {stderr}");
        assert!(stderr.contains("the log names this version"), "{command:?} {stdout} {stderr}");
    }
    std::fs::write(folder.join(&newest), &index).unwrap();
    let (code, _, stderr) = said(&world.program(&["trace", LOCATIONS, "service_date=2026-11-24"]));
    assert_eq!(code, Some(0), "{stderr}");
}
