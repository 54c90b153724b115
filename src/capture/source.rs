//! Where a feed comes from: a file, a web address, an object in an S3 bucket.

use std::path::PathBuf;
use std::time::Duration;

use crate::capture::{Capture, CaptureError};

/// A source, as a pipeline's YAML describes it.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    File {
        path: PathBuf,
    },
    Http {
        url: url::Url,
        headers: Vec<(String, String)>,
        policy: Policy,
    },
    /// `s3://bucket/key`; endpoint, region and credentials as for every bucket (`AWS_*`), or anonymous.
    S3 {
        url: url::Url,
        options: Vec<(String, String)>,
        policy: Policy,
    },
}

/// How patient and how careful a source is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub connect_timeout: Duration,
    /// No byte for this long is a stall.
    pub read_timeout: Duration,
    /// For the whole response.
    pub total_timeout: Duration,
    /// Tries in all.
    pub tries: u32,
    /// The wait before the second try; doubles with each, with full jitter, up to a minute. `Retry-After` is honoured.
    pub backoff: Duration,
    pub max_bytes: u64,
    pub max_redirects: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(300),
            tries: 4,
            backoff: Duration::from_secs(1),
            max_bytes: 2 << 30,
            max_redirects: 5,
        }
    }
}

/// What was learned of a source when it was last asked; makes the next request conditional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    /// Of the last body, for sources that know no conditional request.
    pub digest: Option<crate::digest::Digest>,
}

pub enum Fetched {
    New(Capture),
    /// The source has what we have.
    NotModified,
}

impl Source {
    /// Asks the source once, with retries as its policy says.
    pub async fn fetch(&self, _known: &Validators) -> Result<Fetched, CaptureError> {
        todo!()
    }
}
