//! S3 as a store of objects: how it is opened, wherever it is written to.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, RetryConfig};

/// How long a store is waited for; what is absent is as the library has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patience {
    pub retry: RetryConfig,
    /// Settings that the configured options may replace: `timeout`, `read_timeout`.
    pub presets: &'static [(&'static str, &'static str)],
}

/// Opens `bucket/prefix` (what stands behind `s3://`). `options` are its settings; what is absent comes from `AWS_*`. An error is
/// for people.
pub(crate) fn open_s3(
    address: &str,
    options: &BTreeMap<String, String>,
    patience: Patience,
) -> Result<Arc<dyn ObjectStore>, String> {
    let (name, prefix) = address.split_once('/').unwrap_or((address, ""));
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(name).with_retry(patience.retry);
    let options = options.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    for (key, value) in patience.presets.iter().copied().chain(options) {
        let key: AmazonS3ConfigKey = key.parse().map_err(|_| format!("'{key}' is no setting of an S3 store"))?;
        builder = builder.with_config(key, value);
    }
    // A second call finds the provider installed, which is what it wants.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let store = builder.build().map_err(|error| error.to_string())?;
    Ok(if prefix.is_empty() { Arc::new(store) } else { Arc::new(PrefixStore::new(store, prefix)) })
}
