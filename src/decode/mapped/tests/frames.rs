//! Frames of a broker's messages: each payload is a document, beside which stand its topic and when it was received.

use super::*;
use crate::capture::mqtt::frames::{self, Message};

/// As of the vehicle positions of a city that publishes by topic.
const HFP: &str = "\
mapping:
  table: vehicle_positions
  columns:
    vehicle_id: $topic[8]
    route_id: VP.route
    latitude: VP.lat
    current_stop_sequence: $topic[9]
    schedule_relationship: {from: '$topic[4]', values: {ongoing: SCHEDULED}}
    timestamp: {from: VP.tst}
    feed_timestamp: $received
sources: [{type: mqtt}]
";

fn message(second: u32, topic: &str, payload: impl AsRef<[u8]>) -> Message {
    Message {
        received: format!("2026-11-24T11:00:{second:02}.250Z").parse().unwrap(),
        qos: 1,
        is_duplicate: false,
        is_retained: false,
        topic: Bytes::copy_from_slice(topic.as_bytes()),
        payload: Bytes::copy_from_slice(payload.as_ref()),
    }
}

fn topic(vehicle: &str) -> String {
    format!("/hfp/v2/journey/ongoing/vp/bus/0018/{vehicle}/7")
}

fn vp(vehicle: &str, second: u32) -> Message {
    let payload =
        format!("{{\"VP\": {{\"route\": \"4\", \"lat\": 60.1, \"tst\": \"2026-11-24T11:00:{second:02}Z\"}}}}");
    message(second, &topic(vehicle), payload)
}

fn again(message: &Message) -> Message {
    Message { is_duplicate: true, received: "2026-11-24T11:00:50Z".parse().unwrap(), ..message.clone() }
}

fn body(messages: &[Message]) -> Vec<u8> {
    let mut body = Vec::new();
    messages.iter().for_each(|message| frames::write(&mut body, message));
    body
}

fn frame(body: Vec<u8>) -> Capture {
    Capture { url: "mqtts://broker.example:8883/".into(), ..capture(body.into()) }
}

fn run_frames_within(section: &str, bodies: Vec<Vec<u8>>, limits: Limits) -> Found {
    let captures = bodies.into_iter().map(frame).collect();
    let budget = Budget::new(1 << 30);
    let found = run_captures(section, captures, "2026-11-24", limits, &budget).unwrap();
    // Nothing of a topic is told.
    let flaws = found.chunks.iter().flat_map(|chunk| &chunk.flaws).map(|flaw| &flaw.found);
    for told in found.notes.iter().map(|note| &note.message).chain(flaws) {
        assert!(!told.contains("hfp") && !told.contains("00423"), "{told}");
    }
    found
}

fn run_frames(section: &str, bodies: Vec<Vec<u8>>) -> Found {
    run_frames_within(section, bodies, Limits::default())
}

fn instants(rows: &RecordBatch, name: &str) -> Vec<i64> {
    rows.column_by_name(name).unwrap().as_primitive::<types::TimestampMillisecondType>().values().to_vec()
}

fn places(rows: &RecordBatch) -> Vec<u64> {
    rows.column_by_name("_row").unwrap().as_primitive::<types::UInt64Type>().values().to_vec()
}

#[test]
fn each_message_gives_rows_with_its_topic_and_its_receipt() {
    let found = run_frames(HFP, vec![body(&[vp("00423", 1), vp("00424", 2)]), body(&[vp("00423", 3)])]);
    let rows = &found.chunks[0].rows;
    assert_eq!(text(rows, "vehicle_id"), ["00423", "00424", "00423"]);
    assert_eq!(text(rows, "route_id"), ["4"; 3]);
    assert_eq!(text(rows, "current_stop_sequence"), ["7"; 3]);
    assert_eq!(text(rows, "schedule_relationship"), ["SCHEDULED"; 3]);
    assert_eq!(text(rows, "source"), ["busplus"; 3]);
    let of_second = |second: i64| 1_795_518_000_000 + 1000 * second;
    assert_eq!(instants(rows, "timestamp"), [1, 2, 3].map(of_second));
    // A message is a snapshot of its own.
    for column in ["captured_at", "feed_timestamp"] {
        assert_eq!(instants(rows, column), [1, 2, 3].map(|second| of_second(second) + 250), "{column}");
    }
    assert_eq!(places(rows), [0, 1, 0]);
    assert_eq!(found.reads, [Read::Message(Contents::default()), Read::Message(Contents::default())]);
    assert!(found.notes.is_empty() && found.chunks[0].flaws.is_empty(), "{:?}", found.notes);
}

#[test]
fn lists_lines_csv_and_packed_payloads_are_documents_as_elsewhere() {
    use std::io::Write;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(br#"{"stand": 1795518000, "fahrzeuge": [{"id": 4}]}"#).unwrap();
    let payloads: [&[u8]; 3] = [
        br#"{"stand": 1795518000, "fahrzeuge": [{"id": 1}, 5, {"id": 2}]}"#,
        br#"{"stand": 1795518000, "fahrzeuge": []}"#,
        &packed.finish().unwrap(),
    ];
    let section = JSON.replace("stop_id: farbe", "stop_id: $topic");
    let messages = payloads.map(|payload| message(1, "a/b", payload));
    let found = run_frames(&section, vec![body(&messages)]);
    let rows = &found.chunks[0].rows;
    assert_eq!(text(rows, "vehicle_id"), ["1", "2", "4"]);
    assert_eq!(text(rows, "stop_id"), ["a/b"; 3]);
    assert_eq!(places(rows), [0, 2, 3]);
    let damaged = found.note("mapped.damaged_row");
    assert!(
        damaged.contains("1 of 4 rows") && damaged.contains("number 2 of the message that is number 1"),
        "{damaged}"
    );
    assert_eq!(found.reads, [Read::Message(Contents { damaged: 1, ..Contents::default() })]);

    let csv =
        "mapping:\n  table: vehicle_positions\n  body: csv\n  columns: {vehicle_id: '$topic[1]', latitude: lat}\n";
    let found = run_frames(csv, vec![body(&[message(1, "a/8", "lat\n48.5\n"), message(2, "a/9", "lat\n49\n50\n")])]);
    assert_eq!(text(&found.chunks[0].rows, "vehicle_id"), ["8", "9", "9"]);
    assert_eq!(text(&found.chunks[0].rows, "latitude"), ["48.5", "49.0", "50.0"]);
}

#[test]
fn a_payload_that_is_no_document_is_told_with_its_place_and_takes_nothing_else() {
    let bad: [(&str, &str); 6] = [
        ("<html>Wartung</html>", "and is an HTML page, not JSON"),
        ("", "and is empty, not JSON"),
        ("{\"VP\": {\"lat\"", "and is cut off or damaged at byte 13 of 13"),
        ("{\"DOO\": {}}", "and has 1 row, and it has nothing that 'mapping' names"),
        ("\u{1f}\u{8b}", "and is plain text, not JSON"),
        ("offline 00423", "and is plain text, not JSON"),
    ];
    for (payload, said) in bad {
        let messages = [vp("00423", 1), message(2, &topic("00423"), payload), vp("00423", 3)];
        let found = run_frames(HFP, vec![body(&messages)]);
        assert_eq!(found.rows(), 2, "{payload}");
        let told = found.note("mapped.unreadable_message");
        let place = "has 1 of 3 messages that are not JSON; the first is number 2, with a topic of the shape \
                     '/a/a0/a/a/a/a/0/0/0', ";
        assert!(told.contains(place), "{told}");
        assert!(payload.starts_with('\u{1f}') || told.contains(said), "{payload}: {told}");
        assert!(matches!(found.reads[..], [Read::Message(_)]), "{:?}", found.reads);
    }
    // A payload of several rows gives those before its end.
    let list = "mapping:\n  table: vehicle_positions\n  columns: {vehicle_id: id}\n";
    let found =
        run_frames(list, vec![body(&[message(1, "a", "[{\"id\": 1}, {\"id\""), message(2, "a", "{\"id\": 2}")])]);
    assert_eq!(text(&found.chunks[0].rows, "vehicle_id"), ["1", "2"]);
    let told = found.note("mapped.broken_document");
    assert!(told.contains("1 of 2 messages") && told.contains("number 1") && told.contains("byte 17 of 17"), "{told}");
    // Nothing else is there.
    let found = run_frames(HFP, vec![body(&[message(1, "a", "offline"), message(2, "a", "online")]), Vec::new()]);
    let [Read::Nothing { kind: "other" | "text", said }, Read::Nothing { kind: "empty", .. }] = &found.reads[..] else {
        panic!("{:?}", found.reads)
    };
    assert!(said.starts_with("has 2 messages, of which none is JSON; the first is number 1"), "{said}");
}

#[test]
fn a_frame_that_is_damaged_in_the_middle_gives_the_messages_around_it() {
    let whole = body(&[vp("00423", 1), vp("00424", 2), vp("00425", 3)]);
    let second = whole.len() / 3;
    for place in [second + 3, second + 25, second + 33] {
        let mut damaged = whole.clone();
        damaged[place] = b'x';
        let found = run_frames(HFP, vec![damaged]);
        assert_eq!(text(&found.chunks[0].rows, "vehicle_id"), ["00423", "00425"], "{place}");
        let told = found.note("mapped.broken_document");
        assert!(told.contains(&format!("has no MQTT message at byte {second} of")), "{told}");
        assert!(told.contains("behind 1 messages"), "{told}");
        assert!(matches!(found.reads[..], [Read::InPart(_)]), "{:?}", found.reads);
    }
    for cut in (1..whole.len()).step_by(37) {
        let found = run_frames(HFP, vec![whole[..cut].to_vec()]);
        assert_eq!(found.rows(), cut / second, "{cut}");
    }
}

#[test]
fn what_a_broker_sends_again_gives_no_second_row() {
    let (one, other) = (vp("00423", 1), vp("00424", 2));
    let lost = again(&vp("00425", 3));
    // Without a mark it is a report that says the same, as elsewhere.
    let frames = vec![body(&[one.clone(), other.clone(), other.clone()]), body(&[again(&one), lost, again(&one)])];
    let section =
        HFP.replace("timestamp: {from: VP.tst}", "timestamp: $received").replace("feed_timestamp: $received", "");
    let found = run_frames(&section, frames);
    assert_eq!(text(&found.chunks[0].rows, "vehicle_id"), ["00423", "00424", "00424", "00425"]);
    assert!(found.note("mapped.repeated_message").starts_with("2 of 6 messages came before"));
    assert!(found.reads.iter().all(|read| matches!(read, Read::Message(_))));
    // A frame of nothing else was read.
    let found = run_frames(HFP, vec![body(std::slice::from_ref(&one)), body(&[again(&one)])]);
    assert!(found.rows() == 1 && found.reads.iter().all(|read| matches!(read, Read::Message(_))), "{:?}", found.reads);
}

#[test]
fn a_topic_that_does_not_fit_its_column_is_a_finding_without_the_topic() {
    let found =
        run_frames(HFP, vec![body(&[message(1, "/hfp/v2/x/temporary/vp/bus/0018/00423/hfp", &vp("", 1).payload)])]);
    let flaws = &found.chunks[0].flaws;
    assert!(flaws.len() == 2 && flaws.iter().all(|flaw| flaw.found == "what a topic has there"), "{flaws:?}");
    assert!(found.note("mapped.unknown_value").contains("'schedule_relationship' ('$topic[4]')"));
    // A level that no topic has is a mapping that does not fit.
    let found = run_frames(HFP, vec![body(&[message(1, "a/b", &vp("", 1).payload)])]);
    let missing: Vec<&Note> = found.notes.iter().filter(|note| note.rule == "mapped.path_not_found").collect();
    assert!(missing.len() == 3 && missing[0].message.starts_with("no row has '$topic[8]'"), "{missing:?}");
    // Of sources that are no broker it is absent, and nothing has to be said.
    let found = run(HFP, &[&vp("", 1).payload]);
    assert_eq!(text(&found.chunks[0].rows, "vehicle_id"), ["null"]);
    assert!(found.notes.is_empty(), "{:?}", found.notes);
}

#[test]
fn payloads_have_limits_and_positions_are_looked_for_in_each() {
    let large = message(2, &topic("00424"), format!("[{}{{\"VP\": {{\"lat\": 1}}}}]", " ".repeat(5000)));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut packed, &vec![b' '; 10_000]).unwrap();
    let bomb = message(3, &topic("00424"), packed.finish().unwrap());
    let limits = Limits { message_bytes: 4000, ..Limits::default() };
    // The frame itself is larger than that.
    let messages: Vec<Message> = (0..40).map(|second| vp("00423", second)).chain([large, bomb]).collect();
    let found = run_frames_within(HFP, vec![body(&messages)], limits);
    assert_eq!(found.rows(), 40);
    let told = found.note("mapped.unreadable_message");
    assert!(told.contains("2 of 42 messages") && told.contains("of which at most 4000 are read"), "{told}");
    let budget = Budget::new(1 << 20);
    let many: Vec<Message> = (0..20_000).map(|second| vp("00423", second % 60)).collect();
    let error = run_captures(HFP, vec![frame(body(&many))], "2026-11-24", Limits::default(), &budget);
    assert!(matches!(error, Err(DecodeError::Budget(_))));

    let has = |messages: &[Message]| decoder(HFP).has_positions(&frame(body(messages)), Limits::default());
    assert!(has(&[message(1, "a", "offline"), vp("00423", 1)]) && !has(&[message(1, "a", "offline")]) && !has(&[]));
}

#[test]
fn many_messages_are_given_out_in_chunks_and_what_is_booked_is_given_back() {
    let budget = Budget::new(64 << 20);
    let many: Vec<Message> = (0..40_000).map(|number| vp(&format!("{number:05}"), number % 60)).collect();
    let frames: Vec<Capture> = many.chunks(4000).map(|messages| frame(body(messages))).collect();
    let found = run_captures(HFP, frames, "2026-11-24", Limits::default(), &budget).unwrap();
    assert!(found.rows() == 40_000 && found.chunks.len() > 1, "{}", found.chunks.len());
    assert!(budget.take("test", 63 << 20).is_ok(), "what was booked is given back");
}
