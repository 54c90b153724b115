//! A bucket that is a folder, served over HTTP by the program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::world::{World, files, python};

/// `fahrtenbuch serve` on a free port.
pub(crate) struct Serving {
    child: Child,
    pub port: u16,
    log: std::path::PathBuf,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request of the access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Logged {
    pub request: String,
    pub status: u16,
    pub bytes: u64,
}

impl Serving {
    pub(crate) fn start(world: &World) -> Self {
        let log = world.path("access.log");
        let mut child = world
            .command()
            .args(["serve", "--listen", "127.0.0.1:0", "--log"])
            .arg(&log)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().trim_end_matches('/').rsplit(':').next().unwrap().parse();
        Self { port: port.unwrap_or_else(|_| panic!("{line}")), child, log }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The requests so far, once there are so many.
    pub(crate) fn logged(&self, count: usize) -> Vec<Logged> {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let text = std::fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<Logged> = text.lines().map(logged).collect();
            if lines.len() >= count || Instant::now() > until {
                return lines;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn terminate(&mut self) -> std::process::ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

fn logged(line: &str) -> Logged {
    let parts: Vec<&str> = line.split('"').collect();
    let (status, bytes) = parts[2].trim().split_once(' ').unwrap();
    Logged { request: parts[1].to_owned(), status: status.parse().unwrap(), bytes: bytes.parse().unwrap() }
}

/// Sends bytes, and reads until the other side closes.
fn raw(port: u16, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// The status, the head in lower case, and the body of an answer.
fn ask(port: u16, request: &str, headers: &str) -> (u16, String, Vec<u8>) {
    let answer = raw(port, &format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"));
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or_else(|| panic!("{request}"));
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head, answer[end + 4..].to_vec())
}

fn value<'a>(head: &'a str, name: &str) -> &'a str {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or("")
}

fn is_named_by_digest(name: &str) -> bool {
    name.starts_with("ledger/records/") || name.starts_with("ledger/objects/")
}

/// A workspace with a bucket that nothing was published into.
fn with_files(written: &[(&str, &[u8])]) -> World {
    let world = World::new();
    for (name, bytes) in written {
        let path = world.path("data/bucket").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    world
}

#[test]
fn every_published_file_is_served_whole_by_range_and_by_condition() {
    let world = World::new();
    world.run();
    let serving = Serving::start(&world);
    let published = files(&world.path("data/bucket"));
    assert!(published.len() > 20);
    for (name, bytes) in &published {
        let (status, head, body) = ask(serving.port, &format!("GET /{name}"), "");
        assert!(status == 200 && body == *bytes, "{name}: {head}");
        assert_eq!(value(&head, "content-length"), bytes.len().to_string(), "{name}");
        let tag = value(&head, "etag");
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 4, "{name}: {tag}");
        let is_version = name.contains("/index/v") || name.starts_with("ledger/log/v");
        let is_immutable = name.starts_with("data/") || is_version || is_named_by_digest(name);
        let caching = if is_immutable { "public, max-age=31536000, s-maxage=3600, immutable" } else { "no-cache" };
        assert_eq!(value(&head, "cache-control"), caching, "{name}");
        let (status, head, body) = ask(serving.port, &format!("GET /{name}"), &format!("If-None-Match: {tag}\r\n"));
        assert!(status == 304 && body.is_empty() && value(&head, "etag") == tag, "{name}: {head}");
        let (status, head, body) =
            ask(serving.port, &format!("GET /{name}"), &format!("Range: bytes=-9\r\nIf-Range: {tag}\r\n"));
        assert!(status == 206 && body == bytes[bytes.len().saturating_sub(9)..], "{name}: {head}");
        let (status, head, body) = ask(serving.port, &format!("HEAD /{name}"), "");
        assert!(status == 200 && body.is_empty(), "{name}: {head}");
        assert_eq!(value(&head, "content-length"), bytes.len().to_string(), "{name}");
    }
    let lines = serving.logged(published.len() * 4);
    assert_eq!(lines.len(), published.len() * 4);
    let sent: u64 = lines.iter().map(|line| line.bytes).sum();
    assert_eq!(sent, published.values().map(|bytes| bytes.len() as u64 + bytes.len().min(9) as u64).sum::<u64>());
    let (_, head, _) = ask(serving.port, "GET /", "");
    assert_eq!(value(&head, "content-type"), "text/html; charset=utf-8");
    let parquet = published.keys().find(|name| name.ends_with(".parquet")).unwrap();
    let (_, head, _) =
        ask(serving.port, &format!("HEAD /{}", parquet.replace('=', "%3D")), "Origin: https://x.example\r\n");
    assert_eq!(value(&head, "content-type"), "application/vnd.apache.parquet");
    assert_eq!(value(&head, "access-control-allow-origin"), "*");
    for exposed in ["content-range", "etag", "content-length", "accept-ranges"] {
        assert!(value(&head, "access-control-expose-headers").contains(exposed), "{head}");
    }
    let asks =
        "Origin: https://x.example\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: range\r\n";
    let (status, head, _) = ask(serving.port, &format!("OPTIONS /{parquet}"), asks);
    assert!(status == 204 && value(&head, "access-control-allow-headers").contains("range"), "{head}");
}

#[test]
fn nothing_leads_out_of_the_bucket_and_nothing_is_listed() {
    let world = with_files(&[("a/b.json", b"{}"), (".lock", b"x"), ("a/b.json#1", b"half"), ("a/.git/config", b"x")]);
    std::os::unix::fs::symlink(world.path("fahrtenbuch.yaml"), world.path("data/bucket/link.yaml")).unwrap();
    std::os::unix::fs::symlink(world.path(""), world.path("data/bucket/up")).unwrap();
    let serving = Serving::start(&world);
    for path in [
        "/../fahrtenbuch.yaml",
        "/../../fahrtenbuch.yaml",
        "/%2e%2e/%2e%2e/fahrtenbuch.yaml",
        "/a/..%2f..%2f..%2ffahrtenbuch.yaml",
        "/link.yaml",
        "/up/fahrtenbuch.yaml",
        "/.lock",
        "/a/.git/config",
        "/a/b.json%231",
        "/a",
        "/a/",
        "/a/b.json/",
        "//a/b.json",
        "/a%00/b.json",
        "/a/b",
        "/",
    ] {
        let (status, _, body) = ask(serving.port, &format!("GET {path}"), "");
        assert!(status == 404 || status == 400, "{path}: {status}");
        assert!(body.len() < 100 && !String::from_utf8_lossy(&body).contains("b.json"), "{path}");
    }
    assert_eq!(ask(serving.port, "GET /a%2Fb.json?X-Amz=1", "").0, 200);
    for method in ["PUT", "POST", "DELETE", "PATCH"] {
        let (status, head, _) = ask(serving.port, &format!("{method} /a/b.json"), "Content-Length: 0\r\n");
        assert!(status == 405 && value(&head, "allow").contains("get"), "{head}");
    }
    assert_eq!(std::fs::read(world.path("data/bucket/a/b.json")).unwrap(), b"{}");
}

#[test]
fn addresses_of_the_catalogue_are_object_and_prefix_at_once() {
    let world = with_files(&[
        ("iceberg/v1/namespaces.json", b"all"),
        ("iceberg/v1/namespaces/bus.json", b"one"),
        ("iceberg/v1/namespaces/bus/tables/t.json", b"table"),
        ("meta/files.json", b"view"),
    ]);
    let serving = Serving::start(&world);
    for (path, body) in [
        ("/iceberg/v1/namespaces", &b"all"[..]),
        ("/iceberg/v1/namespaces?pageToken=", b"all"),
        ("/iceberg/v1/namespaces/bus", b"one"),
        ("/iceberg/v1/namespaces/bus/tables/t", b"table"),
    ] {
        let (status, head, found) = ask(serving.port, &format!("GET {path}"), "");
        assert!(status == 200 && found == body, "{path}: {head}");
        assert_eq!(value(&head, "content-type"), "application/json", "{path}");
        assert_eq!(value(&head, "cache-control"), "no-cache", "{path}");
    }
    assert_eq!(ask(serving.port, "GET /meta/files", "").0, 404);
}

#[test]
fn a_file_that_is_replaced_while_it_is_sent_is_sent_as_it_was() {
    let (old, new) = (vec![b'a'; 24 << 20], vec![b'b'; 24 << 20]);
    let world = with_files(&[("big.bin", &old)]);
    let serving = Serving::start(&world);
    let mut stream = TcpStream::connect(("127.0.0.1", serving.port)).unwrap();
    write!(stream, "GET /big.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut first = vec![0; 64 << 10];
    stream.read_exact(&mut first).unwrap();
    std::fs::write(world.path("data/bucket/.new"), &new).unwrap();
    std::fs::rename(world.path("data/bucket/.new"), world.path("data/bucket/big.bin")).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    first.extend(rest);
    let body = &first[first.len() - old.len()..];
    assert!(body.iter().all(|byte| *byte == b'a'));
    // One that becomes shorter in its place ends the connection: nobody takes it for the whole.
    let mut stream = TcpStream::connect(("127.0.0.1", serving.port)).unwrap();
    write!(stream, "GET /big.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut some = vec![0; 64 << 10];
    stream.read_exact(&mut some).unwrap();
    std::fs::File::options().write(true).open(world.path("data/bucket/big.bin")).unwrap().set_len(1 << 20).unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.len() < new.len(), "{}", rest.len());
}

#[test]
fn clients_that_say_too_much_or_nothing_do_not_keep_others_out() {
    let world = with_files(&[("a.json", b"{}")]);
    let serving = Serving::start(&world);
    let long = format!("X-Long: {}\r\n", "x".repeat(64 << 10));
    let answer = raw(serving.port, &format!("GET /a.json HTTP/1.1\r\nHost: x\r\n{long}\r\n"));
    assert!(answer.starts_with(b"HTTP/1.1 431 "), "{}", String::from_utf8_lossy(&answer));
    let many: String = (0..200).map(|number| format!("X-{number}: y\r\n")).collect();
    let answer = raw(serving.port, &format!("GET /a.json HTTP/1.1\r\nHost: x\r\n{many}\r\n"));
    assert!(answer.starts_with(b"HTTP/1.1 431 "), "{}", String::from_utf8_lossy(&answer));
    assert!(raw(serving.port, "this is no HTTP\r\n\r\n").starts_with(b"HTTP/1.1 400 "));
    // Who waits takes a place for a while, and is let go.
    let silent: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(("127.0.0.1", serving.port)).unwrap()).collect();
    let begun = Instant::now();
    assert_eq!(ask(serving.port, "GET /a.json", "").0, 200);
    assert!(begun.elapsed() < Duration::from_secs(5));
    let mut first = &silent[0];
    first.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let mut answer = Vec::new();
    let _ = first.read_to_end(&mut answer);
    assert!(begun.elapsed() < Duration::from_secs(35), "the connection was kept");
}

#[test]
fn a_connection_is_kept_and_sigterm_lets_answers_end() {
    let big = vec![7; 16 << 20];
    let world = with_files(&[("a.json", b"{}"), ("big.bin", &big)]);
    let mut serving = Serving::start(&world);
    let mut kept = TcpStream::connect(("127.0.0.1", serving.port)).unwrap();
    for _ in 0..3 {
        write!(kept, "GET /a.json HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut reader = BufReader::new(&kept);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).unwrap();
        }
        let mut body = [0; 2];
        reader.read_exact(&mut body).unwrap();
        assert_eq!(&body, b"{}");
    }
    let mut reading = TcpStream::connect(("127.0.0.1", serving.port)).unwrap();
    write!(reading, "GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = vec![0; 1 << 10];
    reading.read_exact(&mut answer).unwrap();
    let reader = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        reading.read_to_end(&mut answer).unwrap();
        answer.len()
    });
    let begun = Instant::now();
    let status = serving.terminate();
    assert!(status.success() && begun.elapsed() < Duration::from_secs(9), "{status} after {:?}", begun.elapsed());
    assert!(reader.join().unwrap() > big.len());
}

#[test]
fn a_bucket_in_s3_or_around_the_private_store_is_not_served() {
    let world = World::new();
    world.replace("fahrtenbuch.yaml", "location: data/bucket", "location: s3://stadtbus/offen");
    let output = world.program(&["serve", "--listen", "127.0.0.1:0"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && told.contains("check --bucket"), "{told}");
    world.replace("fahrtenbuch.yaml", "location: s3://stadtbus/offen", "location: data");
    let output = world.program(&["serve", "--listen", "127.0.0.1:0"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && told.contains("private store"), "{told}");
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn duckdb_reads_parts_of_a_file_that_is_served() {
    let world = World::new();
    world.run();
    let index = world.files_json("stadtbus-telemetrie/vehicle_locations");
    let file = &index["files"][0];
    let serving = Serving::start(&world);
    let url = format!("{}/{}", serving.url(), file["path"].as_str().unwrap());
    let output = python("read_served.py", &[&url]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(told.trim(), file["rows"].to_string());
    let lines = serving.logged(2);
    let sent: u64 = lines.iter().map(|line| line.bytes).sum();
    assert!(lines.iter().any(|line| line.status == 206), "{lines:?}");
    assert!(sent < file["bytes"].as_u64().unwrap(), "{sent} of {}: {lines:?}", file["bytes"]);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn curl_resumes_a_download() {
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|number| number as u8).collect();
    let world = with_files(&[("big.bin", &bytes)]);
    let serving = Serving::start(&world);
    let to = world.path("copy.bin");
    std::fs::write(&to, &bytes[..400_000]).unwrap();
    let url = format!("{}/big.bin", serving.url());
    let output =
        Command::new("curl").args(["--silent", "--fail", "--continue-at", "-", "--output"]).arg(&to).arg(url).output();
    assert!(output.unwrap().status.success());
    assert_eq!(std::fs::read(&to).unwrap(), bytes);
    let expected = Logged { request: "GET /big.bin HTTP/1.1".to_owned(), status: 206, bytes: 600_000 };
    assert_eq!(serving.logged(1), [expected]);
}
