//! The log as files: tiles of 256 hashes and bundles of 256 entries (C2SP `tlog-tiles`).
//!
//! A tile of level 0 has the hashes of leaves; each hash of a higher level is the root of a full tile below. Full tiles never
//! change; the last of each level is partial and is written anew, under a new name, when the log grows. [`grow`] says which
//! files that are; [`Tiled`] reads the hashes of a tree from them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::merkle::{self, Hash, Node, Nodes};

/// The hashes of a full tile, and the entries of a full bundle.
const WIDTH: u64 = 256;

/// The length of the longest entry: its length stands before it in two bytes.
pub(crate) const MAX_ENTRY: usize = u16::MAX as usize;

/// The length of the longest bundle.
pub(crate) const MAX_BUNDLE: usize = WIDTH as usize * (2 + MAX_ENTRY);

/// The tiles that a [`Tiled`] keeps: the two edges of any tree are fewer.
const KEPT: usize = 32;

/// What a file of the log has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Content {
    /// Hashes of this level, from 0 (the leaves) to 63.
    Hashes(u8),
    Entries,
}

/// A file of the log: a tile of hashes or a bundle of entries.
///
/// Printed and read as its name in the log's folder, such as `tile/0/x001/x234/067.p/12` or `tile/entries/000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tile {
    content: Content,
    index: u64,
    /// From 1 to 256; a full tile has 256.
    width: u16,
}

impl Tile {
    /// The file that has hash or entry `at` of its level, when the log has `size` entries; nothing where the log is too small.
    fn at(content: Content, at: u64, size: u64) -> Option<Self> {
        let level = if let Content::Hashes(level) = content { level } else { 0 };
        let count = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
        let index = at / WIDTH;
        let width = count.checked_sub(index * WIDTH).filter(|_| at < count)?.min(WIDTH);
        Some(Self { content, index, width: width as u16 })
    }

    /// The bundle that has entry `index` of a log of `size` entries.
    pub(crate) fn of_entry(index: u64, size: u64) -> Option<Self> {
        Self::at(Content::Entries, index, size)
    }

    /// The tile that has a node of a log of `size` entries.
    pub(crate) fn of_node(node: Node, size: u64) -> Option<Self> {
        let level = u8::try_from(node.level / 8).ok()?;
        Self::at(Content::Hashes(level), node.index.checked_shl(node.level % 8)?, size)
    }

    /// All files of a log of `size` entries, in the order of their names' numbers: bundles, then tiles from level 0 upwards.
    pub(crate) fn all(size: u64) -> impl Iterator<Item = Self> {
        Self::new_at(0, size)
    }

    /// The files that a log of `size` entries has and one of `old` entries has not.
    pub(crate) fn new_at(old: u64, size: u64) -> impl Iterator<Item = Self> {
        let contents = std::iter::once(Content::Entries).chain((0..8).map(Content::Hashes));
        contents.flat_map(move |content| {
            let level = if let Content::Hashes(level) = content { level } else { 0 };
            let count = |size: u64| size.checked_shr(8 * u32::from(level)).unwrap_or(0);
            let (from, to) = (count(old), count(size));
            let range = if from < to { from / WIDTH..to.div_ceil(WIDTH) } else { 0..0 };
            range.filter_map(move |index| Self::at(content, index * WIDTH, size))
        })
    }

    pub(crate) fn content(&self) -> Content {
        self.content
    }

    pub(crate) fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes or entries it has, from 1 to 256.
    pub(crate) fn width(&self) -> u16 {
        self.width
    }

    pub(crate) fn is_full(&self) -> bool {
        u64::from(self.width) == WIDTH
    }

    /// The full file that takes the place of a partial one.
    pub(crate) fn full(&self) -> Self {
        Self { width: WIDTH as u16, ..*self }
    }

    /// Where it is in the bucket.
    pub(crate) fn key(&self) -> String {
        format!("ledger/{self}")
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.content {
            Content::Hashes(level) => write!(f, "tile/{level}/")?,
            Content::Entries => f.write_str("tile/entries/")?,
        }
        let groups = std::iter::successors(Some(self.index), |rest| Some(rest / 1000).filter(|rest| *rest > 0));
        let mut groups: Vec<u64> = groups.map(|rest| rest % 1000).collect();
        let last = groups.remove(0);
        for group in groups.iter().rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{last:03}")?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// The text is no name of a tile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no name of a tile such as 'tile/0/x001/234.p/5' or 'tile/entries/000'")]
pub(crate) struct NoTile(String);

impl FromStr for Tile {
    type Err = NoTile;

    fn from_str(text: &str) -> Result<Self, NoTile> {
        let wrong = || NoTile(text.chars().take(100).collect());
        let (content, rest) = text.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or_else(wrong)?;
        let content = match content {
            "entries" => Content::Entries,
            level => Content::Hashes(level.parse().ok().filter(|level| *level < 64).ok_or_else(wrong)?),
        };
        let (index, width) = rest.split_once(".p/").unwrap_or((rest, "256"));
        let width: u16 = width.parse().ok().filter(|width| (1..=256).contains(width)).ok_or_else(wrong)?;
        let mut number = 0_u64;
        for group in index.split('/') {
            let digits = group.trim_start_matches('x').parse::<u64>().ok().filter(|digits| *digits < 1000);
            number = (number.checked_mul(1000)).and_then(|number| number.checked_add(digits?)).ok_or_else(wrong)?;
        }
        let tile = Self { content, index: number, width };
        // Printing it again finds what else is wrong: signs, zeroes before a number, a group without its `x`.
        if tile.to_string() == text { Ok(tile) } else { Err(wrong()) }
    }
}

/// Why a tile or a bundle gives no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TileError {
    #[error("ledger/{0} is missing")]
    Missing(Tile),
    #[error("ledger/{tile} has {found} bytes where {expected} are expected: it was cut or changed")]
    Length { tile: Tile, found: usize, expected: usize },
    #[error("ledger/{tile} does not have {expected} entries: it was cut or changed")]
    Bundle { tile: Tile, expected: u16 },
    #[error("ledger/{tile} cannot be read: {source}")]
    Unreadable { tile: Tile, source: std::io::Error },
    #[error("a log of {size} entries has no hash {index} of level {level}")]
    Outside { level: u32, index: u64, size: u64 },
    #[error("entry {index} has {length} bytes: at most {MAX_ENTRY} are possible")]
    TooLong { index: u64, length: usize },
    #[error("the log has no place for more entries")]
    Full,
}

/// Reads files of the log.
pub(crate) trait TileReader {
    /// The bytes of a tile or bundle; nothing where it is not there.
    fn read(&mut self, tile: Tile) -> Result<Option<Vec<u8>>, std::io::Error>;
}

/// Files in memory, such as those that were fetched because [`tiles_of`] named them.
impl TileReader for BTreeMap<Tile, Vec<u8>> {
    fn read(&mut self, tile: Tile) -> Result<Option<Vec<u8>>, std::io::Error> {
        Ok(self.get(&tile).cloned())
    }
}

impl<R: TileReader> TileReader for &mut R {
    fn read(&mut self, tile: Tile) -> Result<Option<Vec<u8>>, std::io::Error> {
        R::read(self, tile)
    }
}

/// The tiles that have some nodes of a log of `size` entries, each once: to fetch before they are read.
pub(crate) fn tiles_of(nodes: &[Node], size: u64) -> Vec<Tile> {
    let mut tiles: Vec<Tile> = nodes.iter().filter_map(|node| Tile::of_node(*node, size)).collect();
    tiles.sort_unstable();
    tiles.dedup();
    tiles
}

/// The files that [`grow`] reads when a log of `size` entries grows.
pub(crate) fn edge(size: u64) -> Vec<Tile> {
    let contents = std::iter::once(Content::Entries).chain((0..8).map(Content::Hashes));
    contents
        .filter_map(|content| {
            let level = if let Content::Hashes(level) = content { level } else { 0 };
            let count = size >> (8 * u32::from(level));
            Tile::at(content, count.checked_sub(1)?, size).filter(|tile| !tile.is_full())
        })
        .collect()
}

/// A tile of hashes as it is read: the partial one, or the beginning of the full one that took its place.
fn read_hashes(reader: &mut impl TileReader, tile: Tile) -> Result<Vec<Hash>, TileError> {
    let bytes = read(reader, tile, |bytes, full| {
        let expected = 32 * usize::from(full.width);
        match bytes.len() == expected {
            true => Ok(()),
            false => Err(TileError::Length { tile: full, found: bytes.len(), expected }),
        }
    })?;
    let hashes = bytes.as_chunks::<32>().0.iter().take(tile.width.into());
    Ok(hashes.map(|hash| Hash(*hash)).collect())
}

fn read(
    reader: &mut impl TileReader,
    tile: Tile,
    check: impl Fn(&[u8], Tile) -> Result<(), TileError>,
) -> Result<Vec<u8>, TileError> {
    let mut found =
        reader.read(tile).map_err(|source| TileError::Unreadable { tile, source })?.map(|bytes| (tile, bytes));
    if found.is_none() && !tile.is_full() {
        let full = reader.read(tile.full()).map_err(|source| TileError::Unreadable { tile: tile.full(), source })?;
        found = full.map(|bytes| (tile.full(), bytes));
    }
    let (read, bytes) = found.ok_or(TileError::Missing(tile))?;
    check(&bytes, read)?;
    Ok(bytes)
}

/// The entries of a bundle, which has exactly as many as its name says.
pub(crate) fn entries(tile: Tile, bytes: &[u8]) -> Result<Vec<&[u8]>, TileError> {
    let wrong = || TileError::Bundle { tile, expected: tile.width };
    let (mut rest, mut entries) = (bytes, Vec::with_capacity(tile.width.into()));
    for _ in 0..tile.width {
        let (length, after) = rest.split_first_chunk::<2>().ok_or_else(wrong)?;
        let (entry, after) = after.split_at_checked(u16::from_be_bytes(*length).into()).ok_or_else(wrong)?;
        entries.push(entry);
        rest = after;
    }
    if rest.is_empty() { Ok(entries) } else { Err(wrong()) }
}

/// The entries of a bundle of a log, read from the partial bundle or from the full one that took its place.
pub(crate) fn read_entries(reader: &mut impl TileReader, tile: Tile) -> Result<Vec<Vec<u8>>, TileError> {
    let read = std::cell::Cell::new(tile);
    let bytes = self::read(reader, tile, |bytes, full| {
        read.set(full);
        entries(full, bytes).map(|_| ())
    })?;
    let entries = entries(read.get(), &bytes)?;
    Ok(entries.into_iter().take(tile.width.into()).map(<[u8]>::to_vec).collect())
}

/// The hashes of a log of `size` entries, read through its tiles.
///
/// What is read is as good as its reader: compare the root with that of a checkpoint, or check the proofs that were made.
pub(crate) struct Tiled<R> {
    size: u64,
    reader: R,
    kept: BTreeMap<Tile, Vec<Hash>>,
}

impl<R: TileReader> Tiled<R> {
    pub(crate) fn new(size: u64, reader: R) -> Self {
        Self { size, reader, kept: BTreeMap::new() }
    }

    /// What it reads through.
    pub(crate) fn reader_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// The root of the log.
    pub(crate) fn root(&mut self) -> Result<Hash, TileError> {
        merkle::root(self.size, self)
    }

    /// The root that the log had when it had `old` entries. The tiles of today have it, also where those of that day are gone.
    pub(crate) fn root_at(&mut self, old: u64) -> Result<Hash, TileError> {
        merkle::root(old, self)
    }

    /// The proof that entry `index` is in the log.
    pub(crate) fn inclusion(&mut self, index: u64) -> Result<Vec<Hash>, TileError> {
        merkle::inclusion(index, self.size, self)
    }

    /// The proof that the log begins with the log of `old` entries.
    pub(crate) fn consistency(&mut self, old: u64) -> Result<Vec<Hash>, TileError> {
        merkle::consistency(old, self.size, self)
    }

    /// The hash of the leaf of entry `index`.
    pub(crate) fn leaf(&mut self, index: u64) -> Result<Hash, TileError> {
        self.hash(Node { level: 0, index })
    }
}

impl<R: TileReader> Nodes for Tiled<R> {
    type Error = TileError;

    fn hash(&mut self, node: Node) -> Result<Hash, TileError> {
        let outside = || TileError::Outside { level: node.level, index: node.index, size: self.size };
        let tile = Tile::of_node(node, self.size).ok_or_else(outside)?;
        if !self.kept.contains_key(&tile) {
            if self.kept.len() >= KEPT {
                self.kept.clear();
            }
            self.kept.insert(tile, read_hashes(&mut self.reader, tile)?);
        }
        let count = 1_usize << (node.level % 8);
        let from = (node.index << (node.level % 8)) % WIDTH;
        let hashes = self.kept.get(&tile).and_then(|hashes| hashes.get(from as usize..from as usize + count));
        hashes.map(root_of).ok_or_else(outside)
    }
}

/// The root of 1, 2, 4, … or 256 hashes.
fn root_of(hashes: &[Hash]) -> Hash {
    let mut hashes = hashes.to_vec();
    while hashes.len() > 1 {
        hashes = hashes.chunks(2).map(|pair| pair.iter().copied().reduce(Hash::of_node).unwrap_or(pair[0])).collect();
    }
    hashes.first().copied().unwrap_or_else(Hash::of_empty_tree)
}

/// What a log writes when it grows.
#[derive(Debug)]
pub(crate) struct Growth {
    pub(crate) old_size: u64,
    pub(crate) size: u64,
    /// The root before, as the old tiles have it: to be compared with the last checkpoint before anything is signed.
    pub(crate) old_root: Hash,
    pub(crate) root: Hash,
    /// New files with their bytes: bundles, then tiles from level 0 upwards. [`Tile::key`] names each in the bucket.
    pub(crate) files: Vec<(Tile, Vec<u8>)>,
}

/// The files that a log of `old_size` entries writes when `new` entries come to it.
///
/// Reads the partial tiles of the old log ([`edge`]), and for the roots those of its right side. Holds all new files, some
/// twice the bytes of the new entries: whoever writes a log anew gives them in parts.
pub(crate) fn grow<E: AsRef<[u8]>>(
    old_size: u64,
    new: &[E],
    reader: &mut impl TileReader,
) -> Result<Growth, TileError> {
    let size = old_size.checked_add(new.len() as u64).ok_or(TileError::Full)?;
    let mut files = BTreeMap::new();
    let bundle = match edge(old_size).first().filter(|tile| tile.content == Content::Entries) {
        Some(tile) => read_entries(reader, *tile)?,
        None => Vec::new(),
    };
    let all: Vec<&[u8]> = bundle.iter().map(Vec::as_slice).chain(new.iter().map(AsRef::as_ref)).collect();
    let first = old_size - old_size % WIDTH;
    for (at, part) in (first..).step_by(WIDTH as usize).zip(all.chunks(WIDTH as usize)) {
        let tile = Tile::at(Content::Entries, at, size).filter(|_| !new.is_empty());
        if let Some(tile) = tile {
            files.insert(tile, pack(part, at)?);
        }
    }
    let mut fresh: Vec<Hash> = new.iter().map(|entry| Hash::of_leaf(entry.as_ref())).collect();
    for level in 0..8 {
        if fresh.is_empty() {
            break;
        }
        let from = old_size >> (8 * u32::from(level));
        let mut hashes = match Tile::at(Content::Hashes(level), from.saturating_sub(1), old_size) {
            Some(tile) if !tile.is_full() => read_hashes(reader, tile)?,
            _ => Vec::new(),
        };
        hashes.append(&mut fresh);
        let first = from - from % WIDTH;
        for (at, part) in (first..).step_by(WIDTH as usize).zip(hashes.chunks(WIDTH as usize)) {
            if let Some(tile) = Tile::at(Content::Hashes(level), at, size) {
                files.insert(tile, part.iter().flat_map(|hash| hash.0).collect());
                fresh.extend(tile.is_full().then(|| root_of(part)));
            }
        }
    }
    let old_root = Tiled::new(old_size, &mut *reader).root()?;
    let mut both = Overlay { new: &mut files, old: reader };
    let root = Tiled::new(size, &mut both).root()?;
    let mut files: Vec<(Tile, Vec<u8>)> = files.into_iter().collect();
    files.sort_by_key(|(tile, _)| (tile.content != Content::Entries, *tile));
    Ok(Growth { old_size, size, old_root, root, files })
}

/// A bundle of entries, the first of which is number `from`.
fn pack(entries: &[&[u8]], from: u64) -> Result<Vec<u8>, TileError> {
    let mut bytes = Vec::with_capacity(entries.iter().map(|entry| entry.len() + 2).sum());
    for (index, entry) in (from..).zip(entries) {
        let too_long = |_| TileError::TooLong { index, length: entry.len() };
        bytes.extend(u16::try_from(entry.len()).map_err(too_long)?.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Ok(bytes)
}

/// New files before old ones.
struct Overlay<'a, R> {
    new: &'a mut BTreeMap<Tile, Vec<u8>>,
    old: &'a mut R,
}

impl<R: TileReader> TileReader for Overlay<'_, R> {
    fn read(&mut self, tile: Tile) -> Result<Option<Vec<u8>>, std::io::Error> {
        match self.new.get(&tile) {
            Some(bytes) => Ok(Some(bytes.clone())),
            None => self.old.read(tile),
        }
    }
}
