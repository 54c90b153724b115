//! Frames of zstd (RFC 8878), as far as an archive of them needs it: where they end, and whether they may be inflated.
//!
//! `.warc.zst` is a row of frames that each hold whole records
//! (<https://iipc.github.io/warc-specifications/specifications/warc-zstd/>). A frame's end is found from the headers of its
//! blocks, without inflating them, so that a damaged frame costs only its own records.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::unix::fs::FileExt;

use zstd::stream::read::Decoder;
use zstd::zstd_safe::{DCtx, DParameter, ResetDirective};

pub(super) const MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";
/// The last three bytes of the magic numbers of skippable frames; the first is 0x50 to 0x5f.
const SKIPPABLE: &[u8] = b"\x2a\x4d\x18";
/// The first byte of the frame that holds the dictionary of a whole archive.
const DICTIONARY: u8 = 0x5d;
/// The base two logarithm of the largest window that is inflated: 8 MiB, what RFC 8878 (3.1.1.1.2) asks of every reader.
pub(super) const WINDOW_LOG: u32 = 23;
/// The most that a block inflates to.
const BLOCK: u64 = 128 << 10;
/// The longest header of a frame, with its magic number and the header of its first block.
const HEADER: usize = 18 + BLOCK_HEADER;
const BLOCK_HEADER: usize = 3;
/// What looking at one block's header costs, in bytes read and inflated.
const COST: u64 = 64;

/// Where a frame ends, and what it needs to be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub length: u64,
    /// It holds no records.
    pub is_skippable: bool,
    pub has_checksum: bool,
    window: u64,
    has_dictionary: bool,
}

/// A frame's header without its magic number.
struct Header {
    /// With the magic number.
    length: usize,
    window: u64,
    has_checksum: bool,
    has_dictionary: bool,
}

impl Header {
    /// `None` if these are no bytes of a frame's header, or too few.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let descriptor = *rest.first()?;
        let is_single = descriptor & 0x20 != 0;
        if descriptor & 0x08 != 0 {
            return None;
        }
        let mut at = 1;
        let mut window = 0;
        if !is_single {
            let byte = *rest.get(at)?;
            let base = 1_u64 << (10 + (byte >> 3));
            window = base + base / 8 * u64::from(byte & 7);
            at += 1;
        }
        let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let has_dictionary = rest.get(at..at + dictionary)?.iter().any(|byte| *byte != 0);
        at += dictionary;
        let size = match descriptor >> 6 {
            0 => usize::from(is_single),
            log => 1 << log,
        };
        let mut content = [0; 8];
        content[..size].copy_from_slice(rest.get(at..at + size)?);
        at += size;
        if is_single {
            window = u64::from_le_bytes(content) + if size == 2 { 256 } else { 0 };
        }
        Some(Self { length: MAGIC.len() + at, window, has_checksum: descriptor & 4 != 0, has_dictionary })
    }
}

/// The bytes that follow a block's header, and whether it is the last; `None` if this is none.
fn block(header: [u8; BLOCK_HEADER], window: u64) -> Option<(u64, bool)> {
    let header = u32::from_le_bytes([header[0], header[1], header[2], 0]);
    let size = u64::from(header >> 3);
    // A block that is one byte many times.
    let (is_repeated, is_reserved) = (header >> 1 & 3 == 1, header >> 1 & 3 == 3);
    // The smallest window is 1 KiB; a frame of one segment may be smaller.
    let may_be = !is_reserved && size <= BLOCK.min(window.max(1 << 10));
    may_be.then_some((if is_repeated { 1 } else { size }, header & 1 == 1))
}

/// Whether these bytes, which end only where the archive does, may begin a frame.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let agrees = |with: &[u8], bytes: &[u8]| bytes.iter().zip(with).all(|(one, other)| one == other);
    agrees(MAGIC, bytes) || is_skippable(bytes)
}

fn is_skippable(bytes: &[u8]) -> bool {
    matches!(bytes, [0x50..=0x5f, rest @ ..] if rest.iter().zip(SKIPPABLE).all(|(one, other)| one == other))
}

/// Whether an archive that begins with these bytes is packed with a dictionary of its own.
pub(super) fn has_dictionary(first: &[u8]) -> bool {
    first.len() >= 4 && is_skippable(first) && first[0] == DICTIONARY
}

/// Whether bytes may be the beginning of a frame with records, as far as that can be told cheaply.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    let Some(header) = Header::parse(bytes) else { return false };
    let first = bytes.get(header.length..).and_then(<[u8]>::first_chunk::<BLOCK_HEADER>);
    first.is_some_and(|first| block(*first, header.window).is_some())
}

/// Finds the end of the frame that begins at a byte of an archive. What it costs is added to `spent`, up to `most`.
///
/// Errors: `UnexpectedEof` if the archive ends within the frame, `InvalidData` if it is none.
pub(super) fn measure(file: &File, offset: u64, end: u64, most: u64, spent: &mut u64) -> io::Result<Frame> {
    let mut bytes = [0; HEADER];
    let read = file.read_at(&mut bytes, offset)?;
    let bytes = &bytes[..read];
    let cut_off = || io::Error::new(io::ErrorKind::UnexpectedEof, "the frame is cut off");
    *spent += COST;
    if is_skippable(bytes) {
        let size = bytes.get(4..8).and_then(<[u8]>::first_chunk::<4>).ok_or_else(cut_off)?;
        let length = 8 + u64::from(u32::from_le_bytes(*size));
        let frame = Frame { length, is_skippable: true, has_checksum: false, window: 0, has_dictionary: false };
        return if offset + length <= end { Ok(frame) } else { Err(cut_off()) };
    }
    let header = match Header::parse(bytes) {
        Some(header) => header,
        None if bytes.len() < HEADER && begins(bytes) => return Err(cut_off()),
        None => return Err(damaged("this is no zstd frame")),
    };
    let mut at = offset + header.length as u64;
    loop {
        let mut next = [0; BLOCK_HEADER];
        if at + BLOCK_HEADER as u64 > end {
            return Err(cut_off());
        }
        file.read_exact_at(&mut next, at)?;
        *spent += COST;
        if *spent > most {
            return Err(damaged("what begins here is no whole record within the bytes that may be read of it"));
        }
        let (size, is_last) = block(next, header.window).ok_or_else(|| damaged("a block of the zstd frame is none"))?;
        at += BLOCK_HEADER as u64 + size;
        if is_last {
            break;
        }
    }
    at += if header.has_checksum { 4 } else { 0 };
    if at > end {
        return Err(cut_off());
    }
    let Header { window, has_checksum, has_dictionary, .. } = header;
    Ok(Frame { length: at - offset, is_skippable: false, has_checksum, window, has_dictionary })
}

impl Frame {
    /// `Unsupported` if the frame is not inflated, with the remedy.
    pub(super) fn check(&self) -> io::Result<()> {
        let unsupported = |problem: String| Err(io::Error::new(io::ErrorKind::Unsupported, problem));
        if self.has_dictionary {
            return unsupported(NO_DICTIONARY.to_owned());
        }
        if self.window > 1 << WINDOW_LOG {
            return unsupported(format!(
                "its frame asks for a window of {} bytes, and at most {} are given; pack the archive anew with 'zstd -19'",
                self.window,
                1 << WINDOW_LOG
            ));
        }
        Ok(())
    }
}

/// Why an archive of another writer is not read.
pub(super) const NO_DICTIONARY: &str = "it is packed with a dictionary, which is not read; unpack it with the program that wrote it, and pack it anew without one";

/// What inflates frames. What cannot be inflated is `InvalidData`, as all that is damaged.
pub(super) struct Inflated<'a, R>(Decoder<'a, R>);

/// Inflates the one frame at the beginning of `input`; its checksum is compared where it ends.
pub(super) fn inflate<R: BufRead>(input: R) -> io::Result<Inflated<'static, R>> {
    let mut decoder = Decoder::with_buffer(input)?.single_frame();
    decoder.window_log_max(WINDOW_LOG)?;
    Ok(Inflated(decoder))
}

/// Inflates all frames of `input`.
pub(super) fn inflate_all<R: BufRead>(input: R) -> io::Result<Inflated<'static, R>> {
    let mut decoder = Decoder::with_buffer(input)?;
    decoder.window_log_max(WINDOW_LOG)?;
    Ok(Inflated(decoder))
}

impl<R: BufRead> Read for Inflated<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match (error.kind(), error.raw_os_error()) {
            (io::ErrorKind::Other, None) => damaged(&format!("the zstd frame cannot be inflated: {error}")),
            _ => error,
        })
    }
}

/// What inflates frame after frame, so that beginnings that come to nothing cost little.
pub(super) struct Inflater(DCtx<'static>);

impl Inflater {
    pub(super) fn new() -> io::Result<Self> {
        let mut context = DCtx::try_create().ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        context.set_parameter(DParameter::WindowLogMax(WINDOW_LOG)).map_err(failed)?;
        Ok(Self(context))
    }

    /// As [`inflate`].
    pub(super) fn frame<R: BufRead>(&mut self, input: R) -> io::Result<Inflated<'_, R>> {
        self.0.reset(ResetDirective::SessionOnly).map_err(failed)?;
        Ok(Inflated(Decoder::with_context(input, &mut self.0).single_frame()))
    }
}

fn failed(code: usize) -> io::Error {
    io::Error::other(zstd::zstd_safe::get_error_name(code).to_owned())
}

fn damaged(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.to_owned())
}
