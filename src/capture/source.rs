//! Where a feed comes from: a file, a web address, an object in an S3 bucket.
//!
//! [`Source::fetch`] asks once, with the tries of the source's [`Policy`]; what a source is asked again and again for is
//! the [`collector`](crate::capture::collector)'s.

mod address;
mod answer;
mod certificate;
mod clients;
mod clock;
mod file;
mod first_cause;
mod http;
mod policy;
mod retry;
mod s3;

use std::path::PathBuf;

use self::answer::transient;
use self::retry::with_tries;
use crate::capture::mqtt::settings::Settings as MqttSettings;
use crate::capture::redact::Address;
use crate::capture::{CaptureError, FailureKind};

pub(crate) use self::address::Resolver;
pub use self::answer::{FetchOptions, FetchOutcome, Fetched, NotModified, Validators};
pub(super) use self::answer::{given_up, too_large};
pub(crate) use self::certificate::certificate;
pub use self::clients::Clients;
pub use self::clock::{CLOCK_HEADER, PROGRAM_BEGINS};
pub(crate) use self::first_cause::first_cause;
pub(crate) use self::http::retry_after;
pub use self::policy::{MAX_BYTES, MAX_REALTIME_BYTES, Policy};

/// A source, as a pipeline's YAML describes it.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    File {
        path: PathBuf,
        max_bytes: u64,
    },
    Http {
        url: Address,
        headers: Vec<(String, String)>,
        policy: Policy,
    },
    /// `s3://bucket/key`; endpoint, region and credentials as for every bucket (`AWS_*`), or anonymous.
    S3 {
        url: Address,
        options: Vec<(String, String)>,
        policy: Policy,
    },
    /// A broker that sends messages by itself; it is [followed](crate::capture::mqtt::follow), and cannot be asked.
    Mqtt {
        settings: Box<MqttSettings>,
    },
}

impl Source {
    /// The most bytes of a body.
    pub fn max_bytes(&self) -> u64 {
        match self {
            Self::File { max_bytes, .. } => *max_bytes,
            Self::Http { policy, .. } | Self::S3 { policy, .. } => policy.max_bytes,
            Self::Mqtt { .. } => MAX_REALTIME_BYTES,
        }
    }

    /// The source as it is recorded and shown: without credentials.
    pub fn shown(&self) -> String {
        match self {
            Self::File { path, .. } => format!("file:{}", path.display()),
            Self::Http { url, .. } | Self::S3 { url, .. } => url.shown(),
            Self::Mqtt { settings } => settings.url.shown(),
        }
    }

    /// Asks the source once, with retries as its policy says. Blocks; not to be called inside an async runtime.
    pub fn fetch(&self, known: &Validators) -> Result<Fetched, CaptureError> {
        let runtime = runtime(&self.shown())?;
        let options = FetchOptions { known: known.clone(), ..FetchOptions::default() };
        let asked = runtime.block_on(self.fetch_with(&options));
        runtime.shutdown_background();
        asked.result
    }

    /// Asks the source once, with retries as its policy says.
    pub async fn fetch_with(&self, with: &FetchOptions) -> FetchOutcome {
        // A second call finds the provider installed, which is what it wants.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let shown = self.shown();
        let result = match self {
            Self::File { path, max_bytes } => {
                let (path, max_bytes, known, name) = (path.clone(), *max_bytes, with.known.clone(), shown.clone());
                // A disk that does not answer must not keep others from being asked.
                let read = move || file::fetch_file(&path, &name, max_bytes, &known);
                let read = tokio::task::spawn_blocking(read).await;
                read.unwrap_or_else(|error| {
                    let problem = format!("reading it ended without a result ({error})");
                    Err(transient(&shown, FailureKind::Other, problem))
                })
            }
            Self::Http { url, headers, policy } => match with.clients.http(&shown, policy) {
                Ok(client) => {
                    let request = || http::try_http(&client, url, headers, policy, with);
                    return with_tries(&shown, policy, with, request).await;
                }
                Err(error) => Err(error),
            },
            Self::S3 { url, options, policy } => match with.clients.s3(&shown, &url.url, options, policy) {
                Ok(store) => {
                    return with_tries(&shown, policy, with, || s3::try_s3(&store, url, policy, &with.known)).await;
                }
                Err(error) => Err(error),
            },
            Self::Mqtt { .. } => Err(answer::lasting(
                &shown,
                FailureKind::Other,
                "a broker of MQTT cannot be asked, it sends by itself".to_owned(),
                "Let 'fahrtenbuch collect' follow it; a run takes the messages from the evidence",
            )),
        };
        FetchOutcome { result, not_before: None }
    }
}

/// A runtime for asking one source on the thread that it is used on.
pub fn runtime(shown: &str) -> Result<tokio::runtime::Runtime, CaptureError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| transient(shown, FailureKind::Other, format!("no thread for it ({error})")))
}

#[cfg(test)]
mod tests;
