//! What a network card is to the stack: a source of received frames and a place to write frames to be sent.
//!
//! The unikernel implements both traits over a virtio queue pair, the hand-over rings over a neighbouring processor, tests over a simulated link.

use crate::handover::{Lane, Lanes};
use crate::tcp::Payload;

/// What the device says about a received frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxMeta {
    /// The device vouches for the TCP or UDP checksum (VIRTIO 1.2, 5.1.6.4: `DATA_VALID` or `NEEDS_CSUM`). The field itself may then hold anything.
    /// It says nothing of the IPv4 header's checksum, which is always verified.
    pub checksum_verified: bool,
}

/// A checksum that the device completes: it sums the octets from `start` to the end of the frame (the field at `start + offset` already
/// holds the pseudo-header's sum, not complemented) and stores the complement in the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialChecksum {
    /// First octet to be summed, counted from the start of the frame.
    pub start: u16,
    /// Position of the checksum field, counted from `start`.
    pub offset: u16,
}

/// A frame that the device cuts into several TCP segments (TSO).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segmentation {
    /// Largest TCP payload per resulting segment, in octets.
    pub mss: u16,
    /// Ethernet, IP and TCP headers together, in octets: repeated in front of each segment.
    pub header_len: u16,
    /// The IP header is one of IPv6.
    pub ipv6: bool,
}

/// What the device has to do to a frame before it goes out. The default is a complete frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxMeta {
    /// Checksum to complete; only if [`Offloads::checksum`].
    pub checksum: Option<PartialChecksum>,
    /// Cut into segments; only if [`Offloads::segmentation`] (or its sister for IPv6), and always together with `checksum`.
    pub segmentation: Option<Segmentation>,
    /// Where it counts on its way from a processor without a queue pair; nothing to the device.
    pub lane: Option<Lane>,
}

/// What a link can do for the stack. Fixed for the life of the link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offloads {
    /// The link completes checksums of TCP and UDP.
    pub checksum: bool,
    /// The link cuts TCP over IPv4 into segments; the value is the longest whole frame that it accepts for that, in octets.
    pub segmentation: Option<usize>,
    /// The same for TCP over IPv6.
    pub segmentation6: Option<usize>,
}

/// The link has no room for a frame at present. Nothing was sent and nothing is lost: the caller keeps its data and tries again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl core::fmt::Display for Full {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the link's transmit queue is full; try again when it has drained")
    }
}

impl core::error::Error for Full {}

/// Writes the octets of a frame, all that it is given, where the link has room for them.
pub type Fill<'a> = &'a mut dyn FnMut(&mut [u8]);

/// A source of received frames.
pub trait Receive {
    /// Calls `each` for at most `budget` frames that have arrived, in order of arrival, and returns their number.
    ///
    /// A result below `budget` means that the source was found empty; the source must then see to it that the processor wakes up for the next frame.
    /// The octets are the frame from its Ethernet header, without the frame check sequence, and belong to `each` until it returns.
    fn receive(&mut self, budget: usize, each: &mut dyn FnMut(&mut [u8], RxMeta)) -> usize;
}

/// A place to write frames to.
pub trait Transmit {
    /// What the link does for the stack. Must not change.
    fn offloads(&self) -> Offloads;

    /// Queues one frame of `len` octets: `fill` is called exactly once with exactly `len` octets (of any content) to write it, straight in the link's own buffer.
    /// A frame longer than the link can ever take is dropped and counted by the link, with `Ok`.
    ///
    /// # Errors
    /// [`Full`] if there is no room now; `fill` was not called. The link sees to it that the processor wakes up when there is room again.
    fn transmit(&mut self, len: usize, meta: TxMeta, fill: Fill<'_>) -> Result<(), Full>;

    /// How much of each class may be under way, if that is limited.
    fn lanes(&self) -> Option<&Lanes> {
        None
    }

    /// From how many lent octets in a row on the link prefers to read them where they lie; `usize::MAX`: it never does. Must not change.
    fn least_lent(&self) -> usize {
        usize::MAX
    }

    /// Queues one frame of `head` octets, which `fill` writes as for [`transmit`](Self::transmit), and those of `body` after them. The link copies these, but for
    /// lent ones that it prefers to read where they lie: it holds their lender until it has read them.
    ///
    /// # Errors
    /// As for [`transmit`](Self::transmit).
    fn transmit_parts(&mut self, head: usize, body: Payload<'_>, meta: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        let [first, second] = body.map(|part| part.octets);
        self.transmit(head + first.len() + second.len(), meta, &mut |frame| {
            let (place, rest) = frame.split_at_mut(head);
            fill(place);
            rest[..first.len()].copy_from_slice(first);
            rest[first.len()..].copy_from_slice(second);
        })
    }

    /// Hands over what was queued since the last time: at most one notification to the device. Called at the end of each burst.
    fn flush(&mut self);
}
