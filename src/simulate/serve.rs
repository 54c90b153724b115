//! The simulator's feeds over HTTP, live: for trying out polling, and for tests and measurements of it.
//!
//! The city's feeds (`/gtfs.zip`, `/gtfs-rt/vehicle-positions`, `/gtfs-rt/trip-updates`, `/gtfs-rt/alerts`, `/busplus/fahrzeuge`;
//! 503 during an outage), bulk feeds (`/bulk/<n>`) and hostile answers (`/hostile/<name>`); with an ETag, and 304 where the client
//! has the current answer. Every request may be logged, and the network be cut.

mod bulk;
mod city;
mod cuts;
mod hostile;
mod http;
mod log;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::simulate::{Simulation, write};

use bulk::{Bulk, Plan};
use city::City;
pub use cuts::Cuts;
use hostile::Hostile;
use http::{Answer, Request};
use log::Log;

/// How long an accept or a bind waits that failed.
const AGAIN: Duration = Duration::from_millis(50);

/// How the server behaves.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    /// Realtime and bulk feeds change every so many seconds.
    pub interval: i64,
    /// Every other answer of the city's feeds stops after its first half.
    pub stall: bool,
    /// Of every four answers of the city's feeds one is a 500, one a 503, and one is cut off; bulk feeds have seeded faults.
    pub flaky: bool,
    /// Bulk feeds, and the bytes of each message.
    pub feeds: usize,
    pub bytes: usize,
    /// A line of JSON for each request is appended to this file.
    pub log: Option<PathBuf>,
    pub cuts: Option<Cuts>,
}

struct Server {
    city: City,
    bulk: Bulk,
    log: Arc<Log>,
}

/// A server that is running; it stops when this is dropped.
pub struct Running {
    pub address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

/// Serves a simulation on an address; port 0 takes a free one. The seed is that of bulk feeds, their faults and the cuts.
pub fn serve(simulation: Simulation, seed: u64, address: SocketAddr, manners: Manners) -> io::Result<Running> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let Manners { interval, stall, flaky, feeds, bytes, log, cuts } = manners;
    let plan = Plan { seed, feeds, bytes, interval: interval.max(1), is_flaky: flaky };
    let gtfs = write::gtfs_zip(&simulation)?.into();
    let server = Server {
        city: City { simulation, gtfs, interval, stall, flaky, requests: AtomicU64::new(0) },
        bulk: Bulk::new(plan, Timestamp::now()),
        log: Arc::new(Log::open(log.as_deref())?),
    };
    let listener = runtime.block_on(TcpListener::bind(address)).map_err(|error| unserved(address, &error))?;
    let address = listener.local_addr()?;
    let cuts = cuts.map(|cuts| cuts.schedule(seed)).unwrap_or_default();
    runtime.spawn(listen(Arc::new(server), listener, address, cuts));
    Ok(Running { address, _runtime: runtime })
}

/// Takes connections, but during cuts.
async fn listen(server: Arc<Server>, mut listener: TcpListener, address: SocketAddr, cuts: Vec<(Duration, Duration)>) {
    let begun = Instant::now();
    let mut cuts = cuts.into_iter();
    let mut next = cuts.next();
    let mut connections = JoinSet::new();
    loop {
        let cut = async {
            match next {
                Some((from, length)) => {
                    tokio::time::sleep_until(begun + from).await;
                    length
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(server.clone(), stream));
                }
                Err(_) => tokio::time::sleep(AGAIN).await,
            },
            Some(_) = connections.join_next() => {}
            length = cut => {
                drop(listener);
                server.log.cut(Timestamp::now(), length);
                connections.shutdown().await;
                tokio::time::sleep(length).await;
                listener = bind_again(address).await;
                next = cuts.next();
            }
        }
    }
}

async fn bind_again(address: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}

/// The requests of a connection, one after the other.
async fn connection(server: Arc<Server>, stream: TcpStream) {
    // Answers are written as they are, without waiting for more.
    let _ = stream.set_nodelay(true);
    let mut stream = BufReader::new(stream);
    let mut answered = None;
    loop {
        let request = match Request::read(&mut stream).await {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(error) => {
                // The client's end had bytes that it did not read.
                if let (io::ErrorKind::ConnectionReset, Some(number)) = (error.kind(), answered) {
                    server.log.reset(number);
                }
                return;
            }
        };
        let mut line = server.log.line(&request.target, request.at);
        if let Some(hostile) = Hostile::of(request.path()) {
            // A client that goes away is the end that is meant.
            let _ = hostile.send(&mut stream, &mut line).await;
            return;
        }
        let goes_on = server.answer(&request).send(&mut stream, &request, &mut line).await;
        answered = line.is_complete.then_some(line.request);
        drop(line);
        if !matches!(goes_on, Ok(true)) {
            return;
        }
    }
}

impl Server {
    fn answer(&self, request: &Request) -> Answer {
        if !request.is_readable() {
            return Answer::plain(405, "feeds are read by GET");
        }
        match request.path().strip_prefix("/bulk/") {
            Some(number) => {
                self.bulk.answer(number, request).unwrap_or_else(|| Answer::plain(404, "there is no such bulk feed"))
            }
            None => self.city.answer(request),
        }
    }
}

/// Why an address cannot be served at, and what to do.
fn unserved(address: SocketAddr, error: &io::Error) -> io::Error {
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => "Something else is served there: end it, or choose another port",
        io::ErrorKind::PermissionDenied => "Choose a port from 1024 on",
        _ => "Choose an address of this machine, as 127.0.0.1:8080",
    };
    let said = format!(
        "{address} cannot be served at: {error}. {remedy}; with port 0 ({}:0) a free one is taken and told.",
        address.ip()
    );
    io::Error::new(error.kind(), said)
}

#[cfg(test)]
mod tests;
