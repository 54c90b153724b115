//! A feed that is a file.

use std::io::Read;
use std::path::Path;

use super::answer::{Fetched, Validators, lasting, too_large};
use crate::capture::{Capture, CaptureError, FailureKind};
use crate::digest::Digest;

pub(super) fn fetch_file(path: &Path, shown: &str, most: u64, known: &Validators) -> Result<Fetched, CaptureError> {
    let unreadable = |error: std::io::Error| {
        let remedy = "Check the source's path and the file's permissions";
        lasting(shown, FailureKind::Refused, format!("cannot be read: {error}"), remedy)
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        // A pipe would be waited for without end.
        return Err(lasting(shown, FailureKind::Refused, "this is no file".to_owned(), "Write the path of a file"));
    }
    if metadata.len() > most {
        return Err(too_large(shown, most));
    }
    let mut body = Vec::new();
    // It may grow while it is read.
    let file = crate::durable::open_to_read(path).map_err(unreadable)?;
    file.take(most.saturating_add(1)).read_to_end(&mut body).map_err(unreadable)?;
    if body.len() as u64 > most {
        return Err(too_large(shown, most));
    }
    let captured_at = crate::time::now();
    let (url, digest) = (shown.to_owned(), Digest::of(&body));
    let capture = Capture { url, captured_at, status: 200, headers: Vec::new(), body: body.into(), digest };
    Ok(Fetched::of(capture, known))
}
