//! A small HTTP server for metrics: `/metrics` and `/healthz`, and nothing else.
//!
//! It is bounded in all that a client decides: how many are served at once, how long they may take, how much they may say.

use std::collections::VecDeque;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore, oneshot};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::metrics::facts::Metrics;

/// Clients that are served at once. Of more, the one that has been asking for the longest time gives way; those that are being
/// answered are waited for.
const CLIENTS: usize = 32;
/// Bytes of a request's head.
const HEAD: usize = 8 << 10;
/// What a client may take to ask, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// After an error of the listener, as of too many open files.
const PAUSE: Duration = Duration::from_millis(200);

/// Where to listen: `9117` and `localhost:9117` are this machine alone, `0.0.0.0:9117` is everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddress(pub SocketAddr);

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        if let Ok(port) = text.parse() {
            return Ok(Self(SocketAddr::new(loopback, port)));
        }
        if let Some(Ok(port)) = text.strip_prefix("localhost:").map(str::parse) {
            return Ok(Self(SocketAddr::new(loopback, port)));
        }
        if let Ok(address) = text.parse() {
            return Ok(Self(address));
        }
        let remedy = format!(
            "Write a port for this machine alone ('9117'), or an address and a port ('0.0.0.0:9117', '[{}]:9117').",
            Ipv6Addr::UNSPECIFIED
        );
        Err(format!("'{text}' is no address to listen on. {remedy}"))
    }
}

/// A server on a thread of its own; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens, and answers from now on. `content` is asked for each `/metrics`, by one client at a time.
    ///
    /// # Errors
    /// The address is taken or not of this machine.
    pub fn start<F>(ListenAddress(address): ListenAddress, content: F) -> std::io::Result<Self>
    where
        F: Fn() -> Metrics + Send + Sync + 'static,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(address))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = move || {
            runtime.block_on(serve(listener, content, async { drop(stopped.await) }));
            // Facts that are being gathered are nobody's any more.
            runtime.shutdown_timeout(PAUSE);
        };
        let thread = std::thread::Builder::new().name("metrics".to_owned()).spawn(serving)?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens, with the port that it was given where port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A thread that panicked has told it.
        self.thread.take().map(JoinHandle::join);
    }
}

/// Answers until `stop` is ready. `content` is asked for each `/metrics`, by one client at a time, on a thread that may wait.
pub async fn serve<F>(listener: TcpListener, content: F, stop: impl Future<Output = ()>)
where
    F: Fn() -> Metrics + Send + Sync + 'static,
{
    let source = Arc::new(Source { content: Arc::new(content), one: Mutex::new(()) });
    let clients = Arc::new(Semaphore::new(CLIENTS));
    let accept = async {
        // Those that have not said what they want, in the order of their coming.
        let mut asking: VecDeque<(AbortHandle, Arc<AtomicBool>)> = VecDeque::new();
        loop {
            let (stream, _) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!("a client of the metrics could not be accepted: {error}");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            asking.retain(|(task, has_asked)| !task.is_finished() && !has_asked.load(Ordering::Relaxed));
            if clients.available_permits() == 0
                && let Some((task, _)) = asking.pop_front()
            {
                task.abort();
            }
            // The semaphore is never closed.
            let Ok(place) = clients.clone().acquire_owned().await else { return };
            let (source, has_asked) = (source.clone(), Arc::new(AtomicBool::new(false)));
            let asked = has_asked.clone();
            let task = tokio::spawn(async move {
                // A client that is gone or slow is nobody's business but its own.
                let _ = timeout(2 * PATIENCE, source.answer(stream, &asked)).await;
                drop(place);
            });
            asking.push_back((task.abort_handle(), has_asked));
        }
    };
    tokio::select! {
        () = accept => {}
        () = stop => {}
    }
}

struct Source<F> {
    content: Arc<F>,
    /// Who holds it gathers the facts.
    one: Mutex<()>,
}

impl<F: Fn() -> Metrics + Send + Sync + 'static> Source<F> {
    async fn answer(&self, mut stream: TcpStream, has_asked: &AtomicBool) -> std::io::Result<()> {
        let head = timeout(PATIENCE, head(&mut stream)).await;
        has_asked.store(true, Ordering::Relaxed);
        let answer = match head {
            Ok(Ok(Some(head))) => self.response(&head).await,
            Ok(Ok(None)) => Response::text(431, "the request is too long\n"),
            Ok(Err(error)) => return Err(error),
            Err(_) => Response::text(408, "the request did not come\n"),
        };
        stream.write_all(&answer.bytes()).await?;
        stream.shutdown().await?;
        // What is still coming would reset the connection, and the answer with it.
        let mut rest = [0; 1 << 10];
        let mut left = HEAD;
        while let Ok(Ok(read @ 1..)) = timeout(Duration::from_secs(1), stream.read(&mut rest)).await {
            let Some(less) = left.checked_sub(read) else { break };
            left = less;
        }
        Ok(())
    }

    async fn response(&self, head: &[u8]) -> Response {
        let Some(Request { method, path }) = Request::read(head) else {
            return Response::text(400, "this is no request of HTTP\n");
        };
        let is_head = method == "HEAD";
        if !is_head && method != "GET" {
            return Response::text(405, "GET and HEAD are answered\n");
        }
        let mut response = match path {
            "/healthz" => Response::text(200, "ok\n"),
            "/metrics" => self.metrics().await,
            _ => Response::text(404, "/metrics and /healthz are here\n"),
        };
        response.is_head = is_head;
        response
    }

    async fn metrics(&self) -> Response {
        let _one = self.one.lock().await;
        let content = self.content.clone();
        match tokio::task::spawn_blocking(move || content().exposition()).await {
            Ok(text) => Response { status: 200, kind: Metrics::CONTENT_TYPE, body: text, is_head: false },
            Err(error) => {
                tracing::error!("the metrics could not be gathered: {error}");
                Response::text(500, "the metrics could not be gathered\n")
            }
        }
    }
}

/// Reads until the empty line; `None` where it does not come within [`HEAD`] bytes.
async fn head(stream: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut part = [0; 1 << 10];
    loop {
        let read = stream.read(&mut part).await?;
        if read == 0 {
            // What is there may be a request of somebody who waits for the answer alone.
            return Ok(Some(bytes));
        }
        bytes.extend_from_slice(&part[..read]);
        if bytes.windows(4).any(|end| end == b"\r\n\r\n") || bytes.windows(2).any(|end| end == b"\n\n") {
            return Ok(Some(bytes));
        }
        if bytes.len() > HEAD {
            return Ok(None);
        }
    }
}

/// The first line of a request.
struct Request<'a> {
    method: &'a str,
    /// Without the query.
    path: &'a str,
}

impl<'a> Request<'a> {
    fn read(head: &'a [u8]) -> Option<Self> {
        let line = std::str::from_utf8(head.split(|byte| *byte == b'\n').next()?).ok()?;
        let words: Vec<&str> = line.trim_end_matches('\r').split(' ').collect();
        let &[method, target, version] = words.as_slice() else { return None };
        let is_request = !method.is_empty() && target.starts_with('/') && version.starts_with("HTTP/1.");
        is_request.then(|| Self { method, path: target.split_once('?').map_or(target, |(path, _)| path) })
    }
}

struct Response {
    status: u16,
    kind: &'static str,
    body: String,
    /// Whether the body is not sent.
    is_head: bool,
}

impl Response {
    fn text(status: u16, body: &str) -> Self {
        Self { status, kind: "text/plain; charset=utf-8", body: body.to_owned(), is_head: false }
    }

    fn bytes(&self) -> Vec<u8> {
        let reason = match self.status {
            200 => "OK",
            400 => "Bad Request",
            404 => "Not Found",
            405 => "Method Not Allowed",
            408 => "Request Timeout",
            431 => "Request Header Fields Too Large",
            _ => "Internal Server Error",
        };
        let allow = if self.status == 405 { "Allow: GET, HEAD\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 {} {reason}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{allow}Cache-Control: no-store\r\n\
             X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
            self.status,
            self.kind,
            self.body.len()
        );
        let body = if self.is_head { "" } else { &self.body };
        [head.as_bytes(), body.as_bytes()].concat()
    }
}

#[cfg(test)]
mod tests;
