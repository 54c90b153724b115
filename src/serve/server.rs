//! Keeps clients within bounds, and ends cleanly.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::access_log::AccessLog;
use super::answer::answer;
use super::body::Content;
use super::folder::Folder;
use super::stream::Patient;

/// Connections at once; more wait. Each holds a socket and a file, and a process may often have 1024 of both.
const CLIENTS: usize = 400;
/// What a client may take to ask, from the connection or the last answer on.
const ASKING: Duration = Duration::from_secs(20);
/// How long a client may take nothing of an answer.
const TAKING: Duration = Duration::from_secs(30);
/// Bytes and lines of a request's head.
const HEAD: usize = 16 << 10;
const HEADERS: usize = 64;
/// What answers may still take when the server ends.
const ENDING: Duration = Duration::from_secs(10);
/// After an error of the listener, as of too many open files.
const PAUSE: Duration = Duration::from_millis(200);

/// What is served, and who writes down what was asked for.
#[derive(Clone, Debug)]
pub struct Site {
    folder: Folder,
    log: AccessLog,
}

impl Site {
    pub fn new(folder: PathBuf, log: AccessLog) -> Self {
        Self { folder: Folder(folder), log }
    }

    async fn answer(&self, request: Request<Incoming>, client: IpAddr) -> Response<Content> {
        let (head, _) = request.into_parts();
        let mut line = self.log.line(&head, client);
        let folder = self.folder.clone();
        let answered = tokio::task::spawn_blocking(move || answer(&folder, &head)).await;
        let response = answered.unwrap_or_else(|error| {
            tracing::error!("a request could not be answered: {error}");
            let mut response = Response::new(Content::default());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        });
        line.status = response.status().as_u16();
        response.map(|content| content.logged(line))
    }
}

/// Answers until `stop` is ready; then answers that have begun may end, for some seconds.
pub async fn serve(listener: TcpListener, site: Site, stop: impl Future<Output = ()>) {
    let site = Arc::new(site);
    let places = Arc::new(Semaphore::new(CLIENTS));
    let (ending, ended) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = async {
            // The semaphore is never closed.
            let place = places.clone().acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                let (site, ended) = (site.clone(), ended.clone());
                connections.spawn(async move {
                    converse(stream, site, from.ip(), ended).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("a client could not be accepted: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    ending.send_replace(true);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(ENDING, all).await.is_err() {
        tracing::warn!("clients that were still reading were cut off");
    }
}

/// One connection, with one request after the other.
async fn converse(stream: TcpStream, site: Arc<Site>, client: IpAddr, mut ended: watch::Receiver<bool>) {
    // Without it small answers wait for others; they come sooner or later all the same.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let site = site.clone();
        async move { Ok::<_, Infallible>(site.answer(request, client).await) }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(ASKING)
            .max_headers(HEADERS)
            .max_buf_size(HEAD)
            .serve_connection(TokioIo::new(Patient::new(stream, TAKING)), service)
    );
    // A client that is gone, slow or speaks no HTTP is nobody's business but its own.
    let ended = async { ended.wait_for(|ended| *ended).await.is_ok() };
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        _ = ended => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!("a connection ended: {error}");
    }
}
