//! A feed that is an object of an S3 bucket.

use futures::StreamExt;
use object_store::aws::AmazonS3;
use object_store::{Attribute, GetOptions, ObjectStore, RetryConfig};

use super::answer::{Answer, Fetched, NotModified, Validators, lasting, too_large};
use super::certificate::certificate;
use super::policy::Policy;
use crate::capture::redact::Address;
use crate::capture::{Capture, CaptureError, FailureKind};
use crate::digest::Digest;
use crate::object_stores::{Unopened, open_source};

/// The store of an S3 source. It makes one try; more of them are made here, as for other sources.
pub(super) fn store(
    shown: &str,
    url: &url::Url,
    options: &[(String, String)],
    policy: &Policy,
) -> Result<AmazonS3, CaptureError> {
    let once = RetryConfig { max_retries: 0, retry_timeout: policy.total_timeout, ..RetryConfig::default() };
    let limits = [
        ("connect_timeout", policy.connect_timeout),
        ("read_timeout", policy.read_timeout),
        ("timeout", policy.total_timeout),
    ]
    .map(|(name, limit)| (name, format!("{} ms", limit.as_millis())));
    let limits = limits.iter().map(|(name, limit)| (*name, limit.as_str()));
    open_source(url.host_str().unwrap_or_default(), limits, options, once)
        .map_err(|Unopened { problem, remedy }| lasting(shown, FailureKind::Other, problem, &remedy))
}

pub(super) async fn try_s3(
    store: &AmazonS3,
    address: &Address,
    policy: &Policy,
    known: &Validators,
) -> Result<Answer, CaptureError> {
    let shown = address.shown();
    let path = object_store::path::Path::from(address.url.path().trim_start_matches('/'));
    let options = GetOptions { if_none_match: known.etag().cloned(), ..GetOptions::default() };
    let failed = |error: object_store::Error| match error {
        object_store::Error::NotFound { .. } => {
            let problem = "there is no such object".to_owned();
            Err(lasting(&shown, FailureKind::Status(404), problem, "Check the bucket and the key"))
        }
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            let problem = "the store refuses access".to_owned();
            Err(lasting(&shown, FailureKind::Status(403), problem, "Check the credentials"))
        }
        error => match certificate(&error) {
            Some((problem, remedy)) => Err(lasting(&shown, FailureKind::Tls, problem, remedy)),
            None => {
                let problem = format!("the store failed: {error}");
                Ok(Answer::Again { kind: FailureKind::Other, problem, wait: None })
            }
        },
    };
    let object = match store.get_opts(&path, options).await {
        Err(object_store::Error::NotModified { .. }) if known.are_conditions() => {
            let unchanged = NotModified { at: crate::time::now(), status: 304, headers: Vec::new() };
            return Ok(Answer::Fetched(Fetched::NotModified(unchanged)));
        }
        Err(error) => return failed(error),
        Ok(object) => object,
    };
    if object.meta.size > policy.max_bytes {
        return Err(too_large(&shown, policy.max_bytes));
    }
    let mut headers = Vec::new();
    headers.extend(object.meta.e_tag.clone().map(|etag| ("ETag".to_owned(), etag)));
    headers.push(("Last-Modified".to_owned(), object.meta.last_modified.to_rfc2822()));
    for (name, attribute) in [
        ("Content-Type", Attribute::ContentType),
        ("Content-Encoding", Attribute::ContentEncoding),
        ("Content-Language", Attribute::ContentLanguage),
    ] {
        headers.extend(object.attributes.get(&attribute).map(|value| (name.to_owned(), value.to_string())));
    }
    let mut body = Vec::new();
    let mut chunks = object.into_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => return failed(error),
        };
        if (body.len() + chunk.len()) as u64 > policy.max_bytes {
            return Err(too_large(&shown, policy.max_bytes));
        }
        body.extend_from_slice(&chunk);
    }
    let captured_at = crate::time::now();
    let digest = Digest::of(&body);
    let capture = Capture { url: shown.clone(), captured_at, status: 200, headers, body: body.into(), digest };
    Ok(Answer::Fetched(Fetched::of(capture, known)))
}
