//! What a queue pair counts.

use crate::ring::DeviceFault;

/// Counts since the pair was opened. They wrap at 2^64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames received.
    pub rx_frames: u64,
    /// Their bytes, without the virtio header.
    pub rx_bytes: u64,
    /// Received buffers too short for a virtio header and an Ethernet header: dropped.
    pub rx_short: u64,
    /// Received frames with a virtio header that lies or uses what was not negotiated: dropped.
    pub rx_bad_header: u64,
    /// Frames given to the device.
    pub tx_frames: u64,
    /// Their bytes, without the virtio header.
    pub tx_bytes: u64,
    /// Of those, bytes that the device reads where they lie; the others were copied.
    pub tx_lent: u64,
    /// Frames refused because all transmit buffers were in the device's hands.
    pub tx_full: u64,
    /// Frames refused for their length or what was asked of the device with them.
    pub tx_refused: u64,
    /// Notifications of new receive buffers.
    pub rx_kicks: u64,
    /// Notifications of frames to transmit.
    pub tx_kicks: u64,
    /// Completions of descriptors that do not exist.
    pub unknown_id: u64,
    /// Completions of descriptors that the device did not have.
    pub not_in_flight: u64,
    /// Completions that claim more bytes than the buffer holds: dropped.
    pub too_long: u64,
    /// Used indices that claim more completions than possible. The queue is out of use from then on.
    pub index_jump: u64,
    /// Owned buffers handed to a queue that they do not belong to.
    pub foreign: u64,
}

impl Counters {
    pub(super) fn fault(&mut self, fault: DeviceFault) {
        *match fault {
            DeviceFault::UnknownId { .. } => &mut self.unknown_id,
            DeviceFault::NotInFlight { .. } => &mut self.not_in_flight,
            DeviceFault::TooLong { .. } => &mut self.too_long,
            DeviceFault::IndexJump { .. } => &mut self.index_jump,
        } += 1;
    }

    /// All breaches of the protocol by the device.
    pub fn faults(&self) -> u64 {
        self.unknown_id + self.not_in_flight + self.too_long + self.index_jump + self.rx_short + self.rx_bad_header
    }

    /// The sum of both, field by field.
    pub fn merged(self, other: Self) -> Self {
        Self {
            rx_frames: self.rx_frames.wrapping_add(other.rx_frames),
            rx_bytes: self.rx_bytes.wrapping_add(other.rx_bytes),
            rx_short: self.rx_short.wrapping_add(other.rx_short),
            rx_bad_header: self.rx_bad_header.wrapping_add(other.rx_bad_header),
            tx_frames: self.tx_frames.wrapping_add(other.tx_frames),
            tx_bytes: self.tx_bytes.wrapping_add(other.tx_bytes),
            tx_lent: self.tx_lent.wrapping_add(other.tx_lent),
            tx_full: self.tx_full.wrapping_add(other.tx_full),
            tx_refused: self.tx_refused.wrapping_add(other.tx_refused),
            rx_kicks: self.rx_kicks.wrapping_add(other.rx_kicks),
            tx_kicks: self.tx_kicks.wrapping_add(other.tx_kicks),
            unknown_id: self.unknown_id.wrapping_add(other.unknown_id),
            not_in_flight: self.not_in_flight.wrapping_add(other.not_in_flight),
            too_long: self.too_long.wrapping_add(other.too_long),
            index_jump: self.index_jump.wrapping_add(other.index_jump),
            foreign: self.foreign.wrapping_add(other.foreign),
        }
    }
}
