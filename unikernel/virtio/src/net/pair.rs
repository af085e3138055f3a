//! A receive and a transmit queue, for one processor.

use super::counters::Counters;
use super::rx::RxQueue;
use super::tx::TxQueue;
use crate::transport::Notify;

/// What a processor needs to use the device: nothing in it is shared with another processor.
///
/// The order of an event loop that polls while there is work and sleeps otherwise:
/// ```text
///  disarm ─▶ receive*, transmit* ─▶ kick ─▶ nothing left? ─▶ interrupts of the processor off ─▶ arm ─▶ true: wait for an interrupt
///     ▲                                        no ──┐                                            └─▶ false: frames came meanwhile
///     └─────────────────────────────────────────────┴────────────────────────────────────────────────┘
/// ```
#[derive(Debug)]
pub struct QueuePair<N> {
    rx: RxQueue<N>,
    tx: TxQueue<N>,
}

impl<N: Notify> QueuePair<N> {
    pub(super) fn new(rx: RxQueue<N>, tx: TxQueue<N>) -> Self {
        Self { rx, tx }
    }

    /// Both queues, to answer a frame while it is being received.
    pub fn split(&mut self) -> (&mut RxQueue<N>, &mut TxQueue<N>) {
        (&mut self.rx, &mut self.tx)
    }

    /// The receive queue.
    pub fn rx(&mut self) -> &mut RxQueue<N> {
        &mut self.rx
    }

    /// The transmit queue.
    pub fn tx(&mut self) -> &mut TxQueue<N> {
        &mut self.tx
    }

    /// Tells the device of frames and of buffers it got back, if it wants to know: at most two register writes. Once for a burst.
    pub fn kick(&mut self) {
        self.tx.kick();
        self.rx.kick();
    }

    /// Asks for an interrupt when a frame arrives. True: the processor may sleep. False: frames are there already and may bring no
    /// interrupt.
    #[must_use = "false means that frames are waiting and no interrupt may come for them"]
    pub fn arm(&mut self) -> bool {
        self.rx.ring().arm()
    }

    /// Asks for an interrupt when three quarters of the frames in the device's hands are sent (without `RING_EVENT_IDX`: when one is). False: that many
    /// are sent already. Not every device interrupts for sent frames (uhyve does not), so set a timer as well.
    #[must_use = "false means that buffers are free already and no interrupt may come for them"]
    pub fn arm_transmit(&mut self) -> bool {
        let ring = self.tx.ring();
        let count = ring.in_flight() - ring.in_flight() / 4;
        ring.arm_after(count)
    }

    /// Asks for no interrupts. A late one may still come.
    pub fn disarm(&mut self) {
        self.rx.ring().disarm();
        self.tx.ring().disarm();
    }

    /// Whether the device broke the protocol of a queue, which is then out of use until the device is reset.
    pub fn is_broken(&mut self) -> bool {
        self.rx.ring().is_broken() || self.tx.ring().is_broken()
    }

    /// Counts since the pair was opened.
    pub fn counters(&self) -> Counters {
        self.rx.counters().merged(self.tx.counters())
    }
}
