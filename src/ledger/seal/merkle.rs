//! Merkle trees as RFC 6962 §2.1 hashes them: a leaf is `SHA-256(0x00 ‖ line)`, a node is
//! `SHA-256(0x01 ‖ left ‖ right)`, and the left subtree is the largest power of two that is smaller
//! than the whole. The prefixes keep a node from ever passing for a leaf.

use sha2::{Digest as _, Sha256};

use crate::domain::hash::Hash;

/// Returns the hash of a leaf's bytes.
#[must_use]
pub fn leaf(line: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(line).finalize().into())
}

fn node(left: Hash, right: Hash) -> Hash {
    Hash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// A tree that grows leaf by leaf and keeps only the roots of its complete subtrees: 32 bytes for
/// each binary digit of its size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Growing {
    size: u64,
    /// Complete subtrees, the largest first; their sizes are the ones of `size` in binary.
    complete: Vec<Hash>,
}

impl Growing {
    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut subtree = leaf;
        let mut full = self.size;
        while full & 1 == 1 {
            let Some(left) = self.complete.pop() else { break };
            subtree = node(left, subtree);
            full >>= 1;
        }
        self.complete.push(subtree);
        self.size = self.size.saturating_add(1);
    }

    /// Returns how many leaves there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the root; of no leaf at all, the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut subtrees = self.complete.iter().rev().copied();
        match subtrees.next() {
            None => Hash(Sha256::digest([]).into()),
            Some(last) => subtrees.fold(last, |right, left| node(left, right)),
        }
    }
}

/// Returns the path of the leaf at `index`, from its sibling up to the root's child: what
/// [`root_by_path`] needs. `None` when there is no such leaf.
#[must_use]
pub fn path(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let mut path = Vec::new();
    let (mut below, mut place) = (leaves, index);
    while below.len() > 1 {
        let split = left_size(below.len());
        let (left, right) = below.split_at_checked(split)?;
        if place < split {
            path.push(root_of(right));
            below = left;
        } else {
            path.push(root_of(left));
            below = right;
            place = place.checked_sub(split)?;
        }
    }
    path.reverse();
    Some(path)
}

fn root_of(leaves: &[Hash]) -> Hash {
    let mut tree = Growing::default();
    for leaf in leaves {
        tree.push(*leaf);
    }
    tree.root()
}

/// The largest power of two smaller than `size`, which is 2 or more.
fn left_size(size: usize) -> usize {
    size.div_ceil(2).next_power_of_two()
}

/// Returns the root that a leaf at `index` of `size` leaves has by its path (RFC 9162 §2.1.3.2);
/// `None` when the path does not fit the index and the size.
#[must_use]
pub fn root_by_path(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut place, mut last) = (index, size.checked_sub(1)?);
    let mut root = leaf;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if place & 1 == 1 || place == last {
            root = node(*sibling, root);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            root = node(root, *sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The eight inputs of RFC 6962's reference implementation and the roots it publishes.
    const INPUTS: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn roots_are_those_of_the_reference_implementation() {
        let mut tree = Growing::default();
        assert_eq!(tree.root().to_string(), ROOTS[0]);
        for (input, root) in INPUTS.iter().zip(&ROOTS[1..]) {
            tree.push(leaf(input));
            assert_eq!(tree.root().to_string(), *root);
        }
    }

    #[test]
    fn every_path_leads_to_the_root_and_no_other_place_does() {
        for size in 1..40_u64 {
            let leaves: Vec<Hash> = (0..size).map(|n| leaf(&n.to_be_bytes())).collect();
            let root = root_of(&leaves);
            for (index, hash) in (0_u64..).zip(&leaves) {
                let path = path(&leaves, usize::try_from(index).unwrap()).unwrap();
                assert_eq!(root_by_path(*hash, index, size, &path), Some(root), "{index} of {size}");
                for other in (0..=size).filter(|other| *other != index) {
                    assert_ne!(root_by_path(*hash, other, size, &path), Some(root), "{index} as {other} of {size}");
                }
                let mut longer = path.clone();
                longer.push(root);
                assert_eq!(root_by_path(*hash, index, size, &longer), None);
                if let Some((_, shorter)) = path.split_last() {
                    assert_eq!(root_by_path(*hash, index, size, shorter), None);
                }
            }
        }
    }
}
