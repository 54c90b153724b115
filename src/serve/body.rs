//! The body of a response: a text, or a part of an open file, read as the client takes it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::task::JoinHandle;

use super::access_log::Line;

/// Bytes of a file that a connection holds.
const CHUNK: u64 = 256 << 10;

/// What is sent, and the line of the log that tells it when it is over.
#[derive(Debug, Default)]
pub(super) struct Content {
    next: Next,
    file: Option<Arc<File>>,
    /// Where the bytes after `next` begin.
    at: u64,
    /// Bytes that are still to be sent, with those of `next`.
    left: u64,
    line: Option<Line>,
}

#[derive(Debug, Default)]
enum Next {
    #[default]
    Unread,
    Ready(Bytes),
    Reading(JoinHandle<io::Result<Bytes>>),
}

impl Content {
    pub(super) fn text(text: &str) -> Self {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        Self { left: bytes.len() as u64, next: Next::Ready(bytes), ..Self::default() }
    }

    /// So many bytes of a file from `at` on. Reads the first of them, which may block.
    pub(super) fn of_file(file: File, at: u64, length: u64) -> io::Result<Self> {
        let first = chunk(&file, at, length)?;
        let at = at + first.len() as u64;
        Ok(Self { next: Next::Ready(first), file: Some(Arc::new(file)), at, left: length, line: None })
    }

    /// Tells a line of the log what is sent.
    pub(super) fn logged(mut self, line: Line) -> Self {
        self.line = Some(line);
        self
    }
}

/// Reads the next bytes of a file. One that has become shorter is an error: the connection ends, so that the client sees that
/// bytes are missing.
fn chunk(file: &File, at: u64, left: u64) -> io::Result<Bytes> {
    let mut bytes = vec![0; usize::try_from(left.min(CHUNK)).unwrap_or_default()];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes.into())
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        if this.left == 0 {
            return Poll::Ready(None);
        }
        loop {
            match &mut this.next {
                Next::Ready(bytes) => {
                    let bytes = std::mem::take(bytes);
                    let sent = bytes.len() as u64;
                    this.next = Next::Unread;
                    this.left = this.left.saturating_sub(sent);
                    this.line.iter_mut().for_each(|line| line.bytes += sent);
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Next::Reading(reading) => {
                    let read = ready!(Pin::new(reading).poll(context)).unwrap_or_else(|error| Err(error.into()));
                    match read {
                        Ok(bytes) => {
                            this.at += bytes.len() as u64;
                            this.next = Next::Ready(bytes);
                        }
                        Err(error) => {
                            this.left = 0;
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                }
                Next::Unread => {
                    let Some(file) = this.file.clone() else { return Poll::Ready(None) };
                    let (at, left) = (this.at, this.left);
                    this.next = Next::Reading(tokio::task::spawn_blocking(move || chunk(&file, at, left)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
