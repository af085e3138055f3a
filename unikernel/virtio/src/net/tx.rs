//! Transmitting: a fixed pool of buffers, filled in place, each of which may be followed by bytes that the device reads where they lie.
//!
//! ```text
//!  chain:  [ virtio header, frame's head ] ─▶ [ lent part ] ─▶ [ lent part ]
//!            buffer of the pool                memory of a lender, which is held until the chain comes back
//! ```
//!
//! **Limits.** The pool, and the ring's descriptors. Parts that find no descriptor are copied into the buffer, which has room for the whole frame. When all buffers
//! or descriptors are in the device's hands, transmitting says [`TxError::Full`], counts it and changes nothing; the caller keeps the frame,
//! and may ask for an interrupt ([`super::QueuePair::arm_transmit`]) or come again later. Completed buffers are collected when none is left, or too few descriptors to
//! lend, many at once.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::buffers::{Buffers, Owner};
use super::counters::Counters;
use super::header::{self, HEADER, HeaderError, TxMeta};
use super::lend::{Chain, Held, LONGEST};
use super::{ETHERNET, Notifications, Settings};
use crate::Features;
use crate::mem::Dma;
use crate::ring::{Ring, RingError, Segment};
use crate::transport::Notify;

/// The frame was not taken; nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxError {
    /// All transmit buffers are in the device's hands. Try later.
    Full,
    /// The frame is shorter than an Ethernet header or longer than a buffer.
    Length {
        /// Bytes of the frame.
        len: usize,
        /// The most that fit.
        most: usize,
    },
    /// The feature that the frame needs was not negotiated.
    NotNegotiated(Features),
    /// The checksum or segmentation asked for does not fit the frame.
    BadMeta,
    /// The device broke the ring's protocol, or the buffer belongs to another queue.
    Unusable,
}

impl fmt::Display for TxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("all transmit buffers are in use"),
            Self::Length { len, most } => write!(f, "frame of {len} bytes: {ETHERNET} to {most} are possible"),
            Self::NotNegotiated(features) => write!(f, "the device was not asked for {features}"),
            Self::BadMeta => f.write_str("checksum or segmentation request outside the frame"),
            Self::Unusable => f.write_str("the device broke the ring's protocol, or the buffer is another queue's"),
        }
    }
}

impl core::error::Error for TxError {}

/// Bytes of a frame that lie outside its buffer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// What they lie in, if the device may read them there: it is held until the device has done so. `None`: they are copied.
    pub lender: Option<&'a Arc<[u8]>>,
}

/// A transmit buffer in the driver's hands. Give it on with [`TxQueue::submit`] or back with [`TxQueue::cancel`]; dropped, it is lost to the queue.
#[must_use = "a buffer that is neither submitted nor cancelled is lost to the queue"]
#[derive(Debug)]
pub struct TxBuffer {
    owner: Owner,
    index: u16,
}

/// The transmit queue of a pair.
#[derive(Debug)]
pub struct TxQueue<N> {
    ring: Ring,
    buffers: Buffers,
    /// Buffers in the driver's hands; never more than its capacity.
    free: Vec<u16>,
    held: Held,
    /// Bytes of the longest frame.
    most: usize,
    notify: N,
    settings: Settings,
    counters: Counters,
}

impl<N: Notify> TxQueue<N> {
    /// A queue of `count` buffers for frames of up to `frame` bytes.
    pub(super) fn new<D: Dma + ?Sized>(
        dma: &D,
        ring: Ring,
        notify: N,
        settings: Settings,
        (count, frame): (u16, usize),
    ) -> Result<Self, RingError> {
        let buffers = Buffers::new(dma, count, HEADER + frame).map_err(RingError::OutOfMemory)?;
        let free = (0..count).rev().collect();
        Ok(Self {
            ring,
            buffers,
            free,
            held: Held::new(count),
            most: frame,
            notify,
            settings,
            counters: Counters::default(),
        })
    }

    /// Transmits a frame of `len` bytes, which `fill` writes in place, from the Ethernet header on; it may hold anything before. The device is not told
    /// before [`TxQueue::kick`].
    #[inline]
    pub fn transmit<R>(&mut self, len: usize, meta: TxMeta, fill: impl FnOnce(&mut [u8]) -> R) -> Result<R, TxError> {
        let header = self.check(len, meta)?;
        let index = self.reserve_index().ok_or(TxError::Full)?;
        let bytes = self.buffers.bytes_mut(index);
        bytes[..HEADER].copy_from_slice(&header);
        let result = fill(&mut bytes[HEADER..HEADER + len]);
        self.post_whole(index, len).map(|()| result)
    }

    /// The same for a frame of `head` bytes, which `fill` writes, and the bytes of `parts` after them. What is lent of these the device reads where it lies, if
    /// `dma` can say where that is and there are descriptors for it; the rest is copied.
    pub fn transmit_parts<D: Dma + ?Sized, R>(
        &mut self,
        dma: &D,
        head: usize,
        parts: &[Part<'_>; 2],
        meta: TxMeta,
        fill: impl FnOnce(&mut [u8]) -> R,
    ) -> Result<R, TxError> {
        let len = parts.iter().fold(head, |len, part| len.saturating_add(part.bytes.len()));
        let header = self.check(len, meta)?;
        if parts.iter().any(|part| self.lends(part)) && self.descriptors() < LONGEST {
            self.reclaim();
        }
        let copybreak = self.settings.tx_copybreak;
        let index = self.reserve_index().ok_or(TxError::Full)?;
        let room = self.descriptors() + 1;
        let bus = self.buffers.bus(index);
        let bytes = self.buffers.bytes_mut(index);
        bytes[..HEADER].copy_from_slice(&header);
        let result = fill(&mut bytes[HEADER..HEADER + head]);
        let mut chain = Chain::new(bus, HEADER + head, room);
        let lent = parts.map(|part| {
            let len = part.bytes.len();
            let lent = part.lender.is_some() && len >= copybreak && chain.lend(dma, part.bytes);
            if !lent {
                bytes[chain.filled..chain.filled + len].copy_from_slice(part.bytes);
                chain.copied(len);
            }
            lent
        });
        self.held.hold(index, parts, lent);
        self.counters.tx_lent += chain.lent as u64;
        self.post(index, len, chain.segments()).map(|()| result)
    }

    fn lends(&self, part: &Part<'_>) -> bool {
        part.lender.is_some() && part.bytes.len() >= self.settings.tx_copybreak
    }

    /// Checks length and header, before anything is changed.
    #[inline]
    fn check(&mut self, len: usize, meta: TxMeta) -> Result<[u8; HEADER], TxError> {
        let checked = if (ETHERNET..=self.most).contains(&len) {
            header::encode(meta, len, self.settings.features).map_err(|error| match error {
                HeaderError::NotNegotiated(features) => TxError::NotNegotiated(features),
                HeaderError::Malformed => TxError::BadMeta,
            })
        } else {
            Err(TxError::Length { len, most: self.most })
        };
        self.counters.tx_refused += u64::from(checked.is_err());
        checked
    }

    #[inline]
    fn reserve_index(&mut self) -> Option<u16> {
        if self.free.is_empty() || self.descriptors() == 0 {
            self.reclaim();
        }
        let index = if self.descriptors() > 0 { self.free.pop() } else { None };
        self.counters.tx_full += u64::from(index.is_none());
        index
    }

    /// Descriptors that are free, without one for each buffer in the caller's hands.
    #[inline]
    fn descriptors(&self) -> usize {
        let with_caller = self.held.buffers() - self.free.len() - usize::from(self.ring.in_flight());
        usize::from(self.ring.free()).saturating_sub(with_caller)
    }

    /// Transmits the frame of `len` bytes that lies in a buffer.
    #[inline]
    fn post_whole(&mut self, index: u16, len: usize) -> Result<(), TxError> {
        let chain = Chain::new(self.buffers.bus(index), HEADER + len, 1);
        self.post(index, len, chain.segments())
    }

    #[inline]
    fn post(&mut self, index: u16, len: usize, segments: &[Segment]) -> Result<(), TxError> {
        if self.ring.add(segments, index).is_err() {
            // There is a descriptor for each buffer that is given out, so the ring is not full but broken.
            self.held.release(index);
            self.free.push(index);
            self.counters.tx_refused += 1;
            return Err(TxError::Unusable);
        }
        self.counters.tx_frames += 1;
        self.counters.tx_bytes += len as u64;
        if self.ring.unkicked() >= 1 << 14 {
            self.kick();
        }
        Ok(())
    }

    /// Takes a buffer, to be filled over some time; `None` (and counted) if all are in use.
    pub fn reserve(&mut self) -> Option<TxBuffer> {
        self.reserve_index().map(|index| TxBuffer { owner: self.buffers.owner(), index })
    }

    /// The bytes of a buffer of this queue, for the frame; empty for one of another queue.
    pub fn frame(&mut self, buffer: &mut TxBuffer) -> &mut [u8] {
        if buffer.owner != self.buffers.owner() {
            self.counters.foreign += 1;
            return &mut [];
        }
        let most = self.most;
        &mut self.buffers.bytes_mut(buffer.index)[HEADER..HEADER + most]
    }

    /// Transmits the first `len` bytes of a buffer of this queue. On an error the buffer is free again.
    pub fn submit(&mut self, buffer: TxBuffer, len: usize, meta: TxMeta) -> Result<(), TxError> {
        if buffer.owner != self.buffers.owner() {
            self.counters.foreign += 1;
            return Err(TxError::Unusable);
        }
        match self.check(len, meta) {
            Ok(header) => {
                self.buffers.bytes_mut(buffer.index)[..HEADER].copy_from_slice(&header);
                self.post_whole(buffer.index, len)
            }
            Err(error) => {
                self.free.push(buffer.index);
                Err(error)
            }
        }
    }

    /// Gives a buffer of this queue back unused; one of another queue is lost, and counted.
    pub fn cancel(&mut self, buffer: TxBuffer) {
        if buffer.owner == self.buffers.owner() {
            self.free.push(buffer.index);
        } else {
            self.counters.foreign += 1;
        }
    }

    /// Collects what the device has sent; how many buffers that were. Happens by itself when no buffer is left, and at each [`kick`](Self::kick) while the
    /// device has lent bytes.
    pub fn reclaim(&mut self) -> usize {
        let before = self.free.len();
        for _ in 0..self.ring.size() {
            match self.ring.pop() {
                Ok(None) => break,
                Ok(Some(used)) => {
                    self.held.release(used.token);
                    self.free.push(used.token);
                }
                Err(fault) => self.counters.fault(fault),
            }
        }
        self.free.len() - before
    }

    /// Frames that are sure to be taken now.
    pub fn free(&mut self) -> usize {
        self.reclaim();
        self.free.len().min(self.descriptors())
    }

    /// Whether the device has sent a frame whose buffer was not collected yet.
    #[inline]
    pub fn pending(&self) -> bool {
        self.ring.pending()
    }

    /// [`Options::tx_copybreak`](super::Options::tx_copybreak).
    pub fn copybreak(&self) -> usize {
        self.settings.tx_copybreak
    }

    /// The longest frame, in bytes from the Ethernet header on.
    pub fn longest(&self) -> usize {
        self.most
    }

    /// Tells the device of new frames, if it wants to know. Once for a burst.
    pub fn kick(&mut self) {
        if self.ring.kick_wanted(self.settings.notify == Notifications::Always) {
            self.counters.tx_kicks += 1;
            self.notify.notify();
        }
        if self.held.any() {
            self.reclaim();
        }
    }

    /// Buffers that the device has, sent or not.
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
