//! Prefixes from a trie.

use super::mix;
use crate::sim::Rng;

/// A binary trie of addresses in which some nodes have two children and the others one. It is not stored: whether a node
/// branches, and how unevenly, follows from its prefix and the seed.
///
/// Which prefixes there are is thus fixed, and rules that draw from the same trie share prefixes or have nested ones, more so the fewer
/// nodes branch. As in ClassBench, a larger set draws from a trie that branches more.
pub(super) struct Trie {
    seed: u64,
    /// How likely a node branches, in 2^16ths, by level. Higher up and in the last octet it is likelier, as in the networks of the
    /// parameter files.
    branch: [u64; 32],
}

/// How likely levels branch, relative to each other: by octet.
const BY_OCTET: [u64; 4] = [4, 2, 1, 3];

impl Trie {
    /// A trie with about so many addresses.
    pub fn new(seed: u64, addresses: u64) -> Self {
        let at = |scale: u64| core::array::from_fn(|level| (BY_OCTET[level / 8] * scale).min(ALWAYS));
        // The expected number of leaves is the product of 1 + p over the levels: it grows with the scale.
        let leaves =
            |branch: &[u64; 32]| branch.iter().fold(1, |all: u64, p| all + ((all as u128 * *p as u128) >> 16) as u64);
        let mut scale = 0;
        for bit in (0..16).rev() {
            if leaves(&at(scale | 1 << bit)) <= addresses {
                scale |= 1 << bit;
            }
        }
        Self { seed, branch: at(scale) }
    }

    /// A prefix of this length (at most 32), and that length.
    pub fn prefix(&self, length: u8, rng: &mut Rng) -> (u32, u8) {
        let mut address = 0;
        for level in 0..u32::from(length.min(32)) {
            let node = mix(self.seed ^ u64::from(level) << 32 ^ u64::from(address));
            // The lower 16 bits decide whether it branches, the next bit which child is the only or the likelier one, the next
            // 16 how much likelier.
            let side = (node >> 16 & 1) as u32;
            let branches = node & (ALWAYS - 1) < self.branch[level as usize];
            let likelier = ALWAYS / 2 + (node >> 17 & (ALWAYS - 1)) * 2 / 5;
            let other = branches && rng.below(ALWAYS) >= likelier;
            let bit = if other { 1 - side } else { side };
            address |= bit << (31 - level);
        }
        (address, length.min(32))
    }
}

const ALWAYS: u64 = 1 << 16;
