//! Archives as people make them, after public bug reports (`tests/cases/gtfs`): packed in other ways, with other names.

use std::io::{Cursor, Read, Write};
use std::process::Output;

use arrow_array::cast::AsArray;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::readable::notes;
use crate::world::{World, files, root};

const FEED: &str = "data/sample/stadtbus-gtfs.zip";

fn case(name: &str) -> Vec<u8> {
    std::fs::read(root().join("tests/cases/gtfs").join(name).join("feed.zip")).unwrap()
}

/// A workspace that publishes this archive, on a date on which it holds.
fn world(archive: &[u8]) -> World {
    let world = World::at("2026-11-24T12:00:00Z");
    std::fs::write(world.path(FEED), archive).unwrap();
    world
}

fn run(archive: &[u8]) -> (World, Option<i32>, Value, String) {
    let world = world(archive);
    let output = world.program(&["run", "stadtbus-fahrplan", "--json"]);
    let results: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (world, output.status.code(), results[0]["record"].clone(), said)
}

fn validate(archive: &[u8]) -> (Option<i32>, Value) {
    let world = world(archive);
    let feed = world.path(FEED).to_string_lossy().into_owned();
    let output: Output = world.program(&["validate", &feed, "--date", "2026-11-24", "--format", "json"]);
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

fn codes(report: &Value) -> Vec<&str> {
    report["notices"].as_array().unwrap().iter().map(|notice| notice["code"].as_str().unwrap()).collect()
}

/// The table's rows of a record: in, published.
fn rows(record: &Value, table: &str) -> (u64, u64) {
    let tables = record["tables"].as_array().unwrap();
    let found = tables.iter().find(|entry| entry["table"] == table).unwrap_or_else(|| panic!("no {table}"));
    (found["rows_in"].as_u64().unwrap(), found["published"].as_u64().unwrap())
}

/// The published texts of a column.
fn texts(world: &World, table: &str, column: &str) -> Vec<Option<String>> {
    let all = files(&world.path(&format!("data/bucket/data/stadtbus-fahrplan/{table}")));
    let bytes = all.into_values().next().unwrap_or_else(|| panic!("no file of {table}"));
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap().build().unwrap();
    let mut out = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let cells = batch.column_by_name(column).unwrap().as_string::<i32>().clone();
        out.extend(cells.iter().map(|cell| cell.map(str::to_owned)));
    }
    out
}

#[test]
fn deflate64_is_read() {
    let archive = case("deflate64");
    let (_, code, record, said) = run(&archive);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(rows(&record, "stops"), (5, 5));
    let (code, report) = validate(&archive);
    assert!(matches!(code, Some(0 | 3)));
    assert!(!codes(&report).contains(&"i_o_error"), "{:?}", codes(&report));
}

#[test]
fn bzip2_is_named_for_what_it_is() {
    let archive = case("bzip2");
    let (_, code, _, said) = run(&archive);
    assert_eq!(code, Some(42), "{said}");
    assert!(said.contains("is packed with bzip2, which is not read. Zip it with Deflate"), "{said}");
    assert!(!said.contains("damaged"), "{said}");
    let (_, report) = validate(&archive);
    let failed = report["notices"].as_array().unwrap().iter().find(|notice| notice["code"] == "i_o_error").unwrap();
    assert!(failed["sampleNotices"][0]["message"].as_str().unwrap().contains("packed with bzip2"), "{failed}");
}

/// The same archive with the method of every entry changed, in both of its headers.
fn with_method(archive: &[u8], method: u16) -> Vec<u8> {
    let mut bytes = archive.to_vec();
    for (signature, at) in [(b"PK\x03\x04", 8), (b"PK\x01\x02", 10)] {
        let places: Vec<usize> = memchr::memmem::find_iter(archive, signature).collect();
        for place in places {
            bytes[place + at..place + at + 2].copy_from_slice(&method.to_le_bytes());
        }
    }
    bytes
}

#[test]
fn every_other_packing_is_named_and_never_called_damage() {
    for (method, name) in [(14, "LZMA"), (93, "Zstandard"), (95, "XZ"), (98, "PPMd"), (6, "Implode"), (77, "method 77")]
    {
        let (_, code, _, said) = run(&with_method(&case("upper-case-optional"), method));
        assert_eq!(code, Some(42), "{said}");
        assert!(said.contains(&format!("is packed with {name}, which is not read")), "{said}");
    }
}

#[test]
fn upper_case_optional_files_are_published_and_told() {
    let archive = case("upper-case-optional");
    let (_, code, record, said) = run(&archive);
    assert_eq!(code, Some(0), "{said}");
    assert!(rows(&record, "calendar_dates").1 > 0 && rows(&record, "shapes").1 > 0);
    let told = notes(&record, "gtfs.file_name_letter_case");
    assert!(
        told.contains(
            &"'Calendar_Dates.txt' is read as 'calendar_dates.txt': the names of files are written in small letters"
                .to_owned()
        ),
        "{told:?}"
    );
    assert!(told.iter().any(|note| note.starts_with("'SHAPES.TXT' is read as 'shapes.txt'")), "{told:?}");
    let (_, report) = validate(&archive);
    assert_eq!(report["filesInOtherLetterCase"].as_array().unwrap().len(), 2, "{report}");
}

#[test]
fn upper_case_names_are_read_alike_by_run_and_validate() {
    let archive = case("upper-case-names");
    let (world, code, record, said) = run(&archive);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(rows(&record, "stops").0, texts(&world, "stops", "stop_id").len() as u64);
    assert!(notes(&record, "gtfs.file_name_letter_case")[0].starts_with("'Stops.TXT' is read as 'stops.txt'"));
    let (_, report) = validate(&archive);
    assert_eq!(report["filesInOtherLetterCase"][0]["file"], "Stops.TXT");
    assert!(!codes(&report).contains(&"missing_required_file"));
}

#[test]
fn of_two_files_that_differ_in_letter_case_the_exact_one_is_read() {
    let mut archive = zip::ZipWriter::new_append(Cursor::new(case("zip-comment"))).unwrap();
    archive.start_file("STOPS.txt", zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(b"stop_id\nx\n").unwrap();
    let archive = archive.finish().unwrap().into_inner();
    let (_, code, record, said) = run(&archive);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(rows(&record, "stops"), (5, 5));
    assert!(notes(&record, "gtfs.unknown_file")[0].starts_with("'STOPS.txt'"));
    let (_, report) = validate(&archive);
    assert!(
        codes(&report).contains(&"unknown_file") && report["filesInOtherLetterCase"].as_array().unwrap().is_empty()
    );
}

#[test]
fn flex_bom_before_the_zones_is_ignored() {
    let archive = case("flex-bom");
    let (world, code, _, said) = run(&archive);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(texts(&world, "locations", "stop_name"), [Some("Zone Süd".to_owned())]);
    assert!(!codes(&validate(&archive).1).contains(&"malformed_json"));
}

#[test]
fn flex_plain_properties_that_are_null_are_absent() {
    let (world, code, _, said) = run(&case("flex-plain"));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(texts(&world, "locations", "stop_name"), [Some("Zone Süd".to_owned())]);
    assert_eq!(texts(&world, "locations", "stop_desc"), [None]);
}

#[test]
fn backslash_names_are_told_with_the_file_that_is_meant() {
    let archive = case("backslash-names");
    let (_, code, _, said) = run(&archive);
    assert_eq!(code, Some(42), "{said}");
    assert!(
        said.contains("'agency.txt' is missing at the top of the archive; there is 'gtfs\\\\agency.txt'"),
        "{said}"
    );
    // The same made on MS-DOS, where the character stands between folders.
    let mut made_on_dos = archive.clone();
    for place in memchr::memmem::find_iter(&archive, b"PK\x01\x02") {
        made_on_dos[place + 5] = 0;
    }
    let (_, report) = validate(&made_on_dos);
    assert!(codes(&report).contains(&"invalid_input_files_in_subfolder"), "{:?}", codes(&report));
    assert!(!codes(&report).contains(&"unknown_file"), "{:?}", codes(&report));
}

#[test]
fn zip_comment_with_the_signature_of_the_end_is_read() {
    let (_, code, record, said) = run(&case("zip-comment"));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(rows(&record, "stops"), (5, 5));
    // Two files of the same name are told behind such a comment, too.
    let mut twice = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut archive = zip::ZipArchive::new(Cursor::new(case("zip-comment"))).unwrap();
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).unwrap();
        let mut text = Vec::new();
        entry.read_to_end(&mut text).unwrap();
        twice.start_file(entry.name().unwrap().into_owned(), zip::write::SimpleFileOptions::default()).unwrap();
        twice.write_all(&text).unwrap();
    }
    twice.start_file("stopt.txt", zip::write::SimpleFileOptions::default()).unwrap();
    twice.set_comment("PK\u{5}\u{6} and more text behind it").unwrap();
    let mut twice = twice.finish().unwrap().into_inner();
    while let Some(place) = memchr::memmem::find(&twice, b"stopt.txt") {
        twice[place + 4] = b's';
    }
    let (_, code, _, said) = run(&twice);
    assert_eq!(code, Some(42), "{said}");
    assert!(said.contains("two files of the same name"), "{said}");
}

#[test]
fn mac_zip_is_read_without_a_word_of_the_files_that_a_mac_adds() {
    let archive = case("mac-zip");
    let (_, code, record, said) = run(&archive);
    assert_eq!(code, Some(0), "{said}");
    assert!(notes(&record, "gtfs.unknown_file").is_empty(), "{:?}", record["notes"]);
    assert!(!codes(&validate(&archive).1).contains(&"unknown_file"));
}
