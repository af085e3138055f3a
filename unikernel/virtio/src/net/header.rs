//! The header before each frame (`struct virtio_net_hdr`, §5.1.6), and what it means.

use crate::Features;

/// Bytes of the header, with `VERSION_1` (§5.1.6.1).
pub const HEADER: usize = 12;

const NEEDS_CSUM: u8 = 1;
const DATA_VALID: u8 = 2;

const GSO_NONE: u8 = 0;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
/// Set beside the type when the segments carry ECN marks.
const GSO_ECN: u8 = 0x80;

/// A checksum for the device to complete: the field holds the pseudo-header's sum, and the device adds what lies from `start` to the end of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// First byte that the sum covers, from the beginning of the frame.
    pub start: u16,
    /// The checksum field, from `start`.
    pub offset: u16,
}

impl Checksum {
    fn fits(self, len: usize) -> bool {
        usize::from(self.start) + usize::from(self.offset) + 2 <= len
    }
}

/// Protocols of large frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GsoKind {
    /// TCP over IPv4.
    TcpV4,
    /// TCP over IPv6.
    TcpV6,
}

/// A frame of several TCP segments under one header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gso {
    /// The protocols.
    pub kind: GsoKind,
    /// Bytes of Ethernet, IP and TCP headers. In received frames only a hint, which may be 0 (§5.1.6.4.2).
    pub header: u16,
    /// TCP payload bytes of each segment but the last; not 0.
    pub segment: u16,
}

/// What the device said of a received frame's transport checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RxChecksum {
    /// Nothing: verify it.
    #[default]
    Unknown,
    /// It is right.
    Valid,
    /// It was never completed, because the frame did not cross a wire; the data is as the sender made it (§5.1.6.4.1).
    Partial(Checksum),
}

/// What goes with a received frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct RxMeta {
    /// The transport checksum.
    pub checksum: RxChecksum,
    /// Set for a frame of several segments.
    pub gso: Option<Gso>,
}

/// What goes with a frame to transmit. The default is a complete frame of at most the MTU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct TxMeta {
    /// A checksum for the device to complete; needs `CSUM`.
    pub checksum: Option<Checksum>,
    /// Segments for the device to cut; needs `checksum`, and `HOST_TSO4` or `HOST_TSO6`.
    pub gso: Option<Gso>,
}

/// Why a header is no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// It uses a feature that was not negotiated.
    NotNegotiated(Features),
    /// Its offsets lie outside the frame, or its segments have no bytes, or segments come without a checksum.
    Malformed,
}

/// Reads the header before a received frame of `len` bytes. It comes from the device, so all of it is checked.
pub fn decode(header: &[u8; HEADER], len: usize, features: Features) -> Result<RxMeta, HeaderError> {
    let word = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let gso = match header[1] & !GSO_ECN {
        GSO_NONE => None,
        GSO_TCPV4 => Some((GsoKind::TcpV4, Features::GUEST_TSO4)),
        GSO_TCPV6 => Some((GsoKind::TcpV6, Features::GUEST_TSO6)),
        _ => return Err(HeaderError::Malformed),
    };
    let gso = match gso {
        None => None,
        Some((_, needed)) if !features.contains(needed) => return Err(HeaderError::NotNegotiated(needed)),
        Some(_) if word(4) == 0 => return Err(HeaderError::Malformed),
        Some((kind, _)) => Some(Gso { kind, header: word(2), segment: word(4) }),
    };
    // Without GUEST_CSUM the flags mean nothing to us (§5.1.6.4.2).
    let flags = if features.contains(Features::GUEST_CSUM) { header[0] } else { 0 };
    let checksum = if flags & NEEDS_CSUM != 0 {
        let checksum = Checksum { start: word(6), offset: word(8) };
        if !checksum.fits(len) {
            return Err(HeaderError::Malformed);
        }
        RxChecksum::Partial(checksum)
    } else if flags & DATA_VALID != 0 {
        RxChecksum::Valid
    } else {
        RxChecksum::Unknown
    };
    Ok(RxMeta { checksum, gso })
}

/// The header for a frame of `len` bytes, if it is one that the device can take.
pub fn encode(meta: TxMeta, len: usize, features: Features) -> Result<[u8; HEADER], HeaderError> {
    let mut header = [0; HEADER];
    let mut put = |at: usize, value: u16| header[at..at + 2].copy_from_slice(&value.to_le_bytes());
    let (mut flags, mut kind) = (0, GSO_NONE);
    if let Some(gso) = meta.gso {
        let (code, needed) = match gso.kind {
            GsoKind::TcpV4 => (GSO_TCPV4, Features::HOST_TSO4),
            GsoKind::TcpV6 => (GSO_TCPV6, Features::HOST_TSO6),
        };
        if !features.contains(needed) {
            return Err(HeaderError::NotNegotiated(needed));
        }
        if gso.segment == 0 || usize::from(gso.header) > len || meta.checksum.is_none() {
            return Err(HeaderError::Malformed);
        }
        kind = code;
        put(2, gso.header);
        put(4, gso.segment);
    }
    if let Some(checksum) = meta.checksum {
        if !features.contains(Features::CSUM) {
            return Err(HeaderError::NotNegotiated(Features::CSUM));
        }
        if !checksum.fits(len) {
            return Err(HeaderError::Malformed);
        }
        flags = NEEDS_CSUM;
        put(6, checksum.start);
        put(8, checksum.offset);
    }
    (header[0], header[1]) = (flags, kind);
    Ok(header)
}
