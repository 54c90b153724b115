//! A broken feed gives one clear error and exit code 42 in bounded memory, and what was published before stays.

use std::io::{Cursor, Read, Write};
use std::path::Path;

use crate::world::{World, files, python};

const FEED: &str = "data/sample/stadtbus-gtfs.zip";
/// What a run of a broken feed may take at most, MiB.
const MEMORY: u64 = 300;

/// The sample's timetable with one file changed; `None` takes it out.
pub(crate) fn changed(world: &World, name: &str, change: impl Fn(Vec<u8>) -> Option<Vec<u8>>) {
    let bytes = std::fs::read(world.path(FEED)).unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).unwrap();
        let entry_name = entry.name().unwrap().into_owned();
        let mut text = Vec::new();
        entry.read_to_end(&mut text).unwrap();
        let text = if entry_name == name { change(text) } else { Some(text) };
        if let Some(text) = text {
            out.start_file(entry_name, zip::write::SimpleFileOptions::default()).unwrap();
            out.write_all(&text).unwrap();
        }
    }
    std::fs::write(world.path(FEED), out.finish().unwrap().into_inner()).unwrap();
}

/// Publishes the sample, breaks its timetable, runs again and expects the message.
fn refused(break_it: impl Fn(&World), expected: &str) {
    let world = World::new();
    assert!(world.program(&["run", "stadtbus-fahrplan"]).status.success());
    let before = files(&world.path("data/bucket"));
    break_it(&world);
    let program = env!("CARGO_BIN_EXE_fahrtenbuch");
    let folder = world.path("").to_string_lossy().into_owned();
    let output = python("peak_memory.py", &[program, "-C", &folder, "run", "stadtbus-fahrplan"]);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(42), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains(expected), "{stderr}");
    let peak: u64 = stdout.lines().last().unwrap().parse().unwrap();
    assert!(peak < MEMORY, "{peak} MiB");
    assert_eq!(files(&world.path("data/bucket")), before);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_feed_without_stops_is_refused() {
    refused(|world| changed(world, "stops.txt", |_| None), "neither 'stops.txt' nor 'locations.geojson'");
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_text_file_with_a_nul_is_refused_with_its_row() {
    let nul = |mut text: Vec<u8>| {
        let third = text.split_inclusive(|byte| *byte == b'\n').take(2).map(<[u8]>::len).sum();
        text.insert(third, 0);
        Some(text)
    };
    refused(|world| changed(world, "trips.txt", nul), "trips.txt, row 3: the text has a NUL byte");
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_field_of_200_mb_is_refused() {
    let long = |mut text: Vec<u8>| {
        text.extend(b"x");
        // Not to be squeezed to nothing: that would be refused as a bomb.
        text.extend((0..200_000_000_u32).map(|i| b'a' + (i.wrapping_mul(2_654_435_761) >> 27) as u8 % 26));
        text.extend(b",,\n");
        Some(text)
    };
    refused(|world| changed(world, "stops.txt", long), "the record is longer than 8388608 bytes");
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_zip_bomb_of_10_gb_is_refused_whatever_it_says_of_its_size() {
    // One that lies about its size is stopped where the size that it claims is exceeded.
    for (manner, expected) in [("honest", "zip bomb"), ("lying", "larger than its declared uncompressed size")] {
        let bomb = |world: &World| {
            let feed = world.path(FEED).to_string_lossy().into_owned();
            let made = python("make_bomb.py", &[&feed, &feed, manner]);
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            assert!(Path::new(&feed).metadata().unwrap().len() < 200_000_000);
        };
        refused(bomb, expected);
    }
}

#[test]
fn of_an_archive_that_ends_in_the_middle_the_one_before_is_used() {
    let world = World::new();
    assert!(world.program(&["run", "stadtbus-fahrplan"]).status.success());
    let before = files(&world.path("data/bucket"));
    let bytes = std::fs::read(world.path(FEED)).unwrap();
    std::fs::write(world.path(FEED), &bytes[..bytes.len() / 2]).unwrap();
    let output = world.program(&["run", "stadtbus-fahrplan"]);
    assert!(output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("is a zip archive that is cut off or damaged, not a GTFS archive"), "{stderr}");
    assert_eq!(files(&world.path("data/bucket")), before);
}
