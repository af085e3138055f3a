//! The network card as smoltcp sees it: a queue of received frames and a queue of frames to be sent.

use alloc::vec;

use smoltcp::phy::{self, Checksum, ChecksumCapabilities, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

use super::queue::FrameQueue;
use super::ways::Ways;
use crate::frame::ETHERNET_HEADER;

/// Frames in either queue: more than a burst holds.
const FRAMES: usize = 64;

pub(super) struct Device {
    pub received: FrameQueue,
    pub to_send: FrameQueue,
    /// Frames that smoltcp wanted to send but that were longer than the link's MTU allows.
    pub too_long: u64,
    /// What is learned from the frames that smoltcp sends.
    pub ways: Ways,
    mtu: usize,
}

impl Device {
    pub fn new(mtu: usize) -> Self {
        let longest = mtu + ETHERNET_HEADER;
        Device {
            received: FrameQueue::new(FRAMES, longest),
            to_send: FrameQueue::new(FRAMES, longest),
            too_long: 0,
            ways: Ways::default(),
            mtu,
        }
    }
}

impl Device {
    /// Queues a frame to be sent; returns whether there was room.
    pub fn answer(&mut self, frame: &[u8]) -> bool {
        self.to_send.push(frame.len()).map(|place| place.copy_from_slice(frame)).is_some()
    }
}

pub(super) struct RxToken<'a>(&'a mut FrameQueue);

pub(super) struct TxToken<'a> {
    to_send: &'a mut FrameQueue,
    too_long: &'a mut u64,
    ways: &'a mut Ways,
    now: Instant,
}

impl phy::Device for Device {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, now: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let Self { received, to_send, too_long, ways, .. } = self;
        // Without room for an answer the question waits.
        let possible = !received.is_empty() && !to_send.is_full();
        possible.then_some((RxToken(received), TxToken { to_send, too_long, ways, now }))
    }

    fn transmit(&mut self, now: Instant) -> Option<TxToken<'_>> {
        let Self { to_send, too_long, ways, .. } = self;
        (!to_send.is_full()).then_some(TxToken { to_send, too_long, ways, now })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut checksum = ChecksumCapabilities::default();
        // Verified before it comes here; where the device vouched for it, the field may hold anything. What goes out is summed here although the card might: it is
        // a frame now and then (echo replies, Neighbor Discovery, DHCP, the control port), copied anyway, in which the field would have to be found again and
        // given the pseudo-header's sum. TCP and the services' datagrams, which are many, are written by `Wire` and `Datagram`, and these do leave it to the card.
        (checksum.ipv4, checksum.udp) = (Checksum::Tx, Checksum::Tx);
        (checksum.icmpv4, checksum.icmpv6) = (Checksum::Tx, Checksum::Tx);
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.mtu + ETHERNET_HEADER;
        capabilities.checksum = checksum;
        capabilities
    }
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let result = f(self.0.front().unwrap_or(&[]));
        self.0.pop();
        result
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        match self.to_send.push(len) {
            Some(frame) => {
                let result = f(frame);
                self.ways.learn(frame, self.now);
                result
            }
            None => {
                // smoltcp has to write somewhere.
                *self.too_long += 1;
                f(&mut vec![0; len])
            }
        }
    }
}
