//! How much of each class is on its way to the card from a processor without a queue pair, while classes share the way out.
//!
//! Such a processor does not meet the rules: processor 0 does, for it, and there the classes have their turns. Frames of a class that waits are queued there,
//! and without a limit the first class to wait would fill what is between the two, so that the others came no more. So of each class only
//! so much may be under way. Processor 0 says what class a flow is of when it has seen a frame of it; until then it counts as class 0. What it says is needed for
//! this limit alone: a frame's class is decided when it is sent.

use alloc::sync::Arc;
use core::array;

use super::Wake;
use super::sync::{AtomicBool, AtomicU8, AtomicU32, Ordering, fence};
use crate::classification::CLASSES;

/// Octets of a class under way, beyond which nothing of it is added: two of the longest packets.
const CREDIT: u32 = if cfg!(loom) { 2 } else { 128 << 10 };
/// Flows that are told apart. Of two with the same place the class of the last one counts.
const FLOWS: usize = if cfg!(loom) { 1 } else { 4096 };

/// What a sender without a queue pair and processor 0 tell each other.
pub struct Lanes {
    on: AtomicBool,
    /// The class of a flow.
    classes: [AtomicU8; FLOWS],
    /// Octets, by the class that the sender took them to be of.
    under_way: [AtomicU32; CLASSES],
    /// A class had no credit: wake the sender when it has.
    starved: AtomicBool,
    sender: usize,
    wake: Arc<dyn Wake>,
}

/// Where a frame counts as being under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The processor that sends it.
    pub sender: u8,
    /// The flow's place.
    pub flow: u16,
    /// What class it is taken to be of.
    pub class: u8,
}

impl Lanes {
    pub(super) fn new(sender: usize, wake: &Arc<dyn Wake>) -> Self {
        Self {
            on: AtomicBool::new(false),
            classes: array::from_fn(|_| AtomicU8::new(0)),
            under_way: array::from_fn(|_| AtomicU32::new(0)),
            starved: AtomicBool::new(false),
            sender,
            wake: wake.clone(),
        }
    }

    /// Whether classes share the way out.
    pub(super) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, on: bool) {
        if self.is_on() != on {
            self.on.store(on, Ordering::Relaxed);
            // Who waits for credit needs none any more.
            fence(Ordering::SeqCst);
            self.wake_starved();
        }
    }

    /// Where a frame of the flow with this hash counts.
    ///
    /// # Errors
    /// The class, if it has no credit: the sender is woken when it has.
    pub fn lane(&self, hash: u32) -> Result<Lane, u8> {
        let flow = hash as usize % FLOWS;
        let class = self.classes[flow].load(Ordering::Relaxed);
        let lane = Lane { sender: self.sender as u8, flow: flow as u16, class };
        if self.has_credit(class) { Ok(lane) } else { Err(class) }
    }

    /// Whether more of the class may go; if not, the sender is woken when it may.
    pub fn has_credit(&self, class: u8) -> bool {
        let Some(under_way) = self.under_way.get(usize::from(class)) else { return true };
        if under_way.load(Ordering::Relaxed) < CREDIT {
            return true;
        }
        self.starved.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        under_way.load(Ordering::Relaxed) < CREDIT || !self.is_on()
    }

    pub(super) fn add(&self, class: u8, octets: usize) {
        if let Some(under_way) = self.under_way.get(usize::from(class)) {
            under_way.fetch_add(octets as u32, Ordering::Relaxed);
        }
    }

    pub(super) fn subtract(&self, class: u8, octets: usize) {
        let Some(under_way) = self.under_way.get(usize::from(class)) else { return };
        let left = under_way.fetch_sub(octets as u32, Ordering::Relaxed).wrapping_sub(octets as u32);
        fence(Ordering::SeqCst);
        // Not for each frame.
        if left <= CREDIT / 2 {
            self.wake_starved();
        }
    }

    fn wake_starved(&self) {
        if self.starved.load(Ordering::Relaxed) && self.starved.swap(false, Ordering::Relaxed) {
            self.wake.wake(self.sender);
        }
    }
}

/// A frame that is under way, until this is dropped.
pub struct UnderWay {
    lanes: Option<Arc<Lanes>>,
    lane: Lane,
    octets: usize,
}

impl UnderWay {
    /// A frame, of so many octets, that was taken out of the ring.
    pub fn new(lanes: &Arc<Lanes>, lane: Lane, octets: usize) -> Self {
        Self { lanes: Some(lanes.clone()), lane, octets }
    }

    /// Frames of its flow are of this class.
    pub fn is_of(&self, class: u8) {
        if let Some(place) = self.lanes.as_ref().and_then(|lanes| lanes.classes.get(usize::from(self.lane.flow)))
            && place.load(Ordering::Relaxed) != class
        {
            place.store(class, Ordering::Relaxed);
        }
    }

    /// It stays in the ring.
    pub fn stays(mut self) {
        self.lanes = None;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(lanes) = &self.lanes {
            lanes.subtract(self.lane.class, self.octets);
        }
    }
}
