//! The simulated city's feeds over HTTP, live: for trying out polling, and for tests of it.
//!
//! `/gtfs.zip`, `/gtfs-rt/vehicle-positions`, `/gtfs-rt/trip-updates`, `/gtfs-rt/alerts`, `/busplus/fahrzeuge`; with ETag and Last-Modified, and
//! 304 where the client has the current answer. During an outage the realtime feeds answer 503.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::TcpListener;

use crate::digest::Digest;
use crate::simulate::realtime::Feed;
use crate::simulate::{Simulation, busplus, write};

/// How the server behaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manners {
    /// Realtime feeds change every so many seconds.
    pub interval: i64,
    /// Every other answer stops after its first half.
    pub stall: bool,
    /// Of every four answers one is a 500, one a 503, and one is cut off.
    pub flaky: bool,
}

type Answer = Response<BoxBody<Bytes, std::io::Error>>;

struct Server {
    simulation: Simulation,
    gtfs: Bytes,
    manners: Manners,
    asked: AtomicU64,
}

/// A server that is running; it stops when this is dropped.
pub struct Running {
    pub address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

/// Serves a simulation on an address; port 0 takes a free one.
pub fn serve(simulation: Simulation, address: SocketAddr, manners: Manners) -> std::io::Result<Running> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind(address))?;
    let address = listener.local_addr()?;
    let gtfs = write::gtfs_zip(&simulation)?.into();
    let server = Arc::new(Server { simulation, gtfs, manners, asked: AtomicU64::new(0) });
    runtime.spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let server = server.clone();
            tokio::spawn(async move {
                let service = hyper::service::service_fn(move |request| {
                    let server = server.clone();
                    async move { Ok::<_, Infallible>(server.answer(&request)) }
                });
                // A client that goes away, and a body that is cut off on purpose, end the connection with an error.
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok(Running { address, _runtime: runtime })
}

impl Server {
    fn answer(&self, request: &Request<Incoming>) -> Answer {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        if self.manners.flaky && number % 4 < 2 {
            let status = if number.is_multiple_of(4) {
                StatusCode::INTERNAL_SERVER_ERROR
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            return plain(status, "flaky");
        }
        let (body, changed) = match request.uri().path() {
            "/gtfs.zip" => (self.gtfs.clone(), self.simulation.day.zero),
            "/busplus/fahrzeuge" => {
                let at = self.moment();
                match busplus::document(&self.simulation, at) {
                    Some(body) => (body.into(), at),
                    None => return plain(StatusCode::SERVICE_UNAVAILABLE, "the feed is down"),
                }
            }
            path => {
                let feed = Feed::ALL.into_iter().find(|feed| path.strip_prefix("/gtfs-rt/") == Some(feed.name()));
                let Some(feed) = feed else { return plain(StatusCode::NOT_FOUND, "there is no such feed") };
                let at = self.moment();
                match self.simulation.snapshot(feed, at) {
                    Some(body) => (body.into(), at),
                    None => return plain(StatusCode::SERVICE_UNAVAILABLE, "the feed is down"),
                }
            }
        };
        let etag = format!("\"{}\"", Digest::of(&body).short());
        let modified = http_date(changed);
        let asked_for = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        // A client that sends both means the ETag (RFC 9110, 13.2.2).
        let known = match (asked_for("if-none-match"), asked_for("if-modified-since")) {
            (Some(etags), _) => etags.split(',').any(|known| known.trim() == etag),
            (None, Some(date)) => date == modified,
            (None, None) => false,
        };
        let builder = Response::builder().header("ETag", etag).header("Last-Modified", modified);
        if known {
            return finished(builder.status(StatusCode::NOT_MODIFIED).body(whole(Bytes::new())));
        }
        let length = body.len();
        let stall = self.manners.stall && number.is_multiple_of(2);
        let cut = self.manners.flaky && number % 4 == 2;
        let body = if stall || cut { half(&body, stall) } else { whole(body) };
        finished(builder.header("Content-Length", length).header("Content-Type", "application/octet-stream").body(body))
    }

    /// The simulated moment: the time of day of now, on the simulated date.
    fn moment(&self) -> i64 {
        let now = Timestamp::now().as_second();
        let interval = self.manners.interval.max(1);
        let zero = self.simulation.day.zero;
        (zero + (now - zero).rem_euclid(86_400)).div_euclid(interval) * interval
    }
}

fn whole(body: Bytes) -> BoxBody<Bytes, std::io::Error> {
    Full::new(body).map_err(|never| match never {}).boxed()
}

/// The first half of a body; then nothing for an hour, or the end of the connection.
fn half(body: &Bytes, stall: bool) -> BoxBody<Bytes, std::io::Error> {
    let first = futures::stream::iter([Ok(Frame::data(body.slice(..body.len() / 2)))]);
    let rest = futures::stream::once(async move {
        if stall {
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
        Err(std::io::Error::other("cut off on purpose"))
    });
    BodyExt::boxed(StreamBody::new(first.chain(rest)))
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    finished(Response::builder().status(status).body(whole(Bytes::from_static(text.as_bytes()))))
}

/// All headers are made here, so they are valid.
fn finished(answer: Result<Answer, hyper::http::Error>) -> Answer {
    answer.unwrap_or_else(|_| Response::new(whole(Bytes::new())))
}

fn http_date(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or_default();
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::CaptureError;
    use crate::capture::source::{Fetched, Policy, Source, Validators};

    fn running(manners: Manners) -> Running {
        let simulation = Simulation::new(1, "2026-11-24".parse().unwrap(), false).unwrap();
        serve(simulation, "127.0.0.1:0".parse().unwrap(), manners).unwrap()
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
}
