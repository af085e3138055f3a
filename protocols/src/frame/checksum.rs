//! The Internet checksum (RFC 1071): sums over 64-bit words, in the machine's byte order (section 2(B) there shows that only
//! the result need be swapped), with or without copying on the way.

#[cfg(test)]
mod tests;

use smoltcp::wire::IpAddress;

/// A one's-complement sum of 16-bit words, extended piece by piece.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    /// Folded only at the end; carries out of bit 63 go round to bit 0.
    words: u64,
    /// An odd number of octets was added so far: the next piece begins in the second half of a word.
    odd: bool,
}

/// One's-complement addition of 64-bit numbers.
#[inline(always)]
fn add(a: u64, b: u64) -> u64 {
    let (sum, carry) = a.overflowing_add(b);
    // The carry cannot overflow again: with a carry, `sum` is at most 2^64 - 2.
    sum + u64::from(carry)
}

impl Sum {
    /// The sum of nothing.
    pub const fn new() -> Self {
        Sum { words: 0, odd: false }
    }

    /// The sum of the pseudo-header that transports include (RFC 9293 section 3.1; for IPv6 RFC 8200 section 8.1).
    /// `length` is that of the transport's header and payload, in octets; over IPv4 its lower 16 bits count, over IPv6 32.
    /// Both addresses are of the same family.
    #[inline]
    pub fn pseudo_header(source: &IpAddress, destination: &IpAddress, protocol: u8, length: usize) -> Self {
        if let (IpAddress::Ipv4(source), IpAddress::Ipv4(destination)) = (source, destination) {
            let mut octets = [0; 12];
            octets[..4].copy_from_slice(&source.octets());
            octets[4..8].copy_from_slice(&destination.octets());
            octets[9] = protocol;
            octets[10..].copy_from_slice(&(length as u16).to_be_bytes());
            return Sum::new().with(&octets);
        }
        let mut octets = [0; 40];
        for (place, address) in octets.chunks_exact_mut(16).zip([source, destination]) {
            if let IpAddress::Ipv6(address) = address {
                place.copy_from_slice(&address.octets());
            }
        }
        octets[32..36].copy_from_slice(&(length as u32).to_be_bytes());
        octets[39] = protocol;
        Sum::new().with(&octets)
    }

    /// Appends octets.
    #[must_use]
    pub fn with(self, octets: &[u8]) -> Self {
        let (blocks, rest) = octets.as_chunks::<32>();
        let mut words = 0;
        for block in blocks {
            words = add(words, block_sum(block));
        }
        self.append(add(words, tail_sum(rest)), octets.len())
    }

    /// Copies `from` into `into` and appends it, in one pass.
    ///
    /// # Panics
    /// If the two differ in length.
    #[must_use]
    pub fn copy(self, into: &mut [u8], from: &[u8]) -> Self {
        assert_eq!(into.len(), from.len(), "a copy into a place of another length");
        let (blocks, rest) = from.as_chunks::<32>();
        let (places, place) = into.as_chunks_mut::<32>();
        let mut words = 0;
        for (to, block) in places.iter_mut().zip(blocks) {
            *to = *block;
            words = add(words, block_sum(block));
        }
        place.copy_from_slice(rest);
        self.append(add(words, tail_sum(rest)), from.len())
    }

    fn append(self, words: u64, length: usize) -> Self {
        // RFC 1071 section 2(B): a piece that begins at an odd position counts with its octets swapped; rotating all eight by one does that.
        let words = if self.odd { words.rotate_left(8) } else { words };
        Sum { words: add(self.words, words), odd: self.odd ^ (length % 2 == 1) }
    }

    fn fold(self) -> u16 {
        let mut sum = self.words;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        u16::from_be(sum as u16)
    }

    /// The sum itself, as a partial checksum that a device completes.
    pub fn partial(self) -> u16 {
        self.fold()
    }

    /// The value for the checksum field (which was 0 in what was summed).
    pub fn checksum(self) -> u16 {
        !self.fold()
    }

    /// Whether what was summed, its checksum field included, is intact.
    pub fn is_right(self) -> bool {
        self.fold() == 0xffff
    }
}

#[inline(always)]
fn block_sum(block: &[u8; 32]) -> u64 {
    let (words, _) = block.as_chunks::<8>();
    words.iter().fold(0, |sum, word| add(sum, u64::from_ne_bytes(*word)))
}

/// At most 31 octets; an odd last one counts as the first half of a word.
fn tail_sum(octets: &[u8]) -> u64 {
    let (words, rest) = octets.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    words.iter().fold(u64::from_ne_bytes(last), |sum, word| add(sum, u64::from_ne_bytes(*word)))
}
