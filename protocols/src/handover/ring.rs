//! One ring: the sender's and the receiver's end.

use alloc::sync::Arc;

use super::lent::{self, Lent};
use super::sync::{
    AtomicBool, Consumer, OctetConsumer, OctetProducer, Ordering, Producer, RingBuffer, fence, octet_ring,
};
use super::{Lanes, Sizes, Wake};
use crate::stack::{Fill, Full, Offloads, Payload, Receive, RxMeta, Transmit, TxMeta};
use crate::tcp::{Part, octets_of};

/// Takes a frame, or says that there is no room for it.
pub type Take<'a, M> = &'a mut dyn FnMut(&mut [u8], M) -> Result<(), Full>;

/// The same for a frame of which a part may be lent, which follows in the payload.
pub type TakeParts<'a, M> = &'a mut dyn FnMut(&mut [u8], Payload<'_>, M) -> Result<(), Full>;

/// A frame in the ring. Its octets are put in before it and taken out before it, but for those that are lent.
struct Entry<M> {
    /// Octets in the ring.
    length: usize,
    /// How many of them come before the first that is lent.
    head: usize,
    lent: [Option<Lent>; 2],
    meta: M,
}

impl<M> Entry<M> {
    /// The octets that a frame of `length` takes: one at least, since the ring knows no empty pieces.
    fn taken(length: usize) -> usize {
        length.max(1)
    }
}

/// What the two ends tell each other besides the frames.
#[derive(Default)]
struct Flags {
    /// The receiver found the ring empty: wake it for the next frame.
    idle: AtomicBool,
    /// The sender found no room: wake it when frames have been taken out.
    starved: AtomicBool,
}

/// What became of the frames given to a [`Sender`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames put into the ring.
    pub sent: u64,
    /// Frames for which there was no room.
    pub full: u64,
    /// Frames longer than the ring takes, dropped.
    pub too_long: u64,
    /// Wake-ups of the other processor.
    pub wakes: u64,
}

/// The end of a ring that frames are put into.
pub struct Sender<M> {
    entries: Producer<Entry<M>>,
    octets: OctetProducer,
    flags: Arc<Flags>,
    wake: Arc<dyn Wake>,
    receiver: usize,
    offloads: Offloads,
    longest: usize,
    counts: Counts,
    /// Frames were put in since the last [`Sender::flush`].
    unannounced: bool,
    /// Towards the card.
    pub(super) lanes: Option<Arc<Lanes>>,
}

/// The end of a ring that frames are taken from.
pub struct Receiver<M> {
    entries: Consumer<Entry<M>>,
    octets: OctetConsumer,
    flags: Arc<Flags>,
    wake: Arc<dyn Wake>,
    sender: usize,
}

/// A ring from the processor `sender` to the processor `receiver`, whose frames finally leave on a link with these `offloads`.
pub fn link<M: Copy>(
    sizes: Sizes,
    offloads: Offloads,
    sender: usize,
    receiver: usize,
    wake: &Arc<dyn Wake>,
) -> (Sender<M>, Receiver<M>) {
    let (entries, take_entries) = RingBuffer::new(sizes.frames.max(1));
    // A frame lies in one piece. In an empty ring there are two, before and behind the place where the last frame ended; one of them is
    // long enough for any frame if the whole is at least twice as long.
    let (octets, take_octets) = octet_ring(sizes.octets.max(sizes.longest.max(1).saturating_mul(2)));
    let flags = Arc::new(Flags { idle: AtomicBool::new(true), starved: AtomicBool::new(false) });
    let fitting = |longest: Option<usize>| longest.map(|longest| longest.min(sizes.longest));
    let Offloads { checksum, segmentation, segmentation6 } = offloads;
    let (segmentation, segmentation6) = (fitting(segmentation), fitting(segmentation6));
    let offloads = Offloads { checksum, segmentation, segmentation6 };
    let to = Sender {
        entries,
        octets,
        flags: flags.clone(),
        wake: wake.clone(),
        receiver,
        offloads,
        longest: sizes.longest,
        counts: Counts::default(),
        unannounced: false,
        lanes: None,
    };
    let from = Receiver { entries: take_entries, octets: take_octets, flags, wake: wake.clone(), sender };
    (to, from)
}

impl<M: Copy> Sender<M> {
    /// Puts in a frame of `len` octets that `fill` writes. Without room the frame is dropped, as is one that is too long; both cases are counted.
    /// Returns whether it was put in.
    pub fn offer(&mut self, len: usize, meta: M, fill: Fill<'_>) -> bool {
        if self.is_too_long(len) {
            return false;
        }
        let put = self.put(len, &Payload::default(), meta, fill).is_ok();
        self.counts.full += u64::from(!put);
        put
    }

    /// Like [`offer`](Self::offer), but a full ring is an error, nothing is dropped for it, and the sender is woken when frames have been taken out.
    fn insist(&mut self, head: usize, body: &Payload<'_>, meta: M, fill: Fill<'_>) -> Result<(), Full> {
        if self.is_too_long(head + octets_of(body)) || self.put(head, body, meta, fill).is_ok() {
            return Ok(());
        }
        self.flags.starved.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let put = self.put(head, body, meta, fill);
        match put {
            Ok(()) => self.flags.starved.store(false, Ordering::Relaxed),
            Err(Full) => self.counts.full += 1,
        }
        put
    }

    fn is_too_long(&mut self, len: usize) -> bool {
        let too_long = len > self.longest;
        self.counts.too_long += u64::from(too_long);
        too_long
    }

    /// Calls `fill` only if there is room.
    fn put(&mut self, head: usize, body: &Payload<'_>, meta: M, fill: Fill<'_>) -> Result<(), Full> {
        if self.entries.is_full() {
            return Err(Full);
        }
        let lent = body.each_ref().map(Lent::of);
        let copied = [0, 1].map(|part| if lent[part].is_none() { body[part].octets } else { &[] });
        let length = head + copied[0].len() + copied[1].len();
        let taken = Entry::<M>::taken(length);
        let mut octets = self.octets.grant_exact(taken).map_err(|_| Full)?;
        let (place, rest) = octets[..length].split_at_mut(head);
        fill(place);
        let (first, second) = rest.split_at_mut(copied[0].len());
        first.copy_from_slice(copied[0]);
        second.copy_from_slice(copied[1]);
        octets.commit(taken);
        let head = match &lent {
            [None, None] => length,
            _ => head + copied[0].len(),
        };
        // There is a place for it still: nobody else puts any in.
        let _ = self.entries.push(Entry { length, head, lent, meta });
        self.counts.sent += 1;
        self.unannounced = true;
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
    /// [`drain_parts`](Self::drain_parts) of a ring into which whole frames are put.
    pub fn drain(&mut self, budget: usize, each: Take<'_, M>) -> usize {
        self.drain_parts(budget, &mut |frame, _, meta| each(frame, meta))
    }

    /// Calls `each` for at most `budget` frames, in order, until it says [`Full`]; the frame that it said so for stays for the next time.
    /// Returns the number of frames that were taken.
    pub fn drain_parts(&mut self, budget: usize, each: TakeParts<'_, M>) -> usize {
        let mut taken = 0;
        while taken < budget && self.has_next() {
            let Ok(Entry { length, head, lent, meta }) = self.entries.peek() else { break };
            // They are there, in one piece: see `Entry` and `Sender::put`.
            let Ok(mut octets) = self.octets.read() else { break };
            let Some((head, rest)) = octets.get_mut(..*length).and_then(|octets| octets.split_at_mut_checked(*head))
            else {
                break;
            };
            let mut parts = lent.iter().flatten().map(Lent::part);
            let body = [parts.next().unwrap_or_default(), parts.next().unwrap_or(Part::from(&*rest))];
            if each(head, body, *meta).is_err() {
                break;
            }
            octets.release(Entry::<M>::taken(*length));
            let _ = self.entries.pop();
            taken += 1;
        }
        if taken > 0 {
            fence(Ordering::SeqCst);
            if self.flags.starved.load(Ordering::Relaxed) && self.flags.starved.swap(false, Ordering::Relaxed) {
                self.wake.wake(self.sender);
            }
        }
        taken
    }

    /// Whether no frames are waiting.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether there is a frame; if not, the sender wakes this end for the next.
    fn has_next(&self) -> bool {
        if self.entries.peek().is_ok() {
            return true;
        }
        self.flags.idle.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if self.entries.peek().is_err() {
            return false;
        }
        // Awake anyway. A sender that saw the flag meanwhile wakes for nothing, which does no harm.
        self.flags.idle.store(false, Ordering::Relaxed);
        true
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

    fn transmit(&mut self, len: usize, meta: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        self.transmit_parts(len, Payload::default(), meta, fill)
    }

    fn least_lent(&self) -> usize {
        lent::LEAST
    }

    fn transmit_parts(&mut self, head: usize, body: Payload<'_>, meta: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        let len = head + octets_of(&body);
        let lane = meta.lane.filter(|_| len <= self.longest);
        // Before the other end can see it.
        if let (Some(lanes), Some(lane)) = (&self.lanes, lane) {
            lanes.add(lane.class, len);
        }
        let put = self.insist(head, &body, meta, fill);
        if let (Some(lanes), Some(lane), Err(Full)) = (&self.lanes, lane, put) {
            lanes.subtract(lane.class, len);
        }
        put
    }

    fn lanes(&self) -> Option<&Lanes> {
        self.lanes.as_deref().filter(|lanes| lanes.is_on())
    }

    fn flush(&mut self) {
        Sender::flush(self);
    }
}
