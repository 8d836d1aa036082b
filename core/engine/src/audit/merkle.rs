//! Merkle trees in the manner of RFC 6962: SHA-256, leaves and nodes told apart by their first byte.

use sha2::{Digest, Sha256};

/// A hash.
pub type Hash = [u8; 32];

/// The hash of a leaf's bytes.
#[must_use]
pub fn leaf(bytes: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0])
        .chain_update(bytes)
        .finalize()
        .into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    let hasher = Sha256::new().chain_update([1]);
    hasher
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The root over leaf hashes in order; of none, the hash of nothing.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [one] => *one,
        more => {
            let (left, right) = more.split_at(split(more.len()));
            node(&root(left), &root(right))
        }
    }
}

/// The siblings that lead from a leaf to the root, from below; empty if there is no such leaf.
#[must_use]
pub fn path(leaves: &[Hash], index: usize) -> Vec<Hash> {
    if index >= leaves.len() || leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut below, sibling) = match index.checked_sub(left.len()) {
        None => (path(left, index), root(right)),
        Some(index) => (path(right, index), root(left)),
    };
    below.push(sibling);
    below
}

/// The root that a leaf's path leads to in a tree of `size` leaves; `None` if the path does not fit.
#[must_use]
pub fn climb(leaf: Hash, index: usize, size: usize, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    if size == 1 {
        return path.is_empty().then_some(leaf);
    }
    let (sibling, below) = path.split_last()?;
    let left = split(size);
    match index.checked_sub(left) {
        None => Some(node(&climb(leaf, index, left, below)?, sibling)),
        Some(index) => Some(node(sibling, &climb(leaf, index, size - left, below)?)),
    }
}

/// The largest power of two below a number of at least two.
fn split(size: usize) -> usize {
    size.next_power_of_two() / 2
}

#[cfg(test)]
mod tests {
    use liucheng_model::definition::hex;
    use proptest::prelude::*;

    use super::*;

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|n| leaf(&n.to_be_bytes())).collect()
    }

    #[test]
    fn roots_are_those_of_the_test_vectors_of_certificate_transparency() {
        let inputs: [&[u8]; 8] = [
            b"",
            &[0],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[
                0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d,
                0x6e, 0x6f,
            ],
        ];
        let hashes: Vec<Hash> = inputs.iter().map(|bytes| leaf(bytes)).collect();
        for (count, expected) in [
            (
                0,
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                1,
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            ),
            (
                2,
                "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            ),
            (
                3,
                "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            ),
            (
                8,
                "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
            ),
        ] {
            assert_eq!(hex(&root(&hashes[..count])), expected, "{count} leaves");
        }
    }

    proptest! {
        #[test]
        fn every_leaf_has_a_path_and_no_other_has_it(size in 1usize..200, at in any::<prop::sample::Index>()) {
            let leaves = leaves(size);
            let index = at.index(size);
            let path = path(&leaves, index);
            prop_assert_eq!(climb(leaves[index], index, size, &path), Some(root(&leaves)));
            for other in (0..size).filter(|other| *other != index) {
                prop_assert_ne!(climb(leaves[other], other, size, &path), Some(root(&leaves)));
                prop_assert_ne!(climb(leaves[index], other, size, &path), Some(root(&leaves)));
            }
            prop_assert_eq!(climb(leaves[index], size, size, &path), None);
        }

        #[test]
        fn a_changed_or_cut_path_leads_elsewhere(size in 2usize..200, at in any::<prop::sample::Index>(), bit in 0usize..256) {
            let leaves = leaves(size);
            let index = at.index(size);
            let path = path(&leaves, index);
            for step in 0..path.len() {
                let mut bent = path.clone();
                bent[step][bit / 8] ^= 1 << (bit % 8);
                prop_assert_ne!(climb(leaves[index], index, size, &bent), Some(root(&leaves)));
            }
            prop_assert_eq!(climb(leaves[index], index, size, &path[1..]), None);
            let longer = [&path[..], &[[0; 32]]].concat();
            prop_assert_eq!(climb(leaves[index], index, size, &longer), None);
        }

        #[test]
        fn the_root_speaks_for_number_and_order(size in 2usize..100, at in any::<prop::sample::Index>()) {
            let leaves = leaves(size);
            let index = at.index(size - 1);
            let mut other = leaves.clone();
            other.swap(index, index + 1);
            prop_assert_ne!(root(&other), root(&leaves));
            let mut other = leaves.clone();
            other.remove(index);
            prop_assert_ne!(root(&other), root(&leaves));
            let mut other = leaves.clone();
            other.push(leaves[index]);
            prop_assert_ne!(root(&other), root(&leaves));
        }
    }
}
