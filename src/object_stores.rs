//! S3 as a store of objects: how it is configured, and how it is opened, wherever it is written to.

mod credentials;
mod options;

use std::path::Path;
use std::sync::Arc;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, RetryConfig};

use crate::yaml::Problem;

pub(crate) use self::credentials::Unopened;
use self::credentials::{Settings, check, expanded};
pub use self::options::Options;

/// How long a store is waited for; what is absent is as the library has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patience {
    pub retry: RetryConfig,
    /// Settings that the configured options may replace: `timeout`, `read_timeout`.
    pub presets: &'static [(&'static str, &'static str)],
}

/// Opens `bucket/prefix` (what stands behind `s3://`). What `options` do not set comes from `AWS_*`.
///
/// # Errors
/// A setting is wrong, or there are no keys: no machine is asked for some unless the configuration or the environment says which.
pub(crate) fn open_s3(address: &str, options: &Options, patience: Patience) -> Result<Arc<dyn ObjectStore>, Unopened> {
    let (name, prefix) = address.split_once('/').unwrap_or((address, ""));
    let store = expanded(options)
        .and_then(|options| open_source(name, patience.presets.iter().copied(), &options, patience.retry))
        .map_err(|unopened| unopened.named(options))?;
    Ok(if prefix.is_empty() { Arc::new(store) } else { Arc::new(PrefixStore::new(store, prefix)) })
}

/// Opens a bucket by settings that name no variables any more.
///
/// # Errors
/// As [`open_s3`].
pub(crate) fn open_source<'a>(
    bucket: &str,
    presets: impl Iterator<Item = (&'a str, &'a str)>,
    options: &'a [(String, String)],
    retry: RetryConfig,
) -> Result<AmazonS3, Unopened> {
    let settings = Settings::new(std::env::vars_os(), presets, options)?;
    check(&settings)?;
    let mut builder = AmazonS3Builder::new().with_retry(retry);
    for (key, value) in settings.into_values() {
        builder = builder.with_config(key, value);
    }
    // A second call finds the provider installed, which is what it wants.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let store = builder.with_bucket_name(bucket).build();
    store.map_err(|error| Unopened::new(error.to_string(), "Check its 'options' and AWS_*"))
}

/// What keeps a store from being opened where this is called, as `check` tells it; nothing is asked over the network.
pub(crate) fn unopened(shown: &str, options: &Options) -> Option<Problem> {
    let (file, line) = options.named.clone().unwrap_or_default();
    match expanded(options) {
        Ok(expanded) => unopened_source(shown, &expanded, (&file, line)),
        Err(unopened) => Some(told(shown, unopened, (&file, line))),
    }
}

/// The same of a store whose settings name no variables any more.
pub(crate) fn unopened_source(shown: &str, options: &[(String, String)], place: (&Path, u32)) -> Option<Problem> {
    let settings = Settings::new(std::env::vars_os(), std::iter::empty(), options);
    let unopened = settings.and_then(|settings| check(&settings)).err()?;
    Some(told(shown, unopened, place))
}

fn told(shown: &str, Unopened { problem, remedy }: Unopened, (file, line): (&Path, u32)) -> Problem {
    Problem { file: file.to_owned(), line, message: format!("{shown}: {problem}"), remedy: format!("{remedy}.") }
}
