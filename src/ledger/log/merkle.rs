//! The Merkle tree of RFC 6962: hashes of leaves and nodes, the root, proofs of inclusion and of consistency.
//!
//! A tree is known by the hashes of its complete subtrees, which [`Nodes`] gives; so a root or a proof costs some sixty of
//! them, however large the tree is. Checking a proof needs nothing but the proof.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The most hashes that a proof can have: the tree has fewer than 2^64 leaves.
pub(crate) const MAX_PROOF: usize = 63;

/// A hash of the tree: printed and read in base64, as checkpoints and proofs have it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Hash(pub(crate) [u8; 32]);

impl Hash {
    /// The root of a tree without leaves: the SHA-256 of nothing (RFC 6962, 2.1).
    pub(crate) fn of_empty_tree() -> Self {
        Self(Sha256::digest(b"").into())
    }

    /// The hash of a leaf: its bytes after a zero byte.
    pub(crate) fn of_leaf(entry: &[u8]) -> Self {
        Self(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
    }

    /// The hash of a node: both children after a byte of one, so that no node is taken for a leaf.
    pub(crate) fn of_node(left: Self, right: Self) -> Self {
        Self(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tree:{self}")
    }
}

/// The text is no hash of 32 bytes in base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a hash of 32 bytes in base64, 44 characters long")]
pub(crate) struct NoHash;

impl FromStr for Hash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        if text.len() != 44 {
            return Err(NoHash);
        }
        let bytes = STANDARD.decode(text).map_err(|_| NoHash)?;
        Ok(Self(bytes.try_into().map_err(|_| NoHash)?))
    }
}

/// A complete subtree: the 2^`level` leaves from `index` × 2^`level` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Node {
    pub(crate) level: u32,
    pub(crate) index: u64,
}

/// Gives the hashes of the complete subtrees of a tree.
pub(crate) trait Nodes {
    type Error;

    fn hash(&mut self, node: Node) -> Result<Hash, Self::Error>;
}

/// What a proof is made of, each a range of leaves whose hash stands in it, in the order of the proof.
type Ranges = Vec<(u64, u64)>;

/// The largest power of two below `size`, where a tree is split in two (RFC 6962, 2.1); `size` is at least 2.
fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

/// The complete subtrees that a range of leaves falls into, from the left: the range is a subtree of RFC 6962, so that each is
/// smaller than the one before.
fn nodes_of((from, to): (u64, u64)) -> impl Iterator<Item = Node> {
    let mut at = from;
    std::iter::from_fn(move || {
        let rest = to.checked_sub(at).filter(|rest| *rest > 0)?;
        let level = 63 - rest.leading_zeros();
        let node = Node { level, index: at >> level };
        at += 1 << level;
        Some(node)
    })
}

/// The hash of a range of leaves that is a subtree.
fn hash_of<N: Nodes>(range: (u64, u64), nodes: &mut N) -> Result<Hash, N::Error> {
    let hashes = nodes_of(range).map(|node| nodes.hash(node)).collect::<Result<Vec<_>, _>>()?;
    Ok(hashes.into_iter().rev().reduce(|right, left| Hash::of_node(left, right)).unwrap_or_else(Hash::of_empty_tree))
}

/// The subtrees beside the way from leaf `index` to the root, from the leaf upwards (RFC 6962, 2.1.1).
fn inclusion_ranges(index: u64, size: u64) -> Ranges {
    let (mut from, mut to, mut ranges) = (0, size, Vec::new());
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            ranges.push((middle, to));
            to = middle;
        } else {
            ranges.push((from, middle));
            from = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// The subtrees of which the first `old` leaves and all `size` leaves can be computed (RFC 6962, 2.1.2).
fn consistency_ranges(old: u64, size: u64) -> Ranges {
    let (mut from, mut to, mut ranges) = (0, size, Vec::new());
    if old == 0 {
        return ranges;
    }
    while old < to {
        let middle = from + split(to - from);
        if old <= middle {
            ranges.push((middle, to));
            to = middle;
        } else {
            ranges.push((from, middle));
            from = middle;
        }
    }
    // The whole old tree is known to who asks; a part of it is not.
    if from > 0 {
        ranges.push((from, to));
    }
    ranges.reverse();
    ranges
}

/// The nodes that the root of a tree of `size` leaves needs.
pub(crate) fn nodes_of_root(size: u64) -> Vec<Node> {
    nodes_of((0, size)).collect()
}

/// The nodes that [`inclusion`] needs.
pub(crate) fn nodes_of_inclusion(index: u64, size: u64) -> Vec<Node> {
    inclusion_ranges(index, size).into_iter().flat_map(nodes_of).collect()
}

/// The nodes that [`consistency`] needs.
pub(crate) fn nodes_of_consistency(old: u64, size: u64) -> Vec<Node> {
    consistency_ranges(old, size).into_iter().flat_map(nodes_of).collect()
}

/// The root of the first `size` leaves.
pub(crate) fn root<N: Nodes>(size: u64, nodes: &mut N) -> Result<Hash, N::Error> {
    hash_of((0, size), nodes)
}

/// The proof that leaf `index` is in the tree of the first `size` leaves. A leaf that is not in the tree has an empty one, which
/// proves nothing.
pub(crate) fn inclusion<N: Nodes>(index: u64, size: u64, nodes: &mut N) -> Result<Vec<Hash>, N::Error> {
    if index >= size {
        return Ok(Vec::new());
    }
    inclusion_ranges(index, size).into_iter().map(|range| hash_of(range, nodes)).collect()
}

/// The proof that the tree of the first `old` leaves is the beginning of that of the first `size`. An older tree that is larger
/// has an empty one, which proves nothing.
pub(crate) fn consistency<N: Nodes>(old: u64, size: u64, nodes: &mut N) -> Result<Vec<Hash>, N::Error> {
    consistency_ranges(old, size).into_iter().map(|range| hash_of(range, nodes)).collect()
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProofError {
    #[error("entry {index} is not in a log of {size} entries")]
    Beyond { index: u64, size: u64 },
    #[error("a log of {size} entries cannot have begun with {old}: it became shorter")]
    Shorter { old: u64, size: u64 },
    #[error("the proof has {found} hashes where {expected} are needed")]
    Length { found: usize, expected: usize },
    #[error("the proof does not lead to the root of the checkpoint: the entry is not in this log at this place")]
    NotIncluded,
    #[error("the proof does not lead to the root of the older checkpoint: the log was changed before that, or forked")]
    Forked,
    #[error("the proof leads to the root of the older checkpoint, but not to that of the newer")]
    NewRoot,
    #[error("two checkpoints of {size} entries have different roots: the log is forked")]
    TwoRoots { size: u64 },
}

fn check_length(proof: &[Hash], expected: usize) -> Result<(), ProofError> {
    match proof.len() == expected {
        true => Ok(()),
        false => Err(ProofError::Length { found: proof.len(), expected }),
    }
}

/// Checks that the leaf of this hash is at `index` of the tree of `size` leaves with this root.
pub(crate) fn check_inclusion(
    proof: &[Hash],
    (index, leaf): (u64, Hash),
    (size, root): (u64, Hash),
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Beyond { index, size });
    }
    let ranges = inclusion_ranges(index, size);
    check_length(proof, ranges.len())?;
    let join = |hash, ((from, _), beside): (&(u64, u64), &Hash)| match *from > index {
        true => Hash::of_node(hash, *beside),
        false => Hash::of_node(*beside, hash),
    };
    match ranges.iter().zip(proof).fold(leaf, join) == root {
        true => Ok(()),
        false => Err(ProofError::NotIncluded),
    }
}

/// Checks that the tree of `old` leaves with its root is the beginning of the tree of `size` leaves with its root.
pub(crate) fn check_consistency(
    proof: &[Hash],
    (old, old_root): (u64, Hash),
    (size, root): (u64, Hash),
) -> Result<(), ProofError> {
    if old > size {
        return Err(ProofError::Shorter { old, size });
    }
    let ranges = consistency_ranges(old, size);
    check_length(proof, ranges.len())?;
    if old == size {
        return if old_root == root { Ok(()) } else { Err(ProofError::TwoRoots { size }) };
    }
    if old == 0 {
        return if old_root == Hash::of_empty_tree() { Ok(()) } else { Err(ProofError::Forked) };
    }
    // The old tree is the first part of the proof where it is no subtree of the new one, else it is known.
    let is_inside = old.is_power_of_two();
    let (first, rest) = match proof.split_first() {
        Some((first, rest)) if !is_inside => (*first, rest),
        _ => (old_root, proof),
    };
    let ranges = ranges.iter().skip(usize::from(!is_inside));
    let (mut before, mut now) = (first, first);
    for ((from, _), beside) in ranges.zip(rest) {
        if *from >= old {
            now = Hash::of_node(now, *beside);
        } else {
            before = Hash::of_node(*beside, before);
            now = Hash::of_node(*beside, now);
        }
    }
    match (before == old_root, now == root) {
        (true, true) => Ok(()),
        (true, false) => Err(ProofError::NewRoot),
        (false, _) => Err(ProofError::Forked),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::convert::Infallible;

    use super::*;

    /// A tree in memory, by the definition of RFC 6962 alone.
    pub(crate) struct Plain(pub(crate) Vec<Hash>);

    pub(crate) fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::of_empty_tree(),
            [one] => *one,
            more => {
                let (left, right) = more.split_at(more.len().next_power_of_two() / 2);
                Hash::of_node(by_definition(left), by_definition(right))
            }
        }
    }

    impl Nodes for Plain {
        type Error = Infallible;

        fn hash(&mut self, node: Node) -> Result<Hash, Infallible> {
            let from = (node.index << node.level) as usize;
            Ok(by_definition(&self.0[from..from + (1 << node.level)]))
        }
    }

    pub(crate) fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|n| Hash::of_leaf(format!("entry {n}\n").as_bytes())).collect()
    }

    #[test]
    fn known_hashes_are_those_of_certificate_transparency() {
        // The test vectors of RFC 6962's reference implementation (merkle_tree_test.cc).
        let hex = |hash: Hash| crate::digest::Digest(hash.0).to_string();
        assert_eq!(hex(Hash::of_empty_tree()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let leaves: Vec<Hash> = [&b""[..], &[0x00], &[0x10]].map(Hash::of_leaf).into();
        let of = |count: usize| hex(root(count as u64, &mut Plain(leaves.clone())).unwrap());
        assert_eq!(of(1), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        assert_eq!(of(2), "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
        assert_eq!(of(3), "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77");
        let root = leaves[0];
        assert_eq!(root.to_string().parse(), Ok(root));
        assert_eq!(root.to_string()[1..].parse::<Hash>(), Err(NoHash));
        // The unused bits of the last character are zero, so that a hash has one text only.
        assert_eq!(root.to_string().replace("0=", "1=").parse::<Hash>().is_ok(), root.to_string().ends_with("1="));
    }

    #[test]
    fn a_proof_holds_for_its_leaf_and_tree_only() {
        let all = leaves(40);
        let mut tree = Plain(all.clone());
        for size in 1..=40 {
            let root_of = |size: u64| by_definition(&all[..size as usize]);
            assert_eq!(root(size, &mut tree).unwrap(), root_of(size));
            for index in 0..size {
                let proof = inclusion(index, size, &mut tree).unwrap();
                let check = |proof: &[Hash], index: u64| {
                    check_inclusion(proof, (index, all[index as usize % 40]), (size, root_of(size)))
                };
                assert_eq!(check(&proof, index), Ok(()), "{index} of {size}");
                for other in (0..size).filter(|other| *other != index) {
                    assert!(check(&proof, other).is_err(), "{index} of {size} as {other}");
                }
                assert_eq!(check(&proof, size), Err(ProofError::Beyond { index: size, size }));
                let longer: Vec<Hash> = proof.iter().copied().chain([all[0]]).collect();
                let expected = proof.len();
                assert_eq!(check(&longer, index), Err(ProofError::Length { found: expected + 1, expected }));
            }
            for old in 0..=size {
                let proof = consistency(old, size, &mut tree).unwrap();
                let check = |old_root: Hash, root: Hash| check_consistency(&proof, (old, old_root), (size, root));
                assert_eq!(check(root_of(old), root_of(size)), Ok(()), "{old} to {size}");
                assert!(check(Hash([7; 32]), root_of(size)).is_err(), "{old} to {size}");
                if old > 0 {
                    assert!(check(root_of(old), Hash([7; 32])).is_err(), "{old} to {size}");
                }
                for at in 0..proof.len() {
                    let mut changed = proof.clone();
                    changed[at] = Hash([7; 32]);
                    let changed = check_consistency(&changed, (old, root_of(old)), (size, root_of(size)));
                    assert!(matches!(changed, Err(ProofError::Forked | ProofError::NewRoot)), "{old} to {size}, {at}");
                }
            }
        }
        let (one, other) = ((3, all[0]), (3, all[1]));
        assert_eq!(check_consistency(&[], one, other), Err(ProofError::TwoRoots { size: 3 }));
        assert_eq!(check_consistency(&[], (4, all[0]), other), Err(ProofError::Shorter { old: 4, size: 3 }));
    }

    #[test]
    fn the_largest_sizes_are_no_trouble() {
        for size in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) + 1] {
            assert!(inclusion_ranges(size - 1, size).len() <= MAX_PROOF + 1);
            for (index, old) in [(0, 1), (size - 1, size - 1), (size / 2, size / 3)] {
                let tree = (size, Hash([1; 32]));
                assert!(check_inclusion(&[], (index, Hash([2; 32])), tree).is_err());
                assert!(check_consistency(&[], (old, Hash([2; 32])), tree).is_err());
                assert!(nodes_of_consistency(old, size).len() <= 4096);
            }
        }
    }
}
