//! A store in the web as it is on bad days: a proxy between the program and a real one. What it does to a request follows from the
//! seed, the method, the path and how often the same was asked before, so that it does not depend on how threads run.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// How the requests of a round are disturbed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    pub seed: u64,
    /// Of 1,000 requests so many are disturbed.
    pub faults: u64,
    /// How many of them may be waited for longer than the client does.
    pub stalls: u64,
    /// From this request on nothing is answered but 503.
    pub down_from: Option<u64>,
    /// Something that is done to requests whose first line has these two parts, and how often.
    pub aimed: Option<([&'static str; 2], u64, Fault)>,
    /// When this request came, the processes of the round are to be killed: before the store has seen it, or after that.
    pub kill_at: Option<(u64, bool)>,
}

/// What is done to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// An answer that the store did not give; whether it says when to come again, and whether the store has done what was asked.
    Status {
        status: u16,
        retry_after: bool,
        is_done: bool,
    },
    /// No answer.
    Cut {
        is_done: bool,
    },
    /// Half of an answer.
    Half,
    /// An answer that comes when nobody waits for it any more.
    Stall {
        is_done: bool,
    },
    /// An answer in small pieces.
    Slow,
}

#[derive(Default)]
struct State {
    weather: Weather,
    stalls: u64,
    /// How often it was aimed at a request.
    hit: u64,
    asked: BTreeMap<String, u64>,
    /// Requests and faults as they came, for who looks for the reason of a failure.
    log: Vec<String>,
}

#[derive(Clone)]
pub(super) struct Proxy {
    pub port: u16,
    state: Arc<Mutex<State>>,
    requests: Arc<AtomicU64>,
    kill: Arc<AtomicBool>,
}

/// Longer than a client waits that is configured by [`TIMEOUT`].
const STALL: Duration = Duration::from_millis(10_500);
/// What a client under this proxy waits for at most.
pub(super) const TIMEOUT: &str = "10 s";

impl Proxy {
    /// Stands before the server at a port of loopback.
    pub(super) fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = Self { port, state: Arc::default(), requests: Arc::default(), kill: Arc::default() };
        let shared = proxy.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let proxy = shared.clone();
                // Whoever is killed goes away in the middle.
                std::thread::spawn(move || _ = proxy.serve(stream, server));
            }
        });
        proxy
    }

    /// From now on it is like this; what was counted and logged before is forgotten.
    pub(super) fn set(&self, weather: Weather) {
        *self.state.lock().unwrap() = State { weather, ..State::default() };
        self.requests.store(0, Ordering::SeqCst);
        self.kill.store(false, Ordering::SeqCst);
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    /// How many requests of each kind there were: their method and path, in which dates, digests and versions are one.
    pub(super) fn kinds(&self) -> BTreeMap<String, u64> {
        let variable = regex::Regex::new(r"[0-9a-f]{12,64}|\d{4}-\d\d-\d\d|v\d{10}").unwrap();
        let mut kinds = BTreeMap::new();
        for (line, times) in &self.state.lock().unwrap().asked {
            *kinds.entry(variable.replace_all(line, "*").into_owned()).or_default() += times;
        }
        kinds
    }

    /// Whether the moment to kill has come.
    pub(super) fn is_time_to_kill(&self) -> bool {
        self.kill.load(Ordering::SeqCst)
    }

    /// How often something was done to the requests that were aimed at.
    pub(super) fn hit(&self) -> u64 {
        self.state.lock().unwrap().hit
    }

    /// The requests that were disturbed, and those that write.
    pub(super) fn log(&self) -> Vec<String> {
        self.state.lock().unwrap().log.clone()
    }

    fn serve(&self, mut client: TcpStream, server: u16) -> std::io::Result<()> {
        let Some((head, body)) = request(&mut client)? else { return Ok(()) };
        let line = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
        let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        let (fault, kill) = self.fault(&line, number);
        if kill == Some(false) {
            self.kill.store(true, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(300));
            return Ok(());
        }
        let is_done = match fault {
            Fault::Status { is_done, .. } | Fault::Cut { is_done } | Fault::Stall { is_done } => is_done,
            Fault::None | Fault::Half | Fault::Slow => true,
        };
        let answer = if is_done { forward(&head, &body, server)? } else { Vec::new() };
        if kill == Some(true) {
            self.kill.store(true, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(300));
            return Ok(());
        }
        match fault {
            Fault::None => client.write_all(&answer),
            Fault::Status { status, retry_after, .. } => {
                let wait = if retry_after { "Retry-After: 1\r\n" } else { "" };
                let body = "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code></Error>";
                let length = body.len();
                let body = if line.starts_with("HEAD ") { "" } else { body };
                write!(
                    client,
                    "HTTP/1.1 {status} Disturbed\r\nContent-Type: application/xml\r\nContent-Length: {length}\r\n{wait}\
                     Connection: close\r\n\r\n{body}"
                )
            }
            Fault::Cut { .. } => Ok(()),
            Fault::Half => client.write_all(&answer[..answer.len() * 2 / 3]),
            Fault::Stall { .. } => {
                std::thread::sleep(STALL);
                Ok(())
            }
            Fault::Slow => answer.chunks(answer.len().div_ceil(8).max(1)).try_for_each(|part| {
                std::thread::sleep(Duration::from_millis(20));
                client.write_all(part)
            }),
        }
    }

    fn fault(&self, line: &str, number: u64) -> (Fault, Option<bool>) {
        let mut state = self.state.lock().unwrap();
        let weather = state.weather;
        let nth = state.asked.entry(line.to_owned()).or_default();
        *nth += 1;
        let nth = *nth;
        let dice = xxh3_64_with_seed(format!("{line} {nth}").as_bytes(), weather.seed);
        let kill = weather.kill_at.filter(|(at, _)| *at == number).map(|(_, is_done)| is_done);
        let mut fault = Fault::None;
        let aimed = weather.aimed.filter(|(parts, _, _)| parts.iter().all(|part| line.contains(part)));
        if let Some((_, _, aimed)) = aimed.filter(|(_, times, _)| state.hit < *times) {
            state.hit += 1;
            fault = aimed;
        } else if weather.down_from.is_some_and(|from| number >= from) {
            fault = Fault::Status { status: 503, retry_after: false, is_done: false };
        } else if dice % 1000 < weather.faults {
            let (kind, flags) = ((dice >> 20) % 10, dice >> 40);
            let [is_done, retry_after] = [1, 2].map(|flag| flags & flag != 0);
            fault = match kind {
                0 => Fault::Cut { is_done },
                1 => Fault::Half,
                2 => Fault::Slow,
                3 if state.stalls < weather.stalls => Fault::Stall { is_done },
                4 | 5 => Fault::Status { status: 500, retry_after, is_done },
                6 | 7 => Fault::Status { status: 503, retry_after, is_done },
                8 => Fault::Status { status: 409, retry_after, is_done: false },
                _ => Fault::Status { status: 429, retry_after, is_done },
            };
            state.stalls += u64::from(matches!(fault, Fault::Stall { .. }));
        }
        if fault != Fault::None || kill.is_some() || !(line.starts_with("GET") || line.starts_with("HEAD")) {
            state.log.push(format!("{number} {line} {fault:?} {}", if kill.is_some() { "kill" } else { "" }));
        }
        (fault, kill)
    }
}

/// The head of a request, and its body.
fn request(client: &mut TcpStream) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 1 << 16];
    let end = loop {
        if let Some(end) = memchr::memmem::find(&bytes, b"\r\n\r\n") {
            break end + 4;
        }
        let read = client.read(&mut buffer)?;
        if read == 0 {
            return Ok(None);
        }
        bytes.extend(&buffer[..read]);
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let value = |name: &str| {
        let line = head.lines().find(|line| line.to_lowercase().starts_with(name));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
    };
    assert!(value("transfer-encoding").is_none(), "a request without a length: {head}");
    let length = value("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = bytes.split_off(end);
    while body.len() < length {
        let read = client.read(&mut buffer)?;
        if read == 0 {
            return Ok(None);
        }
        body.extend(&buffer[..read]);
    }
    Ok(Some((head, body)))
}

/// The whole answer of the server, after which it closes the connection.
fn forward(head: &str, body: &[u8], server: u16) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", server))?;
    let (first, rest) = head.split_once("\r\n").unwrap_or((head, ""));
    stream.write_all(format!("{first}\r\nConnection: close\r\n{rest}").as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}
