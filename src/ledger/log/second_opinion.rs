//! The log against other people's programs: `tlog_tiles` and `signed_note` of Cloudflare.

use std::cell::RefCell;
use std::collections::BTreeMap;

use base64::Engine as _;
use signed_note::{StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::HashReader;

use super::checkpoint::Checkpoint;
use super::merkle::{self, Hash};
use super::note::{Note, SigningKey};
use super::tiles::{self, Content, Growth, Tile, TileError, TileReader, Tiled};

/// A log in memory as a bucket has it, which grows by our functions.
#[derive(Default)]
struct Log {
    size: u64,
    root: Option<Hash>,
    files: BTreeMap<Tile, Vec<u8>>,
}

impl Log {
    fn grow(&mut self, count: u64) -> Growth {
        let new: Vec<String> = (self.size..self.size + count).map(|n| format!("entry {n}\n")).collect();
        let growth = tiles::grow(self.size, &new, &mut self.files).unwrap();
        assert_eq!(growth.old_root, self.root.unwrap_or_else(Hash::of_empty_tree));
        self.files.extend(growth.files.iter().cloned());
        (self.size, self.root) = (growth.size, Some(growth.root));
        growth
    }
}

/// The tree as `tlog_tiles` keeps it: one list of hashes.
#[derive(Default)]
struct Theirs(RefCell<Vec<tlog_tiles::Hash>>);

impl HashReader for Theirs {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0.borrow()[*index as usize]).collect())
    }
}

impl Theirs {
    fn grow(&self, from: u64, count: u64) {
        for n in from..from + count {
            let hashes = tlog_tiles::stored_hashes(n, format!("entry {n}\n").as_bytes(), self).unwrap();
            self.0.borrow_mut().extend(hashes);
        }
    }
}

/// Our files, read by `tlog_tiles`, which checks each against the root.
struct Ours<'a>(&'a Log);

impl tlog_tiles::TileReader for Ours<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let named = tiles.iter().map(|tile| self.0.files[&name(tile)].clone());
        Ok(named.collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

/// Their tile by our name. Theirs has the height of tiles in it, which is always 8 in this format.
fn name(tile: &tlog_tiles::Tile) -> Tile {
    tile.path().replace("tile/8/", "tile/").replace("tile/data/", "tile/entries/").parse().unwrap()
}

fn theirs(hashes: &[Hash]) -> Vec<tlog_tiles::Hash> {
    hashes.iter().map(|hash| tlog_tiles::Hash(hash.0)).collect()
}

fn ours(hashes: &[tlog_tiles::Hash]) -> Vec<Hash> {
    hashes.iter().map(|hash| Hash(hash.0)).collect()
}

/// Roots and proofs of some entries and older sizes: both programs make the same and accept each other's.
fn agree(log: &Log, other: &Theirs, places: impl IntoIterator<Item = u64>) {
    let (size, root) = (log.size, log.root.unwrap());
    let their_root = tlog_tiles::tree_hash(size, other).unwrap();
    assert_eq!(root.0, their_root.0, "root of {size}");
    let mut tiled = Tiled::new(size, log.files.clone());
    assert_eq!(tiled.root().unwrap(), root);
    let through_tiles = Ours(log);
    let through_tiles = tlog_tiles::TileHashReader::new(size, their_root, &through_tiles);
    for place in places {
        let proof = tiled.inclusion(place).unwrap();
        assert_eq!(proof, ours(&tlog_tiles::prove_record(size, place, other).unwrap()), "{place} of {size}");
        assert_eq!(theirs(&proof), tlog_tiles::prove_record(size, place, &through_tiles).unwrap());
        let leaf = tiled.leaf(place).unwrap();
        assert_eq!(leaf, Hash::of_leaf(format!("entry {place}\n").as_bytes()));
        merkle::check_inclusion(&proof, (place, leaf), (size, root)).unwrap();
        tlog_tiles::check_record(&theirs(&proof), size, their_root, place, tlog_tiles::Hash(leaf.0)).unwrap();
        let old = place + 1;
        let old_root = tlog_tiles::tree_hash(old, other).unwrap();
        let proof = tiled.consistency(old).unwrap();
        assert_eq!(proof, ours(&tlog_tiles::prove_tree(size, old, other).unwrap()), "{old} to {size}");
        assert!(proof.len() <= merkle::MAX_PROOF);
        merkle::check_consistency(&proof, (old, Hash(old_root.0)), (size, root)).unwrap();
        tlog_tiles::check_tree(&theirs(&proof), size, their_root, old, old_root).unwrap();
        // What is to be fetched is named before.
        let tree = (size, &log.files);
        only_named(tree, tiles::tiles_of(&merkle::nodes_of_inclusion(place, size), size), |tiled| {
            tiled.inclusion(place)
        });
        only_named(tree, tiles::tiles_of(&merkle::nodes_of_consistency(old, size), size), |tiled| {
            tiled.consistency(old)
        });
    }
    only_named((size, &log.files), tiles::tiles_of(&merkle::nodes_of_root(size), size), |tiled| tiled.root());
}

/// Something succeeds where only the named files are there.
fn only_named<T>(
    (size, files): (u64, &BTreeMap<Tile, Vec<u8>>),
    named: Vec<Tile>,
    read: impl FnOnce(&mut Tiled<BTreeMap<Tile, Vec<u8>>>) -> Result<T, TileError>,
) {
    let files = named.into_iter().map(|tile| (tile, files[&tile].clone())).collect();
    read(&mut Tiled::new(size, files)).unwrap();
}

#[test]
fn roots_proofs_and_tiles_of_every_size_up_to_600_are_those_of_tlog_tiles() {
    let (mut log, other) = (Log::default(), Theirs::default());
    for size in 1..=600 {
        let before = log.size;
        let growth = log.grow(1);
        other.grow(before, 1);
        // The tiles that are new are those that they name, with their bytes.
        let mut named: Vec<Tile> = tlog_tiles::Tile::new_tiles(8, before, size).iter().map(name).collect();
        named.sort_unstable();
        let hashes = growth.files.iter().filter(|(tile, _)| tile.content() != Content::Entries);
        assert_eq!(hashes.clone().map(|(tile, _)| *tile).collect::<Vec<_>>(), named, "{before} to {size}");
        for tile in tlog_tiles::Tile::new_tiles(8, before, size) {
            assert_eq!(log.files[&name(&tile)], tile.read_data(&other).unwrap(), "{}", tile.path());
        }
        let all: Vec<Tile> = Tile::new_at(before, size).collect();
        assert_eq!(growth.files.iter().map(|(tile, _)| *tile).collect::<Vec<_>>(), all);
        let every = size <= 40 || [255, 256, 257, 511, 512, 513, 600].contains(&size);
        let places = (0..size).filter(|place| every || *place == size - 1 || place.is_multiple_of(size / 3));
        // Proofs of all places take a second per size in a debug build; three sizes of the last have all.
        let places = places.filter(|place| size < 300 || size == 600 || place.is_multiple_of(7));
        agree(&log, &other, places);
    }
}

#[test]
fn random_logs_up_to_100_000_entries_are_those_of_tlog_tiles() {
    let mut random = fastrand::Rng::with_seed(20);
    let (mut log, other) = (Log::default(), Theirs::default());
    while log.size < 100_000 {
        let count = random.u64(1..=(1 + 100_000 - log.size)).min(random.u64(1..20_000));
        let (before, growth) = (log.size, log.grow(count));
        other.grow(before, count);
        assert_eq!(growth.size, before + count);
        let size = log.size;
        agree(&log, &other, (0..4).map(|_| random.u64(0..size)));
        // Bundles have what was put into them, whichever file has them.
        for _ in 0..4 {
            let index = random.u64(0..size);
            let tile = Tile::of_entry(index, size).unwrap();
            let entries = tiles::read_entries(&mut log.files, tile).unwrap();
            assert_eq!(entries[index as usize % 256], format!("entry {index}\n").as_bytes());
            assert_eq!(entries.len(), usize::from(tile.width()));
        }
    }
    // A log that is written at once has the same files as one that grew, but for those that were partial for a time.
    let mut at_once = Log::default();
    at_once.grow(log.size);
    assert_eq!(at_once.root, log.root);
    let all: Vec<Tile> = Tile::all(log.size).collect();
    assert_eq!(at_once.files.keys().copied().collect::<std::collections::BTreeSet<_>>(), all.iter().copied().collect());
    assert!(all.iter().all(|tile| at_once.files[tile] == log.files[tile]));
    // Partial tiles of the past may be deleted: full ones take their place, and the newest have all that older logs had.
    let old_root = |old| tlog_tiles::tree_hash(old, &other).unwrap().0;
    assert_eq!(Tiled::new(60_000, at_once.files.clone()).root().unwrap().0, old_root(60_000));
    let old = 70_000;
    let mut newest = Tiled::new(log.size, at_once.files.clone());
    assert_eq!(newest.root_at(old).unwrap().0, old_root(old));
    assert!(matches!(newest.root_at(log.size + 1), Err(TileError::Outside { .. })));
    let edge: Vec<String> = tiles::edge(old).iter().map(Tile::key).collect();
    let expected = ["entries/273.p/112", "0/273.p/112", "1/001.p/17", "2/000.p/1"];
    assert_eq!(edge, expected.map(|name| format!("ledger/tile/{name}")));
}

#[test]
fn names_of_tiles_are_those_of_tlog_tiles_and_only_those() {
    for (height, level, index, width, data) in
        [(8, 0, 0, 256, false), (8, 7, 1_234_067, 5, false), (8, 0, 999, 1, true)]
    {
        let theirs = tlog_tiles::Tile::new(height, level, index, width, data);
        let ours = name(&theirs);
        assert_eq!((ours.index(), u32::from(ours.width())), (index, width));
        assert_eq!(ours.is_full(), width == 256);
    }
    for wrong in [
        "tile/0/1",
        "tile/0/0001",
        "tile/0/x001",
        "tile/0/001/001",
        "tile/00/001",
        "tile/64/001",
        "tile/+1/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/257",
        "tile/0/001.p/01",
        "tile/0/x000/001",
        "tile/data/001",
        "tile/0/-01",
        "tile/0/+01",
        "tile/0/",
        "tile/",
        "",
        "entries/001",
        "tile/0/001.p/1/",
        "tile/0/xx01/001",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert!(wrong.parse::<Tile>().is_err(), "{wrong}");
    }
}

#[test]
fn files_that_are_missing_cut_or_too_long_are_told_by_name() {
    let mut log = Log::default();
    log.grow(300);
    let tell = |files: &BTreeMap<Tile, Vec<u8>>| Tiled::new(300, files.clone()).root().unwrap_err().to_string();
    let partial: Tile = "tile/0/001.p/44".parse().unwrap();
    let mut files = log.files.clone();
    files.remove(&partial);
    assert_eq!(tell(&files), "ledger/tile/0/001.p/44 is missing");
    files.insert(partial.full(), vec![0; 32 * 44]);
    let words = "ledger/tile/0/001 has 1408 bytes where 8192 are expected: it was cut or changed";
    assert_eq!(tell(&files), words);
    files.insert(partial, vec![0; 32 * 44 - 1]);
    let words = "ledger/tile/0/001.p/44 has 1407 bytes where 1408 are expected: it was cut or changed";
    assert_eq!(tell(&files), words);
    let bundle = Tile::of_entry(299, 300).unwrap();
    let bytes = log.files[&bundle].clone();
    assert_eq!(tiles::entries(bundle, &bytes).unwrap().len(), 44);
    assert!(bytes.len() <= tiles::MAX_BUNDLE);
    for wrong in [&bytes[..bytes.len() - 1], &bytes[..1], &[], &[&bytes[..], b"\0"].concat()] {
        let words = tiles::entries(bundle, wrong).unwrap_err().to_string();
        assert_eq!(words, "ledger/tile/entries/001.p/44 does not have 44 entries: it was cut or changed");
    }
    let long = vec![b'a'; tiles::MAX_ENTRY + 1];
    let words = tiles::grow(300, &[long], &mut log.files.clone()).unwrap_err().to_string();
    assert_eq!(words, "entry 300 has 65536 bytes: at most 65535 are possible");
    let nothing = tiles::grow(300, &[] as &[&[u8]], &mut log.files).unwrap();
    assert_eq!((nothing.files.len(), nothing.size, Some(nothing.root)), (0, 300, log.root));
    assert_eq!((nothing.old_size, Some(nothing.old_root)), (300, log.root));
    struct Broken;
    impl TileReader for Broken {
        fn read(&mut self, _: Tile) -> Result<Option<Vec<u8>>, std::io::Error> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let words = Tiled::new(300, Broken).root().unwrap_err().to_string();
    assert_eq!(words, "ledger/tile/1/000.p/1 cannot be read: the disk is gone");
}

#[test]
fn notes_of_either_program_are_verified_by_the_other() {
    let ours = SigningKey::generate("stadt.example/fahrtenbuch").unwrap();
    let vkey = ours.public().to_string();
    let verifiers = |keys: &[&str]| {
        let keys =
            keys.iter().map(|key| Box::new(StandardVerifier::new(key).unwrap()) as Box<dyn signed_note::Verifier>);
        VerifierList::new(keys.collect())
    };
    // Ours by theirs, with the checkpoint in it.
    let checkpoint = Checkpoint::new(ours.name(), 70_000, Hash([9; 32]));
    let note = checkpoint.sign(&ours).unwrap();
    let read = signed_note::Note::from_bytes(note.to_string().as_bytes()).unwrap();
    let (verified, unknown) = read.verify(&verifiers(&[&vkey])).unwrap();
    assert_eq!((verified.len(), unknown.len()), (1, 0));
    let their_checkpoint = tlog_tiles::Checkpoint::from_bytes(read.text()).unwrap();
    assert_eq!((their_checkpoint.origin(), their_checkpoint.size()), (ours.name(), 70_000));
    assert_eq!(their_checkpoint.hash().0, [9; 32]);
    // Our secret key is theirs, and what they sign by it is the same to the byte.
    let secret = StandardSigner::new(&ours.to_text()).unwrap();
    let mut again = signed_note::Note::new(note.text().as_bytes(), &[]).unwrap();
    again.add_sigs(&[&secret]).unwrap();
    assert_eq!(String::from_utf8(again.to_bytes()).unwrap(), note.to_string());
    // Theirs by ours, with both signatures; a changed text by neither.
    let seed = ed25519_dalek::SigningKey::from_bytes(&[5; 32]);
    let other = other_key("zeuge.example", &seed);
    again.add_sigs(&[&StandardSigner::new(&other).unwrap()]).unwrap();
    let bytes = again.to_bytes();
    let theirs = SigningKey::from_text(&other).unwrap().public();
    let note = Note::parse(&bytes).unwrap();
    assert_eq!(note.verify(&[&theirs, &ours.public()]), Ok(vec![0, 1]));
    assert_eq!(Checkpoint::open(&note, ours.name(), &[&theirs]), Ok((checkpoint, vec![0])));
    assert!(signed_note::Note::from_bytes(&bytes).unwrap().verify(&verifiers(&[&theirs.to_string(), &vkey])).is_ok());
    let changed = String::from_utf8(bytes).unwrap().replace("70000", "70001");
    assert!(Note::parse(changed.as_bytes()).unwrap().verify(&[&theirs]).is_err());
    assert!(signed_note::Note::from_bytes(changed.as_bytes()).unwrap().verify(&verifiers(&[&vkey])).is_err());
}

/// A secret key as `signed_note` writes it.
fn other_key(name: &str, key: &ed25519_dalek::SigningKey) -> String {
    let public = [&[1][..], key.verifying_key().as_bytes()].concat();
    let secret = base64::engine::general_purpose::STANDARD.encode([&[1][..], key.as_bytes()].concat());
    format!("PRIVATE+KEY+{name}+{:08x}+{secret}", signed_note::key_id(name, &public))
}
