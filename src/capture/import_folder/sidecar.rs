//! What collectors write beside a body: when it was asked for, what the server answered.
//!
//! Two forms are read: the `.meta` of gtfsrt.io (`fetch_timestamp`, `response_code`, `headers`, `url`, `content_length`) and the
//! `.json` of gtfs-rt-aggregator (`fetch_time`, `url`, `size`, `sha256`), which keeps no answer but those with a body.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::capture::{Capture, redact};
use crate::digest::Digest;

/// The most bytes that one may have.
pub(super) const BYTES: u64 = 1 << 20;

pub(super) struct Sidecar {
    at: Timestamp,
    url: Option<String>,
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    length: Option<u64>,
    sha256: Option<Digest>,
    /// Times at which the collector had the same body as at the time before, and kept it no more.
    pub(super) unchanged: u64,
}

impl Sidecar {
    /// Reads one; nothing if it is JSON that describes no body.
    ///
    /// # Errors
    /// What is wrong with it, to stand after its name.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>, String> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("it is no JSON: {error}"))?;
        let Value::Object(fields) = value else { return Ok(None) };
        let is_aggregator = fields.contains_key("fetch_time");
        let Some(at) = fields.get("fetch_timestamp").or(fields.get("fetch_time")) else { return Ok(None) };
        let at = at.as_str().and_then(|text| text.parse().ok());
        let at = at.ok_or("it tells no time with a zone as 'fetch_timestamp'")?;
        let status = fields.get("response_code").or(fields.get("status_code")).or(fields.get("status"));
        let status = match status.and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok()) {
            Some(status) => status,
            None if is_aggregator => 200,
            None => return Err("it tells no 'response_code'".to_owned()),
        };
        let sha256 = fields
            .get("sha256")
            .and_then(Value::as_str)
            .map(|hex| Digest::parse(&hex.to_ascii_lowercase()).ok_or_else(|| "its 'sha256' is no digest".to_owned()));
        Ok(Some(Self {
            at,
            url: fields.get("url").and_then(Value::as_str).map(str::to_owned),
            status,
            headers: headers(&fields),
            length: fields.get("content_length").or(fields.get("size")).and_then(Value::as_u64),
            sha256: sha256.transpose()?,
            unchanged: fields
                .get("unchanged_fetch_times")
                .and_then(Value::as_array)
                .map_or(0, |times| times.len() as u64),
        }))
    }

    /// The body that it describes as a capture. `address` is that of the body where it tells none itself.
    ///
    /// # Errors
    /// Why it is not of this body, to stand after the body's name.
    pub(super) fn capture(self, body: Vec<u8>, address: impl FnOnce() -> String) -> Result<Capture, String> {
        let length = body.len() as u64;
        if let Some(said) = self.length.filter(|said| *said != length) {
            return Err(format!("it has {length} bytes, and what describes it says {said}"));
        }
        let digest = Digest::of(&body);
        if self.sha256.is_some_and(|said| said != digest) {
            return Err("what describes it has another digest: it was changed".to_owned());
        }
        let url = self.url.map_or_else(address, |url| shown(&url));
        // Collectors take the content coding away, and keep the header.
        let is_as_told = |name: &str, value: &str| match name {
            "content-length" => value.trim().parse() == Ok(length),
            "content-encoding" => !value.contains("gzip") || body.starts_with(b"\x1f\x8b"),
            _ => true,
        };
        let mut headers = self.headers;
        headers.retain(|(name, value)| is_as_told(&name.to_ascii_lowercase(), value));
        Ok(Capture { url, captured_at: self.at, status: self.status, headers, body: body.into(), digest })
    }
}

/// Whether an answer with this status has the feed: 203 is one that a proxy changed.
pub(super) fn is_answer(status: u16) -> bool {
    matches!(status, 200 | 203)
}

/// An address without what may be a key.
pub(super) fn shown(address: &str) -> String {
    url::Url::parse(address).map_or_else(|_| address.to_owned(), |url| redact::url(&url))
}

fn headers(fields: &Map<String, Value>) -> Vec<(String, String)> {
    let all = fields.get("headers").or(fields.get("response_headers")).and_then(Value::as_object);
    let pair = |(name, value): (&String, &Value)| match value {
        Value::String(text) => vec![(name.clone(), text.clone())],
        Value::Array(texts) => {
            texts.iter().filter_map(Value::as_str).map(|text| (name.clone(), text.to_owned())).collect()
        }
        _ => Vec::new(),
    };
    all.into_iter().flatten().flat_map(pair).collect()
}
