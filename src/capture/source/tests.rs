use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::clock::clock_difference;
use super::http::retry_after;
use super::*;
use crate::digest::Digest;

/// A server that answers its connections one after the other, each by a function of its own.
fn server(answers: Vec<fn(&mut TcpStream, &str)>) -> url::Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/feed?apikey=geheim&type=pb", listener.local_addr().unwrap()).parse().unwrap();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 1024];
            while !request.ends_with(b"\r\n\r\n") {
                let read = stream.read(&mut buffer).unwrap();
                request.extend_from_slice(&buffer[..read]);
            }
            answer(&mut stream, &String::from_utf8(request).unwrap());
        }
    });
    url
}

fn fetch(url: &url::Url, known: &Validators) -> Result<Fetched, CaptureError> {
    let policy = Policy {
        read_timeout: Duration::from_millis(300),
        backoff: Duration::from_millis(5),
        tries: 3,
        max_bytes: 1000,
        ..Policy::default()
    };
    Source::Http { url: url.clone().into(), headers: vec![("X-Key".into(), "geheim".into())], policy }.fetch(known)
}

fn answer(stream: &mut TcpStream, head: &str, body: &str) {
    let text = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).unwrap();
}

fn fine(stream: &mut TcpStream, _: &str) {
    answer(stream, "200 OK\r\nETag: \"1\"\r\nSet-Cookie: a=b", "hello");
}

fn fails(stream: &mut TcpStream, _: &str) {
    answer(stream, "503 Busy", "");
}

#[test]
fn a_response_is_kept_with_its_headers_and_without_secrets() {
    let url = server(vec![fine]);
    let Ok(Fetched::New(capture)) = fetch(&url, &Validators::default()) else { panic!() };
    assert_eq!((capture.body.as_ref(), capture.status), (&b"hello"[..], 200));
    assert!(capture.url.contains("apikey=REDACTED&type=pb"), "{}", capture.url);
    assert!(capture.headers.iter().any(|(name, _)| name == "etag"));
    assert!(!capture.headers.iter().any(|(name, _)| name == "set-cookie"));
}

#[test]
fn a_known_response_is_asked_for_conditionally() {
    let url = server(vec![|stream, request| {
        assert!(request.contains("if-none-match: \"1\""), "{request}");
        answer(stream, "304 Not Modified", "");
    }]);
    let known = Validators { etag: Some("\"1\"".into()), ..Validators::default() };
    assert!(matches!(fetch(&url, &known), Ok(Fetched::NotModified(_))));
    let url = server(vec![fine]);
    let known = Validators { digest: Some(Digest::of(b"hello")), ..Validators::default() };
    assert!(matches!(fetch(&url, &known), Ok(Fetched::NotModified(_))));
}

#[test]
fn failures_stalls_and_cut_bodies_are_tried_again() {
    fn cut(stream: &mut TcpStream, _: &str) {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf").unwrap();
    }
    fn stall(stream: &mut TcpStream, _: &str) {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n").unwrap();
        std::thread::sleep(Duration::from_millis(600));
    }
    assert!(matches!(fetch(&server(vec![fails, cut, fine]), &Validators::default()), Ok(Fetched::New(_))));
    assert!(matches!(fetch(&server(vec![stall, fine]), &Validators::default()), Ok(Fetched::New(_))));
    let error = fetch(&server(vec![fails, fails, fails]), &Validators::default()).err().unwrap();
    assert!(matches!(error, CaptureError::Transient { .. }));
    assert!(error.to_string().contains("it answers 503 (tried 3 times)") && !error.to_string().contains("geheim"));
}

#[test]
fn what_will_not_get_better_is_final() {
    fn missing(stream: &mut TcpStream, _: &str) {
        answer(stream, "404 Not Found", "");
    }
    fn large(stream: &mut TcpStream, _: &str) {
        answer(stream, "200 OK", &"x".repeat(2000));
    }
    fn around(stream: &mut TcpStream, _: &str) {
        answer(stream, "302 Found\r\nLocation: /feed", "");
    }
    for answers in [vec![missing as fn(&mut TcpStream, &str)], vec![large], vec![around; 6]] {
        let error = fetch(&server(answers), &Validators::default()).err().unwrap();
        assert!(matches!(error, CaptureError::Permanent { .. }), "{error}");
    }
}

#[test]
fn headers_do_not_follow_a_redirect_to_another_host() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = elsewhere.local_addr().unwrap();
    static TARGET: std::sync::OnceLock<std::net::SocketAddr> = std::sync::OnceLock::new();
    TARGET.set(address).unwrap();
    let other = std::thread::spawn(move || {
        let (mut stream, _) = elsewhere.accept().unwrap();
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).unwrap();
        answer(&mut stream, "200 OK", "moved");
        String::from_utf8_lossy(&buffer[..read]).into_owned()
    });
    let url = server(vec![|stream, request| {
        assert!(request.contains("x-key: geheim"));
        answer(stream, &format!("302 Found\r\nLocation: http://{}/new", TARGET.get().unwrap()), "");
    }]);
    assert!(matches!(fetch(&url, &Validators::default()), Ok(Fetched::New(_))));
    assert!(!other.join().unwrap().contains("geheim"));
}

#[test]
fn a_file_is_taken_once_and_its_absence_is_final() {
    let folder = tempfile::tempdir().unwrap();
    let source = Source::File { path: folder.path().join("feed.zip"), max_bytes: 100 };
    assert!(matches!(source.fetch(&Validators::default()), Err(CaptureError::Permanent { .. })));
    std::fs::write(folder.path().join("feed.zip"), "zip").unwrap();
    let Ok(Fetched::New(capture)) = source.fetch(&Validators::default()) else { panic!() };
    let known = Validators { digest: Some(capture.digest), ..Validators::default() };
    assert!(matches!(source.fetch(&known), Ok(Fetched::NotModified(_))));
}

#[test]
fn a_wait_is_seconds_or_a_date_of_the_server_and_is_told_with_the_failure() {
    let now = "2026-11-26T10:00:00Z".parse().unwrap();
    for (text, seconds) in [
        ("120", Some(120)),
        (" 0 ", Some(0)),
        ("Thu, 26 Nov 2026 10:02:00 GMT", Some(120)),
        ("Thu, 26 Nov 2026 09:00:00 GMT", Some(0)),
        ("-5", None),
        ("soon", None),
        ("", None),
    ] {
        assert_eq!(retry_after(text, now).map(|wait| wait.as_secs()), seconds, "{text}");
    }
    fn long(stream: &mut TcpStream, _: &str) {
        answer(stream, "503 Busy\r\nRetry-After: 999999999999999999999999", "");
    }
    fn short(stream: &mut TcpStream, _: &str) {
        answer(stream, "429 Too Many\r\nRetry-After: 1", "");
    }
    let policy = Policy { backoff: Duration::from_millis(1), ..Policy::default() };
    let source = |url: url::Url| Source::Http { url: url.into(), headers: Vec::new(), policy: policy.clone() };
    let ask = |source: &Source| runtime("").unwrap().block_on(source.fetch_with(&FetchOptions::default()));
    let begin = Instant::now();
    let asked = ask(&source(server(vec![long])));
    let error = asked.result.err().unwrap();
    assert!(matches!(error, CaptureError::Transient { .. }) && error.to_string().contains("left alone for 3600 s"));
    assert_eq!(asked.not_before.unwrap().duration_since(begin).as_secs(), 3600);
    assert!(begin.elapsed() < Duration::from_secs(1));
    assert!(matches!(ask(&source(server(vec![short, fine]))).result, Ok(Fetched::New(_))));
    assert!(begin.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_body_that_was_no_feed_brings_no_conditions_and_304_to_none_is_an_error() {
    fn without(stream: &mut TcpStream, request: &str) {
        assert!(!request.contains("if-none-match") && !request.contains("if-modified-since"), "{request}");
        answer(stream, "200 OK", "hello");
    }
    fn nothing(stream: &mut TcpStream, _: &str) {
        answer(stream, "304 Not Modified", "");
    }
    let known = Validators {
        etag: Some("\"1\"".into()),
        last_modified: Some("Thu, 26 Nov 2026 10:02:00 GMT".into()),
        digest: Some(Digest::of(b"<html>")),
        unreadable: true,
    };
    assert!(matches!(fetch(&server(vec![without]), &known), Ok(Fetched::New(_))));
    let again = Validators { digest: Some(Digest::of(b"hello")), ..known };
    assert!(matches!(fetch(&server(vec![without]), &again), Ok(Fetched::NotModified(_))));
    let error = fetch(&server(vec![nothing; 3]), &Validators::default()).err().unwrap();
    assert!(matches!(error, CaptureError::Transient { .. }), "{error}");
    assert!(error.to_string().contains("304 (not modified) to a request without conditions"), "{error}");
}

#[test]
fn a_body_is_refused_while_it_arrives() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url: url::Url = format!("http://{}/feed", listener.local_addr().unwrap()).parse().unwrap();
    let sent = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer).unwrap();
        // Neither a length nor an end.
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").unwrap();
        let mut sent = 0_u64;
        while stream.write_all(&[7; 1 << 16]).is_ok() {
            sent += 1 << 16;
            assert!(sent < 1 << 30, "it reads without end");
        }
        sent
    });
    let policy = Policy { max_bytes: 1 << 20, ..Policy::default() };
    let error =
        Source::Http { url: url.into(), headers: Vec::new(), policy }.fetch(&Validators::default()).err().unwrap();
    assert!(matches!(error, CaptureError::Permanent { .. }) && error.to_string().contains("1048576 bytes"), "{error}");
    // What the sockets held, and no more.
    assert!(sent.join().unwrap() < 64 << 20);
}

#[test]
fn files_are_measured_before_they_are_read_and_pipes_are_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("feed.zip");
    std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let file = |path: &Path| Source::File { path: path.to_owned(), max_bytes: 1 << 20 };
    let error = file(&path).fetch(&Validators::default()).err().unwrap();
    assert!(error.to_string().contains("larger than 1048576 bytes"), "{error}");
    let error = file(folder.path()).fetch(&Validators::default()).err().unwrap();
    assert!(error.to_string().contains("this is no file"), "{error}");
}

/// What a clock shows and the server says, and by how many seconds evidence is moved.
#[test]
fn evidence_follows_the_clock_of_the_server_but_not_into_the_future() {
    let moved = |ours: &str, date: Option<&str>, age: Option<&str>, newest: Option<&str>| {
        let newest = newest.map(|newest| newest.parse().unwrap());
        clock_difference("x", date, age, ours.parse().unwrap(), newest).map(|by| by.as_secs())
    };
    let now = Some("Thu, 26 Nov 2026 10:00:00 GMT");
    assert_eq!(moved("2026-11-26T10:04:59Z", now, None, None), None);
    assert_eq!(moved("2026-11-26T10:05:01Z", now, None, None), Some(-301));
    assert_eq!(moved("2026-11-26T10:10:00Z", now, Some("599"), None), None);
    assert_eq!(moved("2031-01-01T00:00:00Z", now, None, None), Some(-129_304_800));
    // The server is ahead: followed only where our clock is surely behind.
    assert_eq!(moved("2026-11-26T09:50:00Z", now, None, None), None);
    assert_eq!(moved("2026-11-26T09:50:00Z", now, None, Some("2026-11-26T09:58:00Z")), Some(600));
    assert_eq!(moved("2026-11-26T09:50:00Z", now, None, Some("2031-01-01T00:00:00Z")), None);
    assert!(moved("1970-01-01T00:00:10Z", now, None, None).is_some());
    assert_eq!(moved("2026-11-26T09:50:00Z", Some("Thu, 01 Jan 1970 00:00:00 GMT"), None, None), None);
    assert_eq!(moved("2026-11-26T09:50:00Z", Some("gestern"), None, None), None);
    assert_eq!(moved("2026-11-26T09:50:00Z", None, None, None), None);
}

#[test]
fn the_time_of_this_machine_stays_in_the_record() {
    fn past(stream: &mut TcpStream, _: &str) {
        answer(stream, "200 OK\r\nDate: Tue, 24 Nov 2020 10:00:00 GMT", "hello");
    }
    let before = Timestamp::now();
    let Ok(Fetched::New(capture)) = fetch(&server(vec![past]), &Validators::default()) else { panic!() };
    let shown = capture.captured_at.to_string();
    assert!(shown.starts_with("2020-11-24T09:59:59") || shown.starts_with("2020-11-24T10:00:0"), "{shown}");
    let (_, own) = capture.headers.iter().find(|(name, _)| name == CLOCK_HEADER).unwrap();
    assert!(own.parse::<Timestamp>().unwrap() >= before);
    let Ok(Fetched::New(capture)) = fetch(&server(vec![fine]), &Validators::default()) else { panic!() };
    assert!(!capture.headers.iter().any(|(name, _)| name == CLOCK_HEADER) && capture.captured_at >= before);
}

#[test]
fn an_object_keeps_its_encoding_and_a_store_that_stalls_is_tried_as_often_as_the_policy_says() {
    let source = |url: &url::Url| {
        let endpoint = url.origin().ascii_serialization();
        let options = [("endpoint", endpoint.as_str()), ("allow_http", "true"), ("skip_signature", "true")];
        let options = [("region", "us-east-1")].iter().chain(&options);
        let policy = Policy {
            read_timeout: Duration::from_millis(200),
            backoff: Duration::from_millis(5),
            tries: 2,
            max_bytes: 100,
            ..Policy::default()
        };
        let options = options.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Source::S3 { url: "s3://offen/feed.pb".parse::<url::Url>().unwrap().into(), options, policy }
    };
    fn object(stream: &mut TcpStream, request: &str) {
        assert!(request.starts_with("GET /offen/feed.pb "), "{request}");
        let head = "200 OK\r\nETag: \"1\"\r\nLast-Modified: Tue, 24 Nov 2026 10:00:00 GMT\r\nContent-Encoding: GZIP";
        answer(stream, head, "packed");
    }
    fn stall(stream: &mut TcpStream, _: &str) {
        let head = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nLast-Modified: Tue, 24 Nov 2026 10:00:00 GMT\r\n";
        stream.write_all(format!("{head}Content-Length: 50\r\n\r\nhalf").as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(300));
    }
    let url = server(vec![stall, object]);
    let Ok(Fetched::New(capture)) = source(&url).fetch(&Validators::default()) else { panic!() };
    assert_eq!(capture.body.as_ref(), b"packed");
    assert!(capture.headers.contains(&("Content-Encoding".to_owned(), "GZIP".to_owned())), "{:?}", capture.headers);
    assert!(capture.headers.contains(&("ETag".to_owned(), "\"1\"".to_owned())));
    let begin = Instant::now();
    let error = source(&server(vec![stall, stall])).fetch(&Validators::default()).err().unwrap();
    assert!(matches!(error, CaptureError::Transient { .. }) && error.to_string().contains("tried 2 times"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(5));
    fn silent(_: &mut TcpStream, _: &str) {
        std::thread::sleep(Duration::from_millis(800));
    }
    let begin = Instant::now();
    let error = source(&server(vec![silent, silent])).fetch(&Validators::default()).err().unwrap();
    assert!(matches!(error, CaptureError::Transient { .. }), "{error}");
    assert!(error.to_string().contains("tried 2 times"), "{error}");
    assert!((400..3000).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
    // A byte now and then is no stall; the time for one try is over all the same.
    fn drip(stream: &mut TcpStream, _: &str) {
        let head = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nLast-Modified: Tue, 24 Nov 2026 10:00:00 GMT\r\n";
        let _ = stream.write_all(format!("{head}Content-Length: 50\r\n\r\n").as_bytes());
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let mut dripping = source(&server(vec![drip, drip]));
    let Source::S3 { policy, .. } = &mut dripping else { panic!() };
    policy.total_timeout = Duration::from_millis(600);
    let begin = Instant::now();
    let error = dripping.fetch(&Validators::default()).err().unwrap();
    assert!(matches!(error, CaptureError::Transient { .. }), "{error}");
    assert!(error.to_string().contains("tried 2 times"), "{error}");
    assert!((1200..4000).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
    fn large(stream: &mut TcpStream, _: &str) {
        let head = "200 OK\r\nETag: \"1\"\r\nLast-Modified: Tue, 24 Nov 2026 10:00:00 GMT";
        answer(stream, head, &"x".repeat(101));
    }
    let error = source(&server(vec![large])).fetch(&Validators::default()).err().unwrap();
    assert!(matches!(error, CaptureError::Permanent { .. }) && error.to_string().contains("max_bytes"), "{error}");
}
