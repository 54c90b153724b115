//! An HTTP server on loopback that answers as a test says.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// A request: its path, how many for the same path came before it, and its head in lower case.
pub(crate) struct Request {
    pub path: String,
    pub number: usize,
    pub head: String,
}

/// What a server was asked for, and when.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<(String, Instant)>>>);

impl Seen {
    /// All requests.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub(crate) fn count_of(&self, path: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|(seen, _)| seen == path).count()
    }

    pub(crate) fn times(&self) -> Vec<Instant> {
        self.0.lock().unwrap().iter().map(|(_, at)| *at).collect()
    }

    /// The number of this request among those for its path.
    fn add(&self, path: &str) -> usize {
        let mut seen = self.0.lock().unwrap();
        seen.push((path.to_owned(), Instant::now()));
        seen.iter().filter(|(other, _)| other == path).count() - 1
    }
}

/// Answers each connection on a thread of its own; the address without a path.
pub(crate) fn serve(answer: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (seen, answer) = (Seen::default(), Arc::new(answer));
    let log = seen.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, log, answer) = (stream.unwrap(), log.clone(), answer.clone());
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                let read = stream.read(&mut buffer).unwrap_or(0);
                let head = String::from_utf8_lossy(&buffer[..read]).to_lowercase();
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                let number = log.add(&path);
                answer(&Request { path, number, head }, &mut stream);
            });
        }
    });
    (url, seen)
}

/// The status and more of a head, and the body behind it.
pub(crate) fn say(stream: &mut TcpStream, head: &str, body: impl AsRef<[u8]>) {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(&[head.as_bytes(), body].concat());
}
