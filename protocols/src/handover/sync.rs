//! What the ends of a ring share. Under `cfg(loom)` it is what the model checker can see into.

#[cfg(not(loom))]
pub(super) use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering, fence};
#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicU8, AtomicU32, Ordering, fence};

#[cfg(loom)]
pub(super) use super::seen::{
    AtomicBool, Consumer, OctetConsumer, OctetProducer, Producer, RingBuffer, SpinMutex, octet_ring,
};
#[cfg(not(loom))]
pub(super) use rtrb::{Consumer, Producer, RingBuffer};
#[cfg(not(loom))]
pub(super) use spin::mutex::SpinMutex;
#[cfg(not(loom))]
pub(super) use {BareConsumer as OctetConsumer, BareProducer as OctetProducer, bare_octet_ring as octet_ring};

use alloc::sync::Arc;

use bbqueue::prod_cons::stream::{StreamConsumer, StreamProducer};
use bbqueue::traits::coordination::cas::AtomicCoord;
use bbqueue::traits::notifier::polling::Polling;
use bbqueue::traits::storage::BoxedSlice;
use bbqueue::{ArcBBQueue, BBQueue};

/// Where the frames' octets lie, each frame's in one piece, in the order of their entries.
pub(super) type Octets = BBQueue<BoxedSlice, AtomicCoord, Polling>;
pub(super) type BareProducer = StreamProducer<Arc<Octets>>;
pub(super) type BareConsumer = StreamConsumer<Arc<Octets>>;

/// A ring of so many octets.
pub(super) fn bare_octet_ring(octets: usize) -> (BareProducer, BareConsumer) {
    let octets = ArcBBQueue::<_, AtomicCoord, Polling>::new_with_storage(BoxedSlice::new(octets));
    (octets.stream_producer(), octets.stream_consumer())
}
