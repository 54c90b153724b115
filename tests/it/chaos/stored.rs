//! All that a bucket has, read past the program: a folder from the disk, S3 by a client of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt};

use crate::world::files;

pub(super) type Objects = BTreeMap<String, Bytes>;

/// Where a bucket is.
pub(super) enum Place {
    Folder(PathBuf),
    S3 { store: AmazonS3, runtime: tokio::runtime::Runtime, known: BTreeMap<String, (String, Bytes)> },
}

impl Place {
    /// The bucket of [`crate::world::World::move_to_s3`] on the server at a port.
    pub(super) fn s3(port: u16) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = AmazonS3Builder::new()
            .with_endpoint(format!("http://127.0.0.1:{port}"))
            .with_region("us-east-1")
            .with_access_key_id("x")
            .with_secret_access_key("y")
            .with_bucket_name("stadtbus")
            .with_client_options(ClientOptions::new().with_allow_http(true))
            .build()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self::S3 { store, runtime, known: BTreeMap::new() }
    }

    pub(super) fn is_folder(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    /// Every object and its bytes. What has the entity tag that it had before is not fetched again.
    pub(super) fn read(&mut self) -> Objects {
        match self {
            Self::Folder(folder) => files(folder).into_iter().map(|(name, bytes)| (name, bytes.into())).collect(),
            Self::S3 { store, runtime, known } => runtime.block_on(async {
                let prefix = object_store::path::Path::from("offen");
                let listed: Vec<_> = store.list(Some(&prefix)).try_collect().await.unwrap();
                let mut objects = Objects::new();
                for object in listed {
                    let name = object.location.to_string();
                    let tag = format!("{:?} {}", object.e_tag, object.size);
                    let bytes = match known.get(&name) {
                        Some((seen, bytes)) if *seen == tag => bytes.clone(),
                        _ => store.get(&object.location).await.unwrap().bytes().await.unwrap(),
                    };
                    known.insert(name.clone(), (tag, bytes.clone()));
                    objects.insert(name.strip_prefix("offen/").unwrap().to_owned(), bytes);
                }
                objects
            }),
        }
    }
}
