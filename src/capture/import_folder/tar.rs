//! Tar archives, read once from front to end: no entry becomes a file, and none takes more memory than it may.
//!
//! Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header"; long names of GNU tar.

use std::io::{self, Read};

const BLOCK: usize = 512;
/// The most that the extended header of an entry may take.
const EXTENDED: u64 = 1 << 20;
/// Entries of an archive, at the most: those of an hour with a beat of a second, and many more.
const ENTRIES: u64 = 1_000_000;

/// An entry that is a file, with its contents.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) body: Vec<u8>,
}

/// An archive from which entries are read one after the other.
pub(super) struct Archive<R> {
    input: R,
    /// The most bytes of an entry.
    most: u64,
    entries: u64,
}

impl<R: Read> Archive<R> {
    pub(super) fn new(input: R, most: u64) -> Self {
        Self { input, most, entries: 0 }
    }

    /// The next file; nothing at the end.
    ///
    /// # Errors
    /// What is no file and no folder, a name that leads out of the archive, an entry that is too large or cut off. Behind an
    /// error nothing can be read.
    pub(super) fn next(&mut self) -> io::Result<Option<Entry>> {
        let (mut name, mut size) = (None, None);
        loop {
            let Some(header) = self.block()? else { return Ok(None) };
            self.entries += 1;
            if self.entries > ENTRIES {
                return Err(refused(format!("it has more than {ENTRIES} entries")));
            }
            let own_size = number(&header[124..136]).ok_or_else(|| refused("an entry has no size".to_owned()))?;
            match header[156] {
                b'x' | b'L' if own_size > EXTENDED => {
                    return Err(refused(format!("the header of an entry has {own_size} bytes")));
                }
                b'x' => {
                    let fields = self.contents(own_size)?;
                    for (key, value) in extended(&fields)? {
                        match key {
                            "path" => name = Some(value.to_owned()),
                            "size" => {
                                size = Some(value.parse().map_err(|_| refused("an entry has no size".to_owned()))?)
                            }
                            _ => {}
                        }
                    }
                }
                b'L' => {
                    let text = self.contents(own_size)?;
                    name = Some(String::from_utf8_lossy(&text).trim_end_matches('\0').to_owned());
                }
                // Of all entries behind it: the times and owners that it may tell do not matter here.
                b'g' if own_size <= EXTENDED => drop(self.contents(own_size)?),
                kind => {
                    let name = name.take().unwrap_or_else(|| ustar_name(&header));
                    check(&name, kind)?;
                    let size = size.take().unwrap_or(own_size);
                    if size > self.most {
                        let most = self.most;
                        return Err(refused(format!(
                            "the entry '{}' has {size} bytes, more than the {most} that one may have",
                            name.escape_debug()
                        )));
                    }
                    let body = self.contents(size)?;
                    if kind != b'5' {
                        return Ok(Some(Entry { name, body }));
                    }
                }
            }
        }
    }

    /// The next header; nothing where the archive ends.
    fn block(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        let mut read = 0;
        while read < BLOCK {
            match self.input.read(&mut block[read..])? {
                0 if read == 0 => return Ok(None),
                0 => return Err(cut_off()),
                count => read += count,
            }
        }
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        // The sum of all bytes, those of the sum itself taken as spaces.
        let sum: u64 = block
            .iter()
            .enumerate()
            .map(|(at, byte)| u64::from(if (148..156).contains(&at) { b' ' } else { *byte }))
            .sum();
        if number(&block[148..156]) != Some(sum) {
            return Err(refused("it is damaged, or no tar archive: the sum of a header is wrong".to_owned()));
        }
        Ok(Some(block))
    }

    /// So many bytes, and what fills their last block.
    fn contents(&mut self, size: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.input.by_ref().take(size).read_to_end(&mut bytes)?;
        let padding = size.next_multiple_of(BLOCK as u64) - size;
        let filled = io::copy(&mut self.input.by_ref().take(padding), &mut io::sink())?;
        if bytes.len() as u64 == size && filled == padding { Ok(bytes) } else { Err(cut_off()) }
    }
}

/// Refuses what a collector does not write.
fn check(name: &str, kind: u8) -> io::Result<()> {
    let shown = name.escape_debug();
    let what = match kind {
        b'0' | b'\0' | b'7' | b'5' => None,
        b'1' | b'2' => Some("it is a link"),
        b'3' | b'4' | b'6' => Some("it is a device"),
        b'S' => Some("it is a sparse file"),
        _ => Some("it is of an unknown kind"),
    };
    let leads_out = name.starts_with('/') || name.split(['/', '\\']).any(|part| part == "..");
    match what.or(leads_out.then_some("its name leads out of the archive")) {
        Some(reason) => Err(refused(format!("the entry '{shown}' is refused: {reason}"))),
        None => Ok(()),
    }
}

fn ustar_name(header: &[u8; BLOCK]) -> String {
    let text =
        |bytes: &[u8]| String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned();
    let (name, prefix) = (text(&header[..100]), text(&header[345..500]));
    let is_ustar = &header[257..263] == b"ustar\0";
    if is_ustar && !prefix.is_empty() { format!("{prefix}/{name}") } else { name }
}

/// Octal digits, or a binary number behind a byte with the highest bit (GNU tar).
fn number(field: &[u8]) -> Option<u64> {
    if field[0] == 0x80 {
        let (high, low) = field.split_at(field.len() - 8);
        return high[1..].iter().all(|byte| *byte == 0).then(|| u64::from_be_bytes(low.try_into().unwrap_or_default()));
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

/// The records of an extended header: `<length> <key>=<value>\n`, the length with itself.
fn extended(bytes: &[u8]) -> io::Result<Vec<(&str, &str)>> {
    let broken = || refused("the extended header of an entry cannot be read".to_owned());
    let mut fields = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let space = memchr::memchr(b' ', rest).ok_or_else(broken)?;
        let length: usize =
            std::str::from_utf8(&rest[..space]).ok().and_then(|text| text.parse().ok()).ok_or_else(broken)?;
        let record = rest.get(space + 1..length).ok_or_else(broken)?;
        // Values of keys that do not matter may be bytes of any kind.
        if let Ok(text) = std::str::from_utf8(record) {
            fields.push(text.trim_end_matches('\n').split_once('=').ok_or_else(broken)?);
        }
        rest = &rest[length..];
    }
    Ok(fields)
}

fn refused(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it is cut off")
}
