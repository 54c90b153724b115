//! A zip archive with the files of a feed: opened within limits, its names as other readers have them.

use std::io::Cursor;

use bytes::Bytes;
use zip::read::ZipFile;
use zip::{CompressionMethod, System, ZipArchive};

use crate::decode::{DecodeError, Limits};

/// Files larger than this must not inflate beyond [`Limits::ratio`].
pub(super) const SMALL: u64 = 4 << 20;

pub(super) type Archive = ZipArchive<Cursor<Bytes>>;

/// Opens the archive and refuses one that is no zip, has too many files, two of the same name, or promises to inflate
/// without measure.
pub(super) fn open(name: &str, bytes: Bytes, limits: Limits) -> Result<Archive, DecodeError> {
    let packed = bytes.len() as u64;
    let listed = entries(&bytes);
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| {
        DecodeError::feed(
            name,
            format!("not a readable zip archive ({error})"),
            "Check that the source gives the GTFS zip itself and not a page about it.",
        )
    })?;
    if archive.len() > limits.files {
        let problem = format!("the archive has {} files, at most {} are read", archive.len(), limits.files);
        return Err(DecodeError::feed(name, problem, "A GTFS feed has some thirty files: check the source."));
    }
    // The library keeps one entry of each name.
    if listed.is_some_and(|listed| listed > archive.len()) {
        let problem = "the archive holds two files of the same name";
        return Err(DecodeError::feed(name, problem, "Zip it again: it is not clear which one is meant."));
    }
    if let Some(size) = archive.decompressed_size().filter(|size| *size > u128::from(limits.archive_bytes)) {
        return Err(bomb(name, format!("the archive claims to hold {size} bytes in {packed} packed ones")));
    }
    for place in 0..archive.len() {
        // An entry whose header cannot be read is told when it is opened.
        let Ok(entry) = archive.by_index_raw(place) else { continue };
        if entry.size() > SMALL && entry.size() / limits.ratio > entry.compressed_size() {
            let file = entry.name().map_or_else(|_| "a file".to_owned(), |file| format!("'{}'", file.escape_debug()));
            let problem =
                format!("{file} claims to hold {} bytes in {} packed ones", entry.size(), entry.compressed_size());
            return Err(bomb(name, problem));
        }
    }
    Ok(archive)
}

pub(super) fn bomb(name: &str, problem: String) -> DecodeError {
    DecodeError::feed(name, problem, "This looks like a zip bomb and is not read: check the source.")
}

/// How many entries the end of the central directory promises; `None` if it does not fit there (ZIP64), or there is no end.
///
/// The signature may stand in the archive's comment, too, so the record counts that is followed by a comment as long as it
/// says, and preceded by the directory that it names (APPNOTE 4.3.16).
fn entries(bytes: &[u8]) -> Option<usize> {
    const LENGTH: usize = 22;
    let tail = &bytes[bytes.len().saturating_sub(LENGTH + 65_535)..];
    let number = |at: usize| Some(usize::from(u16::from_le_bytes(tail.get(at..at + 2)?.try_into().ok()?)));
    let long = |at: usize| usize::try_from(u32::from_le_bytes(tail.get(at..at + 4)?.try_into().ok()?)).ok();
    let is_end = |place: usize| -> Option<bool> {
        let (size, comment) = (long(place + 12)?, number(place + 20)?);
        let place_in_all = bytes.len() - tail.len() + place;
        let directory = bytes.get(place_in_all.checked_sub(size)?..)?;
        let is_directory = size == 0 || directory.starts_with(b"PK\x01\x02");
        Some(place + LENGTH + comment == tail.len() && is_directory)
    };
    let place = memchr::memmem::rfind_iter(tail, b"PK\x05\x06").find(|place| is_end(*place) == Some(true))?;
    number(place + 10).filter(|count| *count != usize::from(u16::MAX))
}

/// The files of the archive in its order; without folders, and without what a Mac adds to every archive.
///
/// Archives made on MS-DOS may have `\\` between folders; such a name is given with `/`, as commons-compress has it.
pub(super) fn files(archive: &mut Archive) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    for place in 0..archive.len() {
        let entry = archive.by_index_raw(place).map_err(|error| error.to_string())?;
        let name = entry.name().map_err(|error| error.to_string())?.into_owned();
        let is_dos = entry.system() == System::Dos && !name.contains('/');
        let path = if is_dos { name.replace('\\', "/") } else { name.clone() };
        if !path.ends_with('/') && !is_of_a_mac(&path) {
            files.push(File { path, name });
        }
    }
    Ok(files)
}

pub(super) struct File {
    /// With `/` between folders.
    pub path: String,
    /// As it stands in the archive.
    pub name: String,
}

pub(super) fn is_of_a_mac(path: &str) -> bool {
    let leaf = path.rsplit('/').next().unwrap_or(path);
    path.starts_with("__MACOSX/") || leaf == ".DS_Store" || leaf.starts_with("._")
}

/// The name of a file without its folders, whatever stands between them.
pub(super) fn leaf(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// The place of the file of the reference among the files at the top: by its name, or else by its name in other letter case.
pub(super) fn find<'a>(mut paths: impl Iterator<Item = &'a str> + Clone, file: &str) -> Option<usize> {
    paths.clone().position(|path| path == file).or_else(|| paths.position(|path| path.eq_ignore_ascii_case(file)))
}

/// Opens a file of the archive to be read. The error says what it is packed with, if that is the matter.
pub(super) fn entry<'a>(archive: &'a mut Archive, name: &str) -> Result<ZipFile<'a, Cursor<Bytes>>, String> {
    if let Some(place) = archive.index_for_name(name)
        && let Ok(raw) = archive.by_index_raw(place)
    {
        if raw.encrypted() {
            return Err("is encrypted".to_owned());
        }
        let method = raw.compression();
        if !matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated | CompressionMethod::Deflate64) {
            return Err(format!("is packed with {}, which is not read", method_name(method)));
        }
    }
    archive.by_name(name).map_err(|error| format!("cannot be unpacked: {error}"))
}

/// APPNOTE 4.4.5.
fn method_name(method: CompressionMethod) -> String {
    #[expect(deprecated, reason = "it has no other way to the number")]
    let number = method.to_u16();
    let known = match number {
        1 => "Shrink",
        2..=5 => "Reduce",
        6 => "Implode",
        10 => "IBM TERSE",
        12 => "bzip2",
        14 => "LZMA",
        93 => "Zstandard",
        94 => "MP3",
        95 => "XZ",
        98 => "PPMd",
        99 => "AES encryption",
        other => return format!("method {other}"),
    };
    known.to_owned()
}
