//! Tests of the server, with the program's own client and with a bare socket.

use std::io::{Read, Write};
use std::net::TcpStream as Socket;

use serde_json::Value;

use super::*;
use crate::capture::CaptureError;
use crate::capture::source::{Fetched, Policy, Source, Validators};
use crate::digest::Digest;
use crate::protobuf::{Value as Field, fields};

fn running(manners: Manners) -> Running {
    let simulation = Simulation::new(1, "2026-11-24".parse().unwrap(), false).unwrap();
    serve(simulation, 1, "127.0.0.1:0".parse().unwrap(), manners).unwrap()
}

fn fetch(server: &Running, path: &str, known: &Validators) -> Result<Fetched, CaptureError> {
    let url: url::Url = format!("http://{}/{path}", server.address).parse().unwrap();
    let policy =
        Policy { read_timeout: Duration::from_millis(300), backoff: Duration::from_millis(5), ..Policy::default() };
    Source::Http { url: url.into(), headers: Vec::new(), policy }.fetch(known)
}

#[test]
fn a_client_that_has_the_timetable_gets_a_304() {
    let server = running(Manners { interval: 15, ..Manners::default() });
    let Ok(Fetched::New(capture)) = fetch(&server, "gtfs.zip", &Validators::default()) else { panic!() };
    let etag = capture.headers.iter().find(|(name, _)| name == "etag").map(|(_, value)| value.clone());
    let known = Validators { etag, ..Validators::default() };
    assert!(matches!(fetch(&server, "gtfs.zip", &known), Ok(Fetched::NotModified(_))));
    assert!(matches!(fetch(&server, "nothing", &known), Err(CaptureError::Permanent { .. })));
}

#[test]
fn polling_gets_through_a_flaky_and_a_stalling_server() {
    for manners in [
        Manners { interval: 15, flaky: true, ..Manners::default() },
        Manners { interval: 15, stall: true, ..Manners::default() },
    ] {
        let server = running(manners);
        assert!(matches!(fetch(&server, "gtfs-rt/vehicle-positions", &Validators::default()), Ok(Fetched::New(_))));
        assert!(matches!(fetch(&server, "busplus/fahrzeuge", &Validators::default()), Ok(Fetched::New(_))));
    }
}

/// Connects and asks, with more headers.
fn ask(server: &Running, path: &str, headers: &str) -> Socket {
    let mut socket = Socket::connect(server.address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: test\r\n{headers}\r\n").unwrap();
    socket
}

/// The head and the body of an answer, up to the end of the connection.
fn answer(server: &Running, path: &str, headers: &str) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    // A connection may be reset on purpose.
    let _ = ask(server, path, &format!("{headers}Connection: close\r\n")).read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(bytes.len(), |place| place + 4);
    let body = bytes.split_off(end);
    (String::from_utf8(bytes).unwrap(), body)
}

fn etag(head: &str) -> &str {
    head.split("ETag: ").nth(1).unwrap().split("\r\n").next().unwrap()
}

/// The time of the header, and the reports' positions.
fn read(message: &[u8]) -> (u64, Vec<Vec<u8>>) {
    let (mut time, mut positions) = (0, Vec::new());
    let inner = |bytes: &[u8], wanted: u32| {
        let found =
            fields(bytes).map(|field| field.unwrap()).find(|(number, _)| *number == wanted).map(|(_, field)| field);
        match found {
            Some(Field::Bytes(bytes)) => bytes.to_vec(),
            Some(Field::Varint(value)) => value.to_le_bytes().to_vec(),
            other => panic!("{wanted} is {other:?}"),
        }
    };
    for field in fields(message) {
        match field.unwrap() {
            (1, Field::Bytes(header)) => time = u64::from_le_bytes(inner(header, 3).try_into().unwrap()),
            (2, Field::Bytes(entity)) => positions.push(inner(&inner(entity, 4), 2)),
            other => panic!("{other:?}"),
        }
    }
    (time, positions)
}

fn lines(log: &std::path::Path) -> Vec<Value> {
    std::fs::read_to_string(log).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits until the log has what is looked for.
fn logged(log: &std::path::Path, is_it: impl Fn(&Value) -> bool) -> Value {
    let until = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(line) = lines(log).into_iter().find(|line| is_it(line)) {
            return line;
        }
        assert!(std::time::Instant::now() < until, "{:?}", lines(log));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn bulk_messages_are_real_and_new_at_each_moment() {
    let server = running(Manners { interval: 1, feeds: 2, bytes: 100_000, ..Manners::default() });
    let asked = Timestamp::now().as_second() as u64;
    let (head, body) = answer(&server, "/bulk/1", "");
    assert!((99_800..=100_000).contains(&body.len()), "{}", body.len());
    assert_eq!(etag(&head), format!("\"{}\"", Digest::of(&body)));
    let (time, positions) = read(&body);
    assert!((asked..=asked + 1).contains(&time), "{time} is not {asked}");
    assert!(positions.len() > 1000 && positions[0].len() == 10 && positions[0] != positions[1]);
    assert_ne!(read(&answer(&server, "/bulk/2", "").1).1, positions);
    std::thread::sleep(Duration::from_millis(1100));
    let (later, moved) = read(&answer(&server, "/bulk/1", "").1);
    assert!(later > time && moved != positions && moved.len() == positions.len());
    assert!(answer(&server, "/bulk/3", "").0.starts_with("HTTP/1.1 404 "));
    assert!(answer(&server, "/bulk/0", "").0.starts_with("HTTP/1.1 404 "));
}

#[test]
fn bulk_feeds_stand_still_as_the_query_says() {
    let server = running(Manners { interval: 1, feeds: 1, bytes: 1000, ..Manners::default() });
    let both = |path: &str| {
        let first = answer(&server, path, "");
        std::thread::sleep(Duration::from_millis(1100));
        (first, answer(&server, path, ""))
    };
    let ((_, first), (_, second)) = both("/bulk/1?frozen");
    let (first, second) = (read(&first), read(&second));
    assert!(first.0 == second.0 && first.1 != second.1);
    let ((head, first), (_, second)) = both("/bulk/1?unchanged");
    assert_eq!(first, second);
    let (again, body) = answer(&server, "/bulk/1?unchanged", &format!("If-None-Match: {}\r\n", etag(&head)));
    assert!(again.starts_with("HTTP/1.1 304 ") && body.is_empty() && !again.contains("Content-Length"), "{again}");
    let ((head, first), (_, second)) = both("/bulk/1?unchanged&no-etag");
    assert!(first == second && !head.contains("ETag"), "{head}");
}

#[test]
fn a_moment_of_a_bulk_feed_is_the_same_in_every_world() {
    let now = "2026-11-27T04:00:03Z".parse().unwrap();
    let message = |seed: u64, number: &str| {
        let bulk = Bulk::new(Plan { seed, feeds: 9, bytes: 5000, interval: 5, is_flaky: false }, now);
        let answer = bulk.answer(number, &Request::of("/bulk", now)).unwrap();
        answer.body
    };
    assert_eq!(message(1, "1"), message(1, "1"));
    assert_ne!(message(1, "1"), message(2, "1"));
    assert_ne!(message(1, "1"), message(1, "2"));
    assert_eq!(read(&message(1, "9")).0, 1_795_752_000);
}

#[test]
fn a_flaky_bulk_feed_has_every_fault_and_they_are_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.jsonl");
    let manners =
        Manners { interval: 5, flaky: true, feeds: 1, bytes: 2000, log: Some(log.clone()), ..Manners::default() };
    let server = running(manners);
    let (mut ok, mut closed) = (0, 0);
    let mut count = 0;
    // A stall is one of five hundred, and holds up the client: it is given up after a moment.
    while count < 600 {
        let mut socket = ask(&server, "/bulk/1", "Connection: close\r\n");
        socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let mut bytes = Vec::new();
        let _ = socket.read_to_end(&mut bytes);
        ok += usize::from(bytes.starts_with(b"HTTP/1.1 200 ") && bytes.len() > 1900);
        closed += usize::from(bytes.is_empty());
        assert!(!bytes.starts_with(b"HTTP/1.1 503 ") || bytes.windows(14).any(|part| part == b"Retry-After: 2"));
        count += 1;
    }
    logged(&log, |line| line["request"] == 599);
    let lines = lines(&log);
    let with = |fault: &str| lines.iter().filter(|line| line["fault"] == fault).count();
    for fault in ["500", "503", "cut off", "closed", "stall"] {
        assert!(with(fault) > 0 && with(fault) < 40, "{fault}: {}", with(fault));
    }
    let complete = |line: &&Value| line["complete"] == true && line["status"] == 200;
    assert_eq!(lines.iter().filter(complete).count(), ok);
    assert_eq!(with("closed"), closed);
    for line in lines.iter().filter(|line| line["fault"] == "cut off") {
        assert!(line["complete"] == false && line["bytes"].as_u64().unwrap() < 1100, "{line}");
    }
}

#[test]
fn the_log_knows_what_a_client_took_that_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.jsonl");
    let manners = Manners { interval: 3600, feeds: 1, bytes: 40_000_000, log: Some(log.clone()), ..Manners::default() };
    let server = running(manners);
    // One that ends in the middle of a body that no buffer of a socket holds.
    let mut socket = ask(&server, "/bulk/1", "");
    socket.read_exact(&mut [0; 1000]).unwrap();
    drop(socket);
    let line = logged(&log, |line| line["request"] == 0);
    assert!(line["complete"] == false && line["status"] == 200, "{line}");
    assert!(line["bytes"].as_u64().unwrap() < 39_000_000, "{line}");
    // One that ends before it has read what has come.
    let socket = ask(&server, "/busplus/fahrzeuge", "");
    logged(&log, |line| line["request"] == 1);
    std::thread::sleep(Duration::from_millis(100));
    drop(socket);
    logged(&log, |line| line["event"] == "reset" && line["request"] == 1);
    // One that reads all of it, and one that has it.
    let (head, body) = answer(&server, "/bulk/1", "");
    let line = logged(&log, |line| line["request"] == 2);
    let digest = Digest::of(&body).to_string();
    assert_eq!((&line["complete"], &line["bytes"]), (&Value::from(true), &Value::from(body.len())));
    assert_eq!((&line["path"], &line["sha256"]), (&Value::from("/bulk/1"), &Value::from(digest.as_str())));
    answer(&server, "/bulk/1", &format!("If-None-Match: {}\r\n", etag(&head)));
    let line = logged(&log, |line| line["request"] == 3);
    assert_eq!(
        (&line["status"], &line["bytes"], &line["sha256"]),
        (&Value::from(304), &Value::from(0), &digest.into())
    );
    assert!(!lines(&log).iter().any(|line| line["event"] == "reset" && line["request"] != 1));
}

#[test]
fn during_a_cut_nobody_listens_and_connections_end() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.jsonl");
    let cuts = Some(Cuts::new(1, 2, 4).unwrap());
    let manners = Manners { interval: 5, feeds: 1, bytes: 1000, log: Some(log.clone()), cuts, ..Manners::default() };
    let server = running(manners);
    let mut held = ask(&server, "/hostile/drip", "");
    let mut bytes = Vec::new();
    let _ = held.read_to_end(&mut bytes);
    assert!(Socket::connect(server.address).is_err());
    let cut = logged(&log, |line| line["event"] == "cut");
    let [from, until] = ["at", "until"].map(|name| cut[name].as_str().unwrap().parse::<Timestamp>().unwrap());
    assert_eq!(until.as_millisecond() - from.as_millisecond(), 2000);
    let line = logged(&log, |line| line["path"] == "/hostile/drip");
    assert_eq!((&line["complete"], &line["fault"]), (&Value::from(false), &Value::from("drip")));
    std::thread::sleep(Duration::from_millis(2500));
    assert!(answer(&server, "/bulk/1", "").0.starts_with("HTTP/1.1 200 "));
}

#[test]
fn hostile_answers_are_what_their_names_say() {
    let server = running(Manners { interval: 15, ..Manners::default() });
    let of = |name: &str| answer(&server, &format!("/hostile/{name}"), "");
    for (name, location) in [
        ("redirect-file", "Location: file:///etc/passwd\r\n"),
        ("redirect-link-local", "Location: http://169.254.169.254/latest/meta-data\r\n"),
        ("redirect-loop", "Location: /hostile/redirect-loop\r\n"),
    ] {
        let (head, _) = of(name);
        assert!(head.starts_with("HTTP/1.1 302 ") && head.contains(location), "{head}");
    }
    let length = |head: &str| -> usize {
        head.split("Content-Length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap()
    };
    let (head, body) = of("short");
    assert!(body.len() < length(&head) && read(&body).1.len() > 10);
    let (head, body) = of("long");
    assert!(body.len() > length(&head) && length(&head) > 0);
    let (head, body) = of("headers");
    assert!(head.len() > 10_000_000 && !body.is_empty());
    assert!(of("not-a-feed").1.starts_with(b"<!DOCTYPE html>"));
    let (head, body) = of("gzip-bomb");
    assert!(head.contains("Content-Encoding: gzip\r\n") && body.len() < 2 << 20 && body.starts_with(b"\x1f\x8b"));
    for (name, has_length) in [("huge", false), ("huge-length", true)] {
        let mut socket = ask(&server, &format!("/hostile/{name}"), "");
        let mut bytes = vec![0; 5 << 20];
        socket.read_exact(&mut bytes).unwrap();
        let head = String::from_utf8_lossy(&bytes[..200]).into_owned();
        assert_eq!(head.contains("Content-Length: 1073741824"), has_length, "{head}");
    }
    for name in ["drip", "slow-headers"] {
        let mut socket = ask(&server, &format!("/hostile/{name}"), "");
        socket.set_read_timeout(Some(Duration::from_millis(1500))).unwrap();
        let begun = std::time::Instant::now();
        let (mut bytes, mut buffer) = (0, [0; 1000]);
        while begun.elapsed() < Duration::from_millis(2500) {
            bytes += socket.read(&mut buffer).unwrap();
        }
        assert!((70..300).contains(&bytes), "{name}: {bytes}");
    }
}

#[test]
fn an_address_that_is_taken_is_named_with_a_remedy() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = std::net::TcpListener::bind(address).unwrap_err();
    let said = unserved(address, &error).to_string();
    assert!(said.starts_with(&format!("{address} cannot be served at: ")) && said.contains("another port"), "{said}");
}
