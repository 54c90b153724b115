//! As much of the room `capture` as `decode` names.

use bytes::Bytes;
use jiff::Timestamp;

pub struct Capture {
    pub captured_at: Timestamp,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error("{source}")]
    Io { source: std::io::Error },
}
