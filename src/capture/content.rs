//! The body without its `Content-Encoding`, which evidence keeps as it came.

use std::io::Read;

use bytes::Bytes;

use crate::capture::Capture;

/// The body as the source meant it, at most so many bytes; what is wrong with it otherwise, for people.
///
/// Codings are those of RFC 9110, 8.4.1: `gzip` and `x-gzip` are the same, in any case of letters, and the last of several
/// was applied last.
pub fn decoded(capture: &Capture, most: u64) -> Result<Bytes, String> {
    let headers = capture.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
    let codings: Vec<&str> = headers.flat_map(|(_, value)| value.split(',')).map(str::trim).collect();
    let mut body = capture.body.clone();
    for coding in codings.into_iter().rev() {
        if coding.is_empty() || coding.eq_ignore_ascii_case("identity") {
            continue;
        }
        if !coding.eq_ignore_ascii_case("gzip") && !coding.eq_ignore_ascii_case("x-gzip") {
            return Err(format!("is encoded as '{}', which is not read", coding.escape_debug()));
        }
        let mut inflated = Vec::new();
        let mut layer = flate2::read::MultiGzDecoder::new(body.as_ref()).take(most.saturating_add(1));
        layer.read_to_end(&mut inflated).map_err(|error| format!("is not readable as gzip: {error}"))?;
        if inflated.len() as u64 > most {
            return Err(format!("inflates to more than {most} bytes"));
        }
        body = inflated.into();
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use jiff::Timestamp;

    use super::*;
    use crate::digest::Digest;

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(body).unwrap();
        out.finish().unwrap()
    }

    fn read(encodings: &[&str], body: &[u8]) -> Result<Bytes, String> {
        let body = Bytes::copy_from_slice(body);
        let headers = encodings.iter().map(|value| ("content-Encoding".to_owned(), (*value).to_owned())).collect();
        let (url, captured_at, digest) = ("https://x.example".to_owned(), Timestamp::UNIX_EPOCH, Digest::of(&body));
        decoded(&Capture { url, captured_at, status: 200, headers, body, digest }, 100)
    }

    #[test]
    fn gzip_is_read_under_all_of_its_names() {
        let (once, twice) = (gzip(b"feed"), gzip(&gzip(b"feed")));
        for encodings in [&["gzip"][..], &["GZIP"], &["x-gzip"], &[" X-GZip "], &["identity, gzip"]] {
            assert_eq!(read(encodings, &once).as_deref(), Ok(&b"feed"[..]), "{encodings:?}");
        }
        for encodings in [&["gzip, gzip"][..], &["gzip", "x-gzip"]] {
            assert_eq!(read(encodings, &twice).as_deref(), Ok(&b"feed"[..]), "{encodings:?}");
        }
        assert_eq!(read(&[], b"feed").as_deref(), Ok(&b"feed"[..]));
        assert_eq!(read(&["Identity"], b"feed").as_deref(), Ok(&b"feed"[..]));
    }

    #[test]
    fn other_codings_bombs_and_broken_bodies_are_told() {
        assert!(read(&["br"], b"feed").unwrap_err().contains("'br'"));
        assert!(read(&["gzip"], &gzip(&[0; 101])).unwrap_err().contains("more than 100 bytes"));
        assert!(read(&["gzip"], b"feed").unwrap_err().contains("gzip"));
    }
}
