mod allocations;
mod changes;
mod handshake;
mod header;
mod hostile;
mod lend;
mod threads;
mod traffic;

use super::*;
use crate::fake::{FakeConfig, FakeMmio, FakeNic, Shape};
use crate::transport::pci::PciTransport;

pub type Transport = PciTransport<FakeConfig, FakeMmio>;
pub type Pair = QueuePair<<Transport as crate::transport::Transport>::Notify>;

pub const SHAPES: [Shape; 4] = [Shape::Qemu { msix: 9 }, Shape::Qemu { msix: 0 }, Shape::Uhyve, Shape::ConfigSpace];
pub const TARGETS: [MsixTarget; 2] = [MsixTarget { apic_id: 0, vector: 0xe0 }, MsixTarget { apic_id: 1, vector: 0xe1 }];

pub fn open(nic: &FakeNic, options: &Options<'_>) -> Result<(Net<Transport>, Vec<Pair>), OpenError> {
    Net::open(PciTransport::open(nic.config(), nic.mmio()).unwrap(), nic.memory(), options)
}

/// A device with one pair of a few buffers, and the pair.
pub fn small(nic: &FakeNic, buffers: u16, event_idx: bool) -> (Net<Transport>, Pair) {
    let features = if event_idx { Features::DRIVER } else { Features::DRIVER & !Features::RING_EVENT_IDX };
    let options =
        Options { features, rx_buffers: buffers, tx_buffers: buffers, interrupts: &TARGETS[..1], ..Options::default() };
    let (net, mut pairs) = open(nic, &options).unwrap();
    assert_eq!(
        (pairs.len(), net.features().contains(Features::RING_EVENT_IDX)),
        (1, event_idx && nic.model().offered.contains(Features::RING_EVENT_IDX))
    );
    (net, pairs.remove(0))
}

/// A frame that says which it is.
pub fn frame(number: u32, len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..len).map(|i| (i as u32 ^ number) as u8).collect();
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes
}
