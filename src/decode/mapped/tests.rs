//! Whole documents: what becomes of their rows, and what is told of them.

mod frames;

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::{Array, types};
use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::contract::library::Library;
use crate::decode::captures::{Contents, Only, Read};
use crate::decode::{Note, Step};
use crate::digest::Digest;
use crate::table::{Budget, Chunk};

fn contracts() -> Library {
    Library::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/gtfs-realtime")).unwrap()
}

fn decoder(section: &str) -> Arc<dyn Decoder> {
    let file = Path::new("busplus.yaml");
    let node = crate::yaml::parse(file, section).unwrap();
    let mut problems = Problems::new(file);
    let contracts = contracts();
    let decoder = Mapped.decoder(&Section { node: &node, root: Path::new("."), contracts: &contracts }, &mut problems);
    assert_eq!(problems.found, []);
    decoder.unwrap()
}

const AT: &str = "2026-11-24T11:00:05Z";

fn capture(body: Bytes) -> Capture {
    let digest = Digest::of(&body);
    Capture { url: "x".into(), captured_at: AT.parse().unwrap(), status: 200, headers: Vec::new(), body, digest }
}

struct Found {
    chunks: Vec<Chunk>,
    notes: Vec<Note>,
    reads: Vec<Read>,
    strays: u64,
}

impl Found {
    fn rows(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.rows.num_rows()).sum()
    }

    fn note(&self, rule: &str) -> &str {
        let note = self.notes.iter().find(|note| note.rule == rule);
        &note.unwrap_or_else(|| panic!("{rule}: {:?}", self.notes)).message
    }
}

fn run_with(
    section: &str,
    bodies: &[&[u8]],
    date: &str,
    limits: Limits,
    budget: &Budget,
) -> Result<Found, DecodeError> {
    let captures = bodies.iter().map(|body| capture(Bytes::copy_from_slice(body))).collect();
    run_captures(section, captures, date, limits, budget)
}

fn run_captures(
    section: &str,
    captures: Vec<Capture>,
    date: &str,
    limits: Limits,
    budget: &Budget,
) -> Result<Found, DecodeError> {
    let captured_at: Timestamp = AT.parse().unwrap();
    let origins = (0..captures.len()).map(|place| Origin { name: format!("busplus {place}"), captured_at }).collect();
    let captures: Vec<_> = captures.into_iter().map(Ok).collect();
    let decoded = decoder(section).decode(DecodeInput {
        origins,
        captures: Box::new(captures.into_iter()),
        contracts: &contracts(),
        limits,
        budget: budget.clone(),
        only: Only { date: date.parse().unwrap(), zone: TimeZone::get("Europe/Berlin").unwrap() },
    })?;
    let mut found = Found { chunks: Vec::new(), notes: Vec::new(), reads: Vec::new(), strays: 0 };
    for step in decoded.steps {
        match step? {
            Step::Rows { chunk, .. } => found.chunks.push(chunk),
            Step::Note(note) => found.notes.push(note),
            Step::Read { read, .. } => found.reads.push(read),
            Step::Strays { strays, .. } => found.strays += strays.rows,
            Step::End { .. } => {}
        }
    }
    Ok(found)
}

fn run(section: &str, bodies: &[&[u8]]) -> Found {
    run_with(section, bodies, "2026-11-24", Limits::default(), &Budget::new(1 << 30)).unwrap()
}

fn text(rows: &RecordBatch, column: &str) -> Vec<String> {
    let column = rows.column_by_name(column).unwrap();
    let shown = |row| arrow_cast::display::array_value_to_string(column, row).unwrap();
    (0..column.len()).map(|row| if column.is_null(row) { "null".to_owned() } else { shown(row) }).collect()
}

const JSON: &str = "\
mapping:
  table: vehicle_positions
  rows: $.fahrzeuge[*]
  columns:
    vehicle_id: id
    start_date: tag
    latitude: ort.lat
    speed: {from: tempo, unit: km/h}
    timestamp: {from: zeit}
    feed_timestamp: {from: $.stand, time: unix}
    license_plate: {from: kennzeichen, values: {x: y}}
    occupancy_status: {from: farbe, values: {gruen: MANY_SEATS_AVAILABLE, rot: FULL}}
    stop_id: farbe
";

#[test]
fn a_document_becomes_rows_with_what_it_says_and_nothing_else() {
    let body = br#"{"fahrzeuge": [
        {"id": 7, "ort": {"lat": 48.47}, "tempo": 29.88, "zeit": "2026-11-24T12:00:00", "farbe": "gruen"},
        {"id": "8", "ort": {"lat": "48,5"}, "tempo": null, "zeit": "gestern", "farbe": "lila", "kennzeichen": "OG-FB 1"},
        5,
        {"id": "\\u0042", "zeit": "2026-11-24T10:59:00Z", "farbe": "rot"}
    ], "stand": 1795518000}"#;
    let found = run(JSON, &[body]);
    assert_eq!(found.rows(), 3);
    let rows = &found.chunks[0].rows;
    assert_eq!(text(rows, "vehicle_id")[..2], ["7", "8"]);
    assert_eq!(text(rows, "latitude"), ["48.47", "null", "null"]);
    assert_eq!(text(rows, "speed"), ["8.3", "null", "null"]);
    assert_eq!(text(rows, "occupancy_status"), ["MANY_SEATS_AVAILABLE", "null", "FULL"]);
    assert_eq!(text(rows, "source"), ["busplus"; 3]);
    let instants =
        |name: &str| rows.column_by_name(name).unwrap().as_primitive::<types::TimestampMillisecondType>().clone();
    assert_eq!(instants("timestamp").value(0), 1_795_518_000_000);
    assert!(instants("timestamp").is_null(1));
    assert_eq!(instants("feed_timestamp").values(), &[1_795_518_000_000; 3]);
    // Rows keep their place, also behind a damaged one.
    assert_eq!(rows.column_by_name("_row").unwrap().as_primitive::<types::UInt64Type>().values(), &[0, 1, 3]);
    let flaws: Vec<(u32, &str, &str)> = found.chunks[0]
        .flaws
        .iter()
        .map(|flaw| (flaw.row, rows.schema_ref().field(flaw.column.unwrap() as usize).name().clone(), flaw))
        .map(|(row, _, flaw)| (row, flaw.expected.en(), flaw.found.as_str()))
        .collect();
    assert_eq!(flaws.len(), 4, "{flaws:?}");
    assert!(flaws.iter().all(|(row, ..)| *row == 1));
    assert!(
        flaws.contains(&(1, "a number", "48,5"))
            && flaws.contains(&(1, "a time like 2026-11-24T12:00:00+01:00", "gestern"))
    );
    assert_eq!(found.reads, [Read::Message(Contents { damaged: 1, ..Contents::default() })]);
    let told = found.note("mapped.damaged_row");
    assert!(told.starts_with("'busplus 0' has 1 of 4 rows that are damaged") && told.contains("number 3"), "{told}");
}

#[test]
fn an_unknown_value_is_counted_and_placed_and_shown_nowhere() {
    let body = br#"{"stand": 1795518000, "fahrzeuge": [
        {"id": 1, "farbe": "lila", "kennzeichen": "OG-FB 1"}, {"id": 2, "farbe": "rot"}, {"id": 3, "farbe": "LILA"}]}"#;
    let found = run(JSON, &[body]);
    let notes: Vec<&str> = found
        .notes
        .iter()
        .filter(|note| note.rule == "mapped.unknown_value")
        .map(|note| note.message.as_str())
        .collect();
    assert_eq!(
        notes,
        [
            "1 value of 'license_plate' ('kennzeichen') without a meaning: 'values' of the mapping does not name them. The first \
             stands in row 0 of 'busplus 0'",
            "2 values of 'occupancy_status' ('farbe') without a meaning: 'values' of the mapping does not name them. The first \
             stands in row 0 of 'busplus 0'",
        ]
    );
    // What stands nowhere is a mapping that does not fit.
    let missing: Vec<&str> = found
        .notes
        .iter()
        .filter(|note| note.rule == "mapped.path_not_found")
        .map(|note| note.message.as_str())
        .collect();
    assert_eq!(missing.len(), 4, "{missing:?}");
    assert!(missing[0].starts_with("no row has 'tag', of which 'start_date' is made"), "{missing:?}");
}

#[test]
fn what_is_no_document_gives_no_rows_and_says_why() {
    for (body, kind, said) in [
        (&b""[..], "empty", "is empty, not JSON"),
        (b"<html>Wartung</html>", "html", "is an HTML page, not JSON"),
        (b"\x1f\x8b\x08 no", "gzip", "gzip"),
        (b"{\"error\": \"quota\"}", "no_rows", "has no 'fahrzeuge'"),
        (b"{\"fahrzeuge\": 5}", "no_rows", "has no list at '$.fahrzeuge'"),
        (b"{\"fahrzeuge\": [1, 2]}", "no_rows", "has 2 rows, of which none has anything that 'mapping' names"),
        (b"{\"fahrzeuge\"", "cut_off", "is no JSON at byte 12 of 12, before its rows"),
        (b"{\"fahrzeuge\": [{\"id\": 1", "cut_off", "is cut off or damaged at byte"),
        (b"\xff\xfe{\0\"\0f\0\"\0:\0[\0]\0}\0", "encoded", "is text in UTF-16"),
    ] {
        let found = run(JSON, &[body]);
        let [Read::Nothing { kind: found_kind, said: found_said }] = &found.reads[..] else {
            panic!("{:?}", found.reads)
        };
        assert!(found.rows() == 0 && found_said.contains(said), "{found_said}");
        if kind != "gzip" {
            assert_eq!(*found_kind, kind, "{found_said}");
        }
    }
    let empty = run(JSON, &[b"{\"fahrzeuge\": []}"]);
    assert_eq!(empty.reads, [Read::Message(Contents::default())]);
}

#[test]
fn a_document_that_is_cut_off_gives_the_rows_before_and_is_told() {
    let whole = br#"{"stand": 1795518000, "fahrzeuge": [{"id": 1}, {"id": 2}, {"id": 3}]}"#;
    for length in 0..whole.len() {
        let found = run(JSON, &[&whole[..length], whole]);
        let before = String::from_utf8_lossy(&whole[..length]).matches('}').count().min(3);
        assert_eq!(found.rows(), before + 3, "{length}");
        assert_eq!(matches!(found.reads[0], Read::InPart(_)), before > 0, "{length}: {:?}", found.reads);
    }
}

#[test]
fn packed_documents_lines_and_single_objects_are_read() {
    use std::io::Write;
    let lines = "mapping:\n  table: vehicle_positions\n  columns: {vehicle_id: id}\n";
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(b"{\"id\": 1}\n{\"id\": 2}\n").unwrap();
    let packed = packed.finish().unwrap();
    let found = run(lines, &[&packed, b"\xef\xbb\xbf[{\"id\": 3}]", b"{\"id\": 4}"]);
    assert_eq!(text(&found.chunks[0].rows, "vehicle_id"), ["1", "2", "3", "4"]);
    assert_eq!(found.reads[0], Read::Message(Contents { is_bare_gzip: true, ..Contents::default() }));
}

#[test]
fn csv_becomes_rows_by_the_names_of_its_header() {
    let csv = "\
mapping:
  table: vehicle_positions
  body: csv
  separator: ';'
  decimal: ','
  columns:
    vehicle_id: Wagen
    latitude: Breite
    start_time: Abfahrt
    timestamp: {from: Uhrzeit, time: '%d.%m.%Y %H:%M:%S'}
    direction_id: {from: Richtung, values: {hin: 0, zurück: 1}}
";
    let body = "Wagen;Breite;Uhrzeit;Richtung;Abfahrt\r\n7;48,47;24.11.2026 12:00:00;hin;11:50\r\n8;48.5;;zur\u{fc}ck;\r\n9;1\r\n";
    let twice = b"Wagen;Breite;Breite\n7;48;49\n";
    let latin = b"Wagen;L\xe4nge\n7;8\n";
    let found = run(csv, &[body.as_bytes(), b"Wagen,Breite\n7,48\n", twice, latin]);
    let rows = &found.chunks[0].rows;
    assert_eq!(text(rows, "vehicle_id"), ["7", "8"]);
    assert_eq!(text(rows, "latitude"), ["48.47", "null"]);
    assert_eq!(text(rows, "direction_id"), ["0", "1"]);
    assert_eq!(text(rows, "start_time"), ["42600", "null"]);
    let instants = rows.column_by_name("timestamp").unwrap().as_primitive::<types::TimestampMillisecondType>();
    assert_eq!(instants.value(0), 1_795_518_000_000);
    assert!(found.note("mapped.damaged_row").contains("another number of fields"));
    let Read::Nothing { kind: "no_rows", said } = &found.reads[1] else { panic!("{:?}", found.reads) };
    assert!(said.starts_with("has a header of 1 names"), "{said}");
    let Read::Nothing { kind: "no_rows", said } = &found.reads[2] else { panic!("{:?}", found.reads) };
    assert_eq!(said, "has the name 'Breite' twice in its header");
    let Read::Nothing { kind: "no_rows", said } = &found.reads[3] else { panic!("{:?}", found.reads) };
    assert!(said.contains("no UTF-8 (name 2)") && said.contains("Windows-1252"), "{said}");
}

#[test]
fn rows_are_of_one_date_and_all_dates_together_have_all_rows() {
    let rows = [
        r#"{"id": 1, "tag": "2026-11-24"}"#,
        r#"{"id": 2, "tag": "20261125"}"#,
        r#"{"id": 3, "zeit": "2026-11-24T01:30:00+01:00"}"#,
        r#"{"id": 4}"#,
        r#"{"id": 5, "tag": "2026-12-24"}"#,
        r#"{"id": 6, "tag": "morgen", "zeit": "2026-11-24T11:00:00Z"}"#,
    ];
    let body = format!("{{\"fahrzeuge\": [{}]}}", rows.join(","));
    let mut all = 0;
    let budget = Budget::new(1 << 30);
    for date in ["2026-11-23", "2026-11-24", "2026-11-25"] {
        let found = run_with(JSON, &[body.as_bytes()], date, Limits::default(), &budget).unwrap();
        all += found.rows() as u64 + found.strays;
        if date == "2026-11-24" {
            assert_eq!(text(&found.chunks[0].rows, "vehicle_id"), ["1", "4", "6"]);
            assert!(found.note("mapped.early_rows").contains("1 rows of vehicle_positions"), "{:?}", found.notes);
        }
    }
    assert_eq!(all, rows.len() as u64);
}

#[test]
fn a_large_document_is_given_out_in_chunks_within_the_budget_or_ends_the_run() {
    let row = r#"{"id": "wagen", "ort": {"lat": 48.5}, "farbe": "lila"}"#;
    let body = format!("{{\"fahrzeuge\": [{}]}}", vec![row; 100_000].join(","));
    let budget = Budget::new(64 << 20);
    let found = run_with(JSON, &[body.as_bytes()], "2026-11-24", Limits::default(), &budget).unwrap();
    assert!(found.rows() == 100_000 && found.chunks.len() > 5, "{}", found.chunks.len());
    let limits = Limits { message_rows: 20_000, ..Limits::default() };
    let found = run_with(JSON, &[body.as_bytes()], "2026-11-24", limits, &budget).unwrap();
    assert!(found.rows() < 100_000 && found.note("mapped.broken_document").contains("gives more than 20000 rows"));
    let limits = Limits { message_bytes: 1000, ..Limits::default() };
    let found = run_with(JSON, &[body.as_bytes()], "2026-11-24", limits, &budget).unwrap();
    assert!(matches!(found.reads[0], Read::Nothing { kind: "too_large", .. }));
    let error = run_with(JSON, &[body.as_bytes()], "2026-11-24", Limits::default(), &Budget::new(1 << 20));
    assert!(matches!(error, Err(DecodeError::Budget(_))));
}

#[test]
fn the_record_tells_the_mapping_and_sources_tell_whether_they_have_positions() {
    let decoder = decoder(JSON);
    let settings = decoder.settings();
    assert_eq!(settings[0], ("mapping:vehicle_positions".to_owned(), "json; rows $.fahrzeuge".to_owned()));
    let speed = ("mapping:vehicle_positions.speed".to_owned(), "tempo; unit km/h".to_owned());
    assert!(settings.contains(&speed), "{settings:?}");
    assert!(decoder.columns("alerts").is_none());
    let columns = decoder.columns("vehicle_positions").unwrap();
    assert!(columns.iter().any(|column| column.name == "source") && columns.len() == 11);
    // The contract's latitude has 32 bits.
    assert!(columns.iter().any(|column| column.name == "latitude" && column.is_single));
    let has = |body: &'static [u8]| decoder.has_positions(&capture(Bytes::from_static(body)), Limits::default());
    assert!(has(b"{\"fahrzeuge\": [{\"id\": 1}]}") && !has(b"{\"fahrzeuge\": []}") && !has(b"<html>"));
}
