//! The links between processor 0, which owns the network card, and each of the others.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Counts, Receiver, Sender, Sizes, Wake, link};
use crate::stack::{Full, Offloads, RxMeta, Transmit, TxMeta};

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
    /// Frames to be sent, from that processor.
    pub from: Receiver<TxMeta>,
}

/// The ends of a processor other than 0: its network card, as far as its stack can tell.
pub struct Spoke {
    /// The processor's number.
    pub processor: usize,
    /// Frames that processor 0 received for this one.
    pub rx: Receiver<RxMeta>,
    /// Frames that processor 0 is to send.
    pub tx: Sender<TxMeta>,
}

/// Links between processor 0 and the processors from 1 to below `processors`, in that order. `offloads` are those of the card.
pub fn star(processors: usize, sizes: Sizes, offloads: Offloads, wake: &Arc<dyn Wake>) -> (Hub, Vec<Spoke>) {
    let (mut peers, mut spokes) = (Vec::new(), Vec::new());
    for processor in 1..processors {
        let (to, rx) = link(sizes, Offloads::default(), 0, processor, wake);
        let (tx, from) = link(sizes, offloads, processor, 0, wake);
        peers.push(Peer { to, from });
        spokes.push(Spoke { processor, rx, tx });
    }
    (Hub { peers, next: 0, forwarded: 0 }, spokes)
}

impl Hub {
    /// Copies a received frame to the processor that it belongs to. Returns whether there was room; if not, it is counted there.
    pub fn hand_over(&mut self, processor: usize, frame: &[u8], meta: RxMeta) -> bool {
        let Some(peer) = processor.checked_sub(1).and_then(|index| self.peers.get_mut(index)) else { return false };
        peer.to.offer(frame.len(), meta, &mut |into| into.copy_from_slice(frame))
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
            let taken = self.peers[index].from.drain(budget, &mut |frame, meta| {
                let sent = tx.transmit(frame.len(), meta, &mut |into| into.copy_from_slice(frame));
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
        self.peers.iter().any(|peer| !peer.from.is_empty())
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
