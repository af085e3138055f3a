//! The control queue (§5.1.6.5): commands to the device, one at a time, waited for. Used when the device is opened, never on the data path.

use crate::mem::{Dma, DmaRegion};
use crate::ring::{Direction, Ring, RingError, Segment};
use crate::transport::Notify;

/// Descriptors that a command needs are three; the ring need not be longer than the next power of two.
pub const QUEUE_SIZE: u16 = 4;

/// How often the used ring is looked at before the device is given up; a second or so.
const POLLS: u32 = 50_000_000;

const CLASS_MQ: u8 = 4;
const MQ_PAIRS_SET: u8 = 0;
const ACK_OK: u8 = 0;
const ACK_NONE: u8 = 0xff;

/// Offsets in the command's memory.
const DATA: usize = 16;
const ACK: usize = 32;

/// The control queue.
#[derive(Debug)]
pub struct Control<N> {
    ring: Ring,
    memory: DmaRegion,
    notify: N,
}

impl<N: Notify> Control<N> {
    pub fn new<D: Dma + ?Sized>(dma: &D, ring: Ring, notify: N) -> Result<Self, RingError> {
        let memory = DmaRegion::allocate(dma, ACK + 1).map_err(RingError::OutOfMemory)?;
        Ok(Self { ring, memory, notify })
    }

    /// Tells the device to use `pairs` queue pairs (§5.1.6.5.5). Whether it said yes.
    pub fn set_pairs(&mut self, pairs: u16) -> bool {
        self.command(CLASS_MQ, MQ_PAIRS_SET, &pairs.to_le_bytes())
    }

    fn command(&mut self, class: u8, command: u8, data: &[u8]) -> bool {
        self.memory.bytes_mut(0, 2).copy_from_slice(&[class, command]);
        self.memory.bytes_mut(DATA, data.len()).copy_from_slice(data);
        self.memory.bytes_mut(ACK, 1)[0] = ACK_NONE;
        let segment =
            |offset, len: usize, direction| Segment { bus: self.memory.bus(offset), len: len as u32, direction };
        let chain = [
            segment(0, 2, Direction::ToDevice),
            segment(DATA, data.len(), Direction::ToDevice),
            segment(ACK, 1, Direction::FromDevice),
        ];
        if self.ring.add(&chain, 0).is_err() {
            return false;
        }
        if self.ring.kick_wanted(false) {
            self.notify.notify();
        }
        for _ in 0..POLLS {
            match self.ring.pop() {
                Ok(Some(_)) => return self.memory.bytes_mut(ACK, 1)[0] == ACK_OK,
                Ok(None) if !self.ring.is_broken() => core::hint::spin_loop(),
                Ok(None) | Err(_) => return false,
            }
        }
        false
    }
}
