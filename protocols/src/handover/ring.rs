//! One ring: the sender's and the receiver's end.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec;
use core::sync::atomic::{AtomicBool, Ordering, fence};

use rtrb::{Consumer, Producer, RingBuffer};

use super::{Sizes, Wake};
use crate::stack::{Full, Offloads, Receive, RxMeta, Transmit, TxMeta};

/// Takes a frame, or says that there is no room for it.
pub type Take<'a, M> = &'a mut dyn FnMut(&mut [u8], M) -> Result<(), Full>;

/// A buffer on its way: full towards the receiver, empty towards the sender.
struct Slot<M> {
    octets: Box<[u8]>,
    length: usize,
    meta: M,
}

/// What the two ends tell each other besides the frames.
#[derive(Default)]
struct Flags {
    /// The receiver found the ring empty: wake it for the next frame.
    idle: AtomicBool,
    /// The sender found no empty buffer: wake it when one comes back.
    starved: AtomicBool,
}

/// What became of the frames given to a [`Sender`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames put into the ring.
    pub sent: u64,
    /// Frames for which there was no room.
    pub full: u64,
    /// Frames longer than the ring's buffers, dropped.
    pub too_long: u64,
    /// Wake-ups of the other processor.
    pub wakes: u64,
}

/// The end of a ring that frames are put into.
pub struct Sender<M> {
    full: Producer<Slot<M>>,
    empty: Consumer<Slot<M>>,
    flags: Arc<Flags>,
    wake: Arc<dyn Wake>,
    receiver: usize,
    offloads: Offloads,
    octets: usize,
    counts: Counts,
    /// Frames were put in since the last [`Sender::flush`].
    unannounced: bool,
}

/// The end of a ring that frames are taken from.
pub struct Receiver<M> {
    full: Consumer<Slot<M>>,
    empty: Producer<Slot<M>>,
    flags: Arc<Flags>,
    wake: Arc<dyn Wake>,
    sender: usize,
    /// A frame that was taken out of the ring but that nobody had room for; the next one to be given out.
    held: Option<Slot<M>>,
}

/// A ring from the processor `sender` to the processor `receiver`, whose frames finally leave on a link with these `offloads`.
pub fn link<M: Copy + Default>(
    sizes: Sizes,
    offloads: Offloads,
    sender: usize,
    receiver: usize,
    wake: &Arc<dyn Wake>,
) -> (Sender<M>, Receiver<M>) {
    let frames = sizes.frames.max(1);
    let (full, take_full) = RingBuffer::new(frames);
    let (mut empty, take_empty) = RingBuffer::new(frames);
    for _ in 0..frames {
        let slot = Slot { octets: vec![0; sizes.octets].into_boxed_slice(), length: 0, meta: M::default() };
        // There is room for all of them: the ring has as many places as there are buffers, here and ever after.
        let _ = empty.push(slot);
    }
    let flags = Arc::new(Flags { idle: AtomicBool::new(true), starved: AtomicBool::new(false) });
    let offloads =
        Offloads { segmentation: offloads.segmentation.map(|longest| longest.min(sizes.octets)), ..offloads };
    let to = Sender {
        full,
        empty: take_empty,
        flags: flags.clone(),
        wake: wake.clone(),
        receiver,
        offloads,
        octets: sizes.octets,
        counts: Counts::default(),
        unannounced: false,
    };
    (to, Receiver { full: take_full, empty, flags, wake: wake.clone(), sender, held: None })
}

impl<M: Copy> Sender<M> {
    /// Puts in a frame of `len` octets that `fill` writes. Without room the frame is dropped; both cases are counted.
    /// Returns whether it was put in.
    pub fn offer(&mut self, len: usize, meta: M, fill: &mut dyn FnMut(&mut [u8])) -> bool {
        if len > self.octets {
            self.counts.too_long += 1;
            return false;
        }
        let Ok(mut slot) = self.empty.pop() else {
            self.counts.full += 1;
            return false;
        };
        slot.length = len;
        slot.meta = meta;
        fill(&mut slot.octets[..len]);
        // There is always a place for it: see `link`.
        let _ = self.full.push(slot);
        self.counts.sent += 1;
        self.unannounced = true;
        true
    }

    /// Like [`offer`](Self::offer), but a full ring is an error, nothing is dropped for it, and the sender is woken when buffers have come back.
    fn insist(&mut self, len: usize, meta: M, fill: &mut dyn FnMut(&mut [u8])) -> Result<(), Full> {
        if self.empty.is_empty() {
            self.flags.starved.store(true, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            if self.empty.is_empty() {
                self.counts.full += 1;
                return Err(Full);
            }
            self.flags.starved.store(false, Ordering::Relaxed);
        }
        self.offer(len, meta, fill);
        Ok(())
    }

    /// Wakes the receiver if it found the ring empty before the frames that were put in since the last call.
    pub fn flush(&mut self) {
        if core::mem::take(&mut self.unannounced) {
            fence(Ordering::SeqCst);
            if self.flags.idle.load(Ordering::Relaxed) && self.flags.idle.swap(false, Ordering::Relaxed) {
                self.counts.wakes += 1;
                self.wake.wake(self.receiver);
            }
        }
    }

    /// What became of the frames so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

impl<M: Copy> Receiver<M> {
    /// Calls `each` for at most `budget` frames, in order, until it says [`Full`]; the frame that it said so for stays for the next time.
    /// Returns the number of frames that were taken.
    pub fn drain(&mut self, budget: usize, each: Take<'_, M>) -> usize {
        let mut taken = 0;
        let mut returned = false;
        while taken < budget {
            let Some(mut slot) = self.next() else { break };
            if each(&mut slot.octets[..slot.length], slot.meta).is_err() {
                self.held = Some(slot);
                break;
            }
            // There is always a place for it: see `link`.
            let _ = self.empty.push(slot);
            returned = true;
            taken += 1;
        }
        if returned {
            fence(Ordering::SeqCst);
            if self.flags.starved.load(Ordering::Relaxed) && self.flags.starved.swap(false, Ordering::Relaxed) {
                self.wake.wake(self.sender);
            }
        }
        taken
    }

    /// Whether frames are waiting.
    pub fn is_empty(&self) -> bool {
        self.held.is_none() && self.full.is_empty()
    }

    fn next(&mut self) -> Option<Slot<M>> {
        if let Some(slot) = self.held.take() {
            return Some(slot);
        }
        if let Ok(slot) = self.full.pop() {
            return Some(slot);
        }
        self.flags.idle.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let slot = self.full.pop().ok()?;
        // Awake anyway. A sender that saw the flag meanwhile wakes for nothing, which does no harm.
        self.flags.idle.store(false, Ordering::Relaxed);
        Some(slot)
    }
}

impl Receive for Receiver<RxMeta> {
    fn receive(&mut self, budget: usize, each: &mut dyn FnMut(&mut [u8], RxMeta)) -> usize {
        self.drain(budget, &mut |frame, meta| {
            each(frame, meta);
            Ok(())
        })
    }
}

impl Transmit for Sender<TxMeta> {
    fn offloads(&self) -> Offloads {
        self.offloads
    }

    fn transmit(&mut self, len: usize, meta: TxMeta, fill: &mut dyn FnMut(&mut [u8])) -> Result<(), Full> {
        self.insist(len, meta, fill)
    }

    fn flush(&mut self) {
        Sender::flush(self);
    }
}
