//! What somebody may do to the signed part of a bucket: tiles, checkpoint, proofs and the list of keys, also with a key that he stole.

use serde_json::Value;
use signed_note::{Note, Signer, StandardSigner};

use super::tamperings::{Bucket, Expected, Tampering, edit_a_row, expected, fork, one_of, rewrite_log};
use crate::log_signed::{Hashes, hashes};

const CHECKPOINT: &str = "ledger/checkpoint";
const KEYS: &str = "ledger/keys.json";

/// The tamperings of a bucket whose log is signed, beside those of any.
pub(super) const FORGERIES: &[(&str, Tampering)] = &[
    ("cut tile", cut_tile),
    ("removed tile", removed_tile),
    ("older checkpoint", older_checkpoint),
    ("other signature", other_signature),
    ("checkpoint of an ended key", ended_key),
    ("checkpoint of another log, stolen key", checkpoint_of_another_log),
    ("removed proof", removed_proof),
    ("changed proof", changed_proof),
    ("foreign proof", foreign_proof),
    ("removed list of keys", removed_keys),
    ("changed list of keys", changed_keys),
    ("older list of keys", older_keys),
    ("edited row with new digests in the log", edited_row_in_the_log),
    ("edited row signed by a stolen key", edited_row_signed),
    ("forked log signed by a stolen key", forked_and_signed),
    ("rolled back log signed by a stolen key", cut_and_signed),
    // Removed evidence is private: 'verify --private' has its own.
];

/// The entries of the log.
fn lines(bucket: &Bucket<'_>) -> Vec<String> {
    let of_version = |name: &String| bucket.json(name)["entries"].as_array().unwrap().clone();
    bucket.logs().iter().flat_map(of_version).map(|entry| entry.as_str().unwrap().to_owned()).collect()
}

fn is_tile(name: &str) -> bool {
    name.starts_with("ledger/tile/")
}

fn is_proof(name: &str) -> bool {
    name.ends_with(".tlog-proof")
}

fn is_known_before(bucket: &Bucket<'_>, name: &str) -> bool {
    bucket.before.contains_key(name)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A checkpoint of these entries, signed by a key.
fn checkpoint(bucket: &Bucket<'_>, hashes: &Hashes, size: usize, secret: &str) -> Vec<u8> {
    use base64::Engine as _;
    let root = tlog_tiles::tree_hash(size as u64, hashes).unwrap().0;
    let root = base64::engine::general_purpose::STANDARD.encode(root);
    let origin = text(&bucket.files[CHECKPOINT]).lines().next().unwrap().to_owned();
    signed(&format!("{origin}\n{size}\n{root}\n"), secret)
}

fn signed(text: &str, secret: &str) -> Vec<u8> {
    let signer = StandardSigner::new(secret).unwrap();
    let mut note = Note::new(text.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&signer as &dyn Signer]).unwrap();
    note.to_bytes()
}

/// Makes tiles, checkpoint and proofs of the log as it is, as who has a key can.
fn sign_anew(bucket: &mut Bucket<'_>, secret: &str) {
    use base64::Engine as _;
    let lines = lines(bucket);
    let hashes = hashes(&lines);
    for name in bucket.names(|name| is_tile(name) || is_proof(name)) {
        bucket.remove(&name);
    }
    for tile in tlog_tiles::Tile::new_tiles(8, 0, lines.len() as u64) {
        let name = format!("ledger/{}", tile.path().replace("tile/8/", "tile/"));
        bucket.put(&name, tile.read_data(&hashes).unwrap());
    }
    for (number, part) in lines.chunks(256).enumerate() {
        let partial = if part.len() < 256 { format!(".p/{}", part.len()) } else { String::new() };
        let coded =
            part.iter().flat_map(|line| [&(line.len() as u16).to_be_bytes()[..], line.as_bytes()].concat()).collect();
        bucket.put(&format!("ledger/tile/entries/{number:03}{partial}"), coded);
    }
    let note = checkpoint(bucket, &hashes, lines.len(), secret);
    for (index, line) in (0_u64..).zip(&lines).filter(|(_, line)| line.starts_with("release ")) {
        let words: Vec<&str> = line.split(' ').collect();
        let proof = tlog_tiles::prove_record(lines.len() as u64, index, &hashes).unwrap();
        let encode = |hash: &tlog_tiles::Hash| base64::engine::general_purpose::STANDARD.encode(hash.0) + "\n";
        let proof: String = proof.iter().map(encode).collect();
        let head = format!("c2sp.org/tlog-proof@v1\nindex {index}\n{proof}\n");
        let name = format!("meta/{}/proofs/v{:010}.tlog-proof", words[1], words[2].parse::<u64>().unwrap());
        bucket.put(&name, [head.as_bytes(), &note].concat());
    }
    bucket.put(CHECKPOINT, note);
}

/// The version of the log that has the last entry of the kept checkpoint: no version after it is of yesterday.
fn last_kept(bucket: &Bucket<'_>) -> String {
    let mut logs = bucket.before.keys().filter(|name| name.starts_with("ledger/log/"));
    logs.next_back().unwrap().clone()
}

/// In half of the cases between two entries or hashes.
fn cut_tile(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let name = one_of(rng, &bucket.names(is_tile));
    let bytes = bucket.files[&name].clone();
    let mut ends = vec![0];
    while let Some(end) = ends.last().copied().filter(|end| *end < bytes.len()) {
        let length = match name.starts_with("ledger/tile/entries/") {
            true => 2 + usize::from(u16::from_be_bytes([bytes[end], bytes[end + 1]])),
            false => 32,
        };
        ends.push(end + length);
    }
    let end = if rng.bool() { ends[rng.usize(..ends.len() - 1)] } else { rng.usize(..bytes.len()) };
    bucket.put(&name, bytes[..end].to_vec());
    expected(&["changed"], "tile", &[&name])
}

/// One that the checkpoint stands for: partial ones of earlier checkpoints may go.
fn removed_tile(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let size = lines(bucket).len();
    let name = one_of(rng, &bucket.names(is_tile));
    let width = |name: &str| name.split_once(".p/").map(|(_, width)| width.parse::<usize>().unwrap());
    let is_needed = |name: &&String| match width(name) {
        None => true,
        Some(width) if name.starts_with("ledger/tile/1/") => width == size / 256,
        Some(width) => width == size % 256,
    };
    let needed: Vec<String> = bucket.names(is_tile).iter().filter(is_needed).cloned().collect();
    let name = if needed.contains(&name) { name } else { one_of(rng, &needed) };
    bucket.remove(&name);
    expected(&["missing"], "tile", &[&name])
}

/// That of yesterday is put back.
fn older_checkpoint(bucket: &mut Bucket<'_>, _: &mut fastrand::Rng) -> Expected {
    bucket.restore(|name| name == CHECKPOINT);
    expected(&["rolled_back"], "checkpoint", &[CHECKPOINT])
}

fn other_signature(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let whole = text(&bucket.files[CHECKPOINT]);
    let line = whole.rfind(' ').unwrap() + 1;
    // The last characters are of the length.
    let at = line + rng.usize(..whole.len() - line - 4);
    let other = if &whole[at..=at] == "A" { "B" } else { "A" };
    bucket.put(CHECKPOINT, format!("{}{other}{}", &whole[..at], &whole[at + 1..]).into_bytes());
    expected(&["changed"], "checkpoint", &[CHECKPOINT])
}

fn ended_key(bucket: &mut Bucket<'_>, _: &mut fastrand::Rng) -> Expected {
    let whole = text(&bucket.files[CHECKPOINT]);
    let (said, _) = whole.split_once("\n\n").unwrap();
    let [old, _] = &bucket.signing.unwrap().secrets;
    bucket.put(CHECKPOINT, signed(&format!("{said}\n"), old));
    expected(&["changed"], "checkpoint", &[CHECKPOINT])
}

/// Signed by the real key, of as many entries, of which one is another.
fn checkpoint_of_another_log(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let mut lines = lines(bucket);
    let place = rng.usize(..lines.len());
    lines[place].push('0');
    let [_, secret] = &bucket.signing.unwrap().secrets;
    let note = checkpoint(bucket, &hashes(&lines), lines.len(), secret);
    bucket.put(CHECKPOINT, note);
    expected(&["forked"], "checkpoint", &[CHECKPOINT])
}

fn removed_proof(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let name = one_of(rng, &bucket.names(is_proof));
    bucket.remove(&name);
    expected(&["missing"], "proof", &[&name])
}

fn changed_proof(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let name = one_of(rng, &bucket.names(is_proof));
    let mut bytes = bucket.files[&name].clone();
    let place = rng.usize(..bytes.len());
    bytes[place] ^= 1 << rng.u8(..8);
    bucket.put(&name, bytes);
    expected(&["changed"], "proof", &[&name])
}

fn foreign_proof(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let names = bucket.names(is_proof);
    let (name, mut other) = (one_of(rng, &names), one_of(rng, &names));
    while other == name {
        other = one_of(rng, &names);
    }
    bucket.put(&name, bucket.files[&other].clone());
    expected(&["changed"], "proof", &[&name])
}

fn removed_keys(bucket: &mut Bucket<'_>, _: &mut fastrand::Rng) -> Expected {
    bucket.remove(KEYS);
    expected(&["missing"], "keys", &[KEYS])
}

fn changed_keys(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let list = text(&bucket.files[KEYS]);
    let changes = [("\"rotated\"", "\"active\""), ("\"active\"", "\"revoked\""), ("every two years", "stolen")];
    let (from, to) = changes[rng.usize(..changes.len())];
    assert!(list.contains(from), "{list}");
    bucket.put(KEYS, list.replacen(from, to, 1).into_bytes());
    expected(&["changed"], "keys", &[KEYS])
}

fn older_keys(bucket: &mut Bucket<'_>, _: &mut fastrand::Rng) -> Expected {
    bucket.restore(|name| name == KEYS);
    expected(&["changed"], "keys", &[KEYS])
}

/// Edits a row, and makes all name it by new digests up to the log; gives the first version of that which is another one.
fn edit_up_to_the_log(
    bucket: &mut Bucket<'_>,
    rng: &mut fastrand::Rng,
    is_one: fn(&Bucket<'_>, &str) -> bool,
) -> String {
    let edited = edit_a_row(bucket, rng, is_one);
    let before = bucket.files.clone();
    let of_table = format!("release {} ", edited.table);
    rewrite_log(bucket, |_, entries| {
        for entry in entries.iter_mut() {
            let line = entry.as_str().unwrap().to_owned();
            if line.starts_with(&of_table) {
                *entry = Value::from(edited.digests.iter().fold(line, |line, (from, to)| line.replace(from, to)));
            }
        }
    });
    bucket.logs().into_iter().find(|name| before[name] != bucket.files[name]).unwrap()
}

/// Without the key, the checkpoint tells.
fn edited_row_in_the_log(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let first = edit_up_to_the_log(bucket, rng, |_, _| true);
    expected(&["forked", "changed"], "log", &[&first])
}

/// Only the kept checkpoint tells.
fn edited_row_signed(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    edit_up_to_the_log(bucket, rng, is_known_before);
    sign_anew(bucket, &bucket.signing.unwrap().secrets[1]);
    expected(&["forked"], "log", &[&last_kept(bucket)])
}

fn forked_and_signed(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let kept = bucket.before.keys().filter(|name| name.starts_with("ledger/log/")).count();
    fork(bucket, rng, kept);
    sign_anew(bucket, &bucket.signing.unwrap().secrets[1]);
    expected(&["forked"], "log", &[&last_kept(bucket)])
}

/// The log ends before the kept checkpoint, and was signed then or is signed so again by the key of that day.
fn cut_and_signed(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let since = bucket.signing.unwrap().since;
    let logs = bucket.logs();
    let is_before = |name: &&String| bucket.json(name)["size"].as_u64().unwrap() < since;
    let kept = logs.iter().filter(is_before).count();
    let cut = rng.usize(1..kept);
    for name in &logs[cut..] {
        bucket.remove(name);
    }
    bucket.restore(|name| name == KEYS);
    sign_anew(bucket, &bucket.signing.unwrap().secrets[0]);
    expected(&["rolled_back"], "log", &[&logs[cut]])
}
