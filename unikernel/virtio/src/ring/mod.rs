//! The driver's side of a split virtqueue (§2.7).
//!
//! ```text
//!  add ──▶ descriptors ──▶ available ring ──▶ [device] ──▶ used ring ──▶ pop
//!  slots: free list ───────────▶ in flight ──────────────────▶ free list
//! ```
//!
//! The descriptor table is write-only for the driver: what is in flight, with which limit, is remembered in private slots, so that nothing the
//! device writes is ever believed. Its completions are checked against the slots, see [`DeviceFault`].
//!
//! **Limits.** At most `size` descriptors are in flight; [`Ring::add`] then says [`RingError::Full`] and changes nothing.

mod layout;
#[cfg(all(test, loom))]
mod model;
#[cfg(test)]
mod race;
#[cfg(test)]
pub(crate) mod tests;

use alloc::boxed::Box;
use core::fmt;
use core::sync::atomic::Ordering;
#[cfg(not(loom))]
use core::sync::atomic::fence;
#[cfg(loom)]
use loom::sync::atomic::fence;

use crate::mem::{Dma, DmaRegion, OutOfMemory};
pub use layout::{Addresses, MAX_SIZE};
use layout::{DESC_NEXT, DESC_WRITE, Layout, NO_INTERRUPT, NO_NOTIFY};

/// Which side writes a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The device reads it.
    ToDevice,
    /// The device writes it.
    FromDevice,
}

/// A run of bytes in shared memory, one descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The device's address of the first byte.
    pub bus: u64,
    /// Bytes, at least one.
    pub len: u32,
    /// Which side writes them.
    pub direction: Direction,
}

/// A chain that the device has completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// What was given to [`Ring::add`].
    pub token: u16,
    /// Bytes that the device says to have written; never more than the chain's writable segments hold. 0 for chains without such segments, whatever
    /// the device says: some report the bytes they read.
    pub len: u32,
}

/// The driver asked for what the ring cannot do; nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingError {
    /// There is no room for the chain.
    Full {
        /// Descriptors that the chain needs.
        wanted: usize,
        /// Descriptors that are free.
        free: u16,
    },
    /// The chain has no segment, or a segment without bytes, or one for the device to read after one for it to write (§2.7.4.2).
    BadChain,
    /// The size is not a power of two between 2 and [`MAX_SIZE`].
    BadSize(u16),
    /// No memory for the ring.
    OutOfMemory(OutOfMemory),
    /// The device broke the protocol ([`DeviceFault::IndexJump`]); the ring is out of use until the device is reset.
    Broken,
}

impl fmt::Display for RingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { wanted, free } => write!(f, "ring full: {wanted} descriptors wanted, {free} free"),
            Self::BadChain => f.write_str("a chain needs segments, with bytes, those for the device to read first"),
            Self::BadSize(size) => write!(f, "ring size {size} is not a power of two between 2 and {MAX_SIZE}"),
            Self::OutOfMemory(error) => error.fmt(f),
            Self::Broken => f.write_str("the device broke the ring's protocol; reset it"),
        }
    }
}

impl core::error::Error for RingError {}

/// The device broke the protocol. The completion in question is consumed; memory and ring stay sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceFault {
    /// A completion names a descriptor that the table does not have.
    UnknownId {
        /// The descriptor that the device named.
        id: u32,
    },
    /// A completion names a descriptor that is not the head of a chain in flight: completed twice, or never given.
    NotInFlight {
        /// The descriptor that the device named.
        id: u16,
    },
    /// The device claims to have written more than the chain holds. The chain is complete, its content worthless.
    TooLong {
        /// What was given to [`Ring::add`]: the buffer is the driver's again.
        token: u16,
        /// Bytes that the device claims.
        len: u32,
        /// Bytes that the chain holds.
        limit: u32,
    },
    /// The used index moved further than there are chains in flight. Which entries are real cannot be known: the ring is broken.
    IndexJump {
        /// Completions that the index claims.
        claimed: u16,
        /// Chains in flight.
        in_flight: u16,
    },
}

impl fmt::Display for DeviceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownId { id } => write!(f, "device completed descriptor {id}, which does not exist"),
            Self::NotInFlight { id } => write!(f, "device completed descriptor {id}, which it does not have"),
            Self::TooLong { len, limit, .. } => write!(f, "device claims {len} bytes written to a buffer of {limit}"),
            Self::IndexJump { claimed, in_flight } => {
                write!(f, "device claims {claimed} completions with {in_flight} in flight")
            }
        }
    }
}

impl core::error::Error for DeviceFault {}

/// What the driver remembers of one descriptor.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// The next descriptor: of the chain, or of the free list.
    next: u16,
    /// Descriptors in the chain that begins here; 0 if no chain in flight does.
    chain: u16,
    token: u16,
    /// Bytes that the device may write to the chain.
    writable: u32,
}

/// The driver's side of one virtqueue.
#[derive(Debug)]
pub struct Ring {
    memory: DmaRegion,
    layout: Layout,
    event_idx: bool,
    slots: Box<[Slot]>,
    /// Head of the free list; meaningful while `free` is not 0.
    free_head: u16,
    free: u16,
    /// Chains in flight.
    in_flight: u16,
    /// Available index, as published.
    avail: u16,
    /// Available index at the last [`Ring::kick_wanted`].
    kicked: u16,
    /// Used index up to which completions were taken.
    taken: u16,
    /// Used index as last read from the device; `taken ..= seen` is there to be taken.
    seen: u16,
    armed: bool,
    broken: bool,
}

impl Ring {
    /// A ring of `size` descriptors, in memory of its own. `event_idx`: whether `RING_EVENT_IDX` was negotiated. Interrupts are off.
    pub fn new<D: Dma + ?Sized>(dma: &D, size: u16, event_idx: bool) -> Result<Self, RingError> {
        let layout = Layout::new(size).ok_or(RingError::BadSize(size))?;
        let memory = DmaRegion::allocate(dma, layout.len()).map_err(RingError::OutOfMemory)?;
        let slots = (0..size).map(|i| Slot { next: i.wrapping_add(1), ..Slot::default() }).collect();
        let mut ring = Self {
            memory,
            layout,
            event_idx,
            slots,
            free_head: 0,
            free: size,
            in_flight: 0,
            avail: 0,
            kicked: 0,
            taken: 0,
            seen: 0,
            armed: true,
            broken: false,
        };
        ring.disarm();
        Ok(ring)
    }

    /// Descriptors in the table.
    pub fn size(&self) -> u16 {
        self.layout.size
    }

    /// Descriptors that are free.
    pub fn free(&self) -> u16 {
        self.free
    }

    /// Chains that the device has.
    pub fn in_flight(&self) -> u16 {
        self.in_flight
    }

    /// Whether the device broke the protocol so that the ring is out of use.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Where the device finds the ring.
    pub fn addresses(&self) -> Addresses {
        self.layout.addresses(self.memory.bus(0))
    }

    /// Gives a chain to the device; `token` comes back with its completion. The device may take it at once, but is not notified:
    /// see [`Ring::kick_wanted`].
    pub fn add(&mut self, segments: &[Segment], token: u16) -> Result<(), RingError> {
        if self.broken {
            return Err(RingError::Broken);
        }
        if segments.len() > usize::from(self.free) {
            return Err(RingError::Full { wanted: segments.len(), free: self.free });
        }
        let writable = check_chain(segments)?;
        let head = self.free_head;
        let mut id = head;
        for (i, segment) in segments.iter().enumerate() {
            let next = self.slots[usize::from(id)].next;
            let write = if segment.direction == Direction::FromDevice { DESC_WRITE } else { 0 };
            let (link, flags) = if i + 1 < segments.len() { (next, write | DESC_NEXT) } else { (0, write) };
            let at = self.layout.desc(id);
            self.memory.store_u64(at, segment.bus);
            self.memory.store_u64(at + 8, u64::from(segment.len) | u64::from(flags) << 32 | u64::from(link) << 48);
            id = next;
        }
        let count = segments.len() as u16;
        let slot = &mut self.slots[usize::from(head)];
        (slot.chain, slot.token, slot.writable) = (count, token, writable);
        self.free_head = id;
        self.free -= count;
        self.in_flight += 1;

        self.memory.store_u16(self.layout.avail_entry(self.avail), head, Ordering::Relaxed);
        self.avail = self.avail.wrapping_add(1);
        // The device sees descriptors and entry before the index (§2.7.13.3).
        self.memory.store_u16(self.layout.avail_idx(), self.avail, Ordering::Release);
        Ok(())
    }

    /// Chains given since the last [`Ring::kick_wanted`].
    pub fn unkicked(&self) -> u16 {
        self.avail.wrapping_sub(self.kicked)
    }

    /// Whether the device wants to be notified of what was added since the last call (§2.7.10, §2.7.13.4), or something was added and `always`; the caller
    /// then notifies it. Call it once for a burst, and before 32768 chains were added.
    pub fn kick_wanted(&mut self, always: bool) -> bool {
        let (old, new) = (self.kicked, self.avail);
        if old == new || self.broken {
            return false;
        }
        self.kicked = new;
        if always {
            return true;
        }
        // The index must be out before the device's wish is read: the device writes its wish, then reads the index.
        fence(Ordering::SeqCst);
        if self.event_idx {
            let event = self.memory.load_u16(self.layout.avail_event(), Ordering::Relaxed);
            crossed(event, old, new)
        } else {
            self.memory.load_u16(self.layout.used_flags(), Ordering::Relaxed) & NO_NOTIFY == 0
        }
    }

    /// Whether a completion is there to be taken.
    pub fn pending(&self) -> bool {
        !self.broken && (self.seen != self.taken || self.used_idx() != self.taken)
    }

    fn used_idx(&self) -> u16 {
        // Entries are read after the index.
        self.memory.load_u16(self.layout.used_idx(), Ordering::Acquire)
    }

    /// Takes the next completion. After an error there may be more to take, except that a broken ring gives `Ok(None)` from then on.
    pub fn pop(&mut self) -> Result<Option<Used>, DeviceFault> {
        if self.taken == self.seen {
            if self.broken {
                return Ok(None);
            }
            let idx = self.used_idx();
            let claimed = idx.wrapping_sub(self.taken);
            if claimed == 0 {
                return Ok(None);
            }
            if claimed > self.in_flight {
                self.broken = true;
                return Err(DeviceFault::IndexJump { claimed, in_flight: self.in_flight });
            }
            self.seen = idx;
        }
        let at = self.layout.used_entry(self.taken);
        let (id, len) = (self.memory.load_u32(at), self.memory.load_u32(at + 4));
        self.taken = self.taken.wrapping_add(1);
        self.complete(id, len).map(Some)
    }

    /// Checks a completion and frees its chain.
    fn complete(&mut self, id: u32, len: u32) -> Result<Used, DeviceFault> {
        let head = u16::try_from(id).ok().filter(|&id| id < self.size()).ok_or(DeviceFault::UnknownId { id })?;
        let Slot { chain, token, writable, .. } = self.slots[usize::from(head)];
        if chain == 0 {
            return Err(DeviceFault::NotInFlight { id: head });
        }
        self.slots[usize::from(head)].chain = 0;
        let mut last = head;
        for _ in 1..chain {
            last = self.slots[usize::from(last)].next;
        }
        self.slots[usize::from(last)].next = self.free_head;
        self.free_head = head;
        self.free += chain;
        self.in_flight -= 1;
        match writable {
            0 => Ok(Used { token, len: 0 }),
            limit if len > limit => Err(DeviceFault::TooLong { token, len, limit }),
            _ => Ok(Used { token, len }),
        }
    }

    /// Asks for an interrupt at the next completion. True: from now on one will come; false: a completion is already there and
    /// may bring no interrupt, so take it and try again.
    #[must_use = "false means that completions are waiting and no interrupt may come for them"]
    pub fn arm(&mut self) -> bool {
        self.arm_after(1)
    }

    /// As [`Ring::arm`], but only after `count` more completions (1 to what is in flight; without `RING_EVENT_IDX` after the next). False if that many are
    /// already there.
    #[must_use = "false means that completions are waiting and no interrupt may come for them"]
    pub fn arm_after(&mut self, count: u16) -> bool {
        let count = if self.event_idx { count.clamp(1, self.in_flight.max(1)) } else { 1 };
        if self.event_idx {
            let event = self.taken.wrapping_add(count - 1);
            self.memory.store_u16(self.layout.used_event(), event, Ordering::Relaxed);
        } else if !self.armed {
            self.memory.store_u16(self.layout.avail_flags(), 0, Ordering::Relaxed);
        }
        self.armed = true;
        // The wish must be out before the index is read: the device writes the index, then reads the wish (§2.7.10.2).
        fence(Ordering::SeqCst);
        self.broken || self.used_idx().wrapping_sub(self.taken) < count
    }

    /// Asks for no interrupts. A late one may still come.
    pub fn disarm(&mut self) {
        if !self.armed {
            return;
        }
        self.armed = false;
        if self.event_idx {
            // An index that the device has just passed, so it meets it again only after 65535 more.
            self.memory.store_u16(self.layout.used_event(), self.taken.wrapping_sub(1), Ordering::Relaxed);
        } else {
            self.memory.store_u16(self.layout.avail_flags(), NO_INTERRUPT, Ordering::Relaxed);
        }
    }
}

/// Whether an index that moved from `old` to `new` passed `event` (§2.7.10.1): the other side asked to hear of the entry `event`.
pub(crate) fn crossed(event: u16, old: u16, new: u16) -> bool {
    new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
}

/// The bytes that the device may write, if the chain is a proper one.
fn check_chain(segments: &[Segment]) -> Result<u32, RingError> {
    let mut writable = 0u32;
    for segment in segments {
        match segment.direction {
            _ if segment.len == 0 => return Err(RingError::BadChain),
            Direction::ToDevice if writable > 0 => return Err(RingError::BadChain),
            Direction::ToDevice => {}
            Direction::FromDevice => writable = writable.checked_add(segment.len).ok_or(RingError::BadChain)?,
        }
    }
    if segments.is_empty() { Err(RingError::BadChain) } else { Ok(writable) }
}
