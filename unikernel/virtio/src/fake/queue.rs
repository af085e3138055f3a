//! The device's side of a split virtqueue (§2.7), written apart from the driver's.

use alloc::vec::Vec;
use core::sync::atomic::{Ordering, fence};

use super::FakeMemory;
use crate::ring::{Addresses, Direction, Segment};

/// A chain that the driver made available.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Its first descriptor.
    pub head: u16,
    /// Its parts.
    pub segments: Vec<Segment>,
}

/// The device's side of a queue.
#[derive(Debug)]
pub struct DeviceQueue {
    memory: FakeMemory,
    size: u16,
    at: Addresses,
    event_idx: bool,
    /// Available index up to which chains were taken.
    taken: u16,
    /// Used index, as published.
    used: u16,
    /// Used index when the driver's wish for an interrupt was last asked.
    asked: u16,
    /// Chains taken and not completed.
    outstanding: Vec<u16>,
    /// The device lied; what the driver makes of it is no longer held against the driver.
    lied: bool,
}

impl DeviceQueue {
    /// The device's side of the ring at `at`.
    pub fn new(memory: FakeMemory, size: u16, at: Addresses, event_idx: bool) -> Self {
        Self { memory, size, at, event_idx, taken: 0, used: 0, asked: 0, outstanding: Vec::new(), lied: false }
    }

    /// Descriptors in the table.
    pub fn size(&self) -> u16 {
        self.size
    }

    /// The used index as the driver sees it.
    pub fn used(&self) -> u16 {
        self.used
    }

    /// Chains that were made available and not taken.
    pub fn available(&self) -> u16 {
        let available = self.memory.load16(self.at.driver + 2).wrapping_sub(self.taken);
        assert!(
            self.lied || available <= self.size,
            "driver made {available} chains available in a ring of {}",
            self.size
        );
        available
    }

    /// Takes the next chain.
    pub fn pop(&mut self) -> Option<Chain> {
        if self.available() == 0 {
            return None;
        }
        let head = self.memory.load16(self.at.driver + 4 + 2 * u64::from(self.taken % self.size));
        self.taken = self.taken.wrapping_add(1);
        let mut segments = Vec::new();
        let mut id = head;
        loop {
            assert!(
                id < self.size && segments.len() < usize::from(self.size),
                "chain from {head} leaves the table or has no end"
            );
            let at = self.at.descriptors + 16 * u64::from(id);
            let flags = self.memory.load16(at + 12);
            let direction = if flags & 2 != 0 { Direction::FromDevice } else { Direction::ToDevice };
            segments.push(Segment { bus: self.memory.load64(at), len: self.memory.load32(at + 8), direction });
            if flags & 1 == 0 {
                break;
            }
            id = self.memory.load16(at + 14);
        }
        self.outstanding.push(head);
        Some(Chain { head, segments })
    }

    /// Everything in the segments that the device may read.
    pub fn read(&self, chain: &Chain) -> Vec<u8> {
        let readable = chain.segments.iter().filter(|segment| segment.direction == Direction::ToDevice);
        readable.flat_map(|segment| self.memory.read(segment.bus, segment.len as usize)).collect()
    }

    /// Fills the segments that the device may write; how many bytes went in.
    pub fn write(&self, chain: &Chain, mut bytes: &[u8]) -> u32 {
        let all = bytes.len();
        for segment in chain.segments.iter().filter(|segment| segment.direction == Direction::FromDevice) {
            let (now, later) = bytes.split_at(bytes.len().min(segment.len as usize));
            self.memory.write(segment.bus, now);
            bytes = later;
        }
        (all - bytes.len()) as u32
    }

    /// Completes a chain: writes whatever it is told, whether true or not.
    pub fn push(&mut self, id: u32, len: u32) {
        let at = self.at.device + 4 + 8 * u64::from(self.used % self.size);
        self.memory.store32(at, id);
        self.memory.store32(at + 4, len);
        match self.outstanding.iter().position(|&head| u32::from(head) == id) {
            Some(place) => _ = self.outstanding.swap_remove(place),
            None => self.lied = true,
        }
        self.publish(self.used.wrapping_add(1));
    }

    /// Moves the used index, though nothing was completed.
    pub fn jump(&mut self, used: u16) {
        self.lied = true;
        self.publish(used);
    }

    fn publish(&mut self, used: u16) {
        self.used = used;
        self.memory.store16(self.at.device + 2, used);
    }

    /// Whether the driver wants an interrupt for what was completed since the last call.
    pub fn interrupt_wanted(&mut self) -> bool {
        let (mut old, new) = (self.asked, self.used);
        self.asked = new;
        fence(Ordering::SeqCst);
        if !self.event_idx {
            return old != new && self.memory.load16(self.at.driver) & 1 == 0;
        }
        let event = self.memory.load16(self.at.driver + 4 + 2 * u64::from(self.size));
        while old != new {
            if old == event {
                return true;
            }
            old = old.wrapping_add(1);
        }
        false
    }

    /// Asks the driver to notify, or not to; false if chains came meanwhile, so that no notification may come for them.
    pub fn ask_notify(&mut self, wanted: bool) -> bool {
        let flags = self.at.device;
        let event = self.at.device + 4 + 8 * u64::from(self.size);
        match (self.event_idx, wanted) {
            (true, true) => self.memory.store16(event, self.taken),
            (true, false) => self.memory.store16(event, self.taken.wrapping_sub(1)),
            (false, wanted) => self.memory.store16(flags, u16::from(!wanted)),
        }
        fence(Ordering::SeqCst);
        self.available() == 0
    }
}
