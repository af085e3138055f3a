//! The links between processor 0 and each of the others.
//!
//! Processor 0 has a queue pair of the network card, as has each processor below a given number. Those send by themselves, and hand received
//! frames that are not theirs to processor 0, which hands them on: a card that steers well delivers few of those, and so `n`
//! processors need `2n` rings rather than `n²`. A processor without a queue pair gets its frames from processor 0, and sends by it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Counts, Lanes, Receiver, Sender, Sizes, Wake, link};
use crate::stack::{Full, Offloads, Receive, RxMeta, Transmit, TxMeta};

/// Processor 0's ends.
#[derive(Default)]
pub struct Hub {
    peers: Vec<Peer>,
    /// Where the next [`Hub::forward_all`] begins, so that nobody is served last for ever.
    next: usize,
    forwarded: u64,
}

/// Processor 0's two ends of the links with one other processor.
pub struct Peer {
    /// Received frames, to that processor.
    pub to: Sender<RxMeta>,
    /// Frames to be sent, from that processor, if it has no queue pair of its own.
    pub from: Option<Receiver<TxMeta>>,
    /// What of these is under way.
    pub lanes: Option<Arc<Lanes>>,
}

/// The ends of a processor other than 0.
pub struct Spoke {
    /// The processor's number.
    pub processor: usize,
    /// Frames that processor 0 received for this one, or was handed.
    pub rx: Receiver<RxMeta>,
    /// How frames go to processor 0.
    pub up: Up,
}

/// What goes from another processor to processor 0.
pub enum Up {
    /// Frames to be sent: the processor has no queue pair, and this is its network card as far as its stack can tell.
    Send(Sender<TxMeta>),
    /// Received frames that are not for the processor, which has a queue pair of its own.
    Stray(Sender<RxMeta>),
}

/// Received frames that other processors handed to processor 0.
#[derive(Default)]
pub struct Strays {
    from: Vec<Receiver<RxMeta>>,
}

/// Links between processor 0 and the processors from 1 to below `processors`, in that order, of which those below `pairs` have a queue pair of the card.
/// `offloads` are those of the card.
pub fn star(
    processors: usize,
    pairs: usize,
    sizes: Sizes,
    offloads: Offloads,
    wake: &Arc<dyn Wake>,
) -> (Hub, Strays, Vec<Spoke>) {
    let (mut hub, mut strays, mut spokes) = (Hub::default(), Strays::default(), Vec::new());
    for processor in 1..processors {
        let (to, rx) = link(sizes, Offloads::default(), 0, processor, wake);
        let (from, up);
        let mut lanes = None;
        if processor < pairs {
            let (stray, handed) = link(sizes, Offloads::default(), processor, 0, wake);
            strays.from.push(handed);
            (from, up) = (None, Up::Stray(stray));
        } else {
            let (mut send, sent) = link(sizes, offloads, processor, 0, wake);
            lanes = Some(Arc::new(Lanes::new(processor, wake)));
            send.lanes.clone_from(&lanes);
            (from, up) = (Some(sent), Up::Send(send));
        }
        hub.peers.push(Peer { to, from, lanes });
        spokes.push(Spoke { processor, rx, up });
    }
    (hub, strays, spokes)
}

impl Strays {
    /// Whether no processor can hand any over.
    pub fn are_impossible(&self) -> bool {
        self.from.is_empty()
    }
}

impl Receive for Strays {
    fn receive(&mut self, budget: usize, each: &mut dyn FnMut(&mut [u8], RxMeta)) -> usize {
        // By turns, so that none is taken last for ever.
        if self.from.len() > 1 {
            self.from.rotate_left(1);
        }
        self.from.iter_mut().fold(0, |taken, from| taken + from.receive(budget - taken, each))
    }
}

impl Hub {
    /// Copies a received frame to the processor that it belongs to. Returns whether there was room; if not, it is counted there.
    pub fn hand_over(&mut self, processor: usize, frame: &[u8], meta: RxMeta) -> bool {
        let Some(peer) = processor.checked_sub(1).and_then(|index| self.peers.get_mut(index)) else { return false };
        peer.to.offer(frame.len(), meta, &mut |into| into.copy_from_slice(frame))
    }

    /// Whether the processor, another than 0, has a queue pair of its own.
    pub fn has_pair(&self, processor: usize) -> bool {
        processor.checked_sub(1).and_then(|index| self.peers.get(index)).is_some_and(|peer| peer.from.is_none())
    }

    /// For each processor from 1 on without a queue pair, what it has under way.
    pub fn lanes(&self) -> impl Iterator<Item = Option<&Arc<Lanes>>> {
        self.peers.iter().map(|peer| peer.lanes.as_ref())
    }

    /// Says whether classes share the way out.
    pub fn share(&self, shared: bool) {
        self.lanes().flatten().for_each(|lanes| lanes.set(shared));
    }

    /// Sends what the other processors want to have sent, at most `budget` frames from each, until the link is full.
    ///
    /// # Errors
    /// [`Full`] if frames had to stay in their rings.
    pub fn forward_all(&mut self, budget: usize, tx: &mut dyn Transmit) -> Result<(), Full> {
        let count = self.peers.len();
        for turn in 0..count {
            let index = (self.next + turn) % count;
            let mut full = false;
            let Some(from) = &mut self.peers[index].from else { continue };
            let taken = from.drain_parts(budget, &mut |head, body, meta| {
                let sent = tx.transmit_parts(head.len(), body, meta, &mut |into| into.copy_from_slice(head));
                full = sent.is_err();
                sent
            });
            self.forwarded += taken as u64;
            if full {
                self.next = index;
                return Err(Full);
            }
        }
        self.next = if count == 0 { 0 } else { (self.next + 1) % count };
        Ok(())
    }

    /// Wakes the processors that were handed frames since the last time and sleep.
    pub fn flush(&mut self) {
        self.peers.iter_mut().for_each(|peer| peer.to.flush());
    }

    /// Whether frames of other processors are waiting to be sent.
    pub fn is_waiting(&self) -> bool {
        self.peers.iter().any(|peer| peer.from.as_ref().is_some_and(|from| !from.is_empty()))
    }

    /// Frames of other processors that the link took.
    pub fn forwarded(&self) -> u64 {
        self.forwarded
    }

    /// What became of the frames handed over, all processors together.
    pub fn counts(&self) -> Counts {
        self.peers.iter().map(|peer| peer.to.counts()).fold(Counts::default(), |sum, counts| Counts {
            sent: sum.sent + counts.sent,
            full: sum.full + counts.full,
            too_long: sum.too_long + counts.too_long,
            wakes: sum.wakes + counts.wakes,
        })
    }
}
