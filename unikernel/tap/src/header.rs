//! virtio-net's header in front of a frame (VIRTIO 1.2, 5.1.6), as a TAP device has it: in the host's byte order, without the number of
//! buffers.

/// Octets of the header.
pub const HEADER: usize = 10;

const NEEDS_CSUM: u8 = 1;
const DATA_VALID: u8 = 2;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
/// The bit beside the kind that says that the segments carry ECN's CWR.
const GSO_ECN: u8 = 0x80;

/// A frame that is cut into several TCP segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segments {
    /// Octets of Ethernet, IP and TCP headers.
    pub header: u16,
    /// Octets of payload of each but the last.
    pub payload: u16,
    /// Whether they are of IPv6.
    pub ipv6: bool,
}

/// What is to be done to a frame, or what is known of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The checksum is to be completed: from which octet to the end, and where the field is from there. On a received frame it says that
    /// the frame has never left this host, so there is nothing to verify.
    pub checksum: Option<(u16, u16)>,
    /// The checksum was verified.
    pub verified: bool,
    /// The frame is to be cut.
    pub segments: Option<Segments>,
}

impl Header {
    /// The octets.
    pub fn octets(&self) -> [u8; HEADER] {
        let mut octets = [0; HEADER];
        let mut put = |at: usize, value: u16| octets[at..at + 2].copy_from_slice(&value.to_ne_bytes());
        if let Some(Segments { header, payload, .. }) = self.segments {
            put(2, header);
            put(4, payload);
        }
        if let Some((start, offset)) = self.checksum {
            put(6, start);
            put(8, offset);
        }
        octets[0] = if self.checksum.is_some() { NEEDS_CSUM } else { 0 } | if self.verified { DATA_VALID } else { 0 };
        octets[1] = self.segments.map_or(0, |segments| if segments.ipv6 { GSO_TCPV6 } else { GSO_TCPV4 });
        octets
    }

    /// Splits what was received; `None` if it is too short or of a kind that was not asked for.
    pub fn split(received: &mut [u8]) -> Option<(Self, &mut [u8])> {
        let (octets, frame) = received.split_at_mut_checked(HEADER)?;
        let get = |at: usize| u16::from_ne_bytes([octets[at], octets[at + 1]]);
        let segments = match octets[1] & !GSO_ECN {
            0 => None,
            kind @ (GSO_TCPV4 | GSO_TCPV6) => {
                Some(Segments { header: get(2), payload: get(4), ipv6: kind == GSO_TCPV6 })
            }
            _ => return None,
        };
        let checksum = (octets[0] & NEEDS_CSUM != 0).then(|| (get(6), get(8)));
        Some((Self { checksum, verified: octets[0] & DATA_VALID != 0, segments }, frame))
    }
}
