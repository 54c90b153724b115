//! As much of the room `capture` as `decode` names.

#[path = "../../src/capture/payload.rs"]
pub mod payload;

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
    #[error("{file} is damaged at byte {offset}: {problem}", file = file.display())]
    Damaged { file: std::path::PathBuf, offset: u64, problem: String },
}
