//! Receiving: a fixed pool of buffers that circle between driver and device.
//!
//! **Limit.** The pool. A buffer goes back to the device as soon as its frame was seen; while all are in the driver's hands ([`RxQueue::take`]), or filled
//! and not yet seen, the device has none and drops what arrives, which only it can count.

use super::buffers::{Buffers, Owner};
use super::counters::Counters;
use super::header::{self, HEADER, RxMeta};
use super::{ETHERNET, Notifications, Settings};
use crate::mem::Dma;
use crate::ring::{DeviceFault, Direction, Ring, RingError, Segment};
use crate::transport::Notify;

/// A received frame's buffer, in the driver's hands. Give it back with [`RxQueue::recycle`]; dropped, it is lost to the queue.
#[must_use = "a buffer that is not recycled is lost to the queue"]
#[derive(Debug)]
pub struct RxBuffer {
    owner: Owner,
    index: u16,
    /// Bytes of the frame; at most the buffer's length without the header.
    len: u32,
    meta: RxMeta,
}

impl RxBuffer {
    /// What goes with the frame.
    pub fn meta(&self) -> RxMeta {
        self.meta
    }
}

/// The receive queue of a pair.
#[derive(Debug)]
pub struct RxQueue<N> {
    ring: Ring,
    buffers: Buffers,
    notify: N,
    settings: Settings,
    counters: Counters,
}

impl<N: Notify> RxQueue<N> {
    /// Fills the ring with `count` buffers for frames of up to `frame` bytes.
    pub(super) fn new<D: Dma + ?Sized>(
        dma: &D,
        ring: Ring,
        notify: N,
        settings: Settings,
        (count, frame): (u16, usize),
    ) -> Result<Self, RingError> {
        let buffers = Buffers::new(dma, count, HEADER + frame).map_err(RingError::OutOfMemory)?;
        let mut queue = Self { ring, buffers, notify, settings, counters: Counters::default() };
        for index in 0..count {
            queue.post(index)?;
        }
        Ok(queue)
    }

    #[inline]
    fn post(&mut self, index: u16) -> Result<(), RingError> {
        let segment =
            Segment { bus: self.buffers.bus(index), len: self.buffers.len() as u32, direction: Direction::FromDevice };
        self.ring.add(&[segment], index)?;
        // Without a call of `kick` for very long, the count of unkicked buffers must not wrap.
        if self.ring.unkicked() >= 1 << 14 {
            self.kick();
        }
        Ok(())
    }

    /// Gives a buffer back that was in the ring before: there is room, unless the device broke the ring.
    #[inline]
    fn repost(&mut self, index: u16) {
        let posted = self.post(index);
        debug_assert!(matches!(posted, Ok(()) | Err(RingError::Broken)));
    }

    /// Whether a frame is there to be received.
    pub fn pending(&self) -> bool {
        self.ring.pending()
    }

    /// Receives one frame, in place: `each` gets it from the Ethernet header on, and then its buffer goes back to the device. False if there was none.
    #[inline]
    pub fn receive(&mut self, each: impl FnOnce(RxMeta, &mut [u8])) -> bool {
        let Some(mut buffer) = self.take() else { return false };
        each(buffer.meta, self.frame(&mut buffer));
        self.repost(buffer.index);
        true
    }

    /// Takes the next frame's buffer out of the queue. What the device got wrong is dropped and counted.
    pub fn take(&mut self) -> Option<RxBuffer> {
        // Each turn that does not return drops a completion; a device that makes up new ones all the time gets no more than this many a call.
        for _ in 0..self.ring.size() {
            match self.ring.pop() {
                Ok(None) => return None,
                Ok(Some(used)) => {
                    if let Some(buffer) = self.accept(used.token, used.len) {
                        return Some(buffer);
                    }
                    self.repost(used.token);
                }
                Err(fault) => {
                    self.counters.fault(fault);
                    if let DeviceFault::TooLong { token, .. } = fault {
                        self.repost(token);
                    }
                }
            }
        }
        None
    }

    /// Checks what the device put in front of the frame.
    #[inline]
    fn accept(&mut self, index: u16, len: u32) -> Option<RxBuffer> {
        let len = len as usize;
        let Some(frame) = len.checked_sub(HEADER).filter(|&frame| frame >= ETHERNET) else {
            self.counters.rx_short += 1;
            return None;
        };
        let Some(header) = self.buffers.bytes_mut(index).first_chunk::<HEADER>() else {
            self.counters.rx_short += 1;
            return None;
        };
        match header::decode(header, frame, self.settings.features) {
            Ok(meta) => {
                self.counters.rx_frames += 1;
                self.counters.rx_bytes += frame as u64;
                Some(RxBuffer { owner: self.buffers.owner(), index, len: frame as u32, meta })
            }
            Err(_) => {
                self.counters.rx_bad_header += 1;
                None
            }
        }
    }

    /// The frame in a buffer of this queue; empty for one of another queue.
    #[inline]
    pub fn frame(&mut self, buffer: &mut RxBuffer) -> &mut [u8] {
        if buffer.owner != self.buffers.owner() {
            self.counters.foreign += 1;
            return &mut [];
        }
        &mut self.buffers.bytes_mut(buffer.index)[HEADER..][..buffer.len as usize]
    }

    /// Gives a buffer of this queue back to the device; one of another queue is lost, and counted.
    pub fn recycle(&mut self, buffer: RxBuffer) {
        if buffer.owner == self.buffers.owner() {
            self.repost(buffer.index);
        } else {
            self.counters.foreign += 1;
        }
    }

    /// Tells the device of the buffers it got back, if it wants to know. Once for a burst.
    pub fn kick(&mut self) {
        if self.ring.kick_wanted(self.settings.notify == Notifications::Always) {
            self.counters.rx_kicks += 1;
            self.notify.notify();
        }
    }

    /// Buffers that the device has, filled or not.
    pub fn in_flight(&self) -> u16 {
        self.ring.in_flight()
    }

    pub(super) fn ring(&mut self) -> &mut Ring {
        &mut self.ring
    }

    pub(super) fn counters(&self) -> Counters {
        self.counters
    }
}
