//! What a reader is told of an object: its content type, and how long caches may keep it. S3 gets both as attributes of the
//! object, `serve` sends them.
//!
//! An object whose name stands for its bytes never changes, so a reader keeps it for a year without asking. It may be
//! withdrawn, though, and a copy in a cache that many share would then go on being handed out to those who never had it. Shared
//! caches therefore ask again after an hour (`s-maxage`), which costs a 304 as long as the object is there and removes the copy
//! when it is not. Everything else may be replaced at any time: every use is asked for (`no-cache`), so that an index and the
//! catalogue are never older than the commit, and what they no longer name is not found through them.

/// Of objects whose name stands for their bytes.
pub const IMMUTABLE: &str = "public, max-age=31536000, s-maxage=3600, immutable";
/// Of objects that are replaced.
pub const REPLACED: &str = "no-cache";

/// Content types by the ending of a name.
const CONTENT_TYPES: &[(&str, &str)] = &[
    ("css", "text/css; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("gz", "application/gzip"),
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("jsonl", "application/jsonl"),
    ("jsonld", "application/ld+json"),
    ("md", "text/markdown; charset=utf-8"),
    ("parquet", "application/vnd.apache.parquet"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("sql", "application/sql"),
    ("svg", "image/svg+xml"),
    ("ttl", "text/turtle; charset=utf-8"),
    ("txt", "text/plain; charset=utf-8"),
    ("xml", "application/xml"),
    ("yaml", "application/yaml"),
    ("zip", "application/zip"),
];

/// Where answers of the SQL catalogue are, whose addresses have no ending.
const CATALOGUE: &str = "iceberg/";

/// What the log says of itself, and how the names of proofs end: text, by C2SP `tlog-tiles`.
const CHECKPOINT: &str = "ledger/checkpoint";
const PROOF: &str = ".tlog-proof";

/// The content type of an object.
pub fn content_type(key: &str) -> &'static str {
    let name = key.rsplit('/').next().unwrap_or(key);
    if key == CHECKPOINT || name.ends_with(PROOF) {
        return "text/plain; charset=utf-8";
    }
    let Some((_, ending)) = name.rsplit_once('.') else {
        return if key.starts_with(CATALOGUE) { "application/json" } else { "application/octet-stream" };
    };
    let found = CONTENT_TYPES.iter().find(|(known, _)| *known == ending);
    found.map_or("application/octet-stream", |(_, content_type)| content_type)
}

/// How long caches may keep an object.
pub fn cache_control(key: &str) -> &'static str {
    if is_immutable(key) { IMMUTABLE } else { REPLACED }
}

/// Whether the bytes of an object never change: files of tables, versions of an index and of the log, its tiles, and what is named by its
/// digest.
pub fn is_immutable(key: &str) -> bool {
    let parts: Vec<&str> = key.split('/').collect();
    match parts.as_slice() {
        ["data" | "revised", .., _] => true,
        ["meta", _, _, "index", version] | ["ledger", "log", version] => version.starts_with('v'),
        ["ledger", "tile", ..] => true,
        [.., name] => digest_in(name).is_some(),
        [] => false,
    }
}

/// The digest that stands in a name: all 64 digits of it (`<sha256>.json`), or the first 12 after a hyphen
/// (`part-<12>.parquet`).
pub fn digest_in(name: &str) -> Option<&str> {
    let stem = name.split('.').next().unwrap_or(name);
    let (is_part, digits) = stem.rsplit_once('-').map_or((false, stem), |(_, digits)| (true, digits));
    let is_hex = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_hex && (digits.len() == 64 || (is_part && digits.len() == 12))).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_changes_is_kept_for_long_and_all_else_is_asked_for() {
        let digest = "a1".repeat(32);
        for key in [
            "data/bus/t/partition_date=2026-11-24/part-0123456789ab.parquet".to_owned(),
            "revised/bus/t/month=2026-11/part-0123456789ab.parquet".to_owned(),
            "meta/bus/t/index/v0000000001.json".to_owned(),
            "ledger/log/v0000000001.json".to_owned(),
            "ledger/tile/entries/000.p/12".to_owned(),
            format!("ledger/records/{digest}.json"),
            format!("ledger/objects/{digest}"),
            "iceberg/bus/t/manifest-0123456789ab.avro".to_owned(),
        ] {
            assert_eq!(cache_control(&key), IMMUTABLE, "{key}");
        }
        for key in [
            "index.html",
            "datapackage.json",
            "catalog.ttl",
            "catalog.jsonld",
            "meta/bus/t/files.json",
            "meta/bus/t/index.csv",
            "ledger/bucket.json",
            "ledger/index.json",
            "ledger/checkpoint",
            "ledger/keys.json",
            "meta/bus/t/proofs/v0000000001.tlog-proof",
            "ledger/index/2026-11.json",
            "reports/bus/date=2026-11-24/quality.json",
            "iceberg/v1/config",
            "iceberg/v1/config.json",
            "0123456789ab.json",
        ] {
            assert_eq!(cache_control(key), REPLACED, "{key}");
        }
        // A copy that many share is asked for again within the hour, so that what is withdrawn leaves it.
        assert!(IMMUTABLE.contains("s-maxage=3600"));
    }

    #[test]
    fn content_types_are_known_by_the_ending() {
        for (key, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a.b/files.json", "application/json"),
            ("data/x.parquet", "application/vnd.apache.parquet"),
            ("iceberg/v1/namespaces/bus", "application/json"),
            ("ledger/checkpoint", "text/plain; charset=utf-8"),
            ("ledger/tile/0/000.p/5", "application/octet-stream"),
            ("meta/bus/t/proofs/v0000000001.tlog-proof", "text/plain; charset=utf-8"),
            ("x.json/file", "application/octet-stream"),
        ] {
            assert_eq!(content_type(key), expected, "{key}");
        }
    }
}
