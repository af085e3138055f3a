//! The TCP header (RFC 9293 section 3.1), read and written through smoltcp's wire format.

use core::fmt;

use smoltcp::wire::{TcpPacket, TcpSeqNumber};

use super::options::Options;

#[cfg(test)]
mod tests;

/// Octets of a header without options.
pub const HEADER_LEN: usize = 20;

/// Octets of the longest header.
pub const MAX_HEADER_LEN: usize = 60;

/// The control bits of a segment, as in the low octet of the header's flags field.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronize sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Push: the receiver should hand the data on at once.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement field is significant.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer is significant. This engine ignores it and treats urgent data as data (RFC 6093 section 6).
    pub const URG: Self = Self(0x20);
    /// ECN-Echo (RFC 3168).
    pub const ECE: Self = Self(0x40);
    /// Congestion window reduced (RFC 3168).
    pub const CWR: Self = Self(0x80);

    /// Whether every bit of `other` is set.
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any bit of `other` is set.
    #[inline]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both.
    #[inline]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (bit, letter) in [(1, 'F'), (2, 'S'), (4, 'R'), (8, 'P'), (16, '.'), (32, 'U'), (64, 'E'), (128, 'W')] {
            if self.0 & bit != 0 {
                write!(f, "{letter}")?;
            }
        }
        Ok(())
    }
}

/// Why a segment could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Fewer octets than a header, or than its data offset says, or a data offset below 5.
    Length {
        /// Octets of the segment.
        octets: usize,
    },
    /// An option whose length is impossible.
    Option {
        /// The option's kind.
        kind: u8,
        /// The length it claims, 0 if it has none.
        length: usize,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { octets } => write!(f, "a TCP header does not fit in the segment's {octets} octets"),
            Self::Option { kind, length } => write!(f, "TCP option {kind} cannot be {length} octets long"),
        }
    }
}

impl core::error::Error for Malformed {}

/// A TCP header in host form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Port of the sender.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// Sequence number of the first octet (of the SYN, if there is one).
    pub sequence: u32,
    /// The next sequence number expected; meaningful with ACK.
    pub acknowledgement: u32,
    /// Control bits.
    pub flags: Flags,
    /// Window, as on the wire: to be shifted by the negotiated scale, except on SYN.
    pub window: u16,
    /// Urgent pointer; sent as 0.
    pub urgent: u16,
    /// Options.
    pub options: Options,
    /// Outgoing only, not on the wire: the payload octets that one segment may carry. A payload longer than that is a run of segments
    /// for the link to cut (TSO).
    pub segment_size: u16,
    /// Outgoing only, not on this layer's wire: the IP header says that the transport understands congestion marks (ECT(0), RFC 3168
    /// section 5).
    pub ecn_capable: bool,
}

impl Header {
    /// Reads a segment: its header and its payload. The checksum is not looked at.
    ///
    /// # Errors
    /// [`Malformed`] if the lengths in the header contradict the segment's.
    #[inline]
    pub fn parse(segment: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let packet = TcpPacket::new_checked(segment).map_err(|_| Malformed::Length { octets: segment.len() })?;
        let header = Self {
            source_port: packet.src_port(),
            destination_port: packet.dst_port(),
            sequence: packet.seq_number().0 as u32,
            acknowledgement: packet.ack_number().0 as u32,
            flags: Flags(segment[13]),
            window: packet.window_len(),
            urgent: packet.urgent_at(),
            options: Options::parse(packet.options())?,
            segment_size: 0,
            ecn_capable: false,
        };
        Ok((header, &segment[usize::from(packet.header_len())..]))
    }

    /// Octets of the header on the wire: 20..=60, a multiple of 4.
    #[inline]
    pub fn len(&self) -> usize {
        HEADER_LEN + self.options.len()
    }

    /// Never: a header has at least 20 octets.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Writes the header at the start of `into`, with a checksum field of 0, and returns its length.
    ///
    /// Nothing is written, and 0 returned, if `into` is shorter than [`len`](Self::len).
    pub fn write(&self, into: &mut [u8]) -> usize {
        let len = self.len();
        let Some(octets) = into.get_mut(..len) else { return 0 };
        octets[12] = 0;
        octets[13] = self.flags.0;
        let mut packet = TcpPacket::new_unchecked(octets);
        packet.set_src_port(self.source_port);
        packet.set_dst_port(self.destination_port);
        packet.set_seq_number(TcpSeqNumber(self.sequence as i32));
        packet.set_ack_number(TcpSeqNumber(self.acknowledgement as i32));
        packet.set_header_len(len as u8);
        packet.set_window_len(self.window);
        packet.set_checksum(0);
        packet.set_urgent_at(self.urgent);
        self.options.write(packet.options_mut());
        len
    }

    /// Sequence numbers that a segment with this header and `payload` octets occupies: SYN and FIN count one each.
    #[inline]
    pub fn sequence_len(&self, payload: usize) -> u32 {
        payload as u32 + u32::from(self.flags.contains(Flags::SYN)) + u32::from(self.flags.contains(Flags::FIN))
    }
}
