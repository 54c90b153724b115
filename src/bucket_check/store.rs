//! What the store does for the publisher.

use bytes::Bytes;

use super::finding::{Finding, Probe};
use crate::publish::PublishError;
use crate::publish::bucket::{Bucket, headers};

const CREATE_ONLY: &str = "Two runs at once could overwrite each other's release, so nothing is published there. Use a store that \
                           honours 'If-None-Match: *': AWS S3, Ceph, MinIO, Garage, SeaweedFS, or a folder; or a newer version of this one";
const ATTRIBUTES: &str = "Readers are told another content type, or keep files for too long or too short a time. Use a store that keeps \
                          Content-Type and Cache-Control of an object, or set them in the web server before it";

/// Writes a probe twice, and reads it back in every way.
pub(super) fn check(bucket: &Bucket, probe: &Probe, findings: &mut Vec<Finding>) -> Result<(), PublishError> {
    let Probe { key, bytes } = probe;
    bucket.put_new(key, Bytes::from(bytes.clone()))?;
    let is_first = findings.is_empty();
    if is_first {
        findings.push(create_only(bucket, probe)?);
    }
    let Some(described) = bucket.described(key)? else {
        let remedy = "Look into the store's log, and try again";
        findings.push(Finding::fails("write", format!("what was written to '{key}' is not there"), remedy));
        return Ok(());
    };
    if is_first {
        let part = bucket.get_range(key, 100..110)?;
        findings.push(match described.bytes == bytes.len() as u64 && part == bytes[100..110] {
            true => Finding::works("read", "the store tells sizes and sends parts of objects"),
            false => Finding::fails("read", "the store sends other bytes than were written", "Use another store"),
        });
    }
    // A folder keeps no attributes; its web server has its own.
    if bucket.folder().is_some() {
        return Ok(());
    }
    for (id, name, told, expected) in [
        ("stored-type", "Content-Type", &described.content_type, headers::content_type(key)),
        ("stored-caching", "Cache-Control", &described.cache_control, headers::cache_control(key)),
    ] {
        let told = told.as_deref().unwrap_or("nothing");
        findings.push(match told == expected {
            true => Finding::works(id, format!("the store keeps {name} ({expected})")),
            false => Finding::lacks(id, format!("the store keeps {name} as {told} instead of {expected}"), ATTRIBUTES),
        });
    }
    Ok(())
}

/// Writes other bytes under the name of an object that is there.
fn create_only(bucket: &Bucket, probe: &Probe) -> Result<Finding, PublishError> {
    let id = "create-only";
    let again = match bucket.put_new(&probe.key, Bytes::from_static(b"another one")) {
        Ok(again) => again,
        // It was there a moment ago, so the refusal is about the condition.
        Err(error) => {
            return Ok(Finding::fails(
                id,
                format!("the store does not take create-only writes ({error})"),
                CREATE_ONLY,
            ));
        }
    };
    let there = bucket.get(&probe.key)?;
    if again || there.as_deref() != Some(probe.bytes.as_slice()) {
        // What follows looks at the probe again.
        bucket.put(&probe.key, Bytes::from(probe.bytes.clone()))?;
        let sentence = "the store ignores create-only writes (If-None-Match: *): it overwrote an object that was there";
        return Ok(Finding::fails(id, sentence, CREATE_ONLY));
    }
    Ok(Finding::works(id, "the store honours create-only writes"))
}
