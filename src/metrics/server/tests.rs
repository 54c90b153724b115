use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use jiff::Timestamp;

use super::*;

struct Served(Server);

impl Served {
    fn begin(content: impl Fn() -> Metrics + Send + Sync + 'static) -> Self {
        Self(Server::start("0".parse().unwrap(), content).unwrap())
    }

    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = std::net::TcpStream::connect(self.address()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

fn now() -> Metrics {
    Metrics::at(Timestamp::UNIX_EPOCH)
}

#[test]
fn metrics_and_health_are_answered_and_all_else_is_refused() {
    let served = Served::begin(now);
    let answer = served.ask("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("Content-Type: text/plain; version=0.0.4"),
        "{head}"
    );
    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
    assert_eq!(body, now().exposition());
    let answer = served.ask("HEAD /metrics?x=1 HTTP/1.0\r\n\r\n");
    let (without_body, nothing) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!((without_body, nothing), (head, ""));
    assert!(served.ask("GET /healthz HTTP/1.1\r\n\r\n").ends_with("\r\n\r\nok\n"));
    let status = |request: &str| served.ask(request).split(' ').nth(1).unwrap().to_owned();
    assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), "404");
    assert_eq!(status("GET /metrics/ HTTP/1.1\r\n\r\n"), "404");
    assert_eq!(status("nonsense\r\n\r\n"), "400");
    assert_eq!(status("GET http://a/metrics HTTP/1.1\r\n\r\n"), "400");
    let refused = served.ask("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    assert!(refused.starts_with("HTTP/1.1 405 ") && refused.contains("\r\nAllow: GET, HEAD\r\n"), "{refused}");
    assert_eq!(status(&format!("GET /metrics HTTP/1.1\r\nA: {}", "a".repeat(HEAD + 1_000))), "431");
}

#[test]
fn clients_that_say_nothing_keep_nobody_out_for_long_and_the_end_does_not_wait_for_them() {
    let served = Served::begin(now);
    let begin = Instant::now();
    let half = |_| {
        let mut stream = std::net::TcpStream::connect(served.address()).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
        stream
    };
    let silent: Vec<_> = (0..3 * CLIENTS).map(half).collect();
    assert!(served.ask("GET /healthz HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200 "));
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
    let more: Vec<_> = (0..CLIENTS).map(|_| std::net::TcpStream::connect(served.address()).unwrap()).collect();
    let (begin, address) = (Instant::now(), served.address());
    drop(served);
    std::net::TcpStream::connect(address).unwrap_err();
    assert!(begin.elapsed() < PATIENCE / 2, "{:?}", begin.elapsed());
    drop((silent, more));
}

#[test]
fn facts_are_gathered_by_one_client_at_a_time_and_a_panic_is_an_answer() {
    static AT_ONCE: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let served = Served::begin(|| {
        MOST.fetch_max(AT_ONCE.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        AT_ONCE.fetch_sub(1, Ordering::SeqCst);
        now()
    });
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| assert!(served.ask("GET /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200 ")));
        }
    });
    assert_eq!(MOST.load(Ordering::SeqCst), 1);
    let broken = Served::begin(|| panic!("no facts"));
    assert!(broken.ask("GET /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 500 "));
    assert!(broken.ask("GET /healthz HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let served = Served::begin(now);
    let error = Server::start(ListenAddress(served.address()), now).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[test]
fn a_port_is_this_machine_alone() {
    let read = |text: &str| text.parse::<ListenAddress>().map(|address| address.0.to_string());
    assert_eq!(read("9117").as_deref(), Ok("127.0.0.1:9117"));
    assert_eq!(read("localhost:9117").as_deref(), Ok("127.0.0.1:9117"));
    assert_eq!(read("0.0.0.0:9117").as_deref(), Ok("0.0.0.0:9117"));
    assert_eq!(read("[::1]:9117").as_deref(), Ok("[::1]:9117"));
    for wrong in ["", ":9117", "example.de:80", "99999", "127.0.0.1"] {
        assert!(read(wrong).unwrap_err().contains("0.0.0.0:9117"), "{wrong}");
    }
}
