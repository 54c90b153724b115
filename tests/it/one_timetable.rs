//! A timetable is read once: publication makes of its columns what it makes of its text, and a report tells the same of them
//! whether it is alone or beside publication.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use fahrtenbuch::contract::Kind;
use fahrtenbuch::contract::library::Library;
use fahrtenbuch::decode::gtfs::{Package, Timetable, TimetableReading, decode, decode_whole, read};
use fahrtenbuch::decode::{DecodeError, Decoded, Limits, Note, Step};
use fahrtenbuch::feed_rules::gtfs::{Options, validate};
use fahrtenbuch::feed_rules::report::Circumstances;
use fahrtenbuch::table::{Budget, Chunk, Origin};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use crate::world::{root, shared};

fn origin() -> Origin {
    Origin { name: "feed.zip".into(), captured_at: Timestamp::UNIX_EPOCH }
}

/// Whether two chunks are one.
fn is_same(one: &Chunk, other: &Chunk) -> bool {
    let told = |chunk: &Chunk| format!("{:?} {:?}", chunk.flaws, chunk.remarks);
    one.rows == other.rows && told(one) == told(other)
}

/// What a decoder gives, step by step.
struct Given {
    notes: Vec<Note>,
    steps: Box<dyn Iterator<Item = Result<Step, DecodeError>>>,
    timetable: Option<TimetableReading>,
}

fn given(decoded: Result<Decoded, DecodeError>) -> Given {
    match decoded {
        Ok(Decoded { notes, steps, timetable, .. }) => Given { notes, steps, timetable },
        Err(error) => Given { notes: Vec::new(), steps: Box::new(std::iter::once(Err(error))), timetable: None },
    }
}

/// Compares what is published of a feed's text and of its columns, of which at most `memory` bytes are held. The number of rows,
/// and the timetable beside them, if the feed can be published.
fn compared(archive: &Bytes, contracts: &Library, memory: usize) -> Result<(usize, Option<Timetable>), String> {
    let held = memory;
    let memory = (Limits::default(), Budget::new(held).reserve("test", held).unwrap());
    let mut of_columns = given(decode_whole("feed.zip", archive.clone(), &origin(), contracts, memory));
    let of_text = given(decode("feed.zip", archive.clone(), &origin(), contracts, Limits::default()));
    assert!(of_text.timetable.is_none());
    if of_text.notes != of_columns.notes {
        return Err(format!("{:?} and {:?}", of_text.notes, of_columns.notes));
    }
    let mut rows = 0;
    for (place, of_text) in of_text.steps.enumerate() {
        let differs = |of_columns: String| Err(format!("step {place} of the columns is {of_columns}"));
        match (of_text, of_columns.steps.next()) {
            (Ok(Step::Rows { table, chunk }), Some(Ok(Step::Rows { table: other_table, chunk: other }))) => {
                if table != other_table || !is_same(&chunk, &other) {
                    return Err(format!("step {place}, table {table}: {chunk:?} and {other:?}"));
                }
                rows += chunk.rows.num_rows();
            }
            (Ok(Step::End { table }), Some(Ok(Step::End { table: other }))) if table == other => {}
            (Ok(Step::Note(note)), Some(Ok(Step::Note(other)))) if note == other => {}
            (Err(error), Some(Err(other))) if error.to_string() == other.to_string() => return Ok((rows, None)),
            (_, None) => return differs("missing".to_owned()),
            (_, Some(Err(error))) => return differs(error.to_string()),
            (Err(error), _) => return differs(format!("not '{error}'")),
            _ => return differs("another".to_owned()),
        }
    }
    if of_columns.steps.next().is_some() {
        return Err("the columns give more steps".to_owned());
    }
    let timetable = of_columns.timetable.and_then(TimetableReading::wait);
    let Some((timetable, reserved)) = timetable else { return Err("there is no timetable".to_owned()) };
    // The lists of tables that were cut at once take more than nothing.
    if timetable.bytes.min(held) > reserved.bytes() {
        return Err(format!("{} bytes of {} are booked", reserved.bytes(), timetable.bytes));
    }
    Ok((rows, Some(timetable)))
}

fn report(timetable: Timetable) -> Value {
    let options = Options { date: "2026-11-24".parse().unwrap(), country: None, changes: Vec::new() };
    let how = Circumstances {
        input: String::new(),
        validated_at: Timestamp::UNIX_EPOCH,
        seconds: 0.0,
        country: None,
        output: None,
    };
    validate(timetable, &options).json(&how)
}

/// Compares both ways, and the reports if the feed can be published. How many rows are published.
fn agree(name: &str, archive: &Bytes, contracts: &Library) -> usize {
    // A country's feed has been compared enough.
    for memory in [0, 20_000].into_iter().filter(|_| archive.len() < 1 << 20) {
        compared(archive, contracts, memory).unwrap_or_else(|why| panic!("{name} within {memory} bytes: {why}"));
    }
    let (rows, timetable) = compared(archive, contracts, 1 << 30).unwrap_or_else(|why| panic!("{name}: {why}"));
    if let Some(timetable) = timetable {
        let all = Library::gtfs().overlaid(contracts.clone());
        let alone = read("feed.zip", Package::Archive(archive.clone()), &all, Limits::default()).unwrap();
        assert_eq!(report(timetable), report(alone), "{name}");
    }
    rows
}

fn archives(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            archives(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "zip") {
            found.push(path);
        }
    }
}

fn all_agree(folders: &[PathBuf]) -> usize {
    let mut found = Vec::new();
    folders.iter().for_each(|folder| archives(folder, &mut found));
    let mut published = 0;
    for feed in found {
        let archive = std::fs::read(&feed).unwrap().into();
        published += usize::from(agree(&feed.display().to_string(), &archive, &Library::gtfs()) > 0);
    }
    published
}

#[test]
fn feeds_of_the_repository_give_the_same_rows_and_reports_either_way() {
    let folders = ["tests/cases/gtfs", "tests/feeds", "data/sample"].map(|folder| root().join(folder));
    let published = all_agree(&folders);
    assert!(published >= 12, "{published}");
}

#[test]
#[cfg_attr(not(shared), ignore = "needs the collection of feeds and captures beside the checkout")]
fn real_feeds_give_the_same_rows_and_reports_either_way() {
    assert!(all_agree(&[shared("feeds")]) >= 8);
}

fn zipped(files: &[(&str, Vec<u8>)]) -> Bytes {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    // Rows that are all alike would look like a zip bomb.
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, text) in files {
        zip.start_file(*name, options).unwrap();
        zip.write_all(text).unwrap();
    }
    zip.finish().unwrap().into_inner().into()
}

/// A small feed in which these files replace others.
fn with(files: &[(&'static str, Vec<u8>)]) -> Bytes {
    let mut all: Vec<(&str, Vec<u8>)> = files.to_vec();
    for (name, text) in [
        ("agency.txt", "agency_id,agency_name,agency_url,agency_timezone\n1,A,https://a.de,Europe/Berlin\n"),
        ("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,A,48.47,7.94\nb,B,48.48,7.95\n"),
        ("routes.txt", "route_id,agency_id,route_short_name,route_type\nr,1,S1,700\nr2,1,S2,3\n"),
        ("trips.txt", "route_id,service_id,trip_id\nr,s,t\n"),
        ("stop_times.txt", "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,8:00:00,8:00:00,a,1\n"),
        ("calendar_dates.txt", "service_id,date,exception_type\ns,20261124,1\n"),
        (
            "locations.geojson",
            r#"{"type":"FeatureCollection","features":[{"type":"Feature","id":"z","properties":{},
            "geometry":{"type":"Polygon","coordinates":[[[7,48],[8,48],[8,49],[7,48]]]}}]}"#,
        ),
    ] {
        if !files.iter().any(|(other, _)| *other == name) {
            all.push((name, text.as_bytes().to_vec()));
        }
    }
    zipped(&all)
}

/// The bundled contracts with other types where a city might want them.
fn of_a_city() -> Library {
    let mut contracts = Library::gtfs();
    for (table, column, kind) in [
        ("stop_times", "stop_sequence", Kind::Int64),
        ("stop_times", "timepoint", Kind::Boolean),
        ("trips", "direction_id", Kind::Boolean),
        ("trips", "block_id", Kind::Instant),
        ("calendar_dates", "date", Kind::Text),
        ("stops", "stop_lat", Kind::Text),
    ] {
        let contract = contracts.contracts.get_mut(table).unwrap();
        let place = contract.index_of(column).unwrap();
        Arc::make_mut(contract).columns[place].kind = kind;
    }
    contracts.contracts.remove("agency");
    contracts
}

#[test]
fn types_of_a_city_are_published_either_way() {
    let stop_times = "trip_id,arrival_time,departure_time,stop_id,stop_sequence,timepoint\n\
                      t,8:00:00,8:00:00,a,1,1\nt,8:05:00,8:05:00,b,5000000000,true\nt,8:10:00,x,b,-2147483648,01\n";
    let trips = "route_id,service_id,trip_id,direction_id,block_id\nr,s,t,0,1764000000\nr,s,u,2,9999999999\n";
    let feed = with(&[("stop_times.txt", stop_times.into()), ("trips.txt", trips.into())]);
    assert!(agree("a city's", &feed, &of_a_city()) > 8);
}

#[test]
fn blocks_without_a_flaw_come_from_the_columns_and_the_others_from_the_text_in_one_order() {
    let mut text = b"trip_id,arrival_time,departure_time,stop_id,stop_sequence,stop_headsign\n".to_vec();
    let blocks = 6;
    for block in 0..blocks {
        for row in 0..30_000 {
            let line = format!("t{},8:{:02}:00,8:{:02}:30,a,{row},\"to, {block}\"\n", row / 30, row % 60, row % 60);
            text.extend_from_slice(line.as_bytes());
        }
        text.extend_from_slice(match block {
            1 => b"t,late,8:00:00,a,1,\n".as_slice(),
            2 => b"t,8:00:00,8:00:00\n",
            3 => b"t,8:00:00,8:00:00,a,1,\xff\n",
            4 => b"t,8:00:00,8:00:00,a,1,5\" pipe\n\"\"\nt,8:00:00,8:00:00,a,1,\"two\nlines\"\n",
            _ => b"t,8:00:00,8:00:00,a,1,\n",
        });
    }
    let feed = with(&[("stop_times.txt", text)]);
    for memory in [100_000, 4 << 20, 16 << 20, 1 << 30] {
        let (rows, timetable) = compared(&feed, &Library::gtfs(), memory).unwrap();
        assert!(rows > 30_000 * blocks);
        let timetable = timetable.unwrap();
        let stop_times = timetable.tables.iter().find(|table| table.file == "stop_times.txt").unwrap();
        assert_eq!(stop_times.is_cut, memory < 16 << 20, "{memory}");
    }
}

#[test]
fn a_feed_of_flaws_alone_is_published_in_bounded_memory() {
    // Some 300 bytes a row are needed to tell of it, which is more than may be held.
    let mut text = b"trip_id,arrival_time,departure_time,stop_id,stop_sequence\n".to_vec();
    text.extend(b"t,late,later,a,first\n".repeat(200_000));
    let feed = with(&[("stop_times.txt", text)]);
    let (rows, timetable) = compared(&feed, &Library::gtfs(), 64 << 20).unwrap();
    assert!(rows > 200_000);
    assert!(timetable.unwrap().tables.iter().all(|table| !table.is_cut));
}

#[test]
fn publication_that_has_gone_does_not_keep_the_report_waiting() {
    let text =
        [b"shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n".as_slice(), &b"p,north,7,1\n".repeat(1_000_000)];
    let feed = with(&[("shapes.txt", text.concat())]);
    let reserved = Budget::new(256 << 20).reserve("test", 256 << 20).unwrap();
    let memory = (Limits::default(), reserved);
    let decoded = decode_whole("feed.zip", feed, &origin(), &Library::gtfs(), memory).unwrap();
    drop(decoded.steps);
    let (timetable, _) = decoded.timetable.unwrap().wait().unwrap();
    assert!(timetable.tables.iter().any(|table| table.file == "shapes.txt" && table.rows == 1_000_000));
}

const HEADERS: [&str; 6] = [
    "trip_id,arrival_time,departure_time,stop_id,stop_sequence,timepoint,pickup_type,shape_dist_traveled",
    "trip_id,stop_id,stop_sequence,,extra,arrival_time,drop_off_type,stop_headsign",
    "\u{feff}trip_id,stop_sequence,stop_id",
    "trip_id,stop_id",
    "trip_id,trip_id,stop_id,stop_sequence",
    "stop_id, \"stop_sequence\" ,\"trip_id\"\r",
];
const CELLS: [&[u8]; 24] = [
    b"",
    b"t",
    b"a",
    b"1",
    b"-1",
    b"007",
    b"2147483648",
    b"-2147483648",
    b"9",
    b"25:10:00",
    b"8:61:00",
    b"20261124",
    b"0.5",
    b"1e400",
    b"\"q\"",
    b"\"a,b\"",
    b"\"a\nb,c,d,e,f,g,h,i\"",
    b"\"say \"\"x\"\"\"",
    b"\"x\" y",
    b" blank ",
    b"\xff\xfe",
    b"\xef\xbf\xbd",
    b"\xe4",
    "ä€".as_bytes(),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
    #[test]
    fn any_rows_give_the_same_either_way(
        header in 0..HEADERS.len(),
        file in 0..3_usize,
        rows in proptest::collection::vec(proptest::collection::vec(0..CELLS.len(), 1..9), 0..12),
        ends in proptest::collection::vec(0..4_usize, 12),
        is_of_a_city in any::<bool>(),
    ) {
        let mut text = HEADERS[header].as_bytes().to_vec();
        for (cells, end) in rows.iter().zip(ends) {
            text.extend_from_slice([b"\n".as_slice(), b"\r\n", b"\n\n", b"\n\"\"\n"][end]);
            text.extend_from_slice(&cells.iter().map(|cell| CELLS[*cell]).collect::<Vec<_>>().join(&b','));
        }
        let feed = with(&[(["stop_times.txt", "Stop_Times.txt", "frequencies.txt"][file], text)]);
        let contracts = if is_of_a_city { of_a_city() } else { Library::gtfs() };
        agree("a random feed", &feed, &contracts);
    }
}
