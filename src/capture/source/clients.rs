//! Clients of sources, made once: connections are used again, and certificates of authorities are held once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use object_store::aws::AmazonS3;

use super::policy::Policy;
use super::{http, s3};
use crate::capture::CaptureError;

/// Clients by what sets them apart; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    http: Arc<Mutex<HashMap<[Duration; 2], reqwest::Client>>>,
    s3: Arc<Mutex<HashMap<S3, AmazonS3>>>,
}

/// A bucket, its options, and its timeouts.
type S3 = (String, Vec<(String, String)>, [Duration; 3]);

impl Clients {
    pub(super) fn http(&self, shown: &str, policy: &Policy) -> Result<reqwest::Client, CaptureError> {
        once(&self.http, [policy.connect_timeout, policy.read_timeout], || http::client(shown, policy))
    }

    pub(super) fn s3(
        &self,
        shown: &str,
        url: &url::Url,
        options: &[(String, String)],
        policy: &Policy,
    ) -> Result<AmazonS3, CaptureError> {
        let timeouts = [policy.connect_timeout, policy.read_timeout, policy.total_timeout];
        let bucket = url.host_str().unwrap_or_default().to_owned();
        once(&self.s3, (bucket, options.to_vec(), timeouts), || s3::store(shown, url, options, policy))
    }
}

fn once<K: Eq + Hash, V: Clone, E>(
    made: &Mutex<HashMap<K, V>>,
    key: K,
    make: impl FnOnce() -> Result<V, E>,
) -> Result<V, E> {
    let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(client) = made.get(&key) {
        return Ok(client.clone());
    }
    let client = make()?;
    made.insert(key, client.clone());
    Ok(client)
}
