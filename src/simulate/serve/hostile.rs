//! Hostile answers, below `/hostile/`: what a client must survive, each a failure to it. The connection ends after each.

use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress};
use jiff::Timestamp;
use tokio::io::AsyncWriteExt;

use crate::simulate::serve::bulk;
use crate::simulate::serve::http::{Stream, head, write};
use crate::simulate::serve::log::Line;

/// Bytes that are sent at once, and how many times of a large body.
const CHUNK: usize = 1 << 20;
const CHUNKS: usize = 1 << 10;
/// Headers of 10 MB: their number, and the bytes of each value.
const HEADERS: usize = 10 << 10;
const HEADER_BYTES: usize = 1000;
/// Bytes of a message whose length is told wrongly.
const MESSAGE_BYTES: usize = 10_000;

/// A hostile answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hostile {
    /// 1 GB of zeros without a Content-Length.
    Huge,
    /// The same with one.
    HugeLength,
    /// 1 MB that inflates to 1 GB.
    GzipBomb,
    /// A byte a second without end.
    Drip,
    /// Redirects to a file, to the address where clouds have credentials, and to itself.
    RedirectFile,
    RedirectLinkLocal,
    RedirectLoop,
    /// The Content-Length is larger than the body, or smaller.
    Short,
    Long,
    /// 10 MB of headers.
    Headers,
    /// A page of HTML with a 200.
    NotAFeed,
    /// A header of a byte a second without end.
    SlowHeaders,
}

impl Hostile {
    pub(super) const ALL: [Self; 12] = [
        Self::Huge,
        Self::HugeLength,
        Self::GzipBomb,
        Self::Drip,
        Self::RedirectFile,
        Self::RedirectLinkLocal,
        Self::RedirectLoop,
        Self::Short,
        Self::Long,
        Self::Headers,
        Self::NotAFeed,
        Self::SlowHeaders,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Huge => "huge",
            Self::HugeLength => "huge-length",
            Self::GzipBomb => "gzip-bomb",
            Self::Drip => "drip",
            Self::RedirectFile => "redirect-file",
            Self::RedirectLinkLocal => "redirect-link-local",
            Self::RedirectLoop => "redirect-loop",
            Self::Short => "short",
            Self::Long => "long",
            Self::Headers => "headers",
            Self::NotAFeed => "not-a-feed",
            Self::SlowHeaders => "slow-headers",
        }
    }

    /// The one of a path.
    pub(super) fn of(path: &str) -> Option<Self> {
        let name = path.strip_prefix("/hostile/")?;
        Self::ALL.into_iter().find(|hostile| hostile.name() == name)
    }

    /// Sends it, until its end or until the client goes away.
    pub(super) async fn send(self, stream: &mut Stream, line: &mut Line) -> io::Result<()> {
        line.fault = Some(self.name());
        let (status, headers) = match self {
            Self::HugeLength => (200, format!("Content-Length: {}\r\n", CHUNK * CHUNKS)),
            Self::GzipBomb => (200, format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", bomb().len())),
            Self::RedirectFile => (302, "Location: file:///etc/passwd\r\n".to_owned()),
            Self::RedirectLinkLocal => (302, "Location: http://169.254.169.254/latest/meta-data\r\n".to_owned()),
            Self::RedirectLoop => (302, "Location: /hostile/redirect-loop\r\n".to_owned()),
            Self::Short => (200, format!("Content-Length: {}\r\n", 2 * MESSAGE_BYTES)),
            Self::Long => (200, format!("Content-Length: {}\r\n", MESSAGE_BYTES / 2)),
            Self::NotAFeed => (200, "Content-Type: text/html\r\n".to_owned()),
            Self::Huge | Self::Drip | Self::Headers | Self::SlowHeaders => (200, String::new()),
        };
        line.status = Some(status);
        let text = format!("{}{headers}Connection: close\r\n", head(status));
        stream.write_all(text.as_bytes()).await?;
        match self {
            Self::SlowHeaders => {
                stream.write_all(b"X-Slow: ").await?;
                return drip(stream, &mut 0).await;
            }
            Self::Headers => {
                let value = "x".repeat(HEADER_BYTES);
                for number in 0..HEADERS {
                    stream.write_all(format!("X-Header-{number}: {value}\r\n").as_bytes()).await?;
                }
            }
            _ => {}
        }
        stream.write_all(b"\r\n").await?;
        match self {
            Self::Huge | Self::HugeLength => {
                let zeros = vec![0; CHUNK];
                for _ in 0..CHUNKS {
                    write(stream, &zeros, &mut line.bytes).await?;
                }
            }
            Self::GzipBomb => write(stream, bomb(), &mut line.bytes).await?,
            Self::Drip => drip(stream, &mut line.bytes).await?,
            Self::Short | Self::Long | Self::Headers => {
                let body: Bytes = bulk::message(MESSAGE_BYTES, Timestamp::now());
                write(stream, &body, &mut line.bytes).await?;
            }
            Self::NotAFeed => {
                let page = b"<!DOCTYPE html><html><head><title>Wartung</title></head><body>Wir sind bald zur\xc3\xbcck.</body></html>";
                write(stream, page, &mut line.bytes).await?;
            }
            Self::RedirectFile | Self::RedirectLinkLocal | Self::RedirectLoop | Self::SlowHeaders => {}
        }
        line.is_complete = true;
        stream.shutdown().await
    }
}

async fn drip(stream: &mut Stream, count: &mut u64) -> io::Result<()> {
    loop {
        write(stream, b"x", count).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// 1 GB of zeros as gzip, made once. After a full flush the packed bytes of a chunk do not depend on those before, so that one
/// chunk is packed and repeated.
fn bomb() -> &'static [u8] {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    BOMB.get_or_init(|| {
        let zeros = vec![0; CHUNK];
        let mut packed = Vec::with_capacity(CHUNK);
        // Into a buffer that is large enough this cannot fail.
        let _ = Compress::new(Compression::best(), false).compress_vec(&zeros, &mut packed, FlushCompress::Full);
        let mut crc = Crc::new();
        crc.update(&zeros);
        let mut chunks = 1;
        while chunks < CHUNKS {
            let half = std::mem::take(&mut crc);
            crc = Crc::new();
            crc.combine(&half);
            crc.combine(&half);
            chunks *= 2;
        }
        let mut bomb = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff".to_vec();
        for _ in 0..CHUNKS {
            bomb.extend(&packed);
        }
        // The last block, which is empty, the checksum and the length.
        bomb.extend(b"\x03\x00");
        bomb.extend(crc.sum().to_le_bytes());
        bomb.extend(((CHUNK * CHUNKS) as u32).to_le_bytes());
        bomb
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_bomb_is_a_megabyte_that_is_a_gigabyte() {
        assert!(bomb().len() < 2 * CHUNK, "{}", bomb().len());
        let mut inflated = flate2::read::GzDecoder::new(bomb());
        let (mut buffer, mut count) = (vec![0; CHUNK], 0);
        loop {
            let read = inflated.read(&mut buffer).unwrap();
            if read == 0 {
                break;
            }
            count += read;
        }
        assert_eq!(count, CHUNK * CHUNKS);
    }
}
