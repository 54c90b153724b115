//! Requests to servers: with time limits, never to another host, and errors in words without the address.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use url::Url;

use crate::capture::source::{certificate, first_cause, retry_after};
use crate::notify::delivery::{Failure, FailureKind};

const CONNECT: Duration = Duration::from_secs(10);
/// For the whole of a request and its answer.
const TOTAL: Duration = Duration::from_secs(20);
/// Bytes of an answer that are looked at.
const ANSWER: usize = 4096;

/// A request with a body of JSON.
pub(super) struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

/// Sends a request once.
pub(super) fn send(request: &Request) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let mut builder = client()?.request(request.method.clone(), request.url.clone());
        builder = builder.header("Content-Type", "application/json; charset=utf-8");
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let response = builder.body(request.body.to_string()).send().await.map_err(request_failure)?;
        match answer_failure(&response) {
            None => Ok(()),
            Some(failure) => Err(with_code(failure, response).await),
        }
    })
}

/// A runtime for one request on the thread that it is used on.
pub(in crate::notify) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::transient(format!("no thread for it ({error})")))
}

/// A client that follows no redirect: what is sent is for the host that is written, and for no other.
pub(in crate::notify) fn client() -> Result<reqwest::Client, Failure> {
    // A second call finds the provider installed, which is what it wants.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .timeout(TOTAL)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("fahrtenbuch/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| {
            let problem = format!("no client for it: {}", error.without_url());
            Failure::new(FailureKind::Permanent, problem, "Check the system's certificates.")
        })
}

/// What a certificate that is not accepted asks for.
pub(super) const CERTIFICATE: &str = "Check the address and the clock of this machine; if both are right, let the server's \
                                      certificate be mended, or add its issuer to the system's certificates (or SSL_CERT_FILE).";

/// An error of the network in one line, without the address, which may be a key.
pub(in crate::notify) fn request_failure(error: reqwest::Error) -> Failure {
    if let Some((problem, _)) = certificate(&error) {
        return Failure::new(FailureKind::Permanent, problem, CERTIFICATE);
    }
    if error.is_builder() {
        let problem = format!("the request cannot be made: {}", error.without_url());
        return Failure::new(FailureKind::Configuration, problem, "Check the address and the headers of the channel.");
    }
    let words = match () {
        () if error.is_timeout() => "the server did not answer in time",
        () if error.is_connect() => "no connection to the server",
        () => "the answer broke off",
    };
    let error = error.without_url();
    Failure::transient(format!("{words} ({})", first_cause(&error)))
}

/// What an answer means that is none of success.
pub(in crate::notify) fn answer_failure(response: &reqwest::Response) -> Option<Failure> {
    let status = response.status().as_u16();
    let problem = format!("the server answers {status}");
    let permanent = |remedy: &str| Some(Failure::new(FailureKind::Permanent, problem.clone(), remedy));
    match status {
        200..=299 => None,
        408 | 425 | 429 | 500..=599 => {
            let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
            let retry_after = wait.and_then(|text| retry_after(text, crate::time::now()));
            Some(Failure { retry_after, ..Failure::transient(problem) })
        }
        300..=399 => permanent("Write the address that it leads to: redirects are not followed."),
        401 | 403 => permanent("Check the token or the address of the channel, and that it may write there."),
        404 | 410 => permanent("Check the address of the channel: there is nothing, or not any more."),
        413 => permanent("Ask whoever runs the server: it takes no message of this size."),
        _ => permanent("Check the address of the channel, and ask whoever runs the server."),
    }
}

/// With the code of an error as Matrix tells it (`errcode`). Other words of an answer are not told: it may
/// repeat what it was sent.
async fn with_code(mut failure: Failure, mut response: reqwest::Response) -> Failure {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk[..chunk.len().min(ANSWER - body.len())]);
        if body.len() == ANSWER {
            break;
        }
    }
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    let is_code = |text: &&str| text.len() < 60 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    if let Some(code) = json.get("errcode").and_then(Value::as_str).filter(is_code) {
        failure.problem += &format!(" ({code})");
    }
    failure
}
